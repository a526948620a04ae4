// SPDX-License-Identifier: Apache-2.0
/* Help, made from the rows of the verbs. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

const char *cli_text(const struct cli_options *options, const char *en, const char *vi)
{
	return options->lang == LUYTRE_LANG_VI ? vi : en;
}

const struct cli_verb *cli_find(const struct cli_verb *verbs, const char *name)
{
	for (; verbs->name; verbs++)
		if (!strcmp(verbs->name, name))
			return verbs;
	return NULL;
}

static void print_options(enum luytre_lang lang)
{
	static const struct {
		const char *option, *en, *vi;
	} rows[] = {
		{ "--json", "print JSON, for programs", "in JSON, cho chương trình đọc" },
		{ "--lang vi|en", "language of messages (else from $LANG)",
			"ngôn ngữ thông báo (mặc định theo $LANG)" },
		{ "--socket PATH", "control socket (/run/luytre/control.sock)", "ổ cắm điều khiển" },
		{ "-c, --config FILE", "configuration file (/etc/luytre/luytre.yaml)", "tệp cấu hình" },
		{ "-i, --interface DEV", "protect this interface", "bảo vệ giao diện này" },
		{ "--debug", "tell more", "nói chi tiết hơn" },
		{ "--help, --version", "", "" },
	};

	puts(lang == LUYTRE_LANG_VI ? "\nTùy chọn:" : "\nOptions:");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		printf("  %-22s %s\n", rows[i].option, lang == LUYTRE_LANG_VI ? rows[i].vi : rows[i].en);
	puts(lang == LUYTRE_LANG_VI ? "\nMã thoát: 0 xong, 1 thất bại, 2 dùng sai."
				    : "\nExit codes: 0 done, 1 failed, 2 wrong usage.");
}

void cli_print_help(const struct cli_verb *verbs, const char *prefix, enum luytre_lang lang)
{
	bool vi = lang == LUYTRE_LANG_VI;

	if (verbs == cli_verbs)
		puts(vi ? "Lũy Tre: lá chắn chung ở vành đai ngoài của các hệ thống thông tin.\n"
			: "Lũy Tre: a shared shield at the outer perimeter of information systems.\n");
	printf("%s %s VERB …\n\n", vi ? "Cách dùng:" : "Usage:", prefix);
	for (; verbs->name; verbs++)
		printf("  %-11s %s\n", verbs->name, vi ? verbs->vi : verbs->en);
	print_options(lang);
}

void cli_print_verb_help(const struct cli_verb *verb, const char *prefix, enum luytre_lang lang)
{
	bool vi = lang == LUYTRE_LANG_VI;
	const char *more = vi ? verb->more_vi : verb->more_en;

	printf("%s %s %s %s\n\n%s\n", vi ? "Cách dùng:" : "Usage:", prefix, verb->name, verb->arguments,
		vi ? verb->vi : verb->en);
	if (more)
		printf("\n%s\n", more);
	print_options(lang);
}

/* For verbs that are groups: the next word is the verb. */
static bool asks_for_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int cli_run_own(const struct cli_verb *verbs, const char *prefix, const struct cli_options *options)
{
	struct cli_options inner = *options;
	const struct cli_verb *verb = inner.word_count < 2 ? NULL : cli_find(verbs, inner.words[1]);

	if (!verb) {
		bool help = inner.word_count < 2 || asks_for_help(inner.words[1]);

		cli_print_help(verbs, prefix, inner.lang);
		return help ? CLI_DONE : CLI_USAGE;
	}
	inner.verb = verb->name;
	inner.words++;
	inner.word_count--;
	for (int i = 1; i < inner.word_count; i++) {
		if (asks_for_help(inner.words[i])) {
			cli_print_verb_help(verb, prefix, inner.lang);
			return CLI_DONE;
		}
	}
	return verb->run(&inner);
}

int cli_run_group(const struct cli_verb *verbs, const char *prefix, const struct cli_options *options)
{
	struct cli_options inner = *options;
	const struct cli_verb *verb;

	if (!options->word_count) {
		cli_print_help(verbs, prefix, options->lang);
		return CLI_USAGE;
	}
	inner.verb = options->words[0];
	inner.words++;
	inner.word_count--;
	verb = cli_find(verbs, inner.verb);
	if (!verb) {
		fprintf(stderr, "luytre: there is no verb %s; `%s --help` lists them\n", inner.verb, prefix);
		return CLI_USAGE;
	}
	return verb->run(&inner);
}

int cli_help(const struct cli_options *options)
{
	const struct cli_verb *verb = options->word_count ? cli_find(cli_verbs, options->words[0]) : NULL;

	if (!options->word_count)
		cli_print_help(cli_verbs, "luytre", options->lang);
	else if (verb)
		cli_print_verb_help(verb, "luytre", options->lang);
	else
		fprintf(stderr, "luytre: there is no verb %s\n", options->words[0]);
	return options->word_count && !verb ? CLI_USAGE : CLI_DONE;
}

int cli_version(const struct cli_options *options)
{
	(void)options;
	puts("luytre " LUYTRE_VERSION);
	return CLI_DONE;
}
