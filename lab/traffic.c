// SPDX-License-Identifier: Apache-2.0
/* See traffic.h. */
#include "lab/traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "lab/process.h"

enum {
	RING_SIZE = 1 << 13, /* a power of two; the lab empties it ten times a second */
	CALLS_MAX = 1024, /* at the same time, of one process */
	REPLY_MAX = 2048,
	EVENTS_MAX = 64,
	STEP_MS = 2,
	UDP_SIZE = 24,
	STOP_GRACE_MS = 200,
};

static const struct crowd {
	enum lab_place place;
	unsigned int http_per_s, udp_per_s;
	size_t sites; /* the first so many are visited */
	size_t count;
	const char *sources[12];
} crowds[] = {
	{ LAB_HOMES, 110, 40, LAB_FLOOD_SITES, 12,
		{ "14.161.20.11", "14.161.20.12", "14.161.20.13", "14.161.20.14", "14.161.20.35", "14.161.20.36",
			"14.161.20.77", "14.161.20.201", "2405:4802:1a::a1", "2405:4802:1a::b2", "2405:4802:1a::c3",
			"2405:4802:1a::d4" } },
	{ LAB_OFFICE, 70, 20, LAB_FLOOD_SITES, 8,
		{ "192.168.1.11", "192.168.1.12", "192.168.1.13", "192.168.1.14", "192.168.1.15", "192.168.1.16",
			"2405:4803:2b::11", "2405:4803:2b::12" } },
	{ LAB_CITIZENS, 60, 0, LAB_SITE_COUNT, 11,
		{ "27.64.10.11", "27.64.10.12", "27.64.10.13", "27.64.10.14", "27.64.10.15", "27.64.10.16",
			"27.64.10.17", "27.64.10.18", "27.64.10.19", "27.64.10.20", "27.64.10.21" } },
};

struct ring {
	_Atomic uint32_t head; /* written by the clients */
	_Atomic uint32_t tail; /* by the lab */
	struct traffic_result items[RING_SIZE];
};

struct traffic {
	struct ring *rings; /* shared with the children */
	pid_t children[ARRAY_COUNT(crowds)];
};

/* ---- addresses --------------------------------------------------------------------------------------------------- */

int traffic_address_parse(const char *text, uint16_t port, struct traffic_address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(port);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &ret->v6.sin6_addr) != 1)
		return LUYTRE_E_SYNTAX;
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_port = htons(port);
	return 0;
}

socklen_t traffic_address_size(const struct traffic_address *address)
{
	return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

static const struct crowd *crowd_of(enum lab_place place)
{
	for (size_t i = 0; i < ARRAY_COUNT(crowds); i++)
		if (crowds[i].place == place)
			return &crowds[i];
	return NULL;
}

size_t traffic_source_count(enum lab_place place)
{
	const struct crowd *crowd = crowd_of(place);

	return crowd ? crowd->count : 0;
}

const char *traffic_source(enum lab_place place, size_t index)
{
	return crowd_of(place)->sources[index];
}

/* ---- the clients of one place ------------------------------------------------------------------------------------ */

struct call {
	int fd; /* -1: free */
	bool connected;
	size_t size; /* of the reply so far */
	struct traffic_result result;
	char reply[REPLY_MAX];
};

struct client {
	const struct crowd *crowd;
	struct ring *ring;
	int epoll;
	uint64_t started[2]; /* calls so far, by kind */
	struct call calls[CALLS_MAX];
};

static void report(struct client *client, const struct traffic_result *result)
{
	uint32_t head = atomic_load_explicit(&client->ring->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&client->ring->tail, memory_order_acquire) >= RING_SIZE)
		return; /* the lab sleeps: it judges by what it gets */
	client->ring->items[head % RING_SIZE] = *result;
	atomic_store_explicit(&client->ring->head, head + 1, memory_order_release);
}

static void end_call(struct client *client, struct call *call, bool good)
{
	if (call->fd >= 0)
		close(call->fd);
	call->fd = -1;
	call->result.good = good;
	call->result.end_ns = clock_mono_ns();
	report(client, &call->result);
}

static struct call *free_call(struct client *client)
{
	for (size_t i = 0; i < CALLS_MAX; i++)
		if (client->calls[i].fd < 0)
			return &client->calls[i];
	return NULL;
}

/* A socket that speaks from 'source' to 'target'; -1 when it cannot even begin. */
static int open_socket(const char *source, const char *target, enum traffic_kind kind)
{
	uint16_t port = kind == TRAFFIC_HTTP ? 80 : LAB_UDP_PORT;
	int type = kind == TRAFFIC_HTTP ? SOCK_STREAM : SOCK_DGRAM, fd, one = 1;
	struct traffic_address from, to;

	if (traffic_address_parse(source, 0, &from) || traffic_address_parse(target, port, &to))
		return -1;
	fd = socket(from.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, &from.any, traffic_address_size(&from)) ||
		(connect(fd, &to.any, traffic_address_size(&to)) && errno != EINPROGRESS)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void start_call(struct client *client, enum traffic_kind kind)
{
	uint64_t count = client->started[kind]++;
	const char *source = client->crowd->sources[count % client->crowd->count];
	size_t at = kind == TRAFFIC_UDP ? LAB_UDP_SITE : (count + count / client->crowd->count) % client->crowd->sites;
	const struct lab_site *site = &lab_sites[at];
	struct epoll_event event = { .events = kind == TRAFFIC_HTTP ? EPOLLOUT : EPOLLIN };
	struct call *call = free_call(client);
	char question[UDP_SIZE];

	if (!call) /* cannot be: more calls than rate x timeout */
		return;
	call->result = (struct traffic_result){ .start_ns = clock_mono_ns(),
		.kind = (uint8_t)kind,
		.site = (uint8_t)at,
		.translated = client->crowd->place == LAB_OFFICE };
	call->connected = false;
	call->size = 0;
	call->fd = open_socket(source, strchr(source, ':') ? site->address6 : site->address4, kind);
	event.data.ptr = call;
	if (call->fd < 0 || epoll_ctl(client->epoll, EPOLL_CTL_ADD, call->fd, &event)) {
		end_call(client, call, false);
		return;
	}
	if (kind == TRAFFIC_HTTP)
		return;
	snprintf(question, sizeof(question), "HOI %019llu", (unsigned long long)count);
	if (send(call->fd, question, sizeof(question), 0) != sizeof(question))
		end_call(client, call, false);
}

/* The page is there when it ends as pages do. */
static bool is_whole_page(const struct call *call)
{
	static const char begin[] = "HTTP/1.1 200", end[] = "</html>\n";

	return call->size > sizeof(begin) + sizeof(end) && !memcmp(call->reply, begin, sizeof(begin) - 1) &&
	       !memcmp(call->reply + call->size - (sizeof(end) - 1), end, sizeof(end) - 1);
}

static void take_connect(struct client *client, struct call *call)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: lab\r\nUser-Agent: lab\r\nConnection: close\r\n\r\n";
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = call };
	socklen_t size = sizeof(int);
	int error = 0;

	if (getsockopt(call->fd, SOL_SOCKET, SO_ERROR, &error, &size) || error) {
		end_call(client, call, false);
		return;
	}
	call->connected = true;
	call->result.connect_us = (uint32_t)((clock_mono_ns() - call->result.start_ns) / NS_PER_US);
	if (send(call->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != sizeof(request) - 1 ||
		epoll_ctl(client->epoll, EPOLL_CTL_MOD, call->fd, &event))
		end_call(client, call, false);
}

static void take_reply(struct client *client, struct call *call)
{
	ssize_t got = recv(call->fd, call->reply + call->size, sizeof(call->reply) - call->size, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (call->result.kind == TRAFFIC_UDP) {
		call->result.connect_us = (uint32_t)((clock_mono_ns() - call->result.start_ns) / NS_PER_US);
		end_call(client, call, got == UDP_SIZE);
		return;
	}
	if (got > 0)
		call->size += (size_t)got;
	if (got <= 0 || call->size == sizeof(call->reply))
		end_call(client, call, !got && is_whole_page(call));
}

static void expire_calls(struct client *client, uint64_t now_ns)
{
	for (size_t i = 0; i < CALLS_MAX; i++)
		if (client->calls[i].fd >= 0 &&
			now_ns - client->calls[i].result.start_ns > TRAFFIC_TIMEOUT_MS * NS_PER_MS)
			end_call(client, &client->calls[i], false);
}

static void start_due(struct client *client, uint64_t elapsed_ns)
{
	const unsigned int per_s[2] = {
		[TRAFFIC_HTTP] = client->crowd->http_per_s, [TRAFFIC_UDP] = client->crowd->udp_per_s
	};

	for (enum traffic_kind kind = 0; kind <= TRAFFIC_UDP; kind++)
		while (client->started[kind] < elapsed_ns * per_s[kind] / NS_PER_S)
			start_call(client, kind);
}

static int client_main(void *context)
{
	struct client *client = context;
	struct epoll_event events[EVENTS_MAX];
	uint64_t begin_ns = clock_mono_ns(), swept_ns = begin_ns, now_ns;

	client->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < CALLS_MAX; i++)
		client->calls[i].fd = -1;
	for (;;) {
		int count = epoll_wait(client->epoll, events, EVENTS_MAX, STEP_MS);

		if (count < 0 && errno != EINTR)
			return 1;
		for (int i = 0; i < count; i++) {
			struct call *call = events[i].data.ptr;

			if (call->fd >= 0 && call->result.kind == TRAFFIC_HTTP && !call->connected)
				take_connect(client, call);
			else if (call->fd >= 0)
				take_reply(client, call);
		}
		now_ns = clock_mono_ns();
		if (now_ns - swept_ns > NS_PER_S / 20) {
			expire_calls(client, now_ns);
			swept_ns = now_ns;
		}
		start_due(client, now_ns - begin_ns);
	}
}

/* ---- the lab's side ---------------------------------------------------------------------------------------------- */

static int start_crowd(struct traffic *traffic, const struct topology *topology, size_t index)
{
	struct client *client = calloc(1, sizeof(*client));
	int error;

	if (!client)
		return LUYTRE_E_NOMEM;
	client->crowd = &crowds[index];
	client->ring = &traffic->rings[index];
	error = process_fork(
		topology_netns(topology, crowds[index].place), client_main, client, &traffic->children[index]);
	free(client); /* the child has its own */
	return error;
}

struct traffic *traffic_start(const struct topology *topology)
{
	struct traffic *traffic = calloc(1, sizeof(*traffic));
	void *shared = mmap(NULL, sizeof(struct ring) * ARRAY_COUNT(crowds), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int error = 0;

	if (shared == MAP_FAILED || !traffic) {
		log_error("%s", error_text(LUYTRE_E_NOMEM, LUYTRE_LANG_EN));
		free(traffic);
		return NULL;
	}
	traffic->rings = shared;
	for (size_t i = 0; i < ARRAY_COUNT(crowds) && !error; i++)
		error = start_crowd(traffic, topology, i);
	if (!error)
		return traffic;
	log_error("cannot start the clients: %s", error_text(error, LUYTRE_LANG_EN));
	traffic_stop(traffic);
	return NULL;
}

void traffic_stop(struct traffic *traffic)
{
	if (!traffic)
		return;
	for (size_t i = 0; i < ARRAY_COUNT(crowds); i++)
		process_stop(&traffic->children[i], STOP_GRACE_MS);
	munmap(traffic->rings, sizeof(struct ring) * ARRAY_COUNT(crowds));
	free(traffic);
}

bool traffic_is_running(struct traffic *traffic)
{
	for (size_t i = 0; i < ARRAY_COUNT(crowds); i++)
		if (process_has_ended(&traffic->children[i]))
			return false;
	return true;
}

bool traffic_next(struct traffic *traffic, struct traffic_result *ret)
{
	for (size_t i = 0; i < ARRAY_COUNT(crowds); i++) {
		struct ring *ring = &traffic->rings[i];
		uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

		if (tail == atomic_load_explicit(&ring->head, memory_order_acquire))
			continue;
		*ret = ring->items[tail % RING_SIZE];
		atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
		return true;
	}
	return false;
}
