// SPDX-License-Identifier: Apache-2.0
/* Saved decisions.
 *
 * All numbers in network order:
 *	"LTDECIDE"  version u32  count u32
 *	for each decision:
 *		family u8 (4, 6)  length u8  action u8  list u8  expiry u64 (real time in ns; all ones: never)
 *		address (4 or 16 bytes)  tenant (size u8, name; empty: every tenant)  reason (size u8, text)
 *	checksum u64: SipHash-2-4 of everything before it under a fixed key
 *
 * The checksum finds damage, it proves nothing about who wrote the file: the state directory belongs to root. */
#include "shield/decision-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/file.h"
#include "base/siphash.h"
#include "shield/decisions.h"

#define MAGIC         "LTDECIDE"
#define FILE_SIZE_MAX (1u << 30)

enum {
	MAGIC_SIZE = 8,
	VERSION = 1,
	HEAD_SIZE = MAGIC_SIZE + 8,
	CHECKSUM_SIZE = 8,
	NAME_MAX_SIZE = 63,
	ENTRY_SIZE_MAX = 12 + 16 + 1 + NAME_MAX_SIZE + 1 + DECISIONS_REASON_SIZE,
	PAGE = 256,
};

uint64_t decision_file_checksum(struct bytes body)
{
	static const struct siphash_key key = { 0x6c7579747265, 0x646563697369 };

	return siphash24(key, body.ptr, body.size);
}

/* ---- writing -----------------------------------------------------------------------------------------------------*/

struct buffer {
	uint8_t *data; /* owned */
	size_t size, room;
};

static int buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t room = buffer->room ? buffer->room : 4096;
	uint8_t *grown;

	while (room - buffer->size < more)
		room *= 2;
	if (room == buffer->room)
		return 0;
	grown = realloc(buffer->data, room);
	if (!grown)
		return LUYTRE_E_NOMEM;
	buffer->data = grown;
	buffer->room = room;
	return 0;
}

/* These four write into room that was reserved. */
static void put_bytes(struct buffer *buffer, const void *data, size_t size)
{
	memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
}

static void put_be(struct buffer *buffer, uint64_t value, uint32_t size)
{
	for (uint32_t i = size; i-- > 0;)
		buffer->data[buffer->size++] = (uint8_t)(value >> (8 * i));
}

static void put_text(struct buffer *buffer, const char *text)
{
	size_t size = strlen(text);

	put_be(buffer, size, 1);
	put_bytes(buffer, text, size);
}

static void put_entry(struct buffer *buffer, const struct decision *decision, const char *tenant, struct clock now)
{
	const struct ip_addr *addr = &decision->prefix.addr;
	uint64_t expiry =
		decision->expiry_ns == DECISIONS_NEVER ? UINT64_MAX : clock_real_of_mono(now, decision->expiry_ns);

	put_be(buffer, addr->family, 1);
	put_be(buffer, decision->prefix.length, 1);
	put_be(buffer, decision->action, 1);
	put_be(buffer, decision->list, 1);
	put_be(buffer, expiry, 8);
	put_bytes(buffer, addr->bytes, ip_addr_bits(addr) / 8);
	put_text(buffer, tenant);
	put_text(buffer, decision->reason);
}

/* The name to save, "" for every tenant; null: this decision is not saved. */
static const char *entry_tenant(const struct decision *decision, decisions_tenant_name_fn tenant_name, void *user)
{
	const char *name = decision->tenant == SHIELD_TENANT_UNMAPPED ? "" : tenant_name(user, decision->tenant);

	return name && strlen(name) <= NAME_MAX_SIZE ? name : NULL;
}

static int encode(const struct decisions *decisions, uint64_t lists, struct clock now,
	decisions_tenant_name_fn tenant_name, void *user, struct buffer *buffer)
{
	struct decisions_cursor cursor = { 0 };
	struct decisions_view views[PAGE];
	struct buffer head;
	uint32_t count = 0;
	bool done = false;

	if (buffer_reserve(buffer, HEAD_SIZE) < 0)
		return LUYTRE_E_NOMEM;
	buffer->size = HEAD_SIZE;
	while (!done) {
		size_t got = decisions_list(decisions, DECISIONS_ALL, now.mono_ns, &cursor, views, PAGE, &done);

		if (buffer_reserve(buffer, got * ENTRY_SIZE_MAX + CHECKSUM_SIZE) < 0)
			return LUYTRE_E_NOMEM;
		for (size_t i = 0; i < got; i++) {
			const struct decision *decision = &views[i].decision;
			const char *tenant = entry_tenant(decision, tenant_name, user);

			if (!(lists >> decision->list & 1) || views[i].state == DECISIONS_EXPIRED || !tenant)
				continue;
			put_entry(buffer, decision, tenant, now);
			count++;
		}
	}
	head = (struct buffer){ .data = buffer->data };
	put_bytes(&head, MAGIC, MAGIC_SIZE);
	put_be(&head, VERSION, 4);
	put_be(&head, count, 4);
	put_be(buffer, decision_file_checksum(bytes_of(buffer->data, buffer->size)), 8);
	return 0;
}

static int replace_file(const char *path, const struct buffer *buffer)
{
	char beside[4096];
	int fd, error;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return LUYTRE_E_INVALID;
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_from_errno(errno);
	error = file_write_all(fd, bytes_of(buffer->data, buffer->size));
	if (error == 0 && fsync(fd) < 0)
		error = error_from_errno(errno);
	if (close(fd) < 0 && error == 0)
		error = error_from_errno(errno);
	if (error == 0 && rename(beside, path) < 0)
		error = error_from_errno(errno);
	if (error < 0) {
		unlink(beside);
		return error;
	}
	return file_sync_folder(path);
}

int decisions_save(const struct decisions *decisions, const char *path, uint64_t lists, struct clock now,
	decisions_tenant_name_fn tenant_name, void *user)
{
	struct buffer buffer = { 0 };
	int error = encode(decisions, lists, now, tenant_name, user, &buffer);

	if (error == 0)
		error = replace_file(path, &buffer);
	free(buffer.data);
	return error;
}

/* ---- reading -----------------------------------------------------------------------------------------------------*/

struct entry {
	struct decision decision; /* expiry_ns: real time */
	char tenant[NAME_MAX_SIZE + 1];
};

/* A size and so many bytes of text without NUL. */
static bool take_text(struct cursor *cur, char *text, size_t text_size)
{
	struct bytes taken;
	uint8_t size;

	return cursor_u8(cur, &size) && cursor_take(cur, size, &taken) && bytes_to_str(taken, text, text_size);
}

static bool take_entry(struct cursor *cur, struct entry *ret)
{
	struct decision *decision = &ret->decision;
	struct ip_prefix *prefix = &decision->prefix, masked;

	memset(ret, 0, sizeof(*ret));
	if (!cursor_u8(cur, &prefix->addr.family) || !cursor_u8(cur, &prefix->length) ||
		!cursor_u8(cur, &decision->action) || !cursor_u8(cur, &decision->list) ||
		!cursor_u64be(cur, &decision->expiry_ns))
		return false;
	if (prefix->addr.family != IP_V4 && prefix->addr.family != IP_V6)
		return false;
	if (!cursor_copy(cur, ip_addr_bits(&prefix->addr) / 8, prefix->addr.bytes) ||
		!take_text(cur, ret->tenant, sizeof(ret->tenant)) ||
		!take_text(cur, decision->reason, sizeof(decision->reason)))
		return false;
	masked = *prefix;
	if (masked.length > ip_addr_bits(&masked.addr))
		return false;
	ip_prefix_mask(&masked);
	return ip_prefix_equal(&masked, prefix) && decision->action > SHIELD_ACTION_VOID &&
	       decision->action <= SHIELD_ACTION_OWN && decision->list < SHIELD_LISTS_MAX;
}

/* Checks all of the file and leaves the cursor before the first entry. */
static int check_file(struct bytes file, struct cursor *ret_cur, uint32_t *ret_count)
{
	struct bytes body, magic;
	struct cursor cur, tail;
	uint64_t checksum;
	uint32_t version;
	struct entry entry;

	if (file.size < HEAD_SIZE + CHECKSUM_SIZE)
		return LUYTRE_E_CORRUPT;
	body = bytes_first(file, file.size - CHECKSUM_SIZE);
	cur = cursor_over(body);
	tail = cursor_over(bytes_skip(file, body.size));
	if (!cursor_take(&cur, MAGIC_SIZE, &magic) || !bytes_equal_str(magic, MAGIC) || !cursor_u32be(&cur, &version))
		return LUYTRE_E_CORRUPT;
	if (version != VERSION)
		return LUYTRE_E_VERSION;
	if (!cursor_u64be(&tail, &checksum) || checksum != decision_file_checksum(body) ||
		!cursor_u32be(&cur, ret_count))
		return LUYTRE_E_CORRUPT;
	*ret_cur = cur;
	for (uint32_t i = 0; i < *ret_count; i++) {
		if (!take_entry(&cur, &entry))
			return LUYTRE_E_CORRUPT;
	}
	return cursor_left(&cur) == 0 ? 0 : LUYTRE_E_CORRUPT;
}

/* Turns the entry into a decision of now; false when it is left out. */
static bool entry_applies(
	struct entry *entry, uint64_t lists, struct clock now, decisions_tenant_slot_fn tenant_slot, void *user)
{
	struct decision *decision = &entry->decision;

	if (!(lists >> decision->list & 1))
		return false;
	if (decision->expiry_ns != UINT64_MAX) {
		if (decision->expiry_ns <= now.real_ns)
			return false;
		decision->expiry_ns = now.mono_ns + (decision->expiry_ns - now.real_ns);
		/* Beyond the end of time, which only a damaged clock can have written. */
		if (decision->expiry_ns <= now.mono_ns)
			return false;
	}
	return !entry->tenant[0] || tenant_slot(user, entry->tenant, &decision->tenant);
}

int decisions_restore_bytes(struct decisions *decisions, struct bytes file, uint64_t lists, struct clock now,
	decisions_tenant_slot_fn tenant_slot, void *user, size_t *ret_put, size_t *ret_left_out)
{
	size_t put = 0, left_out = 0;
	struct cursor cur;
	uint32_t count;
	int error = check_file(file, &cur, &count);

	for (uint32_t i = 0; error == 0 && i < count; i++) {
		struct entry entry;

		if (!take_entry(&cur, &entry))
			return LUYTRE_E_CORRUPT;
		if (!entry_applies(&entry, lists, now, tenant_slot, user)) {
			left_out++;
			continue;
		}
		error = decisions_put(decisions, &entry.decision);
		put++;
	}
	if (error == 0) {
		*ret_put = put;
		*ret_left_out = left_out;
	}
	return error;
}

static int read_file(int fd, struct buffer *buffer)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return LUYTRE_E_IO;
	if (!S_ISREG(status.st_mode) || status.st_size < 0 || status.st_size > (off_t)FILE_SIZE_MAX)
		return LUYTRE_E_CORRUPT;
	if (buffer_reserve(buffer, (size_t)status.st_size + 1) < 0)
		return LUYTRE_E_NOMEM;
	while (buffer->size < (size_t)status.st_size) {
		ssize_t got = read(fd, buffer->data + buffer->size, (size_t)status.st_size - buffer->size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return LUYTRE_E_IO;
		if (got == 0)
			return LUYTRE_E_CORRUPT;
		buffer->size += (size_t)got;
	}
	return 0;
}

int decisions_restore(struct decisions *decisions, const char *path, uint64_t lists, struct clock now,
	decisions_tenant_slot_fn tenant_slot, void *user, size_t *ret_put, size_t *ret_left_out)
{
	struct buffer buffer = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error;

	if (fd < 0)
		return errno == ENOENT ? LUYTRE_E_NOT_FOUND : LUYTRE_E_IO;
	error = read_file(fd, &buffer);
	close(fd);
	if (error == 0)
		error = decisions_restore_bytes(decisions, bytes_of(buffer.data, buffer.size), lists, now, tenant_slot,
			user, ret_put, ret_left_out);
	free(buffer.data);
	return error;
}
