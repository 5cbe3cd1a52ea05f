"""`make space`: create or update the Space of the signed-in user with what git has of this repository.

    make space                                   a private Space `bertdemo` on the hardware that the account gets
    make space NAME=lab HARDWARE=t4-small SLEEP=600 PUBLIC=1

The access token is the one of `hf auth login` (or HF_TOKEN); it goes to the Hub alone and is printed nowhere.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.checkout import commit, export

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# What an access token looks like, wherever a library may have put one into a message.
_TOKEN = re.compile(r"hf_[A-Za-z0-9]{4,}")


@dataclass(frozen=True)
class Wanted:
    """What the Space is to be."""

    name: str = "bertdemo"
    """Its name, or owner/name for one of an organization."""
    hardware: str = ""
    """A flavor of the Hub, such as `zero-a10g` or `t4-small`; "" leaves it as it is."""
    sleep_seconds: int | None = None
    """Seconds without a visitor after which paid hardware is given back; None leaves it as it is."""
    public: bool = False


def publish(api: HfApi, wanted: Wanted, folder: Path, told: str) -> str:
    """Upload the folder as one commit with the message `told`; return the address of the Space.

    Files of an earlier upload that are no longer there are deleted. Raises what huggingface_hub raises.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    owner = api.whoami()["name"]
    repo_id = wanted.name if "/" in wanted.name else f"{owner}/{wanted.name}"
    api.create_repo(repo_id, repo_type="space", space_sdk="gradio", private=not wanted.public, exist_ok=True)
    # In one commit, unlike upload_folder: a Space is built of each, and must not be built of half the files.
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    gone = set(api.list_repo_files(repo_id, repo_type="space")) - set(files)
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=path) for name, path in files.items()),
        *(CommitOperationDelete(path_in_repo=name) for name in sorted(gone)),
    ]
    api.create_commit(repo_id, operations, repo_type="space", commit_message=told)
    # After the upload: a change of hardware restarts the Space, which should start with these files.
    if wanted.hardware:
        api.request_space_hardware(repo_id, wanted.hardware, sleep_time=wanted.sleep_seconds)
    elif wanted.sleep_seconds is not None:
        api.set_space_sleep_time(repo_id, wanted.sleep_seconds)
    return f"{api.endpoint}/spaces/{repo_id}"


def main(arguments: Sequence[str], api: HfApi | None = None) -> int:
    """Publish what HEAD has; `api` is a test's."""
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    parser = argparse.ArgumentParser(prog="make space")
    parser.add_argument("--name", default=Wanted.name)
    parser.add_argument("--hardware", default="")
    parser.add_argument("--sleep", type=int, default=None)
    parser.add_argument("--public", action="store_true")
    options = parser.parse_args(arguments)
    if api is None and get_token() is None:
        print("Nobody is signed in to the Hugging Face Hub: run `.venv/bin/hf auth login` first.", file=sys.stderr)  # noqa: T201
        return 1
    wanted = Wanted(options.name, options.hardware, options.sleep, options.public)
    try:
        with tempfile.TemporaryDirectory() as name:
            address = publish(api or HfApi(), wanted, export(Path(name) / "app"), f"bertdemo {commit()}")
    except (HfHubHTTPError, OSError, ValueError) as error:
        print(f"The Space was not updated: {_TOKEN.sub('hf_…', str(error))}", file=sys.stderr)  # noqa: T201
        return 1
    print(address)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
