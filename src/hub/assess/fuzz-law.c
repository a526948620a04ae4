// SPDX-License-Identifier: Apache-2.0
/* What comes from outside into assessments: the first byte says what the rest is. 0: packed answers; 1: a staff part; 2: a package;
 * else one file of the law in place of the program's own, with all others as they are. */
#include <stdlib.h>

#include "hub/assess/answers.h"
#include "hub/assess/law.h"
#include "hub/assess/package.h"
#include "hub/assess/staff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_answers(struct bytes in)
{
	struct answers_reader reader;
	struct answer answer, all[16];
	size_t count = 0, packed_size;
	uint8_t *packed;

	if (answers_begin(&reader, in))
		return;
	while (answers_next(&reader, &answer) > 0)
		if (count < ARRAY_COUNT(all))
			all[count++] = answer;
	if (count > 0) { /* what was read can be packed */
		if (answers_pack(all, count, &packed, &packed_size))
			abort();
		free(packed);
	}
}

static void read_staff(struct bytes in)
{
	static struct staff staff, again;
	struct bytes text;
	struct jsonw json;

	if (staff_parse(in, &staff))
		return;
	jsonw_init(&json, 4 * STAFF_TEXT_MAX);
	staff_write(&json, &staff);
	if (jsonw_text(&json, &text) || (text.size <= STAFF_TEXT_MAX && staff_parse(text, &again)))
		abort();
	jsonw_done(&json);
	(void)staff_hours(&staff);
}

static void read_package(struct bytes in)
{
	static const uint8_t secret[PACKAGE_SECRET_SIZE] = { 1 };
	char why[PACKAGE_WHY_SIZE];
	struct package package;

	if (!package_open(in, secret, NULL, &package, why))
		package_done(&package);
}

static void read_law(size_t place, struct bytes in)
{
	struct law_file files[LAW_FILES_MAX];
	char why[LAW_WHY_SIZE];
	struct law *law;

	for (size_t i = 0; i < law_builtin_count; i++)
		files[i] = law_builtin[i];
	if (place < law_builtin_count)
		files[place].text = in;
	if (law_new(files, law_builtin_count, &law, why) == 0)
		law_free(law);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bytes rest = bytes_skip(bytes_of(data, size), 1);

	if (size == 0)
		return 0;
	if (data[0] == 0)
		read_answers(rest);
	else if (data[0] == 1)
		read_staff(rest);
	else if (data[0] == 2)
		read_package(rest);
	else
		read_law(data[0] - 3U, rest);
	return 0;
}
