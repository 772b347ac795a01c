#!/bin/bash
# asked.sh FILE: checks what a run of the pipeline is asked for (the Makefile's variables, in the environment) and notes it in
# FILE, $RUN/asked or $RUN/asked-schemes, where that says otherwise. A mistake is told in one line, and then nothing is changed.
no() {
    echo "make: $1" >&2
    exit 1
}

[[ $DATASET != */* && -f templates/$DATASET/eval.jsonl ]] ||
    no "DATASET='$DATASET' is no dataset; there is: $(echo $(ls templates))"
families="llama gpt2 gpt_neox gemma gemma2 qwen2 olmo2"
[[ $FAMILY && " $families " == *" $FAMILY "* ]] || no "FAMILY='$FAMILY' is no family; there are: $families"
[[ $FREEZE =~ ^[a-z0-9_,@/-]*$ ]] || no "FREEZE='$FREEZE' must be components with commas between them, or none"
for v in SEED THREADS; do
    [[ ${!v} =~ ^(0|[1-9][0-9]{0,17})$ ]] || no "$v='${!v}' must be an integer of 0 or more"
done
model=()
if [[ -f $MODEL || ( $MODEL == *.gguf && ! -d $MODEL ) ]]; then
    [[ -f $MODEL ]] || no "MODEL='$MODEL': there is no such file"
    model=("$MODEL")
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
for f in $SCHEMES; do
    [[ -f $f && -r $f ]] || no "SCHEMES: there is no file '$f' (blanks separate files: a path cannot hold one)"
done
mkdir -p "$RUN" 2>/dev/null && [[ -w $RUN ]] || no "RUN='$RUN' must be a folder that can be made and written to"

case ${1##*/} in
asked)
    text=$(printf '%s\n' "family=$FAMILY" "model=$MODEL" "dataset=$DATASET" "seed=$SEED" "freeze=$FREEZE")
    # Other weights under the old names are another model. Times tell, without reading gigabytes at every call.
    [[ $MODEL ]] && text+=$'\n'$(stat -Lc '%n %s %y' "${model[@]}")
    ;;
asked-schemes)
    text=$(sha256sum $SCHEMES)
    ;;
esac
cmp -s "$1" <<<"$text" || echo "$text" >"$1"
