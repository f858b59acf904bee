#include "tools/report_picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tools/cli.h"
#include "tools/picture_axis.h"
#include "tools/width.h"

#define LANES_SHOWN 60u
#define ROWS_IN_LANE 6u
#define WIDTH 720 /* units of the drawing: the text column of the page */
#define WHO 92	  /* where the names of the rows begin */
#define LEFT 212  /* where the time begins */
#define RIGHT 684
#define ROW_HEIGHT 15
#define PAD 5
#define CLOSE 1.0      /* bars that are closer together than that are one */
#define MARK_CLOSE 9.0 /* marks, too */

struct row {
	char host[20], who[96];
	size_t openings;
	bool others;
};
struct lane {
	const struct roster_medium *medium; /* NULL: not on the register */
	char volume[33], name[PAGE_NAME], label[65];
	struct row rows[ROWS_IN_LANE];
	size_t row_count, openings;
};
struct place {
	unsigned char lane, row; /* lane LANES_SHOWN: none */
};
struct picture {
	const struct report_page *p;
	const struct html *h;
	struct axis axis;
	struct lane lanes[LANES_SHOWN];
	size_t count, left_out; /* media without a lane, though something happened */
	struct place *places;	/* of each session */
};
_Static_assert(LANES_SHOWN < 256, "struct place");

/* ---- which lanes, which rows ---- */

static struct lane *find_lane(struct picture *pic, const struct roster_medium *m,
			      const char *volume)
{
	for (size_t i = 0; i < pic->count; i++) {
		struct lane *l = &pic->lanes[i];

		if (m ? l->medium == m : !l->medium && strcmp(l->volume, volume) == 0)
			return l;
	}
	return NULL;
}

static struct lane *add_lane(struct picture *pic, const struct roster_medium *m)
{
	struct lane *l;

	if (pic->count == LANES_SHOWN) {
		pic->left_out++;
		return NULL;
	}
	l = &pic->lanes[pic->count++];
	l->medium = m;
	if (!m)
		return l;
	text_copy(l->name, sizeof(l->name), m->number);
	if (strcmp(m->label, m->number) != 0)
		text_copy(l->label, sizeof(l->label), m->label);
	return l;
}

static bool has_loan(const struct picture *pic, const struct roster_medium *m)
{
	const struct roster *r = pic->p->roster;

	for (size_t i = 0; i < r->checkout_count; i++) {
		const struct roster_checkout *c = &r->checkouts[i];

		if (strcmp(c->number, m->number) == 0 && c->requested <= pic->axis.to &&
		    (!c->returned || c->returned_at >= pic->axis.from))
			return true;
	}
	return false;
}

static void add_session(struct picture *pic, size_t i)
{
	const struct report_session *s = &pic->p->report->sessions[i];
	const struct roster_medium *m = page_medium(pic->p, s);
	struct lane *l = find_lane(pic, m, s->volume);
	size_t row = 0;

	if (!l && (l = add_lane(pic, m)) && !m) {
		text_copy(l->volume, sizeof(l->volume), s->volume);
		page_medium_name(pic->p, s, l->name);
	}
	pic->places[i].lane = LANES_SHOWN;
	if (!l)
		return;
	while (row < l->row_count &&
	       (strcmp(l->rows[row].host, s->host) != 0 || strcmp(l->rows[row].who, s->who) != 0))
		row++;
	if (row == ROWS_IN_LANE)
		l->rows[--row].others = true;
	else if (row == l->row_count) {
		l->row_count++;
		text_copy(l->rows[row].host, sizeof(l->rows[row].host), s->host);
		text_copy(l->rows[row].who, sizeof(l->rows[row].who), s->who);
	}
	l->openings++;
	l->rows[row].openings++;
	pic->places[i] = (struct place){(unsigned char)(l - pic->lanes), (unsigned char)row};
}

static void add_media(struct picture *pic)
{
	const struct roster *r = pic->p->roster;

	for (size_t i = 0; i < r->medium_count; i++) {
		const struct roster_medium *m = &r->media[i];
		bool gone = m->revoked.is && page_in_span(pic->p, m->revoked.when);

		if ((gone || has_loan(pic, m)) && !find_lane(pic, m, ""))
			(void)add_lane(pic, m);
	}
}

static int by_name(const void *a, const void *b, void *ctx)
{
	const struct lane *lanes = ctx;

	return strcmp(lanes[*(const unsigned char *)a].name, lanes[*(const unsigned char *)b].name);
}

/* ---- shapes ---- */

#define SHAPE_REMOVED "<path d=\"M%.1f %.1fl-4 -7h8z\" fill=\"#000\"/>"
#define SHAPE_UNCLEAN                                                                              \
	"<path d=\"M%.1f %.1fm0 -9l4 4.5l-4 4.5l-4 -4.5z\" fill=\"#fff\" stroke=\"#000\" "         \
	"stroke-width=\"1.4\"/>"
#define SHAPE_LOST                                                                                 \
	"<path d=\"M%.1f %.1fm-5 -5l10 10m0 -10l-10 10\" fill=\"none\" stroke=\"#000\" "           \
	"stroke-width=\"2.6\"/>"
#define SHAPE_OPEN "<path d=\"M%.1f %.1fm0 -5l7 5l-7 5z\" fill=\"#fff\" stroke=\"#000\"/>"
#define SHAPE_FOUND                                                                                \
	"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" fill=\"#fff\" stroke=\"#000\" "                 \
	"stroke-width=\"1.6\"/>"

static enum err put_text(const struct picture *pic, double x, double y, const char *attributes,
			 const char *text)
{
	TRY(buf_printf(pic->h->out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes));
	TRY(html_text(pic->h, text));
	return buf_puts(pic->h->out, "</text>");
}

/* Tenths of the font's size that a character takes: no browser is asked, so rather too much. */
static size_t room_of(const char *character)
{
	if (width_of(character) != 1)
		return 5 * width_of(character);
	return strchr("MWmw@%&", *character) ? 10 : *character >= 'A' && *character <= 'Z' ? 8 : 6;
}

/* As much of it as stands in so much room, in tenths of the font's size. */
static enum err put_cut(const struct picture *pic, double x, double y, const char *attributes,
			const char *text, size_t room)
{
	char cut[PAGE_NAME * 2 + 8] = "", one[8];
	size_t at = 0, used = 0, fits = 0;

	for (; text[at] && used <= room; at += strlen(one)) {
		size_t len = 1;

		while (len < 4 && ((unsigned char)text[at + len] & 0xc0) == 0x80)
			len++;
		snprintf(one, sizeof(one), "%.*s", (int)len, text + at);
		used += room_of(one);
		if (used + 10 <= room)
			fits = at + len;
	}
	if (used <= room)
		return put_text(pic, x, y, attributes, text);
	snprintf(cut, sizeof(cut), "%.*s…", (int)MIN(fits, sizeof(cut) - 8), text);
	return put_text(pic, x, y, attributes, cut);
}

static enum err put_bar(const struct picture *pic, double x, double width, double middle,
			double height, const char *look)
{
	return buf_printf(pic->h->out,
			  "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" %s/>", x,
			  middle - height / 2, width, height, look);
}

static enum err put_shape(const struct picture *pic, enum report_ending ending, double x, double y)
{
	struct buf *out = pic->h->out;

	if (ending == REPORT_REMOVED)
		return buf_printf(out, SHAPE_REMOVED, x, y);
	if (ending == REPORT_UNCLEAN)
		return buf_printf(out, SHAPE_UNCLEAN, x, y);
	if (ending == REPORT_OPEN)
		return buf_printf(out, SHAPE_OPEN, x, y);
	return put_text(pic, x, y + 1, "text-anchor=\"middle\" class=\"n\"", "?");
}

/* ---- a row ---- */

/* Openings that stand too close together for the paper. */
struct run {
	double from, to;
	size_t openings;
};

static enum err put_run(const struct picture *pic, const struct run *run, double middle)
{
	static const double heights[] = {0, 5, 7, 7, 9, 9, 9, 9};
	double height = run->openings < ARRAY_LEN(heights) ? heights[run->openings] : 11;

	return run->openings ? put_bar(pic, run->from, run->to - run->from, middle, height,
				       "fill=\"#000\"")
			     : OK;
}

static bool is_of(const struct picture *pic, size_t session, size_t lane, size_t row)
{
	return pic->places[session].lane == lane && pic->places[session].row == row;
}

static enum err put_closed(const struct picture *pic, size_t lane, size_t row, double middle)
{
	const struct report *r = pic->p->report;
	struct run run = {0};

	for (size_t i = 0; i < r->session_count; i++) {
		const struct report_session *s = &r->sessions[i];
		double from, to;

		if (!is_of(pic, i, lane, row) || s->ending != REPORT_CLOSED)
			continue;
		from = axis_place(&pic->axis, s->from);
		to = MAX(axis_place(&pic->axis, s->to), from + 2.4);
		if (run.openings && from <= run.to + CLOSE) {
			run.to = MAX(run.to, to);
			run.openings++;
			continue;
		}
		TRY(put_run(pic, &run, middle));
		run = (struct run){from, to, 1};
	}
	return put_run(pic, &run, middle);
}

static enum err put_exception(const struct picture *pic, const struct report_session *s,
			      double middle, double mark[REPORT_ENDINGS])
{
	double from = axis_place(&pic->axis, s->from), at = from, width = 3;

	if (s->ending == REPORT_OPEN)
		at = axis_place(&pic->axis, pic->axis.to);
	else if (s->ending != REPORT_UNTOLD)
		at = axis_place(&pic->axis, s->to);
	width = MAX(at - from, width);
	TRY(put_bar(pic, from, width, middle, 7,
		    s->ending == REPORT_OPEN
			    ? "fill=\"#000\""
			    : "fill=\"url(#hatch)\" stroke=\"#000\" stroke-width=\".8\""));
	at = MAX(at, from + width);
	if (at - mark[s->ending] < MARK_CLOSE)
		return OK;
	mark[s->ending] = at;
	return put_shape(pic, s->ending, at, s->ending == REPORT_OPEN ? middle : middle + 1);
}

static enum err put_row(const struct picture *pic, size_t lane, size_t row)
{
	const struct row *w = &pic->lanes[lane].rows[row];
	const struct report *r = pic->p->report;
	double top = PAD + (double)row * ROW_HEIGHT, middle = top + ROW_HEIGHT / 2.0;
	double mark[REPORT_ENDINGS] = {-1000, -1000, -1000, -1000, -1000};
	char who[PAGE_NAME], host[PAGE_NAME], text[2 * PAGE_NAME + 8];

	page_who(pic->p, w->who, who);
	page_host(pic->p, w->host, host);
	snprintf(text, sizeof(text), "%s · %s", who, host);
	TRY(put_cut(pic, WHO, top + 11, "", w->others ? _("others") : text, 110));
	TRY(buf_printf(pic->h->out, "<path d=\"M%d %.1fH%d\" stroke=\"#999\" stroke-width=\".5\"/>",
		       LEFT, middle, RIGHT));
	TRY(put_closed(pic, lane, row, middle));
	for (size_t i = 0; i < r->session_count; i++)
		if (is_of(pic, i, lane, row) && r->sessions[i].ending != REPORT_CLOSED)
			TRY(put_exception(pic, &r->sessions[i], middle, mark));
	snprintf(text, sizeof(text), "%zu", w->openings);
	return put_text(pic, WIDTH - 2, top + 11, "text-anchor=\"end\"", text);
}

/* ---- a lane ---- */

static enum err put_loans(const struct picture *pic, const struct lane *l, double height)
{
	const struct roster *r = pic->p->roster;

	for (size_t i = 0; l->medium && i < r->checkout_count; i++) {
		const struct roster_checkout *c = &r->checkouts[i];
		int64_t end = c->returned ? c->returned_at : pic->axis.to;
		int64_t begin = c->approved ? c->approved_at : c->requested;
		double from, to;

		if (strcmp(c->number, l->medium->number) != 0 || end < pic->axis.from ||
		    begin > pic->axis.to || !c->approved)
			continue;
		from = axis_place(&pic->axis, begin);
		to = MAX(axis_place(&pic->axis, end), from + 2);
		TRY(put_bar(pic, from, to - from, height / 2, height - 4,
			    "fill=\"url(#loan)\" stroke=\"#000\" stroke-width=\".7\" "
			    "stroke-dasharray=\"3 2\""));
	}
	return OK;
}

static enum err put_revocation(const struct picture *pic, const struct lane *l, double height)
{
	const struct roster_medium *m = l->medium;
	double x;

	if (!m || !m->revoked.is || m->revoked.when > pic->axis.to)
		return OK;
	x = MIN(axis_place(&pic->axis, m->revoked.when), RIGHT - 6);
	TRY(buf_printf(pic->h->out,
		       "<path d=\"M%.1f %.1fH%d\" stroke=\"#000\" stroke-width=\"1.4\" "
		       "stroke-dasharray=\"1.5 4\"/>",
		       x, height / 2, RIGHT));
	TRY(buf_printf(pic->h->out, SHAPE_LOST, x, height / 2));
	if (m->state == MEDIUM_FOUND && m->sighted > m->revoked.when)
		TRY(buf_printf(pic->h->out, SHAPE_FOUND,
			       MAX(axis_place(&pic->axis, m->sighted), x + 12), height / 2));
	return OK;
}

static enum err put_grid(const struct picture *pic, double height)
{
	for (size_t i = 0; i < pic->axis.count; i++)
		TRY(buf_printf(pic->h->out,
			       "<path d=\"M%.1f 0V%.0f\" stroke=\"#ccc\" stroke-width=\".7\"/>",
			       pic->axis.ticks[i].x, height));
	return buf_printf(pic->h->out, "<path d=\"M%d 0V%.0fM%d 0V%.0f\" stroke=\"#666\"/>", LEFT,
			  height, RIGHT, height);
}

static enum err begin_drawing(const struct picture *pic, double height, const char *name)
{
	TRY(buf_printf(pic->h->out,
		       "<tr><td><svg viewBox=\"0 0 %d %.0f\" role=\"img\" "
		       "aria-label=\"",
		       WIDTH, height));
	TRY(html_text(pic->h, name));
	return buf_puts(pic->h->out, "\">");
}

static enum err put_lane(const struct picture *pic, size_t lane)
{
	const struct lane *l = &pic->lanes[lane];
	size_t lines = MAX(l->row_count, l->label[0] ? 2u : 1u);
	double height = (double)lines * ROW_HEIGHT + 2 * PAD;

	TRY(begin_drawing(pic, height, l->name));
	TRY(put_grid(pic, height));
	TRY(put_cut(pic, 0, PAD + 11, "class=\"n\"", l->name, 72));
	if (l->label[0])
		TRY(put_cut(pic, 0, PAD + ROW_HEIGHT + 10, "", l->label, 84));
	TRY(put_loans(pic, l, height));
	for (size_t row = 0; row < l->row_count; row++)
		TRY(put_row(pic, lane, row));
	TRY(put_revocation(pic, l, height));
	return buf_puts(pic->h->out, "</svg></td></tr>\n");
}

/* ---- the whole ---- */

static enum err put_axis(const struct picture *pic)
{
	TRY(begin_drawing(pic, 20, _("Who had which medium")));
	TRY(buf_puts(pic->h->out,
		     "<defs><pattern id=\"hatch\" width=\"3\" height=\"3\" patternUnits="
		     "\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect width=\"3\" "
		     "height=\"3\" fill=\"#fff\"/><rect width=\"1.5\" height=\"3\" fill=\"#000\"/>"
		     "</pattern><pattern id=\"loan\" width=\"5\" height=\"5\" patternUnits="
		     "\"userSpaceOnUse\"><circle cx=\"1.2\" cy=\"1.2\" r=\".55\" fill=\"#555\"/>"
		     "</pattern></defs>"));
	TRY(put_text(pic, 0, 13, "", _("medium")));
	TRY(put_text(pic, WHO, 13, "", _("who and where")));
	for (size_t i = 0; i < pic->axis.count; i++) {
		double x = pic->axis.ticks[i].x;

		TRY(buf_printf(pic->h->out, "<path d=\"M%.1f 16V20\" stroke=\"#666\"/>", x));
		TRY(put_text(pic, MAX(LEFT + 13, MIN(RIGHT - 13, x)), 13, "text-anchor=\"middle\"",
			     pic->axis.ticks[i].label));
	}
	TRY(put_text(pic, WIDTH - 2, 13, "text-anchor=\"end\"", _("times")));
	return buf_puts(pic->h->out, "</svg></td></tr>\n");
}

static enum err put_sample(const struct picture *pic, const char *shape, const char *text)
{
	TRY(buf_puts(pic->h->out, "<span><svg class=\"key\" viewBox=\"0 0 22 12\">"));
	TRY(buf_puts(pic->h->out, shape));
	TRY(buf_puts(pic->h->out, "</svg>"));
	TRY(html_text(pic->h, text));
	return buf_puts(pic->h->out, "</span>\n");
}

static enum err put_shape_sample(const struct picture *pic, enum report_ending ending)
{
	CLEANUP(buf_clear) struct buf shape = {0};
	struct html h = {.out = &shape};
	struct picture inner = {.h = &h};

	TRY(put_bar(&inner, 0, 14, 6, 7,
		    ending == REPORT_OPEN
			    ? "fill=\"#000\""
			    : "fill=\"url(#hatch)\" stroke=\"#000\" stroke-width=\".8\""));
	TRY(put_shape(&inner, ending, 14, ending == REPORT_OPEN ? 6 : 8));
	return put_sample(pic, shape.data, page_ending(ending));
}

static enum err put_legend(const struct picture *pic)
{
	bool is[REPORT_ENDINGS] = {false};
	char lost[160];

	for (size_t i = 0; i < pic->p->report->session_count; i++)
		is[pic->p->report->sessions[i].ending] = true;
	snprintf(lost, sizeof(lost), SHAPE_LOST, 8.0, 6.0);
	TRY(buf_puts(pic->h->out, "<p class=\"legend\">"));
	TRY(put_sample(
		pic,
		"<rect y=\"3.5\" width=\"9\" height=\"5\"/><rect x=\"12\" y=\"1\" width=\"9\" "
		"height=\"10\"/>",
		_("opened (taller: several times in a row)")));
	for (enum report_ending e = 0; e < REPORT_ENDINGS; e++)
		if (is[e] && e != REPORT_CLOSED)
			TRY(put_shape_sample(pic, e));
	if (pic->p->has_society) {
		TRY(put_sample(
			pic,
			"<rect x=\".5\" y=\".5\" width=\"21\" height=\"11\" fill=\"url(#loan)\" "
			"stroke=\"#000\" stroke-width=\".7\" stroke-dasharray=\"3 2\"/>",
			_("taken out, with approval")));
		TRY(put_sample(pic, lost, _("lost or revoked")));
	}
	return buf_puts(pic->h->out, "</p>\n");
}

static enum err put_lanes(const struct picture *pic)
{
	unsigned char order[LANES_SHOWN];
	char text[160];

	for (size_t i = 0; i < pic->count; i++)
		order[i] = (unsigned char)i;
	qsort_r(order, pic->count, 1, by_name, (void *)pic->lanes);
	TRY(buf_puts(pic->h->out, "<table class=\"lanes\"><thead>"));
	TRY(put_axis(pic));
	TRY(buf_puts(pic->h->out, "</thead><tbody>\n"));
	for (size_t i = 0; i < pic->count; i++)
		TRY(put_lane(pic, order[i]));
	TRY(html_table_end(pic->h));
	TRY(put_legend(pic));
	if (!pic->left_out)
		return OK;
	snprintf(text, sizeof(text), _("Openings of further media, which do not fit here: %zu."),
		 pic->left_out);
	return html_element(pic->h, "p", text);
}

enum err picture_put(const struct report_page *p, const struct html *h)
{
	size_t sessions = p->report->session_count;
	struct picture *pic = calloc(1, sizeof(*pic));
	enum err err = OK;

	if (pic)
		pic->places = calloc(sessions + 1, sizeof(*pic->places));
	if (!pic || !pic->places) {
		free(pic);
		return err_at(ERR_NOMEM, "report");
	}
	pic->p = p;
	pic->h = h;
	pic->axis = (struct axis){.left = LEFT, .right = RIGHT};
	page_span(p, &pic->axis.from, &pic->axis.to);
	axis_make(&pic->axis, h);
	for (size_t i = 0; i < sessions; i++)
		add_session(pic, i);
	add_media(pic);
	err = pic->count ? put_lanes(pic) : html_element(h, "p", _("None."));
	free(pic->places);
	free(pic);
	return err;
}
