#!/bin/bash
# bench_sweep.sh: what a graft sweep costs, and what the same cells cost in PyTorch (make bench-sweep). Asked for in the environment:
#   BIN      where graftkit and bench_sweep are built              PYTHON   one with torch and transformers; none: no peers
#   GGUF     SmolLM2-135M as a GGUF file; none: its shape with random weights
#   PARTS    what is measured: gpt2 smollm2 bf16 generate grid export curve derived
#   OLDER    the source tree of an older graftkit, built: beside that one too, with its position schemes
#   ROUNDS   runs of either, alternating; medians are told         THREADS  of both sides
#   PROMPTS  prompts of gpt2 and smollm2 (a multiple of 4)         CELLS    of a sweep that PyTorch's "select" computes; LOOP: "loop"
#   CSV      where every figure is noted (record.sh)
set -u
cd "$(dirname "$0")/../.." || exit 1
PYTHON=${PYTHON-} GGUF=${GGUF-} CSV=${CSV-}
PARTS=${PARTS:-gpt2 smollm2 bf16 generate grid export curve derived} ROUNDS=${ROUNDS:-3} PROMPTS=${PROMPTS:-200} CELLS=${CELLS:-400} LOOP=${LOOP:-3} THREADS=${THREADS:-2}
CURVE_PROMPTS=${CURVE_PROMPTS:-40} GRID_PROMPTS=${GRID_PROMPTS:-32} EXPORT_PROMPTS=${EXPORT_PROMPTS:-20000}
[[ $THREADS = 0 ]] && THREADS=$(nproc)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
templates=templates/fake_movies_fake_actors
G=$BIN/graftkit position=graft/schemes/position.yaml
. tools/bench/peers.sh
[[ ! $OLDER ]] || position=$OLDER/graft/schemes/position.yaml

no() {
    echo "bench-sweep: $1" >&2
    exit 1
}

# One record a scheme of the YAML files given, for concatenation below a `schemes:` line.
records() {
    awk '/^  - name:/ { n++ } n && FNR > 1 && !/^(set|about|schemes):/ && !/^#/ { r[n] = r[n] $0 "\n" }
         END { for (i = 1; i <= n; i++) printf "%s%c", r[i], 0 }' "$@"
}

component_sets() {
    printf '%s\n' "ATTN+FFN [attn, ffn]" "ATTN attn" "O o" "FFN ffn" "O+FFN [o, ffn]" "O+up [o, up]" "O+down [o, down]" "QKV qkv"
}

# The first entity whole, and 8 component sets at the last token in every quarter of the layers.
quarters() {
    local quarter name components
    printf 'set: quarters\nschemes:\n'
    for quarter in 1 2 3 4; do
        while read -r name components; do
            printf '  - name: "FE | %s | %s/4"\n    grafts:\n      - {at: first_actor, donor: sft}\n' "$name" $quarter
            printf '      - {at: last, donor: sft, components: %s, layers: %s/4}\n' "$components" $quarter
        done < <(component_sets)
    done
}

# Every layer x 9 component sets, at the last token only.
grid() {
    cat <<'EOG'
set: grid
schemes:
  - name: LT, $what of layer $layer
    grid:
      layer: each
      what: [{name: ATTN+FFN, value: [attn, ffn]}, attn, o, ffn, {name: O+FFN, value: [o, ffn]}, {name: O+up, value: [o, up]},
             {name: O+down, value: [o, down]}, qkv, v]
    grafts: [{at: last, donor: sft, components: $what, layers: $layer}]
EOG
}

# sweep MODEL PROMPTS SCHEMES…: runs it anew, with what is in `with` besides; what it says goes to $tmp/log, its store is
# $tmp/results.db. $took: the seconds of the whole command.
with=() out=(--out "$tmp/results.db" --restart)
sweep() {
    local model=$1 prompts=$2 files=() f begun
    shift 2
    for f in "$@"; do files+=(--schemes "$f"); done
    begun=$(date +%s.%N)
    "$G" sweep --recipient pre="$(recipient "$model")" --donor sft="$tmp/$model/sft" "${files[@]}" --templates $templates/eval.jsonl \
        --fillers $templates/fillers.json --rows "$tmp/data/relation/metadata.jsonl" --limit $((prompts / 4)) \
        ${with[@]+"${with[@]}"} --threads "$THREADS" ${out[@]+"${out[@]}"} >"$tmp/out" 2>"$tmp/log" || no "$(tail -n 1 "$tmp/log")"
    took=$(calc %.2f "$(date +%s.%N) - $begun")
}
older() { # COMMAND…: with the older graftkit
    local G=$OLDER/build/release/graftkit
    "$@"
}
median_of() { # FIGURE…
    printf '%s\n' "$@" | median
}
# beside WHAT: what $all, whole commands of this graftkit in seconds, and $old, of the older one, come to.
beside() {
    [[ $older ]] || return 0
    echo "$1: ${all[*]} s; graftkit $older: ${old[*]} s; $(calc %.2f "$(median_of "${old[@]}") / $(median_of "${all[@]}")") times as fast"
}

recipient() {
    [[ $1 = smollm2 && $GGUF ]] && echo "$GGUF" || echo "$tmp/$1/pre"
}

# note PEER WHAT NAME=FIGURE…: shown at the end, and in CSV.
note() {
    local peer=$1 what=$2
    shift 2
    local bin=$BIN commit=
    [[ ! $older || $peer != "graftkit $older" ]] || bin=$OLDER/build/release commit=$older
    echo "$what, $peer: RESULT $*" >>"$tmp/results"
    [[ ! $CSV ]] || BIN=$bin COMMIT=$commit THREADS=$THREADS tools/bench/record.sh "$CSV" "$peer" "sweep $what" <<<"RESULT $*" || no "CSV=$CSV: not written"
}

# field NAME: a figure of the log's line about what was computed: rows (unique, of naive), seconds, rate.
field() {
    local line
    line=$(grep '^computed:' "$tmp/log" | tail -n 1)
    case $1 in
    seconds) sed -n 's/.* in \([0-9.]*\) s, .*/\1/p' <<<"$line" ;;
    share) sed -n 's/.*(\([0-9.]*\)%).*/\1/p' <<<"$line" ;;
    cells) grep -o '[0-9]*/[0-9]* cells' "$tmp/log" | tail -n 1 | sed 's,.*/\([0-9]*\) cells,\1,' ;;
    esac
}

calc() {
    awk "BEGIN { printf \"$1\", $2 }"
}

models() { # makes $tmp/MODEL/pre and sft, with a tokenizer
    local model=$1 m
    [[ -d $tmp/$model ]] && return
    case $model in
    gpt2) "$BIN/bench_sweep" --write "$tmp/$model" --shape gpt2-124m || exit 1 ;;
    smollm2)
        if [[ $GGUF ]]; then
            "$BIN/bench_sweep" --write "$tmp/$model" --from "$GGUF" || exit 1
            return
        fi
        "$BIN/bench_sweep" --write "$tmp/$model" --shape smollm2-135m || exit 1
        ;;
    esac
    for m in pre sft; do cp "$tmp/tok/"* "$tmp/$model/$m/"; done
}

# peer MODEL WAY COUNT CELLS OURS: the peer's time a cell, for all cells.
peer() {
    local a_cell result
    "$PYTHON" tools/bench/bench_sweep_torch.py --cells "$tmp/cells.jsonl" --recipient "$tmp/$1/pre" --donor "$tmp/$1/sft" \
        --way "$2" --count "$3" --threads "$THREADS" --results "$tmp/results.csv" >"$tmp/peer" 2>"$tmp/peer.err" ||
        { echo "$2 failed: $(tail -n 1 "$tmp/peer.err")"; return; }
    grep -v '^RESULT' "$tmp/peer"
    result=$(grep '^RESULT' "$tmp/peer")
    a_cell=$(sed -n 's/.*seconds_a_cell=\([0-9.]*\).*/\1/p' <<<"$result")
    echo "$1 torch $2: all $4 cells would take $(calc %.0f "$a_cell * $4") s; graftkit is $(calc %.0f "$a_cell * $4 / $5") times as fast"
    note "torch $2" "$1" "${result#RESULT }"
}

# rounds MODEL WHAT PROMPTS SCHEMES…: a sweep by either graftkit, $ROUNDS times; $took becomes the median.
rounds() {
    local model=$1 what=$2 all=() old=() round
    shift 2
    for ((round = 0; round < ROUNDS; round++)); do
        if [[ $older ]]; then
            older sweep "$model" "$@"
            note "graftkit $older" "$what" "seconds=$took engine_seconds=$(field seconds)"
            old+=("$took")
        fi
        sweep "$model" "$@"
        note graftkit "$what" "seconds=$took engine_seconds=$(field seconds) unique_percent=$(field share)"
        all+=("$took")
    done
    grep -E '^(estimate|computed):' "$tmp/log"
    beside "$what"
    took=$(median_of "${all[@]}")
}

whole_sweep() {
    local model=$1 took
    echo "=== $model: position schemes, 8 component schemes x 4 quarters; $PROMPTS prompts, $THREADS threads"
    models "$model"
    quarters >"$tmp/quarters.yaml"
    rounds "$model" "$model" "$PROMPTS" "$position" "$tmp/quarters.yaml"
    echo "graftkit: $(field cells) cells in $took s, the whole command (opening and hashing the models, estimate, store)"
    note graftkit "$model" "cells=$(field cells) seconds_a_cell=$(calc %.6f "$took / $(field cells)")"
    [[ $PYTHON ]] || return
    "$G" export --db "$tmp/results.db" --results "$tmp/results.csv" || exit 1
    "$BIN/bench_sweep" --cells "$tmp/cells.jsonl" --recipient "$(recipient "$model")" --schemes "$position" \
        --schemes "$tmp/quarters.yaml" --templates $templates/eval.jsonl --fillers $templates/fillers.json \
        --rows "$tmp/data/relation/metadata.jsonl" --limit $((PROMPTS / 4)) || exit 1
    peer "$model" select "$CELLS" "$(field cells)" "$took"
    peer "$model" loop "$LOOP" "$(field cells)" "$took"
}

# The older one has no bf16: what it takes in fp32 is in the part smollm2.
in_bf16() {
    local older= took
    echo "=== smollm2: the same sweep with operands in bf16"
    models smollm2
    quarters >"$tmp/quarters.yaml"
    with=(--bf16 true)
    rounds smollm2 "smollm2 bf16" "$PROMPTS" "$position" "$tmp/quarters.yaml"
    with=(--check-bf16 1000)
    local out=(--out "$tmp/none.db")
    sweep smollm2 "$PROMPTS" "$position" "$tmp/quarters.yaml"
    with=()
    cat "$tmp/out"
}

generation() {
    local scored took
    echo "=== smollm2: position schemes with whole targets, without and with 8 generated tokens"
    models smollm2
    with=(--whole-target)
    rounds smollm2 "smollm2 position" "$PROMPTS" "$position"
    scored=$took
    with=(--whole-target --generate 8)
    rounds smollm2 "smollm2 position generate 8" "$PROMPTS" "$position"
    with=()
    echo "with 8 generated tokens: $took s, $(calc %.2f "$took / $scored") times as long as without"
}

# 1, 2, 4, … all schemes in an order that was drawn once.
curve() {
    local n all=() seconds first
    echo "=== gpt2: cost against the number of schemes; $CURVE_PROMPTS prompts"
    models gpt2
    quarters >"$tmp/quarters.yaml"
    mapfile -d '' -t all < <(records "$position" "$tmp/quarters.yaml" | shuf -z --random-source=LICENSE)
    echo "| schemes | cells | engine, s | rows, % of one pass a cell | s a cell | one scheme's cost times |"
    echo "|---|---|---|---|---|---|"
    for ((n = 1; ; n = 2 * n < ${#all[@]} ? 2 * n : ${#all[@]})); do
        { printf 'set: curve\nschemes:\n'; printf '%s' "${all[@]:0:n}"; } >"$tmp/curve.yaml"
        sweep gpt2 "$CURVE_PROMPTS" "$tmp/curve.yaml"
        seconds=$(field seconds) first=${first:-$(calc %.6f "$(field seconds) / $(field cells)")}
        echo "| $n | $(field cells) | $seconds | $(field share) | $(calc %.4f "$seconds / $(field cells)") |" \
            "$(calc %.1f "$seconds / ($first * $CURVE_PROMPTS)") |"
        note graftkit "gpt2 $CURVE_PROMPTS prompts $n schemes" "seconds=$seconds"
        ((n == ${#all[@]})) && break
    done
}

grid_of_layers() {
    local plain=() cells alone took
    echo "=== smollm2: grid of every layer x 9 component sets at the last token; $GRID_PROMPTS prompts"
    models smollm2
    printf 'set: plain\nschemes:\n  - name: PRE\n' >"$tmp/plain.yaml"
    grid >"$tmp/grid.yaml"
    sweep smollm2 "$GRID_PROMPTS" "$tmp/plain.yaml"
    plain+=("$(field seconds)")
    rounds smollm2 "smollm2 layers x 9 sets whole command" "$GRID_PROMPTS" "$tmp/grid.yaml"
    cells=$(field seconds)
    sweep smollm2 "$GRID_PROMPTS" "$tmp/plain.yaml"
    plain+=("$(field seconds)")
    plain=$(median_of "${plain[@]}")
    alone=$("$BIN/bench_sweep" --alone --recipient "$(recipient smollm2)" --templates $templates/eval.jsonl --threads "$THREADS" \
        --fillers $templates/fillers.json --rows "$tmp/data/relation/metadata.jsonl" --limit $((GRID_PROMPTS / 4))) || exit 1
    alone=$(sed -n 's/.*alone_seconds=\([0-9.]*\).*/\1/p' <<<"$alone")
    echo "the grid: $cells s; the model's own forward pass of the prompts, in which nothing is shared: $alone s, $(calc %.1f "$cells / $alone") of these;" \
        "the engine's, which shares the prompts' common beginnings ($(field share)% of the rows): $plain s, $(calc %.1f "$cells / $plain") of these"
    note graftkit "smollm2 layers x 9 sets" "seconds=$cells alone_seconds=$alone grid_of_forwards=$(calc %.2f "$cells / $alone")" \
        "grid_of_shared=$(calc %.2f "$cells / $plain")"
}

# Statistics of many prompts: two small models of random weights, the position and component schemes, the rows there are so often
# that there are 20,000 prompts, each time with another title.
statistics() {
    local m files=() f began
    echo "=== export: the statistics of $EXPORT_PROMPTS prompts"
    for m in 1 2; do
        "$G" base --tokenizer "$tmp/tok" --texts "$tmp/data/base/texts.jsonl" --steps 1 --warmup 0 --seed $m --layers 1 --out "$tmp/tiny/$m" \
            >/dev/null 2>"$tmp/log" || no "$(tail -n 1 "$tmp/log")"
    done
    awk -v most=$((EXPORT_PROMPTS / 4)) '{ line[NR] = $0 }
        END { for (i = 0; i < most; i++) { s = line[i % NR + 1]; sub(/"id":[0-9]*/, "\"id\":" i, s); sub(/"movie_title":"/, "&" i " ", s); print s } }' \
        "$tmp/data/relation/metadata.jsonl" >"$tmp/many.jsonl"
    for f in "$position" graft/schemes/component_after_entity.yaml; do files+=(--schemes "$f"); done
    "$G" sweep --recipient pre="$tmp/tiny/1" --donor sft="$tmp/tiny/2" "${files[@]}" --templates $templates/eval.jsonl \
        --fillers $templates/fillers.json --rows "$tmp/many.jsonl" --threads "$THREADS" --out "$tmp/many.db" >"$tmp/out" 2>"$tmp/log" ||
        no "$(tail -n 1 "$tmp/log")"
    grep -E '^computed:' "$tmp/log"
    began=$(date +%s.%N)
    "$G" export --db "$tmp/many.db" --summary "$tmp/many.json" >"$tmp/out" 2>"$tmp/log" || no "$(tail -n 1 "$tmp/log")"
    note graftkit "export $EXPORT_PROMPTS prompts" "seconds=$(calc %.2f "$(date +%s.%N) - $began")"
}

# One model at all positions: the recipient, the donor's checkpoint, and donors that are derived from it.
derived() {
    local seconds pre how
    echo "=== gpt2: what a derived donor costs, at every position of $PROMPTS prompts"
    models gpt2
    with=(--svd "$tmp/svd" --derive rank8=sft:rank=8 --derive rank64=sft:rank=64 --derive top=sft:top=0.01 --derive alpha=sft:alpha=1.5)
    echo "| model | engine, s | times the recipient |"
    echo "|---|---|---|"
    for how in first pre sft rank8 rank64 top alpha; do # the first reads the models and computes what is kept
        { printf 'set: one\nschemes:\n  - name: ONE\n'
          case $how in first | pre) ;; *) printf '    grafts: [{at: all, donor: %s}]\n' $how ;; esac; } >"$tmp/one.yaml"
        sweep gpt2 "$PROMPTS" "$tmp/one.yaml"
        seconds=$(field seconds)
        case $how in first) continue ;; pre) pre=$seconds ;; esac
        echo "| $how | $seconds | $(calc %.2f "$seconds / $pre") |"
        note graftkit "gpt2 one model everywhere $how" "seconds=$seconds times=$(calc %.3f "$seconds / $pre")"
    done
    with=()
}

for part in $PARTS; do
    case $part in
    gpt2 | smollm2 | bf16 | generate | grid | export | curve | derived) ;;
    *) no "PARTS: '$part' is none of gpt2 smollm2 bf16 generate grid export curve derived" ;;
    esac
done
[[ ! $GGUF || -f $GGUF ]] || no "GGUF=$GGUF: no such file"
if [[ $PYTHON ]]; then
    "$PYTHON" -c 'import torch, transformers' 2>"$tmp/err" || no "PYTHON=$PYTHON: $(tail -n 1 "$tmp/err")"
fi
"$G" info | head -n 8
"$G" dataset --out "$tmp/data" --seed 1 >/dev/null 2>"$tmp/log" || no "$(tail -n 1 "$tmp/log")"
"$G" tokenizer --texts "$tmp/data/tokenizer.jsonl" --vocab 2000 --out "$tmp/tok" >/dev/null 2>"$tmp/log" || no "$(tail -n 1 "$tmp/log")"
: >"$tmp/results"
for part in $PARTS; do
    case $part in
    gpt2 | smollm2) whole_sweep "$part" ;;
    bf16) in_bf16 ;;
    generate) generation ;;
    export) statistics ;;
    curve) curve ;;
    grid) grid_of_layers ;;
    derived) derived ;;
    esac
done
echo
cat "$tmp/results"
