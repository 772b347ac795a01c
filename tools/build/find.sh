#!/bin/bash
# find.sh: what a build would use, looked for when it is used: the compilers and the libraries' headers, as they see them.
#
# From the environment: B, the folder of a flavour's build; CC, CXX, ARCH, SYSROOT; DNNL: auto, 1 (it must be there) or nothing
# (without it); WANTS=tests: what the tests need is needed. Writes $B/config.mk, which compile.mk includes, and a file
# $B/config/NAME for the compilers and each package, whose time changes only when something else is found: what is compiled
# with them depends on those. What is lacking and cannot be done without is told in one line.
set -u
no() {
    echo "make: $1" >&2
    exit 1
}
# at_least VERSION OLDEST
at_least() { [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]; }
# put FILE TEXT: unless that is what the file holds.
put() {
    [[ -f $1 && $(<"$1") == "$2" ]] || printf '%s' "${2:+$2$'\n'}" >"$1"
}

# Name, Debian package, header, its version as its macros say it, the oldest that would do.
packages="\
jansson libjansson-dev jansson.h JANSSON_VERSION 2.11
yaml libyaml-dev yaml.h - -
openssl libssl-dev openssl/evp.h OPENSSL_VERSION_STR -
sentencepiece libsentencepiece-dev sentencepiece_processor.h - 0.1.96
pcre2 libpcre2-dev pcre2.h PCRE2_MAJOR.PCRE2_MINOR 10.30
utf8proc libutf8proc-dev utf8proc.h UTF8PROC_VERSION_MAJOR.UTF8PROC_VERSION_MINOR.UTF8PROC_VERSION_PATCH 2.0
blis libblis-openmp-dev blis.h BLIS_VERSION_STRING -
dnnl libdnnl-dev oneapi/dnnl/dnnl.h DNNL_VERSION_MAJOR.DNNL_VERSION_MINOR.DNNL_VERSION_PATCH 2.0
sqlite3 libsqlite3-dev sqlite3.h SQLITE_VERSION 3.14
check check check.h CHECK_MAJOR_VERSION.CHECK_MINOR_VERSION.CHECK_MICRO_VERSION 0.10"

tools/build/folder.sh make "${B%/*}" && mkdir -p "$B/config" || exit 1

# ---------------------------------------------------------------- the compilers, and what they see

[[ $DNNL =~ ^(auto|1|)$ ]] ||
    no "DNNL='$DNNL' must be 1 (with oneDNN) or empty (without); left out, oneDNN is used where it is there"
for c in CC=gcc CXX=g++; do
    name=${c%=*}
    read -r program _ <<<"${!name}"
    command -v "${program:-/}" >/dev/null ||
        no "$name='${!name}': there is no such compiler; install ${c#*=} (make deps does), or name another with $name="
done
root=${SYSROOT:+--sysroot=$SYSROOT}
machine=$($CC -print-multiarch 2>/dev/null)
[[ $machine ]] || machine=$($CC -dumpmachine 2>/dev/null | sed 's/-.*/-linux-gnu/')
# Debian has several builds of BLIS; this one runs as many threads as it is called with, whatever `blis.h` names.
blis=
for d in "usr/include/$machine/blis-openmp" usr/include/blis; do
    [[ $blis || ! -f ${SYSROOT:-}/$d/blis.h ]] || blis=${SYSROOT:-}/$d
done
includes=${blis:+-isystem $blis}

probe() {
    printf '#ifdef __clang__\n@compiler clang __clang_major__.__clang_minor__.__clang_patchlevel__\n#else\n'
    printf '@compiler gcc __GNUC__.__GNUC_MINOR__.__GNUC_PATCHLEVEL__\n#endif\n#define PCRE2_CODE_UNIT_WIDTH 8\n'
    while read -r name _ header version _; do
        printf '#if __has_include(<%s>)\n' "$header"
        [[ $version == - ]] || printf '#include <%s>\n' "$header"
        printf '@%s found %s\n#endif\n' "$name" "$version"
    done <<<"$packages"
}
declare -A has version
while read -r name is v; do
    name=${name#@} v=${v//[\" ]/}
    has[$name]=$is
    [[ $v != [0-9]* ]] || version[$name]=$v
done < <(probe | $CC $root $includes -D_GNU_SOURCE -E -P -x c - 2>"$B/config/complaint" | grep '^@')
complaint=$(sed -n 's/.*error: //p' "$B/config/complaint" | head -n 1)

newer="graftkit needs gcc 12 or clang 14, or newer (CC=NAME CXX=NAME)"
is="${has[compiler]:-} ${version[compiler]:-}"
[[ ${version[compiler]:-} ]] || no "CC='$CC' is no C compiler${complaint:+ ($complaint)}; $newer"
oldest=14 && [[ $is != gcc* ]] || oldest=12
at_least "${version[compiler]}" $oldest || no "CC='$CC' is $is, which is too old; $newer"
[[ ! $complaint ]] || no "CC='$CC' cannot read the libraries' headers: $complaint; make deps installs what they need"
cxx_is=$(printf '#if __cplusplus >= 201703L && __has_include(<string_view>)\n@ __VERSION__\n#endif\n' |
    $CXX $root -std=c++17 -E -P -x c++ - 2>/dev/null | grep '^@')
[[ $cxx_is || $root ]] || no "CXX='$CXX' is no compiler of C++17 with its library; $newer"
# sentencepiece's headers do not say which they are.
pc=$($CXX $root -print-file-name=libsentencepiece.so)
pc=${pc%/*}/pkgconfig/sentencepiece.pc
[[ ! -f $pc ]] || version[sentencepiece]=$(sed -n 's/^Version: *//p' "$pc")

# ---------------------------------------------------------------- what lacks

lacks=() note=
[[ $DNNL ]] || unset 'has[dnnl]'
while read -r name package header _ oldest; do
    if [[ ${has[$name]:-} && $oldest != - && ${version[$name]:-} ]] && ! at_least "${version[$name]}" "$oldest"; then
        package="$package $oldest or newer (here: ${version[$name]})"
        unset "has[$name]"
    fi
    [[ ! ${has[$name]:-} ]] || continue
    case $name:$DNNL in
    dnnl:auto) note="built without oneDNN, which multiplies faster and in bf16: make deps installs $package" ;;
    dnnl:) note="built without oneDNN, which multiplies faster and in bf16, as DNNL= says" ;;
    check:*) [[ ${WANTS:-} != tests ]] || lacks+=("$package ($header)") ;;
    *) lacks+=("$package ($header)") ;;
    esac
done <<<"$packages"
[[ ${#lacks[@]} -eq 0 ]] || no "graftkit needs $(printf '%s, ' "${lacks[@]}" | sed 's/, $//'): make deps installs it"

# ---------------------------------------------------------------- which files use what

# "USES.FILE := packages", through all that a file includes; GK_HAVE_DNNL stands for a header that may not be there.
uses() {
    awk -v packages="$packages" '
    function reach(file, name, seen_by,   i) {
        if (seen[seen_by, file]++) return 0
        if (direct[file, name]) return 1
        for (i = 1; i <= n_included[file]; i++) if (reach(included[file, i], name, seen_by)) return 1
        return 0
    }
    BEGIN {
        n = split(packages, line, "\n")
        for (i = 1; i <= n; i++) { split(line[i], word, " "); name[i] = word[1]; of["<" word[3] ">"] = word[1] }
    }
    $1 == "#include" && $2 in of { direct[FILENAME, of[$2]] = 1 }
    /GK_HAVE_DNNL/ { direct[FILENAME, "dnnl"] = 1 }
    $1 == "#include" && $2 ~ /^"/ {
        path = substr($2, 2, length($2) - 2)
        sub(/^graftkit\//, "include/&", path)
        included[FILENAME, ++n_included[FILENAME]] = path
    }
    END {
        for (f = 1; f < ARGC; f++) if (ARGV[f] !~ /\.h$/) {
            uses = ""
            for (i = 1; i <= n; i++) if (reach(ARGV[f], name[i], ARGV[f] name[i])) uses = uses " " name[i]
            print "USES." ARGV[f] " :=" uses
        }
    }' "$@"
}

native=
[[ ${ARCH:-} != native ]] || native=$($CC -march=native -### -E -x c /dev/null 2>&1 | cksum)
put "$B/config/cc" "$CC: $is $machine $native"
put "$B/config/cxx" "$CXX: $cxx_is"
while read -r name _; do
    put "$B/config/$name" "${has[$name]:-none} ${version[$name]:-}"
done <<<"$packages"
put "$B/config/note" "$note"
put "$B/config.mk" "# made by tools/build/find.sh
COMPILER := ${has[compiler]}
MACHINE := $machine
HAS_DNNL := ${has[dnnl]:-}
FOUND_CPPFLAGS := $includes
FOUND_AR := $($CC -print-prog-name=ar)
FOUND_LDFLAGS := ${blis:+-L${SYSROOT:-}/usr/lib/$machine/blis-openmp}
SENTENCEPIECE_VERSION := ${version[sentencepiece]:-unknown}
$(shopt -s nullglob && uses {core,tokenizer,model,train,graft,data,eval,report}/{,*/}*.{c,cc,h} {tools,tests}/{,*/}*.{c,h} include/graftkit/{,*/}*.h)"
