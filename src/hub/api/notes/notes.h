// SPDX-License-Identifier: Apache-2.0
/* The handlers of notes.yaml, with everything a server needs around them: for tests and measurements only.
 *
 * Three callers are known, by `Authorization: Bearer NAME` or the cookie `caller=NAME` (whose CSRF token is "t-NAME"), or a certificate with that name: "all"
 * sees every tenant, "one" and "two" the tenants 1 and 2. All may do everything there. */
#pragma once

#include "hub/api/server.h"

enum { NOTES_TOPIC_NOTES, NOTES_TOPIC_SYSTEM, NOTES_CALLER_KIND = 1 };

struct notes;

/* 0 or an error. */
MUST_CHECK int notes_new(const struct stream_settings *settings, struct notes **ret);
/* After the server. */
void notes_free(struct notes *notes);

/* Table, handlers, rights, stream and files; the rest stays as it was. */
void notes_configure(struct notes *notes, struct api_config *config);
struct stream *notes_stream(struct notes *notes);
/* How often a handler ran that changes something. */
unsigned int notes_changes(struct notes *notes);
