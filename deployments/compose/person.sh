#!/usr/bin/env bash
# Lets a person through the proxy, or gives one a new password. Usage: person.sh FOLDER NAME <file-with-the-password
set -euo pipefail
people=${1:?folder of the secrets}/people
name=${2:?name of the person}
case $name in *[!A-Za-z0-9._-]*) echo "a name has letters, digits and . _ - only: '$name'" >&2; exit 1 ;; esac
IFS= read -r password || true
[ "${#password}" -ge 12 ] || { echo "the password has fewer than 12 characters; choose a longer one" >&2; exit 1; }
others=$(awk -F : -v name="$name" '$1 != name' "$people")
hash=$(printf '%s' "$password" | openssl passwd -6 -stdin)
chmod u+w "$people"
# Into the same file: a running proxy has that one mounted, not its name.
printf '%s\n' ${others:+"$others"} "$name:$hash" >"$people"
chmod 0444 "$people"
