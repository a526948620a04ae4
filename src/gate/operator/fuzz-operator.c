// SPDX-License-Identifier: Apache-2.0
/* The first byte chooses the operator, the rest up to a line end is its parameter and what follows the value. Operators that read
 * files are left out: their lists go through the same functions. */
#include <stdlib.h>

#include "gate/operator/operator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool reads_files(const struct operator* operator)
{
	static const char *const names[] = { "ipMatchF", "ipMatchFromFile", "pmFromFile", "pmf", "validateDTD",
		"validateSchema" };

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (strcmp(operator->name, names[i]) == 0)
			return true;
	}
	return false;
}

static void check_place(struct bytes value, struct bytes place)
{
	if (place.size != 0 && (place.ptr < value.ptr || place.ptr + place.size > value.ptr + value.size))
		abort();
}

static void run(const struct operator* operator, struct bytes parameter, struct bytes value)
{
	struct operator_setup setup = { .steps_max = 1000, .depth_max = 100 };
	struct match_scratch *scratch = match_scratch_new();
	struct operator_call call = { .scratch = scratch, .capture = true };
	char message[OPERATOR_MESSAGE_SIZE] = "";
	struct arena arena;
	void *compiled = NULL;
	int error = operator->compile ? operator->compile(&setup, parameter, message, &compiled) : 0;

	arena_init(&arena, 4096);
	call.arena = &arena;
	if (scratch && error == 0 && operator_prepare(operator, compiled, scratch) == 0 &&
				     operator->match(compiled, parameter, value, &call)) {
		check_place(value, call.matched);
		if (call.capture_count > OPERATOR_CAPTURES_MAX)
			abort();
	}
	if (error == 0 && operator->free)
		operator->free(compiled);
	arena_done(&arena);
	match_scratch_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct operator* operator;
	struct bytes rest, parameter;

	if (size == 0)
		return 0;
	operator= & operators[data[0] % operator_count];
	if (reads_files(operator))
		return 0;
	rest = bytes_of(data + 1, size - 1);
	parameter = bytes_first(rest, bytes_index(rest, '\n'));
	run(operator, parameter, bytes_skip(rest, parameter.size + 1));
	return 0;
}
