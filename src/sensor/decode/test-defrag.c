// SPDX-License-Identifier: Apache-2.0
/* Fragments in every order, with every overlap policy, and at the ceilings. */
#include "sensor/decode/defrag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "sensor/decode/checksum.h"
#include "sensor/decode/events.h"
#include "sensor/settings.h"
#include "sensor/stats.h"

enum { UNIT = 8, HEAD_SIZE = 20, DATA_MAX = 2048 };

#define NS_PER_S UINT64_C(1000000000)

struct fixture {
	struct sensor_settings *settings;
	uint64_t counters[STATS_COUNTERS_MAX];
	struct defrag *defrag;
};

static void open_fixture(struct fixture *f, const char *const *sets, unsigned int set_count)
{
	const struct sensor_options options = { .sets = sets, .set_count = set_count, .offline = true };

	memset(f, 0, sizeof(*f));
	assert_int_equal(sensor_settings_load(&options, &f->settings), 0);
	f->defrag = defrag_new(f->settings, f->counters, (struct siphash_key){ 1, 2 });
	assert_non_null(f->defrag);
	defrag_frame(f->defrag, NS_PER_S);
}

static void close_fixture(struct fixture *f)
{
	defrag_free(f->defrag);
	sensor_settings_free(f->settings);
}

static const uint8_t ip_head[HEAD_SIZE] = { 0x45, 0, 0, 0, 0, 7, 0x20, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2 };

/* A packet as the decoder has it when it meets a fragment of datagram 'id'. */
static struct sensor_packet *fragment_of(uint32_t id, uint16_t offset, bool more)
{
	static struct sensor_packet packet;

	packet_reset(&packet);
	packet.family = IP_V4;
	packet.src = ip_addr_v4(ip_head + 12);
	packet.dst = ip_addr_v4(ip_head + 16);
	packet.protocol = 17;
	packet.fragment_id = id;
	packet.fragment_offset = offset;
	packet.more_fragments = more;
	return &packet;
}

static bool add(
	struct fixture *f, struct sensor_packet *p, const uint8_t *data, size_t size, struct defrag_datagram *ret)
{
	const struct defrag_piece piece = { .head = bytes_of(ip_head, HEAD_SIZE), .data = bytes_of(data, size) };

	return defrag_add(f->defrag, p, &piece, ret);
}

/* "1:0-3": a fragment of '1' that covers the units 0, 1, 2. A '.' behind it: the last one. */
static bool add_text(struct fixture *f, const char *text, struct defrag_datagram *ret, bool *ret_overlap)
{
	unsigned int start, end;
	char mark, last = '\0';
	uint8_t data[DATA_MAX];
	struct sensor_packet *p;
	bool whole;

	assert_true(sscanf(text, "%c:%u-%u%c", &mark, &start, &end, &last) >= 3);
	memset(data, mark, sizeof(data));
	p = fragment_of(7, (uint16_t)(start * UNIT), last != '.');
	whole = add(f, p, data, (size_t)(end - start) * UNIT, ret);
	*ret_overlap = packet_has_event(p, EVENT_IPV4_FRAG_OVERLAP);
	return whole;
}

/* One character for each unit of eight bytes, which must all be the same. */
static void units_of(const struct defrag_datagram *datagram, char *text)
{
	struct bytes data = bytes_skip(datagram->frame, HEAD_SIZE);

	for (; data.size >= UNIT; data = bytes_skip(data, UNIT)) {
		for (size_t i = 1; i < UNIT; i++)
			assert_int_equal(data.ptr[i], data.ptr[0]);
		*text++ = (char)data.ptr[0];
	}
	*text = '\0';
}

/* The first is the sequence of Novak's paper (section 3), with the answers given there. */
static void overlaps_as_the_target_would(void **state)
{
	static const char *const paper[] = { "1:0-3", "2:4-6", "3:6-9", "4:1-5", "5:6-9", "6:9-12.", NULL };
	static const char *const inside[] = { "1:2-4", "2:1-5", "3:0-1", "4:5-6.", NULL };
	static const char *const flush[] = { "1:2-5", "2:1-5", "3:0-1", "4:5-6.", NULL };
	static const char *const split[] = { "1:0-5", "2:2-3", "3:5-6.", NULL };
	static const struct {
		const char *set;
		const char *const *fragments;
		const char *units;
	} rows[] = {
		{ "host-os-policy.bsd=198.51.100.2", paper, "111442333666" },
		{ "host-os-policy.bsd-right=198.51.100.2", paper, "144422555666" },
		{ "host-os-policy.linux=198.51.100.2", paper, "111442555666" },
		{ "host-os-policy.macos=198.51.100.2", paper, "111422333666" },
		{ "host-os-policy.windows=198.51.100.2", paper, "111422333666" },
		{ "host-os-policy.solaris=198.51.100.2", paper, "111422333666" },
		{ "host-os-policy.windows=198.51.100.2", inside, "322224" },
		{ "host-os-policy.solaris=198.51.100.2", inside, "322224" },
		{ "host-os-policy.macos=198.51.100.2", inside, "321124" },
		{ "host-os-policy.windows=198.51.100.2", flush, "321114" },
		{ "host-os-policy.solaris=198.51.100.2", flush, "322224" },
		{ "host-os-policy.bsd-right=198.51.100.2", split, "112113" },
		{ "host-os-policy.bsd=198.51.100.2", split, "111113" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture f;
		struct defrag_datagram whole = { 0 };
		bool done = false, overlap, overlaps = false;
		char text[64];

		open_fixture(&f, &rows[i].set, 1);
		for (const char *const *fragment = rows[i].fragments; *fragment; fragment++) {
			assert_false(done);
			done = add_text(&f, *fragment, &whole, &overlap);
			overlaps |= overlap;
		}
		assert_true(done && overlaps);
		units_of(&whole, text);
		if (strcmp(text, rows[i].units))
			print_error("%s\n", rows[i].set);
		assert_string_equal(text, rows[i].units);
		assert_int_equal(defrag_memory(f.defrag), 0);
		close_fixture(&f);
	}
}

/* All orders of four fragments give the same datagram, with a header put right. */
static void order_does_not_matter(void **state)
{
	static const char *const parts[] = { "1:0-1", "2:1-3", "3:3-4", "4:4-5." };
	struct fixture f;

	(void)state;
	open_fixture(&f, NULL, 0);
	for (unsigned int order = 0; order < 256; order++) {
		unsigned int pick[4] = { order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 };
		struct defrag_datagram whole;
		bool overlap, done = false;
		char text[64];

		if ((1u << pick[0] | 1u << pick[1] | 1u << pick[2] | 1u << pick[3]) != 15)
			continue;
		for (int i = 0; i < 4; i++) {
			assert_false(done);
			done = add_text(&f, parts[pick[i]], &whole, &overlap);
			assert_false(overlap);
		}
		assert_true(done);
		units_of(&whole, text);
		assert_string_equal(text, "12234");
		assert_int_equal(whole.frame.size, HEAD_SIZE + 5 * UNIT);
		assert_int_equal(whole.frame.ptr[2] << 8 | whole.frame.ptr[3], whole.frame.size);
		assert_int_equal(whole.frame.ptr[6] | whole.frame.ptr[7], 0);
		assert_int_equal(checksum_fold(checksum_add(0, whole.frame.ptr, HEAD_SIZE)), UINT16_MAX);
		defrag_frame(f.defrag, NS_PER_S);
	}
	close_fixture(&f);
}

/* Random fragments, the first copy of a byte wins, against a plain buffer. */
static void agrees_with_a_plain_buffer(void **state)
{
	static const char *const set = "host-os-policy.macos=198.51.100.2";
	struct fixture f;
	uint32_t seed = 7;

	(void)state;
	open_fixture(&f, &set, 1);
	for (int round = 0; round < 500; round++) {
		char expected[33] = "", text[64] = "";
		bool done = false, overlap;
		struct defrag_datagram whole;

		memset(expected, 0, sizeof(expected));
		for (int i = 0; i < 200 && !done; i++) {
			unsigned int start, end;
			char row[32], mark = (char)('a' + i % 26);

			seed = seed * 1103515245 + 12345;
			start = seed >> 16 & 15;
			end = start + 1 + (seed >> 24 & 7);
			if (end > 16)
				end = 16;
			snprintf(row, sizeof(row), "%c:%u-%u%s", mark, start, end, end == 16 ? "." : "");
			for (unsigned int k = start; k < end; k++)
				expected[k] = expected[k] ? expected[k] : mark;
			done = add_text(&f, row, &whole, &overlap);
		}
		assert_true(done);
		units_of(&whole, text);
		assert_string_equal(text, expected);
		defrag_frame(f.defrag, NS_PER_S);
		assert_int_equal(defrag_memory(f.defrag), 0);
	}
	close_fixture(&f);
}

static void ends_at_ceilings(void **state)
{
	static const struct {
		const char *set;
		unsigned int datagrams, fragments; /* what is sent */
		uint64_t memory_max;
	} rows[] = {
		{ "defrag.memcap=10000", 200, 2, 10000 },
		{ "defrag.trackers=10", 200, 1, 10 * 400 },
		{ "defrag.max-frags=20", 200, 1, 200 * 400 },
		{ "defrag.memcap=100mb", 1, 3000, 2048 * 100 },
	};
	uint8_t data[UNIT] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture f;
		unsigned int ignored = 0;

		open_fixture(&f, &rows[i].set, 1);
		for (uint32_t id = 0; id < rows[i].datagrams; id++) {
			for (unsigned int n = 0; n < rows[i].fragments; n++) {
				struct sensor_packet *p = fragment_of(id, (uint16_t)(n * 2 * UNIT), true);
				struct defrag_datagram whole;

				assert_false(add(&f, p, data, UNIT, &whole));
				ignored += packet_has_event(p, EVENT_IPV4_FRAG_IGNORED);
				assert_true(defrag_memory(f.defrag) <= rows[i].memory_max);
			}
		}
		assert_true(ignored > 0 || f.counters[COUNTER_DEFRAG_TRACKER_HARD_REUSE] > 0);
		close_fixture(&f);
	}
}

static void forgets_after_the_timeout(void **state)
{
	static const char *const set = "defrag.timeout=5";
	struct fixture f;
	struct defrag_datagram whole;
	bool overlap;

	(void)state;
	open_fixture(&f, &set, 1);
	assert_false(add_text(&f, "1:0-1", &whole, &overlap));
	defrag_frame(f.defrag, 5 * NS_PER_S);
	assert_false(add_text(&f, "2:1-2", &whole, &overlap));
	defrag_frame(f.defrag, 9 * NS_PER_S);
	assert_true(defrag_memory(f.defrag) > 0);
	defrag_frame(f.defrag, 11 * NS_PER_S);
	assert_int_equal(defrag_memory(f.defrag), 0);
	assert_false(add_text(&f, "3:2-3.", &whole, &overlap));
	close_fixture(&f);
}

/* Same addresses and id, but other protocol, VLAN or depth: not the same datagram. */
static void keeps_datagrams_apart(void **state)
{
	uint8_t data[UNIT] = { 0 };
	struct defrag_datagram whole;
	struct fixture f;

	(void)state;
	for (int what = 0; what < 4; what++) {
		struct sensor_packet *p;

		open_fixture(&f, NULL, 0);
		assert_false(add(&f, fragment_of(7, 0, true), data, UNIT, &whole));
		p = fragment_of(7, UNIT, false);
		if (what == 1)
			p->protocol = 6;
		else if (what == 2)
			p->vlan_ids[p->vlan_count++] = 5;
		else if (what == 3)
			p->recursion = 1;
		assert_int_equal(add(&f, p, data, UNIT, &whole), what == 0);
		close_fixture(&f);
	}
}

static void a_simulated_full_memory_gives_the_packet_up(void **state)
{
	uint8_t data[UNIT] = { 0 };
	struct defrag_datagram whole;
	struct sensor_packet *p;
	struct fixture f;

	(void)state;
	open_fixture(&f, NULL, 0);
	f.settings->ips = true;
	f.settings->policy_defrag_memcap = EXCEPTION_DROP_PACKET;
	p = fragment_of(7, 0, true);
	p->flags |= PKT_MEMCAP_DEFRAG;
	assert_false(add(&f, p, data, UNIT, &whole));
	assert_true(p->action & ACTION_DROP);
	assert_int_equal(p->drop_reason, DROP_REASON_DEFRAG_MEMCAP);
	assert_int_equal(defrag_memory(f.defrag), 0);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlaps_as_the_target_would),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(agrees_with_a_plain_buffer),
		cmocka_unit_test(ends_at_ceilings),
		cmocka_unit_test(forgets_after_the_timeout),
		cmocka_unit_test(keeps_datagrams_apart),
		cmocka_unit_test(a_simulated_full_memory_gives_the_packet_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
