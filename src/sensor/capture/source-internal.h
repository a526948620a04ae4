// SPDX-License-Identifier: Apache-2.0
/* What a kind of source is made of; source.c gives each call to the kind's own function. Not for others. */
#pragma once

#include "sensor/capture/source.h"

struct reject;

struct source_set {
	const struct source_ops *ops;
	struct source_options options; /* texts are the caller's and outlive the set */
	char description[256];
};

struct source {
	const struct source_ops *ops;
	struct source_set *set;
	unsigned int index;
	int wake_fd;
	int names_fd; /* any socket: the kernel is asked for interfaces through it, when no new one can be made */
	bool is_down; /* the interface told so, and nothing came since */
	struct source_stats stats;
	struct reject *reject; /* answers to packets that a rule rejected; null: none go out */
};

/* A kind embeds `struct source_set` and `struct source` as the first members of its own. Functions may be null where a
 * comment says so. */
struct source_ops {
	const char *name;
	bool is_inline, is_offline;
	int (*set_open)(const struct source_options *options, char *message, struct source_set **ret);
	void (*set_close)(struct source_set *set, bool detach);
	int (*set_start)(struct source_set *set, char *message); /* may be null */
	int (*open)(struct source_set *set, unsigned int index, char *message, struct source **ret);
	int (*receive)(struct source *source, unsigned int wait_ms, struct source_frame *frames);
	void (*verdict)(struct source *source, const struct source_frame *frame,
		const struct worker_verdict *verdict); /* may be null */
	void (*release)(struct source *source);
	void (*read_stats)(struct source *source); /* brings source->stats up to date; may be null */
	void (*close)(struct source *source);
	/* Sends an answer. The wire gets an Ethernet frame that leaves by 'side'; may be null: a raw socket sends it. */
	int (*inject)(struct source *source, uint8_t side, struct bytes frame);
};

extern const struct source_ops source_afpacket, source_xdp, source_nfqueue, source_folder;

/* Writes a message and answers 'error'. */
PRINTF_LIKE(3, 4) int source_fail(char *message, int error, const char *format, ...);
/* The same with the words of errno behind it. */
PRINTF_LIKE(2, 3) int source_fail_errno(char *message, const char *format, ...);

/* After waiting in vain: 0, or LUYTRE_E_NOT_FOUND when the interface behind the socket is gone, which is logged. One that
 * is only down is waited for. */
MUST_CHECK int source_check_interface(struct source *source, int fd, const char *name, unsigned int ifindex);

/* Waits until 'fd' (and 'fd2' unless below 0) or the wake descriptor is readable. False: only the time is over. */
bool source_wait(const struct source *source, int fd, int fd2, unsigned int wait_ms);
