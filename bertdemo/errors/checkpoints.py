"""A checkpoint that cannot be found, downloaded or trusted."""

from __future__ import annotations

from bertdemo.errors.base import CheckpointError


class CheckpointUnknown(CheckpointError):
    """No checkpoint of that id for this owner."""

    key, params = "checkpoint_unknown", ("checkpoint",)


class CheckpointIdMalformed(CheckpointError):
    """An id that is not of the form owner/name."""

    key, params = "checkpoint_id_malformed", ("checkpoint",)


class HubNotFound(CheckpointError):
    """The Hub has no such repository, or it is private."""

    key, params = "hub_not_found", ("checkpoint",)


class HubGated(CheckpointError):
    """The repository is gated: the Hub requires a login or accepted terms."""

    key, params = "hub_gated", ("checkpoint",)


class HubNotBert(CheckpointError):
    """The repository holds another architecture."""

    key, params = "hub_not_bert", ("checkpoint", "model_type")


class HubNoSafetensors(CheckpointError):
    """The repository has no model.safetensors."""

    key, params = "hub_no_safetensors", ("checkpoint",)


class HubNoTokenizer(CheckpointError):
    """The repository has neither tokenizer.json nor vocab.txt."""

    key, params = "hub_no_tokenizer", ("checkpoint",)


class HubTooLarge(CheckpointError):
    """The weights are larger than this server downloads."""

    key, params = "hub_too_large", ("checkpoint", "size", "limit")


class HubCutOff(CheckpointError):
    """The download was interrupted."""

    key, params = "hub_cut_off", ("checkpoint",)


class HubUnreachable(CheckpointError):
    """The Hub does not answer and the checkpoint is not in the cache."""

    key, params = "hub_unreachable", ("checkpoint",)


class CheckpointBroken(CheckpointError):
    """A file fails its checks (hash, shapes, keys); `file` names it."""

    key, params = "checkpoint_broken", ("checkpoint", "file")


class TokensAddedTooMany(CheckpointError):
    """The tokenizer adds `count` tokens to its vocabulary, which is more than `limit`."""

    key, params = "tokens_added_too_many", ("checkpoint", "count", "limit")


class CheckpointIncomplete(CheckpointError):
    """The weights lack `count` tensors of the encoder; `missing` names the first."""

    key, params = "checkpoint_incomplete", ("checkpoint", "count", "missing")


class HeadMissing(CheckpointError):
    """The checkpoint has no trained head, so it gives no labels."""

    key, params = "head_missing", ("checkpoint",)


class MaskHeadMissing(CheckpointError):
    """The checkpoint has no masked-language-modeling head, so it cannot fill a mask."""

    key, params = "mask_head_missing", ("checkpoint",)


class BaseMissing(CheckpointError):
    """There is no earlier checkpoint to compare this one with."""

    key, params = "base_missing", ("checkpoint",)
