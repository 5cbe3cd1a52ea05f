"""A text, an argument or an id that cannot be used."""

from __future__ import annotations

from bertdemo.errors.base import InputError


class TextTooLong(InputError):
    """A text in a box is longer than the limit."""

    key, params = "text_too_long", ("chars", "limit")


class TextMissing(InputError):
    """Nothing was typed where a text is needed."""

    key = "text_missing"


class PairNotRead(InputError):
    """A second text for a model that reads one."""

    key, params = "pair_not_read", ("task",)


class PairMissing(InputError):
    """The task takes two texts and got one."""

    key = "pair_missing"


class MaskMissing(InputError):
    """A text for fill-mask has no [MASK]."""

    key = "mask_missing"


class TooManyTexts(InputError):
    """More texts in one call than allowed."""

    key, params = "too_many_texts", ("count", "limit")


class DocumentsMissing(InputError):
    """A search without a document."""

    key = "documents_missing"


class ArgumentWrong(InputError):
    """An API argument has the wrong type or value."""

    key, params = "argument_wrong", ("name", "expected")


class FileMissing(InputError):
    """An endpoint needs a file and got none."""

    key = "file_missing"


class DataNotChosen(InputError):
    """A button of the page that works on data was pressed before any was chosen."""

    key = "data_not_chosen"


class OwnerUnknown(InputError):
    """The owner key is missing or malformed on a server with several visitors."""

    key = "owner_unknown"


class RequestTooLarge(InputError):
    """The body of a request has more bytes than the server reads of its kind; `limit` with its unit."""

    key, params = "request_too_large", ("limit",)


class TextFieldsTooLarge(InputError):
    """An upload has more text beside its files than the server reads; `limit` with its unit."""

    key, params = "text_fields_too_large", ("limit",)


class TooManyParts(InputError):
    """An upload has more files and fields than the server takes at once."""

    key, params = "too_many_parts", ("limit",)


class UploadMalformed(InputError):
    """The body of an upload is no multipart form."""

    key = "upload_malformed"
