// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/http1/upgrade.h"

#include "base/ascii.h"
#include "sensor/app/http1/text.h"

enum { LEFT_MAX = 256 << 10 /* bytes; a larger request is not worth it */ };

struct left {
	uint8_t *data; /* null: only counting */
	size_t size;
};

static void put_text(struct left *left, struct bytes text)
{
	uint32_t size = (uint32_t)text.size;

	if (left->data) {
		memcpy(left->data + left->size, &size, sizeof(size));
		if (text.size != 0)
			memcpy(left->data + left->size + sizeof(size), text.ptr, text.size);
	}
	left->size += sizeof(size) + text.size;
}

static void put_field(struct left *left, struct bytes name, struct bytes value)
{
	put_text(left, name);
	put_text(left, value);
}

static void put_request(struct left *left, const struct http_tx *tx)
{
	const struct http_headers *headers = &tx->headers[TO_SERVER];

	put_field(left, bytes_from_str(":method"), tx->method);
	put_field(left, bytes_from_str(":path"), tx->uri_raw);
	if (tx->has_host_raw)
		put_field(left, bytes_from_str(":authority"), tx->host_raw);
	for (uint32_t i = 0; i < headers->count; i++)
		if (!ascii_equal_nocase_str(headers->list[i].name, "host"))
			put_field(left, headers->list[i].name, headers->list[i].value);
}

void http_upgrade_leave(struct app_conn *conn, const struct http_tx *tx)
{
	struct left left = { 0 };

	http_upgrade_drop(conn);
	put_request(&left, tx);
	if (left.size > LEFT_MAX)
		return;
	conn->handover = app_alloc(conn, left.size);
	if (!conn->handover)
		return;
	conn->handover_size = left.size;
	left = (struct left){ .data = conn->handover };
	put_request(&left, tx);
}

static bool take_text(struct bytes *in, struct bytes *ret)
{
	uint32_t size;

	if (in->size < sizeof(size))
		return false;
	memcpy(&size, in->ptr, sizeof(size));
	if (size > in->size - sizeof(size))
		return false;
	*ret = bytes_of(in->ptr + sizeof(size), size);
	*in = bytes_skip(*in, sizeof(size) + size);
	return true;
}

bool http_upgrade_next(const struct app_conn *conn, size_t *position, struct bytes *ret_name, struct bytes *ret_value)
{
	struct bytes in = bytes_skip(bytes_of(conn->handover, conn->handover_size), *position);

	if (!take_text(&in, ret_name) || !take_text(&in, ret_value))
		return false;
	*position = conn->handover_size - in.size;
	return true;
}

void http_upgrade_drop(struct app_conn *conn)
{
	app_free(conn, conn->handover, conn->handover_size);
	conn->handover = NULL;
	conn->handover_size = 0;
}
