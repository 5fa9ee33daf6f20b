# Masthead in a container: docker build -t masthead .
#
# Two stages: the compiler and the libraries' headers stay in the first. `docker compose up` starts it
# with its Redis; see docker-compose.yml.

FROM debian:bookworm-slim AS build
WORKDIR /src
# The packages first, so that a changed source file does not install them again.
COPY scripts/setup scripts/
COPY package.json package-lock.json ./
RUN scripts/setup build
COPY . .
ARG VERSION
RUN make -j"$(nproc)" ${VERSION:+VERSION="$VERSION"} PREFIX=/usr install DESTDIR=/out

FROM debian:bookworm-slim
RUN apt-get -qq update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends \
        libevent-core-2.1-7 libhiredis0.14 libinih1 libjansson4 libmaxminddb0 libpcre2-8-0 libssl3 tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /var/lib/masthead --shell /usr/sbin/nologin masthead \
    && install -d -m 0700 -o masthead -g masthead /var/lib/masthead
COPY --from=build /out/ /
COPY scripts/ready /usr/lib/masthead/ready

# Options that differ from the file's because this is a container: the world is outside of it. Publish
# the admin port to your own network only.
ENV ADSERVER_SERVER_LISTEN=0.0.0.0:8080 \
    ADSERVER_SERVER_ADMIN_LISTEN=0.0.0.0:8081 \
    ADSERVER_SERVER_STATE_DIR=/var/lib/masthead
USER masthead
WORKDIR /var/lib/masthead
VOLUME /var/lib/masthead
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s CMD ["/usr/lib/masthead/ready", "127.0.0.1", "8081"]
ENTRYPOINT ["adserver"]
CMD ["-c", "/etc/masthead/adserver.conf"]
