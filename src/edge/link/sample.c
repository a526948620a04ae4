// SPDX-License-Identifier: Apache-2.0
#include "edge/link/sample.h"

#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"

static bool has(struct bytes line, const char *text)
{
	return memmem(line.ptr, line.size, text, strlen(text)) != NULL;
}

/* Within a string of the event the quotes would be escaped. */
bool sample_is_ordinary(struct bytes line)
{
	static const char *const types[] = { "\"event_type\":\"http\"", "\"event_type\":\"tls\"",
		"\"event_type\":\"flow\"" };

	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		if (has(line, types[i]))
			return !has(line, "\"alerted\":true");
	}
	return false;
}

bool sample_takes(struct sample *sample, uint32_t per_s, uint64_t now_ns)
{
	uint64_t second = now_ns / NS_PER_S, chance;

	if (second != sample->second) {
		sample->seen_before = second == sample->second + 1 ? sample->seen : 0;
		sample->second = second;
		sample->seen = sample->taken = 0;
	}
	sample->seen += sample->seen < UINT32_MAX;
	if (sample->taken >= per_s)
		return false;
	sample->asked++;
	chance = siphash24(sample->key, &sample->asked, sizeof(sample->asked));
	if (sample->seen_before > per_s && chance % sample->seen_before >= per_s)
		return false;
	sample->taken++;
	return true;
}
