// SPDX-License-Identifier: Apache-2.0
/* Operators that compare texts byte by byte, with regard to case. Their parameter may be expanded anew for each request, so
 * nothing is compiled. */
#include "gate/operator/operator-internal.h"

/* Where 'needle' first stands in 'in'; null when it does not. The empty one stands everywhere. */
static const uint8_t *find(struct bytes in, struct bytes needle)
{
	if (needle.size == 0)
		return in.ptr ? in.ptr : (const uint8_t *)"";
	return in.size == 0 ? NULL : memmem(in.ptr, in.size, needle.ptr, needle.size);
}

OPERATOR_MATCH(operator_begins_with)
{
	return bytes_starts_with(value, parameter) && operator_found(call, bytes_first(value, parameter.size));
}

OPERATOR_MATCH(operator_ends_with)
{
	struct bytes end;

	if (value.size < parameter.size)
		return false;
	end = parameter.size == value.size ? value : bytes_skip(value, value.size - parameter.size);
	return bytes_equal(end, parameter) && operator_found(call, end);
}

OPERATOR_MATCH(operator_contains)
{
	const uint8_t *place = find(value, parameter);

	return place && operator_found(call, bytes_of(place, parameter.size));
}

static bool is_letter(uint8_t byte)
{
	uint8_t lower = byte | 0x20;

	return lower >= 'a' && lower <= 'z';
}

/* A word ends where no letter follows: digits and underscores do not belong to it. */
static bool is_word(struct bytes value, size_t start, size_t size)
{
	if (start > 0 && is_letter(value.ptr[start - 1]))
		return false;
	return start + size >= value.size || !is_letter(value.ptr[start + size]);
}

OPERATOR_MATCH(operator_contains_word)
{
	size_t start = 0;

	if (parameter.size == 0)
		return operator_found(call, bytes_first(value, 0));
	while (start < value.size) {
		const uint8_t *place = find(bytes_skip(value, start), parameter);

		if (!place)
			return false;
		if (is_word(value, (size_t)(place - value.ptr), parameter.size))
			return operator_found(call, bytes_of(place, parameter.size));
		start = (size_t)(place - value.ptr) + 1;
	}
	return false;
}

OPERATOR_MATCH(operator_streq)
{
	return bytes_equal(value, parameter) && operator_found(call, value);
}

OPERATOR_MATCH(operator_within)
{
	return find(parameter, value) && operator_found(call, value);
}

OPERATOR_MATCH(operator_always)
{
	return operator_found(call, value);
}

OPERATOR_MATCH(operator_never)
{
	return false;
}
