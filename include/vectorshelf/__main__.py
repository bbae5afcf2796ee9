"""`python -m vectorshelf` is the `vectorshelf` command."""

from vectorshelf.cli import main

main()
