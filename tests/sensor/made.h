// SPDX-License-Identifier: Apache-2.0
/* Captures for where no corpus is at hand: the saved inputs of the fuzz targets (tests/fuzz), sent over connections.
 *
 * There is one capture for each protocol, with a connection for each of its inputs, and one for each link type of the
 * decoder's inputs. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

/* 'capture' is a pcap file, borrowed for the call; 0, or an error that ends the making. */
typedef int (*made_take_fn)(void *context, const char *name, struct bytes capture);

/* 'corpora': tests/fuzz. 0, or the error of reading, building or taking. */
MUST_CHECK int made_captures(const char *corpora, made_take_fn take, void *context);
