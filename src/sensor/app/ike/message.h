// SPDX-License-Identifier: Apache-2.0
/* One IKE message: version 1 (RFC 2408, RFC 2409) and version 2 (RFC 7296).
 *
 * Views point into the bytes that were read; lists lie in the given arena. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"

enum {
	IKE_HEADER_SIZE = 28,
	IKE_PAYLOADS_MAX = 64,
	IKE_VENDORS_MAX = 64,
	IKE_TRANSFORMS_MAX = 256,
	IKE_ATTRIBUTES_MAX = 32
};

/* What an attribute of an association says. Names of version 1 and of version 2 alike. */
enum ike_attribute_type {
	IKE_ENCRYPTION,
	IKE_HASH,
	IKE_AUTHENTICATION,
	IKE_GROUP,
	IKE_PRF,
	IKE_GROUP_TYPE,
	IKE_LIFE_TYPE,
	IKE_LIFE_DURATION,
	IKE_KEY_LENGTH,
	IKE_FIELD_SIZE,
	IKE_ESN, /* version 2 only */
	IKE_ATTRIBUTE_COUNT
};

struct ike_attribute {
	uint8_t type; /* enum ike_attribute_type */
	uint32_t value;
};

/* Version 1: one transform of a proposal. Version 2: a whole proposal, whose transforms are attributes. */
struct ike_transform {
	uint8_t count;
	struct ike_attribute attributes[IKE_ATTRIBUTES_MAX];
};

struct ike_header {
	uint64_t initiator_spi, responder_spi;
	uint8_t next_payload, major, minor, exchange, flags;
	uint32_t message_id, size;
};

struct ike_message {
	struct ike_header header;
	bool encrypted; /* nothing behind the header can be read */
	bool extra_data; /* bytes are left behind the last payload */
	bool malformed; /* a payload could not be read: what was read before stays */
	uint8_t payload_count;
	uint8_t payloads[IKE_PAYLOADS_MAX]; /* their types */
	bool has_doi;
	uint32_t doi;
	struct bytes key_exchange, nonce;
	uint16_t key_group; /* version 2 */
	uint8_t vendor_count;
	struct bytes vendors[IKE_VENDORS_MAX];
	uint32_t transform_count;
	struct ike_transform *transforms;
	uint8_t notify_count;
	uint16_t notifies[IKE_PAYLOADS_MAX];
};

/* False: these bytes are no IKE message. */
MUST_CHECK bool ike_header_read(struct bytes in, struct ike_header *ret);
/* 0, LUYTRE_E_SYNTAX without a header, LUYTRE_E_NOMEM. */
MUST_CHECK int ike_message_read(struct bytes in, struct arena *arena, struct ike_message *ret);
