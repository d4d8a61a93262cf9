"""Draws the generated documents from the code: protocol, metrics, faults, causes, requirements.

``python -m docs.generate`` writes them, ``--check`` exits 1 and names what is out of date.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from contract import messages, topics
from contract.catalog import FAULTS, LINE_OF, METRICS, FormEffect
from contract.findings import Component
from contract.topics import FROM_SITE, Kind
from edge_agent.inference import CAUSES
from edge_agent.sample import described
from probes.registry import PROBES

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
NOTE = "<!-- Drawn by `make docs`; change the source, not this file. -->\n\n"

_EFFECT = {
    FormEffect.DAMAGED: "«hư hỏng» if it lasts to the end",
    FormEffect.TOLD: "«Sự cố», told",
    FormEffect.NOT_MEASURED: "boxes empty, with the reason",
    FormEffect.NONE: "–",
}
_RETAINED = {Kind.STATUS, Kind.COMPONENT, Kind.LIMITS, Kind.AGENDA}
_CHANNEL_WORDS = {
    Kind.STATUS: "Birth and death (last will) of one boot of an agent, on one topic so that they cannot overtake each other.",
    Kind.COMPONENT: "The verdict of one component that holds now; the reader judges its age.",
    Kind.EVENT: "The ordered journal. Settled only by the center's own ack, sent after its commit.",
    Kind.FIGURES: "Figures rolled up per minute. Settled like the journal.",
    Kind.HEARTBEAT: "Sign of life.",
    Kind.ACK: "Which rows of one boot are settled: committed, or quarantined with the reason.",
    Kind.LIMITS: "Limits and approvals for one site, versioned.",
    Kind.COMMAND: "An order of the center.",
    Kind.AGENDA: "The meetings that concern one site, with absolute instants for every phase.",
}


def limits() -> str:
    """Table of all limits, for the center, which knows no probe (`control_center.limits.table`)."""
    table = {name: {key: _limit(entry.limits, key) for key in entry.limits.__struct_fields__} for name, entry in PROBES.items()}
    return json.dumps(table, ensure_ascii=False, indent=1) + "\n"


def _limit(kind: type[msgspec.Struct], key: str) -> dict[str, Any]:
    properties = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"][key]
    names = {"minimum": "minimum", "maximum": "maximum", "exclusiveMinimum": "above", "exclusiveMaximum": "below"}
    limit = {"default": properties["default"], "kind": properties.get("type", "")}
    limit |= {ours: properties[theirs] for theirs, ours in names.items() if theirs in properties}
    return limit | {"description": described(kind).get(key, "")}


def asyncapi() -> str:
    """AsyncAPI 3 document of everything that goes over MQTT."""
    types = [messages.Envelope, *dict.fromkeys(kind for kinds in messages._DATA_TYPE.values() for kind in _members(kinds))]
    _, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    named: dict[str, Any] = {}
    for kind in Kind:
        name = kind.value
        address = topics.ROOT + ("/_center/agenda/{site}" if kind is Kind.AGENDA else f"/{{site}}/{name}")
        address += {Kind.COMPONENT: "/{component}", Kind.COMMAND: "/{command}"}.get(kind, "")
        parameters = {part: {"description": part} for part in ("site", "component", "command") if f"{{{part}}}" in address}
        channels[name] = {
            "address": address,
            "description": _CHANNEL_WORDS[kind],
            "parameters": parameters,
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        }
        members = [f"#/components/schemas/{member.__name__}" for member in _members(messages._DATA_TYPE[kind])]
        payload: dict[str, Any] = {"$ref": members[0]} if len(members) == 1 else {"oneOf": [{"$ref": member} for member in members]}
        named[name] = {
            "name": messages.type_of(kind),
            "contentType": "application/cloudevents+json",
            "payload": {"allOf": [{"$ref": "#/components/schemas/Envelope"}, {"type": "object", "properties": {"data": payload}}]},
        }
        operations[name] = {
            "action": "receive" if kind in FROM_SITE else "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "bindings": {"mqtt": {"qos": 0 if kind is Kind.HEARTBEAT else 1, "retain": kind in _RETAINED, "bindingVersion": "0.2.0"}},
        }
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "diemcau",
            "version": "1",
            "description": "Agents at the sites and the control center, seen from the center: what it receives and what it sends.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": named, "schemas": components},
    }
    plain = json.loads(json.dumps(document))
    return "# Drawn by `make docs`; change contract/, not this file.\n" + yaml.safe_dump(
        plain, sort_keys=False, allow_unicode=True, width=140
    )


def _members(kind: Any) -> tuple[Any, ...]:
    return getattr(kind, "__args__", (kind,))


def metrics() -> str:
    """Table of every metric, by component."""
    lines = [
        NOTE
        + "# Metrics\n\nDeclared once, in `contract/catalog/`. A component without its essential figures is “not checked”, never normal.\n"
    ]
    for component in Component:
        own = [spec for spec in METRICS.values() if spec.name.startswith(component.value + ".")]
        if own:
            lines.append(
                f"\n## {component.value}\n\n| metric | unit | what | là gì | range | worse | essential |\n|---|---|---|---|---|---|---|"
            )
        for spec in own:
            low = "" if spec.minimum is None else f"{spec.minimum:g}"
            high = "" if spec.maximum is None else f"{spec.maximum:g}"
            span = f"{low} … {high}" if low or high else "open"
            lines.append(
                f"| `{spec.name}` | {spec.unit} | {spec.en} | {spec.vi} | {span} | {spec.worse} | {'yes' if spec.essential else ''} |"
            )
    return "\n".join(lines) + "\n"


def _treated() -> set[str]:
    """Anchors of the entries of the runbook."""
    return set(re.findall(r'<a id="([^"]+)">', (DOCS / "runbook.vi.md").read_text(encoding="utf-8")))


def faults() -> str:
    """Table of every fault code, by component; a code leads to its entry in the runbook."""
    treated = _treated()
    lines = [NOTE + "# Faults\n\nDeclared once, in `contract/catalog/`; board, form and terminal take their words from there.\n"]
    for component in Component:
        own = [spec for spec in FAULTS.values() if spec.component is component]
        line = LINE_OF[component]
        if own:
            lines.append(f"\n## {component.value}\n\nLine of the form: {line.value if line else 'none; told in «Mô tả sự cố»'}.\n")
            lines.append("| code | severity | on the form | sentence | câu báo | làm gì |\n|---|---|---|---|---|---|")
        for spec in own:
            differing = "".join(f"; {phase}: {severity}" for phase, severity in spec.severity_in.items())
            code = f"[`{spec.code}`](runbook.vi.md#{spec.runbook})" if spec.runbook in treated else f"`{spec.code}`"
            lines.append(f"| {code} | {spec.severity}{differing} | {_EFFECT[spec.effect]} | {spec.en} | {spec.vi} | {spec.advice_vi} |")
    return "\n".join(lines) + "\n"


def _proofs() -> dict[str, list[str]]:
    """Requirement number → tests that carry it, found in the source without running it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for number, name in _marked(ast.parse(path.read_text(encoding="utf-8"))):
            found[number].append(f"`{path.relative_to(ROOT)}::{name}`")
    return found


def _marked(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Numbers that a module's tests carry, each with the test's name; those of ``pytestmark`` are of them all."""
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            first = next((test.name for test in tests if test.name.startswith("test_")), "")
            yield from ((number, first) for call in ast.walk(node.value) for number in _numbers(call))
    for node in tests:
        yield from ((number, node.name) for decorator in node.decorator_list for number in _numbers(decorator))


def _numbers(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.req":
        yield from (argument.value for argument in node.args if isinstance(argument, ast.Constant) and isinstance(argument.value, str))


def requirements() -> str:
    """Which requirement is proved by what, and which is not."""
    asked = tomllib.loads((DOCS / "requirements.toml").read_text(encoding="utf-8"))
    proofs = _proofs()
    unknown = sorted(set(proofs) - set(asked))
    if unknown:
        raise SystemExit(f"tests carry unknown requirement numbers: {', '.join(unknown)}")
    proved = sum(number in proofs for number in asked)
    lines = [NOTE + "# Requirements\n"]
    lines.append(
        "Drawn from the regulation by clause. A test that carries a number proves at least a part of it; what has none is not proved.\n"
    )
    lines.append(f"**{proved} of {len(asked)} have a test.**\n")
    lines.append("| | clause | required | accepted when | proved by |\n|---|---|---|---|---|")
    for number, row in asked.items():
        proof = "<br>".join(proofs[number]) if number in proofs else "**not yet**"
        lines.append(f"| {number} | {row['clause']} | {row['required']} | {row['accepted']} | {proof} |")
    return "\n".join(lines) + "\n"


def causes() -> str:
    """Table of what lies behind faults that stand together."""

    def words(codes: Collection[str]) -> str:
        return ", ".join(f"`{code}`" for code in sorted(codes))

    lines = [
        NOTE + "# Causes\n",
        "What several faults at once likely come from, as the site's terminal and page say it (`edge_agent/inference.py`).",
        "Tried in this order; what one explains, the later ones do not see. The cases are in `tests/edge_agent/test_inference.py`.\n",
        "| cause | one of each | and none of | explains too | nguyên nhân → làm gì |\n|---|---|---|---|---|",
    ]
    for cause in CAUSES:
        groups = "<br>and ".join(words(group) for group in cause.all_of)
        others = words(cause.explains.difference(*cause.all_of))
        lines.append(f"| {cause.name} | {groups} | {words(cause.none_of)} | {others} | {cause.text()} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the documents, or say which are out of date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a document is out of date")
    check = parser.parse_args().check
    drawn = {
        DOCS / "protocol.asyncapi.yaml": asyncapi(),
        DOCS / "metrics.md": metrics(),
        DOCS / "faults.md": faults(),
        DOCS / "causes.md": causes(),
        DOCS / "requirements.md": requirements(),
        ROOT / "control_center/limits/limits.json": limits(),
    }
    stale = [path for path, text in drawn.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if check:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run `make docs` and commit it", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(drawn[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
