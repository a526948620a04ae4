// SPDX-License-Identifier: Apache-2.0
/* One look at a service: which versions of TLS it takes, its certificate, the headers of its front page. It connects like any client, sends one
 * request for "/", and nothing that could do harm. Whether that is allowed was asked before (consent.h). Blocking; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/net.h"

enum { SERVICE_CONNECT_MS = 5000, SERVICE_HEAD_MAX = 16 << 10 };

/* X(identifier, word) */
#define SERVICE_ANSWERS(X)                                                                                             \
	X(UNREACHABLE, "unreachable") /* nobody can be asked: nothing follows from it */                               \
	X(YES, "yes")                                                                                                  \
	X(NO, "no")

enum service_answer {
#define X(id, word) SERVICE_##id,
	SERVICE_ANSWERS(X)
#undef X
};

struct service_certificate {
	int64_t not_after_s;
	bool self_signed;
	char key[16]; /* "rsa", "ec", else "" */
	uint32_t key_bits;
	bool weak_signature; /* over MD5 or SHA-1, and not of itself */
};

/* Whether a handshake with just this version (TLS1_VERSION ... of OpenSSL) is agreed on. NO: the service speaks TLS, but not this one. */
enum service_answer service_speaks(const struct ip_addr *addr, uint16_t port, int version);
/* YES: '*ret' is filled. NO: it does not speak TLS. */
enum service_answer service_certificate(const struct ip_addr *addr, uint16_t port, struct service_certificate *ret);
/* The head of the answer to "GET /", as it came, ended by NUL; over TLS where it is spoken ('*ret_tls'). NO: no HTTP. */
enum service_answer service_head(
	const struct ip_addr *addr, uint16_t port, const char *host, char ret[SERVICE_HEAD_MAX], bool *ret_tls);
/* Whether a head has this header, with 'part' in its value (without case). */
bool service_has_header(const char *head, const char *name, const char *part);
