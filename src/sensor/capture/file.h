// SPDX-License-Identifier: Apache-2.0
/* Reads capture files frame by frame: pcap (microseconds and nanoseconds, both byte orders) and pcapng (both byte
 * orders, several sections and interfaces), plain or compressed with gzip or zstd, from a file, a pipe or standard
 * input. What the file is shows its first bytes, never its name.
 *
 * Frames are views into the read-ahead buffer: nothing is copied per frame, and a view is good until the next call. A
 * frame has the link type that its interface has in the file; what is in it is for the decoder.
 *
 * Memory is bounded whatever the file says: the buffer of CAPTURE_BUFFER_SIZE, CAPTURE_INTERFACES_MAX interfaces, and for
 * zstd a window of at most 128 MiB. One capture belongs to one thread at a time.
 *
 * Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"

#define CAPTURE_MESSAGE_SIZE   512
#define CAPTURE_FRAME_MAX      (256u << 10) /* a file with a larger one is refused there */
#define CAPTURE_BUFFER_SIZE    (1u << 20)
#define CAPTURE_INTERFACES_MAX 4096 /* of one pcapng section */

struct capture_file;

struct capture_frame {
	struct bytes data; /* borrowed until the next call */
	uint64_t time_ns; /* since 1970; what the file has beyond that is cut to the ends of the range */
	uint64_t time_s; /* the same in the parts in which files and events have it */
	uint32_t time_us; /* 0..999999, rounded down */
	uint32_t wire_size; /* of the frame before it was cut for the file; may be above data.size */
	uint32_t linktype; /* LINKTYPE_ value, tcpdump.org/linktypes.html */
	uint32_t interface; /* number in its pcapng section; 0 for pcap */
	uint64_t number; /* of the frame in the file, from 1 */
};

/* Opens a file; "-" is standard input. Returns 0 or
 *	LUYTRE_E_NOT_FOUND, LUYTRE_E_PERMISSION and other errors of opening,
 *	LUYTRE_E_SYNTAX		it is not a capture file, or empty,
 *	LUYTRE_E_TRUNCATED	it ends inside its header,
 *	LUYTRE_E_UNSUPPORTED	it is of a version that is not known,
 *	LUYTRE_E_CORRUPT	the compressed data is damaged at once,
 *	LUYTRE_E_NOMEM.
 * After an error 'message' says in one sentence what is wrong with which file. The caller closes '*ret'. */
MUST_CHECK int capture_file_open(const char *path, char message[CAPTURE_MESSAGE_SIZE], struct capture_file **ret);

/* The same for an open descriptor, which the capture owns from now on, also after an error, and for bytes in memory, which
 * it borrows. 'name' is for messages and is copied. */
MUST_CHECK int capture_file_open_fd(
	int fd, const char *name, char message[CAPTURE_MESSAGE_SIZE], struct capture_file **ret);
MUST_CHECK int capture_file_open_memory(
	struct bytes data, const char *name, char message[CAPTURE_MESSAGE_SIZE], struct capture_file **ret);

/* The next frame: 1 when there is one, 0 behind the last, LUYTRE_E_TRUNCATED when the file ends inside a record,
 * LUYTRE_E_CORRUPT when it is damaged, LUYTRE_E_IO and others of reading. After an error capture_file_message() says
 * more, the frames before were good, and further calls give the same error. '*ret' is filled on 1 only. */
MUST_CHECK int capture_file_next(struct capture_file *file, struct capture_frame *ret);

/* The sentence about the last error of capture_file_next(); empty before one. Lives as long as the capture. */
const char *capture_file_message(const struct capture_file *file);

/* The name it was opened with. */
const char *capture_file_name(const struct capture_file *file);

/* Null is allowed. */
void capture_file_close(struct capture_file *file);
