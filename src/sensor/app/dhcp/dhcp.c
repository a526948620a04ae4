// SPDX-License-Identifier: Apache-2.0
/* DHCP (RFC 2131) with its options (RFC 2132): each message is a transaction of its own. */
#include <stdio.h>

#include "base/cursor.h"
#include "sensor/app/app.h"
#include "sensor/app/json.h"
#include "sensor/config/tree.h"
#include "sensor/flow/flow.h"

enum { DHCP_COMPLETE = 1, OPTIONS_MAX = 256, MAGIC = 0x63825363 };

enum dhcp_opcode { OPCODE_REQUEST = 1, OPCODE_REPLY = 2 };

enum dhcp_option_code {
	OPTION_PAD = 0,
	OPTION_SUBNET_MASK = 1,
	OPTION_ROUTERS = 3,
	OPTION_DNS_SERVERS = 6,
	OPTION_HOSTNAME = 12,
	OPTION_REQUESTED_IP = 50,
	OPTION_LEASE_TIME = 51,
	OPTION_TYPE = 53,
	OPTION_PARAMETERS = 55,
	OPTION_RENEWAL_TIME = 58,
	OPTION_REBINDING_TIME = 59,
	OPTION_VENDOR_CLASS = 60,
	OPTION_CLIENT_ID = 61,
	OPTION_END = 255,
};

enum dhcp_type { TYPE_ACK = 5 };

enum dhcp_event { EVENT_TRUNCATED, EVENT_MALFORMED };

struct dhcp_option {
	struct bytes data;
	uint8_t code;
};

struct dhcp_header {
	uint8_t opcode, hardware_size;
	uint32_t id;
	uint8_t client_ip[4], assigned_ip[4], next_server_ip[4], relay_ip[4];
	uint8_t hardware[16];
};

struct dhcp_tx {
	struct app_tx common;
	struct dhcp_header header;
	struct dhcp_option *options; /* in the arena, with the message they point into */
	uint32_t option_count;
};

/* ---- Messages ---- */

/* RFC 2131, section 2: up to the magic cookie in front of the options. */
static bool read_header(struct cursor *cur, struct dhcp_header *ret)
{
	uint8_t hardware_type, hops;
	uint32_t magic;

	return cursor_u8(cur, &ret->opcode) && cursor_u8(cur, &hardware_type) && cursor_u8(cur, &ret->hardware_size) &&
	       cursor_u8(cur, &hops) && cursor_u32be(cur, &ret->id) && cursor_skip(cur, 4) &&
	       cursor_copy(cur, 4, ret->client_ip) && cursor_copy(cur, 4, ret->assigned_ip) &&
	       cursor_copy(cur, 4, ret->next_server_ip) && cursor_copy(cur, 4, ret->relay_ip) &&
	       cursor_copy(cur, 16, ret->hardware) && cursor_skip(cur, 64 + 128) && cursor_u32be(cur, &magic) &&
	       magic == MAGIC;
}

/* Numbers and addresses have their size. */
static bool is_well_formed(const struct dhcp_option *option)
{
	switch (option->code) {
	case OPTION_LEASE_TIME:
	case OPTION_RENEWAL_TIME:
	case OPTION_REBINDING_TIME:
	case OPTION_SUBNET_MASK:
	case OPTION_REQUESTED_IP:
		return option->data.size == 4;
	case OPTION_ROUTERS:
	case OPTION_DNS_SERVERS:
		return option->data.size % 4 == 0;
	case OPTION_TYPE:
		return option->data.size == 1;
	case OPTION_CLIENT_ID:
		return option->data.size >= 1;
	default:
		return true;
	}
}

static void read_options(struct app_conn *conn, struct dhcp_tx *tx, struct cursor cur)
{
	for (;;) {
		struct dhcp_option option = { 0 };
		uint8_t size;

		if (!cursor_u8(&cur, &option.code) || tx->option_count == OPTIONS_MAX) {
			app_tx_event(conn, &tx->common, EVENT_TRUNCATED);
			return;
		}
		if (option.code == OPTION_END)
			return;
		if (option.code == OPTION_PAD)
			continue;
		if (!cursor_u8(&cur, &size) || !cursor_take(&cur, size, &option.data)) {
			app_tx_event(conn, &tx->common, EVENT_TRUNCATED);
			return;
		}
		if (is_well_formed(&option))
			tx->options[tx->option_count++] = option;
		else
			app_tx_event(conn, &tx->common, EVENT_MALFORMED);
	}
}

static struct app_result parse_message(struct app_conn *conn, enum sensor_dir dir, const struct app_input *in)
{
	struct dhcp_header header;
	struct cursor cur;
	struct dhcp_tx *tx;
	struct bytes copy;

	cur = cursor_over(in->data);
	if (!read_header(&cur, &header))
		return APP_RESULT_OK;
	tx = (struct dhcp_tx *)app_tx_new(conn, sizeof(*tx), in->now_ns);
	if (!tx)
		return APP_RESULT_ERROR;
	tx->header = header;
	tx->common.dirs_skip = dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	copy = app_tx_dup(&tx->common, cursor_rest(&cur));
	tx->options = app_tx_alloc(&tx->common, OPTIONS_MAX * sizeof(*tx->options));
	if (copy.ptr && tx->options)
		read_options(conn, tx, cursor_over(copy));
	app_tx_progress(conn, &tx->common, dir, DHCP_COMPLETE);
	return APP_RESULT_OK;
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_message(conn, TO_SERVER, in);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_message(conn, TO_CLIENT, in);
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, 1);
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, 1);
}

static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct cursor cur = cursor_over(data);
	struct dhcp_header header;

	return read_header(&cur, &header) ? APP_PROBE_YES : APP_PROBE_NO;
}

static const struct app_port_probe probes[] = {
	{ .ports = "67,68", .transport = 17, .to_server = probe, .to_client = probe },
	{ .transport = 0 },
};

/* ---- Rules ---- */

static const struct dhcp_tx *dhcp_of(const struct app_tx *tx)
{
	return (const struct dhcp_tx *)tx;
}

static const struct dhcp_option *find_option(const struct dhcp_tx *tx, uint8_t code)
{
	for (uint32_t i = 0; i < tx->option_count; i++)
		if (tx->options[i].code == code)
			return &tx->options[i];
	return NULL;
}

static uint32_t seconds_of(const struct dhcp_option *option)
{
	struct cursor cur = cursor_over(option->data);
	uint32_t value = 0;

	return cursor_u32be(&cur, &value) ? value : 0;
}

static bool get_seconds(const struct app_tx *tx, uint8_t code, uint32_t index, uint64_t *ret)
{
	const struct dhcp_option *option = find_option(dhcp_of(tx), code);

	if (!option || index)
		return false;
	*ret = seconds_of(option);
	return true;
}

static bool get_lease(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	return get_seconds(tx, OPTION_LEASE_TIME, index, ret);
}

static bool get_renewal(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	return get_seconds(tx, OPTION_RENEWAL_TIME, index, ret);
}

static bool get_rebinding(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	return get_seconds(tx, OPTION_REBINDING_TIME, index, ret);
}

#define AT_END                                                                                                         \
	{                                                                                                              \
		DHCP_COMPLETE, DHCP_COMPLETE                                                                           \
	}

static const struct app_number numbers[] = {
	{ "dhcp.leasetime", NULL, DIR_BOTH, AT_END, 64, 0, NULL, get_lease },
	{ "dhcp.renewal_time", NULL, DIR_BOTH, AT_END, 64, 0, NULL, get_renewal },
	{ "dhcp.rebinding_time", NULL, DIR_BOTH, AT_END, 64, 0, NULL, get_rebinding },
	{ .name = NULL },
};

static const struct app_event events[] = {
	[EVENT_TRUNCATED] = { .name = "truncated_options" },
	[EVENT_MALFORMED] = { .name = "malformed_options" },
	{ .name = NULL },
};

/* ---- EVE ---- */

static enum sensor_dir log_source(const struct app_tx *tx, const struct conf_node *options)
{
	return tx->dirs_skip == DIR_TO_CLIENT ? TO_SERVER : TO_CLIENT;
}

static void address_text(const uint8_t *address, char text[16])
{
	snprintf(text, 16, "%u.%u.%u.%u", address[0], address[1], address[2], address[3]);
}

static void kv_address(struct jsonw *json, const char *key, const uint8_t *address)
{
	char text[16];

	address_text(address, text);
	jsonw_kv_string(json, key, text);
}

static void kv_addresses(struct jsonw *json, const char *key, struct bytes data)
{
	char text[16];

	jsonw_kv_array_begin(json, key);
	for (; data.size >= 4; data = bytes_skip(data, 4)) {
		address_text(data.ptr, text);
		jsonw_string(json, text);
	}
	jsonw_array_end(json);
}

static void kv_type(struct jsonw *json, uint8_t type)
{
	static const char *const names[] = { NULL, "discover", "offer", "request", "decline", "ack", "nak", "release",
		"inform" };

	jsonw_kv_string(json, "dhcp_type", type && type < ARRAY_COUNT(names) ? names[type] : "unknown");
}

static void kv_parameters(struct jsonw *json, struct bytes data)
{
	static const char *const names[256] = { [1] = "subnet_mask",
		[3] = "router",
		[6] = "dns_server",
		[15] = "domain",
		[35] = "arp_timeout",
		[42] = "ntp_server",
		[66] = "tftp_server_name",
		[150] = "tftp_server_ip" };

	jsonw_kv_array_begin(json, "params");
	for (size_t i = 0; i < data.size; i++)
		if (names[data.ptr[i]])
			jsonw_string(json, names[data.ptr[i]]);
	jsonw_array_end(json);
}

/* A client identifier has the type of hardware in front (RFC 2132, section 9.14). */
static void write_option(struct jsonw *json, const struct dhcp_option *option)
{
	switch (option->code) {
	case OPTION_CLIENT_ID:
		app_json_kv_hex(json, "client_id", bytes_skip(option->data, 1), ':');
		break;
	case OPTION_HOSTNAME:
		if (option->data.size)
			app_json_kv_text(json, "hostname", option->data);
		break;
	case OPTION_TYPE:
		kv_type(json, option->data.ptr[0]);
		break;
	default:
		break;
	}
}

static void write_extended_option(struct jsonw *json, const struct dhcp_option *option)
{
	switch (option->code) {
	case OPTION_LEASE_TIME:
		jsonw_kv_u64(json, "lease_time", seconds_of(option));
		break;
	case OPTION_RENEWAL_TIME:
		jsonw_kv_u64(json, "renewal_time", seconds_of(option));
		break;
	case OPTION_REBINDING_TIME:
		jsonw_kv_u64(json, "rebinding_time", seconds_of(option));
		break;
	case OPTION_PARAMETERS:
		kv_parameters(json, option->data);
		break;
	case OPTION_SUBNET_MASK:
		kv_address(json, "subnet_mask", option->data.ptr);
		break;
	case OPTION_REQUESTED_IP:
		kv_address(json, "requested_ip", option->data.ptr);
		break;
	case OPTION_ROUTERS:
		kv_addresses(json, "routers", option->data);
		break;
	case OPTION_DNS_SERVERS:
		kv_addresses(json, "dns_servers", option->data);
		break;
	case OPTION_VENDOR_CLASS:
		app_json_kv_text(json, "vendor_class_identifier", option->data);
		break;
	default:
		break;
	}
}

/* An option that comes twice would be a key twice. */
static bool is_first(const struct dhcp_tx *tx, const struct dhcp_option *option)
{
	return find_option(tx, option->code) == option;
}

static bool write_record(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct dhcp_tx *dhcp = dhcp_of(tx);
	const struct dhcp_header *header = &dhcp->header;
	const struct dhcp_option *type = find_option(dhcp, OPTION_TYPE);
	bool extended = conf_bool(alert ? NULL : tx->conn->log_options, "extended", alert);
	size_t hardware_size = header->hardware_size < 16 ? header->hardware_size : 16;

	/* What matters most, unless all is wanted, is who got which address. */
	if (!extended && (!type || type->data.ptr[0] != TYPE_ACK))
		return false;
	jsonw_kv_string(json, "type",
		header->opcode == OPCODE_REQUEST ? "request"
		: header->opcode == OPCODE_REPLY ? "reply"
						 : "<unknown>");
	jsonw_kv_u64(json, "id", header->id);
	app_json_kv_hex(json, "client_mac", bytes_of(header->hardware, hardware_size), ':');
	kv_address(json, "assigned_ip", header->assigned_ip);
	if (extended)
		kv_address(json, "client_ip", header->client_ip);
	if (extended && header->opcode == OPCODE_REPLY) {
		kv_address(json, "relay_ip", header->relay_ip);
		kv_address(json, "next_server_ip", header->next_server_ip);
	}
	for (uint32_t i = 0; i < dhcp->option_count; i++) {
		if (!is_first(dhcp, &dhcp->options[i]))
			continue;
		write_option(json, &dhcp->options[i]);
		if (extended)
			write_extended_option(json, &dhcp->options[i]);
	}
	return true;
}

const struct app_protocol app_protocol_dhcp = {
	.name = "dhcp",
	.event_type = "dhcp",
	.log_key = "dhcp",
	.transports = APP_UDP,
	.complete = { DHCP_COMPLETE, DHCP_COMPLETE },
	.probes = probes,
	.numbers = numbers,
	.events = events,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log_source = log_source,
	.log = write_record,
};
