#!/bin/sh
# Starts RabbitMQ with the password that the secret holds: the image takes it from the environment only.
set -eu
password=$(tr -d '\r\n' < "$BROKER_PASSWORD_FILE")
if [ "${#password}" -lt 16 ]; then
    echo "The broker does not start: expected a password of at least 16 characters in $BROKER_PASSWORD_FILE," \
        "but it has ${#password}. Make one as docs/containers.md says." >&2
    exit 1
fi
export RABBITMQ_DEFAULT_PASS="$password"
exec docker-entrypoint.sh rabbitmq-server
