// SPDX-License-Identifier: Apache-2.0
/* What it costs an engine to load the rules, and what sites cost on top. Measured in a process of its own: memory is what that process
 * has more than before (anonymous pages, RssAnon of proc(5)). */
#pragma once

#include "tests/bench/gate/engine.h"

struct load_cost {
	double load_ms; /* processor time */
	double one_site_mb, more_sites_mb; /* 10^6 bytes; after one request */
};

/* Loads the rules and adds 'sites' sites to the first. 'cache_dir' may be null. LUYTRE_E_UNSUPPORTED when the engine is not installed. */
MUST_CHECK int load_measure(const struct engine_kind *kind, const char *rules_path, const char *cache_dir,
	unsigned int sites, struct load_cost *ret);
