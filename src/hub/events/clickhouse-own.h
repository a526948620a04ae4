// SPDX-License-Identifier: Apache-2.0
/* A ClickHouse server of one's own, for tests and measurements: started on a loopback port with a configuration of a
 * dozen lines, its data in a folder that is removed with it. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"

struct clickhouse_own {
	pid_t pid;
	char dir[64];
	unsigned int port;
};

/* 0; LUYTRE_E_NOT_FOUND when no server is installed; LUYTRE_E_SYSTEM when it does not answer within half a minute. */
MUST_CHECK int clickhouse_own_start(struct clickhouse_own *ret);

/* Ends it and removes the folder. */
void clickhouse_own_stop(struct clickhouse_own *own);

/* "clickhouse:http://127.0.0.1:PORT/DATABASE". */
void clickhouse_own_place(const struct clickhouse_own *own, const char *database, char *place, size_t place_size);
