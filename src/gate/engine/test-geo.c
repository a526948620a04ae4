// SPDX-License-Identifier: Apache-2.0
/* Tests of @geoLookup with a data base made here (MaxMind DB file format specification, version 2.0): one network, 0.0.0.0/1. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include <unistd.h>

#include "gate/engine/testengine.h"

enum {
	TYPE_STRING = 2,
	TYPE_DOUBLE = 3,
	TYPE_UINT16 = 5,
	TYPE_UINT32 = 6,
	TYPE_MAP = 7,
	TYPE_UINT64 = 9,
	TYPE_ARRAY = 11
};

struct image {
	uint8_t bytes[1024];
	size_t size;
};

static void put(struct image *image, const void *bytes, size_t size)
{
	assert_true(size <= sizeof(image->bytes) - image->size);
	memcpy(image->bytes + image->size, bytes, size);
	image->size += size;
}

/* Types above 7 stand in a byte of their own. */
static void put_type(struct image *image, unsigned int type, size_t size)
{
	uint8_t head[2] = { (uint8_t)((type > 7 ? 0 : type) << 5 | size), (uint8_t)(type - 7) };

	assert_true(size < 29);
	put(image, head, type > 7 ? 2 : 1);
}

static void put_string(struct image *image, const char *text)
{
	put_type(image, TYPE_STRING, strlen(text));
	put(image, text, strlen(text));
}

static void put_number(struct image *image, const char *key, unsigned int type, uint8_t value)
{
	put_string(image, key);
	put_type(image, type, 1);
	put(image, &value, 1);
}

static void put_double(struct image *image, const char *key, double value)
{
	uint64_t bits;
	uint8_t big[8];

	memcpy(&bits, &value, sizeof(bits));
	for (unsigned int i = 0; i < 8; i++)
		big[i] = (uint8_t)(bits >> (56 - 8 * i));
	put_string(image, key);
	put_type(image, TYPE_DOUBLE, 8);
	put(image, big, 8);
}

static void put_record(struct image *image)
{
	put_type(image, TYPE_MAP, 2);
	put_string(image, "country");
	put_type(image, TYPE_MAP, 2);
	put_string(image, "iso_code");
	put_string(image, "VN");
	put_string(image, "names");
	put_type(image, TYPE_MAP, 1);
	put_string(image, "en");
	put_string(image, "Vietnam");
	put_string(image, "location");
	put_type(image, TYPE_MAP, 2);
	put_double(image, "latitude", 21.02);
	put_number(image, "metro_code", TYPE_UINT16, 7);
}

static void put_metadata(struct image *image)
{
	put(image, "\xab\xcd\xefMaxMind.com", 14);
	put_type(image, TYPE_MAP, 9);
	put_number(image, "node_count", TYPE_UINT32, 1);
	put_number(image, "record_size", TYPE_UINT16, 24);
	put_number(image, "ip_version", TYPE_UINT16, 4);
	put_string(image, "database_type");
	put_string(image, "Test");
	put_string(image, "languages");
	put_type(image, TYPE_ARRAY, 1);
	put_string(image, "en");
	put_number(image, "binary_format_major_version", TYPE_UINT16, 2);
	put_number(image, "binary_format_minor_version", TYPE_UINT16, 0);
	put_number(image, "build_epoch", TYPE_UINT64, 1);
	put_string(image, "description");
	put_type(image, TYPE_MAP, 0);
}

/* The one node: addresses that begin with 0 lead to the record (node count + 16 + its offset), the others nowhere (node count). */
static void make_file(char *path)
{
	static const uint8_t node[6] = { 0, 0, 1 + 16, 0, 0, 1 };
	static const uint8_t gap[16] = { 0 };
	struct image image = { .size = 0 };
	int file = mkstemp(path);

	assert_true(file >= 0);
	put(&image, node, sizeof(node));
	put(&image, gap, sizeof(gap));
	put_record(&image);
	put_metadata(&image);
	assert_int_equal(write(file, image.bytes, image.size), image.size);
	close(file);
}

static uint16_t status_for(const char *database, const char *address)
{
	struct gate_site_settings settings = { .name = "test", .mode = GATE_ON };
	struct gate_plan_options options = { 0 };
	struct test_engine engine = { 0 };
	char text[1024];
	struct gate_tx *tx;
	uint16_t status;

	snprintf(text, sizeof(text),
		"%s %s\n"
		"SecRule REMOTE_ADDR \"@geoLookup\" \"id:1,phase:1,pass,nolog,chain\"\n"
		"SecRule GEO:COUNTRY_CODE \"@streq VN\" \"chain\"\n"
		"SecRule GEO:COUNTRY_NAME \"@streq Vietnam\" \"chain\"\n"
		"SecRule GEO:LATITUDE \"@streq 21.020000\" \"chain\"\n"
		"SecRule GEO:DMA_CODE \"@eq 7\" \"chain\"\n"
		"SecRule &GEO:CITY \"@eq 0\" \"setvar:tx.known=1\"\n"
		"SecRule TX:known \"@eq 1\" \"id:2,phase:1,deny,status:451\"\n",
		database ? "SecGeoLookupDb" : "# no data base", database ? database : "");
	test_open(&engine, test_plan(text, &options), &settings);
	assert_int_equal(gate_tx_new(engine.worker, engine.site, &tx), 0);
	gate_tx_connection(tx, address, 1, "192.0.2.1", 80);
	gate_tx_request_line(tx, bytes_from_str("GET"), bytes_from_str("/"), bytes_from_str("HTTP/1.1"));
	gate_tx_request_headers_end(tx);
	gate_tx_log(tx);
	status = gate_tx_verdict(tx)->status;
	gate_tx_free(tx);
	test_close(&engine);
	return status;
}

static void lookups(void **state)
{
	char path[] = "/tmp/test-geo-XXXXXX";

	(void)state;
	make_file(path);
	assert_int_equal(status_for(path, "14.160.0.1"), 451);
	assert_int_equal(status_for(path, "203.0.113.1"), 200);
	assert_int_equal(status_for(path, "2001:db8::1"), 200);
	assert_int_equal(status_for(path, "no address"), 200);
	assert_int_equal(status_for(NULL, "14.160.0.1"), 200);
	unlink(path);
}

static void no_database(void **state)
{
	char path[] = "/tmp/test-geo-XXXXXX", text[64];
	struct gate_plan_options options = { 0 };
	struct sec_rules *rules = sec_rules_new();
	struct gate_plan *plan;
	int file = mkstemp(path);

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(write(file, "nothing", 7), 7);
	close(file);
	snprintf(text, sizeof(text), "SecGeoLookupDb %s\n", path);
	assert_int_equal(sec_rules_load_text(rules, bytes_from_str(text), "test"), 0);
	assert_int_equal(sec_rules_finish(rules), 0);
	assert_true(gate_plan_build(rules, &options, &plan) < 0);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lookups), cmocka_unit_test(no_database) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
