# SPDX-License-Identifier: Apache-2.0
"""A hub for edge-link.sh: what docs/edge-hub.md says, in as few lines as will do, and a scenario that breaks it on purpose.

    edge-link.py LUYTRE EDGE_BUNDLE DIR

Runs in the namespace of the edge. The sender of packets is a thread that has gone over to the namespace `home`."""
import base64
import ctypes
import hashlib
import http.server
import json
import os
import queue
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

LUYTRE, BUNDLE, DIR = sys.argv[1:4]
PORT = 8444
URL = f"https://127.0.0.1:{PORT}"
CONFIG = f"{DIR}/luytre.yaml"
SERVICE = ("198.51.100.10", 5000)
MS = 1000


def real_us():
    return time.time_ns() // 1000


def check(what, good):
    print(("ok: " if good else "FAILED: ") + what)
    return good


def figure(name, value, unit, wanted, floor):
    print(f"figure\t{name}\t{value:.1f}\t{unit}\t<=\t{wanted}\t{floor}")


def wait_for(what, condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    check(what, False)
    return False


def run(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, **options).stdout


# ---- Certificates ----


class Authority:
    def __init__(self, name):
        self.base = f"{DIR}/{name}"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
            "-keyout", self.base + ".key", "-out", self.base + ".pem")
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=hub",
            "-keyout", self.base + "-hub.key", "-out", self.base + "-hub.csr")
        with open(self.base + "-hub.pem", "wb") as chain:
            chain.write(self.sign(open(self.base + "-hub.csr").read(), "subjectAltName=IP:127.0.0.1"))
            chain.write(open(self.base + ".pem", "rb").read())

    def sign(self, request, extension, days=2):
        with open(self.base + ".ext", "w") as file:
            file.write("basicConstraints=critical,CA:FALSE\n" + extension + "\n")
        return run("openssl", "x509", "-req", "-CA", self.base + ".pem", "-CAkey", self.base + ".key", "-days", str(days), "-extfile",
                   self.base + ".ext", "-set_serial", str(time.time_ns()), input=request.encode())

    def pem(self):
        return open(self.base + ".pem").read()

    def fingerprint(self):
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.pem())).digest()


# ---- The hub ----


class State:
    """What outlives a restart of the hub."""

    def __init__(self):
        self.lock = threading.Lock()
        self.batches = {}  # (boot, seq) -> lines
        self.order = []
        self.repeated = 0
        self.lost = 0
        self.epoch, self.number = 1, 0
        self.decisions = {}
        self.streams = []
        self.acks = []  # (epoch, number, when)
        self.delay = 0
        self.fail = 0  # so many batches are stored, but the answer gets lost
        self.snapshots = 0
        self.renewed = []
        self.shown = set()  # serial numbers of certificates
        self.public, self.secret = run(BUNDLE, "keys").decode().split()
        self.token = b"\x17" * 32

    def change(self, changes, jump=0):
        """Numbers and sends changes; returns when they left."""
        with self.lock:
            start = self.number
            self.number += len(changes) + jump
            for one in changes:
                if one["op"] == "put":
                    self.decisions[one["id"]] = one
                else:
                    self.decisions.pop(one["id"], None)
            data = {"epoch": self.epoch, "from": start, "to": self.number, "changes": changes}
            for stream in self.streams:
                stream.put(("decisions", data))
            return time.monotonic(), self.number

    def snapshot(self):
        with self.lock:
            self.snapshots += 1
            lines = "".join(f"{d['id']} {d['prefix']} {d['until']}\n" for d in self.decisions.values())
            return run(BUNDLE, "pack", self.secret, str(self.epoch), str(self.number), input=lines.encode())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *words):
        pass

    def setup(self):
        self.request.settimeout(30)
        self.request.do_handshake()
        super().setup()

    def answer(self, status, body=b"", kind="application/json"):
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        state = self.server.state
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/edge/v1/enrol":
            return self.enrol(state, json.loads(body))
        if not self.request.getpeercert():
            return self.answer(401)
        state.shown.add(int(self.request.getpeercert()["serialNumber"], 16))
        if self.path == "/edge/v1/batches":
            return self.batch(state, body)
        if self.path == "/edge/v1/renew":
            return self.renew(state, json.loads(body))
        ack = json.loads(body)
        state.acks.append((ack["epoch"], ack["number"], time.monotonic()))
        self.answer(204)

    def enrol(self, state, body):
        token = "ltedge1." + base64.urlsafe_b64encode(state.token + self.server.authority.fingerprint()).decode().rstrip("=")
        if body["token"] != token:
            return self.answer(403, {"title": "no such token"})
        certificate = self.server.authority.sign(body["csr"], "extendedKeyUsage=clientAuth").decode()
        self.answer(201, {"edge": 12, "certificate": certificate, "authority": self.server.authority.pem(), "keys": [state.public]})

    def renew(self, state, body):
        certificate = self.server.authority.sign(body["csr"], "extendedKeyUsage=clientAuth", 30).decode()
        state.renewed.append(certificate)
        self.answer(200, {"certificate": certificate, "authority": self.server.authority.pem(), "keys": [state.public]})

    def batch(self, state, body):
        if state.delay:
            time.sleep(state.delay)
        lines = subprocess.run(["zstd", "-dc"], input=body, capture_output=True, check=True).stdout.splitlines()
        head = json.loads(lines[0])
        with state.lock:
            key = (head["boot"], head["seq"])
            if key in state.batches:
                state.repeated += 1
            else:
                state.batches[key] = [json.loads(line) for line in lines[1:]]
                state.order.append(key)
            state.lost = head["lost"]
            if state.fail:
                state.fail -= 1
                return self.connection.close()
        self.answer(200, {"acked": head["seq"], "policy": 0, "epoch": state.epoch, "number": state.number})

    def do_GET(self):
        state = self.server.state
        if not self.request.getpeercert():
            return self.answer(401)
        if self.path == "/edge/v1/decisions":
            return self.answer(200, state.snapshot(), "application/octet-stream")
        if self.path == "/edge/v1/policy":
            return self.answer(404)
        if self.path != "/edge/v1/stream?topics=decisions,policy":
            return self.answer(400)
        self.stream(state)

    def stream(self, state):
        events = queue.Queue()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        with state.lock:
            events.put(("decisions", {"epoch": state.epoch, "from": state.number, "to": state.number, "changes": []}))
            state.streams.append(events)
        try:
            while not self.server.over:
                try:
                    name, data = events.get(timeout=1)
                    text = f"event: {name}\ndata: {json.dumps(data)}\n\n"
                except queue.Empty:
                    text = ": alive\n"
                self.wfile.write(text.encode())
                self.wfile.flush()
        except OSError:
            pass
        with state.lock:
            state.streams.remove(events)
        self.close_connection = True


class Hub(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, state, authority):
        super().__init__(("127.0.0.1", PORT), Handler)
        self.state, self.authority, self.over, self.open = state, authority, False, set()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(authority.base + "-hub.pem", authority.base + "-hub.key")
        context.load_verify_locations(authority.base + ".pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        self.context = context
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def get_request(self):
        connection, address = super().get_request()
        connection = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self.open.add(connection)
        return connection, address

    def handle_error(self, request, address):
        pass  # a broken connection is part of the test

    def kill(self):
        self.over = True
        self.shutdown()
        self.server_close()
        for connection in self.open:
            try:
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                pass
        self.open.clear()
        time.sleep(0.1)


# ---- The edge ----


class Edge:
    def start(self):
        self.log = open(f"{DIR}/luytre.log", "ab")
        self.process = subprocess.Popen([LUYTRE, "run", "--config", CONFIG], stderr=self.log)
        wait_for("the daemon runs", lambda: subprocess.run([LUYTRE, "status"], capture_output=True).returncode == 0)

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait()

    def link_pid(self):
        """The link is the child of the keeper, which is a child of the daemon."""
        def child(pid):
            return open(f"/proc/{pid}/task/{pid}/children").read().split()
        for keeper in child(self.process.pid):
            for link in child(keeper):
                return int(link)
        return None


def status():
    try:
        return json.loads(run(LUYTRE, "edge", "status", "--json", "--config", CONFIG))
    except (subprocess.CalledProcessError, ValueError):
        return {}


class Events:
    """Numbered events into the edge's socket; waits where the edge is not there."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sent = 0
        self.times = []

    def send(self, event):
        while True:
            try:
                self.socket.sendto(json.dumps(event).encode(), f"{DIR}/events.sock")
                return
            except OSError:
                time.sleep(0.01)

    def count(self, number, pause=0.002):
        for _ in range(number):
            self.send({"timestamp": "2026-11-22T13:08:30.157786+0700", "event_type": "alert", "n": self.sent})
            self.times.append(time.monotonic())
            self.sent += 1
            time.sleep(pause)


def received(state):
    with state.lock:
        return [line["n"] for key in state.order for line in state.batches[key] if "n" in line]


class Packets:
    """Datagrams from chosen sources in `home`, a thousand a second, and when the last of them came through."""

    def __init__(self):
        self.source, self.over, self.last = None, False, {}
        threading.Thread(target=self.send, daemon=True).start()
        threading.Thread(target=self.take, daemon=True).start()

    def send(self):
        if ctypes.CDLL(None, use_errno=True).setns(os.open("/run/netns/home", os.O_RDONLY), 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")
        sockets = {}
        while not self.over:
            source = self.source
            if source:
                if source not in sockets:
                    sockets[source] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    sockets[source].bind((source, 0))
                sockets[source].sendto(b"x" * 32, SERVICE)
            time.sleep(0.001)

    def take(self):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(SERVICE)
        while True:
            _, (source, _) = server.recvfrom(100)
            self.last[source] = time.monotonic()

    def passes(self, source, seconds=3):
        """Whether packets come through at some time soon."""
        self.source = source
        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            if self.last.get(source, 0) > begin:
                return True
            time.sleep(0.002)
        return False

    def stops(self, source, seconds=3):
        """When the last packet came, once 100 ms passed without one; None: they go on coming."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if time.monotonic() - self.last.get(source, 0) > 0.1:
                return self.last.get(source, 0)
            time.sleep(0.005)
        return None


def put(number, source, seconds):
    return {"op": "put", "id": str(number), "prefix": f"{source}/32", "action": "block", "tenant": 0,
            "until": real_us() + int(seconds * 1e6), "reason": "web-exploit"}


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


# ---- The scenario ----


def enrolment(state, authority, other):
    words = [LUYTRE, "edge", "enrol", URL, "--config", CONFIG, "--token"]

    def token(secret, of):
        return "ltedge1." + base64.urlsafe_b64encode(secret + of.fingerprint()).decode().rstrip("=")

    wrong = subprocess.run(words + [token(state.token, other)], capture_output=True)
    check("a hub that the token does not name is refused", wrong.returncode == 1 and not os.path.exists(f"{DIR}/state/hub/identity.json"))
    wrong = subprocess.run(words + [token(b"\0" * 32, authority)], capture_output=True)
    check("a token that the hub does not know is refused", wrong.returncode == 1)
    wrong = subprocess.run(words + ["ltedge1.x"], capture_output=True)
    check("what is no token is refused", wrong.returncode == 1)
    right = subprocess.run(words + [token(state.token, authority)], capture_output=True)
    check("the edge is enrolled", right.returncode == 0 and b"12" in right.stdout)
    check("the key is for its owner alone", os.stat(f"{DIR}/state/hub/client.pem").st_mode & 0o777 == 0o600)


def events_exactly_once(state, authority, hub, edge):
    events = Events()
    kills = []
    events.count(200)
    state.fail = 3
    events.count(300)
    hub.kill()
    events.count(300)
    hub = Hub(state, authority)
    for _ in range(3):
        events.count(200)
        pid = edge.link_pid()
        time.sleep(0.01)
        kills.append(time.monotonic())
        os.kill(pid, signal.SIGKILL)
        wait_for("the link is started again", lambda: edge.link_pid() not in (None, pid), 20)
        # A socket that nobody reads refuses; from the new link's on everything is kept.
        events.count(100)
    hub.kill()
    events.count(100)
    hub = Hub(state, authority)
    wait_for("the last event arrives", lambda: events.sent - 1 in received(state), 40)
    got = received(state)
    # What came within the time of an open batch before a kill may be lost; the time of one write to the disk is added.
    safe = {n for n, when in enumerate(events.times) if not any(0 <= kill - when < 0.4 for kill in kills)}
    check(f"each event arrives once: {len(got)} of {events.sent}, {state.repeated} batches were repeated",
          len(got) == len(set(got)) and state.repeated >= 3)
    check(f"none that was on the disk is missing {sorted(safe - set(got))[:5]}", safe <= set(got))
    check("in order", got == sorted(got))
    check("batches are numbered upwards", all(a[1] < b[1] for a, b in zip(state.order, state.order[1:]) if a[0] == b[0]))
    return hub, events


def decisions_stand(state, packets, rounds=100):
    dropped, told = [], []
    for i in range(rounds):
        source = f"45.1.{1 + i // 200}.{1 + i % 200}"
        if not packets.passes(source):
            check(f"{source} passes before", False)
            continue
        when, number = state.change([put(1000 + i, source, 60)])
        last = packets.stops(source)
        if last is None:
            check(f"{source} is dropped", False)
            continue
        dropped.append(max(0.0, last - when) * MS)
        wait_for("it is acknowledged", lambda number=number: any(a[1] >= number for a in state.acks[-5:]), 5)
        told.append((next(a[2] for a in state.acks if a[1] >= number and a[2] >= when) - when) * MS)
    check(f"decisions drop packets: {len(dropped)} of {rounds}", len(dropped) == rounds)
    figure("decision sent to last packet, p50", percentile(dropped, 0.5), "ms", 20, 200)
    figure("decision sent to last packet, p99", percentile(dropped, 0.99), "ms", 100, 1000)
    figure("decision sent to acknowledged, p50", percentile(told, 0.5), "ms", 30, 300)
    figure("decision sent to acknowledged, p99", percentile(told, 0.99), "ms", 150, 1500)


def lifting(state, packets):
    source = "45.1.1.1"
    state.change([{"op": "lift", "id": "1000"}])
    check("a lifted source passes", packets.passes(source))
    state.change([put(5, source, 60), put(6, source, 90)])
    check("two decisions about one source", packets.stops(source) is not None)
    state.change([{"op": "lift", "id": "6"}])
    time.sleep(0.5)
    check("the other one still stands", not packets.passes(source, 0.5))
    state.change([{"op": "lift", "id": "5"}])
    check("until it is lifted as well", packets.passes(source))
    state.change([put(7, source, 1.5)])
    packets.stops(source)
    check("a decision ends by itself", packets.passes(source, 5))


def gap_and_resync(state, packets):
    before = state.snapshots
    with state.lock:
        state.number += 10  # these the edge will never hear of
        state.decisions = {"20": put(20, "45.1.7.7", 600)}
    state.change([put(21, "45.1.7.8", 600)])
    wait_for("a gap leads to a snapshot", lambda: state.snapshots > before)
    time.sleep(0.5)
    check("what the snapshot has stands", not packets.passes("45.1.7.7", 0.5) and not packets.passes("45.1.7.8", 0.5))
    check("what it lacks does not", packets.passes("45.1.1.50"))


def restart_of_the_daemon(edge, packets):
    edge.kill()
    edge.start()
    wait_for("the stream is open again", lambda: status().get("connected") == 1, 20)
    check("the hub's decisions stand after a restart", not packets.passes("45.1.7.7", 0.5))


def undo_all(state, packets):
    with state.lock:
        state.epoch += 1
        state.number = 0
        state.decisions = {}
        data = {"epoch": state.epoch, "from": 0, "to": 0, "changes": []}
        for stream in state.streams:
            stream.put(("decisions", data))
    when = time.monotonic()
    good = packets.passes("45.1.7.7") and packets.passes("45.1.7.8")
    check("a new epoch lifts everything", good)
    figure("undo-all to the first packet", (time.monotonic() - when) * MS, "ms", 100, 1000)
    check("and the edge says so", wait_for("epoch acknowledged", lambda: any(a[0] == state.epoch for a in state.acks)))


def slow_hub(state, packets, events):
    state.delay = 2
    events.count(50)
    time.sleep(0.5)
    when, number = state.change([put(30, "45.1.8.1", 60)])
    wait_for("a decision is acknowledged beside a slow batch", lambda: any(a[1] >= number and a[0] == state.epoch for a in state.acks), 5)
    figure("acknowledged while a batch is slow", (time.monotonic() - when) * MS, "ms", 100, 1500)
    state.delay = 0
    wait_for("the slow batches arrive", lambda: events.sent - 1 in received(state), 20)


def own_evidence(packets, events):
    source = "45.1.9.1"
    check("a source passes before its attack", packets.passes(source))
    when = time.monotonic()
    events.send({"timestamp": "2026-11-22T13:08:30.157786+0700", "event_type": "alert", "src_ip": source, "dest_ip": "198.51.100.10",
                 "proto": "TCP", "flow": {"pkts_toserver": 4, "pkts_toclient": 3}, "http": {},
                 "alert": {"signature_id": 1, "metadata": {"luytre_evidence": ["e3"]}}})
    last = packets.stops(source)
    check("evidence E3 blocks here at once, without the hub", last is not None)
    figure("evidence to last packet", max(0.0, (last or 99) - when) * MS, "ms", 50, 500)
    check("and ends by itself", packets.passes(source, 8))


def drops_are_counted(state):
    def rows():
        with state.lock:
            return [line for key in state.order for line in state.batches[key] if line.get("event_type") == "drops"]
    wait_for("drops arrive", rows, 70)
    found = rows()
    check(f"drops are counted by source, reason and minute: {len(found)} rows",
          bool(found) and all(row["drops"]["reason"] and row["drops"]["packets"] > 0 and row["drops"]["estimated"] for row in found))


def figures_are_shown():
    with socket.create_connection(("127.0.0.1", 9105)) as reader:
        reader.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = b""
        while piece := reader.recv(65536):
            text += piece
    values = dict(line.split() for line in text.decode().splitlines() if line.startswith("luytre_hub_"))
    check(f"the daemon's metrics tell of the link: {len(values)} rows",
          values.get("luytre_hub_connected") == "1" and int(values["luytre_hub_delivered_total"]) > 0
          and int(values["luytre_hub_acks_total"]) > 0 and values["luytre_hub_untaken_total"] == "0")


def renewal(state):
    """The first certificate lives two days only, which is less than the ten that must be left."""
    kept = open(f"{DIR}/state/hub/client.pem").read()
    check("the certificate was renewed, once", len(state.renewed) == 1 and state.renewed[0] in kept)
    check("and is shown", len(state.shown) == 2)


def foreign_hub(state, other, events):
    hub = Hub(state, other)
    before = len(state.order)
    events.count(50)
    wait_for("the edge notices", lambda: status().get("refused", 0) > 0 or status().get("problem") == "permission", 20)
    time.sleep(1)
    check("a hub of another authority gets nothing", len(state.order) == before)
    check("the events wait on the disk", status().get("spool_files", 0) > 0)
    hub.kill()


def main():
    state, authority, other = State(), Authority("authority"), Authority("other")
    os.makedirs(f"{DIR}/state", exist_ok=True)
    hub, edge = Hub(state, authority), Edge()
    enrolment(state, authority, other)
    edge.start()
    packets = Packets()
    wait_for("the stream is open", lambda: status().get("connected") == 1)
    hub, events = events_exactly_once(state, authority, hub, edge)
    wait_for("the stream is open again", lambda: status().get("connected") == 1, 40)
    decisions_stand(state, packets)
    lifting(state, packets)
    gap_and_resync(state, packets)
    restart_of_the_daemon(edge, packets)
    own_evidence(packets, events)
    undo_all(state, packets)
    slow_hub(state, packets, events)
    drops_are_counted(state)
    figures_are_shown()
    renewal(state)
    hub.kill()
    foreign_hub(state, other, events)
    packets.over = True
    edge.kill(signal.SIGTERM)
    print("the end")


main()
