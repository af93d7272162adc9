"""Alerts and dashboard ask for what the services show; promtool finds nothing wrong with the rules."""

import json
import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client import CollectorRegistry, generate_latest

from shared.commands import QueueDoor
from shared.consumer import Consumer
from shared.figures import REGISTRY
from shared.health import Health
from shared.relay import Relay
from shared.testing import fresh_pool
from tests.shared.doors import settings_for
from tests.shared.rabbit import Rabbit
from tests.test_deploy import REPLICATED, SERVICES

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
ALERTS = DEPLOY / "prometheus/alerts.yml"
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


def asked_for(text: str) -> set[str]:
    return set(re.findall(r"fenlu_[a-z0-9_]+", text))


def alerts() -> list[dict[str, str]]:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    rules: list[dict[str, str]] = group["rules"]
    return rules


def expressions() -> dict[str, str]:
    """Everything that alerts and panels ask Prometheus, by its name."""
    found = {rule["alert"]: rule["expr"] for rule in alerts()}
    for panel in json.loads((DEPLOY / "grafana/fenlu.json").read_text())["panels"]:
        for target in panel["targets"]:
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    return found


@pytest.fixture
async def shown(rabbit: Rabbit) -> set[str]:
    """The names of the time series of the services that have some of their own."""
    text = generate_latest(REGISTRY).decode()
    for name in ("accounting", "webhooks"):
        service = import_module(f"services.{name}.handlers").service
        async with fresh_pool(ROOT / f"services/{name}") as pool:
            loops = (
                Relay(name, "", "", ""), Consumer(service, pool, ""), QueueDoor(service, pool, settings_for(rabbit))
            )
            text += (await Health(name, pool, *loops, [], CollectorRegistry()).metrics()).decode()
    kinds = dict(re.findall(r"^# TYPE (fenlu_\S+) (\S+)$", text, re.MULTILINE))
    return {name + suffix for name, kind in kinds.items() for suffix in SUFFIXES[kind]}


async def test_whatever_is_asked_for_is_shown(shown: set[str]) -> None:
    unknown = {name: asked_for(text) - shown for name, text in expressions().items() if asked_for(text) - shown}
    assert unknown == {}
    assert len(expressions()) > 20


def test_every_alert_has_its_chapter() -> None:
    """In both languages, and English readers find it by the link."""
    english = (ROOT / "docs/operations.en.md").read_text()
    chinese = (ROOT / "docs/operations.md").read_text()
    headings = {re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
                for line in english.splitlines() if line.startswith("#")}
    for rule in alerts():
        notes = rule["annotations"]
        assert isinstance(notes, dict)
        file, _, anchor = notes["runbook"].partition("#")
        assert (file, anchor in headings) == ("docs/operations.en.md", True), notes["runbook"]
        assert rule["alert"] in english
        assert rule["alert"] in chinese


def test_every_instance_is_scraped() -> None:
    (job,) = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    hosts = {urlsplit(f"//{target}").hostname for target in job["static_configs"][0]["targets"]}
    assert hosts == {*SERVICES, *(f"{name}-2" for name in REPLICATED)}


@pytest.mark.parametrize("check", ["rules alerts.yml", "config prometheus.yml"])
def test_promtool_finds_nothing_wrong(check: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here (Debian: apt install prometheus)")
    done = subprocess.run([promtool, "check", *check.split()], cwd=ALERTS.parent, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
