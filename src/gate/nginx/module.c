// SPDX-License-Identifier: Apache-2.0
/* The module as nginx sees it: directives, how they are inherited, and what happens when a configuration is loaded and a worker starts. */
#include <sys/stat.h>

#include "base/error.h"
#include "gate/nginx/guard.h"
#include "gate/output/event.h"

static ngx_conf_enum_t modes[] = {
	{ ngx_string("off"), GATE_OFF },
	{ ngx_string("shadow"), GATE_SHADOW },
	{ ngx_string("on"), GATE_ON },
	{ ngx_null_string, 0 },
};

#define EVERYWHERE  (NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF)
#define OF_LOCATION NGX_HTTP_LOC_CONF_OFFSET
#define OF_MAIN     NGX_HTTP_MAIN_CONF_OFFSET

#define MEMORY_SIZE ((size_t)32 << 20)
#define PUBLISH_MS  1000

static ngx_command_t directives[] = {
	{ ngx_string("luytre_gate"), EVERYWHERE | NGX_CONF_TAKE1, ngx_conf_set_enum_slot, OF_LOCATION,
		offsetof(struct gate_location, mode), modes },
	{ ngx_string("luytre_gate_rules"), EVERYWHERE | NGX_CONF_1MORE, gate_directive_rules, OF_LOCATION, 0, NULL },
	{ ngx_string("luytre_gate_site"), EVERYWHERE | NGX_CONF_TAKE1, ngx_conf_set_str_slot, OF_LOCATION,
		offsetof(struct gate_location, site), NULL },
	{ ngx_string("luytre_gate_tenant"), EVERYWHERE | NGX_CONF_TAKE1, ngx_conf_set_str_slot, OF_LOCATION,
		offsetof(struct gate_location, tenant), NULL },
	{ ngx_string("luytre_gate_set"), EVERYWHERE | NGX_CONF_TAKE2, gate_directive_set, OF_LOCATION, 0, NULL },
	{ ngx_string("luytre_gate_except"), EVERYWHERE | NGX_CONF_TAKE12, gate_directive_except, OF_LOCATION, 0, NULL },
	{ ngx_string("luytre_gate_events"), EVERYWHERE | NGX_CONF_TAKE1, gate_directive_events, OF_LOCATION, 0, NULL },
	{ ngx_string("luytre_gate_cache"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, gate_directive_cache, OF_MAIN, 0,
		NULL },
	{ ngx_string("luytre_gate_watch"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_msec_slot, OF_MAIN,
		offsetof(struct gate_main, watch_ms), NULL },
	{ ngx_string("luytre_gate_holds"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE12, gate_directive_holds, OF_MAIN, 0,
		NULL },
	{ ngx_string("luytre_gate_asset"), EVERYWHERE | NGX_CONF_1MORE, gate_directive_asset, OF_LOCATION, 0, NULL },
	{ ngx_string("luytre_gate_limit"), EVERYWHERE | NGX_CONF_ANY, guard_directive_limit, OF_LOCATION, 0, NULL },
	{ ngx_string("luytre_gate_slow"), EVERYWHERE | NGX_CONF_ANY, guard_directive_slow, OF_LOCATION, 0, NULL },
	{ ngx_string("luytre_gate_login"), EVERYWHERE | NGX_CONF_1MORE, guard_directive_login, OF_LOCATION, 0, NULL },
	{ ngx_string("luytre_gate_lookup"), EVERYWHERE | NGX_CONF_TAKE123, guard_directive_lookup, OF_LOCATION, 0,
		NULL },
	{ ngx_string("luytre_gate_leak"), EVERYWHERE | NGX_CONF_ANY, guard_directive_leak, OF_LOCATION, 0, NULL },
	{ ngx_string("luytre_gate_memory"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, guard_directive_memory, OF_MAIN, 0,
		NULL },
	{ ngx_string("luytre_gate_status"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS, guard_directive_status, OF_LOCATION, 0,
		NULL },
	ngx_null_command,
};

/* ---- configuration ---- */

static void stop_timer(ngx_event_t *event)
{
	if (event->timer_set) {
		ngx_del_timer(event);
	}
}

/* A process without a master outlives its configuration. */
static void free_policies(void *data)
{
	struct gate_main *conf = data;
	struct policy **policies = conf->policies.elts;

	stop_timer(&conf->poll);
	stop_timer(&conf->publish);
	gate_holds_stop(conf);
	policy_watch_stop(conf->watch);
	for (ngx_uint_t i = 0; i < conf->policies.nelts; i++)
		policy_free(policies[i]);
}

static void *create_main(ngx_conf_t *cf)
{
	struct gate_main *conf = ngx_pcalloc(cf->pool, sizeof(*conf));
	ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(cf->pool, 0);

	if (!conf || !cleanup || ngx_array_init(&conf->policies, cf->pool, 4, sizeof(struct policy *)) != NGX_OK ||
		ngx_array_init(&conf->events, cf->pool, 4, sizeof(struct gate_events *)) != NGX_OK ||
		ngx_array_init(&conf->leaks, cf->pool, 4, sizeof(struct guard_leak *)) != NGX_OK ||
		ngx_array_init(&conf->grounds, cf->pool, 4, sizeof(struct gate_ground)) != NGX_OK)
		return NULL;
	conf->zone = ngx_pcalloc(cf->pool, sizeof(*conf->zone));
	if (!conf->zone)
		return NULL;
	conf->watch_ms = NGX_CONF_UNSET_MSEC;
	conf->memory_size = NGX_CONF_UNSET_SIZE;
	cleanup->handler = free_policies;
	cleanup->data = conf;
	return conf;
}

static char *init_main(ngx_conf_t *cf, void *data)
{
	struct gate_main *conf = data;
	ngx_str_t name = ngx_string("request_id");

	ngx_conf_init_msec_value(conf->watch_ms, 1000);
	ngx_conf_init_size_value(conf->memory_size, MEMORY_SIZE);
	conf->request_id = ngx_http_get_variable_index(cf, &name);
#if (NGX_HTTP_SSL)
	name = (ngx_str_t)ngx_string("ssl_ciphers");
	conf->ssl_ciphers = ngx_http_get_variable_index(cf, &name);
	name = (ngx_str_t)ngx_string("ssl_curves");
	conf->ssl_curves = ngx_http_get_variable_index(cf, &name);
	if (conf->ssl_ciphers == NGX_ERROR || conf->ssl_curves == NGX_ERROR)
		return NGX_CONF_ERROR;
#endif
	return conf->request_id == NGX_ERROR ? NGX_CONF_ERROR : NGX_CONF_OK;
}

static void *create_server(ngx_conf_t *cf)
{
	return ngx_pcalloc(cf->pool, sizeof(struct gate_server));
}

static void *create_location(ngx_conf_t *cf)
{
	struct gate_location *conf = ngx_pcalloc(cf->pool, sizeof(*conf));

	if (!conf)
		return NULL;
	conf->mode = NGX_CONF_UNSET_UINT;
	conf->events = NGX_CONF_UNSET_PTR;
	conf->asset = NGX_CONF_UNSET_PTR;
	conf->limit = NGX_CONF_UNSET_PTR;
	conf->slow = NGX_CONF_UNSET_PTR;
	conf->login = NGX_CONF_UNSET_PTR;
	conf->lookups = NGX_CONF_UNSET_PTR;
	conf->leak = NGX_CONF_UNSET_PTR;
	return conf;
}

/* What the outer level says comes first, so that the inner one has the last word. */
static bool join(ngx_conf_t *cf, const ngx_array_t *outer, ngx_array_t **inner)
{
	ngx_array_t *joined;

	if (!outer)
		return true;
	if (!*inner) {
		*inner = ngx_array_create(cf->pool, outer->nelts, outer->size);
		joined = *inner;
	} else {
		joined = ngx_array_create(cf->pool, outer->nelts + (*inner)->nelts, outer->size);
	}
	if (!joined)
		return false;
	/* Both have room: neither call takes memory. */
	ngx_memcpy(ngx_array_push_n(joined, outer->nelts), outer->elts, outer->nelts * outer->size);
	if (joined != *inner)
		ngx_memcpy(ngx_array_push_n(joined, (*inner)->nelts), (*inner)->elts, (*inner)->nelts * outer->size);
	*inner = joined;
	return true;
}

static bool has_own(const struct gate_location *conf)
{
	return conf->mode != NGX_CONF_UNSET_UINT || conf->rules || conf->overrides || conf->exclusions ||
	       conf->site.data || conf->tenant.data;
}

/* Settings that live as long as the configuration. Strings of nginx's parser end with a NUL. */
static char *make_handle(ngx_conf_t *cf, struct gate_location *conf)
{
	struct gate_site_settings *settings = ngx_pcalloc(cf->pool, sizeof(*settings));
	struct policy *policy;

	if (!conf->rules) {
		ngx_conf_log_error(
			NGX_LOG_EMERG, cf, 0, "\"luytre_gate\" needs \"luytre_gate_rules\" here or further out");
		return NGX_CONF_ERROR;
	}
	policy = gate_policy_for(cf, conf->rules);
	if (!settings || !policy)
		return NGX_CONF_ERROR;
	settings->name = (char *)conf->site.data;
	settings->tenant = conf->tenant.len ? (char *)conf->tenant.data : NULL;
	settings->mode = conf->mode;
	if (conf->overrides) {
		settings->overrides = conf->overrides->elts;
		settings->override_count = conf->overrides->nelts;
	}
	if (conf->exclusions) {
		settings->exclusions = conf->exclusions->elts;
		settings->exclusion_count = conf->exclusions->nelts;
	}
	return policy_add_site(policy, settings, &conf->handle) == 0 ? NGX_CONF_OK : NGX_CONF_ERROR;
}

/* The name of a site that was given none: its server's. */
static bool name_site(ngx_conf_t *cf, struct gate_location *conf)
{
	const ngx_http_core_srv_conf_t *server = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
	ngx_str_t name = ngx_string("default");

	if (server->server_name.len != 0)
		name = server->server_name;
	conf->site.len = name.len;
	conf->site.data = ngx_pnalloc(cf->pool, name.len + 1);
	if (conf->site.data)
		ngx_cpystrn(conf->site.data, name.data, name.len + 1);
	return conf->site.data;
}

static char *merge_location(ngx_conf_t *cf, void *parent, void *child)
{
	const struct gate_location *outer = parent;
	struct gate_location *conf = child;
	bool own = has_own(conf);

	ngx_conf_merge_uint_value(conf->mode, outer->mode, GATE_OFF);
	ngx_conf_merge_ptr_value(conf->events, outer->events, NULL);
	ngx_conf_merge_ptr_value(conf->asset, outer->asset, NULL);
	ngx_conf_merge_str_value(conf->tenant, outer->tenant, "");
	if (!conf->rules)
		conf->rules = outer->rules;
	if (!join(cf, outer->overrides, &conf->overrides) || !join(cf, outer->exclusions, &conf->exclusions))
		return NGX_CONF_ERROR;
	if (!conf->site.data)
		conf->site = outer->site;
	if (!conf->site.data && !name_site(cf, conf))
		return NGX_CONF_ERROR;
	if (!guard_merge(cf, outer, conf) || !gate_servers_add(cf, conf))
		return NGX_CONF_ERROR;
	if (!gate_may_inspect(ngx_http_conf_get_module_main_conf(cf, ngx_http_luytre_gate_module), conf))
		return NGX_CONF_OK;
	if (!own && outer->handle) {
		conf->handle = outer->handle;
		return NGX_CONF_OK;
	}
	return make_handle(cf, conf);
}

/* ---- loading ---- */

/* Workers compile for themselves what changed while they ran. What they write may be wrong if one was taken over, so it is kept away from
 * the master, which is root. */
static bool make_cache(ngx_conf_t *cf, struct gate_main *conf)
{
	const ngx_core_conf_t *core = (ngx_core_conf_t *)ngx_get_conf(cf->cycle->conf_ctx, ngx_core_module);
	static const char tail[] = "/worker";
	char *path;

	if (conf->cache.len == 0)
		return true;
	path = ngx_pnalloc(cf->pool, conf->cache.len + sizeof(tail));
	if (!path)
		return false;
	ngx_sprintf((u_char *)path, "%V%s%Z", &conf->cache, tail);
	conf->worker_cache = (ngx_str_t){ conf->cache.len + sizeof(tail) - 1, (u_char *)path };
	if ((mkdir((char *)conf->cache.data, 0755) < 0 && ngx_errno != NGX_EEXIST) ||
		(mkdir(path, 0700) < 0 && ngx_errno != NGX_EEXIST) ||
		(geteuid() == 0 && core->user != (ngx_uid_t)NGX_CONF_UNSET_UINT &&
			chown(path, core->user, core->group) < 0))
		ngx_log_error(NGX_LOG_WARN, cf->log, ngx_errno, "luytre gate: \"%s\" cannot be made", path);
	return true;
}

static void say_why(ngx_uint_t level, ngx_log_t *log, const char *what, const char *why)
{
	for (const char *end; *why; why = *end ? end + 1 : end) {
		end = strchrnul(why, '\n');
		ngx_log_error(level, log, 0, "luytre gate: %s: %*s", what, (size_t)(end - why), why);
	}
}

static void say_loaded(ngx_log_t *log, const char *what, const struct policy *policy)
{
	struct policy_info info = policy_info(policy);

	ngx_log_error(NGX_LOG_NOTICE, log, 0, "luytre gate: %s: %s%s, %uz rules, %uz sites, %ui ms%s", what,
		policy_path(policy, 0), policy_path_count(policy) > 1 ? " ..." : "", info.plan.rule_count,
		info.site_count, (ngx_uint_t)info.plan.build_ms, info.shared ? ", unchanged" : "");
}

static ngx_int_t load_policies(ngx_conf_t *cf, struct gate_main *conf)
{
	struct policy **policies = conf->policies.elts;
	static char why[POLICY_WHY_SIZE];

	for (ngx_uint_t i = 0; i < conf->policies.nelts; i++) {
		if (policy_load(policies[i], conf->cache.len ? (char *)conf->cache.data : NULL, why) < 0) {
			say_why(NGX_LOG_EMERG, cf->log, "the rules do not load", why);
			return NGX_ERROR;
		}
		say_loaded(cf->log, "loaded", policies[i]);
	}
	return NGX_OK;
}

/* Handlers of a phase run from the last to the first: ours is the last of PREACCESS, after the real address is known and those over a
 * limit are gone, and the first of LOG, so that the access log knows what it says. */
static ngx_int_t add_first(ngx_array_t *handlers, ngx_http_handler_pt handler)
{
	ngx_http_handler_pt *all;

	if (!ngx_array_push(handlers))
		return NGX_ERROR;
	all = handlers->elts;
	ngx_memmove(all + 1, all, (handlers->nelts - 1) * sizeof(*all));
	all[0] = handler;
	return NGX_OK;
}

static ngx_int_t postconfigure(ngx_conf_t *cf)
{
	struct gate_main *conf = ngx_http_conf_get_module_main_conf(cf, ngx_http_luytre_gate_module);
	ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

	gate_response_init();
	/* `nginx -s` reads the configuration only to find a process. */
	if (ngx_process == NGX_PROCESS_SIGNALLER)
		return NGX_OK;
	if (guard_zone_add(cf, conf) != NGX_OK)
		return NGX_ERROR;
	if (conf->policies.nelts == 0)
		return NGX_OK;
	if (conf->holds && !gate_servers_note(cf))
		return NGX_ERROR;
	if (!make_cache(cf, conf) || load_policies(cf, conf) != NGX_OK)
		return NGX_ERROR;
	if (add_first(&core->phases[NGX_HTTP_PREACCESS_PHASE].handlers, gate_request_handler) != NGX_OK)
		return NGX_ERROR;
	return add_first(&core->phases[NGX_HTTP_LOG_PHASE].handlers, gate_record_handler);
}

/* ---- processes ---- */

static void poll_policies(ngx_event_t *event)
{
	struct gate_main *conf = event->data;
	struct policy **policies = conf->policies.elts;
	static char why[POLICY_WHY_SIZE];

	for (ngx_uint_t i = 0; i < conf->policies.nelts; i++) {
		switch (policy_watch_poll(conf->watch, policies[i], why)) {
		case POLICY_SAME:
			break;
		case POLICY_SWAPPED:
			policy_warm(policies[i]);
			say_loaded(event->log, "changed", policies[i]);
			gate_holds_prove(conf);
			break;
		case POLICY_REFUSED:
			say_why(NGX_LOG_ERR, event->log, "changed rules are refused, the old ones stay", why);
			break;
		}
	}
	if (!ngx_exiting)
		ngx_add_timer(event, conf->watch_ms / 2 + 1);
}

static void open_sinks(struct gate_main *conf, ngx_log_t *log)
{
	struct gate_events **events = conf->events.elts;

	for (ngx_uint_t i = 0; i < conf->events.nelts; i++) {
		if (!events[i]->file && event_sink_open((char *)events[i]->name.data, &events[i]->sink) < 0)
			ngx_log_error(NGX_LOG_ERR, log, 0, "luytre gate: no events to \"%V\"", &events[i]->name);
	}
}

static void publish(ngx_event_t *event)
{
	guard_publish(event->data);
	if (!ngx_exiting)
		ngx_add_timer(event, PUBLISH_MS);
}

/* Without memory what the engine counts is not told; nothing else changes. */
static void start_counting(struct gate_main *conf, ngx_cycle_t *cycle)
{
	if (!conf->zone->shared)
		return;
	guard_zone_start(conf->zone);
	conf->published = ngx_pcalloc(cycle->pool, (conf->policies.nelts + 1) * sizeof(*conf->published));
	conf->publish = (ngx_event_t){ .handler = publish, .data = conf, .log = cycle->log, .cancelable = 1 };
	ngx_add_timer(&conf->publish, PUBLISH_MS);
}

static struct gate_main *main_of(ngx_cycle_t *cycle)
{
	bool serving = ngx_process == NGX_PROCESS_WORKER || ngx_process == NGX_PROCESS_SINGLE;

	return serving ? ngx_http_cycle_get_module_main_conf(cycle, ngx_http_luytre_gate_module) : NULL;
}

static ngx_int_t start_process(ngx_cycle_t *cycle)
{
	struct gate_main *conf = main_of(cycle);
	struct policy **policies;

	if (!conf)
		return NGX_OK;
	start_counting(conf, cycle);
	if (conf->policies.nelts == 0)
		return NGX_OK;
	policies = conf->policies.elts;
	for (ngx_uint_t i = 0; i < conf->policies.nelts; i++)
		policy_warm(policies[i]);
	open_sinks(conf, cycle->log);
	gate_holds_start(conf, cycle);
	if (conf->watch_ms == 0)
		return NGX_OK;
	if (policy_watch_start(policies, conf->policies.nelts, (unsigned int)conf->watch_ms,
		    conf->worker_cache.len ? (char *)conf->worker_cache.data : NULL, &conf->watch) < 0) {
		ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "luytre gate: changed rules will take a reload: no thread");
		return NGX_OK;
	}
	conf->poll = (ngx_event_t){ .handler = poll_policies, .data = conf, .log = cycle->log, .cancelable = 1 };
	ngx_add_timer(&conf->poll, conf->watch_ms / 2 + 1);
	return NGX_OK;
}

static void end_process(ngx_cycle_t *cycle)
{
	struct gate_main *conf = main_of(cycle);
	struct gate_events **events;

	if (!conf)
		return;
	guard_publish(conf);
	gate_holds_stop(conf);
	policy_watch_stop(conf->watch);
	conf->watch = NULL;
	events = conf->events.elts;
	for (ngx_uint_t i = 0; i < conf->events.nelts; i++)
		event_sink_close(events[i]->sink);
}

static ngx_http_module_t context = {
	.preconfiguration = gate_record_add_variables,
	.postconfiguration = postconfigure,
	.create_main_conf = create_main,
	.init_main_conf = init_main,
	.create_srv_conf = create_server,
	.create_loc_conf = create_location,
	.merge_loc_conf = merge_location,
};

ngx_module_t ngx_http_luytre_gate_module = {
	NGX_MODULE_V1, .ctx = &context, .commands = directives, .type = NGX_HTTP_MODULE, .init_process = start_process,
	.exit_process = end_process,
	/* nothing for NGX_MODULE_V1_PADDING */
};

/* What nginx looks for in the file. Filters: ours comes before the one that reads files into memory in this list, which is behind it in
 * the order of running. */
ngx_module_t *ngx_modules[] = { &ngx_http_luytre_gate_module, NULL };
char *ngx_module_names[] = { "ngx_http_luytre_gate_module", NULL };
char *ngx_module_order[] = { "ngx_http_luytre_gate_module", "ngx_http_copy_filter_module", NULL };
