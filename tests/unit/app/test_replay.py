"""What keeps a recorded run from being replayed, and what a kill left of it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.account_folder import CONFIGURATIONS, keep_configuration
from tutti.app.config import Config, override
from tutti.app.feed import made_up
from tutti.app.kill_switch import say_offline
from tutti.app.paper import Opening, PaperAccount
from tutti.app.replay import replay_run
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import PAUSE, Command
from tutti.model.errors import ConfigError
from tutti.model.opinion import Abstention, Opinion

if TYPE_CHECKING:
    from pathlib import Path

_START = 1_704_067_200_000_000_000
_CONFIG = override(
    Config(),
    {
        "agents": (),
        "feed.tick_s": 3600,
        "feed.warm_up_bars": 30,
        "feed.simulated.symbols": ["BTC-USDT-PERP.SIM"],
        "policy.name": "ema_cross",
        "policy.fast": 2,
        "policy.slow": 5,
        "risk.care.cooldown_s": 0,
    },
)


class _Progress:
    def __init__(self) -> None:
        self.said: list[tuple[int, int, str]] = []

    def __call__(self, done: int, total: int, note: str) -> None:
        self.said.append((done, total, note))


def _live(folder: Path, ticks: int, *, config: Config = _CONFIG, stop: bool = True) -> None:
    """Trade so many ticks, then stop or be killed."""
    keep_configuration(config, folder)
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    account = PaperAccount(config, made_up(config, _START), store, Opening(run_id="paper"))
    for tick in islice(account.ticks, ticks):
        account.process(tick)
    if stop:
        account.stop("for now")
    else:
        store.close()  # with what was committed, as after a kill


def test_sessions_are_replayed_one_after_the_other(tmp_path: Path) -> None:
    for ticks in (40, 30, 20):
        _live(tmp_path, ticks)
    progress = _Progress()
    outcome = replay_run(tmp_path, progress)
    assert outcome.equal
    assert outcome.recorded_hash == outcome.replayed_hash != ""
    assert {note for _, _, note in progress.said} == {"session 1", "session 2", "session 3"}
    assert all(0 < done <= total for done, total, _ in progress.said)


def test_session_that_was_killed_is_replayed_to_where_it_was(tmp_path: Path) -> None:
    _live(tmp_path, 40, stop=False)
    _live(tmp_path, 30)
    outcome = replay_run(tmp_path, _Progress())
    assert (outcome.equal, outcome.first_difference) == (True, 0)


def test_run_that_goes_on_is_compared_as_far_as_it_was_read(tmp_path: Path) -> None:
    _live(tmp_path, 40, stop=False)
    said: list[str] = []

    def meanwhile(_done: int, _total: int, note: str) -> None:
        if not said:
            say_offline(tmp_path, Command(name=PAUSE, by="somebody", detail="meanwhile"))
        said.append(note)

    outcome = replay_run(tmp_path, meanwhile)
    assert said
    assert (outcome.equal, outcome.first_difference) == (True, 0)


def test_folder_without_a_run_has_nothing_to_replay(tmp_path: Path) -> None:
    Journal(SqliteLedger(tmp_path, Durability.BATCHED), "empty").close()
    with pytest.raises(ConfigError, match="there is nothing to replay"):
        replay_run(tmp_path, _Progress())


def test_run_without_its_configuration_is_not_replayed(tmp_path: Path) -> None:
    _live(tmp_path, 10)
    (path,) = (tmp_path / CONFIGURATIONS).iterdir()
    path.unlink()
    with pytest.raises(ConfigError, match="without it the run can't be replayed"):
        replay_run(tmp_path, _Progress())


def test_run_of_another_version_names_what_does_not_fit(tmp_path: Path) -> None:
    _live(tmp_path, 10)
    (path,) = (tmp_path / CONFIGURATIONS).iterdir()
    path.write_text('{"seed": "seven"}')
    with pytest.raises(ConfigError, match=r"doesn't fit this version \(1 problems\)"):
        replay_run(tmp_path, _Progress())


_LISTENING = override(
    _CONFIG,
    {
        "agents": [{"name": "pundit"}],
        "conductor.weights": {},
        "policy.name": "hybrid",
        "policy.weights": {"context": 1.0, "momentum": 0.0, "mean_reversion": 0.0, "pairs": 0.0},
        "policy.entry_threshold": 0.3,
        "policy.exit_threshold": 0.2,
    },
)


def _listening(folder: Path, ticks: int, *, stop: bool = True) -> int:
    """Trade so many ticks on what a pundit says every fifth of them; return the orders made."""
    keep_configuration(_LISTENING, folder)
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    account = PaperAccount(_LISTENING, made_up(_LISTENING, _START), store, Opening(run_id="paper"))
    (btc,) = (each.id for each in account.plan.instruments)
    for k, tick in enumerate(islice(account.ticks, ticks)):
        ts = int(tick.known_at[-1])
        if k % 5 == 2:
            opinion = Opinion(
                agent="pundit", instrument=btc, bias=0.9 if k % 2 else -0.9, confidence=1.0,
                as_of=ts - 3_600_000_000_000, rationale=f"tick {k}", time_to_live=6 * 3_600_000_000_000,
            )  # fmt: skip
            late = Abstention(agent="pundit", instrument=btc, as_of=ts, reason="no answer in 2 s")
            account.session.tell(ts, [opinion, late])
        account.process(tick)
    if stop:
        account.stop("for now")
    else:
        store.close()
    return account.session.engine.counts.orders


def test_run_with_agents_that_were_awaited_is_replayed_without_asking_them(
    installed: None, tmp_path: Path
) -> None:
    orders = _listening(tmp_path, 43)
    # the opinion that still stood is there after a restart, and after a kill
    orders += _listening(tmp_path, 31, stop=False)
    orders += _listening(tmp_path, 30)
    assert orders > 10
    outcome = replay_run(tmp_path, _Progress())
    assert (outcome.equal, outcome.first_difference) == (True, 0)


def test_restart_takes_up_the_opinions_that_still_stand(installed: None, tmp_path: Path) -> None:
    _listening(tmp_path, 43)
    store = SqliteLedger(tmp_path, Durability.EACH_COMMIT)
    account = PaperAccount(_LISTENING, made_up(_LISTENING, _START), store, Opening(run_id="paper"))
    (btc,) = (each.id for each in account.plan.instruments)
    (standing,) = account.session.board.standing(btc, account.as_of)
    assert isinstance(standing, Opinion)
    assert standing.rationale == "tick 42"
    account.stop("for now")
