// SPDX-License-Identifier: Apache-2.0
#include "hub/store/pgtest.h"

#include <fcntl.h>
#include <ftw.h>
#include <libpq-fe.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], conninfo[200];
static pid_t server;

static bool program_find(const char *name, char path[PATH_MAX])
{
	for (int version = 20; version >= 13; version--) {
		snprintf(path, PATH_MAX, "/usr/lib/postgresql/%d/bin/%s", version, name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* In the child: gives up root, falls silent, becomes the program. */
static void become(const char *path, const char *const *arguments)
{
	const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
	int silent = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (geteuid() == 0 && (!user || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	for (int i = 0; i < 3; i++)
		dup2(silent, i);
	execv(path, (char *const *)(uintptr_t)arguments);
	_exit(127);
}

static pid_t start(const char *path, const char *const *arguments)
{
	pid_t child = fork();

	if (child == 0)
		become(path, arguments);
	return child;
}

static bool server_start(void)
{
	char path[PATH_MAX], data[PATH_MAX];
	const char *const arguments[] = { path, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c",
		"max_connections=20", NULL };

	snprintf(data, sizeof(data), "%s/data", folder);
	if (!program_find("postgres", path))
		return false;
	server = start(path, arguments);
	for (int i = 0; server > 0 && i < 1500; i++) {
		if (PQping(conninfo) == PQPING_OK)
			return true;
		if (waitpid(server, NULL, WNOHANG) == server)
			break;
		usleep(20000);
	}
	return false;
}

bool pgtest_start(char place[PGTEST_PLACE_SIZE], char why[DB_WHY_SIZE])
{
	char path[PATH_MAX], data[PATH_MAX];
	const char *const arguments[] = { path, "-D", data, "-A", "trust", "-U", "luytre", "-E", "UTF8", "--locale=C",
		"--no-sync", NULL };
	const struct passwd *user = getpwnam("postgres");
	int status = -1;
	pid_t child;

	if (!program_find("initdb", path)) {
		snprintf(why, DB_WHY_SIZE, "PostgreSQL is not installed");
		return false;
	}
	snprintf(folder, sizeof(folder), "/tmp/luytre-pg-XXXXXX");
	if (!mkdtemp(folder) || (geteuid() == 0 && user && chown(folder, user->pw_uid, user->pw_gid) != 0)) {
		snprintf(why, DB_WHY_SIZE, "%s: %m", folder);
		return false;
	}
	snprintf(data, sizeof(data), "%s/data", folder);
	snprintf(conninfo, sizeof(conninfo), "host=%s user=luytre dbname=postgres", folder);
	child = start(path, arguments);
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0 || !server_start()) {
		snprintf(why, DB_WHY_SIZE, "PostgreSQL does not start here (%s)", folder);
		pgtest_stop();
		return false;
	}
	snprintf(place, PGTEST_PLACE_SIZE, "postgres:%s", conninfo);
	return true;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	return remove(path);
}

static void server_stop(void)
{
	if (server > 0) {
		kill(server, SIGQUIT);
		waitpid(server, NULL, 0);
	}
	server = 0;
}

void pgtest_stop(void)
{
	server_stop();
	if (folder[0])
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	folder[0] = '\0';
}

bool pgtest_crash(void)
{
	server_stop();
	return server_start();
}
