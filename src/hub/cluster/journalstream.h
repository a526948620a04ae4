// SPDX-License-Identifier: Apache-2.0
/* The journal of decisions (hub/core/journalfile.h) on several machines: the hub that leads appends to a stream of NATS what it appends
 * to its file, and nothing is acknowledged before both have it; the hubs that stand by read it into a file of their own.
 *
 * A message is one letter and what belongs to it:
 *
 *	T	a hub leads from here on. It was appended behind the last message that this hub had read, as all messages are: so a hub
 *		that led before, and does not know that it does no longer, cannot append any more
 *	F	whole frames
 *	S s E	the journal written anew: it begins, a part of it, it is complete and takes the place of all that came before. Another
 *		letter in between: it was given up, what came before counts
 *
 * The stream begins with a whole journal: that of the hub that led first. What stands in the file of a hub counts for nothing once there
 * is a stream: frames that were written there and never appended were never acknowledged either.
 *
 * One thread until journalstream_lead has returned; then what journal_copy says (the core's lock). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "hub/cluster/natslog.h"
#include "hub/core/journalfile.h"

#define JOURNALSTREAM_NAME "luytre_journal"

struct journalstream;

struct journalstream_options {
	struct natslog *log; /* borrowed */
	const char *path; /* of the file */
	const char *run; /* a name that no other hub has, nor this one after a restart; borrowed */
	unsigned int replicas; /* servers that keep the stream */
	/* Another hub leads: this one must not do anything more. Does not return. */
	void (*deposed)(const char *why);
};

MUST_CHECK int journalstream_open(const struct journalstream_options *options, struct journalstream **ret);
void journalstream_close(struct journalstream *stream); /* accepts null */

/* Reads what has come, up to the end. LUYTRE_E_BUSY: the cluster does not answer now. LUYTRE_E_CORRUPT: not a stream of a hub.
 * LUYTRE_E_IO, LUYTRE_E_FULL: the disk. */
MUST_CHECK int journalstream_follow(struct journalstream *stream);
/* Reads the rest, appends that this hub leads, and puts what was read in the place of the file; a file that no stream knew (it has no
 * JOURNALFILE_COPIED beside it) is kept as PATH.before. Errors as above. */
MUST_CHECK int journalstream_lead(struct journalstream *stream);
uint64_t journalstream_last(const struct journalstream *stream); /* number of the newest message that is known */

/* For the hub that leads. 'begin' gives the stream what stands in the file, if there is nothing in the stream. */
const struct journal_copy *journalstream_copy(struct journalstream *stream);
