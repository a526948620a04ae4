// SPDX-License-Identifier: Apache-2.0
#include "hub/cluster/natslog.h"

#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { SERVERS_MAX = 16, CONNECT_MS = 1000, RECONNECT_MS = 100, PING_MS = 2000 };

/* Not "Nats-Msg-Id": a server may call that a duplicate before a majority of the cluster has it. */
#define HEADER_ID    "Luytre-Message"
#define HEADER_AFTER "Nats-Expected-Last-Sequence"

struct natslog {
	natsConnection *connection;
	jsCtx *stream;
	char *servers; /* cut at its commas */
};

static int fail(char *why, natsStatus status, const char *what)
{
	snprintf(why, NATSLOG_WHY_SIZE, "%s: %s", what, natsStatus_GetText(status));
	return status == NATS_NO_MEMORY ? LUYTRE_E_NOMEM : LUYTRE_E_IO;
}

static natsStatus set_options(struct natslog *log, natsOptions *options)
{
	const char *servers[SERVERS_MAX];
	int count = 0;
	char *rest = log->servers, *server;
	natsStatus status;

	while ((server = strsep(&rest, ",")) && count < SERVERS_MAX)
		servers[count++] = server;
	status = natsOptions_SetServers(options, servers, count);
	if (status == NATS_OK)
		status = natsOptions_SetName(options, "luytre-hub");
	if (status == NATS_OK)
		status = natsOptions_SetTimeout(options, CONNECT_MS);
	if (status == NATS_OK)
		status = natsOptions_SetMaxReconnect(options, -1);
	if (status == NATS_OK)
		status = natsOptions_SetReconnectWait(options, RECONNECT_MS);
	if (status == NATS_OK)
		status = natsOptions_SetReconnectJitter(options, RECONNECT_MS, RECONNECT_MS);
	/* Nothing is kept for later while there is no connection: who appends must know where it stands. */
	if (status == NATS_OK)
		status = natsOptions_SetReconnectBufSize(options, 1);
	if (status == NATS_OK)
		status = natsOptions_SetPingInterval(options, PING_MS);
	if (status == NATS_OK)
		status = natsOptions_SetSendAsap(options, true);
	return status;
}

static natsStatus set_tls(const struct natslog_tls *tls, natsOptions *options)
{
	natsStatus status;

	if (!tls || !tls->authority)
		return NATS_OK;
	status = natsOptions_SetSecure(options, true);
	if (status == NATS_OK)
		status = natsOptions_LoadCATrustedCertificates(options, tls->authority);
	if (status == NATS_OK && tls->certificate && tls->key)
		status = natsOptions_LoadCertificatesChain(options, tls->certificate, tls->key);
	return status;
}

int natslog_open(const char *servers, const struct natslog_tls *tls, struct natslog **ret, char why[NATSLOG_WHY_SIZE])
{
	struct natslog *log = calloc(1, sizeof(*log));
	natsOptions *options = NULL;
	jsOptions stream;
	natsStatus status;

	if (!log || !(log->servers = strdup(servers))) {
		free(log);
		return fail(why, NATS_NO_MEMORY, "NATS");
	}
	status = natsOptions_Create(&options);
	if (status == NATS_OK)
		status = set_options(log, options);
	if (status == NATS_OK)
		status = set_tls(tls, options);
	if (status == NATS_OK)
		status = natsConnection_Connect(&log->connection, options);
	if (status == NATS_OK)
		status = jsOptions_Init(&stream);
	if (status == NATS_OK) {
		stream.Wait = NATSLOG_WAIT_MS;
		status = natsConnection_JetStream(&log->stream, log->connection, &stream);
	}
	natsOptions_Destroy(options);
	if (status != NATS_OK) {
		natslog_close(log);
		return fail(why, status, "NATS cannot be reached");
	}
	*ret = log;
	return 0;
}

void natslog_close(struct natslog *log)
{
	if (!log)
		return;
	jsCtx_Destroy(log->stream);
	natsConnection_Destroy(log->connection);
	free(log->servers);
	free(log);
}

/* What is not the caller's fault is a cluster that elects, or a server that went away. */
static int error_of(natsStatus status, jsErrCode code)
{
	if (status == NATS_OK)
		return 0;
	if (status == NATS_NO_MEMORY)
		return LUYTRE_E_NOMEM;
	if (code == JSStreamWrongLastSequenceErr)
		return LUYTRE_E_CONFLICT;
	if (code == JSNoMessageFoundErr || code == JSStreamNotFoundErr)
		return LUYTRE_E_NOT_FOUND;
	return LUYTRE_E_BUSY;
}

int natslog_make(struct natslog *log, const char *stream, unsigned int replicas, uint64_t keep)
{
	const char *subjects[1] = { stream };
	jsStreamConfig config;
	jsStreamInfo *info = NULL;
	jsErrCode code = 0;
	natsStatus status = jsStreamConfig_Init(&config);

	if (status != NATS_OK)
		return LUYTRE_E_SYSTEM;
	config.Name = stream;
	config.Subjects = subjects;
	config.SubjectsLen = 1;
	config.Storage = js_FileStorage;
	config.Replicas = replicas;
	config.MaxMsgs = keep ? (int64_t)keep : -1;
	config.DenyDelete = true;
	status = js_GetStreamInfo(&info, log->stream, stream, NULL, &code);
	if (error_of(status, code) == LUYTRE_E_NOT_FOUND)
		status = js_AddStream(&info, log->stream, &config, NULL, &code);
	jsStreamInfo_Destroy(info);
	return error_of(status, code);
}

int natslog_ends(struct natslog *log, const char *stream, uint64_t *ret_first, uint64_t *ret_last)
{
	jsStreamInfo *info = NULL;
	jsErrCode code = 0;
	natsStatus status = js_GetStreamInfo(&info, log->stream, stream, NULL, &code);

	if (status != NATS_OK)
		return error_of(status, code);
	*ret_first = info->State.Msgs ? info->State.FirstSeq : info->State.LastSeq + 1;
	*ret_last = info->State.LastSeq;
	jsStreamInfo_Destroy(info);
	return 0;
}

/* The message behind 'after' may be ours: the answer to an earlier try was lost. */
static int whose(struct natslog *log, const char *stream, const char *id, uint64_t after, uint64_t *ret)
{
	struct natslog_message message;
	int error = natslog_get(log, stream, after + 1, &message);

	if (error)
		return error == LUYTRE_E_NOT_FOUND ? LUYTRE_E_CONFLICT : error;
	if (strcmp(message.id, id) != 0)
		error = LUYTRE_E_CONFLICT;
	natslog_message_done(&message);
	if (!error)
		*ret = after + 1;
	return error;
}

int natslog_append(
	struct natslog *log, const char *stream, const char *id, uint64_t after, struct bytes content, uint64_t *ret)
{
	natsMsg *message = NULL;
	jsPubAck *ack = NULL;
	jsPubOptions options;
	jsErrCode code = 0;
	char number[24];
	natsStatus status = jsPubOptions_Init(&options);
	int error;

	if (content.size > NATSLOG_CONTENT_MAX)
		return LUYTRE_E_RANGE;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)after);
	options.MaxWait = NATSLOG_WAIT_MS;
	if (status == NATS_OK)
		status = natsMsg_Create(&message, stream, NULL, (const char *)content.ptr, (int)content.size);
	if (status == NATS_OK)
		status = natsMsgHeader_Set(message, HEADER_ID, id);
	if (status == NATS_OK)
		status = natsMsgHeader_Set(message, HEADER_AFTER, number);
	if (status == NATS_OK)
		status = js_PublishMsg(&ack, log->stream, message, &options, &code);
	error = error_of(status, code);
	if (!error && ack->Sequence != after + 1)
		error = LUYTRE_E_BUSY;
	if (!error)
		*ret = ack->Sequence;
	jsPubAck_Destroy(ack);
	natsMsg_Destroy(message);
	return error == LUYTRE_E_CONFLICT ? whose(log, stream, id, after, ret) : error;
}

int natslog_get(struct natslog *log, const char *stream, uint64_t number, struct natslog_message *ret)
{
	natsMsg *message = NULL;
	const char *id = NULL;
	jsErrCode code = 0;
	natsStatus status = js_GetMsg(&message, log->stream, stream, number, NULL, &code);

	if (status != NATS_OK)
		return error_of(status, code);
	if (natsMsgHeader_Get(message, HEADER_ID, &id) != NATS_OK)
		id = "";
	*ret = (struct natslog_message){ .content = bytes_of(
						 natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message)),
		.id = id,
		.number = number,
		.handle = message };
	return 0;
}

void natslog_message_done(struct natslog_message *message)
{
	natsMsg_Destroy(message->handle);
	*message = (struct natslog_message){ 0 };
}

int natslog_purge(struct natslog *log, const char *stream, uint64_t before)
{
	jsOptions options;
	jsErrCode code = 0;
	natsStatus status;

	if (jsOptions_Init(&options) != NATS_OK)
		return LUYTRE_E_SYSTEM;
	options.Wait = NATSLOG_WAIT_MS;
	options.Stream.Purge.Sequence = before;
	status = js_PurgeStream(log->stream, stream, &options, &code);
	return error_of(status, code);
}
