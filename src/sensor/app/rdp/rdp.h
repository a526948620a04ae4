// SPDX-License-Identifier: Apache-2.0
/* What the files of RDP share. */
#pragma once

#include "sensor/app/app.h"
#include "sensor/app/rdp/message.h"

enum { RDP_COMPLETE = 1, RDP_SERIALS_MAX = 16 };

struct rdp_tx {
	struct app_tx common;
	struct rdp_message message;
	uint8_t serial_count;
	struct bytes serials[RDP_SERIALS_MAX]; /* of the certificates of the TLS handshake */
};

bool rdp_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);
