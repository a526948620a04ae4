// SPDX-License-Identifier: Apache-2.0
/* Reads a made-up report of so many megabytes for each of some formats, without the report ever being somewhere as a
 * whole, and says how fast it was and how much memory the program had at most. It fails when that is above the
 * bound.
 *
 *	bench-import MEGABYTES */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "hub/findings/importer.h"

enum { PIECE_SIZE = 64 << 10, RSS_MAX_MB = 64 };

struct form {
	const char *format, *begin, *end;
	const char *element; /* with two numbers in it: of a host, and of its last part */
	uint64_t records; /* of one element */
};

static const struct form forms[] = {
	{ "nuclei", "", "",
		"{\"template-id\":\"CVE-2021-%05u\",\"info\":{\"name\":\"Something\",\"severity\":\"high\",\"tags\":["
		"\"cve\"],"
		"\"reference\":[\"https://advisory.example/1\"],\"classification\":{\"cve-id\":[\"cve-2021-44228\"],"
		"\"cvss-metrics\":\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H\"}},\"type\":\"http\",\"host\":"
		"\"https://h%u.example.gov.vn\",\"matched-at\":\"https://h.example.gov.vn/a?b=c\",\"timestamp\":"
		"\"2026-11-20T08:30:00+07:00\",\"request\":\"GET / HTTP/1.1\\r\\nHost: h.example.gov.vn\\r\\n\\r\\n\","
		"\"response\":\"HTTP/1.1 200 OK\\r\\nServer: nginx\\r\\n\\r\\n<html>words and words and "
		"words</html>\"}\n",
		1 },
	{ "nmap", "<?xml version=\"1.0\"?>\n<!DOCTYPE nmaprun>\n<nmaprun scanner=\"nmap\" version=\"7.95\">\n",
		"</nmaprun>\n",
		"<host starttime=\"1795000010\"><status state=\"up\" reason=\"syn-ack\"/><address addr=\"10.%u.0.%u\" "
		"addrtype=\"ipv4\"/><ports><port protocol=\"tcp\" portid=\"22\"><state state=\"open\" "
		"reason=\"syn-ack\"/>"
		"<service name=\"ssh\" product=\"OpenSSH\" version=\"7.4\" "
		"conf=\"10\"><cpe>cpe:/a:openbsd:openssh:7.4</cpe>"
		"</service><script id=\"vulners\" output=\"words\"><table key=\"cpe:/a:openbsd:openssh:7.4\"><table>"
		"<elem key=\"cvss\">9.8</elem><elem key=\"id\">CVE-2023-38408</elem><elem "
		"key=\"type\">cve</elem></table>"
		"</table></script></port><port protocol=\"tcp\" portid=\"80\"><state state=\"open\"/><service "
		"name=\"http\"/>"
		"</port></ports></host>\n",
		3 },
};

static int on_record(void *context, const struct record *record)
{
	return record->target.size ? 0 : LUYTRE_E_INVALID;
}

static long rss_max_mb(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss / 1024;
}

static int feed_text(struct import *import, const char *text)
{
	return import_feed(import, bytes_from_str(text));
}

static int run(const struct form *form, uint64_t wanted_bytes)
{
	const struct import_sink sink = { NULL, on_record, NULL };
	static char piece[PIECE_SIZE];
	struct import_result result;
	struct import *import;
	uint64_t elements = 0, bytes = 0;
	uint64_t before_ns = clock_mono_ns(), took_us;
	int error = import_begin(NULL, &sink, &import);

	if (error)
		return error;
	error = feed_text(import, form->begin);
	while (bytes < wanted_bytes && !error) {
		size_t size = 0;

		while (size + 2048 < sizeof(piece)) {
			/* The form's own text is the format. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			size += (size_t)snprintf(piece + size, sizeof(piece) - size, form->element,
				(unsigned int)(elements % 99999), (unsigned int)(elements % 251));
#pragma GCC diagnostic pop
			elements++;
		}
		bytes += size;
		error = import_feed(import, bytes_of(piece, size));
	}
	/* Its error is also that of the end. */
	if (!error)
		(void)feed_text(import, form->end);
	error = import_end(import, &result, NULL);
	took_us = (clock_mono_ns() - before_ns) / 1000;
	printf("%s: %.1f MB, %llu records, %llu refused, %.1f s, %.1f MB/s, %.0f records/s, at most %ld MB of memory\n",
		form->format, (double)result.bytes / 1e6, (unsigned long long)result.records,
		(unsigned long long)result.refused, (double)took_us / 1e6, (double)result.bytes / (double)took_us,
		(double)result.records * 1e6 / (double)took_us, rss_max_mb());
	return error || result.records != elements * form->records || result.refused ? LUYTRE_E_INVALID : 0;
}

int main(int argc, char **argv)
{
	uint64_t megabytes = argc > 1 ? strtoull(argv[1], NULL, 10) : 20;
	int failed = 0;

	for (size_t i = 0; i < ARRAY_COUNT(forms); i++)
		failed |= run(&forms[i], megabytes << 20) != 0;
	if (!UNDER_SANITIZER && rss_max_mb() > RSS_MAX_MB) {
		fprintf(stderr, "more than %d MB of memory\n", RSS_MAX_MB);
		failed = 1;
	}
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
