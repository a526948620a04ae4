// SPDX-License-Identifier: Apache-2.0
/* A worker's scratch for asking rules, and the costs of rules. */
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "match/scratch.h"
#include "sensor/detect/internal.h"
#include "sensor/worker/worker.h"

struct detect_context *detect_context_new(struct worker *worker)
{
	struct detect_context *context = calloc(1, sizeof(*context));

	if (!context)
		return NULL;
	context->worker = worker;
	arena_init(&context->memory, DETECT_MEMORY_MAX);
	context->private = calloc(1, sizeof(*context->private));
	context->scratch = match_scratch_new();
	if (!context->private || !context->scratch) {
		detect_context_free(context);
		return NULL;
	}
	if (worker && worker->engine)
		detect_context_engine(context, worker->engine);
	return context;
}

void detect_context_free(struct detect_context *context)
{
	if (!context)
		return;
	if (context->private) {
		detect_marks_done(&context->private->packet_marks);
		detect_marks_done(&context->private->tx_marks);
		detect_ends_done(context->private);
		free(context->private->queue);
		free(context->private->profile);
		free(context->private);
	}
	match_scratch_free(context->scratch);
	arena_done(&context->memory);
	free(context);
}

void detect_context_engine(struct detect_context *context, const struct detect_engine *engine)
{
	struct detect_private *private = context->private;
	bool profile = private->profile != NULL;
	int error = 0;

	detect_marks_done(&private->packet_marks);
	detect_marks_done(&private->tx_marks);
	free(private->profile);
	private->profile = NULL;
	context->engine = NULL;
	if (!engine)
		return;
	if (detect_ends_init(private) || detect_marks_init(&private->packet_marks, engine->rule_count) ||
		detect_marks_init(&private->tx_marks, engine->rule_count))
		error = LUYTRE_E_NOMEM;
	for (uint32_t i = 0; i < engine->set_count && !error; i++)
		error = literal_set_prepare(engine->sets[i].literals, context->scratch);
	if (error) {
		log_error("a worker cannot take over the rules: %s", error_text(error, LUYTRE_LANG_EN));
		return;
	}
	context->engine = engine;
	if (profile)
		error = detect_context_profile(context, true);
	if (error)
		log_warn("costs of rules are not counted: %s", error_text(error, LUYTRE_LANG_EN));
}

int detect_context_profile(struct detect_context *context, bool on)
{
	struct detect_private *private = context->private;

	free(private->profile);
	private->profile = NULL;
	if (!on || !context->engine)
		return 0;
	private->profile = calloc((size_t)context->engine->rule_count + 1, sizeof(*private->profile));
	return private->profile ? 0 : LUYTRE_E_NOMEM;
}

bool detect_context_cost(const struct detect_context *context, uint32_t rule_index, uint64_t *ret_checks,
	uint64_t *ret_matches, uint64_t *ret_ns)
{
	const struct detect_profile_row *profile = context->private->profile;

	if (!profile || !context->engine || rule_index >= context->engine->rule_count ||
		profile[rule_index].checks == 0)
		return false;
	*ret_checks = profile[rule_index].checks;
	*ret_matches = profile[rule_index].matches;
	*ret_ns = profile[rule_index].ticks;
	return true;
}
