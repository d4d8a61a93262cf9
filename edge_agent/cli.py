"""The command line: ``edge-agent``. Exit status: 0 all well, 1 faults found, 2 could not run."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from contract.findings import State
from contract.meetings import Phase
from contract.toml_file import ConfigError
from edge_agent.config import DEFAULT_FILE, Configuration, load
from probes.codec.by_hand import LookedUp, look_up
from probes.codec.compare import WORDS
from probes.registry import PROBES

WELL, FAULTS, COULD_NOT = 0, 1, 2
PHASES = [phase.value for phase in Phase]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if options.verbose else logging.INFO if options.command == "run" else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        status: int = options.act(options)
    except ConfigError as error:
        print(f"edge-agent: {error}", file=sys.stderr)
        return COULD_NOT
    except KeyboardInterrupt:
        return COULD_NOT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return COULD_NOT
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="edge-agent", description="Watches over the conferencing system of one site.")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=f"the site's file (default {DEFAULT_FILE})")
    common.add_argument("-v", "--verbose", action="store_true", help="log everything")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, act: Any, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, parents=[common], help=text, description=text)
        made.set_defaults(act=act)
        return made

    command("run", _run, "run the agent until it is stopped")
    check = command("check", _check, "check the whole site once")
    check.add_argument("--phase", choices=PHASES, default=Phase.PRECHECK.value, help="judge as in this phase (default precheck)")
    check.add_argument("--json", action="store_true", help="one JSON document on stdout")
    probe = command("probe", _probe, "run one probe once; needs no site file")
    probe.add_argument("name", choices=list(PROBES), metavar="NAME", help=", ".join(PROBES))
    probe.add_argument("--source", help="device, address or file to look at")
    probe.add_argument("--reference", help="file to compare with")
    probe.add_argument("--target", action="append", default=[], help="host to measure to; may be repeated")
    probe.add_argument("--phase", choices=PHASES, default=Phase.IDLE.value, help="judge as in this phase (default idle)")
    probe.add_argument("--json", action="store_true", help="one JSON document on stdout")
    _sweep_parser(command)
    _baseline_parser(command)
    confirm = command("confirm", _confirm, "write down what somebody looked up at the conferencing system, since it does not tell")
    confirm.add_argument("settings", nargs="+", choices=list(WORDS), metavar="SETTING", help=", ".join(WORDS))
    confirm.add_argument("--by", required=True, help="who looked")
    confirm.add_argument("--wrong", action="store_true", help="it is not as it was approved")
    turn = command("ptz", _ptz, "turn the camera through its presets and see whether it reaches each")
    turn.add_argument("--json", action="store_true", help="one JSON document on stdout")
    throughput = command("throughput", _throughput, "measure what the line carries, each way (iperf3); never in a meeting")
    throughput.add_argument("--host", default="", help="where iperf3 serves (default: the center of [link] targets)")
    throughput.add_argument("--port", type=int, default=5201, help="its port (default 5201)")
    throughput.add_argument("--rate", type=float, metavar="MBIT", help="Mbit/s to send (default: [link] capacity_mbps)")
    throughput.add_argument("--time", type=float, default=10.0, metavar="S", help="seconds, each way (default 10)")
    throughput.add_argument("--json", action="store_true", help="one JSON document on stdout")
    status = command("status", _status, "what the running agent says now")
    status.add_argument("--json", action="store_true", help="one JSON document on stdout")
    config = command("config", _config, "check the site's file, or print a sample or the schema of one")
    config.add_argument("what", choices=["check", "sample", "schema"])
    return parser


def _sweep_parser(command: Any) -> None:
    sweep = command("sweep", _sweep, "play a sweep to the room and say how far it is from howling")
    sweep.add_argument("--yes", action="store_true", help="make noise without asking")
    sweep.add_argument("--source", metavar="FILE", help="judge a recorded sweep instead (needs --reference, and no site file)")
    sweep.add_argument("--reference", metavar="FILE", help="the sweep as it was played, begun together with the recording")
    sweep.add_argument("--make", metavar="FILE", help="write the sweep to a WAVE file, to be played from elsewhere, and nothing else")
    sweep.add_argument("--rate", type=int, choices=(16_000, 44_100, 48_000), default=48_000, help="sample rate of --make in Hz")
    sweep.add_argument("--json", action="store_true", help="one JSON document on stdout")


def _baseline_parser(command: Any) -> None:
    baseline = command("baseline", _baseline, "approved references of the room")
    baseline.add_argument("what", choices=["record", "approve", "show", "diff", "save", "restore"])
    baseline.add_argument("file", nargs="?", type=Path, help="of save and restore: the archive, to be carried onto a replacement PC")
    baseline.add_argument("--by", default="", help="who approves")
    baseline.add_argument(
        "--preset", default="", metavar="NAME", help="record or compare the view of a named preset (default: the main view)"
    )


def _run(options: argparse.Namespace) -> int:
    from edge_agent import daemon  # noqa: PLC0415 — the other commands need none of it

    daemon.run(load(options.config))
    return WELL


def _check(options: argparse.Namespace) -> int:
    from edge_agent import terminal  # noqa: PLC0415 — draws, so brings rich
    from edge_agent.once import check_once  # noqa: PLC0415

    configuration = load(options.config)
    report = asyncio.run(check_once(configuration, Phase(options.phase)))
    if options.json:
        _print_json(report)
    else:
        terminal.show_check(report, configuration.site.name)
    return _status_of([verdict.state for verdict in report.verdicts])


def _probe(options: argparse.Namespace) -> int:
    from edge_agent import terminal  # noqa: PLC0415
    from edge_agent.once import probe_once, settings_for  # noqa: PLC0415

    settings = settings_for(options.name, source=options.source, reference=options.reference, targets=options.target)
    report = asyncio.run(probe_once(options.name, settings, Phase(options.phase)))
    if options.json:
        _print_json(report)
        if report.reason:
            print(f"edge-agent: probe {options.name}: {report.reason}", file=sys.stderr)
    else:
        terminal.show_probe(report, Phase(options.phase))
    return terminal.exit_status(report)


def _sweep(options: argparse.Namespace) -> int:
    from edge_agent import sweep  # noqa: PLC0415 — the other commands need none of it

    if options.make:
        return sweep.make(options.make, options.rate)
    if bool(options.source) != bool(options.reference):
        raise ConfigError("sweep: --source và --reference đi cùng nhau (come together)")
    if options.source:
        return sweep.of_files(options.source, options.reference, as_json=options.json)
    return sweep.of_room(load(options.config), yes=options.yes, as_json=options.json)


def _baseline(options: argparse.Namespace) -> int:
    from edge_agent import baseline, baseline_archive  # noqa: PLC0415

    if options.what in ("save", "restore"):
        if options.file is None:
            raise ConfigError(f"baseline {options.what}: cần tên tệp (the file is missing)")
        directory = load(options.config).directory
        if options.what == "save":
            print(f"Đã lưu {baseline_archive.save(directory, options.file)} tệp mẫu chuẩn vào {options.file}.")
        else:
            print(f"Đã phục hồi {baseline_archive.restore(options.file, directory)} tệp mẫu chuẩn. Chạy “edge-agent baseline diff” để so.")
        return WELL
    return baseline.command(load(options.config), options.what, options.by, options.preset)


def _confirm(options: argparse.Namespace) -> int:
    configuration, by = load(options.config), " ".join(unicodedata.normalize("NFC", options.by).split())
    if not by or not by.isprintable():
        raise ConfigError("confirm: --by: cần họ tên người xem (the name of who looked is needed)")
    seen = LookedUp(right=not options.wrong, by=by, at=datetime.now(UTC))
    for setting in options.settings:
        if not look_up(str(configuration.directory), setting, seen):
            raise ConfigError(f"{configuration.directory}: không ghi được (cannot be written)")
        print(f"{WORDS[setting]}: {'không đúng' if options.wrong else 'đúng'} ({by})")
    return WELL


def _ptz(options: argparse.Namespace) -> int:
    from edge_agent import ptz  # noqa: PLC0415

    return ptz.command(load(options.config), as_json=options.json)


def _throughput(options: argparse.Namespace) -> int:
    from edge_agent import throughput  # noqa: PLC0415

    if (options.rate is not None and not 0 < options.rate <= 100_000) or not 1 <= options.time <= 60 or not 0 < options.port < 65536:
        raise ConfigError("throughput: --rate phải lớn hơn 0, --time từ 1 đến 60 giây, --port từ 1 đến 65535")
    configuration = load(options.config)
    request = throughput.request_of(configuration, host=options.host, rate_mbps=options.rate, lasts_s=options.time, port=options.port)
    return throughput.command(configuration, request, as_json=options.json)


def _status(options: argparse.Namespace) -> int:
    from edge_agent import keep, terminal  # noqa: PLC0415
    from edge_agent.status import FILE, AgentStatus  # noqa: PLC0415

    configuration = load(options.config)
    said = keep.read(configuration.directory / FILE, AgentStatus)
    if said is None:
        print(f"edge-agent: {configuration.directory / FILE}: tác tử chưa chạy lần nào (the agent has not run yet)", file=sys.stderr)
        return COULD_NOT
    now = datetime.now(UTC)
    if options.json:
        _print_json(said)
    else:
        terminal.show_status(said, now)
    if not said.speaks(now):
        return COULD_NOT
    return _status_of([component.verdict.state for component in said.components])


def _config(options: argparse.Namespace) -> int:
    from edge_agent import sample  # noqa: PLC0415

    if options.what == "sample":
        print(sample.text(), end="")
    elif options.what == "schema":
        print(sample.schema())
    else:
        from edge_agent import center, identity, ptz  # noqa: PLC0415 — brings paho

        configuration = load(options.config)
        ptz.check(configuration)
        if configuration.center is not None:
            center.credentials(configuration)
        warning = identity.check(configuration, datetime.now(UTC))
        print(_well(configuration))
        if warning:
            print(f"Cảnh báo: {warning}")
    return WELL


def _well(configuration: Configuration) -> str:
    off = f"; không trang bị: {', '.join(configuration.undeclared)}" if configuration.undeclared else ""
    return f"{configuration.path}: đúng, điểm cầu {configuration.site.name} ({configuration.site.id}){off}"


def _print_json(document: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(document) + b"\n")
    sys.stdout.buffer.flush()


def _status_of(states: list[State]) -> int:
    """What was not checked is not well."""
    return FAULTS if any(state not in (State.OK, State.NOT_FITTED) for state in states) else WELL


if __name__ == "__main__":
    sys.exit(main())
