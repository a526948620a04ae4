// SPDX-License-Identifier: Apache-2.0
/* Gives up what the sensor does not need once its sockets are open. */
#include <errno.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "base/error.h"
#include "base/log.h"
#include "sensor/worker/sensor-internal.h"

static int set_capabilities(bool keep_net_admin)
{
	cap_value_t kept = CAP_NET_ADMIN;
	cap_t set = cap_init();
	int error = 0;

	if (!set)
		return -1;
	if (keep_net_admin)
		error = cap_set_flag(set, CAP_PERMITTED, 1, &kept, CAP_SET) ||
			cap_set_flag(set, CAP_EFFECTIVE, 1, &kept, CAP_SET);
	for (int cap = 0; cap <= CAP_LAST_CAP && !error; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
			break; /* no right to shrink the set: it is small already */
	if (!error)
		error = cap_set_proc(set);
	cap_free(set);
	return error;
}

int privileges_drop(bool keep_net_admin)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || set_capabilities(keep_net_admin)) {
		log_error("cannot give up capabilities: %s", strerror(errno));
		return LUYTRE_E_SYSTEM;
	}
	return 0;
}
