// SPDX-License-Identifier: Apache-2.0
#include "gate/guard/abuse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/compiler.h"

/* A site with its guard; time moves as the test says. */
struct world {
	struct abuse_settings settings;
	struct abuse *abuse;
	uint64_t now_ns, random;
	uint32_t actions[4]; /* verdicts since the last reset */
	enum abuse_reason last_reason;
};

static int open_world(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	abuse_settings_default(&world->settings);
	world->settings.key = (struct siphash_key){ 3, 4 };
	world->abuse = abuse_place(malloc(abuse_size(&world->settings)), &world->settings);
	world->now_ns = 86400 * NS_PER_S;
	world->random = 1;
	*state = world;
	return 0;
}

static int close_world(void **state)
{
	struct world *world = *state;

	free(world->abuse);
	free(world);
	return 0;
}

static unsigned int below(struct world *world, unsigned int most)
{
	world->random = world->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned int)(world->random >> 33) % most;
}

static struct abuse_client client_of(struct world *world, unsigned int address, unsigned int cluster)
{
	return (struct abuse_client){
		.address = abuse_hash(world->abuse, bytes_of(&address, sizeof(address))),
		.cluster = abuse_hash(world->abuse, bytes_of(&cluster, sizeof(cluster))),
		.site = 77,
	};
}

static void note(struct world *world, const struct abuse_verdict *verdict)
{
	world->actions[verdict->action]++;
	if (verdict->action != ABUSE_PASS)
		world->last_reason = verdict->reason;
}

static void forget(struct world *world)
{
	memset(world->actions, 0, sizeof(world->actions));
	world->last_reason = ABUSE_NONE;
}

/* One login: asked, and told how it went unless it was denied or challenged. */
static enum abuse_action login(struct world *world, const struct abuse_client *client, unsigned int name, bool success)
{
	char text[32];
	struct abuse_verdict verdict;

	snprintf(text, sizeof(text), "user%u", name);
	abuse_login_ask(world->abuse, &world->settings, client, bytes_from_str(text), world->now_ns, &verdict);
	note(world, &verdict);
	if (verdict.action < ABUSE_CHALLENGE)
		abuse_login_done(world->abuse, &world->settings, client, bytes_from_str(text), success, world->now_ns);
	return verdict.action;
}

/* People from home: one in ten mistypes once. */
static void usual_traffic(struct world *world, unsigned int people, uint64_t step_ns)
{
	for (unsigned int i = 0; i < people; i++) {
		unsigned int person = below(world, 100000);
		struct abuse_client client = client_of(world, 1000 + person, below(world, 6));

		if (below(world, 10) == 0)
			login(world, &client, person, false);
		login(world, &client, person, true);
		world->now_ns += step_ns;
	}
}

static void office_on_monday_passes(void **state)
{
	struct world *world = *state;
	struct abuse_client office = client_of(world, 1, 0);

	/* 800 people in ten minutes, one in six mistypes, some twice; all with the same browser. */
	for (unsigned int person = 0; person < 800; person++) {
		unsigned int mistakes = below(world, 6) == 0 ? 1 + below(world, 2) : 0;

		for (unsigned int i = 0; i < mistakes; i++)
			login(world, &office, person, false);
		login(world, &office, person, true);
		world->now_ns += 750 * NS_PER_MS;
	}
	assert_int_equal(world->actions[ABUSE_SLOW] + world->actions[ABUSE_CHALLENGE] + world->actions[ABUSE_DENY], 0);
}

/* The first minutes are the hardest: nobody has logged in yet. Half of the first twenty mistype. */
static void office_with_a_bad_start_passes(void **state)
{
	struct world *world = *state;
	struct abuse_client office = client_of(world, 1, 0);

	for (unsigned int person = 0; person < 60; person++) {
		if (person % 2 == 0)
			login(world, &office, person, false);
		login(world, &office, person, true);
		world->now_ns += NS_PER_S;
	}
	assert_int_equal(world->actions[ABUSE_PASS], 90);
}

static void one_address_with_a_list_is_stopped(void **state)
{
	struct world *world = *state;
	struct abuse_client attacker = client_of(world, 9, 50);
	unsigned int tried = 0;

	usual_traffic(world, 500, 100 * NS_PER_MS);
	assert_int_equal(world->actions[ABUSE_PASS], world->actions[0]);
	forget(world);
	while (tried < 200 && login(world, &attacker, 500000 + tried, tried % 50 == 49) == ABUSE_PASS) {
		tried++;
		world->now_ns += NS_PER_S;
	}
	assert_in_range(tried, 14, 18);
	assert_int_equal(world->last_reason, ABUSE_LOGIN_ADDRESS);
	/* It ends. */
	world->now_ns += (world->settings.hold_ms + 2 * (uint64_t)world->settings.window_ms) * NS_PER_MS;
	assert_int_equal(login(world, &attacker, 600000, false), ABUSE_PASS);
}

/* An attacker in the office's address: the office's people that have logged in there before are not touched. */
static void crowd_behind_the_attacker_goes_on(void **state)
{
	struct world *world = *state;
	struct abuse_client office = client_of(world, 1, 0);

	for (unsigned int person = 0; person < 20; person++)
		login(world, &office, person, true);
	for (unsigned int i = 0; i < 300; i++)
		login(world, &office, 500000 + i, false);
	assert_int_equal(world->last_reason, ABUSE_LOGIN_ADDRESS);
	for (unsigned int person = 0; person < 20; person++)
		assert_int_equal(login(world, &office, person, true), ABUSE_PASS);
}

static void name_from_everywhere_is_challenged(void **state)
{
	struct world *world = *state;
	struct abuse_client home = client_of(world, 1, 0);
	unsigned int tried = 0;

	login(world, &home, 7, true);
	for (;; tried++) {
		struct abuse_client client = client_of(world, 5000 + tried, tried);

		if (login(world, &client, 7, false) != ABUSE_PASS)
			break;
		assert_true(tried < 100);
	}
	assert_int_equal(tried, 10);
	assert_int_equal(world->last_reason, ABUSE_LOGIN_NAME);
	assert_int_equal(world->actions[ABUSE_CHALLENGE], 1);
	/* The owner is not locked out. */
	assert_int_equal(login(world, &home, 7, true), ABUSE_PASS);
}

static void names_are_compared_without_case(void **state)
{
	struct world *world = *state;
	static const char *const names[] = { "Admin", "admin ", "ADMIN", " admin" };
	struct abuse_verdict verdict;

	for (unsigned int i = 0; i < 12; i++) {
		struct abuse_client client = client_of(world, 5000 + i, i);

		abuse_login_done(
			world->abuse, &world->settings, &client, bytes_from_str(names[i % 4]), false, world->now_ns);
	}
	abuse_login_ask(world->abuse, &world->settings, &(struct abuse_client){ 1, 1, 77 }, bytes_from_str("admin"),
		world->now_ns, &verdict);
	assert_int_equal(verdict.reason, ABUSE_LOGIN_NAME);
	abuse_login_ask(world->abuse, &world->settings, &(struct abuse_client){ 1, 1, 78 }, bytes_from_str("admin"),
		world->now_ns, &verdict);
	assert_int_equal(verdict.action, ABUSE_PASS); /* another site */
}

/* Ten thousand addresses, each once, one tool: its fingerprint gives it away. */
static void one_tool_from_everywhere_is_challenged(void **state)
{
	struct world *world = *state;
	unsigned int passed = 0;

	usual_traffic(world, 500, 100 * NS_PER_MS);
	forget(world);
	for (unsigned int i = 0; i < 1000; i++) {
		struct abuse_client client = client_of(world, 500000 + i, 99);

		passed += login(world, &client, 500000 + i, i % 100 == 99) == ABUSE_PASS;
		world->now_ns += 100 * NS_PER_MS;
	}
	assert_in_range(passed, 45, 70);
	assert_int_equal(world->last_reason, ABUSE_LOGIN_CLUSTER);
	forget(world);
	usual_traffic(world, 300, 100 * NS_PER_MS);
	assert_int_equal(world->actions[ABUSE_CHALLENGE] + world->actions[ABUSE_DENY], 0);
}

/* The same with everybody's fingerprints: the share of failures of the whole site tells, and only those who fail are asked. */
static void site_ratio_finds_the_hidden(void **state)
{
	struct world *world = *state;
	uint32_t learned, present, good_challenged = 0;

	for (unsigned int window = 0; window < 6; window++)
		usual_traffic(world, 300, 2 * NS_PER_S);
	assert_int_equal(world->actions[ABUSE_CHALLENGE] + world->actions[ABUSE_DENY], 0);
	assert_true(abuse_login_shares(world->abuse, &world->settings, 77, world->now_ns, &learned, &present));
	assert_in_range(learned, 50, 150);
	forget(world);
	for (unsigned int i = 0; i < 3000; i++) {
		struct abuse_client client = client_of(world, 500000 + i % 400, below(world, 6));

		login(world, &client, 600000 + i, false);
		if (i % 10 == 0) {
			uint32_t before = world->actions[ABUSE_CHALLENGE];

			usual_traffic(world, 1, 0);
			good_challenged += world->actions[ABUSE_CHALLENGE] - before;
		}
		world->now_ns += 100 * NS_PER_MS;
	}
	assert_true(world->actions[ABUSE_CHALLENGE] > 2000);
	/* Some that mistype meanwhile, from fingerprints that the attack uses, are asked too. */
	assert_in_range(good_challenged, 0, 330);
	(void)abuse_login_shares(world->abuse, &world->settings, 77, world->now_ns, &learned, &present);
	assert_true(learned < 300);
}

static enum abuse_action look_up(
	struct world *world, const struct abuse_client *client, enum abuse_id_kind kind, unsigned long long id)
{
	char text[32];
	struct abuse_verdict verdict;

	snprintf(text, sizeof(text), "%012llu", id);
	abuse_lookup(world->abuse, &world->settings, client, 4711, kind, bytes_from_str(text), world->now_ns, &verdict);
	note(world, &verdict);
	return verdict.action;
}

/* Of one province, born in sixty years, six random digits. */
static unsigned long long random_citizen(struct world *world)
{
	return 79000000000ull + below(world, 2) * 1000000000ull + (40 + below(world, 60)) * 1000000ull +
	       below(world, 1000000);
}

static void people_look_up_themselves(void **state)
{
	struct world *world = *state;

	for (unsigned int i = 0; i < 20000; i++) {
		struct abuse_client client = client_of(world, 1000 + below(world, 3000), below(world, 6));

		look_up(world, &client, ABUSE_ID_CITIZEN, random_citizen(world));
		world->now_ns += 20 * NS_PER_MS;
	}
	assert_int_equal(world->actions[ABUSE_PASS], 20000);
}

static void one_address_walks(void **state)
{
	struct world *world = *state;
	struct abuse_client attacker = client_of(world, 9, 0);
	unsigned int first = 0, denied = 0;

	for (unsigned int i = 0; i < 100; i++) {
		enum abuse_action action = look_up(world, &attacker, ABUSE_ID_CITIZEN, 79099000000ull + i * 3);

		if (action != ABUSE_PASS && first == 0)
			first = i;
		denied += action == ABUSE_DENY;
		world->now_ns += NS_PER_S;
	}
	assert_int_equal(first, 12);
	assert_int_equal(denied, 60);
	assert_int_equal(world->last_reason, ABUSE_ENUM_CLIENT);
}

static void many_addresses_walk_together(void **state)
{
	struct world *world = *state;
	unsigned int held = 0, strangers = 0;

	for (unsigned int i = 0; i < 2000; i++) {
		struct abuse_client bot = client_of(world, 100000 + i, below(world, 6));
		struct abuse_client person = client_of(world, 1000 + i, below(world, 6));

		held += look_up(world, &bot, ABUSE_ID_CITIZEN, 79099000000ull + i) != ABUSE_PASS;
		strangers += look_up(world, &person, ABUSE_ID_CITIZEN, random_citizen(world)) != ABUSE_PASS;
		world->now_ns += 100 * NS_PER_MS;
	}
	assert_in_range(held, 1900, 2000);
	assert_int_equal(strangers, 0);
	assert_int_equal(world->last_reason, ABUSE_ENUM_SPREAD);
}

/* Numbers of files are near each other by nature: people that look at their own pass. */
static void own_files_are_no_walk(void **state)
{
	struct world *world = *state;
	struct abuse_client office = client_of(world, 1, 0);

	for (unsigned int i = 0; i < 3000; i++) {
		struct abuse_client person = client_of(world, 1000 + i, below(world, 6));

		look_up(world, &person, ABUSE_ID_OTHER, 20260000000ull + i); /* just made: in order */
		look_up(world, &person, ABUSE_ID_OTHER, 20260000000ull + below(world, i + 1)); /* an older one */
		world->now_ns += 100 * NS_PER_MS;
	}
	for (unsigned int i = 0; i < 50; i++)
		look_up(world, &office, ABUSE_ID_OTHER, 20260000000ull + i * 2);
	assert_int_equal(world->actions[ABUSE_PASS], 6050);
	for (unsigned int i = 0; i < 600; i++) {
		struct abuse_client bot = client_of(world, 100000 + i, 99);

		look_up(world, &bot, ABUSE_ID_OTHER, 20250000000ull + i);
	}
	assert_in_range(world->actions[ABUSE_CHALLENGE], 500, 560);
	assert_int_equal(world->last_reason, ABUSE_ENUM_SPREAD);
}

static void text_is_no_identifier(void **state)
{
	struct world *world = *state;
	static const char *const texts[] = { "", "abc", "12a", "1234567890123456789", "-" };
	struct abuse_client client = client_of(world, 9, 0);
	struct abuse_verdict verdict;

	for (size_t i = 0; i < 100; i++) {
		abuse_lookup(world->abuse, &world->settings, &client, 1, ABUSE_ID_CITIZEN,
			bytes_from_str(texts[i % ARRAY_COUNT(texts)]), world->now_ns, &verdict);
		assert_int_equal(verdict.action, ABUSE_PASS);
	}
}

static enum abuse_action request(struct world *world, const struct abuse_client *client)
{
	struct abuse_verdict verdict;

	abuse_request_begin(world->abuse, &world->settings, client, 1, world->now_ns, &verdict);
	note(world, &verdict);
	if (verdict.action != ABUSE_DENY)
		abuse_request_end(world->abuse, client, world->now_ns);
	return verdict.action;
}

static void flood_is_limited(void **state)
{
	struct world *world = *state;
	struct abuse_client flooder = client_of(world, 9, 99), other = client_of(world, 10, 99);

	for (unsigned int i = 0; i < 20000; i++) { /* 1,000 a second, 20 s */
		request(world, &flooder);
		world->now_ns += NS_PER_MS;
	}
	/* The burst, and 50 a second. */
	assert_in_range(world->actions[ABUSE_PASS] + world->actions[ABUSE_SLOW], 1950, 2050);
	assert_int_equal(world->last_reason, ABUSE_RATE_CLIENT);
	assert_int_equal(request(world, &other), ABUSE_PASS);
	world->now_ns += 60 * NS_PER_S;
	assert_int_equal(request(world, &flooder), ABUSE_PASS);
}

/* 400 people, each 40 requests within half a minute of their login. */
static void office_has_room(void **state)
{
	struct world *world = *state;
	struct abuse_client office = client_of(world, 1, 0);

	for (unsigned int person = 0; person < 400; person++) {
		login(world, &office, person, true);
		for (unsigned int i = 0; i < 40; i++) {
			request(world, &office);
			world->now_ns += 5 * NS_PER_MS;
		}
	}
	assert_int_equal(world->actions[ABUSE_DENY] + world->actions[ABUSE_SLOW], 0);
}

static void open_requests_are_limited(void **state)
{
	struct world *world = *state;
	struct abuse_client client = client_of(world, 9, 0);
	struct abuse_verdict verdict;

	for (unsigned int i = 0; i < 100; i++) {
		abuse_request_begin(world->abuse, &world->settings, &client, 1, world->now_ns, &verdict);
		assert_int_equal(verdict.action, ABUSE_PASS);
	}
	abuse_request_begin(world->abuse, &world->settings, &client, 1, world->now_ns, &verdict);
	assert_int_equal(verdict.reason, ABUSE_OPEN_CLIENT);
	abuse_request_end(world->abuse, &client, world->now_ns);
	abuse_request_begin(world->abuse, &world->settings, &client, 1, world->now_ns, &verdict);
	assert_int_equal(verdict.action, ABUSE_PASS);
}

/* A worker that died has ended none of its requests. */
static void open_requests_are_forgotten(void **state)
{
	struct world *world = *state;
	struct abuse_client client = client_of(world, 9, 0);
	struct abuse_verdict verdict;

	for (unsigned int i = 0; i < 100; i++)
		abuse_request_begin(world->abuse, &world->settings, &client, 1, world->now_ns, &verdict);
	abuse_forget_open(world->abuse);
	/* One of another process, begun before, ends: below nothing there is nothing. */
	abuse_request_end(world->abuse, &client, world->now_ns);
	for (unsigned int i = 0; i < 100; i++) {
		abuse_request_begin(world->abuse, &world->settings, &client, 1, world->now_ns, &verdict);
		assert_int_equal(verdict.action, ABUSE_PASS);
	}
	abuse_request_begin(world->abuse, &world->settings, &client, 1, world->now_ns, &verdict);
	assert_int_equal(verdict.reason, ABUSE_OPEN_CLIENT);
}

static void strikes_add_up(void **state)
{
	struct world *world = *state;
	struct abuse_client striker = client_of(world, 9, 0), other = client_of(world, 10, 0);
	struct abuse_counters counters;

	for (unsigned int i = 0; i < world->settings.strikes_max; i++)
		abuse_strike(world->abuse, &world->settings, &striker, ABUSE_RESETS, world->now_ns);
	assert_int_equal(request(world, &striker), ABUSE_PASS);
	abuse_strike(world->abuse, &world->settings, &striker, ABUSE_RESETS, world->now_ns);
	assert_int_equal(request(world, &striker), ABUSE_DENY);
	assert_int_equal(world->last_reason, ABUSE_RESETS);
	assert_int_equal(request(world, &other), ABUSE_PASS);
	abuse_counters(world->abuse, &counters);
	assert_int_equal(counters.verdicts[ABUSE_RESETS], world->settings.strikes_max + 2);
	world->now_ns += world->settings.hold_ms / 10 * NS_PER_MS + 1;
	assert_int_equal(request(world, &striker), ABUSE_PASS);
}

/* Each place may have limits of its own. */
static void limits_are_those_of_the_call(void **state)
{
	struct world *world = *state;
	struct abuse_settings narrow = world->settings;
	struct abuse_client client = client_of(world, 9, 0);
	struct abuse_verdict verdict;

	narrow.client_open_max = 1;
	abuse_request_begin(world->abuse, &narrow, &client, 1, world->now_ns, &verdict);
	assert_int_equal(verdict.action, ABUSE_PASS);
	abuse_request_begin(world->abuse, &narrow, &client, 1, world->now_ns, &verdict);
	assert_int_equal(verdict.reason, ABUSE_OPEN_CLIENT);
	abuse_request_begin(world->abuse, &world->settings, &client, 1, world->now_ns, &verdict);
	assert_int_equal(verdict.action, ABUSE_PASS);
}

static void cluster_is_slowed_not_refused(void **state)
{
	struct world *world = *state;

	for (unsigned int i = 0; i < 60000; i++) { /* 10,000 a second from as many addresses */
		struct abuse_client client = client_of(world, 100000 + i, 99);

		request(world, &client);
		world->now_ns += 100 * NS_PER_US;
	}
	assert_int_equal(world->actions[ABUSE_DENY], 0);
	assert_true(world->actions[ABUSE_SLOW] > 20000);
	assert_int_equal(world->last_reason, ABUSE_RATE_CLUSTER);
}

static void slow_requests(void **state)
{
	static const struct {
		struct abuse_progress progress; /* times in seconds */
		uint64_t now_s;
		enum abuse_reason reason;
	} rows[] = {
		{ { 100, 0, 0, 0, 0 }, 109, ABUSE_NONE },
		{ { 100, 0, 0, 0, 0 }, 111, ABUSE_SLOW_HEADERS },
		{ { 100, 101, 0, 0, 0 }, 106, ABUSE_NONE },
		{ { 100, 101, 0, 0, 0 }, 107, ABUSE_SLOW_BODY },
		{ { 100, 101, 29000, 0, 0 }, 161, ABUSE_SLOW_BODY }, /* 29 kB in a minute */
		{ { 100, 101, 31000, 0, 0 }, 161, ABUSE_NONE },
		{ { 100, 101, 50000000, 0, 0 }, 3701, ABUSE_NONE },
		{ { 100, 0, 0, 150, 110 }, 101, ABUSE_RESETS },
		{ { 100, 0, 0, 5000, 110 }, 101, ABUSE_NONE },
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct abuse_progress progress = rows[i].progress;
		struct abuse_verdict verdict;

		progress.began_ns *= NS_PER_S;
		progress.body_began_ns *= NS_PER_S;
		abuse_slow_check(&world->settings, &progress, rows[i].now_s * NS_PER_S, &verdict);
		if (verdict.reason != rows[i].reason)
			fail_msg("row %zu: %s", i, abuse_reason_name(verdict.reason));
		assert_int_equal(verdict.action, rows[i].reason == ABUSE_NONE ? ABUSE_PASS : ABUSE_DENY);
	}
}

static void tables_are_bounded(void **state)
{
	struct world *world = *state;
	struct abuse_counters counters;
	size_t size = abuse_size(&world->settings);

	for (unsigned int i = 0; i < 200000; i++) {
		struct abuse_client client = client_of(world, i, i);

		login(world, &client, i, true);
	}
	abuse_counters(world->abuse, &counters);
	assert_true(counters.evicted > 400000);
	assert_int_equal(counters.tables[ABUSE_ADDRESSES].used, counters.tables[ABUSE_ADDRESSES].places);
	assert_int_equal(counters.tables[ABUSE_ADDRESSES].places, world->settings.clients_max);
	assert_int_equal(counters.tables[ABUSE_SITES].used, 1);
	assert_string_equal(abuse_table_name(ABUSE_ENDPOINTS), "endpoints");
	assert_true(size < UINT32_C(40) << 20);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		T(office_on_monday_passes),
		T(office_with_a_bad_start_passes),
		T(one_address_with_a_list_is_stopped),
		T(crowd_behind_the_attacker_goes_on),
		T(name_from_everywhere_is_challenged),
		T(names_are_compared_without_case),
		T(one_tool_from_everywhere_is_challenged),
		T(site_ratio_finds_the_hidden),
		T(people_look_up_themselves),
		T(one_address_walks),
		T(many_addresses_walk_together),
		T(own_files_are_no_walk),
		T(text_is_no_identifier),
		T(flood_is_limited),
		T(office_has_room),
		T(open_requests_are_limited),
		T(open_requests_are_forgotten),
		T(strikes_add_up),
		T(limits_are_those_of_the_call),
		T(cluster_is_slowed_not_refused),
		T(slow_requests),
		T(tables_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
