// SPDX-License-Identifier: Apache-2.0
/* The pages of the console, or one page that says that there are none (web/meson.build). */
#include "hub/console/console.h"

extern const struct api_files console_files; /* made by scripts/api-files */

const struct api_files *console_pages(void)
{
	return &console_files;
}
