// SPDX-License-Identifier: Apache-2.0
/* A request from its first line to its reply, without a connection: target, route, rights, query, body, cursor,
 * idempotency, handler. The input is a request as people write it, with one letter for each header:
 *
 *	POST /api/v1/tenants/1/notes
 *	a Bearer one
 *	i key
 *
 *	{"title":"x","kind":"plain"}
 *
 * Whatever comes, there is a reply: a status that the API knows, JSON that is whole, and a problem that says its own
 * status. Handlers that change something must have had what the description asks for. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/api/exchange.h"
#include "hub/api/notes/notes.h"

static const struct {
	char letter;
	size_t offset;
} headers[] = {
	{ 'a', offsetof(struct api_headers, authorization) },
	{ 'c', offsetof(struct api_headers, cookie) },
	{ 'x', offsetof(struct api_headers, csrf) },
	{ 'm', offsetof(struct api_headers, if_match) },
	{ 'n', offsetof(struct api_headers, if_none_match) },
	{ 'i', offsetof(struct api_headers, idempotency_key) },
	{ 'l', offsetof(struct api_headers, accept_language) },
	{ 'g', offsetof(struct api_headers, accept_encoding) },
	{ 't', offsetof(struct api_headers, content_type) },
	{ 's', offsetof(struct api_headers, content_length) },
	{ 'e', offsetof(struct api_headers, transfer_encoding) },
	{ 'p', offsetof(struct api_headers, traceparent) },
	{ 'd', offsetof(struct api_headers, last_event_id) },
};

static struct api_server *server_once(void)
{
	static const uint8_t key[API_CURSOR_KEY_SIZE] = { 1 };
	static const struct limit_settings wide = {
		.rates = { { 100000000, 1 }, { 100000000, 1 }, { 100000000, 1 }, { 100000000, 1 } },
		.address_factor = 1,
		.subjects_max = 16,
	};
	static struct api_server server;
	struct notes *notes = NULL;

	if (server.limit)
		return &server;
	if (notes_new(&stream_settings_default, &notes) < 0)
		abort();
	notes_configure(notes, &server.config);
	memcpy(server.cursor_key, key, sizeof(key));
	server.limit = limit_new(&wide);
	server.again = again_new(&again_settings_default);
	server.metrics = metrics_new(server.config.table);
	if (!server.limit || !server.again || !server.metrics)
		abort();
	return &server;
}

/* The next line as a C string in the arena, the line feed taken off. */
static char *next_line(struct arena *arena, struct bytes *in)
{
	struct bytes line = bytes_first(*in, bytes_index(*in, '\n'));

	*in = bytes_skip(*in, line.size + 1);
	return arena_dup_str(arena, bytes_first(line, bytes_index(line, 0)));
}

static void read_headers(struct exchange *exchange, struct bytes *in)
{
	while (!bytes_empty(*in)) {
		char *line = next_line(&exchange->arena, in);

		if (!line || !line[0])
			return;
		for (size_t i = 0; i < ARRAY_COUNT(headers); i++) {
			if (line[0] == headers[i].letter && line[1] == ' ')
				*(const char **)((char *)&exchange->request.headers + headers[i].offset) = line + 2;
		}
	}
}

static void check_reply(const struct exchange *exchange)
{
	const struct api_reply *reply = &exchange->reply;
	json_t *json;

	assert(reply->status >= 200 && reply->status <= 507);
	if (!reply->content_type || !strstr(reply->content_type, "json"))
		return;
	json = json_loadb((const char *)reply->body.ptr, reply->body.size, JSON_REJECT_DUPLICATES, NULL);
	assert(json);
	if (reply->status >= 400)
		assert(json_integer_value(json_object_get(json, "status")) == reply->status &&
			json_is_string(json_object_get(json, "type")));
	json_decref(json);
}

static void run(struct exchange *exchange, struct bytes in)
{
	char *line = next_line(&exchange->arena, &in);
	char *target = line ? strchr(line, ' ') : NULL;

	if (!target)
		return;
	*target = '\0';
	exchange->target = bytes_from_str(target + 1);
	exchange->request.client = (struct ip_addr){ .family = IP_V4 };
	/* What most requests have; a line takes its place. */
	exchange->request.headers.authorization = "Bearer one";
	exchange->request.headers.content_type = "application/json";
	read_headers(exchange, &in);
	if (process_begin(exchange, line)) {
		check_reply(exchange);
		return;
	}
	in = bytes_first(in, exchange->request.operation->body_max);
	exchange->body = malloc(in.size + 1);
	if (!exchange->body)
		return;
	if (in.size)
		memcpy(exchange->body, in.ptr, in.size);
	exchange->body_size = in.size;
	process_run(exchange, NULL);
	if (!exchange->client)
		check_reply(exchange);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_server *server = server_once();
	struct exchange exchange = { 0 };

	exchange_init(&exchange, server);
	run(&exchange, bytes_of(data, size));
	exchange_done(&exchange);
	return 0;
}
