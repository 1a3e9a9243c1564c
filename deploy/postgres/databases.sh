#!/bin/sh
# A database and a role for each service that is named; may run again at any time, so that a new service or a changed
# password needs only another start. Passwords come as files and never stand in an argument.
set -eu

secrets=${SECRETS:-/run/secrets}
PGPASSWORD=$(cat "$secrets/postgres_password")
export PGPASSWORD

for service in "$@"; do
    url=$(cat "$secrets/${service}_database_url")
    password=${url#*://*:}
    ROLE_PASSWORD=${password%%@*}
    export ROLE_PASSWORD
    psql --no-psqlrc --no-password --quiet --set ON_ERROR_STOP=1 --set name="$service" \
        --file "$(dirname "$0")/database.sql"
    echo "$service: database and role are there"
done
