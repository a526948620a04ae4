// SPDX-License-Identifier: Apache-2.0
/* Patterns are expressions of Hyperscan automatons in block mode, one for each tier: a tier is an alphabet, and has those patterns
 * that can match something written in it. A buffer is searched with the smallest that it is written in; the last has all. HS_FLAG_PREFILTER makes it accept what it cannot
 * search exactly (look-around, back references) as something that matches more; HS_FLAG_SINGLEMATCH tells each number once. What it
 * refuses even so is remembered as matching always: the others are compiled without it. automaton.c has the automatons. */
#include "match/patterns.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "match/alphabet.h"
#include "match/automaton.h"
#include "match/internal.h"

/* Tiers that have nearly the same texts (in percent of bytes) have one automaton. */
#define SHARE_MIN_PERCENT 95

/* What values of web requests are mostly written in, each tier with all of those before it: identifiers; text; addresses; everything
 * but line feeds; and everything. byte_tiers below has them. Where a tier has no line feed, no match goes from one line into the next. */
#define TIER_COUNT PATTERN_TIERS

struct pattern_set_builder {
	char **texts; /* owned; as the automaton's compiler wants them */
	uint8_t *tiers; /* the first one that has it */
	unsigned int *flags;
	unsigned int *ids;
	size_t count, room;
	bool asks_ends; /* an expression that is about the ends of the buffer, whatever lines are in it */
};

/* Until the set is finished a tier has a draft; then what scans want to know. */
struct tier {
	const hs_database_t *database; /* the automaton's; null when no pattern could be taken */
	uint16_t *ids; /* owned; by the automaton's numbers */
	uint16_t *always; /* owned; ids that libhs could not take */
	size_t always_count;
	unsigned int owner; /* the tier whose automaton it has: its own, or a richer one's */
	struct automaton *automaton; /* a reference of the owner */
	struct automaton_draft draft;
};

struct pattern_set {
	struct tier tiers[TIER_COUNT];
	size_t pattern_count;
	bool takes_lines;
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
	((tier) == TIER_COUNT - 1 || ((tier) == TIER_COUNT - 2 && (byte) != '\n') || (byte) >= 0x80 ||                 \
		((byte) >= '0' && (byte) <= '9') || ((byte) >= 'A' && (byte) <= 'Z') ||                                \
		((byte) >= 'a' && (byte) <= 'z') || (byte) == '_' || (byte) == '-' || (byte) == '.' ||                 \
		((tier) >= 1 && ((byte) == ' ' || (byte) == ',')) ||                                                   \
		((tier) >= 2 && ((byte) == '@' || (byte) == ':' || (byte) == '/' || (byte) == '+')))
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

/* (?-m) and (?^) end the mode in which ^ and $ are about lines. At an opening "(?". */
static bool leaves_lines(struct bytes group)
{
	bool off = false;

	for (size_t i = 2; i < group.size; i++) {
		uint8_t byte = group.ptr[i];

		if (byte == '^' || (off && byte == 'm'))
			return true;
		if (byte != '-' && (byte < 'a' || byte > 'z'))
			return false;
		off |= byte == '-';
	}
	return false;
}

/* Too many are said to, never too few: in a class or behind \Q these are letters. */
static bool asks_ends(struct bytes expression)
{
	if (bytes_equal(bytes_first(expression, 2), bytes_of("(*", 2)))
		return true;
	for (size_t i = 0; i + 1 < expression.size; i++) {
		uint8_t byte = expression.ptr[i], next = expression.ptr[i + 1];

		if (byte == '(' && next == '?' && leaves_lines(bytes_skip(expression, i)))
			return true;
		if (byte != '\\')
			continue;
		if (next == 'A' || next == 'z' || next == 'Z' || next == 'G')
			return true;
		i++;
	}
	return false;
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
	builder->asks_ends |= !pattern->literal && asks_ends(pattern->text);
	builder->texts[builder->count] = text;
	builder->tiers[builder->count] = first_tier(pattern);
	builder->flags[builder->count] = flags;
	builder->ids[builder->count++] = pattern->id;
	return 0;
}

/* ---- automatons ---- */

/* What of a text is left in the tier's alphabet; what cannot be written down stays as it is. Null without memory. */
static char *restrict_text(const struct alphabet *alphabet, const char *text, unsigned int flags)
{
	struct bytes bytes = bytes_from_str(text);
	char *restricted = malloc(bytes.size + 1);
	size_t size = bytes.size;

	if (!restricted)
		return NULL;
	if (!alphabet || (flags & HS_FLAG_PREFILTER) == 0 || !alphabet_restrict(alphabet, bytes, restricted, &size))
		memcpy(restricted, bytes.ptr, size);
	restricted[size] = '\0';
	return restricted;
}

static int draft_tier(const struct pattern_set_builder *builder, unsigned int number, struct automaton_draft *ret)
{
	struct alphabet alphabet;
	int error = 0;

	tier_alphabet(number, &alphabet);
	for (size_t i = 0; i < builder->count && error == 0; i++) {
		char *text;

		if (builder->tiers[i] > number)
			continue;
		text = restrict_text(number + 1 == TIER_COUNT ? NULL : &alphabet, builder->texts[i], builder->flags[i]);
		error = text ? automaton_draft_add(ret, text, builder->flags[i], (uint16_t)builder->ids[i])
			     : LUYTRE_E_NOMEM;
	}
	automaton_draft_finish(ret);
	return error;
}

/* The richer tier finds all that the poorer one would. Two automatons are worth it only where one of them is smaller. */
static bool nearly_equal(const struct automaton_draft *poor, const struct automaton_draft *rich)
{
	return poor->text_size * 100 >= rich->text_size * SHARE_MIN_PERCENT;
}

static int make_tiers(struct pattern_set *set, const struct pattern_set_builder *builder)
{
	unsigned int owner = TIER_COUNT - 1;
	int error = 0;

	for (unsigned int number = TIER_COUNT; number-- > 0 && error == 0;) {
		struct tier *tier = &set->tiers[number];

		error = draft_tier(builder, number, &tier->draft);
		tier->owner = number;
		if (number + 1 < TIER_COUNT && nearly_equal(&tier->draft, &set->tiers[owner].draft)) {
			tier->owner = owner;
			automaton_draft_done(&tier->draft);
		}
		owner = tier->owner;
	}
	return error;
}

int pattern_set_new(const struct pattern_set_builder *builder, struct pattern_set **ret)
{
	struct pattern_set *set = calloc(1, sizeof(*set));
	int error;

	if (!set)
		return LUYTRE_E_NOMEM;
	set->pattern_count = builder->count;
	set->takes_lines = !builder->asks_ends;
	error = make_tiers(set, builder);
	if (error < 0) {
		pattern_set_free(set);
		return error;
	}
	*ret = set;
	return 0;
}

size_t pattern_set_part_weight(const struct pattern_set *set, unsigned int part)
{
	return set->tiers[part].automaton ? 0 : set->tiers[part].draft.weight;
}

void pattern_set_part_key(const struct pattern_set *set, unsigned int part, char ret[PATTERN_SET_KEY_SIZE])
{
	const uint64_t *key = set->tiers[part].draft.key;

	snprintf(ret, PATTERN_SET_KEY_SIZE, "%016llx%016llx", (unsigned long long)key[0], (unsigned long long)key[1]);
}

int pattern_set_part_compile(struct pattern_set *set, unsigned int part)
{
	return automaton_compile(&set->tiers[part].draft, &set->tiers[part].automaton);
}

int pattern_set_part_load(struct pattern_set *set, unsigned int part, struct bytes saved)
{
	return automaton_load(&set->tiers[part].draft, saved, &set->tiers[part].automaton);
}

int pattern_set_part_save(const struct pattern_set *set, unsigned int part, uint8_t **ret, size_t *ret_size)
{
	return automaton_save(set->tiers[part].automaton, ret, ret_size);
}

bool pattern_set_part_take(struct pattern_set *set, unsigned int part, const struct pattern_set *from)
{
	const uint64_t *key = set->tiers[part].draft.key;

	for (unsigned int i = 0; i < TIER_COUNT; i++) {
		struct automaton *other = from->tiers[i].automaton;

		if (!other || other->key[0] != key[0] || other->key[1] != key[1])
			continue;
		set->tiers[part].automaton = automaton_ref(other);
		return true;
	}
	return false;
}

/* From numbers of rows to ids of patterns. */
static int bind_tier(struct tier *tier)
{
	const struct automaton_draft *draft = &tier->draft;

	tier->database = tier->automaton->database;
	tier->ids = calloc(automaton_draft_numbers(draft) + 1, sizeof(*tier->ids));
	tier->always = calloc(tier->automaton->refused_count + 1, sizeof(*tier->always));
	if (!tier->ids || !tier->always)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < draft->count; i++)
		tier->ids[draft->rows[i].number] = draft->rows[i].id;
	for (uint32_t i = 0; i < tier->automaton->refused_count; i++)
		tier->always[tier->always_count++] = tier->ids[tier->automaton->refused[i]];
	automaton_draft_done(&tier->draft);
	return 0;
}

int pattern_set_finish(struct pattern_set *set)
{
	for (unsigned int number = 0; number < TIER_COUNT; number++) {
		struct tier *tier = &set->tiers[number];
		int error = 0;

		if (tier->owner != number)
			continue;
		if (!tier->automaton)
			error = automaton_compile(&tier->draft, &tier->automaton);
		if (error == 0)
			error = bind_tier(tier);
		if (error < 0)
			return error;
	}
	return 0;
}

int pattern_set_compile(const struct pattern_set_builder *builder, struct pattern_set **ret)
{
	struct pattern_set *set;
	int error = pattern_set_new(builder, &set);

	if (error < 0)
		return error;
	error = pattern_set_finish(set);
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
	for (unsigned int number = 0; number < TIER_COUNT; number++) {
		automaton_unref(set->tiers[number].automaton);
		automaton_draft_done(&set->tiers[number].draft);
		free(set->tiers[number].ids);
		free(set->tiers[number].always);
	}
	free(set);
}

/* ---- search ---- */

int pattern_set_prepare(const struct pattern_set *set, struct match_scratch *scratch)
{
	for (unsigned int tier = 0; tier < TIER_COUNT; tier++) {
		hs_scratch_t *grown = NULL;

		if (!set->tiers[tier].database)
			continue;
		/* On a copy, because a scratch that could not grow is gone. */
		if (scratch->automaton && hs_clone_scratch(scratch->automaton, &grown) != HS_SUCCESS)
			return LUYTRE_E_NOMEM;
		if (hs_alloc_scratch(set->tiers[tier].database, &grown) != HS_SUCCESS) {
			hs_free_scratch(grown);
			return LUYTRE_E_NOMEM;
		}
		hs_free_scratch(scratch->automaton);
		scratch->automaton = grown;
	}
	return 0;
}

unsigned int pattern_tier(struct bytes in)
{
	unsigned int tiers = EVERY_TIER;

	for (size_t i = 0; i < in.size && tiers != LAST_TIER; i++)
		tiers &= byte_tiers[in.ptr[i]];
	return (unsigned int)__builtin_ctz(tiers);
}

struct found {
	const uint16_t *ids; /* by number */
	uint64_t *bits;
};

static int on_match(
	unsigned int number, unsigned long long from, unsigned long long to, unsigned int flags, void *context)
{
	const struct found *found = context;
	unsigned int id = found->ids[number];

	(void)from, (void)to, (void)flags;
	found->bits[id / 64] |= UINT64_C(1) << (id % 64);
	return 0;
}

static bool scan_tier(const struct pattern_set *set, struct match_scratch *scratch, unsigned int number,
	struct bytes in, uint64_t *bits)
{
	const struct tier *tier = &set->tiers[set->tiers[number].owner];
	struct found found = { tier->ids, bits };

	for (size_t i = 0; i < tier->always_count; i++)
		bits[tier->always[i] / 64] |= UINT64_C(1) << (tier->always[i] % 64);
	if (in.size > UINT32_MAX)
		return false;
	return !tier->database || hs_scan(tier->database, in.size ? (const char *)in.ptr : "", (unsigned int)in.size, 0,
					  scratch->automaton, on_match, &found) == HS_SUCCESS;
}

bool pattern_set_scan(const struct pattern_set *set, struct match_scratch *scratch, struct bytes in, uint64_t *bits)
{
	return scan_tier(set, scratch, pattern_tier(in), in, bits);
}

bool pattern_set_scan_lines(const struct pattern_set *set, struct match_scratch *scratch, unsigned int tier,
	struct bytes lines, uint64_t *bits)
{
	return set->takes_lines && scan_tier(set, scratch, tier, lines, bits);
}

bool pattern_set_takes_lines(const struct pattern_set *set)
{
	return set->takes_lines;
}

bool pattern_set_is_always(const struct pattern_set *set, uint32_t id)
{
	const struct tier *last = &set->tiers[TIER_COUNT - 1];

	for (size_t i = 0; i < last->always_count; i++) {
		if (last->always[i] == id)
			return true;
	}
	return false;
}

struct pattern_set_info pattern_set_info(const struct pattern_set *set)
{
	struct pattern_set_info info = { .pattern_count = set->pattern_count,
		.always_count = set->tiers[TIER_COUNT - 1].always_count,
		.memory_bytes = sizeof(*set) };

	for (unsigned int number = 0; number < TIER_COUNT; number++) {
		const struct tier *tier = &set->tiers[number];
		size_t size = 0;

		if (tier->database && hs_database_size(tier->database, &size) == HS_SUCCESS)
			info.memory_bytes += size + set->pattern_count * sizeof(*tier->ids);
	}
	return info;
}
