// SPDX-License-Identifier: Apache-2.0
/* IKE in EVE. */
#include <stdio.h>

#include "sensor/app/ike/ike.h"
#include "sensor/app/json.h"
#include "sensor/config/tree.h"

const char *const ike_attribute_keys[IKE_ATTRIBUTE_COUNT] = { "alg_enc", "alg_hash", "alg_auth", "alg_dh", "alg_prf",
	"sa_group_type", "sa_life_type", "sa_life_duration", "sa_key_length", "sa_field_size", "alg_esn" };

struct named {
	uint32_t value;
	const char *name;
};

/* IANA "Internet Key Exchange (IKE) Attributes". */
static const struct named encryptions1[] = { { 1, "EncDesCbc" }, { 2, "EncIdeaCbc" }, { 3, "EncBlowfishCbc" },
	{ 4, "EncRc5R16B64Cbc" }, { 5, "EncTripleDesCbc" }, { 6, "EncCastCbc" }, { 7, "EncAesCbc" },
	{ 8, "EncCamelliaCbc" }, { 0, NULL } };
static const struct named hashes1[] = { { 1, "HashMd5" }, { 2, "HashSha" }, { 3, "HashTiger" }, { 4, "HashSha2_256" },
	{ 5, "HashSha2_384" }, { 6, "HashSha2_512" }, { 0, NULL } };
static const struct named authentications1[] = { { 1, "AuthPreSharedKey" }, { 2, "AuthDssSignatures" },
	{ 3, "AuthRsaSignatures" }, { 4, "AuthEncryptionWithRsa" }, { 5, "AuthRevisedEncryptionWithRsa" },
	{ 9, "AuthEcdsaP256" }, { 10, "AuthEcdsaP384" }, { 11, "AuthEcdsaP521" }, { 0, NULL } };
static const struct named groups1[] = { { 1, "GroupDefault768BitModpGroup" }, { 2, "GroupAlternate1024BitModpGroup" },
	{ 3, "GroupEc2nOnGf2p155" }, { 4, "GroupEc2nOnGf2p185" }, { 5, "GroupModp1536Bit" }, { 14, "GroupModp2048Bit" },
	{ 15, "GroupModp3072Bit" }, { 16, "GroupModp4096Bit" }, { 17, "GroupModp6144Bit" }, { 18, "GroupModp8192Bit" },
	{ 19, "GroupRandomEcp256" }, { 20, "GroupRandomEcp384" }, { 21, "GroupRandomEcp521" }, { 0, NULL } };
static const struct named group_types1[] = { { 1, "GroupTypeModp" }, { 2, "GroupTypeEcp" }, { 3, "GroupTypeEc2n" },
	{ 0, NULL } };
static const struct named life_types1[] = { { 1, "LifeTypeSeconds" }, { 2, "LifeTypeKilobytes" }, { 0, NULL } };

static const struct named *const tables1[IKE_ATTRIBUTE_COUNT] = { [IKE_ENCRYPTION] = encryptions1,
	[IKE_HASH] = hashes1,
	[IKE_AUTHENTICATION] = authentications1,
	[IKE_GROUP] = groups1,
	[IKE_GROUP_TYPE] = group_types1,
	[IKE_LIFE_TYPE] = life_types1 };

/* IANA "Internet Key Exchange Version 2 (IKEv2) Parameters". */
static const struct named encryptions2[] = { { 1, "ENCR_DES_IV64" }, { 2, "ENCR_DES" }, { 3, "ENCR_3DES" },
	{ 4, "ENCR_RC5" }, { 5, "ENCR_IDEA" }, { 6, "ENCR_CAST" }, { 7, "ENCR_BLOWFISH" }, { 8, "ENCR_3IDEA" },
	{ 9, "ENCR_DES_IV32" }, { 11, "ENCR_NULL" }, { 12, "ENCR_AES_CBC" }, { 13, "ENCR_AES_CTR" },
	{ 14, "ENCR_AES_CCM_8" }, { 15, "ENCR_AES_CCM_12" }, { 16, "ENCR_AES_CCM_16" }, { 18, "ENCR_AES_GCM_8" },
	{ 19, "ENCR_AES_GCM_12" }, { 20, "ENCR_AES_GCM_16" }, { 21, "ENCR_NULL_AUTH_AES_GMAC" },
	{ 23, "ENCR_CAMELLIA_CBC" }, { 24, "ENCR_CAMELLIA_CTR" }, { 28, "ENCR_CHACHA20_POLY1305" }, { 0, NULL } };
static const struct named prfs2[] = { { 1, "PRF_HMAC_MD5" }, { 2, "PRF_HMAC_SHA1" }, { 3, "PRF_HMAC_TIGER" },
	{ 4, "PRF_AES128_XCBC" }, { 5, "PRF_HMAC_SHA2_256" }, { 6, "PRF_HMAC_SHA2_384" }, { 7, "PRF_HMAC_SHA2_512" },
	{ 8, "PRF_AES128_CMAC" }, { 0, NULL } };
static const struct named authentications2[] = { { 0, "NONE" }, { 1, "AUTH_HMAC_MD5_96" }, { 2, "AUTH_HMAC_SHA1_96" },
	{ 3, "AUTH_DES_MAC" }, { 4, "AUTH_KPDK_MD5" }, { 5, "AUTH_AES_XCBC_96" }, { 6, "AUTH_HMAC_MD5_128" },
	{ 7, "AUTH_HMAC_SHA1_160" }, { 8, "AUTH_AES_CMAC_96" }, { 12, "AUTH_HMAC_SHA2_256_128" },
	{ 13, "AUTH_HMAC_SHA2_384_192" }, { 14, "AUTH_HMAC_SHA2_512_256" }, { 0, NULL } };
static const struct named groups2[] = { { 0, "None" }, { 1, "768-bit MODP Group" }, { 2, "1024-bit MODP Group" },
	{ 5, "1536-bit MODP Group" }, { 14, "2048-bit MODP Group" }, { 15, "3072-bit MODP Group" },
	{ 16, "4096-bit MODP Group" }, { 17, "6144-bit MODP Group" }, { 18, "8192-bit MODP Group" },
	{ 19, "256-bit random ECP group" }, { 20, "384-bit random ECP group" }, { 21, "521-bit random ECP group" },
	{ 31, "Curve25519" }, { 32, "Curve448" }, { 0, NULL } };
static const struct named esns2[] = { { 0, "NoESN" }, { 1, "ESN" }, { 0, NULL } };

static const struct named *const tables2[IKE_ATTRIBUTE_COUNT] = { [IKE_ENCRYPTION] = encryptions2,
	[IKE_PRF] = prfs2,
	[IKE_AUTHENTICATION] = authentications2,
	[IKE_GROUP] = groups2,
	[IKE_ESN] = esns2 };

static const char *name_of(const struct named *table, uint32_t value)
{
	for (; table && table->name; table++)
		if (table->value == value)
			return table->name;
	return "Unknown";
}

static void log_transform(struct jsonw *json, const struct ike_transform *transform, uint8_t major)
{
	const struct named *const *tables = major == 1 ? tables1 : tables2;
	char raw[32];

	for (uint8_t i = 0; i < transform->count; i++) {
		const struct ike_attribute *attribute = &transform->attributes[i];
		const char *key = ike_attribute_keys[attribute->type];

		if (major != 1 && !tables[attribute->type]) {
			jsonw_kv_u64(json, key, attribute->value);
			continue;
		}
		jsonw_kv_string(json, key, name_of(tables[attribute->type], attribute->value));
		if (major != 1)
			continue;
		snprintf(raw, sizeof(raw), "%s_raw", key);
		jsonw_kv_u64(json, raw, attribute->value);
	}
}

static const char *exchange_name(uint8_t exchange)
{
	static const struct named names[] = { { 0, "None" }, { 1, "Base" }, { 2, "Identity Protection" },
		{ 3, "Authentication Only" }, { 4, "Aggressive" }, { 5, "Informational" },
		{ 6, "Transaction (Config Mode)" }, { 32, "Quick Mode" }, { 33, "New Group Mode" },
		{ 34, "IKE_SA_INIT" }, { 35, "IKE_AUTH" }, { 36, "CREATE_CHILD_SA" }, { 37, "INFORMATIONAL" },
		{ 0, NULL } };

	return name_of(names, exchange);
}

static void log_bytes(struct jsonw *json, const char *key, const char *size_key, struct bytes data)
{
	if (data.size == 0)
		return;
	app_json_kv_hex(json, key, data, 0);
	jsonw_kv_u64(json, size_key, data.size);
}

static void log_side(struct jsonw *json, const struct ike_side *side, bool proposals)
{
	log_bytes(json, "key_exchange_payload", "key_exchange_payload_length", side->key_exchange);
	log_bytes(json, "nonce_payload", "nonce_payload_length", side->nonce);
	if (!proposals || side->transform_count == 0)
		return;
	jsonw_kv_array_begin(json, "proposals");
	for (uint32_t i = 0; i < side->transform_count; i++) {
		jsonw_object_begin(json);
		log_transform(json, &side->transforms[i], 1);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void log_version1(struct jsonw *json, const struct ike_tx *tx, const struct ike_state *state)
{
	jsonw_kv_object_begin(json, "ikev1");
	if (state->has_doi)
		jsonw_kv_u64(json, "doi", state->doi);
	jsonw_kv_bool(json, "encrypted_payloads", tx->message.encrypted);
	if (!tx->message.encrypted) {
		jsonw_kv_object_begin(json, "client");
		log_side(json, &state->side[TO_SERVER], true);
		jsonw_object_end(json);
		jsonw_kv_object_begin(json, "server");
		log_side(json, &state->side[TO_CLIENT], false);
		jsonw_object_end(json);
		jsonw_kv_array_begin(json, "vendor_ids");
		for (uint8_t i = 0; i < state->vendor_count; i++) {
			char text[2 * 256 + 1];

			app_hex(bytes_first(state->vendors[i], 256), text);
			jsonw_string(json, text);
		}
		jsonw_array_end(json);
	}
	jsonw_object_end(json);
}

static void log_version2(struct jsonw *json, const struct ike_tx *tx)
{
	jsonw_kv_object_begin(json, "ikev2");
	jsonw_kv_u64(json, "errors", tx->errors);
	jsonw_kv_array_begin(json, "notify");
	for (uint8_t i = 0; i < tx->message.notify_count; i++)
		jsonw_u64(json, tx->message.notifies[i]);
	jsonw_array_end(json);
	jsonw_object_end(json);
}

bool ike_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct ike_tx *ike = (const struct ike_tx *)tx;
	const struct ike_header *header = &ike->message.header;
	const struct ike_state *state = tx->conn->protocol == tx->protocol ? tx->conn->state : NULL;
	const struct conf_node *options = alert ? NULL : tx->conn->log_options;

	if (header->major == 0 || !state)
		return false;
	jsonw_kv_u64(json, "version_major", header->major);
	jsonw_kv_u64(json, "version_minor", header->minor);
	jsonw_kv_u64(json, "exchange_type", header->exchange);
	if (conf_bool(options, "extended", false))
		jsonw_kv_string(json, "exchange_type_verbose", exchange_name(header->exchange));
	jsonw_kv_u64(json, "message_id", header->message_id);
	jsonw_kv_string(json, "init_spi", ike->initiator_spi);
	jsonw_kv_string(json, "resp_spi", ike->responder_spi);
	if (header->major == 1 && state->side[TO_CLIENT].transform_count == 1)
		log_transform(json, &state->side[TO_CLIENT].transforms[0], 1);
	if (header->major == 2) {
		jsonw_kv_string(json, "role", header->flags & 0x08 ? "initiator" : "responder");
		log_transform(json, &state->chosen, 2);
	}
	jsonw_kv_array_begin(json, "payload");
	for (uint8_t i = 0; i < ike->message.payload_count; i++)
		jsonw_u64(json, ike->message.payloads[i]);
	jsonw_array_end(json);
	if (header->major == 1)
		log_version1(json, ike, state);
	else
		log_version2(json, ike);
	return true;
}
