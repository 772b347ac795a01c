/* files.c: the files that are part of every page (see core/embed.h). */
#include "core/embed.h"
#include "report/page/files.h"

GK_EMBED_FILE(gk_page__css_file, "report/report.css");
GK_EMBED_FILE(gk_page__js_file, "report/report.js");
GK_EMBED_FILE(gk_page__prose_file, "report/prose.html");
