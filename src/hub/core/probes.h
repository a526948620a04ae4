// SPDX-License-Identifier: Apache-2.0
/* Looking at all names of an organisation at once (hub/posture/probe/dns.h), for the person at the hub's machine. Nothing is asked without the
 * owner's consent (consent.h). Over a database handle of its own, without the core's lock; blocking; any thread. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "hub/posture/probe/dns.h"

enum {
	CORE_PROBE_NAMES_MAX = 1000, /* in one call */
	CORE_PROBE_MS = 30000, /* no further name is asked after that */
};

struct core_probe_sum {
	uint32_t names; /* that the organisation has, CORE_PROBE_NAMES_MAX at most */
	uint32_t asked, wrong; /* names; things that are wrong, each a finding */
	uint32_t unanswered; /* not all questions were answered, and nothing was changed */
	uint32_t refused; /* no consent */
	uint32_t left; /* the time was over */
};

struct core;

/* 'resolver' as in dns_probe; null: the host's. LUYTRE_E_PERMISSION: there is consent for none of the names; LUYTRE_E_NOT_FOUND: it has no name;
 * LUYTRE_E_SYSTEM: there is no resolver; and what the database says. */
MUST_CHECK int core_probe_names(
	struct core *core, uint32_t tenant, const struct dns_resolver *resolver, struct core_probe_sum *ret);
