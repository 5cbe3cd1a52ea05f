"""The real app in a real browser: a server as a child process, Chromium, and what a person sees."""
