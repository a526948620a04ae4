// SPDX-License-Identifier: Apache-2.0
/* Logins and identifiers. Both are asked about after phase 2, when the rules have read the body's parameters and have let it pass.
 *
 * How a login went is seen in its answer. Without further words: 401, 403, 422 and other refusals are failures, and so is an HTML page with
 * 200, the form shown again, and a redirect to where the login was sent; any other redirect, 204 and 2xx with anything but HTML are
 * successes. 404, 405, 408, 413, 429 and errors of the server tell nothing. */
#include "gate/nginx/guard.h"

#include "base/clock.h"

enum { VALUES_MAX = 32 }; /* of one parameter in one request that are looked at */

struct values {
	struct bytes all[VALUES_MAX];
	size_t count;
};

static void take_value(void *context, struct bytes value)
{
	struct values *values = context;

	if (value.size != 0 && values->count < VALUES_MAX)
		values->all[values->count++] = value;
}

static void read_argument(struct gate_request *gate, const struct guard_argument *argument, struct values *ret)
{
	ngx_str_t text;

	ret->count = 0;
	if (!argument->value)
		gate_tx_each_argument(gate->tx, gate_bytes(argument->name), take_value, ret);
	else if (ngx_http_complex_value(gate->request, argument->value, &text) == NGX_OK)
		take_value(ret, gate_bytes(text));
}

/* ---- logins ---- */

static bool carries_login(const struct gate_request *gate, const struct guard_login *login)
{
	/* A form's address with a name in it is no login; a header or a part of the path is whatever the method. */
	return login->name.value || !(gate->request->method & (NGX_HTTP_GET | NGX_HTTP_HEAD | NGX_HTTP_OPTIONS));
}

static enum guard_answer ask_login(struct gate_request *gate, const struct guard_login *login)
{
	struct guard_request *guard = gate->guard;
	const struct guard *conf = guard->conf;
	struct abuse_verdict verdict;
	struct values names;

	if (!carries_login(gate, login))
		return GUARD_GO;
	read_argument(gate, &login->name, &names);
	if (names.count == 0)
		return GUARD_GO;
	/* Most applications take the last of several. */
	guard->login_name = names.all[names.count - 1];
	guard_lock(conf->zone);
	abuse_login_ask(conf->zone->abuse, &conf->abuse, &guard->client, guard->login_name, clock_mono_ns(), &verdict);
	guard_unlock(conf->zone);
	/* In shadow as well: what would have been refused would not have been answered. */
	guard->login_asked = verdict.action < ABUSE_CHALLENGE;
	return guard_apply(gate, login->mode, &verdict);
}

enum login_result { LOGIN_UNKNOWN, LOGIN_FAILED, LOGIN_SUCCEEDED };

static bool tells_nothing(ngx_uint_t status)
{
	return status >= 500 || status < 200 || status == NGX_HTTP_NOT_FOUND || status == NGX_HTTP_NOT_ALLOWED ||
	       status == NGX_HTTP_REQUEST_TIME_OUT || status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE ||
	       status == NGX_HTTP_TOO_MANY_REQUESTS;
}

/* Of "https://host/path?x" and "/path?x" the part from the path on. */
static struct bytes path_of(struct bytes location)
{
	size_t colon = bytes_index(location, ':');

	if (colon + 2 < location.size && location.ptr[colon + 1] == '/' && location.ptr[colon + 2] == '/' &&
		bytes_index(location, '/') > colon) {
		location = bytes_skip(location, colon + 3);
		return bytes_skip(location, bytes_index(location, '/'));
	}
	return location;
}

typedef bool (*header_fn)(struct bytes value, const ngx_str_t *wanted, struct bytes *ret);

/* The first header of the answer with this name that 'take' takes. nginx has not made its own views of all that came from elsewhere. */
static bool find_header(
	const ngx_http_request_t *r, const char *name, header_fn take, const ngx_str_t *wanted, struct bytes *ret)
{
	size_t size = strlen(name);

	for (const ngx_list_part_t *part = &r->headers_out.headers.part; part; part = part->next) {
		const ngx_table_elt_t *headers = part->elts;

		for (ngx_uint_t i = 0; i < part->nelts; i++) {
			if (headers[i].hash != 0 && headers[i].key.len == size &&
				ngx_strncasecmp(headers[i].key.data, (u_char *)(uintptr_t)name, size) == 0 &&
				take(gate_bytes(headers[i].value), wanted, ret))
				return true;
		}
	}
	return false;
}

static bool take_path(struct bytes value, const ngx_str_t *wanted, struct bytes *ret)
{
	(void)wanted;
	*ret = path_of(value);
	return true;
}

static struct bytes redirect_of(const ngx_http_request_t *r)
{
	struct bytes path = { 0 };

	find_header(r, "location", take_path, NULL, &path);
	return path;
}

/* Set-Cookie: NAME=something */
static bool take_cookie(struct bytes value, const ngx_str_t *wanted, struct bytes *ret)
{
	(void)ret;
	return value.size > wanted->len + 1 && bytes_starts_with(value, gate_bytes(*wanted)) &&
	       value.ptr[wanted->len] == '=' && value.ptr[wanted->len + 1] != ';';
}

static bool sets_cookie(const ngx_http_request_t *r, const ngx_str_t *name)
{
	return find_header(r, "set-cookie", take_cookie, name, NULL);
}

static bool has_status(const ngx_array_t *statuses, ngx_uint_t status)
{
	const ngx_uint_t *all = statuses->elts;

	for (ngx_uint_t i = 0; i < statuses->nelts; i++) {
		if (all[i] == status)
			return true;
	}
	return false;
}

static bool is_html(const ngx_http_request_t *r)
{
	ngx_str_t type = r->headers_out.content_type;

	return type.len >= 9 && ngx_strncasecmp(type.data, (u_char *)"text/html", 9) == 0;
}

/* "/login?failed" or "login?failed" as the answer of /login. */
static bool leads_back(const ngx_http_request_t *r)
{
	struct bytes target = redirect_of(r), own = gate_bytes(r->unparsed_uri);

	target = bytes_first(target, bytes_index(target, '?'));
	own = bytes_first(own, bytes_index(own, '?'));
	if (target.size != 0 && target.ptr[0] != '/') {
		while (bytes_index(own, '/') < own.size)
			own = bytes_skip(own, bytes_index(own, '/') + 1);
	}
	return bytes_equal(target, own);
}

static enum login_result usual_result(const ngx_http_request_t *r)
{
	ngx_uint_t status = r->headers_out.status;

	if (status >= 400)
		return LOGIN_FAILED;
	if (status >= 300)
		return leads_back(r) ? LOGIN_FAILED : LOGIN_SUCCEEDED;
	return is_html(r) && status != NGX_HTTP_NO_CONTENT ? LOGIN_FAILED : LOGIN_SUCCEEDED;
}

static enum login_result result_of(const ngx_http_request_t *r, const struct guard_login *login)
{
	if (tells_nothing(r->headers_out.status))
		return LOGIN_UNKNOWN;
	if (!login->success && login->location.len == 0 && login->cookie.len == 0)
		return usual_result(r);
	if (login->success && !has_status(login->success, r->headers_out.status))
		return LOGIN_FAILED;
	if (login->location.len != 0 && !bytes_starts_with(redirect_of(r), gate_bytes(login->location)))
		return LOGIN_FAILED;
	return login->cookie.len == 0 || sets_cookie(r, &login->cookie) ? LOGIN_SUCCEEDED : LOGIN_FAILED;
}

void guard_login_answered(struct gate_request *gate)
{
	static const enum guard_count counts[] = { GUARD_LOGIN_UNKNOWN, GUARD_LOGIN_BAD, GUARD_LOGIN_GOOD };
	struct guard_request *guard = gate->guard;
	const struct guard *conf = guard->conf;
	enum login_result result;

	if (!guard->login_asked)
		return;
	guard->login_asked = false;
	result = result_of(gate->request, conf->login);
	guard_count(conf->zone, counts[result], 1);
	if (result == LOGIN_UNKNOWN)
		return;
	guard_lock(conf->zone);
	abuse_login_done(conf->zone->abuse, &conf->abuse, &guard->client, guard->login_name, result == LOGIN_SUCCEEDED,
		clock_mono_ns());
	guard_unlock(conf->zone);
}

/* ---- identifiers ---- */

/* Site, place and parameter: a walk is one through the same things. */
static uint64_t endpoint_of(const struct guard *conf, const struct guard_lookup *lookup)
{
	u_char text[512];
	const u_char *end =
		ngx_snprintf(text, sizeof(text), "%V\n%V\n%V", &conf->site, &lookup->id.name, &conf->location);

	return abuse_hash(conf->zone->abuse, bytes_of(text, (size_t)(end - text)));
}

static enum guard_answer ask_lookup(struct gate_request *gate, const struct guard_lookup *lookup)
{
	struct guard_request *guard = gate->guard;
	const struct guard *conf = guard->conf;
	struct abuse_verdict verdict, worst = { 0 };
	uint64_t endpoint = endpoint_of(conf, lookup);
	struct values ids;

	read_argument(gate, &lookup->id, &ids);
	guard_count(conf->zone, GUARD_LOOKUPS, ids.count);
	for (size_t i = 0; i < ids.count; i++) {
		guard_lock(conf->zone);
		abuse_lookup(conf->zone->abuse, &conf->abuse, &guard->client, endpoint, lookup->kind, ids.all[i],
			clock_mono_ns(), &verdict);
		guard_unlock(conf->zone);
		if (verdict.action > worst.action)
			worst = verdict;
	}
	return guard_apply(gate, lookup->mode, &worst);
}

enum guard_answer guard_ask(struct gate_request *gate)
{
	const struct guard *conf = gate->guard->conf;
	const struct guard_lookup *lookups = conf->lookups ? conf->lookups->elts : NULL;
	enum guard_answer answer = conf->login ? ask_login(gate, conf->login) : GUARD_GO;

	for (ngx_uint_t i = 0; lookups && i < conf->lookups->nelts && answer == GUARD_GO; i++)
		answer = ask_lookup(gate, &lookups[i]);
	return answer;
}
