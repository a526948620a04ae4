// SPDX-License-Identifier: Apache-2.0
/* Runs ModSecurity's own cases of transformations and operators, from the corpus' folder unit-cases.
 *
 *	test-unit-cases SOURCE_ROOT
 *
 * The corpus lies where LUYTRE_CONFORMANCE_GATE says, else at ../shared/conformance/gate beside the source root; without it the test is
 * skipped, which exit status 77 tells. A case is {"type": "tfn"|"op", "name", "input", "param", "output", "ret", "re_groups"}; bytes
 * beyond ASCII are written as \xHH or \u00HH inside the (already decoded) JSON texts. Some cases have a name of their own: then the
 * file's name says what is tested. Files that operators name lie in the corpus'
 * operators/op, those that the corpus lacks in unit-cases beside this file. */
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "gate/operator/operator.h"
#include "gate/transform/transform.h"

#define EXIT_SKIPPED 77

static struct {
	const char *corpus, *source;
	size_t passed, failed;
} run;

/* Replaces \xHH and \u00HH by their bytes: 'digits' is how many stand behind the mark. Like sscanf("%x"), takes what hex digits there
 * are. */
static void decode_marks(uint8_t *text, size_t *size, char mark, size_t digits)
{
	size_t used = 0;

	for (size_t i = 0; i < *size; used++) {
		char number[5] = "";
		bool marked = i + 1 + digits < *size && text[i] == '\\' && text[i + 1] == mark;

		for (size_t j = 0; marked && j < digits; j++) {
			uint8_t byte = text[i + 2 + j], lower = byte | 0x20;

			marked = (byte >= '0' && byte <= '9') || (lower >= 'a' && lower <= 'z');
			number[j] = (char)byte;
		}
		text[used] = marked ? (uint8_t)strtoul(number, NULL, 16) : text[i];
		i += marked ? digits + 2 : 1;
	}
	*size = used;
}

/* A member's text in memory of its own; empty when it is not there. */
static struct bytes member(const json_t *object, const char *name, bool marks)
{
	const json_t *text = json_object_get(object, name);
	size_t size = json_string_length(text);
	uint8_t *copy = malloc(size + 1);

	if (!copy)
		abort();
	if (size != 0)
		memcpy(copy, json_string_value(text), size);
	if (marks) {
		decode_marks(copy, &size, 'x', 2);
		decode_marks(copy, &size, 'u', 4);
	}
	return bytes_of(copy, size);
}

static void drop(struct bytes text)
{
	free((void *)(uintptr_t)text.ptr);
}

static void report(bool passed, const char *path, size_t number, const char *what, struct bytes found)
{
	if (passed) {
		run.passed++;
		return;
	}
	run.failed++;
	fprintf(stderr, "%s, case %zu: %s", path, number, what);
	for (size_t i = 0; i < found.size; i++)
		fprintf(stderr, found.ptr[i] >= ' ' && found.ptr[i] < 0x7f ? "%c" : "\\x%02x", found.ptr[i]);
	fprintf(stderr, "\n");
}

/* The file's name without folder and ".json". */
static struct bytes file_stem(const char *path)
{
	const char *slash = strrchr(path, '/');

	path = slash ? slash + 1 : path;
	return bytes_of(path, strlen(path) - strlen(".json"));
}

static void run_transform(const json_t *test, const char *path, size_t number)
{
	const struct transform *named =
		transform_find(bytes_from_str(json_string_value(json_object_get(test, "name"))));
	const struct transform *transform = named ? named : transform_find(file_stem(path));
	struct bytes input = member(test, "input", true), output = member(test, "output", true), found = input;
	struct arena arena;

	arena_init(&arena, 1 << 20);
	if (transform)
		found = transform_run(transform, input, transform_classes(input), &arena, NULL);
	report(transform && bytes_equal(found, output), path, number, transform ? "found " : "unknown name", found);
	arena_done(&arena);
	drop(input);
	drop(output);
}

/* Compiles with the file that one of the two folders has. */
static int compile(
	const struct operator* operator, struct bytes parameter, char message[OPERATOR_MESSAGE_SIZE], void **ret)
{
	struct operator_setup setup = { 0 };
	char *file = NULL;
	int error;

	*ret = NULL;
	if (!operator->compile)
		return 0;
	if (asprintf(&file, "%s/unit-cases/operators/op/rules.conf", run.corpus) < 0)
		return LUYTRE_E_NOMEM;
	setup.file = file;
	error = operator->compile(&setup, parameter, message, ret);
	free(file);
	if (error != LUYTRE_E_NOT_FOUND)
		return error;
	if (asprintf(&file, "%s/tests/gate/unit-cases/rules.conf", run.source) < 0)
		return LUYTRE_E_NOMEM;
	setup.file = file;
	error = operator->compile(&setup, parameter, message, ret);
	free(file);
	return error;
}

static bool groups_agree(const json_t *groups, const struct operator_call *call)
{
	for (size_t i = 0; i < json_array_size(groups); i++) {
		if (i >= call->capture_count ||
			!bytes_equal_str(call->captures[i], json_string_value(json_array_get(groups, i))))
			return false;
	}
	return true;
}

static void match(const struct operator* operator, const void * compiled, const json_t *test, struct bytes parameter,
	const char *path, size_t number)
{
	struct match_scratch *scratch = match_scratch_new();
	struct operator_call call = { .scratch = scratch, .capture = true };
	struct bytes input = member(test, "input", true);
	bool wanted = json_integer_value(json_object_get(test, "ret")) != 0, found;
	struct arena arena;

	arena_init(&arena, 4096);
	call.arena = &arena;
	if (!scratch || operator_prepare(operator, compiled, scratch) < 0)
		abort();
	found = operator->match(compiled, parameter, input, &call);
	report(found == wanted && groups_agree(json_object_get(test, "re_groups"), &call), path, number,
		found ? "matched " : "did not match", call.matched);
	arena_done(&arena);
	match_scratch_free(scratch);
	drop(input);
}

static void run_operator(const json_t *test, const char *path, size_t number)
{
	const struct operator* named = operator_find(bytes_from_str(json_string_value(json_object_get(test, "name"))));
	const struct operator* operator= named ? named : operator_find(file_stem(path));
	struct bytes parameter = member(test, "param", false);
	char message[OPERATOR_MESSAGE_SIZE] = "unknown name";
	void *compiled = NULL;

	if (operator&& compile(operator, parameter, message, &compiled) == 0) {
		match(operator, compiled, test, parameter, path, number);
		if (operator->free)
			operator->free(compiled);
	} else {
		report(false, path, number, message, (struct bytes){ 0 });
	}
	drop(parameter);
}

static void run_file(const char *path)
{
	json_error_t reason;
	json_t *tests = json_load_file(path, JSON_ALLOW_NUL, &reason);

	if (!json_is_array(tests))
		report(false, path, 0, "is not a list of cases", (struct bytes){ 0 });
	for (size_t i = 0; i < json_array_size(tests); i++) {
		const json_t *test = json_array_get(tests, i);
		const char *type = json_string_value(json_object_get(test, "type"));

		if (!type || !json_string_value(json_object_get(test, "name")))
			report(false, path, i, "has no type or name", (struct bytes){ 0 });
		else if (strcmp(type, "tfn") == 0)
			run_transform(test, path, i);
		else
			run_operator(test, path, i);
	}
	json_decref(tests);
}

static int is_case_file(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".json") == 0;
}

/* Returns the number of files. */
static int run_folder(const char *folder)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, is_case_file, alphasort);

	for (int i = 0; i < count; i++) {
		char *path = NULL;

		if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
			abort();
		run_file(path);
		free(path);
		free(entries[i]);
	}
	free(entries);
	return count < 0 ? 0 : count;
}

int main(int argc, char **argv)
{
	static const char *const folders[] = { "operators", "transformations" };
	const char *chosen = getenv("LUYTRE_CONFORMANCE_GATE");
	char *corpus = NULL;
	int files = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: test-unit-cases SOURCE_ROOT\n");
		return EXIT_FAILURE;
	}
	run.source = argv[1];
	if (asprintf(&corpus, "%s%s", chosen ? chosen : run.source, chosen ? "" : "/../shared/conformance/gate") < 0)
		return EXIT_FAILURE;
	run.corpus = corpus;
	for (size_t i = 0; i < ARRAY_COUNT(folders); i++) {
		char *folder = NULL;

		if (asprintf(&folder, "%s/unit-cases/%s", corpus, folders[i]) < 0)
			return EXIT_FAILURE;
		files += run_folder(folder);
		free(folder);
	}
	if (files == 0)
		printf("skipped: no unit cases in %s\n", corpus);
	else
		printf("%d files: %zu passed, %zu failed\n", files, run.passed, run.failed);
	free(corpus);
	if (files == 0)
		return EXIT_SKIPPED;
	return run.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
