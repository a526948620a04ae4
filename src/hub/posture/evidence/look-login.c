// SPDX-License-Identifier: Apache-2.0
/* Records of protocols where passwords go in the clear, and of those with old security: FTP (RFC 959, 4217), POP3 (RFC 1939), RDP (MS-RDPBCGR
 * 2.2.1.2.1), SMB (MS-SMB). A login counts when the server accepted it. */
#include "base/ascii.h"
#include "hub/posture/evidence/look.h"

static bool list_has(const json_t *list, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (json_is_string(item) &&
			bytes_equal_str(bytes_of(json_string_value(item), json_string_length(item)), text))
			return true;
	return false;
}

void look_ftp(struct look *look)
{
	const json_t *ftp = json_object_get(look->root, "ftp"), *codes = json_object_get(ftp, "completion_code");

	look->answered = json_array_size(codes) > 0;
	if (ascii_equal_nocase_str(look_text(ftp, "command"), "pass") && list_has(codes, "230"))
		look_add(look, PERIMETER_FTP_LOGIN, "PASS was answered with 230");
}

void look_pop3(struct look *look)
{
	const json_t *pop3 = json_object_get(look->root, "pop3"), *response = json_object_get(pop3, "response");
	struct bytes command = look_text(json_object_get(pop3, "request"), "command");

	look->answered = json_is_object(response);
	if ((ascii_equal_nocase_str(command, "pass") || ascii_equal_nocase_str(command, "apop")) &&
		json_is_true(json_object_get(response, "success")))
		look_add(look, PERIMETER_POP3_LOGIN, "%s was answered with +OK",
			ascii_equal_nocase_str(command, "pass") ? "PASS" : "APOP");
}

void look_rdp(struct look *look)
{
	const json_t *rdp = json_object_get(look->root, "rdp");

	if (!bytes_equal_str(look_text(rdp, "event_type"), "initial_response"))
		return;
	look->answered = true;
	if (bytes_equal_str(look_text(rdp, "protocol"), "rdp"))
		look_add(look, PERIMETER_RDP_SECURITY, "the server agreed on standard RDP security");
}

void look_smb(struct look *look)
{
	const json_t *smb = json_object_get(look->root, "smb");
	struct bytes dialect = look_text(smb, "dialect");

	look->answered = !bytes_empty(look_text(smb, "status"));
	if (look->answered && (bytes_equal_str(dialect, "NT LM 0.12") || look_has(dialect, "LANMAN")))
		look_add(look, PERIMETER_SMB_1, "the server agreed on %.*s", (int)dialect.size,
			(const char *)dialect.ptr);
}
