// SPDX-License-Identifier: Apache-2.0
/* Looking at one event of an edge: what does it say of the server?
 *
 * Each kind of record has a file: look-tls.c, look-http.c, look-software.c (versions), look-ssh.c, look-flow.c, look-login.c. Only what the server
 * itself said, chose or let happen counts, never what a stranger sent: so nobody can make a finding about somebody else's server by
 * asking it strange things. Records of the sensor are of connections whose handshake was completed. No state, no memory; any thread. */
#pragma once

#include <jansson.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/net.h"
#include "hub/posture/evidence/rules.h"

enum {
	LOOK_FOUND_MAX = 8, /* of one event; further ones come with the next */
	LOOK_PATH_SIZE = 129,
	LOOK_WHAT_SIZE = 256,
	LOOK_NAME_SIZE = 256,
	LOOK_CVE_SIZE = 24,
};

struct look_found {
	enum perimeter_rule rule;
	char path[LOOK_PATH_SIZE]; /* the place below the port; "": the port as a whole */
	char what[LOOK_WHAT_SIZE]; /* what was seen, the same words each time: "TLS 1.0, cipher 0xc013" */
	char name[LOOK_NAME_SIZE]; /* counts only when this name is an asset of the same organisation; "": always */
	char cve[LOOK_CVE_SIZE];
};

struct look {
	const json_t *root;
	int64_t time_us;
	uint16_t port; /* of the server */
	struct look_found found[LOOK_FOUND_MAX];
	size_t count;
	bool answered; /* the server has sent data to the other side */
};

/* Fills 'found' and 'answered'; false: no record of a kind that is looked at. */
bool look_at(struct bytes type, struct look *look);
/* Whether records of this kind are looked at at all. */
bool look_wants(struct bytes type);

/* ---- For the files that look ---- */

struct bytes look_text(const json_t *object, const char *key);
int64_t look_number(const json_t *object, const char *key); /* 0 without */
/* A row to fill: rule and what are set, the rest is empty. Null: there are enough. */
PRINTF_LIKE(3, 4) struct look_found *look_add(struct look *look, enum perimeter_rule rule, const char *format, ...);
/* A name and version such as "nginx/1.18.0" or "OpenSSH_7.4", as a server shows itself. */
void look_software(struct look *look, struct bytes banner);
/* Whether 'text' has 'word' in it, without case. */
bool look_has(struct bytes text, const char *word);

void look_tls(struct look *look);
void look_http(struct look *look);
void look_ssh(struct look *look);
void look_flow(struct look *look);
void look_ftp(struct look *look);
void look_pop3(struct look *look);
void look_rdp(struct look *look);
void look_smb(struct look *look);
