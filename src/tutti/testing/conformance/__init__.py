"""Suites that every implementation of a port passes; subclass one and give it your own."""

import sys

if "pytest" in sys.modules:
    import pytest

    # what does not hold is shown with its values, to authors of plug-ins, too
    pytest.register_assert_rewrite(
        "tutti.testing.conformance.agents", "tutti.testing.conformance.venues"
    )
