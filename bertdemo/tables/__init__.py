"""An uploaded file as a table of text: parse options, the sandbox that reads it, formats, columns on disk."""
