// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/dns/message.h"

#include "base/cursor.h"
#include "base/error.h"

enum { POINTERS_MAX = 255, /* followed in one name */ TXT_STRINGS_MAX = 255 };

enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_NULL = 10,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_OPT = 41,
	TYPE_SSHFP = 44
};

struct reader {
	struct bytes message;
	struct arena *arena;
	struct dns_message *out;
};

/* ---- Names ---- */

struct name_text {
	uint8_t text[DNS_NAME_MAX];
	size_t size;
	uint8_t flags;
};

static void name_append(struct name_text *name, struct bytes label)
{
	size_t room = sizeof(name->text) - name->size;

	if (name->flags & DNS_NAME_LONG)
		return;
	if (name->size != 0 && room != 0) {
		name->text[name->size++] = '.';
		room--;
	}
	if (label.size > room)
		name->flags |= DNS_NAME_LONG;
	label = bytes_first(label, room);
	memcpy(name->text + name->size, label.ptr, label.size);
	name->size += label.size;
}

/* One step of a name: a label, a pointer, or the end. Moves '*cur' to where the name goes on. */
enum name_step { STEP_BAD, STEP_END, STEP_LABEL, STEP_POINTER };

static enum name_step name_step(struct cursor *cur, struct bytes message, struct bytes *ret_label)
{
	uint8_t length, low;

	if (!cursor_u8(cur, &length))
		return STEP_BAD;
	if (length == 0)
		return STEP_END;
	if ((length & 0xc0) == 0xc0) {
		size_t offset;

		if (!cursor_u8(cur, &low))
			return STEP_BAD;
		offset = (size_t)(length & 0x3f) << 8 | low;
		if (offset >= message.size)
			return STEP_BAD;
		*cur = cursor_over(bytes_skip(message, offset));
		return STEP_POINTER;
	}
	if ((length & 0xc0) != 0)
		return STEP_BAD;
	return cursor_take(cur, length, ret_label) ? STEP_LABEL : STEP_BAD;
}

static int name_read(struct reader *reader, struct cursor *cur, struct dns_name *ret)
{
	struct name_text name = { .size = 0 };
	struct cursor at = *cur;
	unsigned int labels = 0, pointers = 0;
	enum name_step step;
	struct bytes label;

	while ((step = name_step(&at, reader->message, &label)) != STEP_END) {
		if (step == STEP_BAD)
			return LUYTRE_E_SYNTAX;
		if (step == STEP_LABEL && ++labels > DNS_LABELS_MAX)
			name.flags |= DNS_NAME_LABELS;
		if (step == STEP_LABEL && labels <= DNS_LABELS_MAX)
			name_append(&name, label);
		if (step == STEP_POINTER && ++pointers > POINTERS_MAX)
			name.flags |= DNS_NAME_LOOP;
		if (name.flags & (DNS_NAME_LOOP | DNS_NAME_LABELS))
			break;
	}
	reader->out->name_flags |= name.flags;
	ret->flags = name.flags;
	ret->text = bytes_of(arena_dup(reader->arena, bytes_of(name.text, name.size)), name.size);
	return ret->text.ptr ? 0 : LUYTRE_E_NOMEM;
}

/* Moves behind a name as it lies here: pointers end it. */
static bool name_skip(struct cursor *cur)
{
	uint8_t length;

	while (cursor_u8(cur, &length)) {
		if (length == 0)
			return true;
		if ((length & 0xc0) == 0xc0)
			return cursor_skip(cur, 1);
		if ((length & 0xc0) != 0 || !cursor_skip(cur, length))
			return false;
	}
	return false;
}

static int name_take(struct reader *reader, struct cursor *cur, struct dns_name *ret)
{
	int error = name_read(reader, cur, ret);

	if (error != 0)
		return error;
	return name_skip(cur) ? 0 : LUYTRE_E_SYNTAX;
}

/* ---- Data of records ---- */

static int data_name(struct reader *reader, struct cursor *cur, struct dns_record *record)
{
	record->data = DNS_DATA_NAME;
	if (record->type == TYPE_MX && !cursor_skip(cur, 2))
		return LUYTRE_E_SYNTAX;
	return name_take(reader, cur, &record->target);
}

static int data_soa(struct reader *reader, struct cursor *cur, struct dns_record *record)
{
	int error = name_take(reader, cur, &record->target);

	record->data = DNS_DATA_SOA;
	if (error == 0)
		error = name_take(reader, cur, &record->rname);
	for (unsigned int i = 0; error == 0 && i < 5; i++)
		if (!cursor_u32be(cur, &record->numbers[i]))
			error = LUYTRE_E_SYNTAX;
	return error;
}

static int data_srv(struct reader *reader, struct cursor *cur, struct dns_record *record)
{
	uint16_t values[3];

	record->data = DNS_DATA_SRV;
	for (unsigned int i = 0; i < 3; i++) {
		if (!cursor_u16be(cur, &values[i]))
			return LUYTRE_E_SYNTAX;
		record->numbers[i] = values[i];
	}
	return name_take(reader, cur, &record->target);
}

static int data_sshfp(struct cursor *cur, struct dns_record *record)
{
	uint8_t algorithm, type;

	record->data = DNS_DATA_SSHFP;
	if (!cursor_u8(cur, &algorithm) || !cursor_u8(cur, &type))
		return LUYTRE_E_SYNTAX;
	record->numbers[0] = algorithm;
	record->numbers[1] = type;
	record->text = cursor_rest(cur);
	return 0;
}

static int data_text(struct cursor *cur, struct dns_record *record)
{
	uint8_t length;

	record->data = DNS_DATA_TEXT;
	return cursor_u8(cur, &length) && cursor_take(cur, length, &record->text) ? 0 : LUYTRE_E_SYNTAX;
}

static int data_fixed(struct cursor *cur, struct dns_record *record, enum dns_data data)
{
	record->data = (uint8_t)data;
	record->text = cursor_rest(cur);
	return 0;
}

static int data_read(struct reader *reader, struct cursor *cur, struct dns_record *record)
{
	if (cursor_left(cur) == 0)
		return 0;
	switch (record->type) {
	case TYPE_A:
		return data_fixed(cur, record, DNS_DATA_A);
	case TYPE_AAAA:
		return data_fixed(cur, record, DNS_DATA_AAAA);
	case TYPE_CNAME:
	case TYPE_NS:
	case TYPE_PTR:
	case TYPE_MX:
		return data_name(reader, cur, record);
	case TYPE_TXT:
		return data_text(cur, record);
	case TYPE_NULL:
		return data_fixed(cur, record, DNS_DATA_TEXT);
	case TYPE_SOA:
		return data_soa(reader, cur, record);
	case TYPE_SRV:
		return data_srv(reader, cur, record);
	case TYPE_SSHFP:
		return data_sshfp(cur, record);
	case TYPE_OPT:
		return data_fixed(cur, record, DNS_DATA_OPT);
	default:
		return 0;
	}
}

/* Views into the message become views into the arena. */
static int data_keep(struct reader *reader, struct dns_record *record)
{
	if (record->text.size == 0)
		return 0;
	record->text.ptr = arena_dup(reader->arena, record->text);
	return record->text.ptr ? 0 : LUYTRE_E_NOMEM;
}

/* ---- Sections ---- */

static int questions_read(struct reader *reader, struct cursor *cur)
{
	struct dns_message *out = reader->out;
	uint32_t count = out->counts[0] < DNS_RECORDS_MAX ? out->counts[0] : DNS_RECORDS_MAX;

	/* A question is five bytes or more: no room is made for what cannot be there. */
	if (count > cursor_left(cur) / 5)
		count = (uint32_t)(cursor_left(cur) / 5) + 1;
	out->questions = arena_alloc(reader->arena, count * sizeof(*out->questions));
	if (!out->questions)
		return LUYTRE_E_NOMEM;
	for (uint32_t i = 0; i < out->counts[0] && i < count; i++) {
		struct dns_question *question = &out->questions[i];
		int error = name_take(reader, cur, &question->name);

		if (error != 0)
			return error;
		if (!cursor_u16be(cur, &question->type) || !cursor_u16be(cur, &question->class))
			return LUYTRE_E_TRUNCATED;
		out->question_count++;
	}
	return out->question_count == out->counts[0] ? 0 : LUYTRE_E_SYNTAX;
}

struct section {
	struct dns_record *records;
	uint32_t count, capacity;
};

static struct dns_record *section_add(struct reader *reader, struct section *section)
{
	if (section->count == section->capacity) {
		uint32_t capacity = section->capacity == 0 ? 4 : section->capacity * 2;
		struct dns_record *records = arena_alloc(reader->arena, capacity * sizeof(*records));

		if (!records || capacity > DNS_RECORDS_MAX)
			return NULL;
		if (section->count != 0)
			memcpy(records, section->records, section->count * sizeof(*records));
		section->records = records;
		section->capacity = capacity;
	}
	return &section->records[section->count++];
}

/* One resource record; each string of a TXT record becomes an entry of its own. */
static int record_read(struct reader *reader, struct cursor *cur, struct section *section)
{
	struct dns_record head = { 0 };
	struct bytes data_bytes;
	struct cursor data;
	uint16_t size;
	int error = name_take(reader, cur, &head.name);

	if (error != 0)
		return error;
	if (!cursor_u16be(cur, &head.type) || !cursor_u16be(cur, &head.class) || !cursor_u32be(cur, &head.ttl) ||
		!cursor_u16be(cur, &size) || !cursor_take(cur, size, &data_bytes))
		return LUYTRE_E_TRUNCATED;
	data = cursor_over(data_bytes);
	do {
		struct dns_record *record = section_add(reader, section);

		if (!record)
			return LUYTRE_E_NOMEM;
		*record = head;
		error = data_read(reader, &data, record);
		if (error == 0)
			error = data_keep(reader, record);
	} while (error == 0 && head.type == TYPE_TXT && cursor_left(&data) != 0);
	return error;
}

static int section_read(
	struct reader *reader, struct cursor *cur, uint16_t count, struct dns_record **ret_records, uint32_t *ret_count)
{
	struct section section = { 0 };
	int error = 0;

	for (uint16_t i = 0; i < count && error == 0; i++)
		error = record_read(reader, cur, &section);
	*ret_records = section.records;
	*ret_count = error == 0 ? section.count : 0;
	return error;
}

bool dns_header_plausible(struct bytes in, size_t message_size, bool *ret_is_query)
{
	struct cursor cur = cursor_over(in);
	uint16_t id, flags, counts[4];
	size_t records = 0;

	if (!cursor_u16be(&cur, &id) || !cursor_u16be(&cur, &flags))
		return false;
	for (unsigned int i = 0; i < 4; i++) {
		if (!cursor_u16be(&cur, &counts[i]))
			return false;
		records += counts[i];
	}
	*ret_is_query = !(flags & DNS_QR);
	return 2 * records <= message_size;
}

int dns_message_parse(struct bytes in, struct arena *arena, struct dns_message *ret)
{
	struct reader reader = { .message = in, .arena = arena, .out = ret };
	struct cursor cur = cursor_over(in);
	int error;

	*ret = (struct dns_message){ 0 };
	if (!cursor_u16be(&cur, &ret->id) || !cursor_u16be(&cur, &ret->flags))
		return LUYTRE_E_TRUNCATED;
	for (unsigned int i = 0; i < 4; i++)
		if (!cursor_u16be(&cur, &ret->counts[i]))
			return LUYTRE_E_TRUNCATED;
	error = questions_read(&reader, &cur);
	if (error == 0)
		error = section_read(&reader, &cur, ret->counts[1], &ret->answers, &ret->answer_count);
	if (error != 0)
		return error;
	error = section_read(&reader, &cur, ret->counts[2], &ret->authorities, &ret->authority_count);
	ret->bad_authorities = error != 0;
	if (error == 0)
		ret->bad_additionals =
			section_read(&reader, &cur, ret->counts[3], &ret->additionals, &ret->additional_count) != 0;
	ret->readable = error != LUYTRE_E_NOMEM;
	return ret->readable ? 0 : error;
}
