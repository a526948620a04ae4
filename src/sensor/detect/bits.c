// SPDX-License-Identifier: Apache-2.0
#include "sensor/detect/bits.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/table.h"
#include "sensor/decode/packet.h"
#include "sensor/flow/flow.h"

enum { NAMES_MAX = 1 << 20, NAME_SIZE_MAX = 256 };

enum var_kind { VAR_BIT, VAR_INT, VAR_TEXT, VAR_ENTROPY };

struct flow_var {
	struct flow_var *next;
	uint32_t name;
	uint32_t number;
	double real;
	uint8_t kind; /* enum var_kind */
	bool set; /* bits that were unset keep their place */
	uint32_t key_size, text_size;
	uint8_t bytes[]; /* key, then text */
};

struct packet_var {
	struct packet_var *next;
	uint32_t name;
	struct bytes key, text;
};

/* Names of all loads; a name is never forgotten, so their number is bounded by NAMES_MAX. */
static struct {
	pthread_mutex_t lock;
	struct table *numbers;
	char **texts;
	uint32_t count, capacity;
} names = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct name_key {
	char text[NAME_SIZE_MAX];
};

static bool names_open(void)
{
	struct siphash_key key;

	if (names.numbers)
		return true;
	if (siphash_key_random(&key))
		return false;
	names.numbers = table_new(sizeof(struct name_key), sizeof(uint32_t), NAMES_MAX, key);
	return names.numbers != NULL;
}

/* With the lock held. 0: no room. */
static uint32_t name_add(const struct name_key *key)
{
	bool created;
	uint32_t *number = table_insert(names.numbers, key, &created);

	if (!number)
		return 0;
	if (!created)
		return *number;
	if (names.count + 1 >= names.capacity) {
		uint32_t capacity = names.capacity ? names.capacity * 2 : 256;
		char **texts = realloc(names.texts, capacity * sizeof(*texts));

		if (!texts) {
			table_remove(names.numbers, key);
			return 0;
		}
		names.texts = texts;
		names.capacity = capacity;
	}
	names.texts[names.count + 1] = strdup(key->text);
	if (!names.texts[names.count + 1]) {
		table_remove(names.numbers, key);
		return 0;
	}
	*number = ++names.count;
	return *number;
}

uint32_t bits_name(struct bytes name)
{
	struct name_key key = { 0 };
	uint32_t number = 0;

	if (!bytes_to_str(name, key.text, sizeof(key.text)))
		return 0;
	pthread_mutex_lock(&names.lock);
	if (names_open())
		number = name_add(&key);
	pthread_mutex_unlock(&names.lock);
	return number;
}

const char *bits_name_text(uint32_t number)
{
	const char *text = "";

	pthread_mutex_lock(&names.lock);
	if (number && number <= names.count)
		text = names.texts[number];
	pthread_mutex_unlock(&names.lock);
	return text;
}

static struct flow_var *find(const struct flow *flow, uint32_t name, enum var_kind kind)
{
	for (struct flow_var *var = flow->vars; var; var = var->next)
		if (var->name == name && var->kind == kind)
			return var;
	return NULL;
}

/* A new variable at the end of the list: events show them in the order in which they were set. */
static struct flow_var *append(struct flow *flow, uint32_t name, enum var_kind kind, size_t extra_size)
{
	struct flow_var **end = &flow->vars, *var;
	unsigned int count = 0;

	for (; *end; end = &(*end)->next)
		count++;
	if (count >= BITS_FLOW_VARS_MAX)
		return NULL;
	var = calloc(1, sizeof(*var) + extra_size);
	if (!var)
		return NULL;
	var->name = name;
	var->kind = (uint8_t)kind;
	*end = var;
	return var;
}

bool flow_bit_is_set(const struct flow *flow, uint32_t name)
{
	const struct flow_var *var = find(flow, name, VAR_BIT);

	return var && var->set;
}

void flow_bit_set(struct flow *flow, uint32_t name)
{
	struct flow_var *var = find(flow, name, VAR_BIT);

	if (!var)
		var = append(flow, name, VAR_BIT, 0);
	if (var)
		var->set = true;
}

void flow_bit_unset(struct flow *flow, uint32_t name)
{
	struct flow_var *var = find(flow, name, VAR_BIT);

	if (var)
		var->set = false;
}

void flow_bit_toggle(struct flow *flow, uint32_t name)
{
	if (flow_bit_is_set(flow, name))
		flow_bit_unset(flow, name);
	else
		flow_bit_set(flow, name);
}

bool flow_int_get(const struct flow *flow, uint32_t name, uint32_t *ret)
{
	const struct flow_var *var = find(flow, name, VAR_INT);

	if (!var)
		return false;
	*ret = var->number;
	return true;
}

void flow_int_set(struct flow *flow, uint32_t name, uint32_t value)
{
	struct flow_var *var = find(flow, name, VAR_INT);

	if (!var)
		var = append(flow, name, VAR_INT, 0);
	if (var)
		var->number = value;
}

/* A text that comes again takes the place of the one before. */
static void remove_text(struct flow *flow, uint32_t name, struct bytes key)
{
	for (struct flow_var **at = &flow->vars; *at; at = &(*at)->next) {
		struct flow_var *var = *at;

		if (var->kind != VAR_TEXT || var->name != name ||
			!bytes_equal(bytes_of(var->bytes, var->key_size), key))
			continue;
		*at = var->next;
		free(var);
		return;
	}
}

void flow_text_set(struct flow *flow, uint32_t name, struct bytes key, struct bytes text)
{
	struct flow_var *var;

	key = bytes_first(key, BITS_TEXT_MAX);
	text = bytes_first(text, BITS_TEXT_MAX);
	remove_text(flow, name, key);
	var = append(flow, name, VAR_TEXT, key.size + text.size);
	if (!var)
		return;
	var->key_size = (uint32_t)key.size;
	var->text_size = (uint32_t)text.size;
	if (key.size)
		memcpy(var->bytes, key.ptr, key.size);
	if (text.size)
		memcpy(var->bytes + key.size, text.ptr, text.size);
}

void flow_entropy_set(struct flow *flow, const char *buffer, double value)
{
	uint32_t name = bits_name(bytes_from_str(buffer));
	struct flow_var *var = find(flow, name, VAR_ENTROPY);

	if (!var)
		var = append(flow, name, VAR_ENTROPY, 0);
	if (var)
		var->real = value;
}

void packet_text_set(
	struct sensor_packet *packet, struct arena *memory, uint32_t name, struct bytes key, struct bytes text)
{
	struct packet_var *var = arena_alloc(memory, sizeof(*var)), **end = &packet->vars;

	if (!var)
		return;
	var->name = name;
	var->key = bytes_of(arena_dup(memory, key), key.size);
	var->text =
		bytes_of(arena_dup(memory, bytes_first(text, BITS_TEXT_MAX)), bytes_first(text, BITS_TEXT_MAX).size);
	if ((key.size && !var->key.ptr) || (text.size && !var->text.ptr))
		return;
	while (*end)
		end = &(*end)->next;
	*end = var;
}

void flow_vars_free(struct flow *flow)
{
	while (flow->vars) {
		struct flow_var *next = flow->vars->next;

		free(flow->vars);
		flow->vars = next;
	}
}

static bool is_traffic(const struct flow_var *var)
{
	return var->kind == VAR_BIT && var->set && !strncmp(bits_name_text(var->name), "traffic/", 8);
}

static bool have_kind(const struct flow *flow, enum var_kind kind)
{
	for (const struct flow_var *var = flow ? flow->vars : NULL; var; var = var->next)
		if (var->kind == kind && (kind != VAR_BIT || (var->set && !is_traffic(var))))
			return true;
	return false;
}

bool bits_have_metadata(const struct flow *flow, const struct sensor_packet *packet)
{
	for (int kind = VAR_BIT; kind <= VAR_ENTROPY; kind++)
		if (have_kind(flow, kind))
			return true;
	return packet && packet->vars;
}

/* Captures are shown as far as they are readable: what is no text becomes a dot. */
static void write_pair(struct jsonw *json, uint32_t name, struct bytes key, struct bytes text)
{
	char readable[1024];
	size_t size = text.size < sizeof(readable) ? text.size : sizeof(readable);

	for (size_t i = 0; i < size; i++)
		readable[i] = text.ptr[i] >= 0x20 && text.ptr[i] < 0x7f ? (char)text.ptr[i] : '.';
	if (key.size) { /* a captured key and its value are two entries */
		jsonw_object_begin(json);
		jsonw_kv_string_bytes(json, "key", key);
		jsonw_object_end(json);
	}
	jsonw_object_begin(json);
	jsonw_key(json, key.size ? "value" : bits_name_text(name));
	jsonw_string_bytes(json, bytes_of(readable, size));
	jsonw_object_end(json);
}

static void write_kind(const struct flow *flow, enum var_kind kind, struct jsonw *json)
{
	for (const struct flow_var *var = flow->vars; var; var = var->next) {
		if (var->kind != kind || (kind == VAR_BIT && !var->set))
			continue;
		switch (kind) {
		case VAR_BIT:
			if (!is_traffic(var))
				jsonw_string(json, bits_name_text(var->name));
			break;
		case VAR_INT:
			jsonw_kv_u64(json, bits_name_text(var->name), var->number);
			break;
		case VAR_ENTROPY:
			jsonw_kv_double(json, bits_name_text(var->name), var->real);
			break;
		case VAR_TEXT:
			write_pair(json, var->name, bytes_of(var->bytes, var->key_size),
				bytes_of(var->bytes + var->key_size, var->text_size));
			break;
		}
	}
}

void bits_write_metadata(const struct flow *flow, const struct sensor_packet *packet, struct jsonw *json)
{
	if (have_kind(flow, VAR_BIT)) {
		jsonw_kv_array_begin(json, "flowbits");
		write_kind(flow, VAR_BIT, json);
		jsonw_array_end(json);
	}
	if (have_kind(flow, VAR_INT)) {
		jsonw_kv_object_begin(json, "flowints");
		write_kind(flow, VAR_INT, json);
		jsonw_object_end(json);
	}
	if (have_kind(flow, VAR_TEXT)) {
		jsonw_kv_array_begin(json, "flowvars");
		write_kind(flow, VAR_TEXT, json);
		jsonw_array_end(json);
	}
	if (have_kind(flow, VAR_ENTROPY)) {
		jsonw_kv_object_begin(json, "entropy");
		write_kind(flow, VAR_ENTROPY, json);
		jsonw_object_end(json);
	}
	if (packet && packet->vars) {
		jsonw_kv_array_begin(json, "pktvars");
		for (const struct packet_var *var = packet->vars; var; var = var->next)
			write_pair(json, var->name, var->key, var->text);
		jsonw_array_end(json);
	}
}

static void write_traffic_list(const struct flow *flow, const char *key, const char *prefix, struct jsonw *json)
{
	size_t size = strlen(prefix);
	bool open = false;

	for (const struct flow_var *var = flow->vars; var; var = var->next) {
		const char *name = bits_name_text(var->name);

		if (!is_traffic(var) || strncmp(name, prefix, size) != 0)
			continue;
		if (!open)
			jsonw_kv_array_begin(json, key);
		open = true;
		jsonw_string(json, name + size);
	}
	if (open)
		jsonw_array_end(json);
}

void bits_write_traffic(const struct flow *flow, struct jsonw *json)
{
	bool any = false;

	for (const struct flow_var *var = flow ? flow->vars : NULL; var && !any; var = var->next)
		any = is_traffic(var);
	if (!any)
		return;
	jsonw_kv_object_begin(json, "traffic");
	write_traffic_list(flow, "id", "traffic/id/", json);
	write_traffic_list(flow, "label", "traffic/label/", json);
	jsonw_object_end(json);
}
