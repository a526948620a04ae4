// SPDX-License-Identifier: Apache-2.0
/* Reads one DNS message (RFC 1035, section 4), without a length in front.
 *
 * A function of bytes: everything it makes lies in the given arena. Used by DNS over UDP and TCP, and by DNS over
 * HTTPS. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"

enum {
	DNS_HEADER_SIZE = 12,
	DNS_NAME_MAX = 1025, /* bytes of a name as text; RFC 1035 allows 255, senders do not care */
	DNS_LABELS_MAX = 255,
	DNS_RECORDS_MAX = 4096, /* of one message that are kept */
};

enum dns_flag { DNS_QR = 0x8000, DNS_AA = 0x0400, DNS_TC = 0x0200, DNS_RD = 0x0100, DNS_RA = 0x0080, DNS_Z = 0x0040 };

enum dns_name_flag { DNS_NAME_LOOP = 1 << 0, DNS_NAME_LONG = 1 << 1, DNS_NAME_LABELS = 1 << 2 };

struct dns_name {
	struct bytes text; /* labels with dots between, no dot at the end */
	uint8_t flags; /* enum dns_name_flag */
};

struct dns_question {
	struct dns_name name;
	uint16_t type, class;
};

/* What the data of a record were read as. */
enum dns_data {
	DNS_DATA_NONE, /* empty, or of a type that is not taken apart */
	DNS_DATA_A,
	DNS_DATA_AAAA,
	DNS_DATA_NAME, /* CNAME, NS, PTR, MX */
	DNS_DATA_TEXT, /* one string of TXT, or the bytes of NULL */
	DNS_DATA_SOA,
	DNS_DATA_SRV,
	DNS_DATA_SSHFP,
	DNS_DATA_OPT,
};

struct dns_record {
	struct dns_name name;
	uint16_t type, class;
	uint32_t ttl;
	uint8_t data; /* enum dns_data */
	struct bytes text; /* address bytes, text, fingerprint, options as they came */
	struct dns_name target; /* of DNS_DATA_NAME and SRV; mname of SOA */
	struct dns_name rname; /* SOA */
	uint32_t numbers
		[5]; /* SOA: serial, refresh, retry, expire, minimum; SRV: priority, weight, port; SSHFP: algo, type */
};

struct dns_message {
	uint16_t id, flags;
	uint16_t counts[4]; /* as the header says: questions, answers, authorities, additionals */
	struct dns_question *questions;
	struct dns_record *answers, *authorities, *additionals;
	uint32_t question_count, answer_count, authority_count, additional_count;
	bool readable; /* false: the rest is what there was before it broke */
	bool bad_authorities, bad_additionals; /* that section could not be read; the ones before could */
	uint8_t name_flags; /* of all names */
};

/* The header alone is well-formed for a message of this size. 'ret_is_query' tells what it claims to be. */
bool dns_header_plausible(struct bytes in, size_t message_size, bool *ret_is_query);

/* 0, LUYTRE_E_TRUNCATED or LUYTRE_E_SYNTAX when header, questions or answers cannot be read, or LUYTRE_E_NOMEM. */
MUST_CHECK int dns_message_parse(struct bytes in, struct arena *arena, struct dns_message *ret);

static inline uint8_t dns_message_opcode(const struct dns_message *message)
{
	return (message->flags >> 11) & 15;
}

static inline uint8_t dns_message_rcode(const struct dns_message *message)
{
	return message->flags & 15;
}
