// SPDX-License-Identifier: Apache-2.0
#include "hub/assess/package.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"

static const char magic[] = "luytre-package 1\n";

enum {
	MAGIC_SIZE = sizeof(magic) - 1,
	HEAD_SIZE = AUDIT_SIGNATURE_SIZE + AUDIT_PUBLIC_KEY_SIZE,
	PART_HEAD_SIZE = PACKAGE_KEY_SIZE + 4,
};

static int fail(char *why, int error, const char *text)
{
	snprintf(why, PACKAGE_WHY_SIZE, "%s", text);
	return error;
}

/* What is signed: the format, for whom, and what. */
static int sign(const uint8_t *recipient, struct bytes text, const struct audit_key *key, uint8_t *signature)
{
	crypto_sign_state state;

	crypto_sign_init(&state);
	crypto_sign_update(&state, (const uint8_t *)magic, MAGIC_SIZE);
	crypto_sign_update(&state, recipient, PACKAGE_KEY_SIZE);
	crypto_sign_update(&state, text.ptr, text.size);
	return crypto_sign_final_create(&state, signature, NULL, key->secret_key) ? LUYTRE_E_SYSTEM : 0;
}

static bool verify(const uint8_t *recipient, struct bytes text, const uint8_t *signature, const uint8_t *signer)
{
	crypto_sign_state state;

	crypto_sign_init(&state);
	crypto_sign_update(&state, (const uint8_t *)magic, MAGIC_SIZE);
	crypto_sign_update(&state, recipient, PACKAGE_KEY_SIZE);
	crypto_sign_update(&state, text.ptr, text.size);
	return crypto_sign_final_verify(&state, signature, signer) == 0;
}

static uint8_t *put_number(uint8_t *out, uint64_t value, size_t size)
{
	for (size_t i = size; i > 0; i--) {
		out[i - 1] = (uint8_t)value;
		value >>= 8;
	}
	return out + size;
}

static int seal_part(const struct package_part *part, const struct audit_key *key, uint8_t *out)
{
	size_t inner_size = HEAD_SIZE + part->text.size;
	uint8_t *inner = malloc(inner_size);
	int error;

	if (!inner)
		return LUYTRE_E_NOMEM;
	error = sign(part->recipient, part->text, key, inner);
	memcpy(inner + AUDIT_SIGNATURE_SIZE, key->public_key, AUDIT_PUBLIC_KEY_SIZE);
	if (part->text.size > 0)
		memcpy(inner + HEAD_SIZE, part->text.ptr, part->text.size);
	if (!error && crypto_box_seal(out, inner, inner_size, part->recipient))
		error = LUYTRE_E_INVALID; /* a key of low order */
	sodium_memzero(inner, inner_size);
	free(inner);
	return error;
}

size_t package_size(const struct package_part *parts, size_t count)
{
	size_t size = MAGIC_SIZE + 2;

	for (size_t i = 0; i < count; i++)
		size += PART_HEAD_SIZE + crypto_box_SEALBYTES + HEAD_SIZE + parts[i].text.size;
	return size;
}

int package_make(
	const struct package_part *parts, size_t count, const struct audit_key *key, uint8_t **ret, size_t *ret_size)
{
	size_t size = package_size(parts, count <= PACKAGE_PARTS_MAX ? count : 0);
	uint8_t *made, *out;
	int error = 0;

	if (count == 0 || count > PACKAGE_PARTS_MAX)
		return LUYTRE_E_INVALID;
	for (size_t i = 0; i < count; i++)
		if (parts[i].text.size > PACKAGE_TEXT_MAX)
			return LUYTRE_E_FULL;
	if (size > PACKAGE_SIZE_MAX)
		return LUYTRE_E_FULL;
	made = malloc(size);
	if (!made)
		return LUYTRE_E_NOMEM;
	memcpy(made, magic, MAGIC_SIZE);
	out = put_number(made + MAGIC_SIZE, count, 2);
	for (size_t i = 0; i < count && !error; i++) {
		size_t sealed_size = crypto_box_SEALBYTES + HEAD_SIZE + parts[i].text.size;

		memcpy(out, parts[i].recipient, PACKAGE_KEY_SIZE);
		out = put_number(out + PACKAGE_KEY_SIZE, sealed_size, 4);
		error = seal_part(&parts[i], key, out);
		out += sealed_size;
	}
	if (error) {
		free(made);
		return error;
	}
	*ret = made;
	*ret_size = size;
	return 0;
}

/* The sealed part for this key; the file must be whole to its end. */
static int find_part(struct bytes in, const uint8_t *recipient, struct bytes *ret, char *why)
{
	struct cursor cur = cursor_over(in);
	struct bytes head, whose, sealed;
	uint16_t count = 0;
	uint32_t size = 0;

	*ret = (struct bytes){ 0 };
	if (!cursor_take(&cur, MAGIC_SIZE, &head) || memcmp(head.ptr, magic, MAGIC_SIZE) != 0)
		return fail(why, LUYTRE_E_CORRUPT, "this is no package");
	if (!cursor_u16be(&cur, &count) || count == 0 || count > PACKAGE_PARTS_MAX)
		return fail(why, LUYTRE_E_CORRUPT, "the package is not whole");
	for (uint16_t i = 0; i < count; i++) {
		if (!cursor_take(&cur, PACKAGE_KEY_SIZE, &whose) || !cursor_u32be(&cur, &size) ||
			!cursor_take(&cur, size, &sealed))
			return fail(why, LUYTRE_E_CORRUPT, "the package is not whole");
		if (memcmp(whose.ptr, recipient, PACKAGE_KEY_SIZE) == 0)
			*ret = sealed;
	}
	if (cursor_left(&cur) > 0)
		return fail(why, LUYTRE_E_CORRUPT, "the package is not whole");
	return ret->ptr ? 0 : fail(why, LUYTRE_E_NOT_FOUND, "it has no part for this key");
}

static int open_part(struct bytes sealed, const uint8_t *recipient, const uint8_t *secret, const uint8_t *signer,
	struct package *ret, char *why)
{
	size_t size = sealed.size < crypto_box_SEALBYTES + HEAD_SIZE ? 0 : sealed.size - crypto_box_SEALBYTES;

	if (size == 0 || size > HEAD_SIZE + (size_t)PACKAGE_TEXT_MAX)
		return fail(why, LUYTRE_E_CORRUPT, "the part is too short, or too long");
	ret->owned = malloc(size);
	if (!ret->owned)
		return fail(why, LUYTRE_E_NOMEM, "there is not enough memory");
	if (crypto_box_seal_open(ret->owned, sealed.ptr, sealed.size, recipient, secret))
		return fail(why, LUYTRE_E_CORRUPT, "the part does not open: it was changed, or is for another key");
	memcpy(ret->signer, ret->owned + AUDIT_SIGNATURE_SIZE, AUDIT_PUBLIC_KEY_SIZE);
	ret->text = bytes_of(ret->owned + HEAD_SIZE, size - HEAD_SIZE);
	if (!verify(recipient, ret->text, ret->owned, ret->signer))
		return fail(why, LUYTRE_E_PERMISSION, "the signature does not fit");
	if (signer && memcmp(signer, ret->signer, AUDIT_PUBLIC_KEY_SIZE) != 0)
		return fail(why, LUYTRE_E_PERMISSION, "somebody else signed it");
	return 0;
}

int package_open(struct bytes in, const uint8_t secret[PACKAGE_SECRET_SIZE],
	const uint8_t signer[AUDIT_PUBLIC_KEY_SIZE], struct package *ret, char why[PACKAGE_WHY_SIZE])
{
	uint8_t recipient[PACKAGE_KEY_SIZE];
	struct bytes sealed;
	int error;

	*ret = (struct package){ 0 };
	if (crypto_scalarmult_base(recipient, secret))
		return fail(why, LUYTRE_E_INVALID, "this is no key");
	error = find_part(in, recipient, &sealed, why);
	if (!error)
		error = open_part(sealed, recipient, secret, signer, ret, why);
	if (error)
		package_done(ret);
	return error;
}

void package_done(struct package *package)
{
	free(package->owned);
	*package = (struct package){ 0 };
}
