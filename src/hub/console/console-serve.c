// SPDX-License-Identifier: Apache-2.0
/* A core and a console in a temporary folder until standard input ends: what scripts/api-contract runs against. Prints where it is and
 * a token that may do everything. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "hub/console/test-kit.h"

enum { TENANT_ID = 17, SYSTEM_COUNT = 20, USER_ID = 6 };

/* As many of each that the ids of the description's examples are there. */
static void make_examples(struct kit *kit)
{
	uint32_t tenant = 0, user = 0;
	char text[64];

	for (unsigned int i = 0; tenant < TENANT_ID; i++) {
		snprintf(text, sizeof(text), "Bộ %u", i);
		tenant = kit_tenant(kit, 0, text);
	}
	for (unsigned int i = 0; i < SYSTEM_COUNT; i++) {
		snprintf(text, sizeof(text), "Cổng dịch vụ công %u", i);
		kit_system(kit, tenant, text);
	}
	for (unsigned int i = 0; user < USER_ID; i++) {
		snprintf(text, sizeof(text), "nguoi.dung.%u", i);
		user = kit_user(kit, text, AUTH_ROLE_VIEWER, tenant).account;
	}
}

int main(void)
{
	static struct kit kit;
	struct kit_session token;
	char byte;

	if (kit_open_socket(&kit))
		return 1;
	make_examples(&kit);
	token = kit_token(&kit, &kit.admin, AUTH_ALL_PERMISSIONS);
	printf("unix:%s %s\n", kit.socket, token.token);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return kit_close(&kit) ? 1 : 0;
}
