// SPDX-License-Identifier: Apache-2.0
/* What the test hub of edge-link.py cannot do itself: signatures.
 *
 *	edge-bundle keys			a new pair: public (base64) and secret (hex)
 *	edge-bundle pack SECRET EPOCH NUMBER	"ID PREFIX UNTIL_US" lines on stdin become a signed snapshot on stdout */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bundle.h"
#include "bus/delta.h"

static int print_keys(void)
{
	uint8_t public[BUNDLE_PUBLIC_SIZE], secret[BUNDLE_SECRET_SIZE];
	char text[64], hex[2 * BUNDLE_SECRET_SIZE + 1];

	if (bundle_keys(public, secret))
		return 1;
	sodium_bin2base64(text, sizeof(text), public, sizeof(public), sodium_base64_VARIANT_ORIGINAL);
	sodium_bin2hex(hex, sizeof(hex), secret, sizeof(secret));
	printf("%s %s\n", text, hex);
	return 0;
}

static void read_changes(struct delta_snapshot_writer *writer)
{
	struct delta_change change = { .op = DELTA_PUT, .action = DELTA_BLOCK, .reason = "web-exploit" };
	char prefix[64];
	unsigned long long id;
	long long until_us;

	while (scanf("%llu %63s %lld", &id, prefix, &until_us) == 3) {
		if (ip_prefix_parse(bytes_from_str(prefix), 0, &change.prefix))
			exit(2);
		change.id = id;
		change.until_us = until_us;
		delta_snapshot_put(writer, &change);
	}
}

static int pack(const char *secret_hex, uint64_t epoch, uint64_t number)
{
	struct bundle_file file = { .name = bytes_from_str("decisions.bin") };
	struct delta_snapshot_writer writer;
	uint8_t secret[BUNDLE_SECRET_SIZE], *out;
	size_t size;

	if (sodium_hex2bin(secret, sizeof(secret), secret_hex, strlen(secret_hex), NULL, &size, NULL) ||
		size != sizeof(secret))
		return 2;
	delta_snapshot_begin(&writer, epoch, number);
	read_changes(&writer);
	if (delta_snapshot_end(&writer, &file.content) || bundle_pack(1, 1, 0, &file, 1, secret, &out, &size))
		return 1;
	delta_snapshot_done(&writer);
	fwrite(out, 1, size, stdout);
	free(out);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "keys"))
		return print_keys();
	if (argc == 5 && !strcmp(argv[1], "pack"))
		return pack(argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
	fprintf(stderr, "edge-bundle keys | pack SECRET EPOCH NUMBER\n");
	return 2;
}
