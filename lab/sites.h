// SPDX-License-Identifier: Apache-2.0
/* The files of a run: pages and configuration of the two web servers, configuration and block list of luytre. */
#pragma once

#include "base/compiler.h"
#include "lab/topology.h"

/* Writes all of them below the run's folder: SITE/nginx.conf and SITE/www for each site, luytre.yaml, blocked.txt.
 * 0 or LUYTRE_E_IO, logged. */
MUST_CHECK int sites_write(const struct topology *topology);

/* Writes a text file. 0 or LUYTRE_E_IO, logged. */
PRINTF_LIKE(2, 3) MUST_CHECK int sites_write_file(const char *path, const char *format, ...);
