#!/bin/sh
# Starts NATS with the passwords of its users in the environment: its configuration cannot read files.
set -eu
for user in users orders notifications; do
    name=NATS_$(echo "$user" | tr '[:lower:]' '[:upper:]')_PASSWORD
    # Quoted for the configuration's parser, which would take digits for a number.
    export "$name=\"$(cat "/run/secrets/nats-$user")\""
done
exec nats-server --config /etc/nats/nats.conf
