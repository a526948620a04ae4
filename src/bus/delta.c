// SPDX-License-Identifier: Apache-2.0
#include "bus/delta.h"

#include <endian.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/error.h"

static const uint8_t magic[8] = { 'l', 'u', 'y', 't', 'r', 'e', 'D', '1' };

enum {
	SNAPSHOT_HEAD_SIZE = sizeof(magic) + 24,
	SNAPSHOT_MAX = 200 << 20,
};

static const char *const action_names[] = {
#define X(id, word) [DELTA_##id] = word,
	DELTA_ACTIONS(X)
#undef X
};

const char *delta_action_name(enum delta_action action)
{
	return action < DELTA_ACTION_COUNT ? action_names[action] : "";
}

/* ---- Changes as JSON ---- */

static void write_change(struct jsonw *json, const struct delta_change *change)
{
	char text[IP_PREFIX_TEXT_SIZE], id[24];

	snprintf(id, sizeof(id), "%llu", (unsigned long long)change->id);
	jsonw_object_begin(json);
	jsonw_kv_string(json, "op", change->op == DELTA_PUT ? "put" : "lift");
	jsonw_kv_string(json, "id", id);
	if (change->op == DELTA_PUT) {
		jsonw_kv_string(json, "prefix", ip_prefix_format(&change->prefix, text));
		jsonw_kv_string(json, "action", delta_action_name(change->action));
		jsonw_kv_u64(json, "tenant", change->tenant);
		jsonw_kv_i64(json, "until", change->until_us);
		jsonw_kv_string(json, "reason", change->reason);
	}
	jsonw_object_end(json);
}

void delta_write(struct jsonw *json, const struct delta *delta)
{
	jsonw_object_begin(json);
	jsonw_kv_u64(json, "epoch", delta->epoch);
	jsonw_kv_u64(json, "from", delta->from);
	jsonw_kv_u64(json, "to", delta->to);
	jsonw_kv_array_begin(json, "changes");
	for (uint32_t i = 0; i < delta->change_count; i++)
		write_change(json, &delta->changes[i]);
	jsonw_array_end(json);
	jsonw_object_end(json);
}

static bool read_number(const json_t *root, const char *key, uint64_t max, uint64_t *ret)
{
	const json_t *value = json_object_get(root, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
		return false;
	*ret = (uint64_t)json_integer_value(value);
	return true;
}

static bool read_id(const json_t *value, uint64_t *ret)
{
	const char *text = json_string_value(value);
	size_t size = json_string_length(value);
	uint64_t id = 0;

	if (!text || size == 0 || size > 18)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		id = id * 10 + (uint64_t)(text[i] - '0');
	}
	*ret = id;
	return id != 0;
}

static bool read_action(const json_t *value, enum delta_action *ret)
{
	for (int i = 0; i < DELTA_ACTION_COUNT && json_is_string(value); i++) {
		if (strcmp(json_string_value(value), action_names[i]) == 0) {
			*ret = (enum delta_action)i;
			return true;
		}
	}
	return false;
}

static bool read_put(const json_t *value, struct delta_change *ret)
{
	const json_t *prefix = json_object_get(value, "prefix"), *reason = json_object_get(value, "reason");
	uint64_t tenant, until;

	if (!json_is_string(prefix) || !json_is_string(reason) || !read_number(value, "tenant", UINT32_MAX, &tenant) ||
		!read_number(value, "until", INT64_MAX, &until) ||
		!read_action(json_object_get(value, "action"), &ret->action))
		return false;
	ret->tenant = (uint32_t)tenant;
	ret->until_us = (int64_t)until;
	if (ip_prefix_parse(bytes_of(json_string_value(prefix), json_string_length(prefix)), 0, &ret->prefix))
		return false;
	return bytes_to_str(
		bytes_of(json_string_value(reason), json_string_length(reason)), ret->reason, sizeof(ret->reason));
}

static bool read_change(const json_t *value, struct delta_change *ret)
{
	const char *op = json_string_value(json_object_get(value, "op"));

	*ret = (struct delta_change){ 0 };
	if (!op || !read_id(json_object_get(value, "id"), &ret->id))
		return false;
	ret->op = strcmp(op, "lift") == 0 ? DELTA_LIFT : DELTA_PUT;
	return ret->op == DELTA_LIFT || (strcmp(op, "put") == 0 && read_put(value, ret));
}

static bool read_delta(const json_t *root, struct delta *ret)
{
	const json_t *changes = json_object_get(root, "changes");

	if (!read_number(root, "epoch", INT64_MAX, &ret->epoch) || !read_number(root, "from", INT64_MAX, &ret->from) ||
		!read_number(root, "to", INT64_MAX, &ret->to) || !json_is_array(changes) ||
		json_array_size(changes) > DELTA_CHANGES_MAX || ret->to < ret->from ||
		ret->to - ret->from < json_array_size(changes))
		return false;
	ret->change_count = (uint32_t)json_array_size(changes);
	for (uint32_t i = 0; i < ret->change_count; i++)
		if (!read_change(json_array_get(changes, i), &ret->changes[i]))
			return false;
	return true;
}

int delta_read(struct bytes text, struct delta *ret)
{
	struct delta *delta;
	json_t *root;
	int error;

	if (text.size > DELTA_TEXT_MAX)
		return LUYTRE_E_FULL;
	delta = malloc(sizeof(*delta));
	if (!delta)
		return LUYTRE_E_NOMEM;
	root = json_loadb((const char *)text.ptr, text.size, JSON_REJECT_DUPLICATES, NULL);
	error = read_delta(root, delta) ? 0 : LUYTRE_E_SYNTAX;
	if (!error) {
		memcpy(ret, delta, offsetof(struct delta, changes));
		memcpy(ret->changes, delta->changes, delta->change_count * sizeof(delta->changes[0]));
	}
	json_decref(root);
	free(delta);
	return error;
}

/* ---- Snapshots ---- */

static uint8_t *room(struct delta_snapshot_writer *writer, size_t size)
{
	if (writer->error)
		return NULL;
	if (writer->size + size > SNAPSHOT_MAX) {
		writer->error = LUYTRE_E_FULL;
		return NULL;
	}
	if (writer->size + size > writer->capacity_size) {
		size_t capacity_size = writer->capacity_size ? writer->capacity_size * 2 : 4096;
		uint8_t *text = realloc(writer->text, capacity_size);

		if (!text) {
			writer->error = LUYTRE_E_NOMEM;
			return NULL;
		}
		writer->text = text;
		writer->capacity_size = capacity_size;
	}
	writer->size += size;
	return writer->text + writer->size - size;
}

static void put_u64(uint8_t *at, uint64_t value)
{
	value = htobe64(value);
	memcpy(at, &value, sizeof(value));
}

static void put_u32(uint8_t *at, uint32_t value)
{
	value = htobe32(value);
	memcpy(at, &value, sizeof(value));
}

void delta_snapshot_begin(struct delta_snapshot_writer *writer, uint64_t epoch, uint64_t number)
{
	uint8_t *at;

	*writer = (struct delta_snapshot_writer){ 0 };
	at = room(writer, SNAPSHOT_HEAD_SIZE);
	if (!at)
		return;
	memcpy(at, magic, sizeof(magic));
	put_u64(at + 8, epoch);
	put_u64(at + 16, number);
	put_u64(at + 24, 0);
}

void delta_snapshot_put(struct delta_snapshot_writer *writer, const struct delta_change *put)
{
	size_t reason_size = strnlen(put->reason, DELTA_REASON_SIZE - 1);
	uint8_t *at = room(writer, DELTA_RECORD_SIZE + reason_size);

	if (!at)
		return;
	memset(at, 0, DELTA_RECORD_SIZE);
	put_u64(at, put->id);
	put_u64(at + 8, (uint64_t)put->until_us);
	put_u32(at + 16, put->tenant);
	at[20] = put->prefix.addr.family;
	at[21] = put->prefix.length;
	at[22] = (uint8_t)put->action;
	at[23] = (uint8_t)reason_size;
	memcpy(at + 24, put->prefix.addr.bytes, 16);
	memcpy(at + DELTA_RECORD_SIZE, put->reason, reason_size);
	writer->count++;
}

int delta_snapshot_end(struct delta_snapshot_writer *writer, struct bytes *ret)
{
	if (writer->error)
		return writer->error;
	put_u64(writer->text + 24, writer->count);
	*ret = bytes_of(writer->text, writer->size);
	return 0;
}

void delta_snapshot_done(struct delta_snapshot_writer *writer)
{
	free(writer->text);
	writer->text = NULL;
}

static int read_record(struct cursor *in, struct delta_change *ret)
{
	struct bytes addr, zeros, reason;
	uint64_t until;
	uint8_t family, action, reason_size;
	struct ip_prefix masked;

	*ret = (struct delta_change){ .op = DELTA_PUT };
	if (!cursor_u64be(in, &ret->id) || !cursor_u64be(in, &until) || !cursor_u32be(in, &ret->tenant) ||
		!cursor_u8(in, &family) || !cursor_u8(in, &ret->prefix.length) || !cursor_u8(in, &action) ||
		!cursor_u8(in, &reason_size) || !cursor_take(in, 16, &addr) || !cursor_take(in, 8, &zeros) ||
		!cursor_take(in, reason_size, &reason))
		return LUYTRE_E_TRUNCATED;
	if ((family != IP_V4 && family != IP_V6) || action >= DELTA_ACTION_COUNT || ret->id == 0 ||
		ret->id > INT64_MAX || !bytes_to_str(reason, ret->reason, sizeof(ret->reason)))
		return LUYTRE_E_CORRUPT;
	ret->until_us = (int64_t)until;
	ret->action = (enum delta_action)action;
	ret->prefix.addr.family = family;
	memcpy(ret->prefix.addr.bytes, addr.ptr, 16);
	masked = ret->prefix;
	if (ret->prefix.length > ip_addr_bits(&ret->prefix.addr))
		return LUYTRE_E_CORRUPT;
	ip_prefix_mask(&masked);
	return ip_prefix_equal(&masked, &ret->prefix) ? 0 : LUYTRE_E_CORRUPT;
}

int delta_snapshot_open(struct bytes in, struct delta_snapshot *ret)
{
	struct cursor cur = cursor_over(in);
	struct delta_snapshot snapshot;
	struct delta_change change;
	struct bytes found;

	if (!cursor_take(&cur, sizeof(magic), &found) || !cursor_u64be(&cur, &snapshot.epoch) ||
		!cursor_u64be(&cur, &snapshot.number) || !cursor_u64be(&cur, &snapshot.count))
		return LUYTRE_E_TRUNCATED;
	if (memcmp(found.ptr, magic, sizeof(magic) - 1) != 0)
		return LUYTRE_E_CORRUPT;
	if (found.ptr[sizeof(magic) - 1] != magic[sizeof(magic) - 1])
		return LUYTRE_E_VERSION;
	snapshot.records = cursor_rest(&cur);
	for (uint64_t i = 0; i < snapshot.count; i++) {
		int error = read_record(&cur, &change);

		if (error)
			return error;
	}
	if (cursor_left(&cur))
		return LUYTRE_E_CORRUPT;
	*ret = snapshot;
	return 0;
}

bool delta_snapshot_next(const struct delta_snapshot *snapshot, size_t *pos, struct delta_change *ret)
{
	struct cursor in = cursor_over(bytes_skip(snapshot->records, *pos));

	if (*pos >= snapshot->records.size || read_record(&in, ret))
		return false;
	*pos = snapshot->records.size - cursor_left(&in);
	return true;
}
