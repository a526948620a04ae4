// SPDX-License-Identifier: Apache-2.0
/* kill -9 at random moments while edges send: every acknowledged event must be there exactly once, and every other one at most once.
 * Edges send a batch again until it is acknowledged, as they do in life. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "hub/events/event.h"
#include "tests/bench/hub/cases.h"
#include "tests/bench/hub/fleet.h"
#include "tests/bench/hub/program.h"

enum { EDGES = 4, LINES = 50, KILLS = 100, SEQ_MAX = 65536 };

struct shared {
	const struct nation *nation;
	_Atomic uint16_t port; /* of the present hub; 0: there is none */
	atomic_bool stop;
};

struct load {
	struct shared *shared;
	size_t edge;
	pthread_t thread;
	uint64_t acked; /* number of the last one */
};

/* Edge, batch and line of an event stand in its source: 45.EDGE.SEQ.SEQ, port LINE + 1. */
static void fill(char *text, size_t text_size, const struct nation *nation, size_t edge, uint64_t seq)
{
	struct ip_addr target = nation_target(nation, (uint32_t)edge, 0);
	size_t size = 0;

	for (uint16_t i = 0; i < LINES; i++) {
		char source[32], line[1024];

		snprintf(source, sizeof(source), "45.%zu.%u.%u", edge, (unsigned int)(seq >> 8) & 255,
			(unsigned int)seq & 255);
		fleet_line(line, sizeof(line), source, (uint16_t)(i + 1), &target, 949110);
		size += (size_t)snprintf(text + size, text_size - size, "%s%s", i ? "\n" : "", line);
	}
}

static void *run(void *context)
{
	struct load *load = context;
	char *text = malloc((size_t)LINES * 1024);
	struct sender *sender = NULL;
	uint16_t port = 0;

	fill(text, (size_t)LINES * 1024, load->shared->nation, load->edge, 1);
	while (!load->shared->stop && load->acked < SEQ_MAX - 1) {
		int status;

		if (sender && port != load->shared->port) {
			sender_free(sender);
			sender = NULL;
		}
		if (!sender) {
			port = load->shared->port;
			sender = port ? sender_new(load->shared->nation, load->edge, port) : NULL;
			if (!sender) {
				nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
				continue;
			}
		}
		status = sender_send(sender, load->acked + 1, text);
		if (status == 200) {
			load->acked++;
			fill(text, (size_t)LINES * 1024, load->shared->nation, load->edge, load->acked + 1);
		} else if (status == 0) {
			sender_free(sender);
			sender = NULL;
		}
	}
	sender_free(sender);
	free(text);
	return NULL;
}

struct tally {
	uint8_t *seen; /* by edge, batch, line */
	uint64_t events, twice, last_id;
};

static int count(void *context, const struct ev_event *event)
{
	struct tally *tally = context;
	size_t place =
		(((size_t)event->src.bytes[1] * SEQ_MAX) + ((size_t)event->src.bytes[2] << 8) + event->src.bytes[3]) *
			LINES +
		(event->src_port - 1U) % LINES;

	tally->twice += tally->seen[place]++ != 0;
	tally->events++;
	tally->last_id = event->id;
	return 0;
}

static void read_back(const struct nation *nation, struct tally *tally)
{
	const struct scope all = { .all = true };
	const struct ev_filter filter = { .scope = &all,
		.until_us = (int64_t)(clock_real_ns() / NS_PER_US) + 60000000 };
	struct core *core = nation_core(nation);
	struct ev_cursor before = { 0 };
	struct ev_reader *reader;
	uint64_t known;
	int error;

	if (ev_reader_open(core_events(core), &reader))
		abort();
	do {
		known = tally->events;
		error = ev_page(reader, &filter, &before, EV_PAGE_MAX, count, tally);
		if (error) {
			fprintf(stderr, "bench-hub: the events cannot be read: %s\n",
				error_text(error, LUYTRE_LANG_EN));
			exit(1);
		}
		before.id = tally->last_id;
	} while (tally->events > known);
	ev_reader_close(reader);
	core_close(core);
}

void case_kill(struct bench *bench)
{
	struct shared shared = { 0 };
	struct load loads[EDGES];
	struct tally tally = { .seen = calloc((size_t)EDGES * SEQ_MAX * LINES, 1) };
	struct sample_set starts = { 0 };
	struct nation nation;
	struct program hub;
	unsigned int kills = (unsigned int)(KILLS * bench->scale), seed = (unsigned int)time(NULL);
	uint64_t acked = 0, lost = 0;

	if (!tally.seen)
		abort();
	nation_make(&nation, bench->parent, EDGES, EDGES, 1, false);
	shared.nation = &nation;
	for (size_t i = 0; i < EDGES; i++) {
		loads[i] = (struct load){ .shared = &shared, .edge = i };
		if (pthread_create(&loads[i].thread, NULL, run, &loads[i]))
			abort();
	}
	for (unsigned int i = 0; i < kills; i++) {
		program_start(&hub, bench->luytre, nation.dir);
		sample_add(&starts, hub.start_ms);
		shared.port = hub.port;
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 + (long)(rand_r(&seed) % 400) * 1000000 }, NULL);
		shared.port = 0;
		program_end(&hub, SIGKILL);
	}
	shared.stop = true;
	for (size_t i = 0; i < EDGES; i++)
		pthread_join(loads[i].thread, NULL);
	read_back(&nation, &tally);
	for (size_t i = 0; i < EDGES; i++) {
		acked += loads[i].acked * LINES;
		for (uint64_t seq = 1; seq <= loads[i].acked; seq++) {
			for (size_t k = 0; k < LINES; k++)
				lost += tally.seen[(i * SEQ_MAX + seq) * LINES + k] == 0;
		}
	}
	bench_row(bench, "kills", "", kills, "");
	bench_row(bench, "events acknowledged", "", (double)acked, "");
	bench_row(bench, "events stored (not all answers arrived)", "", (double)tally.events, "");
	bench_bar(bench, "acknowledged events that are missing", "", (double)lost, true, 0);
	bench_bar(bench, "events that are there twice", "", (double)tally.twice, true, 0);
	bench_row(bench, "start after a kill, median", "ms", sample_share(&starts, 0.5), "");
	bench_row(bench, "the same, slowest", "ms", sample_share(&starts, 1), "");
	free(tally.seen);
	sample_done(&starts);
	nation_done(&nation);
}
