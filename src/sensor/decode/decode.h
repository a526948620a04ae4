// SPDX-License-Identifier: Apache-2.0
/* From frames to packets: link layers, IP, transport, tunnels and fragments.
 *
 * decoder_frame() reads the headers of one frame into packets of the decoder's own pool and hands each of them to a
 * function: first the packets that were inside (of a tunnel, or a datagram completed by this fragment), innermost
 * first, at last the packet of the frame itself. Inner packets have 'root' set; all have the number and time of the
 * frame. An inner packet whose first header cannot be read is no packet and is not handed over.
 *
 * Packets and what their views point to are valid until the next call. Malformed headers become events (events.h) and,
 * where nothing behind them can be trusted, PKT_INVALID; every frame gives its packet, whatever is in it.
 *
 * Options read from the configuration when the decoder is made: decoder.teredo, .vxlan, .geneve (enabled, ports),
 * .erspan.typeI.enabled, .vntag.enabled, stats.decoder-events, .decoder-events-prefix, and defrag.*.
 *
 * One worker owns a decoder. Make all decoders before the first of them reads: counters are registered here. */
#pragma once

#include "base/compiler.h"
#include "base/siphash.h"
#include "sensor/decode/packet.h"

struct decoder;
struct sensor_settings;
struct worker_frame;

/* Most packets that one frame can give. */
enum { DECODER_PACKETS_MAX = 20 };

typedef void (*decoder_packet_fn)(void *context, struct sensor_packet *packet);

/* 'counters' has STATS_COUNTERS_MAX values. Null without memory. */
struct decoder *decoder_new(const struct sensor_settings *settings, uint64_t *counters, struct siphash_key key);
/* Null is allowed. */
void decoder_free(struct decoder *decoder);

/* Gives all packets of the pool the same room for alerts; the caller keeps owning it. */
void decoder_set_alerts(struct decoder *decoder, struct packet_alert *alerts);

void decoder_frame(
	struct decoder *decoder, const struct worker_frame *frame, decoder_packet_fn packet_fn, void *context);

/* True for link types that decoder_frame understands; frames of others give an invalid packet. */
bool decoder_knows_linktype(uint32_t linktype);
/* "EN10MB", "RAW", ...: "packet_info.linktype_name" in EVE. Null for an unknown one. */
const char *decoder_linktype_name(uint32_t linktype);
