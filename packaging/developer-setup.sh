#!/usr/bin/env bash
# Sets up a machine for `make demo` and `make test`: Debian packages that are missing, .venv/ from requirements.lock, and
# .venv-ansible/ from packaging/control-node.lock.
# Removes nothing, upgrades nothing, asks for nothing twice. Quick when there is nothing to do.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin # ldconfig, where it is not on the way
# No `grep -q` behind a pipe: it leaves early, the writer dies of SIGPIPE, and pipefail calls that "not found".
say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }

python=${PYTHON3:-python3}
command -v "$python" >/dev/null || die "python3 is missing. Install it: apt-get install python3 python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "Python 3.11 or newer is needed, this is $("$python" -V)."

is_there() { # one "kind:name" of apt-packages.txt
  local name=${1#*:}
  case $1 in
    command:*) command -v "$name" >/dev/null || [ -x "/usr/sbin/$name" ] ;;
    library:*) ldconfig -p | grep -F "$name" >/dev/null ;;
    python:*) "$python" -c "import $name" 2>/dev/null ;;
    package:*) dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep 'ok installed' >/dev/null ;;
  esac
}

missing=()
while IFS=$'\t' read -r package proof; do
  case $package in '' | '#'*) continue ;; esac
  is_there "$proof" || missing+=("$package")
done < packaging/apt-packages.txt
# A sound server of its own only where none serves yet: PulseAudio would push PipeWire aside.
if ! command -v pulseaudio >/dev/null && ! command -v pipewire-pulse >/dev/null; then missing+=(pulseaudio); fi

if [ ${#missing[@]} -gt 0 ]; then
  by_hand="apt-get install --no-install-recommends ${missing[*]}"
  command -v apt-get >/dev/null || die "These are missing and there is no apt here: ${missing[*]}"
  become=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "Packages are missing and there is no sudo. As root: $by_hand"
    sudo -n true 2>/dev/null || [ -t 0 ] || die "Packages are missing and sudo asks for a password. Run: sudo $by_hand"
    become=(sudo)
  fi
  say "installing ${missing[*]}"
  "${become[@]}" apt-get update -qq || say "apt-get update failed; going on with the lists that are there"
  offered=()
  for package in "${missing[@]}"; do
    if apt-cache policy "$package" | grep 'Candidate: [0-9]' >/dev/null; then offered+=("$package"); else say "no package $package here; what needs it will say so"; fi
  done
  # These are started by tests, on loopback or in namespaces of their own; as services they would talk to this machine's network.
  for service in lldpd kamailio nut-server; do
    if [[ " ${offered[*]} " == *" $service "* ]] && [ -d /run/systemd/system ]; then "${become[@]}" systemctl mask --quiet "$service.service"; fi
  done
  if [ ${#offered[@]} -gt 0 ]; then
    removed=$(apt-get install -s --no-install-recommends "${offered[@]}" | awk '/^Remv/ {print $2}')
    [ -z "$removed" ] || die "Installing would remove $removed, so nothing was done. Choose yourself: $by_hand"
    "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${offered[@]}" >/dev/null ||
      die "apt-get could not install. Try: $by_hand"
  fi
fi

stamp=.venv/.installed
wanted=$(cat requirements.lock pyproject.toml | sha256sum)
if [ ! -x .venv/bin/python ] || [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  say "building .venv (some 250 MB; a minute or two)"
  [ -x .venv/bin/python ] || "$python" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock 2> >(grep -v 'is ignored: it is neither' >&2)
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
  printf '%s' "$wanted" > "$stamp"
fi

# Ansible in an environment of its own: exactly what a control node gets. Not compiled: most of its 25 000 files are never read.
stamp=.venv-ansible/.installed
wanted=$(sha256sum < packaging/control-node.lock)
if [ ! -x .venv-ansible/bin/python ] || [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  say "building .venv-ansible (330 MB; ten seconds and the download)"
  [ -x .venv-ansible/bin/python ] || "$python" -m venv .venv-ansible
  .venv-ansible/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r packaging/control-node.lock \
    2> >(grep -v 'is ignored: it is neither' >&2)
  printf '%s' "$wanted" > "$stamp"
fi
