// SPDX-License-Identifier: Apache-2.0
/* For tests of protocols over TCP: a conversation that must give the same records, however it is cut into pieces. */
#pragma once

#include <stdio.h>

#include "sensor/app/internal.h"
#include "sensor/app/testapp.h"

struct testtalk {
	enum sensor_dir dir;
	const char *text;
	size_t size;
	const char *protocol; /* in the first message: see testtalk_force; null: what the bytes say */
};

#define TALK(side, literal)                                                                                            \
	{                                                                                                              \
		.dir = side, .text = literal, .size = sizeof(literal) - 1                                              \
	}

enum { TESTTALK_TEXT_SIZE = 65536 };

/* Forgets the flow, keeps the worker. */
static inline void testtalk_again(struct testapp *app)
{
	app_conn_free(app->flow.app);
	app->flow.app = NULL;
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		app->held_size[dir] = app->needed[dir] = 0;
		app->offset[dir] = 0;
		app->stopped[dir] = false;
	}
}

/* As if both directions were recognised as this protocol: for what only follows another protocol. */
static inline void testtalk_force(struct testapp *app, const char *protocol)
{
	struct app_conn *conn = app_conn_new(app->worker, &app->flow);

	if (!conn)
		abort();
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		conn->protocol_dir[dir] = app_protocol_find(protocol);
		conn->dir_done[dir] = true;
	}
	app_conn_protocol(conn, conn->protocol_dir[0]);
}

/* Records and events of all transactions of the protocol in force, one line each. */
static inline void testtalk_records(struct testapp *app, char *text)
{
	char record[TESTTALK_TEXT_SIZE];
	size_t size = 0;

	text[0] = '\0';
	for (struct app_tx *tx = app->flow.app ? app->flow.app->first : NULL; tx; tx = tx->next) {
		if (tx->protocol != app->flow.app->protocol)
			continue;
		size += (size_t)snprintf(text + size, TESTTALK_TEXT_SIZE - size, "%s",
			testapp_log(tx, &app->flow, false, record, sizeof(record)));
		for (uint8_t i = 0; i < tx->event_count; i++)
			size += (size_t)snprintf(text + size, TESTTALK_TEXT_SIZE - size, " !%s",
				tx->protocol->events[tx->events[i]].name);
		size += (size_t)snprintf(text + size, TESTTALK_TEXT_SIZE - size, "\n");
	}
}

/* Message number 'cut_message' is cut at 'cut_at' (0: not at all); with 'bytewise' everything comes byte by byte. */
static inline void testtalk_run(struct testapp *app, const struct testtalk *talk, size_t count, bool bytewise,
	size_t cut_message, size_t cut_at, char *text)
{
	testtalk_again(app);
	if (talk[0].protocol)
		testtalk_force(app, talk[0].protocol);
	for (size_t i = 0; i < count; i++) {
		size_t cut = i == cut_message ? cut_at : 0;
		struct bytes in = bytes_of(talk[i].text, talk[i].size);

		if (cut != 0 && !bytewise) {
			testapp_piece(app, talk[i].dir, bytes_first(in, cut), 0);
			testapp_piece(app, talk[i].dir, bytes_skip(in, cut), 0);
		} else {
			testapp_stream(app, talk[i].dir, in, bytewise ? 1 : 0);
		}
	}
	testtalk_records(app, text);
}

/* True when every way of cutting gives the records of 'expected'; else the first other records are printed. */
static inline bool testtalk_same(struct testapp *app, const struct testtalk *talk, size_t count, const char *expected)
{
	char text[TESTTALK_TEXT_SIZE];

	testtalk_run(app, talk, count, false, 0, 0, text);
	if (strcmp(text, expected) != 0) {
		printf("whole:\n%s", text);
		return false;
	}
	testtalk_run(app, talk, count, true, 0, 0, text);
	if (strcmp(text, expected) != 0) {
		printf("byte by byte:\n%s", text);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t at = 1; at < talk[i].size; at++) {
			testtalk_run(app, talk, count, false, i, at, text);
			if (strcmp(text, expected) != 0) {
				printf("message %zu cut at %zu:\n%s", i, at, text);
				return false;
			}
		}
	}
	return true;
}

/* The same over UDP: as it is, then with every message cut short, which must do no harm. */
static inline bool testtalk_datagrams(
	struct testapp *app, const struct testtalk *talk, size_t count, const char *expected)
{
	char text[TESTTALK_TEXT_SIZE];

	testtalk_again(app);
	for (size_t i = 0; i < count; i++)
		testapp_datagram(app, talk[i].dir, bytes_of(talk[i].text, talk[i].size));
	testtalk_records(app, text);
	if (strcmp(text, expected) != 0) {
		printf("whole:\n%s", text);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t size = 0; size < talk[i].size; size++) {
			/* A copy of the exact size, so that tools see reads behind its end. */
			uint8_t *exact = malloc(size + (size == 0));

			if (!exact)
				abort();
			memcpy(exact, talk[i].text, size);
			testtalk_again(app);
			testapp_datagram(app, talk[0].dir, bytes_of(talk[0].text, talk[0].size));
			testapp_datagram(app, talk[i].dir, bytes_of(exact, size));
			testapp_ask_all(app);
			free(exact);
		}
	}
	return true;
}
