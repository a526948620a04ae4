// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/mqtt/message.h"

/* A number of up to four bytes with seven bits each (section 1.5.5 of MQTT 5.0). */
static bool read_varint(struct cursor *cur, uint32_t *ret, bool *ret_bad)
{
	uint32_t value = 0;

	*ret_bad = false;
	for (unsigned int i = 0; i < 4; i++) {
		uint8_t byte;

		if (!cursor_u8(cur, &byte))
			return false;
		value |= (uint32_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*ret = value;
			return true;
		}
	}
	*ret_bad = true;
	return false;
}

bool mqtt_header_read(struct cursor *cur, struct mqtt_header *ret, bool *ret_bad)
{
	struct cursor at = *cur;
	uint8_t first;

	*ret_bad = false;
	if (!cursor_u8(&at, &first))
		return false;
	ret->type = first >> 4;
	ret->flags = first & 15;
	ret->qos = first >> 1 & 3;
	if (!read_varint(&at, &ret->size, ret_bad))
		return false;
	ret->whole_size = (uint32_t)(cursor_left(cur) - cursor_left(&at)) + ret->size;
	*cur = at;
	return true;
}

/* Text and binary data have a length of two bytes in front. */
static bool read_text(struct cursor *cur, struct bytes *ret)
{
	struct cursor at = *cur;
	uint16_t size;

	if (!cursor_u16be(&at, &size) || !cursor_take(&at, size, ret))
		return false;
	*cur = at;
	return true;
}

/* ---- Properties (MQTT 5.0, section 2.2.2) ---- */

enum value_kind { VALUE_NONE, VALUE_U8, VALUE_U16, VALUE_U32, VALUE_VARINT, VALUE_TEXT, VALUE_PAIR };

static const struct {
	const char *name;
	uint8_t kind; /* enum value_kind */
} properties[] = {
	[1] = { "payload_format_indicator", VALUE_U8 },
	[2] = { "message_expiry_interval", VALUE_U32 },
	[3] = { "content_type", VALUE_TEXT },
	[8] = { "response_topic", VALUE_TEXT },
	[9] = { "correlation_data", VALUE_TEXT },
	[11] = { "subscription_identifier", VALUE_VARINT },
	[17] = { "session_expiry_interval", VALUE_U32 },
	[18] = { "assigned_client_identifier", VALUE_TEXT },
	[19] = { "server_keep_alive", VALUE_U16 },
	[21] = { "authentication_method", VALUE_TEXT },
	[22] = { "authentication_data", VALUE_TEXT },
	[23] = { "request_problem_information", VALUE_U8 },
	[24] = { "will_delay_interval", VALUE_U32 },
	[25] = { "request_response_information", VALUE_U8 },
	[26] = { "response_information", VALUE_TEXT },
	[28] = { "server_reference", VALUE_TEXT },
	[31] = { "reason_string", VALUE_TEXT },
	[33] = { "receive_maximum", VALUE_U16 },
	[34] = { "topic_alias_maximum", VALUE_U16 },
	[35] = { "topic_alias", VALUE_U16 },
	[36] = { "maximum_qos", VALUE_U8 },
	[37] = { "retain_available", VALUE_U8 },
	[38] = { NULL, VALUE_PAIR },
	[39] = { "maximum_packet_size", VALUE_U32 },
	[40] = { "wildcard_subscription_available", VALUE_U8 },
	[41] = { "subscription_identifiers_available", VALUE_U8 },
	[42] = { "shared_subscription_available", VALUE_U8 },
};

static bool read_value(struct cursor *cur, uint8_t kind, struct mqtt_property *ret)
{
	uint8_t u8;
	uint16_t u16;
	bool bad;

	ret->is_number = kind != VALUE_TEXT && kind != VALUE_PAIR;
	switch (kind) {
	case VALUE_U8:
		if (!cursor_u8(cur, &u8))
			return false;
		ret->number = u8;
		return true;
	case VALUE_U16:
		if (!cursor_u16be(cur, &u16))
			return false;
		ret->number = u16;
		return true;
	case VALUE_U32:
		return cursor_u32be(cur, &ret->number);
	case VALUE_VARINT:
		return read_varint(cur, &ret->number, &bad);
	case VALUE_TEXT:
		return read_text(cur, &ret->text);
	case VALUE_PAIR:
		return read_text(cur, &ret->key) && read_text(cur, &ret->text);
	default:
		return false;
	}
}

bool mqtt_next_property(struct bytes *in, struct mqtt_property *ret)
{
	struct cursor cur = cursor_over(*in);
	uint32_t number;
	bool bad;

	*ret = (struct mqtt_property){ 0 };
	if (!read_varint(&cur, &number, &bad) || number >= ARRAY_COUNT(properties))
		return false;
	ret->name = properties[number].name;
	if (!read_value(&cur, properties[number].kind, ret))
		return false;
	*in = cursor_rest(&cur);
	return true;
}

static bool read_properties(struct cursor *cur, struct bytes *ret)
{
	struct mqtt_property property;
	struct bytes rest;
	uint32_t size;
	bool bad;

	if (!read_varint(cur, &size, &bad) || !cursor_take(cur, size, ret))
		return false;
	rest = *ret;
	while (rest.size != 0)
		if (!mqtt_next_property(&rest, &property))
			return false;
	return true;
}

/* ---- Messages ---- */

static bool read_will(struct cursor *cur, struct mqtt_message *ret)
{
	if (ret->protocol_version == 5 && !read_properties(cur, &ret->will_properties))
		return false;
	return read_text(cur, &ret->will_topic) && read_text(cur, &ret->will_message);
}

static bool read_connect(struct cursor *cur, struct mqtt_message *ret)
{
	uint16_t keep_alive;

	if (!read_text(cur, &ret->protocol_string) || !cursor_u8(cur, &ret->protocol_version) ||
		!cursor_u8(cur, &ret->connect_flags) || !cursor_u16be(cur, &keep_alive))
		return false;
	if (ret->protocol_version == 5 && !read_properties(cur, &ret->properties))
		return false;
	if (!read_text(cur, &ret->client_id))
		return false;
	if ((ret->connect_flags & MQTT_WILL) && !read_will(cur, ret))
		return false;
	if ((ret->connect_flags & MQTT_USERNAME) && !read_text(cur, &ret->username))
		return false;
	return !(ret->connect_flags & MQTT_PASSWORD) || read_text(cur, &ret->password);
}

static bool read_connack(struct cursor *cur, uint8_t version, struct mqtt_message *ret)
{
	uint8_t flags;

	if (!cursor_u8(cur, &flags) || !cursor_u8(cur, &ret->reason))
		return false;
	ret->has_reason = true;
	ret->session_present = flags & 1;
	return version < 5 || read_properties(cur, &ret->properties);
}

static bool read_id(struct cursor *cur, struct mqtt_message *ret)
{
	ret->has_id = cursor_u16be(cur, &ret->id);
	return ret->has_id;
}

static bool read_publish(struct cursor *cur, uint8_t version, struct mqtt_message *ret)
{
	if (!read_text(cur, &ret->topic) || (ret->header.qos != 0 && !read_id(cur, ret)))
		return false;
	if (version == 5 && !read_properties(cur, &ret->properties))
		return false;
	ret->message = cursor_rest(cur);
	return true;
}

/* Since 5.0 a reason and properties may follow; without them the reason is success (section 3.4.2.1). */
static bool read_reason(struct cursor *cur, uint8_t version, struct mqtt_message *ret)
{
	if (version < 5)
		return true;
	ret->has_reason = true;
	if (cursor_left(cur) == 0)
		return true;
	if (!cursor_u8(cur, &ret->reason))
		return false;
	if (cursor_left(cur) != 0)
		return read_properties(cur, &ret->properties);
	/* Suricata says "normal" of a DISCONNECT that ends here, whatever its reason. */
	if (ret->header.type == MQTT_DISCONNECT)
		ret->reason = 0;
	return true;
}

bool mqtt_next_topic(struct bytes *topics, struct bytes *ret_topic, uint8_t *ret_qos)
{
	struct cursor cur = cursor_over(*topics);
	uint8_t options;

	if (!read_text(&cur, ret_topic))
		return false;
	if (ret_qos) {
		if (!cursor_u8(&cur, &options))
			return false;
		*ret_qos = options & 3;
	}
	*topics = cursor_rest(&cur);
	return true;
}

static bool read_topics(struct cursor *cur, uint8_t version, struct mqtt_message *ret)
{
	struct bytes rest, topic;
	uint8_t qos;

	if (!read_id(cur, ret) || (version == 5 && !read_properties(cur, &ret->properties)))
		return false;
	ret->topics = rest = cursor_rest(cur);
	while (rest.size != 0)
		if (!mqtt_next_topic(&rest, &topic, ret->header.type == MQTT_SUBSCRIBE ? &qos : NULL))
			return false;
	return true;
}

static bool read_codes(struct cursor *cur, uint8_t version, struct mqtt_message *ret)
{
	if (!read_id(cur, ret) || (version == 5 && !read_properties(cur, &ret->properties)))
		return false;
	/* UNSUBACK has codes since 5.0 only. */
	if (version == 5 || ret->header.type == MQTT_SUBACK)
		ret->codes = cursor_rest(cur);
	return true;
}

bool mqtt_message_read(struct bytes body, const struct mqtt_header *header, uint8_t version, struct mqtt_message *ret)
{
	struct cursor cur = cursor_over(body);

	*ret = (struct mqtt_message){ .header = *header };
	switch (header->type) {
	case MQTT_CONNECT:
		return read_connect(&cur, ret);
	case MQTT_CONNACK:
		return read_connack(&cur, version, ret);
	case MQTT_PUBLISH:
		return read_publish(&cur, version, ret);
	case MQTT_PUBACK:
	case MQTT_PUBREC:
	case MQTT_PUBREL:
	case MQTT_PUBCOMP:
		return read_id(&cur, ret) && read_reason(&cur, version, ret);
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
		return read_topics(&cur, version, ret);
	case MQTT_SUBACK:
	case MQTT_UNSUBACK:
		return read_codes(&cur, version, ret);
	case MQTT_DISCONNECT:
	case MQTT_AUTH:
		return read_reason(&cur, version, ret);
	default:
		return true;
	}
}
