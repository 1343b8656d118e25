#!/usr/bin/env bash
# Makes a base image from Debian's packages, where no image can be pulled. Usage: base.sh IMAGE [SUITE]
# It trusts the certificates that this machine trusts.
# A base holds Python 3.11 or later, Git and CA certificates; what the suites of your repositories need belongs there too.
set -euo pipefail
image=${1:?name of the image}
suite=${2:-bookworm}
packages=python3,python3-venv,python3-pip,python3-pytest,git,ca-certificates,procps
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mmdebstrap --quiet --variant=minbase --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='copy-in /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs' \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*' \
  "$suite" "$folder/base.tar"
docker import --change 'CMD ["/bin/sh"]' \
  --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "$folder/base.tar" "$image"
