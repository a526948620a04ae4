// SPDX-License-Identifier: Apache-2.0
/* Directives that are more than a word. Strings of nginx's parser end with a NUL and live as long as the configuration. */
#include "gate/nginx/module.h"

#include "base/error.h"

static void *push(ngx_conf_t *cf, ngx_array_t **array, size_t size)
{
	if (!*array)
		*array = ngx_array_create(cf->pool, 4, size);
	return *array ? ngx_array_push(*array) : NULL;
}

char *gate_directive_rules(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
	struct gate_location *location = conf;
	const ngx_str_t *words = cf->args->elts;

	for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
		ngx_str_t *path = push(cf, &location->rules, sizeof(*path));

		if (!path)
			return NGX_CONF_ERROR;
		*path = words[i];
		if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK)
			return NGX_CONF_ERROR;
	}
	return NGX_CONF_OK;
}

static bool has_paths(const struct policy *policy, const ngx_array_t *rules)
{
	const ngx_str_t *paths = rules->elts;

	if (policy_path_count(policy) != rules->nelts)
		return false;
	for (ngx_uint_t i = 0; i < rules->nelts; i++) {
		if (strcmp(policy_path(policy, i), (const char *)paths[i].data) != 0)
			return false;
	}
	return true;
}

struct policy *gate_policy_for(ngx_conf_t *cf, const ngx_array_t *rules)
{
	struct gate_main *conf = ngx_http_conf_get_module_main_conf(cf, ngx_http_luytre_gate_module);
	struct policy **policies = conf->policies.elts;
	const ngx_str_t *paths = rules->elts;
	struct policy **added;

	for (ngx_uint_t i = 0; i < conf->policies.nelts; i++) {
		if (has_paths(policies[i], rules))
			return policies[i];
	}
	added = ngx_array_push(&conf->policies);
	if (!added)
		return NULL;
	*added = policy_new();
	for (ngx_uint_t i = 0; *added && i < rules->nelts; i++) {
		if (policy_add_path(*added, (const char *)paths[i].data) < 0)
			return NULL;
	}
	return *added;
}

char *gate_directive_set(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
	struct gate_location *location = conf;
	const ngx_str_t *words = cf->args->elts;
	struct gate_tx_override *override = push(cf, &location->overrides, sizeof(*override));

	if (!override)
		return NGX_CONF_ERROR;
	if (words[1].len < 4 || ngx_strncasecmp(words[1].data, (u_char *)"tx.", 3) != 0) {
		ngx_conf_log_error(
			NGX_LOG_EMERG, cf, 0, "\"%V\" is no variable that can be set: expected tx.NAME", &words[1]);
		return NGX_CONF_ERROR;
	}
	*override = (struct gate_tx_override){ (char *)words[1].data + 3, (char *)words[2].data };
	return NGX_CONF_OK;
}

/* "942100" or "942100-942199". */
static bool read_ids(ngx_str_t text, struct gate_exclusion *ret)
{
	u_char *dash = ngx_strlchr(text.data, text.data + text.len, '-');
	size_t size = dash ? (size_t)(dash - text.data) : text.len;
	off_t first = ngx_atoof(text.data, size), last = first;

	if (dash)
		last = ngx_atoof(dash + 1, text.len - size - 1);
	if (first < 1 || last < first)
		return false;
	ret->first_id = (uint64_t)first;
	ret->last_id = (uint64_t)last;
	return true;
}

char *gate_directive_except(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
	struct gate_location *location = conf;
	const ngx_str_t *words = cf->args->elts;
	struct gate_exclusion *exclusion = push(cf, &location->exclusions, sizeof(*exclusion));

	if (!exclusion)
		return NGX_CONF_ERROR;
	*exclusion = (struct gate_exclusion){ 0 };
	if (words[1].len > 4 && ngx_strncmp(words[1].data, "tag=", 4) == 0) {
		exclusion->tag = (char *)words[1].data + 4;
	} else if (!read_ids(words[1], exclusion)) {
		ngx_conf_log_error(
			NGX_LOG_EMERG, cf, 0, "\"%V\" names no rule: expected ID, FIRST-LAST or tag=TAG", &words[1]);
		return NGX_CONF_ERROR;
	}
	if (cf->args->nelts == 3)
		exclusion->target = (char *)words[2].data;
	return NGX_CONF_OK;
}

char *gate_directive_events(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
	struct gate_main *main = ngx_http_conf_get_module_main_conf(cf, ngx_http_luytre_gate_module);
	struct gate_location *location = conf;
	struct gate_events **all = main->events.elts, **added;
	ngx_str_t name = ((ngx_str_t *)cf->args->elts)[1];
	bool is_socket = ngx_strncmp(name.data, "unix:", 5) == 0;

	if (location->events != NGX_CONF_UNSET_PTR)
		return "is duplicate";
	location->events = NULL;
	if (ngx_strcmp(name.data, "off") == 0)
		return NGX_CONF_OK;
	if (!is_socket && ngx_conf_full_name(cf->cycle, &name, 0) != NGX_OK)
		return NGX_CONF_ERROR;
	for (ngx_uint_t i = 0; i < main->events.nelts; i++) {
		if (ngx_strcmp(all[i]->name.data, name.data) == 0) {
			location->events = all[i];
			return NGX_CONF_OK;
		}
	}
	added = ngx_array_push(&main->events);
	if (!added)
		return NGX_CONF_ERROR;
	*added = ngx_pcalloc(cf->pool, sizeof(**added));
	if (!*added)
		return NGX_CONF_ERROR;
	(*added)->name = name;
	if (!is_socket) {
		(*added)->file = ngx_conf_open_file(cf->cycle, &name);
		if (!(*added)->file)
			return NGX_CONF_ERROR;
	}
	location->events = *added;
	return NGX_CONF_OK;
}

char *gate_directive_cache(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
	struct gate_main *main = conf;

	if (main->cache.data)
		return "is duplicate";
	main->cache = ((ngx_str_t *)cf->args->elts)[1];
	return ngx_conf_full_name(cf->cycle, &main->cache, 0) == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}
