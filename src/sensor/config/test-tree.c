// SPDX-License-Identifier: Apache-2.0
/* The option tree: reading, includes, overrides, values, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensor/config/tree.h"

#define HEAD "%YAML 1.1\n---\n"

static const char sample[] = HEAD "stream:\n"
				  "  memcap: 64mb\n"
				  "  inline: auto\n"
				  "  midstream: True\n"
				  "  empty:\n"
				  "outputs:\n"
				  "  - fast: {enabled: no}\n"
				  "  - eve-log:\n"
				  "      filename: eve.json\n"
				  "      types: [alert, frame, {dns: {version: 3}}]\n"
				  "files: [a.rules, b.rules]\n"
				  "one: c.rules\n";

static struct conf_tree *tree_of(const char *text)
{
	char message[CONF_MESSAGE_SIZE] = "";
	struct conf_tree *tree = NULL;
	int error = conf_tree_from_text(bytes_from_str(text), "text", message, &tree);

	if (error != 0)
		print_error("%s\n", message);
	assert_int_equal(error, 0);
	return tree;
}

static void set(struct conf_tree *tree, const char *text)
{
	char message[CONF_MESSAGE_SIZE];

	assert_int_equal(conf_tree_set_text(tree, text, message), 0);
}

/* Null expects that there is no text. */
static void check_text(const struct conf_tree *tree, const char *path, const char *expected)
{
	const char *found = conf_text(conf_root(tree), path, NULL);

	if (!expected)
		assert_null(found);
	else if (!found)
		fail_msg("%s: nothing there, expected %s", path, expected);
	else
		assert_string_equal(found, expected);
}

static void test_paths(void **state)
{
	static const struct {
		const char *path;
		const char *text;
	} rows[] = {
		{ "stream.memcap", "64mb" },
		{ "stream.empty", "" },
		{ "outputs.0.fast.enabled", "no" },
		{ "outputs.1.eve-log.filename", "eve.json" },
		{ "outputs.eve-log.filename", "eve.json" },
		{ "outputs.eve-log.types.0", "alert" },
		{ "outputs.eve-log.types.alert", "alert" },
		{ "outputs.eve-log.types.2.dns.version", "3" },
		{ "outputs.eve-log.types.dns.version", "3" },
		{ "files.1", "b.rules" },
		{ "files.2", NULL },
		{ "stream", NULL },
		{ "stream.memcap.x", NULL },
		{ "nothing.at.all", NULL },
		{ "stream..memcap", NULL },
		{ ".stream", NULL },
		{ "stream.", NULL },
	};
	struct conf_tree *tree = tree_of(sample);

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		check_text(tree, rows[i].path, rows[i].text);
	assert_ptr_equal(conf_get(conf_root(tree), ""), conf_root(tree));
	assert_null(conf_get(NULL, "a"));
	assert_null(conf_child(NULL, "a"));
	assert_null(conf_first(NULL));
	conf_tree_free(tree);
}

static void test_items(void **state)
{
	static const char *const names[] = { "alert", "frame", "dns" };
	struct conf_tree *tree = tree_of(sample);
	const struct conf_node *root = conf_root(tree);
	size_t count = 0;

	CONF_FOR(item, conf_get(root, "outputs.eve-log.types"))
	{
		assert_string_equal(conf_item_name(item), names[count % ARRAY_COUNT(names)]);
		assert_int_equal(conf_item_options(item) != NULL, count == 2);
		count++;
	}
	assert_int_equal(count, 3);
	assert_string_equal(conf_item_name(NULL), "");
	assert_int_equal(conf_values_count(conf_get(root, "files")), 2);
	assert_string_equal(conf_value_at(conf_get(root, "files"), 1), "b.rules");
	assert_null(conf_value_at(conf_get(root, "files"), 2));
	assert_int_equal(conf_values_count(conf_get(root, "one")), 1);
	assert_string_equal(conf_value_at(conf_get(root, "one"), 0), "c.rules");
	assert_int_equal(conf_values_count(conf_get(root, "none")), 0);
	assert_int_equal(conf_values_count(conf_get(root, "stream.empty")), 0);
	conf_tree_free(tree);
}

static void test_places(void **state)
{
	struct conf_tree *tree = tree_of(sample);
	const struct conf_node *node = conf_get(conf_root(tree), "stream.memcap");

	assert_string_equal(node->file, "text");
	assert_int_equal(node->line, 4);
	assert_null(conf_tree_file(tree));
	conf_tree_free(tree);
}

/* An option that comes again replaces what was there, whatever it was. */
static void test_redefined(void **state)
{
	struct conf_tree *tree = tree_of(HEAD "a: {x: 1, y: 2}\nb: [1, 2, 3]\nc: text\na: {z: 3}\nb: [4]\nc: {d: 5}\n");

	check_text(tree, "a.x", NULL);
	check_text(tree, "a.z", "3");
	check_text(tree, "b.0", "4");
	check_text(tree, "b.1", NULL);
	check_text(tree, "c", NULL);
	check_text(tree, "c.d", "5");
	assert_int_equal(conf_root(tree)->children_count, 3);
	conf_tree_free(tree);
}

static void test_overrides(void **state)
{
	static const struct {
		const char *set;
		const char *path;
		const char *text;
	} rows[] = {
		{ "stream.memcap=1gb", "stream.memcap", "1gb" },
		{ " stream.memcap = 2gb ", "stream.memcap", "2gb" },
		{ "stream.memcap=", "stream.memcap", "" },
		{ "stream.memcap=a=b", "stream.memcap", "a=b" },
		{ "brand.new.option=on", "brand.new.option", "on" },
		{ "outputs.1.eve-log.filename=x", "outputs.eve-log.filename", "x" },
		{ "outputs.eve-log.filename=y", "outputs.1.eve-log.filename", "y" },
		/* The item is a plain name. */
		{ "outputs.1.eve-log.types.1.frame.enabled=yes", "outputs.eve-log.types.frame.enabled", "yes" },
		{ "outputs.eve-log.types.frame.enabled=yes", "outputs.1.eve-log.types.1.frame.enabled", "yes" },
		{ "outputs.eve-log.types.frame.enabled=yes", "outputs.1.eve-log.types.1", "frame" },
		/* The item is a mapping. */
		{ "outputs.1.eve-log.types.2.dns.enabled=yes", "outputs.eve-log.types.dns.enabled", "yes" },
		{ "outputs.1.eve-log.types.2.dns.enabled=yes", "outputs.eve-log.types.dns.version", "3" },
		/* No such item. */
		{ "outputs.1.eve-log.types.mqtt.enabled=yes", "outputs.eve-log.types.3.mqtt.enabled", "yes" },
		{ "outputs.7.eve-log.enabled=yes", "outputs.7.eve-log.enabled", "yes" },
		{ "files.2=c.rules", "files.2", "c.rules" },
		/* A text where a list or a mapping was, and the reverse. */
		{ "files=c.rules", "files", "c.rules" },
		{ "files=c.rules", "files.0", NULL },
		{ "one.two=x", "one.two", "x" },
		{ "one.two=x", "one", "c.rules" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct conf_tree *tree = tree_of(sample);

		set(tree, rows[i].set);
		check_text(tree, rows[i].path, rows[i].text);
		conf_tree_free(tree);
	}
}

static void test_overrides_in_empty(void **state)
{
	struct conf_tree *tree;
	const struct conf_node *item;

	assert_int_equal(conf_tree_empty(&tree), 0);
	assert_null(conf_first(conf_root(tree)));
	set(tree, "outputs.1.eve-log.enabled=yes");
	item = conf_first(conf_get(conf_root(tree), "outputs"));
	assert_string_equal(conf_item_name(item), "eve-log");
	assert_true(conf_bool(conf_item_options(item), "enabled", false));

	/* A later text for the whole keeps what overrides made below it. */
	set(tree, "outputs=x");
	check_text(tree, "outputs", "x");
	check_text(tree, "outputs.1.eve-log.enabled", "yes");
	conf_tree_free(tree);
}

/* An item that an override made options for looks like any other. */
static void test_overridden_item(void **state)
{
	struct conf_tree *tree = tree_of(sample);
	const struct conf_node *item;

	set(tree, "outputs.1.eve-log.types.1.frame.enabled=yes");
	item = conf_get(conf_root(tree), "outputs.eve-log.types.1");
	assert_string_equal(conf_item_name(item), "frame");
	assert_true(conf_bool(conf_item_options(item), "enabled", false));
	assert_int_equal(conf_item_options(item)->first->set, 1);
	conf_tree_free(tree);
}

/* Options of another file stand in the tree with their place, and lists can be made of them. */
static void test_overrides_of_another_file(void **state)
{
	char message[CONF_MESSAGE_SIZE];
	struct conf_tree *tree;

	assert_int_equal(conf_tree_empty(&tree), 0);
	assert_int_equal(conf_tree_set_at(tree, "outputs.0.eve-log.types.0", "alert", "own.yaml", 7, message), 0);
	assert_int_equal(conf_tree_set_at(tree, "flow.memcap", "much", "own.yaml", 9, message), 0);
	assert_string_equal(conf_text(conf_root(tree), "outputs.eve-log.types.alert", ""), "alert");
	assert_int_equal(conf_get(conf_root(tree), "outputs")->kind, CONF_LIST);
	assert_int_equal(conf_size(conf_root(tree), "flow.memcap", 5), 5);
	assert_int_equal(conf_tree_complaints(tree), 1);
	assert_non_null(strstr(conf_tree_complaint(tree, 0), "own.yaml:9: flow.memcap: found \"much\""));
	assert_int_equal(conf_tree_set_at(tree, "a..b", "x", "own.yaml", 3, message), LUYTRE_E_SYNTAX);
	assert_non_null(strstr(message, "own.yaml:3: "));
	conf_tree_free(tree);
}

static void test_overrides_refused(void **state)
{
	static const char *const rows[] = { "", "=", "=x", "a", "a.b", ".a=1", "a.=1", "a..b=1", "  =1" };
	struct conf_tree *tree = tree_of(sample);
	char message[CONF_MESSAGE_SIZE];
	char longest[4 * CONF_PATH_MAX];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		message[0] = '\0';
		assert_int_equal(conf_tree_set_text(tree, rows[i], message), LUYTRE_E_SYNTAX);
		assert_non_null(strstr(message, "--set: "));
	}
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + sizeof(longest) - 3, "=1", 3);
	assert_int_equal(conf_tree_set_text(tree, longest, message), LUYTRE_E_SYNTAX);
	for (size_t i = 1; i < CONF_PATH_MAX - 2; i += 2)
		longest[i] = '.';
	memcpy(longest + CONF_PATH_MAX - 2, "=1", 3);
	assert_int_equal(conf_tree_set_text(tree, longest, message), LUYTRE_E_SYNTAX);
	assert_null(conf_get(conf_root(tree), "a"));
	conf_tree_free(tree);
}

static void test_booleans(void **state)
{
	static const struct {
		const char *text;
		enum conf_switch value;
	} rows[] = { { "yes", CONF_YES }, { "True", CONF_YES }, { "ON", CONF_YES }, { "1", CONF_YES },
		{ "no", CONF_NO }, { "FALSE", CONF_NO }, { "off", CONF_NO }, { "0", CONF_NO }, { "auto", CONF_OTHER },
		{ "2", CONF_OTHER }, { "", CONF_ABSENT } };
	struct conf_tree *tree = tree_of(sample);
	const struct conf_node *root = conf_root(tree);
	char message[CONF_MESSAGE_SIZE];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(conf_tree_set(tree, "flag", rows[i].text, message), 0);
		assert_int_equal(conf_switch(root, "flag"), rows[i].value);
		assert_int_equal(
			conf_bool(root, "flag", true), rows[i].value == CONF_YES || rows[i].value == CONF_ABSENT);
	}
	assert_int_equal(conf_switch(root, "none"), CONF_ABSENT);
	assert_int_equal(conf_switch(root, "stream"), CONF_ABSENT);
	assert_true(conf_bool(root, "none", true));
	assert_false(conf_bool(root, "none", false));
	assert_int_equal(conf_tree_complaints(tree), 0);
	conf_tree_free(tree);
}

/* Each row is read as a number and as a size; 'bad' is the answer to a text that is neither. */
static void test_numbers(void **state)
{
	enum { BAD = 77 };
	static const struct {
		const char *text;
		uint64_t number, size, seconds;
	} rows[] = {
		{ "0", 0, 0, 0 },
		{ "512", 512, 512, 512 },
		{ "0x10", 16, BAD, BAD },
		{ "18446744073709551615", UINT64_MAX, UINT64_MAX, UINT64_MAX },
		{ "18446744073709551616", BAD, BAD, BAD },
		{ "64mb", BAD, UINT64_C(64) << 20, BAD },
		{ "64MB", BAD, UINT64_C(64) << 20, BAD },
		{ "10 MiB", BAD, UINT64_C(10) << 20, BAD },
		{ "1kb", BAD, 1024, BAD },
		{ "256 KiB", BAD, 256 << 10, BAD },
		{ "2gb", BAD, UINT64_C(2) << 30, BAD },
		{ "1.5kb", BAD, 1536, BAD },
		{ "0.5 MiB", BAD, 512 << 10, BAD },
		{ "99999999999gb", BAD, BAD, BAD },
		{ "10m", BAD, BAD, 600 },
		{ "30s", BAD, BAD, 30 },
		{ "2h", BAD, BAD, 7200 },
		{ "1d", BAD, BAD, 86400 },
		{ "-1", BAD, BAD, BAD },
		{ "kb", BAD, BAD, BAD },
		{ "1 2", BAD, BAD, BAD },
		{ "1k", BAD, BAD, BAD },
		{ "1kbs", BAD, BAD, BAD },
		{ "1.kb", BAD, BAD, BAD },
		{ "ten", BAD, BAD, BAD },
	};
	struct conf_tree *tree = tree_of(sample);
	const struct conf_node *root = conf_root(tree);
	char message[CONF_MESSAGE_SIZE];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(conf_tree_set(tree, "n", rows[i].text, message), 0);
		assert_int_equal(conf_u64(root, "n", BAD), rows[i].number);
		assert_int_equal(conf_size(root, "n", BAD), rows[i].size);
		assert_int_equal(conf_seconds(root, "n", BAD), rows[i].seconds);
	}
	assert_int_equal(conf_u64(root, "none", 5), 5);
	assert_int_equal(conf_size(root, "none", 5), 5);
	assert_int_equal(conf_seconds(root, "stream", 5), 5);
	assert_int_equal(conf_size(root, "stream.empty", 5), 5);
	set(tree, "n=-12");
	assert_int_equal(conf_i64(root, "n", 0), -12);
	set(tree, "n=0.25");
	assert_true(conf_double(root, "n", 1) == 0.25);
	set(tree, "n=nan");
	assert_true(conf_double(root, "n", 1) == 1);
	conf_tree_free(tree);
}

static void test_complaints(void **state)
{
	static const char *const policies[] = { "auto", "drop-flow", "pass-packet", NULL };
	struct conf_tree *tree = tree_of(HEAD "a:\n  b: [x]\n  policy: Drop_Flow\n");
	const struct conf_node *root = conf_root(tree);

	assert_int_equal(conf_choice(root, "a.policy", policies, 0), 1);
	assert_int_equal(conf_choice(root, "a.none", policies, 2), 2);
	assert_int_equal(conf_tree_complaints(tree), 0);
	assert_null(conf_tree_complaint(tree, 0));

	assert_int_equal(conf_u64_between(root, "a.b.0", 3, 1, 9), 3);
	assert_int_equal(conf_u64_between(root, "a.b.0", 3, 1, 9), 3);
	assert_int_equal(conf_tree_complaints(tree), 1);
	assert_string_equal(
		conf_tree_complaint(tree, 0), "text:4: a.b.0: found \"x\", expected a whole number from 1 to 9");
	set(tree, "a.policy=never");
	assert_int_equal(conf_choice(root, "a.policy", policies, 2), 2);
	assert_string_equal(conf_tree_complaint(tree, 1),
		"--set: a.policy: found \"never\", expected one of auto drop-flow pass-packet");
	for (int i = 0; i < 2 * CONF_COMPLAINTS_MAX; i++)
		conf_complain(root, "number %d", i);
	assert_int_equal(conf_tree_complaints(tree), 2 + 2 * CONF_COMPLAINTS_MAX);
	assert_non_null(conf_tree_complaint(tree, CONF_COMPLAINTS_MAX - 1));
	assert_null(conf_tree_complaint(tree, CONF_COMPLAINTS_MAX));
	conf_tree_free(tree);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		int error;
		const char *message; /* what it begins with */
	} rows[] = {
		{ "", LUYTRE_E_SYNTAX, "text:1: expected the lines \"%YAML 1.1\"" },
		{ "a: 1\n", LUYTRE_E_SYNTAX, "text:1: expected the lines \"%YAML 1.1\"" },
		{ "%YAML 1.2\n---\na: 1\n", LUYTRE_E_SYNTAX, "text:1: expected the lines \"%YAML 1.1\"" },
		{ HEAD "- a\n", LUYTRE_E_SYNTAX, "text:3: found a list, expected options" },
		{ HEAD "words\n", LUYTRE_E_SYNTAX, "text:3: found a value, expected options" },
		{ HEAD "a: 1\n---\nb: 2\n", LUYTRE_E_SYNTAX, "text:4: found another document" },
		{ HEAD "a: &x 1\nb: *x\n", LUYTRE_E_SYNTAX, "text:4: found an alias" },
		{ HEAD "? [a]\n: 1\n", LUYTRE_E_SYNTAX, "text:3: found a list, expected the name" },
		{ HEAD "a: [1, 2\n", LUYTRE_E_SYNTAX, "text:" },
		{ HEAD "a: 1\n b: 2\n", LUYTRE_E_SYNTAX, "text:4: not readable as YAML" },
		{ HEAD "a: \"\\0\"\n", LUYTRE_E_SYNTAX, "text:3: found a zero byte" },
		{ HEAD "a: \xff\n", LUYTRE_E_SYNTAX, "text:" },
		{ HEAD "include: other.yaml\n", LUYTRE_E_UNSUPPORTED, "text:3: found an include" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char message[CONF_MESSAGE_SIZE] = "";
		struct conf_tree *tree = NULL;

		assert_int_equal(
			conf_tree_from_text(bytes_from_str(rows[i].text), "text", message, &tree), rows[i].error);
		if (strncmp(message, rows[i].message, strlen(rows[i].message)) != 0)
			fail_msg("row %zu: %s", i, message);
		assert_null(tree);
	}
}

/* 'levels' brackets around a value. */
static int load_nested(unsigned int levels)
{
	char text[1024] = HEAD "a: ";
	char message[CONF_MESSAGE_SIZE];
	size_t used = strlen(text);
	struct conf_tree *tree;
	int error;

	memset(text + used, '[', levels);
	memset(text + used + levels, ']', levels);
	strcpy(text + used + (size_t)2 * levels, "\n");
	error = conf_tree_from_text(bytes_from_str(text), "text", message, &tree);
	if (error == 0)
		conf_tree_free(tree);
	return error;
}

static void test_bounds(void **state)
{
	size_t room_size = (CONF_KEYS_MAX + 1) * 16 + 64;
	char *text = malloc(room_size);
	char message[CONF_MESSAGE_SIZE];
	struct conf_tree *tree;
	size_t used = strlen(HEAD);

	assert_int_equal(load_nested(CONF_DEPTH_MAX), 0);
	assert_int_equal(load_nested(CONF_DEPTH_MAX + 1), LUYTRE_E_FULL);
	assert_int_equal(load_nested(400), LUYTRE_E_FULL);

	assert_non_null(text);
	strcpy(text, HEAD);
	for (unsigned int i = 0; i <= CONF_KEYS_MAX; i++)
		used += (size_t)snprintf(text + used, room_size - used, "k%u: 1\n", i);
	assert_int_equal(conf_tree_from_text(bytes_of(text, used), "text", message, &tree), LUYTRE_E_FULL);
	assert_non_null(strstr(message, "too many options"));
	free(text);
}

/* ---- Files ---- */

static char folder[] = "/tmp/test-config-tree-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int load_file(const char *name, char message[CONF_MESSAGE_SIZE], struct conf_tree **ret)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	message[0] = '\0';
	*ret = NULL;
	return conf_tree_from_file(path, message, ret);
}

static const struct {
	const char *name;
	const char *text;
} files[] = {
	{ "main.yaml", HEAD
		"before: 1\na: main\ninclude: sub/first.yaml\nafter: 2\nsection:\n  include: section.yaml\n  z: 9\n"
		"tagged: !include section.yaml\nb: {y: 1}\n" },
	{ "sub/first.yaml", HEAD "a: first\nb: {x: 1}\ninclude: [second.yaml, beside-main.yaml]\n" },
	{ "sub/second.yaml", HEAD "second: yes\nlist: [1, 2]\n" },
	{ "beside-main.yaml", HEAD "list: [3]\n" },
	{ "section.yaml", HEAD "inner: {deep: 1}\nz: 1\n" },
	{ "loop.yaml", HEAD "include: loop.yaml\n" },
	{ "missing.yaml", HEAD "a: 1\ninclude: no-such-file.yaml\n" },
	{ "folder.yaml", HEAD "include: sub\n" },
	{ "device.yaml", HEAD "include: /dev/zero\n" },
	{ "mapping.yaml", HEAD "include: {a: b}\n" },
	{ "broken.yaml", HEAD "include: headless.yaml\n" },
	{ "headless.yaml", "a: 1\n" },
	{ "empty.yaml", HEAD },
};

static void file_path(const char *name, char ret[256])
{
	snprintf(ret, 256, "%s/%s", folder, name);
}

static int files_setup(void **state)
{
	char path[256];

	if (!mkdtemp(folder))
		return -1;
	file_path("sub", path);
	if (mkdir(path, 0700) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_COUNT(files); i++)
		write_file(files[i].name, files[i].text);
	return 0;
}

static int files_teardown(void **state)
{
	char path[256];

	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		file_path(files[i].name, path);
		unlink(path);
	}
	file_path("sub", path);
	rmdir(path);
	return rmdir(folder);
}

static void test_includes(void **state)
{
	static const struct {
		const char *path;
		const char *text;
	} rows[] = {
		{ "before", "1" },
		{ "after", "2" },
		{ "a", "first" }, /* the later one counts */
		{ "second", "yes" },
		{ "list.0", "3" },
		{ "list.1", NULL },
		{ "b.x", NULL },
		{ "b.y", "1" },
		{ "section.inner.deep", "1" },
		{ "section.z", "9" },
		{ "tagged.inner.deep", "1" },
	};
	char message[CONF_MESSAGE_SIZE];
	struct conf_tree *tree;
	const struct conf_node *node;

	assert_int_equal(load_file("main.yaml", message, &tree), 0);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		check_text(tree, rows[i].path, rows[i].text);
	node = conf_get(conf_root(tree), "second");
	assert_non_null(strstr(node->file, "/sub/second.yaml"));
	assert_int_equal(node->line, 3);
	assert_non_null(strstr(conf_tree_file(tree), "/main.yaml"));
	set(tree, "second=no");
	check_text(tree, "second", "no");
	conf_tree_free(tree);

	assert_int_equal(load_file("empty.yaml", message, &tree), 0);
	assert_null(conf_first(conf_root(tree)));
	conf_tree_free(tree);
}

static void test_includes_refused(void **state)
{
	static const struct {
		const char *name;
		int error;
		const char *message; /* a part of it */
	} rows[] = {
		{ "no-such-file.yaml", LUYTRE_E_NOT_FOUND, "no-such-file.yaml: cannot be read" },
		{ "sub", LUYTRE_E_INVALID, "sub: cannot be read" },
		{ "loop.yaml", LUYTRE_E_FULL, "loop.yaml:3: more than 16 files include one another" },
		{ "missing.yaml", LUYTRE_E_NOT_FOUND, "missing.yaml:4: cannot include \"no-such-file.yaml\"" },
		{ "folder.yaml", LUYTRE_E_INVALID, "folder.yaml:3: cannot include \"sub\"" },
		{ "device.yaml", LUYTRE_E_INVALID, "device.yaml:3: cannot include \"/dev/zero\"" },
		{ "mapping.yaml", LUYTRE_E_SYNTAX, "mapping.yaml:3: found a mapping, expected the name of a file" },
		{ "broken.yaml", LUYTRE_E_SYNTAX, "headless.yaml:1: expected the lines" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char message[CONF_MESSAGE_SIZE];
		struct conf_tree *tree;

		assert_int_equal(load_file(rows[i].name, message, &tree), rows[i].error);
		if (!strstr(message, rows[i].message))
			fail_msg("%s: %s", rows[i].name, message);
		assert_null(tree);
	}
}

static void test_stock(void **state)
{
	char message[CONF_MESSAGE_SIZE] = "";
	struct conf_tree *tree;
	const struct conf_node *root;

	if (conf_tree_stock(message, &tree) != 0)
		fail_msg("%s", message);
	root = conf_root(tree);
	assert_string_equal(conf_text(root, "vars.address-groups.EXTERNAL_NET", ""), "!$HOME_NET");
	assert_string_equal(conf_item_name(conf_get(root, "outputs.1.eve-log.types.1")), "frame");
	assert_int_equal(conf_size(root, "stream.reassembly.depth", 0), 1 << 20);
	assert_string_equal(conf_text(root, "app-layer.protocols.smb.detection-ports.dp", ""), "139, 445");
	assert_false(conf_bool(root, "app-layer.protocols.modbus.enabled", true));
	assert_string_equal(conf_value_at(conf_get(root, "host-os-policy.windows"), 0), "0.0.0.0/0");
	set(tree, "outputs.1.eve-log.types.1.frame.enabled=yes");
	assert_true(conf_bool(root, "outputs.eve-log.types.frame.enabled", false));
	conf_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_redefined),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_overrides_in_empty),
		cmocka_unit_test(test_overridden_item),
		cmocka_unit_test(test_overrides_of_another_file),
		cmocka_unit_test(test_overrides_refused),
		cmocka_unit_test(test_booleans),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_complaints),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_includes),
		cmocka_unit_test(test_includes_refused),
		cmocka_unit_test(test_stock),
	};

	conf_tree_free(NULL);
	return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
