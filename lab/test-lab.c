// SPDX-License-Identifier: Apache-2.0
/* Runs the short lab as a user would and holds it to its word: the figures of its summary, and that nothing is left of
 * it in the end - not after its last phase, not after SIGTERM, not after SIGKILL.
 *
 *	test-lab LAB LUYTRE PKTBLAST
 *
 * What belongs to a run is known by the process id in its names, so other labs on the machine do not disturb. Exit
 * status 77, skipped, without root and where the lab says that the kernel cannot. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/compiler.h"

enum { SKIPPED = 77, OUTPUT_MAX = 1 << 20, STEP_MS = 50, GONE_MS = 5000, BUILT_MS = 20000, PLAY_MS = 4500 };

static const double clients_min = 0.99, dropped_min = 0.95, filter_max_s = 2.5;
static const double exploit_max_ms = 3000, shut_max_ms = 5000, hold_max_ms = 20000, undo_max_ms = 3000;

static int failures;

#define CHECK(condition, ...)                                                                                          \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			failures++;                                                                                    \
			fprintf(stderr, "FAILED: " __VA_ARGS__);                                                       \
			fputc('\n', stderr);                                                                           \
		}                                                                                                      \
	} while (0)

/* ---- traces ------------------------------------------------------------------------------------------------------ */

/* Names in 'dir' that begin with 'prefix'. */
static size_t count_names(const char *dir, const char *prefix, bool tell)
{
	DIR *open = opendir(dir);
	struct dirent *entry;
	size_t count = 0;

	if (!open)
		return 0;
	while ((entry = readdir(open)))
		if (!strncmp(entry->d_name, prefix, strlen(prefix))) {
			count++;
			if (tell)
				fprintf(stderr, "left behind: %s/%s\n", dir, entry->d_name);
		}
	closedir(open);
	return count;
}

/* Links of the lab in the namespace of this test, where it makes none. */
static size_t count_links(void)
{
	struct if_nameindex *all = if_nameindex();
	size_t count = 0;

	for (struct if_nameindex *at = all; at && at->if_index; at++)
		count += !strncmp(at->if_name, "lt-", 3);
	if_freenameindex(all);
	return count;
}

static size_t count_traces(pid_t lab, bool tell)
{
	char spaces[32], others[32];

	snprintf(spaces, sizeof(spaces), "lt-%d-", (int)lab);
	snprintf(others, sizeof(others), "luytre-lab-%d", (int)lab);
	return count_names("/run/netns", spaces, tell) + count_names("/sys/fs/bpf", others, tell) +
	       count_names("/tmp", others, tell);
}

static bool wait_for_traces(pid_t lab, bool wanted, unsigned int limit_ms)
{
	for (unsigned int ms = 0; ms < limit_ms; ms += STEP_MS) {
		if ((count_traces(lab, false) > 0) == wanted)
			return true;
		usleep(STEP_MS * 1000);
	}
	return false;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

/* 'part' null: all of it. */
static pid_t start_lab(char **programs, const char *part, int *ret_output)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl(programs[0], programs[0], "--luytre", programs[1], "--pktblast", programs[2], "--short", "--json",
			"--lang", "en", part ? "--part" : (char *)NULL, part, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	*ret_output = ends[0];
	return pid;
}

static int wait_for_exit(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static json_t *read_json(int fd)
{
	char *text = malloc(OUTPUT_MAX);
	size_t size = 0;
	ssize_t got = 1;
	json_t *json;

	while (text && got > 0 && size < OUTPUT_MAX) {
		got = read(fd, text + size, OUTPUT_MAX - size);
		size += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	json = text ? json_loadb(text, size, 0, NULL) : NULL;
	free(text);
	return json;
}

/* ---- what is asserted -------------------------------------------------------------------------------------------- */

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void check_enforced_attack(const char *name, const json_t *phase)
{
	double filter_s = number(phase, "filter_s");

	CHECK(filter_s >= 0 && filter_s <= filter_max_s, "%s: filtered after %.2f s, expected at most %.1f s", name,
		filter_s, filter_max_s);
	CHECK(number(phase, "attack_dropped_share") >= dropped_min, "%s: %.4f of the attack dropped, expected %.2f",
		name, number(phase, "attack_dropped_share"), dropped_min);
	CHECK(number(json_object_get(phase, "clients_filtered"), "good_share") >= clients_min,
		"%s: %.4f of the clients served after filtering, expected %.2f", name,
		number(json_object_get(phase, "clients_filtered"), "good_share"), clients_min);
	CHECK(number(json_object_get(phase, "clients_translated"), "count") > 0, "%s: no client behind the NAT", name);
}

static void check_phase(const json_t *phase)
{
	const char *name = json_string_value(json_object_get(phase, "name"));
	bool attack = json_is_true(json_object_get(phase, "attack"));
	const json_t *reason;
	size_t i;

	if (attack && json_is_true(json_object_get(phase, "enforce")))
		check_enforced_attack(name, phase);
	if (attack)
		CHECK(number(phase, "arrived_pps") > 5000, "%s: only %.0f packets a second", name,
			number(phase, "arrived_pps"));
	else
		CHECK(number(json_object_get(phase, "clients"), "good_share") >= clients_min,
			"%s: %.4f of the clients served, expected %.2f", name,
			number(json_object_get(phase, "clients"), "good_share"), clients_min);
	json_array_foreach (json_object_get(phase, "expected"), i, reason)
		CHECK(number(json_object_get(phase, "reasons"), json_string_value(reason)) > 0,
			"%s: no packet was counted as %s", name, json_string_value(reason));
}

/* Phases that must be there, in this order. */
static void check_summary(const json_t *summary)
{
	static const char *const names[] = { "peace-before", "syn-unprotected", "syn", "reflection", "scan", "listed",
		"udp", "carpet", "fragments", "peace-after" };
	const json_t *phases = json_object_get(summary, "phases");

	CHECK(json_array_size(phases) == ARRAY_COUNT(names), "%zu phases, expected %zu", json_array_size(phases),
		ARRAY_COUNT(names));
	for (size_t i = 0; i < ARRAY_COUNT(names) && i < json_array_size(phases); i++) {
		const json_t *phase = json_array_get(phases, i);
		const char *name = json_string_value(json_object_get(phase, "name"));

		CHECK(name && !strcmp(name, names[i]), "phase %zu is %s, expected %s", i, name ? name : "-", names[i]);
		check_phase(phase);
	}
}

/* One is hit, all are guarded: each attacker's first packet at the other organisation is dropped, and nobody else notices. */
static void check_nation(const json_t *nation)
{
	static const struct {
		const char *name;
		double max_ms;
	} steps[] = { { "ready", 20000 }, { "exploit", exploit_max_ms }, { "scan", shut_max_ms },
		{ "guess", shut_max_ms }, { "hold", hold_max_ms }, { "undo", undo_max_ms } };
	const json_t *list = json_object_get(nation, "steps"), *clients = json_object_get(nation, "clients"), *ms;
	size_t k;

	CHECK(number(nation, "tenants") == 20 && number(nation, "edges") == 2, "not twenty tenants behind two edges");
	CHECK(json_array_size(list) == ARRAY_COUNT(steps), "%zu steps, expected %zu", json_array_size(list),
		ARRAY_COUNT(steps));
	for (size_t i = 0; i < ARRAY_COUNT(steps) && i < json_array_size(list); i++) {
		const json_t *step = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(step, "name"));

		CHECK(name && !strcmp(name, steps[i].name), "step %zu is %s, expected %s", i, name ? name : "-",
			steps[i].name);
		CHECK(json_is_true(json_object_get(step, "good")), "%s did not go as it should", steps[i].name);
		json_array_foreach (json_object_get(step, "ms"), k, ms)
			CHECK(json_number_value(ms) >= 0 && json_number_value(ms) <= steps[i].max_ms,
				"%s: %.0f ms, expected at most %.0f", steps[i].name, json_number_value(ms),
				steps[i].max_ms);
	}
	list = json_array_get(list, 1);
	CHECK(number(list, "of") >= 3 && number(list, "count") == number(list, "of"),
		"%.0f of %.0f attackers were dropped from their first packet on", number(list, "count"),
		number(list, "of"));
	CHECK(number(clients, "count") > 500 && number(clients, "good_share") >= clients_min,
		"%.4f of %.0f clients served, expected %.2f", number(clients, "good_share"), number(clients, "count"),
		clients_min);
}

static int run_whole(char **programs)
{
	int output = -1, status;
	pid_t lab = start_lab(programs, NULL, &output);
	json_t *summary = read_json(output);

	status = wait_for_exit(lab);
	if (status == SKIPPED)
		return SKIPPED;
	CHECK(status == 0, "the lab ended with status %d", status);
	CHECK(summary, "the lab wrote no JSON");
	check_summary(summary);
	check_nation(json_object_get(summary, "nation"));
	if (failures)
		json_dumpf(summary, stderr, JSON_INDENT(1) | JSON_REAL_PRECISION(5));
	CHECK(!count_traces(lab, true), "the lab left something behind");
	json_decref(summary);
	return 0;
}

/* Ends a lab in the middle of its play: after PLAY_MS, with hub, edges, sensors and attackers at work. */
static void run_interrupted(char **programs, int signal_number, int expected_status)
{
	int output = -1, status;
	pid_t lab = start_lab(programs, "nation", &output);

	CHECK(wait_for_traces(lab, true, BUILT_MS), "the lab builds nothing");
	usleep(PLAY_MS * 1000);
	kill(lab, signal_number);
	status = wait_for_exit(lab);
	close(output);
	CHECK(status == expected_status, "signal %d: status %d, expected %d", signal_number, status, expected_status);
	CHECK(wait_for_traces(lab, false, GONE_MS), "signal %d: traces after %d ms", signal_number, GONE_MS);
	count_traces(lab, true);
}

int main(int argc, char **argv)
{
	size_t links = count_links();

	if (argc != 4) {
		fprintf(stderr, "usage: test-lab LAB LUYTRE PKTBLAST\n");
		return 2;
	}
	if (geteuid()) {
		fprintf(stderr, "skipped: the lab needs root\n");
		return SKIPPED;
	}
	if (run_whole(argv + 1) == SKIPPED)
		return SKIPPED;
	run_interrupted(argv + 1, SIGTERM, 1);
	run_interrupted(argv + 1, SIGKILL, 128 + SIGKILL);
	CHECK(count_links() == links, "links were left behind");
	return failures ? 1 : 0;
}
