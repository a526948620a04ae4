// SPDX-License-Identifier: Apache-2.0
/* What the console's pages ask, over a day with ten million events: a page is there when its slowest answer is. */
#include <curl/curl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "hub/events/sample.h"
#include "tests/bench/hub/cases.h"
#include "tests/bench/hub/nation.h"
#include "tests/bench/hub/program.h"

enum {
	TENANTS = 200,
	EVENTS = 10000000,
	CHUNK = EV_BATCH_MAX,
	RUNS = 5,
	ANSWER_MAX = 8 << 20,
	PAGE_MS = 1000,
	ASK_MAX = 4
};

static const struct page {
	const char *name;
	const char *asks[ASK_MAX]; /* what it cannot do without */
} pages[] = {
	{ "situation board", { "/overview?hours=24" } },
	{ "organisations", { "/tenants?limit=100" } },
	{ "one organisation", { "/tenants/1", "/tenants/1/systems?limit=100", "/overview?tenant=1&hours=24",
				      "/event-top?what=rule&limit=10&tenant=1" } },
	{ "events", { "/events?limit=100", "/event-counts?by=action&step_s=3600" } },
	{ "events, most frequent sources", { "/event-top?what=source&limit=10" } },
	{ "events of one source", { "/events?limit=100&source=45.1.1.1" } },
	{ "campaigns", { "/campaigns?limit=100" } },
	{ "shield", { "/shield", "/decisions?limit=20&state=standing" } },
	{ "decisions", { "/decisions?limit=100" } },
	{ "policies", { "/policies?limit=100" } },
	{ "edges", { "/edges?limit=100" } },
	{ "audit", { "/audit?limit=100" } },
};

struct answer {
	char *text;
	size_t size;
};

struct client {
	CURL *curl;
	char socket[256];
	struct curl_slist *headers;
	struct answer answer;
	char cookie[256];
};

static size_t take(char *data, size_t unit, size_t count, void *context)
{
	struct answer *answer = context;

	if (answer->size + count >= ANSWER_MAX)
		return 0;
	memcpy(answer->text + answer->size, data, count);
	answer->size += count;
	answer->text[answer->size] = '\0';
	return count;
}

static size_t take_header(char *data, size_t unit, size_t count, void *context)
{
	struct client *client = context;

	if (count > 12 && !strncasecmp(data, "set-cookie: ", 12))
		snprintf(client->cookie, sizeof(client->cookie), "Cookie: %.*s", (int)strcspn(data + 12, ";\r\n"),
			data + 12);
	return count;
}

/* The status; the body in client->answer. */
static long ask(struct client *client, const char *path, const char *body)
{
	char url[256];
	long status = 0;

	client->answer.size = 0;
	snprintf(url, sizeof(url), "http://localhost/api/v1%s", path);
	curl_easy_setopt(client->curl, CURLOPT_URL, url);
	if (body)
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body);
	else
		curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
	if (curl_easy_perform(client->curl) == CURLE_OK)
		curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* An auditor sees everything and changes nothing. */
static bool log_in(struct client *client, const struct program *hub, const char *dir)
{
	char *text = program_ask(hub, "account bench auditor"), body[512];
	json_t *reply = text ? json_loads(text, 0, NULL) : NULL;
	const char *password = json_string_value(json_object_get(reply, "password"));

	client->curl = curl_easy_init();
	client->answer.text = malloc(ANSWER_MAX);
	if (!client->curl || !client->answer.text)
		abort();
	snprintf(client->socket, sizeof(client->socket), "%s/console.sock", dir);
	client->headers = curl_slist_append(NULL, "Content-Type: application/json");
	curl_easy_setopt(client->curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->headers);
	curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &client->answer);
	curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, client);
	snprintf(body, sizeof(body), "{\"login\":\"bench\",\"password\":\"%s\"}", password ? password : "");
	json_decref(reply);
	free(text);
	if (ask(client, "/session", body) / 100 != 2 || !client->cookie[0])
		return false;
	client->headers = curl_slist_append(client->headers, client->cookie);
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->headers);
	return true;
}

static void log_out(struct client *client)
{
	curl_easy_cleanup(client->curl);
	curl_slist_free_all(client->headers);
	free(client->answer.text);
}

struct chunk {
	struct ev_event events[CHUNK];
	struct sample_text texts[CHUNK];
};

/* A day that ends now. */
static void fill(const struct nation *nation, uint64_t count)
{
	int64_t now_us = (int64_t)(clock_real_ns() / NS_PER_US);
	const struct sample sample = { .count = count,
		.begin_us = now_us - 24 * EV_HOUR_US,
		.span_us = 24 * EV_HOUR_US,
		.sources = 2000000,
		.tenants = TENANTS };
	struct chunk *chunk = malloc(sizeof(*chunk));
	struct core *core = nation_core(nation);

	for (uint64_t done = 0; chunk && done < count; done += CHUNK) {
		char id[32];
		struct ev_batch batch = { .id = id, .events = chunk->events, .count = CHUNK };

		snprintf(id, sizeof(id), "bench-%llu", (unsigned long long)done);
		for (size_t i = 0; i < CHUNK; i++)
			sample_event(&sample, done + i, &chunk->texts[i], &chunk->events[i]);
		batch.arrived_us = chunk->events[CHUNK - 1].time_us;
		if (ev_append(core_events(core), &batch, NULL))
			abort();
	}
	free(chunk);
	core_close(core);
}

static void measure(struct bench *bench, struct client *client, const struct page *page)
{
	struct sample_set times = { 0 };
	char what[128];

	for (int run = 0; run < RUNS; run++) {
		double slowest = 0;

		for (size_t i = 0; i < ASK_MAX && page->asks[i]; i++) {
			uint64_t began_ns = clock_mono_ns();
			long status = ask(client, page->asks[i], NULL);
			double ms = (double)(clock_mono_ns() - began_ns) / 1e6;

			if (status != 200) {
				fprintf(stderr, "bench-hub: %s: status %ld: %.200s\n", page->asks[i], status,
					client->answer.text);
				bench->failed = true;
			}
			slowest = ms > slowest ? ms : slowest;
		}
		if (run == 0) {
			snprintf(what, sizeof(what), "%s: the first time", page->name);
			bench_bar(bench, what, "ms", slowest, true, PAGE_MS);
		} else {
			sample_add(&times, slowest);
		}
	}
	snprintf(what, sizeof(what), "%s: then, median of %d", page->name, RUNS - 1);
	bench_row(bench, what, "ms", sample_share(&times, 0.5), "");
	sample_done(&times);
}

void case_pages(struct bench *bench)
{
	uint64_t count = (uint64_t)(EVENTS * bench->scale) / CHUNK * CHUNK, began_ns;
	struct client client = { 0 };
	struct nation nation;
	struct program hub;

	nation_make(&nation, bench->parent, 4, TENANTS, 5, false);
	began_ns = clock_mono_ns();
	fill(&nation, count);
	bench_row(bench, "events of the last day", "", (double)count, "");
	bench_row(bench, "stored in", "s", (double)(clock_mono_ns() - began_ns) / 1e9, "");
	program_start(&hub, bench->luytre, nation.dir);
	bench_row(bench, "start of the hub", "ms", hub.start_ms, "");
	if (log_in(&client, &hub, nation.dir)) {
		for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
			measure(bench, &client, &pages[i]);
	} else {
		fprintf(stderr, "bench-hub: cannot log in: %.200s\n", client.answer.text);
		bench->failed = true;
	}
	log_out(&client);
	bench_row(bench, "memory of the hub, peak", "MB", program_memory_peak_mb(&hub), "");
	program_end(&hub, SIGTERM);
	nation_done(&nation);
}
