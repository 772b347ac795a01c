/* html.c: escaping, the page's head and style, and how numbers are written. */
#include "report/internal.h"

#include <math.h>
#include <string.h>

static const char REPLACEMENT[] = "\xEF\xBF\xBD";

/* Calls add(b, c) for every byte of well-formed text and adds U+FFFD for everything else. */
static void each_byte(gk_buf *b, const char *text, void (*add)(gk_buf *b, char c)) {
    size_t left = strlen(text);
    while (left) {
        size_t good = left;
        if (gk_utf8_valid(text, left, &good)) good = left;
        for (size_t i = 0; i < good; i++) {
            unsigned char c = (unsigned char)text[i];
            if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
                gk_buf_puts(b, REPLACEMENT);
            else
                add(b, text[i]);
        }
        if (good < left) {
            gk_buf_puts(b, REPLACEMENT);
            good++;
        }
        text += good;
        left -= good;
    }
}

static void add_escaped(gk_buf *b, char c) {
    switch (c) {
    case '&':
        gk_buf_puts(b, "&amp;");
        break;
    case '<':
        gk_buf_puts(b, "&lt;");
        break;
    case '>':
        gk_buf_puts(b, "&gt;");
        break;
    case '"':
        gk_buf_puts(b, "&quot;");
        break;
    case '\'':
        gk_buf_puts(b, "&#39;");
        break;
    default:
        gk_buf_add(b, &c, 1);
    }
}

void gk__html_text(gk_buf *b, const char *text) {
    each_byte(b, text, add_escaped);
}

void gk__html_piece(gk_buf *b, const char *piece) {
    static const char SPACE[] = "\xE2\x96\x81", DOT[] = "\xC2\xB7";
    const char *at;
    gk_buf text = {0};
    while ((at = strstr(piece, SPACE))) {
        gk_buf_add(&text, piece, (size_t)(at - piece));
        gk_buf_puts(&text, DOT);
        piece = at + strlen(SPACE);
    }
    gk_buf_puts(&text, piece);
    gk__html_text(b, text.data);
    gk_buf_free(&text);
}

static void add_plain(gk_buf *b, char c) {
    if (c == '\n' || c == '\t') c = ' ';
    if (c == '"') c = '\'';
    if (c == '\\') gk_buf_add(b, &c, 1); /* gnuplot takes a single one for an escape */
    gk_buf_add(b, &c, 1);
}

void gk__plain_text(gk_buf *b, const char *text) {
    each_byte(b, text, add_plain);
}

/* Tints and colours are Okabe and Ito's, which colour-blind readers can tell apart. */
static const char STYLE[] =
    ":root{color-scheme:light}*{box-sizing:border-box}"
    "body{margin:0 auto;padding:1.5rem 1.25rem 4rem;max-width:1180px;background:#fff;color:#1b1b1b;"
    "font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
    "h1{font-size:1.9rem;line-height:1.2;margin:.5rem 0 1rem}h2{font-size:1.3rem;margin:2.6rem 0 .4rem;"
    "padding-top:.8rem;border-top:1px solid #ddd}h3{font-size:1.02rem;margin:1.4rem 0 .3rem}p{max-width:75ch}"
    ".summary{font-size:1.06rem;background:#f5f8fb;border-left:4px solid #0072b2;padding:.8rem "
    "1.1rem;margin:0}"
    "ul.summary{list-style:none}.summary li{max-width:90ch}.summary li+li{margin-top:.45rem}"
    ".facts{display:grid;grid-template-columns:max-content 1fr;gap:.1rem .9rem;margin:0 0 "
    "1rem;font-size:.92rem}"
    ".facts div{display:contents}.facts dt{color:#595959}.facts dd{margin:0;min-width:0}"
    ".contents h2{font-size:1.02rem;margin:1.4rem 0 .3rem;padding:0;border:0}"
    ".contents ol{columns:2 22rem;margin:0;padding-left:1.6rem;font-size:.92rem}.contents a{color:#00568a}"
    ".verdict{margin:1rem 0 .3rem}.unsaid{color:#595959;font-weight:600}"
    ".note{background:#fdf3e1;border-left:4px solid #e69f00;padding:.5rem 1rem;max-width:75ch}"
    ".grid>.note{align-self:start;margin:1rem "
    "0}.muted{color:#595959}.grid{display:grid;grid-template-columns:1fr;gap:1rem 2rem}"
    "@media(min-width:900px){.grid{grid-template-columns:1fr 1fr}}"
    "figure{margin:1rem 0;min-width:0}figure>div{overflow-x:auto}"
    "figure svg{display:block;width:100%;min-width:320px;max-width:640px;height:auto}"
    ".heat{display:flex;flex-wrap:wrap;gap:0 2rem}.heat>figure{flex:0 1 auto;max-width:100%}.heat "
    "figcaption{max-width:32rem}"
    ".heat svg{width:var(--w);max-width:var(--w);min-width:calc(var(--w)*.8)}.sure{font-weight:700}.fails "
    "thead th{white-space:normal}.fails .instead,.fails "
    ".left{text-align:left;white-space:normal;min-width:13em}"
    ".own-width svg{max-width:none}.share{min-width:5.2em}tr.first td{border-top:1px solid #999}"
    "figcaption{font-size:.88rem;color:#444;max-width:75ch}"
    ".key{white-space:nowrap;margin-right:.8em}.key i{display:inline-block;width:.85em;height:.85em;"
    "margin-right:.35em;vertical-align:-.08em}"
    ".scroll{overflow-x:auto;margin:.6rem 0}"
    "table{border-collapse:collapse;font-size:.86rem;line-height:1.35;font-variant-numeric:tabular-nums}"
    "th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid #e4e4e4;vertical-align:top}"
    "th:first-child,td:first-child,.text td,.text th{text-align:left}thead th{border-bottom:2px solid #999;"
    "vertical-align:bottom;white-space:nowrap}tr.set th{background:#f1f1f1;text-align:left;font-weight:600}"
    "td small{display:block;color:#666;white-space:nowrap;font-size:.86em}td.name small{white-space:normal;"
    "min-width:14em}.samples td small{display:inline}.name{white-space:nowrap;font-weight:500}"
    ".cells thead th,.samples thead th,.ranks thead th{white-space:normal}.samples "
    ".said{white-space:normal;min-width:13em}"
    ".cells td,.cells thead th,.ranks td,.ranks thead "
    "th{padding-left:.3rem;padding-right:.3rem}.cells{font-size:.82rem}.samples td.name,.cells "
    ".name{white-space:normal;min-width:8.5em}"
    "code,.mono{font-family:ui-monospace,'DejaVu Sans Mono',monospace;font-size:.92em;overflow-wrap:anywhere}"
    ".manifest td{overflow-wrap:anywhere}.manifest td.mono:not(:first-child){min-width:6em}"
    "details{margin:.6rem 0}summary{cursor:pointer;font-weight:600;padding:.25rem 0}"
    ".yes{color:#00694f;font-weight:600}.no{color:#a84300;font-weight:600}"
    "td.yes,td.no,.samples td{white-space:nowrap}"
    ".hit{background:#c9ebdf;box-shadow:inset 0 -2px #009e73;padding:0 .25em;font-weight:600}"
    ".prompt{font-size:1.02rem;background:#fafafa;border:1px solid #e4e4e4;padding:.5rem "
    ".8rem;max-width:75ch}"
    "mark{color:inherit;padding:.1em .1em;border-radius:2px;white-space:pre-wrap}"
    ".fe{background:#d2e7f5;box-shadow:inset 0 -2px #0072b2}.m{background:#fbe8c3;box-shadow:inset 0 -2px "
    "#e69f00}"
    ".lt{background:#c9ebdf;box-shadow:inset 0 -2px #009e73}"
    "mark sub{font-size:.62em;font-weight:700;margin-left:.25em}";

/* What the script adds, and how all of it stands on a small screen and on paper. */
static const char STYLE_TOO[] =
    ".save{font:inherit;font-size:.78rem;color:#333;background:#f5f5f5;border:1px solid "
    "#ccc;border-radius:3px;"
    "padding:.1rem .5rem;margin:0 0 .8rem;cursor:pointer}.sorts{cursor:pointer}"
    "[aria-sort=ascending]::after{content:' \\25B2'}[aria-sort=descending]::after{content:' \\25BC'}"
    ".filter{position:sticky;top:0;background:#fff;padding:.4rem 0;margin:0 0 "
    ".6rem;z-index:1;font-size:.9rem}"
    ".filter input{font:inherit;padding:.15rem .4rem;border:1px solid #999;border-radius:3px;max-width:60vw}"
    ".veils .off{visibility:visible}svg g.off{opacity:.12}"
    "@media(max-width:600px){body{padding:1rem .8rem 3rem;font-size:15px}h1{font-size:1.5rem}"
    "th,td{padding:.25rem .45rem}"
    ".samples td.name,.cells .name,.name{white-space:normal;min-width:8em}td.name small{min-width:8em}"
    "td.name{position:sticky;left:0;background:#fff}}"
    "@page{size:A4;margin:12mm 13mm}@media print{"
    ".save,.filter,details:not([open]),details.long{display:none}"
    "body{max-width:none;padding:0;font-size:9pt;line-height:1.35}h1{font-size:16pt;margin:0 0 .5rem}"
    "h2{font-size:12.5pt;margin:1.2rem 0 .2rem;padding-top:.4rem}h3{font-size:9.5pt;margin:.6rem 0 .2rem}"
    "#fails{break-before:page}h2,h3,h2+p,h3+p,summary{break-after:avoid}p,figure,tr,.summary,.checks{break-"
    "inside:avoid}"
    "thead{display:table-header-group}p,.summary li{max-width:none}figure{margin:.4rem "
    "0}figcaption{font-size:7.5pt}"
    ".grid{grid-template-columns:1fr 1fr;gap:.4rem 1rem}.scroll,figure>div{overflow:visible}"
    ".heat{display:block}figure svg{min-width:0}.heat svg{width:100%;min-width:0;max-height:21cm}.heat "
    "figcaption{max-width:none}"
    "table{font-size:7pt;line-height:1.25}th,td{padding:.1rem .3rem}thead th{white-space:normal}"
    "td.name small{min-width:0}"
    ".cells,.ranks{font-size:5.8pt}.cells td,.cells thead th,.ranks td,.ranks th{padding:.08rem .13rem}"
    ".cells .name,.ranks .name{min-width:0;white-space:normal}.own-width svg{max-height:24cm}"
    "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}";

void gk__html_head(gk_buf *b, const char *title) {
    gk_buf_puts(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    gk__html_text(b, title);
    gk_buf_puts(b, "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>");
    gk_buf_puts(b, STYLE);
    gk_buf_puts(b, STYLE_TOO);
    gk_buf_puts(b, "</style>\n</head>\n<body>\n<h1>");
    gk__html_text(b, title);
    gk_buf_puts(b, "</h1>\n");
}

bool gk__report_figure(gk__report *r, gk__plot *p, const char *caption) {
    int id = ++r->n_figures;
    gk_buf_printf(&r->html, "<figure><div style=\"--w:%dpx\">", p->width);
    bool ok = gk__plot_svg(p, id, &r->html, r->err);
    gk__plot_free(p);
    gk_buf_printf(&r->html, "</div><figcaption id=\"cap%d\">%s</figcaption></figure>\n", id, caption);
    return ok;
}

char *gk__html_value(gk_metric m, double x, char buf[32]) {
    bool fine = m == GK_METRIC_mean_prob || m == GK_METRIC_mean_logprob || m == GK_METRIC_whole_logprob;
    int digits = fine ? 3 : m == GK_METRIC_median_rank ? 1 : 2;
    if (m <= GK_METRIC_exact) {
        x *= 100;
        digits = 1;
    }
    if (!isfinite(x))
        strcpy(buf, "\u2013");
    else
        snprintf(buf, 32, fabs(x) < 1e9 ? "%.*f" : "%.*e", digits, x);
    return buf;
}

void gk__html_stat(gk_buf *b, const gk_stats *s, gk_metric m) {
    char value[32], low[32], high[32];
    gk_buf_puts(b, gk__html_value(m, s->value[m], value));
    if (s->n == 0 || isnan(s->low[m])) return;
    gk_buf_printf(b, "<small>[%s, %s]</small>", gk__html_value(m, s->low[m], low),
                  gk__html_value(m, s->high[m], high));
}
