// SPDX-License-Identifier: Apache-2.0
/* In place of natslog.c where libnats is not installed: a program without a second hub. */
#include <stdio.h>

#include "base/error.h"
#include "hub/cluster/natslog.h"

int natslog_open(const char *servers, const struct natslog_tls *tls, struct natslog **ret, char why[NATSLOG_WHY_SIZE])
{
	snprintf(why, NATSLOG_WHY_SIZE, "this program was built without libnats");
	return LUYTRE_E_UNSUPPORTED;
}

void natslog_close(struct natslog *log) {}

int natslog_make(struct natslog *log, const char *stream, unsigned int replicas, uint64_t keep)
{
	return LUYTRE_E_UNSUPPORTED;
}

int natslog_ends(struct natslog *log, const char *stream, uint64_t *ret_first, uint64_t *ret_last)
{
	return LUYTRE_E_UNSUPPORTED;
}

int natslog_append(
	struct natslog *log, const char *stream, const char *id, uint64_t after, struct bytes content, uint64_t *ret)
{
	return LUYTRE_E_UNSUPPORTED;
}

int natslog_get(struct natslog *log, const char *stream, uint64_t number, struct natslog_message *ret)
{
	return LUYTRE_E_UNSUPPORTED;
}

void natslog_message_done(struct natslog_message *message) {}

int natslog_purge(struct natslog *log, const char *stream, uint64_t before)
{
	return LUYTRE_E_UNSUPPORTED;
}
