// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* One packet, from the link header to the first bytes behind the transport header.
 *
 * packet_parse() is the only packet decoder of the project: the XDP program compiles it for the
 * kernel, the replay, the tests and the sensor compile it for user space. It reads each header
 * once, keeps no state, allocates nothing and never reads outside [data, end).
 *
 * Its answer is a fault: PACKET_OK, or the first thing that is wrong with the packet whoever it
 * is for. What is filled in before a fault stays filled in: 'family' is not zero once the
 * addresses are valid, so a faulty packet can still be counted for its destination.
 *
 * Addresses are in network order; an IPv4 address is in word[0], the other words are zero. Ports
 * and sizes are in host order. */
#pragma once

#include "packet/wire.h"

/* X(id, name): what can be wrong with a packet before any policy is asked. */
#define PACKET_FAULTS(X)                                                                                               \
	X(OK, "ok")                                                                                                    \
	X(NOT_IP, "not-ip")                                                                                            \
	X(LINK, "link")                                                                                                \
	X(TAGS, "tags")                                                                                                \
	X(IP_HEADER, "ip-header")                                                                                      \
	X(IP_LENGTH, "ip-length")                                                                                      \
	X(IP_CHECKSUM, "ip-checksum")                                                                                  \
	X(TTL_ZERO, "ttl-zero")                                                                                        \
	X(SOURCE_ROUTE, "source-route")                                                                                \
	X(IP_OPTIONS_BAD, "ip-options-bad")                                                                            \
	X(LAND, "land")                                                                                                \
	X(SOURCE_CAST, "source-cast")                                                                                  \
	X(FRAGMENT_TINY, "fragment-tiny")                                                                              \
	X(FRAGMENT_OFFSET_ONE, "fragment-offset-one")                                                                  \
	X(FRAGMENT_OVERSIZE, "fragment-oversize")                                                                      \
	X(FRAGMENT_ATOMIC, "fragment-atomic")                                                                          \
	X(FRAGMENT_SIZE, "fragment-size")                                                                              \
	X(IPV6_CHAIN, "ipv6-chain")                                                                                    \
	X(IPV6_HOPBYHOP, "ipv6-hopbyhop")                                                                              \
	X(IPV6_ROUTING, "ipv6-routing")                                                                                \
	X(TCP_HEADER, "tcp-header")                                                                                    \
	X(TCP_FLAGS, "tcp-flags")                                                                                      \
	X(PORT_ZERO, "port-zero")                                                                                      \
	X(UDP_LENGTH, "udp-length")                                                                                    \
	X(ICMP_HEADER, "icmp-header")                                                                                  \
	X(SCTP_HEADER, "sctp-header")                                                                                  \
	X(GRE_HEADER, "gre-header")

enum packet_fault {
#define X(id, name) PACKET_##id,
	PACKET_FAULTS(X)
#undef X
		PACKET_FAULT_COUNT
};

enum packet_protocol {
	PACKET_ICMP = 1,
	PACKET_IPIP = 4,
	PACKET_TCP = 6,
	PACKET_UDP = 17,
	PACKET_IPV6_IN_IP = 41,
	PACKET_IPV6_ROUTE = 43,
	PACKET_IPV6_FRAGMENT = 44,
	PACKET_GRE = 47,
	PACKET_ESP = 50,
	PACKET_AH = 51,
	PACKET_ICMPV6 = 58,
	PACKET_IPV6_NONE = 59,
	PACKET_IPV6_OPTIONS = 60,
	PACKET_SCTP = 132,
};

enum packet_tcp_flag {
	PACKET_FIN = 0x01,
	PACKET_SYN = 0x02,
	PACKET_RST = 0x04,
	PACKET_PSH = 0x08,
	PACKET_ACK = 0x10,
	PACKET_URG = 0x20,
};

enum packet_flag {
	PACKET_IS_FRAGMENT = 1 << 0, /* any fragment, first or later */
	PACKET_LATER_FRAGMENT = 1 << 1, /* offset over 0: no transport header here */
	PACKET_MORE_FRAGMENTS = 1 << 2,
	PACKET_HAS_IP_OPTIONS = 1 << 3,
	PACKET_HAS_FAST_OPEN = 1 << 4, /* SYN with TCP option 34 (RFC 7413) */
	PACKET_HAS_MSS = 1 << 5,
	PACKET_UDP_NO_CHECKSUM = 1 << 6,
	PACKET_HAS_INNER = 1 << 7, /* inner_src/inner_dst are filled: ICMP error or plain tunnel */
};

struct packet_addr {
	union {
		uint8_t byte[16];
		uint32_t word[4];
		uint64_t half[2];
	};
};

struct packet {
	struct packet_addr src, dst;
	uint64_t head[2]; /* first 16 payload bytes as they lie in memory, zeros behind the end */
	uint32_t inner_src; /* network order: source of the quoted or tunnelled packet; IPv6: its last word */
	uint32_t size; /* frame bytes */
	uint32_t fragment_id; /* network order */
	uint32_t tcp_seq, tcp_ack; /* host order */
	uint16_t l3_offset, l4_offset, payload_offset;
	uint16_t payload_size; /* behind the transport header, by the IP header's length */
	uint16_t ip_size; /* by the IP header's length */
	uint16_t fragment_offset; /* bytes */
	uint16_t sport, dport;
	uint16_t tcp_mss;
	uint16_t flags; /* enum packet_flag */
	uint8_t family; /* 4, 6 or 0 */
	uint8_t protocol;
	uint8_t ttl;
	uint8_t tcp_flags; /* the eight classic flags */
	uint8_t icmp_type, icmp_code;
	uint8_t tags; /* VLAN tags and MPLS labels in front of IP */
	uint8_t pad;
};

enum {
	PACKET_TAGS_MAX = 2, /* catalogue D12 */
	PACKET_MPLS_MAX = 4,
	PACKET_IPV6_HEADERS_MAX = 8, /* catalogue E1 */
	PACKET_IPV6_CHAIN_MAX = 256,
	PACKET_IP_OPTIONS_MAX = 8, /* with padding; more are refused as bad */
	PACKET_TCP_OPTIONS_MAX = 10, /* with padding; a real SYN has five or six, later ones are not read */
};

#ifndef __bpf__
/* packet_parse() for user space, compiled once. Any thread; 'data' is borrowed during the call. */
enum packet_fault packet_decode(const uint8_t *data, size_t size, struct packet *ret);
#endif
