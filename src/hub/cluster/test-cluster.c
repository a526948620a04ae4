// SPDX-License-Identifier: Apache-2.0
/* The lease and the journal of several hubs on a real NATS server: who leads, what the next one has read, and that the one before can say
 * nothing any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "hub/cluster/journalstream.h"
#include "hub/cluster/keys.h"
#include "hub/cluster/lease.h"
#include "hub/cluster/nats-own.h"

static struct nats_own server;
static struct natslog *nats;
static char dir[64];

static jmp_buf out;
static atomic_int deposed_count;

/* Stands for the end of the process. */
static void deposed(const char *why)
{
	deposed_count++;
	longjmp(out, 1);
}

static void deposed_thread(const char *why)
{
	deposed_count++;
	pthread_exit(NULL);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	return remove(path);
}

/* Each test has a server without streams. */
static int setup(void **state)
{
	char why[NATSLOG_WHY_SIZE];

	snprintf(dir, sizeof(dir), "/tmp/luytre-test-cluster-XXXXXX");
	deposed_count = 0;
	if (!mkdtemp(dir) || nats_own_start(&server) || natslog_open(server.url, NULL, &nats, why))
		return -1;
	return 0;
}

static int teardown(void **state)
{
	natslog_close(nats);
	nats_own_stop(&server);
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- The log ---- */

static void test_append_is_refused_behind_others(void **state)
{
	const struct bytes text = bytes_from_str("x");
	struct natslog_message message;
	uint64_t first, last, number = 0;

	assert_int_equal(natslog_make(nats, "log", 1, 0), 0);
	assert_int_equal(natslog_make(nats, "log", 1, 0), 0);
	assert_int_equal(natslog_ends(nats, "log", &first, &last), 0);
	assert_true(first > last);
	assert_int_equal(natslog_append(nats, "log", "a-1", 0, text, &number), 0);
	assert_int_equal(number, 1);
	assert_int_equal(natslog_append(nats, "log", "b-1", 0, text, &number), LUYTRE_E_CONFLICT);
	assert_int_equal(natslog_append(nats, "log", "b-2", 7, text, &number), LUYTRE_E_CONFLICT);
	/* The same again, because the answer was lost. */
	number = 0;
	assert_int_equal(natslog_append(nats, "log", "a-1", 0, text, &number), 0);
	assert_int_equal(number, 1);
	assert_int_equal(natslog_append(nats, "log", "b-3", 1, text, &number), 0);
	assert_int_equal(natslog_get(nats, "log", 3, &message), LUYTRE_E_NOT_FOUND);
	assert_int_equal(natslog_get(nats, "log", 2, &message), 0);
	assert_string_equal(message.id, "b-3");
	natslog_message_done(&message);
}

static void test_append_waits_for_the_server(void **state)
{
	const struct bytes text = bytes_from_str("x");
	uint64_t number = 0, first, last;
	int error;

	assert_int_equal(natslog_make(nats, "log", 1, 0), 0);
	nats_own_kill(&server);
	assert_int_equal(natslog_append(nats, "log", "a-1", 0, text, &number), LUYTRE_E_BUSY);
	assert_int_equal(natslog_ends(nats, "log", &first, &last), LUYTRE_E_BUSY);
	assert_int_equal(nats_own_again(&server), 0);
	for (int i = 0; i < 50 && (error = natslog_append(nats, "log", "a-1", 0, text, &number)) != 0; i++)
		usleep(100000);
	assert_int_equal(error, 0);
	assert_int_equal(number, 1);
}

/* ---- The lease ---- */

static struct lease *lease_of(const char *run)
{
	const struct lease_options options = {
		.log = nats, .run = run, .name = run, .replicas = 1, .deposed = deposed_thread
	};
	struct lease *lease;

	assert_int_equal(lease_open(&options, &lease), 0);
	return lease;
}

/* Looks each 50 ms; milliseconds until it is free. */
static uint64_t wait_free(struct lease *lease, struct lease_view *view)
{
	uint64_t began_ns = clock_mono_ns();

	while (lease_look(lease, clock_boot_ns(), view) != LEASE_FREE) {
		assert_true(clock_mono_ns() - began_ns < 20 * NS_PER_S);
		usleep(50000);
	}
	return (clock_mono_ns() - began_ns) / NS_PER_MS;
}

static void test_lease_is_taken_once(void **state)
{
	struct lease *a = lease_of("a"), *b = lease_of("b");
	struct lease_view view;
	uint64_t term = 0;

	assert_int_equal(lease_look(a, clock_boot_ns(), &view), LEASE_FREE);
	assert_int_equal(lease_look(b, clock_boot_ns(), &view), LEASE_FREE);
	assert_int_equal(lease_take(a, &term), 0);
	assert_int_equal(term, 1);
	assert_int_equal(lease_take(b, &term), LUYTRE_E_CONFLICT);
	assert_int_equal(lease_look(b, clock_boot_ns(), &view), LEASE_HELD);
	assert_string_equal(view.run, "a");
	lease_close(a);
	lease_close(b);
}

static void test_lease_that_is_kept_stays(void **state)
{
	struct lease *a = lease_of("a"), *b = lease_of("b");
	struct lease_view view;
	uint64_t term;

	assert_int_equal(lease_look(a, clock_boot_ns(), &view), LEASE_FREE);
	lease_set_keys(a, "0123");
	assert_int_equal(lease_take(a, &term), 0);
	assert_int_equal(lease_keep(a), 0);
	for (unsigned int ms = 0; ms < 2 * LEASE_SILENT_MS; ms += 100) {
		assert_int_equal(lease_look(b, clock_boot_ns(), &view), LEASE_HELD);
		usleep(100000);
	}
	assert_string_equal(view.keys, "0123");
	lease_close(a); /* gives it back */
	assert_true(wait_free(b, &view) < LEASE_SILENT_MS / 2);
	assert_int_equal(lease_take(b, &term), 0);
	assert_int_equal(term, 2);
	/* What the leader before said of its keys is said on. */
	assert_int_equal(lease_look(b, clock_boot_ns(), &view), LEASE_HELD);
	assert_string_equal(view.keys, "0123");
	lease_close(b);
}

static void test_lease_of_a_silent_hub_is_taken(void **state)
{
	struct lease *a = lease_of("a"), *b = lease_of("b");
	struct lease_view view;
	uint64_t term, waited_ms;

	assert_int_equal(lease_look(a, clock_boot_ns(), &view), LEASE_FREE);
	assert_int_equal(lease_take(a, &term), 0);
	waited_ms = wait_free(b, &view);
	assert_in_range(waited_ms, LEASE_SILENT_MS - 100, LEASE_SILENT_MS + 1000);
	assert_int_equal(lease_take(b, &term), 0);
	assert_int_equal(term, 2);
	/* The first one wakes up. */
	assert_int_equal(lease_keep(a), 0);
	for (int i = 0; i < 100 && !deposed_count; i++)
		usleep(50000);
	assert_int_equal(deposed_count, 1);
	lease_close(a);
	assert_int_equal(lease_look(b, clock_boot_ns(), &view), LEASE_HELD);
	assert_string_equal(view.run, "b");
	lease_close(b);
}

static void test_silence_of_the_server_is_not_that_of_the_leader(void **state)
{
	struct lease *a = lease_of("a"), *b = lease_of("b");
	struct lease_view view;
	uint64_t term;

	assert_int_equal(lease_look(a, clock_boot_ns(), &view), LEASE_FREE);
	assert_int_equal(lease_take(a, &term), 0);
	assert_int_equal(lease_look(b, clock_boot_ns(), &view), LEASE_HELD);
	nats_own_kill(&server);
	usleep((LEASE_SILENT_MS + 500) * 1000);
	assert_int_equal(lease_look(b, clock_boot_ns(), &view), LEASE_UNKNOWN);
	assert_int_equal(nats_own_again(&server), 0);
	for (int i = 0; i < 50 && lease_look(b, clock_boot_ns(), &view) == LEASE_UNKNOWN; i++)
		usleep(100000);
	assert_int_equal(lease_look(b, clock_boot_ns(), &view), LEASE_HELD);
	lease_close(a);
	lease_close(b);
}

/* ---- The journal ---- */

/* Of hub 'run': DIR/RUN.journal. */
static struct journalstream *journal_of(const char *run)
{
	char path[128];
	const struct journalstream_options options = {
		.log = nats, .path = path, .run = run, .replicas = 1, .deposed = deposed
	};
	struct journalstream *stream;

	snprintf(path, sizeof(path), "%s/%s.journal", dir, run);
	assert_int_equal(journalstream_open(&options, &stream), 0);
	return stream;
}

static void file_write(const char *run, struct bytes text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s.journal", dir, run);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text), 0);
	close(fd);
}

static void file_is(const char *run, struct bytes text)
{
	char path[128];
	uint8_t *found = malloc(text.size + 1);
	int fd;

	snprintf(path, sizeof(path), "%s/%s.journal", dir, run);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, found, text.size + 1), text.size);
	assert_memory_equal(found, text.ptr, text.size);
	close(fd);
	free(found);
}

static void begin(struct journalstream *stream, const char *run)
{
	const struct journal_copy *copy = journalstream_copy(stream);
	char path[128];

	snprintf(path, sizeof(path), "%s/%s.journal", dir, run);
	assert_int_equal(copy->begin(copy->context, path), 0);
}

static int add(struct journalstream *stream, const char *text)
{
	const struct journal_copy *copy = journalstream_copy(stream);

	return copy->add(copy->context, bytes_from_str(text));
}

static int sync_now(struct journalstream *stream)
{
	const struct journal_copy *copy = journalstream_copy(stream);

	return copy->sync(copy->context);
}

static void test_next_hub_has_what_the_first_one_said(void **state)
{
	struct journalstream *a = journal_of("a"), *b = journal_of("b");

	file_write("a", bytes_from_str("of before."));
	file_write("b", bytes_from_str("never acknowledged"));
	assert_int_equal(journalstream_lead(a), 0);
	file_is("a", bytes_from_str("of before.")); /* the stream was empty */
	begin(a, "a");
	assert_int_equal(add(a, "one "), 0);
	assert_int_equal(add(a, "two "), 0);
	assert_int_equal(sync_now(a), 0);
	assert_int_equal(journalstream_follow(b), 0);
	assert_int_equal(add(a, "three"), 0);
	assert_int_equal(sync_now(a), 0);
	assert_int_equal(add(a, "not synced"), 0);
	assert_int_equal(journalstream_lead(b), 0);
	file_is("b", bytes_from_str("of before.one two three"));
	begin(b, "b"); /* adds nothing: there is something */
	if (!setjmp(out)) {
		(void)!sync_now(a);
		fail_msg("a hub that leads no longer has appended");
	}
	assert_int_equal(deposed_count, 1);
	assert_int_equal(add(b, "!"), 0);
	assert_int_equal(sync_now(b), 0);
	journalstream_close(a);
	journalstream_close(b);
	a = journal_of("a");
	assert_int_equal(journalstream_lead(a), 0);
	file_is("a", bytes_from_str("of before.one two three!"));
	journalstream_close(a);
}

static void exists(const char *name, bool expected)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(access(path, F_OK) == 0, expected);
}

/* A hub that was alone until now joins others that know nothing of it. */
static void test_journal_of_a_hub_alone_is_kept(void **state)
{
	struct journalstream *a = journal_of("a"), *b = journal_of("b");
	char path[128], before[128];

	file_write("a", bytes_from_str(""));
	assert_int_equal(journalstream_lead(a), 0);
	begin(a, "a");
	assert_int_equal(add(a, "of the cluster"), 0);
	assert_int_equal(sync_now(a), 0);
	file_write("b", bytes_from_str("decided alone"));
	assert_int_equal(journalstream_lead(b), 0);
	file_is("b", bytes_from_str("of the cluster"));
	/* It goes before it has led: what it has then is the stream's, and is not set aside. */
	journalstream_close(b);
	b = journal_of("b");
	assert_int_equal(journalstream_lead(b), 0);
	exists("b.journal.before.2", false);
	snprintf(before, sizeof(before), "%s/b.journal.before", dir);
	snprintf(path, sizeof(path), "%s/kept.journal", dir);
	assert_int_equal(rename(before, path), 0);
	file_is("kept", bytes_from_str("decided alone"));
	/* A try that ended between setting aside and putting in place is not made again and again. */
	journalstream_close(b);
	file_write("b", bytes_from_str("decided alone"));
	snprintf(path, sizeof(path), "%s/b.journal", dir);
	assert_int_equal(link(path, before), 0);
	snprintf(path, sizeof(path), "%s/b.journal" JOURNALFILE_COPIED, dir);
	assert_int_equal(unlink(path), 0);
	b = journal_of("b");
	assert_int_equal(journalstream_lead(b), 0);
	exists("b.journal.before", true);
	exists("b.journal.before.2", false);
	exists("b.journal" JOURNALFILE_COPIED, true);
	journalstream_close(a);
	journalstream_close(b);
}

static void *begin_thread(void *context)
{
	begin(context, "a");
	return NULL;
}

/* The cluster does not answer while the first leader gives what it has: another one would begin with nothing. */
static void test_first_journal_is_given_again(void **state)
{
	struct journalstream *a = journal_of("a"), *b;
	pthread_t thread;

	file_write("a", bytes_from_str("decided alone"));
	assert_int_equal(journalstream_lead(a), 0);
	nats_own_kill(&server);
	assert_int_equal(pthread_create(&thread, NULL, begin_thread, a), 0);
	usleep(2500000);
	assert_int_equal(nats_own_again(&server), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	b = journal_of("b");
	assert_int_equal(journalstream_lead(b), 0);
	file_is("b", bytes_from_str("decided alone"));
	journalstream_close(a);
	journalstream_close(b);
}

/* Of more messages than one, and what came before is forgotten. */
static void test_journal_written_anew(void **state)
{
	struct journalstream *a = journal_of("a"), *b = journal_of("b"), *c;
	size_t size = 3 * NATSLOG_CONTENT_MAX + 17;
	uint8_t *large = malloc(size);
	const struct journal_copy *copy = journalstream_copy(a);
	char path[128];
	uint64_t first, last;

	for (size_t i = 0; i < size; i++)
		large[i] = (uint8_t)(i * 31 + i / 255);
	file_write("a", bytes_from_str(""));
	assert_int_equal(journalstream_lead(a), 0);
	begin(a, "a");
	assert_int_equal(add(a, "old"), 0);
	assert_int_equal(sync_now(a), 0);
	assert_int_equal(journalstream_follow(b), 0);
	assert_int_equal(add(a, "in the file as well"), 0);
	file_write("a", bytes_of(large, size));
	snprintf(path, sizeof(path), "%s/a.journal", dir);
	assert_int_equal(copy->whole(copy->context, path), 0);
	assert_int_equal(sync_now(a), 0);
	assert_int_equal(natslog_ends(nats, JOURNALSTREAM_NAME, &first, &last), 0);
	assert_int_equal(last - first + 1, 6); /* S, four parts, E */
	c = journal_of("c"); /* comes when the beginning is gone */
	assert_int_equal(journalstream_follow(c), 0);
	assert_int_equal(journalstream_lead(b), 0); /* had read some of it */
	file_is("b", bytes_of(large, size));
	assert_int_equal(journalstream_lead(c), 0);
	file_is("c", bytes_of(large, size));
	free(large);
	journalstream_close(a);
	journalstream_close(b);
	journalstream_close(c);
}

static void test_whole_journal_that_broke_off(void **state)
{
	static const char *const messages[] = { "Sbroken", "sx", "Fnext " };
	struct journalstream *a = journal_of("a"), *b = journal_of("b");
	uint64_t last;

	file_write("a", bytes_from_str("first "));
	assert_int_equal(journalstream_lead(a), 0);
	begin(a, "a");
	last = journalstream_last(a);
	for (size_t i = 0; i < ARRAY_COUNT(messages); i++) {
		char id[8];

		snprintf(id, sizeof(id), "z-%zu", i);
		assert_int_equal(
			natslog_append(nats, JOURNALSTREAM_NAME, id, last, bytes_from_str(messages[i]), &last), 0);
	}
	assert_int_equal(journalstream_lead(b), 0);
	file_is("b", bytes_from_str("first next "));
	journalstream_close(a);
	journalstream_close(b);
}

/* A hub that led first and died before it had given its journal: the next one begins with its own. */
static void test_first_leader_that_gave_nothing(void **state)
{
	struct journalstream *a = journal_of("a"), *b = journal_of("b"), *c = journal_of("c");

	assert_int_equal(journalstream_lead(a), 0);
	file_write("b", bytes_from_str("mine"));
	assert_int_equal(journalstream_lead(b), 0);
	begin(b, "b");
	assert_int_equal(journalstream_lead(c), 0);
	file_is("c", bytes_from_str("mine"));
	journalstream_close(a);
	journalstream_close(b);
	journalstream_close(c);
}

static void test_not_a_journal(void **state)
{
	static const char *const messages[] = { "sx", "E", "?", "" };
	uint64_t last = 0;

	for (size_t i = 0; i < ARRAY_COUNT(messages); i++) {
		struct journalstream *a = journal_of("a");
		char id[8];

		snprintf(id, sizeof(id), "z-%zu", i);
		assert_int_equal(
			natslog_append(nats, JOURNALSTREAM_NAME, id, last, bytes_from_str(messages[i]), &last), 0);
		assert_int_equal(journalstream_lead(a), LUYTRE_E_CORRUPT);
		journalstream_close(a);
		assert_int_equal(natslog_purge(nats, JOURNALSTREAM_NAME, last + 1), 0);
	}
}

/* Frames wait, each is there once when the server is back, and in order. */
static void test_frames_wait_for_the_server(void **state)
{
	struct journalstream *a = journal_of("a"), *b;
	int error;

	file_write("a", bytes_from_str(""));
	assert_int_equal(journalstream_lead(a), 0);
	begin(a, "a");
	assert_int_equal(add(a, "1 "), 0);
	assert_int_equal(sync_now(a), 0);
	nats_own_kill(&server);
	assert_int_equal(add(a, "2 "), 0);
	assert_int_equal(sync_now(a), LUYTRE_E_BUSY);
	assert_int_equal(add(a, "3 "), 0);
	assert_int_equal(sync_now(a), LUYTRE_E_BUSY);
	assert_int_equal(nats_own_again(&server), 0);
	for (int i = 0; i < 50 && (error = sync_now(a)) != 0; i++)
		usleep(100000);
	assert_int_equal(error, 0);
	b = journal_of("b");
	assert_int_equal(journalstream_lead(b), 0);
	file_is("b", bytes_from_str("1 2 3 "));
	journalstream_close(a);
	journalstream_close(b);
}

/* Nothing may grow without an end while the cluster does not answer. */
static void test_too_many_frames(void **state)
{
	static char frame[256 << 10];
	struct journalstream *a = journal_of("a"), *b;
	const struct journal_copy *copy = journalstream_copy(a);
	int error = 0, count = 0;
	char path[128];

	memset(frame, 'x', sizeof(frame) - 1);
	file_write("a", bytes_from_str(""));
	assert_int_equal(journalstream_lead(a), 0);
	begin(a, "a");
	while (!error && count < 10000) {
		error = add(a, frame);
		count++;
	}
	assert_int_equal(error, LUYTRE_E_FULL);
	file_write("a", bytes_from_str("all of it"));
	snprintf(path, sizeof(path), "%s/a.journal", dir);
	assert_int_equal(copy->whole(copy->context, path), 0);
	assert_int_equal(add(a, ", and more"), 0);
	assert_int_equal(sync_now(a), 0);
	b = journal_of("b");
	assert_int_equal(journalstream_lead(b), 0);
	file_is("b", bytes_from_str("all of it, and more"));
	journalstream_close(a);
	journalstream_close(b);
}

/* ---- With the file and the engine ---- */

static struct journalfile *journal;

static int journal_frame(void *context, struct bytes frame)
{
	return journal ? journalfile_add(journal, frame) : 0;
}

static struct engine *engine_of(void)
{
	const struct engine_callbacks callbacks = { .journal = journal_frame };
	const struct siphash_key key = { 1, 2 };
	struct engine_limits limits;
	struct engine *engine;

	engine_limits_default(&limits);
	limits.records_max = limits.evidence_max = limits.changes_max = 1024;
	engine = engine_new(&limits, &callbacks, NULL, NULL, key);
	assert_non_null(engine);
	return engine;
}

static void order(struct engine *engine, uint8_t last)
{
	const uint8_t bytes[4] = { 203, 0, 113, last };
	const struct ip_addr addr = ip_addr_v4(bytes);
	struct observable source;
	const struct engine_order block = {
		.observable = &source, .level = DECIDE_BLOCK, .class = DECIDE_SCAN, .lifetime_s = 3600, .person = 1
	};

	observable_of_addr(&addr, &source);
	assert_int_equal(engine_order(engine, INT64_C(1795000000000000) + last, &block, NULL), 0);
}

/* A file that is synced is not enough: it is said again until the copy has it too. */
static void test_synced_is_what_both_have(void **state)
{
	struct journalstream *a = journal_of("a"), *b;
	struct engine *engine = engine_of(), *next;
	uint64_t epoch, number, next_epoch, next_number;
	char path[128];
	size_t cut_size;
	int error;

	snprintf(path, sizeof(path), "%s/a.journal", dir);
	assert_int_equal(journalstream_lead(a), 0);
	assert_int_equal(journalfile_open(path, engine, &journal, &cut_size), 0);
	assert_int_equal(journalfile_set_copy(journal, journalstream_copy(a)), 0);
	order(engine, 1);
	assert_int_equal(journalfile_sync(journal), 0);
	nats_own_kill(&server);
	order(engine, 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(journalfile_sync(journal), LUYTRE_E_BUSY);
	assert_int_equal(nats_own_again(&server), 0);
	for (int i = 0; i < 50 && (error = journalfile_sync(journal)) != 0; i++)
		usleep(100000);
	assert_int_equal(error, 0);
	engine_position(engine, &epoch, &number);
	b = journal_of("b");
	assert_int_equal(journalstream_lead(b), 0);
	journalfile_close(journal);
	journal = NULL;
	next = engine_of();
	snprintf(path, sizeof(path), "%s/b.journal", dir);
	assert_int_equal(journalfile_open(path, next, &journal, &cut_size), 0);
	assert_int_equal(cut_size, 0);
	engine_position(next, &next_epoch, &next_number);
	assert_int_equal(next_epoch, epoch);
	assert_int_equal(next_number, number);
	journalfile_close(journal);
	journal = NULL;
	engine_free(engine);
	engine_free(next);
	journalstream_close(a);
	journalstream_close(b);
}

/* ---- Keys ---- */

static void test_keys(void **state)
{
	static const char *const files[] = { "authority/authority.key", "authority/authority.pem", "policy.key",
		"auth.key", "cursor.key", "audit.key", "assessment.key" };
	char path[160], why[256], one[KEYS_PRINT_SIZE], other[KEYS_PRINT_SIZE];

	snprintf(path, sizeof(path), "%s/authority", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		FILE *file;

		assert_int_equal(keys_print(dir, one, why, sizeof(why)), LUYTRE_E_NOT_FOUND);
		assert_non_null(strstr(why, files[i]));
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		file = fopen(path, "we");
		assert_non_null(file);
		fprintf(file, "%zu", i);
		fclose(file);
	}
	assert_int_equal(keys_print(dir, one, why, sizeof(why)), 0);
	assert_int_equal(strlen(one), KEYS_PRINT_SIZE - 1);
	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		file = fopen(path, "we");
		assert_non_null(file);
		fprintf(file, "%zu+", i);
		fclose(file);
		assert_int_equal(keys_print(dir, other, why, sizeof(why)), 0);
		assert_string_not_equal(one, other);
		memcpy(one, other, sizeof(one));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_append_is_refused_behind_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_append_waits_for_the_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lease_is_taken_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lease_that_is_kept_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lease_of_a_silent_hub_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence_of_the_server_is_not_that_of_the_leader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_next_hub_has_what_the_first_one_said, setup, teardown),
		cmocka_unit_test_setup_teardown(test_journal_of_a_hub_alone_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_journal_is_given_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_journal_written_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whole_journal_that_broke_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_leader_that_gave_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_a_journal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frames_wait_for_the_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_frames, setup, teardown),
		cmocka_unit_test_setup_teardown(test_synced_is_what_both_have, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
	};
	struct nats_own probe;
	int error = nats_own_start(&probe);

	if (error == LUYTRE_E_NOT_FOUND) {
		fprintf(stderr, "skipped: nats-server is not installed\n");
		return 77;
	}
	if (error)
		return 1;
	nats_own_stop(&probe);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
