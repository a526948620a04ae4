// SPDX-License-Identifier: Apache-2.0
/* Batches of edges: events into the store, sightings into the engine. */
#include <stdlib.h>

#include "base/log.h"
#include "hub/core/holds.h"
#include "hub/core/internal.h"
#include "hub/core/news.h"
#include "hub/posture/evidence/perimeter.h"

#define LAG_MAX_US (7 * INT64_C(86400) * 1000000)

struct intake {
	struct core *core;
	struct tenants_index *index;
	struct serving serving; /* whom the edge may speak about */
	struct ingest *lines;
	struct ev_event *events;
	size_t count;
	uint64_t unmapped, refused_edge, refused[INGEST_FAULT_COUNT];
	struct edgestate_record *record; /* what the edge says of itself; the newest of the batch */
	uint32_t records_valid, records_bad;
	struct hold_report *reports; /* what web servers say of holds */
	size_t report_count, report_room;
	uint32_t reports_bad;
	bool stored;
	struct feed_found *found; /* of each line */
};

static void find_owner(void *context, const struct ip_addr *addr, struct ingest_owner *ret)
{
	const struct intake *intake = context;
	const struct tenants_place *place = tenants_index_find(intake->index, addr);

	if (place)
		*ret = (struct ingest_owner){ .tenant = place->tenant, .system = place->system };
}

/* A line in which the edge speaks of itself is not an event. */
static bool read_record(struct intake *intake, struct ingest *in)
{
	bool valid;

	if (!edgestate_read(in->root, in->event.time_us, intake->record, &valid))
		return false;
	intake->records_valid += valid;
	intake->records_bad += !valid;
	ingest_done(in);
	return true;
}

/* Nor is one in which a web server speaks of its holds. */
static int read_report(struct intake *intake, struct ingest *in, bool *ret_taken)
{
	bool valid;

	if (intake->report_count == intake->report_room) {
		size_t room = 2 * intake->report_room + 1;
		struct hold_report *reports = reallocarray(intake->reports, room, sizeof(*reports));

		if (!reports)
			return LUYTRE_E_NOMEM;
		intake->reports = reports;
		intake->report_room = room;
	}
	*ret_taken = holds_read(in->root, &intake->reports[intake->report_count], &valid);
	if (!*ret_taken)
		return 0;
	intake->report_count += valid;
	intake->reports_bad += !valid;
	ingest_done(in);
	return 0;
}

static int read_lines(struct intake *intake, const struct batch *batch, int64_t now_us)
{
	const struct ingest_options options = {
		.edge = batch->head.edge, .now_us = now_us, .owner = find_owner, .context = intake
	};
	struct bytes line;
	size_t pos = 0;
	bool taken;
	int error;

	intake->lines = calloc(batch->line_count + 1, sizeof(*intake->lines));
	intake->events = calloc(batch->line_count + 1, sizeof(*intake->events));
	intake->record = malloc(sizeof(*intake->record));
	intake->found = calloc(batch->line_count + 1, sizeof(*intake->found));
	if (!intake->lines || !intake->events || !intake->record || !intake->found)
		return LUYTRE_E_NOMEM;
	while (batch_next(batch, &pos, &line)) {
		enum ingest_fault fault;
		struct ingest *in = &intake->lines[intake->count];

		if (ingest_line(line, &options, in, &fault)) {
			intake->refused[fault]++;
			continue;
		}
		if (read_record(intake, in))
			continue;
		error = read_report(intake, in, &taken);
		if (error) {
			ingest_done(in);
			return error;
		}
		if (taken)
			continue;
		intake->refused_edge += serving_check(&intake->serving, in);
		intake->unmapped += in->event.tenant == 0;
		intake->events[intake->count++] = in->event;
	}
	return 0;
}

static int store(struct core *core, struct intake *intake, const struct batch *batch, int64_t now_us)
{
	const struct ev_batch events = { .id = batch->id,
		.events = intake->events,
		.count = intake->count,
		.arrived_us = now_us,
		.made_us = batch->head.made_us };
	uint64_t first_id = 0;
	int error;

	if (!events.count)
		return 0;
	pthread_mutex_lock(&core->store_lock);
	error = ev_append(core->store, &events, &first_id);
	pthread_mutex_unlock(&core->store_lock);
	intake->stored = !error && first_id; /* else the store knew them */
	for (size_t i = 0; i < intake->count; i++)
		intake->events[i].id = first_id + i;
	return error;
}

/* Rules of the platform's own virtual patches (rules/gate): each is played against an attack and a benign twin before it is
 * given out, which is what their first counts stand for. Named when first seen. */
static void name_hold(struct core *core, uint64_t rule)
{
	uint64_t place = rule - CORE_HOLD_FIRST;

	if (rule < CORE_HOLD_FIRST || rule > CORE_HOLD_LAST || core->holds_named[place / 8] & 1 << place % 8)
		return;
	if (!reporters_rule_set(engine_reporters(core->engine), rule, 200, 2))
		core->holds_named[place / 8] |= (uint8_t)(1 << place % 8);
}

static void report(struct core *core, const struct ingest *in, const struct feed_found *found, int64_t now_us)
{
	struct observable source;
	struct engine_report report = { .time_us = in->event.time_us,
		.tenant = in->sighting.tenant,
		.edge = in->event.edge,
		.observable = &source,
		.rule = in->sighting.rule,
		.campaign = found->campaign,
		.fingerprint = found->fingerprint,
		.evidence = in->sighting.evidence,
		.class = (uint8_t)in->sighting.class };
	int error;

	observable_of_addr(&in->sighting.src, &source);
	name_hold(core, report.rule);
	error = engine_report(core->engine, now_us, &report, NULL);
	if (error)
		log_limited((uint64_t)now_us * 1000, LOG_LEVEL_WARN, "a sighting of tenant %u was not taken: %s",
			report.tenant, error_text(error, LUYTRE_LANG_EN));
	core->stats.sightings++;
}

/* Who belongs together is told under the lock; finding what else does takes longer. */
static void find_campaigns(struct core *core, const struct intake *intake, int64_t now_us)
{
	uint32_t news[NEWS_A_S + 1];
	size_t count;

	core_lock(core);
	for (size_t i = 0; i < intake->count; i++) {
		if (intake->lines[i].has_sighting)
			intake->found[i].group =
				reporters_group(engine_reporters(core->engine), intake->lines[i].sighting.tenant);
	}
	core_unlock(core);
	feed_lines(core->feed, intake->lines, intake->count, intake->found);
	count = feed_news(core->feed, intake->found, intake->count, now_us, news);
	if (!core->calls.campaign || count == 0)
		return;
	core_lock(core);
	for (size_t i = 0; i < count; i++)
		core->calls.campaign(core->calls.context, news[i]);
	core_unlock(core);
}

/* Under the lock. What an edge saw of an address that a decision stops is a hit. */
static void judge(struct core *core, const struct intake *intake, int64_t now_us)
{
	for (size_t i = 0; i < intake->count; i++) {
		const struct ingest *in = &intake->lines[i];

		if (in->has_sighting)
			report(core, in, &intake->found[i], now_us);
		if (!in->event.tenant && in->event.dst.family && !tenants_index_find(intake->index, &in->event.dst))
			unmapped_note(core->unmapped, &in->event);
		if (in->event.decision && in->event.tenant)
			(void)!engine_hit(core->engine, now_us, in->event.decision, in->event.tenant, in->event.edge);
		if (in->event.decision && in->event.action == EV_STOPPED)
			trace_hit(core->trace, in->event.decision, in->event.edge, in->event.count, in->event.time_us);
		if (in->event.kind == EV_EDGE)
			core_veto(core, &intake->serving, in, now_us);
	}
}

/* What events say of servers; without the lock. Those that the store knew were looked at when they came first. */
static void look_at_servers(struct core *core, const struct intake *intake, int64_t now_us)
{
	for (size_t i = 0; intake->stored && i < intake->count; i++)
		perimeter_see(core->perimeter, intake->index, &intake->events[i], intake->lines[i].root, now_us);
}

/* Under the lock. */
static void tell_events(struct core *core, const struct intake *intake)
{
	if (intake->stored && core->calls.events)
		core->calls.events(core->calls.context, intake->events, intake->count);
}

/* Under the lock. */
static void take_records(struct core *core, const struct intake *intake, uint32_t edge, int64_t now_us)
{
	if (intake->records_valid)
		edgestate_take(core->edgestate, edge, intake->record, now_us);
	for (uint32_t i = 0; i < intake->records_bad; i++)
		edgestate_take(core->edgestate, edge, NULL, now_us);
}

/* Under the lock. What an edge says beyond its share, or in words that cannot be kept, is lost, and counted. Another
 * error is the database's: the batch is to come again. */
static int take_reports(struct core *core, const struct intake *intake, uint32_t edge, int64_t now_us)
{
	int error = 0;

	for (size_t i = 0; i < intake->report_count && !error; i++) {
		size_t refused = 0;
		bool lost;

		error = holds_take(core->holds, edge, &intake->serving, &intake->reports[i], now_us, &refused);
		lost = error == LUYTRE_E_FULL || error == LUYTRE_E_INVALID;
		core->stats.holds_refused += refused + lost;
		core->stats.holds_reports += !error;
		error = error && !lost ? LUYTRE_E_BUSY : 0;
	}
	core->stats.holds_refused += intake->reports_bad;
	return error;
}

static void count(struct core *core, const struct intake *intake, const struct batch_head *head, int64_t now_us)
{
	if (head->made_us > 0 && head->made_us <= now_us && now_us - head->made_us < LAG_MAX_US) {
		core->stats.lag_us += (uint64_t)(now_us - head->made_us);
		core->stats.lag_batches++;
	}
	core->stats.batches++;
	core->stats.events += intake->count;
	core->stats.unmapped += intake->unmapped;
	core->stats.refused_edge += intake->refused_edge;
	core->stats.refused_syntax += intake->refused[INGEST_SYNTAX];
	core->stats.refused_type += intake->refused[INGEST_TYPE];
	core->stats.refused_time += intake->refused[INGEST_TIME];
	core->stats.refused_size += intake->refused[INGEST_SIZE];
}

static void acknowledge(struct core *core, const struct batch_head *head, struct core_ack *ret)
{
	ret->acked = head->seq;
	ret->policy = 0;
	engine_position(core->engine, &ret->epoch, &ret->number);
}

static int take(struct core *core, const struct batch *batch, int64_t now_us, struct core_ack *ret)
{
	struct intake intake = { .core = core };
	int error;

	core_lock(core);
	if (edges_batch_known(core->edges, &batch->head)) {
		core->stats.batches_again++;
		acknowledge(core, &batch->head, ret);
		core_unlock(core);
		return 0;
	}
	intake.index = tenants_index_ref(core->index);
	serving_begin(core->edges, batch->head.edge, core->tree, &intake.serving);
	core_unlock(core);
	error = read_lines(&intake, batch, now_us);
	if (!error)
		error = store(core, &intake, batch, now_us);
	if (!error) {
		look_at_servers(core, &intake, now_us);
		find_campaigns(core, &intake, now_us);
		core_lock(core);
		judge(core, &intake, now_us);
		take_records(core, &intake, batch->head.edge, now_us);
		tell_events(core, &intake);
		error = take_reports(core, &intake, batch->head.edge, now_us);
		if (!error)
			error = journalfile_sync(core->journal);
		if (!error)
			error = edges_batch_stored(core->edges, &batch->head, now_us);
		if (!error)
			trace_stands(core->trace, batch->head.edge, batch->head.epoch, batch->head.have, now_us);
		count(core, &intake, &batch->head, now_us);
		acknowledge(core, &batch->head, ret);
		core_unlock(core);
	}
	for (size_t i = 0; i < intake.count; i++)
		ingest_done(&intake.lines[i]);
	tenants_index_unref(intake.index);
	serving_end(&intake.serving);
	free(intake.lines);
	free(intake.events);
	free(intake.record);
	free(intake.reports);
	free(intake.found);
	return error;
}

int core_batch(struct core *core, uint32_t edge, struct bytes packed, int64_t now_us, struct core_ack *ret)
{
	struct batch batch;
	int error = batch_open(packed, &batch);

	if (error) {
		core_lock(core);
		core->stats.batches_broken++;
		core_unlock(core);
		return error == LUYTRE_E_FULL ? LUYTRE_E_RANGE : error; /* too large; "full" is the disk */
	}
	error = batch.head.edge == edge ? take(core, &batch, now_us, ret) : LUYTRE_E_PERMISSION;
	batch_done(&batch);
	return error;
}

int core_stands(struct core *core, uint32_t edge, uint64_t policy, uint64_t epoch, uint64_t number, int64_t now_us)
{
	int error;

	core_lock(core);
	error = edges_stands(core->edges, edge, policy, epoch, number, now_us);
	if (!error)
		trace_stands(core->trace, edge, epoch, number, now_us);
	core_unlock(core);
	return error;
}
