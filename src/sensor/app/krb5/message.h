// SPDX-License-Identifier: Apache-2.0
/* The parts of Kerberos messages that are in the clear (RFC 4120, section 5.4 and 5.9).
 *
 * Views point into the bytes that were read. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

enum krb5_type {
	KRB5_AS_REQ = 10,
	KRB5_AS_REP = 11,
	KRB5_TGS_REQ = 12,
	KRB5_TGS_REP = 13,
	KRB5_AP_REQ = 14,
	KRB5_AP_REP = 15,
	KRB5_SAFE = 20,
	KRB5_PRIV = 21,
	KRB5_CRED = 22,
	KRB5_ERROR = 30
};

enum { KRB5_NAMES_MAX = 16 };

/* A name in several parts: "krbtgt", "EXAMPLE.ORG". */
struct krb5_name {
	bool present;
	uint8_t count;
	struct bytes parts[KRB5_NAMES_MAX];
};

struct krb5_message {
	uint8_t type; /* enum krb5_type */
	struct krb5_name client, server;
	struct bytes realm; /* null pointer: none */
	bool has_encryption, has_ticket_encryption, has_error;
	int32_t encryption, ticket_encryption;
	int32_t error;
};

/* The type that the outer tag says, 0: it is none of these. */
uint8_t krb5_type_of(uint8_t tag);

/* 0, or LUYTRE_E_SYNTAX. A type that is not read in depth leaves the rest empty. */
MUST_CHECK int krb5_message_read(struct bytes in, struct krb5_message *ret);
