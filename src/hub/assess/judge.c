// SPDX-License-Identifier: Apache-2.0
#include "hub/assess/judge.h"

#include "hub/assess/day.h"

const struct judge_text judge_texts[JUDGE_STATE_COUNT] = {
#define X(id, word, en, vi) { word, en, vi },
	JUDGE_STATES(X)
#undef X
};

/* ---- What is known, by control ---- */

enum { GRADES = 4 }; /* 1 to 3; 0 is no proof */

struct known {
	const struct law_proof *proofs[GRADES], *against; /* the newest of each grade */
	int64_t proofs_us[GRADES], against_us, finding;
	struct answer answer;
	const char *borrowed; /* key of the other profile's control whose answer stands here; null: its own */
	const struct judge_excuse *excuse; /* who approved that it is excused; null: nobody */
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

		if (one->proofs[proof->grade] && one->proofs_us[proof->grade] >= at_us)
			continue;
		one->proofs[proof->grade] = proof;
		one->proofs_us[proof->grade] = at_us;
	}
}

static int64_t checked_us(const struct staff *staff)
{
	uint32_t day = staff_checked_day(staff);

	return day ? day_begin_us(day) : 0;
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
		return of->is_signed ? checked_us(staff) : 0;
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

static const struct judge_excuse *excuse_of(const struct judge_case *of, const struct answer *answer)
{
	uint8_t hash[ANSWER_HASH_SIZE];

	for (size_t i = 0; i < of->evidence->excuse_count; i++) {
		const struct judge_excuse *excuse = &of->evidence->excuses[i];

		if (bytes_equal_str(answer->key, excuse->key))
			return !answer_hash(answer, hash) && memcmp(hash, excuse->hash, sizeof(hash)) == 0 ? excuse
													   : NULL;
	}
	return NULL;
}

static void take_answer(const struct judge_case *of, struct known *known, const struct answer *answer)
{
	known->answer = *answer;
	known->answered = true;
	known->excuse = answer->word == ANSWER_EXCUSED ? excuse_of(of, answer) : NULL;
}

/* Whether an answer says less than another: the least of several is what all of them together say. */
static bool says_less(const struct known *one, const struct known *than)
{
	static const int8_t order[ANSWER_WORD_COUNT] = {
		[ANSWER_NO] = 0, [ANSWER_EXCUSED] = 1, [ANSWER_EQUIVALENT] = 2, [ANSWER_YES] = 3
	};
	int64_t one_us = one->answer.done_day ? day_begin_us(one->answer.done_day) : one->answer.at_us;
	int64_t than_us = than->answer.done_day ? day_begin_us(than->answer.done_day) : than->answer.at_us;

	if (order[one->answer.word] != order[than->answer.word])
		return order[one->answer.word] < order[than->answer.word];
	if (one->answer.word == ANSWER_EXCUSED && !one->excuse != !than->excuse)
		return !one->excuse;
	return one_us < than_us;
}

/* What was said of controls of the other profile, by their place there, goes for those here that the cross-walk ties to them, where nothing
 * was said of these: when all that are tied and asked were answered, the least of their answers. */
struct tie {
	bool unanswered;
	const struct known *least;
	const char *key;
};

static void tie(struct tie *ties, uint16_t place, const struct judge_case *of, const struct known *other, uint16_t from)
{
	const struct law_control *control = &of->other->controls[from];

	if (!law_asks(control, of->level))
		return;
	if (!other[from].answered)
		ties[place].unanswered = true;
	else if (!ties[place].least || says_less(&other[from], ties[place].least)) {
		ties[place].least = &other[from];
		ties[place].key = control->key;
	}
}

static void tie_all(struct tie *ties, const struct judge_case *of, const struct known *other)
{
	const struct law_profile *here = of->profile, *there = of->other;

	for (size_t i = 0; i < here->crosswalk_count; i++)
		for (size_t k = 0; here->crosswalks[i].other == there && k < here->crosswalks[i].controls.count; k++)
			tie(ties, here->crosswalks[i].control, of, other, here->crosswalks[i].controls.places[k]);
	for (size_t i = 0; i < there->crosswalk_count; i++)
		for (size_t k = 0; there->crosswalks[i].other == here && k < there->crosswalks[i].controls.count; k++)
			tie(ties, there->crosswalks[i].controls.places[k], of, other, there->crosswalks[i].control);
}

static void borrow(const struct judge_case *of, struct known *known, const struct known *other)
{
	struct tie ties[LAW_CONTROLS_MAX];

	memset(ties, 0, of->profile->control_count * sizeof(*ties));
	tie_all(ties, of, other);
	for (size_t i = 0; i < of->profile->control_count; i++) {
		if (known[i].answered || !ties[i].least || ties[i].unanswered)
			continue;
		known[i].answer = ties[i].least->answer;
		known[i].excuse = ties[i].least->excuse;
		known[i].borrowed = ties[i].key;
		known[i].answered = true;
	}
}

static int take_answers(const struct judge_case *of, struct known *known)
{
	struct known other[LAW_CONTROLS_MAX];
	struct answers_reader reader;
	struct answer answer;
	int more = answers_begin(&reader, of->answers);

	if (of->other)
		memset(other, 0, of->other->control_count * sizeof(*other));
	while (!more && (more = answers_next(&reader, &answer)) > 0) {
		int place = law_control_find(of->profile, answer.key);

		more = 0;
		if (place >= 0) {
			take_answer(of, &known[place], &answer);
			continue;
		}
		place = of->other ? law_control_find(of->other, answer.key) : -1;
		if (place >= 0) /* else of a control that the law has no more */
			take_answer(of, &other[place], &answer);
	}
	if (!more && of->other)
		borrow(of, known, other);
	return more;
}

/* ---- Verdict ---- */

static void late(const struct judge_case *of, int64_t since_us, unsigned int factor, struct judged *judged)
{
	judged->age_days = of->now_us > since_us ? (of->now_us - since_us) / DAY_US : 0;
	judged->interest = judged->age_days * of->level * factor;
}

/* True when a proof made then has not run out. Of those that have, the one that ran out last says since when. */
static bool holds(const struct judge_case *of, unsigned int months, int64_t proof_us, struct judged *judged)
{
	int64_t due_us = months ? day_months_later(proof_us, months) : 0;
	bool good = !months || of->now_us <= due_us;

	if (good || due_us > judged->due_us) {
		judged->proof_us = proof_us;
		judged->due_us = due_us;
	}
	return good;
}

/* The best proof that has not run out counts, not the best one. */
static bool is_met(const struct judge_case *of, const struct known *known, unsigned int months, struct judged *judged)
{
	const struct answer *answer = &known->answer;

	for (int8_t grade = GRADES - 1; grade > 0; grade--)
		if (known->proofs[grade] && holds(of, months, known->proofs_us[grade], judged)) {
			judged->proof = known->proofs[grade];
			judged->grade = grade;
			return true;
		}
	if (!of->is_signed || !says_met(known))
		return false;
	if (!holds(of, months, answer->done_day ? day_begin_us(answer->done_day) : answer->at_us, judged))
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
	} else if (of->is_signed && known->answered && known->answer.word == ANSWER_EXCUSED && known->excuse &&
		   day_begin_us(known->answer.until_day + INT64_C(1)) > of->now_us) {
		judged->state = JUDGE_EXCUSED;
		judged->due_us = day_begin_us(known->answer.until_day + INT64_C(1));
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
		struct judged judged = { .control = (uint16_t)i,
			.answered = known[i].answered,
			.answer = known[i].answer,
			.borrowed = known[i].borrowed,
			.excuse = known[i].excuse };

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
