"""Plug-in models: found in the folders of the configuration or installed, loaded, put to work.

A model called ``drift`` is the folder ``drift`` (its ``model.py``) or the file ``drift.py`` in one of
``models.folders``, or an entry point of that name in the group ``tutti.models``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tutti.agents.models.analyst import AnalystTerms, HFAnalyst, LFAnalyst
from tutti.agents.models.awaited import AwaitedAnalyst
from tutti.agents.models.port import ModelSource, broken
from tutti.app.plugins import Plugins
from tutti.kernel.clock import SECOND
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tutti.agents.models.analyst import Analyst
    from tutti.app.settings import AgentSettings, Config, ModelsSettings

GROUP = "tutti.models"
FILE = "model.py"
CLASS = "TradeModel"
OBJECTS = ("model", "MODEL")
"""What a model may be called in its file: a class or a factory, or one that is made already."""

ANALYSTS = {"hf_analyst": HFAnalyst, "lf_analyst": LFAnalyst}
"""Kinds of agents that run a model, by the names that the configuration uses."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PACKAGE = "__init__.py"
_PREDICTS = re.compile(r"^\s*(async\s+)?def predict\(", re.MULTILINE)
_NO_MODEL = re.compile(r"(test_.*|.*_test|conftest|train.*|setup|server)\.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundModel:
    """A model that can be named: where it is, not yet imported."""

    name: str
    origin: str
    path: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All that a model in a folder consists of, code and weights; of others nothing."""
        if self.path is None:
            return ()
        if self.path.stem == self.name and self.path.parent.name != self.name:
            return (self.path,)
        return tuple(
            file
            for file in sorted(self.path.parent.rglob("*"))
            if file.is_file() and "__pycache__" not in file.parts
        )


def analyst_of(
    key: str, settings: AgentSettings, models: ModelsSettings
) -> Analyst | AwaitedAnalyst:
    """Return the agent that runs a model: one that has to be awaited where its model has.

    Parameters
    ----------
    key : str
        Of the agent in the configuration, such as ``agents[0]``; errors begin with it.
    settings : AgentSettings
        Of kind ``hf_analyst`` or ``lf_analyst``; its params name the ``model`` and the
        ``timeframe``, and the rest is the model's own.

    Raises
    ------
    ConfigError
        If the model isn't found, does not load or can't be made; the traceback is a note on it.
    """
    params: dict[str, Any] = dict(settings.params)
    name = params.pop("model", "") or settings.model
    if not name:
        raise ConfigError(
            f"{key}.params: {settings.plugin} runs a model, and none is named; write for example "
            "params: {model: drift, timeframe: 15m}"
        )
    allowed = None
    if settings.instruments is not None:
        allowed = frozenset(InstrumentId.parse(each) for each in settings.instruments)
    terms = AnalystTerms(
        name=settings.name,
        timeframe=str(params.pop("timeframe", "")),
        time_to_live=round(settings.time_to_live_s * SECOND),
        timeout_s=settings.timeout_s,
        instruments=allowed,
        params=params,
    )
    try:
        analyst = ANALYSTS[settings.plugin](load_model(str(name), models.folders), terms)
        return AwaitedAnalyst(analyst) if analyst.declared.awaited else analyst
    except ConfigError as error:
        raise ConfigError(f"{key}.params: {error}") from error


def found_models(folders: Sequence[str], plugins: Plugins | None = None) -> tuple[FoundModel, ...]:
    """Return every model that can be named, by name; none of them is imported.

    Raises
    ------
    ConfigError
        If a folder is none, or two models have one name.
    """
    found: dict[str, FoundModel] = {}
    for each in (*_in_folders(folders), *_installed(plugins or Plugins())):
        if (other := found.get(each.name)) is not None:
            raise ConfigError(
                f"two models are called {each.name}: {other.origin} and {each.origin}; rename one"
            )
        found[each.name] = each
    return tuple(found[name] for name in sorted(found))


def load_model(name: str, folders: Sequence[str]) -> ModelSource:
    """Return the model of a name, imported.

    Raises
    ------
    ConfigError
        If there is none, or it does not load; the traceback is a note on the error.
    """
    plugins = Plugins()
    found = {each.name: each for each in found_models(folders, plugins)}
    if (model := found.get(name)) is None:
        places = ", ".join(folders) or "none: name folders under models.folders"
        raise ConfigError(
            f"there is no model {name!r}; there are: {', '.join(found) or 'none'} (looked for "
            f"{name}/{FILE} in {places}; and for installed ones in {GROUP})"
        )
    if model.path is not None:
        return load_file(model.path, name)
    return ModelSource(name=name, origin=model.origin, make=plugins.load(GROUP, name))


def load_file(path: Path, name: str = "") -> ModelSource:
    """Return the model in a file, or in the ``model.py`` of a folder.

    Parameters
    ----------
    name : str
        Of the model; that of its folder where empty.

    Raises
    ------
    ConfigError
        If it can't be read or raises, or holds no model; the traceback is a note on the error.
    """
    file = file_of(path)
    if not file.is_file():
        raise ConfigError(f"{file}: no such file; a model is a folder with a {FILE}")
    is_whole = path.is_dir() or file.name in (FILE, _PACKAGE)
    name = name or (file.parent.resolve().name if is_whole else file.stem)
    module = _imported(file, name)
    return ModelSource(name=name, origin=str(file), make=_model_in(module, file))


def file_of(path: Path) -> Path:
    """Return the file that holds a model: ``path`` itself, or that of a folder.

    Of a folder it is ``model.py``, else the only one that has a ``predict`` and is no test, else
    its ``__init__.py``; ``model.py`` where there is none of them.
    """
    if not path.is_dir() or (path / FILE).is_file():
        return path / FILE if path.is_dir() else path
    predicting = [each for each in sorted(path.glob("*.py")) if _predicts(each)]
    if len(predicting) == 1:
        return predicting[0]
    package = path / _PACKAGE
    return package if package.is_file() and package.stat().st_size else path / FILE


def models_digest(config: Config) -> str:
    """Return the SHA-256 of all models that agents of a configuration run; empty where none does.

    Of one in a folder every file counts, code and weights; of an installed one its package with its
    version.

    Raises
    ------
    ConfigError
        If a folder of models is none.
    """
    runs = [each for each in config.agents if each.enabled and each.plugin in ANALYSTS]
    if not runs:
        return ""
    found = {each.name: each for each in found_models(config.models.folders)}
    digest = hashlib.sha256()
    for name in sorted({str(each.params.get("model", each.model)) for each in runs}):
        if (model := found.get(name)) is None:
            continue  # that it is missing is told where it is loaded
        digest.update(f"{name} {'' if model.path else model.origin}".encode())
        for file in model.files:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _in_folders(folders: Sequence[str]) -> list[FoundModel]:
    found = []
    for folder in folders:
        root = Path(folder)
        if not root.is_dir():
            raise ConfigError(
                f"models.folders: {folder} is no folder (seen from {Path.cwd()}); correct it"
            )
        for each in sorted(root.iterdir()):
            name = each.name if each.is_dir() else each.name.removesuffix(".py")
            if not _NAME.fullmatch(name):
                continue
            file = file_of(each) if each.is_dir() else each
            if (file.name == FILE and file.is_file()) or _predicts(file):
                found.append(FoundModel(name=name, origin=str(file), path=file))
    return found


def _installed(plugins: Plugins) -> list[FoundModel]:
    return [FoundModel(name=each.name, origin=each.package) for each in plugins.listed(GROUP)]


def _imported(file: Path, name: str) -> ModuleType:
    # a name of its own for each file: two models may both have a module called features
    digest = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:8]
    called = f"tutti_model_{re.sub(r'[^A-Za-z0-9_]', '_', name)}_{digest}"
    spec = importlib.util.spec_from_file_location(
        called, file, submodule_search_locations=[str(file.parent)]
    )
    if spec is None or spec.loader is None:
        raise ConfigError(
            f"model {name} ({file}) does not load: its name ends in none of Python's suffixes; name a "
            f"model's folder, or its {FILE}"
        )
    module = importlib.util.module_from_spec(spec)
    # files beside it are read anew as well: somebody may have edited them while Tutti runs
    for stale in [each for each in sys.modules if each.startswith(f"{called}.")]:
        del sys.modules[stale]
    importlib.invalidate_caches()
    sys.modules[called] = module
    try:
        with _beside(file.resolve().parent):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        sys.modules.pop(called, None)
        raise broken(f"model {name} ({file}) does not load", error) from error
    return module


@contextmanager
def _beside(folder: Path) -> Iterator[None]:
    # "import helper" finds helper.py beside the model, after all that is installed; the next model
    # may have a helper of its own, so it is forgotten again
    before = set(sys.modules)
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            at = getattr(sys.modules[name], "__file__", None)
            if not name.startswith("tutti_model_") and at and Path(at).is_relative_to(folder):
                del sys.modules[name]


def _predicts(file: Path) -> bool:
    # told from the text: nothing is imported to find out
    if not file.is_file() or file.suffix != ".py" or _NO_MODEL.fullmatch(file.name):
        return False
    return bool(_PREDICTS.search(file.read_text(encoding="utf-8", errors="replace")))


def _model_in(module: ModuleType, file: Path) -> Any:
    held = vars(module)
    if callable(found := held.get(CLASS)):
        return found
    classes = [each for each in held.values() if isinstance(each, type) and _can_predict(each)]
    inside = f"{module.__name__}."
    own = [each for each in classes if f"{each.__module__}.".startswith(inside)]
    if (named := held.get("Model")) in own:
        return named
    for name in OBJECTS:
        found = held.get(name)
        if not isinstance(found, type | ModuleType) and _can_predict(found):
            return found
    # a class that another one builds on is not meant, nor one that can't be made
    built_on = {base for each in own for base in each.__mro__[1:]}
    last = [
        each for each in dict.fromkeys(own) if each not in built_on and not _is_only_a_port(each)
    ]
    shown = [each for each in last if not each.__name__.startswith("_")] or last
    if len(shown) == 1:
        return shown[0]
    if not shown and inspect.isroutine(held.get("predict")):
        return held["predict"]
    if not shown and named in classes:
        return named
    raise ConfigError(
        f"{file}: holds {len(shown) or 'no'} classes with predict(features), and none called "
        f"{CLASS}; write one class {CLASS}"
    )


def _can_predict(found: object) -> bool:
    return callable(getattr(found, "predict", None))


def _is_only_a_port(found: type) -> bool:
    return inspect.isabstract(found) or getattr(found, "_is_protocol", False)
