"""A small city to load, for tests."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from reports.models import (
    Category,
)

SMALL = """
departments:
  - {slug: streets, name: Streets, parent: works}
  - slug: works
    name: Works
    opening_hours: {mon-fri: "08:00-16:00"}
    holidays: US
groups:
  - {slug: roads, name: Roads, translations: {es: {name: Calles}}}
categories:
  - slug: pothole
    name: Pothole
    group: roads
    department: streets
    colour: "#112233"
    icon: road
    keywords: [hole]
    examples: [A deep hole, Another hole]
    translations: {es: {name: Bache, description: Un hoyo., examples: [Hay un bache]}}
    deadline: {hours: 16, in_working_hours: true, answer_hours: 4}
    default_severity: high
    questions:
      - code: lane
        type: singlevaluelist
        label: Which lane?
        required: true
        values:
          - {key: left, name: Left, translations: {es: {name: Izquierdo}}}
          - {key: right, name: Right}
        translations: {es: {label: ¿Qué carril?}}
      - {code: depth, type: number, label: How deep?}
severity_rules:
  - {name: Gas, severity: critical, phrases: [gas leak, smell of gas]}
"""


def load(folder: Path, text: str = SMALL, *options: str, name: str = "city.yaml") -> list[str]:
    """Run the command on a file of this content; return its lines."""
    path, out = folder / name, io.StringIO()
    path.write_text(text, encoding="utf-8")
    call_command("load_categories", str(path), *options, stdout=out)
    return out.getvalue().splitlines()


def refusal(folder: Path, text: str, name: str = "city.yaml") -> str:
    """Return what the command says of a file that it refuses, having changed nothing."""
    with pytest.raises(CommandError) as refused:
        load(folder, text, name=name)
    assert not Category.objects.exists()
    return str(refused.value)
