/* cmd_gate.c: checks that a model knows its own facts before anything is built on it. */
#include "graftkit/eval/gate.h"
#include "tools/prompt_counts.h"
#include "tools/sweeping.h"

typedef struct args {
    const char *model, *tokenizer, *rows, *templates, *fillers, *target, *out, *texts, *new_rows, *bf16;
    int64_t top, limit, seed, threads;
    double min;
    bool keep_shared_first, drop_bad_rows, strict;
} args;

static void say(const gk_gate_options *o, const gk_gate *r) {
    fprintf(stderr,
            "gate: %s: top-%d on its own facts is %.3f [%.3f, %.3f], %s the %.2f asked for (%.3f weighted as "
            "drawn; "
            "%zu prompts, %zu dropped)\n",
            r->pass ? "pass" : "FAIL", o->top, r->plain.value, r->plain.low, r->plain.high,
            r->pass ? "reaches" : "below", o->min, r->weighted.value, r->n, r->dropped);
    gk_say_repeats("gate: ", r->repeats);
    if (r->targets <= (size_t)o->top)
        fprintf(stderr, "gate: %d guesses take in all %zu different targets: the share says nothing\n",
                o->top, r->targets);
    if (r->new_facts)
        fprintf(stderr, "gate: of %zu new facts %zu have a target whose first token the model never read%s\n",
                r->new_facts, r->unseen, r->unseen ? ": a frozen head cannot learn to say it" : "");
    if (!r->pass)
        fprintf(stderr,
                "gate: a model that cannot recall what it was pretrained on has not formed the retrieval "
                "circuit: grafts into it will show little. Pretrain longer, or on fewer facts.\n");
}

static int run(const args *g, const gk_gate_options *o) {
    gk_error err;
    gk_gate result;
    const gk_named_path named[] = {
        {"--model", g->model, GK_MODEL},         {"--rows", g->rows, GK_INPUT},
        {"--templates", g->templates, GK_INPUT}, {"--fillers", g->fillers, GK_INPUT},
        {"--tokenizer", g->tokenizer, GK_INPUT}, {"--texts", g->texts, GK_INPUT},
        {"--new-rows", g->new_rows, GK_INPUT},   {"--out", g->out, GK_OUTPUT}};
    bool ok = gk_check_outputs(named, sizeof named / sizeof *named, &err) && gk_gate_run(o, &result, &err);
    if (!ok) return gk_die("gate", &err);
    say(o, &result);
    return g->strict && !result.pass ? 1 : 0;
}

int cmd_gate(int argc, char **argv) {
    args g = {.target = GK_TARGET_FIELD, .top = 5, .seed = 1, .min = 0.90, .bf16 = "false"};
    const gk_opt opts[] = {
        {"model", GK_OPT_STR, &g.model, "DIR", "the model", true},
        {"tokenizer", GK_OPT_STR, &g.tokenizer, "PATH", "its tokenizer [the model's]", false},
        {"rows", GK_OPT_STR, &g.rows, "FILE", "the rows it was trained on (JSONL), most frequent first",
         true},
        {"templates", GK_OPT_STR, &g.templates, "FILE", "evaluation templates (JSONL)", true},
        {"fillers", GK_OPT_STR, &g.fillers, "FILE", "fixed values of template fields (JSON)", false},
        {"target", GK_OPT_STR, &g.target, "FIELD", "the field that the prompts ask for", false},
        {"top", GK_OPT_INT, &g.top, "K", "the target must be among the K most probable tokens", false},
        {"min", GK_OPT_NUM, &g.min, "SHARE", "share of prompts that must be right, above 0", false},
        {"texts", GK_OPT_STR, &g.texts, "FILE", "the texts it was trained on (JSONL), for --new-rows", false},
        {"new-rows", GK_OPT_STR, &g.new_rows, "FILE",
         "rows to be asked of finetuned models: count targets whose first token --texts never has", false},
        {"out", GK_OPT_STR, &g.out, "FILE", "write the figures there (JSON)", false},
        {"limit", GK_OPT_INT, &g.limit, "N", "only the first N rows; 0: all", false},
        GK_BF16_OPTION(g.bf16),
        {"seed", GK_OPT_INT, &g.seed, "N", "seed of the bootstrap", false},
        {"threads", GK_OPT_INT, &g.threads, "N", "threads; 0: all cores", false},
        {"keep-shared-first", GK_OPT_FLAG, &g.keep_shared_first, NULL,
         "keep prompts whose target's first token also begins one of their fields", false},
        {"drop-bad-rows", GK_OPT_FLAG, &g.drop_bad_rows, NULL,
         "leave rows out that lack a field, and count them", false},
        {"strict", GK_OPT_FLAG, &g.strict, NULL, "exit with 1 when the gate fails", false},
    };
    gk_arena *a = gk_arena_new();
    int code = gk_args("gate", "check that a model knows its own facts", opts, sizeof opts / sizeof *opts,
                       argc, argv, a);
    if (code < 0) {
        gk_use_threads(g.threads);
        gk_gate_options o = {.model = g.model,
                             .tokenizer = g.tokenizer,
                             .top = (int)(g.top < 1 << 20 ? g.top : 1 << 20),
                             .min = g.min,
                             .seed = (uint64_t)g.seed,
                             .texts = g.texts,
                             .new_rows = g.new_rows,
                             .out = g.out,
                             .progress = stderr};
        o.prompts = (gk_prompt_options){.templates = g.templates,
                                        .fillers = g.fillers,
                                        .rows = g.rows,
                                        .target = g.target,
                                        .limit = g.limit,
                                        .keep_shared_first = g.keep_shared_first,
                                        .drop_bad_rows = g.drop_bad_rows};
        gk_error err;
        code = gk_parse_bf16(g.bf16, &o.bf16, &err) ? run(&g, &o) : gk_die("gate", &err);
    }
    gk_arena_free(a);
    return code;
}
