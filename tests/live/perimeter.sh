#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Findings of the perimeter from real connections: servers of OpenSSL that speak TLS 1.0, 1.1 and 1.3, a web server with an old library, a database's
# port, all asked by a stranger. What the sensor writes about the capture goes through a whole hub.
#
#	world (203.0.113.9) ---- site (198.51.100.5)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

for tool in openssl tcpdump curl python3; do
	command -v "$tool" >/dev/null || live_skip "$tool is not installed"
done

space world site
link world w0 site s0
ip -n world addr add 203.0.113.9/24 dev w0
ip -n site addr add 198.51.100.5/24 dev s0
ip -n world route add 198.51.100.0/24 dev w0
ip -n site route add 203.0.113.0/24 dev s0

# A certificate that an authority of its own signed over SHA-1, with a key of 1024 bits; and a good one.
cd $DIR
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=authority 2>/dev/null
for kind in old:1024:-sha1 new:2048:-sha256; do
	IFS=: read -r name bits digest <<<"$kind"
	openssl req -newkey "rsa:$bits" -nodes -keyout "$name.key" -out "$name.csr" -subj /CN=www 2>/dev/null
	openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 300 "$digest" -out "$name.pem" 2>/dev/null
done

mkdir www
echo 'window.jQuery = {};' >www/jquery-1.12.4.min.js
servers=()
server() {
	within site "$@" >/dev/null 2>&1 &
	servers+=($!)
}
server openssl s_server -accept 198.51.100.5:443 -cert old.pem -key old.key -tls1 -cipher DEFAULT:@SECLEVEL=0 -www
server openssl s_server -accept 198.51.100.5:8443 -cert new.pem -key new.key -tls1_1 -cipher DEFAULT:@SECLEVEL=0 -www
server openssl s_server -accept 198.51.100.5:9443 -cert new.pem -key new.key -tls1_3 -www
server python3 -m http.server --bind 198.51.100.5 --directory www 80
server python3 -c 'import socket
s = socket.create_server(("198.51.100.5", 3306))
while True:
	c = s.accept()[0]
	try:
		c.sendall(b"J\0\0\0\x0a8.0.30\0")
		c.recv(16)
	except OSError:
		pass
	c.close()'
within site tcpdump -q -U -s 0 -i s0 -w $DIR/site.pcap tcp 2>/dev/null &
servers+=($!)
# From the machine itself, which is not captured.
for port in 443 8443 9443 80 3306; do
	for ((i = 0; i < 200; i++)); do
		within site bash -c "exec 3<>/dev/tcp/198.51.100.5/$port" 2>/dev/null && break
		sleep 0.1
	done
done
for ((i = 0; i < 100; i++)); do
	[[ -s $DIR/site.pcap ]] && break
	sleep 0.1
done

for port in 443 8443 9443; do
	within world timeout 5 openssl s_client -connect 198.51.100.5:$port -cipher DEFAULT:@SECLEVEL=0 -quiet \
		<<<$'GET / HTTP/1.0\r\n\r\n' >/dev/null 2>&1 || true
done
within world curl -s -m 5 http://198.51.100.5/jquery-1.12.4.min.js >/dev/null || fail "the web server did not answer"
within world timeout 5 python3 -c 'import socket
c = socket.create_connection(("198.51.100.5", 3306)); c.recv(64); c.sendall(b"x"); c.close()'
sleep 1
kill "${servers[@]}" 2>/dev/null || true
wait

"$LUYTRE" replay $DIR/site.pcap -k none --eve $DIR/eve.json >/dev/null
check "the capture makes the findings that it shows, and no others" "$TEST_PERIMETER" $DIR/eve.json tls-1.0 certificate-key-weak \
	certificate-signature-weak tls-1.1 http-library-outdated database-open
live_end
