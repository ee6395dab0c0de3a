#!/bin/sh
# Raises a cluster from prepared files, by hand: one ssh to each host, all at once, and nothing is looked at twice.
# Usage: raise.sh DIRECTORY SSH...   DIRECTORY holds `hosts` (NAME ADDRESS a line) and NAME.tar.gz for each;
# SSH... is the ssh command with its options. Ends when every node is Ready.
set -eu
directory=$1
shift

while read -r name address; do
    "$@" "$address" 'sudo sh -c "tar --extract --gzip --same-owner --directory=/ && exec sh /run/floor/host.sh"' \
        <"$directory/$name.tar.gz" >"$directory/$name.log" 2>&1 &
    running="${running:-} $name:$!"
done <"$directory/hosts"

failed=0
for one in $running; do
    wait "${one#*:}" || { failed=1; echo "${one%:*} failed:"; tail -5 "$directory/${one%:*}.log"; } >&2
done
exit $failed
