/* modules: core
 *
 * test_cli_model.c: models as a person looks at them: generate, logits, inspect, diff, and what is refused.
 * $GRAFTKIT names the binary (make test sets it). */
#include "core/json.h"
#include "tests/support/cli_fixture.h"

#include <sys/stat.h>

START_TEST(a_truncated_model) {
    scratch s = scratch_new();
    char out[4096];
    ck_assert_int_eq(run(out, sizeof out,
                         "--version && cp -r $D/base $D/cut && truncate -s -1000 $D/cut/model.safetensors"),
                     0);
    refused("finetune --model $D/cut --texts $D/data/relation/A2B.jsonl --recipe relation --out $D/cut-out",
            "cut/model.safetensors", "byte");
    ck_assert(!gk_exists(in_run(&s, "cut-out/model.safetensors")));
    scratch_free(&s);
}
END_TEST

/* The text goes on from where it stands; the ids are those that the logits say are likeliest. */
START_TEST(texts_go_on) {
    char out[16384];
    ck_assert_int_eq(run(out, sizeof out, "generate --model $D/base --prompt 'The film' --tokens 5"), 0);
    ck_assert_msg(strstr(out, "The film") != NULL, "%s", out);
    const char *json =
        "generate --model $D/base --prompt 'The film' --prompt In --tokens 5 --ignore-eos --json";
    ck_assert_int_eq(run(out, sizeof out, json), 0);
    char *line = strchr(out, '{'); /* what is told on stderr may stand before or after */
    json_t *first = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL), *id = json_object_get(first, "ids");
    ck_assert_uint_eq(json_array_size(id), 5);
    ck_assert_ptr_nonnull(json_string_value(json_object_get(first, "continuation")));
    ck_assert_ptr_nonnull(strstr(strchr(line, '\n'), "\"prompt\":\"In\""));
    json_int_t likeliest = json_integer_value(json_array_get(id, 0));
    json_decref(first);
    ck_assert_int_eq(
        run(out, sizeof out, "logits --model $D/base --prompt 'The film' --top 1 --out $D/l.safetensors"), 0);
    line = strstr(out, "{\"text\":1,\"position\":2,");
    ck_assert_msg(line != NULL, "%s", out);
    json_t *row = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
    json_t *top = json_array_get(json_object_get(row, "top"), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(top, "id")), likeliest);
    json_decref(row);
    scratch s = scratch_new();
    ck_assert(gk_exists(in_run(&s, "l.safetensors")));
    scratch_free(&s);
}
END_TEST

/* `count` ids, or the first ones of what generate gives. */
static void assert_generates(const char *args, int count, const json_int_t *want) {
    char out[16384];
    ck_assert_int_eq(run(out, sizeof out, args), 0);
    json_t *line = json_loads(strchr(out, '{'), JSON_DISABLE_EOF_CHECK, NULL),
           *id = json_object_get(line, "ids");
    ck_assert_int_eq((int)json_array_size(id), count);
    for (size_t i = 0; want && i < (size_t)count; i++)
        ck_assert_int_eq(json_integer_value(json_array_get(id, i)), want[i]);
    json_decref(line);
}

/* A copy of the base model that says where texts end. */
static void with_end(const char *file, const char *key, json_int_t a, json_int_t b) {
    scratch s = scratch_new();
    char out[4096];
    ck_assert_int_eq(run(out, sizeof out, "--version && rm -rf $D/ends && cp -r $D/base $D/ends"), 0);
    char *path = in_run(&s, gk_arena_printf(s.a, "ends/%s", file));
    json_t *doc = gk_exists(path) ? gk_json_load(path, NULL) : json_object();
    json_object_set_new(doc, key, json_pack("[I, I]", a, b));
    ck_assert(gk_json_save(path, doc, NULL));
    json_decref(doc);
    scratch_free(&s);
}

START_TEST(texts_end_at_any_end) {
    char out[16384];
    json_int_t id[6];
#define FILM "--prompt 'The film' --tokens 6 --temperature 3 --json"
    ck_assert_int_eq(run(out, sizeof out, "generate --model $D/base --ignore-eos " FILM), 0);
    json_t *line = json_loads(strchr(out, '{'), JSON_DISABLE_EOF_CHECK, NULL);
    for (size_t i = 0; i < 6; i++)
        id[i] = json_integer_value(json_array_get(json_object_get(line, "ids"), i));
    json_decref(line);
    int first = 1; /* an id that was not there before */
    while (first < 6 && id[first] == id[0]) first++;
    ck_assert_int_lt(first, 6);
    with_end("config.json", "eos_token_id", 898, id[first]);
    assert_generates("generate --model $D/ends " FILM, first, id);
    assert_generates("generate --model $D/ends --ignore-eos " FILM, 6, id);
    with_end("generation_config.json", "eos_token_id", 899, id[first]);
    assert_generates("generate --model $D/ends " FILM, first, id);
#undef FILM
}
END_TEST

/* Vocabularies are padded: an id that the tokenizer does not know is shown, and the text goes on. */
START_TEST(ids_beyond_the_tokenizer) {
    char out[16384];
    succeeds("tokenizer --texts $D/data/tokenizer.jsonl --vocab 700 --out $D/small");
    ck_assert_int_eq(
        run(out, sizeof out, "generate --model $D/base --tokenizer $D/small --ids '5 899' --tokens 3"), 0);
    ck_assert_msg(strstr(out, "<id 899>") != NULL, "%s", out);
    assert_generates(
        "generate --model $D/base --tokenizer $D/small --ids '899 898 5' --tokens 40 --temperature "
        "50 --ignore-eos --json",
        40, NULL);
    ck_assert_int_eq(run(out, sizeof out,
                         "generate --model $D/base --tokenizer $D/small --ids 5 --tokens 40 --temperature 50 "
                         "--ignore-eos"),
                     0);
    ck_assert_msg(strstr(out, "<id ") != NULL, "%s",
                  out); /* of 40 even draws none from the last 200: 1 in 10^4 */
}
END_TEST

START_TEST(a_text_longer_than_the_model) {
    gk_buf args = {0};
    static const char *const COMMANDS[] = {"generate", "logits"};
    for (size_t i = 0; i < 2; i++) {
        args.len = 0;
        gk_buf_printf(&args, "%s --model $D/base --ids '", COMMANDS[i]);
        for (int k = 0; k < 129; k++) gk_buf_puts(&args, "5 ");
        gk_buf_puts(&args, "'");
        refused(args.data, "text 1 has 129 tokens, the model takes at most 128", "shorten it");
    }
    gk_buf_free(&args);
}
END_TEST

/* The model is open when the texts are read from a pipe; what it holds is gone when they come. */
START_TEST(a_model_that_is_cut_while_it_is_read) {
    char out[4096];
    ck_assert_int_eq(run(out, sizeof out, "--version && cp -r $D/base $D/shrunk && mkfifo $D/pipe"), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        char line[512];
        snprintf(
            line, sizeof line,
            "exec 3>'%s/pipe' && truncate -s 4096 '%s/shrunk/model.safetensors' && echo '{\"prompt\": \"The "
            "film\"}' >&3",
            dir, dir);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(9);
    }
    ck_assert_int_eq(run(out, sizeof out, "logits --model $D/shrunk --prompts $D/pipe"), 1);
    ck_assert_msg(strncmp(out, "graftkit: ", 10) == 0 && strstr(out, "shrunk/model.safetensors: byte ") &&
                      strchr(out, '\n') == strrchr(out, '\n'),
                  "%s", out);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

START_TEST(texts_that_cannot_be_run) {
    refused("generate --model $D/base", "no text is given", "--prompt");
    refused("generate --model $D/base --ids '1 x'", "field '--ids'", "'x' is no token id");
    refused("logits --model $D/base --ids 900", "token 900", "vocabulary");
    refused("logits --model $D/none --prompt a", "none/config.json", "No such file");
    refused("generate --model $D/base --prompt a --top-p 0", "field '--top-p'", "above 0");
    refused("generate --model $D/base --prompt a --tokens 0", "field '--tokens'", "1 to");
}
END_TEST

START_TEST(inspecting_and_comparing) {
    scratch s = scratch_new();
    gk_error err;
    succeeds("inspect --model $D/relation --tensors --json $D/inspect.json");
    json_t *in = gk_json_load(in_run(&s, "inspect.json"), &err);
    ck_assert_ptr_nonnull(in);
    json_int_t total = json_integer_value(json_object_get(in, "parameters")), sum = 0;
    const char *name;
    json_t *v;
    json_object_foreach(json_object_get(in, "groups"), name, v) sum +=
        json_integer_value(json_object_get(v, "parameters"));
    ck_assert(total > 0 && total == sum);
    json_decref(in);

    succeeds("diff --a $D/base --b $D/relation --rank 8 --json $D/diff.json --out $D/diff/page.html");
    json_t *d = gk_json_load(in_run(&s, "diff.json"), &err);
    ck_assert_ptr_nonnull(d);
    size_t i, frozen = 0, moved = 0;
    json_array_foreach(json_object_get(d, "components"), i, v) {
        name = json_string_value(json_object_get(v, "component"));
        /* The recipe freezes them, and the lower third of the layers, which two layers have none of. */
        bool still = strcmp(name, "head") == 0 || strcmp(name, "lnf") == 0 || strcmp(name, "embed") == 0;
        bool same = json_real_value(json_object_get(v, "relative")) == 0;
        frozen += still && same;
        moved += !still && !same;
    }
    ck_assert_uint_eq(frozen, 3);
    ck_assert_uint_eq(frozen + moved, json_array_size(json_object_get(d, "components")));
    ck_assert(gk_exists(in_run(&s, "diff/page.html")));
    json_decref(d);
    scratch_free(&s);
}
END_TEST

START_TEST(what_cannot_be_inspected_or_compared) {
    scratch s = scratch_new();
    refused("inspect --model $D/data", "data/config.json", "No such file");
    refused("inspect --model $D/base --rows 0", "--rows", "from 1");
    refused("diff --a $D/base --b tests/fixtures/model/gpt2", "model_type",
            "llama in the first model and gpt2");
    refused("diff --a $D/base --b tests/fixtures/model/llama", "hidden_size", "32 in the first model");
    refused("diff --a $D/base --b $D/relation --rank 257", "--rank", "256");
    refused("diff --a $D/base --b $D/relation --json $D/none/d.json", "none/d.json", "No such file");
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli_model");
    TCase *t = tcase_create("cli_model");
    tcase_set_timeout(t, 300);
    tcase_add_unchecked_fixture(t, trained_models, remove_run);
    tcase_add_test(t, a_truncated_model);
    tcase_add_test(t, texts_go_on);
    tcase_add_test(t, texts_end_at_any_end);
    tcase_add_test(t, ids_beyond_the_tokenizer);
    tcase_add_test(t, a_text_longer_than_the_model);
    tcase_add_test(t, a_model_that_is_cut_while_it_is_read);
    tcase_add_test(t, texts_that_cannot_be_run);
    tcase_add_test(t, inspecting_and_comparing);
    tcase_add_test(t, what_cannot_be_inspected_or_compared);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
