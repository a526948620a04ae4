// SPDX-License-Identifier: Apache-2.0
/* Nuclei's results: one object a line (-jsonl), or one array of the same objects (-json-export). A line that can not
 * be read is refused, and the next one begins anew; in an array that is only so for what lies between its brackets. */
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "hub/findings/importers.h"
#include "hub/findings/state.h"

enum { CONFIDENCE = 80, RULE_SIZE = 512 };

enum form { FORM_NOT_KNOWN, FORM_LINES, FORM_ARRAY };

struct nuclei {
	struct json_state state; /* its stream for the array */
	enum form form;
	uint64_t line; /* that is being read, from 1 */
	uint8_t *text; /* of that line */
	size_t text_size, text_room;
	bool too_long;
};

/* ---- One result ---- */

/* What may be under one of two names, by the version. */
static struct bytes either(const json_t *object, const char *key, const char *older)
{
	struct bytes text = json_text_of(object, key);

	return bytes_empty(text) ? json_text_of(object, older) : text;
}

/* Tags are a list, or in older versions one text with commas. */
static bool has_tag(const json_t *info, const char *tag)
{
	char joined[1024];
	struct bytes rest = json_join(json_object_get(info, "tags"), joined, sizeof(joined));

	while (!bytes_empty(rest)) {
		size_t size = 0;

		while (size < rest.size && rest.ptr[size] != ',' && rest.ptr[size] != ' ')
			size++;
		if (bytes_equal_str(bytes_first(rest, size), tag))
			return true;
		rest = bytes_skip(rest, size + 1);
	}
	return false;
}

static void set_place(const json_t *result, struct record *record)
{
	struct bytes where = either(result, "matched-at", "matched"), port = json_text_of(result, "port");
	struct import_url at, host;

	import_url(where, &at);
	import_url(json_text_of(result, "host"), &host);
	record->target = bytes_empty(host.host) ? at.host : host.host;
	record->address = json_text_of(result, "ip");
	record->path = at.path;
	record->port = at.port ? at.port : host.port;
	record->service = bytes_empty(at.scheme) ? host.scheme : at.scheme;
	if (record->port == 0)
		(void)import_port(port, &record->port);
}

/* What a template of DNS says is about a name, whatever server answered. */
static uint8_t protocol_of(struct bytes type)
{
	static const char *const tcp[] = { "http", "network", "tcp", "ssl", "headless", "websocket", "javascript" };

	for (size_t i = 0; i < ARRAY_COUNT(tcp); i++) {
		if (bytes_equal_str(type, tcp[i]))
			return 6;
	}
	return 0;
}

struct evidence {
	size_t size;
	char text[RECORD_EVIDENCE_MAX];
};

static void add(struct evidence *evidence, const char *name, struct bytes text)
{
	size_t name_size = strlen(name), room = sizeof(evidence->text) - evidence->size;

	if (bytes_empty(text) || name_size + 1 >= room)
		return;
	memcpy(evidence->text + evidence->size, name, name_size);
	evidence->size += name_size;
	text = bytes_first(text, room - name_size - 1);
	memcpy(evidence->text + evidence->size, text.ptr, text.size);
	evidence->size += text.size;
	evidence->text[evidence->size++] = '\n';
}

static void gather_evidence(const json_t *result, struct evidence *evidence)
{
	char extracted[2048];

	evidence->size = 0;
	add(evidence, "at: ", either(result, "matched-at", "matched"));
	add(evidence, "matcher: ", either(result, "matcher-name", "matcher_name"));
	add(evidence, "extracted: ",
		import_trim(json_join(json_object_get(result, "extracted-results"), extracted, sizeof(extracted))));
	add(evidence, "", json_text_of(result, "request"));
	add(evidence, "", json_text_of(result, "response"));
}

/* A template with several matchers finds several things. */
static struct bytes rule_of(struct bytes template, struct bytes matcher, char rule[RULE_SIZE])
{
	size_t size = template.size;

	if (bytes_empty(matcher) || template.size + matcher.size + 1 > RULE_SIZE)
		return template;
	memcpy(rule, template.ptr, template.size);
	rule[size++] = ':';
	memcpy(rule + size, matcher.ptr, matcher.size);
	return bytes_of(rule, size + matcher.size);
}

static int one_result(void *context, size_t path, json_t *result, uint64_t position)
{
	struct nuclei *nuclei = context;
	const json_t *info = json_object_get(result, "info");
	const json_t *classes = json_object_get(info, "classification");
	struct bytes template = either(result, "template-id", "templateID"),
		     matcher = either(result, "matcher-name", "matcher_name");
	struct record record = { .kind = RECORD_WEAKNESS, .confidence = CONFIDENCE };
	struct evidence evidence;
	char cves[512], rule[RULE_SIZE];

	if (bytes_empty(template) || !json_is_object(info)) {
		import_refuse(nuclei->state.import, position, "template-id, info: not there");
		return 0;
	}
	/* Said with -matcher-status of what was tried and did not hold. */
	if (json_is_false(json_object_get(result, "matcher-status")))
		return 0;
	set_place(result, &record);
	if (bytes_empty(record.target) && bytes_empty(record.address)) {
		import_refuse(nuclei->state.import, position, "host, matched-at: not there");
		return 0;
	}
	record.protocol = protocol_of(json_text_of(result, "type"));
	record.title = json_text_of(info, "name");
	record.severity_word = json_text_of(info, "severity");
	record.severity = import_severity(record.severity_word);
	record.cvss = json_text_of(classes, "cvss-metrics");
	record.cpe = json_text_of(classes, "cpe");
	record.time_us = import_time(json_text_of(result, "timestamp"));
	/* Something that was attacked called back. */
	record.exploited = json_is_object(json_object_get(result, "interaction"));
	record.rule = rule_of(template, matcher, rule);
	json_references(json_object_get(info, "reference"), &record);
	gather_evidence(result, &evidence);
	record.evidence = bytes_of(evidence.text, evidence.size);
	if (has_tag(info, "tech") && record.severity == 0) {
		record.kind = RECORD_SERVICE;
		record.product = matcher;
	}
	return import_each_cve(
		nuclei->state.import, &record, json_join(json_object_get(classes, "cve-id"), cves, sizeof(cves)));
}

/* ---- Lines ---- */

static int end_line(struct nuclei *nuclei)
{
	struct bytes line = import_trim(bytes_of(nuclei->text, nuclei->text_size));
	json_t *result;
	int error = 0;

	nuclei->text_size = 0;
	if (nuclei->too_long) {
		nuclei->too_long = false;
		import_refuse(
			nuclei->state.import, nuclei->line, "size: a line of more than %d bytes", IMPORT_HELD_MAX);
	} else if (!bytes_empty(line)) {
		result = json_stream_value(nuclei->state.import, line, nuclei->line);
		if (result)
			error = one_result(nuclei, 0, result, nuclei->line);
		json_decref(result);
	}
	nuclei->line++;
	return error;
}

static int hold(struct nuclei *nuclei, struct bytes part)
{
	if (nuclei->too_long || nuclei->text_size + part.size > IMPORT_HELD_MAX) {
		nuclei->too_long = true;
		return 0;
	}
	if (nuclei->text_size + part.size > nuclei->text_room) {
		size_t room = (nuclei->text_size + part.size) * 2;
		uint8_t *text = realloc(nuclei->text, room);

		if (!text)
			return import_fail(nuclei->state.import, LUYTRE_E_NOMEM, "no memory for line %llu",
				(unsigned long long)nuclei->line);
		nuclei->text = text;
		nuclei->text_room = room;
	}
	if (part.size)
		memcpy(nuclei->text + nuclei->text_size, part.ptr, part.size);
	nuclei->text_size += part.size;
	return 0;
}

static int feed_lines(struct nuclei *nuclei, struct bytes piece)
{
	while (!bytes_empty(piece)) {
		size_t size = bytes_index(piece, '\n');
		int error = hold(nuclei, bytes_first(piece, size));

		if (!error && size < piece.size)
			error = end_line(nuclei);
		if (error)
			return error;
		piece = bytes_skip(piece, size + 1);
	}
	return 0;
}

/* ---- The format ---- */

static int sniff(struct bytes beginning)
{
	bool known = json_has_key(beginning, "template-id") || json_has_key(beginning, "templateID");

	if (known)
		return json_has_key(beginning, "info") ? 2 : 1;
	return 0;
}

static void nuclei_free(void *state)
{
	free(((struct nuclei *)state)->text);
	json_state_free(state);
}

static int begin(struct import *import, void **ret_state)
{
	static const char *const paths[] = { "*", NULL };
	int error = json_state_new(import, sizeof(struct nuclei), paths, one_result, ret_state);

	if (!error) {
		((struct nuclei *)*ret_state)->line = 1;
		import_tool(import, bytes_from_str("nuclei"), (struct bytes){ 0 }, 0);
	}
	return error;
}

static int feed(void *state, struct bytes piece)
{
	struct nuclei *nuclei = state;

	while (nuclei->form == FORM_NOT_KNOWN && !bytes_empty(piece)) {
		if (piece.ptr[0] > ' ') {
			nuclei->form = piece.ptr[0] == '[' ? FORM_ARRAY : FORM_LINES;
			break;
		}
		nuclei->line += piece.ptr[0] == '\n';
		piece = bytes_skip(piece, 1);
	}
	return nuclei->form == FORM_ARRAY ? json_state_feed(state, piece) : feed_lines(nuclei, piece);
}

static int end(void *state)
{
	struct nuclei *nuclei = state;

	/* The last line may lack its end; whether it is whole is seen by reading it. */
	return nuclei->form == FORM_ARRAY ? json_state_end(state) : end_line(nuclei);
}

const struct importer importer_nuclei = {
	.name = "nuclei",
	.title = "Nuclei JSON lines",
	.sniff = sniff,
	.begin = begin,
	.feed = feed,
	.end = end,
	.free = nuclei_free,
};
