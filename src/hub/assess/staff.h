// SPDX-License-Identifier: Apache-2.0
/* The part of a questionnaire about people: who holds which post, when the contact was last tried, and who is on duty at which hour of
 * the week.
 *
 *	{"posts":[{"post":"lead","name":"Trần An","contact":"+84 24 ...","checked":"2026-11-01"}],
 *	 "shifts":[{"day":1,"from":0,"to":24,"post":0}]}
 *
 * Days are 1 (Monday) to 7, hours 0 to 24 of the country's time, 'post' the place in the list. staff_write gives one form only, which is
 * stored and signed. Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/jsonr.h"
#include "base/jsonw.h"

enum {
	STAFF_POSTS_MAX = 32,
	STAFF_SHIFTS_MAX = 168,
	STAFF_NAME_SIZE = 4 * 128 + 1,
	STAFF_CONTACT_SIZE = 4 * 254 + 1,
	STAFF_TEXT_MAX = 128 << 10,
	STAFF_WEEK_HOURS = 168,
};

/* X(identifier, word, English, Vietnamese) */
#define STAFF_POSTS(X)                                                                                                 \
	X(LEAD, "lead", "lead of incident response", "phụ trách ứng cứu sự cố")                                        \
	X(DEPUTY, "deputy", "deputy", "cấp phó")                                                                       \
	X(CONTACT, "contact", "contact for reports", "đầu mối tiếp nhận báo cáo")                                      \
	X(OPERATION, "operation", "operation and administration", "vận hành, quản trị")                                \
	X(MONITORING, "monitoring", "monitoring", "giám sát")                                                          \
	X(DATA, "data-protection", "protection of personal data", "bảo vệ dữ liệu cá nhân")

#define X(id, ...) STAFF_##id,
enum staff_kind { STAFF_POSTS(X) STAFF_KIND_COUNT };
#undef X
extern const struct staff_text {
	const char *word, *en, *vi;
} staff_texts[STAFF_KIND_COUNT];

struct staff_post {
	enum staff_kind kind;
	uint32_t checked_day; /* since 1970; 0: never */
	char name[STAFF_NAME_SIZE], contact[STAFF_CONTACT_SIZE];
};

struct staff_shift {
	uint8_t day, from, to, post;
};

struct staff {
	struct staff_post posts[STAFF_POSTS_MAX];
	struct staff_shift shifts[STAFF_SHIFTS_MAX];
	size_t post_count, shift_count;
};

/* Reads members "posts" and "shifts"; what does not fit is noted in the reader's errors. Both are replaced. */
void staff_read(const struct jsonr *object, struct staff *ret);
void staff_write(struct jsonw *json, const struct staff *staff);
/* Of what was stored; LUYTRE_E_CORRUPT. An empty text is no staff. */
MUST_CHECK int staff_parse(struct bytes text, struct staff *ret);

/* Hours of the week in which somebody is on duty, 0 to 168. */
unsigned int staff_hours(const struct staff *staff);
bool staff_has(const struct staff *staff, enum staff_kind kind);
/* The last day on which a contact was tried; 0: never. */
uint32_t staff_checked_day(const struct staff *staff);

/* "2026-11-01" and back; 0: it is no day. */
uint32_t staff_day_of(struct bytes text);
enum { STAFF_DAY_SIZE = 16 };
char *staff_day_text(uint32_t day, char text[STAFF_DAY_SIZE]);
