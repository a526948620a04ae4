// SPDX-License-Identifier: Apache-2.0
/* The flow: there and back, with what is remembered of the provider. */
#include "hub/auth/oidc.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "hub/auth/oidc-internal.h"

#define US_PER_S INT64_C(1000000)

enum {
	RANDOM_SIZE = 32,
	FRESH_S = 3600, /* description and keys */
	AGAIN_S = 5, /* behind the end of what was not answered */
	KEYS_AGAIN_S = 10, /* for a key that is not among them */
	WAIT_S = 3, /* for who talks to the provider */
	FORM_SIZE = 16 << 10,
};

/* What goes with the browser, sealed. */
struct ticket {
	int64_t until_us;
	uint8_t state[RANDOM_SIZE], nonce[RANDOM_SIZE], verifier[RANDOM_SIZE];
};

enum { SEALED_SIZE = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + sizeof(struct ticket) };

_Static_assert(OIDC_TICKET_SIZE >= sodium_base64_ENCODED_LEN(SEALED_SIZE, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
	"a ticket fits");
_Static_assert(OIDC_STATE_SIZE == sodium_base64_ENCODED_LEN(RANDOM_SIZE, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
	"a state fits");

/* How the provider describes itself (OpenID Connect Discovery 1.0, section 3). */
struct description {
	char authorize[OIDC_URL_SIZE], token[OIDC_URL_SIZE], keys[OIDC_URL_SIZE];
	bool secret_in_form;
	int64_t made_us; /* 0: not yet */
};

struct used {
	int64_t until_us;
	uint8_t state[RANDOM_SIZE];
};

struct oidc {
	struct oidc_settings settings;
	uint8_t ticket_key[crypto_secretbox_KEYBYTES];
	pthread_mutex_t talk; /* held while the provider is asked; taken before 'lock' */
	json_t *keys; /* owned; under 'talk', as the times */
	int64_t keys_us;
	uint64_t quiet_until_ns; /* it did not answer: nobody waits for it before */
	pthread_mutex_t lock; /* for moments: of what follows */
	struct description description;
	struct used used[OIDC_USED_MAX];
	size_t used_next;
};

/* ---- Opening ---- */

int oidc_open(const char *path, struct oidc **ret, char why[OIDC_WHY_SIZE])
{
	struct oidc *oidc = calloc(1, sizeof(*oidc));
	int error;

	if (!oidc || sodium_init() < 0) {
		snprintf(why, OIDC_WHY_SIZE, "there is not enough memory");
		free(oidc);
		return LUYTRE_E_NOMEM;
	}
	error = oidc_settings_read(path, &oidc->settings, why);
	if (error) {
		free(oidc);
		return error;
	}
	crypto_secretbox_keygen(oidc->ticket_key);
	pthread_mutex_init(&oidc->talk, NULL);
	pthread_mutex_init(&oidc->lock, NULL);
	*ret = oidc;
	return 0;
}

void oidc_close(struct oidc *oidc)
{
	if (!oidc)
		return;
	oidc_settings_done(&oidc->settings);
	json_decref(oidc->keys);
	pthread_mutex_destroy(&oidc->talk);
	pthread_mutex_destroy(&oidc->lock);
	sodium_memzero(oidc->ticket_key, sizeof(oidc->ticket_key));
	free(oidc);
}

const char *oidc_name(const struct oidc *oidc)
{
	return oidc->settings.name;
}

/* ---- Text ---- */

static void text_of(const uint8_t bytes[RANDOM_SIZE], char ret[OIDC_STATE_SIZE])
{
	sodium_bin2base64(ret, OIDC_STATE_SIZE, bytes, RANDOM_SIZE, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* Percent-encodes all but what RFC 3986 calls unreserved, at the end of 'text'. False when it does not fit. */
static bool add_encoded(char *text, size_t text_size, const char *value)
{
	size_t size = strlen(text);

	for (; *value; value++) {
		bool plain = (*value >= 'a' && *value <= 'z') || (*value >= 'A' && *value <= 'Z') ||
			     (*value >= '0' && *value <= '9') || strchr("-._~", *value);

		if (size + 4 > text_size)
			return false;
		if (plain)
			text[size++] = *value;
		else
			size += (size_t)snprintf(text + size, 4, "%%%02X", (unsigned int)(uint8_t)*value);
	}
	text[size] = '\0';
	return true;
}

struct parameter {
	const char *name, *value; /* value null: left out */
};

/* "name=value&..." behind what stands there. */
static bool add_parameters(char *text, size_t text_size, const struct parameter *parameters, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(text);
		const char *before = size == 0 || text[size - 1] == '?' ? "" : "&";

		if (!parameters[i].value)
			continue;
		if (snprintf(text + size, text_size - size, "%s%s=", before, parameters[i].name) >=
				(int)(text_size - size) ||
			!add_encoded(text, text_size, parameters[i].value))
			return false;
	}
	return true;
}

/* ---- Tickets ---- */

static void seal(const struct oidc *oidc, const struct ticket *ticket, char ret[OIDC_TICKET_SIZE])
{
	uint8_t sealed[SEALED_SIZE];

	randombytes_buf(sealed, crypto_secretbox_NONCEBYTES);
	crypto_secretbox_easy(sealed + crypto_secretbox_NONCEBYTES, (const uint8_t *)ticket, sizeof(*ticket), sealed,
		oidc->ticket_key);
	sodium_bin2base64(ret, OIDC_TICKET_SIZE, sealed, sizeof(sealed), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* What is wrong with it, or null. */
static const char *unseal(
	const struct oidc *oidc, const struct oidc_returning *returning, int64_t now_us, struct ticket *ret)
{
	uint8_t sealed[SEALED_SIZE], state[RANDOM_SIZE];
	const char *text = returning->ticket;
	size_t size = 0;

	if (!text ||
		sodium_base642bin(sealed, sizeof(sealed), text, strlen(text), NULL, &size, NULL,
			sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
		size != sizeof(sealed) ||
		crypto_secretbox_open_easy((uint8_t *)ret, sealed + crypto_secretbox_NONCEBYTES,
			sizeof(sealed) - crypto_secretbox_NONCEBYTES, sealed, oidc->ticket_key) != 0)
		return "this browser has not begun to sign on";
	if (sodium_base642bin(state, sizeof(state), returning->state, strlen(returning->state), NULL, &size, NULL,
		    sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
		size != sizeof(state) || sodium_memcmp(state, ret->state, sizeof(state)) != 0)
		return "the state is not that of this browser";
	if (now_us >= ret->until_us)
		return "it took longer than ten minutes";
	if (returning->issuer && strcmp(returning->issuer, oidc->settings.issuer) != 0)
		return "the code is of another provider";
	return NULL;
}

/* False when it was used before. */
static bool use(struct oidc *oidc, const struct ticket *ticket, int64_t now_us)
{
	bool fresh = true;

	pthread_mutex_lock(&oidc->lock);
	for (size_t i = 0; i < OIDC_USED_MAX && fresh; i++)
		fresh = oidc->used[i].until_us <= now_us ||
			memcmp(oidc->used[i].state, ticket->state, RANDOM_SIZE) != 0;
	if (fresh) {
		struct used *place = &oidc->used[oidc->used_next++ % OIDC_USED_MAX];

		place->until_us = ticket->until_us;
		memcpy(place->state, ticket->state, RANDOM_SIZE);
	}
	pthread_mutex_unlock(&oidc->lock);
	return fresh;
}

/* ---- The provider ---- */

static int begin_talk(struct oidc *oidc)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	return pthread_mutex_timedlock(&oidc->talk, &until) ? LUYTRE_E_BUSY : 0;
}

static void be_quiet(struct oidc *oidc)
{
	oidc->quiet_until_ns = clock_mono_ns() + AGAIN_S * NS_PER_S;
}

/* While talking. Each who waits for a silent provider holds a thread, and the others up: so one does, and for a while nobody. */
static int fetch(struct oidc *oidc, const char *url, const char *form, const char *user, const char *password,
	json_t **ret, char why[OIDC_WHY_SIZE])
{
	int error;

	if (clock_mono_ns() < oidc->quiet_until_ns) {
		snprintf(why, OIDC_WHY_SIZE, "the provider did not answer just now");
		return LUYTRE_E_IO;
	}
	error = oidc_fetch(oidc->settings.ca, url, form, user, password, ret, why);
	if (error != LUYTRE_E_CLOSED)
		return error;
	be_quiet(oidc);
	return LUYTRE_E_IO;
}

static bool copy_url(const json_t *document, const char *name, char ret[OIDC_URL_SIZE])
{
	const char *url = json_string_value(json_object_get(document, name));

	return url && oidc_is_https(url) && snprintf(ret, OIDC_URL_SIZE, "%s", url) < OIDC_URL_SIZE;
}

/* The secret goes into the form only where the provider takes it nowhere else (Core, section 9). */
static bool wants_form(const json_t *document)
{
	const json_t *ways = json_object_get(document, "token_endpoint_auth_methods_supported");
	bool form = false;

	for (size_t i = 0; i < json_array_size(ways); i++) {
		const char *way = json_string_value(json_array_get(ways, i));

		if (way && strcmp(way, "client_secret_basic") == 0)
			return false;
		form = form || (way && strcmp(way, "client_secret_post") == 0);
	}
	return form;
}

static int read_description(
	const struct oidc *oidc, const json_t *document, struct description *ret, char why[OIDC_WHY_SIZE])
{
	const char *issuer = json_string_value(json_object_get(document, "issuer"));

	if (!issuer || strcmp(issuer, oidc->settings.issuer) != 0) {
		snprintf(why, OIDC_WHY_SIZE, "the provider calls itself otherwise than \"issuer\" in the file");
		return LUYTRE_E_IO;
	}
	if (!copy_url(document, "authorization_endpoint", ret->authorize) ||
		!copy_url(document, "token_endpoint", ret->token) || !copy_url(document, "jwks_uri", ret->keys)) {
		snprintf(why, OIDC_WHY_SIZE, "the provider does not tell where it is asked over https");
		return LUYTRE_E_IO;
	}
	ret->secret_in_form = wants_form(document);
	return 0;
}

static int fetch_description(struct oidc *oidc, struct description *ret, char why[OIDC_WHY_SIZE])
{
	static const char tail[] = "/.well-known/openid-configuration";
	char url[OIDC_URL_SIZE + sizeof(tail)];
	size_t size = strlen(oidc->settings.issuer);
	json_t *document = NULL;
	int error;

	size -= oidc->settings.issuer[size - 1] == '/';
	snprintf(url, sizeof(url), "%.*s%s", (int)size, oidc->settings.issuer, tail);
	error = fetch(oidc, url, NULL, NULL, NULL, &document, why);
	if (!error) {
		error = read_description(oidc, document, ret, why);
		if (error)
			be_quiet(oidc);
	}
	json_decref(document);
	return error;
}

static bool is_fresh(int64_t made_us, int64_t now_us, int64_t fresh_s)
{
	return made_us && now_us >= made_us && now_us - made_us < fresh_s * US_PER_S;
}

static void get_description(struct oidc *oidc, struct description *ret)
{
	pthread_mutex_lock(&oidc->lock);
	*ret = oidc->description;
	pthread_mutex_unlock(&oidc->lock);
}

/* While talking. One that is old serves as long as there is no newer. */
static int renew_description(struct oidc *oidc, int64_t now_us, struct description *ret, char why[OIDC_WHY_SIZE])
{
	struct description fetched = { 0 };
	int error;

	get_description(oidc, ret);
	if (is_fresh(ret->made_us, now_us, FRESH_S))
		return 0;
	error = fetch_description(oidc, &fetched, why);
	if (error)
		return ret->made_us ? 0 : error;
	fetched.made_us = now_us;
	*ret = fetched;
	pthread_mutex_lock(&oidc->lock);
	oidc->description = fetched;
	pthread_mutex_unlock(&oidc->lock);
	return 0;
}

/* While talking. */
static int renew_keys(struct oidc *oidc, const struct description *description, int64_t now_us, int64_t fresh_s,
	char why[OIDC_WHY_SIZE])
{
	json_t *keys = NULL;
	int error;

	if (oidc->keys && is_fresh(oidc->keys_us, now_us, fresh_s))
		return 0;
	error = fetch(oidc, description->keys, NULL, NULL, NULL, &keys, why);
	if (error)
		return error;
	json_decref(oidc->keys);
	oidc->keys = keys;
	oidc->keys_us = now_us;
	return 0;
}

static int tell(int error, const char *why)
{
	if (error)
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "sign-on by others: %s", why);
	return error;
}

/* ---- There ---- */

static bool make_url(const struct oidc *oidc, const struct description *description, const struct ticket *ticket,
	char ret[OIDC_URL_SIZE])
{
	char state[OIDC_STATE_SIZE], nonce[OIDC_STATE_SIZE], verifier[OIDC_STATE_SIZE], challenge[OIDC_STATE_SIZE];
	uint8_t hash[crypto_hash_sha256_BYTES];
	const struct parameter parameters[] = { { "response_type", "code" }, { "client_id", oidc->settings.client },
		{ "redirect_uri", oidc->settings.redirect }, { "scope", oidc->settings.scope }, { "state", state },
		{ "nonce", nonce }, { "code_challenge", challenge }, { "code_challenge_method", "S256" } };

	text_of(ticket->state, state);
	text_of(ticket->nonce, nonce);
	text_of(ticket->verifier, verifier);
	crypto_hash_sha256(hash, (const uint8_t *)verifier, strlen(verifier));
	text_of(hash, challenge);
	return snprintf(ret, OIDC_URL_SIZE, "%s%s", description->authorize,
		       strchr(description->authorize, '?') ? "" : "?") < OIDC_URL_SIZE &&
	       add_parameters(ret, OIDC_URL_SIZE, parameters, ARRAY_COUNT(parameters));
}

int oidc_begin(struct oidc *oidc, int64_t now_us, struct oidc_going *ret)
{
	struct ticket ticket = { .until_us = now_us + OIDC_TICKET_S * US_PER_S };
	struct description description;
	char why[OIDC_WHY_SIZE] = "";
	int error = 0;

	get_description(oidc, &description);
	if (!is_fresh(description.made_us, now_us, FRESH_S)) {
		error = begin_talk(oidc);
		if (error)
			return error;
		error = renew_description(oidc, now_us, &description, why);
		pthread_mutex_unlock(&oidc->talk);
	}
	randombytes_buf(ticket.state, sizeof(ticket.state));
	randombytes_buf(ticket.nonce, sizeof(ticket.nonce));
	randombytes_buf(ticket.verifier, sizeof(ticket.verifier));
	if (!error && !make_url(oidc, &description, &ticket, ret->url)) {
		snprintf(why, sizeof(why), "the provider's URL is too long");
		error = LUYTRE_E_IO;
	}
	if (!error)
		seal(oidc, &ticket, ret->ticket);
	sodium_memzero(&ticket, sizeof(ticket));
	return tell(error, why);
}

/* ---- And back ---- */

/* RFC 6749, section 2.3.1: both halves are encoded before they become HTTP Basic. */
static bool encode_client(
	const struct oidc_settings *settings, char user[3 * OIDC_ID_SIZE], char password[3 * OIDC_SECRET_SIZE])
{
	user[0] = password[0] = '\0';
	return add_encoded(user, 3 * OIDC_ID_SIZE, settings->client) &&
	       add_encoded(password, 3 * OIDC_SECRET_SIZE, settings->secret);
}

static int fetch_token(struct oidc *oidc, const struct description *description, const struct ticket *ticket,
	const char *code, json_t **ret, char why[OIDC_WHY_SIZE])
{
	const struct oidc_settings *settings = &oidc->settings;
	char user[3 * OIDC_ID_SIZE], password[3 * OIDC_SECRET_SIZE], verifier[OIDC_STATE_SIZE];
	bool basic = settings->secret[0] && !description->secret_in_form;
	const struct parameter parameters[] = { { "grant_type", "authorization_code" }, { "code", code },
		{ "redirect_uri", settings->redirect }, { "code_verifier", verifier },
		{ "client_id", basic ? NULL : settings->client },
		{ "client_secret", basic || !settings->secret[0] ? NULL : settings->secret } };
	char *form = calloc(1, FORM_SIZE);
	int error = form ? 0 : LUYTRE_E_NOMEM;

	text_of(ticket->verifier, verifier);
	if (!error && (!encode_client(settings, user, password) ||
			      !add_parameters(form, FORM_SIZE, parameters, ARRAY_COUNT(parameters)))) {
		snprintf(why, OIDC_WHY_SIZE, "the code is too long");
		error = LUYTRE_E_PERMISSION;
	}
	if (!error)
		error = fetch(oidc, description->token, form, basic ? user : NULL, password, ret, why);
	if (form)
		sodium_memzero(form, FORM_SIZE);
	free(form);
	sodium_memzero(password, sizeof(password));
	return error;
}

/* The provider may have changed its keys since they were fetched. */
static int read_token(struct oidc *oidc, const struct description *description, const struct ticket *ticket,
	struct bytes token, int64_t now_us, struct oidc_identity *ret, char why[OIDC_WHY_SIZE])
{
	char nonce[OIDC_STATE_SIZE];
	const struct oidc_expected expected = { .issuer = oidc->settings.issuer,
		.client = oidc->settings.client,
		.nonce = nonce,
		.now_s = now_us / US_PER_S,
		.settings = &oidc->settings };
	int error = renew_keys(oidc, description, now_us, FRESH_S, why);

	text_of(ticket->nonce, nonce);
	if (error)
		return error;
	error = oidc_token_read(token, oidc->keys, &expected, ret, why);
	if (error == LUYTRE_E_NOT_FOUND && !is_fresh(oidc->keys_us, now_us, KEYS_AGAIN_S)) {
		error = renew_keys(oidc, description, now_us, 0, why);
		if (!error)
			error = oidc_token_read(token, oidc->keys, &expected, ret, why);
	}
	return error == LUYTRE_E_NOT_FOUND ? LUYTRE_E_PERMISSION : error;
}

/* While talking. */
static int ask(struct oidc *oidc, const struct ticket *ticket, const char *code, int64_t now_us,
	struct oidc_identity *ret, char why[OIDC_WHY_SIZE])
{
	struct description description;
	json_t *answer = NULL;
	const char *token;
	int error = renew_description(oidc, now_us, &description, why);

	if (!error)
		error = fetch_token(oidc, &description, ticket, code, &answer, why);
	token = json_string_value(json_object_get(answer, "id_token"));
	if (!error && !token) {
		snprintf(why, OIDC_WHY_SIZE, "the provider gives no ID token");
		error = LUYTRE_E_IO;
	}
	if (!error)
		error = read_token(oidc, &description, ticket, bytes_from_str(token), now_us, ret, why);
	json_decref(answer);
	return error;
}

int oidc_finish(struct oidc *oidc, const struct oidc_returning *returning, int64_t now_us, struct oidc_identity *ret)
{
	char why[OIDC_WHY_SIZE] = "";
	struct ticket ticket;
	const char *wrong = unseal(oidc, returning, now_us, &ticket);
	int error;

	if (wrong)
		return tell(LUYTRE_E_PERMISSION, wrong);
	error = begin_talk(oidc);
	if (error)
		return error;
	if (use(oidc, &ticket, now_us)) {
		error = ask(oidc, &ticket, returning->code, now_us, ret, why);
	} else {
		snprintf(why, sizeof(why), "the state was used before");
		error = LUYTRE_E_PERMISSION;
	}
	pthread_mutex_unlock(&oidc->talk);
	sodium_memzero(&ticket, sizeof(ticket));
	return tell(error, why);
}

bool oidc_grants(const struct oidc *oidc, const struct oidc_identity *identity, struct auth_grant ret[OIDC_GROUPS_MAX],
	size_t *ret_count)
{
	const struct oidc_settings *settings = &oidc->settings;

	*ret_count = 0;
	for (size_t i = 0; i < settings->group_count; i++) {
		const struct auth_grant *grant = &settings->groups[i].grant;
		bool known = !(identity->groups >> i & 1);

		for (size_t k = 0; k < *ret_count && !known; k++)
			known = ret[k].role == grant->role && ret[k].tenant == grant->tenant;
		if (!known)
			ret[(*ret_count)++] = *grant;
	}
	return settings->maps;
}
