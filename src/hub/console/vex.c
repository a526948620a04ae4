// SPDX-License-Identifier: Apache-2.0
/* What an organisation can tell others about its weaknesses: a VEX document in the profile "csaf_vex" of CSAF 2.0 (OASIS, sections 3 and 4.5).
 *
 * Each system is a product, each asset of it a product of its own below. A weakness without a CVE stays out: its rule is a tool's alone. States
 * become product states so:
 *
 *	open, accepted			known_affected, with a remediation that says so
 *	held				known_not_affected, with the flag inline_mitigations_already_exist and the rule in the threat
 *	fix claimed			under_investigation
 *	verified			fixed
 *	false				known_not_affected, with a reason (impact)
 *
 * An asset may have several findings of one CVE, in other places: the worst counts, for a product may stand in one group of contradicting
 * states alone (section 6.1.6). */
#include <stdio.h>
#include <stdlib.h>

#include "hub/api/moment.h"
#include "hub/console/posture.h"
#include "hub/posture/search.h"

enum { VEX_MAX = 20000, PRODUCT_SIZE = 32 };

/* From the worst; X(identifier, member of product_status) */
#define STANDINGS(X)                                                                                                   \
	X(AFFECTED, "known_affected")                                                                                  \
	X(INVESTIGATED, "under_investigation")                                                                         \
	X(HELD, "known_not_affected")                                                                                  \
	X(FALSE_ALARM, "known_not_affected")                                                                           \
	X(FIXED, "fixed")

enum standing {
#define X(id, word) STANDING_##id,
	STANDINGS(X)
#undef X
		STANDING_COUNT
};

/* Of one CVE on one asset. */
struct row {
	char cve[FINDING_CVE_SIZE];
	uint32_t asset, system;
	enum standing standing;
	char hold[FINDING_RULE_SIZE], title[FINDING_TITLE_SIZE], reason[FINDING_REASON_SIZE];
	int64_t until_us; /* of an acceptance */
};

struct vex {
	const struct api_request *request;
	struct jsonw *json;
	struct row *rows; /* owned */
	size_t count;
	bool full;
	const struct tenant *tenant;
};

/* ---- Gathering ---- */

static enum standing standing_of(const struct finding *finding)
{
	static const enum standing standings[FINDING_STATE_COUNT] = { [FINDING_OPEN] = STANDING_AFFECTED,
		[FINDING_HELD] = STANDING_HELD,
		[FINDING_CLAIMED] = STANDING_INVESTIGATED,
		[FINDING_VERIFIED] = STANDING_FIXED,
		[FINDING_ACCEPTED] = STANDING_AFFECTED,
		[FINDING_FALSE_ALARM] = STANDING_FALSE_ALARM };

	return standings[finding->state];
}

static int gather(void *context, const struct finding *finding)
{
	struct vex *vex = context;
	struct row *row = &vex->rows[vex->count];

	if (!finding->cve[0])
		return FINDING_SKIP;
	vex->full = vex->count == VEX_MAX;
	if (vex->full)
		return LUYTRE_E_FULL;
	*row = (struct row){ .asset = finding->asset,
		.system = finding->system,
		.standing = standing_of(finding),
		.until_us = finding->expires_us };
	memcpy(row->cve, finding->cve, sizeof(row->cve));
	memcpy(row->hold, finding->hold, sizeof(row->hold));
	memcpy(row->title, finding->title, sizeof(row->title));
	memcpy(row->reason, finding->reason, sizeof(row->reason));
	vex->count++;
	return 0;
}

static int compare_rows(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	int order = strcmp(a->cve, b->cve);

	if (order)
		return order;
	if (a->asset != b->asset)
		return a->asset < b->asset ? -1 : 1;
	return (a->standing > b->standing) - (a->standing < b->standing);
}

/* The worst of each CVE and asset stays. */
static void keep_worst(struct vex *vex)
{
	size_t kept = 0;

	qsort(vex->rows, vex->count, sizeof(*vex->rows), compare_rows);
	for (size_t i = 0; i < vex->count; i++) {
		const struct row *last = kept ? &vex->rows[kept - 1] : NULL;

		if (!last || strcmp(last->cve, vex->rows[i].cve) != 0 || last->asset != vex->rows[i].asset)
			vex->rows[kept++] = vex->rows[i];
	}
	vex->count = kept;
}

static int read_findings(struct vex *vex, const struct scope *scope)
{
	const struct finding_call call = { .db = console_db(vex->request), .scope = scope };
	struct finding_filter filter = { .state = -1, .limit = FINDING_PAGE_MAX };
	struct finding_next next;
	int error;

	do {
		error = finding_search(&call, &filter, gather, vex, &next);
		filter.after_due_us = next.due_us;
		filter.after_id = next.id;
	} while (!error && next.more);
	if (!error && vex->count > 0)
		keep_worst(vex);
	return error;
}

/* ---- The document ---- */

static void write_document(struct vex *vex, int64_t now_us)
{
	struct jsonw *json = vex->json;
	char now[MOMENT_TEXT_SIZE], text[TENANT_NAME_SIZE + 64];

	moment_format(now_us, now);
	jsonw_kv_object_begin(json, "document");
	jsonw_kv_string(json, "category", "csaf_vex");
	jsonw_kv_string(json, "csaf_version", "2.0");
	jsonw_kv_string(json, "lang", "vi");
	snprintf(text, sizeof(text), "Điểm yếu và biện pháp bảo vệ: %s", vex->tenant->name);
	jsonw_kv_string(json, "title", text);
	jsonw_kv_object_begin(json, "publisher");
	jsonw_kv_string(json, "category", "user");
	jsonw_kv_string(json, "name", vex->tenant->name);
	snprintf(text, sizeof(text), "urn:luytre:tenant:%u", vex->tenant->id);
	jsonw_kv_string(json, "namespace", text);
	jsonw_object_end(json);
	jsonw_kv_object_begin(json, "tracking");
	snprintf(text, sizeof(text), "luytre-vex-%u", vex->tenant->id);
	jsonw_kv_string(json, "id", text);
	jsonw_kv_string(json, "status", "interim");
	jsonw_kv_string(json, "version", "1");
	jsonw_kv_string(json, "initial_release_date", now);
	jsonw_kv_string(json, "current_release_date", now);
	jsonw_kv_array_begin(json, "revision_history");
	jsonw_object_begin(json);
	jsonw_kv_string(json, "number", "1");
	jsonw_kv_string(json, "date", now);
	jsonw_kv_string(json, "summary", "Trạng thái tại thời điểm này / as of this moment");
	jsonw_object_end(json);
	jsonw_array_end(json);
	jsonw_kv_object_begin(json, "generator");
	jsonw_kv_string(json, "date", now);
	jsonw_kv_object_begin(json, "engine");
	jsonw_kv_string(json, "name", "Lũy Tre");
	jsonw_kv_string(json, "version", LUYTRE_VERSION);
	jsonw_object_end(json);
	jsonw_object_end(json);
	jsonw_object_end(json);
	jsonw_object_end(json);
}

/* Assets that findings speak of, each once. */
struct products {
	uint32_t *assets; /* owned, ascending */
	size_t count;
};

static int compare_ids(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static int find_products(const struct vex *vex, struct products *ret)
{
	size_t kept = 0;

	ret->count = 0;
	ret->assets = malloc((vex->count + 1) * sizeof(*ret->assets));
	if (!ret->assets)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < vex->count; i++)
		ret->assets[i] = vex->rows[i].asset;
	qsort(ret->assets, vex->count, sizeof(*ret->assets), compare_ids);
	for (size_t i = 0; i < vex->count; i++)
		if (kept == 0 || ret->assets[kept - 1] != ret->assets[i])
			ret->assets[kept++] = ret->assets[i];
	ret->count = kept;
	return 0;
}

static const char *product_of(uint32_t asset, char text[PRODUCT_SIZE])
{
	snprintf(text, PRODUCT_SIZE, "asset-%u", asset);
	return text;
}

static int row_product(void *context, const struct db_value *columns, size_t column_count)
{
	struct jsonw *json = context;
	char name[2 * TENANT_NAME_SIZE];

	snprintf(name, sizeof(name), "%.*s (%.*s)", (int)columns[0].bytes.size, (const char *)columns[0].bytes.ptr,
		(int)columns[1].bytes.size, (const char *)columns[1].bytes.ptr);
	jsonw_kv_string(json, "name", name);
	return 1;
}

static int write_product(struct vex *vex, uint32_t asset)
{
	struct jsonw *json = vex->json;
	char id[PRODUCT_SIZE];
	int found;

	jsonw_object_begin(json);
	found = db_each(console_db(vex->request),
		"select asset.value, system.name from asset join system on system.id = asset.system where asset.id = "
		"?1",
		DB_ARGS(db_i64(asset)), row_product, json);
	if (found == 0)
		jsonw_kv_string(json, "name", product_of(asset, id));
	jsonw_kv_string(json, "product_id", product_of(asset, id));
	jsonw_object_end(json);
	return found < 0 ? found : 0;
}

static int write_products(struct vex *vex)
{
	struct products products;
	int error = find_products(vex, &products);

	if (error)
		return error;
	jsonw_kv_object_begin(vex->json, "product_tree");
	jsonw_kv_array_begin(vex->json, "full_product_names");
	for (size_t i = 0; i < products.count && !error; i++)
		error = write_product(vex, products.assets[i]);
	jsonw_array_end(vex->json);
	jsonw_object_end(vex->json);
	free(products.assets);
	return error;
}

/* ---- Weaknesses ---- */

static bool has_standing(const struct row *rows, size_t count, const char *word)
{
	static const char *const words[STANDING_COUNT] = {
#define X(id, word) word,
		STANDINGS(X)
#undef X
	};

	for (size_t i = 0; i < count; i++)
		if (strcmp(words[rows[i].standing], word) == 0)
			return true;
	return false;
}

/* A list of the products of one standing; "known_not_affected" is of two. */
static void write_list(
	struct jsonw *json, const char *key, const struct row *rows, size_t count, unsigned int standings)
{
	char id[PRODUCT_SIZE];

	jsonw_kv_array_begin(json, key);
	for (size_t i = 0; i < count; i++)
		if (standings >> rows[i].standing & 1)
			jsonw_string(json, product_of(rows[i].asset, id));
	jsonw_array_end(json);
}

#define BIT(id) (1U << STANDING_##id)

static void write_status(struct jsonw *json, const struct row *rows, size_t count)
{
	static const struct {
		const char *key;
		unsigned int standings;
	} lists[] = { { "known_affected", BIT(AFFECTED) }, { "under_investigation", BIT(INVESTIGATED) },
		{ "known_not_affected", BIT(HELD) | BIT(FALSE_ALARM) }, { "fixed", BIT(FIXED) } };

	jsonw_kv_object_begin(json, "product_status");
	for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
		if (has_standing(rows, count, lists[i].key))
			write_list(json, lists[i].key, rows, count, lists[i].standings);
	jsonw_object_end(json);
}

/* What stands before the weakness; a product that is not affected needs a flag or a reason (section 4.5). */
static void write_flags(struct jsonw *json, const struct row *rows, size_t count)
{
	bool held = false;

	for (size_t i = 0; i < count; i++)
		held = held || rows[i].standing == STANDING_HELD;
	if (!held)
		return;
	jsonw_kv_array_begin(json, "flags");
	jsonw_object_begin(json);
	jsonw_kv_string(json, "label", "inline_mitigations_already_exist");
	write_list(json, "product_ids", rows, count, BIT(HELD));
	jsonw_object_end(json);
	jsonw_array_end(json);
}

static void write_one_list(struct jsonw *json, const struct row *row)
{
	char id[PRODUCT_SIZE];

	jsonw_kv_array_begin(json, "product_ids");
	jsonw_string(json, product_of(row->asset, id));
	jsonw_array_end(json);
}

/* "impact": which rule holds it, or why it is no weakness here. */
static void write_threats(struct jsonw *json, const struct row *rows, size_t count)
{
	char text[FINDING_REASON_SIZE + FINDING_RULE_SIZE + 160];
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];

		if (row->standing != STANDING_HELD && row->standing != STANDING_FALSE_ALARM)
			continue;
		if (!any)
			jsonw_kv_array_begin(json, "threats");
		any = true;
		if (row->standing == STANDING_HELD)
			snprintf(text, sizeof(text),
				"Đang được chặn ở biên bằng luật %s / held at the perimeter by rule %s", row->hold,
				row->hold);
		else
			snprintf(text, sizeof(text), "%s", row->reason[0] ? row->reason : "-");
		jsonw_object_begin(json);
		jsonw_kv_string(json, "category", "impact");
		jsonw_kv_string(json, "details", text);
		write_one_list(json, row);
		jsonw_object_end(json);
	}
	if (any)
		jsonw_array_end(json);
}

/* An affected product needs one (section 4.5). */
static void write_remediations(struct jsonw *json, const struct row *rows, size_t count)
{
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];

		if (row->standing != STANDING_AFFECTED)
			continue;
		if (!any)
			jsonw_kv_array_begin(json, "remediations");
		any = true;
		jsonw_object_begin(json);
		jsonw_kv_string(json, "category", row->until_us ? "no_fix_planned" : "none_available");
		jsonw_kv_string(json, "details",
			row->until_us && row->reason[0]
				? row->reason
				: "Chưa khắc phục, chưa có luật chặn / not fixed yet, and no rule holds it");
		write_one_list(json, row);
		jsonw_object_end(json);
	}
	if (any)
		jsonw_array_end(json);
}

static void write_vulnerability(struct jsonw *json, const struct row *rows, size_t count)
{
	jsonw_object_begin(json);
	jsonw_kv_string(json, "cve", rows[0].cve);
	if (rows[0].title[0])
		jsonw_kv_string(json, "title", rows[0].title);
	jsonw_kv_array_begin(json, "notes");
	jsonw_object_begin(json);
	jsonw_kv_string(json, "category", "summary");
	jsonw_kv_string(json, "text", rows[0].title[0] ? rows[0].title : rows[0].cve);
	jsonw_object_end(json);
	jsonw_array_end(json);
	write_status(json, rows, count);
	write_flags(json, rows, count);
	write_threats(json, rows, count);
	write_remediations(json, rows, count);
	jsonw_object_end(json);
}

static int write_vex(struct vex *vex)
{
	struct jsonw *json = vex->json;
	int error;

	jsonw_object_begin(json);
	write_document(vex, console_now_us(vex->request));
	error = write_products(vex);
	jsonw_kv_array_begin(json, "vulnerabilities");
	for (size_t i = 0, end; i < vex->count; i = end) {
		for (end = i + 1; end < vex->count && strcmp(vex->rows[i].cve, vex->rows[end].cve) == 0;)
			end++;
		write_vulnerability(json, &vex->rows[i], end - i);
	}
	jsonw_array_end(json);
	jsonw_object_end(json);
	return error;
}

static int read_tenant(const struct api_request *request, const struct scope *scope, uint32_t id, struct tenant *ret)
{
	const struct tenants_call call = { .db = console_db(request), .scope = scope };

	return tenant_get(&call, id, ret);
}

void handle_get_tenant_vex(struct api_request *request, struct api_reply *reply)
{
	struct vex vex = { .request = request };
	struct tenant tenant;
	struct scope scope;
	uint32_t id;
	int error;

	if (!console_path_id32(request, reply, "tenant", &id))
		return;
	scope = (struct scope){ .tenants = &id, .tenant_count = 1 };
	error = read_tenant(request, &scope, id, &tenant);
	if (!error) {
		vex.rows = malloc((VEX_MAX + 1) * sizeof(*vex.rows));
		error = vex.rows ? read_findings(&vex, &scope) : LUYTRE_E_NOMEM;
	}
	if (!error && vex.count == 0)
		error = LUYTRE_E_NOT_FOUND;
	if (!error) {
		vex.tenant = &tenant;
		vex.json = api_reply_json(reply, 200);
		error = write_vex(&vex);
	}
	free(vex.rows);
	if (error)
		api_reply_error(reply, error, NULL);
}
