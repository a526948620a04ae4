// SPDX-License-Identifier: Apache-2.0
/* What the operator never blocks (hub.never_block) goes before what the hub decides: such a decision does not reach the shield, and the hub
 * hears of it in a line of a batch:
 *
 *	{"timestamp":"...","event_type":"edge","edge":{"veto":{"decision":81,"tenant":17}}}
 *
 * The tenant is the first of this edge that the hub knows (hub_id): its trust is the weight of the veto. Found under table_lock by whoever
 * applies decisions, told by the loop; after a resync it is told again. */
#include <time.h>

#include "base/jsonw.h"
#include "edge/link/internal.h"

enum { VETO_LINE_MAX = 256 };

static void note(void *context, uint64_t id)
{
	struct link *link = context;

	if (link->veto_count < LINK_VETOES_MAX)
		link->vetoes[link->veto_count++] = id;
	else
		LINK_COUNT(link, vetoes_lost, 1);
}

void veto_open(struct link *link)
{
	const struct config_prefixes *never = &link->config->hub.never_block;

	standing_set_never(link->standing, never->items, never->count, note, link);
}

static uint32_t own_tenant(const struct link *link)
{
	for (size_t i = 0; i < link->config->tenant_count; i++)
		if (link->config->tenants[i].hub_id)
			return link->config->tenants[i].hub_id;
	return 0;
}

static void tell(struct link *link, uint64_t id)
{
	time_t now = (time_t)(link_real_us() / 1000000);
	uint32_t tenant = own_tenant(link);
	struct jsonw json;
	struct bytes line;
	struct tm parts;
	char time[48];

	strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S.000000+0000", gmtime_r(&now, &parts));
	jsonw_init(&json, VETO_LINE_MAX);
	jsonw_object_begin(&json);
	jsonw_kv_string(&json, "timestamp", time);
	jsonw_kv_string(&json, "event_type", "edge");
	jsonw_kv_object_begin(&json, "edge");
	jsonw_kv_object_begin(&json, "veto");
	jsonw_kv_u64(&json, "decision", id);
	if (tenant)
		jsonw_kv_u64(&json, "tenant", tenant);
	jsonw_object_end(&json);
	jsonw_object_end(&json);
	jsonw_object_end(&json);
	if (!jsonw_text(&json, &line))
		intake_own(link, line);
	jsonw_done(&json);
}

void veto_tick(struct link *link)
{
	uint64_t ids[LINK_VETOES_MAX];
	size_t count;

	if (pthread_mutex_trylock(&link->table_lock))
		return;
	count = link->veto_count;
	memcpy(ids, link->vetoes, count * sizeof(*ids));
	link->veto_count = 0;
	pthread_mutex_unlock(&link->table_lock);
	for (size_t i = 0; i < count; i++)
		tell(link, ids[i]);
}
