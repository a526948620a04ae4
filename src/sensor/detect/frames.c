// SPDX-License-Identifier: Apache-2.0
/* Rules about frames.
 *
 * Passive: a frame is looked at when it is whole or its direction has ended, a long one each time a chunk of it is there;
 * inline: as its bytes come. What is looked at is the new part with a window of what was before; a rule holds once for a
 * frame. Where bytes are missing, each stretch is looked at by itself. */
#include "sensor/app/frames.h"
#include "sensor/detect/inspect.h"
#include "sensor/detect/internal.h"
#include "sensor/rules/buffers.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

enum { STRETCHES_MAX = 16 };

struct frame_view {
	const struct app_frame *frame;
	struct detect_buffer stretches[STRETCHES_MAX];
	unsigned int count;
	bool over;
};

static void collect(const struct detect_context *context, struct frame_view *view)
{
	const struct app_frame *frame = view->frame;
	uint64_t size = app_frame_size(context->app, context->dir, frame), at = 0, start;
	struct bytes data;

	if (frame->inspected_size > APP_FRAME_WINDOW_SIZE)
		at = frame->inspected_size - APP_FRAME_WINDOW_SIZE;
	while (view->count < STRETCHES_MAX && app_frame_stretch(context->app, context->dir, frame, at, &data, &start)) {
		at = start + data.size;
		view->stretches[view->count++] = (struct detect_buffer){
			.data = data, .offset = start, .first = start == 0, .last = view->over && at == size
		};
	}
}

/* A list of conditions holds when it does so for one of the stretches. */
static bool list_holds(struct detect_context *context, const struct rule *rule, const struct rule_buffer *list,
	const struct frame_view *view)
{
	for (unsigned int i = 0; i < view->count; i++) {
		struct detect_buffer buffer = view->stretches[i];

		buffer.id = list->buffer;
		if (detect_transform(context, DETECT_RESULT_KEY(list->buffer, i), list->transform_set, buffer.data,
			    &buffer.data) &&
			inspect_list(context, rule, list, &buffer))
			return true;
	}
	return false;
}

/* Lists about frames of another type say nothing about this one, but one about this type there must be. */
static bool rule_holds(
	struct detect_context *context, const struct detect_rule *rule, const struct frame_view *view, uint8_t *flags)
{
	unsigned int protocol = detect_protocol_index(context), of, type;
	bool any = false;

	context->private->capture_count = 0;
	if (!detect_state_holds(context, rule) || !detect_header_holds(context, rule->header) ||
		!detect_packet_conditions(context, rule))
		return false;
	for (const struct rule_buffer *list = rule->rule->buffers; list; list = list->next) {
		if (!rule_buffer_frame(list->buffer, &of, &type) || of != protocol || type != view->frame->type)
			continue;
		any = true;
		if (!list_holds(context, rule->rule, list, view))
			return false;
	}
	return any && detect_payload_holds(context, rule, flags);
}

static void scan(struct detect_context *context, const struct frame_view *view)
{
	const struct detect_engine *engine = context->engine;
	unsigned int protocol = detect_protocol_index(context);

	for (uint32_t i = 0; i < engine->frame_set_count; i++) {
		const struct detect_frame_set *set = &engine->frame_sets[i];
		const struct detect_set *literals = &engine->sets[set->set];

		if (set->protocol != protocol || set->type != view->frame->type || literals->dir != context->dir)
			continue;
		for (unsigned int k = 0; k < view->count; k++) {
			struct bytes data;

			if (detect_transform(context, DETECT_RESULT_KEY(literals->buffer, k), literals->transform_set,
				    view->stretches[k].data, &data))
				prefilter_scan(context, set->set, data, &context->private->tx_marks);
		}
	}
	detect_mark_list(context, &engine->frames[protocol][context->dir], &context->private->tx_marks);
}

static void inspect_frame(struct detect_context *context, struct frame_view *view)
{
	const struct app_frame *frame = view->frame;
	uint32_t index;

	context->private->result_count = 0;
	collect(context, view);
	if (view->count == 0)
		return;
	scan(context, view);
	while (detect_marks_take(&context->private->tx_marks, &index)) {
		const struct detect_rule *rule = &context->engine->rules[index];
		uint8_t flags = ALERT_FRAME | ALERT_STATE_MATCH | ALERT_STREAM_MATCH;

		if (frame->has_tx)
			flags |= ALERT_HAS_TX;
		if (!rule_holds(context, rule, view, &flags) ||
			!app_frame_match(context->app, context->dir, frame, rule->rule->sid))
			continue;
		context->private->frame_id = (int64_t)frame->id;
		detect_rule_holds(context, rule, flags, frame->has_tx ? frame->tx_id : UINT64_MAX);
		context->private->frame_id = -1;
	}
}

static bool is_due(const struct detect_context *context, const struct app_frame *frame, uint64_t size, bool over)
{
	const struct sensor_settings *settings = context->worker->settings;

	if (over)
		return true;
	if (settings->ips || settings->stream_inline)
		return size > frame->inspected_size;
	return size >= frame->inspected_size + APP_FRAME_CHUNK_SIZE;
}

void detect_frames(struct detect_context *context)
{
	struct app_frames *all = context->app->frames;
	struct app_frame_side *side;

	if (!all || all->rule_types == 0 || !context->app->protocol)
		return;
	side = &all->side[context->dir];
	for (uint32_t i = 0; i < side->count; i++) {
		struct app_frame *frame = &side->frames[i];
		struct frame_view view = { .frame = frame };
		uint64_t size = app_frame_size(context->app, context->dir, frame);

		view.over = app_frame_is_over(context->app, context->dir, frame);
		if (frame->inspected || (all->rule_types >> frame->type & 1) == 0 ||
			!is_due(context, frame, size, view.over))
			continue;
		inspect_frame(context, &view);
		frame->inspected_size = size;
		frame->inspected = view.over;
	}
}

void detect_frames_skip(struct detect_context *context)
{
	struct app_frames *all = context->app ? context->app->frames : NULL;

	for (uint32_t i = 0; all && i < all->side[context->dir].count; i++) {
		struct app_frame *frame = &all->side[context->dir].frames[i];

		frame->inspected_size = app_frame_size(context->app, context->dir, frame);
		frame->inspected = app_frame_is_over(context->app, context->dir, frame);
	}
}
