#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends a day of attacks to the events socket of an edge, the same at each run: what the console's test looks at.

    load.py SOCKET COUNT
"""
import datetime
import json
import random
import socket
import sys
import time

RULES = [(8100010, 'Khai thác lỗ hổng cổng dịch vụ công', 1, 'e3', 'web'), (8100020, 'Tiêm mã SQL qua tham số id', 1, 'e2', 'web'),
         (8100030, 'Dò tệp cấu hình', 2, 'e2', 'scan'), (8100040, 'Dò mật khẩu SSH', 2, 'e2', 'login'), (8100050, 'Dò cổng quản trị', 3, 'e1', 'scan')]


def event(pick, at, number):
    rule, signature, severity, evidence, kind = pick.choice(RULES)
    source = f'45.{pick.randint(1, 3)}.{pick.randint(7, 9)}.{pick.randint(1, 60)}'
    line = {'timestamp': datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%f+0000'), 'flow_id': number,
            'src_ip': source, 'src_port': pick.randint(1024, 65535), 'dest_ip': f'198.51.{100 + pick.randint(0, 11)}.{pick.randint(1, 40)}', 'dest_port': pick.choice([80, 443, 22, 8443]),
            'proto': 'TCP'}
    if number % 5 == 4:
        line |= {'event_type': 'drops', 'drops': {'reason': pick.choice(['listed', 'limit-source', 'out-of-state', 'bogon']), 'packets': pick.randint(10, 9000),
                                                    'bytes': 90000, 'shadow': False, 'estimated': True, 'tenant': 'site'}}
        return line
    return line | {'event_type': 'alert', 'flow': {'pkts_toserver': 5, 'pkts_toclient': 4}, 'alert': {
        'action': pick.choice(['blocked', 'blocked', 'blocked', 'allowed']), 'signature_id': rule, 'signature': signature, 'severity': severity,
        'metadata': {'luytre_evidence': [evidence], 'luytre_class': [kind]}},
        'http': {'hostname': 'dichvucong.example.vn', 'url': "/hoso?id=1' or 1=1--", 'http_method': 'GET', 'status': 403}}


def main(argv):
    if len(argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    pick, count, now = random.Random(20261122), int(argv[2]), time.time()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
        to.connect(argv[1])
        for number in range(count):
            # Most of it lies behind; the last tenth is of the last minutes, so that it is decided about.
            age = 86400 * (1 - number / count) if number < 0.9 * count else 60 * pick.random()
            to.send(json.dumps(event(pick, now - age, number), ensure_ascii=False).encode())
            if number % 50 == 49:
                time.sleep(0.02)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
