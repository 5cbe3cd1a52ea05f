"""Checkpoints: which there are, what each can do, where it comes from, and opening it as a model.

`catalogue` looks up an id; `bundled` and the package `hub` provide the files; `validation` decides whether they can be
trusted; `loading` and `tokenizers` open them. Only `catalogue` and `trained` know owners and ids.
"""

from bertdemo.checkpoints.catalogue import Catalogue
from bertdemo.checkpoints.info import Card, CheckpointInfo
from bertdemo.checkpoints.loading import Opened

__all__ = ["Card", "Catalogue", "CheckpointInfo", "Opened"]
