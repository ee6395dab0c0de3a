#!/bin/bash
# settle.sh forth|back SECONDS UNIT=HEALTH ...: one after another, restarts the unit when it runs another program than the one
# on the disk, and waits until that one answers at the address HEALTH. Ends with the first one that does not in time, or that
# ended by itself three times. On the way back a program that does not answer is killed: it might not heed to be stopped.
set -u

shows() { systemctl show --property="$2" --value "$1.service"; }

runs() {  # whether the unit's process was started from the program on the disk
  local process
  process=$(shows "$1" MainPID)
  [ "$process" != 0 ] && [ "/proc/$process/exe" -ef "/usr/local/bin/$1" ]
}

last_words() {  # what the unit's process wrote last; when one ended by itself ($2), that one, not the one started after it
  local skipped=''
  if [ "$2" -gt 0 ]; then skipped="1,/^$1.service: Scheduled restart job/d"; fi
  journalctl --unit="$1.service" --lines=400 --output=cat --no-pager | tac | sed "$skipped" \
    | grep --invert-match "^$1.service: \|^Started \|^Starting \|^Stopp\|^Failed to start " | head --lines=3 | tac \
    | tail --bytes=600 | tr '\n' ' '
}

well() {  # whether what runs answers; its certificate may be one of its own making, as it is asked on this host
  curl --silent --fail --insecure --output /dev/null --max-time 3 "$1"
}

settle() {
  local unit=$1 health=$2 end=$((SECONDS + $3)) before now why="did not become well in $3 s"
  if ! runs "$unit"; then
    echo "restarted $unit"
    if [ "$way" = back ] && ! well "$health"; then
      systemctl kill --kill-whom=main --signal=KILL "$unit.service" 2> /dev/null  # one that has ended is none
    fi
    systemctl restart --no-block "$unit.service"
  fi
  before=$(shows "$unit" NRestarts)
  now=$before
  while [ "$SECONDS" -lt "$end" ]; do
    if runs "$unit" && well "$health"; then return 0; fi
    now=$(shows "$unit" NRestarts)
    if [ "$now" -lt "$before" ]; then before=$now; fi
    if [ $((now - before)) -ge 3 ]; then why="ended by itself three times"; break; fi
    sleep 0.5
  done
  echo "$unit $why. Its last words: $(last_words "$unit" $((now - before)))" >&2
  return 1
}

way=$1 limit=$2
shift 2
for one; do settle "${one%%=*}" "${one#*=}" "$limit" || exit 1; done
