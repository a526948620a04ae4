// SPDX-License-Identifier: Apache-2.0
#include "hub/console/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/table.h"
#include "hub/console/acks.h"
#include "hub/console/board.h"

enum { TEXT_MAX = 16 << 10, GRAVE_RANKS = 2 };

struct news {
	uint64_t count, stopped;
	uint8_t severity; /* the gravest */
	uint8_t item_count; /* ever, up to 255: the newest are at item_count % DESK_ITEMS_MAX */
	bool waits;
	struct desk_sample items[DESK_ITEMS_MAX];
};

struct graves {
	struct desk_sample items[DESK_GRAVE_MAX];
	size_t count;
};

struct desk {
	struct console *console;
	pthread_mutex_t lock;
	pthread_cond_t filled;
	pthread_t thread;
	bool stop, thread_runs;
	struct table *news; /* tenant to struct news */
	uint32_t *queue; /* tenants with news, in the order in which they came; a ring of DESK_TENANTS_MAX */
	size_t queue_first, queue_count;
	uint64_t events, attacks, stopped; /* of the nation, since they were told */
	struct desk_stats stats;
	struct graves graves[GRAVE_RANKS];
	struct boards *boards;

	pthread_mutex_t readers_lock;
	struct ev_reader *readers[DESK_READERS_MAX];
	size_t reader_count;
};

/* ---- Readers ---- */

int desk_reader_take(struct desk *desk, struct ev_reader **ret)
{
	*ret = NULL;
	pthread_mutex_lock(&desk->readers_lock);
	if (desk->reader_count)
		*ret = desk->readers[--desk->reader_count];
	pthread_mutex_unlock(&desk->readers_lock);
	return *ret ? 0 : ev_reader_open(core_events(desk->console->core), ret);
}

void desk_reader_give(struct desk *desk, struct ev_reader *reader)
{
	pthread_mutex_lock(&desk->readers_lock);
	if (desk->reader_count < DESK_READERS_MAX) {
		desk->readers[desk->reader_count++] = reader;
		reader = NULL;
	}
	pthread_mutex_unlock(&desk->readers_lock);
	ev_reader_close(reader);
}

/* ---- Writing ---- */

static void write_addr(
	struct jsonw *json, const char *key, const char *port_key, const struct ip_addr *addr, uint16_t port)
{
	char text[IP_ADDR_TEXT_SIZE];

	if (addr->family)
		jsonw_kv_string(json, key, ip_addr_format(addr, text));
	else
		jsonw_kv_null(json, key);
	jsonw_kv_u64(json, port_key, port);
}

void desk_write_event(struct jsonw *json, const struct ev_event *event, bool acknowledged)
{
	console_kv_id(json, "id", event->id);
	console_kv_time(json, "time", event->time_us);
	console_kv_id_or_null(json, "tenant", event->tenant);
	console_kv_id_or_null(json, "system", event->system);
	console_kv_id_or_null(json, "edge", event->edge);
	jsonw_kv_string(json, "kind", ev_kind_name((enum ev_kind)event->kind));
	jsonw_kv_string(json, "action", ev_action_name((enum ev_action)event->action));
	jsonw_kv_string(json, "evidence", ev_evidence_name((enum ev_evidence)event->evidence));
	jsonw_kv_u64(json, "severity", event->severity);
	jsonw_kv_u64(json, "protocol", event->protocol);
	write_addr(json, "source", "source_port", &event->src, event->src_port);
	write_addr(json, "target", "target_port", &event->dst, event->dst_port);
	console_kv_id_or_null(json, "rule", event->rule);
	jsonw_kv_string_bytes(json, "signature", event->signature);
	console_kv_id_or_null(json, "decision", event->decision);
	jsonw_kv_u64(json, "count", event->count ? event->count : 1);
	jsonw_kv_bool(json, "acknowledged", acknowledged);
}

/* ---- News ---- */

static bool is_attack(const struct ev_event *event)
{
	return DESK_ATTACKS >> event->kind & 1;
}

/* What it points to is set when it is written: tables move what they hold. */
static void copy_event(struct desk_sample *sample, const struct ev_event *event)
{
	size_t size = event->signature.size < DESK_SIGNATURE_SIZE ? event->signature.size : DESK_SIGNATURE_SIZE;

	/* Not in the middle of a character. */
	while (size > 0 && size < event->signature.size && (event->signature.ptr[size] & 0xc0) == 0x80)
		size--;
	sample->event = *event;
	if (size)
		memcpy(sample->signature, event->signature.ptr, size);
	sample->event.signature = (struct bytes){ .size = size };
	sample->event.detail = (struct bytes){ 0 };
}

static void keep_sample(struct news *news, const struct ev_event *event)
{
	copy_event(&news->items[news->item_count % DESK_ITEMS_MAX], event);
	news->item_count = news->item_count == UINT8_MAX ? UINT8_MAX - DESK_ITEMS_MAX + 1 : news->item_count + 1;
}

/* ---- The gravest ---- */

/* 0: grave and not stopped; 1: grave, or bad and not stopped; -1: neither. */
static int rank_of(const struct ev_event *event)
{
	bool stopped = event->action == EV_STOPPED;

	if (!is_attack(event) || event->severity > 2)
		return -1;
	return event->severity == 1 && !stopped ? 0 : event->severity == 1 || !stopped ? 1 : -1;
}

/* The one of the same tenant and rule, or the one that was not touched for longest. */
static struct desk_sample *grave_place(struct graves *graves, const struct ev_event *event)
{
	struct desk_sample *oldest = &graves->items[0];

	for (size_t i = 0; i < graves->count; i++) {
		struct desk_sample *item = &graves->items[i];

		if (item->event.tenant == event->tenant && item->event.rule == event->rule &&
			item->event.kind == event->kind)
			return item;
		if (item->event.id < oldest->event.id)
			oldest = item;
	}
	return graves->count < DESK_GRAVE_MAX ? &graves->items[graves->count++] : oldest;
}

static void note_grave(struct desk *desk, const struct ev_event *event)
{
	int rank = rank_of(event);

	if (rank >= 0)
		copy_event(grave_place(&desk->graves[rank], event), event);
}

static int newest_first(const void *left, const void *right)
{
	const struct desk_sample *a = left, *b = right;

	return (a->event.id < b->event.id) - (a->event.id > b->event.id);
}

size_t desk_gravest(struct desk *desk, const struct scope *scope, struct desk_sample *ret, size_t max)
{
	size_t count = 0;

	pthread_mutex_lock(&desk->lock);
	for (int rank = 0; rank < GRAVE_RANKS; rank++) {
		struct graves *graves = &desk->graves[rank];

		qsort(graves->items, graves->count, sizeof(graves->items[0]), newest_first);
		for (size_t i = 0; i < graves->count && count < max; i++)
			if (scope_has(scope, graves->items[i].event.tenant))
				ret[count++] = graves->items[i];
	}
	pthread_mutex_unlock(&desk->lock);
	return count;
}

static int note_old(void *context, const struct ev_event *event)
{
	struct graves *all = context;

	copy_event(&all->items[all->count++], event);
	return all->count == DESK_GRAVE_MAX;
}

/* Those of the last hour, from the store; oldest first, so that the newer of a rule stay. */
static void remember(struct desk *desk)
{
	const struct scope nation = { .all = true };
	int64_t now_us = (int64_t)(clock_real_ns() / NS_PER_US);
	const struct ev_filter filter = { .scope = &nation,
		.from_us = now_us - EV_HOUR_US,
		.until_us = now_us + EV_HOUR_US,
		.kinds = DESK_ATTACKS,
		.severity_max = 2 };
	struct graves *old = calloc(1, sizeof(*old));
	struct ev_reader *reader;

	if (!old || desk_reader_take(desk, &reader)) {
		free(old);
		return;
	}
	/* Out of time: what was found is what is known. */
	(void)!ev_page(reader, &filter, NULL, DESK_GRAVE_MAX, note_old, old);
	desk_reader_give(desk, reader);
	pthread_mutex_lock(&desk->lock);
	while (old->count > 0) {
		struct desk_sample *sample = &old->items[--old->count];

		sample->event.signature = bytes_of(sample->signature, sample->event.signature.size);
		note_grave(desk, &sample->event);
	}
	pthread_mutex_unlock(&desk->lock);
	free(old);
}

static void note_event(struct desk *desk, const struct ev_event *event)
{
	struct news *news = table_insert(desk->news, &event->tenant, NULL);
	bool stopped = event->action == EV_STOPPED;

	note_grave(desk, event);
	desk->events++;
	desk->attacks += is_attack(event);
	desk->stopped += is_attack(event) && stopped;
	if (!news) {
		desk->stats.left_out++;
		return;
	}
	if (!news->waits) {
		desk->queue[(desk->queue_first + desk->queue_count++) % DESK_TENANTS_MAX] = event->tenant;
		news->waits = true;
	}
	news->count++;
	news->stopped += stopped;
	if (!news->severity || event->severity < news->severity)
		news->severity = event->severity;
	keep_sample(news, event);
}

void desk_events(struct desk *desk, const struct ev_event *events, size_t count)
{
	pthread_mutex_lock(&desk->lock);
	for (size_t i = 0; i < count; i++)
		note_event(desk, &events[i]);
	pthread_cond_signal(&desk->filled);
	pthread_mutex_unlock(&desk->lock);
}

static void tell_news(struct console *console, uint32_t tenant, const struct news *news)
{
	size_t count = news->item_count < DESK_ITEMS_MAX ? news->item_count : DESK_ITEMS_MAX;
	struct jsonw json;
	struct bytes text;

	jsonw_init(&json, TEXT_MAX);
	jsonw_object_begin(&json);
	jsonw_kv_u64(&json, "count", news->count);
	jsonw_kv_u64(&json, "stopped", news->stopped);
	jsonw_kv_u64(&json, "severity", news->severity);
	console_kv_id_or_null(&json, "tenant", tenant);
	jsonw_kv_array_begin(&json, "items");
	for (size_t i = 0; i < count; i++) {
		const struct desk_sample *sample = &news->items[(news->item_count - 1 - i) % DESK_ITEMS_MAX];
		struct ev_event event = sample->event;

		event.signature = bytes_of(sample->signature, event.signature.size);
		jsonw_object_begin(&json);
		desk_write_event(&json, &event, false);
		jsonw_object_end(&json);
	}
	jsonw_array_end(&json);
	jsonw_object_end(&json);
	if (!jsonw_text(&json, &text))
		console_publish(console, CONSOLE_TOPIC_EVENTS, tenant, text);
	jsonw_done(&json);
}

static void tell_nation(struct console *console, uint64_t events, uint64_t attacks, uint64_t stopped)
{
	struct jsonw json;
	struct bytes text;

	jsonw_init(&json, TEXT_MAX);
	jsonw_object_begin(&json);
	console_kv_time(&json, "time", (int64_t)(clock_real_ns() / NS_PER_US));
	jsonw_kv_u64(&json, "events", events);
	jsonw_kv_u64(&json, "attacks", attacks);
	jsonw_kv_u64(&json, "stopped", stopped);
	jsonw_object_end(&json);
	if (!jsonw_text(&json, &text))
		console_publish(console, CONSOLE_TOPIC_OVERVIEW, 0, text);
	jsonw_done(&json);
}

/* Under the lock, which is given up while something is told. */
static void tell_some(struct desk *desk, bool overview)
{
	for (int i = 0; i < DESK_TELLS_AT_ONCE && desk->queue_count; i++) {
		uint32_t tenant = desk->queue[desk->queue_first];
		const struct news *found = table_find(desk->news, &tenant);
		struct news news = found ? *found : (struct news){ 0 };

		desk->queue_first = (desk->queue_first + 1) % DESK_TENANTS_MAX;
		desk->queue_count--;
		table_remove(desk->news, &tenant);
		desk->stats.told++;
		pthread_mutex_unlock(&desk->lock);
		tell_news(desk->console, tenant, &news);
		pthread_mutex_lock(&desk->lock);
	}
	if (overview && desk->events) {
		uint64_t events = desk->events, attacks = desk->attacks, stopped = desk->stopped;

		desk->events = desk->attacks = desk->stopped = 0;
		pthread_mutex_unlock(&desk->lock);
		tell_nation(desk->console, events, attacks, stopped);
		pthread_mutex_lock(&desk->lock);
	}
}

static void *run_thread(void *context)
{
	const struct timespec pause = { .tv_nsec = (long)NS_PER_S / DESK_TELLS_PER_S };
	struct desk *desk = context;
	unsigned int turns = 0;

	remember(desk);
	pthread_mutex_lock(&desk->lock);
	while (!desk->stop) {
		if (!desk->queue_count && !desk->events) {
			pthread_cond_wait(&desk->filled, &desk->lock);
			continue;
		}
		turns++;
		tell_some(desk, turns % DESK_TELLS_PER_S == 0);
		pthread_mutex_unlock(&desk->lock);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&desk->lock);
	}
	pthread_mutex_unlock(&desk->lock);
	return NULL;
}

struct boards *desk_boards(struct desk *desk)
{
	return desk->boards;
}

void desk_stats(struct desk *desk, struct desk_stats *ret)
{
	pthread_mutex_lock(&desk->lock);
	*ret = desk->stats;
	pthread_mutex_unlock(&desk->lock);
}

/* ---- Life ---- */

int desk_new(struct console *console, struct desk **ret)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	struct siphash_key key;
	int error = 0;

	if (!desk)
		return LUYTRE_E_NOMEM;
	desk->console = console;
	pthread_mutex_init(&desk->lock, NULL);
	pthread_mutex_init(&desk->readers_lock, NULL);
	pthread_cond_init(&desk->filled, NULL);
	desk->queue = calloc(DESK_TENANTS_MAX, sizeof(*desk->queue));
	if (!siphash_key_random(&key))
		desk->news = table_new(sizeof(uint32_t), sizeof(struct news), DESK_TENANTS_MAX, key);
	if (!desk->queue || !desk->news)
		error = LUYTRE_E_NOMEM;
	if (!error)
		error = acks_setup(console->db);
	if (!error && pthread_create(&desk->thread, NULL, run_thread, desk))
		error = LUYTRE_E_SYSTEM;
	desk->thread_runs = !error;
	if (!error)
		error = boards_open(desk, &desk->boards);
	if (error) {
		desk_stop(desk);
		desk_free(desk);
		return error;
	}
	*ret = desk;
	return 0;
}

void desk_stop(struct desk *desk)
{
	if (!desk || !desk->thread_runs)
		return;
	pthread_mutex_lock(&desk->lock);
	desk->stop = true;
	pthread_cond_signal(&desk->filled);
	pthread_mutex_unlock(&desk->lock);
	pthread_join(desk->thread, NULL);
	desk->thread_runs = false;
}

void desk_free(struct desk *desk)
{
	if (!desk)
		return;
	boards_close(desk->boards); /* which has a reader */
	for (size_t i = 0; i < desk->reader_count; i++)
		ev_reader_close(desk->readers[i]);
	table_free(desk->news);
	free(desk->queue);
	pthread_mutex_destroy(&desk->lock);
	pthread_mutex_destroy(&desk->readers_lock);
	pthread_cond_destroy(&desk->filled);
	free(desk);
}
