// SPDX-License-Identifier: Apache-2.0
/* Keywords about files: filename, fileext, filemagic, filemd5, filesha1, filesha256, filesize, filestore, and the sticky
 * buffers file.name and file.magic (user guide, "File Keywords"). Conditions of one rule hold for one and the same file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/error.h"
#include "match/finder.h"
#include "sensor/app/app.h"
#include "sensor/detect/detect.h"
#include "sensor/detect/file-buffers.h"
#include "sensor/detect/filestore.h"
#include "sensor/detect/flow-notes.h"
#include "sensor/files/file.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/number.h"
#include "sensor/rules/policy.h"

#define LIST_SIZE_MAX ((size_t)1 << 30)

/* ---- Sticky buffers ---- */

static const struct file *file_at(
	const struct app_tx *tx, enum sensor_dir dir, uint32_t index, bool (*has)(const struct file *))
{
	const struct file *file = tx->files[dir] ? tx->files[dir]->first : NULL;

	while (file && (!has(file) || index-- != 0))
		file = file->next;
	return file;
}

static bool has_name(const struct file *file)
{
	return file->name.size > 0;
}

static bool has_magic(const struct file *file)
{
	return file->magic.size > 0;
}

static bool get_name(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct file *file = file_at(tx, dir, index, has_name);

	*ret = (struct app_view){ .data = file ? file->name : (struct bytes){ 0 }, .last = true };
	return file != NULL;
}

static bool get_magic(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct file *file = file_at(tx, dir, index, has_magic);

	*ret = (struct app_view){ .data = file ? file->magic : (struct bytes){ 0 }, .last = true };
	return file != NULL;
}

/* Direction and progress are those of the protocol's file.data. Further files may come as long as data does. */
const struct app_buffer detect_file_buffers[] = {
	{ .name = "file.name", .flags = APP_BUFFER_MULTI | APP_BUFFER_STREAMING, .get = get_name },
	{ .name = "file.magic", .flags = APP_BUFFER_MULTI | APP_BUFFER_STREAMING, .get = get_magic },
	{ 0 },
};

/* ---- Names and magic ---- */

struct text_condition {
	struct bytes text;
	struct finder finder; /* of the text, in any case */
	bool negated;
};

static bool filename_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct text_condition *c = match->data;
	const struct file *file = target;

	return file->name.size > 0 && (finder_find(&c->finder, file->name) != FINDER_NONE) != c->negated;
}

static bool fileext_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct text_condition *c = match->data;
	const struct file *file = target;
	size_t size = c->text.size;
	struct bytes name = file->name;
	bool holds;

	if (name.size == 0)
		return false;
	holds = name.size > size && name.ptr[name.size - size - 1] == '.' &&
		ascii_equal_nocase(bytes_skip(name, name.size - size), c->text);
	return holds != c->negated;
}

static bool filemagic_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct text_condition *c = match->data;
	const struct file *file = target;

	return file->magic.size > 0 && (finder_find(&c->finder, file->magic) != FINDER_NONE) != c->negated;
}

static const struct rule_match_ops text_ops[] = {
	{ .name = "filename", .target = RULE_TARGET_FILE, .match = filename_match },
	{ .name = "fileext", .target = RULE_TARGET_FILE, .match = fileext_match },
	{ .name = "filemagic", .target = RULE_TARGET_FILE, .match = filemagic_match },
};

/* The escapes of rules: a backslash before the byte itself. */
static struct bytes unescape(struct arena *arena, struct bytes in)
{
	uint8_t *out = arena_dup(arena, in);
	size_t size = 0;

	for (size_t i = 0; out && i < in.size; i++) {
		if (in.ptr[i] == '\\' && i + 1 < in.size)
			i++;
		out[size++] = in.ptr[i];
	}
	return bytes_of(out, size);
}

static int parse_text(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct text_condition *c = arena_alloc(builder->arena, sizeof(*c));

	if (!c)
		return LUYTRE_E_NOMEM;
	if (value.size == 0)
		return rule_builder_error(builder, "the text is empty");
	*c = (struct text_condition){ .text = unescape(builder->arena, value), .negated = negated };
	if (!c->text.ptr)
		return LUYTRE_E_NOMEM;
	finder_init(&c->finder, c->text, true);
	for (size_t i = 0; i < ARRAY_COUNT(text_ops); i++)
		if (strcmp(text_ops[i].name, keyword->name) == 0)
			return rule_builder_add(builder, &text_ops[i], c) ? 0 : LUYTRE_E_NOMEM;
	return LUYTRE_E_NOT_FOUND;
}

/* ---- Digests ---- */

/* Digests of a file, sorted: 16 to 32 bytes each, nothing more. */
struct digest_list {
	size_t size, count;
	uint8_t digests[];
};

struct digest_condition {
	const struct digest_list *list;
	bool negated;
};

static int compare_digests(const void *left, const void *right, void *size)
{
	return memcmp(left, right, *(const size_t *)size);
}

static bool list_has(const struct digest_list *list, const uint8_t *digest)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(digest, list->digests + middle * list->size, list->size);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static bool filemd5_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct digest_condition *c = match->data;
	const struct file *file = target;

	return file->has_md5 && list_has(c->list, file->md5) != c->negated;
}

static bool filesha1_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct digest_condition *c = match->data;
	const struct file *file = target;

	return file->has_sha1 && list_has(c->list, file->sha1) != c->negated;
}

static bool filesha256_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct digest_condition *c = match->data;
	const struct file *file = target;

	return file->has_sha256 && list_has(c->list, file->sha256) != c->negated;
}

static const struct {
	size_t size;
	struct rule_match_ops ops;
} digest_rows[] = {
	{ 16, { .name = "filemd5", .target = RULE_TARGET_FILE, .match = filemd5_match } },
	{ 20, { .name = "filesha1", .target = RULE_TARGET_FILE, .match = filesha1_match } },
	{ 32, { .name = "filesha256", .target = RULE_TARGET_FILE, .match = filesha256_match } },
};

static bool read_digest(const char *line, size_t size, uint8_t *out)
{
	for (size_t i = 0; i < size; i++) {
		int high = ascii_hex_value((uint8_t)line[2 * i]);
		int low = high < 0 ? -1 : ascii_hex_value((uint8_t)line[2 * i + 1]);

		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return ascii_hex_value((uint8_t)line[2 * size]) < 0;
}

/* A digest at the start of each line; what stands behind it does not matter. */
static struct digest_list *read_digests(FILE *file, size_t size, size_t room)
{
	struct digest_list *list = malloc(sizeof(*list) + room * size);
	char line[512];

	if (!list)
		return NULL;
	*list = (struct digest_list){ .size = size };
	while (list->count < room && fgets(line, sizeof(line), file))
		if (read_digest(line, size, list->digests + list->count * size))
			list->count++;
	qsort_r(list->digests, list->count, size, compare_digests, &size);
	return list;
}

static FILE *open_beside(const struct rule_builder *builder, const char *name)
{
	const char *file = builder->file_name ? builder->file_name : "", *slash = strrchr(file, '/');
	char path[4096];
	FILE *opened = NULL;

	if (name[0] != '/' && slash &&
		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - file), file, name) < (int)sizeof(path))
		opened = fopen(path, "re");
	return opened ? opened : fopen(name, "re");
}

static int load_list(struct rule_builder *builder, const char *name, size_t size, const struct digest_list **ret)
{
	FILE *file = open_beside(builder, name);
	struct digest_list *list = NULL;
	struct stat facts;
	int error;

	if (!file)
		return rule_builder_error(builder, "cannot open %.200s: %s", name, strerror(errno));
	if (fstat(fileno(file), &facts) == 0 && S_ISREG(facts.st_mode) && (uint64_t)facts.st_size <= LIST_SIZE_MAX)
		list = read_digests(file, size, (size_t)facts.st_size / (2 * size) + 1);
	fclose(file);
	if (!list)
		return rule_builder_error(builder, "%.200s is no file, or too large", name);
	error = policy_on_free(builder->context->policy, free, list);
	if (error < 0) {
		free(list);
		return error;
	}
	*ret = list;
	return 0;
}

static int parse_digest(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct digest_condition *c = arena_alloc(builder->arena, sizeof(*c));
	const char *name = arena_dup_str(builder->arena, value);
	size_t row = 0;
	int error;

	if (!c || !name)
		return LUYTRE_E_NOMEM;
	while (row + 1 < ARRAY_COUNT(digest_rows) && strcmp(digest_rows[row].ops.name, keyword->name) != 0)
		row++;
	c->negated = negated;
	error = load_list(builder, name, digest_rows[row].size, &c->list);
	if (error < 0)
		return error;
	return rule_builder_add(builder, &digest_rows[row].ops, c) ? 0 : LUYTRE_E_NOMEM;
}

/* ---- Size ---- */

/* What was seen of a file that is not complete is enough to know that it is larger than something. */
static bool size_holds(const struct rule_number_test *test, const struct file *file)
{
	bool only_least = test->operation == RULE_NUMBER_BETWEEN && test->high == UINT64_MAX;

	if (file->state != FILE_CLOSED && !only_least)
		return false;
	return rule_number_holds(test, file->size);
}

static bool filesize_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	return size_holds(match->data, target);
}

/* With a direction: any file of it. */
static bool filesize_match_dir(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct app_tx *tx = target;
	const struct file_list *list = tx->files[context->dir];

	for (const struct file *file = list ? list->first : NULL; file; file = file->next)
		if (size_holds(match->data, file))
			return true;
	return false;
}

static const struct rule_match_ops filesize_ops = {
	.name = "filesize", .target = RULE_TARGET_FILE, .match = filesize_match
};
static const struct rule_match_ops filesize_dir_ops = {
	.name = "filesize", .target = RULE_TARGET_TX, .match = filesize_match_dir
};

static int parse_filesize(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rule_number_test *test = arena_alloc(builder->arena, sizeof(*test));
	uint8_t dirs = rule_builder_take_dirs(&value);
	const char *problem = test ? rule_number_parse(value, 64, NULL, test) : NULL;
	struct rule_match *match;

	if (!test)
		return LUYTRE_E_NOMEM;
	if (problem)
		return rule_builder_error(builder, "%s", problem);
	match = rule_builder_add(builder, dirs ? &filesize_dir_ops : &filesize_ops, test);
	if (match && dirs)
		match->dirs = dirs;
	return match ? 0 : LUYTRE_E_NOMEM;
}

/* ---- Store ---- */

enum store_scope { STORE_FILE, STORE_TX, STORE_FLOW };

struct store_wanted {
	uint8_t dirs; /* DIR_*; 0: that of the rule */
	uint8_t scope; /* enum store_scope */
};

bool filestore_wanted(const struct flow *flow, const struct app_tx *tx, unsigned int dir)
{
	const struct flow_notes *notes = flow ? flow->tags : NULL;

	if (!notes)
		return false;
	if ((notes->store_dirs >> dir & 1) != 0)
		return true;
	for (unsigned int i = 0; i < notes->store_tx_count; i++)
		if (notes->store_txs[i].id == tx->id && (notes->store_txs[i].dirs >> dir & 1) != 0)
			return true;
	return false;
}

void filestore_want(struct flow *flow, const struct app_tx *tx, uint8_t dirs)
{
	struct flow_notes *notes = flow_notes_of(flow);
	unsigned int place;

	if (!notes)
		return;
	if (!tx) {
		notes->store_dirs |= dirs;
		return;
	}
	/* The oldest gives way: its transaction is most likely over. */
	if (notes->store_tx_count < FLOW_STORE_TX_MAX)
		place = notes->store_tx_count++;
	else
		place = notes->store_tx_next++ % FLOW_STORE_TX_MAX;
	notes->store_txs[place].id = tx->id;
	notes->store_txs[place].dirs = dirs;
}

static void store_all(struct app_tx *tx, uint8_t dirs, uint32_t sid)
{
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		if ((dirs >> dir & 1) == 0 || !tx->files[dir])
			continue;
		for (struct file *file = tx->files[dir]->first; file; file = file->next)
			file_want_store(file, sid);
	}
}

static bool filestore_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	return true;
}

static bool filestore_do(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct store_wanted *wanted = match->data;
	uint8_t dirs = wanted->dirs ? wanted->dirs : (uint8_t)(1 << context->dir);

	if (!context->flow || !context->app)
		return true;
	if (wanted->scope == STORE_FILE && context->file) {
		file_want_store(context->file, rule->sid);
	} else if (wanted->scope == STORE_FLOW) {
		/* Files of earlier transactions that are still open do not count: they were there before the rule held. */
		filestore_want(context->flow, NULL, dirs);
		if (context->tx)
			store_all(context->tx, dirs, rule->sid);
	} else if (wanted->scope == STORE_TX && context->tx) {
		filestore_want(context->flow, context->tx, dirs);
		store_all(context->tx, dirs, rule->sid);
	}
	return true;
}

static const struct rule_match_ops filestore_ops = {
	.name = "filestore", .target = RULE_TARGET_FILE, .match = filestore_match
};
static const struct rule_match_ops filestore_do_ops = {
	.name = "filestore", .target = RULE_TARGET_POST, .match = filestore_do
};

static int parse_filestore(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	static const char *const dir_names[] = { "request", "to_server", "response", "to_client", "both", NULL };
	static const uint8_t dirs[] = { DIR_TO_SERVER, DIR_TO_SERVER, DIR_TO_CLIENT, DIR_TO_CLIENT, DIR_BOTH };
	static const char *const scope_names[] = { "file", "tx", "ssn", "flow", NULL };
	static const uint8_t scopes[] = { STORE_FILE, STORE_TX, STORE_FLOW, STORE_FLOW };
	struct store_wanted *wanted = arena_alloc(builder->arena, sizeof(*wanted));
	struct bytes word;

	if (!wanted)
		return LUYTRE_E_NOMEM;
	while (rule_text_item(&value, ',', &word)) {
		int dir = rule_text_choice(word, dir_names), scope = rule_text_choice(word, scope_names);

		if (dir >= 0)
			wanted->dirs = dirs[dir];
		else if (scope >= 0)
			wanted->scope = scopes[scope];
		else
			return rule_builder_error(builder, "expected a direction and file, tx or flow, found \"%.*s\"",
				(int)(word.size < 40 ? word.size : 40), (const char *)word.ptr);
	}
	builder->rule->flags |= RULE_STORES_FILE;
	if (!rule_builder_add(builder, &filestore_ops, wanted) || !rule_builder_add(builder, &filestore_do_ops, wanted))
		return LUYTRE_E_NOMEM;
	return 0;
}

enum { TEXT = KEYWORD_NEGATABLE | KEYWORD_QUOTES };

const struct rule_keyword detect_file_keywords[] = {
	{ "filename", NULL, TEXT, parse_text, "a part of the name of a file, in any case" },
	{ "fileext", NULL, TEXT, parse_text, "the extension of a file, in any case" },
	{ "filemagic", NULL, TEXT, parse_text, "a part of what libmagic says about a file" },
	{ "filemd5", NULL, KEYWORD_NEGATABLE, parse_digest, "a file with MD5 digests has that of the file" },
	{ "filesha1", NULL, KEYWORD_NEGATABLE, parse_digest, "a file with SHA-1 digests has that of the file" },
	{ "filesha256", NULL, KEYWORD_NEGATABLE, parse_digest, "a file with SHA-256 digests has that of the file" },
	{ "filesize", NULL, 0, parse_filesize, "the size of a file" },
	{ "filestore", NULL, KEYWORD_OPTIONAL_VALUE, parse_filestore, "stores files" },
	{ 0 },
};
