// SPDX-License-Identifier: Apache-2.0
/* What edges enforce: versions of one policy, each whole, from a proposal to the edges and back.
 *
 *	proposed -> standing -> replaced	approved by a second person; a later one was approved, or an earlier one brought back
 *	proposed -> rejected			another version was put into force meanwhile
 *
 * There is always exactly one standing version; the first is empty: edges do what their own files say. A version has *entries*, one for a
 * tenant, a system or an asset; an entry sets modes, limits and what happens when there is no room to judge, or leaves them to the next
 * wider one: asset before system before tenant before the edge's file. What an entry of a tenant says holds for its own assets, not for
 * tenants below it.
 *
 * A proposal names the version that it begins with and *changes*: settings that are put over those of the entry, or with 'reset' in place
 * of them. It is checked at once against tenants and assets, and against what edges can do without a restart: what they cannot is refused,
 * with a sentence, rather than ignored. A rollback is a new version with the entries of an old one that has stood before: since two people
 * have agreed to that one already, it is in force at once.
 *
 * For an edge the entries are resolved to one row for each asset with an address (bus/policyfile.h), and to one for each site of the gate
 * (base/holdfile.h): shield and sensor know addresses, web servers know names too. A system that is edge-only has no gate, whatever is set. The revision of its bundle is the number of the
 * version: edges take no lower one, and the same one only when it was made later, for assets may have changed.
 *
 * State lives in the control database; a handle belongs to its thread. Changes are audited in their transaction. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/holdfile.h"
#include "base/jsonr.h"
#include "base/jsonw.h"
#include "bus/bundle.h"
#include "bus/policyfile.h"
#include "hub/store/audit.h"
#include "hub/store/db.h"
#include "hub/store/scope.h"
#include "hub/tenants/tenants.h"

enum {
	POLICY_ENTRIES_MAX = 10000, /* of a version */
	POLICY_CHANGES_MAX = 1000, /* of a proposal */
	POLICY_REASON_SIZE = 2048, /* 500 characters with the NUL */
	POLICY_PERSON_SIZE = 256,
	POLICY_WHY_SIZE = 256,
	POLICY_TEXT_MAX = 8 << 20, /* of all entries as JSON */
	POLICY_ROWS_MAX = 1000000, /* of all edges together */
	POLICY_PENDING_MAX = 200, /* proposals that wait */
};

/* X(identifier, word). Numbers are stored. */
#define POLICY_STATES(X)                                                                                               \
	X(PROPOSED, "proposed")                                                                                        \
	X(STANDING, "standing")                                                                                        \
	X(REPLACED, "replaced")                                                                                        \
	X(REJECTED, "rejected")

/* From the wider to the narrower. X(identifier, word, plural). Numbers are stored. */
#define POLICY_KINDS(X)                                                                                                \
	X(TENANT, "tenant", "tenants")                                                                                 \
	X(SYSTEM, "system", "systems")                                                                                 \
	X(ASSET, "asset", "assets")

/* How far a version is on an edge. */
#define POLICY_ROLLOUTS(X)                                                                                             \
	X(WAITING, "waiting")                                                                                          \
	X(SENT, "sent")                                                                                                \
	X(STANDING, "standing")                                                                                        \
	X(FAILED, "failed")

#define X(id, ...) POLICY_##id,
enum policy_state { POLICY_STATES(X) POLICY_STATE_COUNT };
#undef X
#define X(id, ...) POLICY_KIND_##id,
enum policy_kind { POLICY_KINDS(X) POLICY_KIND_COUNT };
#undef X
#define X(id, ...) POLICY_ROLLOUT_##id,
enum policy_rollout { POLICY_ROLLOUTS(X) POLICY_ROLLOUT_COUNT };
#undef X

extern const char *const policy_states[POLICY_STATE_COUNT], *const policy_kinds[POLICY_KIND_COUNT],
								    *const policy_rollouts[POLICY_ROLLOUT_COUNT];

/* POLICYFILE_UNSET where nothing is set. */
struct policy_settings {
	int8_t modes[ASSET_PART_COUNT]; /* enum asset_mode, by enum asset_part */
	int8_t fail; /* enum asset_fail */
	int32_t limits[POLICYFILE_LIMIT_COUNT]; /* of the shield, packets per second */
};

struct policy_entry {
	enum policy_kind kind;
	uint32_t id, tenant; /* tenant: whose it is */
	struct policy_settings settings;
};

struct policy_change {
	bool reset; /* the entry sets what follows and nothing else; with nothing it is gone */
	struct policy_entry entry;
};

/* ---- Entries: entries.c; no database ---- */

struct policy_entries {
	struct policy_entry *items; /* owned; by kind, then id */
	size_t count;
};

void policy_settings_init(struct policy_settings *settings);
bool policy_settings_empty(const struct policy_settings *settings);
/* What 'over' sets takes the place. */
void policy_settings_put(struct policy_settings *settings, const struct policy_settings *over);

void policy_entries_done(struct policy_entries *entries);
/* The entry, or null. */
const struct policy_entry *policy_entries_find(
	const struct policy_entries *entries, enum policy_kind kind, uint32_t id);
/* LUYTRE_E_FULL, LUYTRE_E_NOMEM. */
MUST_CHECK int policy_entries_apply(struct policy_entries *entries, const struct policy_change *change);
/* The members "modes", "fail" and "limits" of an object, as the API has them. What does not fit is noted. */
void policy_settings_read(const struct jsonr *object, struct policy_settings *ret);
void policy_settings_write(struct jsonw *json, const struct policy_settings *settings);

/* As it is stored. */
void policy_changes_write(struct jsonw *json, const struct policy_change *changes, size_t count);
/* '*ret' is freed with free(). LUYTRE_E_CORRUPT, LUYTRE_E_NOMEM. */
MUST_CHECK int policy_changes_read(struct bytes text, struct policy_change **ret, size_t *ret_count);

/* One difference. 'pointer' is "/assets/9/limits/source_pps", "/tenants/17/shield", "/systems/4/fail". */
struct policy_difference {
	const char *pointer;
	enum policy_kind kind;
	uint32_t id, tenant;
	const char *word_before, *word_after; /* null: not set, or a number */
	int64_t number_before, number_after; /* POLICYFILE_UNSET: not set, or a word */
};
typedef void (*policy_difference_fn)(void *context, const struct policy_difference *difference);
/* By entry, then by setting. */
void policy_diff(
	const struct policy_entries *from, const struct policy_entries *to, policy_difference_fn fn, void *context);

/* ---- Versions: versions.c ---- */

struct policy_version {
	uint32_t id, base; /* base 0: none */
	int64_t revision; /* of the row: grows with its state */
	enum policy_state state;
	uint32_t author_id, approver_id; /* accounts; 0: the system, nobody */
	char reason[POLICY_REASON_SIZE], author[POLICY_PERSON_SIZE], approver[POLICY_PERSON_SIZE];
	int64_t created_us, approved_us; /* 0: not */
	struct policy_change *changes; /* owned */
	size_t change_count;
};
void policy_version_done(struct policy_version *version);

/* Why something was refused. X(identifier, error, English, Vietnamese) */
#define POLICY_REASONS(X)                                                                                                                                      \
	X(TENANT, LUYTRE_E_INVALID, "There is no such tenant.", "Không có đơn vị này.")                                                                        \
	X(SYSTEM, LUYTRE_E_INVALID, "The tenant has no such system.", "Đơn vị không có hệ thống này.")                                                         \
	X(ASSET, LUYTRE_E_INVALID, "The tenant has no such asset.", "Đơn vị không có tài sản này.")                                                            \
	X(KIND, LUYTRE_E_INVALID,                                                                                                                              \
		"Shield and sensor know addresses and prefixes, not names and URLs; the gate's mode may be set for "                                           \
		"these.",                                                                                                                                      \
		"Lá chắn và bộ cảm biến chỉ biết địa chỉ và dải địa chỉ, không biết tên miền và URL; với tên miền và " \
		"URL chỉ đặt được chế độ của cổng web.")                                                                                                       \
	X(NOTHING, LUYTRE_E_INVALID, "It sets nothing.", "Mục này không thiết lập gì.")                                                                        \
	X(SHIELD_OFF, LUYTRE_E_INVALID,                                                                                                                        \
		"The shield cannot be switched off for an asset; shadow counts and drops nothing.",                                                            \
		"Không thể tắt lá chắn cho một tài sản; chế độ bóng chỉ đếm và không chặn gì.")                                                                \
	X(EDGE_ONLY, LUYTRE_E_INVALID,                                                                                                                         \
		"The system may only be watched at the edge: the gate must not look into its traffic, so it stays "                                            \
		"off.",                                                                                                                                        \
		"Hệ thống chỉ được giám sát tại điểm biên: cổng web không được xem bên trong lưu lượng của hệ thống "      \
		"nên luôn tắt.")                                                                                                                               \
	X(HOST, LUYTRE_E_INVALID,                                                                                                                              \
		"The host of this URL is another tenant's asset: the gate's mode there is theirs to set.",                                                     \
		"Máy chủ của URL này là tài sản của đơn vị khác: chế độ của cổng web ở đó do họ đặt.")                                                         \
	X(RULES_OFF, LUYTRE_E_INVALID, "Edges cannot leave out single rules for a tenant while they run.",                                                     \
		"Điểm biên đang chạy không thể bỏ riêng từng luật cho một đơn vị.")                                                                            \
	X(BASE, LUYTRE_E_CONFLICT, "Another version stands now: begin with that one.",                                                                         \
		"Hiện có phiên bản khác đang hiệu lực: hãy bắt đầu từ phiên bản đó.")                                                                          \
	X(STATE, LUYTRE_E_CONFLICT, "Only a proposed version can be put into force.",                                                                          \
		"Chỉ có thể đưa vào hiệu lực một phiên bản đang được đề xuất.")                                                                                \
	X(AUTHOR, LUYTRE_E_PERMISSION, "Another person than the one who proposed it has to approve it.",                                                       \
		"Người phê duyệt phải khác người đã đề xuất.")                                                                                                 \
	X(NEVER_STOOD, LUYTRE_E_CONFLICT, "Only a version that stood before can be brought back.",                                                             \
		"Chỉ có thể quay lại phiên bản đã từng có hiệu lực.")                                                                                          \
	X(SAME, LUYTRE_E_CONFLICT, "It changes nothing against the version that stands.",                                                                      \
		"Không thay đổi gì so với phiên bản đang hiệu lực.")                                                                                           \
	X(PENDING, LUYTRE_E_FULL, "Too many proposals are waiting.", "Có quá nhiều đề xuất đang chờ.")                                                         \
	X(ENTRIES, LUYTRE_E_FULL, "The policy has too many entries.", "Chính sách có quá nhiều mục.")

enum policy_reason {
	POLICY_NO_REASON, /* the error tells */
#define X(id, ...) POLICY_WHY_##id,
	POLICY_REASONS(X)
#undef X
};

struct policy_why {
	enum policy_reason reason;
	size_t change; /* the one at fault, of a proposal */
};
const char *policy_why_text(const struct policy_why *why, enum luytre_lang lang); /* "" without a reason */

struct policy_call {
	struct db *db;
	const struct scope *scope; /* tenants whose settings the caller may see, or change */
	const struct audit_origin *origin; /* for changes */
	uint32_t person; /* account of the caller, or of the token's owner */
	const char *name; /* for people */
	struct policy_why *why; /* may be null; written on refusal only */
};

/* Makes the tables and the first version; after tenants_setup. */
MUST_CHECK int policy_setup(struct db *db, int64_t now_us);

/* '*ret' is the new version, to be done with. Also errors of the reasons, LUYTRE_E_NOMEM. */
MUST_CHECK int policy_propose(const struct policy_call *call, uint32_t base, const char *reason,
	const struct policy_change *changes, size_t count, struct policy_version *ret);
/* LUYTRE_E_CONFLICT also when the revision is not that of the row (then without a reason); LUYTRE_E_NOT_FOUND: no such version, or one
 * that changes what lies outside of the scope. */
MUST_CHECK int policy_approve(
	const struct policy_call *call, uint32_t id, int64_t revision, const char *reason, struct policy_version *ret);
/* '*ret' is the new version, standing. */
MUST_CHECK int policy_roll_back(
	const struct policy_call *call, uint32_t id, const char *reason, struct policy_version *ret);

/* Of a version only those changes are given that the scope has; a version that changes only others is not there. */
MUST_CHECK int policy_get(const struct policy_call *call, uint32_t id, struct policy_version *ret);
typedef int (*policy_version_fn)(void *context, const struct policy_version *version); /* not 0 stops and is returned */
/* Newest first, below 'before' (0: from the newest); 'state' POLICY_STATE_COUNT: any. */
MUST_CHECK int policy_each(const struct policy_call *call, uint32_t before, enum policy_state state, uint32_t limit,
	policy_version_fn fn, void *context);
/* All entries of a version. */
MUST_CHECK int policy_entries_get(struct db *db, uint32_t id, struct policy_entries *ret);
MUST_CHECK int policy_standing(struct db *db, uint32_t *ret);

/* ---- One asset: resolve.c ---- */

/* Who has the last word about a setting. X(identifier, word) */
#define POLICY_ORIGINS(X)                                                                                              \
	X(EDGE, "edge") /* its own file: nobody has set it here */                                                     \
	X(TENANT, "tenant")                                                                                            \
	X(SYSTEM, "system")                                                                                            \
	X(ASSET, "asset")                                                                                              \
	X(EDGE_ONLY, "edge-only") /* the gate is off, whatever is set */                                               \
	X(NONE, "none") /* there is no such thing for a name or a URL */

#define X(id, ...) POLICY_ORIGIN_##id,
enum policy_origin { POLICY_ORIGINS(X) POLICY_ORIGIN_COUNT };
#undef X
extern const char *const policy_origins[POLICY_ORIGIN_COUNT];

/* What a version says of an asset, from the wider to the narrower. */
struct policy_asset {
	struct policy_settings settings;
	enum policy_origin modes[ASSET_PART_COUNT], fail;
	char group[POLICYFILE_GROUP_SIZE]; /* whom limits are shared by; "" without limits */
};
/* What stands, and the systems that may only be watched at the edge. */
struct policy_now {
	uint32_t version;
	struct policy_entries entries;
	uint32_t *edge_only; /* ids of systems, ascending */
	size_t edge_only_count;
};
MUST_CHECK int policy_now_read(struct db *db, struct policy_now *ret);
void policy_now_done(struct policy_now *now);
bool policy_now_edge_only(const struct policy_now *now, uint32_t system);
/* Only reads; any thread. */
void policy_asset_resolve(const struct policy_now *now, const struct tenant_asset *asset, struct policy_asset *ret);

/* ---- Sites of web servers: sites.c ---- */

/* One place where the gate has a mode: "modes" of the file about holds (base/holdfile.h). */
struct policy_site {
	uint32_t tenant, asset;
	uint8_t mode; /* enum holdfile_site */
	bool edge_only, has_prefix;
	struct ip_prefix prefix;
	size_t name; /* without a prefix: where it stands in 'names' */
};

/* Since when the sites of a tenant are as they are; of one that has none any more too. */
struct policy_site_mark {
	uint32_t tenant;
	int64_t changed_us;
};

struct policy_sites {
	struct policy_site *items; /* owned, as all of it; by tenant, then asset, then place */
	size_t count;
	char *names; /* each with a NUL */
	size_t names_size;
	struct policy_site_mark *marks; /* by tenant */
	size_t mark_count;
};

/* The gate's modes of all tenants in the standing version: made once, for all edges. Each place stands there once. A URL stands for its
 * whole host, of which its tenant must be the owner: who has the name or the address as an asset, else who had a URL there first.
 * The asset that is the host itself counts before URLs; of several URLs the most careful mode does, for nobody has ordered the stricter one
 * for all of the host. What is edge-only comes before all of them. Notes in the database which tenants' sites are others than before:
 * the same sites have the same time, after a restart too. LUYTRE_E_FULL: more than POLICY_ROWS_MAX. */
MUST_CHECK int policy_sites_resolve(struct db *db, int64_t now_us, struct policy_sites *ret);
void policy_sites_done(struct policy_sites *sites);

/* Does the edge serve this tenant? */
typedef bool (*policy_serves_fn)(const void *context, uint32_t tenant);
/* Adds those of an edge to its file: "modes", their places, and their time to the stamp. Half of the file is theirs, and above that each tenant
 * has its share of it (policy_share). */
MUST_CHECK int policy_sites_put(
	const struct policy_sites *sites, policy_serves_fn serves, const void *context, struct holdfile *file);
/* How many of an edge's it leaves out. */
MUST_CHECK int policy_sites_left_out(
	const struct policy_sites *sites, policy_serves_fn serves, const void *context, size_t *ret);

/* ---- Room in the file of an edge: share.c ---- */

struct policy_want {
	uint32_t tenant, size; /* of the row, in bytes */
	bool served; /* the edge is to have it, if there is room */
	bool first; /* before others of its tenant; these go by their order */
	bool fits; /* the answer */
};
/* Each tenant gets a row in turn. LUYTRE_E_NOMEM. */
MUST_CHECK int policy_share(
	struct policy_want *wants, size_t count, size_t rows_max, size_t size_max, size_t *ret_left_out);

/* ---- Edges: edges.c ---- */

/* The standing version as rows of all assets of all tenants that have an address: made once, for all edges. Every asset of a system that is
 * edge-only has a row. LUYTRE_E_FULL: more than POLICY_ROWS_MAX. */
MUST_CHECK int policy_resolve(struct db *db, struct policyfile *ret);
/* Those of an edge ('serves' null: all), with the file of holds and sites there (base/holdfile.h; empty: no such file), signed for it.
 * Above POLICYFILE_ROWS_MAX each tenant has its share (policy_share), edge-only rows first. */
struct policy_bundle {
	uint8_t *text; /* owned: free() */
	size_t size;
	uint64_t version;
	uint64_t tag; /* of what is in it: the same tag, the same policy */
	size_t left_out; /* rows beyond the share of their tenants */
};
MUST_CHECK int policy_pack(const struct policyfile *all, struct bytes holds, uint32_t edge, policy_serves_fn serves,
	const void *context, int64_t now_us, const uint8_t secret_key[BUNDLE_SECRET_SIZE], struct policy_bundle *ret);

/* What is known of a version on an edge. What is SENT again stays as far as it was, with the reason of now; without one of its own STANDING
 * keeps the reason of SENT. */
MUST_CHECK int policy_rollout_note(
	struct db *db, uint32_t edge, uint64_t version, enum policy_rollout state, const char *why, int64_t now_us);
struct policy_rollout_view {
	uint64_t version;
	enum policy_rollout state;
	int64_t since_us; /* 0: not known */
	char why[POLICY_WHY_SIZE]; /* "" without */
};
/* How far 'version' is on an edge that says 'stands' of itself. */
MUST_CHECK int policy_rollout_get(
	struct db *db, uint32_t edge, uint64_t version, uint64_t stands, struct policy_rollout_view *ret);
