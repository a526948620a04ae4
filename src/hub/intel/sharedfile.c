// SPDX-License-Identifier: Apache-2.0
#include "hub/intel/sharedfile.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* One list being read. */
struct reader {
	struct shared *shared;
	const char *name;
	size_t line;
	uint16_t list;
	struct sharedfile_counts counts;
	struct sharedfile_error error;
};

static int refuse(struct reader *reader, int error, struct bytes found, const char *expected)
{
	size_t i;

	for (i = 0; i < found.size && i < sizeof(reader->error.found) - 1; i++)
		reader->error.found[i] = (char)(found.ptr[i] >= ' ' && found.ptr[i] <= '~' ? found.ptr[i] : '?');
	reader->error.found[i] = '\0';
	snprintf(reader->error.expected, sizeof(reader->error.expected), "%s", expected);
	snprintf(reader->error.name, sizeof(reader->error.name), "%s", reader->name);
	reader->error.line = reader->line;
	return error;
}

static struct bytes trim(struct bytes in)
{
	while (in.size != 0 && strchr(" \t\r", in.ptr[in.size - 1]) && in.ptr[in.size - 1] != '\0')
		in.size--;
	while (in.size != 0 && (in.ptr[0] == ' ' || in.ptr[0] == '\t'))
		in = bytes_skip(in, 1);
	return in;
}

/* Takes the next word; empty at the end. */
static struct bytes next_word(struct bytes *line)
{
	size_t size = 0;
	struct bytes word;

	*line = trim(*line);
	while (size < line->size && line->ptr[size] != ' ' && line->ptr[size] != '\t')
		size++;
	word = bytes_first(*line, size);
	*line = bytes_skip(*line, size);
	return word;
}

static bool parse_users(struct bytes word, uint32_t *ret)
{
	uint64_t users = 0;

	if (!bytes_starts_with(word, bytes_from_str("users=")) || word.size > 6 + 9 || word.size == 6)
		return false;
	word = bytes_skip(word, 6);
	for (size_t i = 0; i < word.size; i++) {
		if (word.ptr[i] < '0' || word.ptr[i] > '9')
			return false;
		users = 10 * users + (uint64_t)(word.ptr[i] - '0');
	}
	*ret = (uint32_t)users;
	return users >= 1 && users <= SHARED_USERS_MAX;
}

/* An address or prefix of any form; host bits are a mistake in our own format. */
static int add_prefix(
	struct reader *reader, struct bytes text, unsigned int flags, enum shared_kind kind, uint32_t users)
{
	struct ip_prefix prefix;
	int error = ip_prefix_parse(text, flags, &prefix);

	if (!error)
		error = shared_add_prefix(reader->shared, &prefix, kind, users, reader->list);
	reader->counts.prefixes += error == 0;
	return error;
}

/* A domain, ".domain" for all below it, or, where 'hashes' are wanted too, a hash. */
static int add_name(struct reader *reader, struct bytes text, bool below, bool hashes)
{
	struct observable name;
	int error;

	if (text.size != 0 && text.ptr[0] == '.') {
		below = true;
		text = bytes_skip(text, 1);
	}
	error = observable_parse(OBSERVABLE_DOMAIN, text, &name);
	if (error == LUYTRE_E_SYNTAX && hashes)
		error = observable_parse(OBSERVABLE_HASH, text, &name);
	if (!error)
		error = shared_add_name(reader->shared, &name, below, reader->list);
	reader->counts.names += error == 0;
	return error;
}

static int parse_line(struct reader *reader, struct bytes line)
{
	enum shared_kind kind;
	struct bytes word, value;
	uint32_t users = 0;
	int error;

	if (line.size > SHAREDFILE_LINE_MAX)
		return refuse(reader, LUYTRE_E_RANGE, line, "a line of at most 1024 bytes");
	line = trim(bytes_first(line, bytes_index(line, '#')));
	if (line.size == 0)
		return 0;
	word = next_word(&line);
	if (!shared_kind_parse(word, &kind))
		return refuse(reader, LUYTRE_E_SYNTAX, word,
			"a kind: allow, nat, cdn, resolver, crawler, vpn, cloud, residential or drop");
	value = next_word(&line);
	word = next_word(&line);
	if (word.size != 0 && !parse_users(word, &users))
		return refuse(reader, LUYTRE_E_SYNTAX, word, "users=N, with N from 1 to 100000000, or nothing");
	word = next_word(&line);
	if (word.size != 0)
		return refuse(reader, LUYTRE_E_SYNTAX, word, "the end of the line");
	error = add_prefix(reader, value, 0, kind, users);
	if (error == LUYTRE_E_SYNTAX && kind == SHARED_ALLOW && users == 0)
		error = add_name(reader, value, false, true);
	if (error == LUYTRE_E_HOST_BITS)
		return refuse(reader, error, value, "no bits set behind the prefix length");
	if (error)
		return refuse(reader, error, value,
			error == LUYTRE_E_FULL ? "no more entries than the ceiling of the set"
					       : "an address or a prefix, or a name behind allow");
	return 0;
}

static int finish(struct reader *reader, int error, struct sharedfile_counts *ret, struct sharedfile_error *ret_error)
{
	if (error && ret_error)
		*ret_error = reader->error;
	if (!error && ret)
		*ret = reader->counts;
	return error;
}

static int begin(struct reader *reader, struct bytes text, const char *list)
{
	int error = text.size > SHAREDFILE_SIZE_MAX ? LUYTRE_E_RANGE : 0;

	if (error)
		return refuse(reader, error, (struct bytes){ 0 }, "at most 64 MiB");
	error = shared_add_list(reader->shared, list, &reader->list);
	return error ? refuse(reader, error, (struct bytes){ 0 }, "at most 256 lists, and a set that is not sealed")
		     : 0;
}

int sharedfile_parse(struct shared *shared, struct bytes text, const char *name, struct sharedfile_counts *ret,
	struct sharedfile_error *ret_error)
{
	struct reader reader = { .shared = shared, .name = name };
	int error = begin(&reader, text, name);

	while (!error && text.size != 0) {
		size_t size = bytes_index(text, '\n');

		reader.line++;
		error = parse_line(&reader, bytes_first(text, size));
		text = bytes_skip(text, size + 1);
	}
	return finish(&reader, error, ret, ret_error);
}

/* The list types of the format ("cidr", "hostname", "string"; "substring" and "regex" are skipped). */
static int add_misp_value(
	struct reader *reader, const char *type, struct bytes text, enum shared_kind kind, uint32_t users)
{
	int error = LUYTRE_E_SYNTAX;

	if (strcmp(type, "cidr") == 0 || strcmp(type, "string") == 0)
		error = add_prefix(reader, text, IP_PREFIX_MASK_HOST_BITS, kind, users);
	if (error && error != LUYTRE_E_FULL && error != LUYTRE_E_NOMEM && kind == SHARED_ALLOW) {
		/* "hostname" means the name and all below it. */
		if (strcmp(type, "hostname") == 0 || strcmp(type, "string") == 0)
			error = add_name(reader, text, type[0] == 'h', true);
	}
	if (error == LUYTRE_E_FULL || error == LUYTRE_E_NOMEM)
		return refuse(reader, error, text, "no more entries than the ceiling of the set");
	reader->counts.skipped += error != 0;
	return 0;
}

static int read_misp(
	struct reader *reader, const json_t *root, struct bytes text, enum shared_kind kind, uint32_t users)
{
	const json_t *values = json_object_get(root, "list");
	const char *type = json_string_value(json_object_get(root, "type"));
	const char *title = json_string_value(json_object_get(root, "name"));
	const json_t *value;
	size_t i;
	int error;

	if (!json_is_array(values))
		return refuse(reader, LUYTRE_E_SYNTAX, (struct bytes){ 0 }, "an object with an array \"list\"");
	error = begin(reader, text, title ? title : reader->name);
	json_array_foreach (values, i, value) {
		if (error)
			break;
		if (json_is_string(value))
			error = add_misp_value(reader, type ? type : "string",
				trim(bytes_of(json_string_value(value), json_string_length(value))), kind, users);
		else
			reader->counts.skipped++;
	}
	return error;
}

int sharedfile_parse_misp(struct shared *shared, struct bytes text, const char *name, enum shared_kind kind,
	uint32_t users, struct sharedfile_counts *ret, struct sharedfile_error *ret_error)
{
	struct reader reader = { .shared = shared, .name = name };
	json_error_t fault = { 0 };
	json_t *root;
	int error;

	if (text.size > SHAREDFILE_SIZE_MAX || users > SHARED_USERS_MAX || (unsigned int)kind >= SHARED_KIND_COUNT) {
		error = refuse(
			&reader, LUYTRE_E_RANGE, (struct bytes){ 0 }, "at most 64 MiB, and a kind that there is");
		return finish(&reader, error, ret, ret_error);
	}
	root = text.size == 0 ? NULL : json_loadb((const char *)text.ptr, text.size, 0, &fault);
	reader.line = fault.line > 0 ? (size_t)fault.line : 0;
	if (root)
		error = read_misp(&reader, root, text, kind, users);
	else
		error = refuse(&reader, LUYTRE_E_SYNTAX, bytes_from_str(fault.text), "JSON");
	json_decref(root);
	return finish(&reader, error, ret, ret_error);
}

const char *sharedfile_error_text(const struct sharedfile_error *error, char *text, size_t text_size)
{
	if (error->line == 0)
		snprintf(text, text_size, "%s: found \"%s\", expected %s", error->name, error->found, error->expected);
	else
		snprintf(text, text_size, "%s:%zu: found \"%s\", expected %s", error->name, error->line, error->found,
			error->expected);
	return text;
}
