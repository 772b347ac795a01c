#!/bin/bash
# Runs the suites given as arguments, one a core at a time, shows the output of those that fail, and ends with the totals.
# A hang ends a test, a busy machine does not. With EACH_ISA=1 a suite whose source says "kernels:" is run
# under each instruction set that the processor has, which GRAFTKIT (the program) tells.
export CK_DEFAULT_TIMEOUT=${CK_DEFAULT_TIMEOUT:-120}
# As many suites as cores, and threads in each: those that wait shall not spin, and no program starts itself anew to say so.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
# The longest begin first, so that no core waits for another at the end.
longest=" test_replication test_experiments test_docs test_run test_resume test_make test_cli_training test_build "
for turn in first later; do
    for s; do
        case "$longest" in *" ${s##*/} "*) [ $turn = first ] ;; *) [ $turn = later ] ;; esac && order+=("$s")
    done
done
suites=() isas=() next=0 told=0
[ -z "$EACH_ISA" ] || for i in baseline avx2 avx512; do
    if GRAFTKIT_ISA=$i "$GRAFTKIT" --version >/dev/null 2>&1; then lesser+=" ${best:-}" best=$i; fi
done
for s in "${order[@]}"; do
    suites+=("$s") isas+=("${GRAFTKIT_ISA:-}")
    grep -qs '^[/ ]\* kernels: ' "tests/${s##*/tests/}.c" && [ -z "${GRAFTKIT_ISA:-}" ] || continue
    for i in $lesser; do suites+=("$s") isas+=("$i"); done
done
passed=0 failed=0 suites_failed=()
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM

run() { # run NUMBER: its output and then its exit code
    GRAFTKIT_ISA=${isas[$1]} "${suites[$1]}" >"$tmp/$1.out" 2>&1
    echo $? >"$tmp/$1.code"
}

tell() { # tell NUMBER: what came of it
    local suite=${suites[$1]}${isas[$1]:+ [${isas[$1]}]} code line checks bad
    code=$(<"$tmp/$1.code")
    line=$(grep -aE '^[0-9]+%: Checks' "$tmp/$1.out" | tail -n 1)
    printf '%-16s %s\n' "${suite##*/}" "${line:-no result (exit code $code)}"
    grep -aE '^skip:' "$tmp/$1.out"
    checks=$(sed -n 's/.*Checks: \([0-9]*\).*/\1/p' <<<"$line")
    bad=$(sed -n 's/.*Failures: \([0-9]*\), Errors: \([0-9]*\).*/\1+\2/p' <<<"$line")
    bad=$((${bad:-1}))
    if [ "$code" -ne 0 ] || [ $bad -ne 0 ]; then
        [ $bad -gt 0 ] || bad=1
        suites_failed+=("$suite")
        cat "$tmp/$1.out"
    fi
    failed=$((failed + bad))
    passed=$((passed + ${checks:-$bad} - bad))
}

while [ $told -lt ${#suites[@]} ]; do
    while [ $next -lt ${#suites[@]} ] && [ "$(jobs -pr | wc -l)" -lt "$(nproc)" ]; do
        run $next &
        next=$((next + 1))
    done
    wait -n
    while [ -s "$tmp/$told.code" ]; do
        tell $told
        told=$((told + 1))
    done
done
[ ${#suites_failed[@]} -eq 0 ] || echo "failed: ${suites_failed[*]}"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
