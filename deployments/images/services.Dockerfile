# PostgreSQL, Redis and nginx for compose.yaml, where the official images cannot be pulled; users and places are theirs.
#   docker build -f services.Dockerfile --target postgres -t prefect-delivery-postgres .
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS postgres
RUN groupadd --gid 999 postgres && useradd --uid 999 --gid 999 --home-dir /var/lib/postgresql postgres \
 && apt-get update && apt-get install -y --no-install-recommends postgresql-15 && rm -rf /var/lib/apt/lists/* \
 && rm -rf /var/lib/postgresql/* && install -d -o 999 -g 999 -m 700 /var/lib/postgresql/data
COPY postgres.sh /postgres.sh
ENV PATH=/usr/lib/postgresql/15/bin:$PATH LANG=C.UTF-8 PGDATA=/var/lib/postgresql/data
STOPSIGNAL SIGINT
USER 999:999
ENTRYPOINT ["/postgres.sh"]
CMD ["postgres"]

FROM ${BASE} AS redis
RUN apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/* \
 && install -d -o 999 -g 999 -m 700 /data
USER 999:999
WORKDIR /data
CMD ["redis-server"]

FROM ${BASE} AS nginx
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light curl && rm -rf /var/lib/apt/lists/* \
 && ln -sf /dev/stderr /var/log/nginx/error.log && ln -sf /dev/stdout /var/log/nginx/access.log
USER 101:101
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
