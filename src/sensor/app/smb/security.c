// SPDX-License-Identifier: Apache-2.0
/* Who logs on: NTLMSSP's last message ([MS-NLMP], section 2.2.1.3) and Kerberos' AP-REQ (RFC 4120, section 5.5.1, framed by
 * RFC 4121), alone or inside SPNEGO (RFC 4178). */
#include "sensor/app/asn1/ber.h"
#include "sensor/app/smb/smb.h"

static const uint8_t ntlmssp_magic[8] = { 'N', 'T', 'L', 'M', 'S', 'S', 'P', 0 };
static const uint8_t oid_kerberos[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02 };

/* ---- NTLMSSP ---- */

enum { NTLMSSP_AUTHENTICATE = 3, NTLMSSP_UNICODE = 0x1, NTLMSSP_VERSION = 0x02000000 };

/* A field: size, room, offset from the start of the message. */
static bool take_field(struct cursor *cur, struct bytes message, struct bytes *ret)
{
	uint16_t size, room;
	uint32_t offset;

	if (!cursor_u16le(cur, &size) || !cursor_u16le(cur, &room) || !cursor_u32le(cur, &offset))
		return false;
	if (size != 0 && (offset > message.size || size > message.size - offset))
		return false;
	*ret = size != 0 ? bytes_of(message.ptr + offset, size) : (struct bytes){ 0 };
	return true;
}

static bool read_ntlmssp(struct app_tx *tx, struct smb_setup *setup, struct bytes message)
{
	struct cursor cur = cursor_over(message);
	struct bytes skipped, domain, user, host;
	struct smb_ntlmssp *ret;
	uint32_t type, flags;
	bool unicode;

	if (!cursor_skip(&cur, sizeof(ntlmssp_magic)) || !cursor_u32le(&cur, &type))
		return false;
	if (type != NTLMSSP_AUTHENTICATE)
		return type == 1 || type == 2;
	if (!take_field(&cur, message, &skipped) || !take_field(&cur, message, &skipped) ||
		!take_field(&cur, message, &domain) || !take_field(&cur, message, &user) ||
		!take_field(&cur, message, &host) || !take_field(&cur, message, &skipped) ||
		!cursor_u32le(&cur, &flags))
		return false;
	ret = app_tx_alloc(tx, sizeof(*ret));
	if (!ret)
		return true;
	unicode = (flags & NTLMSSP_UNICODE) != 0;
	ret->domain = smb_text(tx, domain, unicode);
	ret->user = smb_text(tx, user, unicode);
	ret->host = smb_text(tx, host, unicode);
	ret->has_version = (flags & NTLMSSP_VERSION) && cursor_u8(&cur, &ret->version_major) &&
			   cursor_u8(&cur, &ret->version_minor) && cursor_u16le(&cur, &ret->version_build) &&
			   cursor_skip(&cur, 3) && cursor_u8(&cur, &ret->version_revision);
	setup->ntlmssp = ret;
	return true;
}

/* ---- Kerberos ---- */

static void read_snames(struct app_tx *tx, struct smb_kerberos *kerberos, struct cursor *name)
{
	struct cursor list, items;
	struct bytes text;

	/* PrincipalName ::= SEQUENCE { name-type [0], name-string [1] SEQUENCE OF KerberosString } */
	if (!ber_take(name, BER_CONTEXT_BUILT | 0, &text) || !ber_enter(name, BER_CONTEXT_BUILT | 1, &list) ||
		!ber_enter(&list, BER_SEQUENCE, &items))
		return;
	while (kerberos->sname_count < SMB_SNAMES_MAX && ber_take(&items, 0x1b, &text))
		kerberos->snames[kerberos->sname_count++] = app_tx_dup(tx, text);
}

static void read_ticket(struct app_tx *tx, struct smb_setup *setup, struct cursor *request)
{
	struct cursor ticket, application, fields, part, name;
	struct smb_kerberos *kerberos;
	struct bytes text;

	/* AP-REQ ::= [APPLICATION 14] SEQUENCE { pvno [0], msg-type [1], ap-options [2], ticket [3], ... } */
	for (uint8_t i = 0; i < 3; i++)
		if (!ber_take(request, (uint8_t)(BER_CONTEXT_BUILT | i), &text))
			return;
	if (!ber_enter(request, BER_CONTEXT_BUILT | 3, &ticket) ||
		!ber_enter(&ticket, BER_APPLICATION_BUILT | 1, &application) ||
		!ber_enter(&application, BER_SEQUENCE, &fields) || !ber_take(&fields, BER_CONTEXT_BUILT | 0, &text) ||
		!ber_enter(&fields, BER_CONTEXT_BUILT | 1, &part) || !ber_take(&part, 0x1b, &text))
		return;
	kerberos = app_tx_alloc(tx, sizeof(*kerberos));
	if (!kerberos)
		return;
	kerberos->realm = app_tx_dup(tx, text);
	if (ber_enter(&fields, BER_CONTEXT_BUILT | 2, &part) && ber_enter(&part, BER_SEQUENCE, &name))
		read_snames(tx, kerberos, &name);
	setup->kerberos = kerberos;
}

/* ---- Wrappers ---- */

static void read_token(struct app_tx *tx, struct smb_setup *setup, struct bytes token, bool *ret_good)
{
	struct cursor cur = cursor_over(token), inner, application, request;
	struct bytes oid;
	uint16_t kind;

	if (bytes_starts_with(token, bytes_of(ntlmssp_magic, sizeof(ntlmssp_magic)))) {
		*ret_good = read_ntlmssp(tx, setup, token);
		return;
	}
	/* GSS-API: [APPLICATION 0] { OID, two bytes of kind, AP-REQ } */
	if (!ber_enter(&cur, BER_APPLICATION_BUILT | 0, &inner) || !ber_take(&inner, BER_OID, &oid) ||
		!bytes_equal(oid, bytes_of(oid_kerberos, sizeof(oid_kerberos))) || !cursor_u16be(&inner, &kind))
		return;
	if (kind == 0x0100 && ber_enter(&inner, BER_APPLICATION_BUILT | 14, &application) &&
		ber_enter(&application, BER_SEQUENCE, &request))
		read_ticket(tx, setup, &request);
}

/* The mechanism's token of a NegTokenInit or NegTokenResp: [2] OCTET STRING in both. */
static bool find_token(struct cursor *fields, struct bytes *ret)
{
	struct bytes content;
	uint8_t tag;

	while (ber_any(fields, &tag, &content)) {
		struct cursor inner = cursor_over(content);

		if (tag == (BER_CONTEXT_BUILT | 2))
			return ber_take(&inner, BER_OCTETS, ret);
	}
	return false;
}

bool smb_security_read(struct app_tx *tx, struct smb_setup *setup, struct bytes blob)
{
	struct cursor cur = cursor_over(blob), outer, choice, fields;
	struct bytes oid, token = blob;
	bool good = true;

	if (blob.size != 0 && blob.ptr[0] == (BER_CONTEXT_BUILT | 1)) {
		if (ber_enter(&cur, BER_CONTEXT_BUILT | 1, &choice) && ber_enter(&choice, BER_SEQUENCE, &fields) &&
			!find_token(&fields, &token))
			return true;
	} else if (blob.size != 0 && blob.ptr[0] == BER_APPLICATION_BUILT) {
		if (ber_enter(&cur, BER_APPLICATION_BUILT, &outer) && ber_take(&outer, BER_OID, &oid) &&
			ber_enter(&outer, BER_CONTEXT_BUILT | 0, &choice) &&
			ber_enter(&choice, BER_SEQUENCE, &fields) && !find_token(&fields, &token))
			return true;
	}
	read_token(tx, setup, token, &good);
	return good;
}
