// SPDX-License-Identifier: Apache-2.0
/* CSAF 2.0 advisories and VEX: for each product of each status of each vulnerability one statement. Products are
 * named by identifiers that the product tree explains; in files whose tree comes behind the vulnerabilities the
 * identifier is all there is. */
#include <string.h>

#include "hub/findings/importers.h"
#include "hub/findings/products.h"
#include "hub/findings/state.h"

enum paths { VERSION, TITLE, PUBLISHER, DATE, SEVERITY, PRODUCT, NAME, RELATION, WEAKNESS };

static const char *const paths[] = {
	[VERSION] = "document/csaf_version",
	[TITLE] = "document/title",
	[PUBLISHER] = "document/publisher/name",
	[DATE] = "document/tracking/current_release_date",
	[SEVERITY] = "document/aggregate_severity/text",
	[PRODUCT] = "product_tree/**/product",
	[NAME] = "product_tree/full_product_names/*",
	[RELATION] = "product_tree/relationships/*",
	[WEAKNESS] = "vulnerabilities/*",
	NULL,
};

struct csaf {
	struct json_state state;
	struct products products;
	char severity[32];
};

static const struct {
	const char *status;
	enum record_statement statement;
} statuses[] = {
	{ "known_affected", RECORD_IS_AFFECTED }, { "first_affected", RECORD_IS_AFFECTED },
	{ "last_affected", RECORD_IS_AFFECTED }, { "known_not_affected", RECORD_IS_NOT_AFFECTED },
	{ "fixed", RECORD_IS_FIXED }, { "first_fixed", RECORD_IS_FIXED },
	{ "under_investigation", RECORD_IS_INVESTIGATED },
	/* "recommended" says which version to take, not what is in it. */
};

/* ---- Products ---- */

static void add_product(struct csaf *csaf, const json_t *value, uint64_t position)
{
	const json_t *helper = json_object_get(value, "product_identification_helper");
	struct product product = {
		.reference = json_text_of(value, "product_id"),
		.name = json_text_of(value, "name"),
		.cpe = json_text_of(helper, "cpe"),
		.purl = json_text_of(helper, "purl"),
	};
	struct bytes type, name;

	if (bytes_empty(product.reference)) {
		import_refuse(csaf->state.import, position, "product: no product_id");
		return;
	}
	(void)import_purl(product.purl, &type, &name, &product.version);
	products_add(&csaf->products, &product);
}

/* ---- Statements ---- */

static bool list_has(const json_t *list, struct bytes text)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (bytes_equal(json_text(json_array_get(list, i)), text))
			return true;
	}
	return false;
}

static struct bytes vector_for(const json_t *weakness, struct bytes id)
{
	static const char *const versions[] = { "cvss_v4", "cvss_v3", "cvss_v2" };
	const json_t *scores = json_object_get(weakness, "scores");

	for (size_t version = 0; version < ARRAY_COUNT(versions); version++) {
		for (size_t i = 0; i < json_array_size(scores); i++) {
			const json_t *score = json_array_get(scores, i);
			struct bytes vector = json_text_of(json_object_get(score, versions[version]), "vectorString");

			if (!bytes_empty(vector) && list_has(json_object_get(score, "products"), id))
				return vector;
		}
	}
	return (struct bytes){ 0 };
}

static struct bytes label_for(const json_t *weakness, struct bytes id)
{
	const json_t *flags = json_object_get(weakness, "flags");

	for (size_t i = 0; i < json_array_size(flags); i++) {
		const json_t *flag = json_array_get(flags, i);

		if (list_has(json_object_get(flag, "product_ids"), id))
			return json_text_of(flag, "label");
	}
	return (struct bytes){ 0 };
}

static void add_references(const json_t *weakness, struct record *record)
{
	const json_t *references = json_object_get(weakness, "references");

	for (size_t i = 0; i < json_array_size(references); i++)
		json_references(json_object_get(json_array_get(references, i), "url"), record);
}

static int one_statement(struct csaf *csaf, const json_t *weakness, const struct record *form, struct bytes id)
{
	const struct product *product = products_find(&csaf->products, id);
	struct record record = *form;

	record.product = product && !bytes_empty(product->name) ? product->name : id;
	if (product) {
		record.version = product->version;
		record.cpe = product->cpe;
		record.purl = product->purl;
	}
	record.cvss = vector_for(weakness, id);
	record.justification = label_for(weakness, id);
	return import_record(csaf->state.import, &record);
}

/* Without a CVE the first of the supplier's own identifiers. */
static struct bytes rule_of(const json_t *weakness)
{
	return json_text_of(json_array_get(json_object_get(weakness, "ids"), 0), "text");
}

static int statements(struct csaf *csaf, const json_t *weakness, uint64_t position)
{
	const json_t *status = json_object_get(weakness, "product_status");
	struct record form = { .kind = RECORD_STATEMENT };
	int error = 0;

	form.cve = json_text_of(weakness, "cve");
	form.rule = rule_of(weakness);
	form.title = json_text_of(weakness, "title");
	form.severity_word = bytes_from_str(csaf->severity);
	form.severity = import_severity(form.severity_word);
	if (bytes_empty(form.cve) && bytes_empty(form.rule)) {
		import_refuse(csaf->state.import, position, "cve, ids: not there");
		return 0;
	}
	add_references(weakness, &form);
	for (size_t i = 0; i < ARRAY_COUNT(statuses); i++) {
		const json_t *products = json_object_get(status, statuses[i].status);

		form.statement = statuses[i].statement;
		for (size_t at = 0; at < json_array_size(products) && !error; at++)
			error = one_statement(csaf, weakness, &form, json_text(json_array_get(products, at)));
	}
	return error;
}

static int on_value(void *context, size_t path, json_t *value, uint64_t position)
{
	struct csaf *csaf = context;
	struct import *import = csaf->state.import;
	struct bytes none = { 0 };

	switch ((enum paths)path) {
	case VERSION:
		import_tool(import, none, json_text(value), 0);
		break;
	case TITLE:
		import_target(import, json_text(value));
		break;
	case PUBLISHER:
		import_tool(import, json_text(value), none, 0);
		break;
	case DATE:
		import_tool(import, none, none, import_time(json_text(value)));
		break;
	case SEVERITY:
		if (!bytes_to_str(json_text(value), csaf->severity, sizeof(csaf->severity)))
			csaf->severity[0] = '\0';
		break;
	case PRODUCT:
	case NAME:
		add_product(csaf, value, position);
		break;
	case RELATION:
		add_product(csaf, json_object_get(value, "full_product_name"), position);
		break;
	case WEAKNESS:
		return statements(csaf, value, position);
	}
	return 0;
}

static int sniff(struct bytes beginning)
{
	return json_opening(beginning) == '{' && json_has_key(beginning, "csaf_version") ? 2 : 0;
}

static void csaf_free(void *state)
{
	products_done(&((struct csaf *)state)->products);
	json_state_free(state);
}

static int begin(struct import *import, void **ret_state)
{
	int error = json_state_new(import, sizeof(struct csaf), paths, on_value, ret_state);

	if (!error && products_init(&((struct csaf *)*ret_state)->products)) {
		json_state_free(*ret_state);
		error = LUYTRE_E_NOMEM;
	}
	return error;
}

const struct importer importer_csaf = {
	.name = "csaf",
	.title = "CSAF 2.0 or VEX",
	.sniff = sniff,
	.begin = begin,
	.feed = json_state_feed,
	.end = json_state_end,
	.free = csaf_free,
};
