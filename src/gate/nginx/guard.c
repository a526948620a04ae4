// SPDX-License-Identifier: Apache-2.0
/* Who asks, how much at a time, and what becomes of a verdict.
 *
 * A client is the address of nginx's connection, after `real_ip_header` of a trusted proxy: never what a header says by itself. What a
 * client says of itself makes its fingerprint, by which guards only slow down or ask for a proof, since anybody can say anything. */
#include "gate/nginx/guard.h"

#include "base/clock.h"

enum {
	WAITING_MAX = 256, /* requests that a worker keeps waiting at a time; the others are refused */
	EVENTS_PER_S = 20, /* of one kind, of each worker: a flood must not fill the disk */
	SLOTS = 1024, /* of kinds of events */
	NAMES_SIZE = 2048,
	RETRY_MAX_S = 3600,
};

static ngx_uint_t waiting; /* this worker's */

/* ---- who asks ---- */

/* Of IPv6 a /64, which is what one customer has; an IPv4 address written as IPv6 is that. */
static struct bytes address_of(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

	switch (address->sa_family) {
	case AF_INET:
		return bytes_of(&v4->sin_addr, 4);
	case AF_INET6:
		if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
			return bytes_of(v6->sin6_addr.s6_addr + 12, 4);
		return bytes_of(&v6->sin6_addr, 8);
	default:
		return bytes_from_str("local");
	}
}

struct text {
	u_char bytes[NAMES_SIZE];
	size_t size;
};

static void add(struct text *text, struct bytes piece)
{
	struct bytes taken = bytes_first(piece, sizeof(text->bytes) - text->size);

	ngx_memcpy(text->bytes + text->size, taken.ptr, taken.size);
	text->size += taken.size;
}

/* Headers that one program sends with some requests and not with others say nothing of it. */
static bool is_steady(ngx_str_t name)
{
	static const char *const others[] = { "cookie", "referer", "origin", "authorization", "content-", "if-",
		"range", "cache-control", "pragma", "x-", "via", "forwarded", "transfer-encoding", "expect", "te",
		"priority" };

	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		size_t size = strlen(others[i]);

		if (name.len >= size && ngx_strncasecmp(name.data, (u_char *)(uintptr_t)others[i], size) == 0)
			return false;
	}
	return true;
}

static void add_headers(struct text *text, const ngx_http_request_t *r)
{
	for (const ngx_list_part_t *part = &r->headers_in.headers.part; part; part = part->next) {
		const ngx_table_elt_t *headers = part->elts;

		for (ngx_uint_t i = 0; i < part->nelts; i++) {
			if (!is_steady(headers[i].key))
				continue;
			add(text, gate_bytes(headers[i].key));
			add(text, bytes_from_str("\n"));
		}
	}
	if (r->headers_in.user_agent)
		add(text, gate_bytes(r->headers_in.user_agent->value));
}

/* "ECDHE-...:0x0a0a:...": unknown numbers are left out, browsers make them up anew for each connection (RFC 8701). */
static void add_list(struct text *text, struct bytes list)
{
	while (list.size != 0) {
		struct bytes word = bytes_first(list, bytes_index(list, ':'));

		if (!bytes_starts_with(word, bytes_from_str("0x")))
			add(text, word);
		list = bytes_skip(list, word.size + 1);
	}
}

static void add_variable(struct text *text, ngx_http_request_t *r, ngx_int_t index)
{
	const ngx_http_variable_value_t *value = ngx_http_get_indexed_variable(r, (ngx_uint_t)index);

	if (value && !value->not_found)
		add_list(text, bytes_of(value->data, value->len));
}

static uint64_t fingerprint(const struct guard *guard, ngx_http_request_t *r)
{
	static struct text text;
	u_char version = (u_char)(r->http_version / 1000);

	text.size = 0;
	add(&text, bytes_of(&version, 1));
#if (NGX_HTTP_SSL)
	if (r->connection->ssl) {
		const struct gate_main *conf = ngx_http_get_module_main_conf(r, ngx_http_luytre_gate_module);

		add_variable(&text, r, conf->ssl_ciphers);
		add_variable(&text, r, conf->ssl_curves);
	}
#endif
	add_headers(&text, r);
	return abuse_hash(guard->zone->abuse, bytes_of(text.bytes, text.size));
}

void guard_attach(struct gate_request *gate, const struct guard *guard, ngx_uint_t mode)
{
	ngx_http_request_t *r = gate->request;
	struct guard_request *request = ngx_pcalloc(r->pool, sizeof(*request));

	if (!request)
		return;
	request->conf = guard;
	request->mode = mode;
	request->client.address = abuse_hash(guard->zone->abuse, address_of(r->connection->sockaddr));
	request->client.site = abuse_hash(guard->zone->abuse, gate_bytes(guard->site));
	if (guard->limit || guard->login || guard->lookups)
		request->client.cluster = fingerprint(guard, r);
	gate->guard = request;
	guard_count(guard->zone, GUARD_REQUESTS, 1);
}

/* ---- verdicts ---- */

void guard_say(struct gate_request *gate, const struct guard_said *said)
{
	struct guard_said *present = &gate->guard->said;

	if (!present->reason || said->weight >= present->weight)
		*present = *said;
}

/* Each place, reason and action has its own number: one attack must not hide another, nor a site's those of its neighbours. Reason and
 * action are words of tables, told apart by where they lie; kinds that fall on the same slot share it. */
bool guard_event_allowed(const struct guard *conf, const struct guard_said *said)
{
	static uint16_t written[SLOTS];
	static time_t second;
	const void *kind[] = { conf, said->reason, said->action };
	ngx_uint_t slot = ngx_murmur_hash2((u_char *)kind, sizeof(kind)) % SLOTS;

	if (second != ngx_time()) {
		second = ngx_time();
		ngx_memzero(written, sizeof(written));
	}
	if (written[slot] < EVENTS_PER_S) {
		written[slot]++;
		return true;
	}
	guard_count(conf->zone, GUARD_EVENTS_SPARED, 1);
	return false;
}

static ngx_uint_t retry_of(const struct abuse_verdict *verdict, uint64_t now_ns)
{
	uint64_t seconds = clock_since_ns(verdict->until_ns, now_ns) / NS_PER_S + 1;

	return seconds > RETRY_MAX_S ? RETRY_MAX_S : (ngx_uint_t)seconds;
}

static enum guard_answer stop(struct guard_request *guard, enum guard_count count, const struct gate_answer *answer)
{
	guard_count(guard->conf->zone, count, 1);
	guard->stopped = true;
	guard->answer = *answer;
	return GUARD_STOP;
}

static enum guard_answer slow_down(struct guard_request *guard)
{
	static const struct gate_answer crowded = {
		.page = GATE_PAGE_LIMITED, .status = NGX_HTTP_TOO_MANY_REQUESTS, .retry_s = 2
	};

	if (waiting >= WAITING_MAX)
		return stop(guard, GUARD_CROWDED, &crowded);
	guard_count(guard->conf->zone, GUARD_DELAYED, 1);
	return GUARD_WAIT;
}

enum guard_answer guard_apply(struct gate_request *gate, ngx_uint_t mode, const struct abuse_verdict *verdict)
{
	struct guard_request *guard = gate->guard;
	bool done = guard_enforces(guard, mode);
	struct guard_said said = { .reason = abuse_reason_name(verdict->reason),
		.action = abuse_action_name(verdict->action),
		.weight = verdict->action,
		.until_ns = verdict->until_ns,
		.done = done,
		.stops = verdict->action >= ABUSE_CHALLENGE };
	struct gate_answer answer = { .page = GATE_PAGE_CHALLENGED, .status = NGX_HTTP_FORBIDDEN };

	if (verdict->action == ABUSE_PASS)
		return GUARD_GO;
	guard_say(gate, &said);
	if (!done) {
		guard_count(guard->conf->zone, GUARD_SHADOWED, 1);
		return GUARD_GO;
	}
	if (verdict->action == ABUSE_SLOW) {
		guard->delay_ms = verdict->delay_ms;
		return slow_down(guard);
	}
	if (verdict->action == ABUSE_CHALLENGE)
		return stop(guard, GUARD_CHALLENGED, &answer);
	answer = (struct gate_answer){ .page = GATE_PAGE_LIMITED,
		.status = NGX_HTTP_TOO_MANY_REQUESTS,
		.retry_s = retry_of(verdict, clock_mono_ns()) };
	return stop(guard, GUARD_DENIED, &answer);
}

/* ---- limits ---- */

/* Also without limits: those who were struck for slowness are denied here. */
enum guard_answer guard_begin(struct gate_request *gate)
{
	struct guard_request *guard = gate->guard;
	const struct guard *conf = guard->conf;
	ngx_uint_t mode = conf->limit ? conf->limit->mode : GATE_OFF;
	struct abuse_verdict verdict;

	if (conf->slow && guard_slow_headers(gate) != GUARD_GO)
		return GUARD_STOP;
	if (!conf->limit && !conf->slow)
		return GUARD_GO;
	guard_lock(conf->zone);
	abuse_request_begin(conf->zone->abuse, &conf->abuse, &guard->client, conf->limit ? conf->limit->cost : 1,
		clock_mono_ns(), &verdict);
	guard_unlock(conf->zone);
	guard->open = verdict.action != ABUSE_DENY;
	if (conf->slow && (verdict.reason == ABUSE_SLOW_HEADERS || verdict.reason == ABUSE_SLOW_BODY ||
				  verdict.reason == ABUSE_RESETS))
		mode = conf->slow->mode;
	return guard_apply(gate, mode, &verdict);
}

static void forget_waiting(struct guard_request *guard)
{
	if (guard->delayed)
		waiting--;
	guard->delayed = false;
}

void guard_end(struct gate_request *gate)
{
	struct guard_request *guard = gate->guard;

	forget_waiting(guard);
	guard_body_end(gate);
	guard_leak_free(guard);
	if (!guard->open)
		return;
	guard->open = false;
	guard_lock(guard->conf->zone);
	abuse_request_end(guard->conf->zone->abuse, &guard->client, clock_mono_ns());
	guard_unlock(guard->conf->zone);
}

/* ---- waiting ---- */

static void wait_over(ngx_http_request_t *r)
{
	struct gate_request *gate = gate_request_find(r);
	ngx_event_t *event = r->connection->write;

	if (event->delayed) {
		if (ngx_handle_write_event(event, 0) != NGX_OK)
			ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
		return;
	}
	forget_waiting(gate->guard);
	if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
		ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
		return;
	}
	r->read_event_handler = ngx_http_block_reading;
	r->write_event_handler = ngx_http_core_run_phases;
	ngx_http_core_run_phases(r);
}

/* The timer is that of nginx's connection, as for its own limits, so that a client that goes away is noticed. */
ngx_int_t guard_wait(struct gate_request *gate)
{
	ngx_http_request_t *r = gate->request;

	if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK)
		return NGX_HTTP_INTERNAL_SERVER_ERROR;
	r->read_event_handler = ngx_http_test_reading;
	r->write_event_handler = wait_over;
	r->connection->write->delayed = 1;
	ngx_add_timer(r->connection->write, gate->guard->delay_ms);
	gate->guard->delayed = true;
	waiting++;
	return NGX_AGAIN;
}
