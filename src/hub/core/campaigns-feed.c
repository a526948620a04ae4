// SPDX-License-Identifier: Apache-2.0
#include "hub/core/campaigns-feed.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/table.h"
#include "hub/core/news.h"

#define STATE      "campaigns.state"
#define STATE_NEW  "campaigns.state.new"
#define STATE_BAD  "campaigns.state.bad"
#define STATE_SIZE (256 << 20) /* more is none of ours */
#define US_PER_S   INT64_C(1000000)

enum { TRAFFIC_AT_ONCE = 512 };

struct feed {
	int dir_fd; /* borrowed */
	pthread_mutex_t lock; /* of what follows */
	struct campaigns *campaigns; /* owned */
	struct table *ports; /* owned: tenant to uint16_t[FEED_PORTS_MAX] */
	int64_t saved_us, aged_us;
	bool changed;
	struct news_pace news;
	struct feed_stats stats;
};

/* ---- The file ---- */

static int read_state(int dir_fd, uint8_t **ret_text, size_t *ret_size)
{
	int fd = openat(dir_fd, STATE, O_RDONLY | O_CLOEXEC);
	struct stat about;
	uint8_t *text;
	size_t size = 0;

	if (fd < 0)
		return errno == ENOENT ? LUYTRE_E_NOT_FOUND : LUYTRE_E_IO;
	if (fstat(fd, &about) || about.st_size <= 0 || about.st_size > STATE_SIZE) {
		close(fd);
		return LUYTRE_E_CORRUPT;
	}
	text = malloc((size_t)about.st_size);
	while (text && size < (size_t)about.st_size) {
		ssize_t got = read(fd, text + size, (size_t)about.st_size - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		size += (size_t)got;
	}
	close(fd);
	*ret_text = text;
	*ret_size = size;
	return text ? 0 : LUYTRE_E_NOMEM;
}

static int load(struct feed *feed, const struct campaign_limits *limits)
{
	uint8_t *text = NULL;
	size_t size = 0;
	int error = read_state(feed->dir_fd, &text, &size);

	if (!error)
		error = campaigns_load(limits, bytes_of(text, size), &feed->campaigns);
	free(text);
	if (!error || error == LUYTRE_E_NOT_FOUND || error == LUYTRE_E_NOMEM)
		return error;
	log_warn("%s: %s It is set aside; campaigns begin anew.", STATE, error_text(error, LUYTRE_LANG_EN));
	(void)!renameat(feed->dir_fd, STATE, feed->dir_fd, STATE_BAD);
	return LUYTRE_E_NOT_FOUND;
}

static int write_state(int dir_fd, struct bytes text)
{
	int fd = openat(dir_fd, STATE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int error;

	if (fd < 0)
		return LUYTRE_E_IO;
	error = file_write_all(fd, text);
	if (!error && fsync(fd))
		error = LUYTRE_E_IO;
	close(fd);
	if (!error && (renameat(dir_fd, STATE_NEW, dir_fd, STATE) || fsync(dir_fd)))
		error = LUYTRE_E_IO;
	return error;
}

static void save(struct feed *feed, int64_t now_us)
{
	uint8_t *text = NULL;
	size_t size = 0;
	int error = 0;

	pthread_mutex_lock(&feed->lock);
	feed->saved_us = now_us;
	if (feed->changed)
		error = campaigns_save(feed->campaigns, &text, &size);
	feed->changed = false;
	pthread_mutex_unlock(&feed->lock);
	if (!error && text)
		error = write_state(feed->dir_fd, bytes_of(text, size));
	free(text);
	if (!error)
		return;
	log_limited(
		clock_mono_ns(), LOG_LEVEL_WARN, "%s cannot be written: %s", STATE, error_text(error, LUYTRE_LANG_EN));
	pthread_mutex_lock(&feed->lock);
	feed->changed = true;
	feed->stats.save_errors++;
	pthread_mutex_unlock(&feed->lock);
}

/* ---- Life ---- */

int feed_open(int dir_fd, int64_t now_us, struct feed **ret)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	struct campaign_limits limits;
	struct siphash_key key;
	int error;

	if (!feed)
		return LUYTRE_E_NOMEM;
	campaign_limits_default(&limits);
	limits.groups_max = FEED_GROUPS_MAX;
	feed->dir_fd = dir_fd;
	feed->saved_us = feed->aged_us = now_us;
	pthread_mutex_init(&feed->lock, NULL);
	error = siphash_key_random(&key);
	if (!error)
		error = load(feed, &limits);
	if (error == LUYTRE_E_NOT_FOUND) {
		feed->campaigns = campaigns_new(&limits, key);
		error = feed->campaigns ? 0 : LUYTRE_E_NOMEM;
	}
	if (!error) {
		feed->ports = table_new(sizeof(uint32_t), FEED_PORTS_MAX * sizeof(uint16_t), FEED_TENANTS_MAX, key);
		error = feed->ports ? 0 : LUYTRE_E_NOMEM;
	}
	if (error) {
		feed_close(feed);
		return error;
	}
	*ret = feed;
	return 0;
}

void feed_close(struct feed *feed)
{
	if (!feed)
		return;
	if (feed->campaigns)
		save(feed, 0);
	campaigns_free(feed->campaigns);
	table_free(feed->ports);
	pthread_mutex_destroy(&feed->lock);
	free(feed);
}

/* ---- Lines ---- */

static struct bytes text_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? bytes_of(json_string_value(value), json_string_length(value))
				     : (struct bytes){ 0 };
}

/* What a line shows of itself, whether or not it is a sighting. */
struct shown {
	struct campaign_detection detection;
	struct minhash payload;
	char path[INGEST_PATH_SIZE];
};

static void show_payload(struct bytes payload, struct shown *ret)
{
	if (!bytes_empty(payload) && minhash_of(bytes_first(payload, FEED_PAYLOAD_MAX), &ret->payload))
		ret->detection.payload = &ret->payload;
}

static void show_sighting(const struct ingest *in, uint32_t group, struct shown *ret)
{
	const struct ingest_sighting *seen = &in->sighting;

	memcpy(ret->path, seen->path, sizeof(ret->path));
	ret->detection = (struct campaign_detection){ .time_us = in->event.time_us,
		.tenant = seen->tenant,
		.group = group ? group : seen->tenant,
		.edge = in->event.edge,
		.source = seen->src,
		.ja4 = bytes_from_str(seen->ja4),
		.rule = seen->rule,
		.path = bytes_from_str(ret->path),
		.port = seen->port };
	show_payload(seen->payload, ret);
}

/* False: nothing that is traffic of anybody. */
static bool show_traffic(const struct ingest *in, struct shown *ret)
{
	const json_t *http = json_object_get(in->root, "http"), *tls = json_object_get(in->root, "tls");
	struct bytes url = text_of(http, "url");

	if ((!http && !tls && !json_object_get(in->root, "flow")) || !in->event.src.family)
		return false;
	ret->path[0] = '\0';
	if (!bytes_empty(url))
		ingest_path_template(url, ret->path);
	ret->detection = (struct campaign_detection){ .source = in->event.src,
		.ja4 = text_of(tls, "ja4"),
		.rule = in->event.kind == EV_ALERT || in->event.kind == EV_GATE ? in->event.rule : 0,
		.path = bytes_from_str(ret->path),
		.port = in->event.dst_port };
	show_payload(url, ret);
	return true;
}

/* The port was asked for, and somebody answered. */
static bool is_offered(const struct ingest *in)
{
	return in->event.tenant && in->event.dst_port && in->event.evidence >= EV_E1;
}

static void note_port(struct feed *feed, const struct ingest *in)
{
	uint16_t *ports, port = in->event.dst_port;
	size_t at = 0;

	if (!is_offered(in))
		return;
	ports = table_insert(feed->ports, &in->event.tenant, NULL);
	if (!ports)
		return;
	while (at < FEED_PORTS_MAX - 1 && ports[at] && ports[at] != port)
		at++;
	memmove(ports + 1, ports, at * sizeof(*ports));
	ports[0] = port;
}

static void add_one(struct feed *feed, const struct ingest *in, const struct shown *shown, struct feed_found *found)
{
	struct campaign_result result;

	note_port(feed, in);
	feed->changed = true;
	if (!in->has_sighting) {
		campaign_traffic(feed->campaigns, &shown->detection, 1);
		feed->stats.traffic++;
		return;
	}
	feed->stats.detections++;
	if (campaign_add(feed->campaigns, &shown->detection, &result))
		return;
	found->campaign = result.campaign ? result.id : 0;
	found->fingerprint = result.fingerprint;
	found->confirmed_now = result.confirmed_now;
}

/* Some at a time: working out signatures takes longer than putting them in, and others want to ask. */
void feed_lines(struct feed *feed, const struct ingest *lines, size_t count, struct feed_found *found)
{
	struct shown *shown = malloc(TRAFFIC_AT_ONCE * sizeof(*shown));
	bool use[TRAFFIC_AT_ONCE];

	for (size_t from = 0; shown && from < count; from += TRAFFIC_AT_ONCE) {
		size_t slice = count - from < TRAFFIC_AT_ONCE ? count - from : TRAFFIC_AT_ONCE;

		for (size_t i = 0; i < slice; i++) {
			memset(&shown[i].detection, 0, sizeof(shown[i].detection));
			use[i] = lines[from + i].has_sighting || show_traffic(&lines[from + i], &shown[i]);
			if (lines[from + i].has_sighting)
				show_sighting(&lines[from + i], found[from + i].group, &shown[i]);
		}
		pthread_mutex_lock(&feed->lock);
		for (size_t i = 0; i < slice; i++) {
			if (use[i])
				add_one(feed, &lines[from + i], &shown[i], &found[from + i]);
		}
		pthread_mutex_unlock(&feed->lock);
	}
	free(shown);
}

static bool is_among(const uint32_t *ids, size_t count, uint32_t id)
{
	while (count) {
		if (ids[--count] == id)
			return true;
	}
	return false;
}

size_t feed_news(struct feed *feed, const struct feed_found *found, size_t count, int64_t now_us, uint32_t *ret)
{
	size_t news = 0;

	pthread_mutex_lock(&feed->lock);
	if (news_owed(&feed->news, now_us))
		ret[news++] = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t id = found[i].campaign;
		enum news_word word;

		if (!id || is_among(ret, news, id))
			continue;
		word = news_ask(&feed->news, now_us);
		if (word != NEWS_NOTHING)
			ret[news++] = word == NEWS_TELL ? id : 0;
	}
	pthread_mutex_unlock(&feed->lock);
	return news;
}

void feed_tick(struct feed *feed, int64_t now_us)
{
	pthread_mutex_lock(&feed->lock);
	campaigns_tick(feed->campaigns, now_us);
	if (now_us - feed->aged_us > FEED_AGE_S * US_PER_S) {
		campaign_traffic_age(feed->campaigns);
		feed->aged_us = now_us;
	}
	pthread_mutex_unlock(&feed->lock);
	if (now_us - feed->saved_us >= FEED_SAVE_S * US_PER_S || now_us < feed->saved_us)
		save(feed, now_us);
}

struct campaigns *feed_lock(struct feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	return feed->campaigns;
}

void feed_unlock(struct feed *feed)
{
	pthread_mutex_unlock(&feed->lock);
}

void feed_changed(struct feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	feed->changed = true;
	pthread_mutex_unlock(&feed->lock);
}

void feed_ports(const struct feed *feed, uint32_t tenant, uint16_t ret[FEED_PORTS_MAX])
{
	const uint16_t *ports = table_find(feed->ports, &tenant);

	memset(ret, 0, FEED_PORTS_MAX * sizeof(*ret));
	if (ports)
		memcpy(ret, ports, FEED_PORTS_MAX * sizeof(*ret));
}

void feed_stats(struct feed *feed, struct feed_stats *ret)
{
	pthread_mutex_lock(&feed->lock);
	*ret = feed->stats;
	pthread_mutex_unlock(&feed->lock);
}
