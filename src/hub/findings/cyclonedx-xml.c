// SPDX-License-Identifier: Apache-2.0
/* CycloneDX in XML. A component may hold components: each is told when its own fields end, which is when its inner
 * ones begin or it ends itself. */
#include <string.h>

#include "hub/findings/cyclonedx-common.h"
#include "hub/findings/importers.h"
#include "hub/findings/state.h"

enum { AFFECTED_MAX = 512 };

struct cyclonedx {
	struct xml_state state; /* its arena is for one component or one vulnerability */
	struct products products;
	uint64_t position;
	bool told; /* the component that is being read */
	bool itself; /* it is the one of the metadata */
	struct product component;
	struct cyclonedx_weakness weakness;
	struct bytes method, newest_method, word, vector; /* of the rating */
	struct bytes affected[AFFECTED_MAX];
	size_t affected_count;
};

/* ---- Components ---- */

static int tell_component(struct cyclonedx *cyclonedx)
{
	struct product component = cyclonedx->component;

	if (cyclonedx->told || xml_overfull(&cyclonedx->state, cyclonedx->position))
		return 0;
	cyclonedx->told = true;
	if (cyclonedx->itself) {
		products_add(&cyclonedx->products, &component);
		import_target(cyclonedx->state.import, component.name);
		return 0;
	}
	return cyclonedx_component(cyclonedx->state.import, &cyclonedx->products, &component, cyclonedx->position);
}

static int begin_component(void *context, const struct xml_element *element)
{
	struct cyclonedx *cyclonedx = context;

	xml_forget(&cyclonedx->state);
	cyclonedx->component = (struct product){ 0 };
	cyclonedx->told = false;
	cyclonedx->itself = xml_path_ends(element, "bom/metadata/component");
	cyclonedx->position = element->position;
	cyclonedx->component.reference = xml_keep_attribute(&cyclonedx->state, element, "bom-ref");
	return 0;
}

/* What made the bill is no part of what it is about. */
static int begin_tool(void *context, const struct xml_element *element)
{
	((struct cyclonedx *)context)->told = true;
	return 0;
}

static int end_component(void *context, const struct xml_element *element)
{
	return tell_component(context);
}

static int begin_inner(void *context, const struct xml_element *element)
{
	return tell_component(context);
}

static int end_component_text(void *context, const struct xml_element *element)
{
	struct cyclonedx *cyclonedx = context;
	const struct {
		const char *name;
		struct bytes *text;
	} texts[] = {
		{ "name", &cyclonedx->component.name },
		{ "version", &cyclonedx->component.version },
		{ "cpe", &cyclonedx->component.cpe },
		{ "purl", &cyclonedx->component.purl },
	};

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		if (!cyclonedx->told && strcmp(element->name, texts[i].name) == 0)
			*texts[i].text = xml_keep(&cyclonedx->state, import_trim(element->text));
	}
	return 0;
}

/* ---- Vulnerabilities ---- */

static int begin_weakness(void *context, const struct xml_element *element)
{
	struct cyclonedx *cyclonedx = context;

	xml_forget(&cyclonedx->state);
	cyclonedx->weakness = (struct cyclonedx_weakness){ 0 };
	cyclonedx->newest_method = (struct bytes){ 0 };
	cyclonedx->affected_count = 0;
	cyclonedx->position = element->position;
	return 0;
}

static int begin_rating(void *context, const struct xml_element *element)
{
	struct cyclonedx *cyclonedx = context;

	cyclonedx->method = cyclonedx->word = cyclonedx->vector = (struct bytes){ 0 };
	return 0;
}

static int end_rating(void *context, const struct xml_element *element)
{
	struct cyclonedx *cyclonedx = context;
	struct cyclonedx_weakness *weakness = &cyclonedx->weakness;
	bool newer = !bytes_empty(cyclonedx->vector) &&
		     (bytes_empty(weakness->vector) || bytes_compare(cyclonedx->method, cyclonedx->newest_method) > 0);

	if (bytes_empty(weakness->word) || (newer && !bytes_empty(cyclonedx->word)))
		weakness->word = cyclonedx->word;
	if (newer) {
		weakness->vector = cyclonedx->vector;
		cyclonedx->newest_method = cyclonedx->method;
	}
	return 0;
}

static int end_reference(void *context, const struct xml_element *element)
{
	struct cyclonedx *cyclonedx = context;

	if (cyclonedx->affected_count == AFFECTED_MAX)
		import_refuse(cyclonedx->state.import, element->position, "affects: more than %d", AFFECTED_MAX);
	else
		cyclonedx->affected[cyclonedx->affected_count++] =
			xml_keep(&cyclonedx->state, import_trim(element->text));
	return 0;
}

static int end_weakness_text(void *context, const struct xml_element *element)
{
	struct cyclonedx *cyclonedx = context;
	const struct {
		const char *names;
		struct bytes *text;
	} texts[] = {
		{ "vulnerability/id", &cyclonedx->weakness.id },
		{ "vulnerability/description", &cyclonedx->weakness.title },
		{ "vulnerability/source/url", &cyclonedx->weakness.reference },
		{ "analysis/state", &cyclonedx->weakness.state },
		{ "analysis/justification", &cyclonedx->weakness.justification },
		{ "rating/severity", &cyclonedx->word },
		{ "rating/method", &cyclonedx->method },
		{ "rating/vector", &cyclonedx->vector },
	};

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		if (xml_path_ends(element, texts[i].names))
			*texts[i].text = xml_keep(&cyclonedx->state, import_trim(element->text));
	}
	return 0;
}

static int end_weakness(void *context, const struct xml_element *element)
{
	struct cyclonedx *cyclonedx = context;
	struct import *import = cyclonedx->state.import;
	int error = 0;

	if (xml_overfull(&cyclonedx->state, cyclonedx->position))
		return 0;
	if (bytes_empty(cyclonedx->weakness.id)) {
		import_refuse(import, cyclonedx->position, "vulnerability: no id");
		return 0;
	}
	if (cyclonedx->affected_count == 0)
		return cyclonedx_affected(import, &cyclonedx->products, &cyclonedx->weakness, (struct bytes){ 0 });
	for (size_t i = 0; i < cyclonedx->affected_count && !error; i++)
		error = cyclonedx_affected(import, &cyclonedx->products, &cyclonedx->weakness, cyclonedx->affected[i]);
	return error;
}

static int end_time(void *context, const struct xml_element *element)
{
	struct cyclonedx *cyclonedx = context;

	import_tool(cyclonedx->state.import, (struct bytes){ 0 }, (struct bytes){ 0 }, import_time(element->text));
	return 0;
}

static const struct xml_rule rules[] = {
	{ "metadata/timestamp", NULL, end_time },
	{ "tools/components/component", begin_tool, NULL },
	{ "metadata/component", begin_component, end_component },
	{ "component/components", begin_inner, NULL },
	{ "components/component", begin_component, end_component },
	{ "component/name", NULL, end_component_text },
	{ "component/version", NULL, end_component_text },
	{ "component/cpe", NULL, end_component_text },
	{ "component/purl", NULL, end_component_text },
	{ "vulnerabilities/vulnerability", begin_weakness, end_weakness },
	{ "ratings/rating", begin_rating, end_rating },
	{ "target/ref", NULL, end_reference },
	{ "vulnerability/id", NULL, end_weakness_text },
	{ "vulnerability/description", NULL, end_weakness_text },
	{ "vulnerability/source/url", NULL, end_weakness_text },
	{ "analysis/state", NULL, end_weakness_text },
	{ "analysis/justification", NULL, end_weakness_text },
	{ "rating/severity", NULL, end_weakness_text },
	{ "rating/method", NULL, end_weakness_text },
	{ "rating/vector", NULL, end_weakness_text },
};

static int sniff(struct bytes beginning)
{
	return xml_root_is(beginning, "bom") ? 2 : 0;
}

static void cyclonedx_free(void *state)
{
	products_done(&((struct cyclonedx *)state)->products);
	xml_state_free(state);
}

static int begin(struct import *import, void **ret_state)
{
	int error = xml_state_new(import, sizeof(struct cyclonedx), rules, ARRAY_COUNT(rules), ret_state);

	if (!error && products_init(&((struct cyclonedx *)*ret_state)->products)) {
		xml_state_free(*ret_state);
		error = LUYTRE_E_NOMEM;
	}
	return error;
}

const struct importer importer_cyclonedx_xml = {
	.name = "cyclonedx-xml",
	.title = "CycloneDX XML",
	.sniff = sniff,
	.begin = begin,
	.feed = xml_state_feed,
	.end = xml_state_end,
	.free = cyclonedx_free,
};
