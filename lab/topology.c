// SPDX-License-Identifier: Apache-2.0
/* See topology.h.
 *
 * The links are rows; each end is named after the place it leads to ("lt-edge" inside "internet"). Transfer addresses
 * follow from the row's number: 100.64.N.1 and .2, fd4c:54:N::1 and ::2. Clients, sites and the translated address
 * live on loopback, so that a place can have any number of them. Commands go to `ip -batch`, one file a place. */
#include "lab/topology.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "lab/control.h"
#include "lab/process.h"
#include "lab/relay.h"
#include "lab/sites.h"
#include "lab/traffic.h"

enum { READY_STEPS = 300, READY_STEP_MS = 50, STOP_GRACE_MS = 1500 };

static const char *const place_names[LAB_PLACE_COUNT] = { "internet", "homes", "nat", "office", "attacker", "edge",
	"so-y-te", "dat-dai", "citizens", "edge2", "near", "far", "hub" };

/* One of those that have no line of their own: network 103.N.M.0/24. */
#define SITE(name, place, net, ...)                                                                                    \
	{                                                                                                              \
		name, { __VA_ARGS__ }, place, net ".0/24", NULL, net ".10", NULL,
#define WHERE(province, sector, level)                                                                                 \
	province, sector, level                                                                                        \
	}

const struct lab_site lab_sites[LAB_SITE_COUNT] = {
	{ "so-y-te", { "Health department", "Sở Y tế" }, LAB_HEALTH, "103.200.64.0/24", "2400:6540:64::/48",
		"103.200.64.10", "2400:6540:64::10", 1, "health", 3 },
	{ "dat-dai", { "Land registry", "Đất đai" }, LAB_LAND, "103.200.65.0/24", "2400:6540:65::/48", "103.200.65.10",
		"2400:6540:65::10", 1, "environment", 4 },
	SITE("benh-vien-qn", LAB_NEAR, "103.200.66", "Quang Ninh general hospital", "Bệnh viện Đa khoa Quảng Ninh")
		WHERE(22, "health", 3),
	SITE("dai-hoc-tn", LAB_NEAR, "103.200.67", "Thai Nguyen university", "Đại học Thái Nguyên")
		WHERE(19, "education", 2),
	SITE("cap-nuoc-hp", LAB_NEAR, "103.200.68", "Hai Phong waterworks", "Cấp nước Hải Phòng") WHERE(31, "urban", 4),
	SITE("kho-bac-bn", LAB_NEAR, "103.200.69", "Bac Ninh treasury", "Kho bạc Bắc Ninh") WHERE(24, "finance", 4),
	SITE("dich-vu-cong-th", LAB_NEAR, "103.200.70", "Thanh Hoa public services", "Dịch vụ công Thanh Hóa")
		WHERE(38, "government", 4),
	SITE("so-giao-duc-na", LAB_NEAR, "103.200.71", "Nghe An education department", "Sở Giáo dục Nghệ An")
		WHERE(40, "education", 3),
	SITE("dien-luc-pt", LAB_NEAR, "103.200.72", "Phu Tho power company", "Điện lực Phú Thọ") WHERE(25, "energy", 4),
	SITE("bao-lang-son", LAB_NEAR, "103.200.73", "Lang Son newspaper", "Báo Lạng Sơn") WHERE(20, "information", 2),
	SITE("benh-vien-hue", LAB_FAR, "103.201.64", "Hue central hospital", "Bệnh viện Trung ương Huế")
		WHERE(46, "health", 4),
	SITE("cang-da-nang", LAB_FAR, "103.201.65", "Da Nang port", "Cảng Đà Nẵng") WHERE(48, "transport", 3),
	SITE("du-lich-kh", LAB_FAR, "103.201.66", "Khanh Hoa tourism", "Du lịch Khánh Hòa") WHERE(56, "industry", 2),
	SITE("so-nong-nghiep-dl", LAB_FAR, "103.201.67", "Dak Lak agriculture department", "Sở Nông nghiệp Đắk Lắk")
		WHERE(66, "environment", 3),
	SITE("dai-hoc-dl", LAB_FAR, "103.201.68", "Da Lat university", "Đại học Đà Lạt") WHERE(68, "education", 2),
	SITE("thue-hcm", LAB_FAR, "103.201.69", "Ho Chi Minh City tax office", "Thuế Thành phố Hồ Chí Minh")
		WHERE(79, "finance", 4),
	SITE("xe-buyt-hcm", LAB_FAR, "103.201.70", "Ho Chi Minh City buses", "Xe buýt Thành phố Hồ Chí Minh")
		WHERE(79, "transport", 2),
	SITE("khu-cong-nghiep-dn", LAB_FAR, "103.201.71", "Dong Nai industrial parks", "Khu công nghiệp Đồng Nai")
		WHERE(75, "industry", 3),
	SITE("benh-vien-ct", LAB_FAR, "103.201.72", "Can Tho children's hospital", "Bệnh viện Nhi Cần Thơ")
		WHERE(92, "health", 3),
	SITE("mot-cua-cm", LAB_FAR, "103.201.73", "Ca Mau one-stop office", "Một cửa Cà Mau")
		WHERE(96, "government", 3),
};

/* 'line': the link carries this much from near to far, as the real line of a small organisation would. */
static const struct link {
	enum lab_place near, far;
	const char *line;
} links[] = {
	{ LAB_INTERNET, LAB_HOMES, NULL },
	{ LAB_INTERNET, LAB_NAT, NULL },
	{ LAB_NAT, LAB_OFFICE, NULL },
	{ LAB_INTERNET, LAB_ATTACKER, NULL },
	{ LAB_INTERNET, LAB_EDGE, NULL },
	{ LAB_EDGE, LAB_HEALTH, "5mbit" },
	{ LAB_EDGE, LAB_LAND, "5mbit" },
	{ LAB_INTERNET, LAB_EDGE2, NULL },
	{ LAB_INTERNET, LAB_CITIZENS, NULL },
	{ LAB_EDGE, LAB_NEAR, NULL },
	{ LAB_EDGE2, LAB_FAR, NULL },
	{ LAB_HUB, LAB_EDGE, NULL },
	{ LAB_HUB, LAB_EDGE2, NULL },
};

/* The hub's ends of these last two. */
#define HUB_NEAR "100.64.11.1"
#define HUB_FAR  "100.64.12.1"

/* What `ip -batch` adds once the links are up. */
static const char *const routes[LAB_PLACE_COUNT] = {
	[LAB_INTERNET] = "route add 14.161.20.0/24 via 100.64.0.2\n"
			 "route add 2405:4802:1a::/64 via fd4c:54:0::2\n"
			 "route add 113.160.44.7/32 via 100.64.1.2\n"
			 "route add 2405:4803:2b::/64 via fd4c:54:1::2\n"
			 "route add 103.200.64.0/20 via 100.64.4.2\n"
			 "route add 103.201.64.0/20 via 100.64.7.2\n"
			 "route add 27.64.10.0/24 via 100.64.8.2\n"
			 "route add " LAB_ATTACK_NET "0/24 via 100.64.3.2\n"
			 "route add 2400:6540:64::/47 via fd4c:54:4::2\n"
			 /* everybody who was forged: far away */
			 "route add blackhole default\n"
			 "route add blackhole ::/0\n",
	[LAB_HOMES] = "route add default via 100.64.0.1\n"
		      "route add ::/0 via fd4c:54:0::1\n",
	[LAB_NAT] = "address add 113.160.44.7/32 dev lo\n"
		    "route add default via 100.64.1.1\n"
		    "route add 192.168.1.0/24 via 100.64.2.2\n"
		    "route add ::/0 via fd4c:54:1::1\n"
		    "route add 2405:4803:2b::/64 via fd4c:54:2::2\n",
	[LAB_OFFICE] = "route add default via 100.64.2.1\n"
		       "route add ::/0 via fd4c:54:2::1\n",
	[LAB_EDGE] = "route add default via 100.64.4.1\n"
		     "route add ::/0 via fd4c:54:4::1\n"
		     "route add 103.200.64.0/24 via 100.64.5.2\n"
		     "route add 2400:6540:64::/48 via fd4c:54:5::2\n"
		     "route add 103.200.65.0/24 via 100.64.6.2\n"
		     "route add 2400:6540:65::/48 via fd4c:54:6::2\n"
		     "route add 103.200.64.0/20 via 100.64.9.2\n",
	[LAB_CITIZENS] = "route add default via 100.64.8.1\n",
	[LAB_ATTACKER] = "route add local " LAB_ATTACK_NET "0/24 dev lo\n"
			 "route add default via 100.64.3.1\n",
	[LAB_EDGE2] = "route add default via 100.64.7.1\n"
		      "route add 103.201.64.0/20 via 100.64.10.2\n",
	[LAB_NEAR] = "route add default via 100.64.9.1\n",
	[LAB_FAR] = "route add default via 100.64.10.1\n",
	[LAB_HEALTH] = "address add 103.200.64.10/32 dev lo\n"
		       "address add 2400:6540:64::10/128 dev lo nodad\n"
		       "route add default via 100.64.5.1\n"
		       "route add ::/0 via fd4c:54:5::1\n",
	[LAB_LAND] = "address add 103.200.65.10/32 dev lo\n"
		     "address add 2400:6540:65::10/128 dev lo nodad\n"
		     "route add default via 100.64.6.1\n"
		     "route add ::/0 via fd4c:54:6::1\n",
};

/* The cheap home router that breaks careless SYN proxies: what its connection tracking does not know is dropped. */
static const char nat_rules[] =
	"table inet lab {\n"
	"\tchain onward { type filter hook forward priority 0; policy accept; ct state invalid drop; }\n"
	"}\n"
	"table ip lab {\n"
	"\tchain out { type nat hook postrouting priority 100; oifname \"lt-internet\" snat to 113.160.44.7; }\n"
	"}\n";

const char *topology_netns(const struct topology *topology, enum lab_place place)
{
	static char names[4][64];
	static unsigned int next;
	char *name = names[next++ % ARRAY_COUNT(names)];

	snprintf(name, sizeof(names[0]), "%s%s", topology->names->prefix, place_names[place]);
	return name;
}

const char *topology_place_name(enum lab_place place)
{
	return place_names[place];
}

/* ---- inside a namespace: what has no command of its own ---------------------------------------------------------- */

static int write_setting(const char *name, const char *value)
{
	char path[128];
	ssize_t written;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	written = write(fd, value, strlen(value));
	close(fd);
	return written < 0 ? -1 : 0;
}

/* Before there are links: they take the defaults over. */
static int set_up_namespace(void *context)
{
	static const char *const settings[][2] = {
		{ "ipv4/ip_forward", NULL }, /* by place */
		{ "ipv6/conf/all/forwarding", NULL },
		{ "ipv4/conf/all/rp_filter", "0" },
		{ "ipv4/conf/default/rp_filter", "0" },
		{ "ipv6/conf/all/disable_ipv6", "0" },
		{ "ipv6/conf/default/disable_ipv6", "0" },
		{ "ipv6/conf/default/accept_dad", "0" },
		{ "ipv6/conf/default/accept_ra", "0" },
		{ "ipv4/tcp_syncookies", "1" },
	};
	enum lab_place place = *(const enum lab_place *)context;
	bool router = place == LAB_INTERNET || place == LAB_NAT || place == LAB_EDGE || place == LAB_EDGE2;
	const char *forward = router ? "1" : "0";

	for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
		if (write_setting(settings[i][0], settings[i][1] ? settings[i][1] : forward)) {
			log_error("cannot set net.%s in %s: %s", settings[i][0], place_names[place], strerror(errno));
			return 1;
		}
	return 0;
}

/* A veth link carries unfinished checksums unless told otherwise; on a wire there are none. */
static int turn_off_offload(const char *interface)
{
	struct ethtool_value value = { .cmd = ETHTOOL_STXCSUM, .data = 0 };
	struct ifreq request = { .ifr_data = (char *)&value };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	error = fd < 0 ? -1 : ioctl(fd, SIOCETHTOOL, &request);
	if (fd >= 0)
		close(fd);
	return error;
}

static int finish_links(void *context)
{
	enum lab_place place = *(const enum lab_place *)context;
	struct if_nameindex *all = if_nameindex();

	for (struct if_nameindex *at = all; at && at->if_index; at++)
		if (!strncmp(at->if_name, "lt-", 3) && turn_off_offload(at->if_name)) {
			log_error("cannot turn checksum offload off on %s in %s: %s", at->if_name, place_names[place],
				strerror(errno));
			return 1;
		}
	if_freenameindex(all);
	return 0;
}

/* What the shield sends back (XDP_TX) goes missing unless the other end of the veth pair has a program too. This one
 * passes everything. It stays on the interface when we close it. */
static int attach_pass(void *context)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "lab_pass", "GPL", pass, ARRAY_COUNT(pass), NULL), error;

	if (fd < 0) {
		log_error("the kernel loads no XDP program: %s", strerror(errno));
		return 1;
	}
	error = bpf_xdp_attach((int)if_nametoindex(context), fd, 0, NULL);
	close(fd);
	if (error)
		log_error("cannot attach an XDP program to %s: %s", (const char *)context, strerror(-error));
	return error ? 1 : 0;
}

/* A service with a protocol of its own: gives every datagram back. */
static int serve_udp(void *context)
{
	const struct lab_site *site = context;
	struct pollfd sockets[2];
	char data[512];

	for (int i = 0; i < 2; i++) {
		struct traffic_address bind_to;

		if (traffic_address_parse(i ? site->address6 : site->address4, LAB_UDP_PORT, &bind_to))
			return 1;
		sockets[i].fd = socket(bind_to.any.sa_family, SOCK_DGRAM, 0);
		sockets[i].events = POLLIN;
		if (sockets[i].fd < 0 || bind(sockets[i].fd, &bind_to.any, traffic_address_size(&bind_to)))
			return 1;
	}
	for (;;) {
		if (poll(sockets, 2, -1) < 0)
			return 1;
		for (int i = 0; i < 2; i++) {
			struct traffic_address from;
			socklen_t size = sizeof(from);
			ssize_t got;

			if (!(sockets[i].revents & POLLIN))
				continue;
			got = recvfrom(sockets[i].fd, data, sizeof(data), MSG_DONTWAIT, &from.any, &size);
			if (got > 0 && sendto(sockets[i].fd, data, (size_t)got, MSG_DONTWAIT, &from.any, size) < 0)
				continue; /* as lost as it would be on a wire */
		}
	}
}

/* ---- making it --------------------------------------------------------------------------------------------------- */

static int run_batch(const struct topology *topology, enum lab_place place, const char *name, const char *text)
{
	char path[160], log[128];
	int error;

	if (!*text)
		return 0;
	snprintf(path, sizeof(path), "%s/%s-%s.ip", topology->names->dir, place_names[place], name);
	snprintf(log, sizeof(log), "%s/setup.log", topology->names->dir);
	error = sites_write_file(path, "%s", text);
	if (error)
		return error;
	error = process_run(
		NULL, log, (const char *[]){ "ip", "-n", topology_netns(topology, place), "-batch", path, NULL });
	if (error)
		process_print_log(log);
	return error;
}

static int make_namespaces(const struct topology *topology)
{
	for (enum lab_place place = 0; place < LAB_PLACE_COUNT; place++) {
		const char *netns = topology_netns(topology, place);
		int error = process_run(NULL, NULL, (const char *[]){ "ip", "netns", "add", netns, NULL });

		if (!error)
			error = process_call(netns, set_up_namespace, &place);
		if (error)
			return error;
	}
	return 0;
}

PRINTF_LIKE(3, 4) static void append(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

/* The links that have this place as their near end. */
static void write_links(const struct topology *topology, enum lab_place place, char *text, size_t size)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(links); i++)
		if (links[i].near == place)
			append(text, size,
				"link add lt-%s address 02:4c:54:00:%02x:01 numtxqueues 1 numrxqueues 1 type veth "
				"peer name lt-%s address 02:4c:54:00:%02x:02 numtxqueues 1 numrxqueues 1 netns %s\n",
				place_names[links[i].far], i, place_names[place], i,
				topology_netns(topology, links[i].far));
}

/* Addresses of both kinds of ends. */
static void write_addresses(enum lab_place place, char *text, size_t size)
{
	append(text, size, "link set lo up\n");
	for (unsigned int i = 0; i < ARRAY_COUNT(links); i++) {
		bool near = links[i].near == place;
		const char *name = place_names[near ? links[i].far : links[i].near];

		if (!near && links[i].far != place)
			continue;
		append(text, size, "address add 100.64.%u.%d/30 dev lt-%s\n", i, near ? 1 : 2, name);
		append(text, size, "address add fd4c:54:%x::%d/64 dev lt-%s nodad\nlink set lt-%s up\n", i,
			near ? 1 : 2, name, name);
	}
	for (size_t i = 0; i < traffic_source_count(place); i++)
		append(text, size, "address add %s dev lo%s\n", traffic_source(place, i),
			strchr(traffic_source(place, i), ':') ? " nodad" : "");
	for (size_t i = LAB_FLOOD_SITES; i < LAB_SITE_COUNT; i++)
		if (lab_sites[i].place == place)
			append(text, size, "address add %s/32 dev lo\n", lab_sites[i].address4);
	append(text, size, "%s", routes[place] ? routes[place] : "");
}

/* The queue before a line counts packets, as routers do: in one that counted bytes the small packets of clients would
 * always find room behind the large ones of an attack. */
static int limit_lines(const struct topology *topology)
{
	for (size_t i = 0; i < ARRAY_COUNT(links); i++) {
		const char *netns = topology_netns(topology, links[i].near);
		char interface[IFNAMSIZ];
		int error;

		if (!links[i].line)
			continue;
		snprintf(interface, sizeof(interface), "lt-%s", place_names[links[i].far]);
		error = process_run(netns, NULL,
			(const char *[]){ "tc", "qdisc", "add", "dev", interface, "root", "handle", "1:", "tbf", "rate",
				links[i].line, "burst", "16k", "limit", "64k", NULL });
		if (!error)
			error = process_run(netns, NULL,
				(const char *[]){ "tc", "qdisc", "add", "dev", interface, "parent", "1:1", "pfifo",
					"limit", "60", NULL });
		if (error)
			return error;
	}
	return 0;
}

static int make_links(const struct topology *topology)
{
	char text[4096], path[160], to_edge[] = "lt-edge", to_edge2[] = "lt-edge2";
	int error = 0;

	for (enum lab_place place = 0; place < LAB_PLACE_COUNT && !error; place++) {
		text[0] = 0;
		write_links(topology, place, text, sizeof(text));
		error = run_batch(topology, place, "links", text);
	}
	for (enum lab_place place = 0; place < LAB_PLACE_COUNT && !error; place++) {
		text[0] = 0;
		write_addresses(place, text, sizeof(text));
		error = run_batch(topology, place, "addresses", text);
		if (!error)
			error = process_call(topology_netns(topology, place), finish_links, &place);
	}
	if (!error)
		error = limit_lines(topology);
	if (error)
		return error;
	snprintf(path, sizeof(path), "%s/nat.nft", topology->names->dir);
	error = sites_write_file(path, "%s", nat_rules);
	if (!error)
		error = process_run(
			topology_netns(topology, LAB_NAT), NULL, (const char *[]){ "nft", "-f", path, NULL });
	if (!error)
		error = process_call(topology_netns(topology, LAB_INTERNET), attach_pass, to_edge);
	if (!error)
		error = process_call(topology_netns(topology, LAB_INTERNET), attach_pass, to_edge2);
	return error;
}

/* One web server in each place with sites. */
static int start_web(struct topology *topology, enum lab_place place)
{
	char dir[160], conf[192], log[192];

	snprintf(dir, sizeof(dir), "%s/%s", topology->names->dir, place_names[place]);
	snprintf(conf, sizeof(conf), "%s/nginx.conf", dir);
	snprintf(log, sizeof(log), "%s/error.log", dir);
	return process_start(topology_netns(topology, place), log,
		(const char *[]){ "nginx", "-p", dir, "-c", conf, "-e", log, NULL }, &topology->web[place]);
}

static int start_webs(struct topology *topology)
{
	int error = 0;

	for (size_t i = 0; i < LAB_SITE_COUNT && !error; i++)
		if (!topology->web[lab_sites[i].place])
			error = start_web(topology, lab_sites[i].place);
	return error;
}

/* ---- hub and edges ----------------------------------------------------------------------------------------------- */

static int start_hub(struct topology *topology)
{
	char state[128], names[128];

	snprintf(state, sizeof(state), "%s/hub", topology->names->dir);
	snprintf(names, sizeof(names), "%s,%s,127.0.0.1,localhost", HUB_NEAR, HUB_FAR);
	return process_start(topology_netns(topology, LAB_HUB), topology->hub_output,
		(const char *[]){ topology->luytre, "hub", "run", "--state", state, "--socket", topology->hub_control,
			"--names", names, *topology->holds ? "--holds" : NULL, topology->holds, NULL },
		&topology->hub);
}

static int wait_for_hub(struct topology *topology)
{
	for (int i = 0; i < READY_STEPS; i++) {
		if (!access(topology->hub_control, F_OK) &&
			!control_ask(topology->hub_control, "status", NULL, NULL, 0))
			return 0;
		if (process_has_ended(&topology->hub))
			break;
		usleep(READY_STEP_MS * 1000);
	}
	log_error("the hub does not answer on %s; it said:", topology->hub_control);
	process_print_log(topology->hub_output);
	return LUYTRE_E_TIMEOUT;
}

static const struct {
	enum lab_place place;
	size_t first, end; /* the organisations behind it */
	const char *config, *name, *url;
	uint32_t province;
} edges[LAB_EDGE_COUNT] = { { LAB_EDGE, 0, LAB_NEAR_COUNT, "luytre.yaml", "Hà Nội", "https://" HUB_NEAR ":8444", 1 },
	{ LAB_EDGE2, LAB_NEAR_COUNT, LAB_SITE_COUNT, "edge2.yaml", "Đà Nẵng", "https://" HUB_FAR ":8444", 48 } };

/* Whom the hub protects: an organisation with a system and its prefixes. 'ret' gets its number. */
static int register_site(const struct topology *topology, const struct lab_site *site, char *ret, size_t size)
{
	char request[512];

	snprintf(request, sizeof(request), "tenant province=%u sector=%s level=%u %s%s%s %s", site->province,
		site->sector, site->level, site->prefix4, site->prefix6 ? "," : "", site->prefix6 ? site->prefix6 : "",
		site->title.vi);
	return control_ask(topology->hub_control, request, "tenant", ret, size);
}

/* An edge may speak for the organisations behind it, and for no others. */
static int enrol_edge(const struct topology *topology, size_t edge)
{
	char request[512] = "", token[256], config[160], number[16];
	int error = 0;

	append(request, sizeof(request), "invite province=%u ", edges[edge].province);
	for (size_t i = edges[edge].first; i < edges[edge].end && !error; i++) {
		error = register_site(topology, &lab_sites[i], number, sizeof(number));
		append(request, sizeof(request), "%s%s", i > edges[edge].first ? "," : "", number);
	}
	append(request, sizeof(request), " %s", edges[edge].name);
	snprintf(config, sizeof(config), "%s/%s", topology->names->dir, edges[edge].config);
	if (!error)
		error = control_ask(topology->hub_control, request, "token", token, sizeof(token));
	if (error)
		return error;
	return process_run(topology_netns(topology, edges[edge].place), topology->log,
		(const char *[]){ topology->luytre, "edge", "enrol", edges[edge].url, "--token", token, "--config",
			config, NULL });
}

static int start_edge(struct topology *topology, size_t edge)
{
	char config[160];

	snprintf(config, sizeof(config), "%s/%s", topology->names->dir, edges[edge].config);
	return process_start(topology_netns(topology, edges[edge].place), topology->log,
		(const char *[]){ topology->luytre, "run", "--config", config, NULL },
		edge ? &topology->edge2 : &topology->edge);
}

bool topology_has_gate(const struct topology *topology, enum lab_place place)
{
	return *topology->gate && *topology->holds && place == LAB_NEAR;
}

void topology_sensor_socket(const struct topology *topology, size_t edge, char *ret, size_t size)
{
	snprintf(ret, size, "%s/sensor%zu.sock", topology->names->dir, edge + 1);
}

int topology_start_sensors(struct topology *topology)
{
	int error = 0;

	for (size_t i = 0; i < LAB_EDGE_COUNT && !error; i++) {
		char rules[128], config[128], socket[128];

		snprintf(rules, sizeof(rules), "%s/lab.rules", topology->names->dir);
		snprintf(config, sizeof(config), "%s/sensor%zu.yaml", topology->names->dir, i + 1);
		topology_sensor_socket(topology, i, socket, sizeof(socket));
		error = process_start(topology_netns(topology, edges[i].place), topology->log,
			(const char *[]){ topology->luytre, "sensor", "run", "--interface", "lt-internet", "--rules",
				rules, "--suricata-config", config, "--socket", socket, "--workers", "1", NULL },
			&topology->sensors[i]);
	}
	return error;
}

static int start_programs(struct topology *topology)
{
	union {
		const struct lab_site *constant;
		void *plain;
	} udp_site = { &lab_sites[LAB_UDP_SITE] };
	int error = start_hub(topology);

	/* The filters take their time to load; meanwhile the rest is made. An edge that is enrolled while it runs goes on from there. */
	for (size_t i = 0; i < LAB_EDGE_COUNT && !error; i++)
		error = start_edge(topology, i);
	if (!error)
		error = start_webs(topology);
	if (!error)
		error = process_fork(topology_netns(topology, lab_sites[LAB_UDP_SITE].place), serve_udp, udp_site.plain,
			&topology->udp_service);
	if (!error)
		error = wait_for_hub(topology);
	for (size_t i = 0; i < LAB_EDGE_COUNT && !error; i++)
		error = enrol_edge(topology, i);
	if (!error)
		error = relay_start(topology_netns(topology, LAB_HUB), &topology->console_port, &topology->relay);
	return error;
}

static int wait_until_ready(struct topology *topology)
{
	struct control_stats stats;
	char log[192];

	for (int i = 0; i < READY_STEPS; i++) {
		const char *failed = topology_failed(topology);

		if (failed) {
			log_error("%s ended at once; it said:", failed);
			snprintf(log, sizeof(log), "%s/%s/error.log", topology->names->dir, failed);
			process_print_log(!topology->hub      ? topology->hub_output
					  : access(log, F_OK) ? topology->log
							      : log);
			return LUYTRE_E_SYSTEM;
		}
		if (!control_read_stats(topology->control, &stats) && !control_read_stats(topology->control2, &stats))
			return 0;
		usleep(READY_STEP_MS * 1000);
	}
	log_error("luytre does not answer on %s; it said:", topology->control);
	process_print_log(topology->log);
	return LUYTRE_E_TIMEOUT;
}

int topology_start(struct topology *topology)
{
	int error;

	snprintf(topology->control, sizeof(topology->control), "%s/control.sock", topology->names->dir);
	snprintf(topology->control2, sizeof(topology->control2), "%s/control2.sock", topology->names->dir);
	snprintf(topology->hub_control, sizeof(topology->hub_control), "%s/hub.sock", topology->names->dir);
	snprintf(topology->hub_output, sizeof(topology->hub_output), "%s/hub.log", topology->names->dir);
	snprintf(topology->log, sizeof(topology->log), "%s/luytre.log", topology->names->dir);
	error = mkdir(topology->names->pin_dir, 0700) ? LUYTRE_E_SYSTEM : sites_write(topology);
	if (!error)
		error = make_namespaces(topology);
	if (!error)
		error = make_links(topology);
	if (!error)
		error = start_programs(topology);
	return error ? error : wait_until_ready(topology);
}

const char *topology_failed(struct topology *topology)
{
	if (process_has_ended(&topology->edge) || process_has_ended(&topology->edge2))
		return "luytre";
	if (process_has_ended(&topology->hub))
		return "hub";
	if (process_has_ended(&topology->relay))
		return "relay";
	if (process_has_ended(&topology->udp_service))
		return "udp-service";
	for (size_t i = 0; i < LAB_SITE_COUNT; i++)
		if (process_has_ended(&topology->web[lab_sites[i].place]))
			return place_names[lab_sites[i].place];
	return NULL;
}

void topology_stop(struct topology *topology)
{
	pid_t *pids[LAB_EDGE_COUNT + LAB_PLACE_COUNT + 5];
	size_t count = 0;

	for (size_t i = 0; i < LAB_EDGE_COUNT; i++)
		pids[count++] = &topology->sensors[i];
	pids[count++] = &topology->edge;
	pids[count++] = &topology->edge2;
	pids[count++] = &topology->relay;
	pids[count++] = &topology->hub;
	pids[count++] = &topology->udp_service;
	for (size_t i = 0; i < LAB_PLACE_COUNT; i++)
		pids[count++] = &topology->web[i];
	for (size_t i = 0; i < count; i++)
		if (*pids[i])
			kill(*pids[i], SIGTERM);
	for (size_t i = 0; i < count; i++)
		process_stop(pids[i], STOP_GRACE_MS);
}
