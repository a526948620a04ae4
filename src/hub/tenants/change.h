// SPDX-License-Identifier: Apache-2.0
/* What changes of tenants, systems and assets share: transaction, refusal, audit record, lists; for this folder
 * alone. */
#pragma once

#include "hub/tenants/tenants.h"

/* Answers of row functions that are no error. */
enum { TENANTS_ENOUGH = INT32_MIN };

/* A column's name in the audit log, alone and for what stood there before. */
struct change_field {
	const char *name, *before;
};

struct change {
	const char *kind; /* "tenant" */
	const char *verb; /* "create", "update", "remove" */
	uint32_t id, tenant;
	const struct change_field *fields;
	size_t field_count;
	const struct db_value *before, *after; /* null: there was none, there is none */
};

/* Remembers the reason and gives its error. */
int change_refuse(const struct tenants_call *call, enum tenants_reason reason, const char *field);

/* What is removed. */
struct change_target {
	uint32_t id;
	int64_t revision;
};

/* Does the work in the caller's transaction, or in one of its own: stored as a whole or not at all. 'work' is given 'what' and room for
 * a row, zeroed; the row's first 'size' bytes are '*ret' on success only, so 'ret' may be 'what'. */
typedef int (*change_fn)(const struct tenants_call *call, const void *what, void *made);
MUST_CHECK int change_run(const struct tenants_call *call, change_fn work, const void *what, void *ret, size_t size);

/* Writes the audit record and moves the generation on. Of an update it tells what differs. */
MUST_CHECK int change_record(const struct tenants_call *call, const struct change *change);

/* A next id, of 32 bits. */
MUST_CHECK int change_next_id(const struct tenants_call *call, const char *sequence, uint32_t *ret);

/* One walk over a table in pages. 'give' is told each row, calls the user's function for rows of the scope, and
 * answers with list_take first. */
struct list {
	const struct scope *scope;
	uint32_t left; /* rows still wanted */
	int64_t after;
	bool any; /* the page had a row */
	db_row_fn give; /* context: this list */
	void *target; /* the user's function and context */
};

/* 'sql' wants ?1: ids above it, and ?2: 'of'; at most 1,000 rows by id. */
MUST_CHECK int list_run(struct list *list, struct db *db, const char *sql, uint32_t of);
/* Row with this id of this tenant: 0 to pass over it, 1 to hand it over, TENANTS_ENOUGH at the end. */
int list_take(struct list *list, int64_t id, uint32_t tenant);

/* 0, or ABSENT refused when this tenant is not there or not in the scope. */
MUST_CHECK int change_need_tenant(const struct tenants_call *call, uint32_t tenant, const char *field);
