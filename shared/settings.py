"""All settings of a service process, read once from the environment or from secret files."""

import json
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import Field, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.events import Actor


class Settings(BaseSettings):
    """Environment variables of the same names in capitals; `/run/secrets/<name>` where that folder exists."""

    model_config = SettingsConfigDict(
        secrets_dir="/run/secrets" if Path("/run/secrets").is_dir() else None, extra="ignore"
    )

    database_url: SecretStr
    rabbitmq_url: SecretStr
    http_host: str = "127.0.0.1"
    http_port: int = 8000
    jwt_public_key_file: Path
    jwt_issuer: str = "fenlu"
    jwt_audience: str = "fenlu"
    # Who may send commands by queue: broker user -> {"companies": [...], "roles": [...]}.
    queue_principals: str = Field(default="{}")
    # Broker users of the other services, which may ask to hear a stretch of the log again.
    peers: frozenset[str] = frozenset({"order", "inventory", "accounting", "crm"})
    log_level: str = "INFO"
    log_format: str = "json"
    batch_size: PositiveInt = 500
    pool_size: PositiveInt = 10

    @cached_property
    def amqp_url(self) -> str:
        """The broker's address with a heartbeat short enough to notice a dead peer within half a minute."""
        url = self.rabbitmq_url.get_secret_value()
        if "heartbeat=" in url:
            return url
        return url + ("&" if urlsplit(url).query else "?") + "heartbeat=10"

    @property
    def broker_user(self) -> str:
        """The user that RabbitMQ checks the `user_id` of our messages against."""
        return unquote(urlsplit(self.rabbitmq_url.get_secret_value()).username or "guest")

    def queue_actor(self, user: str, company: str) -> Actor | None:
        """The actor behind a broker-validated user for a company; None if that user may not act for it."""
        principal = json.loads(self.queue_principals).get(user)
        if principal is None or company not in principal["companies"]:
            return None
        return Actor(user, company, frozenset(principal["roles"]))

    def is_peer(self, user: str) -> bool:
        """True for a broker user that another service works under, or another replica of this one."""
        return user == self.broker_user or user in self.peers
