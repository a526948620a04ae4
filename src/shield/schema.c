// SPDX-License-Identifier: Apache-2.0
/* The rows of the configuration, and the search for the name that a misspelt one was meant to be. */
#include "shield/schema.h"

#include <stdint.h>
#include <string.h>

#include "shield/config.h"
#include "shield/schema-rows.h"

#define WORD_MAX 64 /* longer words are not compared: no name is that long */

/* A table size may not exceed what one machine can hold: 64M entries of a cache line are 4 GB. */
#define ENTRIES_MAX   64000000
#define DECISIONS_MAX 4000000
/* No card delivers more packets in a second; it keeps products of rates and times within 64 bits. */
#define RATE_MAX 1000000000

#define RATE(text) .kind = SCHEMA_COUNT, .min = 0, .max = RATE_MAX, .fallback = text, .unit = "pps"

/* The order is that of the enums in config.h. */
static const char *const languages[] = { "en", "vi", NULL };
static const char *const attaches[] = { "auto", "native", "generic", NULL };
static const char *const unknowns[] = { "pass", "drop", NULL };
static const char *const list_actions[] = { "block", "allow", "bogon", NULL };
static const char *const modes[] = { "shadow", "enforce", NULL };
static const char *const challenges[] = { "off", "on", "auto", NULL };
static const char *const directions[] = { "in", "both", NULL };
static const char *const full_tables[] = { "open", "closed", NULL };

static const struct schema_row capacity_rows[] = {
	{ AT(config_capacity, tenants), COUNT(1, CONFIG_TENANTS_MAX, "256"),
		.help = TEXT("Tenants that can be served at once.", "Số đơn vị được bảo vệ cùng lúc.") },
	{ AT(config_capacity, decisions), COUNT(1024, DECISIONS_MAX, "1M"),
		.help = TEXT("Decisions about IPv4 sources: listed addresses and prefixes.",
			"Số quyết định về nguồn IPv4: các địa chỉ và dải địa chỉ trong danh sách.") },
	{ AT(config_capacity, decisions_v6), COUNT(1024, DECISIONS_MAX, "256k"),
		.help = TEXT("Decisions about IPv6 sources.", "Số quyết định về nguồn IPv6.") },
	{ AT(config_capacity, sources), COUNT(4096, ENTRIES_MAX, "1M"),
		.help = TEXT("Sources and source prefixes whose rates are counted, of all tenants together.",
			"Số nguồn và dải nguồn được đếm tốc độ, tính chung cho mọi đơn vị.") },
	{ AT(config_capacity, proven), COUNT(1024, ENTRIES_MAX, "512k"),
		.help = TEXT("Sources that have answered a challenge and are remembered as proven.",
			"Số nguồn đã trả lời đúng thử thách và được ghi nhớ là nguồn thật.") },
	{ AT(config_capacity, flows), COUNT(1024, ENTRIES_MAX, "1M"),
		.help = TEXT("Connections opened from inside, kept so that their answers pass.",
			"Số kết nối mở từ bên trong, được ghi nhớ để cho gói trả lời đi qua.") },
	{ AT(config_capacity, fragments), COUNT(1024, ENTRIES_MAX, "64k"),
		.help = TEXT("Fragmented packets whose later fragments follow the verdict on the first one.",
			"Số gói tin bị phân mảnh đang theo dõi: các mảnh sau theo phán quyết của mảnh đầu.") },
	{ AT(config_capacity, destinations), COUNT(1024, ENTRIES_MAX, "64k"),
		.help = TEXT("Destination addresses and prefixes watched for floods.",
			"Số địa chỉ đích và dải đích được theo dõi để phát hiện tấn công tràn ngập.") },
	{ AT(config_capacity, signatures), COUNT(16, 4096, "512"),
		.help = TEXT("Learned flood signatures that can stand at once.",
			"Số dấu hiệu tấn công tự học có thể cùng hiệu lực.") },
	{ AT(config_capacity, port_sets), COUNT(2, 1024, "64"),
		.help = TEXT("Different sets of open ports; tenants that open the same ports share one.",
			"Số tập cổng mở khác nhau; các đơn vị mở cùng những cổng như nhau dùng chung một tập.") },
	{ AT(config_capacity, tenant_prefixes), COUNT(16, CONFIG_PREFIXES_MAX, "4096"),
		.help = TEXT(
			"Destination prefixes of all tenants together.", "Tổng số dải địa chỉ đích của mọi đơn vị.") },
};

static const struct schema_section capacity = {
	.name = "capacity",
	.size = sizeof(struct config_capacity),
	.help = TEXT("How many entries each table has. Memory is taken at the start and never grows: these "
		     "numbers are also the most that an attacker can fill.",
		"Số mục của mỗi bảng. Bộ nhớ được cấp một lần khi khởi động và không tăng thêm: đây "
		"cũng là mức tối đa mà kẻ tấn công có thể làm đầy."),
	ROWS(capacity_rows),
};

static const struct schema_row detection_rows[] = {
	{ AT(config_detection, enabled), FLAG("true"),
		.help = TEXT("Detect floods and learn signatures. Without it the fixed rules and limits still stand.",
			"Phát hiện tấn công tràn ngập và tự học dấu hiệu. Khi tắt, các luật và giới hạn cố định "
			"vẫn có hiệu lực.") },
	{ AT(config_detection, tick_ms), TIME(50, 1000, "100", "ms"),
		.help = TEXT("Time between two looks at the counters.", "Khoảng thời gian giữa hai lần đọc bộ đếm.") },
	{ AT(config_detection, floor_pps), RATE("2000"),
		.help = TEXT("A destination or tenant that receives less than this is never called flooded.",
			"Đích hoặc đơn vị nhận ít hơn mức này không bao giờ bị coi là đang bị tấn công tràn "
			"ngập.") },
	{ AT(config_detection, factor), .kind = SCHEMA_REAL, .min = 1.1, .max = 1000, .fallback = "4.0",
		.help = TEXT("A flood is more than this many times the baseline learned in peace time.",
			"Bị coi là tấn công tràn ngập khi lưu lượng vượt quá số lần này so với mức nền học được "
			"lúc bình thường.") },
	{ AT(config_detection, signature_budget), .kind = SCHEMA_REAL, .min = 0, .max = 1, .fallback = "0.005",
		.help = TEXT("The share of peace-time traffic that a learned signature may hit, from 0 to 1. One "
			     "that would hit more is counted but never enforced.",
			"Tỷ lệ lưu lượng lúc bình thường mà một dấu hiệu tự học được phép khớp, từ 0 đến 1. "
			"Dấu hiệu khớp nhiều hơn chỉ được đếm, không bao giờ được thực thi.") },
	{ AT(config_detection, hold_s), TIME(1, 86400, "60", "s"),
		.help = TEXT("How long the traffic must be quiet before an attack is over.",
			"Lưu lượng phải trở lại bình thường bao lâu thì cuộc tấn công mới được coi là kết thúc.") },
	{ AT(config_detection, warm_s), TIME(0, 7 * 86400, "7200", "s"),
		.help = TEXT("How long after an attack its mitigation stays warm, to re-arm at once when the next "
			     "pulse comes.",
			"Sau cuộc tấn công, biện pháp phòng vệ được giữ sẵn bao lâu để bật lại ngay khi đợt "
			"tiếp theo đến.") },
	{ AT(config_detection, samples_pps), COUNT(0, 100000, "2000"), .unit = "pps",
		.help = TEXT("Most packets sampled in a second to learn signatures from.",
			"Số gói tin tối đa được lấy mẫu mỗi giây để học dấu hiệu.") },
};

static const struct schema_section detection = {
	.name = "detection",
	.size = sizeof(struct config_detection),
	.help = TEXT("How floods are recognised. The baseline is learned for each destination, network, "
		     "tenant and for the whole edge.",
		"Cách nhận biết tấn công tràn ngập. Mức nền được học riêng cho từng đích, từng mạng, "
		"từng đơn vị và cho toàn bộ điểm biên."),
	ROWS(detection_rows),
};

static const struct schema_row list_rows[] = {
	{ AT(config_list, name), .kind = SCHEMA_NAME, .required = true, .unique = "list",
		.help = TEXT("Name of the list, as counters and explanations show it.",
			"Tên danh sách, hiển thị trong bộ đếm và phần giải thích.") },
	{ AT(config_list, file), .kind = SCHEMA_FILE, .required = true, .max = 4096,
		.help = TEXT("File with one address or prefix a line. A relative path starts at the folder of this "
			     "configuration file.",
			"Tệp chứa mỗi dòng một địa chỉ hoặc dải địa chỉ. Đường dẫn tương đối tính từ thư mục "
			"của tệp cấu hình này.") },
	{ AT(config_list, action), .kind = SCHEMA_CHOICE, .choices = list_actions, .required = true,
		.help = TEXT("`block` drops these sources, `allow` passes them (allow beats block), `bogon` drops "
			     "them for tenants whose `bogons` is true.",
			"`block` chặn các nguồn này, `allow` cho qua (cho phép thắng chặn), `bogon` chặn đối "
			"với những đơn vị đặt `bogons` là true.") },
};

static const struct schema_section list = {
	.name = "lists[]",
	.size = sizeof(struct config_list),
	.item_max = CONFIG_LISTS_MAX,
	.help = TEXT("Files of source addresses and prefixes, for all tenants.",
		"Các tệp địa chỉ và dải địa chỉ nguồn, áp dụng cho mọi đơn vị."),
	ROWS(list_rows),
};

static const struct schema_row hub_rows[] = {
	{ AT(config_hub, enabled), FLAG("false"),
		.help = TEXT("Speak with the hub that this edge was enrolled at (`luytre edge enrol`).",
			"Liên lạc với trung tâm mà điểm biên này đã ghi danh (`luytre edge enrol`).") },
	{ AT(config_hub, run), FLAG("false"),
		.help = TEXT(
			"Run a hub on this machine as well, with its console, as processes of `luytre run`; the edge "
			"enrols there by itself. For one site, or to begin with; several sites need `luytre hub run`.",
			"Chạy cả trung tâm cùng bảng điều khiển trên máy này, là các tiến trình của `luytre run`; điểm "
			"biên "
			"tự ghi danh ở đó. Dành cho một điểm, hoặc để bắt đầu; nhiều điểm thì dùng `luytre hub "
			"run`.") },
	{ AT(config_hub, events_socket), .kind = SCHEMA_PATH, .fallback = "/run/luytre/events.sock", .max = 107,
		.help = TEXT("Unix datagram socket that sensor and gate send their events to, one JSON object each.",
			"Unix socket kiểu datagram nhận sự kiện từ bộ cảm biến và cổng web, mỗi gói một đối tượng "
			"JSON.") },
	{ AT(config_hub, events_group), .kind = SCHEMA_GROUP,
		.help = TEXT("Group whose members may send events; without it only root may.",
			"Nhóm có thành viên được gửi sự kiện; nếu không đặt, chỉ root được gửi.") },
	{ AT(config_hub, spool_size), .kind = SCHEMA_SIZE, .min = 4 << 20, .max = 1099511627776.0, .fallback = "1G",
		.help = TEXT(
			"Room on the disk for events that wait for the hub. Full: the oldest counts of drops are given "
			"up first, then the oldest events.",
			"Dung lượng đĩa cho sự kiện đang chờ trung tâm. Khi đầy: bỏ số đếm gói bị chặn cũ nhất trước, "
			"sau đó đến sự kiện cũ nhất.") },
	{ AT(config_hub, local_block_s), TIME(0, 3600, "120", "s"),
		.help = TEXT(
			"How long a source is blocked at once, before the hub has answered, when this edge itself has "
			"precise evidence (E3) against it; 0: never.",
			"Chặn ngay một nguồn trong bao lâu, trước khi trung tâm trả lời, khi chính điểm biên này có "
			"bằng "
			"chứng chính xác (E3); 0: không bao giờ.") },
	{ AT(config_hub, ordinary_per_s), COUNT(0, 100000, "50"),
		.help = TEXT(
			"Requests and connections (records http, tls and flow of the sensor) that no rule held on and "
			"that are told the hub in a second; of more, a random sample. The hub learns from them what is "
			"rare.",
			"Số yêu cầu và kết nối (bản ghi http, tls và flow của cảm biến) không khớp luật nào được báo "
			"cho trung tâm mỗi giây; nhiều hơn thì lấy mẫu ngẫu nhiên. Trung tâm học từ đó điều gì là "
			"hiếm.") },
	{ AT(config_hub, never_block), .kind = SCHEMA_PREFIXES, .fallback = "", .max = 256,
		.help = TEXT(
			"Sources that no decision of the hub blocks here, such as partners. A decision that overlaps "
			"with one is refused, and the hub is told (a veto).",
			"Các nguồn mà không quyết định nào của trung tâm được chặn tại đây, như đối tác. Quyết định "
			"trùng "
			"với nguồn như vậy bị từ chối và trung tâm được báo lại.") },
};

static const struct schema_section hub = {
	.name = "hub",
	.size = sizeof(struct config_hub),
	.help = TEXT("The link to the hub. Read at the start of the daemon only.",
		"Kết nối với trung tâm. Chỉ đọc khi tiến trình khởi động."),
	ROWS(hub_rows),
};

static const struct schema_row gate_rows[] = {
	{ AT(config_gate, holds_file), .kind = SCHEMA_PATH, .may_be_off = true,
		.fallback = "/run/luytre/gate-holds.json", .max = 1024,
		.help = TEXT(
			"File that tells the web server which known holes are held at which of its sites, as the hub "
			"says; `luytre_gate_holds` of nginx names the same file. Written when the hub has said "
			"something, never without one.",
			"Tệp báo cho máy chủ web biết những lỗ hổng đã biết nào đang được chặn giữ ở trang nào, theo "
			"lời trung tâm; `luytre_gate_holds` của nginx trỏ tới cùng tệp này. Chỉ ghi khi trung tâm đã "
			"báo; không có trung tâm thì không ghi.") },
};

static const struct schema_section gate = {
	.name = "gate",
	.size = sizeof(struct config_gate),
	.help = TEXT("What the web server's gate on this machine is given by the edge.",
		"Những gì điểm biên cung cấp cho cổng web trên máy này."),
	ROWS(gate_rows),
};

static const struct schema_row limit_rows[] = {
	{ AT(config_limits, source_pps), RATE("20000"),
		.help = TEXT("From one source address.", "Từ một địa chỉ nguồn.") },
	{ AT(config_limits, source_syn_pps), RATE("200"),
		.help = TEXT("New TCP connections (SYN) from one source address.",
			"Kết nối TCP mới (gói SYN) từ một địa chỉ nguồn.") },
	{ AT(config_limits, prefix_pps), RATE("100000"),
		.help = TEXT(
			"From one source network: IPv4 /24, IPv6 /64.", "Từ một mạng nguồn: IPv4 /24, IPv6 /64.") },
	{ AT(config_limits, prefix56_pps), RATE("200000"), .help = TEXT("From one IPv6 /56.", "Từ một dải IPv6 /56.") },
	{ AT(config_limits, prefix48_pps), RATE("400000"), .help = TEXT("From one IPv6 /48.", "Từ một dải IPv6 /48.") },
	{ AT(config_limits, total_pps), RATE("0"),
		.help = TEXT("To the tenant, everything together.", "Tổng lưu lượng tới đơn vị.") },
	{ AT(config_limits, tcp_syn_pps), RATE("0"),
		.help = TEXT("New TCP connections (SYN) to the tenant.", "Kết nối TCP mới (gói SYN) tới đơn vị.") },
	{ AT(config_limits, tcp_pps), RATE("0"), .help = TEXT("TCP to the tenant.", "TCP tới đơn vị.") },
	{ AT(config_limits, udp_pps), RATE("0"), .help = TEXT("UDP to the tenant.", "UDP tới đơn vị.") },
	{ AT(config_limits, icmp_pps), RATE("5000"),
		.help = TEXT("ICMP and ICMPv6 to the tenant.", "ICMP và ICMPv6 tới đơn vị.") },
	{ AT(config_limits, fragment_pps), RATE("5000"),
		.help = TEXT("Fragments to the tenant.", "Gói phân mảnh tới đơn vị.") },
	{ AT(config_limits, reply_pps), RATE("20000"),
		.help = TEXT("Replies of the reflection protocols that the tenant opened with `replies`.",
			"Gói trả lời của các giao thức phản xạ mà đơn vị đã mở bằng `replies`.") },
	{ AT(config_limits, other_pps), RATE("10000"),
		.help = TEXT("Every protocol without a limit of its own.", "Mọi giao thức không có giới hạn riêng.") },
	{ AT(config_limits, challenge_pps), RATE("2M"),
		.help = TEXT("Challenges sent on behalf of the tenant, so that nobody is flooded through us.",
			"Số thử thách được gửi thay cho đơn vị, để không ai bị tấn công phản xạ qua chúng ta.") },
};

static const struct schema_section limits = {
	.name = "tenants[].limits",
	.size = sizeof(struct config_limits),
	.help = TEXT("Limits in packets per second; 0 means none. A source may send a burst as long as "
		     "`burst_ms` says.",
		"Các giới hạn, tính bằng gói tin mỗi giây; 0 là không giới hạn. Độ dài đợt gói dồn được "
		"phép do `burst_ms` quy định."),
	ROWS(limit_rows),
};

static const struct schema_row tenant_rows[] = {
	{ AT(config_tenant, name), .kind = SCHEMA_NAME, .required = true, .unique = "tenant",
		.help = TEXT("Name of the tenant, as counters, events and commands show it.",
			"Tên đơn vị, dùng trong bộ đếm, sự kiện và câu lệnh.") },
	{ AT(config_tenant, title), .kind = SCHEMA_TEXT, .max = 200,
		.help = TEXT("Full name of the organisation, for people.",
			"Tên đầy đủ của cơ quan, tổ chức, để người đọc dễ hiểu.") },
	{ AT(config_tenant, hub_id), COUNT(0, 4294967295.0, "0"),
		.help = TEXT("Number of the organisation at the hub: its decisions for this tenant alone need it.",
			"Số của tổ chức tại trung tâm: cần cho các quyết định chỉ dành cho đơn vị này.") },
	{ AT(config_tenant, prefixes), .kind = SCHEMA_PREFIXES, .required = true, .unique = "destination",
		.max = CONFIG_PER_LIST_MAX,
		.help = TEXT("Addresses and prefixes of the tenant. When prefixes of two tenants are nested, the "
			     "longer one wins.",
			"Các địa chỉ và dải địa chỉ của đơn vị. Khi dải của hai đơn vị lồng nhau, dải dài hơn "
			"(cụ thể hơn) được áp dụng.") },
	{ AT(config_tenant, mode), CHOICE(modes, "shadow"),
		.help = TEXT("`shadow` counts what would be dropped and drops nothing; `enforce` drops.",
			"`shadow` (chế độ bóng) chỉ đếm những gì lẽ ra bị chặn mà không chặn gì; `enforce` chặn "
			"thật.") },
	{ AT(config_tenant, bogons), FLAG("true"),
		.help = TEXT("Drop sources that cannot exist on the internet.",
			"Chặn các địa chỉ nguồn không thể tồn tại trên internet.") },
	{ AT(config_tenant, protocols), .kind = SCHEMA_PROTOCOLS, .fallback = "tcp udp icmp icmpv6", .max = 256,
		.help = TEXT("IP protocols that the tenant uses; all others are dropped.",
			"Các giao thức IP mà đơn vị sử dụng; mọi giao thức khác bị chặn.") },
	{ AT(config_tenant, tcp_ports), .kind = SCHEMA_PORTS, .fallback = "80 443", .max = CONFIG_PER_LIST_MAX,
		.help = TEXT("TCP ports that are open to the outside.", "Các cổng TCP mở ra bên ngoài.") },
	{ AT(config_tenant, udp_ports), .kind = SCHEMA_PORTS, .fallback = "", .max = CONFIG_PER_LIST_MAX,
		.help = TEXT("UDP ports that are open to the outside.", "Các cổng UDP mở ra bên ngoài.") },
	{ AT(config_tenant, replies), .kind = SCHEMA_REPLIES, .fallback = "", .max = 128,
		.help = TEXT("Reflection protocols, such as `dns` or `ntp`, whose replies the tenant takes from any "
			     "server.",
			"Các giao thức dễ bị lợi dụng phản xạ, như `dns` hay `ntp`, mà đơn vị nhận gói trả lời "
			"từ mọi máy chủ.") },
	{ AT(config_tenant, reply_servers), .kind = SCHEMA_PREFIXES, .fallback = "", .max = CONFIG_PER_LIST_MAX,
		.help = TEXT("Servers whose UDP replies pass, whatever the protocol: the tenant's resolvers and time "
			     "servers.",
			"Các máy chủ được phép gửi gói trả lời UDP, bất kể giao thức: máy chủ phân giải tên "
			"miền và máy chủ thời gian của đơn vị.") },
	{ AT(config_tenant, allow), .kind = SCHEMA_PREFIXES, .fallback = "", .max = CONFIG_PER_LIST_MAX,
		.help = TEXT("Sources that are always passed to this tenant.",
			"Các nguồn luôn được cho qua tới đơn vị này.") },
	{ AT(config_tenant, clients), FLAG("true"),
		.help = TEXT("Hosts of the tenant open connections to the outside. When false, answers that nobody "
			     "asked for are dropped at once.",
			"Máy bên trong có mở kết nối ra ngoài. Khi là false, mọi gói trả lời đều là gói không "
			"ai yêu cầu và bị chặn ngay.") },
	{ AT(config_tenant, challenge), CHOICE(challenges, "auto"),
		.help = TEXT("Make sources of new TCP connections prove that they exist: never (`off`), always "
			     "(`on`), or while the tenant is under attack (`auto`).",
			"Buộc nguồn của kết nối TCP mới chứng minh mình có thật: không bao giờ (`off`), luôn "
			"luôn (`on`), hoặc chỉ khi đơn vị đang bị tấn công (`auto`).") },
	{ AT(config_tenant, direction), CHOICE(directions, "in"),
		.help = TEXT("Which direction is protected: what comes `in`, or `both`: then what leaves is counted "
			     "too, as reason `outbound`, so that an attack from inside is seen. Needs "
			     "`watch_outbound`, or wire mode.",
			"Chiều được bảo vệ: chỉ chiều vào (`in`), hoặc cả hai (`both`): khi đó lưu lượng đi ra cũng "
			"được đếm, với lý do `outbound`, để thấy tấn công từ bên trong. Cần `watch_outbound` hoặc chế "
			"độ nối dây.") },
	{ AT(config_tenant, full_table), CHOICE(full_tables, "open"),
		.help = TEXT("What happens to packets that need a table which is full: `open` passes them, `closed` "
			     "drops them.",
			"Khi bảng cần dùng đã đầy: `open` cho gói tin đi qua, `closed` chặn gói tin.") },
	{ AT(config_tenant, ipv4_options), FLAG("false"),
		.help = TEXT("Pass IPv4 packets with options. Source routing is dropped in any case.",
			"Cho qua gói IPv4 có tùy chọn. Gói định tuyến theo nguồn luôn bị chặn.") },
	{ AT(config_tenant, empty_udp), FLAG("false"),
		.help = TEXT("Pass UDP datagrams without payload.", "Cho qua gói UDP không có dữ liệu.") },
	{ AT(config_tenant, tcp_fast_open), FLAG("false"),
		.help = TEXT("Pass SYN packets with data when they carry the TCP Fast Open option.",
			"Cho qua gói SYN có dữ liệu nếu mang tùy chọn TCP Fast Open.") },
	{ AT(config_tenant, min_mss), COUNT(0, 1460, "500"), .unit = "B",
		.help = TEXT("Drop a SYN that announces a smaller maximum segment size.",
			"Chặn gói SYN khai báo kích thước đoạn tối đa (MSS) nhỏ hơn mức này.") },
	{ AT(config_tenant, proof_s), TIME(30, 3600, "300", "s"),
		.help = TEXT("How long a source that answered a challenge counts as proven.",
			"Nguồn đã trả lời đúng thử thách được coi là thật trong bao lâu.") },
	{ AT(config_tenant, burst_ms), TIME(20, 10000, "1000", "ms"),
		.help = TEXT("Burst of every limit: what a rate allows in this time may come at once.",
			"Mức dồn của mọi giới hạn: lượng gói cho phép trong khoảng thời gian này có thể đến "
			"cùng lúc.") },
	{ AT(config_tenant, limits), .kind = SCHEMA_SECTION, .section = &limits,
		.help = TEXT("Rate limits.", "Các giới hạn tốc độ.") },
	{ AT(config_tenant, sensor), .kind = SCHEMA_SECTION, .section = &schema_tenant_sensor,
		.help = TEXT("What the sensor does for this tenant.", "Bộ cảm biến làm gì cho đơn vị này.") },
};

static const struct schema_section tenant = {
	.name = "tenants[]",
	.size = sizeof(struct config_tenant),
	.item_max = CONFIG_TENANTS_MAX,
	.help = TEXT("The organisations behind this edge. Everything starts in shadow mode.",
		"Các đơn vị được điểm biên này bảo vệ. Ban đầu, mọi đơn vị đều ở chế độ bóng."),
	ROWS(tenant_rows),
};

static const struct schema_row root_rows[] = {
	{ AT(config, interface), .kind = SCHEMA_INTERFACE, .required = true, .unless = "sensor", .unique = "interface",
		.help = TEXT("Network interface that faces the outside.", "Giao diện mạng hướng ra bên ngoài.") },
	{ AT(config, peer), .kind = SCHEMA_INTERFACE, .unique = "interface",
		.help = TEXT("Second interface, facing the inside: the edge becomes a wire between the two. Without "
			     "it the edge protects the machine it runs on.",
			"Giao diện thứ hai, hướng vào bên trong: điểm biên trở thành một đoạn dây nối giữa hai "
			"giao diện. Nếu không đặt, điểm biên bảo vệ chính máy đang chạy.") },
	{ AT(config, attach), CHOICE(attaches, "auto"),
		.help = TEXT("How the XDP program is attached: by the driver (`native`), by the kernel's slower "
			     "general path (`generic`), or the best one that works (`auto`).",
			"Cách gắn chương trình XDP: qua trình điều khiển (`native`), qua đường chung chậm hơn "
			"của nhân (`generic`), hoặc cách tốt nhất dùng được (`auto`).") },
	{ AT(config, unknown_destination), CHOICE(unknowns, "pass"),
		.help = TEXT("What happens to packets for an address of no tenant.",
			"Cách xử lý gói tin tới địa chỉ không thuộc đơn vị nào.") },
	{ AT(config, watch_outbound), FLAG("true"),
		.help = TEXT("Watch connections that hosts inside open, so that the answers are known from floods.",
			"Theo dõi các kết nối do máy bên trong mở, để phân biệt gói trả lời với gói tấn công.") },
	{ AT(config, language), CHOICE(languages, "en"),
		.help = TEXT("Language of messages for people.", "Ngôn ngữ của các thông báo cho người đọc.") },
	{ AT(config, control_socket), .kind = SCHEMA_PATH, .fallback = "/run/luytre/control.sock", .max = 107,
		.help = TEXT("Unix socket that the commands talk to; only root and the control group may open it.",
			"Unix socket để các câu lệnh kết nối tới; chỉ root và nhóm điều khiển được mở.") },
	{ AT(config, control_group), .kind = SCHEMA_GROUP,
		.help = TEXT("Group whose members may use the control socket. Without it only root may.",
			"Nhóm có thành viên được dùng socket điều khiển. Nếu không đặt, chỉ root được dùng.") },
	{ AT(config, metrics), .kind = SCHEMA_METRICS, .fallback = "127.0.0.1:9105",
		.help = TEXT("Loopback address and port where Prometheus reads the counters, or `off`.",
			"Địa chỉ loopback và cổng để Prometheus đọc bộ đếm, hoặc `off` để tắt.") },
	{ AT(config, pin_dir), .kind = SCHEMA_PATH, .fallback = "/sys/fs/bpf/luytre", .max = 1024,
		.help = TEXT("Folder in the BPF file system that keeps the shield attached while the daemon "
			     "restarts.",
			"Thư mục trong hệ thống tệp BPF, giữ cho lá chắn tiếp tục hoạt động khi tiến trình khởi "
			"động lại.") },
	{ AT(config, state_dir), .kind = SCHEMA_PATH, .fallback = "/var/lib/luytre", .max = 1024,
		.help = TEXT("Folder for what is learned and must survive a restart.",
			"Thư mục lưu những gì đã học được và cần giữ lại sau khi khởi động lại.") },
	{ AT(config, capacity), .kind = SCHEMA_SECTION, .section = &capacity,
		.help = TEXT("Sizes of tables.", "Kích thước các bảng.") },
	{ AT(config, detection), .kind = SCHEMA_SECTION, .section = &detection,
		.help = TEXT("Detection of floods.", "Phát hiện tấn công tràn ngập.") },
	{ AT(config, hub), .kind = SCHEMA_SECTION, .section = &hub,
		.help = TEXT("The link to the hub.", "Kết nối với trung tâm.") },
	{ AT(config, gate), .kind = SCHEMA_SECTION, .section = &gate,
		.help = TEXT("What the web server's gate is given.", "Những gì cổng web được cung cấp.") },
	{ AT(config, lists), .kind = SCHEMA_SECTIONS, .section = &list,
		.help = TEXT("Lists of sources.", "Các danh sách nguồn.") },
	{ AT(config, tenants), .kind = SCHEMA_SECTIONS, .section = &tenant,
		.help = TEXT("Protected organisations.", "Các đơn vị được bảo vệ.") },
	{ AT(config, sensor), .kind = SCHEMA_SECTION, .section = &schema_sensor,
		.help = TEXT("The sensor.", "Bộ cảm biến.") },
};

const struct schema_section schema_root = {
	.name = "",
	.size = sizeof(struct config),
	.help = TEXT("Settings of the edge as a whole.", "Các thiết lập chung của điểm biên."),
	ROWS(root_rows),
};

const struct schema_row *schema_find(const struct schema_section *section, const char *name)
{
	for (size_t i = 0; i < section->row_count; i++) {
		if (!strcmp(section->rows[i].name, name))
			return &section->rows[i];
	}
	return NULL;
}

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int least = a < b ? a : b;

	return least < c ? least : c;
}

/* The number of single letters to add, drop, change or swap with a neighbour to turn one word into the other
 * (Damerau and Levenshtein, restricted form), in three rows of the usual matrix. */
static unsigned int word_distance(const char *a, const char *b)
{
	unsigned int rows[3][WORD_MAX + 1];
	size_t a_length = strlen(a), b_length = strlen(b);

	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned int *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= b_length; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min3(row[j], two_above[j - 2] + 1, row[j]);
		}
	}
	return rows[a_length % 3][b_length];
}

bool schema_closer(const char *word, const char *candidate, const char **best)
{
	unsigned int distance;

	if (strlen(word) > WORD_MAX || strlen(candidate) > WORD_MAX)
		return false;
	distance = word_distance(word, candidate);
	if (distance > 1 + strlen(candidate) / 4 || distance >= strlen(candidate))
		return false;
	if (*best && word_distance(word, *best) <= distance)
		return false;
	*best = candidate;
	return true;
}

const char *schema_nearest(const struct schema_section *section, const char *word)
{
	const char *best = NULL;

	for (size_t i = 0; i < section->row_count; i++)
		schema_closer(word, section->rows[i].name, &best);
	return best;
}
