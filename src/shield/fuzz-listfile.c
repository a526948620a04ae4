// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a list: either an error that can be printed, or prefixes that survive being written and read again. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shield/listfile.h"

/* Writes the prefixes as a list of its own; null without memory. */
static char *write_list(const struct listfile *list)
{
	char *text = malloc(list->count * (IP_PREFIX_TEXT_SIZE + 1) + 1);
	size_t size = 0;

	for (size_t i = 0; text && i < list->count; i++) {
		ip_prefix_format(&list->items[i], text + size);
		size += strlen(text + size);
		text[size++] = '\n';
	}
	if (text)
		text[size] = '\0';
	return text;
}

static void check_again(const struct listfile *list)
{
	char *text = write_list(list);
	struct listfile again;
	struct listfile_error error;

	if (!text)
		return;
	assert(listfile_parse(bytes_from_str(text), "again", &again, &error) == 0);
	assert(again.count == list->count && again.lines == list->count);
	for (size_t i = 0; i < list->count; i++)
		assert(ip_prefix_equal(&list->items[i], &again.items[i]));
	listfile_done(&again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct listfile list;
	struct listfile_error error;
	char text[640];

	if (listfile_parse(bytes_of(data, size), "input", &list, &error) == 0) {
		check_again(&list);
		listfile_done(&list);
		return 0;
	}
	listfile_error_text(&error, text, sizeof(text));
	for (const char *at = text; *at; at++)
		assert(*at >= ' ' && *at <= '~');
	assert(error.line > 0 && error.expected[0]);
	return 0;
}
