// SPDX-License-Identifier: Apache-2.0
/* Reports on their way to findings: from the API, as an operation; from the drop folder and the command line (drop.h). Both read a file from its
 * beginning to its end and see the same rules (hub/posture/report.h). */
#pragma once

#include "hub/console/posture.h"
#include "hub/posture/report.h"

enum { IMPORTS_BLOCK = 64 << 10 };

/* After each piece; false: stop. Null: never. */
typedef bool (*imports_step_fn)(void *context, const struct report_row *row);

/* Reads the file and writes the row's end. '*ret' is the row in any case. The file stays open. */
MUST_CHECK int imports_run(const struct finding_call *call, int64_t id, int fd, imports_step_fn step, void *context,
	struct report_row *ret);

/* The row as a JSON object. */
void imports_write(struct jsonw *json, const struct report_row *row);
/* As a member "refusals": at most 'limit', behind the number 'after'; '*ret_last' is the last one, 0 when there is no more. */
MUST_CHECK int imports_write_refusals(
	struct jsonw *json, struct db *db, int64_t id, int64_t after, uint32_t limit, int64_t *ret_last);
