// SPDX-License-Identifier: Apache-2.0
/* Any value as HTML: it ends and stays in bounds, and the quick way out says what the tokens say. */
#include <stdlib.h>

#include "gate/inject/html.h"
#include "gate/inject/inject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes value = bytes_of(data, size);

	inject_is_script(value);
	for (enum html_context context = HTML_TEXT; context <= HTML_VALUE_BACK; context++) {
		struct html_reader reader;
		struct html_token token;
		size_t tokens = 0;

		html_init(&reader, value, context);
		while (html_read(&reader, &token)) {
			if (token.text.size > size || ++tokens > 2 * size + 2)
				abort();
		}
	}
	return 0;
}
