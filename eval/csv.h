/* csv.h: what every CSV table of eval/ is written with. Internal to eval/. */
#ifndef GK_EVAL_CSV_H
#define GK_EVAL_CSV_H

#include <stdio.h>

/* A field, as RFC 4180 wants it: quoted when it holds a quote, a comma or a line break (export.c). */
void gk__csv_text(FILE *f, const char *text);

#endif
