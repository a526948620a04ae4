// SPDX-License-Identifier: Apache-2.0
/* The lists of words of tenants.h, and the sentences of refusals. */
#include <stdio.h>

#include "hub/tenants/tenants.h"

#define X(id, word, en, vi) { word, en, vi },
const struct tenants_word tenant_kinds[TENANT_KIND_COUNT] = { TENANT_KINDS(X) };
const struct tenants_word tenant_sectors[TENANT_SECTOR_COUNT] = { TENANT_SECTORS(X) };
const struct tenants_word asset_kinds[ASSET_KIND_COUNT] = { ASSET_KINDS(X) };
const struct tenants_word asset_modes[ASSET_MODE_COUNT] = { ASSET_MODES(X) };
const struct tenants_word asset_fails[ASSET_FAIL_COUNT] = { ASSET_FAILS(X) };
const struct tenants_word asset_parts[ASSET_PART_COUNT] = { ASSET_PARTS(X) };
#undef X

/* By enum tenants_reason. */
static const struct {
	const char *slug, *en, *vi;
} reasons[] = { { "", "", "" },
#define X(id, slug, error, en, vi) { slug, en, vi },
	TENANTS_REASONS(X)
#undef X
};

int tenants_word_find(const struct tenants_word *words, size_t count, struct bytes word)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_equal_str(word, words[i].word))
			return (int)i;
	return -1;
}

const char *tenants_why_slug(const struct tenants_why *why)
{
	return reasons[why->reason].slug;
}

const char *tenants_why_text(const struct tenants_why *why, enum luytre_lang lang, char *text, size_t text_size)
{
	const char *sentence = lang == LUYTRE_LANG_VI ? reasons[why->reason].vi : reasons[why->reason].en;
	const char *place = strstr(sentence, "%s");

	if (place)
		snprintf(text, text_size, "%.*s%s%s", (int)(place - sentence), sentence, why->owner, place + 2);
	else
		snprintf(text, text_size, "%s", sentence);
	return text;
}
