// SPDX-License-Identifier: Apache-2.0
#include "edge/link/spool.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

enum { CEILING = 1 << 20, KILLS = 40 };

static char root[64], dir[80];

static int make_root(void **state)
{
	snprintf(root, sizeof(root), "/tmp/luytre-spool-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static void remove_tree(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		char name[512];

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (unlink(name) && (errno == EISDIR || errno == EPERM))
			remove_tree(name);
	}
	if (folder)
		closedir(folder);
	rmdir(path);
}

static int remove_root(void **state)
{
	remove_tree(root);
	return 0;
}

/* A folder of its own for each test. */
static void fresh(const char *name)
{
	snprintf(dir, sizeof(dir), "%s/%s", root, name);
}

static struct spool *opened(uint64_t ceiling)
{
	struct spool *spool = NULL;

	assert_int_equal(spool_open(dir, ceiling, &spool), 0);
	return spool;
}

/* A batch of 'lines' lines that are hard to pack, and as long as 'line_size'. */
static int put(struct spool *spool, enum spool_kind kind, unsigned int lines, size_t line_size, uint64_t *ret_seq)
{
	static uint64_t random = 88172645463325252u;
	struct batch_head head = { .edge = 1 };
	struct batch_writer *writer;
	struct bytes packed;
	int error = spool_next(spool, &head.seq);

	if (error)
		return error;
	memcpy(head.boot, spool_boot(spool), sizeof(head.boot));
	assert_int_equal(batch_writer_new(&writer), 0);
	for (unsigned int i = 0; i < lines; i++) {
		char line[4096] = "{\"n\":\"";
		size_t size = strlen(line);

		for (; size < line_size; size++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			line[size] = (char)('a' + random % 26);
		}
		memcpy(line + size, "\"}", 3);
		assert_int_equal(batch_add(writer, bytes_from_str(line)), 0);
	}
	assert_int_equal(batch_pack(writer, &head, &packed), 0);
	error = spool_put(spool, head.seq, kind, lines, packed);
	batch_writer_free(writer);
	if (ret_seq)
		*ret_seq = head.seq;
	return error;
}

static uint64_t take(struct spool *spool)
{
	uint8_t *packed;
	uint64_t seq;
	size_t size;

	if (spool_first(spool, &seq, &packed, &size))
		return 0;
	free(packed);
	spool_done(spool, seq);
	return seq;
}

static struct spool_stats stats_of(const struct spool *spool)
{
	struct spool_stats stats;

	spool_read_stats(spool, &stats);
	return stats;
}

static void in_order_and_over_restarts(void **state)
{
	char boot[BATCH_BOOT_SIZE];
	struct spool *spool, *second = NULL;
	uint64_t last = 0, seq;

	fresh("order");
	spool = opened(CEILING);
	memcpy(boot, spool_boot(spool), sizeof(boot));
	assert_int_equal(strlen(boot), 32);
	assert_int_equal(take(spool), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(put(spool, SPOOL_EVENTS, 3, 40, NULL), 0);
	assert_int_equal(take(spool), 1);
	assert_int_equal(spool_open(dir, CEILING, &second), LUYTRE_E_BUSY);
	spool_close(spool);
	spool = opened(CEILING);
	assert_string_equal(spool_boot(spool), boot);
	assert_int_equal(stats_of(spool).files, 4);
	while ((seq = take(spool))) {
		assert_true(seq > last);
		last = seq;
	}
	assert_int_equal(last, 5);
	assert_int_equal(stats_of(spool).delivered, 12);
	assert_int_equal(stats_of(spool).size_bytes, 0);
	/* No number is used twice, though no file tells of the last one. */
	assert_int_equal(put(spool, SPOOL_EVENTS, 1, 40, &seq), 0);
	assert_true(seq > last);
	spool_close(spool);
}

static void the_same_until_done(void **state)
{
	struct spool *spool;
	uint8_t *packed;
	uint64_t seq;
	size_t size;

	fresh("same");
	spool = opened(CEILING);
	assert_int_equal(put(spool, SPOOL_EVENTS, 1, 40, NULL), 0);
	assert_int_equal(put(spool, SPOOL_EVENTS, 1, 40, NULL), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(spool_first(spool, &seq, &packed, &size), 0);
		assert_int_equal(seq, 1);
		free(packed);
		spool_release(spool);
	}
	spool_refuse(spool, 1);
	assert_int_equal(stats_of(spool).broken, 1);
	assert_int_equal(take(spool), 2);
	spool_close(spool);
}

/* The ceiling: drops give way first, the batch that is on its way never, drops never push events out. */
static void ceiling_gives_up_drops_first(void **state)
{
	struct spool *spool;
	uint64_t seq, lost;
	uint8_t *packed;
	size_t size;

	fresh("ceiling");
	spool = opened(4000);
	assert_int_equal(put(spool, SPOOL_EVENTS, 1, 1000, NULL), 0); /* 1; some 650 bytes packed */
	assert_int_equal(put(spool, SPOOL_DROPS, 2, 1000, NULL), 0); /* 2 */
	assert_int_equal(put(spool, SPOOL_EVENTS, 1, 1000, NULL), 0); /* 3 */
	assert_int_equal(spool_first(spool, &seq, &packed, &size), 0);
	free(packed);
	assert_int_equal(seq, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(put(spool, SPOOL_EVENTS, 1, 1000, NULL), 0); /* 4 to 6 */
	assert_true(stats_of(spool).size_bytes <= 4000);
	lost = spool_lost(spool);
	assert_true(lost >= 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(put(spool, SPOOL_EVENTS, 1, 1000, NULL), 0); /* 7 to 9 */
	assert_true(spool_lost(spool) > lost);
	lost = spool_lost(spool);
	assert_int_equal(put(spool, SPOOL_DROPS, 3, 1000, NULL), LUYTRE_E_FULL);
	assert_int_equal(spool_lost(spool), lost + 3);
	spool_done(spool, 1);
	assert_true(take(spool) > 3); /* 2 and 3 are gone */
	spool_close(spool);
}

static void copy_file(const char *from, const char *to, size_t size)
{
	uint8_t content[8192];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(in >= 0 && out >= 0 && size <= sizeof(content));
	assert_int_equal(read(in, content, size), (ssize_t)size);
	assert_int_equal(write(out, content, size), (ssize_t)size);
	close(in);
	close(out);
}

/* A file that ends anywhere is set aside; the others are sent. The newest few broken ones are kept. */
static void torn_anywhere(void **state)
{
	char whole[160], kept[160], name[160], broken[160];
	struct stat status;
	struct spool *spool;
	size_t in_broken = 0;
	DIR *folder;

	fresh("torn");
	spool = opened(CEILING);
	assert_int_equal(put(spool, SPOOL_EVENTS, 2, 60, NULL), 0);
	spool_close(spool);
	snprintf(whole, sizeof(whole), "%s/%020d-e-2", dir, 1);
	snprintf(kept, sizeof(kept), "%s/kept", root);
	assert_int_equal(stat(whole, &status), 0);
	copy_file(whole, kept, (size_t)status.st_size);
	for (size_t size = 0; size < (size_t)status.st_size; size++) {
		snprintf(name, sizeof(name), "%s/%020zu-e-2", dir, size + 1);
		copy_file(kept, name, size);
	}
	snprintf(name, sizeof(name), "%s/%020zu-e-2", dir, (size_t)status.st_size + 1);
	copy_file(kept, name, (size_t)status.st_size);
	spool = opened(CEILING);
	assert_int_equal(take(spool), (uint64_t)status.st_size + 1);
	assert_int_equal(take(spool), 0);
	assert_int_equal(stats_of(spool).broken, 2 * (uint64_t)status.st_size);
	spool_close(spool);
	snprintf(broken, sizeof(broken), "%s/broken", dir);
	folder = opendir(broken);
	assert_non_null(folder);
	while (readdir(folder))
		in_broken++;
	closedir(folder);
	assert_int_equal(in_broken, SPOOL_BROKEN_MAX + 2);
}

/* Names that are none of ours, a torn head, what a crash left. */
static void strange_folder(void **state)
{
	static const char *const names[] = { "1-e-2", "00000000000000000007-x-1", "00000000000000000007-e-1x",
		"00000000000000000000-e-1", "00000000000000000007-e-99999", "notes" };
	char name[160], boot[BATCH_BOOT_SIZE];
	struct spool *spool;
	uint64_t seq;

	fresh("strange");
	spool = opened(CEILING);
	assert_int_equal(put(spool, SPOOL_EVENTS, 1, 40, NULL), 0);
	memcpy(boot, spool_boot(spool), sizeof(boot));
	spool_close(spool);
	snprintf(name, sizeof(name), "%s/head", dir);
	assert_int_equal(truncate(name, 20), 0);
	snprintf(name, sizeof(name), "%s/00000000000000000009-e-1.new", dir);
	close(open(name, O_WRONLY | O_CREAT, 0600));
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, names[i]);
		close(open(name, O_WRONLY | O_CREAT, 0600));
	}
	spool = opened(CEILING);
	snprintf(name, sizeof(name), "%s/00000000000000000009-e-1.new", dir);
	assert_int_equal(access(name, F_OK), -1);
	assert_string_not_equal(spool_boot(spool), boot);
	assert_int_equal(stats_of(spool).files, 1);
	assert_int_equal(put(spool, SPOOL_EVENTS, 1, 40, &seq), 0);
	assert_int_equal(seq, 2); /* above what is there */
	assert_int_equal(take(spool), 1);
	spool_close(spool);
}

struct told {
	uint64_t stored, leaves; /* numbers; 0: none */
};

static void tell(int fd, struct told told)
{
	if (write(fd, &told, sizeof(told)) != (ssize_t)sizeof(told))
		_exit(2);
}

/* Writes and takes until it is killed; tells through a pipe what is stored, and what will be gone in a moment. */
static void work(int fd)
{
	struct spool *spool = opened(CEILING);
	uint64_t seq;
	uint8_t *packed;
	size_t size;

	for (unsigned int i = 0;; i++) {
		if (put(spool, i % 3 ? SPOOL_EVENTS : SPOOL_DROPS, 1 + i % 5, 100, &seq))
			_exit(1);
		tell(fd, (struct told){ .stored = seq });
		if (i % 2 || spool_first(spool, &seq, &packed, &size))
			continue;
		free(packed);
		tell(fd, (struct told){ .leaves = seq });
		spool_done(spool, seq);
	}
}

enum { NUMBERS_MAX = 1 << 16 };

/* Lets a child work for some messages and some moments more, and kills it. 'there': what is stored and was not about to leave. */
static uint64_t work_and_kill(int round, uint8_t there[NUMBERS_MAX], uint64_t highest)
{
	const struct timespec wait = { .tv_nsec = 137000L * (round * 11 % 23) };
	struct told told;
	int ends[2], messages = 1 + round % 7;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		work(ends[1]);
	}
	close(ends[1]);
	while (read(ends[0], &told, sizeof(told)) == (ssize_t)sizeof(told)) {
		assert_true(told.stored < NUMBERS_MAX && told.leaves < NUMBERS_MAX);
		if (told.stored) {
			assert_true(told.stored > highest);
			highest = told.stored;
			there[told.stored] = 1;
		}
		there[told.leaves] = 0;
		if (--messages == 0) {
			nanosleep(&wait, NULL);
			kill(child, SIGKILL);
		}
	}
	close(ends[0]);
	assert_true(messages <= 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	return highest;
}

/* Whatever the moment of the kill: what was stored is there, whole, once, in order; no number comes again. */
static void killed_at_random(void **state)
{
	static uint8_t there[NUMBERS_MAX];
	uint64_t highest = 0;

	fresh("killed");
	for (int round = 0; round < KILLS; round++) {
		struct spool *spool;
		uint64_t seq, last = 0;

		memset(there, 0, sizeof(there));
		highest = work_and_kill(round, there, highest);
		spool = opened(CEILING);
		while ((seq = take(spool))) {
			assert_true(seq > last && seq < NUMBERS_MAX);
			there[seq] = 0;
			last = seq;
		}
		if (last > highest)
			highest = last;
		assert_int_equal(stats_of(spool).broken, 0);
		spool_close(spool);
		for (uint64_t i = 1; i <= highest; i++)
			assert_int_equal(there[i], 0);
	}
}

/* A tiny file system in a mount namespace of a child: what does not fit is counted, what fitted is delivered. */
static int on_full_disk(void)
{
	struct spool *spool;
	unsigned int failures = 0;
	uint64_t taken = 0;

	if (unshare(CLONE_NEWNS) || syscall(SYS_mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		syscall(SYS_mount, "spool", dir, "tmpfs", 0, "size=64k,nr_inodes=40"))
		return 77;
	spool = opened(CEILING);
	for (int i = 0; i < 60; i++)
		failures += put(spool, SPOOL_EVENTS, 2, 2000, NULL) != 0;
	if (!failures || spool_lost(spool) != stats_of(spool).failed || !stats_of(spool).files)
		return 1;
	while (take(spool))
		taken += 2;
	/* There is room again. */
	if (taken != stats_of(spool).delivered || put(spool, SPOOL_EVENTS, 1, 100, NULL))
		return 2;
	spool_close(spool);
	syscall(SYS_umount2, dir, 0);
	return 0;
}

static void disk_full(void **state)
{
	int status;
	pid_t child;

	if (geteuid() != 0)
		skip();
	fresh("full");
	assert_int_equal(mkdir(dir, 0700), 0);
	child = fork();
	if (child == 0)
		_exit(on_full_disk());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_and_over_restarts),
		cmocka_unit_test(the_same_until_done),
		cmocka_unit_test(ceiling_gives_up_drops_first),
		cmocka_unit_test(torn_anywhere),
		cmocka_unit_test(strange_folder),
		cmocka_unit_test(killed_at_random),
		cmocka_unit_test(disk_full),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
