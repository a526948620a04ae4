// SPDX-License-Identifier: Apache-2.0
/* The getters of buffers that HTTP/1 and HTTP/2 share; each protocol has its own table of them. */
#pragma once

#include "sensor/app/app.h"
#include "sensor/app/http1/tx.h"

#define HTTP_GETTERS(X)                                                                                                \
	X(method)                                                                                                      \
	X(uri)                                                                                                         \
	X(uri_raw)                                                                                                     \
	X(request_line)                                                                                                \
	X(response_line)                                                                                               \
	X(status_code)                                                                                                 \
	X(status_message)                                                                                              \
	X(protocol)                                                                                                    \
	X(host)                                                                                                        \
	X(host_raw)                                                                                                    \
	X(header_raw)                                                                                                  \
	X(cookie)                                                                                                      \
	X(user_agent)                                                                                                  \
	X(accept)                                                                                                      \
	X(accept_encoding)                                                                                             \
	X(accept_language)                                                                                             \
	X(referer)                                                                                                     \
	X(connection)                                                                                                  \
	X(content_type)                                                                                                \
	X(content_length)                                                                                              \
	X(location)                                                                                                    \
	X(server)                                                                                                      \
	X(headers)                                                                                                     \
	X(header_names)                                                                                                \
	X(start)                                                                                                       \
	X(one_header)                                                                                                  \
	X(body)                                                                                                        \
	X(file_data)

#define X(name)                                                                                                        \
	bool http_get_##name(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index,          \
		struct app_view *ret);
HTTP_GETTERS(X)
#undef X

/* Rows of struct app_buffer. */
#define HTTP_BUFFER_LINE                                                                                               \
	{                                                                                                              \
		HTTP_LINE, HTTP_LINE                                                                                   \
	}
#define HTTP_BUFFER_HEADERS                                                                                            \
	{                                                                                                              \
		HTTP_HEADERS, HTTP_HEADERS                                                                             \
	}
#define HTTP_BUFFER_BODY                                                                                               \
	{                                                                                                              \
		HTTP_BODY, HTTP_BODY                                                                                   \
	}
#define HTTP_BUFFER_ROWS                                                                                               \
	{ "http.method", NULL, "http_method", "M", DIR_TO_SERVER, HTTP_BUFFER_LINE, 0, http_get_method },              \
		{ "http.uri", NULL, "http_uri", "U", DIR_TO_SERVER, HTTP_BUFFER_LINE, 0, http_get_uri },               \
		{ "http.uri.raw", NULL, "http_raw_uri", "I", DIR_TO_SERVER, HTTP_BUFFER_LINE, 0, http_get_uri_raw },   \
		{ "http.request_line", "http_request_line", NULL, NULL, DIR_TO_SERVER, HTTP_BUFFER_LINE, 0,            \
			http_get_request_line },                                                                       \
		{ "http.response_line", "http_response_line", NULL, NULL, DIR_TO_CLIENT, HTTP_BUFFER_LINE, 0,          \
			http_get_response_line },                                                                      \
		{ "http.stat_code", NULL, "http_stat_code", "S", DIR_TO_CLIENT, HTTP_BUFFER_LINE, 0,                   \
			http_get_status_code },                                                                        \
		{ "http.stat_msg", NULL, "http_stat_msg", "Y", DIR_TO_CLIENT, HTTP_BUFFER_LINE, 0,                     \
			http_get_status_message },                                                                     \
		{ "http.protocol", "http_protocol", NULL, NULL, DIR_BOTH, HTTP_BUFFER_LINE, 0, http_get_protocol },    \
		{ "http.host", NULL, "http_host", "W", DIR_TO_SERVER, HTTP_BUFFER_HEADERS, APP_BUFFER_LOWERCASE,       \
			http_get_host },                                                                               \
		{ "http.host.raw", NULL, "http_raw_host", "Z", DIR_TO_SERVER, HTTP_BUFFER_HEADERS, 0,                  \
			http_get_host_raw },                                                                           \
		{ "http.header", NULL, "http_header", "H", DIR_BOTH, HTTP_BUFFER_HEADERS, 0, http_get_headers },       \
		{ "http.header.raw", NULL, "http_raw_header", "D", DIR_BOTH, HTTP_BUFFER_HEADERS, 0,                   \
			http_get_header_raw },                                                                         \
		{ "http.header_names", "http_header_names", NULL, NULL, DIR_BOTH, HTTP_BUFFER_HEADERS, 0,              \
			http_get_header_names },                                                                       \
		{ "http.request_header", "http_request_header", NULL, NULL, DIR_TO_SERVER, HTTP_BUFFER_HEADERS,        \
			APP_BUFFER_MULTI, http_get_one_header },                                                       \
		{ "http.response_header", "http_response_header", NULL, NULL, DIR_TO_CLIENT, HTTP_BUFFER_HEADERS,      \
			APP_BUFFER_MULTI, http_get_one_header },                                                       \
		{ "http.start", "http_start", NULL, NULL, DIR_BOTH, HTTP_BUFFER_HEADERS, 0, http_get_start },          \
		{ "http.cookie", NULL, "http_cookie", "C", DIR_BOTH, HTTP_BUFFER_HEADERS, 0, http_get_cookie },        \
		{ "http.user_agent", NULL, "http_user_agent", "V", DIR_TO_SERVER, HTTP_BUFFER_HEADERS, 0,              \
			http_get_user_agent },                                                                         \
		{ "http.accept", "http_accept", NULL, NULL, DIR_TO_SERVER, HTTP_BUFFER_HEADERS, 0, http_get_accept },  \
		{ "http.accept_enc", "http_accept_enc", NULL, NULL, DIR_TO_SERVER, HTTP_BUFFER_HEADERS, 0,             \
			http_get_accept_encoding },                                                                    \
		{ "http.accept_lang", "http_accept_lang", NULL, NULL, DIR_TO_SERVER, HTTP_BUFFER_HEADERS, 0,           \
			http_get_accept_language },                                                                    \
		{ "http.referer", "http_referer", NULL, NULL, DIR_TO_SERVER, HTTP_BUFFER_HEADERS, 0,                   \
			http_get_referer },                                                                            \
		{ "http.connection", "http_connection", NULL, NULL, DIR_BOTH, HTTP_BUFFER_HEADERS, 0,                  \
			http_get_connection },                                                                         \
		{ "http.content_type", "http_content_type", NULL, NULL, DIR_BOTH, HTTP_BUFFER_HEADERS, 0,              \
			http_get_content_type },                                                                       \
		{ "http.content_len", "http_content_len", NULL, NULL, DIR_BOTH, HTTP_BUFFER_HEADERS, 0,                \
			http_get_content_length },                                                                     \
		{ "http.location", "http_location", NULL, NULL, DIR_TO_CLIENT, HTTP_BUFFER_HEADERS, 0,                 \
			http_get_location },                                                                           \
		{ "http.server", "http_server", NULL, NULL, DIR_TO_CLIENT, HTTP_BUFFER_HEADERS, 0, http_get_server },  \
		{ "http.request_body", NULL, "http_client_body", "P", DIR_TO_SERVER, HTTP_BUFFER_BODY,                 \
			APP_BUFFER_STREAMING | APP_BUFFER_APPENDED, http_get_body },                                   \
		{ "http.response_body", NULL, NULL, NULL, DIR_TO_CLIENT, HTTP_BUFFER_BODY,                             \
			APP_BUFFER_STREAMING | APP_BUFFER_APPENDED | APP_BUFFER_IN_FILE_DATA, http_get_body },         \
	{                                                                                                              \
		"file.data", "file_data", "http_server_body", "Q", DIR_BOTH, HTTP_BUFFER_BODY,                         \
			APP_BUFFER_STREAMING | APP_BUFFER_MULTI | APP_BUFFER_APPENDED, http_get_file_data              \
	}
