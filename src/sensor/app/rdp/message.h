// SPDX-License-Identifier: Apache-2.0
/* What RDP says before it is encrypted (MS-RDPBCGR, section 2.2.1): connection requests and answers of X.224, and the
 * client's data in the connect request of T.125.
 *
 * Functions of bytes: views point into the input, texts lie in the given arena. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"

enum { RDP_CHANNELS_MAX = 31 };

enum rdp_kind {
	RDP_OTHER, /* nothing that is shown */
	RDP_INITIAL_REQUEST,
	RDP_INITIAL_RESPONSE,
	RDP_CONNECT_REQUEST,
	RDP_CONNECT_RESPONSE,
	RDP_TLS_HANDSHAKE
};

/* TS_UD_CS_CORE (section 2.2.1.3.2): how much of it there is varies, 'has' says. */
struct rdp_client {
	bool has, has_depth, has_product, has_serial, has_capabilities, has_id, has_connection, has_physical, has_scale;
	uint32_t version, keyboard_layout, build, keyboard_type, keyboard_subtype, function_keys, serial;
	uint16_t width, height, depth, product, capabilities;
	uint8_t connection;
	uint32_t physical_width, physical_height, scale, device_scale;
	uint16_t orientation;
	struct bytes name, ime, id; /* UTF-8 */
};

struct rdp_message {
	uint8_t kind; /* enum rdp_kind */
	struct bytes cookie; /* null pointer: none */
	bool has_negotiation, failed;
	uint8_t flags; /* of the negotiation */
	uint32_t protocol; /* asked for or chosen; the error code when it failed */
	struct rdp_client client;
	uint8_t channel_count;
	struct bytes channels[RDP_CHANNELS_MAX];
};

/* The size of the packet at the front (TPKT, RFC 1006); 0: more bytes are needed; -1: it is none. */
int rdp_packet_size(struct bytes in);
/* A whole packet. 0, LUYTRE_E_SYNTAX, LUYTRE_E_NOMEM. */
MUST_CHECK int rdp_message_read(struct bytes packet, struct arena *arena, struct rdp_message *ret);

/* Names for EVE; null: unknown. */
const char *rdp_build_name(uint32_t build);
const char *rdp_layout_name(uint32_t layout);
