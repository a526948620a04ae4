// SPDX-License-Identifier: Apache-2.0
/* Packets and faults as text for people: one readable line, as 'explain' and the tests print it.
 *
 *	IPv4 TCP 203.0.113.5:4711 > 198.51.100.7:443 SYN 60 bytes
 *	IPv6 UDP [2001:db8::5]:53 > [2001:db8:1::7]:4000 first fragment 1294 bytes
 *	IPv4 ICMP 203.0.113.5 > 198.51.100.7 unreachable code 3 about a packet from 198.51.100.7 70 bytes
 *
 * The line is for reading, not for parsing; programs take the fields. Any thread may call these; the functions keep
 * no state. */
#pragma once

#include "packet/packet.h"

/* Room for the longest line with its NUL. */
#define PACKET_TEXT_SIZE 320

/* "tcp-flags" for PACKET_TCP_FLAGS; "unknown" for what is not in PACKET_FAULTS. Constant. */
const char *packet_fault_name(enum packet_fault fault);

/* "TCP", "ICMPv6"; null for a protocol that has no name here. Constant. */
const char *packet_protocol_name(uint8_t protocol);

/* Writes the line to 'text' and returns it. The packet may be one that packet_parse() found a fault with: what was
 * read before the fault is shown. */
const char *packet_describe(const struct packet *packet, char text[PACKET_TEXT_SIZE]);
