// SPDX-License-Identifier: Apache-2.0
/* Events become batches: from the socket and from the daemon into the spool. Runs in the loop's thread. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jsonr.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "bus/evidence.h"
#include "edge/link/internal.h"
#include "packet/text.h"
#include "shield/emulate.h"

#define US_PER_S INT64_C(1000000)

enum { DATAGRAMS_AT_ONCE = 256, DROP_LINE_MAX = 1024, RECEIVE_BUFFER = 4 << 20 };

/* ---- Batches ---- */

static void close_batch(struct link *link, enum spool_kind kind)
{
	struct batch_head head = { .edge = atomic_load(&link->edge),
		.made_us = link_real_us(),
		.lost = spool_lost(link->spool),
		.policy = atomic_load(&link->policy_told),
		.epoch = atomic_load(&link->epoch),
		.have = atomic_load(&link->number) };
	uint32_t lines = (uint32_t)batch_line_count(link->writers[kind]);
	struct bytes packed;
	int error, numbered;

	if (!lines)
		return;
	numbered = spool_next(link->spool, &head.seq);
	memcpy(head.boot, spool_boot(link->spool), sizeof(head.boot));
	/* Also where it has no number: packing empties the writer. */
	error = batch_pack(link->writers[kind], &head, &packed);
	if (error || numbered)
		spool_lose(link->spool, lines);
	else
		error = spool_put(link->spool, head.seq, kind, lines, packed);
	if (error || numbered)
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "%s: %u events are lost: %s", link->dir, lines,
			error_text(numbered ? numbered : error, LUYTRE_LANG_EN));
	bell_ring(&link->upload_bell);
}

static void add_line(struct link *link, enum spool_kind kind, struct bytes line)
{
	struct batch_writer *writer = link->writers[kind];
	int error = batch_add(writer, line);

	if (error == LUYTRE_E_FULL && batch_line_count(writer)) {
		close_batch(link, kind);
		error = batch_add(writer, line);
	}
	if (error) {
		LINK_COUNT(link, events_bad, 1);
		return;
	}
	if (batch_line_count(writer) == 1)
		link->opened_ns[kind] = clock_mono_ns();
}

void intake_own(struct link *link, struct bytes line)
{
	add_line(link, SPOOL_DROPS, line);
}

/* ---- Counted drops ---- */

static void write_drop(struct jsonw *json, const struct drops_row *row)
{
	char src[IP_ADDR_TEXT_SIZE], dst[IP_ADDR_TEXT_SIZE], time[48];
	const char *protocol = packet_protocol_name(row->protocol);
	time_t second = (time_t)(row->minute * 60);
	struct tm parts;

	strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S.000000+0000", gmtime_r(&second, &parts));
	jsonw_object_begin(json);
	jsonw_kv_string(json, "timestamp", time);
	jsonw_kv_string(json, "event_type", "drops");
	jsonw_kv_string(json, "src_ip", ip_addr_format(&row->src, src));
	if (row->dst.family)
		jsonw_kv_string(json, "dest_ip", ip_addr_format(&row->dst, dst));
	if (protocol)
		jsonw_kv_string(json, "proto", protocol);
	jsonw_kv_object_begin(json, "drops");
	jsonw_kv_string(json, "reason", row->reason);
	jsonw_kv_u64(json, "packets", row->packets);
	if (row->bytes)
		jsonw_kv_u64(json, "bytes", row->bytes);
	jsonw_kv_bool(json, "shadow", row->shadow);
	jsonw_kv_bool(json, "estimated", row->estimated);
	if (row->tenant[0])
		jsonw_kv_string(json, "tenant", row->tenant);
	if (row->decision)
		jsonw_kv_u64(json, "decision", row->decision);
	jsonw_object_end(json);
	jsonw_object_end(json);
}

static void give_out(void *context, const struct drops_row *row)
{
	struct link *link = context;
	struct jsonw json;
	struct bytes line;

	jsonw_init(&json, DROP_LINE_MAX);
	write_drop(&json, row);
	if (!jsonw_text(&json, &line))
		add_line(link, SPOOL_DROPS, line);
	jsonw_done(&json);
}

/* The decision that named the source; not worth waiting for. */
static uint64_t decision_about(struct link *link, const struct ip_addr *src)
{
	uint64_t id;

	if (pthread_mutex_trylock(&link->table_lock))
		return 0;
	id = standing_find(link->standing, src);
	pthread_mutex_unlock(&link->table_lock);
	return id;
}

void intake_drops(struct link *link, const struct link_message *message)
{
	int64_t minute = link_real_us() / (60 * US_PER_S);

	for (uint32_t i = 0; i < message->count; i++) {
		const struct link_drop *drop = &message->drops[i];
		struct drops_row row = { .src = drop->src,
			.dst = drop->dst,
			.protocol = drop->protocol,
			.shadow = drop->shadow,
			.estimated = true,
			.packets = drop->packets,
			.bytes = drop->bytes,
			.minute = minute };

		if (drop->reason >= SHIELD_REASON_COUNT)
			continue;
		snprintf(row.reason, sizeof(row.reason), "%s", shield_reason_name(drop->reason));
		snprintf(row.tenant, sizeof(row.tenant), "%.*s", DROPS_WORD_SIZE - 1, drop->tenant);
		if (drop->reason == SHIELD_REASON_LISTED)
			row.decision = decision_about(link, &drop->src);
		drops_add(link->drops, &row);
	}
}

/* ---- Events that are looked into ---- */

static bool read_addr(const json_t *event, const char *key, struct ip_addr *ret)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text && !ip_addr_parse(bytes_from_str(text), ret);
}

/* The sensor's own drops, one for each packet. */
static bool count_drop(struct link *link, const json_t *event)
{
	const char *type = json_string_value(json_object_get(event, "event_type"));
	const char *reason = json_string_value(json_object_get(json_object_get(event, "drop"), "reason"));
	struct drops_row row = { .packets = 1, .minute = link_real_us() / (60 * US_PER_S) };

	if (!type || strcmp(type, "drop") != 0 || !read_addr(event, "src_ip", &row.src))
		return false;
	if (!read_addr(event, "dest_ip", &row.dst))
		row.dst = (struct ip_addr){ 0 };
	snprintf(row.reason, sizeof(row.reason), "%s", reason ? reason : "sensor");
	row.bytes = (uint64_t)json_integer_value(json_object_get(json_object_get(event, "drop"), "len"));
	drops_add(link->drops, &row);
	return true;
}

static bool is_ours(const struct link *link, const struct ip_addr *addr)
{
	for (size_t t = 0; t < link->config->tenant_count; t++) {
		const struct config_prefixes *own = &link->config->tenants[t].prefixes;

		for (size_t i = 0; i < own->count; i++)
			if (ip_prefix_contains(&own->items[i], addr))
				return true;
	}
	return false;
}

/* Somebody from outside attacks one of ours, and it is certain: before anybody was asked. A rule that held on an answer names the
 * server as its source. */
static void judge(struct link *link, const json_t *event)
{
	struct ip_addr src, dst;
	bool ours;

	if (!link->config->hub.local_block_s || !evidence_is_attack(event) || evidence_of(event) < EVIDENCE_E3 ||
		!read_addr(event, "src_ip", &src) || !read_addr(event, "dest_ip", &dst))
		return;
	ours = is_ours(link, &src);
	if (ours == is_ours(link, &dst))
		return;
	stream_block(link, ours ? &dst : &src, "edge-evidence");
	link->urgent = true;
}

static bool has(struct bytes line, const char *word)
{
	return memmem(line.ptr, line.size, word, strlen(word)) != NULL;
}

/* True: the event was counted and need not be sent. Most are not parsed: what they lack, no event of these kinds lacks. */
static bool look_into(struct link *link, struct bytes line)
{
	const struct jsonr_limits limits = { .size_max = BATCH_LINE_MAX, .depth_max = 16, .value_max = 4000 };
	bool drop = has(line, "\"drop\""),
	     precise = has(line, "luytre_evidence") || has(line, "\"hold\"") || has(line, "\"guard\""), counted;
	struct jsonr_errors errors = { 0 };
	json_t *event;

	if ((!drop && !precise) || jsonr_parse(line, &limits, &errors, &event))
		return false;
	counted = drop && count_drop(link, event);
	if (!counted && precise)
		judge(link, event);
	json_decref(event);
	return counted;
}

/* What stands at the web server is control, not traffic: the hub hears of all of it, and at once. */
static void take_word(struct link *link, struct bytes line)
{
	if (gates_take(&link->gates, line)) {
		LINK_COUNT(link, events_bad, 1);
		return;
	}
	LINK_COUNT(link, holds_words, 1);
	add_line(link, SPOOL_EVENTS, line);
	link->urgent = true;
}

/* What is about a system that may only be watched leaves without content; false: it must not leave. The line lies in 'datagram'. */
static bool take_content_out(struct link *link, struct bytes *line)
{
	size_t removed;
	bool about;

	if (!edgeonly_is_any(&link->edgeonly))
		return true;
	if (edgeonly_strip(&link->edgeonly, link->datagram + (line->ptr - link->datagram), line->size, &line->size,
		    &removed, &about)) {
		LINK_COUNT(link, events_bad, 1);
		return false;
	}
	LINK_COUNT(link, content_removed, removed);
	if (about && has(*line, "\"event_type\":\"gate\""))
		LINK_COUNT(link, edge_only_opened, 1);
	return true;
}

static void take_line(struct link *link, struct bytes line)
{
	while (line.size && (line.ptr[line.size - 1] == '\r' || line.ptr[line.size - 1] == ' '))
		line.size--;
	if (bytes_empty(line))
		return;
	if (line.ptr[0] != '{' || line.ptr[line.size - 1] != '}') {
		LINK_COUNT(link, events_bad, 1);
		return;
	}
	LINK_COUNT(link, events, 1);
	if (gates_is_word(line)) {
		if (take_content_out(link, &line))
			take_word(link, line);
		return;
	}
	if (sample_is_ordinary(line) &&
		!sample_takes(&link->sample, link->config->hub.ordinary_per_s, clock_mono_ns())) {
		LINK_COUNT(link, unsampled, 1);
		return;
	}
	if (!take_content_out(link, &line))
		return;
	if (!look_into(link, line))
		add_line(link, SPOOL_EVENTS, line);
}

static void close_urgent(struct link *link)
{
	uint64_t now_ns = clock_mono_ns();

	if (!link->urgent || clock_since_ns(now_ns, link->urgent_ns) < LINK_URGENT_MS * NS_PER_MS)
		return;
	link->urgent = false;
	link->urgent_ns = now_ns;
	close_batch(link, SPOOL_EVENTS);
}

static void on_events(struct loop *loop, uint64_t events, void *context)
{
	struct link *link = context;

	for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
		ssize_t size = recv(link->events_fd, link->datagram, BATCH_LINE_MAX + 1, MSG_DONTWAIT | MSG_TRUNC);
		struct bytes text;

		if (size < 0)
			break;
		if (size > BATCH_LINE_MAX) {
			LINK_COUNT(link, events_bad, 1);
			continue;
		}
		for (text = bytes_of(link->datagram, (size_t)size); text.size;) {
			struct bytes line = bytes_first(text, bytes_index(text, '\n'));

			take_line(link, line);
			text = bytes_skip(text, line.size + 1);
		}
	}
	close_urgent(link);
}

/* ---- Opening, time, closing ---- */

/* The folder of the socket, where nobody else has made it yet; bind tells what is wrong. */
static void make_folder(const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *end;

	snprintf(folder, sizeof(folder), "%s", path);
	end = strrchr(folder, '/');
	if (end && end != folder) {
		*end = '\0';
		(void)mkdir(folder, 0755);
	}
}

static int open_socket(struct link *link, char *why, size_t why_size)
{
	const struct config_hub *hub = &link->config->hub;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct group *group = hub->events_group ? getgrnam(hub->events_group) : NULL;
	int buffer = RECEIVE_BUFFER, bound;
	mode_t old;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", hub->events_socket);
	link->events_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->events_fd < 0)
		return LUYTRE_E_SYSTEM;
	(void)setsockopt(link->events_fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	make_folder(address.sun_path);
	unlink(address.sun_path);
	old = umask(0777);
	bound = bind(link->events_fd, (struct sockaddr *)&address, sizeof(address));
	umask(old);
	if (bound || (hub->events_group && (!group || chown(address.sun_path, 0, group->gr_gid))) ||
		chmod(address.sun_path, hub->events_group ? 0660 : 0600)) {
		snprintf(why, why_size, "%s: %s", address.sun_path, strerror(errno));
		return LUYTRE_E_SYSTEM;
	}
	return loop_add_fd(link->loop, link->events_fd, EPOLLIN, on_events, link, NULL);
}

int intake_open(struct link *link, char *why, size_t why_size)
{
	link->datagram = malloc(BATCH_LINE_MAX + 1);
	link->drops = drops_new(LINK_DROPS_MAX);
	if (!link->datagram || !link->drops || batch_writer_new(&link->writers[SPOOL_EVENTS]) ||
		batch_writer_new(&link->writers[SPOOL_DROPS]))
		return LUYTRE_E_NOMEM;
	return open_socket(link, why, why_size);
}

void intake_tick(struct link *link, uint64_t now_ns)
{
	if (link->ticks % (MS_PER_S / LINK_TICK_MS) == 0)
		drops_flush(link->drops, link_real_us(), give_out, link);
	close_urgent(link);
	for (int kind = SPOOL_EVENTS; kind <= SPOOL_DROPS; kind++)
		if (batch_line_count(link->writers[kind]) &&
			clock_since_ns(now_ns, link->opened_ns[kind]) >= LINK_CLOSE_MS * NS_PER_MS)
			close_batch(link, (enum spool_kind)kind);
}

void intake_close(struct link *link)
{
	if (!link->drops || !link->writers[SPOOL_DROPS] || !link->writers[SPOOL_EVENTS])
		return;
	drops_flush(link->drops, INT64_MAX, give_out, link);
	close_batch(link, SPOOL_EVENTS);
	close_batch(link, SPOOL_DROPS);
}
