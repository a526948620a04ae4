// SPDX-License-Identifier: Apache-2.0
#include "sensor/rules/policy.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/table.h"
#include "sensor/app/app.h"
#include "sensor/config/tree.h"
#include "sensor/rules/address.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/classes.h"
#include "sensor/rules/order.h"
#include "sensor/rules/threshold-file.h"
#include "sensor/rules/tenants.h"
#include "sensor/settings.h"

#define ARENA_MAX       ((size_t)2 << 30)
#define FILE_SIZE_MAX   ((size_t)256 << 20)
#define RULES_MAX       1000000u
#define FAILED_TEXT_MAX 8192

struct rule_key {
	uint32_t gid, sid;
};

struct load {
	struct policy *policy;
	uint32_t tenant_set; /* of the source in hand */
	struct rules_context context;
	struct table *seen; /* struct rule_key -> position in policy->rules */
	uint32_t capacity;
	struct policy_refusal *last_refusal;
};

/* ---- Files ---- */

/* Reads a whole file into the arena, with one byte more behind it. */
static int read_file(struct arena *arena, const char *path, char **ret, size_t *ret_size)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	size_t capacity = 1 << 16, size = 0, count;
	char *text;
	int error = 0;

	if (!file)
		return error_from_errno(errno);
	text = malloc(capacity);
	while (text && (count = fread(text + size, 1, capacity - size, file)) > 0) {
		char *grown = text;

		size += count;
		if (size == capacity && capacity < FILE_SIZE_MAX)
			grown = realloc(text, capacity *= 2);
		if (!grown || size == FILE_SIZE_MAX) {
			error = grown ? LUYTRE_E_FULL : LUYTRE_E_NOMEM;
			break;
		}
		text = grown;
	}
	if (error == 0 && ferror(file))
		error = LUYTRE_E_IO;
	if (file != stdin)
		fclose(file);
	*ret = text && error == 0 ? arena_alloc(arena, size + 1) : NULL;
	if (*ret)
		memcpy(*ret, text, size);
	else if (error == 0)
		error = LUYTRE_E_NOMEM;
	*ret_size = size;
	free(text);
	return error;
}

/* ---- Rules ---- */

static void refuse(
	struct load *load, const struct rule_builder *builder, const char *file, uint32_t line, struct bytes text)
{
	struct arena *arena = &load->policy->arena;
	struct policy_refusal *refusal = arena_alloc(arena, sizeof(*refusal));
	const char *keyword = builder->keyword;

	load->policy->failed_count++;
	log_error("%s:%u: rule %u refused: %s%s%s", file, line, builder->rule ? builder->rule->sid : 0,
		keyword ? keyword : "", keyword ? ": " : "", builder->message);
	if (!refusal)
		return;
	*refusal = (struct policy_refusal){
		.file = file,
		.line = line,
		.sid = builder->rule ? builder->rule->sid : 0,
		.reason = arena_strdup(arena, builder->message),
		.keyword = keyword,
		.unknown_keyword = builder->keyword_unknown,
		.text = arena_dup_str(arena, bytes_first(text, FAILED_TEXT_MAX)),
	};
	if (load->last_refusal)
		load->last_refusal->next = refusal;
	else
		load->policy->refusals = refusal;
	load->last_refusal = refusal;
}

static int grow_rules(struct load *load)
{
	struct policy *policy = load->policy;
	uint32_t capacity = load->capacity ? load->capacity * 2 : 1024;
	struct rule **grown;

	if (policy->rule_count < load->capacity)
		return 0;
	if (capacity > 2 * RULES_MAX)
		return LUYTRE_E_FULL;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are meant */
	grown = realloc(policy->rules, capacity * sizeof(*grown));
	if (!grown)
		return LUYTRE_E_NOMEM;
	policy->rules = grown;
	load->capacity = capacity;
	return 0;
}

static int append_rule(struct load *load, struct rule *rule)
{
	int error = grow_rules(load);

	rule->tenant_set = load->tenant_set;
	if (error == 0)
		load->policy->rules[load->policy->rule_count++] = rule;
	return error;
}

static void release_list(struct rule_match *match)
{
	for (; match; match = match->next)
		if (match->ops->release)
			match->ops->release(match);
}

static void release_rule(struct rule *rule)
{
	if (rule->twin)
		return;
	release_list(rule->packet);
	release_list(rule->tx);
	release_list(rule->files);
	release_list(rule->post);
	for (struct rule_buffer *list = rule->buffers; list; list = list->next)
		release_list(list->first);
}

/* The other half of "<>": the same conditions, addresses exchanged. */
static int append_twin(struct load *load, struct rule *rule)
{
	struct rule *twin = arena_alloc(&load->policy->arena, sizeof(*twin));
	uint64_t src = RULE_SRC_ANY | RULE_SPORT_ANY, dst = RULE_DST_ANY | RULE_DPORT_ANY;

	if (!twin)
		return LUYTRE_E_NOMEM;
	*twin = *rule;
	twin->twin = rule;
	twin->src = rule->dst;
	twin->dst = rule->src;
	twin->flags = rule->flags & ~(src | dst);
	twin->flags |= (rule->flags & RULE_SRC_ANY) ? RULE_DST_ANY : 0;
	twin->flags |= (rule->flags & RULE_DST_ANY) ? RULE_SRC_ANY : 0;
	twin->flags |= (rule->flags & RULE_SPORT_ANY) ? RULE_DPORT_ANY : 0;
	twin->flags |= (rule->flags & RULE_DPORT_ANY) ? RULE_SPORT_ANY : 0;
	return append_rule(load, twin);
}

/* Takes a rule and its twin out; the holes are closed at the end. */
static void replace_rule(struct load *load, uint32_t position)
{
	struct policy *policy = load->policy;
	struct rule *old = policy->rules[position];

	release_rule(old);
	policy->rules[position] = NULL;
	if (position + 1 < policy->rule_count && policy->rules[position + 1] &&
		policy->rules[position + 1]->twin == old)
		policy->rules[position + 1] = NULL;
	policy->loaded_count--;
}

/* Of two rules with one number the one with the greater revision stays. */
static int keep_rule(struct load *load, struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	struct rule_key key = { rule->gid, rule->sid };
	uint32_t *position = table_find(load->seen, &key);
	int error;

	if (position) {
		const struct rule *old = load->policy->rules[*position];

		if (rule->rev <= old->rev)
			return rule_builder_error(builder, "sid %u stands already at %s:%u with revision %u", rule->sid,
				old->file_name, old->line, old->rev);
		rule_builder_warn(builder, "replaces revision %u of %s:%u", old->rev, old->file_name, old->line);
		replace_rule(load, *position);
	} else {
		position = table_insert(load->seen, &key, NULL);
		if (!position)
			return LUYTRE_E_NOMEM;
	}
	*position = load->policy->rule_count;
	error = append_rule(load, rule);
	if (error == 0 && (rule->flags & RULE_BIDIRECTIONAL) != 0)
		error = append_twin(load, rule);
	if (error == 0)
		load->policy->loaded_count++;
	return error;
}

static int load_rule(struct load *load, const char *file, uint32_t line, struct bytes text)
{
	struct rule_builder builder;
	int error;

	rule_builder_init(&builder, &load->context);
	builder.file_name = file;
	error = rule_builder_parse(&builder, text, line);
	if (error == LUYTRE_E_UNSUPPORTED) {
		load->policy->skipped_count++;
		log_info("%s:%u: rule %u skipped: what it requires does not hold", file, line, builder.rule->sid);
		return 0;
	}
	if (error == 0) {
		builder.rule->file_name = file;
		builder.rule->text = (const char *)text.ptr;
		error = keep_rule(load, &builder);
	}
	if (error == LUYTRE_E_SYNTAX) {
		if (builder.rule)
			release_rule(builder.rule);
		refuse(load, &builder, file, line, text);
		return 0;
	}
	return error;
}

static int load_text(struct load *load, const char *path, char *content, size_t size)
{
	const char *name = arena_strdup(&load->policy->arena, path);
	struct rule_lines lines;
	struct bytes text;
	uint32_t line = 0;
	int error = name && content ? 0 : LUYTRE_E_NOMEM;

	rule_lines_init(&lines, content, size);
	while (error == 0 && rule_lines_next(&lines, &text, &line))
		error = load_rule(load, name, line, text);
	if (error < 0)
		log_error("%s:%u: loading rules stopped: %s", path, line, error_text(error, LUYTRE_LANG_EN));
	return error;
}

static int load_file(struct load *load, const char *path)
{
	char *content;
	size_t size;
	int error = read_file(&load->policy->arena, path, &content, &size);

	if (error < 0) {
		log_error("%s: cannot read rules: %s", path, error_text(error, LUYTRE_LANG_EN));
		return error;
	}
	return load_text(load, path, content, size);
}

static bool is_folder(const char *path)
{
	struct stat facts;

	return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static int load_pattern(struct load *load, const char *pattern)
{
	glob_t found;
	int error = 0;

	switch (glob(pattern, 0, NULL, &found)) {
	case 0:
		for (size_t i = 0; i < found.gl_pathc && error == 0; i++)
			error = load_file(load, found.gl_pathv[i]);
		globfree(&found);
		return error;
	case GLOB_NOMATCH:
		log_warn("no rule file matches \"%s\"", pattern);
		return 0;
	default:
		return LUYTRE_E_IO;
	}
}

static int load_source(struct load *load, const struct policy_source *source)
{
	const char *path = source->path;
	char pattern[4096];

	if (source->text.size > 0)
		return load_text(load, path, arena_dup_str(&load->policy->arena, source->text), source->text.size);
	if (is_folder(path)) {
		if (snprintf(pattern, sizeof(pattern), "%s/*.rules", path) >= (int)sizeof(pattern))
			return LUYTRE_E_RANGE;
		return load_pattern(load, pattern);
	}
	return strpbrk(path, "*?[") ? load_pattern(load, path) : load_file(load, path);
}

/* ---- What rules refer to ---- */

static int read_config(struct load *load, const char *path,
	int (*read)(struct rule_classes *classes, struct bytes text, uint32_t *ret_line))
{
	char *text = NULL;
	size_t size = 0;
	uint32_t line = 0;
	int error = read_file(&load->policy->arena, path, &text, &size);

	if (error == 0)
		error = read(load->context.classes, bytes_of(text, size), &line);
	if (error < 0)
		log_error("%s:%u: %s", path, line,
			line ? "not a line of such a file" : error_text(error, LUYTRE_LANG_EN));
	return error;
}

static int load_classes(struct load *load, const struct policy_options *options)
{
	const struct conf_node *root = load->policy->settings->root;
	const char *classes = options->classification_path, *references = options->reference_path;
	int error;

	if (!classes)
		classes = conf_text(root, "classification-file", NULL);
	if (!references)
		references = conf_text(root, "reference-config-file", NULL);
	load->context.classes = rule_classes_new(&load->policy->arena);
	if (!load->context.classes)
		return LUYTRE_E_NOMEM;
	error = classes ? read_config(load, classes, rule_classes_read) : rule_classes_built_in(load->context.classes);
	if (error == 0)
		error = references ? read_config(load, references, rule_classes_read_references)
				   : rule_classes_built_in_references(load->context.classes);
	return error;
}

/* One file, for one tenant or (0) for all. */
static int load_threshold_file(struct load *load, uint32_t tenant, const char *path)
{
	char message[THRESHOLD_FILE_MESSAGE_SIZE] = "";
	uint32_t line = 0;
	char *text = NULL;
	size_t size = 0;
	int error = read_file(&load->policy->arena, path, &text, &size);

	if (error == 0)
		error = threshold_file_apply(load->policy, tenant, bytes_of(text, size), message, &line);
	if (error < 0)
		log_error(
			"%s:%u: thresholds: %s", path, line, message[0] ? message : error_text(error, LUYTRE_LANG_EN));
	return error;
}

static int load_thresholds(struct load *load, const struct policy_options *options)
{
	const struct policy *policy = load->policy;
	const char *path = options->threshold_path;
	int error = 0;

	if (!path)
		path = conf_text(policy->settings->root, "threshold-file", NULL);
	if (path)
		error = load_threshold_file(load, 0, path);
	for (uint32_t i = 1; i <= tenants_count(policy->tenants) && error == 0; i++)
		if (tenants_thresholds(policy->tenants, i))
			error = load_threshold_file(load, i, tenants_thresholds(policy->tenants, i));
	return error;
}

static bool is_off(const struct conf_node *root, const struct app_protocol *protocol)
{
	char path[96];

	snprintf(path, sizeof(path), "app-layer.protocols.%.40s.enabled", protocol->name);
	switch (conf_switch(root, path)) {
	case CONF_ABSENT:
		return protocol->disabled_by_default;
	case CONF_NO:
		return true;
	default:
		return false;
	}
}

static bool has_fingerprint(const struct conf_node *root, const char *which)
{
	char path[96];

	snprintf(path, sizeof(path), "app-layer.protocols.tls.%s-fingerprints", which);
	return conf_switch(root, path) != CONF_NO;
}

static void note_protocols(struct load *load)
{
	const struct conf_node *root = load->policy->settings->root;

	for (unsigned int i = 0; i < app_protocol_count(); i++) {
		const struct app_protocol *protocol = app_protocol_at(i);
		uint64_t bit = 1ull << app_protocol_index(protocol);

		load->context.protocols_all |= bit;
		if (is_off(root, protocol))
			load->context.protocols_off |= bit;
	}
	load->context.ja3 = has_fingerprint(root, "ja3");
	load->context.ja4 = has_fingerprint(root, "ja4");
}

/* "action-order": the four kinds of actions; what is left out keeps its usual place behind. */
static void read_action_order(const struct conf_node *root, uint8_t ret[RULE_ACTIONS_MAX])
{
	static const char *const names[] = { "pass", "drop", "reject", "alert", NULL };
	static const uint8_t actions[] = { ACTION_PASS, ACTION_DROP, ACTION_REJECT, ACTION_ALERT };
	const struct conf_node *node = conf_get(root, "action-order");
	unsigned int count = 0, taken = 0;

	for (size_t i = 0; node && i < conf_values_count(node); i++) {
		const char *name = conf_value_at(node, i);
		int index = name ? rule_text_choice(bytes_from_str(name), names) : -1;

		if (index < 0 || (taken & 1u << index) != 0) {
			conf_complain(node, "the order of actions names pass, drop, reject and alert, each once");
			continue;
		}
		taken |= 1u << index;
		ret[count++] = actions[index];
	}
	for (unsigned int i = 0; i < RULE_ACTIONS_MAX; i++)
		if ((taken & 1u << i) == 0)
			ret[count++] = actions[i];
}

/* ---- The policy ---- */

static int load_begin(struct load *load, const struct sensor_settings *settings)
{
	static uint64_t serial;
	struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return LUYTRE_E_NOMEM;
	load->policy = policy;
	policy->settings = settings;
	policy->serial = __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
	arena_init(&policy->arena, ARENA_MAX);
	policy->addresses = address_sets_new(conf_get(settings->root, "vars.address-groups"));
	policy->ports = port_sets_new(conf_get(settings->root, "vars.port-groups"));
	policy->transform_sets = arena_alloc(&policy->arena, sizeof(*policy->transform_sets));
	policy->transform_set_count = 1;
	policy->buffer_count = (uint16_t)rule_buffer_count();
	load->seen = table_new(sizeof(struct rule_key), sizeof(uint32_t), RULES_MAX, (struct siphash_key){ 3, 4 });
	if (!policy->addresses || !policy->ports || !policy->transform_sets || !load->seen)
		return LUYTRE_E_NOMEM;
	if (tenants_new(settings->root, &policy->tenants))
		return LUYTRE_E_SYNTAX;
	load->context.policy = policy;
	load->context.settings = settings;
	load->context.arena = &policy->arena;
	note_protocols(load);
	return 0;
}

static void close_holes(struct policy *policy)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i])
			policy->rules[count++] = policy->rules[i];
	policy->rule_count = count;
}

/* Rule files of some tenants only, then the variables of each: expressions are known only now. */
static int load_tenants(struct load *load)
{
	struct policy *policy = load->policy;
	char message[POLICY_MESSAGE_SIZE];
	int error = 0;

	for (uint32_t set = 1; set <= tenants_set_count(policy->tenants) && error == 0; set++) {
		struct policy_source source = { .path = tenants_set_path(policy->tenants, set) };

		load->tenant_set = set;
		error = load_source(load, &source);
	}
	load->tenant_set = 0;
	for (uint32_t i = 1; i <= tenants_count(policy->tenants) && error == 0; i++) {
		if (!tenants_vars(policy->tenants, i))
			continue;
		error = policy_tenant_vars(policy, i, tenants_vars(policy->tenants, i), message);
		if (error < 0)
			log_error("tenant %s: %s", tenants_name(policy->tenants, i), message);
	}
	return error;
}

static int load_all(struct load *load, const struct sensor_settings *settings, const struct policy_options *options)
{
	uint8_t action_order[RULE_ACTIONS_MAX];
	int error = load_begin(load, settings);

	if (error == 0)
		error = load_classes(load, options);
	for (unsigned int i = 0; i < options->source_count && error == 0; i++)
		error = load_source(load, &options->sources[i]);
	if (error == 0)
		error = load_tenants(load);
	if (error < 0)
		return error;
	close_holes(load->policy);
	read_action_order(settings->root, action_order);
	error = rule_order_sort(load->policy->rules, load->policy->rule_count, action_order);
	if (error == 0)
		error = load_thresholds(load, options);
	if (error == 0 && options->errors_fatal && load->policy->failed_count > 0)
		error = LUYTRE_E_SYNTAX;
	return error;
}

int rules_load(const struct sensor_settings *settings, const struct policy_options *options, struct policy **ret)
{
	struct load load = { 0 };
	int error = load_all(&load, settings, options);

	table_free(load.seen);
	if (error < 0) {
		rules_free(load.policy);
		return error;
	}
	*ret = load.policy;
	log_info("%u rules loaded, %u refused, %u skipped", load.policy->loaded_count, load.policy->failed_count,
		load.policy->skipped_count);
	return 0;
}

int policy_on_free(struct policy *policy, policy_free_fn free_data, void *data)
{
	struct policy_leftover *leftover = arena_alloc(&policy->arena, sizeof(*leftover));

	if (!leftover)
		return LUYTRE_E_NOMEM;
	*leftover = (struct policy_leftover){ policy->leftovers, free_data, data };
	policy->leftovers = leftover;
	return 0;
}

void rules_free(struct policy *policy)
{
	if (!policy)
		return;
	for (uint32_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i])
			release_rule(policy->rules[i]);
	free(policy->rules);
	for (const struct policy_leftover *leftover = policy->leftovers; leftover; leftover = leftover->next)
		leftover->free(leftover->data);
	address_sets_free(policy->addresses);
	port_sets_free(policy->ports);
	tenants_free(policy->tenants);
	arena_done(&policy->arena);
	free(policy);
}

bool policy_address_match(
	const struct policy *policy, uint32_t address_set, uint32_t tenant, const struct ip_addr *addr)
{
	return address_sets_match(policy->addresses, address_set, tenant, addr);
}

bool policy_port_match(const struct policy *policy, uint32_t port_set, uint32_t tenant, uint16_t port)
{
	return port_sets_match(policy->ports, port_set, tenant, port);
}

int policy_tenant_vars(
	struct policy *policy, uint32_t tenant, const struct conf_node *vars, char message[POLICY_MESSAGE_SIZE])
{
	int error = address_sets_tenant(policy->addresses, tenant, conf_get(vars, "address-groups"), message);

	if (error == 0)
		error = port_sets_tenant(policy->ports, tenant, conf_get(vars, "port-groups"), message);
	return error;
}
