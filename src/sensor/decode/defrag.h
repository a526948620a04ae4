// SPDX-License-Identifier: Apache-2.0
/* Puts IP fragments together as the receiving system would.
 *
 * Where fragments overlap, systems differ in which bytes they keep; the policy comes from "host-os-policy" for the
 * destination address. Who wins is decided for each pair of fragments (J. Novak: "Target-Based Fragmentation
 * Reassembly", 2005):
 *
 *	first		the one that came first
 *	last		the one that came last
 *	bsd		the earlier one when it begins at or before the later
 *	bsd-right	the later one when the earlier begins at or before it
 *	linux		the earlier one when it begins before the later
 *	windows		the earlier one, unless the later begins before and ends behind it
 *	solaris		the earlier one, unless the later begins before and ends with or behind it
 *
 * Ceilings: memory (defrag.memcap), unfinished datagrams (defrag.trackers; the one that waited longest makes room),
 * fragments (defrag.max-frags, and DEFRAG_PIECES_MAX of one datagram), time since the last fragment (defrag.timeout, or
 * that of defrag.host-config for the destination). The hash is keyed. One worker owns it; time is packet time. */
#pragma once

#include "base/siphash.h"
#include "sensor/decode/packet.h"

struct defrag;
struct decoder;
struct sensor_settings;

enum {
	DEFRAG_PIECES_MAX = 2048,
	DEFRAG_DATAGRAMS_MAX = 4, /* completed by one frame; further ones are given up */
};

struct defrag_piece {
	struct bytes head; /* the frame up to the fragment's data, without an IPv6 fragment header */
	size_t l3_offset; /* of the IP header in 'head' */
	size_t next_at; /* IPv6: of the next header field to change, counted from the IP header */
	uint8_t next_header; /* IPv6: what to write there */
	struct bytes data;
};

struct defrag_datagram {
	struct bytes frame; /* link and IP header of the first fragment with lengths put right, then all data */
	size_t l3_offset;
};

/* Null without memory. 'counters' has STATS_COUNTERS_MAX values. */
struct defrag *defrag_new(const struct sensor_settings *settings, uint64_t *counters, struct siphash_key key);
/* Null is allowed. */
void defrag_free(struct defrag *defrag);

/* A new frame at that time: what defrag_add gave before is no longer valid, and a few old datagrams are given up. */
void defrag_frame(struct defrag *defrag, uint64_t now_ns);

/* Adds a fragment; 'p' has addresses, protocol, fragment fields and VLANs, and gets events and, where memory is out, a
 * verdict by exception policy. True when the datagram is complete. */
bool defrag_add(
	struct defrag *defrag, struct sensor_packet *p, const struct defrag_piece *piece, struct defrag_datagram *ret);

/* Gives the fragment to defrag and decodes what becomes complete (decode/ipv4.c). */
void decode_fragment(struct decoder *decoder, struct sensor_packet *p, const struct defrag_piece *piece);

/* For tests: bytes held. */
uint64_t defrag_memory(const struct defrag *defrag);
