"""The npm package `handlebars`: what a template of the dialect has to render to.

Installed by npm into a folder of the test run, driven over a pipe: one JSON line in, one out. Objects are
given the JSON text that Tocsin writes for them, in place of `[object Object]`. Its option `noEscape` is of
no use, because it adds up numbers that stand side by side.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

PACKAGE = "handlebars@4.7"

_DRIVER = """
const handlebars = require('handlebars').create();
const readable = (key, value) => {
  if (value && typeof value === 'object' && !Array.isArray(value))
    Object.defineProperty(value, 'toString', {value: () => JSON.stringify(value)});
  return value;
};
const predicate = holds => function (...given) {
  const options = given.pop(), found = holds(...given);
  if (!options.fn) return found;
  return found ? options.fn(this) : options.inverse(this);
};
const text = value => value == null ? '' : String(value);
handlebars.registerHelper('equal', predicate((a, b) => text(a) === text(b)));
const contains = (a, b) => Array.isArray(a) ? a.some(one => text(one) === b)
  : a && typeof a === 'object' ? Object.hasOwn(a, b) : text(a).includes(b);
handlebars.registerHelper('contains', predicate((a, b) => text(b) !== '' && contains(a, text(b))));
handlebars.registerHelper('not', predicate(a => handlebars.Utils.isEmpty(a) || a === 0));
handlebars.registerHelper('default', (a, b) => a == null || a === '' ? b : a);
const html = handlebars.Utils.escapeExpression;
const answer = line => {
  const {template, context, escape} = JSON.parse(line);
  handlebars.Utils.escapeExpression = escape ? html : text;
  try {
    const compiled = handlebars.compile(template);
    return {text: compiled(JSON.parse(JSON.stringify(context), readable))};
  } catch (error) { return {error: String(error.message)}; }
};
require('readline').createInterface({input: process.stdin}).on(
  'line', line => process.stdout.write(JSON.stringify(answer(line)) + '\\n'));
"""


class Handlebars:
    """A running interpreter. `render` raises ValueError with its words where it refuses or fails."""

    def __init__(self, folder: Path) -> None:
        node, npm = _program("node"), _program("npm")
        command = [npm, "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), PACKAGE]
        installed = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        if installed.returncode:
            _missing(f"npm could not install {PACKAGE}: {installed.stderr[-300:]}")
        self._process = subprocess.Popen(
            [node, "-e", _DRIVER], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def render(self, template: str, context: Any, *, escape: bool = False) -> str:
        """What Handlebars makes of it, with its HTML escaping or with none."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(
            json.dumps({"template": template, "context": context, "escape": escape}) + "\n"
        )
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise ValueError(answer["error"])
        return str(answer["text"])

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=10)


def _program(name: str) -> str:
    return shutil.which(name) or _missing(f"{name} is not installed")


def _missing(why: str) -> Any:
    if os.environ.get("CI"):
        pytest.fail(f"{why}: .ci/run installs nodejs and npm")
    pytest.skip(why)
