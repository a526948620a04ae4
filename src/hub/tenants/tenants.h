// SPDX-License-Identifier: Apache-2.0
/* Whom the platform protects: organisations ("tenants") in a tree, their information systems, and the assets of
 * these.
 *
 *	tenant	a ministry, a province, a group, an organisation below one; at most TENANT_DEPTH_MAX deep
 *	system	an information system with a level from 1 to 5 (Decree 85/2016/NĐ-CP), in one tenant
 *	asset	an address, a prefix, a name or a URL, in exactly one system
 *
 * Every address belongs to at most one asset: a prefix that holds, or is held by, another one is refused, without
 * exception, and so is a name or URL that is there already. The refusal names the owner.
 *
 * Each row has a revision, from 1, that an update must name (ETag). Every change is checked, made and written to
 * the audit log in one transaction: the caller's if there is one, else its own. Whose rows a call may see and
 * change stands in its scope: others do not exist for it (LUYTRE_E_NOT_FOUND). May the caller do it at all is asked
 * before (hub/auth).
 *
 * Calls of one database handle belong to its thread. Texts are UTF-8 without control characters. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/net.h"
#include "hub/store/audit.h"
#include "hub/store/db.h"
#include "hub/store/scope.h"

enum {
	TENANT_DEPTH_MAX = 8, /* a tenant without parent has depth 1 */
	TENANT_NAME_SIZE = 4 * 128 + 1, /* 128 characters of any kind; with the NUL, as all sizes here */
	TENANT_CONTACT_SIZE = 4 * 254 + 1,
	ASSET_VALUE_SIZE = 1024,
	TENANTS_OWNER_SIZE = 2048,
	TENANTS_PAGE_MAX = 1000,
};

/* X(identifier, word, English, Vietnamese). Numbers are stored: add at the end only. */
#define TENANT_KINDS(X)                                                                                                \
	X(ORGANISATION, "organisation", "organisation", "cơ quan, tổ chức")                                            \
	X(MINISTRY, "ministry", "ministry", "bộ, ngành")                                                               \
	X(PROVINCE, "province", "province", "tỉnh, thành phố")                                                         \
	X(GROUP, "group", "group", "tập đoàn, tổng công ty")

/* Sectors of Decision 632/QĐ-TTg (2017), and what it does not name. */
#define TENANT_SECTORS(X)                                                                                              \
	X(OTHER, "other", "other", "khác")                                                                             \
	X(TRANSPORT, "transport", "transport", "giao thông")                                                           \
	X(ENERGY, "energy", "energy", "năng lượng")                                                                    \
	X(ENVIRONMENT, "environment", "natural resources and environment", "tài nguyên và môi trường")                 \
	X(INFORMATION, "information", "information and communications", "thông tin, truyền thông")                     \
	X(HEALTH, "health", "health", "y tế")                                                                          \
	X(FINANCE, "finance", "finance", "tài chính")                                                                  \
	X(BANKING, "banking", "banking", "ngân hàng")                                                                  \
	X(DEFENCE, "defence", "national defence", "quốc phòng")                                                        \
	X(SECURITY, "security", "security and public order", "an ninh, trật tự, an toàn xã hội")                       \
	X(URBAN, "urban", "urban services", "đô thị")                                                                  \
	X(GOVERNMENT, "government", "direction and administration of the government",                                  \
		"chỉ đạo, điều hành của Chính phủ")                                                                    \
	X(EDUCATION, "education", "education and science", "giáo dục, khoa học")                                       \
	X(INDUSTRY, "industry", "industry and trade", "công thương")

#define ASSET_KINDS(X)                                                                                                 \
	X(ADDRESS, "address", "address", "địa chỉ IP")                                                                 \
	X(PREFIX, "prefix", "prefix", "dải địa chỉ")                                                                   \
	X(NAME, "name", "host name", "tên miền")                                                                       \
	X(URL, "url", "URL", "URL")

#define ASSET_MODES(X)                                                                                                 \
	X(OFF, "off", "off", "tắt")                                                                                    \
	X(SHADOW, "shadow", "shadow", "thử bóng")                                                                      \
	X(ENFORCE, "enforce", "enforce", "thực thi")

/* What becomes of traffic when a part cannot inspect it. */
#define ASSET_FAILS(X)                                                                                                 \
	X(OPEN, "open", "let through", "cho qua")                                                                      \
	X(CLOSED, "closed", "hold back", "chặn lại")

/* Parts that have a mode of their own. */
#define ASSET_PARTS(X)                                                                                                 \
	X(SHIELD, "shield", "shield", "lá chắn")                                                                       \
	X(SENSOR, "sensor", "sensor", "cảm biến")                                                                      \
	X(GATE, "gate", "gate", "cổng web")

#define X(id, ...) TENANT_KIND_##id,
enum tenant_kind { TENANT_KINDS(X) TENANT_KIND_COUNT };
#undef X
#define X(id, ...) TENANT_SECTOR_##id,
enum tenant_sector { TENANT_SECTORS(X) TENANT_SECTOR_COUNT };
#undef X
#define X(id, ...) ASSET_KIND_##id,
enum asset_kind { ASSET_KINDS(X) ASSET_KIND_COUNT };
#undef X
#define X(id, ...) ASSET_MODE_##id,
enum asset_mode { ASSET_MODES(X) ASSET_MODE_COUNT };
#undef X
#define X(id, ...) ASSET_FAIL_##id,
enum asset_fail { ASSET_FAILS(X) ASSET_FAIL_COUNT };
#undef X
#define X(id, ...) ASSET_PART_##id,
enum asset_part { ASSET_PARTS(X) ASSET_PART_COUNT };
#undef X

/* A word and its number; the texts are for people. */
struct tenants_word {
	const char *word, *en, *vi;
};

extern const struct tenants_word tenant_kinds[TENANT_KIND_COUNT], tenant_sectors[TENANT_SECTOR_COUNT],
	asset_kinds[ASSET_KIND_COUNT], asset_modes[ASSET_MODE_COUNT], asset_fails[ASSET_FAIL_COUNT],
	asset_parts[ASSET_PART_COUNT];

/* The position of a word in one of these lists, or -1. */
int tenants_word_find(const struct tenants_word *words, size_t count, struct bytes word);

struct tenant {
	uint32_t id, parent; /* parent 0: none */
	enum tenant_kind kind;
	enum tenant_sector sector;
	uint32_t province; /* code of provinces.h; 0: none */
	char name[TENANT_NAME_SIZE]; /* once below a parent */
	char contact[TENANT_CONTACT_SIZE];
	int64_t revision, updated_us;
};

struct tenant_system {
	uint32_t id, tenant;
	uint32_t level; /* 1 to 5 */
	bool edge_only; /* only watched at the edge: no payload is kept, the gate does not look into it (hub/policy) */
	char name[TENANT_NAME_SIZE]; /* once in a tenant */
	char owner[TENANT_NAME_SIZE], operator_[TENANT_NAME_SIZE]; /* who answers for it, who runs it */
	char contact[TENANT_CONTACT_SIZE];
	int64_t revision, updated_us;
};

struct tenant_asset {
	uint32_t id, system;
	uint32_t tenant; /* of the system; not read in changes */
	enum asset_kind kind; /* follows from the value; not read in changes */
	char value[ASSET_VALUE_SIZE]; /* canonical, once stored */
	int64_t revision, updated_us;
};

/* Why a change was refused. X(identifier, slug, error, English, Vietnamese); %s is the owner. */
#define TENANTS_REASONS(X)                                                                                             \
	X(FIELD, "field", LUYTRE_E_INVALID, "The value is not valid.", "Giá trị không hợp lệ.")                        \
	X(NAME, "name-taken", LUYTRE_E_EXISTS, "The name is taken here already.", "Tên này đã được dùng ở đây.")       \
	X(OVERLAP, "overlap", LUYTRE_E_EXISTS, "It overlaps with %s.", "Trùng với %s.")                                \
	X(CYCLE, "cycle", LUYTRE_E_CONFLICT, "An organisation cannot stand below itself.",                             \
		"Tổ chức không thể nằm dưới chính nó.")                                                                \
	X(DEPTH, "depth", LUYTRE_E_RANGE, "The tree would be too deep.", "Cây tổ chức sẽ quá sâu.")                    \
	X(REVISION, "revision", LUYTRE_E_CONFLICT, "It was changed meanwhile.",                                        \
		"Đối tượng đã bị thay đổi trong lúc đó.")                                                              \
	X(IN_USE, "in-use", LUYTRE_E_CONFLICT, "Something still belongs to it.", "Vẫn còn đối tượng thuộc về nó.")     \
	X(ABSENT, "absent", LUYTRE_E_NOT_FOUND, "What it should belong to is not there.",                              \
		"Không tìm thấy đối tượng chủ quản.")

enum tenants_reason {
	TENANTS_NO_REASON, /* the error tells: database, memory, not there */
#define X(id, ...) TENANTS_WHY_##id,
	TENANTS_REASONS(X)
#undef X
};

struct tenants_why {
	enum tenants_reason reason;
	const char *field; /* name of the field at fault, or null; constant */
	uint32_t tenant, system, asset; /* the owner, for OVERLAP */
	char owner[TENANTS_OWNER_SIZE]; /* "10.0.0.0/8 (system, tenant)" */
};

const char *tenants_why_slug(const struct tenants_why *why); /* "" without a reason */
/* One sentence; returns 'text'. */
const char *tenants_why_text(const struct tenants_why *why, enum luytre_lang lang, char *text, size_t text_size);

/* What each call needs. 'why' may be null and is written on refusal only. 'origin' is for changes. */
struct tenants_call {
	struct db *db;
	const struct scope *scope;
	const struct audit_origin *origin;
	struct tenants_why *why;
};

/* Makes the tables; after audit_setup. */
MUST_CHECK int tenants_setup(struct db *db);
/* Grows with every change: what was made of the tables (index.h, tree.h) is old when it stands elsewhere. */
MUST_CHECK int tenants_generation(struct db *db, int64_t *ret);

/* Creating gives the id and revision 1; an id that is given is not looked at. A tenant without parent is made by
 * the scope of the nation only. Update changes everything to what is given, when the revision is that of the row;
 * remove refuses what something belongs to. '*ret' is the row as stored, and may be 'in'. */
MUST_CHECK int tenant_create(const struct tenants_call *call, const struct tenant *in, struct tenant *ret);
MUST_CHECK int tenant_update(const struct tenants_call *call, const struct tenant *in, struct tenant *ret);
MUST_CHECK int tenant_remove(const struct tenants_call *call, uint32_t id, int64_t revision);
MUST_CHECK int tenant_get(const struct tenants_call *call, uint32_t id, struct tenant *ret);

MUST_CHECK int tenant_system_create(
	const struct tenants_call *call, const struct tenant_system *in, struct tenant_system *ret);
MUST_CHECK int tenant_system_update(
	const struct tenants_call *call, const struct tenant_system *in, struct tenant_system *ret);
MUST_CHECK int tenant_system_remove(const struct tenants_call *call, uint32_t id, int64_t revision);
MUST_CHECK int tenant_system_get(const struct tenants_call *call, uint32_t id, struct tenant_system *ret);

MUST_CHECK int tenant_asset_create(
	const struct tenants_call *call, const struct tenant_asset *in, struct tenant_asset *ret);
MUST_CHECK int tenant_asset_update(
	const struct tenants_call *call, const struct tenant_asset *in, struct tenant_asset *ret);
MUST_CHECK int tenant_asset_remove(const struct tenants_call *call, uint32_t id, int64_t revision);
MUST_CHECK int tenant_asset_get(const struct tenants_call *call, uint32_t id, struct tenant_asset *ret);

/* Rows by id, above 'after', at most 'limit' (TENANTS_PAGE_MAX); what is not in the scope is passed over. 'parent',
 * 'tenant' and 'system' 0: any. Not 0 from 'fn' stops and is returned; it may use the handle. */
typedef int (*tenant_fn)(void *context, const struct tenant *tenant);
typedef int (*tenant_system_fn)(void *context, const struct tenant_system *system);
typedef int (*tenant_asset_fn)(void *context, const struct tenant_asset *asset);
MUST_CHECK int tenant_each(
	const struct tenants_call *call, uint32_t parent, uint32_t after, uint32_t limit, tenant_fn fn, void *context);
MUST_CHECK int tenant_system_each(const struct tenants_call *call, uint32_t tenant, uint32_t after, uint32_t limit,
	tenant_system_fn fn, void *context);
MUST_CHECK int tenant_asset_each(const struct tenants_call *call, uint32_t system, uint32_t after, uint32_t limit,
	tenant_asset_fn fn, void *context);
