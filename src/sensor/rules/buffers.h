// SPDX-License-Identifier: Apache-2.0
/* Names of buffers and their numbers, collected from all protocols and the few that belong to packets and files.
 *
 * A number is dense and the same for the whole process. Who provides a buffer for a protocol is found by
 * (number, protocol): several protocols may provide one name. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "sensor/app/app.h"

enum {
	RULE_BUFFER_PAYLOAD = 0, /* of the packet or the stream */
	RULE_BUFFER_BASE64 = 1, /* "base64_data": what base64_decode left (detect_context.base64) */
	RULE_BUFFERS_MAX = 1024,
};

struct sensor_packet;

/* A buffer of the packet itself: "tcp.hdr", "ipv4.hdr", "udp.hdr", "icmpv6.hdr", "ip.src" ... */
struct packet_buffer {
	const char *name, *alias;
	bool (*get)(const struct sensor_packet *packet, void *scratch, struct bytes *ret); /* scratch: 64 bytes */
};

extern const struct packet_buffer detect_packet_buffers[]; /* detect/packet-buffers.c; ends with a null name */

/* The table is made on the first call of any of these, from any thread, and never changes. */

/* Number of a sticky buffer by name or alias, of a content modifier, of a pcre letter; -1: none. */
int rule_buffer_find(struct bytes name);
int rule_buffer_find_modifier(struct bytes name);
int rule_buffer_find_pcre_flag(char flag, bool is_request);
const char *rule_buffer_name(unsigned int number);
unsigned int rule_buffer_count(void);
/* Which protocols provide it: bits by app_protocol_index(). */
uint64_t rule_buffer_protocols(unsigned int number);
/* DIR_* of any of the protocols in 'protocols'; enum app_buffer_flag of any of them. */
uint8_t rule_buffer_dirs(unsigned int number, uint64_t protocols);
uint8_t rule_buffer_flags(unsigned int number);
/* The buffer in whose scan the literals of this one are found too; often itself. */
unsigned int rule_buffer_scanned(unsigned int number);
/* The row for a protocol, or null when that protocol has no such buffer. */
const struct app_buffer *rule_buffer_for(unsigned int number, const struct app_protocol *protocol);
/* The buffer over frames of this type (app/frames.h): "frame:http1.request"; -1: the protocol has no such frame. */
int rule_buffer_find_frame(const struct app_protocol *protocol, struct bytes type);
/* True for a buffer over frames: whose they are (app_protocol_index()) and of which type. */
bool rule_buffer_frame(unsigned int number, unsigned int *ret_protocol, unsigned int *ret_type);
/* Or the packet's, or null. */
const struct packet_buffer *rule_buffer_packet(unsigned int number);
