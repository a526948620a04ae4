// SPDX-License-Identifier: Apache-2.0
/* What the verbs of the program `luytre` share: one row for each verb, the options that all take, and
 * the way to the daemon. Results go to standard output, messages to standard error; exit codes are
 * 0 done, 1 failed, 2 wrong usage. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* Options that every verb knows; those of one verb alone are in 'rest'. */
struct cli_options {
	const char *verb;
	bool json;
	enum luytre_lang lang;
	const char *socket;
	const char *config;
	const char *interface;
	const char *tenant;
	const char *pin_dir;
	const char *pcap;
	const char *token; /* of edge enrol */
	const char *rules; /* of run: for a sensor beside the edge */
	const char *prove; /* of status: what is to be proved */
	bool enforce, detach, live, no_sandbox;
	bool hub, no_hub; /* of run: a hub beside the edge, or none */
	char **words; /* what is no option, behind the verb */
	int word_count;
};

struct cli_verb {
	const char *name;
	const char *arguments;
	const char *en, *vi; /* one line */
	const char *more_en, *more_vi; /* for --help of the verb; may be null */
	int (*run)(const struct cli_options *options);
};

extern const struct cli_verb cli_verbs[];
extern const struct cli_verb cli_shield_verbs[];
extern const struct cli_verb cli_config_verbs[];
extern const struct cli_verb cli_rules_verbs[];

const struct cli_verb *cli_find(const struct cli_verb *verbs, const char *name); /* null: none */
void cli_print_help(const struct cli_verb *verbs, const char *prefix, enum luytre_lang lang);
void cli_print_verb_help(const struct cli_verb *verb, const char *prefix, enum luytre_lang lang);
/* For groups whose verbs read all options themselves: 'words' begins with the group's name, and with the verb's when it runs (where
 * getopt wants the program's name). */
int cli_run_own(const struct cli_verb *verbs, const char *prefix, const struct cli_options *options);
int cli_run_group(const struct cli_verb *verbs, const char *prefix, const struct cli_options *options);

/* 'en' or 'vi' by the chosen language. */
__attribute__((format_arg(2), format_arg(3))) const char *cli_text(
	const struct cli_options *options, const char *en, const char *vi);

/* Sends one request to the daemon and reads the whole reply: 0 and a string to free, or an error that
 * has been said. */
int cli_request(const struct cli_options *options, const char *request, char **ret_reply);

/* Gives each line of a streaming reply to 'print', until one of the two ends. */
int cli_stream(const struct cli_options *options, const char *request,
	void (*print)(const struct cli_options *options, const char *text));

int cli_run(const struct cli_options *options);
/* '*ret_help': the help of the verb was asked for, and nothing was done. */
int cli_hub_import(const struct cli_options *options, bool *ret_help);
int cli_hub_catalogue(const struct cli_options *options, bool *ret_help);
int cli_hub_package(const struct cli_options *options);
int cli_edge(const struct cli_options *options);
int cli_check(const struct cli_options *options);
int cli_config_reference(const struct cli_options *options);
int cli_config(const struct cli_options *options);
int cli_status(const struct cli_options *options);
int cli_prove(const struct cli_options *options); /* status --prove edge-only SYSTEM */
int cli_stats(const struct cli_options *options);
int cli_attacks(const struct cli_options *options);
int cli_shield(const struct cli_options *options);
int cli_control(const struct cli_options *options); /* the verb and its words are the request */
int cli_samples(const struct cli_options *options); /* as JSON lines with --json, else as sentences */
int cli_detach(const struct cli_options *options);
int cli_explain(const struct cli_options *options);
int cli_replay(const struct cli_options *options); /* through the shield */
int cli_rules(const struct cli_options *options);
int cli_rules_check(const struct cli_options *options);
int cli_rules_keywords(const struct cli_options *options);
int cli_sensor(const struct cli_options *options);
int cli_gate(const struct cli_options *options);
int cli_hub(const struct cli_options *options);
int cli_replay_any(const struct cli_options *options);
int cli_reasons(const struct cli_options *options);
int cli_help(const struct cli_options *options);
int cli_version(const struct cli_options *options);
