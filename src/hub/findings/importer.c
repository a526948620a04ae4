// SPDX-License-Identifier: Apache-2.0
/* What all importers share: finding the format, counting, and bringing records into one form. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/findings/importer.h"

struct import {
	struct import_sink sink;
	const struct importer *importer; /* null until it is known */
	void *state; /* of the importer, owned */
	int error; /* the first; nothing more is read behind it */
	char message[IMPORT_REASON_SIZE];
	struct import_result result;
	uint8_t beginning[IMPORT_SNIFF_MAX];
	size_t beginning_size;
};

/* ---- Results ---- */

/* Cuts to 'max' bytes at a whole character of UTF-8. */
static struct bytes cut(struct bytes text, size_t max)
{
	size_t size = max;

	if (text.size <= max)
		return text;
	while (size > 0 && (text.ptr[size] & 0xc0) == 0x80)
		size--;
	return bytes_first(text, size);
}

static void copy_text(struct bytes text, char *ret, size_t ret_size)
{
	text = cut(import_trim(text), ret_size - 1);
	if (!bytes_to_str(text, ret, ret_size))
		ret[0] = '\0';
}

int import_fail(struct import *import, int error, const char *format, ...)
{
	va_list arguments;

	if (import->error)
		return import->error;
	va_start(arguments, format);
	vsnprintf(import->message, sizeof(import->message), format, arguments);
	va_end(arguments);
	import->error = error;
	return error;
}

void import_refuse(struct import *import, uint64_t position, const char *format, ...)
{
	char reason[IMPORT_REASON_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	import->result.refused++;
	if (import->sink.refused)
		import->sink.refused(import->sink.context, position, reason);
}

void import_tool(struct import *import, struct bytes name, struct bytes version, int64_t scanned_us)
{
	if (!bytes_empty(name))
		copy_text(name, import->result.tool, sizeof(import->result.tool));
	if (!bytes_empty(version))
		copy_text(version, import->result.tool_version, sizeof(import->result.tool_version));
	if (scanned_us > 0)
		import->result.scanned_us = scanned_us;
}

void import_target(struct import *import, struct bytes target)
{
	if (!bytes_empty(target))
		copy_text(target, import->result.target, sizeof(import->result.target));
}

int import_record(struct import *import, struct record *record)
{
	struct bytes *const texts[] = { &record->target, &record->address, &record->service, &record->path,
		&record->rule, &record->title, &record->severity_word, &record->cvss, &record->product,
		&record->version, &record->cpe, &record->purl, &record->fixed_version, &record->justification };
	char cve[IMPORT_CVE_SIZE];
	int error;

	if (import->error)
		return import->error;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		*texts[i] = cut(import_trim(*texts[i]), RECORD_TEXT_MAX);
	for (size_t i = 0; i < record->reference_count; i++)
		record->references[i] = cut(record->references[i], RECORD_TEXT_MAX);
	record->evidence = cut(record->evidence, RECORD_EVIDENCE_MAX);
	/* What is no CVE after all is a rule of the tool. */
	if (import_cve(record->cve, cve))
		record->cve = bytes_from_str(cve);
	else
		record->cve = (struct bytes){ 0 };
	if (record->confidence > 100)
		record->confidence = 100;
	import->result.records++;
	error = import->sink.record(import->sink.context, record);
	return error ? import_fail(import, error, "the receiver ended it") : 0;
}

int import_each_cve(struct import *import, struct record *record, struct bytes cves)
{
	char cve[IMPORT_CVE_SIZE];
	int count = 0, error = 0;

	while (!bytes_empty(cves) && !error) {
		size_t size = 0;

		while (size < cves.size && !strchr(" ,;\t\r\n", cves.ptr[size]))
			size++;
		if (import_cve(bytes_first(cves, size), cve)) {
			record->cve = bytes_from_str(cve);
			error = import_record(import, record);
			count++;
		}
		cves = bytes_skip(cves, size + 1);
	}
	record->cve = (struct bytes){ 0 };
	return count || error ? error : import_record(import, record);
}

/* ---- Reading ---- */

static const struct importer *importer_named(const char *name)
{
	for (size_t i = 0; importers[i]; i++) {
		if (strcmp(importers[i]->name, name) == 0)
			return importers[i];
	}
	return NULL;
}

static const struct importer *importer_sniffed(struct bytes beginning)
{
	const struct importer *found = NULL;
	int best = 0;

	for (size_t i = 0; importers[i]; i++) {
		int sure = importers[i]->sniff(beginning);

		if (sure > best) {
			best = sure;
			found = importers[i];
		}
	}
	return found;
}

static int start(struct import *import, const struct importer *importer)
{
	import->importer = importer;
	import->result.format = importer->name;
	return importer->begin(import, &import->state) ? import_fail(import, LUYTRE_E_NOMEM, "no memory") : 0;
}

int import_begin(const char *format, const struct import_sink *sink, struct import **ret)
{
	const struct importer *importer = format ? importer_named(format) : NULL;
	struct import *import;

	if (format && !importer)
		return LUYTRE_E_NOT_FOUND;
	import = calloc(1, sizeof(*import));
	if (!import)
		return LUYTRE_E_NOMEM;
	import->sink = *sink;
	import->result.format = "";
	if (importer && start(import, importer)) {
		free(import);
		return LUYTRE_E_NOMEM;
	}
	*ret = import;
	return 0;
}

static int feed_state(struct import *import, struct bytes piece)
{
	int error = import->importer->feed(import->state, piece);

	return error ? import_fail(import, error, "%s", error_text(error, LUYTRE_LANG_EN)) : 0;
}

/* The format is looked for in as much of the beginning as there is, and the beginning then read: in what pieces it
 * came makes no difference. */
static int find_format(struct import *import)
{
	static const uint8_t mark[] = { 0xef, 0xbb, 0xbf }; /* of UTF-8, which belongs to no format */
	struct bytes beginning = bytes_of(import->beginning, import->beginning_size);
	const struct importer *importer;

	if (bytes_starts_with(beginning, bytes_of(mark, sizeof(mark))))
		beginning = bytes_skip(beginning, sizeof(mark));
	importer = import->importer ? import->importer : importer_sniffed(beginning);
	if (!importer)
		return import_fail(import, LUYTRE_E_NOT_FOUND, "no known format begins so");
	if (!import->state && start(import, importer))
		return import->error;
	return feed_state(import, beginning);
}

int import_feed(struct import *import, struct bytes piece)
{
	size_t room = sizeof(import->beginning) - import->beginning_size;

	if (import->error)
		return import->error;
	import->result.bytes += piece.size;
	if (room > 0) {
		struct bytes part = bytes_first(piece, room);

		if (part.size)
			memcpy(import->beginning + import->beginning_size, part.ptr, part.size);
		import->beginning_size += part.size;
		piece = bytes_skip(piece, part.size);
		if (part.size < room || find_format(import))
			return import->error;
	}
	return bytes_empty(piece) ? 0 : feed_state(import, piece);
}

const struct import_result *import_so_far(const struct import *import)
{
	return &import->result;
}

int import_end(struct import *import, struct import_result *ret, char *message)
{
	int error;

	if (!import->error && import->beginning_size < sizeof(import->beginning))
		(void)find_format(import);
	if (!import->error) {
		error = import->importer->end(import->state);
		if (error)
			import_fail(import, error, "%s", error_text(error, LUYTRE_LANG_EN));
	}
	error = import->error;
	if (import->state)
		import->importer->free(import->state);
	if (ret)
		*ret = import->result;
	if (message)
		memcpy(message, import->message, sizeof(import->message));
	free(import);
	return error;
}
