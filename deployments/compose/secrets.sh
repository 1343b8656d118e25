#!/usr/bin/env bash
# Makes the secrets of an installation: random ones are drawn, those of other parties are left empty for you to fill in.
# Usage: secrets.sh FOLDER [HOSTNAME]. What is there already is kept, so it can be run again.
set -euo pipefail
folder=${1:?folder of the secrets}
host=${2:-localhost}
umask 077
mkdir -p "$folder"
cd "$folder"
chmod 0700 .
draw() { [ -s "$1" ] || head -c "$2" /dev/urandom | base64 -w0 | tr '+/' '-_' >"$1"; }
for name in postgres_password prefect_password delivery_password redis_password github_webhook gitlab_webhook generic_webhook; do
  draw "$name" 24
done
draw encryption_key 32 # 32 bytes in URL-safe base64 with padding, as Fernet takes them
[ -s prefect_auth ] || printf 'delivery:%s' "$(head -c 24 /dev/urandom | base64 -w0 | tr '+/' '-_')" >prefect_auth
# Who has passed the proxy goes on with the server's own credential.
printf 'proxy_set_header Authorization "Basic %s";\n' "$(base64 -w0 <prefect_auth)" >proxy_authorization
touch people github_token slack_bot_token slack_app_token slack_signing_secret model_key
if [ ! -s tls_certificate ]; then
  openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj "/CN=$host" -addext "subjectAltName=DNS:$host" \
    -keyout tls_key -out tls_certificate 2>/dev/null
fi
chmod 0444 ./* # containers read them as other users; the folder keeps everybody else out
