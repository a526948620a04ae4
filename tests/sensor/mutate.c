// SPDX-License-Identifier: Apache-2.0
/* Captures cut at random, bit-flipped, reordered: whatever comes out, the sensor neither crashes nor takes more memory or
 * time than it may, and the events that it writes are JSON. README.md beside this file says more.
 *
 *	luytre-mutate-captures [OPTION...] [CAPTURE-OR-FOLDER...]
 *
 * The last line is `N passed, N failed, N skipped`, counted in mutants. */
#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "tests/sensor/job.h"
#include "tests/sensor/made.h"
#include "tests/sensor/questions.h"

enum { JOBS_MAX = 64, LOG_LINES_MAX = 60, FAILURES_MAX = 5 };

struct run {
	struct job_settings settings;
	struct capture_source *sources;
	size_t source_count, source_room;
	const char *only, *corpora;
	unsigned int jobs, time_s;
	char scratch_dir[64], config_path[PATH_MAX];
	struct job_status *statuses; /* shared, one for each slot */
	struct {
		pid_t pid; /* 0: free */
		size_t source;
		unsigned int failures;
	} slots[JOBS_MAX];
	uint64_t begin_ns, passed, failed, skipped;
	struct job_status sum;
};

/* ---- Which captures ---- */

/* nftw hands no context to its callback. */
static struct run *collecting;

static int add_source(struct run *run, const char *name, uint8_t *data, size_t size)
{
	struct capture_source source = { .name = strdup(name), .data = data, .size = size };

	if (source.name && run->source_count == run->source_room) {
		size_t room = run->source_room ? run->source_room * 2 : 256;
		struct capture_source *more = realloc(run->sources, room * sizeof(*more));

		if (more) {
			run->sources = more;
			run->source_room = room;
		}
	}
	if (!source.name || run->source_count == run->source_room) {
		free(source.name);
		return LUYTRE_E_NOMEM;
	}
	run->sources[run->source_count++] = source;
	return 0;
}

static bool is_wanted(const struct run *run, const char *name)
{
	return !run->only || strstr(name, run->only);
}

static bool is_capture(const char *path)
{
	static const char *const kinds[] = { ".pcap", ".pcapng", ".cap" };

	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
		if (strstr(path, kinds[i]))
			return true;
	return false;
}

static int visit(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
	char whole[PATH_MAX];

	if (kind != FTW_F || st->st_size == 0 || (walk->level > 0 && !is_capture(path + walk->base)) ||
		!is_wanted(collecting, path))
		return 0;
	return realpath(path, whole) ? add_source(collecting, whole, NULL, 0) : LUYTRE_E_IO;
}

static int take_made(void *context, const char *name, struct bytes capture)
{
	struct run *run = context;
	uint8_t *copy;
	int error;

	if (!is_wanted(run, name))
		return 0;
	copy = malloc(capture.size);
	if (!copy)
		return LUYTRE_E_NOMEM;
	memcpy(copy, capture.ptr, capture.size);
	error = add_source(run, name, copy, capture.size);
	if (error)
		free(copy);
	return error;
}

static int compare_sources(const void *left, const void *right)
{
	const struct capture_source *a = left, *b = right;

	return strcmp(a->name, b->name);
}

static int collect(struct run *run, char *const *paths, int path_count)
{
	int error = 0;

	collecting = run;
	for (int i = 0; i < path_count && !error; i++) {
		error = nftw(paths[i], visit, 32, FTW_PHYS);
		if (error)
			fprintf(stderr, "%s: cannot be read\n", paths[i]);
	}
	if (!error && run->corpora) {
		error = made_captures(run->corpora, take_made, run);
		if (error)
			fprintf(stderr, "%s: %s\n", run->corpora, error_name(error));
	}
	if (run->source_count != 0)
		qsort(run->sources, run->source_count, sizeof(*run->sources), compare_sources);
	if (!error && run->source_count == 0) {
		fprintf(stderr, "there is no capture\n");
		error = LUYTRE_E_NOT_FOUND;
	}
	return error;
}

/* ---- Jobs ---- */

static void log_path(const struct run *run, unsigned int slot, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/log-%u", run->scratch_dir, slot);
}

static void print_log(const struct run *run, unsigned int slot)
{
	char path[PATH_MAX], line[512];
	FILE *in;

	log_path(run, slot, path);
	in = fopen(path, "re");
	for (int i = 0; in && i < LOG_LINES_MAX && fgets(line, sizeof(line), in); i++)
		printf("    %s", line);
	if (in)
		fclose(in);
}

static void tell_failure(struct run *run, unsigned int slot, int how)
{
	const struct job_status *status = &run->statuses[slot];
	const struct capture_source *source = &run->sources[run->slots[slot].source];
	char reason[64];

	if (WIFSIGNALED(how) && WTERMSIG(how) == SIGPROF)
		snprintf(reason, sizeof(reason), "it takes more than %u s of processor time", run->settings.limit_s);
	else if (WIFSIGNALED(how))
		snprintf(reason, sizeof(reason), "signal %d (%s)", WTERMSIG(how), strsignal(WTERMSIG(how)));
	else
		snprintf(reason, sizeof(reason), "exit code %d", WEXITSTATUS(how));
	if (status->finished)
		printf("FAIL %s: after all mutants: %s\n", source->name, reason);
	else
		printf("FAIL %s: %s: %s (--seed %llu --first %u --variants 1%s%s)\n", source->name,
			mutation_name(status->mutation), status->message[0] ? status->message : reason,
			(unsigned long long)run->settings.seed, job_number(&run->settings, status->next),
			run->settings.mutation ? " --mutation " : "",
			run->settings.mutation ? mutation_name(run->settings.mutation) : "");
	print_log(run, slot);
}

static int start_job(struct run *run, unsigned int slot)
{
	char path[PATH_MAX];
	pid_t pid;

	log_path(run, slot, path);
	run->statuses[slot].message[0] = '\0';
	pid = job_start(&run->settings, &run->sources[run->slots[slot].source], slot, path, &run->statuses[slot]);
	if (pid < 0) {
		fprintf(stderr, "no process can be made: %s\n", strerror(errno));
		return LUYTRE_E_IO;
	}
	run->slots[slot].pid = pid;
	return 0;
}

static void add_figures(struct run *run, const struct job_status *status)
{
	run->sum.frame_count += status->frame_count;
	run->sum.event_count += status->event_count;
	run->sum.alert_count += status->alert_count;
	if (status->peak_size > run->sum.peak_size)
		run->sum.peak_size = status->peak_size;
}

/* After a failure the job goes on behind it, unless it was one of many. */
static int end_job(struct run *run, unsigned int slot, int how)
{
	struct job_status *status = &run->statuses[slot];
	bool is_over = status->finished || status->next >= run->settings.count;

	run->slots[slot].pid = 0;
	if (how != 0) {
		tell_failure(run, slot, how);
		run->failed++;
		run->slots[slot].failures++;
		status->next++;
		if (!is_over && status->next < run->settings.count && run->slots[slot].failures < FAILURES_MAX)
			return start_job(run, slot);
	}
	if (status->next > run->settings.count)
		status->next = run->settings.count;
	run->passed += status->next - (run->slots[slot].failures - (how != 0 && is_over));
	run->skipped += run->settings.count - status->next;
	add_figures(run, status);
	return 0;
}

static bool time_is_over(const struct run *run)
{
	return run->time_s && clock_mono_ns() - run->begin_ns > run->time_s * NS_PER_S;
}

static int wait_job(struct run *run)
{
	int how;
	pid_t pid = wait(&how);

	for (unsigned int slot = 0; slot < run->jobs; slot++)
		if (pid > 0 && run->slots[slot].pid == pid)
			return end_job(run, slot, how);
	return 0;
}

static unsigned int busy_count(const struct run *run)
{
	unsigned int count = 0;

	for (unsigned int slot = 0; slot < run->jobs; slot++)
		count += run->slots[slot].pid != 0;
	return count;
}

static int start_free(struct run *run, size_t source)
{
	unsigned int slot = 0;

	while (run->slots[slot].pid != 0)
		slot++;
	run->slots[slot].source = source;
	run->slots[slot].failures = 0;
	run->statuses[slot] = (struct job_status){ 0 };
	return start_job(run, slot);
}

static int run_all(struct run *run)
{
	int error = 0;

	for (size_t i = 0; i < run->source_count && !error; i++) {
		while (busy_count(run) == run->jobs)
			error = error ? error : wait_job(run);
		if (error)
			break;
		if (time_is_over(run))
			run->skipped += run->settings.count;
		else
			error = start_free(run, i);
	}
	while (busy_count(run) != 0)
		error = wait_job(run) || error ? LUYTRE_E_IO : 0;
	return error;
}

/* ---- The program ---- */

static int remove_path(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
	return kind == FTW_DP ? rmdir(path) : unlink(path);
}

enum {
	OPT_VARIANTS = 512,
	OPT_FIRST,
	OPT_SEED,
	OPT_MUTATION,
	OPT_JOBS,
	OPT_LIMIT,
	OPT_MEMORY,
	OPT_TIME,
	OPT_CORPORA,
	OPT_CONFIG,
	OPT_ONLY
};

static const struct option long_options[] = { { "variants", required_argument, NULL, OPT_VARIANTS },
	{ "first", required_argument, NULL, OPT_FIRST }, { "seed", required_argument, NULL, OPT_SEED },
	{ "mutation", required_argument, NULL, OPT_MUTATION }, { "jobs", required_argument, NULL, OPT_JOBS },
	{ "limit", required_argument, NULL, OPT_LIMIT }, { "memory", required_argument, NULL, OPT_MEMORY },
	{ "time", required_argument, NULL, OPT_TIME }, { "corpora", required_argument, NULL, OPT_CORPORA },
	{ "config", required_argument, NULL, OPT_CONFIG }, { "only", required_argument, NULL, OPT_ONLY },
	{ NULL, 0, NULL, 0 } };

static bool read_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (*text && !*end && errno == 0 && *ret >= low && *ret <= high)
		return true;
	fprintf(stderr, "expected a number from %llu to %llu, found %s\n", (unsigned long long)low,
		(unsigned long long)high, text);
	return false;
}

static bool read_option(struct run *run, int option, const char *value)
{
	struct job_settings *s = &run->settings;
	uint64_t number = 0;
	bool good = true;

	switch (option) {
	case OPT_VARIANTS:
		good = read_number(value, 1, 1000000, &number);
		s->count = (uint32_t)number;
		break;
	case OPT_FIRST:
		good = read_number(value, 0, 1000000000, &number);
		s->first = (uint32_t)number;
		break;
	case OPT_SEED:
		good = read_number(value, 0, UINT64_MAX, &s->seed);
		break;
	case OPT_MUTATION:
		s->mutation = mutation_find(value);
		good = s->mutation < MUTATION_COUNT;
		break;
	case OPT_JOBS:
		good = read_number(value, 1, JOBS_MAX, &number);
		run->jobs = (unsigned int)number;
		break;
	case OPT_LIMIT:
		good = read_number(value, 1, 3600, &number);
		s->limit_s = (unsigned int)number;
		break;
	case OPT_MEMORY:
		good = read_number(value, 1, 1 << 20, &number);
		s->memory_size = number << 20;
		break;
	case OPT_TIME:
		good = read_number(value, 1, 1000000, &number);
		run->time_s = (unsigned int)number;
		break;
	case OPT_CORPORA:
		run->corpora = value;
		break;
	case OPT_CONFIG:
		good = realpath(value, run->config_path);
		break;
	case OPT_ONLY:
		run->only = value;
		break;
	default:
		good = false;
	}
	return good;
}

static bool read_arguments(struct run *run, int argc, char **argv)
{
	int option;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	run->jobs = cores > 0 && cores < JOBS_MAX ? (unsigned int)cores : 1;
	run->settings = (struct job_settings){ .seed = 1,
		.count = 6,
		.limit_s = 20,
		.memory_size = 64 << 20,
		.config_path = run->config_path,
		.scratch_dir = run->scratch_dir };
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (!read_option(run, option, optarg))
			return false;
	return run->config_path[0] && (run->corpora || optind < argc);
}

static void print_sum(const struct run *run)
{
	printf("%zu captures, %u mutants of each, seed %llu: %llu frames, %llu events, %llu alerts; %llu MiB at most "
	       "for one; "
	       "%llu s\n",
		run->source_count, run->settings.count, (unsigned long long)run->settings.seed,
		(unsigned long long)run->sum.frame_count, (unsigned long long)run->sum.event_count,
		(unsigned long long)run->sum.alert_count, (unsigned long long)(run->sum.peak_size >> 20),
		(unsigned long long)((clock_mono_ns() - run->begin_ns) / NS_PER_S));
	printf("%llu passed, %llu failed, %llu skipped\n", (unsigned long long)run->passed,
		(unsigned long long)run->failed, (unsigned long long)run->skipped);
}

int main(int argc, char **argv)
{
	static struct run run = { .scratch_dir = "/tmp/luytre-mutate-XXXXXX" };
	char *questions;
	int error;

	if (!read_arguments(&run, argc, argv)) {
		fprintf(stderr,
			"usage: %s --config FILE [--corpora DIR] [--variants N] [--first N] [--seed N] [--mutation "
			"NAME]\n"
			"       [--only TEXT] [--jobs N] [--limit SECONDS] [--memory MIB] [--time SECONDS] "
			"[CAPTURE-OR-FOLDER...]\n",
			argv[0]);
		return 2;
	}
	run.begin_ns = clock_mono_ns();
	run.settings.questions = questions = questions_make();
	run.statuses =
		mmap(NULL, run.jobs * sizeof(*run.statuses), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!questions || run.statuses == MAP_FAILED || !mkdtemp(run.scratch_dir)) {
		fprintf(stderr, "it cannot start: %s\n", strerror(errno));
		return 1;
	}
	error = collect(&run, argv + optind, argc - optind);
	if (!error)
		error = run_all(&run);
	print_sum(&run);
	nftw(run.scratch_dir, remove_path, 32, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < run.source_count; i++) {
		free(run.sources[i].name);
		free(run.sources[i].data);
	}
	free(run.sources);
	free(questions);
	munmap(run.statuses, run.jobs * sizeof(*run.statuses));
	return error || run.failed || run.passed == 0 ? 1 : 0;
}
