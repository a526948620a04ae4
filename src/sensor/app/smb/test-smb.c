// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/smb/smb.h"
#include "sensor/app/testapp.h"

#define BYTES(text) bytes_of(text, sizeof(text) - 1)

/* ---- Messages are put together here ---- */

struct out {
	uint8_t data[4096];
	size_t size;
};

static void put(struct out *out, const void *data, size_t size)
{
	assert_true(out->size + size <= sizeof(out->data));
	memcpy(out->data + out->size, data, size);
	out->size += size;
}

static void put_number(struct out *out, uint64_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)(value >> 8 * i);

		put(out, &byte, 1);
	}
}

static void put_zeros(struct out *out, size_t count)
{
	while (count-- != 0)
		put(out, "", 1);
}

static void put_utf16(struct out *out, const char *text)
{
	for (; *text; text++)
		put_number(out, (uint8_t)*text, 2);
}

/* A frame with a head of SMB2; the body follows, then frame_end(). Answers where the frame begins. */
static size_t smb2_begin_frame(struct out *out, uint16_t command, uint32_t status, bool response, uint64_t message_id)
{
	size_t start = out->size;

	put_zeros(out, 4);
	put(out, "\xfeSMB", 4);
	put_number(out, 64, 2);
	put_number(out, 0, 2);
	put_number(out, status, 4);
	put_number(out, command, 2);
	put_number(out, 1, 2);
	put_number(out, response ? 1 : 0, 4);
	put_number(out, 0, 4);
	put_number(out, message_id, 8);
	put_number(out, 0, 4);
	put_number(out, 9, 4); /* tree */
	put_number(out, 0x1234, 8); /* session */
	put_zeros(out, 16);
	return start;
}

static void frame_end(struct out *out, size_t start)
{
	size_t size = out->size - start - 4;

	out->data[start + 1] = (uint8_t)(size >> 16);
	out->data[start + 2] = (uint8_t)(size >> 8);
	out->data[start + 3] = (uint8_t)size;
}

static const uint8_t fuid[16] = { 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0 };

static void negotiate(struct out *to_server, struct out *to_client)
{
	size_t start = smb2_begin_frame(to_server, 0, 0, false, 0);

	put_number(to_server, 36, 2);
	put_number(to_server, 2, 2);
	put_zeros(to_server, 8);
	put(to_server, "0123456789abcdef", 16);
	put_zeros(to_server, 8);
	put_number(to_server, 0x0202, 2);
	put_number(to_server, 0x0300, 2);
	frame_end(to_server, start);
	start = smb2_begin_frame(to_client, 0, 0, true, 0);
	put_number(to_client, 65, 2);
	put_zeros(to_client, 2);
	put_number(to_client, 0x0300, 2);
	put_zeros(to_client, 2);
	put(to_client, "0123456789abcdef", 16);
	put_zeros(to_client, 8);
	put_number(to_client, 1 << 20, 4);
	put_number(to_client, 1 << 20, 4);
	put_zeros(to_client, 20);
	frame_end(to_client, start);
}

static void put_field(struct out *out, size_t size, size_t offset)
{
	put_number(out, size, 2);
	put_number(out, size, 2);
	put_number(out, offset, 4);
}

static void session(struct out *to_server, struct out *to_client)
{
	size_t start = smb2_begin_frame(to_server, 1, 0, false, 1);

	put_number(to_server, 25, 2);
	put_zeros(to_server, 10);
	put_number(to_server, 64 + 24, 2);
	put_number(to_server, 72 + 12, 2);
	put_zeros(to_server, 8);
	put(to_server, "NTLMSSP\0\x03\0\0", 12);
	put_field(to_server, 0, 0);
	put_field(to_server, 0, 0);
	put_field(to_server, 4, 72); /* domain */
	put_field(to_server, 6, 76); /* user */
	put_field(to_server, 2, 82); /* host */
	put_field(to_server, 0, 0);
	put_number(to_server, 0x02000001, 4);
	put(to_server, "\x0a\x00\x63\x45\0\0\0\x0f", 8);
	put_utf16(to_server, "VNbobH");
	frame_end(to_server, start);
	start = smb2_begin_frame(to_client, 1, 0, true, 1);
	put_number(to_client, 9, 2);
	put_zeros(to_client, 6);
	frame_end(to_client, start);
}

static void tree(struct out *to_server, struct out *to_client, const char *name, uint8_t share_type)
{
	size_t start = smb2_begin_frame(to_server, 3, 0, false, 2);

	put_number(to_server, 9, 2);
	put_zeros(to_server, 2);
	put_number(to_server, 72, 2);
	put_number(to_server, 2 * strlen(name), 2);
	put_utf16(to_server, name);
	frame_end(to_server, start);
	start = smb2_begin_frame(to_client, 3, 0, true, 2);
	put_number(to_client, 16, 2);
	put_number(to_client, share_type, 1);
	put_zeros(to_client, 13);
	frame_end(to_client, start);
}

static void create(struct out *to_server, struct out *to_client, const char *name)
{
	size_t start = smb2_begin_frame(to_server, 5, 0, false, 3);

	put_number(to_server, 57, 2);
	put_zeros(to_server, 34);
	put_number(to_server, 2, 4); /* FILE_CREATE */
	put_number(to_server, 0x1000, 4);
	put_number(to_server, 64 + 56, 2);
	put_number(to_server, 2 * strlen(name), 2);
	put_zeros(to_server, 8);
	put_utf16(to_server, name);
	frame_end(to_server, start);
	start = smb2_begin_frame(to_client, 5, 0x103, true, 3); /* pending, then done */
	put_zeros(to_client, 9);
	frame_end(to_client, start);
	start = smb2_begin_frame(to_client, 5, 0, true, 3);
	put_number(to_client, 89, 2);
	put_zeros(to_client, 6);
	put_number(to_client, UINT64_C(116444736000000000) + 10000000, 8); /* one second into 1970 */
	put_zeros(to_client, 24);
	put_zeros(to_client, 8);
	put_number(to_client, 77, 8);
	put_zeros(to_client, 8);
	put(to_client, fuid, sizeof(fuid));
	put_zeros(to_client, 8);
	frame_end(to_client, start);
}

static void write_file(struct out *out, uint64_t message_id, uint64_t offset, const char *text)
{
	size_t start = smb2_begin_frame(out, 9, 0, false, message_id);

	put_number(out, 49, 2);
	put_number(out, 64 + 48, 2);
	put_number(out, strlen(text), 4);
	put_number(out, offset, 8);
	put(out, fuid, sizeof(fuid));
	put_zeros(out, 16);
	put(out, text, strlen(text));
	frame_end(out, start);
}

static void read_file(
	struct out *to_server, struct out *to_client, uint64_t message_id, uint64_t offset, const char *text)
{
	size_t start = smb2_begin_frame(to_server, 8, 0, false, message_id);

	put_number(to_server, 49, 2);
	put_zeros(to_server, 2);
	put_number(to_server, strlen(text), 4);
	put_number(to_server, offset, 8);
	put(to_server, fuid, sizeof(fuid));
	put_zeros(to_server, 17);
	frame_end(to_server, start);
	start = smb2_begin_frame(to_client, 8, 0, true, message_id);
	put_number(to_client, 17, 2);
	put_number(to_client, 80, 1);
	put_zeros(to_client, 1);
	put_number(to_client, strlen(text), 4);
	put_zeros(to_client, 8);
	put(to_client, text, strlen(text));
	frame_end(to_client, start);
}

static void close_file(struct out *out, uint64_t message_id)
{
	size_t start = smb2_begin_frame(out, 6, 0, false, message_id);

	put_number(out, 24, 2);
	put_zeros(out, 6);
	put(out, fuid, sizeof(fuid));
	frame_end(out, start);
}

static struct bytes bytes_out(const struct out *out)
{
	return bytes_of(out->data, out->size);
}

static struct app_tx *tx_at(struct testapp *app, unsigned int index)
{
	struct app_tx *tx = app->flow.app ? app->flow.app->first : NULL;

	while (tx && index-- != 0)
		tx = tx->next;
	assert_non_null(tx);
	return tx;
}

/* ---- SMB2 ---- */

#define LONG_TEXT                                                                                                      \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab" \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab" \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab"

static void check_start(struct testapp *app)
{
	char text[4096];

	assert_string_equal(app_conn_proto(app->flow.app), "smb");
	assert_string_equal(testapp_log(tx_at(app, 0), &app->flow, false, text, sizeof(text)),
		"{\"id\":1,\"dialect\":\"3.00\",\"command\":\"SMB2_COMMAND_NEGOTIATE_PROTOCOL\",\"status\":\"STATUS_"
		"SUCCESS\",\"status_code\":\"0x0\",\"session_id\":4660,\"tree_id\":9,\"client_dialects\":[\"2.02\","
		"\"3.00\"],\"client_guid\":\"33323130-3534-3736-3938-626166656463\",\"server_guid\":\"33323130-3534-"
		"3736-3938-626166656463\",\"max_read_size\":1048576,\"max_write_size\":1048576}");
	assert_string_equal(testapp_log(tx_at(app, 1), &app->flow, false, text, sizeof(text)),
		"{\"id\":2,\"dialect\":\"3.00\",\"command\":\"SMB2_COMMAND_SESSION_SETUP\",\"status\":\"STATUS_"
		"SUCCESS\",\"status_code\":\"0x0\",\"session_id\":4660,\"tree_id\":9,\"ntlmssp\":{\"domain\":\"VN\","
		"\"user\":\"bob\",\"host\":\"H\",\"version\":\"10.0 build 17763 rev 15\"}}");
	assert_string_equal(
		testapp_buffer(app, tx_at(app, 1), "smb.ntlmssp_user", TO_SERVER, 0, text, sizeof(text)), "bob");
	assert_string_equal(
		testapp_buffer(app, tx_at(app, 1), "smb.ntlmssp_domain", TO_SERVER, 0, text, sizeof(text)), "VN");
	assert_string_equal(
		testapp_buffer(app, tx_at(app, 2), "smb.share", TO_SERVER, 0, text, sizeof(text)), "\\\\S\\C");
	assert_string_equal(testapp_buffer(app, tx_at(app, 2), "smb.named_pipe", TO_SERVER, 0, text, sizeof(text)), "");
	assert_string_equal(testapp_log(tx_at(app, 3), &app->flow, false, text, sizeof(text)),
		"{\"id\":4,\"dialect\":\"3.00\",\"command\":\"SMB2_COMMAND_CREATE\",\"status\":\"STATUS_SUCCESS\","
		"\"status_code\":\"0x0\",\"session_id\":4660,\"tree_id\":9,\"filename\":\"a.txt\",\"disposition\":"
		"\"FILE_CREATE\",\"access\":\"delete on "
		"close\",\"created\":1,\"accessed\":0,\"modified\":0,\"changed\":0,"
		"\"size\":77,\"fuid\":\"00000001-0000-0000-0002-000000000000\"}");
}

/* Everything of both directions cut at every place: long reads and writes take the way of pieces. */
static void smb2_cut_everywhere(void **state)
{
	static struct out first, first_answer, second, second_answer, last;

	first = first_answer = second = second_answer = last = (struct out){ 0 };
	negotiate(&first, &first_answer);
	session(&first, &first_answer);
	tree(&first, &first_answer, "\\\\S\\C", 1);
	create(&first, &first_answer, "a.txt");
	write_file(&second, 4, 0, LONG_TEXT);
	write_file(&second, 5, strlen(LONG_TEXT), "end");
	read_file(&second, &second_answer, 6, 3, LONG_TEXT); /* too early */
	read_file(&second, &second_answer, 7, 0, "abc");
	close_file(&last, 8);
	for (size_t cut = 0; cut < second.size; cut++) {
		struct testapp app;
		struct file *file;

		testapp_init(&app, 6, 445, NULL);
		testapp_stream(&app, TO_SERVER, bytes_out(&first), cut);
		testapp_stream(&app, TO_CLIENT, bytes_out(&first_answer), cut);
		check_start(&app);
		testapp_stream(&app, TO_SERVER, bytes_out(&second), cut);
		testapp_stream(&app, TO_CLIENT, bytes_out(&second_answer), cut);
		testapp_stream(&app, TO_SERVER, bytes_out(&last), cut);
		assert_int_equal(app.flow.app->tx_count, 7);
		file = tx_at(&app, 4)->files[TO_SERVER]->first;
		assert_int_equal(file->size, strlen(LONG_TEXT) + 3);
		assert_int_equal(file->state, FILE_CLOSED);
		assert_int_equal(file->flags & FILE_GAPS, 0);
		assert_int_equal(tx_at(&app, 4)->event_count, 0);
		file = tx_at(&app, 5)->files[TO_CLIENT]->first;
		assert_int_equal(file->size, strlen(LONG_TEXT) + 3);
		assert_int_equal(file->state, FILE_CLOSED);
		testapp_done(&app);
	}
}

static void file_events(void **state)
{
	static const struct {
		const char *event, *config;
		uint64_t offsets[3];
		enum file_state state;
	} rows[] = {
		{ "file_overlap", NULL, { 0, 1, 4 }, FILE_CLOSED },
		{ "write_request_too_large", "%YAML 1.1\n---\napp-layer: {protocols: {smb: {max-write-size: 2}}}\n",
			{ 0, 3, 6 }, FILE_CLOSED },
		{ "write_queue_cnt_exceeded",
			"%YAML 1.1\n---\napp-layer: {protocols: {smb: {max-write-queue-cnt: 1}}}\n", { 3, 6, 9 },
			FILE_TRUNCATED },
		{ "write_queue_size_exceeded",
			"%YAML 1.1\n---\napp-layer: {protocols: {smb: {max-write-queue-size: 4}}}\n", { 3, 6, 9 },
			FILE_TRUNCATED },
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
		struct out out = { 0 }, answer = { 0 };
		struct testapp app;

		testapp_init(&app, 6, 445, rows[i].config);
		tree(&out, &answer, "\\\\S\\C", 1);
		create(&out, &answer, "a.txt");
		testapp_stream(&app, TO_SERVER, bytes_out(&out), 0);
		testapp_stream(&app, TO_CLIENT, bytes_out(&answer), 0);
		out.size = 0;
		for (unsigned int k = 0; k < 3; k++)
			write_file(&out, 10 + k, rows[i].offsets[k], "abc");
		close_file(&out, 20);
		testapp_stream(&app, TO_SERVER, bytes_out(&out), 0);
		assert_true(testapp_tx_has_event(tx_at(&app, 2), rows[i].event));
		assert_int_equal(tx_at(&app, 2)->files[TO_SERVER]->first->state, rows[i].state);
		testapp_done(&app);
	}
}

static void file_without_close_is_cut(void **state)
{
	struct out out = { 0 };
	struct testapp app;

	testapp_init(&app, 6, 445, NULL);
	write_file(&out, 4, 0, "abc");
	testapp_stream(&app, TO_SERVER, bytes_out(&out), 0);
	assert_int_equal(tx_at(&app, 0)->files[TO_SERVER]->first->state, FILE_OPEN);
	testapp_piece(&app, TO_SERVER, (struct bytes){ 0 }, STREAM_EOF);
	assert_int_equal(tx_at(&app, 0)->files[TO_SERVER]->first->state, FILE_TRUNCATED);
	testapp_done(&app);
}

/* ---- Pipes ---- */

#define UUID_WIRE "\x78\x56\x34\x12\x34\x12\xcd\xab\xef\x00\x01\x23\x45\x67\x89\xab"
#define NDR       "\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\x00\x2b\x10\x48\x60\x02\x00\x00\x00"

static void pipe_write(struct out *out, uint64_t message_id, struct bytes data)
{
	size_t start = smb2_begin_frame(out, 9, 0, false, message_id);

	put_number(out, 49, 2);
	put_number(out, 64 + 48, 2);
	put_number(out, data.size, 4);
	put_number(out, 0, 8);
	put(out, fuid, sizeof(fuid));
	put_zeros(out, 16);
	put(out, data.ptr, data.size);
	frame_end(out, start);
}

/* A message may be cut into writes anywhere. */
static void pipe_calls(void **state)
{
	static const char bind[] =
		"\x05\x00\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00\x07\x00\x00\x00"
		"\xb8\x10\xb8\x10\x00\x00\x00\x00\x01\x00\x00\x00\x03\x00\x01\x00" UUID_WIRE "\x01\x00\x00\x00" NDR;
	struct bytes whole = BYTES(bind);

	for (size_t cut = 0; cut < whole.size; cut++) {
		struct out out = { 0 }, answer = { 0 };
		struct testapp app;
		char text[4096];

		testapp_init(&app, 6, 445, NULL);
		tree(&out, &answer, "\\\\S\\IPC$", 2);
		create(&out, &answer, "svcctl");
		testapp_stream(&app, TO_SERVER, bytes_out(&out), 0);
		assert_string_equal(
			testapp_buffer(&app, tx_at(&app, 0), "smb.named_pipe", TO_SERVER, 0, text, sizeof(text)),
			"\\\\S\\IPC$");
		testapp_stream(&app, TO_CLIENT, bytes_out(&answer), 0);
		out.size = 0;
		if (cut != 0)
			pipe_write(&out, 10, bytes_first(whole, cut));
		pipe_write(&out, 11, bytes_skip(whole, cut));
		testapp_stream(&app, TO_SERVER, bytes_out(&out), 0);
		assert_int_equal(app.flow.app->tx_count, 3);
		assert_string_equal(testapp_log(tx_at(&app, 2), &app.flow, false, text, sizeof(text)),
			"{\"id\":3,\"dialect\":\"unknown\",\"command\":\"SMB2_COMMAND_WRITE\",\"session_id\":4660,"
			"\"tree_id\":9,\"dcerpc\":{\"request\":\"BIND\",\"response\":\"UNREPLIED\",\"interfaces\":[{"
			"\"uuid\":\"12345678-1234-abcd-ef00-0123456789ab\",\"version\":\"1.0\"}],\"call_id\":7}}");
		testapp_done(&app);
	}
}

/* ---- SMB1 ---- */

static size_t smb1_begin_frame(struct out *out, uint8_t command, uint32_t status, bool response, uint16_t message_id)
{
	size_t start = out->size;

	put_zeros(out, 4);
	put(out, "\xffSMB", 4);
	put_number(out, command, 1);
	put_number(out, status, 4);
	put_number(out, response ? 0x80 : 0, 1);
	put_number(out, 0x4000, 2);
	put_zeros(out, 12);
	put_number(out, 5, 2); /* tree */
	put_number(out, 1, 2);
	put_number(out, 0x800, 2); /* user */
	put_number(out, message_id, 2);
	return start;
}

static void put_bytes(struct out *out, const void *data, size_t size)
{
	put_number(out, size, 2);
	put(out, data, size);
}

static void smb1_start(struct out *to_server, struct out *to_client)
{
	static const char dialects[] = "\x02PC NETWORK PROGRAM 1.0\0\x02NT LM 0.12";
	size_t start = smb1_begin_frame(to_server, 0x72, 0, false, 1);

	put_zeros(to_server, 1);
	put_bytes(to_server, dialects, sizeof(dialects));
	frame_end(to_server, start);
	start = smb1_begin_frame(to_client, 0x72, 0, true, 1);
	put_number(to_client, 17, 1);
	put_number(to_client, 1, 2);
	put_zeros(to_client, 32);
	put_bytes(to_client, "0123456789abcdef", 16);
	frame_end(to_client, start);
	start = smb1_begin_frame(to_server, 0x75, 0, false, 2);
	put_number(to_server, 4, 1);
	put(to_server, "\xff\0\0\0\0\0\x01", 8); /* no further command; a password of one byte */
	put_bytes(to_server, "\0\\\\S\\C\0?????", 13);
	frame_end(to_server, start);
	start = smb1_begin_frame(to_client, 0x75, 0, true, 2);
	put_number(to_client, 3, 1);
	put(to_client, "\xff\0\0\0\0", 6);
	put_bytes(to_client, "A:\0NTFS", 8);
	frame_end(to_client, start);
}

/* Locking, with a write chained behind it. */
static void smb1_write_chain(struct out *out)
{
	size_t start = smb1_begin_frame(out, 0x24, 0, false, 3);

	put_number(out, 8, 1);
	put_number(out, 0x2f, 2);
	put_number(out, 32 + 1 + 16 + 2, 2);
	put_zeros(out, 12);
	put_number(out, 0, 2);
	put_number(out, 12, 1); /* the write */
	put(out, "\xff\0\0", 4);
	put_number(out, 0x4001, 2);
	put_number(out, 0, 4);
	put_zeros(out, 8);
	put_number(out, 0, 2);
	put_number(out, 3, 2);
	put_number(out, 32 + 19 + 27, 2);
	put_bytes(out, "xyz", 3);
	frame_end(out, start);
}

static void smb1_cut_everywhere(void **state)
{
	static struct out out, answer;

	out = answer = (struct out){ 0 };
	smb1_start(&out, &answer);
	smb1_write_chain(&out);
	for (size_t cut = 0; cut < out.size; cut++) {
		struct testapp app;
		char text[4096];

		testapp_init(&app, 6, 139, NULL);
		testapp_stream(&app, TO_SERVER, bytes_out(&out), cut);
		testapp_stream(&app, TO_CLIENT, bytes_out(&answer), cut);
		assert_int_equal(app.flow.app->tx_count, 4);
		assert_string_equal(testapp_log(tx_at(&app, 0), &app.flow, false, text, sizeof(text)),
			"{\"id\":1,\"dialect\":\"NT LM "
			"0.12\",\"command\":\"SMB1_COMMAND_NEGOTIATE_PROTOCOL\",\"status\":"
			"\"STATUS_SUCCESS\",\"status_code\":\"0x0\",\"session_id\":2048,\"tree_id\":5,\"client_"
			"dialects\":["
			"\"PC NETWORK PROGRAM 1.0\",\"NT LM 0.12\"],\"server_guid\":\"33323130-3534-3736-3938-"
			"626166656463\"}");
		assert_string_equal(testapp_log(tx_at(&app, 1), &app.flow, false, text, sizeof(text)),
			"{\"id\":2,\"dialect\":\"NT LM "
			"0.12\",\"command\":\"SMB1_COMMAND_TREE_CONNECT_ANDX\",\"status\":"
			"\"STATUS_SUCCESS\",\"status_code\":\"0x0\",\"session_id\":2048,\"tree_id\":5,\"share\":"
			"\"\\\\\\\\S\\\\C\",\"service\":{\"request\":\"?????\",\"response\":\"A:\"}}");
		assert_int_equal(tx_at(&app, 3)->files[TO_SERVER]->first->size, 3);
		testapp_done(&app);
	}
}

/* ---- Trouble ---- */

static void too_many_transactions(void **state)
{
	struct out out = { 0 }, answer = { 0 };
	struct testapp app;

	testapp_init(&app, 6, 445, "%YAML 1.1\n---\napp-layer: {protocols: {smb: {max-tx: 2}}}\n");
	tree(&out, &answer, "\\\\S\\A", 1);
	tree(&out, &answer, "\\\\S\\B", 1);
	tree(&out, &answer, "\\\\S\\C", 1);
	testapp_stream(&app, TO_SERVER, bytes_out(&out), 0);
	assert_true(testapp_tx_has_event(tx_at(&app, 0), "too_many_transactions"));
	assert_true(app.flow.app->failed);
	testapp_done(&app);
}

static void events(void **state)
{
	static const struct {
		const char *event;
		enum sensor_dir dir;
		bool response;
		uint8_t first;
	} rows[] = {
		{ "response_to_server", TO_SERVER, true, 0xfe },
		{ "request_to_client", TO_CLIENT, false, 0xfe },
		{ "malformed_data", TO_SERVER, false, 0x00 },
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
		struct out out = { 0 }, answer = { 0 };
		struct testapp app;
		size_t start;

		testapp_init(&app, 6, 445, NULL);
		negotiate(&out, &answer);
		testapp_stream(&app, TO_SERVER, bytes_out(&out), 0);
		testapp_stream(&app, TO_CLIENT, bytes_out(&answer), 0);
		out.size = 0;
		start = smb2_begin_frame(&out, 3, 0, rows[i].response, 9);
		frame_end(&out, start);
		out.data[4] = rows[i].first;
		testapp_stream(&app, rows[i].dir, bytes_out(&out), 0);
		assert_true(testapp_tx_has_event(tx_at(&app, 1), rows[i].event));
		testapp_done(&app);
	}
}

static void text_to_utf8(void **state)
{
	static const struct {
		const char *in;
		size_t size;
		const char *out;
	} rows[] = {
		{ "a\0b\0", 4, "ab" },
		{ "a\0\0\0b\0", 6, "a" },
		{ "\xd5\x1e", 2, "\xe1\xbb\x95" },
		{ "\x3d\xd8\x00\xde", 4, "\xf0\x9f\x98\x80" },
		{ "\x3d\xd8"
		  "a\0",
			4,
			"\xef\xbf\xbd"
			"a" },
		{ "a", 1, "" },
	};
	struct out out = { 0 }, answer = { 0 };
	struct testapp app;

	testapp_init(&app, 6, 445, NULL);
	negotiate(&out, &answer);
	testapp_stream(&app, TO_SERVER, bytes_out(&out), 0);
	for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
		struct bytes text = smb_text(tx_at(&app, 0), bytes_of(rows[i].in, rows[i].size), true);

		assert_true(bytes_equal_str(text, rows[i].out));
	}
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smb2_cut_everywhere),
		cmocka_unit_test(file_events),
		cmocka_unit_test(file_without_close_is_cut),
		cmocka_unit_test(pipe_calls),
		cmocka_unit_test(smb1_cut_everywhere),
		cmocka_unit_test(too_many_transactions),
		cmocka_unit_test(events),
		cmocka_unit_test(text_to_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
