// SPDX-License-Identifier: Apache-2.0
/* A report of any format, found by its beginning, whole and in small pieces. */
#include <stdlib.h>

#include "hub/findings/cpe.h"
#include "hub/findings/cvss.h"
#include "hub/findings/importer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_record(void *context, const struct record *record)
{
	uint64_t *count = context;
	struct cvss score;
	struct cpe cpe;

	if (record->kind >= RECORD_KIND_COUNT || record->severity > 4 || record->confidence > 100 ||
		record->statement >= RECORD_STATEMENT_COUNT || record->reference_count > RECORD_REFERENCES_MAX ||
		record->title.size > RECORD_TEXT_MAX || record->evidence.size > RECORD_EVIDENCE_MAX)
		abort();
	if (!cvss_score(record->cvss, &score) && (score.base10 > 100 || score.score10 > 100 || score.band > 4))
		abort();
	if (!cpe_parse(record->cpe, &cpe) && cpe_compare(&cpe, &cpe) == CPE_DISJOINT)
		abort();
	for (int scheme = 0; scheme < VERSION_SCHEME_COUNT; scheme++) {
		int there = version_compare((enum version_scheme)scheme, record->version, record->fixed_version);
		int back = version_compare((enum version_scheme)scheme, record->fixed_version, record->version);

		if ((there > 0) != (back < 0) || (there < 0) != (back > 0))
			abort();
	}
	(*count)++;
	return 0;
}

static void on_refused(void *context, uint64_t position, const char *reason)
{
	if (position == 0 || reason[0] == '\0')
		abort();
}

static uint64_t read_report(struct bytes report, size_t piece_size, int *ret_error)
{
	uint64_t count = 0;
	const struct import_sink sink = { &count, on_record, on_refused };
	struct import_result result;
	struct import *import;
	int error = 0;

	if (import_begin(NULL, &sink, &import))
		abort();
	while (!bytes_empty(report) && !error) {
		error = import_feed(import, bytes_first(report, piece_size));
		report = bytes_skip(report, piece_size);
	}
	*ret_error = import_end(import, &result, NULL);
	if (result.records != count)
		abort();
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int error_whole, error_parts;
	uint64_t whole = read_report(bytes_of(data, size), size + 1, &error_whole);
	uint64_t parts = read_report(bytes_of(data, size), 7, &error_parts);

	if (whole != parts || error_whole != error_parts)
		abort();
	return 0;
}
