// SPDX-License-Identifier: Apache-2.0
/* Modbus over TCP ("MODBUS Application Protocol Specification V1.1b3", "MODBUS Messaging on TCP/IP V1.0b"): what the
 * files of this folder share. A transaction is a request with its response, found by the transaction identifier. */
#pragma once

#include "sensor/app/app.h"
#include "sensor/rules/keyword.h"

enum {
	MODBUS_COMPLETE = 1,
	MODBUS_UNANSWERED_MAX = 500, /* default of "request-flood" */
};

enum modbus_access {
	MODBUS_READ = 1 << 0,
	MODBUS_WRITE = 1 << 1,
	MODBUS_DISCRETES = 1 << 2,
	MODBUS_COILS = 1 << 3,
	MODBUS_INPUT = 1 << 4,
	MODBUS_HOLDING = 1 << 5,
	MODBUS_SINGLE = 1 << 6,
	MODBUS_MULTIPLE = 1 << 7,
};

#define MODBUS_TABLES (MODBUS_DISCRETES | MODBUS_COILS | MODBUS_INPUT | MODBUS_HOLDING)

enum modbus_category {
	MODBUS_PUBLIC_UNASSIGNED = 1 << 0,
	MODBUS_PUBLIC_ASSIGNED = 1 << 1,
	MODBUS_USER = 1 << 2,
	MODBUS_RESERVED = 1 << 3,
};

enum modbus_error {
	MODBUS_ERROR_VALUE = 1 << 0,
	MODBUS_ERROR_LENGTH = 1 << 1,
	MODBUS_ERROR_EXCEPTION = 1 << 2,
	MODBUS_ERROR_FUNCTION = 1 << 3,
	MODBUS_ERROR_PROTOCOL = 1 << 4,
};

enum modbus_function {
	MODBUS_WRITE_COIL = 5,
	MODBUS_WRITE_REGISTER = 6,
	MODBUS_DIAGNOSTIC = 8,
	MODBUS_WRITE_COILS = 15,
	MODBUS_WRITE_REGISTERS = 16,
	MODBUS_MASK_WRITE = 22,
	MODBUS_READ_WRITE = 23,
	MODBUS_MEI = 43,
	MODBUS_EXCEPTION = 0x80, /* added to the function of the request */
};

struct modbus_message {
	bool present;
	uint16_t transaction, protocol;
	uint8_t unit, function; /* without the bit of an exception */
	bool exception;
	uint8_t exception_code;
	uint8_t access, category, errors; /* bits of the enumerations above */
	bool has_read, has_write, has_code;
	uint16_t read_address, read_quantity;
	uint16_t write_address, write_quantity;
	uint16_t code; /* sub-function of a diagnosis, type of an MEI */
	struct bytes data; /* written, or read, or whatever is behind the code */
};

struct modbus_tx {
	struct app_tx common;
	struct modbus_message request, response;
};

enum modbus_event {
	MODBUS_EVENT_INVALID_PROTOCOL_ID,
	MODBUS_EVENT_UNSOLICITED_RESPONSE,
	MODBUS_EVENT_INVALID_LENGTH,
	MODBUS_EVENT_INVALID_UNIT_IDENTIFIER,
	MODBUS_EVENT_INVALID_FUNCTION_CODE,
	MODBUS_EVENT_INVALID_VALUE,
	MODBUS_EVENT_INVALID_EXCEPTION_CODE,
	MODBUS_EVENT_VALUE_MISMATCH,
	MODBUS_EVENT_FLOODED,
};

/* ---- message.c ---- */

/* Reads one message behind its length: unit, function, data. 'request' is that of a response, or null. */
void modbus_message_read(
	struct modbus_message *message, struct bytes in, bool response, const struct modbus_message *request);

/* ---- rules.c, log.c ---- */

extern const struct rule_keyword modbus_keywords[];
bool modbus_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);
