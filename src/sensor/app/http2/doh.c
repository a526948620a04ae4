// SPDX-License-Identifier: Apache-2.0
/* DNS over HTTPS (RFC 8484): the message is the "dns" parameter of a GET, the body of a POST, the body of a response. */
#include "base/ascii.h"
#include "sensor/app/dns/log.h"
#include "sensor/app/dns/rules.h"
#include "sensor/app/http1/text.h"
#include "sensor/app/http2/http2.h"
#include "sensor/app/internal.h"
#include "sensor/worker/worker.h"

/* ---- Finding messages ---- */

static bool is_dns_type(const struct http_headers *headers, const char *name)
{
	struct bytes value = http_header_value(headers, name);
	struct bytes type = http_trim(bytes_first(value, bytes_index(value, ';')));

	return ascii_equal_nocase_str(type, "application/dns-message");
}

static bool is_encoded(const struct http_headers *headers)
{
	struct bytes value = http_header_value(headers, "content-encoding");

	return value.size != 0 && !ascii_equal_nocase_str(value, "identity");
}

/* From here on the connection is of the other protocol. The parser and its state stay, so nothing is detected again, in
 * neither direction. */
static void become_doh(struct http2_call *call)
{
	struct app_conn *conn = call->conn;
	const struct app_slot *slot = app_slot_of(conn->worker->apps, &app_protocol_doh2);

	/* Without a state it is being opened, for a request that came before an upgrade: its response will say it. */
	if (conn->protocol == &app_protocol_doh2 || !conn->state)
		return;
	conn->protocol_original = conn->protocol;
	conn->protocol = &app_protocol_doh2;
	if (conn->protocol_expected == &app_protocol_http2)
		conn->protocol_expected = &app_protocol_doh2;
	conn->log_options = slot ? slot->log_options : NULL;
	for (struct app_tx *tx = conn->first; tx; tx = tx->next)
		tx->protocol = &app_protocol_doh2;
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		conn->protocol_dir[dir] = &app_protocol_doh2;
		conn->dir_done[dir] = true;
	}
}

static void too_long(struct http2_call *call, struct http2_tx *tx)
{
	app_tx_event(call->conn, &tx->http.tx,
		call->dir == TO_SERVER ? HTTP2_EVENT_DNS_REQUEST_TOO_LONG : HTTP2_EVENT_DNS_RESPONSE_TOO_LONG);
}

/* A message that cannot be read is not 'readable'; rules and records do without it. */
static void read_message(struct http2_tx *tx, struct http2_dns *dns, struct bytes in)
{
	(void)!dns_message_parse(in, &tx->http.tx.arena, &dns->message);
	app_tx_recount(&tx->http.tx);
}

/* The value of "dns" in the query. */
static struct bytes dns_parameter(struct bytes path)
{
	struct bytes rest = bytes_skip(path, bytes_index(path, '?'));

	while (rest.size != 0) {
		struct bytes field;

		rest = bytes_skip(rest, 1);
		field = bytes_first(rest, bytes_index(rest, '&'));
		if (field.size > 4 && memcmp(field.ptr, "dns=", 4) == 0)
			return bytes_skip(field, 4);
		rest = bytes_skip(rest, field.size);
	}
	return rest;
}

static void read_parameter(struct http2_call *call, struct http2_tx *tx, struct http2_dns *dns)
{
	struct bytes value = dns_parameter(tx->http.uri_raw);
	size_t room = value.size / 4 * 3 + 3, size;
	uint8_t *message;

	if (value.size == 0)
		return;
	message = app_alloc(call->conn, room);
	if (!message)
		return;
	if (http2_base64url(value, message, room, &size)) {
		if (size > HTTP2_DNS_MAX)
			too_long(call, tx);
		else
			read_message(tx, dns, bytes_of(message, size));
	}
	app_free(call->conn, message, room);
}

void http2_dns_headers(struct http2_call *call, struct http2_tx *tx)
{
	const struct http_headers *headers = &tx->http.headers[call->dir];
	bool is_get = call->dir == TO_SERVER && bytes_equal_str(tx->http.method, "GET");
	bool has_type = is_dns_type(headers, "content-type");
	struct http2_dns *dns;

	if (tx->dns[call->dir] || !call->http->config->dns)
		return;
	if (!has_type && !(is_get && is_dns_type(headers, "accept")))
		return;
	dns = app_tx_alloc(&tx->http.tx, sizeof(*dns));
	if (!dns)
		return;
	tx->dns[call->dir] = dns;
	become_doh(call);
	dns->expected = has_type && !is_encoded(headers);
	if (is_get)
		read_parameter(call, tx, dns);
}

void http2_dns_data(struct http2_call *call, struct http2_tx *tx, struct bytes data)
{
	struct http2_dns *dns = tx->dns[call->dir];
	size_t capacity;
	uint8_t *body;

	if (!dns || !dns->expected)
		return;
	if (data.size > HTTP2_DNS_MAX - dns->body_size) {
		dns->expected = false;
		too_long(call, tx);
		return;
	}
	capacity = dns->body_capacity ? dns->body_capacity : 512;
	while (capacity < dns->body_size + data.size)
		capacity *= 2;
	if (capacity != dns->body_capacity) {
		body = app_realloc(call->conn, dns->body, dns->body_capacity, capacity);
		if (!body) {
			dns->expected = false;
			return;
		}
		dns->body = body;
		dns->body_capacity = capacity;
	}
	memcpy(dns->body + dns->body_size, data.ptr, data.size);
	dns->body_size += data.size;
}

void http2_dns_end(struct app_conn *conn, struct http2_tx *tx, enum sensor_dir dir, bool complete)
{
	struct http2_dns *dns = tx->dns[dir];

	if (!dns || !dns->body)
		return;
	if (dns->expected && complete)
		read_message(tx, dns, bytes_of(dns->body, dns->body_size));
	app_free(conn, dns->body, dns->body_capacity);
	dns->body = NULL;
	dns->body_size = dns->body_capacity = 0;
	dns->expected = false;
}

bool http2_base64url(struct bytes in, uint8_t *out, size_t out_size, size_t *ret_size)
{
	uint32_t group = 0;
	unsigned int bits = 0;
	size_t size = 0;

	for (size_t i = 0; i < in.size && in.ptr[i] != '='; i++) {
		uint8_t c = in.ptr[i];
		int digit = c == '-' ? 62 : c == '_' ? 63 : ascii_base64_value(c);

		if (digit < 0)
			return false;
		group = group << 6 | (uint32_t)digit;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (size == out_size)
			return false;
		out[size++] = (uint8_t)(group >> bits);
	}
	*ret_size = size;
	return true;
}

/* ---- What rules and records see ---- */

static const struct dns_message *message_of(const struct app_tx *tx, enum sensor_dir dir)
{
	const struct http2_dns *dns = ((const struct http2_tx *)tx)->dns[dir];

	return dns ? &dns->message : NULL;
}

DNS_GETTERS(message_of)

const struct app_buffer http2_dns_buffers[] = { HTTP2_BUFFER_ROWS, DNS_BUFFER_ROWS(HTTP_COMPLETE), { 0 } };
const struct app_number http2_dns_numbers[] = { HTTP2_NUMBER_ROWS, DNS_NUMBER_ROWS(HTTP_COMPLETE), { 0 } };

/* The record is that of DNS, of the response if there is one; alerts show both protocols. */
bool http2_dns_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct conf_node *options = alert ? NULL : tx->conn->log_options;
	const struct dns_message *message = message_of(tx, TO_CLIENT);
	struct jsonw mark = *json;
	bool shown = false;

	if (!message || !message->readable)
		message = message_of(tx, TO_SERVER);
	if (alert) {
		jsonw_kv_object_begin(json, "http");
		shown = http2_log(tx, flow, true, json);
		if (shown)
			jsonw_object_end(json);
		else
			jsonw_rewind(json, &mark);
	}
	if (!message || !message->readable || !dns_log_wanted(message, options))
		return shown;
	jsonw_kv_object_begin(json, "dns");
	dns_log_message(json, message, tx->id, options, alert);
	jsonw_object_end(json);
	return true;
}
