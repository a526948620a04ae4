// SPDX-License-Identifier: Apache-2.0
/* Whatever a hub that is in an attacker's hands signs: the input is sealed with a key that is known, and opened. Also as it is. */
#include <sodium.h>
#include <stdlib.h>

#include "base/error.h"
#include "bus/bundle-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct bytes in, const uint8_t (*key)[BUNDLE_PUBLIC_SIZE])
{
	struct bundle bundle;
	struct bundle_file file;
	size_t pos = 0, count = 0;

	if (bundle_open(in, key, 1, &bundle))
		return;
	while (bundle_next(&bundle, &pos, &file))
		count += 1 + (file.content.size ? file.content.ptr[file.content.size - 1] & 0 : 0);
	if (count != bundle.file_count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[crypto_sign_SEEDBYTES] = { 1 };
	uint8_t public_key[1][BUNDLE_PUBLIC_SIZE], secret_key[BUNDLE_SECRET_SIZE];
	uint8_t *text = malloc(size + BUNDLE_KEY_ID_SIZE + crypto_sign_BYTES);

	if (!text || sodium_init() < 0) {
		free(text);
		return 0;
	}
	crypto_sign_seed_keypair(public_key[0], secret_key, seed);
	look(bytes_of(data, size), public_key);
	if (size)
		memcpy(text, data, size);
	bundle_seal(text, size, secret_key);
	look(bytes_of(text, size + BUNDLE_KEY_ID_SIZE + crypto_sign_BYTES), public_key);
	free(text);
	return 0;
}
