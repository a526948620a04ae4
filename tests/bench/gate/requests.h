// SPDX-License-Identifier: Apache-2.0
/* The requests of the gate's benchmark: six classes of what a web shop sees, the same on every run and machine.
 *
 *	static	GET of a file, no query
 *	query	GET with 4 to 8 parameters
 *	form	POST of 2 kB, urlencoded
 *	json	POST of 8 kB, nested
 *	upload	POST, multipart: two fields and a file of 1 MiB
 *	attack	ten known kinds, harmless samples
 *
 * Everything belongs to the list and lives as long as it; nothing changes after it was made. One thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"

enum request_class {
	REQUEST_STATIC,
	REQUEST_QUERY,
	REQUEST_FORM,
	REQUEST_JSON,
	REQUEST_UPLOAD,
	REQUEST_ATTACK,
	REQUEST_CLASS_COUNT
};

enum { REQUEST_HEADERS_MAX = 16, REQUEST_VARIANTS_MAX = 40 };

struct request_header {
	const char *name, *value;
};

struct request {
	const char *method, *target;
	struct request_header headers[REQUEST_HEADERS_MAX];
	size_t header_count;
	struct bytes body; /* empty without */
};

struct request_list {
	struct arena arena;
	struct request items[REQUEST_VARIANTS_MAX];
	size_t count;
	enum request_class class;
	uint64_t renewed; /* state of the random numbers */
};

const char *request_class_name(enum request_class which);

/* LUYTRE_E_NOMEM. The list is freed with request_list_done, also after a failure. */
MUST_CHECK int request_list_init(struct request_list *list, enum request_class which);
void request_list_done(struct request_list *list);

/* Other letters and digits in all that a client would say anew each time: values in the query and the cookie, of forms and of JSON. Names, paths
 * and other headers stay, attacks and uploads stay as they are. For engines that remember what they have seen. */
void request_renew(struct request_list *list, size_t index);

/* The request as HTTP/1.1 has it on the wire; in the list's arena, empty without memory. */
struct bytes request_wire(struct request_list *list, const struct request *request);
