#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients for gate-guard.sh that curl is too well-behaved for, with nothing but sockets.

    gate-guard.py ask PORT             lines "ADDRESS AGENT METHOD PATH [BODY]" on standard input; a status for each on standard output.
                                       ADDRESS goes into X-Real-IP, which the server takes from 127.0.0.1
    gate-guard.py flood PORT ADDRESS CONNECTIONS SECONDS PATH    "STATUS COUNT" lines; ADDRESS is where the client is
    gate-guard.py slow PORT ADDRESS BYTES SECONDS                a body at BYTES a second: "SECONDS STATUS" when the server ends it
    gate-guard.py reset PORT ADDRESS STREAMS                     HTTP/2 streams that are taken back at once: how many went out
    gate-guard.py calm PORT ADDRESS STREAMS                      the same, but each is waited for: how many were answered
"""
import collections
import http.client
import socket
import struct
import sys
import threading
import time

HOST = "127.0.0.1"


def connect(port, address=HOST):
    return socket.create_connection((HOST, port), timeout=10, source_address=(address, 0))


def ask(port):
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    for line in sys.stdin:
        address, agent, method, path, *body = line.split()
        headers = {"User-Agent": agent, "X-Real-IP": address, "Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body[0] if body else None, headers)
            response = connection.getresponse()
            response.read()
            print(response.status)
        except (http.client.HTTPException, OSError):
            print("000")
            connection.close()


def flood(port, address, connections, seconds, path):
    seen = collections.Counter()
    end = time.monotonic() + float(seconds)

    def one():
        connection = http.client.HTTPConnection(HOST, port, timeout=10, source_address=(address, 0))
        while time.monotonic() < end:
            try:
                # A header that nobody may believe.
                connection.request("GET", path, headers={"X-Real-IP": "203.0.113.%d" % (time.monotonic_ns() % 250)})
                response = connection.getresponse()
                response.read()
                seen[response.status] += 1
            except (http.client.HTTPException, OSError):
                seen["000"] += 1
                connection.close()

    threads = [threading.Thread(target=one) for _ in range(int(connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for status, count in seen.items():
        print(status, count)


def slow(port, address, rate, seconds):
    connection = connect(port, address)
    start = time.monotonic()
    connection.sendall(b"POST /slow HTTP/1.1\r\nHost: bank.example\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n")
    answer = b""
    connection.settimeout(0.1)
    while time.monotonic() - start < float(seconds):
        try:
            connection.sendall(b"x" * max(int(rate) // 10, 1))
            answer = connection.recv(4096)
            break
        except socket.timeout:
            continue
        except OSError:
            break
    words = answer.split()
    print("%.1f" % (time.monotonic() - start), words[1].decode() if len(words) > 1 else "000")


# ---- HTTP/2 (RFC 9113), as little of it as it takes ----

DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def get(stream, path):
    block = b"\x82\x86" + literal(b":authority", b"bank.example") + literal(b":path", path.encode())
    return frame(HEADERS, 0x5, stream, block)


def frames(connection):
    """Until the connection ends."""
    buffer = b""
    while True:
        try:
            piece = connection.recv(65536)
        except OSError:
            return
        if not piece:
            return
        buffer += piece
        while len(buffer) >= 9:
            size = int.from_bytes(buffer[:3], "big")
            if len(buffer) < 9 + size:
                break
            yield buffer[3], buffer[4], int.from_bytes(buffer[5:9], "big"), buffer[9 : 9 + size]
            buffer = buffer[9 + size :]


def open_http2(port, address):
    connection = connect(port, address)
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, b"") + frame(SETTINGS, 1, 0, b""))
    return connection


def reset(port, address, streams):
    connection = open_http2(port, address)
    sent = 0
    try:
        for i in range(int(streams)):
            stream = 2 * i + 1
            connection.sendall(get(stream, "/wait/") + frame(RST_STREAM, 0, stream, struct.pack(">I", 8)))
            sent += 1
            time.sleep(0.002)
    except OSError:
        pass
    print(sent)


def calm(port, address, streams):
    connection = open_http2(port, address)
    answered = 0
    connection.sendall(get(1, "/"))
    for kind, flags, stream, _ in frames(connection):
        if kind == GOAWAY:
            break
        if stream == 0 or kind not in (DATA, HEADERS) or not flags & 1:
            continue
        answered += 1
        if answered == int(streams):
            break
        connection.sendall(get(stream + 2, "/"))
    print(answered)


if __name__ == "__main__":
    {"ask": ask, "flood": flood, "slow": slow, "reset": reset, "calm": calm}[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])
