#!/usr/bin/env bash
# Makes a user and a database each for Prefect and for the ledger; what is there already is left alone.
# PostgreSQL's image runs it once, on an empty data folder. PG… variables name another server; passwords lie in $SECRETS.
set -euo pipefail
secrets=${SECRETS:-/run/secrets}
for name in prefect delivery; do
  password=$(cat "$secrets/${name}_password")
  # A command line is seen by every user of the host, so the password goes another way.
  PASSWORD=$password psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --set name="$name" \
    --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv password PASSWORD
SELECT format('CREATE ROLE %I LOGIN', :'name') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
