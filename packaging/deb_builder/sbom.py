"""Software bill of materials: CycloneDX 1.6 JSON of what one package carries; the same wheels give the same bytes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.utils import parse_wheel_filename

from deb_builder.wheels import license_of, metadata, name_of, sha256


def document(package: str, version: str, wheels: Mapping[Path, Sequence[str]], epoch: int) -> str:
    """The bill of one package.

    Args:
        package: Name of the Debian package.
        version: Its version.
        wheels: What it carries, and for which versions of Python.
        epoch: Time of the bill, in seconds since 1970.

    Raises:
        ValueError: what came out is no CycloneDX.
    """
    root = Component(
        name=package,
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref=f"pkg:deb/{package}@{version}",
        purl=PackageURL("deb", None, package, version, {"arch": "amd64"}),
        licenses=[LicenseFactory().make_from_string("MIT")],
    )
    bom = Bom(
        metadata=BomMetaData(component=root, timestamp=datetime.fromtimestamp(epoch, UTC)),
        components=[_component(wheel, pythons) for wheel, pythons in sorted(wheels.items())],
    )
    digests = "".join(sha256(wheel) for wheel in sorted(wheels))
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{package}/{version}/{digests}")
    bom.register_dependency(root, bom.components)
    text = JsonV1Dot6(bom).output_as_string()
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise ValueError(f"the bill of materials is no CycloneDX 1.6: {wrong}")
    return json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _component(wheel: Path, pythons: Sequence[str]) -> Component:
    name, version = name_of(wheel), str(parse_wheel_filename(wheel.name)[1])
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=wheel.name,
        purl=PackageURL("pypi", None, name, version, {"file_name": wheel.name}),
        description=metadata(wheel).get("summary"),
        licenses=[LicenseFactory().make_from_string(license_of(wheel))],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256(wheel))],
        properties=[Property(name="diemcau:python", value=" ".join(pythons))],
    )
