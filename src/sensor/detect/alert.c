// SPDX-License-Identifier: Apache-2.0
/* What becomes of rules that hold: their order, the limit of alerts for a packet, and actions on packet and flow.
 *
 * Rules hold in any order (addresses, packet, transactions); alerts and actions come in the order of the rules. The first
 * drop or pass wins. A pass ends the list: what stands behind it is neither logged nor acted on. */
#include <stdlib.h>

#include "sensor/detect/dataset.h"
#include "sensor/detect/internal.h"
#include "sensor/detect/threshold.h"
#include "sensor/flow/flow.h"
#include "sensor/rules/places.h"
#include "sensor/rules/tenants.h"
#include "sensor/settings.h"
#include "sensor/stats.h"
#include "sensor/worker/worker.h"

enum { SCOPE_DEFAULT, SCOPE_PACKET, SCOPE_FLOW };

static const uint8_t ACTION_ANY_DROP = ACTION_DROP | ACTION_REJECT_ANY;

static bool queue_grow(struct detect_private *private)
{
	uint32_t room = private->queue_room ? 2 * private->queue_room : 64;
	struct detect_queued *grown;

	if (private->queue_room >= DETECT_ALERTS_MAX)
		return false;
	grown = realloc(private->queue, room * sizeof(*grown));
	if (!grown)
		return false;
	private->queue = grown;
	private->queue_room = room;
	return true;
}

/* The transaction that an alert without one most likely belongs to: EVE shows its context. */
static const struct app_tx *likely_tx(
	const struct detect_context *context, const struct detect_rule *rule, bool *ret_guessed)
{
	const struct app_conn *conn = context->app;
	const struct app_tx *found = NULL;

	if (!conn || !conn->protocol)
		return NULL;
	for (const struct app_tx *tx = conn->first; tx && !found; tx = tx->next)
		if (!tx->inspected_all[context->dir])
			found = tx;
	*ret_guessed = context->packet->protocol != 17;
	if (!found)
		return NULL;
	if (rule->apps != 0 && context->packet->protocol == 17)
		return found;
	return context->engine->guess_tx && conn->first == conn->last ? found : NULL;
}

/* Whether nothing is to be dropped where the packet goes: the place says so, or its tenant. */
static bool is_in_shadow(const struct detect_context *context)
{
	const struct sensor_packet *packet = context->packet;
	int mode = places_mode(context->worker->places, packet->place);

	if (mode == PLACE_MODE_UNSET)
		mode = (int)tenants_mode(context->engine->policy->tenants, packet->tenant);
	return mode == TENANT_SHADOW;
}

/* A rule that holds does so where it is armed, as it is armed there, at either end. */
static bool hold_action(const struct detect_context *context, const struct rule *rule, struct packet_alert *ret)
{
	const struct sensor_packet *packet = context->packet;
	const struct flow *flow = packet->flow;
	const struct places_hold *hold = places_hold_of_flow(context->worker->places, context->engine->policy->tenants,
		flow ? &flow->client : &packet->src, flow ? &flow->server : &packet->dst, rule->gid, rule->sid);

	if (!hold)
		return false;
	ret->hold = hold->hold;
	ret->hold_enforced = hold->enforce;
	ret->action = hold->enforce ? ACTION_ALERT | ACTION_DROP : ACTION_ALERT;
	return true;
}

/* What the rule's tenant makes of it; false: nothing at all. In shadow a verdict is told, not carried out. */
static bool tenant_action(const struct detect_context *context, const struct rule *rule, struct packet_alert *ret)
{
	const struct tenants *tenants = context->engine->policy->tenants;
	uint32_t tenant = context->packet->tenant;

	if (rule->flags & RULE_HOLD)
		return hold_action(context, rule, ret);
	ret->action = rule->action;
	switch (tenants_verdict(tenants, tenant, rule->gid, rule->sid)) {
	case TENANT_RULE_OFF:
		return false;
	case TENANT_ALERT:
		ret->action = ACTION_ALERT;
		break;
	case TENANT_DROP:
		ret->action = ACTION_ALERT | ACTION_DROP;
		break;
	case TENANT_AS_RULE:
		break;
	}
	if (ret->action & ACTION_ANY_DROP && is_in_shadow(context))
		ret->action = ACTION_ALERT;
	return true;
}

void alert_queue(struct detect_context *context, const struct detect_rule *rule, uint8_t flags, uint64_t tx_id)
{
	struct detect_private *private = context->private;
	struct detect_queued *entry;
	const struct app_tx *likely;
	struct packet_alert alert = { .rule = rule->rule };
	bool guessed = false;

	if (!tenant_action(context, rule->rule, &alert))
		return;
	if (private->queue_count == private->queue_room && !queue_grow(private)) {
		context->packet->alerts_discarded++;
		return;
	}
	if ((flags & ALERT_HAS_TX) == 0) {
		likely = likely_tx(context, rule, &guessed);
		if (likely) {
			flags |= (uint8_t)(ALERT_HAS_TX | (guessed ? ALERT_TX_GUESSED : 0));
			tx_id = likely->id;
		}
	}
	entry = &private->queue[private->queue_count++];
	entry->index = rule->rule->index;
	alert.context = detect_context_take(context, rule->rule);
	alert.tx_id = tx_id;
	alert.flags = flags;
	alert.frame_id = context->private->frame_id;
	entry->alert = alert;
}

static int compare_queued(const void *left, const void *right)
{
	const struct detect_queued *a = left, *b = right;

	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	return (a->alert.tx_id > b->alert.tx_id) - (a->alert.tx_id < b->alert.tx_id);
}

/* Insertion: a packet has few alerts, and most come in order. */
static void sort_queue(struct detect_private *private)
{
	if (private->queue_count > 32) {
		qsort(private->queue, private->queue_count, sizeof(*private->queue), compare_queued);
		return;
	}
	for (uint32_t i = 1; i < private->queue_count; i++) {
		struct detect_queued *queue = private->queue;
		struct detect_queued entry = queue[i];
		uint32_t k = i;

		for (; k > 0 && compare_queued(&queue[k - 1], &entry) > 0; k--)
			queue[k] = queue[k - 1];
		queue[k] = entry;
	}
}

static bool acts_on_flow(const struct packet_alert *alert)
{
	const struct detect_rule *rule = alert->rule->detect;

	if (alert->rule->action_scope == SCOPE_PACKET)
		return false;
	if (alert->rule->action_scope == SCOPE_FLOW)
		return true;
	return (alert->flags & (ALERT_STATE_MATCH | ALERT_STREAM_MATCH)) != 0 || rule->acts_on_flow;
}

static void act_on_flow(struct flow *flow, uint8_t action)
{
	if ((flow->flags & (FLOW_DROP | FLOW_PASS)) != 0)
		return; /* the first wins */
	if ((action & ACTION_ANY_DROP) != 0) {
		flow->flags |= FLOW_DROP | FLOW_DROPPED_BY_RULE;
		flow->drop_reason = DROP_REASON_RULES;
		if ((action & ACTION_REJECT_ANY) != 0)
			flow->flags |= FLOW_REJECT;
	} else {
		flow->flags |= FLOW_PASS;
	}
}

/* An observer cannot drop, but it can answer the sender; and what a rule gave up on is not looked at any more. */
static void act(struct detect_context *context, struct packet_alert *alert)
{
	struct sensor_packet *packet = context->packet;

	if ((alert->action & ACTION_ANY_DROP) == 0) {
		packet->action |= ACTION_PASS;
	} else if (context->worker->settings->ips) {
		packet->action |= ACTION_DROP | (alert->action & ACTION_REJECT_ANY);
		if (packet->drop_reason == DROP_REASON_NONE)
			packet->drop_reason = (alert->flags & ALERT_RATE_FILTER_MODIFIED) != 0
						      ? DROP_REASON_RULES_THRESHOLD
						      : DROP_REASON_RULES;
		if (!packet->drop_rule)
			packet->drop_rule = alert->rule;
	} else {
		packet->action |= alert->action & ACTION_REJECT_ANY;
	}
	if (context->flow && acts_on_flow(alert)) {
		alert->flags |= ALERT_DROP_FLOW;
		act_on_flow(context->flow, alert->action);
	}
}

/* The first drop or pass of a packet excludes the other; drops and rejects add up. */
static bool decides(const struct sensor_packet *packet, const struct packet_alert *alert)
{
	if ((alert->action & ACTION_ANY_DROP) != 0)
		return (packet->action & ACTION_PASS) == 0;
	return (alert->action & ACTION_PASS) != 0 && (packet->action & ACTION_ANY_DROP) == 0;
}

static bool writes_alert(const struct packet_alert *alert)
{
	return (alert->action & (ACTION_ALERT | ACTION_ANY_DROP)) != 0 && (alert->rule->flags & RULE_NOALERT) == 0;
}

static void write_alert(struct detect_context *context, const struct packet_alert *alert)
{
	struct sensor_packet *packet = context->packet;

	if (packet->alert_count >= context->worker->settings->packet_alert_max) {
		packet->alerts_discarded++;
		context->worker->counters[COUNTER_DETECT_ALERT_QUEUE_OVERFLOW]++;
		return;
	}
	packet->alerts[packet->alert_count++] = *alert;
	context->worker->counters[COUNTER_DETECT_ALERT]++;
	if (context->flow)
		context->flow->flags |= FLOW_ALERTED;
}

void alert_finish(struct detect_context *context)
{
	struct detect_private *private = context->private;
	struct sensor_packet *packet = context->packet;

	sort_queue(private);
	for (uint32_t i = 0; i < private->queue_count; i++) {
		struct packet_alert *alert = &private->queue[i].alert;
		enum threshold_answer answer = threshold_check(context, alert->rule, alert);

		if (answer != THRESHOLD_NOTHING && decides(packet, alert))
			act(context, alert);
		if (answer != THRESHOLD_ALERT) {
			packet->alerts_suppressed++;
			context->worker->counters[COUNTER_DETECT_ALERTS_SUPPRESSED]++;
			continue;
		}
		if (writes_alert(alert))
			write_alert(context, alert);
		if ((alert->action & ACTION_PASS) != 0)
			break;
	}
}
