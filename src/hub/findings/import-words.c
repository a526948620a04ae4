// SPDX-License-Identifier: Apache-2.0
/* Words, numbers and addresses as scanners write them. */
#include <string.h>

#include "base/ascii.h"
#include "base/date.h"
#include "hub/findings/importer.h"

struct bytes import_trim(struct bytes text)
{
	while (text.size && text.ptr[0] <= ' ') {
		text.ptr++;
		text.size--;
	}
	while (text.size && text.ptr[text.size - 1] <= ' ')
		text.size--;
	return text;
}

/* ---- Severity ---- */

static const struct {
	const char *word;
	uint8_t severity;
} severities[] = {
	{ "critical", 4 }, { "high", 3 }, { "important", 3 }, { "serious", 3 }, { "medium", 2 }, { "moderate", 2 },
	{ "low", 1 }, { "minor", 1 }, { "negligible", 1 },
	/* All others are 0: "none", "info", "log", "unknown", "alarm" and whatever will be thought of. */
};

/* "9.8" as 98; -1 when it is no number. */
static int tenths_of(struct bytes text)
{
	int value = 0;
	size_t i = 0;

	for (; i < text.size && i < 2 && ascii_is_digit(text.ptr[i]); i++)
		value = value * 10 + (text.ptr[i] - '0');
	if (i == 0 || (i < text.size && text.ptr[i] != '.'))
		return -1;
	value *= 10;
	if (i + 1 < text.size)
		value += ascii_is_digit(text.ptr[i + 1]) ? text.ptr[i + 1] - '0' : 0;
	return value;
}

uint8_t import_severity(struct bytes word)
{
	int tenths;

	word = import_trim(word);
	for (size_t i = 0; i < ARRAY_COUNT(severities); i++) {
		if (ascii_equal_nocase_str(word, severities[i].word))
			return severities[i].severity;
	}
	tenths = tenths_of(word);
	return tenths >= 90 ? 4 : tenths >= 70 ? 3 : tenths >= 40 ? 2 : tenths >= 1 ? 1 : 0;
}

/* ---- Names and numbers ---- */

bool import_cve(struct bytes text, char ret[IMPORT_CVE_SIZE])
{
	enum { YEAR_AT = 4, NUMBER_AT = 9, DIGITS_MIN = 4, DIGITS_MAX = 19 };

	text = import_trim(text);
	if (text.size < NUMBER_AT + DIGITS_MIN || text.size > NUMBER_AT + DIGITS_MAX ||
		!ascii_starts_nocase_str(text, "CVE-") || text.ptr[NUMBER_AT - 1] != '-')
		return false;
	for (size_t i = YEAR_AT; i < text.size; i++) {
		if (i != NUMBER_AT - 1 && !ascii_is_digit(text.ptr[i]))
			return false;
	}
	memcpy(ret, "CVE-", YEAR_AT);
	memcpy(ret + YEAR_AT, text.ptr + YEAR_AT, text.size - YEAR_AT);
	ret[text.size] = '\0';
	return true;
}

bool import_port(struct bytes text, uint16_t *ret)
{
	uint32_t port = 0;

	text = import_trim(text);
	if (text.size < 1 || text.size > 5)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (!ascii_is_digit(text.ptr[i]))
			return false;
		port = port * 10 + (text.ptr[i] - '0');
	}
	if (port > UINT16_MAX)
		return false;
	*ret = (uint16_t)port;
	return true;
}

uint8_t import_protocol(struct bytes word)
{
	static const struct {
		const char *word;
		uint8_t number;
	} protocols[] = { { "tcp", 6 }, { "udp", 17 }, { "sctp", 132 }, { "icmp", 1 } };

	word = import_trim(word);
	for (size_t i = 0; i < ARRAY_COUNT(protocols); i++) {
		if (ascii_equal_nocase_str(word, protocols[i].word))
			return protocols[i].number;
	}
	return 0;
}

/* ---- Times ---- */

/* 'count' digits from 'at' on; -1 when they are not there. */
static int digits(struct bytes text, size_t at, size_t count)
{
	int value = 0;

	if (at + count > text.size)
		return -1;
	for (size_t i = at; i < at + count; i++) {
		if (!ascii_is_digit(text.ptr[i]))
			return -1;
		value = value * 10 + (text.ptr[i] - '0');
	}
	return value;
}

/* The zone's distance from UTC in seconds; false when what is there is no zone. */
static bool zone_of(struct bytes text, int *ret_s)
{
	bool colon = text.size == 6 && text.ptr[3] == ':';
	int hours, minutes;

	*ret_s = 0;
	if (bytes_empty(text) || ascii_equal_nocase_str(text, "Z") || bytes_equal_str(text, "UTC"))
		return true;
	if ((text.size != 5 && !colon) || (text.ptr[0] != '+' && text.ptr[0] != '-'))
		return false;
	hours = digits(text, 1, 2);
	minutes = digits(text, colon ? 4 : 3, 2);
	if (hours < 0 || minutes < 0)
		return false;
	*ret_s = (text.ptr[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return true;
}

static int64_t epoch_of(struct bytes text)
{
	int64_t seconds = 0;

	if (text.size < 9 || text.size > 11)
		return 0;
	for (size_t i = 0; i < text.size; i++) {
		if (!ascii_is_digit(text.ptr[i]))
			return 0;
		seconds = seconds * 10 + (text.ptr[i] - '0');
	}
	return seconds * 1000000;
}

int64_t import_time(struct bytes text)
{
	enum { SECONDS_END = 19 };
	int year, month, day, hour, minute, second, zone_s, fraction_us = 0;
	size_t at = SECONDS_END;

	text = import_trim(text);
	if (text.size < SECONDS_END)
		return epoch_of(text);
	year = digits(text, 0, 4);
	month = digits(text, 5, 2);
	day = digits(text, 8, 2);
	hour = digits(text, 11, 2);
	minute = digits(text, 14, 2);
	second = digits(text, 17, 2);
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 ||
		minute > 59 || second < 0 || second > 60 || text.ptr[4] != '-' || text.ptr[7] != '-' ||
		text.ptr[13] != ':' || text.ptr[16] != ':')
		return 0;
	if (at < text.size && text.ptr[at] == '.') {
		int scale = 100000;

		for (at++; at < text.size && ascii_is_digit(text.ptr[at]); at++, scale /= 10)
			fraction_us += (text.ptr[at] - '0') * scale;
	}
	if (!zone_of(import_trim(bytes_skip(text, at)), &zone_s))
		return 0;
	return (date_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone_s) * INT64_C(1000000) +
	       fraction_us;
}

/* ---- URLs ---- */

static uint16_t scheme_port(struct bytes scheme)
{
	static const struct {
		const char *scheme;
		uint16_t port;
	} ports[] = { { "https", 443 }, { "http", 80 }, { "wss", 443 }, { "ws", 80 }, { "ftp", 21 }, { "ssh", 22 } };

	for (size_t i = 0; i < ARRAY_COUNT(ports); i++) {
		if (ascii_equal_nocase_str(scheme, ports[i].scheme))
			return ports[i].port;
	}
	return 0;
}

static size_t index_of_any(struct bytes text, const char *wanted)
{
	size_t i = 0;

	while (i < text.size && (text.ptr[i] == '\0' || !strchr(wanted, text.ptr[i])))
		i++;
	return i;
}

/* "host", "host:port", "[address]:port" or an address with its colons. */
static void read_authority(struct bytes text, struct import_url *ret)
{
	size_t end = bytes_index(text, '@');

	if (end < text.size)
		text = bytes_skip(text, end + 1);
	if (text.size && text.ptr[0] == '[') {
		text = bytes_skip(text, 1);
		end = bytes_index(text, ']');
		ret->host = bytes_first(text, end);
		text = bytes_skip(text, end + 1);
		if (text.size && text.ptr[0] == ':')
			(void)import_port(bytes_skip(text, 1), &ret->port);
		return;
	}
	end = bytes_index(text, ':');
	ret->host = bytes_first(text, end);
	if (end == text.size)
		return;
	if (bytes_index(bytes_skip(text, end + 1), ':') < text.size - end - 1)
		ret->host = text;
	else
		(void)import_port(bytes_skip(text, end + 1), &ret->port);
}

void import_url(struct bytes text, struct import_url *ret)
{
	size_t end;

	*ret = (struct import_url){ 0 };
	text = import_trim(text);
	for (size_t i = 0; i + 2 < text.size && i < 16; i++) {
		if (memcmp(text.ptr + i, "://", 3) == 0) {
			ret->scheme = bytes_first(text, i);
			text = bytes_skip(text, i + 3);
			break;
		}
	}
	end = index_of_any(text, "/?#");
	ret->port = scheme_port(ret->scheme);
	read_authority(bytes_first(text, end), ret);
	text = bytes_skip(text, end);
	if (text.size && text.ptr[0] == '/')
		ret->path = bytes_first(text, index_of_any(text, "?#"));
}

bool import_purl(struct bytes purl, struct bytes *ret_type, struct bytes *ret_name, struct bytes *ret_version)
{
	struct bytes name, rest;
	size_t end;

	if (!ascii_starts_nocase_str(purl, "pkg:"))
		return false;
	purl = bytes_skip(purl, 4);
	purl = bytes_first(purl, index_of_any(purl, "?#"));
	end = bytes_index(purl, '/');
	*ret_type = bytes_first(purl, end);
	name = bytes_skip(purl, end + 1);
	/* The last '@': namespaces of npm begin with one. */
	rest = (struct bytes){ 0 };
	for (size_t i = name.size; i > 0; i--) {
		if (name.ptr[i - 1] == '@' && i > 1) {
			rest = bytes_skip(name, i);
			name = bytes_first(name, i - 1);
			break;
		}
	}
	for (size_t i = name.size; i > 0; i--) {
		if (name.ptr[i - 1] == '/') {
			name = bytes_skip(name, i);
			break;
		}
	}
	*ret_name = name;
	*ret_version = rest;
	return !bytes_empty(name);
}
