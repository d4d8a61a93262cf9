#!/usr/bin/env bash
# Builds dist/diemcau-{agent,center}_VERSION_amd64.deb: packaging/build.sh [--version 0.2.0] [--output FOLDER]
# The tools come from packaging/build-tools.lock, in an environment of their own in the cache.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'packages: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }

python=${PYTHON3:-python3}
command -v dpkg-deb >/dev/null || die "dpkg-deb is missing; the packages are built on Debian or Ubuntu."
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || die "Python 3.11 to 3.13 is needed, this is $("$python" -V)."

lock=packaging/build-tools.lock
read -r key _ < <(cat "$lock" <("$python" -c 'import sys; print(sys.version, sys.prefix)') | sha256sum)
tools=${XDG_CACHE_HOME:-$HOME/.cache}/diemcau/build-tools-${key:0:12}
mkdir -p "$(dirname "$tools")"
exec 9>"$tools.lock"
flock 9 # two builds at once: the second waits, and shares the wheels
if [ ! -e "$tools/complete" ]; then
  say "making the build tools (once)"
  rm -rf "$tools"
  "$python" -m venv "$tools"
  "$tools/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
  touch "$tools/complete"
fi
PYTHONPATH=packaging exec "$tools/bin/python" -B -m deb_builder "$@"
