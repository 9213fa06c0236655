import pytest

from crm_platform_tests.oracles.simulated_contracts import SimulatedContracts, draw_contracts


@pytest.fixture(scope="session")
def drawn() -> SimulatedContracts:
    return draw_contracts(seed=1, count=2500, days=1400)
