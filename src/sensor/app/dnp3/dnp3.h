// SPDX-License-Identifier: Apache-2.0
/* DNP3 (IEEE 1815), the protocol of substations and waterworks: what the files of this folder share.
 *
 * Link frames with checksums carry transport segments, which together are one application fragment. A fragment is one
 * transaction in one direction: a header, and objects, each a group, a variation, a range and perhaps points. The points
 * stay as bytes in the transaction and are read by tables, once to see that they are whole, and when a record wants them. */
#pragma once

#include "sensor/app/app.h"
#include "sensor/rules/keyword.h"

struct dnp3_field;

enum {
	DNP3_COMPLETE = 1,
	DNP3_FRAGMENT_MAX = 65536, /* bytes of one application fragment */
	DNP3_POINTS_MAX = 16384, /* of one fragment: default of "max-points" */
	DNP3_OBJECTS_MAX = 2048, /* "max-objects" */
	DNP3_UNANSWERED_MAX = 32, /* "max-tx": requests in a row without an answer */
};

enum dnp3_function { DNP3_CONFIRM = 0, DNP3_READ = 1, DNP3_RESPONSE = 129, DNP3_UNSOLICITED = 130 };

struct dnp3_object {
	struct dnp3_object *next;
	uint8_t group, variation, qualifier, prefix_code, range_code;
	uint32_t start, stop, count;
	const struct dnp3_field *fields; /* null: no points */
	struct bytes points; /* in the fragment */
};

struct dnp3_tx {
	struct app_tx common;
	bool request, complete; /* complete: every object was understood */
	bool has_application;
	uint8_t link_control, sequence; /* of the transport */
	uint16_t destination, source;
	uint8_t control, function;
	uint16_t indicators;
	struct bytes fragment; /* with its header */
	struct dnp3_object *first, *last;
};

enum dnp3_event {
	DNP3_EVENT_FLOODED,
	DNP3_EVENT_LEN_TOO_SMALL,
	DNP3_EVENT_BAD_LINK_CRC,
	DNP3_EVENT_BAD_TRANSPORT_CRC,
	DNP3_EVENT_MALFORMED,
	DNP3_EVENT_UNKNOWN_OBJECT,
	DNP3_EVENT_TOO_MANY_POINTS,
	DNP3_EVENT_TOO_MANY_OBJECTS,
};

struct dnp3_limits {
	uint32_t objects_max, points_max, unanswered_max;
};

/* ---- objects.c ---- */

/* Reads the objects behind the application header into the transaction, raising events. */
void dnp3_read_objects(
	struct app_conn *conn, struct dnp3_tx *tx, struct bytes objects, const struct dnp3_limits *limits);
/* The member "points" of an object of a record. */
void dnp3_log_points(const struct dnp3_object *object, struct jsonw *json);

/* ---- rules.c ---- */

extern const struct app_buffer dnp3_buffers[];
extern const struct app_number dnp3_numbers[];
extern const struct rule_keyword dnp3_keywords[];

/* ---- log.c ---- */

bool dnp3_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);
