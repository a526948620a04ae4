// SPDX-License-Identifier: Apache-2.0
/* The message of DATA: cut into lines for the MIME reader, or kept as it is ("raw-extraction"). */
#include <string.h>

#include "sensor/app/smtp/smtp.h"
#include "sensor/files/file.h"

enum { PIECE_MAX = 4096 /* of a line */ };

/* ---- Files ---- */

/* Rules look at a file when a fair part of it is there, since patterns may lie across pieces. */
static void show_file(struct smtp_tx *tx, const struct file *file)
{
	const struct smtp_config *config = tx->common.conn->config;

	if (file->size < config->inspect_min_size || file->size - tx->shown_size < config->inspect_window_size)
		return;
	tx->shown_size = file->size;
	app_tx_touch(tx->common.conn, &tx->common, TO_SERVER);
	app_raw_trigger(tx->common.conn, TO_SERVER);
}

static void *sink_open(void *context, struct bytes name)
{
	struct smtp_tx *tx = context;

	tx->shown_size = 0;
	return file_open(tx->common.conn, &tx->common, TO_SERVER, name);
}

static void sink_append(void *context, void *file, struct bytes data)
{
	struct smtp_tx *tx = context;

	if (file_append(tx->common.conn, file, data) == 0)
		show_file(tx, file);
}

static void sink_close(void *context, void *file)
{
	struct smtp_tx *tx = context;

	file_close(tx->common.conn, file, (struct bytes){ 0 }, FILE_CLOSED);
}

static const struct mime_sink sink = { .open = sink_open, .append = sink_append, .close = sink_close };

/* ---- Begin and end ---- */

bool smtp_data_begin(struct app_conn *conn, struct smtp_tx *tx)
{
	const struct smtp_config *config = conn->config;

	tx->data = SMTP_DATA_ASKED;
	app_tx_progress(conn, &tx->common, TO_SERVER, SMTP_HEADERS);
	if (!config->decode_mime) {
		app_tx_progress(conn, &tx->common, TO_SERVER, SMTP_BODY);
		if (config->raw_extraction)
			tx->raw_file = sink_open(tx, bytes_from_str("rawmsg"));
		return true;
	}
	tx->mime = app_tx_alloc(&tx->common, sizeof(*tx->mime));
	if (!tx->mime || !mime_init(tx->mime, &config->mime, &tx->common.arena, &sink, tx, tx->state->body_md5)) {
		tx->mime = NULL;
		return false;
	}
	app_tx_recount(&tx->common);
	return true;
}

/* Said at the end: an event makes rules look at what is half there. */
static void raise_trouble(struct app_conn *conn, struct smtp_tx *tx)
{
	for (uint8_t i = 0; tx->mime && i < MIME_TROUBLE_COUNT; i++)
		if (tx->mime->trouble >> i & 1)
			app_tx_event(conn, &tx->common, (uint8_t)(SMTP_EVENT_MIME + i));
}

void smtp_data_rejected(struct app_conn *conn, struct smtp_tx *tx)
{
	app_tx_event(conn, &tx->common, SMTP_EVENT_DATA_REJECTED);
	tx->data = SMTP_DATA_REJECTED;
	if (tx->mime) {
		mime_end(tx->mime);
		raise_trouble(conn, tx);
		mime_done(tx->mime);
	}
	tx->mime = NULL;
	if (tx->raw_file)
		file_close(conn, tx->raw_file, (struct bytes){ 0 }, FILE_TRUNCATED);
	tx->raw_file = NULL;
}

static void data_end(struct app_conn *conn, struct smtp_tx *tx)
{
	if (tx->mime)
		mime_end(tx->mime);
	if (tx->raw_file)
		file_close(conn, tx->raw_file, (struct bytes){ 0 }, FILE_CLOSED);
	tx->raw_file = NULL;
}

/* ---- Lines ---- */

static void data_piece(struct app_conn *conn, struct smtp_tx *tx, struct bytes piece, size_t end_size)
{
	if (tx->mime)
		mime_line(tx->mime, piece, end_size);
	if (tx->raw_file && file_append(conn, tx->raw_file, piece) == 0)
		show_file(tx, tx->raw_file);
}

/* The next line, or a piece of one that is too long to wait for its end. False: more bytes are needed. */
static bool next_piece(struct bytes data, bool eof, struct bytes *ret_piece, size_t *ret_end_size)
{
	struct bytes first = bytes_first(data, PIECE_MAX);
	size_t end = bytes_index(first, '\n');

	*ret_end_size = 0;
	if (end < first.size) {
		*ret_end_size = end > 0 && first.ptr[end - 1] == '\r' ? 2 : 1;
		*ret_piece = bytes_first(first, end + 1);
		return true;
	}
	if (first.size < PIECE_MAX && !(eof && first.size))
		return false;
	/* A carriage return may be half of the line's end. */
	if (first.size == PIECE_MAX && first.ptr[PIECE_MAX - 1] == '\r')
		first.size--;
	*ret_piece = first;
	return true;
}

static void headers_seen(struct app_conn *conn, struct smtp_tx *tx)
{
	if (tx->mime && tx->mime->main_done && tx->common.progress[TO_SERVER] < SMTP_BODY)
		app_tx_progress(conn, &tx->common, TO_SERVER, SMTP_BODY);
}

size_t smtp_data_read(struct app_conn *conn, struct smtp_tx *tx, struct bytes data, bool eof, bool *ret_end)
{
	size_t used = 0, end_size;
	uint32_t urls = tx->mime ? tx->mime->urls.count : 0;
	struct bytes piece;

	*ret_end = false;
	while (!*ret_end && next_piece(bytes_skip(data, used), eof, &piece, &end_size)) {
		bool begins = !tx->in_line;

		used += piece.size;
		tx->in_line = end_size == 0;
		*ret_end = begins && end_size && piece.size - end_size == 1 && piece.ptr[0] == '.';
		if (!*ret_end)
			data_piece(conn, tx, piece, end_size);
	}
	if (*ret_end)
		data_end(conn, tx);
	else if (tx->mime)
		mime_flush(tx->mime);
	if (*ret_end || eof)
		raise_trouble(conn, tx);
	headers_seen(conn, tx);
	if (tx->mime && tx->mime->urls.count != urls)
		app_tx_touch(conn, &tx->common, TO_SERVER);
	app_tx_recount(&tx->common);
	return used;
}
