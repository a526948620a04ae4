// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/quic/packet.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/cursor.h"

#define QUIC_VERSION_1 0x00000001u
#define QUIC_VERSION_2 0x6b3343cfu

bool quic_version_google(uint32_t version)
{
	return version >= 0x51303434u && version <= 0x51303530u; /* "Q044" to "Q050" */
}

static bool is_draft(uint32_t version)
{
	return version >= 0xff000017u && version <= 0xff000022u; /* 23 to 34 */
}

bool quic_version_known(uint32_t version)
{
	return version == QUIC_VERSION_1 || version == QUIC_VERSION_2 || is_draft(version) ||
	       quic_version_google(version);
}

bool quic_varint(struct cursor *cur, uint64_t *ret)
{
	struct cursor at = *cur;
	uint8_t byte;
	uint64_t value;

	if (!cursor_u8(&at, &byte))
		return false;
	value = byte & 0x3f;
	for (unsigned int left = (1u << (byte >> 6)) - 1; left > 0; left--) {
		if (!cursor_u8(&at, &byte))
			return false;
		value = value << 8 | byte;
	}
	*cur = at;
	*ret = value;
	return true;
}

/* ---- Headers ---- */

static uint8_t type_of(uint32_t version, uint8_t first)
{
	static const uint8_t usual[] = { QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE, QUIC_RETRY };
	static const uint8_t second[] = { QUIC_RETRY, QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE };

	return version == QUIC_VERSION_2 ? second[first >> 4 & 3] : usual[first >> 4 & 3];
}

static bool connection_id(struct cursor *cur, struct bytes *ret)
{
	uint8_t size;

	return cursor_u8(cur, &size) && size <= QUIC_CONNECTION_ID_MAX && cursor_take(cur, size, ret);
}

/* Google's form: both lengths in one byte, each 0 or three more than its half says; the packet goes to the end. */
static bool google_header(struct cursor *cur, struct bytes in, struct quic_header *ret)
{
	uint8_t lengths;
	size_t destination, source;

	if (!cursor_u8(cur, &lengths))
		return false;
	destination = lengths >> 4 ? (lengths >> 4) + 3u : 0;
	source = lengths & 15 ? (lengths & 15) + 3u : 0;
	ret->type = QUIC_GOOGLE;
	ret->packet = in;
	if (!cursor_take(cur, destination, &ret->destination_id) || !cursor_take(cur, source, &ret->source_id))
		return false;
	ret->number_at = in.size - cursor_left(cur);
	return true;
}

static bool ietf_body(struct cursor *cur, struct bytes in, struct quic_header *ret)
{
	uint64_t size;
	struct bytes token;

	if (ret->type == QUIC_RETRY || ret->type == QUIC_NEGOTIATION) {
		ret->packet = in;
		return true;
	}
	if (ret->type == QUIC_INITIAL && (!quic_varint(cur, &size) || !cursor_take(cur, (size_t)size, &token)))
		return false;
	if (!quic_varint(cur, &size) || size > cursor_left(cur))
		return false;
	ret->number_at = in.size - cursor_left(cur);
	ret->packet = bytes_first(in, ret->number_at + (size_t)size);
	return true;
}

bool quic_header_read(struct bytes in, struct quic_header *ret)
{
	struct cursor cur = cursor_over(in);
	uint8_t first;

	*ret = (struct quic_header){ .packet = in };
	if (!cursor_u8(&cur, &first))
		return false;
	if (!(first & 0x80)) {
		ret->type = QUIC_SHORT;
		return true;
	}
	if (!cursor_u32be(&cur, &ret->version))
		return false;
	if (quic_version_google(ret->version) && ret->version < 0x51303439u)
		return google_header(&cur, in, ret);
	ret->type = ret->version == 0 ? QUIC_NEGOTIATION : type_of(ret->version, first);
	if (!connection_id(&cur, &ret->destination_id) || !connection_id(&cur, &ret->source_id))
		return false;
	return ietf_body(&cur, in, ret);
}

/* ---- Keys (RFC 5869, RFC 8446, section 7.1) ---- */

/* One block is enough: nothing longer than SHA-256's 32 bytes is asked for. */
static bool hkdf_expand_label(const uint8_t secret[32], const char *label, uint8_t *ret, size_t size)
{
	uint8_t info[64], block[32];
	size_t label_size = strlen(label), info_size = 0;
	unsigned int block_size = sizeof(block);

	info[info_size++] = 0;
	info[info_size++] = (uint8_t)size;
	info[info_size++] = (uint8_t)(6 + label_size);
	memcpy(info + info_size, "tls13 ", 6);
	info_size += 6;
	memcpy(info + info_size, label, label_size);
	info_size += label_size;
	info[info_size++] = 0;
	info[info_size++] = 1; /* counter of the first block */
	if (!HMAC(EVP_sha256(), secret, 32, info, info_size, block, &block_size))
		return false;
	memcpy(ret, block, size);
	return true;
}

static struct bytes salt_of(uint32_t version)
{
	static const uint8_t version1[] = { 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6,
		0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a };
	static const uint8_t version2[] = { 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe,
		0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9 };
	static const uint8_t draft29[] = { 0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c,
		0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99 };
	static const uint8_t draft23[] = { 0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b,
		0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02 };

	if (version == QUIC_VERSION_2)
		return bytes_of(version2, sizeof(version2));
	if (version == QUIC_VERSION_1 || (is_draft(version) && version >= 0xff000021u))
		return bytes_of(version1, sizeof(version1));
	return version >= 0xff00001du ? bytes_of(draft29, sizeof(draft29)) : bytes_of(draft23, sizeof(draft23));
}

bool quic_keys_make(uint32_t version, struct bytes connection, struct quic_keys ret[SENSOR_DIRS])
{
	static const char *const sides[SENSOR_DIRS] = { "client in", "server in" };
	bool second = version == QUIC_VERSION_2;
	struct bytes salt = salt_of(version);
	uint8_t initial[32], secret[32];
	unsigned int size = sizeof(initial);

	if (!quic_version_known(version) || quic_version_google(version))
		return false;
	if (!HMAC(EVP_sha256(), salt.ptr, (int)salt.size, connection.ptr, connection.size, initial, &size))
		return false;
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		if (!hkdf_expand_label(initial, sides[dir], secret, sizeof(secret)) ||
			!hkdf_expand_label(
				secret, second ? "quicv2 key" : "quic key", ret[dir].key, sizeof(ret[dir].key)) ||
			!hkdf_expand_label(
				secret, second ? "quicv2 iv" : "quic iv", ret[dir].iv, sizeof(ret[dir].iv)) ||
			!hkdf_expand_label(secret, second ? "quicv2 hp" : "quic hp", ret[dir].header_key,
				sizeof(ret[dir].header_key)))
			return false;
	}
	return true;
}

/* ---- Decryption ---- */

static bool header_mask(const struct quic_keys *keys, const uint8_t sample[16], uint8_t ret[16])
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int size = 0;
	bool done = context && EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), NULL, keys->header_key, NULL) == 1 &&
		    EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
		    EVP_EncryptUpdate(context, ret, &size, sample, 16) == 1 && size == 16;

	EVP_CIPHER_CTX_free(context);
	return done;
}

/* RFC 9000, appendix A.3. */
static uint64_t number_decode(uint64_t largest, uint64_t truncated, unsigned int bits)
{
	uint64_t expected = largest == UINT64_MAX ? 0 : largest + 1, window = UINT64_C(1) << bits;
	uint64_t candidate = (expected & ~(window - 1)) | truncated;

	if (candidate + window / 2 <= expected && candidate < (UINT64_C(1) << 62) - window)
		return candidate + window;
	if (candidate > expected + window / 2 && candidate >= window)
		return candidate - window;
	return candidate;
}

static bool open_packet(const struct quic_keys *keys, const uint8_t nonce[12], struct bytes header, struct bytes sealed,
	uint8_t *out, size_t *ret_size)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	size_t text_size = sealed.size - 16;
	uint8_t tag[16];
	int size = 0, last = 0;
	bool done;

	memcpy(tag, sealed.ptr + text_size, sizeof(tag));
	done = context && EVP_DecryptInit_ex(context, EVP_aes_128_gcm(), NULL, keys->key, nonce) == 1 &&
	       EVP_DecryptUpdate(context, NULL, &size, header.ptr, (int)header.size) == 1 &&
	       EVP_DecryptUpdate(context, out, &size, sealed.ptr, (int)text_size) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, sizeof(tag), tag) == 1 &&
	       EVP_DecryptFinal_ex(context, out + size, &last) == 1;
	EVP_CIPHER_CTX_free(context);
	*ret_size = (size_t)size + (size_t)last;
	return done;
}

bool quic_decrypt(const struct quic_keys *keys, const struct quic_header *header, uint64_t *largest, uint8_t *out,
	size_t *ret_size)
{
	uint8_t clear[1024], mask[16], nonce[12];
	size_t number_size, header_size;
	struct bytes packet = header->packet;
	uint64_t number = 0;

	/* The sample begins four bytes behind the start of the number (RFC 9001, section 5.4.2). */
	if (header->number_at + 4 + 16 > packet.size || header->number_at + 4 > sizeof(clear))
		return false;
	if (!header_mask(keys, packet.ptr + header->number_at + 4, mask))
		return false;
	memcpy(clear, packet.ptr, header->number_at + 4);
	clear[0] ^= mask[0] & 0x0f;
	number_size = (clear[0] & 3u) + 1;
	header_size = header->number_at + number_size;
	for (size_t i = 0; i < number_size; i++) {
		clear[header->number_at + i] ^= mask[1 + i];
		number = number << 8 | clear[header->number_at + i];
	}
	if (header_size + 16 > packet.size || packet.size > QUIC_PACKET_MAX)
		return false;
	number = number_decode(*largest, number, (unsigned int)number_size * 8);
	memcpy(nonce, keys->iv, sizeof(nonce));
	for (unsigned int i = 0; i < 8; i++)
		nonce[11 - i] ^= (uint8_t)(number >> (8 * i));
	if (!open_packet(keys, nonce, bytes_of(clear, header_size), bytes_skip(packet, header_size), out, ret_size))
		return false;
	if (*largest == UINT64_MAX || number > *largest)
		*largest = number;
	return true;
}
