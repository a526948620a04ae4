// SPDX-License-Identifier: Apache-2.0
/* CycloneDX means the same in JSON and in XML: components, and vulnerabilities that affect them by reference. */
#pragma once

#include "hub/findings/importer.h"
#include "hub/findings/products.h"
#include "hub/findings/record.h"

struct cyclonedx_weakness {
	struct bytes id, title, word, vector;
	struct bytes state, justification; /* of the analysis */
	struct bytes reference;
};

/* Tells the component and remembers it. */
MUST_CHECK int cyclonedx_component(
	struct import *import, struct products *products, const struct product *component, uint64_t position);
/* Tells that the weakness is in what 'reference' stands for; empty for the whole. */
MUST_CHECK int cyclonedx_affected(struct import *import, const struct products *products,
	const struct cyclonedx_weakness *weakness, struct bytes reference);
