// SPDX-License-Identifier: Apache-2.0
/* Two of twenty sites are in the hands of an attacker who knows the rules and has innocent people blocked: he names holds that count
 * alone, has both sites agree, goes slowly enough for no alarm. What counts is how many innocent addresses stand at an honest
 * edge at once, that a flood of reports is stopped, and how quickly everything is lifted. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "tests/bench/hub/cases.h"
#include "tests/bench/hub/fleet.h"
#include "tests/bench/hub/program.h"

enum { SITES = 20, LIARS = 2, INNOCENTS = 2000, HONEST = 7, HOLD = 8100010, ORDINARY = 949110, HELD_MAX = 60 };

static struct ip_prefix innocent(unsigned int number)
{
	return (struct ip_prefix){ .addr = { .family = IP_V4,
					   .bytes = { 47, 1, (uint8_t)(number / 250), (uint8_t)(1 + number % 250) } },
		.length = 32 };
}

struct lie {
	const char *what;
	uint32_t rule;
	size_t sites; /* that say it */
	unsigned int count, pause_ms;
};

/* Highest number of innocent addresses that stood at the honest edge. */
static size_t tell(struct bench *bench, const struct lie *lie, const struct nation *nation, const struct program *hub,
	struct fleet *fleet)
{
	static uint64_t seq[LIARS];
	struct sender *senders[LIARS] = { 0 };
	size_t highest = 0;

	for (size_t i = 0; i < lie->sites; i++)
		senders[i] = sender_new(nation, i, hub->port);
	for (unsigned int n = 0; n < (unsigned int)(lie->count * bench->scale); n++) {
		struct ip_prefix prefix = innocent(n);
		char source[IP_ADDR_TEXT_SIZE], line[1024];
		size_t standing;

		for (size_t i = 0; i < lie->sites; i++) {
			struct ip_addr target = nation_target(nation, (uint32_t)i, 0);

			fleet_line(line, sizeof(line), ip_addr_format(&prefix.addr, source), (uint16_t)(2000 + n),
				&target, lie->rule);
			if (senders[i])
				(void)sender_send(senders[i], ++seq[i], line);
		}
		standing = fleet_standing(fleet, HONEST);
		highest = standing > highest ? standing : highest;
		if (lie->pause_ms)
			nanosleep(&(struct timespec){ .tv_nsec = (long)lie->pause_ms * 1000000 }, NULL);
	}
	nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
	if (fleet_standing(fleet, HONEST) > highest)
		highest = fleet_standing(fleet, HONEST);
	for (size_t i = 0; i < lie->sites; i++)
		sender_free(senders[i]);
	return highest;
}

static double undo(const struct program *hub, struct fleet *fleet)
{
	uint64_t began_ns = clock_mono_ns();
	double last_ms = 0;

	fleet_watch_epoch(fleet);
	free(program_ask(hub, "undo-all"));
	if (!fleet_wait(fleet, 30000))
		return 30000;
	for (size_t i = 0; i < SITES; i++) {
		double ms = (double)(fleet_times_of(fleet, i).heard_ns - began_ns) / 1e6;

		last_ms = ms > last_ms ? ms : last_ms;
	}
	return last_ms;
}

void case_poison(struct bench *bench)
{
	static const struct lie lies[] = {
		{ "one site names a hold, as fast as it can: innocent addresses held at once", HOLD, 1, INNOCENTS, 0 },
		{ "two sites name a hold together, slowly", HOLD, 2, 400, 25 },
		{ "two sites agree on an ordinary rule", ORDINARY, 2, INNOCENTS, 0 },
	};
	struct nation nation;
	struct program hub;
	struct fleet *fleet;

	nation_make(&nation, bench->parent, SITES, SITES, 1, true);
	program_start(&hub, bench->luytre, nation.dir);
	fleet = fleet_new(&nation, hub.port);
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		size_t highest = tell(bench, &lies[i], &nation, &hub, fleet);

		bench_bar(bench, lies[i].what, "", (double)highest, true, HELD_MAX);
		bench_bar(bench, "undo-all: lifted at every edge after", "ms", undo(&hub, fleet), true, 1000);
		free(program_ask(&hub, "resume"));
	}
	fleet_free(fleet);
	program_end(&hub, SIGTERM);
	nation_done(&nation);
}
