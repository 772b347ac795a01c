#!/bin/bash
# check_debian.sh RELEASE [arm64|packages]: in a clean Debian root made by debootstrap, what a new user does: make deps report,
# graftkit info, make deps test, and all of it again in a second clone made afterwards. $B: a folder of builds; the bare root
# stays there as a tar. $MIRROR: Debian's archive. $REPORT: make's variables for the report.
# arm64: graftkit is cross-compiled there with -Werror, and the suites of core, tokenizer, model, graft and eval (or those of
# $SUITES) are run by qemu-user, which takes some twenty times as long.
# packages: make deb there; in another clean root the packages are installed, graftkit runs and a program is built.
set -eu
no() {
    echo "make: check-debian: $1" >&2
    exit 1
}
release=$1 what=${2:-} tree=$PWD
[[ $release =~ ^(bookworm|trixie)$ ]] || no "RELEASE='$release' must be bookworm or trixie"
[[ $(id -u) == 0 ]] || no "a root is made with debootstrap, chroot and mount, which only root may do: run it with sudo"
for program in debootstrap unshare; do
    command -v $program >/dev/null || no "$program is missing: apt-get install $program"
done
# Mounts of this script are seen by it alone and end with it.
[[ ${GK_MOUNTS:-} ]] || GK_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"

# Programs of arm64 are started by qemu, which the kernel must be told.
qemu() {
    local handler=/proc/sys/fs/binfmt_misc conf=/usr/lib/binfmt.d/qemu-aarch64.conf
    [[ -e $handler/register ]] || mount -t binfmt_misc none $handler
    [[ ! -e $handler/qemu-aarch64 ]] || return 0
    [[ -f $conf ]] || no "programs of arm64 do not run here: apt-get install qemu-user-static (Debian 13: qemu-user-binfmt)"
    cat $conf >$handler/register
}

# ---------------------------------------------------------------- the root
tools/build/folder.sh make "${B%/*}"
mkdir -p "$B"
root=$(realpath "$B")/$release${what:+-$what} bare=$B/$release.tar
if [[ ! -s $bare ]]; then
    rm -rf --one-file-system "$root"
    debootstrap --variant=minbase "$release" "$root" "${MIRROR:-http://deb.debian.org/debian}" >"$B/debootstrap.log" 2>&1 ||
        no "debootstrap failed: $(tail -n 1 "$B/debootstrap.log")"
    rm -f "$root"/var/cache/apt/archives/*.deb
    tar -C "$root" -cf "$bare.new" . && mv "$bare.new" "$bare"
fi
fresh() { # $root as debootstrap left it, reaching the archive as this machine does
    gone
    mkdir "$root" && tar -C "$root" -xf "$bare"
    mount -t proc proc "$root/proc"
    mount --rbind --make-rslave /dev "$root/dev"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    apt-config dump 2>/dev/null | grep -E '^Acquire::(https?::Proxy|Check-)' >"$root/etc/apt/apt.conf.d/90host" || true
}
gone() {
    [[ ! -e $root/proc/self ]] || umount -R "$root/proc" "$root/dev"
    rm -rf --one-file-system "$root"
}
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive bash -euc "$1"; }
install="apt-get update -q && apt-get install -q -y --no-install-recommends"
clone() { # clone PLACE: the working tree, there
    mkdir "$root$1"
    git -C "$tree" ls-files -z -co --exclude-standard | tar -C "$tree" --null -T - -cf - --ignore-failed-read | tar -C "$root$1" -xf -
}
step() { # step WHAT COMMAND: shown, run and timed
    local begun=$SECONDS
    echo "== $release${what:+ $what}: $1"
    inside "$2" || no "failed: $1"
    echo "== took $((SECONDS - begun)) s"
}

# ---------------------------------------------------------------- what is checked
new_user() {
    fresh
    step "apt-get install make" "$install make"
    for place in /first /second; do
        clone $place
        step "make deps report${REPORT:+ $REPORT} in $place" "cd $place && make deps report $REPORT"
        step "graftkit info" "cd $place && build/release/graftkit info | tee info && ! grep 'not built in' info"
        step "make deps test in $place" "cd $place && make deps test"
    done
}
arm64() {
    qemu
    fresh
    clone /graftkit
    step "packages" "dpkg --add-architecture arm64 && $install make g++-aarch64-linux-gnu libgomp1:arm64 $(printf '%s:arm64 ' $LIBRARIES)"
    step "compile" "cd /graftkit && make CC=aarch64-linux-gnu-gcc CXX=aarch64-linux-gnu-g++ CFLAGS=-Werror all suites"
    # Those that run the program belong to the tools.
    : "${SUITES:=$(cd tests && grep -LE 'program\.h|cli_fixture|"GRAFTKIT' $(grep -lE 'modules: *(core|tokenizer|model|graft|eval)' */test_*.c) | sed 's/\.c$//')}"
    step "suites" "cd /graftkit && CK_TIMEOUT_MULTIPLIER=30 GRAFTKIT=\$PWD/build/release/graftkit tests/run.sh $(printf 'build/release/tests/%s ' $SUITES)"
}
packages() {
    local out=$B/packages
    fresh
    clone /graftkit
    step "make deps deps-deb deb" "$install make && cd /graftkit && make deps deps-deb deb"
    mkdir -p "$out" && rm -f "$out"/*.deb && cp "$root"/graftkit/build/deb/*.deb "$out"
    fresh
    mkdir "$root/deb" && cp "$out"/graftkit_* "$out"/libgraftkit* "$root/deb"
    cat >"$root/program.c" <<'END'
#include <graftkit/graftkit.h>

int main(void) {
    gk_error err;
    char text[512];
    gk_tok *tok = gk_tok_load("/no/such/tokenizer", &err);
    printf("graftkit %s, %d threads: %s\n", GK_VERSION, gk_threads(), tok ? "?" : gk_error_text(&err, text, sizeof text));
    gk_tok_free(tok);
    return tok != NULL;
}
END
    step "apt-get install ./graftkit" "$install /deb/graftkit_*.deb && graftkit --version && cd /root &&
        graftkit dataset --out data --base-rows 20 --base-texts 9 --relation-rows 5 --task-rows 5 && graftkit info"
    step "a program with the library" "$install gcc g++ libc6-dev pkgconf /deb/libgraftkit*.deb && cd /root &&
        gcc -Wall -Wextra -Wpedantic -Werror /program.c \$(pkg-config --cflags --libs graftkit) -o program && ./program &&
        g++ -Wall -Wextra -Werror -x c++ /program.c \$(pkg-config --cflags --libs graftkit) -o program && ./program &&
        [ ! -e /usr/include/jansson.h ] && gcc -Wall -Wextra -Werror \$(pkg-config --cflags graftkit) \
            /usr/share/doc/libgraftkit-dev/examples/graft.c \$(pkg-config --libs graftkit) -o graft && { ./graft no model 'a b' a || true; } 2>&1 | grep '^graft: '"
    step "a program with the static one" "$install $(printf '%s ' ${LIBRARIES//\?/}) && cd /root &&
        gcc /program.c -Wl,-Bstatic -lgraftkit -Wl,-Bdynamic \$(pkg-config --static --libs graftkit | sed s/-lgraftkit//) -o program && ./program"
}
case $what in
'') new_user ;;
*) $what ;;
esac
gone
echo "check-debian: $release${what:+ $what}: all is well"
