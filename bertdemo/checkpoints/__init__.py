"""Checkpoints: what there is, what it can do, where it comes from, and opening it as a model.

`catalogue` answers by id; `bundled` and the package `hub` bring the files; `validation` decides whether they can be
trusted; `loading` and `tokenizers` open them. The lower modules know neither owners nor ids of ours.
"""

from bertdemo.checkpoints.catalogue import Catalogue
from bertdemo.checkpoints.info import Card, CheckpointInfo
from bertdemo.checkpoints.loading import Opened

__all__ = ["Card", "Catalogue", "CheckpointInfo", "Opened"]
