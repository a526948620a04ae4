// SPDX-License-Identifier: Apache-2.0
/* The whole server over a Unix socket, asked by hand-written requests, with the notes as its API. */
#include "hub/api/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "hub/api/notes/notes.h"

enum { ANSWER_SIZE = 256 << 10 };

struct fixture {
	char folder[64], path[96], admin[96];
	struct notes *notes;
	struct api_server *server;
	char answer[ANSWER_SIZE];
	unsigned int collected; /* what the figures of others are */
};

static void collect(void *context, struct metrics_text *out)
{
	struct fixture *fixture = context;

	metrics_print(out, "luytre_of_others %u\n", ++fixture->collected);
}

static const struct limit_settings wide = {
	.rates = { { 100000, 60 }, { 100000, 60 }, { 100000, 60 }, { 3, 60 } }, .address_factor = 1, .subjects_max = 64
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct api_config config = { .limits = &wide };

	assert_non_null(fixture);
	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/luytre-api-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/api", fixture->folder);
	snprintf(fixture->admin, sizeof(fixture->admin), "%s/admin", fixture->folder);
	assert_int_equal(notes_new(&stream_settings_default, &fixture->notes), 0);
	notes_configure(fixture->notes, &config);
	config.collect = collect;
	config.collect_context = fixture;
	assert_int_equal(api_listen_unix(fixture->path, 0600, &config.listen_fd), 0);
	assert_int_equal(api_listen_unix(fixture->admin, 0600, &config.admin_fd), 0);
	assert_int_equal(api_server_new(&config, &fixture->server), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	api_server_free(fixture->server);
	notes_free(fixture->notes);
	unlink(fixture->path);
	unlink(fixture->admin);
	rmdir(fixture->folder);
	free(fixture);
	return 0;
}

static int dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 10 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* Sends bytes and reads until the other end closes, or until 'until' was seen. */
static const char *talk(struct fixture *fixture, int fd, const char *bytes, size_t size, const char *until)
{
	size_t used = 0;
	ssize_t part;

	/* The server may answer and close before it has everything. */
	(void)!send(fd, bytes, size, MSG_NOSIGNAL);
	while (used + 1 < ANSWER_SIZE && (part = recv(fd, fixture->answer + used, ANSWER_SIZE - 1 - used, 0)) > 0) {
		used += (size_t)part;
		fixture->answer[used] = '\0';
		if (until && strstr(fixture->answer, until))
			break;
	}
	fixture->answer[used] = '\0';
	return fixture->answer;
}

/* One request with "head" lines of its own; answers the whole response. */
static const char *ask(struct fixture *fixture, const char *request, const char *head, const char *body)
{
	char text[8192];
	int size = snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s", request, head);
	int fd = dial(fixture->path);

	if (body)
		size += snprintf(text + size, sizeof(text) - (size_t)size,
			"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
	else
		size += snprintf(text + size, sizeof(text) - (size_t)size, "\r\n");
	talk(fixture, fd, text, (size_t)size, NULL);
	close(fd);
	return fixture->answer;
}

static int status(const char *answer)
{
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

#define ONE   "Authorization: Bearer one\r\n"
#define TWO   "Authorization: Bearer two\r\n"
#define NOTE  "{\"title\":\"x\",\"kind\":\"plain\"}"
#define NOTES "/api/v1/tenants/1/notes"

#define PROXY(verify, serial, subject)                                                                                 \
	"X-Client-Verify: " verify "\r\nX-Client-Serial: " serial "\r\nX-Client-Subject: " subject "\r\n"

static const struct {
	const char *request, *head, *body;
	int status;
	const char *part; /* stands in the answer */
} rows[] = {
	{ "GET /api/v1/health", "", NULL, 200, "\"state\":\"up\"" },
	{ "HEAD /api/v1/health", "", NULL, 200, "application/json" },
	{ "GET /api/v1/health?x=1", "", NULL, 400, "{\"parameter\":\"x\",\"code\":\"unknown\"" },
	{ "GET /api/v1/session", "", NULL, 401, "\"type\":\"unauthenticated\"" },
	{ "GET /api/v1/session", "Authorization: Bearer nobody\r\n", NULL, 401, "\"wrong-credentials\"" },
	{ "GET /api/v1/session", ONE, NULL, 200, "\"name\":\"one\"" },
	{ "GET /api/v1/session", "Cookie: caller=one\r\n", NULL, 200, "\"name\":\"one\"" },
	{ "GET /api/v1/session", PROXY("SUCCESS", "2A", "CN=one,O=x"), NULL, 200, "\"name\":\"one\"" },
	{ "GET /api/v1/session", PROXY("SUCCESS", "2a", "O=x,CN=two"), NULL, 200, "\"name\":\"two\"" },
	{ "GET /api/v1/session", PROXY("FAILED:expired", "2a", "CN=one"), NULL, 401, "" },
	{ "GET /api/v1/session", PROXY("SUCCESS", "2g", "CN=one"), NULL, 401, "" },
	{ "GET /api/v1/session", PROXY("SUCCESS", "2a", "O=x\\,CN=one"), NULL, 401, "" },
	{ "GET /api/v1/session", PROXY("SUCCESS", "2a", "O=x"), NULL, 401, "" },
	{ "DELETE /api/v1/session", "Cookie: caller=one\r\n", NULL, 403, "\"csrf\"" },
	{ "DELETE /api/v1/session", "Cookie: caller=one\r\nX-CSRF-Token: t-onf\r\n", NULL, 403, "\"csrf\"" },
	{ "DELETE /api/v1/session", "Cookie: caller=one\r\nX-CSRF-Token: t-one\r\n", NULL, 204, "" },
	{ "GET " NOTES, TWO, NULL, 404, "\"not-found\"" },
	{ "POST " NOTES, TWO, NOTE, 404, "\"not-found\"" },
	{ "GET /api/v1/tenants/x/notes", ONE, NULL, 404, "" },
	{ "POST " NOTES, ONE, NOTE, 201, "Location: /api/v1/tenants/1/notes/" },
	{ "POST " NOTES, ONE, "{", 400, "\"syntax\"" },
	{ "POST " NOTES, ONE, "", 400, "{\"pointer\":\"\",\"code\":\"missing\"" },
	{ "POST " NOTES, ONE, "{\"title\":\"x\",\"kind\":\"plain\",\"kind\":\"plain\"}", 400, "\"duplicate-key\"" },
	{ "POST " NOTES, ONE "Transfer-Encoding: chunked\r\n", NOTE, 400, "" },
	{ "PATCH " NOTES "/1", ONE, "{\"title\":\"y\"}", 428, "\"revision-required\"" },
	{ "DELETE " NOTES "/999", ONE "If-Match: *\r\n", NULL, 404, "" },
	{ "GET /api/v1/health", "Content-Length: 5\r\n", NULL, 413, "" },
	{ "GET /api/v1/nowhere", "Accept-Language: en-GB,vi\r\n", NULL, 404, "There is no such object." },
	{ "GET /api/v1/nowhere", "Accept-Language: vi,en\r\n", NULL, 404, "Không tìm thấy đối tượng." },
	{ "PUT /api/v1/session", "", NULL, 405, "Allow: GET, POST, DELETE" },
	{ "TRACE /api/v1/session", "", NULL, 405, "" },
	{ "GET /api/v1/../v1/health", "", NULL, 400, "" },
	{ "GET /api/v1%2fhealth", "", NULL, 400, "" },
	{ "GET /", "", NULL, 200, "<title>Notes</title>" },
	{ "GET /events", "", NULL, 200, "<title>Notes</title>" },
	{ "GET /none.js", "", NULL, 404, "" },
	{ "GET /assets/app-1f3c.js", "", NULL, 200, "max-age=31536000, immutable" },
	{ "GET /assets/app-1f3c.js", "If-None-Match: \"f1\"\r\n", NULL, 304, "ETag: \"f1\"" },
	{ "POST /", "", NULL, 405, "Allow: GET" },
	{ "GET /metrics", "", NULL, 200, "<title>Notes</title>" },
	{ "GET /api/v1/health", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n", NULL, 200,
		"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-" },
	{ "GET /api/v1/notes?cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ONE, NULL, 400,
		"\"invalid-cursor\"" },
	{ "GET /api/v1/notes?limit=1&limit=2", ONE, NULL, 400, "\"not-unique\"" },
	{ "GET /api/v1/notes?kind=plain,urgent,plain", ONE, NULL, 400, "\"items\"" },
	{ "GET /api/v1/stream?topics=all", ONE, NULL, 400, "\"not-in-list\"" },
};

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const char *answer = ask(*state, rows[i].request, rows[i].head, rows[i].body);

		if (status(answer) != rows[i].status || !strstr(answer, rows[i].part))
			fail_msg("%s %s: %s", rows[i].request, rows[i].head, answer);
		if (!strstr(answer, "X-Content-Type-Options: nosniff") || !strstr(answer, "Content-Security-Policy: "))
			fail_msg("%s: no security headers: %s", rows[i].request, answer);
	}
}

static void test_media_type(void **state)
{
	struct fixture *fixture = *state;
	static const char text[] = "POST " NOTES " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" ONE
				   "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}";
	int fd = dial(fixture->path);

	assert_int_equal(status(talk(fixture, fd, text, strlen(text), NULL)), 415);
	close(fd);
}

/* Makes a note and answers its id. */
static void make_note(struct fixture *fixture, const char *head, char id[24])
{
	const char *answer = ask(fixture, "POST " NOTES, head, NOTE);
	const char *found = strstr(answer, "{\"id\":\"");

	assert_int_equal(status(answer), 201);
	assert_non_null(found);
	snprintf(id, 24, "%.*s", (int)strcspn(found + 7, "\""), found + 7);
}

static void test_revisions(void **state)
{
	struct fixture *fixture = *state;
	char id[24], request[96], first[64];

	make_note(fixture, ONE, id);
	snprintf(request, sizeof(request), "GET " NOTES "/%s", id);
	assert_non_null(strstr(ask(fixture, request, ONE, NULL), "ETag: \"r1\""));
	assert_int_equal(status(ask(fixture, request, ONE "If-None-Match: \"x\", W/\"r1\"\r\n", NULL)), 304);
	assert_int_equal(status(ask(fixture, request, ONE "If-None-Match: \"r11\"\r\n", NULL)), 200);
	snprintf(request, sizeof(request), "PATCH " NOTES "/%s", id);
	assert_int_equal(status(ask(fixture, request, ONE "If-Match: \"r2\"\r\n", "{\"title\":\"y\"}")), 412);
	assert_int_equal(status(ask(fixture, request, ONE "If-Match: W/\"r1\"\r\n", "{\"title\":\"y\"}")), 412);
	assert_int_equal(status(ask(fixture, request, ONE "If-Match: \"r1\"\r\n", "{\"title\":\"y\"}")), 200);
	assert_non_null(strstr(fixture->answer, "ETag: \"r2\""));
	assert_int_equal(status(ask(fixture, request, ONE "If-Match: \"r1\"\r\n", "{\"title\":\"z\"}")), 412);
	snprintf(first, sizeof(first), ONE "If-Match: \"r2\"\r\n");
	snprintf(request, sizeof(request), "DELETE " NOTES "/%s", id);
	assert_int_equal(status(ask(fixture, request, first, NULL)), 204);
	assert_int_equal(status(ask(fixture, request, first, NULL)), 404);
}

static void test_idempotency(void **state)
{
	struct fixture *fixture = *state;
	unsigned int before = notes_changes(fixture->notes);
	char first[24], again[24];

	make_note(fixture, ONE "Idempotency-Key: k1\r\n", first);
	make_note(fixture, ONE "Idempotency-Key: k1\r\n", again);
	assert_string_equal(first, again);
	assert_non_null(strstr(fixture->answer, "Idempotency-Replayed: true"));
	assert_int_equal(notes_changes(fixture->notes), before + 1);
	assert_int_equal(status(ask(fixture, "POST " NOTES, ONE "Idempotency-Key: k1\r\n",
				 "{\"title\":\"other\",\"kind\":\"plain\"}")),
		422);
	/* Somebody else's key is another key; a refused request leaves its key free. */
	make_note(fixture, "Authorization: Bearer all\r\nIdempotency-Key: k1\r\n", again);
	assert_string_not_equal(first, again);
	assert_int_equal(status(ask(fixture, "POST " NOTES, ONE "Idempotency-Key: k2\r\n", "{}")), 400);
	make_note(fixture, ONE "Idempotency-Key: k2\r\n", again);
}

/* Turns all pages and finds each note once; the cursor of one question is refused by another, and a changed one by all. */
static void test_pages(void **state)
{
	struct fixture *fixture = *state;
	char request[200] = "GET " NOTES "?limit=3", cursor[64] = "", id[24];
	unsigned int found = 0, pages = 0;
	bool more = true;

	for (int i = 0; i < 7; i++)
		make_note(fixture, ONE, id);
	while (more) {
		const char *answer = ask(fixture, request, ONE, NULL), *next;

		assert_int_equal(status(answer), 200);
		for (const char *at = answer; (at = strstr(at, "{\"id\":")); at++)
			found++;
		next = strstr(answer, "\"next\":\"");
		more = next != NULL;
		if (more) {
			snprintf(cursor, sizeof(cursor), "%.43s", next + 8);
			snprintf(request, sizeof(request), "GET " NOTES "?limit=3&cursor=%s", cursor);
		}
		pages++;
	}
	assert_true(found >= 7 && pages == (found + 2) / 3);
	snprintf(request, sizeof(request), "GET /api/v1/notes?limit=3&cursor=%s", cursor);
	assert_int_equal(status(ask(fixture, request, ONE, NULL)), 400);
	cursor[5] = cursor[5] == 'A' ? 'B' : 'A';
	snprintf(request, sizeof(request), "GET " NOTES "?limit=3&cursor=%s", cursor);
	assert_int_equal(status(ask(fixture, request, ONE, NULL)), 400);
}

/* The address comes from the proxy, and has a bucket of three. */
static void test_login_limit(void **state)
{
	static const char login[] = "{\"login\":\"all\",\"password\":\"wrong\"}";
	struct fixture *fixture = *state;

	for (int i = 0; i < 3; i++)
		assert_int_equal(status(ask(fixture, "POST /api/v1/session", "X-Real-IP: 192.0.2.9\r\n", login)), 401);
	assert_int_equal(status(ask(fixture, "POST /api/v1/session", "X-Real-IP: 192.0.2.9\r\n", login)), 429);
	assert_non_null(strstr(fixture->answer, "Retry-After: 20"));
	assert_non_null(strstr(fixture->answer, "RateLimit: \"login\";r=0;t=60"));
	assert_int_equal(status(ask(fixture, "POST /api/v1/session", "X-Real-IP: 192.0.2.10\r\n", login)), 401);
}

static void test_large_bodies(void **state)
{
	struct fixture *fixture = *state;
	size_t size = 3 << 20;
	char *text = malloc(size);
	int head, fd = dial(fixture->path);

	assert_non_null(text);
	memset(text, '[', size);
	head = snprintf(text, size,
		"PUT /api/v1/notes:import HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" ONE
		"Content-Length: %d\r\n\r\n",
		(3 << 20) - 4096);
	text[head] = '[';
	assert_int_equal(status(talk(fixture, fd, text, 8192, "too-large")), 413);
	close(fd);
	/* In chunks, without saying how many: refused when it is too much, and cut off when it goes on. */
	fd = dial(fixture->path);
	memset(text, '[', size);
	head = snprintf(text, size,
		"PUT /api/v1/notes:import HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" ONE
		"Transfer-Encoding: chunked\r\n\r\n200000\r\n");
	text[head] = '[';
	memcpy(text + head + 0x200000, "\r\n0\r\n\r\n", 7);
	assert_int_equal(status(talk(fixture, fd, text, (size_t)head + 0x200000 + 7, "too-large")), 413);
	close(fd);
	free(text);
}

/* A server of its own, whose PUT takes its body to a file; all such together have 64 KiB, a caller 32. */
struct spooling {
	struct fixture fixture;
	struct api_operation operations[64];
	struct api_table table;
};

static struct spooling *spooling_new(unsigned int pace_ms)
{
	struct spooling *spooling = calloc(1, sizeof(*spooling));
	struct fixture *fixture = &spooling->fixture;
	struct api_config config = { .limits = &wide,
		.admin_fd = -1,
		.spool_dir = fixture->folder,
		.spools_max = 64 << 10,
		.spool_share = 32 << 10,
		.pace_ms = pace_ms,
		.pace_bytes = 1024 };

	assert_non_null(spooling);
	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/luytre-api-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/api", fixture->folder);
	assert_int_equal(notes_new(&stream_settings_default, &fixture->notes), 0);
	notes_configure(fixture->notes, &config);
	spooling->table = *config.table;
	assert_true(config.table->operation_count <= ARRAY_COUNT(spooling->operations));
	memcpy(spooling->operations, config.table->operations,
		config.table->operation_count * sizeof(spooling->operations[0]));
	for (size_t i = 0; i < config.table->operation_count; i++)
		spooling->operations[i].spooled = strcmp(spooling->operations[i].id, "importNotes") == 0;
	spooling->table.operations = spooling->operations;
	config.table = &spooling->table;
	assert_int_equal(api_listen_unix(fixture->path, 0600, &config.listen_fd), 0);
	assert_int_equal(api_server_new(&config, &fixture->server), 0);
	return spooling;
}

static void spooling_free(struct spooling *spooling)
{
	api_server_free(spooling->fixture.server);
	notes_free(spooling->fixture.notes);
	unlink(spooling->fixture.path);
	rmdir(spooling->fixture.folder);
	free(spooling);
}

/* The head of a body of 'size' bytes; answers the connection when the server wants the body, or -1 and the answer. */
static int announce(struct fixture *fixture, const char *who, size_t size)
{
	char text[512];
	int fd = dial(fixture->path);
	int head = snprintf(text, sizeof(text),
		"PUT /api/v1/notes:import HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		"Authorization: Bearer %s\r\nExpect: 100-continue\r\nContent-Length: %zu\r\n\r\n",
		who, size);

	talk(fixture, fd, text, (size_t)head, "\r\n\r\n");
	if (status(fixture->answer) == 100)
		return fd;
	close(fd);
	return -1;
}

/* Heads alone keep nobody away: neither others nor the one who sent them. What came does, until its connection ends. */
static void test_announced(void **state)
{
	struct spooling *spooling = spooling_new(0);
	struct fixture *fixture = &spooling->fixture;
	static const char *const who[] = { "one", "two", "all" };
	char body[32 << 10];
	int fds[12];

	memset(body, ' ', sizeof(body));
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		fds[i] = announce(fixture, who[i % ARRAY_COUNT(who)], sizeof(body));
		assert_true(fds[i] >= 0);
	}
	assert_int_equal(announce(fixture, "one", sizeof(body) + 1), -1);
	assert_int_equal(status(fixture->answer), 429);
	/* All but the last byte of two callers; the answer to the third's says that they have come. */
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(send(fds[i], body, sizeof(body) - 1, MSG_NOSIGNAL), sizeof(body) - 1);
	for (int tries = 0, fd; (fd = announce(fixture, "all", sizeof(body))) >= 0; tries++) {
		close(fd);
		assert_true(tries < 500);
		usleep(10000);
	}
	assert_int_equal(status(fixture->answer), 507);
	assert_int_equal(status(talk(fixture, fds[3], body, sizeof(body), "\r\n\r\n")), 429);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
		close(fds[i]);
	for (int tries = 0, fd; (fd = announce(fixture, "all", sizeof(body))) < 0 || close(fd); tries++) {
		assert_true(tries < 500);
		usleep(10000);
	}
	spooling_free(spooling);
}

/* A byte now and then is not an upload. */
static void test_slow(void **state)
{
	struct spooling *spooling = spooling_new(100);
	struct fixture *fixture = &spooling->fixture;
	char body[1024];
	int slow = announce(fixture, "one", 16 << 10), steady = announce(fixture, "two", 16 << 10), sent = 0;

	assert_true(slow >= 0 && steady >= 0);
	memset(body, ' ', sizeof(body));
	/* Far longer than a slow one may: 16 times 2 KiB in 100 ms. */
	for (int i = 0; i < 15; i++) {
		assert_int_equal(send(steady, body, sizeof(body), MSG_NOSIGNAL), sizeof(body));
		sent += send(slow, "[", 1, MSG_NOSIGNAL) == 1;
		usleep(50000);
	}
	assert_true(sent >= 4);
	assert_int_equal(status(talk(fixture, slow, "", 0, NULL)), 408);
	assert_non_null(strstr(fixture->answer, "\"type\":\"too-slow\""));
	close(slow);
	assert_int_equal(status(talk(fixture, steady, body, sizeof(body), "\r\n\r\n")), 200);
	close(steady);
	spooling_free(spooling);
}

static void test_stream(void **state)
{
	static const char join_one[] = "GET /api/v1/stream?topics=notes HTTP/1.1\r\nHost: x\r\n" ONE "\r\n";
	static const char join_two[] = "GET /api/v1/stream?topics=notes HTTP/1.1\r\nHost: x\r\n" TWO "\r\n";
	struct fixture *fixture = *state;
	int one = dial(fixture->path), two = dial(fixture->path);
	char id[24], wanted[64];

	assert_non_null(strstr(talk(fixture, one, join_one, strlen(join_one), ": luytre"), "text/event-stream"));
	assert_non_null(strstr(talk(fixture, two, join_two, strlen(join_two), ": luytre"), ": luytre"));
	make_note(fixture, ONE, id);
	snprintf(wanted, sizeof(wanted), "{\"id\":\"%s\"", id);
	assert_non_null(strstr(talk(fixture, one, "", 0, wanted), "event: notes"));
	/* What belongs to tenant 1 never comes to tenant 2, what is for all does. */
	assert_int_equal(
		stream_publish(notes_stream(fixture->notes), 0, NOTES_TOPIC_NOTES, 0, bytes_from_str("{\"all\":1}")),
		0);
	talk(fixture, two, "", 0, "{\"all\":1}");
	assert_null(strstr(fixture->answer, wanted));
	assert_non_null(strstr(fixture->answer, "{\"all\":1}"));
	/* A log-out ends the streams of that caller: the last chunk comes. */
	assert_int_equal(status(ask(fixture, "DELETE /api/v1/session", ONE, NULL)), 204);
	assert_non_null(strstr(talk(fixture, one, "", 0, "\r\n0\r\n\r\n"), "0\r\n\r\n"));
	close(one);
	close(two);
}

static void test_metrics(void **state)
{
	static const char text[] = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	struct fixture *fixture = *state;
	int fd = dial(fixture->admin);

	ask(fixture, "GET /api/v1/health", "", NULL);
	talk(fixture, fd, text, strlen(text), NULL);
	close(fd);
	assert_int_equal(status(fixture->answer), 200);
	assert_non_null(strstr(fixture->answer, "luytre_api_request_seconds_count{operation=\"getHealth\"} "));
	assert_non_null(strstr(fixture->answer, "luytre_api_responses_total{operation=\"getHealth\",status=\"2xx\"} "));
	assert_non_null(strstr(fixture->answer, "luytre_stream_clients "));
	/* Figures of others are asked with what belongs to them. */
	assert_non_null(strstr(fixture->answer, "luytre_of_others 1\n"));
	assert_int_equal(fixture->collected, 1);
	fd = dial(fixture->admin);
	assert_int_equal(status(talk(fixture, fd, "GET / HTTP/1.0\r\n\r\n", 18, NULL)), 404);
	close(fd);
}

/* Connections that hang in a half request, in a stream and with a worker do not keep the server from ending. */
static void test_end_with_guests(void **state)
{
	static const char join[] = "GET /api/v1/stream?topics=notes HTTP/1.1\r\nHost: x\r\n" ONE "\r\n";
	struct fixture *fixture = NULL;
	int fds[40];

	set_up((void **)&fixture);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		fds[i] = dial(fixture->path);
		if (i % 2 == 0)
			talk(fixture, fds[i], join, strlen(join), ": luytre");
		else
			assert_true(send(fds[i], join, 20 + i, MSG_NOSIGNAL) > 0);
	}
	tear_down((void **)&fixture);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
		close(fds[i]);
}

static void test_listen(void **state)
{
	struct fixture *fixture = *state;
	uint16_t port = 0;
	int fd = -1;

	assert_int_equal(api_listen_unix(fixture->path, 0600, &fd), LUYTRE_E_EXISTS);
	assert_int_equal(api_listen_tcp("localhost", 0, &fd, NULL), LUYTRE_E_INVALID);
	assert_int_equal(api_listen_tcp("127.0.0.1", 0, &fd, &port), 0);
	assert_true(port > 0);
	close(fd);
}

static void test_missing_handler(void **state)
{
	api_handler_fn handlers[64] = { NULL };
	struct api_config config = { .admin_fd = -1 };
	struct api_server *server;
	struct notes *notes = NULL;

	assert_int_equal(notes_new(&stream_settings_default, &notes), 0);
	notes_configure(notes, &config);
	config.handlers = handlers;
	assert_int_equal(api_listen_tcp("127.0.0.1", 0, &config.listen_fd, NULL), 0);
	assert_int_equal(api_server_new(&config, &server), LUYTRE_E_INVALID);
	notes_free(notes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_media_type),
		cmocka_unit_test(test_revisions),
		cmocka_unit_test(test_idempotency),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_login_limit),
		cmocka_unit_test(test_large_bodies),
		cmocka_unit_test(test_announced),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_end_with_guests),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_missing_handler),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
