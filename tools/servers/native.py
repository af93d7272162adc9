"""Private PostgreSQL and RabbitMQ instances of this machine's own programs: free ports, own data, 127.0.0.1 only."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.servers import programs, server
from tools.servers.account import Account, data_folder
from tools.servers.holdings import Holdings, Process

START_SECONDS = 180.0  # also on a machine with much else to do


class Native:
    """A server program that runs as a child of ours, in a session of its own: Ctrl-C in the terminal is not for it."""

    def __init__(self, name: str, holdings: Holdings) -> None:
        self.name = name
        self.account = Account.for_server(name)
        self.data = data_folder(holdings, name, self.account)
        self.log = self.data / "server.log"
        self.password = server.password()
        self._holdings = holdings
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the server's main process."""
        return self._started.pid

    def kill(self) -> None:
        """Kill it with SIGKILL, as a power cut would, and wait until it is gone."""
        self._started.kill()
        self._started.wait()

    @property
    def _started(self) -> subprocess.Popen[bytes]:
        assert self._child, f"{self.name} was not started"
        return self._child

    def _spawn(self, command: Sequence[str | Path], ending: int = signal.SIGTERM) -> None:
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                command, cwd=self.data, env=self._environment(), start_new_session=True,
                user=self.account.uid, group=self.account.gid, extra_groups=self.account.groups,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        self._holdings.add(process=Process.of(child.pid, ending))
        self._holdings.afterwards.append(child.wait)
        self._child = child

    def _run(self, command: Sequence[str | Path]) -> str:
        done = subprocess.run(
            command, cwd=self.data, env=self._environment(), capture_output=True, text=True, timeout=120, check=False,
            user=self.account.uid, group=self.account.gid, extra_groups=self.account.groups, stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise server.NotStarted(f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _exited(self) -> bool:
        return self._started.poll() is not None

    def _failed(self) -> server.NotStarted:
        end = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
        return server.NotStarted(f"{self.name} did not start; the end of {self.log}:\n{end}")

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.data), "LANG": "C.UTF-8", **self._settings()}

    def _settings(self) -> Mapping[str, str]:
        return {}


class Postgres(Native):
    """A private PostgreSQL, 15 or newer."""

    def __init__(self, holdings: Holdings, settings: Mapping[str, str] | None = None) -> None:
        self._programs = programs.postgres()
        super().__init__("postgres", holdings)
        (self.port,) = free_ports(1)
        self.settings = dict(settings or {})  # beside those of all; they may be changed before a start
        self.cluster = self.data / "data"
        secret = self.data / "password"
        self.account.write(secret, self.password)
        self._spawn([
            self._programs / "initdb", "--pgdata", self.cluster, "--username", server.USER, "--pwfile", secret,
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale",
        ])
        if self._started.wait():
            raise self._failed()
        self.start()

    @property
    def url(self) -> str:
        """Where its administrator signs in."""
        return f"postgresql://{server.USER}:{self.password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, again on the same data if need be, and wait until it answers."""
        settings = {
            **server.POSTGRES_SETTINGS, **self.settings, "port": str(self.port), "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",  # the path of a deep checkout is too long for a socket
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        # After kill -9 its workers take a moment to notice, and until then a new one refuses to start: try again.
        for _ in range(20):
            self._spawn([self._programs / "postgres", "-D", self.cluster, *options], signal.SIGINT)
            if server.wait_until(self._ready, self._exited, START_SECONDS):
                return
            time.sleep(0.25)
        raise self._failed()

    def ctl(self, *arguments: str) -> str:
        """Run psql as administrator."""
        return self._run([self._programs / "psql", "-X", "-q", "-d", self.url, *arguments])

    def program(self, name: str, *arguments: str | Path) -> str:
        """Run one of PostgreSQL's programs under the server's account."""
        return self._run([self._programs / name, *arguments])

    def _ready(self) -> bool:
        asked = subprocess.run(
            [self._programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            env=self._environment(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
        )
        return asked.returncode == 0


class RabbitMQ(Native):
    """A private RabbitMQ node, 3.10 or newer, with an epmd of its own, so that it meets no other node."""

    def __init__(self, holdings: Holdings) -> None:
        self._programs = programs.rabbitmq()
        super().__init__("rabbitmq", holdings)
        self.port, self._management, self._peers, self._epmd = free_ports(4)
        self._configure()
        # In the foreground; else the node would start one that outlives it and that nobody knows.
        self._spawn([programs.epmd(), "-port", str(self._epmd), "-address", "127.0.0.1"])
        server.wait_until(lambda: server.listens(f"epmd://127.0.0.1:{self._epmd}"), self._exited, START_SECONDS)
        self.start()
        # A new 3.10 node may leave flags off that quorum queues with at-least-once dead lettering need.
        self.ctl("enable_feature_flag", "all")

    @property
    def url(self) -> str:
        """Where its administrator signs in."""
        return f"amqp://{server.USER}:{self.password}@127.0.0.1:{self.port}/"

    @property
    def management_url(self) -> str:
        """Where the administrator of its users signs in."""
        return f"http://{server.USER}:{self.password}@127.0.0.1:{self._management}/"

    def start(self) -> None:
        """Start it, again on the same data if need be, and wait until it answers."""
        self._spawn([self._programs / "rabbitmq-server"])
        if not server.wait_until(lambda: server.speaks_amqp(self.port), self._exited, START_SECONDS):
            raise self._failed()

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl against this node."""
        return self._run([self._programs / "rabbitmqctl", "--quiet", *arguments])

    def _configure(self) -> None:
        for folder in ("conf.d", "schema"):
            self.account.make_folder(self.data / folder)
        settings = {
            "default_user": server.USER,
            "default_pass": self.password,
            "max_message_size": server.MAX_MESSAGE_SIZE,
            "consumer_timeout": server.CONSUMER_TIMEOUT,
            "management.tcp.ip": "127.0.0.1",
            "management.tcp.port": self._management,
            "raft.wal_max_size_bytes": 64 * 1024 * 1024,  # the default of 512 MiB is for large machines
        }
        files = {
            ".erlang.cookie": server.password(),
            "enabled_plugins": "[rabbitmq_management].\n",
            "rabbitmq-env.conf": "",
            "rabbitmq.conf": "".join(f"{name} = {value}\n" for name, value in settings.items()),
        }
        for name, text in files.items():
            self.account.write(self.data / name, text)

    def _settings(self) -> Mapping[str, str]:
        loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
        data = str(self.data)
        return {
            "RABBITMQ_NODENAME": "fenlu@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._peers),
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": loopback,
            "RABBITMQ_CTL_ERL_ARGS": loopback,
            "RABBITMQ_MNESIA_BASE": f"{data}/mnesia",
            "RABBITMQ_LOG_BASE": f"{data}/log",
            "RABBITMQ_PID_FILE": f"{data}/pid",
            "RABBITMQ_SCHEMA_DIR": f"{data}/schema",
            "RABBITMQ_PLUGINS_EXPAND_DIR": f"{data}/plugins",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{data}/config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{data}/enabled_plugins",
            # The next four would else be read from /etc/rabbitmq, which belongs to another broker.
            "RABBITMQ_CONF_ENV_FILE": f"{data}/rabbitmq-env.conf",
            "RABBITMQ_CONFIG_FILE": f"{data}/rabbitmq.conf",
            "RABBITMQ_CONFIG_FILES": f"{data}/conf.d",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{data}/advanced.config",
            # Makes the start script become the node instead of staying around as its parent.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, below the range that the system gives to clients.

    A server must come back on the same port after a crash; in the clients' range someone else could have taken it, or
    a client that reconnects could be connected to itself.
    """
    ports: list[int] = []
    for port in random.sample(range(20_000, 32_000), 500):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            break
    return ports
