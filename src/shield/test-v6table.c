// SPDX-License-Identifier: Apache-2.0
/* The IPv6 tables, read by the look-up that the XDP program uses. */
#include "shield/v6table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "base/error.h"
#include "shield/bpf/lookup.h"

struct fixture {
	struct shield_maps maps;
	struct shield_globals globals;
	struct shield_machine machine;
	struct v6table table;
	uint64_t random;
};

/* Tables of 'lines' lines for both generations; generation 1 is the one under test. */
static struct fixture *fixture_new(uint32_t lines)
{
	struct fixture *f = aligned_alloc(64, (sizeof(*f) + 63) / 64 * 64);

	assert_non_null(f);
	memset(f, 0, sizeof(*f));
	f->random = 0x9e3779b97f4a7c15;
	f->globals.hash_key[1] = 0x1234567890abcdef;
	f->globals.hash_key[2] = 0xfedcba0987654321;
	f->globals.tenant6_mask = lines - 1;
	f->maps.globals = &f->globals;
	f->maps.globals_count = 1;
	f->maps.tenant6 = aligned_alloc(64, 2 * (size_t)lines * sizeof(struct shield_v6_line));
	assert_non_null(f->maps.tenant6);
	f->maps.tenant6_count = 2 * lines;
	/* Neither what is beside the table nor what was in it before may matter. */
	memset(f->maps.tenant6, 0xa5, 2 * (size_t)lines * sizeof(struct shield_v6_line));
	f->machine.maps = &f->maps;
	shield_machine = &f->machine;
	v6table_init(&f->table, f->maps.tenant6 + lines, lines - 1, &f->globals, f->globals.tenant6_length[1],
		&f->globals.tenant6_length_count[1]);
	v6table_clear(&f->table);
	return f;
}

static void fixture_free(struct fixture *f)
{
	v6table_done(&f->table);
	v6table_done(&f->table);
	free(f->maps.tenant6);
	free(f);
	shield_machine = NULL;
}

static uint32_t below(struct fixture *f, uint32_t limit)
{
	f->random = f->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(f->random >> 33) % limit;
}

static struct ip_prefix prefix_of(const char *text)
{
	struct ip_prefix prefix;

	assert_int_equal(ip_prefix_parse(bytes_from_str(text), 0, &prefix), 0);
	return prefix;
}

/* Some prefix with this number. */
static struct ip_prefix numbered(uint32_t number, uint8_t length)
{
	struct ip_prefix prefix = prefix_of("2001:db8::/128");

	for (uint32_t i = 0; i < 4; i++)
		prefix.addr.bytes[4 + i] = (uint8_t)(number >> (24 - 8 * i));
	prefix.length = length;
	return prefix;
}

static uint32_t look_up(struct fixture *f, const struct ip_addr *addr)
{
	struct packet_addr key;

	memcpy(key.byte, addr->bytes, sizeof(key.byte));
	return shield_tenant_find6(&f->globals, 1, &key);
}

static void the_longest_prefix_wins(void **state)
{
	struct fixture *f = fixture_new(16);
	static const struct {
		const char *prefix;
		uint32_t leaf;
	} rows[] = {
		{ "2001:db8::/32", 1 },
		{ "2001:db8:1::/48", 2 },
		{ "::/0", 3 },
		{ "2001:db8:1:2::/64", 4 },
		{ "2001:db8:1:2::3/128", 5 },
		{ "2000::/3", 6 },
		{ "2001:db8:1:2:8000::/65", 7 },
	};
	static const struct {
		const char *addr;
		uint32_t leaf;
	} wanted[] = {
		{ "2001:db8:1:2::3", 5 },
		{ "2001:db8:1:2::4", 4 },
		{ "2001:db8:1:2:8000::4", 7 },
		{ "2001:db8:1:3::3", 2 },
		{ "2001:db8:2::", 1 },
		{ "2001:db9::", 6 },
		{ "fe80::1", 3 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct ip_prefix prefix = prefix_of(rows[i].prefix);

		assert_int_equal(v6table_set(&f->table, &prefix, rows[i].leaf, 0), 0);
		assert_int_equal(v6table_find(&f->table, &prefix), rows[i].leaf);
	}
	for (uint32_t i = 1; i < f->globals.tenant6_length_count[1]; i++)
		assert_true(f->globals.tenant6_length[1][i - 1] > f->globals.tenant6_length[1][i]);
	v6table_publish(&f->table);
	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
		struct ip_prefix prefix = prefix_of(wanted[i].addr);

		assert_int_equal(look_up(f, &prefix.addr), wanted[i].leaf);
	}
	fixture_free(f);
}

static void wrong_calls_are_refused(void **state)
{
	struct fixture *f = fixture_new(16);
	struct ip_prefix v4 = prefix_of("192.0.2.0/24"), v6 = prefix_of("2001:db8::/32");

	assert_int_equal(v6table_set(&f->table, &v4, 1, 0), LUYTRE_E_INVALID);
	assert_int_equal(v6table_set(&f->table, &v6, 0, 0), LUYTRE_E_INVALID);
	assert_false(v6table_remove(&f->table, &v4, 0));
	assert_false(v6table_remove(&f->table, &v6, 0));
	assert_int_equal(v6table_find(&f->table, &v4), 0);
	assert_int_equal(f->table.count, 0);
	fixture_free(f);
}

/* Sets and removals at random, with time going on, against an array. */
static void random_changes_agree_with_a_model(void **state)
{
	enum { NUMBERS = 100 };
	struct fixture *f = fixture_new(64);
	static const uint8_t lengths[] = { 64, 72, 96, 128 };
	uint32_t model[NUMBERS][ARRAY_COUNT(lengths)] = { 0 };
	uint32_t count = 0, refused = 0;
	uint64_t now_ns = 1;

	v6table_publish(&f->table);
	for (uint32_t round = 0; round < 50000; round++) {
		uint32_t number = below(f, NUMBERS), at = below(f, ARRAY_COUNT(lengths)), *leaf = &model[number][at];
		struct ip_prefix prefix = numbered(number, lengths[at]);
		uint32_t longest = 0;

		now_ns += below(f, V6TABLE_GRACE_NS / 16);
		if (below(f, round / 5000 & 1 ? 5 : 3) >= 2) {
			assert_int_equal(v6table_remove(&f->table, &prefix, now_ns), *leaf != 0);
			count -= *leaf != 0;
			*leaf = 0;
		} else if (count < 110 || *leaf) {
			uint32_t new_leaf = 1 + below(f, 1000);

			if (v6table_set(&f->table, &prefix, new_leaf, now_ns) == 0) {
				count += *leaf == 0;
				*leaf = new_leaf;
			} else {
				assert_int_equal(*leaf, 0);
				refused++;
			}
		}
		for (uint32_t i = 0; i < ARRAY_COUNT(lengths); i++) {
			prefix.length = lengths[i];
			assert_int_equal(v6table_find(&f->table, &prefix), model[number][i]);
			longest = model[number][i] ? model[number][i] : longest;
		}
		assert_int_equal(look_up(f, &prefix.addr) != 0, longest != 0);
		assert_int_equal(f->table.count, count);
	}
	assert_int_equal(f->table.refused, refused);
	fixture_free(f);
}

static void a_full_table_refuses_and_keeps_what_it_has(void **state)
{
	struct fixture *f = fixture_new(8);
	struct ip_prefix prefix;

	/* Eight lines of three are probed whole: not one place is left unused. */
	for (uint32_t i = 0; i < 24; i++) {
		prefix = numbered(i, 64);
		assert_int_equal(v6table_set(&f->table, &prefix, i + 1, 0), 0);
	}
	prefix = numbered(24, 64);
	assert_int_equal(v6table_set(&f->table, &prefix, 99, 0), LUYTRE_E_FULL);
	assert_int_equal(f->table.refused, 1);
	for (uint32_t i = 0; i < 24; i++) {
		prefix = numbered(i, 64);
		assert_int_equal(look_up(f, &prefix.addr), i + 1);
		/* Another leaf for a key that is there needs no room. */
		assert_int_equal(v6table_set(&f->table, &prefix, i + 100, 0), 0);
		assert_int_equal(look_up(f, &prefix.addr), i + 100);
	}
	v6table_clear(&f->table);
	assert_int_equal(look_up(f, &prefix.addr), 0);
	assert_int_equal(v6table_set(&f->table, &prefix, 1, 0), 0);
	fixture_free(f);
}

static void a_freed_place_waits(void **state)
{
	struct fixture *f = fixture_new(8);
	struct ip_prefix prefix, other = numbered(1000, 64);
	const uint64_t now_ns = 5 * V6TABLE_GRACE_NS;

	for (uint32_t i = 0; i < 24; i++) {
		prefix = numbered(i, 64);
		assert_int_equal(v6table_set(&f->table, &prefix, i + 1, 0), 0);
	}
	v6table_publish(&f->table);
	assert_true(v6table_remove(&f->table, &prefix, now_ns));
	assert_int_equal(look_up(f, &prefix.addr), 0);
	assert_int_equal(v6table_set(&f->table, &other, 7, now_ns + V6TABLE_GRACE_NS - 1), LUYTRE_E_FULL);
	assert_int_equal(v6table_set(&f->table, &other, 7, now_ns + V6TABLE_GRACE_NS), 0);
	assert_int_equal(look_up(f, &other.addr), 7);
	assert_int_equal(look_up(f, &prefix.addr), 0);
	/* More freed places than the ring holds at first. */
	v6table_clear(&f->table);
	v6table_publish(&f->table);
	for (uint32_t round = 0; round < 50; round++) {
		for (uint32_t i = 0; i < 20; i++) {
			prefix = numbered(i, 64);
			assert_int_equal(v6table_set(&f->table, &prefix, 1, now_ns + round * V6TABLE_GRACE_NS), 0);
		}
		for (uint32_t i = 0; i < 20; i++) {
			prefix = numbered(i, 64);
			assert_true(v6table_remove(&f->table, &prefix, now_ns + round * V6TABLE_GRACE_NS));
		}
	}
	assert_int_equal(f->table.count, 0);
	fixture_free(f);
}

static void lengths_have_a_ceiling(void **state)
{
	struct fixture *f = fixture_new(64);
	struct ip_prefix prefix;

	v6table_publish(&f->table);
	for (uint8_t i = 0; i < SHIELD_V6_LENGTHS_MAX; i++) {
		prefix = numbered(i, (uint8_t)(64 + i));
		assert_int_equal(v6table_set(&f->table, &prefix, 1, 0), 0);
		/* Readers may be in the middle of the list: a new length goes to its end. */
		assert_int_equal(f->globals.tenant6_length[1][i], 64 + i);
	}
	prefix = numbered(77, 128);
	assert_int_equal(v6table_set(&f->table, &prefix, 1, 0), LUYTRE_E_FULL);
	assert_int_equal(v6table_find(&f->table, &prefix), 0);
	assert_int_equal(f->table.count, SHIELD_V6_LENGTHS_MAX);
	prefix = numbered(3, 67);
	assert_true(v6table_remove(&f->table, &prefix, 0));
	prefix = numbered(77, 128);
	assert_int_equal(v6table_set(&f->table, &prefix, 9, 0), 0);
	assert_int_equal(look_up(f, &prefix.addr), 9);
	assert_int_equal(f->globals.tenant6_length_count[1], SHIELD_V6_LENGTHS_MAX);
	fixture_free(f);
}

/* Half of its places: the table moves keys to make room. */
static void a_table_takes_what_it_is_sized_for(void **state)
{
	enum { LINES = 1 << 15 };
	struct fixture *f = fixture_new(LINES);
	struct ip_prefix prefix;

	for (uint32_t i = 0; i < LINES + LINES / 2; i++) {
		prefix = numbered(i, 64);
		assert_int_equal(v6table_set(&f->table, &prefix, i + 1, 0), 0);
	}
	for (uint32_t i = 0; i < LINES + LINES / 2; i++) {
		prefix = numbered(i, 64);
		assert_int_equal(look_up(f, &prefix.addr), i + 1);
	}
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_wins),
		cmocka_unit_test(wrong_calls_are_refused),
		cmocka_unit_test(random_changes_agree_with_a_model),
		cmocka_unit_test(a_full_table_refuses_and_keeps_what_it_has),
		cmocka_unit_test(a_freed_place_waits),
		cmocka_unit_test(lengths_have_a_ceiling),
		cmocka_unit_test(a_table_takes_what_it_is_sized_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
