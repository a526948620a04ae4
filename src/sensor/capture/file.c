// SPDX-License-Identifier: Apache-2.0
/* The buffer and the door to the formats. A record that crosses the end of what is read is moved to the front of the
 * buffer and completed there, which costs one short copy for every READ_SIZE bytes; the others are used where they lie.
 * READ_SIZE is what still fits into the second-level cache, so that the decoder finds the frames there. */
#include "sensor/capture/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define READ_SIZE (256u << 10)

_Static_assert(CAPTURE_BUFFER_SIZE >= 2 * CAPTURE_FRAME_MAX, "a record with its headers must fit");

int capture_fail(struct capture_file *file, int error, const char *format, ...)
{
	va_list args;
	int used = snprintf(file->message, sizeof(file->message), "%.256s: ", file->name);

	va_start(args, format);
	vsnprintf(file->message + used, sizeof(file->message) - (size_t)used, format, args);
	va_end(args);
	return error;
}

int capture_fail_need(struct capture_file *file, int error, const char *what)
{
	unsigned long long offset = file->offset;

	if (error == LUYTRE_E_TRUNCATED)
		return capture_fail(file, error, "the file ends inside %s at offset %llu", what, offset);
	if (error == LUYTRE_E_CORRUPT)
		return capture_fail(file, error, "the compressed data is damaged behind offset %llu", offset);
	return capture_fail(
		file, error, "cannot be read behind offset %llu: %s", offset, error_text(error, LUYTRE_LANG_EN));
}

static int refill(struct capture_file *file)
{
	size_t room_size;
	size_t got;
	int error;

	if (file->input_error != 0)
		return file->input_error;
	if (file->begin != 0) {
		memmove(file->buffer, file->buffer + file->begin, capture_left(file));
		file->end -= file->begin;
		file->begin = 0;
	}
	room_size = CAPTURE_BUFFER_SIZE - file->end;
	error = capture_input_read(
		file->input, file->buffer + file->end, room_size < READ_SIZE ? room_size : READ_SIZE, &got);
	if (error != 0) {
		file->input_error = error;
		return error;
	}
	file->end += got;
	file->ended = got == 0;
	return 0;
}

int capture_need(struct capture_file *file, size_t size)
{
	while (capture_left(file) < size) {
		int error = file->ended ? LUYTRE_E_TRUNCATED : refill(file);

		if (error != 0)
			return error;
	}
	return 0;
}

void capture_use(struct capture_file *file, size_t size)
{
	file->begin += size;
	file->offset += size;
}

int capture_skip(struct capture_file *file, uint64_t size)
{
	while (size > capture_left(file)) {
		int error;

		size -= capture_left(file);
		capture_use(file, capture_left(file));
		error = capture_need(file, 1);
		if (error != 0)
			return error;
	}
	capture_use(file, (size_t)size);
	return 0;
}

void capture_frame_time(struct capture_frame *frame, uint64_t s, uint32_t ns)
{
	frame->time_s = s;
	frame->time_us = ns / (uint32_t)NS_PER_US;
	frame->time_ns = s < UINT64_MAX / NS_PER_S ? s * NS_PER_S + ns : UINT64_MAX;
}

/* ---- Opening ---- */

static int format_open(struct capture_file *file)
{
	int error = capture_need(file, 1);

	if (error != 0 && file->ended)
		return capture_fail(file, LUYTRE_E_SYNTAX, "the file is empty");
	if (error == 0)
		error = pcap_open(file);
	if (error == LUYTRE_E_SYNTAX)
		error = pcapng_open(file);
	if (error == LUYTRE_E_SYNTAX)
		return capture_fail(file, error, "this is not a capture file (pcap or pcapng, gzip, zstd)");
	if (error != 0 && file->message[0] == '\0')
		return capture_fail_need(file, error, "its header");
	return error;
}

static int file_open(
	int fd, struct bytes memory, const char *name, char message[CAPTURE_MESSAGE_SIZE], struct capture_file **ret)
{
	struct capture_file *file = calloc(1, sizeof(*file));
	int error = file ? capture_input_open(fd, memory, &file->input) : LUYTRE_E_NOMEM;

	if (!file && fd >= 0)
		close(fd);
	if (error == 0) {
		file->name = strdup(name);
		file->buffer = malloc(CAPTURE_BUFFER_SIZE);
		if (!file->name || !file->buffer)
			error = LUYTRE_E_NOMEM;
	}
	if (error != 0) {
		snprintf(message, CAPTURE_MESSAGE_SIZE, "%.256s: cannot be read: %s", name,
			error_text(error, LUYTRE_LANG_EN));
		capture_file_close(file);
		return error;
	}
	error = format_open(file);
	if (error != 0) {
		memcpy(message, file->message, CAPTURE_MESSAGE_SIZE);
		capture_file_close(file);
		return error;
	}
	*ret = file;
	return 0;
}

int capture_file_open_fd(int fd, const char *name, char message[CAPTURE_MESSAGE_SIZE], struct capture_file **ret)
{
	return file_open(fd, (struct bytes){ 0 }, name, message, ret);
}

int capture_file_open_memory(
	struct bytes data, const char *name, char message[CAPTURE_MESSAGE_SIZE], struct capture_file **ret)
{
	return file_open(-1, data, name, message, ret);
}

int capture_file_open(const char *path, char message[CAPTURE_MESSAGE_SIZE], struct capture_file **ret)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		int error = error_from_errno(errno);

		snprintf(message, CAPTURE_MESSAGE_SIZE, "%.256s: cannot be opened: %s", path,
			error_text(error, LUYTRE_LANG_EN));
		return error;
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* only a hint; refused by pipes */
	return file_open(fd, (struct bytes){ 0 }, standard ? "standard input" : path, message, ret);
}

/* ---- Reading ---- */

int capture_file_next(struct capture_file *file, struct capture_frame *ret)
{
	int found;

	if (file->failed != 0)
		return file->failed;
	capture_use(file, file->held_size);
	file->held_size = 0;
	found = file->next(file, ret);
	if (found < 0)
		file->failed = found;
	else if (found == 1)
		ret->number = ++file->number;
	return found;
}

const char *capture_file_message(const struct capture_file *file)
{
	return file->message;
}

const char *capture_file_name(const struct capture_file *file)
{
	return file->name;
}

void capture_file_close(struct capture_file *file)
{
	if (!file)
		return;
	capture_input_close(file->input);
	pcapng_close(file);
	free(file->buffer);
	free(file->name);
	free(file);
}
