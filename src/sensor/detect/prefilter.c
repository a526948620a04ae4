// SPDX-License-Identifier: Apache-2.0
/* Literal sets: one for each buffer, chain of transforms and direction, over all rules of all tenants.
 *
 * Payload has sets by kind of packet: pieces of a TCP stream, payload of TCP packets, of UDP, of the rest. The id of a
 * literal is the index of its rule. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "match/cache.h"
#include "match/scratch.h"
#include "sensor/detect/internal.h"
#include "sensor/rules/buffers.h"

static struct detect_set *set_for(
	struct detect_engine *engine, const struct rule_buffer *list, uint8_t dir, uint8_t place)
{
	/* A transformed buffer is another one. */
	unsigned int buffer =
		place == PLACE_APP && list->transform_set == 0 ? rule_buffer_scanned(list->buffer) : list->buffer;
	struct detect_set *set;

	for (uint32_t i = 0; i < engine->set_count; i++) {
		set = &engine->sets[i];
		if (set->buffer == buffer && set->transform_set == list->transform_set && set->dir == dir &&
			set->place == place)
			return set;
	}
	if (engine->set_count == engine->set_room) {
		uint32_t room = engine->set_room ? 2 * engine->set_room : 64;
		struct detect_set *grown = realloc(engine->sets, room * sizeof(*grown));

		if (!grown)
			return NULL;
		engine->sets = grown;
		engine->set_room = room;
	}
	set = &engine->sets[engine->set_count];
	*set = (struct detect_set){
		.buffer = (uint16_t)buffer, .transform_set = list->transform_set, .dir = dir, .place = place
	};
	set->builder = literal_set_builder_new();
	if (!set->builder)
		return NULL;
	engine->set_count++;
	return set;
}

/* Where the literal may end, when its place in what is scanned is its place in the buffer. */
static void limit(struct literal *literal, const struct rule_content *content)
{
	if (content->has_offset && content->offset_var < 0 && content->offset > 0)
		literal->min_end = (uint32_t)content->offset + (uint32_t)literal->bytes.size;
	if (content->has_depth && content->depth_var < 0 && content->offset_var < 0 && content->depth > 0)
		literal->max_end = (uint32_t)content->depth;
	if (content->endswith)
		literal->flags |= LITERAL_AT_END;
}

static int add(struct detect_engine *engine, const struct detect_rule *rule, const struct rule_buffer *list,
	uint8_t dir, uint8_t place)
{
	const struct rule_content *content = list->fast_pattern;
	struct literal literal = { .bytes = content->pattern, .flags = LITERAL_ONCE, .id = rule->rule->index };
	bool whole = content->fast_pattern_size == 0;
	struct detect_set *set = set_for(engine, list, dir, place);

	if (!set)
		return LUYTRE_E_NOMEM;
	if (content->nocase)
		literal.flags |= LITERAL_NOCASE;
	if (!whole)
		literal.bytes = bytes_first(
			bytes_skip(content->pattern, content->fast_pattern_offset), content->fast_pattern_size);
	else if (place != PLACE_STREAM && place != PLACE_FRAME &&
		 (place != PLACE_APP ||
			 (rule_buffer_flags(list->buffer) & (APP_BUFFER_STREAMING | APP_BUFFER_FILE)) == 0))
		limit(&literal, content);
	/* A window that is too small for the literal: the rule never holds. */
	if (literal.max_end != 0 && literal.max_end < literal.bytes.size)
		return 0;
	if (literal.max_end != 0 && literal.min_end > literal.max_end)
		return 0;
	return literal_set_builder_add(set->builder, &literal);
}

static bool rule_has_ip_protocol(const struct rule *rule, unsigned int protocol)
{
	return (rule->ip_protocols[protocol / 8] >> (protocol % 8) & 1) != 0;
}

static int add_payload(
	struct detect_engine *engine, const struct detect_rule *rule, const struct rule_buffer *list, uint8_t dir)
{
	bool tcp = rule_has_ip_protocol(rule->rule, 6), udp = rule_has_ip_protocol(rule->rule, 17), other = false;
	int error = 0;

	for (unsigned int i = 0; i < 256; i++)
		other |= i != 6 && i != 17 && rule_has_ip_protocol(rule->rule, i);
	if (tcp && (rule->kind == DETECT_STREAM || rule->kind == DETECT_PACKET_STREAM))
		error = add(engine, rule, list, dir, PLACE_STREAM);
	if (!error && tcp && (rule->kind == DETECT_PACKET || rule->kind == DETECT_PACKET_STREAM))
		error = add(engine, rule, list, dir, PLACE_TCP_PAYLOAD);
	if (!error && udp)
		error = add(engine, rule, list, dir, PLACE_UDP_PAYLOAD);
	if (!error && other)
		error = add(engine, rule, list, dir, PLACE_OTHER_PAYLOAD);
	return error;
}

int prefilter_add_rule(struct detect_engine *engine, const struct detect_rule *rule, bool *ret_added)
{
	const struct rule_buffer *list = rule->rule->fast_buffer;
	unsigned int protocol, type;
	bool payload = list && list->buffer == RULE_BUFFER_PAYLOAD;
	bool packet = list && rule_buffer_packet(list->buffer) != NULL;
	bool frame = list && rule_buffer_frame(list->buffer, &protocol, &type);
	uint8_t dirs;

	*ret_added = false;
	/* A transaction rule whose literal is in the stream cannot wait for it: the transaction may come first. */
	if (!list || !list->fast_pattern || list->absent || list->absent_or || list->buffer == RULE_BUFFER_BASE64 ||
		(rule->kind == DETECT_TX && (payload || packet)) || (rule->kind == DETECT_FRAME && !frame))
		return 0;
	dirs = payload || packet || frame ? rule->dirs : (uint8_t)(list->dirs ? list->dirs : DIR_BOTH);
	for (uint8_t dir = 0; dir < SENSOR_DIRS; dir++) {
		int error = 0;

		if ((dirs >> dir & 1) == 0)
			continue;
		if (payload)
			error = add_payload(engine, rule, list, dir);
		else
			error = add(engine, rule, list, dir, packet ? PLACE_PACKET : frame ? PLACE_FRAME : PLACE_APP);
		if (error)
			return error;
	}
	*ret_added = true;
	return 0;
}

/* ---- The cache: one file for each content ---- */

#define CACHE_NAME_SIZE 64

static void cache_name(const struct detect_set *set, char name[CACHE_NAME_SIZE])
{
	struct literal_set_key key = literal_set_builder_key(set->builder);

	snprintf(name, CACHE_NAME_SIZE, "%016llx%016llx.literals", (unsigned long long)key.half[0],
		(unsigned long long)key.half[1]);
}

static int compile_set(struct detect_set *set, const char *cache_dir)
{
	char name[CACHE_NAME_SIZE];
	struct bytes saved = { 0 };
	uint8_t *data;
	size_t size;
	int error;

	if (cache_dir) {
		cache_name(set, name);
		saved = cache_read(cache_dir, name);
		error = saved.size > 0 ? literal_set_load(set->builder, saved, &set->literals) : LUYTRE_E_NOT_FOUND;
		cache_free(saved);
		if (error == 0)
			return 0;
	}
	error = literal_set_compile(set->builder, &set->literals);
	if (error == 0 && cache_dir && literal_set_save(set->literals, &data, &size) == 0) {
		cache_write(cache_dir, name, data, size);
		free(data);
	}
	return error;
}

int prefilter_compile(struct detect_engine *engine, const char *cache_dir)
{
	for (uint32_t i = 0; i < engine->set_count; i++) {
		struct detect_set *set = &engine->sets[i];
		int error = compile_set(set, cache_dir);

		if (error) {
			log_error("the literals of the rules' buffer %s do not compile: %s",
				rule_buffer_name(set->buffer), error_text(error, LUYTRE_LANG_EN));
			return error;
		}
		literal_set_builder_free(set->builder);
		set->builder = NULL;
	}
	return 0;
}

void prefilter_free(struct detect_engine *engine)
{
	for (uint32_t i = 0; i < engine->set_count; i++) {
		literal_set_builder_free(engine->sets[i].builder);
		literal_set_free(engine->sets[i].literals);
	}
	free(engine->sets);
}

/* ---- Scanning ---- */

static bool on_hit(void *context, const uint32_t *ids, size_t id_count, size_t end)
{
	struct detect_marks *marks = context;

	for (size_t i = 0; i < id_count; i++)
		detect_mark(marks, ids[i]);
	return true;
}

size_t prefilter_longest(const struct detect_engine *engine, uint32_t set)
{
	return literal_set_longest(engine->sets[set].literals);
}

void prefilter_scan(struct detect_context *context, uint32_t set, struct bytes in, struct detect_marks *marks)
{
	/* The scratch is prepared for every set, and views are far below 4 GiB. */
	int error = in.size > 0
			    ? literal_set_scan(context->engine->sets[set].literals, context->scratch, in, on_hit, marks)
			    : 0;

	if (error)
		context->prefilter_failures++;
}
