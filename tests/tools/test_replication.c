/* modules: eval graft train model tokenizer core
 *
 * test_replication.c: make replication and the experiments that are run a seed each, on a tiny model, killed
 * and restarted; what is trained for them, and their pages and tables. $GRAFTKIT names the binary (make test
 * sets it). */
#include "tests/support/experiments_fixture.h"

/* Models with a freeze of their own, in a run a seed; killed in one of them and gone on with. What is not in
 * `make paper` is asked for by name. */
START_TEST(planted_models_are_trained_a_run_a_seed) {
    scratch s = scratch_new();
    tiny_model(&s);
#define PLANTED "$M experiment NAME=planted SEEDS='1 2' " ROWS
    fails(&s, "$M experiment NAME=planted SEEDS='1 x' RUN=$D/no " ROWS, "SEEDS: 'x'", "integer");
    fails(&s, "$M experiment NAME=planted FAMILIES=lama RUN=$D/no", "FAMILIES: 'lama' is no family", "gpt2");
    fails(&s, "$M experiment NAME=planted FAMILIES=llama RUN=$D/no " ROWS, "FAMILIES='llama'",
          "its own architecture");
    ck_assert(!gk_exists(scratch_path(&s, "no")));
    succeeds(&s, PLANTED "RUN=$D/one");
    ck_assert_ptr_nonnull(strstr(said, "planted_pretrained: model 2 of 3, relation.lower2_e, about"));
    succeeds(&s, KILLED_AT("$D/two/model-2/relation.lower2_e/metrics.jsonl", "exec " PLANTED "RUN=$D/two"));
    ck_assert(!gk_exists(scratch_path(&s, "two/compare.html")));
    succeeds(&s, PLANTED "RUN=$D/two");
    same_text(&s, "one/compare.csv", "two/compare.csv");
    same_text(&s, "one/compare.html", "two/compare.html");
    page_has_cells(&s, text_of(&s, "one/compare.html"), text_of(&s, "one/compare.csv"),
                   "one/model-1/experiments/planted_pretrained/results.db");
    /* What was frozen is where it was, and only that. */
    succeeds(&s,
             "$G diff --a $D/model --b $D/one/model-1/relation.lower2_e --json $D/lower.json >/dev/null && "
             "awk '/\"component\"/ { c = $2 } /\"layer\"/ { l = $2 } /\"changed\"/ { print c l $2 }' "
             "$D/lower.json "
             ">$D/changed && grep -x '\"embed\",null,0,' $D/changed && grep -x '\"q\",0,0,' $D/changed && "
             "grep -x '\"down\",0,0,' $D/changed && ! grep -x '\"q\",1,0,' $D/changed && "
             "! grep -x '\"down\",3,0,' $D/changed");
    /* Done is done; another freeze under the old name is another model. */
    succeeds(&s, "touch $D/mark; " PLANTED
                 "RUN=$D/one; find $D/one/model-? -newer $D/mark -type f | grep . && exit 3; true");
    succeeds(&s,
             "$M experiment NAME=planted SEEDS='1 2' MODEL=$D/model RUN=$D/one"); /* as it was asked for */
    fails(&s, "$M finetune RUN=$D/one/model-1 FREEZES=lower2_e=lnf CAST='pre=base sft=relation.lower2_e'",
          "relation.lower2_e", "--replace");
    ck_assert_ptr_null(strstr(
        (shell(&s, "$G list experiments | grep -v 'by name only'", said, sizeof said), said), "planted"));
    scratch_free(&s);
}
END_TEST

/* The numbers of a small table are those of the large one, rounded; as many lines as pooled cells. */
static void small_table(scratch *s, const char *table, const char *large) {
    succeeds(
        s,
        gk_arena_printf(
            s->a,
            "head -n 1 %s | grep -qx "
            "run,experiment,set,scheme,template,n,rows,top5,top5_low,top5_high,logit_diff,"
            "logit_diff_low,logit_diff_high && [ $(grep -cE ',(pooled|full),' %s) = $(($(wc -l <%s) - 1)) ]",
            table, large, table));
    const char *text = gk_read_file(s->a, gk_arena_printf(s->a, "%s/one/replication/pretrained.csv", s->dir),
                                    1 << 24, NULL, &(gk_error){0});
    succeeds(s, gk_arena_printf(s->a, "cat %s", table));
    char *state, *line = strtok_r(said, "\n", &state);
    size_t n = 0;
    while ((line = strtok_r(NULL, "\n", &state))) {
        char *comma = strrchr(line, '"') ? strrchr(line, '"') + 1 : line;
        const size_t skip = comma == line ? 5 : 2; /* to behind run, experiment, set, scheme and template */
        for (size_t i = 0; i < skip; i++) comma = strchr(comma + (i > 0), ',');
        double prompts, rows, top5, wanted;
        ck_assert_msg(sscanf(comma, ",%lf,%lf,%lf", &prompts, &rows, &top5) == 3, "%s", line);
        const char *cell = strstr(text, gk_arena_printf(s->a, "\n%.*s,", (int)(comma - line), line));
        ck_assert_msg(cell != NULL, "%s is in no line of the large table", line);
        cell += comma - line + 2;
        for (int i = 0; i < 7; i++) cell = strchr(cell, ',') + 1; /* n rows dropped n_whole top1, low, high */
        ck_assert_int_eq(sscanf(cell, "%lf", &wanted), 1);
        ck_assert_double_eq_tol(top5, wanted, 1e-5);
        n++;
    }
    ck_assert_uint_ge(n, 2 * 2 * 2 * 15);
}

/* Both regimes of two seeds, killed in a training of the second and gone on with: the same page and tables.
 */
START_TEST(a_replication_that_is_killed_goes_on) {
    scratch s = scratch_new();
    tiny_model(&s);
#define REPLICATION \
    "$M replication DATASETS=fake_movies_fake_actors SEEDS='1 2' PAPER='position hybrid training' " ROWS
    succeeds(&s, REPLICATION "RUN=$D/one TABLES=$D/tables");
    ck_assert_ptr_nonnull(strstr(said, "replication: run 4 of 4, "));
    ck_assert_ptr_nonnull(strstr(said, "fake_movies_fake_actors-2-free, about "));
    succeeds(&s, KILLED_AT("$D/two/replication/fake_movies_fake_actors-2/mild.free/metrics.jsonl",
                           "exec " REPLICATION "RUN=$D/two"));
    ck_assert(!gk_exists(scratch_path(&s, "two/replication/pretrained.html")));
    succeeds(&s, REPLICATION "RUN=$D/two DRY=1");
    ck_assert_ptr_nonnull(strstr(said, "fake_movies_fake_actors-1-free  done, 3 of 3 experiments\n"));
    ck_assert_ptr_nonnull(strstr(said, "fake_movies_fake_actors-2-free  2 of 3 experiments\n"));
    succeeds(&s, REPLICATION "RUN=$D/two");
    same_text(&s, "one/replication/pretrained.html", "two/replication/pretrained.html");
    same_text(&s, "one/replication/pretrained-seeds.csv", "two/replication/pretrained-seeds.csv");
    same_text(&s, "tables/pretrained.csv", "two/replication/tables/pretrained.csv");
    same_text(&s, "tables/pretrained-seeds.csv", "two/replication/tables/pretrained-seeds.csv");
    small_table(&s, "$D/tables/pretrained.csv", "$D/one/replication/pretrained.csv");
    /* The regimes are averaged apart, each over its seeds. */
    succeeds(&s, "cut -d '\"' -f 2 $D/tables/pretrained-seeds.csv | sort -u; grep -c ',PRE,top5,2,' "
                 "$D/tables/pretrained-seeds.csv");
    ck_assert_str_eq(said, "fake_movies_fake_actors-1, fake_movies_fake_actors-2\n"
                           "fake_movies_fake_actors-1-free, fake_movies_fake_actors-2-free\n"
                           "runs,experiment,set,scheme,metric,seeds,mean,sd,t_low,t_high,low,high\n6\n");
    /* Frozen is embedding, head and lower third; free is what may be free. */
    succeeds(
        &s,
        "cd $D/one/replication/fake_movies_fake_actors-1; for m in relation free mild mild.free; do $G diff "
        "--a "
        "$D/model --b $m --json $D/d.json >/dev/null; awk -v m=$m '/\"component\"/ { c = $2 } /\"layer\"/ { "
        "l = $2 } /\"changed\"/ && c ~ /embed|head|q/ { print m c l $2 }' $D/d.json; done >$D/changed; "
        "grep -x 'relation\"embed\",null,0,' $D/changed && grep -x 'mild\"q\",0,0,' $D/changed && "
        "grep 'free\"embed\",null,[1-9]' $D/changed && grep 'mild.free\"q\",0,[1-9]' $D/changed && "
        "grep -x 'free\"head\",null,0,' $D/changed");
    succeeds(
        &s,
        "touch $D/mark; " REPLICATION
        "RUN=$D/one TABLES=$D/tables; find $D/one/replication/*/* -newer $D/mark -type f ! -name 'paper.*' ! "
        "-name replicated | grep . && exit 3; true");
    scratch_free(&s);
}
END_TEST

START_TEST(a_replication_is_checked_before_it_begins) {
    scratch s = scratch_new();
    tiny_model(&s);
#define OF_MODEL "MODEL=$D/model RUN=$D/no "
    fails(&s, "$M replication FAMILIES=lama RUN=$D/no", "FAMILIES: 'lama' is no family", "gpt2");
    fails(&s, "$M replication FAMILIES='llama llama' RUN=$D/no", "FAMILIES: 'llama' is named twice", "");
    fails(&s, "$M replication SEEDS='1 x' RUN=$D/no", "SEEDS: 'x'", "integer");
    fails(&s, "$M replication SEED=2 RUN=$D/no", "SEED='2'", "SEEDS=");
    fails(&s, "$M replication FREEZE=embed RUN=$D/no", "FREEZE='embed'", "RECIPE");
    fails(&s, "$M replication DATASETS=battles RUN=$D/no", "DATASETS='battles'", "MODEL=PATH");
    fails(&s, "$M replication REGIME=free RUN=$D/no", "REGIME='free'", "REGIMES=frozen");
    fails(&s, "$M replication REGIMES=free RUN=$D/no", "REGIMES='free'", "frozen,free");
    fails(&s, "$M replication PAPER='position nowhere' RUN=$D/no", "'nowhere' is no experiment", "position");
    fails(&s, "$M replication DRY=yes RUN=$D/no", "DRY='yes'", "1 or nothing");
    fails(&s, "$M replication DATASETS='battles nowhere' " OF_MODEL, "DATASETS: 'nowhere' is no dataset",
          "battles");
    fails(&s, "$M replication FAMILIES=llama " OF_MODEL, "FAMILIES='llama'", "its own architecture");
    fails(&s, "$M replication RECIPE=nowhere " OF_MODEL, "RECIPE='nowhere'", "");
    fails(&s, "$M replication TEMPLATES=$D DATASETS='battles counterfact' " OF_MODEL,
          "TEMPLATES=", "several datasets");
    fails(&s, "$M experiment NAME=position REGIME=fre RUN=$D/no", "REGIME='fre'", "must be free");
    fails(&s, "$M experiment NAME=regimes REGIME=free RUN=$D/no", "'regimes' is of free models already", "");
    succeeds(&s, "$M replication DRY=1 FAMILIES=llama SEEDS=3 RUN=$D/no");
    ck_assert_ptr_nonnull(strstr(said, "/no/replication/llama-3-free  not begun"));
    ck_assert_ptr_nonnull(strstr(said, "not begun"));
    succeeds(&s, "$M -n replication " OF_MODEL);
    ck_assert_ptr_nonnull(strstr(said, "/no/replication/real_movies_real_actors_shuffled-1-free  not begun"));
    ck_assert(!gk_exists(scratch_path(&s, "no")));
    /* A run that is there already under that name is not written into. */
    succeeds(&s, "mkdir $D/run-free && echo SEED=1 >$D/run-free/asked");
    fails(&s, "$M experiment NAME=position REGIME=free RUN=$D/run", "run-free, which is a run of its own",
          "another RUN");
    ck_assert(!gk_exists(scratch_path(&s, "run")));
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("replication");
    TCase *t = tcase_create("seeds");
    tcase_set_timeout(t, 900);
    tcase_add_test(t, planted_models_are_trained_a_run_a_seed);
    tcase_add_test(t, a_replication_is_checked_before_it_begins);
    tcase_add_test(t, a_replication_that_is_killed_goes_on);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
