// SPDX-License-Identifier: Apache-2.0
#include "hub/auth/totp.h"

#include <liboath/oath.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

enum { DIGITS = 6, WINDOW = 1, SPARE_LETTERS = 10 };

/* Without letters and digits that are taken for one another. */
static const char spare_alphabet[] = "abcdefghjkmnpqrstuvwxyz23456789";

static bool is_code(const char *code)
{
	return strlen(code) == DIGITS && strspn(code, "0123456789") == DIGITS;
}

int totp_check(
	const uint8_t secret[TOTP_SECRET_SIZE], const char *code, int64_t now_us, int64_t last_step, int64_t *ret_step)
{
	time_t now_s = (time_t)(now_us / 1000000);
	int64_t step;
	int position = 0;

	if (!is_code(code) || now_us < 0)
		return LUYTRE_E_PERMISSION;
	if (oath_totp_validate2(
		    (const char *)secret, TOTP_SECRET_SIZE, now_s, TOTP_STEP_S, 0, WINDOW, &position, code) < 0)
		return LUYTRE_E_PERMISSION;
	step = now_s / TOTP_STEP_S + position;
	if (step <= last_step)
		return LUYTRE_E_PERMISSION;
	*ret_step = step;
	return 0;
}

int totp_uri(const uint8_t secret[TOTP_SECRET_SIZE], const char *name, char ret[TOTP_URI_SIZE])
{
	char *text = NULL;
	size_t size;

	if (oath_base32_encode((const char *)secret, TOTP_SECRET_SIZE, &text, &size) != OATH_OK)
		return LUYTRE_E_NOMEM;
	snprintf(ret, TOTP_URI_SIZE, "otpauth://totp/Luy%%20Tre:%s?secret=%s&issuer=Luy%%20Tre", name, text);
	sodium_memzero(text, size);
	free(text);
	return 0;
}

void totp_spare_make(char ret[TOTP_SPARE_SIZE])
{
	size_t size = 0;

	for (size_t i = 0; i < SPARE_LETTERS; i++) {
		if (i == SPARE_LETTERS / 2)
			ret[size++] = '-';
		ret[size++] = spare_alphabet[randombytes_uniform(sizeof(spare_alphabet) - 1)];
	}
	ret[size] = '\0';
}

bool totp_spare_read(const char *text, char ret[TOTP_SPARE_SIZE])
{
	size_t letters = 0, size = 0;

	for (; *text; text++) {
		char c = (char)(*text >= 'A' && *text <= 'Z' ? *text + ('a' - 'A') : *text);

		if (c == ' ' || c == '-')
			continue;
		if (letters == SPARE_LETTERS || !strchr(spare_alphabet, c))
			return false;
		if (letters++ == SPARE_LETTERS / 2)
			ret[size++] = '-';
		ret[size++] = c;
	}
	ret[size] = '\0';
	return letters == SPARE_LETTERS;
}
