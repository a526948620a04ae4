// SPDX-License-Identifier: Apache-2.0
/* Reads capture files (pcap and pcapng) frame by frame, each as an Ethernet frame that packet_parse() takes.
 *
 * Files of Ethernet, raw IP, Linux cooked (both versions) and loopback captures are understood. What does not begin
 * with an Ethernet header gets one, with zero addresses, in front of what the file has. Compressed files are not
 * read: unpack them first. Memory is bounded whatever the file says: libpcap's buffer for one record and one frame of
 * ours. One capture belongs to one thread at a time. */
#pragma once

#include <stdio.h>

#include "base/bytes.h"
#include "base/compiler.h"

/* Longer frames are cut to this, as if the capturing program had done so. */
#define PACKET_CAPTURE_FRAME_MAX 65550

#define PACKET_CAPTURE_MESSAGE_SIZE 320

struct packet_capture;

struct packet_frame {
	struct bytes data; /* borrowed from the capture, until the next call */
	uint64_t time_ns; /* since 1970 */
	/* What the frame's size was on the wire, with the same link header as 'data'. When larger than data.size, the
	 * capture holds only the beginning, and the parser will rightly say that the IP length is wrong. */
	uint32_t wire_size;
};

/* Opens a file. Returns 0 or
 *	LUYTRE_E_NOT_FOUND, LUYTRE_E_PERMISSION and other errors of opening,
 *	LUYTRE_E_SYNTAX		it is not a capture file,
 *	LUYTRE_E_UNSUPPORTED	its link type is none of the above,
 *	LUYTRE_E_NOMEM.
 * After an error 'message' says in one sentence what is wrong with which file. The caller closes '*ret'. */
MUST_CHECK int packet_capture_open(
	const char *path, char message[PACKET_CAPTURE_MESSAGE_SIZE], struct packet_capture **ret);

/* The same for an open stream, which the capture owns from now on, also after an error. 'name' is for messages and
 * is copied. */
MUST_CHECK int packet_capture_open_stream(
	FILE *stream, const char *name, char message[PACKET_CAPTURE_MESSAGE_SIZE], struct packet_capture **ret);

/* The next frame: 1 when there is one, 0 behind the last, LUYTRE_E_CORRUPT when the file is damaged or ends inside a
 * record; then packet_capture_message() says more, and the frames before were good. '*ret' is filled on 1 only. */
MUST_CHECK int packet_capture_next(struct packet_capture *capture, struct packet_frame *ret);

/* The sentence about the last error of packet_capture_next(); empty before one. Lives as long as the capture. */
const char *packet_capture_message(const struct packet_capture *capture);

/* Null is allowed. */
void packet_capture_close(struct packet_capture *capture);
