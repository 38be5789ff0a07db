"""What `deploy/` and the Dockerfile say is well-formed, and names only settings and paths that exist.

The images are not built here, and no cluster is asked: that needs a registry.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gateway.settings import FILE_FIELDS, PREFIX, Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = sorted((DEPLOY / "compose").glob("*.yaml"))
FILES = sorted(path for path in (*DEPLOY.rglob("*.*"), ROOT / "Dockerfile") if path.is_file())
BIN = Path(sys.executable).parent


def run(*command: str | Path) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, timeout=60, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is needed")
        pytest.skip(f"there is no {name} on this machine")
    return found


def test_the_dockerfile_is_clean():
    run(BIN / "hadolint", "Dockerfile")


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_a_compose_file_fits_its_schema(path):
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path)


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_files_that_a_compose_file_mounts_are_there(path):
    services = yaml.safe_load(path.read_text())["services"].values()
    mounts = [mount.split(":")[0] for one in services for mount in one.get("volumes", ())]
    for mounted in (one for one in mounts if one.startswith(".")):
        assert (path.parent / mounted).is_file(), mounted


def test_the_kubernetes_manifests_fit_their_schemas():
    run(BIN / "kubernetes-validate", "--strict", DEPLOY / "kubernetes" / "tocsin.yaml")


def test_the_balancers_configuration_is_valid():
    run(program("haproxy"), "-c", "-f", DEPLOY / "compose" / "haproxy.cfg")


def test_the_unit_is_valid(tmp_path):
    unit = tmp_path / "tocsin.service"
    text = (DEPLOY / "systemd" / "tocsin.service").read_text()
    unit.write_text(text.replace("/opt/tocsin/bin/tocsin", sys.executable))
    run(program("systemd-analyze"), "verify", unit)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_settings_that_are_named_exist(path):
    known = {name.upper() for name in Settings.model_fields} | {
        f"{name.upper()}_FILE" for name in FILE_FIELDS
    }
    assert set(re.findall(rf"\b{PREFIX}([A-Z_]+)", path.read_text())) <= known


def test_the_image_copies_what_the_package_is_made_of():
    copied = set(re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    only = re.search(r"only-include = \[(.*)\]", (ROOT / "pyproject.toml").read_text())
    assert only is not None
    assert copied == set(re.findall(r'"(\w+)"', only[1]))
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert all(f"!{one}" in ignored for one in copied)
