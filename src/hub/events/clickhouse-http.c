// SPDX-License-Identifier: Apache-2.0
#include "hub/events/clickhouse-http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

#define CONNECT_MS 3000L
#define GRACE_MS   5000L /* the server ends a question itself; this is for one that does not answer */
#define VARINT_MAX 10

enum { REPLICAS_MAX = 8 };

struct clickhouse {
	CURL *curl;
	char *urls, *database; /* owned; urls: cut at its commas */
	const char *replicas[REPLICAS_MAX];
	size_t replica_count, at; /* at: the one that is asked */
	unsigned int quorum;
	struct builder answer;
	char why[CLICKHOUSE_WHY_SIZE];
};

void builder_done(struct builder *builder)
{
	free(builder->text);
	*builder = (struct builder){ 0 };
}

static bool builder_reserve(struct builder *builder, size_t size)
{
	size_t room = builder->room == 0 ? 1024 : builder->room;
	uint8_t *text;

	if (builder->failed)
		return false;
	while (room - builder->size <= size)
		room *= 2;
	if (room == builder->room)
		return true;
	text = realloc(builder->text, room);
	if (!text) {
		builder->failed = true;
		return false;
	}
	builder->text = text;
	builder->room = room;
	return true;
}

void builder_add(struct builder *builder, const void *bytes, size_t size)
{
	if (!builder_reserve(builder, size))
		return;
	if (size > 0)
		memcpy(builder->text + builder->size, bytes, size);
	builder->size += size;
	builder->text[builder->size] = '\0';
}

void builder_print(struct builder *builder, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (size < 0 || (size_t)size >= sizeof(text))
		builder->failed = true;
	else
		builder_add(builder, text, (size_t)size);
}

void builder_number(struct builder *builder, uint64_t value, unsigned int size)
{
	uint8_t bytes[8];

	for (unsigned int i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	builder_add(builder, bytes, size);
}

void builder_string(struct builder *builder, struct bytes text)
{
	uint64_t size = text.size;

	for (; size >= 0x80; size >>= 7)
		builder_number(builder, (size & 0x7f) | 0x80, 1);
	builder_number(builder, size, 1);
	builder_add(builder, text.ptr, text.size);
}

void builder_quote(struct builder *builder, struct bytes text)
{
	static const char digits[] = "0123456789abcdef";

	builder_print(builder, "unhex('");
	for (size_t i = 0; i < text.size; i++) {
		const char pair[2] = { digits[text.ptr[i] >> 4], digits[text.ptr[i] & 15] };

		builder_add(builder, pair, sizeof(pair));
	}
	builder_print(builder, "')");
}

bool rowbinary_number(struct cursor *cursor, unsigned int size, uint64_t *ret)
{
	struct bytes in;
	uint64_t value = 0;

	if (!cursor_take(cursor, size, &in))
		return false;
	for (unsigned int i = size; i-- > 0;)
		value = value << 8 | in.ptr[i];
	*ret = value;
	return true;
}

bool rowbinary_string(struct cursor *cursor, struct bytes *ret)
{
	uint64_t size = 0;
	uint8_t byte = 0x80;

	for (unsigned int i = 0; i < VARINT_MAX && (byte & 0x80); i++) {
		if (!cursor_u8(cursor, &byte))
			return false;
		size |= (uint64_t)(byte & 0x7f) << (7 * i);
	}
	return size <= cursor_left(cursor) && cursor_take(cursor, (size_t)size, ret);
}

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct clickhouse *clickhouse_new(struct bytes url, const char *database)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct clickhouse *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	pthread_once(&once, init_curl);
	server->curl = curl_easy_init();
	server->urls = strndup((const char *)url.ptr, url.size);
	server->database = database ? strdup(database) : NULL;
	if (!server->curl || !server->urls || (database && !server->database)) {
		clickhouse_free(server);
		return NULL;
	}
	for (char *rest = server->urls, *one; server->replica_count < REPLICAS_MAX && (one = strsep(&rest, ","));)
		server->replicas[server->replica_count++] = one;
	return server;
}

void clickhouse_set_quorum(struct clickhouse *server, unsigned int quorum)
{
	server->quorum = quorum;
}

void clickhouse_free(struct clickhouse *server)
{
	if (!server)
		return;
	curl_easy_cleanup(server->curl);
	builder_done(&server->answer);
	free(server->urls);
	free(server->database);
	free(server);
}

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
	struct builder *answer = context;

	if (answer->size + size * count > CLICKHOUSE_ANSWER_MAX)
		return 0;
	builder_add(answer, data, size * count);
	return answer->failed ? 0 : size * count;
}

/* "Code: 159, e.displayText() = DB::Exception: ..." in old versions, "Code: 159. DB::Exception: ..." in new ones. */
static int server_error(struct clickhouse *server)
{
	static const struct {
		int code, error;
	} codes[] = {
		{ 159, LUYTRE_E_TIMEOUT }, /* TIMEOUT_EXCEEDED */
		{ 160, LUYTRE_E_TIMEOUT }, /* TOO_SLOW */
		{ 62, LUYTRE_E_INVALID }, /* SYNTAX_ERROR */
		{ 46, LUYTRE_E_INVALID }, /* UNKNOWN_FUNCTION */
		{ 47, LUYTRE_E_INVALID }, /* UNKNOWN_IDENTIFIER */
		{ 241, LUYTRE_E_NOMEM }, /* MEMORY_LIMIT_EXCEEDED */
		{ 243, LUYTRE_E_FULL }, /* NOT_ENOUGH_SPACE */
		{ 252, LUYTRE_E_BUSY }, /* TOO_MANY_PARTS */
		{ 242, LUYTRE_E_BUSY }, /* TABLE_IS_READ_ONLY */
		{ 516, LUYTRE_E_PERMISSION }, /* AUTHENTICATION_FAILED */
	};
	const char *text = server->answer.text ? (const char *)server->answer.text : "";
	int code = 0;

	snprintf(server->why, sizeof(server->why), "%.*s", (int)sizeof(server->why) - 1, text);
	if (sscanf(text, "Code: %d", &code) == 1) {
		for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
			if (codes[i].code == code)
				return codes[i].error;
		}
	}
	return LUYTRE_E_IO;
}

static int build_url(struct clickhouse *server, const char *sql, bool insert, uint64_t time_ms, struct builder *ret)
{
	builder_print(ret, "%s/?wait_end_of_query=1&max_query_size=16777216&max_execution_time=%llu",
		server->replicas[server->at], (unsigned long long)(time_ms + 999) / 1000);
	if (server->database)
		builder_print(ret, "&database=%s", server->database);
	if (insert && server->quorum > 1)
		builder_print(ret, "&insert_quorum=%u&insert_quorum_timeout=%llu", server->quorum,
			(unsigned long long)time_ms);
	if (insert) {
		char *escaped = curl_easy_escape(server->curl, sql, 0);

		builder_print(ret, "&query=%s", escaped ? escaped : "");
		curl_free(escaped);
	}
	return ret->failed ? LUYTRE_E_NOMEM : 0;
}

static void next_replica(struct clickhouse *server)
{
	server->at = (server->at + 1) % server->replica_count;
}

/* '*ret_reached': the server may have done what it was asked. */
static int perform(struct clickhouse *server, const char *url, struct bytes body, uint64_t time_ms, bool *ret_reached)
{
	curl_off_t sent_us = 0;
	long status = 0;
	CURLcode code;

	curl_easy_reset(server->curl);
	curl_easy_setopt(server->curl, CURLOPT_URL, url);
	curl_easy_setopt(server->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(server->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(server->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(server->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(server->curl, CURLOPT_TIMEOUT_MS, (long)time_ms + GRACE_MS);
	curl_easy_setopt(server->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(server->curl, CURLOPT_POSTFIELDS, body.size > 0 ? (const void *)body.ptr : "");
	curl_easy_setopt(server->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
	curl_easy_setopt(server->curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(server->curl, CURLOPT_WRITEDATA, &server->answer);
	code = curl_easy_perform(server->curl);
	*ret_reached = code != CURLE_COULDNT_CONNECT && code != CURLE_COULDNT_RESOLVE_HOST;
	if (code != CURLE_OK) {
		snprintf(server->why, sizeof(server->why), "%s", curl_easy_strerror(code));
		curl_easy_getinfo(server->curl, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
		if (code == CURLE_OPERATION_TIMEDOUT && sent_us > 0) {
			next_replica(server);
			return LUYTRE_E_TIMEOUT;
		}
		if (code == CURLE_OPERATION_TIMEDOUT)
			*ret_reached = false; /* there was no connection yet */
		return code == CURLE_WRITE_ERROR ? LUYTRE_E_FULL : LUYTRE_E_CLOSED;
	}
	curl_easy_getinfo(server->curl, CURLINFO_RESPONSE_CODE, &status);
	return status == 200 ? 0 : server_error(server);
}

static int ask(struct clickhouse *server, const char *sql, struct bytes rows, uint64_t time_ms, bool *ret_reached)
{
	struct builder url = { 0 };
	bool insert = rows.size > 0;
	int error = build_url(server, sql, insert, time_ms, &url);

	*ret_reached = true;
	server->answer.size = 0;
	server->answer.failed = false;
	builder_add(&server->answer, "", 0);
	if (error == 0)
		error = perform(
			server, (const char *)url.text, insert ? rows : bytes_from_str(sql), time_ms, ret_reached);
	builder_done(&url);
	return error;
}

int clickhouse_run(struct clickhouse *server, const char *sql, struct bytes rows, uint64_t time_ms, struct bytes *ret)
{
	bool insert = rows.size > 0, reached = false;
	int error = LUYTRE_E_CLOSED;

	/* An insert that broke off may have been done: the caller says it again, to the next. */
	for (size_t tries = 0; tries < server->replica_count && error == LUYTRE_E_CLOSED && !(insert && reached);
		tries++) {
		error = ask(server, sql, rows, time_ms, &reached);
		if (error == LUYTRE_E_CLOSED || error == LUYTRE_E_BUSY) /* busy: it may be the one that only reads */
			next_replica(server);
	}
	if (error == 0 && ret)
		*ret = bytes_of(server->answer.text, server->answer.size);
	return error;
}

const char *clickhouse_why(const struct clickhouse *server)
{
	return server->why;
}
