// SPDX-License-Identifier: Apache-2.0
#include "hub/api/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/clock.h"

static const char *const topics[] = { "a", "b" };
static unsigned int released_count;

/* A caller's id is its tenant; 0 sees all. */
static bool visible(void *context, const struct api_caller *caller, uint32_t topic, uint32_t tenant)
{
	return caller->id == 0 || tenant == 0 || caller->id == tenant;
}

static void release(void *context, struct api_caller *caller)
{
	released_count++;
}

struct seen {
	_Atomic unsigned int slept, woken;
	char text[4096];
};

static void on_sleep(void *context)
{
	((struct seen *)context)->slept++;
}

static void on_wake(void *context)
{
	((struct seen *)context)->woken++;
}

static struct stream *make(size_t events_max, size_t lag_max)
{
	struct stream_config config = { .settings = stream_settings_default,
		.topics = topics,
		.topic_count = 2,
		.last_id = 100,
		.visible = visible,
		.release = release };
	struct stream *stream = NULL;

	config.settings.events_max = events_max;
	config.settings.lag_max = lag_max;
	config.settings.clients_max = 3;
	released_count = 0;
	assert_int_equal(stream_new(&config, &stream), 0);
	return stream;
}

static struct stream_client *join(struct stream *stream, uint64_t tenant, uint32_t wanted, const uint64_t *last_id)
{
	struct api_caller caller = { .id = tenant, .kind = 1 };
	struct stream_client *client = NULL;

	assert_int_equal(stream_client_open(stream, &caller, wanted, last_id, &client), 0);
	return client;
}

static void publish(struct stream *stream, uint32_t topic, uint32_t tenant, const char *data)
{
	assert_int_equal(stream_publish(stream, 0, topic, tenant, bytes_from_str(data)), 0);
}

/* All there is, in pieces of 'piece' bytes. */
static const char *take(struct stream_client *client, struct seen *seen, size_t piece)
{
	size_t size = 0;
	ssize_t part;

	while ((part = stream_client_read(client, seen->text + size, piece, on_sleep, on_wake, seen)) > 0)
		size += (size_t)part;
	seen->text[size] = '\0';
	if (part < 0)
		snprintf(seen->text + size, 8, "END");
	return seen->text;
}

static void end(struct stream *stream, struct stream_client *one, struct stream_client *two)
{
	stream_stop(stream);
	stream_client_close(one);
	stream_client_close(two);
	stream_free(stream);
}

static void test_topics_and_tenants(void **state)
{
	struct stream *stream = make(16, 16);
	struct stream_client *one = join(stream, 1, 1, NULL), *all = join(stream, 0, 3, NULL);
	struct seen seen_one = { 0 }, seen_all = { 0 };

	assert_string_equal(take(one, &seen_one, 1000), ": luytre\n\n");
	assert_string_equal(take(all, &seen_all, 1000), ": luytre\n\n");
	assert_int_equal(seen_one.slept, 1);
	publish(stream, 0, 2, "{\"secret\":2}");
	publish(stream, 1, 1, "{}");
	assert_int_equal(seen_one.woken, 0);
	publish(stream, 0, 1, "{\"mine\":1}");
	assert_int_equal(seen_one.woken, 1);
	assert_int_equal(seen_all.woken, 1);
	assert_string_equal(take(one, &seen_one, 1000), "id: 103\nevent: a\ndata: {\"mine\":1}\n\n");
	/* In pieces that cut everywhere. */
	assert_string_equal(take(all, &seen_all, 3),
		"id: 101\nevent: a\ndata: {\"secret\":2}\n\nid: 102\nevent: b\ndata: {}\n\n"
		"id: 103\nevent: a\ndata: {\"mine\":1}\n\n");
	end(stream, one, all);
	assert_int_equal(released_count, 2);
}

static void test_replay(void **state)
{
	static const struct {
		uint64_t last_id;
		const char *text;
	} rows[] = {
		{ 104, ": luytre\n\n" }, { 103, "id: 104\nevent: a\ndata: 4\n\n" },
		{ 102, "id: 103\nevent: a\ndata: 3\n\nid: 104\nevent: a\ndata: 4\n\n" },
		{ 101, "id: 104\nevent: resync\ndata: {}\n\n" }, /* 102 is gone, and was of interest */
		{ 99, "id: 104\nevent: resync\ndata: {}\n\n" },
		{ 105, "id: 104\nevent: resync\ndata: {}\n\n" }, /* of another hub */
	};
	struct stream *stream = make(2, 16);

	for (unsigned int i = 1; i <= 4; i++) {
		char data[8];

		snprintf(data, sizeof(data), "%u", i);
		publish(stream, 0, 0, data);
	}
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct stream_client *client = join(stream, 0, 1, &rows[i].last_id);
		struct seen seen = { 0 };

		assert_string_equal(take(client, &seen, 1000), rows[i].text);
		stream_client_close(client);
	}
	end(stream, NULL, NULL);
}

/* Who is too far behind is told so, once, and goes on; what is half sent is finished first. */
static void test_lag(void **state)
{
	struct stream *stream = make(8, 4);
	struct stream_client *slow = join(stream, 0, 1, NULL);
	struct seen seen = { 0 };
	struct stream_stats stats;
	char half[16] = "";

	publish(stream, 0, 0, "1");
	assert_int_equal(stream_client_read(slow, half, 5, on_sleep, on_wake, &seen), 5);
	for (int i = 0; i < 20; i++)
		publish(stream, 0, 0, "2");
	assert_string_equal(take(slow, &seen, 100), "01\nevent: a\ndata: 1\n\nid: 121\nevent: resync\ndata: {}\n\n");
	publish(stream, 0, 0, "3");
	assert_string_equal(take(slow, &seen, 100), "id: 122\nevent: a\ndata: 3\n\n");
	stream_stats(stream, &stats);
	assert_int_equal(stats.resyncs, 1);
	assert_int_equal(stats.events, 8);
	end(stream, slow, NULL);
}

/* What a client may not see is no lag of its own. */
static void test_foreign_events_are_no_lag(void **state)
{
	struct stream *stream = make(64, 4);
	struct stream_client *one = join(stream, 1, 1, NULL);
	struct seen seen = { 0 };

	take(one, &seen, 100);
	for (int i = 0; i < 200; i++)
		publish(stream, 0, 2, "{}");
	assert_int_equal(seen.woken, 0);
	publish(stream, 0, 1, "7");
	assert_string_equal(take(one, &seen, 100), "id: 301\nevent: a\ndata: 7\n\n");
	end(stream, one, NULL);
}

static void test_refusals(void **state)
{
	struct stream *stream = make(8, 4);
	struct stream_client *clients[3], *fourth = NULL;
	struct api_caller caller = { 0 };
	struct seen seen = { 0 };

	assert_int_equal(stream_publish(stream, 100, 0, 0, bytes_from_str("{}")), LUYTRE_E_INVALID);
	assert_int_equal(stream_publish(stream, 0, 2, 0, bytes_from_str("{}")), LUYTRE_E_INVALID);
	assert_int_equal(stream_publish(stream, 0, 0, 0, bytes_from_str("{}\nevent: x")), LUYTRE_E_INVALID);
	assert_int_equal(stream_publish(stream, 500, 0, 0, bytes_from_str("{}")), 0);
	for (size_t i = 0; i < 3; i++)
		clients[i] = join(stream, i, 1, NULL);
	take(clients[1], &seen, 100);
	assert_int_equal(stream_client_open(stream, &caller, 1, NULL, &fourth), LUYTRE_E_FULL);
	/* Those that are there are pinged, once a second at most: who is gone makes room. */
	assert_int_equal(seen.woken, 1);
	assert_string_equal(take(clients[1], &seen, 100), ": luytre\n\n");
	assert_int_equal(stream_client_open(stream, &caller, 1, NULL, &fourth), LUYTRE_E_FULL);
	assert_int_equal(seen.woken, 1);
	stream_end_caller(stream, 1, 1);
	assert_int_equal(seen.woken, 2);
	assert_string_equal(take(clients[1], &seen, 100), "END");
	assert_string_equal(take(clients[2], &seen, 100), ": luytre\n\n");
	stream_client_close(clients[0]);
	end(stream, clients[1], clients[2]);
	assert_int_equal(released_count, 3);
}

/* Time passes for real here, because the stream's own thread keeps it. */
static void test_ping_and_life(void **state)
{
	struct stream_config config = {
		.settings = stream_settings_default, .topics = topics, .topic_count = 1, .visible = visible
	};
	struct seen seen = { 0 };
	struct stream *stream = NULL;
	struct stream_client *client;

	config.settings.ping_ns = NS_PER_MS;
	config.settings.life_ns = 1500 * NS_PER_MS;
	assert_int_equal(stream_new(&config, &stream), 0);
	client = join(stream, 0, 1, NULL);
	take(client, &seen, 100);
	for (int i = 0; i < 500 && seen.woken == 0; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 10 * (long)NS_PER_MS }, NULL);
	assert_string_equal(take(client, &seen, 100), ": luytre\n\n");
	for (int i = 0; i < 500 && seen.woken < 2; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 10 * (long)NS_PER_MS }, NULL);
	assert_string_equal(take(client, &seen, 100), "END");
	end(stream, client, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_topics_and_tenants),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_lag),
		cmocka_unit_test(test_foreign_events_are_no_lag),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_ping_and_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
