// SPDX-License-Identifier: Apache-2.0
/* What the handlers of findings share: facts in memory, a finding as an answer, who is told of a change; and what is done beside requests:
 * the daily figures, acceptances that end. */
#pragma once

#include "hub/console/internal.h"
#include "hub/posture/debt.h"
#include "hub/posture/facts.h"
#include "hub/posture/finding.h"

struct posture;

/* Makes the tables too. '*ret' is the console's. 'waiting_share' 0: POSTURE_WAITING_SHARE. */
MUST_CHECK int posture_new(
	struct console *console, const char *state_dir, uint64_t waiting_share, struct posture **ret);
void posture_free(struct posture *posture); /* accepts null */
struct facts *posture_facts(struct posture *posture);
/* A file without a name in the state folder, for what is too large for memory: it is gone when it is closed, and with the process. */
MUST_CHECK int posture_spool(const struct posture *posture, int *ret_fd);
/* Bytes of reports that wait for their turn, of an account. LUYTRE_E_BUSY: he has too many, LUYTRE_E_FULL: all together have. Given back when they are done. */
#define POSTURE_WAITING_MAX   (UINT64_C(8) << 30)
#define POSTURE_WAITING_SHARE (UINT64_C(2) << 30) /* of one account; twice the largest report */
MUST_CHECK int posture_respool(struct posture *posture, uint32_t account, uint64_t size);
void posture_unspool(struct posture *posture, uint32_t account, uint64_t size);
/* The file with the keys of signed catalogues (hub/posture/catalogues.h). */
const char *posture_keys_path(const struct posture *posture);
/* This hub among others on the same database: machine and folder. */
const char *posture_place(const struct posture *posture);
/* Each second, on the console's thread with a handle of its own. */
MUST_CHECK int posture_look(struct posture *posture, struct db *db, int64_t now_us);

/* A call of hub/posture for the caller of the request; lives as long as the scope. */
struct posture_call {
	struct console_call who;
	enum finding_reason why;
	struct finding_call call;
};
void posture_call(
	const struct api_request *request, const struct scope *scope, enum finding_part part, struct posture_call *ret);
/* The problem that hub/posture had. */
void posture_refuse(
	const struct api_request *request, struct api_reply *reply, const struct posture_call *call, int error);

/* The finding of the path, within the permission; false and "not found" otherwise. '*ret_scope' is given back by auth_scope_done where this
 * says true. */
MUST_CHECK bool posture_finding(const struct api_request *request, struct api_reply *reply,
	enum auth_permission permission, struct auth_scope *ret_scope, struct finding *ret);

/* The finding with the names of what it belongs to. */
MUST_CHECK int posture_write_finding(struct jsonw *json, struct db *db, const struct finding *finding, int64_t now_us);

/* Members of an object: the sum with its held shares, held share first. */
void posture_kv_sum(struct jsonw *json, const struct debt_sum *sum);

/* Findings of this tenant have changed (0: of many): consoles hear it, and so does who holds them. 'finding' 0: several. */
void posture_told(struct console *console, uint32_t tenant, int64_t finding);
