#!/bin/bash
# draw.sh [FOLDER [OUT]]: draws the figures of FOLDER's *.csv (bench/results): OUT/speed.svg, how many times as fast as its peers graftkit
# is, by machine and what was measured, and OUT/sweep-curve.svg, what a sweep costs by its number of schemes (make bench-draw).
# Of what was measured several times the newest day and commit counts, and of that the median.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."
from=${1:-bench/results} out=${2:-docs/results}
files=("$from"/*.csv)
[[ -e ${files[0]} ]] || { echo "draw.sh: $from holds no .csv" >&2; exit 1; }

# The newest figures as "file|cpu|threads|what|unit|peer|median", in the files' order.
newest() {
    awk -F, '
        FNR == 1 { next }
        NF != 10 { print FILENAME ":" FNR ": has " NF " fields, not 10" >"/dev/stderr"; bad = 1; exit 1 }
        {
            key = FILENAME "|" $3 "|" $5 "|" $8 "|" $10 "|" $6
            if (!(key in day)) order[++n] = key
            # A later line of the same day is of a later commit, or of another run of the same.
            if (!(key in day) || $1 > day[key] || ($1 == day[key] && $2 != commit[key])) { day[key] = $1; commit[key] = $2; delete_all(key) }
            v[key, ++count[key]] = $9
        }
        function delete_all(key) { count[key] = 0 }
        function median(key, i, j, t, c) {
            c = count[key]
            for (i = 2; i <= c; i++) for (j = i; j > 1 && v[key, j - 1] + 0 > v[key, j] + 0; j--) { t = v[key, j]; v[key, j] = v[key, j - 1]; v[key, j - 1] = t }
            return c % 2 ? v[key, (c + 1) / 2] : (v[key, c / 2] + v[key, c / 2 + 1]) / 2
        }
        END { if (!bad) for (i = 1; i <= n; i++) print order[i] "|" median(order[i]) }' "${files[@]}"
}

newest | awk -F'|' '
    function esc(s) { gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); return s }
    function text(x, y, anchor, style, s) { body = body "<text x=\"" x "\" y=\"" y "\" text-anchor=\"" anchor "\"" style ">" esc(s) "</text>\n" }
    function place(ratio) { return LEFT + WIDE * (log(ratio) - log(LEAST)) / (log(MOST) - log(LEAST)) }
    function line(x, y1, y2, c) { return "<path d=\"M" x " " y1 "V" y2 "\" stroke=\"" c "\"/>\n" }
    function bar(name, mine, theirs, ratio, a, b) {
        ratio = f[5] ~ /\/s$/ ? mine / theirs : theirs / mine
        a = place(1); b = place(ratio)
        body = body sprintf("<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"12\" fill=\"%s\"><title>%s: graftkit %s, %s %s %s</title></rect>\n",
            a < b ? a : b, y + 1, a < b ? b - a : a - b, name in colour ? colour[name] : "#56b4e9", esc(f[4]), mine, esc(name), theirs, f[5])
        text(sprintf("%.1f", (a < b ? b : a) + 6), y + 11, "start", "",
            sprintf(ratio < 10 ? "%.2f" : "%.0f", ratio) " × " name " (" mine ", " theirs " " f[5] ")")
        y += 17
    }
    BEGIN { LEFT = 300; WIDE = 360; LEAST = 0.2; MOST = 5000 }
    $4 ~ / (best|peak|load|floor|floor ratio|gemm|engine)$/ { next }
    {
        what = $1 "|" $2 "|" $3 "|" $4 "|" $5
        if ($6 == "graftkit") ours[what] = sprintf("%.5g", $7)
        else { if (!(what in peers)) row[++n] = what; peer[what, ++peers[what]] = $6; figure[what, peers[what]] = $7 }
    }
    END {
        split("torch torch.compile torch_bf16 BLIS oneDNN", known, " ")
        split("#0072b2 #e69f00 #009e73 #999999 #cc79a7", hue, " ")
        for (i in known) { name = known[i]; sub(/_/, " ", name); colour[name] = hue[i] }
        y = 58
        for (i = 1; i <= n; i++) {
            what = row[i]
            if (!(what in ours)) continue
            split(what, f, "|")
            head = f[2] ", " f[3] (f[3] == 1 ? " thread" : " threads")
            if (head != last) { y += 12; text(12, y + 11, "start", " font-weight=\"bold\"", head); y += 20; last = head }
            text(LEFT - 8, y + 11, "end", "", f[4])
            for (k = 1; k <= peers[what]; k++) bar(peer[what, k], ours[what], figure[what, k])
        }
        split("0.2 0.5 1 2 5 10 100 1000", tick, " ")
        for (i in tick) {
            axis = axis line(sprintf("%.1f", place(tick[i])), 50, y + 4, tick[i] == 1 ? "#555555" : "#dddddd")
            text(sprintf("%.1f", place(tick[i])), 45, "middle", " fill=\"#555555\"", tick[i] "")
        }
        text(12, 20, "start", " font-size=\"14\"", "How many times as fast as others graftkit is (both figures behind, graftkit first)")
        printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 %d\" font-family=\"sans-serif\" font-size=\"11\">\n", y + 12
        printf "<rect width=\"960\" height=\"%d\" fill=\"white\"/>\n%s%s</svg>\n", y + 12, axis, body
    }' >"$out/speed.svg.new"
mv "$out/speed.svg.new" "$out/speed.svg"

newest | awk -F'|' '
    $4 ~ /^sweep gpt2 40 prompts [0-9]+ schemes$/ && $6 == "graftkit" {
        split($4, w, " ")
        if (cpu == "") cpu = $2
        if ($2 != cpu) next
        x[++n] = w[5]; y[n] = $7
        if (w[5] > most_x) most_x = w[5]
        if (w[5] == 1) first = $7
    }
    function px(v) { return 60 + 540 * v / most_x }
    function py(v) { return 340 - 300 * v / most_y }
    function dots(c, mine, i, v) {
        for (i = 1; i <= n; i++) {
            v = mine ? y[i] : first * x[i]
            path = path (i == 1 ? "M" : "L") sprintf("%.1f %.1f", px(x[i]), py(v))
            marks = marks sprintf("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"><title>%s schemes: %.1f s</title></circle>\n", px(x[i]), py(v), c, x[i], v)
        }
        printf "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n%s", path, c, marks
        path = marks = ""
    }
    END {
        if (!n || !first) exit 1
        most_y = first * most_x
        print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 400\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"640\" height=\"400\" fill=\"white\"/>"
        for (v = 0; v <= most_y; v += 10) printf "<path d=\"M60 %.1fH600\" stroke=\"#dddddd\"/><text x=\"52\" y=\"%.1f\" text-anchor=\"end\">%d</text>\n", py(v), py(v) + 4, v
        for (v = 0; v <= most_x; v += 10) printf "<text x=\"%.1f\" y=\"358\" text-anchor=\"middle\">%d</text>\n", px(v), v
        dots("#999999", 0); dots("#0072b2", 1)
        print "<text x=\"330\" y=\"382\" text-anchor=\"middle\">schemes</text><text transform=\"translate(18 190) rotate(-90)\" text-anchor=\"middle\">seconds in the engine</text>"
        print "<text x=\"76\" y=\"40\" fill=\"#777777\">every cell at the first scheme’s cost</text><text x=\"76\" y=\"58\" fill=\"#0072b2\">graftkit</text>"
        printf "<text x=\"600\" y=\"24\" text-anchor=\"end\" fill=\"#555555\">GPT-2 124M, 40 prompts; %s</text>\n</svg>\n", cpu
    }' >"$out/sweep-curve.svg.new"
mv "$out/sweep-curve.svg.new" "$out/sweep-curve.svg"
echo "drawn: $out/speed.svg $out/sweep-curve.svg"
