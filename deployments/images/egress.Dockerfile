# The proxy of a sandbox with an allow-list. BASE is any image with python3, 3.11 or later.
ARG BASE=python:3.13-slim
FROM ${BASE}
COPY egress_proxy.py /egress_proxy.py
USER 64321:64321
ENTRYPOINT ["python3", "-I", "-B", "/egress_proxy.py"]
