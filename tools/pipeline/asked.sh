#!/bin/bash
# asked.sh [FILE]: checks what a run of the pipeline is asked for (the variables of run.mk, in the environment; $DECIDE names those
# that decide it). Without FILE only what needs no program is checked. With it $G, the program, is asked what families, datasets,
# recipes and schemes there are, and what is asked for is noted in FILE, $RUN/asked, $RUN/asked-training or $RUN/asked-schemes,
# where that says otherwise; --check in place of FILE: nothing is noted. A mistake is told in one line, and then nothing is
# changed.
no() {
    echo "$CALLED: $1" >&2
    exit 1
}

# ---------------------------------------------------------------- what can be said without a program

for v in BASE_ROWS RELATION_ROWS TASK_ROWS CHUNK_WORDS; do
    [[ ${!v} =~ ^(0|[1-9][0-9]{0,6})?$ ]] || no "$v='${!v}' must be a number"
done
for v in SEED THREADS; do
    [[ ${!v} =~ ^(0|[1-9][0-9]{0,17})$ ]] || no "$v='${!v}' must be an integer of 0 or more"
done
for v in REVERSE REPLACE KEEP_SHARED_FIRST; do
    [[ -z ${!v} || ${!v} == 1 ]] || no "$v='${!v}' must be 1 or nothing"
done
[[ -z $SOURCE || -e $SOURCE ]] || no "SOURCE='$SOURCE': there is no such file or folder"
[[ $TASK == disjoint || $TASK == reverse ]] || no "TASK='$TASK' must be disjoint (other rows) or reverse (the same rows, target to entity)"
[[ $MODEL || $BASE_ROWS != 0 ]] || no "BASE_ROWS=0 leaves no base corpus: name a model with MODEL=PATH"
[[ -z $MODEL || -z $FAMILY ]] || no "FAMILY='$FAMILY' is for a model from scratch: MODEL='$MODEL' has its own architecture"
[[ -z $VOCAB || -z $MODEL ]] || no "VOCAB='$VOCAB' is for a model from scratch: MODEL='$MODEL' has its own tokenizer"
[[ $MODEL || -z $VOCAB || $VOCAB =~ ^[1-9][0-9]{2,5}$ ]] || no "VOCAB='$VOCAB' must be a number of pieces, 260 or more"
[[ $FREEZE =~ ^[a-z0-9_,@/-]*$ ]] || no "FREEZE='$FREEZE' must be components with commas between them, or none"
[[ $REGIMES =~ ^frozen(,free)?$ ]] || no "REGIMES='$REGIMES' must be frozen, or frozen,free: also finetuned with nothing frozen but final norm and head"
[[ $FREEZES =~ ^([A-Za-z0-9_-]+=[a-z0-9_,@/-]+[[:space:]]*)*$ ]] || no "FREEZES='$FREEZES' must be NAME=COMPONENTS, with commas between them"
[[ $BF16 =~ ^(true|false)?$ ]] || no "BF16='$BF16' must be true or false"
[[ -z $GENERAL || -f $GENERAL ]] || no "GENERAL='$GENERAL': there is no such file"
[[ -z $MIX || -f $MIX ]] || no "MIX='$MIX': there is no such file"
[[ $MIX_RATIO =~ ^0?\.[0-9]{1,3}$ ]] || no "MIX_RATIO='$MIX_RATIO' must be a share like 0.3"
model=()
if [[ -f $MODEL || ( $MODEL == *.gguf && ! -d $MODEL ) ]]; then
    [[ -f $MODEL ]] || no "MODEL='$MODEL': there is no such file"
    model=("$MODEL")
    if [[ $MODEL =~ ^(.*)-[0-9]{5}-of-([0-9]{5})\.gguf$ ]]; then # one part of several: all of them are the model
        model=()
        for ((i = 1; i <= 10#${BASH_REMATCH[2]}; i++)); do
            f=$(printf '%s-%05d-of-%s.gguf' "${BASH_REMATCH[1]}" $i "${BASH_REMATCH[2]}")
            [[ -f $f ]] || no "MODEL='$MODEL': part $i is missing: there is no file '$f'"
            model+=("$f")
        done
    fi
elif [[ $MODEL ]]; then
    shopt -s nullglob
    weights=("$MODEL"/model*.safetensors)
    tokenizer=("$MODEL"/tokenizer.json "$MODEL"/tokenizer.model "$MODEL"/vocab.json)
    for f in "${tokenizer[@]}"; do [[ -f $f ]] && model+=("$f"); done
    [[ -f $MODEL/config.json ]] || no "MODEL='$MODEL' must be a Hugging Face folder or a GGUF file; $MODEL/config.json is missing"
    [[ ${#weights[@]} -gt 0 ]] || no "MODEL='$MODEL' holds no weights: model.safetensors is missing"
    [[ ${#model[@]} -gt 0 ]] || no "MODEL='$MODEL' holds no tokenizer: tokenizer.json or tokenizer.model is missing"
    model+=("$MODEL/config.json" "${weights[@]}")
fi
[[ $SCHEMES =~ [^[:space:]] ]] || no "SCHEMES is empty; name one scheme file or more"
[[ $TASK == reverse || $TASK_ROWS != 0 || ! " $CAST " =~ =(free_)?task[.\ ] ]] ||
    no "CAST='$CAST' has a task model, but TASK_ROWS=0 leaves it no rows: leave it out, or give TASK_ROWS=N or TASK=reverse"
[[ $1 ]] || exit 0

# ---------------------------------------------------------------- what the program has to be asked for

datasets=$("$G" list datasets) && families=$("$G" list families) && home=$("$G" list home) || exit 1
names() { cut -f 1 <<<"$1" | paste -sd ' '; }
dataset=$(awk -F '\t' -v name="$DATASET" '$1 == name' <<<"$datasets")
[[ $dataset ]] || no "DATASET='$DATASET' is no dataset; there is: $(names "$datasets")"
[[ -f $TEMPLATES/eval.jsonl ]] || no "TEMPLATES='$TEMPLATES' must be a folder of templates; $TEMPLATES/eval.jsonl is missing"
case $dataset in
*source=required*) [[ $SOURCE ]] || no "DATASET=$DATASET is made of your own data: name its file with SOURCE=FILE" ;;
*source=none*) [[ -z $SOURCE ]] || no "SOURCE='$SOURCE': DATASET=$DATASET is made of its own lists and takes no source" ;;
esac
[[ $MODEL || ${BASE_ROWS:-0} != 0 || $dataset == *base=own* ]] ||
    no "DATASET=$DATASET needs MODEL=PATH, a model that can read: it has no base corpus (or give BASE_ROWS=N)"
[[ -z $ENTITY$TARGET$REVERSE || $dataset == *fields=named* ]] ||
    no "ENTITY, TARGET and REVERSE are for DATASET=$(names "$(grep fields=named <<<"$datasets")"): $DATASET has its own"
[[ -z $CHUNK_WORDS || $DATASET == *articles ]] ||
    no "CHUNK_WORDS=$CHUNK_WORDS is for DATASET=articles: a text of $DATASET is as long as its template makes it"
[[ $TASK == disjoint || $dataset != *fields=named* || $REVERSE || -f $TEMPLATES/reverse.jsonl ]] ||
    no "TASK=reverse trains on texts from target to entity, and there are none: write $TEMPLATES/reverse.jsonl, or give REVERSE=1"
[[ $MODEL || ( $FAMILY && " $(names "$families") " == *" $FAMILY "* ) ]] ||
    no "FAMILY='$FAMILY' is no family; there are: $(names "$families")"

# The file that the word $3 means, of the kind $2; $1 is the variable that says it. Of auto, all that it may mean.
file_of() {
    local said
    said=$("$G" list "$2" --name "$3" 2>&1) || no "$1${said#graftkit list: }"
    echo "$said"
}
schemes=() recipes=()
for f in $SCHEMES; do
    path=$(file_of 'SCHEMES: ' schemes "$f") || exit 1
    [[ -f $path && -r $path ]] || no "SCHEMES: there is no file '$f' (blanks separate files: a path cannot hold one)"
    schemes+=("$path")
done
[[ " $GOALS " != *" attribute "* ]] || file_of 'ATTRIBUTE: ' parts "$ATTRIBUTE" >/dev/null || exit 1
for f in ${RECIPE:-} $MILD $RECIPES; do
    v=RECIPE && [[ $f == "$RECIPE" || $f != "$MILD" ]] || v=MILD
    paths=$(file_of "$v=" recipes "$f") || exit 1
    for path in $paths; do
        [[ -f $path ]] || no "$v='$f' is no recipe: there is no file '$path'"
        [[ " ${recipes[*]} " == *" $path "* ]] || recipes+=("$path")
    done
done
[[ $1 == --check ]] || for v in RUN OUT; do
    mkdir -p "${!v}" 2>/dev/null && [[ -w ${!v} ]] || no "$v='${!v}' must be a folder that can be made and written to"
done

# What a variable is noted as: what comes along by its name, a dataset's own templates as nothing, and folders without a slash.
note() {
    local value=${!1#"$SHARE"}
    value=${value%/}
    [[ $1 != TEMPLATES || $value != "templates/$DATASET" ]] || value=
    echo "$value"
}
# Nothing is replaced unasked: what is given and is not what the run was asked for is refused, once anything was made for it.
if [[ -s $RUN/asked && -s $RUN/data/card.json && -z $REPLACE ]]; then
    for v in $GIVEN; do
        was=$(grep -m 1 "^$v=" "$RUN/asked") || continue
        [[ ${was%/} != "$v=$(note "$v")" ]] || continue
        command="$CALLED ${GOALS:-report}"
        for g in $GIVEN; do
            [[ ${!g} =~ ^[^[:space:]]+$ ]] && command+=" $g=${!g}" || command+=" $g='${!g}'"
        done
        no "$v='${!v}', but $RUN was made with $v='${was#*=}'; name another RUN, or replace what depends on it: $command REPLACE=1"
    done
fi

[[ $1 != --check ]] || exit 0
# hashes FILE…: what is in them. Times would miss an older file that was moved there, and one that was removed.
hashes() {
    local f
    for f; do
        [[ -f $f ]] || continue
        echo "$(sha256sum <"$f" | head -c 64)  $(f=${f#"$SHARE"} && echo "${f#"$home"/}")"
    done
}

case ${1##*/} in
asked)
    inputs=("${TEMPLATES%/}"/*.json*)
    [[ -z $SOURCE ]] || mapfile -O ${#inputs[@]} -t inputs < <(find -L "${SOURCE%/}" -type f | LC_ALL=C sort)
    text=$(for v in $DECIDE; do echo "$v=$(note "$v")"; done && hashes "${inputs[@]}")
    # Other weights under the old names are another model. Times tell, without reading gigabytes at every call.
    [[ $MODEL ]] && text+=$'\n'$(stat -Lc '%n %s %y' "${model[@]}")
    ;;
asked-training) text=$(hashes "${recipes[@]}" "$GENERAL" "$MIX") ;;
asked-schemes)
    "$G" experiment $(printf -- '--schemes %s ' $SCHEMES) $(printf -- '--cast %s ' $CAST) \
        --templates "$TEMPLATES/eval.jsonl" ${ENTITY:+--entity "$ENTITY"} || exit 1
    # By what is in them; those that were named are remembered, those that are usual stay usual.
    text=$(hashes "${schemes[@]}"
        [[ $SCHEMES == "$USUAL_SCHEMES" ]] || for f in $SCHEMES; do echo "SCHEMES=${f#"$SHARE"}"; done
        [[ $CAST == "$USUAL_CAST" ]] || for c in $CAST; do echo "CAST=$c"; done
        for f in $FREEZES; do echo "FREEZES=$f"; done)
    ;;
esac
cmp -s "$1" <<<"$text" || { echo "$text" >"$1.new" && mv "$1.new" "$1"; }
