"""Runs `python -m services.NAME migrate` for several services: python -m deploy.local.migrate NAME...

The libraries that all of them need take two seconds to import; here that is done once, and each service then runs in a
fork. NAME_DATABASE_URL, in capitals, says where.
"""

import os
import runpy
import sys
import traceback

import chassis.main  # noqa: F401 - imported before the forks, which is the purpose


def main() -> None:
    """Migrate all at the same time; fail if one fails."""
    children = {_fork(name): name for name in sys.argv[1:]}
    failed = []
    for child, name in children.items():
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != 0:
            failed.append(name)
    sys.exit(f"not migrated: {', '.join(failed)}" if failed else 0)


def _fork(name: str) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.environ["DATABASE_URL"] = os.environ[f"{name.upper()}_DATABASE_URL"]
        sys.argv = [f"services.{name}", "migrate"]
        runpy.run_module(f"services.{name}", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - a fork must end here, whatever happened
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
