// SPDX-License-Identifier: Apache-2.0
/* Whose tenants become what: a table of files, rows and what comes of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/overlay.h"
#include "shield/emulate.h"

enum { TEXT_SIZE = 4096 };

static struct config *config_of(const char *tenants)
{
	struct config_errors errors;
	struct config *config = NULL;
	char text[TEXT_SIZE];

	snprintf(text, sizeof(text), "interface: eth0\ntenants:\n%s", tenants);
	if (config_load_bytes(bytes_from_str(text), "test", shield_reflect_name, &errors, &config)) {
		config_errors_print(stderr, &errors);
		fail();
	}
	return config;
}

/* Each tenant as "name:mode:fail:source_pps:hub_id[prefix prefix] ". */
static void describe(const struct overlay *overlay, char *text)
{
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < overlay->tenant_count; i++) {
		const struct config_tenant *t = &overlay->tenants[i];
		char word[IP_PREFIX_TEXT_SIZE];

		at += (size_t)snprintf(text + at, TEXT_SIZE - at, "%s:%s:%s:%u:%u[", t->name,
			t->mode == CONFIG_MODE_ENFORCE ? "enforce" : "shadow",
			t->full_table == CONFIG_FULL_CLOSED ? "closed" : "open", t->limits.source_pps, t->hub_id);
		for (size_t k = 0; k < t->prefixes.count; k++)
			at += (size_t)snprintf(text + at, TEXT_SIZE - at, "%s%s", k ? " " : "",
				ip_prefix_format(&t->prefixes.items[k], word));
		at += (size_t)snprintf(text + at, TEXT_SIZE - at, "] ");
	}
}

#define SITE              "  - {name: site, prefixes: [198.51.100.0/24], full_table: open}\n"
#define TWO               "  - {name: site, prefixes: [198.51.100.0/24, 203.0.113.0/24], full_table: open}\n"
#define OTHER             "  - {name: other, prefixes: [198.51.100.128/25], hub_id: 9, full_table: open}\n"
#define ROW(prefix, more) "{\"prefix\":\"" prefix "\",\"tenant\":7,\"asset\":1" more "}"
#define ENFORCE           ",\"shield\":\"enforce\""

static const struct {
	const char *tenants, *rows, *expected;
	size_t unplaced;
} cases[] = {
	{ SITE, "", "site:shadow:open:20000:0[198.51.100.0/24] ", 0 },
	/* The whole tenant: it keeps its name. */
	{ SITE, ROW("198.51.100.0/24", ENFORCE), "site:enforce:open:20000:7[198.51.100.0/24] ", 0 },
	{ SITE, ROW("198.51.0.0/16", ENFORCE), "site:enforce:open:20000:7[198.51.100.0/24] ", 0 },
	{ TWO, ROW("198.51.100.0/24", ENFORCE) "," ROW("203.0.113.0/24", ENFORCE),
		"site:enforce:open:20000:7[198.51.100.0/24 203.0.113.0/24] ", 0 },
	/* A part of it. */
	{ SITE, ROW("198.51.100.5/32", ENFORCE),
		"site:shadow:open:20000:0[198.51.100.0/24] site+enforce:enforce:open:20000:7[198.51.100.5/32] ", 0 },
	{ TWO, ROW("203.0.113.0/24", ENFORCE),
		"site:shadow:open:20000:0[198.51.100.0/24] site+enforce:enforce:open:20000:7[203.0.113.0/24] ", 0 },
	/* Those with the same settings share one, others do not. */
	{ SITE,
		ROW("198.51.100.5/32", ENFORCE) "," ROW("198.51.100.7/32", ENFORCE) "," ROW(
			"198.51.100.6/32", ENFORCE ",\"fail\":\"closed\"") "," ROW("198.51.100.8/32",
			",\"group\":\"asset-1\",\"limits\":{\"source_pps\":5}"),
		"site:shadow:open:20000:0[198.51.100.0/24] "
		"site+enforce:enforce:open:20000:7[198.51.100.5/32 198.51.100.7/32] "
		"site+enforce-012c7595:enforce:closed:20000:7[198.51.100.6/32] "
		"site+asset-1:shadow:open:5:7[198.51.100.8/32] ",
		0 },
	/* Whole again, but in two parts. */
	{ TWO, ROW("198.51.100.0/24", ENFORCE) "," ROW("203.0.113.0/24", ",\"fail\":\"closed\""),
		"site:shadow:closed:20000:7[203.0.113.0/24] site+enforce:enforce:open:20000:7[198.51.100.0/24] ", 0 },
	/* The longest prefix decides whose it is; a tenant of another organisation is left alone. */
	{ SITE OTHER, ROW("198.51.100.130/32", ENFORCE),
		"site:shadow:open:20000:0[198.51.100.0/24] other:shadow:open:20000:9[198.51.100.128/25] ", 1 },
	{ SITE OTHER, ROW("198.51.100.0/24", ENFORCE),
		"site:enforce:open:20000:7[198.51.100.0/24] other:shadow:open:20000:9[198.51.100.128/25] ", 0 },
	{ SITE, ROW("192.0.2.1/32", ENFORCE) "," ROW("2001:db8::/32", ENFORCE),
		"site:shadow:open:20000:0[198.51.100.0/24] ", 2 },
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct config *config = config_of(cases[i].tenants);
		char rows[TEXT_SIZE], found[TEXT_SIZE];
		struct policyfile file;
		struct overlay overlay;
		struct arena arena;

		snprintf(rows, sizeof(rows), "{\"version\":3,\"rows\":[%s]}", cases[i].rows);
		assert_int_equal(policyfile_read(bytes_from_str(rows), &file), 0);
		arena_init(&arena, OVERLAY_ARENA_MAX);
		assert_int_equal(overlay_build(config->tenants, config->tenant_count, &file, &arena, &overlay), 0);
		describe(&overlay, found);
		assert_string_equal(found, cases[i].expected);
		assert_int_equal(overlay.unplaced, cases[i].unplaced);
		assert_int_equal(overlay.placed + overlay.unplaced, file.row_count);
		arena_done(&arena);
		policyfile_done(&file);
		config_free(config);
	}
}

/* An address of the largest policy for the most tenants is still quick, and names stay apart. */
static void test_many(void **state)
{
	char *text = malloc(256 << 10);
	size_t at = 0;
	struct policyfile file = { .rows = calloc(4000, sizeof(*file.rows)), .row_count = 4000 };
	struct overlay overlay;
	struct config *config;
	struct config_errors errors;
	struct arena arena;

	assert_true(text && file.rows);
	at += (size_t)sprintf(text, "interface: eth0\ncapacity: {tenants: 4096}\ntenants:\n");
	for (unsigned int i = 0; i < 200; i++)
		at += (size_t)sprintf(text + at, "  - {name: t%u, prefixes: [10.%u.0.0/16]}\n", i, i);
	assert_int_equal(config_load_bytes(bytes_from_str(text), "test", shield_reflect_name, &errors, &config), 0);
	for (unsigned int i = 0; i < 4000; i++) {
		char prefix[32];

		policyfile_row_init(&file.rows[i]);
		snprintf(prefix, sizeof(prefix), "10.%u.%u.1", i % 200, i / 200);
		assert_int_equal(ip_prefix_parse(bytes_from_str(prefix), 0, &file.rows[i].prefix), 0);
		file.rows[i].shield = POLICYFILE_MODE_ENFORCE;
		strcpy(file.rows[i].group, "system-1");
		file.rows[i].limits[POLICYFILE_LIMIT_source_pps] = i % 400 < 200 ? 7 : 8;
	}
	arena_init(&arena, OVERLAY_ARENA_MAX);
	assert_int_equal(overlay_build(config->tenants, config->tenant_count, &file, &arena, &overlay), 0);
	assert_int_equal(overlay.placed, 4000);
	assert_int_equal(overlay.tenant_count, 600);
	for (size_t i = 0; i < overlay.tenant_count; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(overlay.tenants[i].name, overlay.tenants[k].name);
	arena_done(&arena);
	free(file.rows);
	free(text);
	config_free(config);
}

/* Which of the tenants that were made are as the hub wants them, and which as the file says. */
static void test_ruled(void **state)
{
	static const struct {
		const char *tenants, *rows, *ruled;
	} ruled[] = {
		{ SITE, "", "" },
		{ SITE, ROW("198.51.0.0/16", ENFORCE), "site " },
		{ SITE, ROW("198.51.100.5/32", ENFORCE), "site+enforce " },
		{ SITE, ROW("203.0.113.0/24", ENFORCE), "" },
		{ SITE OTHER, ROW("198.51.100.0/24", ENFORCE), "site " },
	};

	for (size_t i = 0; i < ARRAY_COUNT(ruled); i++) {
		struct config *config = config_of(ruled[i].tenants);
		struct policyfile file;
		struct overlay overlay;
		struct arena arena;
		char text[TEXT_SIZE];
		size_t at = 0;

		snprintf(text, sizeof(text), "{\"version\":3,\"rows\":[%s]}", ruled[i].rows);
		assert_int_equal(policyfile_read(bytes_from_str(text), &file), 0);
		arena_init(&arena, OVERLAY_ARENA_MAX);
		assert_int_equal(overlay_build(config->tenants, config->tenant_count, &file, &arena, &overlay), 0);
		text[0] = '\0';
		for (size_t k = 0; k < overlay.tenant_count; k++) {
			if (overlay_is_ruled(&file, &overlay.tenants[k]))
				at += (size_t)snprintf(text + at, sizeof(text) - at, "%s ", overlay.tenants[k].name);
		}
		assert_string_equal(text, ruled[i].ruled);
		arena_done(&arena);
		policyfile_done(&file);
		config_free(config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_ruled),
		cmocka_unit_test(test_many) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
