// SPDX-License-Identifier: Apache-2.0
/* What rules can ask about DNP3: dnp3_func, dnp3_ind, dnp3_obj, dnp3_data (Suricata user guide, "DNP3 Keywords"). */
#include "base/error.h"
#include "sensor/app/dnp3/dnp3.h"
#include "sensor/detect/detect.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/text.h"

static const struct app_name_value function_names[] = { { "confirm", 0 }, { "read", 1 }, { "write", 2 },
	{ "select", 3 }, { "operate", 4 }, { "direct_operate", 5 }, { "direct_operate_nr", 6 }, { "immed_freeze", 7 },
	{ "immed_freeze_nr", 8 }, { "freeze_clear", 9 }, { "freeze_clear_nr", 10 }, { "freeze_at_time", 11 },
	{ "freeze_at_time_nr", 12 }, { "cold_restart", 13 }, { "warm_restart", 14 }, { "initialize_data", 15 },
	{ "initialize_appl", 16 }, { "start_appl", 17 }, { "stop_appl", 18 }, { "save_config", 19 },
	{ "enable_unsolicited", 20 }, { "disable_unsolicited", 21 }, { "assign_class", 22 }, { "delay_measure", 23 },
	{ "record_current_time", 24 }, { "open_file", 25 }, { "close_file", 26 }, { "delete_file", 27 },
	{ "get_file_info", 28 }, { "authenticate_file", 29 }, { "abort_file", 30 }, { "activate_config", 31 },
	{ "authenticate_req", 32 }, { "authenticate_err", 33 }, { "response", 129 }, { "unsolicited_response", 130 },
	{ "authenticate_resp", 131 }, { NULL, 0 } };

/* Any one of the named indications is enough. */
static const struct app_name_value indicator_values[] = { { "all_stations", 0x0100 }, { "class_1_events", 0x0200 },
	{ "class_2_events", 0x0400 }, { "class_3_events", 0x0800 }, { "need_time", 0x1000 },
	{ "local_control", 0x2000 }, { "device_trouble", 0x4000 }, { "device_restart", 0x8000 },
	{ "no_func_code_support", 0x0001 }, { "object_unknown", 0x0002 }, { "parameter_error", 0x0004 },
	{ "event_buffer_overflow", 0x0008 }, { "already_executing", 0x0010 }, { "config_corrupt", 0x0020 },
	{ "reserved_2", 0x0040 }, { "reserved_1", 0x0080 }, { NULL, 0 } };

static bool get_function(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	const struct dnp3_tx *dnp3 = (const struct dnp3_tx *)tx;

	*ret = dnp3->function;
	return dnp3->has_application && index == 0;
}

static bool get_data(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct dnp3_tx *dnp3 = (const struct dnp3_tx *)tx;

	*ret = (struct app_view){ .data = dnp3->fragment, .last = true };
	return dnp3->has_application;
}

#define AT_END                                                                                                         \
	{                                                                                                              \
		DNP3_COMPLETE, DNP3_COMPLETE                                                                           \
	}

const struct app_buffer dnp3_buffers[] = {
	{ "dnp3_data", NULL, NULL, NULL, DIR_BOTH, AT_END, 0, get_data },
	{ .name = NULL },
};

const struct app_number dnp3_numbers[] = {
	{ "dnp3_func", NULL, DIR_BOTH, AT_END, 8, 0, function_names, get_function },
	{ .name = NULL },
};

/* ---- dnp3_ind ---- */

static bool indicators_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct dnp3_tx *dnp3 = target;
	const uint16_t *wanted = match->data;

	/* The bits of the names count the second octet as the lower one. */
	return dnp3->has_application && !dnp3->request &&
	       ((uint16_t)(dnp3->indicators << 8 | dnp3->indicators >> 8) & *wanted) != 0;
}

static const struct rule_match_ops indicators_ops = {
	.name = "dnp3_ind", .target = RULE_TARGET_TX, .match = indicators_match
};

static bool read_indicator(struct bytes text, uint16_t *bits)
{
	uint32_t number;

	if (rule_text_u32(text, &number) && number <= UINT16_MAX) {
		*bits = (uint16_t)(*bits | number);
		return true;
	}
	for (const struct app_name_value *row = indicator_values; row->name; row++) {
		if (rule_text_is(text, row->name)) {
			*bits = (uint16_t)(*bits | row->value);
			return true;
		}
	}
	return false;
}

static int add_match(struct rule_builder *builder, const struct rule_match_ops *ops, void *data, uint8_t dirs)
{
	struct rule_match *match = rule_builder_add(builder, ops, data);

	if (!match)
		return LUYTRE_E_NOMEM;
	match->dirs = dirs;
	match->progress[TO_SERVER] = match->progress[TO_CLIENT] = DNP3_COMPLETE;
	return 0;
}

static int parse_indicators(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	uint16_t *wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted));
	struct bytes rest = value, item;
	int error = rule_builder_protocol(builder, "dnp3");

	if (error != 0)
		return error;
	if (!wanted)
		return LUYTRE_E_NOMEM;
	*wanted = 0;
	while (rule_text_item(&rest, ',', &item))
		if (!read_indicator(item, wanted))
			return rule_builder_error(builder, "dnp3_ind: \"%.*s\" is no internal indication",
				(int)item.size, (const char *)item.ptr);
	if (*wanted == 0)
		return rule_builder_error(builder, "dnp3_ind wants names of internal indications");
	return add_match(builder, &indicators_ops, wanted, DIR_TO_CLIENT);
}

/* ---- dnp3_obj ---- */

struct object_wanted {
	uint8_t group, variation;
};

static bool object_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct dnp3_tx *dnp3 = target;
	const struct object_wanted *wanted = match->data;

	for (const struct dnp3_object *object = dnp3->first; object; object = object->next)
		if (object->group == wanted->group && object->variation == wanted->variation)
			return true;
	return false;
}

static const struct rule_match_ops object_ops = { .name = "dnp3_obj", .target = RULE_TARGET_TX, .match = object_match };

static int parse_object(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct object_wanted *wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted));
	struct bytes rest = value, item;
	uint32_t numbers[2];
	int error = rule_builder_protocol(builder, "dnp3");

	if (error != 0)
		return error;
	if (!wanted)
		return LUYTRE_E_NOMEM;
	for (unsigned int i = 0; i < 2; i++)
		if (!rule_text_item(&rest, ',', &item) || !rule_text_u32(item, &numbers[i]) || numbers[i] > UINT8_MAX)
			return rule_builder_error(builder, "dnp3_obj wants a group and a variation, up to 255 each");
	if (rest.size != 0)
		return rule_builder_error(builder, "dnp3_obj: there is something behind the variation");
	*wanted = (struct object_wanted){ (uint8_t)numbers[0], (uint8_t)numbers[1] };
	return add_match(builder, &object_ops, wanted, DIR_BOTH);
}

const struct rule_keyword dnp3_keywords[] = {
	{ "dnp3_ind", NULL, 0, parse_indicators, "internal indications of a DNP3 response" },
	{ "dnp3_obj", NULL, 0, parse_object, "group and variation of an object in a DNP3 message" },
	{ NULL, NULL, 0, NULL, NULL },
};
