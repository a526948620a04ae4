// SPDX-License-Identifier: Apache-2.0
/* Where automatons come from: another set, the cache, another process, or the compiler; and that each is made once. */
#include "match/obtain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "match/cache.h"
#include "match/patterns.h"
#include "match/scratch.h"

#define SETS      4
#define PROCESSES 3

static char root[] = "/tmp/luytre-test-obtain-XXXXXX";
static char dir[64];

static int make_root(void **unused)
{
	if (!mkdtemp(root))
		return -1;
	snprintf(dir, sizeof(dir), "%s/cache", root);
	return 0;
}

/* Counts what is in the cache, and takes it away. */
static unsigned int clear(void)
{
	DIR *list = opendir(dir);
	unsigned int count = 0;

	for (struct dirent *entry = list ? readdir(list) : NULL; entry; entry = readdir(list)) {
		char path[400];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		assert_int_equal(unlink(path), 0);
		count++;
	}
	if (list)
		closedir(list);
	return count;
}

static int remove_root(void **unused)
{
	clear();
	rmdir(dir);
	return rmdir(root);
}

/* Expressions of several tiers; the last set is the first once more. */
static void make_sets(struct pattern_set *sets[SETS])
{
	static const char *const expressions[] = { "(?i)union\\s+all\\s+select", "<script[^>]*>", "\\.\\./etc/passwd",
		"word", "\\r\\n[a-z-]+:" };

	for (unsigned int i = 0; i < SETS; i++) {
		struct pattern_set_builder *builder = pattern_set_builder_new();

		assert_non_null(builder);
		for (uint32_t k = 0; k < ARRAY_COUNT(expressions); k++) {
			char text[64];

			snprintf(text, sizeof(text), "%s%u", expressions[k], i % (SETS - 1));
			assert_int_equal(pattern_set_builder_add(
						 builder, &(struct pattern){ .text = bytes_from_str(text), .id = k }),
				0);
		}
		assert_int_equal(pattern_set_new(builder, &sets[i]), 0);
		pattern_set_builder_free(builder);
	}
}

static void free_sets(struct pattern_set *sets[SETS])
{
	for (unsigned int i = 0; i < SETS; i++)
		pattern_set_free(sets[i]);
}

/* Each set names its own word, and what is not its own it does not name. */
static void check_sets(struct pattern_set *sets[SETS])
{
	struct match_scratch *scratch = match_scratch_new();

	assert_non_null(scratch);
	for (unsigned int i = 0; i < SETS; i++) {
		assert_int_equal(pattern_set_prepare(sets[i], scratch), 0);
		for (unsigned int k = 0; k < SETS - 1; k++) {
			uint64_t word = 0, script = 0;
			char text[64];

			snprintf(text, sizeof(text), "word%u", k);
			assert_true(pattern_set_scan(sets[i], scratch, bytes_from_str(text), &word));
			assert_int_equal(word, i % (SETS - 1) == k ? 8 : 0);
			snprintf(text, sizeof(text), "<script>%u", k);
			assert_true(pattern_set_scan(sets[i], scratch, bytes_from_str(text), &script));
			assert_int_equal(script, i % (SETS - 1) == k ? 2 : 0);
		}
	}
	match_scratch_free(scratch);
}

static struct obtain_info obtain(
	struct pattern_set *sets[SETS], struct pattern_set *const *before, const struct obtain_options *options)
{
	struct obtain_info info;

	make_sets(sets);
	assert_int_equal(pattern_sets_obtain(sets, SETS, (const struct pattern_set *const *)before, before ? SETS : 0,
				 options, &info),
		0);
	return info;
}

/* ---- one process ---- */

struct seen {
	size_t calls, last, count;
};

static void on_progress(void *context, size_t done, size_t count)
{
	struct seen *seen = context;

	seen->calls++;
	assert_int_equal(done, seen->last + 1);
	seen->last = done;
	seen->count = count;
}

static void compiles_each_once(void **unused)
{
	for (unsigned int threads = 0; threads < 4; threads++) {
		struct seen seen = { 0 };
		const struct obtain_options options = { .threads = threads, .progress = on_progress, .context = &seen };
		struct pattern_set *sets[SETS];
		struct obtain_info info = obtain(sets, NULL, &options);

		assert_int_equal(info.part_count % SETS, 0);
		assert_int_equal(info.compiled_count, info.part_count / SETS * (SETS - 1));
		assert_int_equal(info.taken_count, info.part_count / SETS);
		assert_int_equal(info.loaded_count, 0);
		assert_int_equal(seen.calls, info.compiled_count);
		assert_int_equal(seen.count, info.compiled_count);
		check_sets(sets);
		free_sets(sets);
	}
}

static void loads_what_is_in_the_cache(void **unused)
{
	const struct obtain_options options = { .cache_dir = dir, .threads = 2 };
	struct pattern_set *sets[SETS];
	struct obtain_info first = obtain(sets, NULL, &options), second;

	free_sets(sets);
	second = obtain(sets, NULL, &options);
	assert_int_equal(second.compiled_count, 0);
	assert_int_equal(second.loaded_count, first.compiled_count);
	check_sets(sets);
	free_sets(sets);
	/* A file for each, no lock is left. */
	assert_int_equal(clear(), first.compiled_count);
}

static void takes_from_sets_before(void **unused)
{
	const struct obtain_options options = { .threads = 1 };
	struct pattern_set *before[SETS], *sets[SETS];
	struct obtain_info info;

	obtain(before, NULL, &options);
	info = obtain(sets, before, &options);
	assert_int_equal(info.compiled_count, 0);
	assert_int_equal(info.taken_count, info.part_count);
	free_sets(before);
	check_sets(sets);
	free_sets(sets);
}

/* ---- several ---- */

static void processes_share_the_work(void **unused)
{
	const struct obtain_options options = { .cache_dir = dir, .threads = 1 };
	struct obtain_info infos[PROCESSES];
	size_t compiled = 0, wanted;
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	for (unsigned int i = 0; i < PROCESSES; i++) {
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			struct pattern_set *sets[SETS];
			struct obtain_info info = obtain(sets, NULL, &options);

			check_sets(sets);
			_exit(write(pipes[1], &info, sizeof(info)) == sizeof(info) ? 0 : 1);
		}
	}
	for (unsigned int i = 0; i < PROCESSES; i++) {
		int status = -1;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
		assert_int_equal(read(pipes[0], &infos[i], sizeof(infos[i])), sizeof(infos[i]));
		compiled += infos[i].compiled_count;
	}
	wanted = infos[0].part_count / SETS * (SETS - 1);
	assert_int_equal(compiled, wanted);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(clear(), wanted);
}

/* Who has the lock of the first part does nothing with it. */
static void does_not_wait_for_ever(void **unused)
{
	const struct obtain_options options = { .cache_dir = dir, .threads = 2, .wait_ms = 60 };
	struct pattern_set *sets[SETS], *names[SETS];
	char key[PATTERN_SET_KEY_SIZE], name[PATTERN_SET_KEY_SIZE + 16];
	struct obtain_info info;
	int fd;

	make_sets(names);
	pattern_set_part_key(names[0], PATTERN_TIERS - 1, key);
	snprintf(name, sizeof(name), "%s.patterns", key);
	assert_int_equal(cache_try_lock(dir, name, &fd), CACHE_LOCKED);
	info = obtain(sets, NULL, &options);
	assert_int_equal(info.loaded_count, 0);
	assert_int_equal(info.compiled_count, info.part_count / SETS * (SETS - 1));
	check_sets(sets);
	cache_unlock(dir, name, fd);
	free_sets(sets);
	free_sets(names);
	assert_int_equal(clear(), info.compiled_count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiles_each_once),
		cmocka_unit_test(loads_what_is_in_the_cache),
		cmocka_unit_test(takes_from_sets_before),
		cmocka_unit_test(processes_share_the_work),
		cmocka_unit_test(does_not_wait_for_ever),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
