"""Commands in the pages and in docs/deploy are ones that there are, with options that there are."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from gossipfl.cli.app import app

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
PAGES = (
    ROOT / "README.md",
    ROOT / "docs" / "operations.md",
    ROOT / "docs" / "settings.md",
    DEPLOY / "consortium",
)


def text(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


def lines_of(page: Path) -> Iterator[str]:
    """The command lines of a page of Markdown, which stand in blocks, or of a script."""
    words = page.read_text("utf-8").replace("\\\n", " ")
    if page.suffix == ".md":
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", words, re.MULTILINE | re.DOTALL)
        words = "\n".join(block for language, block in blocks if not language)
    for line in words.splitlines():
        if found := re.search(r"(?:^|\s|/)gossipfl ([a-z].*)", re.split(r"(?:^| )#", line)[0]):
            yield re.split(r" (?:2?>>?|\|\|?) ", found[1])[0]


COMMANDS = [(page.name, line) for page in PAGES for line in lines_of(page)]


def parse(line: str) -> None:
    """Read `line` as the command line does; raises what it would complain of."""
    words, command = shlex.split(line), typer.main.get_command(app)
    context = command.make_context("gossipfl", list(words), resilient_parsing=True)
    while isinstance(command, typer.core.TyperGroup):
        _, below, words = command.resolve_command(context, words)
        assert below is not None
        command = below
    command.make_context(command.name, words, parent=context)


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_that_is_told_of_can_be_given(page: str, line: str) -> None:
    parse(line)


def test_an_option_that_there_is_not_is_found() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse("node hospital-a --jsonlog")


def test_the_unit_starts_a_node_and_leaves_alone_what_a_person_must_mend() -> None:
    unit = dict(re.findall(r"^(\w+)=(.*)$", text("gossipfl@.service"), re.MULTILINE))
    program, _, words = unit["ExecStart"].partition(" ")
    assert program == "/opt/gossipfl/bin/gossipfl"
    parse(words)
    assert (unit["Restart"], unit["RestartPreventExitStatus"]) == ("on-failure", "2")


def test_the_image_is_made_of_what_there_is_and_runs_a_node_that_can_be_asked() -> None:
    image = text("Dockerfile")
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", image, re.MULTILINE):
        assert all((ROOT / source).exists() for source in sources.split())
    said = {
        name: json.loads(words)
        for name, words in re.findall(r"\b(CMD|ENTRYPOINT) (\[.*\])$", image, re.MULTILINE)
    }
    asked = json.loads(re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", image, re.MULTILINE)[0])
    assert said["ENTRYPOINT"] == asked[:1] == ["gossipfl"]
    parse(shlex.join(said["CMD"]))
    parse(shlex.join(asked[1:]))


def test_the_three_of_the_compose_file_are_those_whose_folders_are_made() -> None:
    composed = re.findall(r'^    volumes: \["\./(\S+):/node"\]$', text("compose.yaml"), re.MULTILINE)
    made = re.findall(r'^names="(.*)"$', text("consortium"), re.MULTILINE)[0].split()
    assert composed == made
    assert re.findall(r"^    hostname: (\S+)$", text("compose.yaml"), re.MULTILINE) == made
