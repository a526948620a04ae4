// SPDX-License-Identifier: Apache-2.0
#include "bus/policyfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/jsonr.h"

#define X(id, word) word,
const char *const policyfile_modes[POLICYFILE_MODE_COUNT] = { POLICYFILE_MODES(X) };
const char *const policyfile_sensors[POLICYFILE_SENSOR_COUNT] = { POLICYFILE_SENSORS(X) };
const char *const policyfile_fails[POLICYFILE_FAIL_COUNT] = { POLICYFILE_FAILS(X) };
#undef X
#define X(name) #name,
const char *const policyfile_limits[POLICYFILE_LIMIT_COUNT] = { POLICYFILE_LIMITS(X) };
#undef X

void policyfile_row_init(struct policyfile_row *row)
{
	*row = (struct policyfile_row){
		.shield = POLICYFILE_UNSET, .sensor = POLICYFILE_UNSET, .fail = POLICYFILE_UNSET
	};
	for (size_t i = 0; i < POLICYFILE_LIMIT_COUNT; i++)
		row->limits[i] = POLICYFILE_UNSET;
}

static int by_prefix(const void *left, const void *right)
{
	return ip_prefix_compare(
		&((const struct policyfile_row *)left)->prefix, &((const struct policyfile_row *)right)->prefix);
}

/* ---- Writing ---- */

static void write_limits(struct jsonw *json, const struct policyfile_row *row)
{
	if (!row->group[0])
		return;
	jsonw_kv_string(json, "group", row->group);
	jsonw_kv_object_begin(json, "limits");
	for (size_t i = 0; i < POLICYFILE_LIMIT_COUNT; i++)
		if (row->limits[i] != POLICYFILE_UNSET)
			jsonw_kv_i64(json, policyfile_limits[i], row->limits[i]);
	jsonw_object_end(json);
}

void policyfile_write(struct jsonw *json, struct policyfile *file)
{
	char text[IP_PREFIX_TEXT_SIZE];

	if (file->row_count)
		qsort(file->rows, file->row_count, sizeof(*file->rows), by_prefix);
	jsonw_object_begin(json);
	jsonw_kv_u64(json, "version", file->version);
	jsonw_kv_array_begin(json, "rows");
	for (size_t i = 0; i < file->row_count; i++) {
		const struct policyfile_row *row = &file->rows[i];

		jsonw_object_begin(json);
		jsonw_kv_string(json, "prefix", ip_prefix_format(&row->prefix, text));
		jsonw_kv_u64(json, "tenant", row->tenant);
		if (row->system)
			jsonw_kv_u64(json, "system", row->system);
		jsonw_kv_u64(json, "asset", row->asset);
		if (row->shield != POLICYFILE_UNSET)
			jsonw_kv_string(json, "shield", policyfile_modes[row->shield]);
		if (row->sensor != POLICYFILE_UNSET)
			jsonw_kv_string(json, "sensor", policyfile_sensors[row->sensor]);
		if (row->edge_only)
			jsonw_kv_bool(json, "edge_only", true);
		if (row->fail != POLICYFILE_UNSET)
			jsonw_kv_string(json, "fail", policyfile_fails[row->fail]);
		write_limits(json, row);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
	jsonw_object_end(json);
}

/* ---- Reading ---- */

static int8_t read_word(const struct jsonr *object, const char *key, const char *const *words, size_t count)
{
	size_t place;

	return jsonr_word(object, key, JSONR_OPTIONAL, words, count, &place) ? (int8_t)place : POLICYFILE_UNSET;
}

static uint32_t read_number(const struct jsonr *object, const char *key, enum jsonr_need need)
{
	int64_t number = 0;

	jsonr_i64(object, key, need, 0, UINT32_MAX, &number);
	return (uint32_t)number;
}

static bool is_group(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (!(text.ptr[i] >= 'a' && text.ptr[i] <= 'z') && !(text.ptr[i] >= '0' && text.ptr[i] <= '9') &&
			text.ptr[i] != '-')
			return false;
	return true;
}

static void read_limits(const struct jsonr *object, struct policyfile_row *row)
{
	struct bytes group = { 0 };
	struct jsonr limits;

	if (!jsonr_string(object, "group", JSONR_OPTIONAL, 1, sizeof(row->group) - 1, &group))
		return;
	if (!is_group(group)) {
		jsonr_fail(object, JSONR_FORM, 0, 0);
		return;
	}
	memcpy(row->group, group.ptr, group.size);
	row->group[group.size] = '\0';
	if (!jsonr_object(object, "limits", JSONR_NEEDED, &limits))
		return;
	jsonr_known(&limits, policyfile_limits, POLICYFILE_LIMIT_COUNT);
	for (size_t i = 0; i < POLICYFILE_LIMIT_COUNT; i++)
		jsonr_i64(&limits, policyfile_limits[i], JSONR_OPTIONAL, 0, POLICYFILE_LIMIT_MAX, &row->limits[i]);
}

/* What an edge does not know it could not do: the whole file is refused rather than half of it done. */
static void read_row(const struct jsonr *object, struct policyfile_row *row)
{
	static const char *const keys[] = { "prefix", "tenant", "system", "asset", "shield", "sensor", "edge_only",
		"fail", "group", "limits" };
	struct bytes prefix;

	policyfile_row_init(row);
	jsonr_known(object, keys, ARRAY_COUNT(keys));
	if (jsonr_string(object, "prefix", JSONR_NEEDED, 1, IP_PREFIX_TEXT_SIZE, &prefix) &&
		ip_prefix_parse(prefix, 0, &row->prefix))
		jsonr_fail(object, JSONR_FORM, 0, 0);
	row->tenant = read_number(object, "tenant", JSONR_NEEDED);
	row->system = read_number(object, "system", JSONR_OPTIONAL);
	row->asset = read_number(object, "asset", JSONR_NEEDED);
	row->shield = read_word(object, "shield", policyfile_modes, POLICYFILE_MODE_COUNT);
	row->sensor = read_word(object, "sensor", policyfile_sensors, POLICYFILE_SENSOR_COUNT);
	jsonr_bool(object, "edge_only", JSONR_OPTIONAL, &row->edge_only);
	row->fail = read_word(object, "fail", policyfile_fails, POLICYFILE_FAIL_COUNT);
	read_limits(object, row);
}

/* Sorted by address, a prefix that holds another one stands right before something that it holds. */
static bool overlap(const struct policyfile *file)
{
	for (size_t i = 1; i < file->row_count; i++)
		if (ip_prefix_covers(&file->rows[i - 1].prefix, &file->rows[i].prefix))
			return true;
	return false;
}

static int read_file(const struct jsonr *root, struct policyfile *file)
{
	static const char *const keys[] = { "version", "rows" };
	struct jsonr rows;
	int64_t version = 0;

	jsonr_known(root, keys, ARRAY_COUNT(keys));
	jsonr_i64(root, "version", JSONR_NEEDED, 0, INT64_MAX, &version);
	file->version = (uint64_t)version;
	if (!jsonr_array(root, "rows", JSONR_NEEDED, POLICYFILE_ROWS_MAX, &rows))
		return LUYTRE_E_SYNTAX;
	file->row_count = json_array_size(rows.value);
	file->rows = calloc(file->row_count + 1, sizeof(*file->rows));
	if (!file->rows)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < file->row_count; i++) {
		const struct jsonr row = jsonr_item(&rows, i);

		read_row(&row, &file->rows[i]);
	}
	qsort(file->rows, file->row_count, sizeof(*file->rows), by_prefix);
	return root->errors->count || overlap(file) ? LUYTRE_E_SYNTAX : 0;
}

int policyfile_read(struct bytes text, struct policyfile *ret)
{
	static const struct jsonr_limits limits = {
		.size_max = POLICYFILE_SIZE_MAX, .depth_max = 6, .value_max = POLICYFILE_ROWS_MAX * 32
	};
	struct jsonr_errors errors = { 0 };
	struct policyfile file = { 0 };
	struct jsonr root;
	json_t *document;
	int error = jsonr_parse(text, &limits, &errors, &document);

	if (error)
		return error == LUYTRE_E_RANGE ? LUYTRE_E_SYNTAX : error;
	jsonr_root(&root, document, &errors);
	error = read_file(&root, &file);
	json_decref(document);
	if (error) {
		policyfile_done(&file);
		return error;
	}
	*ret = file;
	return 0;
}

void policyfile_done(struct policyfile *file)
{
	free(file->rows);
	*file = (struct policyfile){ 0 };
}
