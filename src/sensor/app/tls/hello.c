// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/tls/hello.h"

#include "base/cursor.h"

bool tls_is_grease(uint16_t value)
{
	return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

/* ---- Vectors ---- */

static bool vector8(struct cursor *cur, struct bytes *ret)
{
	uint8_t size;

	return cursor_u8(cur, &size) && cursor_take(cur, size, ret);
}

static bool vector16(struct cursor *cur, struct bytes *ret)
{
	uint16_t size;

	return cursor_u16be(cur, &size) && cursor_take(cur, size, ret);
}

bool tls_extension_next(struct bytes *rest, uint16_t *ret_type, struct bytes *ret_data)
{
	struct cursor cur = cursor_over(*rest);

	if (!cursor_u16be(&cur, ret_type) || !vector16(&cur, ret_data))
		return false;
	*rest = cursor_rest(&cur);
	return true;
}

bool tls_alpn_next(struct bytes *rest, struct bytes *ret)
{
	struct cursor cur = cursor_over(*rest);

	if (!vector8(&cur, ret))
		return false;
	*rest = cursor_rest(&cur);
	return true;
}

/* ---- Extensions ---- */

/* RFC 6066, section 3: a list with names of a type each; only type 0 (host_name) exists. */
static void sni_read(struct tls_hello *hello, struct bytes data)
{
	struct cursor cur = cursor_over(data), names;
	struct bytes list, name;
	uint8_t type;

	if (hello->has_sni) {
		hello->sni_trouble |= TLS_SNI_MULTIPLE;
		return;
	}
	hello->has_sni = true;
	if (data.size == 0)
		return;
	if (!vector16(&cur, &list)) {
		hello->sni_trouble |= TLS_SNI_BAD_LENGTH;
		return;
	}
	names = cursor_over(list);
	if (!cursor_u8(&names, &type))
		return;
	if (type != 0) {
		hello->sni_trouble |= TLS_SNI_BAD_TYPE;
		return;
	}
	if (!vector16(&names, &name)) {
		hello->sni_trouble |= TLS_SNI_BAD_LENGTH;
		return;
	}
	hello->sni = name;
}

static void versions_read(struct tls_hello *hello, struct bytes data)
{
	struct cursor cur = cursor_over(data), list;
	uint16_t version;

	if (!vector8(&cur, &hello->versions))
		return;
	list = cursor_over(hello->versions);
	hello->version = 0;
	while (cursor_u16be(&list, &version)) {
		/* Drafts (0x7fXX) are larger as numbers than the final 0x0304. */
		if (!tls_is_grease(version) && (hello->version == 0 || version == 0x0304 ||
						       (hello->version != 0x0304 && version > hello->version)))
			hello->version = version;
	}
	if (hello->version == 0)
		hello->version = hello->legacy_version;
}

static void extension_read(struct tls_hello *hello, uint16_t type, struct bytes data, bool client)
{
	struct cursor cur = cursor_over(data);
	bool read = true;

	switch (type) {
	case TLS_EXT_SNI:
		sni_read(hello, data);
		break;
	case TLS_EXT_GROUPS:
		read = vector16(&cur, &hello->groups);
		break;
	case TLS_EXT_POINT_FORMATS:
		read = vector8(&cur, &hello->point_formats);
		break;
	case TLS_EXT_SIGNATURES:
		read = vector16(&cur, &hello->signatures);
		break;
	case TLS_EXT_ALPN:
		read = vector16(&cur, &hello->alpns);
		break;
	case TLS_EXT_TICKET:
		hello->has_ticket = true;
		hello->ticket_size = data.size;
		break;
	case TLS_EXT_EARLY_DATA:
		hello->early_data = true;
		break;
	case TLS_EXT_VERSIONS:
		if (client)
			versions_read(hello, data);
		else
			read = cursor_u16be(&cur, &hello->version);
		break;
	default:
		break;
	}
	/* A member whose extension cannot be read stays empty. */
	(void)read;
}

static bool extensions_read(struct cursor *cur, struct tls_hello *hello, bool client)
{
	struct bytes rest, data;
	uint16_t type;

	if (cursor_left(cur) == 0)
		return true;
	if (!vector16(cur, &hello->extensions))
		return false;
	hello->has_extensions = true;
	rest = hello->extensions;
	while (rest.size != 0) {
		if (!tls_extension_next(&rest, &type, &data))
			return false;
		extension_read(hello, type, data, client);
	}
	return true;
}

bool tls_client_hello_read(struct bytes body, struct tls_hello *ret)
{
	struct cursor cur = cursor_over(body);
	struct bytes compressions;

	*ret = (struct tls_hello){ 0 };
	if (!cursor_u16be(&cur, &ret->legacy_version) || !cursor_take(&cur, 32, &ret->random) ||
		!vector8(&cur, &ret->session_id) || !vector16(&cur, &ret->ciphers) || !vector8(&cur, &compressions))
		return false;
	ret->version = ret->legacy_version;
	return extensions_read(&cur, ret, true);
}

bool tls_server_hello_read(struct bytes body, struct tls_hello *ret)
{
	struct cursor cur = cursor_over(body);
	bool old_draft;

	*ret = (struct tls_hello){ 0 };
	if (!cursor_u16be(&cur, &ret->legacy_version) || !cursor_take(&cur, 32, &ret->random))
		return false;
	ret->version = ret->legacy_version;
	/* Drafts of TLS 1.3 before 22 have neither session nor compression here, and those before 16 call themselves 1.3. */
	old_draft = ret->legacy_version >> 8 == 0x7f || ret->legacy_version == 0x0304;
	if (ret->legacy_version == 0x0304)
		ret->version = 0x7f01;
	if (!old_draft && !vector8(&cur, &ret->session_id))
		return false;
	if (!cursor_take(&cur, 2, &ret->ciphers) || (!old_draft && !cursor_skip(&cur, 1)))
		return false;
	return extensions_read(&cur, ret, false);
}
