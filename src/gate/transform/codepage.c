// SPDX-License-Identifier: Apache-2.0
/* Code page 20127: what Windows makes of a character when a program wants it in ASCII. A letter loses its accents, a
 * typographic quotation mark becomes an ordinary one, the double acute U+02BA a quotation mark that ends an SQL string. IIS
 * does this to "%u02ba" in an address, so a rule has to see the same. */
#include "gate/transform/transform-internal.h"

/* ASCII for consecutive characters; # where the code page has none for one between two others. */
static const struct {
	uint16_t first;
	const char *ascii;
} runs[] = {
	{ 0x00a0, " !c#$Y|##Ca<#-R###23###.,1o>####AAAAAAACEEEEIIIIDNOOOOO#OUUUUY##aaaaaaaceeeeiiii#nooooo#ou"
		  "uuuy#yAaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi##JjKk#LlLlLl##LlNnNnNn###OoOoOoOo"
		  "RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZ#ZzZz#b" },
	{ 0x0189, "D" },
	{ 0x0191, "Ff####I##l####OOo" },
	{ 0x01ab, "t##TUu" },
	{ 0x01b6, "z" },
	{ 0x01cd, "AaIiOoUuUuUuUuUu#Aa####GgGgKkOoOo##j" },
	{ 0x0261, "g" },
	{ 0x02b9, "'\"#'" },
	{ 0x02c4, "^#^#'##`#_" },
	{ 0x02dc, "~" },
	{ 0x0300, "`#^~" },
	{ 0x030e, "\"" },
	{ 0x0331, "__" },
	{ 0x2000, "       " },
	{ 0x2010, "--#--###'',#\"\"\"###.###." },
	{ 0x2032, "'##`###<>" },
	{ 0x2122, "T" },
};

int transform_best_fit(uint16_t character)
{
	size_t low = 0, high = ARRAY_COUNT(runs);

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (runs[middle].first <= character)
			low = middle;
		else
			high = middle;
	}
	if (character < runs[low].first || character - runs[low].first >= (int)strlen(runs[low].ascii))
		return -1;
	return runs[low].ascii[character - runs[low].first] == '#' ? -1 : runs[low].ascii[character - runs[low].first];
}
