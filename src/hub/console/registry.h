// SPDX-License-Identifier: Apache-2.0
/* What the handlers of organisations, systems and assets share: a call of hub/tenants, why it was refused, and who is told. */
#pragma once

#include "hub/console/internal.h"

struct policy_now;

/* Lives as long as '*ret' and the scope. */
struct registry {
	struct console_call who;
	struct tenants_why why;
	struct tenants_call call;
	const struct policy_now *policy; /* for assets; not owned */
};
void registry_call(const struct api_request *request, const struct scope *scope, struct registry *ret);

/* The tenant of the path, which is there and where the caller may do this: the scope is that tenant alone. False: the reply says why. */
struct registry_tenant {
	uint32_t id;
	struct scope scope;
};
MUST_CHECK bool registry_tenant(
	const struct api_request *request, struct api_reply *reply, struct registry_tenant *ret);

/* The asset of the path, of the tenant of the path. False: the reply says why. */
MUST_CHECK bool registry_asset(const struct api_request *request, struct api_reply *reply, struct registry_tenant *of,
	struct registry *registry, struct tenant_asset *ret);

/* The problem that hub/tenants had. */
void registry_refuse(
	const struct api_request *request, struct api_reply *reply, const struct registry *registry, int error);

/* "created", "updated", "deleted"; 'visible': who may see the tenant is told. */
void registry_told(const struct api_request *request, const char *kind, uint32_t id, uint32_t visible, const char *op);

/* Texts of the body. Without 'needed' what is not there stays as it was; null empties it. */
void registry_text(const struct jsonr *body, const char *key, enum jsonr_need need, char *text, size_t text_size);
/* A member that is an id; null: 0. False when it is not there or no id, which is noted. */
bool registry_id(const struct jsonr *body, const char *key, enum jsonr_need need, uint32_t *ret);
/* One of the words of hub/tenants. */
void registry_word(const struct jsonr *body, const char *key, const struct tenants_word *words, size_t count, int *ret);
/* A code of a province as two digits; null: 0. */
void registry_province(const struct jsonr *body, uint32_t *ret);
void registry_kv_province(struct jsonw *json, uint32_t province);

/* How many there are; 'sql' counts what belongs to ?1. */
MUST_CHECK int registry_count(const struct api_request *request, const char *sql, uint32_t id, uint64_t *ret);

/* A page that rows are written into until it is full; 'more' then says that there is another. */
struct registry_page {
	const struct api_request *request;
	struct jsonw *json;
	struct registry *registry;
	struct bytes text; /* that must stand in it; empty: any */
	struct api_position last;
	uint32_t left;
	bool more;
};
enum { REGISTRY_FULL = 1 };
/* False when the cursor is refused, and the reply says so. */
MUST_CHECK bool registry_page_begin(const struct api_request *request, struct api_reply *reply,
	struct registry *registry, struct registry_page *ret);
/* 0: write it, and it is the last for now; REGISTRY_FULL: there is no room. */
int registry_page_take(struct registry_page *page, uint64_t key, uint64_t id);
/* 'error': 0, REGISTRY_FULL, or what went wrong. */
void registry_page_end(struct api_reply *reply, struct registry_page *page, int error);
