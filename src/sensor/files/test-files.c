// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensor/app/testapp.h"

#define BYTES(text) bytes_of(text, sizeof(text) - 1)
#define ABC_SHA256  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* A transaction to hang files on: that of an SSH banner will do. */
static struct app_tx *some_tx(struct testapp *app)
{
	testapp_stream(app, TO_SERVER, BYTES("SSH-2.0-x\r\n"), 0);
	return app->flow.app->first;
}

static void hashes_magic_and_sizes(void **state)
{
	struct testapp app;
	struct app_tx *tx;
	struct file *file;

	testapp_init(&app, 6, 22,
		"%YAML 1.1\n---\noutputs:\n  - eve-log:\n      enabled: yes\n      types:\n        - files:\n"
		"            force-magic: yes\n            force-hash: [md5, sha1, sha256]\n");
	tx = some_tx(&app);
	file = file_open(app.flow.app, tx, TO_SERVER, BYTES("a.txt"));
	assert_non_null(file);
	assert_int_equal(file_append(app.flow.app, file, BYTES("a")), 0);
	file_close(app.flow.app, file, BYTES("bc"), FILE_CLOSED);
	assert_int_equal(file->size, 3);
	assert_string_equal(file_state_name(file), "CLOSED");
	assert_true(file->has_md5 && file->has_sha1 && file->has_sha256);
	assert_memory_equal(file->md5, "\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72", 16);
	assert_true(bytes_starts_with(file->magic, bytes_from_str("ASCII text")));
	assert_int_not_equal(file_append(app.flow.app, file, BYTES("d")), 0);
	testapp_done(&app);
}

static void gaps_and_truncation(void **state)
{
	struct testapp app;
	struct app_tx *tx;
	struct file *file;

	testapp_init(&app, 6, 22, NULL);
	tx = some_tx(&app);
	file = file_open(app.flow.app, tx, TO_SERVER, BYTES("a"));
	assert_int_equal(file_append(app.flow.app, file, BYTES("abc")), 0);
	file_gap(app.flow.app, file, 10);
	assert_int_equal(file->size, 13);
	assert_true(file->flags & FILE_GAPS);
	app_flow_end(app.worker, &app.flow, NULL);
	assert_string_equal(file_state_name(file), "TRUNCATED");
	assert_false(file->has_sha256);
	testapp_done(&app);
}

static void stored_under_its_hash(void **state)
{
	char folder[] = "/tmp/luytre-files-XXXXXX", config[512], path[512], text[8] = { 0 };
	struct testapp app;
	struct file *file;
	struct app_tx *tx;
	FILE *stored;

	assert_non_null(mkdtemp(folder));
	snprintf(config, sizeof(config),
		"%%YAML 1.1\n---\noutputs:\n  - file-store:\n      version: 2\n      enabled: yes\n      "
		"force-filestore: yes\n"
		"      write-fileinfo: yes\n      dir: %s\n",
		folder);
	testapp_init(&app, 6, 22, config);
	tx = some_tx(&app); /* makes flow.app */
	file = file_open(app.flow.app, tx, TO_SERVER, BYTES("a"));
	file_close(app.flow.app, file, BYTES("abc"), FILE_CLOSED);
	assert_true(file->flags & FILE_STORED);
	snprintf(path, sizeof(path), "%s/ba/%s", folder, ABC_SHA256);
	stored = fopen(path, "r");
	assert_non_null(stored);
	assert_int_equal(fread(text, 1, sizeof(text), stored), 3);
	fclose(stored);
	assert_string_equal(text, "abc");
	assert_true(files_write_info_wanted(app.worker->files));
	files_write_info(app.worker->files, file, UINT64_C(1700000000) * 1000000000, BYTES("{}"));
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/ba/%s.1700000000.%u.json", folder, ABC_SHA256, file->store_id);
	assert_int_equal(unlink(path), 0);
	testapp_done(&app);
	snprintf(path, sizeof(path), "%s/ba", folder);
	assert_int_equal(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s/tmp", folder);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* Of a system that may only be watched: neither a whole file, nor the rest of one that was begun before. */
static void nothing_of_the_watched(void **state)
{
	char folder[] = "/tmp/luytre-files-XXXXXX", config[512], path[512];
	struct testapp app;
	struct file *file;
	struct app_tx *tx;

	assert_non_null(mkdtemp(folder));
	snprintf(config, sizeof(config),
		"%%YAML 1.1\n---\noutputs:\n  - file-store:\n      version: 2\n      enabled: yes\n      "
		"force-filestore: yes\n      dir: %s\n",
		folder);
	testapp_init(&app, 6, 22, config);
	tx = some_tx(&app);
	file = file_open(app.flow.app, tx, TO_SERVER, BYTES("a"));
	assert_int_equal(file_append(app.flow.app, file, BYTES("ab")), 0);
	app.flow.edge_only = true;
	file_close(app.flow.app, file, BYTES("c"), FILE_CLOSED);
	assert_false(file->flags & FILE_STORED);
	file = file_open(app.flow.app, tx, TO_SERVER, BYTES("b"));
	file_close(app.flow.app, file, BYTES("abc"), FILE_CLOSED);
	assert_false(file->flags & FILE_STORED);
	testapp_done(&app);
	snprintf(path, sizeof(path), "%s/tmp", folder);
	assert_int_equal(rmdir(path), 0); /* empty */
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_magic_and_sizes),
		cmocka_unit_test(gaps_and_truncation),
		cmocka_unit_test(stored_under_its_hash),
		cmocka_unit_test(nothing_of_the_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
