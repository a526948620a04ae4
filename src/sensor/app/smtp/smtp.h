// SPDX-License-Identifier: Apache-2.0
/* SMTP (RFC 5321) with PIPELINING (RFC 2920), CHUNKING (RFC 3030) and STARTTLS (RFC 3207).
 *
 * A transaction is one mail: from the first command behind the mail before it until the reply to its last line. Commands
 * wait in a queue for their replies, so each reply is known to belong to a command and its transaction. RSET, and HELO or
 * EHLO in the middle, end a transaction without a mail. The message of DATA is read by mime.h; that of BDAT is counted
 * only, as in Suricata.
 *
 * This header is for the files of this folder. */
#pragma once

#include "sensor/app/app.h"
#include "sensor/app/smtp/mime.h"

enum smtp_progress {
	SMTP_ENVELOPE,
	SMTP_HEADERS, /* the message begins: sender and recipients are final */
	SMTP_BODY, /* the headers of the message are final */
	SMTP_COMPLETE,
};

enum { SMTP_REPLIED = 1 /* the only step towards the client */ };

enum smtp_event {
	SMTP_EVENT_INVALID_REPLY,
	SMTP_EVENT_UNMATCHED_REPLY,
	SMTP_EVENT_LONG_COMMAND,
	SMTP_EVENT_LONG_REPLY,
	SMTP_EVENT_INVALID_PIPELINE,
	SMTP_EVENT_CHUNK_TOO_LONG,
	SMTP_EVENT_NO_WELCOME,
	SMTP_EVENT_TLS_REJECTED,
	SMTP_EVENT_DATA_REJECTED,
	SMTP_EVENT_CHANGE_FAILED,
	SMTP_EVENT_MIME_FAILED,
	SMTP_EVENT_MIME, /* the first of MIME_TROUBLE_COUNT */
	SMTP_EVENT_DUPLICATE = SMTP_EVENT_MIME + MIME_TROUBLE_COUNT,
	SMTP_EVENT_UNPARSABLE,
	SMTP_EVENT_TRUNCATED_LINE,
	SMTP_EVENT_INVALID_BDAT,
};

enum smtp_data { SMTP_DATA_NONE, SMTP_DATA_ASKED, SMTP_DATA_RUNNING, SMTP_DATA_REJECTED };

enum smtp_frame { SMTP_FRAME_COMMAND, SMTP_FRAME_DATA, SMTP_FRAME_RESPONSE };

struct file;

struct smtp_config {
	bool decode_mime, raw_extraction, body_md5, body_md5_set;
	uint32_t inspect_min_size, inspect_window_size;
	struct mime_config mime;
};

struct smtp_tx {
	struct app_tx common;
	struct smtp_state *state; /* lives longer than its transactions */
	struct bytes mail_from;
	struct mime_list recipients;
	uint8_t data; /* enum smtp_data */
	bool has_sender;
	bool in_line; /* a long line of the message is not over */
	bool in_frame; /* the frame of the message was announced */
	bool request_done;
	struct mime *mime; /* null: no message, or it is not read */
	struct file *raw_file;
	uint64_t shown_size; /* of the file in hand, when rules were last sent there */
};

enum smtp_command { SMTP_OTHER, SMTP_STARTTLS, SMTP_DATA, SMTP_MESSAGE_END, SMTP_RESET };

/* A command that waits for its reply. */
struct smtp_pending {
	struct smtp_tx *tx; /* null: of none, or it is gone */
	uint8_t command; /* enum smtp_command */
	bool completes; /* the reply is the last word about the transaction */
};

enum smtp_mode { SMTP_MODE_COMMAND, SMTP_MODE_DATA, SMTP_MODE_CHUNK };

struct smtp_state {
	struct smtp_tx *tx; /* that commands belong to; null: the next one makes a new one */
	struct bytes helo; /* owned: app_alloc */
	uint8_t mode; /* enum smtp_mode: what the client sends */
	bool welcomed; /* the first reply was seen */
	bool in_greeting, in_reply; /* in the middle of several lines */
	bool pipelining; /* offered by the server */
	bool skip_line[SENSOR_DIRS]; /* the rest of a line that was too long */
	bool body_md5;
	bool chunk_last;
	uint64_t chunk_left;
	struct smtp_pending *queue; /* app_alloc; [first, count) wait */
	uint32_t queue_first, queue_count, queue_room;
};

/* smtp-data.c: the message of DATA. */

/* The client asked to send a message. */
bool smtp_data_begin(struct app_conn *conn, struct smtp_tx *tx);
/* What came of it, as far as it can be read: answers how much was used; *ret_end: the final dot was there. */
size_t smtp_data_read(struct app_conn *conn, struct smtp_tx *tx, struct bytes data, bool eof, bool *ret_end);
/* The server did not want it. */
void smtp_data_rejected(struct app_conn *conn, struct smtp_tx *tx);

/* smtp-rules.c */
extern const struct app_buffer smtp_buffers[];
extern const struct app_event smtp_events[];
extern const struct app_state_name smtp_states[];
extern const char *const smtp_frames[];

/* smtp-log.c */
bool smtp_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);
