// SPDX-License-Identifier: Apache-2.0
/* Who this edge is to its hub: what the enrolment left in a folder that only root may read.
 *
 *	identity.json	{"url":"https://hub:8444","edge":12,"keys":[base64 ...]}	written last: without it nothing is enrolled
 *	client.pem	private key and certificate, in one file so that both change at once
 *	authority.pem	who signs the hub's certificate */
#pragma once

#include <limits.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "bus/bundle.h"

enum { IDENTITY_KEYS_MAX = 8, IDENTITY_URL_SIZE = 256, IDENTITY_PEM_MAX = 64 << 10 };

struct identity {
	uint32_t edge;
	char url[IDENTITY_URL_SIZE]; /* without a slash at the end */
	size_t key_count;
	uint8_t keys[IDENTITY_KEYS_MAX][BUNDLE_PUBLIC_SIZE]; /* that policies and snapshots are signed with */
	char client[PATH_MAX], authority[PATH_MAX]; /* files */
};

/* LUYTRE_E_NOT_FOUND (not enrolled), LUYTRE_E_SYNTAX (identity.json is not what it should be), LUYTRE_E_NOMEM, or an error of the disk. */
MUST_CHECK int identity_load(const char *dir, struct identity *ret);

/* What the hub answers to enrol and renew. */
struct identity_answer {
	uint32_t edge; /* 0 in the answer to renew */
	size_t key_count;
	uint8_t keys[IDENTITY_KEYS_MAX][BUNDLE_PUBLIC_SIZE];
	char *certificate, *authority; /* PEM; owned */
};

/* LUYTRE_E_SYNTAX or LUYTRE_E_NOMEM; '*ret' is freed with identity_answer_done on success only. */
MUST_CHECK int identity_read_answer(struct bytes text, struct identity_answer *ret);
void identity_answer_done(struct identity_answer *answer);

/* Writes all files. 'key_pem' is the private key. An error of the disk leaves the earlier identity in force. */
MUST_CHECK int identity_save(
	const char *dir, const char *url, uint32_t edge, struct bytes key_pem, const struct identity_answer *answer);

/* "https://host[:port]", no more; copies it without a slash at the end. */
MUST_CHECK int identity_check_url(const char *url, char ret[IDENTITY_URL_SIZE]);
