// SPDX-License-Identifier: Apache-2.0
/* The hub's policy: fetched when the hub says that there is another one, looked at, and handed to the daemon, which puts it into force. A
 * thread of its own, because a policy may be large and decisions must not wait for it. Without a daemon its holds are put where the web
 * server finds them, and that is all (alone.c). */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/jsonr.h"
#include "base/log.h"
#include "bus/policyfile.h"
#include "edge/link/files.h"
#include "edge/link/internal.h"
#include "base/holdfile.h"

enum {
	REVISION_AT = 8, /* in a bundle: behind the magic (bus/bundle.h) */
	POLICY_TIMEOUT_MS = 60000,
	POLICY_ANSWER_MAX = POLICYFILE_SIZE_MAX + HOLDFILE_SIZE_MAX + (64 << 10),
	POLICY_IDLE_MS = 3600000, /* the bell rings when there is another one */
	POLICY_AGAIN_MS = 60000, /* one that could not be taken is tried again: there may be room now */
	POLICY_LOOK_MS = 30000, /* without a daemon, which would look itself */
};

/* What the hub takes for a number. */
#define VERSION_MAX UINT64_C(9007199254740991)

void policy_heard(struct link *link, struct bytes data)
{
	struct jsonr_errors errors = { 0 };
	json_t *document;
	struct jsonr root;
	int64_t stamp = 0, version = 0;

	if (jsonr_parse(data, &jsonr_limits_default, &errors, &document))
		return;
	jsonr_root(&root, document, &errors);
	jsonr_i64(&root, "stamp", JSONR_NEEDED, 1, INT64_MAX, &stamp);
	jsonr_i64(&root, "version", JSONR_NEEDED, 1, INT64_MAX, &version);
	json_decref(document);
	atomic_store(&link->policy_version, version);
	if (stamp && atomic_exchange(&link->policy_stamp, stamp) != stamp)
		bell_ring(&link->policy_bell);
}

void policy_answered(struct link *link, const struct link_message *message)
{
	bool laid;

	pthread_mutex_lock(&link->ack_bell.lock);
	laid = message->policy.laid != link->policy.laid;
	link->policy = message->policy;
	link->policy.why[sizeof(link->policy.why) - 1] = '\0';
	link->stands_count++;
	pthread_mutex_unlock(&link->ack_bell.lock);
	/* Tenants of the shield may be others now: what is decided for one of them has to be put again. Before the hub's list is here
	 * there is nothing to put, and what the daemon has saved goes on. When holds alone have changed nothing is to be done. */
	if (laid && !message->policy.failed && atomic_load(&link->epoch))
		atomic_store(&link->want_resend, true);
	bell_ring(&link->ack_bell);
}

static bool has_failed(struct link *link)
{
	bool failed;

	pthread_mutex_lock(&link->ack_bell.lock);
	failed = link->policy.failed != 0;
	pthread_mutex_unlock(&link->ack_bell.lock);
	return failed;
}

/* 'identity' is null where it could not be read. LUYTRE_E_NOT_FOUND: there is none. */
static int take_kept(struct link *link, const struct identity *identity, const char *name)
{
	struct bundle bundle;
	uint8_t *text = NULL;
	size_t size = 0;
	int error = files_read(link->dir_fd, name, POLICY_ANSWER_MAX, &text, &size);

	if (error)
		return error;
	error = identity ? bundle_open(bytes_of(text, size), identity->keys, identity->key_count, &bundle)
			 : LUYTRE_E_PERMISSION;
	if (!error && bundle.edge && bundle.edge != identity->edge)
		error = LUYTRE_E_PERMISSION;
	if (!error)
		error = edgeonly_take(&link->edgeonly, &bundle);
	free(text);
	return error == LUYTRE_E_NOT_FOUND ? LUYTRE_E_CORRUPT : error;
}

void policy_open(struct link *link)
{
	static const char *const names[] = { LINK_POLICY_SAVED, LINK_HOLDS_SAVED, LINK_POLICY_NEW };
	struct identity identity;
	int unnamed = identity_load(link->dir, &identity);
	bool unknown = false;

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		int error = take_kept(link, unnamed ? NULL : &identity, names[i]);

		if (!error || error == LUYTRE_E_NOT_FOUND)
			continue;
		log_error("%s: which systems may only be watched is not known from it: every event loses its content "
			  "until the hub has said: %s",
			names[i], error_text(error, LUYTRE_LANG_EN));
		unknown = true;
	}
	if (unknown)
		edgeonly_set_unknown(&link->edgeonly);
}

/* What is not signed by the hub for this edge does not reach the daemon, which looks again. */
static int hand_over(struct link *link, const struct identity *identity, struct bytes text)
{
	struct link_message message = { .kind = LINK_POLICY };
	struct bundle bundle;
	struct bytes content;
	int error = bundle_open(text, identity->keys, identity->key_count, &bundle);

	if (!error &&
		(!bundle_find(&bundle, POLICYFILE_NAME, &content) || (bundle.edge && bundle.edge != identity->edge)))
		error = LUYTRE_E_CORRUPT;
	if (!error)
		error = edgeonly_take(&link->edgeonly, &bundle);
	if (!error && link->daemon_fd < 0)
		return alone_take(link, &bundle, text);
	if (!error)
		error = files_write(link->dir_fd, LINK_POLICY_NEW, 0600, text);
	message.token = error ? 0 : bundle.revision;
	if (!error && send(link->daemon_fd, &message, link_message_size(&message), MSG_NOSIGNAL) < 0)
		error = LUYTRE_E_BUSY;
	return error;
}

/* What is not of the hub, or cannot be kept, is told like what the daemon refuses: under the number that it bears, which is believed for
 * nothing else, or else the one that was heard last. */
static void tell_failure(struct link *link, struct bytes text, int error)
{
	uint64_t version = (uint64_t)atomic_load(&link->policy_version), revision;

	if (text.size >= REVISION_AT + sizeof(revision)) {
		memcpy(&revision, text.ptr + REVISION_AT, sizeof(revision));
		revision = be64toh(revision);
		if (revision && revision <= VERSION_MAX)
			version = revision;
	}
	pthread_mutex_lock(&link->ack_bell.lock);
	link->policy.failed = version;
	snprintf(link->policy.why, sizeof(link->policy.why), "%s", error_text(error, LUYTRE_LANG_EN));
	link->stands_count++;
	pthread_mutex_unlock(&link->ack_bell.lock);
	bell_ring(&link->ack_bell);
}

/* 'tag' is of what the daemon was handed last. */
static int fetch(struct link *link, const struct identity *identity, struct http *http, char tag[HTTP_TAG_SIZE])
{
	const struct http_request request = { .path = "/edge/v1/policy",
		.if_none_match = tag,
		.timeout_ms = POLICY_TIMEOUT_MS,
		.silence_s = LINK_ALIVE_S,
		.answer_max = POLICY_ANSWER_MAX };
	struct http_answer answer;
	int error = http_send(http, &request, &answer);

	/* 404: an older hub, which has none. */
	if (!error && answer.status != 200 && answer.status != 304 && answer.status != 404)
		error = answer.status == 401 || answer.status == 403 ? LUYTRE_E_PERMISSION : LUYTRE_E_IO;
	if (!error && answer.status == 200) {
		error = hand_over(link, identity, bytes_of(answer.body, answer.size));
		if (error)
			tell_failure(link, bytes_of(answer.body, answer.size), error);
	}
	if (error)
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "the hub's policy could not be fetched: %ld %s %s",
			answer.status, answer.why, error_text(error, LUYTRE_LANG_EN));
	else if (answer.status == 200)
		memcpy(tag, answer.tag, HTTP_TAG_SIZE);
	http_answer_done(&answer);
	return error;
}

static void wait_again(struct link *link, int error, uint32_t *backoff_ms)
{
	bell_wait(&link->policy_bell, error == LUYTRE_E_PERMISSION ? LINK_REFUSED_MS : link_backoff_ms(backoff_ms));
}

/* 'stamp' is what the hub had said before it was asked: the bell may ring for nothing, and the hub is not asked for nothing. */
static void wait_for_another(struct link *link, int64_t stamp)
{
	if (link->daemon_fd >= 0) {
		bell_wait(&link->policy_bell, has_failed(link) ? POLICY_AGAIN_MS : POLICY_IDLE_MS);
		return;
	}
	for (uint32_t waited_ms = 0; waited_ms < POLICY_IDLE_MS && atomic_load(&link->policy_stamp) == stamp;
		waited_ms += POLICY_LOOK_MS) {
		alone_look(link);
		bell_wait(&link->policy_bell, POLICY_LOOK_MS);
	}
}

void *policy_main(void *context)
{
	struct link *link = context;
	struct identity identity;
	struct http *http = NULL;
	char tag[HTTP_TAG_SIZE] = "";
	uint32_t backoff_ms = 0;

	if (link->daemon_fd < 0 && !identity_load(link->dir, &identity))
		alone_open(link, &identity);
	while (!atomic_load(&link->stop)) {
		int64_t stamp = atomic_load(&link->policy_stamp);
		int error = http ? 0 : link_connect(link, &identity, &http);

		if (!error)
			error = fetch(link, &identity, http, tag);
		if (error) {
			http_close(http);
			http = NULL;
			wait_again(link, error, &backoff_ms);
			continue;
		}
		backoff_ms = 0;
		wait_for_another(link, stamp);
		if (has_failed(link))
			tag[0] = '\0';
	}
	http_close(http);
	return NULL;
}
