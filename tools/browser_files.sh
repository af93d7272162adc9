#!/bin/sh
# Puts what the console's pages need in the browser into services/console/static/vendor, from npm, as package-lock.json
# pins it; `sh tools/browser_files.sh dev` also what its tests need. Nothing of it is committed.
set -eu
cd "$(dirname "$0")/../services/console"

command -v npm >/dev/null || {
    echo "browser files: npm is not on this machine; \`sh tools/install-debian.sh npm\` installs it on Debian and Ubuntu" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp package.json package-lock.json "$work"
omit=--omit=dev
[ "${1:-}" = dev ] && omit=--include=dev
npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --silent $omit
mkdir -p static/vendor
from=$work/node_modules
cp "$from/htmx.org/dist/htmx.min.js" "$from/htmx.org/dist/ext/hx-sse.min.js" \
    "$from/@tabler/core/dist/css/tabler.min.css" static/vendor/
if [ "${1:-}" = dev ]; then cp "$from/axe-core/axe.min.js" static/vendor/; fi
{  # the pictures that pages name, in one file
    echo '<svg xmlns="http://www.w3.org/2000/svg">'
    while read -r name; do
        echo "<symbol id=\"$name\" viewBox=\"0 0 24 24\">"
        grep -E '^ *<(path|circle|rect|line|polyline) ' "$from/@tabler/icons/icons/outline/$name.svg" | grep -v 'stroke="none"'
        echo '</symbol>'
    done < icons.txt
    echo '</svg>'
} > static/vendor/icons.svg
chmod 644 static/vendor/*
cp package-lock.json static/vendor/.of  # which versions these are
