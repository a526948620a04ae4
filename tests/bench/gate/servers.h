// SPDX-License-Identifier: Apache-2.0
/* The same nginx three times: plain, with Debian's ModSecurity module, with the gate's module. One worker each, all before one backend,
 * rules in http {}, every site with one rule taken away.
 *
 * A variant whose module is not there is left out, and the report says so. Everything listens on loopback; servers end with the
 * measurement. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "tests/bench/gate/requests.h"
#include "tests/bench/gate/rulefiles.h"
#include "tests/bench/report.h"

enum server_kind { SERVER_PLAIN, SERVER_MODSECURITY, SERVER_OURS, SERVER_KIND_COUNT };

struct servers {
	const char *module; /* of the gate, a path */
	bool present[SERVER_KIND_COUNT];
	struct report_row *added_p99[SERVER_KIND_COUNT]; /* us, of small requests */
	struct report_row *memory_1, *memory_1000; /* of ours */
};

/* Measures and adds rows to the report. LUYTRE_E_SYSTEM when a server does not do what it should (logged). */
MUST_CHECK int servers_run(struct servers *servers, const struct rulefiles *files, const char *dir, unsigned int runs,
	struct report *report);

void servers_add_bars(const struct servers *servers, struct report *report);
void servers_print_versions(const struct servers *servers, FILE *out);
