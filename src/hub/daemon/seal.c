// SPDX-License-Identifier: Apache-2.0
#include "hub/daemon/seal.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "hub/console/settings.h"
#include "hub/store/audit.h"

enum { PATH_SIZE = 512, EVERY_MS = 3600 * 1000 };
#define DAY_US (86400 * INT64_C(1000000))

struct seal {
	struct db *db;
	struct audit_key key;
	char heads[PATH_SIZE]; /* the file of lines */
	char archive[PATH_SIZE]; /* the folder */
};

static void sign(struct seal *seal)
{
	char line[AUDIT_LINE_SIZE];
	int error = audit_sign(seal->db, &seal->key, (int64_t)(clock_real_ns() / NS_PER_US), line);

	if (!error)
		error = audit_export(seal->heads, line);
	if (error && error != LUYTRE_E_NOT_FOUND) /* not found: nothing has been written down since */
		log_error("the end of the audit log could not be signed: %s", error_text(error, LUYTRE_LANG_EN));
}

/* As the setting keep_audit_days says; 0: everything stays. */
static void archive(struct seal *seal)
{
	int64_t now_us = (int64_t)(clock_real_ns() / NS_PER_US), count = 0;
	struct console_settings settings;
	int error = settings_get(seal->db, &settings);

	if (!error && settings.keep_audit_days)
		error = audit_archive(seal->db, &seal->key, now_us - settings.keep_audit_days * DAY_US, now_us,
			seal->archive, &count);
	if (count && !error)
		log_info("%lld old records of the audit log went into %s", (long long)count, seal->archive);
	if (error && error != LUYTRE_E_NOT_FOUND)
		log_error("old records of the audit log could not be archived and stay: %s",
			error_text(error, LUYTRE_LANG_EN));
}

static void on_hour(struct loop *loop, uint64_t missed, void *context)
{
	sign(context);
	archive(context);
}

int seal_open(
	struct loop *loop, const char *state_dir, const char *control, struct seal **ret, char *why, size_t why_size)
{
	struct seal *seal = calloc(1, sizeof(*seal));
	char path[PATH_SIZE], reason[DB_WHY_SIZE] = "";
	int error = seal ? 0 : LUYTRE_E_NOMEM;

	if (!error) {
		snprintf(path, sizeof(path), "%s/audit.key", state_dir);
		snprintf(seal->heads, sizeof(seal->heads), "%s/audit.heads", state_dir);
		snprintf(seal->archive, sizeof(seal->archive), "%s/audit-archive", state_dir);
		error = audit_key_load(path, &seal->key);
	}
	if (!error) {
		snprintf(path, sizeof(path), "sqlite:%s/control.db", state_dir);
		error = db_open(control ? control : path, &seal->db, reason);
	}
	if (!error)
		error = loop_add_timer(loop, EVERY_MS, on_hour, seal, NULL);
	if (error) {
		snprintf(why, why_size, "the key of the audit log in %s: %s %s", state_dir,
			error_text(error, LUYTRE_LANG_EN), reason);
		seal_close(seal);
		return error;
	}
	sign(seal);
	archive(seal);
	*ret = seal;
	return 0;
}

void seal_close(struct seal *seal)
{
	if (!seal)
		return;
	if (seal->db)
		sign(seal);
	db_close(seal->db);
	sodium_memzero(&seal->key, sizeof(seal->key));
	free(seal);
}
