// SPDX-License-Identifier: Apache-2.0
/* Rules over a body that grows: what is scanned once must be found as if all of the window were scanned each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sensor/app/app.h"
#include "sensor/detect/testrules.h"
#include "sensor/files/file.h"
#include "sensor/flow/flow.h"

enum { RULES = 12, BODY_SIZE = 400, LITERAL_MAX = 6 };

/* A file that is transferred piece by piece, and rules with two contents each. */
struct transfer {
	struct test_rules test;
	struct flow flow;
	struct app_conn conn;
	struct app_tx tx;
	struct file_list files;
	struct file file;
	char first[RULES][LITERAL_MAX + 1], second[RULES][LITERAL_MAX + 1];
	char body[BODY_SIZE];
	bool held[RULES];
};

static uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

static void random_text(uint64_t *random, char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		text[i] = (char)('a' + next_random(random) % 3);
}

static void transfer_begin(struct transfer *transfer, uint64_t *random)
{
	char text[RULES * 128];
	size_t used = 0;

	memset(transfer, 0, sizeof(*transfer));
	for (unsigned int i = 0; i < RULES; i++) {
		random_text(random, transfer->first[i], 3 + next_random(random) % (LITERAL_MAX - 2));
		random_text(random, transfer->second[i], 3 + next_random(random) % (LITERAL_MAX - 2));
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"alert ftp-data any any -> any any (file.data; content:\"%s\"; content:\"%s\"; sid:%u;)\n",
			transfer->first[i], transfer->second[i], i + 1);
	}
	assert_true(test_rules_open(&transfer->test, text, false));
	random_text(random, transfer->body, sizeof(transfer->body));
	transfer->conn = (struct app_conn){ .flow = &transfer->flow,
		.worker = &transfer->test.worker,
		.protocol = app_protocol_find("ftp-data"),
		.first = &transfer->tx,
		.last = &transfer->tx };
	assert_non_null(transfer->conn.protocol);
	transfer->flow.app = &transfer->conn;
	transfer->flow.protocol = 6;
	transfer->tx.conn = &transfer->conn;
	transfer->tx.protocol = transfer->conn.protocol;
	transfer->tx.files[TO_SERVER] = &transfer->files;
	transfer->files = (struct file_list){ .first = &transfer->file, .last = &transfer->file, .count = 1 };
	transfer->file.id = 1;
}

static void transfer_end(struct transfer *transfer)
{
	detect_tx_release(&transfer->tx);
	detect_flow_release(&transfer->flow);
	test_rules_close(&transfer->test);
}

static bool shows(struct bytes window, const char *literal)
{
	return memmem(window.ptr, window.size, literal, strlen(literal)) != NULL;
}

/* The window is body[from, to): rules that hold in it and did not before alert. */
static void transfer_step(struct transfer *transfer, size_t from, size_t to)
{
	struct sensor_packet packet = test_packet(&transfer->test, bytes_from_str(""));
	bool alerted[RULES] = { false };

	packet.protocol = 6;
	packet.has_udp = false;
	packet.has_tcp = true;
	packet.flow = &transfer->flow;
	packet.flags = PKT_ESTABLISHED | PKT_STREAM_EST;
	transfer->file.window = bytes_of(transfer->body + from, to - from);
	transfer->file.window_offset = from;
	transfer->tx.updated[TO_SERVER] = true;
	detect_packet(transfer->test.context, &packet);
	for (uint16_t i = 0; i < packet.alert_count; i++)
		alerted[packet.alerts[i].rule->sid - 1] = true;
	for (unsigned int i = 0; i < RULES; i++) {
		bool wanted = !transfer->held[i] && shows(transfer->file.window, transfer->first[i]) &&
			      shows(transfer->file.window, transfer->second[i]);

		if (alerted[i] != wanted)
			fail_msg("body[%zu, %zu): rule %u with \"%s\" and \"%s\" %s", from, to, i + 1,
				transfer->first[i], transfer->second[i], wanted ? "is silent" : "alerts");
		transfer->held[i] |= wanted;
	}
}

static void growing_bodies_are_scanned_as_a_whole(void **state)
{
	uint64_t random = 11;

	for (unsigned int round = 0; round < 60; round++) {
		struct transfer transfer;
		size_t from = 0, to = 0;

		transfer_begin(&transfer, &random);
		while (to < BODY_SIZE) {
			to += next_random(&random) % (round % 2 ? 4 : 40);
			if (to > BODY_SIZE)
				to = BODY_SIZE;
			/* Sometimes bytes are given up, now and then also some that rules have not seen. */
			if (next_random(&random) % 4 == 0)
				from += next_random(&random) % (to - from + 1);
			transfer_step(&transfer, from, to);
		}
		transfer_end(&transfer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growing_bodies_are_scanned_as_a_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
