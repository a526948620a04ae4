// SPDX-License-Identifier: Apache-2.0
/* hub-person STATE_DIR NAME TENANT: makes somebody who rules this tenant (its number; 0: the nation) at a hub that may be running, and prints a token for
 * the API. It stands in for a person who logs in, changes the first password, sets a second factor up where it is needed, and makes a token. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "hub/auth/auth.h"

enum { THROTTLE_MAX = 16 };

#define PASSWORD "Xq7-Zw9-Kp3-Vb5-Rt1"

static int make(const struct auth_call *call, const char *name, uint32_t tenant, char ret[AUTH_TOKEN_SIZE])
{
	const struct auth_grant grant = { tenant ? AUTH_ROLE_OWNER : AUTH_ROLE_ADMIN, tenant };
	const int64_t day_us = INT64_C(86400000000);
	struct auth_account account = { .tenant = tenant };
	struct auth_principal self;
	struct auth_call as_self;
	enum password_fault fault;
	uint32_t id;
	int error;

	snprintf(account.name, sizeof(account.name), "%s", name);
	snprintf(account.display, sizeof(account.display), "%s", name);
	error = auth_account_create(call, &account, bytes_from_str(PASSWORD), &fault, &account);
	if (!error)
		error = auth_grant_add(call, account.id, &grant);
	if (!error)
		error = db_run(call->db, "update account set must_change = 0, totp = ?2 where id = ?1",
			DB_ARGS(db_i64(account.id), db_i64(tenant == 0)), NULL); /* the nation's need a second factor */
	self = (struct auth_principal){
		.kind = AUTH_BY_SESSION, .account = account.id, .tenant = tenant, .scopes = UINT64_MAX
	};
	self.grants[0] = grant;
	self.grant_count = 1;
	as_self = *call;
	as_self.principal = &self;
	return error ? error
		     : auth_token_create(&as_self, "live",
			       (1ULL << AUTH_POLICY_READ) | (1ULL << AUTH_POLICY_WRITE) | (1ULL << AUTH_EDGES_READ) |
				       (1ULL << AUTH_DECISIONS_READ) | (1ULL << AUTH_EVENTS_READ) |
				       (1ULL << AUTH_FINDINGS_READ) | (1ULL << AUTH_FINDINGS_WRITE) |
				       (1ULL << AUTH_FINDINGS_JUDGE) | (1ULL << AUTH_TENANTS_READ) |
				       (1ULL << AUTH_TENANTS_WRITE),
			       call->origin->now_us + day_us, ret, &id);
}

int main(int argc, char **argv)
{
	const struct audit_origin origin = { .actor = "system", .now_us = (int64_t)(clock_real_ns() / NS_PER_US) };
	const struct auth_principal nation = {
		.kind = AUTH_BY_SESSION, .scopes = UINT64_MAX, .grants = { { AUTH_ROLE_ADMIN, 0 } }, .grant_count = 1
	};
	struct auth_config config = { .throttle_entries_max = THROTTLE_MAX };
	struct auth_call call = { .principal = &nation, .origin = &origin };
	char place[512], token[AUTH_TOKEN_SIZE], why[DB_WHY_SIZE] = "";
	struct tenants_tree *tree = NULL;
	int error;

	if (argc != 4) {
		fprintf(stderr, "usage: hub-person STATE_DIR NAME TENANT\n");
		return 2;
	}
	snprintf(place, sizeof(place), "%s/auth.key", argv[1]);
	error = auth_key_load(place, config.key);
	snprintf(place, sizeof(place), "sqlite:%s/control.db", argv[1]);
	if (!error)
		error = auth_new(&config, &call.auth);
	if (!error)
		error = db_open(place, &call.db, why);
	if (!error)
		error = tenants_tree_refresh(call.db, &tree);
	call.tree = tree;
	if (!error)
		error = make(&call, argv[2], (uint32_t)strtoul(argv[3], NULL, 10), token);
	if (error)
		fprintf(stderr, "%s %s\n", error_name(error), why);
	else
		printf("%s\n", token);
	tenants_tree_unref(tree);
	db_close(call.db);
	auth_free(call.auth);
	return error ? 1 : 0;
}
