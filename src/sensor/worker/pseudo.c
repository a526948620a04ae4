// SPDX-License-Identifier: Apache-2.0
#include "sensor/worker/pseudo.h"

#include <stdlib.h>

#include "sensor/decode/packet.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"

struct sensor_packet *pseudo_new(const struct sensor_settings *settings)
{
	struct sensor_packet *packet = calloc(1, sizeof(*packet));

	if (!packet)
		return NULL;
	packet->alerts = calloc(settings->packet_alert_max, sizeof(*packet->alerts));
	if (!packet->alerts) {
		free(packet);
		return NULL;
	}
	return packet;
}

void pseudo_free(struct sensor_packet *packet)
{
	if (packet)
		free(packet->alerts);
	free(packet);
}

void pseudo_fill(struct sensor_packet *packet, struct flow *flow, enum sensor_dir dir, uint64_t now_ns)
{
	bool back = dir == TO_CLIENT;

	*packet = (struct sensor_packet){
		.alerts = packet->alerts,
		.linktype = packet->linktype,
		.time_ns = now_ns,
		.flags = PKT_PSEUDO | PKT_HAS_FLOW | PKT_STREAM_EOF | PKT_ESTABLISHED | PKT_LAST_OF_FLOW,
		.source = PACKET_SRC_FLOW_TIMEOUT,
		.src = back ? flow->server : flow->client,
		.dst = back ? flow->client : flow->server,
		.sport = back ? flow->server_port : flow->client_port,
		.dport = back ? flow->client_port : flow->server_port,
		.family = flow->client.family,
		.protocol = flow->protocol,
		.has_tcp = flow->protocol == 6,
		.has_udp = flow->protocol == 17,
		.tcp.flags = 0x10,
		.flow = flow,
		.dir = (uint8_t)dir,
		.vlan_count = flow->vlan_count,
		.vlan_ids = { flow->vlan_ids[0], flow->vlan_ids[1], flow->vlan_ids[2] },
		.tenant = flow->tenant,
		.place = flow->place,
		.edge_only = flow->edge_only,
		.checksum_l3 = 1,
		.checksum_l4 = 1,
	};
}
