// SPDX-License-Identifier: Apache-2.0
/* Files and lists that parameters name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "gate/operator/operator-internal.h"

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

struct bytes operator_trim(struct bytes text)
{
	while (text.size != 0 && is_blank(text.ptr[0]))
		text = bytes_skip(text, 1);
	while (text.size != 0 && is_blank(text.ptr[text.size - 1]))
		text.size--;
	return text;
}

bool operator_next(struct bytes *rest, const char *separators, struct bytes *ret)
{
	size_t size = 0;

	if (rest->size == 0)
		return false;
	while (size < rest->size && (rest->ptr[size] == 0 || !strchr(separators, rest->ptr[size])))
		size++;
	*ret = bytes_first(*rest, size);
	*rest = bytes_skip(*rest, size + 1);
	return true;
}

bool operator_next_line(struct bytes *rest, struct bytes *ret)
{
	while (operator_next(rest, "\n", ret)) {
		struct bytes text = operator_trim(*ret);

		if (text.size != 0 && text.ptr[0] != '#') {
			if (ret->ptr[ret->size - 1] == '\r')
				ret->size--;
			return true;
		}
	}
	return false;
}

/* The folder of the rule's file with its slash; empty when it has none. */
static struct bytes folder_of(const struct operator_setup *setup)
{
	const char *slash = setup->file ? strrchr(setup->file, '/') : NULL;

	return slash ? bytes_of(setup->file, (size_t)(slash - setup->file) + 1) : (struct bytes){ 0 };
}

int operator_file_find(
	const struct operator_setup *setup, struct bytes name, char message[OPERATOR_MESSAGE_SIZE], char **ret_path)
{
	struct bytes folder = name.size != 0 && name.ptr[0] == '/' ? (struct bytes){ 0 } : folder_of(setup);
	char *path = NULL;

	if (asprintf(&path, "%.*s%.*s", (int)folder.size, (const char *)folder.ptr, (int)name.size,
		    (const char *)name.ptr) < 0)
		return LUYTRE_E_NOMEM;
	if (access(path, R_OK) == 0 || access(path + folder.size, R_OK) == 0) {
		if (access(path, R_OK) != 0)
			memmove(path, path + folder.size, strlen(path + folder.size) + 1);
		*ret_path = path;
		return 0;
	}
	snprintf(message, OPERATOR_MESSAGE_SIZE, "cannot read the file %s: %s", path, strerror(errno));
	free(path);
	return LUYTRE_E_NOT_FOUND;
}

static int read_all(FILE *file, uint8_t **ret, size_t *ret_size)
{
	size_t capacity = 65536, size = 0;
	uint8_t *data = malloc(capacity);

	while (data) {
		uint8_t *grown;

		size += fread(data + size, 1, capacity - size, file);
		if (size < capacity)
			break;
		grown = capacity < OPERATOR_FILE_SIZE_MAX ? realloc(data, capacity * 2) : NULL;
		if (!grown)
			free(data);
		data = grown;
		capacity *= 2;
	}
	if (!data)
		return capacity > OPERATOR_FILE_SIZE_MAX ? LUYTRE_E_RANGE : LUYTRE_E_NOMEM;
	*ret = data;
	*ret_size = size;
	return ferror(file) ? LUYTRE_E_IO : 0;
}

int operator_file_read(const struct operator_setup *setup, struct bytes name, char message[OPERATOR_MESSAGE_SIZE],
	uint8_t **ret, size_t *ret_size)
{
	uint8_t *data = NULL;
	char *path;
	FILE *file;
	int error = operator_file_find(setup, name, message, &path);

	if (error < 0)
		return error;
	file = fopen(path, "rbe");
	error = file ? read_all(file, &data, ret_size) : error_from_errno(errno);
	if (file)
		fclose(file);
	if (error < 0) {
		snprintf(message, OPERATOR_MESSAGE_SIZE, "cannot read the file %s: %s", path,
			error_text(error, LUYTRE_LANG_EN));
		free(data);
	} else {
		*ret = data;
	}
	free(path);
	return error;
}
