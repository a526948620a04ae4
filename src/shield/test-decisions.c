// SPDX-License-Identifier: Apache-2.0
/* The decisions against a naive model, read by the very look-up that the XDP program uses. */
#include "shield/decisions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/error.h"
#include "shield/bpf/lookup.h"

#define TICK_NS     (1ull << 30)
#define START_NS    (1000 * TICK_NS)
#define MODEL_MAX   4096
#define TENANTS_MAX 4

/* ---- the fixture -------------------------------------------------------------------------------------------------*/

struct fixture {
	struct shield_maps *maps;
	struct decisions *decisions;
	struct decision model[MODEL_MAX];
	size_t count;
	uint64_t now_ns;
	uint64_t random;
};

static uint64_t next_random(struct fixture *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random * 0x2545f4914f6cdd1dull >> 11;
}

static uint32_t below(struct fixture *f, uint32_t limit)
{
	return (uint32_t)(next_random(f) % limit);
}

static struct decisions_config config_of(uint32_t max_v4, uint32_t max_v6)
{
	return (struct decisions_config){ .max_v4 = max_v4, .max_v6 = max_v6, .fresh = true };
}

static struct fixture *fixture_new(uint32_t max_v4, uint32_t max_v6)
{
	struct shield_sizes sizes = { .tenants = TENANTS_MAX,
		.tenant_prefixes = 8,
		.port_sets = 2,
		.decisions = max_v4,
		.decisions_v6 = max_v6,
		.sources = 8,
		.proven = 8,
		.flows = 8,
		.fragments = 8,
		.destinations = 8,
		.signatures = 1,
		.cpus = 1 };
	struct decisions_config config = config_of(max_v4, max_v6);
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->now_ns = START_NS;
	f->random = 0x9e3779b97f4a7c15;
	f->maps = shield_maps_new(&sizes, START_NS - 5 * TICK_NS);
	assert_non_null(f->maps);
	f->decisions = decisions_new(f->maps, &config);
	assert_non_null(f->decisions);
	return f;
}

static void fixture_free(struct fixture *f)
{
	decisions_free(f->decisions);
	shield_maps_free(f->maps);
	free(f);
}

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(bytes_from_str(text), &addr), 0);
	return addr;
}

static struct decision decision_of(const char *prefix, uint16_t tenant, enum shield_action action, uint8_t list)
{
	struct decision decision = {
		.tenant = tenant, .action = (uint8_t)action, .list = list, .expiry_ns = DECISIONS_NEVER
	};

	assert_int_equal(ip_prefix_parse(bytes_from_str(prefix), 0, &decision.prefix), 0);
	return decision;
}

/* What the packet path finds: enum shield_found, and the list that spoke. */
static uint8_t look_up(
	struct shield_maps *maps, const struct ip_addr *addr, uint32_t tenant, uint64_t now_ns, uint8_t *ret_list)
{
	struct shield_machine machine = { .maps = maps, .now_ns = now_ns };
	struct shield_work work = { .tenant = tenant };
	struct shield_context c = { .p = &work.p, .work = &work, .globals = maps->globals, .now_ns = now_ns };

	work.p.family = addr->family;
	memcpy(work.p.src.byte, addr->bytes, 16);
	shield_machine = &machine;
	shield_list_find(&c);
	shield_machine = NULL;
	*ret_list = work.list;
	return work.found;
}

/* ---- the model ---------------------------------------------------------------------------------------------------*/

static bool same_name(const struct decision *left, const struct decision *right)
{
	return ip_prefix_equal(&left->prefix, &right->prefix) && left->tenant == right->tenant &&
	       left->action == right->action && left->list == right->list;
}

static struct decision *model_find(struct fixture *f, const struct decision *name)
{
	for (size_t i = 0; i < f->count; i++) {
		if (same_name(&f->model[i], name))
			return &f->model[i];
	}
	return NULL;
}

static void model_put(struct fixture *f, const struct decision *decision)
{
	struct decision *found = model_find(f, decision);

	if (!found) {
		assert_true(f->count < MODEL_MAX);
		found = &f->model[f->count++];
	}
	*found = *decision;
}

static bool model_active(const struct decision *decision, uint64_t now_ns)
{
	uint64_t expiry = (decision->expiry_ns + TICK_NS - 1) / TICK_NS;

	return decision->expiry_ns == DECISIONS_NEVER || expiry > now_ns / TICK_NS;
}

static void check_addr(struct fixture *f, const struct ip_addr *addr, uint32_t tenant)
{
	static const uint8_t found_by_action[] = { 0, SHIELD_FOUND_BLOCK, SHIELD_FOUND_ALLOW, SHIELD_FOUND_BOGON,
		SHIELD_FOUND_REPLY, SHIELD_FOUND_OWN };
	uint64_t lists = 0;
	uint8_t expected = 0, list, found = look_up(f->maps, addr, tenant, f->now_ns, &list);

	for (size_t i = 0; i < f->count; i++) {
		const struct decision *d = &f->model[i];

		if (!ip_prefix_contains(&d->prefix, addr) || !model_active(d, f->now_ns) ||
			(d->tenant && d->tenant != tenant))
			continue;
		expected |= found_by_action[d->action];
		if (d->action == SHIELD_ACTION_BLOCK)
			lists |= 1ull << d->list;
	}
	if (found != expected) {
		char text[IP_ADDR_TEXT_SIZE];

		print_error(
			"%s tenant %u: found %x, expected %x\n", ip_addr_format(addr, text), tenant, found, expected);
	}
	assert_int_equal(found, expected);
	if (found & SHIELD_FOUND_BLOCK)
		assert_true(lists >> list & 1);
}

/* First and last address of the prefix, the ones beside them, and one inside. */
static void check_edges(struct fixture *f, const struct ip_prefix *prefix)
{
	uint32_t size = ip_addr_bits(&prefix->addr) / 8u, tenant = below(f, TENANTS_MAX);
	struct ip_addr addr[5];

	for (uint32_t i = 0; i < 5; i++)
		addr[i] = prefix->addr;
	for (uint32_t bit = prefix->length; bit < size * 8; bit++) {
		addr[1].bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		if (next_random(f) & 1)
			addr[4].bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	addr[3] = addr[1];
	for (uint32_t i = size; i-- > 0 && addr[2].bytes[i]-- == 0;)
		;
	for (uint32_t i = size; i-- > 0 && ++addr[3].bytes[i] == 0;)
		;
	for (uint32_t i = 0; i < 5; i++)
		check_addr(f, &addr[i], tenant);
}

static void check_all(struct fixture *f)
{
	for (size_t i = 0; i < f->count; i++)
		check_edges(f, &f->model[i].prefix);
}

/* ---- random decisions --------------------------------------------------------------------------------------------*/

/* Few networks, so that prefixes meet: nested, side by side, many in one /24. */
static struct ip_prefix random_prefix(struct fixture *f, uint8_t family)
{
	static const uint8_t lengths4[] = { 9, 12, 15, 16, 17, 20, 22, 23, 24, 24, 25, 26, 27, 28, 29, 30, 31, 32, 32,
		32, 32, 32, 32 };
	/* Seldom: these paint much of the address space. */
	static const uint8_t short4[] = { 0, 1, 6, 8, 8 };
	static const uint8_t lengths6[] = { 0, 3, 12, 20, 29, 32, 36, 40, 44, 47, 48, 48, 52, 56, 60, 63, 64, 64, 65,
		96, 112, 127, 128, 128, 128 };
	struct ip_prefix prefix = { .addr.family = family };

	if (family == IP_V4) {
		prefix.addr.bytes[0] = (uint8_t)(9 + below(f, 2));
		prefix.addr.bytes[1] = (uint8_t)below(f, 2);
		prefix.addr.bytes[2] = (uint8_t)below(f, 3);
		prefix.addr.bytes[3] = (uint8_t)below(f, next_random(f) & 1 ? 256 : 24);
		prefix.length = lengths4[below(f, ARRAY_COUNT(lengths4))];
		if (below(f, 50) == 0)
			prefix.length = short4[below(f, ARRAY_COUNT(short4))];
	} else {
		prefix.addr.bytes[0] = 0x20;
		prefix.addr.bytes[1] = (uint8_t)below(f, 2);
		prefix.addr.bytes[5] = (uint8_t)below(f, 3);
		prefix.addr.bytes[7] = (uint8_t)below(f, 2);
		prefix.addr.bytes[15] = (uint8_t)below(f, 4);
		prefix.length = lengths6[below(f, ARRAY_COUNT(lengths6))];
	}
	ip_prefix_mask(&prefix);
	return prefix;
}

static struct decision random_decision(struct fixture *f)
{
	struct decision decision = {
		.prefix = random_prefix(f, next_random(f) & 3 ? IP_V4 : IP_V6),
		.tenant = (uint16_t)(next_random(f) & 1 ? 0 : below(f, TENANTS_MAX)),
		.action = (uint8_t)(next_random(f) & 3 ? SHIELD_ACTION_BLOCK : 1 + below(f, 5)),
		.list = (uint8_t)below(f, 3),
		.expiry_ns = DECISIONS_NEVER,
	};

	if (next_random(f) & 1)
		decision.expiry_ns = f->now_ns + 1 + next_random(f) % (40 * TICK_NS);
	snprintf(decision.reason, sizeof(decision.reason), "r%u", below(f, 20));
	return decision;
}

/* Adds one to both; the tables may refuse it for its overlap, the model then does without. */
static void step_add(struct fixture *f)
{
	struct decision decision = random_decision(f);
	int error = decisions_add(f->decisions, &decision, f->now_ns);

	if (error == LUYTRE_E_FULL)
		assert_int_equal(decisions_refused(f->decisions).ceiling, DECISIONS_CEILING_CHAIN);
	else
		assert_int_equal(error, 0);
	if (error == 0)
		model_put(f, &decision);
	check_edges(f, &decision.prefix);
}

static void step_remove(struct fixture *f)
{
	struct decision decision = f->count ? f->model[below(f, (uint32_t)f->count)] : random_decision(f);
	struct decision *found = model_find(f, &decision);
	int error = decisions_remove(f->decisions, &decision, f->now_ns);

	assert_int_equal(error, found ? 0 : LUYTRE_E_NOT_FOUND);
	if (found)
		*found = f->model[--f->count];
	check_edges(f, &decision.prefix);
}

static void model_drop_expired(struct fixture *f)
{
	for (size_t i = f->count; i-- > 0;) {
		if (!model_active(&f->model[i], f->now_ns))
			f->model[i] = f->model[--f->count];
	}
}

static void step_time(struct fixture *f)
{
	f->now_ns += next_random(f) % (2 * TICK_NS);
	if (next_random(f) & 1)
		return;
	while (decisions_expire(f->decisions, f->now_ns, 3) == 3)
		;
	model_drop_expired(f);
}

/* Replaces one list, or all, by something else. */
static void step_bulk(struct fixture *f)
{
	uint32_t list = below(f, 4);
	struct fixture *before = malloc(sizeof(*f));
	int error = 0;

	assert_non_null(before);
	*before = *f;
	if (list == 3)
		list = DECISIONS_ALL;
	assert_int_equal(decisions_begin(f->decisions, list, f->now_ns), 0);
	for (size_t i = f->count; i-- > 0;) {
		if (list == DECISIONS_ALL || f->model[i].list == list)
			f->model[i] = f->model[--f->count];
	}
	for (uint32_t i = below(f, 200); i-- > 0;) {
		struct decision decision = random_decision(f), *found;

		if (list != DECISIONS_ALL)
			decision.list = (uint8_t)list;
		assert_int_equal(decisions_put(f->decisions, &decision), 0);
		found = model_find(f, &decision);
		if (!found || decision.expiry_ns > found->expiry_ns)
			model_put(f, &decision);
	}
	error = decisions_commit(f->decisions, f->now_ns);
	if (error < 0) {
		uint64_t random = f->random;

		assert_int_equal(error, LUYTRE_E_FULL);
		*f = *before;
		f->random = random;
	}
	free(before);
	check_all(f);
}

/* Everything taken comes back: nothing is in use when nothing is decided. */
static void check_nothing_is_lost(struct fixture *f)
{
	struct decision decision = decision_of("192.0.2.2/31", 0, SHIELD_ACTION_BLOCK, 0);
	struct decisions_stats stats;

	while (f->count > 0) {
		struct decision name = f->model[--f->count];

		assert_int_equal(decisions_remove(f->decisions, &name, f->now_ns), 0);
	}
	for (uint32_t i = 0; i < 3; i++) {
		f->now_ns += DECISIONS_GRACE_NS;
		assert_int_equal(decisions_add(f->decisions, &decision, f->now_ns), 0);
	}
	decisions_read_stats(f->decisions, &stats);
	assert_int_equal(stats.count_v4, 1);
	assert_int_equal(stats.count_v6, 0);
	assert_int_equal(stats.chunks, 1);
	assert_int_equal(stats.nodes, 0);
	assert_int_equal(stats.reasons, 0);
	for (uint32_t i = 0; i < SHIELD_LISTS_MAX; i++)
		assert_int_equal(stats.list[i], i == 0);
}

static void random_changes_agree_with_the_model(void **state)
{
	struct fixture *f = fixture_new(2000, 2000);

	for (uint32_t round = 0; round < 12000; round++) {
		uint32_t what = below(f, 1000);

		/* Waves: the set grows to some hundred decisions and shrinks again. */
		if (what < 8)
			step_time(f);
		else if (what < 10)
			step_bulk(f);
		else if (what < (round / 1000 & 1 ? 400 : 600))
			step_add(f);
		else
			step_remove(f);
		if (round % 1000 == 0)
			check_all(f);
	}
	check_all(f);
	check_nothing_is_lost(f);
	fixture_free(f);
}

/* ---- single cases ------------------------------------------------------------------------------------------------*/

static void scopes_and_actions_meet(void **state)
{
	struct fixture *f = fixture_new(100, 100);
	static const struct {
		const char *prefix;
		uint16_t tenant;
		enum shield_action action;
		uint8_t list;
	} rows[] = {
		{ "198.51.100.7/32", 0, SHIELD_ACTION_BLOCK, 1 },
		{ "198.51.100.0/24", 2, SHIELD_ACTION_ALLOW, 2 },
		{ "198.0.0.0/8", 0, SHIELD_ACTION_BOGON, 3 },
		{ "198.51.100.0/25", 1, SHIELD_ACTION_REPLY, 4 },
		{ "0.0.0.0/0", 3, SHIELD_ACTION_BLOCK, 5 },
		{ "2001:db8::/32", 0, SHIELD_ACTION_BOGON, 3 },
		{ "2001:db8:1::/48", 1, SHIELD_ACTION_BLOCK, 1 },
		{ "2001:db8:1::/48", 2, SHIELD_ACTION_ALLOW, 1 },
		{ "2001:db8:1::1/128", 0, SHIELD_ACTION_BLOCK, 6 },
	};
	static const char *const addrs[] = { "198.51.100.7", "198.51.100.200", "198.51.101.1", "8.8.8.8", "2001:db8::1",
		"2001:db8:1::1", "2001:db8:1::2", "2001:db9::" };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct decision d = decision_of(rows[i].prefix, rows[i].tenant, rows[i].action, rows[i].list);

		assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), 0);
		model_put(f, &d);
		for (size_t at = 0; at < ARRAY_COUNT(addrs); at++) {
			struct ip_addr addr = addr_of(addrs[at]);

			for (uint32_t tenant = 0; tenant < TENANTS_MAX; tenant++)
				check_addr(f, &addr, tenant);
		}
	}
	fixture_free(f);
}

static void wrong_decisions_are_refused(void **state)
{
	struct fixture *f = fixture_new(100, 100);
	struct decision good = decision_of("192.0.2.0/24", 0, SHIELD_ACTION_BLOCK, 1), bad;

#define REFUSED(field, value)                                                                                          \
	bad = good;                                                                                                    \
	bad.field = (value);                                                                                           \
	assert_int_equal(decisions_add(f->decisions, &bad, f->now_ns), LUYTRE_E_INVALID)
	REFUSED(prefix.length, 33);
	REFUSED(prefix.length, 22);
	REFUSED(prefix.addr.family, 0);
	REFUSED(prefix.addr.bytes[5], 1);
	REFUSED(action, SHIELD_ACTION_VOID);
	REFUSED(action, SHIELD_ACTION_OWN + 1);
	REFUSED(list, SHIELD_LISTS_MAX);
	REFUSED(tenant, SHIELD_TENANTS_MAX);
#undef REFUSED
	bad = good;
	memset(bad.reason, 'x', sizeof(bad.reason));
	assert_int_equal(decisions_add(f->decisions, &bad, f->now_ns), LUYTRE_E_INVALID);
	bad = good;
	bad.expiry_ns = f->now_ns;
	assert_int_equal(decisions_add(f->decisions, &bad, f->now_ns), LUYTRE_E_RANGE);
	assert_int_equal(decisions_remove(f->decisions, &good, f->now_ns), LUYTRE_E_NOT_FOUND);
	assert_int_equal(decisions_put(f->decisions, &good), LUYTRE_E_INVALID);
	assert_int_equal(decisions_commit(f->decisions, f->now_ns), LUYTRE_E_INVALID);
	assert_int_equal(decisions_begin(f->decisions, SHIELD_LISTS_MAX, f->now_ns), LUYTRE_E_INVALID);
	assert_int_equal(decisions_begin(f->decisions, 2, f->now_ns), 0);
	assert_int_equal(decisions_put(f->decisions, &good), LUYTRE_E_INVALID);
	decisions_abort(f->decisions);
	check_edges(f, &good.prefix);
	fixture_free(f);
}

static void expiry_counts_in_ticks_rounded_up(void **state)
{
	struct fixture *f = fixture_new(100, 100);
	struct decision plain = decision_of("192.0.2.1/32", 0, SHIELD_ACTION_BLOCK, 1);
	struct decision chain = decision_of("192.0.2.2/32", 1, SHIELD_ACTION_BLOCK, 1);
	struct decision six = decision_of("2001:db8::/48", 0, SHIELD_ACTION_BLOCK, 1);
	struct decision far = decision_of("192.0.2.9/32", 0, SHIELD_ACTION_BLOCK, 1);
	struct decision *all[] = { &plain, &chain, &six };

	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		all[i]->expiry_ns = f->now_ns + TICK_NS / 2;
		assert_int_equal(decisions_add(f->decisions, all[i], f->now_ns), 0);
	}
	far.expiry_ns = f->now_ns + (1ull << 26) * TICK_NS;
	assert_int_equal(decisions_add(f->decisions, &far, f->now_ns), 0);
	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		uint8_t list;

		assert_int_equal(
			look_up(f->maps, &all[i]->prefix.addr, 1, START_NS + TICK_NS - 1, &list), SHIELD_FOUND_BLOCK);
		assert_int_equal(look_up(f->maps, &all[i]->prefix.addr, 1, START_NS + TICK_NS, &list), 0);
		assert_int_equal(look_up(f->maps, &far.prefix.addr, 1, START_NS + (1ull << 25) * TICK_NS, &list),
			SHIELD_FOUND_BLOCK);
	}
	assert_int_equal(decisions_expire(f->decisions, START_NS + TICK_NS - 1, 10), 0);
	assert_int_equal(decisions_expire(f->decisions, START_NS + TICK_NS, 2), 2);
	assert_int_equal(decisions_expire(f->decisions, START_NS + TICK_NS, 2), 1);
	assert_int_equal(decisions_expire(f->decisions, START_NS + (1ull << 26) * TICK_NS, 2), 1);
	f->now_ns = START_NS + TICK_NS;
	check_edges(f, &plain.prefix);
	fixture_free(f);
}

static void adding_again_renews(void **state)
{
	struct fixture *f = fixture_new(100, 100);
	static const char *const prefixes[] = { "192.0.2.1/32", "192.0.0.0/16", "2001:db8::/48" };

	for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++) {
		struct decision d = decision_of(prefixes[i], 0, SHIELD_ACTION_BLOCK, 1);
		struct decisions_view view;
		uint8_t list;

		d.expiry_ns = f->now_ns + TICK_NS;
		strcpy(d.reason, "first");
		assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), 0);
		d.expiry_ns = f->now_ns + 9 * TICK_NS;
		strcpy(d.reason, "second");
		assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), 0);
		assert_int_equal(
			look_up(f->maps, &d.prefix.addr, 1, f->now_ns + 8 * TICK_NS, &list), SHIELD_FOUND_BLOCK);
		assert_int_equal(look_up(f->maps, &d.prefix.addr, 1, f->now_ns + 9 * TICK_NS, &list), 0);
		assert_true(decisions_explain(f->decisions, &d.prefix.addr, 0, f->now_ns, &view, 1) >= 1);
		assert_string_equal(view.decision.reason, "second");
		assert_true(view.decision.expiry_ns == d.expiry_ns);
		d.expiry_ns = f->now_ns + TICK_NS;
		assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), 0);
		assert_int_equal(decisions_remove(f->decisions, &d, f->now_ns), 0);
	}
	fixture_free(f);
}

/* ---- ceilings ----------------------------------------------------------------------------------------------------*/

static void one_decision_too_many_is_refused(void **state)
{
	struct fixture *f = fixture_new(100, 100);
	struct decisions_stats stats;
	struct decision d;
	char text[IP_PREFIX_TEXT_SIZE];

	/* One /32 under fifteen prefixes is as much as one address may have. */
	for (uint32_t length = 17; length <= 32; length++) {
		snprintf(text, sizeof(text), "203.0.0.0/%u", length);
		d = decision_of(text, 0, SHIELD_ACTION_BLOCK, 1);
		assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), 0);
		model_put(f, &d);
	}
	d = decision_of("203.0.0.0/16", 0, SHIELD_ACTION_BLOCK, 1);
	assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), LUYTRE_E_FULL);
	d = decision_of("203.0.0.0/32", 1, SHIELD_ACTION_BLOCK, 1);
	assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), LUYTRE_E_FULL);
	assert_int_equal(decisions_refused(f->decisions).ceiling, DECISIONS_CEILING_CHAIN);
	check_all(f);
	d = decision_of("203.0.0.1/32", 1, SHIELD_ACTION_BLOCK, 1);
	assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), 0);
	model_put(f, &d);
	for (uint8_t list = 0; list < SHIELD_CHAIN_MAX; list++) {
		d = decision_of("2001:db8::/32", 0, SHIELD_ACTION_BLOCK, list);
		assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), 0);
		model_put(f, &d);
	}
	d = decision_of("2001:db8::/32", 0, SHIELD_ACTION_BLOCK, SHIELD_CHAIN_MAX);
	assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), LUYTRE_E_FULL);
	assert_int_equal(decisions_begin(f->decisions, 40, f->now_ns), 0);
	d.list = 40;
	assert_int_equal(decisions_put(f->decisions, &d), 0);
	assert_int_equal(decisions_commit(f->decisions, f->now_ns), LUYTRE_E_FULL);
	assert_int_equal(decisions_refused(f->decisions).ceiling, DECISIONS_CEILING_CHAIN);
	check_all(f);
	decisions_read_stats(f->decisions, &stats);
	assert_int_equal(stats.refused[DECISIONS_CEILING_CHAIN], 4);
	assert_int_equal(stats.list[40], 0);
	fixture_free(f);
}

/* Adds until the first refusal, which must be the expected one and change nothing; then there is room again after one
 * removal and the grace time. */
static void fill(
	struct fixture *f, const char *prefix, uint32_t byte, enum shield_action action, enum decisions_ceiling ceiling)
{
	struct decision d = { 0 };
	int error = 0;

	for (uint32_t i = 0; error == 0; i++) {
		assert_true(i < 65536);
		d = decision_of(prefix, 0, action, 1);
		d.prefix.addr.bytes[byte] = (uint8_t)(i >> 8);
		d.prefix.addr.bytes[byte + 1] = (uint8_t)i;
		error = decisions_add(f->decisions, &d, f->now_ns);
		if (error == 0)
			model_put(f, &d);
	}
	assert_int_equal(error, LUYTRE_E_FULL);
	assert_int_equal(decisions_refused(f->decisions).ceiling, ceiling);
	check_all(f);
	check_edges(f, &d.prefix);
	d = f->model[below(f, (uint32_t)f->count)];
	assert_int_equal(decisions_remove(f->decisions, &d, f->now_ns), 0);
	/* It begins to wait with the first turn and is free with the second. */
	for (uint32_t i = 0; i < 2; i++) {
		f->now_ns += DECISIONS_GRACE_NS;
		error = decisions_add(f->decisions, &d, f->now_ns);
	}
	assert_int_equal(error, 0);
	check_all(f);
}

static void full_tables_refuse_and_recover(void **state)
{
	struct fixture *f = fixture_new(400, 400);

	fill(f, "10.0.0.16/28", 1, SHIELD_ACTION_BLOCK, DECISIONS_CEILING_CHUNKS);
	fixture_free(f);

	f = fixture_new(400, 400);
	fill(f, "10.0.0.16/32", 1, SHIELD_ACTION_BLOCK, DECISIONS_CEILING_DECISIONS);
	fixture_free(f);

	f = fixture_new(400, 400);
	f->maps->globals->list_nodes = 100;
	decisions_free(f->decisions);
	f->decisions =
		decisions_new(f->maps, &(struct decisions_config){ .max_v4 = 400, .max_v6 = 400, .fresh = true });
	fill(f, "10.0.0.0/24", 1, SHIELD_ACTION_ALLOW, DECISIONS_CEILING_NODES);
	fixture_free(f);

	f = fixture_new(400, 400);
	f->maps->globals->list_nodes = 100;
	decisions_free(f->decisions);
	f->decisions =
		decisions_new(f->maps, &(struct decisions_config){ .max_v4 = 400, .max_v6 = 400, .fresh = true });
	fill(f, "2001:db8::/64", 6, SHIELD_ACTION_ALLOW, DECISIONS_CEILING_NODES);
	fixture_free(f);

	f = fixture_new(400, 20);
	decisions_free(f->decisions);
	f->decisions =
		decisions_new(f->maps, &(struct decisions_config){ .max_v4 = 400, .max_v6 = 400, .fresh = true });
	fill(f, "2001:db8::/64", 6, SHIELD_ACTION_BLOCK, DECISIONS_CEILING_LINES6);
	fixture_free(f);
}

/* A covering prefix gives each plain block below it a node: all of them or none. */
static void a_cover_without_room_changes_nothing(void **state)
{
	struct fixture *f = fixture_new(400, 400);
	struct decision d;

	f->maps->globals->list_nodes = 100;
	decisions_free(f->decisions);
	f->decisions =
		decisions_new(f->maps, &(struct decisions_config){ .max_v4 = 400, .max_v6 = 400, .fresh = true });
	for (uint32_t i = 0; i < 120; i++) {
		char text[IP_PREFIX_TEXT_SIZE];

		snprintf(text, sizeof(text), "10.0.%u.7/32", i);
		d = decision_of(text, 0, SHIELD_ACTION_BLOCK, 1);
		assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), 0);
		model_put(f, &d);
	}
	d = decision_of("10.0.0.0/8", 0, SHIELD_ACTION_BLOCK, 1);
	assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), LUYTRE_E_FULL);
	assert_int_equal(decisions_refused(f->decisions).ceiling, DECISIONS_CEILING_NODES);
	check_all(f);
	check_nothing_is_lost(f);
	fixture_free(f);
}

static void ipv6_lengths_have_a_ceiling(void **state)
{
	struct fixture *f = fixture_new(100, 100);
	struct decision d;
	char text[IP_PREFIX_TEXT_SIZE];

	for (uint32_t length = 32; length < 32 + SHIELD_V6_LENGTHS_MAX; length++) {
		snprintf(text, sizeof(text), "2001:db8::/%u", length);
		d = decision_of(text, 0, SHIELD_ACTION_BLOCK, 1);
		assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), 0);
		model_put(f, &d);
	}
	d = decision_of("2001:db8::/64", 0, SHIELD_ACTION_BLOCK, 1);
	assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), LUYTRE_E_FULL);
	assert_int_equal(decisions_refused(f->decisions).ceiling, DECISIONS_CEILING_LENGTHS6);
	check_all(f);
	/* A length that nobody uses any more makes room for another. */
	assert_int_equal(decisions_remove(f->decisions, &f->model[--f->count], f->now_ns), 0);
	assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), 0);
	model_put(f, &d);
	check_all(f);
	fixture_free(f);
}

/* ---- looking -----------------------------------------------------------------------------------------------------*/

static void explain_names_what_covers(void **state)
{
	struct fixture *f = fixture_new(100, 100);
	struct decision d = decision_of("192.0.2.0/24", 2, SHIELD_ACTION_ALLOW, 7);
	struct ip_addr addr = addr_of("192.0.2.1");
	struct decisions_view views[4];

	assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), 0);
	d = decision_of("192.0.2.1/32", 0, SHIELD_ACTION_BLOCK, 1);
	d.expiry_ns = f->now_ns + TICK_NS;
	strcpy(d.reason, "hub:42");
	assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), 0);
	d = decision_of("0.0.0.0/0", 0, SHIELD_ACTION_BOGON, 3);
	assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), 0);
	assert_int_equal(decisions_explain(f->decisions, &addr, 1, f->now_ns, views, 4), 3);
	assert_int_equal(views[0].decision.prefix.length, 32);
	assert_string_equal(views[0].decision.reason, "hub:42");
	assert_int_equal(views[0].state, DECISIONS_ACTIVE);
	assert_int_equal(views[1].decision.prefix.length, 24);
	assert_int_equal(views[1].state, DECISIONS_OTHER_TENANT);
	assert_int_equal(views[2].decision.action, SHIELD_ACTION_BOGON);
	assert_int_equal(decisions_explain(f->decisions, &addr, 2, f->now_ns + TICK_NS, views, 2), 3);
	assert_int_equal(views[0].state, DECISIONS_EXPIRED);
	assert_int_equal(views[1].state, DECISIONS_ACTIVE);
	addr = addr_of("2001:db8::1");
	assert_int_equal(decisions_explain(f->decisions, &addr, 2, f->now_ns, views, 4), 0);
	fixture_free(f);
}

static void a_listing_goes_on_from_its_cursor(void **state)
{
	struct fixture *f = fixture_new(2000, 2000);

	for (uint32_t page = 1; page < 40; page += 7) {
		struct decisions_cursor cursor = { 0 };
		struct decisions_view views[64];
		uint32_t list = page == 8 ? 1 : DECISIONS_ALL;
		struct ip_prefix last = { 0 };
		size_t seen = 0, expected = 0;
		bool done = false;

		for (uint32_t i = 0; i < 50; i++)
			step_add(f);
		for (size_t i = 0; i < f->count; i++)
			expected += list == DECISIONS_ALL || f->model[i].list == list;
		while (!done) {
			size_t got = decisions_list(f->decisions, list, f->now_ns, &cursor, views, page, &done);

			for (size_t i = 0; i < got; i++) {
				assert_non_null(model_find(f, &views[i].decision));
				assert_true(ip_prefix_compare(&last, &views[i].decision.prefix) <= 0);
				last = views[i].decision.prefix;
			}
			seen += got;
		}
		assert_int_equal(seen, expected);
	}
	fixture_free(f);
}

/* ---- restart -----------------------------------------------------------------------------------------------------*/

static void a_restart_goes_on_serving(void **state)
{
	struct fixture *f = fixture_new(100, 100);
	struct decision old = decision_of("192.0.2.1/32", 0, SHIELD_ACTION_BLOCK, 1);
	struct decision new = decision_of("192.0.2.2/32", 0, SHIELD_ACTION_BLOCK, 1);
	struct decision six = decision_of("2001:db8::/48", 0, SHIELD_ACTION_BLOCK, 1);

	assert_int_equal(decisions_add(f->decisions, &old, f->now_ns), 0);
	model_put(f, &old);
	decisions_free(f->decisions);
	f->decisions = decisions_new(f->maps, &(struct decisions_config){ .max_v4 = 100, .max_v6 = 100 });
	check_all(f);
	assert_int_equal(decisions_add(f->decisions, &new, f->now_ns), LUYTRE_E_BUSY);
	assert_int_equal(decisions_remove(f->decisions, &old, f->now_ns), LUYTRE_E_BUSY);
	assert_int_equal(decisions_begin(f->decisions, DECISIONS_ALL, f->now_ns), 0);
	assert_int_equal(decisions_put(f->decisions, &new), 0);
	check_all(f);
	assert_int_equal(decisions_put(f->decisions, &six), 0);
	assert_int_equal(decisions_commit(f->decisions, f->now_ns), 0);
	f->model[0] = new;
	model_put(f, &six);
	check_all(f);
	assert_int_equal(decisions_add(f->decisions, &old, f->now_ns), 0);
	/* The new generation knows that it is being read: another length goes behind the one in use. */
	six.prefix.length = 64;
	assert_int_equal(decisions_add(f->decisions, &six, f->now_ns), 0);
	assert_int_equal(f->maps->globals->list_generation, 1);
	assert_int_equal(f->maps->globals->list6_length[1][0], 48);
	assert_int_equal(f->maps->globals->list6_length[1][1], 64);
	fixture_free(f);
}

static const char *name_of_slot(void *user, uint16_t slot)
{
	static const char *const names[] = { NULL, "one", "two", NULL };

	return names[slot];
}

static bool slot_of_name(void *user, const char *name, uint16_t *ret_slot)
{
	/* The configuration changed: 'one' has another slot now and 'two' is gone. */
	*ret_slot = 3;
	return strcmp(name, "one") == 0;
}

static void saved_decisions_come_back(void **state)
{
	struct fixture *f = fixture_new(100, 100);
	struct clock before = { .mono_ns = f->now_ns, .real_ns = 1700000000 * NS_PER_S };
	struct clock after = { .mono_ns = START_NS + 50 * TICK_NS, .real_ns = before.real_ns + 3 * TICK_NS };
	struct decision rows[] = {
		decision_of("192.0.2.1/32", 0, SHIELD_ACTION_BLOCK, 1),
		decision_of("198.51.100.0/24", 1, SHIELD_ACTION_ALLOW, 1),
		decision_of("2001:db8::/48", 0, SHIELD_ACTION_BLOCK, 1),
		decision_of("203.0.113.0/24", 2, SHIELD_ACTION_BLOCK, 1), /* tenant is gone */
		decision_of("203.0.113.0/24", 3, SHIELD_ACTION_BLOCK, 1), /* has no name: not saved */
		decision_of("203.0.113.0/24", 0, SHIELD_ACTION_BLOCK, 2), /* a list that is not saved */
		decision_of("203.0.113.9/32", 0, SHIELD_ACTION_BLOCK, 1), /* expires meanwhile */
	};
	char path[] = "/tmp/luytre-decisions-XXXXXX";
	struct decisions_view view;
	size_t put, left_out;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	strcpy(rows[0].reason, "hub:1");
	rows[0].expiry_ns = before.mono_ns + 10 * TICK_NS;
	rows[6].expiry_ns = before.mono_ns + TICK_NS;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(decisions_add(f->decisions, &rows[i], f->now_ns), 0);
	assert_int_equal(decisions_save(f->decisions, path, 1 << 1, before, name_of_slot, NULL), 0);
	f->now_ns = after.mono_ns;
	assert_int_equal(decisions_begin(f->decisions, DECISIONS_ALL, f->now_ns), 0);
	assert_int_equal(decisions_restore(f->decisions, path, 1 << 1, after, slot_of_name, NULL, &put, &left_out), 0);
	assert_int_equal(decisions_commit(f->decisions, f->now_ns), 0);
	assert_int_equal(put, 3);
	assert_int_equal(left_out, 2);
	rows[0].expiry_ns = after.mono_ns + 7 * TICK_NS;
	rows[1].tenant = 3;
	for (size_t i = 0; i < 3; i++)
		model_put(f, &rows[i]);
	check_all(f);
	check_edges(f, &rows[3].prefix);
	assert_int_equal(decisions_explain(f->decisions, &rows[0].prefix.addr, 0, f->now_ns, &view, 1), 1);
	assert_string_equal(view.decision.reason, "hub:1");
	unlink(path);
	assert_int_equal(decisions_restore(f->decisions, path, ~0ull, after, slot_of_name, NULL, &put, &left_out),
		LUYTRE_E_NOT_FOUND);
	fixture_free(f);
}

static void damaged_files_put_nothing(void **state)
{
	struct fixture *f = fixture_new(100, 100);
	struct clock now = { .mono_ns = f->now_ns, .real_ns = 1700000000 * NS_PER_S };
	struct decision d = decision_of("192.0.2.1/32", 1, SHIELD_ACTION_BLOCK, 1);
	char path[] = "/tmp/luytre-decisions-XXXXXX";
	uint8_t file[256];
	size_t put, left_out, size;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(decisions_add(f->decisions, &d, f->now_ns), 0);
	assert_int_equal(decisions_save(f->decisions, path, ~0ull, now, name_of_slot, NULL), 0);
	close(fd);
	fd = open(path, O_RDONLY);
	size = (size_t)read(fd, file, sizeof(file));
	close(fd);
	unlink(path);
	assert_true(size > 30 && size < sizeof(file));
	assert_int_equal(decisions_begin(f->decisions, DECISIONS_ALL, f->now_ns), 0);
	for (size_t i = 0; i < size; i++) {
		assert_int_not_equal(decisions_restore_bytes(f->decisions, bytes_of(file, i), ~0ull, now, slot_of_name,
					     NULL, &put, &left_out),
			0);
		file[i] ^= 0x10;
		assert_int_not_equal(decisions_restore_bytes(f->decisions, bytes_of(file, size), ~0ull, now,
					     slot_of_name, NULL, &put, &left_out),
			0);
		file[i] ^= 0x10;
	}
	assert_int_equal(decisions_commit(f->decisions, f->now_ns), 0);
	check_edges(f, &d.prefix);
	fixture_free(f);
}

/* ---- many --------------------------------------------------------------------------------------------------------*/

static uint32_t random_v4(uint64_t *random)
{
	*random = *random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*random >> 32);
}

static struct decision block_of(uint32_t addr)
{
	uint32_t net = __builtin_bswap32(addr);
	struct decision decision = { .action = SHIELD_ACTION_BLOCK, .list = 1, .expiry_ns = DECISIONS_NEVER };

	decision.prefix.addr = ip_addr_v4(&net);
	decision.prefix.length = 32;
	strcpy(decision.reason, "feed");
	return decision;
}

static double milliseconds_since(uint64_t start_ns)
{
	return (double)(clock_mono_ns() - start_ns) / 1e6;
}

static double time_add(struct fixture *f, const struct decision *decision)
{
	uint64_t start_ns = clock_mono_ns();
	struct decision other = decision_of("203.0.113.1/32", 0, SHIELD_ACTION_BLOCK, 3);
	double add_ms, remove_ms;

	assert_int_equal(decisions_add(f->decisions, decision, f->now_ns), 0);
	add_ms = milliseconds_since(start_ns);
	start_ns = clock_mono_ns();
	assert_int_equal(decisions_remove(f->decisions, decision, f->now_ns), 0);
	remove_ms = milliseconds_since(start_ns);
	/* Two turns later everything that was taken out may be used again. */
	for (uint32_t i = 0; i < 3; i++) {
		f->now_ns += DECISIONS_GRACE_NS;
		assert_int_equal(decisions_add(f->decisions, &other, f->now_ns), 0);
	}
	return remove_ms > add_ms ? remove_ms : add_ms;
}

static void a_million_are_swapped_in_time(void **state)
{
	enum { MANY = 1000000 };
	struct fixture *f = fixture_new(MANY + 1000, 100);
	static const char *const singles[] = { "198.51.100.77/32", "198.51.0.0/16", "198.0.0.0/8", "192.0.0.0/4",
		"0.0.0.0/0" };

	for (uint32_t round = 0; round < 3; round++) {
		uint64_t random = round, start_ns = clock_mono_ns(), commit_ns;
		struct decisions_stats stats;

		assert_int_equal(decisions_begin(f->decisions, 1, f->now_ns), 0);
		for (uint32_t i = 0; i < MANY; i++) {
			struct decision decision = block_of(random_v4(&random));

			assert_int_equal(decisions_put(f->decisions, &decision), 0);
		}
		commit_ns = clock_mono_ns();
		assert_int_equal(decisions_commit(f->decisions, f->now_ns), 0);
		decisions_read_stats(f->decisions, &stats);
		print_message("bulk of %u: put %.0f ms, commit %.0f ms\n", stats.count_v4,
			(double)(commit_ns - start_ns) / 1e6, milliseconds_since(commit_ns));
		assert_true(milliseconds_since(start_ns) < 5000);
		random = round;
		for (uint32_t i = 0; i < MANY; i += 97) {
			struct decision decision;
			uint8_t list;

			for (uint32_t skip = 0; skip < 97; skip++)
				decision = block_of(random_v4(&random));
			if (i + 97 <= MANY)
				assert_int_equal(look_up(f->maps, &decision.prefix.addr, 1, f->now_ns, &list),
					SHIELD_FOUND_BLOCK);
		}
	}
	for (size_t i = 0; i < ARRAY_COUNT(singles); i++) {
		struct decision plain = decision_of(singles[i], 0, SHIELD_ACTION_BLOCK, 2);
		struct decision scoped = decision_of(singles[i], 1, SHIELD_ACTION_ALLOW, 2);
		double first_ms = time_add(f, &plain), plain_ms = time_add(f, &plain), scoped_ms = time_add(f, &scoped);

		print_message("add or remove %s: %.3f ms (first time %.3f, scoped %.3f)\n", singles[i], plain_ms,
			first_ms, scoped_ms);
	}
	fixture_free(f);
}

/* ---- packets meanwhile -------------------------------------------------------------------------------------------*/

enum { FIXED = 16, WIDE_SHAPES = 6 };

struct traffic {
	struct shield_maps *maps;
	uint32_t stop;
	uint64_t lookups, missed, wrong;
	struct ip_addr fixed[FIXED], clean[FIXED]; /* always blocked for tenant 1; never named */
};

static void *read_all_the_time(void *user)
{
	struct traffic *t = user;
	uint8_t list;

	for (uint32_t i = 0; !__atomic_load_n(&t->stop, __ATOMIC_RELAXED); i++) {
		t->missed += !(look_up(t->maps, &t->fixed[i % FIXED], 1, START_NS, &list) & SHIELD_FOUND_BLOCK);
		t->wrong += look_up(t->maps, &t->clean[i % FIXED], 1, START_NS, &list) != 0;
		t->lookups += 2;
	}
	return NULL;
}

/* The packets of the test take no longer than a moment to finish with the old generation. */
static void wait_for_readers(void *user)
{
	usleep(20000);
}

/* Prefixes that differ in one byte. The first four are the fixed ones', the last two are slow to change. */
static const struct {
	const char *prefix;
	uint32_t byte;
} shapes[] = {
	{ "10.0.0.9/32", 2 },
	{ "10.0.4.0/32", 3 },
	{ "10.1.0.0/25", 2 },
	{ "2001:db8::/64", 5 },
	{ "10.0.0.0/24", 2 },
	{ "2001:db8::/48", 5 },
	{ "10.0.0.0/16", 1 },
	{ "10.0.0.0/8", 0 },
};

/* Fixed ones in all shapes: alone, many in a /24, scoped, in prefixes; clean ones right beside them. */
static void traffic_init(struct fixture *f, struct traffic *t)
{
	assert_int_equal(decisions_begin(f->decisions, DECISIONS_ALL, START_NS), 0);
	for (uint32_t i = 0; i < FIXED; i++) {
		struct decision d = decision_of(shapes[i % 4].prefix, i & 8 ? 1 : 0, SHIELD_ACTION_BLOCK, 9);

		d.prefix.addr.bytes[shapes[i % 4].byte] = (uint8_t)i;
		assert_int_equal(decisions_put(f->decisions, &d), 0);
		t->fixed[i] = d.prefix.addr;
		t->clean[i] = d.prefix.addr;
		if (d.prefix.addr.family == IP_V6)
			t->clean[i].bytes[7] ^= 1;
		else
			t->clean[i].bytes[3] ^= 0x82;
	}
	assert_int_equal(decisions_commit(f->decisions, START_NS), 0);
}

/* A fixed one's prefix or one around it, often for tenant 2, whose packets nobody looks at. */
static struct decision churn_decision(struct fixture *f)
{
	uint32_t shape = below(f, below(f, 50) ? WIDE_SHAPES : ARRAY_COUNT(shapes)), number = below(f, FIXED);
	struct decision d = decision_of(shapes[shape].prefix, (uint16_t)below(f, 3), SHIELD_ACTION_BLOCK, 0);

	if (shapes[shape].byte == 0)
		number = 10;
	else if (shapes[shape].byte == 1)
		number &= 1;
	d.prefix.addr.bytes[shapes[shape].byte] = (uint8_t)number;
	d.list = (uint8_t)below(f, 3);
	d.action = (uint8_t)(next_random(f) & 1 ? SHIELD_ACTION_BLOCK : SHIELD_ACTION_ALLOW);
	return d;
}

static bool names_clean(const struct traffic *t, const struct decision *d)
{
	for (uint32_t i = 0; i < FIXED; i++) {
		if (d->tenant != 2 && ip_prefix_contains(&d->prefix, &t->clean[i]))
			return true;
	}
	return false;
}

static void churn_bulk(struct fixture *f, const struct traffic *t, uint64_t now_ns)
{
	int error;

	assert_int_equal(decisions_begin(f->decisions, below(f, 3), now_ns), 0);
	for (uint32_t i = 0; i < 40; i++) {
		struct decision d = churn_decision(f);

		if (!names_clean(t, &d) && (error = decisions_put(f->decisions, &d)) != 0)
			assert_int_equal(error, LUYTRE_E_INVALID); /* of another list */
	}
	error = decisions_commit(f->decisions, now_ns);
	assert_true(error == 0 || error == LUYTRE_E_FULL);
}

/* A /32 that is written for tenant 0 and for others at once, prefixes around it that come and go, whole generations:
 * whatever the writer does, packets of a fixed source find it blocked and packets of a clean one find nothing. */
static void packets_see_no_half_done_change(void **state)
{
	struct fixture *f = fixture_new(4000, 4000);
	struct traffic traffic = { .maps = f->maps };
	uint64_t end_ns = clock_mono_ns() + 2 * NS_PER_S, changes = 0, bulks = 0;
	struct decisions_config config = config_of(4000, 4000);
	pthread_t reader;

	config.wait = wait_for_readers;
	decisions_free(f->decisions);
	f->decisions = decisions_new(f->maps, &config);
	assert_non_null(f->decisions);
	/* Nodes and chunks are so few that numbers are soon used again. */
	traffic_init(f, &traffic);
	assert_int_equal(pthread_create(&reader, NULL, read_all_the_time, &traffic), 0);
	for (uint64_t now_ns = clock_mono_ns(); now_ns < end_ns; now_ns = clock_mono_ns()) {
		struct decision d = churn_decision(f);
		int error;

		if (++changes % 20000 == 0) {
			churn_bulk(f, &traffic, now_ns);
			bulks++;
			continue;
		}
		if (names_clean(&traffic, &d))
			continue;
		error = next_random(f) & 1 ? decisions_add(f->decisions, &d, now_ns)
					   : decisions_remove(f->decisions, &d, now_ns);
		assert_true(error == 0 || error == LUYTRE_E_NOT_FOUND || error == LUYTRE_E_FULL);
	}
	__atomic_store_n(&traffic.stop, 1, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(reader, NULL), 0);
	print_message("%llu look-ups during %llu changes and %llu bulk loads\n", (unsigned long long)traffic.lookups,
		(unsigned long long)changes, (unsigned long long)bulks);
	assert_int_equal(traffic.missed, 0);
	assert_int_equal(traffic.wrong, 0);
	assert_true(traffic.lookups > 0 && changes > 0);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scopes_and_actions_meet),
		cmocka_unit_test(random_changes_agree_with_the_model),
		cmocka_unit_test(wrong_decisions_are_refused),
		cmocka_unit_test(expiry_counts_in_ticks_rounded_up),
		cmocka_unit_test(adding_again_renews),
		cmocka_unit_test(one_decision_too_many_is_refused),
		cmocka_unit_test(full_tables_refuse_and_recover),
		cmocka_unit_test(a_cover_without_room_changes_nothing),
		cmocka_unit_test(ipv6_lengths_have_a_ceiling),
		cmocka_unit_test(explain_names_what_covers),
		cmocka_unit_test(a_listing_goes_on_from_its_cursor),
		cmocka_unit_test(a_restart_goes_on_serving),
		cmocka_unit_test(saved_decisions_come_back),
		cmocka_unit_test(damaged_files_put_nothing),
		cmocka_unit_test(a_million_are_swapped_in_time),
		cmocka_unit_test(packets_see_no_half_done_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
