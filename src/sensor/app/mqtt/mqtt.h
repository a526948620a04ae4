// SPDX-License-Identifier: Apache-2.0
/* What the files of MQTT share. */
#pragma once

#include "base/jsonw.h"
#include "sensor/app/app.h"
#include "sensor/app/mqtt/message.h"

/* A request with all that answers it, or a message of its own. */
struct mqtt_tx {
	struct app_tx common;
	struct mqtt_message *first, *last;
	bool from_server, complete;
	bool has_id; /* answers with this packet identifier belong here */
	uint32_t id; /* MQTT_CONNECT_ID for CONNECT, which has no identifier */
	uint8_t protocol_version;
};

enum { MQTT_CONNECT_ID = 0x10000 };

/* 0, or an error after a log line: the option is no size. */
int mqtt_log_check(const struct conf_node *root);
bool mqtt_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);

/* "CONNECT", "PUBLISH", ...; ends with a null name. */
extern const struct app_name_value mqtt_type_names[];
