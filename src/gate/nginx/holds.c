// SPDX-License-Identifier: Apache-2.0
/* Holds that come from the hub: which are armed for a request, and the proof that they stand, which each worker makes for itself and tells
 * where events go (gate/hold/replay.h). Proving takes a small part of a worker's time, in slices between requests. */
#include "gate/nginx/guard.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/siphash.h"
#include "gate/hold/replay.h"
#include "gate/nginx/holdwatch.h"
#include "gate/output/event.h"

#define SLICE_NS   (2 * NS_PER_MS)
#define PAUSE_MS   10 /* between slices, and between parts of a report */
#define BUSY_MS    20 /* while a file is being read */
#define RETRY_MS   1000 /* when nobody takes a report */
#define AGAIN_MS   600000 /* who reads reports may have begun anew */
#define REPORT_MAX ((size_t)120 << 10)

/* How far the report has come where events go. */
struct told {
	size_t parts;
	bool said; /* that a file does not take it */
};

struct gate_holds {
	ngx_str_t path, samples; /* samples: none when empty */
	/* A worker's. */
	struct hold_watch *watch;
	struct hold_replay *replay; /* null: told */
	struct hold_duty *duty; /* null with it */
	bool proved, again; /* again: nothing has changed since the last time */
	struct told *told; /* by place in the events of the configuration */
	char gate[17];
	ngx_event_t look, prove;
};

/* ---- directives ---- */

char *gate_directive_holds(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
	struct gate_main *main = conf;
	const ngx_str_t *words = cf->args->elts;
	struct gate_holds *holds;

	if (main->holds)
		return "is duplicate";
	holds = ngx_pcalloc(cf->pool, sizeof(*holds));
	if (!holds)
		return NGX_CONF_ERROR;
	holds->path = words[1];
	if (ngx_conf_full_name(cf->cycle, &holds->path, 0) != NGX_OK)
		return NGX_CONF_ERROR;
	if (cf->args->nelts == 3) {
		if (words[2].len <= 8 || ngx_strncmp(words[2].data, "samples=", 8) != 0) {
			ngx_conf_log_error(
				NGX_LOG_EMERG, cf, 0, "\"%V\" is not known: expected samples=PATH", &words[2]);
			return NGX_CONF_ERROR;
		}
		holds->samples = (ngx_str_t){ words[2].len - 8, words[2].data + 8 };
		if (ngx_conf_full_name(cf->cycle, &holds->samples, 1) != NGX_OK)
			return NGX_CONF_ERROR;
	}
	main->holds = holds;
	return NGX_CONF_OK;
}

static void free_asset(void *data)
{
	hold_asset_free(data);
}

char *gate_directive_asset(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
	struct gate_location *location = conf;
	const ngx_str_t *words = cf->args->elts;

	if (location->asset == NGX_CONF_UNSET_PTR) {
		ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(cf->pool, 0);

		location->asset = cleanup ? hold_asset_new() : NULL;
		if (!location->asset)
			return NGX_CONF_ERROR;
		cleanup->handler = free_asset;
		cleanup->data = location->asset;
	}
	for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
		int error = hold_asset_add(location->asset, gate_bytes(words[i]));

		if (error < 0) {
			ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is no address, prefix or name: %s", &words[i],
				error_text(error, LUYTRE_LANG_EN));
			return NGX_CONF_ERROR;
		}
	}
	return NGX_CONF_OK;
}

/* ---- a request ---- */

static void arm(void *context, const struct gate_armed *armed, size_t count)
{
	gate_tx_arm(context, armed, count);
}

static struct bytes host_of(const ngx_http_request_t *r)
{
	struct bytes header = { 0 };

	if (r->headers_in.host)
		header = gate_bytes(r->headers_in.host->value);
	return bytes_first(header, bytes_index(header, ':'));
}

/* The name that the request asks for; the header's where the request line says something else, for an application may go by either; and the
 * server's own, so that no other name leads past a hold to a server that answers for all. */
static void arm_names(ngx_http_request_t *r, const struct hold_places *places, struct gate_tx *tx)
{
	const ngx_http_core_srv_conf_t *core = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
	struct bytes asked = gate_bytes(r->headers_in.server), own = gate_bytes(core->server_name), header = host_of(r);

	hold_places_at_name(places, asked, arm, tx);
	if (!bytes_equal(own, asked))
		hold_places_at_name(places, own, arm, tx);
	if (!bytes_equal(header, asked))
		hold_places_at_name(places, header, arm, tx);
}

void gate_holds_arm(struct gate_request *gate, const struct gate_location *conf)
{
	ngx_http_request_t *r = gate->request;
	const struct gate_main *main = ngx_http_get_module_main_conf(r, ngx_http_luytre_gate_module);
	const struct hold_places *places;
	struct ip_addr address;

	if (!main->holds)
		return;
	gate_tx_arm(gate->tx, NULL, 0);
	places = main->holds->watch ? hold_watch_places(main->holds->watch) : NULL;
	if (!places)
		return;
	if (gate_read_address(r->connection->local_sockaddr, &address))
		hold_places_at_address(places, &address, arm, gate->tx);
	arm_names(r, places, gate->tx);
	if (conf->asset)
		hold_asset_find(conf->asset, places, arm, gate->tx);
}

/* ---- modes ---- */

static void count_mode(const struct guard_zone *zone, const struct holdfile_row *row)
{
	static const enum guard_count counts[HOLDFILE_SITE_COUNT] = {
		[HOLDFILE_SITE_OFF] = GUARD_MODE_OFF,
		[HOLDFILE_SITE_SHADOW] = GUARD_MODE_SHADOW,
		[HOLDFILE_SITE_ENFORCE] = GUARD_MODE_ON,
	};

	guard_count(zone, row->edge_only ? GUARD_MODE_EDGE_ONLY : counts[row->mode], 1);
}

struct hold_site_mode gate_holds_mode(ngx_http_request_t *r, const struct gate_location *conf)
{
	const struct gate_main *main = ngx_http_get_module_main_conf(r, ngx_http_luytre_gate_module);
	const struct hold_places *places =
		main->holds && main->holds->watch ? hold_watch_places(main->holds->watch) : NULL;
	const struct hold_modes *modes = places ? hold_places_modes(places) : NULL;
	const ngx_http_core_srv_conf_t *core;
	struct hold_site_mode mode = { .mode = conf->mode };
	struct hold_place place;
	struct ip_addr address;

	if (!modes)
		return mode;
	core = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
	place = (struct hold_place){ .asked = gate_bytes(r->headers_in.server),
		.header = host_of(r),
		.own = gate_bytes(core->server_name),
		.asset = conf->asset,
		.has_name = gate_server_has_name,
		.context = ngx_http_get_module_srv_conf(r, ngx_http_luytre_gate_module) };
	/* Where it listens on all addresses nginx has not asked for this one yet. */
	if (ngx_connection_local_sockaddr(r->connection, NULL, 0) == NGX_OK &&
		gate_read_address(r->connection->local_sockaddr, &address))
		place.address = &address;
	mode = hold_modes_find(modes, &place, conf->mode);
	if (mode.row)
		count_mode(main->zone, mode.row);
	return mode;
}

/* ---- proof ---- */

static void say_modes(const struct gate_holds *holds, const struct hold_modes *modes, ngx_log_t *log)
{
	size_t count, stand = 0, edge_only = 0;
	const struct holdfile_row *rows = hold_modes_rows(modes, &count);

	for (size_t i = 0; i < count; i++) {
		stand += hold_duty_stands(holds->duty, i);
		edge_only += rows[i].edge_only;
	}
	ngx_log_error(NGX_LOG_NOTICE, log, 0,
		"luytre gate: modes: %uz by policy, %uz of them stand, %uz are edge-only: off", count, stand,
		edge_only);
}

static void say_proved(const struct gate_holds *holds, ngx_log_t *log)
{
	const struct hold_places *places = hold_watch_places(holds->watch);
	size_t count = 0, stand = 0, unknown = 0;

	if (places)
		(void)hold_places_rows(places, &count);
	for (size_t i = 0; i < count; i++) {
		struct hold_result result = hold_replay_result(holds->replay, i);

		stand += result.attack == HOLD_STOPPED && result.twin != HOLD_STOPPED;
		unknown += !result.known;
	}
	ngx_log_error(NGX_LOG_NOTICE, log, 0,
		"luytre gate: holds: %uz armed, %uz proved to stand, %uz not known to the rules", count, stand,
		unknown);
	if (places && hold_places_modes(places))
		say_modes(holds, hold_places_modes(places), log);
}

static bool put_line(struct gate_events *events, struct bytes text)
{
	/* The writer keeps a NUL there. */
	u_char *line = (u_char *)(uintptr_t)text.ptr;

	line[text.size] = '\n';
	return ngx_write_fd(events->file->fd, line, text.size + 1) == (ssize_t)text.size + 1;
}

static bool tell_part(const struct gate_holds *holds, struct gate_events *events, size_t part)
{
	const ngx_core_conf_t *core = (ngx_core_conf_t *)ngx_get_conf(ngx_cycle->conf_ctx, ngx_core_module);
	const struct hold_reporter reporter = { .gate = holds->gate,
		.worker = (unsigned int)ngx_worker,
		.workers = ngx_process == NGX_PROCESS_SINGLE ? 1 : (unsigned int)core->worker_processes };
	struct jsonw json;
	struct bytes text;
	bool done = false;

	jsonw_init(&json, REPORT_MAX);
	hold_report_write(holds->replay, &reporter, part, &json);
	if (jsonw_text(&json, &text) == 0) {
		if (events->file)
			done = put_line(events, text);
		else
			done = events->sink && event_sink_put(events->sink, text);
	}
	jsonw_done(&json);
	return done;
}

/* A part to everybody who has not got it. The time until the next turn; 0: all have everything. */
static ngx_msec_t tell_all(struct gate_main *conf)
{
	struct gate_holds *holds = conf->holds;
	struct gate_events **events = conf->events.elts;
	size_t parts = hold_report_parts(holds->replay);
	ngx_msec_t next_ms = 0;

	for (ngx_uint_t i = 0; i < conf->events.nelts; i++) {
		struct told *told = &holds->told[i];

		if (told->parts == parts)
			continue;
		if (tell_part(holds, events[i], told->parts)) {
			told->parts++;
			next_ms = told->parts < parts ? PAUSE_MS : next_ms;
			continue;
		}
		/* Who reads a socket may come later; the proof is kept until then. */
		if (!told->said)
			ngx_log_error(NGX_LOG_WARN, holds->prove.log, 0,
				"luytre gate: nobody takes the report on holds at \"%V\" yet", &events[i]->name);
		told->said = true;
		next_ms = next_ms ? next_ms : RETRY_MS;
	}
	return next_ms;
}

static void prove(struct gate_main *conf, bool again);

static void forget_proof(struct gate_holds *holds)
{
	hold_replay_free(holds->replay);
	hold_duty_free(holds->duty);
	holds->replay = NULL;
	holds->duty = NULL;
}

static void go_on(ngx_event_t *event)
{
	struct gate_main *conf = event->data;
	struct gate_holds *holds = conf->holds;
	ngx_msec_t next_ms = PAUSE_MS;

	if (ngx_exiting)
		return;
	if (!holds->replay) {
		prove(conf, true);
		return;
	}
	if (!holds->proved) {
		holds->proved = hold_replay_step(holds->replay, SLICE_NS);
		if (holds->proved && !holds->again)
			say_proved(holds, event->log);
	} else {
		next_ms = tell_all(conf);
	}
	if (next_ms != 0) {
		ngx_add_timer(event, next_ms);
		return;
	}
	forget_proof(holds);
	ngx_add_timer(event, AGAIN_MS);
}

static void stop_timer(ngx_event_t *event)
{
	if (event->timer_set) {
		ngx_del_timer(event);
	}
}

static void stop_proof(struct gate_holds *holds)
{
	stop_timer(&holds->prove);
	forget_proof(holds);
	holds->proved = false;
}

static size_t plan_of(const struct gate_main *conf, const struct gate_location *location)
{
	struct policy **policies = conf->policies.elts;
	size_t plan = 0;

	if (!location->handle)
		return HOLD_NO_PLAN;
	while (policies[plan] != location->handle->policy)
		plan++;
	return plan;
}

static int start_duty(struct gate_main *conf, struct gate_plan *const *plans)
{
	const struct gate_ground *grounds = conf->grounds.elts;
	struct hold_location *locations = calloc(conf->grounds.nelts + 1, sizeof(*locations));
	int error;

	if (!locations)
		return LUYTRE_E_NOMEM;
	for (ngx_uint_t i = 0; i < conf->grounds.nelts; i++)
		locations[i] = (struct hold_location){ .server = &grounds[i].server->about,
			.asset = grounds[i].location->asset,
			.plan = plan_of(conf, grounds[i].location),
			.mode = grounds[i].location->mode };
	error = hold_duty_new(hold_watch_places(conf->holds->watch), locations, conf->grounds.nelts, plans,
		conf->policies.nelts, &conf->holds->duty);
	free(locations);
	return error;
}

static int start_replay(struct gate_main *conf)
{
	struct gate_holds *holds = conf->holds;
	struct policy **policies = conf->policies.elts;
	struct gate_plan **plans = calloc(conf->policies.nelts + 1, sizeof(struct gate_plan *));
	int error;

	if (!plans)
		return LUYTRE_E_NOMEM;
	for (ngx_uint_t i = 0; i < conf->policies.nelts; i++)
		plans[i] = policy_plan(policies[i]);
	error = start_duty(conf, plans);
	if (error == 0)
		error = hold_replay_new(hold_watch_places(holds->watch), hold_watch_samples(holds->watch), holds->duty,
			plans, conf->policies.nelts, &holds->replay);
	if (error < 0)
		forget_proof(holds);
	free(plans);
	return error;
}

static void prove(struct gate_main *conf, bool again)
{
	struct gate_holds *holds = conf->holds;
	int error;

	stop_proof(holds);
	holds->again = again;
	ngx_memzero(holds->told, conf->events.nelts * sizeof(*holds->told));
	error = start_replay(conf);
	if (error == 0) {
		ngx_add_timer(&holds->prove, PAUSE_MS);
		return;
	}
	ngx_log_error(NGX_LOG_ERR, holds->prove.log, 0, "luytre gate: holds are not proved: %s",
		error_text(error, LUYTRE_LANG_EN));
	ngx_add_timer(&holds->prove, AGAIN_MS);
}

void gate_holds_prove(struct gate_main *conf)
{
	if (conf->holds && conf->holds->watch)
		prove(conf, false);
}

/* ---- change ---- */

static void take(struct gate_main *conf, enum hold_change change, const char *why, ngx_log_t *log)
{
	const struct hold_places *places = hold_watch_places(conf->holds->watch);

	if (why[0])
		ngx_log_error(NGX_LOG_ERR, log, 0, "luytre gate: holds%s: %s",
			change == HOLD_REFUSED ? " are refused, the old ones stay" : "", why);
	if (change == HOLD_TAKEN)
		ngx_log_error(NGX_LOG_NOTICE, log, 0, "luytre gate: holds: taken, stamp %L%s",
			places ? hold_places_stamp(places) : (int64_t)0, places ? "" : ", there is no file");
}

static void look(ngx_event_t *event)
{
	struct gate_main *conf = event->data;
	struct gate_holds *holds = conf->holds;
	char why[HOLD_WHY_SIZE];
	enum hold_change change;

	if (ngx_exiting)
		return;
	/* What is being proved may be freed with the next poll. */
	change = hold_watch_poll(holds->watch, why);
	if (change != HOLD_SAME)
		take(conf, change, why, event->log);
	if (change == HOLD_TAKEN)
		gate_holds_prove(conf);
	ngx_add_timer(event, hold_watch_is_busy(holds->watch) ? BUSY_MS : conf->watch_ms);
}

/* ---- processes ---- */

static void name_gate(struct gate_holds *holds, const ngx_cycle_t *cycle)
{
	struct siphash_key key = { siphash24((struct siphash_key){ 0 }, cycle->prefix.data, cycle->prefix.len), 0 };

	ngx_sprintf((u_char *)holds->gate, "%016xL%Z", siphash24(key, cycle->conf_file.data, cycle->conf_file.len));
}

void gate_holds_start(struct gate_main *conf, ngx_cycle_t *cycle)
{
	struct gate_holds *holds = conf->holds;
	char why[HOLD_WHY_SIZE];

	if (!holds)
		return;
	name_gate(holds, cycle);
	holds->told = ngx_pcalloc(cycle->pool, (conf->events.nelts + 1) * sizeof(*holds->told));
	holds->watch =
		hold_watch_new((char *)holds->path.data, holds->samples.len ? (char *)holds->samples.data : NULL);
	if (!holds->told || !holds->watch) {
		hold_watch_free(holds->watch);
		holds->watch = NULL;
		ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "luytre gate: no memory for holds: none is armed");
		return;
	}
	holds->look = (ngx_event_t){ .handler = look, .data = conf, .log = cycle->log, .cancelable = 1 };
	holds->prove = (ngx_event_t){ .handler = go_on, .data = conf, .log = cycle->log, .cancelable = 1 };
	take(conf, hold_watch_read(holds->watch, why), why, cycle->log);
	gate_holds_prove(conf);
	if (conf->watch_ms != 0)
		ngx_add_timer(&holds->look, conf->watch_ms);
}

void gate_holds_stop(struct gate_main *conf)
{
	struct gate_holds *holds = conf->holds;

	if (!holds || !holds->watch)
		return;
	stop_timer(&holds->look);
	stop_proof(holds);
	hold_watch_free(holds->watch);
	holds->watch = NULL;
}
