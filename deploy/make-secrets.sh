#!/bin/sh
# Makes the secrets that docker-compose.yml names, with random passwords. What is there is kept, so it may be run again:
#   sh deploy/make-secrets.sh [FOLDER]      (default: secrets, which git ignores)
# A secret is renewed by removing its file and running this again; docs/deployment.md says what to do then.
set -eu
umask 077

folder=${1:-$(dirname "$0")/../secrets}
services="order inventory accounting crm webhooks console"
mkdir -p "$folder"
chmod 700 "$folder"

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
password_of() { url=$(cat "$folder/$1"); rest=${url#*://*:}; printf %s "${rest%%@*}"; }

# Only the folder keeps others out: each container sees just its own files, and reads them as a user of its own.
keep() { # keep FILE TEXT
    [ -s "$folder/$1" ] || printf '%s\n' "$2" > "$folder/$1"
    chmod 444 "$folder/$1"
}

database() { # database FILE ROLE NAME
    keep "$1" "postgresql://$2:$(random)@postgres:5432/$3"
}

broker() { # broker USER
    keep "$1_rabbitmq_url" "amqp://$1:$(random)@rabbitmq:5672/fenlu"
}

keep postgres_password "$(random)"
for service in $services; do
    database "${service}_owner_database_url" "fenlu_${service}_owner" "fenlu_$service"
    database "${service}_database_url" "fenlu_$service" "fenlu_$service"
    broker "$service"
done
broker topology
broker shop
broker tap
keep operator_rabbitmq_management_url "http://operator:$(random)@rabbitmq:15672/fenlu"
# Who may send commands by queue: {"shop": {"companies": ["C1"], "roles": ["sales"]}}
keep queue_principals '{}'

# -- RabbitMQ's users; what each of them may do is in rabbitmq/rights.json, which is no secret ---------------------------

user() { # user NAME FILE TAG...
    printf '{"name": "%s", "password": "%s", "tags": [%s]}' "$1" "$(password_of "$2")" "${3:-}"
}

users=$(user operator operator_rabbitmq_management_url '"administrator"')
for name in topology shop tap; do users="$users, $(user "$name" "${name}_rabbitmq_url")"; done
for service in $services; do users="$users, $(user "$service" "${service}_rabbitmq_url")"; done
rm -f "$folder/rabbitmq_definitions"
keep rabbitmq_definitions "{\"users\": [$users],
$(sed 1d "$(dirname "$0")/rabbitmq/rights.json")"

# -- whose tokens are believed ---------------------------------------------------------------------------------------

# The console signs tokens with the private key, the services believe the public one.
if [ ! -s "$folder/jwt_public_key" ]; then
    if ! command -v openssl >/dev/null; then
        echo "make-secrets: without openssl, put a key pair (PEM, ES256) into $folder: jwt_private_key, jwt_public_key" >&2
        exit 1
    fi
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/jwt_private_key" 2>/dev/null
    openssl pkey -in "$folder/jwt_private_key" -pubout -out "$folder/jwt_public_key"
fi
if [ ! -s "$folder/jwt_private_key" ]; then
    echo "make-secrets: $folder/jwt_public_key is another issuer's, so nobody can sign in at the console" >&2
fi
keep jwt_private_key none
chmod 444 "$folder/jwt_public_key"
