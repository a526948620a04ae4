// SPDX-License-Identifier: Apache-2.0
/* The buffer: overlap policies segment by segment, and random orders of segments against an array that keeps every
 * byte. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sensor/stream/buffer.h"

enum { STREAM_SIZE = 4096 };

static void account_init(struct stream_memory *memory, uint64_t ceiling_size)
{
	memory->used_size = 0;
	memory->ceiling_size = ceiling_size;
}

static struct stream_memory memory;

static void put(struct stream_buffer *buffer, uint64_t offset, const char *text, enum stream_os_policy policy)
{
	struct stream_overlap overlap;

	assert_int_equal(stream_buffer_insert(buffer, &memory, offset, bytes_from_str(text), policy, true, 0, &overlap),
		STREAM_INSERT_OK);
}

struct policy_case {
	const char *name;
	enum stream_os_policy policy;
	const char *result;
};

/* Old segments are in capitals: A at 0..2, B at 4..5, C at 6..7 (touching B), D at 10..12, E at 14..15. New ones: f at
 * 1..2 begins inside A and ends with it; g at 3..4 begins before B and ends inside it; h at 6..7 equals C; i at 10..13
 * and j at 14..16 begin with D and E and end behind them; k at 0 begins with A and ends inside it; x fills the hole at
 * 8..9. */
static const struct policy_case policy_cases[] = {
	{ "bsd", OS_BSD, "AAAggBCCxxDDDiEEj" },
	{ "bsd-right", OS_BSD_RIGHT, "AAAggBCCxxDDDiEEj" },
	{ "windows", OS_WINDOWS, "AAAggBCCxxDDDiEEj" },
	{ "windows2k3", OS_WINDOWS2K3, "AAAggBCCxxDDDiEEj" },
	{ "irix", OS_IRIX, "AAAggBCCxxDDDiEEj" },
	{ "hpux10", OS_HPUX10, "AAAggBCCxxDDDiEEj" },
	{ "macos", OS_MACOS, "AAAggBCCxxDDDiEEj" },
	{ "linux", OS_LINUX, "AAAggBCCxxiiiijjj" },
	{ "old-linux", OS_OLD_LINUX, "AAAggBhhxxiiiijjj" },
	{ "solaris", OS_SOLARIS, "AAAgBBhhxxiiiijjj" },
	{ "hpux11", OS_HPUX11, "AAAgBBhhxxiiiijjj" },
	{ "vista", OS_VISTA, "AAAgBBCCxxDDDiEEj" },
	{ "first", OS_FIRST, "AAAgBBCCxxDDDiEEj" },
	{ "last", OS_LAST, "kffggBhhxxiiiijjj" },
};

static void test_policies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(policy_cases) / sizeof(policy_cases[0]); i++) {
		const struct policy_case *row = &policy_cases[i];
		struct stream_buffer buffer;
		struct bytes view;

		account_init(&memory, 1 << 20);
		stream_buffer_init(&buffer);
		put(&buffer, 0, "AAA", row->policy);
		put(&buffer, 4, "BB", row->policy);
		put(&buffer, 6, "CC", row->policy);
		put(&buffer, 10, "DDD", row->policy);
		put(&buffer, 14, "EE", row->policy);
		put(&buffer, 1, "ff", row->policy);
		put(&buffer, 3, "gg", row->policy);
		put(&buffer, 6, "hh", row->policy);
		put(&buffer, 10, "iiii", row->policy);
		put(&buffer, 14, "jjj", row->policy);
		put(&buffer, 0, "k", row->policy);
		put(&buffer, 8, "xx", row->policy);
		view = stream_buffer_view(&buffer, 0);
		assert_int_equal(view.size, 17);
		if (memcmp(view.ptr, row->result, 17) != 0)
			fail_msg("%s: \"%.17s\" instead of \"%s\"", row->name, (const char *)view.ptr, row->result);
		stream_buffer_done(&buffer, &memory);
		assert_int_equal(memory.used_size, 0);
	}
}

struct relation_case {
	enum stream_os_policy policy;
	/* Does the new segment win: it begins before and ends inside, at the end, behind; begins with and ends inside,
	 * at the end, behind; begins after and ends inside, at the end, behind. */
	const char *wins;
};

static const struct relation_case relation_cases[] = {
	{ OS_FIRST, "--- --- ---" },
	{ OS_LAST, "nnn nnn nnn" },
	{ OS_VISTA, "--- --- ---" },
	{ OS_BSD, "nnn --- ---" },
	{ OS_LINUX, "nnn --n ---" },
	{ OS_OLD_LINUX, "nnn -nn ---" },
	{ OS_SOLARIS, "-nn -nn --n" },
	{ OS_HPUX11, "-nn -nn --n" },
	{ OS_WINDOWS, "nnn --- ---" },
	{ OS_WINDOWS2K3, "nnn --- ---" },
	{ OS_IRIX, "nnn --- ---" },
	{ OS_MACOS, "nnn --- ---" },
	{ OS_HPUX10, "nnn --- ---" },
};

static void test_relations(void **state)
{
	static const uint64_t begins[] = { 5, 10, 12 }, ends[] = { 15, 20, 25 };

	(void)state;
	for (size_t i = 0; i < sizeof(relation_cases) / sizeof(relation_cases[0]); i++)
		for (size_t b = 0; b < 3; b++)
			for (size_t e = 0; e < 3; e++)
				assert_int_equal(
					stream_policy_new_wins(relation_cases[i].policy, 10, 20, begins[b], ends[e]),
					relation_cases[i].wins[b * 4 + e] == 'n');
}

static void test_same_bytes_do_not_differ(void **state)
{
	struct stream_buffer buffer;
	struct stream_overlap overlap;

	(void)state;
	account_init(&memory, 1 << 20);
	stream_buffer_init(&buffer);
	put(&buffer, 0, "hello", OS_BSD);
	assert_int_equal(
		stream_buffer_insert(&buffer, &memory, 2, bytes_from_str("llo w"), OS_BSD, true, 0, &overlap), 0);
	assert_true(overlap.overlaps);
	assert_false(overlap.differs);
	assert_int_equal(overlap.new_size, 2);
	assert_int_equal(stream_buffer_insert(&buffer, &memory, 1, bytes_from_str("a"), OS_BSD, true, 0, &overlap), 0);
	assert_true(overlap.differs);
	assert_int_equal(overlap.new_size, 0);
	stream_buffer_done(&buffer, &memory);
}

static void test_ceiling_refuses_and_keeps(void **state)
{
	static uint8_t big[40000];
	struct stream_buffer buffer;
	struct stream_overlap overlap;

	(void)state;
	account_init(&memory, 8192);
	stream_buffer_init(&buffer);
	put(&buffer, 0, "kept", OS_BSD);
	assert_int_equal(
		stream_buffer_insert(&buffer, &memory, 4, bytes_of(big, sizeof(big)), OS_BSD, true, 0, &overlap),
		STREAM_INSERT_MEMORY);
	assert_true(bytes_equal_str(stream_buffer_view(&buffer, 0), "kept"));
	assert_true(memory.used_size <= memory.ceiling_size);
	stream_buffer_done(&buffer, &memory);
	assert_int_equal(memory.used_size, 0);
}

static void test_far_regions(void **state)
{
	struct stream_buffer buffer;
	struct stream_overlap overlap;

	(void)state;
	account_init(&memory, 1 << 20);
	stream_buffer_init(&buffer);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(stream_buffer_insert(&buffer, &memory, i * 2 * STREAM_FAR_SIZE, bytes_from_str("x"),
					 OS_BSD, true, 3, &overlap),
			STREAM_INSERT_OK);
	assert_int_equal(buffer.far_max, 3);
	assert_int_equal(stream_buffer_insert(
				 &buffer, &memory, 8 * STREAM_FAR_SIZE, bytes_from_str("x"), OS_BSD, true, 3, &overlap),
		STREAM_INSERT_LIMIT);
	/* Near one of them there is room. */
	assert_int_equal(stream_buffer_insert(&buffer, &memory, 20, bytes_from_str("y"), OS_BSD, true, 3, &overlap), 0);
	assert_int_equal(stream_buffer_next(&buffer, 1), 20);
	assert_int_equal(stream_buffer_next(&buffer, 21), 2 * STREAM_FAR_SIZE);
	assert_int_equal(stream_buffer_next(&buffer, 9 * STREAM_FAR_SIZE), UINT64_MAX);
	stream_buffer_done(&buffer, &memory);
}

static void test_number_of_regions_is_limited(void **state)
{
	struct stream_buffer buffer;
	struct stream_overlap overlap;
	enum stream_insert_result result = STREAM_INSERT_OK;
	uint64_t i;

	(void)state;
	account_init(&memory, 1 << 30);
	stream_buffer_init(&buffer);
	for (i = 0; result == STREAM_INSERT_OK && i < 3 * STREAM_REGIONS_MAX; i++)
		result = stream_buffer_insert(
			&buffer, &memory, 2 * i + 1, bytes_from_str("x"), OS_BSD, true, 0, &overlap);
	assert_int_equal(result, STREAM_INSERT_LIMIT);
	assert_int_equal(buffer.region_count, STREAM_REGIONS_MAX);
	/* Filling a hole is no new region. */
	assert_int_equal(stream_buffer_insert(&buffer, &memory, 2, bytes_from_str("y"), OS_BSD, true, 0, &overlap), 0);
	stream_buffer_done(&buffer, &memory);
}

/* The model: which byte is where, and for each byte the segments that brought it. */
struct model_segment {
	uint64_t offset;
	uint32_t size;
};

struct model {
	uint8_t bytes[STREAM_SIZE];
	bool there[STREAM_SIZE];
	struct model_segment segments[512];
	unsigned int count;
	uint64_t base;
};

static void model_insert(
	struct model *model, uint64_t offset, const uint8_t *data, uint32_t size, enum stream_os_policy policy)
{
	if (offset < model->base) {
		uint64_t cut = model->base - offset;

		if (cut >= size)
			return;
		data += cut;
		size -= (uint32_t)cut;
		offset = model->base;
	}
	for (uint32_t i = 0; i < size; i++) {
		uint64_t at = offset + i;
		bool keep = false;

		for (unsigned int j = 0; j < model->count && model->there[at]; j++) {
			const struct model_segment *old = &model->segments[j];
			uint64_t end = old->offset + old->size;

			if (at >= old->offset && at < end)
				keep = keep || !stream_policy_new_wins(policy, old->offset, end, offset, offset + size);
		}
		if (!keep)
			model->bytes[at] = data[i];
	}
	for (uint32_t i = 0; i < size; i++)
		model->there[offset + i] = true;
	model->segments[model->count++] = (struct model_segment){ .offset = offset, .size = size };
}

static void check_against(const struct stream_buffer *buffer, const struct model *model)
{
	for (uint64_t at = model->base; at < STREAM_SIZE; at++) {
		struct bytes view = stream_buffer_view(buffer, at);

		assert_int_equal(view.size != 0, model->there[at]);
		if (view.size != 0)
			assert_int_equal(view.ptr[0], model->bytes[at]);
	}
	for (uint32_t i = 1; i < buffer->region_count; i++)
		assert_true(buffer->regions[i].offset > buffer->regions[i - 1].offset + buffer->regions[i - 1].size);
}

static void run_random(unsigned int seed, enum stream_os_policy policy)
{
	static struct model model;
	struct stream_buffer buffer;
	struct stream_overlap overlap;

	srand(seed);
	memset(&model, 0, sizeof(model));
	account_init(&memory, 1 << 24);
	stream_buffer_init(&buffer);
	for (unsigned int i = 0; i < 120; i++) {
		uint8_t data[200];
		uint32_t size = 1 + (uint32_t)rand() % (uint32_t)(sizeof(data) - 1);
		uint64_t offset = (uint64_t)rand() % (STREAM_SIZE - sizeof(data));

		for (uint32_t j = 0; j < size; j++)
			data[j] = (uint8_t)rand();
		assert_int_equal(
			stream_buffer_insert(&buffer, &memory, offset, bytes_of(data, size), policy, true, 0, &overlap),
			STREAM_INSERT_OK);
		model_insert(&model, offset, data, size, policy);
		if (i % 30 == 29) {
			model.base += (uint64_t)rand() % 600;
			stream_buffer_slide(&buffer, &memory, model.base);
			memset(model.there, 0, model.base);
			check_against(&buffer, &model);
		}
	}
	check_against(&buffer, &model);
	stream_buffer_done(&buffer, &memory);
	assert_int_equal(memory.used_size, 0);
}

static void test_random_against_model(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 40; seed++)
		for (enum stream_os_policy policy = OS_BSD; policy <= OS_LAST; policy++)
			run_random(seed, policy);
}

static void test_long_stream_slides(void **state)
{
	static uint8_t data[1400];
	struct stream_buffer buffer;
	struct stream_overlap overlap;
	uint64_t offset = 0;

	(void)state;
	account_init(&memory, 1 << 20);
	stream_buffer_init(&buffer);
	for (unsigned int i = 0; i < 20000; i++) {
		memset(data, (int)(i & 0xff), sizeof(data));
		assert_int_equal(stream_buffer_insert(&buffer, &memory, offset, bytes_of(data, sizeof(data)), OS_BSD,
					 true, 0, &overlap),
			STREAM_INSERT_OK);
		offset += sizeof(data);
		if (i >= 20)
			stream_buffer_slide(&buffer, &memory, offset - 20 * sizeof(data));
	}
	assert_true(memory.used_size < 256 * 1024);
	assert_int_equal(stream_buffer_view(&buffer, offset - 1).ptr[0], (20000 - 1) & 0xff);
	stream_buffer_done(&buffer, &memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_relations),
		cmocka_unit_test(test_same_bytes_do_not_differ),
		cmocka_unit_test(test_ceiling_refuses_and_keeps),
		cmocka_unit_test(test_far_regions),
		cmocka_unit_test(test_number_of_regions_is_limited),
		cmocka_unit_test(test_random_against_model),
		cmocka_unit_test(test_long_stream_slides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
