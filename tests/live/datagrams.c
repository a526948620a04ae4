// SPDX-License-Identifier: Apache-2.0
/* Honest UDP, and counting it at the other end.
 *
 *	datagrams send --from ADDR --to ADDR --port N --rate PPS --seconds S [--stream N] [--sizes MIN-MAX]
 *	datagrams count --port N
 *
 * Each datagram carries a mark, the number of its stream and its own number, and is filled with bytes that differ, to a
 * size that differs. The counter says "ready", and on SIGTERM how many of each stream came, and of everything else: how
 * many, and when it ended, in steps of STEP_MS: "settled" is the time from the first foreign datagram to the end of the
 * last step in which they came at more than a tenth of the busiest step's rate.
 *
 *	ready
 *	stream 0 received 20000 unique 20000
 *	foreign received 5100 busiest_pps 20000 settled_ms 650 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/net.h"

enum {
	MARK_SIZE = 8,
	SIZE_MAX_BYTES = 1400,
	STREAMS = 8,
	NUMBERS_MAX = 1 << 24,
	STEP_MS = 50,
	STEPS_MAX = 20 * 120, /* two minutes */
	BATCH = 64,
	BUFFER_BYTES = 64 << 20,
};

static const char mark[MARK_SIZE] = "lt-good";

struct head {
	char mark[MARK_SIZE];
	uint32_t stream, number;
};

struct options {
	const char *from, *to;
	uint16_t port;
	double rate_pps, seconds;
	uint32_t stream, size_min, size_max;
};

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
	stopping = 1;
}

static int parse_addr(const char *text, uint16_t port, struct sockaddr_in6 *ret)
{
	struct ip_addr addr;

	if (!text || ip_addr_parse(bytes_from_str(text), &addr))
		return -1;
	*ret = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
	if (addr.family == IP_V4) { /* one kind of socket for both: RFC 4291, section 2.5.5.2 */
		memset(ret->sin6_addr.s6_addr + 10, 0xff, 2);
		memcpy(ret->sin6_addr.s6_addr + 12, addr.bytes, 4);
	} else {
		memcpy(ret->sin6_addr.s6_addr, addr.bytes, 16);
	}
	return 0;
}

static int open_socket(const struct sockaddr_in6 *local)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), off = 0, one = 1, size = BUFFER_BYTES;

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(fd, SOL_IP, IP_FREEBIND, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)local, sizeof(*local))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- sending ----------------------------------------------------------------------------------*/

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static void sleep_until(uint64_t at_ns)
{
	struct timespec at = { .tv_sec = (time_t)(at_ns / NS_PER_S), .tv_nsec = (long)(at_ns % NS_PER_S) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static int run_send(const struct options *o)
{
	struct sockaddr_in6 local, to;
	uint8_t buffer[SIZE_MAX_BYTES];
	struct head head = { .stream = o->stream };
	uint64_t began = clock_mono_ns(), state = began, total = (uint64_t)(o->rate_pps * o->seconds), failed = 0;
	int fd;

	if (parse_addr(o->from, 0, &local) || parse_addr(o->to, o->port, &to) || total > NUMBERS_MAX ||
		(fd = open_socket(&local)) < 0) {
		fprintf(stderr, "datagrams: cannot send from %s to %s: %s\n", o->from, o->to, strerror(errno));
		return 1;
	}
	memcpy(head.mark, mark, MARK_SIZE);
	for (uint64_t i = 0; i < total && !stopping; i++) {
		size_t size = o->size_min + next_random(&state) % (o->size_max - o->size_min + 1);

		for (size_t at = sizeof(head); at < size; at++)
			buffer[at] = (uint8_t)next_random(&state);
		head.number = (uint32_t)i;
		memcpy(buffer, &head, sizeof(head));
		sleep_until(began + (uint64_t)((double)i * NS_PER_S / o->rate_pps));
		failed += sendto(fd, buffer, size, 0, (struct sockaddr *)&to, sizeof(to)) < 0;
	}
	printf("sent %llu failed %llu\n", (unsigned long long)total, (unsigned long long)failed);
	return 0;
}

/* ---- counting ---------------------------------------------------------------------------------*/

struct counts {
	uint64_t received[STREAMS], unique[STREAMS];
	uint8_t seen[STREAMS][NUMBERS_MAX / 8];
	uint64_t foreign, first_ns;
	uint32_t step[STEPS_MAX];
};

static void count_one(struct counts *c, const uint8_t *data, size_t size, uint64_t now_ns)
{
	struct head head;
	uint64_t step;

	if (size >= sizeof(head)) {
		memcpy(&head, data, sizeof(head));
		if (!memcmp(head.mark, mark, MARK_SIZE) && head.stream < STREAMS && head.number < NUMBERS_MAX) {
			uint8_t *bits = &c->seen[head.stream][head.number / 8], bit = (uint8_t)(1 << head.number % 8);

			c->received[head.stream]++;
			c->unique[head.stream] += !(*bits & bit);
			*bits |= bit;
			return;
		}
	}
	if (!c->foreign++)
		c->first_ns = now_ns;
	step = (now_ns - c->first_ns) / (STEP_MS * NS_PER_MS);
	if (step < STEPS_MAX)
		c->step[step]++;
}

static void print_counts(const struct counts *c)
{
	uint32_t busiest = 0;
	unsigned int settled = 0;

	for (int i = 0; i < STREAMS; i++)
		if (c->received[i])
			printf("stream %d received %llu unique %llu\n", i, (unsigned long long)c->received[i],
				(unsigned long long)c->unique[i]);
	for (int i = 0; i < STEPS_MAX; i++)
		if (c->step[i] > busiest)
			busiest = c->step[i];
	for (unsigned int i = 0; i < STEPS_MAX; i++)
		if (c->step[i] * 10 > busiest)
			settled = (i + 1) * STEP_MS;
	printf("foreign received %llu busiest_pps %lu settled_ms %u\n", (unsigned long long)c->foreign,
		busiest * MS_PER_S / STEP_MS, settled);
}

static void receive(int fd, struct counts *counts)
{
	static uint8_t buffer[BATCH][SIZE_MAX_BYTES];
	struct iovec vector[BATCH];
	struct mmsghdr message[BATCH];
	int count;

	for (int i = 0; i < BATCH; i++) {
		vector[i] = (struct iovec){ buffer[i], SIZE_MAX_BYTES };
		message[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &vector[i], .msg_iovlen = 1 } };
	}
	count = recvmmsg(fd, message, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++)
		count_one(counts, buffer[i], message[i].msg_len, clock_mono_ns());
}

static int run_count(const struct options *o)
{
	struct sockaddr_in6 local = { .sin6_family = AF_INET6, .sin6_port = htons(o->port) };
	struct counts *counts = calloc(1, sizeof(*counts));
	struct pollfd wait = { .fd = open_socket(&local), .events = POLLIN };

	if (wait.fd < 0 || !counts) {
		fprintf(stderr, "datagrams: cannot listen on port %u: %s\n", o->port, strerror(errno));
		free(counts);
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	while (!stopping)
		if (poll(&wait, 1, 100) > 0)
			receive(wait.fd, counts);
	for (int i = 0; i < 1000; i++) /* what waits in the socket */
		receive(wait.fd, counts);
	print_counts(counts);
	free(counts);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: datagrams send --from ADDR --to ADDR --port N --rate PPS --seconds S [--stream N] "
			"[--sizes MIN-MAX]\n       datagrams count --port N\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option names[] = { { "from", 1, NULL, 'f' }, { "to", 1, NULL, 't' },
		{ "port", 1, NULL, 'p' }, { "rate", 1, NULL, 'r' }, { "seconds", 1, NULL, 's' },
		{ "stream", 1, NULL, 'n' }, { "sizes", 1, NULL, 'z' }, { NULL, 0, NULL, 0 } };
	struct options o = { .rate_pps = 1000, .seconds = 1, .size_min = 40, .size_max = 1000 };
	struct sigaction action = { .sa_handler = on_signal };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'f':
			o.from = optarg;
			break;
		case 't':
			o.to = optarg;
			break;
		case 'p':
			o.port = (uint16_t)atoi(optarg);
			break;
		case 'r':
			o.rate_pps = atof(optarg);
			break;
		case 's':
			o.seconds = atof(optarg);
			break;
		case 'n':
			o.stream = (uint32_t)atoi(optarg);
			break;
		case 'z':
			if (sscanf(optarg, "%u-%u", &o.size_min, &o.size_max) != 2)
				return usage();
			break;
		default:
			return usage();
		}
	}
	if (optind + 1 != argc || !o.port || o.rate_pps <= 0 || o.stream >= STREAMS ||
		o.size_min < sizeof(struct head) || o.size_max > SIZE_MAX_BYTES || o.size_min > o.size_max)
		return usage();
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	return strcmp(argv[optind], "send") ? strcmp(argv[optind], "count") ? usage() : run_count(&o) : run_send(&o);
}
