// SPDX-License-Identifier: Apache-2.0
/* Checksums of packets. */
#include "sensor/decode/checksum.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* The same as below for whole blocks of 64 bytes, eight words at a time. */
__attribute__((target("avx2"))) static uint64_t add_blocks(uint64_t sum, const uint8_t *pos, size_t size)
{
	const __m256i low = _mm256_set1_epi64x(UINT32_MAX);
	__m256i sums[4] = { _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
		_mm256_setzero_si256() };
	uint64_t parts[4];

	for (; size != 0; size -= 64, pos += 64) {
		__m256i first = _mm256_loadu_si256((const __m256i *)(const void *)pos);
		__m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(pos + 32));

		sums[0] = _mm256_add_epi64(sums[0], _mm256_and_si256(first, low));
		sums[1] = _mm256_add_epi64(sums[1], _mm256_srli_epi64(first, 32));
		sums[2] = _mm256_add_epi64(sums[2], _mm256_and_si256(second, low));
		sums[3] = _mm256_add_epi64(sums[3], _mm256_srli_epi64(second, 32));
	}
	_mm256_storeu_si256((__m256i *)(void *)parts,
		_mm256_add_epi64(_mm256_add_epi64(sums[0], sums[1]), _mm256_add_epi64(sums[2], sums[3])));
	return sum + parts[0] + parts[1] + parts[2] + parts[3];
}
#endif

uint64_t checksum_add(uint64_t sum, const void *data, size_t size)
{
	const uint8_t *pos = data;
	uint64_t other = 0;
	uint16_t half;
	uint32_t words[4];

#if defined(__x86_64__)
	if (size >= 64 && __builtin_cpu_supports("avx2")) {
		sum = add_blocks(sum, pos, size & ~(size_t)63);
		pos += size & ~(size_t)63;
		size &= 63;
	}
#endif
	/* 32-bit words into 64-bit sums cannot overflow below 2^32 words; two sums let the processor overlap them. */
	for (; size >= sizeof(words); size -= sizeof(words), pos += sizeof(words)) {
		memcpy(words, pos, sizeof(words));
		sum += (uint64_t)words[0] + words[1];
		other += (uint64_t)words[2] + words[3];
	}
	sum += other;
	for (; size >= sizeof(half); size -= sizeof(half), pos += sizeof(half)) {
		memcpy(&half, pos, sizeof(half));
		sum += half;
	}
	if (size) {
		uint8_t last[2] = { *pos, 0 };

		memcpy(&half, last, sizeof(half));
		sum += half;
	}
	return sum;
}

uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

bool packet_checksum_l3(struct sensor_packet *packet)
{
	if (packet->checksum_l3 >= 0)
		return packet->checksum_l3;
	packet->checksum_l3 = packet->family != IP_V4 || packet->l3.size < packet->ip_header_size ||
			      checksum_fold(checksum_add(0, packet->l3.ptr, packet->ip_header_size)) == UINT16_MAX;
	return packet->checksum_l3;
}

/* Sum of the pseudo header: addresses, protocol, length (RFC 9293, section 3.1; RFC 8200, section 8.1). */
static uint64_t pseudo_header(const struct sensor_packet *packet, size_t l4_size)
{
	size_t addr_size = packet->family == IP_V4 ? 4 : 16;
	uint8_t tail[8] = { (uint8_t)(l4_size >> 24), (uint8_t)(l4_size >> 16), (uint8_t)(l4_size >> 8),
		(uint8_t)l4_size, 0, 0, 0, packet->protocol };
	uint64_t sum = checksum_add(0, packet->src.bytes, addr_size);

	return checksum_add(checksum_add(sum, packet->dst.bytes, addr_size), tail, sizeof(tail));
}

static bool verify_l4(const struct sensor_packet *packet)
{
	size_t size = packet->l4.size;

	if (packet->has_icmp4)
		return checksum_fold(checksum_add(0, packet->l4.ptr, size)) == UINT16_MAX;
	if (packet->has_udp) {
		size = 8 +
		       packet->payload.size; /* what is behind the datagram in the IP packet does not belong to it */
		if (!packet->l4.ptr[6] && !packet->l4.ptr[7])
			return packet->family == IP_V4;
	}
	if (packet->has_tcp || packet->has_udp || packet->has_icmp6)
		return checksum_fold(checksum_add(pseudo_header(packet, size), packet->l4.ptr, size)) == UINT16_MAX;
	return true;
}

bool packet_checksum_l4(struct sensor_packet *packet)
{
	if (packet->checksum_l4 < 0)
		packet->checksum_l4 = verify_l4(packet);
	return packet->checksum_l4;
}
