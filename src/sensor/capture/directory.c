// SPDX-License-Identifier: Apache-2.0
/* One entry for each file that is present, whatever became of it, so that a look at the whole directory (at opening, and
 * when the kernel lost events) knows what was handed out before. Entries are found by name in a table; the order in
 * which they are handed out is made by sorting, only after something changed. */
#include "sensor/capture/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/table.h"

/* The last two only wake the caller when the directory itself goes; directory_gone() looks whether it did. */
#define WATCHED_EVENTS                                                                                                 \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR | IN_ATTRIB | IN_MOVE_SELF)
#define EVENTS_SIZE 16384

enum entry_state { ENTRY_FREE, ENTRY_GROWING, ENTRY_READY, ENTRY_DONE };

struct entry {
	char *name; /* owned; null when free */
	uint64_t changed_ns;
	uint64_t inode;
	uint64_t size;
	enum entry_state state;
	bool seen; /* in the present look at the directory */
};

struct entry_key {
	char name[NAME_MAX + 1]; /* zeros behind the NUL */
};

struct capture_directory {
	char *path; /* owned */
	int fd; /* of the directory */
	int notify_fd; /* -1 with 'once' */
	struct capture_directory_options options;
	struct table *names; /* owned: struct entry_key to uint32_t, the entry */
	struct entry *entries; /* owned */
	size_t entries_count; /* used or free */
	size_t entries_room;
	uint32_t *order; /* owned: entries that are ready, the first to come last */
	size_t order_count;
	bool order_stale;
	bool rescan; /* events were lost, or there was no room */
};

/* ---- Entries ---- */

static void key_make(const char *name, struct entry_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->name, name, strnlen(name, NAME_MAX));
}

static struct entry *entry_find(const struct capture_directory *directory, const char *name)
{
	struct entry_key key;
	const uint32_t *index;

	key_make(name, &key);
	index = table_find(directory->names, &key);
	return index ? &directory->entries[*index] : NULL;
}

/* A free place in 'entries', or null. */
static struct entry *entry_place(struct capture_directory *directory)
{
	if (directory->entries_count == directory->entries_room) {
		size_t room = directory->entries_room != 0 ? 2 * directory->entries_room : 64;
		struct entry *grown = realloc(directory->entries, room * sizeof(*grown));
		uint32_t *order;

		if (!grown)
			return NULL;
		directory->entries = grown;
		order = realloc(directory->order, room * sizeof(*order));
		if (!order)
			return NULL;
		directory->order = order;
		directory->entries_room = room;
	}
	return &directory->entries[directory->entries_count];
}

/* Null at the ceiling or without memory: the file is looked for again later. */
static struct entry *entry_add(struct capture_directory *directory, const char *name)
{
	struct entry *entry = entry_place(directory);
	struct entry_key key;
	uint32_t *index;

	key_make(name, &key);
	index = entry ? table_insert(directory->names, &key, NULL) : NULL;
	if (!index) {
		directory->rescan = true;
		return NULL;
	}
	*entry = (struct entry){ .name = strdup(name) };
	if (!entry->name) {
		table_remove(directory->names, &key);
		directory->rescan = true;
		return NULL;
	}
	*index = (uint32_t)directory->entries_count++;
	return entry;
}

/* The last entry takes its place. */
static void entry_remove(struct capture_directory *directory, struct entry *entry)
{
	struct entry *last = &directory->entries[directory->entries_count - 1];
	struct entry_key key;

	key_make(entry->name, &key);
	table_remove(directory->names, &key);
	free(entry->name);
	if (entry != last) {
		uint32_t *index;

		*entry = *last;
		key_make(entry->name, &key);
		index = table_find(directory->names, &key);
		*index = (uint32_t)(entry - directory->entries);
	}
	directory->entries_count--;
	directory->order_stale = true;
}

/* Takes notice of a file; 'complete' when its writer has said so. */
static void file_look(struct capture_directory *directory, const char *name, bool complete)
{
	struct stat info;
	struct entry *entry;
	uint64_t changed_ns;

	if (name[0] == '.' || fstatat(directory->fd, name, &info, 0) != 0 || !S_ISREG(info.st_mode))
		return;
	entry = entry_find(directory, name);
	if (!entry)
		entry = entry_add(directory, name);
	if (!entry)
		return;
	entry->seen = true;
	changed_ns = (uint64_t)info.st_mtim.tv_sec * NS_PER_S + (uint64_t)info.st_mtim.tv_nsec;
	if (entry->state == ENTRY_DONE && entry->changed_ns == changed_ns && entry->inode == info.st_ino &&
		entry->size == (uint64_t)info.st_size)
		return;
	entry->changed_ns = changed_ns;
	entry->inode = info.st_ino;
	entry->size = (uint64_t)info.st_size;
	if (complete)
		entry->state = ENTRY_READY;
	else if (entry->state != ENTRY_READY)
		entry->state = ENTRY_GROWING;
	directory->order_stale = true;
}

/* ---- The directory ---- */

static int directory_scan(struct capture_directory *directory)
{
	int fd = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *found;

	if (!listing) {
		int error = error_from_errno(errno);

		if (fd >= 0)
			close(fd);
		return error;
	}
	directory->rescan = false;
	for (size_t i = 0; i < directory->entries_count; i++)
		directory->entries[i].seen = false;
	while ((found = readdir(listing)) != NULL)
		file_look(directory, found->d_name, directory->options.once);
	closedir(listing);
	for (size_t i = directory->entries_count; i-- != 0;) {
		if (!directory->entries[i].seen)
			entry_remove(directory, &directory->entries[i]);
	}
	return 0;
}

static void event_take(struct capture_directory *directory, const struct inotify_event *event, const char *name)
{
	struct entry *entry;

	if (event->mask & IN_Q_OVERFLOW)
		directory->rescan = true;
	if (event->len == 0 || (event->mask & (IN_ISDIR | IN_ATTRIB)))
		return;
	if (event->mask & (IN_DELETE | IN_MOVED_FROM)) {
		entry = entry_find(directory, name);
		if (entry)
			entry_remove(directory, entry);
	} else {
		file_look(directory, name, event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO));
	}
}

/* Takes all events that wait. */
static int events_take(struct capture_directory *directory)
{
	_Alignas(struct inotify_event) char events[EVENTS_SIZE];

	for (;;) {
		ssize_t got = read(directory->notify_fd, events, sizeof(events));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? 0 : LUYTRE_E_IO;
		for (size_t at = 0; at < (size_t)got;) {
			struct inotify_event event;

			memcpy(&event, events + at, sizeof(event));
			event_take(directory, &event, events + at + sizeof(event));
			at += sizeof(event) + event.len;
		}
	}
}

/* Its name leads to something else, or nowhere. */
static bool directory_gone(const struct capture_directory *directory)
{
	struct stat open_info;
	struct stat named_info;

	return fstat(directory->fd, &open_info) != 0 || stat(directory->path, &named_info) != 0 ||
	       open_info.st_dev != named_info.st_dev || open_info.st_ino != named_info.st_ino;
}

/* ---- The order ---- */

static int later_first(const void *left_index, const void *right_index, void *context)
{
	const struct capture_directory *directory = context;
	const struct entry *left = &directory->entries[*(const uint32_t *)left_index];
	const struct entry *right = &directory->entries[*(const uint32_t *)right_index];

	if (left->changed_ns != right->changed_ns)
		return left->changed_ns < right->changed_ns ? 1 : -1;
	return strcmp(right->name, left->name);
}

/* How long the entry may still change; 0 when it has settled. */
static uint64_t settle_left_ns(const struct capture_directory *directory, const struct entry *entry, uint64_t now_ns)
{
	uint64_t age_ns = clock_since_ns(now_ns, entry->changed_ns);

	return age_ns >= directory->options.settle_ns ? 0 : directory->options.settle_ns - age_ns;
}

/* Looks at a file that nobody closed once its time is over: it may have grown since the last look. */
static void entry_settle(struct capture_directory *directory, struct entry *entry, uint64_t now_ns)
{
	struct stat info;

	if (fstatat(directory->fd, entry->name, &info, 0) != 0)
		return; /* the event of its removal is on the way */
	entry->changed_ns = (uint64_t)info.st_mtim.tv_sec * NS_PER_S + (uint64_t)info.st_mtim.tv_nsec;
	entry->size = (uint64_t)info.st_size;
	entry->inode = info.st_ino;
	if (settle_left_ns(directory, entry, now_ns) == 0) {
		entry->state = ENTRY_READY;
		directory->order_stale = true;
	}
}

/* Lets files settle that are old enough; returns when the next one may. */
static uint64_t entries_settle(struct capture_directory *directory, uint64_t now_ns)
{
	uint64_t wait_ns = UINT64_MAX;

	for (size_t i = 0; i < directory->entries_count; i++) {
		struct entry *entry = &directory->entries[i];
		uint64_t left_ns;

		if (entry->state != ENTRY_GROWING)
			continue;
		if (settle_left_ns(directory, entry, now_ns) == 0)
			entry_settle(directory, entry, now_ns);
		left_ns = settle_left_ns(directory, entry, now_ns);
		if (entry->state == ENTRY_GROWING && left_ns < wait_ns)
			wait_ns = left_ns;
	}
	return wait_ns;
}

static void order_make(struct capture_directory *directory)
{
	directory->order_count = 0;
	for (size_t i = 0; i < directory->entries_count; i++) {
		if (directory->entries[i].state == ENTRY_READY)
			directory->order[directory->order_count++] = (uint32_t)i;
	}
	if (directory->order_count > 1)
		qsort_r(directory->order, directory->order_count, sizeof(*directory->order), later_first, directory);
	directory->order_stale = false;
}

/* Hands out the first file of the order that is still there. */
static bool order_take(struct capture_directory *directory, char ret_path[CAPTURE_DIRECTORY_PATH])
{
	while (directory->order_count != 0) {
		struct entry *entry = &directory->entries[directory->order[--directory->order_count]];
		int size = snprintf(ret_path, CAPTURE_DIRECTORY_PATH, "%s/%s", directory->path, entry->name);

		entry->state = ENTRY_DONE;
		if (size < CAPTURE_DIRECTORY_PATH && faccessat(directory->fd, entry->name, F_OK, 0) == 0)
			return true;
	}
	return false;
}

int capture_directory_next(struct capture_directory *directory, uint64_t now_ns, char ret_path[CAPTURE_DIRECTORY_PATH],
	uint64_t *ret_wait_ns)
{
	uint64_t wait_ns = UINT64_MAX;
	int error = 0;

	if (directory->notify_fd >= 0) {
		error = events_take(directory);
		if (error == 0 && directory->rescan && directory->order_count == 0)
			error = directory_scan(directory);
		if (error != 0)
			return error;
		wait_ns = entries_settle(directory, now_ns);
	}
	if (directory->order_stale)
		order_make(directory);
	if (order_take(directory, ret_path))
		return 1;
	if (directory->options.once || directory_gone(directory))
		return LUYTRE_E_CLOSED;
	*ret_wait_ns = wait_ns;
	return 0;
}

/* ---- Life ---- */

static int directory_begin(struct capture_directory *directory, const char *path)
{
	struct siphash_key hash_key;
	int error = siphash_key_random(&hash_key);

	if (error != 0)
		return error;
	directory->path = strdup(path);
	directory->names = table_new(sizeof(struct entry_key), sizeof(uint32_t), CAPTURE_DIRECTORY_MAX, hash_key);
	if (!directory->path || !directory->names)
		return LUYTRE_E_NOMEM;
	directory->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory->fd < 0)
		return error_from_errno(errno);
	if (!directory->options.once) {
		directory->notify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (directory->notify_fd < 0 || inotify_add_watch(directory->notify_fd, path, WATCHED_EVENTS) < 0)
			return error_from_errno(errno);
	}
	error = directory_scan(directory); /* after the watch began, so that nothing is missed in between */
	if (error == 0 && directory->options.once && directory->rescan)
		error = LUYTRE_E_FULL; /* the files left out would never come */
	return error;
}

int capture_directory_open(const char *path, const struct capture_directory_options *options,
	char message[CAPTURE_MESSAGE_SIZE], struct capture_directory **ret)
{
	struct capture_directory *directory = calloc(1, sizeof(*directory));
	int error = LUYTRE_E_NOMEM;

	if (directory) {
		directory->fd = -1;
		directory->notify_fd = -1;
		directory->options = *options;
		error = directory_begin(directory, path);
	}
	if (error != 0) {
		snprintf(message, CAPTURE_MESSAGE_SIZE, "%.256s: cannot be watched: %s", path,
			error_text(error, LUYTRE_LANG_EN));
		capture_directory_close(directory);
		return error;
	}
	*ret = directory;
	return 0;
}

int capture_directory_fd(const struct capture_directory *directory)
{
	return directory->notify_fd;
}

void capture_directory_close(struct capture_directory *directory)
{
	if (!directory)
		return;
	for (size_t i = 0; i < directory->entries_count; i++)
		free(directory->entries[i].name);
	free(directory->entries);
	free(directory->order);
	table_free(directory->names);
	if (directory->notify_fd >= 0)
		close(directory->notify_fd);
	if (directory->fd >= 0)
		close(directory->fd);
	free(directory->path);
	free(directory);
}
