// SPDX-License-Identifier: Apache-2.0
/* A saved set is the automaton of Vectorscan and what must be the same for it to be used again. Everything else is made anew
 * from the builder, which takes milliseconds, so no table of ours is ever read from a file. The numbers in the automaton are places in the
 * sorted strings, and it lacks those that have another searcher: FILE_FORMAT goes up when any of that changes.
 *
 *	offset	bytes
 *	0	8	"LTLITSET"
 *	8	4	version of this format, little-endian as all numbers
 *	12	4	tuning that the automaton was made for (hs_populate_platform)
 *	16	8	abilities of the processor, likewise
 *	24	32	version of Vectorscan, filled up with NULs
 *	56	16	key of the content
 *	72	8	size of the automaton; 0: the set has none
 *	80		the automaton, as hs_serialize_database() wrote it
 *	end - 8	8	SipHash of all before */
#include <stdlib.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/siphash.h"
#include "match/literals-internal.h"

#define FILE_FORMAT       2
#define FILE_VERSION_SIZE 32
#define FILE_HEADER_SIZE  80
#define FILE_SUM_SIZE     8

static const uint8_t file_magic[8] = { 'L', 'T', 'L', 'I', 'T', 'S', 'E', 'T' };
static const struct siphash_key file_key = { UINT64_C(0x4c544c4954534554), UINT64_C(0x636865636b73756d) };

struct file_header {
	uint32_t format, tune;
	uint64_t features;
	uint8_t version[FILE_VERSION_SIZE];
	struct literal_set_key key;
	uint64_t automaton_size;
};

/* The header of what this program on this machine would save now. */
static struct file_header header_of(const struct literal_set *set, size_t automaton_size)
{
	struct file_header header = { .format = FILE_FORMAT, .key = set->key, .automaton_size = automaton_size };
	struct bytes version = bytes_first(bytes_from_str(hs_version()), FILE_VERSION_SIZE);
	hs_platform_info_t platform;

	if (hs_populate_platform(&platform) == HS_SUCCESS) {
		header.tune = platform.tune;
		header.features = platform.cpu_features;
	}
	memcpy(header.version, version.ptr, version.size);
	return header;
}

static uint8_t *put_number(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		*at++ = (uint8_t)(value >> (8 * i));
	return at;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t size)
{
	memcpy(at, bytes, size);
	return at + size;
}

static void write_file(uint8_t *at, const struct file_header *header, const char *automaton)
{
	const uint8_t *start = at;

	at = put_bytes(at, file_magic, sizeof(file_magic));
	at = put_number(at, header->format, 4);
	at = put_number(at, header->tune, 4);
	at = put_number(at, header->features, 8);
	at = put_bytes(at, header->version, sizeof(header->version));
	at = put_number(at, header->key.half[0], 8);
	at = put_number(at, header->key.half[1], 8);
	at = put_number(at, header->automaton_size, 8);
	if (header->automaton_size != 0)
		at = put_bytes(at, automaton, header->automaton_size);
	put_number(at, siphash24(file_key, start, (size_t)(at - start)), FILE_SUM_SIZE);
}

int literal_set_save(const struct literal_set *set, uint8_t **ret, size_t *ret_size)
{
	char *automaton = NULL;
	size_t automaton_size = 0, size;
	struct file_header header;
	uint8_t *file;

	if (set->automaton && hs_serialize_database(set->automaton, &automaton, &automaton_size) != HS_SUCCESS)
		return LUYTRE_E_NOMEM;
	header = header_of(set, automaton_size);
	size = FILE_HEADER_SIZE + automaton_size + FILE_SUM_SIZE;
	file = malloc(size);
	if (file)
		write_file(file, &header, automaton);
	free(automaton);
	if (!file)
		return LUYTRE_E_NOMEM;
	*ret = file;
	*ret_size = size;
	return 0;
}

static bool read_header(struct cursor *cur, struct file_header *ret)
{
	return cursor_u32le(cur, &ret->tune) && cursor_u64le(cur, &ret->features) &&
	       cursor_copy(cur, sizeof(ret->version), ret->version) && cursor_u64le(cur, &ret->key.half[0]) &&
	       cursor_u64le(cur, &ret->key.half[1]) && cursor_u64le(cur, &ret->automaton_size);
}

/* The header, and the serialized automaton as a view into 'saved'. */
static int read_file(struct bytes saved, struct file_header *ret, struct bytes *ret_automaton)
{
	struct cursor cur = cursor_over(saved);
	struct bytes magic;
	uint64_t sum;

	if (!cursor_take(&cur, sizeof(file_magic), &magic) || memcmp(magic.ptr, file_magic, sizeof(file_magic)) != 0)
		return LUYTRE_E_VERSION;
	if (!cursor_u32le(&cur, &ret->format))
		return LUYTRE_E_CORRUPT;
	if (ret->format != FILE_FORMAT)
		return LUYTRE_E_VERSION;
	if (!read_header(&cur, ret) || !cursor_take(&cur, ret->automaton_size, ret_automaton) ||
		!cursor_u64le(&cur, &sum) || cursor_left(&cur) != 0)
		return LUYTRE_E_CORRUPT;
	if (sum != siphash24(file_key, saved.ptr, saved.size - FILE_SUM_SIZE))
		return LUYTRE_E_CORRUPT;
	return 0;
}

int literal_set_read_automaton(struct literal_set *set, struct bytes saved)
{
	struct file_header header, wanted;
	struct bytes automaton;
	hs_error_t result;
	int error = read_file(saved, &header, &automaton);

	if (error < 0)
		return error;
	wanted = header_of(set, automaton.size);
	if (header.tune != wanted.tune || header.features != wanted.features ||
		memcmp(header.version, wanted.version, sizeof(wanted.version)) != 0)
		return LUYTRE_E_VERSION;
	if (header.key.half[0] != wanted.key.half[0] || header.key.half[1] != wanted.key.half[1])
		return LUYTRE_E_CONFLICT;
	if ((automaton.size != 0) != (set->searcher_count[LITERAL_SEARCHER_AUTOMATON] != 0))
		return LUYTRE_E_CORRUPT;
	if (automaton.size == 0)
		return 0;
	result = hs_deserialize_database((const char *)automaton.ptr, automaton.size, &set->automaton);
	if (result == HS_NOMEM)
		return LUYTRE_E_NOMEM;
	if (result == HS_DB_VERSION_ERROR || result == HS_DB_PLATFORM_ERROR)
		return LUYTRE_E_VERSION;
	return result == HS_SUCCESS ? 0 : LUYTRE_E_CORRUPT;
}
