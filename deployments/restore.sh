#!/usr/bin/env bash
# Brings databases and folder back to a backup. Usage: restore.sh BACKUP
# Everything but PostgreSQL must be down; PG… variables, PGPASSWORD_FILE and DELIVERY_HOME are those of backup.sh.
set -euo pipefail
backup=${1:?folder of one backup}
home=${DELIVERY_HOME:?folder of the installation}
[ -z "${PGPASSWORD_FILE:-}" ] || PGPASSWORD=$(cat "$PGPASSWORD_FILE")
export PGPASSWORD
(cd "$backup" && sha256sum --check --quiet SHA256SUMS)
for name in delivery prefect; do
  users=$(psql --no-psqlrc --no-password --tuples-only --no-align --dbname postgres --command \
    "SELECT count(*) FROM pg_stat_activity WHERE datname = '$name' AND pid <> pg_backend_pid()")
  if [ "$users" != 0 ]; then
    echo "$users connections use the database '$name'; end everything but PostgreSQL first" >&2
    exit 1
  fi
done
for name in delivery prefect; do
  # Made anew: a table that a later release added would otherwise stay, and its migration fail.
  psql --no-psqlrc --no-password --quiet --set ON_ERROR_STOP=1 --dbname postgres \
    --command "DROP DATABASE IF EXISTS $name" --command "CREATE DATABASE $name OWNER $name" \
    --command "REVOKE ALL ON DATABASE $name FROM PUBLIC"
  pg_restore --no-password --exit-on-error --dbname "$name" "$backup/$name.dump"
done
# Databases that lag behind the journal would wait for ever for what is done there, so what is newer is laid aside.
aside="$home/replaced-$(date --utc +%Y-%m-%dT%H%M%SZ)"
tar --list --gzip --file "$backup/home.tar.gz" | cut --delimiter / --fields 2 | sort --unique | while IFS= read -r name; do
  if [ -n "$name" ] && [ -e "$home/$name" ]; then
    mkdir -p "$aside"
    mv "$home/$name" "$aside/"
  fi
done
tar --extract --gzip --file "$backup/home.tar.gz" --directory "$home"
[ ! -d "$aside" ] || echo "what lay there before is in $aside; remove it when nobody misses it"
echo "restored $backup; start everything, then look at 'delivery runs'"
