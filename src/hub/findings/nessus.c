// SPDX-License-Identifier: Apache-2.0
/* Nessus v2 (.nessus). The properties of a host stand before its items and hold for all of them. Items of severity 0
 * say what is there without anything being wrong, unless they name a CVE. */
#include <string.h>

#include "base/ascii.h"
#include "hub/findings/importers.h"
#include "hub/findings/state.h"

enum { CVES_SIZE = 8192, NAME_SIZE = 256 };

struct item {
	uint64_t position;
	bool refused;
	struct record record;
	struct bytes vectors[3]; /* of CVSS 4, 3 and 2 */
	char cves[CVES_SIZE];
	size_t cves_size;
};

struct nessus {
	struct xml_state state; /* its arena is for one item */
	char name[NAME_SIZE], address[NAME_SIZE], fqdn[NAME_SIZE], tag[64];
	int64_t time_us;
	struct item item;
};

/* ---- Hosts ---- */

static int begin_host(void *context, const struct xml_element *element)
{
	struct nessus *nessus = context;

	nessus->address[0] = nessus->fqdn[0] = nessus->tag[0] = '\0';
	nessus->time_us = 0;
	if (!bytes_to_str(xml_attribute_of(element, "name"), nessus->name, sizeof(nessus->name)))
		nessus->name[0] = '\0';
	return 0;
}

static int begin_tag(void *context, const struct xml_element *element)
{
	struct nessus *nessus = context;

	if (!bytes_to_str(xml_attribute_of(element, "name"), nessus->tag, sizeof(nessus->tag)))
		nessus->tag[0] = '\0';
	return 0;
}

static int end_tag(void *context, const struct xml_element *element)
{
	struct nessus *nessus = context;
	struct bytes text = import_trim(element->text);
	bool fits = true;

	if (strcmp(nessus->tag, "host-ip") == 0)
		fits = bytes_to_str(text, nessus->address, sizeof(nessus->address));
	else if (strcmp(nessus->tag, "host-fqdn") == 0)
		fits = bytes_to_str(text, nessus->fqdn, sizeof(nessus->fqdn));
	else if (strcmp(nessus->tag, "HOST_START_TIMESTAMP") == 0)
		nessus->time_us = import_time(text);
	if (!fits)
		import_refuse(nessus->state.import, element->position, "%s: too long", nessus->tag);
	return 0;
}

/* ---- Items ---- */

static const char *severity_word(struct bytes number)
{
	static const char *const words[] = { "none", "low", "medium", "high", "critical" };

	return number.size == 1 && number.ptr[0] >= '0' && number.ptr[0] <= '4' ? words[number.ptr[0] - '0'] : NULL;
}

static int begin_item(void *context, const struct xml_element *element)
{
	struct nessus *nessus = context;
	struct item *item = &nessus->item;
	struct record *record = &item->record;
	struct bytes severity = xml_attribute_of(element, "severity");
	const char *word = severity_word(severity), *reason = NULL;

	xml_forget(&nessus->state);
	memset(item, 0, sizeof(*item));
	item->position = element->position;
	record->rule = xml_keep_attribute(&nessus->state, element, "pluginID");
	record->title = xml_keep_attribute(&nessus->state, element, "pluginName");
	record->service = xml_keep_attribute(&nessus->state, element, "svc_name");
	record->severity_word = xml_keep(&nessus->state, severity);
	record->protocol = import_protocol(xml_attribute_of(element, "protocol"));
	if (!import_port(xml_attribute_of(element, "port"), &record->port))
		reason = "port: no number";
	else if (bytes_empty(record->rule))
		reason = "pluginID: not there";
	else if (!word)
		reason = "severity: not 0 to 4";
	else
		record->severity = import_severity(bytes_from_str(word));
	item->refused = reason;
	if (reason)
		import_refuse(nessus->state.import, element->position, "%s", reason);
	return 0;
}

static int end_cve(void *context, const struct xml_element *element)
{
	struct item *item = &((struct nessus *)context)->item;
	struct bytes text = import_trim(element->text);

	if (text.size + 1 > sizeof(item->cves) - item->cves_size)
		return 0;
	if (text.size)
		memcpy(item->cves + item->cves_size, text.ptr, text.size);
	item->cves_size += text.size;
	item->cves[item->cves_size++] = ' ';
	return 0;
}

/* One address a line. */
static int end_see_also(void *context, const struct xml_element *element)
{
	struct nessus *nessus = context;
	struct record *record = &nessus->item.record;
	struct bytes rest = xml_keep(&nessus->state, element->text);

	while (!bytes_empty(rest) && record->reference_count < RECORD_REFERENCES_MAX) {
		struct bytes line = import_trim(bytes_first(rest, bytes_index(rest, '\n')));

		if (!bytes_empty(line))
			record->references[record->reference_count++] = line;
		rest = bytes_skip(rest, bytes_index(rest, '\n') + 1);
	}
	return 0;
}

static int end_text(void *context, const struct xml_element *element)
{
	struct nessus *nessus = context;
	struct item *item = &nessus->item;
	const struct {
		const char *name;
		struct bytes *text;
	} texts[] = {
		{ "cvss4_vector", &item->vectors[0] },
		{ "cvss3_vector", &item->vectors[1] },
		{ "cvss_vector", &item->vectors[2] },
		{ "plugin_output", &item->record.evidence },
		{ "cpe", &item->record.cpe },
	};

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		if (strcmp(element->name, texts[i].name) == 0)
			*texts[i].text = xml_keep(&nessus->state, import_trim(element->text));
	}
	return 0;
}

/* "  Fixed version     : 2.4.58" in what the plugin says. */
static struct bytes line_of(struct bytes output, const char *name)
{
	while (!bytes_empty(output)) {
		struct bytes line = import_trim(bytes_first(output, bytes_index(output, '\n')));

		if (ascii_starts_nocase_str(line, name)) {
			size_t colon = bytes_index(line, ':');

			if (bytes_empty(import_trim(bytes_skip(bytes_first(line, colon), strlen(name)))))
				return import_trim(bytes_skip(line, colon + 1));
		}
		output = bytes_skip(output, bytes_index(output, '\n') + 1);
	}
	return (struct bytes){ 0 };
}

static int end_item(void *context, const struct xml_element *element)
{
	struct nessus *nessus = context;
	struct item *item = &nessus->item;
	struct record *record = &item->record;

	if (item->refused || xml_overfull(&nessus->state, item->position))
		return 0;
	record->address = bytes_from_str(nessus->address);
	record->target = bytes_from_str(nessus->fqdn[0]   ? nessus->fqdn
					: nessus->name[0] ? nessus->name
							  : nessus->address);
	record->time_us = nessus->time_us;
	if (bytes_empty(record->target)) {
		import_refuse(nessus->state.import, item->position, "ReportHost: no name");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_COUNT(item->vectors) && bytes_empty(record->cvss); i++)
		record->cvss = item->vectors[i];
	/* Of several names, a line each, the first. */
	record->cpe = import_trim(bytes_first(record->cpe, bytes_index(record->cpe, '\n')));
	record->fixed_version = line_of(record->evidence, "Fixed version");
	record->version = line_of(record->evidence, "Installed version");
	if (record->severity == 0 && item->cves_size == 0)
		record->kind = RECORD_SERVICE;
	return import_each_cve(nessus->state.import, record, bytes_of(item->cves, item->cves_size));
}

static const struct xml_rule rules[] = {
	{ "Report/ReportHost", begin_host, NULL },
	{ "HostProperties/tag", begin_tag, end_tag },
	{ "ReportHost/ReportItem", begin_item, end_item },
	{ "ReportItem/cve", NULL, end_cve },
	{ "ReportItem/see_also", NULL, end_see_also },
	{ "ReportItem/cvss4_vector", NULL, end_text },
	{ "ReportItem/cvss3_vector", NULL, end_text },
	{ "ReportItem/cvss_vector", NULL, end_text },
	{ "ReportItem/plugin_output", NULL, end_text },
	{ "ReportItem/cpe", NULL, end_text },
};

static int sniff(struct bytes beginning)
{
	return xml_root_is(beginning, "NessusClientData_v2") ? 2 : 0;
}

static int begin(struct import *import, void **ret_state)
{
	import_tool(import, bytes_from_str("nessus"), (struct bytes){ 0 }, 0);
	return xml_state_new(import, sizeof(struct nessus), rules, ARRAY_COUNT(rules), ret_state);
}

const struct importer importer_nessus = {
	.name = "nessus",
	.title = "Nessus",
	.sniff = sniff,
	.begin = begin,
	.feed = xml_state_feed,
	.end = xml_state_end,
	.free = xml_state_free,
};
