// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/hub/fleet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "bus/batch.h"
#include "bus/delta.h"

enum {
	TEXT_MAX = 512 << 10,
	REQUEST_MAX = 512,
	HANDSHAKES_MAX = 32, /* at a time: an edge does not come with all others */
	READY_MAX_S = 120,
	TABLE_SIZE = 4096, /* prefixes of one edge that are kept: for what is watched here */
	EVENTS_MAX = 256,
};

enum state { CLOSED, CONNECTING, HANDSHAKE, SENDING, READING };

struct connection {
	struct member *member;
	bool is_stream;
	enum state state;
	int fd;
	SSL *ssl;
	char request[REQUEST_MAX];
	size_t request_size, request_sent;
	char *text; /* what was read and is not yet understood */
	size_t text_size, text_capacity;
	bool has_head; /* of a stream: the status line was seen */
};

struct member {
	struct fleet *fleet;
	size_t index;
	SSL_CTX *tls;
	struct connection stream, post;
	uint64_t epoch, have, told; /* told: what was acknowledged last */
	bool stands; /* what is watched */
	bool stands_sent; /* the acknowledgement under way speaks of it */
	struct ip_prefix table[TABLE_SIZE];
	uint64_t ids[TABLE_SIZE];
	size_t table_count;
	_Atomic uint64_t heard_ns, told_ns;
};

struct fleet {
	const struct nation *nation;
	uint16_t port;
	int epoll_fd;
	pthread_t thread;
	atomic_bool stop;
	pthread_mutex_t lock; /* of what is watched and the tables */
	bool watching, watching_epoch;
	struct ip_prefix prefix;
	size_t handshakes;
	_Atomic size_t hearing, heard, told;
	_Atomic uint64_t gaps, failures;
	struct delta *delta;
	size_t member_count;
	struct member *members;
};

static void die(const char *what)
{
	fprintf(stderr, "bench-hub: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- Connections ---- */

static SSL_CTX *tls_of(const struct nation *nation, size_t edge)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

	if (!tls || SSL_CTX_use_certificate(tls, nation->edges[edge].certificate) != 1 ||
		SSL_CTX_use_PrivateKey(tls, nation->edges[edge].key) != 1 ||
		X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), nation->authority) != 1)
		die("the certificate of an edge");
	SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	return tls;
}

static SSL *ssl_of(SSL_CTX *tls, int fd)
{
	SSL *ssl = SSL_new(tls);

	if (!ssl || SSL_set1_host(ssl, "localhost") != 1 || SSL_set_fd(ssl, fd) != 1)
		die("TLS");
	SSL_set_connect_state(ssl);
	return ssl;
}

static int connect_to(uint16_t port, bool wait)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK), 0), one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		die("a socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

static void watch_events(struct connection *c, uint32_t events, int operation)
{
	struct epoll_event event = { .events = events, .data.ptr = c };

	if (epoll_ctl(c->member->fleet->epoll_fd, operation, c->fd, &event))
		die("epoll");
}

static void begin(struct connection *c)
{
	struct fleet *fleet = c->member->fleet;

	c->fd = connect_to(fleet->port, false);
	if (c->fd < 0)
		die("the hub");
	c->ssl = ssl_of(c->member->tls, c->fd);
	c->state = CONNECTING;
	c->has_head = false;
	c->text_size = 0;
	fleet->handshakes++;
	watch_events(c, EPOLLOUT, EPOLL_CTL_ADD);
}

static void finish(struct connection *c)
{
	struct fleet *fleet = c->member->fleet;

	if (c->state == CONNECTING || c->state == HANDSHAKE)
		fleet->handshakes--;
	if (c->is_stream && c->has_head)
		fleet->hearing--;
	SSL_free(c->ssl);
	close(c->fd);
	c->state = CLOSED;
	c->ssl = NULL;
}

/* ---- What is asked ---- */

static void ask_stream(struct connection *c)
{
	/* HTTP/1.0: the answer comes without chunks. */
	c->request_size = (size_t)snprintf(c->request, sizeof(c->request),
		"GET /edge/v1/stream?topics=decisions HTTP/1.0\r\nHost: localhost\r\nAccept: "
		"text/event-stream\r\n\r\n");
}

static void ask_ack(struct connection *c)
{
	struct member *m = c->member;
	char body[192];
	int size = snprintf(body, sizeof(body), "{\"epoch\":%llu,\"number\":%llu,\"policy\":0,\"at\":%llu}",
		(unsigned long long)m->epoch, (unsigned long long)m->have,
		(unsigned long long)(clock_real_ns() / NS_PER_US));

	m->told = m->have;
	m->stands_sent = m->stands;
	c->request_size = (size_t)snprintf(c->request, sizeof(c->request),
		"POST /edge/v1/acks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
		"%d\r\n\r\n%s",
		size, body);
	c->request_sent = 0;
	c->state = SENDING;
}

static void note_told(struct member *m)
{
	if (m->stands_sent && !m->told_ns) {
		m->told_ns = clock_mono_ns();
		m->fleet->told++;
	}
}

/* ---- What is heard ---- */

static void put(struct member *m, const struct delta_change *change)
{
	for (size_t i = 0; i < m->table_count; i++) {
		if (m->ids[i] == change->id) {
			m->table[i] = change->prefix;
			return;
		}
	}
	if (m->table_count < TABLE_SIZE) {
		m->ids[m->table_count] = change->id;
		m->table[m->table_count++] = change->prefix;
	}
}

static void lift(struct member *m, uint64_t id)
{
	for (size_t i = 0; i < m->table_count; i++) {
		if (m->ids[i] != id)
			continue;
		m->ids[i] = m->ids[--m->table_count];
		m->table[i] = m->table[m->table_count];
		return;
	}
}

static bool same_prefix(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->length == b->length && a->addr.family == b->addr.family &&
	       !memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));
}

static void note_heard(struct member *m)
{
	m->stands = true;
	if (!m->heard_ns) {
		m->heard_ns = clock_mono_ns();
		m->fleet->heard++;
	}
}

static void apply(struct member *m, const struct delta *delta)
{
	struct fleet *fleet = m->fleet;
	bool new_epoch = m->epoch && delta->epoch != m->epoch;

	pthread_mutex_lock(&fleet->lock);
	if (!new_epoch && m->epoch && delta->from > m->have)
		fleet->gaps++;
	if (new_epoch)
		m->table_count = 0;
	if (new_epoch && fleet->watching_epoch)
		note_heard(m);
	for (uint32_t i = 0; i < delta->change_count; i++) {
		const struct delta_change *change = &delta->changes[i];

		if (change->op == DELTA_LIFT || change->action != DELTA_BLOCK)
			lift(m, change->id);
		else
			put(m, change);
		if (change->op == DELTA_PUT && fleet->watching && same_prefix(&change->prefix, &fleet->prefix))
			note_heard(m);
	}
	m->epoch = delta->epoch;
	m->have = delta->to;
	pthread_mutex_unlock(&fleet->lock);
}

static void drive(struct connection *c);

/* Whole lines of the stream; the rest stays. */
static void read_stream(struct connection *c)
{
	struct member *m = c->member;
	char *line = c->text, *end;

	while ((end = memchr(line, '\n', c->text_size - (size_t)(line - c->text)))) {
		struct bytes in = bytes_of(line, (size_t)(end - line));

		if (!c->has_head && bytes_starts_with(in, bytes_from_str("HTTP/1."))) {
			c->has_head = in.size > 12 && !memcmp(line + 9, "200", 3);
			if (c->has_head)
				m->fleet->hearing++;
			else
				m->fleet->failures++;
		}
		if (bytes_starts_with(in, bytes_from_str("data: {")) && !delta_read(bytes_skip(in, 6), m->fleet->delta))
			apply(m, m->fleet->delta);
		line = end + 1;
	}
	c->text_size -= (size_t)(line - c->text);
	memmove(c->text, line, c->text_size);
	if (m->have != m->told && m->post.state == READING && !m->post.request_size) {
		ask_ack(&m->post);
		drive(&m->post);
	}
}

/* An answer to an acknowledgement: only its head, a 204. */
static void read_post(struct connection *c)
{
	struct member *m = c->member;

	c->text[c->text_size] = '\0';
	if (!strstr(c->text, "\r\n\r\n"))
		return;
	if (!strncmp(c->text, "HTTP/1.1 204", 12))
		note_told(m);
	else
		m->fleet->failures++;
	c->text_size = 0;
	c->request_size = 0;
	if (m->have != m->told || (m->stands && !m->stands_sent))
		ask_ack(c);
}

static void read_all(struct connection *c)
{
	for (;;) {
		int n;

		if (c->text_size + (32 << 10) > c->text_capacity) {
			c->text_capacity = c->text_capacity ? 2 * c->text_capacity : 64 << 10;
			c->text = c->text_capacity <= TEXT_MAX ? realloc(c->text, c->text_capacity) : NULL;
			if (!c->text)
				die("memory");
		}
		n = SSL_read(c->ssl, c->text + c->text_size, 16 << 10);
		if (n <= 0) {
			if (SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_READ)
				finish(c);
			return;
		}
		c->text_size += (size_t)n;
		if (c->is_stream)
			read_stream(c);
		else
			read_post(c);
		if (c->state != READING)
			return;
	}
}

static void drive(struct connection *c)
{
	int n;

	if (c->state == CONNECTING)
		c->state = HANDSHAKE;
	if (c->state == HANDSHAKE) {
		n = SSL_do_handshake(c->ssl);
		if (n != 1) {
			int error = SSL_get_error(c->ssl, n);

			if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
				watch_events(c, error == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT, EPOLL_CTL_MOD);
			else
				finish(c);
			return;
		}
		c->member->fleet->handshakes--;
		watch_events(c, EPOLLIN, EPOLL_CTL_MOD);
		c->state = READING;
		c->request_size = c->request_sent = 0;
		if (c->is_stream) {
			ask_stream(c);
			c->state = SENDING;
		}
	}
	while (c->state == SENDING || c->state == READING) {
		if (c->state == SENDING) {
			/* A few hundred bytes: they fit into the socket's buffer. */
			if (SSL_write(c->ssl, c->request, (int)c->request_size) != (int)c->request_size) {
				finish(c);
				return;
			}
			c->state = READING;
		}
		read_all(c);
		if (c->state != SENDING)
			return;
	}
}

/* ---- The thread ---- */

static void begin_some(struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->member_count && fleet->handshakes < HANDSHAKES_MAX; i++) {
		struct member *m = &fleet->members[i];

		if (m->stream.state == CLOSED)
			begin(&m->stream);
		if (m->post.state == CLOSED)
			begin(&m->post);
	}
}

static void *run(void *context)
{
	struct fleet *fleet = context;
	struct epoll_event events[EVENTS_MAX];
	uint64_t looked_ns = 0;

	while (!fleet->stop) {
		int count = epoll_wait(fleet->epoll_fd, events, EVENTS_MAX, 5);

		for (int i = 0; i < count; i++)
			drive(events[i].data.ptr);
		if (fleet->hearing < fleet->member_count || clock_mono_ns() - looked_ns > NS_PER_S / 4) {
			begin_some(fleet);
			looked_ns = clock_mono_ns();
		}
	}
	return NULL;
}

struct fleet *fleet_new(const struct nation *nation, uint16_t port)
{
	struct fleet *fleet = calloc(1, sizeof(*fleet));
	uint64_t began_ns = clock_mono_ns();

	if (!fleet)
		die("memory");
	fleet->nation = nation;
	fleet->port = port;
	fleet->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	fleet->delta = calloc(1, sizeof(*fleet->delta));
	fleet->member_count = nation->edge_count;
	fleet->members = calloc(fleet->member_count, sizeof(*fleet->members));
	pthread_mutex_init(&fleet->lock, NULL);
	if (fleet->epoll_fd < 0 || !fleet->delta || !fleet->members)
		die("memory");
	for (size_t i = 0; i < fleet->member_count; i++) {
		struct member *m = &fleet->members[i];

		*m = (struct member){ .fleet = fleet, .index = i, .tls = tls_of(nation, i) };
		m->stream = (struct connection){ .member = m, .is_stream = true, .fd = -1 };
		m->post = (struct connection){ .member = m, .fd = -1 };
	}
	if (pthread_create(&fleet->thread, NULL, run, fleet))
		die("a thread");
	while (fleet->hearing < fleet->member_count) {
		if (clock_mono_ns() - began_ns > READY_MAX_S * NS_PER_S) {
			fprintf(stderr, "bench-hub: only %zu of %zu edges hear the hub\n", fleet->hearing,
				fleet->member_count);
			exit(1);
		}
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	return fleet;
}

static void release(struct connection *c)
{
	if (c->state != CLOSED)
		finish(c);
	free(c->text);
}

void fleet_free(struct fleet *fleet)
{
	fleet->stop = true;
	pthread_join(fleet->thread, NULL);
	for (size_t i = 0; i < fleet->member_count; i++) {
		release(&fleet->members[i].stream);
		release(&fleet->members[i].post);
		SSL_CTX_free(fleet->members[i].tls);
	}
	close(fleet->epoll_fd);
	pthread_mutex_destroy(&fleet->lock);
	free(fleet->members);
	free(fleet->delta);
	free(fleet);
}

/* ---- Watching ---- */

static void watch(struct fleet *fleet, const struct ip_prefix *prefix)
{
	pthread_mutex_lock(&fleet->lock);
	for (size_t i = 0; i < fleet->member_count; i++) {
		struct member *m = &fleet->members[i];

		m->stands = m->stands_sent = false;
		m->heard_ns = m->told_ns = 0;
	}
	fleet->heard = fleet->told = 0;
	fleet->watching = prefix != NULL;
	fleet->watching_epoch = !prefix;
	if (prefix)
		fleet->prefix = *prefix;
	pthread_mutex_unlock(&fleet->lock);
}

void fleet_watch(struct fleet *fleet, const struct ip_prefix *prefix)
{
	watch(fleet, prefix);
}

void fleet_watch_epoch(struct fleet *fleet)
{
	watch(fleet, NULL);
}

bool fleet_wait(struct fleet *fleet, uint32_t timeout_ms)
{
	uint64_t until_ns = clock_mono_ns() + timeout_ms * NS_PER_MS;

	while (fleet->heard < fleet->member_count || fleet->told < fleet->member_count) {
		if (clock_mono_ns() > until_ns)
			return false;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return true;
}

struct fleet_times fleet_times_of(struct fleet *fleet, size_t edge)
{
	return (struct fleet_times){ fleet->members[edge].heard_ns, fleet->members[edge].told_ns };
}

size_t fleet_standing(struct fleet *fleet, size_t edge)
{
	size_t count;

	pthread_mutex_lock(&fleet->lock);
	count = fleet->members[edge].table_count;
	pthread_mutex_unlock(&fleet->lock);
	return count;
}

bool fleet_has(struct fleet *fleet, size_t edge, const struct ip_prefix *prefix)
{
	struct member *m = &fleet->members[edge];
	bool found = false;

	pthread_mutex_lock(&fleet->lock);
	for (size_t i = 0; i < m->table_count && !found; i++)
		found = same_prefix(&m->table[i], prefix);
	pthread_mutex_unlock(&fleet->lock);
	return found;
}

uint64_t fleet_gaps(struct fleet *fleet)
{
	return fleet->gaps + fleet->failures;
}

/* ---- Batches ---- */

struct sender {
	SSL_CTX *tls;
	SSL *ssl;
	int fd;
	uint32_t edge;
	char boot[BATCH_BOOT_SIZE];
	struct batch_writer *writer;
};

static bool sender_connect(struct sender *sender, uint16_t port)
{
	sender->fd = connect_to(port, true);
	if (sender->fd < 0)
		return false;
	sender->ssl = ssl_of(sender->tls, sender->fd);
	return SSL_do_handshake(sender->ssl) == 1;
}

struct sender *sender_new(const struct nation *nation, size_t edge, uint16_t port)
{
	struct sender *sender = calloc(1, sizeof(*sender));

	if (!sender || batch_writer_new(&sender->writer))
		die("memory");
	sender->tls = tls_of(nation, edge);
	sender->edge = nation->edges[edge].id;
	snprintf(sender->boot, sizeof(sender->boot), "%032zx", edge + 1);
	if (sender_connect(sender, port))
		return sender;
	sender_free(sender);
	return NULL;
}

void sender_free(struct sender *sender)
{
	if (!sender)
		return;
	SSL_free(sender->ssl);
	if (sender->fd >= 0)
		close(sender->fd);
	SSL_CTX_free(sender->tls);
	batch_writer_free(sender->writer);
	free(sender);
}

/* Head and body; the status. */
static int read_answer(struct sender *sender)
{
	char text[8192];
	size_t size = 0;
	int status = 0;

	for (;;) {
		int n = SSL_read(sender->ssl, text + size, (int)(sizeof(text) - 1 - size));
		char *end, *length;

		if (n <= 0)
			return 0;
		size += (size_t)n;
		text[size] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (!end)
			continue;
		length = strcasestr(text, "\r\nContent-Length:");
		status = atoi(text + 9);
		if (!length || size >= (size_t)(end + 4 - text) + strtoul(length + 17, NULL, 10))
			return status;
	}
}

int sender_send(struct sender *sender, uint64_t seq, const char *lines)
{
	struct batch_head head = {
		.edge = sender->edge, .seq = seq, .made_us = (int64_t)(clock_real_ns() / NS_PER_US)
	};
	struct bytes rest = bytes_from_str(lines), packed;
	char request[REQUEST_MAX];
	int size;

	memcpy(head.boot, sender->boot, sizeof(head.boot));
	while (rest.size) {
		const char *end = memchr(rest.ptr, '\n', rest.size);
		size_t line_size = end ? (size_t)(end - (const char *)rest.ptr) : rest.size;

		if (batch_add(sender->writer, bytes_of(rest.ptr, line_size)))
			die("a batch");
		rest = bytes_skip(rest, end ? line_size + 1 : line_size);
	}
	if (batch_pack(sender->writer, &head, &packed))
		die("a batch");
	size = snprintf(request, sizeof(request),
		"POST /edge/v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
		"application/zstd\r\nContent-Length: "
		"%zu\r\n\r\n",
		packed.size);
	if (SSL_write(sender->ssl, request, size) != size ||
		SSL_write(sender->ssl, packed.ptr, (int)packed.size) != (int)packed.size)
		return 0;
	return read_answer(sender);
}

void fleet_line(char *line, size_t line_size, const char *source, uint16_t source_port, const struct ip_addr *target,
	uint32_t rule)
{
	char stamp[40], address[IP_ADDR_TEXT_SIZE];
	time_t now = time(NULL);
	struct tm parts;

	gmtime_r(&now, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &parts);
	snprintf(line, line_size,
		"{\"timestamp\":\"%s\",\"event_type\":\"gate\",\"src_ip\":\"%s\",\"src_port\":%u,\"dest_ip\":\"%s\","
		"\"dest_port\":443,\"proto\":\"TCP\",\"gate\":{\"action\":\"deny\",\"wanted\":\"deny\",\"shadow\":"
		"false,"
		"\"rule\":%u%s,\"reason\":\"rule\"},\"rules\":[{\"id\":%u,\"msg\":\"Log4Shell\"}],"
		"\"http\":{\"url\":\"/tim?q=x\"}}",
		stamp, source, source_port, ip_addr_format(target, address), rule,
		rule >= 8100000 ? ",\"hold\":\"CVE-2021-44228\"" : "", rule);
}
