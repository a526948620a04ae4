// SPDX-License-Identifier: Apache-2.0
/* Capture files of a directory, each handed out once when it is complete, the oldest first (by the time of its last
 * change, then by name).
 *
 * A file is complete when its writer closes it or moves it into the directory. For files that were there before, nobody
 * can know: they count as complete when they did not change for the settling time. A file that changes and is closed
 * again is handed out again. Names that begin with a dot are left alone, so a writer may use them for what is not
 * ready; so are folders and everything else that is no regular file.
 *
 * With 'once', the files present at opening are handed out, complete or not, and then it is over.
 *
 * Never blocks: the caller waits for capture_directory_fd() or for the time that capture_directory_next() names, with
 * whatever loop it has. Bounds: CAPTURE_DIRECTORY_MAX files are known at a time; more wait in the directory until known
 * ones were removed from it. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "sensor/capture/file.h"

#define CAPTURE_DIRECTORY_MAX  65536
#define CAPTURE_DIRECTORY_PATH 4096

struct capture_directory;

struct capture_directory_options {
	bool once;
	uint64_t settle_ns;
};

/* Opens a directory and looks at what is in it. 0, or an error with a message as capture_file_open. */
MUST_CHECK int capture_directory_open(const char *path, const struct capture_directory_options *options,
	char message[CAPTURE_MESSAGE_SIZE], struct capture_directory **ret);

/* The next complete file: 1 and its path; 0 when there is none now; LUYTRE_E_CLOSED when there will be none any more (with
 * 'once', or when the directory itself was removed or moved); or an error of the system. 'now_ns' is real time, since it is
 * compared with that of files. On 0, '*ret_wait_ns' is how long no file can settle; UINT64_MAX: only the descriptor will
 * tell. */
MUST_CHECK int capture_directory_next(struct capture_directory *directory, uint64_t now_ns,
	char ret_path[CAPTURE_DIRECTORY_PATH], uint64_t *ret_wait_ns);

/* Readable when something happened in the directory; -1 with 'once'. */
int capture_directory_fd(const struct capture_directory *directory);

/* Null is allowed. */
void capture_directory_close(struct capture_directory *directory);
