#!/bin/bash
# Makes a role and a database for each service, and a role that may only look for the exporter. PostgreSQL's image runs it
# once, when the volume is empty.
set -euo pipefail

role() { # name: with the password of its secret
    psql --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres \
        --set role="$1" --set password="$(cat "/run/secrets/postgres-$1")" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
SQL
}

for service in users orders notifications; do
    role "$service"
    psql --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres --set service="$service" <<'SQL'
CREATE DATABASE :"service" OWNER :"service";
REVOKE CONNECT ON DATABASE :"service" FROM PUBLIC;
SQL
done

role exporter
psql --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres <<'SQL'
GRANT pg_monitor TO exporter;
-- Statistics of a database are read from within it.
GRANT CONNECT ON DATABASE users, orders, notifications TO exporter;
SQL
