// SPDX-License-Identifier: Apache-2.0
#include "hub/console/console.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "bus/delta.h"
#include "hub/console/accounts.h"
#include "hub/console/assessments.h"
#include "hub/console/board.h"
#include "hub/console/desk.h"
#include "hub/console/drop.h"
#include "hub/console/incidents.h"
#include "hub/console/internal.h"
#include "hub/console/operations.h"
#include "hub/console/posture.h"
#include "hub/console/settings.h"
#include "hub/console/views.h"

enum {
	LOOK_S = 1,
	SWEEP_LOOKS = 600,
	RETAIN_LOOKS = 3600,
	YEARLY_LOOKS = 3600,
	YEARLY_FIRST = 30, /* soon after the start, then hourly */
	RETAIN_FIRST = 60,
	SOCKET_MODE = 0660,
	DELTA_TEXT_SIZE = 56 << 10,
};

#define DAY_US (INT64_C(86400) * 1000000)

static const char *const topics[] = {
#define X(id, word) word,
	CONSOLE_TOPICS(X)
#undef X
};

/* What a caller must be allowed to hear a topic. */
static const enum auth_permission topic_permissions[CONSOLE_TOPIC_COUNT] = {
	[CONSOLE_TOPIC_OVERVIEW] = AUTH_EVENTS_READ,
	[CONSOLE_TOPIC_EVENTS] = AUTH_EVENTS_READ,
	[CONSOLE_TOPIC_DECISIONS] = AUTH_DECISIONS_READ,
	[CONSOLE_TOPIC_CAMPAIGNS] = AUTH_CAMPAIGNS_READ,
	[CONSOLE_TOPIC_EDGES] = AUTH_EDGES_READ,
	[CONSOLE_TOPIC_TENANTS] = AUTH_TENANTS_READ,
	[CONSOLE_TOPIC_POLICIES] = AUTH_POLICY_READ,
	[CONSOLE_TOPIC_SETTINGS] = AUTH_SETTINGS_READ,
	[CONSOLE_TOPIC_FINDINGS] = AUTH_FINDINGS_READ,
};

PRINTF_LIKE(3, 4) static int fail(char *why, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, CONSOLE_WHY_SIZE, format, args);
	va_end(args);
	return error;
}

/* ---- Who asks, and may he ---- */

bool console_cookie(const char *header, const char *name, char *ret, size_t ret_size)
{
	size_t name_size = strlen(name);

	while (header && *header) {
		size_t size = strcspn(header, ";");

		if (strncmp(header, name, name_size) == 0 && header[name_size] == '=')
			return bytes_to_str(bytes_of(header + name_size + 1, size - (name_size + 1)), ret, ret_size);
		header += size;
		header += strspn(header, "; ");
	}
	return false;
}

static int find_principal(const struct console *console, struct db *db, const struct api_request *request,
	struct api_caller *caller, struct auth_principal *ret)
{
	static const char scheme[] = "Bearer ";
	const char *authorization = request->headers.authorization;
	int64_t now_us = console_now_us(request);
	char cookie[AUTH_COOKIE_SIZE];
	int error;

	if (authorization) {
		if (strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
			return LUYTRE_E_PERMISSION;
		error = auth_token_find(db, authorization + sizeof(scheme) - 1, now_us, ret);
		return error == LUYTRE_E_SYNTAX ? LUYTRE_E_PERMISSION : error;
	}
	if (!request->headers.cookie ||
		!console_cookie(request->headers.cookie, "__Host-luytre", cookie, sizeof(cookie)))
		return LUYTRE_E_NOT_FOUND;
	caller->by_cookie = true;
	if (!auth_csrf_make(cookie, caller->csrf))
		return LUYTRE_E_PERMISSION;
	return auth_session_find(db, cookie, atomic_load(&console->idle_s), now_us, ret);
}

static int authenticate(void *context, void *worker_context, const struct api_request *request, struct api_caller *ret)
{
	const struct console *console = context;
	struct console_worker *worker = worker_context;
	struct auth_principal *principal;
	int error = tenants_tree_refresh(worker->db, &worker->tree);

	if (error)
		return error;
	principal = malloc(sizeof(*principal));
	if (!principal)
		return LUYTRE_E_NOMEM;
	error = find_principal(console, worker->db, request, ret, principal);
	if (error) {
		free(principal);
		return error;
	}
	settings_limit(console, principal);
	ret->id = principal->account;
	ret->kind = principal->kind == AUTH_BY_TOKEN ? CONSOLE_CALLER_TOKEN : CONSOLE_CALLER_SESSION;
	snprintf(ret->name, sizeof(ret->name), "%.*s", (int)sizeof(ret->name) - 1, principal->name);
	ret->data = principal;
	return 0;
}

static void release(void *context, struct api_caller *caller)
{
	free(caller->data);
	caller->data = NULL;
}

static bool check(void *context, void *worker_context, const struct api_request *request, const char *permission,
	struct bytes tenant)
{
	const struct console_worker *worker = worker_context;
	const struct auth_principal *principal = console_principal(request);
	int number = auth_permission_find(bytes_from_str(permission));
	char text[24];
	unsigned long long id;

	if (number < 0 || !principal)
		return false;
	if (bytes_empty(tenant))
		return auth_check_anywhere(principal, worker->tree, (enum auth_permission)number);
	if (!bytes_to_str(tenant, text, sizeof(text)))
		return false;
	id = strtoull(text, NULL, 10);
	return id > 0 && id <= UINT32_MAX &&
	       auth_check(principal, worker->tree, (enum auth_permission)number, (uint32_t)id);
}

/* An operation is its account's alone: for that topic the number is of an account. */
static bool is_visible(void *context, const struct api_caller *caller, uint32_t topic, uint32_t tenant)
{
	struct console *console = context;
	const struct auth_principal *principal = caller->data;
	bool visible;

	if (topic == CONSOLE_TOPIC_OPERATIONS)
		return principal->limits == 0 && principal->account == tenant;
	pthread_mutex_lock(&console->lock);
	visible = tenant == CONSOLE_EVERYBODY ? auth_check_anywhere(principal, console->tree, topic_permissions[topic])
					      : auth_check(principal, console->tree, topic_permissions[topic], tenant);
	pthread_mutex_unlock(&console->lock);
	return visible;
}

/* ---- Workers and the thread ---- */

static int worker_begin(void *context, void **ret)
{
	const struct console *console = context;
	struct console_worker *worker = calloc(1, sizeof(*worker));
	char why[DB_WHY_SIZE];
	int error;

	if (!worker)
		return LUYTRE_E_NOMEM;
	error = db_open(console->control, &worker->db, why);
	if (!error)
		error = tenants_tree_refresh(worker->db, &worker->tree);
	if (error) {
		log_error("the console's control database: %s", worker->db ? db_why(worker->db) : why);
		db_close(worker->db);
		free(worker);
		return error;
	}
	*ret = worker;
	return 0;
}

static void worker_end(void *context, void *worker_context)
{
	struct console_worker *worker = worker_context;

	tenants_tree_unref(worker->tree);
	db_close(worker->db);
	free(worker);
}

static int refresh(struct console *console)
{
	struct tenants_tree *tree, *old;
	int error;

	pthread_mutex_lock(&console->db_lock);
	tree = console->tree ? tenants_tree_ref(console->tree) : NULL;
	error = tenants_tree_refresh(console->db, &tree);
	pthread_mutex_lock(&console->lock);
	old = console->tree;
	console->tree = tree;
	pthread_mutex_unlock(&console->lock);
	pthread_mutex_unlock(&console->db_lock);
	tenants_tree_unref(old);
	return error;
}

static void look(struct console *console, unsigned int looks)
{
	int64_t now_us = (int64_t)(clock_real_ns() / NS_PER_US);
	int error = refresh(console);

	/* A handle of its own: a writer may have to wait, and who asks what is visible must not. */
	if (!error && looks % SWEEP_LOOKS == 0)
		error = auth_session_sweep(console->sweep_db, atomic_load(&console->idle_s), now_us, NULL);
	if (!error && looks % RETAIN_LOOKS == RETAIN_FIRST)
		error = core_retain(console->core, now_us - atomic_load(&console->keep_days) * DAY_US);
	if (!error)
		error = posture_look(console->posture, console->sweep_db, now_us);
	if (!error)
		error = incidents_look(console, console->sweep_db, now_us, looks % YEARLY_LOOKS == YEARLY_FIRST);
	if (error)
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR, "the console cannot look after what it keeps: %s",
			error_text(error, LUYTRE_LANG_EN));
}

static void *run_thread(void *context)
{
	struct console *console = context;

	pthread_mutex_lock(&console->stop_lock);
	for (unsigned int looks = 1; !console->stop; looks++) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += LOOK_S;
		if (pthread_cond_timedwait(&console->stop_cond, &console->stop_lock, &until) != ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&console->stop_lock);
		look(console, looks);
		pthread_mutex_lock(&console->stop_lock);
	}
	pthread_mutex_unlock(&console->stop_lock);
	return NULL;
}

/* ---- Opening ---- */

static int keep_id(void *context, const struct auth_account *account)
{
	*(uint32_t *)context = account->id;
	return 0;
}

/* The password that was asked for, in place of the random one; it must be changed all the same. */
static int set_first_password(struct console *console, const struct audit_origin *origin, const char *password)
{
	const struct auth_principal system = { .kind = AUTH_BY_SESSION,
		.scopes = AUTH_ALL_PERMISSIONS,
		.grants = { { AUTH_ROLE_ADMIN, 0 } },
		.grant_count = 1 };
	const struct auth_call call = {
		.auth = console->auth, .db = console->db, .principal = &system, .tree = console->tree, .origin = origin
	};
	enum password_fault fault = PASSWORD_NONE;
	uint32_t account = 0;
	int error = auth_account_each(&call, 0, 1, keep_id, &account);

	if (!error)
		error = auth_password_reset(&call, account, bytes_from_str(password), &fault);
	if (!error)
		snprintf(console->first_password, sizeof(console->first_password), "%s", password);
	return error;
}

static int open_accounts(struct console *console, const struct console_options *options, char *why)
{
	const struct audit_origin origin = { .actor = "system", .now_us = (int64_t)(clock_real_ns() / NS_PER_US) };
	struct auth_config config = { .passwords = options->passwords };
	struct console_settings settings;
	char path[512];
	int error;

	if (snprintf(path, sizeof(path), "%s/auth.key", options->state_dir) >= (int)sizeof(path))
		return fail(why, LUYTRE_E_RANGE, "the name of the state folder is too long");
	error = auth_key_load(path, config.key);
	if (error)
		return fail(why, error, "%s: %s", path, error_text(error, LUYTRE_LANG_EN));
	error = auth_new(&config, &console->auth);
	if (!error)
		error = auth_setup(console->db);
	if (!error)
		error = profile_setup(console->db);
	if (!error)
		error = settings_setup(console->db);
	if (!error)
		error = views_setup(console->db);
	if (!error)
		error = settings_get(console->db, &settings);
	if (!error)
		settings_apply(console, &settings);
	if (!error)
		error = auth_bootstrap(console->auth, console->db, &origin, console->first_password);
	if (error == LUYTRE_E_EXISTS) {
		console->first_password[0] = '\0';
		return 0;
	}
	if (!error && options->first_password)
		error = set_first_password(console, &origin, options->first_password);
	return error ? fail(why, error, "the accounts: %s", error_text(error, LUYTRE_LANG_EN)) : 0;
}

static int open_state(struct console *console, const struct console_options *options, char *why)
{
	char path[512], reason[DB_WHY_SIZE];
	int size, error;

	size = options->control ? snprintf(console->control, sizeof(console->control), "%s", options->control)
				: snprintf(console->control, sizeof(console->control), "sqlite:%s/control.db",
					  options->state_dir);
	if (size >= (int)sizeof(console->control) ||
		snprintf(path, sizeof(path), "%s/cursor.key", options->state_dir) >= (int)sizeof(path))
		return fail(why, LUYTRE_E_RANGE, "the name of the state folder is too long");
	error = auth_key_load(path, console->cursor_key);
	if (error)
		return fail(why, error, "%s: %s", path, error_text(error, LUYTRE_LANG_EN));
	error = db_open(console->control, &console->db, reason);
	if (!error)
		error = db_open(console->control, &console->sweep_db, reason);
	if (error)
		return fail(why, error, "the control database: %s", reason);
	error = refresh(console);
	if (error)
		return fail(why, error, "the tenants: %s", db_why(console->db));
	return open_accounts(console, options, why);
}

static int open_certificate(struct console *console, const struct console_options *options, char *why)
{
	const char *names = options->names ? options->names : "localhost,127.0.0.1,::1";
	const struct ca *ca = core_ca(console->core);
	struct ca_certificate made = { 0 };
	int error;

	if (options->certificate) {
		console->certificate = strdup(options->certificate);
		console->key = strdup(options->key ? options->key : "");
		return console->certificate && console->key ? 0
							    : fail(why, LUYTRE_E_NOMEM, "there is not enough memory");
	}
	error = ca_make_server(ca, names, (int64_t)(clock_real_ns() / NS_PER_US), &made, &console->key);
	if (!error && asprintf(&console->certificate, "%s%s", made.pem, ca_pem(ca)) < 0) {
		console->certificate = NULL;
		error = LUYTRE_E_NOMEM;
	}
	free(made.pem);
	return error ? fail(why, error, "no certificate can be made for \"%s\": %s", names,
			       error_text(error, LUYTRE_LANG_EN))
		     : 0;
}

static int open_stream(struct console *console, char *why)
{
	const struct stream_config config = { .settings = stream_settings_default,
		.topics = topics,
		.topic_count = ARRAY_COUNT(topics),
		.last_id = clock_real_ns() / NS_PER_US,
		.visible = is_visible,
		.release = release,
		.context = console };
	int error = stream_new(&config, &console->stream);

	return error ? fail(why, error, "the console's stream does not start: %s", error_text(error, LUYTRE_LANG_EN))
		     : 0;
}

static int listen_at(struct console *console, const struct console_options *options, int *ret_fd, char *why)
{
	const char *address = options->address ? options->address : "127.0.0.1";
	int error;

	if (options->unix_path) {
		error = api_listen_unix(options->unix_path, SOCKET_MODE, ret_fd);
		return error ? fail(why, error, "the console cannot listen at %s: %s", options->unix_path,
				       error_text(error, LUYTRE_LANG_EN))
			     : 0;
	}
	error = api_listen_tcp(address, options->port, ret_fd, &console->port);
	return error ? fail(why, error, "the console cannot listen on %s, port %u: %s", address, options->port,
			       error_text(error, LUYTRE_LANG_EN))
		     : 0;
}

static int open_server(struct console *console, const struct console_options *options, char *why)
{
	struct api_config config = { .table = &hub_table,
		.handlers = hub_handlers,
		.listen_fd = -1,
		.admin_fd = -1,
		.collect = options->collect,
		.collect_context = options->collect_context,
		.context = console,
		.auth = { authenticate, check, release },
		.worker_begin = worker_begin,
		.worker_end = worker_end,
		.stream = console->stream,
		.files = options->files,
		.limits = options->limits,
		.cursor_key = console->cursor_key,
		.spool_dir = options->state_dir,
		.spool_share = options->spool_share };
	int error = 0;

	if (!options->unix_path)
		error = open_certificate(console, options, why);
	if (!error)
		error = listen_at(console, options, &config.listen_fd, why);
	if (!error && options->metrics_port) {
		error = api_listen_tcp("127.0.0.1", options->metrics_port, &config.admin_fd, NULL);
		if (error)
			fail(why, error, "the figures for Prometheus cannot be given on 127.0.0.1, port %u: %s",
				options->metrics_port, error_text(error, LUYTRE_LANG_EN));
	}
	if (error) {
		if (config.listen_fd >= 0)
			close(config.listen_fd);
		return error;
	}
	config.tls = (struct api_tls){ .certificate = console->certificate, .key = console->key };
	error = api_server_new(&config, &console->server);
	return error ? fail(why, error, "the console does not start: %s", error_text(error, LUYTRE_LANG_EN)) : 0;
}

static struct console *make(struct core *core)
{
	struct console *console = calloc(1, sizeof(*console));

	if (!console)
		return NULL;
	console->core = core;
	pthread_mutex_init(&console->lock, NULL);
	pthread_mutex_init(&console->db_lock, NULL);
	pthread_mutex_init(&console->stop_lock, NULL);
	pthread_cond_init(&console->stop_cond, NULL);
	pthread_mutex_init(&console->delta_lock, NULL);
	return console;
}

static int open_drop(struct console *console, const struct console_options *options, char *why)
{
	char folder[512];
	int error = LUYTRE_E_RANGE;

	if (snprintf(folder, sizeof(folder), "%s%s", options->drop_dir ? options->drop_dir : options->state_dir,
		    options->drop_dir ? "" : "/drop") < (int)sizeof(folder))
		error = drop_open(console, folder, &console->drop);
	return error ? fail(why, error, "the drop folder: %s", error_text(error, LUYTRE_LANG_EN)) : 0;
}

int console_open(
	struct core *core, const struct console_options *options, struct console **ret, char why[CONSOLE_WHY_SIZE])
{
	struct console *console = make(core);
	int error = 0;

	if (!console)
		return fail(why, LUYTRE_E_NOMEM, "there is not enough memory");
	console->delta = malloc(sizeof(*console->delta));
	if (!console->delta)
		error = fail(why, LUYTRE_E_NOMEM, "there is not enough memory");
	if (!error)
		error = open_state(console, options, why);
	if (!error && options->sign_on) {
		char reason[OIDC_WHY_SIZE];

		error = oidc_open(options->sign_on, &console->oidc, reason);
		if (error)
			fail(why, error, "sign-on by others: %s", reason);
	}
	if (!error)
		error = open_stream(console, why);
	if (!error) {
		error = operations_new(console, &console->operations);
		if (error)
			fail(why, error, "the console's bulk actions: %s", error_text(error, LUYTRE_LANG_EN));
	}
	if (!error) {
		error = desk_new(console, &console->desk);
		if (error)
			fail(why, error, "the console's desk of events: %s", error_text(error, LUYTRE_LANG_EN));
	}
	if (!error) {
		error = posture_new(console, options->state_dir, options->waiting_share, &console->posture);
		if (error)
			fail(why, error, "the findings: %s", error_text(error, LUYTRE_LANG_EN));
	}
	if (!error)
		error = assessments_new(console->db, options->state_dir, &console->assessments, why, CONSOLE_WHY_SIZE);
	if (!error) {
		error = incident_setup(console->db);
		if (error)
			fail(why, error, "the incidents: %s", db_why(console->db));
	}
	if (!error)
		error = open_drop(console, options, why);
	if (!error)
		error = open_server(console, options, why);
	if (!error && pthread_create(&console->thread, NULL, run_thread, console))
		error = fail(why, LUYTRE_E_SYSTEM, "no thread can be started");
	console->thread_runs = !error;
	if (error) {
		console_close(console);
		return error;
	}
	*ret = console;
	return 0;
}

bool console_stopping(struct console *console)
{
	bool stop;

	pthread_mutex_lock(&console->stop_lock);
	stop = console->stop;
	pthread_mutex_unlock(&console->stop_lock);
	return stop;
}

static void stop_thread(struct console *console)
{
	pthread_mutex_lock(&console->stop_lock);
	console->stop = true;
	pthread_cond_signal(&console->stop_cond);
	pthread_mutex_unlock(&console->stop_lock);
	if (console->thread_runs)
		pthread_join(console->thread, NULL);
}

void console_close(struct console *console)
{
	if (!console)
		return;
	stop_thread(console);
	desk_stop(console->desk);
	if (console->stream)
		stream_stop(console->stream);
	operations_stop(console->operations);
	drop_close(console->drop);
	api_server_free(console->server);
	operations_free(console->operations);
	desk_free(console->desk);
	posture_free(console->posture);
	assessments_free(console->assessments);
	stream_free(console->stream);
	oidc_close(console->oidc);
	auth_free(console->auth);
	tenants_tree_unref(console->tree);
	db_close(console->db);
	db_close(console->sweep_db);
	free(console->certificate);
	free(console->key);
	free(console->delta);
	pthread_mutex_destroy(&console->lock);
	pthread_mutex_destroy(&console->db_lock);
	pthread_mutex_destroy(&console->stop_lock);
	pthread_cond_destroy(&console->stop_cond);
	pthread_mutex_destroy(&console->delta_lock);
	memset(console->first_password, 0, sizeof(console->first_password));
	free(console);
}

const char *console_drop(const struct console *console)
{
	return drop_folder(console->drop);
}

uint16_t console_port(const struct console *console)
{
	return console->port;
}

const char *console_first_password(const struct console *console)
{
	return console->first_password[0] ? console->first_password : NULL;
}

/* ---- The stream ---- */

void console_publish(struct console *console, enum console_topic topic, uint32_t tenant, struct bytes text)
{
	int error;

	/* Of a tenant that was just made: the tree must know it before anybody is asked whether he may see it. */
	if (topic == CONSOLE_TOPIC_TENANTS)
		(void)refresh(console);
	error = stream_publish(console->stream, 0, topic, tenant, text);
	if (error)
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR, "consoles cannot be told of a change: %s",
			error_text(error, LUYTRE_LANG_EN));
}

void console_events(struct console *console, const struct ev_event *events, size_t count)
{
	desk_events(console->desk, events, count);
	if (desk_boards(console->desk))
		boards_events(desk_boards(console->desk), events, count);
}

void console_forget(struct console *console, uint32_t account)
{
	stream_end_caller(console->stream, CONSOLE_CALLER_SESSION, account);
	stream_end_caller(console->stream, CONSOLE_CALLER_TOKEN, account);
}

/* Changes 'from' to 'to' of the delta, all for the same tenant. */
static void tell_changes(struct console *console, uint32_t tenant, size_t from, size_t to)
{
	const struct delta *delta = console->delta;
	struct jsonw json;
	struct bytes text;

	jsonw_init(&json, DELTA_TEXT_SIZE);
	jsonw_object_begin(&json);
	console_kv_id(&json, "epoch", delta->epoch);
	console_kv_id(&json, "number", delta->to);
	jsonw_kv_array_begin(&json, "changes");
	for (size_t i = from; i < to; i++) {
		jsonw_object_begin(&json);
		console_kv_id(&json, "id", delta->changes[i].id);
		jsonw_kv_string(&json, "op", delta->changes[i].op == DELTA_PUT ? "put" : "lift");
		jsonw_object_end(&json);
	}
	jsonw_array_end(&json);
	jsonw_object_end(&json);
	if (jsonw_text(&json, &text) == 0)
		console_publish(console, CONSOLE_TOPIC_DECISIONS, tenant, text);
	jsonw_done(&json);
}

static void tell_resync(struct console *console)
{
	console_publish(console, CONSOLE_TOPIC_DECISIONS, CONSOLE_EVERYBODY, bytes_from_str("{\"resync\":true}"));
}

/* The same, when there is room for one more message. */
static void tell(struct console *console, uint32_t tenant, size_t from, size_t to, int64_t now_us)
{
	switch (news_ask(&console->news, now_us)) {
	case NEWS_TELL:
		tell_changes(console, tenant, from, to);
		break;
	case NEWS_RESYNC:
		tell_resync(console);
		break;
	case NEWS_NOTHING:
		break;
	}
}

static uint32_t hears(const struct delta_change *change)
{
	return change->op == DELTA_PUT && change->tenant ? change->tenant : CONSOLE_EVERYBODY;
}

void console_told(struct console *console, struct bytes text)
{
	const struct delta *delta = console->delta;
	int64_t now_us = (int64_t)(clock_real_ns() / NS_PER_US);

	pthread_mutex_lock(&console->delta_lock);
	if (news_owed(&console->news, now_us))
		tell_resync(console);
	if (delta_read(text, console->delta) == 0) {
		/* An epoch without anything in it: all decisions were lifted at once. */
		if (delta->change_count == 0 && delta->epoch != console->told_epoch)
			tell(console, CONSOLE_EVERYBODY, 0, 0, now_us);
		console->told_epoch = delta->epoch;
		for (size_t i = 0, end; i < delta->change_count; i = end) {
			for (end = i + 1;
				end < delta->change_count && hears(&delta->changes[end]) == hears(&delta->changes[i]);)
				end++;
			tell(console, hears(&delta->changes[i]), i, end, now_us);
		}
	}
	pthread_mutex_unlock(&console->delta_lock);
}
