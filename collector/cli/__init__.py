"""The command `footfall`: what it can do, and how its failures end.

What enters: the command line. What leaves: an exit code: 0 done, 1 failed, 2 misused; errors in one line on stderr.
This package is the only place that picks a concrete store.
"""

from __future__ import annotations

import sqlite3
import sys

import click

from collector import __version__
from collector.cli.loading import load
from collector.cli.plain import plain
from collector.errors import FootfallError, Misuse, NotFound

# Each is loaded when it is asked for.
COMMANDS = {
    "serve": "collector.cli.serve:serve",
    "demo": "collector.cli.demo:demo",
    "site": "collector.cli.site:site",
    "token": "collector.cli.token:token",
    "user": "collector.cli.user:user",
    "audit": "collector.cli.audit:audit",
    "signin-link": "collector.cli.signin:signin_link",
    "customer": "collector.cli.customer:customer",
    "export": "collector.cli.export:export",
    "import": "collector.cli.imports:import_history",
    "forget": "collector.cli.forget:forget",
    "quarantine": "collector.cli.quarantine:quarantine",
    "rebuild": "collector.cli.rebuild:rebuild",
    "backup": "collector.cli.backup:backup",
    "restore": "collector.cli.restore:restore",
    "doctor": "collector.cli.doctor:doctor",
}


class Commands(click.Group):
    """The commands by name, each from its own module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = load(COMMANDS[cmd_name])
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="footfall")
def footfall() -> None:
    """First-party behaviour tracking for online shops."""


def main() -> None:
    """Run the command line and exit."""
    sys.exit(_run())


def _run() -> int:
    try:
        code = footfall.main(prog_name="footfall", standalone_mode=False)
    except click.ClickException as error:
        return _say(error.format_message(), error.exit_code)
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", 1)
    except NotFound as error:
        return _say(str(error), 1)
    except Misuse as error:
        return _say(str(error), 2)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        return _say(": ".join(str(word) for word in (error.filename, error.strerror or error) if word), 1)
    except (FootfallError, sqlite3.OperationalError) as error:
        return _say(str(error), 1)
    return code if isinstance(code, int) else 0


def _say(message: str, code: int) -> int:
    click.echo(f"footfall: {plain(' '.join(message.split()))}", err=True)
    return code
