// SPDX-License-Identifier: Apache-2.0
/* See sites.h. */
#include "lab/sites.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/log.h"

static const char page_format[] =
	"<!doctype html>\n"
	"<html lang=\"vi\"><head><meta charset=\"utf-8\"><title>%s</title></head>\n"
	"<body><h1>%s</h1><p lang=\"en\">%s</p>\n"
	"<p>Trang này chạy trong phòng thí nghiệm của Lũy Tre; mọi số liệu đều là giả định.</p>\n"
	"<p lang=\"en\">This page runs in the lab of Lũy Tre; nothing on it is real.</p>\n"
	"</body></html>\n";

static const char nginx_format[] =
	"%3$sdaemon off;\nworker_processes 1;\npid %1$s/nginx.pid;\nerror_log %1$s/error.log;\n"
	"events { worker_connections 4096; }\n"
	"http {\n"
	"\taccess_log off;\n\tserver_tokens off;\n\tdefault_type text/html;\n"
	"\tclient_body_temp_path %1$s/tmp-body;\n\tproxy_temp_path %1$s/tmp-proxy;\n"
	"\tfastcgi_temp_path %1$s/tmp-fastcgi;\n\tuwsgi_temp_path %1$s/tmp-uwsgi;\n\tscgi_temp_path %1$s/tmp-scgi;\n"
	"%4$s%2$s}\n";

/* Root's: the events' socket is root's. A gate in shadow: what the hub holds is stopped all the same, and nothing else. */
static const char gate_load_format[] = "load_module %s;\nuser root;\n";
static const char gate_format[] =
	"\tluytre_gate_cache %1$s/cache;\n\tluytre_gate_rules %1$s/gate.conf %2$s/holds.conf;\n"
	"\tluytre_gate_events unix:%3$s/events1.sock;\n"
	"\tluytre_gate_holds %3$s/holds1.json samples=%2$s/samples/holds.jsonl;\n"
	"\tluytre_gate_watch 500ms;\n\tluytre_gate shadow;\n";

/* Nobody can log in. */
static const char server_format[] = "\tserver {\n\t\tlisten %s:80 backlog=1024;\n%s\t\troot %s/www/%s;\n"
				    "\t\tlocation = " LAB_LOGIN_PATH " { return 401; }\n\t}\n";

/* Small tables: the lab has few sources to remember, and a machine to share with all else it runs. */
static const char luytre_format[] =
	"# An edge of the lab. The two organisations that are flooded start in shadow mode.\n"
	"interface: lt-internet\n"
	"language: %1$s\n"
	"control_socket: %2$s\n"
	"metrics: off\n"
	"pin_dir: %3$s/edge%5$zu\n"
	"state_dir: %4$s/state%5$zu\n"
	/* All of them: a minute has to teach the hub what it otherwise learns in hours. */
	"hub:\n  enabled: true\n  events_socket: %4$s/events%5$zu.sock\n  ordinary_per_s: 2000\n"
	"gate:\n  holds_file: %4$s/holds%5$zu.json\n"
	"capacity:\n"
	"  tenants: 16\n  decisions: 64k\n  decisions_v6: 16k\n  sources: 256k\n  proven: 128k\n  flows: 128k\n"
	"  fragments: 64k\n  destinations: 16k\n  signatures: 64\n  port_sets: 16\n  tenant_prefixes: 64\n"
	"detection:\n"
	"  tick_ms: 100\n  floor_pps: 2000\n  hold_s: 3\n  samples_pps: 8000\n"
	"lists:\n"
	"  - name: blocked\n    file: blocked.txt\n    action: block\n"
	"tenants:\n%6$s";

static const char tenant_format[] = "  - name: %s\n    title: %s\n    prefixes: [%s%s%s%s]\n    mode: %s\n"
				    "    tcp_ports: [80, 443]\n    udp_ports: [%d]\n";

/* What sensors send to their edge. */
static const char sensor_format[] =
	"%%YAML 1.1\n---\noutputs:\n  - eve-log:\n      enabled: yes\n      filetype: unix_dgram\n"
	"      filename: %s/events%zu.sock\n      types: [alert, http, tls, flow]\n";

/* Three rules: a hold of the platform, of high precision, which may act on the word of one (rules/gate/holds.conf has the same one
 * for the gate); and two signs that mean something only when several see them. */
static const char rules[] =
	"alert http any any -> any 80 (msg:\"Log4Shell: JNDI lookup in a request\"; flow:established,to_server; "
	"http.user_agent; content:\"${jndi:\"; nocase; metadata:luytre_evidence e3, luytre_class web; sid:8100010; "
	"rev:1;)\n"
	"alert http any any -> any 80 (msg:\"A file that no site offers\"; flow:established,to_server; http.uri; "
	"content:\"" LAB_SCAN_PATH "\"; metadata:luytre_class scan; sid:8109001; rev:1;)\n"
	"alert http any any -> any 80 (msg:\"Many log-ins from one address\"; flow:established,to_server; http.method; "
	"content:\"POST\"; http.uri; content:\"" LAB_LOGIN_PATH
	"\"; threshold:type both, track by_both, count 5, seconds 30; "
	"metadata:luytre_class login; sid:8109002; rev:1;)\n";

int sites_write_file(const char *path, const char *format, ...)
{
	FILE *out = fopen(path, "we");
	va_list args;
	int written;

	if (out) {
		va_start(args, format);
		written = vfprintf(out, format, args);
		va_end(args);
		if (!fclose(out) && written >= 0)
			return 0;
	}
	log_error("cannot write %s: %s", path, strerror(errno));
	return LUYTRE_E_IO;
}

static int make_dir(const char *path)
{
	if (!mkdir(path, 0755) || errno == EEXIST)
		return 0;
	log_error("cannot make %s: %s", path, strerror(errno));
	return LUYTRE_E_IO;
}

static int write_page(const struct topology *topology, const struct lab_site *site)
{
	char path[192];
	int error;

	snprintf(path, sizeof(path), "%s/www/%s", topology->names->dir, site->name);
	error = make_dir(path);
	if (error)
		return error;
	snprintf(path, sizeof(path), "%s/www/%s/index.html", topology->names->dir, site->name);
	return sites_write_file(path, page_format, site->title.vi, site->title.vi, site->title.en);
}

/* One web server for all sites of a place. */
static int write_server(const struct topology *topology, enum lab_place place, const char *place_name)
{
	char dir[160], path[192], servers[8192], load[PATH_MAX + 64] = "", gate[4 * PATH_MAX] = "";
	size_t used = 0;
	int error;

	for (size_t i = 0; i < LAB_SITE_COUNT && used < sizeof(servers); i++) {
		const struct lab_site *site = &lab_sites[i];
		char listen6[80] = "";

		if (site->place != place)
			continue;
		if (site->address6)
			snprintf(listen6, sizeof(listen6), "\t\tlisten [%s]:80 backlog=1024;\n", site->address6);
		used += (size_t)snprintf(servers + used, sizeof(servers) - used, server_format, site->address4, listen6,
			topology->names->dir, site->name);
	}
	snprintf(dir, sizeof(dir), "%s/%s", topology->names->dir, place_name);
	error = make_dir(dir);
	if (error)
		return error;
	if (topology_has_gate(topology, place)) {
		snprintf(path, sizeof(path), "%s/gate.conf", dir);
		error = sites_write_file(path, "SecRuleEngine On\nSecRequestBodyAccess On\n");
		snprintf(load, sizeof(load), gate_load_format, topology->gate);
		snprintf(gate, sizeof(gate), gate_format, dir, topology->holds, topology->names->dir);
	}
	snprintf(path, sizeof(path), "%s/nginx.conf", dir);
	return error ? error : sites_write_file(path, nginx_format, dir, servers, load, gate);
}

static int write_edge(const struct topology *topology, size_t edge, const char *file)
{
	size_t first = edge ? LAB_NEAR_COUNT : 0, end = edge ? LAB_SITE_COUNT : LAB_NEAR_COUNT, used = 0;
	char path[160], tenants[8192];

	for (size_t i = first; i < end && used < sizeof(tenants); i++) {
		const struct lab_site *site = &lab_sites[i];
		const char *quote = site->prefix6 ? "\"" : "";

		used += (size_t)snprintf(tenants + used, sizeof(tenants) - used, tenant_format, site->name,
			site->title.vi, site->prefix4, site->prefix6 ? ", \"" : "", site->prefix6 ? site->prefix6 : "",
			quote, i < LAB_FLOOD_SITES ? "shadow" : "enforce", LAB_UDP_PORT);
	}
	snprintf(path, sizeof(path), "%s/%s", topology->names->dir, file);
	return sites_write_file(path, luytre_format, topology->lang == LUYTRE_LANG_VI ? "vi" : "en",
		edge ? topology->control2 : topology->control, topology->names->pin_dir, topology->names->dir, edge + 1,
		tenants);
}

static int write_sensor(const struct topology *topology, size_t edge)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/sensor%zu.yaml", topology->names->dir, edge + 1);
	return sites_write_file(path, sensor_format, topology->names->dir, edge + 1);
}

static int write_file(const struct topology *topology, const char *name, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", topology->names->dir, name);
	return sites_write_file(path, "%s", text);
}

static int make_dirs(const struct topology *topology)
{
	static const char *const names[] = { "www", "state1", "state2" };
	char path[160];
	int error = 0;

	for (size_t i = 0; i < ARRAY_COUNT(names) && !error; i++) {
		snprintf(path, sizeof(path), "%s/%s", topology->names->dir, names[i]);
		error = make_dir(path);
	}
	return error;
}

int sites_write(const struct topology *topology)
{
	static const char *const edge_files[LAB_EDGE_COUNT] = { "luytre.yaml", "edge2.yaml" };
	int error = make_dirs(topology);

	for (size_t i = 0; i < LAB_SITE_COUNT && !error; i++)
		error = write_page(topology, &lab_sites[i]);
	for (size_t i = 0; i < LAB_SITE_COUNT && !error; i++)
		if (i == 0 || lab_sites[i].place != lab_sites[i - 1].place)
			error = write_server(topology, lab_sites[i].place, topology_place_name(lab_sites[i].place));
	for (size_t i = 0; i < LAB_EDGE_COUNT && !error; i++) {
		error = write_edge(topology, i, edge_files[i]);
		if (!error)
			error = write_sensor(topology, i);
	}
	if (!error)
		error = write_file(topology, "lab.rules", rules);
	if (!error)
		error = write_file(topology, "blocked.txt",
			"# Sources that send nothing good.\n45.95.147.0/24\n2a10:9700:1::/48\n");
	return error;
}
