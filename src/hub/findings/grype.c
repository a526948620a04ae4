// SPDX-License-Identifier: Apache-2.0
/* Grype's JSON. Its own identifiers may be those of a distributor or of GitHub; the CVEs then stand among the
 * related ones. What was scanned is said behind the matches: records have no target, the import's result does. */
#include <string.h>

#include "hub/findings/importers.h"
#include "hub/findings/state.h"

enum paths { MATCH, SOURCE, TOOL };

static const char *const paths[] = { [MATCH] = "matches/*", [SOURCE] = "source", [TOOL] = "descriptor", NULL };

/* The newest of a list of {version, vector}. */
static struct bytes newest_vector(const json_t *list)
{
	struct bytes newest = { 0 }, newest_version = { 0 };

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *score = json_array_get(list, i);
		struct bytes version = json_text_of(score, "version"), vector = json_text_of(score, "vector");

		if (!bytes_empty(vector) && (bytes_empty(newest) || bytes_compare(version, newest_version) > 0)) {
			newest = vector;
			newest_version = version;
		}
	}
	return newest;
}

static size_t add_cve(char *cves, size_t cves_size, size_t size, struct bytes id)
{
	char cve[IMPORT_CVE_SIZE];

	if (!import_cve(id, cve) || size + strlen(cve) + 1 > cves_size)
		return size;
	memcpy(cves + size, cve, strlen(cve));
	size += strlen(cve);
	cves[size] = ' ';
	return size + 1;
}

static int match(struct json_state *state, const json_t *value, uint64_t position)
{
	const json_t *weakness = json_object_get(value, "vulnerability"),
		     *artifact = json_object_get(value, "artifact");
	const json_t *related = json_object_get(value, "relatedVulnerabilities");
	struct record record = { .kind = RECORD_WEAKNESS };
	char cves[1024];
	size_t size = 0;

	record.rule = json_text_of(weakness, "id");
	record.product = json_text_of(artifact, "name");
	if (bytes_empty(record.rule) || bytes_empty(record.product)) {
		import_refuse(state->import, position, "vulnerability.id, artifact.name: not there");
		return 0;
	}
	record.version = json_text_of(artifact, "version");
	record.purl = json_text_of(artifact, "purl");
	record.cpe = json_first_text(json_object_get(artifact, "cpes"));
	record.title = json_text_of(weakness, "description");
	record.severity_word = json_text_of(weakness, "severity");
	record.severity = import_severity(record.severity_word);
	record.fixed_version = json_first_text(json_object_get(json_object_get(weakness, "fix"), "versions"));
	record.cvss = newest_vector(json_object_get(weakness, "cvss"));
	json_references(json_object_get(weakness, "dataSource"), &record);
	json_references(json_object_get(weakness, "urls"), &record);
	size = add_cve(cves, sizeof(cves), size, record.rule);
	for (size_t i = 0; i < json_array_size(related); i++) {
		const json_t *other = json_array_get(related, i);

		/* Its own CVE is usually related to itself. */
		if (!bytes_equal(json_text_of(other, "id"), record.rule))
			size = add_cve(cves, sizeof(cves), size, json_text_of(other, "id"));
		if (bytes_empty(record.cvss))
			record.cvss = newest_vector(json_object_get(other, "cvss"));
	}
	return import_each_cve(state->import, &record, bytes_of(cves, size));
}

/* The target is a text (a folder) or an object (an image). */
static void source(struct json_state *state, const json_t *value)
{
	const json_t *target = json_object_get(value, "target");

	import_target(state->import, json_is_string(target) ? json_text(target) : json_text_of(target, "userInput"));
}

static int on_value(void *context, size_t path, json_t *value, uint64_t position)
{
	struct json_state *state = context;

	switch ((enum paths)path) {
	case MATCH:
		return match(state, value, position);
	case SOURCE:
		source(state, value);
		break;
	case TOOL:
		import_tool(state->import, json_text_of(value, "name"), json_text_of(value, "version"),
			import_time(json_text_of(value, "timestamp")));
		break;
	}
	return 0;
}

static int sniff(struct bytes beginning)
{
	return json_opening(beginning) == '{' && json_has_key(beginning, "matches") ? 2 : 0;
}

static int begin(struct import *import, void **ret_state)
{
	import_tool(import, bytes_from_str("grype"), (struct bytes){ 0 }, 0);
	return json_state_new(import, sizeof(struct json_state), paths, on_value, ret_state);
}

const struct importer importer_grype = {
	.name = "grype",
	.title = "Grype JSON",
	.sniff = sniff,
	.begin = begin,
	.feed = json_state_feed,
	.end = json_state_end,
	.free = json_state_free,
};
