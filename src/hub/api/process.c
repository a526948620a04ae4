// SPDX-License-Identifier: Apache-2.0
/* The steps of a request. Each either goes on or leaves a problem, and the first that does ends it. */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "hub/api/exchange.h"

enum {
	ARENA_MAX = 4 << 20,
	SPOOL_STEP = 1 << 20, /* room for a body's file is taken in such steps */
};

void exchange_init(struct exchange *exchange, struct api_server *server)
{
	exchange->server = server;
	arena_init(&exchange->arena, ARENA_MAX);
	exchange->request.arena = &exchange->arena;
	exchange->request.context = server->config.context;
	exchange->request.cursor_key = server->cursor_key;
	exchange->request.now = clock_now();
	exchange->request.body_file = -1;
	api_reply_init(&exchange->reply, &exchange->request);
	atomic_fetch_add(&server->exchanges, 1);
}

static void release_caller(struct exchange *exchange)
{
	const struct api_config *config = &exchange->server->config;

	if (exchange->caller_held && config->auth.release)
		config->auth.release(config->context, &exchange->request.caller);
	exchange->caller_held = false;
}

void exchange_done(struct exchange *exchange)
{
	release_caller(exchange);
	stream_client_close(exchange->client);
	json_decref(exchange->json);
	atomic_fetch_sub(&exchange->server->bodies, exchange->body_room);
	free(exchange->body);
	process_unspool(exchange);
	free(exchange->again_memory);
	api_reply_done(&exchange->reply);
	arena_done(&exchange->arena);
	atomic_fetch_sub(&exchange->server->exchanges, 1);
}

void process_unspool(struct exchange *exchange)
{
	if (exchange->request.body_file >= 0)
		close(exchange->request.body_file);
	exchange->request.body_file = -1;
	if (exchange->spooled)
		api_share_give(exchange->server->spools, exchange->spooler, exchange->spooled);
	exchange->spooled = 0;
}

void process_problem(struct exchange *exchange, enum api_problem problem)
{
	api_reply_problem(&exchange->reply, problem, NULL);
	api_reply_finish(&exchange->reply);
}

static bool refuse(struct exchange *exchange, enum api_problem problem)
{
	api_reply_problem(&exchange->reply, problem, NULL);
	return false;
}

/* Vietnamese, unless English comes first: only the order of the two matters, so weights are read no further. */
static enum luytre_lang language_of(const char *accepted)
{
	const char *en = accepted ? strstr(accepted, "en") : NULL;
	const char *vi = accepted ? strstr(accepted, "vi") : NULL;

	return en && (!vi || en < vi) ? LUYTRE_LANG_EN : LUYTRE_LANG_VI;
}

static bool is_hex(const char *text, size_t size)
{
	bool zero = true;

	for (size_t i = 0; i < size; i++) {
		if (!strchr("0123456789abcdef", text[i]) || text[i] == '\0')
			return false;
		zero = zero && text[i] == '0';
	}
	return !zero;
}

/* W3C Trace Context, section 3.2: the caller's trace, or a new one. */
static void begin_trace(struct api_request *request)
{
	const char *parent = request->headers.traceparent;
	uint8_t random[24];

	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(request->trace, sizeof(request->trace), random, 16);
	sodium_bin2hex(request->span, sizeof(request->span), random + 16, 8);
	if (parent && strlen(parent) >= 55 && strncmp(parent, "ff", 2) != 0 && parent[2] == '-' && parent[35] == '-' &&
		parent[52] == '-' && is_hex(parent + 3, 32) && is_hex(parent + 36, 16))
		memcpy(request->trace, parent + 3, 32);
}

static bool allow_methods(struct exchange *exchange, uint8_t methods)
{
	char allowed[64] = "";
	size_t size = 0;

	for (int i = 0; i < API_METHOD_COUNT; i++) {
		if (methods >> i & 1)
			size += (size_t)snprintf(allowed + size, sizeof(allowed) - size, "%s%s", size ? ", " : "",
				api_method_name((enum api_method)i));
	}
	refuse(exchange, API_PROBLEM_METHOD);
	api_reply_header_format(&exchange->reply, "Allow", "%s", allowed);
	return false;
}

static bool find_operation(struct exchange *exchange, int method)
{
	struct api_server *server = exchange->server;
	struct api_request *request = &exchange->request;
	struct bytes base = bytes_from_str(server->config.table->base);
	struct bytes behind = bytes_skip(exchange->uri.path, base.size);
	struct api_match match;

	request->path = exchange->uri.path;
	if (!bytes_starts_with(request->path, base) || (behind.size > 0 && behind.ptr[0] != '/')) {
		if (method != API_GET)
			return server->config.files ? allow_methods(exchange, 1 << API_GET)
						    : refuse(exchange, API_PROBLEM_NOT_FOUND);
		if (!server->config.files || !files_answer(server->config.files, request, &exchange->reply))
			refuse(exchange, API_PROBLEM_NOT_FOUND);
		return false;
	}
	if (!api_route(server->config.table, method, request->path, &match))
		return refuse(exchange, API_PROBLEM_NOT_FOUND);
	if (!match.operation)
		return allow_methods(exchange, match.methods);
	request->operation = match.operation;
	request->index = match.index;
	memcpy(request->path_values, match.path, sizeof(match.path));
	return true;
}

/* "application/json; charset=utf-8" is the type that was asked for; plain JSON is taken for a merge patch as well. */
static bool fits_media(const char *type, const char *wanted)
{
	size_t size = type ? strcspn(type, "; \t") : 0;

	return size > 0 && ((strlen(wanted) == size && strncasecmp(type, wanted, size) == 0) ||
				   (strstr(wanted, "+json") && size == strlen("application/json") &&
					   strncasecmp(type, "application/json", size) == 0));
}

static bool check_body_head(struct exchange *exchange)
{
	const struct api_headers *headers = &exchange->request.headers;
	const struct api_operation *operation = exchange->request.operation;
	unsigned long long size = headers->content_length ? strtoull(headers->content_length, NULL, 10) : 0;
	bool comes = size > 0 || headers->transfer_encoding;

	/* Two lengths are how requests are smuggled past a proxy (RFC 9112, section 6.1). */
	if (headers->content_length && headers->transfer_encoding)
		return refuse(exchange, API_PROBLEM_INVALID);
	if (!comes)
		return true;
	if (operation->body_max == 0 || size > operation->body_max)
		return refuse(exchange, API_PROBLEM_TOO_LARGE);
	return fits_media(headers->content_type, operation->body_type) || refuse(exchange, API_PROBLEM_MEDIA);
}

/* draft-ietf-httpapi-ratelimit-headers-10. */
static bool apply_limit(struct exchange *exchange, enum limit_subject subject, struct limit_answer answer)
{
	static const char *const names[API_RATE_COUNT] = { "read", "write", "heavy", "login" };
	enum api_rate class = exchange->request.operation->rate;
	struct limit_rate rate = limit_rate_of(exchange->server->limit, subject, class);

	if (!answer.allowed)
		refuse(exchange, API_PROBLEM_TOO_MANY);
	/* Of an address only when it ends there: an account's is the smaller one. */
	if (!answer.allowed || subject == LIMIT_ACCOUNT) {
		api_reply_header_format(&exchange->reply, "RateLimit-Policy", "\"%s\";q=%u;w=%u", names[class],
			rate.count, rate.window_s);
		api_reply_header_format(&exchange->reply, "RateLimit", "\"%s\";r=%u;t=%u", names[class],
			answer.remaining, answer.reset_s);
	}
	if (!answer.allowed)
		api_reply_header_format(&exchange->reply, "Retry-After", "%u", answer.retry_s);
	return answer.allowed;
}

static bool begin(struct exchange *exchange, const char *method)
{
	struct api_request *request = &exchange->request;

	request->lang = language_of(request->headers.accept_language);
	begin_trace(request);
	if (uri_parse(&exchange->arena, exchange->target, &exchange->uri) < 0)
		return refuse(exchange, API_PROBLEM_INVALID);
	if (!find_operation(exchange, api_method_parse(method)) || !check_body_head(exchange))
		return false;
	if (request->client.family == 0)
		return true;
	return apply_limit(exchange, LIMIT_ADDRESS,
		limit_ask_address(
			exchange->server->limit, request->operation->rate, &request->client, request->now.mono_ns));
}

bool process_begin(struct exchange *exchange, const char *method)
{
	if (begin(exchange, method))
		return false;
	api_reply_finish(&exchange->reply);
	return true;
}

/* The tenant of the path, which the check of rights is about; empty when the path has none. */
static struct bytes tenant_of(const struct api_request *request)
{
	for (size_t i = 0; i < request->operation->path_count; i++) {
		if (strcmp(request->operation->params[i].name, "tenant") == 0)
			return request->path_values[i];
	}
	return (struct bytes){ 0 };
}

static bool authenticate(struct exchange *exchange)
{
	const struct api_config *config = &exchange->server->config;
	struct api_request *request = &exchange->request;
	int error;

	if (!request->operation->permission)
		return true;
	error = config->auth.authenticate
			? config->auth.authenticate(config->context, request->worker, request, &request->caller)
			: LUYTRE_E_NOT_FOUND;
	if (error == LUYTRE_E_NOT_FOUND)
		return refuse(exchange, API_PROBLEM_UNAUTHENTICATED);
	if (error == LUYTRE_E_PERMISSION)
		return refuse(exchange, API_PROBLEM_CREDENTIALS);
	if (error < 0) {
		api_reply_error(&exchange->reply, error, NULL);
		return false;
	}
	exchange->caller_held = true;
	return true;
}

/* A page elsewhere can make a browser send the cookie, but neither read the token nor set the header. */
static bool check_forgery(struct exchange *exchange)
{
	const struct api_request *request = &exchange->request;
	const struct api_caller *caller = &request->caller;
	const char *shown = request->headers.csrf;
	size_t size = strnlen(caller->csrf, sizeof(caller->csrf));

	if (!caller->by_cookie || request->operation->method == API_GET)
		return true;
	if (size > 0 && shown && strlen(shown) == size && sodium_memcmp(shown, caller->csrf, size) == 0)
		return true;
	return refuse(exchange, API_PROBLEM_CSRF);
}

/* Somebody else's tenant does not exist for the caller: 404, as for one that does not. */
static bool check_rights(struct exchange *exchange)
{
	const struct api_config *config = &exchange->server->config;
	struct api_request *request = &exchange->request;
	const char *permission = request->operation->permission;
	struct bytes tenant = tenant_of(request);
	bool known;

	if (!permission || strcmp(permission, "self") == 0)
		return true;
	if (config->auth.check && config->auth.check(config->context, request->worker, request, permission, tenant))
		return true;
	/* Who may do it nowhere at all is told so, whatever tenant he named. */
	known = !bytes_empty(tenant) && config->auth.check &&
		config->auth.check(config->context, request->worker, request, permission, (struct bytes){ 0 });
	return refuse(exchange, known ? API_PROBLEM_NOT_FOUND : API_PROBLEM_FORBIDDEN);
}

static bool limit_account(struct exchange *exchange)
{
	const struct api_request *request = &exchange->request;

	if (request->caller.id == 0)
		return true;
	return apply_limit(exchange, LIMIT_ACCOUNT,
		limit_ask_account(exchange->server->limit, request->operation->rate, request->caller.kind,
			request->caller.id, request->now.mono_ns));
}

/* An id that cannot be one is the id of nothing. */
static bool check_path(struct exchange *exchange)
{
	const struct api_operation *operation = exchange->request.operation;
	struct jsonr_errors errors = { 0 };
	struct api_value value;

	for (size_t i = 0; i < operation->path_count; i++) {
		if (!validate_text(operation->params[i].schema, operation->params[i].name,
			    exchange->request.path_values[i], &errors, &value))
			return refuse(exchange, API_PROBLEM_NOT_FOUND);
	}
	return true;
}

static void read_list(struct exchange *exchange, const struct api_param *param, struct bytes text,
	struct jsonr_errors *errors, struct api_value *ret)
{
	struct bytes *items = arena_alloc(&exchange->arena, param->items_max * sizeof(*items));
	struct api_value item;
	size_t count = 0;
	bool more = true;

	for (struct bytes rest = text; items && more; count++) {
		struct bytes one = bytes_first(rest, bytes_index(rest, ','));

		more = one.size < rest.size;
		rest = bytes_skip(rest, one.size + 1);
		if (count == param->items_max) {
			validate_note(errors, param->name, JSONR_ITEMS, 1, param->items_max);
			return;
		}
		if (!validate_text(param->schema, param->name, one, errors, &item))
			return;
		items[count] = one;
	}
	ret->text = text;
	ret->items = items;
	ret->item_count = items ? count : 0;
}

static void read_param(struct exchange *exchange, const struct api_param *param, struct bytes text,
	struct jsonr_errors *errors, struct api_value *ret)
{
	if (param->list)
		read_list(exchange, param, text, errors, ret);
	else if (!validate_text(param->schema, param->name, text, errors, ret))
		ret->text = (struct bytes){ 0 };
}

static const struct api_param *find_param(const struct api_operation *operation, struct bytes name, size_t *ret_index)
{
	for (size_t i = operation->path_count; i < operation->param_count; i++) {
		if (bytes_equal_str(name, operation->params[i].name)) {
			*ret_index = i;
			return &operation->params[i];
		}
	}
	return NULL;
}

static void read_query(struct exchange *exchange, struct jsonr_errors *errors)
{
	const struct api_operation *operation = exchange->request.operation;
	struct api_value *values = exchange->request.values;
	size_t index = 0;

	for (size_t i = 0; i < exchange->uri.query_count; i++) {
		const struct uri_pair *pair = &exchange->uri.query[i];
		const struct api_param *param = find_param(operation, pair->name, &index);

		if (!param) {
			validate_note(errors, (const char *)pair->name.ptr, JSONR_UNKNOWN, 0, 0);
		} else if (values[index].given) {
			validate_note(errors, param->name, JSONR_UNIQUE, 0, 0);
		} else {
			values[index].given = true;
			read_param(exchange, param, pair->value, errors, &values[index]);
		}
	}
	for (size_t i = operation->path_count; i < operation->param_count; i++) {
		const struct api_param *param = &operation->params[i];

		if (!values[i].given && param->fallback)
			read_param(exchange, param, bytes_from_str(param->fallback), errors, &values[i]);
		else if (!values[i].given && param->required)
			validate_note(errors, param->name, JSONR_MISSING, 0, 0);
	}
}

static void read_body(struct exchange *exchange, struct jsonr_errors *errors)
{
	struct api_request *request = &exchange->request;
	const struct api_operation *operation = request->operation;
	struct jsonr_limits limits = jsonr_limits_default;
	struct jsonr root;

	request->body = bytes_of(exchange->body, exchange->body_size);
	if (exchange->body_size == 0 && request->body_size == 0 && operation->body_required) {
		jsonr_root(&root, NULL, errors);
		jsonr_fail(&root, JSONR_MISSING, 0, 0);
	}
	if (exchange->body_size == 0 || !operation->body)
		return;
	limits.size_max = operation->body_max;
	if (jsonr_parse(request->body, &limits, errors, &exchange->json) < 0)
		return;
	jsonr_root(&root, exchange->json, errors);
	validate_json(operation->body, &root);
	request->json = exchange->json;
}

static bool check_input(struct exchange *exchange)
{
	const struct api_operation *operation = exchange->request.operation;
	struct jsonr_errors errors = { 0 };

	read_query(exchange, &errors);
	read_body(exchange, &errors);
	if (errors.count > 0) {
		api_reply_invalid(&exchange->reply, &errors);
		return false;
	}
	if (operation->if_match && !exchange->request.headers.if_match)
		return refuse(exchange, API_PROBLEM_REVISION);
	return true;
}

static void again_keys(struct exchange *exchange)
{
	const struct api_request *request = &exchange->request;
	const char *key = request->headers.idempotency_key;
	uint64_t head[3] = { request->caller.kind, request->caller.id, request->index };
	crypto_generichash_state state;

	crypto_generichash_init(&state, exchange->server->cursor_key, API_CURSOR_KEY_SIZE, AGAIN_HASH_SIZE);
	crypto_generichash_update(&state, (const uint8_t *)head, sizeof(head));
	crypto_generichash_update(&state, (const uint8_t *)key, strlen(key));
	crypto_generichash_final(&state, exchange->again_key.key, AGAIN_HASH_SIZE);
	crypto_generichash_init(&state, exchange->server->cursor_key, API_CURSOR_KEY_SIZE, AGAIN_HASH_SIZE);
	crypto_generichash_update(&state, exchange->target.ptr, exchange->target.size);
	crypto_generichash_update(&state, exchange->body, exchange->body_size);
	crypto_generichash_final(&state, exchange->again_key.request, AGAIN_HASH_SIZE);
}

/* Makes a C string of an answer's part; null when it is empty. */
static const char *string_of(struct exchange *exchange, struct bytes part)
{
	return bytes_empty(part) ? NULL : arena_dup_str(&exchange->arena, part);
}

static void repeat_answer(struct exchange *exchange, const struct again_answer *answer)
{
	const char *etag = string_of(exchange, answer->etag);
	const char *location = string_of(exchange, answer->location);

	api_reply_bytes(&exchange->reply, answer->status, string_of(exchange, answer->content_type), answer->body);
	if (etag)
		api_reply_header(&exchange->reply, "ETag", etag);
	if (location)
		api_reply_header(&exchange->reply, "Location", location);
	api_reply_header(&exchange->reply, "Idempotency-Replayed", "true");
}

static bool check_again(struct exchange *exchange)
{
	const struct api_request *request = &exchange->request;
	const char *key = request->headers.idempotency_key;
	struct jsonr_errors errors = { 0 };
	struct again_answer answer;

	if (!request->operation->idempotent || !key)
		return true;
	if (strlen(key) < 1 || strlen(key) > 64) {
		validate_note(&errors, "Idempotency-Key", JSONR_LENGTH, 1, 64);
		api_reply_invalid(&exchange->reply, &errors);
		return false;
	}
	again_keys(exchange);
	switch (again_begin(exchange->server->again, &exchange->again_key, request->now.mono_ns, &answer,
		&exchange->again_memory)) {
	case AGAIN_NEW:
		exchange->again_held = true;
		return true;
	case AGAIN_KNOWN:
		repeat_answer(exchange, &answer);
		return false;
	case AGAIN_BUSY:
		return refuse(exchange, API_PROBLEM_IN_PROGRESS);
	case AGAIN_OTHER:
		return refuse(exchange, API_PROBLEM_KEY_REUSED);
	default:
		return refuse(exchange, API_PROBLEM_OVERLOADED);
	}
}

static struct bytes header_of(const struct api_reply *reply, const char *name)
{
	for (size_t i = 0; i < reply->header_count; i++) {
		if (strcmp(reply->headers[i].name, name) == 0)
			return bytes_from_str(reply->headers[i].value);
	}
	return (struct bytes){ 0 };
}

/* Only what was done is kept: after a failure the same key may try again. */
static void keep_answer(struct exchange *exchange)
{
	const struct api_reply *reply = &exchange->reply;
	struct again_answer answer = { .status = reply->status, .body = reply->body };

	exchange->again_held = false;
	if (reply->status < 200 || reply->status > 299) {
		again_forget(exchange->server->again, &exchange->again_key);
		return;
	}
	if (reply->content_type)
		answer.content_type = bytes_from_str(reply->content_type);
	answer.etag = header_of(reply, "ETag");
	answer.location = header_of(reply, "Location");
	again_keep(exchange->server->again, &exchange->again_key, &answer);
}

static void open_stream(struct exchange *exchange)
{
	struct api_request *request = &exchange->request;
	struct stream *stream = exchange->server->config.stream;
	const struct api_value *topics = api_query(request, "topics");
	const char *last = request->headers.last_event_id;
	uint64_t last_id = last ? strtoull(last, NULL, 10) : 0;
	int error;

	if (!stream) {
		api_reply_problem(&exchange->reply, API_PROBLEM_UNSUPPORTED, NULL);
		return;
	}
	error = stream_client_open(stream, &request->caller, stream_topics(stream, topics->items, topics->item_count),
		last ? &last_id : NULL, &exchange->client);
	if (error < 0)
		api_reply_problem(&exchange->reply, API_PROBLEM_OVERLOADED, NULL);
	else
		exchange->caller_held = false;
}

/* The parameters are read again with the body. */
static bool check_query(struct exchange *exchange)
{
	struct api_request *request = &exchange->request;
	struct jsonr_errors errors = { 0 };

	read_query(exchange, &errors);
	memset(request->values, 0, sizeof(request->values));
	if (errors.count > 0)
		api_reply_invalid(&exchange->reply, &errors);
	return errors.count == 0;
}

/* The key would stand for the body, which is not in memory to be compared: two reports under one key would be taken for one. */
static bool check_no_key(struct exchange *exchange)
{
	static const char *const text[] = {
		[LUYTRE_LANG_VI] = "Không dùng được Idempotency-Key khi gửi tệp; hãy bỏ tiêu đề này. Nạp lại cùng một "
				   "tệp không làm thay đổi gì.",
		[LUYTRE_LANG_EN] = "An Idempotency-Key cannot be used with a file; leave the header out. The same file "
				   "again changes nothing.",
	};

	if (!exchange->request.headers.idempotency_key)
		return true;
	api_reply_problem(&exchange->reply, API_PROBLEM_INVALID, text[exchange->request.lang]);
	return false;
}

/* What the head says of the body's size; 0: nothing. */
static uint64_t announced(const struct exchange *exchange)
{
	const char *size = exchange->request.headers.content_length;

	return size ? strtoull(size, NULL, 10) : 0;
}

static bool answer_share(struct exchange *exchange, int error)
{
	static const char *const own[] = {
		[LUYTRE_LANG_VI] = "Tài khoản này đang gửi quá nhiều dữ liệu cùng lúc; hãy gửi từng tệp, hoặc thử lại "
				   "khi các tệp trước đã gửi xong.",
		[LUYTRE_LANG_EN] = "This account is sending too much at once; send one file after the other, or try "
				   "again when those before have arrived.",
	};
	static const char *const all[] = {
		[LUYTRE_LANG_VI] = "Trung tâm đang nhận quá nhiều tệp lớn; hãy thử lại sau ít phút.",
		[LUYTRE_LANG_EN] = "The hub is receiving too many large files; try again in some minutes.",
	};
	enum luytre_lang lang = exchange->request.lang;

	if (!error)
		return true;
	if (error == LUYTRE_E_BUSY)
		api_reply_problem(&exchange->reply, API_PROBLEM_TOO_MANY, own[lang]);
	else
		api_reply_problem(&exchange->reply, API_PROBLEM_STORAGE, all[lang]);
	api_reply_header(&exchange->reply, "Retry-After", "30");
	return false;
}

bool process_spool(struct exchange *exchange, uint64_t size)
{
	uint64_t wanted = exchange->request.body_size + size, room = exchange->spooled + SPOOL_STEP;
	int error;

	if (wanted <= exchange->spooled)
		return true;
	/* No further than the body goes; of one whose size nobody knows, what came. */
	if (room > announced(exchange))
		room = announced(exchange);
	if (room < wanted)
		room = wanted;
	error = api_share_take(exchange->server->spools, exchange->spooler, room - exchange->spooled);
	if (!error)
		exchange->spooled = room;
	return answer_share(exchange, error);
}

/* Before the body comes: who has no room for what the head says is told so at once. Nothing is taken for it, or heads alone would keep others away. */
static bool check_spool(struct exchange *exchange)
{
	exchange->spooler = exchange->request.caller.id; /* an account's tokens are not several */
	return answer_share(exchange, api_share_fits(exchange->server->spools, exchange->spooler, announced(exchange)));
}

void process_check(struct exchange *exchange, void *worker)
{
	struct api_request *request = &exchange->request;
	const char *folder = exchange->server->config.spool_dir;

	request->worker = worker;
	if (check_path(exchange) && authenticate(exchange) && check_forgery(exchange) && limit_account(exchange) &&
		check_rights(exchange) && check_query(exchange) && check_no_key(exchange) && check_spool(exchange)) {
		if (folder)
			request->body_file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (request->body_file < 0)
			refuse(exchange, folder ? API_PROBLEM_STORAGE : API_PROBLEM_UNSUPPORTED);
	}
	release_caller(exchange);
	if (request->body_file < 0)
		api_reply_finish(&exchange->reply);
}

void process_run(struct exchange *exchange, void *worker)
{
	struct api_server *server = exchange->server;
	struct api_request *request = &exchange->request;

	request->worker = worker;
	/* Of a spooled one the rate was asked for before. */
	if (check_path(exchange) && authenticate(exchange) && check_forgery(exchange) &&
		(request->operation->spooled || limit_account(exchange)) && check_rights(exchange) &&
		check_input(exchange) && check_again(exchange)) {
		if (request->operation->lane == API_LANE_STREAM)
			open_stream(exchange);
		else
			server->config.handlers[request->index](request, &exchange->reply);
	}
	if (exchange->client)
		return;
	api_reply_finish(&exchange->reply);
	if (exchange->again_held)
		keep_answer(exchange);
	release_caller(exchange);
}
