// SPDX-License-Identifier: Apache-2.0
/* Capture files of each link type, written here by libpcap or byte by byte, and files that are damaged or no captures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "base/error.h"
#include "packet/build.h"
#include "packet/capture.h"

#define V4 .src = "203.0.113.5", .dst = "198.51.100.7"
#define V6 .src = "2001:db8::5", .dst = "2001:db8:1::7"

static char message[PACKET_CAPTURE_MESSAGE_SIZE];

/* A capture of one record, as it lies in a file. */
static FILE *write_record(int link_type, const uint8_t *data, uint32_t size, uint32_t wire_size)
{
	struct pcap_pkthdr header = {
		.ts = { .tv_sec = 1700000000, .tv_usec = 123456789 }, .caplen = size, .len = wire_size
	};
	pcap_t *dead = pcap_open_dead_with_tstamp_precision(link_type, 262144, PCAP_TSTAMP_PRECISION_NANO);
	FILE *file = tmpfile();
	pcap_dumper_t *dumper = pcap_dump_fopen(dead, file);

	assert_non_null(dumper);
	pcap_dump((u_char *)dumper, &header, data);
	assert_int_equal(pcap_dump_flush(dumper), 0);
	pcap_close(dead);
	rewind(file);
	return file;
}

static FILE *write_bytes(const void *data, size_t size)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	rewind(file);
	return file;
}

static const struct {
	const char *name;
	int link_type;
	const char *header; /* in front of the IP packet */
	uint8_t header_size;
	bool v6;
	enum packet_fault fault;
} link_rows[] = {
	{ "raw", DLT_RAW, "", 0, false, PACKET_OK },
	{ "raw v6", DLT_RAW, "", 0, true, PACKET_OK },
	{ "ipv4", DLT_IPV4, "", 0, false, PACKET_OK },
	{ "ipv6", DLT_IPV6, "", 0, true, PACKET_OK },
	{ "cooked", DLT_LINUX_SLL, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\10\0", 16, false, PACKET_OK },
	{ "cooked v6", DLT_LINUX_SLL, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x86\xdd", 16, true, PACKET_OK },
	{ "cooked arp", DLT_LINUX_SLL, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\10\6", 16, false, PACKET_NOT_IP },
	{ "cooked 2", DLT_LINUX_SLL2, "\10\0\0\0\0\0\0\1\0\1\0\6\2\0\0\0\0\1\0\0", 20, false, PACKET_OK },
	{ "cooked 2 v6", DLT_LINUX_SLL2, "\x86\xdd\0\0\0\0\0\1\0\1\0\6\2\0\0\0\0\1\0\0", 20, true, PACKET_OK },
	{ "loopback", DLT_NULL, "\2\0\0\0", 4, false, PACKET_OK },
	{ "loopback of the other byte order", DLT_NULL, "\0\0\0\2", 4, false, PACKET_OK },
	{ "loopback v6 linux", DLT_NULL, "\12\0\0\0", 4, true, PACKET_OK },
	{ "loopback v6 freebsd", DLT_NULL, "\34\0\0\0", 4, true, PACKET_OK },
	{ "loopback v6 darwin", DLT_NULL, "\36\0\0\0", 4, true, PACKET_OK },
	{ "loopback v6 openbsd", DLT_LOOP, "\0\0\0\30", 4, true, PACKET_OK },
	{ "loopback openbsd", DLT_LOOP, "\0\0\0\2", 4, false, PACKET_OK },
	{ "loopback other family", DLT_NULL, "\7\0\0\0", 4, false, PACKET_NOT_IP },
};

/* The frame is the IP packet behind an Ethernet header of zeros with the right type. */
static void expect_frame(const struct packet_frame *got, const uint8_t *ip, size_t size, enum packet_fault fault)
{
	static const uint8_t zeros[12];
	struct packet packet;

	assert_int_equal(got->data.size, 14 + size);
	assert_int_equal(got->wire_size, 14 + size);
	assert_int_equal(got->time_ns, 1700000000123456789);
	assert_memory_equal(got->data.ptr, zeros, 12);
	assert_memory_equal(got->data.ptr + 14, ip, size);
	assert_int_equal(packet_decode(got->data.ptr, got->data.size, &packet), fault);
}

static void test_link_types(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(link_rows); i++) {
		struct packet_spec v4 = { V4, .no_link = true, .protocol = PACKET_UDP, .payload_size = 30 };
		struct packet_spec v6 = { V6, .no_link = true, .protocol = PACKET_UDP, .payload_size = 30 };
		size_t header_size = link_rows[i].header_size, size;
		struct packet_capture *capture;
		struct packet_frame got;
		uint8_t record[256];
		uint32_t whole;

		print_message("%s\n", link_rows[i].name);
		memcpy(record, link_rows[i].header, header_size);
		assert_int_equal(packet_build(link_rows[i].v6 ? &v6 : &v4, record + header_size, 200, &size), 0);
		whole = (uint32_t)(header_size + size);
		assert_int_equal(packet_capture_open_stream(write_record(link_rows[i].link_type, record, whole, whole),
					 "x", message, &capture),
			0);
		assert_string_equal(message, "");
		assert_int_equal(packet_capture_next(capture, &got), 1);
		expect_frame(&got, record + header_size, size, link_rows[i].fault);
		assert_int_equal(packet_capture_next(capture, &got), 0);
		assert_int_equal(packet_capture_next(capture, &got), 0);
		assert_string_equal(packet_capture_message(capture), "");
		packet_capture_close(capture);
	}
}

/* A record that ends inside its link header is a frame of no known type, not a read past the end. */
static void test_short_records(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(link_rows); i++) {
		for (uint32_t size = 0; size <= link_rows[i].header_size; size++) {
			FILE *file =
				write_record(link_rows[i].link_type, (const uint8_t *)link_rows[i].header, size, size);
			struct packet_capture *capture;
			struct packet_frame got;
			struct packet packet;

			assert_int_equal(packet_capture_open_stream(file, "x", message, &capture), 0);
			assert_int_equal(packet_capture_next(capture, &got), 1);
			assert_int_equal(got.data.size, 14);
			assert_int_equal(got.wire_size, 14);
			assert_int_not_equal(packet_decode(got.data.ptr, got.data.size, &packet), PACKET_OK);
			packet_capture_close(capture);
		}
	}
}

static void test_ethernet(void **state)
{
	struct packet_spec spec = { V4, .vlan_count = 1, .protocol = PACKET_UDP };
	struct packet_capture *capture;
	struct packet_frame got;
	uint8_t frame[256];
	size_t size;

	assert_int_equal(packet_build(&spec, frame, sizeof(frame), &size), 0);
	assert_int_equal(packet_capture_open_stream(write_record(DLT_EN10MB, frame, (uint32_t)size - 4, (uint32_t)size),
				 "x", message, &capture),
		0);
	assert_int_equal(packet_capture_next(capture, &got), 1);
	assert_int_equal(got.data.size, size - 4);
	assert_memory_equal(got.data.ptr, frame, size - 4);
	/* The capturing program kept only the beginning. */
	assert_int_equal(got.wire_size, size);
	packet_capture_close(capture);
}

/* libpcap takes records of 256 KB; ours end earlier, with and without a rewritten link header. */
static void test_large_records(void **state)
{
	static const int link_types[] = { DLT_EN10MB, DLT_RAW, DLT_LINUX_SLL };
	static uint8_t record[200000];

	for (size_t i = 0; i < ARRAY_COUNT(link_types); i++) {
		struct packet_capture *capture;
		struct packet_frame got;

		assert_int_equal(
			packet_capture_open_stream(write_record(link_types[i], record, sizeof(record), sizeof(record)),
				"x", message, &capture),
			0);
		assert_int_equal(packet_capture_next(capture, &got), 1);
		assert_int_equal(got.data.size, PACKET_CAPTURE_FRAME_MAX);
		assert_true(got.wire_size > got.data.size);
		packet_capture_close(capture);
	}
}

/* Section, interface (raw IP, nanoseconds) and one enhanced packet with a padded record. */
static const uint8_t pcapng[] = {
	0x0a,
	0x0d,
	0x0d,
	0x0a,
	28,
	0,
	0,
	0,
	0x4d,
	0x3c,
	0x2b,
	0x1a,
	1,
	0,
	0,
	0,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	28,
	0,
	0,
	0,
	1,
	0,
	0,
	0,
	32,
	0,
	0,
	0,
	101,
	0,
	0,
	0,
	0,
	0,
	4,
	0,
	9,
	0,
	1,
	0,
	9,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	32,
	0,
	0,
	0,
	6,
	0,
	0,
	0,
	56,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0x05,
	0,
	0,
	0,
	0x01,
	0,
	0,
	0,
	21,
	0,
	0,
	0,
	21,
	0,
	0,
	0,
	0x45,
	0,
	0,
	21,
	0,
	0,
	0,
	0,
	64,
	253,
	0,
	0,
	203,
	0,
	113,
	5,
	198,
	51,
	100,
	7,
	0x2a,
	0,
	0,
	0,
	56,
	0,
	0,
	0,
};

static void test_pcapng(void **state)
{
	struct packet_capture *capture;
	struct packet_frame got;

	assert_int_equal(packet_capture_open_stream(write_bytes(pcapng, sizeof(pcapng)), "x", message, &capture), 0);
	assert_int_equal(packet_capture_next(capture, &got), 1);
	assert_int_equal(got.time_ns, (5ull << 32) + 1);
	assert_int_equal(got.data.size, 14 + 21);
	assert_memory_equal(got.data.ptr + 12, "\x08\x00\x45", 3);
	assert_int_equal(got.data.ptr[34], 0x2a);
	assert_int_equal(packet_capture_next(capture, &got), 0);
	packet_capture_close(capture);
}

/* A file cut anywhere is refused, or ends, or is called damaged; what is handed out is whole. */
static void test_cut_files(void **state)
{
	size_t corrupt_count = 0;

	for (size_t cut = 0; cut < sizeof(pcapng); cut++) {
		struct packet_capture *capture;
		struct packet_frame got;
		int error = packet_capture_open_stream(write_bytes(pcapng, cut), "some.pcapng", message, &capture);

		if (error) {
			assert_int_equal(error, LUYTRE_E_SYNTAX);
			assert_memory_equal(message, "some.pcapng: not a capture file: ", 33);
			continue;
		}
		error = packet_capture_next(capture, &got);
		if (error) {
			assert_int_equal(error, LUYTRE_E_CORRUPT);
			assert_memory_equal(packet_capture_message(capture), "some.pcapng: ", 13);
			corrupt_count++;
		}
		packet_capture_close(capture);
	}
	assert_int_not_equal(corrupt_count, 0);
}

static void test_refused(void **state)
{
	static const uint8_t text[] = "This is not a capture file, but it is long enough to be one.";
	char directory[] = "/tmp/luytre-test-capture-XXXXXX", path[64];
	struct packet_capture *capture = NULL;
	FILE *file;

	assert_int_equal(
		packet_capture_open_stream(write_record(DLT_IEEE802_11, text, 20, 20), "w.pcap", message, &capture),
		LUYTRE_E_UNSUPPORTED);
	assert_string_equal(
		message, "w.pcap: link type IEEE802_11 (105) is not Ethernet, raw IP, Linux cooked or loopback");
	assert_int_equal(
		packet_capture_open_stream(write_bytes(text, sizeof(text)), "t", message, &capture), LUYTRE_E_SYNTAX);
	assert_int_equal(packet_capture_open_stream(write_bytes("", 0), "t", message, &capture), LUYTRE_E_SYNTAX);
	assert_non_null(mkdtemp(directory));
	assert_int_equal(packet_capture_open(directory, message, &capture), LUYTRE_E_SYNTAX);
	snprintf(path, sizeof(path), "%s/x.pcap", directory);
	assert_int_equal(packet_capture_open(path, message, &capture), LUYTRE_E_NOT_FOUND);
	assert_memory_equal(message, path, strlen(path));
	assert_null(capture);

	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(pcapng, 1, sizeof(pcapng), file), sizeof(pcapng));
	assert_int_equal(fclose(file), 0);
	assert_int_equal(packet_capture_open(path, message, &capture), 0);
	packet_capture_close(capture);
	packet_capture_close(NULL);
	assert_int_equal(remove(path), 0);
	assert_int_equal(remove(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_types),
		cmocka_unit_test(test_short_records),
		cmocka_unit_test(test_ethernet),
		cmocka_unit_test(test_large_records),
		cmocka_unit_test(test_pcapng),
		cmocka_unit_test(test_cut_files),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
