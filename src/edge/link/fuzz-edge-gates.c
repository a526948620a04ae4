// SPDX-License-Identifier: Apache-2.0
/* Words of web servers about holds, a line each: whatever comes, the table stays within its bounds and its sums are those of its rows. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "edge/link/gates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gates gates;
	struct bytes text = bytes_of(data, size);
	uint64_t standing = 0;
	struct gates_sum sum;

	gates = (struct gates){ 0 };
	while (text.size) {
		struct bytes line = bytes_first(text, bytes_index(text, '\n'));
		uint64_t words = gates.words;

		if (gates_take(&gates, line) ? gates.words != words : gates.words != words + 1)
			abort();
		text = bytes_skip(text, line.size + 1);
	}
	gates_sum_up(&gates, &sum);
	if (gates.count > GATES_WORKERS_MAX || sum.workers > gates.count || sum.stamp < 0)
		abort();
	for (size_t i = 0; i < gates.count; i++) {
		const struct gates_list *list = &gates.rows[i].stands;

		standing += gates.rows[i].told ? list->standing : 0;
		if (gates.rows[i].told && (list->stamp < sum.stamp || list->open > gates_open(&gates)))
			abort();
	}
	if (sum.standing > standing)
		abort();
	return 0;
}
