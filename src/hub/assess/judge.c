// SPDX-License-Identifier: Apache-2.0
#include "hub/assess/judge.h"

#include <time.h>

#include "base/date.h"

#define DAY_US    INT64_C(86400000000)
#define SECOND_US INT64_C(1000000)

const struct judge_text judge_texts[JUDGE_STATE_COUNT] = {
#define X(id, word, en, vi) { word, en, vi },
	JUDGE_STATES(X)
#undef X
};

/* ---- Dates ---- */

static int days_of_month(int year, int month)
{
	return (int)(month == 12 ? date_days(year + 1, 1, 1) - date_days(year, 12, 1)
				 : date_days(year, month + 1, 1) - date_days(year, month, 1));
}

int64_t judge_months_later(int64_t time_us, unsigned int months)
{
	const time_t seconds = (time_t)(time_us / SECOND_US);
	struct tm parts = { 0 };
	int year, month, last;

	gmtime_r(&seconds, &parts);
	month = parts.tm_mon + (int)months;
	year = parts.tm_year + 1900 + month / 12;
	month = month % 12 + 1;
	last = days_of_month(year, month);
	return date_days(year, month, parts.tm_mday < last ? parts.tm_mday : last) * DAY_US + time_us % DAY_US;
}

/* ---- What is known, by control ---- */

struct known {
	const struct law_proof *proof, *against;
	int64_t proof_us, against_us, finding;
	struct answer answer;
	bool answered;
};

static bool rule_fits(const struct law_proof *proof, const char *rule)
{
	return proof->prefix ? strncmp(rule, proof->word, strlen(proof->word)) == 0 : strcmp(rule, proof->word) == 0;
}

static void take_contradiction(struct known *known, const struct law_proof *proof, int64_t since_us, int64_t finding)
{
	for (size_t i = 0; i < proof->controls.count; i++) {
		struct known *one = &known[proof->controls.places[i]];

		if (one->against && one->against_us <= since_us)
			continue;
		one->against = proof;
		one->against_us = since_us;
		one->finding = finding;
	}
}

static void take_proof(struct known *known, const struct law_proof *proof, int64_t at_us)
{
	for (size_t i = 0; i < proof->controls.count; i++) {
		struct known *one = &known[proof->controls.places[i]];

		if (one->proof && one->proof->grade >= proof->grade)
			continue;
		one->proof = proof;
		one->proof_us = at_us;
	}
}

/* What the staff part itself shows; counts as the statement that it is. */
static int64_t staff_fact(const struct judge_case *of, enum law_fact fact)
{
	const struct staff *staff = of->staff;
	unsigned int hours;

	if (!staff || (staff->post_count == 0 && staff->shift_count == 0))
		return 0;
	hours = staff_hours(staff);
	switch (fact) {
	case LAW_FACT_STAFF_LEAD:
		return of->is_signed && staff_has(staff, STAFF_LEAD) && staff_has(staff, STAFF_DEPUTY) ? of->now_us : 0;
	case LAW_FACT_STAFF_CONTACT:
		return of->is_signed ? staff_checked_day(staff) * DAY_US : 0;
	case LAW_FACT_ROTA_FULL:
		return of->is_signed && hours == STAFF_WEEK_HOURS ? of->now_us : 0;
	case LAW_FACT_ROTA_GAP:
		return hours < STAFF_WEEK_HOURS ? of->now_us : 0;
	default:
		return 0;
	}
}

/* A gap in the rota contradicts only who says that there is none. */
static bool says_met(const struct known *known)
{
	return known->answered && (known->answer.word == ANSWER_YES || known->answer.word == ANSWER_EQUIVALENT);
}

static void take_evidence(const struct judge_case *of, struct known *known)
{
	const struct law_profile *profile = of->profile;

	for (size_t i = 0; i < profile->proof_count; i++) {
		const struct law_proof *proof = &profile->proofs[i];
		int64_t at_us;

		if (proof->fact == LAW_FACT_FINDING) {
			for (size_t k = 0; k < of->evidence->rule_count; k++)
				if (rule_fits(proof, of->evidence->rules[k].rule))
					take_contradiction(known, proof, of->evidence->rules[k].first_us,
						of->evidence->rules[k].finding);
			continue;
		}
		at_us = of->evidence->at_us[proof->fact];
		if (!at_us)
			at_us = staff_fact(of, proof->fact);
		if (!at_us)
			continue;
		if (proof->fact == LAW_FACT_ROTA_GAP && !says_met(&known[proof->controls.places[0]]))
			continue;
		if (proof->grade < 0)
			take_contradiction(known, proof, at_us, 0);
		else
			take_proof(known, proof, at_us);
	}
}

static int take_answers(const struct judge_case *of, struct known *known)
{
	struct answers_reader reader;
	struct answer answer;
	int more = answers_begin(&reader, of->answers);

	if (more < 0)
		return more;
	while ((more = answers_next(&reader, &answer)) > 0) {
		int place = law_control_find(of->profile, answer.key);

		if (place < 0) /* of a control that the law has no more */
			continue;
		known[place].answer = answer;
		known[place].answered = true;
	}
	return more;
}

/* ---- Verdict ---- */

static void late(const struct judge_case *of, int64_t since_us, unsigned int factor, struct judged *judged)
{
	judged->age_days = of->now_us > since_us ? (of->now_us - since_us) / DAY_US : 0;
	judged->interest = judged->age_days * of->level * factor;
}

/* True when a proof made then has not run out. */
static bool holds(const struct judge_case *of, unsigned int months, int64_t proof_us, struct judged *judged)
{
	judged->proof_us = proof_us;
	judged->due_us = months ? judge_months_later(proof_us, months) : 0;
	return !months || of->now_us <= judged->due_us;
}

static bool is_met(const struct judge_case *of, const struct known *known, unsigned int months, struct judged *judged)
{
	const struct answer *answer = &known->answer;

	if (known->proof && holds(of, months, known->proof_us, judged)) {
		judged->proof = known->proof;
		judged->grade = known->proof->grade;
		return true;
	}
	if (!of->is_signed || !says_met(known))
		return false;
	if (!holds(of, months, answer->done_day ? answer->done_day * DAY_US : answer->at_us, judged))
		return false;
	judged->grade = 1;
	return true;
}

static void decide(const struct judge_case *of, const struct known *known, struct judged *judged)
{
	const struct law_control *control = &of->profile->controls[judged->control];
	unsigned int months = control->months[of->level - 1];
	bool met = is_met(of, known, months, judged);

	if (known->against) {
		judged->paper_gap = of->is_signed && says_met(known) && judged->grade < 2;
		judged->state = JUDGE_CONTRADICTED;
		judged->grade = -1;
		judged->proof = known->against;
		judged->proof_us = known->against_us;
		judged->finding = known->finding;
		late(of, known->against_us, 2, judged);
	} else if (of->is_signed && known->answered && known->answer.word == ANSWER_EXCUSED &&
		   known->answer.until_day * DAY_US + DAY_US > of->now_us) {
		judged->state = JUDGE_EXCUSED;
		judged->due_us = known->answer.until_day * DAY_US + DAY_US;
	} else if (met) {
		judged->state = JUDGE_MET;
	} else {
		if (!judged->due_us)
			judged->due_us = of->deadline_us;
		judged->state = of->now_us > judged->due_us ? JUDGE_OVERDUE : JUDGE_DUE;
		if (judged->state == JUDGE_OVERDUE)
			late(of, judged->due_us, 1, judged);
	}
}

int judge(const struct judge_case *of, judge_fn fn, void *context)
{
	struct known known[LAW_CONTROLS_MAX];
	int answer;

	if (of->level < 1 || of->level > LAW_LEVELS)
		return LUYTRE_E_INVALID;
	memset(known, 0, of->profile->control_count * sizeof(*known));
	answer = take_answers(of, known);
	if (answer < 0)
		return answer;
	take_evidence(of, known);
	for (size_t i = 0; i < of->profile->control_count && !answer; i++) {
		struct judged judged = {
			.control = (uint16_t)i, .answered = known[i].answered, .answer = known[i].answer
		};

		if (!law_asks(&of->profile->controls[i], of->level))
			continue;
		decide(of, &known[i], &judged);
		answer = fn(context, &judged);
	}
	return answer;
}

/* ---- Sums ---- */

void judge_sum_add(struct judge_sum *sum, const struct judge_sum *more)
{
#define X(name) sum->name += more->name;
	JUDGE_SUMS(X)
#undef X
}

void judge_sum_take(struct judge_sum *sum, const struct judged *judged)
{
	sum->obligations++;
	sum->answered += judged->answered;
	sum->met += judged->state == JUDGE_MET;
	sum->due += judged->state == JUDGE_DUE;
	sum->overdue += judged->state == JUDGE_OVERDUE;
	sum->contradicted += judged->state == JUDGE_CONTRADICTED;
	sum->excused += judged->state == JUDGE_EXCUSED;
	sum->measured += judged->grade == 3;
	sum->imported += judged->grade == 2;
	sum->stated += judged->grade == 1;
	sum->paper_gap += judged->paper_gap;
	sum->principal += judged->state == JUDGE_OVERDUE || judged->state == JUDGE_CONTRADICTED;
	sum->age_days += judged->age_days;
	sum->interest += judged->interest;
}

bool judge_penalty_open(const struct law_penalty *penalty, unsigned int level, const uint8_t *open)
{
	if (level < penalty->first_level || level > penalty->last_level)
		return false;
	for (size_t i = 0; i < penalty->controls.count; i++)
		if (open[penalty->controls.places[i]])
			return true;
	return false;
}

void judge_sum_penalties(
	struct judge_sum *sum, const struct law_profile *profile, unsigned int level, const uint8_t *open)
{
	for (size_t i = 0; i < profile->penalty_count; i++)
		if (judge_penalty_open(&profile->penalties[i], level, open)) {
			sum->penalty_low += profile->penalties[i].low;
			sum->penalty_high += profile->penalties[i].high;
		}
}
