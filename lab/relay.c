// SPDX-License-Identifier: Apache-2.0
/* See relay.h. */
#include "lab/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "lab/process.h"

enum { PORTS_MAX = 20, PAIRS_MAX = 128, BUFFER_SIZE = 16 << 10, BACKLOG = 64, WAIT_STEPS = 200, WAIT_STEP_MS = 10 };

/* A connection of the browser and the one to the hub; bytes that wait for each of the two. */
struct pair {
	int fds[2]; /* -1: free */
	bool ended[2]; /* nothing more comes from there */
	size_t used[2]; /* in 'waiting', for the end of the same number */
	char waiting[2][BUFFER_SIZE];
};

struct relay {
	const char *netns;
	_Atomic int *port; /* shared with the lab: 0 until it stands, -1 when it cannot */
	int listener;
	struct pair pairs[PAIRS_MAX];
};

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
}

static int listen_here(uint16_t *ret_port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	for (uint16_t port = RELAY_CONSOLE_PORT; port < RELAY_CONSOLE_PORT + PORTS_MAX; port++) {
		struct sockaddr_in address = loopback(port);

		if (!bind(fd, (struct sockaddr *)&address, sizeof(address)) && !listen(fd, BACKLOG)) {
			*ret_port = port;
			return fd;
		}
	}
	close(fd);
	return -1;
}

static void close_pair(struct pair *pair)
{
	for (int i = 0; i < 2; i++) {
		if (pair->fds[i] >= 0)
			close(pair->fds[i]);
		pair->fds[i] = -1;
		pair->used[i] = 0;
		pair->ended[i] = false;
	}
}

static void accept_one(struct relay *relay)
{
	struct sockaddr_in hub = loopback(RELAY_CONSOLE_PORT);
	int fd = accept4(relay->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), other;
	struct pair *pair = relay->pairs;

	while (pair < relay->pairs + PAIRS_MAX && pair->fds[0] >= 0)
		pair++;
	if (fd < 0)
		return;
	other = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (pair == relay->pairs + PAIRS_MAX || other < 0 ||
		(connect(other, (struct sockaddr *)&hub, sizeof(hub)) && errno != EINPROGRESS)) {
		close(fd);
		if (other >= 0)
			close(other);
		return;
	}
	pair->fds[0] = fd;
	pair->fds[1] = other;
}

/* From one end into the room for the other. False when the pair is over. */
static bool take(struct pair *pair, int from)
{
	int to = !from;
	ssize_t got = recv(pair->fds[from], pair->waiting[to] + pair->used[to], BUFFER_SIZE - pair->used[to], 0);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 0)
		pair->ended[from] = true;
	pair->used[to] += (size_t)got;
	return true;
}

static bool give(struct pair *pair, int to)
{
	ssize_t sent = send(pair->fds[to], pair->waiting[to], pair->used[to], MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
	pair->used[to] -= (size_t)sent;
	memmove(pair->waiting[to], pair->waiting[to] + sent, pair->used[to]);
	return true;
}

static void serve(struct pair *pair, const struct pollfd sockets[2])
{
	for (int i = 0; i < 2; i++) {
		bool good = true;

		if (sockets[i].revents & (POLLIN | POLLHUP | POLLERR) && !pair->ended[i] &&
			pair->used[!i] < BUFFER_SIZE)
			good = take(pair, i);
		if (good && sockets[i].revents & POLLOUT && pair->used[i])
			good = give(pair, i);
		if (!good) {
			close_pair(pair);
			return;
		}
	}
	if ((pair->ended[0] && !pair->used[1]) || (pair->ended[1] && !pair->used[0]))
		close_pair(pair);
}

static short wanted(const struct pair *pair, int end)
{
	return (short)((pair->used[!end] < BUFFER_SIZE && !pair->ended[end] ? POLLIN : 0) |
		       (pair->used[end] ? POLLOUT : 0));
}

/* An end from which nothing is wanted is left out, or its hang-up would wake the relay again and again. */
static void list_sockets(const struct relay *relay, struct pollfd sockets[1 + 2 * PAIRS_MAX])
{
	sockets[0] = (struct pollfd){ .fd = relay->listener, .events = POLLIN };
	for (size_t i = 0; i < PAIRS_MAX; i++)
		for (int end = 0; end < 2; end++) {
			short events = wanted(&relay->pairs[i], end);

			sockets[1 + 2 * i + (size_t)end] =
				(struct pollfd){ .fd = events ? relay->pairs[i].fds[end] : -1, .events = events };
		}
}

static int relay_main(void *context)
{
	struct relay *relay = context;
	struct pollfd sockets[1 + 2 * PAIRS_MAX];
	uint16_t port = 0;

	relay->listener = listen_here(&port);
	if (relay->listener < 0 || process_enter(relay->netns)) {
		*relay->port = -1;
		return 1;
	}
	*relay->port = port;
	for (size_t i = 0; i < PAIRS_MAX; i++)
		relay->pairs[i].fds[0] = relay->pairs[i].fds[1] = -1;
	for (;;) {
		list_sockets(relay, sockets);
		if (poll(sockets, 1 + 2 * PAIRS_MAX, -1) < 0) {
			if (errno != EINTR)
				return 1;
			continue;
		}
		for (size_t i = 0; i < PAIRS_MAX; i++)
			if (relay->pairs[i].fds[0] >= 0)
				serve(&relay->pairs[i], &sockets[1 + 2 * i]);
		if (sockets[0].revents & POLLIN)
			accept_one(relay);
	}
}

static int wait_for_port(const _Atomic int *port, uint16_t *ret_port)
{
	for (int i = 0; i < WAIT_STEPS && !*port; i++)
		usleep(WAIT_STEP_MS * 1000);
	if (*port <= 0) {
		log_error("none of the ports %d to %d of 127.0.0.1 is free for the console", RELAY_CONSOLE_PORT,
			RELAY_CONSOLE_PORT + PORTS_MAX - 1);
		return LUYTRE_E_SYSTEM;
	}
	*ret_port = (uint16_t)*port;
	return 0;
}

int relay_start(const char *netns, uint16_t *ret_port, pid_t *ret_pid)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	void *shared = mmap(NULL, sizeof(*relay->port), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int error = LUYTRE_E_NOMEM;

	if (relay && shared != MAP_FAILED) {
		relay->netns = netns;
		relay->port = shared;
		error = process_fork(NULL, relay_main, relay, ret_pid);
		if (!error)
			error = wait_for_port(relay->port, ret_port);
	}
	free(relay); /* the child has its own */
	if (shared != MAP_FAILED)
		munmap(shared, sizeof(*relay->port));
	return error;
}
