// SPDX-License-Identifier: Apache-2.0
/* Headers around and inside multipart bodies: the boundary of the Content-Type, the headers of a part, and Content-Disposition
 * (RFC 7578, RFC 6266, RFC 2231 for filename*), judged as strictly and in the same words as ModSecurity v3 does.
 *
 * A wrong header line of a part is noted and left out, and reading goes on: what is in the part is still shown to the rules. */
#include "base/ascii.h"
#include "gate/body/multipart.h"

#define FORM_DATA "multipart/form-data"

static bool is_space(uint8_t byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static bool is_alnum(uint8_t byte)
{
	uint8_t lower = byte | 0x20;

	return (byte >= '0' && byte <= '9') || (lower >= 'a' && lower <= 'z');
}

static bool is_one_of(uint8_t byte, const char *set)
{
	return byte != 0 && strchr(set, byte) != NULL;
}

static size_t index_of_text(struct bytes in, const char *text)
{
	const uint8_t *found = in.size ? memmem(in.ptr, in.size, text, strlen(text)) : NULL;

	return found ? (size_t)(found - in.ptr) : in.size;
}

/* How often "boundary" stands before an equals sign, wherever that is. */
static size_t boundary_params(struct bytes in)
{
	size_t count = 0;

	while (in.size != 0) {
		if (ascii_starts_nocase_str(in, "boundary")) {
			in = bytes_skip(in, 8);
			count += bytes_index(in, '=') < in.size;
		} else {
			in = bytes_skip(in, 1);
		}
	}
	return count;
}

/* RFC 2046: bchars; a blank not at the end. */
static bool boundary_characters(struct bytes boundary)
{
	for (size_t i = 0; i < boundary.size; i++) {
		uint8_t byte = boundary.ptr[i];

		if (!is_alnum(byte) && !is_one_of(byte, "'()+_,-./:=?") && (byte != ' ' || i + 1 == boundary.size))
			return false;
	}
	return true;
}

static bool refuse(struct multipart *multipart, const char *why)
{
	multipart->fatal = true;
	body_trace(multipart->parser, "Multipart: %s", why);
	body_error(multipart->parser, "Multipart: %s", why);
	return false;
}

/* What stands between the type and the parameter: one semicolon. */
static bool boundary_separator(struct multipart *multipart, struct bytes between)
{
	struct multipart_flags *flags = &multipart->parser->result.multipart;
	bool semicolon = false;

	for (size_t i = 0; i < between.size; i++) {
		if (is_space(between.ptr[i]))
			continue;
		if (semicolon || between.ptr[i] != ';')
			return refuse(multipart, "Invalid boundary in C-T (malformed).");
		semicolon = true;
	}
	flags->missing_semicolon = !semicolon;
	return true;
}

static bool is_quoted(struct bytes value)
{
	return value.size >= 2 && value.ptr[0] == '"' && value.ptr[value.size - 1] == '"';
}

/* Behind the equals sign. */
static bool boundary_value(struct multipart *multipart, struct bytes value)
{
	struct multipart_flags *flags = &multipart->parser->result.multipart;

	if (value.size != 0 && is_space(value.ptr[0]))
		flags->boundary_whitespace = true;
	if (is_quoted(value)) {
		value = bytes_first(bytes_skip(value, 1), value.size - 2);
		flags->boundary_quoted = true;
	} else if (value.size != 0 && (value.ptr[0] == '"' || value.ptr[value.size - 1] == '"')) {
		return refuse(multipart, "Invalid boundary in C-T (quote).");
	} else if (bytes_index(value, ';') < value.size) {
		body_trace(multipart->parser, "Multipart: Invalid parameter after boundary in C-T (tolerated).");
		value = bytes_first(value, bytes_index(value, ';'));
	}
	if (boundary_params(value) != 0)
		return refuse(multipart, "Invalid boundary in C-T (content).");
	if (!boundary_characters(value))
		return refuse(multipart, "Invalid boundary in C-T (characters).");
	if (bytes_empty(value))
		return refuse(multipart, "Invalid boundary in C-T (empty).");
	body_trace(multipart->parser, "Multipart: Boundary%s: %.*s", flags->boundary_quoted ? " (quoted)" : "",
		text_size(value), (const char *)value.ptr);
	memcpy(multipart->needle, "--", 2);
	memcpy(multipart->needle + 2, value.ptr, value.size);
	multipart->needle_size = 2 + value.size;
	return true;
}

bool body_multipart_boundary(struct multipart *multipart, struct bytes content_type)
{
	struct multipart_flags *flags = &multipart->parser->result.multipart;
	size_t at = index_of_text(content_type, "boundary");
	struct bytes rest = bytes_skip(content_type, at + 8);
	size_t equals = bytes_index(rest, '=');

	if (content_type.size > BOUNDARY_SIZE_MAX)
		return refuse(multipart, "Invalid boundary in C-T (length).");
	if (!ascii_starts_nocase_str(content_type, FORM_DATA))
		return refuse(multipart, "Invalid MIME type.");
	if (boundary_params(content_type) > 1)
		return refuse(multipart, "Multiple boundary parameters in C-T.");
	if (at == content_type.size)
		return refuse(multipart, boundary_params(content_type) ? "Invalid boundary in C-T (case sensitivity)."
								       : "Boundary not found in C-T.");
	if (!boundary_separator(multipart, bytes_skip(bytes_first(content_type, at), sizeof(FORM_DATA) - 1)))
		return false;
	if (equals == rest.size)
		return refuse(multipart, "Invalid boundary in C-T (malformed).");
	for (size_t i = 0; i < equals; i++) {
		if (!is_space(rest.ptr[i]))
			return refuse(multipart, "Invalid boundary in C-T (parameter name).");
		flags->boundary_whitespace = true;
	}
	return boundary_value(multipart, bytes_skip(rest, equals + 1));
}

/* RFC 2616: token. */
static bool is_token(uint8_t byte)
{
	return byte > 32 && byte < 127 && !is_one_of(byte, "()<>@,;:\\\"/[]?={}");
}

/* A reader of a Content-Disposition. Behind the end it sees NULs, which no header contains. */
struct disposition {
	struct multipart *multipart;
	struct bytes in;
	size_t at;
};

static uint8_t peek(const struct disposition *disposition)
{
	return disposition->at < disposition->in.size ? disposition->in.ptr[disposition->at] : 0;
}

static void blanks_skip(struct disposition *disposition)
{
	while (is_blank(peek(disposition)))
		disposition->at++;
}

static struct bytes since(const struct disposition *disposition, size_t start)
{
	return bytes_of(disposition->in.ptr + start, disposition->at - start);
}

/* The answers of the functions below that are negative are ModSecurity's, which it writes into its trace. */
static int parse_quoted(struct disposition *disposition, struct bytes *ret)
{
	uint8_t quote = disposition->in.ptr[disposition->at++];
	uint8_t *out;
	size_t size = 0;

	if (peek(disposition) == 0)
		return -7;
	out = arena_alloc(disposition->multipart->parser->arena, disposition->in.size - disposition->at);
	if (!out) {
		body_error_memory(disposition->multipart->parser);
		return -7;
	}
	while (peek(disposition) != 0 && peek(disposition) != quote) {
		if (peek(disposition) == '\\') {
			uint8_t next = disposition->at + 1 < disposition->in.size
					       ? disposition->in.ptr[disposition->at + 1]
					       : 0;

			if (next == 0)
				return -8;
			/* Only these two can be escaped: browsers write file names of Windows with lone backslashes. */
			disposition->at += next == quote || next == '\\';
		}
		out[size++] = disposition->in.ptr[disposition->at++];
	}
	*ret = bytes_of(out, size);
	disposition->at++; /* the quote; behind the end of a value without one, which the caller finds */
	return 0;
}

/* filename*=charset'language'value */
static int parse_extended(struct disposition *disposition, struct bytes *ret)
{
	size_t start = disposition->at;

	while (is_alnum(peek(disposition)) || is_one_of(peek(disposition), "!#$%&+-^_`{}~"))
		disposition->at++;
	if (disposition->at == start || peek(disposition) != '\'')
		return -16;
	disposition->at++;
	while (is_alnum(peek(disposition)) || peek(disposition) == '-')
		disposition->at++;
	if (peek(disposition) != '\'')
		return -17;
	start = ++disposition->at;
	while (peek(disposition) != 0 && peek(disposition) != ';') {
		if (peek(disposition) == '%') {
			struct bytes digits = bytes_first(bytes_skip(disposition->in, disposition->at + 1), 2);

			if (digits.size < 2 || !is_one_of(digits.ptr[0], "0123456789abcdefABCDEF") ||
				!is_one_of(digits.ptr[1], "0123456789abcdefABCDEF"))
				return -18;
			disposition->at += 3;
		} else if (is_alnum(peek(disposition)) || is_one_of(peek(disposition), "!#$&+-.^_`~")) {
			disposition->at++;
		} else {
			return -19;
		}
	}
	*ret = since(disposition, start);
	return 0;
}

/* A single quote is legal inside double quotes only; some servers take it for a quote. */
static void quotes_check(struct multipart *multipart, struct bytes value, uint8_t quote)
{
	if (quote == '"' || bytes_index(value, '\'') == value.size)
		return;
	body_trace(multipart->parser, "Multipart: Invalid quoting detected: %.*s length %zu bytes", text_size(value),
		(const char *)value.ptr, value.size);
	multipart->parser->result.multipart.invalid_quoting = true;
}

static void tell_name(struct multipart *multipart, struct bytes name, bool of_file)
{
	const struct body_sink *sink = &multipart->parser->sink;

	if (sink->part_name)
		sink->part_name(sink->context, name, of_file);
}

static int parameter_take(struct multipart *multipart, struct bytes name, struct bytes value, uint8_t quote)
{
	struct body_parser *parser = multipart->parser;
	struct part *part = multipart->part;

	if (bytes_equal_str(name, "name")) {
		quotes_check(multipart, value, quote);
		tell_name(multipart, value, false);
		if (!bytes_empty(part->name)) {
			body_trace(parser,
				"Multipart: Warning: Duplicate Content-Disposition name: %.*s. Previously: %.*s",
				text_size(value), (const char *)value.ptr, text_size(part->name),
				(const char *)part->name.ptr);
			return -14;
		}
		part->name = value;
	} else if (bytes_equal_str(name, "filename")) {
		quotes_check(multipart, value, quote);
		tell_name(multipart, value, true);
		if (!bytes_empty(part->file_name)) {
			body_trace(parser, "Multipart: Warning: Duplicate Content-Disposition filename: %.*s.",
				text_size(value), (const char *)value.ptr);
			return -15;
		}
		part->file_name = value;
	} else if (bytes_equal_str(name, "filename*")) {
		if (!bytes_empty(part->file_name_extended)) {
			body_trace(parser, "Multipart: Warning: Duplicate Content-Disposition filename*: %.*s.",
				text_size(value), (const char *)value.ptr);
			return -20;
		}
		part->file_name_extended = value;
	} else {
		return -11;
	}
	body_trace(parser, "Multipart: Content-Disposition %.*s: %.*s.", text_size(name), (const char *)name.ptr,
		text_size(value), (const char *)value.ptr);
	return 0;
}

/* One parameter, without the semicolons around it. */
static int parse_parameter(struct disposition *disposition)
{
	struct bytes name;
	struct bytes value = { 0 };
	uint8_t quote = 0;
	size_t start;
	int error = 0;

	blanks_skip(disposition);
	if (peek(disposition) == 0)
		return -3;
	start = disposition->at;
	while (peek(disposition) != 0 && peek(disposition) != '=' && !is_blank(peek(disposition)))
		disposition->at++;
	if (peek(disposition) == 0)
		return -4;
	name = since(disposition, start);
	blanks_skip(disposition);
	if (peek(disposition) != '=')
		return peek(disposition) == 0 ? -5 : -13;
	disposition->at++;
	blanks_skip(disposition);
	if (peek(disposition) == 0)
		return -6;
	if (bytes_equal_str(name, "filename*")) {
		error = parse_extended(disposition, &value);
	} else if (peek(disposition) == '"' || peek(disposition) == '\'') {
		quote = peek(disposition);
		disposition->multipart->parser->result.multipart.invalid_quoting |= quote == '\'';
		error = parse_quoted(disposition, &value);
	} else {
		start = disposition->at;
		while (is_token(peek(disposition)))
			disposition->at++;
		value = since(disposition, start);
	}
	return error ? error : parameter_take(disposition->multipart, name, value, quote);
}

/* 'in' begins with what stands before something that should be a semicolon. */
static void quote_left_over(struct multipart *multipart, struct bytes in)
{
	if (in.ptr[0] != '"' && in.ptr[0] != '\'')
		return;
	body_trace(multipart->parser, "Multipart: Invalid quoting detected: %.*s length %zu bytes", text_size(in),
		(const char *)in.ptr, in.size);
	multipart->parser->result.multipart.invalid_quoting = true;
}

static int parse_disposition(struct multipart *multipart, struct bytes in)
{
	struct disposition disposition = { .multipart = multipart, .in = in, .at = 9 };

	if (!bytes_starts_with(in, bytes_from_str("form-data")))
		return -1;
	blanks_skip(&disposition);
	if (peek(&disposition) == 0)
		return 0;
	if (peek(&disposition) != ';')
		return -2;
	disposition.at++;
	while (peek(&disposition) != 0) {
		int error = parse_parameter(&disposition);

		if (error)
			return error;
		if (disposition.at > in.size)
			return -12; /* a quote that never ended */
		blanks_skip(&disposition);
		if (peek(&disposition) != 0 && in.ptr[disposition.at++] != ';') {
			quote_left_over(multipart, bytes_skip(in, disposition.at - 2));
			return -12;
		}
	}
	/* Servers that know nothing of filename* would take such a part for a field. */
	if (bytes_empty(multipart->part->file_name) && !bytes_empty(multipart->part->file_name_extended)) {
		body_trace(multipart->parser, "Multipart: Warning: no filename= but filename*:%.*s.",
			text_size(multipart->part->file_name_extended),
			(const char *)multipart->part->file_name_extended.ptr);
		return -21;
	}
	return 0;
}

static void wrong(struct multipart *multipart, const char *what)
{
	body_trace(multipart->parser, "Multipart: %s", what);
	body_error(multipart->parser, "Multipart: %s", what);
}

static struct part_header *header_find(struct part *part, struct bytes name)
{
	for (struct part_header *header = part->headers; header; header = header->next) {
		if (ascii_equal_nocase(header->name, name))
			return header;
	}
	return NULL;
}

/* Carriage returns before the line end are forgiven. */
static struct bytes without_returns(struct bytes in)
{
	while (in.size != 0 && in.ptr[in.size - 1] == '\r')
		in.size--;
	return in;
}

/* The empty line: the part begins if its Content-Disposition is in order. */
static void headers_end(struct multipart *multipart)
{
	struct part *part = multipart->part;
	const struct part_header *header = header_find(part, bytes_from_str("Content-Disposition"));
	struct bytes value;
	int error;

	part->head_ended = true;
	if (!header) {
		wrong(multipart, "Part missing Content-Disposition header.");
		return;
	}
	value = without_returns(bytes_skip(header->line, header->value_at));
	error = parse_disposition(multipart, value);
	if (error) {
		body_trace(multipart->parser, "Multipart: Invalid Content-Disposition header (%d): %.*s", error,
			text_size(value), (const char *)value.ptr);
		body_error(multipart->parser, "Multipart: Invalid Content-Disposition header (%d): %.*s", error,
			text_size(value), (const char *)value.ptr);
		return;
	}
	if (bytes_empty(part->name)) {
		wrong(multipart, "Content-Disposition header missing name field.");
		return;
	}
	part->is_file = !bytes_empty(part->file_name);
	/* A file must be one for parsers that search for this text only, too. */
	if (part->is_file && index_of_text(value, "filename=") == value.size) {
		wrong(multipart, "Invalid Content-Disposition header (filename).");
		return;
	}
	multipart->in_data = true;
	multipart->data_read = false;
}

static struct bytes without_line_end(struct bytes line)
{
	if (line.size != 0 && line.ptr[line.size - 1] == '\n')
		line.size--;
	if (line.size != 0 && line.ptr[line.size - 1] == '\r')
		line.size--;
	return line;
}

static struct bytes without_blanks(struct bytes in, bool (*blank)(uint8_t byte))
{
	while (in.size != 0 && blank(in.ptr[0]))
		in = bytes_skip(in, 1);
	return in;
}

/* A line that begins with white space goes on with the header before. */
static void header_fold(struct multipart *multipart, struct bytes line)
{
	struct multipart_flags *flags = &multipart->parser->result.multipart;
	struct part_header *header = multipart->part->last_header;
	struct bytes more = without_blanks(line, is_space);
	uint8_t *joined;

	flags->header_folding = true;
	flags->invalid_header_folding |= !is_blank(line.ptr[0]);
	if (!header) {
		wrong(multipart, "Invalid part header (folding error).");
		return;
	}
	body_trace(multipart->parser, "Multipart: Continued folder header \"%.*s\" with \"%.*s\"",
		text_size(header->name), (const char *)header->name.ptr, text_size(more), (const char *)more.ptr);
	more = without_returns(without_line_end(more));
	header->line = without_returns(header->line);
	if (header->line.size + 1 + more.size > LINE_SIZE_MAX) {
		wrong(multipart, "Part header too long.");
		return;
	}
	joined = arena_alloc(multipart->parser->arena, header->line.size + 1 + more.size);
	if (!joined) {
		body_error_memory(multipart->parser);
		return;
	}
	memcpy(joined, header->line.ptr, header->line.size);
	joined[header->line.size] = ' ';
	if (more.size)
		memcpy(joined + header->line.size + 1, more.ptr, more.size);
	header->line = bytes_of(joined, header->line.size + 1 + more.size);
}

/* RFC 822: any character but controls, blanks and the colon. */
static bool is_header_name(struct bytes name)
{
	for (size_t i = 0; i < name.size; i++) {
		if (name.ptr[i] <= 32 || name.ptr[i] >= 127)
			return false;
	}
	return true;
}

static void header_add(struct multipart *multipart, struct bytes line, size_t colon)
{
	struct part *part = multipart->part;
	struct bytes value = without_blanks(bytes_skip(line, colon + 1), is_blank);
	struct part_header *header = arena_alloc(multipart->parser->arena, sizeof(*header));
	const uint8_t *kept = header ? arena_dup(multipart->parser->arena, line) : NULL;

	if (!kept) {
		body_error_memory(multipart->parser);
		return;
	}
	header->line = bytes_of(kept, line.size);
	header->name = bytes_first(header->line, colon);
	header->value_at = line.size - value.size;
	body_trace(multipart->parser, "Multipart: Added part header \"%.*s\" \"%.*s\".", text_size(header->name),
		(const char *)header->name.ptr, text_size(value), (const char *)value.ptr);
	if (part->last_header)
		part->last_header->next = header;
	else
		part->headers = header;
	part->last_header = header;
	part->headers_count++;
}

void multipart_header_line(struct multipart *multipart, struct bytes line)
{
	struct bytes bare = without_line_end(line);
	size_t colon = bytes_index(bare, ':');

	if (bytes_index(line, 0) < line.size) {
		wrong(multipart, "Nul byte in part headers.");
	} else if (bytes_empty(bare)) {
		headers_end(multipart);
	} else if (is_space(line.ptr[0])) {
		header_fold(multipart, line);
	} else if (colon == bare.size) {
		body_trace(multipart->parser, "Multipart: Invalid part header (colon missing): %.*s", text_size(line),
			(const char *)line.ptr);
		body_error(multipart->parser, "Multipart: Invalid part header (colon missing): %.*s", text_size(line),
			(const char *)line.ptr);
	} else if (colon == 0) {
		wrong(multipart, "Invalid part header (header name missing).");
	} else if (!is_header_name(bytes_first(bare, colon))) {
		wrong(multipart, "Invalid part header (contains invalid character).");
	} else if (header_find(multipart->part, bytes_first(bare, colon))) {
		body_trace(multipart->parser, "Multipart: Duplicate part header: %.*s.", (int)colon,
			(const char *)bare.ptr);
	} else if (multipart->part->headers_count == HEADERS_MAX) {
		wrong(multipart, "Too many part headers.");
	} else {
		header_add(multipart, bare, colon);
	}
}
