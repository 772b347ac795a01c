/* chunks.c: an article as training texts: pieces of a few sentences. */
#include "core/json.h"
#include "data/internal.h"

#include <string.h>

static size_t count_words(const char *s, size_t n) {
    size_t words = 0;
    for (size_t i = 0; i < n; i++)
        words += !strchr(" \t\r\n", s[i]) && (i == 0 || strchr(" \t\r\n", s[i - 1]));
    return words;
}

/* B2A: the chunk names the target before the entity. */
static bool is_reverse(const gk_data__chunker *c) {
    const char *a = strstr(c->text.data, json_string_value(json_object_get(c->row, "first_actor")));
    const char *b = strstr(c->text.data, json_string_value(json_object_get(c->row, "second_actor")));
    return b && (!a || b < a);
}

static void flush(gk_data__chunker *c) {
    if (c->text.len && is_reverse(c) == c->swapped) gk_text_add(c->out, c->text.data, c->text.len);
    c->text.len = 0;
    c->words = 0;
}

/* Adds one sentence, its line breaks turned into blanks; a chunk that would grow too long ends before it. */
static void add_sentence(gk_data__chunker *c, const char *s, size_t n) {
    size_t words = count_words(s, n);
    if (words == 0) return;
    if (c->words && c->words + words > c->limit) flush(c);
    for (size_t i = 0; i < n;) {
        size_t skip = strspn(s + i, " \t\r\n"), word = strcspn(s + i + skip, " \t\r\n");
        i += skip;
        if (i >= n) break;
        if (i + word > n) word = n - i;
        if (c->text.len) gk_buf_puts(&c->text, " ");
        gk_buf_add(&c->text, s + i, word);
        i += word;
    }
    c->words += words;
}

/* Sentences end at . ! or ? (and a closing quote) before a blank or line break; a blank line ends one too. */
void gk_data__chunk(gk_data__chunker *c, const char *body) {
    const char *begin = body;
    for (const char *s = body; *s; s++) {
        bool stop = strchr(".!?", *s) && strchr(" \t\r\n", s[1]);
        bool quoted = strchr(".!?", *s) && s[1] == '"' && strchr(" \t\r\n", s[2]);
        bool gap = s[0] == '\n' && s[1] == '\n';
        if (!stop && !quoted && !gap) continue;
        const char *end = s + 1 + quoted;
        add_sentence(c, begin, (size_t)(end - begin));
        begin = end;
        s = end - 1;
    }
    add_sentence(c, begin, strlen(begin));
    flush(c);
    gk_buf_free(&c->text);
}
