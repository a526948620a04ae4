// SPDX-License-Identifier: Apache-2.0
/*
 * pktblast - bounded packet generator and counter for filter tests on veth pairs.
 *
 * One source file, compiled twice: with "clang -target bpf" it is the XDP program
 * that patches and sends frames from inside the kernel (live frames), with a host
 * compiler it is the command line tool, which embeds the first object.  See README.md.
 */

#if !defined(__bpf__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <linux/types.h>

#define TMPL_MAX   16           /* templates in one run */
#define HDR_MAX    128          /* bytes of a frame that may hold changing fields */
#define FRAME_MAX  1514

enum {                          /* what changes from frame to frame */
	F_V6    = 1 << 0,
	F_PORTS = 1 << 1,       /* l4 starts with two port numbers */
	F_SEQ   = 1 << 2,       /* TCP: random sequence number */
	F_ACK   = 1 << 3,       /* TCP: random acknowledgement number */
	F_IPID  = 1 << 4,
	F_CSUM  = 1 << 5,       /* l4 checksum at csum_off */
	F_RAND8 = 1 << 6,       /* eight random bytes at rand_off */
	F_LAND  = 1 << 7,       /* source address and port equal to destination */
};

struct addrs {                  /* an address pool: net | hash(k) & host, k < count */
	__u32 net[4];           /* network order; v4 uses [0] */
	__u32 host[4];          /* network order host mask */
	__u32 count;            /* 0: every address of the prefix */
};

struct tmpl {
	struct addrs src, dst;
	__u32 flags;
	__u32 weight_end;       /* cumulative weight */
	__u32 len, hdr_len;
	__u32 l3, l4, csum_off, rand_off;
	__u32 sum3, sum4;       /* sums with the changing fields at zero */
	__u32 sport, sport_n, dport, dport_n;   /* host order: first, how many */
	__u8  data[FRAME_MAX + 6];
};

struct cfg {
	__u32 n_tmpl, weight_total, ifindex, mixed;
	__u64 seed;
	__u64 limit;            /* frames; 0 is none */
	__u64 start, pace;      /* clock at start; frames a 2^30 ns, 0 is as fast as it goes */
};

struct rng { __u64 s; };

#define INLINE static inline __attribute__((always_inline))

INLINE __u64 rnd(struct rng *r)
{
	__u64 x = r->s;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	r->s = x;
	return x * 0x2545F4914F6CDD1DULL;
}

/* Unaligned stores. As memcpy the BPF back end would make four byte stores of one. */
#ifdef __bpf__
INLINE void put16(__u8 *p, __u16 v) { *(__u16 *)p = v; }
INLINE void put32(__u8 *p, __u32 v) { *(__u32 *)p = v; }
#else
INLINE void put16(__u8 *p, __u16 v) { __builtin_memcpy(p, &v, sizeof(v)); }
INLINE void put32(__u8 *p, __u32 v) { __builtin_memcpy(p, &v, sizeof(v)); }
#endif
INLINE __u32 sum32(__u32 v) { return (v & 0xffff) + (v >> 16); }

INLINE __u16 fold(__u32 s)
{
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return (__u16)~s;
}

INLINE __u32 pick4(const struct addrs *a, __u32 r)
{
	if (a->count) {
		__u32 k = (__u32)(((__u64)r * a->count) >> 32);

		r = __builtin_bswap32(k * 2654435761u);
	}
	return a->net[0] | (r & a->host[0]);
}

INLINE __u32 port(__u32 first, __u32 n, __u32 r16)
{
	return (first + ((r16 * n) >> 16)) & 0xffff;
}

/* Give every changing field of the template its next value, checksums included. */
INLINE void patch(struct tmpl *t, struct rng *r)
{
	__u8 *d = t->data;
	__u32 l3 = t->l3 & 31, l4 = t->l4 & 127, f = t->flags;
	__u32 s3 = t->sum3, s4 = t->sum4;
	__u64 a = rnd(r), b = rnd(r);
	__u32 v, w, first_dst;

	if (f & F_V6) {
		__u64 c = rnd(r), e = rnd(r);
		__u32 rs[4] = { (__u32)a, (__u32)(a >> 32), (__u32)c, (__u32)(c >> 32) };
		__u32 rd[4] = { (__u32)(a >> 16), (__u32)(c >> 16), (__u32)e, (__u32)(e >> 32) };

		if (t->src.count) {
			rs[3] = __builtin_bswap32((__u32)(((__u64)rs[3] * t->src.count) >> 32)
						  * 2654435761u);
			rs[0] = rs[1] = rs[2] = 0;
		}
		if (t->dst.count) {
			rd[3] = __builtin_bswap32((__u32)(((__u64)rd[3] * t->dst.count) >> 32)
						  * 2654435761u);
			rd[0] = rd[1] = rd[2] = 0;
		}
#ifdef __bpf__
#pragma unroll
#endif
		for (int i = 0; i < 4; i++) {
			w = t->dst.net[i] | (rd[i] & t->dst.host[i]);
			v = f & F_LAND ? w : (t->src.net[i] | (rs[i] & t->src.host[i]));
			put32(d + l3 + 8 + 4 * i, v);
			put32(d + l3 + 24 + 4 * i, w);
			s4 += sum32(v) + sum32(w);
		}
	} else {
		w = pick4(&t->dst, (__u32)(a >> 32));
		v = f & F_LAND ? w : pick4(&t->src, (__u32)a);
		first_dst = sum32(v) + sum32(w);
		put32(d + l3 + 12, v);
		put32(d + l3 + 16, w);
		s3 += first_dst;
		s4 += first_dst;
		if (f & F_IPID) {
			__u16 id = (__u16)(b >> 48);

			put16(d + l3 + 4, id);
			s3 += id;
		}
		put16(d + l3 + 10, fold(s3));
	}
	if (f & F_PORTS) {
		w = __builtin_bswap16((__u16)port(t->dport, t->dport_n, (__u32)b & 0xffff));
		v = f & F_LAND ? w :
		    __builtin_bswap16((__u16)port(t->sport, t->sport_n, (__u32)(b >> 16) & 0xffff));
		put16(d + l4, (__u16)v);
		put16(d + l4 + 2, (__u16)w);
		s4 += v + w;
	}
	if (f & (F_SEQ | F_ACK)) {
		__u64 q = rnd(r);

		if (f & F_SEQ) {
			put32(d + l4 + 4, (__u32)q);
			s4 += sum32((__u32)q);
		}
		if (f & F_ACK) {
			put32(d + l4 + 8, (__u32)(q >> 32));
			s4 += sum32((__u32)(q >> 32));
		}
	}
	if (f & F_RAND8) {
		__u32 o = t->rand_off & 127;
		__u64 q = rnd(r);

		put32(d + o, (__u32)q);
		put32(d + o + 4, (__u32)(q >> 32));
		s4 += sum32((__u32)q) + sum32((__u32)(q >> 32));
	}
	if (f & F_CSUM)
		put16(d + (t->csum_off & 127), fold(s4));
}

#ifdef __bpf__

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cfg);
} cfg_map SEC(".maps");

struct {                        /* per CPU: a sender patches its own copy in place */
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TMPL_MAX);
	__type(key, __u32);
	__type(value, struct tmpl);
} tmpl_map SEC(".maps");

struct tx_state { struct rng rng; __u64 sent; __u64 errors; };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tx_state);
} state_map SEC(".maps");

struct {                        /* sink: 0 frames, 1 bytes */
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} sink_map SEC(".maps");

SEC("xdp")
int blast(struct xdp_md *ctx)
{
	__u32 k0 = 0, i = 0, len;
	struct cfg *c = bpf_map_lookup_elem(&cfg_map, &k0);
	struct tx_state *st = bpf_map_lookup_elem(&state_map, &k0);
	struct tmpl *t;

	if (!c || !st)
		return XDP_ABORTED;
	if (c->limit && st->sent >= c->limit)
		return XDP_DROP;        /* done, or too early: spin in place */
	if (c->pace && st->sent > (((bpf_ktime_get_ns() - c->start) >> 10) * c->pace) >> 20)
		return XDP_DROP;
	if (!st->rng.s)
		st->rng.s = c->seed + 0x9E3779B97F4A7C15ULL * (bpf_get_smp_processor_id() + 1);
	if (c->n_tmpl > 1) {
		__u32 w = (__u32)(((rnd(&st->rng) >> 32) * c->weight_total) >> 32);

		for (i = 0; i < TMPL_MAX - 1; i++) {
			__u32 k = i;

			t = bpf_map_lookup_elem(&tmpl_map, &k);
			if (!t || w < t->weight_end)
				break;
		}
	}
	t = bpf_map_lookup_elem(&tmpl_map, &i);
	if (!t)
		return XDP_ABORTED;
	patch(t, &st->rng);
	len = t->hdr_len;
	if (c->mixed) {         /* the page holds whatever was sent from it before */
		long have = (long)ctx->data_end - (long)ctx->data;

		len = t->len;
		if (len != have && bpf_xdp_adjust_tail(ctx, (int)(len - have))) {
			st->errors++;
			return XDP_DROP;
		}
	}
	__asm__ volatile("" : "+r"(len));       /* keep the bounds checks below on this copy */
	if (len < 14 || len > FRAME_MAX || bpf_xdp_store_bytes(ctx, 0, t->data, len)) {
		st->errors++;
		return XDP_DROP;
	}
	st->sent++;
	return bpf_redirect(c->ifindex, 0);
}

INLINE int count(struct xdp_md *ctx, int act)
{
	__u32 k0 = 0, k1 = 1;
	__u64 *n = bpf_map_lookup_elem(&sink_map, &k0);
	__u64 *b = bpf_map_lookup_elem(&sink_map, &k1);

	if (n && b) {
		++*n;
		*b += ctx->data_end - ctx->data;
	}
	return act;
}

SEC("xdp")
int sink_drop(struct xdp_md *ctx) { return count(ctx, XDP_DROP); }

SEC("xdp")
int sink_pass(struct xdp_md *ctx) { return count(ctx, XDP_PASS); }

char _license[] SEC("license") = "Dual BSD/GPL";

#else /* ------------------------------------------------------------ host side */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#ifndef PKTBLAST_BPF_OBJ
#define PKTBLAST_BPF_OBJ "pktblast.bpf.o"
#endif
__asm__(".pushsection .rodata\n.balign 16\n"
	".global bpf_obj_start\nbpf_obj_start:\n.incbin \"" PKTBLAST_BPF_OBJ "\"\n"
	".global bpf_obj_end\nbpf_obj_end:\n.popsection\n");
extern const char bpf_obj_start[], bpf_obj_end[];

#define MAX_SECONDS 600

static volatile sig_atomic_t stop;
static void on_signal(int s) { (void)s; stop = 1; }
static void on_alarm(int s) { (void)s; }

__attribute__((noreturn, format(printf, 1, 2)))
static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "pktblast: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(2);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

/* ---- templates ---------------------------------------------------------- */

struct kind {
	const char *name;
	int proto;              /* next header */
	int tcp_flags;          /* TCP only */
	uint16_t sport, sport_n, dport, dport_n;
	const char *payload;
	size_t payload_len;
	size_t pad;             /* zero bytes after the payload */
	uint32_t extra;         /* more F_ flags */
	uint16_t frag;          /* IPv4 flags and fragment offset, host order */
	const char *what;
};
#define PL(s) (s), sizeof(s) - 1
#define EPH 1024, 64512

static const struct kind kinds[] = {
	{ "syn",      6, 0x02, EPH, 80, 1, PL(""), 0, 0, 0x4000, "SYN with MSS, SACK, timestamps, wscale" },
	{ "synbare",  6, 0x102, EPH, 80, 1, PL(""), 0, 0, 0, "SYN without options" },
	{ "synack",   6, 0x12, 80, 1, EPH, PL(""), 0, 0, 0x4000, "SYN-ACK (reflection)" },
	{ "ack",      6, 0x110, EPH, 80, 1, PL(""), 0, 0, 0x4000, "bare ACK" },
	{ "pshack",   6, 0x118, EPH, 80, 1, PL("GET / HTTP/1.1\r\n\r\n"), 0, 0, 0x4000, "PSH-ACK with data" },
	{ "rst",      6, 0x104, EPH, 80, 1, PL(""), 0, 0, 0x4000, "RST" },
	{ "fin",      6, 0x111, EPH, 80, 1, PL(""), 0, 0, 0x4000, "FIN-ACK" },
	{ "xmas",     6, 0x129, EPH, 80, 1, PL(""), 0, 0, 0, "FIN, PSH, URG set" },
	{ "null",     6, 0x100, EPH, 80, 1, PL(""), 0, 0, 0, "no TCP flag set" },
	{ "land",     6, 0x02, EPH, 80, 1, PL(""), 0, F_LAND, 0x4000, "SYN, source equal to destination" },
	{ "udp",     17, 0, EPH, 1, 65535, PL("\0\0\0\0\0\0\0\0"), 10, F_RAND8, 0, "UDP, random ports and bytes" },
	{ "dnsq",    17, 0, EPH, 53, 1,
	  PL("\0\0\1\0\0\1\0\0\0\0\0\0\14aaaaaaaaaaaa\7example\3com\0\0\1\0\1"), 0, F_RAND8, 0,
	  "DNS query, random id and label bytes" },
	{ "dnsamp",  17, 0, 53, 1, EPH,
	  PL("\x12\x34\x81\x80\0\1\0\x10\0\0\0\1\7example\3com\0\0\xff\0\1"), 460, 0, 0, "DNS ANY answer" },
	{ "ntpamp",  17, 0, 123, 1, EPH, PL("\xd7\0\3\x2a\0\6\0\x48"), 432, 0, 0, "NTP monlist answer" },
	{ "ssdpamp", 17, 0, 1900, 1, EPH,
	  PL("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: upnp:rootdevice\r\n"), 230, 0, 0, "SSDP answer" },
	{ "cldapamp",17, 0, 389, 1, EPH, PL("\x30\x84\0\0\xb\x91\2\1\1\x64\x84\0\0\xb\x88"), 1380, 0, 0, "CLDAP answer" },
	{ "memcamp", 17, 0, 11211, 1, EPH, PL("\0\0\0\0\0\1\0\0VALUE a 0 1000\r\n"), 1376, 0, 0, "memcached answer" },
	{ "chargen", 17, 0, 19, 1, EPH, PL(" !\"#$%&'()*+,-./0123456789:;<=>?@ABC"), 478, 0, 0, "chargen answer" },
	{ "quic",    17, 0, EPH, 443, 1, PL("\xc3\0\0\0\1\x08\0\0\0\0\0\0\0\0"), 1186, F_RAND8, 0, "QUIC v1 Initial shape" },
	{ "icmp",     1, 0, 0, 0, 0, 0, PL("\x08\0\0\0\0\0\0\0"), 24, 0, 0, "ICMP echo request" },
	{ "frag",    17, 0, 0, 0, 0, 0, PL(""), 64, 0, 0x2000 | 64, "later fragment of a UDP datagram" },
	{ "tinyfrag", 6, 0, 0, 0, 0, 0, PL("\0\1\0\x50\0\0\0\1"), 0, 0, 0x2000, "first fragment, 8 bytes of TCP" },
	{ "gre",     47, 0, 0, 0, 0, 0, PL("\0\0\x08\0"), 64, 0, 0, "GRE" },
	{ "esp",     50, 0, 0, 0, 0, 0, PL("\0\0\0\0\0\0\0\0"), 64, 0, 0, "ESP" },
};

static uint32_t sum_bytes(const uint8_t *p, size_t n)
{
	uint32_t s = 0;
	size_t i;

	for (i = 0; i + 1 < n; i += 2) {
		uint16_t v;

		memcpy(&v, p + i, 2);
		s += v;
	}
	if (n & 1)
		s += p[n - 1];          /* little endian host: the odd byte is the low one */
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static void parse_pool(const char *text, struct addrs *a, int *family)
{
	char buf[INET6_ADDRSTRLEN + 8];
	char *slash;
	uint8_t raw[16] = { 0 }, host[16] = { 0 };
	int bits, plen, fam;

	if (strlen(text) >= sizeof(buf))
		die("address too long: %s", text);
	strcpy(buf, text);
	slash = strchr(buf, '/');
	if (slash)
		*slash++ = 0;
	fam = strchr(buf, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(fam, buf, raw) != 1)
		die("not an address: %s", text);
	bits = fam == AF_INET6 ? 128 : 32;
	plen = slash ? atoi(slash) : bits;
	if (plen < 0 || plen > bits)
		die("bad prefix length: %s", text);
	for (int i = plen; i < bits; i++) {
		host[i / 8] |= (uint8_t)(0x80 >> (i % 8));
		raw[i / 8] &= (uint8_t)~(0x80 >> (i % 8));
	}
	memcpy(a->net, raw, 16);
	memcpy(a->host, host, 16);
	*family = fam;
}

static void parse_range(const char *text, uint32_t *first, uint32_t *n)
{
	unsigned lo, hi;
	int got = sscanf(text, "%u-%u", &lo, &hi);

	if (got < 1)
		die("not a port or range: %s", text);
	if (got == 1)
		hi = lo;
	if (lo > hi || hi > 65535)
		die("bad port range: %s", text);
	*first = lo;
	*n = hi - lo + 1;
}

static void parse_mac(const char *text, uint8_t mac[6])
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4,
		   mac + 5) != 6)
		die("not a MAC address: %s", text);
}

struct defaults {
	struct addrs src, dst;
	int family;
	uint8_t dmac[6], smac[6];
};

static void build(struct tmpl *t, const struct kind *k, int family, size_t size,
		  const struct defaults *def)
{
	static const uint8_t syn_opts[20] = {   /* MSS 1460, SACK ok, TS, NOP, WS 7 */
		2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 1, 2, 3, 0, 0, 0, 0, 1, 3, 3, 7 };
	bool v6 = family == AF_INET6, tcp = k->proto == 6 && k->tcp_flags;
	uint8_t *d = t->data, *l4, *pl;
	size_t l4hdr = tcp ? (k->tcp_flags & 0x100 ? 20 : 40) : k->proto == 17 && !(k->frag & 0x1fff) ? 8 : 0;
	size_t iplen = v6 ? 40 : 20, paylen = k->payload_len + k->pad, total;
	int proto = k->proto == 1 && v6 ? 58 : k->proto;

	t->flags = k->extra | (v6 ? F_V6 : F_IPID);
	t->l3 = 14;
	t->l4 = 14 + (uint32_t)iplen;
	total = 14 + iplen + l4hdr + paylen;
	if (size > total) {
		paylen += size - total;
		total = size;
	}
	if (total > FRAME_MAX)
		die("frame too long: %zu", total);
	t->len = (uint32_t)total;
	memcpy(d, def->dmac, 6);
	memcpy(d + 6, def->smac, 6);
	d[12] = v6 ? 0x86 : 0x08;
	d[13] = v6 ? 0xdd : 0x00;
	if (v6) {
		d[14] = 0x60;
		put16(d + 18, htons((uint16_t)(total - 54)));
		d[20] = (uint8_t)proto;
		d[21] = 64;
	} else {
		d[14] = 0x45;
		put16(d + 16, htons((uint16_t)(total - 14)));
		put16(d + 20, htons(k->frag));
		d[22] = 64;
		d[23] = (uint8_t)proto;
		t->sum3 = sum_bytes(d + 14, 20);
	}
	l4 = d + t->l4;
	pl = l4 + l4hdr;
	memcpy(pl, k->payload, k->payload_len);
	if (tcp) {
		t->flags |= F_PORTS | F_SEQ | F_CSUM | (k->tcp_flags & 0x10 ? F_ACK : 0);
		t->csum_off = t->l4 + 16;
		l4[12] = (uint8_t)(l4hdr / 4 << 4);
		l4[13] = (uint8_t)k->tcp_flags;
		put16(l4 + 14, htons(64240));
		if (l4hdr == 40)
			memcpy(l4 + 20, syn_opts, 20);
	} else if (l4hdr) {
		t->flags |= F_PORTS | F_CSUM;
		t->csum_off = t->l4 + 6;
		put16(l4 + 4, htons((uint16_t)(8 + paylen)));
	} else if (k->proto == 1) {
		if (v6)
			l4[0] = 128;
		t->flags |= F_CSUM;
		t->csum_off = t->l4 + 2;
	}
	t->rand_off = (uint32_t)(pl - d);
	if (!strcmp(k->name, "dnsq")) {
		t->rand_off += 13;      /* the label's bytes, so each name is new */
	} else if (!strcmp(k->name, "quic")) {
		t->rand_off += 6;       /* destination connection id */
	}
	t->hdr_len = t->flags & F_RAND8 ? t->rand_off + 8 : t->l4 + (uint32_t)l4hdr;
	if (t->hdr_len > t->len || t->hdr_len > HDR_MAX)
		die("template %s does not fit", k->name);
	if (t->flags & F_RAND8)
		memset(d + t->rand_off, 0, 8);
	if (t->flags & F_CSUM) {
		size_t l4len = total - t->l4;

		t->sum4 = sum_bytes(l4, l4len);
		/* ICMP over IPv4 has no pseudo header; patch() adds the addresses, so the
		 * checksum of that kind is fixed here and left alone. */
		if (k->proto == 1 && !v6) {
			put16(l4 + 2, fold(t->sum4));
			t->flags &= ~(uint32_t)F_CSUM;
		} else {
			t->sum4 += htons((uint16_t)proto) + htons((uint16_t)l4len);
		}
	}
	t->sport = k->sport;
	t->sport_n = k->sport_n;
	t->dport = k->dport;
	t->dport_n = k->dport_n;
}

/* -t name[:key=value,...]; keys: weight src dst srcs dsts sport dport size */
static void parse_tmpl(char *spec, struct tmpl *t, const struct defaults *def, uint32_t *weight)
{
	char *opts = strchr(spec, ':'), *kv, *save = NULL;
	const struct kind *k = NULL;
	int sf = def->family, df = def->family;
	size_t size = 0;
	struct addrs src = def->src, dst = def->dst;
	uint32_t sp[2] = { 0, 0 }, dp[2] = { 0, 0 };

	*weight = 1;
	if (opts)
		*opts++ = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, spec))
			k = &kinds[i];
	if (!k)
		die("no template called %s (see pktblast list)", spec);
	for (kv = opts ? strtok_r(opts, ",", &save) : NULL; kv; kv = strtok_r(NULL, ",", &save)) {
		char *val = strchr(kv, '=');

		if (!val)
			die("key without value: %s", kv);
		*val++ = 0;
		if (!strcmp(kv, "weight"))
			*weight = (uint32_t)atoi(val);
		else if (!strcmp(kv, "src"))
			parse_pool(val, &src, &sf);
		else if (!strcmp(kv, "dst"))
			parse_pool(val, &dst, &df);
		else if (!strcmp(kv, "srcs"))
			src.count = (uint32_t)strtoul(val, NULL, 0);
		else if (!strcmp(kv, "dsts"))
			dst.count = (uint32_t)strtoul(val, NULL, 0);
		else if (!strcmp(kv, "sport"))
			parse_range(val, &sp[0], &sp[1]);
		else if (!strcmp(kv, "dport"))
			parse_range(val, &dp[0], &dp[1]);
		else if (!strcmp(kv, "size"))
			size = (size_t)atoi(val);
		else
			die("unknown key: %s", kv);
	}
	if (sf != df)
		die("source and destination of %s are of different families", spec);
	build(t, k, sf, size, def);
	t->src = src;
	t->dst = dst;
	if (sp[1]) {
		t->sport = sp[0];
		t->sport_n = sp[1];
	}
	if (dp[1]) {
		t->dport = dp[0];
		t->dport_n = dp[1];
	}
}

/* ---- device counters ---------------------------------------------------- */

static int ethtool(const char *dev, void *data)
{
	struct ifreq ifr;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), rc;

	if (fd < 0)
		return -1;
	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev);
	ifr.ifr_data = data;
	rc = ioctl(fd, SIOCETHTOOL, &ifr);
	close(fd);
	return rc;
}

static bool is_veth(const char *dev)
{
	struct ethtool_drvinfo di = { .cmd = ETHTOOL_GDRVINFO };

	return !ethtool(dev, &di) && !strcmp(di.driver, "veth");
}

struct counters { uint64_t rx, rx_drop, xdp, xdp_drop, xdp_tx, xdp_redir, ring_drop, sink; };

static uint64_t sysfs_stat(const char *dev, const char *name)
{
	char path[160];
	unsigned long long v = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", dev, name);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%llu", &v) != 1)
		v = 0;
	fclose(f);
	return v;
}

static void read_counters(const char *dev, int sink_fd, struct counters *c)
{
	struct {
		struct ethtool_sset_info h;
		uint32_t n;
	} ss = { .h = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_STATS } };

	memset(c, 0, sizeof(*c));
	c->rx = sysfs_stat(dev, "rx_packets");
	c->rx_drop = sysfs_stat(dev, "rx_dropped");
	if (!ethtool(dev, &ss) && ss.h.sset_mask && ss.n) {
		struct ethtool_gstrings *names = calloc(1, sizeof(*names) + ss.n * ETH_GSTRING_LEN);
		struct ethtool_stats *vals = calloc(1, sizeof(*vals) + ss.n * 8);

		names->cmd = ETHTOOL_GSTRINGS;
		names->string_set = ETH_SS_STATS;
		names->len = ss.n;
		vals->cmd = ETHTOOL_GSTATS;
		vals->n_stats = ss.n;
		if (!ethtool(dev, names) && !ethtool(dev, vals)) {
			for (uint32_t i = 0; i < ss.n; i++) {
				const char *s = (const char *)names->data + i * ETH_GSTRING_LEN;
				const char *tail = strncmp(s, "rx_queue_", 9) ? "" : strchr(s + 9, '_');
				uint64_t v = vals->data[i];

				if (!tail)
					continue;
				if (!strcmp(tail, "_xdp_packets"))
					c->xdp += v;
				else if (!strcmp(tail, "_xdp_drops"))
					c->xdp_drop += v;
				else if (!strcmp(tail, "_xdp_tx"))
					c->xdp_tx += v;
				else if (!strcmp(tail, "_xdp_redirect"))
					c->xdp_redir += v;
				else if (!strcmp(tail, "_drops"))
					c->ring_drop += v;
			}
		}
		free(names);
		free(vals);
	}
	if (sink_fd >= 0) {
		int n = libbpf_num_possible_cpus();
		uint64_t *v = calloc((size_t)n, 8);
		uint32_t key = 0;

		if (!bpf_map_lookup_elem(sink_fd, &key, v))
			for (int i = 0; i < n; i++)
				c->sink += v[i];
		free(v);
	}
}

static void print_rx(const char *kind, double secs, const struct counters *a, const struct counters *b)
{
	double seen = (double)(b->xdp - a->xdp), drop = (double)(b->xdp_drop - a->xdp_drop);
	double tx = (double)(b->xdp_tx - a->xdp_tx), red = (double)(b->xdp_redir - a->xdp_redir);
	double rx = (double)(b->rx - a->rx);

	if (!(b->xdp - a->xdp))
		seen = rx;
	printf("{\"kind\":\"%s\",\"seconds\":%.3f,\"rx_pps\":%.0f,\"xdp_drop_pps\":%.0f,"
	       "\"xdp_tx_pps\":%.0f,\"xdp_redirect_pps\":%.0f,\"passed_pps\":%.0f,"
	       "\"ring_drop_pps\":%.0f,\"sink_pps\":%.0f}\n",
	       kind, secs, seen / secs, drop / secs, tx / secs, red / secs,
	       (seen - drop - tx - red) / secs, (double)(b->ring_drop - a->ring_drop) / secs,
	       (double)(b->sink - a->sink) / secs);
	fflush(stdout);
}

/* ---- the BPF object ------------------------------------------------------ */

static int quiet(enum libbpf_print_level l, const char *f, va_list ap)
{
	return l == LIBBPF_WARN && strlen(f) < 512 ? vfprintf(stderr, f, ap) : 0;
}

static struct bpf_object *load_object(void)
{
	struct bpf_object *o;

	libbpf_set_print(quiet);
	o = bpf_object__open_mem(bpf_obj_start, (size_t)(bpf_obj_end - bpf_obj_start), NULL);
	if (!o || bpf_object__load(o))
		die("cannot load the BPF object: %s", strerror(errno));
	return o;
}

static int map_fd(struct bpf_object *o, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(o, name);

	if (fd < 0)
		die("no map %s", name);
	return fd;
}

static int prog_fd(struct bpf_object *o, const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(o, name);

	if (!p)
		die("no program %s", name);
	return bpf_program__fd(p);
}

/* ---- sending ------------------------------------------------------------- */

struct job {
	const char *dev;
	int ifindex;
	struct tmpl t[TMPL_MAX];
	uint32_t n;
	struct cfg cfg;
	uint64_t count;
	double seconds, rate;
	double bursts;          /* a second, at most, when the rate is limited */
	uint32_t batch;
};

/* How many frames may go now; sleeps when the rate says so. 0: time or count is up. */
static uint32_t allowance(const struct job *j, double start, uint64_t sent, uint32_t want)
{
	double t = now() - start;

	if (stop || t >= j->seconds || (j->count && sent >= j->count))
		return 0;
	if (j->count && j->count - sent < want)
		want = (uint32_t)(j->count - sent);
	if (j->rate > 0) {
		double due = j->rate * t - (double)sent;
		double chunk = j->rate / j->bursts < 1 ? 1 : j->rate / j->bursts;

		if (due < chunk) {
			usleep((useconds_t)((chunk - due) / j->rate * 1e6) + 1);
			due = j->rate * (now() - start) - (double)sent;
		}
		if (due < 1)
			due = 1;
		if (due < want)
			want = (uint32_t)due;
	}
	return want;
}

/* One call for the whole run: each call patches kernel text and so costs milliseconds.
 * A timer signal ends it; the program itself keeps count and pace. */
static uint64_t send_live(struct job *j, double start)
{
	struct bpf_object *o = load_object();
	int cpus = libbpf_num_possible_cpus(), fd = prog_fd(o, "blast");
	int tfd = map_fd(o, "tmpl_map"), cfd = map_fd(o, "cfg_map"), sfd = map_fd(o, "state_map");
	size_t vs = (sizeof(struct tmpl) + 7) & ~(size_t)7;
	uint8_t *vals = calloc((size_t)cpus, vs);
	struct { struct rng r; uint64_t sent, errors; } *st = calloc((size_t)cpus, sizeof(*st));
	uint32_t k0 = 0, max_len = 0;
	uint64_t total = 0;
	double end = start + j->seconds;

	if (!vals || !st)
		die("out of memory");
	for (uint32_t i = 0; i < j->n; i++) {
		for (int c = 0; c < cpus; c++)
			memcpy(vals + (size_t)c * vs, &j->t[i], sizeof(struct tmpl));
		if (bpf_map_update_elem(tfd, &i, vals, 0))
			die("template map: %s", strerror(errno));
		if (j->t[i].len > max_len)
			max_len = j->t[i].len;
	}
	j->cfg.ifindex = (uint32_t)j->ifindex;
	j->cfg.n_tmpl = j->n;
	j->cfg.mixed = j->n > 1;
	j->cfg.limit = j->count;
	j->cfg.pace = (uint64_t)(j->rate * (double)(1 << 30) / 1e9);
	j->cfg.start = (uint64_t)(start * 1e9);
	if (j->rate > 0 && j->count && start + (double)j->count / j->rate + 0.05 < end)
		end = start + (double)j->count / j->rate + 0.05;
	if (bpf_map_update_elem(cfd, &k0, &j->cfg, 0))
		die("config map: %s", strerror(errno));
	while (!stop && now() < end) {
		double left = end - now() + 0.0005;
		struct itimerval tv = { .it_value = { (time_t)left,
			(suseconds_t)((left - (double)(time_t)left) * 1e6) } };
		LIBBPF_OPTS(bpf_test_run_opts, op, .data_in = j->t[0].data, .data_size_in = max_len,
			    .repeat = INT32_MAX, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
			    .batch_size = j->batch);

		if (j->count && !j->cfg.pace && j->count < INT32_MAX)
			op.repeat = (int)j->count;
		setitimer(ITIMER_REAL, &tv, NULL);
		if (bpf_prog_test_run_opts(fd, &op)) {
			if (errno != EINTR)
				die("live frames: %s", strerror(errno));
		} else if (j->count) {
			break;
		}
	}
	if (!bpf_map_lookup_elem(sfd, &k0, st))
		for (int c = 0; c < cpus; c++) {
			total += st[c].sent;
			if (st[c].errors)
				fprintf(stderr, "pktblast: %llu frames could not be written\n",
					(unsigned long long)st[c].errors);
		}
	bpf_object__close(o);
	free(vals);
	free(st);
	return total;
}

static uint64_t send_ring(struct job *j, double start)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_ifindex = j->ifindex };
	struct tpacket_req rq = { .tp_block_size = 1 << 16, .tp_frame_size = 2048,
				  .tp_block_nr = 64, .tp_frame_nr = 64 * 32 };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1, ver = TPACKET_V2;
	struct rng r = { j->cfg.seed | 1 };
	uint64_t sent = 0;
	uint32_t pos = 0, n;
	uint8_t *ring;

	if (fd < 0)
		die("packet socket: %s", strerror(errno));
	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &ver, sizeof(ver)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &rq, sizeof(rq)) ||
	    bind(fd, (struct sockaddr *)&ll, sizeof(ll)))
		die("transmit ring: %s", strerror(errno));
	ring = mmap(NULL, (size_t)rq.tp_block_size * rq.tp_block_nr, PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		die("transmit ring: %s", strerror(errno));
	while ((n = allowance(j, start, sent, j->batch))) {
		for (uint32_t i = 0; i < n; i++) {
			struct tpacket2_hdr *h = (void *)(ring + (size_t)pos * rq.tp_frame_size);
			struct tmpl *t = j->t;

			while (__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) &
			       (TP_STATUS_SEND_REQUEST | TP_STATUS_SENDING)) {
				if (send(fd, NULL, 0, 0) < 0 && errno != ENOBUFS && errno != EAGAIN)
					die("send: %s", strerror(errno));
			}
			if (j->n > 1) {
				uint32_t w = (uint32_t)(((rnd(&r) >> 32) * j->cfg.weight_total) >> 32);

				while (t < j->t + j->n - 1 && w >= t->weight_end)
					t++;
			}
			patch(t, &r);
			memcpy((uint8_t *)h + TPACKET2_HDRLEN - sizeof(struct sockaddr_ll), t->data, t->len);
			h->tp_len = t->len;
			__atomic_store_n(&h->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
			pos = (pos + 1) % rq.tp_frame_nr;
		}
		if (send(fd, NULL, 0, 0) < 0 && errno != ENOBUFS && errno != EAGAIN)
			die("send: %s", strerror(errno));
		sent += n;
	}
	close(fd);
	return sent;
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cannot pin to cpu %d: %s", cpu, strerror(errno));
}

__attribute__((noreturn))
static void usage(void)
{
	puts("pktblast tx -i DEV -t TEMPLATE[:key=value,...] [-t ...] [-D DSTMAC] [-s POOL] [-d POOL]\n"
	     "            [-m live|ring] [-S seconds] [-n frames] [-r pps] [-b batch] [-c cpu] [-e seed]\n"
	     "            [-p bursts] [--any-device]\n"
	     "pktblast rx -i DEV [-a drop|pass|none] [-S seconds] [-I interval]\n"
	     "pktblast dump -t TEMPLATE...     (one frame in hex, as it would be sent)\n"
	     "pktblast list\n"
	     "template keys: weight src dst srcs dsts sport dport size\n");
	exit(2);
}

struct options {
	const char *dev, *mode, *action;
	double interval_s;
	int cpu;
	bool any_device;
	uint32_t n_specs;
	char *specs[TMPL_MAX];
	struct defaults def;
};

static void parse_options(int argc, char **argv, struct options *o, struct job *j)
{
	static const struct option longopts[] = { { "any-device", 0, NULL, 1 }, { NULL, 0, NULL, 0 } };
	int c;

	optind = 2;
	while (argc > 2 && (c = getopt_long(argc, argv, "i:t:D:s:d:m:S:n:r:b:c:e:a:I:p:", longopts, NULL)) != -1) {
		switch (c) {
		case 'i': o->dev = optarg; break;
		case 't':
			if (o->n_specs >= TMPL_MAX)
				die("more than %d templates", TMPL_MAX);
			o->specs[o->n_specs++] = optarg;
			break;
		case 'D': parse_mac(optarg, o->def.dmac); break;
		case 's': parse_pool(optarg, &o->def.src, &o->def.family); break;
		case 'd': parse_pool(optarg, &o->def.dst, &o->def.family); break;
		case 'm': o->mode = optarg; break;
		case 'S': j->seconds = atof(optarg); break;
		case 'n': j->count = strtoull(optarg, NULL, 0); break;
		case 'r': j->rate = atof(optarg); break;
		case 'b': j->batch = (uint32_t)atoi(optarg); break;
		case 'c': o->cpu = atoi(optarg); break;
		case 'e': j->cfg.seed = strtoull(optarg, NULL, 0); break;
		case 'a': o->action = optarg; break;
		case 'I': o->interval_s = atof(optarg); break;
		case 'p': j->bursts = atof(optarg); break;
		case 1: o->any_device = true; break;
		default: usage();
		}
	}
	if (j->seconds <= 0 || j->seconds > MAX_SECONDS || j->batch < 1 || j->batch > 256 || j->bursts < 1)
		die("seconds must be over 0 and at most %d, batch 1 to 256, bursts 1 or more", MAX_SECONDS);
}

static void build_templates(struct options *o, struct job *j)
{
	for (uint32_t i = 0; i < o->n_specs; i++) {
		uint32_t weight;

		parse_tmpl(o->specs[i], &j->t[i], &o->def, &weight);
		j->cfg.weight_total += weight;
		j->t[i].weight_end = j->cfg.weight_total;
	}
	j->n = o->n_specs;
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };      /* no SA_RESTART: calls must end */

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = on_alarm;
	sigaction(SIGALRM, &sa, NULL);
}

static int run_list(void)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		printf("%-9s %s\n", kinds[i].name, kinds[i].what);
	return 0;
}

static int run_dump(struct job *j)
{
	struct rng r = { j->cfg.seed | 1 };

	for (uint32_t i = 0; i < j->n; i++) {
		patch(&j->t[i], &r);
		for (uint32_t b = 0; b < j->t[i].len; b++)
			printf("%02x", j->t[i].data[b]);
		putchar('\n');
	}
	return 0;
}

static int run_rx(const struct options *o, const struct job *j)
{
	struct bpf_object *obj = NULL;
	struct counters first, prev, cur;
	int sink_fd = -1;
	double t0, tp, t;

	if (strcmp(o->action, "none")) {
		const char *prog = !strcmp(o->action, "pass") ? "sink_pass" : "sink_drop";

		obj = load_object();
		sink_fd = map_fd(obj, "sink_map");
		if (bpf_xdp_attach(j->ifindex, prog_fd(obj, prog), XDP_FLAGS_UPDATE_IF_NOEXIST, NULL))
			die("cannot attach to %s: %s", o->dev, strerror(errno));
	}
	read_counters(o->dev, sink_fd, &first);
	prev = first;
	t0 = tp = now();
	while (!stop && (t = now()) - t0 < j->seconds) {
		double left = j->seconds - (t - t0);
		double nap = o->interval_s > 0 && o->interval_s < left ? o->interval_s : left;

		usleep((useconds_t)(nap * 1e6));
		t = now();
		read_counters(o->dev, sink_fd, &cur);
		if (o->interval_s > 0)
			print_rx("interval", t - tp, &prev, &cur);
		prev = cur;
		tp = t;
	}
	print_rx("total", tp - t0, &first, &prev);
	if (obj) {
		bpf_xdp_detach(j->ifindex, 0, NULL);
		bpf_object__close(obj);
	}
	return 0;
}

static int run_tx(const struct options *o, struct job *j)
{
	double start;
	uint64_t sent;

	if (!j->n)
		usage();
	if (!o->any_device && !is_veth(o->dev))
		die("%s is not a veth device; --any-device if you are sure", o->dev);
	pin(o->cpu);
	prctl(PR_SET_TIMERSLACK, 1000);         /* nanoseconds: short sleeps end when they should */
	start = now();
	sent = !strcmp(o->mode, "ring") ? send_ring(j, start) : send_live(j, start);
	printf("{\"kind\":\"sent\",\"seconds\":%.3f,\"frames\":%llu,\"pps\":%.0f}\n", now() - start,
	       (unsigned long long)sent, (double)sent / (now() - start));
	return 0;
}

int main(int argc, char **argv)
{
	static struct job j = { .seconds = 5, .batch = 64, .bursts = 500, .cfg.seed = 1 };
	static struct options o = {
		.mode = "live", .action = "none", .interval_s = 1, .cpu = -1,
		.def = { .family = AF_INET, .dmac = { 255, 255, 255, 255, 255, 255 },
			 .smac = { 2, 0, 0, 0, 0, 1 } },
	};
	const char *cmd = argc > 1 ? argv[1] : "";
	int family;

	parse_pool("198.18.0.0/16", &o.def.src, &family);
	parse_pool("198.19.0.1", &o.def.dst, &family);
	if (!strcmp(cmd, "list"))
		return run_list();
	parse_options(argc, argv, &o, &j);
	build_templates(&o, &j);
	if (!strcmp(cmd, "dump"))
		return run_dump(&j);
	if (!o.dev || !(j.ifindex = (int)if_nametoindex(o.dev)))
		usage();
	j.dev = o.dev;
	catch_signals();
	if (!strcmp(cmd, "rx"))
		return run_rx(&o, &j);
	if (!strcmp(cmd, "tx"))
		return run_tx(&o, &j);
	usage();
}
#endif
