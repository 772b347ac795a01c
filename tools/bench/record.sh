#!/bin/bash
# record.sh CSV PEER WHAT: adds the figures of the RESULT line on stdin to CSV, a row each (bench/results/README.md has the columns).
# CSV: a file; auto: bench/results/ by the processor's name; empty: nothing is noted. PEER: who was measured, graftkit or another.
# $BIN: where graftkit is built; it says what processor and kernels these are. A peer's instruction set is what its line says (isa).
# $COMMIT: of what was measured, unless it is this tree. The unit is in the figure's name: tokens_per_s, peak_gib, load_s,
# gemm_gflops, unique_percent, times and …_ratio; names without one (threads, ids) are no figures.
set -eu
csv=$1 peer=$2 what=$3
[[ $peer$what != *,* ]] || { echo "record.sh: '$peer' and '$what': a comma begins another field" >&2; exit 1; }
[[ $csv ]] || exit 0
cd "$(dirname "$0")/../.."
info=$("$BIN/graftkit" info --seconds 0.001 | head -n 9)
of() { # of NAME: what graftkit info says behind it
    sed -n "s/^$1 *//p" <<<"$info" | sed 's/,.*//' | head -n 1
}
cpu=$(of CPU)
if [[ $csv = auto ]]; then
    csv=bench/results/$(sed 's/(R)\|(TM)//g; s/[^A-Za-z0-9]\+/-/g; s/^-\|-$//g' <<<"${cpu,,}").csv
fi
mkdir -p "$(dirname "$csv")"
[[ -s $csv ]] || echo "date,commit,cpu,kernels,threads,peer,version,what,figure,unit" >"$csv"
# The file that is written to is no source.
commit=${COMMIT:-$(git describe --always --abbrev=7 --match=none 2>/dev/null || echo unknown)$(
    [[ ! $(git status --porcelain --untracked-files=no -- . ':!bench/results' 2>/dev/null) ]] || echo -dirty)}
awk -v date="$(date +%F)" -v commit="$commit" -v cpu="$cpu" -v kernels="$(of kernels); oneDNN $(of oneDNN); BLIS $(of BLIS)" \
    -v peer="$peer" -v version="$(of graftkit)" -v what="$what" -v threads="$([[ ${THREADS:-0} != 0 ]] && echo "$THREADS" || of threads)" '
    function unit_of(name) { # and what is left of the name, in `rest`
        if (match(name, /[a-z]+_per_s$/)) {
            unit = substr(name, RSTART, RLENGTH)
            sub(/_per_s$/, "/s", unit)
            sub(/^mb/, "MB", unit)
        } else if (match(name, /gib$/)) unit = "GiB"
        else if (match(name, /gflops$/)) unit = "GFLOP/s"
        else if (match(name, /percent$/)) unit = "%"
        else if (match(name, /^seconds_?/) || match(name, /seconds$/) || match(name, /_s$/)) unit = "s"
        else if (match(name, /^(times|of_peak|.*_ratio|grid_of_.*)$/)) { rest = name == "times" ? "" : name; return "times" }
        else return ""
        rest = substr(name, 1, RSTART - 1) substr(name, RSTART + RLENGTH)
        return unit
    }
    /^RESULT / {
        others = isa = ""
        for (i = 2; i <= NF; i++) {
            at = index($i, "=")
            name[i] = substr($i, 1, at - 1)
            value[i] = substr($i, at + 1)
            if (name[i] == "threads") threads = value[i]
            if (name[i] == "isa") isa = tolower(value[i])
            if (name[i] ~ /^(torch|transformers|tokenizers|sentencepiece)$/) others = others (others ? "; " : "") name[i] " " value[i]
        }
        if (others) version = others
        if (peer !~ /^graftkit/) kernels = isa
        for (i = 2; i <= NF; i++) {
            unit = unit_of(name[i])
            if (unit == "" || value[i] !~ /^[0-9.eE+-]+$/) continue
            gsub(/_/, " ", rest)
            gsub(/^ +| +$/, "", rest)
            print date "," commit "," cpu "," kernels "," threads "," peer "," version "," what (rest ? " " rest : "") "," value[i] "," unit
        }
    }' >>"$csv"
