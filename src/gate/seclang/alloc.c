// SPDX-License-Identifier: Apache-2.0
/* Memory of the rules, and the small questions about text that all readers ask. */

#include "base/ascii.h"
#include "gate/seclang/internal.h"

void *sec_alloc(struct sec_rules *rules, size_t size)
{
	void *memory = arena_alloc(&rules->arena, size);

	if (!memory)
		rules->no_memory = true;
	return memory;
}

struct bytes sec_dup(struct sec_rules *rules, struct bytes text)
{
	void *memory = arena_dup(&rules->arena, text);

	if (!memory) {
		rules->no_memory = true;
		return (struct bytes){ 0 };
	}
	return bytes_of(memory, text.size);
}

void *sec_append(struct sec_rules *rules, struct sec_list *list, size_t item_size)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 4;
		void *items = sec_alloc(rules, capacity * item_size);

		if (!items)
			return NULL;
		if (list->count)
			memcpy(items, list->items, list->count * item_size);
		list->items = items;
		list->capacity = capacity;
	}
	return (uint8_t *)list->items + list->count++ * item_size;
}

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct bytes sec_trim(struct bytes text)
{
	while (text.size && is_blank(text.ptr[0]))
		text = bytes_skip(text, 1);
	while (text.size && is_blank(text.ptr[text.size - 1]))
		text.size--;
	return text;
}

bool sec_same(struct bytes text, const char *name)
{
	return ascii_equal_nocase_str(text, name);
}

bool sec_number(struct bytes text, uint64_t max, uint64_t *ret)
{
	uint64_t number = 0;

	if (text.size == 0)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		unsigned int digit = (unsigned int)text.ptr[i] - '0';

		if (digit > 9 || number > (max - digit) / 10 || digit > max)
			return false;
		number = 10 * number + digit;
	}
	*ret = number;
	return true;
}

struct bytes sec_unquote(struct bytes text)
{
	if (text.size >= 2 && text.ptr[0] == '\'' && text.ptr[text.size - 1] == '\'')
		return bytes_of(text.ptr + 1, text.size - 2);
	return text;
}
