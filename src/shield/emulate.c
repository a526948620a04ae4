// SPDX-License-Identifier: Apache-2.0
/* The user-space build of the pipeline. See emulate.h. */
#include "shield/emulate.h"

#include <assert.h>
#include <string.h>

#include "shield/bpf/pipeline.h"
#include "shield/bpf/outbound.h"

_Thread_local struct shield_machine *shield_machine;
_Thread_local struct shield_work shield_scratch[2];

void shield_trace_step(enum shield_step step, enum shield_reason reason)
{
	struct shield_trace *trace = shield_machine->trace;

	if (!trace || trace->count >= SHIELD_TRACE_MAX)
		return;
	trace->steps[trace->count].step = step;
	trace->steps[trace->count].reason = reason;
	trace->count++;
}

void shield_emulate(struct shield_maps *maps, uint8_t *frame, size_t size, uint64_t now_ns, shield_sample_fn sample,
	void *sample_user, struct shield_trace *trace, struct shield_result *ret)
{
	struct shield_machine machine = { .maps = maps,
		.now_ns = now_ns,
		.random = now_ns,
		.sample = sample,
		.sample_user = sample_user,
		.trace = trace };
	struct shield_frame f = { .data = frame, .end = frame + size };
	struct shield_context c = { 0 };

	if (trace)
		trace->count = 0;
	shield_machine = &machine;
	ret->verdict = shield_run(&f, &c);
	shield_machine = NULL;
	ret->reason = c.reason;
	ret->shadow = c.shadow;
	/* The scratch memory is always there in user space: shield_run() cannot have left before it. */
	assert(c.work);
	ret->tenant = c.work->tenant;
	ret->signature = c.work->signature;
	ret->list = c.work->list;
	ret->class_id = c.work->class_id;
	ret->packet = c.work->p;
	ret->answer_size = ret->verdict == SHIELD_ANSWER ? (size_t)(f.end - f.data) : 0;
}

void shield_emulate_outbound(struct shield_maps *maps, const uint8_t *frame, size_t size, uint64_t now_ns)
{
	struct shield_machine machine = { .maps = maps, .now_ns = now_ns };

	shield_machine = &machine;
	packet_parse(frame, frame + size, &shield_scratch[1].p);
	shield_outbound_note(maps->globals, &shield_scratch[1].p);
	shield_machine = NULL;
}

uint32_t shield_emulate_tenant(struct shield_maps *maps, const struct packet_addr *address, uint8_t family)
{
	struct shield_machine machine = { .maps = maps };
	uint32_t entry;

	shield_machine = &machine;
	entry = shield_tenant_find(maps->globals, address, family);
	shield_machine = NULL;
	return entry ? (entry & SHIELD_DEST_SLOT) - 1 : SHIELD_TENANT_UNMAPPED;
}

bool shield_emulate_decided(struct shield_maps *maps, const struct ip_prefix *prefix)
{
	struct shield_machine machine = { .maps = maps };
	const struct shield_globals *g = maps->globals;
	uint32_t generation = g->list_generation & 1, leaf;
	struct packet_addr address = { 0 };

	memcpy(address.byte, prefix->addr.bytes, sizeof(address.byte));
	shield_machine = &machine;
	leaf = prefix->addr.family == IP_V4
		       ? shield_list_leaf4(g, generation, address.word[0])
		       : shield_list_leaf6(address.half[0], address.half[1], prefix->length, generation);
	shield_machine = NULL;
	return leaf != 0;
}

uint32_t shield_emulate_destination(struct shield_maps *maps, const struct packet_addr *address, uint8_t family)
{
	return shield_destination_word(maps->globals, address, family);
}

/* ---- the rows, for people -------------------------------------------------------------------------*/

static const struct {
	const char *name, *vectors, *en, *vi;
	enum shield_step step;
	enum shield_verdict verdict;
} reasons[SHIELD_REASON_COUNT] = {
#define X(id, name_, step_, verdict_, vectors_, en_, vi_)                                                              \
	[SHIELD_REASON_##id] = { name_, vectors_, en_, vi_, SHIELD_STEP_##step_, SHIELD_##verdict_ },
	SHIELD_PLAIN_REASONS(X)
#undef X
#define X(id, name_, vector, first, last, min, max, action, value, mask, what)                                         \
	[SHIELD_REASON_REFLECT_##id] = { "reflect-" name_, vector, "Reflected traffic nobody asked for: " what ".",    \
		"Lưu lượng phản xạ không ai yêu cầu: " what ".", SHIELD_STEP_REFLECT, SHIELD_DROP },
		SHIELD_REFLECT_ROWS(X)
#undef X
};

const char *shield_reason_name(enum shield_reason reason)
{
	return (unsigned int)reason < SHIELD_REASON_COUNT ? reasons[reason].name : NULL;
}

const char *shield_reason_text(enum shield_reason reason, bool vietnamese)
{
	if ((unsigned int)reason >= SHIELD_REASON_COUNT)
		return NULL;
	return vietnamese ? reasons[reason].vi : reasons[reason].en;
}

const char *shield_reason_vectors(enum shield_reason reason)
{
	return (unsigned int)reason < SHIELD_REASON_COUNT ? reasons[reason].vectors : NULL;
}

enum shield_step shield_reason_step(enum shield_reason reason)
{
	return (unsigned int)reason < SHIELD_REASON_COUNT ? reasons[reason].step : SHIELD_STEP_DONE;
}

enum shield_verdict shield_reason_verdict(enum shield_reason reason)
{
	return (unsigned int)reason < SHIELD_REASON_COUNT ? reasons[reason].verdict : SHIELD_PASS;
}

const char *shield_step_name(enum shield_step step)
{
#define X(id, name) name,
	static const char *const names[] = { SHIELD_STEPS(X) };
#undef X
	return (size_t)step < SHIELD_STEP_COUNT ? names[step] : NULL;
}

const char *shield_class_name(enum shield_class class_id)
{
#define X(id, name) name,
	static const char *const names[] = { SHIELD_CLASSES(X) };
#undef X
	return (size_t)class_id < SHIELD_CLASS_COUNT ? names[class_id] : NULL;
}

const char *shield_reflect_name(size_t row)
{
#define X(id, name, ...) name,
	static const char *const names[] = { SHIELD_REFLECT_ROWS(X) };
#undef X
	return row < SHIELD_REFLECT_COUNT ? names[row] : NULL;
}

const char *shield_table_event_name(enum shield_table_event event)
{
#define X(id, name, help) name,
	static const char *const names[] = { SHIELD_TABLE_EVENTS(X) };
#undef X
	return (size_t)event < SHIELD_EVENT_COUNT ? names[event] : NULL;
}

const char *shield_table_event_help(enum shield_table_event event)
{
#define X(id, name, help) help,
	static const char *const helps[] = { SHIELD_TABLE_EVENTS(X) };
#undef X
	return (size_t)event < SHIELD_EVENT_COUNT ? helps[event] : NULL;
}
