// SPDX-License-Identifier: Apache-2.0
/* luytre edge: the daemon, as `luytre run`; enrol and status of its link to the hub; the link alone on hosts without a shield. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "edge/link/enrol.h"
#include "edge/link/files.h"
#include "edge/link/link.h"
#include "shield/config.h"
#include "shield/emulate.h"

#define DEFAULT_CONFIG "/etc/luytre/luytre.yaml"

enum { STATUS_SIZE_MAX = 64 << 10, STATUS_OLD_S = 10 };

static struct config *read_config(const struct cli_options *options)
{
	struct config_errors *errors = calloc(1, sizeof(*errors));
	struct config *config = NULL;

	if (errors &&
		config_load(options->config ? options->config : DEFAULT_CONFIG, shield_reflect_name, errors, &config))
		config_errors_print(stderr, errors);
	free(errors);
	return config;
}

static int fail(const char *why)
{
	fprintf(stderr, "luytre: %s\n", why);
	return CLI_FAILED;
}

static int run_enrol(const struct cli_options *options, const struct config *config)
{
	char dir[PATH_MAX], why[512];
	struct enrol_options request = {
		.url = options->word_count > 1 ? options->words[1] : NULL, .token = options->token, .dir = dir
	};
	uint32_t edge = 0;
	int error;

	if (!request.url || !request.token || options->word_count > 2) {
		fprintf(stderr, "luytre: edge enrol https://HOST:PORT --token ltedge1.… [--config FILE]\n");
		return CLI_USAGE;
	}
	snprintf(dir, sizeof(dir), "%s/" LINK_DIR, config->state_dir);
	if (mkdir(config->state_dir, 0700) && errno != EEXIST) {
		fprintf(stderr, "luytre: %s: %s\n", config->state_dir, strerror(errno));
		return CLI_FAILED;
	}
	error = enrol(&request, why, sizeof(why), &edge);
	if (error) {
		fprintf(stderr, "luytre: %s: %s %s\n",
			cli_text(options, "the hub did not enrol this edge", "trung tâm không ghi danh điểm biên này"),
			error_text(error, options->lang), why);
		return CLI_FAILED;
	}
	printf("%s %" PRIu32 ".\n", cli_text(options, "This is edge", "Đây là điểm biên số"), edge);
	if (!config->hub.enabled)
		printf("%s\n",
			cli_text(options, "Set `hub: {enabled: true}` in the configuration and restart the daemon.",
				"Hãy đặt `hub: {enabled: true}` trong cấu hình rồi khởi động lại tiến trình."));
	return CLI_DONE;
}

static const struct {
	const char *field, *en, *vi;
} rows[] = {
	{ "edge", "number of this edge", "số của điểm biên" },
	{ "epoch", "epoch of decisions", "kỷ của quyết định" },
	{ "number", "last change taken", "thay đổi cuối đã nhận" },
	{ "decisions", "decisions of the hub", "quyết định của trung tâm" },
	{ "spool_files", "batches waiting", "lô đang chờ gửi" },
	{ "spool_bytes", "bytes waiting", "byte đang chờ gửi" },
	{ "events", "events taken", "sự kiện đã nhận" },
	{ "delivered", "events delivered", "sự kiện đã giao" },
	{ "lost", "events given up", "sự kiện phải bỏ" },
	{ "holds_standing", "holds standing at the web server", "chặn giữ đang đứng tại máy chủ web" },
	{ "local_blocks", "sources blocked at once", "nguồn bị chặn tức thời" },
};

static void print_status(const struct cli_options *options, const json_t *status)
{
	const char *problem = json_string_value(json_object_get(status, "problem"));
	int64_t age_s = (int64_t)(clock_real_ns() / NS_PER_S) -
			json_integer_value(json_object_get(status, "time_us")) / 1000000;

	if (age_s > STATUS_OLD_S)
		printf("%s\n", cli_text(options, "The link does not run: these figures are old.",
				       "Kết nối không chạy: các con số này đã cũ."));
	else if (!json_is_true(json_object_get(status, "enrolled")))
		printf("%s\n", cli_text(options, "Not enrolled: `luytre edge enrol` does it.",
				       "Chưa ghi danh: hãy dùng `luytre edge enrol`."));
	else if (json_integer_value(json_object_get(status, "connected")))
		printf("%s\n", cli_text(options, "Connected to the hub.", "Đã kết nối với trung tâm."));
	else
		printf("%s%s%s\n",
			cli_text(
				options, "No stream from the hub at this moment.", "Hiện không có luồng từ trung tâm."),
			problem ? " " : "", problem ? problem : "");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		printf("%14" JSON_INTEGER_FORMAT "  %s\n", json_integer_value(json_object_get(status, rows[i].field)),
			options->lang == LUYTRE_LANG_VI ? rows[i].vi : rows[i].en);
}

static int run_status(const struct cli_options *options, const struct config *config)
{
	char dir[PATH_MAX];
	json_t *status;
	uint8_t *text;
	size_t size;
	int fd, error = LUYTRE_E_NOT_FOUND;

	snprintf(dir, sizeof(dir), "%s/" LINK_DIR, config->state_dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		error = files_read(fd, "status.json", STATUS_SIZE_MAX, &text, &size);
		close(fd);
	}
	if (error)
		return fail(cli_text(options, "there is no link to a hub here, or it may not be read (use sudo).",
			"ở đây không có kết nối tới trung tâm, hoặc không có quyền đọc (hãy dùng sudo)."));
	status = json_loadb((const char *)text, size, 0, NULL);
	if (status && options->json)
		printf("%.*s\n", (int)size, (const char *)text);
	else if (status)
		print_status(options, status);
	free(text);
	if (!status)
		return fail("status.json cannot be read");
	json_decref(status);
	return CLI_DONE;
}

static int run_link(const struct cli_options *options, const struct config *config)
{
	const struct link_options link = { .config = config, .daemon_fd = -1, .sandbox = !options->no_sandbox };

	return link_run(&link) ? CLI_FAILED : CLI_DONE;
}

static const struct {
	const char *name;
	int (*run)(const struct cli_options *options, const struct config *config);
} verbs[] = { { "enrol", run_enrol }, { "status", run_status }, { "link", run_link } };

int cli_edge(const struct cli_options *options)
{
	for (size_t i = 0; options->word_count && i < ARRAY_COUNT(verbs); i++) {
		struct config *config;
		int code;

		if (strcmp(options->words[0], verbs[i].name) != 0)
			continue;
		config = read_config(options);
		if (!config)
			return CLI_FAILED;
		code = verbs[i].run(options, config);
		/* The link's threads may still use it; the process ends here. */
		if (verbs[i].run == run_link)
			exit(code);
		config_free(config);
		return code;
	}
	return cli_run(options);
}
