// SPDX-License-Identifier: Apache-2.0
/* Answers to packets that a rule rejected: TCP is reset, everything else is told that it is forbidden.
 *
 * The reset of RFC 9293, section 3.10.7.1 (closed state); ICMP "communication administratively prohibited" of RFC 1812,
 * section 5.2.7.1, and RFC 4443, section 3.1. Never about ICMP errors, fragments, resets, or to and from addresses of many
 * (RFC 1122, section 3.2.2; RFC 4443, section 2.4). At most REJECTS_PER_S a second and worker; the rest is counted as
 * withheld and the packet is dropped all the same.
 *
 * On the wire the answer is a frame that leaves by the interface that the packet came from (or went to); elsewhere a raw
 * socket sends it. Its mark (SO_MARK) is REJECT_MARK, by which NFQUEUE knows it again. */
#pragma once

#include "base/compiler.h"
#include "sensor/capture/source.h"

enum { REJECTS_PER_S = 500, REJECT_MARK = 0x4c54 };

struct reject;

/* 0 or an error with a sentence. 'source' is borrowed; its statistics count the answers. */
MUST_CHECK int reject_new(struct source *source, char message[SOURCE_MESSAGE_SIZE], struct reject **ret);
void reject_free(struct reject *reject);

/* 'action': ACTION_REJECT answers the sender, ACTION_REJECT_DST the receiver, ACTION_REJECT_BOTH both. */
void reject_answer(struct reject *reject, const struct source_frame *frame, uint8_t action);

/* The answer itself: an IP packet, or an Ethernet frame when 'ethernet' is given (the frame's link header). 0, or
 * LUYTRE_E_UNSUPPORTED: there must be no answer to this packet. 'ip' begins with the IP header. */
MUST_CHECK int reject_build(
	struct bytes ip, struct bytes ethernet, bool to_sender, uint8_t *out, size_t room, size_t *ret_size);
