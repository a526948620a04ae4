// SPDX-License-Identifier: Apache-2.0
/* UDP (RFC 768), SCTP (RFC 9260), ESP (RFC 4303). */
#include "sensor/decode/internal.h"

enum { UDP_SIZE = 8, SCTP_SIZE = 12, ESP_SIZE = 8 };

/* A tunnel over UDP does not hide the datagram that carries it: it stays a packet with a flow of its own. */
static void udp_tunnel(struct decoder *d, struct sensor_packet *p)
{
	if (d->teredo.enabled && (tunnel_port(&d->teredo, p->sport) || tunnel_port(&d->teredo, p->dport)) &&
		decode_teredo(d, p, p->payload))
		return;
	if (d->geneve.enabled && (tunnel_port(&d->geneve, p->sport) || tunnel_port(&d->geneve, p->dport)) &&
		decode_geneve(d, p, p->payload))
		return;
	if (d->vxlan.enabled && tunnel_port(&d->vxlan, p->dport))
		decode_vxlan(d, p, p->payload);
}

bool decode_udp(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	uint16_t length;

	decoder_count(d, COUNTER_DECODER_UDP);
	if (in.size < UDP_SIZE)
		return decoder_fail(p, EVENT_UDP_HLEN_TOO_SMALL);
	length = read_u16(in.ptr + 4);
	if (length < UDP_SIZE)
		return decoder_fail(p, EVENT_UDP_LEN_INVALID);
	if (length > in.size)
		return decoder_fail(p, EVENT_UDP_PKT_TOO_SMALL);
	p->has_udp = true;
	p->sport = read_u16(in.ptr);
	p->dport = read_u16(in.ptr + 2);
	p->payload = bytes_of(in.ptr + UDP_SIZE, (size_t)length - UDP_SIZE);
	udp_tunnel(d, p);
	return true;
}

bool decode_sctp(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	decoder_count(d, COUNTER_DECODER_SCTP);
	if (in.size < SCTP_SIZE)
		return decoder_fail(p, EVENT_SCTP_PKT_TOO_SMALL);
	p->has_sctp = true;
	p->sport = read_u16(in.ptr);
	p->dport = read_u16(in.ptr + 2);
	p->payload = bytes_skip(in, SCTP_SIZE);
	return true;
}

bool decode_esp(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	decoder_count(d, COUNTER_DECODER_ESP);
	if (in.size < ESP_SIZE)
		return decoder_fail(p, EVENT_ESP_PKT_TOO_SMALL);
	p->has_esp = true;
	p->payload = bytes_skip(in, ESP_SIZE);
	return true;
}
