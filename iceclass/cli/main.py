"""The ``iceclass`` command: finds subcommands when they are called, and turns errors into words."""

from __future__ import annotations

import atexit
import gc
import sys
from contextlib import nullcontext
from importlib import import_module
from typing import Any

import click

from iceclass._version import __version__
from iceclass.cli.start import nothing_collected
from iceclass.cli.words import message_of
from iceclass.errors import IceclassError, unknown_name

COMMANDS = {
    "label": "Label every molecule of a trajectory with its phase.",
    "view": "Show a labelled trajectory as one HTML page.",
    "measure": "Measure interfaces, nuclei, surface layers and stacking.",
    "generate": "Build ice structures and, with --md, simulate phases of water.",
    "check": "Accept or reject simulated trajectories by physics.",
    "pack": "Pack simulated trajectories into a compact data set.",
    "environments": "Simulate what a plan lists, and pack what is accepted.",
    "augment": "Vary training trajectories, for a robust model.",
    "featurize": "Turn trajectories into a feature store.",
    "train": "Train a network on a feature store.",
    "evaluate": "Test a model on trajectories or features of known phase.",
    "validate": "Test a model where people look: interfaces, other ices, perturbations.",
    "explain": "Attribute a model's decisions to its features.",
    "crystals": "Curate crystal structures from CIF files, and relax them.",
    "models": "List the models, or print the card of one.",
    "bench": "Time descriptors and labelling against their references.",
    "info": "Tell what a trajectory, feature store or model holds.",
}
"""Command → one-line help, so that ``iceclass --help`` imports none of them."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = f"iceclass.cli.{cmd_name}"
        with nullcontext() if name in sys.modules else nothing_collected():
            command: click.Command = import_module(name).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(str(unknown_name("command", args[0], COMMANDS)))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


atexit.register(gc.freeze)  # an ending program need not look for cycles, 0.3 s among LLVM's objects


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="iceclass")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Tell, molecule by molecule, which phase of water a simulation holds.

    Example: iceclass label traj.lammpstrj
    """


def main(
    arguments: list[str] | None = None, group: click.Group = cli, name: str = "iceclass"
) -> None:
    """Run a command line and exit: 0 done, 1 the work failed, 2 wrong usage or input.

    The one place where exceptions become messages.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    # accepted anywhere, since that is where people add it
    arguments = [a for a in arguments if a != "--debug"]
    try:
        status: Any = group.main(args=arguments, prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", 130, debug)
    except IceclassError as error:
        _fail(message_of(error), error.exit_code, debug)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except MemoryError:
        _fail("not enough memory", 1, debug)
    except OSError as error:
        _fail(str(error), 1, debug)
    except Exception as error:
        if debug:
            raise
        _fail(f"internal error: {error!r}; run again with --debug and report it", 1, debug)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int, debug: bool) -> None:
    """Print the message, with the traceback if asked, and exit."""
    if debug:
        import traceback

        traceback.print_exc()
    click.echo(f"Error: {message}", err=True)
    sys.exit(status)
