// SPDX-License-Identifier: Apache-2.0
/* Where lines go: a file or a Unix socket, shared by all workers.
 *
 * Lines are whole or not at all. A file is buffered and flushed by sink_flush (the worker does so when idle and at the
 * end); a full disk or a reader that is gone costs lines, which are counted, never the packet path. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

struct sink;

enum sink_kind { SINK_FILE, SINK_UNIX_STREAM, SINK_UNIX_DGRAM };

struct sink_options {
	enum sink_kind kind;
	bool append;
	uint64_t rotate_size; /* a file larger than this is renamed to PATH.1 ... PATH.9; 0: never */
	uint32_t rotate_interval_s; /* or older than this; 0: never */
	uint32_t mode; /* permissions of a new file; 0: 0640 */
};

/* 0 or an error that was logged with the path and the reason. */
MUST_CHECK int sink_open(const char *path, const struct sink_options *options, struct sink **ret);
void sink_write(struct sink *sink, struct bytes line, uint64_t now_ns);
void sink_flush(struct sink *sink);
void sink_reopen(struct sink *sink);
/* Lines that could not be written. */
uint64_t sink_lost(const struct sink *sink);
bool sink_is_socket(const struct sink *sink);
void sink_close(struct sink *sink); /* null is allowed */
