// SPDX-License-Identifier: Apache-2.0
/* See summary.h. */
#include "lab/summary.h"

#include "base/error.h"
#include "base/jsonw.h"
#include "base/units.h"
#include "shield/emulate.h"

enum { TITLE_WIDTH = 31, JSON_CEILING = 1 << 20 };

static const struct lab_text text_heads = {
	"arrived  dropped  clients    p50 ms    p99 ms  filter",
	"  gói/s     chặn    dùng     p50 ms    p99 ms     lọc",
};
static const struct lab_text text_summary = { "Summary", "Tổng kết" };
static const struct lab_text text_never = { "never", "chưa" };
static const struct lab_text text_good = { "Every phase kept what the lab promises.",
	"Mọi giai đoạn đều đạt cam kết." };
static const struct lab_text text_bad = { "did not keep its promise", "không đạt cam kết" };
static const struct lab_text text_missing = { "no packet was counted as", "không có gói nào được đếm là" };
static const struct lab_text text_kept = { "clients after filtering", "người dùng sau khi lọc" };
static const struct lab_text text_dropped = { "of the attack stopped", "cuộc tấn công bị chặn" };
static const struct lab_text text_ended = { "The lab ended before its last phase.", "Dừng trước giai đoạn cuối." };
static const struct lab_text text_nation = { "One is hit, all are guarded", "Một nơi bị đánh, mọi nơi được giữ" };
static const struct lab_text text_served = { "clients of all organisations served",
	"người dùng của mọi tổ chức được phục vụ" };
static const struct lab_text text_nation_bad = { "This part did not keep its promise.", "Phần này không đạt cam kết." };
static const struct lab_text text_note = {
	"dropped: share of all packets. clients: those of the attacked organisation that got their page\n"
	"  or answer within 2 s, and the time until they were connected. filter: from first sign to filter.",
	"chặn: trên tổng số gói. dùng: người dùng của tổ chức bị tấn công nhận được trang hoặc trả lời\n"
	"  trong 2 s, và thời gian kết nối. lọc: từ dấu hiệu đầu tiên đến khi lọc được.",
};

static bool floods_are_good(const struct summary *summary)
{
	struct scenario_figures figures;

	for (size_t i = 0; i < scenario_count(); i++)
		if (!scenario_figures(summary->scenario, i, summary->clients, &figures) || !figures.good)
			return false;
	return true;
}

static bool nation_is_good(const struct summary *summary)
{
	struct nation_figures figures;

	if (!summary->nation->records)
		return false;
	nation_figures(summary->nation, summary->clients, &figures);
	return figures.good;
}

bool summary_is_good(const struct summary *summary)
{
	return (!summary->floods || floods_are_good(summary)) && (!summary->nation_part || nation_is_good(summary));
}

static void print_row(
	const struct scenario_phase *phase, const struct scenario_figures *figures, enum luytre_lang lang, FILE *out)
{
	const char *title = text_of(&phase->title, lang);
	char arrived[UNITS_TEXT_SIZE], filtered[32] = "-";

	if (phase->rate_pps && phase->enforce && figures->filter_s >= 0)
		snprintf(filtered, sizeof(filtered), "%.1f s", figures->filter_s);
	else if (phase->rate_pps)
		snprintf(filtered, sizeof(filtered), "%s", text_of(&text_never, lang));
	fprintf(out, "%-2s%.*s%*s%7s %6.1f %% %6.1f %% %9.2f %9.1f %7s\n", figures->good ? "" : "!",
		(int)text_cut(title, TITLE_WIDTH), title,
		text_width(title) < TITLE_WIDTH ? (int)(TITLE_WIDTH - text_width(title)) : 0, "",
		units_human_count((uint64_t)figures->arrived_pps, arrived), figures->dropped_share * 100,
		figures->clients.good_share * 100, figures->clients.p50_ms, figures->clients.p99_ms, filtered);
}

static void print_complaint(
	const struct scenario_phase *phase, const struct scenario_figures *figures, enum luytre_lang lang, FILE *out)
{
	fprintf(out, "! %s: %s: %.1f %% %s, %.2f %% %s", text_of(&phase->title, lang), text_of(&text_bad, lang),
		figures->attack_dropped_share * 100, text_of(&text_dropped, lang),
		figures->clients_filtered.good_share * 100, text_of(&text_kept, lang));
	if (figures->missing)
		fprintf(out, ", %s '%s'", text_of(&text_missing, lang), figures->missing);
	fputs(".\n", out);
}

static void print_floods(const struct summary *summary, enum luytre_lang lang, FILE *out)
{
	const char *head = text_of(&text_summary, lang);
	struct scenario_figures figures;
	size_t done = 0;

	fprintf(out, "\n  %s%*s%s\n", head, (int)(TITLE_WIDTH - text_width(head)), "", text_of(&text_heads, lang));
	while (done < scenario_count() && scenario_figures(summary->scenario, done, summary->clients, &figures))
		print_row(scenario_phase(done++), &figures, lang, out);
	fprintf(out, "\n  %s\n", text_of(&text_note, lang));
	for (size_t i = 0; i < done; i++)
		if (scenario_figures(summary->scenario, i, summary->clients, &figures) && !figures.good)
			print_complaint(scenario_phase(i), &figures, lang, out);
	if (done < scenario_count())
		fprintf(out, "  %s\n", text_of(&text_ended, lang));
	else if (floods_are_good(summary))
		fprintf(out, "  %s\n", text_of(&text_good, lang));
}

static void print_nation(const struct summary *summary, enum luytre_lang lang, FILE *out)
{
	struct nation_figures figures;
	char told[256];

	fprintf(out, "\n  %s\n", text_of(&text_nation, lang));
	if (!summary->nation->records) {
		fprintf(out, "  %s\n", text_of(&text_ended, lang));
		return;
	}
	for (enum nation_step step = NATION_READY; step < NATION_STEP_COUNT; step++) {
		nation_tell(summary->nation, step, lang, told, sizeof(told));
		fprintf(out, "%-2s%s: %s\n", summary->nation->records[step].good ? "" : "!",
			text_of(nation_step_title(step), lang), *told ? told : "-");
	}
	nation_figures(summary->nation, summary->clients, &figures);
	fprintf(out, "  %.1f %% %s (%llu), p50 %.2f ms, p99 %.1f ms\n", figures.clients.good_share * 100,
		text_of(&text_served, lang), (unsigned long long)figures.clients.count, figures.clients.p50_ms,
		figures.clients.p99_ms);
	if (!figures.good)
		fprintf(out, "! %s\n", text_of(&text_nation_bad, lang));
}

void summary_print(const struct summary *summary, enum luytre_lang lang, FILE *out)
{
	if (summary->floods)
		print_floods(summary, lang, out);
	if (summary->nation_part)
		print_nation(summary, lang, out);
}

static void write_clients(struct jsonw *json, const char *key, const struct clients_figures *figures)
{
	jsonw_kv_object_begin(json, key);
	jsonw_kv_u64(json, "count", figures->count);
	jsonw_kv_double(json, "good_share", figures->good_share);
	jsonw_kv_double(json, "p50_ms", figures->p50_ms);
	jsonw_kv_double(json, "p99_ms", figures->p99_ms);
	jsonw_object_end(json);
}

static void write_phase(struct jsonw *json, const struct scenario_phase *phase, const struct scenario_record *record,
	const struct scenario_figures *figures)
{
	jsonw_object_begin(json);
	jsonw_kv_string(json, "name", phase->name);
	jsonw_kv_string(json, "catalogue", phase->catalogue);
	jsonw_kv_bool(json, "attack", phase->rate_pps != 0);
	jsonw_kv_bool(json, "enforce", phase->enforce);
	jsonw_kv_double(json, "seconds", figures->seconds);
	jsonw_kv_double(json, "arrived_pps", figures->arrived_pps);
	jsonw_kv_double(json, "arrived_bps", figures->arrived_bps);
	jsonw_kv_double(json, "dropped_share", figures->dropped_share);
	jsonw_kv_double(json, "attack_dropped_share", figures->attack_dropped_share);
	jsonw_kv_double(json, "filter_s", figures->filter_s);
	write_clients(json, "clients", &figures->clients);
	write_clients(json, "clients_filtered", &figures->clients_filtered);
	write_clients(json, "clients_translated", &figures->clients_translated);
	jsonw_kv_object_begin(json, "reasons");
	for (int i = 0; i < SHIELD_REASON_COUNT; i++)
		if (scenario_reason_packets(record, (enum shield_reason)i))
			jsonw_kv_u64(json, shield_reason_name((enum shield_reason)i),
				scenario_reason_packets(record, (enum shield_reason)i));
	jsonw_object_end(json);
	jsonw_kv_array_begin(json, "expected");
	for (size_t i = 0; phase->expect[i]; i++)
		jsonw_string(json, phase->expect[i]);
	jsonw_array_end(json);
	jsonw_kv_bool(json, "good", figures->good);
	jsonw_object_end(json);
}

static void write_floods(struct jsonw *json, const struct summary *summary)
{
	struct scenario_figures figures;

	jsonw_kv_double(json, "peace_pps", summary->scenario->peace_pps);
	jsonw_kv_array_begin(json, "phases");
	for (size_t i = 0; i < scenario_count() && scenario_figures(summary->scenario, i, summary->clients, &figures);
		i++)
		write_phase(json, scenario_phase(i), &summary->scenario->records[i], &figures);
	jsonw_array_end(json);
}

static void write_step(struct jsonw *json, enum nation_step step, const struct nation_record *record)
{
	jsonw_object_begin(json);
	jsonw_kv_string(json, "name", nation_step_name(step));
	jsonw_kv_bool(json, "good", record->good);
	jsonw_kv_double(json, "seconds", (double)(record->end_ns - record->start_ns) / 1e9);
	jsonw_kv_u64(json, "count", record->count);
	jsonw_kv_u64(json, "of", record->of);
	jsonw_kv_array_begin(json, "ms");
	for (unsigned int i = 0; i < (step == NATION_EXPLOIT ? record->of : 1); i++)
		jsonw_double(json, record->ms[i]);
	jsonw_array_end(json);
	jsonw_object_end(json);
}

static void write_nation(struct jsonw *json, const struct summary *summary)
{
	struct nation_figures figures;

	jsonw_kv_object_begin(json, "nation");
	if (summary->nation->records) {
		nation_figures(summary->nation, summary->clients, &figures);
		jsonw_kv_u64(json, "tenants", LAB_SITE_COUNT);
		jsonw_kv_u64(json, "edges", LAB_EDGE_COUNT);
		jsonw_kv_double(json, "exploit_p50_ms", figures.p50_ms);
		jsonw_kv_double(json, "exploit_longest_ms", figures.longest_ms);
		jsonw_kv_array_begin(json, "steps");
		for (enum nation_step step = NATION_READY; step < NATION_STEP_COUNT; step++)
			write_step(json, step, &summary->nation->records[step]);
		jsonw_array_end(json);
		write_clients(json, "clients", &figures.clients);
	}
	jsonw_object_end(json);
}

int summary_print_json(const struct summary *summary, FILE *out)
{
	struct jsonw json;
	struct bytes text;
	int error;

	jsonw_init(&json, JSON_CEILING);
	jsonw_object_begin(&json);
	jsonw_kv_bool(&json, "good", summary_is_good(summary));
	if (summary->floods)
		write_floods(&json, summary);
	if (summary->nation_part)
		write_nation(&json, summary);
	jsonw_object_end(&json);
	error = jsonw_text(&json, &text);
	if (!error)
		fprintf(out, "%.*s\n", (int)text.size, (const char *)text.ptr);
	jsonw_done(&json);
	return error;
}
