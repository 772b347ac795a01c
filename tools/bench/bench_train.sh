#!/bin/bash
# bench_train.sh: training speed beside PyTorch's, alternating in one run (make bench-train). Asked for in the environment:
#   BIN        where bench_train and graftkit are built           PYTHON     one with torch and transformers; none: no peers
#   SHAPES     small, texts, bench_train's shapes, SHAPE:TEXTS     COMPILE    not empty: torch.compile too
#   ROUNDS     runs of each; medians are told                     THREADS    of both sides
#   TOKENIZER  GPT-2's (a folder), for texts                      CSV        where every figure is noted (record.sh)
#   OLDER      the source tree of an older graftkit, built: beside that one too
set -u
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
: >"$tmp/results"
ref=tools/bench FROZEN=embed,lnf,all@1/3
. tools/bench/peers.sh
ROUNDS=${ROUNDS:-3} THREADS=${THREADS:-0}
[[ $THREADS = 0 ]] && THREADS=$(nproc)

no() {
    echo "bench-train: $1" >&2
    exit 1
}

# measure LABEL COMMAND…: shows what it prints and notes its RESULT line. Without graftkit's own figure there is nothing to
# compare; a peer may fail (it may not fit), and is left out.
measure() {
    local label=$1
    shift
    echo "--- $label"
    if "$@" >"$tmp/out" 2>"$tmp/err" && grep -q '^RESULT' "$tmp/out"; then
        grep -v '^RESULT' "$tmp/out"
        echo "$label:$(grep '^RESULT' "$tmp/out" | tail -n 1) " >>"$tmp/results"
        note "$label" <"$tmp/out"
        return
    fi
    [[ $label = *graftkit* ]] && no "$label: $(tail -n 1 "$tmp/err")"
    echo "failed: $(tail -n 1 "$tmp/err")"
}

# note LABEL: the figures of its RESULT line, who was measured and what taken from the label.
note() {
    local peer what=$1 bin=$BIN commit=
    case $1 in
    *" older"*) peer="graftkit $older" what=${1/ older/} bin=$OLDER/build/release commit=$older ;;
    *" graftkit"*) peer=graftkit what=${1/ graftkit/} ;;
    *" torch "*compile) peer=torch.compile what=${1/ torch/} what=${what%[- ]compile} ;;
    *" torch"*) peer=torch what=${1/ torch/} ;;
    "texts Trainer padded to 512") peer="Trainer padded to 512" what="texts batch 4" ;;
    "texts Trainer dynamic, "*) peer="Trainer dynamic" what="texts ${1##*, }" ;;
    esac
    [[ ! ${CSV-} ]] || BIN=$bin COMMIT=$commit THREADS=$THREADS tools/bench/record.sh "$CSV" "$peer" "training $what" || no "CSV=$CSV: not written"
}

# values LABEL NAME: that figure of every run of LABEL, ascending.
values() {
    awk -v label="$1:" 'index($0, label) == 1' "$tmp/results" | sed -n "s/.* $2=\([0-9.]*\) .*/\1/p" | sort -g
}

times() { # how many times B the figure A is, or - without one of them
    [[ $1 && $2 ]] && awk "BEGIN { printf \"%.2f\", $1 / $2 }" || echo -
}

# row OURS THEIRS UNIT: a line of the table: the runs' figures, their median and the best step of all runs, how many times as
# fast graftkit (OURS) is by either. On a shared machine the best steps are the less disturbed comparison.
row() {
    local theirs best
    theirs=$(values "$2" "$3_per_s" | median)
    best=$(values "$2" "best_$3_per_s" | tail -n 1)
    [[ $theirs ]] || return
    echo "| $2 | $(values "$2" "$3_per_s" | paste -sd' ' | sed 's, , / ,g') | $theirs | ${best:--} |" \
        "$(times "$(values "$1" "$3_per_s" | median)" "$theirs") |" \
        "$(times "$(values "$1" "best_$3_per_s" | tail -n 1)" "$best") | $(values "$2" peak_gib | median) |"
}

header() {
    echo
    echo "| | $1/s of each run | median | best step | graftkit is faster by (median) | (best) | peak memory, GiB |"
    echo "|---|---|---|---|---|---|---|"
}

modes() { # the peers' modes of a shape
    echo "fp32 ${COMPILE:+fp32-compile} bf16 ${COMPILE:+bf16-compile}"
}

# SHAPE:N is that of so many texts a step. Of SmolLM2 a step with its lower third and embedding frozen is measured too.
bench_shape() {
    local shape=$1 mode batch=0 options
    if [[ $shape == llama-3.2-1b* ]] && ! awk '/^MemAvailable/ { exit $2 < 24 * 2 ^ 20 }' /proc/meminfo; then
        echo "skip: $shape takes up to 24 GiB, which are not free"
        return
    fi
    [[ $shape != *:* ]] || batch=${shape#*:}
    options=(--shape "${shape%:*}" --batch "$batch" --threads "$THREADS")
    for mode in fp32 bf16; do
        [[ ! $OLDER ]] || measure "$shape older $mode" "$OLDER/build/release/bench_train" "${options[@]}" --mode $mode
        measure "$shape graftkit $mode" "$BIN/bench_train" "${options[@]}" --mode $mode
        [[ $shape != smollm2-135m ]] ||
            measure "$shape graftkit frozen $mode" "$BIN/bench_train" "${options[@]}" --mode $mode --freeze "$FROZEN"
    done
    [[ $PYTHON ]] || return
    for mode in $(modes); do
        measure "$shape torch $mode" "$PYTHON" $ref/bench_step_torch.py "${options[@]}" --mode "$mode"
    done
}

table_shape() {
    local shape=$1 mode
    header tokens
    row "" "$shape graftkit fp32" tokens
    row "" "$shape graftkit bf16" tokens
    for mode in fp32 bf16; do
        row "$shape graftkit $mode" "$shape older $mode" tokens
        row "$shape graftkit $mode" "$shape graftkit frozen $mode" tokens
    done
    for mode in $(modes); do
        row "$shape graftkit ${mode%-compile}" "$shape torch $mode" tokens
    done
}

bench_small() {
    [[ ! $OLDER ]] || measure "small older" "$OLDER/build/release/bench_train" --threads "$THREADS"
    measure "small graftkit" "$BIN/bench_train" --write "$tmp/batches.txt" --threads "$THREADS"
    [[ $PYTHON ]] || return
    measure "small torch" "$PYTHON" $ref/bench_train_torch.py "$tmp/batches.txt" --threads "$THREADS"
    [[ $COMPILE ]] && measure "small torch compile" "$PYTHON" $ref/bench_train_torch.py "$tmp/batches.txt" --compile --threads "$THREADS"
}

table_small() {
    local family what
    for family in llama gpt2; do
        header "$family tokens"
        row "" "small graftkit" ${family}_tokens
        for what in "small older" "small torch" "small torch compile"; do
            row "small graftkit" "$what" ${family}_tokens
        done
    done
}

bench_texts() {
    local files=("$tmp/fmfa/relation/A2B.jsonl" "$tmp/fmfa/relation/B2A.jsonl") batch
    "$BIN/graftkit" dataset --out "$tmp/fmfa" >/dev/null || exit 1
    for batch in 4 16; do
        measure "texts graftkit batch $batch" "$BIN/bench_train" --shape gpt2-124m --tokenizer "$TOKENIZER" --batch $batch \
            --threads "$THREADS" --texts "${files[0]}" --texts "${files[1]}" --steps 20
    done
    [[ $PYTHON ]] || return
    local trainer=("$PYTHON" $ref/bench_texts_torch.py "${files[@]}" --tokenizer "$TOKENIZER" --threads "$THREADS")
    measure "texts Trainer padded to 512" "${trainer[@]}" --way padded --batch 4 --steps 5 --warmup 1
    measure "texts Trainer dynamic, batch 8" "${trainer[@]}" --way dynamic --batch 8
    measure "texts Trainer dynamic, batch 16" "${trainer[@]}" --way dynamic --batch 16
}

table_texts() {
    header texts
    row "" "texts graftkit batch 4" texts
    row "" "texts graftkit batch 16" texts
    row "texts graftkit batch 4" "texts Trainer padded to 512" texts
    row "texts graftkit batch 16" "texts Trainer dynamic, batch 8" texts
    row "texts graftkit batch 16" "texts Trainer dynamic, batch 16" texts
}

SHAPES=${SHAPES:-gpt2-124m} PYTHON=${PYTHON-} COMPILE=${COMPILE-}
for shape in $SHAPES; do
    case $shape in
    small | gpt2-124m | smollm2-135m | llama-3.2-1b | gpt2-124m:[1-9]* | smollm2-135m:[1-9]* | llama-3.2-1b:[1-9]*) ;;
    texts) [[ ${TOKENIZER-} ]] || no "SHAPES=texts needs TOKENIZER=DIR, a folder with GPT-2's tokenizer" ;;
    *) no "SHAPES: '$shape' is none of small texts gpt2-124m smollm2-135m llama-3.2-1b, nor one of these shapes with :N texts" ;;
    esac
done
if [[ $PYTHON ]]; then
    "$PYTHON" -c 'import torch, transformers' 2>"$tmp/err" || no "PYTHON=$PYTHON: $(tail -n 1 "$tmp/err")"
fi
for shape in $SHAPES; do
    for ((round = 1; round <= ROUNDS; round++)); do
        echo "=== $shape, round $round of $ROUNDS, $THREADS threads"
        case $shape in
        small | texts) bench_$shape ;;
        *) bench_shape "$shape" ;;
        esac
    done
    case $shape in
    small | texts) table_$shape ;;
    *) table_shape "$shape" ;;
    esac
done
echo
cat "$tmp/results"
