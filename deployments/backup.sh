#!/usr/bin/env bash
# Saves both databases and the installation's folder, while everything runs. Usage: backup.sh FOLDER
# PG… variables name the server; PGPASSWORD_FILE holds its password; DELIVERY_HOME is the installation's folder.
# The ledger goes first and the journal after it: a record without its row is found again, the reverse is not.
set -euo pipefail
folder=${1:?folder of the backups}
home=${DELIVERY_HOME:?folder of the installation}
[ -z "${PGPASSWORD_FILE:-}" ] || PGPASSWORD=$(cat "$PGPASSWORD_FILE")
export PGPASSWORD
umask 077
name=$(date --utc +%Y-%m-%dT%H%M%SZ)
unfinished="$folder/.$name"
mkdir -p "$unfinished"
trap 'rm -rf "$unfinished"' EXIT
pg_dump --format=custom --no-password --file "$unfinished/delivery.dump" delivery
# Checkouts and Prefect's own folder are fetched again; a record is renamed into place, so that each is whole.
code=0
tar --create --gzip --file "$unfinished/home.tar.gz" --directory "$home" \
  --exclude=./runs --exclude=./tmp --exclude=./prefect --exclude=./services --exclude=./secrets --exclude='./replaced-*' --warning=no-file-changed . || code=$?
[ "$code" -le 1 ] # 1: a file changed while it was read
pg_dump --format=custom --no-password --file "$unfinished/prefect.dump" prefect
for dump in delivery prefect; do
  pg_restore --list "$unfinished/$dump.dump" >/dev/null
done
(cd "$unfinished" && sha256sum delivery.dump prefect.dump home.tar.gz >SHA256SUMS)
sync "$unfinished"/*
mv "$unfinished" "$folder/$name"
trap - EXIT
echo "$folder/$name"
