"""The repository's workflows agree with the package's declarations, and with each other.

They run elsewhere; actionlint checks their syntax in full (see CONTRIBUTING.md).
"""

import re
import tomllib
from pathlib import Path

import pytest
import yaml  # installed with Dask

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PATHS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in PATHS}

#: YAML parses the key `on` as true
ON = True


def steps():
    """Every step of every job, with the names of its workflow and its job."""
    for name, workflow in WORKFLOWS.items():
        for job, about in workflow["jobs"].items():
            for step in about["steps"]:
                yield name, job, step


def test_which_there_are():
    assert set(WORKFLOWS) == {"docs", "release", "tests"}
    for workflow in WORKFLOWS.values():
        assert {"name", ON, "permissions", "jobs"} == set(workflow)
        assert workflow["permissions"] == {"contents": "read"}


def test_tests_run_on_every_supported_python_and_system():
    about = WORKFLOWS["tests"]["jobs"]["test"]
    declared = [
        line.rpartition(" ")[2]
        for line in PROJECT["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", line)
    ]
    assert about["strategy"]["matrix"]["python"] == declared
    assert PROJECT["requires-python"] == f">={declared[0]}"
    systems = {name.partition("-")[0] for name in about["strategy"]["matrix"]["os"]}
    assert systems == {"ubuntu", "macos", "windows"}


def test_only_a_tag_is_published_and_only_after_it_was_built():
    release = WORKFLOWS["release"]
    assert release[ON] == {"push": {"tags": ["v*"]}}
    assert release["jobs"]["publish"]["needs"] == "build"
    assert release["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert "permissions" not in release["jobs"]["build"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_jobs_end_and_actions_have_versions(name):
    for job in WORKFLOWS[name]["jobs"].values():
        assert job["timeout-minutes"] <= 60
    for workflow, _, step in steps():
        if workflow == name and "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v1)", step["uses"])


def test_extras_exist():
    extras = {
        name
        for _, _, step in steps()
        for inside in re.findall(r'"\.\[([\w,]+)\]"', step.get("run", ""))
        for name in inside.split(",")
    }
    assert extras == {"docs", "test"}
    assert extras <= set(PROJECT["optional-dependencies"])
