// SPDX-License-Identifier: Apache-2.0
/* The lab: a small internet of network namespaces with luytre in its middle, ordinary clients, real attacks, and a view
 * of what happens. It needs root, ends by itself, and leaves nothing behind (guard.h). README.md has the drawing.
 *
 * This file reads the options, starts the parts in order and runs the loop: ten times a second it reads the counters
 * of luytre, takes over what the clients report, lets the scenario go on and the view draw. */
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "lab/process.h"
#include "lab/summary.h"
#include "lab/view.h"

enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_SKIPPED = 77,
	TICK_MS = 100,
	SILENCE_MAX = 30,
	LINGER_TICKS = 5
};

#define ACCOUNT "demo" /* of the console */

struct options {
	char luytre[PATH_MAX], pktblast[PATH_MAX], gate[PATH_MAX], holds[PATH_MAX];
	enum luytre_lang lang;
	bool is_short, json, stay;
	bool floods, nation; /* the parts of the play */
};

struct lab {
	struct options options;
	struct guard_names names;
	struct topology topology;
	struct traffic *traffic;
	struct clients clients;
	struct scenario scenario;
	struct nation nation;
	struct view view;
	struct loop *loop;
	char console[192]; /* where it is and how one gets in; "" without */
	bool sensors; /* have been started */
	bool staying; /* the play is over */
	int guard_fd;
	unsigned int silence_count; /* looks without an answer of luytre, in a row */
	unsigned int linger_count; /* looks after the last phase, for the last clients' results */
	bool interrupted, failed;
};

static const struct lab_text usage_text = {
	"usage: luytre-lab [--luytre PROGRAM] [--pktblast PROGRAM] [--part floods|nation] [--short]\n"
	"                  [--gate MODULE] [--holds FOLDER] [--stay] [--json] [--lang en|vi]\n\n"
	"Runs a hub and two edges between an outside and an inside made of network namespaces, with\n"
	"twenty organisations, ordinary clients and real attacks. Needs root; leaves nothing behind.\n\n"
	"  --luytre    the program to run; otherwise luytre beside this one's folder, or in PATH\n"
	"  --pktblast  the attacker; otherwise tools/pktblast beside this program\n"
	"  --gate      nginx's module of the gate; otherwise where the build puts it. Without: no gate\n"
	"  --holds     folder of the rules that hold; otherwise rules/gate of the sources\n"
	"  --part      floods: at one edge. nation: one is hit, all are guarded. Otherwise both\n"
	"  --short     half a minute instead of a minute and a half\n"
	"  --stay      afterwards hub and console go on, with an attack now and then, until Ctrl-C\n"
	"  --json      the summary as JSON on standard output, all else on standard error\n"
	"  --lang      language of the view; otherwise that of the environment\n\n"
	"Exit status: 0 all promises kept, 1 not, 2 wrong usage, 77 the kernel cannot do this.\n",
	"cách dùng: luytre-lab [--luytre CT] [--pktblast CT] [--part floods|nation] [--short]\n"
	"                      [--gate TỆP] [--holds THƯ_MỤC] [--stay] [--json] [--lang en|vi]\n\n"
	"Chạy một trung tâm và hai điểm biên giữa bên ngoài và bên trong, làm bằng không gian tên mạng,\n"
	"với hai mươi tổ chức, người dùng bình thường và tấn công thật. Cần quyền root; không để lại gì.\n\n"
	"  --luytre    chương trình luytre; mặc định ở cạnh thư mục này, hoặc trong PATH\n"
	"  --pktblast  bên tấn công; mặc định tools/pktblast cạnh chương trình này\n"
	"  --gate      mô-đun cổng web của nginx; mặc định nơi bản dựng đặt. Không có: bỏ cổng web\n"
	"  --holds     thư mục luật chặn giữ; mặc định rules/gate của mã nguồn\n"
	"  --part      floods: tràn ngập ở một điểm biên. nation: một nơi bị đánh, mọi nơi được giữ. Mặc định cả hai\n"
	"  --short     nửa phút thay vì một phút rưỡi\n"
	"  --stay      sau đó trung tâm và bảng điều khiển vẫn chạy, thỉnh thoảng có tấn công, đến khi Ctrl-C\n"
	"  --json      tổng kết dạng JSON ra đầu ra chuẩn, còn lại ra đầu ra lỗi\n"
	"  --lang      ngôn ngữ; mặc định theo môi trường\n\n"
	"Mã thoát: 0 đạt mọi cam kết, 1 không đạt, 2 dùng sai, 77 nhân không làm được.\n",
};

static const struct lab_text text_root = {
	"The lab makes network namespaces and needs root: run it with sudo.",
	"Phòng thí nghiệm tạo không gian tên mạng nên cần quyền root: hãy chạy với sudo.",
};

static const struct lab_text text_missing = { "missing", "thiếu" };
static const struct lab_text text_remedy = { "get it with", "cài đặt bằng" };

static const struct lab_text text_console = { "Console", "Bảng điều khiển" };
static const struct lab_text text_account = { "account", "tài khoản" };
static const struct lab_text text_password = { "password", "mật khẩu" };
static const struct lab_text text_certificate = {
	"The certificate was made a moment ago, so the browser warns; hub and password end with the lab.",
	"Chứng chỉ vừa được tạo nên trình duyệt sẽ cảnh báo; trung tâm và mật khẩu mất khi dừng.",
};
static const struct lab_text text_staying = {
	"Hub, edges and clients go on, with an attack every few seconds. Ctrl-C ends.",
	"Trung tâm, điểm biên và người dùng vẫn chạy, vài giây có một tấn công. Ctrl-C để dừng.",
};
static const struct lab_text text_building = { "Building the lab ...", "Đang dựng phòng thí nghiệm ..." };

static enum luytre_lang lang_of_environment(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strncmp(value, "vi", 2) ? LUYTRE_LANG_EN : LUYTRE_LANG_VI;
	}
	return LUYTRE_LANG_EN;
}

/* The programs stand where the build puts them: pktblast a folder lower, luytre a folder higher. */
static void default_programs(struct options *options)
{
	char self[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *dir;

	if (size < 0)
		return;
	self[size] = 0;
	dir = dirname(self);
	snprintf(options->pktblast, sizeof(options->pktblast), "%.4000s/tools/pktblast", dir);
	snprintf(options->luytre, sizeof(options->luytre), "%.4000s/../luytre", dir);
	if (access(options->luytre, X_OK))
		snprintf(options->luytre, sizeof(options->luytre), "luytre");
	snprintf(options->gate, sizeof(options->gate), "%.4000s/../src/gate/nginx/ngx_http_luytre_gate_module.so", dir);
	snprintf(options->holds, sizeof(options->holds), "%.4000s/../../rules/gate", dir);
}

static int read_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = { { "luytre", required_argument, NULL, 'l' },
		{ "pktblast", required_argument, NULL, 'p' }, { "gate", required_argument, NULL, 'g' },
		{ "holds", required_argument, NULL, 'H' }, { "short", no_argument, NULL, 's' },
		{ "stay", no_argument, NULL, 'S' }, { "part", required_argument, NULL, 'P' },
		{ "json", no_argument, NULL, 'j' }, { "lang", required_argument, NULL, 'L' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	char gate[PATH_MAX] = "", holds[PATH_MAX] = "";
	int option;

	options->lang = lang_of_environment();
	options->floods = options->nation = true;
	default_programs(options);
	while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		switch (option) {
		case 'l':
			snprintf(options->luytre, sizeof(options->luytre), "%s", optarg);
			break;
		case 'p':
			snprintf(options->pktblast, sizeof(options->pktblast), "%s", optarg);
			break;
		case 'g':
			snprintf(options->gate, sizeof(options->gate), "%s", optarg);
			break;
		case 'H':
			snprintf(options->holds, sizeof(options->holds), "%s", optarg);
			break;
		case 's':
			options->is_short = true;
			break;
		case 'S':
			options->stay = true;
			break;
		case 'P':
			options->floods = !strcmp(optarg, "floods");
			options->nation = !strcmp(optarg, "nation");
			if (!options->floods && !options->nation)
				return EXIT_USAGE;
			break;
		case 'j':
			options->json = true;
			break;
		case 'L':
			if (strcmp(optarg, "en") && strcmp(optarg, "vi"))
				return EXIT_USAGE;
			options->lang = strcmp(optarg, "vi") ? LUYTRE_LANG_EN : LUYTRE_LANG_VI;
			break;
		case 'h':
			fputs(text_of(&usage_text, options->lang), stdout);
			exit(EXIT_DONE);
		default:
			return EXIT_USAGE;
		}
	}
	/* One without the other is nothing; nginx wants whole paths. */
	if (access(options->gate, R_OK) || access(options->holds, R_OK) || !realpath(options->gate, gate) ||
		!realpath(options->holds, holds))
		gate[0] = holds[0] = 0;
	snprintf(options->gate, sizeof(options->gate), "%s", gate);
	snprintf(options->holds, sizeof(options->holds), "%s", holds);
	return optind == argc ? EXIT_DONE : EXIT_USAGE;
}

static bool is_in_path(const char *name)
{
	char path[PATH_MAX], all[PATH_MAX];
	char *save = NULL;

	if (strchr(name, '/'))
		return !access(name, X_OK);
	snprintf(all, sizeof(all), "%s", getenv("PATH"));
	for (const char *dir = strtok_r(all, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		snprintf(path, sizeof(path), "%.2000s/%.2000s", dir, name);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

/* Root, the programs, each with the way to get it, and what the kernel must be able to do. */
static int check_machine(const struct options *options)
{
	const char *tools[][2] = { { "ip", "apt install iproute2" }, { "tc", "apt install iproute2" },
		{ "nft", "apt install nftables" }, { "nginx", "apt install nginx" }, { options->luytre, "make build" },
		{ options->pktblast, "make build" } };
	char path[PATH_MAX];

	if (geteuid()) {
		fprintf(stderr, "luytre-lab: %s\n", text_of(&text_root, options->lang));
		return EXIT_FAILED;
	}
	snprintf(path, sizeof(path), "%s:/usr/local/sbin:/usr/sbin:/sbin",
		getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
	setenv("PATH", path, 1);
	for (size_t i = 0; i < ARRAY_COUNT(tools); i++)
		if (!is_in_path(tools[i][0])) {
			fprintf(stderr, "luytre-lab: %s: %s; %s: %s\n", text_of(&text_missing, options->lang),
				tools[i][0], text_of(&text_remedy, options->lang), tools[i][1]);
			return EXIT_FAILED;
		}
	if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL) != 1 || access("/sys/fs/bpf", W_OK)) {
		fprintf(stderr, "luytre-lab: this kernel loads no XDP programs, or /sys/fs/bpf is missing\n");
		return EXIT_SKIPPED;
	}
	return EXIT_DONE;
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static void fail(struct lab *lab)
{
	lab->failed = true;
	loop_stop(lab->loop);
}

static bool parts_are_running(struct lab *lab)
{
	const char *failed = topology_failed(&lab->topology);

	if (failed) {
		view_close(&lab->view);
		log_error("%s ended in the middle of the run", failed);
		process_print_log(lab->topology.log);
		return false;
	}
	if (nation_has_failed(&lab->nation)) {
		view_close(&lab->view);
		log_error("the attackers ended in the middle of the run");
		return false;
	}
	if (!traffic_is_running(lab->traffic)) {
		view_close(&lab->view);
		log_error("the clients ended in the middle of the run");
		return false;
	}
	return true;
}

/* The second part follows on the first. Its sensors are started a phase earlier: they have to load their rules. */
static int go_on(struct lab *lab, const struct control_stats *stats)
{
	int error = scenario_tick(&lab->scenario, stats);

	if (!error && lab->options.nation && !lab->sensors && lab->scenario.index + 1 >= scenario_count()) {
		lab->sensors = true;
		error = topology_start_sensors(&lab->topology);
	}
	if (!error && lab->options.nation && scenario_is_over(&lab->scenario) && !lab->nation.records)
		error = nation_start(&lab->nation);
	return error;
}

static bool is_over(const struct lab *lab)
{
	return scenario_is_over(&lab->scenario) && (!lab->options.nation || nation_is_over(&lab->nation));
}

static void tick(struct loop *loop, uint64_t value, void *context)
{
	struct lab *lab = context;
	struct control_stats stats;

	if (!parts_are_running(lab) || clients_take(&lab->clients, lab->traffic)) {
		fail(lab);
		return;
	}
	if (lab->staying) {
		lab->clients.count = 0; /* nobody counts any more */
		return;
	}
	if (control_read_stats(lab->topology.control, &stats)) {
		if (++lab->silence_count < SILENCE_MAX)
			return;
		view_close(&lab->view);
		log_error("luytre answers no more");
		fail(lab);
		return;
	}
	lab->silence_count = 0;
	if (go_on(lab, &stats)) {
		fail(lab);
		return;
	}
	view_update(&lab->view, &stats);
	if (is_over(lab) && ++lab->linger_count == LINGER_TICKS)
		loop_stop(loop);
}

static void interrupt(struct loop *loop, uint64_t signal_number, void *context)
{
	struct lab *lab = context;

	lab->interrupted = true;
	loop_stop(loop);
}

static int add_sources(struct lab *lab)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	int error = loop_new(&lab->loop);

	for (size_t i = 0; i < ARRAY_COUNT(signals) && !error; i++)
		error = loop_add_signal(lab->loop, signals[i], interrupt, lab, NULL);
	return error ? error : loop_add_timer(lab->loop, TICK_MS, tick, lab, NULL);
}

/* An account that may see everything and lift decisions. (The hub's first one, "admin", rules accounts and settings, and would first
 * have to set up a second factor.) */
static int make_account(struct lab *lab)
{
	char password[64];
	int error = control_ask(
		lab->topology.hub_control, "account " ACCOUNT " analyst", "password", password, sizeof(password));

	if (!error)
		snprintf(lab->console, sizeof(lab->console), "https://127.0.0.1:%u/  " ACCOUNT "  %s",
			lab->topology.console_port, password);
	return error;
}

static void tell_console(const struct lab *lab)
{
	char url[64], account[32], password[64];

	if (sscanf(lab->console, "%63s %31s %63s", url, account, password) != 3)
		return;
	fprintf(lab->view.out, "\n  %s: %s   %s: %s   %s: %s\n  %s\n\n", text_of(&text_console, lab->options.lang), url,
		text_of(&text_account, lab->options.lang), account, text_of(&text_password, lab->options.lang),
		password, text_of(&text_certificate, lab->options.lang));
	fflush(lab->view.out);
}

static struct summary summary_of(const struct lab *lab)
{
	return (struct summary){ .scenario = &lab->scenario,
		.clients = &lab->clients,
		.nation = &lab->nation,
		.floods = lab->options.floods,
		.nation_part = lab->options.nation };
}

/* Tells how it went. */
static int conclude(const struct lab *lab)
{
	const struct summary summary = summary_of(lab);

	if (lab->options.json && summary_print_json(&summary, stdout))
		return EXIT_FAILED;
	if (!lab->options.json)
		summary_print(&summary, lab->options.lang, stdout);
	fflush(stdout);
	return summary_is_good(&summary) && !lab->interrupted ? EXIT_DONE : EXIT_FAILED;
}

/* The play is told of before the lab goes on: what comes then is not measured. */
static int stay(struct lab *lab, int *ret_status)
{
	int error;

	*ret_status = conclude(lab);
	tell_console(lab);
	fprintf(lab->view.out, "  %s\n", text_of(&text_staying, lab->options.lang));
	fflush(lab->view.out);
	lab->staying = true;
	error = loop_run(lab->loop);
	lab->interrupted = false;
	return error;
}

static int play(struct lab *lab)
{
	struct control_stats stats;
	int error = add_sources(lab);

	if (!error)
		error = topology_start(&lab->topology);
	if (!error)
		error = make_account(lab);
	if (error)
		return error;
	tell_console(lab);
	lab->traffic = traffic_start(&lab->topology);
	if (!lab->traffic)
		return LUYTRE_E_SYSTEM;
	error = control_read_stats(lab->topology.control, &stats);
	if (error)
		return error;
	scenario_begin(&lab->scenario, &stats);
	if (!lab->options.floods)
		error = scenario_skip(&lab->scenario);
	if (error)
		return error;
	view_open(&lab->view, &stats);
	error = loop_run(lab->loop);
	view_close(&lab->view);
	return error;
}

static int run(struct lab *lab, int *ret_status)
{
	int error = play(lab);

	*ret_status = EXIT_FAILED;
	if (!error && !lab->failed && !lab->interrupted && lab->options.stay)
		error = stay(lab, ret_status);
	return error;
}

static void clean_up(struct lab *lab)
{
	scenario_stop(&lab->scenario);
	nation_stop(&lab->nation);
	traffic_stop(lab->traffic);
	topology_stop(&lab->topology);
	loop_free(lab->loop);
	guard_finish(lab->guard_fd);
}

int main(int argc, char **argv)
{
	static struct lab lab;
	int error, status;
	bool screen;

	log_init();
	status = read_options(argc, argv, &lab.options);
	if (status) {
		fputs(text_of(&usage_text, lab.options.lang), stderr);
		return status;
	}
	status = check_machine(&lab.options);
	if (status)
		return status;
	screen = !lab.options.json && isatty(STDOUT_FILENO);
	signal(SIGPIPE, SIG_IGN);
	error = guard_names_init(&lab.names);
	if (!error)
		error = guard_start(&lab.names, screen, &lab.guard_fd);
	if (error) {
		log_error("cannot start: %s", error_text(error, lab.options.lang));
		return EXIT_FAILED;
	}
	lab.topology = (struct topology){ .names = &lab.names,
		.luytre = lab.options.luytre,
		.gate = lab.options.gate,
		.holds = lab.options.holds,
		.lang = lab.options.lang };
	lab.scenario = (struct scenario){
		.topology = &lab.topology, .pktblast = lab.options.pktblast, .is_short = lab.options.is_short
	};
	lab.nation = (struct nation){
		.topology = &lab.topology, .is_short = lab.options.is_short, .stays = lab.options.stay
	};
	lab.view = (struct view){ .out = lab.options.json ? stderr : stdout,
		.lang = lab.options.lang,
		.screen = screen,
		.scenario = &lab.scenario,
		.clients = &lab.clients,
		.nation = &lab.nation,
		.console = lab.console,
		.length_ms = (lab.options.floods ? scenario_length_ms(lab.options.is_short) : 0) +
			     (lab.options.nation ? nation_length_ms(lab.options.is_short) : 0) };
	fprintf(lab.view.out, "%s\n", text_of(&text_building, lab.options.lang));
	fflush(NULL);
	error = run(&lab, &status);
	clean_up(&lab);
	if (error || lab.failed)
		status = EXIT_FAILED;
	else if (!lab.staying)
		status = conclude(&lab);
	clients_done(&lab.clients);
	nation_done(&lab.nation);
	return status;
}
