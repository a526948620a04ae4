// SPDX-License-Identifier: Apache-2.0
/* What the perimeter can say of a server that it sees at work: one row for each kind of observation.
 *
 * A row is the rule of a finding of the tool "luytre-perimeter": its word stands in the finding and never changes. 'controls' are keys of the
 * catalogue vn-2026 that the observation contradicts: what somebody signed as done is not. Of those the catalogue lets the platform measure
 * (class P) or contradict (class C). Confidence is how sure it is that what was seen is a weakness, not how grave: a version in a banner may
 * have been patched by the distribution without another number. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

#define PERIMETER_TOOL "luytre-perimeter"

/* X(identifier, word, severity 1 to 4, confidence, controls, English, Vietnamese). Add at the end. */
#define PERIMETER_RULES(X)                                                                                             \
	X(SSL_2, "ssl-2.0", 3, 100, "NW32 IA13 SC03", "The server speaks SSL 2.0", "Máy chủ dùng SSL 2.0")             \
	X(SSL_3, "ssl-3.0", 3, 100, "NW32 IA13 SC03", "The server speaks SSL 3.0", "Máy chủ dùng SSL 3.0")             \
	X(TLS_1_0, "tls-1.0", 2, 100, "NW32 IA13 SC03", "The server speaks TLS 1.0", "Máy chủ dùng TLS 1.0")           \
	X(TLS_1_1, "tls-1.1", 2, 100, "NW32 IA13 SC03", "The server speaks TLS 1.1", "Máy chủ dùng TLS 1.1")           \
	X(TLS_CIPHER, "tls-cipher-weak", 3, 100, "IA13 NW32", "The server chose a broken cipher suite",                \
		"Máy chủ chọn bộ mã hóa đã bị phá vỡ")                                                                 \
	X(CERT_EXPIRED, "certificate-expired", 2, 100, "NW07 IA10", "The certificate has expired",                     \
		"Chứng thư số đã hết hạn")                                                                             \
	X(CERT_SOON, "certificate-expires-soon", 1, 100, "NW07", "The certificate expires within 14 days",             \
		"Chứng thư số hết hạn trong vòng 14 ngày")                                                             \
	X(CERT_SELF, "certificate-self-signed", 2, 95, "NW07 IA10", "The certificate is signed by itself",             \
		"Chứng thư số tự ký")                                                                                  \
	X(CERT_NAME, "certificate-name", 2, 95, "NW07", "The certificate is not for the name it was shown for",        \
		"Chứng thư số không đúng tên miền được truy cập")                                                      \
	X(CERT_KEY, "certificate-key-weak", 3, 100, "IA13 NW32", "The certificate's key is too short",                 \
		"Khóa của chứng thư số quá ngắn")                                                                      \
	X(CERT_SIGNATURE, "certificate-signature-weak", 2, 100, "IA13 NW32",                                           \
		"The certificate is signed over MD5 or SHA-1", "Chứng thư số được ký bằng MD5 hoặc SHA-1")             \
	X(HTTP_BASIC, "http-basic-cleartext", 3, 100, "IA10 NW34 SC03",                                                \
		"Passwords are asked for over HTTP without TLS", "Yêu cầu mật khẩu qua HTTP không mã hóa")             \
	X(HTTP_BANNER, "http-version-shown", 1, 100, "SC02", "The answer's headers show the version of the software",  \
		"Tiêu đề phản hồi lộ phiên bản phần mềm")                                                              \
	X(HTTP_NOSNIFF, "http-no-content-type-options", 1, 100, "SC02",                                                \
		"Pages come without X-Content-Type-Options: nosniff", "Trang web thiếu X-Content-Type-Options")        \
	X(HTTP_FRAME, "http-no-frame-options", 1, 100, "SC02", "Pages may be framed by others",                        \
		"Trang web cho phép nhúng khung từ nơi khác")                                                          \
	X(HTTP_CSP, "http-no-content-security-policy", 1, 100, "SC02", "Pages come without Content-Security-Policy",   \
		"Trang web thiếu Content-Security-Policy")                                                             \
	X(HTTP_HSTS, "http-no-strict-transport-security", 1, 100, "SC02 NW07",                                         \
		"HTTPS answers without Strict-Transport-Security", "HTTPS thiếu Strict-Transport-Security")            \
	X(LIBRARY, "http-library-outdated", 2, 80, "VM10", "A script library with known weaknesses is served",         \
		"Phân phối thư viện script có điểm yếu đã biết")                                                       \
	X(SOFTWARE_END, "software-end-of-life", 2, 60, "VM10", "The software is not maintained any more",              \
		"Phần mềm không còn được hỗ trợ")                                                                      \
	X(SOFTWARE_CVE, "software-version", 3, 40, "VM10", "The version that the server shows has a known weakness",   \
		"Phiên bản phần mềm có điểm yếu đã biết")                                                              \
	X(SSH_1, "ssh-1", 3, 100, "NW32 IA13 SC03", "The server speaks SSH 1", "Máy chủ dùng SSH phiên bản 1")         \
	X(SSH_ALGORITHMS, "ssh-algorithms-weak", 2, 100, "IA13 NW32", "SSH offers broken algorithms",                  \
		"SSH cho phép thuật toán đã bị phá vỡ")                                                                \
	X(FTP_LOGIN, "ftp-login-cleartext", 3, 100, "IA10 NW34 SC03", "Somebody logged in over FTP without TLS",       \
		"Đăng nhập FTP không mã hóa")                                                                          \
	X(POP3_LOGIN, "pop3-login-cleartext", 3, 100, "IA10 NW34 SC03", "Somebody logged in over POP3 without TLS",    \
		"Đăng nhập POP3 không mã hóa")                                                                         \
	X(IMAP_CLEAR, "imap-cleartext", 2, 80, "IA10 NW34 SC03", "IMAP without TLS is answered to the world",          \
		"IMAP không mã hóa mở ra Internet")                                                                    \
	X(TELNET, "telnet-open", 3, 100, "NW34 NW47 SC03", "Telnet is answered to the world", "Telnet mở ra Internet") \
	X(RDP_SECURITY, "rdp-without-tls", 3, 100, "NW34 NW32", "RDP with its own old encryption instead of TLS",      \
		"RDP không dùng TLS")                                                                                  \
	X(RDP_OPEN, "rdp-open", 3, 100, "NW47 NW43 NW46", "Remote desktop is answered to the world",                   \
		"Remote Desktop mở ra Internet")                                                                       \
	X(VNC_OPEN, "vnc-open", 3, 100, "NW47 NW43 NW46", "VNC is answered to the world", "VNC mở ra Internet")        \
	X(SSH_OPEN, "ssh-open", 1, 100, "NW47 NW46", "SSH is answered to the world", "SSH mở ra Internet")             \
	X(WINRM_OPEN, "winrm-open", 3, 90, "NW47 NW43 NW46", "Windows remote management is answered to the world",     \
		"WinRM mở ra Internet")                                                                                \
	X(SMB_OPEN, "smb-open", 3, 100, "NW36 SC03", "File sharing (SMB) is answered to the world",                    \
		"SMB mở ra Internet")                                                                                  \
	X(SMB_1, "smb-1", 3, 100, "NW32 SC03", "The server speaks SMB 1", "Máy chủ dùng SMB 1")                        \
	X(DATABASE_OPEN, "database-open", 3, 90, "NW36 SC09", "A database is answered to the world",                   \
		"Cơ sở dữ liệu mở ra Internet")                                                                        \
	X(ADMIN_OPEN, "management-open", 3, 90, "NW36 NW47 SC09",                                                      \
		"An interface of management is answered to the world", "Giao diện quản trị mở ra Internet")            \
	X(SHARE_OPEN, "file-service-open", 2, 90, "NW36 SC09",                                                         \
		"An inner file or directory service is answered to the world",                                         \
		"Dịch vụ tệp hoặc thư mục nội bộ mở ra Internet")                                                      \
	X(CONTROL_OPEN, "industrial-control-open", 4, 100, "NW36 SC09",                                                \
		"A protocol of industrial control is answered to the world",                                           \
		"Giao thức điều khiển công nghiệp mở ra Internet")                                                     \
	X(UNLISTED, "service-unlisted", 2, 100, "NW36 SC09", "A service that is not listed is answered to the world",  \
		"Dịch vụ không có trong danh sách mở ra Internet")                                                     \
	X(NO_SPF, "dns-no-spf", 2, 100, "BE03", "The domain has no SPF record", "Tên miền không có bản ghi SPF")       \
	X(OPEN_SPF, "dns-spf-open", 2, 100, "BE03", "The domain's SPF record lets everybody send",                     \
		"Bản ghi SPF cho phép mọi máy gửi thư")                                                                \
	X(NO_DMARC, "dns-no-dmarc", 2, 100, "BE10", "The domain has no DMARC record",                                  \
		"Tên miền không có bản ghi DMARC")                                                                     \
	X(WEAK_DMARC, "dns-dmarc-none", 1, 100, "BE10", "The domain's DMARC policy is \"none\"",                       \
		"Chính sách DMARC là \"none\"")                                                                        \
	X(DANGLING, "dns-dangling", 3, 80, "SC09", "The name points to another one that does not exist",               \
		"Tên miền trỏ tới một tên không tồn tại")

enum perimeter_rule {
#define X(id, ...) PERIMETER_##id,
	PERIMETER_RULES(X)
#undef X
		PERIMETER_RULE_COUNT
};

struct perimeter_rule_row {
	const char *word;
	uint8_t severity, confidence;
	const char *controls; /* separated by blanks */
	const char *en, *vi;
};

extern const struct perimeter_rule_row perimeter_rules[PERIMETER_RULE_COUNT];

/* By the word of a finding; null: none of these. */
const struct perimeter_rule_row *perimeter_rule_find(struct bytes word);
/* Whether what this rule saw contradicts the control, by its key. */
bool perimeter_contradicts(const struct perimeter_rule_row *rule, struct bytes control);
