// SPDX-License-Identifier: Apache-2.0
/* What rules can ask about EtherNet/IP (Suricata user guide, "ENIP/CIP Keywords"). */
#include "base/error.h"
#include "sensor/app/enip/enip.h"
#include "sensor/detect/detect.h"
#include "sensor/rules/text.h"

const struct app_name_value enip_command_names[] = { { "nop", ENIP_NOP }, { "list_services", ENIP_LIST_SERVICES },
	{ "list_identity", ENIP_LIST_IDENTITY }, { "list_interfaces", ENIP_LIST_INTERFACES },
	{ "register_session", ENIP_REGISTER_SESSION }, { "unregister_session", ENIP_UNREGISTER_SESSION },
	{ "send_rr_data", ENIP_SEND_RR_DATA }, { "send_unit_data", ENIP_SEND_UNIT_DATA }, { "indicate_status", 0x72 },
	{ "cancel", 0x73 }, { NULL, 0 } };

/* Volume 2, table 2-3.3. */
const struct app_name_value enip_status_names[] = { { "success", 0 }, { "invalid_cmd", 1 }, { "no_resources", 2 },
	{ "incorrect_data", 3 }, { "invalid_session", 0x64 }, { "invalid_length", 0x65 },
	{ "unsupported_prot_rev", 0x69 }, { "encap_header_error", 0x6a }, { NULL, 0 } };

static const struct enip_message *message_of(const struct app_tx *tx, enum sensor_dir dir)
{
	const struct enip_message *message = &((const struct enip_tx *)tx)->message[dir];

	return message->present ? message : NULL;
}

/* Numbers that a message has once. */
#define GETTER(name, condition, member)                                                                                \
	static bool get_##name(                                                                                        \
		struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)        \
	{                                                                                                              \
		const struct enip_message *message = message_of(tx, dir);                                              \
                                                                                                                       \
		if (!message || index != 0 || !(condition))                                                            \
			return false;                                                                                  \
		*ret = message->member;                                                                                \
		return true;                                                                                           \
	}

GETTER(command, true, command)
GETTER(status, true, status)
GETTER(version, message->has_version, version)
GETTER(revision, message->has_identity, identity.revision)
GETTER(identity_status, message->has_identity, identity.status)
GETTER(state, message->has_identity, identity.state)
GETTER(serial, message->has_identity, identity.serial)
GETTER(product_code, message->has_identity, identity.product_code)
GETTER(device_type, message->has_identity, identity.device_type)
GETTER(vendor, message->has_identity, identity.vendor)
GETTER(capabilities, message->has_service, capabilities)

static const struct enip_cip *cip_at(const struct app_tx *tx, enum sensor_dir dir, uint32_t index)
{
	const struct enip_message *message = message_of(tx, dir);
	const struct enip_cip *cip = message ? message->first : NULL;

	while (cip && index-- > 0)
		cip = cip->next;
	return cip;
}

static bool get_cip_status(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	const struct enip_cip *cip = cip_at(tx, dir, index);

	*ret = cip ? cip->status : 0;
	return cip && cip->response;
}

static bool get_cip_extended(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	for (const struct enip_cip *cip = cip_at(tx, dir, 0); cip; cip = cip->next) {
		if (!cip->has_extended || index-- > 0)
			continue;
		*ret = cip->extended_status;
		return true;
	}
	return false;
}

/* Segment number 'index' of this type in all messages. */
static bool segment_at(
	const struct app_tx *tx, enum sensor_dir dir, enum enip_segment_type type, uint32_t index, uint64_t *ret)
{
	for (const struct enip_cip *cip = cip_at(tx, dir, 0); cip; cip = cip->next) {
		for (uint32_t i = 0; i < cip->segment_count; i++) {
			if (cip->segments[i].type != type || index-- > 0)
				continue;
			*ret = cip->segments[i].value;
			return true;
		}
		for (uint32_t i = 0; type == ENIP_SEGMENT_ATTRIBUTE && i < cip->attribute_count; i++) {
			if (index-- > 0)
				continue;
			*ret = cip->attributes[i];
			return true;
		}
	}
	return false;
}

static bool get_class(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	return segment_at(tx, dir, ENIP_SEGMENT_CLASS, index, ret);
}

static bool get_instance(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	return segment_at(tx, dir, ENIP_SEGMENT_INSTANCE, index, ret);
}

static bool get_attribute(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	return segment_at(tx, dir, ENIP_SEGMENT_ATTRIBUTE, index, ret);
}

static bool get_product_name(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct enip_message *message = message_of(tx, dir);

	if (!message || !message->has_identity)
		return false;
	*ret = (struct app_view){ .data = message->identity.name, .last = true };
	return true;
}

static bool get_service_name(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct enip_message *message = message_of(tx, dir);

	if (!message || !message->has_service)
		return false;
	*ret = (struct app_view){ .data = message->service_name, .last = true };
	return true;
}

#define AT_END                                                                                                         \
	{                                                                                                              \
		ENIP_COMPLETE, ENIP_COMPLETE                                                                           \
	}
#define NUMBER(text, other, size, how, labels, getter)                                                                 \
	{                                                                                                              \
		.name = text, .alias = other, .dirs = DIR_BOTH, .progress = AT_END, .bits = size, .flags = how,        \
		.names = labels, .get = getter                                                                         \
	}

const struct app_buffer enip_buffers[] = {
	{ "enip.product_name", NULL, NULL, NULL, DIR_TO_CLIENT, AT_END, 0, get_product_name },
	{ "enip.service_name", NULL, NULL, NULL, DIR_TO_CLIENT, AT_END, 0, get_service_name },
	{ .name = NULL },
};

const struct app_number enip_numbers[] = {
	NUMBER("enip_command", "enip.command", 16, 0, enip_command_names, get_command),
	NUMBER("enip.status", NULL, 32, 0, enip_status_names, get_status),
	NUMBER("enip.protocol_version", NULL, 16, 0, NULL, get_version),
	NUMBER("enip.revision", NULL, 16, 0, NULL, get_revision),
	NUMBER("enip.identity_status", NULL, 16, 0, NULL, get_identity_status),
	NUMBER("enip.state", NULL, 8, 0, NULL, get_state),
	NUMBER("enip.serial", NULL, 32, 0, NULL, get_serial),
	NUMBER("enip.product_code", NULL, 16, 0, NULL, get_product_code),
	NUMBER("enip.device_type", NULL, 16, 0, NULL, get_device_type),
	NUMBER("enip.vendor_id", NULL, 16, 0, NULL, get_vendor),
	NUMBER("enip.capabilities", NULL, 16, 0, NULL, get_capabilities),
	NUMBER("enip.cip_status", NULL, 8, APP_NUMBER_MULTI, NULL, get_cip_status),
	NUMBER("enip.cip_extendedstatus", NULL, 16, APP_NUMBER_MULTI, NULL, get_cip_extended),
	NUMBER("enip.cip_class", NULL, 32, APP_NUMBER_MULTI, NULL, get_class),
	NUMBER("enip.cip_instance", NULL, 32, APP_NUMBER_MULTI, NULL, get_instance),
	NUMBER("enip.cip_attribute", NULL, 32, APP_NUMBER_MULTI, NULL, get_attribute),
	{ .name = NULL },
};

/* ---- cip_service: service, class, attribute ---- */

struct service_wanted {
	unsigned int count;
	uint32_t values[3];
};

static bool service_holds(const struct enip_cip *cip, const struct service_wanted *wanted)
{
	bool class_found = wanted->count < 2, attribute_found = wanted->count < 3;

	if (cip->service != wanted->values[0])
		return false;
	for (uint32_t i = 0; i < cip->segment_count; i++) {
		const struct enip_segment *segment = &cip->segments[i];

		if (segment->type == ENIP_SEGMENT_CLASS && segment->value == wanted->values[1])
			class_found = true;
		if (segment->type == ENIP_SEGMENT_ATTRIBUTE && segment->value == wanted->values[2])
			attribute_found = true;
	}
	for (uint32_t i = 0; i < cip->attribute_count; i++)
		attribute_found = attribute_found || cip->attributes[i] == wanted->values[2];
	return class_found && attribute_found;
}

static bool service_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	for (const struct enip_cip *cip = cip_at(target, context->dir, 0); cip; cip = cip->next)
		if (service_holds(cip, match->data))
			return true;
	return false;
}

static const struct rule_match_ops service_ops = {
	.name = "cip_service", .target = RULE_TARGET_TX, .match = service_match
};

static int parse_service(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	static const uint32_t most[] = { 127, UINT16_MAX, UINT16_MAX };
	struct service_wanted *wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted));
	struct bytes rest = value, item;
	struct rule_match *match;
	int error = rule_builder_protocol(builder, "enip");

	if (error != 0)
		return error;
	if (!wanted)
		return LUYTRE_E_NOMEM;
	*wanted = (struct service_wanted){ .count = 0 };
	while (rule_text_item(&rest, ',', &item)) {
		if (wanted->count == 3 || !rule_text_u32(item, &wanted->values[wanted->count]) ||
			wanted->values[wanted->count] > most[wanted->count])
			return rule_builder_error(
				builder, "cip_service wants a service up to 127, a class and an attribute");
		wanted->count++;
	}
	if (wanted->count == 0)
		return rule_builder_error(builder, "cip_service wants a service");
	match = rule_builder_add(builder, &service_ops, wanted);
	if (!match)
		return LUYTRE_E_NOMEM;
	match->dirs = DIR_BOTH;
	match->progress[TO_SERVER] = match->progress[TO_CLIENT] = ENIP_COMPLETE;
	return 0;
}

const struct rule_keyword enip_keywords[] = {
	{ "cip_service", NULL, 0, parse_service, "service, class and attribute of a CIP message" },
	{ NULL, NULL, 0, NULL, NULL },
};
