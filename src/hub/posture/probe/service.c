// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/probe/service.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

/* ---- Connections ---- */

static bool wait_for(int fd, short events, uint64_t until_ns)
{
	uint64_t now_ns = clock_mono_ns();
	struct pollfd entry = { .fd = fd, .events = events };

	return now_ns < until_ns && poll(&entry, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) > 0;
}

static int connect_to(const struct ip_addr *addr, uint16_t port, uint64_t until_ns)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	bool four = addr->family == IP_V4;
	int fd = socket(four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), failed = 0;
	socklen_t size = sizeof(failed);

	memcpy(&v4.sin_addr, addr->bytes, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, addr->bytes, sizeof(v6.sin6_addr));
	if (fd < 0)
		return -1;
	if (connect(fd, four ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6,
		    four ? sizeof(v4) : sizeof(v6)) &&
		(errno != EINPROGRESS || !wait_for(fd, POLLOUT, until_ns) ||
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) || failed)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* One connection, over TLS or not. */
struct talk {
	int fd;
	SSL_CTX *context;
	SSL *ssl; /* null: in the clear */
	uint64_t until_ns;
};

static void talk_end(struct talk *talk)
{
	SSL_free(talk->ssl);
	SSL_CTX_free(talk->context);
	if (talk->fd >= 0)
		close(talk->fd);
	*talk = (struct talk){ .fd = -1 };
}

/* True: it may be tried again. */
static bool wait_ssl(struct talk *talk, int result)
{
	int error = SSL_get_error(talk->ssl, result);

	return (error == SSL_ERROR_WANT_READ && wait_for(talk->fd, POLLIN, talk->until_ns)) ||
	       (error == SSL_ERROR_WANT_WRITE && wait_for(talk->fd, POLLOUT, talk->until_ns));
}

/* What is asked for is whether it is spoken, not whether it can be trusted: nothing secret is sent. */
static SSL_CTX *make_context(int version)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (!context)
		return NULL;
	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	if (SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0") != 1 ||
		SSL_CTX_set_min_proto_version(context, version ? version : TLS1_VERSION) != 1 ||
		SSL_CTX_set_max_proto_version(context, version) != 1) {
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

static enum service_answer talk_tls(
	const struct ip_addr *addr, uint16_t port, int version, const char *host, struct talk *ret)
{
	struct ip_addr parsed;
	bool late;
	int result;

	*ret = (struct talk){ .fd = -1, .until_ns = clock_mono_ns() + SERVICE_CONNECT_MS * NS_PER_MS };
	ret->fd = connect_to(addr, port, ret->until_ns);
	if (ret->fd < 0)
		return SERVICE_UNREACHABLE;
	ret->context = make_context(version);
	ret->ssl = ret->context ? SSL_new(ret->context) : NULL;
	if (!ret->ssl || SSL_set_fd(ret->ssl, ret->fd) != 1) {
		talk_end(ret);
		return SERVICE_UNREACHABLE;
	}
	if (host && ip_addr_parse(bytes_from_str(host), &parsed))
		(void)SSL_set_tlsext_host_name(ret->ssl, (char *)(uintptr_t)host);
	do
		result = SSL_connect(ret->ssl);
	while (result != 1 && wait_ssl(ret, result));
	if (result == 1)
		return SERVICE_YES;
	/* Who is slow has not said no. */
	late = clock_mono_ns() >= ret->until_ns;
	talk_end(ret);
	return late ? SERVICE_UNREACHABLE : SERVICE_NO;
}

enum service_answer service_speaks(const struct ip_addr *addr, uint16_t port, int version)
{
	struct talk talk;
	enum service_answer answer = talk_tls(addr, port, version, NULL, &talk);

	talk_end(&talk);
	if (answer != SERVICE_NO)
		return answer;
	/* A service that is gone, or in trouble, speaks nothing at all, and nothing follows from that. */
	answer = talk_tls(addr, port, 0, NULL, &talk);
	talk_end(&talk);
	return answer == SERVICE_YES ? SERVICE_NO : SERVICE_UNREACHABLE;
}

/* ---- Certificates ---- */

static void read_certificate(X509 *certificate, struct service_certificate *ret)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	struct tm parts = { 0 };
	int type = key ? EVP_PKEY_get_base_id(key) : 0, digest = NID_undef;

	*ret = (struct service_certificate){ .self_signed = X509_NAME_cmp(X509_get_subject_name(certificate),
								    X509_get_issuer_name(certificate)) == 0 };
	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) == 1)
		ret->not_after_s = (int64_t)timegm(&parts);
	snprintf(ret->key, sizeof(ret->key), "%s", type == EVP_PKEY_RSA ? "rsa" : type == EVP_PKEY_EC ? "ec" : "");
	ret->key_bits = key ? (uint32_t)EVP_PKEY_get_bits(key) : 0;
	(void)OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest, NULL);
	ret->weak_signature = !ret->self_signed && (digest == NID_md5 || digest == NID_sha1);
}

enum service_answer service_certificate(const struct ip_addr *addr, uint16_t port, struct service_certificate *ret)
{
	struct talk talk;
	enum service_answer answer = talk_tls(addr, port, 0, NULL, &talk);
	X509 *certificate = answer == SERVICE_YES ? SSL_get1_peer_certificate(talk.ssl) : NULL;

	if (certificate)
		read_certificate(certificate, ret);
	X509_free(certificate);
	talk_end(&talk);
	return answer == SERVICE_YES && !certificate ? SERVICE_NO : answer;
}

/* ---- HTTP ---- */

static bool send_all(struct talk *talk, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t sent =
			talk->ssl ? SSL_write(talk->ssl, text, (int)size) : send(talk->fd, text, size, MSG_NOSIGNAL);

		if (sent <= 0) {
			if (talk->ssl ? !wait_ssl(talk, (int)sent)
				      : errno != EAGAIN || !wait_for(talk->fd, POLLOUT, talk->until_ns))
				return false;
			continue;
		}
		text += sent;
		size -= (size_t)sent;
	}
	return true;
}

/* Up to the empty line, the end, or as much as fits. */
static size_t receive_head(struct talk *talk, char head[SERVICE_HEAD_MAX])
{
	size_t size = 0;

	head[0] = '\0';
	while (size + 1 < SERVICE_HEAD_MAX && !strstr(head, "\r\n\r\n")) {
		size_t room = SERVICE_HEAD_MAX - 1 - size;
		ssize_t got =
			talk->ssl ? SSL_read(talk->ssl, head + size, (int)room) : recv(talk->fd, head + size, room, 0);

		if (got <= 0) {
			if (got == 0 && !talk->ssl)
				break;
			if (talk->ssl ? !wait_ssl(talk, (int)got)
				      : errno != EAGAIN || !wait_for(talk->fd, POLLIN, talk->until_ns))
				break;
			continue;
		}
		size += (size_t)got;
		head[size] = '\0';
	}
	return size;
}

enum service_answer service_head(
	const struct ip_addr *addr, uint16_t port, const char *host, char ret[SERVICE_HEAD_MAX], bool *ret_tls)
{
	char request[512], *end;
	struct talk talk;
	enum service_answer answer = talk_tls(addr, port, 0, host, &talk);
	int size = snprintf(request, sizeof(request),
		"GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: luytre-probe\r\nAccept: text/html\r\nConnection: "
		"close\r\n\r\n",
		host);

	*ret_tls = answer == SERVICE_YES;
	if (answer == SERVICE_UNREACHABLE || size < 0 || (size_t)size >= sizeof(request))
		return SERVICE_UNREACHABLE;
	if (answer == SERVICE_NO) {
		talk.until_ns = clock_mono_ns() + SERVICE_CONNECT_MS * NS_PER_MS;
		talk.fd = connect_to(addr, port, talk.until_ns);
		if (talk.fd < 0)
			return SERVICE_UNREACHABLE;
	}
	answer = send_all(&talk, request, (size_t)size) && receive_head(&talk, ret) > 0 ? SERVICE_YES
											: SERVICE_UNREACHABLE;
	talk_end(&talk);
	if (answer != SERVICE_YES)
		return answer;
	end = strstr(ret, "\r\n\r\n");
	if (strncmp(ret, "HTTP/1.", 7) != 0 || !end)
		return SERVICE_NO;
	end[2] = '\0';
	return SERVICE_YES;
}

bool service_has_header(const char *head, const char *name, const char *part)
{
	size_t name_size = strlen(name), part_size = strlen(part);

	for (const char *line = strstr(head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
		const char *at = line + 2, *end = strstr(at, "\r\n");

		if (strncasecmp(at, name, name_size) != 0 || at[name_size] != ':')
			continue;
		for (at += name_size + 1; end && at + part_size <= end; at++)
			if (strncasecmp(at, part, part_size) == 0)
				return true;
	}
	return false;
}
