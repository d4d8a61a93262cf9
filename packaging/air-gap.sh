#!/usr/bin/env bash
# One archive for a control node without internet: our debs, Debian's debs that they and the roles need, ansible/, Ansible's wheels, checksums.
#   packaging/air-gap.sh [--output FILE.tar] [bookworm] [trixie]     on a machine with a mirror; both Debians when none is named
#   packaging/air-gap.sh --index FOLDER                              writes the index `Packages` of a folder of debs
# On the control node: tar -xf FILE.tar && cd diemcau-VERSION && ./install.sh
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'air-gap: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }

# What roles and packages ask Debian for. With all that they need in turn, so that a site with older versions can take them, too.
needed=(python3 python3-venv python3-pip-whl python3-apt libportaudio2 mosquitto chrony nftables iperf3 openssl sudo fonts-croscore fonts-dejavu-core)
pythons=(3.11 3.12 3.13) # of the control node: Debian 12, Ubuntu 24.04, Debian 13

# The index that apt reads: each package's own words, then where it lies and what it weighs.
index() {
  (cd "$1" && for deb in ./*.deb; do
    dpkg-deb --field "$deb"
    printf 'Filename: %s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat --format=%s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
  done > Packages)
}

address() { awk -v wanted="$1" '$1 == "URIs:" && ($2 ~ /security/) == wanted {print $2; exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true; }

fetch_debian() { # suite, folder: from the machine's own mirror, as if nothing were installed
  local suite=$1 folder=$2 state keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  state=$(mktemp -d "$scratch/apt-XXXXXX")
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$folder"
  {
    printf 'deb [signed-by=%s] %s %s main\ndeb [signed-by=%s] %s %s-updates main\n' "$keyring" "$mirror" "$suite" "$keyring" "$mirror" "$suite"
    if [ -n "$security" ]; then printf 'deb [signed-by=%s] %s %s-security main\n' "$keyring" "$security" "$suite"; fi
  } > "$state/sources.list"
  cat > "$state/apt.conf" << CONF
Dir::Etc::sourcelist "$state/sources.list";
Dir::Etc::sourceparts "-";
Dir::State "$state";
Dir::State::lists "$state/lists";
Dir::State::status "/dev/null";
Dir::Cache "$state/cache";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
CONF
  APT_CONFIG=$state/apt.conf apt-get update -qq || die "the mirror $mirror does not answer for $suite"
  APT_CONFIG=$state/apt.conf apt-get install -qq --yes --no-install-recommends --download-only "${needed[@]}" > /dev/null
  cp "$state"/cache/archives/*.deb "$folder/"
  index "$folder"
}

fetch_wheels() { # folder
  local python
  for python in "${pythons[@]}"; do
    .venv-ansible/bin/python -m pip download --quiet --disable-pip-version-check --require-hashes --only-binary :all: --python-version "$python" \
      --requirement packaging/control-node.lock --dest "$1" 2> >(grep -v 'is ignored: it is neither' >&2) ||
      die "the wheels of packaging/control-node.lock for Python $python could not be had"
  done
}

write_installer() { # file
  cat > "$1" << 'INSTALL'
#!/usr/bin/env bash
# Sets up Ansible beside this file, without network. Needs python3 and python3-venv.
set -euo pipefail
cd "$(dirname "$0")"
say() { printf 'install: %s\n' "$*" >&2; }
sha256sum --quiet --check SHA256SUMS || { say "a file is damaged: copy the archive anew"; exit 2; }
command -v python3 > /dev/null || { say "python3 is missing: install Debian's python3 and python3-venv"; exit 2; }
python3 -c 'import ensurepip' 2> /dev/null || { say "python3-venv is missing: install Debian's python3-venv"; exit 2; }
[ -x .venv-ansible/bin/python ] || python3 -m venv .venv-ansible
env -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null .venv-ansible/bin/python -m pip install --quiet --disable-pip-version-check \
  --no-index --find-links wheelhouse --require-hashes --requirement packaging/control-node.lock
say "ready. Copy ansible/inventories/example, then:"
say ". .venv-ansible/bin/activate && ansible-playbook -i ansible/inventories/YOURS -e diemcau_debian_packages=$PWD/debian ansible/site.yml"
INSTALL
  chmod 755 "$1"
}

if [ "${1:-}" = --index ]; then
  [ -d "${2:-}" ] || die "which folder? packaging/air-gap.sh --index FOLDER"
  index "$2"
  exit 0
fi
output=
if [ "${1:-}" = --output ]; then output=${2:-}; shift 2; fi
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(bookworm trixie)
for suite in "${suites[@]}"; do case $suite in bookworm | trixie) ;; *) die "no such Debian: $suite (bookworm, trixie)" ;; esac; done
version=$(awk -F'"' '$1 == "version = " {print $2; exit}' pyproject.toml)
for package in agent center; do [ -f "dist/diemcau-${package}_${version}_amd64.deb" ] || die "dist/ has no diemcau-$package $version: make packages"; done
[ -x .venv-ansible/bin/python ] || die ".venv-ansible is missing: make setup"
mirror=$(address 0) security=$(address 1)
[ -n "$mirror" ] || die "no Debian mirror is named in /etc/apt/sources.list.d/debian.sources"
[ -n "$security" ] || say "no source of security updates is named here: the archive goes without them"
output=$(realpath -m "${output:-dist/diemcau-air-gap_$version.tar}")

scratch=$(mktemp -d "${TMPDIR:-/tmp}/diemcau-air-gap-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/diemcau-$version
mkdir -p "$tree/dist" "$tree/packaging" "$tree/wheelhouse"
cp dist/diemcau-{agent,center}_"$version"_amd64.deb "$tree/dist/"
cp packaging/control-node.lock "$tree/packaging/"
git ls-files -z ansible | xargs -0 cp --parents --target-directory="$tree"
for suite in "${suites[@]}"; do say "fetching Debian's packages for $suite"; fetch_debian "$suite" "$tree/debian/$suite"; done
say "fetching Ansible's wheels"
fetch_wheels "$tree/wheelhouse"
write_installer "$tree/install.sh"
(cd "$tree" && find . -type f ! -name SHA256SUMS -printf '%P\0' | sort -z | xargs -0 sha256sum > SHA256SUMS)
mkdir -p "$(dirname "$output")"
tar --create --file="$output" --directory="$scratch" --sort=name --owner=0 --group=0 --numeric-owner "diemcau-$version"
printf '%s %s MB sha256 %s\n' "$output" "$(($(stat --format=%s "$output") / 1000000))" "$(sha256sum "$output" | cut -d' ' -f1)"
