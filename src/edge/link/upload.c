// SPDX-License-Identifier: Apache-2.0
/* What goes up: batches, one after the other, and acknowledgements of decisions. A thread each, so that a slow batch does not hold up
 * the word that a decision stands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/jsonr.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "edge/link/enrol.h"
#include "edge/link/internal.h"

enum {
	UPLOAD_TIMEOUT_MS = 30000,
	ACK_TIMEOUT_MS = 10000,
	ANSWER_MAX = 64 << 10,
	IDLE_MS = 60000,
	RENEW_EVERY_S = 3600,
};

/* ---- Waiting ---- */

void bell_init(struct link_bell *bell)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&bell->lock, NULL);
	pthread_cond_init(&bell->rung, &attributes);
	pthread_condattr_destroy(&attributes);
}

void bell_ring(struct link_bell *bell)
{
	pthread_mutex_lock(&bell->lock);
	bell->signalled = true;
	pthread_cond_signal(&bell->rung);
	pthread_mutex_unlock(&bell->lock);
}

void bell_wait(struct link_bell *bell, uint32_t wait_ms)
{
	uint64_t until_ns = clock_mono_ns() + wait_ms * NS_PER_MS;
	struct timespec until = { .tv_sec = (time_t)(until_ns / NS_PER_S), .tv_nsec = (long)(until_ns % NS_PER_S) };

	pthread_mutex_lock(&bell->lock);
	while (!bell->signalled && !pthread_cond_timedwait(&bell->rung, &bell->lock, &until))
		;
	bell->signalled = false;
	pthread_mutex_unlock(&bell->lock);
}

/* Not cut short by new events: they would come at once, each time. */
static void pause_ms(const struct link *link, uint32_t wait_ms)
{
	const struct timespec step = { .tv_nsec = LINK_TICK_MS * (long)NS_PER_MS };

	for (uint64_t end_ns = clock_mono_ns() + wait_ms * NS_PER_MS;
		clock_mono_ns() < end_ns && !atomic_load(&link->stop);)
		nanosleep(&step, NULL);
}

uint32_t link_backoff_ms(uint32_t *state_ms)
{
	uint32_t random = 0, wait_ms;

	if (*state_ms < LINK_WAIT_FIRST_MS)
		*state_ms = LINK_WAIT_FIRST_MS;
	wait_ms = *state_ms;
	*state_ms = 2 * wait_ms < LINK_WAIT_MAX_MS ? 2 * wait_ms : LINK_WAIT_MAX_MS;
	(void)!getrandom(&random, sizeof(random), 0);
	return wait_ms / 2 + random % (wait_ms / 2 + 1);
}

int link_connect(struct link *link, struct identity *identity, struct http **http)
{
	int error = identity_load(link->dir, identity);

	http_close(*http);
	*http = NULL;
	return error ? error : http_open(identity, &link->stop, http);
}

/* ---- Batches ---- */

/* The answer must speak of our batch: a proxy that answers 200 to everything must not cost events. */
static bool is_acked(const struct http_answer *answer, uint64_t seq)
{
	struct jsonr_errors errors = { 0 };
	struct jsonr root;
	json_t *document;
	int64_t acked = 0;

	if (!answer->body ||
		jsonr_parse(bytes_of(answer->body, answer->size), &jsonr_limits_default, &errors, &document))
		return false;
	jsonr_root(&root, document, &errors);
	jsonr_i64(&root, "acked", JSONR_NEEDED, 0, INT64_MAX, &acked);
	json_decref(document);
	return (uint64_t)acked >= seq;
}

/* 0: go on with the next; else how long to wait. */
static uint32_t judge_answer(
	struct link *link, uint64_t seq, const struct http_answer *answer, int error, uint32_t *backoff_ms)
{
	atomic_store(&link->problem, error);
	if (!error && answer->status == 200 && is_acked(answer, seq)) {
		spool_done(link->spool, seq);
		LINK_COUNT(link, batches, 1);
		*backoff_ms = 0;
		return 0;
	}
	LINK_COUNT(link, upload_failures, 1);
	if (!error && (answer->status == 400 || answer->status == 413 || answer->status == 415)) {
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "the hub refuses batch %llu (%ld); it is kept aside",
			(unsigned long long)seq, answer->status);
		spool_refuse(link->spool, seq);
		return 0;
	}
	spool_release(link->spool);
	if (error == LUYTRE_E_PERMISSION || (!error && (answer->status == 401 || answer->status == 403))) {
		LINK_COUNT(link, refused, 1);
		atomic_store(&link->problem, LUYTRE_E_PERMISSION);
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN,
			"the hub and this edge do not accept one another (%ld %s); a person has to look",
			answer->status, answer->why);
		return LINK_REFUSED_MS;
	}
	log_limited(clock_mono_ns(), LOG_LEVEL_INFO, "the hub did not take a batch (%ld %s); trying again",
		answer->status, answer->why);
	if (!error && answer->retry_after_s)
		return answer->retry_after_s * (uint32_t)MS_PER_S;
	return link_backoff_ms(backoff_ms);
}

/* True when there was a batch; '*ret_wait_ms' is the pause then. */
static bool upload_one(struct link *link, struct http *http, uint32_t *backoff_ms, uint32_t *ret_wait_ms)
{
	struct http_request request = { .path = "/edge/v1/batches",
		.post = true,
		.content_type = "application/zstd",
		.timeout_ms = UPLOAD_TIMEOUT_MS,
		.answer_max = ANSWER_MAX };
	struct http_answer answer;
	uint8_t *packed;
	uint64_t seq;
	size_t size;
	int error;

	if (spool_first(link->spool, &seq, &packed, &size))
		return false;
	request.body = bytes_of(packed, size);
	error = http_send(http, &request, &answer);
	*ret_wait_ms = judge_answer(link, seq, &answer, error, backoff_ms);
	http_answer_done(&answer);
	free(packed);
	return true;
}

static void renew_if_due(struct link *link, struct identity *identity, struct http *http, uint64_t *looked_ns)
{
	uint64_t now_ns = clock_mono_ns();
	int error;

	if (*looked_ns && clock_since_ns(now_ns, *looked_ns) < RENEW_EVERY_S * NS_PER_S)
		return;
	*looked_ns = now_ns;
	error = enrol_renew(link->dir, identity, http, link_real_us());
	if (error && error != LUYTRE_E_EXISTS)
		log_warn("the certificate of this edge could not be renewed: %s", error_text(error, LUYTRE_LANG_EN));
	else if (!error)
		log_info("the certificate of this edge was renewed");
}

void *upload_main(void *context)
{
	struct link *link = context;
	struct identity identity;
	struct http *http = NULL;
	uint32_t backoff_ms = 0, wait_ms = 0;
	uint64_t looked_ns = 0;

	while (!atomic_load(&link->stop)) {
		if (!http && link_connect(link, &identity, &http)) {
			pause_ms(link, LINK_REFUSED_MS);
			continue;
		}
		renew_if_due(link, &identity, http, &looked_ns);
		if (!upload_one(link, http, &backoff_ms, &wait_ms)) {
			bell_wait(&link->upload_bell, IDLE_MS);
		} else if (wait_ms) {
			http_close(http);
			http = NULL;
			pause_ms(link, wait_ms);
		}
	}
	http_close(http);
	return NULL;
}

/* ---- Acknowledgements ---- */

struct stand {
	uint64_t epoch, number;
	int64_t at_us;
	struct link_policy policy;
	uint64_t count;
};

static struct stand current_stand(struct link *link)
{
	struct stand stand;

	pthread_mutex_lock(&link->ack_bell.lock);
	stand = (struct stand){ link->stands_epoch, link->stands_number, link->stands_us, link->policy,
		link->stands_count };
	pthread_mutex_unlock(&link->ack_bell.lock);
	return stand;
}

static int send_ack(struct http *http, const struct stand *stand)
{
	struct http_request request = { .path = "/edge/v1/acks",
		.post = true,
		.content_type = "application/json",
		.timeout_ms = ACK_TIMEOUT_MS,
		.answer_max = ANSWER_MAX };
	struct http_answer answer;
	struct jsonw json;
	int error;

	jsonw_init(&json, ANSWER_MAX);
	jsonw_object_begin(&json);
	jsonw_kv_u64(&json, "epoch", stand->epoch);
	jsonw_kv_u64(&json, "number", stand->number);
	jsonw_kv_u64(&json, "policy", stand->policy.stands);
	if (stand->policy.failed) {
		jsonw_kv_u64(&json, "policy_failed", stand->policy.failed);
		jsonw_kv_string(&json, "policy_why", stand->policy.why);
	}
	jsonw_kv_i64(&json, "at", stand->at_us);
	jsonw_object_end(&json);
	error = jsonw_text(&json, &request.body);
	if (!error) {
		error = http_send(http, &request, &answer);
		if (!error && answer.status / 100 != 2)
			error = LUYTRE_E_IO;
		http_answer_done(&answer);
	}
	jsonw_done(&json);
	return error;
}

void *ack_main(void *context)
{
	struct link *link = context;
	struct identity identity;
	struct http *http = NULL;
	struct stand sent = { 0 };
	uint32_t backoff_ms = 0;

	while (!atomic_load(&link->stop)) {
		struct stand stand = current_stand(link);

		if (stand.count == sent.count) {
			bell_wait(&link->ack_bell, IDLE_MS);
		} else if ((!http && link_connect(link, &identity, &http)) || send_ack(http, &stand)) {
			http_close(http);
			http = NULL;
			pause_ms(link, link_backoff_ms(&backoff_ms));
		} else {
			LINK_COUNT(link, acks, 1);
			atomic_store(&link->policy_told, stand.policy.stands);
			sent = stand;
			backoff_ms = 0;
		}
	}
	http_close(http);
	return NULL;
}
