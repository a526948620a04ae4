// SPDX-License-Identifier: Apache-2.0
/* The line is put together from parts; a part says nothing when its packet has nothing of the kind. */
#include "packet/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/net.h"

struct line {
	char *text;
	size_t used;
};

struct name {
	uint8_t number;
	const char *name;
};

static const char *const fault_names[] = {
#define X(id, name) [PACKET_##id] = (name),
	PACKET_FAULTS(X)
#undef X
};

static const struct name protocol_names[] = {
	{ PACKET_ICMP, "ICMP" },
	{ PACKET_IPIP, "IPIP" },
	{ PACKET_TCP, "TCP" },
	{ PACKET_UDP, "UDP" },
	{ PACKET_IPV6_IN_IP, "IPv6-in-IP" },
	{ PACKET_IPV6_ROUTE, "routing-header" },
	{ PACKET_IPV6_FRAGMENT, "fragment-header" },
	{ PACKET_GRE, "GRE" },
	{ PACKET_ESP, "ESP" },
	{ PACKET_AH, "AH" },
	{ PACKET_ICMPV6, "ICMPv6" },
	{ PACKET_IPV6_NONE, "no-next-header" },
	{ PACKET_IPV6_OPTIONS, "options-header" },
	{ PACKET_SCTP, "SCTP" },
};

/* RFC 792 and RFC 4443, RFC 4861: the kinds that a filter meets. */
static const struct name icmp_names[] = {
	{ 0, "echo-reply" },
	{ 3, "unreachable" },
	{ 4, "source-quench" },
	{ 5, "redirect" },
	{ 8, "echo-request" },
	{ 11, "time-exceeded" },
	{ 12, "parameter-problem" },
	{ 13, "timestamp" },
};

static const struct name icmpv6_names[] = {
	{ 1, "unreachable" },
	{ 2, "packet-too-big" },
	{ 3, "time-exceeded" },
	{ 4, "parameter-problem" },
	{ 128, "echo-request" },
	{ 129, "echo-reply" },
	{ 133, "router-solicitation" },
	{ 134, "router-advertisement" },
	{ 135, "neighbour-solicitation" },
	{ 136, "neighbour-advertisement" },
	{ 137, "redirect" },
};

static const struct name tcp_flag_names[] = {
	{ PACKET_SYN, "SYN" },
	{ PACKET_FIN, "FIN" },
	{ PACKET_RST, "RST" },
	{ PACKET_PSH, "PSH" },
	{ PACKET_ACK, "ACK" },
	{ PACKET_URG, "URG" },
	{ 0x40, "ECE" },
	{ 0x80, "CWR" },
};

PRINTF_LIKE(2, 3) static void add(struct line *line, const char *format, ...)
{
	size_t room = PACKET_TEXT_SIZE - line->used;
	va_list args;
	int written;

	va_start(args, format);
	written = vsnprintf(line->text + line->used, room, format, args);
	va_end(args);
	if (written > 0)
		line->used += (size_t)written < room ? (size_t)written : room - 1;
}

static const char *name_of(const struct name *names, size_t count, uint8_t number)
{
	for (size_t i = 0; i < count; i++) {
		if (names[i].number == number)
			return names[i].name;
	}
	return NULL;
}

const char *packet_fault_name(enum packet_fault fault)
{
	return (unsigned int)fault < PACKET_FAULT_COUNT ? fault_names[fault] : "unknown";
}

const char *packet_protocol_name(uint8_t protocol)
{
	return name_of(protocol_names, ARRAY_COUNT(protocol_names), protocol);
}

static void add_protocol(struct line *line, const struct packet *packet)
{
	const char *name = packet_protocol_name(packet->protocol);

	if (name)
		add(line, " %s ", name);
	else
		add(line, " protocol %u ", packet->protocol);
}

/* A packet without ports, or one whose fault came before them, has zeros there. */
static void add_end(struct line *line, const struct packet *packet, const struct packet_addr *addr, uint16_t port)
{
	struct ip_addr ip = packet->family == 6 ? ip_addr_v6(addr->byte) : ip_addr_v4(addr->byte);
	char text[IP_ADDR_TEXT_SIZE];

	ip_addr_format(&ip, text);
	if (!packet->sport && !packet->dport)
		add(line, "%s", text);
	else
		add(line, packet->family == 6 ? "[%s]:%u" : "%s:%u", text, port);
}

static void add_tcp(struct line *line, const struct packet *packet)
{
	char separator = ' ';

	for (size_t i = 0; i < ARRAY_COUNT(tcp_flag_names); i++) {
		if (packet->tcp_flags & tcp_flag_names[i].number) {
			add(line, "%c%s", separator, tcp_flag_names[i].name);
			separator = ',';
		}
	}
	if (packet->flags & PACKET_HAS_MSS)
		add(line, " mss %u", packet->tcp_mss);
	if (packet->flags & PACKET_HAS_FAST_OPEN)
		add(line, " fast-open");
}

static void add_icmp(struct line *line, const struct packet *packet)
{
	const char *name = packet->family == 4 ? name_of(icmp_names, ARRAY_COUNT(icmp_names), packet->icmp_type)
					       : name_of(icmpv6_names, ARRAY_COUNT(icmpv6_names), packet->icmp_type);

	if (name)
		add(line, " %s", name);
	else
		add(line, " type %u", packet->icmp_type);
	if (packet->icmp_code)
		add(line, " code %u", packet->icmp_code);
}

/* Only of IPv4 is the inner address whole (packet.h). */
static void add_inner(struct line *line, const struct packet *packet)
{
	char text[IP_ADDR_TEXT_SIZE];
	struct ip_addr inner = ip_addr_v4(&packet->inner_src);
	const char *relation = packet->protocol == PACKET_ICMP ? "about" : "with";

	if (packet->protocol == PACKET_ICMPV6)
		add(line, " about a packet");
	else
		add(line, " %s a packet from %s", relation, ip_addr_format(&inner, text));
}

static void add_fragment(struct line *line, const struct packet *packet)
{
	if (!(packet->flags & PACKET_LATER_FRAGMENT))
		add(line, " first fragment");
	else
		add(line, " %s fragment at %u", packet->flags & PACKET_MORE_FRAGMENTS ? "middle" : "last",
			packet->fragment_offset);
}

const char *packet_describe(const struct packet *packet, char text[PACKET_TEXT_SIZE])
{
	struct line line = { .text = text };
	bool icmp = packet->protocol == (packet->family == 4 ? PACKET_ICMP : PACKET_ICMPV6);

	text[0] = '\0';
	if (!packet->family) {
		add(&line, "no IP packet, %u bytes", packet->size);
		return text;
	}
	add(&line, "IPv%u", packet->family);
	add_protocol(&line, packet);
	add_end(&line, packet, &packet->src, packet->sport);
	add(&line, " > ");
	add_end(&line, packet, &packet->dst, packet->dport);
	if (packet->protocol == PACKET_TCP)
		add_tcp(&line, packet);
	if (icmp && packet->l4_offset && !(packet->flags & PACKET_LATER_FRAGMENT))
		add_icmp(&line, packet);
	if (packet->flags & PACKET_HAS_INNER)
		add_inner(&line, packet);
	if (packet->flags & PACKET_UDP_NO_CHECKSUM)
		add(&line, " no-checksum");
	if (packet->flags & PACKET_HAS_IP_OPTIONS)
		add(&line, " ip-options");
	if (packet->flags & PACKET_IS_FRAGMENT)
		add_fragment(&line, packet);
	if (packet->tags)
		add(&line, " behind %u tag%s", packet->tags, packet->tags == 1 ? "" : "s");
	add(&line, " %u bytes", packet->size);
	return text;
}
