// SPDX-License-Identifier: Apache-2.0
#include "edge/link/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/jsonr.h"
#include "base/jsonw.h"
#include "edge/link/files.h"

#define IDENTITY_FILE  "identity.json"
#define CLIENT_FILE    "client.pem"
#define AUTHORITY_FILE "authority.pem"

enum { JSON_MAX = 128 << 10, KEY_TEXT_SIZE = 48 };

int identity_check_url(const char *url, char ret[IDENTITY_URL_SIZE])
{
	static const char scheme[] = "https://";
	size_t size = strlen(url);

	while (size > sizeof(scheme) && url[size - 1] == '/')
		size--;
	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0 || size <= sizeof(scheme) - 1 || size >= IDENTITY_URL_SIZE)
		return LUYTRE_E_SYNTAX;
	for (size_t i = sizeof(scheme) - 1; i < size; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]", url[i]))
			return LUYTRE_E_SYNTAX;
	memcpy(ret, url, size);
	ret[size] = '\0';
	return 0;
}

static void read_keys(const struct jsonr *root, uint8_t (*keys)[BUNDLE_PUBLIC_SIZE], size_t *ret_count)
{
	struct jsonr list;

	*ret_count = 0;
	if (!jsonr_array(root, "keys", JSONR_NEEDED, IDENTITY_KEYS_MAX, &list))
		return;
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct jsonr item = jsonr_item(&list, i);
		const char *text = json_string_value(item.value);
		size_t size;

		if (!text ||
			sodium_base642bin(keys[i], BUNDLE_PUBLIC_SIZE, text, strlen(text), NULL, &size, NULL,
				sodium_base64_VARIANT_ORIGINAL) ||
			size != BUNDLE_PUBLIC_SIZE)
			jsonr_fail(&item, JSONR_FORM, 0, 0);
	}
	*ret_count = json_array_size(list.value);
}

static int parse(struct bytes text, struct jsonr_errors *errors, json_t **ret, struct jsonr *ret_root)
{
	const struct jsonr_limits limits = { .size_max = JSON_MAX, .depth_max = 4, .value_max = 64 };
	int error = jsonr_parse(text, &limits, errors, ret);

	if (error)
		return error == LUYTRE_E_NOMEM ? error : LUYTRE_E_SYNTAX;
	jsonr_root(ret_root, *ret, errors);
	return 0;
}

static int read_identity(struct bytes text, struct identity *ret)
{
	struct jsonr_errors errors = { 0 };
	char url[IDENTITY_URL_SIZE] = "";
	struct bytes url_text = { 0 };
	struct jsonr root;
	json_t *document;
	int64_t edge = 0;
	int error = parse(text, &errors, &document, &root);

	if (error)
		return error;
	jsonr_i64(&root, "edge", JSONR_NEEDED, 1, UINT32_MAX, &edge);
	jsonr_string(&root, "url", JSONR_NEEDED, 1, IDENTITY_URL_SIZE - 1, &url_text);
	read_keys(&root, ret->keys, &ret->key_count);
	if (errors.count || !bytes_to_str(url_text, url, sizeof(url)) || identity_check_url(url, ret->url))
		error = LUYTRE_E_SYNTAX;
	ret->edge = (uint32_t)edge;
	json_decref(document);
	return error;
}

int identity_load(const char *dir, struct identity *ret)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
	uint8_t *text;
	size_t size;

	if (fd < 0)
		return error_from_errno(errno);
	error = files_read(fd, IDENTITY_FILE, JSON_MAX, &text, &size);
	close(fd);
	if (error)
		return error;
	error = read_identity(bytes_of(text, size), ret);
	free(text);
	snprintf(ret->client, sizeof(ret->client), "%s/" CLIENT_FILE, dir);
	snprintf(ret->authority, sizeof(ret->authority), "%s/" AUTHORITY_FILE, dir);
	return error;
}

/* ---- The hub's answer ---- */

int identity_read_answer(struct bytes text, struct identity_answer *ret)
{
	struct bytes certificate = { 0 }, authority = { 0 };
	struct jsonr_errors errors = { 0 };
	struct jsonr root;
	json_t *document;
	int64_t edge = 0;
	int error = parse(text, &errors, &document, &root);

	if (error)
		return error;
	memset(ret, 0, sizeof(*ret));
	jsonr_i64(&root, "edge", JSONR_OPTIONAL, 1, UINT32_MAX, &edge);
	jsonr_string(&root, "certificate", JSONR_NEEDED, 1, IDENTITY_PEM_MAX, &certificate);
	jsonr_string(&root, "authority", JSONR_NEEDED, 1, IDENTITY_PEM_MAX, &authority);
	read_keys(&root, ret->keys, &ret->key_count);
	ret->edge = (uint32_t)edge;
	if (errors.count) {
		error = LUYTRE_E_SYNTAX;
	} else {
		ret->certificate = strndup((const char *)certificate.ptr, certificate.size);
		ret->authority = strndup((const char *)authority.ptr, authority.size);
		if (!ret->certificate || !ret->authority) {
			identity_answer_done(ret);
			error = LUYTRE_E_NOMEM;
		}
	}
	json_decref(document);
	return error;
}

void identity_answer_done(struct identity_answer *answer)
{
	free(answer->certificate);
	free(answer->authority);
	answer->certificate = answer->authority = NULL;
}

/* ---- Writing ---- */

static int save_client(int dir, struct bytes key_pem, const char *certificate)
{
	size_t size = key_pem.size + strlen(certificate);
	char *text = malloc(size + 1);
	int error;

	if (!text)
		return LUYTRE_E_NOMEM;
	memcpy(text, key_pem.ptr, key_pem.size);
	memcpy(text + key_pem.size, certificate, strlen(certificate) + 1);
	error = files_write(dir, CLIENT_FILE, 0600, bytes_of(text, size));
	sodium_memzero(text, size);
	free(text);
	return error;
}

static int save_identity(int dir, const char *url, uint32_t edge, const struct identity_answer *answer)
{
	struct jsonw json;
	struct bytes text;
	int error;

	jsonw_init(&json, JSON_MAX);
	jsonw_object_begin(&json);
	jsonw_kv_string(&json, "url", url);
	jsonw_kv_u64(&json, "edge", edge);
	jsonw_kv_array_begin(&json, "keys");
	for (size_t i = 0; i < answer->key_count; i++) {
		char key[KEY_TEXT_SIZE];

		jsonw_string(&json, sodium_bin2base64(key, sizeof(key), answer->keys[i], BUNDLE_PUBLIC_SIZE,
					    sodium_base64_VARIANT_ORIGINAL));
	}
	jsonw_array_end(&json);
	jsonw_object_end(&json);
	error = jsonw_text(&json, &text);
	if (!error)
		error = files_write(dir, IDENTITY_FILE, 0600, text);
	jsonw_done(&json);
	return error;
}

int identity_save(
	const char *dir, const char *url, uint32_t edge, struct bytes key_pem, const struct identity_answer *answer)
{
	int fd, error;

	if (mkdir(dir, 0700) && errno != EEXIST)
		return error_from_errno(errno);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_from_errno(errno);
	error = files_write(fd, AUTHORITY_FILE, 0600, bytes_from_str(answer->authority));
	if (!error)
		error = save_client(fd, key_pem, answer->certificate);
	if (!error)
		error = save_identity(fd, url, edge, answer);
	close(fd);
	return error;
}
