"""What the server keeps of each page that is open: what differs from the page that everybody gets, and no more.

Gradio 6.31 makes a `SessionState` for every session hash that any request names. It describes all components in it,
0.6 MB for this page, and keeps the last 10,000. Here a session holds the components that an update has changed, which
it shares with all sessions that have the same ones, and the values of its gr.State. One that holds neither is gone
when its request ends, so that a program that calls an endpoint leaves nothing behind, whatever hash it names.

The description is only read to make a deep link, which this app does not offer: `/deep_link` gives an empty one.

These are subclasses of what Gradio keeps private, put in place as the server starts (`light_sessions`);
`tests/ui/test_sessions.py` fails when a new Gradio has other ones.
"""

from __future__ import annotations

import datetime
import time
from collections import ChainMap, OrderedDict, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast
from weakref import WeakSet, WeakValueDictionary

from gradio.blocks import Block, Blocks, BlocksConfig
from gradio.components import State
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder

# How long a page that was closed keeps what it holds, for a browser that comes back; as long as in Gradio.
_SECONDS_WHEN_CLOSED = 3600
_NEVER = 100 * 365 * 86_400


@asynccontextmanager
async def light_sessions(app: App) -> AsyncIterator[None]:
    """Let an app of Gradio keep its sessions as this module does; its lifespan, before the first request."""
    holder = Sessions()
    holder.set_blocks(app.get_blocks())
    app.state_holder = holder
    yield


class SharedComponents:
    """The components that sessions have in place of the page's own, each once for all sessions that have its like.

    A change of language alone replaces hundreds of components, by the same ones in every session.
    """

    def __init__(self) -> None:
        # Weak, so that what only one session had goes with it.
        self._by_id: defaultdict[int, WeakSet[Block]] = defaultdict(WeakSet)

    def same_as(self, key: int, component: Block) -> Block:
        """Return a component with the same properties that a session has already, else this one."""
        for other in self._by_id[key]:
            if _are_alike(component, other):
                return other
        self._by_id[key].add(component)
        return component


def _are_alike(one: Block, other: Block) -> bool:
    try:
        return type(one) is type(other) and bool(one.constructor_args == other.constructor_args)
    except ValueError:  # properties without a truth value, such as arrays
        return False


class Session(SessionState):
    """One open page; `keep` is called when it holds something that must outlive the request."""

    def __init__(self, blocks: Blocks, shared: SharedComponents, keep: Callable[[Session], None]) -> None:
        # Not the constructor of the base class, which describes all components.
        default = blocks.default_config
        self.blocks_config = BlocksConfig(default.root_block)
        # Reads the page's own components, and writes beside them.
        self.blocks_config.blocks = ChainMap({}, default.blocks)  # type: ignore[assignment]
        # Only gr.render, which this app does not use, adds a listener to a session.
        self.blocks_config.fns = default.fns
        self.blocks_config.fn_id = default.fn_id
        self.config_values: dict[int, dict[str, Any]] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, tuple[float, datetime.datetime]] = {}
        self._closed_at: float | None = None
        self.STATE_TTL_WHEN_CLOSED = _NEVER  # the values of a page that was closed go together: see `is_over`
        self._shared = shared
        self._keep = keep

    def __setitem__(self, key: int, value: Any) -> None:
        """Take the value of a gr.State, or the component that an update has made."""
        block = self.blocks_config.blocks.get(key)
        if isinstance(block, State):
            self._state_ttl[key] = (block.time_to_live, datetime.datetime.now())
            self.state_data[key] = value
        else:
            self.blocks_config.blocks[key] = self._shared.same_as(key, value)
        self._keep(self)

    def _update_config(self, key: int) -> None:
        """Describe nothing; see the module."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Do not keep what a visitor has typed or was answered."""

    @property
    def components(self) -> Iterator[dict[str, Any]]:
        """Return none: there is no deep link to make of them."""
        return iter(())

    @property
    def is_closed(self) -> bool:
        """Whether the connection that an open page holds has ended."""
        return self._closed_at is not None

    @is_closed.setter
    def is_closed(self, closed: bool) -> None:
        self._closed_at = time.monotonic() if closed else None

    @property
    def is_over(self) -> bool:
        """Whether the page was closed and has asked for nothing since, for as long as it is kept."""
        return self._closed_at is not None and time.monotonic() - self._closed_at > _SECONDS_WHEN_CLOSED


class Sessions(StateHolder):
    """All sessions: those that hold something by name, the others only while a request uses them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._shared = SharedComponents()
        self._in_use: WeakValueDictionary[str, Session] = WeakValueDictionary()

    def __getitem__(self, session_id: str) -> Session:
        """Return the session of this hash, a new one where there is none."""
        with self.lock:
            session = self._kept.get(session_id) or self._in_use.get(session_id)
            if session is None:
                session = Session(self.blocks, self._shared, partial(self._keep, session_id))
                self._in_use[session_id] = session
            elif session_id in self.session_data:
                self.session_data.move_to_end(session_id)
                if session.is_closed:  # a page whose connection was cut goes on, and its time begins again
                    session.is_closed = True
            return session

    def delete_all_expired_state(self) -> None:
        """Drop the sessions that are over, and of the others the values whose own time has passed."""
        super().delete_all_expired_state()  # type: ignore[no-untyped-call]
        for session_id in [session_id for session_id, session in list(self._kept.items()) if session.is_over]:
            self.delete_state(session_id)
            with self.lock:
                self.session_data.pop(session_id, None)

    @property
    def _kept(self) -> OrderedDict[str, Session]:
        return cast("OrderedDict[str, Session]", self.session_data)

    def _keep(self, session_id: str, session: Session) -> None:
        with self.lock:
            self.session_data[session_id] = session
            self.session_data.move_to_end(session_id)
            while len(self.session_data) > self.capacity:
                self.session_data.popitem(last=False)
