// SPDX-License-Identifier: Apache-2.0
#include "hub/api/stream.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "base/clock.h"

const struct stream_settings stream_settings_default = {
	.clients_max = 2000,
	.events_max = 16384,
	.bytes_max = 32 << 20,
	.lag_max = 1024,
	.keep_ns = 600 * NS_PER_S,
	.ping_ns = 15 * NS_PER_S,
	.life_ns = 900 * NS_PER_S,
};

/* As it is sent. */
struct event {
	uint64_t id, time_ns;
	uint32_t topic, tenant;
	uint32_t ref_count; /* the ring and each client that sends it just now */
	size_t size;
	char text[];
};

struct stream_client {
	struct stream *stream;
	struct stream_client *before, *after;
	struct api_caller caller;
	uint32_t topics;
	uint64_t next; /* place in the ring */
	uint64_t lag_max; /* with what it had to catch up with when it came */
	uint64_t born_ns, written_ns;
	bool waiting, resync_due, ping_due, ended;
	struct event *current; /* half sent */
	size_t sent_size; /* of it */
	stream_wake_fn wake;
	void *wake_context;
};

struct stream {
	struct stream_config config;
	pthread_mutex_t mutex;
	pthread_cond_t stopping;
	pthread_t ticker;
	bool stopped;
	struct event **ring; /* place p lies at p % events_max */
	uint64_t first, end; /* places in use */
	uint64_t forgotten_id, last_id; /* of the newest that left the ring; of the newest */
	size_t bytes;
	struct stream_client *clients;
	size_t client_count;
	uint64_t published, resyncs, refused;
	uint64_t probed_ns; /* when all clients were last pinged for want of room */
};

static struct event *at(struct stream *stream, uint64_t place)
{
	return stream->ring[place % stream->config.settings.events_max];
}

static void unref(struct event *event)
{
	if (--event->ref_count == 0)
		free(event);
}

static void forget_first(struct stream *stream)
{
	struct event *event = at(stream, stream->first);

	stream->forgotten_id = event->id;
	stream->bytes -= event->size;
	stream->first++;
	unref(event);
}

static void wake(struct stream_client *client)
{
	if (!client->waiting)
		return;
	client->waiting = false;
	client->wake(client->wake_context);
}

/* Once a second: what is too old leaves the ring, who heard nothing for long is pinged, who is there for long ends. */
static void tick(struct stream *stream, uint64_t now_ns)
{
	const struct stream_settings *settings = &stream->config.settings;

	while (stream->first < stream->end &&
		clock_since_ns(now_ns, at(stream, stream->first)->time_ns) > settings->keep_ns)
		forget_first(stream);
	for (struct stream_client *client = stream->clients; client; client = client->after) {
		if (clock_since_ns(now_ns, client->born_ns) > settings->life_ns)
			client->ended = true;
		if (clock_since_ns(now_ns, client->written_ns) >= settings->ping_ns)
			client->ping_due = true;
		if (client->ended || client->ping_due)
			wake(client);
	}
}

static void *tick_main(void *context)
{
	struct stream *stream = context;
	struct timespec until;

	pthread_mutex_lock(&stream->mutex);
	while (!stream->stopped) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		pthread_cond_timedwait(&stream->stopping, &stream->mutex, &until);
		tick(stream, clock_mono_ns());
	}
	pthread_mutex_unlock(&stream->mutex);
	return NULL;
}

int stream_new(const struct stream_config *config, struct stream **ret)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	pthread_condattr_t attributes;

	if (!stream)
		return LUYTRE_E_NOMEM;
	stream->config = *config;
	stream->last_id = config->last_id;
	stream->forgotten_id = config->last_id;
	stream->ring = calloc(config->settings.events_max, sizeof(struct event *));
	if (!stream->ring) {
		free(stream);
		return LUYTRE_E_NOMEM;
	}
	pthread_mutex_init(&stream->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&stream->stopping, &attributes);
	pthread_condattr_destroy(&attributes);
	if (pthread_create(&stream->ticker, NULL, tick_main, stream) != 0) {
		stream->stopped = true;
		stream_free(stream);
		return LUYTRE_E_SYSTEM;
	}
	*ret = stream;
	return 0;
}

void stream_stop(struct stream *stream)
{
	pthread_mutex_lock(&stream->mutex);
	if (stream->stopped) {
		pthread_mutex_unlock(&stream->mutex);
		return;
	}
	stream->stopped = true;
	for (struct stream_client *client = stream->clients; client; client = client->after) {
		client->ended = true;
		wake(client);
	}
	pthread_cond_signal(&stream->stopping);
	pthread_mutex_unlock(&stream->mutex);
	pthread_join(stream->ticker, NULL);
}

void stream_free(struct stream *stream)
{
	if (!stream)
		return;
	while (stream->first < stream->end)
		forget_first(stream);
	pthread_cond_destroy(&stream->stopping);
	pthread_mutex_destroy(&stream->mutex);
	free(stream->ring);
	free(stream);
}

static bool may_see(const struct stream_client *client, const struct event *event)
{
	const struct stream_config *config = &client->stream->config;

	return (client->topics >> event->topic & 1) &&
	       config->visible(config->context, &client->caller, event->topic, event->tenant);
}

/* Who waits has read everything before, and is woken only for what it may see. */
static void tell(struct stream *stream, const struct event *event)
{
	for (struct stream_client *client = stream->clients; client; client = client->after) {
		if (!client->waiting)
			continue;
		if (may_see(client, event))
			wake(client);
		else
			client->next = stream->end;
	}
}

static struct event *format_event(const char *topic, struct bytes data, uint64_t id)
{
	size_t room = data.size + strlen(topic) + 64;
	struct event *event = malloc(sizeof(*event) + room);

	if (!event)
		return NULL;
	event->size = (size_t)snprintf(event->text, room, "id: %llu\nevent: %s\ndata: %.*s\n\n", (unsigned long long)id,
		topic, (int)data.size, (const char *)data.ptr);
	event->id = id;
	event->ref_count = 1;
	return event;
}

int stream_publish(struct stream *stream, uint64_t id, uint32_t topic, uint32_t tenant, struct bytes data)
{
	const struct stream_settings *settings = &stream->config.settings;
	struct event *event = NULL;
	int error = LUYTRE_E_INVALID;

	if (topic >= stream->config.topic_count || data.size > STREAM_DATA_MAX ||
		bytes_index(data, '\n') != data.size || bytes_index(data, '\r') != data.size ||
		bytes_index(data, 0) != data.size)
		return LUYTRE_E_INVALID;
	pthread_mutex_lock(&stream->mutex);
	if (id == 0)
		id = stream->last_id + 1;
	if (id > stream->last_id) {
		event = format_event(stream->config.topics[topic], data, id);
		error = event ? 0 : LUYTRE_E_NOMEM;
	}
	if (event) {
		event->topic = topic;
		event->tenant = tenant;
		event->time_ns = clock_mono_ns();
		while (stream->first < stream->end && (stream->end - stream->first == settings->events_max ||
							      stream->bytes + event->size > settings->bytes_max))
			forget_first(stream);
		stream->ring[stream->end++ % settings->events_max] = event;
		stream->bytes += event->size;
		stream->last_id = id;
		stream->published++;
		tell(stream, event);
	}
	pthread_mutex_unlock(&stream->mutex);
	return error;
}

void stream_end_caller(struct stream *stream, uint32_t kind, uint64_t id)
{
	pthread_mutex_lock(&stream->mutex);
	for (struct stream_client *client = stream->clients; client; client = client->after) {
		if (client->caller.kind == kind && client->caller.id == id) {
			client->ended = true;
			wake(client);
		}
	}
	pthread_mutex_unlock(&stream->mutex);
}

uint32_t stream_topics(const struct stream *stream, const struct bytes *names, size_t count)
{
	uint32_t topics = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t topic = 0; topic < stream->config.topic_count; topic++) {
			if (bytes_equal_str(names[i], stream->config.topics[topic]))
				topics |= UINT32_C(1) << topic;
		}
	}
	return topics;
}

/* The first place whose id is above 'id'. */
static uint64_t place_behind(struct stream *stream, uint64_t id)
{
	uint64_t low = stream->first, high = stream->end;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (at(stream, middle)->id > id)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* A browser that went away silently is noticed when something is written to it: at the ceiling that is done at once. */
static void probe(struct stream *stream, uint64_t now_ns)
{
	stream->refused++;
	if (clock_since_ns(now_ns, stream->probed_ns) < NS_PER_S)
		return;
	stream->probed_ns = now_ns;
	for (struct stream_client *client = stream->clients; client; client = client->after) {
		client->ping_due = true;
		wake(client);
	}
}

int stream_client_open(struct stream *stream, const struct api_caller *caller, uint32_t topics, const uint64_t *last_id,
	struct stream_client **ret)
{
	struct stream_client *client = calloc(1, sizeof(*client));
	uint64_t now_ns = clock_mono_ns();

	if (!client)
		return LUYTRE_E_NOMEM;
	*client = (struct stream_client){
		.stream = stream, .caller = *caller, .topics = topics, .born_ns = now_ns, .written_ns = now_ns
	};
	pthread_mutex_lock(&stream->mutex);
	if (stream->stopped || stream->client_count >= stream->config.settings.clients_max) {
		probe(stream, now_ns);
		pthread_mutex_unlock(&stream->mutex);
		free(client);
		return LUYTRE_E_FULL;
	}
	client->next = stream->end;
	/* The first read writes a comment at once, so that a proxy passes the head on. */
	client->ping_due = true;
	if (last_id && *last_id >= stream->forgotten_id && *last_id <= stream->last_id)
		client->next = place_behind(stream, *last_id);
	else if (last_id)
		client->resync_due = true;
	client->lag_max = stream->config.settings.lag_max + (stream->end - client->next);
	client->after = stream->clients;
	if (stream->clients)
		stream->clients->before = client;
	stream->clients = client;
	stream->client_count++;
	pthread_mutex_unlock(&stream->mutex);
	*ret = client;
	return 0;
}

void stream_client_close(struct stream_client *client)
{
	struct stream *stream;

	if (!client)
		return;
	stream = client->stream;
	pthread_mutex_lock(&stream->mutex);
	*(client->before ? &client->before->after : &stream->clients) = client->after;
	if (client->after)
		client->after->before = client->before;
	stream->client_count--;
	if (client->current)
		unref(client->current);
	pthread_mutex_unlock(&stream->mutex);
	if (stream->config.release)
		stream->config.release(stream->config.context, &client->caller);
	free(client);
}

/* The next event that the client may see; null when there is none now. */
static struct event *next_event(struct stream *stream, struct stream_client *client)
{
	while (client->next < stream->end) {
		struct event *event = at(stream, client->next++);

		if (may_see(client, event))
			return event;
	}
	return NULL;
}

static size_t put(char *out, size_t size, const char *text)
{
	size_t length = strlen(text);

	if (length > size)
		return 0;
	memcpy(out, text, length);
	return length;
}

/* Sends the rest of the current event, as much as fits. */
static size_t put_current(struct stream_client *client, char *out, size_t size)
{
	struct event *event = client->current;
	size_t part = event->size - client->sent_size;

	part = part < size ? part : size;
	memcpy(out, event->text + client->sent_size, part);
	client->sent_size += part;
	if (client->sent_size == event->size) {
		unref(event);
		client->current = NULL;
	}
	return part;
}

static size_t put_resync(struct stream *stream, struct stream_client *client, char *out, size_t size)
{
	char text[80];
	size_t part;

	snprintf(text, sizeof(text), "id: %llu\nevent: resync\ndata: {}\n\n", (unsigned long long)stream->last_id);
	part = put(out, size, text);
	if (part > 0) {
		client->resync_due = false;
		client->next = stream->end;
		stream->resyncs++;
	}
	return part;
}

static size_t fill(struct stream *stream, struct stream_client *client, char *out, size_t size)
{
	size_t used = 0;

	while (used < size) {
		size_t part;

		if (!client->current && (client->next < stream->first || stream->end - client->next > client->lag_max))
			client->resync_due = true;
		if (!client->current && !client->resync_due) {
			client->current = next_event(stream, client);
			client->sent_size = 0;
			if (!client->current)
				break;
			client->current->ref_count++;
		}
		part = client->current ? put_current(client, out + used, size - used)
				       : put_resync(stream, client, out + used, size - used);
		if (part == 0)
			break;
		used += part;
	}
	if (used == 0 && client->ping_due)
		used = put(out, size, ": luytre\n\n");
	return used;
}

ssize_t stream_client_read(struct stream_client *client, char *out, size_t size, stream_wake_fn sleep,
	stream_wake_fn wake_fn, void *client_context)
{
	struct stream *stream = client->stream;
	ssize_t result = -1;

	pthread_mutex_lock(&stream->mutex);
	if (!client->ended || client->current) {
		result = (ssize_t)fill(stream, client, out, size);
		if (result > 0) {
			client->ping_due = false;
			client->written_ns = clock_mono_ns();
		} else {
			client->wake = wake_fn;
			client->wake_context = client_context;
			client->waiting = true;
			sleep(client_context);
		}
	}
	pthread_mutex_unlock(&stream->mutex);
	return result;
}

void stream_stats(struct stream *stream, struct stream_stats *ret)
{
	pthread_mutex_lock(&stream->mutex);
	*ret = (struct stream_stats){ .clients = stream->client_count,
		.events = (size_t)(stream->end - stream->first),
		.bytes = stream->bytes,
		.published = stream->published,
		.resyncs = stream->resyncs,
		.refused = stream->refused };
	pthread_mutex_unlock(&stream->mutex);
}
