// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/hub/program.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { START_MAX_S = 120, ANSWER_MAX = 4 << 20 };

/* A port that is free now. */
static uint16_t free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) ||
		getsockname(fd, (struct sockaddr *)&address, &size)) {
		perror("bench-hub: a free port");
		exit(1);
	}
	close(fd);
	return ntohs(address.sin_port);
}

static void run(const struct program *program, const char *path, const char *dir)
{
	char port[8], log[200], console[200];
	int fd;

	snprintf(port, sizeof(port), "%u", program->port);
	snprintf(log, sizeof(log), "%s/log", dir);
	snprintf(console, sizeof(console), "%s/console.sock", dir);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execl(path, path, "hub", "run", "--state", dir, "--socket", program->socket, "--address", "127.0.0.1", "--port",
		port, "--names", "localhost,127.0.0.1", "--console-socket", console, (char *)NULL);
	perror(path);
	_exit(127);
}

char *program_ask(const struct program *program, const char *line)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char *answer = calloc(1, ANSWER_MAX);
	size_t size = 0;
	ssize_t n = -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, program->socket, sizeof(address.sun_path));
	if (answer && fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
		write(fd, line, strlen(line)) == (ssize_t)strlen(line) && write(fd, "\n", 1) == 1) {
		while (size < ANSWER_MAX - 1 && (n = read(fd, answer + size, ANSWER_MAX - 1 - size)) > 0) {
			size += (size_t)n;
			if (answer[size - 1] == '\n')
				break;
		}
	}
	if (fd >= 0)
		close(fd);
	if (size)
		return answer;
	free(answer);
	return NULL;
}

void program_start(struct program *program, const char *path, const char *dir)
{
	uint64_t began_ns = clock_mono_ns();

	*program = (struct program){ .port = free_port() };
	if (snprintf(program->socket, sizeof(program->socket), "%s/control.sock", dir) >= (int)sizeof(program->socket))
		abort();
	program->pid = fork();
	if (program->pid == 0)
		run(program, path, dir);
	for (;;) {
		char *answer = program_ask(program, "status");

		program->start_ms = (double)(clock_mono_ns() - began_ns) / 1e6;
		if (answer) {
			free(answer);
			return;
		}
		if (waitpid(program->pid, NULL, WNOHANG) || program->start_ms > START_MAX_S * 1e3) {
			fprintf(stderr, "bench-hub: the hub does not start: see %s/log\n", dir);
			exit(1);
		}
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
}

double program_end(struct program *program, int signal)
{
	uint64_t began_ns = clock_mono_ns();

	kill(program->pid, signal);
	waitpid(program->pid, NULL, 0);
	program->pid = 0;
	return (double)(clock_mono_ns() - began_ns) / 1e6;
}

double program_cpu_s(const struct program *program)
{
	clockid_t clock;
	struct timespec time = { 0 };

	if (!clock_getcpuclockid(program->pid, &clock))
		clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double status_mb(const struct program *program, const char *name)
{
	char path[64], line[256];
	double kb = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)program->pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, strlen(name)))
			kb = strtod(line + strlen(name), NULL);
	}
	if (file)
		fclose(file);
	return kb / 1024;
}

double program_memory_mb(const struct program *program)
{
	return status_mb(program, "VmRSS:");
}

double program_memory_peak_mb(const struct program *program)
{
	return status_mb(program, "VmHWM:");
}
