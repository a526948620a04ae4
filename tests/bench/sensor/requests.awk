# SPDX-License-Identifier: Apache-2.0
# What make-traffic asks of its servers, written by a fixed seed: the same every time.
#
#	what=contents	the texts of the web server, below www/
#	what=records	the names that dnsmasq knows, to standard output
#	what=names	the questions of four DNS clients: names.udp, names.edns, names.tcp, names.v6
#	what=requests	configuration files of curl, one a session: http.N, tls.N, mail.N, attack.N;
#			reads the list of the web server's files, and the attacks from the file 'attacks'

function pick(list, count) { return list[1 + int(rand() * count)] }

function fill(list, text, by) { return split(text, list, by ? by : " ") }

function between(low, high) { return low + int(rand() * (high - low + 1)) }

# Small sizes often, great ones seldom.
function skewed(low, high,	r) {
	r = rand()
	return int(low + (high - low) * r * r * r)
}

function setup() {
	words = fill(word, "the of and to in for is on that by this with you it not or be are from at as your all have new more an was we will home can us about if page my has search free but our one other do no information time they site he up may what which their news out use any there see only so his when contact here business who web also now help get view online first am been would how were services some these click its like service than find price date back top people had list name just over state year day into email two health world next used go work last most products music buy data make them should product system post her city add policy number such please available copyright support message after best software then good video well where info rights public books high school through each links she review years order very privacy book items company read group need many user said does set under general research university january mail full map reviews program life know games way days management part could great united hotel real item international center must store travel comments made development report member details line terms before hotels did send right type because local those using results office education national thông tin dịch vụ công trực tuyến hồ sơ đất đai giấy chứng nhận quyền sử dụng bộ y tế sở tài nguyên môi trường thành phố tỉnh huyện xã phường công dân doanh nghiệp đăng ký nộp tra cứu kết quả thủ tục hành chính văn bản quy định nghị quyết")
	tokens = fill(token, "function( var return this. if(!a) else{ for(var_i=0; .length; .prototype. document.getElementById( window. JSON.parse( .addEventListener( null; undefined typeof .push( .split( .replace(/\\s+/g, new_Date() .innerHTML= true; false; .className .style.display= .offsetWidth Math.floor( .indexOf( try{ }catch(e){} setTimeout(function(){ },100); .call(this, .apply( ===\"string\" $.ajax({url: type:\"POST\", .css( .animate({ .on(\"click\", e.preventDefault(); encodeURIComponent( .createElement(\"div\"); .appendChild( ||{}; &&( ){ } }); ; , a.b=c; x+=1; [0] :void_0 ?1:0 ")
	sites = fill(site, "www.tinnhanh.vn dichvucong.lab.example cdn.anh-dep.net www.shop24.com.vn api.thanhtoan.vn static.baomoi.example truyen.docbao.com forum.kythuat.org mail.congty.vn img.host-anh.info www.university.edu.vn m.video-hay.net download.phanmem.com ads.tracker-one.com fonts.static-lib.net www.bank-lab.com search.tim-kiem.vn update.may-tinh.net news.world-lab.org weather.thoitiet.vn")
	agents = fill(agent, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36|Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0|Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1|Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Mobile Safari/537.36|Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15|Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) coc_coc_browser/120.0 Chrome/114.0.0.0 Safari/537.36|okhttp/4.12.0|Dalvik/2.1.0 (Linux; U; Android 11; RMX3231)|Microsoft-CryptoAPI/10.0|Debian APT-HTTP/1.3 (2.6.1)|Zalo/24.06 CFNetwork/1496 Darwin/23.5.0", "|")
	zones = fill(zone, "vn com net org info edu.vn gov.vn com.vn io top xyz lab.example duckdns.org hopto.org ddns.net ngrok.io")
}

function sentence(	n, text) {
	text = ""
	for (n = between(6, 18); n; n--)
		text = text pick(word, words) (n > 1 ? " " : ". ")
	return text
}

function write_page(path, size,	n, done, line) {
	line = "<!DOCTYPE html>\n<html lang=\"vi\"><head><meta charset=\"utf-8\"><title>" sentence() "</title>\n" \
		"<link rel=\"stylesheet\" href=\"/css/site.css\"><script src=\"/js/s1.js\"></script></head>\n<body class=\"home page\">\n"
	for (done = 0; done < size; done += length(line)) {
		printf "%s", line >path
		n = rand()
		if (n < 0.2)
			line = "<ul class=\"menu\"><li><a href=\"/page" between(1, 150) ".html\" title=\"" pick(word, words) "\">" sentence() "</a></li></ul>\n"
		else if (n < 0.3)
			line = "<img src=\"/img/p" between(1, 120) ".jpg\" alt=\"" sentence() "\" width=\"" between(10, 900) "\" height=\"" between(10, 900) "\">\n"
		else if (n < 0.34)
			line = "<form action=\"/api/login\" method=\"post\"><input type=\"hidden\" name=\"token\" value=\"" int(rand() * 1e9) "\"><input type=\"submit\"></form>\n"
		else
			line = "<p class=\"c" between(1, 40) "\">" sentence() sentence() sentence() "</p>\n"
	}
	print "</body></html>" >path
	close(path)
}

function write_script(path, size,	done, text) {
	for (done = 0; done < size; done += length(text)) {
		text = pick(token, tokens) substr(pick(word, words), 1, between(1, 6)) (rand() < 0.1 ? "\n" : "")
		printf "%s", text >path
	}
	close(path)
}

function write_object(path, size,	done, text) {
	printf "{\"status\":\"ok\",\"items\":[" >path
	for (done = 0; done < size; done += length(text)) {
		text = sprintf("%s{\"id\":%d,\"name\":\"%s %s\",\"price\":%d,\"stock\":%s,\"tags\":[\"%s\"]}", done ? "," : "",
			rand() * 1e8, pick(word, words), pick(word, words), rand() * 1e6, rand() < 0.5 ? "true" : "false", pick(word, words))
		printf "%s", text >path
	}
	print "]}" >path
	close(path)
}

function contents(	n) {
	for (n = 1; n <= 150; n++)
		write_page("www/page" n ".html", skewed(1500, 120000))
	for (n = 1; n <= 60; n++)
		write_script("www/js/s" n ".js", skewed(2000, 250000))
	for (n = 1; n <= 200; n++)
		write_object("www/api/o" n ".json", skewed(150, 12000))
	write_page("www/index.html", 9000)
}

function records(	n) {
	for (n = 1; n <= zones; n++) {
		print "address=/" zone[n] "/198.51.100." (n + 9)
		print "address=/" zone[n] "/2001:db8:20::" (n + 9)
	}
	print "local=/invalid/"
	for (n = 1; n <= 60; n++) {
		print "txt-record=t" n ".lab.example,\"v=spf1 include:_spf" n ".lab.example ip4:198.51.100." n " -all\",\"" sentence() "\""
		print "mx-host=m" n ".lab.example,mx1.lab.example,10"
		print "mx-host=m" n ".lab.example,mx2.lab.example,20"
		print "srv-host=_sip._tcp.s" n ".lab.example,sip.lab.example,5060"
		print "ptr-record=" n ".100.51.198.in-addr.arpa,host" n ".lab.example"
	}
}

function label(	n, text) {
	if (rand() < 0.8)
		return pick(plain, plains) (rand() < 0.3 ? between(1, 99) : "")
	text = ""
	for (n = between(8, 24); n; n--)
		text = text substr("abcdefghijklmnopqrstuvwxyz0123456789", between(1, 36), 1)
	return text
}

function question(	r) {
	r = rand()
	if (r < 0.05)
		return "t" between(1, 60) ".lab.example TXT"
	if (r < 0.08)
		return "m" between(1, 60) ".lab.example MX"
	if (r < 0.1)
		return between(1, 60) ".100.51.198.in-addr.arpa PTR"
	if (r < 0.11)
		return "_sip._tcp.s" between(1, 60) ".lab.example SRV"
	if (r < 0.15)
		return label() "." label() ".invalid A"
	return label() "." label() "." pick(zone, zones) (rand() < 0.25 ? " AAAA" : " A")
}

function names(	n) {
	plains = fill(plain, "www mail api cdn img static news shop m app login update download sync push time graph edge assets video play ads metrics auth docs files drive office cloud backup vpn portal intranet web ns mx smtp dichvu tintuc baomoi congthongtin hoso tracuu truyen phim nhac")
	for (n = 0; n < 30000; n++)
		print question() >"names.udp"
	for (n = 0; n < 12000; n++)
		print question() >"names.edns"
	for (n = 0; n < 1500; n++)
		print question() >"names.tcp"
	for (n = 0; n < 2500; n++)
		print question() >"names.v6"
}

function option(file, name, value) {
	gsub(/\\/, "\\\\", value)
	gsub(/"/, "\\\"", value)
	printf "%s = \"%s\"\n", name, value >file
}

# Half of the clients are at home and ask servers abroad, the others come from abroad.
function choose_ends() {
	if (rand() < 0.6) {
		from = "10.20.0." between(2, 60)
		to = "198.51.100." between(3, 60)
	} else {
		from = "203.0.113." between(2, 200)
		to = "192.168.10." between(3, 12)
	}
}

# A path below the web server, by kind; 'expected' grows by about what it costs on the wire.
function choose_file(packed,	r, kind) {
	r = rand()
	kind = r < 0.3 ? "page" : r < 0.5 ? "js" : r < 0.68 ? "api" : r < 0.993 ? "img" : "dl"
	chosen = between(1, count[kind])
	expected += 900 + size[kind, chosen] * (packed && kind != "img" && kind != "dl" ? 0.33 : 1.03)
	return path[kind, chosen]
}

# One session: some requests of one client to one server over one connection or, without keep-alive, over several.
function session(file, scheme,	n, host, packed, plain, name, alive) {
	choose_ends()
	host = pick(site, sites)
	name = pick(agent, agents)
	packed = rand() < 0.75
	alive = rand() < 0.85
	plain = scheme == "http" && rand() < 0.1 ? ":8080" : ""
	for (n = alive ? skewed(1, 60) : between(1, 3); n; n--) {
		if (scheme == "https" && rand() < 0.3)
			host = pick(site, sites)
		choose_route(file, from, to)
		option(file, "user-agent", name)
		option(file, "referer", scheme "://" host "/page" between(1, 150) ".html")
		option(file, "header", "Accept-Language: vi,en;q=0.8")
		option(file, "cookie", "session=" int(rand() * 1e9) "; _ga=GA1.2." int(rand() * 1e9) "." int(rand() * 1e9))
		if (packed)
			print "compressed" >file
		if (!alive)
			option(file, "header", "Connection: close")
		if (scheme == "https")
			print (rand() < 0.3 ? "tls-max = \"1.2\"" : "tlsv1.2") (rand() < 0.4 ? "\nhttp1.1" : "") >file
		request(file, scheme "://" host plain, packed)
		if (n > 1)
			print "next" >file
	}
	close(file)
}

function request(file, base, packed,	r, chosen_path) {
	r = rand()
	if (r < 0.06) {
		option(file, "url", base "/api/login?next=" between(1, 999))
		option(file, "data", "user=" pick(word, words) between(1, 999) "&password=" int(rand() * 1e9) "&lang=vi")
		expected += 1300
	} else if (r < 0.10) {
		chosen_path = path["img", between(1, count["img"])]
		option(file, "url", base "/upload")
		option(file, "form", "title=" pick(word, words) " " pick(word, words))
		option(file, "form", "file=@www" chosen_path)
		expected += 2000 + size["img", chosen] + 40000
	} else if (r < 0.12) {
		option(file, "url", base (rand() < 0.5 ? "/old/" : "/none/") between(1, 999) ".html")
		expected += 4000
	} else {
		option(file, "url", base choose_file(packed) (rand() < 0.2 ? "?v=" between(1, 9999) : ""))
	}
}

function sessions(prefix, scheme, bytes,	n) {
	expected = 0
	for (n = 1; expected < bytes; n++)
		session(prefix "." n, scheme)
}

# What curl forgets at each "next".
function choose_route(file, from, to) {
	option(file, "connect-to", "::" to ":")
	option(file, "interface", from)
	option(file, "output", "/dev/null")
	option(file, "max-time", "60")
	option(file, "cacert", "rsa.crt") # small; the system's list would cost more than the request
	print "silent\ngloboff\ninsecure" >file
}

function mails(bytes,	n, k, file, number) {
	expected = 0
	for (n = 1; expected < bytes; n++) {
		file = "mail." n
		choose_ends()
		choose_route(file, from, to)
		option(file, "url", "smtp://" to "/client" n ".lab.example")
		option(file, "mail-from", "nguoi.gui" n "@lab.example")
		for (k = between(1, 3); k; k--)
			option(file, "mail-rcpt", "nhan" between(1, 500) "@congty.vn")
		option(file, "header", "From: Gui " n " <nguoi.gui" n "@lab.example>")
		option(file, "header", "To: <nhan@congty.vn>")
		option(file, "header", "Subject: " sentence())
		option(file, "form", "=" sentence() sentence() sentence() sentence())
		if (rand() < 0.4)
			option(file, "form", "=@www" path["page", between(1, count["page"])] ";encoder=quoted-printable;type=text/html")
		for (k = between(0, 2); k; k--) {
			number = between(1, count["img"])
			option(file, "form", "file" k "=@www" path["img", number] ";encoder=base64")
			expected += size["img", number] * 1.4
		}
		expected += 9000
		close(file)
	}
}

function attack_list(	n, row, line, field, file) {
	while ((getline line <attacks) > 0) {
		if (line ~ /^#/ || split(line, field, "\t") < 5)
			continue
		for (n = 0; n < 6; n++) {
			file = "attack." ++row
			to = "192.168.10." between(3, 12)
			choose_route(file, "203.0.113." between(2, 200), to)
			option(file, "url", "http://" (n % 2 ? to : pick(site, sites)) field[2])
			print "path-as-is" >file
			option(file, "request", field[1])
			option(file, "user-agent", field[3] == "-" ? pick(agent, agents) : field[3])
			if (field[4] != "-")
				option(file, "header", field[4])
			if (field[5] != "-")
				option(file, "data-raw", field[5])
			close(file)
		}
	}
}

BEGIN {
	srand(7)
	setup()
	if (what == "contents")
		contents()
	else if (what == "records")
		records()
	else if (what == "names")
		names()
	if (what != "requests")
		exit
}

{
	kind = $2 ~ /^\/(js|api|img|dl)\// ? substr($2, 2, index(substr($2, 2), "/") - 1) : "page"
	path[kind, ++count[kind]] = $2
	size[kind, count[kind]] = $1
}

END {
	if (what == "requests") {
		sessions("http", "http", 105e6)
		sessions("tls", "https", 108e6)
		mails(15e6)
		attack_list()
	}
}
