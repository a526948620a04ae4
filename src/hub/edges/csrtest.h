// SPDX-License-Identifier: Apache-2.0
/* What tests and benchmarks enrol edges with: requests for certificates, as an edge makes them. */
#pragma once

#include <openssl/evp.h>

/* A request in PEM for 'key' (null: a new key on P-256), signed with 'signer' (null: with the key itself, as it should be), in which
 * the edge calls itself 'name' (null: nothing). Freed by the caller. Never null: without memory the test ends here. */
char *csrtest_pem(EVP_PKEY *key, EVP_PKEY *signer, const char *name);
