// SPDX-License-Identifier: Apache-2.0
/* What the control connection of FTP leaves for the data connection it announced. */
#pragma once

#include <stdint.h>

enum ftp_transfer_kind { FTP_TRANSFER_NONE, FTP_TRANSFER_RETRIEVE, FTP_TRANSFER_STORE, FTP_TRANSFER_LIST };

enum { FTP_NAME_MAX = 1024 };

struct ftp_transfer {
	uint8_t kind; /* enum ftp_transfer_kind */
	uint16_t name_size;
	uint8_t name[FTP_NAME_MAX];
};
