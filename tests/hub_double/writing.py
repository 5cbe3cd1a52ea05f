"""The half of the double that is written to: who is signed in, repositories that are created, commits, hardware.

It takes the one token TOKEN; everything else is answered as the Hub answers somebody who is not signed in.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TOKEN = "hf_double000000000000"
USER = "someone"
_SPACE = re.compile(r"/api/spaces/([^/]+/[^/]+)/(preupload|commit|tree|hardware|sleeptime)(?:/main)?")
Answer = tuple[int, object]


@dataclass
class Space:
    """One Space: how it was created, its files, what was asked of its hardware."""

    created: Mapping[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)
    hardware: dict[str, Any] = field(default_factory=dict)


class Writing:
    """Spaces by id. `answer` is what the server asks before it looks for files."""

    def __init__(self) -> None:
        self.spaces: dict[str, Space] = {}
        self.validated: list[dict[str, str]] = []
        """Bodies of the requests that had the front matter of a README checked."""

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """Return status and JSON; None for a path of the other half."""
        if path == "/api/validate-yaml":
            return self._validate(json.loads(body))
        space = _SPACE.fullmatch(path)
        if path not in {"/api/whoami-v2", "/api/repos/create"} and space is None:
            return None
        endpoint = f"http://{headers['host']}"
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"error": "Invalid username or password."}
        if path == "/api/whoami-v2":
            return 200, {
                "type": "user",
                "name": USER,
                "fullname": "Someone",
                "orgs": [],
                "auth": {"type": "access_token"},
            }
        if space is None:
            return self._create(json.loads(body), endpoint)
        if space[1] not in self.spaces:
            return 404, {"error": "Repository not found"}
        return self._space(self.spaces[space[1]], space[2], body, f"{endpoint}/spaces/{space[1]}")

    def _validate(self, body: dict[str, str]) -> Answer:
        self.validated.append(body)
        if "\nsdk: " not in body["content"]:
            return 400, {"errors": [{"message": '"sdk" is required'}], "warnings": []}
        return 200, {"errors": [], "warnings": []}

    def _create(self, body: dict[str, Any], endpoint: str) -> Answer:
        repo_id = f"{body.get('organization') or USER}/{body['name']}"
        if repo_id in self.spaces:
            return 409, {"error": "You already created this repo", "url": f"{endpoint}/spaces/{repo_id}"}
        self.spaces[repo_id] = Space(body)
        return 200, {"url": f"{endpoint}/spaces/{repo_id}", "name": repo_id}

    def _space(self, space: Space, what: str, body: bytes, address: str) -> Answer:
        if what == "tree":
            return 200, [
                {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}  # noqa: S324
                for path, data in space.files.items()
            ]
        if what == "preupload":
            files = [
                {"path": it["path"], "uploadMode": "regular", "shouldIgnore": False} for it in json.loads(body)["files"]
            ]
            return 200, {"files": files}
        if what == "commit":
            return self._commit(space, body, address)
        space.hardware |= json.loads(body)
        hardware = {"current": None, "requested": space.hardware.get("flavor")}
        return 200, {"stage": "BUILDING", "hardware": hardware, "gcTimeout": None}

    @staticmethod
    def _commit(space: Space, body: bytes, address: str) -> Answer:
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                space.commits.append(value["summary"])
            elif line["key"] == "file":
                space.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del space.files[value["path"]]
        commit = f"{len(space.commits):040x}"
        return 200, {"success": True, "commitOid": commit, "commitUrl": f"{address}/commit/{commit}", "hookOutput": ""}
