// SPDX-License-Identifier: Apache-2.0
/* MQTT in EVE: one object for each message of the transaction, under the name of its type. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "sensor/app/json.h"
#include "sensor/app/mqtt/mqtt.h"
#include "sensor/config/tree.h"

enum { STRING_LIMIT_DEFAULT = 1024 };

static const char *const type_keys[MQTT_TYPE_COUNT] = { "unassigned", "connect", "connack", "publish", "puback",
	"pubrec", "pubrel", "pubcomp", "subscribe", "suback", "unsubscribe", "unsuback", "pingreq", "pingresp",
	"disconnect", "auth" };

static void write_limited(struct jsonw *json, struct bytes text, uint64_t limit)
{
	char note[64];
	uint8_t *cut;
	int note_size;

	if (text.size <= limit) {
		app_json_text(json, text);
		return;
	}
	note_size = snprintf(note, sizeof(note), "[truncated %zu additional bytes]", text.size - (size_t)limit);
	cut = malloc((size_t)limit + (size_t)note_size);
	if (!cut) {
		jsonw_null(json);
		return;
	}
	if (limit != 0)
		memcpy(cut, text.ptr, (size_t)limit);
	memcpy(cut + limit, note, (size_t)note_size);
	app_json_text(json, bytes_of(cut, (size_t)limit + (size_t)note_size));
	free(cut);
}

static void kv_limited(struct jsonw *json, const char *key, struct bytes text, uint64_t limit)
{
	jsonw_key(json, key);
	write_limited(json, text, limit);
}

static void log_properties(struct jsonw *json, struct bytes properties, uint64_t limit)
{
	struct mqtt_property property;

	if (!properties.ptr)
		return;
	jsonw_kv_object_begin(json, "properties");
	while (mqtt_next_property(&properties, &property)) {
		if (property.name)
			jsonw_key(json, property.name);
		else
			jsonw_key_bytes(json, property.key);
		if (property.is_number)
			jsonw_u64(json, property.number);
		else
			write_limited(json, property.text, limit);
	}
	jsonw_object_end(json);
}

static void log_connect(struct jsonw *json, const struct mqtt_message *message, uint64_t limit, bool passwords)
{
	static const struct {
		const char *name;
		uint8_t bit;
	} flags[] = { { "username", MQTT_USERNAME }, { "password", MQTT_PASSWORD }, { "will", MQTT_WILL },
		{ "will_retain", MQTT_WILL_RETAIN }, { "clean_session", MQTT_CLEAN_SESSION } };

	kv_limited(json, "protocol_string", message->protocol_string, limit);
	jsonw_kv_u64(json, "protocol_version", message->protocol_version);
	jsonw_kv_object_begin(json, "flags");
	for (unsigned int i = 0; i < ARRAY_COUNT(flags); i++)
		jsonw_kv_bool(json, flags[i].name, message->connect_flags & flags[i].bit);
	jsonw_object_end(json);
	kv_limited(json, "client_id", message->client_id, limit);
	if (message->username.ptr)
		kv_limited(json, "username", message->username, limit);
	if (message->password.ptr && passwords)
		kv_limited(json, "password", message->password, limit);
	if (message->connect_flags & MQTT_WILL) {
		jsonw_kv_object_begin(json, "will");
		kv_limited(json, "topic", message->will_topic, limit);
		kv_limited(json, "message", message->will_message, limit);
		log_properties(json, message->will_properties, limit);
		jsonw_object_end(json);
	}
}

/* The limit is one for all topics of a message. */
static void log_topics(struct jsonw *json, const struct mqtt_message *message, uint64_t limit)
{
	bool is_subscribe = message->header.type == MQTT_SUBSCRIBE, truncated = false;
	struct bytes rest = message->topics, topic;
	uint8_t qos;

	jsonw_kv_array_begin(json, "topics");
	while (mqtt_next_topic(&rest, &topic, is_subscribe ? &qos : NULL)) {
		if (limit == 0) {
			truncated = true;
			break;
		}
		if (is_subscribe) {
			jsonw_object_begin(json);
			kv_limited(json, "topic", topic, limit);
			jsonw_kv_u64(json, "qos", qos);
			jsonw_object_end(json);
		} else {
			write_limited(json, topic, limit);
		}
		limit -= topic.size < limit ? topic.size : limit;
	}
	jsonw_array_end(json);
	if (truncated)
		jsonw_kv_bool(json, "topics_truncated", true);
}

static void log_codes(struct jsonw *json, const char *key, struct bytes codes)
{
	if (!codes.ptr)
		return;
	jsonw_kv_array_begin(json, key);
	for (size_t i = 0; i < codes.size; i++)
		jsonw_u64(json, codes.ptr[i]);
	jsonw_array_end(json);
}

static void log_body(struct jsonw *json, const struct mqtt_message *message, uint64_t limit, bool passwords)
{
	uint8_t type = message->header.type;

	if (type == MQTT_CONNECT)
		log_connect(json, message, limit, passwords);
	if (type == MQTT_CONNACK)
		jsonw_kv_bool(json, "session_present", message->session_present);
	if (type == MQTT_PUBLISH)
		kv_limited(json, "topic", message->topic, limit);
	if (message->has_id)
		jsonw_kv_u64(json, "message_id", message->id);
	if (message->has_reason)
		jsonw_kv_u64(json, type == MQTT_CONNACK ? "return_code" : "reason_code", message->reason);
	if (type == MQTT_PUBLISH)
		kv_limited(json, "message", message->message, limit);
	if (type == MQTT_SUBSCRIBE || type == MQTT_UNSUBSCRIBE)
		log_topics(json, message, limit);
	if (type == MQTT_SUBACK || type == MQTT_UNSUBACK)
		log_codes(json, type == MQTT_SUBACK ? "qos_granted" : "reason_codes", message->codes);
	log_properties(json, message->properties, limit);
}

bool mqtt_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct mqtt_tx *mqtt = (const struct mqtt_tx *)tx;
	const struct conf_node *options = alert ? NULL : tx->conn->log_options;
	uint64_t limit = conf_size(options, "string-log-limit", STRING_LIMIT_DEFAULT);
	bool passwords = conf_bool(options, "passwords", true);

	for (const struct mqtt_message *message = mqtt->first; message; message = message->next) {
		jsonw_kv_object_begin(json, type_keys[message->header.type]);
		jsonw_kv_u64(json, "qos", message->header.qos);
		jsonw_kv_bool(json, "retain", message->header.flags & MQTT_RETAIN);
		jsonw_kv_bool(json, "dup", message->header.flags & MQTT_DUP);
		if (message->truncated) {
			jsonw_kv_bool(json, "truncated", true);
			jsonw_kv_u64(json, "skipped_length", message->header.whole_size);
		} else {
			log_body(json, message, limit, passwords);
		}
		jsonw_object_end(json);
	}
	return mqtt->first != NULL;
}

static int check_options(const struct conf_node *options)
{
	const char *text = conf_text(options, "string-log-limit", NULL);
	uint64_t size;

	if (!text || conf_parse_size(bytes_from_str(text), &size) == 0)
		return 0;
	log_error("%s:%u: string-log-limit: invalid size argument \"%s\": write a number with a unit, like 1kb",
		options->file, options->line, text);
	return LUYTRE_E_SYNTAX;
}

int mqtt_log_check(const struct conf_node *root)
{
	int error = 0;

	CONF_FOR(output, conf_get(root, "outputs"))
	CONF_FOR(type, conf_get(conf_item_options(output), "types"))
	if (error == 0 && strcmp(conf_item_name(type), "mqtt") == 0)
		error = check_options(conf_item_options(type));
	return error;
}
