// SPDX-License-Identifier: Apache-2.0
/* Visitors of a TCP service, and the service.
 *
 *	visitors serve --port N
 *	visitors visit --from ADDR --sources N --to ADDR --port N --rate CPS --seconds S [--timeout-ms MS]
 *
 * A visit connects from one of N addresses beginning with ADDR, in turn, says one line, reads the answer and closes. It
 * has succeeded when the answer came within the timeout. The connect time, from connect() to the finished handshake, is
 * what a person feels of the shield. 'visit' ends with one line:
 *
 *	attempted 1000 answered 998 p50_ms 8.2 p99_ms 9.9 worst_ms 1012.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/net.h"

enum { VISITS_MAX = 200000, EVENTS = 256, OPEN_MAX_FILES = 65536 };

static const char line[] = "hello\n";

struct options {
	const char *from, *to;
	uint16_t port;
	uint32_t sources;
	double rate, seconds;
	uint64_t timeout_ns;
};

struct visit {
	int fd; /* -1: over */
	bool connected;
	uint64_t began_ns;
};

struct visiting {
	struct visit *visit;
	size_t count, oldest; /* those before 'oldest' are over */
	double *connect_ms;
	size_t connect_count, answered;
	int epoll;
};

static socklen_t make_address(const struct ip_addr *addr, uint32_t plus, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (addr->family == IP_V4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, addr->bytes, 4);
		v4->sin_addr.s_addr = htonl(ntohl(v4->sin_addr.s_addr) + plus);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, addr->bytes, 16);
	v6->sin6_addr.s6_addr32[3] = htonl(ntohl(v6->sin6_addr.s6_addr32[3]) + plus);
	return sizeof(*v6);
}

/* ---- visiting ---------------------------------------------------------------------------------*/

static void end_visit(struct visiting *v, struct visit *visit, bool answered)
{
	v->answered += answered;
	close(visit->fd);
	visit->fd = -1;
}

static void begin_visit(struct visiting *v, const struct ip_addr *from, const struct ip_addr *to,
	const struct options *o, uint64_t now_ns)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.u64 = v->count };
	struct visit *visit = &v->visit[v->count];
	struct sockaddr_storage local, remote;
	socklen_t size = make_address(from, (uint32_t)(v->count % o->sources), 0, &local);
	int one = 1;

	v->count++;
	make_address(to, 0, o->port, &remote);
	visit->began_ns = now_ns;
	visit->fd = socket(local.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (visit->fd < 0)
		return;
	setsockopt(visit->fd, SOL_IP, IP_FREEBIND, &one, sizeof(one));
	setsockopt(visit->fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(visit->fd, (struct sockaddr *)&local, size) ||
		(connect(visit->fd, (struct sockaddr *)&remote, size) && errno != EINPROGRESS) ||
		epoll_ctl(v->epoll, EPOLL_CTL_ADD, visit->fd, &event))
		end_visit(v, visit, false);
}

static void on_ready(struct visiting *v, size_t index, uint64_t now_ns)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = index };
	struct visit *visit = &v->visit[index];
	char answer[64];
	int error = 0;
	socklen_t size = sizeof(error);

	if (visit->fd < 0)
		return;
	if (!visit->connected) {
		getsockopt(visit->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		visit->connected = true;
		if (!error) {
			v->connect_ms[v->connect_count++] = (double)(now_ns - visit->began_ns) / NS_PER_MS;
			epoll_ctl(v->epoll, EPOLL_CTL_MOD, visit->fd, &event);
		}
		if (error || send(visit->fd, line, sizeof(line) - 1, MSG_NOSIGNAL) < 0)
			end_visit(v, visit, false);
		return;
	}
	end_visit(v, visit, recv(visit->fd, answer, sizeof(answer), 0) > 0);
}

static void drop_late(struct visiting *v, uint64_t now_ns, uint64_t timeout_ns)
{
	while (v->oldest < v->count) {
		struct visit *visit = &v->visit[v->oldest];

		if (visit->fd >= 0 && clock_since_ns(now_ns, visit->began_ns) < timeout_ns)
			return;
		if (visit->fd >= 0)
			end_visit(v, visit, false);
		v->oldest++;
	}
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static void print_visits(struct visiting *v)
{
	size_t n = v->connect_count;

	qsort(v->connect_ms, n, sizeof(v->connect_ms[0]), compare);
	printf("attempted %zu answered %zu p50_ms %.1f p99_ms %.1f worst_ms %.1f\n", v->count, v->answered,
		n ? v->connect_ms[n / 2] : 0, n ? v->connect_ms[n * 99 / 100] : 0, n ? v->connect_ms[n - 1] : 0);
}

static int run_visit(const struct options *o)
{
	size_t total = (size_t)(o->rate * o->seconds);
	struct visiting v = { .visit = calloc(VISITS_MAX, sizeof(struct visit)),
		.connect_ms = calloc(VISITS_MAX, sizeof(double)),
		.epoll = epoll_create1(EPOLL_CLOEXEC) };
	uint64_t began_ns = clock_mono_ns(), now_ns;
	struct epoll_event events[EVENTS];
	struct ip_addr from, to;

	if (!v.visit || !v.connect_ms || total > VISITS_MAX || !o->from || !o->to ||
		ip_addr_parse(bytes_from_str(o->from), &from) || ip_addr_parse(bytes_from_str(o->to), &to)) {
		fprintf(stderr, "visitors: cannot visit %s from %s\n", o->to, o->from);
		free(v.visit);
		free(v.connect_ms);
		return 2;
	}
	while (v.count < total || v.oldest < v.count) {
		int count = epoll_wait(v.epoll, events, EVENTS, 1);

		now_ns = clock_mono_ns();
		for (int i = 0; i < count; i++)
			on_ready(&v, events[i].data.u64, now_ns);
		while (v.count < total && (double)v.count < (double)(now_ns - began_ns) / NS_PER_S * o->rate)
			begin_visit(&v, &from, &to, o, clock_mono_ns());
		drop_late(&v, now_ns, o->timeout_ns);
	}
	print_visits(&v);
	free(v.visit);
	free(v.connect_ms);
	return 0;
}

/* ---- serving ----------------------------------------------------------------------------------*/

static int listen_on(uint16_t port)
{
	struct sockaddr_in6 local = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, off = 0;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	return bind(fd, (struct sockaddr *)&local, sizeof(local)) || listen(fd, 4096) ? -1 : fd;
}

static void serve_one(int epoll, int listener, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	char text[256];

	if (fd == listener) {
		while ((event.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
			epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
		return;
	}
	if (recv(fd, text, sizeof(text), 0) > 0 && send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL) > 0)
		return;
	close(fd);
}

static int run_serve(const struct options *o)
{
	struct epoll_event events[EVENTS], first = { .events = EPOLLIN };
	int listener = listen_on(o->port), epoll = epoll_create1(EPOLL_CLOEXEC);

	first.data.fd = listener;
	if (listener < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &first)) {
		fprintf(stderr, "visitors: cannot listen on port %u: %s\n", o->port, strerror(errno));
		return 1;
	}
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++)
			serve_one(epoll, listener, events[i].data.fd);
	}
}

static int usage(void)
{
	fprintf(stderr, "usage: visitors serve --port N\n"
			"       visitors visit --from ADDR --sources N --to ADDR --port N --rate CPS --seconds S "
			"[--timeout-ms MS]\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option names[] = { { "from", 1, NULL, 'f' }, { "sources", 1, NULL, 'n' },
		{ "to", 1, NULL, 't' }, { "port", 1, NULL, 'p' }, { "rate", 1, NULL, 'r' }, { "seconds", 1, NULL, 's' },
		{ "timeout-ms", 1, NULL, 'w' }, { NULL, 0, NULL, 0 } };
	const struct rlimit files = { OPEN_MAX_FILES, OPEN_MAX_FILES };
	struct options o = { .sources = 1, .rate = 100, .seconds = 1, .timeout_ns = 3 * NS_PER_S };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'f':
			o.from = optarg;
			break;
		case 'n':
			o.sources = (uint32_t)atoi(optarg);
			break;
		case 't':
			o.to = optarg;
			break;
		case 'p':
			o.port = (uint16_t)atoi(optarg);
			break;
		case 'r':
			o.rate = atof(optarg);
			break;
		case 's':
			o.seconds = atof(optarg);
			break;
		case 'w':
			o.timeout_ns = strtoull(optarg, NULL, 10) * NS_PER_MS;
			break;
		default:
			return usage();
		}
	}
	if (optind + 1 != argc || !o.port || !o.sources || o.rate <= 0)
		return usage();
	setrlimit(RLIMIT_NOFILE, &files);
	return strcmp(argv[optind], "serve") ? strcmp(argv[optind], "visit") ? usage() : run_visit(&o) : run_serve(&o);
}
