# syntax=docker/dockerfile:1.7
# watchtower in an image: one static program, certificates, nothing else; no shell, no root.
#
#   docker build -t registry.example.org/watchtower:0.1.0 .
#   docker run --rm registry.example.org/watchtower:0.1.0 --version
#
# Unbuilt as an image so far, since no machine of the project has a container engine; its steps were run by hand (docs/deployment.md). Images are pinned by version; where an engine is, pin them by digest too:
#   docker buildx imagetools inspect rust:1.95.0-slim-bookworm     then     --build-arg RUST_IMAGE=rust@sha256:...
ARG RUST_IMAGE=rust:1.95.0-slim-bookworm

FROM ${RUST_IMAGE} AS build
ARG PROFILE=release
WORKDIR /src
COPY . .
# Static by the C library of the image: glibc's allocator is held to be faster than musl's (not measured here), and since 2.34 its name lookup works in
# a static program. The target is named so that the flag is not for programs that run during the build (procedural macros can't be
# static). No debug symbols: they are two thirds of the size.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    target=$(rustc -vV | sed -n 's/^host: //p') \
    && RUSTFLAGS="-C target-feature=+crt-static" CARGO_PROFILE_RELEASE_STRIP=symbols \
       cargo build --locked --profile "${PROFILE}" --bin watchtower --target "${target}" \
    && directory=$([ "${PROFILE}" = dev ] && echo debug || echo "${PROFILE}") \
    && install -D "target/${target}/${directory}/watchtower" /image/bin/watchtower
# What is not static would not start in the image, so it is found out here.
RUN ldd /image/bin/watchtower 2>&1 | grep -Eq 'statically linked|not a dynamic executable' \
    && install -D /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
    && install -d -m 0700 -o 65532 -g 65532 /image/state \
    && install -d -m 1777 /image/tmp /image/work \
    && /image/bin/watchtower --version

FROM scratch
COPY --from=build /image/ /
# what runs on somebody's platform note before they change something; a volume keeps it beyond the container
ENV WATCHTOWER_STATE_DIR=/state HOME=/work PATH=/bin
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["/bin/watchtower"]
