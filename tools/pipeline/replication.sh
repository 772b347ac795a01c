#!/bin/bash
# replication.sh: the replication, for run.mk (whose variables are in the environment): models from scratch, $FAMILIES × $SEEDS, or
# $MODEL on $DATASETS (× $SEEDS), each in both regimes (finetuned as the recipe freezes, and freely) with the experiments
# of the paper. A run is a folder of $RUN/replication, the results of the free regime a second one beside it; it is made by
# `make paper`, which goes on where it stopped. Then all of them stand on one page, and small CSV files of it go to $TABLES.
# All is checked before the first run begins. With $DRY or `make -n` it only says what runs there are and how far they are.
no() {
    echo "$CALLED: $1" >&2
    exit 1
}
said_n= && [[ ${MAKEFLAGS%% *} != *n* || ${MAKEFLAGS%% *} == *=* ]] || said_n=1
dry=$DRY$said_n
[[ -z $DRY || $DRY == 1 ]] || no "DRY='$DRY' must be 1 or nothing"
if [[ $dry && ! -x $G ]]; then
    echo "$CALLED: $G is not built yet, which knows what there is to do; run make"
    exit
fi
unset DRY

# ---------------------------------------------------------------- what is asked for

given() { [[ " $GIVEN " == *" $1 "* ]]; }
for v in SEED FAMILY DATASET SCHEMES CAST FREEZES ATTRIBUTE; do
    said=$([[ $v == SEED ]] && echo "; name SEEDS=" || [[ $v != FAMILY ]] || echo "; name FAMILIES=")
    [[ $v != DATASET ]] || said="; with MODEL= name DATASETS="
    ! given $v || no "$v='${!v}' is not for a replication, which has several or its own$said"
done
[[ -z $REGIME ]] || no "REGIME='$REGIME' is not for a replication, which has both; REGIMES=frozen leaves the free one out"
read -ra regimes <<<"frozen free"
! given REGIMES || read -ra regimes <<<"${REGIMES//,/ }"
read -ra seeds <<<"${SEEDS:-$([[ $MODEL ]] && echo 1 || echo 1 2 3 4 5)}"
read -ra families <<<"${FAMILIES:-llama gpt2}"
read -ra datasets <<<"${DATASETS:-fake_movies_fake_actors fake_movies_real_actors real_movies_real_actors_shuffled}"
for s in "${seeds[@]}"; do
    [[ $s =~ ^(0|[1-9][0-9]{0,17})$ ]] || no "SEEDS: '$s' must be an integer of 0 or more"
done
one_each() { # VARIABLE WORD…: the folder of a run that is named twice would be two runs at once
    local twice
    twice=$(printf '%s\n' "${@:2}" | sort | uniq -d | head -n 1)
    [[ -z $twice ]] || no "$1: '$twice' is named twice"
}
one_each SEEDS "${seeds[@]}"
one_each FAMILIES "${families[@]}"
one_each DATASETS "${datasets[@]}"
if [[ $MODEL ]]; then
    [[ -z $FAMILIES ]] || no "FAMILIES='$FAMILIES' are for models from scratch: MODEL='$MODEL' has its own architecture"
    kind=pretrained firsts=("${datasets[@]}") what=DATASET
    ! given TEMPLATES || [[ ${#datasets[@]} == 1 ]] || no "TEMPLATES='$TEMPLATES' would be those of several datasets: each has its own"
    known=$("$G" list datasets | cut -f 1 | paste -sd ' ')
    # What a frozen regime is, a recipe by size does not say; it is what the recipes of small models freeze.
    given FREEZE || export FREEZE=embed,lnf,head,all@1/3
    frozen="position relation component component_after_entity hybrid head training layers"
    free="position component component_after_entity hybrid head published"
else
    [[ -z $DATASETS ]] || no "DATASETS='$DATASETS' are for MODEL=PATH: models from scratch learn $DATASET"
    kind=scratch firsts=("${families[@]}") what=FAMILY
    ! given FREEZE || no "FREEZE='$FREEZE': the recipes of models from scratch say what the frozen regime freezes; name another RECIPE"
    known=$("$G" list families | paste -sd ' ')
    free=$("$G" list experiments | awk -F '\t' '$3 == "" { print $1 }' | paste -sd ' ')
    frozen="$free regimes"
    [[ ${#regimes[@]} == 2 ]] || frozen=$free
fi
for f in "${firsts[@]}"; do
    [[ " $known " == *" $f "* ]] || no "$([[ $MODEL ]] && echo "DATASETS: '$f' is no dataset" || echo "FAMILIES: '$f' is no family"); there is: $known"
done
if [[ ${PAPER+given} ]]; then
    frozen=$PAPER
    free=$(tr -s ' ' '\n' <<<"$PAPER" | grep -vE '^(regimes|planted.*)$' | paste -sd ' ')
fi
[[ $frozen =~ [^[:space:]] ]] || no "PAPER is empty; name experiments"

# ---------------------------------------------------------------- the runs

# What is not given is as each run was asked for, not as $RUN would be.
for v in $DECIDE; do
    [[ $v == MODEL || ( $v == FREEZE && $MODEL ) ]] || given $v || unset "$v"
done
unset OUT SCHEMES CAST FREEZES USUAL_SCHEMES USUAL_CAST SEEDS FAMILIES DATASETS PAPER REGIME
place=${RUN%/}/replication
# make_run GOAL FIRST SEED REGIME: make for a run, in which what a regime has differs in two variables.
make_run() {
    local paper=$frozen regime=
    [[ $4 == frozen ]] || paper=$free regime=$4
    "$MAKE" -f "$MAKEFILE" --no-print-directory "$1" RUN="$place/$2-$3" SEED="$3" $what="$2" SEEDS= FAMILIES= DATASETS= \
        REGIME="$regime" PAPER="$paper"
}
# folder FIRST SEED REGIME: where the results are.
folder() { echo "$place/$1-$2$([[ $3 == frozen ]] || echo "-$3")"; }
# Prints how many of a run's experiments have their report, and of how many.
progress() {
    local n done=0 all=0 list=$frozen
    [[ $3 == frozen ]] || list=$free
    for n in $list; do
        all=$((all + 1))
        [[ ! -s $(folder "$@")/experiments/$n/report/index.html ]] || done=$((done + 1))
    done
    echo "$done $all"
}
# All that applies was done; noted with what was asked for.
is_whole() {
    local list=$frozen
    [[ $3 == frozen ]] || list=$free
    [[ -s $(folder "$@")/paper.html && $(cat "$(folder "$@")/replicated" 2>/dev/null) == "$list" ]]
}

runs=() list=()
for f in "${firsts[@]}"; do
    for s in "${seeds[@]}"; do
        for r in "${regimes[@]}"; do
            list+=("$f $s $r")
            runs+=("$(folder $f $s $r)")
        done
    done
done
[[ $said_n ]] || for l in "${list[@]}"; do
    make_run checked $l >/dev/null || exit 1
done
if [[ $dry ]]; then
    width=$(printf '%s\n' "${runs[@]}" | awk '{ if (length() > n) n = length() } END { print n }')
    for i in "${!list[@]}"; do
        read -r done all <<<"$(progress ${list[i]})"
        state="$done of $all experiments"
        ! is_whole ${list[i]} || state="done, $state"
        [[ -e ${runs[i]} ]] || state="not begun, $all experiments"
        printf "%-${width}s  %s\n" "${runs[i]}" "$state"
    done
    echo "then $place/$kind.html, and $kind.csv and $kind-seeds.csv in $TABLES"
    exit
fi

# Those that were whole before take no time, and say nothing about the others.
left=0 made=0 spent=0
for l in "${list[@]}"; do is_whole $l || left=$((left + 1)); done
for i in "${!list[@]}"; do
    before=$SECONDS whole=
    ! is_whole ${list[i]} || whole=yes
    echo "replication: run $((i + 1)) of ${#list[@]}, ${runs[i]}$([[ $made == 0 ]] ||
        echo ", about $((spent * left / made / 60 + 1)) min left")"
    make_run paper ${list[i]} || exit $?
    [[ ${list[i]} == *frozen ]] && echo "$frozen" >"${runs[i]}/replicated" || echo "$free" >"${runs[i]}/replicated"
    [[ $whole ]] || made=$((made + 1)) left=$((left - 1)) spent=$((spent + SECONDS - before))
done

# ---------------------------------------------------------------- the page, and the tables

names=()
for n in $frozen $free; do
    [[ " ${names[*]} " == *" $n "* ]] || names+=("$n")
done
"$G" compare $(printf -- '--run %s ' "${runs[@]}") $(printf -- '--experiment %s ' "${names[@]}") --title "The replication" \
    --out "$place/$kind.html" --csv "$place/$kind.csv" --seeds-csv "$place/$kind-seeds.csv" || exit $?
mkdir -p "$TABLES" || exit 1
# Of the columns those that tables show, of the templates all together and those with all fields together, with five digits. A
# field in quotes may hold a comma.
brief() { # COLUMN…
    awk -v keep="$*" '
        function fields(line,    n, c, i, quoted) {
            n = 1; f[1] = ""; quoted = 0
            for (i = 1; i <= length(line); i++) {
                c = substr(line, i, 1)
                if (c == "\"") quoted = !quoted
                if (c == "," && !quoted) f[++n] = ""; else f[n] = f[n] c
            }
            return n
        }
        { sub(/\r$/, ""); n = fields($0) }
        NR == 1 {
            for (i = 1; i <= n; i++) at[f[i]] = i
            k = split(keep, name, " ")
            for (i = 1; i <= k; i++) if (!(name[i] in at)) { print "no column " name[i] > "/dev/stderr"; exit 1 }
        }
        NR > 1 && ("template" in at) && f[at["template"]] !~ /^(pooled|full)$/ { next }
        {
            for (i = 1; i <= k; i++) {
                x = f[at[name[i]]]
                if (x ~ /^-?[0-9.]+(e-?[0-9]+)?$/ && x ~ /[.e]/) x = sprintf("%.5g", x)
                printf "%s%s", x, i < k ? "," : "\n"
            }
        }'
}
table() { # FILE COLUMN…
    brief "${@:2}" <"$place/$1" >"$TABLES/$1.new" && mv "$TABLES/$1.new" "$TABLES/$1" || exit 1
}
table "$kind.csv" run experiment set scheme template n rows top5 top5_low top5_high logit_diff logit_diff_low logit_diff_high
table "$kind-seeds.csv" runs experiment set scheme metric seeds mean sd t_low t_high low high
echo "tables $TABLES/$kind.csv $TABLES/$kind-seeds.csv"
echo "open $place/$kind.html"
