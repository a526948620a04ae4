// SPDX-License-Identifier: Apache-2.0
/* Multipart forms: what is told, the error, and each flag. */
#include "gate/body/testbody.h"

#define FILE_HEAD          "Content-Disposition: form-data; name=\"f\"; filename=\"x.txt\"" NL "Content-Type: text/plain" NL NL
#define FIELD(name, value) "--0000" NL CD name NL NL value
#define ONE                FIELD("a", "1")

/* Letters of the flags, in the order of struct multipart_flags; the digit is unmatched_boundary. */
static void flags_text(const struct multipart_flags *flags, char *text)
{
	const bool all[] = { flags->boundary_quoted, flags->boundary_whitespace, flags->data_before, flags->data_after,
		flags->header_folding, flags->lf_line, flags->crlf_lf_lines, flags->missing_semicolon,
		flags->invalid_quoting, flags->invalid_part, flags->invalid_header_folding, flags->file_limit_exceeded,
		flags->strict_error };

	*text++ = (char)('0' + flags->unmatched_boundary);
	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		if (all[i])
			*text++ = "qwbaflmsipFLX"[i];
	}
	*text = '\0';
}

struct multipart_case {
	const char *body;
	const char *told;
	const char *flags;
	const char *error; /* behind the prefix */
};

#define MISSING "Multipart: Final boundary missing."

static const struct multipart_case cases[] = {
	{ ONE LAST, "a=1|", "2", NULL },
	{ ONE NL "--0000--", "a=1|", "0", NULL },
	{ FIELD("\"a\"", "1") NL FIELD("\"b\"", "2") NL "--0000" NL FILE_HEAD "BINA" NL "RYDATA" LAST,
		"a=1|b=2|file f/x.txt/12/BINA\r\nRYDATA|", "2", NULL },
	{ FIELD("a", "1" NL NL "2\n3\n\n4") LAST, "a=1234|", "2", NULL },
	{ FIELD("a", "") LAST, "a=|", "2", NULL },
	{ "--0000" NL FILE_HEAD LAST, "file f/x.txt/0/|", "2", NULL },
	{ "--0000" NL FILE_HEAD "q\nr" NL "s\n" NL "\n--0000--" NL, "file f/x.txt/9/q\nr\r\ns\n\r\n|", "2lmX", NULL },
	{ "--0000" NL FILE_HEAD "q" NL "-" NL "--" NL "-x-" NL LAST, "file f/x.txt/15/q\r\n-\r\n--\r\n-x-\r\n|", "2",
		NULL },
	/* Where the end is not in order nothing is told. */
	{ ONE NL "--0000" NL CD "b" NL NL "2", "", "2", MISSING },
	{ ONE, "", "0", MISSING },
	{ ONE NL "--0000--\r", "", "0", MISSING },
	{ ONE NL "--0000-" NL, "", "2X", MISSING },
	{ ONE NL "--0000x" LAST, "", "2X", MISSING },
	{ ONE NL "-- 0000" LAST, "", "0X", MISSING },
	{ "abc", "", "0", "Multipart: No boundaries found in payload." },
	{ "abc" NL, "", "0bX", "Multipart: No boundaries found in payload." },
	/* Boundaries that are none. */
	{ FIELD("a", "--test") NL "--0000--", "a=--test|", "1", NULL },
	{ FIELD("a", "--test") LAST, "a=--test|", "2", NULL },
	{ FIELD("a", "1--0000") NL "--0000--", "a=1--0000|", "1", NULL },
	{ FIELD("a", "--") NL "--0000--", "a=--|", "1", NULL },
	{ FIELD("a", "--") "\n--0000--", "a=--|", "0lmX", NULL }, /* a line of three bytes is too short */
	{ "--zz" NL ONE NL "--0000--", "a=1|", "1bX", NULL },
	{ "--0000" NL CD "a" NL NL "--0000--" NL, "", "0pX", MISSING },
	{ "--0000" NL CD "a" NL NL "--0000--", "a=|", "0pX", NULL },
	{ FIELD("a", "--0000" NL CD "b" NL NL "x") LAST, "a=--0000Content-Disposition: form-data; name=bx|", "2pX",
		NULL },
	/* Around. */
	{ "x" NL ONE LAST "xxx", "a=1|", "2baX", NULL },
	{ ONE LAST "--0000--" NL, "a=1|", "2aX", NULL },
	/* Line ends. */
	{ "--0000\n" CD "a\n\n1\n--0000--\n", "a=1|", "2lX", NULL },
	{ "--0000\n" CD "a" NL NL "1\n--0000--\n", "a=1|", "2lmX", NULL },
	{ ONE "\n--0000--" NL, "a=1|", "2lmX", NULL },
	{ ONE "\n--0000--", "a=1|", "0lmX", NULL },
	/* Headers: a wrong line is left out. */
	{ "--0000" NL "Content-Disposition: form-data;" NL "\tname=a" NL NL "1" LAST, "a=1|", "2fX", NULL },
	{ "--0000" NL "Content-Disposition: form-data;" NL "\fname=a" NL NL "1" LAST, "a=1|", "2fFX", NULL },
	{ "--0000" NL " x" NL CD "a" NL NL "V" LAST, "a=V|", "2fX", "Multipart: Invalid part header (folding error)." },
	{ "--0000" NL ":x" NL CD "a" NL NL "V" LAST, "a=V|", "2",
		"Multipart: Invalid part header (header name missing)." },
	{ "--0000" NL "x" NL CD "a" NL NL "V" LAST, "a=V|", "2",
		"Multipart: Invalid part header (colon missing): x\r\n" },
	{ "--0000" NL NL CD "a" NL NL "V" LAST, "a=V|", "2", "Multipart: Part missing Content-Disposition header." },
	{ "--0000" NL "Content-Disposition: form-data" NL NL " ; name=a" NL NL "V" LAST, "a=V|", "2fX",
		"Multipart: Content-Disposition header missing name field." },
	{ "--0000" NL CD "a" NL "content-disposition: x" NL NL "V" LAST, "a=V|", "2", NULL },
	/* Later than 3.0.9: names of headers. */
	{ "--0000" NL "X Y: z" NL CD "a" NL NL "V" LAST, "a=V|", "2",
		"Multipart: Invalid part header (contains invalid character)." },
};

static void multipart_bodies(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(cases) * ARRAY_COUNT(feedings); i++) {
		const struct multipart_case *test = &cases[i / ARRAY_COUNT(feedings)];
		struct outcome outcome = { 0 };
		char flags[16];

		run(BODY_MULTIPART, CT, bytes_from_str(test->body), &default_limits,
			&feedings[i % ARRAY_COUNT(feedings)], false, &outcome);
		flags_text(&outcome.result.multipart, flags);
		assert_string_equal(outcome.talk.text, test->told);
		assert_string_equal(flags, test->flags);
		assert_int_equal(outcome.result.error, test->error != NULL);
		if (test->error) {
			assert_memory_equal(outcome.result.message, "Multipart parsing error: ", 25);
			assert_string_equal(outcome.result.message + 25, test->error);
		}
	}
}

/* The value of Content-Disposition behind "form-data"; 0 or the number in the trace. */
static const struct {
	const char *value;
	int error;
	const char *told;
	bool quoting;
} dispositions[] = {
	{ "; name=a", 0, "name a|a=V|", false },
	{ ";name=\"a\";filename=\"b\"", 0, "name a|filename b|file a/b/1/V|", false },
	{ "\t;\tname=\"a\"\t;\tfilename=\"b\"\t", 0, "name a|filename b|file a/b/1/V|", false },
	{ "; name=\"a\\b\\\"\\\\\"", 0, "name a\\b\"\\|a\\b\"\\=V|", false },
	{ "; name='a\"b'", 0, "name a\"b|a\"b=V|", true },
	{ "; name=\"a'b\"", 0, "name a'b|a'b=V|", false },
	{ "; name=a'b", 0, "name a'b|a'b=V|", true },
	{ "; name=\"\"; name=b", 0, "name |name b|b=V|", false },
	{ "; name=a; filename=\"\"", 0, "name a|filename |a=V|", false },
	{ "; name=a; filename=\"f\"; filename*=UTF-8'en'x%41%20", 0, "name a|filename f|file a/f/1/V|", false },
	{ "; name=a; filename*=UTF-8''x; filename=\"f\"", 0, "name a|filename f|file a/f/1/V|", false },
	{ " x; name=a", -2, "", false },
	{ "; name=a; ", -3, "name a|", false },
	{ "; name", -4, "", false },
	{ "; name ", -5, "", false },
	{ "; name=", -6, "", false },
	{ "; name=\"", -7, "", false },
	{ "; name=\"a\\", -8, "", false },
	{ "; NAME=a", -11, "", false },
	{ "; name=a; foo=b", -11, "name a|", false },
	{ "; name=a b", -12, "name a|", false },
	{ "; name=\"a", -12, "name a|", false },
	{ "; name=\"a\"b", -12, "name a|", true },
	{ "; name=a/b", -12, "name a|", false },
	{ "; name a", -13, "", false },
	{ "; name=a; name=b", -14, "name a|name b|", false },
	{ "; name=a; filename=x; filename=y", -15, "name a|filename x|filename y|", false },
	{ "; name=a; filename=f; filename*=''x", -16, "name a|filename f|", false },
	{ "; name=a; filename=f; filename*=\"UTF-8''x\"", -16, "name a|filename f|", false },
	{ "; name=a; filename=f; filename*=UTF-8'x", -17, "name a|filename f|", false },
	{ "; name=a; filename=f; filename*=UTF-8''x%zz", -18, "name a|filename f|", false },
	{ "; name=a; filename=f; filename*=UTF-8''x y", -19, "name a|filename f|", false },
	{ "; name=a; filename=f; filename*=UTF-8''x; filename*=UTF-8''y", -20, "name a|filename f|", false },
	{ "; name=a; filename*=UTF-8''x", -21, "name a|", false },
};

static void dispositions_are_judged(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(dispositions); i++) {
		struct outcome outcome = { .talk.names = true };
		char body[256];
		char wanted[160];

		snprintf(body, sizeof(body), "--0000" NL "Content-Disposition: form-data%s" NL NL "V" LAST,
			dispositions[i].value);
		run(BODY_MULTIPART, CT, bytes_from_str(body), &default_limits, &feedings[0], false, &outcome);
		assert_string_equal(outcome.talk.text, dispositions[i].told);
		assert_int_equal(outcome.result.multipart.invalid_quoting, dispositions[i].quoting);
		assert_int_equal(outcome.result.error, dispositions[i].error != 0);
		if (!dispositions[i].error)
			continue;
		outcome.talk.trace = true;
		run(BODY_MULTIPART, CT, bytes_from_str(body), &default_limits, &feedings[0], false, &outcome);
		snprintf(wanted, sizeof(wanted), "Multipart: Invalid Content-Disposition header (%d): form-data%s|",
			dispositions[i].error, dispositions[i].value);
		assert_non_null(strstr(outcome.talk.text, wanted));
	}
}

/* 'flags' as above; 'error' behind "Multipart: ". */
static const struct {
	const char *content_type;
	const char *flags;
	const char *error;
} types[] = {
	{ "multipart/form-data; boundary=0000", "2", NULL },
	{ "MULTIPART/Form-Data; boundary=0000", "2", NULL },
	{ "multipart/form-data; boundary=0000;charset=x", "2", NULL },
	{ "multipart/form-data; boundary=\"0000\"", "2qX", NULL },
	{ "multipart/form-data boundary=0000", "2sX", NULL },
	{ "multipart/form-data; boundary =0000", "2wX", NULL },
	{ "multipart/form-data; boundary= 0000", "1wbX", "No boundaries found in payload." },
	{ "multipart/form-data; boundary=0000, charset=x", "1bX", "No boundaries found in payload." },
	{ "multipart/mixed; boundary=0000", "0X", "Invalid MIME type." },
	{ "multipart/form-data", "0X", "Boundary not found in C-T." },
	{ "multipart/form-data; boundary", "0X", "Invalid boundary in C-T (malformed)." },
	{ "multipart/form-data, boundary=0000", "0X", "Invalid boundary in C-T (malformed)." },
	{ "multipart/form-data;; boundary=0000", "0X", "Invalid boundary in C-T (malformed)." },
	{ "multipart/form-data; charset=x; boundary=0000", "0X", "Invalid boundary in C-T (malformed)." },
	{ "multipart/form-data; bOundAry=0000", "0X", "Invalid boundary in C-T (case sensitivity)." },
	{ "multipart/form-data; boundary123=0000", "0X", "Invalid boundary in C-T (parameter name)." },
	{ "multipart/form-data; boundary=\"0000\"; boundary=1", "0X", "Multiple boundary parameters in C-T." },
	{ "multipart/form-data; boundary=0000, boundary=1", "0X", "Multiple boundary parameters in C-T." },
	{ "multipart/form-data; boundary=0000 ", "0X", "Invalid boundary in C-T (characters)." },
	{ "multipart/form-data; boundary=00!00", "0X", "Invalid boundary in C-T (characters)." },
	{ "multipart/form-data; boundary=\"0000 \"", "0qX", "Invalid boundary in C-T (characters)." },
	{ "multipart/form-data; boundary=\"0000", "0X", "Invalid boundary in C-T (quote)." },
	{ "multipart/form-data; boundary=0000\"", "0X", "Invalid boundary in C-T (quote)." },
	/* 3.0.9 reads nothing then and finds no fault. */
	{ "multipart/form-data; boundary=", "0X", "Invalid boundary in C-T (empty)." },
	{ "multipart/form-data; boundary=\"\"", "0qX", "Invalid boundary in C-T (empty)." },
};

static void boundaries_are_judged(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		struct outcome outcome = { 0 };
		char flags[16];

		run(BODY_MULTIPART, types[i].content_type, bytes_from_str(ONE LAST), &default_limits, &feedings[0],
			false, &outcome);
		flags_text(&outcome.result.multipart, flags);
		assert_string_equal(flags, types[i].flags);
		assert_int_equal(outcome.result.error, types[i].error != NULL);
		assert_string_equal(outcome.talk.text, types[i].error ? "" : "a=1|");
		if (types[i].error)
			assert_string_equal(outcome.result.message + strlen("Multipart parsing error: Multipart: "),
				types[i].error);
	}
}

static void headers_of_parts_are_told(void **state)
{
	static const char body[] = "--0000" NL CD "a" NL "X-Y: a" NL " b" NL "Content-Type:  text/x " NL NL "1" LAST;
	struct outcome outcome = { .talk.headers = true };

	run(BODY_MULTIPART, CT, bytes_from_str(body), &default_limits, &feedings[0], false, &outcome);
	assert_string_equal(outcome.talk.text, "header a/Content-Disposition: form-data; name=a|header a/X-Y: a "
					       "b|header a/Content-Type:  text/x |a=1|");
}

static void the_trace_says_what_modsecurity_says(void **state)
{
	static const char body[] =
		FIELD("\"name\"", "Brian Rectanus") NL FIELD("\"email\"", "brian.rectanus@breach.com") NL
		"--0000" NL "Content-Disposition: form-data; name=\"image\"; filename=\"image.jpg\"" NL
		"Content-Type: image/jpeg" NL NL "BINARYDATA" LAST;
	struct outcome outcome = { .talk.trace = true };

	run(BODY_MULTIPART, CT, bytes_from_str(body), &default_limits, &feedings[0], false, &outcome);
	assert_non_null(strstr(outcome.talk.text, "Multipart: Added file part to the list: name \"image\" file name "
						  "\"image.jpg\" (offset 258, length 10)|"));
}

/* Lines that fill the window to the byte, in which a carriage return must not be parted from its line feed. */
static void long_lines_stay_whole(void **state)
{
	for (size_t size = 4090; size <= 8200; size += size == 4100 ? 4084 : 1) {
		for (size_t i = 0; i < ARRAY_COUNT(feedings); i++) {
			struct body_limits limits = { .args_max = 1, .file_content_max = 100000 };
			struct talk talk = { 0 };
			struct outcome outcome = { 0 };
			char *body = malloc(size + 200);
			size_t head_size;

			assert_non_null(body);
			head_size = (size_t)snprintf(body, 200, "--0000" NL FILE_HEAD);
			memset(body + head_size, 'v', size);
			snprintf(body + head_size + size, 50, "%s", LAST);
			limits.file_content_max = 20;
			run(BODY_MULTIPART, CT, bytes_from_str(body), &limits, &feedings[i], false, &outcome);
			say(&talk, "file f/x.txt/%zu/vvvvvvvvvvvvvvvvvvvv|", size);
			assert_string_equal(outcome.talk.text, talk.text);
			assert_false(outcome.result.error);
			free(body);
		}
	}
}

static void limits_of_files_and_parts(void **state)
{
	static const char files[] = "--0000" NL FILE_HEAD "1" NL "--0000" NL FILE_HEAD "2" LAST;
	struct body_limits limits = { .args_max = 10, .files_max = 1 };
	struct outcome outcome = { 0 };

	run(BODY_MULTIPART, CT, bytes_from_str(files), &limits, &feedings[0], false, &outcome);
	assert_true(outcome.result.multipart.file_limit_exceeded);
	assert_true(outcome.result.multipart.strict_error);
	assert_int_equal(outcome.result.files_count, 2);
	assert_int_equal(outcome.result.files_size, 2);
	assert_string_equal(outcome.talk.text, "file f/x.txt/1/|file f/x.txt/1/|");

	limits = (struct body_limits){ .args_max = 10, .parts_max = 1 };
	run(BODY_MULTIPART, CT, bytes_from_str(files), &limits, &feedings[0], false, &outcome);
	assert_true(outcome.result.error);
	assert_string_equal(outcome.talk.text, "");
}

static void what_is_cut_off_is_told(void **state)
{
	struct outcome outcome = { 0 };

	run(BODY_MULTIPART, CT, bytes_from_str(ONE NL FIELD("b", "22")), &default_limits, &feedings[0], true, &outcome);
	assert_string_equal(outcome.talk.text, "a=1|b=22|");
	assert_false(outcome.result.error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(multipart_bodies),
		cmocka_unit_test(dispositions_are_judged),
		cmocka_unit_test(boundaries_are_judged),
		cmocka_unit_test(headers_of_parts_are_told),
		cmocka_unit_test(the_trace_says_what_modsecurity_says),
		cmocka_unit_test(long_lines_stay_whole),
		cmocka_unit_test(limits_of_files_and_parts),
		cmocka_unit_test(what_is_cut_off_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
