// SPDX-License-Identifier: Apache-2.0
/* The importers by name, for importers.c: one file each. */
#pragma once

#include "hub/findings/importer.h"

extern const struct importer importer_nmap, importer_openvas, importer_nessus, importer_cyclonedx,
	importer_cyclonedx_xml, importer_csaf, importer_grype, importer_trivy, importer_nuclei;
