// SPDX-License-Identifier: Apache-2.0
/* The leak guard: finds identifiers of people in what a site answers, and says when an answer or a session has too many.
 *
 * Kinds and their checks:
 *
 *	citizen		12 digits of the personal identification number: place code, digit of century and sex, birth year not in the
 *			future (Decree 137/2015 Art 13; Circular 59/2021/TT-BCA Art 4)
 *	old-id		9 digits (CMND): counts with a word before it only
 *	tax-code	10 digits with the tax code's check digit, or those and a branch: 0314409058-002
 *	health-card	2 letters of a group, a digit 1 to 5, 12 digits (BHYT)
 *	phone		a mobile number: 0 or +84 and a prefix that is given out
 *	card		13 to 19 digits, an issuer's range, Luhn (ISO/IEC 7812); NAPAS 9704
 *	id-qr		the text of an identity card's QR code: number|old number|name|ddMMyyyy|…
 *	id-mrz		the machine readable zone of an identity card: IDVNM, number and check digit (ICAO 9303, TD1)
 *
 * Digits alone prove little: one random number in sixty passes for a citizen's, one in eleven for a tax code. So a value *stands* only when
 *	- its form is strong (QR, MRZ, NAPAS, a card written in groups), or
 *	- a word for its kind is near before it, Vietnamese with or without marks, composed or decomposed, or English, or
 *	- a value of another kind is in the same record (within 256 bytes), or
 *	- the answer has many distinct values of the kind, and most numbers of that length are such values.
 * A weak kind alone never triggers. Each value counts once in an answer. Numbers may be written in groups, 0912 345 678.
 *
 * Use, for one response (the text as it goes to the client, before compression):
 *
 *	scan = leak_scan_new(&settings)
 *	leak_scan_text(scan, piece) ...		any size; a value cut between two pieces is found
 *	leak_scan_end(scan)
 *	leak_scan_result(scan)->verdict		may be asked after every piece: LEAK_CUT does not go back
 *	leak_sessions_add(sessions, leak_session_key(&settings, id), scan, now_ns)
 *	leak_scan_free(scan)
 *
 * What went out before the verdict is gone: a server that must not let it go holds the answer back as far as its limit.
 * A scan belongs to one thread and takes 3 KiB, 8 KiB more when it has found something. Settings must outlive it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/siphash.h"

enum leak_kind {
	LEAK_CITIZEN,
	LEAK_OLD_ID,
	LEAK_TAX_CODE,
	LEAK_HEALTH_CARD,
	LEAK_PHONE,
	LEAK_CARD,
	LEAK_ID_QR,
	LEAK_ID_MRZ,
	LEAK_KINDS
};

/* "citizen", "old-id", ... as above. */
const char *leak_kind_name(enum leak_kind kind);

struct leak_settings {
	uint32_t response_max
		[LEAK_KINDS]; /* an answer with more distinct values of a kind is cut; 0: never for this kind */
	uint32_t many_min; /* so many distinct values stand without words */
	uint32_t session_max; /* distinct values of the kinds in session_kinds for one session in session_ms */
	uint32_t session_kinds; /* one bit each */
	uint64_t session_ms, cut_ms; /* how long a session is counted, how long it stays cut */
	uint16_t year; /* now: later birth years are none */
	struct siphash_key key; /* the same for all scans that are counted together; random */
};

/* Values that let people see their own records and public directories of firms: 20 citizens, 5 cards, 200 tax codes in an answer. */
void leak_settings_default(struct leak_settings *settings, uint16_t year);

enum leak_verdict {
	LEAK_NONE, /* nothing stands */
	LEAK_SEEN, /* something does, within bounds */
	LEAK_CUT,
};

struct leak_result {
	enum leak_verdict verdict;
	enum leak_kind kind; /* why, with LEAK_CUT */
	uint32_t found[LEAK_KINDS]; /* distinct values that stand */
	uint32_t weak[LEAK_KINDS]; /* distinct values of the form that do not */
	uint64_t scanned_bytes;
	bool full; /* there were more distinct values than the scan remembers (768) */
	bool memory_refused; /* values could not be remembered: the counts are too low */
};

struct leak_scan;

/* Null without memory. */
struct leak_scan *leak_scan_new(const struct leak_settings *settings);
void leak_scan_free(struct leak_scan *scan); /* accepts null */
void leak_scan_text(struct leak_scan *scan, struct bytes piece);
void leak_scan_end(struct leak_scan *scan); /* no text after it */
const struct leak_result *leak_scan_result(const struct leak_scan *scan);

/* ---- sessions ---- */

/* Counts the distinct values that each session was shown. In memory of the caller, which may be shared between processes (then under a
 * lock of the caller). 320 bytes a session; the least recently used gives way (counted, see ways.h). */
struct leak_sessions;

size_t leak_sessions_size(size_t count);
/* In 'memory' of that size, aligned to 8. Of the settings only the times count, and only for how long an unused session is remembered:
 * the longest that calls will have. */
struct leak_sessions *leak_sessions_place(void *memory, size_t count, const struct leak_settings *settings);

/* 'id' is the session cookie's value, or the client's address when there is none. */
uint64_t leak_session_key(const struct leak_settings *settings, struct bytes id);

/* Adds what stands in 'scan' (again and again does no harm) and says if the session is cut; '*ret_count' may be null. */
enum leak_verdict leak_sessions_add(struct leak_sessions *sessions, const struct leak_settings *settings,
	uint64_t session, const struct leak_scan *scan, uint64_t now_ns, uint32_t *ret_count);

/* Whether answers to the session are cut now: to be asked before the request is passed on. */
bool leak_sessions_is_cut(struct leak_sessions *sessions, uint64_t session, uint64_t now_ns);

struct leak_session_counters {
	uint64_t created, expired, evicted; /* see ways.h */
	uint64_t cut; /* times that a session went over its bound */
};

struct leak_session_counters leak_sessions_counters(const struct leak_sessions *sessions);
