#!/bin/bash
# Runs the suites given as arguments, shows the output of those that fail, and ends with the totals.
# A hang ends a test, a busy machine does not.
export CK_DEFAULT_TIMEOUT=${CK_DEFAULT_TIMEOUT:-60}
passed=0 failed=0 suites_failed=()
for suite in "$@"; do
    out=$("$suite" 2>&1)
    code=$?
    line=$(grep -E '^[0-9]+%: Checks' <<<"$out" | tail -n 1)
    printf '%-16s %s\n' "$(basename "$suite")" "${line:-no result (exit code $code)}"
    grep -E '^skip:' <<<"$out"
    checks=$(sed -n 's/.*Checks: \([0-9]*\).*/\1/p' <<<"$line")
    bad=$(sed -n 's/.*Failures: \([0-9]*\), Errors: \([0-9]*\).*/\1+\2/p' <<<"$line")
    bad=$((${bad:-1}))
    if [ $code -ne 0 ] || [ $bad -ne 0 ]; then
        [ $bad -gt 0 ] || bad=1
        suites_failed+=("$suite")
        echo "$out"
    fi
    failed=$((failed + bad))
    passed=$((passed + ${checks:-$bad} - bad))
done
[ ${#suites_failed[@]} -eq 0 ] || echo "failed: ${suites_failed[*]}"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
