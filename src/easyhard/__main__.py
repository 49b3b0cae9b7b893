"""``python -m easyhard`` is the command line."""

from easyhard.cli import main

main()
