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
static const struct lab_text text_note = {
	"dropped: share of all packets. clients: those of the attacked organisation that got their page\n"
	"  or answer within 2 s, and the time until they were connected. filter: from first sign to filter.",
	"chặn: trên tổng số gói. dùng: người dùng của tổ chức bị tấn công nhận được trang hoặc trả lời\n"
	"  trong 2 s, và thời gian kết nối. lọc: từ dấu hiệu đầu tiên đến khi lọc được.",
};

bool summary_is_good(const struct scenario *scenario, const struct clients *clients)
{
	struct scenario_figures figures;

	for (size_t i = 0; i < scenario_count(); i++)
		if (!scenario_figures(scenario, i, clients, &figures) || !figures.good)
			return false;
	return true;
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

void summary_print(const struct scenario *scenario, const struct clients *clients, enum luytre_lang lang, FILE *out)
{
	const char *head = text_of(&text_summary, lang);
	struct scenario_figures figures;
	size_t done = 0;

	fprintf(out, "\n  %s%*s%s\n", head, (int)(TITLE_WIDTH - text_width(head)), "", text_of(&text_heads, lang));
	while (done < scenario_count() && scenario_figures(scenario, done, clients, &figures))
		print_row(scenario_phase(done++), &figures, lang, out);
	fprintf(out, "\n  %s\n", text_of(&text_note, lang));
	for (size_t i = 0; i < done; i++)
		if (scenario_figures(scenario, i, clients, &figures) && !figures.good)
			print_complaint(scenario_phase(i), &figures, lang, out);
	if (done < scenario_count())
		fprintf(out, "  %s\n", text_of(&text_ended, lang));
	else if (summary_is_good(scenario, clients))
		fprintf(out, "  %s\n", text_of(&text_good, lang));
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

int summary_print_json(const struct scenario *scenario, const struct clients *clients, FILE *out)
{
	struct scenario_figures figures;
	struct jsonw json;
	struct bytes text;
	int error;

	jsonw_init(&json, JSON_CEILING);
	jsonw_object_begin(&json);
	jsonw_kv_bool(&json, "good", summary_is_good(scenario, clients));
	jsonw_kv_double(&json, "peace_pps", scenario->peace_pps);
	jsonw_kv_array_begin(&json, "phases");
	for (size_t i = 0; i < scenario_count() && scenario_figures(scenario, i, clients, &figures); i++)
		write_phase(&json, scenario_phase(i), &scenario->records[i], &figures);
	jsonw_array_end(&json);
	jsonw_object_end(&json);
	error = jsonw_text(&json, &text);
	if (!error)
		fprintf(out, "%.*s\n", (int)text.size, (const char *)text.ptr);
	jsonw_done(&json);
	return error;
}
