// SPDX-License-Identifier: Apache-2.0
/* See rivals.h. */
#include "tests/bench/rivals.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "tests/bench/bench.h"

enum { ELEMENTS_A_COMMAND = 5000, XDP_FILTER_MAX = 10000, LISTED_BASE = 0x10000000 };

static int xdp_filter_program = -1;

static void write_address(FILE *out, const char *before, uint32_t k, const char *after)
{
	struct ip_addr addr = ours_address(LISTED_BASE, 4, k);
	char text[IP_ADDR_TEXT_SIZE];

	fprintf(out, "%s%s%s", before, ip_addr_format(&addr, text), after);
}

/* nft takes minutes over a million commands, and seconds over two hundred long ones. */
static int prepare_nft_list(const struct rig *rig)
{
	FILE *out = fopen(RIG_FOLDER "/list.nft", "we");

	if (!out)
		return LUYTRE_E_IO;
	fprintf(out, "add table netdev listed\n"
		     "add set netdev listed sources { type ipv4_addr; size 1100000; }\n"
		     "add chain netdev listed check\n"
		     "add rule netdev listed check ip saddr @sources drop\n");
	for (uint32_t k = 0; k < OURS_LISTED_MAX; k++) {
		if (k % ELEMENTS_A_COMMAND == 0)
			fprintf(out, "%sadd element netdev listed sources {", k ? "}\n" : "");
		write_address(out, k % ELEMENTS_A_COMMAND ? "," : "", k, "");
	}
	fprintf(out, "}\n");
	if (fclose(out))
		return LUYTRE_E_IO;
	return rig_shell("nft -f " RIG_FOLDER "/list.nft");
}

static int prepare_ipset(const struct rig *rig)
{
	FILE *out = fopen(RIG_FOLDER "/list.ipset", "we");

	if (!out)
		return LUYTRE_E_IO;
	fprintf(out, "create listed hash:ip hashsize 1048576 maxelem 1100000\n");
	for (uint32_t k = 0; k < OURS_LISTED_MAX; k++)
		write_address(out, "add listed ", k, "\n");
	if (fclose(out))
		return LUYTRE_E_IO;
	return rig_shell("ipset restore -file " RIG_FOLDER "/list.ipset");
}

/* Its tool adds one address a call; the first is added so, the others are written to its map as it wrote the first. */
static int fill_xdp_filter(void)
{
	int fd = bpf_obj_get("/sys/fs/bpf/xdp-filter/filter_ipv4"), error = 0;
	uint64_t *flags = calloc((size_t)libbpf_num_possible_cpus(), sizeof(*flags));
	struct ip_addr addr = ours_address(LISTED_BASE, 4, 0);

	if (fd < 0 || !flags || bpf_map_lookup_elem(fd, addr.bytes, flags))
		error = LUYTRE_E_NOT_FOUND;
	for (uint32_t k = 1; k < XDP_FILTER_MAX && !error; k++) {
		addr = ours_address(LISTED_BASE, 4, k);
		if (bpf_map_update_elem(fd, addr.bytes, flags, 0))
			error = LUYTRE_E_SYSTEM;
	}
	free(flags);
	if (fd >= 0)
		close(fd);
	return error;
}

static int prepare_xdp_filter(const struct rig *rig)
{
	uint32_t id = 0;
	/* Its loader refuses an interface on which another program stands. */
	int error = bpf_xdp_detach(rig->receiver, XDP_FLAGS_DRV_MODE, NULL);

	if (!error)
		error = rig_shell(
			"xdp-filter load -m native -p allow -f ipv4 " RIG_RECEIVER " && xdp-filter ip -m src 16.0.0.0");

	if (!error)
		error = fill_xdp_filter();
	if (!error && (bpf_xdp_query_id(rig->receiver, XDP_FLAGS_DRV_MODE, &id) || !id))
		error = LUYTRE_E_NOT_FOUND;
	if (!error)
		xdp_filter_program = bpf_prog_get_fd_by_id(id);
	return rig_attach(rig, rig->drop_program) || error || xdp_filter_program < 0 ? LUYTRE_E_SYSTEM : 0;
}

static int prepare_nft_limit(const struct rig *rig)
{
	return rig_shell("nft -f - <<-'end'\n"
			 "add table netdev limited\n"
			 "add set netdev limited sources "
			 "{ type ipv4_addr; size 1100000; flags dynamic; timeout 1m; }\n"
			 "add chain netdev limited check\n"
			 "add rule netdev limited check update @sources "
			 "{ ip saddr limit rate over 20000/second burst 20000 packets } drop\n"
			 "add rule netdev limited check drop\n"
			 "end");
}

/* Taking the hook away and not the table leaves the table's elements where they are. */
#define NFT_HOOK(table)                                                                                                \
	.on = "nft 'add chain netdev " table " in { type filter hook ingress device " RIG_RECEIVER " priority 0; };"   \
	      " add rule netdev " table " in jump check'",                                                             \
	.off = "nft 'flush chain netdev " table " in; delete chain netdev " table " in'"

struct rival rival_limit = { .name = BENCH_LIMIT, .program = RIVAL_DROP };
struct rival rival_ours = { .name = BENCH_OURS, .program = RIVAL_OURS };
struct rival rival_xdp_filter = {
	.name = "xdp-filter", .tool = "xdp-filter", .program = RIVAL_XDP_FILTER, .prepare = prepare_xdp_filter
};
struct rival rival_nft_list = {
	.name = "nft netdev ingress, set", .tool = "nft", .prepare = prepare_nft_list, NFT_HOOK("listed")
};
struct rival rival_nft_limit = { .name = "nft netdev ingress, limit a source",
	.tool = "nft",
	.prepare = prepare_nft_limit,
	NFT_HOOK("limited"),
	.warm_s = 4 };
struct rival rival_ipset = { .name = "ipset, iptables raw prerouting",
	.tool = "ipset",
	.prepare = prepare_ipset,
	.on = "iptables -t raw -A PREROUTING -m set --match-set listed src -j DROP",
	.off = "iptables -t raw -F PREROUTING" };
struct rival rival_synproxy = { .name = "nft synproxy",
	.tool = "nft",
	.on = "sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0 && nft '"
	      "add table ip proxied;"
	      "add chain ip proxied before { type filter hook prerouting priority raw; };"
	      "add rule ip proxied before tcp dport 80 tcp flags syn notrack;"
	      "add chain ip proxied in { type filter hook input priority filter; };"
	      "add rule ip proxied in tcp dport 80 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp "
	      "sack-perm;"
	      "add rule ip proxied in ct state invalid drop'",
	.off = "nft delete table ip proxied" };

static bool has_tool(const char *tool)
{
	char command[64];

	snprintf(command, sizeof(command), "PATH=$PATH:/usr/sbin:/sbin command -v %s", tool);
	return !rig_shell(command);
}

bool rival_prepare(struct rival *rival, const struct rig *rig)
{
	if (rival->ready || rival->why_not)
		return rival->ready;
	if (rival->tool && !has_tool(rival->tool))
		rival->why_not = "not installed";
	else if (rival->prepare && rival->prepare(rig))
		rival->why_not = "cannot be set up here";
	rival->ready = !rival->why_not;
	if (rival->why_not)
		log_warn("%s is left out: %s", rival->name, rival->why_not);
	return rival->ready;
}

int rival_on(const struct rival *rival, const struct rig *rig, int our_program)
{
	const int programs[] = { [RIVAL_NO_PROGRAM] = -1,
		[RIVAL_DROP] = rig->drop_program,
		[RIVAL_OURS] = our_program,
		[RIVAL_XDP_FILTER] = xdp_filter_program };
	int error = rig_attach(rig, programs[rival->program]);

	return !error && rival->on ? rig_shell(rival->on) : error;
}

int rival_off(const struct rival *rival, const struct rig *rig)
{
	int error = rival->off ? rig_shell(rival->off) : 0;

	return rig_attach(rig, rig->drop_program) || error ? LUYTRE_E_SYSTEM : 0;
}
