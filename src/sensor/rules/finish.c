// SPDX-License-Identifier: Apache-2.0
/* Conclusions about a rule whose options have all been read. */
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>

#include "base/error.h"
#include "sensor/app/app.h"
#include "sensor/rules/address.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/policy.h"

static bool runs_over(const struct rule *rule, int protocol)
{
	return (rule->ip_protocols[protocol / 8] >> protocol % 8 & 1) != 0;
}

/* ---- Lists ---- */

/* Payload lists that lost their contents to modifiers go. */
static void drop_empty_lists(struct rule *rule)
{
	struct rule_buffer **link = &rule->buffers;

	while (*link) {
		if ((*link)->first)
			link = &(*link)->next;
		else
			*link = (*link)->next;
	}
}

static void mark_relative(struct rule_buffer *list)
{
	struct rule_match *before = NULL;

	list->has_negated_only = true;
	for (struct rule_match *match = list->first; match; match = match->next) {
		if (match->relative && before) {
			before->relative_next = true;
			if (rule_match_is_content(before))
				((struct rule_content *)before->data)->relative_next = true;
		}
		if (!match->negated)
			list->has_negated_only = false;
		before = match;
	}
}

/* byte_math must know where it counts from; others count from the start of the buffer when nothing stands before. */
static int check_first(struct rule_builder *builder, const struct rule_buffer *list)
{
	if (list->first->relative && strcmp(list->first->ops->name, "byte_math") == 0)
		return rule_builder_error(builder, "byte_math: relative without a condition before it");
	return 0;
}

static int check_absent(struct rule_builder *builder, const struct rule_buffer *list)
{
	if (list->absent && list->first != list->last)
		return rule_builder_error(
			builder, "absent: the buffer %s has other conditions", rule_buffer_name(list->buffer));
	if (list->absent_or && list->first == list->last)
		return rule_builder_error(
			builder, "absent: or_else needs another condition on %s", rule_buffer_name(list->buffer));
	return 0;
}

/* Literals that a buffer can never hold (user guide, the chapters of these keywords). */
static const char *check_literal(const char *buffer, const struct rule_content *content)
{
	struct bytes text = content->pattern;
	bool has_upper = false;

	for (size_t i = 0; i < text.size && !content->nocase; i++)
		has_upper = has_upper || isupper(text.ptr[i]);
	if (strcmp(buffer, "http.host") == 0 && has_upper)
		return "http.host is in lower case";
	if (strcmp(buffer, "http.method") == 0 && (text.ptr[0] == ' ' || text.ptr[text.size - 1] == ' '))
		return "http.method has no blank at its ends";
	if ((strcmp(buffer, "ja3.hash") == 0 || strcmp(buffer, "ja3s.hash") == 0) && text.size > 32)
		return "a JA3 hash has 32 characters";
	return NULL;
}

static int check_literals(struct rule_builder *builder, const struct rule_buffer *list)
{
	const struct policy_transform_set *transforms = &builder->context->policy->transform_sets[list->transform_set];

	for (const struct rule_match *match = list->first; match; match = match->next) {
		const struct rule_content *content = match->data;
		const char *problem;

		if (!rule_match_is_content(match))
			continue;
		problem = check_literal(rule_buffer_name(list->buffer), content);
		if (problem && list->transform_set == 0)
			return rule_builder_error(builder, "the content can never match: %s", problem);
		for (int i = 0; i < transforms->count; i++)
			if (transforms->items[i]->accepts &&
				!transforms->items[i]->accepts(content->pattern, content->nocase))
				return rule_builder_error(builder,
					"the content can never match: it is incompatible with %s",
					transforms->items[i]->name);
	}
	return 0;
}

static int finish_lists(struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	int error = 0;

	if (builder->buffer != RULE_BUFFER_PAYLOAD && !builder->sticky_used)
		return rule_builder_error(
			builder, "the sticky buffer %s has no condition", rule_buffer_name(builder->buffer));
	drop_empty_lists(rule);
	for (struct rule_buffer *list = rule->buffers; list && error == 0; list = list->next) {
		mark_relative(list);
		error = check_first(builder, list);
		if (error == 0)
			error = check_absent(builder, list);
		if (error == 0)
			error = check_literals(builder, list);
	}
	return error;
}

/* ---- Protocols ---- */

static uint8_t transports_of(const struct rule *rule)
{
	return (uint8_t)((runs_over(rule, IPPROTO_TCP) ? APP_TCP : 0) | (runs_over(rule, IPPROTO_UDP) ? APP_UDP : 0));
}

static int finish_protocols(struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	uint64_t wanted = builder->protocols & builder->context->protocols_all, kept = 0;
	unsigned int count = 0;

	if (builder->protocols == UINT64_MAX)
		return 0;
	wanted &= ~builder->context->protocols_off;
	for (unsigned int i = 0; i < app_protocol_count(); i++) {
		const struct app_protocol *protocol = app_protocol_at(i);
		uint64_t bit = 1ull << app_protocol_index(protocol);

		if ((wanted & bit) == 0 || (protocol->transports & transports_of(rule)) == 0)
			continue;
		kept |= bit;
		if (count < ARRAY_COUNT(rule->apps))
			rule->apps[count] = protocol;
		count++;
	}
	if (kept == 0)
		return rule_builder_error(builder, "no protocol that is switched on and runs over the transport of the "
						   "header provides what the rule looks at");
	builder->protocols = kept;
	/* So many that naming them says nothing: the buffers themselves tell them apart. */
	if (count > ARRAY_COUNT(rule->apps)) {
		memset(rule->apps, 0, sizeof(rule->apps));
		return 0;
	}
	rule->app = rule->apps[0];
	rule->app_count = (uint8_t)count;
	return 0;
}

/* ---- Directions ---- */

static int conflict(struct rule_builder *builder)
{
	return rule_builder_error(builder, "the rule mixes keywords with conflicting directions");
}

static void set_progress(struct rule_builder *builder, struct rule_buffer *list)
{
	for (unsigned int i = 0; i < app_protocol_count(); i++) {
		const struct app_protocol *protocol = app_protocol_at(i);
		const struct app_buffer *row;

		if ((builder->protocols >> app_protocol_index(protocol) & 1) == 0)
			continue;
		row = rule_buffer_for(list->buffer, protocol);
		if (!row)
			continue;
		memcpy(list->progress, row->progress, sizeof(list->progress));
		return;
	}
}

/* Fills in the directions of lists and collects what they are together: '*only' has a direction when something belongs to
 * it alone. */
static int collect_dirs(struct rule_builder *builder, uint8_t *only, bool *ambiguous)
{
	struct rule *rule = builder->rule;

	*only = 0;
	*ambiguous = false;
	for (struct rule_buffer *list = rule->buffers; list; list = list->next) {
		uint8_t dirs = rule_buffer_dirs(list->buffer, builder->protocols);

		if (list->dirs != 0 && (list->dirs & dirs) == 0)
			return rule_builder_error(builder, "the buffer %s is not there in that direction",
				rule_buffer_name(list->buffer));
		list->dirs = list->dirs ? list->dirs & dirs : dirs;
		set_progress(builder, list);
		if (list->dirs != DIR_BOTH)
			*only |= list->dirs;
		else if (list->buffer != RULE_BUFFER_PAYLOAD && list->buffer != RULE_BUFFER_BASE64)
			*ambiguous = true;
	}
	for (const struct rule_match *match = rule->tx; match; match = match->next)
		if (match->dirs != DIR_BOTH)
			*only |= match->dirs;
	return 0;
}

static int finish_dirs(struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	uint8_t said = builder->dirs, only;
	bool ambiguous;
	int error = collect_dirs(builder, &only, &ambiguous);

	if (error < 0)
		return error;
	if ((rule->flags & RULE_TRANSACTIONAL_BIDIR) != 0) {
		if ((rule->flags & (RULE_DIR_TO_SERVER | RULE_DIR_TO_CLIENT)) != 0)
			return rule_builder_error(builder, "=> is for both directions: flow cannot name one");
		if (ambiguous)
			return rule_builder_error(
				builder, "=> needs a direction (to_server or to_client) for buffers that both have");
		if (only != DIR_BOTH)
			return rule_builder_error(builder, "=> is for rules with conditions in both directions");
		rule->dirs = DIR_BOTH;
		return 0;
	}
	if ((rule->flags & RULE_DIR_TO_SERVER) != 0)
		said &= DIR_TO_SERVER;
	if ((rule->flags & RULE_DIR_TO_CLIENT) != 0)
		said &= DIR_TO_CLIENT;
	if (only == DIR_BOTH || said == 0 || (only != 0 && (said & only) == 0))
		return conflict(builder);
	rule->dirs = only ? said & only : said;
	if (rule->dirs == DIR_TO_SERVER)
		rule->flags |= RULE_DIR_TO_SERVER;
	else if (rule->dirs == DIR_TO_CLIENT)
		rule->flags |= RULE_DIR_TO_CLIENT;
	return 0;
}

/* ---- What kind of rule it is (user guide, "Rule Types and Categorization") ---- */

static bool has_payload(const struct rule *rule)
{
	for (const struct rule_buffer *list = rule->buffers; list; list = list->next)
		if (list->buffer == RULE_BUFFER_PAYLOAD)
			return true;
	return false;
}

/* A place in the payload is one in packets as well as in the stream. */
static bool has_placed_content(const struct rule *rule)
{
	for (const struct rule_buffer *list = rule->buffers; list; list = list->next) {
		for (const struct rule_match *match = list->first; match; match = match->next) {
			const struct rule_content *content = match->data;

			if (list->buffer == RULE_BUFFER_PAYLOAD && rule_match_is_content(match) && !match->relative &&
				(content->has_offset || content->has_depth))
				return true;
		}
	}
	return false;
}

static int classify_payload(struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	bool packet = (rule->layer_flags & RULE_PROTO_PACKET_ONLY) != 0 || (rule->flags & RULE_NO_STREAM) != 0;
	bool stream = (rule->layer_flags & RULE_PROTO_STREAM_ONLY) != 0 || (rule->flags & RULE_ONLY_STREAM) != 0;

	for (const struct rule_match *match = rule->packet; match; match = match->next)
		if ((match->ops->flags & (RULE_OPS_NOT_PACKET | RULE_OPS_EVENT)) == 0)
			packet = true;
	for (const struct rule_buffer *list = rule->buffers; list; list = list->next)
		if (rule_buffer_packet(list->buffer))
			packet = true;
	if (packet && stream)
		return rule_builder_error(
			builder, "conditions on single packets cannot be mixed with tcp-stream or flow:only_stream");
	if (has_payload(rule) && runs_over(rule, IPPROTO_TCP) && !packet && !stream) {
		stream = true;
		packet = has_placed_content(rule);
	}
	rule->flags |= (packet ? RULE_NEEDS_PACKET : 0) | (stream ? RULE_NEEDS_STREAM : 0);
	return 0;
}

static void classify_needs(struct rule *rule)
{
	bool events = rule->packet != NULL;

	for (const struct rule_buffer *list = rule->buffers; list; list = list->next) {
		if (list->buffer == RULE_BUFFER_PAYLOAD || list->buffer == RULE_BUFFER_BASE64 ||
			rule_buffer_packet(list->buffer))
			continue;
		rule->flags |= RULE_NEEDS_TX;
		if ((rule_buffer_flags(list->buffer) & APP_BUFFER_FILE) != 0)
			rule->flags |= RULE_NEEDS_FILE;
	}
	if (rule->tx || rule->has_hook)
		rule->flags |= RULE_NEEDS_TX;
	if (rule->files)
		rule->flags |= RULE_NEEDS_FILE | RULE_NEEDS_TX;
	if (rule->app || (rule->flags & (RULE_NEEDS_TX | RULE_NEEDS_FILE)) != 0)
		rule->flags |= RULE_NEEDS_FLOW;
	for (const struct rule_match *match = rule->packet; match; match = match->next)
		events = events && (match->ops->flags & RULE_OPS_EVENT) != 0;
	if (events && !rule->buffers && (rule->flags & RULE_NEEDS_TX) == 0)
		rule->flags |= RULE_DECODE_EVENT_ONLY;
}

static void classify_addresses(struct rule_builder *builder)
{
	const struct policy *policy = builder->context->policy;
	struct rule *rule = builder->rule;
	uint64_t any_ports = RULE_SPORT_ANY | RULE_DPORT_ANY;

	if (rule->app || rule->app_named || rule->has_hook || rule->buffers || rule->tx || rule->files ||
		builder->flow_option_matches || (rule->flags & any_ports) != any_ports ||
		(rule->layer_flags & (RULE_PROTO_PACKET_ONLY | RULE_PROTO_STREAM_ONLY | RULE_PROTO_PKTHDR)) != 0)
		return;
	for (const struct rule_match *match = rule->packet; match; match = match->next)
		if ((match->ops->flags & RULE_OPS_IP_ONLY) == 0)
			return;
	if (address_sets_is_negated(policy->addresses, rule->src.address_set) ||
		address_sets_is_negated(policy->addresses, rule->dst.address_set))
		rule->flags |= RULE_LIKE_IP_ONLY;
	else
		rule->flags |= RULE_IP_ONLY;
}

/* Whether drop and pass are for the flow or for the packet alone, unless the rule says. */
static void classify_scope(struct rule *rule)
{
	bool flow = (rule->flags & (RULE_IP_ONLY | RULE_LIKE_IP_ONLY | RULE_NEEDS_TX | RULE_NEEDS_FILE)) != 0 ||
		    rule->app_named;

	if ((rule->flags & RULE_NEEDS_STREAM) != 0 && (rule->flags & RULE_NEEDS_PACKET) == 0)
		flow = true;
	if (rule->action_scope != 0)
		flow = rule->action_scope == 2;
	if (flow)
		rule->flags |= RULE_SCOPE_FLOW_DROP;
}

int rule_builder_finish(struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	int error = 0;

	if (!builder->has_sid)
		error = rule_builder_error(builder, "the rule has no sid");
	if (error == 0)
		error = finish_lists(builder);
	if (error == 0)
		error = rule_limits_apply(builder);
	if (error == 0)
		error = finish_protocols(builder);
	if (error == 0)
		error = finish_dirs(builder);
	if (error == 0)
		error = classify_payload(builder);
	if (error < 0)
		return error;
	classify_needs(rule);
	classify_addresses(builder);
	classify_scope(rule);
	rule_fast_pattern_choose(rule);
	return 0;
}
