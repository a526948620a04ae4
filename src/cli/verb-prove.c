// SPDX-License-Identifier: Apache-2.0
/* luytre status --prove edge-only SYSTEM: that a system is only watched here, from what this machine has: the hub's signed policy, the daemon, the
 * sensor, the web servers' words and the events that wait for the hub. Each condition says what was looked at, also where it holds, so that a person
 * can look again; what cannot be seen from here is said to be so. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/holdfile.h"
#include "base/payload.h"
#include "bus/batch.h"
#include "bus/bundle.h"
#include "bus/policyfile.h"
#include "cli/cli.h"
#include "edge/link/files.h"
#include "edge/link/identity.h"
#include "edge/link/link.h"
#include "edge/link/message.h"
#include "shield/config.h"
#include "shield/emulate.h"

#define DEFAULT_CONFIG "/etc/luytre/luytre.yaml"
#define DEFAULT_SOCKET "/run/luytre/control.sock"

enum { TEXT_SIZE = 640, FILE_MAX = 64 << 20, NAMED_MAX = 6, CONDITIONS_MAX = 12 };

struct condition {
	const char *name;
	bool ok;
	bool statement; /* nothing was looked at: it neither passes nor fails */
	char text[TEXT_SIZE];
};

struct prove {
	const struct cli_options *options;
	struct config *config;
	uint32_t system;
	char dir[PATH_MAX]; /* of the link */
	/* The signed policy; without it nothing else can be looked at. */
	uint8_t *text; /* owned: the bundle points into it */
	struct bundle bundle;
	struct policyfile policy;
	const struct policyfile_row **rows; /* owned; of the system */
	size_t row_count;
	json_t *daemon, *sensor; /* what they answered; null: nothing */
	struct condition conditions[CONDITIONS_MAX];
	size_t condition_count;
};

/* ---- Saying ---- */

__attribute__((format(printf, 4, 5))) static void say(
	struct prove *p, const char *name, bool ok, const char *format, ...)
{
	struct condition *condition = &p->conditions[p->condition_count++];
	va_list args;

	*condition = (struct condition){ .name = name, .ok = ok, .statement = condition->statement };
	va_start(args, format);
	vsnprintf(condition->text, sizeof(condition->text), format, args);
	va_end(args);
}

/* "192.0.2.80/32, 192.0.2.96/28, ..." */
static const char *name_prefixes(const struct prove *p, char text[TEXT_SIZE / 2])
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < p->row_count && i < NAMED_MAX; i++) {
		char prefix[IP_PREFIX_TEXT_SIZE];

		used += (size_t)snprintf(text + used, TEXT_SIZE / 2 - used, "%s%s", i ? ", " : "",
			ip_prefix_format(&p->rows[i]->prefix, prefix));
	}
	if (p->row_count > NAMED_MAX)
		snprintf(text + used, TEXT_SIZE / 2 - used, ", …");
	return text;
}

static bool is_about(const struct prove *p, const struct ip_addr *addr)
{
	for (size_t i = 0; addr->family && i < p->row_count; i++)
		if (ip_prefix_contains(&p->rows[i]->prefix, addr))
			return true;
	return false;
}

static uint64_t number_of(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

/* ---- The signed policy ---- */

static int open_bundle(struct prove *p)
{
	struct identity identity;
	struct bytes content;
	size_t size;
	int dir, error = identity_load(p->dir, &identity);

	if (error)
		return error;
	dir = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	error = dir < 0 ? LUYTRE_E_NOT_FOUND : files_read(dir, LINK_POLICY_SAVED, FILE_MAX, &p->text, &size);
	if (dir >= 0)
		close(dir);
	if (!error)
		error = bundle_open(bytes_of(p->text, size), identity.keys, identity.key_count, &p->bundle);
	if (!error && p->bundle.edge && p->bundle.edge != identity.edge)
		error = LUYTRE_E_PERMISSION;
	if (!error && !bundle_find(&p->bundle, POLICYFILE_NAME, &content))
		error = LUYTRE_E_CORRUPT;
	if (!error)
		error = policyfile_read(content, &p->policy);
	return error;
}

static int look_at_policy(struct prove *p)
{
	int error = open_bundle(p);
	size_t open = 0;
	char prefixes[TEXT_SIZE / 2];

	if (error) {
		say(p, "policy", false,
			cli_text(p->options,
				"%s/" LINK_POLICY_SAVED ": no policy that the hub has signed for this edge: %s",
				"%s/" LINK_POLICY_SAVED
				": không có chính sách nào do trung tâm ký cho điểm biên này: %s"),
			p->dir, error_text(error, p->options->lang));
		return error;
	}
	p->rows = calloc(p->policy.row_count + 1, sizeof(const struct policyfile_row *));
	for (size_t i = 0; p->rows && i < p->policy.row_count; i++)
		if (p->policy.rows[i].system == p->system) {
			p->rows[p->row_count++] = &p->policy.rows[i];
			open += !p->policy.rows[i].edge_only;
		}
	say(p, "policy", p->row_count && !open,
		cli_text(p->options,
			"policy %llu, signature of the hub verified (key %02x%02x%02x%02x…): %zu prefixes of system "
			"%u, %zu of them not edge-only; %s",
			"chính sách %llu, đã kiểm chữ ký của trung tâm (khóa %02x%02x%02x%02x…): %zu dải địa chỉ của "
			"hệ thống %u, %zu dải không "
			"phải chỉ-ở-biên; %s"),
		(unsigned long long)p->bundle.revision, p->bundle.key_id[0], p->bundle.key_id[1], p->bundle.key_id[2],
		p->bundle.key_id[3], p->row_count, p->system, open, name_prefixes(p, prefixes));
	return p->row_count ? 0 : LUYTRE_E_NOT_FOUND;
}

/* ---- The daemon ---- */

/* Nobody listens there, for certain: what listens and does not answer, or may not be reached, is no proof of that. */
static bool is_nobody(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	strcpy(address.sun_path, path);
	error = connect(fd, (struct sockaddr *)&address, sizeof(address)) ? errno : 0;
	close(fd);
	return error == ENOENT || error == ECONNREFUSED;
}

static json_t *ask(const struct prove *p, const char *socket)
{
	struct cli_options options = *p->options;
	json_t *reply = NULL;
	char *text;

	options.socket = socket;
	if (access(socket, F_OK) || cli_request(&options, "status", &text))
		return NULL;
	reply = json_loads(text, 0, NULL);
	free(text);
	return reply;
}

static void look_at_daemon(struct prove *p)
{
	const char *socket =
		strcmp(p->options->socket, DEFAULT_SOCKET) ? p->options->socket : p->config->control_socket;
	const json_t *policy;

	p->daemon = ask(p, socket);
	policy = json_object_get(p->daemon, "policy");
	say(p, "in-force", policy && number_of(policy, "stands") == p->bundle.revision && !number_of(policy, "failed"),
		policy ? cli_text(p->options, "%s: the daemon says that policy %llu is in force",
				 "%s: tiến trình biên nói chính sách %llu đang có hiệu lực")
		       : cli_text(p->options, "%s: no daemon with a hub answers (%llu)",
				 "%s: không có tiến trình biên nào nối với trung tâm trả lời (%llu)"),
		socket, (unsigned long long)number_of(policy, "stands"));
}

/* ---- The sensor ---- */

static bool is_handed_out(const struct prove *p, const char *path, const char *name)
{
	struct bytes wanted;
	uint8_t *text;
	size_t size;
	bool same;

	if (!path || !bundle_find(&p->bundle, name, &wanted) || files_read(AT_FDCWD, path, FILE_MAX, &text, &size))
		return false;
	same = bytes_equal(wanted, bytes_of(text, size));
	free(text);
	return same;
}

static void say_no_sensor(struct prove *p, bool nobody)
{
	say(p, "sensor", nobody,
		nobody ? cli_text(p->options,
				 "%s: no sensor runs at this socket; one that starts obeys the file before its first "
				 "packet. One with another socket is not seen",
				 "%s: không có bộ cảm biến chạy ở ổ cắm này; khi khởi động nó làm theo tệp trước gói "
				 "tin "
				 "đầu tiên. Bộ cảm biến dùng ổ cắm khác thì không thấy được")
		       : cli_text(p->options, "%s: what is there does not say what it obeys",
				 "%s: thứ đang ở đó không nói nó làm theo gì"),
		p->config->sensor.control_socket);
}

static void look_at_sensor(struct prove *p)
{
	const struct config_sensor *sensor = &p->config->sensor;
	uint64_t edge_only = 0; /* of all systems: so does the sensor count */
	const json_t *hub;

	for (size_t i = 0; i < p->policy.row_count; i++)
		edge_only += p->policy.rows[i].edge_only;

	if (!sensor->line) {
		say(p, "sensor", true, "%s",
			cli_text(p->options, "the configuration has no sensor: none is told to look at packets here",
				"cấu hình không có bộ cảm biến: ở đây không có gì xem nội dung gói tin"));
		return;
	}
	say(p, "sensor-file", is_handed_out(p, sensor->policy_file, POLICYFILE_NAME),
		cli_text(p->options, "%s: what the sensor reads, compared with the signed policy byte by byte",
			"%s: tệp bộ cảm biến đọc, so từng byte với chính sách đã ký"),
		sensor->policy_file ? sensor->policy_file : "sensor.policy_file: off");
	p->sensor = ask(p, sensor->control_socket);
	if (!p->sensor) {
		say_no_sensor(p, is_nobody(sensor->control_socket));
		return;
	}
	hub = json_object_get(p->sensor, "hub");
	say(p, "sensor", number_of(hub, "version") == p->bundle.revision && number_of(hub, "edge_only") >= edge_only,
		cli_text(p->options,
			"%s: the sensor obeys policy %llu with %llu edge-only prefixes; there it keeps no packet, no "
			"file and no payload (evidence "
			"elsewhere: %s, file store elsewhere: %s; %llu members with content left out)",
			"%s: bộ cảm biến theo chính sách %llu với %llu dải chỉ-ở-biên; ở đó nó không giữ gói tin, tệp "
			"hay nội dung nào (bằng chứng ở "
			"nơi khác: %s, lưu tệp ở nơi khác: %s; đã bỏ %llu trường có nội dung)"),
		sensor->control_socket, (unsigned long long)number_of(hub, "version"),
		(unsigned long long)number_of(hub, "edge_only"),
		json_is_true(json_object_get(hub, "evidence")) ? "on" : "off",
		json_is_true(json_object_get(hub, "file_store")) ? "on" : "off",
		(unsigned long long)number_of(p->sensor, "content_removed"));
}

/* ---- Web servers ---- */

static bool has_mode(const struct holdfile *file, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < file->mode_count; i++) {
		const struct holdfile_row *row = &file->modes[i];

		for (uint32_t k = 0; row->edge_only && k < row->prefix_count; k++)
			if (ip_prefix_covers(&file->prefixes[row->prefix_first + k], prefix))
				return true;
	}
	return false;
}

/* A hold of the gate at a place of the system would have its requests looked into. */
static size_t count_holds(const struct prove *p, const struct holdfile *file)
{
	size_t held = 0;

	for (size_t i = 0; i < file->row_count; i++) {
		const struct holdfile_row *row = &file->rows[i];

		for (uint32_t k = 0; row->part == HOLDFILE_PART_GATE && k < row->prefix_count; k++)
			for (size_t at = 0; at < p->row_count; at++) {
				const struct ip_prefix *ours = &p->rows[at]->prefix,
						       *its = &file->prefixes[row->prefix_first + k];

				held += ip_prefix_covers(ours, its) || ip_prefix_covers(its, ours);
			}
	}
	return held;
}

static void look_at_list(struct prove *p)
{
	const char *path = p->config->gate.holds_file;
	bool unread = !path && p->daemon && !number_of(json_object_get(p->daemon, "holds"), "gates");
	struct holdfile file = { 0 };
	struct bytes text;
	size_t missing = 0, held = 0;
	int error = bundle_find(&p->bundle, HOLDFILE_NAME, &text) ? holdfile_read(text, &file) : LUYTRE_E_NOT_FOUND;

	for (size_t i = 0; i < p->row_count && !error; i++)
		missing += !has_mode(&file, &p->rows[i]->prefix);
	held = count_holds(p, &file);
	say(p, "web-list", !error && !missing && !held && (unread || is_handed_out(p, path, HOLDFILE_NAME)),
		cli_text(p->options,
			"%s: what web servers here read, compared with the signed list: %zu prefixes without the order "
			"to stay closed, %zu holds that "
			"would open requests%s%s",
			"%s: tệp các máy chủ web ở đây đọc, so với danh sách đã ký: %zu dải không có lệnh giữ kín, %zu "
			"chốt chặn sẽ mở yêu cầu%s%s"),
		path     ? path
		: unread ? cli_text(p->options, "gate.holds_file: off, and no web server has spoken",
				   "gate.holds_file: off, và chưa máy chủ web nào lên tiếng")
			 : "gate.holds_file: off",
		missing, held, error ? "; " : "", error ? error_text(error, p->options->lang) : "");
	holdfile_done(&file);
}

/* Where the configuration says that there is none, silence is what is to be heard. */
static void say_no_gates(struct prove *p, bool off)
{
	say(p, "web-servers", off,
		off ? cli_text(p->options,
			      "gate.holds_file: off, and the daemon has heard of no web server here; one without this "
			      "gate is not seen",
			      "gate.holds_file: off, và tiến trình biên chưa nghe máy chủ web nào ở đây; máy chủ không "
			      "có cổng này thì không thấy được")
		    : cli_text(p->options,
			      "not seen: no web server has told the daemon what it obeys, but gate.holds_file gives "
			      "them a list (without web servers here: off)",
			      "không thấy: chưa máy chủ web nào báo cho tiến trình biên nó làm theo gì, mà "
			      "gate.holds_file lại trao danh sách cho chúng (nếu ở đây không có máy chủ web: off)"));
}

static void look_at_gates(struct prove *p)
{
	const json_t *holds = json_object_get(p->daemon, "holds"), *policy = json_object_get(p->daemon, "policy");
	uint64_t gates = number_of(holds, "gates"), opened = number_of(policy, "edge_only_opened"),
		 open = number_of(policy, "edge_only_open");
	bool current = number_of(holds, "gates_stamp") >= number_of(holds, "stamp");

	if (!gates) {
		say_no_gates(p, p->daemon && !p->config->gate.holds_file && !opened);
		return;
	}
	say(p, "web-servers", p->daemon && current && !opened && !open,
		cli_text(p->options,
			"the daemon: %llu workers of web servers have spoken, %s; sites of edge-only systems that one "
			"of them may open, by its own "
			"word: %llu; events of requests that one has looked into, since the link began: %llu",
			"tiến trình biên: %llu tiến trình máy chủ web đã lên tiếng, %s; số trang của hệ thống "
			"chỉ-ở-biên mà một tiến trình còn có thể "
			"mở, theo lời nó: %llu; sự kiện về yêu cầu đã bị xem vào trong, từ khi kết nối chạy: %llu"),
		(unsigned long long)gates,
		current ? cli_text(p->options, "all with the list of now", "đều có danh sách hiện tại")
			: cli_text(p->options, "one of them with an older list", "có tiến trình còn giữ danh sách cũ"),
		(unsigned long long)open, (unsigned long long)opened);
}

/* ---- What leaves ---- */

static void look_at_link(struct prove *p)
{
	const json_t *policy = json_object_get(p->daemon, "policy");
	size_t wanted = 0;

	for (size_t i = 0; i < p->policy.row_count; i++)
		wanted += p->policy.rows[i].edge_only;
	say(p, "link", policy && number_of(policy, "edge_only") == wanted,
		cli_text(p->options,
			"the link to the hub watches %llu edge-only prefixes (the signed policy has %zu) and has taken "
			"%llu members with content out "
			"of events",
			"kết nối tới trung tâm canh %llu dải chỉ-ở-biên (chính sách đã ký có %zu) và đã bỏ %llu trường "
			"có nội dung khỏi các sự kiện"),
		(unsigned long long)number_of(policy, "edge_only"), wanted,
		(unsigned long long)number_of(policy, "content_removed"));
}

struct scanned {
	size_t files, lines, about, bad, unread;
	char name[PAYLOAD_NAME_SIZE];
};

static void scan_batch(const struct prove *p, struct bytes packed, struct scanned *s)
{
	struct batch batch;
	struct bytes line;
	size_t pos = 0;

	if (batch_open(packed, &batch)) {
		s->unread++;
		return;
	}
	while (batch_next(&batch, &pos, &line)) {
		char name[PAYLOAD_NAME_SIZE];
		struct ip_addr src, dst;
		size_t count;

		s->lines++;
		if (payload_ends(line, &src, &dst) || payload_count(line, &count, name)) {
			s->unread++;
			continue;
		}
		if (!is_about(p, &src) && !is_about(p, &dst))
			continue;
		s->about++;
		s->bad += count != 0;
		if (count)
			memcpy(s->name, name, sizeof(name));
	}
	batch_done(&batch);
}

/* Batches that the hub takes meanwhile are gone, and need not be looked at. */
static void look_at_spool(struct prove *p)
{
	char path[PATH_MAX + 16];
	struct scanned s = { 0 };
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/spool", p->dir);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		uint8_t *text;
		size_t size;
		int error;

		if (!strstr(entry->d_name, "-e-") || files_is_temporary(entry->d_name))
			continue;
		error = files_read(dirfd(dir), entry->d_name, BATCH_PACKED_MAX, &text, &size);
		if (error == LUYTRE_E_NOT_FOUND)
			continue;
		s.files++;
		if (error) {
			s.unread++;
			continue;
		}
		scan_batch(p, bytes_of(text, size), &s);
		free(text);
	}
	say(p, "spool", dir && !s.bad && !s.unread,
		cli_text(p->options,
			"%s: %zu batches with %zu events read, %zu of them about this system, %zu with content%s%s, "
			"%zu that cannot be read",
			"%s: đã đọc %zu lô với %zu sự kiện, %zu về hệ thống này, %zu có nội dung%s%s, %zu không đọc "
			"được"),
		path, s.files, s.lines, s.about, s.bad, s.name[0] ? " " : "", s.name, s.unread);
	if (dir)
		closedir(dir);
}

/* What stands in nobody's files that we read: said, not proved. */
static void say_unseen(struct prove *p)
{
	p->conditions[p->condition_count].statement = true;
	say(p, "keys", true, "%s",
		cli_text(p->options,
			"the edge has no setting for keys of TLS, the sensor cannot decrypt, and no name of this "
			"system is in the configuration with "
			"one. Not seen by us: keys and certificates of web servers on this machine, what other "
			"programs capture, and evidence that "
			"was kept before the system became edge-only",
			"điểm biên không có cài đặt nào cho khóa TLS, bộ cảm biến không giải mã được, và cấu hình "
			"không gắn khóa nào với hệ thống này. "
			"Chúng tôi không thấy được: khóa và chứng thư của các máy chủ web trên máy này, những gì "
			"chương trình khác bắt được, và bằng "
			"chứng đã lưu trước khi hệ thống thành chỉ-ở-biên"));
}

/* ---- The whole ---- */

static bool print_text(const struct prove *p)
{
	bool all = true;

	for (size_t i = 0; i < p->condition_count; i++) {
		const struct condition *c = &p->conditions[i];

		all = all && c->ok;
		printf("%-5s %-12s %s\n",
			c->statement ? cli_text(p->options, "said", "nói")
			: c->ok      ? "ok"
				     : cli_text(p->options, "FAIL", "HỎNG"),
			c->name, c->text);
	}
	printf(all ? cli_text(p->options, "System %u is only watched at the edge here.\n",
			     "Hệ thống %u chỉ được giám sát tại biên ở đây.\n")
		   : cli_text(p->options, "It is not proved that system %u is only watched at the edge here.\n",
			     "Chưa chứng minh được hệ thống %u chỉ được giám sát tại biên ở đây.\n"),
		p->system);
	return all;
}

static bool print_json(const struct prove *p)
{
	json_t *list = json_array(), *root;
	bool all = true;

	for (size_t i = 0; i < p->condition_count; i++) {
		const struct condition *c = &p->conditions[i];

		all = all && c->ok;
		/* A statement has no "ok". */
		json_array_append_new(list,
			c->statement
				? json_pack("{s:s, s:b, s:s}", "name", c->name, "statement", 1, "said", c->text)
				: json_pack("{s:s, s:b, s:s}", "name", c->name, "ok", c->ok, "looked_at", c->text));
	}
	root = json_pack("{s:i, s:s, s:b, s:o}", "system", (int)p->system, "property", "edge-only", "proved", all,
		"conditions", list);
	if (root)
		json_dumpf(root, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(root);
	return all && root;
}

static int prove(struct prove *p)
{
	bool all;

	snprintf(p->dir, sizeof(p->dir), "%s/" LINK_DIR, p->config->state_dir);
	if (!look_at_policy(p)) {
		look_at_daemon(p);
		look_at_sensor(p);
		look_at_list(p);
		look_at_gates(p);
		look_at_link(p);
		look_at_spool(p);
		say_unseen(p);
	}
	all = p->options->json ? print_json(p) : print_text(p);
	json_decref(p->daemon);
	json_decref(p->sensor);
	policyfile_done(&p->policy);
	free(p->rows);
	free(p->text);
	return all ? CLI_DONE : CLI_FAILED;
}

int cli_prove(const struct cli_options *options)
{
	struct prove p = { .options = options };
	unsigned long long system;
	struct config_errors *errors;
	char *end;
	int code;

	system = options->word_count == 1 ? strtoull(options->words[0], &end, 10) : 0;
	if (strcmp(options->prove, "edge-only") != 0 || !system || *end || system > UINT32_MAX) {
		fprintf(stderr, "luytre: status --prove edge-only SYSTEM: %s\n",
			cli_text(options, "SYSTEM is the number of a system at the hub",
				"SYSTEM là số của một hệ thống ở trung tâm"));
		return CLI_USAGE;
	}
	errors = calloc(1, sizeof(*errors));
	if (!errors || config_load(options->config ? options->config : DEFAULT_CONFIG, shield_reflect_name, errors,
			       &p.config)) {
		if (errors)
			config_errors_print(stderr, errors);
		free(errors);
		return CLI_FAILED;
	}
	free(errors);
	p.system = (uint32_t)system;
	signal(SIGPIPE, SIG_IGN); /* who hangs up on a question has not answered it */
	code = prove(&p);
	config_free(p.config);
	return code;
}
