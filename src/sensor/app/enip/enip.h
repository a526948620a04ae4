// SPDX-License-Identifier: Apache-2.0
/* EtherNet/IP with CIP (ODVA, "The CIP Networks Library", volumes 1 and 2): what the files of this folder share.
 *
 * A transaction is a command with its answer, found by the session and the sender's context. All numbers are
 * little-endian. A message of CIP may hold several: they are kept in one list, in order. */
#pragma once

#include "base/cursor.h"
#include "sensor/app/app.h"
#include "sensor/rules/keyword.h"

enum {
	ENIP_COMPLETE = 1,
	ENIP_HEADER_SIZE = 24,
	ENIP_CIP_MAX = 128, /* of one message */
	ENIP_PATH_MAX = 16, /* segments of one path */
	ENIP_ATTRIBUTES_MAX = 32,
	ENIP_ITEMS_MAX = 16,
};

enum enip_command {
	ENIP_NOP = 0x00,
	ENIP_LIST_SERVICES = 0x04,
	ENIP_LIST_IDENTITY = 0x63,
	ENIP_LIST_INTERFACES = 0x64,
	ENIP_REGISTER_SESSION = 0x65,
	ENIP_UNREGISTER_SESSION = 0x66,
	ENIP_SEND_RR_DATA = 0x6f,
	ENIP_SEND_UNIT_DATA = 0x70,
};

enum enip_segment_type { ENIP_SEGMENT_CLASS, ENIP_SEGMENT_INSTANCE, ENIP_SEGMENT_ATTRIBUTE };

struct enip_segment {
	uint8_t type; /* enum enip_segment_type */
	uint32_t value;
};

struct enip_cip {
	struct enip_cip *next;
	uint8_t service; /* without the bit of a response */
	bool response;
	uint8_t status;
	bool has_extended;
	uint16_t extended_status;
	uint32_t segment_count, attribute_count;
	struct enip_segment segments[ENIP_PATH_MAX];
	uint16_t attributes[ENIP_ATTRIBUTES_MAX]; /* that a request lists */
};

struct enip_identity {
	uint16_t protocol_version, vendor, device_type, product_code, revision, status;
	uint32_t serial;
	uint8_t state;
	struct bytes name;
};

struct enip_message {
	bool present;
	uint16_t command, length;
	uint32_t session, status, options;
	uint8_t context[8];
	bool has_version; /* RegisterSession, ListServices, ListIdentity */
	uint16_t version, register_options;
	bool has_identity, has_service;
	struct enip_identity identity;
	uint16_t capabilities;
	struct bytes service_name;
	struct enip_cip *first, *last;
	uint32_t cip_count;
};

struct enip_tx {
	struct app_tx common;
	struct enip_message message[SENSOR_DIRS];
};

enum enip_frame { ENIP_FRAME_HDR, ENIP_FRAME_DATA, ENIP_FRAME_PDU, ENIP_FRAME_CIP, ENIP_FRAME_ITEM };

/* ---- message.c ---- */

/* Reads the data behind the header of 'message'; 'body' is the transaction's copy, 'origin' the same bytes in the input,
 * for frames. False: it is not what the command says. */
bool enip_message_read(
	struct app_conn *conn, struct enip_tx *tx, enum sensor_dir dir, struct bytes body, const uint8_t *origin);

/* ---- rules.c, log.c ---- */

extern const struct app_buffer enip_buffers[];
extern const struct app_number enip_numbers[];
extern const struct rule_keyword enip_keywords[];
extern const struct app_name_value enip_command_names[], enip_status_names[];
bool enip_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);
