// SPDX-License-Identifier: Apache-2.0
/* See lists.h. */
#include "shield/lists.h"

#include <stdio.h>

#include "base/error.h"
#include "shield/listfile.h"

enum { BREADTH_MIN_V4 = 8, BREADTH_MIN_V6 = 16 };

const char *lists_name(const struct config *config, uint32_t list)
{
	static const char *const fixed[LISTS_FIRST] = {
		[LISTS_OPERATOR] = "operator", [LISTS_CONFIG] = "config", [LISTS_HUB] = "hub", [LISTS_EDGE] = "edge"
	};

	if (list < LISTS_FIRST)
		return fixed[list];
	list -= LISTS_FIRST;
	return list < config->list_count ? config->lists[list].name : NULL;
}

void lists_explain_error(const struct decisions *decisions, int error, char *why, size_t why_size)
{
	struct decisions_refusal refused = decisions_refused(decisions);
	char text[IP_PREFIX_TEXT_SIZE];

	if (error == LUYTRE_E_FULL && refused.ceiling != DECISIONS_CEILING_NONE)
		snprintf(why, why_size,
			"the lists do not fit (%s at %s); raise capacity.decisions or capacity.decisions_v6",
			decisions_ceiling_name(refused.ceiling), ip_prefix_format(&refused.prefix, text));
	else
		snprintf(why, why_size, "the lists cannot be loaded: %s", error_text(error, LUYTRE_LANG_EN));
}

/* A slip in somebody's feed must not block a continent: no registry gives out more than a /8 or an
 * IPv6 /16 at once. People may still block more, one decision at a time. */
static int check_breadth(const struct config_list *list, const struct listfile *file, char *why, size_t why_size)
{
	char text[IP_PREFIX_TEXT_SIZE];

	why[0] = 0;
	for (size_t i = 0; list->action == CONFIG_LIST_BLOCK && i < file->count; i++) {
		const struct ip_prefix *prefix = &file->items[i];

		if (prefix->length >= (prefix->addr.family == IP_V4 ? BREADTH_MIN_V4 : BREADTH_MIN_V6))
			continue;
		snprintf(why, why_size, "%s: %s is too wide for a block list (at least /%d for IPv4, /%d for IPv6)",
			list->file, ip_prefix_format(prefix, text), BREADTH_MIN_V4, BREADTH_MIN_V6);
		return LUYTRE_E_RANGE;
	}
	return 0;
}

static int put_file(
	struct decisions *decisions, const struct config_list *list, uint32_t number, char *why, size_t why_size)
{
	static const uint8_t actions[] = { [CONFIG_LIST_BLOCK] = SHIELD_ACTION_BLOCK,
		[CONFIG_LIST_ALLOW] = SHIELD_ACTION_ALLOW,
		[CONFIG_LIST_BOGON] = SHIELD_ACTION_BOGON };
	struct decision decision = {
		.action = actions[list->action], .list = (uint8_t)number, .expiry_ns = DECISIONS_NEVER
	};
	struct listfile_error bad;
	struct listfile file;
	int error = listfile_read(list->file, &file, &bad);

	if (error) {
		listfile_error_text(&bad, why, why_size);
		return error;
	}
	snprintf(decision.reason, sizeof(decision.reason), "%s", list->name);
	error = check_breadth(list, &file, why, why_size);
	for (size_t i = 0; i < file.count && !error; i++) {
		decision.prefix = file.items[i];
		error = decisions_put(decisions, &decision);
	}
	listfile_done(&file);
	if (error && !why[0])
		lists_explain_error(decisions, error, why, why_size);
	return error;
}

static int put_prefixes(struct decisions *decisions, const struct config_prefixes *prefixes, uint32_t slot,
	uint8_t action, const char *reason)
{
	struct decision decision = {
		.tenant = (uint16_t)slot, .action = action, .list = LISTS_CONFIG, .expiry_ns = DECISIONS_NEVER
	};
	int error = 0;

	snprintf(decision.reason, sizeof(decision.reason), "%s", reason);
	for (size_t i = 0; i < prefixes->count && !error; i++) {
		decision.prefix = prefixes->items[i];
		error = decisions_put(decisions, &decision);
	}
	return error;
}

/* A tenant's own addresses are no source from outside, whichever tenant the packet is for. */
static int put_tenant(struct decisions *decisions, const struct config_tenant *tenant, uint32_t slot)
{
	const struct {
		const struct config_prefixes *prefixes;
		uint32_t slot;
		uint8_t action;
		const char *reason;
	} rows[] = {
		{ &tenant->allow, slot, SHIELD_ACTION_ALLOW, "allow" },
		{ &tenant->reply_servers, slot, SHIELD_ACTION_REPLY, "reply_servers" },
		{ &tenant->prefixes, SHIELD_TENANT_UNMAPPED, SHIELD_ACTION_OWN, "protected" },
	};
	int error = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rows) && !error; i++)
		error = put_prefixes(decisions, rows[i].prefixes, rows[i].slot, rows[i].action, rows[i].reason);
	return error;
}

int lists_put(struct decisions *decisions, const struct policy *policy, const struct config *config, char *why,
	size_t why_size)
{
	int error = 0;

	for (size_t i = 0; i < config->list_count && !error; i++)
		error = put_file(decisions, &config->lists[i], LISTS_FIRST + (uint32_t)i, why, why_size);
	if (error)
		return error;
	for (size_t i = 0; i < config->tenant_count && !error; i++)
		error = put_tenant(decisions, &config->tenants[i], policy_slot(policy, config->tenants[i].name));
	if (error)
		lists_explain_error(decisions, error, why, why_size);
	return error;
}
