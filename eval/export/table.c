/* table.c: lines of tables, as JSON objects or CSV records. */
#include "eval/export/table.h"
#include "core/json.h"
#include "eval/store/write.h"
#include "graftkit/core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool gk_export__table_kind(const char *path, bool *csv, gk_error *err) {
    const char *dot = strrchr(path, '.');
    *csv = dot && strcmp(dot, ".csv") == 0;
    return *csv || (dot && strcmp(dot, ".jsonl") == 0) ||
           gk_fail(err, GK_AT_FILE(path), "end the name in .csv or .jsonl", "cannot tell the table's format");
}

void gk_csv_text(FILE *f, const char *text) {
    if (!text[strcspn(text, "\",\r\n")]) {
        fputs(text, f);
        return;
    }
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '"') fputc('"', f);
        fputc(*text, f);
    }
    fputc('"', f);
}

static void csv_value(FILE *f, const json_t *v) {
    if (json_is_string(v)) gk_csv_text(f, json_string_value(v));
    if (json_is_integer(v)) fprintf(f, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    if (json_is_real(v)) fprintf(f, "%.17g", json_real_value(v));
    if (json_is_boolean(v)) fputs(json_is_true(v) ? "true" : "false", f);
    if (!json_is_array(v) && !json_is_object(v)) return;
    char *text = json_dumps(v, JSON_COMPACT);
    gk_csv_text(f, text);
    free(text);
}

/* The row's names, or its values. */
static void csv_line(const gk_export__table *t, bool names) {
    const char *key, *comma = "";
    json_t *v;
    json_object_foreach(t->row, key, v) {
        fputs(comma, t->f);
        if (names)
            gk_csv_text(t->f, key);
        else
            csv_value(t->f, v);
        comma = ",";
    }
    fputs("\r\n", t->f);
}

void gk_export__table_header(gk_export__table *t) {
    if (t->csv) csv_line(t, true);
    json_object_clear(t->row);
}

void gk_export__table_row(gk_export__table *t) {
    if (t->csv)
        csv_line(t, false);
    else
        gk_jsonl_write(t->f, t->row);
    json_object_clear(t->row);
}

json_t *gk_export__text_json(const char *text) {
    json_t *v = text ? json_string(text) : NULL; /* NULL too when it is not UTF-8 */
    return v ? v : json_null();
}

json_t *gk_export__number_json(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}
