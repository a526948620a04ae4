// SPDX-License-Identifier: Apache-2.0
/* Writes packets: for tests, for the lab's traffic, for examples in the manual. The opposite of packet/parse.h.
 *
 * A packet is one struct that is filled by name; what is left out has a sensible value, and lengths, checksums and
 * next-header fields are worked out. So this is a whole packet:
 *
 *	struct packet_spec syn = { .src = "203.0.113.5", .dst = "198.51.100.7", .protocol = PACKET_TCP,
 *		.dport = 443, .tcp_flags = PACKET_SYN, .tcp_mss = 1460 };
 *	uint8_t frame[2048];
 *	size_t size;
 *	int error = packet_build(&syn, frame, sizeof(frame), &size);
 *
 * Attack packets are the same struct made wrong on purpose: each length field has a '_change' that is added to the
 * right value, 'wrong' spoils other fields, 'cut' takes bytes off the end and 'trailer' adds some. Checksums are
 * those of the packet as it is written, so that a spoiled field is the only thing wrong with it.
 *
 * Nothing here keeps state or allocates, and all pointers are borrowed during the call only. Numbers are in host
 * order. Any thread may build. Not for the packet path: building is written for clearness. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/net.h"
#include "packet/packet.h"

/* Room that any packet_build() fits into: the largest IPv6 packet behind the most tags and labels, with a trailer. */
#define PACKET_BUILD_SIZE_MAX 65792

enum {
	PACKET_BUILD_TAGS_MAX = 4,
	PACKET_BUILD_LABELS_MAX = 8,
	PACKET_BUILD_EXTENSIONS_MAX = 16,
	PACKET_BUILD_TRAILER_MAX = 128,
	PACKET_BUILD_DEPTH_MAX = 3, /* a packet in a packet in a packet */
	PACKET_BUILD_SPORT = 40000, /* stands for sport 0 */
	PACKET_BUILD_DPORT = 9, /* stands for dport 0: discard */
	PACKET_BUILD_TTL = 64, /* stands for ttl 0 */
};

/* What 'wrong' spoils; or them together. */
enum packet_wrong {
	PACKET_WRONG_IP_CHECKSUM = 1 << 0,
	PACKET_WRONG_L4_CHECKSUM = 1 << 1, /* TCP, UDP, ICMP, ICMPv6, SCTP, GRE with PACKET_GRE_CHECKSUM */
	PACKET_WRONG_IP_VERSION = 1 << 2, /* 5 in the version field, the Ethernet type stays right */
	PACKET_WRONG_TTL_ZERO = 1 << 3,
	PACKET_WRONG_SPORT_ZERO = 1 << 4,
	PACKET_WRONG_DPORT_ZERO = 1 << 5,
};

/* Of 'gre_flags': the optional fields of RFC 2784 and RFC 2890. */
enum packet_gre_flag { PACKET_GRE_CHECKSUM = 0x80, PACKET_GRE_KEY = 0x20, PACKET_GRE_SEQUENCE = 0x10 };

struct packet_vlan {
	uint16_t type; /* 0 stands for 0x8100; 0x88a8 is the outer one of QinQ */
	uint16_t id; /* with priority in the upper four bits */
};

/* One IPv6 extension header. Its body follows the two bytes of next header and length, and is filled up with zeros to
 * the next multiple of eight; without a body the header has eight bytes. For hop-by-hop and destination options an
 * empty body is a PadN option. The body of a fragment header is made from the fragment fields of the packet. */
struct packet_extension {
	uint8_t protocol; /* 0, 43, 44, 60 or any other */
	const void *body;
	size_t body_size;
	int length_change; /* added to the header's length field (units of eight bytes) */
};

struct packet_spec {
	/* Link. The type is that of the IP version unless given. 'no_link' begins with the IP header. */
	const uint8_t *src_mac, *dst_mac; /* six bytes; null: 02:00:00:00:00:01 and :02 */
	uint16_t ether_type;
	bool no_link;
	uint8_t vlan_count;
	struct packet_vlan vlan[PACKET_BUILD_TAGS_MAX]; /* outermost first */
	uint8_t label_count;
	uint32_t label[PACKET_BUILD_LABELS_MAX]; /* MPLS labels, outermost first; the last gets the bottom bit */

	/* IP. Both addresses of one version, as text or, when the text is null, as numbers. */
	const char *src, *dst;
	const struct ip_addr *src_addr, *dst_addr;
	uint8_t protocol; /* behind all extension headers */
	uint8_t ttl;
	uint8_t tos; /* or traffic class */
	uint32_t flow_label; /* IPv6 */
	uint16_t ip_id; /* IPv4 */
	bool dont_fragment;
	const void *ip_options; /* IPv4; filled up with zeros to the next multiple of four, 40 bytes at most */
	size_t ip_options_size;
	uint8_t extension_count;
	struct packet_extension extension[PACKET_BUILD_EXTENSIONS_MAX];

	/* A fragment is said by more_fragments or an offset. With an offset there is no transport header: the payload
	 * is what the fragment carries. IPv6 gets a fragment header behind the other extension headers, unless an
	 * 'extension' of protocol 44 stands elsewhere already. Alone, that one makes an atomic fragment. */
	bool more_fragments;
	uint16_t fragment_offset; /* bytes, a multiple of eight */
	uint32_t fragment_id; /* for IPv4 the lower half, in place of ip_id */

	/* Transport: TCP, UDP and SCTP have ports. */
	uint16_t sport, dport;
	uint8_t tcp_flags;
	uint32_t tcp_seq, tcp_ack;
	uint16_t tcp_window; /* 0 stands for 64240 */
	uint16_t tcp_mss; /* adds the option when not zero */
	bool tcp_fast_open; /* adds option 34 with a cookie of eight bytes */
	const void *tcp_options; /* behind those two; all together filled up with zeros, 40 bytes at most */
	size_t tcp_options_size;
	bool udp_no_checksum;
	uint8_t icmp_type, icmp_code;
	uint32_t icmp_rest; /* the four bytes behind the checksum: identifier and sequence, MTU, ... */
	uint8_t gre_flags;
	uint16_t gre_type; /* 0: that of 'inner', or IPv4 */
	uint32_t gre_key, gre_sequence;
	uint32_t sctp_tag;

	/* Payload: 'inner' without its link header (ICMP errors, GRE, IPIP, IPv6 in IP), then the bytes. A null
	 * 'payload' with a size stands for that many bytes 0, 1, 2, ... Other protocols than those named in the
	 * transport part have the payload right behind the IP header. */
	const struct packet_spec *inner;
	const void *payload;
	size_t payload_size;

	/* What is wrong on purpose. */
	uint32_t wrong; /* enum packet_wrong */
	int ip_header_change; /* IPv4 header length, words of four bytes */
	int ip_length_change; /* IPv4 total length, IPv6 payload length */
	int tcp_header_change; /* data offset, words of four bytes */
	int udp_length_change; /* also says the length of the whole datagram in a first fragment */
	size_t transport_cut; /* takes bytes off the transport and payload, before the IP length is worked out */
	size_t cut; /* takes bytes off the written IP packet; nothing inside it knows */
	size_t trailer; /* zero bytes behind the IP packet, as Ethernet padding */
};

/* Writes the packet to 'out' and its size to '*ret_size'. Returns 0 or
 *	LUYTRE_E_SYNTAX	an address cannot be read,
 *	LUYTRE_E_CONFLICT	addresses of two versions, or IPv6 extension headers in an IPv4 packet,
 *	LUYTRE_E_INVALID	an address is missing, or 'inner' is nested too deep,
 *	LUYTRE_E_RANGE	a field is too large for its place in the packet (counts, options, offset, 64 KB),
 *	LUYTRE_E_FULL	'room' is too small, also for what is cut off again.
 * After an error the content of 'out' is undefined, and '*ret_size' is unchanged. */
MUST_CHECK int packet_build(const struct packet_spec *spec, uint8_t *out, size_t room, size_t *ret_size);

/* The Internet checksum (RFC 1071) of 'data', in host order. It is what goes into a header whose checksum field
 * is zero, and 0 for a header that already carries the right one. */
uint16_t packet_checksum(const void *data, size_t size);
