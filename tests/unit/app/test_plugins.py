"""What is built in, what is installed, and what happens when a package is broken."""

from __future__ import annotations

from importlib.metadata import Distribution, EntryPoint, PathDistribution
from typing import TYPE_CHECKING

import pytest

from tutti.app.plugins import BUILT_IN, GROUPS, Plugins
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def package(tmp_path: Path) -> Callable[[str], Distribution]:
    def install(name: str) -> Distribution:
        folder = tmp_path / f"{name}-1.2.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        return PathDistribution(folder)

    return install


def point(
    name: str, value: str, dist: Distribution | None = None, group: str = "tutti.agents"
) -> EntryPoint:
    entry = EntryPoint(name, value, group)
    if dist is not None:
        vars(entry)["dist"] = dist
    return entry


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group, names in BUILT_IN.items() for name in names]
)
def test_built_in_loads(group: str, name: str) -> None:
    assert callable(Plugins(installed=()).load(group, name))


def test_plugins_of_this_environment_are_listed_with_the_built_in_ones() -> None:
    names = {(plugin.group, plugin.name) for plugin in Plugins().listed()}
    assert ("tutti.agents", "vpin") in names
    assert ("tutti.policies", "hybrid") in names


def test_plugins_are_listed_by_group_then_name() -> None:
    plugins = Plugins(installed=[point("zebra", "math:sqrt"), point("aardvark", "math:sqrt")])
    assert [plugin.name for plugin in plugins.listed("tutti.agents")] == sorted(
        [*BUILT_IN["tutti.agents"], "zebra", "aardvark"]
    )
    order = [GROUPS.index(plugin.group) for plugin in plugins.listed()]
    assert order == sorted(order)


def test_plugin_of_a_package_says_which(package: Callable[[str], Distribution]) -> None:
    plugins = Plugins(installed=[point("mine", "math:sqrt", package("tutti-mine"))])
    mine = plugins.find("tutti.agents", "mine")
    assert (mine.package, mine.is_built_in) == ("tutti-mine 1.2", False)
    assert mine.load()(9) == 3
    assert plugins.find("tutti.agents", "vpin").is_built_in


def test_plugin_by_an_unknown_name_says_what_there_is_and_what_to_install() -> None:
    with pytest.raises(
        ConfigError, match=r"tutti.policies has no 'rl'.*ema_cross, hybrid.*install"
    ):
        Plugins(installed=()).find("tutti.policies", "rl")


def test_plugin_of_an_empty_group_says_there_is_none() -> None:
    with pytest.raises(ConfigError, match="there are: none"):
        Plugins(installed=()).find("tutti.risk_rules", "mine")


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("no_such_module_here:make", "ModuleNotFoundError"),
        ("math:no_such_attribute", "AttributeError"),
    ],
)
def test_plugin_that_does_not_load_names_its_package(
    package: Callable[[str], Distribution], reference: str, says: str
) -> None:
    plugins = Plugins(installed=[point("mine", reference, package("tutti-mine"))])
    with pytest.raises(ConfigError, match=f"'mine' of tutti-mine 1.2 does not load: {says}"):
        plugins.load("tutti.agents", "mine")
    with pytest.raises(ConfigError, match=r"tutti-mine 1\.2"):
        plugins.load_installed()


def test_plugins_that_load_let_the_start_go_on() -> None:
    Plugins(installed=[point("mine", "math:sqrt")]).load_installed()


def test_two_plugins_of_one_name_are_refused_with_both_packages(
    package: Callable[[str], Distribution],
) -> None:
    points = [
        point("mine", "math:sqrt", package("one")),
        point("mine", "math:cos", package("other")),
    ]
    with pytest.raises(ConfigError, match=r"'mine' twice: from one 1.2 and from other 1.2"):
        Plugins(installed=points)


def test_plugin_with_the_name_of_a_built_in_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="'vpin' twice: from tutti and from an unknown package"):
        Plugins(installed=[point("vpin", "math:sqrt")])


def test_one_name_in_two_groups_is_two_plugins() -> None:
    plugins = Plugins(
        installed=[point("mine", "math:sqrt"), point("mine", "math:cos", group="tutti.policies")]
    )
    assert plugins.load("tutti.policies", "mine")(0) == 1
