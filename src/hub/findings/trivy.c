// SPDX-License-Identifier: Apache-2.0
/* Trivy's JSON: schema 2, that of a cluster (Resources), and the bare array of before. "fixed" in Trivy's Status
 * means that a fix is to be had, not that it is in: what it lists is what it found. Only "not_affected" takes a
 * finding back. */
#include <string.h>

#include "hub/findings/importers.h"
#include "hub/findings/state.h"

enum paths {
	RESOURCE,
	RESULT,
	ARTIFACT,
	CLUSTER,
	CREATED,
	VERSION,
	NAME,
	TARGET,
	VULNERABILITY,
	MISCONFIGURATION,
	SECRET,
	PACKAGE,
	OLD_TARGET,
	OLD
};

static const char *const paths[] = {
	[RESOURCE] = "<Resources/*",
	[RESULT] = "<**/Results/*",
	[ARTIFACT] = "ArtifactName",
	[CLUSTER] = "ClusterName",
	[CREATED] = "CreatedAt",
	[VERSION] = "Trivy/Version",
	[NAME] = "Resources/*/Name",
	[TARGET] = "**/Results/*/Target",
	[VULNERABILITY] = "**/Results/*/Vulnerabilities/*",
	[MISCONFIGURATION] = "**/Results/*/Misconfigurations/*",
	[SECRET] = "**/Results/*/Secrets/*",
	[PACKAGE] = "**/Results/*/Packages/*",
	[OLD_TARGET] = "*/Target",
	[OLD] = "*/Vulnerabilities/*",
	NULL,
};

enum { NAME_SIZE = 512 };

struct trivy {
	struct json_state state;
	char artifact[NAME_SIZE], resource[NAME_SIZE], target[NAME_SIZE];
};

static void take_name(char name[NAME_SIZE], struct bytes text)
{
	if (!bytes_to_str(bytes_first(text, NAME_SIZE - 1), name, NAME_SIZE))
		name[0] = '\0';
}

/* The score of the national database first, then of whoever else has one; the newest version of each. */
static struct bytes vector_of(json_t *sources)
{
	static const char *const keys[] = { "V40Vector", "V3Vector", "V2Vector" };
	const json_t *nvd = json_object_get(sources, "nvd");
	const char *name;
	json_t *source;

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
		struct bytes vector = json_text_of(nvd, keys[i]);

		if (!bytes_empty(vector))
			return vector;
	}
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
		json_object_foreach (sources, name, source) {
			if (!bytes_empty(json_text_of(source, keys[i])))
				return json_text_of(source, keys[i]);
		}
	}
	return (struct bytes){ 0 };
}

static void set_place(const struct trivy *trivy, struct record *record)
{
	const char *target = trivy->resource[0] ? trivy->resource : trivy->artifact;

	/* The old form has nothing but the target. */
	record->target = bytes_from_str(target[0] ? target : trivy->target);
	record->evidence = bytes_from_str(trivy->target);
}

static int vulnerability(struct trivy *trivy, const json_t *value, uint64_t position)
{
	struct record record = { .kind = RECORD_WEAKNESS };

	record.cve = record.rule = json_text_of(value, "VulnerabilityID");
	record.product = json_text_of(value, "PkgName");
	if (bytes_empty(record.rule) || bytes_empty(record.product)) {
		import_refuse(trivy->state.import, position, "VulnerabilityID, PkgName: not there");
		return 0;
	}
	set_place(trivy, &record);
	record.version = json_text_of(value, "InstalledVersion");
	record.fixed_version = json_text_of(value, "FixedVersion");
	record.title = json_text_of(value, "Title");
	record.severity_word = json_text_of(value, "Severity");
	record.severity = import_severity(record.severity_word);
	record.cvss = vector_of(json_object_get(value, "CVSS"));
	record.purl = json_text_of(json_object_get(value, "PkgIdentifier"), "PURL");
	if (bytes_equal_str(json_text_of(value, "Status"), "not_affected")) {
		record.kind = RECORD_STATEMENT;
		record.statement = RECORD_IS_NOT_AFFECTED;
	}
	json_references(json_object_get(value, "PrimaryURL"), &record);
	json_references(json_object_get(value, "References"), &record);
	return import_record(trivy->state.import, &record);
}

/* A setting or a secret: the scanner's own rule, without a CVE. */
static int own_rule(struct trivy *trivy, const json_t *value, const char *id, uint64_t position)
{
	struct record record = { .kind = RECORD_WEAKNESS };
	struct bytes message = json_text_of(value, "Message");

	record.rule = json_text_of(value, id);
	if (bytes_empty(record.rule)) {
		import_refuse(trivy->state.import, position, "%s: not there", id);
		return 0;
	}
	/* Checks that were passed are listed too. */
	if (bytes_equal_str(json_text_of(value, "Status"), "PASS") ||
		bytes_equal_str(json_text_of(value, "Status"), "EXCEPTION"))
		return 0;
	set_place(trivy, &record);
	record.title = json_text_of(value, "Title");
	record.severity_word = json_text_of(value, "Severity");
	record.severity = import_severity(record.severity_word);
	record.evidence = bytes_empty(message) ? record.evidence : message;
	json_references(json_object_get(value, "PrimaryURL"), &record);
	return import_record(trivy->state.import, &record);
}

static int package(struct trivy *trivy, const json_t *value, uint64_t position)
{
	struct record record = { .kind = RECORD_COMPONENT };

	record.product = json_text_of(value, "Name");
	if (bytes_empty(record.product)) {
		import_refuse(trivy->state.import, position, "Name: not there");
		return 0;
	}
	set_place(trivy, &record);
	record.version = json_text_of(value, "Version");
	record.purl = json_text_of(json_object_get(value, "Identifier"), "PURL");
	return import_record(trivy->state.import, &record);
}

static int on_value(void *context, size_t path, json_t *value, uint64_t position)
{
	struct trivy *trivy = context;

	switch ((enum paths)path) {
	case RESOURCE:
		trivy->resource[0] = '\0';
		break;
	case RESULT:
		trivy->target[0] = '\0';
		break;
	case ARTIFACT:
	case CLUSTER:
		take_name(trivy->artifact, json_text(value));
		import_target(trivy->state.import, json_text(value));
		break;
	case CREATED:
		import_tool(
			trivy->state.import, (struct bytes){ 0 }, (struct bytes){ 0 }, import_time(json_text(value)));
		break;
	case VERSION:
		import_tool(trivy->state.import, (struct bytes){ 0 }, json_text(value), 0);
		break;
	case NAME:
		take_name(trivy->resource, json_text(value));
		break;
	case TARGET:
	case OLD_TARGET:
		take_name(trivy->target, json_text(value));
		break;
	case VULNERABILITY:
	case OLD:
		return vulnerability(trivy, value, position);
	case MISCONFIGURATION:
		return own_rule(trivy, value, "ID", position);
	case SECRET:
		return own_rule(trivy, value, "RuleID", position);
	case PACKAGE:
		return package(trivy, value, position);
	}
	return 0;
}

static int sniff(struct bytes beginning)
{
	if (json_opening(beginning) == '{')
		return json_has_key(beginning, "SchemaVersion") || json_has_key(beginning, "ClusterName") ? 2 : 0;
	return json_has_key(beginning, "Target") &&
			       (json_has_key(beginning, "Vulnerabilities") || json_has_key(beginning, "Type"))
		       ? 1
		       : 0;
}

static int begin(struct import *import, void **ret_state)
{
	import_tool(import, bytes_from_str("trivy"), (struct bytes){ 0 }, 0);
	return json_state_new(import, sizeof(struct trivy), paths, on_value, ret_state);
}

const struct importer importer_trivy = {
	.name = "trivy",
	.title = "Trivy JSON",
	.sniff = sniff,
	.begin = begin,
	.feed = json_state_feed,
	.end = json_state_end,
	.free = json_state_free,
};
