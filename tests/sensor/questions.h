// SPDX-License-Identifier: Apache-2.0
/* A rule for everything that a rule can ask, made from the engine's own tables: each buffer (plain, through transforms, with
 * a regular expression), each number, event and frame of each protocol, each transform, and a handful of rules that keep
 * state. A capture that is replayed with them has every answer worked out. */
#pragma once

/* The rules as text, one a line; null without memory. The caller frees it. */
char *questions_make(void);
