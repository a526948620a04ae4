// SPDX-License-Identifier: Apache-2.0
/* Shared by files.c and store.c. */
#pragma once

#include <magic.h>
#include <openssl/evp.h>

#include "sensor/files/file.h"

enum { HASH_MD5, HASH_SHA1, HASH_SHA256, HASH_COUNT };

#define FILES_MEMORY_MAX   ((size_t)1 << 30) /* all windows of a worker */
#define FILE_WINDOW_MAX    ((size_t)1 << 20) /* held of one file for rules */
#define FILE_UNDECIDED_MAX ((size_t)8 << 20) /* held while a rule may still want to store it */
#define FILE_WINDOW_KEEP   ((size_t)128 << 10) /* less than this is never given back early */
#define FILE_OVERLAP_SIZE  ((size_t)16 << 10) /* kept before what rules have seen */
#define FILE_MAGIC_SIZE    4096 /* libmagic gets so many first bytes */

struct files_state {
	struct worker *worker;
	bool store_on, store_forced, write_info, force_magic, magic_tried;
	bool force_hash[HASH_COUNT];
	bool depth_set;
	uint32_t depth_size;
	uint32_t max_open_files, open_files;
	uint32_t last_id;
	char *folder; /* of stored files; owned */
	magic_t magic;
	size_t memory_size;
};

struct file_private {
	struct files_state *state;
	struct app_conn *conn;
	EVP_MD_CTX *hash[HASH_COUNT]; /* null: not wanted */
	uint8_t *buffer; /* of the window; owned */
	size_t capacity_size;
	uint8_t dir;
	bool keep; /* bytes are wanted by rules */
	bool want_magic;
	/* store.c */
	int fd; /* of the temporary file, -1: none or closed between pieces */
	uint64_t written_size;
	bool failed; /* storing was given up */
	char *temporary; /* its path; owned */
};

int store_open(struct files_state *state);
void store_close(struct files_state *state);
/* Writes what the window has and the disk has not; at the end gives the file its name. */
void store_flush(struct file *file);
void store_finish(struct file *file);
void store_forget(struct file *file);
