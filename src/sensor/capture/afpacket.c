// SPDX-License-Identifier: Apache-2.0
/* AF_PACKET: looks on at an interface through a ring of blocks (TPACKET_V3, packet(7)).
 *
 * Each worker has a socket with a ring; the sockets are one fanout group, which spreads flows over them (source.h). The
 * kernel takes the outer VLAN tag out of a frame and tells it beside; it is put back, where the ring keeps room for it,
 * so that the decoder sees the frame as it was on the wire. A frame whose checksums the network card was still to fill
 * in (our own machine sent it) is marked, or rules and streams would take it for a broken one. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "sensor/capture/source-internal.h"

enum {
	BLOCK_SIZE = 1 << 20, /* holds any frame that offloading puts together */
	BLOCKS_MIN = 4,
	FRAME_SIZE = 2048, /* only for the kernel's arithmetic: V3 packs frames */
	BLOCK_TIMEOUT_MS = 10, /* a block that is not full is handed over after so long */
	TAG_SIZE = 4,
	MACS_SIZE = 12,
	LINKTYPE_ETHERNET = 1,
	LINKTYPE_RAW = 12,
};

struct afpacket_set {
	struct source_set set;
	int ifindex;
	uint32_t linktype;
	bool loopback;
	uint16_t group;
};

struct afpacket {
	struct source source;
	int fd;
	uint8_t *ring;
	size_t ring_size;
	unsigned int block_count, block; /* the next to read */
	uint32_t left; /* frames of the block in hand that were not given out; 0: none in hand */
	struct tpacket3_hdr *next;
	unsigned int used_from, used_count; /* blocks to give back at release */
};

static int find_interface(struct afpacket_set *a, char *message)
{
	const char *name = a->set.options.interface;
	struct ifreq request = { 0 };
	int fd, type;

	a->ifindex = (int)if_nametoindex(name);
	if (!a->ifindex)
		return source_fail(message, LUYTRE_E_NOT_FOUND,
			"there is no interface %s; `ip link` shows those that exist", name);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request)) {
		int error = source_fail_errno(message, "cannot ask for the kind of %s", name);

		if (fd >= 0)
			close(fd);
		return error;
	}
	close(fd);
	type = request.ifr_hwaddr.sa_family;
	a->loopback = type == ARPHRD_LOOPBACK;
	a->linktype = type == ARPHRD_ETHER || a->loopback ? LINKTYPE_ETHERNET : LINKTYPE_RAW;
	if (a->linktype == LINKTYPE_RAW && type != ARPHRD_NONE && type != ARPHRD_PPP && type != ARPHRD_RAWIP &&
		type != ARPHRD_TUNNEL && type != ARPHRD_TUNNEL6)
		return source_fail(
			message, LUYTRE_E_UNSUPPORTED, "%s is of a kind (%d) whose frames are not known", name, type);
	return 0;
}

static int set_open(const struct source_options *options, char *message, struct source_set **ret)
{
	static const char *const spreads[] = { "flow", "address", "queue" };
	struct afpacket_set *a = calloc(1, sizeof(*a));
	int error;

	if (!a)
		return LUYTRE_E_NOMEM;
	a->set.ops = &source_afpacket;
	a->set.options = *options;
	error = find_interface(a, message);
	if (error) {
		free(a);
		return error;
	}
	a->group = (uint16_t)(getpid() ^ a->ifindex << 8);
	snprintf(a->set.description, sizeof(a->set.description), "looking on at %s, %u worker%s, spread by %s",
		options->interface, options->worker_count, options->worker_count > 1 ? "s" : "",
		spreads[options->spread]);
	*ret = &a->set;
	return 0;
}

static void set_close(struct source_set *set, bool detach)
{
	free(set);
}

/* ---- One socket ---- */

static int map_ring(struct afpacket *p, uint32_t wanted_size, char *message)
{
	struct tpacket_req3 request = {
		.tp_block_size = BLOCK_SIZE, .tp_frame_size = FRAME_SIZE, .tp_retire_blk_tov = BLOCK_TIMEOUT_MS
	};
	int version = TPACKET_V3, reserve = TAG_SIZE;

	p->block_count = wanted_size / BLOCK_SIZE > BLOCKS_MIN ? wanted_size / BLOCK_SIZE : BLOCKS_MIN;
	p->ring_size = (size_t)p->block_count * BLOCK_SIZE;
	request.tp_block_nr = p->block_count;
	request.tp_frame_nr = p->block_count * (BLOCK_SIZE / FRAME_SIZE);
	if (setsockopt(p->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
		setsockopt(p->fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof(reserve)) ||
		setsockopt(p->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)))
		return source_fail_errno(message, "cannot get a ring of %zu MB for packets", p->ring_size >> 20);
	p->ring = mmap(NULL, p->ring_size, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	if (p->ring == MAP_FAILED) {
		p->ring = NULL;
		return source_fail_errno(message, "cannot map the ring of packets");
	}
	return 0;
}

/* Sum of all address words; fragments carry addresses only, so they meet the rest of their flow. Symmetric because
 * addition is. What is neither IPv4 nor IPv6 goes to the first worker. The kernel takes the answer modulo the workers. */
static int spread_by_address(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_NET_OFF + 12)),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_NET_OFF + 16)),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_JUMP(BPF_JMP | BPF_JA, 7, 0, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_NET_OFF + 20)),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_NET_OFF + 36)),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = { .len = ARRAY_COUNT(code), .filter = code };

	return setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof(program));
}

static int join_group(struct afpacket_set *a, struct afpacket *p, unsigned int index, char *message)
{
	static const int modes[] = { PACKET_FANOUT_HASH, PACKET_FANOUT_CBPF, PACKET_FANOUT_QM };
	int value = a->group | modes[a->set.options.spread] << 16;

	if (a->set.options.worker_count == 1)
		return 0;
	if (setsockopt(p->fd, SOL_PACKET, PACKET_FANOUT, &value, sizeof(value)))
		return source_fail_errno(message, "cannot spread packets over the workers");
	/* The program belongs to the group: the first socket brings it. */
	if (a->set.options.spread == SOURCE_SPREAD_ADDRESS && index == 0 && spread_by_address(p->fd))
		return source_fail_errno(message, "cannot spread packets by address");
	return 0;
}

static int bind_socket(struct afpacket_set *a, struct afpacket *p, unsigned int index, char *message)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = a->ifindex
	};
	struct packet_mreq promiscuous = { .mr_ifindex = a->ifindex, .mr_type = PACKET_MR_PROMISC };
	int one = 1;

	/* Every frame of the loopback interface would be seen twice, leaving and coming. */
	if (a->loopback && setsockopt(p->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)))
		return source_fail_errno(message, "cannot leave out what leaves %s", a->set.options.interface);
	if (bind(p->fd, (struct sockaddr *)&address, sizeof(address)))
		return source_fail_errno(message, "cannot look on at %s", a->set.options.interface);
	if (!a->set.options.no_promiscuous &&
		setsockopt(p->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)))
		return source_fail_errno(message, "cannot make %s promiscuous", a->set.options.interface);
	return join_group(a, p, index, message);
}

static void close_source(struct source *source)
{
	struct afpacket *p = (struct afpacket *)source;

	if (p->ring)
		munmap(p->ring, p->ring_size);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

static int open_source(struct source_set *set, unsigned int index, char *message, struct source **ret)
{
	struct afpacket_set *a = (struct afpacket_set *)set;
	struct afpacket *p = calloc(1, sizeof(*p));
	int error;

	if (!p)
		return LUYTRE_E_NOMEM;
	/* Protocol 0: nothing arrives before the socket is bound. */
	p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	error = p->fd < 0 ? source_fail_errno(message, "cannot open a packet socket") : 0;
	if (!error)
		error = map_ring(p, set->options.ring_size, message);
	if (!error)
		error = bind_socket(a, p, index, message);
	if (error) {
		close_source(&p->source);
		return error;
	}
	*ret = &p->source;
	return 0;
}

/* ---- Frames ---- */

static struct tpacket_block_desc *block_at(const struct afpacket *p, unsigned int index)
{
	return (struct tpacket_block_desc *)(void *)(p->ring + (size_t)index * BLOCK_SIZE);
}

/* True: a block is in hand with frames that were not given out. */
static bool take_block(struct afpacket *p)
{
	struct tpacket_block_desc *block;

	while (p->left == 0) {
		if (p->used_count == p->block_count)
			return false;
		block = block_at(p, p->block);
		if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			return false;
		p->left = block->hdr.bh1.num_pkts;
		p->next = (struct tpacket3_hdr *)(void *)((uint8_t *)block + block->hdr.bh1.offset_to_first_pkt);
		p->block = (p->block + 1) % p->block_count;
		p->used_count++;
	}
	return true;
}

/* Puts the tag back between addresses and type; the ring has room in front of the frame (PACKET_RESERVE). */
static uint8_t *put_tag(uint8_t *frame, const struct tpacket3_hdr *header)
{
	uint16_t type = header->tp_status & TP_STATUS_VLAN_TPID_VALID ? header->hv1.tp_vlan_tpid : ETH_P_8021Q;
	uint8_t *tag = frame - TAG_SIZE + MACS_SIZE;

	memmove(frame - TAG_SIZE, frame, MACS_SIZE);
	tag[0] = (uint8_t)(type >> 8);
	tag[1] = (uint8_t)type;
	tag[2] = (uint8_t)(header->hv1.tp_vlan_tci >> 8);
	tag[3] = (uint8_t)header->hv1.tp_vlan_tci;
	return frame - TAG_SIZE;
}

static void read_frame(const struct afpacket *p, struct source_frame *ret)
{
	const struct afpacket_set *a = (const struct afpacket_set *)p->source.set;
	const struct tpacket3_hdr *header = p->next;
	uint8_t *frame = (uint8_t *)p->next + header->tp_mac;
	uint32_t tag = 0;

	if (header->tp_status & TP_STATUS_VLAN_VALID && a->linktype == LINKTYPE_ETHERNET &&
		header->tp_snaplen >= MACS_SIZE) {
		frame = put_tag(frame, header);
		tag = TAG_SIZE;
	}
	*ret = (struct source_frame){ .in = {
					      .data = bytes_of(frame, header->tp_snaplen + tag),
					      .time_ns = header->tp_sec * NS_PER_S + header->tp_nsec,
					      .wire_size = header->tp_len + tag,
					      .linktype = a->linktype,
					      .no_checksums = header->tp_status & TP_STATUS_CSUMNOTREADY,
				      } };
}

static int receive(struct source *source, unsigned int wait_ms, struct source_frame *frames)
{
	struct afpacket *p = (struct afpacket *)source;
	int count = 0;

	if (!take_block(p)) {
		source_wait(source, p->fd, -1, wait_ms);
		if (!take_block(p))
			return source_check_interface(source, p->fd, source->set->options.interface,
				(unsigned int)((struct afpacket_set *)source->set)->ifindex);
	}
	while (count < SOURCE_BATCH_MAX && p->left) {
		read_frame(p, &frames[count++]);
		p->left--;
		p->next = (struct tpacket3_hdr *)(void *)((uint8_t *)p->next + p->next->tp_next_offset);
	}
	source->stats.received += (uint64_t)count;
	return count;
}

/* Blocks go back whole: the one in hand only when its last frame was given out. */
static void release(struct source *source)
{
	struct afpacket *p = (struct afpacket *)source;
	unsigned int keep = p->left ? 1 : 0;

	while (p->used_count > keep) {
		struct tpacket_block_desc *block = block_at(p, p->used_from);

		__atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		p->used_from = (p->used_from + 1) % p->block_count;
		p->used_count--;
	}
}

static void read_stats(struct source *source)
{
	struct afpacket *p = (struct afpacket *)source;
	struct tpacket_stats_v3 stats; /* since the last call */
	socklen_t size = sizeof(stats);

	if (getsockopt(p->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
		source->stats.lost += stats.tp_drops;
}

const struct source_ops source_afpacket = {
	.name = "af-packet",
	.set_open = set_open,
	.set_close = set_close,
	.open = open_source,
	.receive = receive,
	.release = release,
	.read_stats = read_stats,
	.close = close_source,
};
