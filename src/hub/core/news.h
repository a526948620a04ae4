// SPDX-License-Identifier: Apache-2.0
/* How much news consoles are told one by one: NEWS_A_S messages in a second, then one that says that there was more ("resync": read anew),
 * then nothing until the second is over. Who read anew at once has missed what came after that: so when more was left out, the next second
 * that anybody asks in begins with another such message.
 *
 * No clock and no lock of its own: 'now_us' is since 1970, one thread at a time. Begins as zeros. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { NEWS_A_S = 20 };

enum news_word {
	NEWS_TELL, /* this one */
	NEWS_RESYNC, /* that there was more, instead of this one */
	NEWS_NOTHING,
};

struct news_pace {
	int64_t second;
	uint32_t count; /* of messages in that second */
	bool owed; /* something was left out without a word */
};

/* One message wants to go out. */
enum news_word news_ask(struct news_pace *news, int64_t now_us);
/* Whether one that says "there was more" is to go out before anything else; asked first, and whenever there may be nothing new. */
bool news_owed(struct news_pace *news, int64_t now_us);
