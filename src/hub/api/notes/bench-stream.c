// SPDX-License-Identifier: Apache-2.0
/* How long something takes from its publication to a thousand consoles: many clients of the stream of api-notes, one
 * request that publishes, and the time until each client has it.
 *
 *	bench-stream PORT CLIENTS ROUNDS PER_SECOND
 *
 * Prints the percentiles of all deliveries in milliseconds and how many were lost. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { CLIENTS_MAX = 20000, ROUNDS_MAX = 10000, TAIL_SIZE = 64 };

static uint16_t port;
static uint64_t sent_ns[ROUNDS_MAX];
static unsigned int round_count;
static float *took_ms;
static size_t took_count;

struct client {
	int fd;
	unsigned int next; /* round that comes next */
};

static int dial(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror("connect");
		exit(1);
	}
	return fd;
}

static void say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		perror("send");
}

/* Every event has "event: notes" once; chunks of two events do not cut it in practice, and a cut one shows as lost. */
static void read_client(struct client *client)
{
	char text[65536];
	ssize_t size = recv(client->fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	uint64_t now_ns = clock_mono_ns();

	if (size <= 0)
		return;
	text[size] = '\0';
	for (const char *at = text; (at = strstr(at, "event: notes")); at++) {
		if (client->next < round_count)
			took_ms[took_count++] = (float)(now_ns - sent_ns[client->next++]) / 1e6F;
	}
}

static void wait_events(int epoll_fd, uint64_t until_ns)
{
	struct epoll_event events[256];

	for (uint64_t now_ns = clock_mono_ns(); now_ns < until_ns; now_ns = clock_mono_ns()) {
		int count = epoll_wait(epoll_fd, events, 256, (int)((until_ns - now_ns) / NS_PER_MS) + 1);

		for (int i = 0; i < count; i++)
			read_client(events[i].data.ptr);
	}
}

static int by_size(const void *left, const void *right)
{
	float a = *(const float *)left, b = *(const float *)right;

	return (a > b) - (a < b);
}

static void drain(int fd)
{
	char text[4096];

	while (recv(fd, text, sizeof(text), MSG_DONTWAIT) > 0)
		;
}

int main(int argc, char **argv)
{
	static const char note[] = "{\"title\":\"bench\",\"kind\":\"plain\"}";
	static struct client clients[CLIENTS_MAX];
	size_t client_count = argc == 5 ? strtoul(argv[2], NULL, 10) : 0;
	unsigned int rounds = argc == 5 ? (unsigned int)strtoul(argv[3], NULL, 10) : 0;
	uint64_t gap_ns = NS_PER_S / (argc == 5 && atoi(argv[4]) > 0 ? (uint64_t)atoi(argv[4]) : 1);
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), publisher;
	char text[512];

	if (client_count == 0 || client_count > CLIENTS_MAX || rounds == 0 || rounds > ROUNDS_MAX || epoll_fd < 0)
		return 2;
	port = (uint16_t)strtoul(argv[1], NULL, 10);
	took_ms = calloc(client_count * rounds, sizeof(*took_ms));
	if (!took_ms)
		return 1;
	for (size_t i = 0; i < client_count; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = &clients[i] };

		clients[i].fd = dial();
		say(clients[i].fd,
			"GET /api/v1/stream?topics=notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer all\r\n\r\n");
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, clients[i].fd, &event);
	}
	wait_events(epoll_fd, clock_mono_ns() + 2 * NS_PER_S);
	publisher = dial();
	snprintf(text, sizeof(text),
		"POST /api/v1/tenants/1/notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer all\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		strlen(note), note);
	for (; round_count < rounds; wait_events(epoll_fd, sent_ns[round_count - 1] + gap_ns)) {
		sent_ns[round_count++] = clock_mono_ns();
		say(publisher, text);
		drain(publisher);
	}
	wait_events(epoll_fd, clock_mono_ns() + 2 * NS_PER_S);
	qsort(took_ms, took_count, sizeof(*took_ms), by_size);
	if (took_count == 0)
		return 1;
	printf("%zu clients, %u rounds: delivered %zu, lost %zu; p50 %.1f, p90 %.1f, p99 %.1f, max %.1f ms\n",
		client_count, rounds, took_count, client_count * rounds - took_count, (double)took_ms[took_count / 2],
		(double)took_ms[took_count * 9 / 10], (double)took_ms[took_count * 99 / 100],
		(double)took_ms[took_count - 1]);
	return 0;
}
