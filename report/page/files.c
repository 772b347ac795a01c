/* files.c: the files that are part of every page (see core/embed.h). */
#include "core/embed.h"
#include "report/page/files.h"

GK_EMBED(gk__report_css, "report/report.css");
GK_EMBED(gk__report_js, "report/report.js");
GK_EMBED(gk__report_prose, "report/prose.html");
