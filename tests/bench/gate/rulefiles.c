// SPDX-License-Identifier: Apache-2.0
/* See rulefiles.h. */
#include "tests/bench/gate/rulefiles.h"

#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

/* A folder is the set's when it has this file. */
#define PROBE "REQUEST-901-INITIALIZATION.conf"

static bool is_set(const char *folder, const char *below, char ret[PATH_MAX])
{
	char probe[2 * PATH_MAX];

	snprintf(probe, sizeof(probe), "%s%s/" PROBE, folder, below);
	if (access(probe, R_OK) != 0)
		return false;
	probe[strlen(probe) - strlen("/" PROBE)] = 0;
	return realpath(probe, ret) != NULL;
}

static bool find_set(const char *root, char ret[PATH_MAX])
{
	char beside[PATH_MAX];
	const char *const folders[] = { getenv("LUYTRE_CRS"), getenv("LUYTRE_CONFORMANCE_GATE"), beside,
		"/usr/share/modsecurity-crs" };

	snprintf(beside, sizeof(beside), "%s/../shared/conformance/gate", root);

	for (size_t i = 0; i < ARRAY_COUNT(folders); i++) {
		if (folders[i] && (is_set(folders[i], "", ret) || is_set(folders[i], "/rules", ret)))
			return true;
	}
	return false;
}

static void find_setup(struct rulefiles *files)
{
	static const char *const places[] = { "/crs-setup.conf.example", "/../crs-setup.conf.example",
		"/../crs-setup.conf" };
	char path[2 * PATH_MAX];

	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		snprintf(path, sizeof(path), "%s%s", files->folder, places[i]);
		if (access(path, R_OK) == 0 && realpath(path, files->setup))
			return;
	}
	if (!realpath("/etc/modsecurity/crs/crs-setup.conf", files->setup))
		*files->setup = 0;
}

static void find_version(struct rulefiles *files)
{
	char path[2 * PATH_MAX], line[512];
	FILE *in;

	snprintf(path, sizeof(path), "%s/" PROBE, files->folder);
	in = fopen(path, "re");
	while (in && !*files->version && fgets(line, sizeof(line), in)) {
		const char *at = strstr(line, "ver:'OWASP_CRS/");

		if (at)
			snprintf(files->version, sizeof(files->version), "%.*s", (int)strcspn(at + 5, "'"), at + 5);
	}
	if (in)
		fclose(in);
}

/* Version 3 of the set has other names for the level than version 4. */
static void write_level(FILE *out, unsigned int level)
{
	static const char *const names[] = { "blocking_paranoia_level", "detection_paranoia_level", "paranoia_level",
		"executing_paranoia_level" };

	fputs("SecAction \"id:900005,phase:1,pass,t:none,nolog,setvar:tx.crs_validate_utf8_encoding=1", out);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		fprintf(out, ",setvar:tx.%s=%u", names[i], level);
	fputs("\"\n", out);
}

static int write_file(
	const struct rulefiles *files, const char *engine_conf, unsigned int level, bool blocking, const char *path)
{
	char pattern[2 * PATH_MAX];
	glob_t found = { 0 };
	FILE *out = fopen(path, "we");

	if (!out) {
		log_error("cannot write %s: %s", path, strerror(errno));
		return LUYTRE_E_IO;
	}
	fprintf(out, "Include %s\n", engine_conf);
	if (blocking)
		fputs("SecRuleEngine On\n", out);
	if (*files->setup)
		fprintf(out, "Include %s\n", files->setup);
	write_level(out, level);
	/* Not a wildcard in the file: engines may differ in what order they see it. */
	snprintf(pattern, sizeof(pattern), "%s/*.conf", files->folder);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			fprintf(out, "Include %s\n", found.gl_pathv[i]);
		globfree(&found);
	}
	return fclose(out) ? LUYTRE_E_IO : 0;
}

int rulefiles_write(const char *root, const char *dir, struct rulefiles *ret)
{
	char engine_conf[PATH_MAX];
	int error = 0;

	*ret = (struct rulefiles){ 0 };
	if (!find_set(root, ret->folder)) {
		log_error("no Core Rule Set: LUYTRE_CRS=FOLDER names one, Debian's is the package modsecurity-crs");
		return LUYTRE_E_NOT_FOUND;
	}
	snprintf(engine_conf, sizeof(engine_conf), "%s/tests/bench/gate/engine.conf", root);
	find_setup(ret);
	find_version(ret);
	for (unsigned int i = 0; i < LEVEL_COUNT && error == 0; i++) {
		snprintf(ret->level[i], PATH_MAX, "%s/level-%u.conf", dir, i + 1);
		error = write_file(ret, engine_conf, i + 1, false, ret->level[i]);
	}
	snprintf(ret->blocking, PATH_MAX, "%s/blocking.conf", dir);
	return error ? error : write_file(ret, engine_conf, 1, true, ret->blocking);
}
