#!/bin/bash
# deb.sh FOLDER VERSION: Debian packages of the working tree, in FOLDER; lintian's errors are errors. $LIBRARIES: the packages
# that graftkit is built with, ?NAME where there is one for the machine. tools/debian is what debian/ is made of.
set -eu
out=$1 version=$2
for program in dpkg-buildpackage dh fakeroot; do
    command -v $program >/dev/null || { echo "make: deb: $program is missing: make deps-deb installs it" >&2 && exit 1; }
done
tools/build/folder.sh make "${out%/*}"
rm -rf "$out" && mkdir -p "$out/graftkit-$version"
# What git would take, or all where this is no clone, but for what was built.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files -z -co --exclude-standard
else
    find . \( -path ./build -o -path "./${out%%/*}" -o -path ./runs \) -prune -o -type f -print0
fi | tar --null -T - -cf - | tar -C "$out/graftkit-$version" -xf -
cd "$out/graftkit-$version"
cp -R tools/debian debian
build=() any=()
for p in $LIBRARIES; do
    case $p in
    check | libsubunit-dev) ;; # for the tests
    \?*) build+=("${p#\?} [amd64 arm64]") any+=("${p#\?}") ;;
    *) build+=("$p") any+=("$p") ;;
    esac
done
list() { printf '%s, ' "$@" | sed 's/, $//'; }
sed -i "/^Build-Depends/s/@LIBRARIES@/$(list "${build[@]}")/; s/@LIBRARIES@/$(list "${any[@]}")/" debian/control
cat >debian/changelog <<END
graftkit ($version) unstable; urgency=medium

  * Version $version; what changed is in its commits.

$(sed -n 's/^Maintainer: / -- /p' debian/control)  $(date -Rd "@$(git log -1 --format=%ct 2>/dev/null || stat -c %Y include/graftkit/core/base.h)")
END
dpkg-buildpackage -us -uc -b
cd ..
ls -l ./*.deb
command -v lintian >/dev/null || { echo "deb: lintian is not installed; nothing has looked at the packages" && exit; }
lintian --fail-on error ./*.changes
