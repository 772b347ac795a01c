/* modules: core
 *
 * fuzz_jsonl.c: JSON lines, and typed access to the members of each. */
#include "core/json.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

const char fuzz_name[] = "jsonl";

static void ask(const json_t *obj, gk_place at, gk_error *err) {
    const char *key, *text;
    json_t *value;
    int64_t n;
    double x;
    bool yes;
    json_object_foreach((json_t *)(uintptr_t)obj, key, value) {
        gk_json_int(obj, key, -1000, 1000, &n, at, err);
        gk_json_num(obj, key, &x, at, err);
        gk_json_bool(obj, key, &yes, at, err);
        if (gk_json_str(obj, key, &text, at, err)) fuzz_touch(text, strlen(text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gk_error err = {0}, ignored;
    json_t *obj;
    int got = -1;
    gk_jsonl *r = gk_jsonl_open(fuzz_file(data, size), &err);
    while (r && (got = gk_jsonl_next(r, &obj, &err)) == 1) {
        ask(obj, gk_jsonl_place(r), &ignored);
        fuzz_touch(gk_jsonl_line(r), strlen(gk_jsonl_line(r)));
        json_decref(obj);
    }
    fuzz_outcome(got == 0, &err);
    gk_jsonl_close(r);
    return 0;
}
