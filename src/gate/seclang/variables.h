// SPDX-License-Identifier: Apache-2.0
/* The variables of SecLang, one row each: what the parser accepts, what the engine fills and what messages call them.
 *
 * Their meaning is ModSecurity's reference manual's (v3, "Variables"). A scalar has one value (or none); a collection has named ones,
 * of which a rule may take all (`ARGS`), one (`ARGS:q`), those whose name fits a pattern (`ARGS:/^p_/`), and count them (`&ARGS`). */
#pragma once

#include "base/bytes.h"

#include <stdint.h>

enum variable_shape {
	VARIABLE_SCALAR,
	VARIABLE_COLLECTION, /* filled by the request */
	VARIABLE_STORE, /* TX and the persistent ones: rules write to them */
};

/* X(name, shape, phase from which it has a value). */
#define VARIABLE_LIST(X)                                                                                               \
	X(ARGS, COLLECTION, 1)                                                                                         \
	X(ARGS_COMBINED_SIZE, SCALAR, 1)                                                                               \
	X(ARGS_GET, COLLECTION, 1)                                                                                     \
	X(ARGS_GET_NAMES, COLLECTION, 1)                                                                               \
	X(ARGS_NAMES, COLLECTION, 1)                                                                                   \
	X(ARGS_POST, COLLECTION, 2)                                                                                    \
	X(ARGS_POST_NAMES, COLLECTION, 2)                                                                              \
	X(AUTH_TYPE, SCALAR, 1)                                                                                        \
	X(DURATION, SCALAR, 1)                                                                                         \
	X(ENV, COLLECTION, 1)                                                                                          \
	X(FILES, COLLECTION, 2)                                                                                        \
	X(FILES_COMBINED_SIZE, SCALAR, 2)                                                                              \
	X(FILES_NAMES, COLLECTION, 2)                                                                                  \
	X(FILES_SIZES, COLLECTION, 2)                                                                                  \
	X(FILES_TMPNAMES, COLLECTION, 2)                                                                               \
	X(FILES_TMP_CONTENT, COLLECTION, 2)                                                                            \
	X(FULL_REQUEST, SCALAR, 2)                                                                                     \
	X(FULL_REQUEST_LENGTH, SCALAR, 2)                                                                              \
	X(GEO, COLLECTION, 1)                                                                                          \
	X(GLOBAL, STORE, 1)                                                                                            \
	X(HIGHEST_SEVERITY, SCALAR, 1)                                                                                 \
	X(INBOUND_DATA_ERROR, SCALAR, 2)                                                                               \
	X(IP, STORE, 1)                                                                                                \
	X(MATCHED_VAR, SCALAR, 1)                                                                                      \
	X(MATCHED_VARS, COLLECTION, 1)                                                                                 \
	X(MATCHED_VARS_NAMES, COLLECTION, 1)                                                                           \
	X(MATCHED_VAR_NAME, SCALAR, 1)                                                                                 \
	X(MODSEC_BUILD, SCALAR, 1)                                                                                     \
	X(MSC_PCRE_ERROR, SCALAR, 1)                                                                                   \
	X(MSC_PCRE_LIMITS_EXCEEDED, SCALAR, 1)                                                                         \
	X(MULTIPART_BOUNDARY_QUOTED, SCALAR, 2)                                                                        \
	X(MULTIPART_BOUNDARY_WHITESPACE, SCALAR, 2)                                                                    \
	X(MULTIPART_CRLF_LF_LINES, SCALAR, 2)                                                                          \
	X(MULTIPART_DATA_AFTER, SCALAR, 2)                                                                             \
	X(MULTIPART_DATA_BEFORE, SCALAR, 2)                                                                            \
	X(MULTIPART_FILENAME, COLLECTION, 2)                                                                           \
	X(MULTIPART_FILE_LIMIT_EXCEEDED, SCALAR, 2)                                                                    \
	X(MULTIPART_HEADER_FOLDING, SCALAR, 2)                                                                         \
	X(MULTIPART_INVALID_HEADER_FOLDING, SCALAR, 2)                                                                 \
	X(MULTIPART_INVALID_PART, SCALAR, 2)                                                                           \
	X(MULTIPART_INVALID_QUOTING, SCALAR, 2)                                                                        \
	X(MULTIPART_LF_LINE, SCALAR, 2)                                                                                \
	X(MULTIPART_MISSING_SEMICOLON, SCALAR, 2)                                                                      \
	X(MULTIPART_NAME, COLLECTION, 2)                                                                               \
	X(MULTIPART_PART_HEADERS, COLLECTION, 2)                                                                       \
	X(MULTIPART_STRICT_ERROR, SCALAR, 2)                                                                           \
	X(MULTIPART_UNMATCHED_BOUNDARY, SCALAR, 2)                                                                     \
	X(OUTBOUND_DATA_ERROR, SCALAR, 4)                                                                              \
	X(PATH_INFO, SCALAR, 1)                                                                                        \
	X(QUERY_STRING, SCALAR, 1)                                                                                     \
	X(REMOTE_ADDR, SCALAR, 1)                                                                                      \
	X(REMOTE_HOST, SCALAR, 1)                                                                                      \
	X(REMOTE_PORT, SCALAR, 1)                                                                                      \
	X(REMOTE_USER, SCALAR, 1)                                                                                      \
	X(REQBODY_ERROR, SCALAR, 2)                                                                                    \
	X(REQBODY_ERROR_MSG, SCALAR, 2)                                                                                \
	X(REQBODY_PROCESSOR, SCALAR, 1)                                                                                \
	X(REQBODY_PROCESSOR_ERROR, SCALAR, 2)                                                                          \
	X(REQBODY_PROCESSOR_ERROR_MSG, SCALAR, 2)                                                                      \
	X(REQUEST_BASENAME, SCALAR, 1)                                                                                 \
	X(REQUEST_BODY, SCALAR, 2)                                                                                     \
	X(REQUEST_BODY_LENGTH, SCALAR, 2)                                                                              \
	X(REQUEST_COOKIES, COLLECTION, 1)                                                                              \
	X(REQUEST_COOKIES_NAMES, COLLECTION, 1)                                                                        \
	X(REQUEST_FILENAME, SCALAR, 1)                                                                                 \
	X(REQUEST_HEADERS, COLLECTION, 1)                                                                              \
	X(REQUEST_HEADERS_NAMES, COLLECTION, 1)                                                                        \
	X(REQUEST_LINE, SCALAR, 1)                                                                                     \
	X(REQUEST_METHOD, SCALAR, 1)                                                                                   \
	X(REQUEST_PROTOCOL, SCALAR, 1)                                                                                 \
	X(REQUEST_URI, SCALAR, 1)                                                                                      \
	X(REQUEST_URI_RAW, SCALAR, 1)                                                                                  \
	X(RESOURCE, STORE, 1)                                                                                          \
	X(RESPONSE_ARGS, COLLECTION, 4)                                                                                \
	X(RESPONSE_BODY, SCALAR, 4)                                                                                    \
	X(RESPONSE_CONTENT_LENGTH, SCALAR, 3)                                                                          \
	X(RESPONSE_CONTENT_TYPE, SCALAR, 3)                                                                            \
	X(RESPONSE_HEADERS, COLLECTION, 3)                                                                             \
	X(RESPONSE_HEADERS_NAMES, COLLECTION, 3)                                                                       \
	X(RESPONSE_PROTOCOL, SCALAR, 3)                                                                                \
	X(RESPONSE_STATUS, SCALAR, 3)                                                                                  \
	X(RULE, COLLECTION, 1)                                                                                         \
	X(SERVER_ADDR, SCALAR, 1)                                                                                      \
	X(SERVER_NAME, SCALAR, 1)                                                                                      \
	X(SERVER_PORT, SCALAR, 1)                                                                                      \
	X(SESSION, STORE, 1)                                                                                           \
	X(SESSIONID, SCALAR, 1)                                                                                        \
	X(STATUS_LINE, SCALAR, 3)                                                                                      \
	X(TIME, SCALAR, 1)                                                                                             \
	X(TIME_DAY, SCALAR, 1)                                                                                         \
	X(TIME_EPOCH, SCALAR, 1)                                                                                       \
	X(TIME_HOUR, SCALAR, 1)                                                                                        \
	X(TIME_MIN, SCALAR, 1)                                                                                         \
	X(TIME_MON, SCALAR, 1)                                                                                         \
	X(TIME_SEC, SCALAR, 1)                                                                                         \
	X(TIME_WDAY, SCALAR, 1)                                                                                        \
	X(TIME_YEAR, SCALAR, 1)                                                                                        \
	X(TX, STORE, 1)                                                                                                \
	X(UNIQUE_ID, SCALAR, 1)                                                                                        \
	X(URLENCODED_ERROR, SCALAR, 1)                                                                                 \
	X(USER, STORE, 1)                                                                                              \
	X(USERID, SCALAR, 1)                                                                                           \
	X(WEBAPPID, SCALAR, 1)                                                                                         \
	X(WEBSERVER_ERROR_LOG, SCALAR, 5)                                                                              \
	X(XML, COLLECTION, 2)

enum variable {
#define X(name, shape, phase) VARIABLE_##name,
	VARIABLE_LIST(X)
#undef X
		VARIABLE_COUNT
};

struct variable_row {
	const char *name;
	enum variable_shape shape;
	uint8_t phase;
};

extern const struct variable_row variables[VARIABLE_COUNT];

/* VARIABLE_COUNT when there is none of that name; without regard to case; knows the aliases of the manual (ENV, MODSEC_BUILD, ...). */
enum variable variable_find(struct bytes name);
