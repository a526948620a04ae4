// SPDX-License-Identifier: Apache-2.0
/* CycloneDX in JSON, versions 1.0 to 1.7. */
#include "hub/findings/cyclonedx-common.h"
#include "hub/findings/importers.h"
#include "hub/findings/state.h"

enum paths { COMPONENT, WEAKNESS, ITSELF, TIME };

static const char *const paths[] = {
	[COMPONENT] = "components/*",
	[WEAKNESS] = "vulnerabilities/*",
	[ITSELF] = "metadata/component",
	[TIME] = "metadata/timestamp",
	NULL,
};

struct cyclonedx {
	struct json_state state;
	struct products products;
};

static void read_component(const json_t *value, struct product *ret)
{
	*ret = (struct product){
		.reference = json_text_of(value, "bom-ref"),
		.name = json_text_of(value, "name"),
		.version = json_text_of(value, "version"),
		.cpe = json_text_of(value, "cpe"),
		.purl = json_text_of(value, "purl"),
	};
}

/* With those within it; the stream has bounded how deep they can be. */
static int components(struct cyclonedx *cyclonedx, const json_t *value, uint64_t position) // NOLINT(misc-no-recursion)
{
	const json_t *inner = json_object_get(value, "components");
	struct product component;
	int error;

	read_component(value, &component);
	error = cyclonedx_component(cyclonedx->state.import, &cyclonedx->products, &component, position);
	for (size_t i = 0; i < json_array_size(inner) && !error; i++)
		error = components(cyclonedx, json_array_get(inner, i), position);
	return error;
}

/* Of several ratings the one with the newest method that has a vector. */
static void read_ratings(const json_t *ratings, struct cyclonedx_weakness *ret)
{
	struct bytes newest = { 0 };

	for (size_t i = 0; i < json_array_size(ratings); i++) {
		const json_t *rating = json_array_get(ratings, i);
		struct bytes method = json_text_of(rating, "method"), vector = json_text_of(rating, "vector");

		if (bytes_empty(ret->word))
			ret->word = json_text_of(rating, "severity");
		/* "CVSSv2", "CVSSv3", "CVSSv31", "CVSSv4": their order is that of the letters. */
		if (!bytes_empty(vector) && (bytes_empty(ret->vector) || bytes_compare(method, newest) > 0)) {
			ret->vector = vector;
			newest = method;
			if (!bytes_empty(json_text_of(rating, "severity")))
				ret->word = json_text_of(rating, "severity");
		}
	}
}

static int weakness(struct cyclonedx *cyclonedx, const json_t *value, uint64_t position)
{
	const json_t *analysis = json_object_get(value, "analysis"), *affects = json_object_get(value, "affects");
	struct cyclonedx_weakness about = {
		.id = json_text_of(value, "id"),
		.title = json_text_of(value, "description"),
		.state = json_text_of(analysis, "state"),
		.justification = json_text_of(analysis, "justification"),
		.reference = json_text_of(json_object_get(value, "source"), "url"),
	};
	struct import *import = cyclonedx->state.import;
	int error = 0;

	if (bytes_empty(about.id)) {
		import_refuse(import, position, "vulnerability: no id");
		return 0;
	}
	read_ratings(json_object_get(value, "ratings"), &about);
	if (json_array_size(affects) == 0)
		return cyclonedx_affected(import, &cyclonedx->products, &about, (struct bytes){ 0 });
	for (size_t i = 0; i < json_array_size(affects) && !error; i++)
		error = cyclonedx_affected(
			import, &cyclonedx->products, &about, json_text_of(json_array_get(affects, i), "ref"));
	return error;
}

static int on_value(void *context, size_t path, json_t *value, uint64_t position)
{
	struct cyclonedx *cyclonedx = context;
	struct product itself;

	switch ((enum paths)path) {
	case COMPONENT:
		return components(cyclonedx, value, position);
	case WEAKNESS:
		return weakness(cyclonedx, value, position);
	case ITSELF:
		read_component(value, &itself);
		products_add(&cyclonedx->products, &itself);
		import_target(cyclonedx->state.import, itself.name);
		break;
	case TIME:
		import_tool(cyclonedx->state.import, (struct bytes){ 0 }, (struct bytes){ 0 },
			import_time(json_text(value)));
		break;
	}
	return 0;
}

static int sniff(struct bytes beginning)
{
	return json_opening(beginning) == '{' && json_has_key(beginning, "bomFormat") ? 2 : 0;
}

static void cyclonedx_free(void *state)
{
	products_done(&((struct cyclonedx *)state)->products);
	json_state_free(state);
}

static int begin(struct import *import, void **ret_state)
{
	int error = json_state_new(import, sizeof(struct cyclonedx), paths, on_value, ret_state);

	if (!error && products_init(&((struct cyclonedx *)*ret_state)->products)) {
		json_state_free(*ret_state);
		error = LUYTRE_E_NOMEM;
	}
	return error;
}

const struct importer importer_cyclonedx = {
	.name = "cyclonedx",
	.title = "CycloneDX JSON",
	.sniff = sniff,
	.begin = begin,
	.feed = json_state_feed,
	.end = json_state_end,
	.free = cyclonedx_free,
};
