// SPDX-License-Identifier: Apache-2.0
/* RDP in EVE. */
#include <stdio.h>

#include "sensor/app/json.h"
#include "sensor/app/rdp/rdp.h"

struct flag {
	uint32_t bit;
	const char *name;
};

static void log_flags(struct jsonw *json, const char *key, uint32_t flags, const struct flag *names)
{
	bool any = false;

	for (; names->name; names++) {
		if (!(flags & names->bit))
			continue;
		if (!any)
			jsonw_kv_array_begin(json, key);
		any = true;
		jsonw_string(json, names->name);
	}
	if (any)
		jsonw_array_end(json);
}

static void log_request(struct jsonw *json, const struct rdp_message *message)
{
	static const struct flag names[] = { { 1, "restricted_admin_mode_required" },
		{ 2, "redirected_authentication_mode_required" }, { 8, "correlation_info_present" }, { 0, NULL } };

	if (message->cookie.ptr)
		app_json_kv_text(json, "cookie", message->cookie);
	if (message->has_negotiation)
		log_flags(json, "flags", message->flags, names);
}

static void log_response(struct jsonw *json, const struct rdp_message *message)
{
	static const struct flag names[] = { { 1, "extended_client_data" }, { 2, "dynvc_gfx" },
		{ 8, "restricted_admin" }, { 16, "redirected_authentication" }, { 0, NULL } };
	static const struct flag protocols[] = { { 0, "rdp" }, { 1, "ssl" }, { 2, "hybrid" }, { 4, "rds_tls" },
		{ 8, "hybrid_ex" }, { 0, NULL } };
	static const char *const reasons[] = { NULL, "ssl required by server", "ssl not allowed by server",
		"ssl cert not on server", "inconsistent flags", "hybrid required by server",
		"ssl with user auth required by server" };
	const struct flag *protocol = protocols;

	if (!message->has_negotiation)
		return;
	if (message->failed) {
		jsonw_kv_u64(json, "error_code", message->protocol);
		if (message->protocol != 0 && message->protocol < ARRAY_COUNT(reasons))
			jsonw_kv_string(json, "reason", reasons[message->protocol]);
		return;
	}
	log_flags(json, "server_supports", message->flags, names);
	while (protocol->name && protocol->bit != message->protocol)
		protocol++;
	if (protocol->name)
		jsonw_kv_string(json, "protocol", protocol->name);
	else
		jsonw_kv_u64(json, "protocol", message->protocol);
}

static const char *version_name(uint32_t version)
{
	static const char *const names[] = {
		[1] = "v4", [4] = "v5", "v10.0", "v10.1", "v10.2", "v10.3", "v10.4", "v10.5", "v10.6", "v10.7"
	};
	uint32_t minor = version & 0xffff;

	return version >> 16 == 8 && minor < ARRAY_COUNT(names) && names[minor] ? names[minor] : "unknown";
}

static void log_keyboard(struct jsonw *json, const struct rdp_client *client)
{
	static const char *const types[] = { NULL, "xt", "ico", "at", "enhanced", "1050", "9140", "jp" };

	if (client->keyboard_type != 0 && client->keyboard_type < ARRAY_COUNT(types))
		jsonw_kv_string(json, "keyboard_type", types[client->keyboard_type]);
	if (client->keyboard_subtype != 0)
		jsonw_kv_u64(json, "keyboard_subtype", client->keyboard_subtype);
	if (client->function_keys != 0)
		jsonw_kv_u64(json, "function_keys", client->function_keys);
	if (client->ime.size != 0)
		app_json_kv_text(json, "ime", client->ime);
}

static void log_capabilities(struct jsonw *json, const struct rdp_client *client)
{
	static const struct flag names[] = { { 0x0001, "support_errinfo_pdf" }, { 0x0002, "want_32bpp_session" },
		{ 0x0004, "support_statusinfo_pdu" }, { 0x0008, "strong_asymmetric_keys" },
		{ 0x0020, "valid_connection_type" }, { 0x0040, "support_monitor_layout_pdu" },
		{ 0x0080, "support_netchar_autodetect" }, { 0x0100, "support_dynvc_gfx_protocol" },
		{ 0x0200, "support_dynamic_time_zone" }, { 0x0400, "support_heartbeat_pdu" }, { 0, NULL } };
	static const char *const hints[] = { NULL, "modem", "low_broadband", "satellite", "high_broadband", "wan",
		"lan", "autodetect" };

	if (client->has_product)
		jsonw_kv_u64(json, "product_id", client->product);
	if (client->has_serial && client->serial != 0)
		jsonw_kv_u64(json, "serial_number", client->serial);
	if (client->has_capabilities)
		log_flags(json, "capabilities", client->capabilities, names);
	if (client->has_id && client->id.size != 0)
		app_json_kv_text(json, "id", client->id);
	if (client->has_connection && (client->capabilities & 0x0020) && client->connection != 0 &&
		client->connection < ARRAY_COUNT(hints))
		jsonw_kv_string(json, "connection_hint", hints[client->connection]);
	if (client->has_physical) {
		jsonw_kv_u64(json, "physical_width", client->physical_width);
		jsonw_kv_u64(json, "physical_height", client->physical_height);
		jsonw_kv_u64(json, "desktop_orientation", client->orientation);
	}
	if (client->has_scale) {
		jsonw_kv_u64(json, "scale_factor", client->scale);
		jsonw_kv_u64(json, "device_scale_factor", client->device_scale);
	}
}

static void log_client(struct jsonw *json, const struct rdp_client *client)
{
	const char *layout = rdp_layout_name(client->keyboard_layout), *build = rdp_build_name(client->build);
	char number[16];

	jsonw_kv_object_begin(json, "client");
	jsonw_kv_string(json, "version", version_name(client->version));
	jsonw_kv_u64(json, "desktop_width", client->width);
	jsonw_kv_u64(json, "desktop_height", client->height);
	if (client->has_depth && client->depth != 0)
		jsonw_kv_u64(json, "color_depth", client->depth);
	if (layout)
		jsonw_kv_string(json, "keyboard_layout", layout);
	snprintf(number, sizeof(number), "%u", client->build);
	jsonw_kv_string(json, "build", build ? build : number);
	if (client->name.size != 0)
		app_json_kv_text(json, "client_name", client->name);
	log_keyboard(json, client);
	log_capabilities(json, client);
	jsonw_object_end(json);
}

static void log_connect(struct jsonw *json, const struct rdp_message *message)
{
	if (message->client.has)
		log_client(json, &message->client);
	if (message->channel_count == 0)
		return;
	jsonw_kv_array_begin(json, "channels");
	for (uint8_t i = 0; i < message->channel_count; i++)
		app_json_text(json, message->channels[i]);
	jsonw_array_end(json);
}

static void log_serials(struct jsonw *json, const struct rdp_tx *tx)
{
	char text[2 * 64 + 1];

	jsonw_kv_array_begin(json, "x509_serials");
	for (uint8_t i = 0; i < tx->serial_count; i++) {
		app_hex(bytes_first(tx->serials[i], 64), text);
		jsonw_string(json, text);
	}
	jsonw_array_end(json);
}

bool rdp_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	static const char *const kinds[] = { NULL, "initial_request", "initial_response", "connect_request",
		"connect_response", "tls_handshake" };
	const struct rdp_tx *rdp = (const struct rdp_tx *)tx;

	jsonw_kv_u64(json, "tx_id", tx->id);
	jsonw_kv_string(json, "event_type", kinds[rdp->message.kind]);
	if (rdp->message.kind == RDP_INITIAL_REQUEST)
		log_request(json, &rdp->message);
	if (rdp->message.kind == RDP_INITIAL_RESPONSE)
		log_response(json, &rdp->message);
	if (rdp->message.kind == RDP_CONNECT_REQUEST)
		log_connect(json, &rdp->message);
	if (rdp->message.kind == RDP_TLS_HANDSHAKE)
		log_serials(json, rdp);
	return true;
}
