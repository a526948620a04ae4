// SPDX-License-Identifier: Apache-2.0
/* Measures literal sets of several sizes on text that looks like HTTP, and the finder beside memmem().
 *
 *	bench-match [COUNT...]		literals in each set; default: 1 8 100 2000 25000
 *
 * A literal is 4 to 11 random letters or digits, half of them behind and an eighth before one of the parts of which two
 * thirds of the text are made; half ignore case. Times are the best of five. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "match/finder.h"
#include "match/literals.h"
#include "match/scratch.h"
#include "match/test-random.h"

#define TEXT_SIZE ((size_t)8 << 20)
#define ROUNDS    5

static const char *const parts[] = { "admin", "login", "index", ".php", ".html", "?id=", "&name=", "user", "/wp-",
	"content", "upload", "Mozilla/5.0 ", "Windows NT ", "Cookie: ", "session", "Host: ", "www.", ".com", "\r\n",
	"GET /", "POST /", " HTTP/1.1", "Accept: ", "text/", "image/", "<div ", "class=\"", "script", "select",
	"update", "/api/v", "token" };

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bench-match: %s failed\n", what);
	exit(1);
}

static size_t put_part(uint64_t *random, char *at)
{
	const char *part = parts[test_random(random, ARRAY_COUNT(parts))];

	return (size_t)(stpcpy(at, part) - at);
}

static size_t put_letters(uint64_t *random, char *at, size_t size)
{
	static const char letters[] = "etaoinshrdlucmfwypvbgkjqxz0123456789-_%";

	for (size_t i = 0; i < size; i++)
		at[i] = letters[test_random(random, sizeof(letters) - 1)];
	return size;
}

static char *make_text(size_t size)
{
	char *text = malloc(size + 64);
	uint64_t random = 2;

	if (!text)
		die("malloc");
	for (size_t at = 0; at < size;) {
		if (test_random(&random, 3) != 0)
			at += put_part(&random, text + at);
		else
			at += put_letters(&random, text + at, 2 + test_random(&random, 7));
	}
	return text;
}

static struct literal_set_builder *make_builder(size_t count)
{
	struct literal_set_builder *builder = literal_set_builder_new();
	uint64_t random = 1;

	if (!builder)
		die("literal_set_builder_new");
	for (size_t i = 0; i < count; i++) {
		char text[64];
		size_t size = 0;
		struct literal literal = { .flags = LITERAL_ONCE, .id = (uint32_t)i };

		if (test_random(&random, 2))
			size += put_part(&random, text);
		size += put_letters(&random, text + size, 4 + test_random(&random, 8));
		if (test_random(&random, 8) == 0)
			size += put_part(&random, text + size);
		literal.bytes = bytes_of(text, size);
		literal.flags |= test_random(&random, 2) ? LITERAL_NOCASE : 0;
		if (literal_set_builder_add(builder, &literal) < 0)
			die("literal_set_builder_add");
	}
	return builder;
}

static bool count_hit(void *context, const uint32_t *ids, size_t id_count, size_t end)
{
	uint64_t *hits = context;

	*hits += id_count;
	return true;
}

/* Scans the text in buffers of 'size' bytes. */
static void bench_scan(const struct literal_set *set, struct match_scratch *scratch, const char *text, size_t size)
{
	uint64_t best = UINT64_MAX, hits = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint64_t start = clock_mono_ns();

		hits = 0;
		for (size_t at = 0; at + size <= TEXT_SIZE; at += size) {
			if (literal_set_scan(set, scratch, bytes_of(text + at, size), count_hit, &hits) < 0)
				die("literal_set_scan");
		}
		start = clock_mono_ns() - start;
		best = start < best ? start : best;
	}
	printf("  buffers of %5zu: %6.0f MB/s, %8.0f ns a scan, %.1f hits a scan\n", size,
		1e3 * TEXT_SIZE / (double)best, (double)best * (double)size / TEXT_SIZE,
		(double)hits * (double)size / TEXT_SIZE);
}

static void bench_set(size_t count, const char *text)
{
	static const size_t sizes[] = { 32, 256, 1460, 16384 };
	struct literal_set_builder *builder = make_builder(count);
	struct match_scratch *scratch = match_scratch_new();
	struct literal_set *set, *loaded;
	struct literal_set_info info;
	uint64_t compile_ns, load_ns, start = clock_mono_ns();
	uint8_t *saved;
	size_t saved_size;

	if (literal_set_compile(builder, &set) < 0 || literal_set_save(set, &saved, &saved_size) < 0)
		die("literal_set_compile");
	compile_ns = clock_mono_ns() - start;
	start = clock_mono_ns();
	if (literal_set_load(builder, bytes_of(saved, saved_size), &loaded) < 0)
		die("literal_set_load");
	load_ns = clock_mono_ns() - start;
	if (!scratch || literal_set_prepare(loaded, scratch) < 0)
		die("literal_set_prepare");
	info = literal_set_info(loaded);
	printf("%zu literals: automaton %zu, pairs %zu; compile %.1f ms, saved %zu bytes, load %.1f ms, memory %zu "
	       "bytes\n",
		count, info.automaton_count, info.pairs_count, (double)compile_ns / 1e6, saved_size,
		(double)load_ns / 1e6, info.memory_bytes);
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++)
		bench_scan(loaded, scratch, text, sizes[i]);
	free(saved);
	match_scratch_free(scratch);
	literal_set_free(loaded);
	literal_set_free(set);
	literal_set_builder_free(builder);
}

static void bench_finder(const char *text, bool nocase)
{
	static const char needle[] = "X-Forwarded-For";
	struct finder finder;
	uint64_t best = UINT64_MAX;

	finder_init(&finder, bytes_from_str(needle), nocase);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint64_t start = clock_mono_ns();

		if (finder_find(&finder, bytes_of(text, TEXT_SIZE)) != FINDER_NONE)
			die("finder_find");
		start = clock_mono_ns() - start;
		best = start < best ? start : best;
	}
	printf("finder%s: %.0f MB/s\n", nocase ? " without case" : "", 1e3 * TEXT_SIZE / (double)best);
}

int main(int argc, char **argv)
{
	static const size_t defaults[] = { 1, 8, 100, 2000, 25000 };
	char *text = make_text(TEXT_SIZE);

	for (int i = 1; i < argc; i++)
		bench_set(strtoul(argv[i], NULL, 10), text);
	for (size_t i = 0; argc == 1 && i < ARRAY_COUNT(defaults); i++)
		bench_set(defaults[i], text);
	bench_finder(text, false);
	bench_finder(text, true);
	free(text);
	return 0;
}
