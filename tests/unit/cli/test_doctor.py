"""Is this installation well?"""

from __future__ import annotations

import json
import socket
from collections import namedtuple
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tutti import __version__
from tutti.cli import doctor
from tutti.cli.doctor import Health
from tutti.cli.running import Running, claim

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Backtested, Tutti

NAMES = {
    "python", "packages", "runs folder", "compiled kernels", "clock", "configuration", "plug-ins",
    "last ledger", "port",
}  # fmt: skip


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def checks(answer_out: str) -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in json.loads(answer_out)["checks"]}


def test_doctor_looks_at_everything(tutti: Tutti, free_port: int) -> None:
    Path("my.yaml").write_text(f"api: {{port: {free_port}}}")
    answer = tutti("doctor", "--config", "my.yaml", "--json")
    found = checks(answer.out)
    assert found.keys() == NAMES
    assert answer.code == 0
    assert {check["health"] for check in found.values()} <= {"ok", "warning"}
    assert found["port"]["found"] == f"127.0.0.1:{free_port} is free"
    assert found["last ledger"]["found"] == "no run here yet"


def test_doctor_tells_people_in_a_table(tutti: Tutti) -> None:
    answer = tutti("doctor")
    assert answer.code == 0
    assert "all well" in answer.out
    assert "compiled kernels" in answer.out


def test_doctor_fails_with_a_broken_configuration(tutti: Tutti) -> None:
    Path("my.yaml").write_text("seed: -1")
    answer = tutti("doctor", "--config", "my.yaml")
    assert answer.code == 1
    assert "my.yaml:1: seed must be 0 or more" in " ".join(answer.out.split())
    assert "failed: configuration" in answer.out


def test_doctor_warns_of_a_port_in_use(tutti: Tutti) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        Path("my.yaml").write_text(f"api: {{port: {taken.getsockname()[1]}}}")
        answer = tutti("doctor", "--config", "my.yaml", "--json")
    assert answer.code == 0
    port = checks(answer.out)["port"]
    assert port["health"] == "warning"
    assert "choose another api.port" in port["found"]


def test_doctor_leaves_the_port_of_a_running_service_alone(tutti: Tutti) -> None:
    with claim(Path("runs/paper"), Running(pid=77, feed="sim", started_at="")):
        answer = tutti("doctor", "--json")
    assert checks(answer.out)["port"]["found"] == "process 77 runs, API at none"


def test_doctor_without_an_api_needs_no_port(tutti: Tutti) -> None:
    Path("my.yaml").write_text("api: {enabled: false}")
    answer = tutti("doctor", "--config", "my.yaml", "--json")
    assert checks(answer.out)["port"]["found"] == "the API is off"


def test_doctor_verifies_the_last_ledger(tutti: Tutti, backtested: Backtested) -> None:
    Path("runs").mkdir()
    Path("runs/last").symlink_to(backtested.folder)
    found = checks(tutti("doctor", "--json").out)["last ledger"]
    assert found["health"] == "ok"
    assert "sound" in found["found"]


def test_doctor_fails_with_a_ledger_that_is_none(tutti: Tutti) -> None:
    Path("runs/last").mkdir(parents=True)
    Path("runs/last/ledger.sqlite").write_text("this is no database")
    answer = tutti("doctor", "--json")
    assert answer.code == 1
    assert checks(answer.out)["last ledger"]["health"] == "failed"


def test_doctor_fails_with_a_ledger_that_was_edited(tutti: Tutti, edited_ledger: Path) -> None:
    Path("runs").mkdir()
    Path("runs/last").symlink_to(edited_ledger)
    answer = tutti("doctor", "--json")
    assert answer.code == 1
    assert checks(answer.out)["last ledger"]["health"] == "failed"


def test_doctor_warns_of_a_python_that_is_not_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.version_info", (3, 14, 0))
    check = doctor._python()
    assert check.health is Health.DOUBTFUL
    assert "3.11 to 3.13 are tested" in check.told


def test_doctor_fails_with_a_package_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = ["numpy>=2.1", "no-such-package[a]", "nor-this>=1; extra == 'dev'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda _: needs)
    check = doctor._packages()
    assert check.health is Health.BAD
    assert "missing: no-such-package;" in check.told


@pytest.mark.parametrize(
    ("free", "health"),
    [(5e9, Health.GOOD), (1e9, Health.DOUBTFUL), (1e8, Health.BAD)],
)
def test_doctor_looks_at_the_room_on_the_disk(
    monkeypatch: pytest.MonkeyPatch, free: float, health: Health
) -> None:
    usage = namedtuple("usage", ("free",))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage(free))
    assert doctor._runs_folder().health is health


def test_doctor_fails_in_a_folder_it_may_not_write_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert doctor._runs_folder().health is Health.BAD


def test_doctor_warns_when_kernels_can_not_be_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path / "new"))
    assert "none yet" in doctor._kernels().told
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert "can't be written to" in doctor._kernels().told
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path / "file" / "below"))
    check = doctor._kernels()
    assert check.health is Health.DOUBTFUL
    assert "can't be made" in check.told


def test_doctor_finds_compiled_kernels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "kernel.nbc").write_bytes(b"")
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    check = doctor._kernels()
    assert (check.health, check.told) == (Health.GOOD, f"1 in {tmp_path}")


def test_doctor_fails_with_a_clock_of_long_ago() -> None:
    check = doctor._clock(lambda: 0.0, lambda: 0.0)
    assert check.health is Health.BAD
    assert "says 1970" in check.told


def test_doctor_fails_with_a_clock_that_jumps() -> None:
    times = iter((1.8e9, 1.8e9, 1.8e9 + 60))
    check = doctor._clock(lambda: next(times), lambda: 5.0)
    assert check.health is Health.BAD
    assert "jumped by 60.0 s" in check.told


def test_doctor_fails_with_a_broken_plug_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tutti.agents]\nbroken = not_there:make\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    check = doctor._plugins()
    assert check.health is Health.BAD
    assert "of broken 1.0 does not load" in check.told


def test_plugins_lists_what_is_built_in(tutti: Tutti) -> None:
    answer = tutti("plugins", "--json")
    listed = json.loads(answer.out)["plugins"]
    assert {"vpin", "hybrid", "sqlite"} <= {plugin["name"] for plugin in listed}
    assert "tutti.agents" in tutti("plugins").out


def test_version_says_what_it_is_made_of(tutti: Tutti) -> None:
    answer = json.loads(tutti("version", "--json").out)
    assert answer["tutti"] == __version__
    assert answer["packages"]["numpy"]
    assert answer["packages"]["ccxt"]
    assert "pytest" not in answer["packages"]
    assert f"tutti {__version__}" in tutti("version").out
