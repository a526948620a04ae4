// SPDX-License-Identifier: Apache-2.0
/* Entries of a version: putting changes over them, as text and back, and what differs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/jsonr.h"
#include "hub/policy/policy.h"

#define X(id, word, ...) word,
const char *const policy_states[POLICY_STATE_COUNT] = { POLICY_STATES(X) };
const char *const policy_kinds[POLICY_KIND_COUNT] = { POLICY_KINDS(X) };
const char *const policy_rollouts[POLICY_ROLLOUT_COUNT] = { POLICY_ROLLOUTS(X) };
#undef X

enum { POINTER_SIZE = 96, GROW = 64 };

/* ---- Settings ---- */

void policy_settings_init(struct policy_settings *settings)
{
	memset(settings->modes, POLICYFILE_UNSET, sizeof(settings->modes));
	settings->fail = POLICYFILE_UNSET;
	for (size_t i = 0; i < POLICYFILE_LIMIT_COUNT; i++)
		settings->limits[i] = POLICYFILE_UNSET;
}

bool policy_settings_empty(const struct policy_settings *settings)
{
	for (size_t i = 0; i < ASSET_PART_COUNT; i++)
		if (settings->modes[i] != POLICYFILE_UNSET)
			return false;
	for (size_t i = 0; i < POLICYFILE_LIMIT_COUNT; i++)
		if (settings->limits[i] != POLICYFILE_UNSET)
			return false;
	return settings->fail == POLICYFILE_UNSET;
}

void policy_settings_put(struct policy_settings *settings, const struct policy_settings *over)
{
	for (size_t i = 0; i < ASSET_PART_COUNT; i++)
		if (over->modes[i] != POLICYFILE_UNSET)
			settings->modes[i] = over->modes[i];
	for (size_t i = 0; i < POLICYFILE_LIMIT_COUNT; i++)
		if (over->limits[i] != POLICYFILE_UNSET)
			settings->limits[i] = over->limits[i];
	if (over->fail != POLICYFILE_UNSET)
		settings->fail = over->fail;
}

static bool has_modes(const struct policy_settings *settings)
{
	for (size_t i = 0; i < ASSET_PART_COUNT; i++)
		if (settings->modes[i] != POLICYFILE_UNSET)
			return true;
	return false;
}

static bool has_limits(const struct policy_settings *settings)
{
	for (size_t i = 0; i < POLICYFILE_LIMIT_COUNT; i++)
		if (settings->limits[i] != POLICYFILE_UNSET)
			return true;
	return false;
}

void policy_settings_write(struct jsonw *json, const struct policy_settings *settings)
{
	if (has_modes(settings)) {
		jsonw_kv_object_begin(json, "modes");
		for (size_t i = 0; i < ASSET_PART_COUNT; i++)
			if (settings->modes[i] != POLICYFILE_UNSET)
				jsonw_kv_string(json, asset_parts[i].word, asset_modes[settings->modes[i]].word);
		jsonw_object_end(json);
	}
	if (settings->fail != POLICYFILE_UNSET)
		jsonw_kv_string(json, "fail", asset_fails[settings->fail].word);
	if (has_limits(settings)) {
		jsonw_kv_object_begin(json, "limits");
		for (size_t i = 0; i < POLICYFILE_LIMIT_COUNT; i++)
			if (settings->limits[i] != POLICYFILE_UNSET)
				jsonw_kv_i64(json, policyfile_limits[i], settings->limits[i]);
		jsonw_object_end(json);
	}
}

/* ---- The list ---- */

void policy_entries_done(struct policy_entries *entries)
{
	free(entries->items);
	*entries = (struct policy_entries){ 0 };
}

static int compare(enum policy_kind left_kind, uint32_t left, enum policy_kind right_kind, uint32_t right)
{
	if (left_kind != right_kind)
		return left_kind < right_kind ? -1 : 1;
	return left == right ? 0 : left < right ? -1 : 1;
}

/* The first that does not stand before (kind, id). */
static size_t place_of(const struct policy_entries *entries, enum policy_kind kind, uint32_t id)
{
	size_t low = 0, high = entries->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(entries->items[middle].kind, entries->items[middle].id, kind, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct policy_entry *policy_entries_find(const struct policy_entries *entries, enum policy_kind kind, uint32_t id)
{
	size_t place = place_of(entries, kind, id);

	if (place == entries->count || compare(entries->items[place].kind, entries->items[place].id, kind, id))
		return NULL;
	return &entries->items[place];
}

static int insert(struct policy_entries *entries, size_t place, const struct policy_entry *entry)
{
	struct policy_entry *grown;

	if (entries->count >= POLICY_ENTRIES_MAX)
		return LUYTRE_E_FULL;
	if (entries->count % GROW == 0) {
		grown = reallocarray(entries->items, entries->count + GROW, sizeof(*grown));
		if (!grown)
			return LUYTRE_E_NOMEM;
		entries->items = grown;
	}
	memmove(&entries->items[place + 1], &entries->items[place], (entries->count - place) * sizeof(*entries->items));
	entries->items[place] = *entry;
	entries->count++;
	return 0;
}

/* The list keeps the room of its largest size: 'count' alone tells insert when to grow. */
static void take_out(struct policy_entries *entries, size_t place)
{
	memmove(&entries->items[place], &entries->items[place + 1],
		(entries->count - place - 1) * sizeof(*entries->items));
	entries->count--;
}

int policy_entries_apply(struct policy_entries *entries, const struct policy_change *change)
{
	const struct policy_entry *in = &change->entry;
	size_t place = place_of(entries, in->kind, in->id);
	bool there = policy_entries_find(entries, in->kind, in->id) != NULL;

	if (!there)
		return policy_settings_empty(&in->settings) ? 0 : insert(entries, place, in);
	if (change->reset)
		entries->items[place].settings = in->settings;
	else
		policy_settings_put(&entries->items[place].settings, &in->settings);
	if (policy_settings_empty(&entries->items[place].settings))
		take_out(entries, place);
	return 0;
}

/* ---- As text ---- */

void policy_changes_write(struct jsonw *json, const struct policy_change *changes, size_t count)
{
	jsonw_array_begin(json);
	for (size_t i = 0; i < count; i++) {
		const struct policy_entry *entry = &changes[i].entry;

		jsonw_object_begin(json);
		jsonw_kv_string(json, "kind", policy_kinds[entry->kind]);
		jsonw_kv_u64(json, "id", entry->id);
		jsonw_kv_u64(json, "tenant", entry->tenant);
		if (changes[i].reset)
			jsonw_kv_bool(json, "reset", true);
		policy_settings_write(json, &entry->settings);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static int8_t read_word(const struct jsonr *object, const char *key, const struct tenants_word *words, size_t count)
{
	struct bytes word;
	int found = -1;

	if (!jsonr_string(object, key, JSONR_OPTIONAL, 1, 32, &word))
		return POLICYFILE_UNSET;
	found = tenants_word_find(words, count, word);
	if (found < 0)
		jsonr_fail(object, JSONR_ENUM, 0, 0);
	return (int8_t)found;
}

void policy_settings_read(const struct jsonr *object, struct policy_settings *ret)
{
	struct jsonr part;
	int64_t number;

	policy_settings_init(ret);
	if (jsonr_object(object, "modes", JSONR_OPTIONAL, &part))
		for (size_t i = 0; i < ASSET_PART_COUNT; i++)
			ret->modes[i] = read_word(&part, asset_parts[i].word, asset_modes, ASSET_MODE_COUNT);
	ret->fail = read_word(object, "fail", asset_fails, ASSET_FAIL_COUNT);
	if (!jsonr_object(object, "limits", JSONR_OPTIONAL, &part))
		return;
	for (size_t i = 0; i < POLICYFILE_LIMIT_COUNT; i++)
		if (jsonr_i64(&part, policyfile_limits[i], JSONR_OPTIONAL, 0, POLICYFILE_LIMIT_MAX, &number))
			ret->limits[i] = (int32_t)number;
}

static void read_change(const struct jsonr *object, struct policy_change *ret)
{
	int64_t id = 0, tenant = 0;
	size_t kind = 0;

	*ret = (struct policy_change){ 0 };
	jsonr_word(object, "kind", JSONR_NEEDED, policy_kinds, POLICY_KIND_COUNT, &kind);
	jsonr_i64(object, "id", JSONR_NEEDED, 1, UINT32_MAX, &id);
	jsonr_i64(object, "tenant", JSONR_NEEDED, 1, UINT32_MAX, &tenant);
	jsonr_bool(object, "reset", JSONR_OPTIONAL, &ret->reset);
	ret->entry.kind = (enum policy_kind)kind;
	ret->entry.id = (uint32_t)id;
	ret->entry.tenant = (uint32_t)tenant;
	policy_settings_read(object, &ret->entry.settings);
}

int policy_changes_read(struct bytes text, struct policy_change **ret, size_t *ret_count)
{
	static const struct jsonr_limits limits = {
		.size_max = POLICY_TEXT_MAX, .depth_max = 6, .value_max = POLICY_ENTRIES_MAX * 32
	};
	struct jsonr_errors errors = { 0 };
	struct policy_change *changes;
	json_t *document;
	struct jsonr root;
	size_t count;
	int error = jsonr_parse(text, &limits, &errors, &document);

	if (error)
		return error == LUYTRE_E_NOMEM ? error : LUYTRE_E_CORRUPT;
	jsonr_root(&root, document, &errors);
	count = json_array_size(document);
	changes = calloc(count + 1, sizeof(*changes));
	for (size_t i = 0; changes && i < count; i++) {
		const struct jsonr item = jsonr_item(&root, i);

		read_change(&item, &changes[i]);
	}
	error = !changes ? LUYTRE_E_NOMEM : !json_is_array(document) || errors.count ? LUYTRE_E_CORRUPT : 0;
	json_decref(document);
	if (error) {
		free(changes);
		return error;
	}
	*ret = changes;
	*ret_count = count;
	return 0;
}

/* ---- Differences ---- */

struct differ {
	policy_difference_fn fn;
	void *context;
	const struct policy_entry *entry; /* either */
};

static void tell(const struct differ *differ, const char *setting, struct policy_difference *difference)
{
#define X(id, word, plural) plural,
	static const char *const plurals[POLICY_KIND_COUNT] = { POLICY_KINDS(X) };
#undef X
	char pointer[POINTER_SIZE];

	snprintf(pointer, sizeof(pointer), "/%s/%u/%s", plurals[differ->entry->kind], differ->entry->id, setting);
	difference->pointer = pointer;
	difference->kind = differ->entry->kind;
	difference->id = differ->entry->id;
	difference->tenant = differ->entry->tenant;
	differ->fn(differ->context, difference);
}

static void tell_word(
	const struct differ *differ, const char *setting, const struct tenants_word *words, int before, int after)
{
	struct policy_difference difference = { .number_before = POLICYFILE_UNSET, .number_after = POLICYFILE_UNSET };

	if (before == after)
		return;
	difference.word_before = before == POLICYFILE_UNSET ? NULL : words[before].word;
	difference.word_after = after == POLICYFILE_UNSET ? NULL : words[after].word;
	tell(differ, setting, &difference);
}

static void diff_settings(
	const struct differ *differ, const struct policy_settings *before, const struct policy_settings *after)
{
	char setting[POINTER_SIZE / 2];

	for (size_t i = 0; i < ASSET_PART_COUNT; i++)
		tell_word(differ, asset_parts[i].word, asset_modes, before->modes[i], after->modes[i]);
	tell_word(differ, "fail", asset_fails, before->fail, after->fail);
	for (size_t i = 0; i < POLICYFILE_LIMIT_COUNT; i++) {
		struct policy_difference difference = { .number_before = before->limits[i],
			.number_after = after->limits[i] };

		snprintf(setting, sizeof(setting), "limits/%s", policyfile_limits[i]);
		if (before->limits[i] != after->limits[i])
			tell(differ, setting, &difference);
	}
}

void policy_diff(
	const struct policy_entries *from, const struct policy_entries *to, policy_difference_fn fn, void *context)
{
	struct differ differ = { .fn = fn, .context = context };
	struct policy_settings none;
	size_t i = 0, k = 0;

	policy_settings_init(&none);
	while (i < from->count || k < to->count) {
		int order = i == from->count ? 1
			    : k == to->count ? -1
					     : compare(from->items[i].kind, from->items[i].id, to->items[k].kind,
						       to->items[k].id);
		const struct policy_entry *before = order <= 0 ? &from->items[i++] : NULL;
		const struct policy_entry *after = order >= 0 ? &to->items[k++] : NULL;

		differ.entry = after ? after : before;
		diff_settings(&differ, before ? &before->settings : &none, after ? &after->settings : &none);
	}
}
