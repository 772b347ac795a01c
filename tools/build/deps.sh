#!/bin/bash
# deps.sh PACKAGE…: installs the Debian packages of these that are missing; ?PACKAGE only where apt has it.
set -u
command -v apt-get >/dev/null ||
    { echo "make: deps: there is no apt here; graftkit needs these libraries (Debian's names): ${*//\?/}" >&2 && exit 1; }
missing=()
for p in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "${p#\?}" 2>/dev/null) == installed ]] || missing+=("$p")
done
[[ ${#missing[@]} -gt 0 ]] || { echo "deps: everything is installed" && exit; }
root=()
[[ $(id -u) == 0 ]] || root=(sudo)
command -v "${root[@]:-env}" >/dev/null ||
    { echo "make: deps: as root, install these: ${missing[*]//\?/}" >&2 && exit 1; }
"${root[@]}" apt-get update -q || exit 1
install=()
for p in "${missing[@]}"; do
    if [[ $p == \?* && $(apt-cache policy "${p#\?}") != *Candidate:\ [0-9]* ]]; then
        echo "deps: there is no ${p#\?} here; going on without it"
    else
        install+=("${p#\?}")
    fi
done
[[ ${#install[@]} -eq 0 ]] ||
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${install[@]}"
