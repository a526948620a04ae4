// SPDX-License-Identifier: Apache-2.0
/* Records of HTTP that went over the wire in the clear: headers of answers (where the sensor is told to write them), and the names of script
 * libraries. What only HTTPS shows is looked at by a probe (hub/posture/probe). RFC 9110, RFC 7617 (Basic), RFC 7034 (X-Frame-Options), CSP level 3. */
#include <stdio.h>

#include "base/ascii.h"
#include "hub/findings/cpe.h"
#include "hub/posture/evidence/look.h"

enum { VERSION_SIZE_MAX = 15 }; /* "4.17.21" and room; what is longer is no version */

/* Libraries that are served as NAME-VERSION.js, and below which version there is a weakness that somebody published. */
static const struct {
	const char *name, *from, *until, *cve;
} libraries[] = {
	{ "jquery", "1.2.0", "3.5.0", "CVE-2020-11022" },
	{ "jquery-ui", "1.0.0", "1.13.0", "CVE-2021-41184" },
	{ "bootstrap", "2.0.0", "3.4.1", "CVE-2019-8331" },
	{ "bootstrap", "4.0.0", "4.3.1", "CVE-2019-8331" },
	{ "angular", "1.0.0", "1.9.0", "CVE-2023-26116" },
	{ "lodash", "0.1.0", "4.17.21", "CVE-2021-23337" },
	{ "moment", "1.0.0", "2.29.4", "CVE-2022-31129" },
	{ "handlebars", "1.0.0", "4.7.7", "CVE-2021-23369" },
	{ "prototype", "1.0.0", "1.7.4", "CVE-2020-27511" },
	{ "ckeditor", "4.0.0", "4.22.0", "CVE-2023-28439" },
};

static struct bytes header(const json_t *http, const char *name)
{
	const json_t *headers = json_object_get(http, "response_headers"), *item;
	size_t i;

	json_array_foreach (headers, i, item)
		if (ascii_equal_nocase_str(look_text(item, "name"), name))
			return look_text(item, "value");
	return (struct bytes){ 0 };
}

/* All headers were written, not a chosen few: no choice for posture has these two in it. */
static bool headers_whole(const json_t *http)
{
	return header(http, "date").ptr && header(http, "content-type").ptr;
}

static bool is_page(const json_t *http)
{
	return look_number(http, "status") == 200 && look_has(look_text(http, "http_content_type"), "text/html");
}

static void look_headers(struct look *look, const json_t *http)
{
	struct bytes policy = header(http, "content-security-policy");

	if (!is_page(http) || !headers_whole(http))
		return;
	if (!look_has(header(http, "x-content-type-options"), "nosniff"))
		look_add(look, PERIMETER_HTTP_NOSNIFF, "a page without X-Content-Type-Options: nosniff");
	if (!policy.ptr)
		look_add(look, PERIMETER_HTTP_CSP, "a page without Content-Security-Policy");
	if (!header(http, "x-frame-options").ptr && !look_has(policy, "frame-ancestors"))
		look_add(look, PERIMETER_HTTP_FRAME, "a page with neither X-Frame-Options nor frame-ancestors");
}

static bool has_digit(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (ascii_is_digit(text.ptr[i]))
			return true;
	return false;
}

static void look_banner(struct look *look, const json_t *http, const char *name)
{
	struct bytes value = header(http, name);
	int size = (int)(value.size < 160 ? value.size : 160);

	if (!has_digit(value))
		return;
	look_add(look, PERIMETER_HTTP_BANNER, "%s: %.*s", name, size, (const char *)value.ptr);
	look_software(look, value);
}

/* "/a/jquery-1.12.4.min.js?x" -> "jquery", "1.12.4". Or "/jquery/1.12.4/jquery.min.js", as content networks have it. */
static bool split_library(struct bytes url, struct bytes *ret_name, struct bytes *ret_version)
{
	struct bytes file = bytes_first(url, bytes_index(url, '?'));
	size_t start = 0, mark, size = 0;

	for (size_t i = 0; i < file.size; i++)
		start = file.ptr[i] == '/' ? i + 1 : start;
	file = bytes_skip(file, start);
	for (mark = 0; mark + 1 < file.size; mark++)
		if ((file.ptr[mark] == '-' || file.ptr[mark] == '.') && ascii_is_digit(file.ptr[mark + 1]))
			break;
	*ret_name = bytes_first(file, mark);
	*ret_version = bytes_skip(file, mark + 1);
	while (size < ret_version->size && size <= VERSION_SIZE_MAX &&
		(ascii_is_digit(ret_version->ptr[size]) || ret_version->ptr[size] == '.'))
		size++;
	while (size > 0 && ret_version->ptr[size - 1] == '.')
		size--;
	*ret_version = bytes_first(*ret_version, size);
	return size > 0 && size <= VERSION_SIZE_MAX && ret_name->size > 0;
}

static void look_library(struct look *look, const json_t *http)
{
	struct bytes name, version;
	struct look_found *found;

	/* An application that answers every path with a page has no library. */
	if (look_number(http, "status") != 200 || !look_has(look_text(http, "http_content_type"), "javascript") ||
		!split_library(look_text(http, "url"), &name, &version))
		return;
	for (size_t i = 0; i < ARRAY_COUNT(libraries); i++) {
		const struct version_range range = { .from = bytes_from_str(libraries[i].from),
			.until = bytes_from_str(libraries[i].until) };

		if (!ascii_equal_nocase_str(name, libraries[i].name) || !version_in(&range, version))
			continue;
		found = look_add(look, PERIMETER_LIBRARY, "%s %.*s is served (%s)", libraries[i].name,
			(int)version.size, (const char *)version.ptr, libraries[i].cve);
		/* One weakness for each library, whatever versions a visitor may ask for: that is in the proof. */
		if (found)
			snprintf(found->path, sizeof(found->path), "/%s", libraries[i].name);
	}
}

void look_http(struct look *look)
{
	const json_t *http = json_object_get(look->root, "http");

	if (!look_number(http, "status"))
		return;
	look->answered = true;
	look_headers(look, http);
	look_banner(look, http, "server");
	look_banner(look, http, "x-powered-by");
	if (look_has(header(http, "www-authenticate"), "basic"))
		look_add(look, PERIMETER_HTTP_BASIC, "WWW-Authenticate: Basic over HTTP");
	look_library(look, http);
}
