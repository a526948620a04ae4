// SPDX-License-Identifier: Apache-2.0
#include "gate/guard/leak.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/clock.h"
#include "gate/guard/leak-internal.h"

/* All numbers here are made up; the cards are the issuers' published test numbers. */
static const struct {
	const char *text;
	int kind; /* -1: none */
	bool strong;
} values[] = {
	{ "079099012345", LEAK_CITIZEN, false },
	{ "001301000001", LEAK_CITIZEN, false },
	{ "001 099 012 345", LEAK_CITIZEN, false },
	{ "001227000001", -1, false }, /* born in 2027 */
	{ "003099012345", -1, false }, /* no such place */
	{ "079499012345", -1, false }, /* born in 2199 */
	{ "0790990123456", -1, false },
	{ "79099012345", -1, false },
	{ "x079099012345", -1, false },
	{ "079099012345.jpg", -1, false },
	{ "079099012345.", LEAK_CITIZEN, false },
	{ "079099012345,Nam", LEAK_CITIZEN, false },
	{ "bai-viet-079099012345", -1, false },
	{ "079099012345 12/03/1999", LEAK_CITIZEN, false },
	{ "0100233488", LEAK_TAX_CODE, false },
	{ "0314409058-002", LEAK_TAX_CODE, false },
	{ "0100112437", LEAK_TAX_CODE, false },
	{ "0100233480", -1, false },
	{ "0314409058-000", -1, false },
	{ "0912345678", LEAK_PHONE, false },
	{ "0912 345 678", LEAK_PHONE, false },
	{ "0912.345.678", LEAK_PHONE, false },
	{ "+84912345678", LEAK_PHONE, false },
	{ "+84 912 345 678", LEAK_PHONE, false },
	{ "0592345678", LEAK_PHONE, false },
	{ "0112345678", -1, false },
	{ "0540000001", -1, false },
	{ "123456789", LEAK_OLD_ID, false },
	{ "DN4797912345678", LEAK_HEALTH_CARD, false },
	{ "DN6797912345678", -1, false },
	{ "ZZ4797912345678", -1, false },
	{ "4111111111111111", LEAK_CARD, false },
	{ "4111 1111 1111 1111", LEAK_CARD, true },
	{ "3782-822463-10005", LEAK_CARD, true },
	{ "5555555555554444", LEAK_CARD, false },
	{ "4111111111111112", -1, false },
	{ "9704000000000018", LEAK_CARD, true },
	{ "079099012345|123456789|Nguyễn Văn An|12031999|Nam|Hà Nội|01012021", LEAK_ID_QR, true },
	{ "079099012345||Nguyễn Văn An|12031999|Nam|Hà Nội|01012021", LEAK_ID_QR, true },
	{ "079099012345|123|Nguyễn Văn An|12031999|", LEAK_CITIZEN, false },
	{ "IDVNM0990123459079099012345<<8", LEAK_ID_MRZ, true },
	{ "IDVNM0990123454079099012345<<8", -1, false },
	{ "105.8541234567", -1, false },
	{ "2024-11-05 10:15", -1, false },
	{ "1730800000000", -1, false },
};

static void recognises_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
		struct bytes text = bytes_from_str(values[i].text);
		struct leak_value value;
		uint32_t tested;
		size_t at = 0;
		bool found = false;

		while (at < text.size && !found) {
			bool digit = text.ptr[at] >= '0' && text.ptr[at] <= '9';

			if (!digit || (at > 0 && text.ptr[at - 1] >= '0' && text.ptr[at - 1] <= '9'))
				at++;
			else if (leak_value_at(text, at, 2026, &value, &tested))
				found = true;
			else
				at += value.size;
		}
		if (found != (values[i].kind >= 0))
			fail_msg("%s: found %d", values[i].text, found ? (int)value.kind : -1);
		if (found && ((int)value.kind != values[i].kind || value.strong != values[i].strong))
			fail_msg("%s: kind %d strong %d", values[i].text, value.kind, value.strong);
	}
}

static const struct {
	const char *text;
	enum leak_kind kind;
	bool known;
} word_rows[] = {
	{ "Số CCCD: ", LEAK_CITIZEN, true },
	{ "số căn cước công dân ", LEAK_CITIZEN, true },
	{ "so\xcc\x82\xcc\x81 ca\xcc\x86n cu\xcc\x9bo\xcc\x9b\xcc\x81"
	  "c ",
		LEAK_CITIZEN, true }, /* decomposed */
	{ "so can cuoc: ", LEAK_CITIZEN, true },
	{ "{\"soCCCD\":\"", LEAK_CITIZEN, true },
	{ "{\"identity_number\":", LEAK_CITIZEN, true },
	{ "<td>Số CMND</td><td>", LEAK_OLD_ID, true },
	{ "MÃ SỐ THUẾ: ", LEAK_TAX_CODE, true },
	{ "\"taxCode\":\"", LEAK_TAX_CODE, true },
	{ "Điện thoại: ", LEAK_PHONE, true },
	{ "Đ\xcc\xa3ie\xcc\xa3\xcc\x82n thoa\xcc\xa3i ", LEAK_PHONE, true },
	{ "Thẻ BHYT số ", LEAK_HEALTH_CARD, true },
	{ "Số thẻ: ", LEAK_CARD, true },
	{ "tin tức mới nhất ", LEAK_TAX_CODE, false },
	{ "đơn hàng số ", LEAK_CITIZEN, false },
	{ "roomstreet ", LEAK_TAX_CODE, false },
	{ "", LEAK_PHONE, false },
};

static void reads_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(word_rows); i++) {
		uint32_t kinds = leak_words_before(bytes_from_str(word_rows[i].text));

		if ((kinds >> word_rows[i].kind & 1) != word_rows[i].known)
			fail_msg("'%s': %x", word_rows[i].text, kinds);
	}
}

static struct leak_settings defaults(void)
{
	struct leak_settings settings;

	leak_settings_default(&settings, 2026);
	settings.key = (struct siphash_key){ 1, 2 };
	return settings;
}

static struct leak_result scan_pieces(const struct leak_settings *settings, const char *text, size_t piece)
{
	struct leak_scan *scan = leak_scan_new(settings);
	struct bytes rest = bytes_from_str(text);
	struct leak_result result;

	assert_non_null(scan);
	while (rest.size != 0) {
		leak_scan_text(scan, bytes_first(rest, piece));
		rest = bytes_skip(rest, piece);
	}
	leak_scan_end(scan);
	result = *leak_scan_result(scan);
	leak_scan_free(scan);
	return result;
}

/* A text of the caller's parts: freed by the caller. */
static char *repeat(unsigned int count, void (*write)(unsigned int i, char *out, size_t size))
{
	size_t room = (size_t)count * 256 + 1, used = 0;
	char *text = malloc(room);

	assert_non_null(text);
	text[0] = '\0';
	for (unsigned int i = 0; i < count; i++) {
		write(i, text + used, 256);
		used += strlen(text + used);
	}
	return text;
}

static void write_record(unsigned int i, char *out, size_t size)
{
	snprintf(out, size, "{\"hoTen\":\"Nguyễn Văn %u\",\"cccd\":\"0790990%05u\",\"sdt\":\"0912%06u\"},\n", i,
		i * 7 + 1, i * 13);
}

static void write_bare(unsigned int i, char *out, size_t size)
{
	snprintf(out, size, "<tr><td>0790990%05u</td></tr>\n", i * 7 + 1);
}

/* Order numbers of twelve digits: one in some sixty looks like a citizen's. */
static void write_order(unsigned int i, char *out, size_t size)
{
	uint64_t number = (i * UINT64_C(6364136223846793005) + 1442695040888963407) >> 20;

	snprintf(out, size, "{\"order\":%012llu},", (unsigned long long)(number % UINT64_C(1000000000000)));
}

static void write_firm(unsigned int i, char *out, size_t size)
{
	static const char *const codes[] = { "0100233488", "0314409058-002", "0100112437" };

	snprintf(out, size, "<li>Công ty %u, MST %s, ĐT 0243%u</li>", i, codes[i % 3], i + 100000);
}

static void same_in_any_pieces(void **state)
{
	struct leak_settings settings = defaults();
	char *text = repeat(18, write_record);

	(void)state;
	for (size_t piece = 1; piece < 3000; piece += piece < 70 ? 1 : 97) {
		struct leak_result result = scan_pieces(&settings, text, piece);

		assert_int_equal(result.found[LEAK_CITIZEN], 18);
		assert_int_equal(result.found[LEAK_PHONE], 18);
		assert_int_equal(result.verdict, LEAK_SEEN);
		assert_int_equal(result.scanned_bytes, strlen(text));
	}
	free(text);
}

/* A value may begin at any place of a piece, also where the scan changes from its copy to the piece itself. */
static void finds_at_every_place(void **state)
{
	struct leak_settings settings = defaults();
	char text[4096];

	(void)state;
	for (size_t at = 0; at < 3000; at++) {
		memset(text, 'x', sizeof(text));
		memcpy(text + at, " CCCD 079099012345 ", 19);
		text[4000] = '\0';
		assert_int_equal(scan_pieces(&settings, text, 4000).found[LEAK_CITIZEN], 1);
		assert_int_equal(scan_pieces(&settings, text, 1500).found[LEAK_CITIZEN], 1);
	}
}

static void judges(void **state)
{
	static const struct {
		void (*write)(unsigned int i, char *out, size_t size);
		unsigned int count;
		enum leak_verdict verdict;
	} rows[] = {
		{ write_record, 1, LEAK_SEEN },
		{ write_record, 20, LEAK_SEEN },
		{ write_record, 21, LEAK_CUT },
		{ write_record, 2000, LEAK_CUT },
		{ write_bare, 3, LEAK_NONE }, /* a weak kind alone */
		{ write_bare, 19, LEAK_NONE },
		{ write_bare, 21, LEAK_CUT }, /* many distinct ones */
		{ write_order, 5000, LEAK_NONE },
		{ write_firm, 100, LEAK_SEEN },
	};
	struct leak_settings settings = defaults();

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char *text = repeat(rows[i].count, rows[i].write);
		struct leak_result result = scan_pieces(&settings, text, 4096);

		if (result.verdict != rows[i].verdict)
			fail_msg("row %zu: verdict %d, citizens %u weak %u", i, result.verdict,
				result.found[LEAK_CITIZEN], result.weak[LEAK_CITIZEN]);
		free(text);
	}
}

static void counts_each_value_once(void **state)
{
	struct leak_settings settings = defaults();
	char text[8192] = "";

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		strcat(text, "CCCD 079099012345, CCCD 079 099 012 345; ");
	assert_int_equal(scan_pieces(&settings, text, 100).found[LEAK_CITIZEN], 1);
}

static void several_kinds_make_a_record(void **state)
{
	struct leak_settings settings = defaults();
	struct leak_result result = scan_pieces(&settings, "An;079099012345;0912345678\n", 7);

	(void)state;
	assert_int_equal(result.found[LEAK_CITIZEN], 1);
	assert_int_equal(result.found[LEAK_PHONE], 1);
	result = scan_pieces(&settings, "An;079099012345;123456789\n", 7); /* any nine digits say nothing */
	assert_int_equal(result.found[LEAK_CITIZEN], 0);
	assert_int_equal(result.verdict, LEAK_NONE);
}

static void remembers_no_more_than_it_may(void **state)
{
	struct leak_settings settings = defaults();
	char *text = repeat(3000, write_record);
	struct leak_result result = scan_pieces(&settings, text, 65536);

	(void)state;
	assert_true(result.full);
	assert_int_equal(result.found[LEAK_CITIZEN] + result.found[LEAK_PHONE], 768);
	free(text);
}

static void record_page(unsigned int page, char *text)
{
	text[0] = '\0';
	for (unsigned int i = 0; i < 10; i++)
		write_record(page * 10 + i, text + strlen(text), 256);
}

static void cuts_sessions(void **state)
{
	struct leak_settings settings = defaults();
	void *memory = malloc(leak_sessions_size(64));
	struct leak_sessions *sessions = leak_sessions_place(memory, 64, &settings);
	uint64_t one = leak_session_key(&settings, bytes_from_str("one")), now = NS_PER_S;
	enum leak_verdict verdict = LEAK_NONE;
	unsigned int page;
	uint32_t count = 0;
	char text[4096];

	(void)state;
	/* The same ten records again and again are no leak. */
	for (page = 0; page < 100; page++) {
		struct leak_scan *scan = leak_scan_new(&settings);

		record_page(0, text);
		leak_scan_text(scan, bytes_from_str(text));
		leak_scan_end(scan);
		verdict = leak_sessions_add(sessions, &settings, one, scan, now += NS_PER_S, &count);
		leak_scan_free(scan);
	}
	assert_int_equal(verdict, LEAK_SEEN);
	assert_int_equal(count, 10);
	for (page = 1; page < 100 && verdict != LEAK_CUT; page++) {
		struct leak_scan *scan = leak_scan_new(&settings);

		record_page(page, text);
		leak_scan_text(scan, bytes_from_str(text));
		leak_scan_end(scan);
		verdict = leak_sessions_add(sessions, &settings, one, scan, now += NS_PER_S, NULL);
		leak_scan_free(scan);
	}
	assert_in_range(page, 19, 23); /* 200 values, counted with an error of some per cent */
	assert_true(leak_sessions_is_cut(sessions, one, now));
	assert_false(leak_sessions_is_cut(sessions, leak_session_key(&settings, bytes_from_str("two")), now));
	assert_false(leak_sessions_is_cut(sessions, one, now + 901 * NS_PER_S));
	assert_int_equal(leak_sessions_counters(sessions).cut, 1);
	free(memory);
}

static void session_table_is_bounded(void **state)
{
	struct leak_settings settings = defaults();
	void *memory = malloc(leak_sessions_size(64));
	struct leak_sessions *sessions = leak_sessions_place(memory, 64, &settings);
	struct leak_scan *scan = leak_scan_new(&settings);

	(void)state;
	leak_scan_text(scan, bytes_from_str("CCCD 079099012345"));
	leak_scan_end(scan);
	for (unsigned int i = 0; i < 1000; i++)
		(void)leak_sessions_add(sessions, &settings, leak_session_key(&settings, bytes_of(&i, sizeof(i))), scan,
			NS_PER_S + i, NULL);
	assert_int_equal(leak_sessions_counters(sessions).created, 1000);
	assert_in_range(leak_sessions_counters(sessions).evicted, 936, 1000);
	leak_scan_free(scan);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recognises_values),
		cmocka_unit_test(reads_words),
		cmocka_unit_test(same_in_any_pieces),
		cmocka_unit_test(finds_at_every_place),
		cmocka_unit_test(judges),
		cmocka_unit_test(counts_each_value_once),
		cmocka_unit_test(several_kinds_make_a_record),
		cmocka_unit_test(remembers_no_more_than_it_may),
		cmocka_unit_test(cuts_sessions),
		cmocka_unit_test(session_table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
