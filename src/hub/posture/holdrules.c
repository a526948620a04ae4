// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/holdrules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/log.h"
#include "base/siphash.h"
#include "gate/seclang/rules.h"
#include "hub/posture/finding.h"
#include "sensor/rules/text.h"

enum { MEMORY_MAX = 256 << 20, FILES_MAX = 4096, PATH_SIZE = 4096, ITEMS_FIRST = 256, TITLE_MAX = 256 };

const char *const holdrule_kinds[HOLDRULE_KIND_COUNT] = {
#define X(id, word) word,
	HOLDRULE_KINDS(X)
#undef X
};

/* What was found in a folder. */
struct folder {
	struct folder *next;
	const char *path;
	size_t rule_count;
	bool there;
};

struct holdrules {
	_Atomic size_t ref_count;
	struct arena arena; /* texts and folders */
	struct folder *folders;
	struct holdrule *items;
	size_t count, room;
};

struct reading {
	struct holdrules *rules;
	const struct folder *before; /* what was found the last time */
	const char *folder;
	char *why;
	size_t counts[HOLDRULE_KIND_COUNT];
};

PRINTF_LIKE(3, 4) static int fail(const struct reading *reading, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reading->why, HOLDRULES_WHY_SIZE, format, args);
	va_end(args);
	return error;
}

struct holdrules *holdrules_none(void)
{
	struct holdrules *rules = calloc(1, sizeof(*rules));

	if (!rules)
		return NULL;
	rules->ref_count = 1;
	arena_init(&rules->arena, MEMORY_MAX);
	return rules;
}

struct holdrules *holdrules_ref(struct holdrules *rules)
{
	rules->ref_count++;
	return rules;
}

void holdrules_unref(struct holdrules *rules)
{
	if (!rules || --rules->ref_count)
		return;
	arena_done(&rules->arena);
	free(rules->items);
	free(rules);
}

size_t holdrules_count(const struct holdrules *rules)
{
	return rules->count;
}

const struct holdrule *holdrules_at(const struct holdrules *rules, size_t index)
{
	return index < rules->count ? &rules->items[index] : NULL;
}

static int compare_rules(const void *left, const void *right)
{
	const struct holdrule *a = left, *b = right;

	if (a->kind != b->kind)
		return (a->kind > b->kind) - (a->kind < b->kind);
	return (a->rule > b->rule) - (a->rule < b->rule);
}

const struct holdrule *holdrules_find(const struct holdrules *rules, enum holdrule_kind kind, uint64_t rule)
{
	const struct holdrule wanted = { .rule = rule, .kind = kind };

	if (!rules->count)
		return NULL;
	return bsearch(&wanted, rules->items, rules->count, sizeof(wanted), compare_rules);
}

/* ---- One rule ---- */

/* What is gathered of a rule before it is kept. */
struct draft {
	struct holdrule rule;
	char cves[HOLDRULES_CVES_MAX][FINDING_CVE_SIZE];
	size_t cve_count;
};

/* "CVE-2021-44228", "cve-2021_44228", "2021-44228": years of four digits, numbers of four or more. What is none is passed over. */
static void add_cve(struct draft *draft, struct bytes text)
{
	size_t digits = 0;
	char *to;

	if (text.size > 4 && strncasecmp((const char *)text.ptr, "CVE", 3) == 0)
		text = bytes_skip(text, 4);
	if (draft->cve_count == HOLDRULES_CVES_MAX || text.size < 9 || text.size > FINDING_CVE_SIZE - 5)
		return;
	to = draft->cves[draft->cve_count];
	snprintf(to, FINDING_CVE_SIZE, "CVE-%.*s", (int)text.size, (const char *)text.ptr);
	if (to[8] == '_')
		to[8] = '-';
	for (size_t i = 4; to[i]; i++)
		digits += to[i] >= '0' && to[i] <= '9';
	if (to[8] != '-' || digits + 1 != text.size)
		return;
	for (size_t i = 0; i < draft->cve_count; i++)
		if (strcmp(draft->cves[i], to) == 0)
			return;
	draft->cve_count++;
}

static int compare_cves(const void *left, const void *right)
{
	return strcmp(left, right);
}

static const char *keep_text(struct holdrules *rules, struct bytes text)
{
	return arena_dup_str(&rules->arena, bytes_first(text, TITLE_MAX));
}

static int keep(struct reading *reading, struct draft *draft, struct bytes title, struct bytes product)
{
	struct holdrules *rules = reading->rules;
	struct holdrule *rule = &draft->rule;
	const char **cves;

	if (!draft->cve_count)
		return 0;
	if (reading->counts[rule->kind]++ == HOLDRULES_MAX)
		return fail(reading, LUYTRE_E_FULL, "%s: more than %d rules", reading->folder, HOLDRULES_MAX);
	if (rules->count == rules->room) {
		size_t room = rules->room ? 2 * rules->room : ITEMS_FIRST;
		struct holdrule *items = reallocarray(rules->items, room, sizeof(*items));

		if (!items)
			return fail(reading, LUYTRE_E_NOMEM, "there is not enough memory for rules");
		rules->items = items;
		rules->room = room;
	}
	qsort(draft->cves, draft->cve_count, sizeof(draft->cves[0]), compare_cves);
	cves = arena_alloc(&rules->arena, draft->cve_count * sizeof(*cves));
	rule->title = keep_text(rules, title);
	rule->product = keep_text(rules, product);
	for (size_t i = 0; cves && i < draft->cve_count; i++) {
		cves[i] = arena_strdup(&rules->arena, draft->cves[i]);
		if (!cves[i])
			cves = NULL;
	}
	if (!cves || !rule->title || !rule->product)
		return fail(reading, LUYTRE_E_NOMEM, "there is not enough memory for rules");
	rule->cves = cves;
	rule->cve_count = draft->cve_count;
	rules->items[rules->count++] = *rule;
	return 0;
}

/* ---- SecLang ---- */

/* Of severities 0 (emergency) to 7 (debug). */
static uint8_t severity_of(int8_t severity)
{
	static const uint8_t known[] = { 4, 4, 4, 3, 2, 1, 0, 0 };

	return severity >= 0 && (size_t)severity < sizeof(known) ? known[severity] : 0;
}

static int keep_gate_rule(struct reading *reading, const struct sec_rule *rule)
{
	static const char cve[] = "cve/", product[] = "product/";
	struct draft draft = { .rule = { .rule = rule->id,
				       .kind = HOLDRULE_GATE,
				       .holds = true,
				       .severity = severity_of(rule->severity) } };
	struct bytes name = bytes_from_str("");
	bool holds = false;

	for (size_t i = 0; i < rule->tag_count; i++) {
		struct bytes tag = rule->tags[i];

		holds |= bytes_equal_str(tag, "luytre/hold");
		if (bytes_starts_with(tag, bytes_from_str(cve)))
			add_cve(&draft, bytes_skip(tag, sizeof(cve) - 1));
		else if (bytes_starts_with(tag, bytes_from_str(product)))
			name = bytes_skip(tag, sizeof(product) - 1);
	}
	return holds ? keep(reading, &draft, rule->msg, name) : 0;
}

static int read_gate_rules(struct reading *reading)
{
	struct sec_rules *sec = sec_rules_new();
	struct sec_rule *const *list;
	size_t count = 0;
	int error;

	if (!sec)
		return fail(reading, LUYTRE_E_NOMEM, "there is not enough memory for rules");
	error = sec_rules_load_file(sec, reading->folder);
	if (!error)
		error = sec_rules_finish(sec);
	if (error) {
		const struct sec_message *messages = sec_rules_messages(sec, &count);

		fail(reading, error, "%s: %s", reading->folder, error_text(error, LUYTRE_LANG_EN));
		for (size_t i = 0; i < count; i++)
			if (!messages[i].warning) {
				sec_message_format(&messages[i], reading->why, HOLDRULES_WHY_SIZE);
				break;
			}
	}
	list = error ? NULL : sec_rules_list(sec, &count);
	for (size_t i = 0; list && i < count && !error; i++)
		error = keep_gate_rule(reading, list[i]);
	sec_rules_free(sec);
	return error;
}

/* ---- Suricata ---- */

/* As Emerging Threats say it. */
static uint8_t severity_of_word(struct bytes word)
{
	static const struct {
		const char *word;
		uint8_t severity;
	} words[] = { { "Critical", 4 }, { "Major", 3 }, { "Minor", 1 } };

	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if (rule_text_is(word, words[i].word))
			return words[i].severity;
	return 0;
}

/* "luytre_hold 1", "product samba", "signature_severity Major", "cve CVE_2021_44228" */
static void add_pair(struct draft *draft, struct bytes pair, struct bytes *product)
{
	struct bytes word;

	if (!rule_text_item(&pair, ' ', &word))
		return;
	if (rule_text_is(word, "cve"))
		add_cve(draft, rule_text_trim(pair));
	else if (rule_text_is(word, "luytre_hold"))
		draft->rule.holds = true;
	else if (rule_text_is(word, "product"))
		*product = rule_text_trim(pair);
	else if (rule_text_is(word, "signature_severity"))
		draft->rule.severity = severity_of_word(rule_text_trim(pair));
}

/* "cve,2021-44228", and the pairs of metadata. */
static void add_option(struct draft *draft, const struct rule_option *option, struct bytes *product)
{
	struct bytes rest = option->value, item, word;
	bool reference = rule_text_is(option->name, "reference");

	if (!reference && !rule_text_is(option->name, "metadata"))
		return;
	if (reference && (!rule_text_item(&rest, ',', &word) || !rule_text_is(word, "cve")))
		return;
	while (rule_text_item(&rest, ',', &item)) {
		if (reference)
			add_cve(draft, rule_text_trim(item));
		else
			add_pair(draft, item, product);
	}
}

static int keep_sensor_rule(struct reading *reading, struct bytes line)
{
	struct draft draft = { .rule = { .kind = HOLDRULE_SENSOR } };
	struct bytes title = bytes_from_str(""), product = bytes_from_str("");
	struct rule_option option;
	struct rule_text text;
	const char *wrong = rule_text_split(line, &text);

	/* What the sensor refuses with a row of its report is no rule here. */
	while (!wrong && rule_option_next(&text.options, &option) == RULE_OPTION_FOUND) {
		if (rule_text_is(option.name, "sid"))
			(void)rule_text_u64(option.value, &draft.rule.rule);
		else if (rule_text_is(option.name, "msg") && option.value.size > 2)
			title = bytes_first(bytes_skip(option.value, 1), option.value.size - 2);
		else
			add_option(&draft, &option, &product);
	}
	return wrong || !draft.rule.rule ? 0 : keep(reading, &draft, title, product);
}

static int read_sensor_file(struct reading *reading, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;
	struct rule_lines lines;
	struct stat stat;
	struct bytes line;
	uint32_t number;
	ssize_t size = -1;
	char *text;

	if (fd < 0 || fstat(fd, &stat)) {
		error = fail(reading, LUYTRE_E_IO, "%s cannot be read: %s", path, strerror(errno));
	} else if (stat.st_size > HOLDRULES_FILE_MAX) {
		error = fail(reading, LUYTRE_E_FULL, "%s is larger than %d MiB", path, HOLDRULES_FILE_MAX >> 20);
	}
	text = error ? NULL : malloc((size_t)stat.st_size + 1);
	if (text)
		size = pread(fd, text, (size_t)stat.st_size, 0);
	if (!error && size < 0)
		error = fail(reading, text ? LUYTRE_E_IO : LUYTRE_E_NOMEM, "%s cannot be read", path);
	if (fd >= 0)
		close(fd);
	if (!error) {
		rule_lines_init(&lines, text, (size_t)size);
		while (!error && rule_lines_next(&lines, &line, &number))
			error = keep_sensor_rule(reading, line);
	}
	free(text);
	return error;
}

/* ---- The folder ---- */

static bool has_end(const char *name, const char *end)
{
	size_t size = strlen(name), end_size = strlen(end);

	return size > end_size && strcmp(name + size - end_size, end) == 0 && name[0] != '.';
}

static int is_file_of_rules(const struct dirent *entry)
{
	return has_end(entry->d_name, ".conf") || has_end(entry->d_name, ".rules");
}

/* 'count': of names; they are freed. */
static int read_files(struct reading *reading, struct dirent **names, int count)
{
	bool gate = false;
	int error = count > FILES_MAX ? fail(reading, LUYTRE_E_FULL, "%s: too many files", reading->folder) : 0;

	for (int i = 0; i < count; i++) {
		char path[PATH_SIZE];

		gate |= has_end(names[i]->d_name, ".conf");
		snprintf(path, sizeof(path), "%s/%s", reading->folder, names[i]->d_name);
		if (!error && has_end(names[i]->d_name, ".rules"))
			error = read_sensor_file(reading, path);
		free(names[i]);
	}
	free(names);
	return error || !gate ? error : read_gate_rules(reading);
}

static struct folder *note_folder(struct reading *reading)
{
	struct holdrules *rules = reading->rules;
	struct folder *folder = arena_alloc(&rules->arena, sizeof(*folder));

	if (!folder)
		return NULL;
	*folder = (struct folder){ .next = rules->folders, .path = arena_strdup(&rules->arena, reading->folder) };
	rules->folders = folder;
	return folder->path ? folder : NULL;
}

static const struct folder *find_before(const struct reading *reading)
{
	const struct folder *folder = reading->before;

	while (folder && strcmp(folder->path, reading->folder) != 0)
		folder = folder->next;
	return folder;
}

/* One that is not there is no error, but where there were rules before: they cover holds. */
static int read_folder(struct reading *reading, bool *ret_there)
{
	const struct folder *before = find_before(reading);
	struct folder *folder = note_folder(reading);
	size_t rules_before = reading->rules->count;
	struct dirent **names = NULL;
	int count, error = 0;

	if (!folder)
		return fail(reading, LUYTRE_E_NOMEM, "there is not enough memory for rules");
	count = scandir(reading->folder, &names, is_file_of_rules, alphasort);
	folder->there = count >= 0;
	*ret_there = folder->there;
	if (!folder->there)
		fail(reading, LUYTRE_E_NOT_FOUND, "%s: %s", reading->folder, strerror(errno));
	else
		error = read_files(reading, names, count);
	if (error)
		return error;
	folder->rule_count = reading->rules->count - rules_before;
	if (before && before->rule_count && !folder->rule_count)
		return folder->there ? fail(reading, LUYTRE_E_NOT_FOUND, "%s has no rule any more", reading->folder)
				     : LUYTRE_E_NOT_FOUND;
	if (!folder->there && (!before || before->there))
		log_warn("no rule is read from a folder of rules that hold: %s", reading->why);
	return 0;
}

/* The next folder of a list. */
static bool next_folder(const char **list, char folder[HOLDRULES_FOLDER_SIZE])
{
	size_t size;

	while (**list == ':')
		++*list;
	size = strcspn(*list, ":");
	if (!size || size >= HOLDRULES_FOLDER_SIZE)
		return false;
	memcpy(folder, *list, size);
	folder[size] = '\0';
	*list += size;
	return true;
}

static int read_folders(struct reading *reading, const char *folders)
{
	char folder[HOLDRULES_FOLDER_SIZE];
	size_t found = 0;
	bool there = false;
	int error = 0;

	reading->folder = folder;
	while (!error && next_folder(&folders, folder)) {
		error = read_folder(reading, &there);
		found += !error && there;
	}
	return !error && !found ? fail(reading, LUYTRE_E_NOT_FOUND, "there is no folder of rules") : error;
}

int holdrules_read(const char *folders, struct holdrules **ret, char why[HOLDRULES_WHY_SIZE])
{
	return holdrules_read_again(folders, NULL, ret, why);
}

int holdrules_read_again(
	const char *folders, const struct holdrules *before, struct holdrules **ret, char why[HOLDRULES_WHY_SIZE])
{
	struct reading reading = {
		.rules = holdrules_none(), .before = before ? before->folders : NULL, .folder = folders, .why = why
	};
	size_t kept = 0;
	int error;

	why[0] = '\0';
	if (!reading.rules)
		return fail(&reading, LUYTRE_E_NOMEM, "there is not enough memory for rules");
	error = read_folders(&reading, folders);
	if (error) {
		holdrules_unref(reading.rules);
		return error;
	}
	why[0] = '\0';
	if (reading.rules->count)
		qsort(reading.rules->items, reading.rules->count, sizeof(*reading.rules->items), compare_rules);
	/* A sid may stand in several files: the same rule. */
	for (size_t i = 0; i < reading.rules->count; i++)
		if (i == 0 || compare_rules(&reading.rules->items[kept - 1], &reading.rules->items[i]) != 0)
			reading.rules->items[kept++] = reading.rules->items[i];
	reading.rules->count = kept;
	*ret = reading.rules;
	return 0;
}

static uint64_t add_signature(uint64_t sum, const char *folder)
{
	static const struct siphash_key fixed = { 0x6c75797472650003ull, 0x686f6c6473000001ull };
	struct dirent **names = NULL;
	int count = scandir(folder, &names, is_file_of_rules, alphasort);

	if (count >= 0)
		sum = siphash24(fixed, &sum, sizeof(sum)) | 1;
	for (int i = 0; i < count; i++) {
		char path[HOLDRULES_FOLDER_SIZE + NAME_MAX + 2];
		struct stat stat_of;
		struct {
			uint64_t before, name, size, second, nanosecond;
		} mark = { .before = sum, .name = siphash24(fixed, names[i]->d_name, strlen(names[i]->d_name)) };

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (stat(path, &stat_of) == 0) {
			mark.size = (uint64_t)stat_of.st_size;
			mark.second = (uint64_t)stat_of.st_mtim.tv_sec;
			mark.nanosecond = (uint64_t)stat_of.st_mtim.tv_nsec;
		}
		sum = siphash24(fixed, &mark, sizeof(mark)) | 1;
		free(names[i]);
	}
	free(names);
	return sum;
}

uint64_t holdrules_signature(const char *folders)
{
	char folder[HOLDRULES_FOLDER_SIZE];
	uint64_t sum = 0;

	while (next_folder(&folders, folder))
		sum = add_signature(sum, folder);
	return sum;
}
