// SPDX-License-Identifier: Apache-2.0
#include "cli/sensor-places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/jsonw.h"
#include "edge/link/files.h"
#include "sensor/rules/places.h"
#include "sensor/rules/tenants.h"

enum { GROW = 256, EMPTY_SIZE = 256 };

/* A prefix of a tenant of the file. */
struct sensor_places_owner {
	struct ip_prefix prefix;
	uint32_t hub_id; /* of the tenant; 0: any */
	size_t around; /* the owner that it lies in; SIZE_MAX: none */
};

struct builder {
	struct places_row *rows;
	size_t row_count, row_room;
	struct places_hold *holds;
	size_t hold_count, hold_room;
};

/* ---- Whose ---- */

static int compare_owners(const void *left, const void *right)
{
	const struct sensor_places_owner *a = left, *b = right;

	return ip_prefix_compare(&a->prefix, &b->prefix);
}

static int note_owners(struct sensor_places *places)
{
	const struct config *config = places->config;
	size_t count = 0, around = SIZE_MAX;

	for (size_t i = 0; i < config->tenant_count; i++)
		count += config->tenants[i].prefixes.count;
	places->owners = calloc(count ? count : 1, sizeof(*places->owners));
	if (!places->owners)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < config->tenant_count; i++)
		for (size_t k = 0; k < config->tenants[i].prefixes.count; k++)
			places->owners[places->owner_count++] =
				(struct sensor_places_owner){ .prefix = config->tenants[i].prefixes.items[k],
					.hub_id = config->tenants[i].hub_id };
	qsort(places->owners, places->owner_count, sizeof(*places->owners), compare_owners);
	for (size_t i = 0; i < places->owner_count; i++) {
		while (around != SIZE_MAX &&
			!ip_prefix_covers(&places->owners[around].prefix, &places->owners[i].prefix))
			around = places->owners[around].around;
		places->owners[i].around = around;
		around = i;
	}
	return 0;
}

/* The first that is not before 'prefix'. */
static size_t first_from(const struct sensor_places *places, const struct ip_prefix *prefix)
{
	size_t low = 0, high = places->owner_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ip_prefix_compare(&places->owners[middle].prefix, prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The longest prefix of a tenant around this one. */
static const struct sensor_places_owner *owner_around(
	const struct sensor_places *places, size_t first, const struct ip_prefix *prefix)
{
	size_t at = first < places->owner_count && ip_prefix_equal(&places->owners[first].prefix, prefix) ? first
		    : first                                                                               ? first - 1
													  : SIZE_MAX;

	while (at != SIZE_MAX && !ip_prefix_covers(&places->owners[at].prefix, prefix))
		at = places->owners[at].around;
	return at == SIZE_MAX ? NULL : &places->owners[at];
}

static bool is_of(const struct sensor_places_owner *owner, uint32_t tenant)
{
	return !owner->hub_id || owner->hub_id == tenant;
}

/* ---- Rows ---- */

static void *grow(void *items, size_t size, size_t *room)
{
	size_t wanted = 2 * *room + GROW;
	void *grown = reallocarray(items, wanted, size);

	if (grown)
		*room = wanted;
	return grown;
}

/* What is not 'mine' takes no mode of the row; that no content is kept there holds for whoever owns it. */
static int add_row(struct builder *b, const struct ip_prefix *prefix, const struct policyfile_row *row, bool mine)
{
	static const int8_t modes[POLICYFILE_SENSOR_COUNT] = { [POLICYFILE_SENSOR_OFF] = TENANT_OFF,
		[POLICYFILE_SENSOR_SHADOW] = TENANT_SHADOW,
		[POLICYFILE_SENSOR_ENFORCE] = TENANT_ENFORCE };

	if (b->row_count == b->row_room) {
		struct places_row *grown = grow(b->rows, sizeof(*grown), &b->row_room);

		if (!grown)
			return LUYTRE_E_NOMEM;
		b->rows = grown;
	}
	b->rows[b->row_count++] = (struct places_row){ .prefix = *prefix,
		.mode = !mine || row->sensor == POLICYFILE_UNSET ? PLACE_MODE_UNSET : modes[row->sensor],
		.edge_only = row->edge_only };
	return 0;
}

/* Tenants inside of a row that are not of its organisation are taken out of it again. */
static int place_row(
	const struct sensor_places *places, struct builder *b, const struct policyfile_row *row, bool *ret_placed)
{
	size_t at = first_from(places, &row->prefix);
	const struct sensor_places_owner *around = owner_around(places, at, &row->prefix);
	int error = 0;

	*ret_placed = around && is_of(around, row->tenant);
	if (*ret_placed || row->edge_only)
		error = add_row(b, &row->prefix, row, *ret_placed);
	for (; !error && at < places->owner_count && ip_prefix_covers(&row->prefix, &places->owners[at].prefix); at++) {
		bool mine = is_of(&places->owners[at], row->tenant);

		if (ip_prefix_equal(&row->prefix, &places->owners[at].prefix))
			continue;
		*ret_placed |= mine;
		error = add_row(b, &places->owners[at].prefix, row, mine);
	}
	return error;
}

static int add_hold(struct builder *b, const struct ip_prefix *prefix, const struct holdfile_row *row)
{
	if (b->hold_count == b->hold_room) {
		struct places_hold *grown = grow(b->holds, sizeof(*grown), &b->hold_room);

		if (!grown)
			return LUYTRE_E_NOMEM;
		b->holds = grown;
	}
	b->holds[b->hold_count++] = (struct places_hold){ .prefix = *prefix,
		.hold = row->hold,
		.sid = (uint32_t)row->rule,
		.enforce = row->mode == HOLDFILE_MODE_ENFORCE };
	return 0;
}

static int place_hold(const struct sensor_places *places, struct builder *b, const struct holdfile_row *row)
{
	int error = 0;

	if (row->part != HOLDFILE_PART_SENSOR || row->rule > UINT32_MAX)
		return 0;
	for (uint32_t i = 0; i < row->prefix_count && !error; i++) {
		const struct ip_prefix *prefix = &places->holds.prefixes[row->prefix_first + i];
		size_t at = first_from(places, prefix);
		const struct sensor_places_owner *around = owner_around(places, at, prefix);

		if (around && is_of(around, row->tenant))
			error = add_hold(b, prefix, row);
		for (; !around && !error && at < places->owner_count &&
			ip_prefix_covers(prefix, &places->owners[at].prefix);
			at++)
			if (is_of(&places->owners[at], row->tenant))
				error = add_hold(b, &places->owners[at].prefix, row);
	}
	return error;
}

static int copy_holds(const struct holdfile *from, struct holdfile *ret)
{
	struct jsonw json;
	struct bytes text;
	struct holdfile copy = *from;
	int error;

	jsonw_init(&json, HOLDFILE_SIZE_MAX + EMPTY_SIZE);
	holdfile_write(&json, &copy);
	error = jsonw_text(&json, &text);
	if (!error)
		error = holdfile_read(text, ret);
	jsonw_done(&json);
	return error;
}

int sensor_places_make(struct sensor_places *places, struct sensor_said *ret)
{
	struct sensor_said made = { .version = places->policy.version, .rows = places->policy.row_count };
	struct builder b = { 0 };
	int error = 0;

	for (size_t i = 0; i < places->policy.row_count && !error; i++) {
		bool placed;

		error = place_row(places, &b, &places->policy.rows[i], &placed);
		made.unplaced += !placed;
		made.edge_only += places->policy.rows[i].edge_only;
	}
	for (size_t i = 0; i < places->holds.row_count && !error; i++)
		error = place_hold(places, &b, &places->holds.rows[i]);
	if (!error)
		error = places_build(b.rows, b.row_count, b.holds, b.hold_count, &made.places);
	if (!error && places->holds.stamp)
		error = copy_holds(&places->holds, &made.holds);
	free(b.rows);
	free(b.holds);
	if (error) {
		sensor_said_done(&made);
		return error;
	}
	*ret = made;
	return 0;
}

/* ---- The files ---- */

static void say(char *why, size_t why_size, const char *path, int error)
{
	snprintf(why, why_size, "%.150s: %s", path, error_text(error, LUYTRE_LANG_EN));
}

static int read_text(const char *path, size_t size_max, uint8_t **ret, size_t *ret_size)
{
	return files_read(AT_FDCWD, path, size_max, ret, ret_size);
}

static int read_policy(struct sensor_places *places, const char *path)
{
	struct policyfile file;
	uint8_t *text;
	size_t size;
	int error = read_text(path, POLICYFILE_SIZE_MAX, &text, &size);

	if (error)
		return error;
	error = policyfile_read(bytes_of(text, size), &file);
	free(text);
	if (error)
		return error;
	policyfile_done(&places->policy);
	places->policy = file;
	return 0;
}

static int read_holds(struct sensor_places *places, const char *path)
{
	struct holdfile file;
	uint8_t *text;
	size_t size;
	int error = read_text(path, HOLDFILE_SIZE_MAX, &text, &size);

	if (error)
		return error;
	error = holdfile_read(bytes_of(text, size), &file);
	free(text);
	if (error)
		return error;
	holdfile_done(&places->holds);
	places->holds = file;
	return 0;
}

/* One that was never there says nothing; one that is gone is missed. */
static bool is_trouble(int error, bool was_there)
{
	return error && (error != LUYTRE_E_NOT_FOUND || was_there);
}

static int read_files(void *context, struct sensor_said *ret, char *why, size_t why_size)
{
	struct sensor_places *places = context;
	const struct config *config = places->config;
	int error;

	why[0] = '\0';
	if (config->sensor.policy_file) {
		error = read_policy(places, config->sensor.policy_file);
		if (is_trouble(error, places->policy.version != 0))
			say(why, why_size, config->sensor.policy_file, error);
	}
	if (config->gate.holds_file) {
		error = read_holds(places, config->gate.holds_file);
		if (is_trouble(error, places->holds.stamp != 0))
			say(why, why_size, config->gate.holds_file, error);
	}
	return sensor_places_make(places, ret);
}

int sensor_places_open(struct sensor_places *places, const struct config *config, struct sensor_said_source *ret)
{
	*places = (struct sensor_places){ .config = config };
	*ret = (struct sensor_said_source){
		.paths = { config->sensor.policy_file, config->gate.holds_file }, .read = read_files, .context = places
	};
	return note_owners(places);
}

void sensor_places_done(struct sensor_places *places)
{
	free(places->owners);
	policyfile_done(&places->policy);
	holdfile_done(&places->holds);
	*places = (struct sensor_places){ 0 };
}
