#!/bin/sh
# Starts the broker of secured.properties; at its first start its folder is formatted with a password for each principal.
# A password of the broker or the administrator that changes needs a new volume; another's can be changed with kafka-configs.
#   LISTENERS ADVERTISED_LISTENERS QUORUM_VOTERS CLUSTER_ID DATA      where it listens, and where it keeps its data
#   SECRETS      files kafka_password_<principal>, kafka_key (key and certificates), kafka_ca
#   SETTINGS     secured.properties
#   CONFIG       a folder that it may write
set -eu
umask 077
: "${KAFKA_BIN:=/opt/kafka/bin}" "${SECRETS:=/run/secrets}" "${CONFIG:=/opt/kafka/config}"
: "${SETTINGS:=/etc/bapas/kafka/secured.properties}"

login="org.apache.kafka.common.security.scram.ScramLoginModule required"
as_broker="$login username=\"broker\" password=\"$(cat "$SECRETS/kafka_password_broker")\";"
{
    cat "$SETTINGS"
    echo "listeners=$LISTENERS"
    echo "advertised.listeners=$ADVERTISED_LISTENERS"
    echo "controller.quorum.voters=$QUORUM_VOTERS"
    echo "log.dirs=$DATA"
    echo "ssl.keystore.location=$SECRETS/kafka_key"
    echo "ssl.truststore.location=$SECRETS/kafka_ca"
    echo "listener.name.internal.scram-sha-512.sasl.jaas.config=$as_broker"
    echo "listener.name.external.scram-sha-512.sasl.jaas.config=$login;"
} > "$CONFIG/server.properties"
{
    echo "security.protocol=SASL_SSL"
    echo "sasl.mechanism=SCRAM-SHA-512"
    echo "ssl.truststore.type=PEM"
    echo "ssl.truststore.location=$SECRETS/kafka_ca"
    echo "sasl.jaas.config=$login username=\"admin\" password=\"$(cat "$SECRETS/kafka_password_admin")\";"
} > "$CONFIG/admin.properties"

if ! test -e "$DATA/meta.properties"; then
    set -- "--cluster-id=$CLUSTER_ID" -c "$CONFIG/server.properties"
    for file in "$SECRETS"/kafka_password_*; do
        set -- "$@" --add-scram "SCRAM-SHA-512=[name=${file##*/kafka_password_},password=$(cat "$file")]"
    done
    "$KAFKA_BIN/kafka-storage.sh" format "$@"
fi
exec "$KAFKA_BIN/kafka-server-start.sh" "$CONFIG/server.properties"
