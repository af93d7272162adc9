# One recipe for all services: docker build --build-arg SERVICE=order -t fenlu-order .
# The image holds the locked libraries, `shared` and one service, and runs as a user without rights.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS libraries
ARG PIP_INDEX_URL
COPY requirements.lock ./
RUN python -m venv /venv \
    && /venv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
       --require-hashes --only-binary :all: --requirement requirements.lock

# The service, and if it has pages, what they need in the browser.
FROM ${PYTHON_IMAGE} AS service
ARG SERVICE
ARG PIP_INDEX_URL
ARG NPM_CONFIG_REGISTRY
WORKDIR /build
RUN test -n "$SERVICE"
COPY tools/browser_files.sh tools/node.lock tools/
COPY services/__init__.py services/
COPY services/${SERVICE} services/${SERVICE}
RUN if [ -e services/$SERVICE/package.json ]; then \
        [ -n "$NPM_CONFIG_REGISTRY" ] || unset NPM_CONFIG_REGISTRY; \
        python -m venv /node \
        && /node/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
           --require-hashes --only-binary :all: --requirement tools/node.lock \
        && PATH=/node/bin:$PATH sh tools/browser_files.sh; \
    fi

FROM ${PYTHON_IMAGE}
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HTTP_HOST=0.0.0.0 HTTP_PORT=8000
WORKDIR /app
COPY --from=libraries /venv /venv
COPY shared shared
ARG SERVICE
ENV SERVICE=${SERVICE}
COPY --from=service /build/services services
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=6s --start-period=30s --retries=6 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=5)"]
# `exec`: signals reach the service itself. Run it with an init (compose: `init: true`, else docker run --init): as
# process 1 it would not notice SIGTERM before it is up.
ENTRYPOINT ["sh", "-c", "exec python -m services.$SERVICE \"$@\"", "fenlu"]
CMD ["serve"]
