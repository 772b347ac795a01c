/* utf8.c: well-formedness of UTF-8 (Unicode 15, table 3-7), and the marks that text files begin with. */
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"

#include <string.h>

/* Length of the well-formed sequence at s (n > 0 bytes left), or 0. */
static size_t sequence(const unsigned char *s, size_t n) {
    if (s[0] < 0x80) return 1;
    size_t len = s[0] >= 0xC2 && s[0] <= 0xDF   ? 2
                 : s[0] >= 0xE0 && s[0] <= 0xEF ? 3
                 : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4
                                                : 0;
    if (len == 0 || len > n) return 0;
    /* The second byte's range rules out overlong forms, surrogates and what lies above U+10FFFF. */
    unsigned char lo = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char hi = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < lo || s[1] > hi) return 0;
    for (size_t i = 2; i < len; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    return len;
}

bool gk_utf8_valid(const char *s, size_t n, size_t *bad) {
    size_t i = 0;
    while (i < n) {
        size_t len = sequence((const unsigned char *)s + i, n - i);
        if (len == 0) {
            if (bad) *bad = i;
            return false;
        }
        i += len;
    }
    return true;
}

bool gk_text_begin(const char *text, size_t len, const char *path, size_t *skip, gk_error *err) {
    *skip = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    bool wide = len >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0);
    return !wide || gk_fail(err, GK_AT_BYTE(path, 0), "save it as UTF-8", "the file is UTF-16");
}
