// SPDX-License-Identifier: Apache-2.0
/* dataset and datarep (user guide, "Datasets").
 *
 *	dns.query; dataset:isset, bad-names, type string, load bad.lst
 *	http.user_agent; dataset:set, agents, type string, state agents.lst
 *	ip.src; dataset:isset, bad-hosts, type ip, load bad.json, format json, value_key ip, context_key bad
 *	dns.query; to_md5; datarep:names, >, 200, load names.rep, type md5
 *
 * The configuration ("datasets:") may define sets by name, defaults and limits. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "sensor/config/tree.h"
#include "sensor/detect/dataset.h"
#include "sensor/detect/detect.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/number.h"
#include "sensor/rules/policy.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

enum { PATH_SIZE = 4096, HASH_SIZE_MAX_DEFAULT = 262144 };

enum command { COMMAND_SET, COMMAND_UNSET, COMMAND_ISSET, COMMAND_ISNOTSET };

static const char *const commands[] = { "set", "unset", "isset", "isnotset", NULL };
/* "ipv6" is an older name of "ip". */
static const char *const types[] = { "string", "md5", "sha256", "ipv4", "ip", "ipv6", NULL };
static const char *const formats[] = { "csv", "json", "ndjson", "jsonline", NULL };

struct condition {
	struct dataset *set;
	uint8_t command; /* enum command */
	bool subdomain;
	const char *context_key; /* or null */
	struct rule_number_test test; /* datarep */
};

/* A rule's options before the set is opened. */
struct wanted {
	struct rule_builder *builder;
	struct dataset_options options;
	struct condition *condition;
};

/* ---- Conditions ---- */

static bool is_there(
	struct detect_context *context, const struct rule *rule, const struct condition *c, struct bytes value)
{
	struct dataset_hit hit = { 0 };

	if (!(c->subdomain ? dataset_find_subdomain : dataset_find)(c->set, value, &context->memory, &hit))
		return false;
	if (c->context_key && hit.json.size > 0)
		detect_context_note(context, rule, c->context_key, hit.json);
	return true;
}

static bool dataset_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct detect_buffer *buffer = target;
	const struct condition *c = match->data;

	if (context->worker->settings->no_traces && (c->command == COMMAND_SET || c->command == COMMAND_UNSET))
		return true;
	switch (c->command) {
	case COMMAND_SET:
		return dataset_add(c->set, buffer->data);
	case COMMAND_UNSET:
		return dataset_remove(c->set, buffer->data);
	case COMMAND_ISSET:
		return is_there(context, rule, c, buffer->data);
	default:
		return !is_there(context, rule, c, buffer->data);
	}
}

static bool datarep_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct detect_buffer *buffer = target;
	const struct condition *c = match->data;
	struct dataset_hit hit;

	return dataset_find(c->set, buffer->data, &context->memory, &hit) &&
	       rule_number_holds(&c->test, hit.reputation);
}

static const struct rule_match_ops dataset_ops = {
	.name = "dataset", .target = RULE_TARGET_BUFFER, .match = dataset_match
};
static const struct rule_match_ops datarep_ops = {
	.name = "datarep", .target = RULE_TARGET_BUFFER, .match = datarep_match
};

/* ---- Names of files ---- */

static const struct sensor_settings *settings_of(const struct rule_builder *builder)
{
	return builder->context->settings;
}

static bool is_inside(const char *name)
{
	if (name[0] == '/')
		return false;
	for (const char *part = name; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
			return false;
	}
	return true;
}

static const char *join(struct rule_builder *builder, const char *folder, size_t folder_size, const char *name)
{
	char path[PATH_SIZE];

	if (snprintf(path, sizeof(path), "%.*s/%s", (int)folder_size, folder, name) >= (int)sizeof(path))
		return NULL;
	return arena_strdup(builder->arena, path);
}

/* Beside the rule file first, then where the program works. */
static const char *load_path(struct rule_builder *builder, const char *name)
{
	const char *file = builder->file_name ? builder->file_name : "", *slash = strrchr(file, '/'), *path;

	if (name[0] == '/')
		return name;
	path = slash ? join(builder, file, (size_t)(slash - file), name) : name;
	if (path && access(path, R_OK) == 0)
		return path;
	return settings_of(builder)->work_dir
		       ? join(builder, settings_of(builder)->work_dir, strlen(settings_of(builder)->work_dir), name)
		       : name;
}

static const char *data_path(struct rule_builder *builder, const char *name)
{
	const struct sensor_settings *settings = settings_of(builder);
	const char *folder = settings->data_dir ? settings->data_dir : settings->output_dir;

	return name[0] == '/' || !folder ? name : join(builder, folder, strlen(folder), name);
}

static int write_path(struct rule_builder *builder, const char *name, const char **ret)
{
	const struct conf_node *root = settings_of(builder)->root;

	if (!conf_bool(root, "datasets.rules.allow-write", true))
		return rule_builder_error(builder, "rules may not write data sets (datasets.rules.allow-write)");
	if (!is_inside(name) && !conf_bool(root, "datasets.rules.allow-absolute-filenames", false))
		return rule_builder_error(builder,
			"a rule may write below the data directory only (datasets.rules.allow-absolute-filenames)");
	*ret = data_path(builder, name);
	return *ret ? 0 : LUYTRE_E_NOMEM;
}

/* ---- Options ---- */

static int option_type(struct wanted *wanted, const char *value)
{
	int type = rule_text_choice(bytes_from_str(value), types);

	if (type < 0)
		return rule_builder_error(wanted->builder, "unknown type \"%s\"", value);
	wanted->options.type = type > DATASET_IP ? DATASET_IP : (uint8_t)type;
	wanted->options.has_type = true;
	return 0;
}

static int option_format(struct wanted *wanted, const char *value)
{
	int format = rule_text_choice(bytes_from_str(value), formats);

	if (format < 0)
		return rule_builder_error(wanted->builder, "format expects csv, json or ndjson");
	wanted->options.format = format > DATASET_JSON_LINES ? DATASET_JSON_LINES : (uint8_t)format;
	return 0;
}

static int option_load(struct wanted *wanted, const char *value)
{
	if (wanted->options.load_path || wanted->options.state_path)
		return rule_builder_error(wanted->builder, "load stands once, and not with state");
	wanted->options.load_path = load_path(wanted->builder, value);
	return wanted->options.load_path ? 0 : LUYTRE_E_NOMEM;
}

static int option_state(struct wanted *wanted, const char *value)
{
	if (wanted->options.load_path || wanted->options.save_path || wanted->options.state_path)
		return rule_builder_error(wanted->builder, "state stands once, and not with load or save");
	return write_path(wanted->builder, value, &wanted->options.state_path);
}

static int option_save(struct wanted *wanted, const char *value)
{
	if (wanted->options.save_path || wanted->options.state_path)
		return rule_builder_error(wanted->builder, "save stands once, and not with state");
	return write_path(wanted->builder, value, &wanted->options.save_path);
}

static int option_memcap(struct wanted *wanted, const char *value)
{
	if (conf_parse_size(bytes_from_str(value), &wanted->options.memcap_size) < 0 ||
		wanted->options.memcap_size == 0)
		return rule_builder_error(wanted->builder, "memcap expects a size");
	return 0;
}

static int option_hashsize(struct wanted *wanted, const char *value)
{
	uint64_t most =
		conf_u64(settings_of(wanted->builder)->root, "datasets.limits.single-hashsize", HASH_SIZE_MAX_DEFAULT);

	if (!rule_text_u64(bytes_from_str(value), &wanted->options.hash_size) || wanted->options.hash_size == 0 ||
		wanted->options.hash_size > most)
		return rule_builder_error(wanted->builder, "hashsize expects 1 to %llu", (unsigned long long)most);
	return 0;
}

static int option_value_key(struct wanted *wanted, const char *value)
{
	wanted->options.value_key = value;
	return 0;
}

static int option_array_key(struct wanted *wanted, const char *value)
{
	wanted->options.array_key = value;
	return 0;
}

static int option_context_key(struct wanted *wanted, const char *value)
{
	wanted->condition->context_key = value;
	return 0;
}

static int option_match(struct wanted *wanted, const char *value)
{
	if (strcmp(value, "subdomain") != 0)
		return rule_builder_error(wanted->builder, "match expects subdomain");
	wanted->condition->subdomain = true;
	return 0;
}

static int option_remove_key(struct wanted *wanted, const char *value)
{
	wanted->options.remove_key = true;
	return 0;
}

struct option {
	const char *name;
	int (*read)(struct wanted *wanted, const char *value);
	bool no_value, not_in_datarep;
};

static const struct option options[] = {
	{ "type", option_type, false, false },
	{ "load", option_load, false, false },
	{ "state", option_state, false, true },
	{ "save", option_save, false, true },
	{ "memcap", option_memcap, false, false },
	{ "hashsize", option_hashsize, false, false },
	{ "format", option_format, false, true },
	{ "value_key", option_value_key, false, true },
	{ "array_key", option_array_key, false, true },
	{ "context_key", option_context_key, false, true },
	{ "enrichment_key", option_context_key, false, true },
	{ "match", option_match, false, true },
	{ "remove_key", option_remove_key, true, true },
};

static int read_option(struct wanted *wanted, struct bytes item, bool is_datarep)
{
	struct rule_builder *builder = wanted->builder;
	size_t blank = bytes_index(item, ' ');
	char *value = arena_dup_str(builder->arena, rule_text_trim(bytes_skip(item, blank)));

	if (!value)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
		if (!rule_text_is(bytes_first(item, blank), options[i].name) ||
			(is_datarep && options[i].not_in_datarep))
			continue;
		if ((value[0] == '\0') != options[i].no_value)
			return rule_builder_error(builder, "%s %s", options[i].name,
				options[i].no_value ? "takes no value" : "needs a value");
		return options[i].read(wanted, value);
	}
	return rule_builder_error(
		builder, "unknown option \"%.*s\"", (int)(item.size < 40 ? item.size : 40), (const char *)item.ptr);
}

static int read_options(struct wanted *wanted, struct bytes rest, bool is_datarep)
{
	struct bytes item;

	while (rule_text_item(&rest, ',', &item)) {
		int error = read_option(wanted, item, is_datarep);

		if (error < 0)
			return error;
	}
	return 0;
}

/* ---- Sets of the configuration ---- */

static const char *configured_path(struct rule_builder *builder, const struct conf_node *node, const char *key)
{
	const char *name = conf_text(node, key, NULL), *path = name ? data_path(builder, name) : NULL;

	return path && access(path, R_OK) != 0 && strcmp(key, "load") == 0 ? load_path(builder, name) : path;
}

/* What "datasets.NAME" says, over what the rule says; false: nothing is said there. */
static bool use_configured(struct wanted *wanted, const char *name)
{
	const struct conf_node *sets = conf_get(settings_of(wanted->builder)->root, "datasets");
	const struct conf_node *node = conf_child(sets, name);
	int type = node ? conf_choice(node, "type", types, -1) : -1;

	if (type < 0)
		return false;
	wanted->options.type = type > DATASET_IP ? DATASET_IP : (uint8_t)type;
	wanted->options.has_type = wanted->options.keep = true;
	wanted->options.load_path = configured_path(wanted->builder, node, "load");
	wanted->options.state_path = configured_path(wanted->builder, node, "state");
	wanted->options.save_path = configured_path(wanted->builder, node, "save");
	wanted->options.memcap_size = conf_size(node, "memcap", wanted->options.memcap_size);
	wanted->options.hash_size = conf_u64(node, "hashsize", wanted->options.hash_size);
	return true;
}

static void use_defaults(struct wanted *wanted)
{
	const struct conf_node *defaults = conf_get(settings_of(wanted->builder)->root, "datasets.defaults");

	if (wanted->options.memcap_size == 0)
		wanted->options.memcap_size = conf_size(defaults, "memcap", DATASET_MEMCAP_DEFAULT);
	if (wanted->options.hash_size == 0)
		wanted->options.hash_size = conf_u64(defaults, "hashsize", DATASET_HASH_SIZE_DEFAULT);
}

/* ---- Keywords ---- */

static bool is_known_type(const struct wanted *wanted, enum dataset_type type)
{
	return wanted->options.has_type && wanted->options.type == type;
}

static int check(const struct wanted *wanted)
{
	const struct condition *c = wanted->condition;
	bool is_json = wanted->options.format != DATASET_CSV;
	struct rule_builder *builder = wanted->builder;

	if (is_json && !wanted->options.value_key)
		return rule_builder_error(builder, "JSON needs value_key");
	if (is_json && !wanted->options.load_path)
		return rule_builder_error(builder, "JSON needs load");
	if (is_json && c->command < COMMAND_ISSET)
		return rule_builder_error(builder, "rules do not change a set from JSON");
	if (!is_json && (wanted->options.value_key || wanted->options.array_key || wanted->options.remove_key ||
				c->context_key))
		return rule_builder_error(builder, "value_key, array_key, context_key and remove_key are for JSON");
	if (wanted->options.array_key && wanted->options.format != DATASET_JSON)
		return rule_builder_error(builder, "array_key is for format json");
	if (c->subdomain && wanted->options.has_type && !is_known_type(wanted, DATASET_STRING))
		return rule_builder_error(builder, "match subdomain is for strings");
	return 0;
}

static void unref(void *set)
{
	dataset_unref(set);
}

/* Opens the set; it belongs to the policy from then on. */
static int open_set(struct wanted *wanted, struct bytes name)
{
	struct rule_builder *builder = wanted->builder;
	struct policy *policy = builder->context->policy;
	char text[DATASET_NAME_MAX + 1], message[DATASET_MESSAGE_SIZE] = "";
	int error;

	if (name.size == 0 || !bytes_to_str(name, text, sizeof(text)))
		return rule_builder_error(builder, "a set has a name of 1 to %d bytes", DATASET_NAME_MAX);
	use_configured(wanted, text);
	use_defaults(wanted);
	error = dataset_open(text, &wanted->options, policy->serial, message, &wanted->condition->set);
	if (error < 0)
		return rule_builder_error(builder, "%s", message);
	error = policy_on_free(policy, unref, wanted->condition->set);
	if (error < 0)
		dataset_unref(wanted->condition->set);
	return error;
}

static int begin(struct wanted *wanted, struct rule_builder *builder)
{
	*wanted = (struct wanted){ .builder = builder };
	wanted->condition = arena_alloc(builder->arena, sizeof(*wanted->condition));
	if (!wanted->condition)
		return LUYTRE_E_NOMEM;
	if (builder->buffer == RULE_BUFFER_PAYLOAD)
		return rule_builder_error(builder, "a sticky buffer is missing before it");
	return 0;
}

static int parse_dataset(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct wanted wanted;
	struct bytes word, name;
	int choice, error = begin(&wanted, builder);

	if (error < 0)
		return error;
	if (!rule_text_item(&value, ',', &word) || !rule_text_item(&value, ',', &name))
		return rule_builder_error(builder, "expected a command and the name of a set");
	choice = rule_text_choice(word, commands);
	if (choice < 0)
		return rule_builder_error(builder, "expected set, unset, isset or isnotset");
	wanted.condition->command = (uint8_t)choice;
	error = read_options(&wanted, value, false);
	if (!error)
		error = check(&wanted);
	if (!error)
		error = open_set(&wanted, name);
	if (error < 0)
		return error;
	if (choice < COMMAND_ISSET)
		dataset_set_dynamic(wanted.condition->set);
	return rule_builder_add(builder, &dataset_ops, wanted.condition) ? 0 : LUYTRE_E_NOMEM;
}

static bool read_test(struct bytes operation, struct bytes value, struct rule_number_test *ret)
{
	static const char *const names[] = { "<", ">", "=", "==", "!=", "<=", ">=", NULL };
	uint32_t number;

	if (!rule_text_u32(value, &number) || number > UINT16_MAX)
		return false;
	*ret = (struct rule_number_test){ .operation = RULE_NUMBER_BETWEEN, .low = number, .high = number };
	switch (rule_text_choice(operation, names)) {
	case 0:
		ret->low = 0;
		ret->high = number - 1u;
		return number > 0;
	case 1:
		ret->low = number + 1u;
		ret->high = UINT16_MAX;
		return number < UINT16_MAX;
	case 2:
	case 3:
		return true;
	case 4:
		ret->operation = RULE_NUMBER_NOT_EQUAL;
		return true;
	case 5:
		ret->low = 0;
		return true;
	case 6:
		ret->high = UINT16_MAX;
		return true;
	default:
		return false;
	}
}

static int parse_datarep(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct wanted wanted;
	struct bytes name, operation, number;
	int error = begin(&wanted, builder);

	if (error < 0)
		return error;
	if (!rule_text_item(&value, ',', &name) || !rule_text_item(&value, ',', &operation) ||
		!rule_text_item(&value, ',', &number))
		return rule_builder_error(builder, "expected the name of a set, an operator and a value");
	if (!read_test(operation, number, &wanted.condition->test))
		return rule_builder_error(
			builder, "expected <, >, =, !=, <= or >= with a value up to 65535 that can hold");
	wanted.options.reputation = true;
	error = read_options(&wanted, value, true);
	if (!error)
		error = open_set(&wanted, name);
	if (error < 0)
		return error;
	return rule_builder_add(builder, &datarep_ops, wanted.condition) ? 0 : LUYTRE_E_NOMEM;
}

const struct rule_keyword detect_dataset_keywords[] = {
	{ "dataset", NULL, 0, parse_dataset, "looks the buffer up in a data set, or changes the set" },
	{ "datarep", NULL, 0, parse_datarep, "the number that a data set has for the buffer" },
	{ 0 },
};
