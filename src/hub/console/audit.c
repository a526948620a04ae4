// SPDX-License-Identifier: Apache-2.0
/* The audit log: read by who may, cut to the tenants he may see, and verified. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/console/internal.h"
#include "hub/store/audit-chain.h"

struct listing {
	struct jsonw *json;
	int64_t from_us, until_us;
	char actor_name[AUTH_NAME_SIZE]; /* of the person; "": anybody */
	struct bytes action; /* empty: any */
	size_t limit, count;
	uint64_t last;
	bool more, nobody;
};

/* "account:7 lan" and "token:12 lan" are both lan; "system" is itself. */
static struct bytes name_of(struct bytes actor)
{
	return bytes_skip(actor, bytes_index(actor, ' ') < actor.size ? bytes_index(actor, ' ') + 1 : 0);
}

static bool is_wanted(const struct listing *listing, const struct audit_entry *entry)
{
	if (entry->time_us >= listing->until_us || entry->time_us < listing->from_us)
		return false;
	if (!bytes_empty(listing->action) && !bytes_equal(listing->action, entry->action))
		return false;
	return listing->actor_name[0] == '\0' || (bytes_index(entry->actor, ' ') < entry->actor.size &&
							 bytes_equal_str(name_of(entry->actor), listing->actor_name));
}

static void write_entry(struct jsonw *json, const struct audit_entry *entry)
{
	static const char account[] = "account:";
	bool person = bytes_starts_with(entry->actor, bytes_from_str(account));
	struct bytes id = bytes_skip(bytes_first(entry->actor, bytes_index(entry->actor, ' ')), sizeof(account) - 1);
	bool refused = entry->action.size >= 7 &&
		       bytes_equal_str(bytes_skip(entry->action, entry->action.size - 7), ".refuse");

	jsonw_object_begin(json);
	console_kv_id(json, "id", (uint64_t)entry->sequence);
	console_kv_time(json, "time", entry->time_us);
	jsonw_kv_string_bytes(json, "actor", name_of(entry->actor));
	if (person)
		jsonw_kv_string_bytes(json, "actor_id", id);
	else
		jsonw_kv_null(json, "actor_id");
	if (bytes_empty(entry->address))
		jsonw_kv_null(json, "address");
	else
		jsonw_kv_string_bytes(json, "address", entry->address);
	jsonw_kv_string_bytes(json, "action", entry->action);
	jsonw_kv_string_bytes(json, "object", entry->subject);
	console_kv_id_or_null(json, "tenant", entry->tenant);
	jsonw_kv_string(json, "outcome", refused ? "refused" : "done");
	console_kv_json(json, "detail", entry->detail);
	jsonw_object_end(json);
}

static int list_entry(void *context, const struct audit_entry *entry)
{
	struct listing *listing = context;
	bool wanted = is_wanted(listing, entry);

	if (entry->time_us < listing->from_us)
		return 1; /* all that follow are older */
	listing->more = wanted && listing->count == listing->limit;
	if (listing->more)
		return 1;
	listing->last = (uint64_t)entry->sequence;
	if (wanted) {
		write_entry(listing->json, entry);
		listing->count++;
	}
	return 0;
}

/* The person of the filter; whoever may not be seen has done nothing. */
static int find_actor(const struct api_request *request, struct listing *listing)
{
	uint64_t id = console_query_id(request, "actor");
	struct auth_account account;
	struct console_call call;
	int error;

	if (!api_query(request, "actor")->given)
		return 0;
	console_call(request, &call);
	error = id == 0 || id > UINT32_MAX ? LUYTRE_E_NOT_FOUND : auth_account_get(&call.auth, (uint32_t)id, &account);
	if (!error)
		memcpy(listing->actor_name, account.name, sizeof(listing->actor_name));
	listing->nobody = error == LUYTRE_E_NOT_FOUND;
	return listing->nobody ? 0 : error;
}

void handle_list_audit(struct api_request *request, struct api_reply *reply)
{
	struct listing listing = { .limit = (size_t)console_query_i64(request, "limit", 100),
		.until_us = console_query_time(request, "until", INT64_MAX),
		.from_us = console_query_time(request, "from", INT64_MIN),
		.action = api_query(request, "action")->text };
	struct api_position from;
	struct auth_scope scope;
	int64_t next = 0;
	int error;

	if (!api_page_begin(request, reply, &from) || !console_scope_of_query(request, reply, AUTH_AUDIT_READ, &scope))
		return;
	error = find_actor(request, &listing);
	listing.json = api_reply_json(reply, 200);
	jsonw_object_begin(listing.json);
	jsonw_kv_array_begin(listing.json, "items");
	if (!error && !listing.nobody)
		error = audit_each(
			console_db(request), &scope.scope, (int64_t)from.id, UINT32_MAX, list_entry, &listing, &next);
	if (next) { /* what is rare is found over several pages, each with a cursor */
		listing.more = true;
		listing.last = (uint64_t)next;
	}
	jsonw_array_end(listing.json);
	api_page_end(request, listing.json, listing.more, (struct api_position){ .id = listing.last });
	jsonw_object_end(listing.json);
	if (error < 0)
		api_reply_error(reply, error, NULL);
	auth_scope_done(&scope);
}

void handle_verify_audit(struct api_request *request, struct api_reply *reply)
{
	char hash[2 * AUDIT_HASH_SIZE + 1];
	struct audit_result result;
	struct audit_head head;
	int64_t signed_us = 0, archived = 0;
	struct jsonw *json;
	int error = core_audit(console_core(request), &result);

	if (!error)
		error = core_audit_archives(console_core(request), &result, &archived);
	if (!error)
		error = audit_head_read(console_db(request), &head);
	if (!error)
		error = audit_signed_us(console_db(request), &signed_us);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	sodium_bin2hex(hash, sizeof(hash), head.hash, sizeof(head.hash));
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_bool(json, "whole", result.fault == AUDIT_WHOLE);
	jsonw_kv_i64(json, "records", result.record_count);
	console_kv_id_or_null(json, "broken_at", (uint64_t)result.first_broken);
	console_kv_id_or_null(json, "archived_until", (uint64_t)result.archived_until);
	jsonw_kv_string(json, "archives",
		!result.archived_until              ? "none"
		: archived == result.archived_until ? "whole"
						    : "missing");
	jsonw_kv_string(json, "head", hash);
	jsonw_kv_i64(json, "signed_heads", result.head_count);
	console_kv_time_or_null(json, "last_signed", signed_us);
	jsonw_object_end(json);
}
