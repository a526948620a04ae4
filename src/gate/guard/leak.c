// SPDX-License-Identifier: Apache-2.0
/* The scan of one response: finds runs of digits, remembers the distinct values, decides what stands.
 *
 * Text is scanned where it lies. Only the last bytes of a piece, in which a value could go on, are copied, and looked at again in front
 * of the next piece. Most of a page has no three digits in a row: 62 places are passed at a time. */
#include "gate/guard/leak.h"

#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "gate/guard/leak-internal.h"
#include "gate/guard/ways.h"

enum {
	HELD_MAX = 2048,
	SLOTS = 1024,
	DISTINCT_MAX = 768,
	WORDS_MAX = 4096, /* times that words are looked for in one answer: a page of numbers must not take long */
	WORDS_OLD_MAX = 512, /* ... for nine digits */
	RECORD_SIZE = 256, /* values of different kinds so near are of one record */
};

/* Of a value in the set: its keyed hash, with the kind and whether it stands in the lowest bits. */
#define KIND_BITS UINT64_C(0x0e)
#define STANDS    UINT64_C(0x01)

struct leak_scan {
	const struct leak_settings *settings;
	struct leak_result result;
	uint64_t *slots; /* owned; null until something is found */
	uint32_t tested[LEAK_KINDS]; /* numbers that could have been of the kind by their length */
	uint32_t matched[LEAK_KINDS]; /* those that were */
	uint32_t words_asked, words_old_asked;
	uint64_t text_base; /* offset in the response of the text that is looked at */
	uint64_t last_end; /* of the last value of a kind that can make a record, or 0 */
	uint64_t last_hash;
	enum leak_kind last_kind;
	size_t held_size, held_done; /* what was looked at already */
	uint8_t held[HELD_MAX];
};

static const char *const kind_names[LEAK_KINDS] = { "citizen", "old-id", "tax-code", "health-card", "phone", "card",
	"id-qr", "id-mrz" };

const char *leak_kind_name(enum leak_kind kind)
{
	return kind < LEAK_KINDS ? kind_names[kind] : "none";
}

void leak_settings_default(struct leak_settings *settings, uint16_t year)
{
	*settings = (struct leak_settings){
		.response_max = { [LEAK_CITIZEN] = 20,
			[LEAK_OLD_ID] = 20,
			[LEAK_TAX_CODE] = 200,
			[LEAK_HEALTH_CARD] = 20,
			[LEAK_PHONE] = 100,
			[LEAK_CARD] = 5,
			[LEAK_ID_QR] = 5,
			[LEAK_ID_MRZ] = 5 },
		.many_min = 20,
		.session_max = 200,
		.session_kinds = 1u << LEAK_CITIZEN | 1u << LEAK_OLD_ID | 1u << LEAK_HEALTH_CARD | 1u << LEAK_CARD |
				 1u << LEAK_ID_QR | 1u << LEAK_ID_MRZ,
		.session_ms = 3600 * UINT64_C(1000),
		.cut_ms = 900 * UINT64_C(1000),
		.year = year,
	};
}

struct leak_scan *leak_scan_new(const struct leak_settings *settings)
{
	struct leak_scan *scan = malloc(sizeof(*scan));

	if (!scan)
		return NULL;
	memset(scan, 0, offsetof(struct leak_scan, held));
	scan->settings = settings;
	return scan;
}

void leak_scan_free(struct leak_scan *scan)
{
	if (!scan)
		return;
	free(scan->slots);
	free(scan);
}

/* ---- distinct values ---- */

static uint64_t hash_value(const struct leak_scan *scan, const struct leak_value *value)
{
	uint64_t hash = siphash24(scan->settings->key, value->digits, value->digit_count);

	hash = (hash & ~(KIND_BITS | STANDS)) | (uint64_t)value->kind << 1;
	return hash == 0 ? UINT64_C(1) << 32 : hash;
}

/* The slot of the value, or a free one; null when there is no memory. */
static uint64_t *find_slot(struct leak_scan *scan, uint64_t hash)
{
	uint32_t i = (uint32_t)(hash >> 32) % SLOTS;

	if (!scan->slots)
		scan->slots = calloc(SLOTS, sizeof(*scan->slots));
	if (!scan->slots) {
		scan->result.memory_refused = true;
		return NULL;
	}
	while (scan->slots[i] != 0 && (scan->slots[i] & ~STANDS) != hash)
		i = (i + 1) % SLOTS;
	return &scan->slots[i];
}

static uint32_t distinct_count(const struct leak_scan *scan)
{
	uint32_t count = 0;

	for (unsigned int i = 0; i < LEAK_KINDS; i++)
		count += scan->result.found[i] + scan->result.weak[i];
	return count;
}

static void remember(struct leak_scan *scan, enum leak_kind kind, uint64_t hash, bool stands)
{
	uint64_t *slot = find_slot(scan, hash);

	if (!slot)
		return;
	if (*slot == 0) {
		if (distinct_count(scan) >= DISTINCT_MAX) {
			scan->result.full = true;
			return;
		}
		*slot = hash;
		scan->result.weak[kind]++;
	}
	if (stands && !(*slot & STANDS)) {
		*slot |= STANDS;
		scan->result.weak[kind]--;
		scan->result.found[kind]++;
	}
}

static bool is_known(struct leak_scan *scan, uint64_t hash)
{
	uint64_t *slot = find_slot(scan, hash);

	return slot && (*slot & STANDS);
}

/* ---- what stands ---- */

static bool in_record(const struct leak_scan *scan, enum leak_kind kind, uint64_t offset)
{
	return scan->last_end != 0 && scan->last_kind != kind && offset - scan->last_end <= RECORD_SIZE;
}

static bool has_words(struct leak_scan *scan, struct bytes text, size_t at, enum leak_kind kind)
{
	bool old = kind == LEAK_OLD_ID;
	uint32_t *asked = old ? &scan->words_old_asked : &scan->words_asked;

	if (*asked >= (old ? WORDS_OLD_MAX : WORDS_MAX))
		return false;
	(*asked)++;
	return (leak_words_before(bytes_first(text, at)) >> kind & 1) != 0;
}

static void take_value(struct leak_scan *scan, struct bytes text, size_t at, const struct leak_value *value)
{
	uint64_t hash = hash_value(scan, value), offset = scan->text_base + at;
	bool stands = value->strong || is_known(scan, hash);

	scan->matched[value->kind]++;
	if (!stands)
		stands = has_words(scan, text, at, value->kind);
	/* Any nine digits are an old number: without a word it says nothing, not even about its neighbours. */
	if (value->kind == LEAK_OLD_ID && !stands)
		return;
	if (in_record(scan, value->kind, offset)) {
		stands = true;
		remember(scan, scan->last_kind, scan->last_hash, true);
	}
	remember(scan, value->kind, hash, stands);
	scan->last_kind = value->kind;
	scan->last_hash = hash;
	scan->last_end = offset + value->size;
}

/* Many distinct values of a weak kind stand too, when most numbers of such a length are such values. */
static uint32_t standing(const struct leak_scan *scan, enum leak_kind kind)
{
	uint32_t found = scan->result.found[kind], weak = scan->result.weak[kind];

	if (weak >= scan->settings->many_min && scan->matched[kind] * 2 >= scan->tested[kind])
		return found + weak;
	return found;
}

static void judge(struct leak_scan *scan)
{
	if (scan->result.verdict == LEAK_CUT)
		return;
	for (unsigned int kind = 0; kind < LEAK_KINDS; kind++) {
		uint32_t count = standing(scan, kind), most = scan->settings->response_max[kind];

		if (count == 0)
			continue;
		scan->result.verdict = LEAK_SEEN;
		if (most != 0 && count > most) {
			scan->result.verdict = LEAK_CUT;
			scan->result.kind = kind;
			return;
		}
	}
}

/* ---- text ---- */

static bool is_digit(uint8_t c)
{
	return (uint8_t)(c - '0') <= 9;
}

#ifdef __SSE2__
static uint64_t digit_mask(const uint8_t *p)
{
	uint64_t mask = 0;

	for (unsigned int i = 0; i < 4; i++) {
		__m128i v =
			_mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)), _mm_set1_epi8('0'));
		__m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(9)), v);

		mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(digit) << (16 * i);
	}
	return mask;
}
#else
static uint64_t digit_mask(const uint8_t *p)
{
	uint64_t mask = 0;

	for (unsigned int i = 0; i < 64; i++)
		mask |= (uint64_t)is_digit(p[i]) << i;
	return mask;
}
#endif

/* The first place from 'at' on, before 'end', where three digits stand in a row; 'end' when there is none. */
static size_t find_digits(struct bytes text, size_t at, size_t end)
{
	while (at < end && at + 64 <= text.size) {
		uint64_t mask = digit_mask(text.ptr + at), runs = mask & mask >> 1 & mask >> 2;

		if (runs != 0) {
			at += (size_t)__builtin_ctzll(runs);
			return at < end ? at : end;
		}
		at += 62;
	}
	for (; at < end; at++) {
		if (at + 2 < text.size && is_digit(text.ptr[at]) && is_digit(text.ptr[at + 1]) &&
			is_digit(text.ptr[at + 2]))
			return at;
	}
	return end;
}

/* Looks at the values that begin from 'from' on, before 'end'. Returns where to go on: 'end', or behind a value that reaches over it. */
static size_t scan_text(struct leak_scan *scan, struct bytes text, size_t from, size_t end)
{
	size_t at = from;

	while (at < end) {
		struct leak_value value;
		uint32_t tested;

		at = find_digits(text, at, end);
		if (at == end)
			break;
		if (at > 0 && is_digit(text.ptr[at - 1])) {
			while (at < end && is_digit(text.ptr[at]))
				at++;
			continue;
		}
		if (leak_value_at(text, at, scan->settings->year, &value, &tested)) {
			tested |= 1u << value.kind;
			take_value(scan, text, at, &value);
		}
		for (unsigned int kind = 0; kind < LEAK_KINDS; kind++)
			scan->tested[kind] += tested >> kind & 1;
		at += value.size;
	}
	return at;
}

/* Holds what the next piece needs: words before a value, and a value that may go on. Everything before 'done' was looked at. */
static void hold(struct leak_scan *scan, struct bytes text, size_t done)
{
	size_t start = done > LEAK_BEFORE ? done - LEAK_BEFORE : 0;

	scan->held_size = text.size - start;
	scan->held_done = done - start;
	memmove(scan->held, text.ptr + start, scan->held_size);
	scan->text_base += start;
}

static void scan_held(struct leak_scan *scan, bool last)
{
	struct bytes text = bytes_of(scan->held, scan->held_size);
	size_t end = last ? text.size : text.size > LEAK_BEHIND ? text.size - LEAK_BEHIND : 0;

	if (end > scan->held_done) {
		hold(scan, text, scan_text(scan, text, scan->held_done, end));
	}
}

void leak_scan_text(struct leak_scan *scan, struct bytes piece)
{
	scan->result.scanned_bytes += piece.size;
	while (piece.size != 0) {
		size_t seam = LEAK_BEFORE + LEAK_BEHIND, taken;

		/* A long piece is looked at where it lies, once the seam behind what is held is done. */
		if (scan->held_size == 0 && piece.size > 2 * seam) {
			hold(scan, piece, scan_text(scan, piece, 0, piece.size - LEAK_BEHIND));
			break;
		}
		if (piece.size > 4 * seam) {
			size_t held = scan->held_size, done;

			memcpy(scan->held + held, piece.ptr, seam);
			scan->held_size += seam;
			done = scan_text(
				scan, bytes_of(scan->held, scan->held_size), scan->held_done, held + LEAK_BEFORE);
			scan->text_base += held;
			hold(scan, piece, scan_text(scan, piece, done - held, piece.size - LEAK_BEHIND));
			break;
		}
		taken = HELD_MAX - scan->held_size < piece.size ? HELD_MAX - scan->held_size : piece.size;
		memcpy(scan->held + scan->held_size, piece.ptr, taken);
		scan->held_size += taken;
		piece = bytes_skip(piece, taken);
		scan_held(scan, false);
	}
	judge(scan);
}

void leak_scan_end(struct leak_scan *scan)
{
	scan_held(scan, true);
	judge(scan);
}

const struct leak_result *leak_scan_result(const struct leak_scan *scan)
{
	return &scan->result;
}

/* ---- sessions ---- */

/* Distinct values are counted by the share of bits that they leave unset (linear counting, Whang and others 1990). */
enum { SESSION_BITS = 2048 };

struct session {
	uint64_t began_ns, cut_until_ns;
	uint32_t bits_set, reserved;
	uint64_t bits[SESSION_BITS / 64];
};

struct leak_sessions {
	uint64_t cut;
};

static struct ways *session_table(struct leak_sessions *sessions)
{
	return (struct ways *)(sessions + 1);
}

size_t leak_sessions_size(size_t count)
{
	return sizeof(struct leak_sessions) + ways_size(sizeof(struct session), count);
}

struct leak_sessions *leak_sessions_place(void *memory, size_t count, const struct leak_settings *settings)
{
	struct leak_sessions *sessions = memory;
	uint64_t longest_ms = settings->session_ms > settings->cut_ms ? settings->session_ms : settings->cut_ms;

	sessions->cut = 0;
	ways_place(session_table(sessions), sizeof(struct session), count, longest_ms * 1000000);
	return sessions;
}

uint64_t leak_session_key(const struct leak_settings *settings, struct bytes id)
{
	return siphash24(settings->key, id.ptr, id.size);
}

static void session_add(struct session *session, uint64_t hash)
{
	uint64_t bit = hash >> 20 & (SESSION_BITS - 1), mask = UINT64_C(1) << bit % 64;

	if (session->bits[bit / 64] & mask)
		return;
	session->bits[bit / 64] |= mask;
	session->bits_set++;
}

/* -m ln(1 - set / m) by its series, exact enough (1 in 50) up to three quarters full; there it stays. */
static uint32_t session_count(const struct session *session)
{
	uint64_t set = session->bits_set, unset, count = 0;

	if (set > SESSION_BITS * 3 / 4)
		set = SESSION_BITS * 3 / 4;
	/* The next bit takes m / (m - set) values on average. */
	for (unset = SESSION_BITS; unset > SESSION_BITS - set; unset--)
		count += ((uint64_t)SESSION_BITS << 16) / unset;
	return (uint32_t)(count >> 16);
}

enum leak_verdict leak_sessions_add(struct leak_sessions *sessions, const struct leak_settings *settings,
	uint64_t session, const struct leak_scan *scan, uint64_t now_ns, uint32_t *ret_count)
{
	struct session *entry = ways_get(session_table(sessions), session, now_ns);
	uint32_t count;

	if (entry->began_ns == 0 || now_ns - entry->began_ns > settings->session_ms * 1000000) {
		memset(entry->bits, 0, sizeof(entry->bits));
		entry->bits_set = 0;
		entry->began_ns = now_ns == 0 ? 1 : now_ns;
	}
	for (unsigned int i = 0; scan->slots && i < SLOTS; i++) {
		uint64_t slot = scan->slots[i];
		enum leak_kind kind = (enum leak_kind)((slot & KIND_BITS) >> 1);
		bool stands = (slot & STANDS) || standing(scan, kind) > scan->result.found[kind];

		if (slot != 0 && stands && (settings->session_kinds >> kind & 1))
			session_add(entry, slot);
	}
	count = session_count(entry);
	if (ret_count)
		*ret_count = count;
	if (settings->session_max != 0 && count > settings->session_max) {
		if (entry->cut_until_ns <= now_ns)
			sessions->cut++;
		entry->cut_until_ns = now_ns + settings->cut_ms * 1000000;
	}
	return entry->cut_until_ns > now_ns ? LEAK_CUT : count != 0 ? LEAK_SEEN : LEAK_NONE;
}

bool leak_sessions_is_cut(struct leak_sessions *sessions, uint64_t session, uint64_t now_ns)
{
	const struct session *entry = ways_find(session_table(sessions), session, now_ns);

	return entry && entry->cut_until_ns > now_ns;
}

struct leak_session_counters leak_sessions_counters(const struct leak_sessions *sessions)
{
	struct ways_counters counters = ways_counters((const struct ways *)(sessions + 1));

	return (struct leak_session_counters){ counters.created, counters.expired, counters.evicted, sessions->cut };
}
