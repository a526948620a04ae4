// SPDX-License-Identifier: Apache-2.0
/* `luytre`: one program, one row for each verb (cli.h). Without a verb it shows the status. */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"

#define DEFAULT_SOCKET "/run/luytre/control.sock"
#define DEFAULT_CONFIG "/etc/luytre/luytre.yaml"
#define DEFAULT_PINS   "/sys/fs/bpf/luytre"

const struct cli_verb cli_verbs[] = {
	{ "run",
		"[--config FILE | --interface DEV [--tenant PREFIXES] [--enforce]] [--[no-]hub] [--rules PATH] "
		"[--detach]",
		"Put the shield in front of an interface and watch over it.",
		"Dựng lá chắn trước một giao diện mạng và trông coi nó.",
		"Reads the configuration (" DEFAULT_CONFIG
		" unless --config or --interface is given), attaches the filter,\n"
		"gives up its privileges and runs in the foreground until SIGTERM. SIGHUP reads the configuration "
		"again.\n"
		"The filter stays when the daemon stops; `luytre shield detach DEV` takes it off, and --detach does "
		"so\n"
		"when the daemon stops. Without a file the tenant is in shadow (counted, not enforced) unless "
		"--enforce is given.\n"
		"  --hub         a hub with its console beside it, and the edge enrolled there: the default without a "
		"file,\n"
		"                with one when it says `hub: {run: true}`. Address and first password are printed "
		"once\n"
		"  --no-hub      the edge alone\n"
		"  --rules PATH  the sensor too, looking on at the same interface with these rules (with --interface)",
		"Đọc cấu hình (" DEFAULT_CONFIG
		" nếu không có --config hoặc --interface), gắn bộ lọc, từ bỏ đặc quyền\n"
		"và chạy đến khi nhận SIGTERM. SIGHUP đọc lại cấu hình. Bộ lọc vẫn ở lại khi tiến trình dừng;\n"
		"`luytre shield detach DEV` gỡ nó ra, còn --detach gỡ khi tiến trình dừng. Không có tệp cấu hình thì "
		"tổ chức ở chế độ bóng (chỉ đếm, không\n"
		"chặn) trừ khi có --enforce.\n"
		"  --hub         kèm trung tâm và bảng điều khiển, điểm biên tự ghi danh: mặc định khi không có tệp "
		"cấu hình,\n"
		"                có tệp thì khi tệp ghi `hub: {run: true}`. Địa chỉ và mật khẩu đầu tiên chỉ in một "
		"lần\n"
		"  --no-hub      chỉ điểm biên\n"
		"  --rules PATH  kèm bộ cảm biến quan sát cùng giao diện với các luật này (khi có --interface)",
		cli_run },
	{ "edge", "[enrol URL --token TOKEN | status | link] [--config FILE | --interface DEV …]",
		"The daemon, as run; enrol at a hub, and how the link to it is.",
		"Tiến trình như run; ghi danh tại trung tâm, và tình trạng kết nối với trung tâm.",
		"Without a further word it is `luytre run`.\n"
		"  enrol URL --token T   makes a key, has the hub sign it, keeps both below state_dir\n"
		"  status                how the link to the hub is\n"
		"  link                  the link alone, for hosts that run only sensor or gate: sends their events",
		"Không có từ nào theo sau thì như `luytre run`.\n"
		"  enrol URL --token T   tạo khóa, xin trung tâm ký, lưu cả hai dưới state_dir\n"
		"  status                tình trạng kết nối với trung tâm\n"
		"  link                  chỉ phần kết nối, cho máy chỉ có bộ cảm biến hoặc cổng web",
		cli_edge },
	{ "status", "[--prove edge-only SYSTEM]", "What the shield does right now.", "Lá chắn đang làm gì.",
		"--prove edge-only SYSTEM  proves that the system with this number at the hub is only watched here: "
		"looks at the signed\n"
		"policy, the daemon, the sensor, web servers and the events that wait for the hub, and prints each "
		"condition with what\n"
		"was looked at. Exit code 0: proved, 1: a condition fails or could not be looked at.",
		"--prove edge-only HỆ_THỐNG  chứng minh hệ thống mang số này ở trung tâm chỉ được giám sát tại biên: "
		"xem chính sách đã ký,\n"
		"tiến trình biên, bộ cảm biến, máy chủ web và các sự kiện đang chờ gửi, in từng điều kiện và thứ đã "
		"được xem.\n"
		"Mã thoát 0: đã chứng minh, 1: có điều kiện không đạt hoặc không xem được.",
		cli_status },
	{ "shield", "VERB …", "Look at the shield and steer it; `luytre shield --help` lists the verbs.",
		"Xem và điều khiển lá chắn; `luytre shield --help` liệt kê các lệnh.", NULL, NULL, cli_shield },
	{ "replay", "FILE.pcap [--rules PATH …] [--eve FILE] [--suricata-config FILE] [--set OPTION=VALUE …]",
		"Send a capture through the sensor, or through the shield's filter; needs no root.",
		"Cho một tệp bắt gói đi qua bộ cảm biến, hoặc qua bộ lọc của lá chắn; không cần root.",
		"With --rules, --eve, --suricata-config, --set or --simulate-ips the sensor reads the capture (pcap or "
		"pcapng,\n"
		"also compressed; - is standard input) and writes events as EVE JSON.\n"
		"  --rules PATH           rules in Suricata's language: a file, a folder or a pattern; may be "
		"repeated\n"
		"  --eve FILE             where eve.json goes; other outputs go beside it\n"
		"  --suricata-config FILE options of an existing suricata.yaml\n"
		"  --set OPTION=VALUE     one option, dotted: stream.midstream=true\n"
		"  --simulate-ips         act as if inline: drop and reject count\n"
		"  --init-errors-fatal    a rule or option that cannot be read ends the run with exit code 1\n"
		"  -k none                use packets with wrong checksums all the same\n"
		"  --data-dir DIR         where data sets are saved\n"
		"  --cache DIR            keep compiled patterns there: the next start is faster\n"
		"  --profile              show what each rule cost\n"
		"  -T                     load rules and options only\n"
		"Without these the capture goes through the shield's filter: it counts what would happen to each "
		"packet, by\n"
		"tenant and reason. `luytre shield explain --pcap FILE` tells it packet by packet.",
		"Với --rules, --eve, --suricata-config, --set hoặc --simulate-ips, bộ cảm biến đọc tệp (pcap hoặc "
		"pcapng, kể cả\n"
		"nén; - là đầu vào chuẩn) và ghi sự kiện dạng EVE JSON.\n"
		"  --rules ĐƯỜNG_DẪN      luật theo ngôn ngữ Suricata: tệp, thư mục hoặc mẫu tên; có thể lặp lại\n"
		"  --eve TỆP              nơi ghi eve.json; các đầu ra khác nằm cùng chỗ\n"
		"  --suricata-config TỆP  các tùy chọn của một suricata.yaml sẵn có\n"
		"  --set TÊN=GIÁ_TRỊ      một tùy chọn, có dấu chấm: stream.midstream=true\n"
		"  --simulate-ips         như khi đặt trên đường truyền: drop và reject có hiệu lực\n"
		"  --init-errors-fatal    luật hoặc tùy chọn không đọc được thì dừng với mã thoát 1\n"
		"  -k none                vẫn dùng các gói có tổng kiểm tra sai\n"
		"  --data-dir THƯ_MỤC     nơi lưu các tập dữ liệu\n"
		"  --cache THƯ_MỤC        giữ các mẫu đã biên dịch: lần sau khởi động nhanh hơn\n"
		"  --profile              cho thấy mỗi luật tốn bao nhiêu\n"
		"  -T                     chỉ nạp luật và tùy chọn\n"
		"Không có các tùy chọn ấy, tệp đi qua bộ lọc của lá chắn: đếm điều sẽ xảy ra với từng gói, theo tổ "
		"chức và lý\n"
		"do. `luytre shield explain --pcap TỆP` kể từng gói một.",
		cli_replay_any },
	{ "sensor", "VERB …", "The running sensor: start it, look at it, reload its rules.",
		"Bộ cảm biến đang chạy: khởi động, xem, nạp lại luật.", NULL, NULL, cli_sensor },
	{ "gate", "VERB …", "The web gate's rules without a web server: judge requests, look at the rules.",
		"Luật của cổng web mà không cần máy chủ web: xét yêu cầu, xem luật.", NULL, NULL, cli_gate },
	{ "hub", "[--socket PATH] VERB …",
		"The hub: run it, look at its decisions, invite edges; `luytre hub --help` lists the verbs.",
		"Trung tâm: chạy, xem các quyết định, mời điểm biên; `luytre hub --help` liệt kê các lệnh.", NULL, NULL,
		cli_hub },
	{ "rules", "VERB …", "Look at rules in Suricata's language: how many load, which do not and why.",
		"Xem luật theo ngôn ngữ Suricata: bao nhiêu luật nạp được, luật nào không và vì sao.", NULL, NULL,
		cli_rules },
	{ "check", "[FILE]", "Check a configuration file; says file, line, what was found and what was expected.",
		"Kiểm tra tệp cấu hình; nêu tệp, dòng, điều tìm thấy và điều mong đợi.", NULL, NULL, cli_check },
	{ "config", "reference [en|vi]", "Print the reference page of all settings.",
		"In trang tham chiếu mọi thiết lập.", NULL, NULL, cli_config },
	{ "reload", "", "Make the daemon read its configuration again; a bad file changes nothing.",
		"Cho tiến trình đọc lại cấu hình; tệp lỗi không làm thay đổi gì.", NULL, NULL, cli_control },
	{ "help", "[VERB]", "This page, or that of one verb.", "Trang này, hoặc trang của một lệnh.", NULL, NULL,
		cli_help },
	{ "version", "", "Print the version.", "In phiên bản.", NULL, NULL, cli_version },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};

static enum luytre_lang default_lang(void)
{
	const char *names[] = { "LUYTRE_LANG", "LC_ALL", "LC_MESSAGES", "LANG" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strncmp(value, "vi", 2) ? LUYTRE_LANG_EN : LUYTRE_LANG_VI;
	}
	return LUYTRE_LANG_EN;
}

enum {
	OPT_HELP = 256,
	OPT_JSON,
	OPT_LANG,
	OPT_SOCKET,
	OPT_CONFIG,
	OPT_INTERFACE,
	OPT_TENANT,
	OPT_DETACH,
	OPT_LIVE,
	OPT_ENFORCE,
	OPT_DEBUG,
	OPT_NO_SANDBOX,
	OPT_PINS,
	OPT_PCAP,
	OPT_TOKEN,
	OPT_HUB,
	OPT_NO_HUB,
	OPT_RULES,
	OPT_PROVE,
	OPT_VERSION
};

static const struct option long_options[] = { { "help", no_argument, NULL, OPT_HELP },
	{ "json", no_argument, NULL, OPT_JSON }, { "lang", required_argument, NULL, OPT_LANG },
	{ "socket", required_argument, NULL, OPT_SOCKET }, { "config", required_argument, NULL, OPT_CONFIG },
	{ "interface", required_argument, NULL, OPT_INTERFACE }, { "tenant", required_argument, NULL, OPT_TENANT },
	{ "detach", no_argument, NULL, OPT_DETACH }, { "live", no_argument, NULL, OPT_LIVE },
	{ "detach", no_argument, NULL, OPT_DETACH }, { "enforce", no_argument, NULL, OPT_ENFORCE },
	{ "debug", no_argument, NULL, OPT_DEBUG }, { "no-sandbox", no_argument, NULL, OPT_NO_SANDBOX },
	{ "pin-dir", required_argument, NULL, OPT_PINS }, { "pcap", required_argument, NULL, OPT_PCAP },
	{ "token", required_argument, NULL, OPT_TOKEN }, { "hub", no_argument, NULL, OPT_HUB },
	{ "no-hub", no_argument, NULL, OPT_NO_HUB }, { "rules", required_argument, NULL, OPT_RULES },
	{ "prove", required_argument, NULL, OPT_PROVE }, { "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 } };

/* CLI_DONE to go on; sets *ret_help when help was asked for. */
static int parse_options(int argc, char **argv, struct cli_options *o, bool *ret_help)
{
	int c;

	while ((c = getopt_long(argc, argv, "c:i:hj", long_options, NULL)) != -1) {
		switch (c) {
		case 'h':
		case OPT_HELP:
			*ret_help = true;
			break;
		case 'j':
		case OPT_JSON:
			o->json = true;
			break;
		case OPT_LANG:
			if (strcmp(optarg, "vi") && strcmp(optarg, "en")) {
				fprintf(stderr, "luytre: --lang expects vi or en, found %s\n", optarg);
				return CLI_USAGE;
			}
			o->lang = strcmp(optarg, "vi") ? LUYTRE_LANG_EN : LUYTRE_LANG_VI;
			break;
		case OPT_SOCKET:
			o->socket = optarg;
			break;
		case 'c':
		case OPT_CONFIG:
			o->config = optarg;
			break;
		case 'i':
		case OPT_INTERFACE:
			o->interface = optarg;
			break;
		case OPT_TENANT:
			o->tenant = optarg;
			break;
		case OPT_LIVE:
			o->live = true;
			break;
		case OPT_DETACH:
			o->detach = true;
			break;
		case OPT_ENFORCE:
			o->enforce = true;
			break;
		case OPT_DEBUG:
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case OPT_NO_SANDBOX:
			o->no_sandbox = true;
			break;
		case OPT_PINS:
			o->pin_dir = optarg;
			break;
		case OPT_PCAP:
			o->pcap = optarg;
			break;
		case OPT_TOKEN:
			o->token = optarg;
			break;
		case OPT_HUB:
			o->hub = true;
			break;
		case OPT_NO_HUB:
			o->no_hub = true;
			break;
		case OPT_RULES:
			o->rules = optarg;
			break;
		case OPT_PROVE:
			o->prove = optarg;
			break;
		case OPT_VERSION:
			o->verb = "version";
			break;
		default:
			fprintf(stderr, "luytre: `luytre --help` lists verbs and options\n");
			return CLI_USAGE;
		}
	}
	return CLI_DONE;
}

/* The sensor's verbs have many options of their own and get everything from the verb on. */
static bool reads_own_options(const struct cli_verb *verb)
{
	return verb->run == cli_replay_any || verb->run == cli_rules || verb->run == cli_sensor ||
	       verb->run == cli_gate || verb->run == cli_hub;
}

/* Help for a group of verbs, or for the one of them that is named. */
static void help_group(const struct cli_verb *verbs, const char *prefix, const struct cli_options *options)
{
	const struct cli_verb *verb = options->word_count ? cli_find(verbs, options->words[0]) : NULL;

	if (verb)
		cli_print_verb_help(verb, prefix, options->lang);
	else
		cli_print_help(verbs, prefix, options->lang);
}

int main(int argc, char **argv)
{
	struct cli_options o = { .socket = getenv("LUYTRE_SOCKET"), .pin_dir = DEFAULT_PINS };
	const struct cli_verb *verb;
	bool help = false;
	int error;

	setlocale(LC_CTYPE, "");
	log_init();
	o.lang = default_lang();
	if (!o.socket || !*o.socket)
		o.socket = DEFAULT_SOCKET;
	verb = argc > 1 ? cli_find(cli_verbs, argv[1]) : NULL;
	if (verb && reads_own_options(verb)) {
		o.verb = verb->name;
		o.words = argv + 1;
		o.word_count = argc - 1;
		return verb->run(&o);
	}
	error = parse_options(argc, argv, &o, &help);
	if (error)
		return error;
	if (!o.verb)
		o.verb = optind < argc ? argv[optind++] : help ? "help" : "status";
	o.words = argv + optind;
	o.word_count = argc - optind;
	verb = cli_find(cli_verbs, o.verb);
	if (!verb) {
		fprintf(stderr, "luytre: there is no verb %s; `luytre --help` lists them\n", o.verb);
		return CLI_USAGE;
	}
	if (help && verb->run != cli_help && verb->run != cli_shield && verb->run != cli_config) {
		cli_print_verb_help(verb, "luytre", o.lang);
		return CLI_DONE;
	}
	if (help && verb->run != cli_help) {
		help_group(verb->run == cli_shield ? cli_shield_verbs : cli_config_verbs,
			verb->run == cli_shield ? "luytre shield" : "luytre config", &o);
		return CLI_DONE;
	}
	return verb->run(&o);
}
