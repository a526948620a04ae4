// SPDX-License-Identifier: Apache-2.0
#include "hub/core/news.h"

#define US_PER_S INT64_C(1000000)

static void begin(struct news_pace *news, int64_t now_us)
{
	if (news->second == now_us / US_PER_S)
		return;
	news->second = now_us / US_PER_S;
	news->count = 0;
}

enum news_word news_ask(struct news_pace *news, int64_t now_us)
{
	begin(news, now_us);
	if (news->count > NEWS_A_S) {
		news->owed = true;
		return NEWS_NOTHING;
	}
	return news->count++ < NEWS_A_S ? NEWS_TELL : NEWS_RESYNC;
}

bool news_owed(struct news_pace *news, int64_t now_us)
{
	begin(news, now_us);
	if (!news->owed || news->count)
		return false;
	news->owed = false;
	news->count = 1;
	return true;
}
