// SPDX-License-Identifier: Apache-2.0
/* Bulk actions: started, told of, cancelled, seen by nobody else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "hub/console/operations.h"
#include "hub/console/test-kit.h"

static struct kit kit;
static struct kit_session lan, minh;
static atomic_uint released;
static atomic_bool hold;

static int setup(void **state)
{
	uint32_t tenant;

	if (kit_open(&kit))
		return -1;
	tenant = kit_tenant(&kit, 0, "Bộ Y tế");
	lan = kit_user(&kit, "lan", AUTH_ROLE_OPERATOR, tenant);
	minh = kit_user(&kit, "minh", AUTH_ROLE_OPERATOR, tenant);
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

static void release(void *context)
{
	atomic_fetch_add(&released, 1);
}

/* Steps until it is let go or cancelled. */
static int run(void *context, struct operation *operation, struct db *db)
{
	uint64_t done = 0;

	while (operation_step(operation, done, 1) && atomic_load(&hold)) {
		done++;
		usleep(1000);
	}
	operation_result(operation, "looked_at", done);
	return context ? LUYTRE_E_IO : 0;
}

/* A request as a handler sees it, with as much as is looked at. */
static uint64_t start(const struct kit_session *session, void *context, int expected)
{
	const struct auth_principal principal = { .account = session->account, .name = "lan" };
	const struct api_request request = {
		.context = kit.console, .caller = { .data = (void *)(uintptr_t)&principal }, .now = clock_now()
	};
	const struct operation_plan plan = {
		.kind = "test", .total = 5, .run = run, .release = release, .context = context
	};
	uint64_t id = 0;

	assert_int_equal(operations_start(&request, &plan, &id), expected);
	return id;
}

static const char *path_of(uint64_t id)
{
	static char path[64];

	snprintf(path, sizeof(path), "/operations/%llu", (unsigned long long)id);
	return path;
}

static void wait_for(uint64_t id, const char *state)
{
	for (int i = 0; i < 2000; i++) {
		struct kit_answer answer = kit_request(&kit, &lan, "GET", path_of(id), NULL, NULL);
		bool there = strcmp(kit_text(&answer, "state"), state) == 0;

		kit_answer_done(&answer);
		if (there)
			return;
		usleep(2000);
	}
	fail_msg("the operation never was %s", state);
}

static void test_done(void **state)
{
	unsigned int before = atomic_load(&released);
	struct kit_stream *stream = kit_stream_open(&kit, &lan, "operations");
	struct kit_stream *other = kit_stream_open(&kit, &minh, "operations");
	struct kit_answer answer;
	uint64_t id;

	atomic_store(&hold, false);
	id = start(&lan, NULL, 0);
	wait_for(id, "done");
	assert_int_equal(atomic_load(&released), before + 1);
	answer = kit_request(&kit, &lan, "GET", path_of(id), NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "kind"), "test");
	assert_int_equal(json_integer_value(json_object_get(answer.json, "total")), 5);
	assert_true(json_is_integer(json_object_get(json_object_get(answer.json, "result"), "looked_at")));
	assert_true(json_is_string(json_object_get(answer.json, "ended")));
	kit_answer_done(&answer);
	assert_true(kit_stream_heard(stream, "\"state\":\"done\"", 3000));
	assert_false(kit_stream_heard(other, "\"kind\":\"test\"", 50));
	assert_int_equal(kit_status(&kit, &lan, "DELETE", path_of(id), NULL, NULL), 409);
	kit_stream_close(stream);
	kit_stream_close(other);
}

static void test_failed(void **state)
{
	atomic_store(&hold, false);
	wait_for(start(&lan, &kit, 0), "failed");
}

static void test_cancelled(void **state)
{
	uint64_t first, second;

	atomic_store(&hold, true);
	first = start(&lan, NULL, 0);
	second = start(&lan, NULL, 0); /* waits behind the first */
	wait_for(first, "running");
	assert_int_equal(kit_status(&kit, &minh, "DELETE", path_of(first), NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &lan, "DELETE", path_of(second), NULL, NULL), 204);
	assert_int_equal(kit_status(&kit, &lan, "DELETE", path_of(first), NULL, NULL), 204);
	wait_for(first, "cancelled");
	wait_for(second, "cancelled");
}

static void test_others_see_nothing(void **state)
{
	struct kit_answer answer;
	uint64_t id;

	atomic_store(&hold, false);
	id = start(&lan, NULL, 0);
	assert_int_equal(kit_status(&kit, &minh, "GET", path_of(id), NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, NULL, "GET", path_of(id), NULL, NULL), 401);
	answer = kit_request(&kit, &minh, "GET", "/operations", NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 0);
	kit_answer_done(&answer);
	wait_for(id, "done");
}

static void test_pages(void **state)
{
	struct kit_answer answer;
	char path[256];
	size_t seen = 0, pages = 0;

	atomic_store(&hold, false);
	for (int i = 0; i < 5; i++)
		wait_for(start(&lan, NULL, 0), "done");
	snprintf(path, sizeof(path), "/operations?limit=2");
	for (bool more = true; more; pages++) {
		answer = kit_request(&kit, &lan, "GET", path, NULL, NULL);
		assert_int_equal(answer.status, 200);
		seen += json_array_size(json_object_get(answer.json, "items"));
		more = json_is_string(json_object_get(answer.json, "next"));
		if (more)
			snprintf(path, sizeof(path), "/operations?limit=2&cursor=%s", kit_text(&answer, "next"));
		kit_answer_done(&answer);
	}
	assert_true(seen >= 5);
	assert_int_equal(pages, (seen + 1) / 2);
}

/* Of one account only so many wait; of all, the oldest finished one goes. */
static void test_ceilings(void **state)
{
	struct operations_stats stats;
	uint64_t ids[OPERATIONS_OPEN_MAX], first;

	atomic_store(&hold, false);
	first = start(&lan, NULL, 0);
	wait_for(first, "done");
	atomic_store(&hold, true);
	for (size_t i = 0; i < OPERATIONS_OPEN_MAX; i++)
		ids[i] = start(&lan, NULL, 0);
	start(&lan, NULL, LUYTRE_E_BUSY);
	atomic_store(&hold, false);
	for (size_t i = 0; i < OPERATIONS_OPEN_MAX; i++)
		wait_for(ids[i], "done");
	for (size_t i = 0; i < OPERATIONS_MAX; i++)
		wait_for(start(&lan, NULL, 0), "done");
	assert_int_equal(kit_status(&kit, &lan, "GET", path_of(first), NULL, NULL), 404);
	operations_stats(kit.console->operations, &stats);
	assert_true(stats.evicted > 0);
	assert_int_equal(stats.refused, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_done),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_others_see_nothing),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_ceilings),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
