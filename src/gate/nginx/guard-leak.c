// SPDX-License-Identifier: Apache-2.0
/* The leak guard on answers: text that is not compressed, as it comes from the application.
 *
 * Where it may cut, an answer is held until it was read to its end, up to `hold`; of a longer one the beginning goes out and what follows
 * is read on its way. What was held is replaced by a page, what was under way ends there, with the connection.
 *
 * What people see is counted twice: for the session, if a cookie names one, and for the address, since anybody can send another cookie
 * with each request. Once one of them is over its bound its answers are withheld for a while, those alone in which something stands. */
#include "gate/nginx/guard.h"

#include "base/clock.h"

enum { KEY_SIZE = 512 };
#define HELD_MAX ((size_t)128 << 20) /* of all answers that a worker keeps for this guard's sake */
#define YEAR_S   31556952

static size_t held; /* this worker's */

/* ---- which answers ---- */

static bool ends_with(struct bytes text, const char *tail)
{
	size_t size = strlen(tail);

	return text.size >= size &&
	       ngx_strncasecmp((u_char *)(uintptr_t)text.ptr + text.size - size, (u_char *)(uintptr_t)tail, size) == 0;
}

/* Without its parameters. An answer that has none is shown as text by most that get it. */
static struct bytes type_of(const ngx_http_request_t *r)
{
	struct bytes type = gate_bytes(r->headers_out.content_type);

	type = bytes_first(type, bytes_index(type, ';'));
	while (type.size != 0 && type.ptr[type.size - 1] == ' ')
		type.size--;
	return type;
}

static bool is_text(struct bytes type)
{
	static const char *const tails[] = { "/json", "+json", "/xml", "+xml", "/csv", "javascript", "/x-ndjson",
		"/jsonl", "/sql", "/yaml" };

	if (type.size == 0 ||
		(type.size > 5 && ngx_strncasecmp((u_char *)(uintptr_t)type.ptr, (u_char *)"text/", 5) == 0))
		return true;
	for (size_t i = 0; i < ARRAY_COUNT(tails); i++) {
		if (ends_with(type, tails[i]))
			return true;
	}
	return false;
}

void guard_leak_begin(struct gate_request *gate, bool readable)
{
	struct guard_request *guard = gate->guard;
	struct guard_leak *leak = guard->conf->leak;
	struct bytes type = type_of(gate->request);

	if (!leak || !is_text(type) || gate->request->header_only)
		return;
	leak->settings.year = (uint16_t)(1970 + ngx_time() / YEAR_S);
	guard->scan = readable ? leak_scan_new(&leak->settings) : NULL;
	if (!guard->scan) {
		if (readable || gate->request->headers_out.content_encoding)
			guard_count(guard->conf->zone, GUARD_LEAK_UNREAD, 1);
		return;
	}
	guard->scanning = true;
	/* Events of a server are read one by one, at once. */
	guard->holds = guard_enforces(guard, leak->mode) && leak->hold_size != 0 && !ends_with(type, "/event-stream");
	if (guard->holds && held >= HELD_MAX) {
		guard->holds = false;
		guard_count(guard->conf->zone, GUARD_LEAK_FULL, 1);
	}
}

void guard_leak_held(struct gate_request *gate, size_t size)
{
	struct guard_request *guard = gate->guard;

	guard->held_size += size;
	held += size;
	if (!guard->holds || guard->held_size <= guard->conf->leak->hold_size)
		return;
	guard->holds = false;
	guard_count(guard->conf->zone, GUARD_LEAK_LONG, 1);
}

void guard_leak_free(struct guard_request *guard)
{
	held -= guard->held_size;
	guard->held_size = 0;
	leak_scan_free(guard->scan);
	guard->scan = NULL;
}

/* ---- sessions ---- */

struct keys {
	uint64_t session, address;
	bool has_session;
};

static uint64_t key_of(const struct guard *conf, const char *what, struct bytes id)
{
	u_char text[KEY_SIZE];
	const u_char *end = ngx_snprintf(text, sizeof(text), "%s\n%V\n", what, &conf->site);
	size_t size = (size_t)(end - text);
	struct bytes taken = bytes_first(id, sizeof(text) - size);

	ngx_memcpy(text + size, taken.ptr, taken.size);
	return leak_session_key(&conf->leak->settings, bytes_of(text, size + taken.size));
}

static struct keys keys_of(struct gate_request *gate)
{
	const struct guard *conf = gate->guard->conf;
	uint64_t address = gate->guard->client.address;
	struct keys keys = { .address = key_of(conf, "address", bytes_of(&address, sizeof(address))) };
	ngx_str_t value;

	if (!conf->leak->session || ngx_http_complex_value(gate->request, conf->leak->session, &value) != NGX_OK ||
		value.len == 0)
		return keys;
	keys.session = key_of(conf, "session", gate_bytes(value));
	keys.has_session = true;
	return keys;
}

/* Why the answer is to be cut by what was shown before; null: it is not. */
static const char *ask_sessions(struct gate_request *gate)
{
	struct leak_sessions *sessions = gate->guard->conf->zone->sessions;
	struct keys keys = keys_of(gate);
	uint64_t now_ns = clock_mono_ns();
	const char *reason = NULL;

	guard_lock(gate->guard->conf->zone);
	if (leak_sessions_is_cut(sessions, keys.address, now_ns))
		reason = "leak-address";
	if (keys.has_session && leak_sessions_is_cut(sessions, keys.session, now_ns))
		reason = "leak-session";
	guard_unlock(gate->guard->conf->zone);
	return reason;
}

/* The same with what this answer shows. */
static const char *add_to_sessions(struct gate_request *gate)
{
	const struct guard_request *guard = gate->guard;
	const struct guard *conf = guard->conf;
	struct keys keys = keys_of(gate);
	uint64_t now_ns = clock_mono_ns();
	const char *reason = NULL;

	guard_lock(conf->zone);
	if (leak_sessions_add(conf->zone->sessions, &conf->leak->address_settings, keys.address, guard->scan, now_ns,
		    NULL) == LEAK_CUT)
		reason = "leak-address";
	if (keys.has_session && leak_sessions_add(conf->zone->sessions, &conf->leak->settings, keys.session,
					guard->scan, now_ns, NULL) == LEAK_CUT)
		reason = "leak-session";
	guard_unlock(conf->zone);
	return reason;
}

/* ---- verdicts ---- */

/* Those that stand. Where they stand only because they are many (leak.h), that is why the answer was cut. */
static uint32_t counted(const struct leak_result *result, const struct leak_settings *settings, enum leak_kind kind)
{
	uint32_t found = result->found[kind];
	bool many = result->verdict == LEAK_CUT && result->kind == kind && found <= settings->response_max[kind];

	return many ? found + result->weak[kind] : found;
}

static void cut(struct gate_request *gate, const char *reason)
{
	struct guard_request *guard = gate->guard;
	const struct guard_leak *leak = guard->conf->leak;
	const struct leak_result *result = leak_scan_result(guard->scan);
	struct guard_said said = { .reason = reason,
		.action = "cut",
		.weight = ABUSE_DENY + 2,
		.done = guard_enforces(guard, leak->mode),
		.stops = true,
		.has_counts = true };

	if (result->verdict == LEAK_CUT)
		said.kind = leak_kind_name(result->kind);
	if (ngx_strcmp(reason, "leak") != 0)
		said.until_ns = clock_mono_ns() + leak->settings.cut_ms * NS_PER_MS;
	for (unsigned int kind = 0; kind < LEAK_KINDS; kind++)
		said.counts[kind] = counted(result, &leak->settings, kind);
	guard_say(gate, &said);
	guard->scanning = false;
	guard_count(guard->conf->zone, said.done ? GUARD_LEAK_CUT : GUARD_LEAK_SHADOW, 1);
	if (!said.done)
		return;
	guard->cut = true;
	guard->stopped = true;
	guard->answer = (struct gate_answer){ .page = GATE_PAGE_WITHHELD, .status = NGX_HTTP_FORBIDDEN };
	if (guard->sent)
		guard_count(guard->conf->zone, GUARD_LEAK_PARTLY, 1);
}

static void read_end(struct gate_request *gate)
{
	struct guard_request *guard = gate->guard;
	const struct leak_result *result = leak_scan_result(guard->scan);
	const char *reason;

	guard->scanning = false;
	guard_count(guard->conf->zone, GUARD_LEAK_BYTES, result->scanned_bytes);
	if (result->verdict == LEAK_NONE) {
		guard_count(guard->conf->zone, GUARD_LEAK_ANSWERS, 1);
		return;
	}
	reason = add_to_sessions(gate);
	if (result->verdict == LEAK_CUT)
		cut(gate, "leak");
	else if (reason)
		cut(gate, reason);
	else
		guard_count(guard->conf->zone, GUARD_LEAK_SEEN, 1);
}

void guard_leak_text(struct gate_request *gate, const ngx_chain_t *in)
{
	struct guard_request *guard = gate->guard;
	const struct leak_result *result = leak_scan_result(guard->scan);
	const char *reason;
	bool last = false;

	for (; in && !last && result->verdict != LEAK_CUT; in = in->next) {
		const ngx_buf_t *buf = in->buf;

		if (ngx_buf_in_memory(buf) && buf->last > buf->pos)
			leak_scan_text(guard->scan, bytes_of(buf->pos, (size_t)(buf->last - buf->pos)));
		last = buf->last_buf;
	}
	if (last)
		leak_scan_end(guard->scan);
	if (last || result->verdict == LEAK_CUT) {
		read_end(gate);
		return;
	}
	/* What is to be withheld anyway does not wait for its end. */
	if (result->verdict == LEAK_NONE || guard->session_asked)
		return;
	guard->session_asked = true;
	reason = ask_sessions(gate);
	if (reason)
		cut(gate, reason);
}
