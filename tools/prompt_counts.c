/* prompt_counts.c: what several commands print about their inputs. */
#include "tools/prompt_counts.h"

#include <jansson.h>
#include <string.h>

/* The last words of a prompt. */
static const char *tail(const char *text) {
    size_t n = strlen(text), at = n > 24 ? n - 24 : 0;
    while (((unsigned char)text[at] & 0xC0) == 0x80) at++;
    return text + at;
}

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

static void say_shared(const gk_prompts *p) {
    size_t kept = 0;
    for (size_t i = 0; i < p->n; i++) kept += p->item[i].shared_first && !p->item[i].dropped;
    if (kept)
        fprintf(stderr, "  kept %zu: the target's first token also begins a field of the prompt\n", kept);
}

/* Once, with the first as an example: the end of a template that ends in a blank, for instance. */
static void say_merged(const gk_prompts *p) {
    const gk_prompt *first = NULL;
    for (size_t i = 0; i < p->n && !first; i++)
        if (p->item[i].merged && !p->item[i].dropped) first = &p->item[i];
    if (!first) return;
    size_t end = first->tokens.span[first->tokens.n - 1].end;
    fprintf(stderr,
            "  warning: %zu prompts have other tokens before their target than alone: the end of the prompt "
            "merges with it. The first is row %s, template %u: its tokens end before \"%s\" of \"…%s%s\"; "
            "the target is read as the joined text has it (docs/guide.md)\n",
            p->n_merged, first->row_key, first->tmpl + 1, first->text + end, tail(first->text),
            first->target);
}

void gk_say_repeats(const char *lead, size_t n) {
    if (n)
        fprintf(
            stderr,
            "%s%zu rows tell of an entity that another row tells of: each counts as a fact of its own, so "
            "intervals are too narrow and p-values too small\n",
            lead, n);
}

void gk_say_prompts(const gk_prompts *p) {
    fprintf(stderr, "%zu prompts of %zu rows x %zu templates; %zu dropped\n", p->n, p->n_rows, p->n_templates,
            p->n_dropped);
    json_t *dropped = json_object(), *no_whole = json_object();
    for (size_t i = 0; i < p->n; i++) {
        count_reason(dropped, p->item[i].dropped);
        count_reason(no_whole, p->item[i].no_whole);
    }
    gk_say_repeats("  ", p->n_repeats);
    say_reasons("dropped", dropped);
    say_reasons("first token only", no_whole);
    say_shared(p);
    say_merged(p);
}
