/* table.h: a table under way, as CSV or JSONL (table.c). Internal to eval/export. */
#ifndef GK_EXPORT_TABLE_H
#define GK_EXPORT_TABLE_H

#include "graftkit/core/error.h"

#include <jansson.h>

/* One line: names and values, as a JSON object or a CSV record. */
typedef struct gk_export__table {
    FILE *f;
    bool csv;
    json_t *row;
} gk_export__table;

/* By the ending of a name: .csv or .jsonl. */
bool gk_export__table_kind(const char *path, bool *csv, gk_error *err);
/* Begins a table: takes the row's names for a header, which CSV has, and drops the row. */
void gk_export__table_header(gk_export__table *t);
/* Writes the row and starts the next one. */
void gk_export__table_row(gk_export__table *t);
/* null for NULL, for what is not UTF-8, and for what is no number. */
json_t *gk_export__text_json(const char *text);
json_t *gk_export__number_json(double x);

#endif
