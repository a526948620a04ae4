// SPDX-License-Identifier: Apache-2.0
/* Modbus in EVE. */
#include <stdio.h>
#include <string.h>

#include "sensor/app/json.h"
#include "sensor/app/modbus/modbus.h"

enum { FLAGS_TEXT_SIZE = 128 };

static const char *const function_names[] = { [1] = "RdCoils",
	[2] = "RdDiscreteInputs",
	[3] = "RdHoldRegs",
	[4] = "RdInputRegs",
	[5] = "WrSingleCoil",
	[6] = "WrSingleReg",
	[7] = "RdExcStatus",
	[8] = "Diagnostic",
	[9] = "Program484",
	[10] = "Poll484",
	[11] = "GetCommEventCtr",
	[12] = "GetCommEventLog",
	[13] = "ProgramController",
	[14] = "PollController",
	[15] = "WrMultCoils",
	[16] = "WrMultRegs",
	[17] = "ReportServerID",
	[18] = "Program884",
	[19] = "ResetCommLink",
	[20] = "RdFileRec",
	[21] = "WrFileRec",
	[22] = "MaskWrReg",
	[23] = "RdWrMultRegs",
	[24] = "RdFIFOQueue",
	[43] = "MEI" };

static const char *const access_names[] = { "READ", "WRITE", "DISCRETES", "COILS", "INPUT", "HOLDING", "SINGLE",
	"MULTIPLE" };
static const char *const category_names[] = { "PUBLIC_UNASSIGNED", "PUBLIC_ASSIGNED", "USER", "RESERVED" };
static const char *const error_names[] = { "DATA_VALUE", "DATA_LENGTH", "EXC_CODE", "FUNC_CODE", "PROTO_ID" };

static const char *const diagnostic_names[] = { [0] = "RetQueryData",
	[1] = "RestartCommOpt",
	[2] = "RetDiagReg",
	[3] = "ChangeInputDelimiter",
	[4] = "ForceListenOnlyMode",
	[10] = "ClearCtrDiagReg",
	[11] = "RetBusMsgCount",
	[12] = "RetBusCommErrCount",
	[13] = "RetBusExcErrCount",
	[14] = "RetServerMsgCount",
	[15] = "RetServerNoRespCount",
	[16] = "RetServerNAKCount",
	[17] = "RetServerBusyCount",
	[18] = "RetBusCharOverrunCount",
	[20] = "ClearOverrunCounterFlag" };

static const char *const exception_names[] = { [1] = "IllegalFunction",
	[2] = "IllegalDataAddress",
	[3] = "IllegalDataValue",
	[4] = "ServerDeviceFail",
	[5] = "Ack",
	[6] = "ServerDeviceBusy",
	[7] = "NegAck",
	[8] = "MemParityErr",
	[10] = "GatewayPathUnavailable",
	[11] = "GatewayTargetFailToResp" };

static const char *const mei_names[] = { [13] = "CANopenGenRefReqResp", [14] = "RdDevId" };

static void log_name(struct jsonw *json, const char *key, const char *const *names, size_t count, unsigned int number)
{
	jsonw_kv_string(json, key, number < count && names[number] ? names[number] : "Unknown");
}

static void log_flags(struct jsonw *json, const char *key, const char *const *names, size_t count, unsigned int bits)
{
	char text[FLAGS_TEXT_SIZE];
	size_t used = 0;

	snprintf(text, sizeof(text), "NONE");
	for (unsigned int i = 0; i < count; i++)
		if (bits >> i & 1)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? " | " : "", names[i]);
	jsonw_kv_string(json, key, text);
}

static void log_code(struct jsonw *json, const struct modbus_message *message)
{
	bool diagnostic = message->function == MODBUS_DIAGNOSTIC;

	jsonw_kv_object_begin(json, diagnostic ? "diagnostic" : "mei");
	jsonw_kv_u64(json, "raw", message->code);
	if (diagnostic)
		log_name(json, "code", diagnostic_names, ARRAY_COUNT(diagnostic_names), message->code);
	else
		log_name(json, "code", mei_names, ARRAY_COUNT(mei_names), message->code);
	app_json_kv_hex(json, "data", message->data, 0);
	jsonw_object_end(json);
}

static void log_exception(struct jsonw *json, const struct modbus_message *message)
{
	jsonw_kv_object_begin(json, "exception");
	jsonw_kv_u64(json, "raw", message->exception_code);
	log_name(json, "code", exception_names, ARRAY_COUNT(exception_names), message->exception_code);
	jsonw_object_end(json);
}

static void log_write(struct jsonw *json, const struct modbus_message *message)
{
	jsonw_kv_object_begin(json, "write");
	jsonw_kv_u64(json, "address", message->write_address);
	if (message->access & MODBUS_MULTIPLE)
		jsonw_kv_u64(json, "quantity", message->write_quantity);
	if (message->function == MODBUS_MASK_WRITE) {
		jsonw_kv_u64(json, "and_mask", (uint64_t)message->data.ptr[0] << 8 | message->data.ptr[1]);
		jsonw_kv_u64(json, "or_mask", (uint64_t)message->data.ptr[2] << 8 | message->data.ptr[3]);
	} else if (message->access & MODBUS_SINGLE) {
		jsonw_kv_u64(json, "data", (uint64_t)message->data.ptr[0] << 8 | message->data.ptr[1]);
	} else if (message->data.size != 0) {
		app_json_kv_hex(json, "data", message->data, 0);
	}
	jsonw_object_end(json);
}

static void log_read(struct jsonw *json, const struct modbus_message *message)
{
	jsonw_kv_object_begin(json, "read");
	if (message->has_read) {
		jsonw_kv_u64(json, "address", message->read_address);
		jsonw_kv_u64(json, "quantity", message->read_quantity);
	} else {
		app_json_kv_hex(json, "data", message->data, 0);
	}
	jsonw_object_end(json);
}

static void log_message(struct jsonw *json, const char *key, const struct modbus_message *message)
{
	if (!message->present)
		return;
	jsonw_kv_object_begin(json, key);
	jsonw_kv_u64(json, "transaction_id", message->transaction);
	jsonw_kv_u64(json, "protocol_id", message->protocol);
	jsonw_kv_u64(json, "unit_id", message->unit);
	jsonw_kv_u64(json, "function_raw", message->function | (message->exception ? MODBUS_EXCEPTION : 0u));
	log_name(json, "function_code", function_names, ARRAY_COUNT(function_names), message->function);
	log_flags(json, "access_type", access_names, ARRAY_COUNT(access_names), message->access);
	log_flags(json, "category", category_names, ARRAY_COUNT(category_names), message->category);
	log_flags(json, "error_flags", error_names, ARRAY_COUNT(error_names), message->errors);
	if (message->exception)
		log_exception(json, message);
	else if (message->has_code)
		log_code(json, message);
	else if (message->has_read ||
		 ((message->access & MODBUS_READ) && !message->has_write && message->data.size != 0))
		log_read(json, message);
	else if (!message->has_write && message->data.size != 0)
		app_json_kv_hex(json, "data", message->data, 0);
	if (message->has_write && !message->exception)
		log_write(json, message);
	jsonw_object_end(json);
}

bool modbus_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct modbus_tx *modbus = (const struct modbus_tx *)tx;

	jsonw_kv_u64(json, "id", tx->id + 1);
	log_message(json, "request", &modbus->request);
	log_message(json, "response", &modbus->response);
	return true;
}
