#!/bin/bash
# bench.sh: every benchmark that needs nothing but this tree, one after another (make bench). BIN: where they are built; CSV: where
# every figure is noted (record.sh). ../shared/tokenizers, where it is there, has the tokenizers.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT

note() { # note WHAT: the RESULT line on stdin
    [[ ! ${CSV-} ]] || BIN=$BIN tools/bench/record.sh "$CSV" graftkit "$1"
}

"$BIN/graftkit" info | tee "$tmp" || exit 1
grep '^RESULT' "$tmp" | note products || exit 1
"$BIN/bench_train" | tee "$tmp" || exit 1
grep '^RESULT' "$tmp" | note "training small" || exit 1
"$BIN/bench_sweep" | tee "$tmp" || exit 1
grep '^RESULT' "$tmp" | note "sweep default model" || exit 1
"$BIN/bench_decode" | tee "$tmp" || exit 1
grep '^RESULT' "$tmp" | note "products of few rows" || exit 1
"$BIN/bench_tokenizer" | tee "$tmp" || exit 1
while read -r result; do
    name=$(sed -n 's/.*tokenizer=\([^ ]*\) .*/\1/p' <<<"$result")
    [[ ! $name ]] || note "encoding $name" <<<"$result" || exit 1
done < <(grep '^RESULT' "$tmp")
