// SPDX-License-Identifier: Apache-2.0
/* The keyword "modbus" (Suricata user guide, "Modbus Keyword"): unit, function or access of a request.
 *
 *	modbus: unit 10, function 8, subfunction 4
 *	modbus: unit >9, access write holding, address 500, value >200
 *
 * Addresses in rules count from 1. */
#include "base/error.h"
#include "sensor/app/modbus/modbus.h"
#include "sensor/detect/detect.h"
#include "sensor/rules/text.h"

enum { CATEGORY_ALL = 0xff };

/* Inclusive on both sides. */
struct interval {
	bool wanted;
	uint32_t first, last;
};

struct modbus_wanted {
	struct interval unit, address, value;
	bool has_function, has_subfunction, has_category, category_negated;
	uint8_t function, category, access;
	uint16_t subfunction;
};

/* ---- Matching ---- */

static bool inside(const struct interval *interval, uint32_t value)
{
	return !interval->wanted || (value >= interval->first && value <= interval->last);
}

/* True when any address of the access lies in the interval. */
static bool touches(const struct interval *interval, uint32_t address, uint32_t quantity)
{
	uint32_t first = address + 1, last = address + (quantity != 0 ? quantity : 1);

	return !interval->wanted || (first <= interval->last && last >= interval->first);
}

static bool any_value(const struct modbus_message *message, const struct modbus_wanted *wanted)
{
	bool bits = message->access & MODBUS_COILS;

	if (!wanted->value.wanted)
		return true;
	for (uint32_t i = 0; i < message->write_quantity; i++) {
		uint32_t value;

		if (!inside(&wanted->address, message->write_address + i + 1))
			continue;
		if (message->access & MODBUS_SINGLE)
			value = (uint32_t)message->data.ptr[0] << 8 | message->data.ptr[1];
		else if (bits && i / 8 < message->data.size)
			value = message->data.ptr[i / 8] >> i % 8 & 1;
		else if (!bits && 2 * i + 1 < message->data.size)
			value = (uint32_t)message->data.ptr[2 * i] << 8 | message->data.ptr[2 * i + 1];
		else
			return false;
		if (inside(&wanted->value, value))
			return true;
	}
	return false;
}

static bool access_holds(const struct modbus_message *message, const struct modbus_wanted *wanted)
{
	if ((message->access & wanted->access) != wanted->access)
		return false;
	if (!wanted->address.wanted)
		return any_value(message, wanted);
	if (wanted->access & MODBUS_READ)
		return message->has_read && touches(&wanted->address, message->read_address, message->read_quantity);
	return message->has_write && touches(&wanted->address, message->write_address, message->write_quantity) &&
	       any_value(message, wanted);
}

static bool modbus_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct modbus_message *message = &((const struct modbus_tx *)target)->request;
	const struct modbus_wanted *wanted = match->data;

	if (!message->present || !inside(&wanted->unit, message->unit))
		return false;
	if (wanted->has_category)
		return ((message->category & wanted->category) != 0) != wanted->category_negated;
	if (wanted->has_function)
		return message->function == wanted->function &&
		       (!wanted->has_subfunction || (message->has_code && message->code == wanted->subfunction));
	return access_holds(message, wanted);
}

static const struct rule_match_ops modbus_ops = { .name = "modbus", .target = RULE_TARGET_TX, .match = modbus_match };

/* ---- Reading ---- */

/* "5", ">5", "<5", "3<>9": bounds do not belong to ranges. */
static bool read_interval(struct bytes text, uint32_t most, struct interval *ret)
{
	uint32_t first, last;
	size_t at = 0;

	text = rule_text_trim(text);
	*ret = (struct interval){ .wanted = true, .first = 0, .last = most };
	if (text.size != 0 && (text.ptr[0] == '>' || text.ptr[0] == '<')) {
		if (!rule_text_u32(rule_text_trim(bytes_skip(text, 1)), &first) || first > most)
			return false;
		if (text.ptr[0] == '>')
			ret->first = first + 1;
		else if (first == 0)
			return false;
		else
			ret->last = first - 1;
		return true;
	}
	while (at + 1 < text.size && !(text.ptr[at] == '<' && text.ptr[at + 1] == '>'))
		at++;
	if (at + 1 >= text.size) {
		ret->last = 0;
		if (!rule_text_u32(text, &ret->first) || ret->first > most)
			return false;
		ret->last = ret->first;
		return true;
	}
	if (!rule_text_u32(rule_text_trim(bytes_first(text, at)), &first) ||
		!rule_text_u32(rule_text_trim(bytes_skip(text, at + 2)), &last) || last > most || first + 1 >= last)
		return false;
	ret->first = first + 1;
	ret->last = last - 1;
	return true;
}

static bool read_function(struct bytes text, struct modbus_wanted *wanted)
{
	static const struct {
		const char *name;
		uint8_t category;
	} categories[] = { { "assigned", MODBUS_PUBLIC_ASSIGNED }, { "unassigned", MODBUS_PUBLIC_UNASSIGNED },
		{ "public", MODBUS_PUBLIC_ASSIGNED | MODBUS_PUBLIC_UNASSIGNED }, { "user", MODBUS_USER },
		{ "reserved", MODBUS_RESERVED }, { "all", CATEGORY_ALL } };
	uint32_t number;

	if (rule_text_u32(text, &number)) {
		wanted->has_function = true;
		wanted->function = (uint8_t)number;
		return number <= UINT8_MAX;
	}
	wanted->has_category = true;
	if (text.size != 0 && text.ptr[0] == '!') {
		wanted->category_negated = true;
		text = rule_text_trim(bytes_skip(text, 1));
	}
	for (size_t i = 0; i < ARRAY_COUNT(categories); i++) {
		if (rule_text_is(text, categories[i].name)) {
			wanted->category = categories[i].category;
			return true;
		}
	}
	return false;
}

static bool read_access(struct bytes text, struct modbus_wanted *wanted)
{
	static const char *const kinds[] = { "read", "write", NULL };
	static const char *const tables[] = { "discretes", "coils", "input", "holding", NULL };
	struct bytes word;
	int kind, table;

	if (!rule_text_item(&text, ' ', &word))
		return false;
	kind = rule_text_choice(word, kinds);
	if (kind < 0)
		return false;
	wanted->access = kind == 0 ? MODBUS_READ : MODBUS_WRITE;
	text = rule_text_trim(text);
	if (text.size == 0)
		return true;
	table = rule_text_choice(text, tables);
	if (table < 0 || (kind == 1 && (table == 0 || table == 2)))
		return false;
	wanted->access = (uint8_t)(wanted->access | MODBUS_DISCRETES << table);
	return true;
}

/* One "word value" of the list. */
static bool read_setting(struct bytes item, struct modbus_wanted *wanted)
{
	struct bytes word, rest = item;
	uint32_t number;

	if (!rule_text_item(&rest, ' ', &word))
		return false;
	rest = rule_text_trim(rest);
	if (rule_text_is(word, "unit"))
		return read_interval(rest, UINT8_MAX, &wanted->unit);
	if (rule_text_is(word, "function"))
		return wanted->access == 0 && read_function(rest, wanted);
	if (rule_text_is(word, "access"))
		return !wanted->has_function && !wanted->has_category && read_access(rest, wanted);
	if (rule_text_is(word, "address"))
		return (wanted->access & MODBUS_TABLES) && read_interval(rest, UINT16_MAX, &wanted->address);
	if (rule_text_is(word, "value"))
		return (wanted->access & MODBUS_WRITE) && wanted->address.wanted &&
		       read_interval(rest, UINT16_MAX, &wanted->value);
	if (!rule_text_is(word, "subfunction") || !wanted->has_function || !rule_text_u32(rest, &number))
		return false;
	wanted->has_subfunction = true;
	wanted->subfunction = (uint16_t)number;
	return number <= UINT16_MAX;
}

static int parse_modbus(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct modbus_wanted *wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted));
	struct bytes rest = value, item;
	struct rule_match *match;
	int error = rule_builder_protocol(builder, "modbus");

	if (error != 0)
		return error;
	if (!wanted)
		return LUYTRE_E_NOMEM;
	*wanted = (struct modbus_wanted){ .function = 0 };
	while (rule_text_item(&rest, ',', &item))
		if (!read_setting(item, wanted))
			return rule_builder_error(builder, "modbus: \"%.*s\" cannot be understood here", (int)item.size,
				(const char *)item.ptr);
	if (!wanted->unit.wanted && !wanted->has_function && !wanted->has_category && wanted->access == 0)
		return rule_builder_error(builder, "modbus wants a unit, a function or an access");
	match = rule_builder_add(builder, &modbus_ops, wanted);
	if (!match)
		return LUYTRE_E_NOMEM;
	match->dirs = DIR_TO_SERVER;
	match->progress[TO_SERVER] = MODBUS_COMPLETE;
	return 0;
}

const struct rule_keyword modbus_keywords[] = {
	{ "modbus", NULL, 0, parse_modbus, "unit, function or access of a Modbus request" },
	{ NULL, NULL, 0, NULL, NULL },
};
