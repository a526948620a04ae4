// SPDX-License-Identifier: Apache-2.0
/* From HTTP/1 to HTTP/2 (RFC 7540, section 3.2): the request that asked for it is the first stream of what follows, but its
 * transaction is gone by then. HTTP/1 leaves its fields with the connection, HTTP/2 takes them. */
#pragma once

#include "sensor/app/http1/tx.h"

/* Leaves :method, :path, :authority and the request's headers. Without memory nothing is left. */
void http_upgrade_leave(struct app_conn *conn, const struct http_tx *tx);

/* The fields that were left, one after the other; false: no further one. Begin with *position 0. */
bool http_upgrade_next(const struct app_conn *conn, size_t *position, struct bytes *ret_name, struct bytes *ret_value);
/* They are not needed any more. */
void http_upgrade_drop(struct app_conn *conn);
