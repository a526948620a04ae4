// SPDX-License-Identifier: Apache-2.0
/* The transactions of the packet's flow.
 *
 * A transaction that changed in the packet's direction is looked at: literal sets over the buffers that are ready name
 * rules; rules without a literal and those that hold in part already come to them. A part (step) that held is remembered
 * with the transaction, so every buffer is asked once, and a rule holds when all its parts did.
 *
 * Of a body that grows only new bytes are scanned: a rule whose literal was seen waits with the transaction for the rest of
 * what it wants. */
#include <stdlib.h>

#include "base/clock.h"
#include "sensor/detect/inspect.h"
#include "sensor/detect/internal.h"
#include "sensor/files/file.h"
#include "sensor/flow/flow.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/number.h"

enum {
	STATE_FULL = 1u << 31,
	STATE_NEVER = 1u << 30,
	STATE_WAITS = 1u << 29, /* alone: its literal was seen, nothing else held yet */
	INSTANCES_MAX = 1024,
	SCANNED_MAX = 256,
};

enum step_answer { STEP_HOLDS, STEP_NOT_YET, STEP_NEVER };

struct state_rule {
	uint32_t index, sid;
	uint32_t flags; /* bits of steps that held, STATE_* */
	uint32_t file; /* id + 1 of the last file that matched */
	uint32_t held; /* id + 1 of the file that every condition on files must hold for now; 0: any from 'file' on */
};

/* How far a set was scanned over one instance of a buffer that grows. */
struct scanned {
	uint32_t set, instance, version;
	uint64_t end;
};

/* What rules remember about one direction of a transaction; rules by ascending index. */
struct tx_state {
	uint64_t serial; /* of the policy */
	uint64_t done; /* sets that need not be scanned again */
	uint32_t count, room;
	struct state_rule *rules;
	struct scanned *scanned;
	uint16_t scanned_count, scanned_room;
	bool scans_all; /* not every rule that waits could be remembered */
};

void detect_tx_release(struct app_tx *tx)
{
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		struct tx_state *state = tx->detect[dir];

		if (state) {
			free(state->rules);
			free(state->scanned);
		}
		free(state);
		tx->detect[dir] = NULL;
	}
}

/* ---- Memory of a transaction ---- */

static int compare_rules(const void *left, const void *right)
{
	const struct state_rule *a = left, *b = right;

	return (a->index > b->index) - (a->index < b->index);
}

/* After a reload: rules are found again by their number. */
static void renumber(const struct detect_engine *engine, struct tx_state *state)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < state->count; i++)
		for (uint32_t k = 0; k < engine->rule_count; k++)
			if (engine->rules[k].rule->sid == state->rules[i].sid && state->rules[i].flags != STATE_WAITS) {
				/* Steps may have moved; what held in full stays so. */
				state->rules[kept] = state->rules[i];
				state->rules[kept].index = k;
				state->rules[kept++].flags &= STATE_FULL | STATE_NEVER;
				break;
			}
	state->count = kept;
	state->done = 0;
	state->scanned_count = 0;
	state->serial = engine->policy->serial;
	if (kept > 1)
		qsort(state->rules, kept, sizeof(*state->rules), compare_rules);
}

static struct tx_state *state_of(const struct detect_context *context, struct app_tx *tx, unsigned int dir)
{
	struct tx_state *state = tx->detect[dir];

	if (state && state->serial != context->engine->policy->serial)
		renumber(context->engine, state);
	return state;
}

static struct tx_state *state_make(struct detect_context *context, struct app_tx *tx, unsigned int dir)
{
	struct tx_state *state = state_of(context, tx, dir);

	if (state)
		return state;
	state = calloc(1, sizeof(*state));
	if (state)
		state->serial = context->engine->policy->serial;
	tx->detect[dir] = state;
	return state;
}

/* The place of a rule, or where it belongs. */
static uint32_t state_place(const struct tx_state *state, uint32_t index)
{
	uint32_t low = 0, high = state->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (state->rules[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct state_rule *state_find(const struct tx_state *state, uint32_t index)
{
	uint32_t place = state ? state_place(state, index) : 0;

	return state && place < state->count && state->rules[place].index == index ? &state->rules[place] : NULL;
}

static bool state_store(struct tx_state *state, struct state_rule rule)
{
	uint32_t place = state_place(state, rule.index);

	if (place < state->count && state->rules[place].index == rule.index) {
		state->rules[place] = rule;
		return true;
	}
	if (state->count == DETECT_STATE_RULES_MAX)
		return false;
	if (state->count == state->room) {
		uint32_t room = state->room ? 2 * state->room : 8;
		struct state_rule *grown = realloc(state->rules, room * sizeof(*grown));

		if (!grown)
			return false;
		state->rules = grown;
		state->room = room;
	}
	memmove(&state->rules[place + 1], &state->rules[place], (state->count - place) * sizeof(*state->rules));
	state->rules[place] = rule;
	state->count++;
	return true;
}

static struct scanned *scanned_find(const struct tx_state *state, uint32_t set, uint32_t instance)
{
	for (uint16_t i = 0; i < state->scanned_count; i++)
		if (state->scanned[i].set == set && state->scanned[i].instance == instance)
			return &state->scanned[i];
	return NULL;
}

/* A record of nothing scanned yet; null: no memory for it. */
static struct scanned *scanned_add(struct tx_state *state, uint32_t set, uint32_t instance)
{
	if (state->scanned_count == SCANNED_MAX)
		return NULL;
	if (state->scanned_count == state->scanned_room) {
		uint16_t room = (uint16_t)(state->scanned_room ? 2 * state->scanned_room : 4);
		struct scanned *grown = realloc(state->scanned, room * sizeof(*grown));

		if (!grown)
			return NULL;
		state->scanned = grown;
		state->scanned_room = room;
	}
	state->scanned[state->scanned_count] = (struct scanned){ .set = set, .instance = instance };
	return &state->scanned[state->scanned_count++];
}

/* ---- Buffers ---- */

/* One instance of a buffer, transformed. */
static bool buffer_get(struct detect_context *context, const struct app_buffer *row, uint16_t number,
	uint16_t transform_set, uint32_t index, struct detect_buffer *ret)
{
	struct app_view view = { .last = true };

	if (!row->get || !row->get(context->tx, context->flow, context->dir, index, &view))
		return false;
	*ret = (struct detect_buffer){ .data = view.data, .offset = view.offset, .id = number };
	ret->first = view.offset == 0;
	ret->last = (row->flags & APP_BUFFER_STREAMING) == 0 || view.last;
	return detect_transform(context, DETECT_RESULT_KEY(number, index), transform_set, view.data, &ret->data);
}

static bool file_get(struct detect_context *context, const struct file *file, uint16_t number, uint16_t transform_set,
	struct detect_buffer *ret)
{
	if (file->window.size == 0)
		return false;
	*ret = (struct detect_buffer){ .data = file->window, .offset = file->window_offset, .id = number };
	ret->first = file->window_offset == 0;
	ret->last = file->state != FILE_OPEN;
	return detect_transform(context, DETECT_RESULT_KEY(number, file->id), transform_set, file->window, &ret->data);
}

static const struct file *first_file(const struct detect_context *context)
{
	const struct file_list *list = context->tx->files[context->dir];

	return list ? list->first : NULL;
}

static bool over_files(const struct app_buffer *row)
{
	return (row->flags & APP_BUFFER_FILE) != 0 && !row->get;
}

static bool is_over(const struct detect_context *context)
{
	return context->tx->progress[context->dir] >= context->app->protocol->complete[context->dir];
}

/* Null: there is no record, all is scanned. A direction that is over is not looked at again and needs none. */
static struct scanned *scanned_of(struct detect_context *context, uint32_t set, uint32_t instance)
{
	bool over = is_over(context);
	struct tx_state *state =
		over ? state_of(context, context->tx, context->dir) : state_make(context, context->tx, context->dir);
	struct scanned *scanned;

	if (!state || state->scans_all)
		return NULL;
	scanned = scanned_find(state, set, instance);
	return scanned || over ? scanned : scanned_add(state, set, instance);
}

/* Scans what is new of a buffer that grows, and before it as much as a literal across both can have. */
static void scan_new(struct detect_context *context, uint32_t set, uint32_t instance, const struct app_view *view)
{
	struct scanned *scanned = scanned_of(context, set, instance);
	uint64_t end = view->offset + view->data.size, from = view->offset;

	if (scanned && scanned->version == view->version && scanned->end > view->offset) {
		size_t before = prefilter_longest(context->engine, set);

		if (scanned->end >= end)
			return;
		if (scanned->end > from + before)
			from = scanned->end - before;
	}
	if (scanned) {
		scanned->version = view->version;
		scanned->end = end;
	}
	prefilter_scan(
		context, set, bytes_skip(view->data, (size_t)(from - view->offset)), &context->private->tx_marks);
}

static void scan_files(struct detect_context *context, uint32_t set)
{
	const struct detect_set *sets = &context->engine->sets[set];
	struct detect_buffer buffer;

	for (const struct file *file = first_file(context); file; file = file->next) {
		struct app_view view = { .data = file->window, .offset = file->window_offset };

		if (sets->transform_set == 0)
			scan_new(context, set, file->id, &view);
		else if (file_get(context, file, sets->buffer, sets->transform_set, &buffer))
			prefilter_scan(context, set, buffer.data, &context->private->tx_marks);
	}
}

static void scan_row(struct detect_context *context, const struct app_buffer *row, uint32_t set)
{
	const struct detect_set *sets = &context->engine->sets[set];
	bool appended = (row->flags & APP_BUFFER_APPENDED) != 0 && sets->transform_set == 0;
	struct detect_buffer buffer;

	if (over_files(row)) {
		scan_files(context, set);
		return;
	}
	for (uint32_t index = 0; index < INSTANCES_MAX; index++) {
		struct app_view view = { .last = true };

		if (appended) {
			if (!row->get(context->tx, context->flow, context->dir, index, &view))
				return;
			scan_new(context, set, index, &view);
		} else {
			if (!buffer_get(context, row, sets->buffer, sets->transform_set, index, &buffer))
				return;
			prefilter_scan(context, set, buffer.data, &context->private->tx_marks);
		}
		if ((row->flags & APP_BUFFER_MULTI) == 0)
			return;
	}
}

static void scan_sets(struct detect_context *context, const struct detect_app_sets *sets, uint8_t complete)
{
	uint8_t progress = context->tx->progress[context->dir];
	struct tx_state *state = state_of(context, context->tx, context->dir);
	uint64_t done = state ? state->done : 0, before = done;

	for (uint32_t i = 0; i < sets->count; i++) {
		uint8_t from = sets->items[i].row->progress[context->dir];

		if (from > progress)
			break;
		if (i < 64 && (done >> i & 1) != 0)
			continue;
		scan_row(context, sets->items[i].row, sets->items[i].set);
		if (i < 64 && progress > from)
			done |= 1ull << i;
	}
	if (done == before || progress >= complete)
		return;
	state = state_make(context, context->tx, context->dir);
	if (state)
		state->done = done;
}

/* ---- Steps ---- */

static enum step_answer not_there(const struct rule_buffer *list, bool final)
{
	if (!final)
		return STEP_NOT_YET;
	return list->absent || list->absent_or ? STEP_HOLDS : STEP_NEVER;
}

/* All conditions of a rule that are about files are about the same one. */
static bool file_is_due(const struct state_rule *state, const struct file *file)
{
	return state->held != 0 ? file->id + 1 == state->held : file->id >= state->file;
}

static enum step_answer ask_files_buffer(struct detect_context *context, const struct rule *rule,
	const struct rule_buffer *list, struct state_rule *state)
{
	struct detect_buffer buffer;
	bool any = false;

	for (const struct file *file = first_file(context); file; file = file->next) {
		if (!file_is_due(state, file) || !file_get(context, file, list->buffer, list->transform_set, &buffer))
			continue;
		any = true;
		context->private->capture_count = 0;
		if (!inspect_list(context, rule, list, &buffer))
			continue;
		state->file = state->held = file->id + 1;
		context->private->matched_file = (struct file *)(uintptr_t)file;
		return STEP_HOLDS;
	}
	if (!any && !first_file(context))
		return not_there(list, is_over(context));
	return is_over(context) ? STEP_NEVER : STEP_NOT_YET;
}

static enum step_answer ask_buffer(struct detect_context *context, const struct rule *rule,
	const struct rule_buffer *list, struct state_rule *state)
{
	const struct app_buffer *row = rule_buffer_for(list->buffer, context->app->protocol);
	uint8_t progress = context->tx->progress[context->dir];
	struct detect_buffer buffer;
	uint32_t index = 0;
	bool final;

	if (!row)
		return STEP_NEVER;
	if (progress < row->progress[context->dir])
		return STEP_NOT_YET;
	if (over_files(row))
		return ask_files_buffer(context, rule, list, state);
	final = (row->flags & (APP_BUFFER_STREAMING | APP_BUFFER_FILE)) == 0 ||
		progress > row->progress[context->dir] || is_over(context);
	for (; index < INSTANCES_MAX; index++) {
		if (!buffer_get(context, row, list->buffer, list->transform_set, index, &buffer))
			break;
		if (final && (row->flags & APP_BUFFER_STREAMING) != 0)
			buffer.last = true;
		if (inspect_list(context, rule, list, &buffer))
			return STEP_HOLDS;
		if ((row->flags & APP_BUFFER_MULTI) == 0)
			return final ? STEP_NEVER : STEP_NOT_YET;
	}
	if (index == 0)
		return not_there(list, final);
	return is_over(context) ? STEP_NEVER : STEP_NOT_YET;
}

static enum step_answer ask_number(struct detect_context *context, const struct rule_match *match)
{
	const struct rule_number *number = match->data;
	const struct app_protocol *protocol = context->app->protocol;

	for (unsigned int i = 0; i < RULE_NUMBER_PROTOCOLS_MAX && number->number[i]; i++) {
		if (number->protocol[i] != protocol)
			continue;
		if (context->tx->progress[context->dir] < number->number[i]->progress[context->dir])
			return STEP_NOT_YET;
		if (rule_number_match(number, protocol, context->tx, context->flow, context->dir))
			return STEP_HOLDS;
		return is_over(context) ? STEP_NEVER : STEP_NOT_YET;
	}
	return STEP_NEVER;
}

static enum step_answer ask_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match)
{
	if (match->kind == MATCH_NUMBER)
		return ask_number(context, match);
	if (context->tx->progress[context->dir] < match->progress[context->dir])
		return STEP_NOT_YET;
	if (match->ops->match(context, rule, match, context->tx))
		return STEP_HOLDS;
	return is_over(context) ? STEP_NEVER : STEP_NOT_YET;
}

static bool file_holds(
	struct detect_context *context, const struct rule *rule, const struct rule_match *first, struct file *file)
{
	context->file = file;
	for (const struct rule_match *match = first; match; match = match->next)
		if (!match->ops->match(context, rule, match, file))
			return false;
	return true;
}

static enum step_answer ask_files(struct detect_context *context, const struct rule *rule,
	const struct rule_match *first, struct state_rule *state)
{
	struct file_list *list = context->tx->files[context->dir];
	enum step_answer answer = is_over(context) ? STEP_NEVER : STEP_NOT_YET;

	for (struct file *file = list ? list->first : NULL; file; file = file->next) {
		if (!file_is_due(state, file) || !file_holds(context, rule, first, file))
			continue;
		state->file = state->held = file->id + 1;
		context->private->matched_file = file;
		answer = STEP_HOLDS;
		break;
	}
	context->file = NULL;
	return answer;
}

static enum step_answer ask_step(struct detect_context *context, const struct detect_rule *rule,
	const struct detect_step *step, struct state_rule *state, uint8_t *alert_flags)
{
	switch (step->kind) {
	case STEP_BUFFER:
		return ask_buffer(context, rule->rule, step->list, state);
	case STEP_MATCH:
		return ask_match(context, rule->rule, step->match);
	case STEP_FILES:
		return ask_files(context, rule->rule, step->match, state);
	default:
		return detect_payload_holds(context, rule, alert_flags) ? STEP_HOLDS : STEP_NOT_YET;
	}
}

/* ---- Rules ---- */

static bool is_transactional(const struct detect_rule *rule)
{
	return (rule->rule->flags & RULE_TRANSACTIONAL_BIDIR) != 0;
}

static bool is_for_protocol(const struct detect_context *context, const struct detect_rule *rule)
{
	return rule->apps == 0 || (rule->apps >> detect_protocol_index(context) & 1) != 0;
}

/* What is asked only once for a rule and a transaction: header, flow, packet. */
static bool entry_holds(struct detect_context *context, const struct detect_rule *rule)
{
	bool reversed = is_transactional(rule) && context->dir == TO_CLIENT;

	if (!is_for_protocol(context, rule) || !detect_state_holds(context, rule))
		return false;
	if (reversed ? !detect_header_holds_reversed(context, rule->header)
		     : !detect_header_holds(context, rule->header))
		return false;
	return detect_packet_conditions(context, rule);
}

/* Asks what is not known to hold yet; true when nothing is missing. */
static bool ask_steps(
	struct detect_context *context, const struct detect_rule *rule, struct state_rule *state, uint8_t *alert_flags)
{
	bool missing = false;

	for (uint8_t i = 0; i < rule->step_count; i++) {
		const struct detect_step *step = &rule->steps[i];

		if ((state->flags >> i & 1) != 0)
			continue;
		if ((step->dirs >> context->dir & 1) == 0) {
			missing = true;
			if (is_transactional(rule))
				continue;
			return false;
		}
		switch (ask_step(context, rule, step, state, alert_flags)) {
		case STEP_HOLDS:
			state->flags |= 1u << i;
			break;
		case STEP_NOT_YET:
			missing = true;
			break;
		case STEP_NEVER:
			state->flags |= STATE_NEVER;
			return false;
		}
	}
	return !missing;
}

/* More files came since the rule held: it may hold again for each of them. */
static bool more_files(
	const struct detect_context *context, const struct detect_rule *rule, const struct state_rule *state)
{
	const struct file_list *list = context->tx->files[context->dir];

	return rule->has_files && state->file > 0 && list && list->last && list->last->id >= state->file;
}

static void forget_files(const struct detect_rule *rule, struct state_rule *state)
{
	state->flags &= ~(STATE_FULL | STATE_NEVER);
	state->held = 0;
	for (uint8_t i = 0; i < rule->step_count; i++) {
		const struct detect_step *step = &rule->steps[i];

		if (step->kind == STEP_FILES ||
			(step->kind == STEP_BUFFER && (rule_buffer_flags(step->list->buffer) & APP_BUFFER_FILE) != 0))
			state->flags &= ~(1u << i);
	}
}

/* Its literal is not scanned for again. */
static bool comes_once(const struct detect_rule *rule)
{
	const struct rule_buffer *list = rule->rule->fast_buffer;

	return list && (rule_buffer_flags(list->buffer) & (APP_BUFFER_APPENDED | APP_BUFFER_FILE)) != 0;
}

/* A direction that is over is not looked at again. */
static void remember(struct detect_context *context, const struct detect_rule *rule, unsigned int dir,
	const struct state_rule *state)
{
	struct tx_state *memory;

	if (is_over(context) && !is_transactional(rule))
		return;
	memory = state_make(context, context->tx, dir);
	if (memory && !state_store(memory, *state))
		memory->scans_all = true;
}

static void ask_transaction_rule(struct detect_context *context, const struct detect_rule *rule)
{
	struct app_tx *tx = context->tx;
	unsigned int dir = is_transactional(rule) ? TO_SERVER : context->dir;
	struct state_rule *stored = state_find(state_of(context, tx, dir), rule->rule->index);
	struct state_rule state = { .index = rule->rule->index, .sid = rule->rule->sid };
	uint8_t alert_flags = ALERT_HAS_TX | ALERT_STATE_MATCH;
	bool waited = stored && stored->flags == STATE_WAITS, holds;

	context->private->capture_count = 0;
	context->private->matched_file = NULL;
	if (rule->rule->has_hook && tx->progress[context->dir] < rule->rule->hook_progress)
		return;
	if (stored) {
		state = *stored;
		if (more_files(context, rule, &state))
			forget_files(rule, &state);
		if ((state.flags & (STATE_FULL | STATE_NEVER)) != 0)
			return;
		state.flags &= ~STATE_WAITS;
	}
	holds = ((stored && !waited) || entry_holds(context, rule)) && ask_steps(context, rule, &state, &alert_flags);
	if (holds)
		state.flags |= STATE_FULL;
	else if (!stored && state.flags == 0 && comes_once(rule) && is_for_protocol(context, rule))
		state.flags = STATE_WAITS;
	if (state.flags != 0)
		remember(context, rule, dir, &state);
	if (holds)
		detect_rule_holds(context, rule, alert_flags, tx->id);
}

static void ask_profiled(struct detect_context *context, const struct detect_rule *rule)
{
	struct detect_profile_row *profile = context->private->profile;
	uint64_t start;

	if (!profile) {
		ask_transaction_rule(context, rule);
		return;
	}
	start = clock_mono_ns();
	ask_transaction_rule(context, rule);
	profile[rule->rule->index].checks++;
	profile[rule->rule->index].ticks += clock_mono_ns() - start;
}

/* ---- Transactions ---- */

static void mark_remembered(struct detect_context *context, struct detect_marks *marks)
{
	const struct tx_state *state = state_of(context, context->tx, context->dir);

	for (uint32_t i = 0; state && i < state->count; i++)
		if ((state->rules[i].flags & (STATE_FULL | STATE_NEVER)) == 0 || state->rules[i].file > 0)
			detect_mark(marks, state->rules[i].index);
}

static void inspect_transaction(struct detect_context *context, struct app_tx *tx)
{
	const struct detect_engine *engine = context->engine;
	const struct app_protocol *protocol = context->app->protocol;
	struct detect_marks *marks = &context->private->tx_marks;
	unsigned int number = detect_protocol_index(context);
	uint32_t index;

	context->tx = tx;
	context->private->result_count = 0;
	scan_sets(context, &engine->app_sets[number][context->dir], protocol->complete[context->dir]);
	detect_mark_list(context, &engine->transactions[number][context->dir], marks);
	for (uint32_t i = 0; i < engine->transactional.rule_count; i++)
		detect_mark(marks, engine->transactional.rules[i]);
	mark_remembered(context, marks);
	while (detect_marks_take(marks, &index))
		ask_profiled(context, &engine->rules[index]);
	context->tx = NULL;
}

static bool is_waiting(const struct detect_context *context, const struct app_tx *tx)
{
	return tx->updated[context->dir] && !tx->inspected_all[context->dir] &&
	       (tx->dirs_skip >> context->dir & 1) == 0;
}

void detect_transactions(struct detect_context *context)
{
	const struct app_conn *conn = context->app;

	if (!conn->protocol || (conn->flags & APP_CONN_NO_INSPECT) != 0)
		return;
	for (struct app_tx *tx = conn->first; tx; tx = tx->next)
		if (is_waiting(context, tx))
			inspect_transaction(context, tx);
}

void detect_transactions_skip(struct detect_context *context)
{
	const struct app_conn *conn = context->app;
	unsigned int dir = context->dir;

	if (!conn || !conn->protocol)
		return;
	for (struct app_tx *tx = conn->first; tx; tx = tx->next) {
		struct file_list *list = tx->files[dir];

		tx->updated[dir] = false;
		if (tx->progress[dir] >= conn->protocol->complete[dir])
			tx->inspected_all[dir] = true;
		for (struct file *file = list ? list->first : NULL; file; file = file->next)
			file->inspected[dir] = file->window_offset + file->window.size;
	}
}
