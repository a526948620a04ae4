// SPDX-License-Identifier: Apache-2.0
/* A value and what its transformations make of it, each computed once. Different chains often give the same bytes (most values of
 * ordinary requests are changed by nothing): results are numbered, and equal ones share a number. */
#include "gate/engine/internal.h"

void value_init(struct gate_value *value, struct bytes bytes)
{
	*value = (struct gate_value){ .bytes = bytes };
}

void value_expect(struct gate_tx *tx, struct gate_value *value)
{
	if (value)
		seen_expect(tx->worker->seen, tx->plan->number, value->bytes, &value->asked);
}

/* Requests with more entries than this say many things twice: true, 0, the same name a hundred times. */
#define ONCE_FROM     32
#define ONCE_BUCKETS  1024
#define ONCE_SIZE_MAX 128
/* Further ones of the same hash are kept twice, so that nobody gains by looking for them. */
#define ONCE_CHAIN_MAX 8

static uint64_t hash_of(struct bytes bytes)
{
	uint64_t hash = bytes.size, word = 0;
	size_t i = 0;

	for (; i + sizeof(word) <= bytes.size; i += sizeof(word)) {
		memcpy(&word, bytes.ptr + i, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	word = 0;
	if (i < bytes.size)
		memcpy(&word, bytes.ptr + i, bytes.size - i);
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

/* The trace tells where each one stood. */
static bool is_once(const struct gate_tx *tx, struct bytes bytes)
{
	return tx->entry_count >= ONCE_FROM && bytes.size <= ONCE_SIZE_MAX && !tx->trace;
}

struct gate_value *value_once(struct gate_tx *tx, struct bytes bytes)
{
	struct gate_value **bucket, *value;
	unsigned int count = 0;

	if (!is_once(tx, bytes))
		return tx_value(tx, bytes);
	if (!tx->once)
		tx->once = tx_alloc(tx, ONCE_BUCKETS * sizeof(struct gate_value *));
	if (!tx->once)
		return NULL;
	bucket = &tx->once[hash_of(bytes) % ONCE_BUCKETS];
	for (value = *bucket; value; value = value->same_hash, count++) {
		if (bytes_equal(value->bytes, bytes))
			return value;
	}
	value = tx_value(tx, bytes);
	if (value && count < ONCE_CHAIN_MAX) {
		value->same_hash = *bucket;
		*bucket = value;
	}
	return value;
}

static uint32_t classes_of(struct gate_value *value)
{
	if (!value->classified) {
		value->classes = transform_classes(value->bytes);
		value->classified = true;
	}
	return value->classes;
}

/* Room for one more in an array of the arena. False at the ceiling. */
static bool grow(struct gate_tx *tx, void **array, size_t item_size, uint8_t count, uint8_t *room)
{
	uint8_t wanted = *room ? (uint8_t)(*room * 2) : 4;
	void *grown;

	if (count < *room)
		return true;
	grown = wanted > 2 * OUTPUTS_MAX ? NULL : tx_alloc(tx, wanted * item_size);
	if (!grown)
		return false;
	if (count != 0)
		memcpy(grown, *array, count * item_size);
	*array = grown;
	*room = wanted;
	return true;
}

static bool open_outputs(struct gate_tx *tx, struct gate_value *value)
{
	void *outputs = NULL;

	if (value->outputs)
		return true;
	value->node_outputs = tx_alloc(tx, tx->plan->node_count);
	if (!value->node_outputs || !grow(tx, &outputs, sizeof(*value->outputs), 0, &value->output_room) || !outputs)
		return false;
	memset(value->node_outputs, UINT8_MAX, tx->plan->node_count);
	value->outputs = outputs;
	value->outputs[0] = (struct output){ value->bytes, classes_of(value), NULL };
	value->output_count = 1;
	return true;
}

/* The number of 'bytes' among the results, added when it is new. UINT8_MAX when there is no room. */
static uint8_t number_of(struct gate_tx *tx, struct gate_value *value, struct bytes bytes)
{
	void *outputs = value->outputs;

	for (uint8_t i = 0; i < value->output_count; i++) {
		if (bytes_equal(value->outputs[i].bytes, bytes))
			return i;
	}
	if (value->output_count == OUTPUTS_MAX ||
		!grow(tx, &outputs, sizeof(*value->outputs), value->output_count, &value->output_room))
		return UINT8_MAX;
	value->outputs = outputs;
	value->outputs[value->output_count] =
		(struct output){ bytes, transform_classes(bytes), is_once(tx, bytes) ? value_once(tx, bytes) : NULL };
	return value->output_count++;
}

static uint8_t transformed(struct gate_tx *tx, struct gate_value *value, uint8_t from, uint16_t transform)
{
	const struct transform *how = tx->plan->transforms[transform];
	struct output input = value->outputs[from];
	bool refused = false;
	void *memo = value->memo;
	struct bytes bytes;
	uint8_t to;

	if (how->acts_on != CLASS_ANY && (input.classes & how->acts_on) == 0)
		return from;
	for (uint8_t i = 0; i < value->memo_count; i++) {
		if (value->memo[i].from == from && value->memo[i].transform == transform)
			return value->memo[i].to;
	}
	if (!allowance_take(tx, input.bytes.size))
		return from;
	bytes = transform_run(how, input.bytes, input.classes, &tx->arena, &refused);
	tx->memory_refused |= refused;
	to = bytes.ptr == input.bytes.ptr && bytes.size == input.bytes.size ? from : number_of(tx, value, bytes);
	if (to != UINT8_MAX && value->memo_count < OUTPUTS_MAX &&
		grow(tx, &memo, sizeof(*value->memo), value->memo_count, &value->memo_room)) {
		value->memo = memo;
		value->memo[value->memo_count++] = (struct memo){ from, to, transform };
	}
	return to;
}

uint8_t value_output(struct gate_tx *tx, struct gate_value *value, uint16_t node)
{
	const struct plan_node *row = &tx->plan->nodes[node];
	uint8_t from, to;

	if (node == 0 || (!row->always && (classes_of(value) & row->acts_on) == 0) || !open_outputs(tx, value))
		return 0;
	if (value->node_outputs[node] != UINT8_MAX)
		return value->node_outputs[node];
	from = value_output(tx, value, row->parent);
	to = from == UINT8_MAX ? from : transformed(tx, value, from, row->transform);
	if (to == UINT8_MAX) {
		/* More different results than there are numbers, or no memory: never for a rule set made for people. */
		tx->memory_refused = true;
		to = 0;
	}
	value->node_outputs[node] = to;
	return to;
}

struct bytes value_bytes(struct gate_tx *tx, struct gate_value *value, uint16_t node)
{
	uint8_t output = value_output(tx, value, node);

	return output == 0 ? value->bytes : value->outputs[output].bytes;
}
