"""For those who test against Tutti: fake exchanges and conformance suites."""
