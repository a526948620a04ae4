// SPDX-License-Identifier: Apache-2.0
#include "tests/sensor/job.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/log.h"

enum { FILE_SIZE_MAX = 64 << 20, ADDRESS_SPACE_SPARE = 2 };

/* Which settings a mutant is played with: its number modulo SETUP_COUNT. */
enum {
	SETUP_BESIDE, /* looks on, with the settings beside the capture where there are some */
	SETUP_INLINE,
	SETUP_TIGHT, /* looks on, and has no room: what is done at a ceiling is done all the time */
	SETUP_COUNT,
};

static const char *const tight[] = {
	"flow.memcap=64kb",
	"flow.hash-size=16",
	"stream.memcap=16kb",
	"stream.reassembly.memcap=32kb",
	"stream.reassembly.depth=20kb",
	"stream.max-synack-queued=1",
	"defrag.memcap=32kb",
	"defrag.trackers=4",
	"defrag.max-frags=8",
	"packet-alert-max=2",
	"detect.thresholds.memcap=16kb",
	"evidence.max-size=10kb",
	"app-layer.protocols.http.libhtp.default-config.request-body-limit=1kb",
	"app-layer.protocols.http.libhtp.default-config.response-body-limit=1kb",
	"app-layer.protocols.http2.max-streams=4",
	"app-layer.protocols.ftp.max-tx=2",
	"app-layer.protocols.ldap.max-tx=2",
	"app-layer.protocols.mqtt.max-tx=2",
	"app-layer.protocols.smb.max-tx=2",
	"app-layer.protocols.dns.max-tx=2",
};

/* A sanitizer keeps what was freed, and surrounds what is not: so many times the memory. */
enum { MEMORY_TIMES = UNDER_SANITIZER ? 12 : 1 };

struct job {
	const struct job_settings *settings;
	const struct capture_source *source;
	struct job_status *status;
	struct bytes file;
	uint8_t *read; /* owned: what 'file' is when it was read here */
	char output_dir[4096];
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

uint32_t job_number(const struct job_settings *settings, uint32_t place)
{
	uint32_t end = settings->first + settings->count, number = 0;

	for (uint32_t setup = 0; setup < SETUP_COUNT; setup++) {
		number = settings->first + (setup + SETUP_COUNT - settings->first % SETUP_COUNT) % SETUP_COUNT;
		for (; number < end; number += SETUP_COUNT)
			if (place-- == 0)
				return number;
	}
	return number;
}

static uint64_t job_seed(const struct job_settings *settings, const struct capture_source *source, uint32_t number)
{
	uint64_t seed = settings->seed * UINT64_C(0x100000001b3) + number;

	/* FNV-1a */
	for (const char *at = base_name(source->name); *at; at++)
		seed = (seed ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
	return seed;
}

/* ---- Memory ---- */

static uint64_t peak_memory(void)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_maxrss << 10;
}

/* The peak is what is used now (proc(5), clear_refs). */
static void forget_peak(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "5", 1) != 1)
		log_error("the peak of memory cannot be set back: %s", strerror(errno));
	close(fd);
}

/* So that one mutant cannot take the machine down before its memory is looked at. Sanitizers reserve terabytes. */
static void limit_process(uint64_t memory_size)
{
	struct rlimit none = { 0, 0 };
	struct rlimit room = { .rlim_cur = memory_size * ADDRESS_SPACE_SPARE + (UINT64_C(1) << 30) };

	room.rlim_max = room.rlim_cur;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &none);
	if (!UNDER_SANITIZER)
		setrlimit(RLIMIT_AS, &room);
}

/* Of processor time: how busy the machine is does not count. 0: no limit. The process ends with SIGPROF. */
static void limit_time(unsigned int seconds)
{
	struct itimerval timer = { .it_value = { .tv_sec = seconds } };

	setitimer(ITIMER_PROF, &timer, NULL);
}

/* ---- The job ---- */

_Noreturn static void fail(struct job *j, const char *message)
{
	snprintf(j->status->message, sizeof(j->status->message), "%s", message);
	_exit(1);
}

static uint8_t *read_file(const char *path, size_t *ret_size)
{
	FILE *in = fopen(path, "rbe");
	struct stat st;
	uint8_t *data = NULL;

	if (in && fstat(fileno(in), &st) == 0 && st.st_size <= FILE_SIZE_MAX) {
		data = malloc((size_t)st.st_size + 1);
		*ret_size = data ? fread(data, 1, (size_t)st.st_size, in) : 0;
	}
	if (in)
		fclose(in);
	return data;
}

/* Rules and settings beside a capture belong to it. Relative names in them are looked up there. */
static void open_play(struct job *j, unsigned int setup, struct play **ret)
{
	struct play_options options = { .config_path = j->settings->config_path,
		.questions = j->settings->questions,
		.output_dir = j->output_dir,
		.sets = tight,
		.set_count = setup == SETUP_TIGHT ? ARRAY_COUNT(tight) : 0,
		.ips = setup == SETUP_INLINE };
	glob_t rules;

	if (!j->source->data && glob("*.rules", 0, NULL, &rules) == 0) {
		options.rules_path = ".";
		globfree(&rules);
	}
	if (setup == SETUP_BESIDE && !j->source->data && access("suricata.yaml", R_OK) == 0) {
		options.config_path = "suricata.yaml";
		if (play_open(&options, ret) == 0)
			return;
		/* Some are there to be refused. */
		options.config_path = j->settings->config_path;
	}
	if (play_open(&options, ret))
		fail(j, "settings and rules cannot be loaded");
}

static void play_one(struct job *j, struct play *play, uint32_t number)
{
	uint64_t seed = job_seed(j->settings, j->source, number);
	enum mutation mutation = j->settings->mutation;
	char message[PLAY_MESSAGE_SIZE];
	struct play_result result = { 0 };
	struct mutant mutant;
	uint64_t before, taken;

	if (mutation == MUTATION_NONE)
		mutation = (enum mutation)(1 + (seed >> 7) % (MUTATION_COUNT - 1));
	j->status->mutation = mutation;
	if (ftruncate(STDERR_FILENO, 0) != 0)
		fail(j, "the log cannot be emptied");
	forget_peak();
	before = peak_memory();
	limit_time(j->settings->limit_s);
	/* A file that cannot be opened any more is an answer as well. */
	if (mutant_make(j->file, mutation, seed, &mutant) == 0) {
		if (play_mutant(play, &mutant, message, &result))
			fail(j, message);
		mutant_done(&mutant);
	}
	limit_time(0);
	taken = peak_memory() - before;
	j->status->peak_size = taken > j->status->peak_size ? taken : j->status->peak_size;
	if (taken > j->settings->memory_size * MEMORY_TIMES)
		fail(j, "it took more memory than the ceiling");
	j->status->frame_count += result.frame_count;
	j->status->event_count += result.event_count;
	j->status->alert_count += result.alert_count;
}

static void play_all(struct job *j)
{
	struct play *play = NULL;
	unsigned int setup = SETUP_COUNT;

	for (; j->status->next < j->settings->count; j->status->next++) {
		uint32_t number = job_number(j->settings, j->status->next);

		if (number % SETUP_COUNT != setup) {
			setup = number % SETUP_COUNT;
			play_close(play);
			open_play(j, setup, &play);
		}
		play_one(j, play, number);
	}
	play_close(play);
}

static void enter(struct job *j, unsigned int slot)
{
	char folder[4096];
	const uint8_t *data = j->source->data;
	size_t size = j->source->size;

	snprintf(j->output_dir, sizeof(j->output_dir), "%s/%u", j->settings->scratch_dir, slot);
	if (mkdir(j->output_dir, 0700) != 0 && errno != EEXIST)
		fail(j, "no folder for events can be made");
	if (!data) {
		data = j->read = read_file(j->source->name, &size);
		if (!data)
			fail(j, "it cannot be read");
		snprintf(folder, sizeof(folder), "%s", j->source->name);
		folder[base_name(j->source->name) - j->source->name] = '\0';
		if (chdir(folder) != 0)
			fail(j, "its folder cannot be entered");
	}
	j->file = bytes_of(data, size);
}

_Noreturn static void run(struct job *j, unsigned int slot, const char *log_path)
{
	int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

	if (log < 0 || dup2(log, STDERR_FILENO) < 0)
		fail(j, "the log cannot be written");
	log_set_level(LOG_LEVEL_ERROR);
	limit_process(j->settings->memory_size);
	enter(j, slot);
	play_all(j);
	free(j->read);
	j->status->finished = true;
	/* Not _exit: here the leaks are looked for. */
	exit(0);
}

pid_t job_start(const struct job_settings *settings, const struct capture_source *source, unsigned int slot,
	const char *log_path, struct job_status *status)
{
	static struct job job;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid != 0)
		return pid;
	job = (struct job){ .settings = settings, .source = source, .status = status };
	run(&job, slot, log_path);
}
