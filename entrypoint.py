"""The container's entry: ``action.yml`` → ``Dockerfile`` → here → :mod:`gto_ci.cli.action`."""

import sys

try:
    from gto_ci.cli.action import main
except Exception as error:
    # a broken image: say so on the run's page too, before the traceback in the log
    reason = " ".join(f"{type(error).__name__}: {error}".replace("%", "%25").split())
    sys.stdout.write(f"::error title=gto-ci::The action cannot start: {reason}. Please report it\n")
    raise

if __name__ == "__main__":
    main()
