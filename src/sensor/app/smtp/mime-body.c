// SPDX-License-Identifier: Apache-2.0
/* Bodies of parts: base64 and quoted-printable (RFC 2045, sections 6.7 and 6.8), into files or through the search for
 * URLs. Decoded bytes are collected so that a file gets them in blocks, not in lines. */

#include "base/ascii.h"
#include "sensor/app/smtp/mime.h"

static void trouble(struct mime *mime, enum mime_trouble what)
{
	mime->trouble |= 1u << what;
}

/* ---- URLs ---- */

static bool ends_url(uint8_t c)
{
	return c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == ']';
}

/* The size of the scheme that ends before 'colon'; 0: none of the wanted. */
static size_t scheme_before(const struct mime_config *config, struct bytes text, size_t colon)
{
	for (uint32_t i = 0; i < config->scheme_count; i++) {
		size_t size = strlen(config->schemes[i]);

		if (size <= colon &&
			ascii_equal_nocase_str(bytes_of(text.ptr + colon - size, size), config->schemes[i]))
			return size;
	}
	return 0;
}

static void find_urls(struct mime *mime, struct bytes text)
{
	size_t at = 0;

	while (at < text.size) {
		size_t colon = at + bytes_index(bytes_skip(text, at), ':'), end, scheme_size;

		if (colon + 2 >= text.size)
			return;
		at = colon + 1;
		if (text.ptr[colon + 1] != '/' || text.ptr[colon + 2] != '/')
			continue;
		scheme_size = scheme_before(mime->config, text, colon);
		if (!scheme_size)
			continue;
		for (end = colon + 3; end < text.size && !ends_url(text.ptr[end]); end++)
			;
		at = mime->config->log_url_scheme ? colon - scheme_size : colon + 3;
		mime_list_add(&mime->urls, mime->arena, (struct bytes){ 0 }, bytes_of(text.ptr + at, end - at),
			MIME_URLS_MAX);
		at = end;
	}
}

/* ---- What comes out of the decoders ---- */

/* Of a text the last line may go on, so it stays; 'all': it does not. */
static void out_flush(struct mime *mime, bool all)
{
	uint32_t size = mime->out_size;

	if (mime->file) {
		if (size)
			mime->sink->append(mime->context, mime->file, bytes_of(mime->out, size));
		mime->out_size = 0;
		return;
	}
	while (!all && size && mime->out[size - 1] != '\n')
		size--;
	find_urls(mime, bytes_of(mime->out, size));
	memmove(mime->out, mime->out + size, mime->out_size - size);
	mime->out_size -= size;
}

static void out_put(struct mime *mime, struct bytes data)
{
	while (data.size) {
		size_t room = MIME_OUT_SIZE - mime->out_size;
		size_t size = data.size < room ? data.size : room;

		memcpy(mime->out + mime->out_size, data.ptr, size);
		mime->out_size += (uint32_t)size;
		data = bytes_skip(data, size);
		if (mime->out_size == MIME_OUT_SIZE) {
			out_flush(mime, false);
			if (mime->out_size == MIME_OUT_SIZE)
				out_flush(mime, true);
		}
	}
}

static void out_byte(struct mime *mime, uint8_t byte)
{
	out_put(mime, bytes_of(&byte, 1));
}

/* ---- Decoders ---- */

static const int8_t base64_values[256] = {
#define X(c, value) [c] = (value) + 1
	X('A', 0),
	X('B', 1),
	X('C', 2),
	X('D', 3),
	X('E', 4),
	X('F', 5),
	X('G', 6),
	X('H', 7),
	X('I', 8),
	X('J', 9),
	X('K', 10),
	X('L', 11),
	X('M', 12),
	X('N', 13),
	X('O', 14),
	X('P', 15),
	X('Q', 16),
	X('R', 17),
	X('S', 18),
	X('T', 19),
	X('U', 20),
	X('V', 21),
	X('W', 22),
	X('X', 23),
	X('Y', 24),
	X('Z', 25),
	X('a', 26),
	X('b', 27),
	X('c', 28),
	X('d', 29),
	X('e', 30),
	X('f', 31),
	X('g', 32),
	X('h', 33),
	X('i', 34),
	X('j', 35),
	X('k', 36),
	X('l', 37),
	X('m', 38),
	X('n', 39),
	X('o', 40),
	X('p', 41),
	X('q', 42),
	X('r', 43),
	X('s', 44),
	X('t', 45),
	X('u', 46),
	X('v', 47),
	X('w', 48),
	X('x', 49),
	X('y', 50),
	X('z', 51),
	X('0', 52),
	X('1', 53),
	X('2', 54),
	X('3', 55),
	X('4', 56),
	X('5', 57),
	X('6', 58),
	X('7', 59),
	X('8', 60),
	X('9', 61),
	X('+', 62),
	X('/', 63),
#undef X
};

/* A quantum that is not full: 2 digits are one byte, 3 are two. */
static void base64_rest(struct mime *mime)
{
	uint32_t bits = mime->base64_bits;

	if (mime->base64_count == 2) {
		out_byte(mime, (uint8_t)(bits >> 4));
	} else if (mime->base64_count == 3) {
		out_byte(mime, (uint8_t)(bits >> 10));
		out_byte(mime, (uint8_t)(bits >> 2));
	}
	mime->base64_count = 0;
	mime->base64_bits = 0;
}

static void base64_line(struct mime *mime, struct bytes text)
{
	uint32_t bits = mime->base64_bits;
	uint8_t count = mime->base64_count;

	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.ptr[i];
		int value = base64_values[c];

		if (value == 0) {
			mime->base64_bits = bits;
			mime->base64_count = count;
			if (c == '=')
				base64_rest(mime);
			else if (c != ' ' && c != '\t')
				trouble(mime, MIME_BAD_BASE64);
			bits = mime->base64_bits;
			count = mime->base64_count;
			continue;
		}
		bits = bits << 6 | (uint32_t)(value - 1);
		if (++count < 4)
			continue;
		if (mime->out_size + 3 > MIME_OUT_SIZE)
			out_flush(mime, mime->file != NULL);
		if (mime->out_size + 3 <= MIME_OUT_SIZE) {
			mime->out[mime->out_size++] = (uint8_t)(bits >> 16);
			mime->out[mime->out_size++] = (uint8_t)(bits >> 8);
			mime->out[mime->out_size++] = (uint8_t)bits;
		} else {
			const uint8_t three[3] = { (uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits };

			out_put(mime, bytes_of(three, 3));
		}
		bits = 0;
		count = 0;
	}
	mime->base64_bits = bits;
	mime->base64_count = count;
}

/* One byte while an "=" is open. */
static void qp_escape(struct mime *mime, uint8_t c)
{
	bool second = mime->qp_size == 2;
	int low = ascii_hex_value(c), high = second ? ascii_hex_value(mime->qp_digit) : -1;

	if (low >= 0 && !second) {
		mime->qp_digit = c;
		mime->qp_size = 2;
		return;
	}
	mime->qp_size = 0;
	if (low >= 0 && high >= 0) {
		out_byte(mime, (uint8_t)(high << 4 | low));
		return;
	}
	trouble(mime, MIME_BAD_QP);
	out_byte(mime, '=');
	if (second)
		out_byte(mime, mime->qp_digit);
	out_byte(mime, c);
}

/* Answers true when the line goes on behind a soft break. */
static bool qp_line(struct mime *mime, struct bytes text, bool complete)
{
	bool soft;

	while (complete && text.size && (text.ptr[text.size - 1] == ' ' || text.ptr[text.size - 1] == '\t'))
		text.size--;
	while (text.size) {
		size_t run = mime->qp_size ? 0 : bytes_index(text, '=');

		if (mime->qp_size) {
			qp_escape(mime, text.ptr[0]);
			text = bytes_skip(text, 1);
			continue;
		}
		out_put(mime, bytes_first(text, run));
		mime->qp_size = run < text.size;
		text = bytes_skip(text, run + 1);
	}
	if (!complete)
		return false;
	soft = mime->qp_size == 1;
	if (mime->qp_size == 2) {
		trouble(mime, MIME_BAD_QP);
		out_byte(mime, '=');
		out_byte(mime, mime->qp_digit);
	}
	mime->qp_size = 0;
	return soft;
}

/* ---- Lines ---- */

static void keep_eol(struct mime *mime, struct bytes ending)
{
	mime->eol_size = 0;
	for (; mime->eol_size < ending.size; mime->eol_size++)
		mime->eol[mime->eol_size] = ending.ptr[mime->eol_size];
}

static void put_eol(struct mime *mime)
{
	out_put(mime, bytes_of(mime->eol, mime->eol_size));
	mime->eol_size = 0;
}

void mime_body_line(struct mime *mime, struct bytes text, struct bytes ending)
{
	enum mime_encoding encoding = mime->part.encoding;

	if (!mime->file && !(mime->part.is_text && mime->config->extract_urls))
		return;
	if (encoding != MIME_PLAIN && mime->line_size > MIME_ENCODED_LINE_MAX)
		trouble(mime, MIME_LONG_ENCODED_LINE);
	switch (encoding) {
	case MIME_BASE64:
		base64_line(mime, text);
		return;
	case MIME_QUOTED_PRINTABLE:
		put_eol(mime);
		if (!qp_line(mime, text, ending.size != 0))
			keep_eol(mime, ending);
		return;
	case MIME_PLAIN:
		put_eol(mime);
		out_put(mime, text);
		keep_eol(mime, ending);
		return;
	}
}

void mime_body_end(struct mime *mime)
{
	base64_rest(mime);
	mime->eol_size = 0;
	mime->qp_size = 0;
	out_flush(mime, true);
	if (mime->file)
		mime->sink->close(mime->context, mime->file);
	mime->file = NULL;
}

void mime_flush(struct mime *mime)
{
	out_flush(mime, false);
}
