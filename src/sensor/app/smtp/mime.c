// SPDX-License-Identifier: Apache-2.0
/* Headers and boundaries of messages. */
#include "sensor/app/smtp/mime.h"

#include "base/ascii.h"

enum mime_state { IN_HEADERS, IN_BODY, BEHIND_LAST_PART };

bool mime_list_add(
	struct mime_list *list, struct arena *arena, struct bytes name, struct bytes text, uint32_t count_max)
{
	struct mime_text *item;
	uint8_t *copy;

	if (list->count == count_max)
		return false;
	item = arena_alloc(arena, sizeof(*item) + name.size + text.size);
	if (!item)
		return false;
	copy = (uint8_t *)(item + 1);
	item->name = bytes_of(copy, name.size);
	item->text = bytes_of(copy + name.size, text.size);
	if (name.size)
		memcpy(copy, name.ptr, name.size);
	if (text.size)
		memcpy(copy + name.size, text.ptr, text.size);
	if (list->last)
		list->last->next = item;
	else
		list->first = item;
	list->last = item;
	list->count++;
	return true;
}

bool mime_init(struct mime *mime, const struct mime_config *config, struct arena *arena, const struct mime_sink *sink,
	void *context, bool with_md5)
{
	*mime = (struct mime){ .config = config, .sink = sink, .context = context, .arena = arena };
	mime->header_value = arena_alloc(arena, config->header_value_max_size);
	mime->digest_on = with_md5 && digest_init(&mime->digest, DIGEST_MD5) == 0;
	return mime->header_value != NULL;
}

void mime_done(struct mime *mime)
{
	digest_done(&mime->digest);
}

const struct mime_text *mime_header(const struct mime *mime, const char *name)
{
	const struct mime_text *header = mime->headers.first;

	while (header && !bytes_equal_str(header->name, name))
		header = header->next;
	return header;
}

const struct mime_text *mime_header_next(const struct mime_text *header)
{
	const struct mime_text *next = header->next;

	while (next && !bytes_equal(next->name, header->name))
		next = next->next;
	return next;
}

static void trouble(struct mime *mime, enum mime_trouble what)
{
	mime->trouble |= 1u << what;
}

/* ---- What headers say about the part ---- */

static void take_file_name(struct mime *mime, struct bytes value, const char *parameter)
{
	struct bytes name;

	if (mime->part.file_name.size || !mime_parameter(value, parameter, mime->arena, &name) || !name.size)
		return;
	if (name.size > MIME_FILE_NAME_MAX) {
		trouble(mime, MIME_LONG_FILE_NAME);
		name = bytes_first(name, MIME_FILE_NAME_MAX);
	}
	mime->part.file_name = name;
	mime_list_add(&mime->attachments, mime->arena, (struct bytes){ 0 }, name, MIME_ATTACHMENTS_MAX);
}

static void take_boundary(struct mime *mime, struct bytes value)
{
	struct bytes boundary;

	if (!mime_parameter(value, "boundary", mime->arena, &boundary) || !boundary.size)
		return;
	if (boundary.size > MIME_BOUNDARY_MAX)
		trouble(mime, MIME_LONG_BOUNDARY);
	if (mime->boundary_count == MIME_DEPTH_MAX) {
		trouble(mime, MIME_MALFORMED);
		return;
	}
	mime->boundaries[mime->boundary_count++] = boundary;
	mime->part.multipart = true;
}

static void take_type(struct mime *mime, struct bytes value)
{
	struct bytes type = bytes_first(value, bytes_index(value, ';'));

	while (type.size && (type.ptr[type.size - 1] == ' ' || type.ptr[type.size - 1] == '\t'))
		type.size--;
	if (mime->part.has_type)
		return;
	mime->part.has_type = true;
	mime->part.is_text = ascii_equal_nocase_str(type, "text/plain") || ascii_equal_nocase_str(type, "text/html");
	mime->part.message = ascii_starts_nocase_str(type, "message/");
	take_file_name(mime, value, "name");
	take_boundary(mime, value);
}

static void take_encoding(struct mime *mime, struct bytes value)
{
	while (value.size && (value.ptr[value.size - 1] == ' ' || value.ptr[value.size - 1] == '\t'))
		value.size--;
	if (mime->config->decode_base64 && ascii_equal_nocase_str(value, "base64"))
		mime->part.encoding = MIME_BASE64;
	else if (mime->config->decode_quoted_printable && ascii_equal_nocase_str(value, "quoted-printable"))
		mime->part.encoding = MIME_QUOTED_PRINTABLE;
}

static void header_end(struct mime *mime)
{
	struct bytes name = bytes_of(mime->header_name, mime->header_name_size);
	struct bytes value = bytes_of(mime->header_value, mime->header_value_size);

	if (!mime->in_header)
		return;
	mime->in_header = false;
	if (!mime->main_done)
		mime_list_add(&mime->headers, mime->arena, name, value, MIME_HEADERS_MAX);
	if (bytes_equal_str(name, "content-type"))
		take_type(mime, value);
	else if (bytes_equal_str(name, "content-disposition"))
		take_file_name(mime, value, "filename");
	else if (bytes_equal_str(name, "content-transfer-encoding"))
		take_encoding(mime, value);
}

/* ---- Header lines ---- */

static void header_more(struct mime *mime, struct bytes text)
{
	size_t room = mime->config->header_value_max_size - mime->header_value_size;

	if (!mime->in_header)
		return;
	if (text.size > room)
		trouble(mime, MIME_LONG_HEADER_VALUE);
	text = bytes_first(text, room);
	if (text.size)
		memcpy(mime->header_value + mime->header_value_size, text.ptr, text.size);
	mime->header_value_size += (uint32_t)text.size;
}

static struct bytes skip_blanks(struct bytes text)
{
	while (text.size && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
		text = bytes_skip(text, 1);
	return text;
}

static void header_begin(struct mime *mime, struct bytes text)
{
	size_t colon = bytes_index(text, ':');
	struct bytes name = bytes_first(text, colon);

	if (colon == text.size) {
		trouble(mime, MIME_MALFORMED);
		return;
	}
	while (name.size && (name.ptr[name.size - 1] == ' ' || name.ptr[name.size - 1] == '\t'))
		name.size--;
	if (name.size > MIME_NAME_MAX) {
		trouble(mime, MIME_LONG_HEADER_NAME);
		name.size = MIME_NAME_MAX;
	}
	for (size_t i = 0; i < name.size; i++)
		mime->header_name[i] =
			name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? (uint8_t)(name.ptr[i] | 0x20) : name.ptr[i];
	mime->header_name_size = (uint32_t)name.size;
	mime->header_value_size = 0;
	mime->in_header = true;
	header_more(mime, skip_blanks(bytes_skip(text, colon + 1)));
}

/* The empty line. */
static void headers_end(struct mime *mime)
{
	header_end(mime);
	mime->main_done = true;
	if (mime->part.message) {
		/* A message within: its headers follow; what was said about this part is said again there. */
		mime->part = (struct mime_part){ 0 };
		return;
	}
	mime->state = IN_BODY;
	/* RFC 2045, section 5.2: what says nothing is plain text. */
	mime->part.is_text = mime->part.is_text || !mime->part.has_type;
	if (mime->part.multipart || mime->part.file_name.size)
		mime->part.is_text = false;
	if (mime->part.file_name.size && !mime->part.multipart)
		mime->file = mime->sink->open(mime->context, mime->part.file_name);
}

static void header_line(struct mime *mime, struct bytes text, bool begins, bool complete)
{
	if (!begins) {
		header_more(mime, text);
		return;
	}
	if (!text.size && complete) {
		headers_end(mime);
		return;
	}
	if (text.size && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
		if (!mime->in_header)
			trouble(mime, MIME_MALFORMED);
		header_more(mime, skip_blanks(text));
		return;
	}
	header_end(mime);
	header_begin(mime, text);
}

/* ---- Boundaries ---- */

/* "--boundary", "--boundary--", with blanks behind (RFC 2046, section 5.1.1). */
static bool is_boundary(struct bytes text, struct bytes boundary, bool *ret_last)
{
	text = bytes_skip(text, 2);
	if (!bytes_starts_with(text, boundary))
		return false;
	text = bytes_skip(text, boundary.size);
	*ret_last = text.size >= 2 && text.ptr[0] == '-' && text.ptr[1] == '-';
	return skip_blanks(*ret_last ? bytes_skip(text, 2) : text).size == 0;
}

/* Inner ones first: the outer one may be how an inner one begins. */
static bool boundary_line(struct mime *mime, struct bytes text)
{
	bool last = false;
	uint32_t i = mime->boundary_count;

	if (!mime->main_done || text.size < 3 || text.ptr[0] != '-' || text.ptr[1] != '-')
		return false;
	while (i > 0 && !is_boundary(text, mime->boundaries[i - 1], &last))
		i--;
	if (i == 0)
		return false;
	if (mime->state == IN_HEADERS)
		header_end(mime);
	mime_body_end(mime);
	mime->part = (struct mime_part){ 0 };
	mime->boundary_count = last ? i - 1 : i;
	mime->state = last ? BEHIND_LAST_PART : IN_HEADERS;
	return true;
}

/* ---- Lines ---- */

static void check_size(struct mime *mime, struct bytes text, bool begins)
{
	mime->line_size = begins ? text.size : mime->line_size + text.size;
	if (mime->line_size > MIME_LINE_MAX)
		trouble(mime, MIME_LONG_LINE);
}

void mime_line(struct mime *mime, struct bytes data, size_t end_size)
{
	struct bytes text = bytes_first(data, data.size - end_size);
	bool begins = !mime->in_line, complete = end_size != 0;

	mime->in_line = !complete;
	if (mime->digest_on && mime->main_done)
		digest_update(&mime->digest, data);
	if (begins && text.size && text.ptr[0] == '.')
		text = bytes_skip(text, 1);
	check_size(mime, text, begins);
	if (begins && complete && boundary_line(mime, text))
		return;
	if (mime->state == IN_HEADERS)
		header_line(mime, text, begins, complete);
	else if (mime->state == IN_BODY)
		mime_body_line(mime, text, bytes_skip(data, data.size - end_size));
}

void mime_end(struct mime *mime)
{
	uint8_t md5[DIGEST_SIZE_MAX];

	if (mime->ended)
		return;
	mime->ended = true;
	if (mime->state == IN_HEADERS)
		header_end(mime);
	mime_body_end(mime);
	mime->main_done = true;
	if (mime->digest_on && digest_finish(&mime->digest, md5) == 0) {
		digest_hex(bytes_of(md5, DIGEST_MD5_SIZE), mime->md5_text);
		mime->has_md5 = true;
	}
}
