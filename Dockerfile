# What production runs: Airflow and this project from requirements.lock, every file checked by its hash.
# No compiler, no test tools, no embedded Postgres and no local model: `provider: local` needs requirements-embedded.txt.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.lock /src/
RUN /opt/venv/bin/pip install --require-hashes --no-deps -r /src/requirements.lock
WORKDIR /src
COPY pyproject.toml requirements*.txt README.md ./
COPY include/vectorshelf include/vectorshelf
RUN /opt/venv/bin/pip install --no-deps .

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH AIRFLOW_HOME=/opt/airflow PYTHONUNBUFFERED=1
RUN useradd --uid 50000 --gid 0 --home-dir /opt/airflow --create-home airflow \
    && install -d -o airflow -g 0 -m 0770 /opt/airflow/logs
COPY --from=build /opt/venv /opt/venv
WORKDIR /opt/airflow
COPY dags dags
COPY plugins plugins
COPY include/catalogs include/catalogs
COPY pools.json ./
USER airflow
ENTRYPOINT ["airflow"]
CMD ["version"]
