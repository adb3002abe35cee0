# One image for producer, workers and aggregator: what a container does is its command.
# The tag of the base names the exact version of Python; its digest is not pinned, so that Debian's fixes come in.

FROM python:3.11.15-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY containers/build.lock containers/requirements.lock ./
# wheels only: nothing is compiled here, and no compiler is needed; the environment gets no pip
RUN python -m venv /tools \
    && /tools/bin/pip install --require-hashes --only-binary :all: -r build.lock \
    && python -m venv --without-pip /opt/femtobarn \
    && /tools/bin/pip --python /opt/femtobarn/bin/python install \
        --require-hashes --only-binary :all: -r requirements.lock
# an eighth of it is the packages' own tests, headers, and a service of Arrow that no analysis uses
RUN find /opt/femtobarn/lib/python3.11/site-packages \
        \( -type d -name tests -o -path '*/pyarrow/include' -o -path '*/pyarrow/*flight*' \
        \) -prune -exec rm -r {} +
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /tools/bin/pip --python /opt/femtobarn/bin/python install --no-deps /wheels/*.whl

FROM python:3.11.15-slim-bookworm
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="femtobarn" \
      org.opencontainers.image.description="Declared analyses of open collider data" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="BSD-3-Clause" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11.15-slim-bookworm"
# volumes that are mounted here take over the owner
RUN groupadd --gid 10001 femtobarn \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /tmp \
        --shell /usr/sbin/nologin femtobarn \
    && install --directory --owner=10001 --group=10001 --mode=0755 /results /data \
    && install --directory --owner=10001 --group=10001 --mode=0700 /cache
COPY --from=build /opt/femtobarn /opt/femtobarn
# everything that is written goes to the volumes and to /tmp: the rest may be read-only
ENV PATH=/opt/femtobarn/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    FEMTOBARN_CACHE=/cache
WORKDIR /results
USER 10001:10001
# no HEALTHCHECK: producer and aggregator end by themselves; compose.yaml asks workers for their metrics
ENTRYPOINT ["femtobarn"]
CMD ["--help"]
