# peers.sh: what the benchmarks' scripts share; they source it. $OLDER: the source tree of an older graftkit, built, or nothing.
# $older: its commit.
OLDER=${OLDER-} older=
[[ ! $OLDER ]] || older=$(git -C "$OLDER" describe --always --abbrev=7 --match=none 2>/dev/null || echo older)

median() { # of the figures on stdin, a line each; nothing of none
    sort -g | awk '{ x[NR] = $1 } END { if (NR) print NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'
}
