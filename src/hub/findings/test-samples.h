// SPDX-License-Identifier: Apache-2.0
/* What the samples of tests/fuzz/import say, for test-importers.c: a line a record, fields that are empty left out. */
#pragma once

#include <stdint.h>

static const struct {
	const char *name; /* of the file */
	const char *format, *tool, *tool_version, *target;
	int64_t scanned_s;
	const char *records;
	const char *refused; /* with the position */
} samples[] = {
	{
		.name = "nmap",
		.format = "nmap",
		.tool = "nmap",
		.tool_version = "7.95",
		.target = "",
		.scanned_s = 1795000000,
		.records =
			"weakness target=www.example.gov.vn address=192.0.2.10 port=22 protocol=6 service=ssh "
			"cve=CVE-2023-38408 rule=vulners word=9.8 severity=4 confidence=30 product=OpenSSH version=7.4 "
			"cpe=cpe:/a:openbsd:openssh:7.4 evidence=_  cpe:/a:openbsd:openssh:7.4:  time=1795000010\n"
			"weakness target=www.example.gov.vn address=192.0.2.10 port=22 protocol=6 service=ssh "
			"cve=CVE-2018-15473 rule=vulners word=5.0 severity=2 confidence=30 product=OpenSSH version=7.4 "
			"cpe=cpe:/a:openbsd:openssh:7.4 evidence=_  cpe:/a:openbsd:openssh:7.4:  time=1795000010\n"
			"service target=www.example.gov.vn address=192.0.2.10 port=22 protocol=6 service=ssh "
			"confidence=100 product=OpenSSH version=7.4 cpe=cpe:/a:openbsd:openssh:7.4 evidence=protocol "
			"2.0 & old time=1795000010\n"
			"service target=www.example.gov.vn address=192.0.2.10 port=443 protocol=6 service=https "
			"confidence=30 time=1795000010\n"
			"service target=www.example.gov.vn address=192.0.2.10 port=993 protocol=6 service=ssl/imap "
			"confidence=100 product=Dovecot time=1795000010\n"
			"weakness target=www.example.gov.vn address=192.0.2.10 port=80 protocol=6 service=http "
			"cve=CVE-2017-7679 rule=vulners word=7.5 severity=3 confidence=30 product=Apache httpd "
			"version=2.4.6 evidence=_  cpe:/a:apache:http_server:2.4.6: _    "
			"_CVE-2017-7679_7.5_https://vulners.example/CVE-2017-7679_ time=1795000010\n"
			"service target=www.example.gov.vn address=192.0.2.10 port=80 protocol=6 service=http "
			"confidence=100 product=Apache httpd version=2.4.6 time=1795000010\n"
			"weakness target=www.example.gov.vn address=192.0.2.10 cve=CVE-2017-0143 "
			"rule=smb-vuln-ms17-010 title=Remote Code Execution vulnerability in SMBv1 word=VULNERABLE "
			"confidence=80 see=https://advisory.example/ms17-010 evidence=VULNERABLE: remote code "
			"time=1795000010\n"
			"weakness target=www.example.gov.vn address=192.0.2.10 rule=vuln-two title=Shown "
			"word=VULNERABLE (Exploitable) confidence=80 exploited=1 evidence=x time=1795000010\n"
			"weakness target=www.example.gov.vn address=192.0.2.10 rule=vuln-two title=Perhaps word=LIKELY "
			"VULNERABLE confidence=50 evidence=x time=1795000010\n"
			"service target=2001:db8::1 address=2001:db8::1 port=36412 protocol=132\n"
			"",
		.refused = "1799 port: no number, or no known protocol\n"
			   "1871 port: no number, or no known protocol\n"
			   "",
	},
	{
		.name = "nuclei",
		.format = "nuclei",
		.tool = "nuclei",
		.tool_version = "",
		.target = "",
		.scanned_s = 0,
		.records = "weakness target=app.example.gov.vn address=198.51.100.7 port=8443 protocol=6 service=https "
			   "path=/ho-so cve=CVE-2021-44228 rule=CVE-2021-44228 title=Log injection word=critical "
			   "severity=4 cvss=CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H confidence=80 exploited=1 "
			   "cpe=cpe:2.3:a:apache:log4j:*:*:*:*:*:*:*:* see=https://advisory.example/1 "
			   "see=https://advisory.example/2 evidence=at: "
			   "https://app.example.gov.vn:8443/ho-so?x=1_extracted: a b_GET / HTTP/1.1___HTTP/1.1 200 "
			   "OK___tail_ time=1795138200\n"
			   "weakness target=www.example.gov.vn port=80 protocol=6 service=http path=/ "
			   "rule=http-missing-security-headers:x-frame-options title=Missing headers word=info "
			   "confidence=80 see=https://advisory.example/h evidence=at: "
			   "http://www.example.gov.vn/_matcher: x-frame-options_\n"
			   "service target=www.example.gov.vn port=443 protocol=6 service=https rule=tech-detect:nginx "
			   "title=Wappalyzer word=info confidence=80 product=nginx evidence=at: "
			   "https://www.example.gov.vn_matcher: nginx_\n"
			   "weakness target=2001:db8::7 port=22 protocol=6 cve=CVE-2020-0001 rule=two title=Two at "
			   "once word=High severity=3 confidence=80 evidence=at: [2001:db8::7]:22_\n"
			   "weakness target=2001:db8::7 port=22 protocol=6 cve=CVE-2020-0002 rule=two title=Two at "
			   "once word=High severity=3 confidence=80 evidence=at: [2001:db8::7]:22_\n"
			   "weakness target=example.gov.vn rule=old-form title=Old word=unknown confidence=80 "
			   "evidence=at: example.gov.vn_\n"
			   "",
		.refused = "5 syntax: invalid token near 'this'\n"
			   "6 template-id, info: not there\n"
			   "7 host, matched-at: not there\n"
			   "",
	},
	{
		.name = "nuclei-array",
		.format = "nuclei",
		.tool = "nuclei",
		.tool_version = "",
		.target = "",
		.scanned_s = 0,
		.records = "weakness target=192.0.2.5 address=192.0.2.5 port=6379 protocol=6 rule=one title=One "
			   "word=medium severity=2 confidence=80 evidence=at: 192.0.2.5:6379_\n"
			   "weakness target=192.0.2.6 port=80 protocol=6 service=http path=/a/b rule=two title=Twồ "
			   "word=low severity=1 confidence=80 evidence=at: http://192.0.2.6/a/b?c#d_\n"
			   "",
		.refused = "168 template-id, info: not there\n"
			   "",
	},
	{
		.name = "openvas",
		.format = "openvas",
		.tool = "openvas",
		.tool_version = "22.4",
		.target = "",
		.scanned_s = 1795136400,
		.records = "weakness target=mail.example.gov.vn address=192.0.2.20 port=443 protocol=6 "
			   "cve=CVE-2011-3389 rule=1.3.6.1.4.1.25623.1.0.117274 title=TLS 1.0 and 1.1 detection "
			   "word=Medium severity=2 cvss=AV:N/AC:M/Au:N/C:P/I:N/A:N confidence=98 "
			   "see=https://advisory.example/tls evidence=Found TLSv1.0 <here> time=1795138200\n"
			   "weakness target=mail.example.gov.vn address=192.0.2.20 port=443 protocol=6 "
			   "cve=CVE-2015-0204 rule=1.3.6.1.4.1.25623.1.0.117274 title=TLS 1.0 and 1.1 detection "
			   "word=Medium severity=2 cvss=AV:N/AC:M/Au:N/C:P/I:N/A:N confidence=98 "
			   "see=https://advisory.example/tls evidence=Found TLSv1.0 <here> time=1795138200\n"
			   "service target=192.0.2.20 address=192.0.2.20 protocol=6 rule=1.3.6.1.4.1.25623.1.0.900239 "
			   "title=Traceroute word=Log confidence=80 evidence=hops\n"
			   "weakness target=192.0.2.21 address=192.0.2.21 port=443 protocol=6 service=https "
			   "cve=CVE-2014-0160 rule=1.3.6.1.4.1.25623.1.0.1 title=Old form word=High severity=4 "
			   "cvss=AV:N/AC:L/Au:N/C:P/I:N/A:N\n"
			   "weakness target=192.0.2.21 address=192.0.2.21 port=443 protocol=6 service=https "
			   "cve=CVE-2014-0224 rule=1.3.6.1.4.1.25623.1.0.1 title=Old form word=High severity=4 "
			   "cvss=AV:N/AC:L/Au:N/C:P/I:N/A:N\n"
			   "weakness target=192.0.2.23 address=192.0.2.23 port=53 protocol=17 rule=1.2.3 title=No "
			   "number word=Low severity=1\n"
			   "",
		.refused = "1697 host: not there\n"
			   "1803 port: neither a number nor \"general\"\n"
			   "",
	},
	{
		.name = "nessus",
		.format = "nessus",
		.tool = "nessus",
		.tool_version = "",
		.target = "",
		.scanned_s = 0,
		.records = "weakness target=files.example.gov.vn address=192.0.2.30 port=443 protocol=6 service=www "
			   "cve=CVE-2023-45802 rule=193421 title=Apache 2.4.x < 2.4.58 word=4 severity=4 "
			   "cvss=CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H version=2.4.57 "
			   "cpe=cpe:/a:apache:http_server fixed=2.4.58 see=https://advisory.example/a "
			   "see=https://advisory.example/b evidence=URL               : https://files.example.gov.vn/_ "
			   " Installed version : 2.4.57_  Fixed version     : 2.4.58 time=1795000000\n"
			   "weakness target=files.example.gov.vn address=192.0.2.30 port=443 protocol=6 service=www "
			   "cve=CVE-2023-43622 rule=193421 title=Apache 2.4.x < 2.4.58 word=4 severity=4 "
			   "cvss=CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H version=2.4.57 "
			   "cpe=cpe:/a:apache:http_server fixed=2.4.58 see=https://advisory.example/a "
			   "see=https://advisory.example/b evidence=URL               : https://files.example.gov.vn/_ "
			   " Installed version : 2.4.57_  Fixed version     : 2.4.58 time=1795000000\n"
			   "service target=files.example.gov.vn address=192.0.2.30 protocol=6 service=general "
			   "rule=19506 title=Scan Information word=0 evidence=words time=1795000000\n"
			   "weakness target=files.example.gov.vn address=192.0.2.30 port=25 protocol=6 service=smtp "
			   "rule=57582 title=Self-signed word=2 severity=2 cvss=CVSS2#AV:N/AC:L/Au:N/C:P/I:P/A:N "
			   "time=1795000000\n"
			   "weakness target=plain port=161 protocol=17 service=snmp rule=41028 title=Default community "
			   "word=3 severity=3\n"
			   "",
		.refused = "1663 port: no number\n"
			   "1755 severity: not 0 to 4\n"
			   "1834 pluginID: not there\n"
			   "",
	},
	{
		.name = "trivy",
		.format = "trivy",
		.tool = "trivy",
		.tool_version = "",
		.target = "registry.example/app:1",
		.scanned_s = 1795143600,
		.records = "component target=registry.example/app:1 product=libc6 version=2.36-9 "
			   "purl=pkg:deb/debian/libc6@2.36-9 evidence=registry.example/app:1 (debian 12)\n"
			   "weakness target=registry.example/app:1 cve=CVE-2023-4911 rule=CVE-2023-4911 title=buffer "
			   "overflow word=HIGH severity=3 cvss=CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H "
			   "product=libc6 version=2.36-9 purl=pkg:deb/debian/libc6@2.36-9 fixed=2.36-9+deb12u3 "
			   "see=https://avd.example/1 see=https://r.example/1 evidence=registry.example/app:1 (debian "
			   "12)\n"
			   "statement target=registry.example/app:1 cve=CVE-2010-4756 rule=CVE-2010-4756 word=LOW "
			   "severity=1 product=libc6 version=2.36-9 statement=2 evidence=registry.example/app:1 "
			   "(debian 12)\n"
			   "weakness target=registry.example/app:1 cve=CVE-2019-1010022 rule=CVE-2019-1010022 "
			   "word=UNKNOWN product=libc6 version=2.36-9 evidence=registry.example/app:1 (debian 12)\n"
			   "weakness target=registry.example/app:1 rule=DS002 title=root user word=HIGH severity=3 "
			   "see=https://avd.example/ds002 evidence=Specify a user\n"
			   "weakness target=registry.example/app:1 rule=private-key title=Asymmetric Private Key "
			   "word=CRITICAL severity=4\n"
			   "",
		.refused = "1151 VulnerabilityID, PkgName: not there\n"
			   "",
	},
	{
		.name = "trivy-legacy",
		.format = "trivy",
		.tool = "trivy",
		.tool_version = "",
		.target = "",
		.scanned_s = 0,
		.records = "weakness target=app (alpine 3.10) cve=CVE-2019-14697 rule=CVE-2019-14697 word=CRITICAL "
			   "severity=4 product=musl version=1.1.22-r2 fixed=1.1.22-r3 evidence=app (alpine 3.10)\n"
			   "",
		.refused = "",
	},
	{
		.name = "trivy-cluster",
		.format = "trivy",
		.tool = "trivy",
		.tool_version = "",
		.target = "hanoi-1",
		.scanned_s = 0,
		.records = "weakness target=portal rule=GHSA-xxxx-yyyy-zzzz word=MEDIUM severity=2 "
			   "cvss=AV:N/AC:L/Au:N/C:P/I:N/A:N product=lib version=1 evidence=portal:2\n"
			   "weakness target=hanoi-1 cve=CVE-2026-0001 rule=CVE-2026-0001 product=kernel version=6\n"
			   "",
		.refused = "",
	},
	{
		.name = "grype",
		.format = "grype",
		.tool = "grype",
		.tool_version = "0.80.0",
		.target = "registry.example/app:1",
		.scanned_s = 1795143600,
		.records = "weakness cve=CVE-2021-44228 rule=GHSA-jfh8-c2jp-5v3q title=Remote code word=Critical "
			   "severity=4 cvss=CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H product=log4j-core "
			   "version=2.14.1 cpe=cpe:2.3:a:apache:log4j:2.14.1:*:*:*:*:*:*:* "
			   "purl=pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1 fixed=2.15.0 "
			   "see=https://github.example/GHSA see=https://u.example/1\n"
			   "weakness cve=CVE-2005-2541 rule=CVE-2005-2541 word=Negligible severity=1 "
			   "cvss=CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H product=tar version=1.34\n"
			   "",
		.refused = "1011 vulnerability.id, artifact.name: not there\n"
			   "",
	},
	{
		.name = "cyclonedx",
		.format = "cyclonedx",
		.tool = "",
		.tool_version = "",
		.target = "portal",
		.scanned_s = 1795143600,
		.records =
			"component product=log4j-core version=2.14.1 cpe=cpe:2.3:a:apache:log4j:2.14.1:*:*:*:*:*:*:* "
			"purl=pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1\n"
			"component product=inner version=1\n"
			"weakness cve=CVE-2021-44228 rule=CVE-2021-44228 word=critical severity=4 "
			"cvss=CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H product=log4j-core version=2.14.1 "
			"cpe=cpe:2.3:a:apache:log4j:2.14.1:*:*:*:*:*:*:* "
			"purl=pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1 "
			"see=https://nvd.example/CVE-2021-44228\n"
			"weakness cve=CVE-2021-44228 rule=CVE-2021-44228 word=critical severity=4 "
			"cvss=CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H product=inner version=1 "
			"see=https://nvd.example/CVE-2021-44228\n"
			"weakness cve=CVE-2021-44228 rule=CVE-2021-44228 word=critical severity=4 "
			"cvss=CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H product=left-pad version=1.0.0 "
			"purl=pkg:npm/%40scope/left-pad@1.0.0?x=y see=https://nvd.example/CVE-2021-44228\n"
			"statement cve=CVE-2020-0001 rule=CVE-2020-0001 word=low severity=1 product=inner version=1 "
			"statement=2 why=code_not_reachable\n"
			"weakness cve=CVE-2020-0002 rule=CVE-2020-0002 product=unknown-ref statement=1\n"
			"statement cve=CVE-2020-0003 rule=CVE-2020-0003 statement=4\n"
			"statement cve=CVE-2020-0004 rule=CVE-2020-0004 statement=3\n"
			"",
		.refused = "530 component: no name\n"
			   "1442 vulnerability: no id\n"
			   "",
	},
	{
		.name = "cyclonedx-xml",
		.format = "cyclonedx-xml",
		.tool = "",
		.tool_version = "",
		.target = "portal",
		.scanned_s = 1795143600,
		.records =
			"component product=log4j-core version=2.14.1 cpe=cpe:2.3:a:apache:log4j:2.14.1:*:*:*:*:*:*:* "
			"purl=pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1\n"
			"component product=inner version=1\n"
			"weakness cve=CVE-2021-44228 rule=CVE-2021-44228 word=critical severity=4 "
			"cvss=CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H product=log4j-core version=2.14.1 "
			"cpe=cpe:2.3:a:apache:log4j:2.14.1:*:*:*:*:*:*:* "
			"purl=pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1 "
			"see=https://nvd.example/CVE-2021-44228\n"
			"weakness cve=CVE-2021-44228 rule=CVE-2021-44228 word=critical severity=4 "
			"cvss=CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H product=inner version=1 "
			"see=https://nvd.example/CVE-2021-44228\n"
			"statement cve=CVE-2020-0001 rule=CVE-2020-0001 word=low severity=1 product=inner version=1 "
			"statement=2 why=code_not_present\n"
			"",
		.refused = "733 component: no name\n"
			   "1590 vulnerability: no id\n"
			   "",
	},
	{
		.name = "csaf",
		.format = "csaf",
		.tool = "Example Supplier",
		.tool_version = "2.0",
		.target = "Advisory 7",
		.scanned_s = 1795143600,
		.records =
			"statement cve=CVE-2026-1000 title=Scripting word=Important severity=3 "
			"cvss=CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N product=Example Gateway 1.0 version=1.0 "
			"cpe=cpe:2.3:a:example:gateway:1.0:*:*:*:*:*:*:* purl=pkg:generic/gateway@1.0 statement=1 "
			"see=https://supplier.example/es-7\n"
			"statement cve=CVE-2026-1000 title=Scripting word=Important severity=3 product=Example Gateway "
			"2.0 statement=2 why=inline_mitigations_already_exist see=https://supplier.example/es-7\n"
			"statement cve=CVE-2026-1000 title=Scripting word=Important severity=3 product=Gateway 1.0 on "
			"2.0 statement=2 why=vulnerable_code_not_present see=https://supplier.example/es-7\n"
			"statement rule=EX-9 word=Important severity=3 product=P9 statement=3\n"
			"statement rule=EX-9 word=Important severity=3 product=Example Gateway 1.0 version=1.0 "
			"cpe=cpe:2.3:a:example:gateway:1.0:*:*:*:*:*:*:* purl=pkg:generic/gateway@1.0 statement=4\n"
			"",
		.refused = "755 product: no product_id\n"
			   "1619 cve, ids: not there\n"
			   "",
	},
};
