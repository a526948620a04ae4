// SPDX-License-Identifier: Apache-2.0
/* Check digits of the numbers that people and cards have. Bytes that are not digits are passed over, so that separators do not
 * matter. */
#include "gate/operator/operator-internal.h"

/* The first 'most' digits of 'text'; returns how many there are in all. */
static size_t digits_of(struct bytes text, uint8_t *ret, size_t most)
{
	size_t count = 0;

	for (size_t i = 0; i < text.size; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			continue;
		if (count < most)
			ret[count] = text.ptr[i] - '0';
		count++;
	}
	return count;
}

/* Sum of the digits times their weights. */
static unsigned int weighted(const uint8_t *digits, const uint8_t *weights, size_t count)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += (unsigned int)digits[i] * weights[i];
	return sum;
}

/* Luhn (ISO/IEC 7812-1, annex B): every second digit from the right, the last not counted, is doubled. */
bool operator_is_card(struct bytes text)
{
	unsigned int sum = 0;
	size_t count = 0;

	for (size_t i = text.size; i-- > 0;) {
		unsigned int digit = (unsigned int)text.ptr[i] - '0';

		if (digit > 9)
			continue;
		if (count++ % 2 != 0)
			digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
		sum += digit;
	}
	return count != 0 && sum % 10 == 0;
}

static bool all_equal(const uint8_t *digits, size_t count)
{
	return memcmp(digits, digits + 1, count - 1) == 0;
}

/* A check digit of the CPF: the remainder of 11, as far as it is a digit. */
static unsigned int cpf_check(const uint8_t *digits, size_t count)
{
	static const uint8_t weights[] = { 11, 10, 9, 8, 7, 6, 5, 4, 3, 2 };
	unsigned int rest = weighted(digits, weights + 10 - count, count) % 11;

	return rest < 2 ? 0 : 11 - rest;
}

/* Brazil: nine digits and two check digits. */
bool operator_is_cpf(struct bytes text)
{
	uint8_t digits[11];

	if (digits_of(text, digits, 11) != 11 || all_equal(digits, 11))
		return false;
	return digits[9] == cpf_check(digits, 9) && digits[10] == cpf_check(digits, 10);
}

/* United States: there is no check digit, but some numbers are never given: 000, 666 and from 740 on as area, zeros as group or
 * serial, nine equal digits, and nine in a row. */
bool operator_is_ssn(struct bytes text)
{
	uint8_t digits[9];
	unsigned int area;
	size_t steps = 0;

	if (digits_of(text, digits, 9) != 9 || all_equal(digits, 9))
		return false;
	while (steps < 8 && digits[steps + 1] == digits[steps] + 1)
		steps++;
	area = digits[0] * 100U + digits[1] * 10U + digits[2];
	if (steps == 8 || area == 0 || area == 666 || area >= 740)
		return false;
	return digits[3] + digits[4] != 0 && digits[5] + digits[6] + digits[7] + digits[8] != 0;
}

/* Austria: the fourth of ten digits is the check digit. */
bool operator_is_svnr(struct bytes text)
{
	static const uint8_t weights[] = { 3, 7, 9, 0, 5, 8, 4, 2, 1, 6 };
	uint8_t digits[10];

	if (digits_of(text, digits, 10) != 10 || all_equal(digits, 10))
		return false;
	/* A remainder of 10 counts as 0. */
	return weighted(digits, weights, 10) % 11 % 10 == digits[3];
}

/* Chile: the last sign, a digit or K for 10, is the check digit of those before it, which have the weights 2 to 7 from the right. */
bool operator_is_rut(struct bytes text)
{
	uint8_t digits[16], check;
	unsigned int sum = 0;
	size_t count;

	while (text.size != 0 && (text.ptr[text.size - 1] | 0x20) != 'k' &&
		(text.ptr[text.size - 1] < '0' || text.ptr[text.size - 1] > '9'))
		text.size--;
	if (text.size == 0)
		return false;
	check = text.ptr[--text.size];
	count = digits_of(text, digits, sizeof(digits));
	if (count < 7 || count > sizeof(digits))
		return false;
	for (size_t i = 0; i < count; i++)
		sum += digits[count - 1 - i] * (unsigned int)(2 + i % 6);
	sum = (11 - sum % 11) % 11;
	return sum == 10 ? (check | 0x20) == 'k' : check == '0' + sum;
}
