# SPDX-License-Identifier: Apache-2.0
"""Services with holes that do not speak HTTP, and who talks to them.

	serve			on ports 25 and 6667 of IPv4 and IPv6: a mail server that carries out what stands in an address (CVE-2019-10149), a chat
				server with a back door (CVE-2010-2075); they say so when the hole is met. None of them is the product
	talk HOST PORT LINE...	prints the last answer, or "none"
	until works|stopped HOST SECONDS	attacks the chat server until it does; prints milliseconds, or "never"
	chat HOST SECONDS	one conversation with the chat server; prints "whole" when every line was answered
	report HOST PORT CVE	what a scanner (Nuclei) says of it
"""
import datetime
import json
import re
import socket
import socketserver
import sys
import threading
import time

ATTACK = "AB;true"


class Service(socketserver.StreamRequestHandler):
	def handle(self):
		try:
			self.wfile.write(b"220 here\r\n")
			for line in self.rfile:
				hit = re.match(rb"AB;", line) or re.match(rb"RCPT TO:<[^>]*\$\{run", line)
				self.wfile.write(b"carried out\r\n" if hit else b"250 fine\r\n")
		except OSError:
			pass


class Server(socketserver.ThreadingTCPServer):
	allow_reuse_address = True
	daemon_threads = True


class Server6(Server):
	address_family = socket.AF_INET6

	def server_bind(self):
		self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
		super().server_bind()


def serve():
	for kind, place in ((Server, "0.0.0.0"), (Server6, "::")):
		for port in (25, 6667):
			threading.Thread(target=kind((place, port), Service).serve_forever).start()


def talk(host, port, lines, patience_s=2):
	try:
		with socket.create_connection((host, int(port)), 3) as peer:
			peer.settimeout(patience_s)
			stream = peer.makefile("rwb")
			answer = stream.readline()
			for line in lines:
				stream.write(line.encode() + b"\r\n")
				stream.flush()
				answer = stream.readline()
			return answer.decode().strip() or "none"
	except OSError:
		return "none"


def until(wanted, host, seconds):
	began = time.monotonic()
	while time.monotonic() - began < float(seconds):
		tried = time.monotonic()
		answer = talk(host, 6667, [ATTACK], 0.5)
		if (answer == "carried out") == (wanted == "works"):
			return round(((tried if wanted == "stopped" else time.monotonic()) - began) * 1000)
		time.sleep(0.05)
	return "never"


def chat(host, seconds):
	with socket.create_connection((host, 6667), 3) as peer:
		peer.settimeout(5)
		stream = peer.makefile("rwb")
		stream.readline()
		for number in range(int(seconds) * 10):
			stream.write(b"PRIVMSG #a :%d\r\n" % number)
			stream.flush()
			if stream.readline() != b"250 fine\r\n":
				return "broken"
			time.sleep(0.1)
	return "whole"


def report(host, port, cve):
	place = "%s:%s" % (host, port)
	return json.dumps({"template-id": cve, "info": {"name": "A known hole", "severity": "critical",
		"classification": {"cve-id": [cve.lower()], "cvss-metrics": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "cvss-score": 9.8}},
		"type": "tcp", "host": place, "matched-at": place, "ip": host, "port": str(port),
		"timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(), "matcher-status": True})


def main():
	verb, *words = sys.argv[1:]
	if verb == "serve":
		serve()
	elif verb == "talk":
		print(talk(words[0], words[1], words[2:]))
	elif verb == "until":
		print(until(*words))
	elif verb == "chat":
		print(chat(*words))
	elif verb == "report":
		print(report(*words))
	else:
		sys.exit(__doc__)


main()
