// SPDX-License-Identifier: Apache-2.0
/* A NATS server of one's own, for tests: on a loopback port, its streams in a folder that is removed with it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/compiler.h"

struct nats_own {
	pid_t pid;
	char dir[64], url[64];
	unsigned int port;
};

/* 0; LUYTRE_E_NOT_FOUND when it is not installed; LUYTRE_E_SYSTEM when it does not answer. */
MUST_CHECK int nats_own_start(struct nats_own *ret);
/* kill -9, and a new start with the same port and streams. */
void nats_own_kill(struct nats_own *own);
MUST_CHECK int nats_own_again(struct nats_own *own);
/* Ends it and removes the folder. */
void nats_own_stop(struct nats_own *own);
