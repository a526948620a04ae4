// SPDX-License-Identifier: Apache-2.0
/* The two engines that are compared, driven alike: one call a request, as their nginx modules do it.
 *
 * An engine is opened with one file of rules, which includes the others. Errors are logged. One thread. */
#pragma once

#include "base/compiler.h"
#include "tests/bench/gate/requests.h"

struct engine; /* of the kind that opened it */

struct engine_kind {
	const char *name;
	/* 'cache_dir' may be null. LUYTRE_E_*; LUYTRE_E_UNSUPPORTED when the library is not installed. */
	int (*open)(const char *rules_path, const char *cache_dir, struct engine **ret);
	void (*close)(struct engine *engine);
	/* All that the rules do with a request, up to logging. '*ret_told' is how many messages they had. */
	int (*judge)(struct engine *engine, const struct request *request, unsigned int *ret_told);
	/* One more site with the same rules and one of them taken away; lives as long as the engine. */
	int (*add_site)(struct engine *engine);
};

extern const struct engine_kind engine_ours, engine_modsecurity;
