#!/bin/sh
# Makes or renews .venv from requirements-dev.lock; installs what Debian leaves out of its Python (venv, pip) if need be.
set -eu

FITS='import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))'
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

find_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$python" >/dev/null && "$python" -c "$FITS" 2>/dev/null; then echo "$python"; return; fi
    done
}

python=$(find_python)
if [ -z "$python" ] && command -v apt-get >/dev/null; then
    echo "make: installing python3-venv" >&2
    as_root sh tools/install-debian.sh python3-venv
    python=$(find_python)
    if [ -z "$python" ]; then  # Ubuntu 22.04: python3 is 3.10, 3.11 lies beside it
        as_root sh tools/install-debian.sh python3.11-venv || true
        python=$(find_python)
    fi
elif [ -z "$python" ] && command -v brew >/dev/null; then
    brew install --quiet python@3.13
    python=$(find_python)
fi
[ -n "$python" ] || { echo "make: Python 3.11 or newer with its venv module is needed" >&2; exit 1; }

[ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv
echo "make: installing the locked libraries into .venv" >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
