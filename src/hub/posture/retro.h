// SPDX-License-Identifier: Apache-2.0
/* Was anybody hit before we knew? Stored events, asked when a weakness, a rule or an indicator arrives.
 *
 *	cve		what rules saw that cover it (holdrules.h), and rules whose text names it
 *	rule		what this rule saw
 *	address		what came from an address or a prefix
 *	text		a domain, a JA4, a piece of a path: stands in the text of events, as words of its own: evil.example is found in
 *			www.evil.example, and not in devil.example
 *
 * All are answered from sums and indexes, over months in seconds; of a text the blocks of events that may hold its words are read (hub/events/words.h), newest
 * first. Numbers and words of one or two letters alone cannot be looked up, and a store in ClickHouse reads all texts: for as long as RETRO_TEXT_MS,
 * and 'complete' says whether that was enough. The answer is what edges sent: all alerts, but of ordinary traffic a sample.
 *
 * Threads: a call has a reader of its own; any thread. Times are microseconds since 1970. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "hub/events/event.h"
#include "hub/posture/finding.h"
#include "hub/posture/holdrules.h"

/* X(identifier, word) */
#define RETRO_KINDS(X)                                                                                                 \
	X(CVE, "cve")                                                                                                  \
	X(RULE, "rule")                                                                                                \
	X(ADDRESS, "address")                                                                                          \
	X(TEXT, "text")

enum retro_kind {
#define X(id, word) RETRO_##id,
	RETRO_KINDS(X)
#undef X
		RETRO_KIND_COUNT
};
extern const char *const retro_kinds[RETRO_KIND_COUNT];

enum {
	RETRO_TENANTS_MAX = 10000,
	RETRO_SOURCES_MAX = 32,
	RETRO_RULES_MAX = EV_HIT_RULES_MAX,
	RETRO_TEXT_MIN = 4, /* shorter ones stand everywhere */
	RETRO_TEXT_MS = 30000,
	RETRO_DAYS_MAX = 400,
};

#define RETRO_TOOL "luytre-retro"

struct retro_question {
	enum retro_kind kind;
	const char *value;
	int64_t from_us, until_us;
	const struct scope *scope;
	const atomic_bool *stop; /* null, or: once it is true, the search ends soon with LUYTRE_E_CLOSED */
};

struct retro_tenant {
	uint32_t tenant;
	int64_t first_us, last_us;
	uint64_t events, stopped; /* each counted as often as it stands for */
};

struct retro_source {
	struct ip_addr addr;
	uint64_t events; /* among those looked at: the first and the last of the span */
};

struct retro_answer {
	bool complete;
	int64_t first_us, last_us; /* 0: nothing was found */
	uint64_t events, stopped;
	uint64_t rules[RETRO_RULES_MAX]; /* that saw it, as many as fit */
	size_t rule_count;
	struct retro_tenant *tenants; /* owned; ascending */
	size_t tenant_count;
	struct retro_source sources[RETRO_SOURCES_MAX]; /* the heaviest first */
	size_t source_count;
	uint32_t took_ms;
};

/* 'rules' may be null: no rule covers anything. LUYTRE_E_SYNTAX (the value is none of its kind), LUYTRE_E_RANGE (the span), and what the store
 * says. '*ret' is given back by retro_done on success. */
MUST_CHECK int retro_search(struct ev_store *store, const struct holdrules *rules,
	const struct retro_question *question, struct retro_answer *ret);
void retro_done(struct retro_answer *answer);

/* Adds to each finding of this CVE, at organisations that were hit, the proof that it was attacked, with first and last time, how often, how often
 * it was stopped, and sources; once for the same answer. Its clock asks for a look at traces from then on. It neither opens nor
 * closes anything: an attack shows who was attacked, not who is weak. FINDING_BY_EVIDENCE. '*ret_count': findings that have one now. */
MUST_CHECK int retro_attach(
	const struct finding_call *call, const char *cve, const struct retro_answer *answer, uint32_t *ret_count);

/* ---- Which CVEs were searched (retro-runs.c) ---- */

enum { RETRO_DAYS = 90 }; /* unasked */

/* When findings have joined since, a CVE is searched again: an hour after a search that found something, a day after one that did not. */
#define RETRO_AGAIN_HIT_US INT64_C(3600000000)
#define RETRO_AGAIN_US     INT64_C(86400000000)

/* Makes the table; after posture_setup. */
MUST_CHECK int retro_setup(struct db *db);

struct retro_need {
	bool due; /* never searched, by other rules, not since KEV lists it, or not for the findings that joined */
	bool kev; /* listed now */
};
/* 'rules': what stands for the rules that cover the CVE; 0: none do. */
MUST_CHECK int retro_need(struct db *db, const char *cve, uint64_t rules, int64_t now_us, struct retro_need *ret);
/* Whether KEV lists a CVE that was searched before it did. */
MUST_CHECK int retro_kev_news(struct db *db, bool *ret);
/* retro_attach, and that the CVE was searched: both or neither. 'answer' may be null: it is not a CVE that can be asked for. */
MUST_CHECK int retro_note(const struct finding_call *call, const char *cve, uint64_t rules, bool kev,
	const struct retro_answer *answer, uint32_t *ret_count);
