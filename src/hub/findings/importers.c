// SPDX-License-Identifier: Apache-2.0
/* All formats. Where two are equally sure of a beginning, the first one is taken. */
#include <stddef.h>

#include "hub/findings/importer.h"
#include "hub/findings/importers.h"

const struct importer *const importers[] = {
	&importer_nmap,
	&importer_openvas,
	&importer_nessus,
	&importer_cyclonedx_xml,
	&importer_cyclonedx,
	&importer_csaf,
	&importer_grype,
	&importer_trivy,
	&importer_nuclei,
	NULL,
};
