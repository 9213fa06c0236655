"""What `deploy/` names exists and agrees; no container engine is needed to see it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from crm_platform_tests.end_to_end.installation import PROJECT

DEPLOY = PROJECT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
HELM = yaml.safe_load((DEPLOY / "helm-values.yaml").read_text("utf-8"))
INSTANCE, OURS = (yaml.safe_load((folder / "dagster.yaml").read_text("utf-8")) for folder in (DEPLOY, PROJECT))
SERVICES = [name for name, service in COMPOSE["services"].items() if service["image"].startswith("crm-platform")]

# What the values of the chart `dagster` may hold, by path (of its values.schema.json; a deeper path is not looked at).
_POD = (
    "annotations affinity tolerations nodeSelector podSecurityContext securityContext resources labels volumes "
    "volumeMounts env envConfigMaps envSecrets image livenessProbe readinessProbe startupProbe schedulerName"
)
KEYS_OF_THE_CHART = {
    "": "dagsterWebserver dagster-user-deployments postgresql generatePostgresqlPasswordSecret rabbitmq redis flower "
    "generateCeleryConfigSecret ingress imagePullSecrets computeLogManager scheduler runLauncher pythonLogs busybox "
    "dagsterDaemon migrate telemetry serviceAccount global retention additionalInstanceConfig",
    "global": "postgresqlSecretName dagsterHome serviceAccountName celeryConfigSecretName",
    "postgresql": "image enabled postgresqlHost postgresqlUsername postgresqlPassword postgresqlDatabase "
    "postgresqlParams postgresqlScheme service",
    "dagster-user-deployments": "enabled enableSubchart imagePullSecrets deployments",
    "dagster-user-deployments.deployments": f"{_POD} name port dagsterApiGrpcArgs codeServerArgs initContainers "
    "includeConfigInLaunchedRuns sidecarContainers deploymentStrategy deploymentNamespace",
    "runLauncher": "type config",
    "runLauncher.config": "celeryK8sRunLauncher k8sRunLauncher customRunLauncher",
    "runLauncher.config.k8sRunLauncher": "image imagePullPolicy jobNamespace loadInclusterConfig kubeconfigFile "
    "envConfigMaps envSecrets envVars volumeMounts volumes labels failPodOnRunFailure resources schedulerName "
    "securityContext runK8sConfig",
    "runLauncher.config.k8sRunLauncher.runK8sConfig": "containerConfig podSpecConfig podTemplateSpecMetadata "
    "jobSpecConfig jobMetadata",
    "dagsterDaemon": f"{_POD} enabled runCoordinator heartbeatTolerance deploymentLabels runMonitoring runRetries "
    "sensors schedules",
    "dagsterDaemon.runCoordinator": "enabled type config",
    "dagsterDaemon.runCoordinator.config": "queuedRunCoordinator customRunCoordinator",
    "dagsterDaemon.runCoordinator.config.queuedRunCoordinator": "maxConcurrentRuns tagConcurrencyLimits "
    "dequeueIntervalSeconds dequeueNumWorkers dequeueUseThreads",
    "dagsterWebserver": f"{_POD} dbStatementTimeout dbPoolRecycle logLevel pathPrefix replicaCount nameOverride "
    "service workspace deploymentLabels enableReadOnly",
}


def mappings(value: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every mapping of a document with its path; the elements of a list have the path of the list."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            yield path, one
            for name, below in one.items():
                yield from mappings(below, f"{path}.{name}".strip("."))


@pytest.mark.parametrize("path", KEYS_OF_THE_CHART, ids=lambda path: path or "top")
def test_the_values_hold_only_what_the_chart_knows(path: str) -> None:
    found = [values for at, values in mappings(HELM) if at == path]
    assert found
    assert set().union(*found) <= set(KEYS_OF_THE_CHART[path].split())


def test_one_run_of_a_client_at_a_time_wherever_it_is_installed() -> None:
    assert {**INSTANCE, **OURS} == INSTANCE  # what the project's instance says, the production one says, too
    limits = HELM["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]["tagConcurrencyLimits"]
    assert limits == OURS["concurrency"]["runs"]["tag_concurrency_limits"]


def test_a_run_is_a_pod_with_a_limit_of_memory_that_is_not_started_twice() -> None:
    assert HELM["runLauncher"]["type"] == "K8sRunLauncher"
    pod = HELM["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    assert pod["containerConfig"]["resources"]["limits"]["memory"]
    assert pod["jobSpecConfig"]["backoffLimit"] == 0


def test_every_file_that_the_image_copies_is_there_and_comes_before_what_needs_it() -> None:
    sources = [word for line in re.findall(r"^COPY (.+)", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]]
    assert [source for source in sources if not (PROJECT / source).exists()] == []
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {"crm_platform", "pyproject.toml", settings["readme"], *settings["license-files"]} <= set(sources)


def test_the_image_runs_as_nobody_special_from_pins_and_hashes() -> None:
    (user,) = re.findall(r"^USER (\d+):\d+", DOCKERFILE, re.MULTILINE)
    assert int(user) >= 1000
    for pod in (HELM["dagsterDaemon"], HELM["dagsterWebserver"], *HELM["dagster-user-deployments"]["deployments"]):
        assert pod["podSecurityContext"]["runAsUser"] == int(user)
    installs = re.findall(r"(uv pip|pip) install .*?--require-hashes -r (\S+)", DOCKERFILE)
    assert installs == [("pip", "deploy/uv.lock"), ("uv pip", "deploy/requirements.lock")]
    assert re.search(r"^uv==", (DEPLOY / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    assert "libgomp1" in DOCKERFILE


def test_the_image_holds_the_versions_that_are_tested() -> None:
    def pins(name: str) -> dict[str, str]:
        return dict(re.findall(r"^([\w.-]+)==([^ ;\\]+)", (PROJECT / name).read_text("utf-8"), re.MULTILINE))

    tested, installed = pins("requirements.lock"), pins("deploy/requirements.lock")
    assert {name: (tested[name], pin) for name, pin in installed.items() if tested.get(name, pin) != pin} == {}
    assert {"dagster-postgres", "dagster-k8s", "s3fs", "setuptools"} <= installed.keys()
    assert not {"pytest", "moto", "ruff"} & installed.keys()


def test_every_image_has_a_version() -> None:
    images = [service["image"] for service in COMPOSE["services"].values()]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    images += [f"{one['repository']}:{one['tag']}" for _, one in mappings(HELM) if "repository" in one]
    assert [image for image in images if not re.search(r":\d+\.\d+(\.\d+)?(-[\w-]+)?$", image)] == []


def test_the_ui_is_reached_from_the_machine_itself_only() -> None:
    ports = {name: service.get("ports", []) for name, service in COMPOSE["services"].items()}
    assert {name: published for name, published in ports.items() if published} == {"webserver": ["127.0.0.1:3000:3000"]}
    assert HELM["dagsterWebserver"]["service"]["type"] == "ClusterIP"
    assert not HELM["ingress"]["enabled"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_given_all_that_the_instance_asks_the_environment_for(service: str) -> None:
    asked = {one["env"] for _, one in mappings(INSTANCE) if "env" in one}
    given = {*COMPOSE["services"][service]["environment"], *re.findall(r"\b([A-Z_]+)=", DOCKERFILE)}
    assert asked - given == set()
    assert COMPOSE["services"][service]["mem_limit"]


def test_every_variable_that_the_code_names_reaches_the_containers() -> None:
    sources = [path.read_text("utf-8") for path in (PROJECT / "crm_platform").rglob("*.py")]
    named = {name for source in sources for name in re.findall(r"\bCRM_PLATFORM_[A-Z_]*[A-Z]\b", source)}
    given = {*COMPOSE["services"]["code"]["environment"], *re.findall(r"\b([A-Z_]+)=", DOCKERFILE)}
    assert len(named) > 5
    assert named - given == set()


def test_no_secret_is_written_down() -> None:
    for service in COMPOSE["services"].values():
        for name, value in service["environment"].items():
            if re.search("PASSWORD|SECRET|KEY", name):
                assert value is None or value.startswith("${"), name
    assert [one for _, one in mappings(HELM) if "postgresqlPassword" in one] == []


def test_the_document_says_what_could_not_be_run_here() -> None:
    text = (PROJECT / "docs" / "production.md").read_text("utf-8")
    assert "## What was run, and what was not" in text
