# The operator's image: small, non-root, read-only at run time. Builds with buildah, podman, docker and BuildKit alike.
#
#   buildah bud -t registry.example/llamastack-operator:dev .
#
# BASE_IMAGE is any image with Python >= 3.12 and pip. Where a package index of your own must be used, pass
# PIP_INDEX_URL and PIP_CERT as build arguments: they reach the build only, never the image.
ARG BASE_IMAGE=docker.io/library/python:3.13-slim

FROM ${BASE_IMAGE} AS build
ARG PIP_INDEX_URL
ARG PIP_CERT
WORKDIR /build
COPY locks/runtime.txt locks/build.txt ./locks/
# The operator's environment has the pip of its lock, which image builds take along; never the base's own.
RUN python3 -m venv --without-pip /opt/operator \
 && python3 -m venv /build/tools \
 && /build/tools/bin/pip --python /opt/operator/bin/python install --no-cache-dir --disable-pip-version-check \
    --require-hashes -r locks/runtime.txt \
 && /build/tools/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r locks/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator ./operator
RUN /build/tools/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . \
 && /build/tools/bin/pip --python /opt/operator/bin/python install --no-cache-dir --disable-pip-version-check \
    --no-deps --no-index dist/*.whl \
 && rm -f /opt/operator/bin/pip*

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="LlamaStack operator" \
      org.opencontainers.image.description="Turns LlamaStack resources into running Llama Stack servers" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/operator /opt/operator
ENV PATH=/opt/operator/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["python3", "-m", "llamastack_operator"]
