// SPDX-License-Identifier: Apache-2.0
/* Frames as parsers announce them: where they lie, whatever the pieces are in which the bytes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/frames.h"
#include "sensor/app/testapp.h"

#define BYTES(text) bytes_of(text, sizeof(text) - 1)

#define FIRST  "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
#define SECOND "GET /b HTTP/1.1\r\nHost: x\r\n\r\n"

#define QUERY "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01x\x00\x00\x01\x00\x01"

static const struct app_frame *nth(const struct testapp *app, enum sensor_dir dir, uint64_t id)
{
	const struct app_frame *frame = app_frame_find(app->flow.app, dir, id);

	assert_non_null(frame);
	return frame;
}

static void requests_in_pieces(void **state)
{
	static const size_t cuts[] = { 0, 1, 3, 20, sizeof(FIRST) - 1, sizeof(FIRST) + 4 };

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		const struct app_frame *frame;
		struct testapp app;

		testapp_init(&app, 6, 80, NULL);
		app.worker->frame_records = true;
		testapp_stream(&app, TO_SERVER, BYTES(FIRST SECOND), cuts[i]);
		frame = nth(&app, TO_SERVER, 1);
		assert_string_equal(app_frame_type_name(app.flow.app->protocol, frame->type), "stream");
		assert_int_equal(frame->offset, 0);
		assert_int_equal(frame->length, -1);
		frame = nth(&app, TO_SERVER, 2);
		assert_string_equal(app_frame_type_name(app.flow.app->protocol, frame->type), "request");
		assert_int_equal(frame->offset, 0);
		assert_int_equal(frame->length, sizeof(FIRST) - 1);
		assert_int_equal(frame->tx_id, 0);
		assert_true(app_frame_is_complete(app.flow.app, TO_SERVER, frame));
		frame = nth(&app, TO_SERVER, 3);
		assert_int_equal(frame->offset, sizeof(FIRST) - 1);
		assert_int_equal(frame->length, sizeof(SECOND) - 1);
		assert_true(frame->has_tx);
		assert_int_equal(frame->tx_id, 1);
		assert_true(app_frames_waiting(app.flow.app, TO_SERVER));
		assert_false(app_frames_waiting(app.flow.app, TO_CLIENT));
		testapp_done(&app);
	}
}

static void datagrams(void **state)
{
	const struct app_frame *frame;
	struct testapp app;
	struct bytes data;
	uint64_t at;

	(void)state;
	testapp_init(&app, 17, 53, NULL);
	app.worker->frame_records = true;
	for (uint64_t id = 1; id <= 3; id++) {
		testapp_datagram(&app, TO_SERVER, BYTES(QUERY));
		frame = nth(&app, TO_SERVER, id);
		assert_int_equal(frame->offset, 0);
		assert_int_equal(frame->length, sizeof(QUERY) - 1);
		assert_true(app_frame_stretch(app.flow.app, TO_SERVER, frame, 2, &data, &at));
		assert_int_equal(at, 2);
		assert_memory_equal(data.ptr, &QUERY[2], sizeof(QUERY) - 3);
		app_conn_clean(app.flow.app, false);
		assert_null(app_frame_find(app.flow.app, TO_SERVER, id));
	}
	testapp_done(&app);
}

static void nobody_asks(void **state)
{
	struct testapp app;

	(void)state;
	testapp_init(&app, 6, 80, NULL);
	testapp_stream(&app, TO_SERVER, BYTES(FIRST SECOND), 0);
	assert_null(app.flow.app->frames);
	testapp_done(&app);
}

static void rules_hold_once(void **state)
{
	const struct app_frame *frame;
	struct testapp app;

	(void)state;
	testapp_init(&app, 6, 80, NULL);
	app.worker->frame_records = true;
	testapp_stream(&app, TO_SERVER, BYTES(FIRST), 0);
	frame = nth(&app, TO_SERVER, 1);
	assert_true(app_frame_match(app.flow.app, TO_SERVER, frame, 7));
	assert_false(app_frame_match(app.flow.app, TO_SERVER, frame, 7));
	assert_true(app_frame_match(app.flow.app, TO_SERVER, frame, 8));
	testapp_done(&app);
}

/* At the ceiling further frames are not kept, and counted. */
static void ceiling(void **state)
{
	struct testapp app;

	(void)state;
	testapp_init(&app, 17, 53, NULL);
	app.worker->frame_records = true;
	testapp_datagram(&app, TO_SERVER, BYTES(QUERY));
	for (unsigned int i = 0; i < 2 * APP_FRAMES_MAX; i++)
		app_frame(app.flow.app, TO_SERVER, 0, app.flow.app->frames->side[TO_SERVER].input.ptr, 1, NULL);
	assert_int_equal(app.flow.app->frames->side[TO_SERVER].count, APP_FRAMES_MAX);
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_in_pieces),
		cmocka_unit_test(datagrams),
		cmocka_unit_test(nobody_asks),
		cmocka_unit_test(rules_hold_once),
		cmocka_unit_test(ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
