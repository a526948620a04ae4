// SPDX-License-Identifier: Apache-2.0
/* The object library of DNP3: how the points of each group and variation are laid out, as tables. The names are those
 * that EVE records use. Numbers are little-endian; single bits come from the lowest up. */
#include <string.h>

#include "base/cursor.h"
#include "sensor/app/dnp3/dnp3.h"
#include "sensor/app/json.h"

enum field_kind {
	FIELD_END,
	FIELD_UNSIGNED, /* of 'size' bytes */
	FIELD_SIGNED,
	FIELD_FLOAT,
	FIELD_BITS, /* 'size' bits of the octet in hand */
	FIELD_SIZED_TEXT, /* as many bytes as the field 'size' places before told: with its number */
	FIELD_REST_TEXT, /* what is left of the point */
	FIELD_REST_DATA,
	FIELD_PACKED, /* the whole point is 'size' bits, without a boundary */
};

struct dnp3_field {
	const char *name;
	uint8_t kind; /* enum field_kind */
	uint8_t size;
};

enum { FIELD_POINT_MAX = 16, TIME_SIZE = 6 };

#define U(name, size)                                                                                                  \
	{                                                                                                              \
		name, FIELD_UNSIGNED, size                                                                             \
	}
#define S(name, size)                                                                                                  \
	{                                                                                                              \
		name, FIELD_SIGNED, size                                                                               \
	}
#define R(name, size)                                                                                                  \
	{                                                                                                              \
		name, FIELD_FLOAT, size                                                                                \
	}
#define B(name, size)                                                                                                  \
	{                                                                                                              \
		name, FIELD_BITS, size                                                                                 \
	}
#define TEXT(name, size)                                                                                               \
	{                                                                                                              \
		name, FIELD_SIZED_TEXT, size                                                                           \
	}
#define REST_TEXT(name)                                                                                                \
	{                                                                                                              \
		name, FIELD_REST_TEXT, 0                                                                               \
	}
#define REST_DATA(name)                                                                                                \
	{                                                                                                              \
		name, FIELD_REST_DATA, 0                                                                               \
	}
#define PACKED(name, size)                                                                                             \
	{                                                                                                              \
		name, FIELD_PACKED, size                                                                               \
	}
#define TIME          U("timestamp", TIME_SIZE)
#define COMMON_FLAGS  B("online", 1), B("restart", 1), B("comm_lost", 1), B("remote_forced", 1), B("local_forced", 1)
#define BINARY_FLAGS  COMMON_FLAGS, B("chatter_filter", 1), B("reserved", 1), B("state", 1)
#define DOUBLE_FLAGS  COMMON_FLAGS, B("chatter_filter", 1), B("state", 2)
#define OUTPUT_FLAGS  COMMON_FLAGS, B("reserved0", 1), B("reserved1", 1), B("state", 1)
#define COUNTER_FLAGS COMMON_FLAGS, B("rollover", 1), B("discontinuity", 1), B("reserved0", 1)
#define ANALOG_FLAGS  COMMON_FLAGS, B("over_range", 1), B("reference_err", 1), B("reserved0", 1)
#define STATUS        B("status_code", 7), B("reserved", 1)
#define RELAY_BLOCK                                                                                                    \
	B("op_type", 4), B("qu", 1), B("cr", 1), B("tcc", 2), U("count", 1), U("ontime", 4), U("offtime", 4), STATUS

struct object_row {
	uint8_t group, variation;
	const struct dnp3_field *fields;
};

#define ROW(group, variation, ...)                                                                                     \
	{                                                                                                              \
		group, variation, (const struct dnp3_field[])                                                          \
		{                                                                                                      \
			__VA_ARGS__,                                                                                   \
			{                                                                                              \
				NULL, FIELD_END, 0                                                                     \
			}                                                                                              \
		}                                                                                                      \
	}

/* In order of group and variation. */
static const struct object_row object_rows[] = {
	ROW(1, 1, PACKED("state", 1)),
	ROW(1, 2, BINARY_FLAGS),
	ROW(2, 1, BINARY_FLAGS),
	ROW(2, 2, BINARY_FLAGS, TIME),
	ROW(2, 3, BINARY_FLAGS, U("timestamp", 2)),
	ROW(3, 1, PACKED("state", 2)),
	ROW(3, 2, DOUBLE_FLAGS),
	ROW(4, 1, DOUBLE_FLAGS),
	ROW(4, 2, DOUBLE_FLAGS, TIME),
	ROW(4, 3, DOUBLE_FLAGS, U("relative_time_ms", 2)),
	ROW(10, 1, PACKED("state", 1)),
	ROW(10, 2, OUTPUT_FLAGS),
	ROW(11, 1, OUTPUT_FLAGS),
	ROW(11, 2, OUTPUT_FLAGS, TIME),
	ROW(12, 1, RELAY_BLOCK),
	ROW(12, 2, RELAY_BLOCK),
	ROW(12, 3, PACKED("point", 1)),
	ROW(13, 1, B("status_code", 7), B("commanded_state", 1)),
	ROW(13, 2, B("status_code", 7), B("commanded_state", 1), TIME),
	ROW(20, 1, COUNTER_FLAGS, U("count", 4)),
	ROW(20, 2, COUNTER_FLAGS, U("count", 2)),
	ROW(20, 3, COUNTER_FLAGS, U("count", 4)),
	ROW(20, 4, COUNTER_FLAGS, U("count", 2)),
	ROW(20, 5, U("count", 4)),
	ROW(20, 6, U("count", 2)),
	ROW(20, 7, U("count", 4)),
	ROW(20, 8, U("count", 2)),
	ROW(21, 1, COUNTER_FLAGS, U("count", 4)),
	ROW(21, 2, COUNTER_FLAGS, U("count", 2)),
	ROW(21, 3, COUNTER_FLAGS, U("count", 4)),
	ROW(21, 4, COUNTER_FLAGS, U("count", 2)),
	ROW(21, 5, COUNTER_FLAGS, U("count", 4), TIME),
	ROW(21, 6, COUNTER_FLAGS, U("count", 2), TIME),
	ROW(21, 7, COUNTER_FLAGS, U("count", 4), TIME),
	ROW(21, 8, COUNTER_FLAGS, U("count", 2), TIME),
	ROW(21, 9, U("count", 4)),
	ROW(21, 10, U("count", 2)),
	ROW(21, 11, U("count", 4)),
	ROW(21, 12, U("count", 2)),
	ROW(22, 1, COUNTER_FLAGS, U("count", 4)),
	ROW(22, 2, COUNTER_FLAGS, U("count", 2)),
	ROW(22, 3, COUNTER_FLAGS, U("count", 4)),
	ROW(22, 4, COUNTER_FLAGS, U("count", 2)),
	ROW(22, 5, COUNTER_FLAGS, U("count", 4), TIME),
	ROW(22, 6, COUNTER_FLAGS, U("count", 2), TIME),
	ROW(22, 7, COUNTER_FLAGS, U("count", 4), TIME),
	ROW(22, 8, COUNTER_FLAGS, U("count", 2), TIME),
	ROW(23, 1, COUNTER_FLAGS, U("count", 4)),
	ROW(23, 2, COUNTER_FLAGS, U("count", 2)),
	ROW(23, 3, COUNTER_FLAGS, U("count", 4)),
	ROW(23, 4, COUNTER_FLAGS, U("count", 2)),
	ROW(23, 5, COUNTER_FLAGS, U("count", 4), TIME),
	ROW(23, 6, COUNTER_FLAGS, U("count", 2), TIME),
	ROW(23, 7, COUNTER_FLAGS, U("count", 4), TIME),
	ROW(23, 8, COUNTER_FLAGS, U("count", 2), TIME),
	ROW(30, 1, ANALOG_FLAGS, S("value", 4)),
	ROW(30, 2, ANALOG_FLAGS, S("value", 2)),
	ROW(30, 3, S("value", 4)),
	ROW(30, 4, S("value", 2)),
	ROW(30, 5, ANALOG_FLAGS, R("value", 4)),
	ROW(30, 6, ANALOG_FLAGS, R("value", 8)),
	ROW(31, 1, ANALOG_FLAGS, S("value", 4)),
	ROW(31, 2, ANALOG_FLAGS, S("value", 2)),
	ROW(31, 3, ANALOG_FLAGS, S("value", 4), TIME),
	ROW(31, 4, ANALOG_FLAGS, S("value", 2), TIME),
	ROW(31, 5, S("value", 4)),
	ROW(31, 6, S("value", 2)),
	ROW(31, 7, ANALOG_FLAGS, R("value", 4)),
	ROW(31, 8, ANALOG_FLAGS, R("value", 8)),
	ROW(32, 1, ANALOG_FLAGS, S("value", 4)),
	ROW(32, 2, ANALOG_FLAGS, S("value", 2)),
	ROW(32, 3, ANALOG_FLAGS, S("value", 4), TIME),
	ROW(32, 4, ANALOG_FLAGS, S("value", 2), TIME),
	ROW(32, 5, ANALOG_FLAGS, R("value", 4)),
	ROW(32, 6, ANALOG_FLAGS, R("value", 8)),
	ROW(32, 7, ANALOG_FLAGS, R("value", 4), TIME),
	ROW(32, 8, ANALOG_FLAGS, R("value", 8), TIME),
	ROW(33, 1, ANALOG_FLAGS, S("value", 4)),
	ROW(33, 2, ANALOG_FLAGS, S("value", 2)),
	ROW(33, 3, ANALOG_FLAGS, S("value", 4), TIME),
	ROW(33, 4, ANALOG_FLAGS, S("value", 2), TIME),
	ROW(33, 5, ANALOG_FLAGS, R("value", 4)),
	ROW(33, 6, ANALOG_FLAGS, R("value", 8)),
	ROW(33, 7, ANALOG_FLAGS, R("value", 4), TIME),
	ROW(33, 8, ANALOG_FLAGS, R("value", 8), TIME),
	ROW(34, 1, U("deadband_value", 2)),
	ROW(34, 2, U("deadband_value", 4)),
	ROW(34, 3, R("deadband_value", 4)),
	ROW(40, 1, ANALOG_FLAGS, S("value", 4)),
	ROW(40, 2, ANALOG_FLAGS, S("value", 2)),
	ROW(40, 3, ANALOG_FLAGS, R("value", 4)),
	ROW(40, 4, ANALOG_FLAGS, R("value", 8)),
	ROW(41, 1, S("value", 4), U("control_status", 1)),
	ROW(41, 2, S("value", 2), U("control_status", 1)),
	ROW(41, 3, R("value", 4), U("control_status", 1)),
	ROW(41, 4, R("value", 8), U("control_status", 1)),
	ROW(42, 1, ANALOG_FLAGS, S("value", 4)),
	ROW(42, 2, ANALOG_FLAGS, S("value", 2)),
	ROW(42, 3, ANALOG_FLAGS, S("value", 4), TIME),
	ROW(42, 4, ANALOG_FLAGS, S("value", 2), TIME),
	ROW(42, 5, ANALOG_FLAGS, R("value", 4)),
	ROW(42, 6, ANALOG_FLAGS, R("value", 8)),
	ROW(42, 7, ANALOG_FLAGS, R("value", 4), TIME),
	ROW(42, 8, ANALOG_FLAGS, R("value", 8), TIME),
	ROW(43, 1, B("status_code", 7), B("reserved0", 1), S("commanded_value", 4)),
	ROW(43, 2, B("status_code", 7), B("reserved0", 1), S("commanded_value", 2)),
	ROW(43, 3, B("status_code", 7), B("reserved0", 1), S("commanded_value", 4), TIME),
	ROW(43, 4, B("status_code", 7), B("reserved0", 1), S("commanded_value", 2), TIME),
	ROW(43, 5, B("status_code", 7), B("reserved0", 1), R("commanded_value", 4)),
	ROW(43, 6, B("status_code", 7), B("reserved0", 1), R("commanded_value", 8)),
	ROW(43, 7, B("status_code", 7), B("reserved0", 1), R("commanded_value", 4), TIME),
	ROW(43, 8, B("status_code", 7), B("reserved0", 1), R("commanded_value", 8), TIME),
	ROW(50, 1, TIME),
	ROW(50, 2, TIME, U("interval", 4)),
	ROW(50, 3, TIME),
	ROW(50, 4, TIME, U("interval_count", 4), U("interval_units", 1)),
	ROW(51, 1, TIME),
	ROW(51, 2, TIME),
	ROW(52, 1, U("delay_secs", 2)),
	ROW(52, 2, U("delay_ms", 2)),
	ROW(70, 2, U("username_offset", 2), U("username_size", 2), U("password_offset", 2), U("password_size", 2),
		U("authentication_key", 4), TEXT("username", 4), TEXT("password", 3)),
	ROW(70, 3, U("filename_offset", 2), U("filename_size", 2), U("created", TIME_SIZE), U("permissions", 2),
		U("authentication_key", 4), U("file_size", 4), U("operational_mode", 2), U("maximum_block_size", 2),
		U("request_id", 2), TEXT("filename", 8)),
	ROW(70, 4, U("file_handle", 4), U("file_size", 4), U("maximum_block_size", 2), U("request_id", 2),
		U("status_code", 1), REST_TEXT("optional_text")),
	ROW(70, 5, U("file_handle", 4), U("block_number", 4), REST_TEXT("file_data")),
	ROW(70, 6, U("file_handle", 4), U("block_number", 4), U("status_code", 1), REST_TEXT("optional_text")),
	ROW(70, 7, U("filename_offset", 2), U("filename_size", 2), U("file_type", 2), U("file_size", 4),
		U("created", TIME_SIZE), U("permissions", 2), U("request_id", 2), TEXT("filename", 6)),
	ROW(70, 8, REST_TEXT("file_specification")),
	ROW(80, 1, PACKED("state", 1)),
	ROW(81, 1, B("fill_percentage", 7), B("overflow_state", 1), U("group", 1), U("variation", 1)),
	ROW(83, 1, U("vendor_code", 4), U("object_id", 2), U("length", 2), REST_DATA("data_objects")),
	ROW(86, 2, B("rd", 1), B("wr", 1), B("st", 1), B("ev", 1), B("df", 1), B("padding0", 1), B("padding1", 1),
		B("padding2", 1)),
	ROW(102, 1, U("value", 1)),
	ROW(120, 1, U("csq", 4), U("usr", 2), U("mal", 1), U("reason", 1), REST_DATA("challenge_data")),
	ROW(120, 2, U("csq", 4), U("usr", 2), REST_DATA("mac_value")),
	ROW(120, 3, U("csq", 4), U("user_number", 2)),
	ROW(120, 4, U("user_number", 2)),
	ROW(120, 7, U("sequence_number", 4), U("usr", 2), U("association_id", 2), U("error_code", 1),
		U("time_of_error", TIME_SIZE), REST_TEXT("error_text")),
	ROW(120, 9, REST_DATA("mac_value")),
	ROW(121, 1, COUNTER_FLAGS, U("association_id", 2), U("count_value", 4)),
	ROW(122, 1, COUNTER_FLAGS, U("association_id", 2), U("count_value", 4)),
	ROW(122, 2, COUNTER_FLAGS, U("association_id", 2), U("count_value", 4), TIME),
};

static const struct dnp3_field *fields_of(uint8_t group, uint8_t variation)
{
	size_t low = 0, high = ARRAY_COUNT(object_rows);
	unsigned int wanted = group * 256u + variation;

	while (low < high) {
		size_t middle = (low + high) / 2;
		unsigned int found = object_rows[middle].group * 256u + object_rows[middle].variation;

		if (found == wanted)
			return object_rows[middle].fields;
		if (found < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ---- Numbers ---- */

static bool read_number(struct cursor *cur, size_t size, uint64_t *ret)
{
	struct bytes taken;

	*ret = 0;
	if (!cursor_take(cur, size, &taken))
		return false;
	for (size_t i = size; i > 0; i--)
		*ret = *ret << 8 | taken.ptr[i - 1];
	return true;
}

/* ---- One point: walked with or without a writer ---- */

struct point_walk {
	uint64_t values[FIELD_POINT_MAX]; /* of the fields so far */
	unsigned int field, bit;
	uint8_t octet;
};

static void log_number(struct jsonw *json, const struct dnp3_field *field, uint64_t value)
{
	unsigned int shift = 64u - 8u * field->size;

	if (field->kind == FIELD_FLOAT && field->size == 4) {
		uint32_t bits = (uint32_t)value;
		float number;

		memcpy(&number, &bits, sizeof(number));
		jsonw_kv_double(json, field->name, (double)number);
	} else if (field->kind == FIELD_FLOAT) {
		double number;

		memcpy(&number, &value, sizeof(number));
		jsonw_kv_double(json, field->name, number);
	} else if (field->kind == FIELD_SIGNED) {
		jsonw_kv_i64(json, field->name, (int64_t)(value << shift) >> shift);
	} else {
		jsonw_kv_u64(json, field->name, value);
	}
}

static bool walk_bits(struct cursor *cur, struct point_walk *walk, const struct dnp3_field *field, struct jsonw *json)
{
	if (walk->bit == 0 && !cursor_u8(cur, &walk->octet))
		return false;
	if (json)
		jsonw_kv_u64(json, field->name, walk->octet >> walk->bit & ((1u << field->size) - 1));
	walk->bit = (walk->bit + field->size) % 8;
	return true;
}

static bool walk_field(struct cursor *cur, struct point_walk *walk, const struct dnp3_field *field, struct jsonw *json)
{
	struct bytes text = cursor_rest(cur);
	uint64_t *value = &walk->values[walk->field % FIELD_POINT_MAX];

	switch (field->kind) {
	case FIELD_BITS:
		return walk_bits(cur, walk, field, json);
	case FIELD_SIZED_TEXT:
		if (!cursor_take(cur, walk->values[walk->field - field->size], &text))
			return false;
		if (json)
			app_json_kv_text(json, field->name, text);
		return true;
	case FIELD_REST_TEXT:
	case FIELD_REST_DATA:
		if (json && field->kind == FIELD_REST_TEXT)
			app_json_kv_text(json, field->name, text);
		else if (json)
			app_json_kv_hex(json, field->name, text, 0);
		return cursor_skip(cur, text.size);
	default:
		if (!read_number(cur, field->size, value))
			return false;
		if (json)
			log_number(json, field, *value);
		return true;
	}
}

static bool walk_point(struct cursor *cur, const struct dnp3_field *fields, struct jsonw *json)
{
	struct point_walk walk = { .field = 0 };

	for (; fields[walk.field].kind != FIELD_END; walk.field++)
		if (!walk_field(cur, &walk, &fields[walk.field], json))
			return false;
	return true;
}

/* ---- All points of an object ---- */

static const uint8_t prefix_sizes[8] = { 0, 1, 2, 4, 1, 2, 4, 0 };

static bool prefix_is_index(const struct dnp3_object *object)
{
	return object->prefix_code >= 1 && object->prefix_code <= 3;
}

static bool prefix_is_size(const struct dnp3_object *object)
{
	return object->prefix_code >= 4 && object->prefix_code <= 6;
}

static void begin_point(const struct dnp3_object *object, uint64_t prefix, uint64_t index, struct jsonw *json)
{
	jsonw_object_begin(json);
	jsonw_kv_u64(json, "prefix", prefix);
	jsonw_kv_u64(json, "index", index);
	if (prefix_is_size(object))
		jsonw_kv_u64(json, "size", prefix);
}

/* Bits without boundaries: the last octet is filled up. */
static bool walk_packed(struct cursor *cur, const struct dnp3_object *object, struct jsonw *json)
{
	const struct dnp3_field *field = &object->fields[0];
	uint64_t size = ((uint64_t)object->count * field->size + 7) / 8;
	struct bytes taken;

	if (!cursor_take(cur, size, &taken))
		return false;
	for (uint64_t i = 0; json && i < object->count; i++) {
		uint64_t bit = i * field->size;

		begin_point(object, 0, object->start + i, json);
		jsonw_kv_u64(json, field->name, taken.ptr[bit / 8] >> bit % 8 & ((1u << field->size) - 1));
		jsonw_object_end(json);
	}
	return true;
}

static bool walk_points(struct cursor *cur, const struct dnp3_object *object, struct jsonw *json)
{
	if (object->fields[0].kind == FIELD_PACKED)
		return walk_packed(cur, object, json);
	for (uint64_t i = 0; i < object->count; i++) {
		uint64_t prefix;
		struct cursor point;
		struct bytes taken;

		if (!read_number(cur, prefix_sizes[object->prefix_code], &prefix))
			return false;
		if (json)
			begin_point(object, prefix, prefix_is_index(object) ? prefix : object->start + i, json);
		if (prefix_is_size(object)) {
			if (!cursor_take(cur, prefix, &taken))
				return false;
			point = cursor_over(taken);
			if (!walk_point(&point, object->fields, json))
				return false;
		} else if (!walk_point(cur, object->fields, json)) {
			return false;
		}
		if (json)
			jsonw_object_end(json);
	}
	return true;
}

void dnp3_log_points(const struct dnp3_object *object, struct jsonw *json)
{
	struct cursor cur = cursor_over(object->points);

	if (!object->fields)
		return;
	jsonw_kv_array_begin(json, "points");
	walk_points(&cur, object, json);
	jsonw_array_end(json);
}

/* ---- Headers of objects ---- */

/* Sizes of the numbers of the range; codes with two numbers are a start and a stop, with one a count. */
static const struct {
	uint8_t numbers, size;
	bool valid;
} ranges[16] = {
	[0] = { 2, 1, true },
	[1] = { 2, 2, true },
	[2] = { 2, 4, true },
	[3] = { 2, 1, true },
	[4] = { 2, 2, true },
	[5] = { 2, 4, true },
	[6] = { 0, 0, true },
	[7] = { 1, 1, true },
	[8] = { 1, 2, true },
	[9] = { 1, 4, true },
	[11] = { 1, 1, true },
};

static bool read_range(struct cursor *cur, struct dnp3_object *object)
{
	uint64_t first, second;

	if (!ranges[object->range_code].valid)
		return false;
	if (ranges[object->range_code].numbers == 0)
		return true;
	if (!read_number(cur, ranges[object->range_code].size, &first))
		return false;
	if (ranges[object->range_code].numbers == 1) {
		object->count = (uint32_t)first;
		return true;
	}
	if (!read_number(cur, ranges[object->range_code].size, &second) || second < first ||
		second - first == UINT32_MAX)
		return false;
	object->start = (uint32_t)first;
	object->stop = (uint32_t)second;
	object->count = (uint32_t)(second - first + 1);
	return true;
}

static bool read_header(struct cursor *cur, struct dnp3_object *object)
{
	if (!cursor_u8(cur, &object->group) || !cursor_u8(cur, &object->variation) ||
		!cursor_u8(cur, &object->qualifier))
		return false;
	object->prefix_code = object->qualifier >> 4 & 7;
	object->range_code = object->qualifier & 15;
	return read_range(cur, object);
}

static void add_object(struct dnp3_tx *tx, struct dnp3_object *object)
{
	if (tx->last)
		tx->last->next = object;
	else
		tx->first = object;
	tx->last = object;
}

/* The points of one object; false ends the reading of the fragment. */
static bool read_points(struct app_conn *conn, struct dnp3_tx *tx, struct dnp3_object *object, struct cursor *cur)
{
	struct cursor before = *cur;

	/* What is asked for has a range, and no points. */
	if (object->count == 0 || (tx->request && tx->function == DNP3_READ))
		return true;
	object->fields = fields_of(object->group, object->variation);
	if (!object->fields) {
		app_tx_event(conn, &tx->common, DNP3_EVENT_UNKNOWN_OBJECT);
		return false;
	}
	if (!walk_points(cur, object, NULL)) {
		object->fields = NULL;
		app_tx_event(conn, &tx->common, DNP3_EVENT_MALFORMED);
		return false;
	}
	object->points = bytes_of(before.pos, cursor_left(&before) - cursor_left(cur));
	return true;
}

void dnp3_read_objects(
	struct app_conn *conn, struct dnp3_tx *tx, struct bytes objects, const struct dnp3_limits *limits)
{
	struct cursor cur = cursor_over(objects);
	uint32_t object_count = 0, point_count = 0;

	while (cursor_left(&cur) != 0) {
		struct dnp3_object header = { .next = NULL }, *object;

		if (!read_header(&cur, &header)) {
			app_tx_event(conn, &tx->common, DNP3_EVENT_MALFORMED);
			return;
		}
		if (++object_count > limits->objects_max) {
			app_tx_event(conn, &tx->common, DNP3_EVENT_TOO_MANY_OBJECTS);
			return;
		}
		object = app_tx_alloc(&tx->common, sizeof(*object));
		if (!object)
			return;
		*object = header;
		add_object(tx, object);
		if (object->count > limits->points_max - point_count) {
			app_tx_event(conn, &tx->common, DNP3_EVENT_TOO_MANY_POINTS);
			return;
		}
		point_count += object->count;
		if (!read_points(conn, tx, object, &cur))
			return;
	}
	tx->complete = true;
}
