#!/bin/bash
# folder.sh make|clean FOLDER: makes or removes the folder of builds, BUILD; no folder that holds anything else.
set -u
no() {
    echo "make: BUILD='$folder' $1" >&2
    exit 1
}
folder=$2
place=$(realpath -m -- "${folder:-/}") here=$(pwd -P)
[[ $folder ]] || no "is empty: name a folder for what is built"
[[ $here/ != "${place%/}/"* ]] || no "holds the sources, or is /: name a folder for what is built"
tag=$place/CACHEDIR.TAG # backup programs pass such a folder by
if [[ ! -f $tag && -e $place ]]; then
    [[ -d $place ]] || no "is a file: name a folder for what is built"
    other=$(find "$place" -mindepth 1 -maxdepth 1 ! -name release ! -name asan ! -name ubsan ! -name fuzz ! -name debian ! -name deb -print -quit)
    [[ ! $other ]] || no "holds ${other##*/}, which graftkit did not make: name a folder of its own"
fi
case $1 in
make)
    [[ -f $tag ]] || mkdir -p "$place" 2>/dev/null && [[ -w $place ]] || no "must be a folder that can be made and written to"
    [[ -f $tag ]] || printf 'Signature: 8a477f597d28d172789f06886806bc55\n# Made by graftkit, whose make clean removes it.\n' >"$tag"
    ;;
clean) rm -rf -- "$place" ;;
esac
