// SPDX-License-Identifier: Apache-2.0
/* What a packet costs that ends at each step: the kernel runs the program a million times over one frame
 * (BPF_PROG_TEST_RUN). All memory is warm, so these are the instructions alone; the races show what memory costs. The
 * challenge has no row, since the first answer changes the frame that the next run would read. */
#include <stdio.h>
#include <bpf/bpf.h>

#include "base/error.h"
#include "base/log.h"
#include "packet/build.h"
#include "tests/bench/bench.h"

enum { REPEAT = 1000000, FRAME_SIZE = 256 };

#define HERE     "198.19.1.7"
#define HERE6    "2001:db8:2::7"
#define SOURCE   "48.1.2.3"
#define SOURCE6  "2606:4700::5"
#define UDP_OPEN .protocol = PACKET_UDP, .dport = 5000, .payload_size = 18
#define TCP_DATA .protocol = PACKET_TCP, .dport = 443, .tcp_flags = PACKET_ACK | PACKET_PSH, .payload_size = 18

static const struct step {
	const char *name;
	enum shield_verdict verdict;
	struct packet_spec packet;
} steps[] = {
	{ "not IP", SHIELD_PASS, { .src = SOURCE, .dst = HERE, .ether_type = 0x0806, UDP_OPEN } },
	{ "wrong TCP flags", SHIELD_DROP, { .src = SOURCE, .dst = HERE, .protocol = PACKET_TCP, .dport = 443 } },
	{ "no tenant", SHIELD_PASS, { .src = SOURCE, .dst = "100.65.0.1", UDP_OPEN } },
	{ "bogon", SHIELD_DROP, { .src = "10.1.2.3", .dst = HERE, UDP_OPEN } },
	{ "listed", SHIELD_DROP, { .src = "16.0.0.0", .dst = HERE, UDP_OPEN } },
	{ "protocol", SHIELD_DROP, { .src = SOURCE, .dst = HERE, .protocol = PACKET_GRE } },
	{ "closed TCP port", SHIELD_DROP,
		{ .src = SOURCE, .dst = HERE, .protocol = PACKET_TCP, .dport = 81, .tcp_flags = PACKET_SYN } },
	{ "closed UDP port", SHIELD_DROP,
		{ .src = SOURCE, .dst = HERE, .protocol = PACKET_UDP, .dport = 81, .payload_size = 18 } },
	{ "reflection (DNS answer)", SHIELD_DROP,
		{ .src = SOURCE,
			.dst = HERE,
			.protocol = PACKET_UDP,
			.sport = 53,
			.dport = 5000,
			.payload_size = 100,
			.payload = "\x12\x34\x81\x80\0\1\0\x10\0\0\0\1\7example\3com\0\0\xff\0\1"
				   "                                                                      " } },
	{ "later fragment", SHIELD_PASS,
		{ .src = SOURCE, .dst = HERE, .protocol = PACKET_UDP, .fragment_offset = 64, .payload_size = 64 } },
	{ "passes, UDP", SHIELD_PASS, { .src = SOURCE, .dst = HERE, UDP_OPEN } },
	{ "passes, TCP data", SHIELD_PASS, { .src = SOURCE, .dst = HERE, TCP_DATA } },
	{ "passes, SYN", SHIELD_PASS,
		{ .src = SOURCE,
			.dst = HERE,
			.protocol = PACKET_TCP,
			.dport = 443,
			.tcp_flags = PACKET_SYN,
			.tcp_mss = 1460 } },
	{ "passes, IPv6 UDP", SHIELD_PASS, { .src = SOURCE6, .dst = HERE6, UDP_OPEN } },
	{ "passes, IPv6 TCP data", SHIELD_PASS, { .src = SOURCE6, .dst = HERE6, TCP_DATA } },
};

static int measure(struct bench *bench, const struct step *step, double *ret_ns)
{
	uint8_t frame[FRAME_SIZE];
	struct shield_test result;
	size_t size;
	int error = packet_build(&step->packet, frame, sizeof(frame), &size);

	if (!error)
		error = shield_test_run(bench->ours.shield, frame, size, REPEAT, NULL, 0, &result);
	if (error) {
		log_error("step %s: %s", step->name, error_text(error, LUYTRE_LANG_EN));
		return error;
	}
	if (result.verdict != step->verdict) {
		log_error("step %s: verdict %d", step->name, result.verdict);
		return LUYTRE_E_INVALID;
	}
	*ret_ns = result.duration_ns;
	return 0;
}

static int measure_nothing(const struct bench *bench, double *ret_ns)
{
	uint8_t frame[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .repeat = REPEAT);

	if (bpf_prog_test_run_opts(bench->rig.drop_program, &opts))
		return LUYTRE_E_SYSTEM;
	*ret_ns = opts.duration;
	return 0;
}

int case_steps(struct bench *bench)
{
	static const char section[] = "nanoseconds of one packet, by the step where it ends";
	struct report_row *rows[ARRAY_COUNT(steps)], *nothing;
	int error = 0;

	nothing = report_row(&bench->report, section, "(empty program, with the loop around it)", "ns");
	for (size_t i = 0; i < ARRAY_COUNT(steps); i++)
		rows[i] = report_row(&bench->report, section, steps[i].name, "ns");
	for (unsigned int run = 0; run < bench->runs && !error; run++) {
		double ns = 0;

		error = measure_nothing(bench, &ns);
		report_value(nothing, ns);
		for (size_t i = 0; i < ARRAY_COUNT(steps) && !error; i++) {
			error = measure(bench, &steps[i], &ns);
			report_value(rows[i], ns);
		}
	}
	return error;
}
