/* test_cli_vocab.c: donors whose vocabulary is padded, wherever two models meet: the numbers are those of the
 * same donor without the rows, and one line says so. $GRAFTKIT names the binary (make test sets it). */
/* modules: report eval graft train model tokenizer core */
#include "core/json.h"
#include "tests/support/eval_fixture.h"
#include "tests/support/program.h"

#include <sys/wait.h>

enum { MORE = 13 };

/* The saved model with `more` rows of other values behind its embedding and head, and its tokenizer. */
static void pad(const char *name, const char *from, int more) {
    gk_model *m = gk_model_load(fx_path(from), NULL);
    gk_config c = *gk_model_config(m);
    c.vocab += more;
    gk_model *big = gk_model_new(&c, 77, NULL);
    const gk_param *p, *q;
    size_t n = gk_model_params(m, &p);
    ck_assert_uint_eq(gk_model_params(big, &q), n);
    for (size_t i = 0; i < n; i++)
        memcpy(gk_model_data(big) + q[i].offset, gk_model_data(m) + p[i].offset, p[i].count * sizeof(float));
    gk_model_free(m);
    fx_save(big, name, "tok");
}

/* The saved model with its embedding as its head: tied, or in a tensor of its own. */
static void retie(const char *name, const char *from, bool tied) {
    gk_model *m = gk_model_load(fx_path(from), NULL);
    gk_config c = *gk_model_config(m);
    c.tied = tied;
    gk_model *other = gk_model_new(&c, 77, NULL);
    const gk_param *p, *q;
    size_t n = gk_model_params(m, &p), k = gk_model_params(other, &q);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < n; j++)
            if (p[j].comp == (q[i].comp == GK_HEAD ? GK_EMBED : q[i].comp) && p[j].layer == q[i].layer &&
                p[j].bias == q[i].bias)
                memcpy(gk_model_data(other) + q[i].offset, gk_model_data(m) + p[j].offset,
                       p[j].count * sizeof(float));
    gk_model_free(m);
    fx_save(other, name, "tok");
}

static void start(void) {
    fx_start();
    pad("big", "sft", MORE);
    pad("bigpre", "pre", MORE);
    fx_write("all.yaml", "set: all\nschemes:\n"
                         "  - {name: PRE}\n"
                         "  - {name: SFT, grafts: [{at: all, donor: sft}], head: sft}\n"
                         "  - {name: RH, grafts: [{at: all, donor: sft}]}\n"
                         "  - {name: FE, grafts: [{at: first_actor, donor: sft}]}\n"
                         "  - {name: P, patches: [{at: last, from: sft}]}\n");
}

static int run_command(char *out, size_t size, const char *args) {
    char line[4096];
    snprintf(line, sizeof line, "D='%s' && '%s' %s 2>&1", fx_dir, program(), args);
    return run_line(line, out, size);
}

/* It succeeds and says that once; "" is nothing in particular. */
static void runs(const char *args, const char *says) {
    char out[16384];
    int code = run_command(out, sizeof out, args);
    const char *said = strstr(out, says);
    ck_assert_msg(code == 0 && said, "%s\nreturned %d and should say '%s':\n%s", args, code, says, out);
    ck_assert_msg(!*says || !strstr(said + 1, says), "said twice:\n%s", out);
}

#define ROWS "--threads 1 --templates $D/eval.jsonl --fillers $D/fillers.json --rows $D/rows.jsonl "
#define WORLD ROWS "--limit 6 "
#define SWEEP "sweep " WORLD "--schemes $D/all.yaml "

/* The largest difference between two stores' log-probabilities, and how many cells were compared. */
static double apart(const char *a, const char *b, double *n) {
    char sql[1024];
    const char *join =
        "FROM x.result r JOIN x.scheme s ON s.id = r.scheme JOIN main.scheme t ON t.name = s.name JOIN "
        "main.result q ON q.scheme = t.id AND q.prompt = r.prompt";
    sqlite3 *db;
    sqlite3_stmt *st;
    ck_assert(sqlite3_open(fx_path(a), &db) == SQLITE_OK);
    snprintf(sql, sizeof sql, "ATTACH '%s' AS x", fx_path(b));
    ck_assert(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    snprintf(sql, sizeof sql, "SELECT max(abs(r.logprob - q.logprob)), count(*) %s", join);
    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    ck_assert(sqlite3_step(st) == SQLITE_ROW);
    double most = sqlite3_column_double(st, 0);
    *n = sqlite3_column_double(st, 1);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return most;
}

static void assert_equal_stores(const char *a, const char *b, int schemes) {
    double n, most = apart(a, b, &n);
    ck_assert_double_ge(n, schemes * 10);
    ck_assert_double_le(most, 1e-5);
}

START_TEST(a_larger_donor_sweeps_as_without_its_rows) {
    runs(SWEEP "--recipient pre=$D/pre --donor sft=$D/sft --out $D/plain.db", "");
    runs(SWEEP "--recipient pre=$D/pre --donor sft=$D/big --out $D/big.db",
         "those beyond are never predicted");
    assert_equal_stores("plain.db", "big.db", 5);
}
END_TEST

/* The recipient's vocabulary is the run's: rows that a donor lacks are the recipient's. */
START_TEST(a_smaller_donor_has_the_recipients_rows) {
    gk_model *sft = gk_model_load(fx_path("big"), NULL), *pre = gk_model_load(fx_path("bigpre"), NULL);
    const gk_param *p;
    size_t n = gk_model_params(pre, &p);
    for (size_t i = 0; i < n; i++) { /* the donor with just those rows */
        if (p[i].comp != GK_EMBED && p[i].comp != GK_HEAD) continue;
        size_t rest = (size_t)(MORE * p[i].in), at = p[i].offset + p[i].count - rest;
        memcpy(gk_model_data(sft) + at, gk_model_data(pre) + at, rest * sizeof(float));
    }
    fx_save(sft, "same", "tok");
    gk_model_free(pre);
    runs(SWEEP "--recipient pre=$D/bigpre --donor sft=$D/same --out $D/a.db", "");
    runs(SWEEP "--recipient pre=$D/bigpre --donor sft=$D/sft --out $D/b.db", "those beyond are the latter's");
    assert_equal_stores("a.db", "b.db", 5);
}
END_TEST

START_TEST(derived_donors_and_whole_targets) {
#define DERIVED                                                                                         \
    "--derive 'r{}=sft:rank=2' --derive 't{}=sft:top=0.1' --derive 'a{}=sft:alpha=0.5' --whole-target " \
    "--generate 4 "
    fx_write("derived.yaml", "set: d\nschemes:\n"
                             "  - {name: r, grafts: [{at: all, donor: r2}], head: r2}\n"
                             "  - {name: t, grafts: [{at: all, donor: t0.1}], head: t0.1}\n"
                             "  - {name: a, grafts: [{at: all, donor: a0.5}], head: a0.5}\n");
    runs("sweep " WORLD "--schemes $D/derived.yaml --recipient pre=$D/pre --donor sft=$D/sft " DERIVED
         "--out $D/dp.db",
         "");
    runs("sweep " WORLD "--schemes $D/derived.yaml --recipient pre=$D/pre --donor sft=$D/big " DERIVED
         "--out $D/db.db",
         "those beyond are never predicted");
    assert_equal_stores("dp.db", "db.db", 3);
}
END_TEST

/* A tied model beside one that is not computes as the same with its embedding written as its head. */
START_TEST(one_is_tied_and_another_is_not) {
    static const char *const PAIRS[][4] = {/* recipients tied and not, donors tied and not */
                                           {"tpre", "upre", "sft", "sft"},
                                           {"pre", "pre", "tsft", "usft"},
                                           {"tpre", "upre", "big", "big"},
                                           {"bigpre", "bigpre", "tsft", "usft"}};
    retie("tpre", "pre", true);
    retie("upre", "pre", false);
    retie("tsft", "sft", true);
    retie("usft", "sft", false);
    fx_write("ties.yaml", "set: t\nschemes:\n"
                          "  - {name: PRE}\n"
                          "  - {name: SFT, grafts: [{at: all, donor: sft}], head: sft}\n"
                          "  - {name: RH, grafts: [{at: all, donor: sft}]}\n"
                          "  - {name: r, grafts: [{at: all, donor: r2}], head: r2}\n");
    for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++) {
        char args[1024], a[16], b[16];
        for (int k = 0; k < 2; k++) {
            snprintf(k ? b : a, sizeof a, "t%zu%d.db", i, k);
            snprintf(args, sizeof args,
                     "sweep " WORLD "--schemes $D/ties.yaml --recipient pre=$D/%s --donor sft=$D/%s "
                     "--derive 'r{}=sft:rank=2' --out $D/%s",
                     PAIRS[i][k], PAIRS[i][2 + k], k ? b : a);
            runs(args, "");
        }
        assert_equal_stores(a, b, 4);
    }
}
END_TEST

START_TEST(searches_and_differences) {
    char plain[16384], big[16384];
    /* Models that know nothing: there is nothing to search for, but that is found with the rows in common. */
    ck_assert_int_eq(run_command(big, sizeof big,
                                 "search " ROWS
                                 "--recipient pre=$D/pre --donor sft=$D/big --out $D/found --most 2"),
                     1);
    ck_assert_msg(strstr(big, "those beyond are never predicted") &&
                      strstr(big, "there is nothing to recover"),
                  "%s", big);
    ck_assert_int_eq(run_command(plain, sizeof plain, "diff --a $D/pre --b $D/sft --json $D/p.json --rank 4"),
                     0);
    ck_assert_int_eq(run_command(big, sizeof big, "diff --a $D/pre --b $D/big --json $D/b.json --rank 4"), 0);
    ck_assert_ptr_nonnull(strstr(big, "those beyond are not compared"));
    json_t *a = gk_json_load(fx_path("p.json"), NULL), *b = gk_json_load(fx_path("b.json"), NULL);
    ck_assert(a && json_equal(json_object_get(a, "components"), json_object_get(b, "components")));
    json_decref(a);
    json_decref(b);
    ck_assert_int_eq(run_command(big, sizeof big, "diff --a $D/big --b $D/pre --json $D/c.json --rank 4"), 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("cli_vocab");
    TCase *t = tcase_create("cli_vocab");
    tcase_add_checked_fixture(t, start, fx_stop);
    tcase_add_test(t, a_larger_donor_sweeps_as_without_its_rows);
    tcase_add_test(t, a_smaller_donor_has_the_recipients_rows);
    tcase_add_test(t, derived_donors_and_whole_targets);
    tcase_add_test(t, one_is_tied_and_another_is_not);
    tcase_add_test(t, searches_and_differences);
    suite_add_tcase(s, t);
    return run_suite(s);
}
