// SPDX-License-Identifier: Apache-2.0
#include "sensor/rules/builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "sensor/app/app.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/number.h"
#include "sensor/rules/policy.h"

void rule_builder_init(struct rule_builder *builder, struct rules_context *context)
{
	memset(builder, 0, sizeof(*builder));
	builder->context = context;
	builder->arena = context->arena;
	builder->protocols = UINT64_MAX;
	builder->dirs = DIR_BOTH;
}

int rule_builder_error(struct rule_builder *builder, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(builder->message, sizeof(builder->message), format, args);
	va_end(args);
	return LUYTRE_E_SYNTAX;
}

void rule_builder_warn(struct rule_builder *builder, const char *format, ...)
{
	char text[RULE_BUILDER_MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_warn("%s:%u: rule %u: %s", builder->file_name ? builder->file_name : "-", builder->rule->line,
		builder->rule->sid, text);
}

struct rule *rule_builder_rule(struct rule_builder *builder)
{
	return builder->rule;
}

struct arena *rule_builder_arena(struct rule_builder *builder)
{
	return builder->arena;
}

struct rules_context *rule_builder_context(struct rule_builder *builder)
{
	return builder->context;
}

/* ---- Lists of conditions ---- */

/* The number of a chain of transforms: an old one, or a new one. -1: too many, or no memory. */
static int intern_transforms(struct rule_builder *builder)
{
	struct policy *policy = builder->context->policy;
	const struct policy_transform_set *wanted = builder->transforms;
	struct policy_transform_set *grown;

	if (!wanted || wanted->count == 0)
		return 0;
	for (int i = 1; i < policy->transform_set_count; i++) {
		const struct policy_transform_set *set = &policy->transform_sets[i];
		int same = set->count == wanted->count;

		for (int k = 0; same && k < set->count; k++)
			same = strcmp(set->items[k]->name, wanted->items[k]->name) == 0 &&
			       bytes_equal(set->items[k]->options, wanted->items[k]->options);
		if (same)
			return i;
	}
	if (policy->transform_set_count >= UINT16_MAX - 1)
		return -1;
	/* A new array for each doubling; old ones stay in the arena. */
	if ((policy->transform_set_count & (policy->transform_set_count - 1)) == 0) {
		grown = arena_alloc(builder->arena, 2u * policy->transform_set_count * sizeof(*grown));
		if (!grown)
			return -1;
		memcpy(grown, policy->transform_sets, policy->transform_set_count * sizeof(*grown));
		policy->transform_sets = grown;
	}
	grown = (struct policy_transform_set *)(uintptr_t)policy->transform_sets;
	grown[policy->transform_set_count] = *wanted;
	return policy->transform_set_count++;
}

static struct rule_buffer *find_list(struct rule_builder *builder, unsigned int buffer, int transforms, uint8_t dirs)
{
	for (struct rule_buffer *list = builder->rule->buffers; list; list = list->next)
		if (list->buffer == buffer && list->transform_set == transforms && list->dirs == dirs)
			return list;
	return NULL;
}

/* 'dirs' is 0 where the rule does not say; finish.c fills it in. */
static struct rule_buffer *new_list(struct rule_builder *builder, unsigned int buffer, int transforms, uint8_t dirs)
{
	struct rule_buffer *list;

	if (transforms < 0 || builder->list_count == RULE_LISTS_MAX)
		return NULL;
	list = arena_alloc(builder->arena, sizeof(*list));
	if (!list)
		return NULL;
	list->buffer = (uint16_t)buffer;
	list->transform_set = (uint16_t)transforms;
	list->dirs = dirs;
	list->multi = (rule_buffer_flags(buffer) & APP_BUFFER_MULTI) != 0;
	if (builder->last_buffer)
		builder->last_buffer->next = list;
	else
		builder->rule->buffers = list;
	builder->last_buffer = list;
	builder->list_count++;
	return list;
}

/* The list for conditions of the sticky buffer; instances of one name each have a list of their own. */
static struct rule_buffer *current_list(struct rule_builder *builder)
{
	bool multi = (rule_buffer_flags(builder->buffer) & APP_BUFFER_MULTI) != 0;
	int transforms = intern_transforms(builder);

	if (!builder->list && !multi)
		builder->list = find_list(builder, builder->buffer, transforms, builder->buffer_dirs);
	if (!builder->list)
		builder->list = new_list(builder, builder->buffer, transforms, builder->buffer_dirs);
	builder->sticky_used = true;
	return builder->list;
}

static void append(struct rule_buffer *list, struct rule_match *match)
{
	match->next = NULL;
	if (list->last)
		list->last->next = match;
	else
		list->first = match;
	list->last = match;
}

static void unlink_match(struct rule_buffer *list, struct rule_match *match)
{
	struct rule_match **link = &list->first, *before = NULL;

	while (*link && *link != match) {
		before = *link;
		link = &before->next;
	}
	if (!*link)
		return;
	*link = match->next;
	if (list->last == match)
		list->last = before;
}

static struct rule_match *new_match(struct rule_builder *builder, const struct rule_match_ops *ops, void *data)
{
	struct rule_match *match = arena_alloc(builder->arena, sizeof(*match));

	if (!match)
		return NULL;
	match->ops = ops;
	match->data = data;
	match->dirs = DIR_BOTH;
	builder->last_match = match;
	return match;
}

static void append_to(struct rule_match **link, struct rule_match *match)
{
	while (*link)
		link = &(*link)->next;
	*link = match;
}

struct rule_match *rule_builder_add(struct rule_builder *builder, const struct rule_match_ops *ops, void *data)
{
	struct rule *rule = builder->rule;
	struct rule_match *match = new_match(builder, ops, data);
	struct rule_buffer *list;

	if (!match)
		return NULL;
	switch (ops->target) {
	case RULE_TARGET_BUFFER:
		list = current_list(builder);
		if (!list)
			return NULL;
		append(list, match);
		return match;
	case RULE_TARGET_PACKET:
		append_to(&rule->packet, match);
		return match;
	case RULE_TARGET_TX:
		append_to(&rule->tx, match);
		return match;
	case RULE_TARGET_FILE:
		append_to(&rule->files, match);
		return match;
	default:
		append_to(&rule->post, match);
		return match;
	}
}

struct rule_match *rule_builder_add_to(
	struct rule_builder *builder, const char *buffer, const struct rule_match_ops *ops, void *data)
{
	int number = rule_buffer_find(bytes_from_str(buffer));
	struct rule_buffer *list;
	struct rule_match *match;

	if (number < 0) {
		rule_builder_error(builder, "nothing provides the buffer %s", buffer);
		return NULL;
	}
	if (rule_builder_restrict(builder, rule_buffer_protocols((unsigned int)number), buffer) < 0)
		return NULL;
	if ((unsigned int)number == builder->buffer) {
		list = current_list(builder);
	} else {
		list = find_list(builder, (unsigned int)number, 0, 0);
		if (!list)
			list = new_list(builder, (unsigned int)number, 0, 0);
	}
	match = list ? new_match(builder, ops, data) : NULL;
	if (match)
		append(list, match);
	return match;
}

struct rule_match *rule_builder_last(struct rule_builder *builder)
{
	if (builder->list)
		return builder->list->last;
	if (builder->buffer == RULE_BUFFER_PAYLOAD) {
		struct rule_buffer *list = find_list(builder, RULE_BUFFER_PAYLOAD, 0, 0);

		return list ? list->last : NULL;
	}
	return NULL;
}

struct rule_match *rule_builder_last_content(struct rule_builder *builder)
{
	return builder->last_content;
}

/* ---- Buffers ---- */

/* The rule may name a fingerprint only when the configuration does not switch it off. */
static int check_fingerprint(struct rule_builder *builder, unsigned int buffer)
{
	const char *name = rule_buffer_name(buffer);

	if ((strncmp(name, "ja3", 3) == 0 && !builder->context->ja3) ||
		(strncmp(name, "ja4", 3) == 0 && !builder->context->ja4))
		return rule_builder_error(
			builder, "%s: these fingerprints are switched off in the configuration", name);
	return 0;
}

static int check_buffer(struct rule_builder *builder, unsigned int buffer)
{
	int error = check_fingerprint(builder, buffer);

	if (error == 0 && rule_buffer_protocols(buffer) != 0)
		error = rule_builder_restrict(builder, rule_buffer_protocols(buffer), rule_buffer_name(buffer));
	return error;
}

int rule_builder_sticky(struct rule_builder *builder, unsigned int buffer, uint8_t dirs)
{
	int error;

	if (builder->buffer != RULE_BUFFER_PAYLOAD && !builder->sticky_used)
		return rule_builder_error(builder, "the sticky buffer %s has no condition before the next one",
			rule_buffer_name(builder->buffer));
	error = buffer == RULE_BUFFER_PAYLOAD ? 0 : check_buffer(builder, buffer);
	if (error < 0)
		return error;
	builder->buffer = buffer;
	builder->buffer_dirs = dirs;
	builder->transforms = NULL;
	builder->list = NULL;
	builder->sticky_used = false;
	return 0;
}

int rule_builder_buffer(struct rule_builder *builder, const char *name)
{
	int number = rule_buffer_find(bytes_from_str(name));

	if (number < 0)
		return rule_builder_error(builder, "nothing provides the buffer %s", name);
	return rule_builder_sticky(builder, (unsigned int)number, 0);
}

bool rule_builder_is_sticky_other(const struct rule_builder *builder, unsigned int buffer)
{
	return builder->buffer != RULE_BUFFER_PAYLOAD && builder->buffer != buffer;
}

int rule_builder_modifier(struct rule_builder *builder, unsigned int buffer)
{
	struct rule_match *match = builder->last_content;
	struct rule_buffer *list;
	int error;

	if (!match)
		return rule_builder_error(builder, "the modifier needs a content before it");
	if (builder->buffer != RULE_BUFFER_PAYLOAD)
		return rule_builder_error(builder, "a content modifier cannot follow the sticky buffer %s",
			rule_buffer_name(builder->buffer));
	if (!builder->last_content_list || builder->last_content_list->buffer != RULE_BUFFER_PAYLOAD)
		return rule_builder_error(builder, "the content belongs to a buffer already");
	if (((struct rule_content *)match->data)->raw_bytes)
		return rule_builder_error(builder, "rawbytes and a buffer exclude each other");
	error = check_buffer(builder, buffer);
	if (error < 0)
		return error;
	list = find_list(builder, buffer, 0, 0);
	if (!list)
		list = new_list(builder, buffer, 0, 0);
	if (!list)
		return LUYTRE_E_NOMEM;
	unlink_match(builder->last_content_list, match);
	append(list, match);
	builder->last_content_list = list;
	return 0;
}

int rule_builder_transform(struct rule_builder *builder, const struct rule_transform *transform)
{
	struct policy_transform_set *set = builder->transforms;

	if (builder->buffer == RULE_BUFFER_PAYLOAD)
		return rule_builder_error(builder, "%s needs a sticky buffer before it", transform->name);
	/* Conditions before it are on the buffer as it was; those behind it have a list of their own. */
	builder->list = NULL;
	builder->sticky_used = false;
	if (!set)
		set = builder->transforms = arena_alloc(builder->arena, sizeof(*set));
	if (!set)
		return LUYTRE_E_NOMEM;
	if (set->count == POLICY_TRANSFORMS_MAX)
		return rule_builder_error(builder, "there are more than %d transforms", POLICY_TRANSFORMS_MAX);
	set->items[set->count++] = transform;
	return 0;
}

/* ---- Variables ---- */

int rule_builder_variable(struct rule_builder *builder, struct bytes name)
{
	for (int i = 0; i < builder->rule->variable_count; i++)
		if (bytes_equal(builder->variables[i], name))
			return i;
	return -1;
}

int rule_builder_new_variable(struct rule_builder *builder, struct bytes name)
{
	struct rule *rule = builder->rule;

	if (rule->variable_count == RULE_VARIABLES_MAX || name.size == 0 || rule_builder_variable(builder, name) >= 0)
		return -1;
	builder->variables[rule->variable_count] = name;
	return rule->variable_count++;
}

/* ---- Protocols and directions ---- */

/* Names in headers that stand for several protocols (user guide, "Rules Format", "Protocol"). */
uint64_t rule_protocols_named(const char *name)
{
	static const char *const families[][4] = {
		{ "http", "http1", "http2" },
		{ "dns", "dns", "doh2" },
		{ "http2", "http2", "doh2" },
		{ "dcerpc", "dcerpc", "smb" },
		{ "ikev2", "ike" },
	};
	const struct app_protocol *protocol = app_protocol_find(name);
	uint64_t found = protocol ? 1ull << app_protocol_index(protocol) : 0;

	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		if (strcmp(families[i][0], name) != 0)
			continue;
		for (int k = 1; k < 4 && families[i][k]; k++) {
			protocol = app_protocol_find(families[i][k]);
			if (protocol)
				found |= 1ull << app_protocol_index(protocol);
		}
	}
	return found;
}

int rule_builder_restrict(struct rule_builder *builder, uint64_t protocols, const char *what)
{
	builder->protocols &= protocols;
	if (builder->protocols == 0)
		return rule_builder_error(builder,
			"conflicting protocols: %s is not of the protocol of the header or of what stands before",
			what);
	return 0;
}

int rule_builder_protocol(struct rule_builder *builder, const char *name)
{
	uint64_t protocols = rule_protocols_named(name);

	if (protocols == 0)
		return rule_builder_error(builder, "the protocol %s is not known", name);
	return rule_builder_restrict(builder, protocols, name);
}

void rule_builder_dirs(struct rule_builder *builder, uint8_t dirs)
{
	builder->dirs &= dirs;
}

bool rule_builder_is_protocol(const struct rule_builder *builder, const char *name)
{
	uint64_t protocols = rule_protocols_named(name);

	return builder->protocols != UINT64_MAX && (builder->protocols & protocols) != 0;
}

void rule_builder_order(struct rule_builder *builder, unsigned int kind, bool sets, bool reads)
{
	uint8_t *rank = &builder->rule->order[kind];
	bool had_sets = *rank >= RULE_RANK_SETS_AND_READS;
	bool had_reads = *rank == RULE_RANK_READS || *rank == RULE_RANK_SETS_AND_READS;

	sets = sets || had_sets;
	reads = reads || had_reads;
	if (sets)
		*rank = reads ? RULE_RANK_SETS_AND_READS : RULE_RANK_SETS;
	else if (reads)
		*rank = RULE_RANK_READS;
}

uint8_t rule_builder_take_dirs(struct bytes *value)
{
	static const char *const words[] = { "to_server", "to_client", NULL };
	size_t end = bytes_index(*value, ',');
	int word = rule_text_choice(rule_text_trim(bytes_first(*value, end)), words);

	if (word < 0)
		return 0;
	*value = rule_text_trim(bytes_skip(*value, end + 1));
	return (uint8_t)(1 << word);
}

/* ---- Reading ---- */

static int take_quotes(struct rule_builder *builder, uint32_t flags, struct bytes *value)
{
	bool quoted = value->size > 0 && value->ptr[0] == '"';

	if ((flags & (KEYWORD_QUOTES | KEYWORD_QUOTES_REQUIRED)) == 0)
		return 0;
	if (!quoted)
		return (flags & KEYWORD_QUOTES_REQUIRED) != 0 ? rule_builder_error(builder, "the value needs quotes")
							      : 0;
	if (value->size < 2 || value->ptr[value->size - 1] != '"')
		return rule_builder_error(builder, "the closing quote is missing; perhaps a semicolon is too");
	*value = bytes_of(value->ptr + 1, value->size - 2);
	return 0;
}

static int apply_row(struct rule_builder *builder, const struct rule_keyword *row, const struct rule_option *option)
{
	struct bytes value = option->value;
	bool negated = false;
	int error;

	if ((row->flags & KEYWORD_NO_VALUE) != 0 && value.size > 0)
		return rule_builder_error(builder, "takes no value");
	if ((row->flags & (KEYWORD_NO_VALUE | KEYWORD_OPTIONAL_VALUE | KEYWORD_IGNORED)) == 0 && value.size == 0)
		return rule_builder_error(builder, "needs a value");
	if ((row->flags & KEYWORD_NEGATABLE) != 0 && value.size > 0 && value.ptr[0] == '!') {
		negated = true;
		value = rule_text_trim(bytes_skip(value, 1));
	}
	error = take_quotes(builder, row->flags, &value);
	if (error < 0)
		return error;
	return row->parse ? row->parse(builder, row, value, negated) : 0;
}

static int apply_entry(
	struct rule_builder *builder, const struct rule_keyword_entry *entry, const struct rule_option *option)
{
	struct bytes value = option->value;
	uint8_t dirs;

	switch (entry->kind) {
	case RULE_KEYWORD_ROW:
		return apply_row(builder, entry->row, option);
	case RULE_KEYWORD_NUMBER:
		return rule_number_keyword(builder, entry->number->name, value);
	case RULE_KEYWORD_MODIFIER:
		return value.size > 0 ? rule_builder_error(builder, "takes no value")
				      : rule_builder_modifier(builder, entry->buffer);
	default:
		dirs = rule_builder_take_dirs(&value);
		if (value.size > 0)
			return rule_builder_error(builder, "a sticky buffer takes no value");
		return rule_builder_sticky(builder, entry->buffer, dirs);
	}
}

static int apply_option(struct rule_builder *builder, const struct rule_option *option)
{
	const struct rule_keyword_entry *entry = rule_keyword_find(option->name);
	int error;

	builder->keyword = arena_dup_str(builder->arena, bytes_first(option->name, 64));
	if (!entry) {
		builder->keyword_unknown = true;
		return rule_builder_error(builder, "unknown keyword");
	}
	builder->keyword = entry->name;
	error = apply_entry(builder, entry, option);
	/* A null from rule_builder_add without a message of its own is want of memory. */
	if (error < 0 && builder->message[0] == '\0')
		snprintf(builder->message, sizeof(builder->message), "%s", error_text(error, LUYTRE_LANG_EN));
	return error;
}

static int read_options(struct rule_builder *builder, struct bytes options)
{
	struct rule_option option;
	enum rule_option_status status;

	while ((status = rule_option_next(&options, &option)) == RULE_OPTION_FOUND) {
		int error = apply_option(builder, &option);

		if (error < 0)
			return error;
	}
	builder->keyword = NULL;
	if (status == RULE_OPTION_BAD)
		return rule_builder_error(builder, "an option has no name or does not end with a semicolon");
	return 0;
}

int rule_builder_parse(struct rule_builder *builder, struct bytes text, uint32_t line)
{
	struct rule_text parts;
	const char *problem;
	int error;

	builder->rule = arena_alloc(builder->arena, sizeof(*builder->rule));
	if (!builder->rule)
		return LUYTRE_E_NOMEM;
	builder->rule->line = line;
	builder->rule->gid = 1;
	builder->rule->priority = 3;
	builder->rule->dsize_high = UINT16_MAX;
	problem = rule_text_split(text, &parts);
	if (problem)
		return rule_builder_error(builder, "%s", problem);
	error = rule_requires_check(builder, parts.options);
	if (error == 0)
		error = rule_header_read(builder, &parts);
	if (error == 0)
		error = read_options(builder, parts.options);
	if (error == 0)
		error = rule_builder_finish(builder);
	return error;
}
