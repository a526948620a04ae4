// SPDX-License-Identifier: Apache-2.0
/* Headers are written front to back by a writer that never passes its room; lengths and checksums are patched in once
 * what they cover is there. The writer remembers the first error, so that the steps need not check one by one. */
#include "packet/build.h"

#include <string.h>

#include "base/error.h"

struct writer {
	uint8_t *out;
	size_t room, size;
	int error; /* the first one; nothing is written behind it */
};

/* One IP packet on its way, with what its checksums need. */
struct layer {
	const struct packet_spec *spec;
	struct ip_addr src, dst;
	size_t l4_at; /* first byte behind the IP headers */
	int depth;
};

struct transport {
	uint8_t protocol;
	void (*write)(struct writer *w, const struct packet_spec *spec);
	uint8_t checksum_at; /* of the Internet checksum; 0 when there is none */
	bool pseudo_header;
};

static void fail(struct writer *w, int error)
{
	if (!w->error)
		w->error = error;
}

static void put(struct writer *w, const void *data, size_t size)
{
	if (w->error || size > w->room - w->size) {
		fail(w, LUYTRE_E_FULL);
		return;
	}
	if (size != 0)
		memcpy(w->out + w->size, data, size);
	w->size += size;
}

static void put_u8(struct writer *w, uint8_t value)
{
	put(w, &value, sizeof(value));
}

static void put_be16(struct writer *w, uint16_t value)
{
	value = packet_swap16(value);
	put(w, &value, sizeof(value));
}

static void put_be32(struct writer *w, uint32_t value)
{
	value = packet_swap32(value);
	put(w, &value, sizeof(value));
}

static void put_zeros(struct writer *w, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put_u8(w, 0);
}

static void patch(struct writer *w, size_t at, const void *data, size_t size)
{
	if (!w->error)
		memcpy(w->out + at, data, size);
}

static void patch_be16(struct writer *w, size_t at, uint16_t value)
{
	value = packet_swap16(value);
	patch(w, at, &value, sizeof(value));
}

static uint64_t sum_add(uint64_t sum, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 1 < size; i += 2)
		sum += packet_be16(data + i);
	/* As a branch: written as a choice of values, gcc 14 loads the last byte of nothing too. */
	if (size & 1)
		sum += (uint64_t)data[size - 1] << 8;
	return sum;
}

static uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint16_t packet_checksum(const void *data, size_t size)
{
	return sum_fold(sum_add(0, data, size));
}

/* Another value, which is neither the same number in one's complement nor UDP's "no checksum". */
static uint16_t spoil(uint16_t checksum)
{
	return checksum == 0x5555 ? 0x1111 : checksum ^ 0x5555;
}

/* CRC32c of RFC 9260, appendix A, which travels in little-endian order. */
static uint32_t crc32c(const uint8_t *data, size_t size)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static uint16_t port_or(uint16_t port, uint16_t fallback, bool zero)
{
	if (zero)
		return 0;
	return port ? port : fallback;
}

static void put_ports(struct writer *w, const struct packet_spec *spec)
{
	put_be16(w, port_or(spec->sport, PACKET_BUILD_SPORT, spec->wrong & PACKET_WRONG_SPORT_ZERO));
	put_be16(w, port_or(spec->dport, PACKET_BUILD_DPORT, spec->wrong & PACKET_WRONG_DPORT_ZERO));
}

static void put_tcp(struct writer *w, const struct packet_spec *spec)
{
	static const uint8_t cookie[] = { 34, 10, 0xc0, 0x0c, 0x1e, 0xc0, 0x0c, 0x1e, 0xc0, 0x0c };
	size_t options_size = (spec->tcp_mss ? 4u : 0) + (spec->tcp_fast_open ? sizeof(cookie) : 0);
	size_t padding;

	if (spec->tcp_options_size > 40 - options_size) {
		fail(w, LUYTRE_E_RANGE);
		return;
	}
	options_size += spec->tcp_options_size;
	padding = -options_size & 3;
	put_ports(w, spec);
	put_be32(w, spec->tcp_seq);
	put_be32(w, spec->tcp_ack);
	put_u8(w, (uint8_t)(((5 + (int)(options_size + padding) / 4 + spec->tcp_header_change) & 15) << 4));
	put_u8(w, spec->tcp_flags);
	put_be16(w, spec->tcp_window ? spec->tcp_window : 64240);
	put_be32(w, 0);
	if (spec->tcp_mss) {
		put_be16(w, 2 << 8 | 4);
		put_be16(w, spec->tcp_mss);
	}
	if (spec->tcp_fast_open)
		put(w, cookie, sizeof(cookie));
	put(w, spec->tcp_options, spec->tcp_options_size);
	put_zeros(w, padding);
}

/* The length is patched in with the checksum. */
static void put_udp(struct writer *w, const struct packet_spec *spec)
{
	put_ports(w, spec);
	put_be32(w, 0);
}

static void put_icmp(struct writer *w, const struct packet_spec *spec)
{
	put_u8(w, spec->icmp_type);
	put_u8(w, spec->icmp_code);
	put_be16(w, 0);
	put_be32(w, spec->icmp_rest);
}

/* Before the addresses of 'inner' were looked at: a missing one is refused when it is its turn. */
static bool is_ipv6(const struct packet_spec *spec)
{
	if (spec->src)
		return strchr(spec->src, ':');
	return spec->src_addr && spec->src_addr->family == IP_V6;
}

static void put_gre(struct writer *w, const struct packet_spec *spec)
{
	uint16_t type = spec->inner && is_ipv6(spec->inner) ? 0x86dd : 0x0800;

	put_u8(w, spec->gre_flags);
	put_u8(w, 0);
	put_be16(w, spec->gre_type ? spec->gre_type : type);
	if (spec->gre_flags & PACKET_GRE_CHECKSUM)
		put_be32(w, 0);
	if (spec->gre_flags & PACKET_GRE_KEY)
		put_be32(w, spec->gre_key);
	if (spec->gre_flags & PACKET_GRE_SEQUENCE)
		put_be32(w, spec->gre_sequence);
}

static void put_sctp(struct writer *w, const struct packet_spec *spec)
{
	put_ports(w, spec);
	put_be32(w, spec->sctp_tag);
	put_be32(w, 0);
}

static const struct transport transports[] = {
	{ PACKET_TCP, put_tcp, 16, true },
	{ PACKET_UDP, put_udp, 6, true },
	{ PACKET_ICMP, put_icmp, 2, false },
	{ PACKET_ICMPV6, put_icmp, 2, true },
	{ PACKET_GRE, put_gre, 0, false },
	{ PACKET_SCTP, put_sctp, 0, false },
};

static const struct transport *transport_of(uint8_t protocol)
{
	for (size_t i = 0; i < ARRAY_COUNT(transports); i++) {
		if (transports[i].protocol == protocol)
			return &transports[i];
	}
	return NULL;
}

/* RFC 9293 section 3.1 and RFC 8200 section 8.1 differ in the width of fields that are zero anyway. */
static uint64_t pseudo_header_sum(const struct layer *layer, size_t size)
{
	size_t addr_size = layer->src.family == IP_V6 ? 16 : 4;
	uint64_t sum = sum_add(layer->spec->protocol, layer->src.bytes, addr_size);

	return sum_add(sum, layer->dst.bytes, addr_size) + size;
}

static void finish_crc(struct writer *w, const struct layer *layer)
{
	uint32_t crc = crc32c(w->out + layer->l4_at, w->size - layer->l4_at);

	if (layer->spec->wrong & PACKET_WRONG_L4_CHECKSUM)
		crc = ~crc;
	patch(w, layer->l4_at + 8, &crc, sizeof(crc));
}

/* Everything behind the IP headers is written; the fields that depend on it are still zero. */
static void finish_transport(struct writer *w, const struct layer *layer, const struct transport *transport)
{
	const struct packet_spec *spec = layer->spec;
	size_t checksum_at = transport->checksum_at, size = w->size - layer->l4_at;
	uint64_t sum = transport->pseudo_header ? pseudo_header_sum(layer, size) : 0;
	uint16_t checksum;

	if (w->error)
		return;
	if (spec->protocol == PACKET_SCTP)
		finish_crc(w, layer);
	if (spec->protocol == PACKET_UDP)
		patch_be16(w, layer->l4_at + 4, (uint16_t)((int)size + spec->udp_length_change));
	if (spec->protocol == PACKET_GRE && (spec->gre_flags & PACKET_GRE_CHECKSUM))
		checksum_at = 4;
	if (!checksum_at || (spec->protocol == PACKET_UDP && spec->udp_no_checksum))
		return;
	checksum = sum_fold(sum_add(sum, w->out + layer->l4_at, size));
	if (spec->protocol == PACKET_UDP && checksum == 0)
		checksum = 0xffff;
	if (spec->wrong & PACKET_WRONG_L4_CHECKSUM)
		checksum = spoil(checksum);
	patch_be16(w, layer->l4_at + checksum_at, checksum);
}

static void put_ip(struct writer *w, const struct packet_spec *spec, int depth);

static void put_payload(struct writer *w, const struct layer *layer)
{
	const struct packet_spec *spec = layer->spec;

	if (spec->inner)
		put_ip(w, spec->inner, layer->depth + 1);
	if (spec->payload) {
		put(w, spec->payload, spec->payload_size);
		return;
	}
	for (size_t i = 0; i < spec->payload_size && !w->error; i++)
		put_u8(w, (uint8_t)i);
}

static void put_behind_ip(struct writer *w, struct layer *layer)
{
	const struct packet_spec *spec = layer->spec;
	const struct transport *transport = spec->fragment_offset ? NULL : transport_of(spec->protocol);

	layer->l4_at = w->size;
	if (transport)
		transport->write(w, spec);
	put_payload(w, layer);
	if (transport)
		finish_transport(w, layer, transport);
	if (w->error)
		return;
	if (spec->transport_cut > w->size - layer->l4_at)
		fail(w, LUYTRE_E_RANGE);
	else
		w->size -= spec->transport_cut;
}

static uint8_t version_of(const struct packet_spec *spec, uint8_t version)
{
	return spec->wrong & PACKET_WRONG_IP_VERSION ? 5 : version;
}

static uint8_t ttl_of(const struct packet_spec *spec)
{
	if (spec->wrong & PACKET_WRONG_TTL_ZERO)
		return 0;
	return spec->ttl ? spec->ttl : PACKET_BUILD_TTL;
}

static void put_ipv4(struct writer *w, struct layer *layer)
{
	const struct packet_spec *spec = layer->spec;
	size_t at = w->size, padding = -spec->ip_options_size & 3;
	int words = 5 + (int)(spec->ip_options_size + padding) / 4 + spec->ip_header_change;
	uint16_t checksum;

	put_u8(w, (uint8_t)(version_of(spec, 4) << 4 | (words & 15)));
	put_u8(w, spec->tos);
	put_be16(w, 0);
	put_be16(w, spec->fragment_id ? (uint16_t)spec->fragment_id : spec->ip_id);
	put_be16(w, (uint16_t)((spec->dont_fragment ? 0x4000 : 0) | (spec->more_fragments ? 0x2000 : 0) |
			       spec->fragment_offset / 8));
	put_u8(w, ttl_of(spec));
	put_u8(w, spec->protocol);
	put_be16(w, 0);
	put(w, layer->src.bytes, 4);
	put(w, layer->dst.bytes, 4);
	put(w, spec->ip_options, spec->ip_options_size);
	put_zeros(w, padding);
	put_behind_ip(w, layer);
	if (w->size - at > 65535)
		fail(w, LUYTRE_E_RANGE);
	if (w->error)
		return;
	patch_be16(w, at + 2, (uint16_t)((int)(w->size - at) + spec->ip_length_change));
	/* A receiver sums what the length field says; where that is impossible the real header stands in. */
	if (words < 5 || words > 15 || (size_t)words * 4 > w->size - at)
		checksum = packet_checksum(w->out + at, 20 + spec->ip_options_size + padding);
	else
		checksum = packet_checksum(w->out + at, (size_t)words * 4);
	patch_be16(w, at + 10, spec->wrong & PACKET_WRONG_IP_CHECKSUM ? spoil(checksum) : checksum);
}

static bool is_fragment(const struct packet_spec *spec)
{
	return spec->more_fragments || spec->fragment_offset;
}

static void put_fragment_header(struct writer *w, const struct packet_spec *spec, uint8_t next)
{
	put_u8(w, next);
	put_u8(w, 0);
	put_be16(w, (uint16_t)(spec->fragment_offset | (spec->more_fragments ? 1 : 0)));
	put_be32(w, spec->fragment_id);
}

static void put_extension(
	struct writer *w, const struct packet_spec *spec, const struct packet_extension *extension, uint8_t next)
{
	static const uint8_t pad_n[] = { 1, 4, 0, 0, 0, 0 };
	bool options = extension->protocol == 0 || extension->protocol == PACKET_IPV6_OPTIONS;
	struct bytes body = bytes_of(extension->body, extension->body_size);
	size_t size;

	if (extension->protocol == PACKET_IPV6_FRAGMENT) {
		put_fragment_header(w, spec, next);
		return;
	}
	if (bytes_empty(body) && options)
		body = bytes_of(pad_n, sizeof(pad_n));
	size = body.size < 6 ? 8 : (body.size + 2 + 7) / 8 * 8;
	put_u8(w, next);
	put_u8(w, (uint8_t)((int)(size / 8 - 1) + extension->length_change));
	put(w, body.ptr, body.size);
	put_zeros(w, size - 2 - body.size);
}

/* The headers between the fixed one and the transport, with the fragment header that the caller did not place. */
static size_t list_extensions(const struct packet_spec *spec, struct packet_extension *ret_list)
{
	size_t count = spec->extension_count;
	bool placed = false;

	for (size_t i = 0; i < count; i++) {
		ret_list[i] = spec->extension[i];
		placed = placed || ret_list[i].protocol == PACKET_IPV6_FRAGMENT;
	}
	if (is_fragment(spec) && !placed)
		ret_list[count++] = (struct packet_extension){ .protocol = PACKET_IPV6_FRAGMENT };
	return count;
}

static void put_ipv6(struct writer *w, struct layer *layer)
{
	struct packet_extension list[PACKET_BUILD_EXTENSIONS_MAX + 1];
	const struct packet_spec *spec = layer->spec;
	size_t at = w->size, count = list_extensions(spec, list);

	put_be32(w, (uint32_t)version_of(spec, 6) << 28 | (uint32_t)spec->tos << 20 | spec->flow_label);
	put_be16(w, 0);
	put_u8(w, count ? list[0].protocol : spec->protocol);
	put_u8(w, ttl_of(spec));
	put(w, layer->src.bytes, 16);
	put(w, layer->dst.bytes, 16);
	for (size_t i = 0; i < count; i++)
		put_extension(w, spec, &list[i], i + 1 < count ? list[i + 1].protocol : spec->protocol);
	put_behind_ip(w, layer);
	if (w->size - at > 65535 + 40)
		fail(w, LUYTRE_E_RANGE);
	patch_be16(w, at + 4, (uint16_t)((int)(w->size - at - 40) + spec->ip_length_change));
}

static int read_addr(const char *text, const struct ip_addr *number, struct ip_addr *ret)
{
	if (text)
		return ip_addr_parse(bytes_from_str(text), ret);
	if (!number)
		return LUYTRE_E_INVALID;
	*ret = *number;
	return 0;
}

static int check_spec(const struct packet_spec *spec)
{
	if (spec->vlan_count > PACKET_BUILD_TAGS_MAX || spec->label_count > PACKET_BUILD_LABELS_MAX ||
		spec->extension_count > PACKET_BUILD_EXTENSIONS_MAX || spec->trailer > PACKET_BUILD_TRAILER_MAX)
		return LUYTRE_E_RANGE;
	for (size_t i = 0; i < spec->extension_count; i++) {
		if (spec->extension[i].body_size > 2048 - 2)
			return LUYTRE_E_RANGE;
	}
	for (size_t i = 0; i < spec->label_count; i++) {
		if (spec->label[i] > 0xfffff)
			return LUYTRE_E_RANGE;
	}
	if (spec->fragment_offset & 7 || spec->flow_label > 0xfffff || spec->ip_options_size > 40)
		return LUYTRE_E_RANGE;
	return 0;
}

static int init_layer(struct layer *layer, const struct packet_spec *spec, int depth)
{
	int error;

	*layer = (struct layer){ .spec = spec, .depth = depth };
	if (depth >= PACKET_BUILD_DEPTH_MAX)
		return LUYTRE_E_INVALID;
	error = check_spec(spec);
	if (!error)
		error = read_addr(spec->src, spec->src_addr, &layer->src);
	if (!error)
		error = read_addr(spec->dst, spec->dst_addr, &layer->dst);
	if (error)
		return error;
	if (layer->src.family != layer->dst.family || (layer->src.family == IP_V4 && spec->extension_count))
		return LUYTRE_E_CONFLICT;
	return 0;
}

/* One whole IP packet, without what is in front of it. */
static void put_ip(struct writer *w, const struct packet_spec *spec, int depth)
{
	struct layer layer;
	size_t at = w->size;

	fail(w, init_layer(&layer, spec, depth));
	if (w->error)
		return;
	if (layer.src.family == IP_V6)
		put_ipv6(w, &layer);
	else
		put_ipv4(w, &layer);
	if (spec->cut > w->size - at)
		fail(w, LUYTRE_E_RANGE);
	else
		w->size -= spec->cut;
}

static void put_link(struct writer *w, const struct packet_spec *spec, uint8_t family)
{
	static const uint8_t src_mac[6] = { 2, 0, 0, 0, 0, 1 }, dst_mac[6] = { 2, 0, 0, 0, 0, 2 };
	uint16_t type = family == IP_V6 ? 0x86dd : 0x0800;

	if (spec->label_count)
		type = 0x8847;
	if (spec->ether_type)
		type = spec->ether_type;
	put(w, spec->dst_mac ? spec->dst_mac : dst_mac, 6);
	put(w, spec->src_mac ? spec->src_mac : src_mac, 6);
	for (size_t i = 0; i < spec->vlan_count; i++) {
		put_be16(w, spec->vlan[i].type ? spec->vlan[i].type : 0x8100);
		put_be16(w, spec->vlan[i].id);
	}
	put_be16(w, type);
	for (size_t i = 0; i < spec->label_count; i++) {
		bool bottom = i + 1 == spec->label_count;

		put_be32(w, spec->label[i] << 12 | (uint32_t)bottom << 8 | PACKET_BUILD_TTL);
	}
}

int packet_build(const struct packet_spec *spec, uint8_t *out, size_t room, size_t *ret_size)
{
	struct writer w = { .out = out, .room = room };
	struct layer layer;

	/* The layer is made here too: the link header must know the version, and its counts must be checked. */
	w.error = init_layer(&layer, spec, 0);
	if (w.error)
		return w.error;
	if (!spec->no_link)
		put_link(&w, spec, layer.src.family);
	put_ip(&w, spec, 0);
	put_zeros(&w, spec->trailer);
	if (w.error)
		return w.error;
	*ret_size = w.size;
	return 0;
}
