# The collector in a container. The database lives in the volume /var/lib/footfall: on a local disk, of one container.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md ./
COPY collector ./collector
RUN python -m venv /opt/footfall \
    && /opt/footfall/bin/pip install --no-cache-dir --disable-pip-version-check '.[parquet]'

FROM python:3.12-slim
RUN groupadd --system --gid 10001 footfall \
    && useradd --system --uid 10001 --gid footfall --home-dir /var/lib/footfall --shell /usr/sbin/nologin footfall \
    && install --directory --owner=footfall --group=footfall --mode=0700 /var/lib/footfall
COPY --from=build /opt/footfall /opt/footfall
ENV PATH=/opt/footfall/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    FOOTFALL_DB=/var/lib/footfall/footfall.db \
    FOOTFALL_HOST=0.0.0.0 \
    FOOTFALL_PORT=8000 \
    FOOTFALL_LOG_FORMAT=json
USER footfall
WORKDIR /var/lib/footfall
VOLUME /var/lib/footfall
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=8)"]
ENTRYPOINT ["footfall"]
CMD ["serve"]
