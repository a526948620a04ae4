// SPDX-License-Identifier: Apache-2.0
/* Patterns are expressions of Hyperscan automatons in block mode, one for each tier: a tier is an alphabet, and has those patterns
 * that can match something written in it. A buffer is searched with the smallest that it is written in; the last has all. HS_FLAG_PREFILTER makes it accept what it cannot
 * search exactly (look-around, back references) as something that matches more; HS_FLAG_SINGLEMATCH tells each id once. What it
 * refuses even so is remembered as matching always: the others are compiled without it. */
#include "match/patterns.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/siphash.h"
#include "match/alphabet.h"
#include "match/internal.h"

#define FILE_FORMAT   4
#define FILE_SUM_SIZE 8

static const uint8_t file_magic[8] = { 'L', 'T', 'P', 'A', 'T', 'S', 'E', 'T' };
static const struct siphash_key file_key = { UINT64_C(0x4c54504154534554), UINT64_C(0x7061747465726e73) };

/* What values of web requests are mostly written in, each tier with all of those before it: words and numbers; identifiers; text;
 * addresses; and everything. byte_tiers below has them. */
#define TIER_COUNT 5

struct pattern_set_builder {
	char **texts; /* owned; as the automaton's compiler wants them */
	uint8_t *tiers; /* the first one that has it */
	unsigned int *flags;
	unsigned int *ids;
	size_t count, room;
	size_t owned; /* of a tier's part: texts that belong to it */
};

struct tier {
	hs_database_t *automaton; /* owned; null when no pattern could be taken */
	size_t pattern_count;
};

struct pattern_set {
	struct tier tiers[TIER_COUNT];
	uint16_t *always; /* owned; ids */
	size_t always_count, pattern_count;
	uint64_t key[2];
};

struct pattern_set_builder *pattern_set_builder_new(void)
{
	return calloc(1, sizeof(struct pattern_set_builder));
}

void pattern_set_builder_free(struct pattern_set_builder *builder)
{
	if (!builder)
		return;
	for (size_t i = 0; i < builder->count; i++)
		free(builder->texts[i]);
	free(builder->texts);
	free(builder->tiers);
	free(builder->flags);
	free(builder->ids);
	free(builder);
}

static int builder_reserve(struct pattern_set_builder *builder)
{
	size_t room = builder->room ? 2 * builder->room : 64;
	char **texts;
	unsigned int *numbers;
	uint8_t *tiers;

	if (builder->count < builder->room)
		return 0;
	texts = realloc(builder->texts, room * sizeof(*texts));
	if (!texts)
		return LUYTRE_E_NOMEM;
	builder->texts = texts;
	tiers = realloc(builder->tiers, room);
	if (!tiers)
		return LUYTRE_E_NOMEM;
	builder->tiers = tiers;
	numbers = realloc(builder->flags, room * sizeof(*numbers));
	if (!numbers)
		return LUYTRE_E_NOMEM;
	builder->flags = numbers;
	numbers = realloc(builder->ids, room * sizeof(*numbers));
	if (!numbers)
		return LUYTRE_E_NOMEM;
	builder->ids = numbers;
	builder->room = room;
	return 0;
}

/* The automaton's compiler reads C strings: each byte of a literal as \xNN. */
static char *quote_literal(struct bytes text)
{
	char *quoted = malloc(text.size * 4 + 1);

	for (size_t i = 0; quoted && i < text.size; i++)
		snprintf(quoted + 4 * i, 5, "\\x%02x", text.ptr[i]);
	return quoted;
}

/* An expression may hold a NUL itself. */
static char *quote_nuls(struct bytes text)
{
	char *quoted = malloc(text.size * 4 + 1);
	size_t size = 0;

	for (size_t i = 0; quoted && i < text.size; i++) {
		if (text.ptr[i] == '\0') {
			memcpy(quoted + size, "\\x00", 4);
			size += 4;
		} else {
			quoted[size++] = (char)text.ptr[i];
		}
	}
	if (quoted)
		quoted[size] = '\0';
	return quoted;
}

/* The tiers of each byte, a bit for each: tier t is in a byte's row when its alphabet has the byte. */
#define IN(byte, tier)                                                                                                 \
	((tier) == TIER_COUNT - 1 || (byte) >= 0x80 || ((byte) >= '0' && (byte) <= '9') ||                             \
		((byte) >= 'A' && (byte) <= 'Z') || ((byte) >= 'a' && (byte) <= 'z') ||                                \
		((tier) >= 1 && ((byte) == '_' || (byte) == '-' || (byte) == '.')) ||                                  \
		((tier) >= 2 && ((byte) == ' ' || (byte) == ',')) ||                                                   \
		((tier) >= 3 && ((byte) == '@' || (byte) == ':' || (byte) == '/' || (byte) == '+')))
#define ROW(byte)                                                                                                      \
	(uint8_t)(IN(byte, 0) << 0 | IN(byte, 1) << 1 | IN(byte, 2) << 2 | IN(byte, 3) << 3 | IN(byte, 4) << 4)
#define ROWS4(byte)  ROW(byte), ROW((byte) + 1), ROW((byte) + 2), ROW((byte) + 3)
#define ROWS16(byte) ROWS4(byte), ROWS4((byte) + 4), ROWS4((byte) + 8), ROWS4((byte) + 12)
#define ROWS64(byte) ROWS16(byte), ROWS16((byte) + 16), ROWS16((byte) + 32), ROWS16((byte) + 48)
#define EVERY_TIER   ((1U << TIER_COUNT) - 1)
#define LAST_TIER    (1U << (TIER_COUNT - 1))

static const uint8_t byte_tiers[256] = { ROWS64(0), ROWS64(64), ROWS64(128), ROWS64(192) };

static void tier_alphabet(unsigned int tier, struct alphabet *ret)
{
	for (unsigned int i = 0; i < 256; i++)
		ret->has[i] = byte_tiers[i] >> tier & 1;
}

static uint8_t first_tier(const struct pattern *pattern)
{
	for (uint8_t tier = 0; tier < TIER_COUNT - 1; tier++) {
		struct alphabet alphabet;

		tier_alphabet(tier, &alphabet);
		if (pattern->literal ? alphabet_can_spell(&alphabet, pattern->text)
				     : alphabet_can_match(&alphabet, pattern->text))
			return tier;
	}
	return TIER_COUNT - 1;
}

int pattern_set_builder_add(struct pattern_set_builder *builder, const struct pattern *pattern)
{
	unsigned int flags = HS_FLAG_SINGLEMATCH;
	int error;
	char *text;

	if (pattern->id > PATTERN_ID_MAX || (pattern->literal && pattern->text.size == 0))
		return LUYTRE_E_INVALID;
	error = builder_reserve(builder);
	if (error < 0)
		return error;
	if (pattern->literal) {
		text = quote_literal(pattern->text);
		flags |= HS_FLAG_CASELESS;
	} else {
		text = quote_nuls(pattern->text);
		/* Lines that begin and end anywhere: a superset, whatever the caller means by ^ and $. */
		flags |= HS_FLAG_DOTALL | HS_FLAG_MULTILINE | HS_FLAG_ALLOWEMPTY | HS_FLAG_PREFILTER;
	}
	if (!text)
		return LUYTRE_E_NOMEM;
	builder->texts[builder->count] = text;
	builder->tiers[builder->count] = first_tier(pattern);
	builder->flags[builder->count] = flags;
	builder->ids[builder->count++] = pattern->id;
	return 0;
}

/* Two hashes over lengths, flags, ids, tiers and texts, and the version of the automaton's library. */
static void builder_key(const struct pattern_set_builder *builder, uint64_t ret[2])
{
	for (uint64_t half = 0; half < 2; half++) {
		const char *version = hs_version();
		uint64_t sum =
			siphash24((struct siphash_key){ file_key.k0 ^ half, file_key.k1 }, version, strlen(version));

		/* Another alphabet gives another automaton for the same patterns. */
		sum = siphash24((struct siphash_key){ sum, half }, byte_tiers, sizeof(byte_tiers));

		for (size_t i = 0; i < builder->count; i++) {
			struct siphash_key key = { sum, file_key.k1 + half };
			uint64_t head[4] = { builder->flags[i], builder->ids[i], strlen(builder->texts[i]),
				builder->tiers[i] };

			sum = siphash24(key, head, sizeof(head));
			key.k0 = sum;
			sum = siphash24(key, builder->texts[i], head[2]);
		}
		ret[half] = sum;
	}
}

void pattern_set_builder_key(const struct pattern_set_builder *builder, char ret[PATTERN_SET_KEY_SIZE])
{
	uint64_t key[2];

	builder_key(builder, key);
	snprintf(ret, PATTERN_SET_KEY_SIZE, "%016llx%016llx", (unsigned long long)key[0], (unsigned long long)key[1]);
}

static int hs_error_code(int result, const hs_compile_error_t *message)
{
	if (result == HS_NOMEM || (message && message->expression < 0 && strstr(message->message, "allocate")))
		return LUYTRE_E_NOMEM;
	return LUYTRE_E_UNSUPPORTED;
}

static bool taken_alone(const char *text, unsigned int flags)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *message = NULL;
	bool taken = hs_expression_info(text, flags, &info, &message) == HS_SUCCESS;

	hs_free_compile_error(message);
	free(info);
	return taken;
}

static int part_reserve(struct pattern_set_builder *part, size_t count)
{
	part->texts = calloc(count + 1, sizeof(*part->texts));
	part->tiers = calloc(count + 1, sizeof(*part->tiers));
	part->flags = calloc(count + 1, sizeof(*part->flags));
	part->ids = calloc(count + 1, sizeof(*part->ids));
	return part->texts && part->tiers && part->flags && part->ids ? 0 : LUYTRE_E_NOMEM;
}

/* What the automaton cannot take goes to set->always. The others, views into the builder, go to '*ret'. */
static int split(const struct pattern_set_builder *builder, struct pattern_set *set, struct pattern_set_builder *ret)
{
	/* A pattern may be refused in every tier. */
	set->always = calloc((builder->count + 1) * TIER_COUNT, sizeof(*set->always));
	if (!set->always || part_reserve(ret, builder->count) < 0)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < builder->count; i++) {
		if (!taken_alone(builder->texts[i], builder->flags[i])) {
			set->always[set->always_count++] = (uint16_t)builder->ids[i];
			continue;
		}
		ret->texts[ret->count] = builder->texts[i];
		ret->tiers[ret->count] = builder->tiers[i];
		ret->flags[ret->count] = builder->flags[i];
		ret->ids[ret->count++] = builder->ids[i];
	}
	return 0;
}

static void part_done(struct pattern_set_builder *part)
{
	for (size_t i = 0; i < part->owned; i++)
		free(part->texts[i]);
	free(part->texts);
	free(part->tiers);
	free(part->flags);
	free(part->ids);
}

static void part_remove(struct pattern_set_builder *part, size_t index)
{
	size_t behind = --part->count - index;

	if (part->owned != 0) {
		free(part->texts[index]);
		part->owned--;
	}

	memmove(part->texts + index, part->texts + index + 1, behind * sizeof(*part->texts));
	memmove(part->tiers + index, part->tiers + index + 1, behind * sizeof(*part->tiers));
	memmove(part->flags + index, part->flags + index + 1, behind * sizeof(*part->flags));
	memmove(part->ids + index, part->ids + index + 1, behind * sizeof(*part->ids));
}

/* Some patterns pass the look of hs_expression_info() and are refused by the compiler, which names the first: taken out, again. */
static int compile_part(struct pattern_set *set, struct tier *tier, struct pattern_set_builder *part)
{
	while (part->count != 0) {
		hs_compile_error_t *message = NULL;
		int result = hs_compile_multi((const char *const *)part->texts, part->flags, part->ids,
			(unsigned int)part->count, HS_MODE_BLOCK, NULL, &tier->automaton, &message);
		size_t bad;
		int error;

		if (result == HS_SUCCESS)
			break;
		error = hs_error_code(result, message);
		bad = message && message->expression >= 0 ? (size_t)message->expression : part->count;
		hs_free_compile_error(message);
		if (bad >= part->count)
			return error;
		set->always[set->always_count++] = (uint16_t)part->ids[bad];
		part_remove(part, bad);
	}
	tier->pattern_count = part->count;
	return 0;
}

/* For each text what is left of it in the tier's alphabet; what cannot be written down stays as it is. The texts are owned. */
static int restrict_texts(unsigned int number, struct pattern_set_builder *part)
{
	struct alphabet alphabet;

	tier_alphabet(number, &alphabet);
	for (size_t i = 0; i < part->count; i++) {
		struct bytes text = bytes_from_str(part->texts[i]);
		char *restricted = malloc(text.size + 1);
		size_t size = text.size;

		if (!restricted)
			return LUYTRE_E_NOMEM;
		if ((part->flags[i] & HS_FLAG_PREFILTER) == 0 || !alphabet_restrict(&alphabet, text, restricted, &size))
			memcpy(restricted, text.ptr, size);
		restricted[size] = '\0';
		part->texts[i] = restricted;
		part->owned = i + 1;
	}
	return 0;
}

/* A copy of the rows that are in the tier; the texts are the builder's until restrict_texts(). */
static int select_tier(const struct pattern_set_builder *all, unsigned int number, struct pattern_set_builder *ret)
{
	int error = part_reserve(ret, all->count);

	if (error < 0)
		return error;
	for (size_t i = 0; i < all->count; i++) {
		if (all->tiers[i] > number)
			continue;
		ret->texts[ret->count] = all->texts[i];
		ret->tiers[ret->count] = all->tiers[i];
		ret->flags[ret->count] = all->flags[i];
		ret->ids[ret->count++] = all->ids[i];
	}
	return number + 1 == TIER_COUNT ? 0 : restrict_texts(number, ret);
}

static int compile_tiers(struct pattern_set *set, const struct pattern_set_builder *all)
{
	int error = 0;

	for (unsigned int number = 0; number < TIER_COUNT && error == 0; number++) {
		struct pattern_set_builder part = { 0 };

		error = select_tier(all, number, &part);
		if (error == 0)
			error = compile_part(set, &set->tiers[number], &part);
		part_done(&part);
	}
	return error;
}

int pattern_set_compile(const struct pattern_set_builder *builder, struct pattern_set **ret)
{
	struct pattern_set *set = calloc(1, sizeof(*set));
	struct pattern_set_builder part = { 0 };
	int error;

	if (!set)
		return LUYTRE_E_NOMEM;
	set->pattern_count = builder->count;
	builder_key(builder, set->key);
	error = split(builder, set, &part);
	if (error == 0)
		error = compile_tiers(set, &part);
	part_done(&part);
	if (error < 0) {
		pattern_set_free(set);
		return error;
	}
	*ret = set;
	return 0;
}

void pattern_set_free(struct pattern_set *set)
{
	if (!set)
		return;
	for (unsigned int tier = 0; tier < TIER_COUNT; tier++) {
		if (tier + 1 == TIER_COUNT || set->tiers[tier].automaton != set->tiers[tier + 1].automaton)
			hs_free_database(set->tiers[tier].automaton);
	}
	free(set->always);
	free(set);
}

/* ---- saved ---- */

/*	offset	bytes
 *	0	8	"LTPATSET"
 *	8	16	key, two words of this machine's byte order
 *	24	4	format
 *	28	4	number of ids that match always
 *	32	5 * 16	for each tier: number of patterns; size of the automaton, 0: none; both UINT64_MAX: that of the tier above
 *	112		the ids, two bytes each, then the automatons as hs_serialize_database() wrote them
 *	end - 8	8	SipHash of all before
 *
 * The library itself refuses an automaton of another version or processor. */
struct file_header {
	uint8_t magic[8];
	uint64_t key[2];
	uint32_t format, always_count;
	struct {
		uint64_t pattern_count, size;
	} tiers[TIER_COUNT];
};

_Static_assert(sizeof(struct file_header) == 32 + TIER_COUNT * 16, "the file has no padding");

static bool is_shared(const struct pattern_set *set, unsigned int tier)
{
	return tier + 1 < TIER_COUNT && set->tiers[tier].automaton == set->tiers[tier + 1].automaton &&
	       set->tiers[tier].pattern_count == set->tiers[tier + 1].pattern_count;
}

static uint8_t *join_file(
	const struct pattern_set *set, struct file_header *header, char *automatons[TIER_COUNT], size_t *ret_size)
{
	size_t always_size = set->always_count * sizeof(*set->always);
	size_t size = sizeof(*header) + always_size + FILE_SUM_SIZE;
	uint8_t *file, *at;
	uint64_t sum;

	for (unsigned int tier = 0; tier < TIER_COUNT; tier++)
		size += automatons[tier] ? header->tiers[tier].size : 0;
	file = malloc(size);
	if (!file)
		return NULL;
	memcpy(file, header, sizeof(*header));
	at = file + sizeof(*header);
	memcpy(at, set->always, always_size);
	at += always_size;
	for (unsigned int tier = 0; tier < TIER_COUNT; tier++) {
		if (!automatons[tier])
			continue;
		memcpy(at, automatons[tier], header->tiers[tier].size);
		at += header->tiers[tier].size;
	}
	sum = siphash24(file_key, file, size - FILE_SUM_SIZE);
	memcpy(at, &sum, sizeof(sum));
	*ret_size = size;
	return file;
}

int pattern_set_save(const struct pattern_set *set, uint8_t **ret, size_t *ret_size)
{
	struct file_header header = { .format = FILE_FORMAT, .always_count = (uint32_t)set->always_count };
	char *automatons[TIER_COUNT] = { NULL };
	uint8_t *file = NULL;
	bool failed = false;

	memcpy(header.magic, file_magic, sizeof(file_magic));
	memcpy(header.key, set->key, sizeof(set->key));
	for (unsigned int tier = 0; tier < TIER_COUNT; tier++) {
		size_t size = 0;

		header.tiers[tier].pattern_count = header.tiers[tier].size = UINT64_MAX;
		if (is_shared(set, tier))
			continue;
		if (set->tiers[tier].automaton)
			failed |= hs_serialize_database(set->tiers[tier].automaton, &automatons[tier], &size) !=
				  HS_SUCCESS;
		header.tiers[tier].pattern_count = set->tiers[tier].pattern_count;
		header.tiers[tier].size = size;
	}
	if (!failed)
		file = join_file(set, &header, automatons, ret_size);
	for (unsigned int tier = 0; tier < TIER_COUNT; tier++)
		free(automatons[tier]);
	if (!file)
		return LUYTRE_E_NOMEM;
	*ret = file;
	return 0;
}

static int read_tier(struct tier *tier, uint64_t pattern_count, uint64_t size, struct bytes *rest)
{
	hs_error_t result;

	if (size > rest->size || (size != 0) != (pattern_count != 0))
		return LUYTRE_E_CORRUPT;
	tier->pattern_count = pattern_count;
	if (size == 0)
		return 0;
	result = hs_deserialize_database((const char *)rest->ptr, size, &tier->automaton);
	*rest = bytes_skip(*rest, size);
	if (result == HS_NOMEM)
		return LUYTRE_E_NOMEM;
	if (result == HS_DB_VERSION_ERROR || result == HS_DB_PLATFORM_ERROR)
		return LUYTRE_E_VERSION;
	return result == HS_SUCCESS ? 0 : LUYTRE_E_CORRUPT;
}

static int read_tiers(struct pattern_set *set, const struct file_header *header, struct bytes rest)
{
	for (unsigned int tier = 0; tier < TIER_COUNT; tier++) {
		int error;

		if (header->tiers[tier].size == UINT64_MAX)
			continue;
		error = read_tier(
			&set->tiers[tier], header->tiers[tier].pattern_count, header->tiers[tier].size, &rest);
		if (error < 0)
			return error;
	}
	if (header->tiers[TIER_COUNT - 1].size == UINT64_MAX || rest.size != 0)
		return LUYTRE_E_CORRUPT;
	for (unsigned int tier = TIER_COUNT - 1; tier-- > 0;) {
		if (header->tiers[tier].size == UINT64_MAX)
			set->tiers[tier] = set->tiers[tier + 1];
	}
	return 0;
}

static int read_saved(struct pattern_set *set, struct bytes saved)
{
	struct file_header header;
	size_t always_size;
	uint64_t sum;

	if (saved.size < sizeof(header) + FILE_SUM_SIZE || memcmp(saved.ptr, file_magic, sizeof(file_magic)) != 0)
		return LUYTRE_E_VERSION;
	memcpy(&header, saved.ptr, sizeof(header));
	memcpy(&sum, saved.ptr + saved.size - FILE_SUM_SIZE, sizeof(sum));
	if (header.format != FILE_FORMAT)
		return LUYTRE_E_VERSION;
	if (sum != siphash24(file_key, saved.ptr, saved.size - FILE_SUM_SIZE))
		return LUYTRE_E_CORRUPT;
	if (header.key[0] != set->key[0] || header.key[1] != set->key[1])
		return LUYTRE_E_CONFLICT;
	always_size = header.always_count * sizeof(*set->always);
	if (header.always_count > set->pattern_count * TIER_COUNT ||
		always_size > saved.size - sizeof(header) - FILE_SUM_SIZE)
		return LUYTRE_E_CORRUPT;
	set->always = calloc((set->pattern_count + 1) * TIER_COUNT, sizeof(*set->always));
	if (!set->always)
		return LUYTRE_E_NOMEM;
	memcpy(set->always, saved.ptr + sizeof(header), always_size);
	set->always_count = header.always_count;
	return read_tiers(
		set, &header, bytes_skip(bytes_first(saved, saved.size - FILE_SUM_SIZE), sizeof(header) + always_size));
}

/* The caller has room for the builder's ids. */
static bool knows_ids(const struct pattern_set_builder *builder, const struct pattern_set *set)
{
	unsigned int last = 0;

	for (size_t i = 0; i < builder->count; i++)
		last = builder->ids[i] > last ? builder->ids[i] : last;
	for (size_t i = 0; i < set->always_count; i++) {
		if (set->always[i] > last)
			return false;
	}
	return true;
}

int pattern_set_load(const struct pattern_set_builder *builder, struct bytes saved, struct pattern_set **ret)
{
	struct pattern_set *set = calloc(1, sizeof(*set));
	int error;

	if (!set)
		return LUYTRE_E_NOMEM;
	set->pattern_count = builder->count;
	builder_key(builder, set->key);
	error = read_saved(set, saved);
	if (error == 0 && !knows_ids(builder, set))
		error = LUYTRE_E_CORRUPT;
	if (error < 0) {
		pattern_set_free(set);
		return error;
	}
	*ret = set;
	return 0;
}

/* ---- search ---- */

int pattern_set_prepare(const struct pattern_set *set, struct match_scratch *scratch)
{
	for (unsigned int tier = 0; tier < TIER_COUNT; tier++) {
		hs_scratch_t *grown = NULL;

		if (!set->tiers[tier].automaton || is_shared(set, tier))
			continue;
		/* On a copy, because a scratch that could not grow is gone. */
		if (scratch->automaton && hs_clone_scratch(scratch->automaton, &grown) != HS_SUCCESS)
			return LUYTRE_E_NOMEM;
		if (hs_alloc_scratch(set->tiers[tier].automaton, &grown) != HS_SUCCESS) {
			hs_free_scratch(grown);
			return LUYTRE_E_NOMEM;
		}
		hs_free_scratch(scratch->automaton);
		scratch->automaton = grown;
	}
	return 0;
}

static unsigned int tier_of(struct bytes in)
{
	unsigned int tiers = EVERY_TIER;

	for (size_t i = 0; i < in.size && tiers != LAST_TIER; i++)
		tiers &= byte_tiers[in.ptr[i]];
	return (unsigned int)__builtin_ctz(tiers);
}

static int on_match(unsigned int id, unsigned long long from, unsigned long long to, unsigned int flags, void *context)
{
	uint64_t *bits = context;

	(void)from, (void)to, (void)flags;
	bits[id / 64] |= UINT64_C(1) << (id % 64);
	return 0;
}

bool pattern_set_scan(const struct pattern_set *set, struct match_scratch *scratch, struct bytes in, uint64_t *bits)
{
	const hs_database_t *automaton;

	for (size_t i = 0; i < set->always_count; i++)
		bits[set->always[i] / 64] |= UINT64_C(1) << (set->always[i] % 64);
	if (in.size > UINT32_MAX)
		return false;
	automaton = set->tiers[tier_of(in)].automaton;
	return !automaton || hs_scan(automaton, in.size ? (const char *)in.ptr : "", (unsigned int)in.size, 0,
				     scratch->automaton, on_match, bits) == HS_SUCCESS;
}

bool pattern_set_is_always(const struct pattern_set *set, uint32_t id)
{
	for (size_t i = 0; i < set->always_count; i++) {
		if (set->always[i] == id)
			return true;
	}
	return false;
}

struct pattern_set_info pattern_set_info(const struct pattern_set *set)
{
	struct pattern_set_info info = { .pattern_count = set->pattern_count, .always_count = set->always_count };

	for (unsigned int tier = 0; tier < TIER_COUNT; tier++) {
		size_t size = 0;

		if (set->tiers[tier].automaton && !is_shared(set, tier) &&
			hs_database_size(set->tiers[tier].automaton, &size) == HS_SUCCESS)
			info.memory_bytes += size;
	}
	info.memory_bytes += sizeof(*set) + set->pattern_count * sizeof(*set->always);
	return info;
}
