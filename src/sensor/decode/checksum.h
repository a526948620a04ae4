// SPDX-License-Identifier: Apache-2.0
/* The Internet checksum (RFC 1071) of packets, worked out when somebody asks and kept in the packet.
 *
 * A checksum that the packet does not carry (UDP 0 over IPv4, RFC 768; IPv6 has none of its own) counts as good, as
 * does one that cannot be verified: fragments, other protocols. PKT_IGNORE_CHECKSUM says that nobody should care. */
#pragma once

#include "sensor/decode/packet.h"

/* One's complement sum of 'data' added to 'sum', not folded. Sums of pieces may be added when all but the last are of
 * even size. Values are in host order of the words as they lie in memory: fold, then compare with 0xffff. */
uint64_t checksum_add(uint64_t sum, const void *data, size_t size);
/* To 16 bits. */
uint16_t checksum_fold(uint64_t sum);

/* Of the IPv4 header. */
bool packet_checksum_l3(struct sensor_packet *packet);
/* Of TCP, UDP, ICMP or ICMPv6. */
bool packet_checksum_l4(struct sensor_packet *packet);
