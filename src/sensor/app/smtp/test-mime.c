// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sensor/app/smtp/mime.h"

enum { FILES_MAX = 8, FILE_MAX = 8192 };

struct taken {
	char names[FILES_MAX][MIME_FILE_NAME_MAX + 1];
	char data[FILES_MAX][FILE_MAX];
	size_t sizes[FILES_MAX];
	bool closed[FILES_MAX];
	size_t count;
};

static void *take_open(void *context, struct bytes name)
{
	struct taken *taken = context;

	assert_true(taken->count < FILES_MAX);
	assert_true(bytes_to_str(name, taken->names[taken->count], sizeof(taken->names[0])));
	return &taken->sizes[taken->count++];
}

static void take_append(void *context, void *file, struct bytes data)
{
	struct taken *taken = context;
	size_t *size = file, index = (size_t)(size - taken->sizes);

	assert_true(*size + data.size < FILE_MAX);
	memcpy(taken->data[index] + *size, data.ptr, data.size);
	*size += data.size;
}

static void take_close(void *context, void *file)
{
	struct taken *taken = context;
	size_t *size = file;

	taken->closed[size - taken->sizes] = true;
}

static const struct mime_sink sink = { take_open, take_append, take_close };

static struct mime_config config_default(void)
{
	return (struct mime_config){ .decode_base64 = true,
		.decode_quoted_printable = true,
		.extract_urls = true,
		.header_value_max_size = 2000,
		.scheme_count = 1,
		.schemes = { "http" } };
}

/* Lines as the mail protocol would give them. */
static void feed(struct mime *mime, const char *text)
{
	struct bytes rest = bytes_from_str(text);

	while (rest.size) {
		size_t end = bytes_index(rest, '\n');
		size_t end_size = end == rest.size ? 0 : end > 0 && rest.ptr[end - 1] == '\r' ? 2 : 1;

		mime_line(mime, bytes_first(rest, end + 1), end_size);
		rest = bytes_skip(rest, end + 1);
	}
	mime_end(mime);
}

struct run {
	struct arena arena;
	struct mime_config config;
	struct mime mime;
	struct taken taken;
};

static struct run *run_new(const char *text)
{
	struct run *run = calloc(1, sizeof(*run));

	assert_non_null(run);
	arena_init(&run->arena, 1 << 20);
	run->config = config_default();
	assert_true(mime_init(&run->mime, &run->config, &run->arena, &sink, &run->taken, true));
	feed(&run->mime, text);
	return run;
}

static void run_free(struct run *run)
{
	mime_done(&run->mime);
	arena_done(&run->arena);
	free(run);
}

/* ---- Parameters ---- */

static void parameters(void **state)
{
	static const struct {
		const char *value, *name, *wanted; /* null: absent */
	} rows[] = {
		{ "attachment; filename=a.txt", "filename", "a.txt" },
		{ "attachment; filename=\"a b.txt\"; size=3", "filename", "a b.txt" },
		{ "attachment; FileName = \"a\\\"b\" ", "filename", "a\"b" },
		{ "attachment; filename=\"a;b\"", "filename", "a;b" },
		{ "attachment; filename=\"open", "filename", "open" },
		{ "attachment;filename=a b ;x=y", "filename", "a b" },
		{ "attachment; name=x", "filename", NULL },
		{ "attachment", "filename", NULL },
		{ "", "filename", NULL },
		{ "filename=x", "filename", NULL },
		{ "a; filename*0=\"one\"; filename*1=two; filename*2=.zip", "filename", "onetwo.zip" },
		{ "a; filename*1=b; filename*0=a", "filename", "ab" },
		{ "a; filename*0=a; filename*2=c", "filename", "a" },
		{ "a; filename*1=b", "filename", NULL },
		{ "a; filename*=utf-8'vi'L%C5%A9y%20Tre", "filename", "L\xc5\xa9y Tre" },
		{ "a; filename*0*=us-ascii'en'a%20; filename*1*=%2; filename*2=%20", "filename", "a %2%20" },
		{ "a; filename*=bare%41", "filename", "bareA" },
		{ "a; filename*99999999999999999999=b", "filename", NULL },
		{ "a; filename*x=b", "filename", NULL },
		{ "a; ; ;=; filename=b", "filename", "b" },
	};
	char text[64];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct arena arena;
		struct bytes found;

		arena_init(&arena, 1 << 16);
		if (!mime_parameter(bytes_from_str(rows[i].value), rows[i].name, &arena, &found)) {
			assert_null(rows[i].wanted);
		} else {
			assert_non_null(rows[i].wanted);
			assert_true(bytes_to_str(found, text, sizeof(text)));
			assert_string_equal(text, rows[i].wanted);
		}
		arena_done(&arena);
	}
}

/* ---- Bodies ---- */

/* One attachment in a message of two parts. */
#define MIXED(headers, body)                                                                                           \
	"Content-Type: multipart/mixed; boundary=\"xx\"\r\n\r\npreamble\r\n--xx\r\nContent-Type: a/b; "                \
	"name=f\r\n" headers "\r\n" body "\r\n--xx--\r\nepilogue\r\n"

static void bodies(void **state)
{
	static const struct {
		const char *text, *wanted;
		uint32_t trouble;
	} rows[] = {
		{ MIXED("", "plain"), "plain", 0 },
		{ MIXED("", "one\r\n\r\ntwo"), "one\r\n\r\ntwo", 0 },
		{ MIXED("", "..stuffed\r\n--xy\r\n-- xx"), ".stuffed\r\n--xy\r\n-- xx", 0 },
		{ MIXED("", ""), "", 0 },
		{ MIXED("Content-Transfer-Encoding: base64\r\n", "aGVsbG8="), "hello", 0 },
		{ MIXED("Content-Transfer-Encoding: BASE64 \r\n", "aGVs\r\nbG8"), "hello", 0 },
		{ MIXED("Content-Transfer-Encoding: base64\r\n", "aGV sbG8=\r\naGVsbG8h"), "hellohello!", 0 },
		{ MIXED("Content-Transfer-Encoding: base64\r\n", "aG!Vs"), "hel", 1 << MIME_BAD_BASE64 },
		{ MIXED("Content-Transfer-Encoding: quoted-printable\r\n", "a=3Db=\r\nc \t\r\nd"), "a=bc\r\nd", 0 },
		{ MIXED("Content-Transfer-Encoding: quoted-printable\r\n", "a=zb=4"), "a=zb=4", 1 << MIME_BAD_QP },
		{ MIXED("Content-Transfer-Encoding: quoted-printable\r\n", "a=4zb="), "a=4zb", 1 << MIME_BAD_QP },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct run *run = run_new(rows[i].text);

		assert_int_equal(run->taken.count, 1);
		assert_true(run->taken.closed[0]);
		assert_string_equal(run->taken.names[0], "f");
		assert_int_equal(run->taken.sizes[0], strlen(rows[i].wanted));
		assert_memory_equal(run->taken.data[0], rows[i].wanted, run->taken.sizes[0]);
		assert_int_equal(run->mime.trouble, rows[i].trouble);
		run_free(run);
	}
}

/* A long line comes in pieces: what comes out is the same wherever it is cut. */
static void pieces(void **state)
{
	static const struct {
		const char *encoding, *line, *wanted;
	} rows[] = {
		{ "7bit", "some text", "some text" },
		{ "quoted-printable", "x=3Dy=E1=", "x=y\xe1" },
		{ "quoted-printable", "x=4zy=zz", "x=4zy=zz" },
		{ "base64", "aGVsbG8gd29ybGQ=", "hello world" },
	};
	char header[64];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct bytes line = bytes_from_str(rows[i].line);

		snprintf(header, sizeof(header), "Content-Transfer-Encoding: %s\r\n", rows[i].encoding);
		for (size_t cut = 1; cut <= line.size; cut++) {
			struct run *run = calloc(1, sizeof(*run));

			assert_non_null(run);
			arena_init(&run->arena, 1 << 20);
			run->config = config_default();
			assert_true(mime_init(&run->mime, &run->config, &run->arena, &sink, &run->taken, false));
			mime_line(&run->mime, bytes_from_str("Content-Type: a/b; name=f\r\n"), 2);
			mime_line(&run->mime, bytes_from_str(header), 2);
			mime_line(&run->mime, bytes_from_str("\r\n"), 2);
			mime_line(&run->mime, bytes_first(line, cut), 0);
			mime_flush(&run->mime);
			mime_line(&run->mime, bytes_skip(line, cut), 0);
			mime_line(&run->mime, bytes_from_str("\r\n"), 2);
			mime_end(&run->mime);
			assert_int_equal(run->taken.sizes[0], strlen(rows[i].wanted));
			assert_memory_equal(run->taken.data[0], rows[i].wanted, strlen(rows[i].wanted));
			run_free(run);
		}
	}
}

/* ---- Structure ---- */

static void nested(void **state)
{
	struct run *run =
		run_new("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
			"Content-Type: multipart/alternative; boundary=bD\r\n\r\n"
			"--bD\r\n\r\ntext http://one.example/x \"http://two.example\"\r\n"
			"--bD\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"
			"PGEgaHJlZj0iSFRUUDovL3RocmVlLmV4YW1wbGUvIj4=\r\n--bD--\r\n"
			"--b\r\nContent-Type: message/rfc822; name=m.eml\r\n\r\n"
			"Subject: inner\r\nContent-Disposition: attachment;\r\n filename=in.txt\r\n\r\nfile\r\n"
			"--b--\r\nhttp://not.this\r\n");

	assert_int_equal(run->taken.count, 1);
	assert_string_equal(run->taken.names[0], "in.txt");
	assert_int_equal(run->taken.sizes[0], 4);
	assert_int_equal(run->mime.attachments.count, 2);
	assert_int_equal(run->mime.urls.count, 3);
	assert_true(bytes_equal_str(run->mime.urls.first->text, "one.example/x"));
	assert_true(bytes_equal_str(run->mime.urls.first->next->text, "two.example"));
	assert_true(bytes_equal_str(run->mime.urls.last->text, "three.example/"));
	assert_null(mime_header(&run->mime, "subject"));
	assert_int_equal(run->mime.trouble, 0);
	run_free(run);
}

static void headers(void **state)
{
	struct run *run = run_new(
		"From: a\r\nRECEIVED: one\r\n\ttwo\r\n  three\r\nno colon\r\n lost\r\nReceived : four\r\n\r\nbody");
	const struct mime_text *header = mime_header(&run->mime, "received");

	assert_non_null(header);
	assert_true(bytes_equal_str(header->text, "onetwothree"));
	header = mime_header_next(header);
	assert_non_null(header);
	assert_true(bytes_equal_str(header->text, "four"));
	assert_null(mime_header_next(header));
	assert_int_equal(run->mime.trouble, 1 << MIME_MALFORMED);
	run_free(run);
}

static void too_long(void **state)
{
	static const struct {
		const char *before;
		char fill;
		size_t count;
		const char *behind;
		uint32_t trouble;
	} rows[] = {
		{ "", 'n', 75, ": v\r\n\r\n", 0 },
		{ "", 'n', 76, ": v\r\n\r\n", 1 << MIME_LONG_HEADER_NAME },
		{ "A: ", 'v', 995, "\r\n\r\n", 0 },
		{ "A: ", 'v', 996, "\r\n\r\n", 1 << MIME_LONG_LINE },
		{ "A: ", 'v', 2001, "\r\n\r\n", 1 << MIME_LONG_LINE | 1 << MIME_LONG_HEADER_VALUE },
		{ "Content-Type: multipart/x; boundary=", 'b', 254, "\r\n\r\n", 0 },
		{ "Content-Type: multipart/x; boundary=", 'b', 255, "\r\n\r\n", 1 << MIME_LONG_BOUNDARY },
		{ "Content-Type: a/b; name=", 'f', 255, "\r\n\r\n", 0 },
		{ "Content-Type: a/b; name=", 'f', 256, "\r\n\r\n", 1 << MIME_LONG_FILE_NAME },
		{ "Content-Transfer-Encoding: base64\r\n\r\n", 'A', 76, "\r\n", 0 },
		{ "Content-Transfer-Encoding: base64\r\n\r\n", 'A', 77, "\r\n", 1 << MIME_LONG_ENCODED_LINE },
	};
	char text[4096];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct run *run;
		size_t at = strlen(rows[i].before);

		memcpy(text, rows[i].before, at);
		memset(text + at, rows[i].fill, rows[i].count);
		memcpy(text + at + rows[i].count, rows[i].behind, strlen(rows[i].behind) + 1);
		run = run_new(text);
		assert_int_equal(run->mime.trouble, rows[i].trouble);
		run_free(run);
	}
}

/* RFC 1321, section A.5: of "abc"; the digest is over what was sent. */
static void body_digest(void **state)
{
	struct run *run = run_new("From: a\r\n\r\nabc");

	assert_true(run->mime.has_md5);
	assert_string_equal(run->mime.md5_text, "900150983cd24fb0d6963f7d28e17f72");
	run_free(run);
}

static void too_deep(void **state)
{
	char text[8192] = "Content-Type: multipart/x; boundary=b0\r\n\r\n";
	size_t at = strlen(text);
	struct run *run;

	for (int i = 0; i < 2 * MIME_DEPTH_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
			"--b%d\r\nContent-Type: multipart/x; boundary=b%d\r\n\r\n", i, i + 1);
	run = run_new(text);
	assert_int_equal(run->mime.boundary_count, MIME_DEPTH_MAX);
	assert_int_equal(run->mime.trouble, 1 << MIME_MALFORMED);
	run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters),
		cmocka_unit_test(bodies),
		cmocka_unit_test(pieces),
		cmocka_unit_test(nested),
		cmocka_unit_test(headers),
		cmocka_unit_test(too_long),
		cmocka_unit_test(body_digest),
		cmocka_unit_test(too_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
