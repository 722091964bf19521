# The images of temporec, with Debian 13 and the dependency set tfx-1.21. `make image` builds them; docs/image.md explains.
#   pipeline  every command, and the tasks of Kubeflow Pipelines and Vertex AI
#   serving   only `temporec serve`
# trixie-20261005-slim. A mirror of it can be named instead.
ARG BASE=docker.io/library/debian:trixie-20261005-slim@sha256:a29215f6a35e51e22adffa17f89e9d2ef06214e64a2bad10d765c46aea49f11f
# cpu or cuda: a file of requirements/
ARG VARIANT=cpu

FROM ${BASE} AS base
# Debian's mirrors have only the newest version of a package, so a pinned one would soon be missing.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home temporec
# Kubeflow's launcher runs as this user. It puts its copies of artifacts below these folders.
RUN install --directory --mode=1777 /gcs /minio /s3
ENV PATH=/opt/temporec/bin:$PATH LANG=C.UTF-8 PYTHONUNBUFFERED=1
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM base AS builder
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY requirements/uv.txt requirements/
RUN python3 -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --require-hashes --requirement requirements/uv.txt
ENV PATH=/opt/uv/bin:$PATH UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=/opt/temporec
RUN uv venv --python /usr/bin/python3 /opt/temporec

# The lock files are complete, so that nothing has to be resolved.
FROM builder AS pipeline-packages
ARG VARIANT
COPY requirements/image.txt requirements/image-${VARIANT}.txt requirements/
RUN uv pip install --compile-bytecode --no-deps --require-hashes --build-constraints requirements/image.txt \
    --requirements requirements/image.txt --requirements requirements/image-${VARIANT}.txt

FROM builder AS serving-packages
ARG VARIANT
COPY requirements/image-serving.txt requirements/image-${VARIANT}.txt requirements/
RUN uv pip install --compile-bytecode --no-deps --require-hashes \
    --requirements requirements/image-serving.txt --requirements requirements/image-${VARIANT}.txt

# In a tree of its own, so that a change of the code changes only the small last layer of an image.
FROM builder AS application
COPY . .
RUN uv pip install --compile-bytecode --no-deps --build-constraints requirements/image.txt --prefix /application .

FROM base AS serving
COPY --from=serving-packages /opt/temporec /opt/temporec
COPY --from=application /application /opt/temporec
ARG VARIANT VERSION REVISION CREATED
LABEL org.opencontainers.image.title="temporec-serving" \
    org.opencontainers.image.description="Serves a next-item recommender over the gRPC API of TensorFlow Serving (${VARIANT})" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.created="${CREATED}"
USER 1000
WORKDIR /home/temporec
EXPOSE 8500
ENTRYPOINT ["temporec", "serve"]
CMD ["--model-base-path", "/models"]

FROM base AS pipeline
COPY --from=pipeline-packages /opt/temporec /opt/temporec
COPY --from=application /application /opt/temporec
ARG VARIANT VERSION REVISION CREATED
LABEL org.opencontainers.image.title="temporec" \
    org.opencontainers.image.description="From raw interaction logs to a tested, gated and served next-item recommender (${VARIANT})" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.created="${CREATED}"
USER 1000
WORKDIR /home/temporec
ENTRYPOINT ["temporec"]
CMD ["--help"]
