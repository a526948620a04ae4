// SPDX-License-Identifier: Apache-2.0
/* See measure.h. */
#include "tests/bench/sensor/measure.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "lab/process.h"

/* Seconds that all processors together were idle and busy since the machine started. */
static void read_machine(double *ret_idle_s, double *ret_busy_s)
{
	unsigned long long user = 0, nice = 0, system = 0, rest = 0, wait = 0, irq = 0, softirq = 0;
	double hertz = (double)sysconf(_SC_CLK_TCK);
	FILE *in = fopen("/proc/stat", "re");

	if (in) {
		if (fscanf(in, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &rest, &wait, &irq,
			    &softirq) != 7)
			log_warn("/proc/stat cannot be read; other work on the machine stays unseen");
		fclose(in);
	}
	*ret_idle_s = (double)(rest + wait) / hertz;
	*ret_busy_s = (double)(user + nice + system + irq + softirq) / hertz;
}

void measure_wait_for_quiet(double *budget_s)
{
	const double step_s = 0.5, calm = 0.15;

	for (; *budget_s > 0; *budget_s -= step_s) {
		double idle[2], busy[2];

		read_machine(&idle[0], &busy[0]);
		usleep((useconds_t)(step_s * 1e6));
		read_machine(&idle[1], &busy[1]);
		if (busy[1] - busy[0] <= calm * (busy[1] - busy[0] + idle[1] - idle[0]))
			return;
	}
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static int wait_with_usage(pid_t pid, struct rusage *ret_usage)
{
	int status;

	if (wait4(pid, &status, 0, ret_usage) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		return LUYTRE_E_SYSTEM;
	return 0;
}

int measure_program(const char *const argv[], const char *log_path, struct measure *ret)
{
	struct measure m = { 0 };
	double idle[2], busy[2];
	struct rusage usage;
	uint64_t start_ns;
	pid_t pid;
	int error;

	unlink(log_path);
	read_machine(&idle[0], &busy[0]);
	start_ns = clock_mono_ns();
	error = process_start(NULL, log_path, argv, &pid);
	if (!error)
		error = wait_with_usage(pid, &usage);
	if (error) {
		log_error("%s failed:", argv[0]);
		process_print_log(log_path);
		return error;
	}
	m.wall_s = (double)(clock_mono_ns() - start_ns) / (double)NS_PER_S;
	read_machine(&idle[1], &busy[1]);
	m.cpu_s = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
	m.peak_mb = (double)usage.ru_maxrss * 1024 / 1e6;
	m.others = (busy[1] - busy[0] - m.cpu_s) / (busy[1] - busy[0] + idle[1] - idle[0] + 1e-9);
	if (m.others < 0)
		m.others = 0;
	*ret = m;
	return 0;
}

int measure_sensor(const char *const argv[], const char *log_path, struct measure *ret)
{
	struct measure m;
	bool ran = false, counted = false;
	char line[1024];
	FILE *in;
	int error = measure_program(argv, log_path, &m);

	if (error)
		return error;
	in = fopen(log_path, "re");
	if (!in)
		return LUYTRE_E_IO;
	while (fgets(line, sizeof(line), in)) {
		ran |= sscanf(line, "%lf packets, %lf MB in %lf s (%*f MB/s), loaded in %lf s", &m.packets, &m.bytes_mb,
			       &m.run_s, &m.load_s) == 4;
		counted |= sscanf(line, "rules: %u loaded, %u refused, %*u skipped; %lf alerts", &m.rules_loaded,
				   &m.rules_refused, &m.alerts) == 3;
	}
	fclose(in);
	if (!ran || !counted) {
		log_error("%s does not say what it did:", argv[0]);
		process_print_log(log_path);
		return LUYTRE_E_SYNTAX;
	}
	*ret = m;
	return 0;
}
