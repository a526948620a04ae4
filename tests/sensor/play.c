// SPDX-License-Identifier: Apache-2.0
#include "tests/sensor/play.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "sensor/detect/detect.h"
#include "sensor/output/eve.h"
#include "sensor/rules/policy.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

struct play {
	struct sensor_settings *settings;
	struct policy *policy;
	struct detect_engine *engine;
	char eve_path[4096];
};

static int load_rules(struct play *play, const struct play_options *options)
{
	struct policy_source sources[] = {
		{ .path = "questions", .text = bytes_from_str(options->questions) },
		{ .path = options->rules_path },
	};
	struct policy_options policy = { .sources = sources, .source_count = options->rules_path ? 2 : 1 };
	int error = rules_load(play->settings, &policy, &play->policy);

	return error ? error : detect_engine_new(play->policy, NULL, &play->engine);
}

int play_open(const struct play_options *options, struct play **ret)
{
	struct play *play = calloc(1, sizeof(*play));
	struct sensor_options sensor = { .config_path = options->config_path,
		.data_dir = options->output_dir,
		.sets = options->sets,
		.set_count = options->set_count,
		.simulate_ips = options->ips,
		.no_checksums = true,
		.offline = true,
		.simulate_applayer_error = { UINT64_MAX, UINT64_MAX } };
	int error;

	if (!play)
		return LUYTRE_E_NOMEM;
	snprintf(play->eve_path, sizeof(play->eve_path), "%s/eve.json", options->output_dir);
	sensor.eve_path = play->eve_path;
	error = sensor_settings_load(&sensor, &play->settings);
	if (!error)
		error = load_rules(play, options);
	if (error)
		play_close(play);
	else
		*ret = play;
	return error;
}

/* The worker may write into a frame: it gets a copy, in a block of exactly its size. */
static int feed(struct worker *worker, const struct mutant_frame *frame, uint64_t number)
{
	uint8_t *data = malloc(frame->size ? frame->size : 1);
	struct worker_frame in = { .data = bytes_of(data, frame->size),
		.time_ns = frame->time_ns,
		.number = number,
		.wire_size = frame->wire_size,
		.linktype = frame->linktype };
	struct worker_verdict verdict;

	if (!data)
		return LUYTRE_E_NOMEM;
	if (frame->size != 0)
		memcpy(data, frame->data, frame->size);
	worker_frame(worker, &in, &verdict);
	free(data);
	return 0;
}

/* Every line has to be one JSON object, in UTF-8, with an event_type. */
static int read_events(const struct play *play, char message[PLAY_MESSAGE_SIZE], struct play_result *result)
{
	FILE *in = fopen(play->eve_path, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t size;
	int error = 0;

	while (in && !error && (size = getline(&line, &room, in)) > 0) {
		json_error_t found = { .text = "it has no event_type" };
		json_t *event = json_loadb(
			line, (size_t)size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &found);

		result->event_count++;
		if (!json_string_value(json_object_get(event, "event_type"))) {
			snprintf(message, PLAY_MESSAGE_SIZE, "event %llu: %s, at byte %d: %.200s",
				(unsigned long long)result->event_count, found.text, found.position, line);
			error = LUYTRE_E_SYNTAX;
		}
		json_decref(event);
	}
	free(line);
	if (in)
		fclose(in);
	return error;
}

int play_mutant(
	struct play *play, const struct mutant *mutant, char message[PLAY_MESSAGE_SIZE], struct play_result *ret)
{
	struct eve_sinks *sinks = NULL;
	struct worker *worker;
	int error;

	*ret = (struct play_result){ .frame_count = mutant->count };
	snprintf(message, PLAY_MESSAGE_SIZE, "the worker cannot be made");
	unlink(play->eve_path);
	error = eve_sinks_open(play->settings, &sinks);
	worker = error ? NULL : worker_new(play->settings, play->policy, play->engine, sinks, 0);
	if (!worker) {
		eve_sinks_close(sinks);
		return error ? error : LUYTRE_E_NOMEM;
	}
	for (size_t i = 0; i < mutant->count && !error; i++)
		error = feed(worker, &mutant->frames[i], i + 1);
	worker_finish(worker);
	ret->alert_count = worker->counters[COUNTER_DETECT_ALERT];
	worker_free(worker);
	eve_sinks_close(sinks);
	return error ? error : read_events(play, message, ret);
}

uint32_t play_rule_count(const struct play *play)
{
	return play->policy->loaded_count;
}

void play_close(struct play *play)
{
	if (!play)
		return;
	detect_engine_free(play->engine);
	rules_free(play->policy);
	sensor_settings_free(play->settings);
	free(play);
}
