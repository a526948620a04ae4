# SPDX-License-Identifier: Apache-2.0
"""What hub-faults.sh does to a hub from outside.

    hub-faults.py tell SOCKET FIRST COUNT [RULE]      events of COUNT sources, from number FIRST on, to an edge
    hub-faults.py cut PORT TARGET FILE                passes on to 127.0.0.1:TARGET, and cuts each connection after as many bytes of
                                                      answer as the file says; without the file never
    hub-faults.py consoles PORT COUNT SOCKET TOKEN... COUNT listening consoles and one that never reads
"""
import concurrent.futures
import selectors
import socket
import ssl
import sys
import threading
import time


def line(number, rule):
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    hold = ',"hold":"CVE-2021-44228"' if rule >= 8100000 else ""
    return (f'{{"timestamp":"{stamp}","event_type":"gate","src_ip":"45.1.{number // 250}.{number % 250 + 1}","src_port":{1024 + number},'
            f'"dest_ip":"198.51.100.5","dest_port":443,"proto":"TCP","gate":{{"action":"deny","wanted":"deny","shadow":false,'
            f'"rule":{rule}{hold},"reason":"rule"}},"rules":[{{"id":{rule},"msg":"Log4Shell"}}],"http":{{"url":"/{number}"}}}}').encode()


def tell(path, first, count, rule=942100):
    out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    out.connect(path)
    for number in range(int(first), int(first) + int(count)):
        out.send(line(number, int(rule)))


# ---- A line that is cut ----


def allowance(path):
    try:
        with open(path) as file:
            return int(file.read() or 0)
    except FileNotFoundError:
        return None


def pass_on(source, target, path):
    """Until either is gone; 'path' (may be None) says how much may pass."""
    left = None if path is None else allowance(path)
    try:
        while left is None or left > 0:
            data = source.recv(65536 if left is None else min(left, 65536))
            if not data:
                break
            target.sendall(data)
            left = None if left is None else left - len(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def cut(port, target, path):
    listener = socket.create_server(("0.0.0.0", int(port)))
    while True:
        near = listener.accept()[0]
        try:
            far = socket.create_connection(("127.0.0.1", int(target)))
        except OSError:
            near.close()
            continue
        threading.Thread(target=pass_on, args=(near, far, None), daemon=True).start()
        threading.Thread(target=pass_on, args=(far, near, path), daemon=True).start()


# ---- Consoles ----


def listen(context, port, token, small=False):
    plain = socket.socket()
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if small:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(20)
    plain.connect(("127.0.0.1", port))
    console = context.wrap_socket(plain)
    console.sendall(f"GET /api/v1/stream?topics=decisions,events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                    f"Authorization: Bearer {token}\r\n\r\n".encode())
    head = console.recv(4096)
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise SystemExit(f"a console was refused: {head.split(chr(13).encode())[0]!r}")
    return console


class Consoles:
    def __init__(self, context, port, count, tokens):
        self.selector = selectors.DefaultSelector()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            self.all = list(pool.map(lambda i: listen(context, port, tokens[i % len(tokens)]), range(count)))
        for console in self.all:
            console.setblocking(False)
            self.selector.register(console, selectors.EVENT_READ)

    def read(self, word, seconds, began):
        """Milliseconds until each had the word; those that did not are missing."""
        took = {}
        while len(took) < len(self.all) and time.monotonic() - began < seconds:
            for key, _ in self.selector.select(0.1):
                try:
                    while True:
                        text = key.fileobj.recv(65536)
                        if not text:
                            raise SystemExit("a console that reads was ended")
                        if word in text:
                            took.setdefault(key.fd, (time.monotonic() - began) * 1000)
                except (ssl.SSLWantReadError, BlockingIOError):
                    pass
        return sorted(took.values())


def consoles(port, count, path, *tokens):
    """Prints how many heard of a change, p50 and p99 of that in ms, and what the one that did not read hears when it does."""
    port, count = int(port), int(count)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    slow = listen(context, port, tokens[-1], small=True)
    world = Consoles(context, port, count, tokens[:-1])
    world.read(b"nothing", 1, time.monotonic())
    took, rounds, number = [], 5, 20000
    for _ in range(rounds):
        began = time.monotonic()
        tell(path, number, 1, 8100000)
        took += world.read(b"event: decisions", 10, began)
        number += 1
    took.sort()
    slow.settimeout(1)
    told = b""
    try:
        while text := slow.recv(65536):
            told += text
    except (TimeoutError, ssl.SSLError):
        pass
    late = "all" if told.count(b"event: decisions") >= rounds else "resync" if b"event: resync" in told else "too-little"
    if not took:
        took = [0.0]
    print(f"heard {len(took)} of {rounds * count} p50 {took[len(took) // 2]:.1f} p99 {took[len(took) * 99 // 100]:.1f} late {late}")


{"tell": tell, "cut": cut, "consoles": consoles}[sys.argv[1]](*sys.argv[2:])
