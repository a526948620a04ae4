// SPDX-License-Identifier: Apache-2.0
/* The console's files, embedded in the program: a table ordered by path, made at build.
 *
 * A file whose name has a hash of its content never changes and is cached for a year; the others are asked for again each
 * time and answered 304 by their ETag. A path that no file has and that looks like a page (no dot in the last segment)
 * gets the file of "/index.html": the console reads its state from the address. Constant, any thread. */
#pragma once

#include "base/bytes.h"
#include "hub/api/request.h"

struct api_file {
	const char *path; /* "/assets/app-1f3c.js" */
	const char *content_type;
	const char *etag; /* with its quotes */
	bool immutable; /* the path changes with the content */
	struct bytes body;
	struct bytes gzip; /* the same compressed; empty: not worth it */
};

struct api_files {
	const struct api_file *files; /* ordered by path, bytewise */
	size_t count;
};

/* Answers a GET; false, and nothing written, when there is neither a file nor a page. */
bool files_answer(const struct api_files *files, const struct api_request *request, struct api_reply *reply);
