// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "base/error.h"
#include "sensor/detect/internal.h"

int detect_marks_init(struct detect_marks *marks, uint32_t count)
{
	uint32_t words = count / 64 + 1, summary = words / 64 + 1;

	marks->words = calloc(words, sizeof(*marks->words));
	marks->summary = calloc(summary, sizeof(*marks->summary));
	marks->word_count = words;
	if (marks->words && marks->summary)
		return 0;
	detect_marks_done(marks);
	return LUYTRE_E_NOMEM;
}

void detect_marks_done(struct detect_marks *marks)
{
	free(marks->words);
	free(marks->summary);
	*marks = (struct detect_marks){ 0 };
}

bool detect_marks_take(struct detect_marks *marks, uint32_t *ret)
{
	for (uint32_t i = 0; i <= marks->word_count / 64; i++) {
		if (marks->summary[i] == 0)
			continue;
		uint32_t word = i * 64 + (uint32_t)__builtin_ctzll(marks->summary[i]);

		*ret = word * 64 + (uint32_t)__builtin_ctzll(marks->words[word]);
		marks->words[word] &= marks->words[word] - 1;
		if (marks->words[word] == 0)
			marks->summary[i] &= marks->summary[i] - 1;
		return true;
	}
	return false;
}
