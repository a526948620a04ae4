// SPDX-License-Identifier: Apache-2.0
/* Names of encryption types and error codes of Kerberos, as EVE and rules show them. */
#pragma once

#include "base/bytes.h"

/* Null: unknown. */
const char *krb5_encryption_name(int32_t type);
/* False: no such name; in any case of letters. */
bool krb5_encryption_find(struct bytes name, int32_t *ret);
/* Only AES and Camellia are not weak. */
bool krb5_encryption_weak(int32_t type);
const char *krb5_error_name(int32_t code);
