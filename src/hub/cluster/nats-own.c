// SPDX-License-Identifier: Apache-2.0
#include "hub/cluster/nats-own.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

enum { START_MS = 20000, POLL_MS = 20 };

static const char *const programs[] = { "/usr/bin/nats-server", "/usr/sbin/nats-server", "/usr/local/bin/nats-server" };

static struct sockaddr_in loopback(unsigned int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
}

static unsigned int free_port(void)
{
	struct sockaddr_in addr = loopback(0);
	socklen_t size = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned int port = 0;

	if (fd >= 0 && !bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) &&
		!getsockname(fd, (struct sockaddr *)&addr, &size))
		port = ntohs(addr.sin_port);
	if (fd >= 0)
		close(fd);
	return port;
}

static void become(const struct nats_own *own, const char *program)
{
	char port[8];
	int silent = open("/dev/null", O_RDWR | O_CLOEXEC);

	snprintf(port, sizeof(port), "%u", own->port);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < 3; i++)
		dup2(silent, i);
	execl(program, program, "-a", "127.0.0.1", "-p", port, "-js", "-sd", own->dir, (char *)NULL);
	_exit(127);
}

static bool answers(const struct nats_own *own)
{
	struct sockaddr_in addr = loopback(own->port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = fd >= 0 && !connect(fd, (const struct sockaddr *)&addr, sizeof(addr));

	if (fd >= 0)
		close(fd);
	return good;
}

int nats_own_again(struct nats_own *own)
{
	const char *program = NULL;

	for (size_t i = 0; i < ARRAY_COUNT(programs) && !program; i++)
		program = access(programs[i], X_OK) == 0 ? programs[i] : NULL;
	if (!program)
		return LUYTRE_E_NOT_FOUND;
	own->pid = fork();
	if (own->pid == 0)
		become(own, program);
	for (unsigned int waited_ms = 0; own->pid > 0 && waited_ms < START_MS; waited_ms += POLL_MS) {
		if (answers(own))
			return 0;
		usleep(POLL_MS * 1000);
	}
	return LUYTRE_E_SYSTEM;
}

int nats_own_start(struct nats_own *ret)
{
	int error;

	*ret = (struct nats_own){ .dir = "/tmp/luytre-nats-XXXXXX", .port = free_port() };
	if (!mkdtemp(ret->dir))
		return LUYTRE_E_SYSTEM;
	snprintf(ret->url, sizeof(ret->url), "nats://127.0.0.1:%u", ret->port);
	error = nats_own_again(ret);
	if (error)
		nats_own_stop(ret);
	return error;
}

void nats_own_kill(struct nats_own *own)
{
	if (own->pid > 0) {
		kill(own->pid, SIGKILL);
		waitpid(own->pid, NULL, 0);
	}
	own->pid = 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	return remove(path);
}

void nats_own_stop(struct nats_own *own)
{
	nats_own_kill(own);
	nftw(own->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
