/* The page that a recovery sheet is printed on. It may be read in twenty years by somebody who has
 * nothing else: so it says in both languages what it is, how it is kept, and how it is used. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/qr.h"
#include "base/text.h"
#include "org/paper.h"
#include "org/staff_key.h"

#define PAGE_MAX 8192u
#define HTML_MAX 49152u
#define QUIET 4u /* light modules around a code */
#define RULE "------------------------------------------------------------------------\n"

struct page {
	struct secret *text; /* owned */
	size_t len;
	bool full;
};

static void page_clear(struct page *p)
{
	secret_free(p->text);
}

static void add(struct page *p, const char *format, ...) PRINTF_LIKE(2, 3);
static void add(struct page *p, const char *format, ...)
{
	size_t room = secret_len(p->text) - p->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf((char *)secret_edit(p->text) + p->len, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		p->full = true;
	else
		p->len += (size_t)n;
}

static void add_head(struct page *page, const struct paper *p, const struct paper_words *about,
		     const struct age_recipient *key)
{
	char words[96];

	staff_fpr_words(key, words);
	add(page, RULE "復旧用紙 / RECOVERY SHEET  %u / %u\n" RULE "\n", p->share.number, p->total);
	add(page, "組合 Society             %s\n", about->society);
	add(page, "登録簿の言葉 Register    %s\n", about->words);
	add(page, "作成日 Made on           %s\n", about->date);
	add(page, "復旧鍵の言葉 Key         %s\n\n", words);
	if (p->total == 1)
		return;
	add(page,
	    "この用紙は%u枚のうちの1枚です。復旧には、どれでも%u枚が必要です。\n"
	    "This is one of %u sheets. Any %u of them are needed.\n\n",
	    p->total, p->needed, p->total, p->needed);
}

static void add_lines(struct page *page, const struct paper *p)
{
	char line[PAPER_LINE_LEN];

	for (unsigned number = 1; number <= PAPER_LINES; number++) {
		paper_line(p, number, line);
		add(page, "      %u:  %.*s\n\n", number, (int)PAPER_LINE_LEN, line);
	}
	mem_wipe(line, sizeof(line));
}

static void add_japanese(struct page *page)
{
	add(page,
	    RULE
	    "この用紙は、職員の鍵をすべて失ったときに保管庫を開くための最後の手段です。\n"
	    "  保管 : 封筒に入れて封をし、鍵のかかる耐火金庫に保管してください。複数枚の場合は、\n"
	    "         別々の人が別々の場所に保管してください。\n"
	    "  禁止 : 写真撮影、複写、スキャン、メール送信、端末への保存はしないでください。\n"
	    "  点検 : 年に1回「%s recovery drill」で、まだ使えることを確かめてください。\n"
	    "  復旧 : 「%s recovery restore 媒体 --to 氏名」で、上の行を番号順に入力します。\n"
	    "         大文字と小文字、空白、ハイフンの有無は問いません。各行の最後の4文字は\n"
	    "         検査用で、打ち間違いがあればその行で分かります。\n"
	    "         使う文字は A C E F H J K L M P R T U W X Y "
	    "の16文字だけです（数字はありません）。\n"
	    "  廃棄 : 新しい復旧用紙を作ったら、この用紙は裁断してください。失くしたときも、\n"
	    "         すぐに新しい用紙を作ってください。\n",
	    VAULT_NAME, VAULT_NAME);
}

static void add_english(struct page *page)
{
	add(page,
	    RULE
	    "This sheet is the last way to open the vaults when no staff key is left.\n"
	    "  Keep    in a sealed envelope in a locked, fireproof safe. Where there are several\n"
	    "          sheets: with different people, in different places.\n"
	    "  Never   photograph, copy, scan, mail or store it on a computer.\n"
	    "  Check   once a year with \"%s recovery drill\" that it still works.\n"
	    "  Use     \"%s recovery restore MEDIUM --to NAME\", then type the lines above.\n"
	    "          Case, blanks and dashes do not matter. The last four letters of a line\n"
	    "          are its check: a typing error is found in the line that has it.\n"
	    "          Only A C E F H J K L M P R T U W X Y are used, and no digits.\n"
	    "  Shred   this sheet when a new one was made. If it is lost, make a new one at "
	    "once.\n" RULE,
	    VAULT_NAME, VAULT_NAME);
}

enum err paper_page(const struct paper *p, const struct paper_words *about,
		    const struct age_recipient *key, struct secret **ret)
{
	CLEANUP(page_clear) struct page page = {0};

	TRY(secret_new(PAGE_MAX, &page.text));
	add_head(&page, p, about, key);
	add_lines(&page, p);
	add_japanese(&page);
	add_english(&page);
	if (page.full)
		return err_at(ERR_TOO_BIG, "recovery sheet");
	secret_shrink(page.text, page.len);
	*ret = TAKE(page.text);
	return OK;
}

/* ---- for a browser to print, with a code for a scanner ---- */

/* What stands in the code: the lines as somebody would type them, in one line of text, as a scanner
 * ends with Enter what it types and the answer to a question has one line. */
static enum err lines_text(const struct paper *p, struct secret **ret)
{
	CLEANUP(page_clear) struct page text = {0};
	char line[PAPER_LINE_LEN];

	TRY(secret_new(PAPER_LINES * (PAPER_LINE_LEN + 4) + 1, &text.text));
	for (unsigned number = 1; number <= PAPER_LINES; number++) {
		paper_line(p, number, line);
		add(&text, "%s%u: %.*s", number > 1 ? " " : "", number, (int)PAPER_LINE_LEN, line);
	}
	mem_wipe(line, sizeof(line));
	secret_shrink(text.text, text.len);
	*ret = TAKE(text.text);
	return OK;
}

/* Not by qr_put_svg(), as the code is as secret as the lines: it stays in guarded memory. */
static void add_code(struct page *page, const struct qr *q)
{
	unsigned size = qr_size(q), side = size + 2 * QUIET;

	add(page,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" "
	    "shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h%uv%uH0z\"/>"
	    "<path fill=\"#000\" d=\"",
	    side, side, side, side);
	for (unsigned y = 0; y < size; y++)
		for (unsigned x = 0, run; x < size; x += run + 1) {
			for (run = 0; qr_is_dark(q, x + run, y); run++)
				;
			if (run > 0)
				add(page, "M%u %uh%uv1h-%uz", x + QUIET, y + QUIET, run, run);
		}
	add(page, "\"/></svg>\n");
}

static void add_escaped(struct page *page, const struct secret *text)
{
	const char *at = (const char *)secret_data(text);

	for (size_t i = 0; i < secret_len(text); i++) {
		if (at[i] == '<' || at[i] == '&')
			add(page, at[i] == '<' ? "&lt;" : "&amp;");
		else
			add(page, "%c", at[i]);
	}
}

enum err paper_page_html(const struct paper *p, const struct paper_words *about,
			 const struct age_recipient *key, struct secret **ret)
{
	CLEANUP(page_clear) struct page page = {0};
	CLEANUP(secret_freep) struct secret *plain = NULL;
	CLEANUP(secret_freep) struct secret *lines = NULL;
	CLEANUP(qr_freep) struct qr *code = NULL;

	TRY(paper_page(p, about, key, &plain));
	TRY(lines_text(p, &lines));
	TRY(qr_make((const char *)secret_data(lines), secret_len(lines), &code));
	TRY(secret_new(HTML_MAX, &page.text));
	add(&page,
	    "<!DOCTYPE html>\n<html lang=\"ja\"><head><meta charset=\"utf-8\">\n"
	    "<title>復旧用紙 / RECOVERY SHEET</title>\n"
	    "<style>@page{size:A4;margin:15mm}body{margin:0;color:#000;background:#fff}"
	    "pre{font:9pt/1.25 monospace;margin:0 0 4mm}p{font:9pt/1.4 sans-serif;margin:0}"
	    "svg{width:55mm;height:55mm;float:left;margin-right:4mm}</style></head><body>\n<pre>");
	add_escaped(&page, plain);
	add(&page, "</pre>\n");
	add_code(&page, code);
	add(&page,
	    "<p>"
	    "このコードの内容は上の5行と同じです。復旧のときに、端末につないだバーコードリーダーで"
	    "読み取ると、入力の代わりになります。スマートフォンでは読み取らないでください。</p>\n"
	    "<p>This code holds the five lines above. At a restore, a barcode reader plugged into "
	    "the "
	    "computer can type them for you. Never read it with a phone.</p>\n</body></html>\n");
	if (page.full)
		return err_at(ERR_TOO_BIG, "recovery sheet");
	secret_shrink(page.text, page.len);
	*ret = TAKE(page.text);
	return OK;
}
