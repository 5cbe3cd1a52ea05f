"""Checkpoints: what there is, what it can do, where it comes from, and opening it as a model.

`catalogue` answers by id; `bundled` and `hub` bring the files; `intake` decides whether they can be trusted;
`models` and `tokenizers` open them. The lower modules know neither owners nor ids of ours.
"""

from bertdemo.checkpoints.catalogue import Catalogue
from bertdemo.checkpoints.info import Card, CheckpointInfo, DownloadProgress
from bertdemo.checkpoints.models import Opened

__all__ = ["Card", "Catalogue", "CheckpointInfo", "DownloadProgress", "Opened"]
