// SPDX-License-Identifier: Apache-2.0
/* Where a running sensor gets its frames, and where its verdicts go.
 *
 * Four kinds behind one interface:
 *
 *	AF_PACKET	looks on at an interface; nothing waits for a verdict
 *	AF_XDP		the wire: two interfaces, what passes goes from one to the other
 *	NFQUEUE		a routed host hands packets over and waits for the verdict
 *	directory	capture files, each when it is complete
 *
 * A `source_set` is what all workers share (the program in the kernel, the group of sockets); each worker opens its own
 * `source` of it, and both directions of a flow always come to the same one. The worker then goes round:
 *
 *	count = source_receive(source, wait_ms, frames);	at most SOURCE_BATCH_MAX; waits while there is none
 *	for each frame, in order: judge it, source_verdict(source, &frame, &verdict);
 *	source_release(source);					verdicts leave, the frames are the source's again
 *
 * Frames are views into memory of the source. Inline sources let the worker write into them (worker_verdict.modified).
 * A source belongs to one thread; the set to the thread that opened it, and outlives its sources. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"
#include "sensor/worker/worker.h"

enum { SOURCE_BATCH_MAX = 256, SOURCE_MESSAGE_SIZE = 512, SOURCE_WORKERS_MAX = 64 };

enum source_kind { SOURCE_AF_PACKET, SOURCE_AF_XDP, SOURCE_NFQUEUE, SOURCE_DIRECTORY };

/* How packets are spread over the workers of one interface (AF_PACKET). All but SOURCE_SPREAD_QUEUE are symmetric by
 * themselves; a network card's receive queues are only when its hash key is (`ethtool -X`: 6d5a repeated). */
enum source_spread {
	SOURCE_SPREAD_FLOW, /* PACKET_FANOUT_HASH: the kernel's symmetric flow hash, tunnels looked into */
	SOURCE_SPREAD_ADDRESS, /* a classic BPF program: addresses only, so that fragments stay with their flow */
	SOURCE_SPREAD_QUEUE, /* PACKET_FANOUT_QM: as the network card chose */
};

struct source_options {
	enum source_kind kind;
	const char *interface; /* AF_PACKET; AF_XDP: the outside */
	const char *peer; /* AF_XDP: the inside */
	const char *directory;
	const char *pin_dir; /* AF_XDP: below the BPF file system; the wire outlives the process there */
	unsigned int worker_count;
	uint32_t ring_size; /* AF_PACKET: bytes of each worker's ring */
	enum source_spread spread;
	bool no_promiscuous;
	bool fail_open; /* inline: what happens to packets while nobody judges them */
	bool once; /* directory: what is there now, then the end */
	uint16_t queue; /* NFQUEUE: the first of worker_count queues */
	uint32_t bypass_mark; /* NFQUEUE: set on packets of flows that need no more inspection; 0: none */
	uint32_t queue_size; /* NFQUEUE: packets that may wait */
	uint64_t
		flow_idle_ns; /* AF_XDP: a flow that the kernel decides alone is forgotten after so long without packets */
};

struct source_frame {
	struct worker_frame in; /* what the worker gets */
	uint64_t token; /* of the source */
	uint8_t side; /* AF_XDP: 0 came from the outside, 1 from the inside */
};

/* Running totals since the source was opened. */
struct source_stats {
	uint64_t received, lost; /* lost: the kernel had no room for them */
	uint64_t sent, send_failed; /* passed on by an inline source */
	uint64_t bypassed, bypassed_bytes,
		blocked; /* by the kernel alone; of the whole set, told by its first source */
	uint64_t unguarded; /* passed without inspection, or dropped when fail-closed; of the whole set as well */
	uint64_t rejects, rejects_withheld;
};

struct source_set;
struct source;

/* 0, or an error with a sentence that says what to do. */
MUST_CHECK int source_set_open(
	const struct source_options *options, char message[SOURCE_MESSAGE_SIZE], struct source_set **ret);
/* Takes the wire's program off the interfaces when 'detach' is given, else it goes on without us as fail_open says. Null is
 * allowed. */
void source_set_close(struct source_set *set, bool detach);

/* All verdicts act: the engine runs in its inline mode. */
bool source_set_is_inline(const struct source_set *set);
/* The time of frames is not ours: capture files. */
bool source_set_is_offline(const struct source_set *set);
/* One sentence: "wire in0 <-> in1, native, fail-open". */
const char *source_set_describe(const struct source_set *set);

/* The source of one worker. 'wake_fd' ends source_receive's waiting when it is readable; borrowed. */
MUST_CHECK int source_open(struct source_set *set, unsigned int index, int wake_fd, char message[SOURCE_MESSAGE_SIZE],
	struct source **ret);
/* All sources are open: packets may come. Call it before privileges are given up. */
MUST_CHECK int source_set_start(struct source_set *set, char message[SOURCE_MESSAGE_SIZE]);

/* How many frames, 0 after 'wait_ms' without one; LUYTRE_E_CLOSED: there will be none any more; or an error. */
MUST_CHECK int source_receive(struct source *source, unsigned int wait_ms, struct source_frame *ret_frames);
void source_verdict(struct source *source, const struct source_frame *frame, const struct worker_verdict *verdict);
void source_release(struct source *source);
void source_stats(struct source *source, struct source_stats *ret);
void source_close(struct source *source);

/* Takes off what a stopped process left on the interfaces. LUYTRE_E_NOT_FOUND: nothing was there. */
MUST_CHECK int source_wire_detach(
	const char *pin_dir, const char *interface, const char *peer, char message[SOURCE_MESSAGE_SIZE]);
