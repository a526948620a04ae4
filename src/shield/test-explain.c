// SPDX-License-Identifier: Apache-2.0
/* Captures written here, explained and summed up: what is said, in which language, and what of broken files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "base/compiler.h"
#include "packet/build.h"
#include "shield/explain.h"

#define GUEST "203.0.113.5"
#define SITE  "198.51.100.7"

/* One packet of a capture, 'at_ms' after its beginning. */
struct record {
	uint32_t at_ms;
	uint32_t snap; /* bytes kept; 0: all */
	struct packet_spec packet;
};

struct files {
	char dir[32], pcap[64], config[64], list[64];
};

static const uint8_t dns_answer[100] = { 1, 2, 0x81, 0x80, 0, 1, 0, 1 };

#define SYN                                                                                                            \
	{                                                                                                              \
		.src = GUEST, .dst = SITE, .protocol = PACKET_TCP, .dport = 443, .tcp_flags = PACKET_SYN               \
	}
#define REPLY                                                                                                          \
	{                                                                                                              \
		.src = GUEST, .dst = SITE, .protocol = PACKET_UDP, .sport = 53, .dport = 40001, .payload = dns_answer, \
		.payload_size = sizeof(dns_answer)                                                                     \
	}
#define QUESTION                                                                                                       \
	{                                                                                                              \
		.src = SITE, .dst = GUEST, .protocol = PACKET_UDP, .sport = 40001, .dport = 53, .payload_size = 30     \
	}
#define PING                                                                                                           \
	{                                                                                                              \
		.src = GUEST, .dst = SITE, .protocol = PACKET_ICMP, .icmp_type = 8                                     \
	}

static const char config_text[] = "interface: test0\n"
				  "lists:\n"
				  "  - { name: enemies, file: enemies.txt, action: block }\n"
				  "tenants:\n"
				  "  - name: bank\n"
				  "    prefixes: 198.51.100.0/24\n"
				  "    mode: MODE\n"
				  "    bogons: false\n"
				  "    burst_ms: 20\n"
				  "    limits: { icmp_pps: 1 }\n";

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int make_files(void **state)
{
	struct files *files = calloc(1, sizeof(*files));

	assert_non_null(files);
	strcpy(files->dir, "/tmp/test-explain-XXXXXX");
	assert_non_null(mkdtemp(files->dir));
	snprintf(files->pcap, sizeof(files->pcap), "%s/in.pcap", files->dir);
	snprintf(files->config, sizeof(files->config), "%s/luytre.yaml", files->dir);
	snprintf(files->list, sizeof(files->list), "%s/enemies.txt", files->dir);
	write_text(files->list, "203.0.113.66\n");
	*state = files;
	return 0;
}

static int remove_files(void **state)
{
	struct files *files = *state;

	unlink(files->pcap);
	unlink(files->config);
	unlink(files->list);
	rmdir(files->dir);
	free(files);
	return 0;
}

static void write_config(const struct files *files, const char *mode)
{
	char text[sizeof(config_text) + 16], *at;

	strcpy(text, config_text);
	at = strstr(text, "MODE");
	memmove(at + strlen(mode), at + 4, strlen(at + 4) + 1);
	memcpy(at, mode, strlen(mode));
	write_text(files->config, text);
}

static void write_pcap(const struct files *files, const struct record *records, size_t count)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *dumper = pcap_dump_open(dead, files->pcap);
	uint8_t frame[2048];

	assert_non_null(dumper);
	for (size_t i = 0; i < count; i++) {
		struct pcap_pkthdr header = { .ts = { .tv_sec = 1700000000 + records[i].at_ms / 1000,
						      .tv_usec = records[i].at_ms % 1000 * 1000 } };
		size_t size;

		assert_int_equal(packet_build(&records[i].packet, frame, sizeof(frame), &size), 0);
		header.len = (uint32_t)size;
		header.caplen = records[i].snap ? records[i].snap : (uint32_t)size;
		pcap_dump((u_char *)dumper, &header, frame);
	}
	pcap_dump_close(dumper);
	pcap_close(dead);
}

/* The output and the complaints of a run, to be freed; returns its result. */
static int run(const struct explain_options *options, char **ret_out, char **ret_errors)
{
	size_t size;
	FILE *out = open_memstream(ret_out, &size), *errors = open_memstream(ret_errors, &size);
	int error = explain_run(options, out, errors);

	fclose(out);
	fclose(errors);
	return error;
}

static void expect(const struct explain_options *options, int error, const char *const *wanted, size_t count)
{
	char *out, *errors;

	assert_int_equal(run(options, &out, &errors), error);
	for (size_t i = 0; i < count; i++)
		if (!strstr(out, wanted[i]) && !strstr(errors, wanted[i]))
			fail_msg("'%s' is not in:\n%s\n%s", wanted[i], out, errors);
	free(out);
	free(errors);
}

#define EXPECT(options, error, ...)                                                                                    \
	expect(options, error, (const char *const[]){ __VA_ARGS__ },                                                   \
		ARRAY_COUNT(((const char *const[]){ __VA_ARGS__ })))

static void each_packet_has_its_verdict_and_its_steps(void **state)
{
	const struct files *files = *state;
	const struct record records[] = { { 0, 0, SYN }, { 1500, 0, REPLY } };
	struct explain_options options = { .pcap = files->pcap };

	write_pcap(files, records, ARRAY_COUNT(records));
	EXPECT(&options, 0, "1 0.000000 IPv4 TCP 203.0.113.5:40000 > 198.51.100.7:443 SYN",
		"tenant example: pass (passed)\n",
		"\tsteps: parse ok, tenant ok, bogon ok, list ok, policy ok, reflection ok, ",
		"reflection ok, signature ok, fragment ok, challenge ok, limit ok\n",
		"2 1.500000 IPv4 UDP 203.0.113.5:53 >", "tenant example: drop (reflect-dns)\n",
		"policy ok, reflection reflect-dns\n", "nobody asked for: DNS answers. [C1]");
	options.lang = LUYTRE_LANG_VI;
	EXPECT(&options, 0, "đơn vị example: chặn (reflect-dns)", "Lưu lượng phản xạ", "các bước: parse đạt");
}

static void json_has_one_line_a_packet(void **state)
{
	const struct files *files = *state;
	const struct record records[] = { { 0, 0, SYN }, { 1500, 0, REPLY } };
	struct explain_options options = { .pcap = files->pcap, .json = true };

	write_pcap(files, records, ARRAY_COUNT(records));
	EXPECT(&options, 0, "{\"number\":1,\"time_s\":0,", "\"src\":\"203.0.113.5\",\"dst\":\"198.51.100.7\"",
		"\"verdict\":\"pass\",\"reason\":\"passed\"", "}]}\n{\"number\":2,\"time_s\":1.5,",
		"\"verdict\":\"drop\",\"reason\":\"reflect-dns\",\"vectors\":\"C1\",\"shadow\":false",
		"{\"step\":\"reflection\",\"reason\":\"reflect-dns\"}]}\n");
}

/* Limits follow the capture's clock, a question from inside opens the way for its answer, lists are read. */
static void a_configuration_is_played_as_the_daemon_would(void **state)
{
	const struct files *files = *state;
	const struct record records[] = { { 0, 0, PING }, { 5, 0, PING }, { 2000, 0, PING }, { 2001, 0, REPLY },
		{ 2002, 0, QUESTION }, { 2003, 0, REPLY },
		{ 2004, 0, { .src = "203.0.113.66", .dst = SITE, .protocol = PACKET_TCP, .tcp_flags = PACKET_ACK } } };
	struct explain_options options = { .pcap = files->pcap, .config = files->config };

	write_pcap(files, records, ARRAY_COUNT(records));
	write_config(files, "enforce");
	EXPECT(&options, 0, "1 0.000000 IPv4 ICMP 203.0.113.5 > 198.51.100.7 echo-request 42 bytes: tenant bank: pass",
		"2 0.005000 IPv4 ICMP 203.0.113.5 > 198.51.100.7 echo-request 42 bytes: tenant bank: drop (limit-icmp)",
		"3 2.000000 IPv4 ICMP 203.0.113.5 > 198.51.100.7 echo-request 42 bytes: tenant bank: pass",
		"142 bytes: tenant bank: drop (reflect-dns)", "72 bytes: tenant bank: leaves (-)",
		"142 bytes: tenant bank: pass (passed)", "tenant bank: drop (listed)", "[H10] (enemies)");
	options.summary = true;
	EXPECT(&options, 0, "7 packets, ", "2.004 s",
		"bank                 passed                                          3",
		"bank                 limit-icmp                                      1",
		"leaves                                          1",
		"Busiest sources\n203.0.113.5                                         2 dropped of 5\n203.0.113.66");
	options.json = true;
	EXPECT(&options, 0, "\"packets\":7,", "\"outbound\":1,",
		"{\"tenant\":\"bank\",\"reason\":\"listed\",\"shadow\":false,\"packets\":1,",
		"{\"source\":\"203.0.113.5\",\"packets\":5,\"bytes\":410,\"dropped\":2}");
}

static void shadow_is_said(void **state)
{
	const struct files *files = *state;
	const struct record records[] = { { 0, 0, REPLY } };
	struct explain_options options = { .pcap = files->pcap, .config = files->config };

	write_pcap(files, records, ARRAY_COUNT(records));
	write_config(files, "shadow");
	EXPECT(&options, 0, "tenant bank: pass (reflect-dns, in shadow)");
	options.summary = true;
	EXPECT(&options, 0, "reflect-dns (in shadow)");
}

/* The captured beginning is enough for the fingerprint. */
static void a_packet_cut_in_the_capture_is_filled_up(void **state)
{
	const struct files *files = *state;
	const struct record records[] = { { 0, 64, REPLY } };
	struct explain_options options = { .pcap = files->pcap };

	write_pcap(files, records, ARRAY_COUNT(records));
	EXPECT(&options, 0, "142 bytes: tenant example: drop (reflect-dns, cut in the capture)");
}

static void broken_files_are_refused_with_a_reason(void **state)
{
	const struct files *files = *state;
	const struct record records[] = { { 0, 0, SYN }, { 1, 0, REPLY } };
	struct explain_options options = { .pcap = files->pcap };

	write_text(files->pcap, "this is no capture at all, not by far");
	EXPECT(&options, LUYTRE_E_SYNTAX, files->pcap);
	unlink(files->pcap);
	EXPECT(&options, LUYTRE_E_NOT_FOUND, files->pcap);
	write_pcap(files, records, ARRAY_COUNT(records));
	assert_int_equal(truncate(files->pcap, 24 + 16 + 54 + 16 + 20), 0);
	EXPECT(&options, LUYTRE_E_CORRUPT, "1 0.000000 IPv4 TCP", files->pcap);
	write_pcap(files, records, ARRAY_COUNT(records));
	options.config = files->config;
	write_text(files->config, "interface: test0\ntenants:\n  - name: bank\n    prefixes: 198.51.100.0/33\n");
	EXPECT(&options, LUYTRE_E_INVALID, "luytre.yaml:4: tenants[0].prefixes");
	write_config(files, "enforce");
	write_text(files->list, "203.0.113.66\nnonsense\n");
	EXPECT(&options, LUYTRE_E_SYNTAX, "enemies.txt:2:");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_packet_has_its_verdict_and_its_steps, make_files, remove_files),
		cmocka_unit_test_setup_teardown(json_has_one_line_a_packet, make_files, remove_files),
		cmocka_unit_test_setup_teardown(
			a_configuration_is_played_as_the_daemon_would, make_files, remove_files),
		cmocka_unit_test_setup_teardown(shadow_is_said, make_files, remove_files),
		cmocka_unit_test_setup_teardown(a_packet_cut_in_the_capture_is_filled_up, make_files, remove_files),
		cmocka_unit_test_setup_teardown(broken_files_are_refused_with_a_reason, make_files, remove_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
