#!/usr/bin/env bash
# Tries the packages where they will live: packaging/try-install.sh [bookworm] [trixie]
# Boots a Debian with systemd in a container without network; installs, runs, upgrades, breaks, downgrades, removes, purges. Says what
# it proved, step by step; exit status 1 at the first thing that is not so. Takes some 5 minutes a Debian. Needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "try-install: a container that boots systemd needs root: sudo $0 $*" >&2; exit 2; }
if ! command -v systemd-nspawn >/dev/null; then
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends systemd-container >/dev/null 2>&1 ||
    { echo "try-install: systemd-nspawn is missing: apt-get install systemd-container" >&2; exit 2; }
fi

PATIENCE_S=180
AGENT=diemcau-agent CENTER=diemcau-center BROKER=diemcau-broker
[ $# -gt 0 ] || set -- bookworm trixie
place=$(mktemp -d)
nspawn='' leader='' suite='' steps=0 began=$SECONDS

proved() { steps=$((steps + 1)); printf '%-8s %2d %4d s  %s\n' "$suite" "$steps" "$((SECONDS - began))" "$*"; }
fail() {
  printf '%-8s FAILED: %s\n' "$suite" "$*" >&2
  if [ -n "$leader" ]; then inside "journalctl --no-pager -n 60 -u '$AGENT' -u '$CENTER' -u '$BROKER'" >&2 || true; fi
  exit 1
}
inside() { nsenter -t "$leader" -m -u -i -n -p -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive bash -eu -c "$1"; }
expect() { inside "$2" >"$place/said" 2>&1 || { cat "$place/said" >&2; fail "$1 ($2)"; }; }
refuse() { if inside "$2" >"$place/said" 2>&1; then cat "$place/said" >&2; fail "$1 ($2)"; fi; }
await() { # what, condition
  local until=$((SECONDS + PATIENCE_S))
  until inside "$2" >"$place/said" 2>&1; do
    [ $SECONDS -lt $until ] || { cat "$place/said" >&2; fail "not within $PATIENCE_S s: $1 ($2)"; }
    sleep 1
  done
}
property() { inside "systemctl show --value --property=$2 $1"; }

leave() {
  set +e
  if [ -n "$nspawn" ] && kill -0 "$nspawn" 2>/dev/null; then
    kill -TERM "$nspawn"
    for _ in $(seq 40); do kill -0 "$nspawn" 2>/dev/null || break; sleep 0.5; done
    kill -KILL "$nspawn" 2>/dev/null
    wait "$nspawn" 2>/dev/null
  fi
  nspawn='' leader=''
  if mountpoint -q "$place/root"; then umount "$place/root"; fi
  rm -rf --one-file-system "$place/upper" "$place/work" "$place/root"
  set -e
}
trap 'leave; rm -rf --one-file-system "$place"' EXIT
trap 'exit 130' HUP INT TERM

boot() {
  local root
  root=$(packaging/root.sh "$suite")
  mkdir -p "$place"/{upper,work,root}
  mount -t overlay overlay -o "lowerdir=$root,upperdir=$place/upper,workdir=$place/work" "$place/root"
  mkdir -p "$place/root/try"
  cp "$place"/debs/*.deb "$place/root/try/"
  systemd-nspawn --quiet -D "$place/root" -b --register=no --keep-unit --private-network --hostname="try-$suite" >"$place/console" 2>&1 </dev/null &
  nspawn=$!
  local until=$((SECONDS + PATIENCE_S))
  until leader=$(pgrep -P "$nspawn" | head -1) && [ -n "$leader" ] && inside 'systemctl is-system-running --wait' 2>/dev/null | grep -E 'running|degraded' >/dev/null; do
    [ $SECONDS -lt $until ] || { tail -20 "$place/console" >&2; leader=''; fail "systemd did not come up"; }
    sleep 1
  done
}

# All there is, with owners and modes; what a running system writes by itself is left out, and so is dpkg's own memory.
listing() {
  inside "find / -xdev -not \( -path '/try*' -o -path '/proc*' -o -path '/sys*' -o -path '/run*' -o -path '/tmp*' -o -path '/var/tmp*' \
    -o -path '/var/log*' -o -path '/var/lib/dpkg*' -o -path '/var/lib/systemd*' -o -path '/var/cache/ldconfig*' -o -path '/var/lib/chrony*' \
    -o -path '/etc/*-' -o -path '/etc/.pwd.lock' -o -path '/root*' -o -path '/dev*' -o -path '/var/lib/mosquitto*' \) -printf '%p %M %u:%g\n' | sort; \
    sort /etc/passwd /etc/group"
}

score() { # unit → at most 2.5, of the running one
  local said
  said=$(inside "systemd-analyze security --no-pager $1.service | tail -1" | grep -oE '[0-9]+\.[0-9]+' | head -1)
  [ -n "$said" ] || fail "systemd-analyze says nothing of $1"
  awk -v said="$said" 'BEGIN {exit !(said <= 2.5)}' || fail "$1 has an exposure of $said, 2.5 is allowed"
  proved "$1 runs with an exposure of $said (at most 2.5)"
}

configure() {
  expect "files are put in place" "
    printf 'listener 1884 127.0.0.1\nallow_anonymous true\nlog_dest stderr\n' > /etc/diemcau/broker/mosquitto.conf
    printf '[broker]\nmanaged = false\nhost = \"127.0.0.1\"\nport = 1884\n# kept by hand\n' > /etc/diemcau/control-center.toml
    chown root:diemcau-center /etc/diemcau/control-center.toml; chmod 640 /etc/diemcau/control-center.toml
    printf '[site]\nid = \"thu\"\nname = \"Điểm cầu thử\"\n[center]\nhost = \"127.0.0.1\"\nport = 1884\n[camera]\nsource = \"/dev/video0\"\n[microphone]\n[link]\ntargets = [\"127.0.0.1\"]\n# kept by hand\n' > /etc/diemcau/edge-agent.toml
    chown root:diemcau-agent /etc/diemcau/edge-agent.toml; chmod 640 /etc/diemcau/edge-agent.toml"
}

installs() {
  [ "$(inside 'ls /sys/class/net')" = lo ] || fail "the network is not cut"
  proved "a Debian ($(inside '. /etc/os-release; echo $VERSION_ID'), Python $(inside 'python3 -c "import platform; print(platform.python_version())"')) runs systemd, with lo as its only interface"
  listing > "$place/before"
  local start=$SECONDS
  # A caller's pip settings must not matter.
  expect "both packages install" "PIP_INDEX_URL=http://127.0.0.1:9/ PIP_REQUIRE_VIRTUALENV=0 PIP_TARGET=/nowhere dpkg -i /try/${AGENT}_${first}_amd64.deb /try/${CENTER}_${first}_amd64.deb"
  proved "both packages install without network, in $((SECONDS - start)) s"
  expect "units are enabled" "systemctl is-enabled $AGENT $CENTER $BROKER"
  refuse "units run without configuration" "systemctl is-active --quiet $AGENT || systemctl is-active --quiet $CENTER || systemctl is-active --quiet $BROKER"
  expect "no unit failed" "! systemctl is-failed --quiet $AGENT $CENTER $BROKER"
  proved "all units are enabled; none runs, none failed, as long as its configuration is missing"
  expect "the agent's sample is right" "edge-agent config check --config /usr/share/doc/$AGENT/edge-agent.toml.sample"
  expect "the center's sample is right" "control-center config check --config /usr/share/doc/$CENTER/control-center.toml.sample"
  expect "bill of materials" "python3 -c 'import json; names = {one[\"name\"] for one in json.load(open(\"/usr/share/doc/$AGENT/sbom.cdx.json\"))[\"components\"]}; assert {\"scapy\", \"diemcau\"} <= names, names'"
  proved "both samples pass their own check; the bill of materials is there"
}

runs() {
  configure
  expect "start" "systemctl start $BROKER $CENTER $AGENT"
  expect "active" "systemctl is-active $BROKER $CENTER $AGENT"
  proved "broker, center and agent told systemd that they are ready"
  local pid
  pid=$(property $AGENT MainPID)
  expect "the agent's user and capabilities" "grep -q '^CapEff:[[:space:]]*0000000000002000\$' /proc/$pid/status && [ \$(stat -c %U /proc/$pid) = diemcau-agent ]"
  proved "the agent runs as diemcau-agent with CAP_NET_RAW and nothing else"
  await "the agent's first figures" "runuser -u diemcau-agent -- edge-agent status --json | grep -q '\"link\"'"
  await "the agent is heard" "journalctl -u $AGENT --no-pager | grep -q 'uplink: ready'"
  proved "the agent measures, and has connected to the center's broker"
  refuse "something was denied" "journalctl --no-pager -u $AGENT -u $CENTER -u $BROKER | grep -E 'Operation not permitted|Permission denied|SIGSYS|crashed|Traceback'"
  proved "nothing was denied to any of them, no probe crashed"
  local unit
  for unit in $AGENT $CENTER $BROKER; do score "$unit"; done
}

devices() { # a node whose driver is missing answers ENXIO where the unit's rules let through, EPERM where they do not
  expect "nodes" "mknod -m 666 /dev/try-camera c 81 250; mknod -m 666 /dev/try-sound c 116 250; mknod -m 666 /dev/try-memory c 1 11"
  local rules
  rules=$(sed -n "s/^Device\(.*\)/-p 'Device\1'/p" packaging/agent/diemcau-agent.service | tr '\n' ' ')
  expect "device rules" "systemd-run --quiet --wait --pipe $rules python3 -c '
import errno, os
for name, wanted in ((\"camera\", errno.ENXIO), (\"sound\", errno.ENXIO), (\"memory\", errno.EPERM)):
    try:
        os.close(os.open(f\"/dev/try-{name}\", os.O_RDWR))
        said = 0
    except OSError as error:
        said = error.errno
    assert said in (wanted, errno.ENODEV if wanted == errno.ENXIO else wanted), (name, said)
' && rm /dev/try-*"
  proved "the agent's device rules let cameras and sound cards through whose driver is not loaded yet, and no other device"
}

watchdog() {
  local pid restarts
  for unit in $AGENT $CENTER; do
    expect "a shorter watchdog" "mkdir -p /run/systemd/system/$unit.service.d && printf '[Service]\nWatchdogSec=20\n' > /run/systemd/system/$unit.service.d/try.conf && systemctl daemon-reload && systemctl restart $unit"
    pid=$(property "$unit" MainPID) restarts=$(property "$unit" NRestarts)
    expect "it hangs" "kill -STOP $pid"
    await "$unit is started again" "[ \$(systemctl show --value -p NRestarts $unit) -gt $restarts ] && systemctl is-active --quiet $unit && [ \$(systemctl show --value -p MainPID $unit) != $pid ]"
    expect "by the watchdog" "journalctl --no-pager -u $unit | grep -q 'Watchdog timeout'"
    proved "$unit, stopped dead (SIGSTOP), was killed by the watchdog and started again"
    expect "the usual watchdog" "rm -r /run/systemd/system/$unit.service.d && systemctl daemon-reload && systemctl restart $unit"
  done
  pid=$(property $AGENT MainPID)
  expect "killed" "kill -KILL $pid"
  await "the agent is back after kill -9" "systemctl is-active --quiet $AGENT && [ \$(systemctl show --value -p MainPID $AGENT) != $pid ]"
  proved "the agent, killed with -9, was started again"
}

version_is() { expect "$1 is version $2" "[ \$(/opt/diemcau/$1/bin/python -I -c 'import importlib.metadata as m; print(m.version(\"diemcau\"))') = $2 ] && [ \$(ls -d /opt/diemcau/$1-* | wc -l) -le 2 ]"; }
kept() { expect "configuration and state are kept" "grep -q 'kept by hand' /etc/diemcau/edge-agent.toml && grep -q 'kept by hand' /etc/diemcau/control-center.toml && [ \$(stat -c %U:%G:%a /etc/diemcau/edge-agent.toml) = root:diemcau-agent:640 ] && [ -s /var/lib/diemcau/outbox.sqlite ] && ls /var/lib/diemcau-center/*.sqlite* >/dev/null"; }

changes_version() { # to, word
  local before broker
  before=$(property $AGENT MainPID) broker=$(property $BROKER MainPID)
  expect "$2" "dpkg -i /try/${AGENT}_$1_amd64.deb /try/${CENTER}_$1_amd64.deb"
  version_is agent "$1"
  version_is center "$1"
  expect "all run" "systemctl is-active $AGENT $CENTER $BROKER"
  [ "$(property $AGENT MainPID)" != "$before" ] || fail "the agent was not started again by the $2"
  [ "$(property $BROKER MainPID)" = "$broker" ] || fail "the $2 started the broker again, which cuts every site"
  kept
  proved "$2 to $1: agent and center started again, the broker ran on, configuration and state kept"
}

fails_well() {
  local before
  before=$(property $AGENT MainPID)
  expect "unpack" "dpkg --unpack /try/${AGENT}_${second}_amd64.deb && printf x >> /usr/share/$AGENT/wheels/paho_mqtt-*.whl"
  refuse "a wheel that was tampered with was installed" "dpkg --configure $AGENT"
  grep -qi 'hash' "$place/said" || fail "the refusal does not speak of a hash"
  version_is agent "$first"
  [ "$(property $AGENT MainPID)" = "$before" ] || fail "a failed upgrade touched the running agent"
  expect "the old one still works" "edge-agent config check && systemctl is-active $AGENT"
  proved "an upgrade with a wheel that was tampered with is refused by its hash; the agent runs on undisturbed, its command works"
}

stays_stopped() {
  expect "stop" "systemctl stop $AGENT"
  expect "install again" "dpkg -i /try/${AGENT}_${first}_amd64.deb"
  refuse "an agent that was stopped is running" "systemctl is-active --quiet $AGENT"
  expect "start" "systemctl start $AGENT"
  proved "an agent that someone stopped stays stopped over an installation"
}

leaves() {
  refuse "something was denied" "journalctl --no-pager -u $AGENT -u $CENTER -u $BROKER | grep -E 'Operation not permitted|Permission denied|SIGSYS|crashed|Traceback'"
  proved "nothing was denied to any of them all this time"
  expect "remove" "dpkg -r $AGENT"
  refuse "the agent runs after removal" "systemctl is-active --quiet $AGENT"
  expect "program gone, files kept" "[ ! -e /opt/diemcau/agent ] && [ -f /etc/diemcau/edge-agent.toml ] && [ -s /var/lib/diemcau/outbox.sqlite ]"
  expect "the center does not mind" "systemctl is-active $CENTER $BROKER && control-center config check"
  proved "removing the agent keeps its configuration and state, and the center beside it runs on"
  expect "install again" "dpkg -i /try/${AGENT}_${first}_amd64.deb"
  await "the agent runs again" "systemctl is-active --quiet $AGENT"
  proved "installed again it runs at once with what was kept"
  expect "purge" "dpkg -P $AGENT && systemctl is-active $CENTER $BROKER && [ -f /etc/diemcau/control-center.toml ]"
  expect "purge" "dpkg -P $CENTER"
  listing > "$place/after"
  diff "$place/before" "$place/after" > "$place/difference" || { cat "$place/difference" >&2; fail "purging left or took something (above)"; }
  refuse "units are left" "systemctl list-unit-files --no-legend | grep diemcau"
  proved "purging both leaves nothing: $(wc -l < "$place/after") paths, users and groups are as before the installation"
}

mkdir -p "$place/debs"
first=$(awk -F'"' '/^version = / {print $2; exit}' pyproject.toml)
second=${first%.*}.$((${first##*.} + 1))
packaging/build.sh --output "$place/debs" >/dev/null
packaging/build.sh --output "$place/debs" --version "$second" >/dev/null
for suite; do
  began=$SECONDS
  boot
  installs
  runs
  devices
  watchdog
  fails_well
  changes_version "$second" upgrade
  changes_version "$first" downgrade
  stays_stopped
  leaves
  leave
done
echo "try-install: all of it holds on $*"
