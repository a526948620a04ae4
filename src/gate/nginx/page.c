// SPDX-License-Identifier: Apache-2.0
/* What a client is told whose request or answer was stopped: that it was, and a name to ask for. Nothing about rules. */
#include "gate/nginx/module.h"

#define HTML_HEAD                                                                                                                                   \
	"<!DOCTYPE html>\n<html lang=\"vi\">\n<head>\n<meta charset=\"utf-8\">\n"                                                                   \
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"                                                                \
	"<meta name=\"robots\" content=\"noindex\">\n<title>Yêu cầu bị chặn · Request blocked</title>\n"                                    \
	"<style>body{font:16px/1.6 system-ui,sans-serif;max-width:36em;margin:12vh auto;padding:0 1em;color:#222}"                                  \
	"code{background:#f0f0f0;padding:.15em .4em;overflow-wrap:anywhere}</style>\n</head>\n<body>\n"                                             \
	"<h1>Yêu cầu bị chặn</h1>\n"                                                                                                         \
	"<p>Hệ thống bảo vệ của trang đã chặn yêu cầu này. Nếu bạn cho rằng đây là nhầm lẫn, hãy liên hệ với " \
	"quản trị viên của trang và gửi kèm mã sự kiện bên dưới.</p>\n"                                                         \
	"<h2 lang=\"en\">Request blocked</h2>\n"                                                                                                    \
	"<p lang=\"en\">The protection of this site has stopped this request. If you think that this is a mistake, "                                \
	"tell the site's administrator the event id below.</p>\n<p>Mã sự kiện · <span lang=\"en\">Event id</span>: "                          \
	"<code>"
#define HTML_TAIL "</code></p>\n</body>\n</html>\n"

#define JSON_HEAD                                                                                                      \
	"{\"error\":\"blocked\",\"message\":{\"vi\":\"Yêu cầu bị hệ thống bảo vệ chặn.\","              \
	"\"en\":\"The request was stopped by the protection of this site.\"},\"id\":\""
#define JSON_TAIL "\"}\n"

/* The rows of one kind of page. */
static const struct page {
	ngx_str_t type, head, tail;
} html = { ngx_string("text/html; charset=utf-8"), ngx_string(HTML_HEAD), ngx_string(HTML_TAIL) },
  json = { ngx_string("application/json"), ngx_string(JSON_HEAD), ngx_string(JSON_TAIL) };

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
static const struct page *choose(const ngx_http_request_t *r)
{
	ngx_str_t accept = accept_of(r);

	if (contains(accept, "text/html"))
		return &html;
	if (contains(accept, "json"))
		return &json;
	return r->headers_in.content_type && contains(r->headers_in.content_type->value, "json") ? &json : &html;
}

/* The id is $request_id: hexadecimal digits. */
static ngx_buf_t *make_body(ngx_http_request_t *r, const struct page *page, ngx_str_t id)
{
	ngx_buf_t *buf = ngx_create_temp_buf(r->pool, page->head.len + id.len + page->tail.len);

	if (!buf)
		return NULL;
	buf->last = ngx_cpymem(buf->last, page->head.data, page->head.len);
	buf->last = ngx_cpymem(buf->last, id.data, id.len);
	buf->last = ngx_cpymem(buf->last, page->tail.data, page->tail.len);
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

static ngx_int_t set_headers(struct gate_request *gate, const struct page *page, size_t size)
{
	const struct gate_verdict *verdict = gate_tx_verdict(gate->tx);
	ngx_http_request_t *r = gate->request;

	r->err_status = 0;
	r->headers_out.status = verdict->status >= 300 ? verdict->status : NGX_HTTP_FORBIDDEN;
	r->headers_out.content_type = page->type;
	r->headers_out.content_type_len = page->type.len;
	r->headers_out.content_type_lowcase = NULL;
	r->headers_out.content_length_n = (off_t)size;
	if (!add_header(r, "Cache-Control", "no-store"))
		return NGX_ERROR;
	if (verdict->action == GATE_REDIRECT && verdict->location) {
		r->headers_out.location = add_header(r, "Location", (char *)(uintptr_t)verdict->location);
		if (!r->headers_out.location)
			return NGX_ERROR;
	}
	return NGX_OK;
}

ngx_int_t gate_page_send(struct gate_request *gate)
{
	ngx_http_request_t *r = gate->request;
	const struct page *page = choose(r);
	ngx_chain_t out = { .buf = make_body(r, page, gate->id) };
	ngx_int_t result;

	if (!out.buf || set_headers(gate, page, (size_t)(out.buf->last - out.buf->pos)) != NGX_OK)
		return NGX_HTTP_INTERNAL_SERVER_ERROR;
	result = ngx_http_send_header(r);
	if (result == NGX_ERROR || result > NGX_OK || r->header_only)
		return result;
	return ngx_http_output_filter(r, &out);
}
