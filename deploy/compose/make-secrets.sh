#!/bin/sh
# Fills deploy/secrets with what docker-compose.yml reads and is not there yet. Needs Docker and nothing else.
set -eu
cd "$(dirname "$0")/../.."

# The files are readable and the folder is not: a container sees single files, another user of this machine sees none.
mkdir -p deploy/secrets
chmod 700 deploy/secrets

# What is mounted is read by users of containers, also when the repository was cloned for one user's eyes.
chmod -R go+rX deploy/compose deploy/kafka deploy/local deploy/observability deploy/postgres deploy/samples

docker compose build registration
# shellcheck disable=SC2046  one argument a file is meant
docker compose --profile tools run --rm -T secrets $(ls deploy/secrets) | tar -x -p -f - -C deploy/secrets
echo "deploy/secrets is complete: $(ls deploy/secrets | tr '\n' ' ')"
