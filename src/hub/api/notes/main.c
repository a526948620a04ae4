// SPDX-License-Identifier: Apache-2.0
/* Serves notes.yaml on loopback until standard input ends: what scripts/api-contract and the measurement of the stream run
 * against.
 *
 *	api-notes PORT [ADMIN_SOCKET]		PORT 0: any; it is printed */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "hub/api/notes/notes.h"

int main(int argc, char **argv)
{
	static const struct limit_settings wide = {
		.rates = { { 1000000, 60 }, { 1000000, 60 }, { 1000000, 60 }, { 1000000, 60 } },
		.address_factor = 1,
		.subjects_max = 1024,
	};
	struct api_config config = { .admin_fd = -1, .limits = &wide };
	struct api_server *server = NULL;
	struct notes *notes = NULL;
	uint16_t port = 0;
	char byte;

	log_init();
	if (argc < 2 || notes_new(&stream_settings_default, &notes) < 0)
		return 2;
	notes_configure(notes, &config);
	if (api_listen_tcp("127.0.0.1", (uint16_t)strtoul(argv[1], NULL, 10), &config.listen_fd, &port) < 0 ||
		(argc > 2 && api_listen_unix(argv[2], 0600, &config.admin_fd) < 0) ||
		api_server_new(&config, &server) < 0) {
		log_error("cannot listen");
		notes_free(notes);
		return 1;
	}
	printf("%u\n", port);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	api_server_free(server);
	notes_free(notes);
	return 0;
}
