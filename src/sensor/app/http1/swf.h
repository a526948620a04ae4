// SPDX-License-Identifier: Apache-2.0
/* Flash files: unpacks the body of a compressed one (signatures CWS and ZWS) so that rules see its plain form.
 * Off unless "swf-decompression" is enabled. */
#pragma once

struct app_conn;
struct http_tx;
struct http_body;

/* Replaces the kept bytes of a complete body when they are a compressed Flash file. 0, also for other bodies, or an
 * error: LUYTRE_E_CORRUPT, LUYTRE_E_NOMEM. */
int http_swf_unpack(struct app_conn *conn, struct http_tx *tx, struct http_body *body);
