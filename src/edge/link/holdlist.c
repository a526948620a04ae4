// SPDX-License-Identifier: Apache-2.0
#include "edge/link/holdlist.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/holdfile.h"
#include "base/jsonw.h"
#include "base/log.h"

enum { EMPTY_MAX = 256 };

void holdlist_init(struct holdlist *holds)
{
	*holds = (struct holdlist){ 0 };
	handout_init(&holds->file, "the list of holds");
}

void holdlist_done(struct holdlist *holds)
{
	handout_done(&holds->file);
	holds->said = (struct link_holds){ 0 };
}

bool holdlist_look(struct holdlist *holds, const char *path)
{
	/* A list that could not be read is said until there is a better one. */
	bool unread = holds->said.why[0] && !holds->file.why[0], was_out = holds->file.why[0] != '\0';
	bool stands = handout_look(&holds->file, path);

	if (!stands || was_out)
		snprintf(holds->said.why, sizeof(holds->said.why), "%s", holds->file.why);
	return stands && !unread;
}

/* What a bundle without a list says. */
static int take_empty(struct holdlist *holds, int64_t stamp)
{
	struct holdfile none = { .stamp = stamp };
	struct jsonw json;
	struct bytes text;
	int error;

	jsonw_init(&json, EMPTY_MAX);
	holdfile_write(&json, &none);
	error = jsonw_text(&json, &text);
	if (!error)
		error = handout_take(&holds->file, text);
	if (!error) {
		holds->said = (struct link_holds){ .stamp = stamp };
		holds->is_empty = true;
	}
	jsonw_done(&json);
	return error;
}

static int take_list(struct holdlist *holds, struct bytes list)
{
	struct holdfile file;
	int error = holdfile_read(list, &file);

	if (error)
		return error;
	error = handout_take(&holds->file, list);
	if (!error) {
		holds->said = (struct link_holds){ .wanted = file.row_count, .stamp = file.stamp };
		holds->is_empty = !file.row_count && !file.mode_count;
	}
	holdfile_done(&file);
	return error;
}

int holdlist_take(struct holdlist *holds, const struct bundle *bundle, const char *path)
{
	struct bytes list;
	int error = 0;

	if (bundle_find(bundle, HOLDFILE_NAME, &list))
		error = take_list(holds, list);
	else if (!holds->is_empty) /* web servers would read it for nothing */
		error = take_empty(holds, bundle->made_us);
	if (error) {
		snprintf(holds->said.why, sizeof(holds->said.why), "the hub's list: %s",
			error_text(error, LUYTRE_LANG_EN));
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR,
			"holds that the hub gave cannot be used; the old ones stand: %s", holds->said.why);
		return error;
	}
	holds->said.why[0] = '\0';
	(void)!holdlist_look(holds, path);
	return 0;
}
