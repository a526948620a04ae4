// SPDX-License-Identifier: Apache-2.0
/* @geoLookup: what SecGeoLookupDb's data base (MaxMind DB file format 2.0, the layout of GeoLite2 City and Country) says of an address
 * becomes GEO. The names are those of ModSecurity's reference manual; COUNTRY_CODE3 and AREA_CODE are not in these data bases. */
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "gate/engine/internal.h"

#define ADDRESS_SIZE 64

static const struct {
	const char *name;
	const char *path[5]; /* of keys, ended by a null pointer */
} rows[] = {
	{ "CITY", { "city", "names", "en" } },
	{ "COUNTRY_CODE", { "country", "iso_code" } },
	{ "COUNTRY_CONTINENT", { "continent", "names", "en" } },
	{ "COUNTRY_NAME", { "country", "names", "en" } },
	{ "DMA_CODE", { "location", "metro_code" } },
	{ "LATITUDE", { "location", "latitude" } },
	{ "LONGITUDE", { "location", "longitude" } },
	{ "POSTAL_CODE", { "postal", "code" } },
	{ "REGION", { "subdivisions", "0", "names", "en" } },
};

int geo_open(struct bytes path, struct MMDB_s **ret)
{
	char name[4096];
	MMDB_s *db = calloc(1, sizeof(*db));

	if (!db)
		return LUYTRE_E_NOMEM;
	if (!bytes_to_str(path, name, sizeof(name)) || MMDB_open(name, MMDB_MODE_MMAP, db) != MMDB_SUCCESS) {
		free(db);
		return LUYTRE_E_INVALID;
	}
	*ret = db;
	return 0;
}

void geo_close(struct MMDB_s *db)
{
	if (!db)
		return;
	MMDB_close(db);
	free(db);
}

static struct bytes text_of(struct gate_tx *tx, const MMDB_entry_data_s *data)
{
	switch (data->type) {
	case MMDB_DATA_TYPE_UTF8_STRING:
		return bytes_of(
			data->utf8_string, data->data_size); /* in the mapped file, which lives as long as the plan */
	case MMDB_DATA_TYPE_DOUBLE:
		return tx_printf(tx, "%f", data->double_value);
	case MMDB_DATA_TYPE_UINT16:
		return tx_printf(tx, "%u", data->uint16);
	case MMDB_DATA_TYPE_UINT32:
		return tx_printf(tx, "%u", data->uint32);
	default:
		return (struct bytes){ 0 };
	}
}

bool geo_lookup(void *context, struct bytes address)
{
	struct gate_tx *tx = context;
	struct entries *geo = &tx->collections[VARIABLE_GEO];
	char text[ADDRESS_SIZE];
	int not_an_address, error;
	MMDB_lookup_result_s found;

	if (!tx->plan->geo) {
		TRACE(tx, 4, "Database is not open. Use: SecGeoLookupDb directive.");
		return false;
	}
	if (!bytes_to_str(address, text, sizeof(text)))
		return false;
	found = MMDB_lookup_string(tx->plan->geo, text, &not_an_address, &error);
	if (not_an_address || error != MMDB_SUCCESS || !found.found_entry)
		return false;
	geo->count = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		MMDB_entry_data_s data;
		struct bytes value;

		if (MMDB_aget_value(&found.entry, &data, rows[i].path) != MMDB_SUCCESS || !data.has_data)
			continue;
		value = text_of(tx, &data);
		if (value.ptr)
			entries_add(tx, geo, bytes_from_str(rows[i].name), value);
	}
	return true;
}
