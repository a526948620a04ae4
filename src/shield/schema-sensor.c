// SPDX-License-Identifier: Apache-2.0
/* The rows of `sensor:`, in the file and in each tenant; schema.c has the others. */
#include "shield/config-sensor.h"
#include "shield/schema-rows.h"

/* The order is that of the enums in config-sensor.h. */
static const char *const fails[] = { "closed", "open", NULL };
static const char *const spreads[] = { "flow", "address", "queue", NULL };
static const char *const output_types[] = { "file", "unix_stream", "unix_dgram", NULL };
static const char *const modes[] = { "tenant", "shadow", "enforce", "off", NULL };

#define FILES      .kind = SCHEMA_FILES, .max = 512
#define ONE_FILE   .kind = SCHEMA_FILE, .max = 4096
#define FOLDER     .kind = SCHEMA_PATH, .max = 1024
#define PAIRS      .kind = SCHEMA_PAIRS, .max = CONFIG_PAIRS_MAX
#define KIB        1024.0
#define MIB        (1024.0 * KIB)
#define GIB        (1024.0 * MIB)
#define CEILING(x) .kind = SCHEMA_SIZE, .min = MIB, .max = 1024 * GIB, .assumed = x

static const struct schema_row look_rows[] = {
	{ AT(config_sensor_look, interface), .kind = SCHEMA_INTERFACE, .required = true,
		.help = TEXT("Network interface to look on at.", "Giao diện mạng để đứng xem.") },
	{ AT(config_sensor_look, spread), CHOICE(spreads, "flow"),
		.help = TEXT(
			"How packets are spread over the workers: by the kernel's hash of the flow (`flow`), by both "
			"addresses, so that fragments stay with their flow (`address`), or as the network card chose "
			"(`queue`).",
			"Cách chia gói tin cho các luồng xử lý: theo mã băm của luồng trong nhân (`flow`), theo hai "
			"địa chỉ "
			"để các mảnh đi cùng luồng của chúng (`address`), hoặc như thẻ mạng đã chọn (`queue`).") },
	{ AT(config_sensor_look, ring_size), .kind = SCHEMA_SIZE, .min = MIB, .max = GIB, .fallback = "64M",
		.help = TEXT("Memory for packets that wait, of each worker.",
			"Bộ nhớ cho các gói đang chờ, của mỗi luồng xử lý.") },
	{ AT(config_sensor_look, promiscuous), FLAG("true"),
		.help = TEXT("Take packets for other machines as well.", "Nhận cả các gói gửi cho máy khác.") },
};

static const struct schema_section look = {
	.name = "sensor.look",
	.size = sizeof(struct config_sensor_look),
	.keeps_line = true,
	.help = TEXT("Looking on at an interface (AF_PACKET). Nothing waits for the sensor.",
		"Đứng xem một giao diện (AF_PACKET). Không gói nào phải chờ bộ cảm biến."),
	ROWS(look_rows),
};

static const struct schema_row wire_rows[] = {
	{ AT(config_sensor_wire, outside), .kind = SCHEMA_INTERFACE, .required = true, .unique = "wire",
		.help = TEXT("Interface that faces the outside.", "Giao diện hướng ra bên ngoài.") },
	{ AT(config_sensor_wire, inside), .kind = SCHEMA_INTERFACE, .required = true, .unique = "wire",
		.help = TEXT("Interface that faces the inside.", "Giao diện hướng vào bên trong.") },
	{ AT(config_sensor_wire, flow_idle_s), TIME(1, 86400, "100", "s"),
		.help = TEXT("A flow that the kernel decides alone is forgotten after so long without packets.",
			"Luồng mà nhân tự quyết được quên đi sau chừng ấy thời gian không có gói.") },
	{ AT(config_sensor_wire, detach), FLAG("false"),
		.help = TEXT("Take the wire off the interfaces when the sensor ends; else it goes on as `fail` says.",
			"Gỡ đường truyền khỏi các giao diện khi bộ cảm biến dừng; nếu không, nó tiếp tục như `fail` "
			"quy "
			"định.") },
};

static const struct schema_section wire = {
	.name = "sensor.wire",
	.size = sizeof(struct config_sensor_wire),
	.keeps_line = true,
	.help = TEXT("Standing between two interfaces (AF_XDP): `drop` and `reject` act.",
		"Đứng giữa hai giao diện (AF_XDP): `drop` và `reject` có hiệu lực."),
	ROWS(wire_rows),
};

static const struct schema_row nfqueue_rows[] = {
	{ AT(config_sensor_nfqueue, first), COUNT(0, 65535, "0"),
		.help = TEXT("Number of the first queue; each worker has one.",
			"Số của hàng đợi đầu tiên; mỗi luồng xử lý có một hàng đợi.") },
	{ AT(config_sensor_nfqueue, size), COUNT(1, 1000000, "8192"),
		.help = TEXT("Packets that may wait in each queue.", "Số gói được chờ trong mỗi hàng đợi.") },
	{ AT(config_sensor_nfqueue, bypass_mark), COUNT(0, UINT32_MAX, "0"),
		.help = TEXT("Mark for packets of flows that need no more inspection; 0: none.",
			"Dấu cho gói của các luồng không cần xét nữa; 0: không đánh dấu.") },
};

static const struct schema_section nfqueue = {
	.name = "sensor.nfqueue",
	.size = sizeof(struct config_sensor_nfqueue),
	.keeps_line = true,
	.help = TEXT("Judging what netfilter hands over on a routed host: `drop` and `reject` act.",
		"Xét những gì netfilter chuyển tới trên máy định tuyến: `drop` và `reject` có hiệu lực."),
	ROWS(nfqueue_rows),
};

static const struct schema_row folder_rows[] = {
	{ AT(config_sensor_folder, path), FOLDER, .required = true,
		.help = TEXT("Folder of capture files; each is read when its writer has closed it or moved it in.",
			"Thư mục chứa các tệp bắt gói; mỗi tệp được đọc khi đã ghi xong hoặc được chuyển vào.") },
	{ AT(config_sensor_folder, once), FLAG("false"),
		.help = TEXT("Read the files that are there, then end.", "Đọc những tệp đang có rồi kết thúc.") },
};

static const struct schema_section folder = {
	.name = "sensor.folder",
	.size = sizeof(struct config_sensor_folder),
	.keeps_line = true,
	.help = TEXT("Reading capture files.", "Đọc các tệp bắt gói."),
	ROWS(folder_rows),
};

static const struct schema_row memory_rows[] = {
	{ AT(config_sensor_memory, flow), CEILING("128M"), .help = TEXT("Flows.", "Các luồng kết nối.") },
	{ AT(config_sensor_memory, stream), CEILING("64M"), .help = TEXT("TCP sessions.", "Các phiên TCP.") },
	{ AT(config_sensor_memory, reassembly), CEILING("256M"),
		.help = TEXT(
			"Bytes of TCP streams that are put in order.", "Dữ liệu TCP đang được ghép theo thứ tự.") },
	{ AT(config_sensor_memory, defrag), CEILING("32M"),
		.help = TEXT("Fragments of packets; of each worker.", "Các mảnh gói tin; của mỗi luồng xử lý.") },
	{ AT(config_sensor_memory, thresholds), CEILING("16M"),
		.help = TEXT("Counters of `threshold` and `detection_filter`.",
			"Bộ đếm của `threshold` và `detection_filter`.") },
};

static const struct schema_section memory = {
	.name = "sensor.memory",
	.size = sizeof(struct config_sensor_memory),
	.help = TEXT(
		"Ceilings of memory, of the whole process where nothing else is said. What happens at a ceiling is in "
		"docs/sensor.md.",
		"Mức trần bộ nhớ, tính cho cả tiến trình nếu không ghi khác. Điều xảy ra khi chạm trần được mô tả "
		"trong "
		"docs/sensor.md."),
	ROWS(memory_rows),
};

static const struct schema_row output_rows[] = {
	{ AT(config_sensor_output, type), CHOICE(output_types, "file"),
		.help = TEXT("A file, or a Unix socket that somebody listens on: as a stream of lines or a datagram "
			     "for each "
			     "event.",
			"Một tệp, hoặc một Unix socket có chương trình lắng nghe: dạng dòng liên tục hoặc mỗi sự kiện "
			"một gói.") },
	{ AT(config_sensor_output, path), .kind = SCHEMA_TEXT, .max = 1024, .required = true,
		.help = TEXT("Where to; a relative path starts at `output_dir`.",
			"Nơi ghi; đường dẫn tương đối tính từ `output_dir`.") },
	{ AT(config_sensor_output, rotate_size), .kind = SCHEMA_SIZE, .min = 0, .max = 1024 * GIB, .fallback = "0",
		.help = TEXT("A file that grows larger is renamed to `.1`, and so on to `.9`; 0: never.",
			"Tệp lớn hơn mức này được đổi tên thành `.1`, cứ thế đến `.9`; 0: không bao giờ.") },
	{ AT(config_sensor_output, rotate_interval_s), TIME(0, 31 * 86400, "0", "s"),
		.help = TEXT("Or one that is older; 0: never.", "Hoặc tệp cũ hơn; 0: không bao giờ.") },
	{ AT(config_sensor_output, types), .kind = SCHEMA_WORDS, .max = 128, .assumed = "all but a few",
		.help = TEXT(
			"Records to write, such as `alert`, `flow`, `http`, `dns`, `stats`; docs/sensor.md lists them.",
			"Các loại bản ghi cần ghi, như `alert`, `flow`, `http`, `dns`, `stats`; danh sách trong "
			"docs/sensor.md.") },
	{ AT(config_sensor_output, payload), FLAG("false"),
		.help = TEXT("Alerts carry the payload that they were raised on.",
			"Cảnh báo mang theo dữ liệu đã gây ra nó.") },
	{ AT(config_sensor_output, community_id), FLAG("false"),
		.help = TEXT(
			"Events carry the community ID of their flow.", "Sự kiện mang mã community ID của luồng.") },
	{ AT(config_sensor_output, ethernet), FLAG("false"),
		.help = TEXT("Events carry Ethernet addresses.", "Sự kiện mang địa chỉ Ethernet.") },
};

static const struct schema_section output = {
	.name = "sensor.outputs[]",
	.size = sizeof(struct config_sensor_output),
	.item_max = CONFIG_OUTPUTS_MAX,
	.keeps_line = true,
	.help = TEXT("Streams of events as EVE JSON. Without any, all usual records go to `eve.json` in `output_dir`.",
		"Các dòng sự kiện dạng EVE JSON. Nếu không có mục nào, mọi bản ghi thông thường được ghi vào "
		"`eve.json` trong "
		"`output_dir`."),
	ROWS(output_rows),
};

static const struct schema_row evidence_rows[] = {
	{ AT(config_sensor_evidence, enabled), FLAG("false"),
		.help = TEXT("Keep the packets around an alert.", "Giữ lại các gói quanh mỗi cảnh báo.") },
	{ AT(config_sensor_evidence, dir), .kind = SCHEMA_TEXT, .max = 1024, .fallback = "evidence",
		.help = TEXT("Folder for the capture files; a relative one lies below `output_dir`.",
			"Thư mục chứa các tệp bắt gói; đường dẫn tương đối nằm dưới `output_dir`.") },
	{ AT(config_sensor_evidence, before), COUNT(0, 512, "16"),
		.help = TEXT("Packets of the flow before the alert.", "Số gói của luồng trước cảnh báo.") },
	{ AT(config_sensor_evidence, after), COUNT(0, 1000000, "32"),
		.help = TEXT("Packets of the flow after it.", "Số gói của luồng sau cảnh báo.") },
	{ AT(config_sensor_evidence, max_size), .kind = SCHEMA_SIZE, .min = 4 * KIB, .max = 1024 * GIB,
		.fallback = "64M",
		.help = TEXT("Of one file, over all runs; what does not fit is counted.",
			"Của một tệp, qua mọi lần chạy; phần không vừa được đếm.") },
};

static const struct schema_section evidence = {
	.name = "sensor.evidence",
	.size = sizeof(struct config_sensor_evidence),
	.help = TEXT("Packets kept as evidence, in one file for each tenant, worker and type of link.",
		"Gói tin giữ làm bằng chứng, mỗi đơn vị, luồng xử lý và loại liên kết một tệp."),
	ROWS(evidence_rows),
};

#define GROUPS_HELP                                                                                                                    \
	TEXT("Variables of rules: a name and addresses, such as `HOME_NET: [192.0.2.0/24, \"!192.0.2.9\"]`. They "                     \
	     "take the "                                                                                                               \
	     "place of those of the same name.",                                                                                       \
		"Biến của luật: một tên và các địa chỉ, như `HOME_NET: [192.0.2.0/24, \"!192.0.2.9\"]`. Chúng thay " \
		"thế "                                                                                                               \
		"biến cùng tên.")
#define PORTS_HELP TEXT("The same for ports: `HTTP_PORTS: [80, 8080]`.", "Tương tự cho cổng: `HTTP_PORTS: [80, 8080]`.")

static const struct schema_row sensor_rows[] = {
	{ AT(config_sensor, look), .kind = SCHEMA_SECTION, .section = &look,
		.help = TEXT("Where packets come from: this, or one of the next three.",
			"Nguồn gói tin: mục này, hoặc một trong ba mục sau.") },
	{ AT(config_sensor, wire), .kind = SCHEMA_SECTION, .section = &wire,
		.help = TEXT("Between two interfaces.", "Giữa hai giao diện.") },
	{ AT(config_sensor, nfqueue), .kind = SCHEMA_SECTION, .section = &nfqueue,
		.help = TEXT("From netfilter.", "Từ netfilter.") },
	{ AT(config_sensor, folder), .kind = SCHEMA_SECTION, .section = &folder,
		.help = TEXT("From capture files.", "Từ các tệp bắt gói.") },
	{ AT(config_sensor, fail), CHOICE(fails, "open"),
		.help = TEXT("What happens to packets of `wire` and `nfqueue` that nobody judges: `open` passes them, "
			     "`closed` "
			     "drops them. It holds for the whole wire or queue, not for single tenants.",
			"Cách xử lý gói của `wire` và `nfqueue` khi không ai xét: `open` cho qua, `closed` chặn. Áp "
			"dụng cho cả "
			"đường truyền hoặc hàng đợi, không riêng cho từng đơn vị.") },
	{ AT(config_sensor, workers), COUNT(1, CONFIG_WORKERS_MAX, "1"),
		.help = TEXT("Threads that inspect, each with flows of its own.",
			"Số luồng xử lý, mỗi luồng có các kết nối riêng.") },
	{ AT(config_sensor, rules), FILES,
		.help = TEXT(
			"Rules for all: files, folders (their `*.rules`) and patterns. A relative path starts at the "
			"folder of this configuration file.",
			"Luật chung cho tất cả: tệp, thư mục (các `*.rules` trong đó) và mẫu tên. Đường dẫn tương đối "
			"tính từ "
			"thư mục của tệp cấu hình này.") },
	{ AT(config_sensor, strict_rules), FLAG("false"),
		.help = TEXT("A rule or an option that cannot be read ends the start; else it is told and left out.",
			"Luật hoặc tùy chọn không đọc được làm dừng khởi động; nếu không, chỉ được nêu ra và bỏ "
			"qua.") },
	{ AT(config_sensor, address_groups), PAIRS, .help = GROUPS_HELP },
	{ AT(config_sensor, port_groups), PAIRS, .help = PORTS_HELP },
	{ AT(config_sensor, thresholds), ONE_FILE,
		.help = TEXT("File with `event_filter`, `rate_filter` and `suppress`.",
			"Tệp chứa `event_filter`, `rate_filter` và `suppress`.") },
	{ AT(config_sensor, classes), ONE_FILE, .assumed = "built in",
		.help = TEXT("File of classes of rules (classification.config).",
			"Tệp phân loại luật (classification.config).") },
	{ AT(config_sensor, references), ONE_FILE, .assumed = "built in",
		.help = TEXT("File of kinds of references (reference.config).",
			"Tệp các loại tham chiếu (reference.config).") },
	{ AT(config_sensor, suricata_config), ONE_FILE,
		.help = TEXT("A suricata.yaml whose options hold where this section says nothing.",
			"Một tệp suricata.yaml có các tùy chọn được dùng ở những chỗ mục này không nêu.") },
	{ AT(config_sensor, options), PAIRS, .dotted = true,
		.help = TEXT("Single options by the names of suricata.yaml, such as `stream.midstream: \"yes\"`. They "
			     "win over "
			     "everything but the command line.",
			"Từng tùy chọn theo tên trong suricata.yaml, như `stream.midstream: \"yes\"`. Chúng thắng mọi "
			"thứ trừ "
			"dòng lệnh.") },
	{ AT(config_sensor, memory), .kind = SCHEMA_SECTION, .section = &memory,
		.help = TEXT("Ceilings of memory.", "Mức trần bộ nhớ.") },
	{ AT(config_sensor, output_dir), FOLDER, .assumed = "/var/log/luytre",
		.help = TEXT("Folder for events, stored files and evidence.",
			"Thư mục cho sự kiện, tệp được lưu và bằng chứng.") },
	{ AT(config_sensor, outputs), .kind = SCHEMA_SECTIONS, .section = &output,
		.help = TEXT("Streams of events.", "Các dòng sự kiện.") },
	{ AT(config_sensor, stats_interval_s), TIME(1, 86400, NULL, "s"), .assumed = "8",
		.help = TEXT("Time between two `stats` events.", "Khoảng thời gian giữa hai sự kiện `stats`.") },
	{ AT(config_sensor, evidence), .kind = SCHEMA_SECTION, .section = &evidence,
		.help = TEXT("Packets kept as evidence.", "Gói tin giữ làm bằng chứng.") },
	{ AT(config_sensor, cache_dir), FOLDER,
		.help = TEXT("Folder for compiled rules, which makes starts and reloads faster; made when missing.",
			"Thư mục cho luật đã biên dịch, giúp khởi động và nạp lại nhanh hơn; được tạo nếu chưa có.") },
	{ AT(config_sensor, data_dir), FOLDER, .assumed = "as output_dir",
		.help = TEXT("Folder where data sets are saved.", "Thư mục lưu các tập dữ liệu.") },
	{ AT(config_sensor, control_socket), .kind = SCHEMA_PATH, .fallback = "/run/luytre/sensor.sock", .max = 107,
		.help = TEXT("Unix socket that `luytre sensor status` and the like talk to.",
			"Unix socket mà `luytre sensor status` và các lệnh tương tự kết nối tới.") },
	{ AT(config_sensor, policy_file), .kind = SCHEMA_PATH, .may_be_off = true,
		.fallback = "/run/luytre/policy.json", .max = 1024,
		.help = TEXT(
			"File with the hub's policy: the edge writes it, the sensor obeys its modes while it runs, "
			"and holds are "
			"armed as `gate.holds_file` says. Written when the hub has said something, never without "
			"one.",
			"Tệp chứa chính sách của trung tâm: phía biên ghi, bộ cảm biến làm theo chế độ trong đó khi "
			"đang "
			"chạy, còn "
			"việc chặn giữ lỗ hổng theo `gate.holds_file`. Chỉ ghi khi trung tâm đã báo; không có trung "
			"tâm "
			"thì không "
			"ghi.") },
	{ AT(config_sensor, profile), FLAG("false"),
		.help = TEXT("Count what each rule costs from the start.", "Đếm chi phí của từng luật ngay từ đầu.") },
};

const struct schema_section schema_sensor = {
	.name = "sensor",
	.size = sizeof(struct config_sensor),
	.keeps_line = true,
	.help = TEXT(
		"The sensor, which `luytre sensor run --config FILE` starts. The tenants of this file are its tenants.",
		"Bộ cảm biến, khởi động bằng `luytre sensor run --config TỆP`. Các đơn vị trong tệp này là đơn vị của "
		"nó."),
	ROWS(sensor_rows),
};

static const struct schema_row tenant_rows[] = {
	{ AT(config_tenant_sensor, mode), CHOICE(modes, "tenant"),
		.help = TEXT("`shadow` writes alerts and drops nothing, `enforce` drops, `off` does not inspect; "
			     "`tenant` is as "
			     "the tenant's own `mode`.",
			"`shadow` ghi cảnh báo mà không chặn, `enforce` chặn thật, `off` không xét; `tenant` là theo "
			"`mode` của "
			"đơn vị.") },
	{ AT(config_tenant_sensor, rules), FILES,
		.help = TEXT(
			"Rules for this tenant besides those for all; files that several tenants name are loaded once.",
			"Luật riêng của đơn vị, ngoài luật chung; tệp mà nhiều đơn vị cùng nêu chỉ được nạp một "
			"lần.") },
	{ AT(config_tenant_sensor, thresholds), ONE_FILE,
		.help = TEXT("File with `event_filter`, `rate_filter` and `suppress` for this tenant. A limit in it "
			     "takes the "
			     "place of the common one, a suppression is added.",
			"Tệp chứa `event_filter`, `rate_filter` và `suppress` riêng cho đơn vị. Giới hạn trong tệp "
			"thay thế giới "
			"hạn chung, lệnh bỏ qua được thêm vào.") },
	{ AT(config_tenant_sensor, address_groups), PAIRS, .help = GROUPS_HELP },
	{ AT(config_tenant_sensor, port_groups), PAIRS, .help = PORTS_HELP },
	{ AT(config_tenant_sensor, verdicts), PAIRS,
		.help = TEXT(
			"What single rules do for this tenant, by their number: `2024208: drop`, or `alert`, or `off`; "
			"`\"3:17\"` is rule 17 of group 3.",
			"Tác dụng của từng luật đối với đơn vị, theo số của luật: `2024208: drop`, hoặc `alert`, hoặc "
			"`off`; "
			"`\"3:17\"` là luật 17 của nhóm 3.") },
};

const struct schema_section schema_tenant_sensor = {
	.name = "tenants[].sensor",
	.size = sizeof(struct config_tenant_sensor),
	.help = TEXT("What the sensor does for this tenant.", "Bộ cảm biến làm gì cho đơn vị này."),
	ROWS(tenant_rows),
};
