// SPDX-License-Identifier: Apache-2.0
/* Reports of OpenVAS and Greenbone: a report in a report with results, alone or wrapped in the answer of the
 * protocol. Results of the threat "Log" say what is there without anything being wrong; those that somebody marked
 * as false, and errors of the scanner, are not taken. */
#include <string.h>

#include "base/ascii.h"
#include "hub/findings/importers.h"
#include "hub/findings/state.h"

enum { CVES_SIZE = 4096 };

struct openvas {
	struct xml_state state;
	uint64_t position;
	struct bytes host, hostname, port, threat, score, name, nvt_name, tags, description;
	struct bytes base_vector;
	struct record record;
	char cves[CVES_SIZE];
	size_t cves_size;
};

static void add_cves(struct openvas *openvas, struct bytes text)
{
	if (text.size + 1 > sizeof(openvas->cves) - openvas->cves_size)
		return;
	if (text.size)
		memcpy(openvas->cves + openvas->cves_size, text.ptr, text.size);
	openvas->cves_size += text.size;
	openvas->cves[openvas->cves_size++] = ' ';
}

/* ---- One result ---- */

static int begin_result(void *context, const struct xml_element *element)
{
	struct openvas *openvas = context;

	xml_forget(&openvas->state);
	memset((char *)openvas + sizeof(openvas->state), 0, sizeof(*openvas) - sizeof(openvas->state));
	openvas->position = element->position;
	return 0;
}

static int begin_nvt(void *context, const struct xml_element *element)
{
	struct openvas *openvas = context;

	openvas->record.rule = xml_keep_attribute(&openvas->state, element, "oid");
	return 0;
}

static int begin_ref(void *context, const struct xml_element *element)
{
	struct openvas *openvas = context;
	struct record *record = &openvas->record;
	struct bytes type = xml_attribute_of(element, "type"), id = xml_attribute_of(element, "id");

	if (ascii_equal_nocase_str(type, "cve"))
		add_cves(openvas, id);
	else if (ascii_equal_nocase_str(type, "url") && record->reference_count < RECORD_REFERENCES_MAX)
		record->references[record->reference_count++] = xml_keep(&openvas->state, id);
	return 0;
}

/* Members of the result whose text is kept as it is. */
static int end_text(void *context, const struct xml_element *element)
{
	struct openvas *openvas = context;
	const struct {
		const char *names;
		struct bytes *text;
	} texts[] = {
		{ "result/name", &openvas->name },
		{ "result/host", &openvas->host },
		{ "result/host/hostname", &openvas->hostname },
		{ "result/port", &openvas->port },
		{ "result/threat", &openvas->threat },
		{ "result/severity", &openvas->score },
		{ "result/description", &openvas->description },
		{ "nvt/name", &openvas->nvt_name },
		{ "nvt/tags", &openvas->tags },
		{ "severity/value", &openvas->base_vector },
	};

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		if (xml_path_ends(element, texts[i].names))
			*texts[i].text = xml_keep(&openvas->state, import_trim(element->text));
	}
	return 0;
}

/* Before there were refs: "CVE-2020-0001, CVE-2020-0002" or "NOCVE". */
static int end_cve(void *context, const struct xml_element *element)
{
	add_cves(context, element->text);
	return 0;
}

static int end_qod(void *context, const struct xml_element *element)
{
	struct openvas *openvas = context;
	uint16_t value = 0;

	if (import_port(element->text, &value))
		openvas->record.confidence = value > 100 ? 100 : (uint8_t)value;
	return 0;
}

static int end_created(void *context, const struct xml_element *element)
{
	struct openvas *openvas = context;

	openvas->record.time_us = import_time(element->text);
	return 0;
}

/* The value of "key=value|key=value". */
static struct bytes tag_of(struct bytes tags, const char *key)
{
	size_t size = strlen(key);

	while (!bytes_empty(tags)) {
		struct bytes tag = import_trim(bytes_first(tags, bytes_index(tags, '|')));

		if (tag.size > size && memcmp(tag.ptr, key, size) == 0 && tag.ptr[size] == '=')
			return bytes_skip(tag, size + 1);
		tags = bytes_skip(tags, bytes_index(tags, '|') + 1);
	}
	return (struct bytes){ 0 };
}

/* "443/tcp", "general/tcp", and of old "https (443/tcp)". False when it is none of them. */
static bool read_port(struct bytes text, struct record *record)
{
	size_t open = bytes_index(text, '(');
	struct bytes number;

	if (open < text.size) {
		record->service = import_trim(bytes_first(text, open));
		text = bytes_skip(text, open + 1);
		text = bytes_first(text, bytes_index(text, ')'));
	}
	number = bytes_first(text, bytes_index(text, '/'));
	record->protocol = import_protocol(bytes_skip(text, number.size + 1));
	if (bytes_equal_str(number, "general"))
		return true;
	return number.size < text.size && import_port(number, &record->port);
}

static bool is_taken(const struct openvas *openvas)
{
	static const char *const passed[] = { "False Positive", "Error", "Debug" };

	for (size_t i = 0; i < ARRAY_COUNT(passed); i++) {
		if (ascii_equal_nocase_str(openvas->threat, passed[i]))
			return false;
	}
	/* -1, -2, -3: the same in numbers. */
	return bytes_empty(openvas->score) || openvas->score.ptr[0] != '-';
}

static int end_result(void *context, const struct xml_element *element)
{
	struct openvas *openvas = context;
	struct record *record = &openvas->record;

	if (!is_taken(openvas) || xml_overfull(&openvas->state, openvas->position))
		return 0;
	if (bytes_empty(openvas->host)) {
		import_refuse(openvas->state.import, openvas->position, "host: not there");
		return 0;
	}
	if (!bytes_empty(openvas->port) && !read_port(openvas->port, record)) {
		import_refuse(openvas->state.import, openvas->position, "port: neither a number nor \"general\"");
		return 0;
	}
	record->target = bytes_empty(openvas->hostname) ? openvas->host : openvas->hostname;
	record->address = openvas->host;
	record->title = bytes_empty(openvas->nvt_name) ? openvas->name : openvas->nvt_name;
	record->severity_word = bytes_empty(openvas->threat) ? openvas->score : openvas->threat;
	/* The word of a report is coarser than its number: there is no "Critical" in older ones. */
	record->severity = import_severity(bytes_empty(openvas->score) ? openvas->threat : openvas->score);
	record->cvss = tag_of(openvas->tags, "cvss_base_vector");
	if (!bytes_empty(openvas->base_vector))
		record->cvss = openvas->base_vector;
	record->evidence = openvas->description;
	record->kind = ascii_equal_nocase_str(openvas->threat, "Log") ? RECORD_SERVICE : RECORD_WEAKNESS;
	return import_each_cve(openvas->state.import, record, bytes_of(openvas->cves, openvas->cves_size));
}

/* ---- The report ---- */

static int end_start(void *context, const struct xml_element *element)
{
	struct openvas *openvas = context;

	import_tool(openvas->state.import, bytes_from_str("openvas"), (struct bytes){ 0 }, import_time(element->text));
	return 0;
}

static int end_version(void *context, const struct xml_element *element)
{
	struct openvas *openvas = context;

	import_tool(openvas->state.import, bytes_from_str("openvas"), element->text, 0);
	return 0;
}

static const struct xml_rule rules[] = {
	{ "results/result", begin_result, end_result },
	{ "result/nvt", begin_nvt, NULL },
	{ "refs/ref", begin_ref, NULL },
	{ "nvt/cve", NULL, end_cve },
	{ "qod/value", NULL, end_qod },
	{ "result/creation_time", NULL, end_created },
	{ "report/scan_start", NULL, end_start },
	{ "omp/version", NULL, end_version },
	{ "gmp/version", NULL, end_version },
	{ "result/name", NULL, end_text },
	{ "result/host", NULL, end_text },
	{ "result/host/hostname", NULL, end_text },
	{ "result/port", NULL, end_text },
	{ "result/threat", NULL, end_text },
	{ "result/severity", NULL, end_text },
	{ "result/description", NULL, end_text },
	{ "nvt/name", NULL, end_text },
	{ "nvt/tags", NULL, end_text },
	{ "severity/value", NULL, end_text },
};

static int sniff(struct bytes beginning)
{
	if (xml_root_is(beginning, "report") || xml_root_is(beginning, "get_reports_response"))
		return 2;
	return xml_root_is(beginning, "openvas-report") ? 1 : 0;
}

static int begin(struct import *import, void **ret_state)
{
	return xml_state_new(import, sizeof(struct openvas), rules, ARRAY_COUNT(rules), ret_state);
}

const struct importer importer_openvas = {
	.name = "openvas",
	.title = "OpenVAS or Greenbone XML",
	.sniff = sniff,
	.begin = begin,
	.feed = xml_state_feed,
	.end = xml_state_end,
	.free = xml_state_free,
};
