// SPDX-License-Identifier: Apache-2.0
#include "base/payload.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

struct row {
	const char *around, *name;
};

static const struct row rows[] = {
#define X(around, name, why) { around, name },
	PAYLOAD_MEMBERS(X)
#undef X
};

/* Told of each member before its value; true: its value is passed over and not copied. */
typedef bool (*member_fn)(void *context, struct bytes around, struct bytes name, struct bytes rest);

struct scan {
	struct bytes text;
	size_t at;
	uint8_t *out; /* null: nothing is copied */
	size_t out_size;
	member_fn member;
	void *context;
};

static void copy(struct scan *s, size_t from, size_t to)
{
	if (s->out)
		memmove(s->out + s->out_size, s->text.ptr + from, to - from);
	s->out_size += to - from;
}

static void skip_space(struct scan *s)
{
	while (s->at < s->text.size && memchr(" \t\r\n", s->text.ptr[s->at], 4))
		s->at++;
}

static int peek(const struct scan *s)
{
	return s->at < s->text.size ? s->text.ptr[s->at] : -1;
}

/* At its opening quote; '*ret' is what stands between the quotes. */
static int skip_string(struct scan *s, struct bytes *ret)
{
	size_t begin = ++s->at;

	while (s->at < s->text.size && s->text.ptr[s->at] != '"') {
		if (s->text.ptr[s->at] < ' ')
			return LUYTRE_E_SYNTAX;
		s->at += s->text.ptr[s->at] == '\\' ? 2 : 1;
	}
	if (s->at >= s->text.size)
		return LUYTRE_E_SYNTAX;
	*ret = bytes_of(s->text.ptr + begin, s->at - begin);
	s->at++;
	return 0;
}

/* Anything that is no object and no array. */
static int skip_plain(struct scan *s)
{
	struct bytes string;
	size_t begin = s->at;

	if (peek(s) == '"')
		return skip_string(s, &string);
	while (s->at < s->text.size && !memchr(",]}\" \t\r\n[{:", s->text.ptr[s->at], 12))
		s->at++;
	return s->at > begin ? 0 : LUYTRE_E_SYNTAX;
}

/* A value that goes, with everything in it. */
static int skip_value(struct scan *s)
{
	char closing[PAYLOAD_DEPTH_MAX];
	unsigned int depth = 0;

	do {
		int c, error = 0;

		skip_space(s);
		c = peek(s);
		if (c == '{' || c == '[') {
			if (depth == PAYLOAD_DEPTH_MAX)
				return LUYTRE_E_SYNTAX;
			closing[depth++] = c == '{' ? '}' : ']';
			s->at++;
		} else if (depth && c == closing[depth - 1]) {
			depth--;
			s->at++;
		} else if (depth && (c == ',' || c == ':')) {
			s->at++;
		} else {
			error = skip_plain(s);
		}
		if (error)
			return error;
	} while (depth);
	return 0;
}

static int scan_object(struct scan *s, struct bytes around, unsigned int depth);

static int scan_value(struct scan *s, struct bytes around, unsigned int depth);

static int scan_array(struct scan *s, struct bytes around, unsigned int depth)
{
	int error = 0;

	s->at++;
	skip_space(s);
	while (!error && peek(s) != ']') {
		error = scan_value(s, around, depth);
		skip_space(s);
		if (!error && peek(s) == ',') {
			copy(s, s->at, s->at + 1);
			s->at++;
			skip_space(s);
			if (peek(s) == ']')
				error = LUYTRE_E_SYNTAX;
		} else if (!error && peek(s) != ']') {
			error = LUYTRE_E_SYNTAX;
		}
	}
	return error;
}

/* Copies what it passes; members of arrays lie in what the array lies in. */
static int scan_value(struct scan *s, struct bytes around, unsigned int depth)
{
	size_t begin;
	int error;

	skip_space(s);
	begin = s->at;
	if (peek(s) != '{' && peek(s) != '[') {
		error = skip_plain(s);
		if (!error)
			copy(s, begin, s->at);
		return error;
	}
	if (depth == PAYLOAD_DEPTH_MAX)
		return LUYTRE_E_SYNTAX;
	copy(s, s->at, s->at + 1);
	error = peek(s) == '{' ? scan_object(s, around, depth + 1) : scan_array(s, around, depth + 1);
	if (error)
		return error;
	copy(s, s->at, s->at + 1); /* the closing one */
	s->at++;
	return 0;
}

/* One member, at its name. */
static int scan_member(struct scan *s, struct bytes around, unsigned int depth, bool *first)
{
	size_t begin = s->at;
	struct bytes name;
	int error = peek(s) == '"' ? skip_string(s, &name) : LUYTRE_E_SYNTAX;
	size_t end = s->at;

	if (!error) {
		skip_space(s);
		error = peek(s) == ':' ? 0 : LUYTRE_E_SYNTAX;
	}
	if (error)
		return error;
	s->at++;
	skip_space(s);
	if (s->member(s->context, around, name, bytes_skip(s->text, s->at)))
		return skip_value(s);
	if (!*first) {
		if (s->out)
			s->out[s->out_size] = ',';
		s->out_size++;
	}
	*first = false;
	if (s->out) /* where it stays: what is scanned may be written over */
		name.ptr = s->out + s->out_size + 1;
	copy(s, begin, end);
	if (s->out)
		s->out[s->out_size] = ':';
	s->out_size++;
	return scan_value(s, name, depth);
}

/* At its opening brace; ends at the closing one. */
static int scan_object(struct scan *s, struct bytes around, unsigned int depth)
{
	bool first = true;
	int error = 0;

	s->at++;
	skip_space(s);
	while (!error && peek(s) != '}') {
		error = scan_member(s, around, depth, &first);
		skip_space(s);
		if (!error && peek(s) == ',') {
			s->at++;
			skip_space(s);
			if (peek(s) == '}')
				error = LUYTRE_E_SYNTAX;
		} else if (!error && peek(s) != '}') {
			error = LUYTRE_E_SYNTAX;
		}
	}
	return error;
}

static int scan_event(struct scan *s)
{
	int error;

	skip_space(s);
	error = peek(s) == '{' ? scan_value(s, (struct bytes){ 0 }, 0) : LUYTRE_E_SYNTAX;
	skip_space(s);
	return error ? error : s->at == s->text.size ? 0 : LUYTRE_E_SYNTAX;
}

/* ---- Which members ---- */

static bool is_named(const char *pattern, struct bytes name)
{
	size_t size = strlen(pattern);

	if (pattern[0] == '*')
		return name.size >= size - 1 && !memcmp(name.ptr + name.size - (size - 1), pattern + 1, size - 1);
	if (size && pattern[size - 1] == '*')
		return name.size >= size - 1 && !memcmp(name.ptr, pattern, size - 1);
	return bytes_equal(name, bytes_of(pattern, size));
}

static bool is_payload(struct bytes around, struct bytes name)
{
	if (memchr(name.ptr, '\\', name.size))
		return true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (is_named(rows[i].name, name) && (!rows[i].around[0] || is_named(rows[i].around, around)))
			return true;
	return false;
}

struct counted {
	size_t count;
	char *name;
};

static bool count_member(void *context, struct bytes around, struct bytes name, struct bytes rest)
{
	struct counted *counted = context;

	if (!is_payload(around, name))
		return false;
	if (!counted->count++ && counted->name)
		snprintf(counted->name, PAYLOAD_NAME_SIZE, "%.*s", (int)(name.size < 40 ? name.size : 40),
			(const char *)name.ptr);
	return true;
}

int payload_strip(struct bytes event, uint8_t *out, size_t *ret_size, size_t *ret_removed)
{
	struct counted counted = { 0 };
	struct scan s = { .text = event, .out = out, .member = count_member, .context = &counted };
	int error = scan_event(&s);

	*ret_size = s.out_size;
	*ret_removed = counted.count;
	return error;
}

int payload_count(struct bytes event, size_t *ret_count, char name[PAYLOAD_NAME_SIZE])
{
	struct counted counted = { .name = name };
	struct scan s = { .text = event, .member = count_member, .context = &counted };
	int error;

	name[0] = '\0';
	error = scan_event(&s);
	*ret_count = counted.count;
	return error;
}

struct ends {
	struct ip_addr src, dst;
};

static bool note_end(void *context, struct bytes around, struct bytes name, struct bytes rest)
{
	struct ends *ends = context;
	struct ip_addr *addr = bytes_equal(name, bytes_from_str("src_ip"))    ? &ends->src
			       : bytes_equal(name, bytes_from_str("dest_ip")) ? &ends->dst
									      : NULL;
	struct bytes value;

	if (around.ptr || !addr || bytes_empty(rest) || rest.ptr[0] != '"')
		return around.ptr != NULL; /* nothing further in is asked for */
	value = bytes_skip(rest, 1);
	value = bytes_first(value, bytes_index(value, '"'));
	if (ip_addr_parse(value, addr))
		*addr = (struct ip_addr){ 0 };
	return false;
}

int payload_ends(struct bytes event, struct ip_addr *ret_src, struct ip_addr *ret_dst)
{
	struct ends ends = { 0 };
	struct scan s = { .text = event, .member = note_end, .context = &ends };
	int error = scan_event(&s);

	*ret_src = ends.src;
	*ret_dst = ends.dst;
	return error;
}
