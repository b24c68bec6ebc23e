#!/bin/sh
# Run once by the image of PostgreSQL when its data directory is empty.
exec psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set owner_password="$OWNER_PASSWORD" --set app_password="$APP_PASSWORD" \
    --file /countersign/roles.sql
