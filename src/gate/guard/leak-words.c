// SPDX-License-Identifier: Apache-2.0
/* Words that stand before an identifier.
 *
 * The text before a value is folded first: letters of any case and with any marks become plain a to z (both ways of writing Vietnamese,
 * composed and decomposed, meet there), soCCCD and so_cccd become two words, everything else is one space. Then a row of the table is a
 * plain search for whole words. */
#include <string.h>

#include "gate/guard/leak-internal.h"

#define K(kind) (1u << LEAK_##kind)

/* With a space on both sides: whole words. */
static const struct {
	const char *word;
	uint32_t kinds;
} words[] = {
	{ " cccd ", K(CITIZEN) | K(OLD_ID) },
	{ " can cuoc ", K(CITIZEN) },
	{ " dinh danh ", K(CITIZEN) },
	{ " dinhdanh ", K(CITIZEN) },
	{ " ma dinh danh ", K(CITIZEN) },
	{ " cancuoc ", K(CITIZEN) },
	{ " cmnd ", K(CITIZEN) | K(OLD_ID) },
	{ " so cmt ", K(CITIZEN) | K(OLD_ID) },
	{ " cmtnd ", K(CITIZEN) | K(OLD_ID) },
	{ " chung minh ", K(CITIZEN) | K(OLD_ID) },
	{ " giay to tuy than ", K(CITIZEN) | K(OLD_ID) },
	{ " citizen id ", K(CITIZEN) },
	{ " citizenid ", K(CITIZEN) },
	{ " citizen number ", K(CITIZEN) },
	{ " identity number ", K(CITIZEN) | K(OLD_ID) },
	{ " identity card ", K(CITIZEN) | K(OLD_ID) },
	{ " identification number ", K(CITIZEN) | K(OLD_ID) },
	{ " identity no ", K(CITIZEN) | K(OLD_ID) },
	{ " id card ", K(CITIZEN) | K(OLD_ID) },
	{ " idcard ", K(CITIZEN) | K(OLD_ID) },
	{ " id number ", K(CITIZEN) | K(OLD_ID) },
	{ " national id ", K(CITIZEN) | K(OLD_ID) },
	{ " personal id ", K(CITIZEN) },
	{ " mst ", K(TAX_CODE) | K(CITIZEN) },
	{ " ma so thue ", K(TAX_CODE) | K(CITIZEN) },
	{ " masothue ", K(TAX_CODE) | K(CITIZEN) },
	{ " tax code ", K(TAX_CODE) | K(CITIZEN) },
	{ " taxcode ", K(TAX_CODE) | K(CITIZEN) },
	{ " tax id ", K(TAX_CODE) | K(CITIZEN) },
	{ " tax number ", K(TAX_CODE) | K(CITIZEN) },
	{ " bhyt ", K(HEALTH_CARD) },
	{ " bao hiem y te ", K(HEALTH_CARD) },
	{ " the bao hiem ", K(HEALTH_CARD) },
	{ " health insurance ", K(HEALTH_CARD) },
	{ " sdt ", K(PHONE) },
	{ " dt ", K(PHONE) },
	{ " dtdd ", K(PHONE) },
	{ " dien thoai ", K(PHONE) },
	{ " dienthoai ", K(PHONE) },
	{ " di dong ", K(PHONE) },
	{ " so dt ", K(PHONE) },
	{ " zalo ", K(PHONE) },
	{ " phone ", K(PHONE) },
	{ " phone number ", K(PHONE) },
	{ " phonenumber ", K(PHONE) },
	{ " mobile ", K(PHONE) },
	{ " tel ", K(PHONE) },
	{ " so the ", K(CARD) },
	{ " the tin dung ", K(CARD) },
	{ " the ghi no ", K(CARD) },
	{ " the ngan hang ", K(CARD) },
	{ " the atm ", K(CARD) },
	{ " visa ", K(CARD) },
	{ " mastercard ", K(CARD) },
	{ " jcb ", K(CARD) },
	{ " napas ", K(CARD) },
	{ " pan ", K(CARD) },
	{ " card number ", K(CARD) },
	{ " cardnumber ", K(CARD) },
	{ " card no ", K(CARD) },
	{ " credit card ", K(CARD) },
	{ " debit card ", K(CARD) },
};

/* Base letters of U+1EA0 to U+1EF9, two code points (capital and small) each. */
static const char extended[] = "aaaaaaaaaaaaeeeeeeeeiioooooooooooouuuuuuuyyyy";

/* Letter without its marks, 0 for a mark that is dropped, ' ' for anything else. */
static char fold_code(uint32_t code)
{
	if (code >= 0x1ea0 && code <= 0x1ef9)
		return extended[(code - 0x1ea0) / 2];
	if (code >= 0x300 && code <= 0x36f)
		return 0;
	switch (code & ~UINT32_C(0x20)) {
	case 0xc0:
	case 0xc1:
	case 0xc2:
	case 0xc3:
		return 'a';
	case 0xc8:
	case 0xc9:
	case 0xca:
		return 'e';
	case 0xcc:
	case 0xcd:
		return 'i';
	case 0xd2:
	case 0xd3:
	case 0xd4:
	case 0xd5:
		return 'o';
	case 0xd9:
	case 0xda:
		return 'u';
	case 0xdd:
		return 'y';
	default:
		break;
	}
	switch (code) {
	case 0x102:
	case 0x103:
		return 'a';
	case 0x110:
	case 0x111:
		return 'd';
	case 0x128:
	case 0x129:
		return 'i';
	case 0x168:
	case 0x169:
	case 0x1af:
	case 0x1b0:
		return 'u';
	case 0x1a0:
	case 0x1a1:
		return 'o';
	default:
		return ' ';
	}
}

/* One character of UTF-8 of at most three bytes; anything else counts as one byte that is no letter. */
static size_t decode(struct bytes in, uint32_t *ret)
{
	const uint8_t *p = in.ptr;

	*ret = p[0];
	if (p[0] >= 0xc2 && p[0] <= 0xdf && in.size >= 2 && (p[1] & 0xc0) == 0x80) {
		*ret = (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
		return 2;
	}
	if ((p[0] & 0xf0) == 0xe0 && in.size >= 3 && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80) {
		*ret = (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
		return 3;
	}
	if (p[0] >= 0x80)
		*ret = 0xfffd;
	return 1;
}

static bool is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

/* Into 'out' of at least twice the size and 3; a final NUL is set. */
static void fold(struct bytes in, char *out)
{
	size_t used = 0;
	bool was_small = false;

	out[used++] = ' ';
	while (in.size != 0) {
		uint32_t code;
		size_t size = decode(in, &code);
		bool capital = code >= 'A' && code <= 'Z';
		char c = ' ';

		if (capital)
			c = (char)(code | 0x20);
		else if (code >= 'a' && code <= 'z')
			c = (char)code;
		else if (code >= 0xc0)
			c = fold_code(code);
		in = bytes_skip(in, size);
		if (c == 0)
			continue;
		if (capital && was_small)
			out[used++] = ' ';
		was_small = is_letter(c) && !capital;
		if (c != ' ' || out[used - 1] != ' ')
			out[used++] = c;
	}
	if (out[used - 1] != ' ')
		out[used++] = ' ';
	out[used] = '\0';
}

uint32_t leak_words_before(struct bytes before)
{
	char text[2 * LEAK_BEFORE + 4];
	struct bytes near = before.size > LEAK_BEFORE ? bytes_skip(before, before.size - LEAK_BEFORE) : before;
	uint32_t kinds = 0;

	fold(near, text);
	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		if ((kinds & words[i].kinds) != words[i].kinds && strstr(text, words[i].word))
			kinds |= words[i].kinds;
	}
	return kinds;
}
