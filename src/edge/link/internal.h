// SPDX-License-Identifier: Apache-2.0
/* What the link's files share. Three threads beside the loop: upload, stream, acknowledgement. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/loop.h"
#include "bus/batch.h"
#include "edge/link/drops.h"
#include "edge/link/edgeonly.h"
#include "edge/link/gates.h"
#include "edge/link/handout.h"
#include "edge/link/holdlist.h"
#include "edge/link/http.h"
#include "edge/link/identity.h"
#include "edge/link/link.h"
#include "edge/link/message.h"
#include "edge/link/sample.h"
#include "edge/link/spool.h"
#include "edge/link/sse.h"
#include "edge/link/standing.h"

enum {
	LINK_CLOSE_MS = 200, /* a batch is closed so long after its first event */
	LINK_URGENT_MS = 20, /* for urgent ones, not oftener than so */
	LINK_TICK_MS = 50,
	LINK_DROPS_MAX = 16384, /* rows of counted drops */
	LINK_SEND_WAIT_S = 5, /* how long the daemon may leave its socket full */
	LINK_VETOES_MAX = 1024, /* that wait to be told */
	LINK_ALIVE_S = 15, /* the hub says something every five seconds */
	LINK_WAIT_FIRST_MS = 200,
	LINK_WAIT_MAX_MS = 30000,
	LINK_REFUSED_MS = 60000, /* after 401 and 403 */
};

/* Counters of all threads; gauges are filled in by status.c. */
struct link_counters {
#define X(field, type, name, help) _Atomic uint64_t field;
	LINK_FIGURES(X)
#undef X
};

/* Something to wait for; 'signalled' is looked at under the lock. */
struct link_bell {
	pthread_mutex_t lock;
	pthread_cond_t rung;
	bool signalled;
};

struct link {
	const struct config *config;
	int daemon_fd, events_fd, dir_fd;
	char dir[PATH_MAX];
	struct loop *loop;
	atomic_bool stop;
	struct link_counters counters;

	/* The loop's alone. */
	struct spool *spool;
	struct batch_writer *writers[2]; /* by enum spool_kind */
	uint64_t opened_ns[2]; /* when the first event of the open batch came */
	bool urgent; /* an event with precise evidence waits in the open batch: others should hear of it now */
	uint64_t urgent_ns; /* when a batch was last closed for that */
	struct sample sample; /* of ordinary traffic */
	struct drops *drops;
	struct gates gates; /* what web servers said of holds */
	struct edgeonly edgeonly;
	uint8_t *datagram; /* BATCH_LINE_MAX + 1 */
	_Atomic uint32_t edge;
	bool enrolled;
	int64_t clock_offset_us; /* real time - monotonic time */
	uint64_t ticks;
	struct link_shield *shield; /* what the daemon said last; null: nothing yet */
	uint64_t reported_ns;
	uint64_t cpu_busy, cpu_all; /* of the system, when reported */

	/* Decisions: the lock also keeps the order of messages about the hub's list. */
	pthread_mutex_t table_lock;
	struct standing *standing;
	struct link_message out; /* being filled */
	uint64_t vetoes[LINK_VETOES_MAX]; /* decisions that were refused here and the hub is to be told of */
	size_t veto_count;
	_Atomic uint64_t epoch, number; /* what was taken */
	atomic_bool want_snapshot, want_resend;

	struct link_bell upload_bell, ack_bell, policy_bell;
	_Atomic int64_t policy_stamp, policy_version; /* what the hub said last of its policy */
	/* What stands in the shield, under ack_bell.lock. */
	uint64_t stands_epoch, stands_number;
	int64_t stands_us;
	struct link_policy policy;
	uint64_t stands_count; /* of changes to all of these */
	_Atomic uint64_t policy_told; /* version that the hub knows to stand here */

	/* Without a daemon, of the thread of the policy. */
	struct holdlist holds;
	struct handout sensor; /* the policy's text */
	struct link_holds holds_said; /* of the holds, under ack_bell.lock, as the next */
	uint32_t alone_drift;
	uint8_t bundle_key[BUNDLE_KEY_ID_SIZE]; /* of the last bundle that was taken */
	uint64_t bundle_revision;
	int64_t bundle_us;

	_Atomic int problem; /* the last error with the hub; 0: none */
};

#define LINK_COUNT(link, field, by) atomic_fetch_add_explicit(&(link)->counters.field, by, memory_order_relaxed)

int64_t link_real_us(void);

/* intake.c */
int intake_open(struct link *link, char *why, size_t why_size);
void intake_tick(struct link *link, uint64_t now_ns);
void intake_drops(struct link *link, const struct link_message *message);
void intake_close(struct link *link); /* what is open goes into the spool */
/* A line of the link's own; gives way like counted drops when the spool is full. */
void intake_own(struct link *link, struct bytes line);

/* upload.c; context is the link */
void *upload_main(void *context);
void *ack_main(void *context);
void bell_init(struct link_bell *bell);
void bell_ring(struct link_bell *bell);
/* Sleeps until it rings or the time is over. */
void bell_wait(struct link_bell *bell, uint32_t wait_ms);
/* The next pause after a failure: doubles up to the ceiling; a random half, so that a thousand edges do not come at once. */
uint32_t link_backoff_ms(uint32_t *state_ms);
/* Reads the identity again and connects anew. */
int link_connect(struct link *link, struct identity *identity, struct http **http);

/* stream.c */
void *stream_main(void *context);
/* From the loop: expired decisions are forgotten; does nothing while the table is in use. */
void stream_expire(struct link *link);
/* Blocks a source here at once. */
void stream_block(struct link *link, const struct ip_addr *addr, const char *reason);

/* report.c: how this edge is, as a line of a batch, every ten seconds */
void report_shield(struct link *link, const struct link_message *message);
void report_tick(struct link *link, uint64_t now_ns);

/* policy.c */
void *policy_main(void *context);
/* The data of an event "policy". */
void policy_heard(struct link *link, struct bytes data);
/* The kept one, before the hub is reached: events come at once. */
void policy_open(struct link *link);
/* From the daemon. */
void policy_answered(struct link *link, const struct link_message *message);

/* alone.c: holds for a web server, and the policy for a sensor, where there is no daemon */
/* Those that were kept. */
void alone_open(struct link *link, const struct identity *identity);
/* A bundle that was opened; 'text' is all of it. The error is that of taking or keeping it. */
MUST_CHECK int alone_take(struct link *link, const struct bundle *bundle, struct bytes text);
/* Whether the files are still there; every half minute. */
void alone_look(struct link *link);
/* Any thread. '*ret_drift': bits of enum link_drift. */
void alone_say(struct link *link, struct link_holds *ret, uint32_t *ret_drift);

/* veto.c: decisions that are refused here (hub.never_block) */
void veto_open(struct link *link);
/* From the loop: tells the hub; does nothing while the table is in use. */
void veto_tick(struct link *link);

/* status.c */
/* The figures as they are now. */
void status_gather(struct link *link, struct link_figures *ret);
void status_tick(struct link *link);
