// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hub/posture/hold.h"

struct sentence {
	char *text;
	size_t size, room;
};

PRINTF_LIKE(2, 3) static void put(struct sentence *sentence, const char *format, ...)
{
	va_list args;

	if (sentence->size >= sentence->room)
		return;
	va_start(args, format);
	sentence->size +=
		(size_t)vsnprintf(sentence->text + sentence->size, sentence->room - sentence->size, format, args);
	va_end(args);
}

/* As people of the language write a date, in UTC. */
static const char *day_of(int64_t time_us, enum luytre_lang lang, char text[16])
{
	time_t second = (time_t)(time_us / 1000000);
	struct tm parts;

	if (!gmtime_r(&second, &parts) || !strftime(text, 16, lang == LUYTRE_LANG_VI ? "%d/%m/%Y" : "%Y-%m-%d", &parts))
		text[0] = '\0';
	return text;
}

/* The four questions with the answers that were taken. */
static void put_questions(struct sentence *sentence, const struct finding *finding, bool vi)
{
	const struct {
		bool yes;
		const char *en[2], *vi[2];
	} rows[] = {
		{ finding->kev, { "not known to be exploited", "known to be exploited" },
			{ "chưa thấy bị khai thác", "đã bị khai thác trong thực tế" } },
		{ finding->exposed != FINDING_NO,
			{ "not exposed to the Internet", finding->exposed == FINDING_YES
								 ? "exposed to the Internet"
								 : "taken as exposed to the Internet" },
			{ "không lộ ra Internet",
				finding->exposed == FINDING_YES ? "lộ ra Internet" : "được coi là lộ ra Internet" } },
		{ finding->automatable, { "its use cannot be automated", "its use can be automated" },
			{ "không tự động hóa được", "tự động hóa được" } },
		{ finding->total, { "it gives a part of the system", "it gives the whole system" },
			{ "chiếm được một phần hệ thống", "chiếm được toàn bộ hệ thống" } },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		put(sentence, "%s%s", i ? ", " : "", (vi ? rows[i].vi : rows[i].en)[rows[i].yes]);
}

/* A hold lowers the risk and moves no date. */
static void put_hold(struct sentence *sentence, const char *rule, bool vi)
{
	size_t prefix = strlen(HOLD_SENSOR);
	bool sensor = strncmp(rule, HOLD_SENSOR, prefix) == 0;

	put(sentence, " ");
	if (sensor)
		put(sentence,
			vi ? "Đang được chặn ở biên bằng luật %s của cảm biến."
			   : "Held at the perimeter by rule %s of the sensor.",
			rule + prefix);
	else
		put(sentence,
			vi ? "Đang được chặn ở biên bằng luật %s của cổng web."
			   : "Held at the perimeter by rule %s of the gate.",
			rule);
}

const char *finding_explain(
	const struct finding *finding, uint32_t level, enum luytre_lang lang, char *text, size_t text_size)
{
	struct sentence sentence = { .text = text, .room = text_size };
	const struct clock_step_text *step = &clock_steps[finding->step];
	bool vi = lang == LUYTRE_LANG_VI, set = finding->set_us && finding->set_us == finding->due_us;
	char due[16], start[16];

	text[0] = '\0';
	day_of(finding->start_us, lang, start);
	if (set)
		put(&sentence,
			vi ? "Phải khắc phục trước %s, ngày do cơ quan có thẩm quyền ấn định (nếu không thì %s kể từ "
			     "%s): "
			   : "To be fixed by %s, a date set by an authority (else %s from %s): ",
			day_of(finding->due_us, lang, due), vi ? step->vi : step->en, start);
	else if (finding->due_us == CLOCK_NO_DATE_US)
		put(&sentence, vi ? "Không có ngày cụ thể, %s: " : "No date, %s: ", vi ? step->vi : step->en);
	else
		put(&sentence, vi ? "Phải khắc phục trước %s, %s kể từ %s: " : "To be fixed by %s, %s from %s: ",
			day_of(finding->due_us, lang, due), vi ? step->vi : step->en, start);
	put_questions(&sentence, finding, vi);
	if (level >= CLOCK_TIGHT_LEVEL)
		put(&sentence,
			vi ? "; hệ thống cấp độ %u nên rút ngắn một bậc" : "; one step less for a system of level %u",
			level);
	if (finding->forensic)
		put(&sentence, "%s", vi ? "; cần tìm dấu vết xâm nhập" : "; look for traces of a break-in too");
	put(&sentence, " (%s).", CLOCK_TREE);
	if (finding->held_us)
		put_hold(&sentence, finding->hold, vi);
	return text;
}
