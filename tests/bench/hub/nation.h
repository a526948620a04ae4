// SPDX-License-Identifier: Apache-2.0
/* The state folder of a hub that has been there for a while: a tree of tenants with assets, edges that have entered, decisions that
 * stand. Made with the hub's own libraries, for a thousand edges entering one by one would be held up by the rate limit, as it should. */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

#include "hub/core/core.h"

enum { NATION_DIR_SIZE = 128 };

struct nation_edge {
	uint32_t id;
	EVP_PKEY *key;
	X509 *certificate;
};

struct nation {
	char dir[NATION_DIR_SIZE];
	struct nation_edge *edges;
	size_t edge_count;
	uint32_t tenant_count, assets_each;
	X509 *authority;
	const char *control, *events; /* borrowed; null: in the folder */
};

/* Makes the folder below 'parent' with edges, tenants and their assets (/28 each, counted up from 171.0.0.0). Each edge serves everybody, or
 * with 'own_tenant' the tenant of its own number alone. Ends the program on failure. */
void nation_make(struct nation *nation, const char *parent, size_t edge_count, uint32_t tenant_count,
	uint32_t assets_each, bool own_tenant);
/* The same with its stores elsewhere (core_options). */
void nation_make_at(struct nation *nation, const char *parent, const char *control, const char *events,
	size_t edge_count, uint32_t tenant_count, uint32_t assets_each, bool own_tenant);
/* Orders so many decisions, each for one address of its own; the hub must not run. */
void nation_decide(struct nation *nation, uint32_t decision_count);
/* Removes the folder. */
void nation_done(struct nation *nation);

/* An address in asset 'asset' of tenant 'tenant', both from 0. */
struct ip_addr nation_target(const struct nation *nation, uint32_t tenant, uint32_t asset);

/* Opens the core of the folder, in this process. */
struct core *nation_core(const struct nation *nation);
