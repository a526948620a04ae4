// SPDX-License-Identifier: Apache-2.0
/* XML out of any bytes, and the two expressions that rules ask for; see testfuzz.h for the first byte. libxml2 itself may say less of a
 * broken document when it comes in pieces, so that the two ways are not compared here. */
#include "gate/body/testfuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_text(void *context, struct bytes text)
{
	fuzz_take(context, text);
}

static void ask(void *xml, struct arena *arena, struct fuzz_digest *digest)
{
	if (body_xpath(xml, bytes_from_str("/*"), bytes_from_str(""), arena, on_text, digest) ||
		body_xpath(xml, bytes_from_str("//@*"), bytes_from_str(""), arena, on_text, digest))
		return;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes body = bytes_skip(bytes_of(data, size), 1);

	(void)fuzz_run(BODY_XML, bytes_from_str(""), body, size ? 1 + data[0] % 32 : 1, false, false, ask);
	return 0;
}
