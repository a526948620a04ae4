// SPDX-License-Identifier: Apache-2.0
/* Operators that compare integers. What is beyond 64 bits counts as the largest, or smallest, that fits. */
#include "gate/operator/operator-internal.h"

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

int64_t operator_number(struct bytes text)
{
	bool negative = false;
	uint64_t number = 0;
	size_t i = 0;

	while (i < text.size && is_blank(text.ptr[i]))
		i++;
	if (i < text.size && (text.ptr[i] == '-' || text.ptr[i] == '+'))
		negative = text.ptr[i++] == '-';
	for (; i < text.size && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
		if (number > ((uint64_t)INT64_MAX - 9) / 10)
			return negative ? INT64_MIN : INT64_MAX;
		number = number * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	return negative ? -(int64_t)number : (int64_t)number;
}

OPERATOR_MATCH(operator_eq)
{
	return operator_number(value) == operator_number(parameter) && operator_found(call, value);
}

OPERATOR_MATCH(operator_ge)
{
	return operator_number(value) >= operator_number(parameter) && operator_found(call, value);
}

OPERATOR_MATCH(operator_gt)
{
	return operator_number(value) > operator_number(parameter) && operator_found(call, value);
}

OPERATOR_MATCH(operator_le)
{
	return operator_number(value) <= operator_number(parameter) && operator_found(call, value);
}

OPERATOR_MATCH(operator_lt)
{
	return operator_number(value) < operator_number(parameter) && operator_found(call, value);
}
