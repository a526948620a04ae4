// SPDX-License-Identifier: Apache-2.0
/* Incidents, and what the law wants done until when.
 *
 * All clocks of an incident run from the moment it was found. Which ones run follows from what is known of it (incident_traits) and from
 * rules/posture/clocks.tsv (hub/assess/law.h), as it was in force on the day it was found. What is not in the texts and was chosen here:
 *
 *	- reports "within 72 hours" are one at 72 hours, one each 72 hours from then on while the incident is open, and the closing one 72 hours
 *	  after the end (former law: five days, and five after the end)
 *	- "at once" is overdue at once, and escalated after an hour
 *	- serious is what rules/posture/serious.tsv says; a person who may judge can say otherwise
 *	- the level is that of the system when the incident was registered, or a higher one that it got since: a level that sinks, or a system
 *	  that leaves the register, takes nothing away of what is due
 *
 * Deadlines of each year and of the transition are made for organisations and systems (duty_yearly). Reminders come at half of the time and
 * two hours before; what is overdue is escalated once: a record of the audit log for the organisation above and one for the nation.
 *
 * Every change is in the caller's transaction or in one of its own, with its record of the audit log. 'scope' says whose incidents exist for
 * the call; whether it may be done at all is asked before. A handle and its calls belong to one thread. Times are microseconds since 1970. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "hub/assess/law.h"
#include "hub/store/audit.h"
#include "hub/store/db.h"
#include "hub/store/scope.h"
#include "hub/tenants/tenants.h"

enum {
	INCIDENT_OPEN_MAX = 10000, /* of an organisation; more are refused */
	INCIDENT_TITLE_SIZE = 4 * 200 + 1,
	INCIDENT_PERSON_SIZE = 4 * 128 + 1,
	INCIDENT_TEXT_SIZE = 4 * 1000 + 1,
	INCIDENT_LINKS_SIZE = 4096,
	INCIDENT_CLOCK_SIZE = 24,
	INCIDENT_DAY_SIZE = 16,
	INCIDENT_NOTE_SIZE = 4 * 500 + 1,
	DUTY_TICK_MAX = 64, /* reminders and escalations of one look */
};

#define INCIDENT_HOUR_US INT64_C(3600000000)
#define INCIDENT_DAY_US  (24 * INCIDENT_HOUR_US)

/* X(identifier, word, English, Vietnamese). Numbers are stored: add at the end. */
#define INCIDENT_KINDS(X)                                                                                              \
	X(OTHER, "other", "other", "khác")                                                                             \
	X(MALWARE, "malware", "malware", "mã độc")                                                                     \
	X(INTRUSION, "intrusion", "intrusion", "xâm nhập, chiếm quyền điều khiển")                                     \
	X(DENIAL, "denial-of-service", "denial of service", "tấn công từ chối dịch vụ")                                \
	X(DEFACEMENT, "defacement", "defacement", "tấn công thay đổi giao diện")                                       \
	X(LEAK, "data-leak", "leak or loss of data", "lộ, mất dữ liệu")                                                \
	X(PHISHING, "phishing", "phishing", "lừa đảo, giả mạo")                                                        \
	X(FAILURE, "failure", "failure without an attack", "sự cố kỹ thuật không do tấn công")

/* What is known of it; bits of 'traits'. */
#define INCIDENT_TRAITS(X)                                                                                             \
	X(INTERRUPTED, "interrupted", "the service is interrupted", "dịch vụ bị gián đoạn")                            \
	X(SECRETS, "secrets", "state secrets may leak", "có nguy cơ lộ bí mật nhà nước")                               \
	X(DAMAGED, "damaged", "important data damaged beyond recovery", "dữ liệu quan trọng hỏng không thể khôi phục") \
	X(CONTROL_LOST, "control-lost", "control of the system is lost", "mất quyền điều khiển hệ thống")              \
	X(SPREADING, "spreading", "can spread to other systems of level 4 or 5",                                       \
		"có thể lan sang hệ thống cấp độ 4, 5 khác")                                                           \
	X(BEYOND, "beyond", "the owner cannot cope alone", "vượt quá khả năng xử lý của chủ quản")                     \
	X(HARM, "harm", "signs of harm to national security or social order",                                          \
		"có dấu hiệu xâm hại an ninh quốc gia, trật tự xã hội")                                                \
	X(PROVIDER, "provider", "the owner is a service provider", "chủ quản là nhà cung cấp dịch vụ")                 \
	X(IMPORTANT, "important", "the system is important to national security",                                      \
		"hệ thống quan trọng về an ninh quốc gia")                                                             \
	X(DANGEROUS, "dangerous", "a dangerous situation was declared", "tình huống nguy hiểm về an ninh mạng")        \
	X(PERSONAL, "personal", "personal data were leaked or lost", "lộ, mất dữ liệu cá nhân")                        \
	X(SENSITIVE, "sensitive", "location, biometric or sensitive financial data among them",                        \
		"có dữ liệu vị trí, sinh trắc học hoặc tài chính nhạy cảm")

/* What people write; members of the API and columns. X(name, Vietnamese label on the notices) */
#define INCIDENT_TEXTS(X)                                                                                              \
	X(signs, "Dấu hiệu, hiện tượng")                                                                               \
	X(impact, "Phạm vi, mức độ ảnh hưởng, thiệt hại ban đầu")                                                      \
	X(cause, "Nguyên nhân")                                                                                        \
	X(provider, "Đơn vị cung cấp hạ tầng, dịch vụ")                                                                \
	X(measures, "Biện pháp đã và dự kiến thực hiện")                                                               \
	X(support, "Tổ chức hỗ trợ và kết quả phối hợp")                                                               \
	X(results, "Kết quả xử lý")                                                                                    \
	X(proposals, "Đề xuất, kiến nghị")                                                                             \
	X(people, "Loại dữ liệu cá nhân và số người bị ảnh hưởng")

/* Kinds of report of one clock. */
#define DUTY_STAGES(X)                                                                                                 \
	X(ONCE, "once", "", "")                                                                                        \
	X(PRELIMINARY, "preliminary", "preliminary report", "báo cáo ban đầu")                                         \
	X(UPDATE, "update", "update", "báo cáo cập nhật")                                                              \
	X(CLOSING, "closing", "closing report", "báo cáo kết thúc")

#define DUTY_STATES(X)                                                                                                 \
	X(OPEN, "open", "open", "chưa thực hiện")                                                                      \
	X(DONE, "done", "done", "đã thực hiện")                                                                        \
	X(VOID, "void", "does not apply any more", "không còn áp dụng")

#define X(id, ...) INCIDENT_##id,
enum incident_kind { INCIDENT_KINDS(X) INCIDENT_KIND_COUNT };
#undef X
#define X(id, ...) INCIDENT_BIT_##id,
enum { INCIDENT_TRAITS(X) INCIDENT_TRAIT_COUNT };
#undef X
#define X(id, ...) INCIDENT_IS_##id = 1U << INCIDENT_BIT_##id,
enum incident_trait { INCIDENT_TRAITS(X) };
#undef X
#define X(id, ...) DUTY_##id,
enum duty_stage { DUTY_STAGES(X) DUTY_STAGE_COUNT };
enum duty_state { DUTY_STATES(X) DUTY_STATE_COUNT };
#undef X

struct incident_word {
	const char *word, *en, *vi;
};
extern const struct incident_word incident_kinds[INCIDENT_KIND_COUNT], incident_traits[INCIDENT_TRAIT_COUNT],
	duty_stages[DUTY_STAGE_COUNT], duty_states[DUTY_STATE_COUNT];

/* The row of serious.tsv (SERIOUS_*) in force when it was found that makes it serious; null: none does. */
const char *const *incident_rule_of(const struct law *law, int64_t found_us, uint32_t level, uint32_t traits);
/* Whether every word of serious.tsv is a trait. LUYTRE_E_SYNTAX with a sentence in 'why' (LAW_WHY_SIZE). */
MUST_CHECK int incident_law_check(const struct law *law, char *why);

/* 0, or bits of what stands against it. */
enum incident_judged { INCIDENT_BY_RULE, INCIDENT_SERIOUS, INCIDENT_NOT_SERIOUS };

struct incident {
	uint32_t id, tenant, system; /* system 0: none in particular */
	/* Not read in changes, as what follows. 'level' counts; 'register_level' is that of the system now, 0: there is none any more. */
	uint32_t level, register_level;
	char system_name[TENANT_NAME_SIZE]; /* as it was last */
	int64_t revision, created_us, closed_us; /* closed 0: open */
	char created_by[INCIDENT_PERSON_SIZE];
	bool serious;
	const char *rule; /* source of the rule that makes it serious, of the law; null: none does */

	char title[INCIDENT_TITLE_SIZE];
	enum incident_kind kind;
	uint32_t traits;
	int64_t found_us;
	enum incident_judged judged;
	char owner[INCIDENT_PERSON_SIZE]; /* person or post that new deadlines are given to */
	char contact[TENANT_CONTACT_SIZE]; /* name, post, telephone, mail */
	char links[INCIDENT_LINKS_SIZE]; /* JSON object: {"events":["1"],"findings":[],"campaigns":[]}; "" is none */
#define X(name, ...) char name[INCIDENT_TEXT_SIZE];
	INCIDENT_TEXTS(X)
#undef X
};

struct incident_call {
	struct db *db;
	const struct scope *scope;
	const struct audit_origin *origin;
	const struct law *law; /* null: none, and nothing new falls due */
	const char *name; /* of the person, for people */
};

/* Makes the tables; after tenants_setup. */
MUST_CHECK int incident_setup(struct db *db);

/* '*ret' is the row as stored and may be 'in'. LUYTRE_E_NOT_FOUND: no such organisation or system in the scope. LUYTRE_E_RANGE: found in the
 * time to come. LUYTRE_E_CONFLICT: another revision, or it is closed. LUYTRE_E_FULL: INCIDENT_OPEN_MAX. */
MUST_CHECK int incident_create(const struct incident_call *call, const struct incident *in, struct incident *ret);
MUST_CHECK int incident_update(const struct incident_call *call, const struct incident *in, struct incident *ret);
/* Ends it: updates fall away, closing reports fall due. */
MUST_CHECK int incident_close(const struct incident_call *call, uint32_t id, int64_t revision, struct incident *ret);
MUST_CHECK int incident_get(const struct incident_call *call, uint32_t id, struct incident *ret);
/* Newest first, below 'before' (0: from the newest). 'open' -1: all, 0: closed, 1: open. Not 0 from 'fn' stops and is returned. */
typedef int (*incident_fn)(void *context, const struct incident *incident);
MUST_CHECK int incident_each(
	const struct incident_call *call, int open, uint32_t before, uint32_t limit, incident_fn fn, void *context);

/* ---- Deadlines (duty.c) ---- */

struct duty {
	uint32_t id, incident, tenant, system; /* incident 0: of a year or of the transition */
	int64_t revision;
	char clock[INCIDENT_CLOCK_SIZE]; /* id in clocks.tsv; "tr-CASE" of transition.tsv */
	char law_from[INCIDENT_DAY_SIZE]; /* first day of the row of clocks.tsv that says so; "" of the transition */
	enum duty_stage stage;
	uint32_t number; /* of updates, from 1; of a year: the year; of other periods, counted from 1970 */
	int64_t start_us, due_us, done_us, escalated_us; /* 0: not yet */
	enum duty_state state;
	char owner[INCIDENT_PERSON_SIZE], done_by[INCIDENT_PERSON_SIZE], note[INCIDENT_NOTE_SIZE];
	char title[INCIDENT_TITLE_SIZE]; /* of the incident or the system, or "" */
	char tenant_name[TENANT_NAME_SIZE];
};

static inline bool duty_overdue(const struct duty *duty, int64_t now_us)
{
	return duty->state == DUTY_OPEN && now_us > duty->due_us;
}

/* Soonest first, above the position. */
struct duty_filter {
	uint32_t incident; /* 0: of all */
	bool open; /* only these */
	bool escalated; /* only these */
	int64_t until_us; /* due before; 0: any */
	int64_t after_due_us;
	uint32_t after_id;
	uint32_t limit;
};
typedef int (*duty_fn)(void *context, const struct duty *duty);
MUST_CHECK int duty_each(const struct incident_call *call, const struct duty_filter *filter, duty_fn fn, void *context);
MUST_CHECK int duty_get(const struct incident_call *call, uint32_t id, struct duty *ret);

/* What is null stays. LUYTRE_E_CONFLICT: another revision, or it is not open. */
struct duty_change {
	const char *owner, *note;
	bool done;
};
MUST_CHECK int duty_change(const struct incident_call *call, uint32_t id, int64_t revision,
	const struct duty_change *change, struct duty *ret);

/* What a clock is called, who gets it, where that stands: of the law, else its id. */
struct duty_words {
	const char *en, *vi, *to_en, *to_vi, *source; /* to, source: "" when there is none */
};
/* 'law_from': of the row; one that is not there (any more), or "": the last row of the clock. */
struct duty_words duty_words(const struct law *law, const char *clock, const char *law_from);

/* Once a second or so: reminders and escalations that are due, at most DUTY_TICK_MAX; 'fn' hears of each when it is stored. Several hubs may
 * do it: each happens once. */
enum duty_news { DUTY_HALF, DUTY_SOON, DUTY_OVERDUE, DUTY_NEWS_COUNT };
extern const char *const duty_news_words[DUTY_NEWS_COUNT];
typedef void (*duty_news_fn)(void *context, const struct duty *duty, enum duty_news news);
MUST_CHECK int incident_tick(
	const struct incident_call *call, int64_t now_us, duty_news_fn fn, void *context, uint32_t *ret_count);
/* Deadlines of the year that comes and of the transition, for who has none yet; incidents whose system got a higher level. Once an hour or so. */
MUST_CHECK int duty_yearly(const struct incident_call *call, int64_t now_us, uint32_t *ret_count);
