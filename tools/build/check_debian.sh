#!/bin/bash
# check_debian.sh RELEASE [arm64]: what a new user does, in a clean Debian root made by debootstrap: make deps report, graftkit
# info, make deps test, and all of it again in a second clone made afterwards. $B: a folder of builds; the bare root stays
# there as a tar. $MIRROR: Debian's archive. $REPORT: make's variables for the report.
# arm64: graftkit cross-compiled there with -Werror, and the suites of core, tokenizer, model, graft and eval (or those of
# $SUITES) run by qemu-user, which takes some twenty times as long.
set -eu
no() {
    echo "make: check-debian: $1" >&2
    exit 1
}
release=$1 machine=${2:-} tree=$PWD
[[ $release =~ ^(bookworm|trixie)$ ]] || no "RELEASE='$release' must be bookworm or trixie"
[[ $(id -u) == 0 ]] || no "a root is made with debootstrap, chroot and mount, which only root may do: run it with sudo"
for program in debootstrap unshare; do
    command -v $program >/dev/null || no "$program is missing: apt-get install $program"
done
# Mounts of this script are seen by it alone and end with it.
[[ ${GK_MOUNTS:-} ]] || GK_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"

if [[ $machine ]]; then
    handler=/proc/sys/fs/binfmt_misc
    [[ -e $handler/register ]] || mount -t binfmt_misc none $handler
    if [[ ! -e $handler/qemu-aarch64 ]]; then
        [[ -f /usr/lib/binfmt.d/qemu-aarch64.conf ]] || no "programs of arm64 do not run here: apt-get install qemu-user-static (Debian 13: qemu-user-binfmt)"
        cat /usr/lib/binfmt.d/qemu-aarch64.conf >$handler/register
    fi
fi

# ---------------------------------------------------------------- the root
tools/build/folder.sh make "${B%/*}"
mkdir -p "$B"
root=$(realpath "$B")/$release${machine:+-$machine} bare=$B/$release.tar
if [[ ! -s $bare ]]; then
    rm -rf "$root"
    debootstrap --variant=minbase "$release" "$root" "${MIRROR:-http://deb.debian.org/debian}" >"$B/debootstrap.log" 2>&1 ||
        no "debootstrap failed: $(tail -n 1 "$B/debootstrap.log")"
    rm -f "$root"/var/cache/apt/archives/*.deb
    tar -C "$root" -cf "$bare.new" . && mv "$bare.new" "$bare"
fi
rm -rf --one-file-system "$root" && mkdir "$root" && tar -C "$root" -xf "$bare"
mount -t proc proc "$root/proc"
mount --rbind --make-rslave /dev "$root/dev"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
# How this machine reaches an archive is how the root does.
apt-config dump 2>/dev/null | grep -E '^Acquire::(https?::Proxy|Check-)' >"$root/etc/apt/apt.conf.d/90host" || true
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 bash -euc "$1"; }
clone() {
    mkdir "$root$1"
    git -C "$tree" ls-files -z -co --exclude-standard | tar -C "$tree" --null -T - -cf - --ignore-failed-read | tar -C "$root$1" -xf -
}
step() { # step WHAT COMMAND: shown, run and timed
    local begun=$SECONDS
    echo "== $release$machine: $1"
    inside "$2" || no "failed: $1"
    echo "== took $((SECONDS - begun)) s"
}

if [[ $machine ]]; then
    clone /graftkit
    step "packages" "dpkg --add-architecture arm64 && apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
        --no-install-recommends make gnuplot-nox g++-aarch64-linux-gnu libgomp1:arm64 $(printf '%s:arm64 ' $LIBRARIES)"
    cross="make CC=aarch64-linux-gnu-gcc CXX=aarch64-linux-gnu-g++ CFLAGS=-Werror"
    step "compile" "cd /graftkit && $cross all suites"
    : "${SUITES:=$(cd tests && grep -LE 'program\.h|cli_fixture|"GRAFTKIT' $(grep -lE 'modules: *(core|tokenizer|model|graft|eval)' test_*.c) | sed 's/\.c$//')}"
    step "suites" "cd /graftkit && CK_TIMEOUT_MULTIPLIER=30 GRAFTKIT=\$PWD/build/release/graftkit tests/run.sh \
        $(printf 'build/release/tests/%s ' $SUITES)"
else
    inside "apt-get update -q && apt-get install -q -y --no-install-recommends make"
    for place in /first /second; do
        clone $place
        step "make deps report${REPORT:+ $REPORT} in $place" "cd $place && make deps report $REPORT"
        step "graftkit info" "cd $place && build/release/graftkit info && ! build/release/graftkit info --seconds 0.01 | grep 'not built in'"
        step "make deps test in $place" "cd $place && make deps test"
    done
fi
umount -R "$root/proc" "$root/dev" && rm -rf --one-file-system "$root"
echo "check-debian: $release${machine:+ $machine}: all is well"
