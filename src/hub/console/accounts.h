// SPDX-License-Identifier: Apache-2.0
/* What the handlers of sessions, people and tokens share: accounts as the API shows them.
 *
 * Mail and language of a person are the console's own ("profile"): hub/auth does not need them. A grant has no number of its own in
 * the database; the API's is made of account, role and tenant, and read back from it. */
#pragma once

#include "hub/console/internal.h"

enum { PROFILE_MAIL_SIZE = 4 * 254 + 1, PROFILE_LANGUAGE_SIZE = 3 };

struct profile {
	char mail[PROFILE_MAIL_SIZE]; /* "": none */
	char language[PROFILE_LANGUAGE_SIZE]; /* "vi" or "en" */
};

/* The table; after auth_setup. */
MUST_CHECK int profile_setup(struct db *db);
/* "vi" and no mail for who has none. */
MUST_CHECK int profile_get(struct db *db, uint32_t account, struct profile *ret);
MUST_CHECK int profile_set(struct db *db, uint32_t account, const struct profile *profile);
MUST_CHECK int profile_remove(struct db *db, uint32_t account);

uint64_t grant_id(uint32_t account, const struct auth_grant *grant);
/* False: no id that grant_id makes. */
bool grant_of_id(uint64_t id, uint32_t *ret_account, struct auth_grant *ret);
/* An object; the name of the tenant only for who may see the tenant. */
void grant_write(const struct console_call *call, struct jsonw *json, uint32_t account, const struct auth_grant *grant);

/* Answers why a password is none, or the error. */
void password_refuse(const struct api_request *request, struct api_reply *reply, int error, enum password_fault fault);

/* Answers a session that was just opened: 201, who it is, and the cookie. */
void session_answer(struct api_request *request, struct api_reply *reply, struct auth_answer *answer);
