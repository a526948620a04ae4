// SPDX-License-Identifier: Apache-2.0
#include "hub/assess/law.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/assess/law-internal.h"

enum { PATH_SIZE = 512 };

const struct law_evidence_text law_evidence[LAW_EVIDENCE_COUNT] = {
#define X(id, letter, en, vi) { letter, en, vi },
	LAW_EVIDENCE(X)
#undef X
};

static const char *const fact_words[LAW_FACT_COUNT] = {
#define X(id, word) word,
	LAW_FACTS(X)
#undef X
};

#define COLUMNS(...) (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)

/* All files, and where the reading is. */
struct reading {
	const struct law_file *files;
	size_t count;
	struct law *law;
	struct law_reader reader;
	const char *fields[LAW_COLUMNS_MAX];
};

static int begin(
	struct reading *reading, const char *folder, const char *name, const char *const *columns, size_t column_count)
{
	char path[PATH_SIZE], *copy;

	snprintf(path, sizeof(path), "%s%s%s", folder ? folder : "", folder ? "/" : "", name);
	copy = arena_strdup(&reading->law->arena, path);
	if (!copy)
		return LUYTRE_E_NOMEM;
	return law_reader_begin(&reading->reader, reading->files, reading->count, copy, columns, column_count);
}

/* Room for as many rows as a file may have is given back down to what it has. */
static void *room(struct reading *reading, size_t item_size, size_t max)
{
	return arena_alloc(&reading->law->arena, item_size * max);
}

static int need(const struct reading *reading, size_t first, size_t last)
{
	for (size_t i = first; i <= last; i++)
		if (!reading->fields[i])
			return law_reader_fail(&reading->reader, LUYTRE_E_SYNTAX, "field %zu is needed", i + 1);
	return 0;
}

static int next(struct reading *reading)
{
	return law_reader_next(&reading->reader, reading->fields);
}

static int no_memory(const struct reading *reading)
{
	return law_reader_fail(&reading->reader, LUYTRE_E_NOMEM, "there is not enough memory");
}

/* ---- Controls ---- */

static int find_group(const struct law_profile *profile, const char *key)
{
	for (size_t i = 0; i < profile->group_count; i++)
		if (strcmp(profile->groups[i].key, key) == 0)
			return (int)i;
	return -1;
}

static int read_groups(struct reading *reading, struct law_profile *profile)
{
	struct law_group *groups = room(reading, sizeof(*groups), LAW_CONTROLS_MAX);
	int error = begin(reading, profile->id, "groups.tsv", COLUMNS("key", "title_en", "title_vi"));

	if (!groups)
		return no_memory(reading);
	profile->groups = groups;
	while (!error && (error = next(reading)) > 0) {
		if (profile->group_count == LAW_CONTROLS_MAX)
			return law_reader_fail(&reading->reader, LUYTRE_E_FULL, "there are too many groups");
		error = need(reading, 0, 2);
		if (!error && find_group(profile, reading->fields[0]) >= 0)
			error = law_reader_fail(&reading->reader, LUYTRE_E_SYNTAX, "the group is there twice");
		groups[profile->group_count++] =
			(struct law_group){ reading->fields[0], { reading->fields[1], reading->fields[2] } };
	}
	return error;
}

static int read_evidence(const struct reading *reading, const char *field, enum law_evidence *ret)
{
	for (int i = 0; i < LAW_EVIDENCE_COUNT; i++)
		if (field[0] == law_evidence[i].letter && !field[1]) {
			*ret = (enum law_evidence)i;
			return 0;
		}
	return law_reader_fail(&reading->reader, LUYTRE_E_SYNTAX, "evidence must be P, C, I, R or D");
}

static int read_control(struct reading *reading, struct law_profile *profile, struct law_control *control)
{
	const char *const *fields = reading->fields;
	int group, error = need(reading, 0, 1);
	bool asked = false;
	long months = 0;

	if (!error)
		error = need(reading, 7, 8);
	if (!error)
		error = need(reading, 14, 14);
	if (error)
		return error;
	group = find_group(profile, fields[1]);
	if (group < 0 || strlen(fields[0]) >= LAW_KEY_SIZE || law_control_find(profile, bytes_from_str(fields[0])) >= 0)
		return law_reader_fail(&reading->reader, LUYTRE_E_SYNTAX,
			"the group is not known, or the key is too long or there twice");
	*control =
		(struct law_control){ .key = fields[0], .group = (uint16_t)group, .title = { fields[7], fields[8] } };
	error = read_evidence(reading, fields[14], &control->evidence);
	for (size_t i = 0; !error && i < LAW_LEVELS; i++) {
		control->clause[i] = fields[2 + i];
		asked = asked || fields[2 + i];
		if (fields[9 + i])
			error = law_field_number(&reading->reader, fields[9 + i], "months", 1, 120, &months);
		if (!error && fields[9 + i] && !fields[2 + i])
			error = law_reader_fail(
				&reading->reader, LUYTRE_E_SYNTAX, "months of a level that does not ask it");
		control->months[i] = fields[9 + i] ? (uint8_t)months : 0;
		profile->asked[i] = (uint16_t)(profile->asked[i] + (fields[2 + i] != NULL));
	}
	if (!error && !asked)
		error = law_reader_fail(&reading->reader, LUYTRE_E_SYNTAX, "no level asks it");
	return error;
}

static int read_controls(struct reading *reading, struct law_profile *profile)
{
	struct law_control *controls = room(reading, sizeof(*controls), LAW_CONTROLS_MAX);
	int error = begin(reading, profile->id, "controls.tsv",
		COLUMNS("key", "group", "l1", "l2", "l3", "l4", "l5", "title_en", "title_vi", "months_l1", "months_l2",
			"months_l3", "months_l4", "months_l5", "evidence"));

	if (!controls)
		return no_memory(reading);
	profile->controls = controls;
	while (!error && (error = next(reading)) > 0) {
		if (profile->control_count == LAW_CONTROLS_MAX)
			return law_reader_fail(&reading->reader, LUYTRE_E_FULL, "there are too many controls");
		error = read_control(reading, profile, &controls[profile->control_count]);
		profile->control_count++;
	}
	return error;
}

static int compare_keys(const void *left, const void *right, void *context)
{
	const struct law_control *controls = context;

	return strcmp(controls[*(const uint16_t *)left].key, controls[*(const uint16_t *)right].key);
}

static int order_controls(struct reading *reading, struct law_profile *profile)
{
	uint16_t *places = room(reading, sizeof(*places), profile->control_count);

	if (!places)
		return no_memory(reading);
	for (size_t i = 0; i < profile->control_count; i++)
		places[i] = (uint16_t)i;
	qsort_r(places, profile->control_count, sizeof(*places), compare_keys, (void *)(uintptr_t)profile->controls);
	profile->by_key = places;
	return 0;
}

/* The first row that fits a control counts, and every control has one. */
static int read_parts(struct reading *reading, struct law_profile *profile)
{
	struct law_group *parts = room(reading, sizeof(*parts), LAW_CONTROLS_MAX);
	struct law_control *controls = room(reading, sizeof(*controls), profile->control_count);
	bool *has = room(reading, sizeof(*has), profile->control_count);
	struct law_set set;
	int error = begin(reading, profile->id, "parts.tsv", COLUMNS("part", "keys", "title_en", "title_vi", "source"));

	if (!parts || !controls || !has)
		return no_memory(reading);
	memcpy(controls, profile->controls, profile->control_count * sizeof(*controls));
	profile->parts = parts;
	profile->controls = controls;
	while (!error && (error = next(reading)) > 0) {
		if (profile->part_count == LAW_CONTROLS_MAX)
			return law_reader_fail(&reading->reader, LUYTRE_E_FULL, "there are too many parts");
		error = need(reading, 0, 4);
		if (!error)
			error = law_field_set(&reading->reader, profile, reading->fields[1], &set);
		for (size_t i = 0; !error && i < set.count; i++)
			if (!has[set.places[i]]) {
				has[set.places[i]] = true;
				controls[set.places[i]].part = (uint16_t)profile->part_count;
			}
		parts[profile->part_count++] =
			(struct law_group){ reading->fields[0], { reading->fields[2], reading->fields[3] } };
	}
	for (size_t i = 0; !error && i < profile->control_count; i++)
		if (!has[i])
			error = law_reader_fail(
				&reading->reader, LUYTRE_E_SYNTAX, "the control %s has no part", controls[i].key);
	return error;
}

/* ---- What settles them, what they cost, where they go ---- */

static int read_proof(struct reading *reading, const struct law_profile *profile, struct law_proof *proof)
{
	static const char finding[] = "finding:";
	const char *word = reading->fields[0];
	long grade = 0;
	int error = need(reading, 0, 5);

	if (!error)
		error = law_field_number(&reading->reader, reading->fields[2], "grade", -1, 3, &grade);
	if (error)
		return error;
	*proof = (struct law_proof){ .fact = LAW_FACT_COUNT,
		.word = word,
		.grade = (int8_t)grade,
		.text = { reading->fields[4], reading->fields[5] } };
	if (grade == 0 || strcmp(reading->fields[1], grade < 0 ? "contradicts" : "meets") != 0)
		return law_reader_fail(&reading->reader, LUYTRE_E_SYNTAX, "effect and grade do not fit");
	if (strncmp(word, finding, sizeof(finding) - 1) == 0) {
		size_t size = strlen(word += sizeof(finding) - 1);
		char *copy = arena_strdup(&reading->law->arena, word);

		if (!copy)
			return no_memory(reading);
		if (size == 0 || word[0] == '*')
			return law_reader_fail(&reading->reader, LUYTRE_E_SYNTAX, "the rule has no name");
		proof->fact = LAW_FACT_FINDING;
		proof->prefix = copy[size - 1] == '*';
		if (proof->prefix)
			copy[size - 1] = '\0';
		proof->word = copy;
	} else {
		int fact = 0;

		while (fact < LAW_FACT_COUNT && strcmp(fact_words[fact], word) != 0)
			fact++;
		if (fact == LAW_FACT_COUNT)
			return law_reader_fail(&reading->reader, LUYTRE_E_SYNTAX, "the hub knows no such fact");
		proof->fact = (enum law_fact)fact;
	}
	return law_field_set(&reading->reader, profile, reading->fields[3], &proof->controls);
}

static int read_proofs(struct reading *reading, struct law_profile *profile)
{
	struct law_proof *proofs = room(reading, sizeof(*proofs), LAW_ROWS_MAX);
	int error = begin(
		reading, profile->id, "evidence.tsv", COLUMNS("fact", "effect", "grade", "keys", "text_en", "text_vi"));

	if (!proofs)
		return no_memory(reading);
	profile->proofs = proofs;
	while (!error && (error = next(reading)) > 0)
		error = read_proof(reading, profile, &proofs[profile->proof_count++]);
	return error;
}

static int read_penalty(struct reading *reading, const struct law_profile *profile, struct law_penalty *penalty)
{
	const char *const *fields = reading->fields;
	long low = 0, high = 0;
	int error = need(reading, 0, 5);

	if (!error)
		error = need(reading, 7, 7);
	if (!error)
		error = law_field_number(&reading->reader, fields[3], "low", 1, 1000000, &low);
	if (!error)
		error = law_field_number(&reading->reader, fields[4], "high", low, 1000000, &high);
	if (error)
		return error;
	*penalty = (struct law_penalty){ .clause = fields[0],
		.act = { fields[1], fields[2] },
		.low = (uint32_t)low,
		.high = (uint32_t)high,
		.source = fields[7] };
	if (strlen(fields[5]) != 3 || fields[5][0] < '1' || fields[5][0] > '5' || fields[5][1] != '-' ||
		fields[5][2] < fields[5][0] || fields[5][2] > '5')
		return law_reader_fail(&reading->reader, LUYTRE_E_SYNTAX, "levels must be like 3-5");
	penalty->first_level = (uint8_t)(fields[5][0] - '0');
	penalty->last_level = (uint8_t)(fields[5][2] - '0');
	for (size_t i = 0; i < profile->penalty_count - 1; i++)
		if (strcmp(profile->penalties[i].clause, penalty->clause) == 0)
			return law_reader_fail(&reading->reader, LUYTRE_E_SYNTAX, "the clause is there twice");
	return law_field_set(&reading->reader, profile, fields[6], &penalty->controls);
}

static int read_penalties(struct reading *reading, struct law_profile *profile)
{
	struct law_penalty *penalties = room(reading, sizeof(*penalties), LAW_ROWS_MAX);
	int error = begin(reading, profile->id, "penalties.tsv",
		COLUMNS("clause", "act_en", "act_vi", "low", "high", "levels", "keys", "source"));

	if (!penalties)
		return no_memory(reading);
	profile->penalties = penalties;
	while (!error && (error = next(reading)) > 0)
		error = read_penalty(reading, profile, &penalties[profile->penalty_count++]);
	return error;
}

static int read_crosswalk(struct reading *reading, const struct law_profile *profile, struct law_crosswalk *crosswalk)
{
	const struct law_profile *other;
	int error = need(reading, 0, 3), control;

	if (error)
		return error;
	control = law_control_find(profile, bytes_from_str(reading->fields[0]));
	other = law_profile_find(reading->law, reading->fields[1]);
	if (control < 0 || !other || other == profile)
		return law_reader_fail(&reading->reader, LUYTRE_E_SYNTAX, "there is no such control or profile");
	crosswalk->control = (uint16_t)control;
	crosswalk->profile = (uint16_t)(other - reading->law->profiles);
	crosswalk->other = other;
	crosswalk->source = reading->fields[3];
	return law_field_set(&reading->reader, other, reading->fields[2], &crosswalk->controls);
}

/* The one file that need not be there. */
static int read_crosswalks(struct reading *reading, struct law_profile *profile)
{
	struct law_crosswalk *crosswalks = room(reading, sizeof(*crosswalks), LAW_ROWS_MAX);
	int error = begin(reading, profile->id, "crosswalk.tsv", COLUMNS("key", "profile", "keys", "source"));

	if (!crosswalks)
		return no_memory(reading);
	if (error == LUYTRE_E_NOT_FOUND)
		return 0;
	profile->crosswalks = crosswalks;
	while (!error && (error = next(reading)) > 0)
		error = read_crosswalk(reading, profile, &crosswalks[profile->crosswalk_count++]);
	return error;
}

/* ---- All ---- */

static int read_profiles(struct reading *reading)
{
	struct law *law = reading->law;
	int error = begin(reading, NULL, "profiles.tsv",
		COLUMNS("id", "valid_from", "valid_to", "title_en", "title_vi", "source"));

	while (!error && (error = next(reading)) > 0) {
		struct law_profile *profile = &law->profiles[law->profile_count];
		const char *const *fields = reading->fields;

		error = need(reading, 0, 1);
		if (!error)
			error = need(reading, 3, 5);
		if (!error)
			error = law_field_date(&reading->reader, fields[1], "valid_from");
		if (!error && fields[2])
			error = law_field_date(&reading->reader, fields[2], "valid_to");
		if (!error && (law->profile_count == LAW_PROFILES_MAX || strlen(fields[0]) > 32 ||
				      fields[0][strspn(fields[0], "abcdefghijklmnopqrstuvwxyz0123456789-")] ||
				      law_profile_find(law, fields[0])))
			error = law_reader_fail(
				&reading->reader, LUYTRE_E_SYNTAX, "too many, not an id, or there twice");
		if (error)
			return error;
		*profile = (struct law_profile){ .id = fields[0],
			.valid_from = fields[1],
			.valid_to = fields[2],
			.title = { fields[3], fields[4] },
			.source = fields[5] };
		law->profile_count++;
	}
	if (!error && law->profile_count == 0)
		error = law_reader_fail(&reading->reader, LUYTRE_E_SYNTAX, "there is no profile");
	return error;
}

static const struct {
	const char *file, *name;
	size_t column_count;
	const char *columns[LAW_COLUMNS_MAX];
} tables[LAW_TABLE_COUNT] = {
	[LAW_CLOCKS] = { "clocks.tsv", "clocks", CLOCK_COLUMNS,
		{ "id", "kind", "limit", "trigger_en", "trigger_vi", "to_en", "to_vi", "valid_from", "valid_to",
			"source" } },
	[LAW_CRITERIA] = { "levels.tsv", "levels", 6,
		{ "level", "criteria_en", "criteria_vi", "valid_from", "valid_to", "source" } },
	[LAW_SERIOUS] = { "serious.tsv", "serious", SERIOUS_COLUMNS,
		{ "id", "level_min", "any", "all", "valid_from", "valid_to", "source" } },
	[LAW_THRESHOLDS] = { "thresholds.tsv", "thresholds", 7,
		{ "id", "level", "kind", "people", "valid_from", "valid_to", "source" } },
	[LAW_TRANSITION] = { "transition.tsv", "transition", CASE_COLUMNS,
		{ "case", "due", "text_en", "text_vi", "source" } },
};

static int read_table(struct reading *reading, size_t number)
{
	struct law_table *table = &reading->law->tables[number];
	size_t count = tables[number].column_count;
	const char *const **rows = room(reading, sizeof(*rows), LAW_ROWS_MAX);
	int error = begin(reading, NULL, tables[number].file, tables[number].columns, count);

	if (!rows)
		return no_memory(reading);
	*table = (struct law_table){
		.name = tables[number].name, .columns = tables[number].columns, .column_count = count, .rows = rows
	};
	while (!error && (error = next(reading)) > 0) {
		const char **row = room(reading, sizeof(*row), count);

		if (!row)
			return no_memory(reading);
		memcpy(row, reading->fields, count * sizeof(*row));
		rows[table->row_count++] = row;
		error = need(reading, 0, 0);
		for (size_t i = 0; !error && i < count; i++) /* dates are dates */
			if (row[i] && (strcmp(table->columns[i], "valid_from") == 0 ||
					      strcmp(table->columns[i], "valid_to") == 0))
				error = law_field_date(&reading->reader, row[i], table->columns[i]);
		if (!error)
			error = law_row_check(&reading->reader, (enum law_table_kind)number, table);
	}
	return error;
}

static int read_all(struct reading *reading)
{
	static int (*const steps[])(struct reading *, struct law_profile *) = { read_groups, read_controls,
		order_controls, read_parts, read_proofs, read_penalties };
	struct law *law = reading->law;
	int error = read_profiles(reading);

	for (size_t i = 0; !error && i < law->profile_count; i++)
		for (size_t step = 0; !error && step < ARRAY_COUNT(steps); step++)
			error = steps[step](reading, &law->profiles[i]);
	for (size_t i = 0; !error && i < law->profile_count; i++)
		error = read_crosswalks(reading, &law->profiles[i]);
	for (size_t i = 0; !error && i < LAW_TABLE_COUNT; i++)
		error = read_table(reading, i);
	return error;
}

int law_new(const struct law_file *files, size_t count, struct law **ret, char why[LAW_WHY_SIZE])
{
	struct law *law = calloc(1, sizeof(*law));
	struct reading reading = { .files = files, .count = count, .law = law, .reader = { .path = "", .why = why } };
	int error;

	why[0] = '\0';
	if (!law)
		return LUYTRE_E_NOMEM;
	arena_init(&law->arena, LAW_SIZE_MAX);
	reading.reader.arena = &law->arena;
	error = read_all(&reading);
	if (error) {
		law_free(law);
		return error;
	}
	*ret = law;
	return 0;
}

void law_free(struct law *law)
{
	if (!law)
		return;
	arena_done(&law->arena);
	free(law);
}

/* ---- From a folder ---- */

static int read_file(const char *folder, struct law_file *file, char *why)
{
	char path[PATH_SIZE];
	struct stat info;
	ssize_t size = -1;
	char *text;
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", folder, file->path) >= (int)sizeof(path))
		return LUYTRE_E_RANGE;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_from_errno(errno);
	text = malloc(LAW_FILE_SIZE_MAX);
	if (text && !fstat(fd, &info) && S_ISREG(info.st_mode) && info.st_size < LAW_FILE_SIZE_MAX)
		size = read(fd, text, LAW_FILE_SIZE_MAX);
	close(fd);
	if (size < 0) {
		free(text);
		snprintf(why, LAW_WHY_SIZE, "%.200s: cannot be read", path);
		return LUYTRE_E_IO;
	}
	file->text = bytes_of(text, (size_t)size);
	return 0;
}

/* The files of a folder are those that the program has itself; what is missing there is told by law_new. */
int law_open(const char *folder, struct law **ret, char why[LAW_WHY_SIZE])
{
	struct law_file files[LAW_FILES_MAX] = { 0 };
	struct stat info;
	size_t count = 0;
	int error = 0;

	why[0] = '\0';
	if (stat(folder, &info))
		return error_from_errno(errno);
	for (size_t i = 0; i < law_builtin_count && i < LAW_FILES_MAX && !error; i++) {
		files[count].path = law_builtin[i].path;
		error = read_file(folder, &files[count], why);
		count += error == 0;
		if (error == LUYTRE_E_NOT_FOUND)
			error = 0;
	}
	if (!error)
		error = law_new(files, count, ret, why);
	for (size_t i = 0; i < count; i++)
		free((void *)(uintptr_t)files[i].text.ptr);
	return error;
}

/* ---- Questions ---- */

const struct law_profile *law_profile_find(const struct law *law, const char *id)
{
	for (size_t i = 0; i < law->profile_count; i++)
		if (strcmp(law->profiles[i].id, id) == 0)
			return &law->profiles[i];
	return NULL;
}

int law_control_find(const struct law_profile *profile, struct bytes key)
{
	size_t low = 0, high = profile->control_count;

	while (profile->by_key && low < high) {
		size_t middle = low + (high - low) / 2;
		int order = bytes_compare(bytes_from_str(profile->controls[profile->by_key[middle]].key), key);

		if (order == 0)
			return profile->by_key[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = 0; !profile->by_key && i < profile->control_count; i++) /* while they are read */
		if (bytes_equal_str(key, profile->controls[i].key))
			return (int)i;
	return -1;
}

bool law_asks(const struct law_control *control, unsigned int level)
{
	return level >= 1 && level <= LAW_LEVELS && control->clause[level - 1];
}

bool law_set_has(const struct law_set *set, uint16_t place)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->places[i] == place)
			return true;
	return false;
}
