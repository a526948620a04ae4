// SPDX-License-Identifier: Apache-2.0
/* What people at the edge see of what web servers say: a list counts when it came whole, and the worst worker is the measure. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "edge/link/gates.h"

#define GOOD                                                                                                           \
	"{\"hold\":81,\"rule\":8100010,\"mode\":\"enforce\",\"known\":true,\"attack\":\"stopped\",\"twin\":"           \
	"\"passed\"}"
#define UNTRIED                                                                                                        \
	"{\"hold\":82,\"rule\":8100011,\"mode\":\"shadow\",\"known\":true,\"attack\":\"none\",\"twin\":\"none\"}"
#define UNKNOWN                                                                                                        \
	"{\"hold\":83,\"rule\":8100012,\"mode\":\"enforce\",\"known\":false,\"attack\":\"none\",\"twin\":\"none\"}"
#define LETS_IN                                                                                                        \
	"{\"hold\":84,\"rule\":8100013,\"mode\":\"enforce\",\"known\":true,\"attack\":\"passed\",\"twin\":\"passed\"}"
#define TOO_MUCH                                                                                                       \
	"{\"hold\":85,\"rule\":8100014,\"mode\":\"enforce\",\"known\":true,\"attack\":\"stopped\",\"twin\":"           \
	"\"stopped\"}"

struct step {
	const char *gate;
	int worker, workers;
	long long stamp;
	int part, parts;
	const char *holds;
	/* After it. */
	struct gates_sum sum;
};

static void check_steps(const struct step *steps, size_t count)
{
	static struct gates gates;
	struct gates_sum sum;
	char line[2048];

	gates = (struct gates){ 0 };
	for (size_t i = 0; i < count; i++) {
		const struct step *s = &steps[i];

		snprintf(line, sizeof(line),
			"{\"event_type\":\"holds\",\"stamp\":%lld,\"gate\":\"%s\",\"worker\":%d,\"workers\":%d,"
			"\"part\":%d,"
			"\"parts\":%d,\"holds\":[%s]}",
			s->stamp, s->gate, s->worker, s->workers, s->part, s->parts, s->holds);
		assert_true(gates_is_word(bytes_from_str(line)));
		assert_int_equal(gates_take(&gates, bytes_from_str(line)), 0);
		gates_sum_up(&gates, &sum);
		if (sum.workers != s->sum.workers || sum.standing != s->sum.standing || sum.stamp != s->sum.stamp)
			fail_msg("step %zu: %llu workers, %llu standing, stamp %lld", i,
				(unsigned long long)sum.workers, (unsigned long long)sum.standing,
				(long long)sum.stamp);
	}
}

static void test_what_stands(void **state)
{
	static const struct step steps[] = {
		{ "a", 0, 1, 0, 1, 1, "", { 1, 0, 0 } },
		{ "a", 0, 1, 11, 1, 1, GOOD "," UNTRIED, { 1, 2, 11 } },
		{ "a", 0, 1, 12, 1, 1, GOOD "," UNKNOWN "," LETS_IN "," TOO_MUCH, { 1, 1, 12 } },
	};

	check_steps(steps, ARRAY_COUNT(steps));
}

static void test_worst_worker(void **state)
{
	static const struct step steps[] = {
		{ "a", 0, 2, 10, 1, 1, GOOD, { 1, 1, 10 } },
		{ "a", 1, 2, 10, 1, 1, GOOD, { 2, 1, 10 } },
		{ "a", 0, 2, 20, 1, 1, GOOD "," UNTRIED, { 2, 1, 10 } },
		{ "b", 0, 1, 20, 1, 1, GOOD "," UNTRIED, { 3, 1, 10 } },
		{ "a", 1, 2, 20, 1, 1, GOOD "," UNTRIED, { 3, 2, 20 } },
		/* A reload with one worker. */
		{ "a", 0, 1, 20, 1, 1, GOOD "," UNTRIED, { 2, 2, 20 } },
	};

	check_steps(steps, ARRAY_COUNT(steps));
}

/* A sensor has the other part of the holds. */
static void test_sensors(void **state)
{
	static const struct step steps[] = {
		{ "a", 0, 1, 10, 1, 1, GOOD, { 1, 1, 10 } },
		{ "sensor-eth0", 0, 1, 10, 1, 1, GOOD "," UNTRIED, { 1, 3, 10 } },
		{ "sensor", 0, 1, 9, 1, 1, GOOD, { 1, 2, 9 } },
		{ "sensorless", 0, 1, 10, 1, 1, "", { 2, 1, 9 } },
	};

	check_steps(steps, ARRAY_COUNT(steps));
}

static void test_sites(void **state)
{
	static const struct {
		const char *sites;
		uint64_t open;
	} cases[] = {
		{ "", 0 },
		{ ",\"sites\":[]", 0 },
		{ ",\"sites\":[{\"asset\":9,\"mode\":\"off\",\"edge_only\":true,\"stands\":true}]", 0 },
		{ ",\"sites\":[{\"asset\":9,\"mode\":\"off\",\"edge_only\":true,\"stands\":false},{\"edge_only\":true}"
		  "]",
			2 },
		{ ",\"sites\":[{\"asset\":9,\"mode\":\"shadow\",\"stands\":false}]", 0 },
	};
	static struct gates gates;
	char line[512];

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		snprintf(line, sizeof(line),
			"{\"event_type\":\"holds\",\"stamp\":1,\"gate\":\"a\",\"worker\":0,\"workers\":1,\"holds\":[]%"
			"s}",
			cases[i].sites);
		assert_int_equal(gates_take(&gates, bytes_from_str(line)), 0);
		assert_int_equal(gates_open(&gates), cases[i].open);
	}
}

static void test_parts(void **state)
{
	static const struct step steps[] = {
		{ "a", 0, 1, 10, 1, 2, GOOD, { 0, 0, 0 } },
		{ "a", 0, 1, 10, 2, 2, GOOD, { 1, 2, 10 } },
		/* One is missing: what was before it stays. */
		{ "a", 0, 1, 11, 1, 3, GOOD, { 1, 2, 10 } },
		{ "a", 0, 1, 11, 3, 3, GOOD, { 1, 2, 10 } },
		/* Another list came between. */
		{ "a", 0, 1, 12, 1, 2, GOOD, { 1, 2, 10 } },
		{ "a", 0, 1, 13, 1, 2, GOOD, { 1, 2, 10 } },
		{ "a", 0, 1, 12, 2, 2, GOOD, { 1, 2, 10 } },
		{ "a", 0, 1, 13, 2, 2, UNKNOWN, { 1, 1, 13 } },
	};

	check_steps(steps, ARRAY_COUNT(steps));
}

static void test_broken(void **state)
{
	static const char *const lines[] = {
		"{\"event_type\":\"holds\"}",
		"{\"event_type\":\"holds\",",
		"{\"stamp\":-1,\"gate\":\"a\",\"worker\":0,\"workers\":1,\"holds\":[]}",
		"{\"stamp\":1,\"gate\":\"\",\"worker\":0,\"workers\":1,\"holds\":[]}",
		"{\"stamp\":1,\"gate\":\"a\",\"worker\":-1,\"workers\":1,\"holds\":[]}",
		"{\"stamp\":1,\"gate\":\"a\",\"worker\":0,\"workers\":0,\"holds\":[]}",
		"{\"stamp\":1,\"gate\":\"a\",\"worker\":0,\"workers\":1,\"holds\":{}}",
		"{\"stamp\":1,\"gate\":\"a\",\"worker\":0,\"workers\":1,\"part\":0,\"holds\":[]}",
	};
	static struct gates gates;

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		if (gates_take(&gates, bytes_from_str(lines[i])) != LUYTRE_E_SYNTAX)
			fail_msg("%s", lines[i]);
	assert_int_equal(gates.count, 0);
	assert_false(
		gates_is_word(bytes_from_str("{\"event_type\":\"alert\",\"x\":\"\\\"event_type\\\":\\\"holds\\\"\"}")));
}

/* Whoever writes to the socket does not make it grow. */
static void test_ceiling(void **state)
{
	static struct gates gates;
	struct gates_sum sum;
	char line[256];

	for (int i = 0; i < 3 * GATES_WORKERS_MAX; i++) {
		snprintf(line, sizeof(line),
			"{\"event_type\":\"holds\",\"stamp\":%d,\"gate\":\"g%d\",\"worker\":0,\"workers\":1,\"holds\":["
			"]}",
			i + 1, i);
		assert_int_equal(gates_take(&gates, bytes_from_str(line)), 0);
	}
	gates_sum_up(&gates, &sum);
	assert_int_equal(sum.workers, GATES_WORKERS_MAX);
	assert_int_equal(sum.stamp, 2 * GATES_WORKERS_MAX + 1); /* those that spoke last are left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_stands),
		cmocka_unit_test(test_worst_worker),
		cmocka_unit_test(test_sensors),
		cmocka_unit_test(test_sites),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
