// SPDX-License-Identifier: Apache-2.0
/* One LDAP message (RFC 4511, section 4): requests and responses in one struct.
 *
 * Views point into the bytes that were read; lists lie in the given arena. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"

enum ldap_operation {
	LDAP_BIND_REQUEST = 0,
	LDAP_BIND_RESPONSE = 1,
	LDAP_UNBIND_REQUEST = 2,
	LDAP_SEARCH_REQUEST = 3,
	LDAP_SEARCH_ENTRY = 4,
	LDAP_SEARCH_DONE = 5,
	LDAP_MODIFY_REQUEST = 6,
	LDAP_MODIFY_RESPONSE = 7,
	LDAP_ADD_REQUEST = 8,
	LDAP_ADD_RESPONSE = 9,
	LDAP_DEL_REQUEST = 10,
	LDAP_DEL_RESPONSE = 11,
	LDAP_MOD_DN_REQUEST = 12,
	LDAP_MOD_DN_RESPONSE = 13,
	LDAP_COMPARE_REQUEST = 14,
	LDAP_COMPARE_RESPONSE = 15,
	LDAP_ABANDON_REQUEST = 16,
	LDAP_SEARCH_REFERENCE = 19,
	LDAP_EXTENDED_REQUEST = 23,
	LDAP_EXTENDED_RESPONSE = 24,
	LDAP_INTERMEDIATE_RESPONSE = 25,
	LDAP_OPERATION_COUNT = 26
};

enum { LDAP_MESSAGE_MAX = 4 << 20 };

struct ldap_value {
	struct ldap_value *next;
	struct bytes text;
	struct bytes pair; /* "type=value", made when a rule asks for it */
};

struct ldap_attribute {
	struct ldap_attribute *next;
	struct bytes type;
	struct ldap_value *values;
	int64_t change; /* MODIFY: 0 add, 1 delete, 2 replace, 3 increment */
};

struct ldap_message {
	struct ldap_message *next; /* responses of one transaction */
	int64_t id;
	uint8_t operation; /* enum ldap_operation */
	bool has_result;
	int64_t result_code;
	struct bytes matched_dn, diagnostic; /* of a result */
	struct bytes dn; /* the entry that the message is about; a null pointer: it names none */
	struct bytes name, value; /* of the extended and intermediate ones */
	struct bytes mechanism, credentials; /* BIND with SASL */
	struct bytes new_rdn, new_superior;
	bool flag; /* SEARCH: types only; MODIFY DN: delete the old one */
	int64_t numbers[4]; /* BIND: version. SEARCH: scope, aliases, size limit, time limit. ABANDON: message id */
	struct ldap_attribute
		*attributes; /* SEARCH: types without values; ADD, MODIFY, COMPARE, entry, reference (URIs) */
};

bool ldap_is_request(uint8_t operation);

/* The head: the size of the message with its tag and length, its identifier and operation. 'enum ber_answer'. */
int ldap_head_read(struct bytes in, size_t *ret_size, int64_t *ret_id, uint8_t *ret_operation);

/* A whole message. 0, LUYTRE_E_SYNTAX, LUYTRE_E_NOMEM. */
MUST_CHECK int ldap_message_read(struct bytes in, struct arena *arena, struct ldap_message *ret);
