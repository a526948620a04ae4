// SPDX-License-Identifier: Apache-2.0
/* A report as PDF through Pango and Cairo, in this process: the hub may start no other one. Fonts are found by fontconfig; a serif one with
 * the letters of Vietnamese is asked for. Text stays text: it can be searched and copied.
 *
 * Every document has a font map of its own, so threads share nothing and nothing is kept. */
#include <pango/pangocairo.h>

#include <cairo-pdf.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "hub/report/internal.h"

/* Points; A4 as in ISO 216. */
#define PAGE_SHORT  595.28
#define PAGE_LONG   841.89
#define MARGIN      42.0
#define FOOT        20.0 /* room for the number of the page */
#define CELL_PAD    2.5
#define GAP         5.0
#define FONT_FAMILY "Noto Serif, DejaVu Serif, Liberation Serif, serif"

enum { PAGES_MAX = 4000 };

static const struct style {
	double size;
	bool bold, italic, centred;
	double before; /* room above */
} styles[REPORT_STYLE_COUNT] = {
	[REPORT_MOTTO] = { 11, true, false, true, 0 },
	[REPORT_TITLE] = { 14, true, false, true, 12 },
	[REPORT_SUBTITLE] = { 10, false, true, true, 2 },
	[REPORT_SECTION] = { 11, true, false, false, 8 },
	[REPORT_TEXT] = { 10.5, false, false, false, 2 },
	[REPORT_SMALL] = { 8.5, false, true, false, 2 },
};

static const struct style cell_style = { 7.5, false, false, false, 0 }, head_style = { 7.5, true, false, true, 0 };

struct paper {
	const struct report *report;
	struct report_out *out;
	size_t room;
	int error;
	cairo_t *cairo;
	PangoLayout *layout;
	double width, height, y;
	unsigned int page;
};

static cairo_status_t write_out(void *context, const unsigned char *data, unsigned int size)
{
	struct paper *paper = context;

	if (!paper->error)
		paper->error = report_put(paper->out, &paper->room, bytes_of(data, size));
	return paper->error ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

/* ---- One text ---- */

/* Prepares the layout; returns its height. */
static double set_text(struct paper *paper, const struct style *style, const char *text, double width)
{
	PangoFontDescription *font = pango_font_description_from_string(FONT_FAMILY);
	int height;

	pango_font_description_set_absolute_size(font, style->size * PANGO_SCALE);
	pango_font_description_set_weight(font, style->bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
	pango_font_description_set_style(font, style->italic ? PANGO_STYLE_ITALIC : PANGO_STYLE_NORMAL);
	pango_layout_set_font_description(paper->layout, font);
	pango_font_description_free(font);
	pango_layout_set_width(paper->layout, (int)(width * PANGO_SCALE));
	pango_layout_set_wrap(paper->layout, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_alignment(paper->layout, style->centred ? PANGO_ALIGN_CENTER : PANGO_ALIGN_LEFT);
	pango_layout_set_text(paper->layout, text, -1);
	pango_layout_get_size(paper->layout, NULL, &height);
	return (double)height / PANGO_SCALE;
}

static void show_text(struct paper *paper, double x, double y)
{
	cairo_move_to(paper->cairo, x, y);
	pango_cairo_show_layout(paper->cairo, paper->layout);
}

/* ---- Pages ---- */

static void end_page(struct paper *paper)
{
	static const struct style style = { 8, false, false, true, 0 };
	char text[32];

	snprintf(text, sizeof(text), "%u", ++paper->page);
	(void)set_text(paper, &style, text, paper->width - 2 * MARGIN);
	show_text(paper, MARGIN, paper->height - MARGIN + 8);
	cairo_show_page(paper->cairo);
	paper->y = MARGIN;
	if (paper->page == PAGES_MAX)
		paper->error = LUYTRE_E_FULL;
}

static bool fits(const struct paper *paper, double height)
{
	return paper->y + height <= paper->height - MARGIN - FOOT;
}

/* ---- Paragraphs: line by line, so a long one goes on over the page ---- */

static void put_lines(struct paper *paper)
{
	PangoLayoutIter *lines = pango_layout_get_iter(paper->layout);

	do {
		PangoLayoutLine *line = pango_layout_iter_get_line_readonly(lines);
		PangoRectangle box;
		double height;

		pango_layout_iter_get_line_extents(lines, NULL, &box);
		height = (double)box.height / PANGO_SCALE;
		if (!fits(paper, height)) {
			/* The number of the page needs the layout: this one is put aside. */
			PangoLayout *mine = paper->layout;

			paper->layout = pango_cairo_create_layout(paper->cairo);
			end_page(paper);
			g_object_unref(paper->layout);
			paper->layout = mine;
		}
		cairo_move_to(paper->cairo, MARGIN + (double)box.x / PANGO_SCALE,
			paper->y + (double)pango_layout_iter_get_baseline(lines) / PANGO_SCALE -
				(double)box.y / PANGO_SCALE);
		pango_cairo_show_layout_line(paper->cairo, line);
		paper->y += height;
	} while (!paper->error && pango_layout_iter_next_line(lines));
	pango_layout_iter_free(lines);
}

static void put_paragraph(struct paper *paper, const struct style *style, const char *text, size_t bold_size)
{
	paper->y += style->before;
	if (bold_size) {
		PangoAttrList *attributes = pango_attr_list_new();
		PangoAttribute *bold = pango_attr_weight_new(PANGO_WEIGHT_BOLD);

		bold->start_index = 0;
		bold->end_index = (guint)bold_size;
		pango_attr_list_insert(attributes, bold);
		pango_layout_set_attributes(paper->layout, attributes);
		pango_attr_list_unref(attributes);
	}
	(void)set_text(paper, style, text, paper->width - 2 * MARGIN);
	put_lines(paper);
	pango_layout_set_attributes(paper->layout, NULL);
}

static void put_field(struct paper *paper, const char *const *texts)
{
	static const char dots[] = "........................................................................";
	const char *value = texts[1][0] ? texts[1] : dots;
	size_t size = strlen(texts[0]) + strlen(value) + 3;
	char *text = g_malloc(size);

	snprintf(text, size, "%s: %s", texts[0], value);
	put_paragraph(paper, &styles[REPORT_TEXT], text, strlen(texts[0]) + 1);
	g_free(text);
}

/* ---- Tables ---- */

static double column_width(const struct paper *paper, size_t column)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < paper->report->column_count; i++)
		sum += paper->report->columns[i].width;
	return (paper->width - 2 * MARGIN) * paper->report->columns[column].width / sum;
}

/* Long cells are cut, with dots: a row stands on one page. */
static double set_cell(struct paper *paper, const struct style *style, const char *text, size_t column)
{
	double limit = paper->height - 2 * MARGIN - FOOT - 80;

	pango_layout_set_height(paper->layout, (int)(limit * PANGO_SCALE));
	pango_layout_set_ellipsize(paper->layout, PANGO_ELLIPSIZE_END);
	return set_text(paper, style, text, column_width(paper, column) - 2 * CELL_PAD);
}

static void put_cells(struct paper *paper, const struct style *style, const char *const *cells)
{
	double height = 0, x = MARGIN;

	for (size_t i = 0; i < paper->report->column_count; i++) {
		double cell = set_cell(paper, style, cells[i], i);

		height = cell > height ? cell : height;
	}
	height += 2 * CELL_PAD;
	for (size_t i = 0; i < paper->report->column_count; i++) {
		(void)set_cell(paper, style, cells[i], i);
		show_text(paper, x + CELL_PAD, paper->y + CELL_PAD);
		cairo_rectangle(paper->cairo, x, paper->y, column_width(paper, i), height);
		x += column_width(paper, i);
	}
	cairo_set_line_width(paper->cairo, 0.5);
	cairo_stroke(paper->cairo);
	paper->y += height;
	pango_layout_set_height(paper->layout, -1);
	pango_layout_set_ellipsize(paper->layout, PANGO_ELLIPSIZE_NONE);
}

static void put_titles(struct paper *paper)
{
	const char *titles[REPORT_COLUMNS_MAX];

	for (size_t i = 0; i < paper->report->column_count; i++)
		titles[i] = paper->report->columns[i].title;
	put_cells(paper, &head_style, titles);
}

static double row_height(struct paper *paper, const char *const *cells)
{
	double height = 0;

	for (size_t i = 0; i < paper->report->column_count; i++) {
		double cell = set_cell(paper, &cell_style, cells[i], i);

		height = cell > height ? cell : height;
	}
	pango_layout_set_height(paper->layout, -1);
	pango_layout_set_ellipsize(paper->layout, PANGO_ELLIPSIZE_NONE);
	return height + 2 * CELL_PAD;
}

static void put_row(struct paper *paper, const char *const *cells)
{
	if (!fits(paper, row_height(paper, cells))) {
		end_page(paper);
		put_titles(paper);
	}
	put_cells(paper, &cell_style, cells);
}

/* ---- The document ---- */

static void put_item(struct paper *paper, const struct report_item *item)
{
	switch (item->kind) {
	case REPORT_HEADING:
		put_paragraph(paper, &styles[item->style], item->texts[0], 0);
		break;
	case REPORT_FIELD:
		put_field(paper, item->texts);
		break;
	case REPORT_TABLE:
		paper->y += GAP;
		put_titles(paper);
		break;
	case REPORT_ROW:
		put_row(paper, item->texts);
		break;
	}
}

static void draw(struct paper *paper, cairo_surface_t *surface)
{
	PangoFontMap *fonts = pango_cairo_font_map_new();
	PangoContext *context = pango_font_map_create_context(fonts);

	paper->cairo = cairo_create(surface);
	pango_cairo_update_context(paper->cairo, context);
	paper->layout = pango_layout_new(context);
	paper->y = MARGIN;
	for (size_t i = 0; i < paper->report->count && !paper->error; i++)
		put_item(paper, &paper->report->items[i]);
	if (!paper->error)
		end_page(paper);
	cairo_surface_finish(surface);
	if (!paper->error && cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS)
		paper->error = LUYTRE_E_NOMEM;
	g_object_unref(paper->layout);
	cairo_destroy(paper->cairo);
	g_object_unref(context);
	g_object_unref(fonts);
}

bool report_has_pdf(void)
{
	return true;
}

int report_pdf(const struct report *report, struct report_out *ret)
{
	struct paper paper = { .report = report,
		.out = ret,
		.error = report->error,
		.width = report->landscape ? PAGE_LONG : PAGE_SHORT,
		.height = report->landscape ? PAGE_SHORT : PAGE_LONG };
	cairo_surface_t *surface;

	*ret = (struct report_out){ 0 };
	if (!paper.error && report->count > REPORT_PDF_ITEMS_MAX)
		paper.error = LUYTRE_E_FULL;
	if (paper.error)
		return paper.error;
	surface = cairo_pdf_surface_create_for_stream(write_out, &paper, paper.width, paper.height);
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, report->name);
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "Lũy Tre " LUYTRE_VERSION);
	draw(&paper, surface);
	cairo_surface_destroy(surface);
	if (paper.error)
		report_out_free(ret);
	return paper.error;
}
