// SPDX-License-Identifier: Apache-2.0
/* The functions that operator.c lists, and what the files of this folder share. */
#pragma once

#include "gate/operator/operator.h"

/* Size of a file that an operator reads. */
#define OPERATOR_FILE_SIZE_MAX ((size_t)64 * 1024 * 1024)

#define OPERATOR_COMPILE(name)                                                                                         \
	int name(const struct operator_setup *setup, struct bytes parameter, char message[OPERATOR_MESSAGE_SIZE],      \
		void **ret)
#define OPERATOR_MATCH(name)                                                                                           \
	bool name(const void *compiled, struct bytes parameter, struct bytes value, struct operator_call *call)

/* Makes 'found' the answer's place in the value and, when the rule captures, TX.0. Returns true. */
bool operator_found(struct operator_call *call, struct bytes found);

void operator_trace(const struct operator_call *call, const char *text);

/* Without white space at both ends. */
struct bytes operator_trim(struct bytes text);

/* Takes the next piece between separators from '*rest'; false at the end. */
bool operator_next(struct bytes *rest, const char *separators, struct bytes *ret);

/* Opens the files that rules name: beside the rule's file, else as the name says. '*ret_path' is freed with free(). With a message
 * when it is not there. */
MUST_CHECK int operator_file_find(
	const struct operator_setup *setup, struct bytes name, char message[OPERATOR_MESSAGE_SIZE], char **ret_path);

/* Reads a whole file, to be freed with free(). */
MUST_CHECK int operator_file_read(const struct operator_setup *setup, struct bytes name,
	char message[OPERATOR_MESSAGE_SIZE], uint8_t **ret, size_t *ret_size);

/* The lines of a list of @pmFromFile or @ipMatchFromFile: without line ends, blank ones and comments. */
bool operator_next_line(struct bytes *rest, struct bytes *ret);

OPERATOR_MATCH(operator_begins_with);
OPERATOR_MATCH(operator_contains);
OPERATOR_MATCH(operator_contains_word);
OPERATOR_MATCH(operator_ends_with);
OPERATOR_MATCH(operator_streq);
OPERATOR_MATCH(operator_within);
OPERATOR_MATCH(operator_eq);
OPERATOR_MATCH(operator_ge);
OPERATOR_MATCH(operator_gt);
OPERATOR_MATCH(operator_le);
OPERATOR_MATCH(operator_lt);
OPERATOR_MATCH(operator_detect_sqli);
OPERATOR_MATCH(operator_detect_xss);
OPERATOR_MATCH(operator_geo_lookup);
OPERATOR_MATCH(operator_always);
OPERATOR_MATCH(operator_never);
OPERATOR_MATCH(operator_validate_url);
OPERATOR_MATCH(operator_validate_utf8);

OPERATOR_COMPILE(operator_phrases_compile);
OPERATOR_COMPILE(operator_phrases_file_compile);
OPERATOR_MATCH(operator_phrases_match);
void operator_phrases_free(void *compiled);
int operator_phrases_prepare(const void *compiled, struct match_scratch *scratch);
void operator_phrases_each(const void *compiled, void (*each)(void *context, struct bytes literal), void *context);

OPERATOR_COMPILE(operator_address_compile);
OPERATOR_COMPILE(operator_address_file_compile);
OPERATOR_MATCH(operator_address_match);
void operator_address_free(void *compiled);

OPERATOR_COMPILE(operator_byte_range_compile);
OPERATOR_MATCH(operator_byte_range_match);

OPERATOR_COMPILE(operator_regex_compile);
OPERATOR_MATCH(operator_rx);
OPERATOR_MATCH(operator_rx_global);
OPERATOR_MATCH(operator_verify_cc);
OPERATOR_MATCH(operator_verify_cpf);
OPERATOR_MATCH(operator_verify_ssn);
OPERATOR_MATCH(operator_verify_svnr);
void operator_regex_free(void *compiled);
OPERATOR_COMPILE(operator_nid_compile);
OPERATOR_MATCH(operator_nid_match);
void operator_nid_free(void *compiled);

/* Whether the digits of 'text' are a number of that kind; other bytes are passed over. */
bool operator_is_card(struct bytes text);
bool operator_is_cpf(struct bytes text);
bool operator_is_ssn(struct bytes text);
bool operator_is_svnr(struct bytes text);
bool operator_is_rut(struct bytes text);

OPERATOR_COMPILE(operator_dtd_compile);
OPERATOR_MATCH(operator_dtd_match);
OPERATOR_COMPILE(operator_schema_compile);
OPERATOR_MATCH(operator_schema_match);
void operator_schema_free(void *compiled);

/* A JSON Schema (see json-schema.c), as @validateSchema takes it beside XML Schema. */
struct json_schema;
MUST_CHECK int json_schema_parse(struct bytes text, char message[OPERATOR_MESSAGE_SIZE], struct json_schema **ret);
void json_schema_free(struct json_schema *schema);
bool json_schema_is_valid(const struct json_schema *schema, struct bytes value);

OPERATOR_COMPILE(operator_refuse_fuzzy_hash);
OPERATOR_COMPILE(operator_refuse_gsb);
OPERATOR_COMPILE(operator_refuse_inspect_file);
OPERATOR_COMPILE(operator_refuse_rbl);
OPERATOR_COMPILE(operator_refuse_rsub);
OPERATOR_COMPILE(operator_refuse_validate_hash);
