// SPDX-License-Identifier: Apache-2.0
/* luytre hub import, catalogue: a file is laid into the drop folder of the hub on this machine (hub/console/drop.h) with what is to become of it,
 * and its result is waited for. So its size has no bound here, and a hub in a sandbox reads nothing but its own folder. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/cli.h"
#include "hub/daemon/hub.h"

enum { PATH_SIZE = 1024, NAME_SIZE = 128, BLOCK = 64 << 10, LOOK_MS = 200 };

enum { OPT_SOCKET = 512, OPT_JSON, OPT_LANG, OPT_FORMAT, OPT_TENANT, OPT_TARGET };

static const struct option file_options[] = { { "socket", required_argument, NULL, OPT_SOCKET },
	{ "json", no_argument, NULL, OPT_JSON }, { "lang", required_argument, NULL, OPT_LANG },
	{ "format", required_argument, NULL, OPT_FORMAT }, { "tenant", required_argument, NULL, OPT_TENANT },
	{ "target", required_argument, NULL, OPT_TARGET }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

struct drop {
	const struct cli_options *options;
	char folder[PATH_SIZE], name[NAME_SIZE];
	bool json;
};

static int say(const struct drop *drop, const char *path, const char *en, const char *vi)
{
	fprintf(stderr, "luytre: %s: %s\n", path, cli_text(drop->options, en, vi));
	return CLI_FAILED;
}

static int say_errno(const char *path)
{
	fprintf(stderr, "luytre: %s: %s\n", path, strerror(errno));
	return CLI_FAILED;
}

/* ---- Laying it down ---- */

/* The hub says where its folder is. */
static int find_folder(const struct cli_options *options, struct drop *drop)
{
	char *reply;
	json_t *value;
	const char *folder;

	if (cli_request(options, "drop", &reply))
		return CLI_FAILED;
	value = json_loads(reply, 0, NULL);
	folder = json_string_value(json_object_get(value, "folder"));
	snprintf(drop->folder, sizeof(drop->folder), "%s", folder ? folder : "");
	json_decref(value);
	free(reply);
	return folder ? CLI_DONE
		      : say(drop, options->socket, "the hub has no drop folder", "trung tâm không có thư mục nhận tệp");
}

/* Once on this machine, and telling the operator what it was. */
static void make_name(struct drop *drop, const char *path)
{
	const char *base = strcmp(path, "-") == 0 ? "stdin" : strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct timespec now;
	size_t size;

	clock_gettime(CLOCK_REALTIME, &now);
	size = (size_t)snprintf(drop->name, sizeof(drop->name), "%lld%03ld-%d-", (long long)now.tv_sec,
		now.tv_nsec / 1000000, (int)getpid());
	for (; *base && size + 1 < sizeof(drop->name); base++) {
		bool plain = (*base >= 'a' && *base <= 'z') || (*base >= 'A' && *base <= 'Z') ||
			     (*base >= '0' && *base <= '9') || (*base && strchr("._-", *base));

		drop->name[size++] = plain ? *base : '_';
	}
	drop->name[size] = '\0';
}

static int copy(struct drop *drop, int from, const char *from_path, int to, const char *to_path)
{
	static char block[BLOCK];
	ssize_t size;

	while ((size = read(from, block, sizeof(block))) != 0) {
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return say_errno(from_path);
		if (file_write_all(to, bytes_of(block, (size_t)size)))
			return say(drop, to_path, "cannot be written", "không ghi được");
	}
	return CLI_DONE;
}

/* A file with this content in the folder; 'from' -1: of 'text'. */
static int put_file(struct drop *drop, const char *path, int from, const char *from_path, const char *text)
{
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), code;

	if (to < 0)
		return say_errno(path);
	code = from >= 0                                  ? copy(drop, from, from_path, to, path)
	       : file_write_all(to, bytes_from_str(text)) ? say(drop, path, "cannot be written", "không ghi được")
							  : CLI_DONE;
	if (close(to) && code == CLI_DONE)
		code = say_errno(path);
	if (code != CLI_DONE)
		unlink(path);
	return code;
}

/* First the bytes under a name that is left alone, then the options, then the name. */
static int lay_down(struct drop *drop, const char *from_path, const char *options)
{
	char part[PATH_SIZE + NAME_SIZE + 32], path[PATH_SIZE + NAME_SIZE + 32], more[PATH_SIZE + NAME_SIZE + 32];
	bool standard = strcmp(from_path, "-") == 0;
	int from = standard ? STDIN_FILENO : open(from_path, O_RDONLY | O_CLOEXEC), code;

	if (from < 0)
		return say_errno(from_path);
	snprintf(part, sizeof(part), "%s/.%s", drop->folder, drop->name);
	snprintf(path, sizeof(path), "%s/%s", drop->folder, drop->name);
	snprintf(more, sizeof(more), "%s/%s.options.json", drop->folder, drop->name);
	code = put_file(drop, part, from, from_path, NULL);
	if (!standard)
		close(from);
	if (code == CLI_DONE)
		code = put_file(drop, more, -1, NULL, options);
	if (code == CLI_DONE && rename(part, path)) {
		code = say_errno(path);
		unlink(more);
		unlink(part);
	}
	return code;
}

/* ---- What became of it ---- */

static json_t *read_result(const struct drop *drop, const char *folder)
{
	char path[PATH_SIZE + NAME_SIZE + 64];

	snprintf(path, sizeof(path), "%s/%s/%s.result.json", drop->folder, folder, drop->name);
	return json_load_file(path, 0, NULL);
}

static json_t *wait_result(const struct drop *drop, bool *ret_good)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };

	for (;;) {
		json_t *result = read_result(drop, "done");

		*ret_good = result != NULL;
		result = result ? result : read_result(drop, "refused");
		if (result)
			return result;
		nanosleep(&pause, NULL);
	}
}

static void print_figures(const struct drop *drop, const json_t *object)
{
	static const struct {
		const char *key, *en, *vi;
	} rows[] = { { "format", "format", "định dạng" }, { "version", "version", "phiên bản" },
		{ "entries", "entries", "mục" }, { "records", "records", "bản ghi" },
		{ "made", "new findings", "phát hiện mới" }, { "joined", "further proofs", "bằng chứng thêm" },
		{ "seen", "seen again", "thấy lại" }, { "reopened", "reopened", "mở lại" },
		{ "others", "no weaknesses", "không phải điểm yếu" }, { "refused", "refused", "bị từ chối" },
		{ "message", "fault", "lỗi" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const json_t *value = json_object_get(object, rows[i].key);
		const char *name = cli_text(drop->options, rows[i].en, rows[i].vi);

		if (json_string_length(value) > 0)
			printf("%s: %s\n", name, json_string_value(value));
		else if (json_is_integer(value))
			printf("%s: %lld\n", name, (long long)json_integer_value(value));
	}
}

static void print_result(const struct drop *drop, const json_t *result)
{
	const json_t *import = json_object_get(result, "import"), *refusals = json_object_get(result, "refusals"), *one;
	const char *error = json_string_value(
		json_object_get(result, drop->options->lang == LUYTRE_LANG_VI ? "error_vi" : "error"));
	size_t i;

	print_figures(drop, import ? import : result);
	json_array_foreach (refusals, i, one) {
		if (i == 10) {
			puts("  ...");
			break;
		}
		printf("  %s: %s\n", json_string_value(json_object_get(one, "reason")),
			json_string_value(json_object_get(one, "text")));
	}
	if (error)
		fprintf(stderr, "luytre: %s\n", error);
}

static int run(struct drop *drop, const struct cli_options *to, const char *path, const json_t *wishes)
{
	char *text = json_dumps(wishes, JSON_COMPACT);
	json_t *result;
	bool good;
	int code = text ? find_folder(to, drop) : CLI_FAILED;

	if (code == CLI_DONE) {
		make_name(drop, path);
		code = lay_down(drop, path, text);
	}
	free(text);
	if (code != CLI_DONE)
		return code;
	result = wait_result(drop, &good);
	if (drop->json)
		json_dumpf(result, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER), putchar('\n');
	else
		print_result(drop, result);
	json_decref(result);
	return good ? CLI_DONE : CLI_FAILED;
}

/* ---- Verbs ---- */

static const char *default_socket(void)
{
	const char *socket = getenv("LUYTRE_HUB_SOCKET");

	return socket && *socket ? socket : HUB_SOCKET;
}

/* CLI_DONE to go on; '*ret_help' when help was asked for. */
static int read_words(struct cli_options *to, struct drop *drop, json_t *wishes, bool *ret_help)
{
	int c;

	optind = 0;
	*ret_help = false;
	to->socket = default_socket();
	while ((c = getopt_long(to->word_count, to->words, "h", file_options, NULL)) != -1) {
		if (c == OPT_SOCKET)
			to->socket = optarg;
		else if (c == OPT_JSON)
			drop->json = true;
		else if (c == OPT_FORMAT)
			json_object_set_new(wishes, "format", json_string(strcmp(optarg, "auto") == 0 ? "" : optarg));
		else if (c == OPT_TENANT)
			json_object_set_new(wishes, "tenant", json_string(optarg));
		else if (c == OPT_TARGET)
			json_object_set_new(wishes, "target", json_string(optarg));
		else if (c == 'h')
			*ret_help = true;
		else if (c != OPT_LANG)
			return CLI_USAGE;
	}
	return CLI_DONE;
}

int cli_hub_import(const struct cli_options *options, bool *ret_help)
{
	struct drop drop = { .options = options, .json = options->json };
	struct cli_options to = *options;
	json_t *wishes = json_object();
	int code = read_words(&to, &drop, wishes, ret_help);

	if (code == CLI_DONE && !*ret_help && to.word_count - optind != 1) {
		fprintf(stderr, "luytre: %s\n",
			cli_text(options, "hub import takes one file, or - for the standard input",
				"hub import nhận một tệp, hoặc - cho đầu vào chuẩn"));
		code = CLI_USAGE;
	}
	if (code == CLI_DONE && !*ret_help)
		code = run(&drop, &to, to.words[optind], wishes);
	json_decref(wishes);
	return code;
}

int cli_hub_catalogue(const struct cli_options *options, bool *ret_help)
{
	static const char *const words[] = { "kev", "epss", "cve", "bundle" };
	struct drop drop = { .options = options, .json = options->json };
	struct cli_options to = *options;
	json_t *wishes = json_object();
	int code = read_words(&to, &drop, wishes, ret_help);
	bool known = false;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && to.word_count - optind == 2; i++)
		known = known || strcmp(to.words[optind], words[i]) == 0;
	if (code == CLI_DONE && !*ret_help && !known) {
		fprintf(stderr, "luytre: %s\n",
			cli_text(options, "hub catalogue takes kev, epss, cve or bundle, and a file",
				"hub catalogue nhận kev, epss, cve hoặc bundle, và một tệp"));
		code = CLI_USAGE;
	}
	if (code == CLI_DONE && !*ret_help) {
		json_object_set_new(wishes, "catalogue", json_string(to.words[optind]));
		code = run(&drop, &to, to.words[optind + 1], wishes);
	}
	json_decref(wishes);
	return code;
}
