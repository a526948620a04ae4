// SPDX-License-Identifier: Apache-2.0
/* Reading and writing the list of armed holds. The text is read twice over: first the places are counted, so that the lists are taken at
 * their size and at once, then they are filled. */
#include "base/holdfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/error.h"
#include "base/jsonr.h"

/* Members of a row, itself, and those around all rows. */
#define ROW_VALUES 10
#define VALUES_MAX ((size_t)HOLDFILE_ROWS_MAX * 2 * ROW_VALUES + 2 * HOLDFILE_PLACES_ALL_MAX + 8)

#define X(id, word) word,
const char *const holdfile_modes[HOLDFILE_MODE_COUNT] = { HOLDFILE_MODES(X) };
const char *const holdfile_parts[HOLDFILE_PART_COUNT] = { HOLDFILE_PARTS(X) };
const char *const holdfile_sites[HOLDFILE_SITE_COUNT] = { HOLDFILE_SITES(X) };
#undef X

void holdfile_done(struct holdfile *file)
{
	free(file->rows);
	free(file->modes);
	free(file->prefixes);
	free(file->names);
	*file = (struct holdfile){ 0 };
}

/* ---- order ---- */

#define COMPARE(left, right) (((left) > (right)) - ((left) < (right)))

static int compare_rows(const void *left, const void *right)
{
	const struct holdfile_row *a = left, *b = right;
	int order = COMPARE(a->hold, b->hold);

	if (order == 0)
		order = COMPARE(a->rule, b->rule);
	if (order == 0)
		order = COMPARE(a->tenant, b->tenant);
	if (order == 0)
		order = COMPARE(a->asset, b->asset);
	return order != 0 ? order : COMPARE(a->mode, b->mode);
}

static int compare_prefixes(const void *left, const void *right)
{
	return ip_prefix_compare(left, right);
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(left, right);
}

/* ---- writing ---- */

static void write_places(struct jsonw *json, const struct holdfile *file, const struct holdfile_row *row)
{
	char text[IP_PREFIX_TEXT_SIZE];

	if (row->prefix_count != 0)
		qsort(file->prefixes + row->prefix_first, row->prefix_count, sizeof(*file->prefixes), compare_prefixes);
	if (row->name_count != 0)
		qsort(file->names + row->name_first, row->name_count, sizeof(*file->names), compare_names);
	jsonw_kv_u64(json, "tenant", row->tenant);
	jsonw_kv_u64(json, "asset", row->asset);
	jsonw_kv_array_begin(json, "prefixes");
	for (uint32_t i = 0; i < row->prefix_count; i++)
		jsonw_string(json, ip_prefix_format(&file->prefixes[row->prefix_first + i], text));
	jsonw_array_end(json);
	jsonw_kv_array_begin(json, "names");
	for (uint32_t i = 0; i < row->name_count; i++)
		jsonw_string(json, file->names[row->name_first + i]);
	jsonw_array_end(json);
}

static void write_hold(struct jsonw *json, const struct holdfile *file, const struct holdfile_row *row)
{
	jsonw_object_begin(json);
	jsonw_kv_u64(json, "hold", row->hold);
	jsonw_kv_u64(json, "rule", row->rule);
	if (row->part != HOLDFILE_PART_GATE)
		jsonw_kv_string(json, "part", holdfile_parts[row->part]);
	jsonw_kv_string(json, "mode", holdfile_modes[row->mode]);
	write_places(json, file, row);
	jsonw_object_end(json);
}

static void write_mode(struct jsonw *json, const struct holdfile *file, const struct holdfile_row *row)
{
	jsonw_object_begin(json);
	jsonw_kv_string(json, "mode", holdfile_sites[row->mode]);
	if (row->edge_only)
		jsonw_kv_bool(json, "edge_only", true);
	write_places(json, file, row);
	jsonw_object_end(json);
}

void holdfile_write(struct jsonw *json, struct holdfile *file)
{
	if (file->row_count != 0)
		qsort(file->rows, file->row_count, sizeof(*file->rows), compare_rows);
	if (file->mode_count != 0)
		qsort(file->modes, file->mode_count, sizeof(*file->modes), compare_rows);
	jsonw_object_begin(json);
	jsonw_kv_i64(json, "stamp", file->stamp);
	jsonw_kv_array_begin(json, "holds");
	for (size_t i = 0; i < file->row_count; i++)
		write_hold(json, file, &file->rows[i]);
	jsonw_array_end(json);
	if (file->mode_count != 0) {
		jsonw_kv_array_begin(json, "modes");
		for (size_t i = 0; i < file->mode_count; i++)
			write_mode(json, file, &file->modes[i]);
		jsonw_array_end(json);
	}
	jsonw_object_end(json);
}

/* ---- reading ---- */

static bool places_of(const struct jsonr *row, const char *key, struct jsonr *ret)
{
	return jsonr_array(row, key, JSONR_OPTIONAL, HOLDFILE_PLACES_MAX, ret);
}

static int count_places(const struct jsonr *rows, size_t *prefix_count, size_t *name_count)
{
	struct jsonr places;

	for (size_t i = 0; i < json_array_size(rows->value); i++) {
		struct jsonr row = jsonr_item(rows, i);

		if (!json_is_object(row.value)) {
			jsonr_fail(&row, JSONR_TYPE, 0, 0);
			return LUYTRE_E_SYNTAX;
		}
		if (places_of(&row, "prefixes", &places))
			*prefix_count += json_array_size(places.value);
		if (places_of(&row, "names", &places))
			*name_count += json_array_size(places.value);
	}
	return 0;
}

static int take_room(const struct jsonr *rows, const struct jsonr *modes, struct holdfile *file)
{
	size_t prefix_count = 0, name_count = 0;
	int error = count_places(rows, &prefix_count, &name_count);

	if (error == 0)
		error = count_places(modes, &prefix_count, &name_count);
	if (error < 0)
		return error;
	if (prefix_count > HOLDFILE_PLACES_ALL_MAX || name_count > HOLDFILE_PLACES_ALL_MAX)
		return LUYTRE_E_FULL;
	file->rows = calloc(json_array_size(rows->value) + 1, sizeof(*file->rows));
	file->modes = calloc(json_array_size(modes->value) + 1, sizeof(*file->modes));
	file->prefixes = calloc(prefix_count + 1, sizeof(*file->prefixes));
	file->names = calloc(name_count + 1, sizeof(*file->names));
	return file->rows && file->modes && file->prefixes && file->names ? 0 : LUYTRE_E_NOMEM;
}

static struct bytes text_of(const struct jsonr *item)
{
	if (!json_is_string(item->value))
		return (struct bytes){ 0 };
	return bytes_of(json_string_value(item->value), json_string_length(item->value));
}

static void read_prefixes(const struct jsonr *places, struct holdfile *file, struct holdfile_row *row)
{
	row->prefix_first = (uint32_t)file->prefix_count;
	for (size_t i = 0; i < json_array_size(places->value); i++) {
		struct jsonr item = jsonr_item(places, i);

		if (ip_prefix_parse(text_of(&item), 0, &file->prefixes[file->prefix_count]) < 0)
			jsonr_fail(&item, JSONR_FORM, 0, 0);
		else
			file->prefix_count++;
	}
	row->prefix_count = (uint32_t)file->prefix_count - row->prefix_first;
}

bool holdfile_take_name(struct bytes text, char name[HOLDFILE_NAME_SIZE])
{
	while (text.size != 0 && text.ptr[text.size - 1] == '.')
		text.size--;
	if (text.size == 0 || text.size >= HOLDFILE_NAME_SIZE)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
			return false;
		name[i] = (char)ascii_lower(text.ptr[i]);
	}
	name[text.size] = '\0';
	return true;
}

static void read_names(const struct jsonr *places, struct holdfile *file, struct holdfile_row *row)
{
	row->name_first = (uint32_t)file->name_count;
	for (size_t i = 0; i < json_array_size(places->value); i++) {
		struct jsonr item = jsonr_item(places, i);

		if (!holdfile_take_name(text_of(&item), file->names[file->name_count]))
			jsonr_fail(&item, JSONR_FORM, 0, 0);
		else
			file->name_count++;
	}
	row->name_count = (uint32_t)file->name_count - row->name_first;
}

static void read_whose(const struct jsonr *in, struct holdfile *file, struct holdfile_row *row)
{
	int64_t tenant = 0, asset = 0;
	struct jsonr places;

	jsonr_i64(in, "tenant", JSONR_OPTIONAL, 0, UINT32_MAX, &tenant);
	jsonr_i64(in, "asset", JSONR_OPTIONAL, 0, UINT32_MAX, &asset);
	row->tenant = (uint32_t)tenant;
	row->asset = (uint32_t)asset;
	if (places_of(in, "prefixes", &places))
		read_prefixes(&places, file, row);
	if (places_of(in, "names", &places))
		read_names(&places, file, row);
}

static void read_hold(const struct jsonr *in, struct holdfile *file)
{
	struct holdfile_row *row = &file->rows[file->row_count++];
	size_t mode = HOLDFILE_MODE_SHADOW, part = HOLDFILE_PART_GATE;
	int64_t hold = 0, rule = 0;

	jsonr_i64(in, "hold", JSONR_NEEDED, 1, INT64_MAX, &hold);
	jsonr_i64(in, "rule", JSONR_NEEDED, 1, INT64_MAX, &rule);
	jsonr_word(in, "mode", JSONR_NEEDED, holdfile_modes, HOLDFILE_MODE_COUNT, &mode);
	jsonr_word(in, "part", JSONR_OPTIONAL, holdfile_parts, HOLDFILE_PART_COUNT, &part);
	*row = (struct holdfile_row){
		.hold = (uint64_t)hold, .rule = (uint64_t)rule, .part = (uint8_t)part, .mode = (uint8_t)mode
	};
	read_whose(in, file, row);
}

static void read_mode(const struct jsonr *in, struct holdfile *file)
{
	struct holdfile_row *row = &file->modes[file->mode_count++];
	size_t mode = HOLDFILE_SITE_OFF;
	bool edge_only = false;

	jsonr_word(in, "mode", JSONR_NEEDED, holdfile_sites, HOLDFILE_SITE_COUNT, &mode);
	jsonr_bool(in, "edge_only", JSONR_OPTIONAL, &edge_only);
	*row = (struct holdfile_row){ .mode = (uint8_t)mode, .edge_only = edge_only };
	read_whose(in, file, row);
}

/* What did not fit is a ceiling, all else is not our form. */
static int error_of(const struct jsonr_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		if (errors->items[i].fault == JSONR_ITEMS)
			return LUYTRE_E_FULL;
	}
	return errors->count != 0 ? LUYTRE_E_SYNTAX : 0;
}

static int read_document(const json_t *document, struct holdfile *file)
{
	struct jsonr_errors errors = { 0 };
	struct jsonr root, rows, modes = { 0 };
	int error;

	jsonr_root(&root, document, &errors);
	if (!json_is_object(document) || !jsonr_i64(&root, "stamp", JSONR_NEEDED, 0, INT64_MAX, &file->stamp))
		return LUYTRE_E_SYNTAX;
	if (!jsonr_array(&root, "holds", JSONR_NEEDED, HOLDFILE_ROWS_MAX, &rows))
		return error_of(&errors);
	jsonr_array(&root, "modes", JSONR_OPTIONAL, HOLDFILE_ROWS_MAX, &modes);
	error = error_of(&errors);
	if (error == 0)
		error = take_room(&rows, &modes, file);
	if (error == 0)
		error = error_of(&errors);
	for (size_t i = 0; i < json_array_size(rows.value) && error == 0; i++) {
		struct jsonr row = jsonr_item(&rows, i);

		read_hold(&row, file);
		error = error_of(&errors);
	}
	for (size_t i = 0; i < json_array_size(modes.value) && error == 0; i++) {
		struct jsonr row = jsonr_item(&modes, i);

		read_mode(&row, file);
		error = error_of(&errors);
	}
	return error;
}

int holdfile_read(struct bytes text, struct holdfile *ret)
{
	static const struct jsonr_limits limits = {
		.size_max = HOLDFILE_SIZE_MAX, .depth_max = 4, .value_max = VALUES_MAX
	};
	struct jsonr_errors errors = { 0 };
	struct holdfile file = { 0 };
	json_t *document;
	int error = jsonr_parse(text, &limits, &errors, &document);

	if (error < 0)
		return error == LUYTRE_E_RANGE ? LUYTRE_E_SYNTAX : error;
	error = read_document(document, &file);
	json_decref(document);
	if (error < 0) {
		holdfile_done(&file);
		return error;
	}
	qsort(file.rows, file.row_count, sizeof(*file.rows), compare_rows);
	qsort(file.modes, file.mode_count, sizeof(*file.modes), compare_rows);
	*ret = file;
	return 0;
}
