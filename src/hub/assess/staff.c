// SPDX-License-Identifier: Apache-2.0
#include "hub/assess/staff.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/date.h"

enum { YEAR_MIN = 1971, YEAR_MAX = 2199, NAME_LENGTH = 128, CONTACT_LENGTH = 254, DAY_S = 86400 };

const struct staff_text staff_texts[STAFF_KIND_COUNT] = {
#define X(id, word, en, vi) { word, en, vi },
	STAFF_POSTS(X)
#undef X
};

static const char *const words[STAFF_KIND_COUNT] = {
#define X(id, word, en, vi) word,
	STAFF_POSTS(X)
#undef X
};

/* ---- Days ---- */

char *staff_day_text(uint32_t day, char text[STAFF_DAY_SIZE])
{
	const time_t seconds = (time_t)day * DAY_S;
	struct tm parts = { 0 };

	gmtime_r(&seconds, &parts);
	if (strftime(text, STAFF_DAY_SIZE, "%Y-%m-%d", &parts) == 0)
		text[0] = '\0';
	return text;
}

uint32_t staff_day_of(struct bytes text)
{
	char copy[STAFF_DAY_SIZE], back[STAFF_DAY_SIZE];
	int64_t day;
	int year;

	if (text.size != 10 || !bytes_to_str(text, copy, sizeof(copy)))
		return 0;
	year = atoi(copy);
	if (year < YEAR_MIN || year > YEAR_MAX)
		return 0;
	day = date_days(year, atoi(copy + 5), atoi(copy + 8));
	return day > 0 && strcmp(staff_day_text((uint32_t)day, back), copy) == 0 ? (uint32_t)day : 0;
}

/* ---- In ---- */

static void read_post(const struct jsonr *item, struct staff_post *post)
{
	struct bytes text;
	size_t kind = 0;

	jsonr_word(item, "post", JSONR_NEEDED, words, STAFF_KIND_COUNT, &kind);
	post->kind = (enum staff_kind)kind;
	if (jsonr_string(item, "name", JSONR_NEEDED, 1, NAME_LENGTH, &text))
		(void)bytes_to_str(text, post->name, sizeof(post->name));
	if (jsonr_string(item, "contact", JSONR_OPTIONAL, 0, CONTACT_LENGTH, &text))
		(void)bytes_to_str(text, post->contact, sizeof(post->contact));
	if (jsonr_string(item, "checked", JSONR_OPTIONAL, 1, 10, &text)) {
		const struct jsonr at = jsonr_member(item, "checked");

		post->checked_day = staff_day_of(text);
		if (!post->checked_day)
			jsonr_fail(&at, JSONR_FORM, 0, 0);
	}
}

static void read_shift(const struct jsonr *item, size_t post_count, struct staff_shift *shift)
{
	int64_t day = 1, from = 0, to = 1, post = 0;

	jsonr_i64(item, "day", JSONR_NEEDED, 1, 7, &day);
	jsonr_i64(item, "from", JSONR_NEEDED, 0, 23, &from);
	jsonr_i64(item, "to", JSONR_NEEDED, 1, 24, &to);
	jsonr_i64(item, "post", JSONR_NEEDED, 0, STAFF_POSTS_MAX - 1, &post);
	if (to <= from || (size_t)post >= post_count)
		jsonr_fail(item, JSONR_CONFLICT, 0, 0);
	*shift = (struct staff_shift){ (uint8_t)day, (uint8_t)from, (uint8_t)to, (uint8_t)post };
}

void staff_read(const struct jsonr *object, struct staff *ret)
{
	struct jsonr items;

	memset(ret, 0, sizeof(*ret));
	if (jsonr_array(object, "posts", JSONR_OPTIONAL, STAFF_POSTS_MAX, &items))
		for (; ret->post_count < json_array_size(items.value); ret->post_count++) {
			const struct jsonr item = jsonr_item(&items, ret->post_count);

			read_post(&item, &ret->posts[ret->post_count]);
		}
	if (jsonr_array(object, "shifts", JSONR_OPTIONAL, STAFF_SHIFTS_MAX, &items))
		for (; ret->shift_count < json_array_size(items.value); ret->shift_count++) {
			const struct jsonr item = jsonr_item(&items, ret->shift_count);

			read_shift(&item, ret->post_count, &ret->shifts[ret->shift_count]);
		}
}

int staff_parse(struct bytes text, struct staff *ret)
{
	static const struct jsonr_limits limits = { STAFF_TEXT_MAX, 4, 4096 };
	struct jsonr_errors errors = { 0 };
	struct jsonr root;
	json_t *document;
	int error;

	memset(ret, 0, sizeof(*ret));
	if (bytes_empty(text))
		return 0;
	error = jsonr_parse(text, &limits, &errors, &document);
	if (error)
		return error == LUYTRE_E_NOMEM ? error : LUYTRE_E_CORRUPT;
	jsonr_root(&root, document, &errors);
	staff_read(&root, ret);
	json_decref(document);
	return errors.count ? LUYTRE_E_CORRUPT : 0;
}

/* ---- Out ---- */

void staff_write(struct jsonw *json, const struct staff *staff)
{
	char day[STAFF_DAY_SIZE];

	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "posts");
	for (size_t i = 0; i < staff->post_count; i++) {
		const struct staff_post *post = &staff->posts[i];

		jsonw_object_begin(json);
		jsonw_kv_string(json, "post", words[post->kind]);
		jsonw_kv_string(json, "name", post->name);
		jsonw_kv_string(json, "contact", post->contact);
		if (post->checked_day)
			jsonw_kv_string(json, "checked", staff_day_text(post->checked_day, day));
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
	jsonw_kv_array_begin(json, "shifts");
	for (size_t i = 0; i < staff->shift_count; i++) {
		const struct staff_shift *shift = &staff->shifts[i];

		jsonw_object_begin(json);
		jsonw_kv_u64(json, "day", shift->day);
		jsonw_kv_u64(json, "from", shift->from);
		jsonw_kv_u64(json, "to", shift->to);
		jsonw_kv_u64(json, "post", shift->post);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
	jsonw_object_end(json);
}

/* ---- What follows from it ---- */

unsigned int staff_hours(const struct staff *staff)
{
	bool covered[STAFF_WEEK_HOURS] = { false };
	unsigned int hours = 0;

	for (size_t i = 0; i < staff->shift_count; i++)
		for (unsigned int hour = staff->shifts[i].from; hour < staff->shifts[i].to; hour++)
			covered[(staff->shifts[i].day - 1U) * 24 + hour] = true;
	for (size_t i = 0; i < STAFF_WEEK_HOURS; i++)
		hours += covered[i];
	return hours;
}

bool staff_has(const struct staff *staff, enum staff_kind kind)
{
	for (size_t i = 0; i < staff->post_count; i++)
		if (staff->posts[i].kind == kind)
			return true;
	return false;
}

uint32_t staff_checked_day(const struct staff *staff)
{
	uint32_t day = 0;

	for (size_t i = 0; i < staff->post_count; i++)
		if (staff->posts[i].kind == STAFF_CONTACT && staff->posts[i].checked_day > day)
			day = staff->posts[i].checked_day;
	return day;
}
