// SPDX-License-Identifier: Apache-2.0
/* luytre check, luytre config reference: the configuration without a daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/sensor-config.h"
#include "shield/config.h"
#include "shield/emulate.h"
#include "shield/listfile.h"

#define DEFAULT_CONFIG "/etc/luytre/luytre.yaml"

/* The list files too: a reload would refuse them. */
static int check_lists(const struct config *config)
{
	int failed = 0;

	for (size_t i = 0; i < config->list_count; i++) {
		struct listfile_error error;
		struct listfile file;
		char text[1024];

		if (listfile_read(config->lists[i].file, &file, &error)) {
			fprintf(stderr, "%s\n", listfile_error_text(&error, text, sizeof(text)));
			failed = 1;
			continue;
		}
		listfile_done(&file);
	}
	return failed;
}

/* Everything that the sensor would read, its rules too. */
static int check_sensor(const struct cli_options *options, const struct config *config, const char *path)
{
	unsigned int rules = 0, refused = 0;

	log_set_level(LOG_LEVEL_WARN);
	if (sensor_config_check(config, path, &rules, &refused)) {
		fprintf(stderr, "%s:%u: %s\n", path, config->sensor.line,
			cli_text(options, "sensor: it cannot run so", "sensor: không thể chạy như vậy"));
		return 1;
	}
	printf(cli_text(options, "%s: sensor: %u rules load, %u are refused\n",
		       "%s: bộ cảm biến: %u luật nạp được, %u bị từ chối\n"),
		path, rules, refused);
	return 0;
}

int cli_check(const struct cli_options *options)
{
	const char *path = options->word_count ? options->words[0] : options->config ? options->config : DEFAULT_CONFIG;
	struct config_errors *errors = calloc(1, sizeof(*errors));
	struct config *config = NULL;
	int failed;

	if (!errors)
		return CLI_FAILED;
	if (config_load(path, shield_reflect_name, errors, &config)) {
		config_errors_print(stderr, errors);
		free(errors);
		return CLI_FAILED;
	}
	free(errors);
	failed = check_lists(config);
	if (config->sensor.line)
		failed |= check_sensor(options, config, path);
	if (!failed)
		printf("%s: %s (%zu, %zu)\n", path,
			cli_text(options, "right (tenants, lists)", "đúng (tổ chức, danh sách)"), config->tenant_count,
			config->list_count);
	config_free(config);
	return failed ? CLI_FAILED : CLI_DONE;
}

int cli_config_reference(const struct cli_options *options)
{
	enum luytre_lang lang = options->lang;

	if (options->word_count)
		lang = strcmp(options->words[0], "vi") ? LUYTRE_LANG_EN : LUYTRE_LANG_VI;
	config_print_reference(stdout, lang);
	return CLI_DONE;
}

const struct cli_verb cli_config_verbs[] = {
	{ "reference", "[en|vi]", "Print the reference page of all settings.", "In trang tham chiếu mọi thiết lập.",
		NULL, NULL, cli_config_reference },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};

int cli_config(const struct cli_options *options)
{
	return cli_run_group(cli_config_verbs, "luytre config", options);
}
