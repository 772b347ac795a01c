#!/bin/bash
# install_lib.sh BUILD VERSION DESTDIR PREFIX LIBDIR: the library, its headers under PREFIX/include/graftkit, and graftkit.pc.
set -eu
build=$1 version=$2 prefix=$4 libdir=$5 include=$3$4/include/graftkit lib=$3$5
install -d "$lib/pkgconfig"
for h in include/graftkit/{,*/}*.h; do
    install -D -m 644 "$h" "$include/${h#include/graftkit/}"
done
install -m 644 "$build/libgraftkit.a" "$build/libgraftkit.so.$version" "$lib"
ln -sf "libgraftkit.so.$version" "$lib/libgraftkit.so.${version%%.*}"
ln -sf "libgraftkit.so.${version%%.*}" "$lib/libgraftkit.so"
cat >"$lib/pkgconfig/graftkit.pc" <<END
prefix=$prefix
includedir=\${prefix}/include
libdir=$libdir

Name: graftkit
Description: language models computed with the weights of several, chosen by position, layer and component
Version: $version
Cflags: -I\${includedir}
Libs: -L\${libdir} -lgraftkit
Libs.private: $(<"$build/link-private")
END
