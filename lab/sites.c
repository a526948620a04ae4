// SPDX-License-Identifier: Apache-2.0
/* See sites.h. */
#include "lab/sites.h"

#include <errno.h>
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
	"daemon off;\nworker_processes 1;\npid %1$s/nginx.pid;\nerror_log %1$s/error.log;\n"
	"events { worker_connections 4096; }\n"
	"http {\n"
	"\taccess_log off;\n\tserver_tokens off;\n\tdefault_type text/html;\n"
	"\tclient_body_temp_path %1$s/tmp-body;\n\tproxy_temp_path %1$s/tmp-proxy;\n"
	"\tfastcgi_temp_path %1$s/tmp-fastcgi;\n\tuwsgi_temp_path %1$s/tmp-uwsgi;\n\tscgi_temp_path %1$s/tmp-scgi;\n"
	"\tserver {\n\t\tlisten %2$s:80 backlog=1024;\n\t\tlisten [%3$s]:80 backlog=1024;\n\t\troot %1$s/www;\n\t}\n"
	"}\n";

/* Small tables: the lab has few sources to remember, and a machine to share with all else it runs. */
static const char luytre_format[] =
	"# The edge of the lab. Both organisations start in shadow mode.\n"
	"interface: lt-internet\n"
	"language: %1$s\n"
	"control_socket: %2$s\n"
	"metrics: off\n"
	"pin_dir: %3$s\n"
	"state_dir: %4$s/state\n"
	"capacity:\n"
	"  tenants: 16\n  decisions: 64k\n  decisions_v6: 16k\n  sources: 256k\n  proven: 128k\n  flows: 128k\n"
	"  fragments: 64k\n  destinations: 16k\n  signatures: 64\n  port_sets: 16\n  tenant_prefixes: 64\n"
	"detection:\n"
	"  tick_ms: 100\n  floor_pps: 2000\n  hold_s: 3\n  samples_pps: 8000\n"
	"lists:\n"
	"  - name: blocked\n    file: blocked.txt\n    action: block\n"
	"tenants:\n%5$s%6$s";

static const char tenant_format[] = "  - name: %s\n    title: %s\n    prefixes: [%s, \"%s\"]\n    mode: shadow\n"
				    "    tcp_ports: [80, 443]\n    udp_ports: [%d]\n";

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

static int write_site(const struct topology *topology, const struct lab_site *site)
{
	char dir[160], path[192];
	int error;

	snprintf(dir, sizeof(dir), "%s/%s", topology->names->dir, site->name);
	error = make_dir(dir);
	if (error)
		return error;
	snprintf(path, sizeof(path), "%s/www", dir);
	error = make_dir(path);
	if (error)
		return error;
	snprintf(path, sizeof(path), "%s/www/index.html", dir);
	error = sites_write_file(path, page_format, site->title.vi, site->title.vi, site->title.en);
	if (error)
		return error;
	snprintf(path, sizeof(path), "%s/nginx.conf", dir);
	return sites_write_file(path, nginx_format, dir, site->address4, site->address6);
}

static int write_luytre(const struct topology *topology)
{
	char path[160], tenants[LAB_SITE_COUNT][512];

	for (size_t i = 0; i < LAB_SITE_COUNT; i++)
		snprintf(tenants[i], sizeof(tenants[i]), tenant_format, lab_sites[i].name, lab_sites[i].title.vi,
			lab_sites[i].prefix4, lab_sites[i].prefix6, LAB_UDP_PORT);
	snprintf(path, sizeof(path), "%s/luytre.yaml", topology->names->dir);
	return sites_write_file(path, luytre_format, topology->lang == LUYTRE_LANG_VI ? "vi" : "en", topology->control,
		topology->names->pin_dir, topology->names->dir, tenants[0], tenants[1]);
}

int sites_write(const struct topology *topology)
{
	char path[160];
	int error = 0;

	for (size_t i = 0; i < LAB_SITE_COUNT && !error; i++)
		error = write_site(topology, &lab_sites[i]);
	if (error)
		return error;
	snprintf(path, sizeof(path), "%s/state", topology->names->dir);
	error = make_dir(path);
	if (error)
		return error;
	snprintf(path, sizeof(path), "%s/blocked.txt", topology->names->dir);
	error = sites_write_file(path, "# Sources that send nothing good.\n45.95.147.0/24\n2a10:9700:1::/48\n");
	return error ? error : write_luytre(topology);
}
