// SPDX-License-Identifier: Apache-2.0
/* Tells systemd how the daemon is (sd_notify(3)): a datagram to $NOTIFY_SOCKET, or nothing without one. */
#pragma once

/* Opens the socket; to be called before the sandbox. */
void notify_open(void);

/* "READY=1", "RELOADING=1\nMONOTONIC_USEC=...", "STOPPING=1", "STATUS=..." */
void notify_send(const char *state);
