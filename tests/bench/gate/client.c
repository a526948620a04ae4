// SPDX-License-Identifier: Apache-2.0
/* See client.h. */
#include "tests/bench/gate/client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

enum { ANSWER_MAX = 65536, TIMEOUT_S = 10 };

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(INADDR_LOOPBACK) }
	};
}

int client_open(uint16_t port, struct client *ret)
{
	struct sockaddr_in address = loopback(port);
	struct timeval timeout = { .tv_sec = TIMEOUT_S };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return LUYTRE_E_SYSTEM;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
		connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return LUYTRE_E_SYSTEM;
	}
	*ret = (struct client){ fd, port };
	return 0;
}

void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

static int send_all(int fd, struct bytes in)
{
	size_t done = 0;

	while (done < in.size) {
		ssize_t sent = send(fd, in.ptr + done, in.size - done, MSG_NOSIGNAL);

		if (sent <= 0)
			return LUYTRE_E_IO;
		done += (size_t)sent;
	}
	return 0;
}

/* Bytes of the whole response once its head is there, else 0. */
static size_t whole_size(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length:");

	if (!end)
		return 0;
	return (size_t)(end + 4 - text) + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
}

static int receive(int fd, char *text, bool *ret_close)
{
	size_t size = 0, wanted;

	do {
		ssize_t got = recv(fd, text + size, ANSWER_MAX - 1 - size, 0);

		if (got <= 0)
			return LUYTRE_E_IO;
		size += (size_t)got;
		text[size] = 0;
		wanted = whole_size(text);
	} while ((wanted == 0 || size < wanted) && size < ANSWER_MAX - 1);
	*ret_close = strcasestr(text, "\r\nConnection: close") != NULL;
	return 0;
}

int client_ask(struct client *client, struct bytes request, unsigned int *ret_status, double *ret_us)
{
	static char text[ANSWER_MAX];
	bool closes = false;
	uint64_t start_ns;
	int error = client->fd < 0 ? client_open(client->port, client) : 0;

	if (error < 0)
		return error;
	start_ns = clock_mono_ns();
	error = send_all(client->fd, request);
	if (error == 0)
		error = receive(client->fd, text, &closes);
	if (ret_us)
		*ret_us = (double)(clock_mono_ns() - start_ns) / (double)NS_PER_US;
	if (error < 0 || closes)
		client_close(client);
	if (error == 0 && sscanf(text, "HTTP/1.1 %u", ret_status) != 1)
		error = LUYTRE_E_SYNTAX;
	return error;
}

uint16_t client_free_port(void)
{
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint16_t port = 0;

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, size) == 0 &&
		getsockname(fd, (struct sockaddr *)&address, &size) == 0)
		port = ntohs(address.sin_port);
	if (fd >= 0)
		close(fd);
	return port;
}
