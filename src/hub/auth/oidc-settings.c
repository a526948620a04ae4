// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/jsonr.h"
#include "hub/auth/oidc-internal.h"

enum { FILE_MAX = 1 << 20 };

static const struct jsonr_limits file_limits = {
	.size_max = FILE_MAX, .depth_max = 4, .value_max = 64 + 4 * OIDC_GROUPS_MAX
};

bool oidc_is_https(const char *url)
{
	static const char scheme[] = "https://";
	const char *host = url + sizeof(scheme) - 1;
	size_t host_size;

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return false;
	host_size = strcspn(host, "/?");
	for (const char *at = url; *at; at++)
		if (*at <= ' ' || *at > '~' || strchr("\"<>\\^`{|}#", *at))
			return false;
	return host_size > 0 && !memchr(host, '@', host_size);
}

/* The whole file; the text is owned by the caller and has a NUL behind its end. */
static int read_text(const char *path, bool secret, char **ret, char why[OIDC_WHY_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;
	struct stat about;
	ssize_t size = -1;
	char *text = NULL;

	if (fd < 0 || fstat(fd, &about) || !S_ISREG(about.st_mode) || about.st_size > FILE_MAX) {
		snprintf(why, OIDC_WHY_SIZE, "%.200s cannot be read", path);
		error = LUYTRE_E_IO;
	} else if (secret && about.st_mode & (S_IRWXG | S_IRWXO) & ~(mode_t)S_IRGRP) {
		snprintf(why, OIDC_WHY_SIZE, "%.200s may be read by others", path);
		error = LUYTRE_E_PERMISSION;
	} else {
		text = calloc(1, (size_t)about.st_size + 1);
		size = text ? pread(fd, text, (size_t)about.st_size, 0) : -1;
		if (size < 0) {
			snprintf(why, OIDC_WHY_SIZE, "%.200s cannot be read", path);
			error = text ? LUYTRE_E_IO : LUYTRE_E_NOMEM;
		}
	}
	if (fd >= 0)
		close(fd);
	if (error) {
		free(text);
		return error;
	}
	text[size] = '\0';
	*ret = text;
	return 0;
}

static int read_secret(const char *path, struct oidc_settings *ret, char why[OIDC_WHY_SIZE])
{
	char *text = NULL;
	size_t size;
	int error = read_text(path, true, &text, why);

	if (error)
		return error;
	size = strcspn(text, "\r\n");
	if (size == 0 || size >= sizeof(ret->secret) || text[size + strspn(text + size, "\r\n")]) {
		snprintf(why, OIDC_WHY_SIZE, "%.200s does not hold one line", path);
		error = LUYTRE_E_SYNTAX;
	} else {
		memcpy(ret->secret, text, size);
		ret->secret[size] = '\0';
	}
	sodium_memzero(text, strlen(text));
	free(text);
	return error;
}

/* A member of the file as text; false when that is wrong, which is noted. */
static bool read_member(const struct jsonr *file, const char *key, enum jsonr_need need, char *ret, size_t ret_size)
{
	struct bytes text;

	ret[0] = '\0';
	if (!jsonr_string(file, key, need, 1, ret_size - 1, &text))
		return need == JSONR_OPTIONAL && !json_object_get(file->value, key);
	return bytes_to_str(text, ret, ret_size);
}

/* What is wrong with a line of "groups", or null. */
static const char *read_group(const json_t *line, struct oidc_group *ret)
{
	const char *group = json_string_value(json_object_get(line, "group"));
	const char *role = json_string_value(json_object_get(line, "role"));
	const json_t *tenant = json_object_get(line, "tenant");
	json_int_t number = json_integer_value(tenant);
	int found = role ? auth_role_find(bytes_from_str(role)) : -1;

	if (!group || !*group || strlen(group) >= sizeof(ret->group) || json_object_size(line) != 2 + (tenant != NULL))
		return "takes a group, a role, perhaps a tenant, and nothing else";
	if (found < 0)
		return "names a role that is not there";
	if (tenant && (!json_is_integer(tenant) || number < 1 || number > UINT32_MAX))
		return "names a tenant otherwise than by its number";
	if (!(auth_roles[found].level & (number ? AUTH_AT_TENANT : AUTH_AT_NATION)))
		return number ? "gives a tenant a role that is the nation's alone"
			      : "gives a role that is a tenant's alone, and no tenant";
	memcpy(ret->group, group, strlen(group) + 1);
	ret->grant = (struct auth_grant){ (enum auth_role)found, (uint32_t)number };
	return NULL;
}

static int read_groups(const json_t *groups, struct oidc_settings *ret, char why[OIDC_WHY_SIZE])
{
	if (!groups)
		return 0;
	ret->maps = true;
	if (!json_is_array(groups) || json_array_size(groups) > OIDC_GROUPS_MAX) {
		snprintf(why, OIDC_WHY_SIZE, "groups must be a list of at most %d lines", OIDC_GROUPS_MAX);
		return LUYTRE_E_SYNTAX;
	}
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const char *wrong = read_group(json_array_get(groups, i), &ret->groups[i]);

		if (wrong) {
			snprintf(why, OIDC_WHY_SIZE, "/groups/%zu %s", i, wrong);
			return LUYTRE_E_SYNTAX;
		}
		ret->group_count++;
	}
	return 0;
}

static int read_members(const struct jsonr *file, struct oidc_settings *ret, char why[OIDC_WHY_SIZE])
{
	static const char *const known[] = { "issuer", "client_id", "client_secret_file", "redirect", "name", "scope",
		"ca_file", "groups", "groups_claim" };
	char secret[OIDC_WHY_SIZE], ca[OIDC_WHY_SIZE], sentence[JSONR_SENTENCE_SIZE];
	bool fine = read_member(file, "issuer", JSONR_NEEDED, ret->issuer, sizeof(ret->issuer));
	int error = 0;

	fine &= read_member(file, "client_id", JSONR_NEEDED, ret->client, sizeof(ret->client));
	fine &= read_member(file, "redirect", JSONR_NEEDED, ret->redirect, sizeof(ret->redirect));
	fine &= read_member(file, "name", JSONR_NEEDED, ret->name, sizeof(ret->name));
	fine &= read_member(file, "scope", JSONR_OPTIONAL, ret->scope, sizeof(ret->scope));
	fine &= read_member(file, "client_secret_file", JSONR_OPTIONAL, secret, sizeof(secret));
	fine &= read_member(file, "ca_file", JSONR_OPTIONAL, ca, sizeof(ca));
	fine &= read_member(file, "groups_claim", JSONR_OPTIONAL, ret->groups_claim, sizeof(ret->groups_claim));
	jsonr_known(file, known, ARRAY_COUNT(known));
	if (!fine || file->errors->count) {
		const struct jsonr_error *first = &file->errors->items[0];

		snprintf(why, OIDC_WHY_SIZE, "%s: %s", file->errors->count ? first->pointer : "",
			file->errors->count ? jsonr_error_text(first, LUYTRE_LANG_EN, sentence) : "too long");
		return LUYTRE_E_SYNTAX;
	}
	if (!oidc_is_https(ret->issuer) || !oidc_is_https(ret->redirect) || strchr(ret->issuer, '?')) {
		snprintf(why, OIDC_WHY_SIZE, "issuer and redirect must be URLs that begin with https://");
		return LUYTRE_E_SYNTAX;
	}
	if (!ret->scope[0])
		snprintf(ret->scope, sizeof(ret->scope), "openid email");
	if (!ret->groups_claim[0])
		snprintf(ret->groups_claim, sizeof(ret->groups_claim), "groups");
	error = read_groups(json_object_get(file->value, "groups"), ret, why);
	if (!error && secret[0])
		error = read_secret(secret, ret, why);
	if (!error && ca[0])
		error = read_text(ca, false, &ret->ca, why);
	return error;
}

int oidc_settings_read(const char *path, struct oidc_settings *ret, char why[OIDC_WHY_SIZE])
{
	struct jsonr_errors errors = { 0 };
	json_t *document = NULL;
	char *text = NULL;
	struct jsonr file;
	int error;

	*ret = (struct oidc_settings){ 0 };
	error = read_text(path, false, &text, why);
	if (error)
		return error;
	error = jsonr_parse(bytes_from_str(text), &file_limits, &errors, &document);
	if (error || !json_is_object(document)) {
		snprintf(why, OIDC_WHY_SIZE, "%.200s is not an object of JSON", path);
		error = error ? error : LUYTRE_E_SYNTAX;
	} else {
		jsonr_root(&file, document, &errors);
		error = read_members(&file, ret, why);
	}
	json_decref(document);
	free(text);
	if (error)
		oidc_settings_done(ret);
	return error;
}

void oidc_settings_done(struct oidc_settings *settings)
{
	free(settings->ca);
	sodium_memzero(settings, sizeof(*settings));
}
