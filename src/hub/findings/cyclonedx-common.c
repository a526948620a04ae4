// SPDX-License-Identifier: Apache-2.0
/* See cyclonedx-common.h. */
#include "base/ascii.h"
#include "hub/findings/cyclonedx-common.h"

/* Words of an analysis (impact analysis states of CycloneDX 1.4 and later) in those of CSAF. What is exploitable
 * stays a weakness; all others are somebody's statement about it. */
static const struct {
	const char *word;
	enum record_statement statement;
} states[] = {
	{ "exploitable", RECORD_IS_AFFECTED },
	{ "in_triage", RECORD_IS_INVESTIGATED },
	{ "resolved", RECORD_IS_FIXED },
	{ "resolved_with_pedigree", RECORD_IS_FIXED },
	{ "false_positive", RECORD_IS_NOT_AFFECTED },
	{ "not_affected", RECORD_IS_NOT_AFFECTED },
};

int cyclonedx_component(
	struct import *import, struct products *products, const struct product *component, uint64_t position)
{
	struct record record = { .kind = RECORD_COMPONENT };

	if (bytes_empty(component->name)) {
		import_refuse(import, position, "component: no name");
		return 0;
	}
	products_add(products, component);
	record.product = component->name;
	record.version = component->version;
	record.cpe = component->cpe;
	record.purl = component->purl;
	return import_record(import, &record);
}

/* A link to another document ends with the reference: "urn:cdx:.../1#reference". */
static struct bytes without_link(struct bytes reference)
{
	size_t at = bytes_index(reference, '#');

	return ascii_starts_nocase_str(reference, "urn:cdx:") && at < reference.size ? bytes_skip(reference, at + 1)
										     : reference;
}

static void set_product(const struct products *products, struct bytes reference, struct record *record)
{
	const struct product *product;
	struct bytes type;

	reference = without_link(reference);
	product = products_find(products, reference);
	if (product) {
		record->product = product->name;
		record->version = product->version;
		record->cpe = product->cpe;
		record->purl = product->purl;
	} else if (import_purl(reference, &type, &record->product, &record->version)) {
		record->purl = reference;
	} else {
		record->product = reference;
	}
}

int cyclonedx_affected(struct import *import, const struct products *products,
	const struct cyclonedx_weakness *weakness, struct bytes reference)
{
	struct record record = { .kind = RECORD_WEAKNESS };

	set_product(products, reference, &record);
	record.cve = record.rule = weakness->id;
	record.title = weakness->title;
	record.severity_word = weakness->word;
	record.severity = import_severity(weakness->word);
	record.cvss = weakness->vector;
	record.justification = weakness->justification;
	for (size_t i = 0; i < ARRAY_COUNT(states); i++) {
		if (bytes_equal_str(weakness->state, states[i].word))
			record.statement = states[i].statement;
	}
	if (record.statement != RECORD_IS_NONE && record.statement != RECORD_IS_AFFECTED)
		record.kind = RECORD_STATEMENT;
	if (!bytes_empty(weakness->reference))
		record.references[record.reference_count++] = weakness->reference;
	return import_record(import, &record);
}
