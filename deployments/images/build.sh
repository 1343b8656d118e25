#!/usr/bin/env bash
# Builds the images of a Docker sandbox. Usage: [BASE=image] build.sh [TARGET…], by default `egress tests all`.
# A target is egress, tests, all or an agent of agent.Dockerfile; or of a team's installation: server, the image of this
# project's own services, and postgres, redis and nginx, where the official images cannot be pulled.
# Without BASE one is made from Debian's packages.
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
  elif [ "$target" = server ]; then
    docker build --quiet --network host --build-arg "BASE=$base" --build-arg "EXTRA=${EXTRA:-}" -f server.Dockerfile \
      -t prefect-delivery-server:0.1.0 ../..
  elif [[ " postgres redis nginx " == *" $target "* ]]; then
    docker build --quiet --network host --build-arg "BASE=$base" -f services.Dockerfile --target "$target" \
      -t "prefect-delivery-$target" .
  else
    docker build --quiet --network host --build-arg "BASE=$base" -f agent.Dockerfile --target "$target" -t "prefect-delivery-$target" .
  fi
  [ "$target" != all ] || docker tag prefect-delivery-all prefect-delivery-agent
done
