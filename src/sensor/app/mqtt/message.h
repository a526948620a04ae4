// SPDX-License-Identifier: Apache-2.0
/* One MQTT control packet: MQTT 3.1, 3.1.1 (OASIS, chapter 3) and 5.0 (OASIS, chapter 3).
 *
 * A function of bytes: the views of a message point into the body that it was read from. Lists (topics, codes,
 * properties) stay as they came, were checked once, and are walked with the functions below. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/cursor.h"

enum mqtt_type {
	MQTT_UNASSIGNED,
	MQTT_CONNECT,
	MQTT_CONNACK,
	MQTT_PUBLISH,
	MQTT_PUBACK,
	MQTT_PUBREC,
	MQTT_PUBREL,
	MQTT_PUBCOMP,
	MQTT_SUBSCRIBE,
	MQTT_SUBACK,
	MQTT_UNSUBSCRIBE,
	MQTT_UNSUBACK,
	MQTT_PINGREQ,
	MQTT_PINGRESP,
	MQTT_DISCONNECT,
	MQTT_AUTH,
	MQTT_TYPE_COUNT
};

enum mqtt_flag { MQTT_RETAIN = 0x01, MQTT_DUP = 0x08 };

enum mqtt_connect_flag {
	MQTT_CLEAN_SESSION = 0x02,
	MQTT_WILL = 0x04,
	MQTT_WILL_RETAIN = 0x20,
	MQTT_PASSWORD = 0x40,
	MQTT_USERNAME = 0x80
};

struct mqtt_header {
	uint8_t type; /* enum mqtt_type */
	uint8_t flags; /* the low four bits */
	uint8_t qos;
	uint32_t size; /* of what follows */
	uint32_t whole_size; /* with the header */
};

/* A null pointer in a view means that the message has no such part; an empty one has a pointer. */
struct mqtt_message {
	struct mqtt_message *next; /* of the same transaction */
	struct mqtt_header header;
	bool truncated; /* longer than is read: nothing below is set */
	bool has_id, has_reason;
	uint16_t id;
	uint8_t reason; /* CONNACK's return code is one */
	uint8_t protocol_version, connect_flags;
	bool session_present;
	struct bytes protocol_string, client_id, username, password, will_topic, will_message, will_properties;
	struct bytes topic, message;
	struct bytes topics; /* SUBSCRIBE and UNSUBSCRIBE: walk with mqtt_next_topic */
	struct bytes codes; /* SUBACK and UNSUBACK: one byte each */
	struct bytes properties; /* walk with mqtt_next_property */
};

/* The fixed header. False: there are not enough bytes, or, with '*ret_bad', the length is no number. */
MUST_CHECK bool mqtt_header_read(struct cursor *cur, struct mqtt_header *ret, bool *ret_bad);

/* 'version' is that of the connection (3, 4 or 5). False: the body is malformed. */
MUST_CHECK bool mqtt_message_read(
	struct bytes body, const struct mqtt_header *header, uint8_t version, struct mqtt_message *ret);

/* Takes the first topic off. 'ret_qos' may be null: UNSUBSCRIBE has none. */
bool mqtt_next_topic(struct bytes *topics, struct bytes *ret_topic, uint8_t *ret_qos);

struct mqtt_property {
	const char *name; /* null for a user property: then 'key' is its name */
	struct bytes key, text;
	bool is_number;
	uint32_t number;
};

/* Takes the first property off; false at the end or when it is malformed. */
bool mqtt_next_property(struct bytes *properties, struct mqtt_property *ret);
