// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"

enum { SIZE = 1 << 20 };

struct reader {
	int fd;
	uint8_t *bytes;
	size_t size;
};

static void *read_slowly(void *context)
{
	struct reader *reader = context;
	ssize_t size;

	while ((size = read(reader->fd, reader->bytes + reader->size, 777)) > 0)
		reader->size += (size_t)size;
	return NULL;
}

/* A pipe takes a part at a time. */
static void test_parts(void **state)
{
	uint8_t *sent = malloc(SIZE);
	struct reader reader = { .bytes = malloc(SIZE + 777) };
	pthread_t thread;
	int ends[2];

	assert_true(sent && reader.bytes);
	for (size_t i = 0; i < SIZE; i++)
		sent[i] = (uint8_t)(i * 31 >> 3);
	assert_int_equal(pipe(ends), 0);
	reader.fd = ends[0];
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
	assert_int_equal(file_write_all(ends[1], bytes_of(sent, SIZE)), 0);
	assert_int_equal(file_write_all(ends[1], (struct bytes){ 0 }), 0);
	close(ends[1]);
	pthread_join(thread, NULL);
	close(ends[0]);
	assert_int_equal(reader.size, SIZE);
	assert_memory_equal(reader.bytes, sent, SIZE);
	free(sent);
	free(reader.bytes);
}

static void test_failures(void **state)
{
	int full = open("/dev/full", O_WRONLY), closed = open("/dev/null", O_RDONLY);

	assert_true(full >= 0 && closed >= 0);
	assert_int_equal(file_write_all(full, bytes_from_str("x")), LUYTRE_E_FULL);
	assert_int_not_equal(file_write_all(closed, bytes_from_str("x")), 0);
	close(full);
	close(closed);
}

static void test_folder(void **state)
{
	char dir[] = "/tmp/luytre-test-file-XXXXXX", path[64], *longest = malloc(8193);

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/name", dir);
	assert_int_equal(file_sync_folder(path), 0); /* the file itself need not be there */
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(file_sync_folder(path), LUYTRE_E_NOT_FOUND);
	assert_int_equal(file_sync_folder("name"), 0);
	assert_non_null(longest);
	memset(longest, 'a', 8192);
	longest[8192] = '\0';
	assert_int_equal(file_sync_folder(longest), LUYTRE_E_RANGE);
	free(longest);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_parts), cmocka_unit_test(test_failures),
		cmocka_unit_test(test_folder) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
