// SPDX-License-Identifier: Apache-2.0
/* The table of texts that were seen: what is kept, what is not, and that no text passes for another one. That answers out of it are right,
 * test-prefilter.c shows, which asks everything twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "gate/engine/seen.h"

#define PLAN 7

static struct seen_asked ask(const struct seen *seen, uint64_t plan, const char *text)
{
	struct seen_asked asked = { 0 };

	seen_expect(seen, plan, bytes_from_str(text), &asked);
	return asked;
}

static bool is_known(struct seen *seen, uint64_t plan, const char *text, uint16_t question)
{
	struct seen_asked asked = ask(seen, plan, text);

	return seen_answer(seen, &asked, question) != NULL;
}

static void keep(struct seen *seen, const char *text, uint16_t question, const uint16_t *found, uint32_t count)
{
	struct seen_asked asked = ask(seen, PLAN, text);

	seen_keep(seen, &asked, question, found, count);
}

static void what_was_kept_is_known(void **unused)
{
	static const uint16_t bits[] = { 3, 500 };
	struct seen *seen = seen_new();
	struct seen_asked asked;
	const struct seen_place *place;

	(void)unused;
	assert_non_null(seen);
	assert_false(is_known(seen, PLAN, "gzip", 0));
	keep(seen, "gzip", 0, NULL, 0);
	keep(seen, "gzip", SEEN_QUESTIONS - 1, NULL, 0);
	keep(seen, "gzip", 5, bits, ARRAY_COUNT(bits));
	assert_true(is_known(seen, PLAN, "gzip", 0));
	assert_true(is_known(seen, PLAN, "gzip", SEEN_QUESTIONS - 1));
	assert_false(is_known(seen, PLAN, "gzip", 1));
	assert_false(is_known(seen, PLAN, "gziq", 0));
	assert_false(is_known(seen, PLAN, "gzi", 0));
	assert_false(is_known(seen, PLAN + 1, "gzip", 0));
	asked = ask(seen, PLAN, "gzip");
	place = seen_answer(seen, &asked, 5);
	assert_non_null(place);
	assert_true(seen_has_found(place, 5, 3));
	assert_true(seen_has_found(place, 5, 500));
	assert_false(seen_has_found(place, 5, 4));
	assert_false(seen_has_found(place, 0, 3));
	seen_free(seen);
}

static void what_does_not_fit_is_not_known(void **unused)
{
	static const uint16_t bits[SEEN_FOUND_MAX + 1] = { 1, 2, 3, 4, 5 };
	static char long_text[SEEN_TEXT_MAX + 2];
	struct seen *seen = seen_new();

	(void)unused;
	memset(long_text, 'a', SEEN_TEXT_MAX + 1);
	keep(seen, "text", 1, bits, SEEN_FOUND_MAX + 1);
	assert_false(is_known(seen, PLAN, "text", 1));
	keep(seen, "text", 2, bits, SEEN_FOUND_MAX);
	assert_true(is_known(seen, PLAN, "text", 2));
	keep(seen, "text", 3, bits, 1);
	assert_false(is_known(seen, PLAN, "text", 3));
	keep(seen, "text", 4, NULL, 0);
	assert_true(is_known(seen, PLAN, "text", 4));
	keep(seen, "text", SEEN_NONE, NULL, 0);
	assert_false(is_known(seen, PLAN, "text", SEEN_NONE));
	keep(seen, long_text, 1, NULL, 0);
	assert_false(is_known(seen, PLAN, long_text, 1));
	keep(seen, "", 1, NULL, 0);
	assert_false(is_known(seen, PLAN, "", 1));
	assert_false(is_known(NULL, PLAN, "text", 2));
	seen_free(seen);
}

/* One text is held while others take its place: then nothing is known of it, and nothing of theirs is taken for its own. */
static void a_place_that_was_taken_is_noticed(void **unused)
{
	struct seen *seen = seen_new();
	struct seen_asked held;
	unsigned int known = 0;
	char text[32];

	(void)unused;
	keep(seen, "held", 1, NULL, 0);
	held = ask(seen, PLAN, "held");
	assert_non_null(seen_answer(seen, &held, 1));
	for (unsigned int i = 0; i < 100000; i++) {
		snprintf(text, sizeof(text), "other %u", i);
		keep(seen, text, 2, NULL, 0);
	}
	assert_null(seen_answer(seen, &held, 1));
	assert_null(seen_answer(seen, &held, 2));
	seen_keep(seen, &held, 3, NULL, 0);
	assert_non_null(seen_answer(seen, &held, 3));
	assert_null(seen_answer(seen, &held, 2));
	for (unsigned int i = 0; i < 100000; i++) {
		snprintf(text, sizeof(text), "other %u", i);
		known += is_known(seen, PLAN, text, 2);
	}
	/* The last ones, as many as there are places, and no more. */
	assert_in_range(known, 3000, 4096);
	seen_free(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_kept_is_known),
		cmocka_unit_test(what_does_not_fit_is_not_known),
		cmocka_unit_test(a_place_that_was_taken_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
