// SPDX-License-Identifier: Apache-2.0
#include "bus/bundle.h"

#include <endian.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/error.h"
#include "bus/bundle-internal.h"

static const uint8_t magic[8] = { 'l', 'u', 'y', 't', 'r', 'e', 'B', '1' };
/* Signed in front of the bytes: a signature over anything else with the same key is none over a bundle. */
static const char context[] = "luytre policy bundle 1";

enum {
	HEAD_SIZE = sizeof(magic) + 8 + 8 + 4 + 4,
	FILE_HEAD_SIZE = 2 + 4,
	TAIL_SIZE = BUNDLE_KEY_ID_SIZE + crypto_sign_BYTES,
};

static bool is_name_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool is_name(struct bytes name)
{
	size_t slashes = 0;

	if (name.size == 0 || name.size > BUNDLE_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.size; i++) {
		bool begins = i == 0 || name.ptr[i - 1] == '/';

		if (name.ptr[i] == '/') {
			if (begins || i + 1 == name.size || ++slashes > 1)
				return false;
		} else if (!is_name_byte(name.ptr[i]) || (begins && name.ptr[i] == '.')) {
			return false;
		}
	}
	return true;
}

int bundle_keys(uint8_t ret_public[BUNDLE_PUBLIC_SIZE], uint8_t ret_secret[BUNDLE_SECRET_SIZE])
{
	if (sodium_init() < 0)
		return LUYTRE_E_SYSTEM;
	return crypto_sign_keypair(ret_public, ret_secret) ? LUYTRE_E_SYSTEM : 0;
}

void bundle_key_id(const uint8_t public_key[BUNDLE_PUBLIC_SIZE], uint8_t ret[BUNDLE_KEY_ID_SIZE])
{
	uint8_t hash[crypto_generichash_BYTES_MIN];

	crypto_generichash(hash, sizeof(hash), public_key, BUNDLE_PUBLIC_SIZE, NULL, 0);
	memcpy(ret, hash, BUNDLE_KEY_ID_SIZE);
}

static void sign_begin(crypto_sign_state *state, struct bytes body)
{
	crypto_sign_init(state);
	crypto_sign_update(state, (const uint8_t *)context, sizeof(context));
	crypto_sign_update(state, body.ptr, body.size);
}

static uint8_t *put(uint8_t *at, const void *from, size_t size)
{
	if (size)
		memcpy(at, from, size);
	return at + size;
}

static uint8_t *put_u16(uint8_t *at, uint16_t value)
{
	value = htobe16(value);
	return put(at, &value, sizeof(value));
}

static uint8_t *put_u32(uint8_t *at, uint32_t value)
{
	value = htobe32(value);
	return put(at, &value, sizeof(value));
}

static uint8_t *put_u64(uint8_t *at, uint64_t value)
{
	value = htobe64(value);
	return put(at, &value, sizeof(value));
}

/* The whole size, or 0 with the error. */
static size_t pack_size(const struct bundle_file *files, size_t file_count, int *ret_error)
{
	size_t size = HEAD_SIZE + TAIL_SIZE;

	*ret_error = file_count > BUNDLE_FILES_MAX ? LUYTRE_E_INVALID : 0;
	for (size_t i = 0; i < file_count && !*ret_error; i++) {
		if (!is_name(files[i].name))
			*ret_error = LUYTRE_E_INVALID;
		for (size_t j = 0; j < i; j++)
			if (bytes_equal(files[i].name, files[j].name))
				*ret_error = LUYTRE_E_INVALID;
		if (files[i].content.size > BUNDLE_SIZE_MAX)
			*ret_error = LUYTRE_E_FULL;
		else
			size += FILE_HEAD_SIZE + files[i].name.size + files[i].content.size;
		if (size > BUNDLE_SIZE_MAX)
			*ret_error = LUYTRE_E_FULL;
	}
	return size;
}

void bundle_seal(uint8_t *text, size_t size, const uint8_t secret_key[BUNDLE_SECRET_SIZE])
{
	uint8_t public_key[BUNDLE_PUBLIC_SIZE];
	crypto_sign_state state;

	crypto_sign_ed25519_sk_to_pk(public_key, secret_key);
	bundle_key_id(public_key, text + size);
	size += BUNDLE_KEY_ID_SIZE;
	sign_begin(&state, bytes_of(text, size));
	crypto_sign_final_create(&state, text + size, NULL, secret_key);
}

int bundle_pack(uint64_t revision, int64_t made_us, uint32_t edge, const struct bundle_file *files, size_t file_count,
	const uint8_t secret_key[BUNDLE_SECRET_SIZE], uint8_t **ret, size_t *ret_size)
{
	int error;
	size_t size = pack_size(files, file_count, &error);
	uint8_t *text, *at;

	if (error)
		return error;
	if (sodium_init() < 0)
		return LUYTRE_E_SYSTEM;
	text = malloc(size);
	if (!text)
		return LUYTRE_E_NOMEM;
	at = put(text, magic, sizeof(magic));
	at = put_u64(at, revision);
	at = put_u64(at, (uint64_t)made_us);
	at = put_u32(at, edge);
	at = put_u32(at, (uint32_t)file_count);
	for (size_t i = 0; i < file_count; i++) {
		at = put_u16(at, (uint16_t)files[i].name.size);
		at = put_u32(at, (uint32_t)files[i].content.size);
		at = put(at, files[i].name.ptr, files[i].name.size);
		at = put(at, files[i].content.ptr, files[i].content.size);
	}
	bundle_seal(text, (size_t)(at - text), secret_key);
	*ret = text;
	*ret_size = size;
	return 0;
}

static bool read_file(struct cursor *in, struct bundle_file *ret)
{
	uint16_t name_size;
	uint32_t content_size;

	return cursor_u16be(in, &name_size) && cursor_u32be(in, &content_size) &&
	       cursor_take(in, name_size, &ret->name) && cursor_take(in, content_size, &ret->content);
}

static int check_signature(struct bytes in, const uint8_t (*keys)[BUNDLE_PUBLIC_SIZE], size_t key_count)
{
	struct bytes body = bytes_first(in, in.size - crypto_sign_BYTES);
	const uint8_t *signature = in.ptr + body.size, *key_id = signature - BUNDLE_KEY_ID_SIZE;
	uint8_t id[BUNDLE_KEY_ID_SIZE], copy[crypto_sign_BYTES];
	crypto_sign_state state;

	memcpy(copy, signature, sizeof(copy)); /* the library takes it without const */
	for (size_t i = 0; i < key_count; i++) {
		bundle_key_id(keys[i], id);
		if (memcmp(id, key_id, sizeof(id)) != 0)
			continue;
		sign_begin(&state, body);
		if (crypto_sign_final_verify(&state, copy, keys[i]) == 0)
			return 0;
	}
	return LUYTRE_E_PERMISSION;
}

static int check_files(struct bytes files, uint32_t count)
{
	struct cursor in = cursor_over(files);
	struct bundle_file file;

	for (uint32_t i = 0; i < count; i++)
		if (!read_file(&in, &file) || !is_name(file.name))
			return LUYTRE_E_CORRUPT;
	return cursor_left(&in) ? LUYTRE_E_CORRUPT : 0;
}

int bundle_open(struct bytes in, const uint8_t (*keys)[BUNDLE_PUBLIC_SIZE], size_t key_count, struct bundle *ret)
{
	struct cursor head = cursor_over(in);
	struct bundle bundle = { 0 };
	struct bytes found;
	uint64_t made_us = 0;
	int error;

	if (in.size > BUNDLE_SIZE_MAX)
		return LUYTRE_E_FULL;
	if (in.size < HEAD_SIZE + TAIL_SIZE)
		return LUYTRE_E_TRUNCATED;
	if (!cursor_take(&head, sizeof(magic), &found) || memcmp(found.ptr, magic, sizeof(magic) - 1) != 0)
		return LUYTRE_E_CORRUPT;
	if (found.ptr[sizeof(magic) - 1] != magic[sizeof(magic) - 1])
		return LUYTRE_E_VERSION;
	if (sodium_init() < 0)
		return LUYTRE_E_SYSTEM;
	error = check_signature(in, keys, key_count);
	if (error)
		return error;
	if (!cursor_u64be(&head, &bundle.revision) || !cursor_u64be(&head, &made_us) ||
		!cursor_u32be(&head, &bundle.edge) || !cursor_u32be(&head, &bundle.file_count) ||
		bundle.file_count > BUNDLE_FILES_MAX)
		return LUYTRE_E_CORRUPT;
	bundle.made_us = (int64_t)made_us;
	bundle.files = bytes_first(cursor_rest(&head), cursor_left(&head) - TAIL_SIZE);
	memcpy(bundle.key_id, in.ptr + in.size - TAIL_SIZE, sizeof(bundle.key_id));
	error = check_files(bundle.files, bundle.file_count);
	if (!error)
		*ret = bundle;
	return error;
}

bool bundle_next(const struct bundle *bundle, size_t *pos, struct bundle_file *ret)
{
	struct cursor in = cursor_over(bytes_skip(bundle->files, *pos));

	if (*pos >= bundle->files.size || !read_file(&in, ret))
		return false;
	*pos = bundle->files.size - cursor_left(&in);
	return true;
}

bool bundle_find(const struct bundle *bundle, const char *name, struct bytes *ret)
{
	struct bundle_file file;
	size_t pos = 0;

	while (bundle_next(bundle, &pos, &file)) {
		if (bytes_equal_str(file.name, name)) {
			*ret = file.content;
			return true;
		}
	}
	return false;
}
