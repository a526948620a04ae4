// SPDX-License-Identifier: Apache-2.0
/* The second factor: codes of an authenticator (TOTP, RFC 6238: 30 seconds, 6 digits, SHA-1, by liboath), and
 * one-time codes for the day the device is lost. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
	TOTP_SECRET_SIZE = 20,
	TOTP_STEP_S = 30,
	TOTP_URI_SIZE = 256,
	TOTP_SPARE_COUNT = 10,
	TOTP_SPARE_SIZE = 12, /* "abcde-fghij" with its NUL: 49 bits */
};

/* Is this the code of now, of the step before or of the one after, and of a step above 'last_step'? Gives the step,
 * which must be stored so that the code is never good again. 0 or LUYTRE_E_PERMISSION. */
MUST_CHECK int totp_check(
	const uint8_t secret[TOTP_SECRET_SIZE], const char *code, int64_t now_us, int64_t last_step, int64_t *ret_step);

/* What an authenticator reads from a QR code: "otpauth://totp/..." with the secret in base32. 'name' is that of the
 * account. 0 or LUYTRE_E_NOMEM. */
MUST_CHECK int totp_uri(const uint8_t secret[TOTP_SECRET_SIZE], const char *name, char ret[TOTP_URI_SIZE]);

/* A new one-time code. */
void totp_spare_make(char ret[TOTP_SPARE_SIZE]);
/* What people type, without blanks and dashes and in small letters, as totp_spare_make writes it. False when it is
 * none. */
MUST_CHECK bool totp_spare_read(const char *text, char ret[TOTP_SPARE_SIZE]);
