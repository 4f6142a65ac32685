#!/bin/sh
# Run once by the database's own start, on an empty volume. Two accounts, neither a superuser: the
# owner of the tables, and the one from which the tables hide rows, by which students are shown.
set -eu
psql --set ON_ERROR_STOP=1 --username postgres --dbname postgres \
    --set owner="$(cat /run/secrets/EDUPULSE_DATABASE_PASSWORD)" \
    --set service="$(cat /run/secrets/EDUPULSE_SERVICE_PASSWORD)" <<'SQL'
CREATE ROLE edupulse LOGIN PASSWORD :'owner';
CREATE ROLE edupulse_service LOGIN PASSWORD :'service';
CREATE DATABASE edupulse OWNER edupulse;
REVOKE ALL ON DATABASE edupulse FROM PUBLIC;
GRANT CONNECT ON DATABASE edupulse TO edupulse_service;
SQL
