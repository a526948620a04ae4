// SPDX-License-Identifier: Apache-2.0
/* Law as data: what is asked of systems of which level, what settles it, when it is due, what it may cost.
 *
 * The files are those of rules/posture (its README.md says what stands in which): tables of fields parted by tabs. They are read strictly:
 * other columns, a key twice, a number out of its bounds, a control that is not there, text that is no UTF-8, and the file is refused with
 * its line. The program carries the edition that it was built with; a folder with a newer one takes its place. Profiles stand side by
 * side: a system is held against the one of its assessment.
 *
 * A law never changes once it is read and may be used by any thread. Months and clauses are by level: index 0 is level 1. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"

enum {
	LAW_LEVELS = 5,
	LAW_WHY_SIZE = 256,
	LAW_KEY_SIZE = 8, /* of a control, with its NUL */
	LAW_PROFILES_MAX = 8,
	LAW_CONTROLS_MAX = 512, /* of a profile */
	LAW_ROWS_MAX = 2048, /* of a file */
	LAW_COLUMNS_MAX = 16,
	LAW_FILES_MAX = 64,
	LAW_FILE_SIZE_MAX = 1 << 20,
	LAW_LINE_SIZE_MAX = 8192,
	LAW_SIZE_MAX = 16 << 20, /* memory of all */
};

/* What kind of evidence can settle a control. X(identifier, letter, English, Vietnamese) */
#define LAW_EVIDENCE(X)                                                                                                \
	X(MEASURED, 'P', "measured by the platform", "nền tảng tự đo")                                                 \
	X(OUTSIDE, 'C', "outside evidence can only contradict it", "bằng chứng bên ngoài chỉ có thể bác bỏ")           \
	X(IMPORTED, 'I', "imported machine reports", "báo cáo công cụ được nhập")                                      \
	X(REGISTRY, 'R', "the platform's registry and workflows", "sổ đăng ký và quy trình của nền tảng")              \
	X(DOCUMENT, 'D', "a document or signed statement", "tài liệu hoặc cam kết có chữ ký")

#define X(id, ...) LAW_##id,
enum law_evidence { LAW_EVIDENCE(X) LAW_EVIDENCE_COUNT };
#undef X
extern const struct law_evidence_text {
	char letter;
	const char *en, *vi;
} law_evidence[LAW_EVIDENCE_COUNT];

/* What the hub can know of a system besides open findings. X(identifier, word) */
#define LAW_FACTS(X)                                                                                                   \
	X(KEV_OVERDUE, "kev-overdue")                                                                                  \
	X(SHIELD, "shield-enforced")                                                                                   \
	X(SENSOR, "sensor-enforced")                                                                                   \
	X(GATE, "gate-enforced")                                                                                       \
	X(EVENTS_KEPT, "events-kept")                                                                                  \
	X(KEV_KNOWN, "kev-known")                                                                                      \
	X(SCAN, "scan-imported")                                                                                       \
	X(SBOM, "sbom-imported")                                                                                       \
	X(STAFF_LEAD, "staff-lead")                                                                                    \
	X(STAFF_CONTACT, "staff-contact")                                                                              \
	X(ROTA_FULL, "rota-full")                                                                                      \
	X(ROTA_GAP, "rota-gap")

#define X(id, ...) LAW_FACT_##id,
enum law_fact {
	LAW_FACTS(X) LAW_FACT_COUNT,
	LAW_FACT_FINDING = LAW_FACT_COUNT
}; /* the last: an open finding with a rule */
#undef X

struct law_text {
	const char *en, *vi;
};

struct law_group {
	const char *key;
	struct law_text title;
};

struct law_control {
	const char *key;
	uint16_t group, part;
	enum law_evidence evidence;
	struct law_text title;
	const char *clause[LAW_LEVELS]; /* null: the level does not ask it */
	uint8_t months[LAW_LEVELS]; /* longest time between two performances; 0: none is said */
};

/* Controls by their places, ascending. */
struct law_set {
	const uint16_t *places;
	size_t count;
};

struct law_proof {
	enum law_fact fact;
	const char *word; /* "tls-1.0" of a finding, else the fact's */
	bool prefix; /* any rule that begins with 'word' */
	int8_t grade; /* 3, 2, 1, or -1: it contradicts */
	struct law_set controls;
	struct law_text text;
};

struct law_penalty {
	const char *clause;
	struct law_text act;
	uint32_t low, high; /* million VND, organisations */
	uint8_t first_level, last_level;
	struct law_set controls; /* none: no control tells */
	const char *source;
};

struct law_crosswalk {
	uint16_t control;
	uint16_t profile; /* place of the other one */
	const struct law_profile *other;
	const char *source;
	struct law_set controls; /* of the other profile */
};

struct law_profile {
	const char *id, *valid_from, *valid_to; /* dates; valid_to null: still in force */
	struct law_text title;
	const char *source;
	const struct law_control *controls; /* in the order of the file */
	const uint16_t *by_key; /* their places, by ascending key */
	const struct law_group *groups, *parts;
	const struct law_proof *proofs;
	const struct law_penalty *penalties;
	const struct law_crosswalk *crosswalks;
	size_t control_count, group_count, part_count, proof_count, penalty_count, crosswalk_count;
	uint16_t asked[LAW_LEVELS]; /* how many controls the level asks */
};

/* Tables that are shown and read by people: deadlines, criteria, thresholds, transition. */
struct law_table {
	const char *name; /* "clocks" */
	const char *const *columns;
	size_t column_count;
	const char *const **rows; /* each of column_count fields; null for "-" */
	size_t row_count;
};
enum law_table_kind { LAW_CLOCKS, LAW_CRITERIA, LAW_SERIOUS, LAW_THRESHOLDS, LAW_TRANSITION, LAW_TABLE_COUNT };
/* Columns of clocks.tsv, of transition.tsv, of serious.tsv. Those of a clock are never null up to the trigger, and its first day. */
enum {
	CLOCK_ID,
	CLOCK_KIND,
	CLOCK_LIMIT,
	CLOCK_EN,
	CLOCK_VI,
	CLOCK_TO_EN,
	CLOCK_TO_VI,
	CLOCK_FROM,
	CLOCK_UNTIL,
	CLOCK_SOURCE,
	CLOCK_COLUMNS
};
enum { CASE_ID, CASE_DUE, CASE_EN, CASE_VI, CASE_SOURCE, CASE_COLUMNS };
enum {
	SERIOUS_ID,
	SERIOUS_LEVEL,
	SERIOUS_ANY,
	SERIOUS_ALL,
	SERIOUS_FROM,
	SERIOUS_UNTIL,
	SERIOUS_SOURCE,
	SERIOUS_COLUMNS
};

struct law {
	struct arena arena;
	struct law_profile profiles[LAW_PROFILES_MAX]; /* in the order of the file */
	size_t profile_count;
	struct law_table tables[LAW_TABLE_COUNT];
};

struct law_file {
	const char *path; /* "vn-2026/controls.tsv" */
	struct bytes text;
};

/* The edition of this program; by path. */
extern const struct law_file law_builtin[];
extern const size_t law_builtin_count;

/* Reads all of it. The files may go afterwards. LUYTRE_E_SYNTAX, LUYTRE_E_NOT_FOUND (a file), LUYTRE_E_FULL, LUYTRE_E_NOMEM, with
 * "FILE:LINE: sentence" in 'why'. */
MUST_CHECK int law_new(const struct law_file *files, size_t count, struct law **ret, char why[LAW_WHY_SIZE]);
/* The same from a folder; LUYTRE_E_NOT_FOUND without a word when there is no such folder. */
MUST_CHECK int law_open(const char *folder, struct law **ret, char why[LAW_WHY_SIZE]);
void law_free(struct law *law); /* accepts null */

/* Null when there is none. */
const struct law_profile *law_profile_find(const struct law *law, const char *id);
/* The place of a control; -1: none. */
int law_control_find(const struct law_profile *profile, struct bytes key);
/* The row of a clock that is in force on the country's day of that moment: a text that changes has a row for each of its times, which do not
 * overlap. Null: none, or no law. */
const char *const *law_clock(const struct law *law, const char *id, int64_t time_us);
/* How long the level keeps its logs then (clocks "log-l1" to "log-l5"), in months; 0: nothing is said. */
unsigned int law_log_months(const struct law *law, unsigned int level, int64_t time_us);
bool law_asks(const struct law_control *control, unsigned int level);
bool law_set_has(const struct law_set *set, uint16_t place);
