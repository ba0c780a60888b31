# syntax=docker/dockerfile:1

# One file for all images: each is a target of its own, and they share one build.
#
#   docker build --target users         -t localhost/contrail/users:dev .
#   docker build --target orders        -t localhost/contrail/orders:dev .
#   docker build --target notifications -t localhost/contrail/notifications:dev .
#   docker build --target contrail      -t localhost/contrail/contrail:dev .
#
# Both images are Debian 12, so that the programs find the glibc and the C libraries that they were linked with.
ARG SWIFT_IMAGE=swift:6.3.1-bookworm
ARG RUNTIME_IMAGE=debian:12.11-slim

# ---------------------------------------------------------------------------------------------------------------- build
FROM ${SWIFT_IMAGE} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]

# The C libraries of Package.swift. No versions: Debian keeps only the newest of each, and its releases do not break.
# hadolint ignore=DL3008
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean \
    && apt-get update \
    && apt-get install -y --no-install-recommends \
        binutils libcurl4-openssl-dev libnats-dev libpq-dev libprotobuf-c-dev pkg-config zlib1g-dev

WORKDIR /build

# The dependencies first: they are fetched again only when the manifest changes. Package.resolved is used if there is one.
COPY Package.* ./
RUN --mount=type=cache,target=/root/.cache,sharing=locked --mount=type=cache,target=/build/.build,sharing=locked \
    swift package resolve

# The manifest names the tests as well, and is refused without their folders.
COPY Sources ./Sources
COPY Tests ./Tests
# The cache is not a part of the image, so the programs are copied out of it in the same step. Their symbols stay, for
# backtraces; debugging information goes.
RUN --mount=type=cache,target=/root/.cache,sharing=locked --mount=type=cache,target=/build/.build,sharing=locked \
    mkdir -p /out \
    && for product in users-service orders-service notifications-service contrail; do \
        swift build -c release --static-swift-stdlib --product "$product"; \
        install -m 0755 ".build/release/$product" /out/; \
        strip --strip-debug "/out/$product"; \
    done \
    && install -m 0755 /usr/libexec/swift/linux/swift-backtrace-static /out/

# -------------------------------------------------------------------------------------------------------------- runtime
FROM ${RUNTIME_IMAGE} AS runtime
ARG VERSION=dev
ARG REVISION=unknown

# What the programs load: the same libraries without their headers, and the authorities that TLS trusts.
# hadolint ignore=DL3008
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean \
    && apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates libcurl4 libnats3.4 libpq5 libprotobuf-c1 libstdc++6 zlib1g \
    && groupadd --gid 10001 contrail \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin contrail

LABEL org.opencontainers.image.title="contrail" \
    org.opencontainers.image.description="An event-driven shop backend in which every order can be followed" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"

COPY --from=build /out/swift-backtrace-static /usr/local/libexec/
ENV SWIFT_BACKTRACE=enable=yes,sanitize=yes,threads=crashed,images=none,interactive=no,color=no,swift-backtrace=/usr/local/libexec/swift-backtrace-static

USER 10001:10001
STOPSIGNAL SIGTERM

# ---------------------------------------------------------------------------------------------------------------- users
FROM runtime AS users
COPY --from=build /out/users-service /usr/local/bin/
ENV CONTRAIL_GRPC_LISTEN=0.0.0.0:50051 CONTRAIL_ADMIN_LISTEN=0.0.0.0:9101
EXPOSE 50051 9101
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["users-service", "healthcheck"]
ENTRYPOINT ["users-service"]

# --------------------------------------------------------------------------------------------------------------- orders
FROM runtime AS orders
COPY --from=build /out/orders-service /usr/local/bin/
ENV CONTRAIL_GRPC_LISTEN=0.0.0.0:50052 CONTRAIL_ADMIN_LISTEN=0.0.0.0:9102
EXPOSE 50052 9102
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["orders-service", "healthcheck"]
ENTRYPOINT ["orders-service"]

# -------------------------------------------------------------------------------------------------------- notifications
FROM runtime AS notifications
COPY --from=build /out/notifications-service /usr/local/bin/
ENV CONTRAIL_GRPC_LISTEN=0.0.0.0:50053 CONTRAIL_ADMIN_LISTEN=0.0.0.0:9103
EXPOSE 50053 9103
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["notifications-service", "healthcheck"]
ENTRYPOINT ["notifications-service"]

# ------------------------------------------------------------------------------------------------------------- contrail
# The command, also the webhook between Alertmanager and its receiver. What it runs decides what healthy means.
FROM runtime AS contrail
COPY --from=build /out/contrail /usr/local/bin/
EXPOSE 9094
HEALTHCHECK NONE
ENTRYPOINT ["contrail"]
CMD ["--help"]
