#!/bin/bash
# install_lib.sh BUILD VERSION DESTDIR PREFIX LIBDIR: the library, its headers under PREFIX/include/graftkit, and graftkit.pc.
set -eu
build=$1 version=$2 prefix=$4 libdir=$5 include=$3$4/include/graftkit lib=$3$5
headers="core/core tokenizer/tokenizer model/model train/train graft/graft data/data eval/measure/measure eval/store/store eval/run/run
    eval/learned/learned report/report"
install -d "$include" "$lib/pkgconfig"
{
    echo "/* graftkit.h: all of graftkit $version. */"
    install -D -m 644 -t "$include/core" core/isa.h
    for h in $headers; do
        # There, a header finds another by where it stands, whatever a program's own folders are called.
        up=$(sed 's,[^/]*/,../,g; s,[^/]*$,,' <<<"$h")
        install -d "$include/${h%/*}"
        sed "s,^#include \"\([a-z/]*\.h\)\",#include \"$up\1\"," "$h.h" >"$include/$h.h"
        echo "#include \"$h.h\""
    done
} >"$include/graftkit.h"
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
Requires: jansson
Cflags: -I\${includedir}
Libs: -L\${libdir} -lgraftkit
Libs.private: $(<"$build/link-private")
END
