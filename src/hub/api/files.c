// SPDX-License-Identifier: Apache-2.0
#include "hub/api/files.h"

static const struct api_file *find(const struct api_files *files, struct bytes path)
{
	size_t low = 0, high = files->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = bytes_compare(path, bytes_from_str(files->files[middle].path));

		if (order == 0)
			return &files->files[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static bool looks_like_page(struct bytes path)
{
	size_t at = path.size;

	while (at > 0 && path.ptr[at - 1] != '/')
		at--;
	return bytes_index(bytes_skip(path, at), '.') == path.size - at;
}

/* "gzip" in Accept-Encoding, and not with q=0. */
static bool takes_gzip(const char *accepted)
{
	const char *found = accepted ? strstr(accepted, "gzip") : NULL;

	if (!found)
		return false;
	found += strlen("gzip");
	found += strspn(found, " \t");
	return strncmp(found, ";q=0", 4) != 0 || strspn(found + 4, ".0") != strcspn(found + 4, " ,");
}

bool files_answer(const struct api_files *files, const struct api_request *request, struct api_reply *reply)
{
	const struct api_file *file = find(files, request->path);
	const char *wanted = request->headers.if_none_match;
	bool compressed;

	if (!file && looks_like_page(request->path))
		file = find(files, bytes_from_str("/index.html"));
	if (!file)
		return false;
	compressed = !bytes_empty(file->gzip) && takes_gzip(request->headers.accept_encoding);
	api_reply_header(reply, "ETag", file->etag);
	api_reply_header(reply, "Vary", "Accept-Encoding");
	api_reply_header(reply, "Cache-Control", file->immutable ? "public, max-age=31536000, immutable" : "no-cache");
	if (wanted && strstr(wanted, file->etag)) {
		api_reply_empty(reply, 304);
		return true;
	}
	api_reply_bytes(reply, 200, file->content_type, compressed ? file->gzip : file->body);
	if (compressed)
		api_reply_header(reply, "Content-Encoding", "gzip");
	return true;
}
