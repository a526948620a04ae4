// SPDX-License-Identifier: Apache-2.0
/* Makes docs/shield.md: the template, with its tables filled from the rows of the program and of the tests.
 *
 *	gen-docs TEMPLATE		writes the page to standard output
 *	gen-docs TEMPLATE PAGE		compares it with a page; 1 when that one is out of date */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "case.h"
#include "shield/emulate.h"
#include "shield/vectors.h"

static void print_steps(FILE *out)
{
	static const char *const texts[SHIELD_STEP_COUNT] = {
		[SHIELD_STEP_PARSE] = "reads the headers; drops what is broken whoever it is for",
		[SHIELD_STEP_TENANT] = "finds the tenant by the destination address",
		[SHIELD_STEP_BOGON] = "broadcast addresses, own addresses as source, sources that nobody may have",
		[SHIELD_STEP_LIST] = "decisions and lists about the source",
		[SHIELD_STEP_POLICY] = "protocols, ports and what may be inside; answers without a question",
		[SHIELD_STEP_REFLECT] = "replies of reflection protocols, by port, size and first bytes",
		[SHIELD_STEP_SIGNATURE] = "signatures learned from the flood that is going on",
		[SHIELD_STEP_FRAGMENT] = "later fragments follow their first one",
		[SHIELD_STEP_CHALLENGE] = "new TCP sources must prove that they exist",
		[SHIELD_STEP_LIMIT] = "rates of the source, its prefixes, the class, the tenant",
		[SHIELD_STEP_DONE] = "the packet passes",
	};

	fprintf(out, "| step | what it does |\n|---|---|\n");
	for (size_t i = 0; i < SHIELD_STEP_COUNT; i++)
		fprintf(out, "| %s | %s |\n", shield_step_name((enum shield_step)i), texts[i]);
}

static void print_answers(FILE *out)
{
	fprintf(out, "| answer | meaning |\n|---|---|\n");
	for (size_t i = 0; i < SHIELD_ANSWER_COUNT; i++)
		fprintf(out, "| %s | %s |\n", shield_answer_name((enum shield_answer_kind)i),
			shield_answer_text((enum shield_answer_kind)i));
}

static void print_vector_steps(FILE *out, const struct shield_vector *vector)
{
	bool seen[SHIELD_STEP_COUNT] = { false };
	enum shield_reason reason;
	const char *comma = "";

	for (size_t at = 0; (reason = shield_vector_reason(vector, &at));) {
		enum shield_step step = shield_reason_step(reason);

		if (seen[step])
			continue;
		fprintf(out, "%s%s", comma, shield_step_name(step));
		seen[step] = true;
		comma = ", ";
	}
}

static void print_vector_cases(FILE *out, const char *id)
{
	const struct shield_case *c;
	const char *comma = "";

	for (size_t i = 0; (c = case_at(i)); i++)
		if (shield_vector_named(c->vectors, id)) {
			fprintf(out, "%s`%s`", comma, c->name);
			comma = ", ";
		}
}

static void print_vectors(FILE *out)
{
	const struct shield_vector *vector;

	fprintf(out, "| id | attack | answer | step | reasons | tests | to know |\n|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; (vector = shield_vector_at(i)); i++) {
		enum shield_reason reason;
		const char *comma = "";

		fprintf(out, "| %s | %s | %s | ", vector->id, vector->title[LUYTRE_LANG_EN],
			shield_answer_name(vector->answer));
		print_vector_steps(out, vector);
		fprintf(out, " | ");
		for (size_t at = 0; (reason = shield_vector_reason(vector, &at)); comma = ", ")
			fprintf(out, "%s`%s`", comma, shield_reason_name(reason));
		fprintf(out, " | ");
		print_vector_cases(out, vector->id);
		fprintf(out, " | %s |\n", vector->where);
	}
}

static void print_reasons(FILE *out)
{
	static const char *const verdicts[] = {
		[SHIELD_PASS] = "pass", [SHIELD_DROP] = "drop", [SHIELD_ANSWER] = "answer"
	};

	fprintf(out, "| reason | step | verdict | ids | meaning | tiếng Việt |\n|---|---|---|---|---|---|\n");
	for (size_t i = SHIELD_REASON_NONE + 1; i < SHIELD_REASON_COUNT; i++) {
		enum shield_reason reason = (enum shield_reason)i;

		fprintf(out, "| `%s` | %s | %s | %s | %s | %s |\n", shield_reason_name(reason),
			shield_step_name(shield_reason_step(reason)), verdicts[shield_reason_verdict(reason)],
			shield_reason_vectors(reason), shield_reason_text(reason, false),
			shield_reason_text(reason, true));
	}
}

static void print_reflection(FILE *out)
{
	static const struct {
		const char *name, *vectors, *action, *what;
		uint16_t first, last, min, max;
	} rows[] = {
#define X(id, name, vectors, first, last, min, max, action, value, mask, what)                                         \
	{ name, vectors, #action, what, first, last, min, max },
		SHIELD_REFLECT_ROWS(X)
#undef X
	};

	fprintf(out, "| name | id | source port | payload bytes | answer | what |\n|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		fprintf(out, "| `%s` | %s | ", rows[i].name, rows[i].vectors);
		if (!rows[i].first)
			fprintf(out, "any");
		else if (rows[i].first == rows[i].last)
			fprintf(out, "%u", rows[i].first);
		else
			fprintf(out, "%u to %u", rows[i].first, rows[i].last);
		fprintf(out, rows[i].max == 65535 ? " | %u or more" : " | %u", rows[i].min);
		fprintf(out, " | %s | %s |\n", rows[i].action[0] == 'L' ? "limit" : "drop", rows[i].what);
	}
}

static const struct {
	const char *name;
	void (*print)(FILE *out);
} marks[] = {
	{ "@STEPS@", print_steps },
	{ "@ANSWERS@", print_answers },
	{ "@VECTORS@", print_vectors },
	{ "@REASONS@", print_reasons },
	{ "@REFLECTION@", print_reflection },
};

/* A mark stands alone on its line. */
static void print_page(FILE *template, FILE *out)
{
	char line[1024];

	while (fgets(line, sizeof(line), template)) {
		size_t i = 0;

		while (i < ARRAY_COUNT(marks) && strncmp(line, marks[i].name, strlen(marks[i].name)))
			i++;
		if (i < ARRAY_COUNT(marks))
			marks[i].print(out);
		else
			fputs(line, out);
	}
}

static char *read_page(const char *path)
{
	char *text = NULL;
	size_t size;
	FILE *page = fopen(path, "r");

	if (!page)
		return NULL;
	if (getdelim(&text, &size, 0, page) < 0) {
		free(text);
		text = NULL;
	}
	fclose(page);
	return text;
}

static int compare(const char *text, const char *path)
{
	char *page = read_page(path);
	bool same = page && !strcmp(page, text);

	if (!same)
		fprintf(stderr, "%s is out of date: write it again with `gen-docs tests/shield/shield.md.in >%s`\n",
			path, path);
	free(page);
	return same ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	FILE *template = argc > 1 ? fopen(argv[1], "r") : NULL, *out;
	char *text;
	size_t size;
	int answer = EXIT_SUCCESS;

	if (!template) {
		fprintf(stderr, "usage: gen-docs TEMPLATE [PAGE]\n");
		return 2;
	}
	out = open_memstream(&text, &size);
	if (!out)
		return EXIT_FAILURE;
	print_page(template, out);
	fclose(template);
	fclose(out);
	if (argc > 2)
		answer = compare(text, argv[2]);
	else
		fputs(text, stdout);
	free(text);
	return answer;
}
