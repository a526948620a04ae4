// SPDX-License-Identifier: Apache-2.0
/* Prints the reference page of the configuration from the rows of schema.c, so that the page cannot go stale. */
#include "shield/config.h"

#include <string.h>

#include "base/units.h"
#include "shield/schema.h"

static const char *say(struct schema_text text, enum luytre_lang language)
{
	return language == LUYTRE_LANG_VI ? text.vi : text.en;
}

static const struct schema_text kind_names[SCHEMA_KIND_COUNT] = {
	[SCHEMA_BOOL] = { "`true` or `false`", "`true` hoặc `false`" },
	[SCHEMA_COUNT] = { "number", "số" },
	[SCHEMA_DURATION] = { "time", "thời gian" },
	[SCHEMA_REAL] = { "number", "số" },
	[SCHEMA_CHOICE] = { "one of", "một trong" },
	[SCHEMA_NAME] = { "name: `a-z`, `0-9`, `-`, at most 63", "tên: `a-z`, `0-9`, `-`, tối đa 63 ký tự" },
	[SCHEMA_INTERFACE] = { "network interface", "giao diện mạng" },
	[SCHEMA_GROUP] = { "group", "nhóm người dùng" },
	[SCHEMA_TEXT] = { "text", "văn bản" },
	[SCHEMA_PATH] = { "absolute path", "đường dẫn tuyệt đối" },
	[SCHEMA_FILE] = { "path of a file", "đường dẫn tệp" },
	[SCHEMA_METRICS] = { "loopback address and port, or `off`", "địa chỉ loopback và cổng, hoặc `off`" },
	[SCHEMA_PREFIXES] = { "list of addresses and prefixes", "danh sách địa chỉ và dải địa chỉ" },
	[SCHEMA_PROTOCOLS] = { "list of `tcp`, `udp`, `icmp`, `icmpv6`, `gre`, `esp`, `ah`, `sctp`, `ipip`, `ipv6`, 0 "
			       "to 255",
		"danh sách gồm `tcp`, `udp`, `icmp`, `icmpv6`, `gre`, `esp`, `ah`, `sctp`, `ipip`, `ipv6`, 0 đến 255" },
	[SCHEMA_PORTS] = { "list of ports, ranges such as `8000-8099`, or `all`",
		"danh sách cổng, khoảng cổng như `8000-8099`, hoặc `all`" },
	[SCHEMA_REPLIES] = { "list of protocol names", "danh sách tên giao thức" },
	[SCHEMA_SIZE] = { "size such as `64M`", "kích thước như `64M`" },
	[SCHEMA_FILES] = { "list of files, folders and patterns", "danh sách tệp, thư mục và mẫu tên" },
	[SCHEMA_WORDS] = { "list of words", "danh sách từ" },
	[SCHEMA_PAIRS] = { "names with a value each", "các tên, mỗi tên một giá trị" },
	[SCHEMA_SECTION] = { "settings, see", "các thiết lập, xem" },
	[SCHEMA_SECTIONS] = { "list of settings, see", "danh sách các thiết lập, xem" },
};

static void print_bounds(FILE *out, const struct schema_row *row, enum luytre_lang language)
{
	const char *to = language == LUYTRE_LANG_VI ? "đến" : "to";
	char min[UNITS_TEXT_SIZE], max[UNITS_TEXT_SIZE];

	if (row->kind == SCHEMA_REAL) {
		fprintf(out, ", %g %s %g", row->min, to, row->max);
	} else if (row->kind == SCHEMA_SIZE) {
		fprintf(out, ", %s %s %s", units_format_size((uint64_t)row->min, min), to,
			units_format_size((uint64_t)row->max, max));
	} else if (row->kind == SCHEMA_DURATION) {
		fprintf(out, ", %.0f %s %.0f", row->min, to, row->max);
	} else {
		units_format_count((uint64_t)row->min, min);
		units_format_count((uint64_t)row->max, max);
		fprintf(out, ", %s %s %s", min, to, max);
	}
	if (row->unit)
		fprintf(out, " %s", row->unit);
}

/* The column that says what may be written. */
static void print_value(FILE *out, const struct schema_row *row, enum luytre_lang language)
{
	const char *most = language == LUYTRE_LANG_VI ? "tối đa" : "at most";

	fputs(say(kind_names[row->kind], language), out);
	switch (row->kind) {
	case SCHEMA_COUNT:
	case SCHEMA_DURATION:
	case SCHEMA_REAL:
	case SCHEMA_SIZE:
		print_bounds(out, row, language);
		break;
	case SCHEMA_CHOICE:
		for (size_t i = 0; row->choices[i]; i++)
			fprintf(out, "%s `%s`", i ? "," : "", row->choices[i]);
		break;
	case SCHEMA_TEXT:
	case SCHEMA_PATH:
		fprintf(out, ", %s %g %s", most, row->max, language == LUYTRE_LANG_VI ? "byte" : "bytes");
		if (row->may_be_off)
			fprintf(out, ", %s `off`", language == LUYTRE_LANG_VI ? "hoặc" : "or");
		break;
	case SCHEMA_SECTION:
	case SCHEMA_SECTIONS:
		fprintf(out, " `%s`", row->section->name);
		break;
	default:
		break;
	}
}

/* The column of the default: as one would write it, a list between brackets. */
static void print_default(FILE *out, const struct schema_row *row, enum luytre_lang language)
{
	bool list = row->kind == SCHEMA_PROTOCOLS || row->kind == SCHEMA_PORTS || row->kind == SCHEMA_REPLIES ||
		    row->kind == SCHEMA_PREFIXES;

	if (row->required) {
		fputs(language == LUYTRE_LANG_VI ? "**bắt buộc**" : "**required**", out);
		if (row->unless)
			fprintf(out, language == LUYTRE_LANG_VI ? ", trừ khi có `%s`" : " unless `%s` is there",
				row->unless);
	} else if (row->fallback && list) {
		fputs("`[", out);
		for (const char *pos = row->fallback; *pos; pos++)
			fputs(*pos == ' ' ? ", " : (const char[]){ *pos, '\0' }, out);
		fputs("]`", out);
	} else if (row->fallback) {
		fprintf(out, "`%s`", row->fallback);
	} else if (row->assumed) {
		fprintf(out, "`%s`", row->assumed);
	} else if (row->section) {
		fputs("—", out);
	} else {
		fputs(language == LUYTRE_LANG_VI ? "không đặt" : "not set", out);
	}
}

static void print_section(FILE *out, const struct schema_section *section, enum luytre_lang language)
{
	if (section->name[0])
		fprintf(out, "\n## `%s`\n", section->name);
	fprintf(out, "\n%s\n\n", say(section->help, language));
	fputs(language == LUYTRE_LANG_VI ? "| thiết lập | giá trị | mặc định | ý nghĩa |\n"
					 : "| setting | value | default | meaning |\n",
		out);
	fputs("|---|---|---|---|\n", out);
	for (size_t i = 0; i < section->row_count; i++) {
		const struct schema_row *row = &section->rows[i];

		fprintf(out, "| `%s` | ", row->name);
		print_value(out, row, language);
		fputs(" | ", out);
		print_default(out, row, language);
		fprintf(out, " | %s |\n", say(row->help, language));
	}
	for (size_t i = 0; i < section->row_count; i++) {
		if (section->rows[i].section)
			print_section(out, section->rows[i].section, language);
	}
}

static const struct schema_text introduction = {
	"# Configuration\n"
	"\n"
	"The edge reads one YAML file, `/etc/luytre/luytre.yaml` unless told otherwise. `luytre check FILE` says "
	"everything\n"
	"that is wrong with a file, with lines and remedies, and changes nothing. A running edge that is told to "
	"reload a\n"
	"wrong file keeps the configuration that it has.\n"
	"\n"
	"Numbers may end with `k`, `M` or `G` (thousand, million, billion), sizes with `K`, `M`, `G` or `T` (powers of "
	"1024).\n"
	"Times are in the unit that ends the name of the\n"
	"setting, or carry their own: `500ms`, `90s`, `5m`, `2h`, `7d`. A list is written `[a, b]`, or one item a line "
	"behind\n"
	"dashes; a list of one may be the value alone. A name that is not on this page is an error, and so are a "
	"setting that\n"
	"appears twice, bits behind the length of a prefix, and YAML anchors, aliases and tags. A value that begins "
	"with a\n"
	"sign, such as `\"::1\"`, stands between quotes.\n"
	"\n"
	"This page is printed by `luytre config reference`; `luytre config reference vi` prints it in Vietnamese.\n",
	"# Cấu hình\n"
	"\n"
	"Điểm biên đọc một tệp YAML, mặc định là `/etc/luytre/luytre.yaml`. Lệnh `luytre check TỆP` chỉ ra mọi chỗ sai "
	"trong\n"
	"tệp, kèm số dòng và cách sửa, mà không thay đổi gì. Nếu tệp có lỗi khi nạp lại, điểm biên đang chạy giữ "
	"nguyên cấu\n"
	"hình hiện có.\n"
	"\n"
	"Số có thể kết thúc bằng `k`, `M` hoặc `G` (nghìn, triệu, tỷ), kích thước bằng `K`, `M`, `G` hoặc `T` (lũy "
	"thừa "
	"của 1024).\n"
	"Thời gian tính theo đơn vị ở cuối tên thiết "
	"lập, hoặc\n"
	"ghi rõ đơn vị: `500ms`, `90s`, `5m`, `2h`, `7d`. Danh sách viết là `[a, b]`, hoặc mỗi dòng một mục sau dấu "
	"gạch\n"
	"ngang; danh sách chỉ có một mục có thể viết thẳng giá trị đó. Tên không có trong trang này là lỗi; thiết lập "
	"xuất\n"
	"hiện hai lần, dải địa chỉ có bit khác 0 phía sau độ dài, và anchor, alias, tag của YAML cũng là lỗi. Giá trị "
	"bắt đầu\n"
	"bằng một dấu, như `\"::1\"`, phải đặt trong dấu ngoặc kép.\n"
	"\n"
	"Trang này do lệnh `luytre config reference vi` in ra.\n",
};

void config_print_reference(FILE *out, enum luytre_lang language)
{
	fputs(say(introduction, language), out);
	print_section(out, &schema_root, language);
}
