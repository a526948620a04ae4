// SPDX-License-Identifier: Apache-2.0
/* What a number in a text is.
 *
 * A number is a run of digits, or several with one and the same of space, dot and dash between them. Which ways of grouping are read as one
 * number is a table of each kind's; any other grouping is no identifier (coordinates, dates, amounts, versions). Numbers that continue
 * into letters, a decimal part or a slug (bai-viet-20241105) are none either. */
#include <string.h>

#include "gate/guard/leak-internal.h"

enum { GROUPS_MAX = 6, DIGITS_MAX = 20 };

struct number {
	uint8_t digits[DIGITS_MAX + 1];
	uint8_t count; /* of digits, DIGITS_MAX + 1: too many */
	uint8_t groups[GROUPS_MAX + 1]; /* how many digits each */
	uint8_t group_count;
	uint16_t size; /* bytes */
	uint16_t first_size; /* of the first run */
	bool plus; /* a + stands before it */
};

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static uint8_t byte_at(struct bytes text, size_t at)
{
	return at < text.size ? text.ptr[at] : 0;
}

static uint8_t byte_before(struct bytes text, size_t at)
{
	return at > 0 ? text.ptr[at - 1] : 0;
}

static void read_group(struct bytes text, size_t *at, struct number *number)
{
	uint8_t count = 0;

	while (is_digit(byte_at(text, *at)) && number->count <= DIGITS_MAX) {
		number->digits[number->count++] = text.ptr[*at] - '0';
		count++;
		(*at)++;
	}
	number->groups[number->group_count++] = count;
}

static void read_number(struct bytes text, size_t start, struct number *ret)
{
	size_t at = start;
	uint8_t separator = 0;

	*ret = (struct number){ .plus = byte_before(text, start) == '+' };
	for (;;) {
		uint8_t next;

		read_group(text, &at, ret);
		if (ret->group_count == 1)
			ret->first_size = (uint16_t)(at - start);
		next = byte_at(text, at);
		if (ret->count > DIGITS_MAX || ret->group_count > GROUPS_MAX || !is_digit(byte_at(text, at + 1)))
			break;
		if ((next != ' ' && next != '.' && next != '-') || (separator != 0 && next != separator))
			break;
		separator = next;
		at++;
	}
	ret->size = (uint16_t)(at - start);
}

/* Only the first 'group_count' groups. */
static void shorten(struct number *number, uint8_t group_count)
{
	number->group_count = group_count;
	number->count = 0;
	for (unsigned int i = 0; i < group_count; i++)
		number->count += number->groups[i];
	number->size = number->count + group_count - 1;
}

/* Digits that begin inside of a word, an amount, a version or a slug. */
static bool begins_well(struct bytes text, size_t at)
{
	uint8_t before = byte_before(text, at);

	if (is_word(before))
		return false;
	if (before == '.' || before == '-')
		return at < 2 || !is_word(text.ptr[at - 2]);
	return true;
}

static bool ends_well(struct bytes text, size_t at)
{
	uint8_t next = byte_at(text, at);

	if (is_word(next))
		return false;
	return (next != '.' && next != '-') || !is_word(byte_at(text, at + 1));
}

static bool grouped_as(const struct number *number, const char *const *ways)
{
	char text[GROUPS_MAX * 3 + 4];
	size_t used = 0;

	if (number->group_count > GROUPS_MAX)
		return false;
	for (unsigned int i = 0; i < number->group_count; i++) {
		if (number->groups[i] > 9)
			return false;
		text[used++] = (char)('0' + number->groups[i]);
	}
	text[used] = '\0';
	for (; *ways; ways++) {
		if (!strcmp(text, *ways))
			return true;
	}
	return false;
}

static uint32_t value_of(const uint8_t *digits, size_t count)
{
	uint32_t value = 0;

	for (size_t i = 0; i < count; i++)
		value = value * 10 + digits[i];
	return value;
}

/* ---- kinds ---- */

/* Places of registration of birth: the 63 provinces before the mergers of 2025 (Circular 07/2016, annex). */
static bool is_place(uint32_t code)
{
	static const uint8_t codes[] = { 1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33,
		34, 35, 36, 37, 38, 40, 42, 44, 45, 46, 48, 49, 51, 52, 54, 56, 58, 60, 62, 64, 66, 67, 68, 70, 72, 74,
		75, 77, 79, 80, 82, 83, 84, 86, 87, 89, 91, 92, 93, 94, 95, 96 };

	return code <= 96 && memchr(codes, (int)code, sizeof(codes));
}

static bool is_citizen(const uint8_t *digits, uint16_t year)
{
	uint32_t born = 1900 + digits[3] / 2 * 100 + value_of(digits + 4, 2);

	return is_place(value_of(digits, 3)) && born <= year;
}

static bool is_tax_code(const uint8_t *digits)
{
	static const uint8_t weights[] = { 31, 29, 23, 19, 17, 13, 7, 5, 3 };
	uint32_t sum = 0;

	for (unsigned int i = 0; i < 9; i++)
		sum += (uint32_t)weights[i] * digits[i];
	return value_of(digits + 2, 7) != 0 && 10 - sum % 11 == digits[9];
}

static bool is_luhn(const uint8_t *digits, unsigned int count)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int digit = digits[count - 1 - i];

		if (i % 2 == 1)
			digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	return sum % 10 == 0;
}

/* Ranges of issuers by the first six digits, with the lengths that they use (one bit each). */
#define LENGTH(n) (UINT32_C(1) << (n))

static bool is_issued(const uint8_t *digits, unsigned int count)
{
	static const struct {
		uint32_t first, last, lengths;
	} ranges[] = {
		{ 970400, 970499, LENGTH(16) | LENGTH(19) }, /* NAPAS */
		{ 400000, 499999, LENGTH(13) | LENGTH(16) | LENGTH(19) }, /* Visa */
		{ 510000, 559999, LENGTH(16) }, /* Mastercard */
		{ 222100, 272099, LENGTH(16) }, { 340000, 349999, LENGTH(15) }, /* American Express */
		{ 370000, 379999, LENGTH(15) }, { 352800, 358999, LENGTH(16) }, /* JCB */
		{ 300000, 305999, LENGTH(14) }, /* Diners */
		{ 360000, 369999, LENGTH(14) }, { 380000, 399999, LENGTH(14) | LENGTH(16) },
		{ 601100, 601199, LENGTH(16) }, /* Discover */
		{ 644000, 659999, LENGTH(16) },
		{ 620000, 629999, LENGTH(16) | LENGTH(17) | LENGTH(18) | LENGTH(19) }, /* UnionPay */
	};
	uint32_t prefix = value_of(digits, 6);

	for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
		if (prefix >= ranges[i].first && prefix <= ranges[i].last)
			return (ranges[i].lengths & LENGTH(count)) != 0;
	}
	return false;
}

/* Nine digits behind 0 or +84, as the numbering plan gives them out (libphonenumber's metadata for VN). */
static bool is_mobile(const uint8_t *digits)
{
	uint32_t two = value_of(digits, 2), three = value_of(digits, 3);

	if (two == 59 || (three >= 522 && three <= 528 && (three == 522 || three == 523 || three == 528)))
		return true;
	switch (digits[0]) {
	case 3:
		return true;
	case 5:
		return two == 56 || two == 58;
	case 7:
		return two == 70 || (two >= 76 && two <= 79);
	case 8:
		return (two >= 81 && two <= 88) || (three >= 896 && three <= 899);
	case 9:
		return two <= 98 || three == 990 || (three >= 991 && three <= 999 && three != 992);
	default:
		return false;
	}
}

/* ---- forms ---- */

static bool take(struct leak_value *ret, enum leak_kind kind, bool strong, const uint8_t *digits, unsigned int count)
{
	ret->kind = kind;
	ret->strong = strong;
	memcpy(ret->digits, digits, count);
	ret->digit_count = (uint8_t)count;
	return true;
}

static bool is_date(struct bytes text, size_t at)
{
	uint8_t digits[8];
	uint32_t day, month, year;

	for (unsigned int i = 0; i < 8; i++) {
		if (!is_digit(byte_at(text, at + i)))
			return false;
		digits[i] = text.ptr[at + i] - '0';
	}
	day = value_of(digits, 2);
	month = value_of(digits + 2, 2);
	year = value_of(digits + 4, 4);
	return day >= 1 && day <= 31 && month >= 1 && month <= 12 && year >= 1900 && year < 2200;
}

/* number|old number or nothing|name|ddMMyyyy| */
static bool is_qr(struct bytes text, size_t at)
{
	size_t pos = at + 13, start;

	if (byte_at(text, at + 12) != '|')
		return false;
	for (start = pos; is_digit(byte_at(text, pos)); pos++)
		;
	if (byte_at(text, pos) != '|' || (pos != start && pos != start + 9 && pos != start + 12))
		return false;
	for (start = ++pos; pos < text.size && pos < start + 80 && text.ptr[pos] != '|' && text.ptr[pos] != '\n'; pos++)
		;
	return byte_at(text, pos) == '|' && pos > start && is_date(text, pos + 1) && byte_at(text, pos + 9) == '|';
}

/* IDVNM, nine digits and their check digit, weights 7 3 1. */
static bool is_mrz(struct bytes text, size_t at, const struct number *number)
{
	static const uint8_t weights[] = { 7, 3, 1 };
	uint32_t sum = 0;

	if (at < 5 || memcmp(text.ptr + at - 5, "IDVNM", 5) != 0 || number->groups[0] < 10)
		return false;
	for (unsigned int i = 0; i < 9; i++)
		sum += (uint32_t)weights[i % 3] * number->digits[i];
	return sum % 10 == number->digits[9];
}

/* Two letters of a group of insured people, as Decision 1351/QD-BHXH (2015) lists them. */
static bool is_health_card(struct bytes text, size_t at, const struct number *number)
{
	static const char groups[] = "DN HX CH NN TK HC XK TB NO CT XB TN CS XN MS CC CK CB KC HD TE BT HN DT DK XD TS "
				     "QN CA CY TC TQ TA TY HG LS "
				     "HS SV GB CN GD PV HT TL TV XV ND ";
	char wanted[4] = "";

	if (at < 2 || number->groups[0] != 13 || (at > 2 && is_word(text.ptr[at - 3])))
		return false;
	wanted[0] = (char)text.ptr[at - 2];
	wanted[1] = (char)text.ptr[at - 1];
	wanted[2] = ' ';
	return wanted[0] >= 'A' && wanted[0] <= 'Z' && wanted[1] >= 'A' && wanted[1] <= 'Z' && strstr(groups, wanted) &&
	       number->digits[0] >= 1 && number->digits[0] <= 5 && is_place(value_of(number->digits + 1, 2));
}

static bool read_phone(const struct number *number, struct leak_value *ret, uint32_t *ret_tested)
{
	static const char *const ways[] = { "433", "334", "343", "46", "4222", "55", "3322", NULL };
	static const char *const abroad[] = { "2333", "29", "2324", "2234", "2343", NULL };
	bool plain = number->group_count == 1;

	if (number->count == 10 && number->digits[0] == 0 && (plain || grouped_as(number, ways))) {
		*ret_tested |= 1u << LEAK_PHONE;
		return is_mobile(number->digits + 1) && take(ret, LEAK_PHONE, false, number->digits + 1, 9);
	}
	if (number->count == 11 && number->digits[0] == 8 && number->digits[1] == 4 &&
		(plain || (number->plus && grouped_as(number, abroad)))) {
		*ret_tested |= 1u << LEAK_PHONE;
		return is_mobile(number->digits + 2) && take(ret, LEAK_PHONE, false, number->digits + 2, 9);
	}
	return false;
}

static bool read_card(const struct number *number, struct leak_value *ret, uint32_t *ret_tested)
{
	static const char *const ways[] = { "4444", "44443", "465", "464", NULL };
	bool plain = number->group_count == 1, napas = value_of(number->digits, 4) == 9704;

	if (number->count < 13 || number->count > 19 || (!plain && !grouped_as(number, ways)))
		return false;
	*ret_tested |= 1u << LEAK_CARD;
	return is_issued(number->digits, number->count) && is_luhn(number->digits, number->count) &&
	       take(ret, LEAK_CARD, napas || !plain, number->digits, number->count);
}

static bool read_citizen(struct bytes text, size_t at, const struct number *number, uint16_t year,
	struct leak_value *ret, uint32_t *ret_tested)
{
	static const char *const ways[] = { "3333", "3126", "444", "66", NULL };
	bool plain = number->group_count == 1;

	if (number->count != 12 || (!plain && !grouped_as(number, ways)))
		return false;
	*ret_tested |= 1u << LEAK_CITIZEN;
	if (!is_citizen(number->digits, year))
		return false;
	if (plain && is_qr(text, at))
		return take(ret, LEAK_ID_QR, true, number->digits, 12);
	return take(ret, LEAK_CITIZEN, false, number->digits, 12);
}

static bool read_tax_code(
	struct bytes text, size_t at, const struct number *number, struct leak_value *ret, uint32_t *ret_tested)
{
	bool branch = number->group_count == 2 && number->groups[0] == 10 && number->groups[1] == 3 &&
		      byte_at(text, at + 10) == '-';

	if ((number->group_count != 1 || number->count != 10) && !branch)
		return false;
	*ret_tested |= 1u << LEAK_TAX_CODE;
	if (!is_tax_code(number->digits) || (branch && value_of(number->digits + 10, 3) == 0))
		return false;
	return take(ret, LEAK_TAX_CODE, false, number->digits, number->count);
}

static bool read_any(struct bytes text, size_t at, const struct number *number, uint16_t year, struct leak_value *ret,
	uint32_t *ret_tested)
{
	if (!ends_well(text, at + number->size))
		return false;
	if (read_phone(number, ret, ret_tested) || read_citizen(text, at, number, year, ret, ret_tested) ||
		read_tax_code(text, at, number, ret, ret_tested) || read_card(number, ret, ret_tested))
		return true;
	return number->group_count == 1 && number->count == 9 && take(ret, LEAK_OLD_ID, false, number->digits, 9);
}

bool leak_value_at(struct bytes text, size_t at, uint16_t year, struct leak_value *ret, uint32_t *ret_tested)
{
	struct number number;
	uint8_t group_count;

	read_number(text, at, &number);
	*ret_tested = 0;
	ret->size = number.first_size;
	if (is_mrz(text, at, &number))
		return take(ret, LEAK_ID_MRZ, true, number.digits, 9);
	if (number.count > DIGITS_MAX)
		return false;
	if (is_health_card(text, at, &number) && ends_well(text, at + number.first_size))
		return take(ret, LEAK_HEALTH_CARD, false, number.digits, 13);
	if (!begins_well(text, at))
		return false;
	/* 0912 345 678 is one number, 079099012345 20 is two. */
	for (group_count = number.group_count; group_count > 0; group_count--) {
		shorten(&number, group_count);
		if (read_any(text, at, &number, year, ret, ret_tested)) {
			ret->size = number.size;
			return true;
		}
	}
	return false;
}
