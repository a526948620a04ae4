// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/smtp/smtp.h"
#include "sensor/app/testapp.h"

enum { STEPS_MAX = 16, TRANSACTIONS_MAX = 4, EVENTS_MAX = 4 };

#define CONFIG                                                                                                         \
	"%YAML 1.1\n---\noutputs:\n  - eve-log:\n      enabled: yes\n      types:\n        - files:\n"                 \
	"            force-hash: [md5]\n"

struct step {
	enum sensor_dir dir;
	const char *text; /* null: the end */
};

/* What a transaction must look like; null: absent. */
struct wanted {
	const char *from, *to, *subject, *url, *file, *md5;
	const char *events[EVENTS_MAX];
	bool complete;
};

struct dialogue {
	const char *name;
	struct step steps[STEPS_MAX];
	struct wanted wanted[TRANSACTIONS_MAX];
	unsigned int count;
};

#define GREETING                                                                                                       \
	{ TO_CLIENT, "220-mail.example\r\n220 ready\r\n" },                                                            \
	{                                                                                                              \
		TO_SERVER, "EHLO me\r\n"                                                                               \
	}
#define PLAIN                                                                                                          \
	{                                                                                                              \
		TO_CLIENT, "250-mail.example\r\n250 CHUNKING\r\n"                                                      \
	}
#define PIPES                                                                                                          \
	{                                                                                                              \
		TO_CLIENT, "250-mail.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n"                                    \
	}
#define ENVELOPE "MAIL FROM:<a@x> SIZE=10\r\nRCPT TO: <b@y>\r\n"

static const struct dialogue dialogues[] = {
	{ "one mail",
		{ GREETING, PLAIN, { TO_SERVER, "mail from: <a@x>\r\n" }, { TO_CLIENT, "250 ok\r\n" },
			{ TO_SERVER, "RCPT TO:<b@y>\r\nDATA\r\n" }, { TO_CLIENT, "250 ok\r\n354 go\r\n" },
			{ TO_SERVER,
				"Subject: one\r\n two\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
				"--b\r\n\r\nsee http://u.example/ there\r\n--b\r\nContent-Disposition: attachment;\r\n"
				"\tfilename=\"f.bin\"\r\nContent-Transfer-Encoding: "
				"base64\r\n\r\nYWJj\r\n--b--\r\n.\r\n" },
			{ TO_CLIENT, "250 queued\r\n" }, { TO_SERVER, "QUIT\r\n" }, { TO_CLIENT, "221 bye\r\n" } },
		{ { "<a@x>", "<b@y>", "onetwo", "u.example/", "f.bin", "900150983cd24fb0d6963f7d28e17f72", { NULL },
			true } },
		1 },
	{ "pipelining, two mails",
		{ GREETING, PIPES,
			{ TO_SERVER, ENVELOPE "DATA\r\nSubject: s\r\n\r\n..\r\n.\r\nRSET\r\n" ENVELOPE "DATA\r\n" },
			{ TO_CLIENT,
				"250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n" },
			{ TO_SERVER, "Subject: t\r\n.\r\n" }, { TO_CLIENT, "250 ok\r\n" } },
		{ { "<a@x>", "<b@y>", "s", NULL, NULL, NULL, { "invalid_pipelined_sequence" }, true },
			{ "<a@x>", "<b@y>", "t", NULL, NULL, NULL, { NULL }, true } },
		2 },
	{ "chunks",
		{ GREETING, PLAIN, { TO_SERVER, ENVELOPE "BDAT 5\r\nab\r\n.BDAT 3 last \r\nxyzmail from:<c@z>\r\n" },
			{ TO_CLIENT, "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n" },
			{ TO_SERVER, "BDAT 5 X\r\nBDAT\r\nBDAT5\r\nBDAT 0 LAST\r\n" },
			{ TO_CLIENT, "501 no\r\n501 no\r\n501 no\r\n250 ok\r\n" } },
		{ { "<a@x>", "<b@y>", NULL, NULL, NULL, NULL, { NULL }, true },
			{ "<c@z>", NULL, NULL, NULL, NULL, NULL, { "invalid_bdat" }, true } },
		2 },
	{ "a reset and a second greeting",
		{ GREETING, PLAIN, { TO_SERVER, "MAIL FROM:<a@x>\r\nEHLO me\r\nMAIL FROM:<c@z>\r\nRSET\r\n" },
			{ TO_CLIENT, "250 ok\r\n250-ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n" } },
		{ { "<a@x>", NULL, NULL, NULL, NULL, NULL, { "duplicate_fields" }, true },
			{ "<c@z>", NULL, NULL, NULL, NULL, NULL, { NULL }, true } },
		2 },
	{ "data refused, then taken",
		{ GREETING, PIPES, { TO_SERVER, "DATA\r\n" }, { TO_CLIENT, "503 no\r\n" },
			{ TO_SERVER, ENVELOPE "DATA\r\n" }, { TO_CLIENT, "250 ok\r\n250 ok\r\n354 go\r\n" },
			{ TO_SERVER, "Subject: s\r\n\r\n.\r\n" }, { TO_CLIENT, "250 ok\r\n" } },
		{ { "<a@x>", "<b@y>", "s", NULL, NULL, NULL, { "data_command_rejected" }, true } }, 1 },
	{ "no greeting, bad replies",
		{ { TO_SERVER, "HELO me\r\nNOOP\r\n" }, { TO_CLIENT, "999 what\r\n250 ok\r\n250 more\r\n" } },
		{ { NULL, NULL, NULL, NULL, NULL, NULL,
			{ "no_server_welcome_message", "invalid_reply", "unable_to_match_reply_with_request" },
			false } },
		1 },
	{ "TLS refused", { GREETING, PLAIN, { TO_SERVER, "STARTTLS\r\n" }, { TO_CLIENT, "454 no\r\n" } },
		{ { NULL, NULL, NULL, NULL, NULL, NULL, { "tls_rejected" }, false } }, 1 },
};

/* ---- Running ---- */

/* Step 'cut_step' is cut at 'cut'; cut_step == STEPS_MAX: every step byte by byte, and more: none is cut. */
static void run(struct testapp *app, const struct dialogue *dialogue, size_t cut_step, size_t cut)
{
	testapp_init(app, 6, 25, CONFIG);
	for (size_t i = 0; i < STEPS_MAX && dialogue->steps[i].text; i++) {
		struct bytes text = bytes_from_str(dialogue->steps[i].text);

		if (i == cut_step && cut < text.size) {
			testapp_piece(app, dialogue->steps[i].dir, bytes_first(text, cut), 0);
			testapp_piece(app, dialogue->steps[i].dir, bytes_skip(text, cut), 0);
		} else {
			testapp_stream(app, dialogue->steps[i].dir, text, cut_step == STEPS_MAX ? 1 : 0);
		}
	}
}

static void check_buffer(struct testapp *app, struct app_tx *tx, const char *name, const char *wanted)
{
	char text[256];

	assert_string_equal(testapp_buffer(app, tx, name, TO_SERVER, 0, text, sizeof(text)), wanted ? wanted : "");
}

static void check_file(const struct app_tx *tx, const struct wanted *wanted)
{
	const struct file *file = tx->files[TO_SERVER] ? tx->files[TO_SERVER]->first : NULL;
	char text[DIGEST_HEX_SIZE];

	if (!wanted->file) {
		assert_null(file);
		return;
	}
	assert_non_null(file);
	assert_true(bytes_equal_str(file->name, wanted->file));
	assert_int_equal(file->state, FILE_CLOSED);
	assert_true(file->has_md5);
	assert_string_equal(digest_hex(bytes_of(file->md5, sizeof(file->md5)), text), wanted->md5);
}

static void check_events(const struct app_tx *tx, const struct wanted *wanted)
{
	uint8_t count = 0;

	for (; count < EVENTS_MAX && wanted->events[count]; count++)
		assert_true(testapp_tx_has_event(tx, wanted->events[count]));
	assert_int_equal(tx->event_count, count);
}

static void check(struct testapp *app, const struct dialogue *dialogue)
{
	struct app_tx *tx = app->flow.app->first;

	assert_int_equal(app->flow.app->tx_count, dialogue->count);
	for (unsigned int i = 0; i < dialogue->count; i++, tx = tx->next) {
		const struct wanted *wanted = &dialogue->wanted[i];

		assert_non_null(tx);
		check_buffer(app, tx, "smtp.helo", "me");
		check_buffer(app, tx, "smtp.mail_from", wanted->from);
		check_buffer(app, tx, "smtp.rcpt_to", wanted->to);
		check_buffer(app, tx, "email.subject", wanted->subject);
		check_buffer(app, tx, "email.url", wanted->url);
		check_file(tx, wanted);
		check_events(tx, wanted);
		assert_int_equal(app_tx_complete(tx, TO_SERVER) && app_tx_complete(tx, TO_CLIENT), wanted->complete);
	}
}

static void all_dialogues(void **state)
{
	struct testapp app;

	for (size_t i = 0; i < ARRAY_COUNT(dialogues); i++) {
		print_message("%s\n", dialogues[i].name);
		for (size_t step = 0; step <= STEPS_MAX + 1; step++) {
			const char *text = step < STEPS_MAX ? dialogues[i].steps[step].text : NULL;

			for (size_t cut = 1; cut < (text ? strlen(text) : 2); cut++) {
				run(&app, &dialogues[i], step, cut);
				check(&app, &dialogues[i]);
				testapp_done(&app);
			}
		}
	}
}

/* The beginning is kept, the rest is skipped, and what follows is read. */
static void long_lines(void **state)
{
	static const char greeting[] = "220 mail.example\r\n";
	char line[6000];
	struct testapp app;
	struct smtp_state *smtp;

	memset(line, 'a', sizeof(line));
	memcpy(line, "EHLO ", 5);
	memcpy(line + sizeof(line) - 18, "\r\nMAIL FROM:<b>\r\n", 18);
	for (size_t cut = 4090; cut < 4100; cut++) {
		testapp_init(&app, 6, 25, NULL);
		testapp_stream(&app, TO_CLIENT, bytes_from_str(greeting), 0);
		testapp_stream(&app, TO_SERVER, bytes_of(line, sizeof(line) - 1), cut);
		smtp = app.flow.app->state;
		assert_int_equal(smtp->helo.size, 4096 - 5);
		check_buffer(&app, app.flow.app->first, "smtp.mail_from", "<b>");
		assert_true(testapp_tx_has_event(app.flow.app->first, "truncated_line"));
		testapp_done(&app);
	}
}

/* Behind the reply to STARTTLS nothing is SMTP. */
static void tls(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 25, NULL);
	testapp_stream(&app, TO_CLIENT, bytes_from_str("220 mail.example\r\n"), 0);
	testapp_stream(&app, TO_SERVER, bytes_from_str("EHLO me\r\nSTARTTLS\r\n"), 0);
	testapp_stream(&app, TO_CLIENT, bytes_from_str("250 ok\r\n220 go\r\n"), 0);
	assert_true(app_tx_complete(app.flow.app->first, TO_CLIENT));
	app.flow.app->first->logged = true;
	app_conn_clean(app.flow.app, false);
	testapp_stream(&app, TO_SERVER, bytes_of("\x16\x03\x01\0\x05\x01\0\0\x01\0", 10), 0);
	assert_string_equal(app.flow.app->protocol->name, "tls");
	assert_non_null(app.flow.app->protocol_original);
	assert_string_equal(app.flow.app->protocol_original->name, "smtp");
	testapp_done(&app);
}

static void raw_extraction(void **state)
{
	struct testapp app;
	const struct file *file;

	testapp_init(&app, 6, 25,
		"%YAML 1.1\n---\napp-layer:\n  protocols:\n    smtp:\n      raw-extraction: yes\n      mime:\n"
		"        decode-mime: no\n");
	testapp_stream(&app, TO_CLIENT, bytes_from_str("220 mail.example\r\n"), 0);
	testapp_stream(&app, TO_SERVER, bytes_from_str("EHLO me\r\nDATA\r\n"), 0);
	testapp_stream(&app, TO_CLIENT, bytes_from_str("250 ok\r\n354 go\r\n"), 0);
	testapp_stream(&app, TO_SERVER, bytes_from_str("A: b\r\n\r\n..c\r\n.\r\n"), 0);
	assert_non_null(app.flow.app->first->files[TO_SERVER]);
	file = app.flow.app->first->files[TO_SERVER]->first;
	assert_true(bytes_equal_str(file->name, "rawmsg"));
	assert_int_equal(file->size, 13);
	assert_int_equal(file->state, FILE_CLOSED);
	testapp_done(&app);
}

static void record(void **state)
{
	static const char wanted[] =
		"{\"smtp\":{\"helo\":\"me\",\"mail_from\":\"<a@x>\",\"rcpt_to\":[\"<b@y>\"]},"
		"\"email\":{\"status\":\"PARSE_DONE\",\"attachment\":[\"f.bin\"],\"url\":[\"u.example/\"]}}";
	struct testapp app;
	struct jsonw json;
	struct bytes text;

	run(&app, &dialogues[0], STEPS_MAX + 1, 0);
	jsonw_init(&json, 1 << 16);
	jsonw_object_begin(&json);
	assert_true(smtp_log(app.flow.app->first, &app.flow, true, &json));
	jsonw_object_end(&json);
	assert_int_equal(jsonw_text(&json, &text), 0);
	assert_string_equal((const char *)text.ptr, wanted);
	jsonw_done(&json);
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_dialogues),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(tls),
		cmocka_unit_test(raw_extraction),
		cmocka_unit_test(record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
