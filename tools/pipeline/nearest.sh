#!/bin/bash
# nearest.sh WORD KNOWN…: prints the known word that is fewest edits away, if any is close.
printf '%s\n' "${@:2}" | awk -v word="$1" '
function distance(a, b,    i, j, up, left, row) {
    for (j = 0; j <= length(b); j++) row[j] = j
    for (i = 1; i <= length(a); i++) {
        up = row[0]; row[0] = i
        for (j = 1; j <= length(b); j++) {
            left = up + (substr(a, i, 1) != substr(b, j, 1)); up = row[j]
            if (up + 1 < left) left = up + 1
            if (row[j - 1] + 1 < left) left = row[j - 1] + 1
            row[j] = left
        }
    }
    return row[length(b)]
}
BEGIN { best = int(2 * length(word) / 5) }
{ d = distance(toupper(word), $0); if (d < best || (d == best && !near)) { best = d; near = $0 } }
END { print near }'
