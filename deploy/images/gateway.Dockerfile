# The gateway with its demo page: docker build -f deploy/images/gateway.Dockerfile -t ringback-gateway . (or `make images`).

# The web client, which is embedded into the gateway.
FROM node:20-bookworm-slim AS web
WORKDIR /src/clients/web
COPY clients/web/package.json clients/web/package-lock.json clients/web/.npmrc ./
COPY clients/web/client/package.json client/
COPY clients/web/react/package.json react/
COPY clients/web/demo/package.json demo/
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY clients/web ./
# What the types of its tests are checked with.
COPY crates/wire/vectors /src/crates/wire/vectors
RUN npm run build

FROM rust:1.95-bookworm AS build
# `dist` is what is measured and shipped; `dev` compiles in a fraction of the time, and has no demo page inside.
ARG PROFILE=dist
# What `--version` and /healthz say.
ARG COMMIT=unknown
# Embedded files carry a time: given the same one, the same sources give the same program.
ARG SOURCE_DATE_EPOCH
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY services services
COPY tests tests
COPY --from=web /src/clients/web/dist clients/web/dist
# What cargo fetched and compiled stays in caches, so the program has to be copied out.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    RINGBACK_COMMIT="$COMMIT" cargo build --locked --profile "$PROFILE" --package ringback-gateway && \
    if [ "$PROFILE" = dev ]; then made=debug; else made="$PROFILE"; fi && \
    cp "target/$made/ringback-gateway" /ringback-gateway

# A C library, CA certificates, and nothing else: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="ringback-gateway" \
      org.opencontainers.image.description="Call signaling for WebRTC" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.revision="$COMMIT"
COPY --from=build /ringback-gateway /usr/local/bin/ringback-gateway
# On all interfaces: in a container loopback is the container's own. Mount a file of settings and name it in
# RINGBACK_CONFIG; the gateway writes to no file, so the root file system may be read-only.
ENV RINGBACK_SERVER__LISTEN=0.0.0.0:8080 \
    RINGBACK_ADMIN__LISTEN=0.0.0.0:9090
EXPOSE 8080 9090
USER 65532:65532
# There is no shell: the program asks its own admin port.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/ringback-gateway", "probe"]
ENTRYPOINT ["/usr/local/bin/ringback-gateway"]
