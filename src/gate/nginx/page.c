// SPDX-License-Identifier: Apache-2.0
/* What a client is told whose request or answer was stopped: that it was, and a name to ask for. Nothing about rules. */
#include "gate/nginx/module.h"

/* What a page says, by enum gate_page. */
static const struct saying {
	const char *word, *title_vi, *title_en, *text_vi, *text_en;
} sayings[] = {
	[GATE_PAGE_BLOCKED] = { "blocked", "Yêu cầu bị chặn", "Request blocked",
		"Hệ thống bảo vệ của trang đã chặn yêu cầu này. Nếu bạn cho rằng đây là nhầm lẫn, hãy liên hệ với quản "
		"trị "
		"viên của trang và gửi kèm mã sự kiện bên dưới.",
		"The protection of this site has stopped this request. If you think that this is a mistake, tell the "
		"site's administrator the event id below." },
	[GATE_PAGE_LIMITED] = { "limited", "Quá nhiều yêu cầu", "Too many requests",
		"Quá nhiều yêu cầu đến từ địa chỉ của bạn. Vui lòng đợi một lát rồi thử lại. Nếu vẫn không được, hãy "
		"liên hệ "
		"với quản trị viên của trang và gửi kèm mã sự kiện bên dưới.",
		"Too many requests have come from your address. Please wait a while and try again. If it does not "
		"help, tell "
		"the site's administrator the event id below." },
	[GATE_PAGE_CHALLENGED] = { "verification", "Cần xác minh", "Verification needed",
		"Trang đang bị dò mật khẩu hoặc dò dữ liệu, nên yêu cầu này chưa được nhận. Vui lòng thử lại sau, hoặc "
		"từ nơi "
		"bạn vẫn thường đăng nhập. Tài khoản của bạn không bị khóa.",
		"Somebody is guessing passwords or data of this site, so this request was not taken. Please try again "
		"later, "
		"or from where you usually log in. Your account is not locked." },
	[GATE_PAGE_WITHHELD] = { "withheld", "Nội dung được giữ lại", "Answer withheld",
		"Câu trả lời chứa quá nhiều dữ liệu cá nhân nên đã được giữ lại. Nếu công việc của bạn cần đến dữ liệu "
		"này, "
		"hãy liên hệ với quản trị viên của trang và gửi kèm mã sự kiện bên dưới.",
		"The answer holds too many people's personal data and was withheld. If your work needs it, tell the "
		"site's "
		"administrator the event id below." },
};

#define HTML                                                                                                           \
	"<!DOCTYPE html>\n<html lang=\"vi\">\n<head>\n<meta charset=\"utf-8\">\n"                                      \
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"                                   \
	"<meta name=\"robots\" content=\"noindex\">\n<title>%s · %s</title>\n"                                        \
	"<style>body{font:16px/1.6 system-ui,sans-serif;max-width:36em;margin:12vh auto;padding:0 1em;color:#222}"     \
	"code{background:#f0f0f0;padding:.15em .4em;overflow-wrap:anywhere}</style>\n</head>\n<body>\n"                \
	"<h1>%s</h1>\n<p>%s</p>\n<h2 lang=\"en\">%s</h2>\n<p lang=\"en\">%s</p>\n"                                     \
	"<p>Mã sự kiện · <span lang=\"en\">Event id</span>: <code>%V</code></p>\n</body>\n</html>\n"
#define JSON "{\"error\":\"%s\",\"message\":{\"vi\":\"%s\",\"en\":\"%s\"},\"id\":\"%V\"}\n"

enum { PAGE_MAX = 4096 };

static bool contains(ngx_str_t text, char *wanted)
{
	return text.len != 0 && ngx_strlcasestrn(text.data, text.data + text.len, (u_char *)wanted, strlen(wanted) - 1);
}

static ngx_str_t accept_of(const ngx_http_request_t *r)
{
	static const ngx_str_t name = ngx_string("accept"), none = ngx_null_string;

	for (const ngx_list_part_t *part = &r->headers_in.headers.part; part; part = part->next) {
		const ngx_table_elt_t *headers = part->elts;

		for (ngx_uint_t i = 0; i < part->nelts; i++) {
			if (headers[i].key.len == name.len &&
				ngx_strncasecmp(headers[i].key.data, name.data, name.len) == 0)
				return headers[i].value;
		}
	}
	return none;
}

/* A browser names HTML; a program names JSON or sends it. */
bool gate_page_is_json(const ngx_http_request_t *r)
{
	ngx_str_t accept = accept_of(r);

	if (contains(accept, "text/html"))
		return false;
	return contains(accept, "json") ||
	       (r->headers_in.content_type && contains(r->headers_in.content_type->value, "json"));
}

/* The id is $request_id: hexadecimal digits. */
static ngx_buf_t *make_body(ngx_http_request_t *r, const struct saying *saying, bool json, ngx_str_t id)
{
	ngx_buf_t *buf = ngx_create_temp_buf(r->pool, PAGE_MAX);

	if (!buf)
		return NULL;
	if (json)
		buf->last =
			ngx_snprintf(buf->last, PAGE_MAX, JSON, saying->word, saying->text_vi, saying->text_en, &id);
	else
		buf->last = ngx_snprintf(buf->last, PAGE_MAX, HTML, saying->title_vi, saying->title_en,
			saying->title_vi, saying->text_vi, saying->title_en, saying->text_en, &id);
	buf->last_buf = 1;
	buf->last_in_chain = 1;
	return buf;
}

static ngx_table_elt_t *add_header(ngx_http_request_t *r, char *name, char *value)
{
	ngx_table_elt_t *header = ngx_list_push(&r->headers_out.headers);

	if (!header)
		return NULL;
	ngx_memzero(header, sizeof(*header));
	header->hash = 1;
	header->key = (ngx_str_t){ strlen(name), (u_char *)name };
	header->value = (ngx_str_t){ strlen(value), (u_char *)value };
	return header;
}

static ngx_int_t add_retry(ngx_http_request_t *r, ngx_uint_t retry_s)
{
	u_char *text = ngx_pnalloc(r->pool, NGX_INT_T_LEN + 1);

	if (!text)
		return NGX_ERROR;
	ngx_sprintf(text, "%ui%Z", retry_s);
	return add_header(r, "Retry-After", (char *)text) ? NGX_OK : NGX_ERROR;
}

static ngx_int_t set_headers(ngx_http_request_t *r, const struct gate_answer *answer, bool json, size_t size)
{
	static const ngx_str_t types[] = { ngx_string("text/html; charset=utf-8"), ngx_string("application/json") };

	r->err_status = 0;
	r->headers_out.status = answer->status;
	r->headers_out.content_type = types[json];
	r->headers_out.content_type_len = types[json].len;
	r->headers_out.content_type_lowcase = NULL;
	r->headers_out.content_length_n = (off_t)size;
	if (!add_header(r, "Cache-Control", "no-store"))
		return NGX_ERROR;
	if (answer->retry_s != 0 && add_retry(r, answer->retry_s) != NGX_OK)
		return NGX_ERROR;
	if (!answer->location)
		return NGX_OK;
	r->headers_out.location = add_header(r, "Location", (char *)(uintptr_t)answer->location);
	return r->headers_out.location ? NGX_OK : NGX_ERROR;
}

struct gate_answer gate_page_of(const struct gate_verdict *verdict)
{
	return (struct gate_answer){ .page = GATE_PAGE_BLOCKED,
		.status = verdict->status >= 300 ? verdict->status : NGX_HTTP_FORBIDDEN,
		.location = verdict->action == GATE_REDIRECT ? verdict->location : NULL };
}

ngx_int_t gate_page_send(struct gate_request *gate, const struct gate_answer *answer)
{
	ngx_http_request_t *r = gate->request;
	bool json = gate_page_is_json(r);
	ngx_chain_t out = { .buf = make_body(r, &sayings[answer->page], json, gate->id) };
	ngx_int_t result;

	if (!out.buf || set_headers(r, answer, json, (size_t)(out.buf->last - out.buf->pos)) != NGX_OK)
		return NGX_HTTP_INTERNAL_SERVER_ERROR;
	result = ngx_http_send_header(r);
	if (result == NGX_ERROR || result > NGX_OK || r->header_only)
		return result;
	return ngx_http_output_filter(r, &out);
}
