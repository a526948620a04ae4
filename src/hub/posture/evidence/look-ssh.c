// SPDX-License-Identifier: Apache-2.0
/* Records of SSH: what the server says of itself (RFC 4253) and, where the sensor makes HASSH, what it offers. RFC 8758 (RC4), RFC 9142 (key
 * exchange). */
#include "hub/posture/evidence/look.h"

#include "base/ascii.h"

static const char *const weak[] = { "diffie-hellman-group1-sha1", "diffie-hellman-group-exchange-sha1", "arcfour",
	"3des-cbc", "blowfish-cbc", "cast128-cbc", "des-cbc", "hmac-md5" };

void look_ssh(struct look *look)
{
	const json_t *server = json_object_get(json_object_get(look->root, "ssh"), "server");
	struct bytes version = look_text(server, "proto_version");
	struct bytes offered = look_text(json_object_get(server, "hassh"), "string");

	if (bytes_empty(version))
		return;
	look->answered = true;
	/* 1.99: both are spoken (RFC 4253, section 5.1). */
	if (ascii_starts_nocase_str(version, "1."))
		look_add(look, PERIMETER_SSH_1, "the server offers protocol version %.*s",
			(int)(version.size < 8 ? version.size : 8), (const char *)version.ptr);
	look_software(look, look_text(server, "software_version"));
	for (size_t i = 0; i < ARRAY_COUNT(weak); i++) {
		if (!look_has(offered, weak[i]))
			continue;
		look_add(look, PERIMETER_SSH_ALGORITHMS, "the server offers %s", weak[i]);
		break; /* one is enough to change the setting, and the words stay the same */
	}
}
