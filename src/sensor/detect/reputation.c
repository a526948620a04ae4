// SPDX-License-Identifier: Apache-2.0
/* Entries stand in one sorted array by category, prefix length and address, so a question is one binary search for each
 * length of prefix that the category has. */
#include "sensor/detect/reputation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "sensor/config/tree.h"
#include "sensor/rules/text.h"

enum { FILE_SIZE_MAX = 512 << 20, LENGTHS_MAX = 129 };

struct entry {
	struct ip_prefix prefix; /* host bits are zero */
	uint8_t category, score;
	uint32_t order; /* of arrival */
};

/* Entries of one category, family and length: [first, end) of the array. */
struct span {
	uint32_t first, end;
	uint8_t length;
};

struct spans {
	uint8_t count;
	struct span items[LENGTHS_MAX]; /* longest first */
};

struct reputation {
	char names[REPUTATION_CATEGORIES_MAX][REPUTATION_NAME_MAX + 1];
	struct entry *entries;
	size_t count, room;
	struct spans spans[REPUTATION_CATEGORIES_MAX][2]; /* IPv4, IPv6 */
};

struct reputation *reputation_new(void)
{
	return calloc(1, sizeof(struct reputation));
}

void reputation_free(struct reputation *reputation)
{
	if (reputation)
		free(reputation->entries);
	free(reputation);
}

/* ---- Reading ---- */

static bool next_line(struct bytes *text, struct bytes *ret)
{
	while (text->size > 0) {
		size_t end = bytes_index(*text, '\n');

		*ret = rule_text_trim(bytes_first(*text, end));
		*text = bytes_skip(*text, end + 1);
		if (ret->size > 0 && ret->ptr[0] != '#')
			return true;
	}
	return false;
}

static bool read_number(struct bytes *rest, uint32_t most, uint8_t *ret)
{
	struct bytes item;
	uint32_t number;

	if (!rule_text_item(rest, ',', &item) || !rule_text_u32(item, &number) || number > most)
		return false;
	*ret = (uint8_t)number;
	return true;
}

int reputation_read_categories(struct reputation *reputation, struct bytes text, unsigned int *ret_bad)
{
	struct bytes line, name;
	uint8_t number;

	*ret_bad = 0;
	while (next_line(&text, &line))
		if (!read_number(&line, REPUTATION_CATEGORIES_MAX - 1, &number) || !rule_text_item(&line, ',', &name) ||
			!bytes_to_str(name, reputation->names[number], sizeof(reputation->names[number])))
			++*ret_bad;
	return 0;
}

static bool read_entry(struct bytes line, struct entry *ret)
{
	struct bytes address;

	return rule_text_item(&line, ',', &address) &&
	       ip_prefix_parse(address, IP_PREFIX_MASK_HOST_BITS, &ret->prefix) == 0 &&
	       read_number(&line, REPUTATION_CATEGORIES_MAX - 1, &ret->category) &&
	       read_number(&line, REPUTATION_SCORE_MAX, &ret->score);
}

static int add_entry(struct reputation *reputation, struct entry entry)
{
	if (reputation->count == REPUTATION_ENTRIES_MAX)
		return LUYTRE_E_FULL;
	if (reputation->count == reputation->room) {
		size_t room = reputation->room ? 2 * reputation->room : 1024;
		struct entry *grown = realloc(reputation->entries, room * sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		reputation->entries = grown;
		reputation->room = room;
	}
	entry.order = (uint32_t)reputation->count;
	reputation->entries[reputation->count++] = entry;
	return 0;
}

int reputation_read_entries(struct reputation *reputation, struct bytes text, unsigned int *ret_bad)
{
	struct bytes line;
	int error = 0;

	*ret_bad = 0;
	while (error == 0 && next_line(&text, &line)) {
		struct entry entry = { 0 };

		if (read_entry(line, &entry))
			error = add_entry(reputation, entry);
		else
			++*ret_bad;
	}
	return error;
}

static int compare_place(const struct entry *a, const struct entry *b)
{
	if (a->category != b->category)
		return a->category < b->category ? -1 : 1;
	if (a->prefix.addr.family != b->prefix.addr.family)
		return a->prefix.addr.family < b->prefix.addr.family ? -1 : 1;
	if (a->prefix.length != b->prefix.length)
		return a->prefix.length > b->prefix.length ? -1 : 1;
	return memcmp(a->prefix.addr.bytes, b->prefix.addr.bytes, sizeof(a->prefix.addr.bytes));
}

/* Of equal places the last one read comes first. */
static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = compare_place(a, b);

	return order != 0 ? order : (a->order < b->order) - (a->order > b->order);
}

static unsigned int family_of(const struct ip_addr *addr)
{
	return addr->family == IP_V4 ? 0 : 1;
}

void reputation_finish(struct reputation *reputation)
{
	size_t kept = 0;

	if (reputation->count == 0)
		return;
	qsort(reputation->entries, reputation->count, sizeof(*reputation->entries), compare_entries);
	for (size_t i = 0; i < reputation->count; i++)
		if (kept == 0 || compare_place(&reputation->entries[kept - 1], &reputation->entries[i]) != 0)
			reputation->entries[kept++] = reputation->entries[i];
	reputation->count = kept;
	for (size_t i = 0; i < kept; i++) {
		const struct entry *entry = &reputation->entries[i];
		struct spans *spans = &reputation->spans[entry->category][family_of(&entry->prefix.addr)];

		if (spans->count == 0 || spans->items[spans->count - 1].length != entry->prefix.length)
			spans->items[spans->count++] = (struct span){
				.first = (uint32_t)i, .end = (uint32_t)i, .length = entry->prefix.length
			};
		spans->items[spans->count - 1].end++;
	}
}

/* ---- Files ---- */

static int read_file(const char *path, struct reputation *reputation,
	int (*read)(struct reputation *reputation, struct bytes text, unsigned int *ret_bad),
	char message[REPUTATION_MESSAGE_SIZE])
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t capacity = 0;
	ssize_t size;
	unsigned int bad;
	int error;

	if (!file) {
		snprintf(message, REPUTATION_MESSAGE_SIZE, "cannot open %.150s: %s", path, strerror(errno));
		return error_from_errno(errno);
	}
	/* No text has this byte: all of the file at once. */
	size = getdelim(&text, &capacity, '\0', file);
	fclose(file);
	error = size > FILE_SIZE_MAX ? LUYTRE_E_FULL
				     : read(reputation, bytes_of(text, size < 0 ? 0 : (size_t)size), &bad);
	free(text);
	if (error)
		snprintf(message, REPUTATION_MESSAGE_SIZE, "%.150s: %s", path, error_text(error, LUYTRE_LANG_EN));
	else if (bad)
		log_warn("%s: %u lines are not as expected and do not count", path, bad);
	return error;
}

static int read_files(
	const struct conf_node *root, struct reputation *reputation, char message[REPUTATION_MESSAGE_SIZE])
{
	const struct conf_node *files = conf_get(root, "reputation-files");
	const char *folder = conf_text(root, "default-reputation-path", NULL);
	int error = 0;

	for (size_t i = 0; files && i < conf_values_count(files) && !error; i++) {
		const char *name = conf_value_at(files, i);
		char path[4096];

		if (!name)
			continue;
		if (name[0] == '/' || !folder)
			snprintf(path, sizeof(path), "%s", name);
		else
			snprintf(path, sizeof(path), "%s/%s", folder, name);
		error = read_file(path, reputation, reputation_read_entries, message);
	}
	return error;
}

int reputation_load(const struct conf_node *root, char message[REPUTATION_MESSAGE_SIZE], struct reputation **ret)
{
	const char *categories = conf_text(root, "reputation-categories-file", NULL);
	struct reputation *reputation;
	int error;

	*ret = NULL;
	if (!categories)
		return 0;
	reputation = reputation_new();
	if (!reputation) {
		snprintf(message, REPUTATION_MESSAGE_SIZE, "%s", error_text(LUYTRE_E_NOMEM, LUYTRE_LANG_EN));
		return LUYTRE_E_NOMEM;
	}
	error = read_file(categories, reputation, reputation_read_categories, message);
	if (!error)
		error = read_files(root, reputation, message);
	if (error) {
		reputation_free(reputation);
		return error;
	}
	reputation_finish(reputation);
	*ret = reputation;
	return 0;
}

/* ---- Questions ---- */

int reputation_category(const struct reputation *reputation, struct bytes name)
{
	for (int i = 0; i < REPUTATION_CATEGORIES_MAX; i++)
		if (name.size > 0 && bytes_equal_str(name, reputation->names[i]))
			return i;
	return -1;
}

static int score_in(const struct reputation *reputation, const struct span *span, const struct ip_addr *addr)
{
	uint32_t low = span->first, high = span->end;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct entry *entry = &reputation->entries[middle];
		int order = memcmp(addr->bytes, entry->prefix.addr.bytes, sizeof(addr->bytes));

		if (order == 0)
			return entry->score;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

int reputation_score(const struct reputation *reputation, const struct ip_addr *addr, unsigned int category)
{
	const struct spans *spans = &reputation->spans[category][family_of(addr)];
	int score = -1;

	for (uint8_t i = 0; i < spans->count && score < 0; i++) {
		struct ip_prefix prefix = ip_prefix_around(addr, spans->items[i].length);

		score = score_in(reputation, &spans->items[i], &prefix.addr);
	}
	return score;
}
