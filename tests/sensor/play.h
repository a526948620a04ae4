// SPDX-License-Identifier: Apache-2.0
/* The engine for mutants: loaded once, then each mutant through a worker of its own, and its events read again. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "tests/sensor/mutant.h"

enum { PLAY_MESSAGE_SIZE = 512 };

struct play_options {
	const char *config_path; /* a suricata.yaml */
	const char *rules_path; /* a file or a folder; null: none but 'questions' */
	const char *questions; /* rules as text (questions.h); borrowed */
	const char *const *sets; /* "PATH=VALUE", over those of the file */
	unsigned int set_count;
	const char *output_dir; /* exists; events, stored files, evidence */
	bool ips;
};

struct play_result {
	uint64_t frame_count, event_count, alert_count;
};

struct play;

/* 0, or an error that was logged. Rules that cannot be read are left out. */
MUST_CHECK int play_open(const struct play_options *options, struct play **ret);
/* 0, or an error with a sentence: the worker could not be made, or a line of the events is not what JSON should be. */
MUST_CHECK int play_mutant(
	struct play *play, const struct mutant *mutant, char message[PLAY_MESSAGE_SIZE], struct play_result *ret);
uint32_t play_rule_count(const struct play *play);
void play_close(struct play *play);
