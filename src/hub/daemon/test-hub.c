// SPDX-License-Identifier: Apache-2.0
/* What a hub refuses before it begins: options that do not go together, with the remedy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "hub/daemon/hub.h"

/* Nobody listens at port 1: whoever asks NATS first waits, and says something else. */
static void test_a_cluster_needs_shared_stores(void **state)
{
	static const struct {
		const char *control, *events;
	} rows[] = {
		{ NULL, NULL },
		{ NULL, "clickhouse:http://127.0.0.1:1/luytre" },
		{ "sqlite:/tmp/control.db", "clickhouse:http://127.0.0.1:1/luytre" },
		{ "postgres:host=127.0.0.1 port=1", NULL },
		{ "postgres:host=127.0.0.1 port=1", "sqlite:/tmp/events" },
	};
	char dir[] = "/tmp/luytre-test-hub-XXXXXX";
	uint64_t began_ns = clock_mono_ns();

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct hub_options options = { .state_dir = dir,
			.cluster = "nats://127.0.0.1:1",
			.control = rows[i].control,
			.events = rows[i].events };

		assert_int_equal(hub_run(&options), LUYTRE_E_INVALID);
	}
	assert_true(clock_mono_ns() - began_ns < NS_PER_S);
	assert_int_equal(rmdir(dir), 0); /* nothing was made */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_cluster_needs_shared_stores) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
