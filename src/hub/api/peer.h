// SPDX-License-Identifier: Apache-2.0
/* The certificate that the other end of a TLS connection has shown: checked against the authority once for a connection,
 * not for each request. Inside the server. */
#pragma once

#include <microhttpd.h>

#include "hub/api/request.h"

struct api_server;

/* For libmicrohttpd: a connection begins or ends. */
void peer_notify(
	void *context, struct MHD_Connection *connection, void **state, enum MHD_ConnectionNotificationCode code);

/* Fills in the certificate; 'present' only when it is whole, in its time and from the authority. */
void peer_certificate(struct MHD_Connection *connection, const struct api_server *server, struct api_certificate *ret);

/* The same from what a trusted proxy found (nginx: $ssl_client_verify, $ssl_client_serial, $ssl_client_s_dn). */
void peer_from_proxy(const struct api_headers *headers, struct api_certificate *ret);

/* Writes past the library, what fits now: for the last words of a connection that it closes next. */
void peer_send(struct MHD_Connection *connection, struct bytes text);
