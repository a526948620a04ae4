// SPDX-License-Identifier: Apache-2.0
/* The door for people and programs: the API of api/openapi.yaml, its live stream, and the pages of the console.
 *
 *	core_open(...)
 *	console_open(core, &options, &console, why)	core_calls.decisions then also calls console_told
 *
 * Each worker thread has a database handle and a snapshot of the tree of tenants of its own; rights are checked once, before any
 * handler, by hub/auth. One file for each resource holds its handlers; what they share is in internal.h.
 *
 * Threads: those of api_server; console_told and console_publish may be called from any. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "hub/api/files.h"
#include "hub/auth/auth.h"
#include "hub/api/limit.h"
#include "hub/auth/password.h"
#include "hub/core/core.h"

enum { CONSOLE_WHY_SIZE = 512, CONSOLE_PORT = 8443 };

struct console;
struct metrics_text;

struct console_options {
	const char *address; /* numeric; null: 127.0.0.1 */
	uint16_t port; /* 0: any, see console_port */
	const char *unix_path; /* behind nginx: a Unix socket in place of address and port; null: none */
	const char *certificate, *key; /* PEM; null: made from the hub's own authority for 'names' */
	const char *names; /* host names and addresses, separated by commas */
	const char *state_dir; /* auth.key, cursor.key */
	const char *control; /* db_open's place, the same as the core's */
	const char *first_password; /* of the first account; null: a random one, see console_first_password */
	const char *sign_on; /* the file of auth/oidc.h; null: by password alone */
	const char *drop_dir; /* drop.h; null: "drop" in the state folder */
	const struct api_files *files; /* the pages; borrowed; null: none */
	const struct limit_settings *limits; /* of requests; null: the defaults of api/limit.h */
	struct password_config passwords; /* zeros: the defaults of auth/password.h */
	uint16_t metrics_port; /* on 127.0.0.1, for Prometheus (api/metrics.h); 0: none */
	void (*collect)(void *collect_context, struct metrics_text *out); /* adds to it; may be null */
	void *collect_context;
	/* Bytes of one account: of files on their way to the hub (api/server.h), and of reports that wait (posture.h). 0: the defaults. */
	uint64_t spool_share, waiting_share;
};

/* 0 or an error with a sentence in 'why'. The core is borrowed. */
MUST_CHECK int console_open(
	struct core *core, const struct console_options *options, struct console **ret, char why[CONSOLE_WHY_SIZE]);
void console_close(struct console *console); /* accepts null */
uint16_t console_port(const struct console *console);
/* Makes an account with a role at the nation, and a random password that counts as it is: for the person at the hub's machine. An
 * administrator's must still set up a second factor. LUYTRE_E_INVALID (name, role), LUYTRE_E_EXISTS. Takes a good part of a second. */
MUST_CHECK int console_newcomer(
	struct console *console, const char *name, enum auth_role role, char ret_password[AUTH_TEXT_SIZE]);
/* The password of the account "admin" when this start made it, else null. */
const char *console_first_password(const struct console *console);

/* Where reports may be dropped (drop.h). */
const char *console_drop(const struct console *console);

/* Events were stored (core_calls.events): consoles hear of them, summed. Quick. */
void console_events(struct console *console, const struct ev_event *events, size_t count);
/* There is news of a campaign (core_calls.campaign); 0: of many. */
void console_campaign(struct console *console, uint32_t id);
/* The pages that this program was built with; null: none (README.md). */
const struct api_files *console_pages(void);

/* Decisions have changed (core_calls.decisions: 'text' is a delta): consoles are told which, or to read anew (core/news.h). */
void console_told(struct console *console, struct bytes text);
