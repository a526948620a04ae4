// SPDX-License-Identifier: Apache-2.0
/* What rules see of a mail. */
#include "sensor/app/smtp/smtp.h"

static const struct smtp_tx *smtp_of(const struct app_tx *tx)
{
	return (const struct smtp_tx *)tx;
}

static bool whole(struct bytes data, struct app_view *ret)
{
	*ret = (struct app_view){ .data = data, .last = true };
	return data.size != 0;
}

static bool item_at(const struct mime_text *item, uint32_t index, struct app_view *ret)
{
	while (item && index--)
		item = item->next;
	return item && whole(item->text, ret);
}

/* ---- Envelope ---- */

static bool get_helo(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	return whole(smtp_of(tx)->state->helo, ret);
}

static bool get_mail_from(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	return whole(smtp_of(tx)->mail_from, ret);
}

static bool get_recipient(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	return item_at(smtp_of(tx)->recipients.first, index, ret);
}

/* ---- Message ---- */

static bool header_at(const struct app_tx *tx, const char *name, uint32_t index, struct app_view *ret)
{
	const struct mime *mime = smtp_of(tx)->mime;
	const struct mime_text *header = mime ? mime_header(mime, name) : NULL;

	while (header && index--)
		header = mime_header_next(header);
	return header && whole(header->text, ret);
}

#define HEADER(function, name)                                                                                         \
	static bool function(                                                                                          \
		struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret) \
	{                                                                                                              \
		return header_at(tx, name, index, ret);                                                                \
	}

HEADER(get_from, "from")
HEADER(get_to, "to")
HEADER(get_cc, "cc")
HEADER(get_subject, "subject")
HEADER(get_date, "date")
HEADER(get_message_id, "message-id")
HEADER(get_x_mailer, "x-mailer")
HEADER(get_received, "received")

static bool get_url(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct mime *mime = smtp_of(tx)->mime;

	return mime && item_at(mime->urls.first, index, ret);
}

/* In hex digits, as rules write it. */
static bool get_body_md5(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct mime *mime = smtp_of(tx)->mime;

	return mime && mime->has_md5 && whole(bytes_from_str(mime->md5_text), ret);
}

/* Sender and recipients come one after the other: such buffers grow until the progress behind their own. */
#define AT(progress)                                                                                                   \
	{                                                                                                              \
		progress, SMTP_REPLIED                                                                                 \
	}
#define GROWS APP_BUFFER_STREAMING
#define MANY  (APP_BUFFER_STREAMING | APP_BUFFER_MULTI)

const struct app_buffer smtp_buffers[] = {
	{ "smtp.helo", NULL, NULL, NULL, DIR_TO_SERVER, AT(SMTP_ENVELOPE), GROWS, get_helo },
	{ "smtp.mail_from", NULL, NULL, NULL, DIR_TO_SERVER, AT(SMTP_ENVELOPE), GROWS, get_mail_from },
	{ "smtp.rcpt_to", NULL, NULL, NULL, DIR_TO_SERVER, AT(SMTP_ENVELOPE), MANY, get_recipient },
	{ "email.from", NULL, NULL, NULL, DIR_TO_SERVER, AT(SMTP_BODY), 0, get_from },
	{ "email.to", NULL, NULL, NULL, DIR_TO_SERVER, AT(SMTP_BODY), 0, get_to },
	{ "email.cc", NULL, NULL, NULL, DIR_TO_SERVER, AT(SMTP_BODY), 0, get_cc },
	{ "email.subject", NULL, NULL, NULL, DIR_TO_SERVER, AT(SMTP_BODY), 0, get_subject },
	{ "email.date", NULL, NULL, NULL, DIR_TO_SERVER, AT(SMTP_BODY), 0, get_date },
	{ "email.message_id", NULL, NULL, NULL, DIR_TO_SERVER, AT(SMTP_BODY), 0, get_message_id },
	{ "email.x_mailer", NULL, NULL, NULL, DIR_TO_SERVER, AT(SMTP_BODY), 0, get_x_mailer },
	{ "email.received", NULL, NULL, NULL, DIR_TO_SERVER, AT(SMTP_BODY), APP_BUFFER_MULTI, get_received },
	{ "email.url", NULL, NULL, NULL, DIR_TO_SERVER, AT(SMTP_BODY), MANY, get_url },
	{ "email.body_md5", NULL, NULL, NULL, DIR_TO_SERVER, AT(SMTP_COMPLETE), 0, get_body_md5 },
	{ "file.data", "file_data", NULL, NULL, DIR_TO_SERVER, AT(SMTP_BODY), GROWS | APP_BUFFER_FILE, NULL },
	{ .name = NULL },
};

const struct app_event smtp_events[] = {
	[SMTP_EVENT_INVALID_REPLY] = { .name = "invalid_reply" },
	[SMTP_EVENT_UNMATCHED_REPLY] = { .name = "unable_to_match_reply_with_request" },
	[SMTP_EVENT_LONG_COMMAND] = { .name = "max_command_line_len_exceeded" },
	[SMTP_EVENT_LONG_REPLY] = { .name = "max_reply_line_len_exceeded" },
	[SMTP_EVENT_INVALID_PIPELINE] = { .name = "invalid_pipelined_sequence" },
	[SMTP_EVENT_CHUNK_TOO_LONG] = { .name = "bdat_chunk_len_exceeded" },
	[SMTP_EVENT_NO_WELCOME] = { .name = "no_server_welcome_message" },
	[SMTP_EVENT_TLS_REJECTED] = { .name = "tls_rejected" },
	[SMTP_EVENT_DATA_REJECTED] = { .name = "data_command_rejected" },
	[SMTP_EVENT_CHANGE_FAILED] = { .name = "failed_protocol_change" },
	[SMTP_EVENT_MIME_FAILED] = { .name = "mime_parse_failed" },
	[SMTP_EVENT_MIME + MIME_MALFORMED] = { .name = "mime_malformed_msg" },
	[SMTP_EVENT_MIME + MIME_BAD_BASE64] = { .name = "mime_invalid_base64" },
	[SMTP_EVENT_MIME + MIME_BAD_QP] = { .name = "mime_invalid_qp" },
	[SMTP_EVENT_MIME + MIME_LONG_LINE] = { .name = "mime_long_line" },
	[SMTP_EVENT_MIME + MIME_LONG_ENCODED_LINE] = { .name = "mime_long_enc_line" },
	[SMTP_EVENT_MIME + MIME_LONG_HEADER_NAME] = { .name = "mime_long_header_name" },
	[SMTP_EVENT_MIME + MIME_LONG_HEADER_VALUE] = { .name = "mime_long_header_value" },
	[SMTP_EVENT_MIME + MIME_LONG_BOUNDARY] = { .name = "mime_long_boundary" },
	[SMTP_EVENT_MIME + MIME_LONG_FILE_NAME] = { .name = "mime_long_filename" },
	[SMTP_EVENT_DUPLICATE] = { .name = "duplicate_fields" },
	[SMTP_EVENT_UNPARSABLE] = { .name = "unparsable_content" },
	[SMTP_EVENT_TRUNCATED_LINE] = { .name = "truncated_line" },
	[SMTP_EVENT_INVALID_BDAT] = { .name = "invalid_bdat" },
	{ .name = NULL },
};

const struct app_state_name smtp_states[] = {
	{ "request_started", TO_SERVER, SMTP_ENVELOPE },
	{ "request_complete", TO_SERVER, SMTP_COMPLETE },
	{ "response_started", TO_CLIENT, 0 },
	{ "response_complete", TO_CLIENT, SMTP_REPLIED },
	{ NULL, 0, 0 },
};

const char *const smtp_frames[] = {
	[SMTP_FRAME_COMMAND] = "command_line",
	[SMTP_FRAME_DATA] = "data",
	[SMTP_FRAME_RESPONSE] = "response_line",
	NULL,
};
