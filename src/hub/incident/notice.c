// SPDX-License-Identifier: Apache-2.0
#include "hub/incident/notice.h"

#include <stdio.h>
#include <string.h>

#include "hub/incident/internal.h"
#include "hub/incident/moment.h"

#define X(id, word, title) word,
const char *const notice_words[NOTICE_COUNT] = { NOTICES(X) };
#undef X
#define X(id, word, title) title,
static const char *const titles[NOTICE_COUNT] = { NOTICES(X) };
#undef X

struct notice {
	const struct incident_call *call;
	const struct incident *incident;
	struct report *report;
	struct tenant tenant;
	struct tenant_system system;
};

static int read_place(struct notice *notice)
{
	const struct tenants_call call = { .db = notice->call->db, .scope = notice->call->scope };
	int error = tenant_get(&call, notice->incident->tenant, &notice->tenant);

	if (!error && notice->incident->system)
		error = tenant_system_get(&call, notice->incident->system, &notice->system);
	/* The system may have gone since. */
	return error == LUYTRE_E_NOT_FOUND && notice->tenant.id == notice->incident->tenant ? 0 : error;
}

static const char *either(const char *first, const char *second)
{
	return first[0] ? first : second;
}

/* Who gets it, by the law that was in force when the incident was found; "": nobody is named. */
static const char *to_of(const struct notice *notice, const char *id)
{
	const char *const *clock = law_clock(notice->call->law, id, notice->incident->found_us);

	if (!clock) /* of the former law */
		clock = law_clock(notice->call->law, "inc-5d", notice->incident->found_us);
	return clock && clock[CLOCK_TO_VI] ? clock[CLOCK_TO_VI] : "";
}

static void write_head(const struct notice *notice, enum notice_kind kind)
{
	char text[128], time[INCIDENT_TIME_SIZE];
	const char *to = kind == NOTICE_PERSONAL_DATA ? to_of(notice, "pd-72h") : to_of(notice, "inc-72h");

	report_heading(notice->report, REPORT_MOTTO, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM");
	report_heading(notice->report, REPORT_MOTTO, "Độc lập - Tự do - Hạnh phúc");
	report_name(notice->report, titles[kind]);
	report_heading(notice->report, REPORT_TITLE, titles[kind]);
	if (kind == NOTICE_PERSONAL_DATA)
		report_heading(notice->report, REPORT_SUBTITLE, "Mẫu số 08 - Nghị định số 356/2025/NĐ-CP");
	snprintf(text, sizeof(text), "Sự cố số %u; lập lúc %s", notice->incident->id,
		incident_time_text(notice->call->origin->now_us, time));
	report_heading(notice->report, REPORT_SUBTITLE, text);
	report_field(notice->report, "Kính gửi", to);
}

/* a: who, what, since when. */
static void write_subject(const struct notice *notice)
{
	const struct incident *incident = notice->incident;
	char text[96], time[INCIDENT_TIME_SIZE];

	report_heading(notice->report, REPORT_SECTION, "a) Tổ chức, hệ thống và thời điểm phát hiện");
	report_field(notice->report, "Chủ quản hệ thống thông tin", either(notice->system.owner, notice->tenant.name));
	report_field(notice->report, "Đơn vị vận hành", either(notice->system.operator_, notice->tenant.name));
	report_field(notice->report, "Hệ thống bị sự cố", either(notice->system.name, incident->system_name));
	snprintf(text, sizeof(text), "%u", incident->level);
	if (incident->level && incident->register_level && incident->register_level != incident->level)
		snprintf(text, sizeof(text), "%u (khi ghi nhận sự cố; sổ đăng ký hiện ghi %u)", incident->level,
			incident->register_level);
	report_field(notice->report, "Cấp độ", incident->level ? text : "");
	report_field(
		notice->report, "Thời điểm phát hiện (giờ Việt Nam)", incident_time_text(incident->found_us, time));
	report_heading(notice->report, REPORT_SECTION, "b) Đầu mối liên hệ (họ tên, chức vụ, điện thoại, thư điện tử)");
	report_field(notice->report, "Đầu mối",
		either(incident->contact, either(notice->system.contact, notice->tenant.contact)));
}

/* c: what it is. */
static void write_nature(const struct notice *notice)
{
	const struct incident *incident = notice->incident;
	char traits[1024] = "";

	for (unsigned int i = 0; i < INCIDENT_TRAIT_COUNT; i++)
		if (incident->traits >> i & 1)
			snprintf(traits + strlen(traits), sizeof(traits) - strlen(traits), "%s%s",
				traits[0] ? "; " : "", incident_traits[i].vi);
	report_heading(notice->report, REPORT_SECTION, "c) Mô tả sự cố");
	report_field(notice->report, "Tên sự cố", incident->title);
	report_field(notice->report, "Loại sự cố", incident_kinds[incident->kind].vi);
	report_field(notice->report, "Sự cố nghiêm trọng", incident->serious ? "Có" : "Không");
	report_field(notice->report, "Đặc điểm", traits);
	report_field(notice->report, "Dấu hiệu, hiện tượng", incident->signs);
	report_field(notice->report, "Phạm vi, mức độ ảnh hưởng, thiệt hại ban đầu", incident->impact);
}

static void write_rest(const struct notice *notice, enum notice_kind kind)
{
	const struct incident *incident = notice->incident;
	const struct {
		const char *title, *text;
	} parts[] = {
		{ "d) Đơn vị cung cấp hạ tầng, dịch vụ", incident->provider },
		{ "đ) Biện pháp đã và dự kiến thực hiện", incident->measures },
		{ "e) Tổ chức hỗ trợ và kết quả phối hợp", incident->support },
		{ kind == NOTICE_FIRST ? "g) Kết quả xử lý ban đầu" : "g) Kết quả xử lý", incident->results },
		{ "h) Đề xuất, kiến nghị", incident->proposals },
	};

	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		report_heading(notice->report, REPORT_SECTION, parts[i].title);
		report_field(notice->report, "Nội dung", parts[i].text);
	}
	if (kind == NOTICE_FIRST)
		return;
	report_heading(notice->report, REPORT_SECTION, "i) Nguyên nhân");
	report_field(notice->report, "Nội dung", incident->cause);
}

static void write_personal(const struct notice *notice)
{
	const struct incident *incident = notice->incident;

	report_heading(notice->report, REPORT_SECTION, "d) Dữ liệu cá nhân bị ảnh hưởng");
	report_field(notice->report, "Loại dữ liệu và số người", incident->people);
	report_field(notice->report, "Dữ liệu vị trí, sinh trắc học, tài chính nhạy cảm",
		incident->traits & INCIDENT_IS_SENSITIVE ? "Có - phải thông báo cho chủ thể dữ liệu" : "Không");
	report_heading(notice->report, REPORT_SECTION, "đ) Nguyên nhân, hậu quả và biện pháp");
	report_field(notice->report, "Nguyên nhân", incident->cause);
	report_field(notice->report, "Biện pháp khắc phục", incident->measures);
	report_field(notice->report, "Kết quả", incident->results);
	report_field(notice->report, "Đề xuất, kiến nghị", incident->proposals);
}

/* What was sent when: the record of the procedure. */
static int write_duty(void *context, const struct duty *duty)
{
	struct notice *notice = context;
	char label[160], text[INCIDENT_PERSON_SIZE + 128], due[INCIDENT_TIME_SIZE], done[INCIDENT_TIME_SIZE];
	const char *stage = duty_stages[duty->stage].vi;

	incident_time_text(duty->due_us, due);
	snprintf(label, sizeof(label), "%s%s%s", duty_words(notice->call->law, duty->clock, duty->law_from).vi,
		stage[0] ? ", " : "", stage);
	if (duty->state == DUTY_DONE)
		snprintf(text, sizeof(text), "hạn %s; đã thực hiện %s (%s)", due,
			incident_time_text(duty->done_us, done), duty->done_by);
	else
		snprintf(text, sizeof(text), "hạn %s; %s", due,
			duty_overdue(duty, notice->call->origin->now_us) ? "QUÁ HẠN" : "chưa thực hiện");
	report_field(notice->report, label, text);
	return 0;
}

static int write_end(struct notice *notice)
{
	const struct duty_filter filter = { .incident = notice->incident->id, .limit = 100 };
	char time[INCIDENT_TIME_SIZE];
	int error;

	report_heading(notice->report, REPORT_SECTION, "Thời hạn theo luật");
	error = duty_each(notice->call, &filter, write_duty, notice);
	if (notice->incident->closed_us)
		report_field(notice->report, "Kết thúc xử lý", incident_time_text(notice->incident->closed_us, time));
	report_field(notice->report, "Người lập", notice->call->name);
	report_field(notice->report, "Người phê duyệt (ký, ghi rõ họ tên)", "");
	return error;
}

int notice_report(
	const struct incident_call *call, const struct incident *incident, enum notice_kind kind, struct report **ret)
{
	struct notice notice = { .call = call, .incident = incident };
	int error;

	if ((kind == NOTICE_CLOSING && !incident->closed_us) ||
		(kind == NOTICE_PERSONAL_DATA && !(incident->traits & (INCIDENT_IS_PERSONAL | INCIDENT_IS_SENSITIVE))))
		return LUYTRE_E_CONFLICT;
	error = read_place(&notice);
	if (!error)
		error = report_new(false, &notice.report);
	if (error)
		return error;
	write_head(&notice, kind);
	write_subject(&notice);
	write_nature(&notice);
	if (kind == NOTICE_PERSONAL_DATA)
		write_personal(&notice);
	else
		write_rest(&notice, kind);
	error = write_end(&notice);
	if (error) {
		report_free(notice.report);
		return error;
	}
	*ret = notice.report;
	return 0;
}
