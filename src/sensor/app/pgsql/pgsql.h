// SPDX-License-Identifier: Apache-2.0
/* PostgreSQL's protocol 3 (its manual, "Frontend/Backend Protocol"): what the files of this folder share.
 *
 * A transaction is a message of the client with everything the server answers to it. Rows are counted, not kept. */
#pragma once

#include "sensor/app/app.h"

enum { PGSQL_COMPLETE = 1, PGSQL_MESSAGE_MAX = 1 << 20, PGSQL_PARAMETERS_MAX = 64 };

/* What stands in the place of a version in messages that are no beginning of a session. */
enum { PGSQL_CODE_CANCEL = 80877102, PGSQL_CODE_SSL = 80877103, PGSQL_CODE_GSS = 80877104 };

enum pgsql_request {
	PGSQL_NO_REQUEST,
	PGSQL_SSL_REQUEST,
	PGSQL_GSS_REQUEST,
	PGSQL_STARTUP,
	PGSQL_CANCEL,
	PGSQL_PASSWORD,
	PGSQL_SASL_INITIAL,
	PGSQL_SASL_RESPONSE,
	PGSQL_QUERY,
	PGSQL_TERMINATE
};

/* What the server asked for last: says how the client's next 'p' message is to be read. */
enum pgsql_authentication {
	PGSQL_AUTH_OK = 0,
	PGSQL_AUTH_CLEARTEXT = 3,
	PGSQL_AUTH_MD5 = 5,
	PGSQL_AUTH_SASL = 10,
	PGSQL_AUTH_SASL_CONTINUE = 11,
	PGSQL_AUTH_SASL_FINAL = 12
};

struct pgsql_pair {
	struct pgsql_pair *next;
	struct bytes name, value;
};

struct pgsql_pairs {
	struct pgsql_pair *first, *last;
	uint32_t count;
};

struct pgsql_tx {
	struct app_tx common;
	/* request */
	uint8_t request; /* enum pgsql_request */
	uint16_t major, minor;
	struct bytes user, text; /* text: query, password, SASL data */
	struct bytes mechanism;
	struct pgsql_pairs options;
	uint32_t cancel_process_id, cancel_secret;
	uint64_t copy_in_count, copy_in_size;
	/* response */
	bool has_ssl, ssl_accepted, has_authentication, has_ok, has_key, has_fields, has_final;
	uint32_t authentication; /* enum pgsql_authentication */
	struct bytes salt, final; /* of MD5; of SASL's last message */
	struct pgsql_pairs parameters;
	struct pgsql_pairs notice; /* fields of an error or a notice, by their letter */
	uint32_t process_id, secret;
	uint16_t field_count;
	uint64_t row_count, row_size, copy_out_count, copy_out_size;
	struct bytes command; /* of CommandComplete */
};

/* One message: 'type' is 0 for those without a letter, which the client sends first. 'body' lies behind the length. */
bool pgsql_read_request(struct pgsql_tx *tx, uint8_t type, uint32_t authentication, struct bytes body);
/* '*ret_done': the server is through with its answer. False: malformed. */
bool pgsql_read_response(struct pgsql_tx *tx, uint8_t type, struct bytes body, bool *ret_done);

bool pgsql_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);
