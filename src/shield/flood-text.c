// SPDX-License-Identifier: Apache-2.0
/* The detection in words, English and Vietnamese (see flood.h). */
#include <stdarg.h>
#include <stdio.h>

#include "base/net.h"
#include "base/units.h"
#include "shield/flood-internal.h"

struct words {
	const char *name, *catalogue, *text[2]; /* by enum luytre_lang */
};

static const struct words vectors[] = {
#define X(id, name, catalogue, en, vi) { name, catalogue, { en, vi } },
	FLOOD_VECTORS(X)
#undef X
};

static const struct words reasons[] = {
#define X(id, name, step, verdict, catalogue, en, vi) { name, catalogue, { en, vi } },
	SHIELD_PLAIN_REASONS(X)
#undef X
#define X(id, name, vector, p1, p2, s1, s2, verdict, value, mask, what) { name, vector, { what, name } },
		SHIELD_REFLECT_ROWS(X)
#undef X
};

_Static_assert(ARRAY_COUNT(reasons) == SHIELD_REASON_COUNT, "one row for each reason");

const char *flood_vector_name(enum flood_vector vector)
{
	return (unsigned int)vector < FLOOD_VECTOR_COUNT ? vectors[vector].name : "unknown";
}

void report_catalogue(struct flood_report *report)
{
	bool by_reason = report->vector == FLOOD_VECTOR_REFLECTION || report->vector == FLOOD_VECTOR_STATIC;
	const char *id = vectors[report->vector].catalogue;

	if (by_reason && report->reason < SHIELD_REASON_COUNT)
		id = reasons[report->reason].catalogue;
	(void)snprintf(report->catalogue, sizeof(report->catalogue), "%s%s%s%s", id, report->carpet ? ",F1" : "",
		report->warm ? ",F2" : "", report->multi ? ",F4" : "");
}

struct text {
	char *at;
	size_t left;
};

static void PRINTF_LIKE(2, 3) add(struct text *text, const char *format, ...)
{
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(text->at, text->left, format, args);
	va_end(args);
	if (size > 0) {
		size_t step = (size_t)size < text->left ? (size_t)size : text->left - 1;

		text->at += step;
		text->left -= step;
	}
}

static void add_vector(struct text *text, const struct flood_report *report, enum luytre_lang lang)
{
	add(text, "%s", vectors[report->vector].text[lang]);
	if (report->reason != SHIELD_REASON_NONE && report->reason < SHIELD_REASON_COUNT)
		add(text, " (%s, %s)", report->catalogue, reasons[report->reason].name);
	else if (report->catalogue[0])
		add(text, " (%s)", report->catalogue);
}

static void add_scope(struct text *text, const struct flood_report *report, enum luytre_lang lang)
{
	char buffer[IP_PREFIX_TEXT_SIZE];
	struct ip_prefix prefix = { .length = report->prefix_length };

	if (report->scope == FLOOD_SCOPE_PLATFORM) {
		add(text, lang == LUYTRE_LANG_VI ? "toàn bộ điểm biên" : "the whole edge");
		return;
	}
	if (report->family) {
		prefix.addr = report->family == 4 ? ip_addr_v4(report->address.byte) : ip_addr_v6(report->address.byte);
		if (report->scope == FLOOD_SCOPE_HOST)
			add(text, "%s", ip_addr_format(&prefix.addr, buffer));
		else
			add(text, "%s", ip_prefix_format(&prefix, buffer));
		add(text, lang == LUYTRE_LANG_VI ? " của " : " of ");
	}
	add(text, lang == LUYTRE_LANG_VI ? "đơn vị " : "tenant ");
	if (report->tenant_name)
		add(text, "%s", report->tenant_name);
	else
		add(text, "#%u", report->tenant);
}

static void add_rates(struct text *text, const struct flood_report *report, enum luytre_lang lang)
{
	char pps[UNITS_TEXT_SIZE], bps[UNITS_TEXT_SIZE], usual[UNITS_TEXT_SIZE];
	bool end = report->phase == FLOOD_END;

	units_human_count(end ? report->peak_pps : report->pps, pps);
	units_human_count(report->bps, bps);
	units_human_count(report->baseline_pps, usual);
	if (lang == LUYTRE_LANG_VI) {
		add(text, end ? "; đỉnh %s gói/giây" : ": %s gói/giây", pps);
		if (!end)
			add(text, ", %sbit/giây", bps);
		add(text, report->cold ? " (chưa có mức nền)" : " (mức nền %s gói/giây)", usual);
	} else {
		add(text, end ? "; peak %s packets/s" : ": %s packets/s", pps);
		if (!end)
			add(text, ", %sbit/s", bps);
		add(text, report->cold ? " (no baseline yet)" : " (baseline %s packets/s)", usual);
	}
}

static void add_done(struct text *text, const struct flood_report *report, enum luytre_lang lang)
{
	static const struct {
		uint32_t bit;
		const char *text[2];
	} rows[] = {
		{ FLOOD_DONE_SPARED, { "left alone: it looks like many real users",
					     "không can thiệp: giống nhiều người dùng thật" } },
		{ FLOOD_DONE_STATIC, { "fixed rules stop it", "các luật cố định đã chặn" } },
		{ FLOOD_DONE_BITS,
			{ "new sources must prove themselves or be known", "nguồn mới phải chứng minh hoặc đã quen" } },
		{ FLOOD_DONE_SIGNATURE, { "a learned signature stops it", "dấu hiệu tự học đang chặn" } },
		{ FLOOD_DONE_SHADOW, { "a signature only counts, because it would hit too much ordinary traffic",
					     "dấu hiệu chỉ đếm, vì sẽ trúng quá nhiều lưu lượng bình thường" } },
		{ FLOOD_DONE_NO_SIGNATURE,
			{ "no signature tells it from ordinary traffic; only the limits hold",
				"không dấu hiệu nào tách được khỏi lưu lượng bình thường; chỉ còn các giới "
				"hạn" } },
	};
	const char *separator = ". ";

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (report->done & rows[i].bit) {
			add(text, "%s%s", separator, rows[i].text[lang]);
			separator = "; ";
		}
	}
	if (!report->done)
		add(text, lang == LUYTRE_LANG_VI ? ". chưa làm gì" : ". nothing is done yet");
	if (!report->signature[0])
		return;
	add(text,
		lang == LUYTRE_LANG_VI
			? ". Dấu hiệu: [%s], trúng %.2f %% lưu lượng lúc bình thường (nhiều nhất %.2f %%)"
			: ". Signature: [%s], hits %.2f %% of ordinary traffic (at most %.2f %%)",
		report->signature, report->peace_share * 100, report->peace_share_bound * 100);
}

const char *flood_report_text(const struct flood_report *report, enum luytre_lang lang, char *text, size_t size)
{
	static const char *const phases[2][3] = { { "", "Still: ", "Over: " },
		{ "", "Vẫn tiếp diễn: ", "Đã kết thúc: " } };
	struct text out = { text, size };
	uint64_t seconds = (report->now_ns - report->started_ns) / 1000000000;

	if (!size)
		return text;
	text[0] = '\0';
	add(&out, "%s", phases[lang][report->phase]);
	add_vector(&out, report, lang);
	add(&out, lang == LUYTRE_LANG_VI ? " nhằm vào " : " against ");
	add_scope(&out, report, lang);
	add_rates(&out, report, lang);
	if (report->phase != FLOOD_BEGIN)
		add(&out, lang == LUYTRE_LANG_VI ? ", kéo dài %llu giây" : ", for %llu s", (unsigned long long)seconds);
	add_done(&out, report, lang);
	add(&out, ".");
	return text;
}
