// SPDX-License-Identifier: Apache-2.0
/* See view.h. */
#include "lab/view.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "shield/emulate.h"

enum {
	SCREEN_MS = 300,
	LINE_MS = 1000,
	RECENT_MS = 2000, /* what clients experienced lately */
	BAR_WIDTH = 10,
	REASON_ROWS = 5,
	ATTACK_ROWS = 4,
	ROWS_PER_ATTACK = 2,
	SPARK_STEP_MS = 500,
	SPARK_WIDTH = 24,
	NAME_WIDTH = 20,
	ROW_SIZE = 1024,
};

/* Colours of ECMA-48; "" on lines. */
#define PLAIN  "\033[0m"
#define BOLD   "\033[1m"
#define DIM    "\033[2m"
#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define CYAN   "\033[36m"

static const struct lab_text text_watching = { "watching only", "chỉ quan sát" };
static const struct lab_text text_filtering = { "filtering", "đang ngăn chặn" };
static const struct lab_text text_arrives = { "arrives", "đến" };
static const struct lab_text text_passes = { "passes", "cho qua" };
static const struct lab_text text_stopped = { "stopped", "chặn" };
static const struct lab_text text_why = { "Why packets are stopped, packets a second", "Vì sao chặn, số gói mỗi giây" };
static const struct lab_text text_why_shadow = { "What would be stopped, packets a second",
	"Lẽ ra sẽ chặn, số gói mỗi giây" };
static const struct lab_text text_attacks = { "Attacks that the shield sees", "Tấn công mà lá chắn thấy" };
static const struct lab_text text_none = { "none", "không có" };
static const struct lab_text text_clients = { "Clients experience", "Người dùng cảm nhận" };
static const struct lab_text text_good = { "success", " đạt  " };
static const struct lab_text text_pause = { "next", "tiếp theo" };
static const struct lab_text text_udp = { "UDP service", "Dịch vụ UDP" };
static const struct lab_text text_others = { "All 18 others", "18 tổ chức khác" };
static const struct lab_text text_hub = { "The hub: sources blocked", "Trung tâm: nguồn bị chặn" };
static const struct lab_text text_edges = { "edges up to date", "điểm biên đã cập nhật" };
static const struct lab_text text_console = { "Console", "Bảng điều khiển" };
static const struct lab_text text_keys = { "Ctrl-C ends the lab; everything is taken away in any case.",
	"Ctrl-C để dừng; mọi thứ luôn được dọn sạch." };

static const char *say(const struct view *view, const struct lab_text *text)
{
	return text_of(text, view->lang);
}

/* One row of the screen: cut at its width (escape sequences take none), cleared behind its end. */
PRINTF_LIKE(2, 3) static void row(struct view *view, const char *format, ...)
{
	char text[ROW_SIZE];
	size_t width = 0, at = 0;
	va_list args;

	if (view->rows == VIEW_ROWS)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	while (text[at]) {
		if (text[at] == '\033') {
			at += strcspn(text + at, "m");
			continue;
		}
		if (((unsigned char)text[at] & 0xc0) != 0x80 && width++ == VIEW_COLUMNS)
			break;
		at++;
	}
	fprintf(view->out, "%s%.*s" PLAIN "\033[K", view->rows ? "\r\n" : "", (int)at, text);
	view->rows++;
}

/* 'value' as a share of 'most' in one of eight heights. */
static const char *spark(double value, double most)
{
	static const char *const heights[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	int at = most > 0 ? (int)(value / most * 7.99) : 0;

	return heights[at < 0 ? 0 : at > 7 ? 7 : at];
}

static double most_of(const double *values, size_t count)
{
	double most = 0;

	for (size_t i = 0; i < count; i++)
		most = values[i] > most ? values[i] : most;
	return most;
}

static void sparks(const double *values, size_t count, double most, char *text, size_t size)
{
	size_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < count && used + 4 < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s", spark(values[i], most));
}

static const char *bar(double share, char *text, size_t size)
{
	int full = share > 0 ? (int)(share * BAR_WIDTH + 0.999) : 0;
	size_t used = 0;

	text[0] = 0;
	for (int i = 0; i < BAR_WIDTH && used + 4 < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s", i < full ? "█" : " ");
	return text;
}

/* printf pads by bytes; this pads by characters. */
static const char *padded(const char *text, size_t width, char *ret, size_t size)
{
	size_t used = text_cut(text, width), have = text_width(text);

	snprintf(ret, size, "%.*s%*s", (int)used, text, have < width ? (int)(width - have) : 0, "");
	return ret;
}

/* ---- what both forms show ---------------------------------------------------------------------------------------- */

struct top {
	enum shield_reason reason;
	uint64_t packets;
	bool shadow;
};

static int compare_top(const void *left, const void *right)
{
	const struct top *a = left, *b = right;

	return (a->packets < b->packets) - (a->packets > b->packets);
}

/* The reasons that stopped most since the last drawing, or would have. */
static size_t top_reasons(const struct view *view, const struct control_stats *stats, struct top ret[REASON_ROWS])
{
	struct top all[SHIELD_REASON_COUNT];
	size_t count = 0;

	for (int i = 0; i < SHIELD_REASON_COUNT; i++) {
		const struct control_reason *now = &stats->reasons[i], *before = &view->shown.reasons[i];
		uint64_t packets = now->packets - before->packets,
			 shadow = now->shadow_packets - before->shadow_packets;

		if (shield_reason_verdict((enum shield_reason)i) == SHIELD_PASS || !(packets + shadow))
			continue;
		all[count++] = (struct top){ (enum shield_reason)i, packets + shadow, shadow > packets };
	}
	qsort(all, count, sizeof(all[0]), compare_top);
	count = count < REASON_ROWS ? count : REASON_ROWS;
	memcpy(ret, all, count * sizeof(all[0]));
	return count;
}

struct rates {
	double seconds, arrived_pps, passed_pps, arrived_mbps, passed_mbps;
};

static struct rates rates_since(const struct view *view, const struct control_stats *stats)
{
	const struct control_stats *before = &view->shown;
	double seconds = (double)(stats->now_ns - before->now_ns) / 1e9;
	double per_s = seconds > 0 ? 1 / seconds : 0;

	return (struct rates){ seconds, (double)(stats->arrived_packets - before->arrived_packets) * per_s,
		(double)(stats->passed_packets - before->passed_packets) * per_s,
		(double)(stats->arrived_bytes - before->arrived_bytes) * 8e-6 * per_s,
		(double)(stats->passed_bytes - before->passed_bytes) * 8e-6 * per_s };
}

static struct clients_figures recent(const struct view *view, uint64_t now_ns, int kind, int site)
{
	struct clients_range range = { CLIENTS_BY_END, now_ns - RECENT_MS * NS_PER_MS, now_ns, kind, site,
		CLIENTS_ANY };
	struct clients_figures figures;

	clients_figures(view->clients, &range, &figures);
	return figures;
}

static double stopped_share(const struct rates *rates)
{
	return rates->arrived_pps > 0 ? 1 - rates->passed_pps / rates->arrived_pps : 0;
}

/* ---- the screen -------------------------------------------------------------------------------------------------- */

static bool plays_nation(const struct view *view)
{
	return scenario_is_over(view->scenario) && view->nation->records;
}

static void draw_head(struct view *view, uint64_t now_ns)
{
	const struct scenario *scenario = view->scenario;
	bool nation = plays_nation(view);
	size_t index = scenario_is_over(scenario) ? scenario_count() - 1 : scenario->index;
	const struct scenario_phase *phase = scenario_phase(index);
	const char *color = nation || phase->rate_pps == 0 ? GREEN : scenario->running ? RED : YELLOW;
	unsigned int elapsed_s = (unsigned int)((now_ns - view->begin_ns) / NS_PER_S);
	unsigned int total_s = (unsigned int)(view->length_ms / MS_PER_S);
	char title[160], clock[32];

	snprintf(clock, sizeof(clock), "%02u:%02u / %02u:%02u", elapsed_s / 60, elapsed_s % 60, total_s / 60,
		total_s % 60);
	index = nation ? scenario_count() + nation_current(view->nation) : index;
	row(view, BOLD CYAN " Lũy Tre" PLAIN "  lab  %2zu/%zu%*s%s", index + 1, scenario_count() + NATION_STEP_COUNT,
		42, "", clock);
	if (nation) {
		row(view, " %s" BOLD "%s", color, say(view, nation_step_title(nation_current(view->nation))));
		return;
	}
	snprintf(title, sizeof(title), "%s%s%s", scenario->running ? "" : say(view, &text_pause),
		scenario->running ? "" : ": ", say(view, &phase->title));
	row(view, " %s" BOLD "%s" PLAIN "%s%s  " DIM "%s", color, title, *phase->catalogue ? "  " : "",
		phase->catalogue, say(view, scenario->enforcing ? &text_filtering : &text_watching));
}

static void draw_rate(struct view *view, const struct lab_text *name, double pps, double mbps, const double *history)
{
	char label[32], count[UNITS_TEXT_SIZE], chart[VIEW_HISTORY * 4];

	/* Both rows on one scale. */
	sparks(history, VIEW_HISTORY, most_of(view->arrived_pps, VIEW_HISTORY), chart, sizeof(chart));
	row(view, " %s %7s pps %7.1f Mbit/s  " CYAN "%s", padded(say(view, name), 9, label, sizeof(label)),
		units_human_count((uint64_t)pps, count), mbps, chart);
}

static void draw_reasons(struct view *view, const struct control_stats *stats, double seconds)
{
	struct top top[REASON_ROWS];
	size_t count = top_reasons(view, stats, top);
	char chart[BAR_WIDTH * 4], number[UNITS_TEXT_SIZE];

	row(view, BOLD " %s", say(view, view->scenario->enforcing ? &text_why : &text_why_shadow));
	for (size_t i = 0; i < REASON_ROWS; i++) {
		if (i >= count) {
			row(view, "%s", "");
			continue;
		}
		row(view, "  %-19.19s %s%s" PLAIN " %6s  " DIM "%s", shield_reason_name(top[i].reason),
			top[i].shadow ? YELLOW : RED,
			bar((double)top[i].packets / (double)top[0].packets, chart, sizeof(chart)),
			units_human_count((uint64_t)((double)top[i].packets / seconds), number),
			shield_reason_text(top[i].reason, view->lang == LUYTRE_LANG_VI));
	}
}

/* Bytes of 'text' that fit on one row, up to the end of a word. */
static size_t wrapped(const char *text, size_t width)
{
	size_t cut = text_cut(text, width), at = cut;

	while (text[cut] && at > 0 && text[at] != ' ')
		at--;
	return at ? at : cut;
}

static void draw_attacks(struct view *view, const struct control_stats *stats)
{
	size_t used = 0;

	row(view, BOLD " %s", say(view, &text_attacks));
	for (size_t i = 0; i < stats->attack_count; i++) {
		const char *text = stats->attacks[i];

		for (size_t part = 0; part < ROWS_PER_ATTACK && *text && used < ATTACK_ROWS; part++, used++) {
			size_t size = wrapped(text, VIEW_COLUMNS - 4);

			row(view, "  %s%.*s", part ? "  " : "", (int)size, text);
			text += size + (text[size] == ' ');
		}
	}
	for (; used < ATTACK_ROWS; used++)
		row(view, "  %s", used ? "" : say(view, &text_none));
}

/* In place of reasons and attacks: each step and what came of it. */
static void draw_nation(struct view *view)
{
	struct control_hub hub = { 0 };

	if (control_read_hub(view->nation->topology->hub_control, &hub))
		row(view, "%s", "");
	else
		row(view, BOLD " %s %llu" PLAIN DIM "   %s %zu/%d", say(view, &text_hub), (unsigned long long)hub.block,
			say(view, &text_edges), hub.edges_current, LAB_EDGE_COUNT);
	for (enum nation_step step = NATION_READY; step < NATION_STEP_COUNT; step++) {
		const struct nation_record *record = &view->nation->records[step];
		int state = record->state;
		char told[256];

		nation_tell(view->nation, step, view->lang, told, sizeof(told));
		row(view, "  %s%s" PLAIN " %s%s",
			state != NATION_DONE ? YELLOW
			: record->good       ? GREEN
					     : RED,
			state == NATION_DONE      ? record->good ? "✓" : "✗"
			: state == NATION_RUNNING ? "▸"
						  : "·",
			state == NATION_WAITING ? DIM : "", say(view, nation_step_title(step)));
		row(view, DIM "    %s", told);
	}
}

/* How many were served, half a second a step. */
static void draw_client(struct view *view, const char *name, uint64_t now_ns, int kind, int site)
{
	struct clients_figures figures = recent(view, now_ns, kind, site);
	double served[SPARK_WIDTH];
	char label[48], chart[SPARK_WIDTH * 4];
	const char *color = figures.good_share >= 0.99 ? GREEN : figures.good_share >= 0.9 ? YELLOW : RED;

	for (int i = 0; i < SPARK_WIDTH; i++) {
		uint64_t to_ns = now_ns - (uint64_t)(SPARK_WIDTH - 1 - i) * SPARK_STEP_MS * NS_PER_MS;
		struct clients_range range = { CLIENTS_BY_END, to_ns - SPARK_STEP_MS * NS_PER_MS, to_ns, kind, site,
			CLIENTS_ANY };
		struct clients_figures step;

		clients_figures(view->clients, &range, &step);
		served[i] = (double)step.good_count;
	}
	sparks(served, SPARK_WIDTH, most_of(served, SPARK_WIDTH), chart, sizeof(chart));
	row(view, "  %s %s%5.1f %%" PLAIN " %8.2f %8.1f ms  %s%s", padded(name, NAME_WIDTH, label, sizeof(label)),
		color, figures.good_share * 100, figures.p50_ms, figures.p99_ms, color, chart);
}

static void draw_clients(struct view *view, uint64_t now_ns)
{
	char label[48];

	row(view, BOLD " %s" PLAIN DIM " %s      p50      p99",
		padded(say(view, &text_clients), NAME_WIDTH + 1, label, sizeof(label)), say(view, &text_good));
	for (int i = 0; i < LAB_FLOOD_SITES; i++)
		draw_client(view, say(view, &lab_sites[i].title), now_ns, TRAFFIC_HTTP, i);
	draw_client(view, say(view, &text_udp), now_ns, TRAFFIC_UDP, CLIENTS_ANY);
	draw_client(view, say(view, &text_others), now_ns, TRAFFIC_HTTP, CLIENTS_OTHERS);
}

static void draw_screen(struct view *view, const struct control_stats *stats)
{
	struct rates rates = rates_since(view, stats);
	char label[32];

	memmove(view->arrived_pps, view->arrived_pps + 1, sizeof(view->arrived_pps) - sizeof(double));
	memmove(view->passed_pps, view->passed_pps + 1, sizeof(view->passed_pps) - sizeof(double));
	view->arrived_pps[VIEW_HISTORY - 1] = rates.arrived_pps;
	view->passed_pps[VIEW_HISTORY - 1] = rates.passed_pps;
	view->rows = 0;
	fputs("\033[H", view->out);
	draw_head(view, stats->now_ns);
	row(view, "%s", "");
	draw_rate(view, &text_arrives, rates.arrived_pps, rates.arrived_mbps, view->arrived_pps);
	draw_rate(view, &text_passes, rates.passed_pps, rates.passed_mbps, view->passed_pps);
	row(view, " %s %6.1f %%", padded(say(view, &text_stopped), 9, label, sizeof(label)),
		stopped_share(&rates) * 100);
	if (plays_nation(view)) {
		draw_nation(view);
	} else {
		draw_reasons(view, stats, rates.seconds);
		draw_attacks(view, stats);
	}
	row(view, "%s", "");
	draw_clients(view, stats->now_ns);
	if (*view->console)
		row(view, " %s " CYAN "%s" PLAIN DIM "  Ctrl-C", say(view, &text_console), view->console);
	else
		row(view, DIM " %s", say(view, &text_keys));
	fputs("\033[J", view->out);
	fflush(view->out);
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static void print_line(struct view *view, const struct control_stats *stats)
{
	struct rates rates = rates_since(view, stats);
	bool nation = plays_nation(view);
	size_t index = scenario_is_over(view->scenario) ? scenario_count() - 1 : view->scenario->index;
	const char *name = view->scenario->running ? scenario_phase(index)->name : "-";
	struct clients_figures figures = recent(view, stats->now_ns, CLIENTS_ANY, CLIENTS_ANY);
	char arrived[UNITS_TEXT_SIZE], passed[UNITS_TEXT_SIZE];
	struct top top[REASON_ROWS];
	size_t count = top_reasons(view, stats, top);

	fprintf(view->out, "%3us %-16s %s %6s pps %6.1f Mbit/s, %s %6s, %s %5.1f %%, %s %5.1f %% p50 %.2f ms",
		(unsigned int)((stats->now_ns - view->begin_ns) / NS_PER_S),
		nation ? nation_step_name(nation_current(view->nation)) : name, say(view, &text_arrives),
		units_human_count((uint64_t)rates.arrived_pps, arrived), rates.arrived_mbps, say(view, &text_passes),
		units_human_count((uint64_t)rates.passed_pps, passed), say(view, &text_stopped),
		stopped_share(&rates) * 100, say(view, &text_good), figures.good_share * 100, figures.p50_ms);
	for (size_t i = 0; i < count && i < 3; i++)
		fprintf(view->out, "%s%s%s", i ? " " : "  [", shield_reason_name(top[i].reason),
			top[i].shadow ? "?" : "");
	fprintf(view->out, "%s\n", count ? "]" : "");
	fflush(view->out);
}

void view_open(struct view *view, const struct control_stats *stats)
{
	view->begin_ns = view->shown_ns = stats->now_ns;
	view->shown = *stats;
	if (view->screen)
		fputs("\033[?1049h\033[?25l\033[2J", view->out);
}

void view_update(struct view *view, const struct control_stats *stats)
{
	if (stats->now_ns - view->shown_ns < (view->screen ? SCREEN_MS : LINE_MS) * NS_PER_MS)
		return;
	if (view->screen)
		draw_screen(view, stats);
	else
		print_line(view, stats);
	view->shown_ns = stats->now_ns;
	view->shown = *stats;
}

void view_close(struct view *view)
{
	if (view->screen)
		fputs("\033[?25h\033[?1049l", view->out);
	view->screen = false;
	fflush(view->out);
}
