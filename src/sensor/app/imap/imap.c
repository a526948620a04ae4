// SPDX-License-Identifier: Apache-2.0
/* IMAP (RFC 9051): recognised, not read. */
#include "sensor/app/app.h"

static const struct app_pattern patterns[] = {
	{ .dir = TO_CLIENT, .text = "* OK ", .size = 5, .depth = 5, .nocase = true },
	{ .dir = TO_CLIENT, .text = "* PREAUTH ", .size = 10, .depth = 10, .nocase = true },
	{ .dir = TO_SERVER, .text = " CAPABILITY\r\n", .size = 13, .depth = 32, .nocase = true },
	{ .dir = TO_SERVER, .text = " STARTTLS\r\n", .size = 11, .depth = 32, .nocase = true },
	{ .size = 0 },
};

const struct app_protocol app_protocol_imap = {
	.name = "imap",
	.transports = APP_TCP,
	.patterns = patterns,
};
