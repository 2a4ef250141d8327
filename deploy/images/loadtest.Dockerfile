# The load tool with its example scenarios: docker build -f deploy/images/loadtest.Dockerfile -t ringback-loadtest .

FROM rust:1.95-bookworm AS build
# As in gateway.Dockerfile, with which it shares the caches.
ARG PROFILE=dist
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY services services
COPY tests tests
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile "$PROFILE" --package ringback-loadtest && \
    if [ "$PROFILE" = dev ]; then made=debug; else made="$PROFILE"; fi && \
    cp "target/$made/ringback-loadtest" /ringback-loadtest

FROM gcr.io/distroless/cc-debian12:nonroot
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="ringback-loadtest" \
      org.opencontainers.image.description="Virtual callers against one or many Ringback gateways" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.revision="$COMMIT"
COPY --from=build /ringback-loadtest /usr/local/bin/ringback-loadtest
COPY services/loadtest/scenarios /etc/ringback/scenarios
# Prometheus, where `run` has --metrics-listen 0.0.0.0:9464.
EXPOSE 9464
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/ringback-loadtest"]
