/* cli_fixture.h: a small run's folder with trained models, and the program run on it. */
#ifndef GK_TESTS_CLI_FIXTURE_H
#define GK_TESTS_CLI_FIXTURE_H

#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "tests/support/program.h"

static char dir[64]; /* the run that the tests of a suite share */

#define EVAL                                                                                                \
    "--templates templates/fake_movies_fake_actors/eval.jsonl --fillers templates/fake_movies_fake_actors/" \
    "fillers.json --target second_actor "
#define FINETUNE "finetune --model $D/base --texts $D/data/relation/A2B.jsonl "
#define POSITION "--schemes graft/schemes/position.yaml "

/* Runs `graftkit <args>` in the source tree with $D as the run's folder; output (both streams) in `out`. */
static inline int run(char *out, size_t size, const char *args) {
    char line[4096];
    snprintf(line, sizeof line, "cd '%s' && D='%s' && '%s' %s 2>&1", GK_SOURCE_DIR, dir, program(), args);
    return run_line(line, out, size);
}

static inline void succeeds(const char *args) {
    char out[16384];
    int code = run(out, sizeof out, args);
    ck_assert_msg(code == 0, "graftkit %s\nreturned %d:\n%s", args, code, out);
}

static inline void refused(const char *args, const char *a, const char *b) {
    char out[16384];
    int code = run(out, sizeof out, args);
    assert_refusal(args, code, out, a, b);
}

static inline char *output_of(scratch *s, const char *args) {
    char *out = gk_arena_alloc(s->a, 16384);
    int code = run(out, 16384, args);
    ck_assert_msg(code == 0, "graftkit %s\nreturned %d:\n%s", args, code, out);
    return out;
}

static inline char *in_run(scratch *s, const char *name) {
    return gk_path_join(s->a, dir, name);
}

static inline void write_in_run(scratch *s, const char *name, const char *text) {
    ck_assert(gk_write_file(in_run(s, name), text, strlen(text), NULL));
}

/* A dataset, a base model and one finetuned on the relation. */
static inline void trained_models(void) {
    snprintf(dir, sizeof dir, "/tmp/graftkit-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    succeeds("dataset --out $D/data --base-rows 20 --base-texts 400 --relation-rows 5 --task-rows 5");
    succeeds("tokenizer --texts $D/data/tokenizer.jsonl --vocab 900 --out $D/tokenizer");
    succeeds(
        "base --family llama --layers 2 --d-model 32 --heads 2 --ffn 40 --tokenizer $D/tokenizer --texts "
        "$D/data/base/texts.jsonl --recipe base --warmup 5 --out $D/base");
    succeeds("finetune --model $D/base --texts $D/data/relation/A2B.jsonl --recipe relation --epochs 1 --out "
             "$D/relation");
}

static inline void remove_run(void) {
    scratch s = {.a = gk_arena_new()};
    snprintf(s.dir, sizeof s.dir, "%s", dir);
    scratch_free(&s);
}

#endif
