/* told.c: what several commands print about their inputs. */
#include "tools/told.h"

static void count_reason(json_t *reasons, const char *why) {
    if (!why) return;
    json_int_t n = json_integer_value(json_object_get(reasons, why));
    json_object_set_new(reasons, why, json_integer(n + 1));
}

static void say_reasons(const char *what, json_t *reasons) {
    const char *why;
    json_t *count;
    json_object_foreach(reasons, why, count)
        fprintf(stderr, "  %s %" JSON_INTEGER_FORMAT ": %s\n", what, json_integer_value(count), why);
    json_decref(reasons);
}

void gk_told_dropped(const gk_prompts *p) {
    fprintf(stderr, "%zu prompts of %zu rows x %zu templates; %zu dropped\n", p->n, p->n_rows, p->n_templates,
            p->n_dropped);
    json_t *dropped = json_object(), *no_whole = json_object();
    for (size_t i = 0; i < p->n; i++) {
        count_reason(dropped, p->item[i].dropped);
        count_reason(no_whole, p->item[i].no_whole);
    }
    say_reasons("dropped", dropped);
    say_reasons("first token only", no_whole);
}
