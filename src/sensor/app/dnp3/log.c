// SPDX-License-Identifier: Apache-2.0
/* DNP3 in EVE. */
#include "sensor/app/dnp3/dnp3.h"

enum link_bit { LINK_DIR = 0x80, LINK_PRIMARY = 0x40, LINK_FCB = 0x20, LINK_FCV = 0x10 };
enum application_bit { APPLICATION_FIR = 0x80, APPLICATION_FIN = 0x40, APPLICATION_CON = 0x20, APPLICATION_UNS = 0x10 };

/* The names of the internal indications: bits of the first octet, then of the second. */
static const char *const indicator_names[16] = { "all_stations", "class_1_events", "class_2_events", "class_3_events",
	"need_time", "local_control", "device_trouble", "device_restart", "no_func_code_support", "object_unknown",
	"parameter_error", "event_buffer_overflow", "already_executing", "config_corrupt", "reserved_2", "reserved_1" };

static void log_link(const struct dnp3_tx *tx, struct jsonw *json)
{
	jsonw_kv_object_begin(json, "control");
	jsonw_kv_bool(json, "dir", tx->link_control & LINK_DIR);
	jsonw_kv_bool(json, "pri", tx->link_control & LINK_PRIMARY);
	jsonw_kv_bool(json, "fcb", tx->link_control & LINK_FCB);
	jsonw_kv_bool(json, "fcv", tx->link_control & LINK_FCV);
	jsonw_kv_u64(json, "function_code", tx->link_control & 15);
	jsonw_object_end(json);
	jsonw_kv_u64(json, "src", tx->source);
	jsonw_kv_u64(json, "dst", tx->destination);
}

static void log_object(const struct dnp3_object *object, struct jsonw *json)
{
	jsonw_object_begin(json);
	jsonw_kv_u64(json, "group", object->group);
	jsonw_kv_u64(json, "variation", object->variation);
	jsonw_kv_u64(json, "qualifier", object->qualifier);
	jsonw_kv_u64(json, "prefix_code", object->prefix_code);
	jsonw_kv_u64(json, "range_code", object->range_code);
	jsonw_kv_u64(json, "start", object->start);
	jsonw_kv_u64(json, "stop", object->stop);
	jsonw_kv_u64(json, "count", object->count);
	dnp3_log_points(object, json);
	jsonw_object_end(json);
}

static void log_application(const struct dnp3_tx *tx, struct jsonw *json)
{
	jsonw_kv_object_begin(json, "application");
	jsonw_kv_object_begin(json, "control");
	jsonw_kv_bool(json, "fir", tx->control & APPLICATION_FIR);
	jsonw_kv_bool(json, "fin", tx->control & APPLICATION_FIN);
	jsonw_kv_bool(json, "con", tx->control & APPLICATION_CON);
	jsonw_kv_bool(json, "uns", tx->control & APPLICATION_UNS);
	jsonw_kv_u64(json, "sequence", tx->control & 15);
	jsonw_object_end(json);
	jsonw_kv_u64(json, "function_code", tx->function);
	if (tx->first) {
		jsonw_kv_array_begin(json, "objects");
		for (const struct dnp3_object *object = tx->first; object; object = object->next)
			log_object(object, json);
		jsonw_array_end(json);
	}
	jsonw_kv_bool(json, "complete", tx->complete);
	jsonw_object_end(json);
}

static void log_indicators(const struct dnp3_tx *tx, struct jsonw *json)
{
	jsonw_kv_object_begin(json, "iin");
	jsonw_kv_array_begin(json, "indicators");
	for (unsigned int i = 0; i < 16; i++)
		if (tx->indicators >> i & 1)
			jsonw_string(json, indicator_names[i]);
	jsonw_array_end(json);
	jsonw_object_end(json);
}

static void log_message(const struct dnp3_tx *tx, struct jsonw *json)
{
	if (tx->request)
		jsonw_kv_string(json, "type", "request");
	else
		jsonw_kv_string(json, "type", tx->function == DNP3_UNSOLICITED ? "unsolicited_response" : "response");
	log_link(tx, json);
	if (!tx->has_application)
		return;
	log_application(tx, json);
	if (!tx->request)
		log_indicators(tx, json);
}

bool dnp3_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct dnp3_tx *dnp3 = (const struct dnp3_tx *)tx;

	if (!alert) {
		log_message(dnp3, json);
		return true;
	}
	jsonw_kv_object_begin(json, dnp3->request ? "request" : "response");
	log_message(dnp3, json);
	jsonw_object_end(json);
	return true;
}
