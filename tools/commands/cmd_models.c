/* cmd_models.c: `graftkit models`: the families that are supported, made from their table, with checkpoints
 * that people use; with --markdown docs/models.md. */
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "model/config_json.h"
#include "tools/tools.h"

/* ---------------------------------------------------------------- what a family is made of */

static const char *norm_of(const gk_config *c) {
    return c->norm == GK_RMSNORM ? "RMSNorm" : "LayerNorm";
}

static const char *places_of(const gk_config *c) {
    return c->pre_norm && c->post_norm ? " before and after attention and MLP"
           : c->post_norm              ? " after attention and MLP"
                                       : " before attention and MLP";
}

/* By a config.json that says the family and no more: its class's defaults. */
static void put_parts(gk_buf *b, const gk_family *f) {
    gk_config c;
    gk_error err;
    json_t *doc = json_pack("{s:s}", "model_type", gk_family_name(f));
    bool ok = gk_config_parse(doc, GK_NOWHERE, &c, &err);
    json_decref(doc);
    if (!ok) return;
    gk_buf_printf(b, "%s%s", norm_of(&c), places_of(&c));
    if (c.qk_norm) gk_buf_puts(b, "; q and k normed");
    if (c.parallel) gk_buf_puts(b, "; MLP beside attention");
    gk_buf_puts(b, c.rope ? "; rotary positions" : "; learned positions");
    if (c.rope && c.rotary_dim) gk_buf_puts(b, " on a part of each head");
    if (c.window) gk_buf_puts(b, "; windows");
    if (c.attn_softcap > 0 || c.final_softcap > 0) gk_buf_puts(b, "; soft caps");
    gk_buf_printf(b, "; %s%s", c.gated ? "gated " : "", gk_act_name(c.act));
}

/* ---------------------------------------------------------------- two ways to print */

static void put_text(gk_buf *b) {
    for (size_t i = 0; gk_family_at(i); i++) {
        const gk_family *f = gk_family_at(i);
        const char *gguf = gk_family_gguf(f);
        gk_buf_printf(b, "%s\n    ", gk_family_name(f));
        put_parts(b, f);
        gk_buf_printf(b, "\n    %s%s\n    %s\n", gguf ? "GGUF: " : "no GGUF", gguf ? gguf : "",
                      gk_family_checkpoints(f));
    }
    gk_buf_puts(b, "\nnot supported, by what they have:\n");
    for (size_t i = 0; gk_unbuilt_at(i); i++)
        gk_buf_printf(b, "    %s: %s\n", gk_unbuilt_at(i)->lacks, gk_unbuilt_at(i)->names);
}

static void put_markdown(gk_buf *b) {
    gk_buf_puts(
        b, "# Models\n\nThe families that graftkit reads, trains, grafts and saves, by config.json's "
           "`model_type`. "
           "Sizes are free, and so\nis what else [config-keys.md](config-keys.md) says is read; a setting "
           "that is "
           "not built is refused by name. The\ncheckpoints are examples of those that people use: graftkit "
           "downloads nothing. This page is what\n`graftkit models --markdown` prints.\n\n"
           "| family | made of | GGUF | checkpoints |\n|---|---|---|---|\n");
    for (size_t i = 0; gk_family_at(i); i++) {
        const gk_family *f = gk_family_at(i);
        const char *gguf = gk_family_gguf(f);
        gk_buf_printf(b, "| `%s` | ", gk_family_name(f));
        put_parts(b, f);
        gk_buf_printf(b, " | %s | %s |\n", gguf ? gguf : "", gk_family_checkpoints(f));
    }
    gk_buf_puts(
        b, "\n## Known, and not supported\n\nA model of these is refused with what it has that no family "
           "above has.\n\n| it has | families |\n|---|---|\n");
    for (size_t i = 0; gk_unbuilt_at(i); i++)
        gk_buf_printf(b, "| %s | %s |\n", gk_unbuilt_at(i)->lacks, gk_unbuilt_at(i)->names);
}

int cmd_models(int argc, char **argv) {
    gk_arena *a = gk_arena_new();
    bool markdown = false;
    const gk_opt opts[] = {
        {"markdown", GK_OPT_FLAG, &markdown, NULL, "as the page docs/models.md", false},
    };
    int code = gk_args(argv[0], "list the model families and their checkpoints", opts, 1, argc, argv, a);
    gk_arena_free(a);
    if (code >= 0) return code;
    gk_buf b = {0};
    (markdown ? put_markdown : put_text)(&b);
    fputs(b.data, stdout);
    gk_buf_free(&b);
    return 0;
}
