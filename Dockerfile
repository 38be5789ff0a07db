# One image for every role: `tocsin serve` as an unprivileged user on a read-only file system; what it keeps
# on a disk of its own (the SQLite store, generated keys) is in /data.

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/tocsin
COPY requirements.lock ./
RUN /opt/tocsin/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.lock
COPY pyproject.toml README.md ./
COPY gateway gateway
COPY adapters adapters
COPY schemas schemas
RUN /opt/tocsin/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin tocsin \
    && install -d -o tocsin -g tocsin -m 0700 /data
COPY --from=build /opt/tocsin /opt/tocsin
ENV PATH=/opt/tocsin/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TOCSIN_DATA_DIR=/data \
    TOCSIN_LISTEN=0.0.0.0:8080
USER 10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["tocsin"]
CMD ["serve"]
