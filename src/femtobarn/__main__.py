"""``python -m femtobarn``."""

from femtobarn.cli import main

main()
