// SPDX-License-Identifier: Apache-2.0
#include "gate/operator/operator.h"

#include <stdlib.h>

#include "gate/operator/operator-internal.h"
#include "match/finder.h"

#define PHRASES   (OPERATOR_NO_MACRO | OPERATOR_LITERALS)
#define CONSTANT  (OPERATOR_NO_MACRO | OPERATOR_OPTIONAL)
#define FREE_FORM (OPERATOR_NO_VALUE | OPERATOR_OPTIONAL)

/* In alphabetical order. An operator that is refused has a compile function which says why. */
const struct operator operators[] = {
	{ "beginsWith", OPERATOR_OPTIONAL, NULL, NULL, operator_begins_with },
	{ "contains", OPERATOR_OPTIONAL, NULL, NULL, operator_contains },
	{ "containsWord", OPERATOR_OPTIONAL, NULL, NULL, operator_contains_word },
	{ "detectSQLi", OPERATOR_OPTIONAL, NULL, NULL, operator_detect_sqli },
	{ "detectXSS", OPERATOR_OPTIONAL, NULL, NULL, operator_detect_xss },
	{ "endsWith", OPERATOR_OPTIONAL, NULL, NULL, operator_ends_with },
	{ "eq", OPERATOR_OPTIONAL, NULL, NULL, operator_eq },
	{ "fuzzyHash", OPERATOR_NO_MACRO, operator_refuse_fuzzy_hash, NULL, operator_never },
	{ "ge", OPERATOR_OPTIONAL, NULL, NULL, operator_ge },
	{ "geoLookup", OPERATOR_OPTIONAL | OPERATOR_ASKS_MORE, NULL, NULL, operator_geo_lookup },
	{ "gsbLookup", OPERATOR_NO_MACRO, operator_refuse_gsb, NULL, operator_never },
	{ "gt", OPERATOR_OPTIONAL, NULL, NULL, operator_gt },
	{ "inspectFile", OPERATOR_NO_MACRO, operator_refuse_inspect_file, NULL, operator_never },
	{ "ipMatch", CONSTANT, operator_address_compile, operator_address_free, operator_address_match },
	{ "ipMatchF", OPERATOR_NO_MACRO, operator_address_file_compile, operator_address_free, operator_address_match },
	{ "ipMatchFromFile", OPERATOR_NO_MACRO, operator_address_file_compile, operator_address_free,
		operator_address_match },
	{ "le", OPERATOR_OPTIONAL, NULL, NULL, operator_le },
	{ "lt", OPERATOR_OPTIONAL, NULL, NULL, operator_lt },
	{ "nids", CONSTANT, operator_nid_compile, operator_nid_free, operator_nid_match },
	{ "noMatch", FREE_FORM, NULL, NULL, operator_never },
	{ "pm", PHRASES | OPERATOR_OPTIONAL, operator_phrases_compile, operator_phrases_free, operator_phrases_match },
	{ "pmFromFile", PHRASES, operator_phrases_file_compile, operator_phrases_free, operator_phrases_match },
	{ "pmf", PHRASES, operator_phrases_file_compile, operator_phrases_free, operator_phrases_match },
	{ "rbl", OPERATOR_NO_MACRO, operator_refuse_rbl, NULL, operator_never },
	{ "rsub", OPERATOR_NO_MACRO, operator_refuse_rsub, NULL, operator_never },
	{ "rx", OPERATOR_REGEX | OPERATOR_OPTIONAL, operator_regex_compile, operator_regex_free, operator_rx },
	{ "rxGlobal", OPERATOR_REGEX | OPERATOR_OPTIONAL, operator_regex_compile, operator_regex_free,
		operator_rx_global },
	{ "streq", OPERATOR_OPTIONAL, NULL, NULL, operator_streq },
	{ "strmatch", OPERATOR_OPTIONAL, NULL, NULL, operator_contains },
	{ "unconditionalMatch", FREE_FORM, NULL, NULL, operator_always },
	{ "validateByteRange", CONSTANT, operator_byte_range_compile, free, operator_byte_range_match },
	{ "validateDTD", OPERATOR_NO_MACRO | OPERATOR_NO_VALUE | OPERATOR_ASKS_MORE, operator_dtd_compile, free,
		operator_dtd_match },
	{ "validateHash", OPERATOR_NO_MACRO, operator_refuse_validate_hash, NULL, operator_never },
	{ "validateNid", CONSTANT, operator_nid_compile, operator_nid_free, operator_nid_match },
	{ "validateSchema", OPERATOR_NO_MACRO | OPERATOR_ASKS_MORE, operator_schema_compile, operator_schema_free,
		operator_schema_match },
	{ "validateUrlEncoding", OPERATOR_OPTIONAL, NULL, NULL, operator_validate_url },
	{ "validateUtf8Encoding", OPERATOR_OPTIONAL, NULL, NULL, operator_validate_utf8 },
	{ "verifyCC", CONSTANT, operator_regex_compile, operator_regex_free, operator_verify_cc },
	{ "verifyCPF", CONSTANT, operator_regex_compile, operator_regex_free, operator_verify_cpf },
	{ "verifySSN", CONSTANT, operator_regex_compile, operator_regex_free, operator_verify_ssn },
	{ "verifySVNR", CONSTANT, operator_regex_compile, operator_regex_free, operator_verify_svnr },
	{ "within", OPERATOR_OPTIONAL, NULL, NULL, operator_within },
};

const size_t operator_count = ARRAY_COUNT(operators);

const struct operator* operator_find(struct bytes name)
{
	for (size_t i = 0; i < operator_count; i++) {
		if (finder_equal_nocase(bytes_from_str(operators[i].name), name))
			return &operators[i];
	}
	return NULL;
}

int operator_prepare(const struct operator* operator, const void * compiled, struct match_scratch *scratch)
{
	if (!(operator->flags & OPERATOR_LITERALS) || !compiled)
		return 0;
	return operator_phrases_prepare(compiled, scratch);
}

void operator_literals(const struct operator* operator, const void * compiled,
	void (*each)(void *context, struct bytes literal), void *context)
{
	if (operator->flags & OPERATOR_LITERALS)
		operator_phrases_each(compiled, each, context);
}

bool operator_found(struct operator_call *call, struct bytes found)
{
	call->matched = found;
	if (call->capture) {
		call->captures[0] = found;
		call->capture_count = 1;
	}
	return true;
}

void operator_trace(const struct operator_call *call, const char *text)
{
	if (call->hooks && call->hooks->trace)
		call->hooks->trace(call->hooks_context, text);
}
