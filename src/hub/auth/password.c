// SPDX-License-Identifier: Apache-2.0
#include "hub/auth/password.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"

const struct password_fault_text password_faults[PASSWORD_FAULT_COUNT] = {
#define X(id, slug, en, vi) { slug, en, vi },
	PASSWORD_FAULTS(X)
#undef X
};

/* Small letters without digits and signs, as people decorate them: "MatKhau@2026!" is "matkhau". */
static const char *const common_roots[] = { "password", "passwordpassword", "passw", "pass", "matkhau",
	"matkhaumatkhau", "motconvit", "anhyeuem", "emyeuanh", "iloveyou", "iloveyouiloveyou", "vietnam",
	"vietnamvodich", "hanoi", "saigon", "danang", "hochiminh", "luytre", "admin", "administrator", "adminadmin",
	"quantri", "quantrivien", "letmein", "welcome", "welcomewelcome", "qwerty", "qwertyuiop", "qwertyqwerty",
	"qwertyuiopasdfgh", "asdfghjkl", "asdfghjklzxcvbnm", "zxcvbnm", "qazwsxedc", "qazwsxedcrfv", "abcdef",
	"abcdefghijkl", "abcdefghijklm", "abcdefghijklmnop", "changeme", "changeit", "changemenow", "secret", "default",
	"test", "testtest", "testtesttest", "trustno", "monkey", "dragon", "football", "bongda", "chelsea",
	"manchester", "superman", "computer", "internet", "khongbiet", "khongcomatkhau", "khongcopass" };

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/* "a" for "@", "0" for "o" are decorations too. */
static char plain(uint8_t c)
{
	static const char from[] = "@4013$5!", to[] = "aaoiessi";
	const char *place = strchr(from, c);

	if (c != 0 && place)
		return to[place - from];
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool is_root(const char *text, size_t size)
{
	for (size_t i = 0; i < ARRAY_COUNT(common_roots); i++)
		if (bytes_equal_str(bytes_of(text, size), common_roots[i]))
			return true;
	return false;
}

/* Letters alone, and with decorations read as letters up to the last real letter. */
static bool is_common(struct bytes password)
{
	char letters[PASSWORD_MAX_SIZE], read[PASSWORD_MAX_SIZE];
	size_t letter_count = 0, read_count = 0, end = 0;

	for (size_t i = 0; i < password.size; i++)
		if (is_letter(password.ptr[i])) {
			letters[letter_count++] = plain(password.ptr[i]);
			end = i + 1;
		}
	for (size_t i = 0; i < end; i++) {
		char c = plain(password.ptr[i]);

		if (is_letter((uint8_t)c))
			read[read_count++] = c;
	}
	return is_root(letters, letter_count) || is_root(read, read_count);
}

static bool has_name(struct bytes password, const char *account)
{
	size_t size = strlen(account);

	for (size_t i = 0; size >= 3 && i + size <= password.size; i++)
		if (strncasecmp((const char *)password.ptr + i, account, size) == 0)
			return true;
	return false;
}

/* Few different bytes, or each the next one of that before it: "aaaabbbbaaaa", "123456789012". */
static bool is_simple(struct bytes password)
{
	bool seen[256] = { false };
	size_t different = 0, steps = 0;

	for (size_t i = 0; i < password.size; i++) {
		different += !seen[password.ptr[i]];
		seen[password.ptr[i]] = true;
		if (i > 0) {
			int step = password.ptr[i] - password.ptr[i - 1];

			steps += step == 1 || step == -1 || step == 0 || step == -9 || step == 9;
		}
	}
	return different < 5 || steps * 4 >= password.size * 3;
}

enum password_fault password_judge(struct bytes password, const char *account)
{
	size_t characters = 0;

	for (size_t i = 0; i < password.size; i++)
		characters += (password.ptr[i] & 0xc0) != 0x80;
	if (password.size > PASSWORD_MAX_SIZE)
		return PASSWORD_LONG;
	if (characters < PASSWORD_MIN_CHARACTERS)
		return PASSWORD_SHORT;
	if (has_name(password, account))
		return PASSWORD_NAME;
	if (is_common(password))
		return PASSWORD_COMMON;
	return is_simple(password) ? PASSWORD_SIMPLE : PASSWORD_NONE;
}

struct passwords {
	struct password_config config;
	char nobody[PASSWORD_HASH_SIZE]; /* of a password that nobody knows */
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t left;
	uint32_t running, waiting;
	struct password_stats stats;
};

_Static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "room for a hash");

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
	return value ? value : fallback;
}

struct passwords *passwords_new(const struct password_config *config)
{
	struct passwords *passwords = sodium_init() < 0 ? NULL : calloc(1, sizeof(*passwords));
	uint8_t nobody[32];

	if (!passwords)
		return NULL;
	passwords->config = (struct password_config){
		.operations = or_default(config->operations, 2),
		.memory = or_default(config->memory, 64 << 20),
		.places = (uint32_t)or_default(config->places, 2),
		.queue = (uint32_t)or_default(config->queue, 32),
		.wait_ms = (uint32_t)or_default(config->wait_ms, 3000),
	};
	pthread_mutex_init(&passwords->lock, NULL);
	pthread_cond_init(&passwords->left, NULL);
	randombytes_buf(nobody, sizeof(nobody));
	if (password_hash(passwords, bytes_of(nobody, sizeof(nobody)), passwords->nobody) != 0) {
		passwords_free(passwords);
		return NULL;
	}
	return passwords;
}

void passwords_free(struct passwords *passwords)
{
	if (!passwords)
		return;
	pthread_cond_destroy(&passwords->left);
	pthread_mutex_destroy(&passwords->lock);
	free(passwords);
}

/* Waits for a place, on the clock that nobody sets. */
static int enter(struct passwords *passwords)
{
	uint64_t until_ns = clock_mono_ns() + passwords->config.wait_ms * NS_PER_MS;
	struct timespec until = { .tv_sec = (time_t)(until_ns / NS_PER_S), .tv_nsec = (long)(until_ns % NS_PER_S) };
	int error = 0;

	pthread_mutex_lock(&passwords->lock);
	if (passwords->running >= passwords->config.places && passwords->waiting >= passwords->config.queue)
		error = LUYTRE_E_BUSY;
	passwords->waiting++;
	while (!error && passwords->running >= passwords->config.places)
		if (pthread_cond_clockwait(&passwords->left, &passwords->lock, CLOCK_MONOTONIC, &until) != 0)
			error = LUYTRE_E_BUSY;
	passwords->waiting--;
	if (error) {
		passwords->stats.refused++;
	} else {
		passwords->running++;
		passwords->stats.hashed++;
		if (passwords->running > passwords->stats.running_max)
			passwords->stats.running_max = passwords->running;
	}
	pthread_mutex_unlock(&passwords->lock);
	return error;
}

static void leave(struct passwords *passwords)
{
	pthread_mutex_lock(&passwords->lock);
	passwords->running--;
	pthread_cond_signal(&passwords->left);
	pthread_mutex_unlock(&passwords->lock);
}

int password_hash(struct passwords *passwords, struct bytes password, char ret[PASSWORD_HASH_SIZE])
{
	int error = enter(passwords);

	if (error)
		return error;
	if (crypto_pwhash_str_alg(ret, (const char *)password.ptr, password.size, passwords->config.operations,
		    passwords->config.memory, crypto_pwhash_ALG_ARGON2ID13) != 0)
		error = LUYTRE_E_NOMEM;
	leave(passwords);
	return error;
}

int password_verify(struct passwords *passwords, const char *hash, struct bytes password)
{
	int error = enter(passwords);
	bool known = hash && hash[0], right;

	if (error)
		return error;
	right = password.size <= PASSWORD_MAX_SIZE && crypto_pwhash_str_verify(known ? hash : passwords->nobody,
							      (const char *)password.ptr, password.size) == 0;
	leave(passwords);
	return right && known ? 0 : LUYTRE_E_PERMISSION;
}

bool password_is_old(const struct passwords *passwords, const char *hash)
{
	return crypto_pwhash_str_needs_rehash(hash, passwords->config.operations, passwords->config.memory) != 0;
}

void passwords_stats(struct passwords *passwords, struct password_stats *ret)
{
	pthread_mutex_lock(&passwords->lock);
	*ret = passwords->stats;
	pthread_mutex_unlock(&passwords->lock);
}
