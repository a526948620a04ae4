// SPDX-License-Identifier: Apache-2.0
/* See rig.h. */
#include "tests/bench/rig.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "lab/process.h"

#ifdef __clang__
/* The kernel's ethtool interface: a head, and its table right behind. */
#pragma clang diagnostic ignored "-Wgnu-variable-sized-type-not-at-end"
#endif

#define FILTER "lt-bench-filter"
#define LOG    RIG_FOLDER "/log"

enum {
	POLL_US = 5000,
	WARM_NS = 100000000, /* of a burst, before its rate is looked at */
	POINTS_MAX = 4096,
	PATIENCE = 1200, /* quarters of a second that all bursts together may wait for quiet */
	STRINGS_MAX = 256,
};

/* The running burst. */
static struct {
	pid_t pid;
	uint64_t from_ns;
	uint64_t at_ns[POINTS_MAX];
	uint64_t packets[POINTS_MAX];
	size_t count;
	double idle_s, busy_s;
} running;

/* ---- making it --------------------------------------------------------------------------------*/

static int fresh_mounts(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	if (mkdir("/run/netns", 0755) && errno != EEXIST)
		return -1;
	if (mount("bench", "/run/netns", "tmpfs", 0, "mode=0755") || mkdir(RIG_FOLDER, 0700))
		return -1;
	return mount("bench", "/sys/fs/bpf", "bpf", 0, NULL);
}

static int enter(const char *netns)
{
	char path[64];
	int fd, error;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	error = setns(fd, CLONE_NEWNET);
	close(fd);
	return error;
}

static int load_drop(void)
{
	const struct bpf_insn code[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_DROP },
		{ .code = BPF_JMP | BPF_EXIT } };

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "bench_drop", "Dual BSD/GPL", code, ARRAY_COUNT(code), NULL);
}

static int read_mac(const char *device, char mac[18])
{
	struct ifreq request = { 0 };
	const uint8_t *b = (const uint8_t *)request.ifr_hwaddr.sa_data;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	error = fd < 0 ? -1 : ioctl(fd, SIOCGIFHWADDR, &request);
	if (fd >= 0)
		close(fd);
	snprintf(mac, 18, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
	return error;
}

/* The measuring program keeps off the core that it measures. */
static void keep_off(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < (int)sysconf(_SC_NPROCESSORS_ONLN); i++)
		if (i != cpu || cpu == 0)
			CPU_SET(i, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int rig_shell(const char *command)
{
	const char *const argv[] = { "sh", "-c", command, NULL };
	int error;

	if (truncate(LOG, 0) && errno != ENOENT)
		return LUYTRE_E_SYSTEM;
	error = process_run(NULL, LOG, argv);
	if (error)
		process_print_log(LOG);
	return error;
}

static int make_links(void)
{
	static const char *const commands[] = { "ip netns add " RIG_OUTSIDE, "ip netns add " FILTER,
		"ip -n " RIG_OUTSIDE " link add " RIG_SENDER
		" numrxqueues 1 numtxqueues 1 type veth peer name " RIG_RECEIVER " netns " FILTER
		" numrxqueues 1 numtxqueues 1",
		"ip -n " RIG_OUTSIDE " link set " RIG_SENDER " up", "ip -n " FILTER " link set lo up",
		"ip -n " FILTER " link set " RIG_RECEIVER " up",
		/* For filters that answer: an address that is asked, and a way back. */
		"ip -n " FILTER " addr add 198.19.0.7/15 dev " RIG_RECEIVER,
		"ip -n " FILTER " neigh add 198.19.255.254 lladdr 02:00:00:00:00:01 dev " RIG_RECEIVER,
		"ip -n " FILTER " route add default via 198.19.255.254" };

	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		if (rig_shell(commands[i]))
			return LUYTRE_E_SYSTEM;
	return 0;
}

static int attach(int ifindex, int program)
{
	int error = bpf_xdp_attach(ifindex, program, XDP_FLAGS_DRV_MODE, NULL);

	if (!error)
		return 0;
	log_error("cannot attach an XDP program: %s", strerror(-error));
	return LUYTRE_E_SYSTEM;
}

int rig_open(struct rig *rig)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	rig->cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	if (fresh_mounts()) {
		log_error("cannot make a mount namespace: %s", strerror(errno));
		return LUYTRE_E_SYSTEM;
	}
	if (make_links())
		return LUYTRE_E_SYSTEM;
	rig->drop_program = load_drop();
	if (rig->drop_program < 0) {
		log_error("cannot load an XDP program: %s", strerror(errno));
		return LUYTRE_E_SYSTEM;
	}
	/* The sender's device gets a program too: else the answers of a filter stay in its ring for ever. */
	if (enter(RIG_OUTSIDE) || attach((int)if_nametoindex(RIG_SENDER), rig->drop_program) || enter(FILTER) ||
		!(rig->receiver = (int)if_nametoindex(RIG_RECEIVER)) || read_mac(RIG_RECEIVER, rig->receiver_mac)) {
		log_error("cannot set up the namespaces: %s", strerror(errno));
		return LUYTRE_E_SYSTEM;
	}
	/* Without it a veth device without XDP program refuses frames that come from XDP. */
	if (rig_shell("ethtool -K " RIG_RECEIVER " gro on"))
		return LUYTRE_E_SYSTEM;
	keep_off(rig->cpu);
	return 0;
}

int rig_attach(const struct rig *rig, int program)
{
	return attach(rig->receiver, program);
}

/* ---- counters ---------------------------------------------------------------------------------*/

static int ethtool(void *data)
{
	struct ifreq request = { .ifr_data = data };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", RIG_RECEIVER);
	error = fd < 0 ? -1 : ioctl(fd, SIOCETHTOOL, &request);
	if (fd >= 0)
		close(fd);
	return error;
}

/* Packets that the receiving device took out of its ring, with or without an XDP program. */
static uint64_t read_packets(void)
{
	static struct {
		struct ethtool_gstrings head;
		char name[STRINGS_MAX][ETH_GSTRING_LEN];
	} names = { .head = { .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_STATS } };
	static struct {
		struct ethtool_stats head;
		uint64_t value[STRINGS_MAX];
	} stats;
	struct {
		struct ethtool_sset_info head;
		uint32_t count;
	} set = { .head = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << ETH_SS_STATS } };

	if (!names.head.len) {
		if (ethtool(&set) || !set.head.sset_mask || set.count > STRINGS_MAX)
			return 0;
		names.head.len = set.count;
		if (ethtool(&names))
			return 0;
	}
	stats.head.cmd = ETHTOOL_GSTATS;
	stats.head.n_stats = names.head.len;
	if (ethtool(&stats))
		return 0;
	for (uint32_t i = 0; i < names.head.len; i++)
		if (!strncmp(names.name[i], "rx_queue_0_xdp_packets", ETH_GSTRING_LEN))
			return stats.value[i];
	return 0;
}

/* Seconds that the processors other than the measured one were idle and busy, since the machine started. */
static void read_other_cpus(int cpu, double *ret_idle_s, double *ret_busy_s)
{
	FILE *in = fopen("/proc/stat", "re");
	double hertz = (double)sysconf(_SC_CLK_TCK), idle = 0, busy = 0;
	char line[512];

	while (in && fgets(line, sizeof(line), in)) {
		unsigned long long user, nice, system, rest, wait, irq, softirq;
		int which;

		if (sscanf(line, "cpu%d %llu %llu %llu %llu %llu %llu %llu", &which, &user, &nice, &system, &rest,
			    &wait, &irq, &softirq) != 8 ||
			which == cpu)
			continue;
		idle += (double)(rest + wait) / hertz;
		busy += (double)(user + nice + system + irq + softirq) / hertz;
	}
	if (in)
		fclose(in);
	*ret_idle_s = idle;
	*ret_busy_s = busy;
}

/* Other work on the machine slows the memory down; wait for a calm moment, but not for ever. */
static void wait_for_quiet(const struct rig *rig)
{
	static int waited;

	for (; rig->quiet_only && waited < PATIENCE; waited++) {
		double idle[2], busy[2];

		read_other_cpus(rig->cpu, &idle[0], &busy[0]);
		usleep(250000);
		read_other_cpus(rig->cpu, &idle[1], &busy[1]);
		if (busy[1] - busy[0] < 0.25 * (idle[1] - idle[0]))
			return;
	}
}

/* ---- bursts -----------------------------------------------------------------------------------*/

static int start_generator(struct rig *rig, const struct burst *burst)
{
	const char *argv[32] = { "chrt", "-f", "1", BENCH_PKTBLAST, "tx", "-i", RIG_SENDER, "-D", rig->receiver_mac };
	char seconds[24], rate[24], cpu[12];
	size_t at = 9;

	snprintf(seconds, sizeof(seconds), "%.3f", burst->seconds);
	snprintf(rate, sizeof(rate), "%.0f", burst->rate_pps);
	snprintf(cpu, sizeof(cpu), "%d", rig->cpu);
	argv[at++] = "-S";
	argv[at++] = seconds;
	argv[at++] = "-c";
	argv[at++] = cpu;
	if (burst->rate_pps > 0) {
		argv[at++] = "-r";
		argv[at++] = rate;
	}
	for (size_t i = 0; i < RIG_TEMPLATES_MAX && burst->templates[i]; i++) {
		argv[at++] = "-t";
		argv[at++] = burst->templates[i];
	}
	if (truncate(LOG, 0) && errno != ENOENT)
		return LUYTRE_E_SYSTEM;
	return process_start(RIG_OUTSIDE, LOG, argv, &running.pid);
}

int rig_burst_begin(struct rig *rig, const struct burst *burst)
{
	wait_for_quiet(rig);
	memset(&running, 0, sizeof(running));
	read_other_cpus(rig->cpu, &running.idle_s, &running.busy_s);
	return start_generator(rig, burst);
}

static void take_point(void)
{
	uint64_t packets = read_packets();

	if (running.count == POINTS_MAX || (running.count && packets == running.packets[running.count - 1]))
		return;
	running.at_ns[running.count] = clock_mono_ns();
	running.packets[running.count++] = packets;
}

/* "{"kind":"sent","seconds":0.510,"frames":1837440,...}" */
static int read_sent(const struct rig *rig, uint64_t *ret)
{
	FILE *in = fopen(LOG, "re");
	char line[256];
	int error = LUYTRE_E_IO;

	while (in && fgets(line, sizeof(line), in)) {
		const char *at = strstr(line, "\"frames\":");

		if (!at)
			continue;
		*ret = strtoull(at + 9, NULL, 10);
		error = 0;
	}
	if (in)
		fclose(in);
	if (error) {
		log_error("the generator failed:");
		process_print_log(LOG);
	}
	return error;
}

static double rate_of_points(void)
{
	size_t first = 1, last = running.count - 1;

	if (running.count < 4)
		return 0;
	while (first < last && running.at_ns[first] - running.at_ns[1] < WARM_NS)
		first++;
	if (first == last)
		first = 1;
	return (double)(running.packets[last] - running.packets[first]) * NS_PER_S /
	       (double)(running.at_ns[last] - running.at_ns[first]);
}

/* The counters must be read in time although others want the processor; children do not inherit this. */
static void be_punctual(bool punctual)
{
	struct sched_param param = { .sched_priority = punctual ? 1 : 0 };

	if (sched_setscheduler(0, punctual ? SCHED_FIFO | SCHED_RESET_ON_FORK : SCHED_OTHER, &param))
		log_debug("no real-time priority: %s", strerror(errno));
}

int rig_burst_end(struct rig *rig, struct burst_result *ret)
{
	double idle, busy, noise;

	be_punctual(true);
	while (!process_has_ended(&running.pid)) {
		take_point();
		usleep(POLL_US);
	}
	take_point();
	be_punctual(false);
	read_other_cpus(rig->cpu, &idle, &busy);
	busy -= running.busy_s;
	idle -= running.idle_s;
	noise = busy + idle > 0 ? busy / (busy + idle) : 0;
	if (noise > rig->worst_noise)
		rig->worst_noise = noise;
	ret->pps = rate_of_points();
	return read_sent(rig, &ret->sent);
}

int rig_burst(struct rig *rig, const struct burst *burst, struct burst_result *ret)
{
	int error = rig_burst_begin(rig, burst);

	return error ? error : rig_burst_end(rig, ret);
}
