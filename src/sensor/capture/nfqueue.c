// SPDX-License-Identifier: Apache-2.0
/* NFQUEUE: a routed host hands packets over and waits for the verdict.
 *
 * The rule is the host's, for example
 *
 *	iptables -I FORWARD -j NFQUEUE --queue-balance 0:3 --queue-bypass
 *	nft add rule inet filter forward queue flags bypass to symhash mod 4 offset 0
 *
 * "bypass" lets packets through while no sensor runs; without it they are dropped then. While one runs and does not keep
 * up, the queue does the same by --fail (NFQA_CFG_F_FAIL_OPEN). What lies in the queue when the sensor is killed is
 * dropped by the kernel. Each worker has one queue; the rule must bring both directions of a flow to the same one.
 * (--queue-balance and symhash do.) Flows that need no more inspection get a mark, which the host's rules may keep on the
 * connection (CONNMARK) to let it pass from then on. Our own answers to rejected packets are let through unseen. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sensor/capture/reject.h"
#include "sensor/capture/source-internal.h"

enum {
	BATCH = 32,
	PACKET_MAX = 0xffff,
	MESSAGE_MAX = PACKET_MAX + 4096, /* with everything that the kernel tells beside */
	OUT_SIZE = 128 << 10,
	VERDICT_MAX = 64, /* bytes of a verdict without a packet */
	SOCKET_BUFFER = 16 << 20,
	LINKTYPE_RAW = 12,
};

struct nfqueue {
	struct source source;
	struct mnl_socket *socket;
	uint8_t *in; /* BATCH messages */
	uint8_t *out;
	size_t out_size;
	uint16_t queue;
	uint32_t sequence;
};

static int set_open(const struct source_options *options, char *message, struct source_set **ret)
{
	struct source_set *set = calloc(1, sizeof(*set));

	if (!set)
		return LUYTRE_E_NOMEM;
	set->ops = &source_nfqueue;
	set->options = *options;
	snprintf(set->description, sizeof(set->description), "NFQUEUE %u to %u, fail-%s", options->queue,
		options->queue + options->worker_count - 1, options->fail_open ? "open" : "closed");
	*ret = set;
	return 0;
}

static void set_close(struct source_set *set, bool detach)
{
	free(set);
}

/* ---- Opening ---- */

static int on_error(const struct nlmsghdr *header, void *context)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

	errno = -error->error;
	return error->error ? MNL_CB_ERROR : MNL_CB_STOP;
}

/* Sends one request and waits for its acknowledgement. */
static int ask(struct nfqueue *q, struct nlmsghdr *header)
{
	mnl_cb_t handlers[] = { [NLMSG_ERROR] = on_error };
	ssize_t size;

	header->nlmsg_flags |= NLM_F_ACK;
	header->nlmsg_seq = ++q->sequence;
	if (mnl_socket_sendto(q->socket, header, header->nlmsg_len) < 0)
		return -1;
	size = mnl_socket_recvfrom(q->socket, q->in, MESSAGE_MAX);
	if (size < 0)
		return -1;
	return mnl_cb_run2(q->in, (size_t)size, header->nlmsg_seq, mnl_socket_get_portid(q->socket), NULL, NULL,
		       handlers, ARRAY_COUNT(handlers)) < 0
		       ? -1
		       : 0;
}

static int bind_queue(struct nfqueue *q)
{
	struct nlmsghdr *header = nfq_nlmsg_put((char *)q->out, NFQNL_MSG_CONFIG, q->queue);

	nfq_nlmsg_cfg_put_cmd(header, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	return ask(q, header);
}

/* Without NFQA_CFG_F_GSO the kernel cuts large packets and fills in checksums before we see them: what we change is then
 * right as it stands. */
static int configure_queue(struct nfqueue *q, const struct source_options *o)
{
	struct nlmsghdr *header = nfq_nlmsg_put((char *)q->out, NFQNL_MSG_CONFIG, q->queue);

	nfq_nlmsg_cfg_put_params(header, NFQNL_COPY_PACKET, PACKET_MAX);
	mnl_attr_put_u32(header, NFQA_CFG_MASK, htonl(NFQA_CFG_F_FAIL_OPEN));
	mnl_attr_put_u32(header, NFQA_CFG_FLAGS, htonl(o->fail_open ? NFQA_CFG_F_FAIL_OPEN : 0));
	mnl_attr_put_u32(header, NFQA_CFG_QUEUE_MAXLEN, htonl(o->queue_size));
	return ask(q, header);
}

static void close_source(struct source *source)
{
	struct nfqueue *q = (struct nfqueue *)source;

	if (q->socket)
		mnl_socket_close(q->socket);
	free(q->in);
	free(q->out);
	free(q);
}

static int open_queue(struct nfqueue *q, const struct source_options *o, char *message)
{
	int one = 1, size = SOCKET_BUFFER;

	q->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!q->socket || mnl_socket_bind(q->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return source_fail_errno(message, "cannot open a netfilter socket");
	if (bind_queue(q))
		return source_fail_errno(message, "cannot take queue %u%s", q->queue,
			errno == EBUSY || errno == EPERM ? " (another program has it?)" : "");
	if (configure_queue(q, o))
		return source_fail_errno(message, "cannot configure queue %u", q->queue);
	/* A reader that falls behind loses packets, which the queue counts; it must not lose the socket. */
	mnl_socket_setsockopt(q->socket, NETLINK_NO_ENOBUFS, &one, sizeof(one));
	setsockopt(mnl_socket_get_fd(q->socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return 0;
}

static int open_source(struct source_set *set, unsigned int index, char *message, struct source **ret)
{
	struct nfqueue *q = calloc(1, sizeof(*q));
	int error;

	if (!q)
		return LUYTRE_E_NOMEM;
	q->queue = (uint16_t)(set->options.queue + index);
	q->in = malloc((size_t)BATCH * MESSAGE_MAX);
	q->out = malloc(OUT_SIZE);
	error = q->in && q->out ? open_queue(q, &set->options, message) : LUYTRE_E_NOMEM;
	if (error) {
		close_source(&q->source);
		return error;
	}
	*ret = &q->source;
	return 0;
}

/* ---- Verdicts ---- */

static void flush_verdicts(struct nfqueue *q)
{
	if (q->out_size && mnl_socket_sendto(q->socket, q->out, q->out_size) < 0) {
		q->source.stats.send_failed++;
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "queue %u: cannot send verdicts: %s", q->queue,
			strerror(errno));
	}
	q->out_size = 0;
}

static void put_verdict(struct nfqueue *q, uint32_t id, uint32_t verdict, struct bytes changed, uint32_t mark)
{
	struct nlmsghdr *header;

	if (q->out_size + VERDICT_MAX + changed.size > OUT_SIZE)
		flush_verdicts(q);
	header = nfq_nlmsg_put((char *)q->out + q->out_size, NFQNL_MSG_VERDICT, q->queue);
	nfq_nlmsg_verdict_put(header, (int)id, (int)verdict);
	if (mark)
		nfq_nlmsg_verdict_put_mark(header, mark);
	if (changed.size)
		nfq_nlmsg_verdict_put_pkt(header, changed.ptr, (uint32_t)changed.size);
	q->out_size += MNL_ALIGN(header->nlmsg_len);
}

static void verdict(struct source *source, const struct source_frame *frame, const struct worker_verdict *v)
{
	struct nfqueue *q = (struct nfqueue *)source;
	bool modified = v->modified && !v->drop;

	put_verdict(q, (uint32_t)frame->token, v->drop ? NF_DROP : NF_ACCEPT,
		modified ? frame->in.data : bytes_of(NULL, 0),
		v->bypass && !v->drop ? source->set->options.bypass_mark : 0);
	source->stats.sent += !v->drop;
}

static void release(struct source *source)
{
	flush_verdicts((struct nfqueue *)source);
}

/* ---- Packets ---- */

/* True: a packet for the worker. */
static bool read_message(struct nfqueue *q, const struct nlmsghdr *header, uint64_t now_ns, struct source_frame *ret)
{
	struct nlattr *attributes[NFQA_MAX + 1] = { 0 };
	const struct nfqnl_msg_packet_hdr *packet;
	struct bytes data;
	uint32_t id;

	if (nfq_nlmsg_parse(header, attributes) < 0 || !attributes[NFQA_PACKET_HDR])
		return false;
	packet = mnl_attr_get_payload(attributes[NFQA_PACKET_HDR]);
	id = ntohl(packet->packet_id);
	if (!attributes[NFQA_PAYLOAD] ||
		(attributes[NFQA_MARK] && ntohl(mnl_attr_get_u32(attributes[NFQA_MARK])) == REJECT_MARK)) {
		put_verdict(q, id, NF_ACCEPT, bytes_of(NULL, 0), 0);
		return false;
	}
	data = bytes_of(
		mnl_attr_get_payload(attributes[NFQA_PAYLOAD]), mnl_attr_get_payload_len(attributes[NFQA_PAYLOAD]));
	*ret = (struct source_frame){
		.in = { .data = data, .time_ns = now_ns, .wire_size = (uint32_t)data.size, .linktype = LINKTYPE_RAW },
		.token = id
	};
	return true;
}

static int receive_batch(struct nfqueue *q, struct mmsghdr *messages)
{
	struct iovec vectors[BATCH];

	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){ q->in + (size_t)i * MESSAGE_MAX, MESSAGE_MAX };
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &vectors[i], .msg_iovlen = 1 } };
	}
	return recvmmsg(mnl_socket_get_fd(q->socket), messages, BATCH, MSG_DONTWAIT, NULL);
}

static int receive(struct source *source, unsigned int wait_ms, struct source_frame *frames)
{
	struct nfqueue *q = (struct nfqueue *)source;
	struct mmsghdr messages[BATCH];
	int got = receive_batch(q, messages), count = 0;
	uint64_t now_ns;

	if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		source_wait(source, mnl_socket_get_fd(q->socket), -1, wait_ms);
		got = receive_batch(q, messages);
	}
	if (got < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : error_from_errno(errno);
	now_ns = clock_real_ns();
	for (int i = 0; i < got; i++) {
		int size = (int)messages[i].msg_len;

		for (struct nlmsghdr *h = (struct nlmsghdr *)(void *)(q->in + (size_t)i * MESSAGE_MAX);
			mnl_nlmsg_ok(h, size) && count < SOURCE_BATCH_MAX; h = mnl_nlmsg_next(h, &size))
			if (h->nlmsg_type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
				count += read_message(q, h, now_ns, &frames[count]);
	}
	source->stats.received += (uint64_t)count;
	return count;
}

/* What the queue itself lost: /proc/net/netfilter/nfnetlink_queue, a row for each queue. */
static void read_stats(struct source *source)
{
	const struct nfqueue *q = (const struct nfqueue *)source;
	FILE *file = fopen("/proc/net/netfilter/nfnetlink_queue", "re");
	unsigned int queue;
	unsigned long long full, unread;

	if (!file)
		return;
	while (fscanf(file, "%u %*u %*u %*u %*u %llu %llu %*u %*u", &queue, &full, &unread) == 3)
		if (queue == q->queue)
			source->stats.lost = full + unread;
	fclose(file);
}

const struct source_ops source_nfqueue = {
	.name = "nfqueue",
	.is_inline = true,
	.set_open = set_open,
	.set_close = set_close,
	.open = open_source,
	.receive = receive,
	.verdict = verdict,
	.release = release,
	.read_stats = read_stats,
	.close = close_source,
};
