// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gate/engine/internal.h"

static struct store *store;

static struct store_record *open_at(
	const char *site, enum variable collection, const char *key, bool create, uint64_t now_s)
{
	return persist_open(store, bytes_from_str(site), collection, bytes_from_str(key), create, now_s, 100);
}

static void set(struct store_record *record, const char *name, const char *value, uint64_t now_s)
{
	persist_set(store, record, bytes_from_str(name), bytes_from_str(value), now_s);
}

static void assert_field(struct store_record *record, const char *name, const char *wanted, uint64_t now_s)
{
	struct bytes value;
	bool there = persist_get(record, bytes_from_str(name), now_s, &value);

	assert_int_equal(there, wanted != NULL);
	if (wanted)
		assert_true(bytes_equal_str(value, wanted));
}

static struct gate_counters counters(void)
{
	struct gate_counters result = { 0 };

	persist_counters(store, &result);
	return result;
}

static void count_field(void *context, struct bytes name, struct bytes value)
{
	size_t *sum = context;

	*sum += 1000 + name.size + value.size;
}

static void keeps_fields(void **unused)
{
	struct store_record *record;
	size_t sum = 0;

	store = persist_new(10);
	assert_non_null(store);
	assert_null(open_at("a", VARIABLE_IP, "k", false, 5));
	record = open_at("a", VARIABLE_IP, "k", true, 5);
	assert_non_null(record);
	set(record, "n", "1", 5);
	set(record, "Other", "", 5);
	set(record, "N", "22", 5);
	assert_field(record, "n", "22", 5);
	assert_field(record, "oTHER", "", 5);
	assert_field(record, "none", NULL, 5);
	persist_each(record, 5, count_field, &sum);
	assert_int_equal(sum, 2000 + 1 + 2 + 5);
	persist_unset(record, bytes_from_str("n"));
	persist_unset(record, bytes_from_str("n"));
	assert_field(record, "n", NULL, 5);
	assert_field(record, "other", "", 5);
	persist_close(record);
	assert_ptr_equal(open_at("a", VARIABLE_IP, "k", false, 6), record);
	persist_close(record);
	persist_close(NULL);
	persist_free(store);
	persist_free(NULL);
}

static void sites_and_collections_are_apart(void **unused)
{
	struct store_record *record, *other, *third;

	store = persist_new(10);
	record = open_at("a", VARIABLE_IP, "k", true, 5);
	other = open_at("b", VARIABLE_IP, "k", true, 5);
	third = open_at("a", VARIABLE_SESSION, "k", true, 5);
	set(record, "n", "1", 5);
	assert_field(other, "n", NULL, 5);
	assert_field(third, "n", NULL, 5);
	persist_free(store);
}

static void fields_and_records_end(void **unused)
{
	struct store_record *record;

	store = persist_new(10);
	record = open_at("a", VARIABLE_IP, "k", true, 5);
	set(record, "n", "1", 5);
	persist_expire(record, bytes_from_str("n"), 15);
	persist_expire(record, bytes_from_str("none"), 15);
	assert_field(record, "n", "1", 14);
	assert_field(record, "n", NULL, 15);
	set(record, "n", "2", 16); /* written anew: the old end is forgotten */
	assert_field(record, "n", "2", 90);
	persist_close(record);

	record = open_at("a", VARIABLE_IP, "k", true, 104);
	assert_field(record, "n", "2", 104);
	persist_close(record);
	record = open_at("a", VARIABLE_IP, "k", true, 204);
	assert_field(record, "n", NULL, 204);
	persist_close(record);
	persist_free(store);
}

/* A transaction may last longer than its record. */
static void an_open_record_stays(void **unused)
{
	struct store_record *record, *other;
	char key[16];

	store = persist_new(1000);
	record = open_at("a", VARIABLE_IP, "k", true, 5);
	set(record, "n", "1", 5);
	for (unsigned int i = 0; i < 500; i++) {
		snprintf(key, sizeof(key), "%u", i);
		other = open_at("a", VARIABLE_IP, key, true, 1000 + i);
		persist_close(other);
	}
	assert_field(record, "n", "1", 1000);
	set(record, "n", "2", 1000);
	assert_field(record, "n", "2", 1000);
	persist_close(record);
	persist_free(store);
}

static void the_oldest_goes_when_there_is_no_room(void **unused)
{
	struct store_record *record;
	char key[16];

	store = persist_new(8);
	for (unsigned int i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "%u", i);
		record = open_at("a", VARIABLE_IP, key, true, 5 + i);
		assert_non_null(record);
		persist_close(record);
	}
	assert_int_equal(counters().collections_evicted, 12);
	assert_int_equal(counters().collections_refused, 0);
	assert_null(open_at("a", VARIABLE_IP, "11", false, 30));
	assert_non_null(open_at("a", VARIABLE_IP, "12", false, 30));
	persist_free(store);
}

static void when_all_are_open_there_is_no_room(void **unused)
{
	char key[16];

	store = persist_new(4);
	for (unsigned int i = 0; i < 6; i++) {
		snprintf(key, sizeof(key), "%u", i);
		assert_int_equal(open_at("a", VARIABLE_IP, key, true, 5) != NULL, i < 4);
	}
	assert_int_equal(counters().collections_refused, 2);
	persist_free(store);
}

static void ceilings_hold(void **unused)
{
	struct store_record *record;
	static char text[2000];
	char name[16];

	store = persist_new(10);
	record = open_at("a", VARIABLE_IP, "k", true, 5);
	memset(text, 'x', sizeof(text) - 1);
	set(record, text, "1", 5);
	set(record, "n", text, 5);
	assert_field(record, "n", NULL, 5);
	assert_int_equal(counters().collections_refused, 2);
	for (unsigned int i = 0; i < 70; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		set(record, name, "1", 5);
	}
	assert_field(record, "f63", "1", 5);
	assert_field(record, "f64", NULL, 5);
	assert_int_equal(counters().collections_refused, 2 + 6);
	persist_free(store);
}

/* However many records there may be, their content has a ceiling of its own. */
static void content_has_a_ceiling(void **unused)
{
	static char text[1001];
	char key[16], name[16];
	uint64_t before;

	memset(text, 'x', sizeof(text) - 1);
	store = persist_new(100000);
	for (unsigned int i = 0; i < 1200; i++) {
		struct store_record *record;

		snprintf(key, sizeof(key), "%u", i);
		record = open_at("a", VARIABLE_IP, key, true, 5);
		assert_non_null(record);
		for (unsigned int k = 0; k < 64; k++) {
			snprintf(name, sizeof(name), "f%u", k);
			set(record, name, text, 5);
		}
	}
	before = counters().collections_refused;
	assert_true(before > 5000);
	persist_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_fields),
		cmocka_unit_test(sites_and_collections_are_apart),
		cmocka_unit_test(fields_and_records_end),
		cmocka_unit_test(an_open_record_stays),
		cmocka_unit_test(the_oldest_goes_when_there_is_no_room),
		cmocka_unit_test(when_all_are_open_there_is_no_room),
		cmocka_unit_test(ceilings_hold),
		cmocka_unit_test(content_has_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
