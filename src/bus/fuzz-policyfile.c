// SPDX-License-Identifier: Apache-2.0
/* What is read as a policy is written and read again to the same text. */
#include <stdlib.h>

#include "bus/policyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_file(struct policyfile *file, struct jsonw *json, struct bytes *ret)
{
	jsonw_init(json, POLICYFILE_SIZE_MAX);
	policyfile_write(json, file);
	if (jsonw_text(json, ret))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policyfile file, again;
	struct jsonw one, two;
	struct bytes text, same;

	if (policyfile_read(bytes_of(data, size), &file))
		return 0;
	write_file(&file, &one, &text);
	if (policyfile_read(text, &again) || again.row_count != file.row_count || again.version != file.version)
		abort();
	write_file(&again, &two, &same);
	if (!bytes_equal(text, same))
		abort();
	policyfile_done(&file);
	policyfile_done(&again);
	jsonw_done(&one);
	jsonw_done(&two);
	return 0;
}
