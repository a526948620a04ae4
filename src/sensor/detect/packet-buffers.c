// SPDX-License-Identifier: Apache-2.0
/* Buffers that rules look at in the packet itself: headers and addresses. */
#include "sensor/decode/packet.h"
#include "sensor/rules/buffers.h"

/* 'rest' from the header's first byte on. */
static bool header(struct bytes rest, size_t size, struct bytes *ret)
{
	if (size == 0 || rest.size < size)
		return false;
	*ret = bytes_first(rest, size);
	return true;
}

static bool get_tcp(const struct sensor_packet *packet, void *scratch, struct bytes *ret)
{
	return packet->has_tcp && header(packet->l4, packet->tcp.header_size, ret);
}

static bool get_udp(const struct sensor_packet *packet, void *scratch, struct bytes *ret)
{
	return packet->has_udp && header(packet->l4, 8, ret);
}

static bool get_ipv4(const struct sensor_packet *packet, void *scratch, struct bytes *ret)
{
	return packet->family == 4 && header(packet->l3, packet->ip_header_size, ret);
}

/* The fixed header and all extension headers. */
static bool get_ipv6(const struct sensor_packet *packet, void *scratch, struct bytes *ret)
{
	size_t size = 40;

	if (packet->family != 6)
		return false;
	if (packet->l4.size > 0 && packet->l4.ptr > packet->l3.ptr)
		size = (size_t)(packet->l4.ptr - packet->l3.ptr);
	return header(packet->l3, size, ret);
}

/* What stands before the payload. */
static bool get_icmpv4(const struct sensor_packet *packet, void *scratch, struct bytes *ret)
{
	if (!packet->has_icmp4 || packet->l4.size < packet->payload.size)
		return false;
	return header(packet->l4, packet->l4.size - packet->payload.size, ret);
}

static bool get_icmpv6(const struct sensor_packet *packet, void *scratch, struct bytes *ret)
{
	if (!packet->has_icmp6 || packet->l4.size < packet->payload.size)
		return false;
	return header(packet->l4, packet->l4.size - packet->payload.size, ret);
}

static bool address(const struct sensor_packet *packet, const struct ip_addr *addr, struct bytes *ret)
{
	if (packet->family == 0)
		return false;
	*ret = bytes_of(addr->bytes, ip_addr_bits(addr) / 8u);
	return true;
}

static bool get_source(const struct sensor_packet *packet, void *scratch, struct bytes *ret)
{
	return address(packet, &packet->src, ret);
}

static bool get_destination(const struct sensor_packet *packet, void *scratch, struct bytes *ret)
{
	return address(packet, &packet->dst, ret);
}

const struct packet_buffer detect_packet_buffers[] = {
	{ .name = "tcp.hdr", .get = get_tcp },
	{ .name = "udp.hdr", .get = get_udp },
	{ .name = "ipv4.hdr", .get = get_ipv4 },
	{ .name = "ipv6.hdr", .get = get_ipv6 },
	{ .name = "icmpv4.hdr", .get = get_icmpv4 },
	{ .name = "icmpv6.hdr", .get = get_icmpv6 },
	{ .name = "ip.src", .get = get_source },
	{ .name = "ip.dst", .get = get_destination },
	{ 0 },
};
