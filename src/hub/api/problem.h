// SPDX-License-Identifier: Apache-2.0
/* The list of problems: every answer of the API that is not success (RFC 9457, application/problem+json). The word is the
 * "type", for programs, and never changes; the title is for people. A new problem is one row. */
#pragma once

#include "base/compiler.h"
#include "base/error.h"

/* X(identifier, word, status, English title, Vietnamese title) */
#define API_PROBLEMS(X)                                                                                                \
	X(INVALID, "invalid-request", 400, "The request is not valid.", "Yêu cầu không hợp lệ.")                       \
	X(CURSOR, "invalid-cursor", 400, "The cursor belongs to another question.",                                    \
		"Con trỏ trang không thuộc truy vấn này.")                                                             \
	X(UNAUTHENTICATED, "unauthenticated", 401, "Log in first.", "Hãy đăng nhập trước.")                            \
	X(CREDENTIALS, "wrong-credentials", 401, "The name, password, code or token is wrong.",                        \
		"Tên, mật khẩu, mã hoặc khóa truy cập không đúng.")                                                    \
	X(SECOND_FACTOR, "second-factor-required", 401, "A one-time code is required.", "Cần mã xác thực một lần.")    \
	X(CSRF, "csrf", 403, "The header X-CSRF-Token is missing or wrong.", "Thiếu hoặc sai tiêu đề X-CSRF-Token.")   \
	X(FORBIDDEN, "forbidden", 403, "You may not do this.", "Bạn không có quyền làm việc này.")                     \
	X(NOT_FOUND, "not-found", 404, "There is no such object.", "Không tìm thấy đối tượng.")                        \
	X(METHOD, "method-not-allowed", 405, "This path does not know this method.",                                   \
		"Đường dẫn không hỗ trợ phương thức này.")                                                             \
	X(SLOW, "too-slow", 408, "The body came too slowly.", "Nội dung được gửi đến quá chậm.")                       \
	X(CONFLICT, "conflict", 409, "It contradicts the present state.", "Mâu thuẫn với trạng thái hiện tại.")        \
	X(EXISTS, "exists", 409, "It exists already.", "Đã tồn tại.")                                                  \
	X(OVERLAP, "asset-overlap", 409, "It overlaps with an asset of another system.",                               \
		"Trùng lấn với tài sản của hệ thống khác.")                                                            \
	X(IN_PROGRESS, "in-progress", 409, "The same request is being done.", "Yêu cầu này đang được thực hiện.")      \
	X(CHANGED, "changed", 412, "Somebody changed it meanwhile.", "Đối tượng đã bị người khác thay đổi.")           \
	X(TOO_LARGE, "too-large", 413, "The request is too large.", "Yêu cầu quá lớn.")                                \
	X(MEDIA, "media-type", 415, "The body has another media type than expected.",                                  \
		"Kiểu nội dung không được hỗ trợ.")                                                                    \
	X(KEY_REUSED, "idempotency-key-reused", 422, "The key was used for another request.",                          \
		"Khóa này đã dùng cho yêu cầu khác.")                                                                  \
	X(REVISION, "revision-required", 428, "The header If-Match is required.", "Cần tiêu đề If-Match.")             \
	X(TOO_MANY, "too-many-requests", 429, "Too many requests; wait a little.",                                     \
		"Quá nhiều yêu cầu; hãy đợi một lát.")                                                                 \
	X(INTERNAL, "internal", 500, "Something went wrong inside.", "Có lỗi bên trong hệ thống.")                     \
	X(UNSUPPORTED, "unsupported", 501, "This is not supported here.", "Không được hỗ trợ ở đây.")                  \
	X(OVERLOADED, "overloaded", 503, "The hub is busy; try again soon.", "Trung tâm đang bận; hãy thử lại sau.")   \
	X(TIMEOUT, "timeout", 504, "It took too long; narrow the question.",                                           \
		"Mất quá nhiều thời gian; hãy thu hẹp truy vấn.")                                                      \
	X(STORAGE, "storage-full", 507, "The storage is full.", "Bộ lưu trữ đã đầy.")

enum api_problem {
#define X(id, word, status, en, vi) API_PROBLEM_##id,
	API_PROBLEMS(X)
#undef X
		API_PROBLEM_COUNT
};

struct api_problem_row {
	const char *word;
	int status;
	const char *title[2]; /* by enum luytre_lang */
};

/* Constant, never null. */
const struct api_problem_row *api_problem_row(enum api_problem problem);

/* What an error of a library means to the caller. */
enum api_problem api_problem_of_error(int error);
