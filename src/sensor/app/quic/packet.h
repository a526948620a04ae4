// SPDX-License-Identifier: Apache-2.0
/* QUIC packets: long headers (RFC 9000, section 17.2; RFC 9369) and the removal of protection from Initial packets, whose
 * keys anybody on the path can derive (RFC 9001, section 5.2). Functions of bytes. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"
#include "sensor/common.h"

enum { QUIC_CONNECTION_ID_MAX = 20, QUIC_PACKET_MAX = 65535 };

enum quic_type { QUIC_SHORT, QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE, QUIC_RETRY, QUIC_NEGOTIATION, QUIC_GOOGLE };

struct quic_header {
	uint8_t type; /* enum quic_type */
	uint32_t version;
	struct bytes destination_id, source_id;
	struct bytes packet; /* from the first byte to the end of this packet; another may follow it in the datagram */
	size_t number_at; /* where the protected packet number lies in 'packet' */
};

/* Keys of one direction. */
struct quic_keys {
	uint8_t key[16], iv[12], header_key[16];
};

/* Versions that this module can look into: 1, 2, drafts from 23 on, Google's Q044 to Q050. */
bool quic_version_known(uint32_t version);
bool quic_version_google(uint32_t version);

/* Reads the header of the packet at the front of 'in'. False: it is none, or its lengths do not fit. */
MUST_CHECK bool quic_header_read(struct bytes in, struct quic_header *ret);

/* Keys of both directions from the client's first destination connection id. False: unknown version. */
MUST_CHECK bool quic_keys_make(uint32_t version, struct bytes connection_id, struct quic_keys ret[SENSOR_DIRS]);

/* Decrypts an Initial packet into 'out', which has room for QUIC_PACKET_MAX bytes. '*largest' is the largest packet number
 * of the direction so far, UINT64_MAX for none, and is brought up to date. False: the keys do not fit. */
MUST_CHECK bool quic_decrypt(const struct quic_keys *keys, const struct quic_header *header, uint64_t *largest,
	uint8_t *out, size_t *ret_size);

/* RFC 9000, section 16. */
struct cursor;
MUST_CHECK bool quic_varint(struct cursor *cur, uint64_t *ret);
