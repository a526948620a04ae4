// SPDX-License-Identifier: Apache-2.0
/* FTP's data connection: one transaction with one file, whose name the control connection left. */
#include "sensor/app/app.h"
#include "sensor/app/ftp/ftp.h"
#include "sensor/app/json.h"
#include "sensor/files/file.h"
#include "sensor/flow/flow.h"

struct data_tx {
	struct app_tx common;
	const struct ftp_transfer *transfer; /* lives as long as the flow; may be null */
	struct file *file;
	uint8_t dir; /* enum sensor_dir of the file */
};

struct data_state {
	struct data_tx *tx; /* null before the first byte, and when it is over */
	bool over;
};

static struct data_tx *open_tx(struct app_conn *conn, struct data_state *state, enum sensor_dir dir, uint64_t now_ns)
{
	struct data_tx *tx = (struct data_tx *)app_tx_new(conn, sizeof(*tx), now_ns);
	struct bytes name = { 0 };

	if (!tx)
		return NULL;
	tx->transfer = app_expectation(conn->flow);
	tx->dir = (uint8_t)dir;
	if (tx->transfer)
		name = bytes_of(tx->transfer->name, tx->transfer->name_size);
	/* A list of names is no file. */
	if (!tx->transfer || tx->transfer->kind != FTP_TRANSFER_LIST)
		tx->file = file_open(conn, &tx->common, dir, name);
	/* Nothing comes the other way. */
	app_tx_progress(conn, &tx->common, sensor_dir_opposite(dir), 1);
	state->tx = tx;
	return tx;
}

static struct app_result parse(
	struct app_conn *conn, struct data_state *state, const struct app_input *in, enum sensor_dir dir)
{
	struct data_tx *tx = state->tx;

	if (state->over || (!tx && in->data.size == 0))
		return APP_RESULT_OK;
	if (!tx)
		tx = open_tx(conn, state, dir, in->now_ns);
	if (!tx)
		return APP_RESULT_ERROR;
	if (tx->dir != dir || tx->common.progress[dir])
		return APP_RESULT_OK;
	if (tx->file && in->gap_size)
		file_gap(conn, tx->file, in->gap_size);
	if (tx->file && in->data.size)
		file_append(conn, tx->file, in->data);
	app_tx_touch(conn, &tx->common, dir);
	if (in->eof) {
		if (tx->file)
			file_close(conn, tx->file, (struct bytes){ 0 }, FILE_CLOSED);
		app_tx_progress(conn, &tx->common, dir, 1);
	}
	return APP_RESULT_OK;
}

/* The transaction may go before the flow does. */
static void free_tx(struct app_conn *conn, struct app_tx *tx)
{
	struct data_state *state = conn->state;

	if (state && (struct app_tx *)state->tx == tx) {
		state->tx = NULL;
		state->over = true;
	}
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse(conn, state, in, TO_SERVER);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse(conn, state, in, TO_CLIENT);
}

static const char *const commands[] = { NULL, "RETR", "STOR", "LIST" };

static bool write_record(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct ftp_transfer *transfer = ((const struct data_tx *)tx)->transfer;

	if (!transfer)
		return false;
	if (transfer->kind != FTP_TRANSFER_LIST)
		app_json_kv_text(json, "filename", bytes_of(transfer->name, transfer->name_size));
	jsonw_kv_string(json, "command", commands[transfer->kind]);
	return true;
}

static bool get_command(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	const struct ftp_transfer *transfer = ((const struct data_tx *)tx)->transfer;

	*ret = transfer ? transfer->kind : FTP_TRANSFER_NONE;
	return *ret == FTP_TRANSFER_RETRIEVE || *ret == FTP_TRANSFER_STORE;
}

static const struct app_name_value command_names[] = { { "retr", FTP_TRANSFER_RETRIEVE },
	{ "stor", FTP_TRANSFER_STORE }, { NULL, 0 } };

static const struct app_number numbers[] = {
	{ .name = "ftpdata_command", .dirs = DIR_BOTH, .bits = 8, .names = command_names, .get = get_command },
	{ .name = NULL },
};

static const struct app_buffer buffers[] = {
	{ .name = "file.data",
		.alias = "file_data",
		.dirs = DIR_BOTH,
		.flags = APP_BUFFER_STREAMING | APP_BUFFER_FILE },
	{ .name = NULL },
};

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct data_state));
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct data_state));
}

const struct app_protocol app_protocol_ftp_data = {
	.name = "ftp-data",
	.event_type = "ftp_data",
	.record = "ftp",
	.log_key = "ftp_data",
	.transports = APP_TCP,
	.gaps_ok = true,
	.complete = { 1, 1 },
	.buffers = buffers,
	.numbers = numbers,
	.open = open_state,
	.close = close_state,
	.tx_free = free_tx,
	.parse = { parse_to_server, parse_to_client },
	.log = write_record,
};
