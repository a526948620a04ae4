// SPDX-License-Identifier: Apache-2.0
/* In place of pdf.c where Pango and Cairo were not there when the program was built. */
#include "base/error.h"
#include "hub/report/report.h"

bool report_has_pdf(void)
{
	return false;
}

int report_pdf(const struct report *report, struct report_out *ret)
{
	*ret = (struct report_out){ 0 };
	return LUYTRE_E_UNSUPPORTED;
}
