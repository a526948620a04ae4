// SPDX-License-Identifier: Apache-2.0
/* Nmap's XML (nmap.dtd of its distribution). An open port is a service. Of the scripts two kinds say that something
 * is wrong: those of the "vulns" library, which state for each weakness whether it is there, and "vulners", which
 * concludes from versions. What "vulners" has that is no CVE is an exploit's number, not a weakness, and is passed
 * over. */
#include <string.h>

#include "base/ascii.h"
#include "hub/findings/importers.h"
#include "hub/findings/state.h"

enum {
	CONFIDENCE_SHOWN = 80,
	CONFIDENCE_LIKELY = 50,
	CONFIDENCE_BY_VERSION = 30,
};

/* What one table of a script says. */
struct weakness {
	uint64_t position;
	struct bytes title, state, score, type;
	struct bytes cpe; /* the key of the table around it */
	struct bytes description;
	char cves[512];
	size_t cves_size;
	struct record about; /* its references alone */
};

struct nmap {
	struct xml_state state; /* its arena is for one port or one script of a host */

	bool host_down;
	char address[64], name[256]; /* the name that was asked for */

	bool in_port, port_open;
	uint16_t port;
	uint8_t protocol;
	struct record service;

	struct bytes script, output;
	size_t table_depth; /* of tables within the script */
	struct bytes outer_key, list_key, elem_key;
	struct weakness weakness;
	bool weakness_seen;
	int64_t time_us;
};

/* ---- Hosts ---- */

static int begin_host(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;
	nmap->host_down = false;
	nmap->address[0] = nmap->name[0] = '\0';
	nmap->time_us = import_time(xml_attribute_of(element, "starttime"));
	return 0;
}

static int begin_status(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;
	nmap->host_down = bytes_equal_str(xml_attribute_of(element, "state"), "down");
	return 0;
}

static int begin_address(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;

	if (!bytes_equal_str(xml_attribute_of(element, "addrtype"), "mac") &&
		!bytes_to_str(xml_attribute_of(element, "addr"), nmap->address, sizeof(nmap->address)))
		import_refuse(nmap->state.import, element->position, "address: too long for one");
	return 0;
}

/* The name that was asked for says what was meant; that of the reverse zone is only what somebody else calls it. */
static int begin_hostname(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;

	if (bytes_equal_str(xml_attribute_of(element, "type"), "user") && nmap->name[0] == '\0' &&
		!bytes_to_str(xml_attribute_of(element, "name"), nmap->name, sizeof(nmap->name)))
		import_refuse(nmap->state.import, element->position, "hostname: too long for one");
	return 0;
}

static void set_place(const struct nmap *nmap, struct record *record)
{
	record->address = bytes_from_str(nmap->address);
	record->target = nmap->name[0] ? bytes_from_str(nmap->name) : record->address;
	record->time_us = nmap->time_us;
	if (nmap->in_port) {
		record->port = nmap->port;
		record->protocol = nmap->protocol;
		record->service = nmap->service.service;
	}
}

/* ---- Ports ---- */

static int begin_port(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;
	struct bytes protocol = xml_attribute_of(element, "protocol");

	xml_forget(&nmap->state);
	nmap->service = (struct record){ .kind = RECORD_SERVICE };
	nmap->port_open = false;
	nmap->protocol = import_protocol(protocol);
	nmap->in_port = nmap->protocol && import_port(xml_attribute_of(element, "portid"), &nmap->port);
	if (!nmap->in_port)
		import_refuse(nmap->state.import, element->position, "port: no number, or no known protocol");
	return 0;
}

static int begin_state(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;
	nmap->port_open = bytes_equal_str(xml_attribute_of(element, "state"), "open");
	return 0;
}

static struct bytes service_name(struct nmap *nmap, const struct xml_element *element)
{
	struct bytes name = xml_attribute_of(element, "name");
	uint8_t *text;

	if (!bytes_equal_str(xml_attribute_of(element, "tunnel"), "ssl"))
		return xml_keep(&nmap->state, name);
	if (bytes_equal_str(name, "http") || bytes_equal_str(name, "https"))
		return bytes_from_str("https");
	text = arena_alloc(&nmap->state.arena, name.size + 4);
	if (!text)
		return (struct bytes){ 0 };
	memcpy(text, "ssl/", 4);
	if (name.size)
		memcpy(text + 4, name.ptr, name.size);
	return bytes_of(text, name.size + 4);
}

static int begin_service(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;
	struct bytes conf = xml_attribute_of(element, "conf");
	uint16_t tenths = 0;

	nmap->service.service = service_name(nmap, element);
	nmap->service.product = xml_keep_attribute(&nmap->state, element, "product");
	nmap->service.version = xml_keep_attribute(&nmap->state, element, "version");
	nmap->service.evidence = xml_keep_attribute(&nmap->state, element, "extrainfo");
	if (import_port(conf, &tenths) && tenths <= 10)
		nmap->service.confidence = (uint8_t)(tenths * 10);
	return 0;
}

/* The application is what matters; that of the system is also there. */
static int end_cpe(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;
	if (bytes_empty(nmap->service.cpe) || (ascii_starts_nocase_str(import_trim(element->text), "cpe:/a:") &&
						      !ascii_starts_nocase_str(nmap->service.cpe, "cpe:/a:")))
		nmap->service.cpe = xml_keep(&nmap->state, import_trim(element->text));
	return 0;
}

/* The service comes before the scripts of its port, but is told when all of it is known. */
static int end_port(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;
	int error = 0;

	if (nmap->in_port && nmap->port_open && !nmap->host_down && !xml_overfull(&nmap->state, element->position)) {
		set_place(nmap, &nmap->service);
		error = import_record(nmap->state.import, &nmap->service);
	}
	nmap->in_port = false;
	return error;
}

/* ---- Scripts ---- */

static void forget_weakness(struct nmap *nmap)
{
	memset(&nmap->weakness, 0, sizeof(nmap->weakness));
}

static int begin_script(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;
	if (!nmap->in_port)
		xml_forget(&nmap->state);
	nmap->script = xml_keep_attribute(&nmap->state, element, "id");
	nmap->output = xml_keep_attribute(&nmap->state, element, "output");
	nmap->table_depth = 0;
	nmap->weakness_seen = false;
	nmap->outer_key = nmap->list_key = nmap->elem_key = (struct bytes){ 0 };
	forget_weakness(nmap);
	return 0;
}

/* vulns: table(key = its id) / elem, table(key = "ids", "refs", "description") / elem; vulners: table(key = CPE) /
 * table / elem. */
static int begin_table(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;
	struct bytes key = xml_attribute_of(element, "key");

	nmap->table_depth++;
	if (nmap->table_depth == 1) {
		forget_weakness(nmap);
		nmap->outer_key = xml_keep(&nmap->state, key);
	} else if (nmap->table_depth == 2) {
		nmap->list_key = xml_keep(&nmap->state, key);
		if (bytes_equal_str(nmap->script, "vulners"))
			forget_weakness(nmap);
	}
	nmap->weakness.position = element->position;
	return 0;
}

static void add_cve(struct weakness *weakness, struct bytes id)
{
	if (ascii_starts_nocase_str(id, "CVE:"))
		id = bytes_skip(id, 4);
	if (id.size + 1 > sizeof(weakness->cves) - weakness->cves_size)
		return;
	if (id.size)
		memcpy(weakness->cves + weakness->cves_size, id.ptr, id.size);
	weakness->cves_size += id.size;
	weakness->cves[weakness->cves_size++] = ' ';
}

static int end_elem(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;
	struct weakness *weakness = &nmap->weakness;
	struct record *about = &weakness->about;
	struct bytes key = nmap->elem_key, text = import_trim(element->text);
	const struct {
		const char *key;
		struct bytes *text;
	} fields[] = { { "title", &weakness->title }, { "state", &weakness->state }, { "cvss", &weakness->score },
		{ "type", &weakness->type } };

	if (nmap->table_depth == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		if (bytes_equal_str(key, fields[i].key))
			*fields[i].text = xml_keep(&nmap->state, text);
	}
	if (bytes_equal_str(key, "id") || bytes_equal_str(nmap->list_key, "ids"))
		add_cve(weakness, text);
	if (bytes_equal_str(nmap->list_key, "refs") && about->reference_count < RECORD_REFERENCES_MAX)
		about->references[about->reference_count++] = xml_keep(&nmap->state, text);
	return 0;
}

static int tell_weakness(struct nmap *nmap, const struct record *form, struct bytes cves)
{
	struct record record = *form;

	nmap->weakness_seen = true;
	if (nmap->host_down)
		return 0;
	record.kind = RECORD_WEAKNESS;
	record.rule = nmap->script;
	record.evidence = nmap->output;
	set_place(nmap, &record);
	return import_each_cve(nmap->state.import, &record, cves);
}

static int end_of_vulners(struct nmap *nmap)
{
	const struct weakness *weakness = &nmap->weakness;
	struct bytes id = import_trim(bytes_of(weakness->cves, weakness->cves_size));
	char cve[IMPORT_CVE_SIZE];
	struct record record = {
		.cpe = nmap->outer_key, .severity_word = weakness->score, .confidence = CONFIDENCE_BY_VERSION
	};

	nmap->weakness_seen = true;
	if (!import_cve(id, cve))
		return 0;
	record.severity = import_severity(weakness->score);
	record.product = nmap->service.product;
	record.version = nmap->service.version;
	return tell_weakness(nmap, &record, id);
}

static int end_of_vulns(struct nmap *nmap)
{
	const struct weakness *weakness = &nmap->weakness;
	bool likely = ascii_starts_nocase_str(weakness->state, "LIKELY VULNERABLE");
	struct record record = weakness->about;

	if (!likely && !ascii_starts_nocase_str(weakness->state, "VULNERABLE"))
		return 0;
	record.title = weakness->title;
	record.severity_word = weakness->state;
	record.confidence = likely ? CONFIDENCE_LIKELY : CONFIDENCE_SHOWN;
	record.exploited = ascii_equal_nocase_str(weakness->state, "VULNERABLE (Exploitable)");
	return tell_weakness(nmap, &record, bytes_of(weakness->cves, weakness->cves_size));
}

static int end_table(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;
	bool vulners = bytes_equal_str(nmap->script, "vulners");
	int error = 0;

	if (vulners && nmap->table_depth == 2)
		error = end_of_vulners(nmap);
	else if (!vulners && nmap->table_depth == 1)
		error = end_of_vulns(nmap);
	if (nmap->table_depth <= 2)
		nmap->list_key = (struct bytes){ 0 };
	nmap->table_depth -= nmap->table_depth > 0;
	return error;
}

/* Older versions of "vulners" wrote lines alone: a CVE, its score, a link. */
static int end_script(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;
	struct bytes rest = nmap->output;
	int error = 0;

	if (nmap->weakness_seen || !bytes_equal_str(nmap->script, "vulners"))
		return 0;
	while (!bytes_empty(rest) && !error) {
		struct bytes line = import_trim(bytes_first(rest, bytes_index(rest, '\n'))), id;
		struct record record = { .product = nmap->service.product,
			.version = nmap->service.version,
			.cpe = nmap->service.cpe,
			.confidence = CONFIDENCE_BY_VERSION };
		size_t size = 0;

		rest = bytes_skip(rest, bytes_index(rest, '\n') + 1);
		while (size < line.size && line.ptr[size] > ' ')
			size++;
		id = bytes_first(line, size);
		if (!ascii_starts_nocase_str(id, "CVE-"))
			continue;
		line = import_trim(bytes_skip(line, size));
		size = 0;
		while (size < line.size && line.ptr[size] > ' ')
			size++;
		record.severity_word = bytes_first(line, size);
		record.severity = import_severity(record.severity_word);
		error = tell_weakness(nmap, &record, id);
	}
	return error;
}

static int begin_elem(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;
	nmap->elem_key = xml_keep_attribute(&nmap->state, element, "key");
	return 0;
}

static int begin_run(void *context, const struct xml_element *element)
{
	struct nmap *nmap = context;
	import_tool(nmap->state.import, xml_attribute_of(element, "scanner"), xml_attribute_of(element, "version"),
		import_time(xml_attribute_of(element, "start")));
	return 0;
}

/* ---- The format ---- */

static const struct xml_rule rules[] = {
	{ "elem", begin_elem, end_elem },
	{ "table", begin_table, end_table },
	{ "script", begin_script, end_script },
	{ "ports/port", begin_port, end_port },
	{ "port/state", begin_state, NULL },
	{ "port/service", begin_service, NULL },
	{ "service/cpe", NULL, end_cpe },
	{ "nmaprun/host", begin_host, NULL },
	{ "host/status", begin_status, NULL },
	{ "host/address", begin_address, NULL },
	{ "hostnames/hostname", begin_hostname, NULL },
	{ "nmaprun", begin_run, NULL },
};

static int sniff(struct bytes beginning)
{
	return xml_root_is(beginning, "nmaprun") ? 2 : 0;
}

static int begin(struct import *import, void **ret_state)
{
	return xml_state_new(import, sizeof(struct nmap), rules, ARRAY_COUNT(rules), ret_state);
}

const struct importer importer_nmap = {
	.name = "nmap",
	.title = "Nmap XML",
	.sniff = sniff,
	.begin = begin,
	.feed = xml_state_feed,
	.end = xml_state_end,
	.free = xml_state_free,
};
