#!/bin/sh
# programs.sh keep|swap|back FOLDER KEPT NEW PROGRAM ...: the programs in FOLDER are kept in KEPT, changed for those in NEW,
# or for the kept ones. Cut off anywhere, the same command leads to the same end; a program is never half there.
set -e
action=$1 kept=$3 new=$4
cd "$2"
shift 4

linked() { cp --archive --link "$1" "$2" 2> /dev/null || cp --archive "$1" "$2"; }

case $action in
  keep)
    # The folder comes into being as a whole: as long as it is there, an upgrade is under way.
    rm -rf "$kept.part"
    mkdir "$kept.part"
    for program; do linked "$program" "$kept.part/$program"; done
    mv --no-target-directory "$kept.part" "$kept"
    ;;
  swap)
    for program; do
      if [ -e "$new/$program" ]; then mv "$new/$program" "$program"; fi
    done
    rm -rf "$new"
    ;;
  back)
    for program; do
      if ! [ "$kept/$program" -ef "$program" ]; then
        rm -f ".$program.kept"
        linked "$kept/$program" ".$program.kept"
        mv ".$program.kept" "$program"
      fi
    done
    rm -rf "$new"
    ;;
esac
