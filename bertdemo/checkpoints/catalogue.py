"""The checkpoints by id and owner: the only access to their facts, their folders and their tokenizers.

    bundled              the model installed with the app
    owner/name           a BERT on the Hub, or in the cache of it
    local:<folder name>  a folder that the operator offers
    anything else        a checkpoint trained here, visible to its owner only

Nothing here imports torch or transformers, so a list and a tokenizer are available before their import.
"""

from __future__ import annotations

import builtins
import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from bertdemo.checkpoints import bundled, encoder_decoder, folder_checks, head_detection, hub_models, validation
from bertdemo.checkpoints.folder_checks import HubChecks
from bertdemo.checkpoints.info import (
    PUBLIC,
    Capability,
    Card,
    CheckpointInfo,
    Language,
    Source,
    split_capabilities,
)
from bertdemo.checkpoints.mean_pooling_head import ARCHITECTURE as MEAN_LINEAR
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.checkpoints.trained import ID, Trained
from bertdemo.checkpoints.validation import Vetted
from bertdemo.errors import CheckpointBroken, CheckpointError, CheckpointIdMalformed, CheckpointUnknown
from bertdemo.hub.model_files import CONFIG_FILE, WEIGHTS_FILE
from bertdemo.hub.models import Hub
from bertdemo.hub.progress import OnProgress
from bertdemo.processes import file_sha256
from bertdemo.settings import Settings

_LOCAL = "local:"
# Tokenizers that are kept, the last used ones.
_KEPT_TOKENIZERS = 8
# Checks of folders that are kept, the newest: some 50 kB each, and a check reads a few kB.
_KEPT_VETTED = 512
# How long the facts of a model on the Hub are reused: the page needs them at each key press.
_REMEMBERED_SECONDS = 600.0
# The same for a failure: an unreachable Hub costs 5 s each time, and in a minute it may be back.
_REFUSED_SECONDS = 60.0
_REMEMBERED_IDS = 64
# Age of a draft that no process can still be writing.
_STALE_SECONDS = 24 * 3600.0
_LOG = logging.getLogger(__name__)

_T = TypeVar("_T")
# A folder, and the times and sizes of its files: it changes when they do.
_State = tuple[object, ...]


class Catalogue:
    """All checkpoints that these settings reach. Safe to use from many threads.

    An owner of None stands for the dispatcher and its workers: they act for an owner whose access to a checkpoint was
    checked when the run was queued, and whose key they never see.
    """

    def __init__(self, settings: Settings) -> None:
        self._local = {f"{_LOCAL}{folder.name}": folder for folder in reversed(settings.checkpoint_folders)}
        self._hub = Hub(settings, HubChecks())
        self._trained = Trained(settings)
        self._lock = threading.Lock()
        self._tokenizers: OrderedDict[_State, SharedTokenizer] = OrderedDict()
        self._vetted: dict[_State, Vetted] = {}
        self._remote: dict[str, tuple[float, CheckpointInfo]] = {}
        self._refused: dict[str, tuple[float, CheckpointError]] = {}
        """Hub id -> until when its failure is raised again without asking, and the failure. A download always asks."""

    def list(self, owner: str) -> builtins.list[CheckpointInfo]:
        """Return the bundled checkpoint, this owner's trained ones (newest first), local folders, well-known Hub BERTs.

        No network. A broken local or trained folder is left out and logged.
        """
        ids = [card.id for card in self._trained.cards(owner)] + sorted(self._local)
        infos = [bundled.info()]
        for checkpoint in ids:
            try:
                infos.append(self.describe(checkpoint, owner))
            except CheckpointError as error:
                _LOG.warning("checkpoint %s left out: %s", checkpoint, error)
        return infos + [self._describe_known(repo_id) for repo_id, bert in hub_models.KNOWN.items() if bert.listed]

    def describe(self, checkpoint: str, owner: str | None) -> CheckpointInfo:
        """Return the facts of one checkpoint; for a Hub id that is neither known nor cached, the Hub is asked.

        Raises CheckpointUnknown, CheckpointIdMalformed, CheckpointBroken, or what `Hub.inspect` raises.
        """
        if checkpoint == bundled.ID:
            return bundled.info()
        if checkpoint in self._local:
            return self._from_folder(checkpoint, "local", self._local[checkpoint])
        if checkpoint in hub_models.KNOWN:
            return self._describe_known(checkpoint)
        if "/" in checkpoint:
            cached = self._hub.cached(checkpoint)
            return self._from_folder(checkpoint, "hub", cached) if cached else self._from_hub(checkpoint)
        folder, card = self._find(checkpoint, owner)
        return self._from_card(card, folder)

    def folder(self, checkpoint: str, owner: str | None, on_progress: OnProgress | None = None) -> Path:
        """Return the verified folder of a checkpoint, downloading it from the Hub where it is not cached.

        Raises what `describe` raises, HubCutOff and DiskFull. `on_progress` is called in the calling thread.
        """
        if checkpoint == bundled.ID:
            return bundled.verified()  # hashed once per process
        folder = self._location(checkpoint, owner) or self._hub.fetch(checkpoint, on_progress)
        self._vet(folder, checkpoint)
        return folder

    def tokenizer(self, checkpoint: str, owner: str | None) -> SharedTokenizer:
        """Return the shared tokenizer of a checkpoint. Of one on the Hub only the small files are downloaded.

        Raises what `folder` raises, and CheckpointBroken where it has ids without a word embedding in the model.
        """
        folder = self._location(checkpoint, owner, weights=False)
        if folder is None:
            folder = self._unless_refused(checkpoint, lambda repo_id: self._hub.fetch(repo_id, weights=False))
        return self._tokenizer_in(folder, checkpoint)

    def card(self, checkpoint: str, owner: str | None) -> Card | None:
        """Return the card of a trained checkpoint, None for any other. Raises CheckpointUnknown."""
        if checkpoint == bundled.ID or "/" in checkpoint or checkpoint.startswith(_LOCAL):
            return None
        return self._find(checkpoint, owner)[1]

    def owns(self, checkpoint: str, owner: str | None) -> bool:
        """Return whether this is a checkpoint that this owner trained."""
        return self._trained.owns(checkpoint, owner)

    def reads(self, checkpoint: str, owner: str | None) -> bool:
        """Return whether this is a trained checkpoint that this owner may use."""
        return self._trained.reads(checkpoint, owner)

    def origin(self, checkpoint: str, owner: str | None) -> tuple[str, str | None]:
        """Return the SHA-256 of the weights and the Hub commit (None elsewhere) of a checkpoint on this machine."""
        folder = self.folder(checkpoint, owner)
        commit = folder.name if "/" in checkpoint else None
        return (bundled.SHA256 if checkpoint == bundled.ID else file_sha256(folder / WEIGHTS_FILE)), commit

    def is_hub_id(self, checkpoint: str) -> bool:
        """Return whether this has the form of an id on the Hub; does not ask whether it exists."""
        try:
            return bool(self._hub.check_id(checkpoint))
        except CheckpointIdMalformed:
            return False

    def can_fetch(self, repo_id: str) -> bool:
        """Return whether the Hub would provide this checkpoint; False also where it does not answer within seconds."""
        try:
            self._hub.inspect(repo_id)
        except CheckpointError:
            return False
        return True

    def new_draft(self) -> Path:
        """Return an empty folder to write a checkpoint into, for `save`."""
        # Here, because a process that was killed while it wrote cannot tidy up itself.
        self._trained.sweep(_STALE_SECONDS)
        return self._trained.new_draft()

    def save(self, draft: Path, card: Card) -> None:
        """Publish a finished draft under the card's id in one step; the draft is gone afterwards.

        The draft holds config.json, model.safetensors, a tokenizer and, where there was a new head,
        head_at_start.safetensors; card.json is written here. Raises CheckpointBroken where they do not fit,
        FileExistsError where another run has that id.
        """
        self._trained.save(draft, card)

    def rename(self, checkpoint: str, owner: str | None, name: str) -> None:
        """Give a checkpoint that this owner trained another name; raises CheckpointUnknown for any other id."""
        self._trained.rename(checkpoint, owner, name)

    def delete(self, checkpoint: str, owner: str | None) -> None:
        """Remove a checkpoint that this owner trained; raises CheckpointUnknown for any other id."""
        self._trained.delete(checkpoint, owner)

    def _find(self, checkpoint: str, owner: str | None) -> tuple[Path, Card]:
        if checkpoint.startswith(_LOCAL):
            raise CheckpointUnknown(checkpoint=checkpoint[:100])
        if not ID.fullmatch(checkpoint):
            raise CheckpointIdMalformed(checkpoint=checkpoint[:100])
        return self._trained.find(checkpoint, owner)

    def _location(self, checkpoint: str, owner: str | None, *, weights: bool = True) -> Path | None:
        """Return the folder of the files, not verified; None for a Hub id that is not in the cache."""
        if checkpoint == bundled.ID:
            return bundled.folder()
        if checkpoint in self._local:
            return self._local[checkpoint]
        if "/" in checkpoint:
            return self._hub.cached(checkpoint) or self._hub.cached(checkpoint, weights=weights)
        return self._find(checkpoint, owner)[0]

    def _tokenizer_in(self, folder: Path, checkpoint: str) -> SharedTokenizer:
        try:
            state = _state(folder, folder / CONFIG_FILE, _tokenizer_file(folder))
        except OSError:
            raise CheckpointBroken(checkpoint=checkpoint, file=_tokenizer_file(folder).name) from None
        with self._lock:
            if state in self._tokenizers:
                self._tokenizers.move_to_end(state)
                return self._tokenizers[state]
        tokenizer = _open_tokenizer(folder, checkpoint)
        # Outside the lock: reading takes a moment, and two threads that read the same file do no harm.
        with self._lock:
            self._tokenizers[state] = tokenizer
            while len(self._tokenizers) > _KEPT_TOKENIZERS:
                self._tokenizers.popitem(last=False)
        return tokenizer

    def _vet(self, folder: Path, checkpoint: str) -> Vetted:
        """Check a folder, once per state of its files."""
        try:
            state = _state(folder, folder / CONFIG_FILE, folder / WEIGHTS_FILE)
        except OSError:
            raise CheckpointBroken(checkpoint=checkpoint, file=WEIGHTS_FILE) from None
        vetted = self._vetted.get(state)
        if vetted is None:
            vetted = folder_checks.check_folder(folder, checkpoint=checkpoint)
            with self._lock:
                self._vetted[state] = vetted
                if len(self._vetted) > _KEPT_VETTED:
                    del self._vetted[next(iter(self._vetted))]
        return vetted

    def _describe_known(self, repo_id: str) -> CheckpointInfo:
        """Return the facts in the table; after a download, with the heads that the file has."""
        info, folder = hub_models.info(repo_id), self._hub.cached(repo_id)
        if folder is None:
            return info
        try:
            weights = self._vet(folder, repo_id).weights
        except CheckpointError:
            return info
        can = set(info.can)
        (can.add if weights.has_mlm_head else can.discard)("fill_mask")
        able, unable = split_capabilities(can)
        return replace(info, can=able, cannot=unable, ready=True, pooling="pooler" if weights.has_pooler else None)

    def _from_folder(self, checkpoint: str, source: Source, folder: Path) -> CheckpointInfo:
        vetted = self._vet(folder, checkpoint)
        tokenizer = self._tokenizer_in(folder, checkpoint)
        info = _from_config(checkpoint, source, vetted, _language(tokenizer))
        return replace(info, cased=None if tokenizer.lowercase is None else not tokenizer.lowercase, ready=True)

    def _from_hub(self, repo_id: str) -> CheckpointInfo:
        """Return the facts from the Hub, or those of a recent request."""
        requested_at, info = self._remote.get(repo_id, (0.0, None))
        if info is None or time.monotonic() - requested_at > _REMEMBERED_SECONDS:
            info = self._unless_refused(repo_id, self._inspected)
            if len(self._remote) >= _REMEMBERED_IDS:
                self._remote.clear()
            self._remote[repo_id] = (time.monotonic(), info)
        return info

    def _unless_refused(self, repo_id: str, ask: Callable[[str], _T]) -> _T:
        """Ask the Hub, or raise the failure of a recent request again."""
        until, refusal = self._refused.get(repo_id, (0.0, None))
        if refusal is not None and time.monotonic() < until:
            raise type(refusal)(**refusal.values)
        try:
            return ask(repo_id)
        except CheckpointError as error:
            if len(self._refused) >= _REMEMBERED_IDS:
                self._refused.clear()
            self._refused[repo_id] = (time.monotonic() + _REFUSED_SECONDS, error.with_traceback(None))
            raise

    def _inspected(self, repo_id: str) -> CheckpointInfo:
        remote = self._hub.inspect(repo_id)
        kind = remote.architecture
        weights = validation.WeightsFacts(
            parameters=validation.parameters(remote.config),
            has_mlm_head=kind in {"BertForMaskedLM", "BertForPreTraining"},
            has_classifier=kind == head_detection.LABELING,
            has_pooler=kind in {"BertModel", "BertForPreTraining", head_detection.LABELING},
            has_mean_head=kind == MEAN_LINEAR,
            shapes={},
        )
        config = head_detection.with_labels(remote.config, weights, kind)
        return _from_config(repo_id, "hub", Vetted(config, weights, kind), "unknown")

    def _from_card(self, card: Card, folder: Path) -> CheckpointInfo:
        info = _from_config(card.id, "trained", self._vet(folder, card.id), card.language)
        labels = card.labels if info.outputs or info.other_head else ()  # the ends of a scale are not labels
        able, unable = split_capabilities({*info.can, "labels"} if labels else set(info.can))
        first = next(iter(card.metrics.values()), {})
        return replace(
            info,
            name=card.name,
            task=card.task,
            labels=labels,
            can=able,
            cannot=unable,
            cased=_cased(folder),
            pooling=card.pooling,
            ready=True,
            base=card.base,
            run=card.run,
            shipped=card.owner == PUBLIC,
            created=card.created,
            metric=first.get("value") if card.evaluated else None,
        )


def _from_config(checkpoint: str, source: Source, vetted: Vetted, language: Language) -> CheckpointInfo:
    """Return the facts in config and weights, which do not tell whether texts are lowercased."""
    config, weights = vetted.config, vetted.weights
    outputs = head_detection.outputs_of(config, weights, vetted.architecture)
    problem = head_detection.problem_of(config.get("problem_type") if outputs else None, len(outputs))
    # The output of a regression is a number, not a label.
    labels = outputs if len(outputs) > 1 and problem != "regression" else ()
    can: set[Capability] = {"tokenize", "embed", "fine_tune"}
    can |= {"labels"} if labels else set()
    can |= {"fill_mask"} if weights.has_mlm_head else set()
    can |= {"chinese"} if language in {"zh", "multilingual"} else set()
    able, unable = split_capabilities(can)
    return CheckpointInfo(
        id=checkpoint,
        name=checkpoint.removeprefix(_LOCAL).rpartition("/")[2],
        source=source,
        task=None,
        labels=labels,
        layers=config["num_hidden_layers"],
        width=config["hidden_size"],
        heads=config["num_attention_heads"],
        parameters=weights.parameters,
        positions=config["max_position_embeddings"],
        vocabulary=config["vocab_size"],
        language=language,
        can=able,
        cannot=unable,
        cased=None,
        pooling="mean" if weights.has_mean_head else "pooler" if weights.has_pooler else None,
        ready=False,
        mean_head=weights.has_mean_head,
        outputs=outputs,
        problem=problem,
        other_head=head_detection.other_head(weights, vetted.architecture),
    )


def _language(tokenizer: SharedTokenizer) -> Language:
    """Recognize Chinese and multilingual vocabularies by their tokens of one Chinese character."""
    han = sum("一" <= token[-1] <= "鿿" for token in tokenizer.vocabulary if token and len(token.lstrip("#")) == 1)
    # bert-base-chinese has 69% of them, the multilingual one 9,000 in a large vocabulary, an English one some 250.
    if han >= 0.3 * len(tokenizer.vocabulary):
        return "zh"
    return "multilingual" if han >= 3_000 else "unknown"


def _open_tokenizer(folder: Path, checkpoint: str) -> SharedTokenizer:
    """Read the tokenizer, and check that the model has a word embedding for each of its ids."""
    raw = validation.read_config(folder / CONFIG_FILE, checkpoint=checkpoint)
    config = validation.clean_config(encoder_decoder.encoder_config(raw), checkpoint=checkpoint)
    try:
        tokenizer = SharedTokenizer.from_folder(folder)
    except CheckpointBroken as error:
        raise CheckpointBroken(checkpoint=checkpoint, file=error.values["file"]) from None
    if max(tokenizer.vocabulary.values()) >= config["vocab_size"]:
        raise CheckpointBroken(checkpoint=checkpoint, file=_tokenizer_file(folder).name)
    return tokenizer


def _tokenizer_file(folder: Path) -> Path:
    path = folder / "tokenizer.json"
    return path if path.is_file() else folder / "vocab.txt"


def _cased(folder: Path) -> bool | None:
    """Return whether a tokenizer is cased, from one scalar: a list may have hundreds of trained checkpoints."""
    try:
        raw = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    lower = raw.get("do_lower_case") if isinstance(raw, dict) else None
    return None if lower is None else not lower


def _state(folder: Path, *paths: Path) -> _State:
    """Return the state of these files in a folder; OSError where one is missing."""
    stats = [path.stat() for path in paths]
    return (str(folder), *((stat.st_mtime_ns, stat.st_size) for stat in stats))
