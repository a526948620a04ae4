// SPDX-License-Identifier: Apache-2.0
/* Text from the network in EVE records. */
#pragma once

#include "base/jsonw.h"

/* Valid UTF-8 as it is; otherwise each byte of 0x80 and above as "\xHH", which is how Suricata shows it. */
void app_json_text(struct jsonw *json, struct bytes text);
void app_json_kv_text(struct jsonw *json, const char *key, struct bytes text);
/* "0a1b2c", or with a separator "0a:1b:2c" (separator 0: none). */
void app_json_kv_hex(struct jsonw *json, const char *key, struct bytes data, char separator);
/* 4 bytes of an IPv4 address, or 16 of an IPv6 one: all its groups and digits, as readers of EVE expect; the short form of
 * RFC 5952 would be another text. Of another size: "". */
void app_json_addr(struct jsonw *json, struct bytes addr);
void app_hex(struct bytes data, char *ret); /* 2 * size + 1 bytes, lower case */
