// SPDX-License-Identifier: Apache-2.0
/* Gives up what the daemon does not need once the shield stands.
 *
 * The tables are memory by then, so no capability is kept at all, no new privilege can be gained, and
 * a seccomp filter leaves only the calls that the event loop, the sockets and a reload use. bpf(),
 * execve(), ptrace() and mount() end the process. */
#pragma once

#include <stddef.h>

#include "base/compiler.h"

/* 0 or LUYTRE_E_SYSTEM, with the reason in 'error'. Once for the whole process, before any thread. */
MUST_CHECK int sandbox_enter(char *error, size_t error_size);
