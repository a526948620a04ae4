// SPDX-License-Identifier: Apache-2.0
/* URIs of requests (RFC 3986): splitting, decoding, normal form.
 *
 * The normal form is what rules see as http.uri: the path decoded and without "." and ".." segments, the query decoded,
 * written as path?query#fragment. What exactly is decoded depends on the server that is imitated ("personality" and the
 * path-... options of the configuration). Pure functions; output never is longer than input. */
#pragma once

#include "base/bytes.h"

enum uri_invalid_percent { URI_PERCENT_KEEP, URI_PERCENT_REMOVE, URI_PERCENT_DECODE };

struct uri_options {
	bool backslash_to_slash;
	bool decode_separators; /* %2f becomes a slash */
	bool compress_separators; /* // becomes / */
	bool lowercase;
	bool decode_u; /* %u0041 */
	bool utf8_bestfit; /* UTF-8 becomes its nearest byte of Windows-1252 */
	bool nul_encoded_ends, nul_raw_ends; /* the path ends at a NUL */
	bool plus_to_space; /* in the query */
	bool include_all; /* http.uri also has scheme and authority */
	bool double_decode_path, double_decode_query;
	uint8_t invalid_percent; /* enum uri_invalid_percent */
	uint8_t bestfit_replacement; /* for what has no byte of its own */
};

/* Views into the URI; a null pointer where a part is absent ("?" alone gives an empty query with a pointer). */
struct uri {
	struct bytes scheme, username, password, authority, host, port, path, query, fragment;
};

void uri_split(struct bytes in, struct uri *ret);

/* The normal form, written to 'out', which has room for in.size + 1 bytes; answers its size. *ret_path_size is the part of
 * it that is the path. *ret_double tells that what was decoded once could be decoded again (only asked for with
 * double_decode_...). */
size_t uri_normalise(const struct uri *uri, const struct uri_options *options, uint8_t *out, size_t *ret_path_size,
	bool *ret_double);

/* Decodes a path as above, in place; answers the new size. */
size_t uri_decode_path(uint8_t *path, size_t size, const struct uri_options *options, bool *ret_decoded);
/* Decodes a query in place. */
size_t uri_decode_query(uint8_t *query, size_t size, const struct uri_options *options, bool *ret_decoded);
/* Removes "." and ".." segments (RFC 3986, section 5.2.4) in place. */
size_t uri_remove_dots(uint8_t *path, size_t size);
