"""What can go wrong because of a visitor's request. A leaf is a message key and its parameters, no prose.

    BertDemoError
    ├── InputError        a text, an argument or an id that cannot be used
    ├── TableError        a file that is not a readable table
    ├── DataError         a table that does not fit the task
    ├── ConfigError       settings out of bounds, field by field
    ├── CheckpointError   a checkpoint that cannot be found, downloaded or trusted
    ├── RunError          a run that cannot be started, found or changed
    ├── StartError        the server cannot start where and how it was told to
    └── ServerBusy        the server has no capacity for the request now

The message of a leaf is in `i18n/locales` under `error.<key>`, with exactly the placeholders named in `params`.
Anything that is not a BertDemoError is a bug: it is logged with its traceback and shown as an error id.
A new error is its class, in the file of its branch, and two locale keys; nothing is listed here.
"""

from bertdemo.errors.base import *
from bertdemo.errors.checkpoints import *
from bertdemo.errors.configs import *
from bertdemo.errors.data import *
from bertdemo.errors.inputs import *
from bertdemo.errors.runs import *
from bertdemo.errors.server import *
from bertdemo.errors.studies import *
from bertdemo.errors.tables import *
