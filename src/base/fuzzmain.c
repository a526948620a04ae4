// SPDX-License-Identifier: Apache-2.0
/* Replays saved inputs through a fuzz target, so that the corpus runs with every ordinary test run and needs
 * neither clang nor libFuzzer.
 *
 *	fuzz-x FILE-OR-DIRECTORY...
 *
 * Each file is fed whole and then cut at every offset. Each input lies in a heap block of exactly its size, so that
 * an address sanitizer or valgrind sees a read one byte too far. It fails when a path cannot be read and when there
 * was no file at all: an empty corpus proves nothing. */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Larger files are cut at this many evenly spread offsets only, so that a long capture does not cost minutes. */
#define CUT_COUNT_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* nftw hands no context to its callback. */
static size_t files_count;
static size_t inputs_count;

static int feed(const uint8_t *data, size_t size)
{
	/* One byte at least, because malloc(0) may answer null. */
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		return -1;
	if (size != 0)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	inputs_count++;
	return 0;
}

static int feed_cut(const uint8_t *data, size_t size)
{
	size_t step = size / CUT_COUNT_MAX + 1;

	for (size_t cut = 0; cut < size; cut += step) {
		if (feed(data, cut) < 0)
			return -1;
	}
	return feed(data, size);
}

static int feed_file(const char *path, size_t size)
{
	uint8_t *data = malloc(size ? size : 1);
	FILE *file = fopen(path, "rb");
	int result = -1;

	/* The name is told before the run: it is the last line on the screen after a crash. */
	fprintf(stderr, "%s\n", path);
	if (data && file && fread(data, 1, size, file) == size)
		result = feed_cut(data, size);
	if (result < 0)
		fprintf(stderr, "cannot read it\n");
	if (file)
		fclose(file);
	free(data);
	files_count++;
	return result;
}

static int visit(const char *path, const struct stat *status, int type, struct FTW *place)
{
	if (type == FTW_DNR || type == FTW_NS) {
		fprintf(stderr, "%s: cannot read it\n", path);
		return -1;
	}
	return type == FTW_F ? feed_file(path, (size_t)status->st_size) : 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (nftw(argv[i], visit, 16, FTW_PHYS) != 0) {
			fprintf(stderr, "%s: failed\n", argv[i]);
			return 1;
		}
	}
	printf("%zu files, %zu inputs\n", files_count, inputs_count);
	return files_count == 0;
}
