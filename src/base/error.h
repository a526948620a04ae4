// SPDX-License-Identifier: Apache-2.0
/* The error codes of the whole project, with their names and sentences.
 *
 * Functions that can fail return 0 or one of these (all negative). The list below is the only place that names
 * an error: the enum, the names in control replies and JSON, and the sentences in English and Vietnamese all
 * come from it. Numbers are part of the control protocol: never reused or changed, only added at the end.
 * Every function here may be called from any thread; the strings are constant. */
#pragma once

#include "base/compiler.h"

/* X(identifier, number, name, English sentence, Vietnamese sentence) */
#define LUYTRE_ERRORS(X)                                                                                               \
	X(NOMEM, 1, "no-memory", "There is not enough memory.", "Không đủ bộ nhớ.")                                    \
	X(INVALID, 2, "invalid", "The value or the call is not valid.", "Giá trị hoặc lời gọi không hợp lệ.")          \
	X(NOT_FOUND, 3, "not-found", "There is no such object.", "Không tìm thấy đối tượng.")                          \
	X(EXISTS, 4, "exists", "The object exists already.", "Đối tượng đã tồn tại.")                                  \
	X(FULL, 5, "full", "The ceiling of the table or the buffer is reached.",                                       \
		"Đã chạm mức trần của bảng hoặc bộ đệm.")                                                              \
	X(IO, 6, "io", "Reading or writing failed.", "Đọc hoặc ghi thất bại.")                                         \
	X(SYNTAX, 7, "syntax", "The text does not have the expected form.", "Văn bản không đúng dạng mong đợi.")       \
	X(RANGE, 8, "range", "The value is outside its bounds.", "Giá trị nằm ngoài giới hạn.")                        \
	X(PERMISSION, 9, "permission", "The permission is missing.", "Thiếu quyền thực hiện.")                         \
	X(UNSUPPORTED, 10, "unsupported", "This is not supported here.", "Không được hỗ trợ ở đây.")                   \
	X(TRUNCATED, 11, "truncated", "The input ends too early.", "Dữ liệu vào kết thúc quá sớm.")                    \
	X(BUSY, 12, "busy", "It is in use; try again later.", "Đang bận; hãy thử lại sau.")                            \
	X(TIMEOUT, 13, "timeout", "It took longer than allowed.", "Quá thời gian cho phép.")                           \
	X(CONFLICT, 14, "conflict", "It contradicts something else that is set.", "Mâu thuẫn với thiết lập khác.")     \
	X(SYSTEM, 15, "system", "The operating system refused a call.", "Hệ điều hành từ chối lời gọi.")               \
	X(UNIT, 16, "unit", "The unit behind the number is missing or unknown.",                                       \
		"Thiếu đơn vị sau con số hoặc đơn vị không xác định.")                                                 \
	X(HOST_BITS, 17, "host-bits", "The prefix has bits set behind its length.",                                    \
		"Tiền tố có bit được đặt phía sau độ dài của nó.")                                                     \
	X(CLOSED, 18, "closed", "The other side closed the connection.", "Phía bên kia đã đóng kết nối.")              \
	X(VERSION, 19, "version", "The version is not one this program knows.",                                        \
		"Chương trình không biết phiên bản này.")                                                              \
	X(CORRUPT, 20, "corrupt", "The stored data is damaged.", "Dữ liệu lưu trữ bị hỏng.")

enum luytre_error {
	LUYTRE_OK = 0,
#define X(id, number, name, en, vi) LUYTRE_E_##id = -(number),
	LUYTRE_ERRORS(X)
#undef X
};

enum luytre_lang { LUYTRE_LANG_EN, LUYTRE_LANG_VI };

/* "not-found" for LUYTRE_E_NOT_FOUND, "ok" for 0, "unknown" for what is not in the list. */
const char *error_name(int error);

/* One whole sentence in UTF-8; never null. */
const char *error_text(int error, enum luytre_lang lang);

/* The code for an errno of the system: LUYTRE_E_SYSTEM when no other fits. 'system_errno' is positive, as errno is. */
int error_from_errno(int system_errno);
