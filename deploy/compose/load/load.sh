#!/bin/bash
# Places orders, so that dashboards have something to show: CONTRAIL_LOAD_RATE in a second, one after the other.
set -euo pipefail
rate=${CONTRAIL_LOAD_RATE:-1}
pause=$(printf '%d.%03d' $((1000 / rate / 1000)) $((1000 / rate % 1000)))

# The value of a key of the JSON that the command prints.
value() { sed -n 's/.*"'"$1"'" *: *"\([^"]*\)".*/\1/p' | head -n 1; }

user=''
until [ -n "$user" ]; do
    user=$(contrail user create "load-$RANDOM-$RANDOM@example.com" --json | value id) || sleep 2
done
echo "places orders of the customer $user"
while true; do
    contrail order create --user "$user" --item "book:$((RANDOM % 3 + 1)):12.50" >/dev/null || sleep 2
    sleep "$pause"
done
