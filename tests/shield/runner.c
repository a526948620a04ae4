// SPDX-License-Identifier: Apache-2.0
/* See runner.h. */
#include "runner.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "shield/loader.h"
#include "tables.h"
#include "wire.h"

struct runner {
	struct shield_maps *maps;
	struct shield *shield; /* null: emulated */
	struct wire *wire; /* null: no wire */
	uint64_t now_ns; /* emulated */
	uint64_t arrived;
	uint64_t *before, *after; /* counters */
};

static struct runner *runner_new(struct shield_maps *maps, struct shield *shield, struct wire *wire)
{
	struct runner *runner = calloc(1, sizeof(*runner));

	if (!runner)
		abort();
	runner->maps = maps;
	runner->shield = shield;
	runner->wire = wire;
	runner->now_ns = clock_mono_ns();
	tables_fill(maps);
	runner->before = calloc(tables_count_size(maps), sizeof(*runner->before));
	runner->after = calloc(tables_count_size(maps), sizeof(*runner->after));
	if (!runner->before || !runner->after)
		abort();
	return runner;
}

struct runner *runner_open_emulated(char *why, size_t why_size)
{
	struct shield_sizes sizes = tables_sizes(1);
	struct shield_maps *maps = shield_maps_new(&sizes, clock_mono_ns());

	if (!maps) {
		snprintf(why, why_size, "not enough memory");
		return NULL;
	}
	return runner_new(maps, NULL, NULL);
}

static struct shield *open_shield(const char *interface, char *why, size_t why_size)
{
	struct shield_options options = { .interface = interface,
		.attach = CONFIG_ATTACH_NATIVE,
		.watch_outbound = true,
		.sizes = tables_sizes((uint32_t)libbpf_num_possible_cpus()) };
	struct shield *shield;

	if (geteuid()) {
		snprintf(why, why_size, "it needs root");
		return NULL;
	}
	return shield_open(&options, &shield, why, why_size) ? NULL : shield;
}

struct runner *runner_open_kernel(char *why, size_t why_size)
{
	struct shield *shield = open_shield(NULL, why, why_size);

	return shield ? runner_new(shield_maps_of(shield), shield, NULL) : NULL;
}

struct runner *runner_open_wire(char *why, size_t why_size)
{
	struct shield *shield;
	struct wire *wire;

	if (geteuid()) {
		snprintf(why, why_size, "it needs root");
		return NULL;
	}
	wire = wire_open(why, why_size);
	if (!wire)
		return NULL;
	shield = open_shield(WIRE_INSIDE, why, why_size);
	if (!shield) {
		wire_close(wire);
		return NULL;
	}
	return runner_new(shield_maps_of(shield), shield, wire);
}

void runner_close(struct runner *runner)
{
	if (!runner)
		return;
	if (runner->shield)
		shield_close(runner->shield);
	else
		shield_maps_free(runner->maps);
	wire_close(runner->wire);
	free(runner->before);
	free(runner->after);
	free(runner);
}

struct shield_maps *runner_maps(struct runner *runner)
{
	return runner->maps;
}

static void send_emulated(struct runner *runner, const uint8_t *frame, size_t size, struct runner_result *ret)
{
	struct shield_result result;

	memcpy(ret->answer, frame, size);
	runner->now_ns += 1000;
	shield_emulate(runner->maps, ret->answer, size, runner->now_ns, NULL, NULL, NULL, &result);
	ret->verdict = result.verdict;
	ret->answer_size = result.answer_size;
}

static void send_kernel(struct runner *runner, const uint8_t *frame, size_t size, struct runner_result *ret)
{
	struct shield_test test;
	int error = shield_test_run(runner->shield, frame, size, 1, ret->answer, sizeof(ret->answer), &test);

	if (error) {
		fprintf(stderr, "BPF_PROG_TEST_RUN: error %d for a frame of %zu bytes\n", error, size);
		abort();
	}
	ret->verdict = test.verdict;
	ret->answer_size = test.verdict == SHIELD_ANSWER ? test.size : 0;
}

/* Fills reason, shadow and tenant from the counters. */
static void compare(struct runner *runner, struct runner_result *ret)
{
	size_t size = tables_count_size(runner->maps);

	tables_count(runner->maps, runner->after);
	ret->moved = 0;
	for (size_t i = 0; i < size; i++) {
		if (runner->after[i] == runner->before[i])
			continue;
		ret->moved += runner->after[i] - runner->before[i];
		ret->shadow = i & 1;
		ret->reason = (enum shield_reason)(i / 2 % SHIELD_REASON_SLOTS);
		ret->tenant = (uint32_t)(i / 2 / SHIELD_REASON_SLOTS);
	}
}

static void send_wire(struct runner *runner, const uint8_t *frame, size_t size, struct runner_result *ret)
{
	uint64_t deadline_ns = clock_mono_ns() + 2 * NS_PER_S;

	wire_send(runner->wire, frame, size);
	do {
		compare(runner, ret);
	} while (!ret->moved && clock_mono_ns() < deadline_ns);
	ret->answer_size = wire_receive_outside(runner->wire, ret->answer, sizeof(ret->answer));
	ret->verdict = wire_take_inside(runner->wire) ? SHIELD_PASS : ret->answer_size ? SHIELD_ANSWER : SHIELD_DROP;
}

void runner_send(struct runner *runner, const uint8_t *frame, size_t size, struct runner_result *ret)
{
	memset(ret, 0, offsetof(struct runner_result, answer));
	tables_count(runner->maps, runner->before);
	if (runner->wire)
		send_wire(runner, frame, size, ret);
	else if (runner->shield)
		send_kernel(runner, frame, size, ret);
	else
		send_emulated(runner, frame, size, ret);
	compare(runner, ret);
	runner->arrived += ret->verdict == SHIELD_PASS;
}

void runner_send_outbound(struct runner *runner, const uint8_t *frame, size_t size, struct runner_result *ret)
{
	memset(ret, 0, offsetof(struct runner_result, answer));
	tables_count(runner->maps, runner->before);
	if (runner->wire) {
		wire_send_outbound(runner->wire, frame, size);
	} else if (runner->shield) {
		if (shield_test_outbound(runner->shield, frame, size))
			abort();
	} else {
		shield_emulate_outbound(runner->maps, frame, size, runner->now_ns);
	}
	compare(runner, ret);
}

uint64_t runner_arrived(struct runner *runner)
{
	/* What came late would have been wrongly taken for dropped. */
	if (runner->wire)
		runner->arrived += wire_take_inside(runner->wire);
	return runner->arrived;
}
