// SPDX-License-Identifier: Apache-2.0
#include "hub/edges/csrtest.h"
#include "tests/bench/hub/nation.h"

#include <ftw.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "hub/tenants/tenants.h"

enum { ASSET_SIZE = 16, DAY_S = 86400, LOCK_MAX = 1000 };

static const uint32_t first_asset = 0xab000000 /* 171.0.0.0 */, first_decided = 0x2d000000 /* 45.0.0.0 */;

static void must(int error, const char *what)
{
	if (!error)
		return;
	fprintf(stderr, "bench-hub: %s: %s\n", what, error_text(error, LUYTRE_LANG_EN));
	exit(1);
}

static int64_t now_us(void)
{
	return (int64_t)(clock_real_ns() / NS_PER_US);
}

static struct ip_addr address_of(uint32_t number)
{
	struct ip_addr addr = { .family = IP_V4 };

	for (int i = 0; i < 4; i++)
		addr.bytes[i] = (uint8_t)(number >> (24 - 8 * i));
	return addr;
}

struct ip_addr nation_target(const struct nation *nation, uint32_t tenant, uint32_t asset)
{
	return address_of(first_asset + ASSET_SIZE * (tenant * nation->assets_each + asset) + 5);
}

struct core *nation_core(const struct nation *nation)
{
	const struct core_options options = {
		.state_dir = nation->dir, .control = nation->control, .events = nation->events
	};
	char why[CORE_WHY_SIZE];
	struct core *core;

	if (core_open(&options, &core, why)) {
		fprintf(stderr, "bench-hub: %s\n", why);
		exit(1);
	}
	return core;
}

/* ---- Tenants ---- */

static void make_assets(const struct tenants_call *call, const struct nation *nation, uint32_t number, uint32_t system)
{
	for (uint32_t i = 0; i < nation->assets_each; i++) {
		struct tenant_asset asset = { .system = system };
		struct ip_addr addr = nation_target(nation, number, i);
		char text[IP_ADDR_TEXT_SIZE];

		addr.bytes[3] &= 0xf0;
		snprintf(asset.value, sizeof(asset.value), "%s/28", ip_addr_format(&addr, text));
		must(tenant_asset_create(call, &asset, &asset), "an asset");
	}
}

static void make_tenants(
	const struct nation *nation, struct db *db, const struct audit_origin *origin, uint32_t *ret_ids)
{
	const struct scope all = { .all = true };
	const struct tenants_call call = { .db = db, .scope = &all, .origin = origin };

	must(db_begin(db), "the database");
	for (uint32_t i = 0; i < nation->tenant_count; i++) {
		struct tenant tenant = { .kind = TENANT_KIND_ORGANISATION };
		struct tenant_system system = { .level = 3, .name = "Cổng dịch vụ công" };

		snprintf(tenant.name, sizeof(tenant.name), "Sở %u", i);
		must(tenant_create(&call, &tenant, &tenant), "a tenant");
		ret_ids[i] = system.tenant = tenant.id;
		must(tenant_system_create(&call, &system, &system), "a system");
		make_assets(&call, nation, i, system.id);
	}
	must(db_commit(db), "the database");
}

/* ---- Edges ---- */

static X509 *certificate_of(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	must(certificate ? 0 : LUYTRE_E_SYNTAX, "a certificate");
	return certificate;
}

/* 'tenant' 0: serves everybody. */
static void enter(struct nation_edge *edge, struct edges *edges, const struct audit_origin *origin, size_t number,
	uint32_t tenant)
{
	char token[EDGES_TOKEN_SIZE], name[32], *request;
	const struct edges_invitation invitation = { .name = name,
		.bound = { .all = !tenant, .tenants = tenant ? &tenant : NULL, .tenant_count = tenant != 0 } };
	struct edges_enrolled enrolled;

	edge->key = EVP_EC_gen("P-256");
	request = csrtest_pem(edge->key, NULL, NULL);
	snprintf(name, sizeof(name), "Điểm %zu", number);
	must(edges_token(edges, origin, &invitation, token, &edge->id), "a token");
	must(edges_enrol(edges, origin, bytes_from_str(token), bytes_from_str(request), bytes_from_str("luytre bench"),
		     &enrolled),
		"an edge");
	edge->id = enrolled.id;
	edge->certificate = certificate_of(enrolled.certificate.pem);
	free(enrolled.certificate.pem);
	free(request);
}

void nation_make(struct nation *nation, const char *parent, size_t edge_count, uint32_t tenant_count,
	uint32_t assets_each, bool own_tenant)
{
	nation_make_at(nation, parent, NULL, NULL, edge_count, tenant_count, assets_each, own_tenant);
}

void nation_make_at(struct nation *nation, const char *parent, const char *control, const char *events,
	size_t edge_count, uint32_t tenant_count, uint32_t assets_each, bool own_tenant)
{
	const struct audit_origin origin = { .actor = "system", .now_us = now_us() };
	uint32_t *ids = calloc(tenant_count, sizeof(*ids));
	struct core *core;

	*nation = (struct nation){ .edges = calloc(edge_count ? edge_count : 1, sizeof(*nation->edges)),
		.edge_count = edge_count,
		.tenant_count = tenant_count,
		.assets_each = assets_each,
		.control = control,
		.events = events };
	snprintf(nation->dir, sizeof(nation->dir), "%s/luytre-bench-hub-XXXXXX", parent);
	if (!ids || !nation->edges || !mkdtemp(nation->dir))
		must(LUYTRE_E_SYSTEM, parent);
	core = nation_core(nation);
	core_lock(core);
	make_tenants(nation, core_db(core), &origin, ids);
	for (size_t i = 0; i < edge_count; i++)
		enter(&nation->edges[i], core_edges(core), &origin, i, own_tenant ? ids[i % tenant_count] : 0);
	core_unlock(core);
	nation->authority = certificate_of(ca_pem(core_ca(core)));
	core_close(core);
	free(ids);
}

void nation_decide(struct nation *nation, uint32_t decision_count)
{
	struct core *core = nation_core(nation);

	for (uint32_t done = 0; done < decision_count;) {
		core_lock(core);
		for (uint32_t i = 0; i < LOCK_MAX && done < decision_count; i++, done++) {
			struct ip_addr addr = address_of(first_decided + done);
			struct observable observable;
			const struct engine_order order = { .observable = &observable,
				.level = DECIDE_BLOCK,
				.class = DECIDE_WEB,
				.lifetime_s = DAY_S,
				.person = 1 };

			observable_of_addr(&addr, &observable);
			must(engine_order(core_engine(core), now_us(), &order, NULL), "a decision");
		}
		core_unlock(core);
	}
	core_close(core);
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	return remove(path);
}

void nation_done(struct nation *nation)
{
	for (size_t i = 0; i < nation->edge_count; i++) {
		EVP_PKEY_free(nation->edges[i].key);
		X509_free(nation->edges[i].certificate);
	}
	X509_free(nation->authority);
	free(nation->edges);
	if (nation->dir[0])
		nftw(nation->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	*nation = (struct nation){ 0 };
}
