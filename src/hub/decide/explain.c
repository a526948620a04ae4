// SPDX-License-Identifier: Apache-2.0
/* A decision in one sentence. Each language has its own word order, so each sentence is put together from parts of a
 * table. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hub/decide/engine-internal.h"

#define LANGS 2

static const char *const level_words[DECIDE_LEVEL_COUNT][LANGS] = {
	[DECIDE_NONE] = { "Nothing is ordered about", "Không áp dụng biện pháp nào với" },
	[DECIDE_WATCH] = { "Watched:", "Đang theo dõi" },
	[DECIDE_CHALLENGE] = { "Challenged or slowed down:", "Thử thách hoặc giới hạn tốc độ" },
	[DECIDE_PROVISIONAL] = { "Blocked for two minutes:", "Tạm chặn hai phút" },
	[DECIDE_BLOCK] = { "Blocked:", "Chặn" },
	[DECIDE_LONG] = { "Blocked for long:", "Chặn dài hạn" },
};

static const char *const kind_words[OBSERVABLE_KIND_COUNT][LANGS] = {
	[OBSERVABLE_NONE] = { "nothing", "không có" },
	[OBSERVABLE_ADDR] = { "address", "địa chỉ" },
	[OBSERVABLE_PREFIX] = { "network", "dải mạng" },
	[OBSERVABLE_DOMAIN] = { "domain", "tên miền" },
	[OBSERVABLE_URL] = { "URL", "URL" },
	[OBSERVABLE_HASH] = { "file hash", "mã băm tệp" },
	[OBSERVABLE_JA4] = { "client fingerprint", "dấu vân máy khách" },
};

static const char *const evidence_words[][LANGS] = {
	{ "without proof of the source", "chưa chứng minh được nguồn" },
	{ "weak signs behind a completed handshake", "dấu hiệu yếu sau khi bắt tay hoàn tất" },
	{ "ordinary signatures behind a completed handshake", "dấu hiệu thông thường sau khi bắt tay hoàn tất" },
	{ "proof of high precision", "bằng chứng có độ chính xác cao" },
};

static const char *reporters_words(uint8_t bucket, enum luytre_lang lang)
{
	static const struct {
		uint8_t bucket;
		const char *words[LANGS];
	} rows[] = {
		{ 1, { "1 organisation", "1 tổ chức" } },
		{ 2, { "2-4 organisations", "2-4 tổ chức" } },
		{ 5, { "5-9 organisations", "5-9 tổ chức" } },
		{ 10, { "10+ organisations", "10+ tổ chức" } },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (rows[i].bucket == bucket)
			return rows[i].words[lang];
	}
	return lang == LUYTRE_LANG_VI ? "không tổ chức nào" : "no organisation";
}

static const char *date(int64_t time_us, char text[32])
{
	time_t seconds = (time_t)(time_us / US_PER_S);
	struct tm parts = { 0 };

	gmtime_r(&seconds, &parts);
	strftime(text, 32, "%Y-%m-%d %H:%M", &parts);
	return text;
}

/* What was ordered by a person or a list says so; it has no belief of reports behind it. */
static int order_sentence(
	const struct engine_decision *decision, const char *value, enum luytre_lang lang, char *text, size_t text_size)
{
	const struct decide_class_row *row = formula_class((enum decide_class)decision->class);
	bool vi = lang == LUYTRE_LANG_VI;
	const char *who = decision->by_person
				  ? (vi ? "theo lệnh của người có thẩm quyền" : "by order of an authorised person")
				  : (vi ? "theo danh sách mạng bị chiếm dụng" : "from a list of hijacked networks");
	char until[32];

	return snprintf(text, text_size, vi ? "%s %s %s %s vì %s, đến %s UTC." : "%s %s %s, %s, for %s, until %s UTC.",
		level_words[decision->level][lang], kind_words[decision->key.kind][lang], value, who,
		vi ? row->vi : row->en, date(decision->expires_us, until));
}

static int report_sentence(
	const struct engine_decision *decision, const char *value, enum luytre_lang lang, char *text, size_t text_size)
{
	const struct decide_class_row *row = formula_class((enum decide_class)decision->class);
	bool vi = lang == LUYTRE_LANG_VI;
	char until[32], campaign[64] = "";

	if (decision->campaign != 0)
		snprintf(campaign, sizeof(campaign), vi ? ", thuộc chiến dịch %u" : ", part of campaign %u",
			decision->campaign);
	return snprintf(text, text_size,
		vi ? "%s %s %s: %s báo cáo %s với %s (độ tin cậy %.2f, ước tính %u người dùng hợp lệ)%s, đến %s UTC."
		   : "%s %s %s was reported by %s for %s with %s (belief %.2f, about %u legitimate users)%s, until %s "
		     "UTC.",
		level_words[decision->level][lang], kind_words[decision->key.kind][lang], value,
		reporters_words(decision->reporters, lang), vi ? row->vi : row->en,
		evidence_words[decision->evidence & 3][lang], (double)decision->belief, decision->users, campaign,
		date(decision->expires_us, until));
}

int engine_explain_decision(const struct engine_decision *decision, enum luytre_lang lang, char *text, size_t text_size)
{
	char ip[IP_PREFIX_TEXT_SIZE];
	const char *value = decision->text ? decision->text : (observable_key_text(&decision->key, ip) ? ip : "");
	int size;

	lang = lang == LUYTRE_LANG_VI ? LUYTRE_LANG_VI : LUYTRE_LANG_EN;
	if (decision->by_person || decision->by_list)
		size = order_sentence(decision, value, lang, text, text_size);
	else
		size = report_sentence(decision, value, lang, text, text_size);
	return size < 0 || (size_t)size >= text_size ? LUYTRE_E_FULL : 0;
}

int engine_explain(const struct engine *engine, uint64_t id, enum luytre_lang lang, char *text, size_t text_size)
{
	struct engine_decision decision;
	int error = engine_find(engine, id, &decision);

	return error ? error : engine_explain_decision(&decision, lang, text, text_size);
}
