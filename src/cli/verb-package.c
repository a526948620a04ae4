// SPDX-License-Identifier: Apache-2.0
/* luytre hub package: keys of recipients, and opening a sealed package of an assessment (hub/assess/package.h) without the hub. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "cli/cli.h"
#include "hub/assess/package.h"
#include "hub/store/secret.h"

/* All parts, each with what sealing adds. */
#define FILE_MAX ((size_t)PACKAGE_PARTS_MAX * (PACKAGE_TEXT_MAX + 4096))

enum { OPT_KEY = 512, OPT_SIGNER };

static const struct option options_of[] = { { "key", required_argument, NULL, OPT_KEY },
	{ "signer", required_argument, NULL, OPT_SIGNER }, { NULL, 0, NULL, 0 } };

static int make_secret(uint8_t *key, size_t key_size)
{
	randombytes_buf(key, key_size);
	return 0;
}

static int say(const char *path, const char *what)
{
	fprintf(stderr, "luytre: %s: %s\n", path, what);
	return CLI_FAILED;
}

/* A key that is there already is kept, and its public half told again. */
static int run_key(const char *path, const struct cli_options *options)
{
	uint8_t secret[PACKAGE_SECRET_SIZE], public_key[PACKAGE_KEY_SIZE];
	char hex[2 * PACKAGE_KEY_SIZE + 1];
	int error = secret_key(path, make_secret, secret, sizeof(secret));

	if (error)
		return say(path, error_text(error, options->lang));
	crypto_scalarmult_base(public_key, secret);
	sodium_memzero(secret, sizeof(secret));
	printf("%s\n", digest_hex(bytes_of(public_key, sizeof(public_key)), hex));
	return CLI_DONE;
}

static int read_package(const char *path, uint8_t **ret, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat info;
	ssize_t got = 1;
	int error = 0;

	if (fd < 0 || fstat(fd, &info))
		error = error_from_errno(errno);
	else if (!S_ISREG(info.st_mode) || (size_t)info.st_size > FILE_MAX)
		error = LUYTRE_E_CORRUPT;
	*ret = error ? NULL : malloc((size_t)info.st_size + 1);
	*ret_size = 0;
	if (!error && !*ret)
		error = LUYTRE_E_NOMEM;
	while (!error && got > 0 && *ret_size < (size_t)info.st_size) {
		got = read(fd, *ret + *ret_size, (size_t)info.st_size - *ret_size);
		if (got < 0)
			error = LUYTRE_E_IO;
		else
			*ret_size += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	return error;
}

static int no_key(uint8_t *key, size_t key_size)
{
	return LUYTRE_E_NOT_FOUND;
}

static int open_it(const char *path, const uint8_t *secret, const uint8_t *signer, const struct cli_options *options)
{
	char hex[2 * AUDIT_PUBLIC_KEY_SIZE + 1], why[PACKAGE_WHY_SIZE] = "";
	struct package package;
	uint8_t *file;
	size_t size;
	int error = read_package(path, &file, &size);

	if (error) {
		free(file);
		return say(path, error_text(error, options->lang));
	}
	error = package_open(bytes_of(file, size), secret, signer, &package, why);
	free(file);
	if (error)
		return say(path, why);
	if (fwrite(package.text.ptr, 1, package.text.size, stdout) != package.text.size || puts("") < 0 ||
		fflush(stdout))
		error = LUYTRE_E_IO;
	fprintf(stderr, cli_text(options, "signed by %s%s\n", "ký bởi %s%s\n"),
		digest_hex(bytes_of(package.signer, sizeof(package.signer)), hex),
		signer ? ""
		       : cli_text(options, " (give --signer with the hub's key to be sure that it is the hub)",
				 " (thêm --signer với khóa của trung tâm để chắc chắn đó là trung tâm)"));
	package_done(&package);
	return error ? say(path, error_text(error, options->lang)) : CLI_DONE;
}

static int run_open(const char *path, const char *key, const char *signer_hex, const struct cli_options *options)
{
	uint8_t secret[PACKAGE_SECRET_SIZE], signer[AUDIT_PUBLIC_KEY_SIZE];
	size_t size = 0;
	int error, code;

	if (signer_hex && (sodium_hex2bin(signer, sizeof(signer), signer_hex, strlen(signer_hex), NULL, &size, NULL) ||
				  size != sizeof(signer))) {
		fprintf(stderr, "luytre: %s\n",
			cli_text(options, "--signer takes the hub's key: 64 hex digits",
				"--signer nhận khóa của trung tâm: 64 chữ số thập lục phân"));
		return CLI_USAGE;
	}
	error = secret_key(key, no_key, secret, sizeof(secret));
	if (error)
		return say(key, error_text(error, options->lang));
	code = open_it(path, secret, signer_hex ? signer : NULL, options);
	sodium_memzero(secret, sizeof(secret));
	return code;
}

int cli_hub_package(const struct cli_options *options)
{
	const char *key = NULL, *signer = NULL, *verb, *path;
	int option;

	optind = 1;
	while ((option = getopt_long(options->word_count, options->words, "", options_of, NULL)) >= 0) {
		if (option == OPT_KEY)
			key = optarg;
		else if (option == OPT_SIGNER)
			signer = optarg;
		else
			return CLI_USAGE;
	}
	verb = optind < options->word_count ? options->words[optind] : "";
	path = optind + 1 < options->word_count ? options->words[optind + 1] : NULL;
	if (sodium_init() < 0)
		return CLI_FAILED;
	if (path && optind + 2 == options->word_count && strcmp(verb, "key") == 0 && !key && !signer)
		return run_key(path, options);
	if (path && optind + 2 == options->word_count && strcmp(verb, "open") == 0 && key)
		return run_open(path, key, signer, options);
	fprintf(stderr, "luytre: %s\n",
		cli_text(options, "usage: luytre hub package key FILE, or open FILE --key FILE [--signer KEY]",
			"cách dùng: luytre hub package key TỆP, hoặc open TỆP --key TỆP [--signer KHÓA]"));
	return CLI_USAGE;
}
