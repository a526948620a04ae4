// SPDX-License-Identifier: Apache-2.0
#include "sensor/rules/tenants.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/table.h"
#include "sensor/config/tree.h"
#include "sensor/rules/text.h"

struct tenant_row {
	const char *name;
	const struct conf_node *vars;
	const char *thresholds; /* path; null: none of its own */
	uint8_t mode; /* enum tenant_mode */
};

struct tenant_set {
	const char *path;
	uint64_t *members; /* bits */
};

struct verdict_key {
	uint32_t tenant, gid, sid;
};

struct tenants {
	struct tenant_row *rows; /* by number; row 0 is unused */
	uint32_t count;
	struct tenant_set *sets; /* by number from 1 */
	uint32_t set_count, set_room;
	struct table *networks; /* struct ip_prefix -> tenant */
	uint32_t lengths[2][5]; /* bits: prefix lengths in use, IPv4 and IPv6 */
	struct table *verdicts; /* struct verdict_key -> enum tenant_verdict */
};

static int complain(const struct conf_node *node, const char *what, const char *found)
{
	log_error("%s:%u: tenants: %s, found \"%s\"", node->file, node->line, what, found);
	return LUYTRE_E_SYNTAX;
}

/* A key without padding that could differ. */
static void prefix_key(const struct ip_prefix *prefix, uint8_t key[18])
{
	key[0] = prefix->addr.family;
	key[1] = prefix->length;
	memcpy(key + 2, prefix->addr.bytes, 16);
}

static int add_network(struct tenants *t, uint32_t tenant, const struct conf_node *node, const char *text)
{
	struct ip_prefix prefix;
	uint8_t key[18];
	uint32_t *owner;
	bool created;

	if (ip_prefix_parse(bytes_from_str(text), IP_PREFIX_MASK_HOST_BITS, &prefix))
		return complain(node, "expected an address or prefix", text);
	prefix_key(&prefix, key);
	owner = table_insert(t->networks, key, &created);
	if (!owner)
		return LUYTRE_E_FULL;
	if (!created && *owner != tenant) {
		log_error("%s:%u: tenants: %s belongs to %s already, %s cannot have it too", node->file, node->line,
			text, t->rows[*owner].name, t->rows[tenant].name);
		return LUYTRE_E_CONFLICT;
	}
	*owner = tenant;
	t->lengths[prefix.addr.family == IP_V6][prefix.length / 32] |= 1u << prefix.length % 32;
	return 0;
}

static int add_rule_file(struct tenants *t, uint32_t tenant, const char *path)
{
	uint32_t set;

	for (set = 1; set <= t->set_count; set++)
		if (!strcmp(t->sets[set].path, path))
			break;
	if (set > t->set_count) {
		if (set == TENANT_SETS_MAX)
			return LUYTRE_E_FULL;
		if (set >= t->set_room) {
			uint32_t room = t->set_room ? 2 * t->set_room : 16;
			struct tenant_set *grown = realloc(t->sets, room * sizeof(*grown));

			if (!grown)
				return LUYTRE_E_NOMEM;
			t->sets = grown;
			t->set_room = room;
		}
		t->sets[set].path = path;
		t->sets[set].members = calloc(TENANTS_MAX / 64 + 1, sizeof(uint64_t));
		if (!t->sets[set].members)
			return LUYTRE_E_NOMEM;
		t->set_count = set;
	}
	t->sets[set].members[tenant / 64] |= UINT64_C(1) << tenant % 64;
	return 0;
}

/* "2024208: drop", "1:2030002: off" */
static int add_verdict(struct tenants *t, uint32_t tenant, const struct conf_node *node)
{
	static const char *const words[] = { "alert", "drop", "off", NULL };
	struct verdict_key key = { .tenant = tenant, .gid = 1 };
	struct bytes text = bytes_from_str(node->name), first;
	int word = node->text ? rule_text_choice(bytes_from_str(node->text), words) : -1;
	uint8_t *verdict;

	if (bytes_index(text, ':') != text.size) {
		rule_text_item(&text, ':', &first);
		if (!rule_text_u32(first, &key.gid))
			return complain(node, "expected gid:sid", node->name);
	}
	if (!rule_text_u32(rule_text_trim(text), &key.sid))
		return complain(node, "expected the number of a rule", node->name);
	if (word < 0)
		return complain(node, "expected alert, drop or off", node->text ? node->text : "");
	verdict = table_insert(t->verdicts, &key, NULL);
	if (!verdict)
		return LUYTRE_E_FULL;
	*verdict = (uint8_t)(TENANT_ALERT + word);
	return 0;
}

static int add_tenant(struct tenants *t, const struct conf_node *item)
{
	static const char *const modes[] = { "enforce", "shadow", "off", NULL };
	const struct conf_node *options = conf_item_options(item);
	const char *mode = conf_text(options, "mode", "enforce");
	uint32_t tenant = ++t->count;
	int choice = rule_text_choice(bytes_from_str(mode), modes), error = 0;

	t->rows[tenant].name = conf_item_name(item);
	t->rows[tenant].vars = conf_get(options, "vars");
	t->rows[tenant].thresholds = conf_text(options, "threshold-file", NULL);
	if (choice < 0)
		return complain(item, "mode is enforce, shadow or off", mode);
	t->rows[tenant].mode = (uint8_t)choice;
	for (size_t i = 0; i < conf_values_count(conf_get(options, "networks")) && !error; i++)
		error = add_network(t, tenant, item, conf_value_at(conf_get(options, "networks"), i));
	for (size_t i = 0; i < conf_values_count(conf_get(options, "rule-files")) && !error; i++)
		error = add_rule_file(t, tenant, conf_value_at(conf_get(options, "rule-files"), i));
	CONF_FOR(verdict, conf_get(options, "verdicts"))
	{
		if (!error)
			error = add_verdict(t, tenant, verdict);
	}
	return error;
}

int tenants_new(const struct conf_node *root, struct tenants **ret)
{
	const struct conf_node *list = conf_get(root, "tenants");
	struct siphash_key key;
	struct tenants *t;
	int error = 0;

	*ret = NULL;
	if (!list || !list->children_count)
		return 0;
	if (list->children_count >= TENANTS_MAX)
		return complain(list, "too many tenants", list->name);
	t = calloc(1, sizeof(*t));
	if (!t)
		return LUYTRE_E_NOMEM;
	error = siphash_key_random(&key);
	t->rows = calloc((size_t)list->children_count + 1, sizeof(*t->rows));
	t->networks = error ? NULL : table_new(18, sizeof(uint32_t), TENANT_NETWORKS_MAX, key);
	t->verdicts = error ? NULL : table_new(sizeof(struct verdict_key), 1, TENANT_NETWORKS_MAX, key);
	if (!error && (!t->rows || !t->networks || !t->verdicts))
		error = LUYTRE_E_NOMEM;
	CONF_FOR(item, list)
	{
		if (!error)
			error = add_tenant(t, item);
	}
	if (error) {
		tenants_free(t);
		return error;
	}
	*ret = t;
	return 0;
}

void tenants_free(struct tenants *tenants)
{
	if (!tenants)
		return;
	for (uint32_t i = 1; i <= tenants->set_count; i++)
		free(tenants->sets[i].members);
	free(tenants->sets);
	free(tenants->rows);
	table_free(tenants->networks);
	table_free(tenants->verdicts);
	free(tenants);
}

uint32_t tenants_count(const struct tenants *tenants)
{
	return tenants ? tenants->count : 0;
}

const char *tenants_name(const struct tenants *tenants, uint32_t tenant)
{
	return tenants && tenant && tenant <= tenants->count ? tenants->rows[tenant].name : NULL;
}

enum tenant_mode tenants_mode(const struct tenants *tenants, uint32_t tenant)
{
	return tenants && tenant && tenant <= tenants->count ? tenants->rows[tenant].mode : TENANT_ENFORCE;
}

const struct conf_node *tenants_vars(const struct tenants *tenants, uint32_t tenant)
{
	return tenants->rows[tenant].vars;
}

const char *tenants_thresholds(const struct tenants *tenants, uint32_t tenant)
{
	return tenants->rows[tenant].thresholds;
}

uint32_t tenants_owner(const struct tenants *tenants, const struct ip_addr *addr)
{
	for (int word = addr->family == IP_V6 ? 4 : 1; tenants && word >= 0; word--) {
		uint32_t lengths = tenants->lengths[addr->family == IP_V6][word];

		while (lengths) {
			unsigned int bit = 31u - (unsigned int)__builtin_clz(lengths);
			struct ip_prefix prefix = ip_prefix_around(addr, (uint8_t)(32u * (unsigned int)word + bit));
			uint8_t key[18];
			const uint32_t *owner;

			prefix_key(&prefix, key);
			owner = table_find(tenants->networks, key);
			if (owner)
				return *owner;
			lengths &= ~(1u << bit);
		}
	}
	return 0;
}

uint32_t tenants_find(const struct tenants *tenants, const struct ip_addr *src, const struct ip_addr *dst)
{
	uint32_t owner;

	if (!tenants)
		return 0;
	owner = tenants_owner(tenants, dst);
	return owner ? owner : tenants_owner(tenants, src);
}

uint32_t tenants_set_count(const struct tenants *tenants)
{
	return tenants ? tenants->set_count : 0;
}

const char *tenants_set_path(const struct tenants *tenants, uint32_t set)
{
	return tenants->sets[set].path;
}

bool tenants_in_set(const struct tenants *tenants, uint32_t set, uint32_t tenant)
{
	return tenants->sets[set].members[tenant / 64] >> tenant % 64 & 1;
}

enum tenant_verdict tenants_verdict(const struct tenants *tenants, uint32_t tenant, uint32_t gid, uint32_t sid)
{
	struct verdict_key key = { tenant, gid, sid };
	const uint8_t *verdict;

	if (!tenants || !tenant || table_count(tenants->verdicts) == 0)
		return TENANT_AS_RULE;
	verdict = table_find(tenants->verdicts, &key);
	return verdict ? (enum tenant_verdict) * verdict : TENANT_AS_RULE;
}
