#!/bin/bash
# bench_pipeline.sh: the default pipeline (dataset, base, two finetunings, sweep, report) from a built program, alternating with an
# older graftkit's (make bench-pipeline). Asked for in the environment:
#   OLDER   the source tree of the older one, built; none: alone
#   ROUNDS  runs of each; medians are told         CSV     where every figure is noted (record.sh)
set -u
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
CSV=${CSV-} ROUNDS=${ROUNDS:-3}
. tools/bench/peers.sh

# run TREE NAME PEER COMMIT VARIABLE=…: appends what it took to $tmp/NAME.
run() {
    local tree=$1 name=$2 peer=$3 commit=$4 begun took
    shift 4
    rm -rf "${tmp:?}/run"
    begun=$(date +%s.%N)
    # What the outer make exports would be the inner run's too.
    env -i PATH="$PATH" HOME="$HOME" make -C "$tree" report RUN="$tmp/run" "$@" >"$tmp/log" 2>&1 ||
        { echo "bench-pipeline: $tree: $(tail -n 1 "$tmp/log")" >&2; exit 1; }
    took=$(awk "BEGIN { printf \"%.2f\", $(date +%s.%N) - $begun }")
    echo "$took" >>"$tmp/$name"
    [[ ! $CSV ]] || BIN=$tree/build/release COMMIT=$commit tools/bench/record.sh "$CSV" "$peer" "pipeline two finetunings" <<<"RESULT seconds=$took" || exit 1
}

for ((round = 0; round < ROUNDS; round++)); do
    [[ ! $OLDER ]] || run "$OLDER" old "graftkit $older" "$older"
    run "$PWD" new graftkit "" REGIMES=frozen
done
echo "the default pipeline, s: $(paste -sd ' ' "$tmp/new"); median $(median <"$tmp/new")"
[[ ! $OLDER ]] ||
    echo "graftkit $older: $(paste -sd ' ' "$tmp/old"); median $(median <"$tmp/old"): $(awk "BEGIN { printf \"%.2f\", $(median <"$tmp/new") / $(median <"$tmp/old") }") of that"
