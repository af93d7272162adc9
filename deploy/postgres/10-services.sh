#!/bin/sh
# Makes a database and two roles for every service: the owner, who migrates, and the one the service works with. What
# the latter may do with each table is granted by the migrations, to the group `fenlu_service`. Runs by itself on an
# empty volume; may be run again, and then also sets the passwords:
#   docker-compose exec -u postgres postgres sh /docker-entrypoint-initdb.d/10-services.sh
set -eu

# postgresql://ROLE:PASSWORD@HOST/DATABASE, made by deploy/make-secrets.sh
role_of() { rest=${1#*://}; printf %s "${rest%%:*}"; }
password_of() { rest=${1#*://*:}; printf %s "${rest%%@*}"; }

for file in /run/secrets/*_owner_database_url; do
    owner_url=$(cat "$file")
    url=$(cat "${file%_owner_database_url}_database_url")
    DATABASE=${url##*/} OWNER=$(role_of "$owner_url") OWNER_PASSWORD=$(password_of "$owner_url")
    ROLE=$(role_of "$url") PASSWORD=$(password_of "$url")
    export DATABASE OWNER OWNER_PASSWORD ROLE PASSWORD
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv database DATABASE
\getenv owner OWNER
\getenv owner_password OWNER_PASSWORD
\getenv role ROLE
\getenv password PASSWORD
select 'create role fenlu_service nologin'
where not exists (select from pg_roles where rolname = 'fenlu_service') \gexec
select format('create role %I login', name) from unnest(array[:'owner', :'role']) as name
where not exists (select from pg_roles where rolname = name) \gexec
alter role :"owner" password :'owner_password';
alter role :"role" password :'password';
grant fenlu_service to :"role";
select format('create database %I owner %I', :'database', :'owner')
where not exists (select from pg_database where datname = :'database') \gexec
revoke all on database :"database", postgres, template1 from public;
grant connect on database :"database" to :"role";
\connect :"database"
alter schema public owner to :"owner";
SQL
done
