// SPDX-License-Identifier: Apache-2.0
/* See guard.h. */
#include "lab/guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

#define NETNS_DIR "/run/netns"

enum { ORDERLY = 'q', NAMESPACES_MAX = 32, KILL_ROUNDS = 100, ROUND_MS = 20, OPEN_FOLDERS = 16 };

static pid_t guardian;

struct spaces {
	char name[NAMESPACES_MAX][64];
	ino_t inode[NAMESPACES_MAX];
	size_t count;
};

static void find_spaces(const char *prefix, struct spaces *ret)
{
	DIR *dir = opendir(NETNS_DIR);
	struct dirent *entry;
	char path[128];
	struct stat st;

	ret->count = 0;
	if (!dir)
		return;
	while ((entry = readdir(dir)) && ret->count < NAMESPACES_MAX) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) || strlen(entry->d_name) >= sizeof(ret->name[0]))
			continue;
		snprintf(path, sizeof(path), NETNS_DIR "/%.63s", entry->d_name);
		if (stat(path, &st))
			continue;
		snprintf(ret->name[ret->count], sizeof(ret->name[0]), "%.63s", entry->d_name);
		ret->inode[ret->count++] = st.st_ino;
	}
	closedir(dir);
}

static bool is_inside(const struct spaces *spaces, const char *pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/net", pid);
	if (stat(path, &st))
		return false;
	for (size_t i = 0; i < spaces->count; i++)
		if (spaces->inode[i] == st.st_ino)
			return true;
	return false;
}

/* Kills what lives in the namespaces; returns how many there were. Anything inside was started by the run. */
static size_t kill_inside(const struct spaces *spaces)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	size_t count = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !is_inside(spaces, entry->d_name))
			continue;
		count++;
		kill((pid_t)atol(entry->d_name), SIGKILL);
	}
	closedir(dir);
	return count;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *position)
{
	return remove(path) && errno != ENOENT ? -1 : 0;
}

static void remove_tree(const char *path)
{
	if (nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
		log_error("cannot remove %s: %s", path, strerror(errno));
}

static void clean(const struct guard_names *names)
{
	struct spaces spaces;
	char path[128];

	find_spaces(names->prefix, &spaces);
	for (int round = 0; round < KILL_ROUNDS && kill_inside(&spaces); round++)
		usleep(ROUND_MS * 1000);
	for (size_t i = 0; i < spaces.count; i++) {
		snprintf(path, sizeof(path), NETNS_DIR "/%s", spaces.name[i]);
		umount2(path, MNT_DETACH);
		if (unlink(path))
			log_error("cannot remove %s: %s", path, strerror(errno));
	}
	remove_tree(names->pin_dir);
	remove_tree(names->dir);
}

static void guard_main(const struct guard_names *names, bool screen, int fd)
{
	static const char screen_back[] = "\033[?25h\033[?1049l";
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	ssize_t got;
	char byte = 0;

	setsid();
	for (size_t i = 0; i < ARRAY_COUNT(ignored); i++)
		signal(ignored[i], SIG_IGN);
	do
		got = read(fd, &byte, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1 || byte != ORDERLY) {
		if (screen && write(STDOUT_FILENO, screen_back, sizeof(screen_back) - 1) < 0)
			log_warn("the terminal is gone");
		usleep(ROUND_MS * 1000); /* children of the lab are dying now: no new namespace after this */
	}
	clean(names);
	_exit(0);
}

int guard_names_init(struct guard_names *names)
{
	struct spaces spaces;

	snprintf(names->prefix, sizeof(names->prefix), "lt-%d-", (int)getpid());
	snprintf(names->pin_dir, sizeof(names->pin_dir), "/sys/fs/bpf/luytre-lab-%d", (int)getpid());
	snprintf(names->dir, sizeof(names->dir), "/tmp/luytre-lab-%d-XXXXXX", (int)getpid());
	find_spaces(names->prefix, &spaces);
	if (spaces.count || !access(names->pin_dir, F_OK))
		return LUYTRE_E_EXISTS;
	/* Workers of nginx, which are not root, read their pages below it. */
	return mkdtemp(names->dir) && !chmod(names->dir, 0711) ? 0 : LUYTRE_E_SYSTEM;
}

int guard_start(const struct guard_names *names, bool screen, int *ret_fd)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return LUYTRE_E_SYSTEM;
	guardian = fork();
	if (guardian < 0) {
		close(ends[0]);
		close(ends[1]);
		return LUYTRE_E_SYSTEM;
	}
	if (guardian == 0) {
		close(ends[1]);
		guard_main(names, screen, ends[0]);
	}
	close(ends[0]);
	*ret_fd = ends[1];
	return 0;
}

void guard_finish(int fd)
{
	static const char byte = ORDERLY;

	if (write(fd, &byte, 1) != 1)
		log_warn("the guardian of the lab is gone; namespaces may be left, see `ip netns`");
	close(fd);
	while (waitpid(guardian, NULL, 0) < 0 && errno == EINTR)
		;
}
