#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a report in the form of Nuclei (JSON lines) about the organisations of run.sh, the same at each run.

    report.py COUNT
"""
import datetime
import json
import random
import sys

WEAKNESSES = [('CVE-2021-44228', 'Apache Log4j2 Remote Code Injection', 'critical', 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H'),
              ('CVE-2022-22965', 'Spring Framework Data Binding RCE', 'critical', 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H'),
              ('CVE-2017-5638', 'Apache Struts 2 OGNL Injection', 'critical', 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H'),
              ('CVE-2020-11022', 'jQuery Cross-Site Scripting', 'medium', 'CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N'),
              ('CVE-2021-41773', 'Apache HTTP Server Path Traversal', 'high', 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N'),
              (None, 'Trang quản trị mở ra Internet', 'low', None)]


def main(argv):
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    pick, now = random.Random(20261122), datetime.datetime.now(datetime.timezone.utc)
    for number in range(int(argv[1])):
        cve, title, severity, vector = pick.choice(WEAKNESSES)
        host = f'198.51.{100 + pick.randint(0, 11)}.{pick.randint(1, 40)}'
        at = now - datetime.timedelta(days=pick.choice([0, 1, 2, 5, 12, 25, 60, 130]), minutes=number)
        line = {'template-id': cve or 'exposed-admin-panel', 'info': {'name': title, 'severity': severity, 'tags': ['web']}, 'type': 'http', 'host': f'http://{host}', 'ip': host,
                'matched-at': f'http://{host}/{pick.choice(["", "login", "dich-vu-cong", "api/ho-so"])}', 'timestamp': at.isoformat(), 'matcher-name': 'body'}
        if cve:
            line['info']['classification'] = {'cve-id': [cve], 'cvss-metrics': vector}
        print(json.dumps(line, ensure_ascii=False))
    # A title that is read from right to left, and one with a hidden character in it.
    for number, title in enumerate(['Tệp đính kèm \u202efdp.exe', 'Trang\u200b quản\u0007 trị']):
        print(json.dumps({'template-id': f'odd-title-{number}', 'info': {'name': title, 'severity': 'critical', 'tags': ['web']}, 'type': 'http', 'host': 'http://198.51.100.1', 'ip': '198.51.100.1',
                          'matched-at': f'http://198.51.100.1/{number}', 'timestamp': now.isoformat()}, ensure_ascii=False))
    print('{"broken": true')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
