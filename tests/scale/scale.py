#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two hubs that are one, and everything below them, killed piece by piece while edges send: `make scale`.

	tests/scale/scale.py BUILD [--rounds 5] [--edges 4] [--parent DIR] [--output FILE] [--keep]

What must hold: every acknowledged event is in the store exactly once, on both replicas; what was acknowledged to have been seen by a
hold is a decision of the hub that leads; decisions are the same before and after; edges go on. Exit code 1: it does not; 77: a
package is missing (it says which)."""

import argparse
import collections
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from servers import Certificates, ClickHouse, Hub, Nats, Nginx, PostgreSQL, ZooKeeper, free_port, wait_for

LINES, DECIDE_EACH = 50, 8
KEYS = ["authority", "policy.key", "auth.key", "cursor.key", "audit.key", "assessment.key"]


class Load:
    """luytre-scale-load, and what it was told."""

    def __init__(self, program, root, pg, events, edges, port):
        self.path, self.heard_path, self.took_us = f"{root}/acks", f"{root}/heard", {}
        self.process = subprocess.Popen([program, "--parent", root, "--control", f"postgres:{pg.place}", "--events", events, "--edges",
                                         str(edges), "--port", str(port), "--log", self.path, "--heard", self.heard_path], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, start_new_session=True)
        words = self.process.stdout.readline().split()
        if words[:1] != ["dir"]:
            raise SystemExit("scale: the load does not start")
        self.state = words[1]

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        if word != "end" and not self.process.stdout.readline():
            raise SystemExit("scale: the load has ended")

    def acks(self):
        """Of each edge: times by the numbers of batches."""
        result = collections.defaultdict(dict)
        with open(self.path, encoding="ascii") as file:
            for line in file:
                if line.endswith("\n"):
                    ns, edge, seq, took_us = map(int, line.split())
                    self.took_us[edge, seq] = took_us
                    result[edge][seq] = ns
        return result


    def heard(self):
        """When the listening edge first heard of each source: by its address."""
        result = {}
        with open(self.heard_path, encoding="utf-8") as file:
            for line in file:
                ns, _, text = line.partition(" ")
                for address in re.findall(r"\b46\.\d+\.\d+\.\d+\b", text):
                    result.setdefault(address, int(ns))
        return result


def source(edge, seq, decides):
    return f"{46 if decides else 45}.{edge}.{seq >> 8 & 255}.{seq & 255}"


class Lab:
    def __init__(self, args, root):
        self.root, self.edges, self.failures, self.rows = root, args.edges, [], []
        tls = Certificates(root)
        ports, routes = [free_port() for _ in range(3)], [free_port() for _ in range(3)]
        self.nats = [Nats(root, i, ports, routes, tls) for i in range(3)]
        self.zookeeper = ZooKeeper(root)
        self.clickhouse = [ClickHouse(root, i, self.zookeeper) for i in range(2)]
        self.pg = PostgreSQL(root)
        events = "clickhouse:" + ",".join(f"http://127.0.0.1:{c.port}" for c in self.clickhouse) + "/luytre?replicated=1"
        servers = (",".join(f"nats://localhost:{p}" for p in ports), f"postgres:{self.pg.place}", events)
        self.hubs = [Hub(root, i, f"{args.build}/luytre", servers, tls) for i in range(2)]
        self.nginx = Nginx(root, [h.port for h in self.hubs], [h.console for h in self.hubs])
        self.all = [*self.nats, self.zookeeper, *self.clickhouse, self.pg, self.nginx, *self.hubs]
        self.load, self.program, self.events = None, f"{args.build}/tests/scale/luytre-scale-load", events

    def start(self):
        for server in [*self.nats, self.zookeeper, *self.clickhouse, self.pg, self.nginx]:
            server.start()
        self.load = Load(self.program, self.root, self.pg, self.events, self.edges, self.nginx.edges)
        self.first_hubs()

    def first_hubs(self):
        """The first one makes its keys; the second gets copies, as its people would bring them."""
        shutil.copytree(self.load.state, self.hubs[0].state)
        os.chmod(self.hubs[0].state, 0o700)
        self.hubs[0].start()
        wait_for("the first hub", self.hubs[0].leads, 60)
        os.makedirs(self.hubs[1].state, 0o700)
        self.hubs[1].start()
        wait_for("the refusal of a hub without keys", lambda: self.hubs[1].process.poll() is not None, 20)
        for name in KEYS:
            source, to = f"{self.hubs[0].state}/{name}", f"{self.hubs[1].state}/{name}"
            (shutil.copytree if os.path.isdir(source) else shutil.copy2)(source, to)
        self.hubs[1].start()

    def close(self):
        if self.load and self.load.process.poll() is None:
            self.load.tell("end")
            self.load.process.wait(60)
        self.nginx.kill(signal.SIGTERM)
        for server in reversed(self.all):
            server.kill(signal.SIGTERM if isinstance(server, Hub) else signal.SIGKILL)

    # ---- Looking ----

    def leader(self, seconds=60):
        found = []

        def look():
            for hub in self.hubs:
                if hub.process.poll() is not None:
                    hub.start()
            found[:] = [h for h in self.hubs if h.leads() and h.ask("status")]
            return len(found) == 1

        wait_for("a hub that leads", look, seconds)
        return found[0]

    def decisions(self, hub, least_s=0):
        answer = json.loads(hub.ask("decisions"))
        return {(d["id"], d["value"], d["level"]) for d in answer["decisions"] if d["expires_in_s"] > least_s}

    def check(self, what, good):
        print(f"  {'good' if good else 'BAD '}  {what}", flush=True)
        if not good:
            self.failures.append(what)

    def wait_acks(self, since_ns, seconds=90):
        """Nanoseconds until each edge was acknowledged again after that moment."""
        first = {}

        def all_again():
            for edge, batches in self.load.acks().items():
                later = [ns for ns in batches.values() if ns > since_ns]
                if later:
                    first.setdefault(edge, min(later) - since_ns)
            return len(first) == self.edges

        wait_for("the edges' next acknowledgements", all_again, seconds)
        return first

    def steady(self, seconds):
        time.sleep(seconds)
        self.wait_acks(time.monotonic_ns())

    def gap(self, since_ns):
        """The longest time after that moment in which an edge heard no acknowledgement."""
        longest = 0
        for batches in self.load.acks().values():
            before = max((ns for ns in batches.values() if ns <= since_ns), default=since_ns)
            times = [before, *sorted(ns for ns in batches.values() if ns > since_ns)]
            longest = max(longest, *(b - a for a, b in zip(times, times[1:])), 0)
        return longest / 1e9

    def wait_heard(self, since_ns, seconds=60):
        """Seconds from that moment until the listening edge heard of a new decision."""
        found = []

        def new():
            found[:] = [ns for ns in self.load.heard().values() if ns > since_ns]
            return found

        wait_for("a decision that the listening edge hears", new, seconds)
        return (min(found) - since_ns) / 1e9

    def all_heard(self, since_ns, until_ns):
        """Of a time without faults: what was acknowledged was heard, at most three seconds later."""
        heard = self.load.heard()
        decided = {source(edge, seq, True): ns for edge, batches in self.load.acks().items() for seq, ns in batches.items()
                   if seq % DECIDE_EACH == 0 and since_ns < ns < until_ns}
        late = [s for s, ns in decided.items() if heard.get(s, ns + 4e9) - ns > 3e9]
        self.check(f"{len(decided)} decisions of a quiet time, {len(late)} not heard by the listening edge within 3 s",
                   decided and not late)

    def console_answers(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.nginx.console}/", None, 5) as answer:
                return answer.status == 200
        except OSError:
            return False

    # ---- What is killed ----

    def fault(self, title, kill, mend=None, seconds=8):
        """Under load; the longest gap of acknowledgements that any edge saw."""
        print(f"{title} ...", flush=True)
        self.steady(2)
        at = time.monotonic_ns()
        kill()
        self.wait_acks(at)
        time.sleep(seconds)
        if mend:
            mend()
        self.steady(4)
        gap = self.gap(at)
        self.leader()
        self.rows.append((title, f"{gap:.2f} s"))
        self.wait_heard(time.monotonic_ns())  # or it ends here
        self.check(f"edges went on, after at most {gap:.2f} s", gap < 60)

    def quiet(self):
        """Nothing is killed: how long an answer takes."""
        began = time.monotonic_ns()
        self.steady(10)
        now = time.monotonic_ns()
        time.sleep(3)
        self.all_heard(began, now)
        took = sorted(self.load.took_us.values())
        self.rows.append((f"nothing killed: answer to a batch of {LINES} events",
                          f"p50 {took[len(took) // 2] / 1000:.0f} ms, p99 {took[len(took) * 99 // 100] / 1000:.0f} ms"))

    def takeovers(self, rounds):
        """kill -9 of the hub that leads, under load."""
        doors, acks, heard = [], [], []
        for i in range(rounds):
            self.steady(3)
            old = self.leader()
            other = next(h for h in self.hubs if h is not old)
            at = time.monotonic_ns()
            old.kill()
            wait_for("the other hub's door", other.leads, 60)
            doors.append((time.monotonic_ns() - at) / 1e9)
            acks.append(max(self.wait_acks(at).values()) / 1e9)
            heard.append(self.wait_heard(at + int(doors[-1] * 1e9)) + doors[-1])
            print(f"takeover {i + 1}: door open after {doors[-1]:.2f} s, every edge acknowledged after {acks[-1]:.2f} s, new decision "
                  f"heard after {heard[-1]:.2f} s", flush=True)
            old.start()
        for name, times in (("a door is open", doors), ("every edge was acknowledged", acks), ("an edge heard a new decision", heard)):
            self.rows.append((f"leading hub killed, until {name} again, {rounds} rounds",
                              f"p50 {statistics.median(times):.2f} s, max {max(times):.2f} s"))
        self.check("a page of the console answers through nginx", self.console_answers())

    def same_decisions(self):
        """Nobody sends: what one hub has decided, the next one has."""
        print("decisions before and after ...", flush=True)
        self.load.tell("pause")
        old = self.leader()
        before = self.decisions(old, 30)
        every = self.decisions(old)
        new = next(h for h in self.hubs if h is not old)
        old.kill()
        wait_for("the other hub", lambda: new.leads() and new.ask("status"), 60)
        after = self.decisions(new)
        old.start()
        self.load.tell("go")
        self.check(f"another hub has the {len(before)} decisions: {len(before - after)} missing, {len(after - every)} others",
                   before and before <= after <= every)

    def stopped(self):
        """A leader that stands still for longer than its lease, and wakes up, must not go on."""
        print("the leading hub stands still for 6 s ...", flush=True)
        self.steady(2)
        old = self.leader()
        at = time.monotonic_ns()
        os.kill(old.process.pid, signal.SIGSTOP)
        other = next(h for h in self.hubs if h is not old)
        wait_for("the other hub's door", other.leads, 60)
        time.sleep(6)
        os.kill(old.process.pid, signal.SIGCONT)
        try:
            old.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        self.check("when it wakes up it ends itself", old.process.returncode == 75)
        old.start()
        self.wait_acks(time.monotonic_ns())
        self.rows.append(("leading hub stopped for 6 s, then let go on", f"{self.gap(at):.2f} s"))

    def standing_by_ended(self):
        other = next(h for h in self.hubs if h is not self.leader())
        time.sleep(1)
        os.kill(other.process.pid, signal.SIGTERM)
        try:
            code = other.process.wait(5)
        except subprocess.TimeoutExpired:
            code = None
            other.kill()
        other.start()
        self.check(f"the hub that stands by was ended in order: {code}", code == 0)

    def handed_over(self):
        print("the leading hub is ended in order ...", flush=True)
        self.steady(2)
        old = self.leader()
        at = time.monotonic_ns()
        old.kill(signal.SIGTERM)
        code = old.process.returncode
        self.wait_acks(at)
        old.start()
        self.rows.append(("leading hub ended in order (SIGTERM)", f"{self.gap(at):.2f} s"))
        self.check(f"it ended with {code}", code == 0)

    def used_replica(self):
        """The one that hubs ask first is the first of their list that answered last; killing both in turn hits it."""
        for one in self.clickhouse:
            self.fault(f"{one.name} killed, back after 8 s", one.kill, one.start)

    def hub_and_replica(self):
        """The next hub does not know what the one before had begun, and the replica that does is gone."""
        for one in self.clickhouse:
            def both():
                old = self.leader()
                old.kill()
                one.kill()
                old.start()
            self.fault(f"leading hub and {one.name} killed at once, the latter back after 8 s", both, one.start)

    def journal_server(self):
        for one in self.nats:
            self.fault(f"{one.name} killed, back after 8 s", one.kill, one.start)

    def all_nats(self):
        for one in self.nats:
            one.kill()
        time.sleep(3)
        for one in self.nats:
            one.start()

    def both_hubs(self):
        for hub in self.hubs:
            hub.kill()
        for hub in self.hubs:
            hub.start()

    def restart_pg(self):
        self.pg.kill()
        wait_for("the end of PostgreSQL's processes", lambda: not self.pg.ready(), 20)
        time.sleep(1)
        self.pg.start()

    def restart_nginx(self):
        self.nginx.kill_all()
        self.nginx.start()

    def kill_worker(self):
        for pid in self.nginx.workers():
            os.kill(pid, signal.SIGKILL)

    # ---- Counting ----

    def stored(self, replica):
        text = replica.ask("select hex(src), src_port, count() from ev_event group by src, src_port format TSV")
        return {(bytes.fromhex(a)[:4], int(port)): int(count) for a, port, count in (line.split("\t") for line in text.splitlines())}

    def count(self):
        self.load.tell("pause")
        acks = self.load.acks()
        newest = self.decisions(self.leader())
        now = time.monotonic_ns()

        def equal():
            counts = {c.ask("select count() from ev_event") for c in self.clickhouse}
            return len(counts) == 1

        wait_for("the replicas", equal, 120)
        wanted, lost_decisions, decided = [], 0, 0
        values = {value for _, value, _ in newest}
        for edge, batches in acks.items():
            for seq, ns in batches.items():
                decides = seq % DECIDE_EACH == 0
                for i in range(1, LINES + 1):
                    wanted.append((bytes([46 if decides and i == LINES else 45, edge, seq >> 8 & 255, seq & 255]), i))
                if decides and now - ns < 60e9:
                    decided += 1
                    lost_decisions += source(edge, seq, True) not in {v.split("/")[0] for v in values}
        for replica in self.clickhouse:
            have = self.stored(replica)
            missing = sum(key not in have for key in wanted)
            twice = sum(count > 1 for count in have.values())
            self.check(f"{replica.name}: {len(wanted)} acknowledged events, {missing} missing; {len(have)} stored, {twice} twice",
                       missing == 0 and twice == 0)
        self.check(f"{decided} reports of holds acknowledged in the last minute, {lost_decisions} without a decision",
                   decided > 0 and lost_decisions == 0)
        self.rows.append(("events acknowledged, each exactly once in both replicas", str(len(wanted))))

    def run(self, rounds):
        self.load.tell("go")
        self.wait_acks(0)
        self.quiet()
        self.takeovers(rounds)
        self.same_decisions()
        self.journal_server()
        self.fault("all three of NATS killed at once, back after 3 s", self.all_nats)
        self.used_replica()
        self.hub_and_replica()
        self.fault("PostgreSQL killed and started again", self.restart_pg)
        self.fault("both workers of nginx killed", self.kill_worker)
        self.fault("nginx killed, all of it, and started again", self.restart_nginx)
        self.fault("both hubs killed at once, and started again", self.both_hubs)
        self.stopped()
        self.standing_by_ended()
        self.handed_over()
        self.steady(3)
        began = time.monotonic_ns()
        self.steady(10)
        now = time.monotonic_ns()
        time.sleep(3)
        self.all_heard(began, now)
        self.count()


def missing():
    needs = {"nats-server": "nats-server", "clickhouse-server": "clickhouse-server", "java": "default-jre-headless", "nginx": "nginx"}
    names = [package for program, package in needs.items() if not shutil.which(program)]
    if not os.path.exists("/usr/share/java/zookeeper.jar"):
        names.append("zookeeper")
    if not os.path.exists("/usr/lib/postgresql"):
        names.append("postgresql")
    return names


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--edges", type=int, default=4)
    parser.add_argument("--parent", default="/var/tmp")
    parser.add_argument("--output")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs and data")
    args = parser.parse_args()
    if missing():
        print(f"scale: skipped, not installed: {' '.join(missing())} (scripts/install-deps scale)")
        return 77
    root = tempfile.mkdtemp(prefix="luytre-scale-", dir=args.parent)
    os.chmod(root, 0o755)  # PostgreSQL has another user
    began, lab = time.monotonic(), None
    try:
        lab = Lab(args, root)
        lab.start()
        lab.run(args.rounds)
    finally:
        if lab:
            lab.close()
        if args.keep:
            print(f"scale: kept {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)
    table = "".join(f"| {what} | {figure} |\n" for what, figure in lab.rows)
    head = (f"# Two hubs, killed piece by piece\n\nWritten by `make scale` on {time.strftime('%Y-%m-%d', time.gmtime())}: {os.cpu_count()} processors, "
            f"Linux {platform.release()}, load average {os.getloadavg()[0]:.0f} at the end. Everything shares them: two hubs, three servers of "
            f"NATS, two of ClickHouse with ZooKeeper,\nPostgreSQL, nginx, {args.edges} simulated edges. {time.monotonic() - began:.0f} s in all. "
            "What each line means and how it is measured: [scale-out.md](../scale-out.md).\n\n"
            "| what was killed, under load | longest time in which an edge heard no acknowledgement, or as said |\n|---|---|\n")
    print(head + table)
    if args.output:
        with open(args.output, "w", encoding="utf-8") as file:
            file.write(head + table)
    for failure in lab.failures:
        print(f"scale: {failure}")
    return 1 if lab.failures else 0


if __name__ == "__main__":
    sys.exit(main())
