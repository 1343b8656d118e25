#!/usr/bin/env bash
# Builds the images of a Docker sandbox. Usage: [BASE=image] build.sh [TARGET…], by default `egress tests all`.
# A target is egress, tests, all or an agent of agent.Dockerfile. Without BASE one is made from Debian's packages.
# The images are named prefect-delivery-TARGET, and `all` is also prefect-delivery-agent.
set -euo pipefail
cd "$(dirname "$0")"
base=${BASE:-prefect-delivery-base}
if [ -z "${BASE:-}" ] && ! docker image inspect "$base" >/dev/null 2>&1; then
  ./base.sh "$base"
fi
[ "$#" -gt 0 ] || set -- egress tests all
for target in "$@"; do
  if [ "$target" = egress ]; then
    docker build --quiet --network host --build-arg "BASE=$base" -f egress.Dockerfile -t prefect-delivery-egress .
  else
    docker build --quiet --network host --build-arg "BASE=$base" -f agent.Dockerfile --target "$target" -t "prefect-delivery-$target" .
  fi
  [ "$target" != all ] || docker tag prefect-delivery-all prefect-delivery-agent
done
