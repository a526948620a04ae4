// SPDX-License-Identifier: Apache-2.0
/* Whatever a reader accepts, the exact writer of its kind must give back as the same number. */
#include <assert.h>
#include <stdint.h>

#include "base/units.h"

static const struct {
	int (*parse)(struct bytes text, uint64_t *ret);
	const char *(*format)(uint64_t value, char text[UNITS_TEXT_SIZE]);
} kinds[] = {
	{ units_parse_duration, units_format_duration },
	{ units_parse_size, units_format_size },
	{ units_parse_count, units_format_count },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	char text[UNITS_TEXT_SIZE];
	uint64_t value, again;

	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		if (kinds[i].parse(in, &value) < 0)
			continue;
		kinds[i].format(value, text);
		assert(kinds[i].parse(bytes_from_str(text), &again) == 0 && again == value);
		units_human_count(value, text);
		units_human_size(value, text);
	}
	/* A rate is a count with a word behind it. */
	if (units_parse_rate(in, "pps", &value) == 0)
		assert(units_parse_count(bytes_first(in, size - 3), &again) == 0 && again == value);
	return 0;
}
