// SPDX-License-Identifier: Apache-2.0
/* See nation.h. */
#include "lab/nation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "lab/control.h"
#include "lab/process.h"
#include "lab/sites.h"

#define PROMISE_CLIENTS 0.99

enum {
	ROUNDS_SHORT = 3,
	READY_MS = 20000,
	ANSWER_MS = 1000, /* of somebody who is let in */
	NO_ANSWER_MS = 250, /* then he is not */
	STANDS_MS = 5000,
	LOOK_US = 1000,
	PAUSE_MS = 150,
	SCAN_PAUSE_MS = 80,
	GUESSES = 6,
	GUESS_SITES = 3,
	STAY_PAUSE_MS = 7000,
	STOP_GRACE_MS = 300,
	HOLD_PAUSE_MS = 150,
	LENGTH_SHORT_MS = 13000,
	LENGTH_FULL_MS = 24000,
	OWN_FIRST = 10, /* last numbers of the attackers' addresses */
	OWN_HOLD = 20, /* one for each try: up to OWN_SCAN */
	OWN_SCAN = 100,
	OWN_GUESS = 120,
	OWN_STAY = 130,
	OWN_LAST = 250,
};

static const struct {
	const char *name;
	struct lab_text title;
} steps[NATION_STEP_COUNT] = {
	[NATION_READY] = { "ready",
		{ "Two edges, twenty organisations, one hub", "Hai điểm biên, hai mươi tổ chức, một trung tâm" } },
	[NATION_EXPLOIT] = { "exploit",
		{ "A hole is used at one, tried at another", "Khai thác ở một nơi, thử ở nơi khác" } },
	[NATION_SCAN] = { "scan", { "A scan of all twenty organisations", "Dò quét cả hai mươi tổ chức" } },
	[NATION_GUESS] = { "guess", { "Password guessing at three", "Dò mật khẩu ở ba tổ chức" } },
	[NATION_HOLD] = { "hold", { "A scanner finds a hole: it is held", "Quét ra lỗ hổng: được chặn giữ" } },
	[NATION_UNDO] = { "undo", { "Everything is lifted", "Gỡ mọi quyết định" } },
};

const char *nation_step_name(enum nation_step step)
{
	return steps[step].name;
}

const struct lab_text *nation_step_title(enum nation_step step)
{
	return &steps[step].title;
}

/* ---- requests, from an address of the attackers' ----------------------------------------------------------------- */

struct request {
	unsigned int own; /* last number of the source address */
	const struct lab_site *site;
	const char *method, *path, *agent;
	const char *type; /* of what is sent along; null: not said */
};

static bool wait_for(int fd, short events, int timeout_ms)
{
	struct pollfd one = { .fd = fd, .events = events };

	return poll(&one, 1, timeout_ms) == 1 && !(one.revents & POLLERR);
}

/* Connects and asks; -1 when nobody lets it. */
static int ask(const struct request *request, int timeout_ms)
{
	struct traffic_address from, to;
	char source[32], text[512];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), size;

	snprintf(source, sizeof(source), LAB_ATTACK_NET "%u", request->own);
	size = snprintf(text, sizeof(text),
		"%s %s HTTP/1.1\r\nHost: lab\r\nUser-Agent: %s\r\n%s%s%sContent-Length: 0\r\n"
		"Connection: close\r\n\r\n",
		request->method, request->path, request->agent, request->type ? "Content-Type: " : "",
		request->type ? request->type : "", request->type ? "\r\n" : "");
	if (fd < 0 || traffic_address_parse(source, 0, &from) ||
		traffic_address_parse(request->site->address4, 80, &to))
		return -1;
	if (bind(fd, &from.any, traffic_address_size(&from)) ||
		(connect(fd, &to.any, traffic_address_size(&to)) && errno != EINPROGRESS) ||
		!wait_for(fd, POLLOUT, timeout_ms) || send(fd, text, (size_t)size, MSG_NOSIGNAL) != size) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The status of the answer; 0 without one. */
static int fetch(const struct request *request, int timeout_ms)
{
	int fd = ask(request, timeout_ms), status = 0;
	char answer[256];
	ssize_t got;

	if (fd < 0)
		return 0;
	if (wait_for(fd, POLLIN, timeout_ms)) {
		got = recv(fd, answer, sizeof(answer) - 1, 0);
		answer[got > 0 ? got : 0] = 0;
		if (!strncmp(answer, "HTTP/1.1 ", 9))
			status = atoi(answer + 9);
	}
	close(fd);
	return status;
}

static struct request visit(unsigned int own, const struct lab_site *site)
{
	return (struct request){ own, site, "GET", "/", "Mozilla/5.0", NULL };
}

static bool passes(unsigned int own, const struct lab_site *site)
{
	const struct request request = visit(own, site);

	return fetch(&request, ANSWER_MS) == 200;
}

static bool is_shut(unsigned int own, const struct lab_site *site)
{
	const struct request request = visit(own, site);

	return fetch(&request, NO_ANSWER_MS) == 0;
}

static const struct lab_site *near_site(unsigned int index)
{
	return &lab_sites[LAB_FLOOD_SITES + index % (LAB_NEAR_COUNT - LAB_FLOOD_SITES)];
}

static const struct lab_site *far_site(unsigned int index)
{
	return &lab_sites[LAB_NEAR_COUNT + index % (LAB_SITE_COUNT - LAB_NEAR_COUNT)];
}

static double ms_since(uint64_t then_ns)
{
	return (double)(clock_mono_ns() - then_ns) / 1e6;
}

static void pause_ms(unsigned int ms)
{
	usleep(ms * 1000);
}

/* Until a decision about the address stands at an edge; false when none does. */
static bool wait_until_stands(const char *control, unsigned int own)
{
	uint64_t began_ns = clock_mono_ns();
	char prefix[32];

	snprintf(prefix, sizeof(prefix), LAB_ATTACK_NET "%u/32", own);
	while (!control_stands(control, prefix)) {
		if (ms_since(began_ns) > STANDS_MS)
			return false;
		usleep(LOOK_US);
	}
	return true;
}

static bool wait_until_stands_everywhere(const struct topology *topology, unsigned int own)
{
	return wait_until_stands(topology->control, own) && wait_until_stands(topology->control2, own);
}

/* ---- the steps --------------------------------------------------------------------------------------------------- */

static bool is_ready(const struct topology *topology)
{
	struct control_hub hub;
	char socket[128];

	for (size_t i = 0; i < LAB_EDGE_COUNT; i++) {
		topology_sensor_socket(topology, i, socket, sizeof(socket));
		if (access(socket, F_OK) || control_ask(socket, "status", NULL, NULL, 0))
			return false;
	}
	return !control_read_hub(topology->hub_control, &hub) && hub.edges_current == LAB_EDGE_COUNT;
}

static bool get_ready(const struct nation *nation, struct nation_record *record)
{
	uint64_t began_ns = clock_mono_ns();

	while (!is_ready(nation->topology)) {
		if (ms_since(began_ns) > READY_MS)
			return false;
		usleep(20 * LOOK_US);
	}
	record->ms[0] = ms_since(began_ns);
	return true;
}

static uint64_t listed_packets(const struct topology *topology)
{
	struct control_stats stats;

	return control_read_stats(topology->control2, &stats) ? UINT64_MAX
							      : stats.reasons[control_reason_find("listed")].packets;
}

/* One attacker: in at B, uses the hole of A, shut out at B. Negative: no decision came. */
static double exploit_one(const struct topology *topology, unsigned int own, unsigned int index, bool *ret_dropped)
{
	const struct request exploit = { own, near_site(index), "GET", "/", LAB_EXPLOIT_AGENT, NULL };
	bool before = passes(own, far_site(index)), stands;
	uint64_t began_ns, listed;
	double ms;
	int fd;

	began_ns = clock_mono_ns();
	fd = ask(&exploit, ANSWER_MS);
	stands = wait_until_stands(topology->control2, own);
	ms = ms_since(began_ns);
	if (fd >= 0)
		close(fd);
	listed = listed_packets(topology);
	*ret_dropped = before && stands && is_shut(own, far_site(index)) && listed_packets(topology) > listed;
	return stands ? ms : -1;
}

static bool do_exploit(const struct nation *nation, struct nation_record *record)
{
	record->of = nation->is_short ? ROUNDS_SHORT : NATION_ROUNDS_MAX;
	for (unsigned int i = 0; i < record->of; i++) {
		bool dropped;

		record->ms[i] = exploit_one(nation->topology, OWN_FIRST + i, i, &dropped);
		record->count += dropped;
		pause_ms(PAUSE_MS);
	}
	return record->count == record->of;
}

/* In turn behind one edge and the other, from the 'first' on, until nobody answers any more. */
static bool do_scan_from(
	const struct nation *nation, struct nation_record *record, unsigned int own, unsigned int first)
{
	uint64_t began_ns = clock_mono_ns();
	bool stands;

	record->of = LAB_SITE_COUNT;
	for (unsigned int i = 0; i < record->of; i++) {
		const struct request scan = { own,
			&lab_sites[i % 2 * LAB_NEAR_COUNT + (i / 2 + first) % LAB_NEAR_COUNT], "GET", LAB_SCAN_PATH,
			"scan", NULL };

		if (!fetch(&scan, NO_ANSWER_MS))
			break;
		record->count++;
		pause_ms(SCAN_PAUSE_MS);
	}
	stands = wait_until_stands_everywhere(nation->topology, own);
	record->ms[0] = ms_since(began_ns);
	return stands && record->count < record->of && is_shut(own, near_site(0)) && is_shut(own, far_site(0));
}

static bool do_scan(const struct nation *nation, struct nation_record *record)
{
	return do_scan_from(nation, record, OWN_SCAN, 0);
}

/* No one of the three, and no one edge, could decide this alone. */
static bool do_guess_from(
	const struct nation *nation, struct nation_record *record, unsigned int own, unsigned int first)
{
	const struct lab_site *sites[GUESS_SITES] = { near_site(first), far_site(first), near_site(first + 2) };
	uint64_t began_ns = clock_mono_ns();
	bool stands;

	record->of = GUESS_SITES;
	for (unsigned int i = 0; i < GUESS_SITES; i++) {
		bool answered = false;

		for (unsigned int guess = 0; guess < GUESSES; guess++) {
			const struct request login = { own, sites[i], "POST", LAB_LOGIN_PATH, "Mozilla/5.0", NULL };

			answered |= fetch(&login, NO_ANSWER_MS) == 401;
		}
		record->count += answered;
	}
	stands = wait_until_stands_everywhere(nation->topology, own);
	record->ms[0] = ms_since(began_ns);
	return stands && is_shut(own, near_site(first + 4)) && is_shut(own, far_site(first + 4));
}

static bool do_guess(const struct nation *nation, struct nation_record *record)
{
	return do_guess_from(nation, record, OWN_GUESS, 1);
}

/* As a scanner writes it, into the folder that the hub imports from: whole at once, under a name that it then takes. */
static int drop_report(const struct topology *topology, const struct lab_site *site)
{
	char part[192], path[192];
	int error;

	snprintf(part, sizeof(part), "%s/hub/drop/.lab.jsonl", topology->names->dir);
	snprintf(path, sizeof(path), "%s/hub/drop/lab.jsonl", topology->names->dir);
	error = sites_write_file(part,
		"{\"template-id\":\"" LAB_HOLE_CVE
		"\",\"info\":{\"name\":\"Apache Struts 2\",\"severity\":\"critical\","
		"\"classification\":{\"cve-id\":[\"" LAB_HOLE_CVE
		"\"]}},\"type\":\"http\",\"host\":\"%s\",\"ip\":\"%s\","
		"\"matched-at\":\"http://%s/\",\"matcher-status\":true}\n",
		site->address4, site->address4, site->address4);
	if (!error && rename(part, path)) {
		log_error("%s: %s", path, strerror(errno));
		error = LUYTRE_E_IO;
	}
	return error;
}

/* Each try comes from another address: whom the gate has stopped the edge lets in no more. */
static bool do_hold(const struct nation *nation, struct nation_record *record)
{
	struct request attack = visit(OWN_HOLD, near_site(0)), elsewhere = visit(OWN_SCAN - 1, near_site(1));
	uint64_t began_ns;
	int status;

	if (!topology_has_gate(nation->topology, LAB_NEAR))
		return true;
	attack.type = elsewhere.type = LAB_HOLE_TYPE;
	if (fetch(&attack, ANSWER_MS) != 200 || drop_report(nation->topology, attack.site))
		return false;
	began_ns = clock_mono_ns();
	do {
		pause_ms(HOLD_PAUSE_MS);
		attack.own++;
		record->of++;
		status = fetch(&attack, ANSWER_MS);
		record->count += status == 200;
	} while (status != 403 && attack.own < OWN_SCAN - 2);
	record->ms[0] = ms_since(began_ns);
	return status == 403 && fetch(&elsewhere, ANSWER_MS) == 200 && passes(OWN_SCAN - 2, attack.site);
}

static bool do_undo(const struct nation *nation, struct nation_record *record)
{
	const struct request request = visit(OWN_FIRST, far_site(0));
	uint64_t began_ns;

	if (!is_shut(OWN_FIRST, far_site(0)))
		return false;
	began_ns = clock_mono_ns();
	if (control_command(nation->topology->hub_control, "undo-all"))
		return false;
	while (fetch(&request, SCAN_PAUSE_MS) != 200)
		if (ms_since(began_ns) > STANDS_MS)
			return false;
	record->ms[0] = ms_since(began_ns);
	return true;
}

/* Something to look at in the console: every few seconds somebody new, by turns one of the three. */
static void stay(const struct nation *nation)
{
	unsigned int round = 0;

	for (;;) {
		unsigned int own = OWN_STAY + round % (OWN_LAST - OWN_STAY);
		struct nation_record record = { .state = NATION_WAITING };
		bool dropped;

		if (round % 3 == 0)
			(void)exploit_one(nation->topology, own, round / 3, &dropped);
		else if (round % 3 == 1)
			(void)do_scan_from(nation, &record, own, round);
		else
			(void)do_guess_from(nation, &record, own, round);
		round++;
		pause_ms(STAY_PAUSE_MS);
	}
}

static int nation_main(void *context)
{
	static bool (*const run[NATION_STEP_COUNT])(const struct nation *, struct nation_record *) = {
		[NATION_READY] = get_ready,
		[NATION_EXPLOIT] = do_exploit,
		[NATION_SCAN] = do_scan,
		[NATION_GUESS] = do_guess,
		[NATION_HOLD] = do_hold,
		[NATION_UNDO] = do_undo,
	};
	struct nation *nation = context;

	for (int i = 0; i < NATION_STEP_COUNT; i++) {
		struct nation_record *record = &nation->records[i];

		record->start_ns = clock_mono_ns();
		atomic_store(&record->state, NATION_RUNNING);
		record->good = run[i](nation, record);
		record->end_ns = clock_mono_ns();
		atomic_store(&record->state, NATION_DONE);
		pause_ms(nation->is_short ? PAUSE_MS : 8 * PAUSE_MS);
	}
	if (nation->stays)
		stay(nation);
	pause(); /* until the lab ends it */
	return 0;
}

/* ---- the lab's side ---------------------------------------------------------------------------------------------- */

int nation_start(struct nation *nation)
{
	size_t size = NATION_STEP_COUNT * sizeof(*nation->records);
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED) {
		log_error("%s", error_text(LUYTRE_E_NOMEM, LUYTRE_LANG_EN));
		return LUYTRE_E_NOMEM;
	}
	nation->records = shared;
	return process_fork(topology_netns(nation->topology, LAB_ATTACKER), nation_main, nation, &nation->pid);
}

bool nation_is_over(const struct nation *nation)
{
	return nation->records && atomic_load(&nation->records[NATION_STEP_COUNT - 1].state) == NATION_DONE;
}

bool nation_has_failed(struct nation *nation)
{
	return nation->pid && process_has_ended(&nation->pid);
}

enum nation_step nation_current(const struct nation *nation)
{
	int step = 0;

	while (step + 1 < NATION_STEP_COUNT && atomic_load(&nation->records[step + 1].state) != NATION_WAITING)
		step++;
	return (enum nation_step)step;
}

uint64_t nation_length_ms(bool is_short)
{
	return is_short ? LENGTH_SHORT_MS : LENGTH_FULL_MS;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static void sort_exploits(const struct nation_record *exploit, double *ret_p50_ms, double *ret_longest_ms)
{
	double sorted[NATION_ROUNDS_MAX] = { 0 };
	unsigned int count = exploit->of;

	memcpy(sorted, exploit->ms, count * sizeof(sorted[0]));
	qsort(sorted, count, sizeof(sorted[0]), compare);
	*ret_p50_ms = sorted[count / 2];
	*ret_longest_ms = count ? sorted[count - 1] : 0;
}

void nation_tell(const struct nation *nation, enum nation_step step, enum luytre_lang lang, char *ret, size_t size)
{
	const struct nation_record *record = nation->records ? &nation->records[step] : NULL;
	bool vi = lang == LUYTRE_LANG_VI;
	double p50_ms, longest_ms;

	ret[0] = 0;
	if (!record || atomic_load(&record->state) != NATION_DONE)
		return;
	sort_exploits(&nation->records[NATION_EXPLOIT], &p50_ms, &longest_ms);
	if (step == NATION_READY)
		snprintf(ret, size,
			vi ? "bộ cảm biến và điểm biên sẵn sàng" : "sensors look, both edges are up to date");
	else if (step == NATION_EXPLOIT)
		snprintf(ret, size,
			vi ? "%u/%u kẻ tấn công bị chặn từ gói đầu ở nơi thứ hai, sau %.0f ms (lâu nhất %.0f)"
			   : "%u of %u attackers: first packet elsewhere dropped, after %.0f ms (longest %.0f)",
			record->count, record->of, p50_ms, longest_ms);
	else if (step == NATION_SCAN)
		snprintf(ret, size,
			vi ? "chặn ở mọi nơi sau %.0f ms, khi mới dò %u/%u tổ chức"
			   : "shut out everywhere after %.0f ms and %u of %u organisations",
			record->ms[0], record->count, record->of);
	else if (step == NATION_HOLD && !record->of)
		snprintf(ret, size, "%s",
			vi ? "bỏ qua: bản dựng này không có cổng web"
			   : "left out: this build has no gate for the web server");
	else if (step == NATION_HOLD)
		snprintf(ret, size,
			vi ? "từ báo cáo quét đến khi bị chặn: %.1f s (%u/%u lần thử còn lọt); nơi khác và người dùng "
			     "không bị ảnh hưởng"
			   : "from the scanner's report to the stopped attack: %.1f s (%u of %u tries got through); "
			     "others "
			     "and users are not affected",
			record->ms[0] / 1000, record->count, record->of);
	else if (step == NATION_GUESS)
		snprintf(ret, size,
			vi ? "%u tổ chức sau hai điểm biên cùng báo: chặn ở mọi nơi sau %.0f ms"
			   : "%u organisations behind two edges agree: shut out everywhere after %.0f ms",
			record->count, record->ms[0]);
	else
		snprintf(ret, size,
			vi ? "kẻ tấn công đầu tiên lại vào được sau %.0f ms"
			   : "the first attacker passes again after %.0f ms",
			record->ms[0]);
}

void nation_figures(const struct nation *nation, const struct clients *clients, struct nation_figures *ret)
{
	struct clients_range range = { CLIENTS_BY_START, nation->records[NATION_EXPLOIT].start_ns,
		nation->records[NATION_STEP_COUNT - 1].end_ns, CLIENTS_ANY, CLIENTS_ANY, CLIENTS_ANY };

	memset(ret, 0, sizeof(*ret));
	sort_exploits(&nation->records[NATION_EXPLOIT], &ret->p50_ms, &ret->longest_ms);
	clients_figures(clients, &range, &ret->clients);
	ret->good = nation_is_over(nation) && ret->clients.good_share >= PROMISE_CLIENTS;
	for (int i = 0; i < NATION_STEP_COUNT; i++)
		ret->good = ret->good && nation->records[i].good;
}

void nation_stop(struct nation *nation)
{
	process_stop(&nation->pid, STOP_GRACE_MS);
}

void nation_done(struct nation *nation)
{
	if (nation->records)
		munmap(nation->records, NATION_STEP_COUNT * sizeof(*nation->records));
	nation->records = NULL;
}
