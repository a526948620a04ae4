// SPDX-License-Identifier: Apache-2.0
/* Versions that servers show, against two tables: what is not maintained any more, and weaknesses that were widely used and can be told from a
 * version. Sources: the projects' own release pages and security advisories (named by their CVE). Distributions repair old versions
 * without another number, so a banner that names one says nothing about a CVE; what is found is a reason to look, with low confidence. */
#include <stdio.h>

#include "base/ascii.h"
#include "hub/findings/cpe.h"
#include "hub/posture/evidence/look.h"

/* Versions below 'until' are not maintained. */
static const struct {
	const char *name, *until;
} ended[] = {
	{ "nginx", "1.26" },
	{ "Apache", "2.4" },
	{ "Microsoft-IIS", "10.0" },
	{ "lighttpd", "1.4.60" },
	{ "OpenSSH", "8.0" },
	{ "PHP", "8.1" },
	{ "OpenSSL", "1.1.1" },
	{ "Apache-Coyote", "1.2" }, /* Tomcat until 8.0 */
	{ "Jetty", "10" },
	{ "ASP.NET", "4.0.30319" },
};

static const struct {
	const char *name, *from, *until; /* until: not in it any more */
	const char *cve;
} weak[] = {
	{ "Apache", "2.4.49", "2.4.50", "CVE-2021-41773" },
	{ "Apache", "2.4.50", "2.4.51", "CVE-2021-42013" },
	{ "Apache", "2.4.7", "2.4.52", "CVE-2021-44224" },
	{ "Apache", "2.4.17", "2.4.49", "CVE-2021-40438" },
	{ "nginx", "0.6.18", "1.20.1", "CVE-2021-23017" },
	{ "Microsoft-IIS", "6.0", "6.1", "CVE-2017-7269" },
	{ "OpenSSH", "8.5p1", "9.8p1", "CVE-2024-6387" },
	{ "PHP", "7.1", "7.1.33", "CVE-2019-11043" },
	{ "PHP", "7.2", "7.2.24", "CVE-2019-11043" },
	{ "PHP", "7.3", "7.3.11", "CVE-2019-11043" },
};

/* Marks of distributions in banners. */
static const char *const distributions[] = { "ubuntu", "debian", "deb", "centos", "red hat", "fedora", "el7", "el8",
	"el9", "suse", "amazon", "freebsd" };

static bool has_distribution(struct bytes banner)
{
	for (size_t i = 0; i < ARRAY_COUNT(distributions); i++)
		if (look_has(banner, distributions[i]))
			return true;
	return false;
}

static void look_product(struct look *look, struct bytes banner, struct bytes name, struct bytes version)
{
	for (size_t i = 0; i < ARRAY_COUNT(ended); i++)
		if (ascii_equal_nocase_str(name, ended[i].name) &&
			version_compare(VERSION_GENERIC, version, bytes_from_str(ended[i].until)) < 0)
			look_add(look, PERIMETER_SOFTWARE_END, "%s %.*s, maintained are versions from %s on",
				ended[i].name, (int)version.size, (const char *)version.ptr, ended[i].until);
	for (size_t i = 0; i < ARRAY_COUNT(weak) && !has_distribution(banner); i++) {
		const struct version_range range = { .from = bytes_from_str(weak[i].from),
			.until = bytes_from_str(weak[i].until) };
		struct look_found *found;

		if (!ascii_equal_nocase_str(name, weak[i].name) || !version_in(&range, version))
			continue;
		found = look_add(look, PERIMETER_SOFTWARE_CVE, "%s shows version %.*s", weak[i].name, (int)version.size,
			(const char *)version.ptr);
		if (found)
			snprintf(found->cve, sizeof(found->cve), "%s", weak[i].cve);
	}
}

static size_t word_size(struct bytes text)
{
	size_t size = 0;

	while (size < text.size && text.ptr[size] != ' ' && text.ptr[size] != '\t' && text.ptr[size] != ',')
		size++;
	return size;
}

static size_t version_size(struct bytes text)
{
	size_t size = 0;

	while (size < text.size && size < 32 &&
		(ascii_is_digit(text.ptr[size]) || text.ptr[size] == '.' ||
			(ascii_lower(text.ptr[size]) >= 'a' && ascii_lower(text.ptr[size]) <= 'z')))
		size++;
	return size;
}

void look_software(struct look *look, struct bytes banner)
{
	for (struct bytes rest = bytes_first(banner, 256); !bytes_empty(rest);) {
		struct bytes word = bytes_first(rest, word_size(rest));
		size_t slash = bytes_index(word, '/');
		size_t mark = slash < word.size ? slash : bytes_index(word, '_');
		struct bytes version = bytes_skip(word, mark + 1);

		version = bytes_first(version, version_size(version));
		if (version.size && ascii_is_digit(version.ptr[0]))
			look_product(look, banner, bytes_first(word, mark), version);
		rest = bytes_skip(rest, word.size + 1);
	}
}
