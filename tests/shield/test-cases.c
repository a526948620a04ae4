// SPDX-License-Identifier: Apache-2.0
/* Plays every case of case.h: `test-cases emulated`, `test-cases kernel`, `test-cases wire`. See runner.h for the three
 * ways. Each case is played enforced, and again in shadow, where the same reasons are counted and everything passes.
 * Exits with 77 when the way cannot be gone here, which the test harness reports as skipped.
 *
 * The emulated run also holds the cases against the catalogue: no handled vector and no reason without a case. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/net.h"
#include "case.h"
#include "runner.h"
#include "shield/vectors.h"
#include "tables.h"

enum { EXIT_SKIPPED = 77 };

struct play {
	struct runner *runner;
	const struct shield_case *now;
	bool enforced;
	uint64_t passed; /* frames that must have arrived */
	struct packet_spec last; /* the packet that was challenged */
	uint32_t cookie;
	size_t failures, frames;
	bool seen[SHIELD_REASON_COUNT];
};

static bool complain(struct play *play, size_t step, const char *what, const char *got)
{
	fprintf(stderr, "FAILED %s (%s), %s, step %zu: expected %s, got %s\n", play->now->name, play->now->vectors,
		play->enforced ? "enforced" : "shadow", step, what, got);
	play->failures++;
	return false;
}

/* The address of a step with 'add' added to its last four bytes. */
static struct ip_addr varied(const char *text, uint32_t add)
{
	struct ip_addr addr;
	uint32_t low;
	size_t at;

	if (ip_addr_parse(bytes_from_str(text), &addr))
		abort();
	at = addr.family == IP_V4 ? 0 : 12;
	memcpy(&low, addr.bytes + at, 4);
	low = __builtin_bswap32(__builtin_bswap32(low) + add);
	memcpy(addr.bytes + at, &low, 4);
	return addr;
}

static size_t build_frame(struct play *play, const struct case_step *step, uint32_t try, uint8_t *frame)
{
	struct packet_spec spec = step->packet;
	struct ip_addr addr;
	size_t size;

	if (step->raw) {
		memcpy(frame, step->raw, step->raw_size);
		return step->raw_size;
	}
	if (step->proof || step->proof_wrong) {
		spec = play->last;
		spec.tcp_flags = PACKET_RST;
		spec.tcp_mss = 0;
		spec.tcp_seq = play->cookie ^ (step->proof_wrong ? 0x10000 : 0);
	}
	if (step->vary != CASE_SAME) {
		addr = varied(step->vary == CASE_VARY_SOURCE ? spec.src : spec.dst, try);
		if (step->vary == CASE_VARY_SOURCE) {
			spec.src = NULL;
			spec.src_addr = &addr;
		} else {
			spec.dst = NULL;
			spec.dst_addr = &addr;
		}
	}
	if (packet_build(&spec, frame, RUNNER_FRAME_MAX, &size)) {
		fprintf(stderr, "%s: the packet cannot be built\n", play->now->name);
		abort();
	}
	return size;
}

/* Did the frame go where its reason says, and was it counted so? */
static bool check_way(struct play *play, size_t at, const struct case_step *step, const struct runner_result *got)
{
	enum shield_verdict verdict = shield_reason_verdict(got->reason);
	bool shadow = verdict != SHIELD_PASS && !play->enforced && !step->unmapped;
	static const char *const names[] = {
		[SHIELD_PASS] = "pass", [SHIELD_DROP] = "drop", [SHIELD_ANSWER] = "answer"
	};

	if (shadow)
		verdict = SHIELD_PASS;
	if (got->verdict != verdict)
		return complain(play, at, names[verdict], names[got->verdict]);
	if (got->shadow != shadow)
		return complain(play, at, shadow ? "the shadow counter" : "the enforced counter", "the other");
	if (!got->tenant != step->unmapped)
		return complain(play, at, step->unmapped ? "no tenant" : "a tenant", "the contrary");
	return true;
}

static void remember_challenge(struct play *play, const struct case_step *step, const struct runner_result *got)
{
	struct packet answer;

	if (got->verdict != SHIELD_ANSWER)
		return;
	play->last = step->packet;
	packet_decode(got->answer, got->answer_size, &answer);
	play->cookie = answer.tcp_ack;
}

/* What leaves is counted once or not at all, and stopped never. */
static bool check_outbound(struct play *play, size_t at, const struct case_step *step, const struct runner_result *got)
{
	if (!step->reason)
		return got->moved ? complain(play, at, "nothing counted", shield_reason_name(got->reason)) : true;
	if (got->moved != 1 || got->reason != step->reason || got->shadow)
		return complain(play, at, shield_reason_name(step->reason), shield_reason_name(got->reason));
	play->seen[got->reason] = true;
	return true;
}

static bool play_step(struct play *play, size_t at, const struct case_step *step)
{
	enum shield_reason before = step->before ? step->before : SHIELD_REASON_PASSED;
	uint32_t tries = step->tries ? step->tries : 1;
	static uint8_t frame[RUNNER_FRAME_MAX];
	static struct runner_result got;

	for (uint32_t try = 0; try < tries; try++) {
		size_t size = build_frame(play, step, try, frame);

		play->frames++;
		if (step->outbound) {
			runner_send_outbound(play->runner, frame, size, &got);
			return check_outbound(play, at, step, &got);
		}
		runner_send(play->runner, frame, size, &got);
		if (got.moved != 1)
			return complain(play, at, "one counter to move", got.moved ? "several" : "none");
		play->passed += got.verdict == SHIELD_PASS;
		play->seen[got.reason] = true;
		if (!check_way(play, at, step, &got))
			return false;
		remember_challenge(play, step, &got);
		if (got.reason == step->reason && try + 1 >= step->at_least)
			return true;
		if (got.reason != before || try + 1 == tries)
			return complain(play, at, shield_reason_name(step->reason), shield_reason_name(got.reason));
	}
	return false;
}

static bool is_empty(const struct case_step *step)
{
	return !step->reason && !step->outbound;
}

static void play_case(struct play *play, bool enforced)
{
	struct shield_maps *maps = runner_maps(play->runner);
	size_t failures = play->failures;

	play->enforced = enforced;
	tables_forget(maps);
	tables_set_enforce(maps, enforced);
	maps->globals->flags = play->now->globals;
	for (uint32_t i = 0; i < maps->tenant_states_count; i++)
		maps->tenant_states[i].attack = play->now->attack;
	if (play->now->prepare)
		play->now->prepare(maps);
	for (size_t i = 0; i < CASE_STEPS_MAX && !is_empty(&play->now->steps[i]); i++)
		if (!play_step(play, i, &play->now->steps[i]))
			break;
	if (runner_arrived(play->runner) != play->passed && play->failures == failures)
		complain(play, 0, "nothing more to arrive", "a frame that was counted as dropped");
	play->passed = runner_arrived(play->runner);
}

/* Does a case of the vector end a packet with the reason? */
static bool is_shown(const char *id, enum shield_reason reason)
{
	const struct shield_case *c;

	for (size_t i = 0; (c = case_at(i)); i++)
		for (size_t k = 0; k < CASE_STEPS_MAX && shield_vector_named(c->vectors, id); k++)
			if (c->steps[k].reason == reason)
				return true;
	return false;
}

/* Every reason that names a vector is shown by a case of that vector; of the reasons of a whole group, one is. */
static void check_vector(struct play *play, const struct shield_vector *vector)
{
	size_t own = 0, shown = 0;
	enum shield_reason reason;

	for (size_t at = 0; (reason = shield_vector_reason(vector, &at));) {
		bool named = shield_vector_named(shield_reason_vectors(reason), vector->id);

		own += named;
		if (is_shown(vector->id, reason)) {
			shown++;
		} else if (named) {
			fprintf(stderr, "FAILED: no case of %s ends with %s\n", vector->id, shield_reason_name(reason));
			play->failures++;
		}
	}
	if (shield_vector_has_verdict(vector) && !shown && !own) {
		fprintf(stderr, "FAILED: nothing shows %s\n", vector->id);
		play->failures++;
	}
}

/* The other way round: a case names vectors that exist. */
static void check_names(struct play *play, const struct shield_case *c)
{
	for (const char *at = c->vectors; *at; at += *at == ',') {
		size_t length = strcspn(at, ",");
		char id[8] = { 0 };

		if (length < sizeof(id))
			memcpy(id, at, length);
		if (!shield_vector_find(id)) {
			fprintf(stderr, "FAILED: case %s names '%s', which the catalogue does not have\n", c->name, at);
			play->failures++;
		}
		at += length;
	}
}

static void check_catalogue(struct play *play)
{
	const struct shield_vector *vector;
	const struct shield_case *c;

	for (size_t i = 0; (vector = shield_vector_at(i)); i++)
		check_vector(play, vector);
	for (size_t i = 0; (c = case_at(i)); i++)
		check_names(play, c);
}

static void check_reasons(struct play *play)
{
	for (size_t i = SHIELD_REASON_NONE + 1; i < SHIELD_REASON_COUNT; i++)
		if (!play->seen[i]) {
			fprintf(stderr, "FAILED: no case ends with %s\n", shield_reason_name((enum shield_reason)i));
			play->failures++;
		}
}

static struct runner *open_runner(const char *way, char *why, size_t why_size)
{
	if (!strcmp(way, "kernel"))
		return runner_open_kernel(why, why_size);
	if (!strcmp(way, "wire"))
		return runner_open_wire(why, why_size);
	return runner_open_emulated(why, why_size);
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "emulated";
	static struct play play;
	uint64_t decisions;
	size_t count = 0;
	char why[256];

	play.runner = open_runner(way, why, sizeof(why));
	if (!play.runner) {
		printf("skipped: %s\n", why);
		return EXIT_SKIPPED;
	}
	decisions = tables_decisions_sum(runner_maps(play.runner));
	for (; (play.now = case_at(count)); count++) {
		play_case(&play, true);
		if (!play.now->enforced_only)
			play_case(&play, false);
	}
	check_reasons(&play);
	check_catalogue(&play);
	/* F9, H6: whatever the packets were, none of them wrote a decision. */
	if (decisions != tables_decisions_sum(runner_maps(play.runner))) {
		fprintf(stderr, "FAILED: a packet changed the decisions\n");
		play.failures++;
	}
	runner_close(play.runner);
	printf("%s: %zu cases, %zu frames, %zu failures\n", way, count, play.frames, play.failures);
	return play.failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
