// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/json.h"

#include <stdlib.h>

#include "base/utf8.h"

static const char digits[] = "0123456789abcdef";

static bool utf8_valid(struct bytes text)
{
	bool valid = true;

	while (text.size != 0 && valid)
		text = bytes_skip(text, utf8_sequence(text, &valid));
	return valid;
}

void app_json_text(struct jsonw *json, struct bytes text)
{
	size_t size = 0;
	uint8_t *copy;

	if (!text.ptr)
		text = bytes_from_str("");
	if (utf8_valid(text)) {
		jsonw_string_bytes(json, text);
		return;
	}
	copy = malloc(text.size * 4);
	if (!copy) {
		jsonw_string_bytes(json, text);
		return;
	}
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.ptr[i];

		if (byte < 0x80) {
			copy[size++] = byte;
			continue;
		}
		copy[size++] = '\\';
		copy[size++] = 'x';
		copy[size++] = (uint8_t)digits[byte >> 4];
		copy[size++] = (uint8_t)digits[byte & 15];
	}
	jsonw_string_bytes(json, bytes_of(copy, size));
	free(copy);
}

void app_json_kv_text(struct jsonw *json, const char *key, struct bytes text)
{
	jsonw_key(json, key);
	app_json_text(json, text);
}

void app_json_kv_hex(struct jsonw *json, const char *key, struct bytes data, char separator)
{
	char *text = malloc(data.size * 3 + 1);
	size_t size = 0;

	if (!text)
		return;
	for (size_t i = 0; i < data.size; i++) {
		if (i != 0 && separator)
			text[size++] = separator;
		text[size++] = digits[data.ptr[i] >> 4];
		text[size++] = digits[data.ptr[i] & 15];
	}
	jsonw_kv_string_bytes(json, key, bytes_of(text, size));
	free(text);
}

void app_hex(struct bytes data, char *ret)
{
	for (size_t i = 0; i < data.size; i++) {
		ret[2 * i] = digits[data.ptr[i] >> 4];
		ret[2 * i + 1] = digits[data.ptr[i] & 15];
	}
	ret[2 * data.size] = '\0';
}

static char *octet(char *at, uint8_t value)
{
	if (value >= 100)
		*at++ = (char)('0' + value / 100);
	if (value >= 10)
		*at++ = (char)('0' + value / 10 % 10);
	*at++ = (char)('0' + value % 10);
	return at;
}

void app_json_addr(struct jsonw *json, struct bytes addr)
{
	char text[48], *at = text;

	for (size_t i = 0; addr.size == 4 && i < 4; i++) {
		if (i != 0)
			*at++ = '.';
		at = octet(at, addr.ptr[i]);
	}
	for (size_t i = 0; addr.size == 16 && i < 16; i++) {
		if (i != 0 && i % 2 == 0)
			*at++ = ':';
		*at++ = digits[addr.ptr[i] >> 4];
		*at++ = digits[addr.ptr[i] & 15];
	}
	jsonw_string_bytes(json, bytes_of(text, (size_t)(at - text)));
}
