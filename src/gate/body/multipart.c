// SPDX-License-Identifier: Apache-2.0
/* Multipart forms (RFC 7578, RFC 2046), read line by line as they come and judged as ModSecurity v3 does it, because rules about
 * MULTIPART_STRICT_ERROR and its kin are written for that: what is a boundary, which line ends are wrong, where an attacker and a
 * server may disagree.
 *
 * Two things it does that one would not expect. The lines of a field are joined without their line ends, those of a file are not.
 * And a boundary that follows the head of a part at once is no boundary but content.
 *
 * Parts are told at the end, and only if the end was in order. Lines are looked at where they lie in the piece; only one that
 * goes over the end of a piece is copied. In the content of files, where no line can be a boundary, many lines go at once. */
#include "gate/body/multipart.h"

#include "base/error.h"

#define PARTS_MAX 1000 /* where the rules set none */

static struct multipart_flags *flags_of(struct multipart *multipart)
{
	return &multipart->parser->result.multipart;
}

int body_multipart_new(struct body_parser *parser, struct bytes content_type)
{
	struct multipart *multipart = arena_alloc(parser->arena, sizeof(*multipart));

	if (!multipart)
		return LUYTRE_E_NOMEM;
	parser->multipart = multipart;
	multipart->parser = parser;
	multipart->parts_end = &multipart->parts;
	multipart->at_line = true;
	multipart->failed = !body_multipart_boundary(multipart, content_type);
	return 0;
}

static enum line_end line_end_of(struct bytes line)
{
	if (line.size == 0 || line.ptr[line.size - 1] != '\n')
		return LINE_END_NONE;
	return line.size >= 2 && line.ptr[line.size - 2] == '\r' ? LINE_END_CRLF : LINE_END_LF;
}

static void line_end_seen(struct multipart *multipart, enum line_end end)
{
	multipart->lf_seen |= end == LINE_END_LF;
	multipart->crlf_seen |= end == LINE_END_CRLF;
}

static void fail(struct multipart *multipart)
{
	multipart->failed = true;
	multipart->fatal = true;
}

static bool part_keep(struct multipart *multipart, struct bytes content, bool stable)
{
	if (content.size == 0 || gather_add(&multipart->part->content, content, stable, multipart->parser->arena))
		return true;
	body_error_memory(multipart->parser);
	multipart->failed = true;
	return false;
}

/* Content of a file; what is over the limit is counted only. */
static void file_add(struct multipart *multipart, struct bytes content, bool stable)
{
	struct part *part = multipart->part;
	size_t room = multipart->parser->limits.file_content_max - part->content.bytes.size;

	if (part->size == part->content.bytes.size)
		part_keep(multipart, bytes_first(content, room), stable);
	part->size += content.size;
}

/* The line end kept back turns out to be content. */
static void pending_flush(struct multipart *multipart, bool stable, const uint8_t *next)
{
	size_t size = multipart->pending_size;

	multipart->pending_size = 0;
	if (size == 0)
		return;
	/* In one piece that stays, it lies right before what follows: no copy then. */
	if (stable)
		file_add(multipart, bytes_of(next - size, size), true);
	else
		file_add(multipart, bytes_of(multipart->pending, size), false);
}

/* 'lead': how many bytes before 'content' belong to the same piece. */
static void file_data(struct multipart *multipart, struct bytes content, bool stable, size_t lead)
{
	size_t end_size = (size_t)line_end_of(content);

	pending_flush(multipart, stable && lead >= multipart->pending_size, content.ptr);
	memcpy(multipart->pending, content.ptr + content.size - end_size, end_size);
	multipart->pending_size = end_size;
	file_add(multipart, bytes_first(content, content.size - end_size), stable);
}

static void field_data(struct multipart *multipart, struct bytes line, bool stable)
{
	struct bytes bare = bytes_first(line, line.size - (size_t)line_end_of(line));

	if (!part_keep(multipart, bare, stable))
		return;
	multipart->part->size += bare.size;
	body_trace(
		multipart->parser, "Multipart: Added data to variable: %.*s", text_size(bare), (const char *)bare.ptr);
}

static void part_data(struct multipart *multipart, struct bytes line, bool stable, size_t lead)
{
	struct part *part = multipart->part;

	if (part->size == 0)
		part->offset = multipart->offset;
	multipart->data_read = true;
	if (part->is_file)
		file_data(multipart, line, stable, lead);
	else
		field_data(multipart, line, stable);
}

static void file_count(struct multipart *multipart)
{
	uint32_t files_max = multipart->parser->limits.files_max;

	multipart->files_count++;
	if (files_max == 0 || multipart->files_count <= files_max || flags_of(multipart)->file_limit_exceeded)
		return;
	flags_of(multipart)->file_limit_exceeded = true;
	body_trace(multipart->parser, "Multipart: Upload file limit exceeded SecUploadFileLimit.");
}

static void headers_tell(struct body_parser *parser, const struct part *part)
{
	for (const struct part_header *header = part->headers; header; header = header->next) {
		body_trace(parser, "Multipart: Added part header line:%.*s", text_size(header->line),
			(const char *)header->line.ptr);
		if (parser->sink.part_header)
			parser->sink.part_header(parser->sink.context, part->name, header->line);
	}
}

static void part_end(struct multipart *multipart)
{
	struct body_parser *parser = multipart->parser;
	struct part *part = multipart->part;

	multipart->part = NULL;
	multipart->pending_size = 0;
	if (!part)
		return;
	if (part->head_ended)
		headers_tell(parser, part);
	if (bytes_empty(part->name)) {
		flags_of(multipart)->invalid_part = true;
		body_trace(parser, "Multipart: Skipping invalid part (part name missing): (offset %llu, length %llu)",
			(unsigned long long)part->offset, (unsigned long long)part->size);
		return;
	}
	if (part->is_file)
		body_trace(parser,
			"Multipart: Added file part to the list: name \"%.*s\" file name \"%.*s\" (offset %llu, length "
			"%llu)",
			text_size(part->name), (const char *)part->name.ptr, text_size(part->file_name),
			(const char *)part->file_name.ptr, (unsigned long long)part->offset,
			(unsigned long long)part->size);
	else
		body_trace(parser, "Multipart: Added part to the list: name \"%.*s\" (offset %llu, length %llu)",
			text_size(part->name), (const char *)part->name.ptr, (unsigned long long)part->offset,
			(unsigned long long)part->size);
	*multipart->parts_end = part;
	multipart->parts_end = &part->next;
}

static void part_begin(struct multipart *multipart)
{
	uint32_t parts_max = multipart->parser->limits.parts_max ? multipart->parser->limits.parts_max : PARTS_MAX;

	multipart->in_data = false;
	multipart->data_read = false;
	if (multipart->parts_count++ == parts_max) {
		body_trace(multipart->parser, "Multipart: Too many parts.");
		body_error(multipart->parser, "Multipart: Too many parts.");
		fail(multipart);
		return;
	}
	multipart->part = arena_alloc(multipart->parser->arena, sizeof(*multipart->part));
	if (!multipart->part) {
		body_error_memory(multipart->parser);
		multipart->failed = true;
	}
}

/* A line that begins with the boundary. */
static void boundary_line(struct multipart *multipart, struct bytes line)
{
	struct bytes rest = bytes_skip(line, multipart->needle_size);
	bool last = rest.size >= 2 && memcmp(rest.ptr, "--", 2) == 0;
	enum line_end end;

	if (last)
		rest = bytes_skip(rest, 2);
	end = line_end_of(rest);
	multipart->lf_seen |= multipart->last_end == LINE_END_LF;
	if (multipart->boundary_count > 0)
		flags_of(multipart)->unmatched_boundary = 2;
	if (end == LINE_END_NONE || rest.size != (size_t)end) {
		body_trace(multipart->parser, "Multipart: Invalid boundary: %.*s", text_size(line),
			(const char *)line.ptr);
		fail(multipart);
		return;
	}
	line_end_seen(multipart, end);
	part_end(multipart);
	if (!last)
		part_begin(multipart);
	multipart->complete = last;
	multipart->boundary_count++;
}

/* A line that begins with "--" and is no boundary. False when it tries to be one for servers that are less strict. */
static bool near_boundary(struct multipart *multipart, struct bytes line)
{
	struct bytes boundary = bytes_of(multipart->needle + 2, multipart->needle_size - 2);
	struct bytes rest = bytes_skip(line, 2);
	size_t blanks = 0;

	if (flags_of(multipart)->boundary_quoted && rest.size != 0 && rest.ptr[0] == '"' &&
		bytes_starts_with(bytes_skip(rest, 1), boundary)) {
		body_trace(multipart->parser, "Multipart: Invalid boundary (quotes).");
		fail(multipart);
		return false;
	}
	while (blanks < rest.size &&
		(rest.ptr[blanks] == ' ' || (rest.ptr[blanks] >= '\t' && rest.ptr[blanks] <= '\r')))
		blanks++;
	if (blanks != 0 && bytes_starts_with(bytes_skip(rest, blanks), boundary)) {
		body_trace(multipart->parser, "Multipart: Invalid boundary (whitespace).");
		fail(multipart);
		return false;
	}
	flags_of(multipart)->unmatched_boundary = 1;
	return true;
}

/* True when the line was dealt with. */
static bool as_boundary(struct multipart *multipart, struct bytes line)
{
	struct bytes needle = bytes_of(multipart->needle, multipart->needle_size);

	if (!multipart->at_line)
		return false;
	if (line.size <= 3 || memcmp(line.ptr, "--", 2) != 0) {
		if (line.size > needle.size && memmem(line.ptr, line.size, needle.ptr, needle.size))
			flags_of(multipart)->unmatched_boundary = 1;
		return false;
	}
	if (!bytes_starts_with(line, needle))
		return !near_boundary(multipart, line);
	if (multipart->boundary_count > 0 && !multipart->data_read) {
		flags_of(multipart)->invalid_part = true;
		body_trace(multipart->parser, "Multipart: Invalid part (data contains boundary)");
		return false;
	}
	boundary_line(multipart, line);
	return true;
}

/* One line with its end, or a piece of a line too long. */
static void take_line(struct multipart *multipart, struct bytes line, bool stable, size_t lead)
{
	enum line_end end = line_end_of(line);

	if (!as_boundary(multipart, line)) {
		if (!multipart->part) {
			flags_of(multipart)->data_before = true;
			body_trace(multipart->parser, "Multipart: Ignoring data before first boundary.");
		} else if (multipart->in_data) {
			part_data(multipart, line, stable, lead);
		} else if (end == LINE_END_NONE || line.size == LINE_SIZE_MAX) {
			body_trace(multipart->parser, "Multipart: Part header line over %d bytes long", LINE_SIZE_MAX);
			fail(multipart);
		} else {
			bool was_in_data = multipart->in_data;

			line_end_seen(multipart, end);
			multipart_header_line(multipart, line);
			if (multipart->in_data != was_in_data && multipart->part->is_file)
				file_count(multipart);
		}
	}
	multipart->offset += line.size;
	multipart->at_line = end != LINE_END_NONE;
	multipart->last_end = end;
}

/* How much of 'in' makes the next line, at most LINE_SIZE_MAX; 0 when more is needed to know. A carriage return is
 * never parted from what follows it. */
static size_t line_size(struct bytes in)
{
	struct bytes window = bytes_first(in, LINE_SIZE_MAX);
	size_t newline = bytes_index(window, '\n');

	if (newline < window.size)
		return newline + 1;
	if (window.size < LINE_SIZE_MAX)
		return 0;
	return window.ptr[LINE_SIZE_MAX - 1] == '\r' ? LINE_SIZE_MAX - 1 : LINE_SIZE_MAX;
}

/* The size of what is file content at the start of 'in' for sure: whole lines that neither begin with a dash nor hold the boundary.
 * '*needle_at' is where the boundary stands next in the piece, sought again only when it is passed: each byte once. */
static size_t bulk_size(const struct multipart *multipart, struct bytes in, const uint8_t **needle_at)
{
	const uint8_t *next = in.ptr;

	if (!multipart->part || !multipart->in_data || !multipart->part->is_file || !multipart->at_line ||
		!multipart->data_read)
		return 0;
	if (!*needle_at || *needle_at < in.ptr) {
		*needle_at = memmem(in.ptr, in.size, multipart->needle, multipart->needle_size);
		if (!*needle_at)
			*needle_at = in.ptr + in.size;
	}
	while (next < *needle_at && *next != '-') {
		const uint8_t *newline = memchr(next, '\n', (size_t)(*needle_at - next));

		if (!newline)
			break;
		next = newline + 1;
	}
	return (size_t)(next - in.ptr);
}

static bool finished(const struct multipart *multipart)
{
	return multipart->failed || multipart->complete;
}

static void data_after(struct multipart *multipart, size_t size)
{
	if (!multipart->complete || size == 0)
		return;
	if (!flags_of(multipart)->data_after)
		body_trace(multipart->parser, "Multipart: Ignoring data after last boundary (%zubytes left)", size);
	flags_of(multipart)->data_after = true;
}

/* Completes the line begun before; returns what is left of the piece. */
static struct bytes carry_on(struct multipart *multipart, struct bytes piece)
{
	while (multipart->carry_size != 0 && piece.size != 0 && !finished(multipart)) {
		struct bytes more = bytes_first(piece, LINE_SIZE_MAX - multipart->carry_size);
		size_t size;

		memcpy(multipart->carry + multipart->carry_size, more.ptr, more.size);
		size = line_size(bytes_of(multipart->carry, multipart->carry_size + more.size));
		if (size == 0) {
			multipart->carry_size += more.size;
			return bytes_of(piece.ptr + piece.size, 0);
		}
		take_line(multipart, bytes_of(multipart->carry, size), false, 0);
		if (size < multipart->carry_size) {
			/* Only the carriage return at the end of a full buffer is left over. */
			multipart->carry[0] = '\r';
			multipart->carry_size = 1;
		} else {
			piece = bytes_skip(piece, size - multipart->carry_size);
			multipart->carry_size = 0;
		}
	}
	return piece;
}

void body_multipart_feed(struct body_parser *parser, struct bytes piece, bool stable)
{
	struct multipart *multipart = parser->multipart;
	const uint8_t *start = piece.ptr;
	const uint8_t *needle_at = NULL;

	if (multipart->failed)
		return;
	multipart->seen_data = true;
	piece = carry_on(multipart, piece);
	while (piece.size != 0 && !finished(multipart)) {
		size_t size = bulk_size(multipart, piece, &needle_at);

		if (size != 0) {
			struct bytes bulk = bytes_first(piece, size);

			part_data(multipart, bulk, stable, (size_t)(piece.ptr - start));
			multipart->offset += size;
			multipart->last_end = line_end_of(bulk);
		} else {
			size = line_size(piece);
			if (size == 0) {
				memcpy(multipart->carry, piece.ptr, piece.size);
				multipart->carry_size = piece.size;
				return;
			}
			take_line(multipart, bytes_first(piece, size), stable, (size_t)(piece.ptr - start));
		}
		piece = bytes_skip(piece, size);
	}
	data_after(multipart, piece.size);
}

static void warnings_trace(struct multipart *multipart)
{
	const struct multipart_flags *flags = flags_of(multipart);
	const struct {
		bool raised;
		const char *text;
	} warnings[] = {
		{ flags->data_before, "seen data before first boundary." },
		{ flags->data_after, "seen data after last boundary." },
		{ flags->boundary_quoted, "boundary was quoted." },
		{ flags->boundary_whitespace, "boundary whitespace in C-T header." },
		{ flags->header_folding, "header folding used." },
		{ flags->crlf_lf_lines, "mixed line endings used (CRLF/LF)." },
		{ flags->lf_line && !flags->crlf_lf_lines, "incorrect line endings used (LF)." },
		{ flags->missing_semicolon, "missing semicolon in C-T header." },
		{ flags->invalid_quoting, "invalid quoting used." },
		{ flags->invalid_part, "invalid part parsing." },
		{ flags->invalid_header_folding, "invalid header folding used." },
	};

	for (size_t i = 0; i < ARRAY_COUNT(warnings); i++) {
		if (warnings[i].raised)
			body_trace(multipart->parser, "Multipart: Warning: %s", warnings[i].text);
	}
}

static void part_tell(struct body_parser *parser, const struct part *part)
{
	const struct body_sink *sink = &parser->sink;

	if (!part->is_file) {
		body_tell_arg(parser, part->name, part->content.bytes);
		return;
	}
	parser->result.files_size += part->size;
	parser->result.files_count++;
	if (sink->file)
		sink->file(sink->context, &(struct body_file){ .field = part->name,
						  .name = part->file_name,
						  .content = part->content.bytes,
						  .size = part->size });
}

/* The last boundary may come without a line end: it is still in the carry buffer then. */
static void last_boundary(struct multipart *multipart)
{
	struct bytes line = bytes_of(multipart->carry, multipart->carry_size);

	if (finished(multipart) || multipart->boundary_count == 0 || !multipart->at_line ||
		line.size != multipart->needle_size + 2 ||
		memcmp(line.ptr, multipart->needle, multipart->needle_size) != 0 ||
		memcmp(line.ptr + multipart->needle_size, "--", 2) != 0)
		return;
	if (!multipart->data_read) {
		flags_of(multipart)->invalid_part = true;
		body_trace(multipart->parser, "Multipart: Invalid part (data contains final boundary)");
	}
	multipart->lf_seen |= multipart->last_end == LINE_END_LF;
	part_end(multipart);
	multipart->complete = true;
}

static void strict_or(struct multipart *multipart)
{
	struct multipart_flags *flags = flags_of(multipart);

	flags->lf_line = multipart->lf_seen;
	flags->crlf_lf_lines = multipart->lf_seen && multipart->crlf_seen;
	flags->strict_error = multipart->fatal || flags->boundary_quoted || flags->boundary_whitespace ||
			      flags->data_before || flags->data_after || flags->header_folding || flags->lf_line ||
			      flags->missing_semicolon || flags->invalid_quoting || flags->invalid_part ||
			      flags->invalid_header_folding || flags->file_limit_exceeded;
}

/* What a cut body ends with: the line begun, and the part it belongs to. */
static void cut_off(struct multipart *multipart)
{
	if (multipart->carry_size != 0 && multipart->part && multipart->in_data)
		part_data(multipart, bytes_of(multipart->carry, multipart->carry_size), false, 0);
	if (multipart->part && multipart->in_data)
		part_end(multipart);
}

void body_multipart_end(struct body_parser *parser, bool cut)
{
	struct multipart *multipart = parser->multipart;
	bool whole;

	last_boundary(multipart);
	if (cut && !finished(multipart))
		cut_off(multipart);
	strict_or(multipart);
	warnings_trace(multipart);
	if (!multipart->seen_data)
		return;
	whole = multipart->complete || (cut && !multipart->failed);
	if (!whole && !parser->result.out_of_memory) {
		const char *what =
			multipart->boundary_count ? "Final boundary missing." : "No boundaries found in payload.";

		body_trace(parser, "Multipart: %s", what);
		body_error(parser, "Multipart: %s", what);
	}
	for (const struct part *part = multipart->parts; part && whole; part = part->next)
		part_tell(parser, part);
}
