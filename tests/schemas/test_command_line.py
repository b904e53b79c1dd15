"""The template of a command line: references, optional parts, quotes."""

from __future__ import annotations

import subprocess

import pytest

from tintype.schemas.command_line import expanded, mentioned_in
from tintype.schemas.ports import InputPort, accepts, literal_of, type_of

NASTY = "a 'b' \"c\" $(d) `e` \\ ;|&\n*"


@pytest.mark.parametrize(
    "template",
    [
        "printf %s ${{inputs.x}}",
        'printf %s "${{inputs.x}}"',
        "printf %s '${{ inputs.x }}'",
        "printf %s \"\"'${{inputs.x}}'",
        'printf %s \\"${{inputs.x}}\\" | sed "1s/^.//;\\$s/.\\$//"',
        "$[[printf %s ${{inputs.x}}]]",
    ],
)
def test_any_value_is_one_word_wherever_it_stands(template: str) -> None:
    line = expanded(template, {"x": NASTY}, {})
    said = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert said.stdout == NASTY


def test_a_part_without_a_value_is_left_out() -> None:
    template = (
        "train $[[--rate ${{inputs.rate}}]] $[[--seed ${{inputs.seed}}]] --out ${{outputs.model}}/x"
    )
    assert expanded(template, {"seed": "1"}, {"model": "/m"}) == "train  --seed 1 --out /m/x"
    assert [(each.reference.name, each.optional) for each in mentioned_in(template)] == [
        ("rate", True),
        ("seed", True),
        ("model", False),
    ]
    with pytest.raises(ValueError, match="needs the input 'x', which has no value"):
        expanded("echo ${{inputs.x}}", {}, {})
    with pytest.raises(ValueError, match="is no reference"):
        mentioned_in("echo ${{input.x}}")


def test_types_that_go_together() -> None:
    assert accepts("uri_folder", "mltable")
    assert accepts("custom_model", "uri_file")
    assert accepts("number", "string")
    assert not accepts("uri_folder", "uri_file")
    assert not accepts("string", "uri_file")
    assert not accepts("mltable", "integer")
    assert type_of({"path": "x"}) == "uri_folder"


def test_literals_are_read_as_their_port_says() -> None:
    assert literal_of(InputPort(type="integer"), "3") == 3
    assert literal_of(InputPort(type="number"), "0.5") == 0.5
    assert literal_of(InputPort(type="boolean"), "True") is True
    assert literal_of(InputPort(type="string"), 3) == "3"
    for port, value, told in [
        (InputPort(type="integer"), "x", "expected a value of type integer"),
        (InputPort(type="integer"), True, "type integer"),
        (InputPort(type="number"), "nan", "type number"),
        (InputPort(type="number", min=1), 0.5, "at least 1"),
        (InputPort(type="number", max=1), 2, "at most 1"),
        (InputPort(type="string", enum=["a", "b"]), "c", "expected one of a, b"),
        (InputPort(type="boolean"), "yes", "type boolean"),
    ]:
        with pytest.raises(ValueError, match=told):
            literal_of(port, value)
