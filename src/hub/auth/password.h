// SPDX-License-Identifier: Apache-2.0
/* Passwords: what is a good one, and argon2id (RFC 9106) by libsodium.
 *
 * A hashing takes 64 MiB and some 80 ms of a processor, so at most two run at once: whoever floods the log-in page
 * waits for himself, not the API. The others stand in a queue with an end, and with a time after which they are
 * told to come again. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
	PASSWORD_MIN_CHARACTERS = 12,
	PASSWORD_MAX_SIZE = 256, /* bytes */
	PASSWORD_HASH_SIZE = 128, /* with its NUL */
};

/* X(identifier, slug, English, Vietnamese) */
#define PASSWORD_FAULTS(X)                                                                                             \
	X(NONE, "", "", "")                                                                                            \
	X(SHORT, "too-short", "It has fewer than 12 characters.", "Có ít hơn 12 ký tự.")                               \
	X(LONG, "too-long", "It has more than 256 bytes.", "Dài hơn 256 byte.")                                        \
	X(NAME, "has-name", "It contains the name of the account.", "Chứa tên tài khoản.")                             \
	X(COMMON, "common", "It is one that many people use.", "Nằm trong số mật khẩu nhiều người dùng.")              \
	X(SIMPLE, "simple", "It is made of too few different characters.", "Gồm quá ít ký tự khác nhau.")

enum password_fault {
#define X(id, ...) PASSWORD_##id,
	PASSWORD_FAULTS(X)
#undef X
		PASSWORD_FAULT_COUNT
};

struct password_fault_text {
	const char *slug, *en, *vi;
};

extern const struct password_fault_text password_faults[PASSWORD_FAULT_COUNT];

/* NIST SP 800-63B, section 5.1.1.2: length and a list of common ones, no rules of composition. */
enum password_fault password_judge(struct bytes password, const char *account);

struct password_config {
	uint64_t operations; /* 0: 2 */
	size_t memory; /* bytes; 0: 64 MiB */
	uint32_t places; /* at once; 0: 2 */
	uint32_t queue; /* waiting; 0: 32 */
	uint32_t wait_ms; /* 0: 3,000 */
};

struct passwords;

/* Makes one hash, to compare with where there is no account. Null without memory. */
struct passwords *passwords_new(const struct password_config *config);
void passwords_free(struct passwords *passwords); /* accepts null */

/* 0, LUYTRE_E_BUSY, LUYTRE_E_NOMEM. */
MUST_CHECK int password_hash(struct passwords *passwords, struct bytes password, char ret[PASSWORD_HASH_SIZE]);
/* 0, LUYTRE_E_PERMISSION (wrong), LUYTRE_E_BUSY. Without a hash (null) it takes as long and is always wrong. */
MUST_CHECK int password_verify(struct passwords *passwords, const char *hash, struct bytes password);
/* Made with other parameters than those of now. */
bool password_is_old(const struct passwords *passwords, const char *hash);

struct password_stats {
	uint64_t hashed, refused; /* refused: LUYTRE_E_BUSY */
	uint32_t running_max;
};
void passwords_stats(struct passwords *passwords, struct password_stats *ret);
