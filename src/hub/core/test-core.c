// SPDX-License-Identifier: Apache-2.0
/* The loop without its doors: a batch in, a decision out, whatever happens in between. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "bus/delta.h"
#include "hub/core/core.h"
#include "hub/edges/csrtest.h"
#include "hub/tenants/tenants.h"

enum { DELTAS_MAX = 64, TOLD_SIZE_MAX = 60 << 10 /* STREAM_DATA_MAX: more is not carried to edges */ };

static char dir[64];
static struct core *core;
static struct delta *deltas[DELTAS_MAX];
static size_t delta_count;
static uint64_t last_epoch, last_number;
static _Atomic size_t positions_told;
static uint32_t edge, second_edge, sender, tenants[3];

static void told(void *context, struct bytes text)
{
	struct delta *delta = calloc(1, sizeof(*delta));

	assert_true(text.size <= TOLD_SIZE_MAX);
	assert_true(delta && delta_count < DELTAS_MAX);
	assert_int_equal(delta_read(text, delta), 0);
	if (!delta->change_count && delta->epoch == last_epoch && delta->to == last_number) { /* the position, again */
		free(delta);
		positions_told++;
		return;
	}
	last_epoch = delta->epoch;
	last_number = delta->to;
	deltas[delta_count++] = delta;
}

static uint32_t revoked_edge;

static void revoked(void *context, uint32_t gone)
{
	revoked_edge = gone;
}

static void forget(void)
{
	while (delta_count)
		free(deltas[--delta_count]);
}

static int64_t now_us(void)
{
	return (int64_t)(clock_real_ns() / 1000);
}

static void open_core(void)
{
	const struct core_options options = { .state_dir = dir, .calls = { .decisions = told, .revoked = revoked } };
	char why[CORE_WHY_SIZE];
	int error = core_open(&options, &core, why);

	if (error)
		fail_msg("%s", why);
}

/* Three organisations of three provinces, each with a system and a /24: 198.51.100.0, .101.0, .102.0 */
static void make_tenants(const struct audit_origin *origin)
{
	const struct scope nation = { .all = true };
	struct tenants_why why = { 0 };
	const struct tenants_call call = { .db = core_db(core), .scope = &nation, .origin = origin, .why = &why };

	for (uint32_t i = 0; i < 3; i++) {
		struct tenant tenant = { .kind = TENANT_KIND_ORGANISATION };
		struct tenant_system system = { .level = 3 };
		struct tenant_asset asset = { 0 };

		snprintf(tenant.name, sizeof(tenant.name), "Sở %u", i);
		assert_int_equal(tenant_create(&call, &tenant, &tenant), 0);
		system.tenant = tenant.id;
		snprintf(system.name, sizeof(system.name), "Cổng dịch vụ công");
		assert_int_equal(tenant_system_create(&call, &system, &system), 0);
		asset.system = system.id;
		snprintf(asset.value, sizeof(asset.value), "198.51.%u.0/24", 100 + i);
		assert_int_equal(tenant_asset_create(&call, &asset, &asset), 0);
		tenants[i] = tenant.id;
	}
}

/* Null: of all tenants. */
static uint32_t make_edge(const struct audit_origin *origin, const uint32_t *tenant)
{
	const struct edges_invitation invitation = { .name = "Hà Nội 1",
		.bound = { .all = !tenant, .tenants = tenant, .tenant_count = tenant != NULL } };
	char token[EDGES_TOKEN_SIZE], *pem = csrtest_pem(NULL, NULL, NULL);
	struct edges_enrolled enrolled;
	uint32_t id;

	assert_int_equal(edges_token(core_edges(core), origin, &invitation, token, &id), 0);
	assert_int_equal(edges_enrol(core_edges(core), origin, bytes_from_str(token), bytes_from_str(pem),
				 bytes_from_str("luytre 0.1.0"), &enrolled),
		0);
	free(enrolled.certificate.pem);
	free(pem);
	return enrolled.id;
}

static int setup(void **state)
{
	const struct audit_origin origin = { .actor = "account:1 lan", .now_us = now_us() };

	snprintf(dir, sizeof(dir), "/tmp/luytre-test-core-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	open_core();
	core_lock(core);
	make_tenants(&origin);
	edge = sender = make_edge(&origin, NULL);
	second_edge = make_edge(&origin, &tenants[1]);
	core_unlock(core);
	core_close(core);
	open_core(); /* knows the tenants from the tables */
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	core_close(core);
	forget();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

#define BOOT "0123456789abcdef0123456789abcdef"

static void write_line(char line[1024], const char *source, unsigned int victim, bool hold)
{
	char stamp[40];
	time_t now = time(NULL);
	struct tm parts;

	gmtime_r(&now, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &parts);
	snprintf(line, 1024,
		"{\"timestamp\":\"%s\",\"event_type\":\"gate\",\"src_ip\":\"%s\",\"src_port\":4711,\"dest_ip\":\"198."
		"51.%u.5\","
		"\"dest_port\":443,\"proto\":\"TCP\",\"gate\":{\"action\":\"deny\",\"wanted\":\"deny\",\"shadow\":"
		"false,"
		"\"rule\":%u%s,\"reason\":\"rule\"},\"rules\":[{\"id\":%u,\"msg\":\"Log4Shell\"}],\"http\":{\"url\":\"/"
		"tim?q=x\"}}",
		stamp, source, 100 + victim, hold ? 8100010U : 949110U, hold ? ",\"hold\":\"CVE-2021-44228\"" : "",
		hold ? 8100010U : 949110U);
}

/* A batch with one line. */
static int send_line(uint64_t seq, const char *line, struct core_ack *ret)
{
	const struct batch_head head = { .edge = sender, .boot = BOOT, .seq = seq, .made_us = now_us() };
	struct batch_writer *writer;
	struct bytes packed;
	int error;

	assert_int_equal(batch_writer_new(&writer), 0);
	assert_int_equal(batch_add(writer, bytes_from_str(line)), 0);
	assert_int_equal(batch_pack(writer, &head, &packed), 0);
	error = core_batch(core, sender, packed, now_us(), ret);
	batch_writer_free(writer);
	return error;
}

/* One alert about 'source' at tenant 'victim'. */
static int send_alert(uint64_t seq, const char *source, unsigned int victim, bool hold, struct core_ack *ret)
{
	char line[1024];

	write_line(line, source, victim, hold);
	return send_line(seq, line, ret);
}

static int count_event(void *context, const struct ev_event *event)
{
	++*(size_t *)context;
	return 0;
}

static size_t stored_events(void)
{
	const struct scope nation = { .all = true };
	const struct ev_filter filter = {
		.scope = &nation, .from_us = now_us() - 3600 * INT64_C(1000000), .until_us = now_us() + 1000000
	};
	struct ev_reader *reader;
	size_t count = 0;

	assert_int_equal(ev_reader_open(core_events(core), &reader), 0);
	assert_int_equal(ev_page(reader, &filter, NULL, EV_PAGE_MAX, count_event, &count), 0);
	ev_reader_close(reader);
	return count;
}

/* The decision about an address as edges know it from a snapshot; false: none. */
static bool in_snapshot(const char *source, struct delta_change *ret)
{
	uint8_t keys[1][BUNDLE_PUBLIC_SIZE];
	struct core_bundle *text;
	size_t pos = 0;
	struct bundle bundle;
	struct delta_snapshot snapshot;
	struct bytes content;
	struct ip_addr addr;
	bool found = false;

	assert_int_equal(ip_addr_parse(bytes_from_str(source), &addr), 0);
	core_policy_key(core, keys[0]);
	assert_int_equal(core_snapshot(core, now_us(), &text), 0);
	assert_int_equal(bundle_open(text->text, keys, 1, &bundle), 0);
	assert_true(bundle_find(&bundle, "decisions.bin", &content));
	assert_int_equal(delta_snapshot_open(content, &snapshot), 0);
	while (!found && delta_snapshot_next(&snapshot, &pos, ret))
		found = ip_prefix_contains(&ret->prefix, &addr);
	core_bundle_unref(text);
	return found;
}

/* One organisation is hit by what a hold stops: all edges are told to block, for two minutes. */
static void test_one_is_hit(void **state)
{
	struct core_ack ack;
	struct delta_change put;
	size_t before = stored_events();

	forget();
	assert_int_equal(send_alert(1, "203.0.113.9", 0, true, &ack), 0);
	assert_int_equal(ack.acked, 1);
	assert_int_equal(stored_events(), before + 1);
	assert_int_equal(delta_count, 1);
	assert_int_equal(deltas[0]->change_count, 1);
	assert_true(deltas[0]->to == ack.number && deltas[0]->epoch == ack.epoch);
	put = deltas[0]->changes[0];
	assert_int_equal(put.op, DELTA_PUT);
	assert_int_equal(put.action, DELTA_BLOCK);
	assert_string_equal(put.reason, "web");
	assert_true(
		put.until_us > now_us() + 100 * INT64_C(1000000) && put.until_us < now_us() + 125 * INT64_C(1000000));
	assert_true(in_snapshot("203.0.113.9", &put));
	assert_int_equal(put.action, DELTA_BLOCK);
}

/* The same batch again: acknowledged, stored once, nobody is told. */
static void test_again(void **state)
{
	struct core_ack ack;
	size_t before = stored_events();

	forget();
	assert_int_equal(send_alert(1, "203.0.113.9", 0, true, &ack), 0);
	assert_int_equal(ack.acked, 1);
	assert_int_equal(stored_events(), before);
	assert_int_equal(delta_count, 0);
}

/* A second organisation sees it too: hours instead of minutes. */
static void test_quorum(void **state)
{
	struct core_ack ack;
	struct delta_change put;

	forget();
	sender = second_edge;
	assert_int_equal(send_alert(2, "203.0.113.9", 1, true, &ack), 0);
	sender = edge;
	assert_true(delta_count >= 1);
	assert_true(in_snapshot("203.0.113.9", &put));
	assert_true(put.until_us > now_us() + 3600 * INT64_C(1000000));
}

/* An ordinary score of one organisation blocks nobody. */
static void test_ordinary(void **state)
{
	struct core_ack ack;
	struct delta_change put;

	assert_int_equal(send_alert(3, "203.0.113.77", 0, false, &ack), 0);
	if (in_snapshot("203.0.113.77", &put))
		assert_int_not_equal(put.action, DELTA_BLOCK);
}

static void test_restart(void **state)
{
	struct core_ack ack;
	struct delta_change before, after;
	uint64_t epoch, number, epoch_after, number_after;

	assert_true(in_snapshot("203.0.113.9", &before));
	core_position(core, &epoch, &number);
	core_close(core);
	open_core();
	core_position(core, &epoch_after, &number_after);
	assert_true(epoch == epoch_after && number == number_after);
	assert_true(in_snapshot("203.0.113.9", &after));
	assert_memory_equal(&before, &after, sizeof(before));
	forget();
	assert_int_equal(send_alert(3, "203.0.113.77", 0, false, &ack), 0); /* known over the restart */
	assert_int_equal(delta_count, 0);
}

/* One action lifts everything: a new epoch with nothing in it. */
static void test_undo_all(void **state)
{
	struct delta_change put;
	size_t lifted;

	forget();
	core_lock(core);
	lifted = engine_undo_all(core_engine(core), now_us(), 1);
	core_unlock(core);
	assert_true(lifted >= 1);
	assert_int_equal(delta_count, 1);
	assert_int_equal(deltas[0]->change_count, 0);
	assert_false(in_snapshot("203.0.113.9", &put));
}

/* The hub's own decisions only watched, and in force again; what a person ordered is not concerned. */
static void test_collective(void **state)
{
	static const char own[] = "203.0.113.31", later[] = "203.0.113.32", ordered[] = "203.0.113.33";
	struct observable source;
	const struct engine_order made = {
		.observable = &source, .level = DECIDE_BLOCK, .class = DECIDE_WEB, .lifetime_s = 600, .person = 1
	};
	struct delta_change put;
	struct core_ack ack;
	struct ip_addr addr;
	uint64_t epoch, number;

	assert_int_equal(ip_addr_parse(bytes_from_str(ordered), &addr), 0);
	observable_of_addr(&addr, &source);
	assert_int_equal(send_alert(70, own, 0, true, &ack), 0);
	core_lock(core);
	assert_int_equal(engine_order(core_engine(core), now_us(), &made, NULL), 0);
	core_unlock(core);
	assert_true(in_snapshot(own, &put) && put.action == DELTA_BLOCK);
	core_position(core, &epoch, &number);
	forget();
	core_set_collective(core, true, now_us()); /* nothing new */
	assert_int_equal(delta_count, 0);

	core_set_collective(core, false, now_us());
	/* Whoever stood before has missed something. */
	assert_int_equal(delta_count, 1);
	assert_true(deltas[0]->epoch == epoch && deltas[0]->from == number + 1 && deltas[0]->to == number + 1);
	assert_int_equal(deltas[0]->change_count, 0);
	assert_true(in_snapshot(own, &put) && put.action == DELTA_WATCH);
	assert_true(in_snapshot(ordered, &put) && put.action == DELTA_BLOCK);
	assert_int_equal(send_alert(71, later, 0, true, &ack), 0);
	assert_int_equal(delta_count, 2);
	assert_true(deltas[1]->from == number + 1 && deltas[1]->change_count == 1);
	assert_true(deltas[1]->changes[0].op == DELTA_PUT && deltas[1]->changes[0].action == DELTA_WATCH);

	core_set_collective(core, true, now_us());
	assert_true(in_snapshot(own, &put) && put.action == DELTA_BLOCK);
	assert_true(in_snapshot(later, &put) && put.action == DELTA_BLOCK);
	core_position(core, &epoch, &number);
	core_close(core); /* numbers that were given out are not given out again */
	open_core();
	core_position(core, &ack.epoch, &ack.number);
	assert_true(ack.epoch == epoch && ack.number == number);
}

/* What a person ordered stands: edges must not take the new epoch as one with nothing in it. */
static void test_undo_all_but_orders(void **state)
{
	struct observable source;
	const struct engine_order made = {
		.observable = &source, .level = DECIDE_BLOCK, .class = DECIDE_WEB, .lifetime_s = 600, .person = 1
	};
	struct delta_change put;
	struct ip_addr addr;
	uint64_t epoch, number;

	assert_int_equal(ip_addr_parse(bytes_from_str("203.0.113.66"), &addr), 0);
	observable_of_addr(&addr, &source);
	core_lock(core);
	assert_int_equal(engine_order(core_engine(core), now_us(), &made, NULL), 0);
	core_unlock(core);
	forget();
	core_lock(core);
	engine_undo_all(core_engine(core), now_us(), 1);
	core_unlock(core);
	core_position(core, &epoch, &number);
	assert_int_equal(delta_count, 1);
	assert_true(deltas[0]->epoch == epoch && deltas[0]->from > number && deltas[0]->change_count == 0);
	assert_true(in_snapshot("203.0.113.66", &put));
	source.key.bytes[3]++;
	core_lock(core);
	assert_int_equal(engine_order(core_engine(core), now_us(), &made, NULL), 0);
	core_unlock(core);
	assert_int_equal(delta_count, 2);
	assert_true(deltas[1]->from == number && deltas[1]->change_count == 1); /* goes on from the snapshot */
}

/* More changes at once than one text carries: several texts, each beginning where the one before ended. */
static void test_burst(void **state)
{
	enum { SOURCES = 1200 };
	struct observable source;
	const struct engine_order made = {
		.observable = &source, .level = DECIDE_BLOCK, .class = DECIDE_WEB, .lifetime_s = 600, .person = 1
	};
	uint8_t bytes[4] = { 192, 0, 2, 0 };
	struct ip_addr addr;
	uint64_t epoch, number, at;
	size_t changes = 0;

	core_position(core, &epoch, &at);
	forget();
	core_lock(core);
	for (size_t i = 0; i < SOURCES; i++) {
		bytes[2] = (uint8_t)(2 + i / 256);
		bytes[3] = (uint8_t)i;
		addr = ip_addr_v4(bytes);
		observable_of_addr(&addr, &source);
		assert_int_equal(engine_order(core_engine(core), now_us(), &made, NULL), 0);
	}
	core_unlock(core);
	core_position(core, &epoch, &number);
	assert_true(delta_count > 1);
	for (size_t i = 0; i < delta_count; i++) {
		assert_true(deltas[i]->from == at);
		at = deltas[i]->to;
		changes += deltas[i]->change_count;
	}
	assert_true(at == number && changes == SOURCES);
}

/* Once made, the same for all. */
static void test_snapshot_shared(void **state)
{
	struct core_bundle *one, *two, *three;
	struct core_ack ack;

	assert_int_equal(core_snapshot(core, now_us(), &one), 0);
	assert_int_equal(core_snapshot(core, now_us(), &two), 0);
	assert_ptr_equal(one, two);
	assert_int_equal(send_alert(21, "203.0.113.111", 0, false, &ack), 0);
	core_lock(core);
	engine_undo_all(core_engine(core), now_us(), 1);
	core_unlock(core);
	assert_int_equal(core_snapshot(core, now_us(), &three), 0);
	assert_ptr_not_equal(one, three);
	assert_true(three->epoch == one->epoch + 1);
	core_bundle_unref(one);
	core_bundle_unref(two);
	core_bundle_unref(three);
}

/* Two hubs in one folder would spoil it. */
static void test_one_hub(void **state)
{
	const struct core_options options = { .state_dir = dir };
	struct core_options elsewhere = { 0 };
	char why[CORE_WHY_SIZE], name[1024];
	struct core *other;

	assert_int_equal(core_open(&options, &other, why), LUYTRE_E_BUSY);
	assert_non_null(strstr(why, dir));
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	elsewhere.state_dir = name;
	assert_int_equal(core_open(&elsewhere, &other, why), LUYTRE_E_RANGE);
}

/* Who missed a text hears of it soon, even when nothing else happens. */
static void test_position_told(void **state)
{
	size_t before = positions_told;

	for (int i = 0; i < 120 && positions_told == before; i++)
		usleep(100000);
	assert_true(positions_told > before);
}

static void test_audit(void **state)
{
	struct audit_result result;

	assert_int_equal(core_audit(core, &result), 0);
	assert_int_equal(result.fault, AUDIT_WHOLE);
	assert_true(result.record_count >= 2); /* the token, the entry */
}

/* What was signed is held against the key and the lines that lie in the state folder. */
static void test_audit_signed(void **state)
{
	char path[128], line[AUDIT_LINE_SIZE];
	struct audit_result result;
	struct audit_key key;

	snprintf(path, sizeof(path), "%s/audit.key", dir);
	assert_int_equal(audit_key_load(path, &key), 0);
	core_lock(core);
	assert_int_equal(audit_sign(core_db(core), &key, now_us(), line), 0);
	core_unlock(core);
	snprintf(path, sizeof(path), "%s/audit.heads", dir);
	assert_int_equal(audit_export(path, line), 0);
	assert_int_equal(core_audit(core, &result), 0);
	assert_int_equal(result.fault, AUDIT_WHOLE);
	assert_true(result.head_count >= 1 && result.signed_until > 0);
	/* Another key has signed: it is told. */
	snprintf(path, sizeof(path), "%s/audit.key", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(audit_key_load(path, &key), 0);
	assert_int_equal(core_audit(core, &result), 0);
	assert_int_equal(result.fault, AUDIT_SIGNATURE);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/audit.heads", dir);
	assert_int_equal(unlink(path), 0);
}

static void test_refused(void **state)
{
	const struct batch_head head = { .edge = edge + 1, .boot = BOOT, .seq = 1 };
	struct batch_writer *writer;
	struct bytes packed;
	struct core_ack ack;

	assert_int_equal(batch_writer_new(&writer), 0);
	assert_int_equal(batch_pack(writer, &head, &packed), 0);
	assert_int_equal(core_batch(core, edge, packed, now_us(), &ack), LUYTRE_E_PERMISSION);
	assert_int_equal(core_batch(core, edge, bytes_from_str("nonsense"), now_us(), &ack), LUYTRE_E_CORRUPT);
	batch_writer_free(writer);
}

static uint64_t stored_until(size_t *ret_count)
{
	*ret_count = stored_events();
	return edges_find(core_edges(core), edge)->acked;
}

/* Killed at random moments while batches come: whatever was acknowledged is there, once. */
static void test_killed(void **state)
{
	enum { ROUNDS = 6 };
	uint64_t seq = 100;
	size_t before, after;

	stored_until(&before);
	core_close(core);
	core = NULL;
	for (int round = 0; round < ROUNDS; round++) {
		int ends[2], status;
		uint64_t acked = 0, number;
		pid_t child;

		assert_int_equal(pipe(ends), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			struct core_ack ack;

			open_core();
			for (number = seq + 1;; number++) {
				if (send_alert(number, "203.0.113.200", 2, false, &ack) || ack.acked != number ||
					write(ends[1], &number, sizeof(number)) != sizeof(number))
					_exit(1);
			}
		}
		close(ends[1]);
		while (acked < seq + 3 + (uint64_t)round * 2 &&
			read(ends[0], &number, sizeof(number)) == sizeof(number))
			acked = number;
		kill(child, SIGKILL);
		while (read(ends[0], &number, sizeof(number)) == sizeof(number))
			acked = number;
		close(ends[0]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && acked > seq);
		open_core();
		stored_until(&after);
		/* The last one may have been stored without its acknowledgement having been read: then it is sent again. */
		assert_true(after - before == acked - seq || after - before == acked - seq + 1);
		for (number = seq + 1; number <= acked + 1; number++) {
			struct core_ack ack;

			assert_int_equal(send_alert(number, "203.0.113.200", 2, false, &ack), 0);
		}
		stored_until(&after);
		assert_int_equal(after - before, acked + 1 - seq);
		before = after;
		seq = acked + 1;
		core_close(core);
		core = NULL;
	}
	open_core();
}

/* One captured edge lies about three organisations: its word is that of one. */
static void test_one_edge_is_one_voice(void **state)
{
	struct core_ack ack;
	struct delta_change put;

	for (unsigned int victim = 0; victim < 3; victim++)
		assert_int_equal(send_alert(30 + victim, "203.0.113.150", victim, true, &ack), 0);
	assert_true(in_snapshot("203.0.113.150", &put));
	assert_true(put.until_us < now_us() + 125 * INT64_C(1000000));
	sender = second_edge;
	assert_int_equal(send_alert(30, "203.0.113.150", 1, true, &ack), 0);
	sender = edge;
	assert_true(in_snapshot("203.0.113.150", &put));
	assert_true(put.until_us > now_us() + 3600 * INT64_C(1000000)); /* that was a second one */
}

static void write_flow(char line[1024], const char *source, const char *target)
{
	write_line(line, source, 0, true);
	/* The line of write_line names its target once. */
	char *at = strstr(line, "198.51.100.5"), tail[1024];

	snprintf(tail, sizeof(tail), "%s", at + strlen("198.51.100.5"));
	snprintf(at, (size_t)(1024 - (at - line)), "%s%s", target, tail);
}

/* An edge that speaks about others: kept for people, no voice. */
static void test_not_behind_the_edge(void **state)
{
	struct core_stats before, after;
	struct core_ack ack;
	struct delta_change put;
	char line[1024];
	size_t stored = stored_events();

	core_stats(core, &before);
	sender = second_edge;
	assert_int_equal(send_alert(40, "203.0.113.160", 0, true, &ack), 0);
	/* What leaves for another organisation does not make that one an attacker. */
	write_flow(line, "198.51.101.5", "198.51.100.5");
	assert_int_equal(send_line(41, line, &ack), 0);
	core_stats(core, &after);
	assert_int_equal(stored_events(), stored + 2);
	assert_int_equal(after.refused_edge, before.refused_edge + 2);
	assert_int_equal(after.unmapped, before.unmapped + 2);
	assert_int_equal(after.sightings, before.sightings);
	assert_false(in_snapshot("203.0.113.160", &put));
	assert_false(in_snapshot("198.51.100.5", &put));
	assert_int_equal(send_alert(42, "203.0.113.160", 1, true, &ack), 0); /* its own */
	assert_true(in_snapshot("203.0.113.160", &put));
	sender = edge;
}

static void create_asset(struct db *db, uint32_t tenant, const char *value)
{
	const struct audit_origin origin = { .actor = "account:1 lan", .now_us = now_us() };
	const struct scope nation = { .all = true };
	const struct tenants_call call = { .db = db, .scope = &nation, .origin = &origin };
	struct tenant_system system = { .level = 3, .tenant = tenant, .name = "Cổng mới" };
	struct tenant_asset asset = { 0 };

	assert_int_equal(tenant_system_create(&call, &system, &system), 0);
	asset.system = system.id;
	snprintf(asset.value, sizeof(asset.value), "%s", value);
	assert_int_equal(tenant_asset_create(&call, &asset, &asset), 0);
}

/* A new organisation below one that lies behind the edge lies behind it too, within two seconds of being registered by somebody else. */
static void test_below_lies_behind_too(void **state)
{
	const struct audit_origin origin = { .actor = "account:1 lan", .now_us = now_us() };
	const struct scope nation = { .all = true };
	char place[96], line[1024], why[DB_WHY_SIZE];
	struct tenant child = { .parent = tenants[1], .name = "Trung tâm" };
	struct delta_change put;
	struct core_ack ack;
	struct db *db;
	bool found = false;

	snprintf(place, sizeof(place), "sqlite:%s/control.db", dir);
	assert_int_equal(db_open(place, &db, why), 0);
	const struct tenants_call call = { .db = db, .scope = &nation, .origin = &origin };

	sender = second_edge;
	write_flow(line, "203.0.113.170", "198.51.103.7");
	assert_int_equal(send_line(50, line, &ack), 0);
	assert_false(in_snapshot("203.0.113.170", &put));
	assert_int_equal(tenant_create(&call, &child, &child), 0);
	create_asset(db, child.id, "198.51.103.0/24");
	db_close(db);
	for (uint64_t i = 0; i < 20 && !found; i++) {
		usleep(100000);
		assert_int_equal(send_line(51 + i, line, &ack), 0);
		found = in_snapshot("203.0.113.170", &put);
	}
	sender = edge;
	assert_true(found);
}

/* The door hears of it, and only when it is so. */
static void test_revoked(void **state)
{
	const struct audit_origin origin = { .actor = "account:1 lan", .now_us = now_us() };
	uint32_t gone;

	core_lock(core);
	gone = make_edge(&origin, NULL);
	assert_int_equal(core_revoke(core, &origin, gone + 1, "lost"), LUYTRE_E_NOT_FOUND);
	assert_int_equal(revoked_edge, 0);
	assert_int_equal(core_revoke(core, &origin, gone, "lost"), 0);
	core_unlock(core);
	assert_int_equal(revoked_edge, gone);
}

/* What is not registered is listed by address and edge. */
static void test_unmapped(void **state)
{
	const struct unmapped_row *row = NULL;
	struct core_ack ack;
	char line[1024], text[IP_ADDR_TEXT_SIZE];
	uint64_t after = 0;
	size_t count = 0;

	write_flow(line, "203.0.113.180", "198.51.200.9");
	assert_int_equal(send_line(60, line, &ack), 0);
	assert_int_equal(send_line(61, line, &ack), 0);
	core_lock(core);
	for (const struct unmapped_row *next; (next = unmapped_next(core_unmapped(core), after)); after = next->id) {
		ip_addr_format(&next->addr, text);
		assert_true(strcmp(text, "198.51.100.5") != 0); /* registered, if not behind that edge */
		count++;
		if (strcmp(text, "198.51.200.9") == 0)
			row = next;
	}
	core_unlock(core);
	assert_non_null(row);
	assert_true(row->edge == edge && row->packets == 2 && row->last_us >= row->first_us);
}

/* Beyond the ceiling the oldest goes. */
static void test_unmapped_ceiling(void **state)
{
	struct unmapped *unmapped = unmapped_new();
	struct ev_event event = { .edge = 3, .count = 5, .time_us = 7 };
	const struct unmapped_row *row;
	uint64_t after = 0;
	size_t count = 0;

	assert_non_null(unmapped);
	event.dst.family = IP_V4;
	for (uint32_t i = 0; i < UNMAPPED_MAX + 10; i++) {
		event.dst.bytes[2] = (uint8_t)(i >> 8);
		event.dst.bytes[3] = (uint8_t)i;
		event.time_us++;
		unmapped_note(unmapped, &event);
		unmapped_note(unmapped, &event);
	}
	assert_true(unmapped_evicted(unmapped) == 10);
	for (; (row = unmapped_next(unmapped, after)); after = row->id, count++)
		assert_true(row->id > after && row->packets == 10 && row->id >= 11);
	assert_true(count == UNMAPPED_MAX);
	event.dst.bytes[2] = event.dst.bytes[3] = 0; /* forgotten: it is new again */
	event.edge = 4;
	unmapped_note(unmapped, &event);
	row = unmapped_next(unmapped, after);
	assert_true(row && row->edge == 4 && row->packets == 5 && !unmapped_next(unmapped, row->id));
	unmapped_free(unmapped);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_one_is_hit), cmocka_unit_test(test_again),
		cmocka_unit_test(test_quorum), cmocka_unit_test(test_ordinary), cmocka_unit_test(test_restart),
		cmocka_unit_test(test_one_edge_is_one_voice), cmocka_unit_test(test_not_behind_the_edge),
		cmocka_unit_test(test_below_lies_behind_too), cmocka_unit_test(test_revoked),
		cmocka_unit_test(test_unmapped), cmocka_unit_test(test_unmapped_ceiling),
		cmocka_unit_test(test_collective), cmocka_unit_test(test_undo_all),
		cmocka_unit_test(test_undo_all_but_orders), cmocka_unit_test(test_snapshot_shared),
		cmocka_unit_test(test_one_hub), cmocka_unit_test(test_audit), cmocka_unit_test(test_audit_signed),
		cmocka_unit_test(test_position_told), cmocka_unit_test(test_refused), cmocka_unit_test(test_killed),
		cmocka_unit_test(test_burst) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
