// SPDX-License-Identifier: Apache-2.0
/* Telnet (RFC 854): recognised by the negotiation of options at its beginning, not read. */
#include "sensor/app/app.h"

enum { TELNET_IAC = 255, TELNET_DONT = 254, TELNET_SB = 250 };

static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	if (data.ptr[0] != TELNET_IAC || data.ptr[1] < TELNET_SB || data.ptr[1] > TELNET_DONT)
		return APP_PROBE_NO;
	return APP_PROBE_YES;
}

static const struct app_port_probe probes[] = {
	{ .ports = "23", .transport = 6, .min_size = 3, .to_server = probe, .to_client = probe },
	{ .transport = 0 },
};

const struct app_protocol app_protocol_telnet = {
	.name = "telnet",
	.transports = APP_TCP,
	.probes = probes,
};
