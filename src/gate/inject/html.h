// SPDX-License-Identifier: Apache-2.0
/* The tokens of a value that is read as HTML, as browsers read it, old ones included.
 *
 * After the tokenizer of the HTML standard (section 13.2.5), without its entities and without its scripts, and with what browsers
 * did before it: backquotes quote, `<%` and `<?` are comments, NUL is skipped in names.
 *
 * Not threaded, no allocation; time linear in the size of the value. */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

/* Where the value stands in the page. */
enum html_context {
	HTML_TEXT,
	HTML_VALUE_UNQUOTED, /* behind the value of an attribute without quotes: attributes follow */
	HTML_VALUE_SINGLE, /* inside the value of an attribute, in quotes of this kind */
	HTML_VALUE_DOUBLE,
	HTML_VALUE_BACK,
};

enum html_token_type {
	HTML_TAG, /* the name of a tag that opens */
	HTML_ATTRIBUTE, /* its name */
	HTML_VALUE, /* of the attribute before */
	HTML_COMMENT,
	HTML_DOCTYPE,
	HTML_OTHER, /* text, ends of tags */
};

struct html_token {
	enum html_token_type type;
	struct bytes text; /* a view of the value */
};

enum html_state {
	HTML_IN_TEXT,
	HTML_BEFORE_ATTRIBUTE,
	HTML_AFTER_ATTRIBUTE,
	HTML_BEFORE_VALUE,
	HTML_IN_VALUE,
};

struct html_reader {
	struct bytes value; /* borrowed */
	size_t at;
	enum html_state state;
	uint8_t quote; /* of HTML_IN_VALUE */
};

void html_init(struct html_reader *reader, struct bytes value, enum html_context context);

/* False at the end of the value. */
bool html_read(struct html_reader *reader, struct html_token *ret);
