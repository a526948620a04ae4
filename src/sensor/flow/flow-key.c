// SPDX-License-Identifier: Apache-2.0
/* See flow-key.h. */
#include "sensor/flow/flow-key.h"

#include <string.h>

#include "sensor/decode/packet.h"
#include "sensor/flow/flow.h"

enum { PROTO_ICMP4 = 1, PROTO_IPIP = 4, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58, ICMP4_UNREACHABLE = 3 };

/* Questions and answers of RFC 792, 950, 1256, 4443, 4861, 4620. A type that is not here answers itself. */
static const uint8_t icmp4_pairs[][2] = { { 8, 0 }, { 13, 14 }, { 15, 16 }, { 17, 18 }, { 10, 9 } };
static const uint8_t icmp6_pairs[][2] = { { 128, 129 }, { 133, 134 }, { 135, 136 }, { 139, 140 }, { 144, 145 } };

static uint8_t icmp_counterpart(uint8_t type, const uint8_t (*pairs)[2], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (pairs[i][0] == type)
			return pairs[i][1];
		if (pairs[i][1] == type)
			return pairs[i][0];
	}
	return type;
}

static void key_ports(const struct sensor_packet *packet, struct flow_key *key)
{
	if (packet->has_icmp4) {
		key->sport = packet->icmp.type;
		key->dport =
			icmp_counterpart(packet->icmp.type, icmp4_pairs, sizeof(icmp4_pairs) / sizeof(icmp4_pairs[0]));
	} else if (packet->has_icmp6) {
		key->sport = packet->icmp.type;
		key->dport =
			icmp_counterpart(packet->icmp.type, icmp6_pairs, sizeof(icmp6_pairs) / sizeof(icmp6_pairs[0]));
	} else {
		key->sport = packet->sport;
		key->dport = packet->dport;
	}
}

bool flow_key_has_quote(const struct sensor_packet *packet)
{
	return packet->has_icmp4 && packet->icmp.type == ICMP4_UNREACHABLE && packet->icmp.has_inner &&
	       (packet->icmp.inner_protocol == PROTO_TCP || packet->icmp.inner_protocol == PROTO_UDP);
}

bool flow_key_of(
	const struct flow_key_rules *rules, const struct sensor_packet *packet, bool quoted, struct flow_key *ret)
{
	if (packet->family == 0 || (packet->flags & (PKT_FRAGMENT | PKT_INVALID)))
		return false;
	if (!packet->has_tcp && !packet->has_udp && !packet->has_sctp && !packet->has_icmp4 && !packet->has_icmp6 &&
		!packet->has_esp && !(rules->ipip && packet->protocol == PROTO_IPIP))
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->quoted = quoted;
	if (quoted) {
		ret->src = packet->icmp.inner_src;
		ret->dst = packet->icmp.inner_dst;
		ret->sport = packet->icmp.inner_sport;
		ret->dport = packet->icmp.inner_dport;
		ret->protocol = packet->icmp.inner_protocol;
	} else {
		ret->src = packet->src;
		ret->dst = packet->dst;
		ret->protocol = packet->protocol;
		key_ports(packet, ret);
	}
	if (rules->vlan) {
		ret->vlan_count = packet->vlan_count;
		memcpy(ret->vlan_ids, packet->vlan_ids, sizeof(ret->vlan_ids));
	}
	if (rules->recursion)
		ret->recursion = packet->recursion;
	return true;
}

static uint64_t mix(uint64_t left, uint64_t right)
{
	unsigned __int128 product = (unsigned __int128)left * right;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* One side folded to a word; the secret keeps the operands from being zero at an outsider's will. */
static uint64_t fold_side(const struct ip_addr *addr, uint16_t port, struct siphash_key secret)
{
	uint64_t low, high;

	if (addr->family == IP_V4) {
		uint32_t word;

		memcpy(&word, addr->bytes, sizeof(word));
		return mix(((uint64_t)word << 16 | port) ^ secret.k0, secret.k1 | 1);
	}
	memcpy(&low, addr->bytes, sizeof(low));
	memcpy(&high, addr->bytes + sizeof(low), sizeof(high));
	return mix(mix(low ^ secret.k0, high ^ secret.k1) ^ port, secret.k1 | 1);
}

uint64_t flow_key_hash(const struct flow_key *key, struct siphash_key secret)
{
	uint64_t one = fold_side(&key->src, key->sport, secret), two = fold_side(&key->dst, key->dport, secret);
	uint64_t rest = (uint64_t)key->protocol | (uint64_t)key->recursion << 8 | (uint64_t)key->vlan_count << 16 |
			(uint64_t)key->vlan_ids[0] << 24 | (uint64_t)key->vlan_ids[1] << 40;

	rest ^= (uint64_t)key->vlan_ids[2] << 52;
	/* Sum and product of the sides do not know which is which. */
	return mix((one + two) ^ secret.k1, mix(one ^ secret.k0, two ^ secret.k0) ^ rest ^ secret.k0);
}

static bool same_addr(const struct ip_addr *left, const struct ip_addr *right)
{
	if (left->family != right->family)
		return false;
	return memcmp(left->bytes, right->bytes, left->family == IP_V4 ? 4 : 16) == 0;
}

bool flow_key_matches(const struct flow_key *key, const struct flow *flow, enum sensor_dir *ret_dir)
{
	if (flow->protocol != key->protocol || flow->vlan_count != key->vlan_count || flow->recursion != key->recursion)
		return false;
	if (key->vlan_count != 0 && memcmp(flow->vlan_ids, key->vlan_ids, sizeof(key->vlan_ids)) != 0)
		return false;
	if (flow->client_port == key->sport && flow->server_port == key->dport && same_addr(&flow->client, &key->src) &&
		same_addr(&flow->server, &key->dst)) {
		*ret_dir = TO_SERVER;
		return true;
	}
	if (flow->client_port == key->dport && flow->server_port == key->sport && same_addr(&flow->client, &key->dst) &&
		same_addr(&flow->server, &key->src)) {
		*ret_dir = TO_CLIENT;
		return true;
	}
	return false;
}
