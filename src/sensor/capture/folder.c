// SPDX-License-Identifier: Apache-2.0
/* A directory of capture files as a source (directory.h): one worker, the time is that of the packets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sensor/capture/directory.h"
#include "sensor/capture/file.h"
#include "sensor/capture/source-internal.h"

#define SETTLE_NS (2 * NS_PER_S)

struct folder {
	struct source source;
	struct capture_directory *directory;
	struct capture_file *file; /* in hand, or null */
	uint64_t number; /* of the frame, over all files */
};

static int set_open(const struct source_options *options, char *message, struct source_set **ret)
{
	struct source_set *set;

	if (options->worker_count != 1)
		return source_fail(message, LUYTRE_E_INVALID, "a directory is read by one worker; %u were asked for",
			options->worker_count);
	set = calloc(1, sizeof(*set));
	if (!set)
		return LUYTRE_E_NOMEM;
	set->ops = &source_folder;
	set->options = *options;
	snprintf(set->description, sizeof(set->description), "capture files of %s", options->directory);
	*ret = set;
	return 0;
}

static void set_close(struct source_set *set, bool detach)
{
	free(set);
}

static int open_source(struct source_set *set, unsigned int index, char *message, struct source **ret)
{
	struct capture_directory_options options = { .once = set->options.once, .settle_ns = SETTLE_NS };
	struct folder *f = calloc(1, sizeof(*f));
	int error;

	if (!f)
		return LUYTRE_E_NOMEM;
	error = capture_directory_open(set->options.directory, &options, message, &f->directory);
	if (error) {
		free(f);
		return error;
	}
	*ret = &f->source;
	return 0;
}

/* 1: a file is in hand; 0: none now; or an error. A file that cannot be read is told of and left. */
static int next_file(struct folder *f, unsigned int wait_ms)
{
	char path[CAPTURE_DIRECTORY_PATH], message[CAPTURE_MESSAGE_SIZE];
	uint64_t settle_ns = 0;
	int found = capture_directory_next(f->directory, clock_real_ns(), path, &settle_ns);

	if (found == 0) {
		if (settle_ns / NS_PER_MS < wait_ms)
			wait_ms = (unsigned int)(settle_ns / NS_PER_MS) + 1;
		source_wait(&f->source, capture_directory_fd(f->directory), -1, wait_ms);
		return 0;
	}
	if (found < 0)
		return found;
	log_info("reading %s", path);
	if (capture_file_open(path, message, &f->file)) {
		log_warn("%s", message);
		return 0;
	}
	return 1;
}

static int receive(struct source *source, unsigned int wait_ms, struct source_frame *frames)
{
	struct folder *f = (struct folder *)source;
	struct capture_frame frame;
	int got = f->file ? 1 : next_file(f, wait_ms);

	if (got <= 0)
		return got;
	got = capture_file_next(f->file, &frame);
	if (got <= 0) {
		if (got < 0)
			log_warn("%s", capture_file_message(f->file));
		capture_file_close(f->file);
		f->file = NULL;
		return 0;
	}
	/* The next frame takes this one's place, so a batch is one frame. */
	frames[0] = (struct source_frame){ .in = { .data = frame.data,
						   .time_ns = frame.time_ns,
						   .number = ++f->number,
						   .wire_size = frame.wire_size,
						   .linktype = frame.linktype } };
	source->stats.received++;
	return 1;
}

static void release(struct source *source) {}

static void close_source(struct source *source)
{
	struct folder *f = (struct folder *)source;

	capture_file_close(f->file);
	capture_directory_close(f->directory);
	free(f);
}

const struct source_ops source_folder = {
	.name = "directory",
	.is_offline = true,
	.set_open = set_open,
	.set_close = set_close,
	.open = open_source,
	.receive = receive,
	.release = release,
	.close = close_source,
};
