// SPDX-License-Identifier: Apache-2.0
/* Files seen in transactions: name, bytes, hashes, magic, and storing.
 *
 * A parser opens a file, appends bytes, closes it. What happens to the bytes (hash, keep a window for file.data rules,
 * determine magic, store) is decided by the policy and by rules, not by the parser. One worker owns a list; memory is
 * bounded by the inspection window of each file and counted. */
#pragma once

#include "base/bytes.h"
#include "sensor/common.h"

struct app_conn;
struct app_tx;
struct worker;

enum file_state { FILE_OPEN, FILE_CLOSED, FILE_TRUNCATED, FILE_ERROR };

enum file_flag {
	FILE_STORE = 1 << 0, /* a rule or force-filestore wants it on disk */
	FILE_NO_STORE = 1 << 1,
	FILE_STORED = 1 << 2,
	FILE_GAPS = 1 << 3, /* bytes are missing in the middle */
	FILE_NO_MAGIC = 1 << 4,
	FILE_LOGGED = 1 << 5,
	FILE_RANGE = 1 << 6, /* a piece of a larger file (HTTP range) */
	FILE_NAMED = 1 << 7, /* has a name, even an empty one */
};

struct file {
	struct file *next;
	uint32_t id; /* counts from 1 in a worker: "track id" */
	uint32_t store_id; /* "file_id" of EVE: counts stored files of the process from 1; 0: not stored */
	uint8_t state; /* enum file_state */
	uint32_t flags; /* enum file_flag */
	struct bytes name; /* may be empty; lives as long as the file */
	uint64_t size; /* bytes seen, whether kept or not */
	uint64_t range_start, range_end, range_total;
	struct bytes magic; /* libmagic's text, when asked for; else empty */
	bool has_md5, has_sha1, has_sha256;
	uint8_t md5[16], sha1[20], sha256[32];
	uint32_t sid_count; /* rules that asked to store it */
	uint32_t sids[16];
	/* The window of bytes still held: [window_offset, window_offset + window.size). */
	struct bytes window;
	uint64_t window_offset;
	uint64_t inspected[2]; /* progress of file.data inspection */
	uint64_t time_start_ns, time_end_ns;
	struct file_private *private; /* files.c */
};

/* Ceilings: whoever sends files cannot make us keep more. */
enum { FILE_LIST_MAX = 1024, FILE_NAME_MAX = 4096 };

struct file_list {
	struct file *first, *last;
	uint32_t count;
};

/* Opens a file of a transaction in the given direction. Null without memory or over the ceiling. 'name' is copied. */
struct file *file_open(struct app_conn *conn, struct app_tx *tx, enum sensor_dir dir, struct bytes name);
/* Appends bytes. A file past its limits only counts. 0 or an error (the file is FILE_ERROR then). */
int file_append(struct app_conn *conn, struct file *file, struct bytes data);
/* 'size' bytes are missing here. */
void file_gap(struct app_conn *conn, struct file *file, uint64_t size);
/* 'data' as in file_append; state FILE_CLOSED when complete, FILE_TRUNCATED when the end is missing. */
void file_close(struct app_conn *conn, struct file *file, struct bytes data, enum file_state state);
void file_set_range(struct file *file, uint64_t start, uint64_t end, uint64_t total);
void file_list_free(struct worker *worker, struct file_list *list);
/* The flow or transaction ends: open files become truncated. */
void file_list_truncate(struct app_conn *conn, struct file_list *list);
/* True when one of the files is to be stored; 'list' may be null. */
bool file_list_stores(const struct file_list *list);
/* What the 'filestore' keyword does. */
void file_want_store(struct file *file, uint32_t sid);
/* Computes magic now if bytes are there and it was not done yet. */
struct bytes file_magic(struct worker *worker, struct file *file);
/* "OPEN", "CLOSED", "TRUNCATED", "ERROR". */
const char *file_state_name(const struct file *file);

/* ---- What the worker and outputs call ---- */

/* Reads "outputs: - file-store:" and the hashes that outputs want ("force-hash", "force-magic"). Null after an error that
 * was logged: contradictory configuration, or the folder of stored files cannot be made. */
struct files_state *files_state_new(struct worker *worker);
void files_state_free(struct files_state *state);
/* True when stored files are to have their record beside them ("write-fileinfo"). */
bool files_write_info_wanted(const struct files_state *state);
/* Writes 'json' to <sha256>.<seconds>.<store id>.json beside a stored file. */
void files_write_info(struct files_state *state, const struct file *file, uint64_t time_ns, struct bytes json);
/* The depth of "file-store.stream-depth" holds for this flow from now on: it has a file to store. */
void files_extend_depth(struct app_conn *conn);
/* For parsers with limits of their own: how much of a file that is stored is wanted ("file-store.stream-depth", else the
 * depth of streams; 0: no limit); false: files are not stored, use yours. */
bool files_depth(const struct app_conn *conn, uint32_t *ret_size);
