// SPDX-License-Identifier: Apache-2.0
/* The way of one packet through the engine. */
#include "sensor/worker/worker.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sensor/app/engine.h"
#include "sensor/app/frames.h"
#include "sensor/decode/decode.h"
#include "sensor/detect/bits.h"
#include "sensor/detect/dataset.h"
#include "sensor/detect/hosts.h"
#include "sensor/detect/tag.h"
#include "sensor/detect/threshold.h"

#include "sensor/files/file.h"
#include "sensor/flow/flow.h"
#include "sensor/output/eve.h"
#include "sensor/output/evidence.h"
#include "sensor/rules/places.h"
#include "sensor/rules/policy.h"
#include "sensor/rules/tenants.h"
#include "sensor/settings.h"
#include "sensor/stream/stream.h"
#include "sensor/worker/pseudo.h"

enum { EXPIRE_BUDGET = 32, ENCRYPTED_RAW_SIZE = 8192 };
#define EXPIRE_INTERVAL_NS (50 * NS_PER_MS)

/* What the packets of one frame have in common. */
struct frame_work {
	struct worker *worker;
	struct worker_verdict *verdict;
};

static void log_files(struct worker *w, struct sensor_packet *packet, struct flow *flow, struct app_tx *tx)
{
	for (int dir = 0; dir < SENSOR_DIRS; dir++) {
		/* Rules may want to store a file or see it first. */
		if (w->engine && !(flow->flags & (FLOW_PASS | FLOW_DROP)) && tx->updated[dir] &&
			!tx->inspected_all[dir])
			continue;
		for (struct file *file = tx->files[dir] ? tx->files[dir]->first : NULL; file; file = file->next) {
			if (file->state == FILE_OPEN || file->flags & FILE_LOGGED)
				continue;
			file->flags |= FILE_LOGGED;
			eve_file(w->eve, packet, flow, tx, file, dir);
		}
	}
}

/* Records of the flow's transactions, then what is finished goes. */
static void finish_transactions(struct worker *w, struct sensor_packet *packet, struct flow *flow)
{
	struct app_conn *app = flow->app;

	if (!app)
		return;
	if (w->eve) {
		if (app->conn_events_logged < app->conn_event_count)
			eve_app_anomalies(w->eve, packet, flow, app, NULL);
		for (struct app_tx *tx = app->first; tx; tx = tx->next) {
			if (tx->events_logged < tx->event_count)
				eve_app_anomalies(w->eve, packet, flow, app, tx);
			if (tx->files[TO_SERVER] || tx->files[TO_CLIENT])
				log_files(w, packet, flow, tx);
			if (app_tx_loggable(tx)) {
				if (!tx->no_log)
					eve_tx(w->eve, packet, flow, app, tx);
				tx->logged = true;
			}
		}
	} else {
		for (struct app_tx *tx = app->first; tx; tx = tx->next)
			tx->logged = true;
	}
	app_conn_clean(app, w->engine != NULL);
}

/* A flow that was dropped or passed as a whole. */
static void heed_flow(struct worker *w, struct sensor_packet *packet)
{
	struct flow *flow = packet->flow;

	if (flow->flags & FLOW_DROP && w->settings->ips) {
		if (!(packet->action & ACTION_DROP)) /* else this very packet is the reason */
			packet->drop_reason = DROP_REASON_FLOW_DROP;
		packet->action |= ACTION_DROP;
		packet->flags |= PKT_NO_PACKET_INSPECT;
	}
	if (flow->flags & FLOW_PASS)
		packet->flags |= PKT_NO_PACKET_INSPECT;
	if (flow->flags & FLOW_NO_PAYLOAD_INSPECT)
		packet->flags |= PKT_NO_PAYLOAD_INSPECT;
}

static void note_icmp(const struct sensor_packet *packet, struct flow *flow)
{
	if ((packet->has_icmp4 || packet->has_icmp6) && flow->side[packet->dir].packet_count == 1) {
		flow->icmp_type[packet->dir] = packet->icmp.type;
		flow->icmp_code[packet->dir] = packet->icmp.code;
	}
}

static void add_mac(struct flow_macs *macs, enum sensor_dir side, const uint8_t mac[6])
{
	for (int i = 0; i < macs->count[side]; i++)
		if (!memcmp(macs->mac[side][i], mac, 6))
			return;
	if (macs->count[side] < FLOW_MACS_MAX)
		memcpy(macs->mac[side][macs->count[side]++], mac, 6);
}

static void note_macs(const struct sensor_packet *packet, struct flow *flow)
{
	if (packet->ethernet.size < 12)
		return;
	if (!flow->macs)
		flow->macs = calloc(1, sizeof(*flow->macs));
	if (!flow->macs)
		return;
	add_mac(flow->macs, packet->dir, packet->ethernet.ptr + 6);
	add_mac(flow->macs, sensor_dir_opposite(packet->dir), packet->ethernet.ptr);
}

/* True: a bypassed flow, which nobody looks at any more. */
static bool is_bypassed(struct worker *w, struct sensor_packet *packet)
{
	struct flow *flow = packet->flow;

	if (flow->state != FLOW_BYPASSED_LOCAL && flow->state != FLOW_BYPASSED_CAPTURE)
		return false;
	flow->bypassed_packets[packet->dir]++;
	flow->bypassed_bytes[packet->dir] += packet->wire_size;
	w->counters[COUNTER_FLOW_BYPASSED_LOCAL_PKTS]++;
	w->counters[COUNTER_FLOW_BYPASSED_LOCAL_BYTES] += packet->wire_size;
	return true;
}

static uint64_t raw_lag(const struct stream_session *session, enum sensor_dir dir)
{
	uint64_t app = stream_app_progress(session, dir), raw = stream_raw_progress(session, dir);

	return app > raw ? app - raw : 0;
}

/* Bytes are kept for rules about the raw stream only where there are such rules. */
static void switch_raw(struct worker *w, const struct flow *flow)
{
	bool encrypted = flow->flags & FLOW_NO_PAYLOAD_INSPECT;
	bool reads =
		w->engine && detect_engine_needs(w->engine)->stream_raw && !(flow->flags & (FLOW_PASS | FLOW_DROP));

	if (!flow->tcp || !w->settings->stream_raw)
		return;
	for (int dir = 0; dir < SENSOR_DIRS; dir++) {
		/* What came before the encryption is still to be seen; what comes after is not worth keeping. */
		if (!reads || (encrypted && raw_lag(flow->tcp, dir) > ENCRYPTED_RAW_SIZE))
			stream_raw_stop(flow->tcp, (enum sensor_dir)dir);
		else if (!encrypted)
			stream_raw_resume(flow->tcp, (enum sensor_dir)dir); /* stopped before the last reload */
	}
}

static void upper_layers(struct worker *w, struct sensor_packet *packet)
{
	struct flow *flow = packet->flow;

	if (flow->flags & FLOW_DROP && w->settings->ips)
		return;
	if (packet->has_tcp)
		stream_packet(w->streams, packet);
	else if (packet->has_udp && !(packet->flags & PKT_BAD_CHECKSUM))
		app_datagram(w, packet);
}

static void count_verdict(struct worker *w, const struct sensor_packet *packet)
{
	if (packet->flags & PKT_PSEUDO || packet->root || !w->settings->ips)
		return;
	if (packet->action & ACTION_REJECT_ANY)
		w->counters[COUNTER_IPS_REJECTED]++;
	if (packet->action & ACTION_DROP) {
		w->counters[COUNTER_IPS_BLOCKED]++;
		w->counters[w->drop_counters[packet->drop_reason]]++;
	} else {
		w->counters[COUNTER_IPS_ACCEPTED]++;
	}
}

/* Anew when rules or places are others. */
static void find_flow_tenant(const struct worker *w, const struct tenants *tenants, struct flow *flow)
{
	uint64_t place_serial = places_serial(w->places);

	if (flow->tenant_serial == w->policy->serial && flow->place_serial == place_serial)
		return;
	flow->tenant = tenants_find(tenants, &flow->client, &flow->server);
	flow->tenant_serial = w->policy->serial;
	flow->place = places_find_flow(w->places, tenants, &flow->client, &flow->server, &flow->edge_only);
	flow->place_serial = place_serial;
}

static bool is_off(const struct worker *w, uint32_t tenant, uint32_t place)
{
	int mode = places_mode(w->places, place);

	return (mode == PLACE_MODE_UNSET ? (int)tenants_mode(w->policy->tenants, tenant) : mode) == TENANT_OFF;
}

/* Whose packet it is, and what is said of the place: found once for each flow. */
static void assign_tenant(struct worker *w, struct sensor_packet *packet)
{
	const struct tenants *tenants = w->policy ? w->policy->tenants : NULL;
	struct flow *flow = packet->flow;

	if ((!tenants && !w->places) || !w->policy || !packet->family)
		return;
	if (!flow) {
		packet->tenant = tenants_find(tenants, &packet->src, &packet->dst);
		packet->place = places_find_flow(w->places, tenants, &packet->src, &packet->dst, &packet->edge_only);
	} else {
		find_flow_tenant(w, tenants, flow);
		packet->tenant = flow->tenant;
		packet->place = flow->place;
		packet->edge_only = flow->edge_only;
	}
	if (is_off(w, packet->tenant, packet->place))
		packet->flags |= PKT_NO_PACKET_INSPECT;
}

/* Everything behind the decoder. */
static void handle_packet(struct worker *w, struct sensor_packet *packet)
{
	struct flow *flow = NULL;

	w->packet = packet;
	if (packet->family && !(packet->flags & PKT_INVALID)) {
		flow_table_packet(w->flows, packet);
		flow = packet->flow;
	}
	assign_tenant(w, packet);
	if (packet->flags & PKT_INNER_EDGE_ONLY)
		packet->edge_only = true;
	if (flow) {
		note_icmp(packet, flow);
		if (w->track_macs)
			note_macs(packet, flow);
		if (is_bypassed(w, packet)) {
			count_verdict(w, packet);
			return;
		}
		heed_flow(w, packet);
		upper_layers(w, packet);
		flow = packet->flow;
		if (packet->has_tcp)
			switch_raw(w, flow);
		heed_flow(w, packet);
	}
	if (w->detect)
		detect_packet(w->detect, packet);
	if (packet->flags & PKT_INNER_DROPPED && !(packet->action & ACTION_DROP)) {
		packet->action |= ACTION_DROP;
		packet->drop_reason = DROP_REASON_TUNNEL_PACKET_DROP;
	}
	evidence_packet(w->evidence, packet);
	if (w->detect && tag_packet(packet))
		packet->flags |= PKT_TAGGED;
	if (w->eve)
		eve_packet(w->eve, packet);
	if (flow)
		finish_transactions(w, packet, flow);
	if (flow && flow->tcp && flow->state == FLOW_CLOSED)
		stream_trim(w->streams, flow->tcp);
	count_verdict(w, packet);
}

static void frame_packet(void *context, struct sensor_packet *packet)
{
	struct frame_work *work = context;

	handle_packet(work->worker, packet);
	work->verdict->action |= packet->action;
	if (packet->action & ACTION_DROP)
		work->verdict->drop = true;
	if (packet->root && packet->action & ACTION_DROP)
		packet->root->flags |= PKT_INNER_DROPPED;
	if (packet->root && packet->edge_only)
		packet->root->flags |= PKT_INNER_EDGE_ONLY;
	if (packet->flags & PKT_STREAM_MODIFIED)
		work->verdict->modified = true;
	if (packet->flow && !packet->root) {
		work->verdict->flow = packet->flow;
		work->verdict->bypass = packet->flow->state == FLOW_BYPASSED_LOCAL || packet->flow->flags & FLOW_PASS;
		work->verdict->block_flow = packet->flow->flags & FLOW_DROP;
	}
}

/* What all workers share has one count: the first worker tells it, so that sums are right. */
static void gather_shared(struct worker *w)
{
	w->counters[COUNTER_DETECT_THRESHOLDS_REFUSED] = threshold_refused();
	w->counters[COUNTER_DETECT_HOST_BITS_REFUSED] = host_bits_refused();
	w->counters[COUNTER_DETECT_TAGGED_HOSTS_REFUSED] = tag_hosts_refused();
	w->counters[COUNTER_DETECT_DATASETS_REFUSED] = datasets_refused();
	if (w->eve)
		w->counters[COUNTER_OUTPUT_EVENTS_LOST] = eve_lost(w->eve);
}

static void gather_counters(struct worker *w)
{
	struct flow_stats stats;

	flow_table_stats(w->flows, &stats);
	w->counters[COUNTER_FLOW_ACTIVE] = stats.active;
	w->counters[COUNTER_FLOW_TOTAL] = stats.total;
	w->counters[COUNTER_FLOW_MEMUSE] = stats.memuse;
	if (w->detect)
		w->counters[COUNTER_DETECT_PCRE_LIMIT] = w->detect->counters_pcre_limit;
	if (w->index == 0)
		gather_shared(w);
}

static void write_stats(struct worker *w, uint64_t now_ns)
{
	gather_counters(w);
	if (w->eve && !w->counts_only)
		eve_stats(w->eve, now_ns, w->counters, w->start_ns);
	w->last_stats_ns = now_ns;
}

void worker_frame(struct worker *worker, const struct worker_frame *frame, struct worker_verdict *ret)
{
	struct frame_work work = { worker, ret };

	*ret = (struct worker_verdict){ 0 };
	worker->now_ns = frame->time_ns;
	worker->pseudo->linktype = frame->linktype;
	if (worker->start_ns == 0)
		worker->start_ns = worker->last_stats_ns = frame->time_ns;
	/* Timeouts are heeded before the packet, so that a flow of long ago does not take it. They are seconds: looking now
	 * and then is enough. */
	if (worker->now_ns - worker->last_expiry_ns >= EXPIRE_INTERVAL_NS) {
		if (flow_table_expire(worker->flows, worker->now_ns, EXPIRE_BUDGET) < EXPIRE_BUDGET)
			worker->last_expiry_ns = worker->now_ns;
	}
	decoder_frame(worker->decoder, frame, frame_packet, &work);
	worker->packet = NULL;
}

/* True when rules or records have not seen everything of a direction. An open session counts as such: its end is news to
 * the parser. */
static bool needs_end(struct worker *w, const struct flow *flow, enum sensor_dir dir)
{
	struct stream_facts facts;

	if (flow->flags & FLOW_DROP && w->settings->ips)
		return false;
	stream_facts(flow->tcp, &facts);
	if (stream_unfinished(flow->tcp, dir) || (facts.state >= STREAM_ESTABLISHED && facts.state != STREAM_CLOSED))
		return true;
	for (const struct app_tx *tx = flow->app ? flow->app->first : NULL; tx; tx = tx->next)
		if (!tx->inspected_all[dir] && !(tx->dirs_skip & 1u << dir))
			return true;
	return flow->app && app_frames_waiting(flow->app, dir);
}

static void count_end(struct worker *w, const struct flow *flow)
{
	static const uint16_t states[] = { COUNTER_FLOW_END_STATE_NEW, COUNTER_FLOW_END_STATE_ESTABLISHED,
		COUNTER_FLOW_END_STATE_CLOSED, COUNTER_FLOW_END_STATE_LOCAL_BYPASSED,
		COUNTER_FLOW_END_STATE_CAPTURE_BYPASSED };
	struct stream_facts facts;

	w->counters[states[flow->state]]++;
	if (!flow->tcp)
		return;
	stream_facts(flow->tcp, &facts);
	w->counters[w->end_counters[facts.state]]++;
}

/* A flow is over: rules and records see its last bytes in packets that have no frame, one for each direction that needs
 * it. Datagrams were seen whole when they came. */
static void flow_ended(void *context, struct flow *flow)
{
	struct worker *w = context;
	struct sensor_packet *packet = w->pseudo;
	struct sensor_packet *in_hand = w->packet;
	bool needs[SENSOR_DIRS] = { false, false };

	if (w->policy && (w->policy->tenants || w->places))
		find_flow_tenant(w, w->policy->tenants, flow);
	pseudo_fill(packet, flow, TO_SERVER, w->now_ns);
	w->packet = packet;
	for (int dir = 0; dir < SENSOR_DIRS && flow->tcp; dir++)
		needs[dir] = needs_end(w, flow, dir);
	if (needs[TO_SERVER] || needs[TO_CLIENT]) {
		for (int dir = 0; dir < SENSOR_DIRS; dir++) {
			packet->dir = (uint8_t)dir;
			stream_finish(w->streams, packet, dir);
		}
		packet->dir = TO_SERVER;
	}
	if (flow->app)
		app_flow_end(w, flow, packet);
	for (int dir = 0; dir < SENSOR_DIRS; dir++) {
		if (!needs[dir])
			continue;
		pseudo_fill(packet, flow, dir, w->now_ns);
		if (flow->flags & FLOW_PASS || (w->policy && is_off(w, flow->tenant, flow->place)))
			packet->flags |= PKT_NO_PACKET_INSPECT;
		w->counters[COUNTER_TCP_PSEUDO]++;
		if (w->detect)
			detect_packet(w->detect, packet);
		if (w->eve)
			eve_packet(w->eve, packet);
		finish_transactions(w, packet, flow);
	}
	/* Of a flow that was dropped nothing is told behind the packet that was. */
	if (flow->app && !(flow->flags & FLOW_DROP && w->settings->ips)) {
		pseudo_fill(packet, flow, TO_SERVER, w->now_ns);
		finish_transactions(w, packet, flow);
	}
	count_end(w, flow);
	if (w->eve)
		eve_flow(w->eve, flow, w->now_ns);
	w->packet = in_hand;
}

static void flow_release(void *context, struct flow *flow)
{
	struct worker *w = context;

	app_conn_free(flow->app);
	flow->app = NULL;
	app_expectation_free(flow);
	stream_session_free(w->streams, flow->tcp);
	flow->tcp = NULL;
	flow_vars_free(flow);
	detect_flow_release(flow);
	threshold_flow_free(flow);
	free(flow->macs);
	flow->macs = NULL;
}

static void register_counters(struct worker *w)
{
	static const char *const states[] = {
#define X(id, name) [STREAM_##id] = "flow.end.tcp_state." name,
		STREAM_STATES(X)
#undef X
	};
	static const char *const reasons[DROP_REASON_COUNT] = {
#define X(id, text, counter) [DROP_REASON_##id] = "ips.drop_reason." counter,
		DROP_REASONS(X)
#undef X
	};

	for (int i = 0; i < STREAM_STATE_COUNT; i++)
		w->end_counters[i] = (uint16_t)stats_register(states[i]);
	for (int i = 0; i < DROP_REASON_COUNT; i++)
		w->drop_counters[i] =
			(uint16_t)stats_register(i == DROP_REASON_NONE ? "ips.drop_reason.rules" : reasons[i]);
}

struct worker *worker_new(const struct sensor_settings *settings, const struct policy *policy,
	const struct detect_engine *engine, struct eve_sinks *sinks, unsigned int index)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->settings = settings;
	w->policy = policy;
	w->engine = engine;
	w->index = index;
	if (siphash_key_random(&w->key)) {
		log_error("the system has no random numbers for hash keys");
		free(w);
		return NULL;
	}
	register_counters(w);
	if (!settings->no_traces && evidence_open(w, &w->evidence)) {
		free(w);
		return NULL;
	}
	if (sinks) {
		w->eve = eve_new(sinks, w);
		w->stats_interval_ns = eve_stats_interval(sinks);
		w->track_macs = eve_shows_macs(sinks);
		w->frame_records = eve_wants(sinks, "frame");
	}
	w->decoder = decoder_new(settings, w->counters, w->key);
	w->flows = flow_table_new(settings, w->key, flow_ended, flow_release, w);
	if (w->flows)
		flow_table_set_counters(w->flows, w->counters);
	w->streams = stream_engine_new(settings, w->counters, app_stream_data, w);
	w->files = files_state_new(w);
	w->apps = app_state_new(w);
	w->pseudo = pseudo_new(settings);
	w->alerts = calloc(settings->packet_alert_max, sizeof(*w->alerts));
	w->detect = engine ? detect_context_new(w) : NULL;
	if ((sinks && !w->eve) || !w->alerts || !w->decoder || !w->flows || !w->streams || !w->files || !w->apps ||
		!w->pseudo || (engine && !w->detect)) {
		worker_free(w);
		return NULL;
	}
	decoder_set_alerts(w->decoder, w->alerts);
	return w;
}

void worker_idle(struct worker *worker, uint64_t now_ns)
{
	if (worker->start_ns == 0)
		worker->start_ns = worker->last_stats_ns = now_ns;
	worker->now_ns = now_ns;
	flow_table_expire(worker->flows, now_ns, SIZE_MAX);
	if (worker->counts_only)
		gather_counters(worker);
	else if (worker->stats_interval_ns && now_ns - worker->last_stats_ns >= worker->stats_interval_ns)
		write_stats(worker, now_ns);
	if (worker->eve)
		eve_flush(worker->eve);
}

void worker_finish(struct worker *worker)
{
	flow_table_end_all(worker->flows, FLOW_END_SHUTDOWN);
	write_stats(worker, worker->now_ns);
	if (worker->eve)
		eve_flush(worker->eve);
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	flow_table_free(worker->flows);
	stream_engine_free(worker->streams);
	app_state_free(worker->apps);
	files_state_free(worker->files);
	detect_context_free(worker->detect);
	pseudo_free(worker->pseudo);
	decoder_free(worker->decoder);
	eve_free(worker->eve);
	evidence_close(worker->evidence);
	free(worker->alerts);
	free(worker);
}

void worker_policy(struct worker *worker, const struct policy *policy, const struct detect_engine *engine)
{
	worker->policy = policy;
	worker->engine = engine;
	if (worker->detect)
		detect_context_engine(worker->detect, engine);
	else if (engine)
		worker->detect = detect_context_new(worker);
}

void worker_places(struct worker *worker, const struct places *places)
{
	worker->places = places;
}
