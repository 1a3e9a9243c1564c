"""PostgreSQL refuses to run as root: who runs it then, and where that user may read and write."""

import hashlib
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.problem import Problem

# A clone may lie under a folder that only root can enter, so root's PostgreSQL lives here.
SHARED_PLACE: Final = Path("/var/tmp/bapas-root")  # noqa: S108 - made by root for root, checked before each use
ORIGIN_NAME: Final = "origin"


@dataclass(frozen=True, slots=True)
class User:
    """The user a program runs as."""

    name: str
    uid: int
    gid: int


def user_for_postgres() -> User | None:
    """An ordinary user if this is root, else None: the same user."""
    if os.geteuid() != 0:
        return None
    others = sorted(
        (entry for entry in pwd.getpwall() if entry.pw_uid != 0), key=lambda entry: entry.pw_name != "nobody"
    )
    if not others:
        message = "PostgreSQL does not run as root, and this machine has no other user: create one (useradd postgres)."
        raise Problem(message)
    return User(others[0].pw_name, others[0].pw_uid, others[0].pw_gid)


def folder_for(state: Path, *, user: User | None) -> Path:
    """Where the data of this state folder lies: inside it, or for root in a folder that the other user can enter."""
    state.mkdir(parents=True, exist_ok=True)
    if user is None:
        return state
    place = shared_place() / "data"
    place.mkdir(mode=0o755, exist_ok=True)
    forget_orphans(place)
    mine = place / hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:16]
    mine.mkdir(mode=0o755, exist_ok=True)
    (mine / ORIGIN_NAME).write_text(str(state.resolve()))
    return mine


def forget_orphans(place: Path) -> None:
    """Remove data whose state folder is gone: its clone was deleted without `make clean`."""
    for folder in place.iterdir():
        origin = folder / ORIGIN_NAME
        if origin.exists() and not Path(origin.read_text()).exists():
            shutil.rmtree(folder, ignore_errors=True)


def shared_place() -> Path:
    """Root's own folder in a place that every user may enter."""
    SHARED_PLACE.mkdir(mode=0o755, exist_ok=True)
    found = SHARED_PLACE.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        message = f"{SHARED_PLACE} is not a folder that only root may write: look at it and remove it."
        raise Problem(message)
    SHARED_PLACE.chmod(0o755)
    return SHARED_PLACE


def hand_over(path: Path, *, user: User | None) -> None:
    """Give a file or an empty folder to the user."""
    if user is not None:
        os.chown(path, user.uid, user.gid)
