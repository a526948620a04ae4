// SPDX-License-Identifier: Apache-2.0
/* Modes are found out by asking what a request would get at each place: hold_modes_find() is the one that knows the rules. */
#include "gate/hold/servers.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "gate/seclang/rules.h"

/* What is known of a mode's row. WEAK: at servers that answer for names which none has. */
enum { GOOD = 1, BAD = 2, WEAK_GOOD = 4, WEAK_BAD = 8 };

struct hold_duty {
	size_t plan_words;
	uint64_t *needs; /* by row of the holds, a bit for each plan */
	const struct holdfile_row *mode_rows;
	size_t mode_count;
	uint8_t *modes; /* by row of the modes */
};

/* Locations of one server, each kind once. */
struct run {
	const struct hold_server *server;
	const struct hold_location *locations;
	size_t count;
	bool patterns;
};

struct named {
	struct bytes name;
	size_t run;
};

struct survey {
	struct hold_duty *duty;
	const struct hold_places *places;
	const struct hold_modes *modes; /* null: none */
	struct gate_plan *const *plans;
	struct hold_location *locations; /* sorted */
	size_t location_count;
	struct run *runs;
	size_t run_count;
	struct named *named; /* sorted */
	size_t named_count;
};

/* ---- names of servers ---- */

static bool is_pattern(struct bytes name)
{
	return name.size > 1 && (name.ptr[0] == '*' || name.ptr[0] == '.' || name.ptr[name.size - 1] == '*');
}

static bool ends_with(struct bytes text, struct bytes tail)
{
	return text.size > tail.size && bytes_equal(bytes_skip(text, text.size - tail.size), tail);
}

static bool is_named(struct bytes own, struct bytes host)
{
	if (!is_pattern(own))
		return bytes_equal(host, own);
	if (own.ptr[0] == '*')
		return ends_with(host, bytes_skip(own, 1));
	if (own.ptr[0] == '.')
		return ends_with(host, own) || bytes_equal(host, bytes_skip(own, 1));
	return bytes_starts_with(host, bytes_first(own, own.size - 1));
}

bool hold_server_has_name(const struct hold_server *server, struct bytes name)
{
	for (size_t i = 0; i < server->name_count; i++) {
		if (is_named(server->names[i], name))
			return true;
	}
	return false;
}

/* ---- the configuration, sorted ---- */

static int compare_locations(const void *left, const void *right)
{
	const struct hold_location *a = left, *b = right;

	if (a->server != b->server)
		return (uintptr_t)a->server < (uintptr_t)b->server ? -1 : 1;
	if (a->asset != b->asset)
		return (uintptr_t)a->asset < (uintptr_t)b->asset ? -1 : 1;
	if (a->plan != b->plan)
		return a->plan < b->plan ? -1 : 1;
	return (a->mode > b->mode) - (a->mode < b->mode);
}

static int compare_named(const void *left, const void *right)
{
	const struct named *a = left, *b = right;
	size_t size = a->name.size < b->name.size ? a->name.size : b->name.size;
	int order = size ? memcmp(a->name.ptr, b->name.ptr, size) : 0;

	return order != 0 ? order : (a->name.size > b->name.size) - (a->name.size < b->name.size);
}

static void take_runs(struct survey *survey)
{
	size_t kept = 0;

	for (size_t i = 0; i < survey->location_count; i++) {
		if (kept == 0 || compare_locations(&survey->locations[kept - 1], &survey->locations[i]) != 0)
			survey->locations[kept++] = survey->locations[i];
	}
	survey->location_count = kept;
	for (size_t i = 0; i < kept; i++) {
		const struct hold_server *server = survey->locations[i].server;

		if (i == 0 || survey->locations[i - 1].server != server)
			survey->runs[survey->run_count++] = (struct run){
				.server = server, .locations = &survey->locations[i], .patterns = server->any_name
			};
		survey->runs[survey->run_count - 1].count++;
	}
}

static int take_names(struct survey *survey)
{
	size_t count = 0;

	for (size_t i = 0; i < survey->run_count; i++)
		count += survey->runs[i].server->name_count;
	survey->named = calloc(count + 1, sizeof(*survey->named));
	if (!survey->named)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < survey->run_count; i++) {
		struct run *run = &survey->runs[i];

		for (size_t k = 0; k < run->server->name_count; k++) {
			run->patterns |= is_pattern(run->server->names[k]);
			survey->named[survey->named_count++] = (struct named){ run->server->names[k], i };
		}
	}
	qsort(survey->named, survey->named_count, sizeof(*survey->named), compare_named);
	return 0;
}

/* ---- who answers for a name ---- */

/* 'known': the server has the name. */
typedef void (*run_fn)(struct survey *survey, const struct run *run, bool known, struct bytes name, void *context);

static size_t first_named(const struct survey *survey, struct bytes name)
{
	const struct named wanted = { .name = name };
	size_t low = 0, high = survey->named_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_named(&survey->named[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Those that have it; none has: those that answer for all. */
static void each_run(struct survey *survey, struct bytes name, run_fn each, void *context)
{
	bool known = false;

	for (size_t i = first_named(survey, name); i < survey->named_count && bytes_equal(survey->named[i].name, name);
		i++) {
		each(survey, &survey->runs[survey->named[i].run], true, name, context);
		known = true;
	}
	for (size_t i = 0; i < survey->run_count; i++) {
		const struct run *run = &survey->runs[i];

		if (!run->patterns || (!run->server->any_name && !hold_server_has_name(run->server, name)))
			continue;
		each(survey, run, true, name, context);
		known = true;
	}
	for (size_t i = 0; !known && i < survey->run_count; i++) {
		if (survey->runs[i].server->is_default)
			each(survey, &survey->runs[i], false, name, context);
	}
}

/* ---- holds ---- */

struct rows {
	const uint32_t *all;
	size_t count;
};

/* Where the site is off nothing is held, unless the policy turns it on. */
static void need(struct survey *survey, const struct hold_location *location, const uint32_t *rows, size_t count)
{
	if (location->plan == HOLD_NO_PLAN || (location->mode == GATE_OFF && !survey->modes))
		return;
	for (size_t i = 0; i < count; i++)
		survey->duty->needs[rows[i] * survey->duty->plan_words + location->plan / 64] |=
			UINT64_C(1) << (location->plan % 64);
}

static void need_in_run(struct survey *survey, const struct run *run, bool known, struct bytes name, void *context)
{
	const struct rows *rows = context;

	(void)known;
	(void)name;
	for (size_t i = 0; i < run->count; i++)
		need(survey, &run->locations[i], rows->all, rows->count);
}

static void need_at_name(void *context, struct bytes name, const uint32_t *rows, size_t count)
{
	each_run(context, name, need_in_run, &(struct rows){ rows, count });
}

struct at_location {
	struct survey *survey;
	const struct hold_location *location;
};

static void need_there(void *context, struct bytes name, const uint32_t *rows, size_t count)
{
	const struct at_location *at = context;

	(void)name;
	need(at->survey, at->location, rows, count);
}

static void survey_holds(struct survey *survey)
{
	hold_places_each_name(survey->places, need_at_name, survey);
	for (size_t i = 0; i < survey->location_count; i++) {
		const struct hold_location *location = &survey->locations[i];
		struct at_location at = { survey, location };

		for (size_t k = 0; k < location->server->address_count; k++)
			hold_places_rows_at_prefix(survey->places, &location->server->addresses[k], need_there, &at);
		if (location->asset)
			hold_asset_rows(location->asset, survey->places, need_there, &at);
	}
}

/* ---- modes ---- */

/* What the rules' own SecRuleEngine leaves of it. */
static enum gate_mode effective(const struct survey *survey, const struct hold_location *location, enum gate_mode mode)
{
	enum sec_mode said;

	if (location->plan == HOLD_NO_PLAN)
		return GATE_OFF;
	said = gate_plan_settings(survey->plans[location->plan])->mode;
	if (said == SEC_OFF)
		return GATE_OFF;
	return mode == GATE_ON && said != SEC_ON ? GATE_SHADOW : mode;
}

static enum gate_mode wanted_of(const struct holdfile_row *row)
{
	static const enum gate_mode modes[HOLDFILE_SITE_COUNT] = {
		[HOLDFILE_SITE_OFF] = GATE_OFF,
		[HOLDFILE_SITE_SHADOW] = GATE_SHADOW,
		[HOLDFILE_SITE_ENFORCE] = GATE_ON,
	};

	return row->edge_only ? GATE_OFF : modes[row->mode];
}

static bool yes(const void *context, struct bytes name)
{
	(void)name;
	return *(const bool *)context;
}

/* A request for 'name' to each address of the server, or to one that is not known. 'row' null: whichever counts there. */
static void try_location(struct survey *survey, const struct hold_location *location, struct bytes name, bool known,
	const struct holdfile_row *row)
{
	const struct hold_server *server = location->server;
	struct hold_place place = { .asked = name,
		.header = name,
		.own = server->name_count ? server->names[0] : (struct bytes){ 0 },
		.asset = location->asset,
		.has_name = yes,
		.context = &known };

	for (size_t i = 0; i == 0 || i < server->address_count; i++) {
		struct hold_site_mode got;
		const struct holdfile_row *about;
		bool good;

		place.address = i < server->address_count && server->addresses[i].length != 0
					? &server->addresses[i].addr
					: NULL;
		got = hold_modes_find(survey->modes, &place, location->mode);
		about = row ? row : got.row;
		if (!about)
			continue;
		good = effective(survey, location, got.mode) == wanted_of(about);
		if (known)
			survey->duty->modes[about - survey->duty->mode_rows] |= good ? GOOD : BAD;
		else
			survey->duty->modes[about - survey->duty->mode_rows] |= good ? WEAK_GOOD : WEAK_BAD;
	}
}

static void try_run(struct survey *survey, const struct run *run, bool known, struct bytes name, void *context)
{
	for (size_t i = 0; i < run->count; i++)
		try_location(survey, &run->locations[i], name, known, context);
}

static void try_name(void *context, struct bytes name, const struct holdfile_row *row)
{
	each_run(context, name, try_run, (void *)(uintptr_t)row);
}

static void survey_modes(struct survey *survey)
{
	hold_modes_each_name(survey->modes, try_name, survey);
	for (size_t i = 0; i < survey->location_count; i++) {
		const struct hold_server *server = survey->locations[i].server;

		try_location(survey, &survey->locations[i], server->name_count ? server->names[0] : (struct bytes){ 0 },
			true, NULL);
	}
	for (size_t i = 0; i < survey->duty->mode_count; i++) {
		if (hold_modes_is_beaten(survey->modes, &survey->duty->mode_rows[i]))
			survey->duty->modes[i] |= BAD;
	}
}

/* ---- the whole ---- */

static int make(struct survey *survey, const struct hold_location *locations, size_t location_count, size_t plan_count)
{
	struct hold_duty *duty = survey->duty;
	size_t row_count;
	int error;

	(void)hold_places_rows(survey->places, &row_count);
	survey->modes = hold_places_modes(survey->places);
	if (survey->modes)
		duty->mode_rows = hold_modes_rows(survey->modes, &duty->mode_count);
	duty->plan_words = plan_count / 64 + 1;
	duty->needs = calloc(row_count * duty->plan_words + 1, sizeof(*duty->needs));
	duty->modes = calloc(duty->mode_count + 1, sizeof(*duty->modes));
	survey->locations = calloc(location_count + 1, sizeof(*survey->locations));
	survey->runs = calloc(location_count + 1, sizeof(*survey->runs));
	if (!duty->needs || !duty->modes || !survey->locations || !survey->runs)
		return LUYTRE_E_NOMEM;
	if (location_count != 0)
		memcpy(survey->locations, locations, location_count * sizeof(*locations));
	survey->location_count = location_count;
	qsort(survey->locations, location_count, sizeof(*survey->locations), compare_locations);
	take_runs(survey);
	error = take_names(survey);
	if (error < 0)
		return error;
	survey_holds(survey);
	if (survey->modes)
		survey_modes(survey);
	return 0;
}

int hold_duty_new(const struct hold_places *places, const struct hold_location *locations, size_t location_count,
	struct gate_plan *const *plans, size_t plan_count, struct hold_duty **ret)
{
	struct survey survey = { .duty = calloc(1, sizeof(struct hold_duty)), .places = places, .plans = plans };
	int error = 0;

	if (!survey.duty)
		return LUYTRE_E_NOMEM;
	if (places)
		error = make(&survey, locations, location_count, plan_count);
	free(survey.locations);
	free(survey.runs);
	free(survey.named);
	if (error < 0)
		hold_duty_free(survey.duty);
	else
		*ret = survey.duty;
	return error;
}

void hold_duty_free(struct hold_duty *duty)
{
	if (!duty)
		return;
	free(duty->needs);
	free(duty->modes);
	free(duty);
}

bool hold_duty_needs(const struct hold_duty *duty, size_t row, size_t plan)
{
	return duty->needs[row * duty->plan_words + plan / 64] >> (plan % 64) & 1;
}

bool hold_duty_stands(const struct hold_duty *duty, size_t mode)
{
	uint8_t known = duty->modes[mode];

	/* What is off stands where nothing says otherwise; the others have to be somewhere. */
	if (wanted_of(&duty->mode_rows[mode]) == GATE_OFF)
		return !(known & (BAD | WEAK_BAD));
	if (known & (GOOD | BAD))
		return !(known & BAD);
	return (known & WEAK_GOOD) && !(known & WEAK_BAD);
}
