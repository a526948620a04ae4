// SPDX-License-Identifier: Apache-2.0
/* AF_XDP: the wire between two interfaces (bpf/wire.h says who decides what).
 *
 * Each worker has one queue number of both interfaces, with one socket each, and one area of memory that both share: a
 * frame that passes is put into the other socket's send ring where it lies, without a copy of ours. Frames of the area are
 * always in exactly one place: a fill ring, a receive ring, our hands, a send ring, a completion ring, or the free list.
 *
 * The program is pinned with its flow table below the BPF file system: when we go, however, it stays and sends on (or
 * stops) what comes, and flows stay blocked. The next sensor puts its own program in place of the old one between two
 * packets. Symmetric queues are the network card's business: `ethtool -L DEV combined 1`, or a symmetric hash key. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xdp/xsk.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sensor/bpf/wire.h"
#include "sensor/capture/source-internal.h"
#include "sensor/flow/flow.h"
#include "wire.skel.h"

enum {
	FRAME_SIZE = 4096,
	RING_SIZE = 2048,
	FRAME_COUNT = 4 * RING_SIZE,
	AREA_SIZE = FRAME_COUNT * FRAME_SIZE,
	SIDE_BATCH = SOURCE_BATCH_MAX / WIRE_SIDES,
	KICKS_MAX = 2 * RING_SIZE / 32, /* the kernel sends 32 frames a call where it copies */
	STALE_MS = 1000,
	LINKTYPE_ETHERNET = 1,
	PATH_SIZE = 512,
};

struct xdp_set {
	struct source_set set;
	struct wire_bpf *bpf;
	struct wire_queue *queues; /* mapped */
	unsigned int ifindex[WIRE_SIDES];
	int links[WIRE_SIDES];
	char dir[256];
};

struct xdp_side {
	struct xsk_socket *socket;
	struct xsk_ring_cons receive, complete;
	struct xsk_ring_prod fill, send;
	struct wire_queue *queue;
	uint32_t received; /* of the batch, given back at release */
	uint32_t queued; /* to send, not submitted */
};

struct xdp {
	struct source source;
	uint8_t *area;
	struct xsk_umem *umem;
	struct xdp_side sides[WIRE_SIDES];
	uint64_t *free;
	uint32_t free_count;
};

/* ---- The set: program, tables, pins ---- */

PRINTF_LIKE(2, 0) static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[512];

	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = 0;
	if (level == LIBBPF_WARN)
		log_debug("libbpf: %s", line);
	return 0;
}

static void dir_of(const char *pin_dir, const char *interface, const char *peer, char ret[256])
{
	snprintf(ret, 256, "%.200s/wire-%.15s-%.15s", pin_dir, interface, peer);
}

static int make_pins(const struct xdp_set *x, char *message)
{
	if ((mkdir(x->set.options.pin_dir, 0700) && errno != EEXIST) || (mkdir(x->dir, 0700) && errno != EEXIST))
		return source_fail_errno(message, "cannot make %s; is a BPF file system mounted there?", x->dir);
	return 0;
}

static int open_program(struct xdp_set *x, const char *flows_path, char *message)
{
	const struct source_options *o = &x->set.options;
	struct wire_settings settings = { .ifindex = { x->ifindex[0], x->ifindex[1] },
		.fail_open = o->fail_open,
		.room = RING_SIZE - RING_SIZE / 8,
		.stale_ns = STALE_MS * NS_PER_MS,
		.idle_ns = o->flow_idle_ns };

	x->bpf = wire_bpf__open();
	if (!x->bpf)
		return source_fail_errno(message, "cannot open the wire's program");
	memcpy((void *)(uintptr_t)&x->bpf->rodata->settings, &settings, sizeof(settings));
	if (bpf_map__set_pin_path(x->bpf->maps.flows, flows_path))
		return source_fail(message, LUYTRE_E_SYSTEM, "cannot set the pin path %s", flows_path);
	return 0;
}

static int load_program(struct xdp_set *x, char *message)
{
	char path[PATH_SIZE];
	int error;

	snprintf(path, sizeof(path), "%s/flows", x->dir);
	error = open_program(x, path, message);
	if (error)
		return error;
	error = wire_bpf__load(x->bpf);
	if (error == -EINVAL && !access(path, F_OK)) {
		log_warn("the flows of the wire have another layout now: starting with none");
		unlink(path);
		wire_bpf__destroy(x->bpf);
		error = open_program(x, path, message);
		if (error)
			return error;
		error = wire_bpf__load(x->bpf);
	}
	errno = -error;
	return error ? source_fail_errno(message, "the kernel refuses to load the wire's program") : 0;
}

static int map_queues(struct xdp_set *x, char *message)
{
	void *at = mmap(NULL, WIRE_SLOTS * sizeof(struct wire_queue), PROT_READ | PROT_WRITE, MAP_SHARED,
		bpf_map__fd(x->bpf->maps.queues), 0);

	if (at == MAP_FAILED)
		return source_fail_errno(message, "cannot map the table of queues");
	x->queues = at;
	return 0;
}

static void set_close(struct source_set *set, bool detach)
{
	struct xdp_set *x = (struct xdp_set *)set;
	char message[SOURCE_MESSAGE_SIZE];

	if (x->queues)
		munmap(x->queues, WIRE_SLOTS * sizeof(struct wire_queue));
	for (int side = 0; side < WIRE_SIDES; side++)
		if (x->links[side] >= 0)
			close(x->links[side]);
	wire_bpf__destroy(x->bpf);
	if (detach && source_wire_detach(set->options.pin_dir, set->options.interface, set->options.peer, message))
		log_warn("%s", message);
	free(x);
}

static int set_open(const struct source_options *options, char *message, struct source_set **ret)
{
	const char *names[WIRE_SIDES] = { options->interface, options->peer };
	struct xdp_set *x = calloc(1, sizeof(*x));
	int error = 0;

	if (!x)
		return LUYTRE_E_NOMEM;
	x->set.ops = &source_xdp;
	x->set.options = *options;
	x->links[0] = x->links[1] = -1;
	dir_of(options->pin_dir, names[0], names[1], x->dir);
	libbpf_set_print(print_libbpf);
	for (int side = 0; side < WIRE_SIDES && !error; side++) {
		x->ifindex[side] = if_nametoindex(names[side]);
		if (!x->ifindex[side])
			error = source_fail(message, LUYTRE_E_NOT_FOUND,
				"there is no interface %s; `ip link` shows those that exist", names[side]);
	}
	if (!error)
		error = make_pins(x, message);
	if (!error)
		error = load_program(x, message);
	if (!error)
		error = map_queues(x, message);
	if (error) {
		set_close(&x->set, false);
		return error;
	}
	*ret = &x->set;
	return 0;
}

/* ---- Attaching ---- */

static int create_link(int program, unsigned int ifindex, const char **ret_mode)
{
	static const struct {
		uint32_t flags;
		const char *name;
	} modes[] = { { XDP_FLAGS_DRV_MODE, "native" }, { XDP_FLAGS_SKB_MODE, "generic" } };
	int fd = -1;

	for (size_t i = 0; i < ARRAY_COUNT(modes) && fd < 0; i++) {
		LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = modes[i].flags);

		fd = bpf_link_create(program, (int)ifindex, BPF_XDP, &opts);
		*ret_mode = modes[i].name;
	}
	return fd;
}

/* Puts our program in the place of the one that a sensor before us left, or attaches it. */
static int attach(struct xdp_set *x, int side, const char **ret_mode, char *message)
{
	const char *name = side ? x->set.options.peer : x->set.options.interface;
	int program = bpf_program__fd(x->bpf->progs.wire), fd;
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/link-%d", x->dir, side);
	fd = bpf_obj_get(path);
	if (fd >= 0) {
		if (!bpf_link_update(fd, program, NULL)) {
			x->links[side] = fd;
			*ret_mode = "as before";
			return 0;
		}
		close(fd); /* its interface is gone: a new one of the same name stands there now */
		unlink(path);
	}
	fd = create_link(program, x->ifindex[side], ret_mode);
	errno = fd < 0 ? -fd : 0;
	if (fd < 0)
		return source_fail_errno(message, "cannot attach to %s%s", name,
			fd == -EBUSY || fd == -EEXIST ? " (another XDP program is there; `ip link` shows it)" : "");
	x->links[side] = fd;
	return bpf_obj_pin(fd, path) ? source_fail_errno(message, "cannot pin %s", path) : 0;
}

static int set_start(struct source_set *set, char *message)
{
	struct xdp_set *x = (struct xdp_set *)set;
	const char *mode = "";
	int error = 0;

	for (int side = 0; side < WIRE_SIDES && !error; side++)
		error = attach(x, side, &mode, message);
	snprintf(set->description, sizeof(set->description), "wire %s <-> %s, %s, fail-%s, %u worker%s",
		set->options.interface, set->options.peer, mode, set->options.fail_open ? "open" : "closed",
		set->options.worker_count, set->options.worker_count > 1 ? "s" : "");
	return error;
}

int source_wire_detach(const char *pin_dir, const char *interface, const char *peer, char message[SOURCE_MESSAGE_SIZE])
{
	static const char *const pins[] = { "link-0", "link-1", "flows" };
	char dir[256], path[PATH_SIZE];
	int found = 0;

	dir_of(pin_dir, interface, peer, dir);
	for (size_t i = 0; i < ARRAY_COUNT(pins); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, pins[i]);
		found += unlink(path) == 0;
	}
	if (!found)
		return source_fail(message, LUYTRE_E_NOT_FOUND, "no wire is pinned at %s", dir);
	return rmdir(dir) ? source_fail_errno(message, "cannot remove %s", dir) : 0;
}

/* ---- One worker's sockets ---- */

static uint64_t take_free(struct xdp *x)
{
	return x->free[--x->free_count];
}

static void give_free(struct xdp *x, uint64_t addr)
{
	x->free[x->free_count++] = addr & ~(uint64_t)(FRAME_SIZE - 1);
}

/* The kernel gets as many empty frames as its ring takes; our send ring must never go without. */
static void refill(struct xdp *x, struct xdp_side *side)
{
	uint32_t room = xsk_prod_nb_free(&side->fill, RING_SIZE), at;

	if (room > RING_SIZE)
		room = RING_SIZE;
	if (room > x->free_count)
		room = x->free_count;
	if (room == 0 || xsk_ring_prod__reserve(&side->fill, room, &at) != room)
		return;
	for (uint32_t i = 0; i < room; i++)
		*xsk_ring_prod__fill_addr(&side->fill, at + i) = take_free(x);
	xsk_ring_prod__submit(&side->fill, room);
}

static int open_socket(struct xdp *x, const struct xdp_set *set, unsigned int queue, int side, char *message)
{
	struct xsk_socket_config config = { .rx_size = RING_SIZE,
		.tx_size = RING_SIZE,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_USE_NEED_WAKEUP };
	const char *name = side ? set->set.options.peer : set->set.options.interface;
	uint32_t slot = (uint32_t)side * WIRE_QUEUES_MAX + queue;
	struct xdp_side *s = &x->sides[side];
	int error, fd;

	error = xsk_socket__create_shared(
		&s->socket, name, queue, x->umem, &s->receive, &s->send, &s->fill, &s->complete, &config);
	if (error) {
		errno = -error;
		return source_fail_errno(message, "cannot open an AF_XDP socket on queue %u of %s%s", queue, name,
			error == -EINVAL ? " (has it so many queues?)" : "");
	}
	s->queue = &set->queues[slot];
	s->queue->taken = s->queue->given;
	refill(x, s);
	fd = xsk_socket__fd(s->socket);
	if (bpf_map_update_elem(bpf_map__fd(set->bpf->maps.sockets), &slot, &fd, BPF_ANY))
		return source_fail_errno(message, "cannot enter the socket of queue %u of %s", queue, name);
	return 0;
}

static void close_source(struct source *source)
{
	struct xdp *x = (struct xdp *)source;

	for (int side = 0; side < WIRE_SIDES; side++)
		if (x->sides[side].socket)
			xsk_socket__delete(x->sides[side].socket);
	if (x->umem)
		xsk_umem__delete(x->umem);
	if (x->area)
		munmap(x->area, AREA_SIZE);
	free(x->free);
	free(x);
}

static int open_area(struct xdp *x, char *message)
{
	struct xsk_umem_config config = { .fill_size = RING_SIZE, .comp_size = RING_SIZE, .frame_size = FRAME_SIZE };
	struct xdp_side *first = &x->sides[0];
	int error;

	x->free = calloc(FRAME_COUNT, sizeof(*x->free));
	x->area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (x->area == MAP_FAILED)
		x->area = NULL;
	if (!x->area || !x->free)
		return LUYTRE_E_NOMEM;
	for (uint64_t i = 0; i < FRAME_COUNT; i++)
		x->free[x->free_count++] = i * FRAME_SIZE;
	error = xsk_umem__create(&x->umem, x->area, AREA_SIZE, &first->fill, &first->complete, &config);
	errno = -error;
	return error ? source_fail_errno(message, "cannot share memory with the kernel for frames") : 0;
}

static int open_source(struct source_set *set, unsigned int index, char *message, struct source **ret)
{
	struct xdp *x = calloc(1, sizeof(*x));
	int error;

	if (!x)
		return LUYTRE_E_NOMEM;
	error = index < WIRE_QUEUES_MAX ? open_area(x, message) : LUYTRE_E_RANGE;
	for (int side = 0; side < WIRE_SIDES && !error; side++)
		error = open_socket(x, (struct xdp_set *)set, index, side, message);
	if (error) {
		close_source(&x->source);
		return error;
	}
	*ret = &x->source;
	return 0;
}

/* ---- Frames ---- */

/* Takes back what was sent. */
static void reap(struct xdp *x, struct xdp_side *side)
{
	uint32_t at, count = xsk_ring_cons__peek(&side->complete, RING_SIZE, &at);

	for (uint32_t i = 0; i < count; i++)
		give_free(x, *xsk_ring_cons__comp_addr(&side->complete, at + i));
	if (count)
		xsk_ring_cons__release(&side->complete, count);
}

/* Hands what is queued to the kernel; where it copies, it sends a few frames a call. */
static void flush_side(struct xdp *x, struct xdp_side *side)
{
	struct xsk_ring_prod *ring = &side->send;

	if (side->queued) {
		xsk_ring_prod__submit(ring, side->queued);
		side->queued = 0;
	}
	for (int i = 0; i < KICKS_MAX; i++) {
		if (__atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE) == *ring->producer)
			break;
		if (!xsk_ring_prod__needs_wakeup(ring))
			break;
		if (sendto(xsk_socket__fd(side->socket), NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN &&
			errno != EBUSY && errno != EINTR)
			break;
		reap(x, side);
	}
	reap(x, side);
}

static int send_frame(struct xdp *x, unsigned int side_index, uint64_t addr, uint32_t size)
{
	struct xdp_side *side = &x->sides[side_index];
	struct xdp_desc *out;
	uint32_t at;

	if (!xsk_ring_prod__reserve(&side->send, 1, &at)) {
		flush_side(x, side);
		if (!xsk_ring_prod__reserve(&side->send, 1, &at)) {
			x->source.stats.send_failed++;
			return LUYTRE_E_FULL;
		}
	}
	out = xsk_ring_prod__tx_desc(&side->send, at);
	*out = (struct xdp_desc){ .addr = addr, .len = size };
	side->queued++;
	x->source.stats.sent++;
	return 0;
}

static int receive_side(struct xdp *x, unsigned int index, uint64_t now_ns, struct source_frame *frames)
{
	struct xdp_side *side = &x->sides[index];
	uint32_t at, count = xsk_ring_cons__peek(&side->receive, SIDE_BATCH, &at);

	for (uint32_t i = 0; i < count; i++) {
		const struct xdp_desc *in = xsk_ring_cons__rx_desc(&side->receive, at + i);

		frames[i] = (struct source_frame){ .in = { .data = bytes_of(x->area + in->addr, in->len),
							   .time_ns = now_ns,
							   .wire_size = in->len,
							   .linktype = LINKTYPE_ETHERNET },
			.token = in->addr,
			.side = (uint8_t)index };
	}
	side->received += count;
	x->source.stats.received += count;
	return (int)count;
}

/* The sign of life for the program, and how much of its ring is free again. */
static void tell_alive(struct xdp *x)
{
	uint64_t now_ns = clock_mono_ns();

	for (int i = 0; i < WIRE_SIDES; i++)
		__atomic_store_n(&x->sides[i].queue->alive_ns, now_ns, __ATOMIC_RELAXED);
}

static int check_sides(struct xdp *x)
{
	const struct xdp_set *set = (const struct xdp_set *)x->source.set;
	const char *names[WIRE_SIDES] = { set->set.options.interface, set->set.options.peer };
	int error = 0;

	for (int i = 0; i < WIRE_SIDES && !error; i++)
		error = source_check_interface(
			&x->source, xsk_socket__fd(x->sides[i].socket), names[i], set->ifindex[i]);
	return error;
}

static int receive(struct source *source, unsigned int wait_ms, struct source_frame *frames)
{
	struct xdp *x = (struct xdp *)source;
	int count = 0;

	tell_alive(x);
	for (int round = 0; round < 2 && count == 0; round++) {
		uint64_t given[WIRE_SIDES];

		for (int i = 0; i < WIRE_SIDES; i++)
			given[i] = __atomic_load_n(&x->sides[i].queue->given, __ATOMIC_ACQUIRE);
		if (round > 0 && !source_wait(source, xsk_socket__fd(x->sides[0].socket),
					 xsk_socket__fd(x->sides[1].socket), wait_ms)) {
			/* An empty ring: frames that were lost on the way do not count as waiting for ever. */
			for (int i = 0; i < WIRE_SIDES; i++)
				__atomic_store_n(&x->sides[i].queue->taken, given[i], __ATOMIC_RELAXED);
		}
		tell_alive(x);
		for (unsigned int i = 0; i < WIRE_SIDES; i++)
			count += receive_side(x, i, clock_real_ns(), frames + count);
	}
	return count ? count : check_sides(x);
}

/* The flow's key, as the program makes it of its packets. False: not one that it could tell. */
static bool key_of(const struct flow *flow, struct wire_key *ret)
{
	bool client_first;
	int order;

	if (flow->vlan_count || (flow->protocol != 6 && flow->protocol != 17 && flow->protocol != 132))
		return false;
	order = memcmp(flow->client.bytes, flow->server.bytes, 16);
	client_first = order < 0 || (order == 0 && flow->client_port <= flow->server_port);
	*ret = (struct wire_key){ .family = flow->client.family, .protocol = flow->protocol };
	memcpy(ret->addr[0], client_first ? flow->client.bytes : flow->server.bytes, 16);
	memcpy(ret->addr[1], client_first ? flow->server.bytes : flow->client.bytes, 16);
	ret->port[0] = client_first ? flow->client_port : flow->server_port;
	ret->port[1] = client_first ? flow->server_port : flow->client_port;
	return true;
}

/* From here on the kernel decides the flow alone. A full table forgets its oldest flow, which is then ours again. */
static void settle_flow(const struct xdp *x, const struct flow *flow, enum wire_verdict verdict)
{
	const struct xdp_set *set = (const struct xdp_set *)x->source.set;
	struct wire_flow entry = { .last_ns = clock_mono_ns(), .verdict = verdict };
	struct wire_key key;

	if (key_of(flow, &key) && bpf_map_update_elem(bpf_map__fd(set->bpf->maps.flows), &key, &entry, BPF_ANY))
		log_limited(entry.last_ns, LOG_LEVEL_WARN, "a flow cannot be left to the kernel: %s", strerror(errno));
}

static void verdict(struct source *source, const struct source_frame *frame, const struct worker_verdict *v)
{
	struct xdp *x = (struct xdp *)source;

	if (v->flow && v->block_flow)
		settle_flow(x, v->flow, WIRE_BLOCK);
	else if (v->flow && v->bypass)
		settle_flow(x, v->flow, WIRE_BYPASS);
	if (v->drop || send_frame(x, !frame->side, frame->token, (uint32_t)frame->in.data.size))
		give_free(x, frame->token);
}

static void release(struct source *source)
{
	struct xdp *x = (struct xdp *)source;

	for (int i = 0; i < WIRE_SIDES; i++) {
		struct xdp_side *side = &x->sides[i];

		if (side->received) {
			xsk_ring_cons__release(&side->receive, side->received);
			__atomic_store_n(&side->queue->taken, side->queue->taken + side->received, __ATOMIC_RELAXED);
			side->received = 0;
		}
		flush_side(x, side);
	}
	for (int i = 0; i < WIRE_SIDES; i++)
		refill(x, &x->sides[i]);
}

static int inject(struct source *source, uint8_t side, struct bytes frame)
{
	struct xdp *x = (struct xdp *)source;
	uint64_t addr;
	int error;

	if (x->free_count == 0)
		return LUYTRE_E_FULL;
	addr = take_free(x);
	memcpy(x->area + addr, frame.ptr, frame.size);
	error = send_frame(x, side, addr, (uint32_t)frame.size);
	if (error)
		give_free(x, addr);
	return error;
}

/* ---- Counters ---- */

static void read_kernel(struct source *source)
{
	const struct xdp_set *set = (const struct xdp_set *)source->set;
	int count = libbpf_num_possible_cpus();
	struct wire_counters *all = count > 0 ? calloc((size_t)count, sizeof(*all)) : NULL, sum = { 0 };
	uint32_t zero = 0;

	if (all && bpf_map_lookup_elem(bpf_map__fd(set->bpf->maps.counters), &zero, all) == 0) {
		for (int i = 0; i < count; i++) {
			sum.bypassed += all[i].bypassed;
			sum.bypassed_bytes += all[i].bypassed_bytes;
			sum.blocked += all[i].blocked;
			sum.opened += all[i].opened + all[i].closed;
		}
		source->stats.bypassed = sum.bypassed;
		source->stats.bypassed_bytes = sum.bypassed_bytes;
		source->stats.blocked = sum.blocked;
		source->stats.unguarded = sum.opened;
	}
	free(all);
}

static void read_stats(struct source *source)
{
	struct xdp *x = (struct xdp *)source;
	uint64_t lost = 0;

	for (int i = 0; i < WIRE_SIDES; i++) {
		struct xdp_statistics stats;
		socklen_t size = sizeof(stats);

		if (getsockopt(xsk_socket__fd(x->sides[i].socket), SOL_XDP, XDP_STATISTICS, &stats, &size) == 0)
			lost += stats.rx_dropped + stats.rx_ring_full + stats.rx_fill_ring_empty_descs;
	}
	source->stats.lost = lost;
	if (source->index == 0)
		read_kernel(source);
}

const struct source_ops source_xdp = {
	.name = "af-xdp",
	.is_inline = true,
	.set_open = set_open,
	.set_close = set_close,
	.set_start = set_start,
	.open = open_source,
	.receive = receive,
	.verdict = verdict,
	.release = release,
	.read_stats = read_stats,
	.close = close_source,
	.inject = inject,
};
