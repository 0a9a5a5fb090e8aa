"""``python -m iceclass.cli`` is ``iceclass``."""

from iceclass.cli.main import main

main()
