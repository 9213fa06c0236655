import pytest

from crm_platform.demo import Demo, make_demo


@pytest.fixture(scope="session")
def house() -> Demo:
    """The demo client in its usual size."""
    return make_demo()


@pytest.fixture(scope="session")
def small_house() -> Demo:
    return make_demo(300)
