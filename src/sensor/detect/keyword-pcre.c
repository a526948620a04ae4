// SPDX-License-Identifier: Apache-2.0
/* pcre:[!]"/regex/flags[, flow:name][, pkt:name]".
 *
 * Small flags are PCRE's (i s m x), A anchors, E is "$ only at the end", G is ungreedy, R makes it relative, B asks for raw
 * bytes (always so here), O lifts the limits; the other capital letters choose the buffer of a protocol. Captures get
 * names behind the regex, in order, or by group names that begin with flow_, pkt_ or alert_. */
#include "base/error.h"
#include "base/jsonw.h"
#include "sensor/detect/bits.h"
#include "sensor/detect/dataset.h"
#include "sensor/detect/internal.h"
#include "sensor/detect/pcre.h"
#include "sensor/detect/value.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/text.h"
#include "sensor/settings.h"

struct scope_name {
	const char *option, *group; /* "flow:" and "flow_" */
	uint8_t scope;
};

static const struct scope_name scope_names[] = {
	{ "flow:", "flow_", PCRE_FLOW },
	{ "pkt:", "pkt_", PCRE_PACKET },
	{ "alert:", "alert_", PCRE_ALERT },
};

struct flag_row {
	char letter;
	unsigned int regex;
};

static const struct flag_row flag_rows[] = {
	{ 'i', REGEX_NOCASE },
	{ 's', REGEX_DOT_ALL },
	{ 'm', REGEX_MULTILINE },
	{ 'x', REGEX_EXTENDED },
	{ 'A', REGEX_ANCHORED },
	{ 'E', REGEX_DOLLAR_END_ONLY },
	{ 'G', REGEX_UNGREEDY },
};

struct parsed {
	struct bytes pattern, flags, captures;
};

/* Cuts "/a/flags,captures" or "m%a%flags" at its delimiters. */
static bool split(struct bytes value, struct parsed *ret)
{
	size_t end, flags;
	uint8_t mark;

	if (value.size > 1 && value.ptr[0] == 'm' && value.ptr[1] != '/')
		value = bytes_skip(value, 1);
	if (value.size < 2)
		return false;
	mark = value.ptr[0];
	value = bytes_skip(value, 1);
	/* The last delimiter that only letters, or letters and a list of captures, follow. */
	for (end = value.size; end-- > 0;) {
		if (value.ptr[end] != mark)
			continue;
		for (flags = end + 1; flags < value.size; flags++) {
			uint8_t byte = value.ptr[flags] | 0x20;

			if (byte < 'a' || byte > 'z')
				break;
		}
		struct bytes rest = rule_text_trim(bytes_skip(value, flags));

		if (rest.size == 0 || rest.ptr[0] == ',') {
			ret->pattern = bytes_first(value, end);
			ret->flags = bytes_of(value.ptr + end + 1, flags - end - 1);
			ret->captures = bytes_skip(rest, 1);
			return true;
		}
	}
	return false;
}

static int add_capture(
	struct rule_builder *builder, struct rule_pcre *pcre, uint8_t scope, uint32_t group, struct bytes name)
{
	if (name.size == 0)
		return rule_builder_error(builder, "a capture of the regex has no name");
	if (pcre->capture_count == PCRE_CAPTURES_MAX)
		return rule_builder_error(builder, "more than %d captures with names", PCRE_CAPTURES_MAX);
	pcre->captures[pcre->capture_count++] = (struct rule_pcre_capture){
		.scope = scope, .is_key = bytes_equal_str(name, "key"), .group = group, .name = bits_name(name)
	};
	return 0;
}

static int captures_of_list(struct rule_builder *builder, struct rule_pcre *pcre, struct bytes list)
{
	struct bytes item;

	for (uint32_t group = 1; rule_text_item(&list, ',', &item); group++) {
		const struct scope_name *found = NULL;

		for (size_t i = 0; i < sizeof(scope_names) / sizeof(scope_names[0]); i++)
			if (bytes_starts_with(item, bytes_from_str(scope_names[i].option)))
				found = &scope_names[i];
		if (!found)
			return rule_builder_error(builder, "\"%.*s\" is no capture: flow:NAME, pkt:NAME or alert:NAME",
				(int)item.size, item.ptr);
		if (group > regex_group_count(pcre->regex))
			return rule_builder_error(builder, "the regex has fewer groups than names of captures");
		int error = add_capture(
			builder, pcre, found->scope, group, rule_text_trim(bytes_skip(item, strlen(found->option))));

		if (error)
			return error;
	}
	return 0;
}

/* Group names "(?P<flow_agent>" and "(?<flow_agent>". */
static int captures_of_groups(struct rule_builder *builder, struct rule_pcre *pcre, struct bytes pattern)
{
	for (struct bytes rest = pattern; rest.size > 4; rest = bytes_skip(rest, 1)) {
		struct bytes name;
		char text[128];
		uint32_t group;

		if (bytes_starts_with(rest, bytes_from_str("(?P<")))
			name = bytes_skip(rest, 4);
		else if (bytes_starts_with(rest, bytes_from_str("(?<")))
			name = bytes_skip(rest, 3);
		else
			continue;
		name = bytes_first(name, bytes_index(name, '>'));
		if (!bytes_to_str(name, text, sizeof(text)) || regex_find_group(pcre->regex, text, &group) != 0)
			continue;
		for (size_t i = 0; i < sizeof(scope_names) / sizeof(scope_names[0]); i++) {
			struct bytes prefix = bytes_from_str(scope_names[i].group);

			if (!bytes_starts_with(name, prefix))
				continue;
			int error =
				add_capture(builder, pcre, scope_names[i].scope, group, bytes_skip(name, prefix.size));

			if (error)
				return error;
		}
	}
	return 0;
}

/* Reads the flags; '*ret_buffer' is the chosen buffer's number or -1. */
static int read_flags(struct rule_builder *builder, struct rule_pcre *pcre, struct bytes flags, unsigned int *ret_regex,
	struct regex_limits *ret_limits, int *ret_buffer)
{
	for (size_t i = 0; i < flags.size; i++) {
		char letter = (char)flags.ptr[i];
		bool known = letter == 'B' || letter == 'R' || letter == 'O';

		for (size_t row = 0; row < sizeof(flag_rows) / sizeof(flag_rows[0]); row++)
			if (flag_rows[row].letter == letter) {
				*ret_regex |= flag_rows[row].regex;
				known = true;
			}
		if (letter == 'R')
			pcre->relative = true;
		if (letter == 'O')
			*ret_limits = (struct regex_limits){ .steps = 10 * REGEX_STEPS_DEFAULT };
		if (known)
			continue;
		int buffer = rule_buffer_find_pcre_flag(letter, true);

		if (buffer < 0)
			buffer = rule_buffer_find_pcre_flag(letter, false);
		if (buffer < 0)
			return rule_builder_error(builder, "unknown flag '%c' behind the regex", letter);
		if (*ret_buffer >= 0 && *ret_buffer != buffer)
			return rule_builder_error(builder, "the flags behind the regex choose two buffers");
		*ret_buffer = buffer;
	}
	return 0;
}

static void pcre_release(struct rule_match *match)
{
	struct rule_pcre *pcre = match->data;

	regex_free(pcre->regex);
	pcre->regex = NULL;
}

static bool pcre_never(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	return false; /* inspect.c knows this kind itself */
}

static const struct rule_match_ops pcre_ops = {
	.name = "pcre", .target = RULE_TARGET_BUFFER, .match = pcre_never, .release = pcre_release
};

static int parse_pcre(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rule_pcre *pcre = arena_alloc(rule_builder_arena(builder), sizeof(*pcre));
	char message[REGEX_MESSAGE_SIZE];
	const struct sensor_settings *settings = rule_builder_context(builder)->settings;
	struct regex_limits limits = { .steps = settings->pcre_match_limit, .depth = settings->pcre_depth_limit };
	unsigned int flags = 0;
	struct rule_match *match;
	struct parsed parsed;
	int buffer = -1, error;

	if (!pcre)
		return LUYTRE_E_NOMEM;
	if (!split(value, &parsed))
		return rule_builder_error(builder, "the regex does not have the form /REGEX/FLAGS");
	pcre->negated = negated;
	error = read_flags(builder, pcre, parsed.flags, &flags, &limits, &buffer);
	if (error)
		return error;
	error = regex_compile(parsed.pattern, flags, limits, message, &pcre->regex);
	if (error == LUYTRE_E_SYNTAX)
		return rule_builder_error(builder, "%s", message);
	if (error)
		return error;
	error = parsed.captures.size > 0 ? captures_of_list(builder, pcre, parsed.captures)
					 : captures_of_groups(builder, pcre, parsed.pattern);
	if (!error) {
		match = buffer < 0
				? value_add(builder, &pcre_ops, pcre, pcre->relative)
				: rule_builder_add_to(builder, rule_buffer_name((unsigned int)buffer), &pcre_ops, pcre);
		if (match) {
			match->kind = MATCH_PCRE;
			match->negated = negated;
			match->relative = pcre->relative;
			return 0;
		}
		error = LUYTRE_E_NOMEM;
	}
	regex_free(pcre->regex);
	return error;
}

const struct rule_keyword detect_pcre_keywords[] = {
	{ "pcre", NULL, KEYWORD_NEGATABLE | KEYWORD_QUOTES, parse_pcre, "a regular expression in Perl's syntax" },
	{ 0 },
};

/* ---- Matching ---- */

enum regex_status rule_pcre_search(struct detect_context *context, const struct rule_pcre *pcre, struct bytes subject,
	size_t start, struct regex_captures *ret)
{
	enum regex_status status = regex_match(pcre->regex, context->scratch, subject, start, ret);

	if (status == REGEX_LIMIT)
		context->counters_pcre_limit++;
	return status;
}

void rule_pcre_capture(
	struct detect_context *context, const struct rule_pcre *pcre, const struct regex_captures *captures)
{
	struct detect_private *private = context->private;
	struct bytes key = { 0 };

	for (uint8_t i = 0; i < pcre->capture_count; i++) {
		const struct rule_pcre_capture *capture = &pcre->captures[i];

		if (capture->group >= captures->count || captures->group[capture->group].ptr == NULL)
			continue;
		if (capture->is_key) {
			key = captures->group[capture->group];
			continue;
		}
		if (private->capture_count == DETECT_CAPTURES_MAX)
			return;
		/* Copied: the buffer may be gone before all of the rule's conditions were asked. */
		struct bytes text = captures->group[capture->group];
		struct detect_capture *note = &private->captures[private->capture_count];

		note->scope = capture->scope;
		note->name = capture->name;
		note->text = bytes_of(arena_dup(&context->memory, text), text.size);
		note->key = bytes_of(arena_dup(&context->memory, key), key.size);
		if (note->text.ptr && note->key.ptr)
		private->capture_count++;
	}
}

/* "alert.context.NAME": as JSON, which is how conditions note such things. */
static void note_alert(struct detect_context *context, const struct rule *rule, const struct detect_capture *note)
{
	struct bytes text, copy;
	struct jsonw json;

	jsonw_init(&json, 8 * (note->text.size + 16));
	jsonw_string_bytes(&json, note->text);
	if (jsonw_text(&json, &text) == 0) {
		copy = bytes_of(arena_dup(&context->memory, text), text.size);
		if (copy.ptr)
			detect_context_note(context, rule, bits_name_text(note->name), copy);
	}
	jsonw_done(&json);
}

void rule_pcre_commit(struct detect_context *context, const struct rule *rule)
{
	struct detect_private *private = context->private;

	for (uint8_t i = 0; i < private->capture_count; i++) {
		const struct detect_capture *note = &private->captures[i];

		if (note->scope == PCRE_ALERT)
			note_alert(context, rule, note);
		else if (note->scope == PCRE_PACKET)
			packet_text_set(context->packet, &context->memory, note->name, note->key, note->text);
		else if (context->flow)
			flow_text_set(context->flow, note->name, note->key, note->text);
	}
	private->capture_count = 0;
}
