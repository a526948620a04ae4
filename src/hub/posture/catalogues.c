// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/catalogues.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/bundle.h"
#include "hub/posture/internal.h"
#include "hub/posture/unpack.h"

enum { BLOCK = 64 << 10, KEY_LINE_SIZE = 256 };

const char *const catalogue_words[CATALOGUE_KIND_COUNT] = {
#define X(id, word) word,
	CATALOGUES(X)
#undef X
};

static const struct db_migration migrations[] = {
	{ "create table catalogue (word text primary key, entries integer not null, version text not null, revision "
	  "integer "
	  "not null, taken_us integer not null, actor text not null);" },
};

int catalogues_setup(struct db *db)
{
	return db_migrate(db, "posture-catalogue", migrations, ARRAY_COUNT(migrations));
}

/* ---- Reading a file ---- */

struct text {
	uint8_t *ptr; /* owned */
	size_t size, room;
};

static int append(void *context, struct bytes piece)
{
	struct text *text = context;

	if (text->size + piece.size > text->room) {
		size_t room = text->room ? text->room * 2 : BLOCK;
		uint8_t *grown;

		while (room < text->size + piece.size)
			room *= 2;
		grown = realloc(text->ptr, room);
		if (!grown)
			return LUYTRE_E_NOMEM;
		text->ptr = grown;
		text->room = room;
	}
	memcpy(text->ptr + text->size, piece.ptr, piece.size);
	text->size += piece.size;
	return 0;
}

/* Everything of the file, unpacked, to 'fn'. */
static int read_file(int fd, uint64_t size_max, unpack_fn fn, void *context)
{
	uint8_t *block = malloc(BLOCK);
	struct unpack *unpack = NULL;
	ssize_t size = 1;
	int error = block ? unpack_new(size_max, fn, context, &unpack) : LUYTRE_E_NOMEM, ended;

	if (!error && lseek(fd, 0, SEEK_SET) < 0)
		error = LUYTRE_E_IO;
	while (!error && size != 0) {
		size = read(fd, block, BLOCK);
		if (size < 0 && errno != EINTR)
			error = LUYTRE_E_IO;
		else if (size > 0)
			error = unpack_feed(unpack, bytes_of(block, (size_t)size));
	}
	free(block);
	ended = unpack ? unpack_end(unpack) : 0;
	return error ? error : ended;
}

/* ---- One ---- */

struct taking {
	struct db *db;
	const struct audit_origin *origin;
	enum catalogue_kind kind;
	struct bytes text; /* of all but EPSS from a file */
	int fd;
	struct bundle bundle;
	struct catalogue_result result;
};

static int note(
	const struct taking *taking, enum catalogue_kind kind, const struct catalogue_result *result, uint64_t revision)
{
	return db_run(taking->db,
		"insert into catalogue (word, entries, version, revision, taken_us, actor) values (?1, ?2, ?3, ?4, ?5, "
		"?6)"
		" on conflict (word) do update set entries = excluded.entries, version = excluded.version,"
		" revision = excluded.revision, taken_us = excluded.taken_us, actor = excluded.actor",
		DB_ARGS(db_str(catalogue_words[kind]), db_i64((int64_t)result->rows), db_str(result->version),
			db_i64((int64_t)revision), db_i64(taking->origin->now_us), db_str(taking->origin->actor)),
		NULL);
}

static int feed_epss(void *context, struct bytes piece)
{
	return catalogue_epss_feed(context, piece);
}

/* From 'text', or from the file when there is none. */
static int take_epss(struct taking *taking, struct catalogue_result *ret)
{
	struct catalogue_epss *epss;
	int error = catalogue_epss_begin(taking->db, taking->origin, &epss), ended;

	if (error)
		return error;
	error = taking->text.ptr ? catalogue_epss_feed(epss, taking->text)
				 : read_file(taking->fd, CATALOGUES_UNPACKED_MAX, feed_epss, epss);
	ended = catalogue_epss_end(epss, ret);
	return error ? error : ended;
}

static int take_one(struct taking *taking, enum catalogue_kind kind, struct catalogue_result *ret)
{
	int error = LUYTRE_E_INVALID;

	if (kind == CATALOGUE_KEV) {
		error = catalogue_kev(taking->db, taking->origin, taking->text, ret);
	} else if (kind == CATALOGUE_EPSS) {
		error = take_epss(taking, ret);
	} else if (kind == CATALOGUE_CVE) {
		error = catalogue_cve(taking->db, taking->origin, taking->text);
		ret->rows = !error;
	}
	return error;
}

static int take_work(void *context)
{
	struct taking *taking = context;
	int error = take_one(taking, taking->kind, &taking->result);

	return error ? error : note(taking, taking->kind, &taking->result, 0);
}

/* ---- A bundle ---- */

static int read_keys(const char *path, uint8_t keys[CATALOGUES_KEYS_MAX][BUNDLE_PUBLIC_SIZE], size_t *ret_count)
{
	FILE *file = fopen(path, "re");
	char line[KEY_LINE_SIZE];
	size_t count = 0;

	while (file && count < CATALOGUES_KEYS_MAX && fgets(line, sizeof(line), file)) {
		size_t size;

		line[strcspn(line, " \t\r\n#")] = '\0';
		if (sodium_hex2bin(keys[count], BUNDLE_PUBLIC_SIZE, line, strlen(line), NULL, &size, NULL) == 0 &&
			size == BUNDLE_PUBLIC_SIZE)
			count++;
	}
	if (file)
		fclose(file);
	*ret_count = count;
	return count > 0 ? 0 : LUYTRE_E_PERMISSION;
}

static int kind_of(struct bytes name)
{
	static const char folder[] = "cve/";

	if (bytes_equal_str(name, "kev.json"))
		return CATALOGUE_KEV;
	if (bytes_equal_str(name, "epss.csv"))
		return CATALOGUE_EPSS;
	return bytes_starts_with(name, bytes_from_str(folder)) ? CATALOGUE_CVE : -1;
}

/* A record of a CVE without what we look for is none of ours, and no fault. */
static int take_file(struct taking *taking, const struct bundle_file *file)
{
	struct catalogue_result result = { 0 };
	int kind = kind_of(file->name), error;

	if (kind < 0)
		return LUYTRE_E_UNSUPPORTED;
	taking->text = file->content;
	error = take_one(taking, (enum catalogue_kind)kind, &result);
	if (kind == CATALOGUE_CVE && error == LUYTRE_E_NOT_FOUND)
		error = 0;
	if (!error && kind != CATALOGUE_CVE)
		error = note(taking, (enum catalogue_kind)kind, &result, 0);
	taking->result.rows += result.rows;
	taking->result.refused += result.refused;
	return error;
}

static int bundle_work(void *context)
{
	struct taking *taking = context;
	struct bundle_file file;
	int64_t known = 0;
	size_t pos = 0;
	int error = db_integer(taking->db, "select revision from catalogue where word = 'bundle'", DB_NO_ARGS, &known);

	if (error && error != LUYTRE_E_NOT_FOUND)
		return error;
	if (taking->bundle.revision > INT64_MAX || (int64_t)taking->bundle.revision <= known)
		return LUYTRE_E_CONFLICT;
	error = 0;
	while (!error && bundle_next(&taking->bundle, &pos, &file))
		error = take_file(taking, &file);
	snprintf(taking->result.version, sizeof(taking->result.version), "%llu",
		(unsigned long long)taking->bundle.revision);
	return error ? error : note(taking, CATALOGUE_BUNDLE, &taking->result, taking->bundle.revision);
}

static int take_bundle(struct taking *taking, const char *keys_path)
{
	uint8_t keys[CATALOGUES_KEYS_MAX][BUNDLE_PUBLIC_SIZE];
	size_t count;
	int error = read_keys(keys_path, keys, &count);

	if (!error)
		error = bundle_open(taking->text, (const uint8_t(*)[BUNDLE_PUBLIC_SIZE])keys, count, &taking->bundle);
	if (error)
		return error;
	return db_atomically(taking->db, bundle_work, taking);
}

int catalogues_take(struct db *db, const struct audit_origin *origin, enum catalogue_kind kind, int fd,
	const char *keys_path, struct catalogue_result *ret)
{
	struct taking taking = { .db = db, .origin = origin, .kind = kind, .fd = fd };
	uint64_t size_max = kind == CATALOGUE_BUNDLE ? BUNDLE_SIZE_MAX : CATALOGUE_FILE_MAX;
	struct text text = { 0 };
	int error = 0;

	if (kind != CATALOGUE_EPSS)
		error = read_file(fd, size_max, append, &text);
	taking.text = bytes_of(text.ptr, text.size);
	if (!error)
		error = kind == CATALOGUE_BUNDLE ? take_bundle(&taking, keys_path)
						 : db_atomically(db, take_work, &taking);
	free(text.ptr);
	*ret = taking.result;
	return error;
}

/* ---- Which is in force ---- */

static int row_state(void *context, const struct db_value *columns, size_t column_count)
{
	struct catalogue_state *state = context;

	state->rows = columns[0].integer;
	state->taken_us = columns[1].integer;
	db_copy_text(&columns[2], state->version, sizeof(state->version));
	db_copy_text(&columns[3], state->by, sizeof(state->by));
	return 0;
}

int catalogues_each(struct db *db, catalogue_state_fn fn, void *context)
{
	int error = 0;

	for (int i = 0; i < CATALOGUE_KIND_COUNT && !error; i++) {
		struct catalogue_state state = { .word = catalogue_words[i] };

		error = db_each(db, "select entries, taken_us, version, actor from catalogue where word = ?1",
			DB_ARGS(db_str(state.word)), row_state, &state);
		if (!error)
			error = fn(context, &state);
	}
	return error;
}
