// SPDX-License-Identifier: Apache-2.0
/* What the configuration's servers are called, where they listen, and which locations they have: nginx forgets most of it when the
 * configuration is read. */
#include "gate/nginx/module.h"

#include "gate/hold/index.h"

/* ---- names ---- */

static bool take_names(ngx_conf_t *cf, const ngx_http_core_srv_conf_t *core, struct gate_server *server)
{
	const ngx_http_server_name_t *names = core->server_names.elts;
	struct bytes *texts = ngx_pcalloc(cf->pool, (core->server_names.nelts + 1) * sizeof(*texts));

	server->regexes = ngx_array_create(cf->pool, 1, sizeof(ngx_regex_t *));
	if (!texts || !server->regexes)
		return false;
	for (ngx_uint_t i = 0; i < core->server_names.nelts; i++) {
#if (NGX_PCRE)
		if (names[i].regex) {
			ngx_regex_t **regex = ngx_array_push(server->regexes);

			if (!regex)
				return false;
			*regex = names[i].regex->regex;
			server->about.any_name = true;
			continue;
		}
#endif
		texts[server->about.name_count++] = gate_bytes(names[i].name);
	}
	server->about.names = texts;
	return true;
}

/* nginx has made the letters of both small. */
bool gate_server_has_name(const void *context, struct bytes host)
{
	const struct gate_server *server = context;
#if (NGX_PCRE)
	ngx_regex_t *const *regexes = server->regexes->elts;
	ngx_str_t text = { host.size, (u_char *)(uintptr_t)host.ptr };

	for (ngx_uint_t i = 0; i < server->regexes->nelts; i++) {
		if (ngx_regex_exec(regexes[i], &text, NULL, 0) >= 0)
			return true;
	}
#endif
	return hold_server_has_name(&server->about, host);
}

bool gate_read_address(const struct sockaddr *socket, struct ip_addr *ret)
{
	if (socket && socket->sa_family == AF_INET)
		*ret = ip_addr_v4(&((const struct sockaddr_in *)(const void *)socket)->sin_addr);
	else if (socket && socket->sa_family == AF_INET6)
		*ret = ip_addr_v6(&((const struct sockaddr_in6 *)(const void *)socket)->sin6_addr);
	else
		return false;
	return true;
}

/* ---- addresses ---- */

static struct gate_server *server_of(const ngx_http_core_srv_conf_t *core)
{
	return core->ctx->srv_conf[ngx_http_luytre_gate_module.ctx_index];
}

static bool add_address(const ngx_http_conf_addr_t *addr, struct gate_server *server)
{
	static const struct ip_addr none[] = { { .family = IP_V4 }, { .family = IP_V6 } };
	struct ip_prefix *prefix;
	struct ip_addr address;

	if (!gate_read_address(addr->opt.sockaddr, &address))
		return true;
	prefix = ngx_array_push(server->addresses);
	if (!prefix)
		return false;
	*prefix = place_of_address(&address);
	if (ip_addr_equal(&address, &none[0]) || ip_addr_equal(&address, &none[1]))
		prefix->length = 0;
	return true;
}

static bool take_addresses(const ngx_http_conf_addr_t *addr)
{
	ngx_http_core_srv_conf_t *const *servers = addr->servers.elts;

	for (ngx_uint_t i = 0; i < addr->servers.nelts; i++) {
		struct gate_server *server = server_of(servers[i]);

		if (!add_address(addr, server))
			return false;
		server->about.is_default |= servers[i] == addr->default_server;
		server->about.addresses = server->addresses->elts;
		server->about.address_count = server->addresses->nelts;
	}
	return true;
}

/* ---- locations ---- */

/* Whether "location /" takes what the server has no other for: the server's own settings then serve nobody. Its nested locations are known
 * when it is merged, and not sorted yet. */
static bool has_root(const ngx_http_core_loc_conf_t *core)
{
	const ngx_queue_t *all = core->locations;

	for (const ngx_queue_t *at = all ? ngx_queue_head(all) : NULL; at && at != all; at = ngx_queue_next(at)) {
		const ngx_http_location_queue_t *queued = (const ngx_http_location_queue_t *)at;

		if (queued->inclusive && queued->name->len == 1 && queued->name->data[0] == '/')
			return true;
	}
	return false;
}

bool gate_servers_add(ngx_conf_t *cf, const struct gate_location *location)
{
	struct gate_main *conf = ngx_http_conf_get_module_main_conf(cf, ngx_http_luytre_gate_module);
	const ngx_http_core_loc_conf_t *core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
	struct gate_ground *ground;

	if (!conf->holds || (core->name.len == 0 && has_root(core)))
		return true;
	ground = ngx_array_push(&conf->grounds);
	if (!ground)
		return false;
	ground->server = ngx_http_conf_get_module_srv_conf(cf, ngx_http_luytre_gate_module);
	ground->location = location;
	return true;
}

bool gate_servers_note(ngx_conf_t *cf)
{
	const ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
	ngx_http_core_srv_conf_t *const *servers = core->servers.elts;
	const ngx_http_conf_port_t *ports = core->ports ? core->ports->elts : NULL;

	for (ngx_uint_t i = 0; i < core->servers.nelts; i++) {
		struct gate_server *server = server_of(servers[i]);

		server->addresses = ngx_array_create(cf->pool, 2, sizeof(struct ip_prefix));
		if (!server->addresses || !take_names(cf, servers[i], server))
			return false;
	}
	for (ngx_uint_t i = 0; ports && i < core->ports->nelts; i++) {
		const ngx_http_conf_addr_t *addrs = ports[i].addrs.elts;

		for (ngx_uint_t k = 0; k < ports[i].addrs.nelts; k++) {
			if (!take_addresses(&addrs[k]))
				return false;
		}
	}
	return true;
}
