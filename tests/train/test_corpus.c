/* test_corpus.c: from files to texts, what carries loss, general text, and the order and packing of texts. */
/* modules: train model tokenizer core */
#include "graftkit/model/session.h"
#include "graftkit/tokenizer.h"
#include "graftkit/train/corpus.h"
#include "graftkit/train/recipe.h"
#include "tests/support/scratch.h"

/* ---------------------------------------------------------------- batches */

enum { N_TEXTS = 10 };
static const size_t START[N_TEXTS + 1] = {0, 2, 5, 9, 14, 20, 22, 25, 29, 34, 40};

static gk_corpus *small_corpus(void) {
    int32_t token[40];
    for (int i = 0; i < 40; i++) token[i] = 100 + i;
    return gk_corpus_from_ids(token, START, N_TEXTS, NULL);
}

START_TEST(packing_keeps_texts_whole_and_targets_inside) {
    gk_corpus *c = small_corpus();
    ck_assert_int_eq(c->longest, 5);
    ck_assert_int_eq(c->max_id, 139);
    gk_packer *p = gk_packer_new(c, NULL, 8, 100);
    uint32_t all[N_TEXTS];
    for (uint32_t i = 0; i < N_TEXTS; i++) all[i] = i;
    size_t done = 0, rows = 0;
    while (done < N_TEXTS) {
        gk_batch b;
        size_t n = gk_pack(p, all + done, N_TEXTS - done, &b);
        ck_assert(n > 0 && b.n_rows <= 8 && b.n_seqs == (int)n);
        for (size_t s = 0; s < n; s++) {
            size_t at = START[done + s];
            ck_assert_int_eq(b.seq_start[s + 1] - b.seq_start[s], (int)(START[done + s + 1] - at - 1));
            for (int i = b.seq_start[s]; i < b.seq_start[s + 1]; i++, at++) {
                ck_assert_int_eq(b.token[i], (int)(100 + at));
                ck_assert_int_eq(b.target[i], (int)(101 + at));
            }
        }
        done += n;
        rows += (size_t)b.n_rows;
    }
    ck_assert_uint_eq(rows, 30);
    gk_packer_free(p);
    p = gk_packer_new(c, NULL, 1, 100); /* raised to the longest text */
    ck_assert_int_eq(gk_packer_rows(p), 5);
    gk_packer_free(p);
    p = gk_packer_new(c, NULL, 1000, 2); /* lowered to the two longest */
    ck_assert_int_eq(gk_packer_rows(p), 10);
    gk_packer_free(p);
    gk_corpus_free(c);
}
END_TEST

START_TEST(split_and_order_follow_from_seed_and_epoch) {
    gk_arena *a = gk_arena_new();
    gk_split s, again, other;
    ck_assert(gk_split_make(a, 100, 0.2, 5, &s, NULL) && gk_split_make(a, 100, 0.2, 5, &again, NULL));
    ck_assert(gk_split_make(a, 100, 0.2, 6, &other, NULL));
    ck_assert_uint_eq(s.n_valid, 20);
    ck_assert_mem_eq(s.valid, again.valid, 20 * sizeof *s.valid);
    ck_assert_mem_ne(s.valid, other.valid, 20 * sizeof *s.valid);
    bool seen[100] = {false};
    for (size_t i = 0; i < 20; i++) seen[s.valid[i]] = true;
    for (size_t i = 0; i < 80; i++) {
        ck_assert(!seen[s.train[i]]);
        ck_assert(i == 0 || s.train[i] > s.train[i - 1]);
    }
    uint32_t x[80], y[80], sum = 0, want = 0;
    gk_epoch_order(&s, true, 5, 3, x);
    gk_epoch_order(&s, true, 5, 3, y);
    ck_assert_mem_eq(x, y, sizeof x);
    for (size_t i = 0; i < 80; i++) sum += x[i] * x[i], want += s.train[i] * s.train[i];
    ck_assert_uint_eq(sum, want);
    gk_epoch_order(&s, true, 5, 4, y);
    ck_assert_mem_ne(x, y, sizeof x);
    gk_epoch_order(&s, true, 6, 3, y);
    ck_assert_mem_ne(x, y, sizeof x);
    gk_epoch_order(&s, false, 5, 3, y);
    ck_assert_mem_eq(s.train, y, sizeof y);
    gk_error err;
    ck_assert(!gk_split_make(a, 1, 0.05, 5, &s, &err));
    assert_error(
        &err,
        "of 1 texts, 1 held out for validation leave none to train on; give more texts or hold out fewer");
    gk_arena_free(a);
}
END_TEST

/* ---------------------------------------------------------------- corpora */

static gk_tok *small_tokenizer(scratch *s) {
    const char *lines[200];
    for (size_t i = 0; i < 200; i++) lines[i] = i % 2 ? "the cat sat on the mat" : "a dog ran in the fog";
    char *dir = scratch_path(s, "tok");
    ck_assert(gk_mkdirs(dir, NULL));
    ck_assert(gk_tok_train(lines, 200, 300, dir, NULL));
    gk_tok *tok = gk_tok_load(dir, NULL);
    ck_assert_ptr_nonnull(tok);
    return tok;
}

START_TEST(texts_are_bos_ids_eos_in_order) {
    scratch s = scratch_new();
    gk_tok *tok = small_tokenizer(&s);
    const char *files[] = {
        scratch_file(&s, "a.jsonl", "{\"text\": \"the cat sat\"}\n\n{\"text\": \"a dog\", \"id\": 1}\n"),
        scratch_file(&s, "b.jsonl", "{\"text\": \"the fog ran\"}\n")};
    const char *texts[] = {"the cat sat", "a dog", "the fog ran"};
    gk_corpus *c = gk_corpus_load(tok, files, 2, 64, GK_LOSS_ALL, NULL);
    ck_assert_ptr_nonnull(c);
    ck_assert_uint_eq(c->n, 3);
    for (size_t i = 0; i < 3; i++) {
        gk_tokens t;
        ck_assert(gk_tok_encode(tok, texts[i], strlen(texts[i]), GK_BOS_YES, s.a, &t, NULL));
        ck_assert_uint_eq(c->start[i + 1] - c->start[i], t.n + 1);
        ck_assert_mem_eq(c->token + c->start[i], t.id, t.n * sizeof *t.id);
        ck_assert_int_eq(c->token[c->start[i + 1] - 1], gk_tok_eos(tok));
    }
    gk_corpus *other = gk_corpus_load(tok, files, 1, 64, GK_LOSS_ALL, NULL);
    ck_assert_str_ne(c->sha256, other->sha256);
    ck_assert_ptr_null(c->carries);
    gk_corpus_free(other);
    gk_corpus_free(c);
    gk_tok_free(tok);
    scratch_free(&s);
}
END_TEST

static void corpus_refused(scratch *s, const gk_tok *tok, const char *jsonl, int max_rows, const char *rest) {
    gk_error err;
    const char *file = scratch_file(s, "t.jsonl", jsonl);
    ck_assert_ptr_null(gk_corpus_load(tok, &file, 1, max_rows, GK_LOSS_ALL, &err));
    assert_error_at(&err, file, rest);
}

START_TEST(bad_texts_are_named) {
    scratch s = scratch_new();
    gk_tok *tok = small_tokenizer(&s);
    corpus_refused(&s, tok, "{\"text\": \"a\"}\n{\"txt\": \"b\"}\n", 64, ":2: field 'text': is missing");
    corpus_refused(&s, tok, "{\"text\": \"\"}\n", 64, ":1: field 'text': is empty");
    corpus_refused(&s, tok, "{\"text\": 7}\n", 64, ":1: field 'text': is 7; must be a string");
    corpus_refused(&s, tok, "{\"text\": \"a\"\n", 64, ":1:");
    corpus_refused(&s, tok, "\n", 64, ": there is no text in this file");
    corpus_refused(&s, tok,
                   "{\"text\": \"a\"}\n{\"text\": \"the cat sat on the mat\"}\n"
                   "{\"text\": \"the cat sat on the cat sat\"}\n",
                   4, ":2: 2 of 3 texts are longer than the model's 4 positions; this, the first, has ");
    scratch_free(&s);
    gk_tok_free(tok);
}
END_TEST

/* ---------------------------------------------------------------- answers */

static gk_corpus *answers(scratch *s, const gk_tok *tok, const char *jsonl, gk_error *err) {
    const char *file = scratch_file(s, "answers.jsonl", jsonl);
    return gk_corpus_load(tok, &file, 1, 64, GK_LOSS_ANSWER, err);
}

/* Text i of the corpus: a token carries loss where its bytes and [begin, end) of the text have one in common.
 */
static void check_marks(scratch *s, const gk_tok *tok, const gk_corpus *c, size_t i, const char *text,
                        size_t begin, size_t end) {
    gk_tokens t;
    ck_assert(gk_tok_encode(tok, text, strlen(text), GK_BOS_DEFAULT, s->a, &t, NULL));
    ck_assert_uint_eq(c->start[i + 1] - c->start[i], t.n + 1);
    const bool *carries = c->carries + c->start[i];
    ck_assert_mem_eq(c->token + c->start[i], t.id, t.n * sizeof *t.id);
    size_t marked = 0;
    for (size_t k = 0; k < t.n; k++) {
        bool any = false;
        for (size_t b = t.span[k].begin; b < t.span[k].end; b++) any = any || (b >= begin && b < end);
        ck_assert_msg(carries[k] == any, "text %zu, token %zu", i, k);
        marked += any;
    }
    ck_assert_uint_gt(marked, 0);
    ck_assert(carries[t.n] == (end == strlen(text))); /* EOS */
}

START_TEST(answers_carry_loss_by_their_bytes) {
    scratch s = scratch_new();
    gk_tok *tok = small_tokenizer(&s);
    gk_error err;
    gk_corpus *c = answers(&s, tok,
                           "{\"prompt\": \"the cat\", \"completion\": \" sat on\"}\n"
                           "{\"text\": \"a dog ran in the fog\", \"answer\": \"ran in\"}\n"
                           "{\"text\": \"a dog ran in the fog\", \"answer\": \"e fo\"}\n"
                           "{\"prompt\": \"the c\", \"completion\": \"at sat\"}\n"
                           "{\"prompt\": \"\", \"completion\": \"the mat\"}\n",
                           &err);
    ck_assert_ptr_nonnull(c);
    ck_assert_uint_eq(c->n, 5);
    check_marks(&s, tok, c, 0, "the cat sat on", 7, 14);
    check_marks(&s, tok, c, 1, "a dog ran in the fog", 6, 12);
    check_marks(&s, tok, c, 2, "a dog ran in the fog", 15, 19); /* inside tokens */
    check_marks(&s, tok, c, 3, "the cat sat", 5, 11);
    check_marks(&s, tok, c, 4, "the mat", 0, 7);
    const char *file = scratch_path(&s, "answers.jsonl");
    gk_corpus *all = gk_corpus_load(tok, &file, 1, 64, GK_LOSS_ALL, NULL);
    ck_assert_ptr_null(all->carries);
    ck_assert_mem_eq(all->token, c->token, c->start[5] * sizeof *c->token);
    ck_assert_str_ne(all->sha256, c->sha256);

    gk_packer *p = gk_packer_new(c, NULL, 100, 5);
    gk_batch b;
    ck_assert_uint_eq(gk_pack(p, (uint32_t[]){1, 3}, 2, &b), 2);
    for (int seq = 0; seq < 2; seq++)
        for (int r = b.seq_start[seq]; r < b.seq_start[seq + 1]; r++) {
            size_t next = c->start[seq ? 3 : 1] + (size_t)(r - b.seq_start[seq]) + 1;
            ck_assert_int_eq(b.target[r], c->carries[next] ? c->token[next] : -1);
        }
    gk_packer_free(p);
    gk_corpus_free(all);
    gk_corpus_free(c);
    gk_tok_free(tok);
    scratch_free(&s);
}
END_TEST

static void answers_refused(scratch *s, const gk_tok *tok, const char *jsonl, const char *rest) {
    gk_error err;
    ck_assert_ptr_null(answers(s, tok, jsonl, &err));
    assert_error_at(&err, scratch_path(s, "answers.jsonl"), rest);
}

START_TEST(texts_without_a_clear_answer_are_named) {
    scratch s = scratch_new();
    gk_tok *tok = small_tokenizer(&s);
    answers_refused(&s, tok, "{\"text\": \"the cat\", \"answer\": \"cat\"}\n{\"text\": \"a dog\"}\n",
                    ":2: field 'answer': is missing, and loss is for answers only");
    answers_refused(&s, tok, "{\"text\": \"the cat\", \"answer\": \"dog\"}\n",
                    ":1: field 'answer': does not stand in the text");
    answers_refused(&s, tok, "{\"text\": \"the cat the cat\", \"answer\": \"cat\"}\n",
                    ":1: field 'answer': stands in the text more than once");
    answers_refused(&s, tok, "{\"text\": \"aaa\", \"answer\": \"aa\"}\n",
                    ":1: field 'answer': stands in the text more than once");
    answers_refused(&s, tok, "{\"text\": \"the cat\", \"answer\": \"\"}\n", ":1: field 'answer': is empty");
    answers_refused(&s, tok, "{\"prompt\": \"the cat\"}\n", ":1: field 'completion': is missing");
    answers_refused(&s, tok, "{\"prompt\": \"the cat\", \"completion\": \"\"}\n",
                    ":1: field 'completion': is empty");
    answers_refused(&s, tok, "{\"prompt\": 3, \"completion\": \"x\"}\n", ":1: field 'prompt': is 3");
    gk_tok_free(tok);
    scratch_free(&s);
}
END_TEST

/* Without BOS and EOS. */
static gk_tok *bare_tokenizer(scratch *s) {
    ck_assert(gk_mkdirs(scratch_path(s, "bare"), NULL));
    scratch_file(s, "bare/vocab.json", "{\"a\": 0, \"b\": 1, \"c\": 2, \"\\u0120\": 3, \"\\u0120b\": 4}");
    scratch_file(s, "bare/merges.txt", "#version: 0.2\n\u0120 b\n");
    scratch_file(s, "bare/tokenizer_config.json",
                 "{\"bos_token\": null, \"eos_token\": null, \"unk_token\": null}");
    gk_error err;
    gk_tok *tok = gk_tok_load(scratch_path(s, "bare"), &err);
    ck_assert_msg(tok != NULL, "%s", err.what);
    ck_assert_int_eq(gk_tok_eos(tok), -1);
    return tok;
}

/* Nothing goes before it to predict it from. */
START_TEST(a_first_token_cannot_be_an_answer) {
    scratch s = scratch_new();
    gk_tok *tok = bare_tokenizer(&s);
    answers_refused(&s, tok, "{\"text\": \"a b\", \"answer\": \"a\"}\n",
                    ":1: the answer is the text's first token");
    gk_tok_free(tok);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- general text */

static const char PARAGRAPHS[] = "\n \nthe cat sat\non the mat\n\n\t\r\na dog ran\r\n   \n\n\nthe fog";

START_TEST(plain_text_is_paragraphs) {
    scratch s = scratch_new();
    gk_tok *tok = small_tokenizer(&s);
    const char *files[] = {scratch_file(&s, "a.txt", PARAGRAPHS),
                           scratch_file(&s, "b.jsonl", "{\"text\": \"a cat\"}\n")};
    const char *want[] = {"the cat sat\non the mat", "a dog ran", "the fog", "a cat"};
    gk_corpus *c = gk_corpus_load_mix(tok, files, 2, 64, NULL);
    ck_assert_ptr_nonnull(c);
    ck_assert(c->n == 4 && c->documents == 4 && c->cut == 0 && c->left_out == 0);
    for (size_t i = 0; i < 4; i++) {
        gk_tokens t;
        ck_assert(gk_tok_encode(tok, want[i], strlen(want[i]), GK_BOS_DEFAULT, s.a, &t, NULL));
        ck_assert_uint_eq(c->start[i + 1] - c->start[i], t.n + 1);
        ck_assert_mem_eq(c->token + c->start[i], t.id, t.n * sizeof *t.id);
        ck_assert_int_eq(c->token[c->start[i + 1] - 1], gk_tok_eos(tok));
    }
    gk_corpus_free(c);
    gk_error err;
    files[0] = scratch_file(&s, "bad.txt", "good\n\nbad \xff\n");
    ck_assert_ptr_null(gk_corpus_load_mix(tok, files, 1, 64, &err));
    assert_error_at(&err, files[0], ":3: ");
    files[0] = scratch_file(&s, "blank.txt", " \n\n");
    ck_assert_ptr_null(gk_corpus_load_mix(tok, files, 1, 64, &err));
    assert_error_at(&err, files[0], ": there is no text in this file");
    gk_tok_free(tok);
    scratch_free(&s);
}
END_TEST

START_TEST(long_documents_are_cut_so_that_each_token_is_predicted_once) {
    scratch s = scratch_new();
    gk_tok *tok = small_tokenizer(&s);
    const char *file = scratch_file(&s, "a.txt", PARAGRAPHS);
    gk_corpus *whole = gk_corpus_load_mix(tok, &file, 1, 64, NULL);
    for (int rows = 1; rows < 8; rows++) {
        gk_corpus *c = gk_corpus_load_mix(tok, &file, 1, rows, NULL);
        size_t text = 0, cut = 0;
        ck_assert_int_le(c->longest, rows);
        for (size_t d = 0; d < whole->n; d++) {
            size_t from = whole->start[d], all = whole->start[d + 1] - from - 1, done = 0, first = text;
            for (; done < all; text++) {
                size_t n = c->start[text + 1] - c->start[text];
                ck_assert(n >= 2 && done + n - 1 <= all);
                ck_assert_mem_eq(c->token + c->start[text], whole->token + from + done, n * sizeof *c->token);
                done += n - 1;
            }
            ck_assert_uint_eq(text - first, (all + (size_t)rows - 1) / (size_t)rows);
            cut += text - first > 1;
        }
        ck_assert(text == c->n && c->cut == cut && c->documents == 3);
        gk_corpus_free(c);
    }
    gk_corpus_free(whole);
    gk_tok_free(tok);
    scratch_free(&s);
}
END_TEST

START_TEST(documents_of_one_token_are_counted) {
    scratch s = scratch_new();
    gk_error err;
    gk_tok *tok = bare_tokenizer(&s);
    const char *file = scratch_file(&s, "a.txt", "a\n\na b c\n\nb\n");
    gk_corpus *c = gk_corpus_load_mix(tok, &file, 1, 64, &err);
    ck_assert(c->documents == 3 && c->left_out == 2 && c->n == 1);
    gk_corpus_free(c);
    file = scratch_file(&s, "one.txt", "a\n");
    ck_assert_ptr_null(gk_corpus_load_mix(tok, &file, 1, 64, &err));
    assert_error_at(&err, file, ": no text in it is longer than a single token");
    gk_tok_free(tok);
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("corpus");
    TCase *t = tcase_create("corpus");
    tcase_add_test(t, packing_keeps_texts_whole_and_targets_inside);
    tcase_add_test(t, split_and_order_follow_from_seed_and_epoch);
    tcase_add_test(t, texts_are_bos_ids_eos_in_order);
    tcase_add_test(t, bad_texts_are_named);
    tcase_add_test(t, answers_carry_loss_by_their_bytes);
    tcase_add_test(t, texts_without_a_clear_answer_are_named);
    tcase_add_test(t, a_first_token_cannot_be_an_answer);
    tcase_add_test(t, plain_text_is_paragraphs);
    tcase_add_test(t, long_documents_are_cut_so_that_each_token_is_predicted_once);
    tcase_add_test(t, documents_of_one_token_are_counted);
    suite_add_tcase(s, t);
    return run_suite(s);
}
