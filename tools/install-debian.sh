#!/bin/sh
# Installs Debian or Ubuntu packages without starting the servers in them. Runs as root: sh install-debian.sh PACKAGE...
#
# Debian starts a server as soon as it is installed: postgresql makes a cluster `main` on 5432, rabbitmq-server starts
# a broker on 5672, erlang-base an epmd on 4369. We want only the programs, and must not disturb what already runs:
#   1. /etc/postgresql-common/createcluster.d/fenlu.conf (while this runs): no cluster is made for a new PostgreSQL.
#   2. /usr/sbin/policy-rc.d (while this runs, and only if there is none): refuses to START exactly the units that
#      come with the packages, so that other packages and services are treated as always.
#   3. Units that were not on this machine before are disabled afterwards, else they would start at the next boot.
# Both files go away again whatever happens. Nothing is done to units, clusters or brokers that were here before.
set -eu

exec 9> /run/fenlu-install.lock && flock 9  # one at a time

POLICY=/usr/sbin/policy-rc.d
CLUSTERS=/etc/postgresql-common/createcluster.d
UNITS="rabbitmq-server.service epmd.service epmd.socket"
known() { [ -e "/lib/systemd/system/$1" ] || [ -e "/etc/systemd/system/$1" ]; }

new_units=
for unit in $UNITS; do known "$unit" || new_units="$new_units $unit"; done

made_policy= made_folders=
clean_up() {
    [ -z "$made_policy" ] || rm -f "$POLICY"
    rm -f "$CLUSTERS/fenlu.conf"
    for folder in $made_folders; do rmdir "$folder" 2>/dev/null || true; done
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

for folder in "${CLUSTERS%/*}" "$CLUSTERS"; do
    [ -d "$folder" ] || { mkdir "$folder"; made_folders="$folder $made_folders"; }
done
echo "create_main_cluster = false" > "$CLUSTERS/fenlu.conf"

if [ ! -e "$POLICY" ] && [ ! -L "$POLICY" ] && [ -e /sbin/init ]; then  # without init nothing is started anyway
    made_policy=yes
    {
        echo '#!/bin/sh'
        echo '# Temporary, made by install-debian.sh: newly installed servers are not started.'
        echo 'while [ $# -gt 0 ]; do case "$1" in -*) shift ;; *) break ;; esac; done'
        printf 'case "$1" in\n'
        for unit in $new_units; do printf '  %s|%s) exit 101 ;;\n' "$unit" "${unit%.*}"; done
        printf 'esac\nexit 0\n'
    } > "$POLICY"
    chmod 755 "$POLICY"
fi

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1  # Ubuntu's needrestart would restart other servers
apt-get -o DPkg::Lock::Timeout=120 update -qq
apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "$@" >/dev/null

for unit in $new_units; do
    if known "$unit" && command -v systemctl >/dev/null; then
        now=; [ ! -d /run/systemd/system ] || now=--now
        systemctl disable --quiet $now "$unit" || true
    fi
done
