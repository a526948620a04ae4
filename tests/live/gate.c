// SPDX-License-Identifier: Apache-2.0
/* The outside end of the link to the shield, as the internet is: answers to forged sources lead nowhere.
 *
 *	gate DEVICE
 *
 * Attaches an XDP program to a device that passes everything but IP packets to unicast addresses outside 45.0.0.0/8
 * and 2606::/16, the networks of the tests' honest clients. Those are dropped before they cost anything. It also wakes the
 * receiving side of the veth device, without which the answers that a filter sends would stay in its ring. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"

#define LOAD(size, dst, src, offset)                                                                                   \
	{                                                                                                              \
		.code = BPF_LDX | BPF_MEM | (size), .dst_reg = (dst), .src_reg = (src), .off = (offset)                \
	}
#define MOVE(dst, src)                                                                                                 \
	{                                                                                                              \
		.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (dst), .src_reg = (src)                                \
	}
#define ADD(dst, value)                                                                                                \
	{                                                                                                              \
		.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = (dst), .imm = (value)                                  \
	}
#define JUMP_IF_ABOVE(dst, src, by)                                                                                    \
	{                                                                                                              \
		.code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = (dst), .src_reg = (src), .off = (by)                     \
	}
#define JUMP_IF(dst, value, by)                                                                                        \
	{                                                                                                              \
		.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = (dst), .off = (by), .imm = (value)                       \
	}
#define JUMP_UNLESS(dst, value, by)                                                                                    \
	{                                                                                                              \
		.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = (dst), .off = (by), .imm = (value)                       \
	}
#define AND(dst, value)                                                                                                \
	{                                                                                                              \
		.code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = (dst), .imm = (value)                                  \
	}
#define RETURN(value)                                                                                                  \
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = (value) },                                         \
	{                                                                                                              \
		.code = BPF_JMP | BPF_EXIT                                                                             \
	}

enum { HEADERS = 14 + 40, TYPE = 12, DST4 = 14 + 16, DST6 = 14 + 24 };

/* Both constants are the bytes of the frame as a little-endian machine reads them. */
static const struct bpf_insn program[] = {
	LOAD(BPF_W, 2, 1, offsetof(struct xdp_md, data)),
	LOAD(BPF_W, 3, 1, offsetof(struct xdp_md, data_end)),
	MOVE(4, 2),
	ADD(4, HEADERS),
	JUMP_IF_ABOVE(4, 3, 3), /* too short to look at */
	LOAD(BPF_H, 5, 2, TYPE),
	JUMP_IF(5, 0x0008, 3),
	JUMP_IF(5, 0xdd86, 6),
	RETURN(XDP_PASS),
	LOAD(BPF_B, 5, 2, DST4),
	JUMP_IF(5, 45, -4),
	RETURN(XDP_DROP),
	LOAD(BPF_H, 5, 2, DST6),
	JUMP_IF(5, 0x0626, -8),
	AND(5, 0xe0), /* 2000::/3 is what the internet uses; the rest belongs to the link */
	JUMP_UNLESS(5, 0x20, -10),
	RETURN(XDP_DROP),
};

int main(int argc, char **argv)
{
	int ifindex = argc == 2 ? (int)if_nametoindex(argv[1]) : 0, fd, error;

	if (!ifindex) {
		fprintf(stderr, "usage: gate DEVICE\n");
		return 2;
	}
	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "gate", "Dual BSD/GPL", program, ARRAY_COUNT(program), NULL);
	error = fd < 0 ? fd : bpf_xdp_attach(ifindex, fd, 0, NULL);
	if (error)
		fprintf(stderr, "gate: %s\n", strerror(-error));
	return error ? 1 : 0;
}
