// SPDX-License-Identifier: Apache-2.0
/* What the daemon's files share: the one struct that owns everything, and who does what with it.
 * Nothing outside src/edge includes this. */
#pragma once

#include <stdio.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/loop.h"
#include "edge/edge.h"
#include "shield/config.h"
#include "shield/decisions.h"
#include "shield/flood.h"
#include "shield/lists.h"
#include "shield/loader.h"
#include "shield/policy.h"

enum {
	EDGE_REPORTS_MAX = 64, /* ended attacks that are remembered */
};

struct control;
struct edge_hub;
struct edge_policy;
struct metrics;

/* The detection's view: summed counters, and the destinations of the last tick. */
struct edge_detect {
	struct flood_traffic (*traffic)[SHIELD_CLASS_COUNT];
	struct flood_destination *destinations;
	size_t destination_count;
	uint64_t *keys; /* of the tenants, for flood_rebind */
	struct flood_report ended[EDGE_REPORTS_MAX];
	size_t ended_count; /* ever; the newest is at (ended_count - 1) % EDGE_REPORTS_MAX */
};

struct edge {
	struct edge_options options;
	struct config *config;
	struct shield *shield;
	struct shield_maps *maps;
	struct policy *policy;
	struct decisions *decisions;
	struct flood *flood;
	struct loop *loop;
	struct control *control;
	struct metrics *metrics;
	struct edge_hub *hub; /* null: the edge has no hub */
	struct edge_policy *hub_policy; /* null: as hub */
	struct edge_detect detect;
	uint64_t started_ns;
	uint64_t ticks;
	uint64_t reloads, reload_failures;
	uint64_t samples_seen;
	bool unsaved; /* the operator has decided something since the last save */
	struct clock config_loaded;
};

/* Takes a new configuration into use: tenants, lists, detection. On failure the old one stands and
 * 'why' says what is wrong. */
int edge_apply(struct edge *edge, struct config *config, char *why, size_t why_size);

/* Reads the file again and applies it. The errors of the file are in 'errors'. */
int edge_reload(struct edge *edge, struct config_errors *errors, char *why, size_t why_size);

enum luytre_lang edge_lang(const struct edge *edge);

/* lists.c */
int edge_load_lists(struct edge *edge, const struct config *config, char *why, size_t why_size);
void edge_save_decisions(struct edge *edge);
void edge_save_hub_decisions(struct edge *edge);

/* detect.c */
int edge_detect_open(struct edge *edge);
void edge_detect_close(struct edge *edge);
int edge_detect_bind(struct edge *edge); /* after each change of tenants */
void edge_detect_tick(struct edge *edge, uint64_t now_ns);
void edge_detect_save(struct edge *edge);
void edge_sweep(struct edge *edge, uint64_t now_ns);

/* control.c, control-commands.c */
int control_open(struct edge *edge, struct control **ret, char *why, size_t why_size);
void control_close(struct control *control);
void control_sample(struct control *control, const struct shield_sample *sample);
uint64_t control_samples_lost(const struct control *control); /* by readers of the stream that were behind */
void control_run(struct edge *edge, char *line, struct jsonw *out, bool *ret_stream);

/* hub.c: all of them do nothing without a hub. edge_hub_fork comes before anything is open that the link must not have. */
int edge_hub_fork(struct edge *edge, char *why, size_t why_size);
int edge_hub_bind(struct edge *edge);
void edge_hub_close(struct edge *edge);
void edge_hub_sample(struct edge *edge, const struct shield_sample *sample);
void edge_hub_tick(struct edge *edge);
void edge_hub_reloading(struct edge *edge); /* all decisions are loaded anew: what the link has begun is void */
bool edge_hub_unsaved(struct edge *edge); /* whether its decisions changed since the last time this was asked */
void edge_hub_write_metrics(FILE *out, const struct edge *edge);
void edge_hub_write_holds(const struct edge *edge, struct jsonw *out);
void edge_hub_write_policy(const struct edge *edge, struct jsonw *out);

/* metrics.c */
int metrics_open(struct edge *edge, struct metrics **ret, char *why, size_t why_size);
void metrics_close(struct metrics *metrics);

/* stats of an attack report, for control and metrics */
void edge_write_report(const struct edge *edge, const struct flood_report *report, struct jsonw *out);
