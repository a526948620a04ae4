// SPDX-License-Identifier: Apache-2.0
/* A place with several servers of ClickHouse, of which some cannot be reached, or break off what they are asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "hub/events/clickhouse-own.h"
#include "hub/events/event.h"
#include "hub/events/sample.h"

enum { EVENTS = 20, WHY_SIZE = 512 };

static struct clickhouse_own own;

static int bound(unsigned int *ret_port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &size), 0);
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

static void *break_off(void *context)
{
	const int *fd = context;
	int connection;

	while ((connection = accept(*fd, NULL, NULL)) >= 0)
		close(connection);
	return NULL;
}

static int count_one(void *context, const struct ev_event *event)
{
	size_t *count = context;

	(*count)++;
	return 0;
}

static size_t stored(struct ev_store *store)
{
	const struct scope all = { .all = true };
	const struct ev_filter filter = { .scope = &all, .until_us = INT64_C(1900000000000000) };
	const struct ev_cursor before = { 0 };
	struct ev_reader *reader;
	size_t count = 0;

	assert_int_equal(ev_reader_open(store, &reader), 0);
	assert_int_equal(ev_page(reader, &filter, &before, EV_PAGE_MAX, count_one, &count), 0);
	ev_reader_close(reader);
	return count;
}

/* 'urls': what stands before the database in the place. */
static void append_and_read(const char *urls, const char *database)
{
	const struct sample sample = {
		.count = EVENTS, .begin_us = INT64_C(1795000000000000), .span_us = 1000000, .sources = 5, .tenants = 2
	};
	struct ev_event events[EVENTS];
	struct sample_text texts[EVENTS];
	const struct ev_batch batch = {
		.id = "1-1", .events = events, .count = EVENTS, .arrived_us = INT64_C(1795000002000000)
	};
	char place[300], why[WHY_SIZE];
	struct ev_store *store;
	uint64_t first_id = 0, again_id = 0;

	for (uint64_t i = 0; i < EVENTS; i++)
		sample_event(&sample, i, &texts[i], &events[i]);
	snprintf(place, sizeof(place), "clickhouse:%s/%s", urls, database);
	assert_int_equal(ev_store_open(place, &store, why, sizeof(why)), 0);
	assert_int_equal(ev_append(store, &batch, &first_id), 0);
	assert_true(first_id != 0);
	assert_int_equal(ev_append(store, &batch, &again_id), 0);
	assert_int_equal(again_id, 0);
	assert_int_equal(stored(store), EVENTS);
	ev_store_close(store);
}

static void test_one_cannot_be_reached(void **state)
{
	char urls[200];
	unsigned int port;
	int fd = bound(&port); /* and does not listen */

	snprintf(urls, sizeof(urls), "http://127.0.0.1:%u,http://127.0.0.1:%u", port, own.port);
	append_and_read(urls, "refused");
	snprintf(urls, sizeof(urls), "http://127.0.0.1:%u,http://127.0.0.1:%u", own.port, port);
	append_and_read(urls, "refused_second");
	close(fd);
}

static void test_one_breaks_off(void **state)
{
	char urls[200];
	pthread_t thread;
	unsigned int port;
	int fd = bound(&port);

	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(pthread_create(&thread, NULL, break_off, &fd), 0);
	snprintf(urls, sizeof(urls), "http://127.0.0.1:%u,http://127.0.0.1:%u", port, own.port);
	append_and_read(urls, "broken");
	shutdown(fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(fd);
}

/* Two hubs, each at a replica that knows nothing of the other's: what one has stored, and dies before anybody hears of it, the
 * next one stores under the same ids, whenever it comes. So the replicas see that it is the same block. */
static void test_ids_are_those_of_the_batch(void **state)
{
	const struct sample sample = {
		.count = EVENTS, .begin_us = INT64_C(1795000000000000), .span_us = 1000000, .sources = 5, .tenants = 2
	};
	static const struct {
		const char *id;
		int64_t made_us, arrived_us[2];
		bool same;
	} rows[] = {
		{ "7-boot-1", INT64_C(1795000001500000), { INT64_C(1795000002000000), INT64_C(1795000009000000) },
			true },
		{ "8-boot-1", INT64_C(1795000001500000), { INT64_C(1795000002000000), INT64_C(1795000002000000) },
			true },
		/* An hour later, beyond midnight. */
		{ "7-boot-2", INT64_C(1795000002500000), { INT64_C(1795000003000000), INT64_C(1795060000000000) },
			true },
		/* A clock that is wrong makes no days of its own. */
		{ "7-boot-3", INT64_C(1895000002500000), { INT64_C(1795000003500000), INT64_C(1795000009500000) },
			false },
	};
	struct sample_text texts[EVENTS];
	struct ev_event events[EVENTS];
	struct ev_store *stores[2];
	char place[300], why[WHY_SIZE];
	uint64_t seen[8];

	for (uint64_t i = 0; i < EVENTS; i++)
		sample_event(&sample, i, &texts[i], &events[i]);
	for (int i = 0; i < 2; i++) {
		snprintf(place, sizeof(place), "clickhouse:http://127.0.0.1:%u/replica%d?node=%d", own.port, i, i);
		assert_int_equal(ev_store_open(place, &stores[i], why, sizeof(why)), 0);
	}
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint64_t first_ids[2] = { 0 }, again = 7;

		for (int hub = 0; hub < 2; hub++) {
			const struct ev_batch batch = { .id = rows[i].id,
				.events = events,
				.count = EVENTS,
				.made_us = rows[i].made_us,
				.arrived_us = rows[i].arrived_us[hub] };

			assert_int_equal(ev_append(stores[hub], &batch, &first_ids[hub]), 0);
			assert_true(first_ids[hub] != 0);
			assert_int_equal(ev_append(stores[hub], &batch, &again), 0);
			assert_int_equal(again, 0);
		}
		assert_int_equal(first_ids[0] == first_ids[1], rows[i].same);
		seen[i] = first_ids[0];
		for (size_t k = 0; k < i; k++)
			assert_true(seen[k] + EVENTS <= seen[i] || seen[i] + EVENTS <= seen[k]);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stored(stores[i]), ARRAY_COUNT(rows) * EVENTS);
		ev_store_close(stores[i]);
	}
}

static void test_none_can_be_reached(void **state)
{
	char place[200], why[WHY_SIZE];
	struct ev_store *store;
	unsigned int port;
	int fd = bound(&port);

	snprintf(place, sizeof(place), "clickhouse:http://127.0.0.1:%u,http://127.0.0.1:%u/none", port, port);
	assert_int_equal(ev_store_open(place, &store, why, sizeof(why)), LUYTRE_E_CLOSED);
	assert_non_null(strstr(why, "connect"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_cannot_be_reached),
		cmocka_unit_test(test_one_breaks_off),
		cmocka_unit_test(test_ids_are_those_of_the_batch),
		cmocka_unit_test(test_none_can_be_reached),
	};
	int error = clickhouse_own_start(&own), failed;

	if (error == LUYTRE_E_NOT_FOUND) {
		fprintf(stderr, "skipped: ClickHouse is not installed\n");
		return 77;
	}
	if (error)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	clickhouse_own_stop(&own);
	return failed;
}
