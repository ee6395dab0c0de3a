#!/bin/bash
# settle.sh UNIT HEALTH SECONDS: restarts the unit when it runs another program than the one on the disk, and waits until
# that one answers at the address HEALTH. Fails when it does not in time, or ends by itself three times.
set -u
unit=$1 health=$2 end=$((SECONDS + $3)) program=/usr/local/bin/$1

shows() { systemctl show --property="$1" --value "$unit.service"; }
runs() { local process; process=$(shows MainPID); [ "$process" != 0 ] && [ "/proc/$process/exe" -ef "$program" ]; }

if ! runs; then
  echo restarted
  systemctl restart --no-block "$unit.service"
fi
before=$(shows NRestarts)
why="did not become well in $3 s"
while [ "$SECONDS" -lt "$end" ]; do
  # Its certificate may be its own: it is asked on this host.
  if runs && curl --silent --fail --insecure --output /dev/null --max-time 3 "$health"; then exit 0; fi
  now=$(shows NRestarts)
  if [ "$now" -lt "$before" ]; then before=$now; fi
  if [ $((now - before)) -ge 3 ]; then why="ended by itself three times"; break; fi
  sleep 0.5
done
echo "$unit $why. Its last words: $(journalctl --unit="$unit.service" --lines=3 --output=cat --no-pager | tr '\n' ' ' | tail --bytes=600)" >&2
exit 1
