// SPDX-License-Identifier: Apache-2.0
/* The arithmetic of decisions: how far a reporter is trusted, how much a set of reports is believed, how many
 * bystanders may be harmed, how long an order lasts. Pure functions of their arguments; nothing here knows the time or
 * keeps state.
 *
 * Source of every number: exchange rules, "Scoring, quorum, ageing". The vectors printed there are the unit test. Times
 * are seconds. All functions may be called from any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(identifier, word, first lifetime, longest lifetime, age tau, age delta, English, Vietnamese). Numbers are stored:
 * add at the end only. A residential or mobile source has the lifetimes of its own row whatever it did. */
#define DECIDE_CLASSES(X)                                                                                              \
	X(LOGIN, "login", 3600, 86400, 86400, 1.0, "password guessing", "dò mật khẩu")                                 \
	X(SCAN, "scan", 3600, 86400, 86400, 1.0, "scanning", "dò quét")                                                \
	X(WEB, "web", 14400, 604800, 604800, 2.0, "web exploitation", "khai thác lỗ hổng web")                         \
	X(DDOS, "ddos", 900, 7200, 7200, 1.0, "denial of service", "tấn công từ chối dịch vụ")                         \
	X(RESIDENTIAL, "residential", 900, 21600, 21600, 1.0, "abuse from a home or mobile line",                      \
		"lạm dụng từ đường truyền hộ gia đình hoặc di động")                                                   \
	X(C2, "c2", 86400, 2592000, 2592000, 2.0, "command and control of malware", "máy chủ điều khiển mã độc")       \
	X(PHISHING, "phishing", 86400, 1209600, 259200, 2.3, "phishing", "lừa đảo trực tuyến")

enum decide_class {
#define X(id, word, first, longest, tau, delta, en, vi) DECIDE_##id,
	DECIDE_CLASSES(X)
#undef X
		DECIDE_CLASS_COUNT
};

struct decide_class_row {
	const char *word;
	uint32_t first_s, longest_s; /* L0, Lmax */
	double age_s, age_delta; /* the polynomial's tau and delta */
	const char *en, *vi;
};

/* Ascending strength. Numbers are stored. X(identifier, word) */
#define DECIDE_LEVELS(X)                                                                                               \
	X(NONE, "none")                                                                                                \
	X(WATCH, "watch")                                                                                              \
	X(CHALLENGE, "challenge") /* or limit the rate */                                                              \
	X(PROVISIONAL, "provisional") /* block for two minutes */                                                      \
	X(BLOCK, "block")                                                                                              \
	X(LONG, "long") /* block up to the longest lifetime of the class */

enum decide_level {
#define X(id, word) DECIDE_##id,
	DECIDE_LEVELS(X)
#undef X
		DECIDE_LEVEL_COUNT
};

#define FORMULA_PROVISIONAL_S 120

/* A group whose weight is below this does not count as one more independent witness: or a crowd of accounts that
 * enrolled themselves (trust 0.2065) would turn one liar's word into a quorum. Its weight still adds to the belief. */
#define FORMULA_WITNESS_MIN 0.25

/* What decides the level; 'trust' and 'precision' are of the strongest E3 report. */
struct formula_case {
	double belief; /* formula_belief over all groups */
	unsigned int groups; /* witnesses: groups of FORMULA_WITNESS_MIN or more */
	double users; /* estimated legitimate users behind the observable, at least 1 */
	bool proven; /* there is an E3 report */
	double trust, precision;
};

/* Wilson lower bound (z = 1.96) from confirmed and refuted counts; 0 when there are none. */
double formula_wilson(double confirmed, double refuted);

/* Weight of an evidence class of enum ev_evidence: 0, 0.4, 0.7, 1; 0 for any other number. */
double formula_evidence(unsigned int evidence);

/* Of one report: trust * evidence * precision * age. A group weighs as much as its strongest report. */
double formula_weight(double trust, double evidence, double precision, double age);

/* 1 - product of (1 - 0.9 m) over the groups' weights. */
double formula_belief(const double *weights, size_t count);

/* u / (1 + u): a block needs at least this belief. */
double formula_harm_bound(double users);

/* Age factor 1 - (t/tau)^(1/delta), 0 from tau on; 1 at t <= 0. */
double formula_age(double t_s, double age_s, double delta);

/* When base * formula_age falls below the threshold; 0 when it lies below from the start, age_s when 'threshold' is 0.
 * */
double formula_age_until(double base, double threshold, double age_s, double delta);

/* The row of a class; of SCAN for a number that is none. */
const struct decide_class_row *formula_class(enum decide_class class);

/* min(L0 * 2^(n-1), Lmax) for the nth time, counted from 1. */
uint32_t formula_lifetime_s(enum decide_class class, unsigned int times);

enum decide_level formula_level(const struct formula_case *in);

/* "block"; "none" for a number that is no level. */
const char *decide_level_name(enum decide_level level);
