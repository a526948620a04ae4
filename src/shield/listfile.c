// SPDX-License-Identifier: Apache-2.0
#include "shield/listfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define EXPECTED_ENTRY "an address, a prefix such as 192.0.2.0/24, or a range such as 192.0.2.1-192.0.2.9"

typedef unsigned __int128 wide;

struct reader {
	struct listfile list;
	size_t size; /* of list.items */
	struct listfile_error *error;
};

/* ---- errors ------------------------------------------------------------------------------------------------------*/

static void copy_safe(struct bytes text, char *ret, size_t ret_size)
{
	size_t size = text.size < ret_size ? text.size : ret_size - 1;

	for (size_t i = 0; i < size; i++)
		ret[i] = text.ptr[i] >= ' ' && text.ptr[i] <= '~' ? (char)text.ptr[i] : '?';
	ret[size] = '\0';
	if (size < text.size)
		memcpy(ret + ret_size - 4, "...", 4);
}

/* Fills the error but for its file. */
static int fail(struct reader *reader, int error, struct bytes found, const char *expected)
{
	reader->error->line = reader->list.lines;
	copy_safe(found, reader->error->found, sizeof(reader->error->found));
	snprintf(reader->error->expected, sizeof(reader->error->expected), "%s", expected);
	return error;
}

static int fail_prefix(struct reader *reader, int error, struct bytes found)
{
	char text[IP_PREFIX_TEXT_SIZE], expected[sizeof(reader->error->expected)];
	struct ip_prefix masked;

	if (error == LUYTRE_E_RANGE)
		return fail(reader, error, found, "a prefix length of at most 32 (IPv4) or 128 (IPv6)");
	if (error != LUYTRE_E_HOST_BITS || ip_prefix_parse(found, IP_PREFIX_MASK_HOST_BITS, &masked) < 0)
		return fail(reader, error, found, EXPECTED_ENTRY);
	snprintf(expected, sizeof(expected), "%s: no bits set behind the prefix length",
		ip_prefix_format(&masked, text));
	return fail(reader, error, found, expected);
}

/* ---- entries -----------------------------------------------------------------------------------------------------*/

static int add(struct reader *reader, const struct ip_prefix *prefix, struct bytes found)
{
	struct listfile *list = &reader->list;

	if (list->count >= LISTFILE_ENTRIES_MAX)
		return fail(reader, LUYTRE_E_FULL, found, "at most 8,000,000 prefixes in one file");
	if (list->count == reader->size) {
		size_t size = reader->size ? reader->size * 2 : 1024;
		struct ip_prefix *grown = realloc(list->items, size * sizeof(*grown));

		if (!grown)
			return fail(reader, LUYTRE_E_NOMEM, found, "enough memory for the list");
		list->items = grown;
		reader->size = size;
	}
	list->items[list->count++] = *prefix;
	return 0;
}

static wide wide_of(const struct ip_addr *addr)
{
	wide value = 0;

	for (uint32_t i = 0; i < ip_addr_bits(addr) / 8u; i++)
		value = value << 8 | addr->bytes[i];
	return value;
}

static struct ip_prefix prefix_of(wide value, uint8_t family, uint8_t length)
{
	struct ip_prefix prefix = { .addr.family = family, .length = length };

	for (uint32_t i = ip_addr_bits(&prefix.addr) / 8u; i-- > 0; value >>= 8)
		prefix.addr.bytes[i] = (uint8_t)value;
	return prefix;
}

/* The fewest prefixes that hold exactly the addresses from first to last: each time the largest that begins at the
 * first one left and does not reach beyond the last. */
static int add_range(struct reader *reader, const struct ip_addr *first, const struct ip_addr *last, struct bytes found)
{
	wide at = wide_of(first), end = wide_of(last);
	uint8_t bits = ip_addr_bits(first);

	for (;;) {
		uint8_t length = bits;
		wide below = 0; /* addresses of the prefix behind its first */
		struct ip_prefix prefix;
		int error;

		while (length > 0 && !(at >> (bits - length) & 1) && (below << 1 | 1) <= end - at) {
			below = below << 1 | 1;
			length--;
		}
		prefix = prefix_of(at, first->family, length);
		error = add(reader, &prefix, found);
		if (error < 0 || at + below == end)
			return error;
		at += below + 1;
	}
}

static int read_range(struct reader *reader, struct bytes left, struct bytes right, struct bytes found)
{
	struct ip_addr first, last;

	if (ip_addr_parse(left, &first) < 0 || ip_addr_parse(right, &last) < 0 || first.family != last.family)
		return fail(reader, LUYTRE_E_SYNTAX, found, "a range of two addresses of one IP version");
	if (ip_addr_compare(&first, &last) > 0)
		return fail(reader, LUYTRE_E_RANGE, found, "a range that begins with its lower address");
	return add_range(reader, &first, &last, found);
}

/* ---- lines -------------------------------------------------------------------------------------------------------*/

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static struct bytes skip_blanks(struct bytes text)
{
	size_t blanks = 0;

	while (blanks < text.size && is_blank(text.ptr[blanks]))
		blanks++;
	return bytes_skip(text, blanks);
}

/* The part before a comment, without blanks around it. */
static struct bytes strip(struct bytes line)
{
	size_t size = 0;

	line = skip_blanks(line);
	while (size < line.size && line.ptr[size] != '#' && line.ptr[size] != ';')
		size++;
	while (size > 0 && is_blank(line.ptr[size - 1]))
		size--;
	return bytes_first(line, size);
}

static size_t word_size(struct bytes text)
{
	size_t size = 0;

	while (size < text.size && !is_blank(text.ptr[size]))
		size++;
	return size;
}

/* NUL and other control characters: this is no text file. */
static bool has_control(struct bytes line)
{
	for (size_t i = 0; i < line.size; i++) {
		if ((line.ptr[i] < ' ' && line.ptr[i] != '\t') || line.ptr[i] == 0x7f)
			return true;
	}
	return false;
}

static int read_entry(struct reader *reader, struct bytes text)
{
	struct bytes word = bytes_first(text, word_size(text)), rest = skip_blanks(bytes_skip(text, word.size));
	size_t dash = bytes_index(word, '-');
	struct ip_prefix prefix;
	int error;

	if (dash < word.size && dash + 1 < word.size)
		return read_range(reader, bytes_first(word, dash), bytes_skip(word, dash + 1), word);
	/* "a - b", "a- b" and "a -b" mean a range too: read as one address with tags they would be a wrong list. */
	if (dash < word.size)
		return read_range(reader, bytes_first(word, dash), bytes_first(rest, word_size(rest)), text);
	if (rest.size > 0 && rest.ptr[0] == '-') {
		rest = skip_blanks(bytes_skip(rest, 1));
		return read_range(reader, word, bytes_first(rest, word_size(rest)), text);
	}
	error = ip_prefix_parse(word, 0, &prefix);
	if (error < 0)
		return fail_prefix(reader, error, word);
	return add(reader, &prefix, word);
}

static int read_line(struct reader *reader, struct bytes line)
{
	struct bytes text;

	if (line.size > 0 && line.ptr[line.size - 1] == '\r')
		line.size--;
	if (line.size > LISTFILE_LINE_MAX)
		return fail(reader, LUYTRE_E_FULL, line, "lines of at most 1024 bytes");
	if (has_control(line))
		return fail(reader, LUYTRE_E_SYNTAX, line, "text without control characters");
	text = strip(line);
	return bytes_empty(text) ? 0 : read_entry(reader, text);
}

static int read_lines(struct reader *reader, struct bytes text)
{
	if (bytes_starts_with(text, bytes_from_str("\xef\xbb\xbf")))
		text = bytes_skip(text, 3);
	while (!bytes_empty(text)) {
		size_t size = bytes_index(text, '\n');
		int error;

		if (++reader->list.lines > LISTFILE_LINES_MAX)
			return fail(reader, LUYTRE_E_FULL, bytes_of(NULL, 0), "at most 16,000,000 lines");
		error = read_line(reader, bytes_first(text, size));
		if (error < 0)
			return error;
		text = bytes_skip(text, size + 1);
	}
	return 0;
}

int listfile_parse(struct bytes text, const char *name, struct listfile *ret, struct listfile_error *ret_error)
{
	struct listfile_error fault = { 0 };
	struct reader reader = { .error = &fault };
	int error = read_lines(&reader, text);

	if (error == 0) {
		*ret = reader.list;
		return 0;
	}
	free(reader.list.items);
	snprintf(fault.file, sizeof(fault.file), "%s", name);
	*ret_error = fault;
	return error;
}

/* ---- files -------------------------------------------------------------------------------------------------------*/

static int fail_file(
	const char *path, int error, const char *found, const char *expected, struct listfile_error *ret_error)
{
	*ret_error = (struct listfile_error){ 0 };
	snprintf(ret_error->file, sizeof(ret_error->file), "%s", path);
	snprintf(ret_error->found, sizeof(ret_error->found), "%s", found);
	snprintf(ret_error->expected, sizeof(ret_error->expected), "%s", expected);
	return error;
}

/* Reads until the end, though never more than the size that was announced. */
static int read_content(int fd, uint8_t *data, size_t size, size_t *ret_size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = read(fd, data + done, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return LUYTRE_E_IO;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	*ret_size = done;
	return 0;
}

static int read_open(int fd, const char *path, struct listfile *ret, struct listfile_error *ret_error)
{
	struct stat status;
	uint8_t *data;
	size_t size;
	int error;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return fail_file(path, LUYTRE_E_IO, "something else", "a regular file", ret_error);
	if ((uint64_t)status.st_size > LISTFILE_SIZE_MAX)
		return fail_file(path, LUYTRE_E_FULL, "a larger file", "a file of at most 512 MiB", ret_error);
	data = malloc((size_t)status.st_size + 1);
	if (!data)
		return fail_file(path, LUYTRE_E_NOMEM, "too little memory", "enough for the file", ret_error);
	error = read_content(fd, data, (size_t)status.st_size, &size);
	if (error < 0)
		error = fail_file(path, error, strerror(errno), "a file that can be read", ret_error);
	else
		error = listfile_parse(bytes_of(data, size), path, ret, ret_error);
	free(data);
	return error;
}

int listfile_read(const char *path, struct listfile *ret, struct listfile_error *ret_error)
{
	/* Not blocking: opening a named pipe must not hang the daemon. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error;

	if (fd < 0)
		return fail_file(path, LUYTRE_E_IO, strerror(errno), "a file that can be read", ret_error);
	error = read_open(fd, path, ret, ret_error);
	close(fd);
	return error;
}

void listfile_done(struct listfile *list)
{
	free(list->items);
	*list = (struct listfile){ 0 };
}

const char *listfile_error_text(const struct listfile_error *error, char *text, size_t text_size)
{
	if (error->line > 0)
		snprintf(text, text_size, "%s:%zu: found \"%s\", expected %s", error->file, error->line, error->found,
			error->expected);
	else
		snprintf(text, text_size, "%s: found %s, expected %s", error->file, error->found, error->expected);
	return text;
}
