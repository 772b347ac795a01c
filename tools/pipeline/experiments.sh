#!/bin/bash
# experiments.sh NAME… | --all: runs experiments of experiments/ in $RUN, for run.mk (whose variables are in the
# environment). All are checked before the first begins. Each is a sweep and a report of its own in $RUN/experiments/NAME;
# the models are the run's, trained once. --all: every one of $PAPER that applies, then $RUN/paper.html. Where NAME_pretrained
# comes along it stands in for NAME with MODEL=. With $SEEDS or $FAMILIES all this is done in a run for each, $RUN/FAMILY-SEED,
# which then stand on one page, $RUN/compare.html. $REGIME=free: the same of the models that were finetuned freely, in
# $RUN-free. --check NAME… or --check --all: says what is wrong, and no more.
no() {
    echo "${CALLED:-make}: $1" >&2
    exit 1
}
base=${MODEL:-$RUN/base}
# What the outer make exports would be asked of each inner one.
[[ " $GIVEN " == *" ATTRIBUTE "* ]] || unset ATTRIBUTE
[[ ${MAKEFLAGS%% *} != *n* || ${MAKEFLAGS%% *} == *=* ]] || { echo "$0 $*" && exit; } # make -n
check= all= out=${RUN%/}${REGIME:+-$REGIME}
[[ $1 != --check ]] || { check=yes && shift; }
names=("$@")
[[ -z $REGIME || $REGIME == free ]] || no "REGIME='$REGIME' must be free, or nothing: as the recipe freezes"
[[ $out == "${RUN%/}" || ! -e $out/asked ]] || no "REGIME=$REGIME puts its results in $out, which is a run of its own: name another RUN"
there=$("$G" list experiments | cut -f 1 | paste -sd ' ')
usual=$("$G" list experiments | awk -F '\t' '$3 == "" { print $1 }' | paste -sd ' ')
[[ $1 != --all ]] || { all=yes && read -ra names <<<"${PAPER-$usual}"; }
[[ ${#names[@]} -gt 0 ]] || no "NAME is empty; there is: $there"
for i in "${!names[@]}"; do
    [[ -z $MODEL || " $there " != *" ${names[i]}_pretrained "* ]] || names[i]+=_pretrained
done

recipes=()
for f in $RECIPE $MILD; do # whether there is such a recipe is asked.sh's to say
    for path in $("$G" list recipes --name "$f" 2>/dev/null); do
        [[ ! -f $path ]] || recipes+=(--recipe "$path")
    done
done

# What each needs.
declare -A title about dataset cast freezes schemes lacks models
for n in "${names[@]}"; do
    [[ " $there " == *" $n "* ]] || no "NAME: '$n' is no experiment; there is: $there"
    needs=$("$G" experiment --file "$n" --templates "$TEMPLATES/eval.jsonl" ${ENTITY:+--entity "$ENTITY"} "${recipes[@]}" \
        ${KINDS:+$(printf -- '--kind %s ' $KINDS)}) ||
        exit 1
    while IFS=$'\t' read -r key value; do
        case $key in
        title) title[$n]=$value ;;
        about) about[$n]=$value ;;
        unfit) lacks[$n]=$value ;;
        dataset) dataset[$n]=$value ;;
        model) cast[$n]+="${cast[$n]:+ }$value" ;;
        freeze) freezes[$n]+="${freezes[$n]:+ }$value" ;;
        schemes)
            [[ $value != graft/schemes/* ]] || value=$SHARE$value
            schemes[$n]+="${schemes[$n]:+ }$value" ;;
        esac
    done <<<"$needs"
    # Of the other regime, the models that have no freeze of their own are those that were left free.
    models[$n]=${cast[$n]}
    if [[ $REGIME ]]; then
        [[ ! " ${cast[$n]}" =~ =free ]] || no "REGIME=$REGIME: the experiment '$n' is of free models already"
        models[$n]=$(sed -E 's/=relation( |$)/=free\1/g; s/=task( |$)/=free_task\1/g; s/=(mild|forward|reverse)( |$)/=\1.free\2/g' <<<"${cast[$n]}")
        [[ ! ${models[$n]} =~ \.free ]] || freezes[$n]+="${freezes[$n]:+ }free=lnf,own_head"
    fi
    # Articles of one's own take the place of invented ones.
    [[ ${dataset[$n]} != invented_articles || -z $ARTICLES && ! -s $RUN/articles/asked ]] || dataset[$n]=articles
done

[[ -z $check ]] || exit 0
run() { "$MAKE" -f "$MAKEFILE" --no-print-directory "$@" || exit $?; }
# CHUNK_WORDS is for articles, which may be an experiment's dataset and not the run's.
words=()
[[ $DATASET == *articles ]] || words=(CHUNK_WORDS=)
if [[ $SEEDS$FAMILIES ]]; then
    [[ -z $MODEL || -z $FAMILIES ]] || no "FAMILIES='$FAMILIES' are for models from scratch: MODEL='$MODEL' has its own architecture"
    known=$("$G" list families | paste -sd ' ')
    for f in $FAMILIES; do
        [[ " $known " == *" $f "* ]] || no "FAMILIES: '$f' is no family; there are: $known"
    done
    for s in $SEEDS; do
        [[ $s =~ ^(0|[1-9][0-9]{0,17})$ ]] || no "SEEDS: '$s' must be an integer of 0 or more"
    done
    # What is not given is as each run was asked for, not as this one would be.
    family=${FAMILY:-model} seed=$SEED
    for v in $DECIDE SCHEMES CAST FREEZES; do
        [[ " $GIVEN " == *" $v "* ]] || unset "$v"
    done
    runs=()
    for f in ${FAMILIES:-$family}; do
        for s in ${SEEDS:-$seed}; do
            runs+=("$RUN/$f-$s${REGIME:+-$REGIME}")
            echo "run ${runs[-1]}"
            [[ $MODEL ]] || ask=(FAMILY="$f")
            run $([[ $all ]] && echo paper || echo experiment) RUN="$RUN/$f-$s" SEED="$s" SEEDS= FAMILIES= "${ask[@]}"
        done
    done
    "$G" compare $(printf -- '--run %s ' "${runs[@]}") $(printf -- '--experiment %s ' "${names[@]}") \
        --out "$RUN/compare.html" --csv "$RUN/compare.csv" --seeds-csv "$RUN/compare-seeds.csv" || exit $?
    exit
fi

# Why an experiment does not apply to this run; nothing where it does. Known once the dataset is there.
unfit() {
    [[ ${dataset[$1]} != *articles || $DATASET != *articles ]] || echo "the run's dataset is its own"
    [[ -z ${lacks[$1]} ]] || echo "${lacks[$1]}"
    [[ -z ${dataset[$1]} ]] || return
    for c in ${cast[$1]}; do
        case $c in
        *=forward) [[ -s $RUN/data/relation/A2B.jsonl ]] || echo "there are no texts from entity to target" ;;
        *=reverse) [[ -s $RUN/data/relation/B2A.jsonl ]] || echo "there are no texts from target to entity" ;;
        *=task | *=task.* | *=free_task) [[ $TASK == reverse || -s $RUN/data/task/metadata.jsonl ]] || echo "there are no rows for a task model" ;;
        esac
    done
}

# train NAME: an experiment of many models says which one it is at, and how long the others will take.
train() {
    local c left=() done=0 begun=$SECONDS
    for c in ${models[$1]}; do
        [[ $c == *=base || -e $RUN/${c#*=}/train.json ]] || left+=("${c#*=}")
    done
    [[ ${#left[@]} -gt 2 && -z ${dataset[$1]} ]] || return 0
    [[ $MODEL ]] || run base "${ask[@]}"
    begun=$SECONDS
    for c in "${left[@]}"; do
        echo "$1: model $((done + 1)) of ${#left[@]}, $c$([[ $done == 0 ]] ||
            echo ", about $(((SECONDS - begun) * (${#left[@]} - done) / done / 60 + 1)) min left")"
        run "$RUN/$c/train.json" "${ask[@]}"
        ((++done))
    done
}

run dataset "${words[@]}"
todo=() left=()
for n in "${names[@]}"; do
    why=$(unfit "$n" | head -n 1)
    if [[ -z $why ]]; then
        todo+=("$n")
    elif [[ $all ]]; then
        left+=("$n: $why")
    else
        no "NAME=$n does not apply: $why"
    fi
done
for n in "${todo[@]}"; do
    export TITLE=${title[$n]} ABOUT=${about[$n]}
    ask=(OUT="$out/experiments/$n" CAST="${models[$n]}" FREEZES="${freezes[$n]}" SCHEMES="${schemes[$n]}")
    if [[ ${dataset[$n]} ]]; then
        # Facts of another kind: rows, texts and models of their own, on the same base.
        [[ $MODEL ]] || run base "${words[@]}"
        was() { sed -n "s/^$1=//p" "$RUN/${dataset[$n]}/asked" 2>/dev/null; } # as it was asked for
        [[ $ARTICLES || ${dataset[$n]} != articles ]] || ARTICLES=$(was SOURCE)
        ask+=(RUN="$RUN/${dataset[$n]}" MODEL="$base" DATASET="${dataset[$n]}" TEMPLATES= SOURCE="$ARTICLES"
            BASE_ROWS= RELATION_ROWS= TASK_ROWS= TASK=disjoint ENTITY= TARGET= REVERSE= FAMILY= VOCAB=)
        # A from-scratch model has 128 positions, whichever run it is of.
        positions=$(grep -sEo '"(max_position_embeddings|n_positions)": *[0-9]+' "$base/config.json" | grep -Eo '[0-9]+$')
        if [[ ${dataset[$n]} != *articles ]]; then
            ask+=(CHUNK_WORDS=)
        else
            chunk=${CHUNK_WORDS:-$(was CHUNK_WORDS)}
            [[ ${positions:-1024} -gt 128 ]] || chunk=${chunk:-40}
            ask+=(CHUNK_WORDS="$chunk")
        fi
    else
        ask+=("${words[@]}")
    fi
    train "$n"
    run report "${ask[@]}"
done
if [[ $all ]]; then
    "$G" compare --run "$out" $(printf -- '--experiment %s ' "${todo[@]}") --title "Dynamic weight grafting: the experiments of ${out##*/}" \
        --out "$out/paper.html" --csv "$out/paper.csv" || exit $?
    for l in "${left[@]}"; do echo "left out: $l"; done
    echo "open $out/paper.html"
fi
