/* coalitions.c: the schemes of a sweep of parts: every coalition of them. */
#include "eval/run/sweep.h"
#include "graftkit/graft/parts.h"

/* Which prompts the parts apply to is the same for all coalitions. */
static bool check_prompts(gk_sweep *s, const gk_parts *parts, const gk_scheme *all, gk_error *err) {
    const gk_config *c = gk_model_config(s->in.model[0]);
    size_t n = 0;
    for (size_t i = 0; i < s->prompts.n; i++) {
        const gk_prompt *p = &s->prompts.item[i];
        char name[64];
        if (p->dropped || !gk_scheme_applies(all, p->fields, p->n_fields)) continue;
        snprintf(name, sizeof name, "template %zu (row %.30s)", (size_t)p->tmpl + 1, p->row_key);
        gk_arena_reset(s->chunk_arena);
        if (!gk_parts_apart(s->chunk_arena, parts, c, &p->tokens, p->fields, p->n_fields, name, err))
            return false;
        n++;
    }
    return n || gk_fail(err, GK_AT_FILE(s->o->parts), "use fields that one template has together",
                        "no template has every field that the parts use");
}

bool gk_sweep__coalitions(gk_sweep *s, gk_error *err) {
    const gk_parts *parts = gk_parts_load(s->a, s->o->parts, err);
    if (!parts || !gk_parts_coalitions(s->a, parts, s->in.cast.name[0], &s->schemes, err)) return false;
    const gk_scheme *all = s->schemes.item[s->schemes.n - 1];
    return gk_scheme_check(all, &s->in.cast, s->prompts.fields, err) && check_prompts(s, parts, all, err);
}

/* By what they do and are called, however they are written. */
void gk_sweep__identify_coalitions(gk_sweep *s) {
    gk_buf b = {0};
    char hex[GK_SHA256_HEX];
    for (size_t i = 0; i < s->schemes.n; i++)
        gk_buf_printf(&b, "%s|%s\n", gk_scheme_name(s->schemes.item[i]),
                      gk_scheme_canonical(s->schemes.item[i]));
    gk_sha256_bytes(b.data, b.len, hex);
    gk_run__put_text(s->identity, "parts_sha256", "%s", hex);
    gk_run__put_text(s->info, "parts_file", "%s", s->o->parts);
    gk_buf_free(&b);
}
