// SPDX-License-Identifier: Apache-2.0
/* EtherNet/IP in EVE. */
#include <stdio.h>

#include "sensor/app/enip/enip.h"
#include "sensor/app/json.h"

enum { TEXT_SIZE = 32 };

/* Volume 1, appendix A. */
static const struct app_name_value service_names[] = { { "Get Attributes All", 1 }, { "Set Attributes All", 2 },
	{ "Get Attribute List", 3 }, { "Set Attribute List", 4 }, { "Reset", 5 }, { "Start", 6 }, { "Stop", 7 },
	{ "Create", 8 }, { "Delete", 9 }, { "Multiple Service Packet", 10 }, { "Apply Attributes", 13 },
	{ "Get Attribute Single", 14 }, { "Set Attribute Single", 16 }, { "Find Next Object Instance", 17 },
	{ "Restore", 21 }, { "Save", 22 }, { "No Operation", 23 }, { "Get Member", 24 }, { "Set Member", 25 },
	{ "Insert Member", 26 }, { "Remove Member", 27 }, { "Group Sync", 28 }, { "Unconnected Send", 82 },
	{ "Forward Open", 84 }, { "Forward Close", 78 }, { NULL, 0 } };
static const struct app_name_value class_names[] = { { "Identity", 1 }, { "Message Router", 2 }, { "DeviceNet", 3 },
	{ "Assembly", 4 }, { "Connection", 5 }, { "Connection Manager", 6 }, { "Register", 7 },
	{ "Discrete Input Point", 8 }, { "Discrete Output Point", 9 }, { "Analog Input Point", 10 },
	{ "Analog Output Point", 11 }, { "Parameter", 15 }, { "Parameter Group", 16 }, { "File", 55 }, { "Port", 0xf4 },
	{ "TCP/IP Interface", 0xf5 }, { "Ethernet Link", 0xf6 }, { NULL, 0 } };
static const struct app_name_value cip_status_names[] = { { "success", 0 }, { "connection_failure", 1 },
	{ "resource_unavailable", 2 }, { "invalid_param_value", 3 }, { "path_segment_error", 4 },
	{ "path_destination_unknown", 5 }, { "partial_transfer", 6 }, { "connection_lost", 7 },
	{ "service_not_supported", 8 }, { "invalid_attribute_value", 9 }, { "attribute_list_error", 10 },
	{ "object_state_conflict", 12 }, { "object_already_exists", 13 }, { "attribute_not_settable", 14 },
	{ "privilege_violation", 15 }, { "device_state_conflict", 16 }, { "reply_data_too_large", 17 },
	{ "not_enough_data", 19 }, { "attribute_not_supported", 20 }, { "too_much_data", 21 },
	{ "object_does_not_exist", 22 }, { "embedded_service_error", 30 }, { "vendor_specific_error", 31 },
	{ NULL, 0 } };
/* ODVA vendors that are met most. */
static const struct app_name_value vendor_names[] = { { "Rockwell Automation/Allen-Bradley", 1 },
	{ "Namco Controls Corp.", 2 }, { "Honeywell Inc.", 3 }, { "Parker Hannifin Corp. (Veriflo Division)", 4 },
	{ "Rockwell Automation/Reliance Elec.", 5 }, { "SMC Corporation", 7 }, { "Molex Incorporated", 8 },
	{ "Cutler Hammer", 29 }, { "Omron Corporation", 47 }, { "ABB, Inc.", 46 },
	{ "Schneider Automation, Inc.", 243 }, { "Siemens", 1251 }, { NULL, 0 } };
static const struct app_name_value device_names[] = { { "Generic Device (deprecated)", 0 }, { "AC Drive", 2 },
	{ "Motor Overload", 3 }, { "Limit Switch", 4 }, { "Inductive Proximity Switch", 5 },
	{ "Photoelectric Sensor", 6 }, { "General Purpose Discrete I/O", 7 }, { "Resolver", 9 },
	{ "Communications Adapter", 12 }, { "Programmable Logic Controller", 14 }, { "Position Controller", 16 },
	{ "DC Drive", 19 }, { "Contactor", 21 }, { "Motor Starter", 22 }, { "Human-Machine Interface", 24 },
	{ "Managed Ethernet Switch", 44 }, { NULL, 0 } };

static void log_name(struct jsonw *json, const char *key, const struct app_name_value *names, uint32_t number)
{
	char text[TEXT_SIZE];

	for (; names->name; names++) {
		if (names->value == number) {
			jsonw_kv_string(json, key, names->name);
			return;
		}
	}
	snprintf(text, sizeof(text), "unknown-%u", number);
	jsonw_kv_string(json, key, text);
}

static void log_path(struct jsonw *json, const struct enip_cip *cip)
{
	static const char *const types[] = { "class", "instance", "attribute" };
	const struct enip_segment *class = NULL;

	jsonw_kv_array_begin(json, "path");
	for (uint32_t i = 0; i < cip->segment_count; i++) {
		jsonw_object_begin(json);
		jsonw_kv_string(json, "segment_type", types[cip->segments[i].type]);
		jsonw_kv_u64(json, "value", cip->segments[i].value);
		jsonw_object_end(json);
		if (!class && cip->segments[i].type == ENIP_SEGMENT_CLASS)
			class = &cip->segments[i];
	}
	jsonw_array_end(json);
	if (class)
		log_name(json, "class_name", class_names, class->value);
}

static void log_cip_members(struct jsonw *json, const struct enip_cip *cip)
{
	log_name(json, "service", service_names, cip->service);
	if (cip->response) {
		log_name(json, "status", cip_status_names, cip->status);
		if (cip->has_extended)
			jsonw_kv_u64(json, "status_extended", cip->extended_status);
	} else {
		log_path(json, cip);
	}
}

static void log_cip(struct jsonw *json, const struct enip_cip *first)
{
	jsonw_kv_object_begin(json, "cip");
	log_cip_members(json, first);
	if (first->next) {
		jsonw_kv_array_begin(json, "multiple");
		for (const struct enip_cip *cip = first->next; cip; cip = cip->next) {
			jsonw_object_begin(json);
			log_cip_members(json, cip);
			jsonw_object_end(json);
		}
		jsonw_array_end(json);
	}
	jsonw_object_end(json);
}

static void log_identity(struct jsonw *json, const struct enip_identity *identity)
{
	char revision[TEXT_SIZE];

	jsonw_kv_object_begin(json, "identity");
	jsonw_kv_u64(json, "protocol_version", identity->protocol_version);
	snprintf(
		revision, sizeof(revision), "%u.%u", (unsigned int)identity->revision >> 8, identity->revision & 0xffu);
	jsonw_kv_string(json, "revision", revision);
	log_name(json, "vendor_id", vendor_names, identity->vendor);
	log_name(json, "device_type", device_names, identity->device_type);
	jsonw_kv_u64(json, "product_code", identity->product_code);
	jsonw_kv_u64(json, "status", identity->status);
	jsonw_kv_u64(json, "serial", identity->serial);
	app_json_kv_text(json, "product_name", identity->name);
	jsonw_kv_u64(json, "state", identity->state);
	jsonw_object_end(json);
}

static void log_message(struct jsonw *json, const struct enip_message *message, bool response)
{
	if (!message->present)
		return;
	jsonw_kv_object_begin(json, response ? "response" : "request");
	log_name(json, "command", enip_command_names, message->command);
	log_name(json, "status", enip_status_names, message->status);
	if (message->command == ENIP_REGISTER_SESSION && message->has_version) {
		jsonw_kv_object_begin(json, "register_session");
		jsonw_kv_u64(json, "protocol_version", message->version);
		jsonw_kv_u64(json, "options", message->register_options);
		jsonw_object_end(json);
	}
	if (message->has_service) {
		jsonw_kv_object_begin(json, "list_services");
		jsonw_kv_u64(json, "protocol_version", message->version);
		jsonw_kv_u64(json, "capabilities", message->capabilities);
		app_json_kv_text(json, "service_name", message->service_name);
		jsonw_object_end(json);
	}
	if (message->has_identity)
		log_identity(json, &message->identity);
	if (message->first)
		log_cip(json, message->first);
	jsonw_object_end(json);
}

bool enip_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct enip_tx *enip = (const struct enip_tx *)tx;

	log_message(json, &enip->message[TO_SERVER], false);
	log_message(json, &enip->message[TO_CLIENT], true);
	return true;
}
