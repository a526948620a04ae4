// SPDX-License-Identifier: Apache-2.0
/* An edge refuses a decision for its own clients (hub.never_block of its configuration) and says so in a line of a batch:
 *
 *	{"timestamp":"...","event_type":"edge","edge":{"veto":{"decision":81,"tenant":17}}}
 *
 * Its number is that of its certificate. The tenant must be one that the edge is enrolled for: its trust is the weight of the veto (hub/decide/engine.h);
 * without one the veto is noted in the trace and weighs nothing. The same veto again changes nothing. */
#include "hub/core/internal.h"

void core_veto(struct core *core, const struct serving *serving, const struct ingest *in, int64_t now_us)
{
	const json_t *veto = json_object_get(json_object_get(in->root, "edge"), "veto");
	json_int_t id = json_integer_value(json_object_get(veto, "decision"));
	json_int_t tenant = json_integer_value(json_object_get(veto, "tenant"));

	if (id <= 0)
		return;
	trace_veto(core->trace, (uint64_t)id, in->event.edge, now_us);
	if (tenant > 0 && tenant <= UINT32_MAX && serving_has(serving, (uint32_t)tenant))
		(void)!engine_veto(core->engine, now_us, (uint64_t)id, (uint32_t)tenant, in->event.edge);
}
