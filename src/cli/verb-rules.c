// SPDX-License-Identifier: Apache-2.0
/* luytre rules: what the sensor makes of a rule set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "cli/cli.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/policy.h"
#include "sensor/settings.h"

enum { SOURCES_MAX = 256, MISSING_SHOWN = 20, REPORT_MAX = 64 << 20 };

/* Options stand before or behind the paths: --suricata-config FILE, --json. */
struct rules_arguments {
	struct policy_source sources[SOURCES_MAX];
	unsigned int source_count;
	const char *config_path;
	bool json;
};

static bool read_arguments(const struct cli_options *options, struct rules_arguments *ret)
{
	*ret = (struct rules_arguments){ .json = options->json };
	for (int i = 1; i < options->word_count; i++) {
		const char *word = options->words[i];

		if (!strcmp(word, "--json")) {
			ret->json = true;
		} else if (!strcmp(word, "--suricata-config") && i + 1 < options->word_count) {
			ret->config_path = options->words[++i];
		} else if (word[0] == '-' && word[1]) {
			fprintf(stderr, "luytre: rules check does not know %s\n", word);
			return false;
		} else if (ret->source_count == SOURCES_MAX) {
			fprintf(stderr, "luytre: more than %d paths\n", SOURCES_MAX);
			return false;
		} else {
			ret->sources[ret->source_count++].path = word;
		}
	}
	if (!ret->source_count)
		fprintf(stderr, "luytre: rules check expects files or folders of rules\n");
	return ret->source_count != 0;
}

static void print_json(const struct policy *policy)
{
	struct jsonw json;
	struct bytes text;

	jsonw_init(&json, REPORT_MAX);
	jsonw_object_begin(&json);
	policy_report(policy, &json);
	jsonw_object_end(&json);
	if (jsonw_text(&json, &text) == 0)
		printf("%.*s\n", (int)text.size, (const char *)text.ptr);
	jsonw_done(&json);
}

static void print_text(const struct cli_options *options, const struct policy *policy, double seconds)
{
	struct policy_missing missing[MISSING_SHOWN];
	uint32_t all = policy->loaded_count + policy->failed_count + policy->skipped_count;
	size_t count = policy_missing_keywords(policy, missing, MISSING_SHOWN);

	double share = all ? 100.0 * policy->loaded_count / all : 100.0;

	if (options->lang == LUYTRE_LANG_VI)
		printf("%u trên %u luật nạp được (%.2f %%), %u bị từ chối, %u bỏ qua theo 'requires'; %.2f giây\n",
			policy->loaded_count, all, share, policy->failed_count, policy->skipped_count, seconds);
	else
		printf("%u of %u rules load (%.2f %%), %u refused, %u skipped by 'requires'; %.2f s\n",
			policy->loaded_count, all, share, policy->failed_count, policy->skipped_count, seconds);
	for (const struct policy_refusal *r = policy->refusals; r; r = r->next)
		printf("%s:%u: sid %u: %s%s%s\n", r->file, r->line, r->sid, r->keyword ? r->keyword : "",
			r->keyword ? ": " : "", r->reason);
	if (count)
		puts(cli_text(options,
			"Missing keywords, with the rules that want them:", "Từ khóa còn thiếu, với số luật cần đến:"));
	for (size_t i = 0; i < count && i < MISSING_SHOWN; i++)
		printf("  %-32s %u\n", missing[i].keyword, missing[i].count);
}

int cli_rules_check(const struct cli_options *options)
{
	static struct rules_arguments a;
	struct sensor_options sensor = { .offline = true };
	struct policy_options load = { 0 };
	struct sensor_settings *settings = NULL;
	struct policy *policy = NULL;
	uint64_t begin_ns = clock_mono_ns();
	bool whole;
	int error;

	if (!read_arguments(options, &a))
		return CLI_USAGE;
	sensor.config_path = a.config_path;
	log_set_level(LOG_LEVEL_ERROR);
	error = sensor_settings_load(&sensor, &settings);
	load.sources = a.sources;
	load.source_count = a.source_count;
	if (!error)
		error = rules_load(settings, &load, &policy);
	if (error) {
		sensor_settings_free(settings);
		return CLI_FAILED;
	}
	if (a.json)
		print_json(policy);
	else
		print_text(options, policy, (double)(clock_mono_ns() - begin_ns) / (double)NS_PER_S);
	whole = policy->failed_count == 0;
	rules_free(policy);
	sensor_settings_free(settings);
	return whole ? CLI_DONE : CLI_FAILED;
}

static const char *kind_of(const struct rule_keyword_entry *entry)
{
	static const char *const names[] = { "", "sticky buffer", "content modifier", "number" };

	if (entry->kind == RULE_KEYWORD_ROW)
		return entry->row->summary ? entry->row->summary : "";
	return names[entry->kind];
}

int cli_rules_keywords(const struct cli_options *options)
{
	for (unsigned int i = 0; i < rule_keyword_count(); i++)
		printf("%-32s %s\n", rule_keyword_at(i)->name, kind_of(rule_keyword_at(i)));
	return CLI_DONE;
}

const struct cli_verb cli_rules_verbs[] = {
	{ "check", "PATH … [--suricata-config FILE] [--json]",
		"Load rules and say how many of them load, which do not and why.",
		"Nạp luật và cho biết bao nhiêu luật nạp được, luật nào không và vì sao.", NULL, NULL,
		cli_rules_check },
	{ "keywords", "", "List the keywords of the rule language.", "Liệt kê các từ khóa của ngôn ngữ luật.", NULL,
		NULL, cli_rules_keywords },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};

int cli_rules(const struct cli_options *options)
{
	return cli_run_own(cli_rules_verbs, "luytre rules", options);
}
