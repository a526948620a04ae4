// SPDX-License-Identifier: Apache-2.0
/* What the server knows of an API: the tables that scripts/api-table makes of an OpenAPI description, and finding an
 * operation in them.
 *
 * A route cannot exist undocumented, because only the description makes routes; a documented one without a handler does
 * not link, because the generated table names every handler. Everything here is constant and for any thread. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

struct api_request;
struct api_reply;

enum api_method { API_GET, API_POST, API_PUT, API_PATCH, API_DELETE, API_METHOD_COUNT };

/* Where an operation runs. INLINE: on the thread of the connection, for what never waits. NORMAL: a pool of workers.
 * HEAVY: two workers for what takes long (password hashes, wide searches), so that it cannot starve the rest. QUESTION: workers of
 * their own for what asks the store of events, or a provider of sign-on, which may take seconds: neither changes nor log-ins with a
 * password stand behind it. STREAM: no
 * worker; after the checks the connection becomes a client of the stream. */
enum api_lane { API_LANE_INLINE, API_LANE_NORMAL, API_LANE_HEAVY, API_LANE_QUESTION, API_LANE_STREAM };

/* Whose bucket a request takes from (limit.h). */
enum api_rate { API_RATE_READ, API_RATE_WRITE, API_RATE_HEAVY, API_RATE_LOGIN, API_RATE_COUNT };

/* Bits: a JSON value may have several types. */
enum api_type {
	API_TYPE_NULL = 1,
	API_TYPE_BOOLEAN = 2,
	API_TYPE_INTEGER = 4,
	API_TYPE_NUMBER = 8,
	API_TYPE_STRING = 16,
	API_TYPE_ARRAY = 32,
	API_TYPE_OBJECT = 64,
};

/* TEXT may hold line feeds and tabs; no other string may hold control characters. */
enum api_format {
	API_FORMAT_NONE,
	API_FORMAT_TEXT,
	API_FORMAT_DATE_TIME,
	API_FORMAT_IP,
	API_FORMAT_PREFIX,
	API_FORMAT_EMAIL,
};

/* One piece of a pattern: 'min' to 'max' characters out of a set, as many as there are. The generator refuses patterns
 * for which taking all of them could be wrong, so matching never goes back. */
struct api_pattern_piece {
	uint32_t set[4]; /* a bit for each ASCII character */
	uint16_t min, max;
};

struct api_property;

struct api_schema {
	uint8_t types; /* bits of enum api_type */
	uint8_t format;
	bool closed; /* members that are not listed are refused, unless 'others' says what they are */
	bool unique; /* items of an array */
	int64_t min, max; /* a number; the characters of a string; the items of an array; the members of a map */
	const char *const *words; /* an enumeration */
	const struct api_pattern_piece *pattern;
	const struct api_property *properties;
	const struct api_schema *items;
	const struct api_schema *others;
	uint16_t word_count, pattern_count, property_count;
};

struct api_property {
	const char *name;
	bool required;
	const struct api_schema *schema;
};

enum api_place { API_IN_PATH, API_IN_QUERY, API_IN_HEADER };

struct api_param {
	const char *name;
	uint8_t place;
	bool required;
	const char *fallback; /* as text, or null */
	const struct api_schema *schema; /* of one item when 'list' */
	bool list; /* several values with commas between */
	uint8_t items_max;
};

enum {
	API_PARAMS_MAX = 24, /* of one operation, path and query */
	API_PATH_DEPTH_MAX = 12, /* segments */
	API_BODY_MAX = 1 << 20,
};

struct api_operation {
	const char *id; /* operationId */
	const char *path; /* template */
	const char *permission; /* null: everybody, even without a session; "self": everybody who is known */
	uint8_t method, lane, rate;
	bool body_required;
	bool if_match; /* a revision must be named */
	bool idempotent; /* takes an Idempotency-Key */
	bool spooled; /* the body may be large: it is kept in a file, and the head is checked before it is read */
	uint32_t body_max; /* 0: takes none */
	const char *body_type;
	const struct api_schema *body;
	const struct api_param *params; /* those of the path first, in its order */
	uint8_t param_count, path_count;
};

/* A segment of the tree of paths; node 0 is the root. */
struct api_node {
	const char *text; /* null: any segment */
	uint16_t first, count; /* children stand in a row, ordered by text */
	uint16_t any; /* the child for any segment; 0: none */
	uint16_t operation[API_METHOD_COUNT]; /* plus one; 0: none */
};

typedef void (*api_handler_fn)(struct api_request *request, struct api_reply *reply);

struct api_table {
	const struct api_operation *operations;
	size_t operation_count;
	const struct api_node *nodes;
	struct bytes description; /* the OpenAPI document as JSON */
	const char *base; /* "/api/v1": paths begin with it */
};

struct api_match {
	const struct api_operation *operation; /* null when the method is not there */
	size_t index; /* of the operation */
	uint8_t methods; /* a bit for each method that the path has */
	struct bytes path[API_PATH_DEPTH_MAX]; /* values of the path's parameters, borrowed */
};

/* Finds the operation. 'path' is decoded and normal (uri.h). False when there is no such path. */
bool api_route(const struct api_table *table, int method, struct bytes path, struct api_match *ret);

/* "GET". */
const char *api_method_name(enum api_method method);
/* -1 for methods that no operation has. HEAD is a GET. */
int api_method_parse(const char *name);
