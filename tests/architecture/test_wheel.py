"""What is installed from the wheel works by itself, with its schemas and its policy inside."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ("autopilot_session_v1", "gap_report_v1", "intention_anchor_v2", "phase_proof_v1", "plan_proposal_v1")


def _run(*argv: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel built from the source tree, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `bin` folder of a fresh environment that has the wheel, and its dependencies from this one."""
    folder = tmp_path_factory.mktemp("environment")
    _run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    _run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=folder)
    packages = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    # A plain path line: the editable installation of the parent, itself a .pth file there, is not followed.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return python.parent


def test_the_wheel_holds_the_package_and_its_data_only(wheel: Path) -> None:
    """Schemas, policy and the licence are inside; tests, documents and tools are not."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"autopack", "autopack-0.1.0.dist-info"}
    for schema in SCHEMAS:
        assert f"autopack/schema_validation/schemas/{schema}.schema.json" in names
    assert "autopack/policy/policy.cedar" in names
    assert "autopack-0.1.0.dist-info/licenses/LICENSE" in names
    shipped = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "autopack").rglob("*.py")}
    assert shipped <= set(names)


def test_the_installed_command_shows_its_help(installed: Path, tmp_path: Path) -> None:
    """`autopack --help` and `--version` work in an environment that has never seen the source tree."""
    assert "Governed autonomy" in _run(installed / "autopack", "--help", cwd=tmp_path)
    assert "0.1.0" in _run(installed / "autopack", "--version", cwd=tmp_path)


def test_every_schema_loads_from_inside_the_installation(installed: Path, tmp_path: Path) -> None:
    """Schemas come from the installed package, not from a source tree, and validate."""
    code = (
        "import autopack\nfrom importlib.resources import files\n"
        "from autopack.errors import ArtifactError\n"
        "from autopack.schema_validation import json_schema\n"
        "json_schema._IN_SOURCE_TREE = json_schema.Path('/nonexistent')\n"
        f"for name in {SCHEMAS!r}:\n"
        "    assert json_schema.load_schema(name)['title'] == name\n"
        "    try:\n        json_schema.validate({}, name)\n"
        "    except ArtifactError:\n        print(name)\n"
        "print(autopack.__file__)\n"
    )
    *names, where = _run(installed / "python", "-c", code, cwd=tmp_path).splitlines()
    assert tuple(names) == SCHEMAS
    assert where.startswith(str(installed.parent))
