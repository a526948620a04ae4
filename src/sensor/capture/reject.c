// SPDX-License-Identifier: Apache-2.0
#include "sensor/capture/reject.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "packet/build.h"
#include "sensor/capture/source-internal.h"

enum {
	ETHERNET_SIZE = 14,
	MAC_SIZE = 6,
	IP_MAX = 65535,
	QUOTE4_MAX = 548, /* RFC 1812, section 4.3.2.3: the answer is at most 576 bytes */
	QUOTE6_MAX = 1232, /* RFC 4443, section 2.4: at most 1,280 */
	ANSWER_MAX = 2048,
	LINKTYPE_ETHERNET = 1,
};

struct reject {
	struct source *source;
	int fds[2]; /* raw sockets for IPv4 and IPv6; -1 on the wire */
	uint64_t window_ns;
	uint32_t in_window;
};

static int open_raw(int family)
{
	int one = 1, mark = REJECT_MARK, fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);

	if (fd < 0)
		return -1;
	if ((family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &one, sizeof(one))) ||
		setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark))) {
		close(fd);
		return -1;
	}
	return fd;
}

int reject_new(struct source *source, char message[SOURCE_MESSAGE_SIZE], struct reject **ret)
{
	struct reject *reject = calloc(1, sizeof(*reject));

	if (!reject)
		return LUYTRE_E_NOMEM;
	reject->source = source;
	reject->fds[0] = reject->fds[1] = -1;
	if (!source->ops->inject) {
		reject->fds[0] = open_raw(AF_INET);
		if (reject->fds[0] < 0) {
			reject_free(reject);
			return source_fail_errno(message, "cannot open a raw socket for answers to rejected packets");
		}
		reject->fds[1] = open_raw(AF_INET6); /* -1: this machine has no IPv6, and nobody to answer */
	}
	*ret = reject;
	return 0;
}

void reject_free(struct reject *reject)
{
	if (!reject)
		return;
	for (int i = 0; i < 2; i++)
		if (reject->fds[i] >= 0)
			close(reject->fds[i]);
	free(reject);
}

/* ---- The answer ---- */

static bool is_of_many(const struct ip_addr *addr)
{
	if (addr->family == IP_V6)
		return addr->bytes[0] == 0xff;
	return addr->bytes[0] >= 224 || addr->bytes[0] == 0;
}

static bool is_icmp_question(const struct packet *p)
{
	if (p->protocol == PACKET_ICMP)
		return p->icmp_type == 8 || p->icmp_type == 13 || p->icmp_type == 15 || p->icmp_type == 17;
	return p->icmp_type == 128;
}

static bool may_answer(const struct packet *p, const struct ip_addr *src, const struct ip_addr *dst)
{
	if (!p->family || p->flags & PACKET_IS_FRAGMENT || is_of_many(src) || is_of_many(dst))
		return false;
	if (p->protocol == PACKET_TCP)
		return !(p->tcp_flags & PACKET_RST);
	return (p->protocol != PACKET_ICMP && p->protocol != PACKET_ICMPV6) || is_icmp_question(p);
}

static void fill_reset(const struct packet *p, bool to_sender, struct packet_spec *spec)
{
	uint32_t length = p->payload_size + !!(p->tcp_flags & PACKET_SYN) + !!(p->tcp_flags & PACKET_FIN);

	spec->protocol = PACKET_TCP;
	spec->tcp_flags = PACKET_RST | PACKET_ACK;
	if (!to_sender) {
		/* As if the sender gave up in place of this segment. */
		spec->sport = p->sport;
		spec->dport = p->dport;
		spec->tcp_seq = p->tcp_seq;
		spec->tcp_ack = p->tcp_ack;
		if (!(p->tcp_flags & PACKET_ACK))
			spec->tcp_flags = PACKET_RST;
		return;
	}
	spec->sport = p->dport;
	spec->dport = p->sport;
	if (p->tcp_flags & PACKET_ACK) {
		spec->tcp_seq = p->tcp_ack;
		spec->tcp_flags = PACKET_RST;
	} else {
		spec->tcp_ack = p->tcp_seq + length;
	}
}

static void fill_prohibited(const struct packet *p, struct bytes ip, struct packet_spec *spec)
{
	size_t room = p->family == 4 ? QUOTE4_MAX : QUOTE6_MAX;

	spec->protocol = p->family == 4 ? PACKET_ICMP : PACKET_ICMPV6;
	spec->icmp_type = p->family == 4 ? 3 : 1;
	spec->icmp_code = p->family == 4 ? 13 : 1;
	spec->payload = ip.ptr;
	spec->payload_size = ip.size < room ? ip.size : room;
}

int reject_build(struct bytes ip, struct bytes ethernet, bool to_sender, uint8_t *out, size_t room, size_t *ret_size)
{
	struct packet_spec spec = { .no_link = ethernet.size == 0 };
	uint8_t frame[ETHERNET_SIZE + IP_MAX];
	struct ip_addr src, dst;
	struct packet p;

	if (ip.size == 0)
		return LUYTRE_E_UNSUPPORTED;
	ip = bytes_first(ip, IP_MAX);
	memset(frame, 0, ETHERNET_SIZE);
	frame[12] = ip.ptr[0] >> 4 == 6 ? 0x86 : 0x08;
	frame[13] = ip.ptr[0] >> 4 == 6 ? 0xdd : 0x00;
	memcpy(frame + ETHERNET_SIZE, ip.ptr, ip.size);
	if (packet_decode(frame, ETHERNET_SIZE + ip.size, &p) != PACKET_OK)
		return LUYTRE_E_UNSUPPORTED;
	src = p.family == 4 ? ip_addr_v4(p.src.byte) : ip_addr_v6(p.src.byte);
	dst = p.family == 4 ? ip_addr_v4(p.dst.byte) : ip_addr_v6(p.dst.byte);
	if (!may_answer(&p, &src, &dst) || (!to_sender && p.protocol != PACKET_TCP))
		return LUYTRE_E_UNSUPPORTED;
	spec.src_addr = to_sender ? &dst : &src;
	spec.dst_addr = to_sender ? &src : &dst;
	if (ethernet.size) {
		spec.src_mac = ethernet.ptr + (to_sender ? 0 : MAC_SIZE);
		spec.dst_mac = ethernet.ptr + (to_sender ? MAC_SIZE : 0);
	}
	if (p.protocol == PACKET_TCP)
		fill_reset(&p, to_sender, &spec);
	else
		fill_prohibited(&p, ip, &spec);
	return packet_build(&spec, out, room, ret_size);
}

/* ---- Sending ---- */

static bool take_turn(struct reject *reject)
{
	uint64_t now_ns = clock_mono_ns();

	if (now_ns - reject->window_ns >= NS_PER_S) {
		reject->window_ns = now_ns;
		reject->in_window = 0;
	}
	return reject->in_window++ < REJECTS_PER_S;
}

static int send_raw(const struct reject *reject, const uint8_t *ip, size_t size)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	bool is6 = ip[0] >> 4 == 6;
	ssize_t sent;

	memcpy(&to4.sin_addr, ip + 16, 4);
	if (is6)
		memcpy(&to6.sin6_addr, ip + 24, 16);
	sent = sendto(reject->fds[is6], ip, size, MSG_NOSIGNAL, is6 ? (struct sockaddr *)&to6 : (struct sockaddr *)&to4,
		is6 ? sizeof(to6) : sizeof(to4));
	return sent == (ssize_t)size ? 0 : error_from_errno(errno);
}

/* The IP packet of an untagged frame; empty when it is something else. */
static struct bytes ip_of(const struct source_frame *frame, struct bytes *ret_ethernet)
{
	struct bytes data = frame->in.data;

	*ret_ethernet = bytes_of(NULL, 0);
	if (frame->in.linktype != LINKTYPE_ETHERNET)
		return data;
	if (data.size < ETHERNET_SIZE)
		return bytes_of(NULL, 0);
	*ret_ethernet = bytes_first(data, ETHERNET_SIZE);
	if (!(data.ptr[12] == 0x08 && data.ptr[13] == 0x00) && !(data.ptr[12] == 0x86 && data.ptr[13] == 0xdd))
		return bytes_of(NULL, 0);
	return bytes_skip(data, ETHERNET_SIZE);
}

static void answer_one(struct reject *reject, const struct source_frame *frame, bool to_sender)
{
	struct source *source = reject->source;
	bool on_wire = source->ops->inject != NULL;
	uint8_t out[ANSWER_MAX];
	struct bytes ethernet, ip = ip_of(frame, &ethernet);
	size_t size;
	int error;

	if (reject_build(ip, on_wire ? ethernet : bytes_of(NULL, 0), to_sender, out, sizeof(out), &size))
		return;
	if (!take_turn(reject)) {
		source->stats.rejects_withheld++;
		return;
	}
	if (on_wire)
		error = source->ops->inject(source, to_sender ? frame->side : !frame->side, bytes_of(out, size));
	else
		error = send_raw(reject, out, size);
	if (error)
		source->stats.rejects_withheld++;
	else
		source->stats.rejects++;
}

void reject_answer(struct reject *reject, const struct source_frame *frame, uint8_t action)
{
	if (action & (ACTION_REJECT | ACTION_REJECT_BOTH))
		answer_one(reject, frame, true);
	if (action & (ACTION_REJECT_DST | ACTION_REJECT_BOTH))
		answer_one(reject, frame, false);
}
