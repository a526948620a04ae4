// SPDX-License-Identifier: Apache-2.0
/* What the files of IKE share. */
#pragma once

#include "sensor/app/app.h"
#include "sensor/app/ike/message.h"

enum { IKE_COMPLETE = 1 };

/* What one side of version 1 has said so far. */
struct ike_side {
	struct bytes key_exchange, nonce; /* owned */
	uint32_t transform_count;
	struct ike_transform *transforms; /* owned */
};

struct ike_state {
	struct ike_side side[SENSOR_DIRS];
	bool has_doi;
	uint32_t doi;
	uint8_t vendor_count;
	struct bytes vendors[IKE_VENDORS_MAX]; /* owned */
	/* Version 2: what was chosen. */
	struct ike_transform chosen;
	uint16_t key_group;
};

struct ike_tx {
	struct app_tx common;
	struct ike_message message;
	uint8_t dir; /* enum sensor_dir */
	uint32_t errors; /* events of this message */
	char initiator_spi[17], responder_spi[17];
	struct bytes vendor_texts[IKE_VENDORS_MAX];
};

bool ike_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);

/* "alg_enc", "sa_key_length", ... */
extern const char *const ike_attribute_keys[IKE_ATTRIBUTE_COUNT];
