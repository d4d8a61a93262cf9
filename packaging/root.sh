#!/usr/bin/env bash
# Prints the path of a small Debian root with systemd: packaging/root.sh bookworm|trixie [PACKAGE…]
# Made once (2 to 3 minutes) and kept in the cache under a name drawn from the recipe; what stands there is never changed by its users:
#   overlay (at once):  mount -t overlay overlay -o lowerdir="$(packaging/root.sh trixie)",upperdir=U,workdir=W MERGED
#   copy (about 15 s):  cp -a --reflink=auto "$(packaging/root.sh trixie)" COPY
# Further PACKAGEs (a kernel for a virtual machine, say) make a root of their own.
set -euo pipefail
say() { printf 'root: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }

suite=${1:-}
case $suite in bookworm | trixie) shift ;; *) die "which Debian? packaging/root.sh bookworm|trixie [PACKAGE…]" ;; esac
[ "$(id -u)" -eq 0 ] || die "a root whose files belong to its own users can only be made by root: sudo $0 $suite"

# What a site PC or a center has before we come: systemd, Python, the packages our debs depend on, what Ansible and its roles need.
packages=(
  systemd systemd-sysv dbus udev kmod procps iproute2 iputils-ping nftables ca-certificates tzdata netbase less
  fonts-croscore fonts-dejavu-core
  openssh-server sudo python3 python3-venv python3-apt libportaudio2 mosquitto mosquitto-clients chrony sqlite3 openssl
  "$@"
)

sources=/etc/apt/sources.list.d/debian.sources
mirror=${DEBIAN_MIRROR:-$(awk '$1 == "URIs:" {print $2; exit}' "$sources" 2>/dev/null || true)}
[ -n "$mirror" ] || mirror=$(awk '$1 == "deb" && $2 ~ /^https?:/ {print $2; exit}' /etc/apt/sources.list 2>/dev/null || true)
[ -n "$mirror" ] || die "no Debian mirror is named in $sources or /etc/apt/sources.list; name one: DEBIAN_MIRROR=http://… $0 $suite"

if ! command -v mmdebstrap >/dev/null; then
  say "installing mmdebstrap"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null 2>&1 ||
    die "mmdebstrap is missing and could not be installed. Try: apt-get update && apt-get install mmdebstrap"
fi

read -r key _ < <(printf '%s\n' "$suite" "${packages[@]}" "$(sha256sum < "$0")" | sha256sum)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/diemcau/roots
root=$folder/$suite-${key:0:12}
mkdir -p "$folder"
exec 9>"$folder/.$suite-${key:0:12}.lock"
flock 9 # two callers at once: the second waits and finds it made
if [ ! -d "$root" ]; then
  say "making $suite in $root (2 to 3 minutes, once)"
  making=$(mktemp -d "$folder/.making-XXXXXX")
  trap 'rm -rf --one-file-system "$making"' EXIT
  chmod 755 "$making"
  include=$(IFS=,; printf '%s' "${packages[*]}" | tr -s ,)
  # The mirror is named outright: by itself mmdebstrap would take over every source of this machine, other vendors' too.
  mmdebstrap --quiet --mode=root --variant=apt --include="${include%,}" "$suite" "$making/root" "deb $mirror $suite main" >&2 ||
    die "mmdebstrap could not make $suite from $mirror (its words stand above)"
  : > "$making/root/etc/machine-id" # empty: each copy draws its own at boot
  rm -rf "$making"/root/var/cache/apt/*.bin "$making"/root/var/cache/apt/archives/*.deb
  printf '%s\n' "diemcau" > "$making/root/etc/hostname"
  mv "$making/root" "$root"
fi
printf '%s\n' "$root"
