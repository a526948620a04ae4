// SPDX-License-Identifier: Apache-2.0
/* The objects "smtp" and "email" of EVE. Of the options of the record, "extended" adds the headers marked so below,
 * "custom" names further ones, and "md5" asks for digests of body and subject. */
#include <strings.h>

#include "base/digest.h"
#include "sensor/app/json.h"
#include "sensor/app/smtp/smtp.h"
#include "sensor/config/tree.h"

enum field_flag {
	FIELD_EXTENDED = 1,
	FIELD_LIST = 2 /* text with commas */,
	FIELD_ALL = 4 /* every header of that name */
};

static const struct field {
	const char *key, *header;
	uint8_t flags; /* enum field_flag */
} fields[] = {
	{ "reply_to", "reply-to", 0 },
	{ "bcc", "bcc", FIELD_EXTENDED | FIELD_LIST },
	{ "message_id", "message-id", FIELD_EXTENDED },
	{ "subject", "subject", FIELD_EXTENDED },
	{ "x_mailer", "x-mailer", FIELD_EXTENDED },
	{ "user_agent", "user-agent", FIELD_EXTENDED },
	{ "received", "received", FIELD_ALL },
	{ "x_originating_ip", "x-originating-ip", 0 },
	{ "in_reply_to", "in-reply-to", 0 },
	{ "references", "references", 0 },
	{ "importance", "importance", 0 },
	{ "priority", "priority", 0 },
	{ "sensitivity", "sensitivity", 0 },
	{ "organization", "organization", 0 },
	{ "content_md5", "content-md5", 0 },
	{ "date", "date", 0 },
};

/* ---- Values ---- */

static struct bytes trim(struct bytes text)
{
	while (text.size && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
		text = bytes_skip(text, 1);
	while (text.size && (text.ptr[text.size - 1] == ' ' || text.ptr[text.size - 1] == '\t'))
		text.size--;
	return text;
}

/* A comma in quotes is part of a name (RFC 5322, section 3.4). */
static size_t comma_in(struct bytes text)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < text.size && (quoted || text.ptr[i] != ','); i++)
		if (text.ptr[i] == '"')
			quoted = !quoted;
		else if (quoted && text.ptr[i] == '\\' && i + 1 < text.size)
			i++;
	return i < text.size ? i : text.size;
}

static void kv_list(struct jsonw *json, const char *key, struct bytes text)
{
	bool open = false;

	while (text.size) {
		size_t comma = comma_in(text);
		struct bytes item = trim(bytes_first(text, comma));

		text = bytes_skip(text, comma + 1);
		if (!item.size)
			continue;
		if (!open)
			jsonw_kv_array_begin(json, key);
		open = true;
		app_json_text(json, item);
	}
	if (open)
		jsonw_array_end(json);
}

static void kv_texts(struct jsonw *json, const char *key, const struct mime_text *item)
{
	if (!item)
		return;
	jsonw_kv_array_begin(json, key);
	for (; item; item = item->next)
		app_json_text(json, item->text);
	jsonw_array_end(json);
}

/* ---- "email" ---- */

static bool list_has(const struct conf_node *options, const char *path, const char *wanted, const char *other)
{
	const struct conf_node *list = conf_get(options, path);

	for (size_t i = 0; i < conf_values_count(list); i++) {
		const char *text = conf_value_at(list, i);

		if (text && (strcasecmp(text, wanted) == 0 || strcasecmp(text, other) == 0))
			return true;
	}
	return false;
}

static void write_all(struct jsonw *json, const char *key, const struct mime_text *header)
{
	jsonw_kv_array_begin(json, key);
	for (; header; header = mime_header_next(header))
		app_json_text(json, header->text);
	jsonw_array_end(json);
}

static void write_fields(struct jsonw *json, const struct mime *mime, const struct conf_node *options)
{
	bool extended = conf_bool(options, "extended", false);

	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		const struct field *field = &fields[i];
		const struct mime_text *header = mime_header(mime, field->header);

		if (!header || (!(extended && field->flags & FIELD_EXTENDED) &&
				       !list_has(options, "custom", field->header, field->key)))
			continue;
		if (field->flags & FIELD_ALL)
			write_all(json, field->key, header);
		else if (field->flags & FIELD_LIST)
			kv_list(json, field->key, header->text);
		else
			app_json_kv_text(json, field->key, header->text);
	}
}

static void write_digests(struct jsonw *json, const struct mime *mime, const struct conf_node *options)
{
	const struct mime_text *subject = mime_header(mime, "subject");
	uint8_t md5[DIGEST_MD5_SIZE];
	char text[DIGEST_HEX_SIZE];

	if (mime->has_md5 && list_has(options, "md5", "body", "body"))
		jsonw_kv_string(json, "body_md5", mime->md5_text);
	if (subject && list_has(options, "md5", "subject", "subject") && digest_md5(subject->text, md5) == 0)
		jsonw_kv_string(json, "subject_md5", digest_hex(bytes_of(md5, sizeof(md5)), text));
}

/* The last one that was found comes first. */
static void write_urls(struct jsonw *json, const struct mime *mime)
{
	const struct mime_text *items[MIME_URLS_MAX];
	uint32_t count = 0;

	for (const struct mime_text *url = mime->urls.first; url && count < MIME_URLS_MAX; url = url->next)
		items[count++] = url;
	if (!count)
		return;
	jsonw_kv_array_begin(json, "url");
	while (count)
		app_json_text(json, items[--count]->text);
	jsonw_array_end(json);
}

static void write_email(struct jsonw *json, const struct mime *mime, const struct conf_node *options)
{
	const struct mime_text *from = mime_header(mime, "from"), *to = mime_header(mime, "to"),
			       *cc = mime_header(mime, "cc");

	jsonw_kv_object_begin(json, "email");
	jsonw_kv_string(json, "status", "PARSE_DONE");
	if (from)
		app_json_kv_text(json, "from", from->text);
	if (to)
		kv_list(json, "to", to->text);
	if (cc)
		kv_list(json, "cc", cc->text);
	kv_texts(json, "attachment", mime->attachments.first);
	write_urls(json, mime);
	if (options) {
		write_fields(json, mime, options);
		write_digests(json, mime, options);
	}
	jsonw_object_end(json);
}

bool smtp_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct smtp_tx *smtp = (const struct smtp_tx *)tx;

	jsonw_kv_object_begin(json, "smtp");
	if (smtp->state->helo.size)
		app_json_kv_text(json, "helo", smtp->state->helo);
	if (smtp->mail_from.size)
		app_json_kv_text(json, "mail_from", smtp->mail_from);
	kv_texts(json, "rcpt_to", smtp->recipients.first);
	jsonw_object_end(json);
	if (smtp->mime)
		write_email(json, smtp->mime, alert ? NULL : tx->conn->log_options);
	return true;
}
