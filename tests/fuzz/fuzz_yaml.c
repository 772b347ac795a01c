/* modules: core
 *
 * fuzz_yaml.c: YAML documents, walked from the root, every node asked for as every type. */
#include "core/yaml.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

const char fuzz_name[] = "yaml";

static void ask(gk_ynode n, gk_error *err) {
    int64_t i;
    double x;
    bool yes;
    const char *text;
    gk_yaml_int(n, -1000, 1000, &i, err);
    gk_yaml_num(n, &x, err);
    gk_yaml_bool(n, &yes, err);
    gk_yaml_str(n, &text, err);
    gk_yaml_only(n, (const char *const[]){"a", "b", NULL}, err);
    if (gk_yaml_text(n)) fuzz_touch(gk_yaml_text(n), strlen(gk_yaml_text(n)));
    gk_yaml_place(n);
}

static void walk(gk_ynode n, int depth, gk_error *err) {
    ask(n, err);
    for (size_t i = 0; depth < 200 && i < gk_yaml_len(n); i++) {
        if (gk_yaml_kind_of(n) == GK_YAML_MAP) {
            gk_ynode key = gk_yaml_key(n, i);
            ask(key, err);
            if (gk_yaml_get(n, gk_yaml_text(key)).id != gk_yaml_at(n, i).id) __builtin_trap();
        }
        walk(gk_yaml_at(n, i), depth + 1, err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gk_error err = {0};
    gk_yaml *y = gk_yaml_parse((const char *)data, size, "fuzz", &err);
    fuzz_outcome(y != NULL, &err);
    if (!y) return 0;
    walk(gk_yaml_root(y), 0, &err);
    ask(gk_yaml_get(gk_yaml_root(y), "absent"), &err);
    gk_yaml_free(y);
    return 0;
}
