"""A small disk of its own (tmpfs), which a test may fill, grow and make read-only. Needs root."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


class Disk:
    """Mounted on `folder`; whoever makes one unmounts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self, options: str) -> None:
        """Skips the test where mounting is not permitted, but not in CI."""
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
        if done.returncode:
            if os.environ.get("CI"):
                pytest.fail(f"a disk of its own is needed and cannot be mounted: {done.stderr}")
            pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")

    def remount(self, options: str) -> None:
        command = ["mount", "-o", f"remount,{options}", str(self.folder)]
        subprocess.run(command, check=True, capture_output=True, timeout=10)

    def unmount(self) -> None:
        subprocess.run(["umount", str(self.folder)], check=False, capture_output=True, timeout=10)

    def fill(self) -> Path:
        """Another program takes all there is."""
        filler = self.folder / "filler"
        with filler.open("wb", buffering=0) as file:
            for size in (65536, 4096, 512):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    continue
        return filler

    @property
    def free(self) -> int:
        """Bytes."""
        usage = os.statvfs(self.folder)
        return usage.f_bavail * usage.f_frsize
