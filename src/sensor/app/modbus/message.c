// SPDX-License-Identifier: Apache-2.0
/* What stands in a message, by its function (V1.1b3, section 6). */
#include "base/cursor.h"
#include "sensor/app/modbus/modbus.h"

enum layout {
	LAYOUT_NONE,
	LAYOUT_READ, /* address, quantity; answer: size and data */
	LAYOUT_WRITE_ONE, /* address, value; the answer is an echo */
	LAYOUT_WRITE_MANY, /* address, quantity, size, values; answer: address, quantity */
	LAYOUT_MASK_WRITE, /* address, two masks; the answer is an echo */
	LAYOUT_READ_WRITE, /* read address and quantity, write address and quantity, size, values */
	LAYOUT_DIAGNOSTIC, /* code, data; the answer is an echo or a value */
	LAYOUT_MEI, /* type, data */
};

enum { ASSIGNED = 1, FUNCTION_COUNT = 128, DIAGNOSTIC_LAST = 20 };

static const struct {
	uint8_t layout, access, known;
	uint16_t quantity_max;
} functions[FUNCTION_COUNT] = {
	[1] = { LAYOUT_READ, MODBUS_READ | MODBUS_COILS, ASSIGNED, 2000 },
	[2] = { LAYOUT_READ, MODBUS_READ | MODBUS_DISCRETES, ASSIGNED, 2000 },
	[3] = { LAYOUT_READ, MODBUS_READ | MODBUS_HOLDING, ASSIGNED, 125 },
	[4] = { LAYOUT_READ, MODBUS_READ | MODBUS_INPUT, ASSIGNED, 125 },
	[MODBUS_WRITE_COIL] = { LAYOUT_WRITE_ONE, MODBUS_WRITE | MODBUS_COILS | MODBUS_SINGLE, ASSIGNED, 0 },
	[MODBUS_WRITE_REGISTER] = { LAYOUT_WRITE_ONE, MODBUS_WRITE | MODBUS_HOLDING | MODBUS_SINGLE, ASSIGNED, 0 },
	[7] = { LAYOUT_NONE, 0, ASSIGNED, 0 },
	[MODBUS_DIAGNOSTIC] = { LAYOUT_DIAGNOSTIC, 0, ASSIGNED, 0 },
	[11] = { LAYOUT_NONE, 0, ASSIGNED, 0 },
	[12] = { LAYOUT_NONE, 0, ASSIGNED, 0 },
	[MODBUS_WRITE_COILS] = { LAYOUT_WRITE_MANY, MODBUS_WRITE | MODBUS_COILS | MODBUS_MULTIPLE, ASSIGNED, 1968 },
	[MODBUS_WRITE_REGISTERS] = { LAYOUT_WRITE_MANY, MODBUS_WRITE | MODBUS_HOLDING | MODBUS_MULTIPLE, ASSIGNED,
		123 },
	[17] = { LAYOUT_NONE, 0, ASSIGNED, 0 },
	[20] = { LAYOUT_NONE, MODBUS_READ, ASSIGNED, 0 },
	[21] = { LAYOUT_NONE, MODBUS_WRITE, ASSIGNED, 0 },
	[MODBUS_MASK_WRITE] = { LAYOUT_MASK_WRITE, MODBUS_WRITE | MODBUS_HOLDING, ASSIGNED, 0 },
	[MODBUS_READ_WRITE] = { LAYOUT_READ_WRITE, MODBUS_READ | MODBUS_WRITE | MODBUS_HOLDING | MODBUS_MULTIPLE,
		ASSIGNED, 125 },
	[24] = { LAYOUT_NONE, 0, ASSIGNED, 0 },
	[MODBUS_MEI] = { LAYOUT_MEI, 0, ASSIGNED, 0 },
};

/* V1.1b3, section 5.1 and annex A. */
static uint8_t category_of(const struct modbus_message *message)
{
	static const uint8_t reserved[] = { 9, 10, 13, 14, 41, 42, 90, 91, 125, 126, 127 };
	uint8_t function = message->function;

	if (function == MODBUS_DIAGNOSTIC && message->has_code)
		return message->code <= 4 || (message->code >= 10 && message->code <= 18) ||
				       message->code == DIAGNOSTIC_LAST
			       ? MODBUS_PUBLIC_ASSIGNED
			       : MODBUS_RESERVED;
	if (function == MODBUS_MEI && message->has_code)
		return message->code == 13 || message->code == 14 ? MODBUS_PUBLIC_ASSIGNED : MODBUS_RESERVED;
	for (size_t i = 0; i < sizeof(reserved); i++)
		if (reserved[i] == function)
			return MODBUS_RESERVED;
	if ((function >= 65 && function <= 72) || (function >= 100 && function <= 110))
		return MODBUS_USER;
	return functions[function].known ? MODBUS_PUBLIC_ASSIGNED : MODBUS_PUBLIC_UNASSIGNED;
}

static bool quantity_is_good(uint16_t quantity, uint16_t max)
{
	return quantity != 0 && quantity <= max;
}

static bool has_tables(const struct modbus_message *message, uint8_t tables)
{
	return (functions[message->function].access & tables) != 0;
}

static size_t data_size(const struct modbus_message *message, uint16_t quantity)
{
	return has_tables(message, MODBUS_COILS | MODBUS_DISCRETES) ? (quantity + 7u) / 8u : 2u * quantity;
}

static bool read_sized_data(struct modbus_message *message, struct cursor *cur, uint16_t quantity)
{
	uint8_t size;

	if (!cursor_u8(cur, &size) || !cursor_take(cur, size, &message->data))
		return false;
	if (size != data_size(message, quantity))
		message->errors |= MODBUS_ERROR_VALUE;
	return true;
}

static bool read_pair(struct cursor *cur, uint16_t *first, uint16_t *second)
{
	return cursor_u16be(cur, first) && cursor_u16be(cur, second);
}

static bool read_write_one(struct modbus_message *message, struct cursor *cur)
{
	message->has_write = cursor_u16be(cur, &message->write_address) && cursor_take(cur, 2, &message->data);
	message->write_quantity = 1;
	if (message->has_write && message->function == MODBUS_WRITE_COIL &&
		((message->data.ptr[0] != 0 && message->data.ptr[0] != 0xff) || message->data.ptr[1] != 0))
		message->errors |= MODBUS_ERROR_VALUE;
	return message->has_write;
}

static bool read_request(struct modbus_message *message, struct cursor *cur)
{
	uint16_t most = functions[message->function].quantity_max;

	switch (functions[message->function].layout) {
	case LAYOUT_READ:
		message->has_read = read_pair(cur, &message->read_address, &message->read_quantity);
		if (message->has_read && !quantity_is_good(message->read_quantity, most))
			message->errors |= MODBUS_ERROR_VALUE;
		return message->has_read;
	case LAYOUT_WRITE_MANY:
		message->has_write = read_pair(cur, &message->write_address, &message->write_quantity);
		if (message->has_write && !quantity_is_good(message->write_quantity, most))
			message->errors |= MODBUS_ERROR_VALUE;
		return message->has_write && read_sized_data(message, cur, message->write_quantity);
	case LAYOUT_READ_WRITE:
		message->has_read = read_pair(cur, &message->read_address, &message->read_quantity);
		message->has_write =
			message->has_read && read_pair(cur, &message->write_address, &message->write_quantity);
		if (message->has_write && !quantity_is_good(message->read_quantity, most))
			message->errors |= MODBUS_ERROR_VALUE;
		return message->has_write && read_sized_data(message, cur, message->write_quantity);
	default:
		return true;
	}
}

static bool read_response(struct modbus_message *message, struct cursor *cur, const struct modbus_message *request)
{
	switch (functions[message->function].layout) {
	case LAYOUT_READ:
	case LAYOUT_READ_WRITE:
		if (!request)
			return cursor_skip(cur, cursor_left(cur));
		return read_sized_data(message, cur, request->read_quantity);
	case LAYOUT_WRITE_MANY:
		message->has_write = read_pair(cur, &message->write_address, &message->write_quantity);
		return message->has_write;
	default:
		return true;
	}
}

/* What requests and responses have in common. */
static bool read_common(struct modbus_message *message, struct cursor *cur)
{
	uint8_t type;

	switch (functions[message->function].layout) {
	case LAYOUT_WRITE_ONE:
		return read_write_one(message, cur);
	case LAYOUT_MASK_WRITE:
		message->has_write = cursor_u16be(cur, &message->write_address) && cursor_take(cur, 4, &message->data);
		message->write_quantity = 1;
		return message->has_write;
	case LAYOUT_DIAGNOSTIC:
		message->has_code = cursor_u16be(cur, &message->code);
		break;
	case LAYOUT_MEI:
		message->has_code = cursor_u8(cur, &type);
		message->code = message->has_code ? type : 0;
		break;
	case LAYOUT_NONE:
		break;
	default:
		return true;
	}
	return (functions[message->function].layout == LAYOUT_NONE || message->has_code) &&
	       cursor_take(cur, cursor_left(cur), &message->data);
}

static bool read_exception(struct modbus_message *message, struct cursor *cur)
{
	if (!cursor_u8(cur, &message->exception_code))
		return false;
	if (message->exception_code == 0 || message->exception_code > 11 || message->exception_code == 9)
		message->errors |= MODBUS_ERROR_EXCEPTION;
	return true;
}

void modbus_message_read(
	struct modbus_message *message, struct bytes in, bool response, const struct modbus_message *request)
{
	struct cursor cur = cursor_over(in);
	uint8_t function = 0;
	bool good;

	message->present = true;
	if (!cursor_u8(&cur, &message->unit) || !cursor_u8(&cur, &function)) {
		message->errors |= MODBUS_ERROR_LENGTH;
		return;
	}
	message->function = function & (FUNCTION_COUNT - 1);
	message->exception = function & MODBUS_EXCEPTION;
	message->access = functions[message->function].access;
	if (message->exception)
		good = read_exception(message, &cur);
	else
		good = read_common(message, &cur) &&
		       (response ? read_response(message, &cur, request) : read_request(message, &cur));
	if (!good || cursor_left(&cur) != 0)
		message->errors |= MODBUS_ERROR_LENGTH;
	message->category = category_of(message);
	if (message->function == 0)
		message->errors |= MODBUS_ERROR_FUNCTION;
}
