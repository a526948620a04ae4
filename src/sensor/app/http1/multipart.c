// SPDX-License-Identifier: Apache-2.0
/* Three states: before the first boundary, in a part's header, in a part's data. Bytes that cannot be decided yet wait in
 * 'held': of data, at most a line end and a piece of a boundary. */
#include "sensor/app/http1/multipart.h"

#include "base/ascii.h"
#include "sensor/app/http1/text.h"

enum multipart_state { PREAMBLE, PART_HEADER, PART_DATA, EPILOGUE };

bool multipart_init(struct multipart *form, struct bytes content_type, const struct multipart_sink *sink)
{
	struct bytes boundary;

	memset(form, 0, offsetof(struct multipart, held));
	form->sink = sink;
	if (!ascii_starts_nocase_str(content_type, "multipart/") ||
		!http_parameter(content_type, "boundary", &boundary))
		return false;
	if (boundary.size == 0 || boundary.size > MULTIPART_BOUNDARY_MAX - 2)
		return false;
	form->boundary[0] = form->boundary[1] = '-';
	memcpy(form->boundary + 2, boundary.ptr, boundary.size);
	form->boundary_size = (uint8_t)(boundary.size + 2);
	return true;
}

static void file_data(struct multipart *form, struct bytes data)
{
	if (!form->in_file || data.size == 0)
		return;
	form->file_had_data = true;
	form->sink->data(form->sink->context, data);
}

static void file_close(struct multipart *form, bool complete)
{
	if (!form->in_file)
		return;
	form->in_file = false;
	if (!form->file_had_data)
		form->trouble |= MULTIPART_NO_FILEDATA;
	form->sink->close(form->sink->context, complete);
}

/* Finds the next boundary; in.size when there is none. *ret_maybe: where something begins that more input could make one. */
static size_t find_boundary(const struct multipart *form, struct bytes in, size_t *ret_maybe)
{
	size_t at = 0;

	*ret_maybe = in.size;
	while (at < in.size) {
		struct bytes rest;

		at += bytes_index(bytes_skip(in, at), '-');
		if (at >= in.size)
			break;
		rest = bytes_skip(in, at);
		if (memcmp(rest.ptr, form->boundary,
			    rest.size < form->boundary_size ? rest.size : form->boundary_size) != 0) {
			at++;
			continue;
		}
		if (rest.size >= form->boundary_size)
			return at;
		*ret_maybe = at;
		return in.size;
	}
	return in.size;
}

/* The line end before a boundary belongs to it. */
static size_t before_boundary(struct bytes in, size_t at)
{
	if (at != 0 && in.ptr[at - 1] == '\n')
		at--;
	if (at != 0 && in.ptr[at - 1] == '\r')
		at--;
	return at;
}

static void part_header(struct multipart *form, struct bytes header)
{
	bool disposition = false;

	while (header.size != 0) {
		size_t end = bytes_index(header, '\n');
		struct http_field field;
		struct bytes name;

		http_parse_field(bytes_first(header, end), &field);
		if (field.flags & (HTTP_FIELD_NO_COLON | HTTP_FIELD_BAD_NAME))
			form->trouble |= MULTIPART_INVALID_HEADER;
		if (ascii_equal_nocase_str(field.name, "content-disposition") && !disposition) {
			disposition = true;
			if (http_parameter(field.value, "filename", &name)) {
				form->in_file = true;
				form->file_had_data = false;
				form->sink->open(form->sink->context, name);
			}
		}
		header = bytes_skip(header, end + 1);
	}
}

/* Behind a boundary: "--" ends the form, a line end begins a part's header. Answers how much was used, 0: needs more. */
static size_t step_header(struct multipart *form, struct bytes in)
{
	size_t start = bytes_index(in, '\n'), line = start + 1;

	if (in.size >= 2 && in.ptr[0] == '-' && in.ptr[1] == '-') {
		form->state = EPILOGUE;
		return in.size;
	}
	while (start < in.size && line < in.size) {
		size_t end = line + bytes_index(bytes_skip(in, line), '\n');

		if (end >= in.size)
			return 0;
		if (end == line || (end == line + 1 && in.ptr[line] == '\r')) {
			part_header(form, bytes_first(bytes_skip(in, start + 1), line - start - 1));
			form->state = PART_DATA;
			return end + 1;
		}
		line = end + 1;
	}
	return 0;
}

static size_t step_data(struct multipart *form, struct bytes in)
{
	size_t maybe, at = find_boundary(form, in, &maybe), keep;

	if (at < in.size) {
		file_data(form, bytes_first(in, before_boundary(in, at)));
		file_close(form, true);
		form->state = PART_HEADER;
		return at + form->boundary_size;
	}
	keep = before_boundary(in, maybe);
	if (keep == in.size && in.size != 0 && in.ptr[in.size - 1] == '\r')
		keep--;
	file_data(form, bytes_first(in, keep));
	return keep;
}

/* Handles what it can; answers how much that was. */
static size_t run(struct multipart *form, struct bytes in)
{
	size_t used = 0;

	while (used < in.size) {
		struct bytes rest = bytes_skip(in, used);
		size_t step = 0;

		switch ((enum multipart_state)form->state) {
		case PREAMBLE:
		case PART_DATA:
			step = step_data(form, rest);
			break;
		case PART_HEADER:
			step = step_header(form, rest);
			break;
		case EPILOGUE:
			step = rest.size;
			break;
		}
		if (step == 0)
			break;
		used += step;
	}
	return used;
}

static void give_up(struct multipart *form)
{
	form->trouble |= MULTIPART_GENERIC;
	file_close(form, false);
	form->state = EPILOGUE;
	form->held_size = 0;
}

/* Keeps what is undecided for next time. */
static void hold(struct multipart *form, struct bytes rest)
{
	if (rest.size > MULTIPART_HELD_MAX) {
		give_up(form);
		return;
	}
	memmove(form->held, rest.ptr, rest.size);
	form->held_size = rest.size;
}

void multipart_feed(struct multipart *form, struct bytes in)
{
	while (in.size != 0 && form->held_size != 0) {
		size_t take = MULTIPART_HELD_MAX - form->held_size, old_size = form->held_size, used;

		if (take > in.size)
			take = in.size;
		if (take == 0) {
			give_up(form);
			return;
		}
		memcpy(form->held + form->held_size, in.ptr, take);
		form->held_size += take;
		in = bytes_skip(in, take);
		used = run(form, bytes_of(form->held, form->held_size));
		if (used == 0 && in.size == 0)
			return;
		if (used < old_size) { /* still something old undecided */
			memmove(form->held, form->held + used, form->held_size - used);
			form->held_size -= used;
			continue;
		}
		hold(form, bytes_of(form->held + used, form->held_size - used));
	}
	if (in.size != 0) {
		size_t used = run(form, in);

		if (used < in.size)
			hold(form, bytes_skip(in, used));
	}
}

void multipart_finish(struct multipart *form)
{
	if (form->state == PART_DATA && form->held_size != 0)
		file_data(form, bytes_of(form->held, form->held_size));
	file_close(form, false);
	if (form->state == PREAMBLE)
		form->trouble |= MULTIPART_GENERIC;
}
