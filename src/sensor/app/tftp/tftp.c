// SPDX-License-Identifier: Apache-2.0
/* TFTP (RFC 1350): a transaction is a request to read or write a file. The transfer itself runs between other ports. */
#include <string.h>

#include "base/ascii.h"
#include "base/cursor.h"
#include "sensor/app/app.h"
#include "sensor/app/json.h"
#include "sensor/flow/flow.h"

enum { TFTP_COMPLETE = 1, TFTP_READ = 1, TFTP_WRITE = 2, TFTP_MODE_SIZE = 9 };

struct tftp_tx {
	struct app_tx common;
	uint16_t opcode;
	struct bytes file;
	char mode[TFTP_MODE_SIZE];
};

/* Text with a NUL behind it. */
static bool read_text(struct cursor *cur, struct bytes *ret)
{
	size_t end = bytes_index(cursor_rest(cur), 0);

	return end < cursor_left(cur) && cursor_take(cur, end, ret) && cursor_skip(cur, 1);
}

static bool read_mode(struct bytes text, char ret_mode[TFTP_MODE_SIZE])
{
	static const char *const modes[] = { "netascii", "mail", "octet" };

	for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
		if (!ascii_equal_nocase_str(text, modes[i]))
			continue;
		memcpy(ret_mode, modes[i], text.size + 1);
		return true;
	}
	return false;
}

static bool read_request(struct bytes in, uint16_t *ret_opcode, struct bytes *ret_file, char ret_mode[TFTP_MODE_SIZE])
{
	struct cursor cur = cursor_over(in);
	struct bytes mode;

	return cursor_u16be(&cur, ret_opcode) && (*ret_opcode == TFTP_READ || *ret_opcode == TFTP_WRITE) &&
	       read_text(&cur, ret_file) && read_text(&cur, &mode) && read_mode(mode, ret_mode);
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	char mode[TFTP_MODE_SIZE];
	struct bytes file;
	struct tftp_tx *tx;
	uint16_t opcode;

	/* Whatever else comes to this port says nothing about files. */
	if (!read_request(in->data, &opcode, &file, mode))
		return APP_RESULT_OK;
	tx = (struct tftp_tx *)app_tx_new(conn, sizeof(*tx), in->now_ns);
	if (!tx)
		return APP_RESULT_ERROR;
	tx->opcode = opcode;
	tx->file = app_tx_dup(&tx->common, file);
	memcpy(tx->mode, mode, sizeof(tx->mode));
	tx->common.dirs_skip = DIR_TO_CLIENT;
	app_tx_progress(conn, &tx->common, TO_SERVER, TFTP_COMPLETE);
	return APP_RESULT_OK;
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return APP_RESULT_OK;
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, 1);
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, 1);
}

static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	char mode[TFTP_MODE_SIZE];
	struct bytes file;
	uint16_t opcode;

	return read_request(data, &opcode, &file, mode) ? APP_PROBE_YES : APP_PROBE_NO;
}

static const struct app_port_probe probes[] = {
	{ .ports = "69", .transport = 17, .to_server = probe },
	{ .transport = 0 },
};

static bool write_record(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct tftp_tx *tftp = (const struct tftp_tx *)tx;

	jsonw_kv_string(json, "packet", tftp->opcode == TFTP_READ ? "read" : "write");
	app_json_kv_text(json, "file", tftp->file);
	jsonw_kv_string(json, "mode", tftp->mode);
	return true;
}

const struct app_protocol app_protocol_tftp = {
	.name = "tftp",
	.event_type = "tftp",
	.log_key = "tftp",
	.transports = APP_UDP,
	.complete = { TFTP_COMPLETE, TFTP_COMPLETE },
	.probes = probes,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log = write_record,
};
