"""The command `footfall`: what it can do, and how its failures end.

What enters: the command line. What leaves: an exit code: 0 done, 1 failed, 2 misused; errors in one line on stderr.
This package is the only place that picks a concrete store.
"""

from __future__ import annotations

import sqlite3
import sys

import click

from collector import __version__
from collector.cli.backup import backup
from collector.cli.customer import customer
from collector.cli.demo import demo
from collector.cli.doctor import doctor
from collector.cli.export import export
from collector.cli.forget import forget
from collector.cli.imports import import_history
from collector.cli.quarantine import quarantine
from collector.cli.rebuild import rebuild
from collector.cli.restore import restore
from collector.cli.serve import serve
from collector.cli.signin import signin_link
from collector.cli.site import site
from collector.cli.token import token
from collector.errors import FootfallError, Misuse, NotFound


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="footfall")
def footfall() -> None:
    """First-party behaviour tracking for online shops."""


for command in (
    serve,
    demo,
    site,
    token,
    signin_link,
    customer,
    export,
    import_history,
    forget,
    quarantine,
    rebuild,
    backup,
    restore,
    doctor,
):
    footfall.add_command(command)


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
    except (FootfallError, OSError, sqlite3.OperationalError) as error:
        return _say(str(error), 1)
    return code if isinstance(code, int) else 0


def _say(message: str, code: int) -> int:
    click.echo(f"footfall: {' '.join(message.split())}", err=True)
    return code
