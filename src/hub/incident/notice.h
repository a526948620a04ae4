// SPDX-License-Identifier: Apache-2.0
/* Notices of an incident, as they are sent: in Vietnamese, with the content that the former rules ask at least (Decision 05/2017, items a to h; the texts
 * of 2026 name none), and the notice of a breach of personal data. What was not written yet stands as a dotted line. */
#pragma once

#include "hub/incident/incident.h"
#include "hub/report/report.h"

/* X(identifier, word, Vietnamese title) */
#define NOTICES(X)                                                                                                     \
	X(FIRST, "first", "THÔNG BÁO BAN ĐẦU VỀ SỰ CỐ AN NINH MẠNG")                                                   \
	X(PROGRESS, "progress", "BÁO CÁO DIỄN BIẾN SỰ CỐ AN NINH MẠNG")                                                \
	X(CLOSING, "closing", "BÁO CÁO KẾT THÚC XỬ LÝ SỰ CỐ AN NINH MẠNG")                                             \
	X(PERSONAL_DATA, "personal-data", "THÔNG BÁO VI PHẠM QUY ĐỊNH VỀ BẢO VỆ DỮ LIỆU CÁ NHÂN")

#define X(id, ...) NOTICE_##id,
enum notice_kind { NOTICES(X) NOTICE_COUNT };
#undef X
extern const char *const notice_words[NOTICE_COUNT];

/* LUYTRE_E_CONFLICT: a closing report of what is open, or a notice about personal data where none are concerned. Freed by the caller. */
MUST_CHECK int notice_report(
	const struct incident_call *call, const struct incident *incident, enum notice_kind kind, struct report **ret);
