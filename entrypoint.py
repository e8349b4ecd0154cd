"""The container's entry point: ``action.yml`` → ``Dockerfile`` → this file → :mod:`gto_ci.cli.action`."""

import sys

try:
    from gto_ci.cli.action import main
except Exception as error:
    # The image is broken. The run's page shows this error; the traceback is only in the log.
    reason = " ".join(f"{type(error).__name__}: {error}".replace("%", "%25").split())
    sys.stdout.write(f"::error title=gto-ci::The action cannot start: {reason}. Please report it\n")
    raise

if __name__ == "__main__":
    main()
