// SPDX-License-Identifier: Apache-2.0
/* Whose word is one word: the organisations of a group, and all that one edge reports, whatever organisations it names. Who captured an
 * edge of many organisations can speak in the name of each, and is one voice nevertheless. */
#include "hub/decide/engine-internal.h"

bool voice_same(const struct engine *engine, const struct ref *ref, uint32_t tenant, uint32_t edge)
{
	return (edge != 0 && ref->edge == edge) ||
	       reporters_group(engine->reporters, ref->tenant) == reporters_group(engine->reporters, tenant);
}

static void sort(struct voice *voices, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct voice voice = voices[i];
		size_t at = i;

		for (; at > 0 && voices[at - 1].weight < voice.weight; at--)
			voices[at] = voices[at - 1];
		voices[at] = voice;
	}
}

/* The strongest first, and what is no voice of its own beside those falls away. Where groups and edges cross this may find one voice
 * fewer than could be told apart, never one more. */
size_t voice_pick(const struct engine *engine, struct voice *voices, size_t count)
{
	size_t kept = 0;

	sort(voices, count);
	for (size_t i = 0; i < count; i++) {
		const struct ref *ref = voices[i].ref;
		bool again = false;

		for (size_t j = 0; j < kept && !again; j++)
			again = voice_same(engine, voices[j].ref, ref->tenant, ref->edge);
		if (!again)
			voices[kept++] = voices[i];
	}
	return kept;
}

void voice_count_alone(struct engine *engine, const struct ref *ref, int step)
{
	uint32_t *count;

	reporters_alone_add(engine->reporters, ref->tenant, step);
	if (ref->edge == 0)
		return;
	count = step > 0 ? table_insert(engine->edges_alone, &ref->edge, NULL)
			 : table_find(engine->edges_alone, &ref->edge);
	if (!count || (step < 0 && *count == 0))
		return;
	*count += (uint32_t)step;
	if (*count == 0)
		table_remove(engine->edges_alone, &ref->edge);
}

bool voice_alone_room(const struct engine *engine, const struct ref *ref)
{
	const uint32_t *count = table_find(engine->edges_alone, &ref->edge);

	if (!reporters_alone_room(engine->reporters, ref->tenant))
		return false;
	if (ref->edge == 0)
		return true;
	/* Without room in the table nobody counts what this edge holds. */
	return count ? *count < engine->limits.reporters.alone_max
		     : table_count(engine->edges_alone) < ENGINE_EDGES_MAX;
}
