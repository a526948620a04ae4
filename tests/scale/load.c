// SPDX-License-Identifier: Apache-2.0
/* Edges that send batches to hubs which are being killed, and write down what was acknowledged. scale.py starts it and compares.
 *
 *	luytre-scale-load --parent DIR --control PLACE --events PLACE --edges N --port PORT --log FILE --heard FILE
 *
 * Makes tenants and edges in the stores, says "dir DIR" (the folder with the keys; the hubs get copies), and then obeys lines of standard
 * input: "go" and "pause" (answered with "paused" when nobody waits for an answer any more), "end". Each line of the log is an
 * acknowledgement: nanoseconds of the monotonic clock, edge, number of the batch, microseconds that the answer took.
 *
 * Event I (from 1) of batch S of edge E has the source address 45.E.S/256.S%256 and port I. The last one of each eighth batch has been seen by a
 * hold of the platform, from 46.E.S/256.S%256: one such report makes a decision. The first edge also listens for decisions, and connects
 * again when it is cut off; each line of --heard is the clock and a line that it heard, or why it was cut off. */
#include <curl/curl.h>
#include <getopt.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "tests/bench/hub/fleet.h"

enum { LOADS_MAX = 64, LINES = 50, LINE_SIZE = 1024, DECIDE_EACH = 8, RULE = 949110, HOLD = 8100001, PACE_MS = 100 };

static const struct timespec moment = { .tv_nsec = 20000000 };

struct shared {
	struct nation nation;
	uint16_t port;
	FILE *log, *heard;
	pthread_mutex_t lock; /* of the log */
	atomic_bool runs, end;
	_Atomic unsigned int busy; /* threads that wait for an answer */
};

struct edge_load {
	struct shared *shared;
	size_t edge;
	pthread_t thread;
	uint64_t acked;
};

static void fill(char *text, const struct nation *nation, size_t edge, uint64_t seq)
{
	struct ip_addr target = nation_target(nation, (uint32_t)edge, 0);
	size_t size = 0;

	for (uint16_t i = 1; i <= LINES; i++) {
		bool decides = i == LINES && seq % DECIDE_EACH == 0;
		char source[32], line[LINE_SIZE];

		snprintf(source, sizeof(source), "%d.%zu.%u.%u", decides ? 46 : 45, edge,
			(unsigned int)(seq >> 8) & 255, (unsigned int)seq & 255);
		fleet_line(line, sizeof(line), source, i, &target, decides ? HOLD : RULE);
		size += (size_t)snprintf(
			text + size, (size_t)LINES * LINE_SIZE - size, "%s%s", i > 1 ? "\n" : "", line);
	}
}

static void note(struct edge_load *load, uint64_t took_ns)
{
	struct shared *shared = load->shared;

	pthread_mutex_lock(&shared->lock);
	fprintf(shared->log, "%llu %zu %llu %llu\n", (unsigned long long)clock_mono_ns(), load->edge,
		(unsigned long long)load->acked, (unsigned long long)(took_ns / NS_PER_US));
	fflush(shared->log);
	pthread_mutex_unlock(&shared->lock);
}

static void send_one(struct edge_load *load, struct sender **sender, char *text, bool *filled)
{
	uint64_t began_ns;
	int status;

	if (!*sender)
		*sender = sender_new(&load->shared->nation, load->edge, load->shared->port);
	if (!*sender) {
		nanosleep(&moment, NULL);
		return;
	}
	if (!*filled)
		fill(text, &load->shared->nation, load->edge, load->acked + 1);
	*filled = true; /* the same text until it is acknowledged */
	began_ns = clock_mono_ns();
	status = sender_send(*sender, load->acked + 1, text);
	if (status == 200) {
		load->acked++;
		*filled = false;
		note(load, clock_mono_ns() - began_ns);
		nanosleep(&(struct timespec){ .tv_nsec = PACE_MS * 1000000L }, NULL);
	} else if (status == 0) {
		sender_free(*sender);
		*sender = NULL;
		nanosleep(&moment, NULL);
	} else {
		nanosleep(&moment, NULL);
	}
}

static void *run(void *context)
{
	struct edge_load *load = context;
	struct shared *shared = load->shared;
	struct sender *sender = NULL;
	char *text = malloc((size_t)LINES * LINE_SIZE);
	bool filled = false;

	while (text && !shared->end) {
		shared->busy++;
		if (shared->runs)
			send_one(load, &sender, text, &filled);
		shared->busy--;
		if (!shared->runs)
			nanosleep(&moment, NULL);
	}
	sender_free(sender);
	free(text);
	return NULL;
}

/* ---- Listening ---- */

struct listener {
	struct shared *shared;
	pthread_t thread;
	char line[65536];
	size_t size;
};

static size_t hear(char *data, size_t size, size_t count, void *context)
{
	struct listener *listener = context;

	for (size_t i = 0; i < size * count; i++) {
		if (data[i] != '\n' && listener->size < sizeof(listener->line) - 1) {
			listener->line[listener->size++] = data[i];
			continue;
		}
		listener->line[listener->size] = '\0';
		fprintf(listener->shared->heard, "%llu %s\n", (unsigned long long)clock_mono_ns(), listener->line);
		listener->size = 0;
	}
	fflush(listener->shared->heard);
	return listener->shared->end ? 0 : size * count;
}

static struct curl_blob blob_of(BIO *bio)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);

	return (struct curl_blob){ .data = data, .len = (size_t)size, .flags = CURL_BLOB_COPY };
}

/* The edge's certificate, its key and the authority, which are nowhere but in memory. */
static void set_identity(CURL *curl, const struct nation *nation)
{
	BIO *certificate = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem()), *authority = BIO_new(BIO_s_mem());
	struct curl_blob blob;

	if (!certificate || !key || !authority || !PEM_write_bio_X509(certificate, nation->edges[0].certificate) ||
		!PEM_write_bio_PrivateKey(key, nation->edges[0].key, NULL, NULL, 0, NULL, NULL) ||
		!PEM_write_bio_X509(authority, nation->authority))
		abort();
	blob = blob_of(certificate);
	curl_easy_setopt(curl, CURLOPT_SSLCERT_BLOB, &blob);
	blob = blob_of(key);
	curl_easy_setopt(curl, CURLOPT_SSLKEY_BLOB, &blob);
	blob = blob_of(authority);
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
	BIO_free(certificate);
	BIO_free(key);
	BIO_free(authority);
}

static void *listen_on(void *context)
{
	struct listener *listener = context;
	struct shared *shared = listener->shared;
	CURL *curl = curl_easy_init();
	char url[80];

	if (!curl)
		abort();
	snprintf(url, sizeof(url), "https://localhost:%u/edge/v1/stream?topics=decisions", shared->port);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 2000L);
	curl_easy_setopt(
		curl, CURLOPT_LOW_SPEED_LIMIT, 1L); /* the hub says where edges should stand each five seconds */
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 12L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, hear);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, listener);
	set_identity(curl, &shared->nation);
	while (!shared->end) {
		listener->size = 0;
		fprintf(shared->heard, "%llu -- %s\n", (unsigned long long)clock_mono_ns(),
			curl_easy_strerror(curl_easy_perform(curl)));
		nanosleep(&moment, NULL);
	}
	curl_easy_cleanup(curl);
	return NULL;
}

/* ---- */

static void obey(struct shared *shared)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin) && strcmp(line, "end\n") != 0) {
		shared->runs = strcmp(line, "go\n") == 0;
		while (!shared->runs && shared->busy)
			nanosleep(&moment, NULL);
		puts(shared->runs ? "goes" : "paused");
		fflush(stdout);
	}
	shared->runs = false;
	shared->end = true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "parent", 1, NULL, 'd' }, { "control", 1, NULL, 'c' },
		{ "events", 1, NULL, 'e' }, { "edges", 1, NULL, 'n' }, { "port", 1, NULL, 'p' },
		{ "log", 1, NULL, 'l' }, { "heard", 1, NULL, 'h' }, { 0 } };
	struct shared shared = { .lock = PTHREAD_MUTEX_INITIALIZER };
	const char *parent = "/var/tmp", *control = NULL, *events = NULL, *log = NULL, *heard = NULL;
	struct listener listener = { .shared = &shared };
	struct edge_load loads[LOADS_MAX];
	unsigned long edges = 4;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			parent = optarg;
			break;
		case 'c':
			control = optarg;
			break;
		case 'e':
			events = optarg;
			break;
		case 'n':
			edges = strtoul(optarg, NULL, 10);
			break;
		case 'p':
			shared.port = (uint16_t)strtoul(optarg, NULL, 10);
			break;
		case 'l':
			log = optarg;
			break;
		case 'h':
			heard = optarg;
			break;
		default:
			return 2;
		}
	}
	if (!log || !heard || !shared.port || edges == 0 || edges > LOADS_MAX || !(shared.log = fopen(log, "we")) ||
		!(shared.heard = fopen(heard, "we")))
		return 2;
	signal(SIGPIPE, SIG_IGN);
	nation_make_at(&shared.nation, parent, control, events, edges, (uint32_t)edges, 1, false);
	printf("dir %s\n", shared.nation.dir);
	fflush(stdout);
	for (size_t i = 0; i < edges; i++) {
		loads[i] = (struct edge_load){ .shared = &shared, .edge = i };
		if (pthread_create(&loads[i].thread, NULL, run, &loads[i]))
			abort();
	}
	if (pthread_create(&listener.thread, NULL, listen_on, &listener))
		abort();
	obey(&shared);
	pthread_join(listener.thread, NULL);
	for (size_t i = 0; i < edges; i++)
		pthread_join(loads[i].thread, NULL);
	fclose(shared.log);
	fclose(shared.heard);
	nation_done(&shared.nation);
	return 0;
}
