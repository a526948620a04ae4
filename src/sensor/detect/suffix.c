// SPDX-License-Identifier: Apache-2.0
/* Rules of the list are kept as hashes of their text in a table, with a bit for each kind: plain ("co.uk"), wildcard
 * ("*.ck": any one label before it), exception ("!www.ck": not under the wildcard). A name is looked up label by label from
 * the right; the longest rule wins. */
#include "sensor/detect/suffix.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/table.h"

enum { RULES_MAX = 65536, LABELS_MAX = 12, LIST_SIZE_MAX = 4 << 20 };
enum { RULE_PLAIN = 1, RULE_WILDCARD = 2, RULE_EXCEPTION = 4 };

static struct {
	pthread_mutex_t lock;
	struct table *rules; /* siphash of the name -> RULE_* */
	struct siphash_key key;
	bool tried;
} list = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t hash_of(struct bytes name)
{
	uint8_t lower[256];
	size_t size = name.size < sizeof(lower) ? name.size : sizeof(lower);

	for (size_t i = 0; i < size; i++)
		lower[i] = name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] | 0x20 : name.ptr[i];
	return siphash24(list.key, lower, size);
}

static bool add_rule(struct table *rules, struct bytes line)
{
	uint64_t hash;
	uint8_t kind = RULE_PLAIN, *bits;

	if (bytes_starts_with(line, bytes_from_str("*."))) {
		kind = RULE_WILDCARD;
		line = bytes_skip(line, 2);
	} else if (line.ptr[0] == '!') {
		kind = RULE_EXCEPTION;
		line = bytes_skip(line, 1);
	}
	hash = hash_of(line);
	bits = table_insert(rules, &hash, NULL);
	if (bits)
		*bits |= kind;
	return bits != NULL;
}

/* One rule a line, up to the first blank; comments begin with "//". */
static struct table *read_list(struct bytes text)
{
	struct table *rules;

	if (siphash_key_random(&list.key) < 0)
		return NULL;
	rules = table_new(sizeof(uint64_t), 1, RULES_MAX, list.key);
	while (rules && text.size > 0) {
		size_t end = bytes_index(text, '\n'), size = 0;

		while (size < end && text.ptr[size] > ' ')
			size++;
		if (size > 0 && !bytes_starts_with(text, bytes_from_str("//")) &&
			!add_rule(rules, bytes_first(text, size))) {
			table_free(rules);
			return NULL;
		}
		text = bytes_skip(text, end + 1);
	}
	return rules;
}

static struct table *read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *text = file ? malloc(LIST_SIZE_MAX) : NULL;
	struct table *rules = NULL;

	if (text) {
		size_t size = fread(text, 1, LIST_SIZE_MAX, file);

		if (size > 0 && !ferror(file))
			rules = read_list(bytes_of(text, size));
	}
	if (file)
		fclose(file);
	free(text);
	return rules;
}

bool suffix_load(void)
{
	bool loaded;

	pthread_mutex_lock(&list.lock);
	if (!list.tried)
		list.rules = read_file(SUFFIX_LIST_PATH);
	list.tried = true;
	loaded = list.rules != NULL;
	pthread_mutex_unlock(&list.lock);
	return loaded;
}

bool suffix_load_text(struct bytes text)
{
	pthread_mutex_lock(&list.lock);
	table_free(list.rules);
	list.rules = read_list(text);
	list.tried = true;
	pthread_mutex_unlock(&list.lock);
	return list.rules != NULL;
}

static unsigned int kinds_of(struct bytes name)
{
	uint64_t hash = hash_of(name);
	const uint8_t *bits = list.rules ? table_find(list.rules, &hash) : NULL;

	return bits ? *bits : 0;
}

/* Where the label before position 'at' begins; 'at' is the beginning of a label or the end. */
static size_t label_before(struct bytes name, size_t at)
{
	size_t pos = at == name.size ? at : at - 1;

	while (pos > 0 && name.ptr[pos - 1] != '.')
		pos--;
	return pos;
}

/* Where the suffix begins. */
static size_t suffix_start(struct bytes name)
{
	size_t at = name.size, start = label_before(name, name.size);
	bool wildcard = false;

	for (int i = 0; i < LABELS_MAX && at > 0; i++) {
		size_t before = at;
		unsigned int kinds;

		at = label_before(name, at);
		kinds = kinds_of(bytes_skip(name, at));
		if ((kinds & RULE_EXCEPTION) != 0)
			return before;
		if (wildcard || (kinds & RULE_PLAIN) != 0)
			start = at;
		wildcard = (kinds & RULE_WILDCARD) != 0;
	}
	return start;
}

void suffix_public(struct bytes name, struct bytes *ret)
{
	*ret = name.size == 0 ? name : bytes_skip(name, suffix_start(name));
}

void suffix_domain(struct bytes name, struct bytes *ret)
{
	size_t start = name.size == 0 ? 0 : suffix_start(name);

	*ret = start == 0 ? name : bytes_skip(name, label_before(name, start));
}
