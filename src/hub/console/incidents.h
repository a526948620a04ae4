// SPDX-License-Identifier: Apache-2.0
/* What the handlers of incidents, deadlines and their documents share. */
#pragma once

#include "hub/console/internal.h"
#include "hub/incident/incident.h"
#include "hub/report/report.h"

/* Lives as long as '*ret'. */
struct incidents_call {
	struct console_call who;
	struct auth_scope scope;
	struct incident_call call;
};
/* The scope is where the caller may do this, cut down to the query's "tenant" where 'narrowed'. False: the reply says why. Given back by
 * incidents_end. */
MUST_CHECK bool incidents_begin(const struct api_request *request, struct api_reply *reply,
	enum auth_permission permission, bool narrowed, struct incidents_call *ret);
void incidents_end(struct incidents_call *call);

/* Answers a document as "pdf" or "csv" and frees it; 'name' without its ending. */
void incidents_reply_report(
	const struct api_request *request, struct api_reply *reply, struct report *report, bool pdf, const char *name);

/* Of the console's thread: reminders, escalations, deadlines of the year. */
MUST_CHECK int incidents_look(struct console *console, struct db *db, int64_t now_us, bool yearly);
