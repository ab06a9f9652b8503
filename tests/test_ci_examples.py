"""The pipelines in examples/ci/: their shell lines are executed here, without the installation."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import yaml

from elegans.cli import main
from elegans.hil_tests.lab.lab_map import read_map
from elegans.hil_tests.reports.history import read_history
from elegans.tests.places import CHECKOUT, WORM

_EXAMPLES = CHECKOUT / "examples" / "ci"
_GITHUB, _GITLAB = _EXAMPLES / "github-actions.yml", _EXAMPLES / "gitlab-ci.yml"
_JOBS = ["virtual", "lab"]


def _scripts(path: Path, job: str) -> list[str]:
    """The shell scripts of a job, one after the other."""
    document = yaml.safe_load(path.read_text())
    if path == _GITLAB:
        return document[job]["script"]
    return [step["run"] for step in document["jobs"][job]["steps"] if "run" in step]


def _commands(path: Path, job: str) -> list[list[str]]:
    """The words of each command of a job that is no part of the installation."""
    lines = "\n".join(_scripts(path, job)).replace("\\\n", " ").splitlines()
    words = [shlex.split(line) for line in lines]
    return [line for line in words if line and not {"pip", "venv"} & {Path(w).name for w in line}]


def test_the_workflow_has_what_github_asks_for():
    document = yaml.safe_load(_GITHUB.read_text())
    assert {"push", "pull_request"} == set(document[True])  # YAML 1.1 reads the key `on` as true
    assert list(document["jobs"]) == _JOBS
    for job in document["jobs"].values():
        assert job["runs-on"]
        assert all(("run" in step) != ("uses" in step) for step in job["steps"])
    assert document["jobs"]["lab"]["runs-on"] == ["self-hosted", "lab"]


def test_the_pipeline_has_what_gitlab_asks_for():
    document = yaml.safe_load(_GITLAB.read_text())
    assert document["stages"] == _JOBS
    for name in _JOBS:
        job = document[name]
        assert job["stage"] == name
        assert all(isinstance(line, str) for line in job["script"])
        assert job["artifacts"]["reports"]["junit"] == "hil.xml"


@pytest.mark.parametrize("job", _JOBS)
def test_both_services_run_the_same_commands(job):
    assert _commands(_GITHUB, job) == _commands(_GITLAB, job)


@pytest.mark.parametrize("job", _JOBS)
def test_every_option_in_the_examples_is_one_of_the_command(job):
    commands = _commands(_GITHUB, job)
    assert [Path(words[0]).name for words in commands] == ["elegans", "elegans"]
    for _, verb, *words in commands:
        command = main.commands[verb]
        known = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known


def test_only_the_tool_decides_what_is_tried_again():
    document = yaml.safe_load(_GITLAB.read_text())
    assert [document[job]["retry"] for job in _JOBS] == [0, 0]
    assert "continue-on-error" not in _GITHUB.read_text()
    for path in (_GITHUB, _GITLAB):
        assert "--retries" in _commands(path, "lab")[-1]


def test_the_examples_name_no_path_of_this_machine():
    for path in _EXAMPLES.iterdir():
        text = path.read_text()
        assert str(CHECKOUT) not in text
        assert not re.search(r"/(work|tmp|root|home|opt)/", text), path


@pytest.mark.parametrize("name", ["virtual.toml", "lab.toml"])
def test_the_maps_can_be_read(name):
    assert len(read_map(_EXAMPLES / name)) >= 2


def test_the_job_with_virtual_boards_runs_as_it_is_written(tmp_path):
    for path in _EXAMPLES.iterdir():
        shutil.copy(path, tmp_path)
    shutil.copy(WORM, tmp_path / "model.onnx")
    folders = [str(Path(sys.executable).parent), os.environ["PATH"]]
    for script in _scripts(_GITHUB, "virtual"):
        if "pip install" in script:
            continue
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=tmp_path,
            env=os.environ | {"PATH": os.pathsep.join(folders)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    boards = [entry.name for entry in read_map(tmp_path / "virtual.toml")]
    assert [suite.get("name") for suite in Xml.parse(tmp_path / "hil.xml").getroot()] == boards
    assert all(name in (tmp_path / "hil.html").read_text() for name in boards)
    assert [r.name for r in read_history(tmp_path / "hil-history.jsonl").records] == boards
