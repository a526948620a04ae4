// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testtalk.h"

static const struct testtalk version_1_talk[] = {
	TALK(TO_SERVER, "\x11\"3DUfw\x88\x00\x00\x00\x00\x00\x00\x00\x00\x01\x10\x02\x00\x00\x00\x00\x00\x00\x00\x00"
			"z\r\x00\x00T\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00H\x01\x01\x00\x02\x03\x00\x00(\x01"
			"\x01\x00\x00\x80\x01\x00\x07\x80\x0e\x00\x80\x80\x02\x00\x02\x80\x04\x00\x02\x80\x03\x00"
			"\x01\x80\x0b\x00\x01\x00\x0c\x00\x04\x00\x01Q\x80\x00\x00\x00\x18\x02\x01\x00\x00\x80\x01"
			"\x00\x01\x80\x02\x00\x01\x80\x04\x00\x01\x80\x03\x00\x01\x00\x00\x00\nvendor"),
	TALK(TO_CLIENT, "\x11\"3DUfw\x88\x00\x00\x00\x00\x00\x00\x00\x99\x01\x10\x02\x00\x00\x00\x00\x00\x00\x00\x00"
			"k\r\x00\x00<\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00"
			"0\x01\x01\x00\x01\x00\x00\x00("
			"\x01\x01\x00\x00\x80\x01\x00\x07\x80\x0e\x00\x80\x80\x02\x00\x02\x80\x04\x00\x02\x80\x03"
			"\x00\x01\x80\x0b\x00\x01\x00\x0c\x00\x04\x00\x01Q\x80\r\x00\x00\nvendor\x00\x00\x00\x09o"
			"ther"),
	TALK(TO_SERVER, "\x11\"3DUfw\x88\x00\x00\x00\x00\x00\x00\x00\x99\x04\x10\x02\x00\x00\x00\x00\x00\x00\x00\x00"
			"0\n\x00\x00\nKEYKEY\x00\x00\x00\nnonce1"),
	TALK(TO_CLIENT, "\x11\"3DUfw\x88\x00\x00\x00\x00\x00\x00\x00\x99\x04\x10\x02\x00\x00\x00\x00\x00\x00\x00\x00"
			"0\n\x00\x00\nYEKYEK\x00\x00\x00\nnonce2"),
	TALK(TO_SERVER, "\x11\"3DUfw\x88\x00\x00\x00\x00\x00\x00\x00\x99\x05\x10\x02\x01\x00\x00\x00\x00\x00\x00\x00"
			"\"secret"),
};

static const char version_1_records[] =
	"{\"version_major\":1,\"version_minor\":0,\"exchange_type\":2,\"message_id\":0,\"init_spi\""
	":\"1122334455667788\",\"resp_spi\":\"0000000000000000\",\"alg_enc\":\"EncAesCbc\",\"alg_en"
	"c_raw\":7,\"sa_key_length\":\"Unknown\",\"sa_key_length_raw\":128,\"alg_hash\":\"HashSha\""
	",\"alg_hash_raw\":2,\"alg_dh\":\"GroupAlternate1024BitModpGroup\",\"alg_dh_raw\":2,\"alg_a"
	"uth\":\"AuthPreSharedKey\",\"alg_auth_raw\":1,\"sa_life_type\":\"LifeTypeSeconds\",\"sa_li"
	"fe_type_raw\":1,\"sa_life_duration\":\"Unknown\",\"sa_life_duration_raw\":86400,\"payload\""
	":[1,13],\"ikev1\":{\"doi\":1,\"encrypted_payloads\":false,\"client\":{\"key_exchange_paylo"
	"ad\":\"4b45594b4559\",\"key_exchange_payload_length\":6,\"nonce_payload\":\"6e6f6e636531\""
	",\"nonce_payload_length\":6,\"proposals\":[{\"alg_enc\":\"EncAesCbc\",\"alg_enc_raw\":7,\""
	"sa_key_length\":\"Unknown\",\"sa_key_length_raw\":128,\"alg_hash\":\"HashSha\",\"alg_hash_"
	"raw\":2,\"alg_dh\":\"GroupAlternate1024BitModpGroup\",\"alg_dh_raw\":2,\"alg_auth\":\"Auth"
	"PreSharedKey\",\"alg_auth_raw\":1,\"sa_life_type\":\"LifeTypeSeconds\",\"sa_life_type_raw\""
	":1,\"sa_life_duration\":\"Unknown\",\"sa_life_duration_raw\":86400},{\"alg_enc\":\"EncDesC"
	"bc\",\"alg_enc_raw\":1,\"alg_hash\":\"HashMd5\",\"alg_hash_raw\":1,\"alg_dh\":\"GroupDefau"
	"lt768BitModpGroup\",\"alg_dh_raw\":1,\"alg_auth\":\"AuthPreSharedKey\",\"alg_auth_raw\":1}"
	"]},\"server\":{\"key_exchange_payload\":\"59454b59454b\",\"key_exchange_payload_length\":6"
	",\"nonce_payload\":\"6e6f6e636532\",\"nonce_payload_length\":6},\"vendor_ids\":[\"76656e64"
	"6f72\",\"6f74686572\"]}}\n"
	"{\"version_major\":1,\"version_minor\":0,\"exchange_type\":2,\"message_id\":0,\"init_spi\""
	":\"1122334455667788\",\"resp_spi\":\"0000000000000099\",\"alg_enc\":\"EncAesCbc\",\"alg_en"
	"c_raw\":7,\"sa_key_length\":\"Unknown\",\"sa_key_length_raw\":128,\"alg_hash\":\"HashSha\""
	",\"alg_hash_raw\":2,\"alg_dh\":\"GroupAlternate1024BitModpGroup\",\"alg_dh_raw\":2,\"alg_a"
	"uth\":\"AuthPreSharedKey\",\"alg_auth_raw\":1,\"sa_life_type\":\"LifeTypeSeconds\",\"sa_li"
	"fe_type_raw\":1,\"sa_life_duration\":\"Unknown\",\"sa_life_duration_raw\":86400,\"payload\""
	":[1,13,13],\"ikev1\":{\"doi\":1,\"encrypted_payloads\":false,\"client\":{\"key_exchange_pa"
	"yload\":\"4b45594b4559\",\"key_exchange_payload_length\":6,\"nonce_payload\":\"6e6f6e63653"
	"1\",\"nonce_payload_length\":6,\"proposals\":[{\"alg_enc\":\"EncAesCbc\",\"alg_enc_raw\":7"
	",\"sa_key_length\":\"Unknown\",\"sa_key_length_raw\":128,\"alg_hash\":\"HashSha\",\"alg_ha"
	"sh_raw\":2,\"alg_dh\":\"GroupAlternate1024BitModpGroup\",\"alg_dh_raw\":2,\"alg_auth\":\"A"
	"uthPreSharedKey\",\"alg_auth_raw\":1,\"sa_life_type\":\"LifeTypeSeconds\",\"sa_life_type_r"
	"aw\":1,\"sa_life_duration\":\"Unknown\",\"sa_life_duration_raw\":86400},{\"alg_enc\":\"Enc"
	"DesCbc\",\"alg_enc_raw\":1,\"alg_hash\":\"HashMd5\",\"alg_hash_raw\":1,\"alg_dh\":\"GroupD"
	"efault768BitModpGroup\",\"alg_dh_raw\":1,\"alg_auth\":\"AuthPreSharedKey\",\"alg_auth_raw\""
	":1}]},\"server\":{\"key_exchange_payload\":\"59454b59454b\",\"key_exchange_payload_length\""
	":6,\"nonce_payload\":\"6e6f6e636532\",\"nonce_payload_length\":6},\"vendor_ids\":[\"76656e"
	"646f72\",\"6f74686572\"]}}\n"
	"{\"version_major\":1,\"version_minor\":0,\"exchange_type\":2,\"message_id\":0,\"init_spi\""
	":\"1122334455667788\",\"resp_spi\":\"0000000000000099\",\"alg_enc\":\"EncAesCbc\",\"alg_en"
	"c_raw\":7,\"sa_key_length\":\"Unknown\",\"sa_key_length_raw\":128,\"alg_hash\":\"HashSha\""
	",\"alg_hash_raw\":2,\"alg_dh\":\"GroupAlternate1024BitModpGroup\",\"alg_dh_raw\":2,\"alg_a"
	"uth\":\"AuthPreSharedKey\",\"alg_auth_raw\":1,\"sa_life_type\":\"LifeTypeSeconds\",\"sa_li"
	"fe_type_raw\":1,\"sa_life_duration\":\"Unknown\",\"sa_life_duration_raw\":86400,\"payload\""
	":[4,10],\"ikev1\":{\"doi\":1,\"encrypted_payloads\":false,\"client\":{\"key_exchange_paylo"
	"ad\":\"4b45594b4559\",\"key_exchange_payload_length\":6,\"nonce_payload\":\"6e6f6e636531\""
	",\"nonce_payload_length\":6,\"proposals\":[{\"alg_enc\":\"EncAesCbc\",\"alg_enc_raw\":7,\""
	"sa_key_length\":\"Unknown\",\"sa_key_length_raw\":128,\"alg_hash\":\"HashSha\",\"alg_hash_"
	"raw\":2,\"alg_dh\":\"GroupAlternate1024BitModpGroup\",\"alg_dh_raw\":2,\"alg_auth\":\"Auth"
	"PreSharedKey\",\"alg_auth_raw\":1,\"sa_life_type\":\"LifeTypeSeconds\",\"sa_life_type_raw\""
	":1,\"sa_life_duration\":\"Unknown\",\"sa_life_duration_raw\":86400},{\"alg_enc\":\"EncDesC"
	"bc\",\"alg_enc_raw\":1,\"alg_hash\":\"HashMd5\",\"alg_hash_raw\":1,\"alg_dh\":\"GroupDefau"
	"lt768BitModpGroup\",\"alg_dh_raw\":1,\"alg_auth\":\"AuthPreSharedKey\",\"alg_auth_raw\":1}"
	"]},\"server\":{\"key_exchange_payload\":\"59454b59454b\",\"key_exchange_payload_length\":6"
	",\"nonce_payload\":\"6e6f6e636532\",\"nonce_payload_length\":6},\"vendor_ids\":[\"76656e64"
	"6f72\",\"6f74686572\"]}}\n"
	"{\"version_major\":1,\"version_minor\":0,\"exchange_type\":2,\"message_id\":0,\"init_spi\""
	":\"1122334455667788\",\"resp_spi\":\"0000000000000099\",\"alg_enc\":\"EncAesCbc\",\"alg_en"
	"c_raw\":7,\"sa_key_length\":\"Unknown\",\"sa_key_length_raw\":128,\"alg_hash\":\"HashSha\""
	",\"alg_hash_raw\":2,\"alg_dh\":\"GroupAlternate1024BitModpGroup\",\"alg_dh_raw\":2,\"alg_a"
	"uth\":\"AuthPreSharedKey\",\"alg_auth_raw\":1,\"sa_life_type\":\"LifeTypeSeconds\",\"sa_li"
	"fe_type_raw\":1,\"sa_life_duration\":\"Unknown\",\"sa_life_duration_raw\":86400,\"payload\""
	":[4,10],\"ikev1\":{\"doi\":1,\"encrypted_payloads\":false,\"client\":{\"key_exchange_paylo"
	"ad\":\"4b45594b4559\",\"key_exchange_payload_length\":6,\"nonce_payload\":\"6e6f6e636531\""
	",\"nonce_payload_length\":6,\"proposals\":[{\"alg_enc\":\"EncAesCbc\",\"alg_enc_raw\":7,\""
	"sa_key_length\":\"Unknown\",\"sa_key_length_raw\":128,\"alg_hash\":\"HashSha\",\"alg_hash_"
	"raw\":2,\"alg_dh\":\"GroupAlternate1024BitModpGroup\",\"alg_dh_raw\":2,\"alg_auth\":\"Auth"
	"PreSharedKey\",\"alg_auth_raw\":1,\"sa_life_type\":\"LifeTypeSeconds\",\"sa_life_type_raw\""
	":1,\"sa_life_duration\":\"Unknown\",\"sa_life_duration_raw\":86400},{\"alg_enc\":\"EncDesC"
	"bc\",\"alg_enc_raw\":1,\"alg_hash\":\"HashMd5\",\"alg_hash_raw\":1,\"alg_dh\":\"GroupDefau"
	"lt768BitModpGroup\",\"alg_dh_raw\":1,\"alg_auth\":\"AuthPreSharedKey\",\"alg_auth_raw\":1}"
	"]},\"server\":{\"key_exchange_payload\":\"59454b59454b\",\"key_exchange_payload_length\":6"
	",\"nonce_payload\":\"6e6f6e636532\",\"nonce_payload_length\":6},\"vendor_ids\":[\"76656e64"
	"6f72\",\"6f74686572\"]}}\n"
	"{\"version_major\":1,\"version_minor\":0,\"exchange_type\":2,\"message_id\":0,\"init_spi\""
	":\"1122334455667788\",\"resp_spi\":\"0000000000000099\",\"alg_enc\":\"EncAesCbc\",\"alg_en"
	"c_raw\":7,\"sa_key_length\":\"Unknown\",\"sa_key_length_raw\":128,\"alg_hash\":\"HashSha\""
	",\"alg_hash_raw\":2,\"alg_dh\":\"GroupAlternate1024BitModpGroup\",\"alg_dh_raw\":2,\"alg_a"
	"uth\":\"AuthPreSharedKey\",\"alg_auth_raw\":1,\"sa_life_type\":\"LifeTypeSeconds\",\"sa_li"
	"fe_type_raw\":1,\"sa_life_duration\":\"Unknown\",\"sa_life_duration_raw\":86400,\"payload\""
	":[],\"ikev1\":{\"doi\":1,\"encrypted_payloads\":true}}\n";

static void version_1(void **state)
{
	struct testapp app;

	testapp_init(&app, 17, 500, NULL);
	assert_true(testtalk_datagrams(&app, version_1_talk, ARRAY_COUNT(version_1_talk), version_1_records));
	testapp_done(&app);
}

static const struct testtalk two_chosen_talk[] = {
	TALK(TO_SERVER, "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x10\x02\x00\x00\x00"
			"\x00\x00\x00\x00\x00X\x00\x00\x00<\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00"
			"0\x01\x01"
			"\x00\x01\x00\x00\x00(\x01\x01\x00\x00\x80\x01\x00\x07\x80\x0e\x00\x80\x80\x02\x00\x02\x80"
			"\x04\x00\x02\x80\x03\x00\x01\x80\x0b\x00\x01\x00\x0c\x00\x04\x00\x01Q\x80"),
	TALK(TO_CLIENT, "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x01\x10\x02\x00\x00\x00"
			"\x00\x00\x00\x00\x00p\x00\x00\x00T\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00H\x01\x01\x00"
			"\x02\x03\x00\x00(\x01\x01\x00\x00\x80\x01\x00\x07\x80\x0e\x00\x80\x80\x02\x00\x02\x80\x04"
			"\x00\x02\x80\x03\x00\x01\x80\x0b\x00\x01\x00\x0c\x00\x04\x00\x01Q\x80\x00\x00\x00\x18\x02"
			"\x01\x00\x00\x80\x01\x00\x01\x80\x02\x00\x01\x80\x04\x00\x01\x80\x03\x00\x01"),
};

static const char two_chosen_records[] =
	"{\"version_major\":1,\"version_minor\":0,\"exchange_type\":2,\"message_id\":0,\"init_spi\""
	":\"0000000000000001\",\"resp_spi\":\"0000000000000000\",\"payload\":[1],\"ikev1\":{\"doi\""
	":1,\"encrypted_payloads\":false,\"client\":{\"proposals\":[{\"alg_enc\":\"EncAesCbc\",\"al"
	"g_enc_raw\":7,\"sa_key_length\":\"Unknown\",\"sa_key_length_raw\":128,\"alg_hash\":\"HashS"
	"ha\",\"alg_hash_raw\":2,\"alg_dh\":\"GroupAlternate1024BitModpGroup\",\"alg_dh_raw\":2,\"a"
	"lg_auth\":\"AuthPreSharedKey\",\"alg_auth_raw\":1,\"sa_life_type\":\"LifeTypeSeconds\",\"s"
	"a_life_type_raw\":1,\"sa_life_duration\":\"Unknown\",\"sa_life_duration_raw\":86400}]},\"s"
	"erver\":{},\"vendor_ids\":[]}}\n"
	"{\"version_major\":1,\"version_minor\":0,\"exchange_type\":2,\"message_id\":0,\"init_spi\""
	":\"0000000000000001\",\"resp_spi\":\"0000000000000002\",\"payload\":[1],\"ikev1\":{\"doi\""
	":1,\"encrypted_payloads\":false,\"client\":{\"proposals\":[{\"alg_enc\":\"EncAesCbc\",\"al"
	"g_enc_raw\":7,\"sa_key_length\":\"Unknown\",\"sa_key_length_raw\":128,\"alg_hash\":\"HashS"
	"ha\",\"alg_hash_raw\":2,\"alg_dh\":\"GroupAlternate1024BitModpGroup\",\"alg_dh_raw\":2,\"a"
	"lg_auth\":\"AuthPreSharedKey\",\"alg_auth_raw\":1,\"sa_life_type\":\"LifeTypeSeconds\",\"s"
	"a_life_type_raw\":1,\"sa_life_duration\":\"Unknown\",\"sa_life_duration_raw\":86400}]},\"s"
	"erver\":{},\"vendor_ids\":[]}} !multiple_server_proposal\n";

static void two_chosen(void **state)
{
	struct testapp app;

	testapp_init(&app, 17, 500, NULL);
	assert_true(testtalk_datagrams(&app, two_chosen_talk, ARRAY_COUNT(two_chosen_talk), two_chosen_records));
	testapp_done(&app);
}

static const struct testtalk version_2_talk[] = {
	TALK(TO_SERVER, "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00! \"\x08\x00\x00\x00\x00"
			"\x00\x00\x00h\"\x00\x00"
			"0\x00\x00\x00,\x01\x01\x00\x04\x03\x00\x00\x0c\x01\x00\x00\x14\x80"
			"\x0e\x01\x00\x03\x00\x00\x08\x02\x00\x00\x05\x03\x00\x00\x08\x04\x00\x00\x13\x00\x00\x00"
			"\x08\x05\x00\x00\x00(\x00\x00\x0b\x00\x13\x00\x00KEY)\x00\x00\x09nonce\x00\x00\x00\x08\x00"
			"\x00@\x04"),
	TALK(TO_CLIENT, "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02! \" \x00\x00\x00\x00\x00"
			"\x00\x00`\"\x00\x00"
			"0\x00\x00\x00,\x01\x01\x00\x04\x03\x00\x00\x0c\x01\x00\x00\x14\x80\x0e"
			"\x01\x00\x03\x00\x00\x08\x02\x00\x00\x05\x03\x00\x00\x08\x04\x00\x00\x13\x00\x00\x00\x08"
			"\x05\x00\x00\x00(\x00\x00\x0b\x00\x13\x00\x00KEY\x00\x00\x00\x09nonce"),
	TALK(TO_SERVER, "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02. #\x08\x00\x00\x00\x01\x00"
			"\x00\x00)\x00\x00\x00\rencrypted"),
};

static const char version_2_records[] =
	"{\"version_major\":2,\"version_minor\":0,\"exchange_type\":34,\"message_id\":0,\"init_spi\""
	":\"0000000000000001\",\"resp_spi\":\"0000000000000000\",\"role\":\"initiator\",\"alg_enc\""
	":\"ENCR_AES_GCM_16\",\"sa_key_length\":256,\"alg_prf\":\"PRF_HMAC_SHA2_256\",\"alg_dh\":\""
	"256-bit random ECP group\",\"alg_esn\":\"NoESN\",\"payload\":[33,34,40,41],\"ikev2\":{\"er"
	"rors\":0,\"notify\":[16388]}}\n"
	"{\"version_major\":2,\"version_minor\":0,\"exchange_type\":34,\"message_id\":0,\"init_spi\""
	":\"0000000000000001\",\"resp_spi\":\"0000000000000002\",\"role\":\"responder\",\"alg_enc\""
	":\"ENCR_AES_GCM_16\",\"sa_key_length\":256,\"alg_prf\":\"PRF_HMAC_SHA2_256\",\"alg_dh\":\""
	"256-bit random ECP group\",\"alg_esn\":\"NoESN\",\"payload\":[33,34,40],\"ikev2\":{\"error"
	"s\":0,\"notify\":[]}}\n"
	"{\"version_major\":2,\"version_minor\":0,\"exchange_type\":35,\"message_id\":1,\"init_spi\""
	":\"0000000000000001\",\"resp_spi\":\"0000000000000002\",\"role\":\"initiator\",\"alg_enc\""
	":\"ENCR_AES_GCM_16\",\"sa_key_length\":256,\"alg_prf\":\"PRF_HMAC_SHA2_256\",\"alg_dh\":\""
	"256-bit random ECP group\",\"alg_esn\":\"NoESN\",\"payload\":[46],\"ikev2\":{\"errors\":0,"
	"\"notify\":[]}}\n";

static void version_2(void **state)
{
	struct testapp app;

	testapp_init(&app, 17, 500, NULL);
	assert_true(testtalk_datagrams(&app, version_2_talk, ARRAY_COUNT(version_2_talk), version_2_records));
	testapp_done(&app);
}

static const struct testtalk weak_choices_talk[] = {
	TALK(TO_SERVER, "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00! \"\x08\x00\x00\x00\x00"
			"\x00\x00\x00M(\x00\x00,\x00\x00\x00(\x01\x01\x00\x04\x03\x00\x00\x08\x01\x00\x00\x03\x03"
			"\x00\x00\x08\x02\x00\x00\x02\x03\x00\x00\x08\x03\x00\x00\x02\x00\x00\x00\x08\x04\x00\x00"
			"\x02\x00\x00\x00\x05n"),
	TALK(TO_CLIENT, "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02! \" \x00\x00\x00\x00\x00"
			"\x00\x00J\x00\x00\x00,\x00\x00\x00(\x01\x01\x00\x04\x03\x00\x00\x08\x01\x00\x00\x0b\x03\x00"
			"\x00\x08\x02\x00\x00\x01\x03\x00\x00\x08\x03\x00\x00\x00\x00\x00\x00\x08\x04\x00\x00\x00"
			"xx"),
};

static const char weak_choices_records[] =
	"{\"version_major\":2,\"version_minor\":0,\"exchange_type\":34,\"message_id\":0,\"init_spi\""
	":\"0000000000000001\",\"resp_spi\":\"0000000000000000\",\"role\":\"initiator\",\"alg_enc\""
	":\"ENCR_NULL\",\"alg_prf\":\"PRF_HMAC_MD5\",\"alg_auth\":\"NONE\",\"alg_dh\":\"None\",\"pa"
	"yload\":[33,40],\"ikev2\":{\"errors\":4,\"notify\":[]}} !weak_crypto_enc !weak_crypto_prf "
	"!weak_crypto_auth !weak_crypto_dh\n"
	"{\"version_major\":2,\"version_minor\":0,\"exchange_type\":34,\"message_id\":0,\"init_spi\""
	":\"0000000000000001\",\"resp_spi\":\"0000000000000002\",\"role\":\"responder\",\"alg_enc\""
	":\"ENCR_NULL\",\"alg_prf\":\"PRF_HMAC_MD5\",\"alg_auth\":\"NONE\",\"alg_dh\":\"None\",\"pa"
	"yload\":[33],\"ikev2\":{\"errors\":5,\"notify\":[]}} !payload_extra_data !no_encryption !w"
	"eak_crypto_prf !weak_crypto_no_auth !weak_crypto_noauth !weak_crypto_no_dh !weak_crypto_no"
	"dh\n";

static void weak_choices(void **state)
{
	struct testapp app;

	testapp_init(&app, 17, 500, NULL);
	assert_true(testtalk_datagrams(&app, weak_choices_talk, ARRAY_COUNT(weak_choices_talk), weak_choices_records));
	testapp_done(&app);
}

static const struct testtalk malformed_talk[] = {
	TALK(TO_SERVER, "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\r\x10\x02\x00\x00\x00\x00"
			"\x00\x00\x00\x00!\x00\x00\x00\x05v"),
	TALK(TO_CLIENT, "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x01\x10\x02\x00\x00\x00"
			"\x00\x00\x00\x00\x00 \x00\x00\x00@"),
};

static const char malformed_records[] =
	"{\"version_major\":1,\"version_minor\":0,\"exchange_type\":2,\"message_id\":0,\"init_spi\""
	":\"0000000000000001\",\"resp_spi\":\"0000000000000000\",\"payload\":[13],\"ikev1\":{\"encr"
	"ypted_payloads\":false,\"client\":{},\"server\":{},\"vendor_ids\":[\"76\"]}}\n"
	"{\"version_major\":1,\"version_minor\":0,\"exchange_type\":2,\"message_id\":0,\"init_spi\""
	":\"0000000000000001\",\"resp_spi\":\"0000000000000002\",\"payload\":[],\"ikev1\":{\"encryp"
	"ted_payloads\":false,\"client\":{},\"server\":{},\"vendor_ids\":[\"76\"]}} !malformed_data"
	"\n";

static void malformed(void **state)
{
	struct testapp app;

	testapp_init(&app, 17, 500, NULL);
	assert_true(testtalk_datagrams(&app, malformed_talk, ARRAY_COUNT(malformed_talk), malformed_records));
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_1),
		cmocka_unit_test(two_chosen),
		cmocka_unit_test(version_2),
		cmocka_unit_test(weak_choices),
		cmocka_unit_test(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
