"""The container's entry: ``action.yml`` → ``Dockerfile`` → here → :mod:`gto_ci.cli.action`."""

from gto_ci.cli.action import main

if __name__ == "__main__":
    main()
