// SPDX-License-Identifier: Apache-2.0
/* Secrets leave no log (redact.h). */
#include <ctype.h>
#include <time.h>

#include "gate/output/redact.h"

#define NAME_SIZE   64
#define DIGITS_MAX  19
#define CITIZEN_LEN 12

/* Names without "_", "-" and case. What stands at the end of a longer name counts with 'suffix': "newpassword". */
static const struct {
	const char *name, *kind;
	bool suffix;
} names[] = {
	{ "password", "password", true },
	{ "passwd", "password", true },
	{ "passphrase", "password", true },
	{ "pwd", "password", true },
	{ "pass", "password", false },
	{ "pw", "password", false },
	{ "psw", "password", false },
	{ "matkhau", "password", true },
	{ "mk", "password", false },
	{ "passwordconfirm", "password", false },
	{ "passwordconfirmation", "password", false },
	{ "password1", "password", true },
	{ "password2", "password", true },
	{ "pin", "pin", false },
	{ "mapin", "pin", false },
	{ "pincode", "pin", false },
	{ "otp", "otp", true },
	{ "otpcode", "otp", true },
	{ "totp", "otp", false },
	{ "maotp", "otp", false },
	{ "maxacthuc", "otp", true },
	{ "maxacnhan", "otp", true },
	{ "smscode", "otp", false },
	{ "token", "token", true },
	{ "jwt", "token", true },
	{ "csrf", "token", true },
	{ "samlresponse", "token", false },
	{ "assertion", "token", false },
	{ "codeverifier", "token", false },
	{ "session", "session", true },
	{ "sessionid", "session", true },
	{ "sessid", "session", true },
	{ "sid", "session", false },
	{ "phienlamviec", "session", false },
	{ "authorization", "authorization", true },
	{ "auth", "authorization", false },
	{ "cookie", "cookie", true },
	{ "cookie2", "cookie", false },
	{ "setcookie", "cookie", false },
	{ "apikey", "key", true },
	{ "xapikey", "key", false },
	{ "accesskey", "key", true },
	{ "secretkey", "key", true },
	{ "privatekey", "key", true },
	{ "secret", "secret", true },
	{ "signature", "key", false },
	{ "cvv", "card-check", false },
	{ "cvv2", "card-check", false },
	{ "cvc", "card-check", false },
	{ "cvc2", "card-check", false },
	{ "cardcvc", "card-check", false },
	{ "cardcvv", "card-check", false },
	{ "cardnumber", "card", true },
	{ "sothe", "card", false },
	{ "cccd", "citizen", true },
	{ "socccd", "citizen", false },
	{ "cmnd", "citizen", true },
	{ "socmnd", "citizen", false },
	{ "cancuoc", "citizen", true },
};

/* The last part of "json.user.password" and "user[password]", in lower case, without what parts words. */
static size_t plain_name(struct bytes name, char *ret)
{
	size_t start, end = name.size, size = 0;

	while (end > 0 && (name.ptr[end - 1] == ']' || name.ptr[end - 1] == '['))
		end--;
	for (start = end; start > 0 && !strchr(".[:", name.ptr[start - 1]); start--)
		;
	for (size_t i = start; i < end; i++) {
		if (name.ptr[i] == '_' || name.ptr[i] == '-')
			continue;
		if (size + 1 == NAME_SIZE)
			return 0;
		ret[size++] = (char)tolower(name.ptr[i]);
	}
	ret[size] = '\0';
	return size;
}

const char *redact_kind(struct bytes name)
{
	char plain[NAME_SIZE] = "";
	size_t size = plain_name(name, plain);

	for (size_t i = 0; size != 0 && i < sizeof(names) / sizeof(*names); i++) {
		size_t wanted = strlen(names[i].name);

		if (wanted > size || (wanted < size && !names[i].suffix))
			continue;
		if (strcmp(plain + size - wanted, names[i].name) == 0)
			return names[i].kind;
	}
	return NULL;
}

static void add_kind(struct out_text *out, const char *kind, size_t size)
{
	out_format(out, "[%s %zu]", kind, size);
}

/* ---- numbers ---- */

/* Digits from 'start' on, in groups or not. */
struct number {
	char digits[DIGITS_MAX + 1];
	size_t count;
	size_t size; /* of the text */
	bool grouped;
};

static bool is_digit(struct bytes text, size_t i)
{
	return i < text.size && text.ptr[i] >= '0' && text.ptr[i] <= '9';
}

/* How many bytes part two groups at 'i'; 0: nothing does. */
static size_t separator(struct bytes text, size_t i)
{
	if (i < text.size && strchr(" +-", text.ptr[i]) && text.ptr[i] && is_digit(text, i + 1))
		return 1;
	if (i + 3 < text.size && memcmp(text.ptr + i, "%20", 3) == 0 && is_digit(text, i + 3))
		return 3;
	return 0;
}

static struct number read_number(struct bytes text, size_t start, bool grouped)
{
	struct number number = { .grouped = false };
	size_t i = start;

	for (;;) {
		size_t gap;

		if (is_digit(text, i)) {
			if (number.count < DIGITS_MAX)
				number.digits[number.count] = (char)text.ptr[i];
			number.count++;
			i++;
			continue;
		}
		gap = grouped ? separator(text, i) : 0;
		if (gap == 0 || number.count >= DIGITS_MAX)
			break;
		number.grouped = true;
		i += gap;
	}
	number.size = i - start;
	return number;
}

static bool is_luhn(const struct number *number)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < number->count; i++) {
		unsigned int digit = (unsigned int)(number->digits[number->count - 1 - i] - '0') << (i & 1);

		sum += digit > 9 ? digit - 9 : digit;
	}
	return sum % 10 == 0;
}

static unsigned int first_digits(const struct number *number, size_t count)
{
	unsigned int value = 0;

	for (size_t i = 0; i < count; i++)
		value = value * 10 + (unsigned int)(number->digits[i] - '0');
	return value;
}

/* First four digits of those who issue cards, and the lengths of theirs. */
static bool is_card(const struct number *number)
{
	static const struct {
		unsigned int first, last, length_min, length_max;
	} ranges[] = {
		{ 2200, 2204, 16, 19 }, /* Mir */
		{ 2221, 2720, 16, 16 }, /* Mastercard */
		{ 3000, 3059, 14, 19 }, /* Diners */
		{ 3095, 3095, 14, 19 }, { 3400, 3499, 15, 15 }, /* American Express */
		{ 3528, 3589, 16, 19 }, /* JCB */
		{ 3600, 3699, 14, 19 }, { 3700, 3799, 15, 15 }, { 3800, 3999, 14, 19 },
		{ 4000, 4999, 13, 19 }, /* Visa */
		{ 5000, 5999, 12, 19 }, /* Mastercard, Maestro */
		{ 6000, 6999, 12, 19 }, /* Maestro, Discover, UnionPay */
		{ 9704, 9704, 16, 19 }, /* NAPAS */
	};
	unsigned int first;

	if (number->count < 13 || number->count > DIGITS_MAX)
		return false;
	first = first_digits(number, 4);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		if (first >= ranges[i].first && first <= ranges[i].last && number->count >= ranges[i].length_min &&
			number->count <= ranges[i].length_max)
			return is_luhn(number);
	}
	return false;
}

/* Codes of the 63 provinces before 2025, which numbers keep. */
static bool is_province(unsigned int code)
{
	static const uint8_t codes[] = { 1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33,
		34, 35, 36, 37, 38, 40, 42, 44, 45, 46, 48, 49, 51, 52, 54, 56, 58, 60, 62, 64, 66, 67, 68, 70, 72, 74,
		75, 77, 79, 80, 82, 83, 84, 86, 87, 89, 91, 92, 93, 94, 95, 96 };

	for (size_t i = 0; i < sizeof(codes); i++) {
		if (codes[i] == code)
			return true;
	}
	return false;
}

static bool is_citizen(const struct number *number)
{
	unsigned int century, year;
	time_t now = time(NULL);
	struct tm today;

	if (number->count != CITIZEN_LEN || !is_province(first_digits(number, 3)))
		return false;
	century = (unsigned int)(number->digits[3] - '0') / 2;
	year = 1900 + 100 * century + (unsigned int)(number->digits[4] - '0') * 10 +
	       (unsigned int)(number->digits[5] - '0');
	return gmtime_r(&now, &today) && year <= (unsigned int)today.tm_year + 1900;
}

static bool is_word(struct bytes text, size_t i)
{
	return i < text.size && (isalnum(text.ptr[i]) || text.ptr[i] == '_');
}

/* A number at 'start' that is a secret; how many bytes it takes, 0: none. */
static size_t secret_number(struct bytes text, size_t start, struct out_text *out)
{
	for (unsigned int grouped = 0; grouped < 2; grouped++) {
		struct number number = read_number(text, start, grouped);

		if (is_word(text, start + number.size))
			continue;
		if (is_card(&number))
			add_kind(out, "card", number.count);
		else if (is_citizen(&number))
			add_kind(out, "citizen", number.count);
		else
			continue;
		return number.size;
	}
	return 0;
}

/* A percent escape ends in digits that are no number's: "%20" before a card. */
static bool starts_number(struct bytes text, size_t i)
{
	if (!is_digit(text, i))
		return false;
	return i == 0 || !is_word(text, i - 1) || (i >= 3 && text.ptr[i - 3] == '%' && isxdigit(text.ptr[i - 2]));
}

static void add_numbers(struct out_text *out, struct bytes text)
{
	size_t done = 0;

	for (size_t i = 0; i < text.size; i++) {
		struct out_text found = { 0 };
		size_t size = starts_number(text, i) ? secret_number(text, i, &found) : 0;

		if (size != 0) {
			out_add(out, bytes_of(text.ptr + done, i - done));
			out_add(out, out_view(&found));
			i += size - 1;
			done = i + 1;
		}
		out_done(&found);
	}
	out_add(out, bytes_skip(text, done));
}

/* ---- names ---- */

static bool is_name_byte(uint8_t byte)
{
	return isalnum(byte) || strchr("_-.[]", byte) != NULL;
}

/* Behind a name: where its value begins; 0 when none does. `name=`, `name":`, `name: ` in the head of a header line. */
static size_t value_start(struct bytes text, size_t i, bool *ret_quoted)
{
	*ret_quoted = false;
	if (i < text.size && text.ptr[i] == '=')
		return i + 1;
	if (i >= text.size || text.ptr[i] != '"')
		return 0;
	for (i++; i < text.size && strchr(" \t:", text.ptr[i]) && text.ptr[i]; i++)
		;
	if (i >= text.size || text.ptr[i - 1] == '"')
		return 0;
	*ret_quoted = text.ptr[i] == '"';
	return *ret_quoted ? i + 1 : i;
}

static size_t value_end(struct bytes text, size_t i, bool quoted)
{
	const char *ends = quoted ? "\"" : "&;,}] \t\r\n\"'";

	while (i < text.size && (text.ptr[i] == '\0' || !strchr(ends, text.ptr[i])))
		i += quoted && text.ptr[i] == '\\' && i + 1 < text.size ? 2 : 1;
	return i;
}

void redact_text(struct out_text *out, struct bytes text)
{
	size_t done = 0, name = 0;

	for (size_t i = 0; i <= text.size; i++) {
		bool quoted;
		const char *kind;
		size_t start, end;

		if (i < text.size && text.ptr[i] && is_name_byte(text.ptr[i]))
			continue;
		kind = i > name && i - name < NAME_SIZE ? redact_kind(bytes_of(text.ptr + name, i - name)) : NULL;
		start = kind ? value_start(text, i, &quoted) : 0;
		end = start ? value_end(text, start, quoted) : 0;
		if (end > start) {
			add_numbers(out, bytes_of(text.ptr + done, start - done));
			add_kind(out, kind, end - start);
			done = end;
			i = end;
		}
		name = i + 1;
	}
	add_numbers(out, bytes_skip(text, done));
}

void redact_value(struct out_text *out, struct bytes name, struct bytes value)
{
	const char *kind = redact_kind(name);

	if (kind && value.size != 0)
		add_kind(out, kind, value.size);
	else
		redact_text(out, value);
}

void redact_variable(struct out_text *out, struct bytes variable, struct bytes value)
{
	static const char cookies[] = "REQUEST_COOKIES:";
	size_t colon = bytes_index(variable, ':');

	if (variable.size >= sizeof(cookies) - 1 && memcmp(variable.ptr, cookies, sizeof(cookies) - 1) == 0 &&
		value.size != 0)
		add_kind(out, "cookie", value.size);
	else if (colon == variable.size)
		redact_text(out, value);
	else
		redact_value(out, bytes_skip(variable, colon + 1), value);
}
