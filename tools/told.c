/* told.c: what several commands print about their inputs. */
#include "tools/told.h"

void gk_told_dropped(const gk_prompts *p) {
    fprintf(stderr, "%zu prompts of %zu rows x %zu templates; %zu dropped\n", p->n, p->n_rows, p->n_templates,
            p->n_dropped);
    json_t *reasons = json_object();
    for (size_t i = 0; i < p->n; i++) {
        const char *why = p->item[i].dropped;
        if (!why) continue;
        json_int_t n = json_integer_value(json_object_get(reasons, why));
        json_object_set_new(reasons, why, json_integer(n + 1));
    }
    const char *why;
    json_t *count;
    json_object_foreach(reasons, why, count)
        fprintf(stderr, "  dropped %" JSON_INTEGER_FORMAT ": %s\n", json_integer_value(count), why);
    json_decref(reasons);
}
