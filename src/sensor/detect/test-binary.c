// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/detect/testrules.h"

struct row {
	const char *options;
	const char *payload;
	size_t size;
	bool holds;
};

#define ROW(options, payload, holds)                                                                                   \
	{                                                                                                              \
		options, payload, sizeof(payload) - 1, holds                                                           \
	}

static const struct row rows[] = {
	/* A bit string with eight unused bits, one with seven, one with more than it has. */
	ROW("asn1:bitstring_overflow", "\x30\x04\x03\x02\x08\xff", true),
	ROW("asn1:bitstring_overflow", "\x30\x04\x03\x02\x07\xff", false),
	ROW("asn1:bitstring_overflow", "\x30\x03\x03\x01\x01", true),
	ROW("asn1:bitstring_overflow", "\x30\x02\x03\x00", false),
	/* A real number in decimal, too long; the same in binary. */
	ROW("asn1:double_overflow", "\x09\x82\x01\x01\x01", true),
	ROW("asn1:double_overflow", "\x09\x82\x01\x01\x81", false),
	ROW("asn1:double_overflow", "\x09\x82\x01\x00\x01", false),
	ROW("asn1:oversize_length 500", "\x30\x82\x01\xf5", true),
	ROW("asn1:oversize_length 500", "\x30\x82\x01\xf4", false),
	ROW("asn1:oversize_length 500", "\x30\x8a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", true),
	ROW("asn1:oversize_length 5, absolute_offset 2", "xx\x04\x09", true),
	ROW("asn1:oversize_length 5, absolute_offset 3", "xx\x04\x09", false),
	ROW("content:\"head\"; asn1:oversize_length 5, relative_offset 1", "head.\x04\x09", true),
	ROW("content:\"head\"; asn1:oversize_length 5, relative_offset -1", "head.\x04\x09", true),
	ROW("asn1:oversize_length 5", "", false),
	ROW("rpc:100000,2,3", "xid.\0\0\0\0\0\0\0\2\0\1\x86\xa0\0\0\0\2\0\0\0\3", true),
	ROW("rpc:100000,*,*", "xid.\0\0\0\0\0\0\0\2\0\1\x86\xa0\0\0\0\2\0\0\0\3", true),
	ROW("rpc:100000", "xid.\0\0\0\0\0\0\0\2\0\1\x86\xa0\0\0\0\2\0\0\0\3", true),
	ROW("rpc:100000,3,*", "xid.\0\0\0\0\0\0\0\2\0\1\x86\xa0\0\0\0\2\0\0\0\3", false),
	ROW("rpc:100003,*,*", "xid.\0\0\0\0\0\0\0\2\0\1\x86\xa0\0\0\0\2\0\0\0\3", false),
	/* A reply, and a call that is cut. */
	ROW("rpc:100000,*,*", "xid.\0\0\0\1\0\0\0\2\0\1\x86\xa0\0\0\0\2\0\0\0\3", false),
	ROW("rpc:100000,*,*", "xid.\0\0\0\0\0\0\0\2\0\1\x86\xa0\0\0\0\2\0\0\0", false),
	/* Rewriting and marking are said to be left out; the rule is there. */
	ROW("content:\"ab\"; replace:\"xy\"", "ab", true),
	ROW("nfq_set_mark:0x8/0x8; content:\"ab\"", "ab", true),
};

static void conditions(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct test_rules test;
		struct sensor_packet packet;
		char text[256];

		snprintf(text, sizeof(text), "alert udp any any -> any any (%s; sid:1;)\n", rows[i].options);
		if (!test_rules_open(&test, text, false))
			fail_msg("row %zu does not load", i);
		packet = test_packet(&test, bytes_of(rows[i].payload, rows[i].size));
		detect_packet(test.context, &packet);
		if ((packet.alert_count == 1) != rows[i].holds)
			fail_msg("row %zu: %s", i, rows[i].options);
		test_rules_close(&test);
	}
}

static void refused(void **state)
{
	static const char *const bad[] = { "asn1:", "asn1:nothing", "asn1:absolute_offset 4", "asn1:oversize_length",
		"asn1:double_overflow, absolute_offset -1", "rpc:", "rpc:*,1,2", "rpc:1,2,3,4", "replace:\"xy\"",
		"content:\"abc\"; replace:\"xy\"", "nfq_set_mark:x/y", "nfq_set_mark:" };

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct test_rules test;
		char text[256];

		snprintf(text, sizeof(text), "alert udp any any -> any any (%s; sid:1;)\n", bad[i]);
		if (test_rules_open(&test, text, false) && test.policy->loaded_count != 0)
			fail_msg("\"%s\" loads", bad[i]);
		test_rules_close(&test);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
