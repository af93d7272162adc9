"""All settings of a service's commands, read once from the environment or from secret files."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from shared.logs import log_as
from shared.wire import problems


def _check_address(value: SecretStr) -> SecretStr:
    """Whoever parses a broken address later would quote a part of its password."""
    try:
        parts = urlsplit(value.get_secret_value())
        if parts.scheme and parts.hostname and parts.port != 0:
            return value
    except ValueError:
        pass
    raise ValueError("not an address; percent-encode the special characters of its password")


Address = Annotated[SecretStr, AfterValidator(_check_address)]


def _check_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # no such name, no name at all, a folder of names
        raise ValueError(f"{value!r} is no time zone; write it as Asia/Shanghai or Europe/Berlin") from None
    return value


class LogSettings(BaseSettings):
    """Environment variables of the same names in capitals; `/run/secrets/<name>` where that folder exists. Each command
    asks only for the settings that it uses."""

    model_config = SettingsConfigDict(
        secrets_dir="/run/secrets" if Path("/run/secrets").is_dir() else None, extra="ignore", hide_input_in_errors=True
    )

    log_level: str = "INFO"
    log_format: str = "json"


SettingsT = TypeVar("SettingsT", bound=LogSettings)


class DatabaseSettings(LogSettings):
    """What `migrate` needs, as the database's owner, and `replay`."""

    database_url: Address


class BrokerSettings(LogSettings):
    """What `topology` needs: the way to RabbitMQ, for it as the privileged user."""

    rabbitmq_url: Address

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


class ServerSettings(DatabaseSettings, BrokerSettings):
    """What `doctor` needs: the service's own ways to its servers, and if it shall see more of RabbitMQ, the way to its
    management: http://USER:PASSWORD@HOST:15672/VIRTUAL_HOST."""

    rabbitmq_management_url: Address | None = None


class Settings(ServerSettings):
    """What `serve` needs."""

    http_host: str = "127.0.0.1"
    http_port: int = 8000
    jwt_public_key_file: Path
    jwt_issuer: str = "fenlu"
    jwt_audience: str = "fenlu"
    # Who may send commands by queue: {"broker user": {"companies": [...], "roles": [...]}}; it may change at any time.
    queue_principals_file: Path | None = None
    # The broker user of each service: whose events are believed, and who may ask to hear a stretch of a log again.
    service_users: dict[str, str] = Field(
        default_factory=lambda: {
            name: name for name in ("order", "inventory", "accounting", "crm", "webhooks", "console")
        }
    )
    batch_size: PositiveInt = 500
    pool_size: PositiveInt = 10
    # Where traces are sent (OTLP over HTTP), for example http://collector:4318; empty: nowhere.
    otel_exporter_otlp_endpoint: str = ""

    def is_peer(self, user: str) -> bool:
        """True for a broker user that a service works under."""
        return user in self.service_users.values()


class WebhookSettings(LogSettings):
    """What `webhooks` needs besides."""

    webhooks_anywhere: bool = False  # may also send inside its own network, and without TLS


class FeedSettings(LogSettings):
    """What `console` needs to hear: whose days it counts, and how long it keeps what happened."""

    console_time_zone: Annotated[str, AfterValidator(_check_zone)] = "Asia/Shanghai"
    console_feed_days: PositiveInt = 400


class ConsoleSettings(FeedSettings):
    """What `console` needs besides: with the private key it signs short-lived tokens, which the services verify."""

    jwt_private_key_file: Path
    jwt_issuer: str = "fenlu"
    jwt_audience: str = "fenlu"
    # Where the others listen: {"order": "http://order:8000", ...}
    service_urls: dict[str, str] = Field(
        default_factory=lambda: {
            name: f"http://{name}:8000" for name in ("order", "inventory", "accounting", "crm", "webhooks")
        }
    )
    console_https: bool = True  # browsers come by HTTPS, through a proxy: cookies are sent by no other way


class PartnerSettings(LogSettings):
    """What `python -m shared.partner` needs."""

    rabbitmq_management_url: Address  # http://USER:PASSWORD@HOST:15672/VIRTUAL_HOST, of an administrator
    queue_principals_file: Path
    amqp_host: str = "127.0.0.1:5672"  # where partners reach RabbitMQ; only for what is printed


def read_settings(settings: type[SettingsT]) -> SettingsT:
    """Read the settings and log as they say; without what is missing or wrong, which is named, nothing begins."""
    try:
        found = settings()
    except ValidationError as error:
        wrong = ", ".join(f"{field.upper()}: {message}" for field, message in problems(error))
    except SettingsError as error:  # a value that should be JSON
        wrong = str(error)
    else:
        log_as(found.log_format, found.log_level)
        return found
    raise SystemExit(f"settings (environment or /run/secrets): {wrong}")
