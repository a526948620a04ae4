// SPDX-License-Identifier: Apache-2.0
/* The table of all keywords: rows of tables, sticky buffers, content modifiers and numbers of protocols. The first to take
 * a name keeps it. */
#include <ctype.h>
#include <pthread.h>

#include "sensor/app/app.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/text.h"

/* One line for each table; tables end with a null name. */
#define KEYWORD_TABLES(X)                                                                                              \
	X(rule_meta_keywords)                                                                                          \
	X(rule_flow_keywords)                                                                                          \
	X(rule_content_keywords)                                                                                       \
	X(rule_buffer_keywords)                                                                                        \
	X(rule_threshold_keywords)                                                                                     \
	X(rule_requires_keywords)                                                                                      \
	X(detect_base64_keywords)                                                                                      \
	X(detect_binary_keywords)                                                                                      \
	X(detect_bits_keywords)                                                                                        \
	X(detect_byte_keywords)                                                                                        \
	X(detect_config_keywords)                                                                                      \
	X(detect_dataset_keywords)                                                                                     \
	X(detect_event_keywords)                                                                                       \
	X(detect_file_keywords)                                                                                        \
	X(detect_frame_keywords)                                                                                       \
	X(detect_packet_keywords)                                                                                      \
	X(detect_pcre_keywords)                                                                                        \
	X(detect_reputation_keywords)                                                                                  \
	X(detect_size_keywords)                                                                                        \
	X(detect_tag_keywords)                                                                                         \
	X(detect_transform_keywords)

#define X(table) extern const struct rule_keyword table[];
KEYWORD_TABLES(X)
#undef X

enum { ENTRIES_MAX = 4096, SLOTS = 4 * ENTRIES_MAX };

static struct {
	pthread_once_t once;
	struct rule_keyword_entry entries[ENTRIES_MAX];
	uint16_t slots[SLOTS]; /* index + 1 */
	unsigned int count;
} all = { .once = PTHREAD_ONCE_INIT };

/* FNV-1a of the lower-case name: names come from our own tables, nobody can choose them. */
static uint32_t hash_name(struct bytes name)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < name.size; i++)
		hash = (hash ^ (uint32_t)tolower(name.ptr[i])) * 16777619u;
	return hash;
}

static uint16_t *find_slot(struct bytes name)
{
	uint32_t slot = hash_name(name) % SLOTS;

	while (all.slots[slot] && !rule_text_is(name, all.entries[all.slots[slot] - 1].name))
		slot = (slot + 1) % SLOTS;
	return &all.slots[slot];
}

static void add(const char *name, struct rule_keyword_entry entry)
{
	uint16_t *slot;

	if (!name || all.count == ENTRIES_MAX)
		return;
	slot = find_slot(bytes_from_str(name));
	if (*slot)
		return;
	entry.name = name;
	all.entries[all.count++] = entry;
	*slot = (uint16_t)all.count;
}

static void add_table(const struct rule_keyword *row)
{
	for (; row && row->name; row++) {
		struct rule_keyword_entry entry = { .kind = RULE_KEYWORD_ROW, .row = row };

		add(row->name, entry);
		add(row->alias, entry);
	}
}

static void add_protocol(const struct app_protocol *protocol)
{
	for (const struct app_buffer *row = protocol->buffers; row && row->name; row++) {
		struct rule_keyword_entry entry = { .kind = RULE_KEYWORD_BUFFER };

		entry.buffer = (uint16_t)rule_buffer_find(bytes_from_str(row->name));
		add(row->name, entry);
		add(row->alias, entry);
		entry.kind = RULE_KEYWORD_MODIFIER;
		add(row->modifier, entry);
	}
	for (const struct app_number *row = protocol->numbers; row && row->name; row++) {
		struct rule_keyword_entry entry = { .kind = RULE_KEYWORD_NUMBER, .number = row };

		add(row->name, entry);
		add(row->alias, entry);
	}
}

static void build(void)
{
	static const struct rule_keyword *const tables[] = {
#define X(table) table,
		KEYWORD_TABLES(X)
#undef X
	};

	unsigned int protocol, type;

	for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
		add_table(tables[i]);
	for (unsigned int i = 0; i < app_protocol_count(); i++)
		add_table(app_protocol_at(i)->keywords);
	for (unsigned int i = 0; i < rule_buffer_count(); i++) {
		struct rule_keyword_entry entry = { .kind = RULE_KEYWORD_BUFFER, .buffer = (uint16_t)i };
		const struct packet_buffer *packet = rule_buffer_packet(i);

		if (i != RULE_BUFFER_PAYLOAD && !rule_buffer_frame(i, &protocol, &type))
			add(rule_buffer_name(i), entry);
		if (packet)
			add(packet->alias, entry);
	}
	for (unsigned int i = 0; i < app_protocol_count(); i++)
		add_protocol(app_protocol_at(i));
}

const struct rule_keyword_entry *rule_keyword_find(struct bytes name)
{
	const uint16_t *slot;

	pthread_once(&all.once, build);
	slot = find_slot(name);
	return *slot ? &all.entries[*slot - 1] : NULL;
}

unsigned int rule_keyword_count(void)
{
	pthread_once(&all.once, build);
	return all.count;
}

const struct rule_keyword_entry *rule_keyword_at(unsigned int index)
{
	return index < rule_keyword_count() ? &all.entries[index] : NULL;
}
