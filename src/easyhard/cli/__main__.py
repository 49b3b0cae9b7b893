"""``python -m easyhard.cli``: the console script by another way."""

from easyhard.cli import main

main()
