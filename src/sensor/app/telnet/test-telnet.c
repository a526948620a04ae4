// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/frames.h"
#include "sensor/app/testtalk.h"

static const struct testtalk session[] = {
	TALK(TO_CLIENT, "\377\375\045\377\373\003"),
	TALK(TO_SERVER, "\377\374\045\377\372\030\000xterm\377\377\377\360"),
	TALK(TO_CLIENT, "login: \377\373\001"),
	TALK(TO_SERVER, "bob\r\n\377\364\377\375\006ls\r\n"),
	TALK(TO_CLIENT, "\r\nwelcome\r\n$ "),
};

/* Types of the frames of one direction but for the units that hold them, in order, with their sizes. */
static void frames_text(struct testapp *app, enum sensor_dir dir, char *text, size_t size)
{
	const struct app_frame_side *side = &app->flow.app->frames->side[dir];
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < side->count; i++) {
		const char *name = app_frame_type_name(app->flow.app->protocol, side->frames[i].type);

		if (strcmp(name, "pdu") == 0 || strcmp(name, "stream") == 0)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%d ", name, (int)side->frames[i].length);
	}
}

static void check(bool bytewise)
{
	struct testapp app;
	char text[512];

	testapp_init(&app, 6, 23, NULL);
	app.worker->frame_records = true;
	testtalk_force(&app, "telnet");
	assert_non_null(app.flow.app->frames);
	for (size_t i = 0; i < ARRAY_COUNT(session); i++)
		testapp_stream(&app, session[i].dir, bytes_of(session[i].text, session[i].size), bytewise ? 1 : 0);
	frames_text(&app, TO_SERVER, text, sizeof(text));
	assert_string_equal(text, "ctl3 ctl11 ctl2 data5 ctl2 ctl3 data4 ");
	frames_text(&app, TO_CLIENT, text, sizeof(text));
	/* The prompt has no end yet; the command in the middle of the line belongs to it. */
	assert_string_equal(text, "ctl3 ctl3 data12 data9 ");
	testapp_done(&app);
}

static void whole_messages(void **state)
{
	check(false);
}

static void byte_by_byte(void **state)
{
	check(true);
}

/* A line and a subnegotiation without an end are cut, and the session goes on. */
static void endless(void **state)
{
	static uint8_t bytes[10000];
	struct testapp app;

	memset(bytes, 'x', sizeof(bytes));
	testapp_init(&app, 6, 23, NULL);
	testtalk_force(&app, "telnet");
	testapp_stream(&app, TO_SERVER, bytes_of(bytes, sizeof(bytes)), 0);
	assert_int_equal(app.held_size[TO_SERVER], sizeof(bytes) - 8192);
	bytes[0] = 255;
	bytes[1] = 250;
	testapp_stream(&app, TO_CLIENT, bytes_of(bytes, 4096), 0);
	assert_true(app.held_size[TO_CLIENT] < 4096);
	assert_false(app.flow.app->failed);
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_messages),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
